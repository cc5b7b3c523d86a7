-- OCSP, step by step; role cairn_ca has no other way to write it. Whoever has the lease of an issuer's answers signs them; certificates of
-- responders are on record before they are signed (D-60, F-40).

-- The issuer has OCSP from now on. Revocations are looked at from the first on, as some may have passed unseen while it was off.
CREATE OR REPLACE FUNCTION ca.register_ocsp(p_issuer text, p_url text, p_name_sha1 bytea, p_key_sha1 bytea, p_name_sha256 bytea,
	p_key_sha256 bytea, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	before ca.ocsp_issuer;
BEGIN
	PERFORM FROM ca.issuer i WHERE i.name = p_issuer FOR NO KEY UPDATE; -- one instance at a time
	SELECT o.* INTO before FROM ca.ocsp_issuer o WHERE o.issuer = p_issuer;
	IF before.active AND before.url = p_url THEN
		RETURN;
	END IF;
	INSERT INTO ca.ocsp_issuer AS o (issuer, url, active, name_sha1, key_sha1, name_sha256, key_sha256)
		VALUES (p_issuer, p_url, true, p_name_sha1, p_key_sha1, p_name_sha256, p_key_sha256)
		ON CONFLICT (issuer) DO UPDATE SET active = true, url = p_url,
			revoked_until = CASE WHEN o.active THEN o.revoked_until ELSE '-infinity' END;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'ocsp.on', NULL, NULL, NULL, NULL,
		jsonb_build_object('issuer', p_issuer, 'url', p_url));
END $$;

CREATE OR REPLACE FUNCTION ca.end_ocsp(p_issuer text, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE ca.ocsp_issuer o SET active = false WHERE o.issuer = p_issuer AND o.active;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'ocsp.off', NULL, NULL, NULL, NULL,
			jsonb_build_object('issuer', p_issuer));
	END IF;
END $$;

-- Certificates that have no row yet get one, so many at a time. One is known from the moment that its bytes stand: its serial is assigned,
-- and a precertificate of it may be public (E-36, D-55). Ids are made at most seconds before their rows are visible, so the last two
-- minutes are looked at again.
CREATE OR REPLACE FUNCTION ca.enrol_ocsp(p_issuer text, p_most int8) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	start uuid;
	behind uuid := cairn.id_at(clock_timestamp() - interval '2 min');
	last uuid;
	n int8;
BEGIN
	SELECT o.enrolled INTO STRICT start FROM ca.ocsp_issuer o WHERE o.issuer = p_issuer FOR UPDATE;
	WITH new AS (
		SELECT c.id, c.serial, c.not_after FROM ca.certificate c WHERE c.id >= start AND c.issuer = p_issuer AND c.not_after > now()
			AND (c.der IS NOT NULL OR c.lease_until IS NOT NULL OR EXISTS (SELECT FROM ca.precertificate p WHERE p.certificate_id = c.id))
			AND NOT EXISTS (SELECT FROM ca.ocsp o WHERE o.issuer = p_issuer AND o.serial = c.serial) ORDER BY c.id LIMIT p_most),
	added AS (
		INSERT INTO ca.ocsp (issuer, serial, not_after, due_at) SELECT p_issuer, new.serial, new.not_after, '-infinity' FROM new
			ON CONFLICT DO NOTHING)
	SELECT count(*), (array_agg(new.id ORDER BY new.id DESC))[1] INTO n, last FROM new;
	UPDATE ca.ocsp_issuer o SET enrolled = greatest(start, CASE WHEN n < p_most THEN behind ELSE least(last, behind) END)
		WHERE o.issuer = p_issuer;
END $$;

-- Answers that do not tell of a revocation, or not as it is recorded now, are due at once: p_most of them, the earliest first. Where there are
-- more, or a transaction is still under way that may have changed one, the next round begins there again. changed_at is taken a moment before
-- the transaction gets its number, if it is its first change: hence the ten seconds.
CREATE OR REPLACE FUNCTION ca.note_revoked_ocsp(p_issuer text, p_most int8) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o ca.ocsp_issuer;
	snapshot pg_snapshot := pg_current_snapshot();
	at timestamptz := clock_timestamp() - interval '10 s';
	visible timestamptz;
	last timestamptz;
	n int8;
BEGIN
	SELECT i.* INTO STRICT o FROM ca.ocsp_issuer i WHERE i.issuer = p_issuer;
	visible := CASE WHEN pg_snapshot_xmin(snapshot) >= o.safe_xid THEN greatest(o.safe_at, o.revoked_until) ELSE o.revoked_until END;
	WITH meant AS (SELECT v.serial, v.changed_at FROM ca.crl_shard s CROSS JOIN LATERAL (SELECT r.serial, r.changed_at FROM ca.revocation r
			JOIN ca.ocsp a ON a.issuer = p_issuer AND a.serial = r.serial AND a.due_at > '-infinity'
				AND (a.reason, a.revoked_at) IS DISTINCT FROM (r.reason, date_trunc('second', r.revoked_at))
			WHERE r.issuer = s.issuer AND r.crl_shard = s.shard AND r.changed_at >= o.revoked_until ORDER BY r.changed_at LIMIT p_most) v
			WHERE s.issuer = p_issuer ORDER BY v.changed_at LIMIT p_most),
		marked AS (UPDATE ca.ocsp a SET due_at = '-infinity' FROM meant m WHERE a.issuer = p_issuer AND a.serial = m.serial)
	SELECT count(*), max(m.changed_at) INTO n, last FROM meant m;
	UPDATE ca.ocsp_issuer i SET revoked_until = CASE WHEN n < p_most THEN visible ELSE greatest(least(last, visible), o.revoked_until) END,
		safe_at = CASE WHEN pg_snapshot_xmin(snapshot) >= o.safe_xid THEN at ELSE o.safe_at END,
		safe_xid = CASE WHEN pg_snapshot_xmin(snapshot) >= o.safe_xid THEN pg_snapshot_xmax(snapshot) ELSE o.safe_xid END
		WHERE i.issuer = p_issuer;
END $$;
DROP FUNCTION IF EXISTS ca.note_revoked_ocsp(text);

-- The duty, and the certificates whose answers are due, with how they stand. No row: another instance has it, or nothing is due.
-- revoked_at: seconds since 1970; reason -1: good.
CREATE OR REPLACE FUNCTION ca.take_ocsp(p_issuer text, p_holder text, p_lease_s int8, p_most int8)
RETURNS TABLE (serial bytea, reason int8, revoked_at int8) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT cairn.take_lease('ocsp/' || p_issuer, p_holder, p_lease_s) THEN
		RETURN;
	END IF;
	PERFORM ca.enrol_ocsp(p_issuer, p_most);
	PERFORM ca.note_revoked_ocsp(p_issuer, p_most * 4);
	DELETE FROM ca.ocsp o WHERE o.issuer = p_issuer AND o.serial IN (SELECT d.serial FROM ca.ocsp d WHERE d.issuer = p_issuer
		AND d.due_at <= now() AND d.not_after < now() ORDER BY d.due_at LIMIT p_most * 4);
	RETURN QUERY SELECT o.serial, coalesce(v.reason, -1)::int8, coalesce(floor(extract(epoch FROM v.revoked_at)), 0)::int8
		FROM ca.ocsp o LEFT JOIN ca.revocation v ON v.serial = o.serial AND v.issuer = o.issuer
		WHERE o.issuer = p_issuer AND o.due_at <= now() AND o.not_after >= now() ORDER BY o.due_at, o.serial LIMIT p_most;
END $$;

-- Who may not go on.
CREATE OR REPLACE FUNCTION ca.check_ocsp_maker(p_issuer text, p_holder text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM cairn.lease WHERE name = 'ocsp/' || p_issuer AND holder = p_holder AND until > clock_timestamp() FOR SHARE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance signs the OCSP answers of this issuer');
	END IF;
END $$;

-- The signed answers take the place of those before, all or none.
CREATE OR REPLACE FUNCTION ca.publish_ocsp(p_issuer text, p_holder text, p_serials bytea[], p_reasons int8[], p_revoked_at int8[],
	p_sha1 bytea[], p_sha256 bytea[], p_this_update timestamptz, p_next_update timestamptz, p_due_at timestamptz, p_process text)
RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8;
BEGIN
	PERFORM ca.check_ocsp_maker(p_issuer, p_holder);
	UPDATE ca.ocsp o SET due_at = p_due_at, this_update = p_this_update, next_update = p_next_update, sha1 = a.sha1, sha256 = a.sha256,
			reason = nullif(a.reason, -1)::int, revoked_at = CASE WHEN a.reason <> -1 THEN to_timestamp(a.revoked_at) END
		FROM unnest(p_serials, p_reasons, p_revoked_at, p_sha1, p_sha256) AS a (serial, reason, revoked_at, sha1, sha256)
		WHERE o.issuer = p_issuer AND o.serial = a.serial;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'ocsp.signed', NULL, NULL, NULL, NULL,
		jsonb_build_object('issuer', p_issuer, 'answers', n, 'this_update', p_this_update, 'next_update', p_next_update));
	RETURN n;
END $$;

-- A responder's certificate, before it is signed and after.
CREATE OR REPLACE FUNCTION ca.begin_responder(p_issuer text, p_holder text, p_serial bytea, p_tbs bytea, p_not_before timestamptz,
	p_not_after timestamptz, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM ca.check_ocsp_maker(p_issuer, p_holder);
	INSERT INTO ca.serial (serial, certificate_id) VALUES (p_serial, cairn.new_id());
	INSERT INTO ca.responder (serial, issuer, not_before, not_after, tbs, begun_by)
		VALUES (p_serial, p_issuer, p_not_before, p_not_after, p_tbs, p_process);
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'responder.begun', NULL, NULL, NULL, NULL,
		jsonb_build_object('issuer', p_issuer, 'serial', encode(p_serial, 'hex'), 'tbs_sha256', encode(sha256(p_tbs), 'hex'),
			'not_after', p_not_after));
END $$;

CREATE OR REPLACE FUNCTION ca.complete_responder(p_serial bytea, p_der bytea, p_process text) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	begun ca.responder;
BEGIN
	SELECT r.* INTO begun FROM ca.responder r WHERE r.serial = p_serial AND r.der IS NULL FOR UPDATE;
	IF begun.serial IS NULL OR position(begun.tbs IN p_der) = 0 THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', 'The certificate of a responder does not hold the octets that were fixed');
	END IF;
	UPDATE ca.responder r SET der = p_der WHERE r.serial = p_serial;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'responder.issued', NULL, NULL, NULL, NULL,
		jsonb_build_object('issuer', begun.issuer, 'serial', encode(p_serial, 'hex'), 'sha256', encode(sha256(p_der), 'hex')));
END $$;

-- How it stands, for metrics and operators. late: due for fifteen minutes (E-35); ends_s: until the first answer ends; ever: OCSP was on once.
CREATE OR REPLACE FUNCTION ca.ocsp_state(p_issuer text) RETURNS TABLE (active boolean, answers int8, due int8, late int8, ends_s int8,
	responder_s int8) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT i.active, a.answers, a.due, a.late, a.ends_s,
			(SELECT coalesce(extract(epoch FROM max(r.not_after) - now()), 0)::int8 FROM ca.responder r WHERE r.issuer = i.issuer AND r.der IS NOT NULL)
		FROM ca.ocsp_issuer i CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE o.sha1 IS NOT NULL) AS answers,
			count(*) FILTER (WHERE o.due_at <= now()) AS due,
			count(*) FILTER (WHERE o.due_at <= now() - interval '15 min' AND (o.due_at > '-infinity' OR o.this_update < now() - interval '15 min')) AS late,
			coalesce(extract(epoch FROM min(o.next_update) - now()), 0)::int8 AS ends_s
			FROM ca.ocsp o WHERE o.issuer = i.issuer AND o.not_after > now()) a WHERE i.issuer = p_issuer;
END $$;

-- What the front end serves.
CREATE OR REPLACE VIEW front.ocsp_issuer AS SELECT issuer, name_sha1, key_sha1, name_sha256, key_sha256 FROM ca.ocsp_issuer WHERE active;
CREATE OR REPLACE VIEW front.ocsp AS SELECT issuer, serial, this_update, next_update, sha1, sha256 FROM ca.ocsp;
COMMENT ON VIEW front.ocsp_issuer IS 'Issuers that have OCSP now';
COMMENT ON VIEW front.ocsp IS 'OCSP answers';
SELECT cairn.inherit_comments('front.ocsp_issuer', 'ca.ocsp_issuer'), cairn.inherit_comments('front.ocsp', 'ca.ocsp');
GRANT SELECT ON front.ocsp_issuer, front.ocsp TO cairn_wfe;

REVOKE ALL ON FUNCTION ca.register_ocsp(text, text, bytea, bytea, bytea, bytea, text), ca.end_ocsp(text, text), ca.enrol_ocsp(text, int8),
	ca.note_revoked_ocsp(text, int8), ca.take_ocsp(text, text, int8, int8), ca.check_ocsp_maker(text, text),
	ca.publish_ocsp(text, text, bytea[], int8[], int8[], bytea[], bytea[], timestamptz, timestamptz, timestamptz, text),
	ca.begin_responder(text, text, bytea, bytea, timestamptz, timestamptz, text), ca.complete_responder(bytea, bytea, text),
	ca.ocsp_state(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.register_ocsp(text, text, bytea, bytea, bytea, bytea, text), ca.end_ocsp(text, text),
	ca.take_ocsp(text, text, int8, int8),
	ca.publish_ocsp(text, text, bytea[], int8[], int8[], bytea[], bytea[], timestamptz, timestamptz, timestamptz, text),
	ca.begin_responder(text, text, bytea, bytea, timestamptz, timestamptz, text), ca.complete_responder(bytea, bytea, text),
	ca.ocsp_state(text) TO cairn_ca;
GRANT EXECUTE ON FUNCTION ca.ocsp_state(text) TO cairn_operator;

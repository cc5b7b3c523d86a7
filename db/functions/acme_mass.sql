-- Revocation by an operator (`cairn revoke`): what is meant, what would be done, and the act, in batches or in the waves of an incident
-- (E-7, E-8). What is done twice is done once: each batch takes what is not revoked yet.

-- What a condition may speak of: all that count as issued: those that are being signed at this moment and
-- precertificates that were given up among them (D-55).
CREATE OR REPLACE VIEW acme.issued AS
	SELECT c.id AS certificate_id, encode(c.serial, 'hex') AS serial, cairn.id_text(c.account_id) AS account, c.issuer, c.profile,
		c.names, c.not_before, c.not_after, coalesce(c.signed_at, c.begun_at) AS issued_at, encode(c.spki_sha256, 'hex') AS spki_sha256,
		EXISTS (SELECT FROM ca.revocation r WHERE r.certificate_id = c.id) AS revoked,
		ARRAY(SELECT DISTINCT v.method FROM log.validation v WHERE v.id = ANY (c.validations)) AS methods,
		(SELECT min(v.ended_at) FROM log.validation v WHERE v.id = ANY (c.validations)) AS validated_at
	FROM ca.certificate c WHERE c.signed_at IS NOT NULL OR c.lease_until IS NOT NULL;

-- The certificates that have not ended and fit a condition. It is an operator's own SQL, run with this operator's rights, which
-- can't read more than acme.issued, and where nothing can be written; FOR takes one statement only. Whatever is wrong with it is told.
CREATE OR REPLACE FUNCTION acme.find_issued(p_condition text) RETURNS TABLE (certificates uuid[], accounts int8) LANGUAGE plpgsql STABLE
SET transaction_read_only = on SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	FOR certificates, accounts IN EXECUTE 'SELECT array_agg(i.certificate_id), count(DISTINCT i.account) FROM acme.issued i WHERE i.not_after > now()'
		|| E' AND i.certificate_id IN (SELECT i.certificate_id FROM acme.issued i WHERE (\n' || p_condition || E'\n))' LOOP
		RETURN NEXT;
	END LOOP;
EXCEPTION WHEN query_canceled THEN
	PERFORM cairn.refuse('MALFORMED', 'Looking for what fits the condition took too long, or was stopped');
WHEN OTHERS THEN
	PERFORM cairn.refuse('MALFORMED', 'The condition can not be used: ' || SQLERRM);
END $$;

-- The same for serials in hexadecimal digits. missing: those that no certificate has.
CREATE OR REPLACE FUNCTION acme.find_serials(p_serials text[])
RETURNS TABLE (certificates uuid[], accounts int8, expired int8, missing text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT array_agg(DISTINCT c.id) FILTER (WHERE c.not_after > now()), count(DISTINCT c.account_id) FILTER (WHERE c.not_after > now()),
		count(DISTINCT c.id) FILTER (WHERE c.not_after <= now()), array_agg(p.serial) FILTER (WHERE c.id IS NULL)
		FROM unnest(p_serials) AS p (serial) LEFT JOIN ca.serial s ON s.serial = decode(p.serial, 'hex')
			LEFT JOIN ca.certificate c ON c.id = s.certificate_id AND (c.signed_at IS NOT NULL OR c.lease_until IS NOT NULL)
$$;

-- An operator's act. Over the waves the certificates are spread by the random part of their ids. Gives how many there are.
CREATE OR REPLACE FUNCTION acme.create_incident(p_id uuid, p_certificates uuid[], p_url text, p_source text, p_opens timestamptz,
	p_closes timestamptz, p_waves int8, p_actor text) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made int8;
BEGIN
	INSERT INTO acme.incident (id, url, source, opens, closes, waves, created_by)
		VALUES (p_id, p_url, p_source, p_opens, p_closes, p_waves, p_actor);
	INSERT INTO acme.incident_certificate (certificate_id, incident_id, wave)
		SELECT c.id, p_id, ntile(p_waves::int) OVER (ORDER BY substr(uuid_send(c.id), 9))
		FROM ca.certificate c WHERE c.id = ANY (p_certificates) AND (c.signed_at IS NOT NULL OR c.lease_until IS NOT NULL);
	GET DIAGNOSTICS made = ROW_COUNT;
	IF made = 0 THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no certificate that has not ended and is meant');
	END IF;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'incident.created', NULL, NULL, NULL, NULL,
		jsonb_build_object('incident', cairn.id_text(p_id), 'url', p_url, 'source', p_source, 'certificates', made,
			'opens', p_opens, 'closes', p_closes, 'waves', p_waves));
	RETURN made;
END $$;

-- What is left of it is called off; but keys that are blocked as compromised can't be innocent again (E-13).
CREATE OR REPLACE FUNCTION acme.close_incident(p_id uuid, p_actor text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM acme.revocation_order o WHERE o.incident_id = p_id AND o.reason = 1 AND o.ended_at IS NULL) THEN
		PERFORM cairn.refuse('CONFLICT', 'Its keys are blocked as compromised: the certificates with them are revoked in any case');
	END IF;
	UPDATE acme.incident SET closed_at = now(), closed_by = p_actor WHERE id = p_id AND closed_at IS NULL;
	IF NOT FOUND THEN
		IF NOT EXISTS (SELECT FROM acme.incident WHERE id = p_id) THEN
			PERFORM cairn.refuse('NOT_FOUND', 'There is no such incident');
		END IF;
		RETURN false;
	END IF;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'incident.closed', NULL, NULL, NULL, NULL,
		jsonb_build_object('incident', cairn.id_text(p_id)));
	RETURN true;
END $$;

-- What one serial, one certificate to the octet, one key or one account stands for.
CREATE OR REPLACE FUNCTION acme.find_revocable(p_serial bytea, p_der bytea, p_spki_sha256 bytea, p_account uuid)
RETURNS TABLE (certificates uuid[], accounts int8, expired int8, missing text[]) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY WITH meant AS (
			SELECT c.* FROM ca.serial s JOIN ca.certificate c ON c.id = s.certificate_id
				WHERE s.serial = p_serial AND (p_der IS NULL OR c.der = p_der
					OR EXISTS (SELECT FROM ca.precertificate p WHERE p.certificate_id = c.id AND p.der = p_der))
			UNION ALL SELECT c.* FROM ca.certificate c WHERE c.spki_sha256 = p_spki_sha256 AND c.signed_at IS NOT NULL
			UNION ALL SELECT c.* FROM ca.certificate c WHERE c.lease_until IS NOT NULL AND (c.spki_sha256 = p_spki_sha256 OR c.account_id = p_account)
			UNION ALL SELECT c.* FROM acme.orders o JOIN ca.certificate c ON c.id = o.certificate_id
				WHERE o.account_id = p_account AND c.signed_at IS NOT NULL),
		there AS (SELECT m.id, m.account_id, m.not_after > now() AS lasts FROM meant m WHERE m.signed_at IS NOT NULL OR m.lease_until IS NOT NULL)
		SELECT array_agg(t.id ORDER BY t.id) FILTER (WHERE t.lasts), count(DISTINCT t.account_id) FILTER (WHERE t.lasts),
			count(*) FILTER (WHERE NOT t.lasts), CASE WHEN p_serial IS NOT NULL AND count(*) = 0 THEN ARRAY[encode(p_serial, 'hex')] END
		FROM there t;
END $$;

-- What would be done to these: those that are due, with all that have the same key when it is compromised (E-13), and what was done before.
CREATE OR REPLACE FUNCTION acme.look_at_revocation(p_certificates uuid[], p_reason int8)
RETURNS TABLE (certificates uuid[], before int8, accounts int8, keys int8, sample jsonb) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	meant uuid[] := p_certificates;
BEGIN
	IF p_reason = 1 THEN
		meant := ARRAY(SELECT c.id FROM ca.certificate c WHERE c.id = ANY (p_certificates) UNION SELECT o.id
			FROM (SELECT DISTINCT c.spki_sha256 FROM ca.certificate c WHERE c.id = ANY (p_certificates)) k
				CROSS JOIN LATERAL unnest(acme.ids_of_key(k.spki_sha256, 10000000)) AS o (id));
	END IF;
	certificates := ARRAY(SELECT u.id FROM unnest(meant) AS u (id) WHERE NOT EXISTS (SELECT FROM ca.revocation r
		WHERE r.certificate_id = u.id AND (r.reason = 1 OR p_reason <> 1)) ORDER BY u.id);
	before := cardinality(meant) - cardinality(certificates);
	SELECT count(DISTINCT c.account_id), count(DISTINCT c.spki_sha256) INTO accounts, keys FROM ca.certificate c WHERE c.id = ANY (certificates);
	SELECT coalesce(jsonb_agg(jsonb_build_object('serial', encode(c.serial, 'hex'), 'names', c.names, 'account', cairn.id_text(c.account_id),
		'not_after', to_char(c.not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) ORDER BY c.id), '[]') INTO sample
		FROM ca.certificate c WHERE c.id = ANY (certificates[1:10]);
	RETURN NEXT;
END $$;

-- Who acts here is an operator, by whatever name his terminal gives; which login it was is what the database knows itself.
CREATE OR REPLACE FUNCTION acme.operator_facts(p_actor text, p_facts jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_actor IS NULL OR p_actor !~ '^operator [^[:cntrl:]]{1,64}$' THEN
		PERFORM cairn.refuse('NOT_PERMITTED', 'An operator acts as an operator only');
	END IF;
	RETURN coalesce(p_facts, '{}') || jsonb_build_object('login', session_user);
END $$;

-- One batch. Of a compromise the keys are blocked, and all go that have them. Gives how many were revoked.
CREATE OR REPLACE FUNCTION acme.revoke_batch_as(p_certificates uuid[], p_reason int8, p_actor text, p_process text, p_facts jsonb) RETURNS int8
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	key bytea;
	n int8 := 0;
BEGIN
	PERFORM acme.hold_revocations();
	IF p_reason = 1 THEN
		FOR key IN SELECT k.spki_sha256 FROM (SELECT DISTINCT c.spki_sha256 FROM ca.certificate c WHERE c.id = ANY (p_certificates)) k
				ORDER BY k.spki_sha256 LOOP
			n := n + (SELECT k.certificates FROM acme.compromise_key(key, 'operator', p_actor, p_process, NULL, p_facts) k);
		END LOOP;
	END IF;
	RETURN n + cardinality(acme.revoke_ids(p_certificates, p_reason::int, 'operator', p_actor, p_process, NULL, p_facts));
END $$;

CREATE OR REPLACE FUNCTION acme.revoke_batch(p_certificates uuid[], p_reason int8, p_actor text, p_facts jsonb) RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF cardinality(p_certificates) > 1000 THEN
		PERFORM cairn.refuse('MALFORMED', 'A batch has up to 1000 certificates');
	END IF;
	RETURN acme.revoke_batch_as(p_certificates, p_reason, p_actor, 'cairn', acme.operator_facts(p_actor, p_facts));
END $$;

-- A key by an operator's word or by its private half, whether certificates have it or not. The rest of very many is for acme.sweep_keys.
CREATE OR REPLACE FUNCTION acme.block_key_by_operator(p_spki_sha256 bytea, p_actor text, p_facts jsonb)
RETURNS TABLE (blocked boolean, certificates int8) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT k.blocked, k.certificates
		FROM acme.compromise_key(p_spki_sha256, 'operator', p_actor, 'cairn', NULL, acme.operator_facts(p_actor, p_facts)) k;
END $$;

-- The keys of these certificates, which are to be revoked in waves as compromised: blocked at once, so that nothing more is issued with
-- them. What has them goes with its wave, and whatever is left, by acme.sweep_keys from p_until on (E-13). Gives how many keys.
CREATE OR REPLACE FUNCTION acme.block_keys_ahead(p_certificates uuid[], p_until timestamptz, p_actor text, p_facts jsonb) RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	facts jsonb := acme.operator_facts(p_actor, p_facts) || jsonb_build_object('certificates', '[]'::jsonb, 'all', false, 'until', p_until);
	key bytea;
	n int8 := 0;
BEGIN
	IF cardinality(p_certificates) > 1000 THEN
		PERFORM cairn.refuse('MALFORMED', 'A batch has up to 1000 certificates');
	END IF;
	PERFORM acme.hold_revocations();
	FOR key IN WITH fresh AS (INSERT INTO acme.blocked_key (spki_sha256, reason, sweep_from)
				SELECT DISTINCT c.spki_sha256, 'keyCompromise', p_until FROM ca.certificate c WHERE c.id = ANY (p_certificates) ORDER BY 1
				ON CONFLICT DO NOTHING RETURNING spki_sha256)
			SELECT f.spki_sha256 FROM fresh f ORDER BY 1 LOOP
		n := n + 1;
		PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'key.blocked', NULL, NULL, NULL, NULL,
			facts || jsonb_build_object('spki_sha256', encode(key, 'hex')));
	END LOOP;
	RETURN n;
END $$;

-- That many are to be revoked, or were, for the log.
CREATE OR REPLACE FUNCTION acme.note_revocation(p_kind text, p_actor text, p_facts jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_kind NOT IN ('revocation.begun', 'revocation.stopped', 'revocation.ended') THEN
		PERFORM cairn.refuse('MALFORMED', 'There is no such event');
	END IF;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, p_kind, NULL, NULL, NULL, NULL, acme.operator_facts(p_actor, p_facts));
END $$;

-- In waves: windows move now, and each certificate is revoked when its wave ends. Gives how many there are.
CREATE OR REPLACE FUNCTION acme.order_revocation(p_id uuid, p_certificates uuid[], p_url text, p_source text, p_opens timestamptz,
	p_closes timestamptz, p_waves int8, p_actor text, p_reason int8, p_occasion text, p_because text, p_due timestamptz) RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8 := acme.create_incident(p_id, p_certificates, p_url, p_source, p_opens, p_closes, p_waves, p_actor);
BEGIN
	IF p_reason = 1 AND EXISTS (SELECT FROM ca.certificate c WHERE c.id = ANY (p_certificates)
			AND NOT EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = c.spki_sha256)) THEN
		PERFORM cairn.refuse('CONFLICT', 'A key that is compromised is blocked before its certificates are revoked in waves');
	END IF;
	INSERT INTO acme.revocation_order (incident_id, reason, occasion, because, ordered_by, due_at)
		VALUES (p_id, p_reason, p_occasion, p_because, p_actor, p_due);
	PERFORM acme.note_revocation('revocation.begun', p_actor, jsonb_build_object('incident', cairn.id_text(p_id), 'source', p_source,
		'reason', p_reason, 'occasion', p_occasion, 'because', p_because, 'certificates', n, 'due', p_due));
	RETURN n;
END $$;

-- How a revocation in waves stands. due: certificates whose wave has ended and whose turn has not come, the first such wave ended at
-- since; waiting: whose wave has not ended, the next one at next_at.
CREATE OR REPLACE FUNCTION acme.stand_of_waves(o acme.revocation_order)
RETURNS TABLE (due int8, waiting int8, since timestamptz, next_at timestamptz) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH per AS (SELECT w.ends_at, w.ends_at <= clock_timestamp() AS ended, (SELECT count(*) FROM acme.incident_certificate m
			WHERE m.incident_id = i.id AND m.wave = w.wave AND (m.wave, m.certificate_id) > (o.done_wave, o.done_id)) AS n
		FROM acme.incident i CROSS JOIN LATERAL (SELECT g.wave, i.opens + (i.closes - i.opens) * g.wave / i.waves AS ends_at
			FROM generate_series(greatest(o.done_wave, 1), i.waves) AS g (wave)) w WHERE i.id = o.incident_id)
	SELECT coalesce(sum(p.n) FILTER (WHERE p.ended), 0)::int8, coalesce(sum(p.n) FILTER (WHERE NOT p.ended), 0)::int8,
		min(p.ends_at) FILTER (WHERE p.ended AND p.n > 0), min(p.ends_at) FILTER (WHERE NOT p.ended AND p.n > 0) FROM per p
$$;

-- The next p_most certificates of ended waves, in the order of waves, each once; those that were revoked meanwhile stay as they are. The
-- caller holds the order.
CREATE OR REPLACE FUNCTION acme.carry_out_waves(o acme.revocation_order, p_most int8, p_actor text, p_process text, p_facts jsonb)
RETURNS int8 LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	next record;
	n int8;
	stand record;
BEGIN
	SELECT array_agg(l.certificate_id ORDER BY l.wave, l.certificate_id) AS ids, max(l.wave) AS wave INTO next FROM (SELECT m.certificate_id, m.wave
		FROM acme.incident i JOIN acme.incident_certificate m ON m.incident_id = i.id
		WHERE i.id = o.incident_id AND (m.wave, m.certificate_id) > (o.done_wave, o.done_id)
			AND i.opens + (i.closes - i.opens) * m.wave / i.waves <= clock_timestamp() ORDER BY m.wave, m.certificate_id LIMIT p_most) l;
	n := acme.revoke_batch_as(coalesce(next.ids, '{}'), o.reason, p_actor, p_process, p_facts || jsonb_build_object('incident',
		cairn.id_text(o.incident_id), 'occasion', o.occasion, 'because', o.because, 'ordered_by', o.ordered_by));
	IF next.ids IS NOT NULL THEN
		o.done_wave := next.wave;
		o.done_id := next.ids[cardinality(next.ids)];
	END IF;
	SELECT s.* INTO stand FROM acme.stand_of_waves(o) s;
	UPDATE acme.revocation_order r SET done_wave = o.done_wave, done_id = o.done_id,
		next_at = CASE WHEN stand.due > 0 THEN r.next_at ELSE coalesce(stand.next_at, 'infinity') END,
		ended_at = CASE WHEN stand.due + stand.waiting = 0 THEN coalesce(r.ended_at, clock_timestamp()) END WHERE r.incident_id = o.incident_id;
	IF stand.due + stand.waiting = 0 AND o.ended_at IS NULL THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_actor, 'revocation.ended', NULL, NULL, NULL, NULL,
			p_facts || jsonb_build_object('incident', cairn.id_text(o.incident_id)));
	END IF;
	RETURN n;
END $$;

-- The same by an operator, who need not wait for cairn-ra.
CREATE OR REPLACE FUNCTION acme.revoke_waves(p_id uuid, p_most int8, p_actor text)
RETURNS TABLE (revoked int8, due int8, waiting int8, next_at timestamptz, due_at timestamptz) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o acme.revocation_order;
BEGIN
	SELECT r.* INTO o FROM acme.revocation_order r WHERE r.incident_id = p_id FOR UPDATE;
	IF o.incident_id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'No revocation was ordered by that name');
	ELSIF o.ended_at IS NULL AND EXISTS (SELECT FROM acme.incident i WHERE i.id = p_id AND i.closed_at IS NOT NULL) THEN
		PERFORM cairn.refuse('CONFLICT', 'The incident was closed: what is left of it is not revoked');
	END IF;
	due_at := o.due_at;
	revoked := acme.carry_out_waves(o, least(p_most, 1000), p_actor, 'cairn', acme.operator_facts(p_actor, '{}'));
	SELECT s.due, s.waiting, s.next_at INTO due, waiting, next_at FROM acme.revocation_order r, acme.stand_of_waves(r) s WHERE r.incident_id = p_id;
	RETURN NEXT;
END $$;

-- The same without anybody's doing: the next revocation that has waves which have ended, by whichever cairn-ra comes first; one that another
-- is at is passed over. due: certificates that are left then of waves that have ended; late_s: since when the first of these has.
CREATE OR REPLACE FUNCTION acme.sweep_waves(p_process text, p_most int8) RETURNS TABLE (revoked int8, reason int8, due int8, late_s int8, open int8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o acme.revocation_order;
BEGIN
	revoked := 0;
	SELECT r.* INTO o FROM acme.revocation_order r JOIN acme.incident i ON i.id = r.incident_id
		WHERE r.ended_at IS NULL AND i.closed_at IS NULL AND r.next_at <= clock_timestamp() ORDER BY r.due_at, r.next_at LIMIT 1
		FOR UPDATE OF r SKIP LOCKED;
	IF FOUND THEN
		revoked := acme.carry_out_waves(o, least(p_most, 1000), p_process, p_process, '{}');
		reason := o.reason;
	END IF;
	SELECT s.due, s.late_s, s.open INTO due, late_s, open FROM acme.waves_state() s;
	RETURN NEXT;
END $$;

-- For `cairn doctor` and the metrics: certificates of waves that have ended, since when the first of these has, revocations that go on.
CREATE OR REPLACE FUNCTION acme.waves_state() RETURNS TABLE (due int8, late_s int8, open int8) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(sum(s.due), 0)::int8, coalesce(extract(epoch FROM clock_timestamp() - min(s.since))::int8, 0), count(*)
	FROM acme.revocation_order r JOIN acme.incident i ON i.id = r.incident_id CROSS JOIN LATERAL acme.stand_of_waves(r) s
	WHERE r.ended_at IS NULL AND i.closed_at IS NULL
$$;

-- Its certificates that are neither revoked nor at their end, for those who look.
CREATE OR REPLACE FUNCTION acme.left_of_revocation(o acme.revocation_order) RETURNS TABLE (certificate_id uuid) LANGUAGE sql STABLE AS $$
	SELECT m.certificate_id FROM acme.incident_certificate m JOIN ca.certificate c ON c.id = m.certificate_id
	WHERE m.incident_id = o.incident_id AND c.not_after > now() AND (c.signed_at IS NOT NULL OR c.lease_until IS NOT NULL)
		AND NOT EXISTS (SELECT FROM ca.revocation r WHERE r.certificate_id = m.certificate_id AND (r.reason = 1 OR o.reason <> 1))
$$;

CREATE OR REPLACE FUNCTION acme.list_revocations() RETURNS TABLE (id uuid, reason int8, occasion text, because text, ordered_at timestamptz,
	ordered_by text, due_at timestamptz, ended_at timestamptz, called_off boolean, certificates int8, "left" int8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.incident_id, o.reason::int8, o.occasion, o.because, o.ordered_at, o.ordered_by, o.due_at, o.ended_at,
		i.closed_at IS NOT NULL AND o.ended_at IS NULL,
		(SELECT count(*) FROM acme.incident_certificate m WHERE m.incident_id = o.incident_id),
		CASE WHEN o.ended_at IS NULL THEN (SELECT count(*) FROM acme.left_of_revocation(o)) ELSE 0 END
	FROM acme.revocation_order o JOIN acme.incident i ON i.id = o.incident_id ORDER BY o.incident_id
$$;

-- For auditors.
CREATE OR REPLACE VIEW audit.incident_certificate AS
	SELECT m.certificate_id, m.incident_id, m.wave, i.waves, i.url, i.source, i.opens, i.closes, i.created_at, i.created_by, i.closed_at, i.closed_by
	FROM acme.incident_certificate m JOIN acme.incident i ON i.id = m.incident_id;
COMMENT ON VIEW audit.incident_certificate IS 'Certificates that an operator called to be renewed or revoked before their time, by which incident and in which wave of it';
SELECT cairn.inherit_comments('audit.incident_certificate', 'acme.incident_certificate');
SELECT cairn.inherit_comments('audit.incident_certificate', 'acme.incident');
GRANT SELECT ON audit.incident_certificate TO cairn_auditor;

REVOKE ALL ON FUNCTION acme.find_revocable(bytea, bytea, bytea, uuid), acme.look_at_revocation(uuid[], int8),
	acme.operator_facts(text, jsonb), acme.revoke_batch_as(uuid[], int8, text, text, jsonb), acme.revoke_batch(uuid[], int8, text, jsonb),
	acme.block_key_by_operator(bytea, text, jsonb), acme.block_keys_ahead(uuid[], timestamptz, text, jsonb),
	acme.note_revocation(text, text, jsonb),
	acme.order_revocation(uuid, uuid[], text, text, timestamptz, timestamptz, int8, text, int8, text, text, timestamptz),
	acme.stand_of_waves(acme.revocation_order), acme.carry_out_waves(acme.revocation_order, int8, text, text, jsonb),
	acme.revoke_waves(uuid, int8, text), acme.sweep_waves(text, int8), acme.waves_state(),
	acme.left_of_revocation(acme.revocation_order), acme.list_revocations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.find_revocable(bytea, bytea, bytea, uuid), acme.look_at_revocation(uuid[], int8),
	acme.revoke_batch(uuid[], int8, text, jsonb), acme.block_key_by_operator(bytea, text, jsonb),
	acme.block_keys_ahead(uuid[], timestamptz, text, jsonb), acme.note_revocation(text, text, jsonb),
	acme.order_revocation(uuid, uuid[], text, text, timestamptz, timestamptz, int8, text, int8, text, text, timestamptz),
	acme.revoke_waves(uuid, int8, text), acme.waves_state(), acme.list_revocations() TO cairn_operator;
GRANT EXECUTE ON FUNCTION acme.sweep_waves(text, int8) TO cairn_ra;

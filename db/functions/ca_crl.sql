-- CRLs, step by step; role cairn_ca has no other way to write them. A CRL's number is taken and its exact octets are on record
-- before it is signed, so that whatever a crash leaves, no number is ever signed twice and no signature lacks its record (E-20, E-32).

-- The shards of an issuer as the configuration has them: new certificates name these. Others keep their CRLs, under their URLs (E-25).
CREATE OR REPLACE FUNCTION ca.register_shards(p_issuer text, p_urls text[], p_process text)
RETURNS TABLE (shard int8, url text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted text;
	next int;
BEGIN
	PERFORM FROM ca.issuer i WHERE i.name = p_issuer FOR NO KEY UPDATE; -- one instance at a time
	FOREACH wanted IN ARRAY p_urls LOOP
		IF EXISTS (SELECT FROM ca.crl_shard s WHERE s.url = wanted AND s.issuer = p_issuer) THEN
			CONTINUE;
		ELSIF EXISTS (SELECT FROM ca.crl_shard s WHERE s.issuer <> p_issuer AND s.path = regexp_replace(wanted, '^[a-z]+://[^/]*', '')) THEN
			-- front ends serve CRLs by the path, as a proxy may name another host
			PERFORM cairn.refuse('SERVER_INTERNAL', format('%s has the path of another issuer''s CRL', wanted));
		END IF;
		SELECT coalesce(max(s.shard) + 1, 0) INTO next FROM ca.crl_shard s WHERE s.issuer = p_issuer;
		INSERT INTO ca.crl_shard (issuer, shard, url, open) VALUES (p_issuer, next, wanted, true);
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'crl.registered', NULL, NULL, NULL, NULL,
			jsonb_build_object('issuer', p_issuer, 'shard', next, 'url', wanted));
	END LOOP;
	UPDATE ca.crl_shard s SET open = s.url = ANY (p_urls) WHERE s.issuer = p_issuer AND s.open <> (s.url = ANY (p_urls));
	RETURN QUERY SELECT s.shard::int8, s.url FROM ca.crl_shard s WHERE s.issuer = p_issuer AND s.open ORDER BY s.shard;
END $$;

-- Each shard of these issuers with its newest CRL. regular_update: thisUpdate of the newest that was made on schedule; changed: a
-- revocation was recorded since the newest; asked: somebody asked for a new one since.
CREATE OR REPLACE FUNCTION ca.crl_states(p_issuers text[]) RETURNS TABLE (issuer text, shard int8, url text, number int8,
	this_update timestamptz, next_update timestamptz, regular_update timestamptz, entries int8, made_ms int8, changed boolean, asked boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT s.issuer, s.shard::int8, s.url, c.number, c.this_update, c.next_update,
			(SELECT r.this_update FROM ca.crl r WHERE r.issuer = s.issuer AND r.shard = s.shard AND r.why IN ('first', 'schedule')
				ORDER BY r.number DESC LIMIT 1),
			c.entries::int8, c.made_ms::int8, EXISTS (SELECT FROM ca.revocation v
				WHERE v.issuer = s.issuer AND v.crl_shard = s.shard AND v.changed_at > c.covers_until),
			coalesce(s.asked_at > c.covers_until, false)
		FROM ca.crl_shard s LEFT JOIN LATERAL (SELECT k.number, k.this_update, k.next_update, k.entries, k.made_ms, k.covers_until
			FROM ca.crl k WHERE k.issuer = s.issuer AND k.shard = s.shard ORDER BY k.number DESC LIMIT 1) c ON true
		WHERE s.issuer = ANY (p_issuers) ORDER BY s.issuer, s.shard;
END $$;

-- See ca.begin_crl. Of one shard: another one's CRL waits for nobody here.
CREATE OR REPLACE FUNCTION ca.touch_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(14, hashtext(format('%s/%s', NEW.issuer, NEW.crl_shard)));
	NEW.changed_at := clock_timestamp();
	RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION ca.touch_revocation() FROM PUBLIC;

-- The duty to make one and its number, which is above all before it, and at least p_least: a time in microseconds, so that numbers rise
-- too when the database was restored from a copy. No row: another instance is at it.
-- covers_until: what was changed up to then is committed, so that nothing falls between two CRLs. Each revocation holds its shard, shared,
-- from before its changed_at until its transaction ends (ca.touch_revocation), and here a moment is sought at which none does. That waits
-- in nobody's way: it never stands in the queue of a lock. Where one takes longer, the CRL is made of what there is and is said to
-- cover no more than the one before it, so that the next one is due at once.
CREATE OR REPLACE FUNCTION ca.begin_crl(p_issuer text, p_shard int8, p_least int8, p_holder text, p_lease_s int8, p_process text)
RETURNS TABLE (number int8, covers_until timestamptz) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	before ca.crl_shard;
BEGIN
	IF NOT cairn.take_lease(format('crl/%s/%s', p_issuer, p_shard), p_holder, p_lease_s) THEN
		RETURN;
	END IF;
	SELECT s.* INTO STRICT before FROM ca.crl_shard s WHERE s.issuer = p_issuer AND s.shard = p_shard FOR UPDATE;
	IF before.begun_sha256 IS NOT NULL THEN -- what a crash or a refusal left
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'crl.abandoned', NULL, NULL, NULL, NULL,
			jsonb_build_object('issuer', p_issuer, 'shard', p_shard, 'number', before.number));
	END IF;
	UPDATE ca.crl_shard s SET number = greatest(s.number + 1, p_least), begun_sha256 = NULL
		WHERE s.issuer = p_issuer AND s.shard = p_shard RETURNING s.number INTO number;
	FOR i IN 1 .. 100 LOOP
		EXIT WHEN pg_try_advisory_xact_lock(14, hashtext(format('%s/%s', p_issuer, p_shard)));
		IF i = 100 THEN
			covers_until := coalesce((SELECT c.covers_until FROM ca.crl c WHERE c.issuer = p_issuer AND c.shard = p_shard
				ORDER BY c.number DESC LIMIT 1), before.registered_at);
			RETURN NEXT;
			RETURN;
		END IF;
		PERFORM pg_sleep(0.01);
	END LOOP;
	covers_until := clock_timestamp();
	RETURN NEXT;
END $$;

-- From which end of a certificate on its revocation is listed: each entry stands in one regular CRL that was made beyond the end of its
-- certificate (E-26). A CRL dated ahead of this clock was made by a wrong one, and says nothing of what has ended.
CREATE OR REPLACE FUNCTION ca.listed_from(p_issuer text, p_shard int8) RETURNS timestamptz LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN coalesce(least((SELECT c.this_update FROM ca.crl c WHERE c.issuer = p_issuer AND c.shard = p_shard
		AND c.why IN ('first', 'schedule') ORDER BY c.number DESC LIMIT 1), clock_timestamp()), '-infinity');
END $$;

-- What the CRL lists that was begun, in the order of serials: p_most entries behind p_after, so that no read takes long however many there
-- are. What is recorded meanwhile may be in it and is in the next.
CREATE OR REPLACE FUNCTION ca.read_revoked(p_issuer text, p_shard int8, p_after bytea, p_most int8)
RETURNS TABLE (serials bytea[], revoked_at int8[], reasons int8[]) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_sort = off AS $$
DECLARE
	from_end timestamptz := ca.listed_from(p_issuer, p_shard);
BEGIN
	RETURN QUERY SELECT coalesce(array_agg(l.serial), '{}'), coalesce(array_agg(l.at), '{}'), coalesce(array_agg(l.reason), '{}')
		FROM (SELECT r.serial, extract(epoch FROM r.revoked_at)::int8 AS at, r.reason::int8 FROM ca.revocation r
			WHERE r.issuer = p_issuer AND r.crl_shard = p_shard AND r.serial > p_after AND r.not_after >= from_end
			ORDER BY r.serial LIMIT p_most) l;
END $$;
DROP FUNCTION IF EXISTS ca.read_revoked(text, int8);

-- Who may not go on with a CRL that was begun.
CREATE OR REPLACE FUNCTION ca.check_crl_maker(p_issuer text, p_shard int8, p_number int8, p_holder text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM cairn.lease WHERE name = format('crl/%s/%s', p_issuer, p_shard) AND holder = p_holder AND until > clock_timestamp() FOR SHARE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance makes this CRL');
	END IF;
	PERFORM FROM ca.crl_shard s WHERE s.issuer = p_issuer AND s.shard = p_shard AND s.number = p_number FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', format('The number %s of %s/%s is not the one that was taken last', p_number, p_issuer, p_shard));
	END IF;
END $$;

-- Before it is signed: what may not follow the CRL before it is refused, and what may is on record (E-20, E-29). A CRL may be dated before
-- the one before it only where that one is dated ahead of this clock too: then two clocks say that a third was wrong.
CREATE OR REPLACE FUNCTION ca.fix_crl(p_issuer text, p_shard int8, p_number int8, p_this_update timestamptz, p_next_update timestamptz,
	p_entries int8, p_covers_until timestamptz, p_why text, p_tbs_sha256 bytea, p_holder text, p_process text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	newest ca.crl;
	from_end timestamptz := ca.listed_from(p_issuer, p_shard);
	least_entries int8;
BEGIN
	PERFORM ca.check_crl_maker(p_issuer, p_shard, p_number, p_holder);
	SELECT c.number, c.this_update INTO newest.number, newest.this_update
		FROM ca.crl c WHERE c.issuer = p_issuer AND c.shard = p_shard ORDER BY c.number DESC LIMIT 1;
	IF p_number <= newest.number THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', format('CRL %s of %s/%s can not follow %s', p_number, p_issuer, p_shard, newest.number));
	ELSIF (p_this_update < newest.this_update AND newest.this_update <= clock_timestamp()) OR p_next_update <= p_this_update THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', 'The times of the CRL are out of order');
	END IF;
	SELECT count(*) INTO least_entries FROM ca.revocation r WHERE r.issuer = p_issuer AND r.crl_shard = p_shard
		AND r.changed_at <= p_covers_until AND r.not_after >= from_end;
	IF p_entries < least_entries THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', format('The CRL lists %s certificates where %s are revoked', p_entries, least_entries));
	END IF;
	UPDATE ca.crl_shard s SET begun_sha256 = p_tbs_sha256 WHERE s.issuer = p_issuer AND s.shard = p_shard;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'crl.begun', NULL, NULL, NULL, NULL,
		jsonb_build_object('issuer', p_issuer, 'shard', p_shard, 'number', p_number, 'this_update', p_this_update,
			'next_update', p_next_update, 'entries', p_entries, 'why', p_why, 'tbs_sha256', encode(p_tbs_sha256, 'hex')));
END $$;

-- The signed one takes the place of the one before. p_tbs_at, p_tbs_n: where the TBSCertList lies in it, which must be the one on record,
-- with the URL of its shard (E-24); the caller has checked the signature and each entry.
CREATE OR REPLACE FUNCTION ca.publish_crl(p_issuer text, p_shard int8, p_number int8, p_this_update timestamptz,
	p_next_update timestamptz, p_entries int8, p_covers_until timestamptz, p_why text, p_made_ms int8, p_der bytea, p_tbs_at int8,
	p_tbs_n int8, p_holder text, p_process text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	begun ca.crl_shard;
BEGIN
	PERFORM ca.check_crl_maker(p_issuer, p_shard, p_number, p_holder);
	SELECT s.* INTO begun FROM ca.crl_shard s WHERE s.issuer = p_issuer AND s.shard = p_shard;
	IF begun.begun_sha256 IS DISTINCT FROM sha256(substr(p_der, (p_tbs_at + 1)::int, p_tbs_n::int))
		OR position(convert_to(begun.url, 'UTF8') IN substr(p_der, greatest(octet_length(p_der) - 4096, 1))) = 0 THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', 'The CRL does not hold the octets that were fixed');
	END IF;
	INSERT INTO ca.crl (issuer, shard, number, this_update, next_update, entries, covers_until, der, why, made_ms)
		VALUES (p_issuer, p_shard, p_number, p_this_update, p_next_update, p_entries, p_covers_until, p_der, p_why, p_made_ms);
	UPDATE ca.crl_shard s SET begun_sha256 = NULL WHERE s.issuer = p_issuer AND s.shard = p_shard;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'crl.published', NULL, NULL, NULL, NULL,
		jsonb_build_object('issuer', p_issuer, 'shard', p_shard, 'number', p_number, 'this_update', p_this_update,
			'next_update', p_next_update, 'entries', p_entries, 'why', p_why, 'sha256', encode(sha256(p_der), 'hex')));
END $$;

-- For operators: how the CRLs stand, one of them, and a wish for new ones.
CREATE OR REPLACE FUNCTION ca.list_crls(p_issuer text, p_shard int8) RETURNS TABLE (issuer text, shard int8, url text, open boolean,
	number int8, this_update timestamptz, next_update timestamptz, entries int8, octets int8, why text, made_ms int8, asked_at timestamptz,
	pending boolean) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT s.issuer, s.shard::int8, s.url, s.open, c.number, c.this_update, c.next_update, c.entries::int8,
			octet_length(c.der)::int8, c.why, c.made_ms::int8, s.asked_at, c.number IS NULL OR coalesce(s.asked_at > c.covers_until, false)
				OR EXISTS (SELECT FROM ca.revocation v WHERE v.issuer = s.issuer AND v.crl_shard = s.shard AND v.changed_at > c.covers_until)
		FROM ca.crl_shard s LEFT JOIN LATERAL (SELECT k.* FROM ca.crl k WHERE k.issuer = s.issuer AND k.shard = s.shard
			ORDER BY k.number DESC LIMIT 1) c ON true
		WHERE (p_issuer IS NULL OR s.issuer = p_issuer) AND (p_shard IS NULL OR s.shard = p_shard) ORDER BY s.issuer, s.shard;
END $$;

CREATE OR REPLACE FUNCTION ca.read_crl(p_issuer text, p_shard int8, p_number int8) RETURNS TABLE (der bytea) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT c.der FROM ca.crl c WHERE c.issuer = p_issuer AND c.shard = p_shard AND (p_number IS NULL OR c.number = p_number)
		ORDER BY c.number DESC LIMIT 1;
END $$;

CREATE OR REPLACE FUNCTION ca.ask_crls(p_issuer text, p_shard int8, p_actor text) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8;
BEGIN
	UPDATE ca.crl_shard s SET asked_at = clock_timestamp(), asked_by = p_actor
		WHERE (p_issuer IS NULL OR s.issuer = p_issuer) AND (p_shard IS NULL OR s.shard = p_shard);
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n = 0 THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such CRL');
	END IF;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'crl.asked', NULL, NULL, NULL, NULL,
		jsonb_strip_nulls(jsonb_build_object('issuer', p_issuer, 'shard', p_shard, 'crls', n)));
	PERFORM pg_notify('cairn_revoked', coalesce(p_issuer, ''));
	RETURN n;
END $$;

-- The newest CRL of each shard, as the front end serves it.
CREATE OR REPLACE VIEW front.crl AS
	SELECT s.issuer, s.shard, c.number, c.this_update, c.next_update, c.der, s.url, s.path
	FROM ca.crl_shard s CROSS JOIN LATERAL (SELECT k.* FROM ca.crl k WHERE k.issuer = s.issuer AND k.shard = s.shard
		ORDER BY k.number DESC LIMIT 1) c;
CREATE OR REPLACE VIEW front.crl_url AS
	SELECT s.issuer, s.shard, s.url, EXISTS (SELECT FROM ca.crl c WHERE c.issuer = s.issuer AND c.shard = s.shard) AS published
	FROM ca.crl_shard s;
COMMENT ON VIEW front.crl IS 'The newest CRL of each shard';
COMMENT ON VIEW front.crl_url IS 'The URLs of all CRLs';
SELECT cairn.inherit_comments('front.crl', 'ca.crl'), cairn.inherit_comments('front.crl', 'ca.crl_shard');
SELECT cairn.inherit_comments('front.crl_url', 'ca.crl_shard');
COMMENT ON COLUMN front.crl_url.published IS 'SUB-CERT: there is a CRL';
GRANT SELECT ON front.crl_url TO cairn_wfe;

REVOKE ALL ON FUNCTION ca.register_shards(text, text[], text), ca.crl_states(text[]), ca.begin_crl(text, int8, int8, text, int8, text),
	ca.listed_from(text, int8), ca.read_revoked(text, int8, bytea, int8), ca.check_crl_maker(text, int8, int8, text),
	ca.fix_crl(text, int8, int8, timestamptz, timestamptz, int8, timestamptz, text, bytea, text, text),
	ca.publish_crl(text, int8, int8, timestamptz, timestamptz, int8, timestamptz, text, int8, bytea, int8, int8, text, text),
	ca.list_crls(text, int8), ca.read_crl(text, int8, int8), ca.ask_crls(text, int8, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.register_shards(text, text[], text), ca.crl_states(text[]), ca.begin_crl(text, int8, int8, text, int8, text),
	ca.read_revoked(text, int8, bytea, int8), ca.fix_crl(text, int8, int8, timestamptz, timestamptz, int8, timestamptz, text, bytea, text, text),
	ca.publish_crl(text, int8, int8, timestamptz, timestamptz, int8, timestamptz, text, int8, bytea, int8, int8, text, text) TO cairn_ca;
GRANT EXECUTE ON FUNCTION ca.list_crls(text, int8), ca.read_crl(text, int8, int8), ca.ask_crls(text, int8, text) TO cairn_operator;

-- What transparency logs do with what they promised (H-17): SCTs until their entries are found, the tree of each log as far as it is
-- verified, and certificates under our keys that are none of ours.

-- One row for each SCT of the list (RFC 6962 3.3), which was judged before. A second look changes nothing.
CREATE OR REPLACE FUNCTION ca.watch_scts(p_id uuid, p_sct_list bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	at int := 3; -- behind the length of the list
	n int;
BEGIN
	WHILE at + 43 <= octet_length(p_sct_list) LOOP
		n := get_byte(p_sct_list, at - 1) * 256 + get_byte(p_sct_list, at);
		INSERT INTO ca.sct (certificate_id, log_id, given_at) VALUES (p_id, substring(p_sct_list FROM at + 3 FOR 32),
			to_timestamp(('x' || encode(substring(p_sct_list FROM at + 35 FOR 8), 'hex'))::bit(64)::int8 / 1000.0)) ON CONFLICT DO NOTHING;
		at := at + 2 + n;
	END LOOP;
END $$;

-- The log that is due for the longest, of those that the caller has in its list, taken for p_lease_s. New ones are due at once; those that
-- have left the list are no concern of anybody any more.
CREATE OR REPLACE FUNCTION ca.take_monitored(p_log_ids bytea[], p_descriptions text[], p_holder text, p_lease_s int8)
RETURNS TABLE (log_id bytea, size int8, edge bytea, head_at timestamptz, read_size int8, read_edge bytea, target_size int8, target_root bytea,
	target_at timestamptz, seen_at timestamptz, fault text, doubts int8, doubt_at timestamptz) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	at timestamptz := clock_timestamp();
BEGIN
	INSERT INTO ca.monitored_log (log_id, description, seen_at, due_at)
		SELECT l.id, l.description, at, at FROM unnest(p_log_ids, p_descriptions) AS l (id, description)
		WHERE NOT EXISTS (SELECT FROM ca.monitored_log m WHERE m.log_id = l.id) ON CONFLICT DO NOTHING;
	IF cardinality(p_log_ids) > 0 THEN
		UPDATE ca.monitored_log m SET left_at = CASE WHEN m.left_at IS NULL THEN at END
			WHERE (m.log_id = ANY (p_log_ids)) = (m.left_at IS NOT NULL);
	END IF;
	RETURN QUERY UPDATE ca.monitored_log m SET holder = p_holder, due_at = at + make_interval(secs => p_lease_s)
		WHERE m.log_id = (SELECT d.log_id FROM ca.monitored_log d WHERE d.due_at <= at AND d.log_id = ANY (p_log_ids)
			ORDER BY d.due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING m.log_id, m.size, m.edge, m.head_at, m.read_size, m.read_edge, m.target_size, m.target_root, m.target_at, m.seen_at, m.fault,
			m.doubts, m.doubt_at;
END $$;

-- What a turn came to; due again in p_due_s. Nothing where somebody else has taken the log meanwhile. A fault that is new is an event, with
-- what the log signed.
CREATE OR REPLACE FUNCTION ca.note_monitored(p_log_id bytea, p_holder text, p_seen boolean, p_size int8, p_edge bytea, p_head_at timestamptz,
	p_read_size int8, p_read_edge bytea, p_target_size int8, p_target_root bytea, p_target_at timestamptz, p_fault text, p_doubts int8,
	p_doubt_at timestamptz, p_facts jsonb, p_due_s int8) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	at timestamptz := clock_timestamp();
	before ca.monitored_log;
BEGIN
	SELECT m.* INTO before FROM ca.monitored_log m WHERE m.log_id = p_log_id AND m.holder = p_holder AND m.due_at > at FOR UPDATE;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE ca.monitored_log m SET size = p_size, edge = p_edge, head_at = p_head_at, read_size = p_read_size, read_edge = p_read_edge,
		target_size = p_target_size, target_root = p_target_root, target_at = p_target_at, fault = p_fault,
		doubts = p_doubts, doubt_at = p_doubt_at,
		fault_at = CASE WHEN p_fault IS NULL THEN NULL WHEN m.fault = p_fault THEN m.fault_at ELSE at END,
		seen_at = CASE WHEN p_seen THEN at ELSE m.seen_at END, holder = NULL, due_at = at + make_interval(secs => p_due_s)
		WHERE m.log_id = p_log_id;
	IF p_fault IS DISTINCT FROM before.fault THEN
		PERFORM log.add_event(cairn.new_id(), p_holder, p_holder, CASE WHEN p_fault IS NULL THEN 'log.sound' ELSE 'log.fault' END, NULL, NULL,
			NULL, NULL, jsonb_build_object('log', before.description, 'log_id', encode(p_log_id, 'hex'), 'why', coalesce(p_fault, before.fault))
			|| coalesce(p_facts, '{}'));
	END IF;
END $$;

-- Certificates of this CA with these serials, to be held against entries of logs.
CREATE OR REPLACE FUNCTION ca.known_entries(p_serials bytea[]) RETURNS TABLE (serial bytea, certificate_id uuid, precertificate bytea, der bytea,
	sct_list bytea) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.serial, c.id, p.der, c.der, p.sct_list FROM ca.serial s JOIN ca.certificate c ON c.id = s.certificate_id
		LEFT JOIN ca.precertificate p ON p.certificate_id = c.id WHERE s.serial = ANY (p_serials)
$$;

CREATE OR REPLACE FUNCTION ca.monitored_issuers() RETURNS TABLE (name text, certificate bytea) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$ SELECT i.name, i.certificate FROM ca.issuer i $$;

-- The log has what it promised for these certificates. True: some of it was told to be missing.
CREATE OR REPLACE FUNCTION ca.note_merged(p_log_id bytea, p_ids uuid[], p_indexes int8[]) RETURNS boolean LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	WITH merged AS (UPDATE ca.sct s SET merged_at = clock_timestamp(), entry_index = f.index FROM unnest(p_ids, p_indexes) AS f (id, index)
		WHERE s.certificate_id = f.id AND s.log_id = p_log_id AND s.merged_at IS NULL RETURNING s.missing_at)
	SELECT coalesce(bool_or(m.missing_at IS NOT NULL), false) FROM merged m
$$;

-- SCTs of the log from before then whose entries were not seen: so many of those that it was never asked for, and behind them of those that it
-- did not prove more than p_again_s ago.
CREATE OR REPLACE FUNCTION ca.scts_due(p_log_id bytea, p_before timestamptz, p_new int8, p_again int8, p_again_s int8) RETURNS TABLE (
	certificate_id uuid, precertificate bytea, sct_list bytea, issuer bytea, again boolean) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	WITH due AS (
		(SELECT s.certificate_id, false AS again, s.given_at AS at FROM ca.sct s WHERE s.log_id = p_log_id AND s.merged_at IS NULL AND s.asked_at IS NULL
			AND s.given_at < p_before ORDER BY s.given_at LIMIT p_new)
		UNION ALL
		(SELECT s.certificate_id, true, s.asked_at FROM ca.sct s WHERE s.log_id = p_log_id AND s.merged_at IS NULL AND s.asked_at IS NOT NULL
			AND s.asked_at < clock_timestamp() - make_interval(secs => p_again_s) ORDER BY s.asked_at LIMIT p_again))
	SELECT d.certificate_id, p.der, p.sct_list, i.certificate, d.again FROM due d JOIN ca.precertificate p ON p.certificate_id = d.certificate_id
		JOIN ca.certificate c ON c.id = d.certificate_id JOIN ca.issuer i ON i.name = c.issuer ORDER BY d.again, d.at
$$;

-- The log was asked for a proof and gave none. p_refused: it says that it has none. It has broken its promise when it said so four times over an
-- hour, or surely; told once. True: now.
CREATE OR REPLACE FUNCTION ca.note_unproved(p_log_id bytea, p_id uuid, p_refused boolean, p_surely boolean, p_facts jsonb, p_process text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	at timestamptz := clock_timestamp();
	i ca.certificate;
	s ca.sct;
BEGIN
	UPDATE ca.sct t SET asked_at = at, refusals = t.refusals + p_refused::int, refused_at = CASE WHEN p_refused THEN coalesce(t.refused_at, at) ELSE t.refused_at END
		WHERE t.certificate_id = p_id AND t.log_id = p_log_id AND t.merged_at IS NULL RETURNING * INTO s;
	IF NOT FOUND OR s.missing_at IS NOT NULL OR NOT (p_surely OR (p_refused AND s.refusals >= 4 AND s.refused_at <= at - interval '1 h')) THEN
		RETURN false;
	END IF;
	UPDATE ca.sct t SET missing_at = at WHERE t.certificate_id = p_id AND t.log_id = p_log_id;
	SELECT * INTO STRICT i FROM ca.certificate c WHERE c.id = p_id;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'sct.missing', i.request_id, i.account_id, i.order_id, i.id, jsonb_build_object(
		'log_id', encode(p_log_id, 'hex'), 'given_at', s.given_at, 'tries', s.refusals, 'since', coalesce(s.refused_at, at)) || p_facts);
	RETURN true;
END $$;

-- A certificate under a key of ours that is none of ours; told once. True: it is told. Beyond a thousand they are only counted, and so are those
-- that have no signature by that key, of which the first hundred of a log are told.
CREATE OR REPLACE FUNCTION ca.note_foreign(p_log_id bytea, p_index int8, p_issuer text, p_serial bytea, p_entry bytea, p_proved boolean, p_process text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8;
BEGIN
	IF NOT p_proved THEN
		UPDATE ca.monitored_log m SET unproved = m.unproved + 1 WHERE m.log_id = p_log_id RETURNING m.unproved INTO n;
		RETURN coalesce(n <= 100, false);
	END IF;
	IF EXISTS (SELECT FROM ca.foreign_certificate f WHERE f.sha256 = sha256(p_entry)) THEN
		RETURN false;
	END IF;
	IF (SELECT count(*) FROM ca.foreign_certificate) >= 1000 THEN
		UPDATE ca.monitored_log m SET strangers_more = m.strangers_more + 1 WHERE m.log_id = p_log_id;
		RETURN false;
	END IF;
	INSERT INTO ca.foreign_certificate VALUES (sha256(p_entry), p_log_id, p_index, p_issuer, p_serial, substring(p_entry FOR 65536), clock_timestamp())
		ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'certificate.foreign', NULL, NULL, NULL, NULL, jsonb_build_object(
			'issuer', p_issuer, 'serial', encode(p_serial, 'hex'), 'sha256', encode(sha256(p_entry), 'hex'),
			'log_id', encode(p_log_id, 'hex'), 'index', p_index));
		RETURN true;
	END IF;
	RETURN false;
END $$;

-- For `cairn doctor` and the metrics; of logs that are read. Each of the first three is an alarm above 0. Of SCTs it counts 10,000 of each kind of
-- a log at most: by an index, so that it takes milliseconds.
CREATE OR REPLACE FUNCTION ca.monitor_state() RETURNS TABLE (faults int8, missing int8, strangers int8, unmerged int8, behind int8, unproved int8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH read AS (SELECT m.* FROM ca.monitored_log m WHERE m.left_at IS NULL)
	SELECT (SELECT count(*) FROM read r WHERE r.fault IS NOT NULL),
		(SELECT count(*) FROM read r, LATERAL (SELECT FROM ca.sct s WHERE s.log_id = r.log_id AND s.merged_at IS NULL AND s.missing_at IS NOT NULL LIMIT 10000) n),
		(SELECT count(*) FROM ca.foreign_certificate) + (SELECT coalesce(sum(m.strangers_more), 0)::int8 FROM ca.monitored_log m),
		(SELECT count(*) FROM read r, LATERAL (SELECT FROM ca.sct s WHERE s.log_id = r.log_id AND s.merged_at IS NULL AND s.asked_at IS NULL LIMIT 10000) n)
			+ (SELECT count(*) FROM read r, LATERAL (SELECT FROM ca.sct s WHERE s.log_id = r.log_id AND s.merged_at IS NULL AND s.asked_at IS NOT NULL LIMIT 10000) n),
		(SELECT coalesce(max(r.target_size - r.read_size), 0) FROM read r),
		(SELECT coalesce(sum(m.unproved), 0)::int8 FROM ca.monitored_log m)
$$;

REVOKE ALL ON FUNCTION ca.watch_scts(uuid, bytea), ca.take_monitored(bytea[], text[], text, int8), ca.note_monitored(bytea, text, boolean, int8, bytea,
	timestamptz, int8, bytea, int8, bytea, timestamptz, text, int8, timestamptz, jsonb, int8), ca.known_entries(bytea[]), ca.monitored_issuers(),
	ca.note_merged(bytea, uuid[], int8[]), ca.scts_due(bytea, timestamptz, int8, int8, int8),
	ca.note_unproved(bytea, uuid, boolean, boolean, jsonb, text), ca.note_foreign(bytea, int8, text, bytea, bytea, boolean, text), ca.monitor_state() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.take_monitored(bytea[], text[], text, int8), ca.note_monitored(bytea, text, boolean, int8, bytea,
	timestamptz, int8, bytea, int8, bytea, timestamptz, text, int8, timestamptz, jsonb, int8), ca.known_entries(bytea[]), ca.monitored_issuers(),
	ca.note_merged(bytea, uuid[], int8[]), ca.scts_due(bytea, timestamptz, int8, int8, int8),
	ca.note_unproved(bytea, uuid, boolean, boolean, jsonb, text), ca.note_foreign(bytea, int8, text, bytea, bytea, boolean, text), ca.monitor_state() TO cairn_ra;
GRANT EXECUTE ON FUNCTION ca.monitor_state() TO cairn_operator;

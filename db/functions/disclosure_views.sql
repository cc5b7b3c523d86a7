-- What auditors and officers read of disclosures, and the report for everybody (G-57).

CREATE OR REPLACE VIEW audit.disclosure AS
	SELECT f.case_id AS id, cairn.id_text(f.case_id) AS url_id, f.at AS received_at, f.facts->>'kind' AS kind, f.facts->>'from' AS requester,
		f.facts->>'reference' AS reference, f.facts->>'kind' = 'emergency' AS emergency, l.state, l.at AS since, disclosure.fact(f.case_id, 'ground') #>> '{}' AS ground,
		(SELECT s.act FROM disclosure.step s WHERE s.case_id = f.case_id AND s.act IN ('notice', 'silence') ORDER BY s.n DESC LIMIT 1) AS notice,
		disclosure.fact(f.case_id, 'why') #>> '{}' AS silent_because,
		(SELECT (s.facts->>'until')::timestamptz FROM disclosure.step s WHERE s.case_id = f.case_id AND s.act = 'silence' ORDER BY s.n DESC LIMIT 1) AS silent_until,
		(SELECT min(s.at) FROM disclosure.step s WHERE s.case_id = f.case_id AND s.act = 'notified') AS notified_at,
		(SELECT count(*) FROM disclosure.step s WHERE s.case_id = f.case_id AND s.act = 'object') AS objections,
		ARRAY(SELECT s.facts->>'name' FROM disclosure.step s WHERE s.case_id = f.case_id AND s.act IN ('approve', 'approve-alone') ORDER BY s.n) AS approved_by,
		(SELECT s.facts->>'outcome' FROM disclosure.step s WHERE s.case_id = f.case_id AND s.act = 'review' ORDER BY s.n DESC LIMIT 1) AS review,
		(SELECT s.at FROM disclosure.step s WHERE s.case_id = f.case_id AND s.act IN ('released', 'abandon')) AS released_at, disclosure.fact(f.case_id, 'files') AS files,
		disclosure.fact(f.case_id, 'scope') AS scope, ARRAY(SELECT cairn.id_text(a) FROM unnest(disclosure.consenting(f.case_id)) a) AS consenting
	FROM disclosure.step f JOIN LATERAL (SELECT * FROM disclosure.step s WHERE s.case_id = f.case_id ORDER BY s.n DESC LIMIT 1) l ON true WHERE f.n = 0;
COMMENT ON VIEW audit.disclosure IS 'Every request for personal data, and how far it came';
COMMENT ON COLUMN audit.disclosure.id IS 'OPS: case';
COMMENT ON COLUMN audit.disclosure.url_id IS 'OPS: case as it is typed';
COMMENT ON COLUMN audit.disclosure.received_at IS 'OPS: when it was received';
COMMENT ON COLUMN audit.disclosure.kind IS 'OPS: subpoena, court-order, warrant, consent, emergency or other';
COMMENT ON COLUMN audit.disclosure.requester IS 'OPS: who asks';
COMMENT ON COLUMN audit.disclosure.reference IS 'OPS: their reference';
COMMENT ON COLUMN audit.disclosure.emergency IS 'OPS: one officer may approve it, and another one reviews it';
COMMENT ON COLUMN audit.disclosure.state IS 'OPS: state of the case (docs/disclosure.md)';
COMMENT ON COLUMN audit.disclosure.since IS 'OPS: when its last step was';
COMMENT ON COLUMN audit.disclosure.ground IS 'OPS: consent, law or danger';
COMMENT ON COLUMN audit.disclosure.notice IS 'OPS: notice or silence, as was decided last; NULL: not yet';
COMMENT ON COLUMN audit.disclosure.silent_because IS 'OPS: why no notice was given: consent, forbidden, futile, emergency';
COMMENT ON COLUMN audit.disclosure.silent_until IS 'OPS: until when';
COMMENT ON COLUMN audit.disclosure.notified_at IS 'OPS: when the first of those concerned was told';
COMMENT ON COLUMN audit.disclosure.objections IS 'OPS: number of objections';
COMMENT ON COLUMN audit.disclosure.approved_by IS 'OPS: officers who signed, whatever became of it';
COMMENT ON COLUMN audit.disclosure.review IS 'OPS: what the review of an emergency found';
COMMENT ON COLUMN audit.disclosure.released_at IS 'OPS: when it was handed out';
COMMENT ON COLUMN audit.disclosure.files IS 'OPS: name, rows and SHA-256 of each file';
COMMENT ON COLUMN audit.disclosure.scope IS 'SUB-CERT: what is asked for, as it stands now';
COMMENT ON COLUMN audit.disclosure.consenting IS 'SUB-CERT: accounts that consented and did not object since, as the ends of their URLs';

CREATE OR REPLACE VIEW audit.disclosure_step AS
	SELECT s.case_id, cairn.id_text(s.case_id) AS case_url_id, s.n, s.act, s.from_state, s.state, s.at, s.actor, s.role, s.facts, s.digest,
		s.digest = disclosure.digest_of(s) AND s.before_digest IS NOT DISTINCT FROM b.digest AND e.id IS NOT NULL AS intact, e.id AS event_id
	FROM disclosure.step s LEFT JOIN disclosure.step b ON b.case_id = s.case_id AND b.n = s.n - 1
		LEFT JOIN log.event e ON e.kind = 'disclosure.' || s.act AND e.facts->>'digest' = encode(s.digest, 'hex') AND e.id >= cairn.id_at(s.at - interval '1 minute')
			AND e.id < cairn.id_at(s.at + interval '1 hour');
COMMENT ON VIEW audit.disclosure_step IS 'Every step of every case';
SELECT cairn.inherit_comments('audit.disclosure_step', 'disclosure.step');
COMMENT ON COLUMN audit.disclosure_step.case_url_id IS 'OPS: case as it is typed';
COMMENT ON COLUMN audit.disclosure_step.intact IS 'OPS: it says what the event of the sealed log has the digest of, and follows what it followed';
COMMENT ON COLUMN audit.disclosure_step.event_id IS 'OPS: that event';

CREATE OR REPLACE VIEW audit.disclosure_officer AS
	SELECT encode(o.fingerprint, 'hex') AS fingerprint, o.name, o.added_at, o.added_by, e.ended_at, e.ended_by, e.reason AS end_reason, o.certificate
	FROM disclosure.officer o LEFT JOIN disclosure.officer_end e ON e.fingerprint = o.fingerprint;
COMMENT ON VIEW audit.disclosure_officer IS 'Officers who may approve disclosures, and those who could';
SELECT cairn.inherit_comments('audit.disclosure_officer', 'disclosure.officer'), cairn.inherit_comments('audit.disclosure_officer', 'disclosure.officer_end');
COMMENT ON COLUMN audit.disclosure_officer.fingerprint IS 'OPS: SHA-256 of the certificate in hexadecimal digits';
COMMENT ON COLUMN audit.disclosure_officer.end_reason IS 'OPS: why it ended';

-- What has to be done, and until when (G-52, G-53, G-55).
CREATE OR REPLACE VIEW audit.disclosure_duty AS
	SELECT d.id, d.url_id, t.duty, t.due_at, t.due_at <= now() AS overdue FROM audit.disclosure d CROSS JOIN LATERAL (
		SELECT 'review' AS duty, (SELECT min(s.at) FROM disclosure.step s WHERE s.case_id = d.id AND s.act = 'release') + interval '72 hours' AS due_at
			WHERE d.state IN ('releasing', 'released') AND disclosure.wants_review(d.id)
		UNION ALL SELECT 'notice', d.silent_until WHERE d.notice = 'silence' AND d.silent_because <> 'consent' AND NOT (d.state = 'released' AND disclosure.silence_is_final(d.id))
			AND d.state NOT IN ('closed', 'refused', 'withdrawn') AND (d.state <> 'released' OR cardinality(disclosure.untold(d.id)) > 0)
		UNION ALL SELECT 'notice', d.since + interval '3 days' WHERE d.state IN ('notice_due', 'notifying')
		UNION ALL SELECT 'objection', d.since + interval '14 days' WHERE d.state = 'objected'
		UNION ALL SELECT 'release', d.since + interval '1 day' WHERE d.state = 'releasing') t;
COMMENT ON VIEW audit.disclosure_duty IS 'What is still to be done in cases of disclosure, and until when';
SELECT cairn.inherit_comments('audit.disclosure_duty', 'audit.disclosure');
COMMENT ON COLUMN audit.disclosure_duty.duty IS 'OPS: review, notice (to give it, or to decide on it again), objection (to decide on it), release (to end it)';
COMMENT ON COLUMN audit.disclosure_duty.due_at IS 'OPS: until when';
COMMENT ON COLUMN audit.disclosure_duty.overdue IS 'OPS: that is over';

GRANT SELECT ON audit.disclosure, audit.disclosure_step, audit.disclosure_officer, audit.disclosure_duty TO cairn_auditor, cairn_officer;
GRANT SELECT ON audit.disclosure_officer TO cairn_operator;
GRANT USAGE ON SCHEMA audit TO cairn_operator;

-- For the alarm of cairn-subscriber.
CREATE OR REPLACE FUNCTION disclosure.overdue() RETURNS int8 LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT count(*) FROM audit.disclosure_duty d WHERE d.overdue
$$;

-- Cases of one whole year that is over, by kind. A number from 1 to p_least - 1 is withheld (NULL), and with it all that would tell it:
-- the sum of its row and that of its column (G-33, G-57).
CREATE OR REPLACE FUNCTION disclosure.report(p_year int8, p_least int8) RETURNS TABLE (kind text, received int8, disclosed int8, refused int8, withdrawn int8,
	open int8, told int8) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
	IF p_year NOT BETWEEN 2000 AND 9998 OR make_date(p_year::int + 1, 1, 1) > now() THEN
		PERFORM cairn.refuse('MALFORMED', 'A report is about one year that is over');
	ELSIF p_least NOT BETWEEN 2 AND 1000000 THEN
		PERFORM cairn.refuse('MALFORMED', 'The least number that is told is 2 or more');
	END IF;
	RETURN QUERY WITH counted AS (
		SELECT k.kind, count(d.id) AS received, count(*) FILTER (WHERE d.released_at IS NOT NULL) AS disclosed, count(*) FILTER (WHERE d.state = 'refused') AS refused,
			count(*) FILTER (WHERE d.state = 'withdrawn') AS withdrawn,
			count(*) FILTER (WHERE d.released_at IS NULL AND d.state NOT IN ('refused', 'withdrawn')) AS open, count(d.notified_at) AS told
		FROM unnest(ARRAY['subpoena', 'court-order', 'warrant', 'consent', 'emergency', 'other']) WITH ORDINALITY k (kind, o)
			LEFT JOIN audit.disclosure d ON d.kind = k.kind AND d.received_at >= make_date(p_year::int, 1, 1) AND d.received_at < make_date(p_year::int + 1, 1, 1)
		GROUP BY k.kind, k.o ORDER BY k.o),
	shown AS (
		SELECT c.kind, disclosure.shown(c.disclosed, p_least) AS disclosed, disclosure.shown(c.refused, p_least) AS refused,
			disclosure.shown(c.withdrawn, p_least) AS withdrawn, disclosure.shown(c.open, p_least) AS open, disclosure.shown(c.told, p_least) AS told,
			disclosure.shown(c.received, p_least) AS received FROM counted c),
	guarded AS (
		SELECT s.kind, CASE WHEN num_nulls(s.disclosed, s.refused, s.withdrawn, s.open) = 0 THEN s.received END AS received, s.disclosed, s.refused, s.withdrawn, s.open,
			s.told FROM shown s)
	SELECT g.* FROM guarded g UNION ALL
		SELECT 'all', disclosure.total(array_agg(g.received)), disclosure.total(array_agg(g.disclosed)), disclosure.total(array_agg(g.refused)),
			disclosure.total(array_agg(g.withdrawn)), disclosure.total(array_agg(g.open)), disclosure.total(array_agg(g.told)) FROM guarded g;
END $$;

CREATE OR REPLACE FUNCTION disclosure.shown(p_count int8, p_least int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN p_count = 0 OR p_count >= p_least THEN p_count END
$$;

-- The sum, if every part of it is told.
CREATE OR REPLACE FUNCTION disclosure.total(p_parts int8[]) RETURNS int8 LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN array_position(p_parts, NULL) IS NULL THEN (SELECT sum(p) FROM unnest(p_parts) p)::int8 END
$$;

DO $$
DECLARE
	f regprocedure;
BEGIN
	FOR f IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'disclosure'::regnamespace LOOP
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
	END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION disclosure.add_step(uuid, text, jsonb, text, boolean), disclosure.take(uuid, uuid, text), disclosure.taken(uuid, uuid),
	disclosure.read(uuid, int8, int8, int8) TO cairn_officer;
GRANT EXECUTE ON FUNCTION disclosure.fact(uuid, text), disclosure.digest_of(disclosure.step), disclosure.compile(jsonb, timestamptz), disclosure.subjects(uuid), disclosure.consenting(uuid),
	disclosure.untold(uuid), disclosure.wants_review(uuid), disclosure.silence_is_final(uuid), disclosure.statement(uuid, text), disclosure.report(int8, int8) TO cairn_officer, cairn_auditor;
GRANT USAGE ON SCHEMA disclosure TO cairn_subscriber;
GRANT EXECUTE ON FUNCTION disclosure.overdue() TO cairn_subscriber;
GRANT EXECUTE ON FUNCTION disclosure.add_officer(text, bytea, bytea, text), disclosure.end_officer(bytea, text, text) TO cairn_operator;

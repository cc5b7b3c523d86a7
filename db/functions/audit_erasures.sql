-- What is none, as somebody wrote it there, is NULL: it must not end the question.
CREATE OR REPLACE FUNCTION audit.uuid_of(p_text text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT CASE WHEN p_text ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN p_text::uuid END
$$;
CREATE OR REPLACE FUNCTION audit.seconds_of(p_text text) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT CASE WHEN p_text ~ '^[0-9]{1,10}$' THEN p_text::int8 END
$$;
REVOKE ALL ON FUNCTION audit.uuid_of(text), audit.seconds_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.uuid_of(text), audit.seconds_of(text) TO cairn_auditor;

-- What is gone by record, for who asks audit.why, audit.gaps and audit.report_totals by SQL (cairn audit has a text of its own, as whoever deletes could mend this one: cli/audit_erased.c): erasures that are sealed, and that the rules of retention allowed when
-- they were made, as sealed events tell those (F-46). Else whoever can write into the database would write an erasure himself, and delete.
-- Without a change on record SUB-* is without end and visits of pages have six days; no rule has less than a day.
-- p_waiting: also those whose seal is on its way, seconds after they were made.
CREATE OR REPLACE FUNCTION audit.lawful_erasures(p_waiting boolean DEFAULT false) RETURNS TABLE (name text, from_id uuid, until_id uuid) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY WITH waiting AS MATERIALIZED (SELECT u.id FROM log.unsealed u WHERE p_waiting AND u.kind = 3),
	told AS MATERIALIZED (SELECT * FROM log.event e WHERE e.kind = 'retention.changed' UNION ALL SELECT * FROM log.event e WHERE e.kind = 'log.erased'),
	sealed AS MATERIALIZED (
		SELECT e.* FROM told e LEFT JOIN log.leaf l ON l.row_id = e.id AND l.kind = 3 WHERE l.row_id IS NOT NULL OR e.id IN (SELECT w.id FROM waiting w)),
	rules AS MATERIALIZED (
		SELECT e.facts->>'class' AS class, e.happened_at AS since, lead(e.happened_at) OVER (PARTITION BY e.facts->>'class' ORDER BY e.id) AS until,
			audit.seconds_of(e.facts->>'keep_s') AS keep_s, least(audit.seconds_of(e.facts->>'clear_s'), audit.seconds_of(e.facts->>'keep_s')) AS clear_s
		FROM sealed e WHERE e.kind = 'retention.changed'
		UNION ALL SELECT 'WEB', '-infinity', (SELECT min(e.happened_at) FROM log.event e WHERE e.kind = 'retention.changed' AND e.facts->>'class' = 'WEB'), 518400, 518400),
	tables AS MATERIALIZED (SELECT t.name, t.part, t.term, k.class FROM cairn.retained t, unnest(cairn.classes_of(t.name, t.part)) k (class) WHERE starts_with(t.name, 'log.')),
	erased AS MATERIALIZED (
		SELECT e.facts->>'table' AS name, CASE WHEN e.facts->'classes' = '["WEB"]' THEN 'web' ELSE 'all' END AS part, e.happened_at, e.facts
		FROM sealed e WHERE e.kind = 'log.erased' AND e.happened_at BETWEEN '2000-01-01' AND now()),
	terms AS MATERIALIZED (
		SELECT x.*, cairn.id_at(x.happened_at - make_interval(secs => greatest(s.term_s, 86400))) AS before FROM erased x, LATERAL (
			SELECT min(CASE t.term WHEN 'keep' THEN r.keep_s ELSE r.clear_s END) AS term_s FROM tables t
				JOIN rules r ON r.class = t.class AND r.since <= x.happened_at AND (r.until IS NULL OR r.until > x.happened_at)
			WHERE t.name = x.name AND t.part = x.part) s WHERE s.term_s IS NOT NULL)
	SELECT t.name, i.id, i.id FROM terms t, LATERAL (SELECT audit.uuid_of(x) AS id
		FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(t.facts->'ids') = 'array' THEN t.facts->'ids' ELSE '[]' END) x) i
		WHERE i.id < t.before AND (t.part = 'all' OR NOT EXISTS (SELECT FROM log.request r WHERE r.id = i.id AND r.route NOT IN ('terms', 'doctor', 'unpause', 'stop-recovery')))
	UNION ALL SELECT t.name, r.a, r.z FROM terms t, LATERAL (SELECT audit.uuid_of(t.facts->>'from') AS a, audit.uuid_of(t.facts->>'until') AS z) r
		WHERE t.part = 'all' AND r.a IS NOT NULL AND r.z <= t.before;
END $$;

REVOKE ALL ON FUNCTION audit.lawful_erasures(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.lawful_erasures(boolean) TO cairn_auditor;

-- The same for one table as one value: an erasure that no rule allowed is none there either (F-46).
CREATE OR REPLACE FUNCTION audit.erased_ids(p_table text, p_waiting boolean) RETURNS cairn.id_ranges LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(range_agg(cairn.id_range(e.from_id, e.until_id, CASE WHEN e.from_id = e.until_id THEN '[]' ELSE '[)' END)), '{}')
		FROM audit.lawful_erasures(p_waiting) e WHERE e.name = p_table AND e.from_id <= e.until_id
$$;

-- What became of a row that is not there: erased, erased by what is not sealed yet (waiting), or missing.
CREATE OR REPLACE FUNCTION audit.erased_state(p_sealed cairn.id_ranges, p_waiting cairn.id_ranges, p_id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN p_sealed @> p_id THEN 'erased' WHEN p_waiting @> p_id THEN 'waiting' ELSE 'missing' END
$$;
REVOKE ALL ON FUNCTION audit.erased_ids(text, boolean), audit.erased_state(cairn.id_ranges, cairn.id_ranges, uuid) FROM PUBLIC;

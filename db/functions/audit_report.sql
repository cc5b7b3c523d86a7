-- What auditors ask of a day (F-57) and of a year's care for personal data (G-66), from the records of a period. Nothing here names who is
-- held or whose data was asked for: a review needs how many, by whom and why. Like audit.gaps it may read whole ranges.

CREATE OR REPLACE FUNCTION audit.report_day(p_since timestamptz, p_until timestamptz) RETURNS TABLE (section text, at timestamptz, what text, facts jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET enable_bitmapscan = on SET enable_hashjoin = on AS $$
DECLARE
	a uuid := cairn.id_at(p_since);
	z uuid := cairn.id_at(p_until);
	long_ago uuid := cairn.id_at(p_since - interval '400 days');
BEGIN
	-- each process as it ran when the period began, and what became of it since
	RETURN QUERY SELECT 'software', e.happened_at, e.process || ' ' || e.kind, e.facts FROM (
			(SELECT DISTINCT ON (v.process) v.* FROM log.event v WHERE v.id >= long_ago AND v.id < a AND v.kind IN ('process.started', 'process.reloaded', 'process.stopped')
				ORDER BY v.process, v.id DESC)
			UNION ALL SELECT v.* FROM log.event v WHERE v.id >= a AND v.id < z AND v.kind IN ('process.started', 'process.reloaded', 'process.stopped')) e ORDER BY e.id;
	RETURN QUERY SELECT 'schema', s.applied_at, s.name, jsonb_build_object('sha256', s.sha256) FROM audit.schema_change s
		WHERE s.applied_at < p_until AND (s.applied_at >= p_since OR s.number = (SELECT max(x.number) FROM audit.schema_change x WHERE x.applied_at < p_until)) ORDER BY 2, 3;
	RETURN QUERY SELECT 'policy', p.in_force_from, 'version ' || p.version, jsonb_build_object('applied_by', p.applied_by, 'sha256', p.sha256, 'in_force_until', p.in_force_until)
		FROM audit.policy p WHERE p.in_force_from < p_until AND (p.in_force_until IS NULL OR p.in_force_until > p_since) ORDER BY 2;
	RETURN QUERY SELECT 'profile', min(c.begun_at), c.profile, jsonb_build_object('certificates', count(*), 'issuers', array_agg(DISTINCT c.issuer))
		FROM audit.certificate c WHERE c.id >= a AND c.id < z GROUP BY c.profile ORDER BY 3;
	-- each profile as it was offered when the period began, and what became of it since
	RETURN QUERY SELECT 'profile', e.happened_at, concat_ws(' ', e.facts->>'profile', e.kind), e.facts - 'profile' FROM (
			(SELECT DISTINCT ON (v.facts->>'profile') v.* FROM log.event v WHERE v.id < a AND v.kind IN ('profile.introduced', 'profile.changed', 'profile.retired')
				ORDER BY v.facts->>'profile', v.id DESC)
			UNION ALL SELECT v.* FROM log.event v WHERE v.id >= a AND v.id < z AND v.kind IN ('profile.introduced', 'profile.changed', 'profile.retired')) e ORDER BY e.id;
	RETURN QUERY SELECT 'role', o.added_at, 'officer ' || o.name, jsonb_build_object('fingerprint', o.fingerprint, 'added_by', o.added_by, 'ended_at', o.ended_at)
		FROM audit.disclosure_officer o WHERE o.added_at < p_until AND (o.ended_at IS NULL OR o.ended_at > p_since) ORDER BY 2;
	RETURN QUERY SELECT 'role', NULL::timestamptz, 'database role ' || r.rolname, jsonb_build_object('login', r.rolcanlogin, 'superuser', r.rolsuper)
		FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 3;
	RETURN QUERY SELECT 'key', i.registered_at, 'issuer ' || i.name, jsonb_build_object('key_id', i.key_id, 'sha256', i.sha256, 'active', i.active)
		FROM audit.issuer i WHERE i.registered_at < p_until ORDER BY 2;
	RETURN QUERY SELECT 'crl', c.this_update, format('%s shard %s number %s', c.issuer, c.shard, c.number), jsonb_build_object('entries', c.entries, 'sha256', c.sha256)
		FROM audit.crl c WHERE c.this_update >= p_since AND c.this_update < p_until ORDER BY 2;
	RETURN QUERY SELECT CASE WHEN starts_with(e.actor, 'operator ') THEN 'operator' ELSE 'alarm' END, e.happened_at, concat_ws(' ', nullif(e.actor, 'cairn'), e.kind), e.facts
		FROM log.event e WHERE e.id >= a AND e.id < z AND (starts_with(e.actor, 'operator ') OR e.kind IN ('witness.split', 'validation.lost', 'validation.refused', 'key.blocked', 'certificate.refused')
			OR (e.kind = 'process.started' AND e.facts->>'before' = 'ended without a stop')) ORDER BY e.id;
END $$;

CREATE OR REPLACE FUNCTION audit.report_privacy(p_since timestamptz, p_until timestamptz) RETURNS TABLE (section text, at timestamptz, what text, facts jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET enable_bitmapscan = on SET enable_hashjoin = on AS $$
DECLARE
	a uuid := cairn.id_at(p_since);
	z uuid := cairn.id_at(p_until);
BEGIN
	RETURN QUERY SELECT 'schema', s.applied_at, s.name, jsonb_build_object('sha256', s.sha256) FROM audit.schema_change s
		WHERE s.applied_at >= p_since AND s.applied_at < p_until ORDER BY 2, 3;
	-- what is kept, to be compared with the review of the year before
	RETURN QUERY SELECT 'class', NULL::timestamptz, d.class, jsonb_build_object('columns', count(*), 'sha256', encode(sha256(convert_to(string_agg(
			format('%s.%s.%s: %s', d.schema, d.name, d.column_name, d.meaning), E'\n' ORDER BY d.schema, d.name, d.column_name), 'UTF8')), 'hex'))
		FROM audit.dictionary d WHERE d.schema NOT IN ('audit', 'front', 'export') GROUP BY d.class ORDER BY 3;
	RETURN QUERY SELECT 'retention', r.changed_at, r.class, jsonb_build_object('version', r.version, 'clear_s', r.clear_s, 'keep_s', r.keep_s, 'changed_by', r.changed_by, 'reason', r.reason)
		FROM cairn.retention r WHERE r.changed_at < p_until AND (r.changed_at >= p_since OR NOT EXISTS (SELECT FROM cairn.retention n WHERE n.class = r.class AND n.version > r.version
			AND n.changed_at < p_since)) ORDER BY 3, r.version;
	RETURN QUERY SELECT 'erased', max(e.happened_at), e.facts->>'table', jsonb_build_object('rows', sum((e.facts->>'rows')::int8), 'times', count(*))
		FROM log.event e WHERE e.id >= a AND e.id < z AND e.kind = 'log.erased' GROUP BY 3 ORDER BY 3;
	RETURN QUERY SELECT 'read', max(e.happened_at), concat_ws(' by ', e.kind, e.actor), jsonb_strip_nulls(jsonb_build_object('times', count(*), 'accounts', nullif(count(DISTINCT e.account_id), 0),
			'reasons', (array_agg(DISTINCT coalesce(e.facts->>'reason', e.facts->>'case')) FILTER (WHERE e.actor <> 'account' AND e.facts ?| ARRAY['reason', 'case']))[1:100]))
		FROM log.event e WHERE e.id >= a AND e.id < z AND e.kind IN ('audit.subject_read', 'subject.read', 'recovery.taken', 'recovery.matched', 'export.written') GROUP BY e.kind, e.actor ORDER BY 3;
	RETURN QUERY SELECT 'hold', h.created_at, cairn.id_text(h.id), jsonb_build_object('ground', h.ground, 'by', h.created_by, 'ends_at', h.ends_at, 'ended_at', h.ended_at, 'end_reason', h.end_reason)
		FROM cairn.hold h WHERE h.created_at < p_until AND coalesce(h.ended_at, h.ends_at) >= p_since ORDER BY 2;
	RETURN QUERY SELECT 'case', d.received_at, d.url_id, jsonb_build_object('kind', d.kind, 'ground', d.ground, 'notice', d.notice, 'silent_because', d.silent_because, 'approved_by', d.approved_by,
			'state', d.state, 'since', d.since, 'released_at', d.released_at, 'intact', (SELECT bool_and(s.intact) FROM audit.disclosure_step s WHERE s.case_id = d.id))
		FROM audit.disclosure d WHERE d.received_at < p_until AND (d.since >= p_since OR d.state NOT IN ('closed', 'refused', 'withdrawn')) ORDER BY 2;
	RETURN QUERY SELECT 'duty', d.due_at, d.url_id || ' ' || d.duty, jsonb_build_object('overdue', d.overdue) FROM audit.disclosure_duty d ORDER BY 2;
END $$;

REVOKE ALL ON FUNCTION audit.report_day(timestamptz, timestamptz), audit.report_privacy(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.report_day(timestamptz, timestamptz), audit.report_privacy(timestamptz, timestamptz) TO cairn_auditor;

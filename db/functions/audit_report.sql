-- What auditors ask of a day (F-57), of a period's totals (F-58) and of a year's care for personal data (G-66), from the records of a period. Nothing here names who is
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
	-- as they were when the period began, and what became of them since; without the first, as of the first event behind it
	RETURN QUERY SELECT 'role', e.happened_at, 'database role ' || r.key, r.value FROM (
			(SELECT v.* FROM log.event v WHERE v.id < a AND v.kind = 'roles.changed' ORDER BY v.id DESC LIMIT 1)
			UNION ALL SELECT v.* FROM log.event v WHERE v.id >= a AND v.id < z AND v.kind = 'roles.changed') e, jsonb_each(e.facts->'roles') r ORDER BY e.id, 3;
	RETURN QUERY SELECT 'key', e.happened_at, concat_ws(' ', 'issuer', i.name, e.kind), jsonb_build_object('key_id', i.key_id, 'sha256', i.sha256, 'active', e.facts->'active') FROM (
			(SELECT DISTINCT ON (v.facts->>'issuer') v.* FROM log.event v WHERE v.id < a AND v.kind IN ('issuer.registered', 'issuer.changed') ORDER BY v.facts->>'issuer', v.id DESC)
			UNION ALL SELECT v.* FROM log.event v WHERE v.id >= a AND v.id < z AND v.kind IN ('issuer.registered', 'issuer.changed')) e
		JOIN audit.issuer i ON i.name = e.facts->>'issuer' ORDER BY e.id;
	RETURN QUERY SELECT 'key', e.happened_at, concat_ws(' ', e.process, e.kind, e.facts->>'issuer'), e.facts - 'issuer' FROM (
			(SELECT DISTINCT ON (v.process, v.facts->>'issuer') v.* FROM log.event v WHERE v.id >= long_ago AND v.id < a AND v.kind IN ('key.opened', 'key.closed')
				ORDER BY v.process, v.facts->>'issuer', v.id DESC)
			UNION ALL SELECT v.* FROM log.event v WHERE v.id >= a AND v.id < z AND v.kind IN ('key.opened', 'key.closed')) e ORDER BY e.id;
	RETURN QUERY SELECT 'crl', c.this_update, format('%s shard %s number %s', c.issuer, c.shard, c.number), jsonb_build_object('entries', c.entries, 'sha256', c.sha256)
		FROM audit.crl c WHERE c.this_update >= p_since AND c.this_update < p_until ORDER BY 2;
	RETURN QUERY SELECT CASE WHEN starts_with(e.actor, 'operator ') THEN 'operator' ELSE 'alarm' END, e.happened_at, concat_ws(' ', nullif(e.actor, 'cairn'), CASE WHEN e.kind = 'service.ended' THEN e.process END, e.kind), e.facts
		FROM log.event e WHERE e.id >= a AND e.id < z AND (starts_with(e.actor, 'operator ') OR e.kind IN ('alarm.raised', 'alarm.told', 'witness.split', 'validation.lost', 'validation.refused', 'key.blocked', 'certificate.refused')
			OR (e.kind = 'process.started' AND e.facts->>'before' = 'ended without a stop') OR e.kind IN ('access.refused', 'journal.lost', 'journal.unread')
			OR (e.kind = 'service.ended' AND NOT (e.facts->>'told')::boolean)) ORDER BY e.id;
END $$;

-- One total from both sides: what the tables have, and what the journal of sealed events tells. Where events of the period were erased by a
-- rule, the journal may have fewer, and nothing is said of it.
CREATE OR REPLACE FUNCTION audit.total(p_section text, p_what text, p_records int8, p_journal int8, p_erased boolean, p_more jsonb DEFAULT '{}')
RETURNS TABLE (section text, at timestamptz, what text, facts jsonb) LANGUAGE sql IMMUTABLE AS $$
	SELECT p_section, NULL::timestamptz, p_what, jsonb_strip_nulls(jsonb_build_object('records', coalesce(p_records, 0), 'journal', coalesce(p_journal, 0),
		'agree', CASE WHEN coalesce(p_records, 0) = coalesce(p_journal, 0) THEN true WHEN NOT p_erased THEN false END)) || jsonb_strip_nulls(p_more)
$$;

-- Populations with their totals (F-58). A certificate counts in the period in which it was begun, a revocation in that in which it was last
-- changed, and both sides by one moment, so that nothing falls between two periods that follow each other.
CREATE OR REPLACE FUNCTION audit.report_totals(p_since timestamptz, p_until timestamptz, p_erased cairn.id_ranges DEFAULT NULL) RETURNS TABLE (section text, at timestamptz, what text, facts jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET enable_bitmapscan = on SET enable_hashjoin = on SET enable_sort = on AS $$
DECLARE
	a uuid := cairn.id_at(p_since);
	z uuid := cairn.id_at(p_until);
	margin CONSTANT interval := '10 min'; -- between a row and the event that tells of it
	a_wide uuid := cairn.id_at(p_since - margin);
	z_wide uuid := cairn.id_at(p_until + margin);
	z_late uuid := cairn.id_at(p_until + interval '1 day'); -- a certificate may wait for SCTs, or for a token
	erased boolean := coalesce(p_erased, audit.erased_ids('log.event', true)) && cairn.id_range(a_wide, z_late); -- of events, as the command says; NULL: as the database judges
BEGIN
	RETURN QUERY WITH made AS MATERIALIZED (SELECT c.profile, c.issuer, count(*) AS n FROM audit.certificate c WHERE c.id >= a AND c.id < z AND c.state = 'issued' GROUP BY 1, 2),
		told AS MATERIALIZED (SELECT e.facts->>'profile' AS profile, e.facts->>'issuer' AS issuer, count(*) AS n FROM log.event e
			WHERE e.id >= a AND e.id < z_late AND e.kind = 'certificate.issued' AND e.certificate_id >= a AND e.certificate_id < z GROUP BY 1, 2)
		SELECT t.* FROM made m FULL JOIN told j ON j.profile = m.profile AND j.issuer = m.issuer,
				audit.total('issued', format('%s by %s', coalesce(m.profile, j.profile), coalesce(m.issuer, j.issuer)), m.n, j.n, erased) t
		UNION ALL SELECT t.* FROM audit.total('issued', 'all', (SELECT sum(m.n) FROM made m)::int8, (SELECT sum(j.n) FROM told j)::int8, erased) t ORDER BY 3;
	RETURN QUERY SELECT t.* FROM audit.total('given up', 'all', (SELECT count(*) FROM audit.certificate c WHERE c.id >= a AND c.id < z AND c.state = 'given up'),
		(SELECT count(*) FROM log.event e WHERE e.id >= a AND e.id < z_late AND e.kind = 'certificate.refused' AND e.certificate_id >= a AND e.certificate_id < z), erased,
		jsonb_build_object('still signing', (SELECT nullif(count(*), 0) FROM audit.certificate c WHERE c.id >= a AND c.id < z AND c.state = 'signing'))) t;
	-- requests are their own journal: causes add up to what was refused, and that with the rest to all
	RETURN QUERY SELECT 'refused', NULL::timestamptz, concat_ws(' ', r.route, r.problem, r.rule), jsonb_build_object('requests', count(*))
		FROM log.request r WHERE r.id >= a AND r.id < z AND r.status >= 400 GROUP BY r.route, r.problem, r.rule ORDER BY 3;
	RETURN QUERY SELECT 'requests', NULL::timestamptz, 'all'::text, jsonb_build_object('requests', count(*), 'served', count(*) FILTER (WHERE r.status < 400),
		'refused', count(*) FILTER (WHERE r.status >= 400), 'unknown', count(*) FILTER (WHERE r.status IS NULL)) FROM log.request r WHERE r.id >= a AND r.id < z;
	RETURN QUERY SELECT 'validations', NULL::timestamptz, concat_ws(' ', v.method, CASE WHEN v.passed THEN 'passed' ELSE v.problem END), jsonb_build_object('validations', count(*))
		FROM log.validation v WHERE v.id >= a AND v.id < z GROUP BY v.method, v.passed, CASE WHEN v.passed THEN NULL ELSE v.problem END, 3 ORDER BY 3;
	RETURN QUERY WITH told AS MATERIALIZED (SELECT DISTINCT ON (e.certificate_id) e.certificate_id, e.happened_at, (e.facts->>'reason')::int AS reason FROM log.event e
			WHERE e.id >= a_wide AND e.kind = 'certificate.revoked' ORDER BY e.certificate_id, e.id DESC),
		both_sides AS MATERIALIZED (SELECT r.certificate_id, r.reason, r.issuer, r.crl_shard, r.changed_at, j.certificate_id AS told_id, j.reason AS told_reason
			FROM (SELECT * FROM audit.revocation x WHERE x.changed_at >= p_since - margin AND x.changed_at < p_until + margin) r FULL JOIN told j ON j.certificate_id = r.certificate_id
			WHERE coalesce(j.happened_at, r.changed_at) >= p_since AND coalesce(j.happened_at, r.changed_at) < p_until),
		listed AS MATERIALIZED (SELECT b.reason, extract(epoch FROM (SELECT min(c.covers_until) FROM audit.crl c WHERE c.issuer = b.issuer AND c.shard = b.crl_shard
				AND c.covers_until >= b.changed_at) - b.changed_at) AS after_s FROM both_sides b WHERE b.certificate_id IS NOT NULL),
		reasons AS MATERIALIZED (SELECT coalesce(b.reason, b.told_reason) AS reason FROM both_sides b UNION SELECT b.told_reason FROM both_sides b WHERE b.told_id IS NOT NULL)
		SELECT t.* FROM (SELECT reason FROM reasons UNION ALL SELECT NULL) k, audit.total('revoked', coalesce('reason ' || k.reason, 'all'),
			(SELECT count(*) FROM both_sides b WHERE b.certificate_id IS NOT NULL AND (k.reason IS NULL OR b.reason = k.reason)),
			(SELECT count(*) FROM both_sides b WHERE b.told_id IS NOT NULL AND (k.reason IS NULL OR b.told_reason = k.reason)), erased,
			(SELECT jsonb_build_object('unlisted', nullif(count(*) FILTER (WHERE l.after_s IS NULL), 0),
					'listed_after_s', round(percentile_cont(0.5) WITHIN GROUP (ORDER BY l.after_s))::int8, 'listed_after_s_most', round(max(l.after_s))::int8)
				FROM listed l WHERE k.reason IS NULL OR l.reason = k.reason)) t ORDER BY 3;
	RETURN QUERY WITH made AS MATERIALIZED (SELECT c.issuer, c.shard, c.number, c.entries, c.covers_until FROM audit.crl c
			WHERE c.covers_until >= p_since - margin AND c.covers_until < p_until + margin),
		told AS MATERIALIZED (SELECT e.facts->>'issuer' AS issuer, (e.facts->>'shard')::int AS shard, (e.facts->>'number')::int8 AS number, (e.facts->>'entries')::int AS entries,
			e.happened_at FROM log.event e WHERE e.id >= a_wide AND e.id < z_wide AND e.kind = 'crl.published'),
		both_sides AS MATERIALIZED (SELECT coalesce(m.issuer, j.issuer) AS issuer, coalesce(m.shard, j.shard) AS shard, m.number, m.entries, m.covers_until,
				j.number AS told_number, j.entries AS told_entries
			FROM made m FULL JOIN told j ON j.issuer = m.issuer AND j.shard = m.shard AND j.number = m.number
			WHERE coalesce(j.happened_at, m.covers_until) >= p_since AND coalesce(j.happened_at, m.covers_until) < p_until)
		SELECT t.* FROM (SELECT b.issuer, b.shard, count(b.number) AS n, count(b.told_number) AS told FROM both_sides b GROUP BY 1, 2) k,
			audit.total('crls', format('%s shard %s', k.issuer, k.shard), k.n, k.told, erased) t
		UNION ALL SELECT t.* FROM (SELECT b.issuer, b.shard, sum(b.entries)::int8 AS n, sum(b.told_entries)::int8 AS told FROM both_sides b GROUP BY 1, 2) k,
			audit.total('crl entries', format('%s shard %s', k.issuer, k.shard), k.n, k.told, erased, (SELECT jsonb_build_object('newest', b.number, 'entries', b.entries,
				'revoked', (SELECT count(*) FROM audit.revocation r WHERE r.issuer = b.issuer AND r.crl_shard = b.shard AND r.changed_at <= b.covers_until AND r.not_after >= b.covers_until))
				FROM both_sides b WHERE b.issuer = k.issuer AND b.shard = k.shard AND b.number IS NOT NULL ORDER BY b.number DESC LIMIT 1)) t ORDER BY 1, 3;
	RETURN QUERY SELECT t.* FROM audit.total('transparency', 'precertificates', (SELECT count(*) FROM ca.precertificate p WHERE p.certificate_id >= a AND p.certificate_id < z),
			(SELECT count(*) FROM log.event e WHERE e.id >= a AND e.id < z_late AND e.kind = 'precertificate.signed' AND e.certificate_id >= a AND e.certificate_id < z), erased) t
		UNION ALL SELECT t.* FROM audit.total('transparency', 'with SCTs', (SELECT count(*) FROM ca.precertificate p WHERE p.certificate_id >= a AND p.certificate_id < z AND p.sct_list IS NOT NULL),
			(SELECT count(*) FROM log.event e WHERE e.id >= a AND e.id < z_late AND e.kind = 'certificate.promised' AND e.certificate_id >= a AND e.certificate_id < z), erased) t;
	RETURN QUERY SELECT 'submissions', NULL::timestamptz, concat_ws(' ', s->>'log', s->>'outcome'), jsonb_build_object('submissions', count(*))
		FROM log.event e, jsonb_array_elements(e.facts->'submissions') s WHERE e.id >= a AND e.id < z_late AND e.kind = 'certificate.promised'
			AND e.certificate_id >= a AND e.certificate_id < z GROUP BY 3 ORDER BY 3;
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

-- Who can do what, and did, for the review of rights each quarter (F-66; NSR 2.1-2.2): database roles with what they are members of and how much they may do,
-- people by the names under which they acted, with the roles that they did it as, and officers.
CREATE OR REPLACE FUNCTION audit.report_access(p_since timestamptz, p_until timestamptz) RETURNS TABLE (section text, at timestamptz, what text, facts jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET enable_hashjoin = on AS $$
DECLARE
	a uuid := cairn.id_at(p_since);
	z uuid := cairn.id_at(p_until);
BEGIN
	RETURN QUERY WITH used AS MATERIALIZED (SELECT e.facts->>'login' AS login, max(e.happened_at) AS last_at, count(*) AS acts FROM log.event e
			WHERE e.id >= a AND e.id < z AND e.facts ? 'login' GROUP BY 1
			UNION ALL SELECT e.facts->>'role', max((e.facts->>'at')::timestamptz), NULL FROM log.event e WHERE e.id >= a AND e.id < z AND e.kind = 'access.session' GROUP BY 1
			UNION ALL SELECT replace(split_part(r.instance, '@', 1), '-', '_'), max(greatest(r.started_at, r.stopped_at)), NULL FROM cairn.run r GROUP BY 1)
		SELECT 'role', (SELECT max(u.last_at) FROM used u WHERE u.login = r.rolname AND u.last_at < p_until), r.rolname::text, jsonb_strip_nulls(jsonb_build_object('login', r.rolcanlogin,
			'superuser', r.rolsuper, 'makes_roles', r.rolcreaterole, 'until', r.rolvaliduntil, 'acts', (SELECT sum(u.acts) FROM used u WHERE u.login = r.rolname),
			'sessions', (SELECT sum((e.facts->>'times')::int8) FROM log.event e WHERE e.id >= a AND e.id < z AND e.kind = 'access.session' AND e.facts->>'role' = r.rolname),
			'refused', (SELECT sum((e.facts->>'times')::int8) FROM log.event e WHERE e.id >= a AND e.id < z AND e.kind = 'access.refused' AND e.facts->>'role' = r.rolname),
			'member_of', (SELECT array_agg(g.rolname ORDER BY g.rolname) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid),
			'functions', (SELECT count(*) FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE f.prosecdef AND n.nspname !~ '^(pg_|information_schema)'
				AND has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_function_privilege(r.oid, f.oid, 'EXECUTE'))))
		FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 3;
	RETURN QUERY SELECT 'person', max(e.happened_at), e.actor, jsonb_build_object('acts', count(*), 'kinds', array_agg(DISTINCT e.kind), 'logins', array_agg(DISTINCT e.facts->>'login'))
		FROM log.event e WHERE e.id >= a AND e.id < z AND e.actor ~ '^(operator|auditor|officer) ' GROUP BY e.actor ORDER BY 3;
	RETURN QUERY SELECT 'officer', o.added_at, o.name, jsonb_build_object('fingerprint', o.fingerprint, 'added_by', o.added_by, 'ended_at', o.ended_at)
		FROM audit.disclosure_officer o WHERE o.added_at < p_until AND (o.ended_at IS NULL OR o.ended_at > p_since) ORDER BY 2;
END $$;
REVOKE ALL ON FUNCTION audit.report_access(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.report_access(timestamptz, timestamptz) TO cairn_auditor;

REVOKE ALL ON FUNCTION audit.report_day(timestamptz, timestamptz), audit.report_totals(timestamptz, timestamptz, cairn.id_ranges),
	audit.total(text, text, int8, int8, boolean, jsonb), audit.report_privacy(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.report_day(timestamptz, timestamptz), audit.report_totals(timestamptz, timestamptz, cairn.id_ranges),
	audit.total(text, text, int8, int8, boolean, jsonb), audit.report_privacy(timestamptz, timestamptz) TO cairn_auditor;

-- Alarms (F-70, docs/alarms.md). What happens at one moment is raised by the function that records it; what lasts is found by
-- log.note_alarms, which cairn-subscriber runs again and again. One alarm is open for each kind and subject, until it is over and somebody has answered it.

-- True: it is a new one.
CREATE OR REPLACE FUNCTION log.raise_alarm(p_kind text, p_subject text, p_detail text, p_process text, p_lasts boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_id uuid := cairn.new_id();
	told_id uuid;
BEGIN
	INSERT INTO cairn.alarm AS a (id, kind, subject, detail, raised_at, seen_at, ended_at)
		VALUES (new_id, p_kind, left(p_subject, 200), left(p_detail, 500), now(), now(), CASE WHEN NOT p_lasts THEN now() END)
		ON CONFLICT (kind, subject) WHERE acknowledged_at IS NULL OR ended_at IS NULL DO UPDATE SET detail = excluded.detail, seen_at = excluded.seen_at,
			ended_at = excluded.ended_at, times = a.times + CASE WHEN a.ended_at IS NULL THEN 0 ELSE 1 END
		RETURNING a.id INTO told_id;
	IF told_id = new_id THEN
		PERFORM log.add_event(cairn.new_id(), p_process, CASE WHEN p_process = 'cairn' THEN 'operator ' || session_user ELSE 'cairn' END, 'alarm.raised',
			NULL, NULL, NULL, NULL, jsonb_build_object('alarm', cairn.id_text(new_id), 'kind', p_kind, 'subject', left(p_subject, 200), 'detail', left(p_detail, 500)));
	END IF;
	RETURN told_id = new_id;
END $$;

-- Perspectives that gave no answer of use to the last questions, three at least, for five minutes at least, and were asked within an hour of the
-- newest question: one that is asked no more is none. The newest 2,000 answers of a day are looked at; where these are fewer than five minutes,
-- those minutes are looked through for an answer.
CREATE OR REPLACE FUNCTION log.silent_perspectives() RETURNS TABLE (perspective text, since timestamptz, questions int8) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH latest AS MATERIALIZED (SELECT cairn.time_of(v.id) AS at, v.perspective, v.passed OR v.problem IS DISTINCT FROM 'SERVER_INTERNAL' AS answered
			FROM log.validation v WHERE v.id >= cairn.id_at(now() - interval '1 d') AND v.corroborates IS NOT NULL ORDER BY v.id DESC LIMIT 2000),
		placed AS (SELECT l.*, max(l.at) FILTER (WHERE l.answered) OVER (PARTITION BY l.perspective) AS answered_at, max(l.at) OVER () AS newest,
			count(*) OVER () AS looked_at FROM latest l)
	SELECT p.perspective, min(p.at), count(*) FROM placed p WHERE p.answered_at IS NULL OR p.at > p.answered_at GROUP BY p.perspective
	HAVING count(*) >= 3 AND max(p.at) > max(p.newest) - interval '1 h' AND (min(p.at) <= now() - interval '5 min'
		OR (max(p.looked_at) = 2000 AND NOT EXISTS (SELECT FROM log.validation v WHERE v.id >= cairn.id_at(now() - interval '5 min')
			AND v.perspective = p.perspective AND v.corroborates IS NOT NULL AND (v.passed OR v.problem IS DISTINCT FROM 'SERVER_INTERNAL'))))
$$;

-- What is wrong now, and lasts.
-- CRLs that are not as new as they have to be: at latest half a day before the four days that rules for public CAs give (E-22). An issuer that issues no
-- more goes on until its last certificate has ended.
CREATE OR REPLACE FUNCTION log.late_crls() RETURNS TABLE (subject text, detail text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('%s/%s', l.issuer, l.shard), CASE WHEN l.number IS NULL THEN 'There is no CRL'
			WHEN l.unlisted THEN 'What was revoked more than an hour ago is in no CRL yet'
			ELSE format('The newest CRL was made on %s UTC and ends on %s UTC', to_char(l.this_update AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
				to_char(l.next_update AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) END
	FROM (SELECT s.issuer, s.shard, c.*, i.active, i.registered_at, EXISTS (SELECT FROM ca.revocation v WHERE v.issuer = s.issuer AND v.crl_shard = s.shard
				AND v.changed_at > c.covers_until AND v.changed_at < now() - interval '1 h') AS unlisted
			FROM ca.crl_shard s JOIN ca.issuer i ON i.name = s.issuer LEFT JOIN LATERAL (SELECT k.number, k.this_update, k.next_update, k.covers_until
				FROM ca.crl k WHERE k.issuer = s.issuer AND k.shard = s.shard ORDER BY k.number DESC LIMIT 1) c ON true) l
	WHERE CASE WHEN l.number IS NULL THEN l.registered_at < now() - interval '10 min' ELSE l.unlisted OR l.next_update - now() < (l.next_update - l.this_update) / 3
			OR l.this_update < now() - interval '84 h' END
		AND CASE WHEN l.active THEN true ELSE EXISTS (SELECT FROM ca.certificate k WHERE k.issuer = l.issuer AND k.not_after > now()) END
$$;
REVOKE ALL ON FUNCTION log.late_crls() FROM PUBLIC;

-- PostgreSQL keeps notifications until each session that listens has read them; when their queue is full, no commit with one succeeds: no revocation.
CREATE OR REPLACE FUNCTION log.notifications(p_used float8) RETURNS TABLE (kind text, subject text, detail text) LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'notifications', '', format('%s %% of the queue of notifications are in use: a session listens and does not read, such as one idle in a transaction', round(p_used * 100))
	WHERE p_used > 0.1
$$;
REVOKE ALL ON FUNCTION log.notifications(float8) FROM PUBLIC;

CREATE OR REPLACE FUNCTION log.alarming() RETURNS TABLE (kind text, subject text, detail text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'seal-late', '', format('Rows of the log have waited for their seal since %s UTC: the log of cairn-subscriber says why',
			to_char(cairn.time_of(u.first) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'))
		FROM (SELECT w.id AS first FROM log.unsealed w ORDER BY w.id LIMIT 1) u WHERE u.first < cairn.id_at(now() - interval '10 min')
	UNION ALL SELECT 'checkpoint-late', '', format('Leaves of the log from %s on have had no signed checkpoint for ten minutes', c.size)
		FROM log.tree t CROSS JOIN LATERAL (SELECT coalesce(max(k.size), 0) AS size FROM log.checkpoint k) c JOIN log.leaf l ON l.leaf = c.size
		WHERE c.size < t.size AND l.row_id < cairn.id_at(now() - interval '10 min')
	UNION ALL SELECT 'quorum-lost', '', format('%s of %s validations of the last five minutes, of %s accounts, passed here and lost their quorum: networks are cut off, or somebody diverts them',
			q.lost, q.asked, q.accounts)
		FROM (SELECT count(*) AS asked, count(*) FILTER (WHERE v.dcv AND NOT v.passed) AS lost, count(DISTINCT v.account_id) FILTER (WHERE v.dcv AND NOT v.passed) AS accounts
			FROM log.validation v WHERE v.id >= cairn.id_at(now() - interval '5 min') AND v.round IS NOT NULL) q
		WHERE q.lost >= 10 AND q.accounts >= 3 AND q.lost >= q.asked / 5
	UNION ALL SELECT 'perspective-silent', s.perspective, format('The last %s questions had no answer of use, since %s UTC: one that fails besides may be one too many',
			s.questions, to_char(s.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) FROM log.silent_perspectives() s
	UNION ALL SELECT 'crl-late', l.subject, l.detail FROM log.late_crls() l
	UNION ALL SELECT 'ocsp-late', o.issuer, 'OCSP answers have waited to be signed for 15 minutes, or have ended'
		FROM ca.ocsp_issuer o CROSS JOIN LATERAL ca.ocsp_state(o.issuer) s WHERE o.active AND (s.late > 0 OR (s.answers > 0 AND s.ends_s <= 0))
	UNION ALL SELECT 'waves-late', '', format('%s certificates should have been revoked with their wave', w.due) FROM acme.waves_state() w WHERE w.late_s > 600
	UNION ALL SELECT 'keys-unswept', '', format('%s keys were blocked an hour ago or more, and certificates with them may be left that are not revoked', b.due)
		FROM acme.blocked_keys_state() b WHERE b.due > 0 AND b.since < now() - interval '1 h'
	UNION ALL SELECT 'disclosure-overdue', '', format('%s duties in cases of disclosure are overdue: cairn disclose due', d) FROM disclosure.overdue() d WHERE d > 0
	UNION ALL SELECT n.* FROM log.notifications(pg_notification_queue_usage()) n
	UNION ALL SELECT 'log-full', '', format('Partitions of the log are there until %s UTC only', to_char(p AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'))
		FROM cairn.partitions_until() p WHERE p < now() + interval '1 d'
	-- what is known of visitors goes within seven days (G-30); a term that was made shorter has half a day for what it finds
	UNION ALL SELECT 'purge-late', '', 'What visitors of pages left was to be gone half a day ago and is there: the log of cairn-subscriber says why'
		FROM cairn.retention r JOIN cairn.retained t ON t.part = 'web' CROSS JOIN LATERAL cairn.purgeable(t.name, t.part, CASE WHEN t.mark > cairn.id_at('2000-01-01')
			THEN cairn.id_at(cairn.time_of(t.mark) - interval '32 days') ELSE t.mark END, cairn.id_at(now() - make_interval(secs => least(r.clear_s, r.keep_s) + 43200)), 500) p
		WHERE r.class = 'WEB' AND r.changed_at < now() - interval '12 h' AND NOT EXISTS (SELECT FROM cairn.retention n WHERE n.class = r.class AND n.version > r.version)
			AND NOT cairn.held(t.name, p) @> p
	-- a row that is gone, or of a time to come, is late as well: somebody else wrote it
	UNION ALL SELECT 'verify-late', '', 'The log was not compared with its seal for a day, or not from the first leaf on for 31 days'
		WHERE NOT EXISTS (SELECT FROM cairn.seal_check k WHERE k.checked_at BETWEEN now() - interval '1 d' AND now() + interval '1 h'
			AND k.whole_at BETWEEN now() - interval '31 d' AND now() + interval '1 h')
	UNION ALL SELECT 'compare-late', '', 'No certificates were compared with their records for two days'
		WHERE NOT EXISTS (SELECT FROM cairn.issued_check k WHERE k.checked_at BETWEEN now() - interval '2 d' AND now() + interval '1 h')
$$;

-- Opens, goes on with and ends those that last; how many are not answered.
CREATE OR REPLACE FUNCTION log.note_alarms(p_process text) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	began timestamptz := now();
BEGIN
	PERFORM log.raise_alarm(a.kind, a.subject, a.detail, p_process, true) FROM log.alarming() a;
	-- one that was seen while the clock ran ahead is seen no more, too
	UPDATE cairn.alarm a SET ended_at = began WHERE a.ended_at IS NULL AND (a.seen_at < began OR a.seen_at > began + interval '5 min');
	RETURN (SELECT count(*) FROM cairn.alarm a WHERE a.acknowledged_at IS NULL);
END $$;

-- What is to be told now over one of the channels: what never was, what was told p_repeat_s ago and is not answered, what could not be told, which is tried
-- again after half a minute, then ever later, up to an hour; what is new comes first. A time to come is one of a clock that ran ahead, and waits for nothing.
CREATE OR REPLACE FUNCTION log.alarms_to_tell(p_channels text[], p_repeat_s int8, p_most int8) RETURNS TABLE (id uuid, channel text, kind text, subject text, detail text,
	raised_at timestamptz, seen_at timestamptz, ended_at timestamptz, times int8, told int8) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.id, n.channel, a.kind, a.subject, a.detail, a.raised_at, a.seen_at, a.ended_at, a.times, coalesce(t.times, 0)
	FROM cairn.alarm a CROSS JOIN unnest(p_channels) n (channel) LEFT JOIN cairn.alarm_told t ON t.alarm_id = a.id AND t.channel = n.channel
	WHERE a.acknowledged_at IS NULL AND (t.told_at IS NULL OR t.told_at <= now() - make_interval(secs => p_repeat_s) OR t.told_at > now())
		AND (coalesce(t.failures, 0) = 0 OR t.failed_at <= now() - make_interval(secs => least(3600, 30 * 2 ^ least(t.failures - 1, 10))) OR t.failed_at > now())
	ORDER BY t.told_at IS NOT NULL, coalesce(t.failures, 0), a.id, n.channel LIMIT p_most
$$;

-- p_failure NULL: it was told.
CREATE OR REPLACE FUNCTION log.alarm_was_told(p_id uuid, p_channel text, p_failure text, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	told int8;
BEGIN
	INSERT INTO cairn.alarm_told AS t (alarm_id, channel, told_at, times, failures, failed_at, failure)
		VALUES (p_id, p_channel, CASE WHEN p_failure IS NULL THEN now() END, CASE WHEN p_failure IS NULL THEN 1 ELSE 0 END, CASE WHEN p_failure IS NULL THEN 0 ELSE 1 END,
			CASE WHEN p_failure IS NOT NULL THEN now() END, left(p_failure, 300))
		ON CONFLICT (alarm_id, channel) DO UPDATE SET told_at = coalesce(excluded.told_at, t.told_at), times = t.times + excluded.times,
			failures = CASE WHEN p_failure IS NULL THEN 0 ELSE t.failures + 1 END, failed_at = excluded.failed_at, failure = excluded.failure
		RETURNING t.times INTO told;
	IF p_failure IS NULL AND told = 1 THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'alarm.told', NULL, NULL, NULL, NULL,
			jsonb_build_object('alarm', cairn.id_text(p_id), 'channel', p_channel));
	END IF;
END $$;

CREATE OR REPLACE FUNCTION log.acknowledge_alarm(p_id uuid, p_actor text, p_true boolean, p_note text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	a cairn.alarm;
BEGIN
	SELECT * INTO a FROM cairn.alarm x WHERE x.id = p_id FOR UPDATE;
	IF a.id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such alarm');
	ELSIF a.acknowledged_at IS NOT NULL THEN
		PERFORM cairn.refuse('CONFLICT', 'It was acknowledged by ' || a.acknowledged_by);
	END IF;
	UPDATE cairn.alarm x SET acknowledged_at = now(), acknowledged_by = p_actor, verdict = p_true::text, note = p_note WHERE x.id = p_id;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'alarm.acknowledged', NULL, NULL, NULL, NULL, jsonb_build_object('alarm', cairn.id_text(p_id),
		'kind', a.kind, 'subject', a.subject, 'true', p_true, 'note', p_note, 'after_s', extract(epoch FROM now() - a.raised_at)::int8));
END $$;

-- Goes over the channels like any other, so that one knows that they are good.
CREATE OR REPLACE FUNCTION log.test_alarm(p_actor text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN log.raise_alarm('test', '', 'A test by ' || p_actor || ': nothing is wrong', 'cairn', false);
END $$;

-- For `cairn doctor`: how many are not answered, how many of them for a day, and how many channels fail.
CREATE OR REPLACE FUNCTION log.alarms_state() RETURNS TABLE (unanswered int8, late int8, failing int8) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT (SELECT count(*) FROM cairn.alarm a WHERE a.acknowledged_at IS NULL),
		(SELECT count(*) FROM cairn.alarm a WHERE a.acknowledged_at IS NULL AND a.raised_at < now() - interval '1 d'),
		(SELECT count(DISTINCT t.channel) FROM cairn.alarm_told t JOIN cairn.alarm a ON a.id = t.alarm_id WHERE t.failures > 0 AND a.acknowledged_at IS NULL)
$$;

CREATE OR REPLACE VIEW audit.alarm AS SELECT a.*, (SELECT array_agg(t.channel ORDER BY t.channel) FROM cairn.alarm_told t WHERE t.alarm_id = a.id AND t.times > 0) AS told_over
	FROM cairn.alarm a;
COMMENT ON VIEW audit.alarm IS 'Alarms, over which channels they were told, and what was answered';
SELECT cairn.inherit_comments('audit.alarm', 'cairn.alarm');
COMMENT ON COLUMN audit.alarm.told_over IS 'OPS: names of the channels over which it was told';
GRANT SELECT ON audit.alarm TO cairn_auditor;

REVOKE ALL ON FUNCTION log.raise_alarm(text, text, text, text, boolean), log.alarming(), log.silent_perspectives(), log.note_alarms(text), log.alarms_to_tell(text[], int8, int8),
	log.alarm_was_told(uuid, text, text, text), log.acknowledge_alarm(uuid, text, boolean, text), log.test_alarm(text), log.alarms_state() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.raise_alarm(text, text, text, text, boolean) TO cairn_ra, cairn_ca, cairn_subscriber;
GRANT EXECUTE ON FUNCTION log.note_alarms(text), log.alarms_to_tell(text[], int8, int8), log.alarm_was_told(uuid, text, text, text) TO cairn_subscriber;
GRANT EXECUTE ON FUNCTION log.acknowledge_alarm(uuid, text, boolean, text), log.test_alarm(text), log.alarms_state() TO cairn_operator;

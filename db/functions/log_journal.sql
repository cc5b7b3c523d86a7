-- A file of the supervisor's journal as events of the sealed log (F-44, F-50 (3)): subscriber/journal.c has read its lines, and knows what may stand in them. A file that
-- is on record already changes nothing. A service that tells of its own ends (cairn.record_run) raises its alarm itself.
CREATE OR REPLACE FUNCTION log.record_journal(p_process text, p_sha256 bytea, p_lines text[], p_unread int8) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	l jsonb;
BEGIN
	DELETE FROM cairn.journal j WHERE j.read_at < now() - interval '7 days';
	INSERT INTO cairn.journal (sha256) VALUES (p_sha256) ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	FOREACH l IN ARRAY p_lines LOOP
		PERFORM log.add_event(cairn.new_id(), CASE WHEN l->>'kind' LIKE 'access.%' THEN 'postgres' ELSE l->>'name' END, 'cairn', l->>'kind', NULL, NULL, NULL, NULL,
			CASE l->>'kind'
				WHEN 'service.started' THEN jsonb_build_object('at', l->'at')
				WHEN 'service.ended' THEN jsonb_strip_nulls(jsonb_build_object('at', l->'at', 'seconds', coalesce(l->'seconds', '0'), 'signal', l->'signal',
					'status', CASE WHEN l ? 'signal' THEN NULL ELSE coalesce(l->'status', '0') END, 'told', coalesce(l->'told', 'false')))
				WHEN 'journal.lost' THEN jsonb_build_object('at', l->'at', 'lines', l->'times')
				ELSE jsonb_build_object('at', l->'at', 'role', l->'name', 'times', l->'times')
					|| CASE WHEN l->>'kind' = 'access.session' THEN jsonb_build_object('longest_s', coalesce(l->'seconds', '0')) ELSE '{}' END
			END);
		IF l->>'kind' = 'service.ended' AND NOT coalesce((l->>'told')::boolean, false) AND l->>'name' !~ '^cairn-(wfe|ra|ca|subscriber)' THEN
			PERFORM log.raise_alarm('process-crashed', l->>'name', 'It ended without having been told to: its log says what it did last', p_process, false);
		ELSIF l->>'kind' = 'access.refused' AND (l->>'times')::int8 >= 10 THEN
			PERFORM log.raise_alarm('logins-refused', l->>'name', format('%s logins to the database were refused within 15 seconds', l->>'times'), p_process, false);
		END IF;
	END LOOP;
	IF p_unread > 0 THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'journal.unread', NULL, NULL, NULL, NULL, jsonb_build_object('lines', p_unread));
	END IF;
END $$;
REVOKE ALL ON FUNCTION log.record_journal(text, bytea, text[], int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.record_journal(text, bytea, text[], int8) TO cairn_subscriber;

-- Starts, stops and reloads of processes as events of the sealed log (F-44). A process tells of itself only: its role names it. What
-- starts again without having stopped was killed or crashed.
CREATE OR REPLACE FUNCTION cairn.record_run(p_instance text, p_what text, p_version text, p_config_sha256 text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	old cairn.run;
BEGIN
	IF NOT starts_with(p_instance, replace(session_user, '_', '-') || '@') THEN
		PERFORM cairn.refuse('NOT_PERMITTED', 'A process tells of itself only');
	END IF;
	SELECT * INTO old FROM cairn.run r WHERE r.instance = p_instance FOR UPDATE;
	IF p_what = 'started' THEN
		INSERT INTO cairn.run AS r (instance, started_at) VALUES (p_instance, now())
			ON CONFLICT (instance) DO UPDATE SET started_at = excluded.started_at, stopped_at = NULL;
	ELSIF p_what = 'stopped' THEN
		UPDATE cairn.run r SET stopped_at = now() WHERE r.instance = p_instance;
	ELSIF p_what <> 'reloaded' THEN
		PERFORM cairn.refuse('MALFORMED', 'A process starts, stops or reloads');
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_instance, 'cairn', 'process.' || p_what, NULL, NULL, NULL, NULL, jsonb_strip_nulls(jsonb_build_object('version', p_version,
		'config_sha256', p_config_sha256, 'before', CASE WHEN p_what <> 'started' THEN NULL WHEN old.instance IS NULL THEN 'first start'
			WHEN old.stopped_at IS NULL THEN 'ended without a stop' ELSE 'stopped' END, 'before_at', coalesce(old.stopped_at, old.started_at))));
	IF p_what = 'started' AND old.instance IS NOT NULL AND old.stopped_at IS NULL THEN
		PERFORM log.raise_alarm('process-crashed', p_instance, 'It started again without having stopped: its log says what it did last', p_instance, false);
	END IF;
END $$;

REVOKE ALL ON FUNCTION cairn.record_run(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.record_run(text, text, text, text) TO cairn_wfe, cairn_ra, cairn_ca, cairn_subscriber;

-- Roles of the database, with what their sessions begin with, when they are others than were told last (F-57). The keeper of cairn-subscriber looks at its start and every hour.
CREATE OR REPLACE FUNCTION cairn.note_roles(p_process text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found_roles jsonb := (SELECT jsonb_object_agg(r.rolname, jsonb_build_object('login', r.rolcanlogin, 'superuser', r.rolsuper, 'makes_roles', r.rolcreaterole)
			|| jsonb_strip_nulls(jsonb_build_object('until', r.rolvaliduntil, 'member_of', (SELECT jsonb_agg(g.rolname ORDER BY g.rolname) FROM pg_auth_members m
				JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid), 'settings', (SELECT jsonb_agg(t ORDER BY t) FROM pg_db_role_setting d, unnest(d.setconfig) t
				WHERE d.setrole = r.oid AND d.setdatabase IN (0, (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())))))) FROM pg_roles r
			WHERE r.rolname !~ '^pg_');
	before jsonb := (SELECT k.roles->'cairn_auditor'->'settings' FROM cairn.roles k);
BEGIN
	INSERT INTO cairn.roles AS k (roles, changed_at) VALUES (found_roles, now())
		ON CONFLICT (one) DO UPDATE SET roles = excluded.roles, changed_at = excluded.changed_at WHERE k.roles <> excluded.roles;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'roles.changed', NULL, NULL, NULL, NULL, jsonb_build_object('roles', found_roles));
	END IF;
	IF before <> coalesce(found_roles->'cairn_auditor'->'settings', '[]') THEN -- PostgreSQL lets each session of a role change them for all of its sessions to come
		PERFORM log.raise_alarm('auditor-changed', '', format('The settings of the role cairn_auditor were %s and are %s', before,
			coalesce(found_roles->'cairn_auditor'->'settings', '[]')), p_process, false);
	END IF;
	RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION cairn.note_roles(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.note_roles(text) TO cairn_subscriber;

-- A run of a validation authority, which has no database: a registration authority tells of it once it answered. p_perspective: of a remote one. An answer
-- that comes late, of a run before the one on record, changes nothing.
CREATE OR REPLACE FUNCTION cairn.record_validator(p_process text, p_instance text, p_perspective text, p_version text, p_config_sha256 text, p_started_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	old cairn.run;
BEGIN
	IF NOT starts_with(p_instance, 'cairn-va@') THEN
		PERFORM cairn.refuse('NOT_PERMITTED', 'A process tells of itself only');
	END IF;
	INSERT INTO cairn.run (instance, started_at) VALUES (p_instance, '-infinity') ON CONFLICT DO NOTHING;
	SELECT * INTO old FROM cairn.run r WHERE r.instance = p_instance FOR UPDATE;
	IF old.started_at >= p_started_at OR p_started_at > now() + interval '1 day' THEN
		RETURN;
	END IF;
	UPDATE cairn.run r SET started_at = p_started_at WHERE r.instance = p_instance;
	PERFORM log.add_event(cairn.new_id(), p_instance, p_process, 'process.started', NULL, NULL, NULL, NULL, jsonb_strip_nulls(jsonb_build_object('version', p_version,
		'config_sha256', p_config_sha256, 'started_at', p_started_at, 'perspective', p_perspective, 'before', CASE WHEN old.started_at = '-infinity' THEN 'first start' ELSE 'ended' END,
		'before_at', nullif(old.started_at, '-infinity'))));
END $$;
REVOKE ALL ON FUNCTION cairn.record_validator(text, text, text, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.record_validator(text, text, text, text, text, timestamptz) TO cairn_ra;

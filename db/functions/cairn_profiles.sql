-- What a registration authority offers from now on; what differs from what was offered before is an event of the sealed log (F-40). Who
-- may use a profile is told by numbers and, within the digest, exactly.
CREATE OR REPLACE FUNCTION cairn.record_profiles(p_instance text, p_profiles jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	d record;
BEGIN
	IF NOT starts_with(p_instance, replace(session_user, '_', '-') || '@') THEN
		PERFORM cairn.refuse('NOT_PERMITTED', 'A process tells of itself only');
	END IF;
	LOCK TABLE cairn.profile IN EXCLUSIVE MODE; -- one start at a time, or two would tell of the same
	FOR d IN SELECT coalesce(x.name, old.name) AS name, x.sha256, coalesce(x.offered, false) AS offered, x.told,
			CASE WHEN coalesce(x.offered, false) AND NOT coalesce(old.offered, false) THEN 'profile.introduced'
				WHEN coalesce(old.offered, x.name IS NOT NULL) AND NOT coalesce(x.offered, false) THEN 'profile.retired'
				WHEN x.sha256 <> old.sha256 THEN 'profile.changed' END AS kind, old.sha256 AS before
			FROM (SELECT p->>'name' AS name, encode(sha256(convert_to(p::text, 'UTF8')), 'hex') AS sha256,
					NOT coalesce((p->>'withdrawn')::boolean, false) AS offered, p - '{name,accounts,eab_keys}'::text[] || jsonb_build_object(
						'accounts', jsonb_array_length(coalesce(p->'accounts', '[]')), 'eab_keys', jsonb_array_length(coalesce(p->'eab_keys', '[]'))) AS told
				FROM jsonb_array_elements(p_profiles) p) x FULL JOIN cairn.profile old ON old.name = x.name ORDER BY 1 LOOP
		CONTINUE WHEN d.kind IS NULL;
		PERFORM log.add_event(cairn.new_id(), p_instance, 'cairn', d.kind, NULL, NULL, NULL, NULL, jsonb_strip_nulls(
			jsonb_build_object('profile', d.name, 'sha256', d.sha256, 'before_sha256', d.before, 'says', d.told)));
		INSERT INTO cairn.profile AS p (name, sha256, offered) VALUES (d.name, coalesce(d.sha256, d.before), d.offered)
			ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, offered = excluded.offered;
	END LOOP;
END $$;

REVOKE ALL ON FUNCTION cairn.record_profiles(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.record_profiles(text, jsonb) TO cairn_ra;

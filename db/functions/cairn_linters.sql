-- The linters that cairn-ca looks at certificates by from now on, whatever order they are named in (F-31): gives the id that records of
-- issuance have. A set that was never used before is an event of the sealed log.
CREATE OR REPLACE FUNCTION cairn.record_linters(p_process text, p_linters jsonb) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	sorted jsonb := (SELECT jsonb_agg(l ORDER BY l->>'name' COLLATE "C", l->>'version' COLLATE "C") FROM jsonb_array_elements(p_linters) l);
	set_id text := left(encode(sha256(convert_to(sorted::text, 'UTF8')), 'hex'), 16);
BEGIN
	INSERT INTO cairn.linters (id, linters) VALUES (set_id, sorted) ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'linters.introduced', NULL, NULL, NULL, NULL, jsonb_build_object('set', set_id, 'linters', sorted));
	END IF;
	RETURN set_id;
END $$;

REVOKE ALL ON FUNCTION cairn.record_linters(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.record_linters(text, jsonb) TO cairn_ca;

-- The key of a set of names, as limits_set in policy/limits.c makes it.
CREATE OR REPLACE FUNCTION acme.set_digest(p_names text[]) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT sha256(convert_to(string_agg(l.line, '' ORDER BY l.line COLLATE "C"), 'UTF8')) FROM (SELECT DISTINCT
		CASE WHEN n ~ '^[0-9.]+$' OR n LIKE '%:%' THEN 'ip ' ELSE 'dns ' END || n || E'\n' AS line FROM unnest(p_names) AS n) l
$$;

-- Makes known to the limits for which sets the next p_most certificates are, so that the order of one is a renewal whatever was on
-- when it was issued. Certificates begun in the last p_lag_s seconds are left for later, as some may not be committed. Gives how
-- many were looked at; 0 also while another instance looks.
CREATE OR REPLACE FUNCTION cairn.learn_sets(p_most int8, p_lag_s int8) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	mark uuid;
	last uuid;
	seen int8;
BEGIN
	SELECT m.certificate_id INTO mark FROM acme.set_mark m FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN 0;
	END IF;
	WITH batch AS MATERIALIZED (SELECT c.id, c.names, c.not_after FROM ca.certificate c
		WHERE c.id > mark AND c.id < cairn.id_at(now() - make_interval(secs => p_lag_s)) ORDER BY c.id LIMIT p_most),
	sets AS (SELECT acme.set_digest(b.names) AS sha256, max(b.not_after) + interval '30 days' AS until FROM batch b
		WHERE b.not_after > now() - interval '30 days' GROUP BY 1 ORDER BY 1),
	known AS (INSERT INTO acme.issued_set AS s (sha256, until) SELECT n.sha256, n.until FROM sets n
		ON CONFLICT (sha256) DO UPDATE SET until = excluded.until WHERE s.until < excluded.until)
	SELECT count(*), (SELECT b.id FROM batch b ORDER BY b.id DESC LIMIT 1) INTO seen, last FROM batch;
	UPDATE acme.set_mark m SET certificate_id = last WHERE last IS NOT NULL;
	RETURN seen;
END $$;

REVOKE ALL ON FUNCTION acme.set_digest(text[]), cairn.learn_sets(int8, int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.learn_sets(int8, int8) TO cairn_subscriber;

-- Until when every partitioned table has a partition of its own for new rows.
CREATE FUNCTION cairn.partitions_until() RETURNS timestamptz LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog AS $$
DECLARE
	month timestamptz := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
BEGIN
	WHILE NOT EXISTS (SELECT FROM cairn.partitioned
		WHERE to_regclass(name || '_' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM')) IS NULL) LOOP
		month := month + interval '1 month';
	END LOOP;
	RETURN month;
END $$;
-- How the log stands, in one row.
CREATE FUNCTION log.status() RETURNS TABLE (newest_request_at timestamptz, requests_last_minute int8,
	requests_without_outcome int8, validations_last_minute int8, partitions_until timestamptz) LANGUAGE sql STABLE AS $$
	SELECT (SELECT received_at FROM log.request ORDER BY id DESC LIMIT 1),
		(SELECT count(*) FROM log.request WHERE id >= cairn.id_at(now() - interval '1 minute')),
		(SELECT count(*) FROM log.request WHERE id >= cairn.id_at(now() - interval '1 day') AND status IS NULL),
		(SELECT count(*) FROM log.validation WHERE id >= cairn.id_at(now() - interval '1 minute')),
		cairn.partitions_until()
$$;

REVOKE ALL ON FUNCTION log.status(), cairn.partitions_until() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.status(), cairn.partitions_until() TO cairn_subscriber, cairn_operator, cairn_auditor;

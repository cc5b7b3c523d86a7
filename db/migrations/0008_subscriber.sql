-- How the log stands, in one row.
CREATE FUNCTION log.status() RETURNS TABLE (newest_request_at timestamptz, requests_last_minute int8,
	requests_without_outcome int8, validations_last_minute int8, partitions_until timestamptz) LANGUAGE sql STABLE AS $$
	SELECT (SELECT received_at FROM log.request ORDER BY id DESC LIMIT 1),
		(SELECT count(*) FROM log.request WHERE id >= cairn.id_at(now() - interval '1 minute')),
		(SELECT count(*) FROM log.request WHERE id >= cairn.id_at(now() - interval '1 day') AND status IS NULL),
		(SELECT count(*) FROM log.validation WHERE id >= cairn.id_at(now() - interval '1 minute')),
		cairn.partitions_until()
$$;

REVOKE ALL ON FUNCTION log.status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.status() TO cairn_subscriber, cairn_operator, cairn_auditor;

-- The authorizations that an order needed, for who audits it: by its id, or by the serial of the certificate issued for it.
CREATE OR REPLACE FUNCTION log.authorizations_of(p_order uuid, p_serial bytea) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.authorizations FROM acme.orders o WHERE o.id = coalesce(p_order, (SELECT k.order_id FROM ca.serial s
		JOIN ca.certificate k ON k.id = s.certificate_id WHERE s.serial = p_serial))
$$;

REVOKE ALL ON FUNCTION log.authorizations_of(uuid, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.authorizations_of(uuid, bytea) TO cairn_auditor;

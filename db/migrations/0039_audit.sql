-- What auditors read (design 5, G-12): schema audit has a view for each kind of record, with stable names and columns. A view that is
-- there only gains columns at its end. Their text stands in db/functions/audit_*.sql; docs/auditing.md says how to ask.

CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'Views for auditors: every record, taken apart, with stable names; no recovery data and no secrets';
GRANT USAGE ON SCHEMA audit TO cairn_auditor;
GRANT USAGE ON SCHEMA cairn TO cairn_auditor;
GRANT EXECUTE ON FUNCTION cairn.id_text(uuid), cairn.id_of(text) TO cairn_auditor;

-- All attempts and CAA checks of an authorization. Ids of authorizations rise with time, so that new rows go near the index's end.
CREATE INDEX validation_authorization ON log.validation (authorization_id);
-- By which rules an order was allowed; has rows only where a policy has rules.
CREATE INDEX event_judged ON log.event (order_id) WHERE kind = 'order.judged';

-- A column of a view means what the column of the table means that has its name, until its own comment says otherwise.
CREATE FUNCTION cairn.inherit_comments(p_view regclass, p_table regclass) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT v.attname AS name, col_description(p_table, t.attnum) AS meaning FROM pg_attribute v
			JOIN pg_attribute t ON t.attrelid = p_table AND t.attname = v.attname AND t.attnum > 0
			WHERE v.attrelid = p_view AND v.attnum > 0 AND col_description(p_table, t.attnum) IS NOT NULL LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', p_view, c.name, c.meaning);
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION cairn.inherit_comments(regclass, regclass) FROM PUBLIC;

-- Other chains for the certificates of an issuer (RFC 8555 7.4.2, A-121): by a certificate for the same key that another
-- CA signed.

ALTER TABLE ca.issuer ADD COLUMN alternates text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN ca.issuer.alternates IS 'SUB-CERT: PEM of other chains that may follow a leaf, each without its root';

CREATE FUNCTION ca.set_alternates(p_name text, p_alternates text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE ca.issuer SET alternates = p_alternates WHERE name = p_name AND alternates <> p_alternates;
END $$;
REVOKE ALL ON FUNCTION ca.set_alternates(text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.set_alternates(text, text[]) TO cairn_ca;

CREATE OR REPLACE VIEW front.certificate AS
	SELECT c.id, c.account_id, c.der, i.chain, i.alternates FROM ca.certificate c LEFT JOIN ca.issuer i ON i.name = c.issuer
	WHERE c.der IS NOT NULL;

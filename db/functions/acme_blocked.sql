-- Blocks a key whose private half was sent to the CA, in this form, revokes the certificates that have it (E-13, F-24), and shuts off
-- the account whose key it is. blocked false: it was blocked before.
DROP FUNCTION IF EXISTS acme.block_key(bytea, text, text, uuid);
CREATE OR REPLACE FUNCTION acme.block_key(p_spki_sha256 bytea, p_thumbprint bytea, p_form text, p_process text, p_request uuid)
RETURNS TABLE (blocked boolean, certificates int8) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	SELECT k.blocked, k.certificates INTO blocked, certificates FROM acme.compromise_key(p_spki_sha256, 'blocked-key', 'cairn', p_process,
		p_request, jsonb_build_object('because', 'the private key was sent to the CA', 'form', p_form)) k;
	IF blocked THEN
		PERFORM acme.revoke_account(a.id, 'The private key of the account was sent to the CA', 'cairn') FROM acme.account a
			WHERE a.thumbprint = p_thumbprint AND a.status = 'valid';
	END IF;
	RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION acme.block_key(bytea, bytea, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.block_key(bytea, bytea, text, text, uuid) TO cairn_ra;

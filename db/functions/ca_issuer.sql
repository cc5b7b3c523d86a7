-- Issuers as the configuration has them, and their keys as the signer has opened them (F-57).

-- Its certificate never changes under its name. What else does is an event, so that each day can be told as it was.
CREATE OR REPLACE FUNCTION ca.register_issuer(p_name text, p_certificate bytea, p_key_id bytea, p_chain text, p_crl_url text,
	p_aia_url text, p_active boolean, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	before ca.issuer;
	told jsonb := jsonb_build_object('issuer', p_name, 'sha256', encode(sha256(p_certificate), 'hex'), 'crl_url', p_crl_url, 'aia_url', p_aia_url, 'active', p_active);
BEGIN
	INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active)
		VALUES (p_name, p_certificate, p_key_id, p_chain, p_crl_url, p_aia_url, p_active) ON CONFLICT (name) DO NOTHING;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'issuer.registered', NULL, NULL, NULL, NULL, told);
		RETURN;
	END IF;
	SELECT * INTO before FROM ca.issuer i WHERE i.name = p_name AND i.certificate = p_certificate FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', format('The issuer %s is known with another certificate', p_name));
	END IF;
	IF (before.chain, before.crl_url, before.aia_url, before.active) IS DISTINCT FROM (p_chain, p_crl_url, p_aia_url, p_active) THEN
		UPDATE ca.issuer i SET chain = p_chain, crl_url = p_crl_url, aia_url = p_aia_url, active = p_active WHERE i.name = p_name;
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'issuer.changed', NULL, NULL, NULL, NULL,
			told || jsonb_build_object('chain_sha256', encode(sha256(convert_to(p_chain, 'UTF8')), 'hex')));
	END IF;
END $$;

-- p_opened, p_closed: issuers whose keys the signer of this process opened or lost, and where they are kept.
CREATE OR REPLACE FUNCTION ca.record_activations(p_process text, p_opened jsonb, p_closed jsonb, p_why text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'key.opened', NULL, NULL, NULL, NULL,
			jsonb_build_object('issuer', i.name, 'key_id', encode(i.key_id, 'hex'), 'kept_in', o.kept_in))
		FROM jsonb_to_recordset(p_opened) AS o (issuer text, kept_in text) JOIN ca.issuer i ON i.name = o.issuer;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'key.closed', NULL, NULL, NULL, NULL,
			jsonb_build_object('issuer', i.name, 'key_id', encode(i.key_id, 'hex'), 'kept_in', o.kept_in, 'why', left(p_why, 500)))
		FROM jsonb_to_recordset(p_closed) AS o (issuer text, kept_in text) JOIN ca.issuer i ON i.name = o.issuer;
END $$;
REVOKE ALL ON FUNCTION ca.record_activations(text, jsonb, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.record_activations(text, jsonb, jsonb, text) TO cairn_ca;

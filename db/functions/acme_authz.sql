-- newAuthz (RFC 8555 7.4.1, A-95): an authorization that no order needs yet; when it is valid, orders use it like any other
-- (acme.new_order). The policy judges as it does for an order of the name: what it refuses is given back, and nothing was written
-- nor taken of a limit.
CREATE OR REPLACE FUNCTION acme.new_authz(p_id uuid, p_account uuid, p_thumbprint bytea, p_type text, p_value text, p_profile text,
	p_expires timestamptz, p_challenge_types text, p_challenge_tokens text, p_process text, p_request uuid, p_limits jsonb DEFAULT NULL)
RETURNS TABLE (refused jsonb) LANGUAGE plpgsql AS $$
DECLARE
	checked boolean;
BEGIN
	PERFORM FROM acme.account k WHERE k.id = p_account AND k.thumbprint = p_thumbprint AND k.status = 'valid' FOR SHARE;
	IF NOT FOUND THEN
		checked := acme.check_account(p_account, p_thumbprint);
	END IF;
	IF EXISTS (SELECT FROM acme.judging) THEN
		SELECT j.refused INTO new_authz.refused FROM acme.judge_order(p_account, ARRAY[p_type], ARRAY[p_value], p_profile) j;
	END IF;
	IF new_authz.refused IS NULL THEN
		checked := p_limits IS NULL OR acme.take_order_limits(p_account, NULL, false, p_limits);
		INSERT INTO acme.authz (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, tokens, expires_at)
			VALUES (p_id, p_account, p_type, p_value, false, string_to_array(p_challenge_types, ' '),
				string_to_array(p_challenge_tokens, ' '), p_expires);
		PERFORM log.add_event(p_id, p_process, 'account', 'authorization.created', p_request, p_account, NULL, NULL,
			jsonb_build_object('identifier', p_value));
	END IF;
	RETURN NEXT;
END $$;

-- Another response to a challenge that failed and waits to be tried again: it is tried now (RFC 8555 8.2, A-101), with the account's
-- key of now (A-72). That uses up one of the attempts, so clients can't ask for more of them; but not when it meets a fault of ours, so
-- they can't ask within a second of when they last did, either: such a response leaves the next try where it is.
CREATE OR REPLACE FUNCTION acme.retry_challenge(p_authz uuid, p_n int8, p_account uuid, p_thumbprint bytea, p_thumbprint_text text,
	p_holder text, p_lease_s int8, p_request uuid, p_limits jsonb DEFAULT NULL)
RETURNS TABLE (identifier_type text, identifier_value text, wildcard boolean, type text, token text, key_authorization text,
	attempts int8) LANGUAGE plpgsql AS $$
DECLARE
	checked boolean;
BEGIN
	RETURN QUERY UPDATE acme.authz a SET key_authorization = a.tokens[p_n] || '.' || p_thumbprint_text, lease_holder = p_holder,
			lease_until = clock_timestamp() + make_interval(secs => p_lease_s), request_id = p_request FROM acme.account k
		WHERE a.id = p_authz AND a.account_id = p_account AND a.tried = p_n AND a.lease_until IS NOT NULL AND a.lease_holder IS NULL
			AND a.ended IS NULL AND a.expires_at > now() AND k.id = p_account AND k.thumbprint = p_thumbprint AND k.status = 'valid'
			AND coalesce(cairn.time_of(a.request_id) <= clock_timestamp() - interval '1 s', true)
		RETURNING a.identifier_type, a.identifier_value, a.wildcard, a.challenge_types[p_n], a.tokens[p_n], a.key_authorization,
			a.attempts::int8;
	IF FOUND THEN
		checked := p_limits IS NULL OR acme.take_limits(p_limits->'uses'); -- a refusal leaves it waiting
	END IF;
END $$;

REVOKE ALL ON FUNCTION acme.new_authz(uuid, uuid, bytea, text, text, text, timestamptz, text, text, text, uuid, jsonb),
	acme.retry_challenge(uuid, int8, uuid, bytea, text, text, int8, uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.new_authz(uuid, uuid, bytea, text, text, text, timestamptz, text, text, text, uuid, jsonb),
	acme.retry_challenge(uuid, int8, uuid, bytea, text, text, int8, uuid, jsonb) TO cairn_ra;

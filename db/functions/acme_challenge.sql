-- Jobs whose holder is gone (the lease lapsed), or that this holder itself held before it was started again.
CREATE OR REPLACE FUNCTION acme.take_challenges(p_holder text, p_own boolean, p_lease_s int8, p_limit int8)
RETURNS TABLE (authz_id uuid, tried int, account_id uuid, identifier_type text, identifier_value text, wildcard boolean,
	type text, token text, key_authorization text, response bytea, attempts int8, request_id uuid) LANGUAGE sql AS $$
	-- Nobody waits any more for those whose time or whose account has ended.
	UPDATE acme.authz a SET lease_holder = NULL, lease_until = NULL
		FROM acme.account k WHERE k.id = a.account_id AND a.lease_until IS NOT NULL
			AND (a.expires_at <= now() OR k.status <> 'valid');
	WITH due AS (
		SELECT a.id FROM acme.authz a WHERE a.lease_until IS NOT NULL
			AND (a.lease_until < clock_timestamp() OR (p_own AND a.lease_holder = p_holder))
		ORDER BY a.lease_until LIMIT p_limit FOR UPDATE SKIP LOCKED)
	UPDATE acme.authz a SET lease_holder = p_holder, lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
		FROM due WHERE a.id = due.id
		RETURNING a.id, a.tried, a.account_id, a.identifier_type, a.identifier_value, a.wildcard,
			a.challenge_types[a.tried], a.tokens[a.tried], a.key_authorization, a.response, a.attempts::int8, a.request_id
$$;

REVOKE ALL ON FUNCTION acme.take_challenges(text, boolean, int8, int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.take_challenges(text, boolean, int8, int8) TO cairn_ra;

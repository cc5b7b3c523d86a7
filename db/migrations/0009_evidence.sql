-- What an authorization is valid by is on record whole (F-42, F-43). Nobody may add to log.validation and
-- log.validation_private but these functions, which run as the owner: what a validation was for comes from the authorization
-- itself, and both halves are added or none.

-- What a validation that passed proves: control, if its method can prove it of such an identifier (B-9, C-6), if a method that
-- looks for records in DNS met no lookup that failed to verify (C-23), and if its record says how: the lookups that gave the
-- addresses or the TXT records, and the address that answered (G-3). NULL is no proof, by which no authorization can be valid.
-- No CHECK, which would be parsed anew for each row.
CREATE FUNCTION acme.proof_by(p_method text, p_type text, p_wildcard boolean, p_dnssec text, p_resolutions text,
	p_attempts text) RETURNS log.proof LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN CASE
		WHEN p_method IN ('http-01', 'tls-alpn-01') THEN NOT p_wildcard -- B-5
			AND p_attempts::jsonb @? '$.attempts[*] ? (@.address_used != "")'
			AND (p_type = 'ip' OR p_resolutions::jsonb @? '$.resolutions[*] ? (@.type == "A" || @.type == "AAAA")')
		WHEN p_method IN ('dns-01', 'dns-account-01') THEN p_type = 'dns' AND p_dnssec <> 'bogus'
			AND p_resolutions::jsonb @? '$.resolutions[*] ? (@.type == "TXT")'
		END THEN 'control'::log.proof END
$$;

-- What a challenge failed by: the last try, and when there were several, each of them below it (RFC 8555 8.2, A-101).
CREATE FUNCTION acme.error_of_tries(p_attempts int, p_before jsonb, p_last jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE WHEN p_attempts = 0 OR p_before IS NULL THEN p_last ELSE p_last || jsonb_build_object('subproblems',
		CASE WHEN p_attempts = 1 THEN jsonb_build_array(p_before - 'subproblems') ELSE p_before->'subproblems' END
			|| jsonb_build_array(p_last - 'subproblems')) END;
END $$;

-- The evidence of one validation and what follows from it, in one transaction: an authorization can't be valid without
-- the record that made it so. What it was for is taken from the authorization itself. p_retry_s: when a failed one is tried
-- again, NULL when it is final (A-101). Who lost the lease still leaves the evidence but changes nothing. p_fault: it failed
-- by a fault of ours and does not count. Gives whether the authorization ended by it, also when it is run once more.
CREATE FUNCTION acme.record_validation(p_id uuid, p_authz uuid, p_n int8, p_holder text, p_request uuid, p_rule text,
	p_perspective text, p_passed boolean, p_problem text, p_detail text, p_error jsonb, p_dnssec text, p_caa jsonb,
	p_answer_sha256 bytea, p_answer_octets int8, p_started timestamptz, p_ended timestamptz, p_commitments bytea,
	p_salt bytea, p_resolutions text, p_attempts text, p_authz_expires timestamptz, p_retry_s int8, p_fault boolean,
	p_limits jsonb DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ended_by_it boolean;
BEGIN
	IF p_passed IS DISTINCT FROM (p_problem IS NULL) OR p_ended < p_started OR octet_length(p_commitments) <> 64
		OR octet_length(p_salt) <> 32
		OR (p_passed AND (octet_length(p_answer_sha256) = 32 AND p_answer_octets IS NOT NULL) IS NOT TRUE) THEN
		RAISE EXCEPTION 'validation % is not whole', p_id USING ERRCODE = 'check_violation';
	END IF;
	INSERT INTO log.validation (id, authorization_id, challenge_id, account_id, request_id, identifier_type,
		identifier_value, wildcard, method, rule, perspective, attempt, passed, problem, detail, dnssec, caa, token_sha256,
		answer_sha256, answer_octets, started_at, ended_at, commitments, proof)
		SELECT p_id, a.id, acme.challenge_id(a.id, p_n::int), a.account_id, p_request, a.identifier_type,
			a.identifier_value, a.wildcard, a.challenge_types[p_n], p_rule, p_perspective, a.attempts + 1, p_passed, p_problem,
			p_detail, p_dnssec, p_caa, sha256(convert_to(a.tokens[p_n], 'UTF8')), p_answer_sha256, p_answer_octets,
			p_started, p_ended, p_commitments,
			CASE WHEN p_passed THEN acme.proof_by(a.challenge_types[p_n], a.identifier_type, a.wildcard, p_dnssec,
				p_resolutions, p_attempts) END
		FROM acme.authz a WHERE a.id = p_authz
		ON CONFLICT (id) DO NOTHING;
	IF NOT FOUND THEN -- it has run before and its answer was lost
		RETURN EXISTS (SELECT FROM acme.authz a WHERE a.id = p_authz AND a.validation_id = p_id);
	END IF;
	INSERT INTO log.validation_private (id, salt, resolutions, attempts)
		VALUES (p_id, p_salt, p_resolutions, p_attempts);
	IF p_retry_s IS NOT NULL AND NOT p_passed THEN
		-- Without a holder it waits for its time, or for the client (ra_retry_challenge_statement).
		UPDATE acme.authz a SET attempts = a.attempts + CASE WHEN p_fault THEN 0 ELSE 1 END,
			error = CASE WHEN p_fault THEN a.error ELSE acme.error_of_tries(a.attempts, a.error, p_error) END,
			lease_holder = CASE WHEN p_fault THEN a.lease_holder END,
			lease_until = clock_timestamp() + make_interval(secs => p_retry_s)
			WHERE a.id = p_authz AND a.tried = p_n AND a.lease_holder = p_holder;
		RETURN false;
	END IF;
	-- Not found: another holder has it, it was deactivated, or it ran out of time, which is final (A-92).
	UPDATE acme.authz a SET attempts = a.attempts + 1, lease_holder = NULL, lease_until = NULL,
		error = CASE WHEN p_error IS NOT NULL THEN acme.error_of_tries(a.attempts, a.error, p_error) END,
		validation_id = CASE WHEN p_passed THEN p_id END, validated_at = CASE WHEN p_passed THEN p_ended END,
		expires_at = CASE WHEN p_passed THEN p_authz_expires ELSE a.expires_at END,
		ended = CASE WHEN NOT p_passed THEN 'invalid'::acme.authz_end END
		WHERE a.id = p_authz AND a.tried = p_n AND a.lease_holder = p_holder AND a.expires_at > clock_timestamp();
	ended_by_it := FOUND;
	IF p_limits IS NOT NULL AND ended_by_it AND NOT p_fault THEN
		PERFORM acme.count_validation(p_authz, p_passed, p_holder, p_limits); -- 0014
	END IF;
	RETURN ended_by_it;
END $$;

-- The evidence of a CAA check alone, as finalize makes for an authorization of some age (C-36, C-37): no proof of control.
CREATE FUNCTION acme.record_caa(p_id uuid, p_authz uuid, p_request uuid, p_perspective text, p_passed boolean,
	p_problem text, p_detail text, p_dnssec text, p_caa jsonb, p_started timestamptz, p_ended timestamptz,
	p_commitments bytea, p_salt bytea, p_resolutions text, p_attempts text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_passed IS DISTINCT FROM (p_problem IS NULL) OR p_ended < p_started OR octet_length(p_commitments) <> 64
		OR octet_length(p_salt) <> 32 THEN
		RAISE EXCEPTION 'validation % is not whole', p_id USING ERRCODE = 'check_violation';
	END IF;
	INSERT INTO log.validation (id, authorization_id, account_id, request_id, identifier_type, identifier_value, wildcard,
		method, rule, perspective, attempt, passed, problem, detail, dnssec, caa, token_sha256, started_at, ended_at,
		commitments)
		SELECT p_id, a.id, a.account_id, p_request, a.identifier_type, a.identifier_value, a.wildcard, 'caa', 'RFC 8659',
			p_perspective, 1, p_passed, p_problem, p_detail, p_dnssec, p_caa, sha256(''), p_started, p_ended, p_commitments
		FROM acme.authz a WHERE a.id = p_authz
		ON CONFLICT (id) DO NOTHING;
	IF FOUND THEN
		INSERT INTO log.validation_private (id, salt, resolutions, attempts)
			VALUES (p_id, p_salt, p_resolutions, p_attempts);
	END IF;
END $$;

REVOKE ALL ON FUNCTION acme.error_of_tries(int, jsonb, jsonb), acme.proof_by(text, text, boolean, text, text, text),
	acme.record_validation(uuid, uuid, int8, text, uuid, text, text, boolean, text, text, jsonb, text, jsonb, bytea, int8,
		timestamptz, timestamptz, bytea, bytea, text, text, timestamptz, int8, boolean, jsonb),
	acme.record_caa(uuid, uuid, uuid, text, boolean, text, text, text, jsonb, timestamptz, timestamptz, bytea, bytea, text,
		text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	acme.record_validation(uuid, uuid, int8, text, uuid, text, text, boolean, text, text, jsonb, text, jsonb, bytea, int8,
		timestamptz, timestamptz, bytea, bytea, text, text, timestamptz, int8, boolean, jsonb),
	acme.record_caa(uuid, uuid, uuid, text, boolean, text, text, text, jsonb, timestamptz, timestamptz, bytea, bytea, text,
		text) TO cairn_ra;

-- A record of dns-persist-01 that was seen names the account, by the end of its URL, and says that it counts for wildcards where that
-- is needed (B-29, B-30, B-34). The strings that a record is of are joined.
CREATE OR REPLACE FUNCTION acme.has_standing_record(p_resolutions text, p_account uuid, p_wildcard boolean) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM jsonb_path_query(p_resolutions::jsonb,
			'$.resolutions[*] ? (@.type == "TXT" && @.name starts with "_validation-persist.").answers[*]') AS seen(answer),
		replace(seen.answer #>> '{}', '" "', '') AS one(line)
		WHERE position('/acme/account/' || cairn.id_text(p_account) IN one.line) > 0 -- 0011
			AND (NOT p_wildcard OR one.line ~* 'policy( |\\009)*=( |\\009)*wildcard'));
END $$;

-- The request of onion-csr-01 that was kept has the nonce of the challenge in it (B-37), as the octets that the token stands for.
CREATE OR REPLACE FUNCTION acme.has_nonce(p_attempts text, p_token text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	nonce bytea := acme.octets_of(p_token); -- 0015
BEGIN
	RETURN octet_length(nonce) >= 8 AND EXISTS (SELECT FROM jsonb_path_query(p_attempts::jsonb, '$.attempts[*].body') AS kept(body)
		WHERE position(nonce IN acme.octets_of(kept.body #>> '{}')) > 0);
END $$;

-- What a validation that passed proves: control, if its method can prove it of such an identifier (B-9, C-6), if a method that
-- looks for records in DNS met no lookup that failed to verify (C-23), and if its record says how: the lookups that gave the
-- addresses or the TXT records, and the address that answered (G-3). NULL is no proof, by which no authorization can be valid.
-- No CHECK, which would be parsed anew for each row; and no one expression in SQL, which would be made ready whole for each.
CREATE OR REPLACE FUNCTION acme.proof_by(p_method text, p_type text, p_name text, p_wildcard boolean, p_token text, p_account uuid,
	p_dnssec text, p_resolutions text, p_attempts text) RETURNS log.proof LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	proved boolean := false;
BEGIN
	IF p_method IN ('http-01', 'tls-alpn-01') AND p_name NOT LIKE '%.onion' THEN
		proved := NOT p_wildcard -- B-5
			AND p_attempts::jsonb @? '$.attempts[*] ? (@.address_used != "")'
			AND (p_type = 'ip' OR p_resolutions::jsonb @? '$.resolutions[*] ? (@.type == "A" || @.type == "AAAA")');
	ELSIF p_method = 'onion-csr-01' OR p_name LIKE '%.onion' THEN
		proved := p_method = 'onion-csr-01' AND p_type = 'dns' -- B-36
			AND p_name LIKE '%.onion' AND acme.has_nonce(p_attempts, p_token);
	ELSIF p_method IN ('dns-01', 'dns-account-01') THEN
		proved := p_type = 'dns' AND p_dnssec <> 'bogus'
			AND p_resolutions::jsonb @? '$.resolutions[*] ? (@.type == "TXT")';
	ELSIF p_method = 'dns-persist-01' THEN
		proved := p_type = 'dns' AND p_dnssec <> 'bogus'
			AND acme.has_standing_record(p_resolutions, p_account, p_wildcard);
	END IF;
	RETURN CASE WHEN proved THEN 'control'::log.proof END;
END $$;

-- The evidence of one validation and what follows from it, in one transaction: an authorization can't be valid without
-- the record that made it so. What it was for is taken from the authorization itself. p_retry_s: when a failed one is tried
-- again, NULL when it is final (A-101). Who lost the lease still leaves the evidence but changes nothing. p_fault: it failed
-- by a fault of ours and does not count. p_round: the remote perspectives asked; without their quorum it proves nothing (C-51).
-- What is said to have passed and proves nothing is on record all the same, as a fault, with an event that says so. Such a contradiction,
-- or one that the validation authority saw itself (decide_contradiction), or a request that it does not take (evidence_no_answer), or a record
-- that is refused here (evidence_refused), is our own defect and not the weather: when the fifth one of a kind comes nothing is tried any more,
-- and the client is told so. Where several processes have a part in it, one of which may just be started anew, that has to go on for ten
-- minutes: a remote perspective's contradiction, and perspectives that are not those that the registration authority has (corroboration_judge).
-- No limit counts it.
-- Gives whether the authorization ended by it, also when it is run once more.
CREATE OR REPLACE FUNCTION acme.record_validation(p_id uuid, p_authz uuid, p_n int8, p_holder text, p_request uuid, p_rule text,
	p_perspective text, p_passed boolean, p_problem text, p_detail text, p_error jsonb, p_dnssec text, p_caa jsonb,
	p_answer_sha256 bytea, p_answer_octets int8, p_started timestamptz, p_ended timestamptz, p_commitments bytea,
	p_salt bytea, p_resolutions text, p_attempts text, p_authz_expires timestamptz, p_retry_s int8, p_fault boolean,
	p_limits jsonb DEFAULT NULL, p_dcv boolean DEFAULT NULL, p_round uuid[] DEFAULT NULL, p_quorum text DEFAULT NULL,
	p_remotes jsonb DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ended_by_it boolean;
	proves log.proof;
	flaw text;
	contradiction constant text := 'The record of the validation contradicts itself';
	contradicted int8 := 0;
	defect text := p_detail;
BEGIN
	IF p_passed IS DISTINCT FROM (p_problem IS NULL) OR octet_length(p_commitments) <> 64 OR octet_length(p_salt) <> 32 THEN
		RAISE EXCEPTION 'validation % is not whole', p_id USING ERRCODE = 'check_violation';
	END IF;
	p_ended := greatest(p_started, p_ended); -- a clock was set back meanwhile
	IF p_passed THEN
		flaw := acme.flaw_of_round(p_round, p_remotes);
		IF flaw IS NULL AND (octet_length(p_answer_sha256) = 32 AND p_answer_octets IS NOT NULL) IS NOT TRUE THEN
			flaw := 'The answer is not on record';
		ELSIF flaw IS NULL THEN
			SELECT acme.proof_by(a.challenge_types[p_n], a.identifier_type, a.identifier_value, a.wildcard, a.tokens[p_n], a.account_id,
				p_dnssec, p_resolutions, p_attempts) INTO proves FROM acme.authz a WHERE a.id = p_authz;
			flaw := CASE WHEN proves IS NULL THEN 'Its record shows no control' END;
		END IF;
		IF flaw IS NOT NULL THEN
			p_passed := false;
			p_problem := 'SERVER_INTERNAL';
			p_detail := flaw;
			p_fault := true;
			p_retry_s := 30;
		END IF;
	END IF;
	IF p_fault AND (flaw IS NOT NULL OR p_detail IN (contradiction, 'The database takes no record of this validation')
			OR starts_with(p_detail, 'The validation authority can''t validate this: ')) THEN
		SELECT 1 + count(*) INTO contradicted FROM log.validation v WHERE v.authorization_id = p_authz
			AND v.corroborates IS NULL AND v.method <> 'caa' AND v.detail = p_detail;
	ELSIF p_fault AND p_detail = 'The network perspectives that are configured have not all been asked, or do not agree' THEN
		SELECT CASE WHEN min(v.started_at) < p_ended - interval '10 min' THEN 1 + count(*) ELSE 0 END INTO contradicted FROM log.validation v
			WHERE v.authorization_id = p_authz AND v.corroborates IS NULL AND v.method <> 'caa' AND v.detail = p_detail;
	ELSIF p_fault AND EXISTS (SELECT FROM jsonb_array_elements(p_remotes) r WHERE r->>'detail' = contradiction) THEN
		SELECT CASE WHEN min(v.started_at) < p_ended - interval '10 min' THEN 1 + count(DISTINCT v.corroborates) ELSE 0 END INTO contradicted
			FROM log.validation v WHERE v.authorization_id = p_authz AND v.corroborates IS NOT NULL AND v.method <> 'caa' AND v.detail = contradiction;
		defect := 'A network perspective: ' || contradiction;
	END IF;
	IF contradicted >= 5 THEN
		flaw := coalesce(flaw, defect);
		p_retry_s := NULL;
		p_error := jsonb_build_object('type', 'SERVER_INTERNAL', 'detail', format('This was validated %s times and each time there was no record that could be used, '
			'which is a fault of this CA and nothing that you could mend. Order once more; if it goes on, tell the CA.', contradicted));
		PERFORM log.raise_alarm('validation-defect', '', format('A validation was tried %s times, and each time there was no record that could be used: %s', contradicted,
			coalesce(flaw, defect)), p_holder, false);
	END IF;
	INSERT INTO log.validation (id, authorization_id, challenge_id, account_id, request_id, identifier_type,
		identifier_value, wildcard, method, rule, perspective, attempt, passed, problem, detail, dnssec, caa, token_sha256,
		answer_sha256, answer_octets, started_at, ended_at, commitments, dcv, round, quorum, proof)
		SELECT p_id, a.id, acme.challenge_id(a.id, p_n::int), a.account_id, p_request, a.identifier_type,
			a.identifier_value, a.wildcard, a.challenge_types[p_n], p_rule, p_perspective, a.attempts + 1, p_passed, p_problem,
			p_detail, p_dnssec, p_caa, sha256(convert_to(a.tokens[p_n], 'UTF8')), p_answer_sha256, p_answer_octets,
			p_started, p_ended, p_commitments, coalesce(p_dcv, p_passed), p_round, p_quorum,
			proves
		FROM acme.authz a WHERE a.id = p_authz
		ON CONFLICT DO NOTHING; -- of id; to name it costs a look at the partitions of the index
	IF NOT FOUND THEN -- it has run before and its answer was lost
		RETURN EXISTS (SELECT FROM acme.authz a WHERE a.id = p_authz AND a.validation_id = p_id);
	END IF;
	INSERT INTO log.validation_private (id, salt, resolutions, attempts)
		VALUES (p_id, p_salt, p_resolutions, p_attempts);
	PERFORM acme.add_round(p_id, p_authz, p_holder, p_request, p_remotes, flaw); -- acme_round.sql
	IF p_retry_s IS NOT NULL AND NOT p_passed THEN
		-- Without a holder it waits for its time, or for the client (ra_retry_challenge_statement).
		UPDATE acme.authz a SET attempts = a.attempts + CASE WHEN p_fault THEN 0 ELSE 1 END,
			error = CASE WHEN p_fault THEN a.error ELSE acme.error_of_tries(a.attempts, a.error, p_error) END,
			lease_holder = NULL,
			lease_until = clock_timestamp() + make_interval(secs => p_retry_s)
			WHERE a.id = p_authz AND a.tried = p_n AND a.lease_holder = p_holder;
		RETURN false;
	END IF;
	-- Not found: another holder has it, it was deactivated, or it ran out of time, which is final (A-92).
	UPDATE acme.authz a SET attempts = a.attempts + 1, lease_holder = NULL, lease_until = NULL,
		error = CASE WHEN p_error IS NOT NULL THEN acme.error_of_tries(a.attempts, a.error, p_error) END,
		webpki = p_passed AND coalesce((p_attempts::jsonb #>> '{basis,webpki}')::boolean, false), -- C-73
		validation_id = CASE WHEN p_passed THEN p_id END, validated_at = CASE WHEN p_passed THEN p_ended END,
		expires_at = CASE WHEN NOT p_passed THEN a.expires_at
			WHEN a.challenge_types[p_n] = 'dns-persist-01' THEN least(p_authz_expires, p_ended + interval '240 hours') -- B-32, C-71
			ELSE p_authz_expires END,
		ended = CASE WHEN NOT p_passed THEN 'invalid'::acme.authz_end END
		WHERE a.id = p_authz AND a.tried = p_n AND a.lease_holder = p_holder AND a.expires_at > clock_timestamp();
	ended_by_it := FOUND;
	IF p_limits IS NOT NULL AND ended_by_it AND NOT p_fault THEN
		PERFORM acme.count_validation(p_authz, p_passed, p_holder, p_limits); -- 0014
	END IF;
	RETURN ended_by_it;
END $$;

REVOKE ALL ON FUNCTION acme.has_standing_record(text, uuid, boolean), acme.has_nonce(text, text),
	acme.proof_by(text, text, text, boolean, text, uuid, text, text, text),
	acme.record_validation(uuid, uuid, int8, text, uuid, text, text, boolean, text, text, jsonb, text, jsonb, bytea, int8,
		timestamptz, timestamptz, bytea, bytea, text, text, timestamptz, int8, boolean, jsonb, boolean, uuid[], text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	acme.record_validation(uuid, uuid, int8, text, uuid, text, text, boolean, text, text, jsonb, text, jsonb, bytea, int8,
		timestamptz, timestamptz, bytea, bytea, text, text, timestamptz, int8, boolean, jsonb, boolean, uuid[], text, jsonb) TO cairn_ra;

-- Whether enough of the perspectives that were asked (p_round) agree (p_remotes; C-51, policy/quorum.h): one may not when two to
-- five were asked, two of more. Each counts once. NULL: none was asked.
CREATE OR REPLACE FUNCTION acme.quorum_stands(p_round uuid[], p_remotes jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	asked int := cardinality(p_round);
BEGIN
	IF p_round IS NULL THEN
		RETURN true;
	END IF;
	RETURN (SELECT least(count(DISTINCT r->>'perspective'), count(DISTINCT r->>'id')) FROM jsonb_array_elements(p_remotes) r
		WHERE (r->>'passed')::boolean AND r->>'problem' IS NULL AND (r->>'id')::uuid = ANY (p_round)
			AND length(r->>'commitments') = 128)
		>= asked - CASE WHEN asked >= 6 THEN 2 WHEN asked >= 2 THEN 1 ELSE 0 END;
END $$;

-- Why nothing follows from what a round says, or NULL.
CREATE OR REPLACE FUNCTION acme.flaw_of_round(p_round uuid[], p_remotes jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN p_round IS NULL THEN NULL
		WHEN NOT acme.quorum_stands(p_round, p_remotes) THEN 'Too few of the perspectives on record agree'
		WHEN EXISTS (SELECT FROM log.validation v WHERE v.id = ANY (p_round)) THEN 'A perspective on record was asked about another validation' END;
END $$;

-- The records of remote perspectives that belong to the record of the first one: what they were asked about is taken from that
-- (C-55, C-59). Gives how many there are now of those given.
CREATE OR REPLACE FUNCTION acme.add_remotes(p_own uuid, p_remotes jsonb, p_late boolean) RETURNS int8
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8;
BEGIN
	WITH remote AS MATERIALIZED (
		SELECT r.* FROM jsonb_to_recordset(p_remotes) AS r(id uuid, perspective text, address text, region text,
			passed boolean, dcv boolean, problem text, detail text, dnssec text, caa text, answer_sha256 text,
			answer_octets int8, started_at timestamptz, ended_at timestamptz, commitments text, salt text,
			resolutions text, attempts text)
	), added AS (
		INSERT INTO log.validation (id, authorization_id, challenge_id, account_id, request_id, identifier_type,
			identifier_value, wildcard, method, rule, perspective, attempt, passed, problem, detail, dnssec, caa,
			token_sha256, answer_sha256, answer_octets, started_at, ended_at, commitments, corroborates, address, region,
			dcv, late)
			SELECT r.id, v.authorization_id, v.challenge_id, v.account_id, v.request_id, v.identifier_type,
				v.identifier_value, v.wildcard, v.method, v.rule, r.perspective, v.attempt, r.passed, r.problem, r.detail,
				r.dnssec, r.caa::jsonb, v.token_sha256, decode(r.answer_sha256, 'hex'), r.answer_octets, r.started_at,
				greatest(r.started_at, r.ended_at), decode(r.commitments, 'hex'), v.id, r.address, r.region,
				CASE WHEN v.method <> 'caa' THEN coalesce(r.dcv, false) END, p_late
			FROM remote r JOIN log.validation v ON v.id = p_own AND r.id = ANY (v.round)
			WHERE r.passed IS DISTINCT FROM (r.problem IS NOT NULL) AND octet_length(r.commitments) = 128
			ON CONFLICT (id) DO NOTHING
			RETURNING log.validation.id
	)
	INSERT INTO log.validation_private (id, salt, resolutions, attempts)
		SELECT r.id, decode(r.salt, 'hex'), r.resolutions, r.attempts FROM remote r JOIN added a ON a.id = r.id;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;

-- All of them that are whole; what is not, and why nothing follows from a validation that was said to have passed (p_flaw), is told by an
-- event: what happened stays on record, whatever is wrong with it.
CREATE OR REPLACE FUNCTION acme.add_round(p_own uuid, p_authz uuid, p_process text, p_request uuid, p_remotes jsonb, p_flaw text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	lost int8 := 0;
BEGIN
	IF p_remotes IS NOT NULL THEN
		lost := jsonb_array_length(p_remotes) - acme.add_remotes(p_own, p_remotes, false);
	END IF;
	IF p_flaw IS NOT NULL OR lost > 0 THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'validation.refused', p_request, NULL, NULL, NULL,
			jsonb_build_object('validation', p_own, 'authorization', p_authz, 'why', p_flaw, 'answers_not_whole', lost));
	END IF;
END $$;

-- An answer that came when the quorum was decided. It changes nothing. False when there is no record that it could belong to (yet).
CREATE OR REPLACE FUNCTION acme.record_late(p_own uuid, p_remotes jsonb) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM acme.add_remotes(p_own, p_remotes, true);
	RETURN EXISTS (SELECT FROM log.validation v WHERE v.id = (p_remotes->0->>'id')::uuid AND v.corroborates = p_own);
END $$;

-- The evidence of a CAA check alone, as finalize makes for an authorization of some age (C-36, C-37): no proof of control. Whether it
-- stands as it was said: what passed by too few perspectives is on record as a fault.
CREATE OR REPLACE FUNCTION acme.record_caa(p_id uuid, p_authz uuid, p_request uuid, p_perspective text, p_passed boolean,
	p_problem text, p_detail text, p_dnssec text, p_caa jsonb, p_started timestamptz, p_ended timestamptz,
	p_commitments bytea, p_salt bytea, p_resolutions text, p_attempts text,
	p_round uuid[] DEFAULT NULL, p_quorum text DEFAULT NULL, p_remotes jsonb DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	flaw text;
BEGIN
	IF p_passed IS DISTINCT FROM (p_problem IS NULL) OR octet_length(p_commitments) <> 64 OR octet_length(p_salt) <> 32 THEN
		RAISE EXCEPTION 'validation % is not whole', p_id USING ERRCODE = 'check_violation';
	END IF;
	flaw := CASE WHEN p_passed THEN acme.flaw_of_round(p_round, p_remotes) END;
	INSERT INTO log.validation (id, authorization_id, account_id, request_id, identifier_type, identifier_value, wildcard,
		method, rule, perspective, attempt, passed, problem, detail, dnssec, caa, token_sha256, started_at, ended_at,
		commitments, round, quorum)
		SELECT p_id, a.id, a.account_id, p_request, a.identifier_type, a.identifier_value, a.wildcard, 'caa', 'RFC 8659',
			p_perspective, 1, p_passed AND flaw IS NULL, CASE WHEN flaw IS NULL THEN p_problem ELSE 'SERVER_INTERNAL' END,
			coalesce(flaw, p_detail), p_dnssec, p_caa, sha256(''), p_started, greatest(p_started, p_ended), p_commitments, p_round, p_quorum
		FROM acme.authz a WHERE a.id = p_authz
		ON CONFLICT (id) DO NOTHING;
	IF NOT FOUND THEN -- it has run before and its answer was lost
		RETURN EXISTS (SELECT FROM log.validation v WHERE v.id = p_id AND v.authorization_id = p_authz AND v.passed = p_passed);
	END IF;
	INSERT INTO log.validation_private (id, salt, resolutions, attempts)
		VALUES (p_id, p_salt, p_resolutions, p_attempts);
	PERFORM acme.add_round(p_id, p_authz, 'cairn-ra', p_request, p_remotes, flaw);
	RETURN flaw IS NULL;
END $$;

-- Whether CAA alone was looked at for an authorization since then, by as many perspectives as it takes, and let it pass.
CREATE OR REPLACE FUNCTION acme.caa_passed(p_authz uuid, p_since timestamptz) RETURNS boolean LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM log.validation v WHERE v.authorization_id = p_authz AND v.id >= cairn.id_at(p_since)
		AND v.method = 'caa' AND v.passed AND v.corroborates IS NULL
		AND NOT EXISTS (SELECT FROM acme.distrusted d WHERE d.validation_id = v.id)) -- C-75
$$;

REVOKE ALL ON FUNCTION acme.quorum_stands(uuid[], jsonb), acme.flaw_of_round(uuid[], jsonb), acme.add_remotes(uuid, jsonb, boolean),
	acme.add_round(uuid, uuid, text, uuid, jsonb, text),
	acme.record_late(uuid, jsonb), acme.caa_passed(uuid, timestamptz),
	acme.record_caa(uuid, uuid, uuid, text, boolean, text, text, text, jsonb, timestamptz, timestamptz, bytea, bytea, text,
		text, uuid[], text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.record_late(uuid, jsonb), acme.caa_passed(uuid, timestamptz),
	acme.record_caa(uuid, uuid, uuid, text, boolean, text, text, text, jsonb, timestamptz, timestamptz, bytea, bytea, text,
		text, uuid[], text, jsonb) TO cairn_ra;

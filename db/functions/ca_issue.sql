-- The order becomes processing, its serial is taken and the exact bytes stand, or nothing of it (D-3, A-117): true. False:
-- something was begun for the order before. The order is held, so that a deactivation of the account either ends it before
-- or comes after (acme.deactivate_account). The statement that holds it judges too: a refusal undoes what it did.
-- p_remembered: nobody has read the order for this. Then it is this statement alone that judges, and where anything is in the
-- way, rules of a policy among it (0011), nothing is done: CONFLICT tells the caller to read the order and say what it is.
-- p_methods: those in force; p_webpki: the mode. A proof by another method, by the looser rules of private mode, or by a grant that
-- the policy does not give any more is none (C-2, C-73; acme_proofs.sql).
CREATE OR REPLACE FUNCTION ca.begin_issuance(p_id uuid, p_order uuid, p_account uuid, p_types text[], p_values text[], p_issuer text,
	p_profile text, p_serial bytea, p_tbs bytea, p_spki_sha256 bytea, p_names text[], p_not_before timestamptz,
	p_not_after timestamptz, p_holder text, p_lease_s int8, p_request uuid, p_account_thumbprint bytea,
	p_key_thumbprint bytea, p_remembered boolean, p_methods text[], p_webpki boolean, p_limits jsonb DEFAULT NULL, p_crl_shard int8 DEFAULT 0) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	refusal text[];
	n_names int;
	proofs uuid[];
	within_limits boolean;
BEGIN
	-- Before the statement below has its snapshot: a key that is being blocked is, or this issuance is found (acme.hold_key; E-13).
	PERFORM pg_advisory_xact_lock_shared(13, hashtext(encode(p_spki_sha256, 'hex')));
	UPDATE acme.orders r SET certificate_id = p_id
		WHERE r.id = p_order AND r.certificate_id IS NULL AND r.error IS NULL
		RETURNING CASE
		WHEN r.account_id <> p_account THEN '{NOT_FOUND, There is no such order}'
		WHEN NOT (r.identifier_types = p_types AND r.identifier_values = p_values)
			AND NOT ca.same_names(r.identifier_types, r.identifier_values, p_types, p_values)
			THEN '{BAD_CSR, The names are not those of the order}'
		WHEN (SELECT k.status FROM acme.account k WHERE k.id = p_account AND k.thumbprint = p_account_thumbprint)
			IS DISTINCT FROM 'valid' THEN '{ACCOUNT_NOT_VALID, The account is not valid}'
		WHEN r.expires_at <= clock_timestamp() THEN '{ORDER_NOT_READY, The order expired}'
		WHEN r.profile <> p_profile THEN '{INVALID_PROFILE, The profile is not the one of the order}'
		WHEN r.not_before <> p_not_before OR r.not_after <> p_not_after -- A-79; NULL: the order leaves it to us
			THEN '{SERVER_INTERNAL, The dates are not those of the order}'
		WHEN EXISTS (SELECT FROM acme.account k WHERE k.thumbprint = p_key_thumbprint) -- A-115
			THEN '{BAD_CSR, The key of the CSR is the key of an account; make a new one for the certificate}'
		WHEN EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = p_spki_sha256) -- E-13
			THEN '{BAD_CSR, The key is known to be compromised}'
		WHEN NOT EXISTS (SELECT FROM ca.crl_shard s WHERE s.issuer = p_issuer AND s.shard = p_crl_shard -- E-24, E-25
			AND position(convert_to(s.url, 'UTF8') IN p_tbs) > 0)
			THEN '{SERVER_INTERNAL, The issuer or its CRL is not registered}'
		WHEN p_remembered AND EXISTS (SELECT FROM acme.judging) THEN '{CONFLICT, There are rules to judge by}' -- A-119
		ELSE '{}'::text[] END, cardinality(r.identifier_values),
			-- For each place of the order, by the order's own list, a valid authorization of the same account for its very
			-- name. Judged by CASE, so that no plan can look authorizations up by anything but their id; without an aggregate,
			-- which takes longer to be made ready than the rest.
			array_remove(ARRAY (SELECT CASE WHEN a.account_id = p_account AND a.ended IS NULL AND a.expires_at > clock_timestamp()
					AND a.identifier_type = r.identifier_types[array_position(r.authorizations, a.id)]
					AND a.wildcard = (r.identifier_values[array_position(r.authorizations, a.id)] LIKE '*.%')
					AND r.identifier_values[array_position(r.authorizations, a.id)]
						= CASE WHEN a.wildcard THEN '*.' ELSE '' END || a.identifier_value
					AND CASE a.proof WHEN 'control' THEN a.challenge_types[a.tried] = ANY (p_methods) AND (a.webpki OR NOT p_webpki)
						ELSE NOT p_webpki AND acme.grant_stands(r.id, a.id) END
					THEN a.validation_id END FROM acme.authz a WHERE a.id = ANY (r.authorizations)), NULL)
		INTO refusal, n_names, proofs;
	IF refusal <> '{}' OR cardinality(proofs) = n_names IS NOT TRUE THEN
		RETURN ca.refuse_begin(p_order, p_account, p_types, p_values, p_request, p_remembered, refusal, p_methods, p_webpki);
	END IF;
	IF p_limits IS NOT NULL THEN
		within_limits := acme.take_issue_limits(p_order, p_not_after, p_limits); -- 0014
	END IF;
	WITH taken AS (INSERT INTO ca.serial (serial, certificate_id) VALUES (p_serial, p_id))
	INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, profile, serial,
		spki_sha256, names, validations, request_id, tbs, tbs_sha256, lease_holder, lease_until)
		VALUES (p_id, p_order, p_account, p_not_before, p_not_after, clock_timestamp(), p_crl_shard, p_issuer, p_profile, p_serial,
			p_spki_sha256, p_names, proofs, p_request, p_tbs, sha256(p_tbs), p_holder, clock_timestamp() + make_interval(secs => p_lease_s));
	RETURN true;
END $$;

-- Why an issuance can't be begun, where refusal, if any, is what was found about an order that could; false when it was begun.
CREATE OR REPLACE FUNCTION ca.refuse_begin(p_order uuid, p_account uuid, p_types text[], p_values text[], p_request uuid,
	p_remembered boolean, refusal text[], p_methods text[], p_webpki boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	o record;
BEGIN
	SELECT r.*, k.status AS account_status, c.request_id INTO o FROM acme.orders r JOIN acme.account k ON k.id = r.account_id
		LEFT JOIN ca.certificate c ON c.id = r.certificate_id WHERE r.id = p_order AND r.account_id = p_account;
	IF p_remembered AND o.request_id IS DISTINCT FROM p_request THEN
		PERFORM cairn.refuse('CONFLICT', 'The order must be read again');
	ELSIF refusal <> '{}' THEN
		PERFORM cairn.refuse(refusal[1], refusal[2]);
	ELSIF refusal = '{}' THEN
		PERFORM cairn.refuse('UNAUTHORIZED', acme.why_no_proof(p_order, p_methods, p_webpki));
	ELSIF o.id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such order');
	ELSIF NOT ca.same_names(o.identifier_types, o.identifier_values, p_types, p_values) THEN
		PERFORM cairn.refuse('BAD_CSR', 'The names are not those of the order');
	ELSIF o.certificate_id IS NOT NULL AND o.error IS NULL THEN
		RETURN false;
	ELSIF o.account_status <> 'valid' THEN
		PERFORM cairn.refuse('ACCOUNT_NOT_VALID', 'The account is ' || o.account_status);
	END IF;
	PERFORM cairn.refuse('ORDER_NOT_READY', 'The order is invalid');
END $$;

REVOKE ALL ON FUNCTION ca.begin_issuance(uuid, uuid, uuid, text[], text[], text, text, bytea, bytea, bytea, text[], timestamptz,
	timestamptz, text, int8, uuid, bytea, bytea, boolean, text[], boolean, jsonb, int8),
	ca.refuse_begin(uuid, uuid, text[], text[], uuid, boolean, text[], text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.begin_issuance(uuid, uuid, uuid, text[], text[], text, text, bytea, bytea, bytea, text[], timestamptz,
	timestamptz, text, int8, uuid, bytea, bytea, boolean, text[], boolean, jsonb, int8) TO cairn_ca;

-- The steps of the registration authority: each one function, one round trip, one transaction, safe to repeat. Every
-- one checks the account and its key again, so that a stale cache can never act (design 4.1).

-- True or a refusal. Assigned to a variable, as PL/pgSQL runs a statement of SQL for PERFORM.
CREATE FUNCTION acme.check_account(p_account uuid, p_thumbprint bytea) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	found_status text;
BEGIN
	SELECT status INTO found_status FROM acme.account WHERE id = p_account AND thumbprint = p_thumbprint;
	IF found_status IS NULL THEN
		PERFORM cairn.refuse('ACCOUNT_DOES_NOT_EXIST', 'There is no account with this key');
	ELSIF found_status <> 'valid' THEN -- A-60, A-62
		PERFORM cairn.refuse('ACCOUNT_NOT_VALID', 'The account is ' || found_status);
	END IF;
	RETURN true;
END $$;

CREATE FUNCTION log.add_event(p_id uuid, p_process text, p_actor text, p_kind text, p_request uuid, p_account uuid,
	p_order uuid, p_certificate uuid, p_facts jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN -- in PL/pgSQL, as all functions on the way of an order: its plan is kept, that of an SQL function is not
	INSERT INTO log.event (id, happened_at, process, actor, kind, request_id, account_id, order_id, certificate_id, facts)
	VALUES (p_id, clock_timestamp(), p_process, p_actor, p_kind, p_request, p_account, p_order, p_certificate, p_facts);
END $$;

-- newAccount (RFC 8555 7.3): one account a key, also in a race (A-63); a known key gets its account unchanged (A-51).
CREATE FUNCTION acme.new_account(p_id uuid, p_key text, p_thumbprint bytea, p_spki_sha256 bytea, p_terms text,
	p_terms_missing boolean, p_only_existing boolean, p_process text, p_request uuid)
RETURNS TABLE (id uuid, status text, key text, thumbprint bytea, terms_agreed boolean, created_at timestamptz, created boolean)
LANGUAGE plpgsql AS $$
DECLARE
	was_created boolean := false;
BEGIN
	IF NOT EXISTS (SELECT FROM acme.account a WHERE a.thumbprint = p_thumbprint) THEN
		IF p_only_existing THEN
			PERFORM cairn.refuse('ACCOUNT_DOES_NOT_EXIST', 'There is no account with this key'); -- A-52
		ELSIF p_terms_missing THEN
			PERFORM cairn.refuse('USER_ACTION_REQUIRED',
				'The terms of service must be agreed to: set termsOfServiceAgreed to true'); -- A-54
		ELSIF EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = p_spki_sha256) THEN
			PERFORM cairn.refuse('BAD_PUBLIC_KEY', 'The key is known to be compromised'); -- A-24, F-24
		END IF;
		INSERT INTO acme.account (id, status, key, thumbprint, terms_agreed)
		VALUES (p_id, 'valid', p_key, p_thumbprint, p_terms) ON CONFLICT ON CONSTRAINT account_thumbprint_key DO NOTHING;
		was_created := FOUND;
		IF was_created THEN
			PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.created', p_request, p_id, NULL, NULL,
				jsonb_build_object('thumbprint', encode(p_thumbprint, 'hex'), 'terms_agreed', p_terms));
		END IF;
	END IF;
	RETURN QUERY SELECT a.id, a.status, a.key, a.thumbprint, a.terms_agreed IS NOT NULL, a.created_at, was_created
		FROM acme.account a WHERE a.thumbprint = p_thumbprint;
END $$;

-- Deactivation (RFC 8555 7.3.6) ends what is pending and keeps certificates (A-60, A-61). No issuance is begun after it:
-- the lock waits for new orders, which hold the account by their foreign key, so that the update finds all of them; it
-- waits for each order that is just being finalized; and ca.begin_issuance, which holds the order, sees the order or, where
-- that is newer, the account as they are then.
CREATE FUNCTION acme.deactivate_account(p_account uuid, p_thumbprint bytea, p_process text, p_request uuid)
RETURNS TABLE (id uuid, status text, key text, thumbprint bytea, terms_agreed boolean, created_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
	checked boolean;
BEGIN
	PERFORM FROM acme.account a WHERE a.id = p_account FOR UPDATE;
	checked := acme.check_account(p_account, p_thumbprint);
	UPDATE acme.account a SET status = 'deactivated', ended_at = now() WHERE a.id = p_account AND a.status = 'valid';
	IF FOUND THEN
		UPDATE acme.authz z SET status = 'deactivated' WHERE z.account_id = p_account AND z.status IN ('pending', 'valid');
		UPDATE acme.orders o SET status = 'invalid',
			error = jsonb_build_object('type', 'ACCOUNT_NOT_VALID', 'detail', 'The account was deactivated')
			WHERE o.account_id = p_account AND o.status IN ('pending', 'ready');
		PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.deactivated', p_request, p_account, NULL, NULL,
			'{}'::jsonb);
	END IF;
	RETURN QUERY SELECT a.id, a.status, a.key, a.thumbprint, a.terms_agreed IS NOT NULL, a.created_at
		FROM acme.account a WHERE a.id = p_account;
END $$;

-- newOrder (RFC 8555 7.4): the order with its authorizations and challenges. A valid authorization of the account that
-- lasts beyond p_reuse_until is used again (A-84); the others are new, with the ids and challenges given.
CREATE FUNCTION acme.new_order(p_id uuid, p_account uuid, p_thumbprint bytea, p_types text[], p_values text[],
	p_profile text, p_not_before timestamptz, p_not_after timestamptz, p_replaces text, p_expires timestamptz,
	p_reuse_until timestamptz, p_authz_ids uuid[], p_challenge_ids uuid[], p_challenge_positions int8[],
	p_challenge_types text[], p_challenge_tokens text[], p_process text, p_request uuid)
RETURNS TABLE (status text, authorizations uuid[], expires_at timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	checked boolean := acme.check_account(p_account, p_thumbprint);
	reused uuid[];
	missing int;
BEGIN
	SELECT array_agg(r.id ORDER BY n), array_agg(coalesce(r.id, p_authz_ids[n]) ORDER BY n),
		least(p_expires, min(r.expires_at)), count(*) - count(r.id)
		INTO reused, authorizations, expires_at, missing
		FROM unnest(p_types, p_values) WITH ORDINALITY AS i (t, v, n)
		LEFT JOIN LATERAL (SELECT a.id, a.expires_at FROM acme.authz a
			WHERE a.account_id = p_account AND a.identifier_type = t AND a.status = 'valid'
				AND a.identifier_value = CASE WHEN v LIKE '*.%' THEN substr(v, 3) ELSE v END
				AND a.wildcard = (v LIKE '*.%') AND a.expires_at > p_reuse_until
			ORDER BY a.expires_at DESC LIMIT 1) r ON true;
	status := CASE missing WHEN 0 THEN 'ready' ELSE 'pending' END;
	INSERT INTO acme.orders (id, account_id, status, identifier_types, identifier_values, profile, not_before, not_after,
		replaces, expires_at, waits_for)
		VALUES (p_id, p_account, new_order.status, p_types, p_values, p_profile, p_not_before, p_not_after, p_replaces,
			new_order.expires_at, missing);
	IF missing > 0 THEN
		INSERT INTO acme.authz (id, account_id, order_id, identifier_type, identifier_value, wildcard, status, expires_at)
			SELECT p_authz_ids[n], p_account, p_id, t, CASE WHEN v LIKE '*.%' THEN substr(v, 3) ELSE v END, v LIKE '*.%',
				'pending', p_expires
			FROM unnest(p_types, p_values) WITH ORDINALITY AS i (t, v, n) WHERE reused[n] IS NULL;
		INSERT INTO acme.challenge (id, authz_id, type, token, status)
			SELECT cid, p_authz_ids[place], kind, tok, 'pending'
			FROM unnest(p_challenge_ids, p_challenge_positions, p_challenge_types, p_challenge_tokens)
				AS h (cid, place, kind, tok) WHERE reused[place] IS NULL;
	END IF;
	INSERT INTO acme.order_authz (order_id, position, authz_id)
		SELECT p_id, n, authorizations[n] FROM generate_subscripts(authorizations, 1) AS n;
	INSERT INTO log.event (process, actor, kind, request_id, account_id, order_id, facts)
		VALUES (p_process, 'account', 'order.created', p_request, p_account, p_id,
			jsonb_build_object('identifiers', p_values, 'profile', p_profile, 'authorizations', authorizations,
				'reused', array_remove(reused, NULL), 'replaces', p_replaces));
	RETURN NEXT;
END $$;

-- A response to a challenge (RFC 8555 7.5.1): pending -> processing by compare-and-set, with a lease: a durable job.
-- started is false when there is nothing to start: it runs already, or the authorization is valid (A-99).
CREATE FUNCTION acme.start_challenge(p_challenge uuid, p_account uuid, p_thumbprint bytea, p_thumbprint_text text,
	p_holder text, p_lease_s int8, p_request uuid)
RETURNS TABLE (started boolean, processing boolean, authz_id uuid, identifier_type text, identifier_value text, wildcard boolean, type text,
	token text, key_authorization text, attempts int8) LANGUAGE plpgsql AS $$
DECLARE
	checked boolean := acme.check_account(p_account, p_thumbprint);
	z acme.authz;
	h acme.challenge;
BEGIN
	SELECT a.* INTO z FROM acme.challenge c JOIN acme.authz a ON a.id = c.authz_id WHERE c.id = p_challenge;
	IF z.id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such challenge');
	ELSIF z.account_id <> p_account THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The challenge belongs to another account'); -- A-31
	ELSIF z.status = 'valid' AND z.expires_at > now() THEN
		NULL;
	ELSIF z.status <> 'pending' OR z.expires_at <= now() THEN
		PERFORM cairn.refuse('MALFORMED', format('The authorization is %s: order again',
			CASE WHEN z.expires_at <= now() THEN 'expired' ELSE z.status END));
	END IF;
	UPDATE acme.challenge c SET status = 'processing', key_authorization = c.token || '.' || p_thumbprint_text,
		lease_holder = p_holder, lease_until = clock_timestamp() + make_interval(secs => p_lease_s), request_id = p_request
		WHERE c.id = p_challenge AND c.status = 'pending' AND z.status = 'pending' RETURNING c.* INTO h;
	started := FOUND;
	IF NOT started THEN
		SELECT c.* INTO h FROM acme.challenge c WHERE c.id = p_challenge;
	END IF;
	processing := h.status = 'processing';
	authz_id := z.id;
	identifier_type := z.identifier_type;
	identifier_value := z.identifier_value;
	wildcard := z.wildcard;
	type := h.type;
	token := h.token;
	key_authorization := h.key_authorization;
	attempts := h.attempts;
	RETURN NEXT;
END $$;

-- Jobs whose holder is gone (the lease lapsed), or that this holder itself held before it was started again.
CREATE FUNCTION acme.take_challenges(p_holder text, p_own boolean, p_lease_s int8, p_limit int8)
RETURNS TABLE (challenge_id uuid, authz_id uuid, account_id uuid, identifier_type text, identifier_value text,
	wildcard boolean, type text, token text, key_authorization text, attempts int8, request_id uuid) LANGUAGE sql AS $$
	-- The time of some has run out: nobody waits for them any more.
	UPDATE acme.challenge c SET status = 'invalid', lease_holder = NULL, lease_until = NULL,
		error = coalesce(c.error, jsonb_build_object('type', 'MALFORMED', 'detail', 'The authorization expired'))
		FROM acme.authz a WHERE a.id = c.authz_id AND c.status = 'processing' AND c.lease_until IS NOT NULL
			AND a.expires_at <= now();
	WITH due AS (
		SELECT c.id FROM acme.challenge c WHERE c.status = 'processing' AND c.lease_until IS NOT NULL
			AND (c.lease_until < clock_timestamp() OR (p_own AND c.lease_holder = p_holder))
		ORDER BY c.lease_until LIMIT p_limit FOR UPDATE SKIP LOCKED),
	taken AS (
		UPDATE acme.challenge c SET lease_holder = p_holder,
			lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
		FROM due WHERE c.id = due.id RETURNING c.*)
	SELECT t.id, a.id, a.account_id, a.identifier_type, a.identifier_value, a.wildcard, t.type, t.token,
		t.key_authorization, t.attempts::int8, t.request_id FROM taken t JOIN acme.authz a ON a.id = t.authz_id
$$;

-- A fault of ours: nothing is concluded, the job is due again after p_retry_s (design 4.2).
CREATE FUNCTION acme.postpone_challenge(p_challenge uuid, p_holder text, p_retry_s int8) RETURNS void LANGUAGE sql AS $$
	UPDATE acme.challenge SET lease_until = clock_timestamp() + make_interval(secs => p_retry_s)
	WHERE id = p_challenge AND status = 'processing' AND lease_holder = p_holder
$$;

-- The evidence of one validation and what follows from it, in one transaction: an authorization can't be valid without
-- the record that made it so. p_retry_s: when a failed one is tried again, NULL when it is final (A-101). Who lost the
-- lease still leaves the evidence but changes nothing. p_fault: it failed by a fault of ours and does not count. Gives
-- whether the authorization ended by it.
CREATE FUNCTION acme.record_validation(p_id uuid, p_challenge uuid, p_holder text, p_request uuid, p_rule text,
	p_perspective text, p_passed boolean, p_problem text, p_detail text, p_error jsonb, p_dnssec text, p_caa jsonb,
	p_answer_sha256 bytea, p_answer_octets int8, p_started timestamptz, p_ended timestamptz, p_commitments bytea,
	p_salt bytea, p_resolutions text, p_attempts text, p_authz_expires timestamptz, p_retry_s int8, p_fault boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	z record;
BEGIN
	SELECT a.id, a.account_id, a.order_id, a.identifier_type, a.identifier_value, a.wildcard, c.type, c.token, c.attempts
		INTO STRICT z FROM acme.challenge c JOIN acme.authz a ON a.id = c.authz_id WHERE c.id = p_challenge;
	INSERT INTO log.validation (id, authorization_id, challenge_id, account_id, request_id, identifier_type,
		identifier_value, wildcard, method, rule, perspective, attempt, passed, problem, detail, dnssec, caa, token_sha256,
		answer_sha256, answer_octets, started_at, ended_at, commitments)
		VALUES (p_id, z.id, p_challenge, z.account_id, p_request, z.identifier_type, z.identifier_value, z.wildcard,
			z.type, p_rule, p_perspective, z.attempts + 1, p_passed, p_problem, p_detail, p_dnssec, p_caa,
			sha256(convert_to(z.token, 'UTF8')), p_answer_sha256, p_answer_octets, p_started, p_ended, p_commitments);
	INSERT INTO log.validation_private (id, salt, resolutions, attempts)
		VALUES (p_id, p_salt, p_resolutions, p_attempts);
	IF NOT p_passed AND p_retry_s IS NOT NULL THEN
		UPDATE acme.challenge c SET attempts = c.attempts + CASE WHEN p_fault THEN 0 ELSE 1 END,
			error = CASE WHEN p_fault THEN c.error ELSE p_error END,
			lease_until = clock_timestamp() + make_interval(secs => p_retry_s)
			WHERE c.id = p_challenge AND c.status = 'processing' AND c.lease_holder = p_holder;
		RETURN false;
	END IF;
	UPDATE acme.challenge c SET attempts = c.attempts + 1, status = CASE WHEN p_passed THEN 'valid' ELSE 'invalid' END,
		validated_at = CASE WHEN p_passed THEN p_ended END, error = CASE WHEN p_passed THEN NULL ELSE p_error END,
		lease_holder = NULL, lease_until = NULL
		WHERE c.id = p_challenge AND c.status = 'processing' AND c.lease_holder = p_holder;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE acme.authz a SET status = CASE WHEN p_passed THEN 'valid' ELSE 'invalid' END,
		validation_id = CASE WHEN p_passed THEN p_id END,
		expires_at = CASE WHEN p_passed THEN p_authz_expires ELSE a.expires_at END
		WHERE a.id = z.id AND a.status = 'pending' AND a.expires_at > clock_timestamp();
	IF NOT FOUND THEN
		RETURN false; -- another challenge of it decided, it was deactivated, or it ran out of time: that is final (A-92)
	END IF;
	-- Only the order that it was made for waits for it. Authorizations that end together count down one after the other.
	UPDATE acme.orders o SET waits_for = o.waits_for - CASE WHEN p_passed THEN 1 ELSE 0 END,
		status = CASE WHEN NOT p_passed THEN 'invalid' WHEN o.waits_for = 1 THEN 'ready' ELSE 'pending' END,
		error = CASE WHEN NOT p_passed THEN p_error END
		WHERE o.id = z.order_id AND o.status = 'pending';
	RETURN true;
END $$;

-- The evidence of a CAA check alone, as finalize makes for an authorization of some age (C-36, C-37).
CREATE FUNCTION acme.record_caa(p_id uuid, p_authz uuid, p_request uuid, p_perspective text, p_passed boolean,
	p_problem text, p_detail text, p_dnssec text, p_caa jsonb, p_started timestamptz, p_ended timestamptz,
	p_commitments bytea, p_salt bytea, p_resolutions text, p_attempts text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO log.validation (id, authorization_id, account_id, request_id, identifier_type, identifier_value, wildcard,
		method, rule, perspective, attempt, passed, problem, detail, dnssec, caa, token_sha256, started_at, ended_at,
		commitments)
		SELECT p_id, a.id, a.account_id, p_request, a.identifier_type, a.identifier_value, a.wildcard, 'caa', 'RFC 8659',
			p_perspective, 1, p_passed, p_problem, p_detail, p_dnssec, p_caa, sha256(''), p_started, p_ended, p_commitments
		FROM acme.authz a WHERE a.id = p_authz;
	INSERT INTO log.validation_private (id, salt, resolutions, attempts)
		VALUES (p_id, p_salt, p_resolutions, p_attempts);
END $$;

-- Deactivation of an authorization by its owner (RFC 8555 7.5.2, A-94).
CREATE FUNCTION acme.deactivate_authz(p_authz uuid, p_account uuid, p_thumbprint bytea, p_process text, p_request uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	checked boolean := acme.check_account(p_account, p_thumbprint);
	owner uuid;
BEGIN
	SELECT a.account_id INTO owner FROM acme.authz a WHERE a.id = p_authz;
	IF owner IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such authorization');
	ELSIF owner <> p_account THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The authorization belongs to another account');
	END IF;
	UPDATE acme.authz a SET status = 'deactivated' WHERE a.id = p_authz AND a.status IN ('pending', 'valid');
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE acme.orders o SET status = 'invalid',
		error = jsonb_build_object('type', 'UNAUTHORIZED', 'detail', 'An authorization of the order was deactivated')
		WHERE o.id IN (SELECT oa.order_id FROM acme.order_authz oa WHERE oa.authz_id = p_authz)
			AND o.status IN ('pending', 'ready');
	PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'authorization.deactivated', p_request, p_account, NULL,
		NULL, jsonb_build_object('authorization', p_authz));
END $$;

-- All that finalize judges, in one read (A-113..A-119). key_is_account: the key of the CSR is some account's.
CREATE FUNCTION acme.read_finalize(p_order uuid, p_account uuid, p_thumbprint bytea, p_csr_thumbprint bytea,
	p_csr_spki_sha256 bytea)
RETURNS TABLE (status text, identifier_types text[], identifier_values text[], authorizations uuid[], profile text,
	not_before timestamptz, not_after timestamptz, expires_at timestamptz, certificate_id uuid, error jsonb,
	key_is_account boolean, key_is_blocked boolean, all_valid boolean, oldest_validation timestamptz,
	issuance_request_id uuid) LANGUAGE plpgsql
STABLE AS $$
DECLARE
	checked boolean := acme.check_account(p_account, p_thumbprint);
BEGIN
	RETURN QUERY SELECT
		CASE WHEN o.status IN ('pending', 'ready') AND o.expires_at <= now() THEN 'invalid' ELSE o.status END,
		o.identifier_types, o.identifier_values, a.ids, o.profile, o.not_before, o.not_after, o.expires_at,
		o.certificate_id, o.error,
		EXISTS (SELECT FROM acme.account k WHERE k.thumbprint = p_csr_thumbprint),
		EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = p_csr_spki_sha256),
		a.valid, a.oldest,
		(SELECT i.request_id FROM ca.certificate i WHERE i.id = o.certificate_id)
		FROM acme.orders o, LATERAL (SELECT array_agg(z.id ORDER BY oa.position) AS ids,
			bool_and(z.status = 'valid' AND z.expires_at > now()) AS valid, min(cairn.time_of(z.validation_id)) AS oldest
			FROM acme.order_authz oa JOIN acme.authz z ON z.id = oa.authz_id WHERE oa.order_id = o.id) a
		WHERE o.id = p_order AND o.account_id = p_account;
	IF NOT FOUND AND EXISTS (SELECT FROM acme.orders o WHERE o.id = p_order) THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The order belongs to another account');
	ELSIF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such order');
	END IF;
END $$;

-- Revocation (RFC 8555 7.6): the certificate must be ours octet for octet (A-127); who asked decides what is believed.
-- p_by_key: the request was signed by the certificate's own key: keyCompromise, and the key is blocked (A-126, A-130).
CREATE FUNCTION acme.revoke_certificate(p_serial bytea, p_der bytea, p_reason int8, p_account uuid, p_thumbprint bytea,
	p_by_key boolean, p_process text, p_request uuid) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
	cert ca.certificate;
	known ca.revocation;
	why int := p_reason;
	whose text := 'account';
	stamp timestamptz := date_trunc('second', clock_timestamp());
	checked boolean := p_by_key OR acme.check_account(p_account, p_thumbprint);
BEGIN
	SELECT c.* INTO cert FROM ca.serial s JOIN ca.certificate c ON c.id = s.certificate_id WHERE s.serial = p_serial;
	IF cert.der IS DISTINCT FROM p_der THEN
		PERFORM cairn.refuse('NOT_FOUND', 'This CA did not issue that certificate');
	END IF;
	IF p_by_key THEN
		why := 1;
		whose := 'certificate-key';
	ELSIF cert.account_id <> p_account THEN
		IF EXISTS (SELECT FROM unnest(cert.names) AS n WHERE NOT EXISTS (SELECT FROM acme.authz a
			WHERE a.account_id = p_account AND a.status = 'valid' AND a.expires_at > now()
				AND a.identifier_value = CASE WHEN n LIKE '*.%' THEN substr(n, 3) ELSE n END
				AND a.wildcard = (n LIKE '*.%'))) THEN -- A-125
			PERFORM cairn.refuse('UNAUTHORIZED',
				'The account neither ordered the certificate nor holds valid authorizations for all its names');
		END IF;
		whose := 'authorizations';
	END IF;
	IF cert.not_after < now() THEN
		PERFORM cairn.refuse('MALFORMED', 'The certificate has expired: there is nothing to revoke'); -- A-131
	END IF;
	INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_at, revoked_by, request_id,
		not_after) VALUES (cert.id, cert.serial, cert.issuer, cert.crl_shard, why, stamp, whose, p_request, cert.not_after)
		ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		SELECT r.* INTO STRICT known FROM ca.revocation r WHERE r.certificate_id = cert.id FOR UPDATE;
		IF known.request_id = p_request THEN
			RETURN known.revoked_at; -- this very call has run before and its answer was lost
		ELSIF NOT (p_by_key AND known.reason <> 1) THEN
			PERFORM cairn.refuse('ALREADY_REVOKED', 'The certificate is already revoked'); -- A-128
		END IF;
		UPDATE ca.revocation SET reason = 1, revoked_by = whose WHERE certificate_id = cert.id; -- E-14
		stamp := known.revoked_at;
	END IF;
	IF p_by_key THEN
		INSERT INTO acme.blocked_key (spki_sha256, reason, request_id)
			VALUES (cert.spki_sha256, 'keyCompromise', p_request) ON CONFLICT DO NOTHING; -- E-13
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_process, whose, 'certificate.revoked', p_request, p_account, cert.order_id,
		cert.id, jsonb_build_object('serial', encode(cert.serial, 'hex'), 'reason', why, 'issuer', cert.issuer));
	PERFORM pg_notify('cairn_revoked', cert.issuer);
	RETURN stamp;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA acme FROM PUBLIC;
REVOKE ALL ON FUNCTION log.add_event(uuid, text, text, text, uuid, uuid, uuid, uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA acme TO cairn_ra;
GRANT EXECUTE ON FUNCTION log.add_event(uuid, text, text, text, uuid, uuid, uuid, uuid, jsonb)
	TO cairn_ra, cairn_subscriber, cairn_operator;
GRANT USAGE ON SCHEMA front TO cairn_ra;
GRANT SELECT ON front.authz, front.orders TO cairn_ra; -- what it answers with has the form that is shown
GRANT SELECT ON ca.serial TO cairn_ra;

-- The steps of the registration authority: each one round trip, one transaction. Every one looks at the account and its key
-- in the statement that acts, so that a stale cache can never act (design 4.1); where that finds nothing, a further look
-- says why. The simplest steps are statements in ra/*.c.

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
	p_terms_missing boolean, p_only_existing boolean, p_process text, p_request uuid, p_limits jsonb DEFAULT NULL)
RETURNS TABLE (id uuid, status text, key text, thumbprint bytea, terms_agreed boolean, created_at timestamptz, created boolean)
LANGUAGE plpgsql AS $$
DECLARE
	was_created boolean := false;
	within_limits boolean;
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
			within_limits := p_limits IS NULL OR acme.take_limits(p_limits->'uses'); -- 0014; a refusal takes the account back
			PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.created', p_request, p_id, NULL, NULL,
				jsonb_build_object('thumbprint', encode(p_thumbprint, 'hex'), 'terms_agreed', p_terms));
		END IF;
	END IF;
	RETURN QUERY SELECT a.id, a.status, a.key, a.thumbprint, a.terms_agreed IS NOT NULL, a.created_at, was_created
		FROM acme.account a WHERE a.thumbprint = p_thumbprint;
END $$;

-- Deactivation (RFC 8555 7.3.6) ends what is pending and keeps certificates (A-60, A-61): authorizations are no more than
-- their account is. No order is made after it: acme.new_order holds the account FOR SHARE, for which the first update waits,
-- so that the second finds all of them. No issuance is begun after it: the second update waits for each that is just being
-- begun, and ca.begin_issuance, which changes the same row, sees the error if it comes later. Orders live for days.
CREATE FUNCTION acme.deactivate_account(p_account uuid, p_thumbprint bytea, p_process text, p_request uuid)
RETURNS TABLE (id uuid, status text, key text, thumbprint bytea, terms_agreed boolean, created_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
	checked boolean;
BEGIN
	UPDATE acme.account a SET status = 'deactivated', ended_at = now()
		WHERE a.id = p_account AND a.thumbprint = p_thumbprint AND a.status = 'valid';
	IF NOT FOUND THEN
		checked := acme.check_account(p_account, p_thumbprint);
	END IF;
	UPDATE acme.orders o
		SET error = jsonb_build_object('type', 'ACCOUNT_NOT_VALID', 'detail', 'The account was deactivated')
		WHERE o.account_id = p_account AND o.id >= cairn.id_at(now() - interval '1 year') AND o.expires_at > now()
			AND o.certificate_id IS NULL AND o.error IS NULL;
	PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.deactivated', p_request, p_account, NULL, NULL,
		'{}'::jsonb);
	RETURN QUERY SELECT a.id, a.status, a.key, a.thumbprint, a.terms_agreed IS NOT NULL, a.created_at
		FROM acme.account a WHERE a.id = p_account;
END $$;

-- keyChange (RFC 8555 7.3.5): another key by compare-and-set on the one that signed. The account stays what it is, with its
-- binding, orders and authorizations (A-72). held_by: the key belongs to this account already, nothing was changed (A-70); the
-- key of an account that has ended stays its own. A second run of a call whose answer was lost finds the key changed.
-- Runs as the owner: nobody else may write a key into an account that is there.
CREATE FUNCTION acme.change_key(p_account uuid, p_old bytea, p_key text, p_thumbprint bytea, p_spki_sha256 bytea,
	p_process text, p_request uuid)
RETURNS TABLE (id uuid, status text, key text, thumbprint bytea, terms_agreed boolean, created_at timestamptz, held_by uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	checked boolean;
	old_key text;
BEGIN
	SELECT a.key INTO old_key FROM acme.account a
		WHERE a.id = p_account AND a.thumbprint = p_old AND a.status = 'valid' FOR UPDATE;
	IF FOUND THEN
		IF EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = p_spki_sha256) THEN
			PERFORM cairn.refuse('BAD_PUBLIC_KEY', 'The key is known to be compromised'); -- A-71, F-24
		END IF;
		SELECT a.id INTO held_by FROM acme.account a WHERE a.thumbprint = p_thumbprint;
		IF held_by IS NULL THEN
			BEGIN
				UPDATE acme.account a SET key = p_key, thumbprint = p_thumbprint WHERE a.id = p_account;
				PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.key_changed', p_request, p_account, NULL,
					NULL, jsonb_build_object('old_thumbprint', encode(p_old, 'hex'), 'old_key', old_key::jsonb,
						'thumbprint', encode(p_thumbprint, 'hex'), 'key', p_key::jsonb));
			EXCEPTION WHEN unique_violation THEN -- another account got it meanwhile (A-63)
				SELECT a.id INTO held_by FROM acme.account a WHERE a.thumbprint = p_thumbprint;
				IF held_by IS NULL THEN
					PERFORM cairn.refuse('CONFLICT', 'Another request is changing to the same key');
				END IF;
			END;
		END IF;
	ELSIF NOT EXISTS (SELECT FROM acme.account a
		WHERE a.id = p_account AND a.thumbprint = p_thumbprint AND a.status = 'valid') THEN
		checked := acme.check_account(p_account, p_old);
		PERFORM cairn.refuse('CONFLICT', 'Another request is changing the key of the account');
	END IF;
	SELECT a.id, a.status, a.key, a.thumbprint, a.terms_agreed IS NOT NULL, a.created_at
		INTO id, status, key, thumbprint, terms_agreed, created_at FROM acme.account a WHERE a.id = p_account;
	RETURN NEXT;
END $$;

-- newOrder (RFC 8555 7.4): the order with its authorizations and their challenges. A valid authorization of the account that
-- lasts beyond p_reuse_until is used again (A-84), for the base name or the wildcard that it was made for (A-91); orders are
-- never used again (A-85). The other authorizations are new, with the ids given and the types and tokens of their
-- challenges, which blanks set apart. p_names: p_values without the wildcard label. Where a policy has rules, or the account is
-- bound, they decide (0011): refused has the places and reasons, and nothing was written; granted says that names are valid
-- without a challenge, where p_private allows; judged, that there are such rules at all. The event has the id of the order, since an id that is made here costs as much
-- as the row.
CREATE FUNCTION acme.new_order(p_id uuid, p_account uuid, p_thumbprint bytea, p_types text[], p_values text[],
	p_names text[], p_profile text, p_not_before timestamptz, p_not_after timestamptz, p_replaces text,
	p_expires timestamptz, p_reuse_until timestamptz, p_authz_ids uuid[], p_challenge_types text[],
	p_challenge_tokens text[], p_process text, p_request uuid, p_private boolean DEFAULT false, p_limits jsonb DEFAULT NULL)
RETURNS TABLE (status text, authorizations uuid[], expires_at timestamptz, refused jsonb, granted boolean, judged boolean)
LANGUAGE plpgsql AS $$
DECLARE
	checked boolean;
	has_some boolean;
	j record;
	reused uuid[] := '{}';
	missing int := cardinality(p_values);
BEGIN
	SELECT EXISTS (SELECT FROM acme.authz a WHERE a.account_id = p_account AND a.identifier_value = ANY (p_names)
			AND a.validation_id IS NOT NULL), EXISTS (SELECT FROM acme.judging)
		INTO has_some, judged FROM acme.account k
		WHERE k.id = p_account AND k.thumbprint = p_thumbprint AND k.status = 'valid' FOR SHARE OF k;
	IF NOT FOUND THEN
		checked := acme.check_account(p_account, p_thumbprint);
	END IF;
	authorizations := p_authz_ids;
	expires_at := p_expires;
	IF has_some THEN
		SELECT array_agg(u.id ORDER BY n), array_agg(coalesce(u.id, p_authz_ids[n]) ORDER BY n),
			least(p_expires, min(u.expires_at)), count(*) - count(u.id)
			INTO reused, authorizations, expires_at, missing
			FROM generate_subscripts(p_values, 1) AS n
			LEFT JOIN LATERAL (SELECT a.id, a.expires_at FROM acme.authz a
				WHERE a.account_id = p_account AND a.identifier_value = p_names[n] AND a.validation_id IS NOT NULL
					AND a.identifier_type = p_types[n] AND a.wildcard = (p_values[n] <> p_names[n]) -- A-91
					AND a.ended IS NULL AND a.expires_at > p_reuse_until
				ORDER BY a.expires_at DESC LIMIT 1) u ON true;
	END IF;
	IF judged THEN
		SELECT * INTO j FROM acme.judge_order(p_account, p_types, p_values, p_profile);
		IF j.refused IS NOT NULL THEN
			refused := j.refused;
			RETURN NEXT;
			RETURN;
		END IF;
	END IF;
	IF p_replaces IS NOT NULL THEN
		PERFORM acme.claim_replacement(p_id, p_account, p_values, p_replaces); -- 0015
	END IF;
	IF p_limits IS NOT NULL THEN
		checked := acme.take_order_limits(p_account, p_replaces, p_limits); -- 0014; what it takes comes back if the order fails
	END IF;
	INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, not_before,
		not_after, replaces, expires_at)
		VALUES (p_id, p_account, p_types, p_values, new_order.authorizations, p_profile, p_not_before, p_not_after,
			p_replaces, new_order.expires_at);
	IF missing > 0 THEN
		INSERT INTO acme.authz (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, tokens,
			expires_at)
			SELECT p_authz_ids[n], p_account, p_types[n], p_names[n], p_values[n] <> p_names[n],
				string_to_array(p_challenge_types[n], ' '), string_to_array(p_challenge_tokens[n], ' '), p_expires
			FROM generate_subscripts(p_values, 1) AS n WHERE reused[n] IS NULL;
	END IF;
	INSERT INTO log.event (id, process, actor, kind, request_id, account_id, order_id, facts)
		VALUES (p_id, p_process, 'account', 'order.created', p_request, p_account, p_id,
			jsonb_build_object('identifiers', p_values, 'profile', p_profile, 'authorizations', authorizations,
				'reused', array_remove(reused, NULL), 'replaces', p_replaces));
	granted := false;
	IF judged THEN
		IF j.facts IS NOT NULL THEN
			PERFORM log.add_event(cairn.new_id(), p_process, 'policy', 'order.judged', p_request, p_account, p_id, NULL, j.facts);
		END IF;
		IF p_private AND j.granted IS NOT NULL THEN
			SELECT missing - g.names, g.until, g.names > 0 INTO missing, expires_at, granted
				FROM acme.grant_names(p_id, p_process, p_request) g;
		END IF;
	END IF;
	status := CASE missing WHEN 0 THEN 'ready' ELSE 'pending' END;
	RETURN NEXT;
END $$;

-- Why a response to challenge p_n of an authorization started nothing: a refusal, or whether that challenge is being
-- validated already (false: it is decided, or another one is being validated: A-99).
CREATE FUNCTION acme.challenge_runs(p_authz uuid, p_n int8, p_account uuid, p_thumbprint bytea) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
	checked boolean := acme.check_account(p_account, p_thumbprint);
	z acme.authz_now;
BEGIN
	SELECT a.* INTO z FROM acme.authz_now a WHERE a.id = p_authz;
	IF z.id IS NULL OR p_n NOT BETWEEN 1 AND cardinality(z.tokens) THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such challenge');
	ELSIF z.account_id <> p_account THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The challenge belongs to another account'); -- A-31
	ELSIF z.status NOT IN ('pending', 'valid') THEN
		PERFORM cairn.refuse('MALFORMED', format('The authorization is %s: order again',
			CASE WHEN z.expires_at <= now() THEN 'expired' ELSE z.status END));
	END IF;
	RETURN z.status = 'pending' AND z.tried = p_n;
END $$;

-- Jobs whose holder is gone (the lease lapsed), or that this holder itself held before it was started again.
CREATE FUNCTION acme.take_challenges(p_holder text, p_own boolean, p_lease_s int8, p_limit int8)
RETURNS TABLE (authz_id uuid, tried int, account_id uuid, identifier_type text, identifier_value text, wildcard boolean,
	type text, token text, key_authorization text, attempts int8, request_id uuid) LANGUAGE sql AS $$
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
			a.challenge_types[a.tried], a.tokens[a.tried], a.key_authorization, a.attempts::int8, a.request_id
$$;

-- Deactivation of an authorization by its owner (RFC 8555 7.5.2, A-94). It ends the orders that need it, which were made with
-- it or later; with the locks of acme.deactivate_account, so that no issuance of such an order is begun after it.
CREATE FUNCTION acme.deactivate_authz(p_authz uuid, p_account uuid, p_thumbprint bytea, p_process text, p_request uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	checked boolean;
	owner uuid;
BEGIN
	PERFORM FROM acme.account k WHERE k.id = p_account FOR NO KEY UPDATE;
	checked := acme.check_account(p_account, p_thumbprint);
	SELECT a.account_id INTO owner FROM acme.authz a WHERE a.id = p_authz;
	IF owner IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such authorization');
	ELSIF owner <> p_account THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The authorization belongs to another account');
	END IF;
	UPDATE acme.authz a SET ended = 'deactivated', lease_holder = NULL, lease_until = NULL
		WHERE a.id = p_authz AND a.ended IS NULL;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE acme.orders o
		SET error = jsonb_build_object('type', 'UNAUTHORIZED', 'detail', 'An authorization of the order was deactivated')
		WHERE o.account_id = p_account AND o.id >= cairn.id_at(cairn.time_of(p_authz) - interval '1 hour')
			AND o.authorizations @> ARRAY[p_authz] AND o.certificate_id IS NULL AND o.error IS NULL;
	PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'authorization.deactivated', p_request, p_account, NULL,
		NULL, jsonb_build_object('authorization', p_authz));
END $$;

-- Why finalize found no order of the account.
CREATE FUNCTION acme.refuse_order(p_order uuid, p_account uuid, p_thumbprint bytea) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
	checked boolean := acme.check_account(p_account, p_thumbprint);
BEGIN
	IF EXISTS (SELECT FROM acme.orders o WHERE o.id = p_order AND o.account_id <> p_account) THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The order belongs to another account');
	END IF;
	PERFORM cairn.refuse('NOT_FOUND', 'There is no such order');
END $$;

-- Revocation (RFC 8555 7.6): the certificate must be ours octet for octet (A-127), by whichever issuer (A-132); who asked decides what is believed.
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
			WHERE a.account_id = p_account AND a.validation_id IS NOT NULL AND a.ended IS NULL AND a.expires_at > now()
				AND a.proof = 'control' AND a.identifier_value = CASE WHEN n LIKE '*.%' THEN substr(n, 3) ELSE n END
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
GRANT SELECT ON acme.authz_now, acme.order_now TO cairn_ra;
GRANT SELECT ON ca.serial TO cairn_ra;

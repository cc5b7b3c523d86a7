-- The steps of the signing CA. Role cairn_ca has no right to write a table of the schemas ca and acme: it calls these
-- functions, each of them one transaction that checks again what it relies on (design 2, 4.3).

CREATE FUNCTION ca.touch_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.changed_at := clock_timestamp();
	RETURN NEW;
END $$;
CREATE TRIGGER touch BEFORE UPDATE ON ca.revocation FOR EACH ROW EXECUTE FUNCTION ca.touch_revocation();

-- An issuer as the configuration has it. Its certificate never changes under its name.
CREATE FUNCTION ca.register_issuer(p_name text, p_certificate bytea, p_key_id bytea, p_chain text, p_crl_url text,
	p_aia_url text, p_active boolean, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active)
		VALUES (p_name, p_certificate, p_key_id, p_chain, p_crl_url, p_aia_url, p_active) ON CONFLICT (name) DO NOTHING;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'issuer.registered', NULL, NULL, NULL, NULL,
			jsonb_build_object('issuer', p_name, 'sha256', encode(sha256(p_certificate), 'hex'), 'crl_url', p_crl_url,
				'aia_url', p_aia_url, 'active', p_active));
		RETURN;
	END IF;
	UPDATE ca.issuer SET chain = p_chain, crl_url = p_crl_url, aia_url = p_aia_url, active = p_active
		WHERE name = p_name AND certificate = p_certificate;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', format('The issuer %s is known with another certificate', p_name));
	END IF;
END $$;

-- Whether the names are those of the order, as a set (A-79, A-114).
CREATE FUNCTION ca.same_names(a_types text[], a_values text[], b_types text[], b_values text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN (SELECT array_agg(DISTINCT t || ' ' || v ORDER BY t || ' ' || v) FROM unnest(a_types, a_values) AS i (t, v))
		IS NOT DISTINCT FROM
		(SELECT array_agg(DISTINCT t || ' ' || v ORDER BY t || ' ' || v) FROM unnest(b_types, b_values) AS i (t, v));
END $$;

-- The order becomes processing, its serial is taken and the exact bytes stand, or nothing of it (D-3, A-117): true. False:
-- something was begun for the order before. The order is held, so that a deactivation of the account either ends it before
-- or comes after (acme.deactivate_account). The statement that holds it judges too: a refusal undoes what it did.
-- p_remembered: nobody has read the order for this. Then it is this statement alone that judges, and where anything is in the
-- way, rules of a policy among it (0011), nothing is done: CONFLICT tells the caller to read the order and say what it is.
CREATE FUNCTION ca.begin_issuance(p_id uuid, p_order uuid, p_account uuid, p_types text[], p_values text[], p_issuer text,
	p_profile text, p_serial bytea, p_tbs bytea, p_spki_sha256 bytea, p_names text[], p_not_before timestamptz,
	p_not_after timestamptz, p_holder text, p_lease_s int8, p_request uuid, p_account_thumbprint bytea,
	p_key_thumbprint bytea, p_remembered boolean, p_limits jsonb DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	refusal text[];
	n_names int;
	proofs uuid[];
	within_limits boolean;
BEGIN
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
		WHEN NOT EXISTS (SELECT FROM ca.issuer i WHERE i.name = p_issuer)
			THEN '{SERVER_INTERNAL, The issuer is not registered}'
		WHEN p_remembered AND EXISTS (SELECT FROM acme.judging) THEN '{CONFLICT, There are rules to judge by}' -- A-119
		ELSE '{}'::text[] END, cardinality(r.identifier_values),
			-- For each place of the order, by the order's own list, a valid authorization of the same account for its very
			-- name. Judged by FILTER, so that no plan can look authorizations up by anything but their id.
			(SELECT array_agg(a.validation_id) FILTER (WHERE a.account_id = p_account AND a.validation_id IS NOT NULL
					AND a.ended IS NULL AND a.expires_at > clock_timestamp() AND a.identifier_type = r.identifier_types[n]
					AND a.wildcard = (r.identifier_values[n] LIKE '*.%')
					AND r.identifier_values[n] = CASE WHEN a.wildcard THEN '*.' ELSE '' END || a.identifier_value)
				FROM acme.authz a, array_position(r.authorizations, a.id) AS n WHERE a.id = ANY (r.authorizations))
		INTO refusal, n_names, proofs;
	IF refusal <> '{}' OR cardinality(proofs) = n_names IS NOT TRUE THEN
		RETURN ca.refuse_begin(p_order, p_account, p_types, p_values, p_request, p_remembered, refusal);
	END IF;
	IF p_limits IS NOT NULL THEN
		within_limits := acme.take_issue_limits(p_order, p_not_after, p_limits); -- 0014
	END IF;
	WITH taken AS (INSERT INTO ca.serial (serial, certificate_id) VALUES (p_serial, p_id))
	INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, profile, serial,
		spki_sha256, names, validations, request_id, tbs, lease_holder, lease_until)
		VALUES (p_id, p_order, p_account, p_not_before, p_not_after, clock_timestamp(), 0, p_issuer, p_profile, p_serial,
			p_spki_sha256, p_names, proofs, p_request, p_tbs, p_holder, clock_timestamp() + make_interval(secs => p_lease_s));
	RETURN true;
END $$;

-- Why an issuance can't be begun, where refusal, if any, is what was found about an order that could; false when it was begun.
CREATE FUNCTION ca.refuse_begin(p_order uuid, p_account uuid, p_types text[], p_values text[], p_request uuid,
	p_remembered boolean, refusal text[]) RETURNS boolean LANGUAGE plpgsql AS $$
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
		PERFORM cairn.refuse('UNAUTHORIZED', 'An authorization of the order is not valid');
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

CREATE TYPE ca.begun AS (
	certificate_id uuid,
	issuer text,
	profile text,
	serial bytea,
	not_before timestamptz,
	not_after timestamptz,
	tbs bytea,      -- the octets to be signed
	der bytea,      -- or the certificate, when it is there already
	mine boolean    -- the caller holds the lease and has to sign
);

-- Whether nobody works on an issuance any more: its lease lapsed, or its holder is an earlier run of the instance p_place,
-- whose runs are named p_place/... and follow one on another.
CREATE FUNCTION ca.is_left(c ca.certificate, p_place text, p_holder text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN c.lease_until < clock_timestamp()
		OR (starts_with(c.lease_holder, p_place || '/') AND c.lease_holder <> p_holder);
END $$;

-- What was begun before for the order: its certificate, or its bytes, with the lease when nobody works on it.
CREATE FUNCTION ca.resume_issuance(p_order uuid, p_account uuid, p_spki_sha256 bytea, p_place text, p_holder text,
	p_lease_s int8) RETURNS SETOF ca.begun LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
	taken boolean := false;
BEGIN
	SELECT c.* INTO i FROM acme.orders r JOIN ca.certificate c ON c.id = r.certificate_id
		WHERE r.id = p_order AND r.account_id = p_account;
	IF i.id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such order');
	ELSIF i.spki_sha256 <> p_spki_sha256 THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order was finalized with another key');
	ELSIF i.der IS NULL AND i.lease_until IS NULL THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order is invalid');
	ELSIF i.der IS NULL AND ca.is_left(i, p_place, p_holder) THEN
		UPDATE ca.certificate c SET lease_holder = p_holder, lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
			WHERE c.id = i.id AND c.lease_until = i.lease_until;
		taken := FOUND;
	END IF;
	RETURN NEXT (i.id, i.issuer, i.profile, i.serial, i.not_before, i.not_after, i.tbs, i.der, taken)::ca.begun;
END $$;

-- Issuances that nobody works on any more: taken over with their bytes and their serial.
CREATE FUNCTION ca.take_issuances(p_place text, p_holder text, p_lease_s int8, p_limit int8) RETURNS SETOF ca.begun
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY WITH due AS (
		SELECT c.id FROM ca.certificate c WHERE c.lease_until IS NOT NULL AND ca.is_left(c, p_place, p_holder)
		ORDER BY c.lease_until LIMIT p_limit FOR UPDATE SKIP LOCKED)
	UPDATE ca.certificate i SET lease_holder = p_holder, lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
	FROM due WHERE i.id = due.id AND i.lease_until IS NOT NULL
	RETURNING i.id, i.issuer, i.profile, i.serial, i.not_before, i.not_after, i.tbs, NULL::bytea, true;
END $$;

-- The certificate, which makes the order valid, and the event, in one transaction. Gives NULL, or the certificate that counts when one
-- was recorded before: the first.
CREATE FUNCTION ca.complete_issuance(p_id uuid, p_der bytea, p_facts jsonb, p_process text, p_event uuid) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
BEGIN
	-- The certificate holds the octets that were fixed, so they are not kept twice.
	UPDATE ca.certificate c SET der = p_der, signed_at = clock_timestamp(), tbs = NULL, lease_holder = NULL, lease_until = NULL
		WHERE c.id = p_id AND c.lease_until IS NOT NULL AND position(c.tbs IN p_der) > 0 RETURNING * INTO i;
	IF NOT FOUND THEN
		RETURN ca.refuse_complete(p_id, p_der);
	END IF;
	INSERT INTO log.event (id, process, actor, kind, request_id, account_id, order_id, certificate_id, facts)
		VALUES (p_event, p_process, 'account', 'certificate.issued', i.request_id, i.account_id, i.order_id, i.id,
			p_facts || jsonb_build_object('issuer', i.issuer, 'profile', i.profile,
				'serial', encode(i.serial, 'hex'), 'names', i.names, 'not_before', i.not_before, 'not_after', i.not_after,
				'sha256', encode(sha256(p_der), 'hex'), 'spki_sha256', encode(i.spki_sha256, 'hex'),
				'crl_shard', i.crl_shard, 'validations', i.validations));
	RETURN NULL;
END $$;

-- Why a certificate can't be recorded; the one that was before.
CREATE FUNCTION ca.refuse_complete(p_id uuid, p_der bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	i ca.certificate;
BEGIN
	SELECT * INTO STRICT i FROM ca.certificate WHERE id = p_id;
	IF i.der IS NULL AND i.lease_until IS NULL THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order is not processing any more');
	ELSIF i.der IS NULL THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', 'The certificate does not hold the bytes that were fixed');
	END IF;
	RETURN i.der;
END $$;

-- The signer refused the bytes, or there is no signer for them for p_after_s from their beginning on: the order shows it,
-- the serial stays taken, and no certificate ever leaves.
CREATE FUNCTION ca.abandon_issuance(p_id uuid, p_why text, p_after_s int8, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
BEGIN
	UPDATE ca.certificate c SET lease_holder = NULL, lease_until = NULL WHERE c.id = p_id AND c.lease_until IS NOT NULL
		AND c.begun_at <= clock_timestamp() - make_interval(secs => p_after_s) RETURNING * INTO i;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE acme.orders
		SET error = jsonb_build_object('type', 'SERVER_INTERNAL', 'detail', 'The certificate could not be signed: order again')
		WHERE id = i.order_id AND certificate_id = p_id AND error IS NULL;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'certificate.refused', i.request_id, i.account_id, i.order_id,
		i.id, jsonb_build_object('issuer', i.issuer, 'serial', encode(i.serial, 'hex'), 'why', p_why));
END $$;

-- The newest CRL of a shard, and whether a revocation was recorded since it was made.
CREATE FUNCTION ca.crl_state(p_issuer text, p_shard int8)
RETURNS TABLE (number int8, this_update timestamptz, next_update timestamptz, changed boolean) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.number, c.this_update, c.next_update, EXISTS (SELECT FROM ca.revocation r
		WHERE r.issuer = c.issuer AND r.crl_shard = c.shard AND r.changed_at > c.covers_until)
	FROM ca.crl c WHERE c.issuer = p_issuer AND c.shard = p_shard ORDER BY c.number DESC LIMIT 1
$$;

-- What the next CRL lists. The lock waits for revocations that are under way, so that none falls between two CRLs: a
-- revocation gets its changed_at after it has its own lock on the table, hence after covers_until. Listed is what had not
-- ended when the CRL before was made: each entry stands in one CRL beyond the end of its certificate (E-26).
CREATE FUNCTION ca.read_revoked(p_issuer text, p_shard int8)
RETURNS TABLE (previous int8, covers_until timestamptz, serials bytea[], revoked_at int8[], reasons int8[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	newest ca.crl;
BEGIN
	LOCK TABLE ca.revocation IN SHARE MODE;
	SELECT c.* INTO newest FROM ca.crl c WHERE c.issuer = p_issuer AND c.shard = p_shard ORDER BY c.number DESC LIMIT 1;
	RETURN QUERY SELECT coalesce(newest.number, 0::int8), clock_timestamp(),
		coalesce(array_agg(r.serial ORDER BY r.serial), '{}'),
		coalesce(array_agg(extract(epoch FROM r.revoked_at)::int8 ORDER BY r.serial), '{}'),
		coalesce(array_agg(r.reason::int8 ORDER BY r.serial), '{}')
		FROM ca.revocation r WHERE r.issuer = p_issuer AND r.crl_shard = p_shard
			AND r.not_after >= coalesce(newest.this_update, '-infinity');
END $$;

-- The storer refuses what may not follow the CRL before it (E-20, E-29); the caller has checked signature and URL.
CREATE FUNCTION ca.publish_crl(p_issuer text, p_shard int8, p_number int8, p_this_update timestamptz,
	p_next_update timestamptz, p_serials bytea[], p_covers_until timestamptz, p_der bytea, p_holder text, p_process text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	newest ca.crl;
	lost bytea;
BEGIN
	PERFORM FROM cairn.lease WHERE name = 'crl/' || p_issuer AND holder = p_holder AND until > clock_timestamp() FOR SHARE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance makes this CRL');
	END IF;
	SELECT c.* INTO newest FROM ca.crl c WHERE c.issuer = p_issuer AND c.shard = p_shard ORDER BY c.number DESC LIMIT 1;
	IF p_number <> coalesce(newest.number, 0) + 1 THEN
		PERFORM cairn.refuse('CONFLICT', format('CRL %s of %s can not follow %s', p_number, p_issuer, newest.number));
	ELSIF p_this_update < newest.this_update OR p_next_update <= p_this_update THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', 'The times of the CRL are out of order');
	END IF;
	SELECT r.serial INTO lost FROM ca.revocation r WHERE r.issuer = p_issuer AND r.crl_shard = p_shard
		AND r.changed_at <= p_covers_until AND r.not_after >= coalesce(newest.this_update, '-infinity')
		AND NOT EXISTS (SELECT FROM unnest(p_serials) AS s (serial) WHERE s.serial = r.serial) LIMIT 1;
	IF lost IS NOT NULL THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', format('The CRL lost the entry %s', encode(lost, 'hex')));
	END IF;
	INSERT INTO ca.crl (issuer, shard, number, this_update, next_update, entries, covers_until, der)
		VALUES (p_issuer, p_shard, p_number, p_this_update, p_next_update, cardinality(p_serials), p_covers_until, p_der);
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'crl.published', NULL, NULL, NULL, NULL,
		jsonb_build_object('issuer', p_issuer, 'shard', p_shard, 'number', p_number, 'this_update', p_this_update,
			'next_update', p_next_update, 'entries', cardinality(p_serials), 'sha256', encode(sha256(p_der), 'hex')));
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ca FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	ca.register_issuer(text, bytea, bytea, text, text, text, boolean, text),
	ca.begin_issuance(uuid, uuid, uuid, text[], text[], text, text, bytea, bytea, bytea, text[], timestamptz, timestamptz,
		text, int8, uuid, bytea, bytea, boolean, jsonb),
	ca.resume_issuance(uuid, uuid, bytea, text, text, int8),
	ca.take_issuances(text, text, int8, int8),
	ca.complete_issuance(uuid, bytea, jsonb, text, uuid),
	ca.abandon_issuance(uuid, text, int8, text),
	ca.crl_state(text, int8),
	ca.read_revoked(text, int8),
	ca.publish_crl(text, int8, int8, timestamptz, timestamptz, bytea[], timestamptz, bytea, text, text)
	TO cairn_ca;

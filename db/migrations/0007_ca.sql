-- The steps of the signing CA. Role cairn_ca has no right to write a table of the schemas ca and acme: it calls these
-- functions, each of them one transaction that checks again what it relies on (design 2, 4.3).

CREATE INDEX orders_processing ON acme.orders (certificate_id) WHERE status = 'processing';

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

CREATE TYPE ca.begun AS (
	certificate_id uuid,
	issuer text,
	profile text,
	serial bytea,
	tbs bytea,
	der bytea,      -- the certificate, when it is there already
	mine boolean    -- the caller holds the lease and has to sign
);

-- What was begun before for the order: its certificate, or its bytes with the lease when that lapsed.
CREATE FUNCTION ca.begun_before(p_id uuid, p_spki_sha256 bytea, p_lease_s int8) RETURNS ca.begun LANGUAGE plpgsql AS $$
DECLARE
	i ca.issuance;
	found_der bytea;
	taken boolean := false;
BEGIN
	SELECT * INTO STRICT i FROM ca.issuance WHERE id = p_id;
	IF i.spki_sha256 <> p_spki_sha256 THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order was finalized with another key');
	END IF;
	SELECT der INTO found_der FROM ca.certificate WHERE id = p_id;
	IF found_der IS NULL THEN
		UPDATE ca.issuance SET lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
			WHERE id = p_id AND lease_until < clock_timestamp();
		taken := FOUND;
	END IF;
	RETURN (i.id, i.issuer, i.profile, i.serial, i.tbs, found_der, taken)::ca.begun;
END $$;

-- The order becomes processing, its serial is taken and the exact bytes stand, or nothing of it (D-3, A-117). For an order
-- that is processing or valid: what was begun for it. The order is held, so that a deactivation of the account either ends
-- it before or comes after (acme.deactivate_account).
CREATE FUNCTION ca.begin_issuance(p_id uuid, p_order uuid, p_account uuid, p_types text[], p_values text[], p_issuer text,
	p_profile text, p_serial bytea, p_tbs bytea, p_spki_sha256 bytea, p_lease_s int8, p_request uuid)
RETURNS ca.begun LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o record;
	authorized int8;
	key_is_blocked boolean;
	issuer_is_known boolean;
BEGIN
	SELECT r.*, k.status AS account_status INTO o FROM acme.orders r LEFT JOIN acme.account k ON k.id = r.account_id
		WHERE r.id = p_order FOR UPDATE OF r;
	IF o.id IS NULL OR o.account_id <> p_account THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such order');
	ELSIF NOT (o.identifier_types = p_types AND o.identifier_values = p_values)
		AND NOT ca.same_names(o.identifier_types, o.identifier_values, p_types, p_values) THEN
		PERFORM cairn.refuse('BAD_CSR', 'The names are not those of the order');
	ELSIF o.status IN ('processing', 'valid') THEN
		RETURN ca.begun_before(o.certificate_id, p_spki_sha256, p_lease_s);
	ELSIF o.account_status <> 'valid' THEN
		PERFORM cairn.refuse('ACCOUNT_NOT_VALID', 'The account is ' || o.account_status);
	ELSIF o.status <> 'ready' THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order is ' || o.status);
	ELSIF o.expires_at <= clock_timestamp() THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order expired');
	ELSIF o.profile <> p_profile THEN
		PERFORM cairn.refuse('INVALID_PROFILE', 'The profile is not the one of the order');
	END IF;
	-- Each place of the order has, by the order's own list, a valid authorization of the same account for its very name.
	-- Judged by FILTER, so that no plan can look authorizations up by anything but their id.
	SELECT count(*) FILTER (WHERE a.account_id = p_account AND a.status = 'valid' AND a.expires_at > clock_timestamp()
			AND a.identifier_type = o.identifier_types[oa.position]
			AND a.wildcard = (o.identifier_values[oa.position] LIKE '*.%')
			AND o.identifier_values[oa.position] = CASE WHEN a.wildcard THEN '*.' ELSE '' END || a.identifier_value),
		EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = p_spki_sha256),
		EXISTS (SELECT FROM ca.issuer i WHERE i.name = p_issuer)
		INTO authorized, key_is_blocked, issuer_is_known
		FROM acme.order_authz oa JOIN acme.authz a ON a.id = oa.authz_id WHERE oa.order_id = p_order;
	IF authorized <> cardinality(o.identifier_values) THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'An authorization of the order is not valid any more');
	ELSIF key_is_blocked THEN -- E-13
		PERFORM cairn.refuse('BAD_CSR', 'The key is known to be compromised');
	ELSIF NOT issuer_is_known THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', format('The issuer %s is not registered', p_issuer));
	END IF;
	INSERT INTO ca.serial (serial, certificate_id) VALUES (p_serial, p_id);
	INSERT INTO ca.issuance (id, order_id, account_id, issuer, serial, profile, crl_shard, tbs, spki_sha256, request_id,
		lease_until)
		VALUES (p_id, p_order, p_account, p_issuer, p_serial, p_profile, 0, p_tbs, p_spki_sha256, p_request,
			clock_timestamp() + make_interval(secs => p_lease_s));
	UPDATE acme.orders SET status = 'processing', certificate_id = p_id WHERE id = p_order AND status = 'ready';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'order % left its state under a lock', p_order;
	END IF;
	RETURN (p_id, p_issuer, p_profile, p_serial, p_tbs, NULL, true)::ca.begun;
END $$;

-- Issuances that nobody works on any more: taken over with their bytes and their serial.
CREATE FUNCTION ca.take_issuances(p_lease_s int8, p_limit int8) RETURNS SETOF ca.begun LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	WITH due AS (
		SELECT i.id FROM acme.orders o JOIN ca.issuance i ON i.id = o.certificate_id
		WHERE o.status = 'processing' AND i.lease_until < clock_timestamp()
		ORDER BY i.lease_until LIMIT p_limit FOR UPDATE OF i SKIP LOCKED)
	UPDATE ca.issuance i SET lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
	FROM due WHERE i.id = due.id
	RETURNING i.id, i.issuer, i.profile, i.serial, i.tbs, NULL::bytea, true
$$;

-- The certificate, the valid order and the event, in one transaction. Gives the certificate that counts: the first.
CREATE FUNCTION ca.complete_issuance(p_id uuid, p_der bytea, p_names text[], p_not_before timestamptz,
	p_not_after timestamptz, p_facts jsonb, p_process text) RETURNS bytea LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.issuance;
	known bytea;
BEGIN
	SELECT * INTO STRICT i FROM ca.issuance WHERE id = p_id;
	IF position(i.tbs IN p_der) = 0 THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', 'The certificate does not hold the bytes that were fixed');
	END IF;
	INSERT INTO ca.certificate (id, order_id, account_id, issuer, serial, der, names, not_before, not_after, spki_sha256)
		VALUES (i.id, i.order_id, i.account_id, i.issuer, i.serial, p_der, p_names, p_not_before, p_not_after,
			i.spki_sha256) ON CONFLICT (id) DO NOTHING;
	IF NOT FOUND THEN
		SELECT der INTO STRICT known FROM ca.certificate WHERE id = p_id;
		RETURN known;
	END IF;
	UPDATE acme.orders SET status = 'valid' WHERE id = i.order_id AND status = 'processing' AND certificate_id = p_id;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order is not processing any more');
	END IF;
	INSERT INTO log.event (process, actor, kind, request_id, account_id, order_id, certificate_id, facts)
		VALUES (p_process, 'account', 'certificate.issued', i.request_id, i.account_id, i.order_id, i.id,
			p_facts || jsonb_build_object('issuer', i.issuer, 'profile', i.profile,
				'serial', encode(i.serial, 'hex'), 'names', p_names, 'not_before', p_not_before, 'not_after', p_not_after,
				'sha256', encode(sha256(p_der), 'hex'), 'spki_sha256', encode(i.spki_sha256, 'hex'),
				'crl_shard', i.crl_shard,
				'validations', (SELECT jsonb_agg(a.validation_id ORDER BY oa.position) FROM acme.order_authz oa
					JOIN acme.authz a ON a.id = oa.authz_id WHERE oa.order_id = i.order_id)));
	RETURN p_der;
END $$;

-- The signer refused the bytes, or there is no signer for them for p_after_s from their beginning on: the order shows it,
-- the serial stays taken, and no certificate ever leaves.
CREATE FUNCTION ca.abandon_issuance(p_id uuid, p_why text, p_after_s int8, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.issuance;
BEGIN
	SELECT * INTO STRICT i FROM ca.issuance WHERE id = p_id FOR UPDATE;
	IF i.begun_at > clock_timestamp() - make_interval(secs => p_after_s) THEN
		RETURN;
	END IF;
	UPDATE acme.orders SET status = 'invalid',
		error = jsonb_build_object('type', 'SERVER_INTERNAL', 'detail', 'The certificate could not be signed: order again')
		WHERE id = i.order_id AND status = 'processing' AND certificate_id = p_id;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'certificate.refused', i.request_id, i.account_id,
			i.order_id, i.id, jsonb_build_object('issuer', i.issuer, 'serial', encode(i.serial, 'hex'), 'why', p_why));
	END IF;
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
	ca.begin_issuance(uuid, uuid, uuid, text[], text[], text, text, bytea, bytea, bytea, int8, uuid),
	ca.take_issuances(int8, int8),
	ca.complete_issuance(uuid, bytea, text[], timestamptz, timestamptz, jsonb, text),
	ca.abandon_issuance(uuid, text, int8, text),
	ca.crl_state(text, int8),
	ca.read_revoked(text, int8),
	ca.publish_crl(text, int8, int8, timestamptz, timestamptz, bytea[], timestamptz, bytea, text, text)
	TO cairn_ca;

-- Certificates as an operator looks for them (`cairn cert`). Each page looks at so many rows of one index as it is allowed to, in a
-- stable order, and says where the next one begins: nothing here reads the whole of a big table.

-- The next p_look certificates by the narrowest index that what is asked has; place and at say where each stands in its order. Names
-- come as ranges of ca.certificate_name.
CREATE OR REPLACE FUNCTION ca.candidates(p_serial bytea, p_from text[], p_to text[], p_spki_sha256 bytea, p_account uuid,
	p_expiring timestamptz, p_place text, p_at uuid, p_look int8) RETURNS TABLE (id uuid, place text, at uuid) LANGUAGE plpgsql STABLE AS $$
DECLARE
	after uuid := coalesce(p_at, '00000000-0000-0000-0000-000000000000');
BEGIN
	IF p_serial IS NOT NULL THEN
		RETURN QUERY SELECT s.certificate_id, '', s.certificate_id FROM ca.serial s WHERE s.serial = p_serial AND p_at IS NULL;
	ELSIF p_spki_sha256 IS NOT NULL THEN
		RETURN QUERY SELECT c.id, '', c.id FROM ca.certificate c WHERE c.spki_sha256 = p_spki_sha256 AND c.signed_at IS NOT NULL
			AND c.id > after ORDER BY c.id LIMIT p_look;
	ELSIF p_from IS NOT NULL THEN
		RETURN QUERY SELECT x.certificate_id, x.reversed, x.certificate_id FROM unnest(p_from, p_to) AS b (low, high)
			CROSS JOIN LATERAL (SELECT n.reversed, n.certificate_id FROM ca.certificate_name n
				WHERE n.reversed >= b.low COLLATE "C" AND n.reversed <= b.high COLLATE "C"
					AND (n.reversed, n.certificate_id) > (coalesce(p_place, '') COLLATE "C", after)
				ORDER BY n.reversed, n.certificate_id LIMIT p_look) x
			ORDER BY x.reversed, x.certificate_id LIMIT p_look;
	ELSIF p_account IS NOT NULL THEN
		RETURN QUERY SELECT o.certificate_id, '', o.id FROM acme.orders o WHERE o.account_id = p_account AND o.id > after
			ORDER BY o.account_id, o.id LIMIT p_look; -- as orders_account has them, lest the plan takes all orders by their ids
	ELSIF p_expiring IS NOT NULL THEN
		RETURN QUERY SELECT c.id, c.not_after::text, c.id FROM ca.certificate c WHERE c.signed_at IS NOT NULL AND c.not_after < p_expiring
			AND (c.not_after, c.id) > (coalesce(p_place::timestamptz, now()), after) ORDER BY c.not_after, c.id LIMIT p_look;
	ELSE
		RETURN QUERY SELECT c.id, '', c.id FROM ca.certificate c WHERE c.id < coalesce(p_at, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
			ORDER BY c.id DESC LIMIT p_look;
	END IF;
END $$;

CREATE OR REPLACE FUNCTION ca.status_of(c ca.certificate, p_revoked boolean) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN c.lease_until IS NOT NULL THEN 'signing' WHEN c.der IS NULL AND NOT (p_revoked AND c.not_after > now()) THEN 'given-up'
		WHEN c.not_after <= now() THEN 'expired' WHEN p_revoked THEN 'revoked' ELSE 'valid' END;
END $$;

-- A page: up to p_limit of them that fit all that is asked, of up to p_look that are looked at. next_at NULL: there is no more.
CREATE OR REPLACE FUNCTION ca.find_certificates(p_serial bytea, p_from text[], p_to text[], p_spki_sha256 bytea, p_account uuid,
	p_expiring timestamptz, p_issuer text, p_profile text, p_status text, p_place text, p_at uuid, p_limit int8, p_look int8)
RETURNS TABLE (certificates jsonb, looked int8, next_place text, next_at uuid) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	k record;
	c ca.certificate;
	r ca.revocation;
	page jsonb[] := '{}';
	chunk int8 := least(p_limit + 1, p_look);
	before int8;
BEGIN
	IF p_issuer IS NOT NULL AND NOT EXISTS (SELECT FROM ca.issuer i WHERE i.name = p_issuer) THEN -- else all would be looked at for a slip of the pen
		PERFORM cairn.refuse('NOT_FOUND', 'There is no issuer of that name');
	END IF;
	looked := 0;
	next_place := p_place;
	next_at := p_at;
	LOOP -- in pieces that grow, as most pages are full soon
		before := looked;
		FOR k IN SELECT * FROM ca.candidates(p_serial, p_from, p_to, p_spki_sha256, p_account, p_expiring, next_place, next_at, chunk) LOOP
			looked := looked + 1;
			next_place := k.place;
			next_at := k.at;
			SELECT i.* INTO c FROM ca.certificate i WHERE i.id = k.id;
			CONTINUE WHEN NOT FOUND OR (p_issuer IS NOT NULL AND c.issuer <> p_issuer) OR (p_profile IS NOT NULL AND c.profile <> p_profile)
				OR (p_account IS NOT NULL AND c.account_id <> p_account) OR (p_spki_sha256 IS NOT NULL AND c.spki_sha256 <> p_spki_sha256)
				OR (p_expiring IS NOT NULL AND (c.der IS NULL OR c.not_after >= p_expiring OR c.not_after <= now()))
				OR (p_from IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(c.names) AS n, unnest(p_from, p_to) AS b (low, high)
					WHERE reverse(n) COLLATE "C" BETWEEN b.low AND b.high))
				-- one that fits by several names stands at the first of them
				OR (k.place <> '' AND p_from IS NOT NULL AND p_spki_sha256 IS NULL AND EXISTS (SELECT FROM unnest(c.names) AS n,
					unnest(p_from, p_to) AS b (low, high) WHERE reverse(n) COLLATE "C" BETWEEN b.low AND b.high AND reverse(n) COLLATE "C" < k.place));
			SELECT v.* INTO r FROM ca.revocation v WHERE v.certificate_id = c.id;
			CONTINUE WHEN p_status IS NOT NULL AND ca.status_of(c, FOUND) <> p_status;
			page := page || jsonb_build_object('serial', encode(c.serial, 'hex'), 'status', ca.status_of(c, r.certificate_id IS NOT NULL),
				'names', c.names, 'account_id', cairn.id_text(c.account_id), 'issuer', c.issuer, 'profile', c.profile,
				'not_before', to_char(c.not_before, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'not_after', to_char(c.not_after, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
			EXIT WHEN cardinality(page) >= p_limit;
		END LOOP;
		EXIT WHEN cardinality(page) >= p_limit OR looked - before < chunk OR looked >= p_look;
		chunk := least(chunk * 4, p_look - looked);
	END LOOP;
	IF looked < p_look AND cardinality(page) < p_limit THEN
		next_place := NULL;
		next_at := NULL;
	END IF;
	certificates := to_jsonb(page);
	RETURN NEXT;
END $$;

-- One certificate with all that stands beside it.
CREATE OR REPLACE FUNCTION ca.show_certificate(p_serial bytea) RETURNS TABLE (serial text, status text, der bytea, names text[], account_id uuid,
	order_id uuid, certificate_id uuid, issuer text, profile text, not_before timestamptz, not_after timestamptz, signed_at timestamptz,
	spki_sha256 text, crl_shard int8, reason int8, revoked_at timestamptz, revoked_by text, incident uuid, replaced_by text, chain text, issuer_certificate bytea,
	precertificate bytea, logged_at timestamptz, validations jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
	RETURN QUERY SELECT encode(c.serial, 'hex'), ca.status_of(c, r.certificate_id IS NOT NULL), c.der, c.names, c.account_id, c.order_id, c.id,
			c.issuer, c.profile, c.not_before, c.not_after, c.signed_at, encode(c.spki_sha256, 'hex'), c.crl_shard::int8, r.reason::int8, r.revoked_at,
			r.revoked_by, (SELECT f.id FROM acme.incident_certificate m JOIN acme.incident f ON f.id = m.incident_id
				WHERE m.certificate_id = c.id AND f.closed_at IS NULL ORDER BY f.id DESC LIMIT 1),
			(SELECT encode(n.serial, 'hex') FROM acme.replacement p JOIN acme.orders o ON o.id = p.order_id
				JOIN ca.certificate n ON n.id = o.certificate_id WHERE p.certificate_id = c.id AND n.der IS NOT NULL),
			i.chain, i.certificate, t.der, t.logged_at, (SELECT coalesce(jsonb_agg(jsonb_build_object('name', CASE WHEN v.wildcard THEN '*.' ELSE '' END || v.identifier_value,
				'method', v.method, 'at', to_char(v.ended_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'quorum', v.quorum) ORDER BY v.id), '[]')
				FROM log.validation v WHERE v.id = ANY (c.validations))
		FROM ca.serial s JOIN ca.certificate c ON c.id = s.certificate_id JOIN ca.issuer i ON i.name = c.issuer
			LEFT JOIN ca.revocation r ON r.certificate_id = c.id LEFT JOIN ca.precertificate t ON t.certificate_id = c.id
		WHERE s.serial = p_serial;
END $$;

REVOKE ALL ON FUNCTION ca.candidates(bytea, text[], text[], bytea, uuid, timestamptz, text, uuid, int8), ca.status_of(ca.certificate, boolean),
	ca.find_certificates(bytea, text[], text[], bytea, uuid, timestamptz, text, text, text, text, uuid, int8, int8), ca.show_certificate(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.find_certificates(bytea, text[], text[], bytea, uuid, timestamptz, text, text, text, text, uuid, int8, int8),
	ca.show_certificate(bytea) TO cairn_operator;

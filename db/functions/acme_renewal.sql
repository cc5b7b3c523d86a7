-- When certificates are to be renewed (RFC 9773), and which order replaces which certificate.

-- The window in which a certificate is to be renewed. Two per cent of its life, about its two thirds, or half of a life of less
-- than ten days (B-16). An incident calls for it earlier, never later. Of a revoked one it has passed. A certificate whose
-- bytes stand counts (B-18), one that was given up without a precertificate does not (D-55). due_from is when its replacement begins to be free of limits (B-19), which
-- is nothing that a subscriber can bring about: not by revoking it, and not by asking for dates of which the window follows.
CREATE OR REPLACE VIEW acme.renewal AS
	SELECT c.id AS certificate_id, c.account_id, c.names, s.serial, i.key_id, n.url AS explanation_url,
		CASE WHEN v.certificate_id IS NOT NULL THEN v.revoked_at - interval '60 minutes'
			WHEN n.opens < d.opens THEN n.opens ELSE d.opens END AS opens,
		CASE WHEN v.certificate_id IS NOT NULL THEN v.revoked_at - interval '30 minutes'
			WHEN n.opens < d.opens THEN n.closes ELSE d.opens + make_interval(secs => greatest(1, ceil(l.life * 0.02))) END AS closes,
		CASE WHEN v.revoked_by = 'operator' THEN v.revoked_at - interval '60 minutes'
			ELSE least(n.opens, CASE WHEN NOT EXISTS (SELECT FROM acme.orders o WHERE o.id = c.order_id
				AND num_nonnulls(o.not_before, o.not_after) > 0) THEN d.opens END) END AS due_from
	FROM ca.serial s JOIN ca.certificate c ON c.id = s.certificate_id JOIN ca.issuer i ON i.name = c.issuer
		LEFT JOIN ca.revocation v ON v.certificate_id = c.id
		LEFT JOIN LATERAL (SELECT f.url, f.opens + (f.closes - f.opens) * (m.wave - 1) / f.waves AS opens,
			f.opens + (f.closes - f.opens) * m.wave / f.waves AS closes
			FROM acme.incident_certificate m JOIN acme.incident f ON f.id = m.incident_id
			WHERE m.certificate_id = c.id AND f.closed_at IS NULL ORDER BY 2 LIMIT 1) n ON true
		CROSS JOIN LATERAL (SELECT extract(epoch FROM c.not_after - c.not_before) + 1 AS life) l
		CROSS JOIN LATERAL (SELECT date_trunc('second', c.not_before + make_interval(secs => floor(l.life
			* CASE WHEN l.life < 864000 THEN 0.49 ELSE 2.0 / 3 - 0.01 END))) AS opens) d
	WHERE c.signed_at IS NOT NULL OR c.lease_until IS NOT NULL;

-- Whether the certificate that an order replaces is due: such an order is welcome when others are not (B-19).
CREATE OR REPLACE FUNCTION acme.renewal_is_due(p_replaces text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p_key_id bytea := acme.octets_of(split_part(p_replaces, '.', 1));
	p_serial bytea := acme.octets_of(split_part(p_replaces, '.', 2));
BEGIN
	RETURN EXISTS (SELECT FROM acme.renewal r WHERE r.serial = p_serial AND r.key_id = p_key_id AND r.due_from <= now());
END $$;

-- The order replaces the certificate, unless another one that is not invalid does (RFC 9773 5, B-17). The row is held first, and
-- the order that has it second, so that whoever comes later sees what became of both: an issuance for that order has begun, or
-- finds that it expired. True: it is the first one to do so.
CREATE OR REPLACE FUNCTION acme.claim_replacement(p_order uuid, p_account uuid, p_values text[], p_replaces text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p_key_id bytea := acme.octets_of(split_part(p_replaces, '.', 1));
	p_serial bytea := acme.octets_of(split_part(p_replaces, '.', 2));
	old record;
	holder uuid;
BEGIN
	SELECT r.certificate_id, r.account_id, r.names INTO old FROM acme.renewal r
		WHERE r.serial = p_serial AND r.key_id = p_key_id;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'This CA has no certificate as named by replaces');
	ELSIF old.account_id <> p_account THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The certificate named by replaces belongs to another account');
	ELSIF NOT old.names && p_values THEN
		PERFORM cairn.refuse('MALFORMED', 'The certificate named by replaces has none of the identifiers of this order');
	END IF;
	INSERT INTO acme.replacement (certificate_id, order_id) VALUES (old.certificate_id, p_order) ON CONFLICT DO NOTHING;
	IF FOUND THEN
		RETURN true;
	END IF;
	SELECT p.order_id INTO STRICT holder FROM acme.replacement p WHERE p.certificate_id = old.certificate_id FOR UPDATE;
	PERFORM FROM acme.orders o WHERE o.id = holder FOR UPDATE;
	IF EXISTS (SELECT FROM acme.order_now o WHERE o.id = holder AND o.status <> 'invalid') THEN
		PERFORM cairn.refuse('ALREADY_REPLACED', 'An order that is not invalid already replaces the certificate');
	END IF;
	UPDATE acme.replacement p SET order_id = p_order WHERE p.certificate_id = old.certificate_id;
	RETURN false;
END $$;

REVOKE ALL ON FUNCTION acme.renewal_is_due(text), acme.claim_replacement(uuid, uuid, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.renewal_is_due(text), acme.claim_replacement(uuid, uuid, text[], text) TO cairn_ra;

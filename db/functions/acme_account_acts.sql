-- What operators see of accounts, and how one is shut off (`cairn account`). The newest stand first.
CREATE OR REPLACE FUNCTION acme.list_accounts(p_status text, p_most int8)
RETURNS TABLE (id uuid, status text, thumbprint bytea, eab_key uuid, created_at timestamptz, ended_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.id, a.status, a.thumbprint, b.key_id, a.created_at, a.ended_at FROM acme.account a
		LEFT JOIN acme.account_binding b ON b.account_id = a.id
		WHERE p_status IS NULL OR a.status = p_status ORDER BY a.id DESC LIMIT p_most
$$;

-- One account, by its id or by the thumbprint of its key, with what it has. Orders live for days, authorizations that are
-- pending belong to them; certificates are found by their orders, which no other index leads to. Who ended it and why stands
-- in the event of that moment.
CREATE OR REPLACE FUNCTION acme.show_account(p_account uuid, p_thumbprint bytea)
RETURNS TABLE (id uuid, status text, thumbprint bytea, eab_key uuid, created_at timestamptz, ended_at timestamptz,
	ended_by text, reason text, pending_orders int8, processing_orders int8, pending_authorizations int8,
	valid_authorizations int8, valid_certificates int8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.id, a.status, a.thumbprint, b.key_id, a.created_at, a.ended_at, e.actor, e.facts->>'reason', o.pending, o.processing,
		CASE WHEN a.status = 'valid' THEN o.authorizations ELSE 0 END,
		CASE WHEN a.status = 'valid' THEN (SELECT count(*) FROM acme.authz z WHERE z.account_id = a.id
			AND z.validation_id IS NOT NULL AND z.ended IS NULL AND z.expires_at > now()) ELSE 0 END,
		(SELECT count(*) FROM acme.orders r JOIN ca.certificate c ON c.id = r.certificate_id
			WHERE r.account_id = a.id AND c.der IS NOT NULL AND c.not_after > now()
				AND NOT EXISTS (SELECT FROM ca.revocation v WHERE v.certificate_id = c.id))
	FROM acme.account a LEFT JOIN acme.account_binding b ON b.account_id = a.id
		LEFT JOIN LATERAL (SELECT v.actor, v.facts FROM log.event v
			WHERE v.id >= cairn.id_at(a.ended_at - interval '1 s') AND v.id < cairn.id_at(a.ended_at + interval '5 min')
				AND v.account_id = a.id AND v.kind IN ('account.deactivated', 'account.revoked') LIMIT 1) e ON true
		CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE n.status IN ('pending', 'ready')) AS pending,
				count(*) FILTER (WHERE n.status = 'processing') AS processing,
				(SELECT count(DISTINCT z.id) FROM acme.orders r JOIN acme.authz_now z ON z.id = ANY (r.authorizations)
					WHERE r.account_id = a.id AND r.id >= cairn.id_at(now() - interval '1 year') AND r.expires_at > now()
						AND r.certificate_id IS NULL AND r.error IS NULL AND z.status = 'pending') AS authorizations
			FROM acme.order_now n
			WHERE n.account_id = a.id AND n.id >= cairn.id_at(now() - interval '1 year')) o
	WHERE a.id = p_account OR a.thumbprint = p_thumbprint
$$;

-- The CA shuts an account off (RFC 8555 7.1.2, 7.1.6; A-62): as acme.deactivate_account in 0006, with its locks in its order, and so
-- with what it says of orders and issuances that are under way. False: it had ended before, by whomever, and stays as it
-- is; RFC 8555 7.1.6 knows no way out of either end.
CREATE OR REPLACE FUNCTION acme.revoke_account(p_account uuid, p_reason text, p_actor text) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ended int8;
BEGIN
	UPDATE acme.account a SET status = 'revoked', ended_at = now() WHERE a.id = p_account AND a.status = 'valid';
	IF NOT FOUND THEN
		IF NOT EXISTS (SELECT FROM acme.account a WHERE a.id = p_account) THEN
			PERFORM cairn.refuse('NOT_FOUND', 'There is no such account');
		END IF;
		RETURN false;
	END IF;
	UPDATE acme.orders o
		SET error = jsonb_build_object('type', 'ACCOUNT_NOT_VALID', 'detail', 'The account was revoked')
		WHERE o.account_id = p_account AND o.id >= cairn.id_at(now() - interval '1 year') AND o.expires_at > now()
			AND o.certificate_id IS NULL AND o.error IS NULL;
	GET DIAGNOSTICS ended = ROW_COUNT;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'account.revoked', NULL, p_account, NULL, NULL,
		jsonb_build_object('reason', p_reason, 'orders', ended));
	RETURN true;
END $$;

REVOKE ALL ON FUNCTION acme.list_accounts(text, int8), acme.show_account(uuid, bytea), acme.revoke_account(uuid, text, text)
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.list_accounts(text, int8), acme.show_account(uuid, bytea), acme.revoke_account(uuid, text, text)
	TO cairn_operator;

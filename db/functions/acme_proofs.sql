-- What a valid authorization may still be used for. ca.begin_issuance (ca_issue.sql) and acme.new_order (acme_order.sql) say the same
-- of proofs of control, each in its one statement.

-- Whether the policy of now gives the name of a granted authorization to the order without a challenge, as it did when it was made.
CREATE OR REPLACE FUNCTION acme.grant_stands(p_order uuid, p_authz uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM acme.orders o, acme.judge_order(o.account_id, o.identifier_types, o.identifier_values, o.profile) j
		WHERE o.id = p_order AND array_position(o.authorizations, p_authz) = ANY (j.granted));
END $$;

-- For the subscriber: why the authorizations of an order are not enough.
CREATE OR REPLACE FUNCTION acme.why_no_proof(p_order uuid, p_methods text[], p_webpki boolean) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT format('The authorization of %s%s can not be used any more: %s; order again',
			CASE WHEN a.wildcard THEN '*.' END, a.identifier_value,
			CASE WHEN a.proof = 'grant' THEN 'the policy does not give the name without a challenge'
				WHEN (a.challenge_types[a.tried] = ANY (p_methods)) IS NOT TRUE
					THEN format('it was made by %s, which is not offered now', coalesce(a.challenge_types[a.tried], 'no method'))
				ELSE 'it was made by other rules than those of now' END)
		FROM acme.orders o JOIN acme.authz a ON a.id = ANY (o.authorizations)
		WHERE o.id = p_order AND a.account_id = o.account_id AND a.validation_id IS NOT NULL AND a.ended IS NULL AND a.expires_at > now()
			AND CASE a.proof WHEN 'control' THEN ((a.challenge_types[a.tried] = ANY (p_methods)) AND (a.webpki OR NOT p_webpki)) IS NOT TRUE
				ELSE p_webpki OR NOT acme.grant_stands(o.id, a.id) END
		ORDER BY array_position(o.authorizations, a.id) LIMIT 1), 'An authorization of the order is not valid');
END $$;

REVOKE ALL ON FUNCTION acme.grant_stands(uuid, uuid), acme.why_no_proof(uuid, text[], boolean) FROM PUBLIC;

-- What the web front end reads: exactly what it shows, in one row an object.

CREATE VIEW front.account AS
	SELECT id, status, key, thumbprint, terms_agreed IS NOT NULL AS terms_agreed, created_at FROM acme.account;

-- The state of an authorization at this moment (RFC 8555 7.1.6). The end of its account is not in it: whoever acts for an
-- account looks at the account itself.
CREATE VIEW acme.authz_now AS
	SELECT a.*, CASE WHEN a.ended IS NOT NULL THEN a.ended::text
		WHEN a.expires_at > now() THEN CASE WHEN a.validation_id IS NULL THEN 'pending' ELSE 'valid' END
		ELSE CASE WHEN a.validation_id IS NULL THEN 'invalid' ELSE 'expired' END END AS status
	FROM acme.authz a;

-- The state of an order at this moment (A-81, A-82): what was decided about it, then its certificate, then its account, its
-- time and its authorizations. The certificate has an id when it is there.
CREATE VIEW acme.order_now AS
	SELECT o.id, o.account_id, k.status AS account_status, k.thumbprint AS account_thumbprint, o.identifier_types,
		o.identifier_values, o.authorizations, o.profile, o.not_before, o.not_after, o.replaces, o.expires_at,
		CASE WHEN c.der IS NOT NULL THEN c.id END AS certificate_id, c.request_id AS issuance_request_id,
		z.oldest_validation,
		CASE WHEN o.error IS NOT NULL THEN 'invalid'
			WHEN c.der IS NOT NULL THEN 'valid'
			WHEN o.certificate_id IS NOT NULL THEN 'processing'
			WHEN k.status <> 'valid' OR o.expires_at <= now() THEN 'invalid'
			WHEN z.states <@ '{valid}' AND cardinality(z.states) = cardinality(o.authorizations) THEN 'ready'
			WHEN z.states <@ '{pending,valid}' THEN 'pending'
			ELSE 'invalid' END AS status,
		CASE WHEN o.error IS NOT NULL THEN o.error
			WHEN o.certificate_id IS NOT NULL THEN NULL
			WHEN k.status <> 'valid' THEN jsonb_build_object('type', 'ACCOUNT_NOT_VALID', 'detail', 'The account was ' || k.status)
			WHEN o.expires_at <= now() THEN jsonb_build_object('type', 'MALFORMED', 'detail', 'The order expired')
			WHEN z.states <@ '{pending,valid}' THEN NULL
			ELSE (SELECT CASE WHEN a.status = 'invalid' AND a.error IS NOT NULL THEN a.error
				ELSE jsonb_build_object('type', 'UNAUTHORIZED', 'detail',
					'An authorization of the order ' || CASE a.status WHEN 'deactivated' THEN 'was deactivated'
						WHEN 'revoked' THEN 'was revoked' ELSE 'expired' END) END
				FROM acme.authz_now a WHERE a.id = ANY (o.authorizations) AND a.status NOT IN ('pending', 'valid') LIMIT 1)
			END AS error
	FROM acme.orders o JOIN acme.account k ON k.id = o.account_id
		LEFT JOIN ca.certificate c ON c.id = o.certificate_id
		CROSS JOIN LATERAL (SELECT array_agg(a.status) AS states,
			min(cairn.time_of(a.validation_id)) AS oldest_validation
			FROM acme.authz_now a WHERE a.id = ANY (o.authorizations)
				AND o.certificate_id IS NULL AND o.error IS NULL) z; -- else nobody asks for it

CREATE VIEW front.orders AS
	SELECT id, account_id, status, identifier_types, identifier_values, authorizations, expires_at, not_before, not_after,
		profile, replaces, certificate_id, error FROM acme.order_now;

-- The challenges of one that was decided are the one that did it (RFC 8555 7.1.4); lib/rpc/rows.c puts them together.
CREATE VIEW front.authz AS
	SELECT a.id, a.account_id, a.identifier_type, a.identifier_value, a.wildcard, a.expires_at, a.challenge_types,
		a.tokens, a.tried, a.validated_at,
		CASE WHEN k.status <> 'valid' AND a.status IN ('pending', 'valid') THEN 'deactivated' ELSE a.status END AS status,
		a.ended IS NOT NULL OR a.validation_id IS NOT NULL AS decided,
		CASE WHEN a.validation_id IS NOT NULL THEN 'valid'
			WHEN a.ended = 'invalid' OR (a.tried IS NOT NULL AND a.status = 'invalid') THEN 'invalid'
			WHEN a.lease_until IS NOT NULL THEN 'processing'
			ELSE 'pending' END AS tried_status,
		CASE WHEN a.tried IS NOT NULL AND a.status = 'invalid' AND a.error IS NULL
			THEN jsonb_build_object('type', 'MALFORMED', 'detail', 'The authorization expired') ELSE a.error END AS error
	FROM acme.authz_now a JOIN acme.account k ON k.id = a.account_id;

CREATE VIEW front.certificate AS
	SELECT c.id, c.account_id, c.der, (SELECT i.chain FROM ca.issuer i WHERE i.name = c.issuer) AS chain FROM ca.certificate c
	WHERE c.der IS NOT NULL;

CREATE VIEW front.issuer AS SELECT name, certificate, crl_url, aia_url FROM ca.issuer;

CREATE VIEW front.crl AS
	SELECT DISTINCT ON (issuer, shard) issuer, shard, number, this_update, next_update, der
	FROM ca.crl ORDER BY issuer, shard, number DESC;

GRANT SELECT ON ALL TABLES IN SCHEMA front TO cairn_wfe;

SELECT cairn.make_partitions(7);

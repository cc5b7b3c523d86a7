-- What the web front end reads: exactly what it shows, in one row an object.

CREATE VIEW front.account AS
	SELECT id, status, key, thumbprint, terms_agreed IS NOT NULL AS terms_agreed, created_at FROM acme.account;

-- An order that ran out of time is invalid for everybody from that moment on (A-82).
CREATE VIEW front.orders AS
	SELECT o.id, o.account_id,
		CASE WHEN o.status IN ('pending', 'ready') AND o.expires_at <= now() THEN 'invalid' ELSE o.status END AS status,
		(SELECT json_agg(json_build_object('type', t, 'value', v) ORDER BY n)
			FROM unnest(o.identifier_types, o.identifier_values) WITH ORDINALITY AS i (t, v, n)) AS identifiers,
		(SELECT array_agg(a.authz_id ORDER BY a.position) FROM acme.order_authz a WHERE a.order_id = o.id) AS authorizations,
		o.expires_at, o.not_before, o.not_after, o.profile,
		CASE WHEN o.status = 'valid' THEN o.certificate_id END AS certificate_id,
		CASE WHEN o.status IN ('pending', 'ready') AND o.expires_at <= now()
			THEN jsonb_build_object('type', 'MALFORMED', 'detail', 'The order expired') ELSE o.error END AS error
	FROM acme.orders o;

CREATE VIEW front.authz AS
	SELECT a.id, a.account_id,
		json_build_object('type', a.identifier_type, 'value', a.identifier_value) AS identifier, a.wildcard,
		CASE WHEN a.status IN ('pending', 'valid') AND a.expires_at <= now() THEN
			CASE a.status WHEN 'valid' THEN 'expired' ELSE 'invalid' END ELSE a.status END AS status,
		a.expires_at,
		(SELECT json_agg(json_build_object('id', translate(rtrim(encode(uuid_send(h.id), 'base64'), '='), '+/', '-_'),
			'type', h.type, 'status', h.status, 'token', h.token, 'error', h.error,
			'validated_at', to_char(h.validated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) ORDER BY h.id)
			FROM acme.challenge h WHERE h.authz_id = a.id
				AND (a.status = 'pending' OR h.status IN ('valid', 'invalid'))) AS challenges
	FROM acme.authz a;

CREATE VIEW front.challenge AS
	SELECT h.id, h.authz_id, a.account_id FROM acme.challenge h JOIN acme.authz a ON a.id = h.authz_id;

CREATE VIEW front.certificate AS
	SELECT c.id, c.account_id, c.der, (SELECT i.chain FROM ca.issuer i WHERE i.name = c.issuer) AS chain FROM ca.certificate c
	WHERE c.der IS NOT NULL;

CREATE VIEW front.issuer AS SELECT name, certificate, crl_url, aia_url FROM ca.issuer;

CREATE VIEW front.crl AS
	SELECT DISTINCT ON (issuer, shard) issuer, shard, number, this_update, next_update, der
	FROM ca.crl ORDER BY issuer, shard, number DESC;

GRANT SELECT ON ALL TABLES IN SCHEMA front TO cairn_wfe;

SELECT cairn.make_partitions(7);

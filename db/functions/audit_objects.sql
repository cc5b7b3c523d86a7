-- What auditors read of accounts, orders, certificates and the policy. Tokens, MAC keys and recovery contacts stand in no view.

CREATE OR REPLACE VIEW audit.account AS
	SELECT a.id, cairn.id_text(a.id) AS url_id, a.status, a.thumbprint, a.key::jsonb AS key, a.terms_agreed, a.created_at, a.ended_at,
		b.key_id AS eab_key_id, b.binding AS eab_binding
	FROM acme.account a LEFT JOIN acme.account_binding b ON b.account_id = a.id;
COMMENT ON VIEW audit.account IS 'Accounts as they stand; what they were is told by events account.*';
SELECT cairn.inherit_comments('audit.account', 'acme.account');
COMMENT ON COLUMN audit.account.url_id IS 'SUB-CERT: account id as its URL ends';
COMMENT ON COLUMN audit.account.eab_key_id IS 'SUB-CERT: external account key that it was made with';
COMMENT ON COLUMN audit.account.eab_binding IS 'SUB-CERT: externalAccountBinding as sent and verified';

CREATE OR REPLACE VIEW audit.eab_key AS
	SELECT k.id, cairn.id_text(k.id) AS kid, k.lineage, k.label, k.max_accounts, k.accounts, k.names, k.networks, k.profiles, k.created_at,
		k.expires_at, k.disabled_at FROM acme.eab_key k;
COMMENT ON VIEW audit.eab_key IS 'External account keys, without their secrets';
SELECT cairn.inherit_comments('audit.eab_key', 'acme.eab_key');
COMMENT ON COLUMN audit.eab_key.id IS 'SUB-CERT: id of the key';
COMMENT ON COLUMN audit.eab_key.kid IS 'SUB-CERT: the kid that clients name it by';

CREATE OR REPLACE VIEW audit.orders AS
	SELECT o.id, cairn.id_text(o.id) AS url_id, cairn.time_of(o.id) AS created_at, o.account_id, o.identifier_types AS types, o.identifier_values AS names,
		o.authorizations, o.profile, o.not_before, o.not_after, o.replaces, o.expires_at, o.certificate_id, o.error->>'type' AS problem,
		e.request_id, (SELECT (v.facts->>'policy')::int8 FROM log.event v WHERE v.order_id = o.id AND v.kind = 'order.judged' LIMIT 1) AS policy_version,
		ARRAY(SELECT u.rule FROM log.event v CROSS JOIN LATERAL jsonb_array_elements_text(v.facts->'rules') WITH ORDINALITY AS u (rule, n)
			WHERE v.order_id = o.id AND v.kind = 'order.judged' AND jsonb_typeof(v.facts->'rules') = 'array' ORDER BY u.n) AS policy_rules
	FROM acme.orders o LEFT JOIN log.event e ON e.id = o.id;
COMMENT ON VIEW audit.orders IS 'Orders';
SELECT cairn.inherit_comments('audit.orders', 'acme.orders');
COMMENT ON COLUMN audit.orders.url_id IS 'SUB-CERT: order id as its URL ends';
COMMENT ON COLUMN audit.orders.created_at IS 'SUB-CERT: when it was made';
COMMENT ON COLUMN audit.orders.types IS 'SUB-CERT: dns or ip, in the order of the names';
COMMENT ON COLUMN audit.orders.names IS 'SUB-CERT: the names ordered';
COMMENT ON COLUMN audit.orders.problem IS 'SUB-CERT: what it was ended by by decision';
COMMENT ON COLUMN audit.orders.request_id IS 'SUB-CERT: request that made it';
COMMENT ON COLUMN audit.orders.policy_version IS 'SUB-CERT: policy that judged it; NULL: no policy had rules';
COMMENT ON COLUMN audit.orders.policy_rules IS 'SUB-CERT: rule of that policy by which each name was allowed, in the order of the names';

CREATE OR REPLACE VIEW audit.authorization AS
	SELECT a.id, cairn.id_text(a.id) AS url_id, cairn.time_of(a.id) AS created_at, a.account_id, a.identifier_type, a.identifier_value, a.wildcard,
		a.challenge_types, a.challenge_types[a.tried] AS method, a.attempts, a.expires_at, a.validation_id, a.validated_at, a.ended::text AS ended,
		a.proof::text AS proof, a.error->>'type' AS problem, a.request_id,
		CASE WHEN a.ended IS NOT NULL THEN a.ended::text WHEN a.expires_at > now() THEN CASE WHEN a.validation_id IS NULL THEN 'pending' ELSE 'valid' END
			ELSE CASE WHEN a.validation_id IS NULL THEN 'invalid' ELSE 'expired' END END AS status
	FROM acme.authz a;
COMMENT ON VIEW audit.authorization IS 'Authorizations, without the tokens of their challenges';
SELECT cairn.inherit_comments('audit.authorization', 'acme.authz');
COMMENT ON COLUMN audit.authorization.url_id IS 'SUB-CERT: authorization id as its URL ends';
COMMENT ON COLUMN audit.authorization.created_at IS 'SUB-CERT: when it was made';
COMMENT ON COLUMN audit.authorization.method IS 'SUB-CERT: type of the challenge that the client chose';
COMMENT ON COLUMN audit.authorization.problem IS 'SUB-CERT: what the challenge failed by';
COMMENT ON COLUMN audit.authorization.status IS 'SUB-CERT: pending, valid, invalid, deactivated, revoked or expired, at this moment';

CREATE OR REPLACE VIEW audit.certificate AS
	SELECT c.id, encode(c.serial, 'hex') AS serial, CASE WHEN c.der IS NOT NULL THEN 'issued' WHEN c.lease_until IS NOT NULL THEN 'signing' ELSE 'given up' END AS state,
		c.names, c.not_before, c.not_after, c.profile, c.issuer, c.order_id, c.account_id, c.validations, c.request_id, c.begun_at, c.signed_at,
		c.spki_sha256, c.crl_shard, encode(sha256(c.der), 'hex') AS sha256, c.der, c.tbs
	FROM ca.certificate c;
COMMENT ON VIEW audit.certificate IS 'Certificates, from the moment that the bytes to be signed stood';
SELECT cairn.inherit_comments('audit.certificate', 'ca.certificate');
COMMENT ON COLUMN audit.certificate.serial IS 'SUB-CERT: serial in hexadecimal digits';
COMMENT ON COLUMN audit.certificate.state IS 'SUB-CERT: issued, signing, or given up: the certificate was not signed, though its precertificate may have been (audit.precertificate)';
COMMENT ON COLUMN audit.certificate.sha256 IS 'SUB-CERT: SHA-256 of the certificate in hexadecimal digits';

CREATE OR REPLACE VIEW audit.serial AS SELECT encode(s.serial, 'hex') AS serial, s.certificate_id FROM ca.serial s;
COMMENT ON VIEW audit.serial IS 'Every serial that was ever taken, before anything was signed under it';
SELECT cairn.inherit_comments('audit.serial', 'ca.serial');
COMMENT ON COLUMN audit.serial.serial IS 'SUB-CERT: serial in hexadecimal digits';

CREATE OR REPLACE VIEW audit.precertificate AS
	SELECT p.certificate_id, encode(c.serial, 'hex') AS serial, p.signed_at, p.logged_at, encode(sha256(p.der), 'hex') AS sha256, p.der, p.sct_list
	FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id;
COMMENT ON VIEW audit.precertificate IS 'Precertificates: each is the promise of one certificate, and counts as one where its certificate was given up';
SELECT cairn.inherit_comments('audit.precertificate', 'ca.precertificate');
COMMENT ON COLUMN audit.precertificate.serial IS 'SUB-CERT: serial in hexadecimal digits';
COMMENT ON COLUMN audit.precertificate.sha256 IS 'SUB-CERT: SHA-256 of the precertificate in hexadecimal digits';

CREATE OR REPLACE VIEW audit.sct AS
	SELECT s.certificate_id, encode(s.log_id, 'hex') AS log_id, s.given_at, s.merged_at, s.entry_index, s.missing_at FROM ca.sct s;
COMMENT ON VIEW audit.sct IS 'SCTs in certificates, with what became of the promise that each is';
SELECT cairn.inherit_comments('audit.sct', 'ca.sct');
COMMENT ON COLUMN audit.sct.log_id IS 'SUB-CERT: SHA-256 of the key of the log that gave it, in hexadecimal digits';

CREATE OR REPLACE VIEW audit.certificate_name AS
	SELECT u.name, c.id AS certificate_id, encode(c.serial, 'hex') AS serial, c.account_id, c.order_id, v.id AS validation_id, v.method, v.rule, v.perspective,
		v.ended_at AS validated_at, v.proof::text AS proof, v.quorum
	FROM ca.certificate c CROSS JOIN LATERAL unnest(c.names) AS u (name)
		LEFT JOIN LATERAL (SELECT l.* FROM log.validation l WHERE l.id = ANY (c.validations)
			AND u.name = CASE WHEN l.wildcard THEN '*.' ELSE '' END || l.identifier_value LIMIT 1) v ON true
	WHERE c.der IS NOT NULL;
COMMENT ON VIEW audit.certificate_name IS 'Every name of every certificate, with the validation that it relies on';
SELECT cairn.inherit_comments('audit.certificate_name', 'log.validation'), cairn.inherit_comments('audit.certificate_name', 'ca.certificate');
COMMENT ON COLUMN audit.certificate_name.name IS 'SUB-CERT: name or address, with its wildcard label';
COMMENT ON COLUMN audit.certificate_name.certificate_id IS 'SUB-CERT: certificate';
COMMENT ON COLUMN audit.certificate_name.serial IS 'SUB-CERT: its serial in hexadecimal digits';
COMMENT ON COLUMN audit.certificate_name.validation_id IS 'SUB-VAL: validation that it relies on for this name; NULL: there is no such record';
COMMENT ON COLUMN audit.certificate_name.validated_at IS 'SUB-VAL: when that ended';

CREATE OR REPLACE VIEW audit.revocation AS
	SELECT r.certificate_id, encode(r.serial, 'hex') AS serial, r.revoked_at, r.reason, r.revoked_by, r.issuer, r.crl_shard, r.request_id, r.not_after, r.changed_at
	FROM ca.revocation r;
COMMENT ON VIEW audit.revocation IS 'Revoked certificates';
SELECT cairn.inherit_comments('audit.revocation', 'ca.revocation');
COMMENT ON COLUMN audit.revocation.serial IS 'SUB-CERT: serial in hexadecimal digits';

CREATE OR REPLACE VIEW audit.crl AS
	SELECT c.issuer, c.shard, c.number, c.this_update, c.next_update, c.entries, c.covers_until, encode(sha256(c.der), 'hex') AS sha256, c.der, c.why, c.made_ms FROM ca.crl c;
COMMENT ON VIEW audit.crl IS 'Every CRL that was published';
SELECT cairn.inherit_comments('audit.crl', 'ca.crl');
COMMENT ON COLUMN audit.crl.sha256 IS 'SUB-CERT: SHA-256 of the CRL in hexadecimal digits';

CREATE OR REPLACE VIEW audit.crl_shard AS
	SELECT s.issuer, s.shard, s.url, s.open, s.registered_at, s.number, s.asked_at, s.asked_by FROM ca.crl_shard s;
COMMENT ON VIEW audit.crl_shard IS 'CRLs that there are, whichever certificates name them; a shard and its URL never part';
SELECT cairn.inherit_comments('audit.crl_shard', 'ca.crl_shard');

CREATE OR REPLACE VIEW audit.issuer AS
	SELECT i.name, i.active, i.registered_at, encode(i.key_id, 'hex') AS key_id, encode(sha256(i.certificate), 'hex') AS sha256, i.certificate, i.crl_url, i.aia_url
	FROM ca.issuer i;
COMMENT ON VIEW audit.issuer IS 'Issuing certificates';
SELECT cairn.inherit_comments('audit.issuer', 'ca.issuer');
COMMENT ON COLUMN audit.issuer.key_id IS 'SUB-CERT: subjectKeyIdentifier in hexadecimal digits';
COMMENT ON COLUMN audit.issuer.sha256 IS 'SUB-CERT: SHA-256 of the certificate in hexadecimal digits';

CREATE OR REPLACE VIEW audit.blocked_key AS
	SELECT encode(b.spki_sha256, 'hex') AS spki_sha256, b.reason, b.blocked_at, b.request_id FROM acme.blocked_key b;
COMMENT ON VIEW audit.blocked_key IS 'Keys that no account and no certificate may have';
SELECT cairn.inherit_comments('audit.blocked_key', 'acme.blocked_key');

CREATE OR REPLACE VIEW audit.policy AS
	SELECT p.version, p.applied_at AS in_force_from, lead(p.applied_at) OVER (ORDER BY p.version) AS in_force_until, p.applied_by, p.source,
		encode(sha256(convert_to(p.source, 'UTF8')), 'hex') AS sha256 FROM acme.policy p;
COMMENT ON VIEW audit.policy IS 'Policies on names, each as it stood; none is ever changed';
SELECT cairn.inherit_comments('audit.policy', 'acme.policy');
COMMENT ON COLUMN audit.policy.in_force_from IS 'SUB-CERT: since when it was in force';
COMMENT ON COLUMN audit.policy.in_force_until IS 'SUB-CERT: when the next one came into force; NULL: it is in force';
COMMENT ON COLUMN audit.policy.sha256 IS 'OPS: SHA-256 of the file in hexadecimal digits, as event policy.applied has it';

CREATE OR REPLACE VIEW audit.policy_rule AS
	SELECT r.version, r.position, r.name, r.everybody, r.accounts, r.eab_keys, r.names, r.networks, r.profiles, r.without_challenge, p.in_force_from, p.in_force_until
	FROM acme.policy_rule r JOIN audit.policy p ON p.version = r.version;
COMMENT ON VIEW audit.policy_rule IS 'Rules of all policies, with the time that they were in force; the first that fits a name decides';
SELECT cairn.inherit_comments('audit.policy_rule', 'acme.policy_rule');
COMMENT ON COLUMN audit.policy_rule.in_force_from IS 'SUB-CERT: since when the policy was in force';
COMMENT ON COLUMN audit.policy_rule.in_force_until IS 'SUB-CERT: until when; NULL: it is in force';

CREATE OR REPLACE VIEW audit.limit_override AS
	SELECT l.name, l.key, l.count, l.period_s, l.burst, l.reason, l.set_at, l.set_by FROM acme.limit_override l;
COMMENT ON VIEW audit.limit_override IS 'Rate limits that are others for some';
SELECT cairn.inherit_comments('audit.limit_override', 'acme.limit_override');

CREATE OR REPLACE VIEW audit.incident AS
	SELECT i.id, i.url, i.source, i.opens, i.closes, i.waves, i.created_at, i.created_by, i.closed_at, i.closed_by,
		(SELECT count(*) FROM acme.incident_certificate m WHERE m.incident_id = i.id) AS certificates FROM acme.incident i;
COMMENT ON VIEW audit.incident IS 'Calls of an operator to renew certificates before their time';
SELECT cairn.inherit_comments('audit.incident', 'acme.incident');
COMMENT ON COLUMN audit.incident.certificates IS 'OPS: how many it was about';

CREATE OR REPLACE VIEW audit.renewal AS
	SELECT r.certificate_id, r.opens, r.closes, r.explanation_url, p.order_id AS replaced_by
	FROM acme.renewal r LEFT JOIN acme.replacement p ON p.certificate_id = r.certificate_id;
COMMENT ON VIEW audit.renewal IS 'When clients that ask are told to renew (RFC 9773), as dates, incidents and revocations are now';
COMMENT ON COLUMN audit.renewal.certificate_id IS 'SUB-CERT: id of the certificate';
COMMENT ON COLUMN audit.renewal.opens IS 'SUB-CERT: from when on';
COMMENT ON COLUMN audit.renewal.closes IS 'SUB-CERT: until when';
COMMENT ON COLUMN audit.renewal.explanation_url IS 'OPS: why earlier than usual; NULL: no incident';
COMMENT ON COLUMN audit.renewal.replaced_by IS 'SUB-CERT: order that replaces it; NULL: none said so';
GRANT SELECT ON audit.renewal TO cairn_auditor;

CREATE OR REPLACE VIEW audit.schema_change AS
	SELECT m.number, m.name, encode(m.sha256, 'hex') AS sha256, m.applied_at FROM cairn.migration m
	UNION ALL SELECT NULL, f.name, encode(f.sha256, 'hex'), f.applied_at FROM cairn.function_file f;
COMMENT ON VIEW audit.schema_change IS 'Which text the database was made by: migrations, and files of functions as they ran last';
SELECT cairn.inherit_comments('audit.schema_change', 'cairn.migration');
COMMENT ON COLUMN audit.schema_change.number IS 'OPS: number of a migration; NULL: a file of functions';
COMMENT ON COLUMN audit.schema_change.sha256 IS 'OPS: SHA-256 of the file in hexadecimal digits';

-- G-1: what every column means, from the comments themselves.
CREATE OR REPLACE VIEW audit.dictionary AS
	SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS column_name, format_type(a.atttypid, a.atttypmod) AS type,
		split_part(col_description(c.oid, a.attnum), ': ', 1) AS class,
		substr(col_description(c.oid, a.attnum), position(': ' IN col_description(c.oid, a.attnum)) + 2) AS meaning
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
	WHERE n.nspname IN ('audit', 'cairn', 'acme', 'ca', 'log', 'front', 'vault', 'export') AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
		AND a.attnum > 0 AND NOT a.attisdropped;
COMMENT ON VIEW audit.dictionary IS 'Every column of every table and view, with its data class and meaning';
COMMENT ON COLUMN audit.dictionary.schema IS 'OPS: schema; audit: a view that you can read';
COMMENT ON COLUMN audit.dictionary.name IS 'OPS: table or view';
COMMENT ON COLUMN audit.dictionary.column_name IS 'OPS: column';
COMMENT ON COLUMN audit.dictionary.type IS 'OPS: type of SQL';
COMMENT ON COLUMN audit.dictionary.class IS 'OPS: data class, such as SUB-VAL (docs/architecture.md)';
COMMENT ON COLUMN audit.dictionary.meaning IS 'OPS: what it says';

GRANT SELECT ON audit.account, audit.eab_key, audit.orders, audit.authorization, audit.certificate, audit.precertificate, audit.sct, audit.serial, audit.certificate_name,
	audit.revocation, audit.crl, audit.crl_shard, audit.issuer, audit.blocked_key, audit.policy, audit.policy_rule, audit.limit_override, audit.incident,
	audit.schema_change, audit.dictionary TO cairn_auditor;

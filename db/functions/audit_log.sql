-- What auditors read of the log: requests, validations and what they are made of, events, the seal (schema audit, 0039). A view
-- that is there gains columns at its end only.

CREATE OR REPLACE VIEW audit.request AS
	SELECT r.id, r.received_at, r.frontend, r.method, r.route, r.url, r.account_id,
		CASE WHEN r.status IS NULL THEN 'unknown' WHEN r.problem IS NOT NULL THEN 'refused' ELSE 'answered' END AS outcome,
		r.status, r.problem, r.rule, r.duration_us, p.id IS NOT NULL AS personal_kept, p.remote_address, p.remote_port, p.user_agent,
		p.accept_language, p.body, p.reply, r.body_sha256, r.body_octets, r.reply_sha256, r.reply_octets, p.headers
	FROM log.request r LEFT JOIN log.request_private p ON p.id = r.id;
COMMENT ON VIEW audit.request IS 'Every request to the ACME server, with who asked and what became of it';
SELECT cairn.inherit_comments('audit.request', 'log.request'), cairn.inherit_comments('audit.request', 'log.request_private');
COMMENT ON COLUMN audit.request.id IS 'SUB-REQ: request id, the same in all processes';
COMMENT ON COLUMN audit.request.outcome IS 'SUB-REQ: answered, refused (problem says by what), or unknown: the front end stopped before its answer was on record';
COMMENT ON COLUMN audit.request.personal_kept IS 'SUB-REQ: false: the personal fields behind it were erased, and are NULL';

-- The names that the body of a request asks for, which may be anything; a JWS as sent (RFC 8555 7.4, 7.4.1). It catches errors, which no parallel
-- worker can.
CREATE OR REPLACE FUNCTION audit.names_asked(p_body bytea) RETURNS text[] LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	payload text;
BEGIN
	payload := convert_from(p_body, 'UTF8')::jsonb->>'payload';
	RETURN ARRAY(SELECT lower(n #>> '{}') FROM jsonb_path_query(convert_from(decode(translate(payload, '-_', '+/')
		|| repeat('=', -length(payload) & 3), 'base64'), 'UTF8')::jsonb, 'lax $.keyvalue() ? (@.key == "identifier" || @.key == "identifiers").value[*].value ? (@.type() == "string")') n);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN '{}';
END $$;

-- What a request said: "payload" or "protected" of the JWS that its body is, read; NULL: there is none, or it is not JSON.
CREATE OR REPLACE FUNCTION audit.said(p_body bytea, p_part text DEFAULT 'payload') RETURNS jsonb LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	part text;
BEGIN
	part := convert_from(p_body, 'UTF8')::jsonb->>p_part;
	RETURN convert_from(decode(translate(part, '-_', '+/') || repeat('=', -length(part) & 3), 'base64'), 'UTF8')::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION audit.names_asked(bytea), audit.said(bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.names_asked(bytea), audit.said(bytea, text) TO cairn_auditor;

CREATE OR REPLACE VIEW audit.asked AS
	SELECT r.id AS request_id, r.received_at, r.route, r.account_id, r.outcome, n.name, r.remote_address, r.user_agent
	FROM audit.request r CROSS JOIN LATERAL unnest(audit.names_asked(r.body)) AS n (name) WHERE r.route IN ('new-order', 'new-authz');
COMMENT ON VIEW audit.asked IS 'Every name that a request asked for, granted or refused, from the body as it was sent';
SELECT cairn.inherit_comments('audit.asked', 'audit.request');
COMMENT ON COLUMN audit.asked.request_id IS 'SUB-REQ: request';
COMMENT ON COLUMN audit.asked.name IS 'SUB-REQ: name or address, in lower case; when the body was erased the request has no rows here';

CREATE OR REPLACE VIEW audit.validation AS
	SELECT v.id, v.started_at, v.ended_at, v.identifier_type, v.identifier_value, v.wildcard, v.method, v.rule, v.perspective, v.attempt,
		v.passed, v.problem, v.detail,
		v.dnssec, v.proof::text AS proof, v.authorization_id, v.challenge_id, v.account_id, v.request_id, v.token_sha256,
		v.answer_sha256, v.answer_octets, EXISTS (SELECT FROM log.validation_private p WHERE p.id = v.id) AS personal_kept,
		v.corroborates IS NOT NULL AS remote, v.corroborates, v.region, v.dcv, v.late, v.quorum, v.round
	FROM log.validation v;
COMMENT ON VIEW audit.validation IS 'Every validation that ended, one row a perspective; method caa: CAA was looked for alone; method grant: the policy gave the name without a challenge';
SELECT cairn.inherit_comments('audit.validation', 'log.validation');
COMMENT ON COLUMN audit.validation.remote IS 'SUB-VAL: seen from a remote perspective; false: the first one, whose verdict is that of all together';
COMMENT ON COLUMN audit.validation.personal_kept IS 'SUB-VAL: false: lookups, connections and answers were erased; audit.resolution and audit.connection have no rows of it';

-- The lists that the record keeps as JSON text. A grant has none.
CREATE OR REPLACE VIEW audit.resolution AS
	SELECT v.id AS validation_id, v.ended_at AS validation_ended_at, v.identifier_value, v.wildcard, v.method, v.perspective, v.account_id,
		d.n::int AS position, d.r->>'name' AS name, d.r->>'type' AS type, d.r->>'resolver' AS resolver, d.r->>'dnssec' AS dnssec,
		(d.r->>'rcode')::int AS rcode, nullif(rtrim(lower(d.r->>'canonical_name'), '.'), rtrim(lower(d.r->>'name'), '.')) AS alias_of,
		ARRAY(SELECT jsonb_array_elements_text(coalesce(d.r->'answers', '[]'))) AS answers,
		CASE WHEN d.r->>'type' IN ('A', 'AAAA') THEN ARRAY(SELECT a::inet FROM jsonb_array_elements_text(coalesce(d.r->'answers', '[]')) a)
			END AS addresses,
		d.r->>'error' AS error, d.r->>'ede' AS ede, d.r->>'reason' AS reason, (d.r->>'started_at')::timestamptz AS started_at,
		(d.r->>'duration_us')::int8 AS duration_us,
		CASE WHEN d.r->>'raw' <> '' THEN decode(translate(d.r->>'raw', '-_', '+/') || repeat('=', -length(d.r->>'raw') & 3), 'base64') END AS raw,
		v.corroborates IS NOT NULL AS remote
	FROM log.validation v JOIN log.validation_private p ON p.id = v.id
		CROSS JOIN LATERAL jsonb_path_query(p.resolutions::jsonb, 'lax $.resolutions[*]') WITH ORDINALITY AS d (r, n);
COMMENT ON VIEW audit.resolution IS 'Every name resolution, one row a lookup';
SELECT cairn.inherit_comments('audit.resolution', 'log.validation');
COMMENT ON COLUMN audit.resolution.validation_id IS 'SUB-VAL: validation that asked';
COMMENT ON COLUMN audit.resolution.validation_ended_at IS 'SUB-VAL: when that validation ended';
COMMENT ON COLUMN audit.resolution.position IS 'SUB-VAL: place among the lookups of the validation, from 1';
COMMENT ON COLUMN audit.resolution.name IS 'SUB-VAL: name that was asked for';
COMMENT ON COLUMN audit.resolution.type IS 'SUB-VAL: type that was asked for: A, AAAA, TXT, CAA, DS';
COMMENT ON COLUMN audit.resolution.resolver IS 'SUB-VAL: who answered: ADDRESS@PORT, iterative, or local for data of the configuration';
COMMENT ON COLUMN audit.resolution.dnssec IS 'SUB-VAL: secure, insecure, bogus or off, of this lookup';
COMMENT ON COLUMN audit.resolution.rcode IS 'SUB-VAL: response code of DNS: 0 no error, 3 no such name';
COMMENT ON COLUMN audit.resolution.alias_of IS 'SUB-VAL: name that CNAME records led to; NULL: there were none. The records themselves stand in raw';
COMMENT ON COLUMN audit.resolution.answers IS 'SUB-VAL: all records of the answer, in presentation form';
COMMENT ON COLUMN audit.resolution.addresses IS 'SUB-VAL: all addresses of the answer; NULL: another type was asked for';
COMMENT ON COLUMN audit.resolution.error IS 'SUB-VAL: why there was no answer';
COMMENT ON COLUMN audit.resolution.ede IS 'SUB-VAL: extended error code of the answer (RFC 8914)';
COMMENT ON COLUMN audit.resolution.reason IS 'SUB-VAL: what the resolver says of the error';
COMMENT ON COLUMN audit.resolution.started_at IS 'SUB-VAL: when it was asked';
COMMENT ON COLUMN audit.resolution.duration_us IS 'SUB-VAL: microseconds until the answer';
COMMENT ON COLUMN audit.resolution.raw IS 'SUB-VAL: the answer as it came, a DNS message';
COMMENT ON COLUMN audit.resolution.remote IS 'SUB-VAL: seen from a remote perspective; false: from the first one';

CREATE OR REPLACE VIEW audit.connection AS
	SELECT v.id AS validation_id, v.ended_at AS validation_ended_at, v.identifier_value, v.method, v.perspective, v.account_id,
		d.n::int AS position, d.r->>'url' AS url, d.r->>'host' AS host, (d.r->>'port')::int AS port,
		ARRAY(SELECT a::inet FROM jsonb_array_elements_text(coalesce(d.r->'addresses_resolved', '[]')) a) AS addresses_resolved,
		nullif(d.r->>'address_used', '')::inet AS address_used, nullif((d.r->>'http_status')::int, 0) AS http_status,
		d.r->>'location' AS location, d.r->>'headers' AS headers, (d.r->>'body_octets')::int8 AS body_octets,
		decode(translate(d.r->>'body', '-_', '+/') || repeat('=', -length(d.r->>'body') & 3), 'base64') AS body,
		decode(translate(d.r->>'body_sha256', '-_', '+/') || repeat('=', -length(d.r->>'body_sha256') & 3), 'base64') AS body_sha256,
		decode(translate(d.r->>'tls_certificate', '-_', '+/') || repeat('=', -length(d.r->>'tls_certificate') & 3), 'base64') AS tls_certificate,
		d.r->>'server_name' AS server_name, d.r->>'alpn' AS alpn, d.r->>'tls_version' AS tls_version, d.r->>'error' AS error,
		(d.r->>'started_at')::timestamptz AS started_at, (d.r->>'duration_us')::int8 AS duration_us, v.corroborates IS NOT NULL AS remote
	FROM log.validation v JOIN log.validation_private p ON p.id = v.id
		CROSS JOIN LATERAL jsonb_path_query(p.attempts::jsonb, 'lax $.attempts[*]') WITH ORDINALITY AS d (r, n);
COMMENT ON VIEW audit.connection IS 'Every connection to a host of a subscriber, one row a hop: another address, or the next place of a redirect';
SELECT cairn.inherit_comments('audit.connection', 'log.validation');
COMMENT ON COLUMN audit.connection.validation_id IS 'SUB-VAL: validation that connected';
COMMENT ON COLUMN audit.connection.validation_ended_at IS 'SUB-VAL: when that validation ended';
COMMENT ON COLUMN audit.connection.position IS 'SUB-VAL: place among the connections of the validation, from 1';
COMMENT ON COLUMN audit.connection.url IS 'SUB-VAL: what was asked for';
COMMENT ON COLUMN audit.connection.host IS 'SUB-VAL: host that was to be reached';
COMMENT ON COLUMN audit.connection.port IS 'SUB-VAL: its port';
COMMENT ON COLUMN audit.connection.addresses_resolved IS 'SUB-VAL: all addresses that the host had';
COMMENT ON COLUMN audit.connection.address_used IS 'SUB-VAL: the one that was tried';
COMMENT ON COLUMN audit.connection.http_status IS 'SUB-VAL: status of the answer; NULL: none came, or it was not HTTP';
COMMENT ON COLUMN audit.connection.location IS 'SUB-VAL: where a redirect leads';
COMMENT ON COLUMN audit.connection.headers IS 'SUB-VAL: header of the answer as it came, its first 4096 octets';
COMMENT ON COLUMN audit.connection.body_octets IS 'SUB-VAL: octets of the body that were read';
COMMENT ON COLUMN audit.connection.body IS 'SUB-VAL: first 512 octets of the body';
COMMENT ON COLUMN audit.connection.body_sha256 IS 'SUB-VAL: SHA-256 of the octets read';
COMMENT ON COLUMN audit.connection.tls_certificate IS 'SUB-VAL: certificate that the host showed';
COMMENT ON COLUMN audit.connection.server_name IS 'SUB-VAL: name sent in TLS (SNI)';
COMMENT ON COLUMN audit.connection.alpn IS 'SUB-VAL: protocol agreed on in TLS';
COMMENT ON COLUMN audit.connection.tls_version IS 'SUB-VAL: version of TLS';
COMMENT ON COLUMN audit.connection.error IS 'SUB-VAL: why there was no answer, or it did not do';
COMMENT ON COLUMN audit.connection.started_at IS 'SUB-VAL: when it was begun';
COMMENT ON COLUMN audit.connection.duration_us IS 'SUB-VAL: microseconds until its end';
COMMENT ON COLUMN audit.connection.remote IS 'SUB-VAL: seen from a remote perspective; false: from the first one';

CREATE OR REPLACE VIEW audit.caa AS
	SELECT v.id AS validation_id, v.ended_at AS checked_at, v.identifier_value, v.wildcard, v.method, v.perspective, v.account_id,
		v.authorization_id, v.request_id, coalesce((v.caa->>'permitted')::boolean, false) AS permitted, v.caa->>'found_at' AS found_at,
		ARRAY(SELECT jsonb_array_elements_text(coalesce(v.caa->'records', '[]'))) AS records,
		ARRAY(SELECT jsonb_array_elements_text(coalesce(v.caa->'iodef', '[]'))) AS iodef, v.caa->>'reason' AS reason,
		(SELECT CASE WHEN count(*) = 0 THEN NULL WHEN bool_or(d.r->>'dnssec' = 'bogus') THEN 'bogus'
				WHEN bool_or(d.r->>'dnssec' = 'insecure') THEN 'insecure' WHEN bool_or(d.r->>'dnssec' = 'off') THEN 'off'
				WHEN bool_and(coalesce(d.r->>'dnssec', '') = 'secure') THEN 'secure' ELSE 'unknown' END
			FROM log.validation_private p CROSS JOIN LATERAL jsonb_path_query(p.resolutions::jsonb,
				'lax $.resolutions[*] ? (@.type == "CAA")') AS d (r) WHERE p.id = v.id) AS dnssec,
		v.corroborates IS NOT NULL AS remote
	FROM log.validation v WHERE (v.caa->>'checked')::boolean;
COMMENT ON VIEW audit.caa IS 'Every decision by CAA records, one row a perspective';
SELECT cairn.inherit_comments('audit.caa', 'log.validation');
COMMENT ON COLUMN audit.caa.validation_id IS 'SUB-VAL: validation that it was part of';
COMMENT ON COLUMN audit.caa.checked_at IS 'SUB-VAL: when that ended';
COMMENT ON COLUMN audit.caa.permitted IS 'SUB-VAL: this CA may issue';
COMMENT ON COLUMN audit.caa.found_at IS 'SUB-VAL: name whose records decided; NULL: there are none up to the root';
COMMENT ON COLUMN audit.caa.records IS 'SUB-VAL: those records';
COMMENT ON COLUMN audit.caa.iodef IS 'SUB-VAL: whom their owner wants to be told of a refusal';
COMMENT ON COLUMN audit.caa.reason IS 'SUB-VAL: why this CA may not issue, or may although a lookup failed';
COMMENT ON COLUMN audit.caa.dnssec IS 'SUB-VAL: weakest state of all lookups of CAA: secure, off, insecure or bogus, or unknown: the record tells none; NULL: none was made, or they were erased';
COMMENT ON COLUMN audit.caa.remote IS 'SUB-VAL: seen from a remote perspective; false: from the first one';

CREATE OR REPLACE VIEW audit.event AS
	SELECT e.id, e.happened_at, e.kind, e.actor, e.process, e.request_id, e.account_id, e.order_id, e.certificate_id, e.facts FROM log.event e;
COMMENT ON VIEW audit.event IS 'What was decided and done: accounts, orders, issuance, revocation, CRLs, acts of operators, erasures';
SELECT cairn.inherit_comments('audit.event', 'log.event');

CREATE OR REPLACE VIEW audit.operator_act AS
	SELECT e.id, e.happened_at, substr(e.actor, 10) AS operator, e.kind AS act, e.process, e.request_id, e.account_id, e.order_id,
		e.certificate_id, e.facts FROM log.event e WHERE starts_with(e.actor, 'operator ');
COMMENT ON VIEW audit.operator_act IS 'What operators did, each act by name';
SELECT cairn.inherit_comments('audit.operator_act', 'log.event');
COMMENT ON COLUMN audit.operator_act.operator IS 'OPS: the account at the terminal';
COMMENT ON COLUMN audit.operator_act.act IS 'SUB-CERT: what was done, such as policy.applied';

-- ---- the seal ----

CREATE OR REPLACE VIEW audit.leaf AS
	SELECT l.leaf, CASE l.kind WHEN 1 THEN 'request' WHEN 2 THEN 'validation' ELSE 'event' END AS kind, l.row_id AS id FROM log.leaf l;
COMMENT ON VIEW audit.leaf IS 'Which record is which leaf of the sealed log; cairn audit prove makes the proof';
SELECT cairn.inherit_comments('audit.leaf', 'log.leaf');
COMMENT ON COLUMN audit.leaf.kind IS 'OPS: request, validation or event: the view that the record stands in';
COMMENT ON COLUMN audit.leaf.id IS 'OPS: id of the record';

CREATE OR REPLACE VIEW audit.checkpoint AS SELECT c.size, c.root, c.note, c.key, c.signed_at FROM log.checkpoint c;
COMMENT ON VIEW audit.checkpoint IS 'Every checkpoint that was signed';
SELECT cairn.inherit_comments('audit.checkpoint', 'log.checkpoint');

CREATE OR REPLACE VIEW audit.erasure AS
	SELECT e.happened_at, e.facts->>'table' AS name, coalesce(i.id, (e.facts->>'from')::uuid) AS from_id,
		coalesce(i.id, (e.facts->>'until')::uuid) AS until_id, e.id AS event_id
	FROM log.event e LEFT JOIN LATERAL (SELECT x::uuid AS id FROM jsonb_array_elements_text(e.facts->'ids') x) i ON true WHERE e.kind = 'log.erased';
COMMENT ON VIEW audit.erasure IS 'What was erased when its time had come';
COMMENT ON COLUMN audit.erasure.happened_at IS 'OPS: when';
COMMENT ON COLUMN audit.erasure.name IS 'OPS: table whose rows were erased';
COMMENT ON COLUMN audit.erasure.from_id IS 'OPS: the id, or the first one of a range';
COMMENT ON COLUMN audit.erasure.until_id IS 'OPS: end of the range, the first id that is not of it; the same as from_id for one id';
COMMENT ON COLUMN audit.erasure.event_id IS 'OPS: event that records it';

GRANT SELECT ON audit.request, audit.asked, audit.validation, audit.resolution, audit.connection, audit.caa, audit.event, audit.operator_act, audit.leaf,
	audit.checkpoint, audit.erasure TO cairn_auditor;

-- Evidence. Rows are added and never changed; every event is facts plus salted commitments to its personal fields
-- (lib/crypto/commitment.h), and the personal fields stand beside with their salt, so that they can be erased while every
-- proof still verifies (design 5).

CREATE TABLE log.request (
	id uuid NOT NULL PRIMARY KEY,
	received_at timestamptz NOT NULL,
	frontend text NOT NULL,
	method text NOT NULL,
	route text NOT NULL,
	url text NOT NULL,
	account_id uuid,
	status int,
	problem text,
	body_sha256 bytea NOT NULL,
	body_octets int NOT NULL,
	reply_sha256 bytea,
	reply_octets int,
	duration_us int8,
	commitments bytea NOT NULL,
	CHECK (octet_length(body_sha256) = 32 AND octet_length(commitments) % 32 = 0)
) PARTITION BY RANGE (id);
COMMENT ON TABLE log.request IS 'Every ACME request that reached a front end, with its outcome; status NULL: the outcome is not known';
COMMENT ON COLUMN log.request.id IS 'SUB-REQ: request id, the same in all processes';
COMMENT ON COLUMN log.request.received_at IS 'SUB-REQ: when the whole request had come';
COMMENT ON COLUMN log.request.frontend IS 'OPS: instance of the front end';
COMMENT ON COLUMN log.request.method IS 'SUB-REQ: HTTP method';
COMMENT ON COLUMN log.request.route IS 'SUB-REQ: name of the resource asked for, such as new-order';
COMMENT ON COLUMN log.request.url IS 'SUB-REQ: path and query as sent';
COMMENT ON COLUMN log.request.account_id IS 'SUB-REQ: account whose key verified the request';
COMMENT ON COLUMN log.request.status IS 'SUB-REQ: HTTP status of the answer';
COMMENT ON COLUMN log.request.problem IS 'SUB-REQ: problem of the answer, a name of the closed list';
COMMENT ON COLUMN log.request.body_sha256 IS 'SUB-REQ: SHA-256 of the body as received';
COMMENT ON COLUMN log.request.body_octets IS 'SUB-REQ: length of the body as received';
COMMENT ON COLUMN log.request.reply_sha256 IS 'SUB-REQ: SHA-256 of the body of the answer';
COMMENT ON COLUMN log.request.reply_octets IS 'SUB-REQ: length of the body of the answer';
COMMENT ON COLUMN log.request.duration_us IS 'OPS: microseconds from the whole request to its answer';
COMMENT ON COLUMN log.request.commitments IS 'SUB-REQ: salted commitments to remote_address, remote_port, user_agent, accept_language, body, reply, in this order';

CREATE TABLE log.request_private (
	id uuid NOT NULL PRIMARY KEY,
	salt bytea NOT NULL,
	remote_address inet NOT NULL,
	remote_port int NOT NULL,
	user_agent text,
	accept_language text,
	body bytea,
	reply bytea,
	CHECK (octet_length(salt) = 32)
) PARTITION BY RANGE (id);
COMMENT ON TABLE log.request_private IS 'Personal fields of log.request, erased when their time has come';
COMMENT ON COLUMN log.request_private.id IS 'SUB-REQ: request id';
COMMENT ON COLUMN log.request_private.salt IS 'SUB-REQ: salt of the commitments, erased with the fields';
COMMENT ON COLUMN log.request_private.remote_address IS 'SUB-REQ: address that the request came from';
COMMENT ON COLUMN log.request_private.remote_port IS 'SUB-REQ: port that the request came from';
COMMENT ON COLUMN log.request_private.user_agent IS 'SUB-SW: User-Agent as sent';
COMMENT ON COLUMN log.request_private.accept_language IS 'SUB-SW: Accept-Language as sent';
COMMENT ON COLUMN log.request_private.body IS 'SUB-REQ: body as received; NULL where it may carry a recovery contact, whose place it is not';
COMMENT ON COLUMN log.request_private.reply IS 'SUB-REQ: body of the answer; NULL for certificates, which stand in ca.certificate';

CREATE TABLE log.spool (
	instance text PRIMARY KEY,
	position int8 NOT NULL,
	flushed_at timestamptz NOT NULL
);
COMMENT ON TABLE log.spool IS 'How far the spool of each front end is in the database, moved in the transaction that adds the rows: nothing is lost or doubled';
COMMENT ON COLUMN log.spool.instance IS 'OPS: the spool, a random name kept in its folder';
COMMENT ON COLUMN log.spool.position IS 'OPS: number of the last record that is in the database';
COMMENT ON COLUMN log.spool.flushed_at IS 'OPS: when that was';

-- What a validation proves, in one word, so that other rows can refer to a proof only.
CREATE TYPE log.proof AS ENUM ('control', 'grant');

CREATE TABLE log.validation (
	id uuid NOT NULL PRIMARY KEY,
	authorization_id uuid NOT NULL,
	challenge_id uuid,
	account_id uuid NOT NULL,
	request_id uuid NOT NULL,
	identifier_type text NOT NULL,
	identifier_value text NOT NULL,
	wildcard boolean NOT NULL,
	method text NOT NULL,
	rule text NOT NULL,
	perspective text NOT NULL,
	attempt int NOT NULL,
	passed boolean NOT NULL,
	problem text,
	detail text,
	dnssec text NOT NULL,
	caa jsonb,
	token_sha256 bytea NOT NULL,
	answer_sha256 bytea,
	answer_octets int8,
	started_at timestamptz NOT NULL,
	ended_at timestamptz NOT NULL,
	commitments bytea NOT NULL,
	proof log.proof,
	UNIQUE (id, authorization_id, proof),
	-- Control is proved by a challenge that passed, with the digest of what was answered (F-42, F-43). A grant proves nothing
	-- but that the policy gave the name without a challenge.
	CHECK (CASE proof WHEN 'control' THEN passed AND challenge_id IS NOT NULL AND answer_sha256 IS NOT NULL
		WHEN 'grant' THEN passed AND challenge_id IS NULL AND method = 'grant' ELSE true END)
) PARTITION BY RANGE (id);
COMMENT ON TABLE log.validation IS 'Every validation that ended, one row a perspective: the evidence without which no authorization is valid (F-41, F-42, F-43)';
COMMENT ON COLUMN log.validation.id IS 'SUB-VAL: validation id';
COMMENT ON COLUMN log.validation.authorization_id IS 'SUB-VAL: authorization that it was for';
COMMENT ON COLUMN log.validation.challenge_id IS 'SUB-VAL: challenge that it was for; NULL for CAA alone';
COMMENT ON COLUMN log.validation.account_id IS 'SUB-VAL: account that asked';
COMMENT ON COLUMN log.validation.request_id IS 'SUB-VAL: request that started it, or the job that repeated it';
COMMENT ON COLUMN log.validation.identifier_type IS 'SUB-VAL: dns or ip';
COMMENT ON COLUMN log.validation.identifier_value IS 'SUB-VAL: the name validated, without the wildcard label';
COMMENT ON COLUMN log.validation.wildcard IS 'SUB-VAL: the authorization is for names one level below';
COMMENT ON COLUMN log.validation.method IS 'SUB-VAL: ACME method, or caa';
COMMENT ON COLUMN log.validation.rule IS 'SUB-VAL: section of the Baseline Requirements that the method follows';
COMMENT ON COLUMN log.validation.perspective IS 'SUB-VAL: network perspective that looked';
COMMENT ON COLUMN log.validation.attempt IS 'SUB-VAL: 1 for the first try of the challenge';
COMMENT ON COLUMN log.validation.passed IS 'SUB-VAL: the verdict';
COMMENT ON COLUMN log.validation.problem IS 'SUB-VAL: problem of a failed validation, a name of the closed list';
COMMENT ON COLUMN log.validation.detail IS 'SUB-VAL: sentence that the subscriber was shown';
COMMENT ON COLUMN log.validation.dnssec IS 'SUB-VAL: secure, insecure, bogus or off, the weakest of all lookups';
COMMENT ON COLUMN log.validation.caa IS 'SUB-VAL: CAA set that decided, the name it was found at, and the verdict';
COMMENT ON COLUMN log.validation.token_sha256 IS 'SUB-VAL: SHA-256 of the token';
COMMENT ON COLUMN log.validation.answer_sha256 IS 'SUB-VAL: SHA-256 of the octets answered';
COMMENT ON COLUMN log.validation.answer_octets IS 'SUB-VAL: octets answered, as far as read';
COMMENT ON COLUMN log.validation.started_at IS 'SUB-VAL: start';
COMMENT ON COLUMN log.validation.ended_at IS 'SUB-VAL: end';
COMMENT ON COLUMN log.validation.commitments IS 'SUB-VAL: salted commitments to resolutions and attempts, in this order';
COMMENT ON COLUMN log.validation.proof IS 'SUB-VAL: control, when it proves that the account controls the name; grant, when the policy gave it without a challenge; NULL: it proves nothing';

CREATE TABLE log.validation_private (
	id uuid NOT NULL PRIMARY KEY,
	salt bytea NOT NULL,
	resolutions text NOT NULL,
	attempts text NOT NULL
) PARTITION BY RANGE (id);
COMMENT ON TABLE log.validation_private IS 'Personal fields of log.validation: every address, every answer';
COMMENT ON COLUMN log.validation_private.id IS 'SUB-VAL: validation id';
COMMENT ON COLUMN log.validation_private.salt IS 'SUB-VAL: salt of the commitments, erased with the fields';
COMMENT ON COLUMN log.validation_private.resolutions IS 'SUB-VAL: every name resolution with resolver, all answers, DNSSEC state and raw answer, as JSON text';
COMMENT ON COLUMN log.validation_private.attempts IS 'SUB-VAL: every connection with all addresses, the address used, redirects, status, headers, digest and first octets of the answer, as JSON text';

CREATE TABLE log.event (
	id uuid NOT NULL PRIMARY KEY DEFAULT cairn.new_id(),
	happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	process text NOT NULL,
	actor text NOT NULL,
	kind text NOT NULL,
	request_id uuid,
	account_id uuid,
	order_id uuid,
	certificate_id uuid,
	facts jsonb NOT NULL
) PARTITION BY RANGE (id);
COMMENT ON TABLE log.event IS 'What was decided and done: accounts, orders, issuance, revocation, CRLs, operator acts, starts and stops (F-40, F-41, F-44)';
COMMENT ON COLUMN log.event.id IS 'SUB-CERT: event id';
COMMENT ON COLUMN log.event.happened_at IS 'SUB-CERT: time in UTC';
COMMENT ON COLUMN log.event.process IS 'OPS: process and instance that made the entry';
COMMENT ON COLUMN log.event.actor IS 'SUB-CERT: who caused it: account, certificate key, operator name or the process itself';
COMMENT ON COLUMN log.event.kind IS 'SUB-CERT: what happened, such as order.created';
COMMENT ON COLUMN log.event.request_id IS 'SUB-CERT: request that caused it';
COMMENT ON COLUMN log.event.account_id IS 'SUB-CERT: account concerned';
COMMENT ON COLUMN log.event.order_id IS 'SUB-CERT: order concerned';
COMMENT ON COLUMN log.event.certificate_id IS 'SUB-CERT: certificate concerned';
COMMENT ON COLUMN log.event.facts IS 'SUB-CERT: the facts of this kind of event; no personal field stands here';

INSERT INTO cairn.partitioned VALUES ('log.request', 1), ('log.request_private', 1), ('log.validation', 12),
	('log.validation_private', 1), ('log.event', 1);

GRANT INSERT ON log.request, log.request_private TO cairn_wfe;
GRANT SELECT, INSERT, UPDATE ON log.spool TO cairn_wfe;
-- Nobody adds to log.validation and log.validation_private: acme.record_validation and acme.record_caa do, the whole or nothing.
GRANT INSERT ON log.event TO cairn_ra, cairn_subscriber, cairn_operator;
GRANT SELECT ON log.request, log.validation, log.event, log.spool TO cairn_subscriber;
-- F-52
GRANT SELECT ON log.request, log.request_private, log.validation, log.validation_private, log.event, log.spool
	TO cairn_auditor;

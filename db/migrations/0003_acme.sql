-- The objects of RFC 8555. States change by compare-and-set; what must hold always is a constraint.

CREATE TABLE acme.account (
	id uuid PRIMARY KEY,
	status text NOT NULL CHECK (status IN ('valid', 'deactivated', 'revoked')),
	key text NOT NULL,
	thumbprint bytea NOT NULL UNIQUE CHECK (octet_length(thumbprint) = 32), -- one account a key, also in a race (A-63)
	terms_agreed text,
	created_at timestamptz NOT NULL DEFAULT now(),
	ended_at timestamptz
);
COMMENT ON TABLE acme.account IS 'ACME accounts; they hold no contact';
COMMENT ON COLUMN acme.account.id IS 'SUB-CERT: account id, as in its URL';
COMMENT ON COLUMN acme.account.status IS 'SUB-CERT: valid, deactivated by the client, or revoked by the CA';
COMMENT ON COLUMN acme.account.key IS 'SUB-CERT: public key as canonical JWK';
COMMENT ON COLUMN acme.account.thumbprint IS 'SUB-CERT: RFC 7638 SHA-256 thumbprint of the key';
COMMENT ON COLUMN acme.account.terms_agreed IS 'SUB-CERT: URL of the terms that were agreed to';
COMMENT ON COLUMN acme.account.created_at IS 'SUB-CERT: when it was made';
COMMENT ON COLUMN acme.account.ended_at IS 'SUB-CERT: when it was deactivated or revoked';

CREATE TABLE acme.orders (
	id uuid NOT NULL PRIMARY KEY,
	account_id uuid NOT NULL REFERENCES acme.account,
	status text NOT NULL,
	identifier_types text[] NOT NULL,
	identifier_values text[] NOT NULL,
	profile text NOT NULL,
	not_before timestamptz,
	not_after timestamptz,
	replaces text,
	expires_at timestamptz NOT NULL,
	waits_for int NOT NULL DEFAULT 0,
	certificate_id uuid,
	error jsonb,
	CHECK (cardinality(identifier_values) BETWEEN 1 AND 1000
		AND cardinality(identifier_types) = cardinality(identifier_values)),
	CHECK (CASE status
		WHEN 'pending' THEN true
		WHEN 'ready' THEN waits_for = 0
		WHEN 'processing' THEN waits_for = 0 AND certificate_id IS NOT NULL
		WHEN 'valid' THEN waits_for = 0 AND certificate_id IS NOT NULL
		WHEN 'invalid' THEN error IS NOT NULL
		ELSE false END)
) PARTITION BY RANGE (id);
CREATE INDEX orders_account ON acme.orders (account_id, id);
COMMENT ON TABLE acme.orders IS 'Orders';
COMMENT ON COLUMN acme.orders.id IS 'SUB-CERT: order id, as in its URL; its time is when it was made';
COMMENT ON COLUMN acme.orders.account_id IS 'SUB-CERT: account that ordered';
COMMENT ON COLUMN acme.orders.status IS 'SUB-CERT: state of RFC 8555 7.1.6';
COMMENT ON COLUMN acme.orders.identifier_types IS 'SUB-CERT: dns or ip, in the order of the request';
COMMENT ON COLUMN acme.orders.identifier_values IS 'SUB-CERT: the names ordered, in the order of the request';
COMMENT ON COLUMN acme.orders.profile IS 'SUB-CERT: certificate profile';
COMMENT ON COLUMN acme.orders.not_before IS 'SUB-CERT: start asked for';
COMMENT ON COLUMN acme.orders.not_after IS 'SUB-CERT: end asked for';
COMMENT ON COLUMN acme.orders.replaces IS 'SUB-CERT: certificate that it replaces (RFC 9773)';
COMMENT ON COLUMN acme.orders.expires_at IS 'SUB-CERT: when it ends without a certificate';
COMMENT ON COLUMN acme.orders.waits_for IS 'SUB-CERT: authorizations that were made for it and are not valid yet; it is ready when none is left';
COMMENT ON COLUMN acme.orders.certificate_id IS 'SUB-CERT: issuance that was begun for it, the only one it can have';
COMMENT ON COLUMN acme.orders.error IS 'SUB-CERT: problem that made it invalid';

-- Rows of these tables are made by acme.new_order alone, whole, and nobody may delete any. So that each certificate costs
-- few look-ups and row locks, foreign keys stand where a row says what issuance relies on: an order's account here, the
-- validation of an authorization below. An authorization that is not there is not valid (ca.begin_issuance).
CREATE TABLE acme.authz (
	id uuid NOT NULL PRIMARY KEY,
	account_id uuid NOT NULL,
	order_id uuid NOT NULL,
	identifier_type text NOT NULL,
	identifier_value text NOT NULL,
	wildcard boolean NOT NULL,
	status text NOT NULL,
	expires_at timestamptz NOT NULL,
	validation_id uuid,
	validated boolean GENERATED ALWAYS AS (CASE WHEN validation_id IS NULL THEN NULL ELSE true END) STORED,
	-- Valid only by a validation of this very authorization that passed and is in the log (design 4.2).
	CHECK (CASE status WHEN 'valid' THEN validation_id IS NOT NULL
		ELSE status IN ('pending', 'invalid', 'deactivated', 'expired', 'revoked') END),
	FOREIGN KEY (validation_id, id, validated) REFERENCES log.validation (id, authorization_id, passed)
) PARTITION BY RANGE (id);
CREATE INDEX authz_reuse ON acme.authz (account_id, identifier_value) WHERE status = 'valid';
COMMENT ON TABLE acme.authz IS 'Authorizations';
COMMENT ON COLUMN acme.authz.id IS 'SUB-CERT: authorization id, as in its URL';
COMMENT ON COLUMN acme.authz.account_id IS 'SUB-CERT: account that holds it';
COMMENT ON COLUMN acme.authz.order_id IS 'SUB-CERT: order that it was made for; others use it again once it is valid';
COMMENT ON COLUMN acme.authz.identifier_type IS 'SUB-CERT: dns or ip';
COMMENT ON COLUMN acme.authz.identifier_value IS 'SUB-CERT: the name, without the wildcard label';
COMMENT ON COLUMN acme.authz.wildcard IS 'SUB-CERT: it is for names one level below';
COMMENT ON COLUMN acme.authz.status IS 'SUB-CERT: state of RFC 8555 7.1.6';
COMMENT ON COLUMN acme.authz.expires_at IS 'SUB-CERT: when it ends';
COMMENT ON COLUMN acme.authz.validation_id IS 'SUB-CERT: the validation that made it valid';
COMMENT ON COLUMN acme.authz.validated IS 'SUB-CERT: true with validation_id; carries the foreign key to a validation that passed';

CREATE TABLE acme.order_authz (
	order_id uuid NOT NULL,
	position int NOT NULL,
	authz_id uuid NOT NULL,
	PRIMARY KEY (order_id, position)
) PARTITION BY RANGE (order_id);
CREATE INDEX order_authz_authz ON acme.order_authz (authz_id);
COMMENT ON TABLE acme.order_authz IS 'Which authorizations an order needs, in the order of its identifiers';
COMMENT ON COLUMN acme.order_authz.order_id IS 'SUB-CERT: order';
COMMENT ON COLUMN acme.order_authz.position IS 'SUB-CERT: place of the identifier in the order, from 1';
COMMENT ON COLUMN acme.order_authz.authz_id IS 'SUB-CERT: authorization';

CREATE TABLE acme.challenge (
	id uuid NOT NULL PRIMARY KEY,
	authz_id uuid NOT NULL,
	type text NOT NULL,
	token text NOT NULL,
	status text NOT NULL,
	key_authorization text,
	attempts int NOT NULL DEFAULT 0,
	lease_holder text,
	lease_until timestamptz,
	request_id uuid,
	validated_at timestamptz,
	error jsonb,
	CHECK (CASE status
		WHEN 'pending' THEN true
		WHEN 'processing' THEN lease_until IS NOT NULL AND key_authorization IS NOT NULL
		WHEN 'valid' THEN validated_at IS NOT NULL
		WHEN 'invalid' THEN error IS NOT NULL
		ELSE false END)
) PARTITION BY RANGE (id);
CREATE INDEX challenge_authz ON acme.challenge (authz_id);
-- Its condition is one that no look-up by id has, lest a plan reads the whole of it instead.
CREATE INDEX challenge_job ON acme.challenge (lease_until) WHERE lease_until IS NOT NULL;
COMMENT ON TABLE acme.challenge IS 'Challenges; one that is processing is a durable job with a lease';
COMMENT ON COLUMN acme.challenge.id IS 'SUB-CERT: challenge id, as in its URL';
COMMENT ON COLUMN acme.challenge.authz_id IS 'SUB-CERT: authorization';
COMMENT ON COLUMN acme.challenge.type IS 'SUB-CERT: http-01, ...';
COMMENT ON COLUMN acme.challenge.token IS 'SUB-CERT: token, at least 128 random bits';
COMMENT ON COLUMN acme.challenge.status IS 'SUB-CERT: state of RFC 8555 7.1.6';
COMMENT ON COLUMN acme.challenge.key_authorization IS 'SUB-CERT: key authorization as it was when the client responded';
COMMENT ON COLUMN acme.challenge.attempts IS 'SUB-CERT: validations that ended';
COMMENT ON COLUMN acme.challenge.lease_holder IS 'OPS: instance that validates it';
COMMENT ON COLUMN acme.challenge.lease_until IS 'OPS: when another instance takes the job';
COMMENT ON COLUMN acme.challenge.request_id IS 'SUB-CERT: request that started it';
COMMENT ON COLUMN acme.challenge.validated_at IS 'SUB-CERT: when it became valid';
COMMENT ON COLUMN acme.challenge.error IS 'SUB-CERT: problem that made it invalid, or the last one while it is tried again';

CREATE TABLE acme.blocked_key (
	spki_sha256 bytea PRIMARY KEY CHECK (octet_length(spki_sha256) = 32),
	reason text NOT NULL,
	blocked_at timestamptz NOT NULL DEFAULT now(),
	request_id uuid
);
COMMENT ON TABLE acme.blocked_key IS 'Keys that no account and no certificate may have (E-13, F-24)';
COMMENT ON COLUMN acme.blocked_key.spki_sha256 IS 'SUB-CERT: SHA-256 of the SubjectPublicKeyInfo';
COMMENT ON COLUMN acme.blocked_key.reason IS 'SUB-CERT: why: keyCompromise, or a list it came from';
COMMENT ON COLUMN acme.blocked_key.blocked_at IS 'SUB-CERT: since when';
COMMENT ON COLUMN acme.blocked_key.request_id IS 'SUB-CERT: request that caused it';

INSERT INTO cairn.partitioned VALUES ('acme.orders', 12), ('acme.authz', 12), ('acme.order_authz', 12),
	('acme.challenge', 12);

-- What an object is stays as it was made: the registration authority moves its state only.
-- What an order is for stays as it was written (A-80).
GRANT SELECT, INSERT ON acme.account, acme.orders, acme.authz, acme.order_authz, acme.challenge TO cairn_ra;
GRANT UPDATE (status, ended_at) ON acme.account TO cairn_ra;
GRANT UPDATE (status, waits_for, error) ON acme.orders TO cairn_ra;
GRANT UPDATE (status, validation_id, expires_at) ON acme.authz TO cairn_ra;
GRANT UPDATE (status, key_authorization, attempts, lease_holder, lease_until, request_id, validated_at, error)
	ON acme.challenge TO cairn_ra;
GRANT SELECT, INSERT ON acme.blocked_key TO cairn_ra;

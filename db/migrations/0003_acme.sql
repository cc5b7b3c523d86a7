-- The objects of RFC 8555. States change by compare-and-set; what must hold always is a constraint. So that each certificate
-- costs few statements, an object is one row, and foreign keys stand where a row says what issuance relies on.

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

-- What was ordered, and what became of it. Its state is no column: acme.order_now tells it from this row, its authorizations
-- and its certificate, so that no row has to follow another.
CREATE TABLE acme.orders (
	id uuid NOT NULL PRIMARY KEY,
	account_id uuid NOT NULL,
	identifier_types text[] NOT NULL,
	identifier_values text[] NOT NULL,
	authorizations uuid[] NOT NULL,
	profile text NOT NULL,
	not_before timestamptz,
	not_after timestamptz,
	replaces text,
	expires_at timestamptz NOT NULL,
	certificate_id uuid,
	error jsonb
) PARTITION BY RANGE (id);
CREATE INDEX orders_account ON acme.orders (account_id, id);
COMMENT ON TABLE acme.orders IS 'Orders';
COMMENT ON COLUMN acme.orders.id IS 'SUB-CERT: order id, as in its URL; its time is when it was made';
COMMENT ON COLUMN acme.orders.account_id IS 'SUB-CERT: account that ordered';
COMMENT ON COLUMN acme.orders.identifier_types IS 'SUB-CERT: dns or ip, in the order of the request';
COMMENT ON COLUMN acme.orders.identifier_values IS 'SUB-CERT: the names ordered, in the order of the request';
COMMENT ON COLUMN acme.orders.authorizations IS 'SUB-CERT: the authorization that each name needs, in the order of the names';
COMMENT ON COLUMN acme.orders.profile IS 'SUB-CERT: certificate profile';
COMMENT ON COLUMN acme.orders.not_before IS 'SUB-CERT: start asked for';
COMMENT ON COLUMN acme.orders.not_after IS 'SUB-CERT: end asked for';
COMMENT ON COLUMN acme.orders.replaces IS 'SUB-CERT: certificate that it replaces (RFC 9773)';
COMMENT ON COLUMN acme.orders.expires_at IS 'SUB-CERT: when it ends without a certificate';
COMMENT ON COLUMN acme.orders.certificate_id IS 'SUB-CERT: issuance that was begun for it, the only one it can have';
COMMENT ON COLUMN acme.orders.error IS 'SUB-CERT: problem that ended it by decision: the account or an authorization was deactivated, or it could not be signed';

CREATE TYPE acme.authz_end AS ENUM ('invalid', 'deactivated', 'revoked');

-- An authorization with its challenges, and how the one of them stands that the client chose: with a lease it is a durable
-- job. Valid is no word that somebody writes: it is the reference to a validation of this very authorization that proves
-- control and is in the log (design 4.2), or to the record of a grant (acme.grant_names). Rows are made by newOrder alone, and nobody may
-- delete any. An authorization that is not there is not valid (ca.begin_issuance).
CREATE TABLE acme.authz (
	id uuid NOT NULL PRIMARY KEY,
	account_id uuid NOT NULL,
	identifier_type text NOT NULL,
	identifier_value text NOT NULL,
	wildcard boolean NOT NULL,
	challenge_types text[] NOT NULL,
	tokens text[] NOT NULL,
	expires_at timestamptz NOT NULL,
	tried int,
	key_authorization text,
	attempts int NOT NULL DEFAULT 0,
	lease_holder text,
	lease_until timestamptz,
	request_id uuid,
	error jsonb,
	validation_id uuid,
	validated_at timestamptz,
	ended acme.authz_end,
	proof log.proof NOT NULL DEFAULT 'control',
	FOREIGN KEY (validation_id, id, proof) REFERENCES log.validation (id, authorization_id, proof)
) PARTITION BY RANGE (id);
-- Their conditions are ones that no look-up by id has, lest a plan reads the whole of an index instead.
CREATE INDEX authz_reuse ON acme.authz (account_id, identifier_value) WHERE validation_id IS NOT NULL;
CREATE INDEX authz_job ON acme.authz (lease_until) WHERE lease_until IS NOT NULL;
COMMENT ON TABLE acme.authz IS 'Authorizations with their challenges; one whose challenge is being validated is a durable job with a lease';
COMMENT ON COLUMN acme.authz.id IS 'SUB-CERT: authorization id, as in its URL; its last octet is zero, and n in the id of challenge n';
COMMENT ON COLUMN acme.authz.account_id IS 'SUB-CERT: account that holds it';
COMMENT ON COLUMN acme.authz.identifier_type IS 'SUB-CERT: dns or ip';
COMMENT ON COLUMN acme.authz.identifier_value IS 'SUB-CERT: the name, without the wildcard label';
COMMENT ON COLUMN acme.authz.wildcard IS 'SUB-CERT: it is for names one level below';
COMMENT ON COLUMN acme.authz.challenge_types IS 'SUB-CERT: types of its challenges: http-01, ...';
COMMENT ON COLUMN acme.authz.tokens IS 'SUB-CERT: their tokens, at least 128 random bits each';
COMMENT ON COLUMN acme.authz.expires_at IS 'SUB-CERT: when it ends';
COMMENT ON COLUMN acme.authz.tried IS 'SUB-CERT: the challenge that the client responded to, from 1';
COMMENT ON COLUMN acme.authz.key_authorization IS 'SUB-CERT: key authorization as it was when the client responded';
COMMENT ON COLUMN acme.authz.attempts IS 'SUB-CERT: validations that ended';
COMMENT ON COLUMN acme.authz.lease_holder IS 'OPS: instance that validates it';
COMMENT ON COLUMN acme.authz.lease_until IS 'OPS: when another instance takes the job; NULL: nothing is to be validated';
COMMENT ON COLUMN acme.authz.request_id IS 'SUB-CERT: request that the client responded with';
COMMENT ON COLUMN acme.authz.error IS 'SUB-CERT: problem that the tried challenge failed by, or the last one while it is tried again';
COMMENT ON COLUMN acme.authz.validation_id IS 'SUB-CERT: the validation that made it valid';
COMMENT ON COLUMN acme.authz.validated_at IS 'SUB-CERT: when it became valid';
COMMENT ON COLUMN acme.authz.ended IS 'SUB-CERT: why it can not be used any more, time aside: its validation failed, or its owner or the CA ended it';
COMMENT ON COLUMN acme.authz.proof IS 'SUB-CERT: what made it valid; carries the foreign key to a validation that proves control, or to the record of a grant';

-- The id of challenge n of an authorization; lib/rpc/rows.c does the same.
CREATE FUNCTION acme.challenge_id(authz uuid, n int) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT encode(set_byte(uuid_send(authz), 15, n), 'hex')::uuid
$$;

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

INSERT INTO cairn.partitioned VALUES ('acme.orders', 12), ('acme.authz', 12);

-- What an object is stays as it was made (A-80): the registration authority moves its state only. What makes an authorization valid
-- is written by acme.record_validation alone, and of an order the registration authority writes no more than what ended it.
GRANT SELECT, INSERT ON acme.account TO cairn_ra;
GRANT SELECT, INSERT (id, account_id, identifier_types, identifier_values, authorizations, profile, not_before, not_after,
	replaces, expires_at), UPDATE (error) ON acme.orders TO cairn_ra;
GRANT UPDATE (status, ended_at) ON acme.account TO cairn_ra;
GRANT SELECT, INSERT (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, tokens, expires_at),
	UPDATE (tried, key_authorization, lease_holder, lease_until, request_id, ended) ON acme.authz TO cairn_ra;
GRANT SELECT, INSERT ON acme.blocked_key TO cairn_ra;

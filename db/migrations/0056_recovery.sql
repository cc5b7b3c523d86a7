-- Account recovery (design 5, issue 5.6; docs/recovery.md): claims that came in, recoveries under way, and the mails that they send.
-- No contact stands here in clear: what has to be known again is sealed with a key that only cairn-subscriber has, and goes when
-- it has served. What may be done are the functions in db/functions/vault_recovery.sql; no role reads the tables.

CREATE TABLE vault.claim (
	id uuid PRIMARY KEY,
	sealed bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 4096 AND 8192)
);
COMMENT ON TABLE vault.claim IS 'Claims of accounts that nobody has looked at yet: whether there is such an account and contact is found out later, so that no answer tells';
COMMENT ON COLUMN vault.claim.id IS 'RECOVERY: case, under which its traces stand in the log';
COMMENT ON COLUMN vault.claim.sealed IS 'RECOVERY: account, contact and new key, sealed for cairn-subscriber, of one length whatever is inside';

CREATE TABLE vault.recovery (
	id uuid PRIMARY KEY,
	account_id uuid NOT NULL,
	status text NOT NULL CHECK (status IN ('asked', 'waiting', 'done', 'stopped', 'lapsed')),
	key text NOT NULL,
	thumbprint bytea NOT NULL CHECK (octet_length(thumbprint) = 32),
	spki_sha256 bytea NOT NULL CHECK (octet_length(spki_sha256) = 32),
	old_thumbprint bytea NOT NULL CHECK (octet_length(old_thumbprint) = 32),
	token_sha256 bytea NOT NULL CHECK (octet_length(token_sha256) = 32),
	address bytea,
	former boolean NOT NULL,
	asked_at timestamptz NOT NULL DEFAULT now(),
	token_until timestamptz NOT NULL,
	begun_at timestamptz,
	ends_at timestamptz,
	ended_at timestamptz,
	because text,
	CHECK ((status IN ('asked', 'waiting')) = (ended_at IS NULL)),
	CHECK ((ended_at IS NULL) = (address IS NOT NULL)), -- the contact's address is known no longer than it may be needed
	CHECK ((begun_at IS NULL) = (ends_at IS NULL) AND (status NOT IN ('waiting', 'done') OR begun_at IS NOT NULL))
);
CREATE UNIQUE INDEX recovery_waiting ON vault.recovery (account_id) WHERE status = 'waiting';
CREATE INDEX recovery_open ON vault.recovery (account_id) WHERE ended_at IS NULL;
CREATE INDEX recovery_account ON vault.recovery (account_id, id);
COMMENT ON TABLE vault.recovery IS 'Recoveries of accounts, from a claim whose contact matched to its end';
COMMENT ON COLUMN vault.recovery.id IS 'SUB-CERT: case, as in the log';
COMMENT ON COLUMN vault.recovery.account_id IS 'SUB-CERT: the account';
COMMENT ON COLUMN vault.recovery.status IS 'SUB-CERT: asked (the token was sent), waiting (it came back; the delay runs), done, stopped, lapsed (the token did not come back in time)';
COMMENT ON COLUMN vault.recovery.key IS 'SUB-CERT: the new key that the account is to have, as canonical JWK';
COMMENT ON COLUMN vault.recovery.thumbprint IS 'SUB-CERT: its thumbprint';
COMMENT ON COLUMN vault.recovery.spki_sha256 IS 'SUB-CERT: SHA-256 of its SubjectPublicKeyInfo';
COMMENT ON COLUMN vault.recovery.old_thumbprint IS 'SUB-CERT: thumbprint of the key that the account had when it was claimed';
COMMENT ON COLUMN vault.recovery.token_sha256 IS 'RECOVERY: SHA-256 of the token that was sent to the contact';
COMMENT ON COLUMN vault.recovery.address IS 'RECOVERY: the contact''s address, sealed for cairn-subscriber; gone when the recovery ends';
COMMENT ON COLUMN vault.recovery.former IS 'RECOVERY: the contact had been replaced or deleted a short while before';
COMMENT ON COLUMN vault.recovery.asked_at IS 'SUB-CERT: when the claim matched';
COMMENT ON COLUMN vault.recovery.token_until IS 'SUB-CERT: until when the token is good';
COMMENT ON COLUMN vault.recovery.begun_at IS 'SUB-CERT: when the token came back';
COMMENT ON COLUMN vault.recovery.ends_at IS 'SUB-CERT: when the account gets the new key, unless somebody stops it';
COMMENT ON COLUMN vault.recovery.ended_at IS 'SUB-CERT: when it was done, stopped or lapsed';
COMMENT ON COLUMN vault.recovery.because IS 'SUB-CERT: what ended it';

CREATE TABLE vault.mail (
	id uuid PRIMARY KEY,
	recovery_id uuid NOT NULL REFERENCES vault.recovery ON DELETE CASCADE,
	kind text NOT NULL CHECK (kind IN ('token', 'begun', 'done', 'stopped')),
	address bytea NOT NULL,
	token bytea CHECK ((token IS NOT NULL) = (kind = 'token')),
	tries int8 NOT NULL DEFAULT 0,
	next_at timestamptz NOT NULL DEFAULT now(),
	until timestamptz NOT NULL
);
CREATE INDEX mail_next ON vault.mail (next_at);
COMMENT ON TABLE vault.mail IS 'Mails to recovery contacts that are to be sent; gone when they are, or when it was tried for too long';
COMMENT ON COLUMN vault.mail.id IS 'RECOVERY: mail';
COMMENT ON COLUMN vault.mail.recovery_id IS 'RECOVERY: the recovery that it is about';
COMMENT ON COLUMN vault.mail.kind IS 'RECOVERY: what it says';
COMMENT ON COLUMN vault.mail.address IS 'RECOVERY: to whom, sealed for cairn-subscriber';
COMMENT ON COLUMN vault.mail.token IS 'RECOVERY: the token that it brings, sealed for cairn-subscriber';
COMMENT ON COLUMN vault.mail.tries IS 'OPS: how often it was tried';
COMMENT ON COLUMN vault.mail.next_at IS 'OPS: when it is tried next';
COMMENT ON COLUMN vault.mail.until IS 'OPS: when it is given up';

GRANT USAGE ON SCHEMA vault TO cairn_operator;

-- In its place: vault.contacts_status.
DROP FUNCTION IF EXISTS vault.contacts_since(uuid, bytea);

-- Whatever the account's key signed is recorded, and the record ends a recovery in the same transaction. The text of the function is in
-- db/functions/vault_recovery.sql.
CREATE FUNCTION vault.key_was_used() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER recovery_veto AFTER INSERT ON log.request REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION vault.key_was_used();

-- Visits of the page by which a recovery is stopped are of class WEB as those of other pages are.
DROP INDEX log.request_page;
CREATE INDEX request_page ON log.request (id) WHERE route IN ('terms', 'doctor', 'unpause', 'stop-recovery');

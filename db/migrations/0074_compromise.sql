-- A key that is blocked takes every certificate along that has it (E-13): db/functions/acme_compromise.sql.

-- signed_at: what is being signed is found by its lease, and no look-up by id has this condition.
CREATE INDEX certificate_key ON ca.certificate (spki_sha256, id) WHERE signed_at IS NOT NULL;

ALTER TABLE acme.blocked_key ADD COLUMN swept_at timestamptz;
COMMENT ON COLUMN acme.blocked_key.swept_at IS 'OPS: since when no certificate with it is left to be revoked; NULL: that is not known yet';
CREATE INDEX blocked_key_unswept ON acme.blocked_key (blocked_at) WHERE swept_at IS NULL;
GRANT UPDATE (swept_at) ON acme.blocked_key TO cairn_ra;

COMMENT ON COLUMN ca.revocation.revoked_by IS 'SUB-CERT: account, certificate-key, authorizations, blocked-key (its key was proven to be compromised by another way) or operator';

-- They give more than before: db/functions/acme_revoke.sql and acme_blocked.sql.
DROP FUNCTION IF EXISTS acme.revoke_certificate(bytea, bytea, int8, uuid, bytea, boolean, text, uuid, jsonb);
DROP FUNCTION IF EXISTS acme.block_key(bytea, bytea, text, text, uuid);

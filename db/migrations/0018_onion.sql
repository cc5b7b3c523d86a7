-- onion-csr-01: what a client responds with is part of the job that validates it, and of what proves control
-- (db/functions/acme_challenge.sql, db/functions/acme_evidence.sql).
ALTER TABLE acme.authz ADD COLUMN response bytea;
COMMENT ON COLUMN acme.authz.response IS 'SUB-CERT: what the client responded with, where the method has such: the CSR of onion-csr-01';
GRANT UPDATE (response) ON acme.authz TO cairn_ra;

DROP FUNCTION IF EXISTS acme.take_challenges(text, boolean, int8, int8);
DROP FUNCTION IF EXISTS acme.proof_by(text, text, boolean, text, text, text, uuid);

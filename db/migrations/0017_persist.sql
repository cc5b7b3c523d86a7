-- What proves control by a record that stands for good depends on the account too: acme.proof_by is another function from here on
-- (db/functions/acme_evidence.sql).
DROP FUNCTION IF EXISTS acme.proof_by(text, text, boolean, text, text, text);

-- Certificate Transparency (standards H): precertificates, and what became of them (db/functions/ca_ct.sql).

CREATE TABLE ca.precertificate (
	certificate_id uuid NOT NULL PRIMARY KEY,
	der bytea NOT NULL,
	signed_at timestamptz NOT NULL,
	asked_by text,
	asked_until timestamptz,
	sct_list bytea,
	logged_at timestamptz,
	CHECK (asked_until IS NULL OR logged_at IS NULL)
) PARTITION BY RANGE (certificate_id);
-- Few rows at a time are in it.
CREATE INDEX precertificate_unfinished ON ca.precertificate (asked_until) WHERE asked_until IS NOT NULL;
COMMENT ON TABLE ca.precertificate IS 'Precertificates: each is the promise of one certificate. One with a lease waits for SCTs, or for its certificate to be shown to a log';
COMMENT ON COLUMN ca.precertificate.certificate_id IS 'SUB-CERT: certificate that it promises';
COMMENT ON COLUMN ca.precertificate.der IS 'SUB-CERT: the precertificate, the first that was signed; all logs get these octets';
COMMENT ON COLUMN ca.precertificate.signed_at IS 'SUB-CERT: when it was recorded, right after the signature';
COMMENT ON COLUMN ca.precertificate.asked_by IS 'OPS: instance that asks logs';
COMMENT ON COLUMN ca.precertificate.asked_until IS 'OPS: when another one does; NULL: nothing is left to be done';
COMMENT ON COLUMN ca.precertificate.sct_list IS 'SUB-CERT: the SCTs in the certificate, as fixed before its signature';
COMMENT ON COLUMN ca.precertificate.logged_at IS 'SUB-CERT: when a log took the certificate itself';
INSERT INTO cairn.partitioned VALUES ('ca.precertificate', 12);

ALTER TYPE ca.begun ADD ATTRIBUTE precertificate bytea; -- as recorded; NULL: none

SELECT cairn.make_partitions(7);

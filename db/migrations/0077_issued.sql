-- What is compared when certificates are read back (db/functions/log_issued.sql).

ALTER TABLE ca.certificate ADD COLUMN tbs_sha256 bytea CHECK (octet_length(tbs_sha256) = 32);
COMMENT ON COLUMN ca.certificate.tbs_sha256 IS 'SUB-CERT: SHA-256 of the exact octets that were fixed to be signed; NULL: they were fixed before this was kept';

CREATE TABLE cairn.issued_check (
	single boolean PRIMARY KEY DEFAULT true CHECK (single),
	upto uuid NOT NULL,
	checked_at timestamptz NOT NULL DEFAULT now(),
	certificates int8 NOT NULL,
	differences int8 NOT NULL,
	last_difference_at timestamptz
);
COMMENT ON TABLE cairn.issued_check IS 'How far issued certificates were read back and compared with their records';
COMMENT ON COLUMN cairn.issued_check.single IS 'OPS: there is one row';
COMMENT ON COLUMN cairn.issued_check.upto IS 'OPS: id up to which it was done';
COMMENT ON COLUMN cairn.issued_check.checked_at IS 'OPS: when it was done last';
COMMENT ON COLUMN cairn.issued_check.certificates IS 'AGG: how many were compared';
COMMENT ON COLUMN cairn.issued_check.differences IS 'AGG: how many of them differed; each is an event certificate.differs';
COMMENT ON COLUMN cairn.issued_check.last_difference_at IS 'OPS: when the last of these was found';
INSERT INTO cairn.issued_check (upto, certificates, differences) VALUES (cairn.id_at(now()), 0, 0);

GRANT SELECT ON cairn.issued_check TO cairn_operator, cairn_auditor, cairn_subscriber;

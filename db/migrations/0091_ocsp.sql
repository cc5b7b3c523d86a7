-- OCSP: which issuers have it, the certificates of their responders, and the answers that are signed before anybody asks (E-35..E-37).
-- The steps stand in db/functions/ca_ocsp.sql.

CREATE TABLE ca.ocsp_issuer (
	issuer text PRIMARY KEY REFERENCES ca.issuer,
	url text NOT NULL,
	active boolean NOT NULL,
	name_sha1 bytea NOT NULL CHECK (octet_length(name_sha1) = 20),
	key_sha1 bytea NOT NULL CHECK (octet_length(key_sha1) = 20),
	name_sha256 bytea NOT NULL CHECK (octet_length(name_sha256) = 32),
	key_sha256 bytea NOT NULL CHECK (octet_length(key_sha256) = 32),
	enrolled uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	revoked_until timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE ca.ocsp_issuer IS 'Issuers for which OCSP was ever answered';
COMMENT ON COLUMN ca.ocsp_issuer.issuer IS 'SUB-CERT: issuer';
COMMENT ON COLUMN ca.ocsp_issuer.url IS 'SUB-CERT: URL of the responder, as certificates name it';
COMMENT ON COLUMN ca.ocsp_issuer.active IS 'OPS: it is answered now';
COMMENT ON COLUMN ca.ocsp_issuer.name_sha1 IS 'SUB-CERT: SHA-1 of its name, by which requests name it';
COMMENT ON COLUMN ca.ocsp_issuer.key_sha1 IS 'SUB-CERT: SHA-1 of its key';
COMMENT ON COLUMN ca.ocsp_issuer.name_sha256 IS 'SUB-CERT: SHA-256 of its name';
COMMENT ON COLUMN ca.ocsp_issuer.key_sha256 IS 'SUB-CERT: SHA-256 of its key';
COMMENT ON COLUMN ca.ocsp_issuer.enrolled IS 'OPS: all certificates before this id have a row in ca.ocsp, or ended before they needed one';
COMMENT ON COLUMN ca.ocsp_issuer.revoked_until IS 'OPS: revocations recorded up to then were looked at';

CREATE TABLE ca.responder (
	serial bytea PRIMARY KEY REFERENCES ca.serial,
	issuer text NOT NULL REFERENCES ca.ocsp_issuer,
	not_before timestamptz NOT NULL,
	not_after timestamptz NOT NULL,
	tbs bytea NOT NULL,
	der bytea,
	begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	begun_by text NOT NULL
);
COMMENT ON TABLE ca.responder IS 'Certificates of OCSP responders, from the moment that their exact bytes stand; one without der was never signed, or a crash lost it with its key';
COMMENT ON COLUMN ca.responder.serial IS 'SUB-CERT: serial';
COMMENT ON COLUMN ca.responder.issuer IS 'SUB-CERT: issuer';
COMMENT ON COLUMN ca.responder.not_before IS 'SUB-CERT: start';
COMMENT ON COLUMN ca.responder.not_after IS 'SUB-CERT: end';
COMMENT ON COLUMN ca.responder.tbs IS 'SUB-CERT: the bytes to be signed';
COMMENT ON COLUMN ca.responder.der IS 'SUB-CERT: the certificate';
COMMENT ON COLUMN ca.responder.begun_at IS 'SUB-CERT: when the bytes were fixed';
COMMENT ON COLUMN ca.responder.begun_by IS 'OPS: process whose signer has the key';

CREATE TABLE ca.ocsp (
	issuer text NOT NULL REFERENCES ca.ocsp_issuer,
	serial bytea NOT NULL,
	not_after timestamptz NOT NULL,
	due_at timestamptz NOT NULL,
	reason int,
	revoked_at timestamptz,
	this_update timestamptz,
	next_update timestamptz,
	sha1 bytea,
	sha256 bytea,
	PRIMARY KEY (issuer, serial),
	CHECK ((reason IS NULL) = (revoked_at IS NULL)),
	CHECK ((sha1 IS NULL) = (sha256 IS NULL) AND (sha1 IS NULL) = (this_update IS NULL) AND (sha1 IS NULL) = (next_update IS NULL))
);
ALTER TABLE ca.ocsp ALTER COLUMN sha1 SET STORAGE MAIN, ALTER COLUMN sha256 SET STORAGE MAIN;
CREATE INDEX ocsp_due ON ca.ocsp (issuer, due_at);
COMMENT ON TABLE ca.ocsp IS 'A cache: the newest OCSP answer about each certificate that has not ended';
COMMENT ON COLUMN ca.ocsp.issuer IS 'SUB-CERT: issuer';
COMMENT ON COLUMN ca.ocsp.serial IS 'SUB-CERT: serial of the certificate';
COMMENT ON COLUMN ca.ocsp.not_after IS 'SUB-CERT: end of the certificate; the row goes after it';
COMMENT ON COLUMN ca.ocsp.due_at IS 'OPS: when it is signed anew; -infinity: at once';
COMMENT ON COLUMN ca.ocsp.reason IS 'SUB-CERT: of the revocation that the answer tells of; NULL: good';
COMMENT ON COLUMN ca.ocsp.revoked_at IS 'SUB-CERT: its time';
COMMENT ON COLUMN ca.ocsp.this_update IS 'SUB-CERT: thisUpdate; NULL: nothing is signed yet';
COMMENT ON COLUMN ca.ocsp.next_update IS 'SUB-CERT: nextUpdate';
COMMENT ON COLUMN ca.ocsp.sha1 IS 'SUB-CERT: the response to a request with SHA-1 in its CertID';
COMMENT ON COLUMN ca.ocsp.sha256 IS 'SUB-CERT: the same for SHA-256';

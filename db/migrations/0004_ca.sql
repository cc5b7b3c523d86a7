-- What is signed. The serial and the exact bytes are here before the signature is (D-3, design 4.3).

CREATE TABLE ca.issuer (
	name text PRIMARY KEY,
	certificate bytea NOT NULL,
	key_id bytea NOT NULL,
	chain text NOT NULL,
	crl_url text NOT NULL,
	aia_url text NOT NULL,
	active boolean NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ca.issuer IS 'Issuing certificates, registered by the signing CA when it starts';
COMMENT ON COLUMN ca.issuer.name IS 'OPS: name in the configuration';
COMMENT ON COLUMN ca.issuer.certificate IS 'SUB-CERT: DER';
COMMENT ON COLUMN ca.issuer.key_id IS 'SUB-CERT: subjectKeyIdentifier';
COMMENT ON COLUMN ca.issuer.chain IS 'SUB-CERT: PEM of what follows a leaf: the issuer and what certifies it, without the root';
COMMENT ON COLUMN ca.issuer.crl_url IS 'SUB-CERT: where its CRL is';
COMMENT ON COLUMN ca.issuer.aia_url IS 'SUB-CERT: where its certificate is';
COMMENT ON COLUMN ca.issuer.active IS 'OPS: it issues; an inactive one only signs CRLs';
COMMENT ON COLUMN ca.issuer.registered_at IS 'OPS: when it was first seen';

CREATE TABLE ca.serial (
	serial bytea PRIMARY KEY CHECK (octet_length(serial) BETWEEN 9 AND 20 AND get_byte(serial, 0) < 128),
	certificate_id uuid NOT NULL
);
COMMENT ON TABLE ca.serial IS 'Every serial ever taken, unique before anything is signed (D-3)';
COMMENT ON COLUMN ca.serial.serial IS 'SUB-CERT: content octets of the INTEGER';
COMMENT ON COLUMN ca.serial.certificate_id IS 'SUB-CERT: issuance that took it';

CREATE TABLE ca.certificate (
	id uuid NOT NULL PRIMARY KEY,
	order_id uuid NOT NULL,
	account_id uuid NOT NULL,
	not_before timestamptz NOT NULL,
	not_after timestamptz NOT NULL,
	begun_at timestamptz NOT NULL,
	crl_shard int NOT NULL,
	issuer text NOT NULL, -- one of ca.issuer, as ca.begin_issuance sees to without a lock on its row
	profile text NOT NULL,
	serial bytea NOT NULL,
	spki_sha256 bytea NOT NULL,
	names text[] NOT NULL,
	validations uuid[] NOT NULL,
	request_id uuid,
	tbs bytea,
	lease_holder text,
	lease_until timestamptz,
	der bytea,
	signed_at timestamptz,
	-- The octets that are to be signed, or the certificate that holds them; no lease on what is signed.
	CHECK (octet_length(spki_sha256) = 32 AND CASE WHEN der IS NULL THEN tbs IS NOT NULL
		ELSE tbs IS NULL AND lease_until IS NULL AND signed_at IS NOT NULL END)
) PARTITION BY RANGE (id);
-- Few rows at a time are in it, and no look-up by id has its condition, lest a plan reads the whole of it instead.
CREATE INDEX certificate_unfinished ON ca.certificate (lease_until) WHERE lease_until IS NOT NULL;
COMMENT ON TABLE ca.certificate IS 'Certificates from the moment that their exact bytes stand; one with a lease is completed by its holder, or by whoever comes next; one with neither certificate nor lease was given up';
COMMENT ON COLUMN ca.certificate.id IS 'SUB-CERT: certificate id, as in its URL';
COMMENT ON COLUMN ca.certificate.order_id IS 'SUB-CERT: order';
COMMENT ON COLUMN ca.certificate.account_id IS 'SUB-CERT: account';
COMMENT ON COLUMN ca.certificate.not_before IS 'SUB-CERT: start';
COMMENT ON COLUMN ca.certificate.not_after IS 'SUB-CERT: end';
COMMENT ON COLUMN ca.certificate.begun_at IS 'SUB-CERT: when the bytes were fixed';
COMMENT ON COLUMN ca.certificate.crl_shard IS 'SUB-CERT: shard of the CRL that would list it, fixed for life (E-25)';
COMMENT ON COLUMN ca.certificate.issuer IS 'SUB-CERT: issuer that signs';
COMMENT ON COLUMN ca.certificate.profile IS 'SUB-CERT: profile';
COMMENT ON COLUMN ca.certificate.serial IS 'SUB-CERT: serial';
COMMENT ON COLUMN ca.certificate.spki_sha256 IS 'SUB-CERT: SHA-256 of the subject public key info';
COMMENT ON COLUMN ca.certificate.names IS 'SUB-CERT: subject alternative names, in their order';
COMMENT ON COLUMN ca.certificate.validations IS 'SUB-CERT: the validations that it relies on, as the authorizations of the order named them when the bytes were fixed';
COMMENT ON COLUMN ca.certificate.request_id IS 'SUB-CERT: request that finalized the order';
COMMENT ON COLUMN ca.certificate.tbs IS 'SUB-CERT: TBSCertificate, the exact octets that are signed; later they stand in the certificate';
COMMENT ON COLUMN ca.certificate.lease_holder IS 'OPS: run of an instance that completes it';
COMMENT ON COLUMN ca.certificate.lease_until IS 'OPS: when another instance completes it';
COMMENT ON COLUMN ca.certificate.der IS 'SUB-CERT: the certificate, once it is signed';
COMMENT ON COLUMN ca.certificate.signed_at IS 'SUB-CERT: when it was recorded, right after the signature';

CREATE TABLE ca.revocation (
	certificate_id uuid PRIMARY KEY,
	serial bytea NOT NULL UNIQUE,
	issuer text NOT NULL REFERENCES ca.issuer,
	crl_shard int NOT NULL,
	reason int NOT NULL CHECK (reason IN (0, 1, 3, 4, 5, 9)),
	revoked_at timestamptz NOT NULL DEFAULT now(),
	revoked_by text NOT NULL,
	request_id uuid,
	not_after timestamptz NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX revocation_shard ON ca.revocation (issuer, crl_shard, not_after);
CREATE INDEX revocation_changed ON ca.revocation (issuer, crl_shard, changed_at);
COMMENT ON TABLE ca.revocation IS 'Revoked certificates';
COMMENT ON COLUMN ca.revocation.certificate_id IS 'SUB-CERT: certificate';
COMMENT ON COLUMN ca.revocation.serial IS 'SUB-CERT: serial, as the CRL lists it';
COMMENT ON COLUMN ca.revocation.issuer IS 'SUB-CERT: issuer';
COMMENT ON COLUMN ca.revocation.crl_shard IS 'SUB-CERT: shard that lists it';
COMMENT ON COLUMN ca.revocation.reason IS 'SUB-CERT: CRLReason; 0: none given';
COMMENT ON COLUMN ca.revocation.revoked_at IS 'SUB-CERT: since when';
COMMENT ON COLUMN ca.revocation.revoked_by IS 'SUB-CERT: account, certificate-key, authorizations or operator';
COMMENT ON COLUMN ca.revocation.request_id IS 'SUB-CERT: request that asked';
COMMENT ON COLUMN ca.revocation.not_after IS 'SUB-CERT: end of the certificate: it stays listed once beyond it (E-26)';
COMMENT ON COLUMN ca.revocation.changed_at IS 'OPS: when the row was written or its reason changed; a CRL covers what changed before it was made';

CREATE TABLE ca.crl (
	issuer text NOT NULL REFERENCES ca.issuer,
	shard int NOT NULL,
	number int8 NOT NULL,
	this_update timestamptz NOT NULL,
	next_update timestamptz NOT NULL,
	entries int NOT NULL,
	covers_until timestamptz NOT NULL,
	der bytea NOT NULL,
	PRIMARY KEY (issuer, shard, number)
);
COMMENT ON TABLE ca.crl IS 'CRLs that were published; the newest number of a shard is the one served';
COMMENT ON COLUMN ca.crl.issuer IS 'SUB-CERT: issuer';
COMMENT ON COLUMN ca.crl.shard IS 'SUB-CERT: shard';
COMMENT ON COLUMN ca.crl.number IS 'SUB-CERT: CRLNumber, only rising (E-20)';
COMMENT ON COLUMN ca.crl.this_update IS 'SUB-CERT: thisUpdate';
COMMENT ON COLUMN ca.crl.next_update IS 'SUB-CERT: nextUpdate';
COMMENT ON COLUMN ca.crl.entries IS 'SUB-CERT: revoked certificates listed';
COMMENT ON COLUMN ca.crl.covers_until IS 'OPS: revocations recorded up to then are in it';
COMMENT ON COLUMN ca.crl.der IS 'SUB-CERT: the CRL';

INSERT INTO cairn.partitioned VALUES ('ca.certificate', 12);

-- The signing CA reads and writes by the functions of 0007 only.
GRANT SELECT ON ca.certificate TO cairn_ra;
GRANT SELECT, INSERT, UPDATE (reason, revoked_by) ON ca.revocation TO cairn_ra;

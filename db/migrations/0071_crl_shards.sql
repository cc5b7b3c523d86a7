-- CRLs in shards: a certificate names the CRL that would list it by URL, for ever (E-24, E-25).

CREATE TABLE ca.crl_shard (
	issuer text NOT NULL REFERENCES ca.issuer,
	shard int NOT NULL CHECK (shard >= 0),
	url text NOT NULL UNIQUE CHECK (url <> ''),
	path text NOT NULL GENERATED ALWAYS AS (regexp_replace(url, '^[a-z]+://[^/]*', '')) STORED,
	open boolean NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now(),
	number int8 NOT NULL DEFAULT 0,
	begun_sha256 bytea CHECK (octet_length(begun_sha256) = 32),
	asked_at timestamptz,
	asked_by text,
	PRIMARY KEY (issuer, shard)
);
COMMENT ON TABLE ca.crl_shard IS 'CRLs that there are, whichever certificates name them; a shard and its URL never part';
COMMENT ON COLUMN ca.crl_shard.issuer IS 'SUB-CERT: issuer';
COMMENT ON COLUMN ca.crl_shard.shard IS 'SUB-CERT: number of the shard';
COMMENT ON COLUMN ca.crl_shard.url IS 'SUB-CERT: URL in the certificates and in the CRL, octet for octet (E-24)';
COMMENT ON COLUMN ca.crl_shard.path IS 'SUB-CERT: path of the URL, by which the front end serves it';
COMMENT ON COLUMN ca.crl_shard.open IS 'OPS: new certificates name it';
COMMENT ON COLUMN ca.crl_shard.registered_at IS 'OPS: since when';
COMMENT ON COLUMN ca.crl_shard.number IS 'SUB-CERT: the last CRL number that was taken, before anything was signed (E-20)';
COMMENT ON COLUMN ca.crl_shard.begun_sha256 IS 'SUB-CERT: SHA-256 of the TBSCertList that is being signed; NULL: none is';
COMMENT ON COLUMN ca.crl_shard.asked_at IS 'OPS: when an operator last asked for a new CRL';
COMMENT ON COLUMN ca.crl_shard.asked_by IS 'OPS: who asked';

ALTER TABLE ca.crl ADD COLUMN why text NOT NULL DEFAULT 'schedule' CHECK (why IN ('first', 'schedule', 'revocation', 'asked')),
	ADD COLUMN made_ms int NOT NULL DEFAULT 0, ALTER COLUMN der SET STORAGE EXTERNAL;
CREATE INDEX crl_regular ON ca.crl (issuer, shard, number) WHERE why IN ('first', 'schedule');
COMMENT ON COLUMN ca.crl.why IS 'OPS: why it was made when it was; those on schedule are the regular ones (E-26)';
COMMENT ON COLUMN ca.crl.made_ms IS 'OPS: milliseconds that it took to make';

-- Of issuers that share a path one keeps it; the others get a shard when their configuration names a CRL of their own (docs/crl.md).
INSERT INTO ca.crl_shard (issuer, shard, url, open, number)
	SELECT DISTINCT ON (regexp_replace(i.crl_url, '^[a-z]+://[^/]*', '')) i.name, 0, i.crl_url, true,
		coalesce((SELECT max(c.number) FROM ca.crl c WHERE c.issuer = i.name), 0)
	FROM ca.issuer i WHERE i.crl_url <> '' ORDER BY regexp_replace(i.crl_url, '^[a-z]+://[^/]*', ''), i.active DESC, i.name;

-- Their newest text stands in db/functions/ca_crl.sql and ca_issue.sql.
DROP FUNCTION ca.crl_state(text, int8);
DROP FUNCTION ca.read_revoked(text, int8);
DROP FUNCTION ca.publish_crl(text, int8, int8, timestamptz, timestamptz, bytea[], timestamptz, bytea, text, text);
DROP FUNCTION IF EXISTS ca.begin_issuance(uuid, uuid, uuid, text[], text[], text, text, bytea, bytea, bytea, text[], timestamptz,
	timestamptz, text, int8, uuid, bytea, bytea, boolean, text[], boolean, jsonb);

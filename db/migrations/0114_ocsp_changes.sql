-- Up to where revocations were looked at is exact: what was changed up to safe_at is visible as soon as no transaction from before safe_xid
-- is left (ca.note_revoked_ocsp), so that no stretch of time has to be looked at again and again.
ALTER TABLE ca.ocsp_issuer ADD COLUMN safe_at timestamptz NOT NULL DEFAULT '-infinity', ADD COLUMN safe_xid xid8 NOT NULL DEFAULT '0';
COMMENT ON COLUMN ca.ocsp_issuer.safe_at IS 'OPS: revocations up to then are all visible when no transaction before safe_xid is left';
COMMENT ON COLUMN ca.ocsp_issuer.safe_xid IS 'OPS: see safe_at';

-- Which revocations a CRL covers is settled without a lock on the table (ca.begin_crl in db/functions/ca_crl.sql).
DROP TRIGGER touch ON ca.revocation;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON ca.revocation FOR EACH ROW EXECUTE FUNCTION ca.touch_revocation();
COMMENT ON COLUMN ca.crl.covers_until IS 'OPS: revocations recorded up to then are in it, and perhaps later ones';

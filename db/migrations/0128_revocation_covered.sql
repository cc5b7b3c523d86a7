-- A CRL reads all that it lists from the index (ca.read_revoked, ca.fix_crl): its entries are in the order of serials, which is none in the table,
-- so that each would be a page of the table of its own.
DROP INDEX ca.revocation_listed;
CREATE INDEX revocation_listed ON ca.revocation (issuer, crl_shard, serial) INCLUDE (revoked_at, reason, not_after, changed_at);

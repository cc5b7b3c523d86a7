-- A CRL reads what it lists piece by piece, in the order of its entries (ca.read_revoked).
CREATE INDEX revocation_listed ON ca.revocation (issuer, crl_shard, serial);

-- ca.show_certificate gives the precertificate and the issuer's certificate too (db/functions/ca_search.sql).
DROP FUNCTION IF EXISTS ca.show_certificate(bytea);

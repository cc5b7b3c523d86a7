-- The record of a validation holds what its verdict hangs on, so that it can be decided again from it alone.
COMMENT ON COLUMN log.validation_private.attempts IS 'SUB-VAL: what was asked, the rules of the perspective, and every connection with all addresses, the address used, redirects, status, headers, digest and first octets of the answer, as JSON text';

-- Each process looks at its start whether the database has the schema that it was built for.
GRANT SELECT ON cairn.migration TO cairn_wfe, cairn_ra, cairn_ca, cairn_subscriber;

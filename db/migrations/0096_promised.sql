-- A precertificate counts as an issued certificate for good (D-55).

-- One that was given up after its precertificate was signed: found from now on as whatever was signed is.
UPDATE ca.certificate c SET signed_at = p.signed_at FROM ca.precertificate p
	WHERE p.certificate_id = c.id AND c.der IS NULL AND c.lease_until IS NULL AND c.signed_at IS NULL;
COMMENT ON COLUMN ca.certificate.signed_at IS 'SUB-CERT: when it was recorded, right after the signature; of one that was given up, when its precertificate was';

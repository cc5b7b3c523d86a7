-- The octets are those of the precertificate that promised this certificate.
CREATE OR REPLACE FUNCTION ca.is_precertificate(p_id uuid, p_der bytea) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN EXISTS (SELECT FROM ca.precertificate p WHERE p.certificate_id = p_id AND p.der = p_der);
END $$;

-- Revocation (RFC 8555 7.6): the certificate must be ours octet for octet (A-127), by whichever issuer (A-132); who asked decides what is believed.
-- Its precertificate does as well: that is public first, and of one that was given up there is nothing else (D-55).
-- p_by_key: the request was signed by the certificate's own key: keyCompromise, the key is blocked, and others goes with it: how many more
-- certificates have it (A-126, A-130, E-13).
CREATE OR REPLACE FUNCTION acme.revoke_certificate(p_serial bytea, p_der bytea, p_reason int8, p_account uuid, p_thumbprint bytea,
	p_by_key boolean, p_process text, p_request uuid, p_limits jsonb DEFAULT NULL)
RETURNS TABLE (revoked_at timestamptz, others int8) LANGUAGE plpgsql AS $$
DECLARE
	cert ca.certificate;
	known ca.revocation;
	why int := p_reason;
	whose text := 'account';
	stamp timestamptz := date_trunc('second', clock_timestamp());
	checked boolean := p_by_key OR acme.check_account(p_account, p_thumbprint);
BEGIN
	SELECT c.* INTO cert FROM ca.serial s JOIN ca.certificate c ON c.id = s.certificate_id WHERE s.serial = p_serial;
	IF cert.der IS DISTINCT FROM p_der AND NOT ca.is_precertificate(cert.id, p_der) THEN
		PERFORM cairn.refuse('NOT_FOUND', 'This CA did not issue that certificate');
	END IF;
	others := 0;
	IF p_by_key THEN
		PERFORM acme.hold_key(cert.spki_sha256);
		why := 1;
		whose := 'certificate-key';
	ELSIF cert.account_id <> p_account THEN
		IF EXISTS (SELECT FROM unnest(cert.names) AS n WHERE NOT EXISTS (SELECT FROM acme.authz a
			WHERE a.account_id = p_account AND a.validation_id IS NOT NULL AND a.ended IS NULL AND a.expires_at > now()
				AND a.proof = 'control' AND a.identifier_value = CASE WHEN n LIKE '*.%' THEN substr(n, 3) ELSE n END
				AND a.wildcard = (n LIKE '*.%'))) THEN -- A-125
			PERFORM cairn.refuse('UNAUTHORIZED',
				'The account neither ordered the certificate nor holds valid authorizations for all its names');
		END IF;
		whose := 'authorizations';
	END IF;
	IF cert.not_after < now() THEN
		-- it proves a compromise all the same, of a key that other certificates may have, or ask for (E-13)
		IF NOT p_by_key OR EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = cert.spki_sha256 AND b.request_id IS DISTINCT FROM p_request) THEN
			PERFORM cairn.refuse('MALFORMED', 'The certificate has expired: there is nothing to revoke'); -- A-131
		END IF;
		checked := p_limits IS NULL OR acme.take_limits(p_limits->'uses');
		SELECT k.certificates INTO others FROM acme.compromise_key(cert.spki_sha256, 'blocked-key', 'certificate-key', p_process, p_request,
			jsonb_build_object('because', 'a revocation was signed by the key', 'of', encode(cert.serial, 'hex'))) k;
		revoked_at := stamp;
		RETURN NEXT;
		RETURN;
	END IF;
	INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_at, revoked_by, request_id,
		not_after) VALUES (cert.id, cert.serial, cert.issuer, cert.crl_shard, why, stamp, whose, p_request, cert.not_after)
		ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		SELECT r.* INTO STRICT known FROM ca.revocation r WHERE r.certificate_id = cert.id FOR UPDATE;
		IF known.request_id = p_request THEN
			revoked_at := known.revoked_at; -- this very call has run before and its answer was lost
			RETURN NEXT;
			RETURN;
		ELSIF NOT p_by_key OR (known.reason = 1 AND EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = cert.spki_sha256)) THEN
			PERFORM cairn.refuse('ALREADY_REVOKED', 'The certificate is already revoked'); -- A-128
		END IF;
		UPDATE ca.revocation SET reason = 1, revoked_by = whose WHERE certificate_id = cert.id; -- E-14
		stamp := known.revoked_at;
	END IF;
	checked := p_limits IS NULL OR acme.take_limits(p_limits->'uses');
	IF p_by_key THEN
		SELECT k.certificates INTO others FROM acme.compromise_key(cert.spki_sha256, 'blocked-key', whose, p_process, p_request,
			jsonb_build_object('because', 'a revocation was signed by the key', 'of', encode(cert.serial, 'hex'))) k; -- E-13
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_process, whose, 'certificate.revoked', p_request, p_account, cert.order_id,
		cert.id, jsonb_build_object('serial', encode(cert.serial, 'hex'), 'reason', why, 'issuer', cert.issuer));
	PERFORM pg_notify('cairn_revoked', cert.issuer);
	revoked_at := stamp;
	RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION ca.is_precertificate(uuid, bytea), acme.revoke_certificate(bytea, bytea, int8, uuid, bytea, boolean, text, uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.is_precertificate(uuid, bytea), acme.revoke_certificate(bytea, bytea, int8, uuid, bytea, boolean, text, uuid, jsonb) TO cairn_ra;

-- What is not signed because a linter or the signer finds an error in it: its octets and the finding are on record, the order ends, and it is an
-- alarm, one for each profile (F-30, F-70).

-- Before its octets were fixed for the order. Nothing is done where the order was begun, or ended, meanwhile.
CREATE OR REPLACE FUNCTION ca.refuse_certificate(p_order uuid, p_account uuid, p_request uuid, p_issuer text, p_profile text, p_serial bytea,
	p_tbs bytea, p_why text, p_linters text, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE acme.orders o SET error = jsonb_build_object('type', 'SERVER_INTERNAL', 'detail', 'The certificate could not be signed: order again')
		WHERE o.id = p_order AND o.account_id = p_account AND o.certificate_id IS NULL AND o.error IS NULL;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'certificate.refused', p_request, p_account, p_order, NULL, jsonb_build_object(
		'issuer', p_issuer, 'profile', p_profile, 'serial', encode(p_serial, 'hex'), 'why', p_why, 'linters', p_linters,
		'tbs', translate(encode(p_tbs, 'base64'), E'\n', '')));
	PERFORM ca.alarm_refused(p_profile, p_order, p_issuer, p_serial, p_why, p_process);
END $$;

-- By the signer, behind that.
CREATE OR REPLACE FUNCTION ca.refuse_signature(p_id uuid, p_why text, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
BEGIN
	SELECT c.* INTO i FROM ca.certificate c WHERE c.id = p_id AND c.lease_until IS NOT NULL FOR UPDATE;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	PERFORM ca.abandon_issuance(p_id, p_why, 0, p_process);
	PERFORM ca.alarm_refused(i.profile, i.order_id, i.issuer, i.serial, p_why, p_process);
END $$;

CREATE OR REPLACE FUNCTION ca.alarm_refused(p_profile text, p_order uuid, p_issuer text, p_serial bytea, p_why text, p_process text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM log.raise_alarm('certificate-refused', p_profile, format('The certificate with the serial %s by %s, for the order %s, was not signed: %s',
		encode(p_serial, 'hex'), p_issuer, cairn.id_text(p_order), p_why), p_process, false);
END $$;

REVOKE ALL ON FUNCTION ca.refuse_certificate(uuid, uuid, uuid, text, text, bytea, bytea, text, text, text), ca.refuse_signature(uuid, text, text),
	ca.alarm_refused(text, uuid, text, bytea, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.refuse_certificate(uuid, uuid, uuid, text, text, bytea, bytea, text, text, text), ca.refuse_signature(uuid, text, text) TO cairn_ca;

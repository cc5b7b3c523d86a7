-- Certificate Transparency (0086). The octets of the precertificate are fixed by ca.begin_issuance as those of any certificate. Once it is
-- signed it waits for logs: its row of ca.certificate is held by nobody ('logs') until the hour in which it may be signed is over, when the
-- signing CA takes it and gives it up (ca/finish.c). With SCTs the octets of the certificate take the place of those of the precertificate.

CREATE OR REPLACE FUNCTION ca.resume_issuance(p_order uuid, p_account uuid, p_spki_sha256 bytea, p_place text, p_holder text,
	p_lease_s int8) RETURNS SETOF ca.begun LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
	taken boolean := false;
BEGIN
	SELECT c.* INTO i FROM acme.orders r JOIN ca.certificate c ON c.id = r.certificate_id
		WHERE r.id = p_order AND r.account_id = p_account;
	IF i.id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such order');
	ELSIF i.spki_sha256 <> p_spki_sha256 THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order was finalized with another key');
	ELSIF i.der IS NULL AND i.lease_until IS NULL THEN
		PERFORM cairn.refuse('ORDER_NOT_READY', 'The order is invalid');
	ELSIF i.der IS NULL AND ca.is_left(i, p_place, p_holder) THEN
		UPDATE ca.certificate c SET lease_holder = p_holder, lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
			WHERE c.id = i.id AND c.lease_until = i.lease_until;
		taken := FOUND;
	END IF;
	RETURN NEXT (i.id, i.issuer, i.profile, i.serial, i.not_before, i.not_after, i.tbs, i.der, taken,
		(SELECT p.der FROM ca.precertificate p WHERE p.certificate_id = i.id))::ca.begun;
END $$;

-- Issuances that nobody works on any more: taken over with their bytes and their serial.
CREATE OR REPLACE FUNCTION ca.take_issuances(p_place text, p_holder text, p_lease_s int8, p_limit int8) RETURNS SETOF ca.begun
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY WITH due AS (
		SELECT c.id FROM ca.certificate c WHERE c.lease_until IS NOT NULL AND ca.is_left(c, p_place, p_holder)
		ORDER BY c.lease_until LIMIT p_limit FOR UPDATE SKIP LOCKED)
	UPDATE ca.certificate i SET lease_holder = p_holder, lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
	FROM due WHERE i.id = due.id AND i.lease_until IS NOT NULL
	RETURNING i.id, i.issuer, i.profile, i.serial, i.not_before, i.not_after, i.tbs, NULL::bytea, true,
		(SELECT p.der FROM ca.precertificate p WHERE p.certificate_id = i.id);
END $$;

-- The precertificate, with its event. From then on logs are asked: by the process that asked for it until p_asked_s are over. Gives the
-- one that counts: the first (D-54).
CREATE OR REPLACE FUNCTION ca.record_precertificate(p_id uuid, p_der bytea, p_within_s int8, p_asked_s int8, p_process text) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
	first bytea;
BEGIN
	UPDATE ca.certificate c SET lease_holder = 'logs', lease_until = c.begun_at + make_interval(secs => p_within_s)
		WHERE c.id = p_id AND c.lease_until IS NOT NULL AND position(c.tbs IN p_der) > 0
			AND NOT EXISTS (SELECT FROM ca.precertificate p WHERE p.certificate_id = p_id) RETURNING * INTO i;
	IF NOT FOUND THEN
		SELECT p.der INTO first FROM ca.precertificate p WHERE p.certificate_id = p_id;
		IF first IS NULL THEN
			PERFORM ca.refuse_complete(p_id, p_der);
		END IF;
		RETURN first;
	END IF;
	INSERT INTO ca.precertificate (certificate_id, der, signed_at, asked_until)
		VALUES (p_id, p_der, clock_timestamp(), clock_timestamp() + make_interval(secs => p_asked_s));
	PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'precertificate.signed', i.request_id, i.account_id, i.order_id, i.id,
		jsonb_build_object('issuer', i.issuer, 'serial', encode(i.serial, 'hex'), 'sha256', encode(sha256(p_der), 'hex')));
	RETURN p_der;
END $$;

-- The octets of the certificate with its SCTs, before they are signed (D-56). mine: the caller signs them. What was revoked while it waited
-- for SCTs is given up instead.
CREATE OR REPLACE FUNCTION ca.fix_certificate(p_id uuid, p_precertificate bytea, p_tbs bytea, p_sct_list bytea, p_holder text, p_lease_s int8,
	p_submissions jsonb, p_process text) RETURNS SETOF ca.begun LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
	fixed boolean;
BEGIN
	PERFORM FROM ca.precertificate p WHERE p.certificate_id = p_id AND p.der = p_precertificate;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', 'The precertificate is not the one on record');
	END IF;
	IF EXISTS (SELECT FROM ca.certificate c JOIN ca.revocation r ON r.certificate_id = c.id WHERE c.id = p_id AND c.lease_holder = 'logs') THEN
		PERFORM ca.abandon_issuance(p_id, 'it was revoked while it waited for SCTs', 0, p_process);
	END IF;
	UPDATE ca.certificate c SET tbs = p_tbs, tbs_sha256 = sha256(p_tbs), lease_holder = p_holder,
		lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
		WHERE c.id = p_id AND c.lease_holder = 'logs' RETURNING * INTO i;
	fixed := FOUND;
	IF fixed THEN
		UPDATE ca.precertificate SET sct_list = p_sct_list, asked_by = NULL, asked_until = clock_timestamp() WHERE certificate_id = p_id;
		PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'certificate.promised', i.request_id, i.account_id, i.order_id, i.id,
			jsonb_build_object('sct_list', encode(p_sct_list, 'base64'), 'submissions', coalesce(p_submissions, '[]')));
	ELSE
		SELECT * INTO STRICT i FROM ca.certificate c WHERE c.id = p_id;
	END IF;
	RETURN NEXT (i.id, i.issuer, i.profile, i.serial, i.not_before, i.not_after, i.tbs, i.der, fixed, p_precertificate)::ca.begun;
END $$;

-- The signer refused the bytes, or there is no signer for them for p_after_s from their beginning on, or logs gave too few SCTs: the order
-- shows it, the serial stays taken, and no certificate ever leaves. A precertificate was signed all the same, and counts (D-55, H-15).
CREATE OR REPLACE FUNCTION ca.abandon_issuance(p_id uuid, p_why text, p_after_s int8, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
BEGIN
	UPDATE ca.certificate c SET lease_holder = NULL, lease_until = NULL,
		signed_at = (SELECT p.signed_at FROM ca.precertificate p WHERE p.certificate_id = c.id) WHERE c.id = p_id AND c.lease_until IS NOT NULL
		AND c.begun_at <= clock_timestamp() - make_interval(secs => p_after_s) RETURNING * INTO i;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE acme.orders
		SET error = jsonb_build_object('type', 'SERVER_INTERNAL', 'detail', 'The certificate could not be signed: order again')
		WHERE id = i.order_id AND certificate_id = p_id AND error IS NULL;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'certificate.refused', i.request_id, i.account_id, i.order_id,
		i.id, jsonb_build_object('issuer', i.issuer, 'serial', encode(i.serial, 'hex'), 'why', p_why));
END $$;

-- Precertificates that wait for SCTs, and certificates that no log has yet, that nobody works on: taken for p_lease_s.
CREATE OR REPLACE FUNCTION ca.take_unlogged(p_holder text, p_lease_s int8, p_limit int8) RETURNS TABLE (certificate_id uuid, der bytea,
	final boolean, chain text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- What was given up is done with.
	UPDATE ca.precertificate p SET asked_until = NULL, asked_by = NULL FROM ca.certificate c WHERE p.asked_until < clock_timestamp()
		AND c.id = p.certificate_id AND c.der IS NULL AND c.lease_until IS NULL;
	RETURN QUERY WITH due AS (SELECT p.certificate_id AS id FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id
			WHERE p.asked_until < clock_timestamp() AND (c.der IS NOT NULL OR c.lease_holder = 'logs')
			ORDER BY p.asked_until LIMIT p_limit FOR UPDATE OF p SKIP LOCKED)
		UPDATE ca.precertificate p SET asked_by = p_holder, asked_until = clock_timestamp() + make_interval(secs => p_lease_s)
		FROM due JOIN ca.certificate c ON c.id = due.id JOIN ca.issuer i ON i.name = c.issuer WHERE p.certificate_id = due.id
		RETURNING p.certificate_id, coalesce(c.der, p.der), c.der IS NOT NULL, i.chain;
END $$;

-- For `cairn doctor` and the metrics: precertificates that wait for SCTs, certificates in no log, those of them that were issued a day ago
-- and have not ended (H-13), and the age of the oldest of these.
CREATE OR REPLACE FUNCTION ca.logs_state() RETURNS TABLE (waiting int8, unlogged int8, overdue int8, oldest_s int8) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT count(*) FILTER (WHERE c.lease_until IS NOT NULL), count(*) FILTER (WHERE c.der IS NOT NULL), count(*) FILTER (WHERE late.is),
		coalesce(extract(epoch FROM clock_timestamp() - min(c.signed_at) FILTER (WHERE late.is))::int8, 0)
	FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id
		CROSS JOIN LATERAL (SELECT c.der IS NOT NULL AND c.signed_at <= now() - interval '24 h' AND c.not_after > now() AS is) late
	WHERE p.asked_until IS NOT NULL
$$;

-- What logs said, when no certificate comes of it. p_logged: one has the certificate now. Else it is tried again after p_again_s; and after a
-- day it is told that none has it, once (H-13).
CREATE OR REPLACE FUNCTION ca.note_submissions(p_id uuid, p_final boolean, p_logged boolean, p_again_s int8, p_submissions jsonb, p_process text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
BEGIN
	SELECT * INTO STRICT i FROM ca.certificate c WHERE c.id = p_id;
	UPDATE ca.precertificate p SET logged_at = CASE WHEN p_logged THEN clock_timestamp() END, asked_by = NULL,
		asked_until = CASE WHEN NOT p_logged THEN clock_timestamp() + make_interval(secs => p_again_s) END
		WHERE p.certificate_id = p_id AND p.asked_until IS NOT NULL AND (p_final OR i.lease_holder = 'logs');
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, CASE WHEN p_logged THEN 'certificate.logged' ELSE 'certificate.unlogged' END,
		i.request_id, i.account_id, i.order_id, i.id,
		jsonb_build_object('final', p_final, 'submissions', coalesce(p_submissions, '[]')));
	UPDATE ca.precertificate p SET overdue_at = clock_timestamp() WHERE p.certificate_id = p_id AND p_final AND NOT p_logged
		AND p.overdue_at IS NULL AND p.logged_at IS NULL AND i.signed_at <= now() - interval '24 h';
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'certificate.overdue', i.request_id, i.account_id, i.order_id, i.id,
			jsonb_build_object('issuer', i.issuer, 'serial', encode(i.serial, 'hex'), 'issued_at', i.signed_at));
	END IF;
END $$;

REVOKE ALL ON FUNCTION ca.resume_issuance(uuid, uuid, bytea, text, text, int8), ca.take_issuances(text, text, int8, int8),
	ca.record_precertificate(uuid, bytea, int8, int8, text), ca.fix_certificate(uuid, bytea, bytea, bytea, text, int8, jsonb, text),
	ca.take_unlogged(text, int8, int8), ca.note_submissions(uuid, boolean, boolean, int8, jsonb, text),
	ca.logs_state() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.resume_issuance(uuid, uuid, bytea, text, text, int8), ca.take_issuances(text, text, int8, int8),
	ca.record_precertificate(uuid, bytea, int8, int8, text),
	ca.fix_certificate(uuid, bytea, bytea, bytea, text, int8, jsonb, text) TO cairn_ca;
GRANT EXECUTE ON FUNCTION ca.take_unlogged(text, int8, int8), ca.note_submissions(uuid, boolean, boolean, int8, jsonb, text),
	ca.logs_state() TO cairn_ra;
GRANT EXECUTE ON FUNCTION ca.logs_state() TO cairn_operator;

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

-- The precertificate, with its event. From then on logs are asked: by the process that asked for it (p_asked_by) until p_asked_s are over. Gives
-- the one that counts: the first (D-54).
DROP FUNCTION IF EXISTS ca.record_precertificate(uuid, bytea, int8, int8, text);
CREATE OR REPLACE FUNCTION ca.record_precertificate(p_id uuid, p_der bytea, p_within_s int8, p_asked_s int8, p_process text,
	p_asked_by text DEFAULT NULL) RETURNS bytea
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
	INSERT INTO ca.precertificate (certificate_id, der, signed_at, asked_by, asked_until)
		VALUES (p_id, p_der, clock_timestamp(), p_asked_by, clock_timestamp() + make_interval(secs => p_asked_s));
	PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'precertificate.signed', i.request_id, i.account_id, i.order_id, i.id,
		jsonb_build_object('issuer', i.issuer, 'serial', encode(i.serial, 'hex'), 'sha256', encode(sha256(p_der), 'hex')));
	RETURN p_der;
END $$;

-- Logs that answered what is no SCT for what they were shown (H-3): no outage, and nobody would see it where the others are enough.
CREATE OR REPLACE FUNCTION ca.alarm_refused(p_submissions jsonb, p_process text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM log.raise_alarm('sct-refused', s->>'log', format('What it answered is no SCT for what it was shown: %s', s->>'outcome'), p_process, false)
		FROM jsonb_array_elements(coalesce(p_submissions, '[]')) s WHERE (s->>'refused')::boolean;
END $$;

-- The octets of the certificate with its SCTs, before they are signed (D-56). mine: the caller signs them. What was revoked while it waited
-- for SCTs is given up instead. p_watched: logs are held to what they promised.
CREATE OR REPLACE FUNCTION ca.fix_certificate(p_id uuid, p_precertificate bytea, p_tbs bytea, p_sct_list bytea, p_holder text, p_lease_s int8,
	p_submissions jsonb, p_watched boolean, p_process text) RETURNS SETOF ca.begun LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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
		-- In a moment it is signed; then it is shown to a log.
		UPDATE ca.precertificate SET sct_list = p_sct_list, asked_by = NULL, asked_until = clock_timestamp() + interval '3 s', tries = 0
			WHERE certificate_id = p_id;
		IF p_watched THEN
			PERFORM ca.watch_scts(p_id, p_sct_list);
		END IF;
		PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'certificate.promised', i.request_id, i.account_id, i.order_id, i.id,
			jsonb_build_object('sct_list', encode(p_sct_list, 'base64'), 'submissions', coalesce(p_submissions, '[]')));
		PERFORM ca.alarm_refused(p_submissions, p_process);
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
	UPDATE ca.precertificate p SET asked_until = NULL, asked_by = NULL WHERE p.certificate_id = p_id AND p.asked_until IS NOT NULL;
	UPDATE acme.orders
		SET error = jsonb_build_object('type', 'SERVER_INTERNAL', 'detail', 'The certificate could not be signed: order again')
		WHERE id = i.order_id AND certificate_id = p_id AND error IS NULL;
	PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'certificate.refused', i.request_id, i.account_id, i.order_id,
		i.id, jsonb_build_object('issuer', i.issuer, 'serial', encode(i.serial, 'hex'), 'why', p_why));
END $$;

-- The longest due of one queue, that nobody works on: precertificates that wait for SCTs, or (p_final) certificates that no log has yet,
-- taken for p_lease_s. A certificate that is not signed yet comes up again after that.
CREATE OR REPLACE FUNCTION ca.take_unlogged(p_final boolean, p_holder text, p_lease_s int8, p_limit int8) RETURNS TABLE (certificate_id uuid,
	der bytea, final boolean, issuer_certificate bytea, chain text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	at timestamptz := clock_timestamp(); -- a value, so that the index is read up to it and no further
	taken uuid[];
BEGIN
	IF p_final THEN
		taken := ARRAY(SELECT p.certificate_id FROM ca.precertificate p WHERE p.asked_until < at AND p.sct_list IS NOT NULL
			ORDER BY p.asked_until LIMIT p_limit FOR UPDATE SKIP LOCKED);
	ELSE
		taken := ARRAY(SELECT p.certificate_id FROM ca.precertificate p WHERE p.asked_until < at AND p.sct_list IS NULL
			ORDER BY p.asked_until LIMIT p_limit FOR UPDATE SKIP LOCKED);
	END IF;
	RETURN QUERY WITH leased AS (UPDATE ca.precertificate p SET asked_by = p_holder, asked_until = at + make_interval(secs => p_lease_s)
			WHERE p.certificate_id = ANY (taken) RETURNING p.certificate_id AS id, p.der)
		SELECT c.id, coalesce(c.der, l.der), p_final, i.certificate, i.chain
		FROM leased l JOIN ca.certificate c ON c.id = l.id JOIN ca.issuer i ON i.name = c.issuer
		WHERE CASE WHEN p_final THEN c.der IS NOT NULL ELSE c.lease_holder = 'logs' END;
END $$;

-- A new run of p_holder: what its former one took and had not done is due at once. One statement for each queue, by its index.
CREATE OR REPLACE FUNCTION ca.leave_unlogged(p_holder text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE ca.precertificate SET asked_by = NULL, asked_until = now() WHERE asked_until > now() AND sct_list IS NULL AND asked_by = p_holder;
	UPDATE ca.precertificate SET asked_by = NULL, asked_until = now() WHERE asked_until > now() AND sct_list IS NOT NULL AND asked_by = p_holder
$$;

-- For `cairn doctor` and the metrics: precertificates that wait for SCTs, certificates in no log, those of them that were issued a day ago
-- and have not ended (H-13), and the age of the oldest of these.
CREATE OR REPLACE FUNCTION ca.logs_state() RETURNS TABLE (waiting int8, unlogged int8, overdue int8, oldest_s int8) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT (SELECT count(*) FROM ca.precertificate p WHERE p.asked_until IS NOT NULL AND p.sct_list IS NULL),
		(SELECT count(*) FROM ca.precertificate p WHERE p.asked_until IS NOT NULL AND p.sct_list IS NOT NULL),
		count(c.id), coalesce(extract(epoch FROM clock_timestamp() - min(c.signed_at))::int8, 0)
	FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id
	WHERE p.asked_until IS NOT NULL AND p.sct_list IS NOT NULL AND p.signed_at <= now() - interval '24 h'
		AND c.der IS NOT NULL AND c.signed_at <= now() - interval '24 h' AND c.not_after > now()
$$;

-- When what logs were asked for in vain is tried again: an order waits half a minute at most; a certificate an hour, and from a day after it
-- was issued half a day.
CREATE OR REPLACE FUNCTION ca.ask_again_s(p_final boolean, p_tries int8, p_signed_at timestamptz) RETURNS int8 LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN NOT p_final THEN least(30, 5 * 2 ^ least(p_tries, 10))
		WHEN p_signed_at > now() - interval '24 h' THEN least(3600, 60 * 2 ^ least(p_tries, 10)) ELSE 43200 END::int8
$$;

-- What logs said, when no certificate comes of it. p_logged: one has the certificate now. Else it is tried again, the later the more often it
-- was tried; at once where it was not really tried (not p_tried), and never after the certificate has ended. Where somebody else has what
-- this one asked for, only the event tells of it. After a day it is told that no log has the certificate, once (H-13).
CREATE OR REPLACE FUNCTION ca.note_submissions(p_id uuid, p_final boolean, p_logged boolean, p_tried boolean, p_submissions jsonb, p_process text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i ca.certificate;
	open boolean;
BEGIN
	SELECT * INTO STRICT i FROM ca.certificate c WHERE c.id = p_id;
	UPDATE ca.precertificate p SET logged_at = CASE WHEN p_logged THEN clock_timestamp() END, asked_by = NULL,
		tries = p.tries + CASE WHEN p_tried THEN 1 ELSE 0 END,
		asked_until = CASE WHEN p_logged OR i.not_after <= now() THEN NULL WHEN NOT p_tried THEN clock_timestamp()
			ELSE clock_timestamp() + make_interval(secs => ca.ask_again_s(p_final, p.tries, i.signed_at)) END
		WHERE p.certificate_id = p_id AND p.asked_until IS NOT NULL AND (p.sct_list IS NOT NULL) = p_final;
	open := FOUND;
	IF p_logged OR jsonb_array_length(coalesce(p_submissions, '[]')) > 0 THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, CASE WHEN p_logged THEN 'certificate.logged'
				WHEN open THEN 'certificate.unlogged' ELSE 'certificate.asked' END,
			i.request_id, i.account_id, i.order_id, i.id,
			jsonb_build_object('final', p_final, 'submissions', coalesce(p_submissions, '[]')));
		PERFORM ca.alarm_refused(p_submissions, p_process);
	END IF;
	UPDATE ca.precertificate p SET overdue_at = clock_timestamp() WHERE p.certificate_id = p_id AND p_final AND NOT p_logged
		AND p.overdue_at IS NULL AND p.logged_at IS NULL AND i.signed_at <= now() - interval '24 h';
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'certificate.overdue', i.request_id, i.account_id, i.order_id, i.id,
			jsonb_build_object('issuer', i.issuer, 'serial', encode(i.serial, 'hex'), 'issued_at', i.signed_at));
		PERFORM log.raise_alarm('certificate-unlogged', i.issuer, 'Certificates are in no transparency log a day after they were issued: events certificate.overdue tell which',
			p_process, false);
	END IF;
END $$;

REVOKE ALL ON FUNCTION ca.resume_issuance(uuid, uuid, bytea, text, text, int8), ca.take_issuances(text, text, int8, int8),
	ca.record_precertificate(uuid, bytea, int8, int8, text, text), ca.fix_certificate(uuid, bytea, bytea, bytea, text, int8, jsonb, boolean, text),
	ca.take_unlogged(boolean, text, int8, int8), ca.note_submissions(uuid, boolean, boolean, boolean, jsonb, text),
	ca.leave_unlogged(text), ca.logs_state(), ca.ask_again_s(boolean, int8, timestamptz), ca.alarm_refused(jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.resume_issuance(uuid, uuid, bytea, text, text, int8), ca.take_issuances(text, text, int8, int8),
	ca.record_precertificate(uuid, bytea, int8, int8, text, text),
	ca.fix_certificate(uuid, bytea, bytea, bytea, text, int8, jsonb, boolean, text) TO cairn_ca;
GRANT EXECUTE ON FUNCTION ca.take_unlogged(boolean, text, int8, int8), ca.note_submissions(uuid, boolean, boolean, boolean, jsonb, text), ca.leave_unlogged(text),
	ca.logs_state() TO cairn_ra;
GRANT EXECUTE ON FUNCTION ca.logs_state() TO cairn_operator;

-- Account recovery (docs/recovery.md): claim, match, token, delay, veto, the new key. What is sealed here only cairn-subscriber can read.

-- A claim comes in. Nothing that depends on the account or the contact it names is looked at here, so the answer can't tell of either;
-- p_thumbprint is of the new key, whose holder knows by himself whether it has an account.
CREATE OR REPLACE FUNCTION vault.add_claim(p_id uuid, p_sealed bytea, p_thumbprint bytea, p_limits jsonb, p_process text, p_request uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	within_limits boolean := p_limits IS NULL OR acme.take_limits(p_limits->'uses');
BEGIN
	IF EXISTS (SELECT FROM acme.account a WHERE a.thumbprint = p_thumbprint) THEN
		PERFORM cairn.refuse('CONFLICT', 'The key that signed has an account: claim with a new one');
	ELSIF (SELECT count(*) FROM vault.claim) >= 10000 THEN
		PERFORM cairn.refuse('UNAVAILABLE', 'Too many claims wait to be looked at');
	END IF;
	INSERT INTO vault.claim (id, sealed) VALUES (p_id, p_sealed);
	PERFORM log.add_event(cairn.new_id(), p_process, 'claimant', 'recovery.claimed', p_request, NULL, NULL, NULL,
		jsonb_build_object('case', cairn.id_text(p_id), 'thumbprint', encode(p_thumbprint, 'hex')));
END $$;

CREATE OR REPLACE FUNCTION vault.next_claims(p_most int8) RETURNS TABLE (id uuid, sealed bytea) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.id, c.sealed FROM vault.claim c ORDER BY c.id LIMIT p_most
$$;

-- The account that a claim names, by its id or by a certificate that was issued to it.
CREATE OR REPLACE FUNCTION vault.claimed_account(p_account uuid, p_serial bytea, p_der bytea) RETURNS uuid LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.id FROM acme.account a WHERE a.id = coalesce(p_account, (SELECT o.account_id FROM ca.serial s
		JOIN ca.certificate k ON k.id = s.certificate_id JOIN acme.orders o ON o.id = k.order_id
		WHERE s.serial = p_serial AND k.der = p_der))
$$;

-- The event of a mail comes some seconds behind it, and so does that of a mail that there was none to send: how long a mail server takes tells
-- nothing.
CREATE OR REPLACE FUNCTION vault.some_seconds() RETURNS interval LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT random() * interval '10 s'
$$;

-- What stands in the log in the place of what would be there had the claim fitted, so that the size of the log tells nothing.
CREATE OR REPLACE FUNCTION vault.pad(p_case uuid, p_instead text, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'recovery.padding', NULL, NULL, NULL, NULL,
		jsonb_build_object('case', cairn.id_text(p_case), 'instead_of', p_instead));
END $$;

-- The account's key was used, or the account has ended: a recovery would be stopped by it, with a mail that says so.
CREATE OR REPLACE FUNCTION vault.stop_decoys(p_decoys uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one uuid;
BEGIN
	FOR one IN SELECT d.id FROM vault.decoy d WHERE d.id = ANY (p_decoys) ORDER BY d.id FOR UPDATE LOOP
		DELETE FROM vault.decoy d WHERE d.id = one;
		PERFORM vault.pad(one, 'stopped', 'database');
		INSERT INTO vault.padding (case_id, due_at) VALUES (one, now() + vault.some_seconds());
	END LOOP;
END $$;

-- A claim is looked at: whether its contact is one of the account's, or was until a short while ago. p_hash NULL: there is no such
-- account, or the claim can't be read. Gives what became of it. asked: the token is on its way to the contact.
CREATE OR REPLACE FUNCTION vault.begin_recovery(p_id uuid, p_account uuid, p_hash bytea, p_key text, p_thumbprint bytea, p_spki_sha256 bytea,
	p_token_sha256 bytea, p_address bytea, p_token bytea, p_token_s int8, p_process text) RETURNS text LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	outcome text := 'unmatched';
	replaced timestamptz;
	until timestamptz := now() + make_interval(secs => p_token_s);
	old bytea;
BEGIN
	DELETE FROM vault.claim c WHERE c.id = p_id;
	IF NOT FOUND THEN
		RETURN 'gone';
	END IF;
	SELECT a.thumbprint INTO old FROM acme.account a WHERE a.id = p_account FOR NO KEY UPDATE;
	IF p_hash IS NOT NULL AND vault.match_contact(p_account, p_hash, cairn.id_text(p_id), p_process, NULL) THEN
		SELECT max(f.replaced_at) INTO replaced FROM vault.former_contact f WHERE f.account_id = p_account AND p_hash = ANY (f.hashes)
			AND NOT EXISTS (SELECT FROM vault.contact v WHERE v.account_id = p_account AND p_hash = ANY (v.hashes));
		outcome := CASE
			WHEN EXISTS (SELECT FROM acme.account a WHERE a.thumbprint = p_thumbprint)
				OR acme.refuse_account_key(p_spki_sha256) IS NOT NULL THEN 'key'
			WHEN EXISTS (SELECT FROM vault.recovery r WHERE r.account_id = p_account AND r.status = 'waiting')
				OR (SELECT count(*) FROM vault.recovery r WHERE r.account_id = p_account AND r.status = 'asked') >= 5 THEN 'busy'
			ELSE 'asked' END;
	END IF;
	IF outcome = 'asked' THEN
		INSERT INTO vault.recovery (id, account_id, status, key, thumbprint, spki_sha256, old_thumbprint, token_sha256, address, former, replaced_at,
				token_until)
			VALUES (p_id, p_account, 'asked', p_key, p_thumbprint, p_spki_sha256, old, p_token_sha256, p_address, replaced IS NOT NULL, replaced, until);
		INSERT INTO vault.mail (id, recovery_id, kind, address, token, until)
			VALUES (cairn.new_id(), p_id, 'token', p_address, p_token, until);
	ELSE
		INSERT INTO vault.decoy (id, account_id, token_until) VALUES (p_id, (SELECT a.id FROM acme.account a WHERE a.id = p_account), until);
		INSERT INTO vault.padding (case_id, due_at) VALUES (p_id, now() + vault.some_seconds());
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', CASE outcome WHEN 'asked' THEN 'recovery.asked' ELSE 'recovery.refused' END, NULL,
		p_account, NULL, NULL, jsonb_build_object('case', cairn.id_text(p_id)) || CASE outcome WHEN 'asked'
			THEN jsonb_build_object('former', replaced IS NOT NULL, 'thumbprint', encode(p_thumbprint, 'hex')) ELSE jsonb_build_object('because', outcome) END);
	RETURN outcome;
END $$;

-- The end of a recovery: who had to do with it is told by mail to the contact, whose address is then forgotten. What was to be told before
-- is of no use any more, and a token that comes behind the end would only mislead.
CREATE OR REPLACE FUNCTION vault.end_recovery(p_id uuid, p_status text, p_because text, p_actor text, p_process text, p_request uuid,
	p_facts jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r vault.recovery;
BEGIN
	SELECT * INTO STRICT r FROM vault.recovery x WHERE x.id = p_id;
	UPDATE vault.mail m SET until = now() WHERE m.recovery_id = r.id AND m.until > now() AND m.told_at IS NULL;
	IF p_status <> 'lapsed' THEN
		INSERT INTO vault.mail (id, recovery_id, kind, address, until) VALUES (cairn.new_id(), r.id, p_status, r.address, now() + interval '3 days');
	END IF;
	UPDATE vault.recovery SET status = p_status, because = p_because, ended_at = now(), address = NULL WHERE id = r.id;
	PERFORM log.add_event(cairn.new_id(), p_process, p_actor, 'recovery.' || p_status, p_request, r.account_id, NULL, NULL,
		jsonb_build_object('case', cairn.id_text(r.id), 'because', p_because, 'was', r.status) || p_facts);
END $$;

-- The token comes back, signed by the key that it was asked for with; from now on the delay runs. A second time gives what the
-- first gave. Another's token, or one whose time is over, is as unknown as one that there never was.
CREATE OR REPLACE FUNCTION vault.confirm_recovery(p_thumbprint bytea, p_token_sha256 bytea, p_delay_s int8, p_process text, p_request uuid)
RETURNS TABLE (id uuid, account_id uuid, status text, asked_at timestamptz, ends_at timestamptz) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	r vault.recovery;
BEGIN
	SELECT * INTO r FROM vault.recovery x WHERE x.token_sha256 = p_token_sha256 AND x.thumbprint = p_thumbprint FOR UPDATE;
	IF NOT FOUND OR r.status = 'lapsed' OR (r.status = 'asked' AND r.token_until < now()) THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The token is not one that was sent for this key, or its time is over');
	ELSIF r.status = 'asked' THEN
		IF EXISTS (SELECT FROM vault.recovery x WHERE x.account_id = r.account_id AND x.status = 'waiting') THEN
			PERFORM cairn.refuse('CONFLICT', 'Another recovery of the account is under way');
		END IF;
		UPDATE vault.recovery x SET status = 'waiting', begun_at = now(), ends_at = now() + make_interval(secs => p_delay_s)
			WHERE x.id = r.id RETURNING * INTO r;
		INSERT INTO vault.mail (id, recovery_id, kind, address, until) VALUES (cairn.new_id(), r.id, 'begun', r.address, r.ends_at);
		PERFORM log.add_event(cairn.new_id(), p_process, 'claimant', 'recovery.begun', p_request, r.account_id, NULL, NULL,
			jsonb_build_object('case', cairn.id_text(r.id), 'ends_at', r.ends_at));
	END IF;
	RETURN QUERY SELECT r.id, r.account_id, r.status, r.asked_at, r.ends_at;
END $$;

-- Who has the link of a mail, or an operator, stops a recovery. p_act false: only tells how it stands.
CREATE OR REPLACE FUNCTION vault.stop_recovery(p_id uuid, p_act boolean, p_because text, p_actor text, p_process text, p_request uuid)
RETURNS TABLE (id uuid, account_id uuid, status text, asked_at timestamptz, ends_at timestamptz) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	r vault.recovery;
BEGIN
	SELECT * INTO r FROM vault.recovery x WHERE x.id = p_id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such recovery');
	ELSIF p_act AND r.ended_at IS NULL THEN
		PERFORM vault.end_recovery(r.id, 'stopped', p_because, p_actor, p_process, p_request, '{}');
		r.status := 'stopped';
	END IF;
	RETURN QUERY SELECT r.id, r.account_id, r.status, r.asked_at, r.ends_at;
END $$;

-- Whatever the account's key signed since the claim matched ends the recovery, in the transaction that records it: the key is not lost.
CREATE OR REPLACE FUNCTION vault.key_was_used() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r record;
	decoys uuid[];
BEGIN
	IF NOT EXISTS (SELECT FROM vault.recovery v WHERE v.ended_at IS NULL) AND NOT EXISTS (SELECT FROM vault.decoy) THEN
		RETURN NULL;
	END IF;
	FOR r IN SELECT v.id, (SELECT f.id FROM fresh f WHERE f.account_id = v.account_id AND f.received_at > v.asked_at ORDER BY f.id LIMIT 1) AS request
			FROM vault.recovery v WHERE v.ended_at IS NULL
				AND EXISTS (SELECT FROM fresh f WHERE f.account_id = v.account_id AND f.received_at > v.asked_at)
			ORDER BY v.id FOR UPDATE OF v LOOP
		PERFORM vault.end_recovery(r.id, 'stopped', 'the account''s key signed a request', 'account', 'database', r.request, '{}');
	END LOOP;
	SELECT array_agg(d.id ORDER BY d.id) INTO decoys FROM (SELECT DISTINCT d.id FROM fresh f JOIN vault.decoy d ON d.account_id = f.account_id
		AND f.received_at > d.asked_at) d;
	IF decoys IS NOT NULL THEN
		PERFORM vault.stop_decoys(decoys);
	END IF;
	RETURN NULL;
END $$;

-- What was proved to the CA by the old key's holder counts no more, and what he ordered ends. Pending authorizations that no order
-- has and no job works on prove nothing of him; they may stay.
CREATE OR REPLACE FUNCTION vault.end_proofs(p_account uuid) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	orders int8;
	authorizations int8;
	year_ago uuid := cairn.id_at(now() - interval '1 year');
BEGIN
	UPDATE acme.orders o SET error = jsonb_build_object('type', 'UNAUTHORIZED', 'detail', 'The account was recovered with another key')
		WHERE o.account_id = p_account AND o.id >= year_ago AND o.expires_at > now() AND o.certificate_id IS NULL AND o.error IS NULL;
	GET DIAGNOSTICS orders = ROW_COUNT;
	UPDATE acme.authz a SET ended = 'deactivated', lease_holder = NULL, lease_until = NULL
		WHERE a.account_id = p_account AND a.ended IS NULL AND a.expires_at > now() AND (a.validation_id IS NOT NULL OR a.lease_until IS NOT NULL
			OR a.id IN (SELECT unnest(o.authorizations) FROM acme.orders o WHERE o.account_id = p_account AND o.id >= year_ago));
	GET DIAGNOSTICS authorizations = ROW_COUNT;
	RETURN jsonb_build_object('orders', orders, 'authorizations', authorizations);
END $$;

-- Who recovers an account by a contact that had been replaced did not replace it: what was given since goes, so that it gives nobody the account
-- again. What a hold keeps is put aside.
CREATE OR REPLACE FUNCTION vault.drop_contacts_behind(p_account uuid, p_at timestamptz, p_process text) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM vault.former_contact f WHERE f.account_id = p_account AND f.replaced_at > p_at;
	PERFORM vault.keep_held(v) FROM vault.contact v WHERE v.account_id = p_account;
	DELETE FROM vault.contact v WHERE v.account_id = p_account;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'recovery.deleted', NULL, p_account, NULL, NULL,
			jsonb_build_object('because', 'the account was recovered by a contact that stood before'));
	END IF;
END $$;

-- The next recovery whose delay is over: the account gets its new key, if it and the key are still what they were. A minute more is given
-- to records of front ends that are under way. NULL: there is none; else what became of it. Locks the account before the recovery, as
-- what ends accounts does.
CREATE OR REPLACE FUNCTION vault.finish_recovery(p_process text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r vault.recovery;
	a acme.account;
	trouble text;
BEGIN
	SELECT * INTO r FROM vault.recovery x WHERE x.status = 'waiting' AND x.ends_at + least(x.ends_at - x.begun_at, interval '1 minute') <= now()
		ORDER BY x.ends_at LIMIT 1;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	SELECT * INTO a FROM acme.account x WHERE x.id = r.account_id FOR UPDATE;
	PERFORM FROM vault.recovery x WHERE x.id = r.id AND x.status = 'waiting' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'stopped';
	END IF;
	trouble := CASE WHEN a.status IS DISTINCT FROM 'valid' OR a.thumbprint <> r.old_thumbprint THEN 'the account is not what it was'
		WHEN acme.refuse_account_key(r.spki_sha256) IS NOT NULL THEN 'the new key is blocked, or that of a certificate' END;
	IF trouble IS NULL THEN
		BEGIN
			UPDATE acme.account x SET key = r.key, thumbprint = r.thumbprint WHERE x.id = a.id;
		EXCEPTION WHEN unique_violation THEN
			trouble := 'the new key has an account of its own';
		END;
	END IF;
	IF trouble IS NOT NULL THEN
		PERFORM vault.end_recovery(r.id, 'stopped', trouble, 'cairn', p_process, NULL, '{}');
		RETURN 'stopped';
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_process, 'recovery', 'account.key_changed', NULL, a.id, NULL, NULL, jsonb_build_object(
		'old_thumbprint', encode(a.thumbprint, 'hex'), 'old_key', a.key::jsonb, 'thumbprint', encode(r.thumbprint, 'hex'), 'key', r.key::jsonb,
		'case', cairn.id_text(r.id)));
	IF r.replaced_at IS NOT NULL THEN
		PERFORM vault.drop_contacts_behind(a.id, r.replaced_at, p_process);
	END IF;
	PERFORM vault.end_recovery(r.id, 'done', 'the delay is over', 'cairn', p_process, NULL, vault.end_proofs(a.id));
	RETURN 'done';
END $$;

-- The record of a mail whose end has come.
CREATE OR REPLACE FUNCTION vault.end_mail(p_mail vault.mail, p_told boolean, p_process text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM vault.mail x WHERE x.id = p_mail.id;
	PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', CASE WHEN p_told THEN 'recovery.told' ELSE 'recovery.untold' END, NULL,
		(SELECT r.account_id FROM vault.recovery r WHERE r.id = p_mail.recovery_id), NULL, NULL,
		jsonb_build_object('case', cairn.id_text(p_mail.recovery_id), 'mail', p_mail.kind, 'tries', p_mail.tries));
END $$;

-- Claims whose token did not come back end; what ended 30 days ago is forgotten here, its events stay. Mails that are of no use any more are
-- given up, two minutes later than that, as one may be on its way. How many recoveries lapsed.
CREATE OR REPLACE FUNCTION vault.lapse_recoveries(p_process text) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one uuid;
	n int8 := 0;
BEGIN
	FOR one IN SELECT r.id FROM vault.recovery r WHERE r.status = 'asked' AND r.token_until < now() ORDER BY r.id FOR UPDATE SKIP LOCKED LOOP
		PERFORM vault.end_recovery(one, 'lapsed', 'the token did not come back in time', 'cairn', p_process, NULL, '{}');
		n := n + 1;
	END LOOP;
	FOR one IN DELETE FROM vault.decoy d WHERE d.token_until < now() RETURNING d.id LOOP
		PERFORM vault.pad(one, 'lapsed', p_process);
	END LOOP;
	PERFORM vault.end_mail(m, m.told_at IS NOT NULL, p_process) FROM vault.mail m
		WHERE CASE WHEN m.told_at IS NULL THEN m.until < now() - interval '2 minutes' ELSE m.next_at <= now() END;
	FOR one IN DELETE FROM vault.padding x WHERE x.due_at <= now() RETURNING x.case_id LOOP
		PERFORM vault.pad(one, 'told', p_process);
	END LOOP;
	DELETE FROM vault.recovery r WHERE r.ended_at < now() - interval '30 days';
	RETURN n;
END $$;

CREATE OR REPLACE FUNCTION vault.next_mails(p_most int8) RETURNS TABLE (id uuid, recovery_id uuid, account_id uuid, kind text, address bytea,
	token bytea, asked_at timestamptz, token_until timestamptz, ends_at timestamptz, because text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT m.id, r.id, r.account_id, m.kind, m.address, m.token, r.asked_at, r.token_until, r.ends_at, r.because
	FROM vault.mail m JOIN vault.recovery r ON r.id = m.recovery_id WHERE m.next_at <= now() AND m.until > now() AND m.told_at IS NULL
	ORDER BY m.next_at LIMIT p_most
$$;

-- What became of a mail: sent, then the address and the token are forgotten; or failed, then it is tried again, less and less often, until its
-- time is over. Gives whether it was the end of it.
CREATE OR REPLACE FUNCTION vault.mail_tried(p_id uuid, p_outcome text, p_process text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	m vault.mail;
BEGIN
	UPDATE vault.mail x SET tries = x.tries + 1, next_at = now() + least(interval '30 s' * 2 ^ least(x.tries, 10), interval '1 hour')
		WHERE x.id = p_id AND x.told_at IS NULL RETURNING * INTO m;
	IF NOT FOUND THEN
		RETURN true;
	ELSIF p_outcome = 'failed' AND m.next_at < m.until THEN
		RETURN false;
	ELSIF p_outcome = 'sent' THEN
		UPDATE vault.mail x SET address = NULL, token = NULL, told_at = now(), next_at = now() + vault.some_seconds() WHERE x.id = p_id;
	ELSE
		PERFORM vault.end_mail(m, false, p_process);
	END IF;
	RETURN true;
END $$;

-- For operators; never a contact. The newest stand first.
CREATE OR REPLACE FUNCTION vault.list_recoveries(p_id uuid, p_all boolean) RETURNS TABLE (id uuid, account_id uuid, status text, former boolean,
	thumbprint bytea, old_thumbprint bytea, asked_at timestamptz, token_until timestamptz, begun_at timestamptz, ends_at timestamptz,
	ended_at timestamptz, because text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT r.id, r.account_id, r.status, r.former, r.thumbprint, r.old_thumbprint, r.asked_at, r.token_until, r.begun_at, r.ends_at, r.ended_at,
		r.because FROM vault.recovery r WHERE CASE WHEN p_id IS NOT NULL THEN r.id = p_id ELSE p_all OR r.ended_at IS NULL END
	ORDER BY r.id DESC LIMIT 1000
$$;

REVOKE ALL ON FUNCTION vault.add_claim(uuid, bytea, bytea, jsonb, text, uuid), vault.next_claims(int8), vault.claimed_account(uuid, bytea, bytea),
	vault.begin_recovery(uuid, uuid, bytea, text, bytea, bytea, bytea, bytea, bytea, int8, text),
	vault.end_recovery(uuid, text, text, text, text, uuid, jsonb), vault.confirm_recovery(bytea, bytea, int8, text, uuid),
	vault.stop_recovery(uuid, boolean, text, text, text, uuid), vault.key_was_used(), vault.end_proofs(uuid), vault.finish_recovery(text),
	vault.some_seconds(), vault.pad(uuid, text, text), vault.stop_decoys(uuid[]), vault.drop_contacts_behind(uuid, timestamptz, text),
	vault.lapse_recoveries(text), vault.end_mail(vault.mail, boolean, text), vault.next_mails(int8), vault.mail_tried(uuid, text, text), vault.list_recoveries(uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.add_claim(uuid, bytea, bytea, jsonb, text, uuid), vault.next_claims(int8), vault.claimed_account(uuid, bytea, bytea),
	vault.begin_recovery(uuid, uuid, bytea, text, bytea, bytea, bytea, bytea, bytea, int8, text),
	vault.confirm_recovery(bytea, bytea, int8, text, uuid), vault.stop_recovery(uuid, boolean, text, text, text, uuid),
	vault.finish_recovery(text), vault.lapse_recoveries(text), vault.next_mails(int8), vault.mail_tried(uuid, text, text) TO cairn_subscriber;
GRANT EXECUTE ON FUNCTION vault.list_recoveries(uuid, boolean), vault.stop_recovery(uuid, boolean, text, text, text, uuid) TO cairn_operator;

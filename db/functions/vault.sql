-- Of contacts that are replaced or deleted the keyed hashes stay for a while (vault.policy): by them, who had the account before its key
-- was stolen can still claim it. The oldest stay, whatever comes behind them, as they are the owner's.
CREATE OR REPLACE FUNCTION vault.keep_former(p_old vault.contact) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_old.account_id IS NOT NULL AND (SELECT p.former_s FROM vault.policy p) > 0
		AND (SELECT count(*) FROM vault.former_contact f WHERE f.account_id = p_old.account_id) < 50 THEN
		INSERT INTO vault.former_contact (account_id, hashes) VALUES (p_old.account_id, p_old.hashes);
	END IF;
END $$;

-- What a hold keeps is put aside, sealed as it is, when its account has it no more (G-56). No event says so: who is held may have to be kept
-- from knowing (G-52).
CREATE OR REPLACE FUNCTION vault.keep_held(p_old vault.contact) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO vault.held_contact (account_id, sealed, changed_at) SELECT p_old.account_id, p_old.sealed, p_old.changed_at
		WHERE vault.is_held(p_old.account_id, p_old.changed_at);
END $$;

-- Gives, replaces or (p_sealed NULL) deletes the recovery contacts of an account, if the key that signed is its key. outcome: set,
-- replaced, deleted, unchanged (the same contacts again, by their hashes: a second run of a call whose answer was lost) or
-- none (nothing to delete). Deleting is never refused by a limit (G-22). Each change is an event that says that, not what.
CREATE OR REPLACE FUNCTION vault.set_contacts(p_account uuid, p_thumbprint bytea, p_sealed bytea, p_hashes bytea[], p_process text,
	p_request uuid, p_limits jsonb) RETURNS TABLE (outcome text, changed_at timestamptz) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	checked boolean;
	old vault.contact;
BEGIN
	-- An account that ends at this moment ends before or behind this: with it in the first case, with its contacts in the second.
	PERFORM FROM acme.account a WHERE a.id = p_account FOR NO KEY UPDATE;
	checked := acme.check_account(p_account, p_thumbprint);
	SELECT * INTO old FROM vault.contact v WHERE v.account_id = p_account;
	IF p_sealed IS NULL THEN
		PERFORM vault.keep_former(old), vault.keep_held(old);
		DELETE FROM vault.contact v WHERE v.account_id = p_account;
		outcome := CASE WHEN FOUND THEN 'deleted' ELSE 'none' END;
	ELSIF old.hashes = p_hashes THEN
		outcome := 'unchanged';
		changed_at := old.changed_at;
	ELSE
		checked := p_limits IS NULL OR acme.take_limits(p_limits->'uses');
		PERFORM vault.keep_former(old), vault.keep_held(old);
		INSERT INTO vault.contact AS v (account_id, sealed, hashes) VALUES (p_account, p_sealed, p_hashes)
			ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, hashes = excluded.hashes, changed_at = now();
		outcome := CASE WHEN old.account_id IS NULL THEN 'set' ELSE 'replaced' END;
		changed_at := now();
	END IF;
	IF outcome IN ('set', 'replaced', 'deleted') THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'recovery.' || outcome, p_request, p_account, NULL, NULL,
			'{}'::jsonb);
	END IF;
	RETURN NEXT;
END $$;

-- Whether an account has recovery contacts, and since when, and how the last recovery of it stands, if there was one of late: so its holder
-- learns of one that his key has stopped. Only for the key of the account.
CREATE OR REPLACE FUNCTION vault.contacts_status(p_account uuid, p_thumbprint bytea)
RETURNS TABLE (changed_at timestamptz, recovery text, claimed_at timestamptz) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	checked boolean := acme.check_account(p_account, p_thumbprint);
BEGIN
	RETURN QUERY SELECT v.changed_at, r.status, r.asked_at FROM (SELECT) one LEFT JOIN vault.contact v ON v.account_id = p_account
		LEFT JOIN LATERAL (SELECT x.status, x.asked_at FROM vault.recovery x WHERE x.account_id = p_account ORDER BY x.id DESC LIMIT 1) r ON true;
END $$;

-- Whether a claimed contact is one of an account's, or was until a short while ago, by its keyed hash. Who asks says for which case, and
-- the answer is on record (G-13).
CREATE OR REPLACE FUNCTION vault.match_contact(p_account uuid, p_hash bytea, p_case text, p_process text, p_request uuid)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	matched boolean := EXISTS (SELECT FROM acme.account a WHERE a.id = p_account AND a.status = 'valid'
		AND (EXISTS (SELECT FROM vault.contact v WHERE v.account_id = a.id AND p_hash = ANY (v.hashes))
			OR EXISTS (SELECT FROM vault.former_contact f, vault.policy p WHERE f.account_id = a.id AND p_hash = ANY (f.hashes)
				AND f.replaced_at > now() - make_interval(secs => p.former_s))));
BEGIN
	IF coalesce(p_case, '') = '' THEN
		PERFORM cairn.refuse('MALFORMED', 'A match of recovery contacts needs the id of a case');
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'recovery.matched', p_request, p_account, NULL, NULL,
		jsonb_build_object('case', p_case, 'matched', matched));
	RETURN matched;
END $$;

-- Contacts of an account as they are sealed: those of now; where there are none, the last that a hold has kept.
CREATE OR REPLACE FUNCTION vault.sealed_of(p_account uuid, p_before timestamptz) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT x.sealed FROM (
		SELECT v.sealed, v.changed_at, 'infinity'::timestamptz AS ended_at FROM vault.contact v WHERE v.account_id = p_account
		UNION ALL SELECT h.sealed, h.changed_at, h.ended_at FROM vault.held_contact h WHERE h.account_id = p_account) x
		WHERE x.changed_at < p_before OR p_before IS NULL ORDER BY x.ended_at DESC LIMIT 1
$$;
REVOKE ALL ON FUNCTION vault.sealed_of(uuid, timestamptz) FROM PUBLIC;

-- What is sealed of one account, for the custodians to open; nobody gets it without a case, and each time is on record (G-13). It
-- takes one custodian of each group to read it (G-14).
-- p_before: only what was given before; NULL: whatever there is.
DROP FUNCTION IF EXISTS vault.take_sealed(uuid, text, text);
CREATE OR REPLACE FUNCTION vault.take_sealed(p_account uuid, p_case text, p_actor text, p_before timestamptz) RETURNS bytea LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found_sealed bytea;
BEGIN
	IF coalesce(p_case, '') = '' OR coalesce(p_actor, '') = '' THEN
		PERFORM cairn.refuse('MALFORMED', 'Recovery contacts are taken from the vault for a case, by somebody');
	END IF;
	found_sealed := vault.sealed_of(p_account, p_before);
	-- without the account: its holder may have to be kept from knowing (G-52); the step of the case names it
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'recovery.taken', NULL, NULL, NULL, NULL,
		jsonb_build_object('case', p_case, 'rows', CASE WHEN found_sealed IS NULL THEN 0 ELSE 1 END));
	RETURN found_sealed;
END $$;

-- Deletes, by the lease of the purge, contacts that were frozen for longer than the term of class RECOVERY and that no hold keeps, at
-- most so many at once, what no hold keeps any more, and hashes of former contacts whose time has passed. How many contacts they were;
-- without a term none of those that are frozen.
CREATE OR REPLACE FUNCTION vault.purge_frozen(p_holder text, p_most int8) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one uuid;
	gone int8 := 0;
	released int8;
	former int8;
	term_s int8;
BEGIN
	PERFORM cairn.hold_lease(p_holder);
	LOCK TABLE cairn.hold IN SHARE MODE;
	SELECT least(r.clear_s, r.keep_s) INTO term_s FROM cairn.retention r WHERE r.class = 'RECOVERY' ORDER BY r.version DESC LIMIT 1;
	DELETE FROM vault.former_contact f WHERE f.replaced_at < now() - make_interval(secs => (SELECT p.former_s FROM vault.policy p));
	GET DIAGNOSTICS former = ROW_COUNT;
	DELETE FROM vault.held_contact h WHERE NOT vault.is_held(h.account_id, h.changed_at);
	GET DIAGNOSTICS released = ROW_COUNT;
	IF released > 0 THEN
		PERFORM log.add_event(cairn.new_id(), p_holder, 'retention', 'recovery.released', NULL, NULL, NULL, NULL, jsonb_build_object('rows', released));
	END IF;
	FOR one IN DELETE FROM vault.contact v WHERE v.account_id IN (SELECT f.account_id FROM vault.contact f
			WHERE f.frozen_at < now() - make_interval(secs => term_s) AND NOT vault.is_held(f.account_id, f.changed_at)
			ORDER BY f.frozen_at LIMIT p_most FOR UPDATE SKIP LOCKED) RETURNING v.account_id LOOP
		PERFORM log.add_event(cairn.new_id(), p_holder, 'retention', 'recovery.deleted', NULL, one, NULL, NULL,
			jsonb_build_object('because', 'retention'));
		gone := gone + 1;
	END LOOP;
	UPDATE cairn.retained t SET purged = t.purged + x.n, purged_at = now() FROM (VALUES ('vault.contact', gone + released), ('vault.former_contact', former)) x (name, n)
		WHERE t.name = x.name AND x.n > 0;
	RETURN gone;
END $$;

-- How the contacts stand by a term from the account's end, and what is left of former ones by that of the configuration: for the
-- retention report, in numbers that name nobody.
CREATE OR REPLACE FUNCTION vault.retention_line(p_name text, p_term_s int8, p_most int8, OUT term_s int8, OUT oldest_at timestamptz, OUT due int8, OUT held int8)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_name = 'vault.former_contact' THEN
		SELECT p.former_s INTO term_s FROM vault.policy p;
		SELECT min(f.replaced_at) INTO oldest_at FROM vault.former_contact f;
		SELECT count(*), 0 INTO due, held FROM (SELECT FROM vault.former_contact f WHERE f.replaced_at < now() - make_interval(secs => term_s) LIMIT p_most) x;
		RETURN;
	END IF;
	term_s := p_term_s;
	SELECT min(x.at) INTO oldest_at FROM (SELECT v.frozen_at AS at FROM vault.contact v UNION ALL SELECT h.ended_at FROM vault.held_contact h) x;
	SELECT count(*), count(*) FILTER (WHERE vault.is_held(x.account_id, x.changed_at)) INTO due, held FROM (
		SELECT v.account_id, v.changed_at FROM vault.contact v WHERE v.frozen_at < now() - make_interval(secs => p_term_s)
		UNION ALL SELECT h.account_id, h.changed_at FROM vault.held_contact h LIMIT p_most) x;
END $$;

-- Whether the contacts of an account meet all conditions of a hold (docs/retention.md); no contact is about an address.
CREATE OR REPLACE FUNCTION vault.is_held(p_account uuid, p_changed timestamptz) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM cairn.hold h WHERE h.ended_at IS NULL AND h.ends_at > now() AND h.network IS NULL
		AND (h.account_id IS NULL OR h.account_id = p_account) AND (h.since IS NULL OR p_changed >= h.since)
		AND (h.until IS NULL OR p_changed < h.until) AND (num_nonnulls(h.name, h.serial) = 0
			OR EXISTS (SELECT FROM cairn.hold_order o WHERE o.hold_id = h.id AND o.account_id = p_account)))
$$;

-- G-21: the policy is in the database, as an account may end by way of any process, or of an operator.
CREATE OR REPLACE FUNCTION vault.set_policy(p_ended_accounts text, p_former_s int8, p_process text) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE vault.policy p SET ended_accounts = p_ended_accounts, former_s = p_former_s
		WHERE p.ended_accounts <> p_ended_accounts OR p.former_s <> p_former_s;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'recovery.policy', NULL, NULL, NULL, NULL,
			jsonb_build_object('ended_accounts', p_ended_accounts, 'former_s', p_former_s));
	END IF;
END $$;

CREATE OR REPLACE FUNCTION vault.account_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	kept boolean := (SELECT p.ended_accounts = 'freeze' FROM vault.policy p);
	under_way uuid;
BEGIN
	FOR under_way IN SELECT r.id FROM vault.recovery r WHERE r.account_id = NEW.id AND r.ended_at IS NULL FOR UPDATE LOOP
		PERFORM vault.end_recovery(under_way, 'stopped', 'the account has ended', 'cairn', 'database', NULL, '{}');
	END LOOP;
	PERFORM vault.stop_decoys(ARRAY(SELECT d.id FROM vault.decoy d WHERE d.account_id = NEW.id));
	DELETE FROM vault.former_contact f WHERE f.account_id = NEW.id;
	IF kept THEN
		UPDATE vault.contact v SET frozen_at = now() WHERE v.account_id = NEW.id;
	ELSE
		PERFORM vault.keep_held(v) FROM vault.contact v WHERE v.account_id = NEW.id;
		DELETE FROM vault.contact v WHERE v.account_id = NEW.id;
	END IF;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), 'database', 'cairn', CASE WHEN kept THEN 'recovery.frozen' ELSE 'recovery.deleted' END,
			NULL, NEW.id, NULL, NULL, jsonb_build_object('because', NEW.status));
	END IF;
	RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION vault.set_contacts(uuid, bytea, bytea, bytea[], text, uuid, jsonb), vault.contacts_status(uuid, bytea),
	vault.match_contact(uuid, bytea, text, text, uuid), vault.take_sealed(uuid, text, text, timestamptz),
	vault.purge_frozen(text, int8), vault.set_policy(text, int8, text), vault.keep_former(vault.contact), vault.keep_held(vault.contact), vault.is_held(uuid, timestamptz),
	vault.retention_line(text, int8, int8),
	vault.account_ended() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.set_contacts(uuid, bytea, bytea, bytea[], text, uuid, jsonb), vault.contacts_status(uuid, bytea),
	vault.match_contact(uuid, bytea, text, text, uuid), vault.purge_frozen(text, int8), vault.set_policy(text, int8, text)
	TO cairn_subscriber;
-- For disclosure.take alone, which is a step of a case (db/functions/disclosure.sql).
REVOKE ALL ON FUNCTION vault.take_sealed(uuid, text, text, timestamptz) FROM cairn_officer;

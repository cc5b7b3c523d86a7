-- newAccount (RFC 8555 7.3): one account a key, also in a race (A-63); a known key gets its account unchanged (A-51).
CREATE OR REPLACE FUNCTION acme.new_account(p_id uuid, p_key text, p_thumbprint bytea, p_spki_sha256 bytea, p_terms text,
	p_terms_missing boolean, p_only_existing boolean, p_process text, p_request uuid, p_limits jsonb DEFAULT NULL)
RETURNS TABLE (id uuid, status text, key text, thumbprint bytea, terms_agreed boolean, created_at timestamptz, created boolean)
LANGUAGE plpgsql AS $$
DECLARE
	was_created boolean := false;
	within_limits boolean;
	refusal text;
BEGIN
	IF NOT EXISTS (SELECT FROM acme.account a WHERE a.thumbprint = p_thumbprint) THEN
		IF p_only_existing THEN
			PERFORM cairn.refuse('ACCOUNT_DOES_NOT_EXIST', 'There is no account with this key'); -- A-52
		ELSIF p_terms_missing THEN
			PERFORM cairn.refuse('USER_ACTION_REQUIRED',
				'The terms of service must be agreed to: set termsOfServiceAgreed to true'); -- A-54
		END IF;
		refusal := acme.refuse_account_key(p_spki_sha256); -- A-24, F-24, F-25
		IF refusal IS NOT NULL THEN
			PERFORM acme.tell_account_key(refusal);
		END IF;
		INSERT INTO acme.account (id, status, key, thumbprint, terms_agreed)
		VALUES (p_id, 'valid', p_key, p_thumbprint, p_terms) ON CONFLICT ON CONSTRAINT account_thumbprint_key DO NOTHING;
		was_created := FOUND;
		IF was_created THEN
			within_limits := p_limits IS NULL OR acme.take_limits(p_limits->'uses'); -- 0014; a refusal takes the account back
			-- F-60: the version of the terms is their URL.
			PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.created', p_request, p_id, NULL, NULL,
				jsonb_build_object('thumbprint', encode(p_thumbprint, 'hex'), 'terms_agreed', p_terms));
		END IF;
	END IF;
	RETURN QUERY SELECT a.id, a.status, a.key, a.thumbprint, a.terms_agreed IS NOT NULL, a.created_at, was_created
		FROM acme.account a WHERE a.thumbprint = p_thumbprint;
END $$;

-- keyChange (RFC 8555 7.3.5): another key by compare-and-set on the one that signed. The account stays what it is, with its
-- binding, orders and authorizations (A-72). held_by: the key belongs to this account already, nothing was changed (A-70); the
-- key of an account that has ended stays its own. A second run of a call whose answer was lost finds the key changed.
-- Runs as the owner: nobody else may write a key into an account that is there.
CREATE OR REPLACE FUNCTION acme.change_key(p_account uuid, p_old bytea, p_key text, p_thumbprint bytea, p_spki_sha256 bytea,
	p_process text, p_request uuid, p_limits jsonb DEFAULT NULL)
RETURNS TABLE (id uuid, status text, key text, thumbprint bytea, terms_agreed boolean, created_at timestamptz, held_by uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	checked boolean;
	old_key text;
	refusal text := acme.refuse_account_key(p_spki_sha256); -- A-71, F-24, F-25
BEGIN
	SELECT a.key INTO old_key FROM acme.account a
		WHERE a.id = p_account AND a.thumbprint = p_old AND a.status = 'valid' FOR UPDATE;
	IF FOUND THEN
		IF refusal IS NOT NULL THEN
			PERFORM acme.tell_account_key(refusal);
		END IF;
		SELECT a.id INTO held_by FROM acme.account a WHERE a.thumbprint = p_thumbprint;
		IF held_by IS NULL THEN
			BEGIN
				UPDATE acme.account a SET key = p_key, thumbprint = p_thumbprint WHERE a.id = p_account;
				checked := p_limits IS NULL OR acme.take_limits(p_limits->'uses');
				PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.key_changed', p_request, p_account, NULL,
					NULL, jsonb_build_object('old_thumbprint', encode(p_old, 'hex'), 'old_key', old_key::jsonb,
						'thumbprint', encode(p_thumbprint, 'hex'), 'key', p_key::jsonb));
			EXCEPTION WHEN unique_violation THEN -- another account got it meanwhile (A-63)
				SELECT a.id INTO held_by FROM acme.account a WHERE a.thumbprint = p_thumbprint;
				IF held_by IS NULL THEN
					PERFORM cairn.refuse('CONFLICT', 'Another request is changing to the same key');
				END IF;
			END;
		END IF;
	ELSIF NOT EXISTS (SELECT FROM acme.account a
		WHERE a.id = p_account AND a.thumbprint = p_thumbprint AND a.status = 'valid') THEN
		checked := acme.check_account(p_account, p_old);
		PERFORM cairn.refuse('CONFLICT', 'Another request is changing the key of the account');
	END IF;
	SELECT a.id, a.status, a.key, a.thumbprint, a.terms_agreed IS NOT NULL, a.created_at
		INTO id, status, key, thumbprint, terms_agreed, created_at FROM acme.account a WHERE a.id = p_account;
	RETURN NEXT;
END $$;

-- The MAC key of an external account key, or NULL. Whoever asks for it tries a binding, so that counts as a wrong attempt until it has
-- made or found an account (A-46, A-67). A second run, when the answer of the first was lost, takes one more, which time gives back.
CREATE OR REPLACE FUNCTION acme.find_eab_secret(p_key uuid, p_limits jsonb) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	checked boolean := p_limits IS NULL OR acme.take_limits(p_limits->'uses');
BEGIN
	RETURN (SELECT s.mac_key FROM acme.eab_secret s WHERE s.key_id = p_key);
END $$;

-- newAccount with a binding whose MAC was verified. The key's use is taken in the transaction that makes the account; the
-- lock lines up those who use one key at once. An account that is there stays as it is, and takes no use (A-51). p_attempt: what
-- acme.find_eab_secret took before, which was no wrong attempt; a second run, which finds the account that the first one made, gives
-- nothing back.
CREATE OR REPLACE FUNCTION acme.new_bound_account(p_id uuid, p_key text, p_thumbprint bytea, p_spki_sha256 bytea, p_terms text,
	p_terms_missing boolean, p_only_existing boolean, p_process text, p_request uuid, p_eab_key uuid, p_binding jsonb,
	p_limits jsonb DEFAULT NULL, p_attempt jsonb DEFAULT NULL)
RETURNS TABLE (id uuid, status text, key text, thumbprint bytea, terms_agreed boolean, created_at timestamptz, created boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k acme.eab_key;
	made record;
BEGIN
	SELECT * INTO k FROM acme.eab_key e WHERE e.id = p_eab_key FOR UPDATE;
	IF NOT p_only_existing AND NOT EXISTS (SELECT FROM acme.account a WHERE a.thumbprint = p_thumbprint) THEN
		PERFORM acme.check_eab_key(k);
	END IF;
	SELECT * INTO STRICT made FROM acme.new_account(p_id, p_key, p_thumbprint, p_spki_sha256, p_terms, p_terms_missing,
		p_only_existing, p_process, p_request, p_limits);
	IF made.created THEN
		UPDATE acme.eab_key e SET accounts = e.accounts + 1 WHERE e.id = p_eab_key;
		INSERT INTO acme.account_binding (account_id, key_id, binding) VALUES (made.id, p_eab_key, p_binding);
		PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.bound', p_request, made.id, NULL, NULL,
			jsonb_build_object('eab_key', cairn.id_text(p_eab_key), 'label', k.label));
	END IF;
	IF p_attempt IS NOT NULL AND (made.created OR made.id <> p_id) THEN
		PERFORM acme.give_back(p_attempt->'uses');
	END IF;
	RETURN QUERY SELECT made.id, made.status, made.key, made.thumbprint, made.terms_agreed, made.created_at, made.created;
END $$;

REVOKE ALL ON FUNCTION acme.change_key(uuid, bytea, text, bytea, bytea, text, uuid, jsonb), acme.find_eab_secret(uuid, jsonb),
	acme.new_bound_account(uuid, text, bytea, bytea, text, boolean, boolean, text, uuid, uuid, jsonb, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.change_key(uuid, bytea, text, bytea, bytea, text, uuid, jsonb), acme.find_eab_secret(uuid, jsonb),
	acme.new_bound_account(uuid, text, bytea, bytea, text, boolean, boolean, text, uuid, uuid, jsonb, jsonb, jsonb) TO cairn_ra;

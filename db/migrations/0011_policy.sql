-- Who may have an account and which names: external account keys (RFC 8555 7.3.4). Rows that a decision rests on are never
-- changed: a key's bounds stay as they were made, so that a decision can be explained later.

CREATE TABLE acme.eab_key (
	id uuid PRIMARY KEY,
	lineage uuid NOT NULL REFERENCES acme.eab_key,
	label text NOT NULL,
	max_accounts int CHECK (max_accounts > 0),
	accounts int NOT NULL DEFAULT 0 CHECK (accounts >= 0 AND accounts <= max_accounts), -- single use also in a race (A-67)
	names text[] NOT NULL,
	networks cidr[] NOT NULL,
	profiles text[] NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	disabled_at timestamptz,
	bounded boolean NOT NULL GENERATED ALWAYS AS (cardinality(names) + cardinality(networks) + cardinality(profiles) > 0) STORED
);
COMMENT ON TABLE acme.eab_key IS 'External account keys: what an operator hands out so that its holder may make an account';
COMMENT ON COLUMN acme.eab_key.id IS 'SUB-CERT: the kid, in 22 characters';
COMMENT ON COLUMN acme.eab_key.lineage IS 'SUB-CERT: the first key of those that came of it by rotation; itself for a new one';
COMMENT ON COLUMN acme.eab_key.label IS 'OPS: what the operator calls it; no customer is named here (RECOVERY)';
COMMENT ON COLUMN acme.eab_key.max_accounts IS 'SUB-CERT: accounts that may be made with it; NULL: any number';
COMMENT ON COLUMN acme.eab_key.accounts IS 'SUB-CERT: accounts that were made with it';
COMMENT ON COLUMN acme.eab_key.names IS 'SUB-CERT: patterns of the names that its accounts may have';
COMMENT ON COLUMN acme.eab_key.networks IS 'SUB-CERT: addresses that its accounts may have; none here and in names: whatever the policy gives';
COMMENT ON COLUMN acme.eab_key.profiles IS 'SUB-CERT: profiles that its accounts may use; none: all';
COMMENT ON COLUMN acme.eab_key.created_at IS 'SUB-CERT: when it was made';
COMMENT ON COLUMN acme.eab_key.expires_at IS 'SUB-CERT: when it stops making accounts';
COMMENT ON COLUMN acme.eab_key.disabled_at IS 'SUB-CERT: when an operator stopped it';
COMMENT ON COLUMN acme.eab_key.bounded IS 'SUB-CERT: it binds its accounts to names or profiles';

-- Apart from the key's facts, as nobody but who checks a MAC may read it.
CREATE TABLE acme.eab_secret (
	key_id uuid PRIMARY KEY REFERENCES acme.eab_key,
	mac_key bytea NOT NULL CHECK (octet_length(mac_key) >= 32)
);
COMMENT ON TABLE acme.eab_secret IS 'MAC keys of external account keys, deleted when the key is disabled';
COMMENT ON COLUMN acme.eab_secret.key_id IS 'SUB-CERT: external account key';
COMMENT ON COLUMN acme.eab_secret.mac_key IS 'OPS: the secret, shown once to who made it (F-48, G-6)';

CREATE TABLE acme.account_binding (
	account_id uuid PRIMARY KEY REFERENCES acme.account,
	key_id uuid NOT NULL REFERENCES acme.eab_key,
	binding jsonb NOT NULL,
	bound_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX account_binding_key ON acme.account_binding (key_id);
COMMENT ON TABLE acme.account_binding IS 'Which external account key an account was made with';
COMMENT ON COLUMN acme.account_binding.account_id IS 'SUB-CERT: account';
COMMENT ON COLUMN acme.account_binding.key_id IS 'SUB-CERT: external account key';
COMMENT ON COLUMN acme.account_binding.binding IS 'SUB-CERT: externalAccountBinding as sent and verified (A-66)';
COMMENT ON COLUMN acme.account_binding.bound_at IS 'SUB-CERT: when';

CREATE VIEW front.account_binding AS SELECT account_id, binding FROM acme.account_binding;
GRANT SELECT ON front.account_binding TO cairn_wfe;

-- What hinders a key from making one more account; only who knows its secret is told.
CREATE FUNCTION acme.check_eab_key(k acme.eab_key) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF k.id IS NULL OR k.disabled_at IS NOT NULL THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The external account key is disabled');
	ELSIF k.expires_at <= now() THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The external account key has expired');
	ELSIF k.accounts >= k.max_accounts THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The external account key was used already');
	END IF;
END $$;

-- newAccount with a binding whose MAC was verified. The key's use is taken in the transaction that makes the account; the
-- lock lines up those who use one key at once. An account that is there stays as it is, and takes no use (A-51).
CREATE FUNCTION acme.new_bound_account(p_id uuid, p_key text, p_thumbprint bytea, p_spki_sha256 bytea, p_terms text,
	p_terms_missing boolean, p_only_existing boolean, p_process text, p_request uuid, p_eab_key uuid, p_binding jsonb)
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
		p_only_existing, p_process, p_request);
	IF made.created THEN
		UPDATE acme.eab_key e SET accounts = e.accounts + 1 WHERE e.id = p_eab_key;
		INSERT INTO acme.account_binding (account_id, key_id, binding) VALUES (made.id, p_eab_key, p_binding);
		PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.bound', p_request, made.id, NULL, NULL,
			jsonb_build_object('eab_key', cairn.id_text(p_eab_key), 'label', k.label));
	END IF;
	RETURN QUERY SELECT made.id, made.status, made.key, made.thumbprint, made.terms_agreed, made.created_at, made.created;
END $$;

-- An id as it stands in URLs.
CREATE FUNCTION cairn.id_text(id uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT translate(rtrim(encode(uuid_send(id), 'base64'), '='), '+/', '-_')
$$;

-- ---- acts of the operator, each with its record ----

CREATE FUNCTION acme.create_eab_key(p_id uuid, p_mac_key bytea, p_label text, p_max_accounts int8, p_names text[],
	p_networks text[], p_profiles text[], p_expires timestamptz, p_actor text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO acme.eab_key (id, lineage, label, max_accounts, names, networks, profiles, expires_at)
		VALUES (p_id, p_id, p_label, p_max_accounts, p_names, p_networks::cidr[], p_profiles, p_expires);
	INSERT INTO acme.eab_secret (key_id, mac_key) VALUES (p_id, p_mac_key);
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'eab.created', NULL, NULL, NULL, NULL,
		jsonb_build_object('eab_key', cairn.id_text(p_id), 'label', p_label, 'max_accounts', p_max_accounts,
			'names', p_names, 'networks', p_networks, 'profiles', p_profiles, 'expires_at', p_expires));
END $$;

-- Whether a key was stopped by it; false: it was before.
CREATE FUNCTION acme.disable_eab_key(p_id uuid, p_actor text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM acme.eab_key k WHERE k.id = p_id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such external account key');
	END IF;
	UPDATE acme.eab_key SET disabled_at = now() WHERE id = p_id AND disabled_at IS NULL;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	DELETE FROM acme.eab_secret WHERE key_id = p_id;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'eab.disabled', NULL, NULL, NULL, NULL,
		jsonb_build_object('eab_key', cairn.id_text(p_id)));
	RETURN true;
END $$;

-- A key in the place of another, with its label, bounds and limit. The old one makes accounts until p_old_until, or no more.
CREATE FUNCTION acme.rotate_eab_key(p_old uuid, p_id uuid, p_mac_key bytea, p_expires timestamptz,
	p_old_until timestamptz, p_actor text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k acme.eab_key;
BEGIN
	SELECT * INTO k FROM acme.eab_key e WHERE e.id = p_old FOR UPDATE;
	IF k.id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such external account key');
	ELSIF k.disabled_at IS NOT NULL THEN
		PERFORM cairn.refuse('CONFLICT', 'The external account key is disabled; make a new one');
	END IF;
	INSERT INTO acme.eab_key (id, lineage, label, max_accounts, names, networks, profiles, expires_at)
		VALUES (p_id, k.lineage, k.label, k.max_accounts, k.names, k.networks, k.profiles, p_expires);
	INSERT INTO acme.eab_secret (key_id, mac_key) VALUES (p_id, p_mac_key);
	IF p_old_until IS NULL THEN
		PERFORM acme.disable_eab_key(p_old, p_actor);
	ELSE
		UPDATE acme.eab_key e SET expires_at = least(e.expires_at, p_old_until) WHERE e.id = p_old;
	END IF;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'eab.rotated', NULL, NULL, NULL, NULL,
		jsonb_build_object('eab_key', cairn.id_text(p_old), 'successor', cairn.id_text(p_id), 'old_until', p_old_until,
			'expires_at', p_expires));
END $$;

CREATE FUNCTION acme.list_eab_keys()
RETURNS TABLE (id uuid, label text, state text, accounts int, max_accounts int, names text[], networks text[],
	profiles text[], created_at timestamptz, expires_at timestamptz, disabled_at timestamptz, lineage uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT k.id, k.label, CASE WHEN k.disabled_at IS NOT NULL THEN 'disabled' WHEN k.expires_at <= now() THEN 'expired'
			WHEN k.accounts >= k.max_accounts THEN 'used' ELSE 'active' END,
		k.accounts, k.max_accounts, k.names, k.networks::text[], k.profiles, k.created_at, k.expires_at, k.disabled_at, k.lineage
		FROM acme.eab_key k ORDER BY k.id
$$;

REVOKE ALL ON FUNCTION cairn.id_text(uuid), acme.check_eab_key(acme.eab_key),
	acme.new_bound_account(uuid, text, bytea, bytea, text, boolean, boolean, text, uuid, uuid, jsonb),
	acme.create_eab_key(uuid, bytea, text, int8, text[], text[], text[], timestamptz, text),
	acme.disable_eab_key(uuid, text), acme.rotate_eab_key(uuid, uuid, bytea, timestamptz, timestamptz, text),
	acme.list_eab_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.new_bound_account(uuid, text, bytea, bytea, text, boolean, boolean, text, uuid, uuid, jsonb) TO cairn_ra;
GRANT SELECT ON acme.eab_secret TO cairn_ra;
GRANT EXECUTE ON FUNCTION acme.create_eab_key(uuid, bytea, text, int8, text[], text[], text[], timestamptz, text),
	acme.disable_eab_key(uuid, text), acme.rotate_eab_key(uuid, uuid, bytea, timestamptz, timestamptz, text),
	acme.list_eab_keys() TO cairn_operator;

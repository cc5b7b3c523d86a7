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
	p_terms_missing boolean, p_only_existing boolean, p_process text, p_request uuid, p_eab_key uuid, p_binding jsonb,
	p_limits jsonb DEFAULT NULL)
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
	RETURN QUERY SELECT made.id, made.status, made.key, made.thumbprint, made.terms_agreed, made.created_at, made.created;
END $$;

-- An id as it stands in URLs.
CREATE FUNCTION cairn.id_text(id uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT translate(rtrim(encode(uuid_send(id), 'base64'), '='), '+/', '-_')
$$;

CREATE FUNCTION cairn.id_of(text text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT encode(decode(translate(text, '-_', '+/') || '==', 'base64'), 'hex')::uuid
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

-- ---- grants: who may have which names ----

CREATE TABLE acme.policy (
	version int8 PRIMARY KEY,
	source text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	applied_by text NOT NULL
);
COMMENT ON TABLE acme.policy IS 'Policies on names, each whole; the highest version is in force, and none is ever changed, so that a decision can be explained later';
COMMENT ON COLUMN acme.policy.version IS 'SUB-CERT: number, rising by one';
COMMENT ON COLUMN acme.policy.source IS 'OPS: the file as it was applied';
COMMENT ON COLUMN acme.policy.applied_at IS 'SUB-CERT: since when';
COMMENT ON COLUMN acme.policy.applied_by IS 'OPS: the operator';

CREATE TABLE acme.policy_rule (
	version int8 NOT NULL REFERENCES acme.policy,
	position int NOT NULL,
	name text NOT NULL,
	everybody boolean NOT NULL,
	accounts uuid[] NOT NULL,
	eab_keys uuid[] NOT NULL,
	names text[] NOT NULL,
	networks cidr[] NOT NULL,
	profiles text[] NOT NULL,
	without_challenge boolean NOT NULL,
	PRIMARY KEY (version, position),
	UNIQUE (version, name),
	CHECK (everybody = (cardinality(accounts) + cardinality(eab_keys) = 0))
);
COMMENT ON TABLE acme.policy_rule IS 'Rules of a policy: names and whose they may be; the first that fits decides, and what none fits is refused';
COMMENT ON COLUMN acme.policy_rule.version IS 'SUB-CERT: policy';
COMMENT ON COLUMN acme.policy_rule.position IS 'SUB-CERT: place in the policy, from 1';
COMMENT ON COLUMN acme.policy_rule.name IS 'SUB-CERT: what the policy calls it';
COMMENT ON COLUMN acme.policy_rule.everybody IS 'SUB-CERT: it is for all accounts';
COMMENT ON COLUMN acme.policy_rule.accounts IS 'SUB-CERT: accounts that it is for';
COMMENT ON COLUMN acme.policy_rule.eab_keys IS 'SUB-CERT: external account keys whose accounts, and those of their successors, it is for';
COMMENT ON COLUMN acme.policy_rule.names IS 'SUB-CERT: patterns of names (policy/grants.h)';
COMMENT ON COLUMN acme.policy_rule.networks IS 'SUB-CERT: addresses';
COMMENT ON COLUMN acme.policy_rule.profiles IS 'SUB-CERT: profiles that it is for; none: all';
COMMENT ON COLUMN acme.policy_rule.without_challenge IS 'SUB-CERT: nobody has to prove control of the names; in private mode only';

-- Empty until there is a rule or a bound key: only then is there anything to judge, and newOrder and finalize, which look here
-- first, pay next to nothing before.
CREATE TABLE acme.judging (
	since timestamptz PRIMARY KEY DEFAULT now()
);
COMMENT ON TABLE acme.judging IS 'Has a row once there was a rule of a policy, or an external account key that binds its accounts';
COMMENT ON COLUMN acme.judging.since IS 'OPS: when the first came';

CREATE FUNCTION acme.start_judging() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO acme.judging SELECT now() WHERE NOT EXISTS (SELECT FROM acme.judging) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
CREATE TRIGGER judging AFTER INSERT ON acme.policy_rule FOR EACH ROW EXECUTE FUNCTION acme.start_judging();
CREATE TRIGGER judging AFTER INSERT ON acme.eab_key FOR EACH ROW WHEN (NEW.bounded) EXECUTE FUNCTION acme.start_judging();

-- Whether one of the patterns stands for the identifier (policy/grants.h).
CREATE FUNCTION acme.name_fits(names text[], networks cidr[], type text, value text) RETURNS boolean LANGUAGE sql IMMUTABLE
PARALLEL SAFE AS $$
	SELECT CASE WHEN type = 'ip' THEN value::inet <<= ANY (networks) ELSE EXISTS (SELECT FROM unnest(names) AS p
		WHERE p = value OR CASE
			WHEN p LIKE '*..%' THEN value LIKE '*.%' AND (p = '*..' OR right('.' || substr(value, 3), length(p) - 2) = substr(p, 3))
			WHEN p LIKE '.%' THEN value NOT LIKE '*.%' AND (p = '.' OR right('.' || value, length(p)) = p)
			ELSE false END) END
$$;

-- What a policy says of each identifier that an account, made with the external account key p_key (NULL: with none), would
-- order by a profile. verdict: challenge (it may be ordered), granted (without a challenge) or refused. Place 0, when there
-- is one, speaks of the whole order.
CREATE FUNCTION acme.judge(p_version int8, p_account uuid, p_key uuid, p_types text[], p_values text[], p_profile text)
RETURNS TABLE (place int, verdict text, rule text, reason text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	k acme.eab_key;
	has_rules boolean := EXISTS (SELECT FROM acme.policy_rule r WHERE r.version = p_version);
BEGIN
	SELECT * INTO k FROM acme.eab_key e WHERE e.id = p_key;
	IF cardinality(k.profiles) > 0 AND p_profile <> ALL (k.profiles) THEN
		RETURN QUERY SELECT 0, 'refused', NULL::text, format('the external account key %s is bound to other profiles than "%s"',
			cairn.id_text(p_key), p_profile);
	END IF;
	RETURN QUERY SELECT n::int,
		CASE WHEN b.outside OR (has_rules AND f.name IS NULL) THEN 'refused' WHEN f.without_challenge THEN 'granted' ELSE 'challenge' END,
		CASE WHEN NOT b.outside THEN f.name END,
		CASE WHEN b.outside THEN format('the external account key %s is bound to other names', cairn.id_text(p_key))
			WHEN NOT has_rules THEN 'no policy has rules: everybody may ask for every name by challenge'
			WHEN f.name IS NULL THEN format('no rule of policy %s gives it to this account', p_version)
			WHEN f.without_challenge THEN format('rule "%s" of policy %s grants it without a challenge', f.name, p_version)
			ELSE format('rule "%s" of policy %s allows it by challenge', f.name, p_version) END
		FROM unnest(p_types, p_values) WITH ORDINALITY AS i (t, v, n)
		CROSS JOIN LATERAL (SELECT k.id IS NOT NULL AND cardinality(k.names) + cardinality(k.networks) > 0
			AND NOT acme.name_fits(k.names, k.networks, t, v) AS outside) b
		LEFT JOIN LATERAL (SELECT r.name, r.without_challenge FROM acme.policy_rule r WHERE r.version = p_version
			AND (r.everybody OR p_account = ANY (r.accounts)
				OR k.lineage IN (SELECT e.lineage FROM acme.eab_key e WHERE e.id = ANY (r.eab_keys)))
			AND (cardinality(r.profiles) = 0 OR p_profile = ANY (r.profiles))
			AND acme.name_fits(r.names, r.networks, t, v)
			ORDER BY r.position LIMIT 1) f ON true
		ORDER BY n;
END $$;

CREATE FUNCTION acme.policy_version() RETURNS int8 LANGUAGE sql STABLE AS $$
	SELECT max(version) FROM acme.policy
$$;

-- The same for an order as the policy is now. refused: NULL, or the places with their reasons; granted: places that need no
-- challenge; facts: for the record, NULL when no rule decided anything.
CREATE FUNCTION acme.judge_order(p_account uuid, p_types text[], p_values text[], p_profile text)
RETURNS TABLE (refused jsonb, granted int[], facts jsonb) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_agg(jsonb_build_object('place', j.place, 'reason', j.reason) ORDER BY j.place) FILTER (WHERE j.verdict = 'refused'),
		array_agg(j.place) FILTER (WHERE j.verdict = 'granted'),
		CASE WHEN bool_or(j.rule IS NOT NULL) THEN
			jsonb_build_object('policy', v.version, 'rules', jsonb_agg(j.rule ORDER BY j.place)) END
		FROM (SELECT acme.policy_version() AS version) v
		LEFT JOIN acme.account_binding b ON b.account_id = p_account
		CROSS JOIN LATERAL acme.judge(v.version, p_account, b.key_id, p_types, p_values, p_profile) j
		GROUP BY v.version
$$;

-- HMAC-SHA-256 of RFC 2104 for keys of at most 64 octets, and a commitment as lib/crypto/commitment.h describes it.
CREATE FUNCTION log.hmac(key bytea, message bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	inner_pad bytea := decode(repeat('36', 64), 'hex');
	outer_pad bytea := decode(repeat('5c', 64), 'hex');
BEGIN
	FOR i IN 0 .. octet_length(key) - 1 LOOP
		inner_pad := set_byte(inner_pad, i, get_byte(key, i) # 54);
		outer_pad := set_byte(outer_pad, i, get_byte(key, i) # 92);
	END LOOP;
	RETURN sha256(outer_pad || sha256(inner_pad || message));
END $$;

CREATE FUNCTION log.commitment(salt bytea, name text, value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT sha256('\x01' || log.hmac(salt, name::bytea) || substring(int4send(length(name)) FROM 3) || name::bytea || value)
$$;

-- The names of a new order that the policy gives without a challenge: their authorizations become valid, for half an hour and
-- for this order alone, as they end before newOrder would use them again. It is judged here, whoever calls; each name leaves
-- a record in log.validation, where all authorizations have theirs, and one event tells of all.
CREATE FUNCTION acme.grant_names(p_order uuid, p_process text, p_request uuid, OUT names int8, OUT until timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o acme.orders;
	z record;
	validation uuid;
	salt bytea;
	rules text[] := '{}';
BEGIN
	SELECT * INTO STRICT o FROM acme.orders r WHERE r.id = p_order;
	names := 0;
	until := least(o.expires_at, now() + interval '30 minutes');
	FOR z IN SELECT a.*, w.rule, w.reason FROM acme.account_binding b
			RIGHT JOIN (SELECT o.account_id AS id) k ON b.account_id = k.id
			CROSS JOIN LATERAL acme.judge(acme.policy_version(), o.account_id, b.key_id, o.identifier_types, o.identifier_values, o.profile) w
			JOIN acme.authz a ON a.id = o.authorizations[w.place]
			WHERE w.verdict = 'granted' AND a.validation_id IS NULL AND a.tried IS NULL ORDER BY w.place LOOP
		validation := cairn.new_id();
		salt := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
		INSERT INTO log.validation (id, authorization_id, account_id, request_id, identifier_type, identifier_value, wildcard,
			method, rule, perspective, attempt, passed, detail, dnssec, token_sha256, started_at, ended_at, commitments, proof)
			VALUES (validation, z.id, o.account_id, p_request, z.identifier_type, z.identifier_value, z.wildcard, 'grant',
				z.rule, 'none', 1, true, z.reason, 'off', sha256(''), now(), now(),
				log.commitment(salt, 'resolutions', '[]') || log.commitment(salt, 'attempts', '[]'), 'grant');
		INSERT INTO log.validation_private (id, salt, resolutions, attempts) VALUES (validation, salt, '[]', '[]');
		UPDATE acme.authz a SET validation_id = validation, validated_at = now(), proof = 'grant', expires_at = until,
			challenge_types = '{}', tokens = '{}' WHERE a.id = z.id;
		names := names + 1;
		rules := rules || z.rule;
	END LOOP;
	IF names = 0 THEN
		until := o.expires_at;
		RETURN;
	END IF;
	UPDATE acme.orders r SET expires_at = until WHERE r.id = p_order;
	PERFORM log.add_event(cairn.new_id(), p_process, 'policy', 'names.granted-without-challenge', p_request, o.account_id,
		p_order, NULL, jsonb_build_object('policy', acme.policy_version(), 'rules', rules, 'identifiers', o.identifier_values));
END $$;

-- Writes a policy as the next version, and gives its number. p_rules: the rules as grants_rule_fields write them.
CREATE FUNCTION acme.write_policy(p_source text, p_rules jsonb, p_actor text) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
	made int8;
	missing record;
BEGIN
	LOCK TABLE acme.policy IN EXCLUSIVE MODE;
	made := coalesce(acme.policy_version(), 0) + 1;
	INSERT INTO acme.policy (version, source, applied_by) VALUES (made, p_source, p_actor);
	INSERT INTO acme.policy_rule (version, position, name, everybody, accounts, eab_keys, names, networks, profiles,
		without_challenge)
		SELECT made, n, r.name, r.everybody, ARRAY(SELECT cairn.id_of(a) FROM unnest(r.accounts) AS a),
			ARRAY(SELECT cairn.id_of(e) FROM unnest(r.eab_keys) AS e), r.names, r.networks::cidr[], r.profiles, r.without_challenge
		FROM ROWS FROM (jsonb_to_recordset(p_rules) AS (name text, everybody boolean, accounts text[], eab_keys text[],
			names text[], networks text[], profiles text[], without_challenge boolean)) WITH ORDINALITY AS
			r (name, everybody, accounts, eab_keys, names, networks, profiles, without_challenge, n);
	SELECT * INTO missing FROM (SELECT r.name, 'account' AS kind, a AS id FROM acme.policy_rule r, unnest(r.accounts) AS a
			WHERE r.version = made AND NOT EXISTS (SELECT FROM acme.account k WHERE k.id = a)
		UNION ALL SELECT r.name, 'external account key', e FROM acme.policy_rule r, unnest(r.eab_keys) AS e
			WHERE r.version = made AND NOT EXISTS (SELECT FROM acme.eab_key k WHERE k.id = e)) m LIMIT 1;
	IF FOUND THEN
		PERFORM cairn.refuse('MALFORMED', format('rule "%s": there is no %s %s', missing.name, missing.kind, cairn.id_text(missing.id)));
	END IF;
	RETURN made;
END $$;

CREATE FUNCTION acme.apply_policy(p_source text, p_rules jsonb, p_actor text) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made int8 := acme.write_policy(p_source, p_rules, p_actor);
BEGIN
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'policy.applied', NULL, NULL, NULL, NULL,
		jsonb_build_object('policy', made, 'sha256', encode(sha256(convert_to(p_source, 'UTF8')), 'hex'),
			'rules', jsonb_array_length(p_rules), 'without_challenge',
			(SELECT jsonb_agg(r.name) FROM acme.policy_rule r WHERE r.version = made AND r.without_challenge)));
	RETURN made;
END $$;

CREATE FUNCTION acme.read_policy(p_version int8)
RETURNS TABLE (version int8, source text, applied_at timestamptz, applied_by text, in_force boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.version, p.source, p.applied_at, p.applied_by, p.version = acme.policy_version() FROM acme.policy p
		WHERE p.version = coalesce(p_version, acme.policy_version())
$$;

-- What newOrder would say to an account, or to one made with a key, by the policy in force or (p_version) an earlier one.
CREATE FUNCTION acme.test_policy(p_account uuid, p_key uuid, p_types text[], p_values text[], p_profile text, p_version int8)
RETURNS TABLE (place int, verdict text, rule text, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found_status text;
	bound_to uuid := p_key;
BEGIN
	IF p_version IS NOT NULL AND NOT EXISTS (SELECT FROM acme.policy p WHERE p.version = p_version) THEN
		PERFORM cairn.refuse('NOT_FOUND', format('There is no policy %s', p_version));
	ELSIF p_key IS NOT NULL AND NOT EXISTS (SELECT FROM acme.eab_key e WHERE e.id = p_key) THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such external account key');
	ELSIF p_account IS NOT NULL THEN
		SELECT a.status, b.key_id INTO found_status, bound_to FROM acme.account a
			LEFT JOIN acme.account_binding b ON b.account_id = a.id WHERE a.id = p_account;
		IF found_status IS NULL THEN
			PERFORM cairn.refuse('NOT_FOUND', 'There is no such account');
		ELSIF found_status <> 'valid' THEN
			RETURN QUERY SELECT 0, 'refused', NULL::text, 'the account is ' || found_status;
		END IF;
	END IF;
	RETURN QUERY SELECT j.* FROM acme.judge(coalesce(p_version, acme.policy_version()), p_account, bound_to, p_types, p_values, p_profile) j;
END $$;

CREATE TYPE acme.policy_difference AS (certificate_id uuid, serial text, account_id uuid, profile text, not_after timestamptz,
	renews_at timestamptz, newest boolean, refused_now boolean, names text[], reasons text[]);

-- The valid certificates with names that a policy would refuse. newest: no other of its account has the same names later, so
-- that its renewal is what is to come (at two thirds of its life, B-16). refused_now: the policy in force refuses it as well.
CREATE FUNCTION acme.refused_by(p_version int8, p_now int8) RETURNS SETOF acme.policy_difference LANGUAGE sql STABLE AS $$
	SELECT c.id, encode(c.serial, 'hex'), c.account_id, c.profile, c.not_after,
		c.not_before + (c.not_after - c.not_before) * 2 / 3, c.newest,
		EXISTS (SELECT FROM acme.judge(p_now, c.account_id, b.key_id, t.types, c.names, c.profile) AS now WHERE now.verdict = 'refused'),
		j.names, j.reasons
		FROM (SELECT *, row_number() OVER (PARTITION BY account_id, names ORDER BY id DESC) = 1 AS newest
			FROM ca.certificate WHERE not_after > now() AND der IS NOT NULL) c
		LEFT JOIN acme.account_binding b ON b.account_id = c.account_id
		CROSS JOIN LATERAL (SELECT array_agg(CASE WHEN n ~ '^[0-9.]+$' OR n LIKE '%:%' THEN 'ip' ELSE 'dns' END ORDER BY o) AS types
			FROM unnest(c.names) WITH ORDINALITY AS u (n, o)) t
		CROSS JOIN LATERAL (SELECT array_agg(coalesce(c.names[w.place], '') ORDER BY w.place) AS names,
			array_agg(w.reason ORDER BY w.place) AS reasons
			FROM acme.judge(p_version, c.account_id, b.key_id, t.types, c.names, c.profile) w WHERE w.verdict = 'refused') j
		WHERE j.names IS NOT NULL AND NOT EXISTS (SELECT FROM ca.revocation v WHERE v.certificate_id = c.id)
		ORDER BY c.id
$$;

-- The same for a policy that is not applied: it is written, judged by, and taken back.
CREATE FUNCTION acme.diff_policy(p_source text, p_rules jsonb) RETURNS SETOF acme.policy_difference LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	in_force int8 := acme.policy_version();
	draft int8;
	found acme.policy_difference[];
BEGIN
	BEGIN
		draft := acme.write_policy(p_source, p_rules, 'draft');
		SELECT array_agg(d) INTO found FROM acme.refused_by(draft, in_force) d;
		RAISE SQLSTATE 'CA002';
	EXCEPTION WHEN SQLSTATE 'CA002' THEN NULL; -- what was found stays
	END;
	RETURN QUERY SELECT * FROM unnest(found);
END $$;

REVOKE ALL ON FUNCTION acme.start_judging(), log.hmac(bytea, bytea), log.commitment(bytea, text, bytea), acme.grant_names(uuid, text, uuid),
	acme.name_fits(text[], cidr[], text, text), acme.policy_version(),
	acme.judge(int8, uuid, uuid, text[], text[], text), acme.judge_order(uuid, text[], text[], text),
	acme.write_policy(text, jsonb, text), acme.apply_policy(text, jsonb, text), acme.read_policy(int8),
	acme.test_policy(uuid, uuid, text[], text[], text, int8), acme.refused_by(int8, int8), acme.diff_policy(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.judge_order(uuid, text[], text[], text), acme.grant_names(uuid, text, uuid) TO cairn_ra;
GRANT SELECT ON acme.judging TO cairn_ra;
GRANT EXECUTE ON FUNCTION acme.apply_policy(text, jsonb, text), acme.read_policy(int8), acme.diff_policy(text, jsonb),
	acme.test_policy(uuid, uuid, text[], text[], text, int8) TO cairn_operator;

REVOKE ALL ON FUNCTION cairn.id_text(uuid), cairn.id_of(text), acme.check_eab_key(acme.eab_key),
	acme.new_bound_account(uuid, text, bytea, bytea, text, boolean, boolean, text, uuid, uuid, jsonb, jsonb),
	acme.create_eab_key(uuid, bytea, text, int8, text[], text[], text[], timestamptz, text),
	acme.disable_eab_key(uuid, text), acme.rotate_eab_key(uuid, uuid, bytea, timestamptz, timestamptz, text),
	acme.list_eab_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.new_bound_account(uuid, text, bytea, bytea, text, boolean, boolean, text, uuid, uuid, jsonb, jsonb) TO cairn_ra;
GRANT SELECT ON acme.eab_secret TO cairn_ra;
GRANT EXECUTE ON FUNCTION acme.create_eab_key(uuid, bytea, text, int8, text[], text[], text[], timestamptz, text),
	acme.disable_eab_key(uuid, text), acme.rotate_eab_key(uuid, uuid, bytea, timestamptz, timestamptz, text),
	acme.list_eab_keys() TO cairn_operator;

-- Rate limits (A-45, A-46): GCRA in the statement that does the step. A bucket is a row with the time at which it is whole
-- again; a use moves that time on by one step, and more than burst steps from now is refused. What a refused or failed
-- step took comes back with its transaction. Which limits there are says the caller: p_limits is what ra/limits.c makes of
-- the configuration, and NULL, which costs nothing, where none is on.

CREATE TABLE acme.limit_use (
	name text NOT NULL,
	key text NOT NULL,
	whole_at timestamptz NOT NULL,
	step interval NOT NULL,
	burst int8 NOT NULL,
	PRIMARY KEY (name, key)
) WITH (fillfactor = 50); -- room for updates that touch no index
COMMENT ON TABLE acme.limit_use IS 'What was used of the rate limits; rows that are whole again are removed';
COMMENT ON COLUMN acme.limit_use.name IS 'OPS: limit';
COMMENT ON COLUMN acme.limit_use.key IS 'SUB-REQ: whose: an address, an account, a domain, an account and a name, or the digest of a set of names';
COMMENT ON COLUMN acme.limit_use.whole_at IS 'SUB-REQ: when all of it can be used again';
COMMENT ON COLUMN acme.limit_use.step IS 'OPS: what one use moved that time on by, as it was last';
COMMENT ON COLUMN acme.limit_use.burst IS 'OPS: uses at once, as it was last';

CREATE TABLE acme.limit_override (
	name text NOT NULL,
	key text NOT NULL,
	count int8 NOT NULL CHECK (count >= 0),
	period_s int8 NOT NULL CHECK (period_s > 0),
	burst int8 NOT NULL CHECK (burst > 0),
	reason text NOT NULL,
	set_at timestamptz NOT NULL DEFAULT now(),
	set_by text NOT NULL,
	PRIMARY KEY (name, key)
);
COMMENT ON TABLE acme.limit_override IS 'Rate limits that are others for some accounts, domains or addresses';
COMMENT ON COLUMN acme.limit_override.name IS 'OPS: limit';
COMMENT ON COLUMN acme.limit_override.key IS 'SUB-REQ: for whom: a key of the limit, the account of one, or a network';
COMMENT ON COLUMN acme.limit_override.count IS 'OPS: uses in the period; 0: no limit';
COMMENT ON COLUMN acme.limit_override.period_s IS 'OPS: seconds';
COMMENT ON COLUMN acme.limit_override.burst IS 'OPS: uses at once';
COMMENT ON COLUMN acme.limit_override.reason IS 'OPS: why, in the words of the operator; nobody is named here (RECOVERY)';
COMMENT ON COLUMN acme.limit_override.set_at IS 'OPS: since when';
COMMENT ON COLUMN acme.limit_override.set_by IS 'OPS: the operator';

CREATE TABLE acme.paused (
	account_id uuid NOT NULL,
	identifier_type text NOT NULL,
	identifier_value text NOT NULL,
	paused_at timestamptz NOT NULL DEFAULT now(),
	unpaused_at timestamptz,
	PRIMARY KEY (account_id, identifier_value)
);
COMMENT ON TABLE acme.paused IS 'Names that an account failed to validate for so long that it has to say that it still wants them';
COMMENT ON COLUMN acme.paused.account_id IS 'SUB-CERT: account';
COMMENT ON COLUMN acme.paused.identifier_type IS 'SUB-CERT: dns or ip';
COMMENT ON COLUMN acme.paused.identifier_value IS 'SUB-CERT: name, without the wildcard label';
COMMENT ON COLUMN acme.paused.paused_at IS 'SUB-CERT: when';
COMMENT ON COLUMN acme.paused.unpaused_at IS 'SUB-CERT: when somebody said so; for two weeks from then it is not paused again';

CREATE TABLE acme.issued_set (
	sha256 bytea PRIMARY KEY,
	until timestamptz NOT NULL,
	renewed_at timestamptz
);
COMMENT ON TABLE acme.issued_set IS 'Sets of names that were issued for under limits: the next order of one is a renewal';
COMMENT ON COLUMN acme.issued_set.sha256 IS 'SUB-CERT: digest of the names, sorted';
COMMENT ON COLUMN acme.issued_set.until IS 'SUB-CERT: 30 days beyond the end of the latest certificate';
COMMENT ON COLUMN acme.issued_set.renewed_at IS 'SUB-CERT: when an order of it last went free';

CREATE TABLE acme.unpause_key (
	key bytea PRIMARY KEY CHECK (octet_length(key) = 32)
);
INSERT INTO acme.unpause_key VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
COMMENT ON TABLE acme.unpause_key IS 'Signs the links by which paused names are freed; no role may read it';
COMMENT ON COLUMN acme.unpause_key.key IS 'OPS: key of the MAC';

-- A refusal with more than its sentence: lib/db/refusal.h says what p_more may hold.
CREATE FUNCTION cairn.refuse_with(p_problem text, p_detail text, p_more jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'CA001', MESSAGE = p_problem, DETAIL = p_detail, HINT = p_more::text;
END $$;

-- The limits asked for, each with the override that fits it best: of its very key, then of the account in it, then of the
-- smallest network around it. An override of CertificatesPerDomainPerAccount takes the place of CertificatesPerDomain.
CREATE FUNCTION acme.limits_of(p_uses jsonb) RETURNS TABLE (asked text, name text, key text, spend boolean, count int8,
	period_s int8, burst int8, step interval, overridden boolean) LANGUAGE sql STABLE AS $$
	SELECT u.name, coalesce(o.name, u.name), CASE WHEN o.name <> u.name THEN u.own_key ELSE u.key END, u.spend,
		coalesce(o.count, u.count), coalesce(o.period_s, u.period_s), coalesce(o.burst, u.burst),
		make_interval(secs => coalesce(o.period_s, u.period_s)::float8 / nullif(coalesce(o.count, u.count), 0)),
		o.name IS NOT NULL
	FROM jsonb_to_recordset(p_uses)
		AS u (name text, key text, own_key text, count int8, period_s int8, burst int8, spend boolean)
	LEFT JOIN LATERAL (SELECT w.* FROM (
			SELECT 1 AS rank, 0 AS bits, v.* FROM acme.limit_override v
				WHERE v.name = 'CertificatesPerDomainPerAccount' AND v.key IN (u.own_key, split_part(u.own_key, '/', 1))
			UNION ALL SELECT 2, 0, v.* FROM acme.limit_override v
				WHERE v.name = u.name AND v.key IN (u.key, split_part(u.key, '/', 1))
			UNION ALL SELECT 3, 128 - masklen(v.key::cidr), v.* FROM acme.limit_override v
				WHERE u.name = 'NewRegistrationsPerIPAddress' AND v.name = u.name
					AND CASE WHEN v.name = 'NewRegistrationsPerIPAddress' AND strpos(v.key, '/') > 0
						THEN u.key::inet << v.key::cidr ELSE false END) w
		ORDER BY w.rank, w.bits, length(w.key) DESC LIMIT 1) o ON true
$$;

-- "300 every 3 hours" and what of.
CREATE FUNCTION acme.limit_sentence(p_name text, p_key text, p_count int8, p_period_s int8, p_burst int8, p_at timestamptz)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT format('Too many %s: the limit %s for %s is %s every %s%s. Come again at %s or later', CASE p_name
			WHEN 'NewRegistrationsPerIPAddress' THEN 'new accounts from one address'
			WHEN 'NewRegistrationsPerIPv6Range' THEN 'new accounts from one range of addresses'
			WHEN 'NewOrdersPerAccount' THEN 'new orders'
			WHEN 'CertificatesPerDomain' THEN 'certificates for one registered domain'
			WHEN 'CertificatesPerDomainPerAccount' THEN 'certificates of one account for one registered domain'
			WHEN 'CertificatesPerFQDNSet' THEN 'certificates for exactly the same names'
			WHEN 'FailedAuthorizationsPerDomainPerAccount' THEN 'failed validations' ELSE 'requests' END,
		p_name, CASE p_name WHEN 'CertificatesPerFQDNSet' THEN 'this set of names'
			WHEN 'NewOrdersPerAccount' THEN 'account ' || p_key
			WHEN 'CertificatesPerDomainPerAccount' THEN 'account ' || replace(p_key, '/', ' and ')
			WHEN 'FailedAuthorizationsPerDomainPerAccount' THEN 'account ' || replace(p_key, '/', ' and ') ELSE p_key END,
		p_count, CASE WHEN p_period_s % 86400 = 0 THEN p_period_s / 86400 || ' day(s)'
			WHEN p_period_s % 3600 = 0 THEN p_period_s / 3600 || ' hour(s)' ELSE p_period_s || ' second(s)' END,
		CASE WHEN p_burst <> p_count THEN ', at most ' || p_burst || ' at once' ELSE '' END,
		to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
$$;

-- Takes one use of each limit of p_uses that says spend, looks at the others, and refuses with the one that lasts longest when
-- there is too little (A-45): whoever comes again at that time finds all of them free. The rows stay locked until the end of
-- the step, in one order everywhere; so parallel requests get exactly what there is.
CREATE FUNCTION acme.take_limits(p_uses jsonb, p_except text[] DEFAULT '{}') RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	worst record;
	free_at timestamptz;
BEGIN
	WITH a AS MATERIALIZED (
		SELECT DISTINCT ON (l.name, l.key) l.* FROM acme.limits_of(p_uses) l
			WHERE l.count > 0 AND l.asked <> ALL (p_except) ORDER BY l.name, l.key),
	taken AS (
		INSERT INTO acme.limit_use AS u (name, key, whole_at, step, burst)
			SELECT a.name, a.key, clock_timestamp() + a.step, a.step, a.burst FROM a WHERE a.spend ORDER BY a.name, a.key
			ON CONFLICT (name, key) DO UPDATE SET step = excluded.step, burst = excluded.burst,
				whole_at = greatest(u.whole_at, clock_timestamp()) + excluded.step
			RETURNING u.name, u.key, u.whole_at),
	seen AS (
		SELECT a.*, coalesce(t.whole_at, u.whole_at + a.step) - a.step * a.burst::float8 AS fits_at
			FROM a LEFT JOIN taken t ON t.name = a.name AND t.key = a.key
			LEFT JOIN acme.limit_use u ON NOT a.spend AND u.name = a.name AND u.key = a.key)
	SELECT * INTO worst FROM seen WHERE fits_at > clock_timestamp() ORDER BY fits_at DESC LIMIT 1;
	IF NOT FOUND THEN
		RETURN true;
	END IF;
	free_at := date_trunc('second', worst.fits_at + interval '999999 microseconds');
	PERFORM cairn.refuse_with('RATE_LIMITED', acme.limit_sentence(worst.name, worst.key, worst.count, worst.period_s,
		worst.burst, free_at), jsonb_build_object('rule', worst.name, 'retry_after_s',
		greatest(1, ceil(extract(epoch FROM worst.fits_at - clock_timestamp()))::int8)));
END $$;

-- What signs the link by which an account frees its paused names, until a time.
CREATE FUNCTION acme.unpause_mac(p_account uuid, p_until int8) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT translate(rtrim(encode(log.hmac(k.key, convert_to(format('unpause %s %s', p_account, p_until), 'UTF8')), 'base64'),
		'='), '+/', '-_') FROM acme.unpause_key k
$$;

-- At newOrder. p_limits: pausing: names that may be paused; set: digest of all names; uses. A renewal, which is the order of a
-- set that was issued for, is free of NewOrdersPerAccount once an hour, and of CertificatesPerDomain. A renewal by ARI that is due
-- takes nothing (B-19).
CREATE FUNCTION acme.take_order_limits(p_account uuid, p_replaces text, p_limits jsonb) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	free text[] := '{}';
	digest bytea := decode(p_limits->>'set', 'hex');
	paused jsonb;
	until int8 := extract(epoch FROM now() + interval '14 days')::int8;
BEGIN
	SELECT jsonb_agg(jsonb_build_object('type', d.identifier_type, 'value', d.identifier_value, 'reason',
			'Orders for this name are paused') ORDER BY d.identifier_value) INTO paused FROM acme.paused d WHERE d.account_id = p_account AND d.unpaused_at IS NULL
			AND d.identifier_value = ANY (ARRAY(SELECT jsonb_array_elements_text(p_limits->'pausing')));
	IF paused IS NOT NULL THEN
		PERFORM cairn.refuse_with('RATE_LIMITED', format('This account failed to validate %s of these names so often in a row '
			|| 'that orders for them are paused (FailedAuthorizationsForPausingPerDomainPerAccount); see subproblems',
			jsonb_array_length(paused)), jsonb_build_object('rule', 'FailedAuthorizationsForPausingPerDomainPerAccount',
			'identifiers', paused, 'ticket', format('%s.%s.%s', cairn.id_text(p_account), until,
				acme.unpause_mac(p_account, until))));
	ELSIF p_replaces IS NOT NULL AND acme.renewal_is_due(p_replaces) THEN
		RETURN true;
	END IF;
	IF digest IS NOT NULL THEN
		UPDATE acme.issued_set s SET renewed_at = now() WHERE s.sha256 = digest AND s.until > now()
			AND coalesce(s.renewed_at < now() - interval '1 hour', true);
		IF FOUND THEN
			free := '{NewOrdersPerAccount,CertificatesPerDomain}';
		ELSIF EXISTS (SELECT FROM acme.issued_set s WHERE s.sha256 = digest AND s.until > now()) THEN
			free := '{CertificatesPerDomain}';
		END IF;
	END IF;
	RETURN acme.take_limits(p_limits->'uses', free);
END $$;

-- When an issuance begins: what is begun counts, whatever becomes of it (D-55).
CREATE FUNCTION acme.take_issue_limits(p_order uuid, p_not_after timestamptz, p_limits jsonb) RETURNS boolean LANGUAGE plpgsql
AS $$
DECLARE
	digest bytea := decode(p_limits->>'set', 'hex');
	known boolean := EXISTS (SELECT FROM acme.issued_set s WHERE s.sha256 = digest AND s.until > now());
	replaced text := (SELECT o.replaces FROM acme.orders o WHERE o.id = p_order);
BEGIN
	INSERT INTO acme.issued_set AS s (sha256, until) VALUES (digest, p_not_after + interval '30 days')
		ON CONFLICT (sha256) DO UPDATE SET until = greatest(s.until, excluded.until);
	IF replaced IS NOT NULL AND acme.renewal_is_due(replaced) THEN
		RETURN true;
	END IF;
	RETURN acme.take_limits(p_limits->'uses', CASE WHEN known THEN '{CertificatesPerDomain}'::text[] ELSE '{}' END);
END $$;

-- When a validation ended. p_limits: key: account and name; uses. A failure is counted and never refused, and never beyond what
-- is refused already; a success clears what was counted in a row.
CREATE FUNCTION acme.count_validation(p_authz uuid, p_passed boolean, p_process text, p_limits jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	pausing CONSTANT text := 'FailedAuthorizationsForPausingPerDomainPerAccount';
	z acme.authz;
	hopeless boolean;
BEGIN
	IF p_passed THEN
		DELETE FROM acme.limit_use u WHERE u.name = pausing AND u.key = p_limits->>'key';
		RETURN;
	END IF;
	WITH counted AS (
		INSERT INTO acme.limit_use AS u (name, key, whole_at, step, burst)
			SELECT l.name, l.key, clock_timestamp() + l.step, l.step, l.burst FROM acme.limits_of(p_limits->'uses') l
				WHERE l.count > 0 ORDER BY l.name, l.key
			ON CONFLICT (name, key) DO UPDATE SET step = excluded.step, burst = excluded.burst,
				whole_at = least(greatest(u.whole_at, clock_timestamp()) + excluded.step,
					clock_timestamp() + excluded.step * excluded.burst::float8)
			RETURNING u.name, u.whole_at + u.step > clock_timestamp() + u.step * u.burst::float8 AS used_up)
	SELECT bool_or(c.used_up) FILTER (WHERE c.name = pausing) INTO hopeless FROM counted c;
	IF hopeless THEN
		SELECT * INTO STRICT z FROM acme.authz a WHERE a.id = p_authz;
		INSERT INTO acme.paused AS d (account_id, identifier_type, identifier_value)
			VALUES (z.account_id, z.identifier_type, z.identifier_value)
			ON CONFLICT (account_id, identifier_value) DO UPDATE SET paused_at = excluded.paused_at, unpaused_at = NULL
				WHERE d.unpaused_at < now() - interval '14 days';
		IF FOUND THEN
			PERFORM log.add_event(cairn.new_id(), p_process, p_process, 'identifier.paused', z.request_id, z.account_id, NULL,
				NULL, jsonb_build_object('identifier', z.identifier_value, 'limit', pausing));
		END IF;
	END IF;
END $$;

-- ---- freeing paused names ----

CREATE FUNCTION acme.free_names(p_account uuid, p_names text[], p_process text, p_actor text, p_request uuid) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
	freed text[];
BEGIN
	WITH u AS (UPDATE acme.paused d SET unpaused_at = now() WHERE d.account_id = p_account AND d.unpaused_at IS NULL
		AND (p_names IS NULL OR d.identifier_value = ANY (p_names)) RETURNING d.identifier_value AS name)
	SELECT array_agg(u.name ORDER BY u.name) INTO freed FROM u;
	IF freed IS NOT NULL THEN
		DELETE FROM acme.limit_use u USING unnest(freed) AS f (name)
			WHERE u.name = 'FailedAuthorizationsForPausingPerDomainPerAccount' AND u.key = cairn.id_text(p_account) || '/' || f.name;
		PERFORM log.add_event(cairn.new_id(), p_process, p_actor, 'identifiers.unpaused', p_request, p_account, NULL, NULL,
			jsonb_build_object('identifiers', freed));
	END IF;
	RETURN coalesce(freed, '{}');
END $$;

-- What a link is for: the paused names of its account, and with p_act their freeing. Compared by digests, so that no time
-- tells how much of a made-up MAC was right.
CREATE FUNCTION acme.use_unpause_link(p_ticket text, p_act boolean, p_process text, p_request uuid)
RETURNS TABLE (account_id uuid, names text[]) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	part text[] := regexp_match(p_ticket, '^([A-Za-z0-9_-]{22})\.([0-9]{10,12})\.([A-Za-z0-9_-]{43})$');
BEGIN
	account_id := cairn.id_of(part[1]);
	IF part IS NULL OR sha256(part[3]::bytea) <> sha256(acme.unpause_mac(account_id, part[2]::int8)::bytea) THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The link is not whole, or was changed: copy all of it');
	ELSIF to_timestamp(part[2]::int8) < now() THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The link has expired: the next refused order has a new one');
	END IF;
	IF p_act THEN
		names := acme.free_names(account_id, NULL, p_process, 'account', p_request);
	ELSE
		names := ARRAY(SELECT d.identifier_value FROM acme.paused d WHERE d.account_id = use_unpause_link.account_id
			AND d.unpaused_at IS NULL ORDER BY d.identifier_value LIMIT 1000);
	END IF;
	RETURN NEXT;
END $$;

-- ---- acts of the operator, each with its record ----

CREATE FUNCTION acme.set_limit_override(p_name text, p_key text, p_count int8, p_period_s int8, p_burst int8, p_reason text,
	p_actor text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO acme.limit_override (name, key, count, period_s, burst, reason, set_by)
		VALUES (p_name, p_key, p_count, p_period_s, p_burst, p_reason, p_actor)
		ON CONFLICT (name, key) DO UPDATE SET count = excluded.count, period_s = excluded.period_s, burst = excluded.burst,
			reason = excluded.reason, set_at = now(), set_by = excluded.set_by;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'limit.overridden', NULL, NULL, NULL, NULL,
		jsonb_build_object('limit', p_name, 'key', p_key, 'count', p_count, 'period_s', p_period_s, 'burst', p_burst,
			'reason', p_reason));
END $$;

CREATE FUNCTION acme.drop_limit_override(p_name text, p_key text, p_actor text) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM acme.limit_override o WHERE o.name = p_name AND o.key = p_key;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'limit.override-dropped', NULL, NULL, NULL, NULL,
			jsonb_build_object('limit', p_name, 'key', p_key));
		RETURN true;
	END IF;
	RETURN false;
END $$;

CREATE FUNCTION acme.list_limit_overrides()
RETURNS TABLE (name text, key text, count int8, period_s int8, burst int8, reason text, set_at timestamptz, set_by text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.name, o.key, o.count, o.period_s, o.burst, o.reason, o.set_at, o.set_by FROM acme.limit_override o
		ORDER BY o.name, o.key
$$;

-- How the limit of p_uses (one) stands: what is left of it now, and when one use more is there.
CREATE FUNCTION acme.show_limit(p_uses jsonb)
RETURNS TABLE (name text, key text, count int8, period_s int8, burst int8, overridden boolean, remaining int8,
	next_at timestamptz, whole_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT l.name, l.key, l.count, l.period_s, l.burst, l.overridden,
		CASE WHEN l.count > 0 THEN greatest(0, floor(l.burst - extract(epoch FROM greatest(u.whole_at - now(), interval '0'))
			/ extract(epoch FROM l.step)))::int8 END,
		CASE WHEN u.whole_at > now() THEN u.whole_at + l.step - l.step * l.burst::float8 END,
		CASE WHEN u.whole_at > now() THEN u.whole_at END
		FROM acme.limits_of(p_uses) l LEFT JOIN acme.limit_use u ON u.name = l.name AND u.key = l.key
$$;

CREATE FUNCTION acme.reset_limit(p_name text, p_key text, p_actor text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM acme.limit_use u WHERE u.name = p_name AND u.key = p_key;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'limit.reset', NULL, NULL, NULL, NULL,
			jsonb_build_object('limit', p_name, 'key', p_key));
		RETURN true;
	END IF;
	RETURN false;
END $$;

CREATE FUNCTION acme.list_paused(p_account uuid)
RETURNS TABLE (account_id uuid, identifier text, paused_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT d.account_id, d.identifier_value, d.paused_at FROM acme.paused d
		WHERE d.unpaused_at IS NULL AND (p_account IS NULL OR d.account_id = p_account) ORDER BY d.account_id, d.identifier_value
$$;

CREATE FUNCTION acme.unpause_names(p_account uuid, p_names text[], p_actor text) RETURNS text[] LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN acme.free_names(p_account, p_names, 'cairn', p_actor, NULL);
END $$;

-- ---- what is past its time goes ----

CREATE FUNCTION cairn.forget_limits(p_most int8) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	gone int8;
BEGIN -- it waits for nobody, who may be waiting for it
	WITH old AS (SELECT u.name, u.key FROM acme.limit_use u WHERE u.whole_at < now() LIMIT p_most FOR UPDATE SKIP LOCKED),
	d AS (DELETE FROM acme.limit_use u USING old WHERE u.name = old.name AND u.key = old.key RETURNING 1)
	SELECT count(*) INTO gone FROM d;
	WITH old AS (SELECT s.sha256 FROM acme.issued_set s WHERE s.until < now() LIMIT p_most FOR UPDATE SKIP LOCKED)
	DELETE FROM acme.issued_set s USING old WHERE s.sha256 = old.sha256;
	WITH old AS (SELECT d.account_id, d.identifier_value FROM acme.paused d
		WHERE d.unpaused_at < now() - interval '14 days' LIMIT p_most FOR UPDATE SKIP LOCKED)
	DELETE FROM acme.paused d USING old WHERE d.account_id = old.account_id AND d.identifier_value = old.identifier_value;
	RETURN gone;
END $$;

REVOKE ALL ON FUNCTION cairn.refuse_with(text, text, jsonb), acme.limits_of(jsonb),
	acme.limit_sentence(text, text, int8, int8, int8, timestamptz), acme.take_limits(jsonb, text[]),
	acme.unpause_mac(uuid, int8), acme.take_order_limits(uuid, text, jsonb), acme.take_issue_limits(uuid, timestamptz, jsonb),
	acme.count_validation(uuid, boolean, text, jsonb), acme.free_names(uuid, text[], text, text, uuid),
	acme.use_unpause_link(text, boolean, text, uuid),
	acme.set_limit_override(text, text, int8, int8, int8, text, text), acme.drop_limit_override(text, text, text),
	acme.list_limit_overrides(), acme.show_limit(jsonb), acme.reset_limit(text, text, text), acme.list_paused(uuid),
	acme.unpause_names(uuid, text[], text), cairn.forget_limits(int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.take_limits(jsonb, text[]), acme.take_order_limits(uuid, text, jsonb),
	acme.use_unpause_link(text, boolean, text, uuid) TO cairn_ra;
GRANT EXECUTE ON FUNCTION cairn.forget_limits(int8) TO cairn_subscriber;
GRANT EXECUTE ON FUNCTION acme.set_limit_override(text, text, int8, int8, int8, text, text),
	acme.drop_limit_override(text, text, text), acme.list_limit_overrides(), acme.show_limit(jsonb),
	acme.reset_limit(text, text, text), acme.list_paused(uuid), acme.unpause_names(uuid, text[], text) TO cairn_operator;

-- The limits asked for, each with the override that fits it best: of its very key, then of the account in it, then of the
-- smallest network around it. An override of CertificatesPerDomainPerAccount takes the place of CertificatesPerDomain.
CREATE OR REPLACE FUNCTION acme.limits_of(p_uses jsonb) RETURNS TABLE (asked text, name text, key text, spend boolean, count int8,
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
				WHERE u.name IN ('NewRegistrationsPerIPAddress', 'FailedBindingsPerIPAddress', 'RecoveriesPerIPAddress') AND v.name = u.name
					AND CASE WHEN v.name IN ('NewRegistrationsPerIPAddress', 'FailedBindingsPerIPAddress', 'RecoveriesPerIPAddress') AND strpos(v.key, '/') > 0
						THEN u.key::inet <<= v.key::cidr ELSE false END) w
		ORDER BY w.rank, w.bits, length(w.key) DESC LIMIT 1) o ON true
$$;

-- "300 every 3 hours" and what of.
CREATE OR REPLACE FUNCTION acme.limit_sentence(p_name text, p_key text, p_count int8, p_period_s int8, p_burst int8, p_at timestamptz)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT format('Too many %s: the limit %s for %s is %s every %s%s. Come again at %s or later', CASE p_name
			WHEN 'NewRegistrationsPerIPAddress' THEN 'new accounts from one address'
			WHEN 'NewRegistrationsPerIPv6Range' THEN 'new accounts from one range of addresses'
			WHEN 'NewOrdersPerAccount' THEN 'new orders'
			WHEN 'CertificatesPerDomain' THEN 'certificates for one registered domain'
			WHEN 'CertificatesPerDomainPerAccount' THEN 'certificates of one account for one registered domain'
			WHEN 'CertificatesPerFQDNSet' THEN 'certificates for exactly the same names'
			WHEN 'FailedAuthorizationsPerDomainPerAccount' THEN 'failed validations'
			WHEN 'NewAuthorizationsPerAccount' THEN 'new authorizations'
			WHEN 'ChallengeRetriesPerAccount' THEN 'challenges that are to be tried again'
			WHEN 'CaaRefusalsPerAccount' THEN 'finalizations that CAA forbade'
			WHEN 'KeyChangesPerAccount' THEN 'key changes'
			WHEN 'RecoveryContactChangesPerAccount' THEN 'changes of recovery contacts'
			WHEN 'RecoveriesPerIPAddress' THEN 'claims of accounts from one address'
			WHEN 'RecoveriesPerAccount' THEN 'claims of one account'
			WHEN 'RecoveriesPerContact' THEN 'claims by one contact'
			WHEN 'RevocationsPerAccount' THEN 'revocations'
			WHEN 'FailedBindingsPerIPAddress' THEN 'wrong external account bindings' ELSE 'requests' END,
		p_name, CASE p_name WHEN 'CertificatesPerFQDNSet' THEN 'this set of names'
			WHEN 'RecoveriesPerContact' THEN 'this contact'
			WHEN 'RecoveriesPerAccount' THEN 'this account' -- whose certificate may be all that the claimant knows of it
			WHEN 'CertificatesPerDomainPerAccount' THEN 'account ' || replace(p_key, '/', ' and ')
			WHEN 'FailedAuthorizationsPerDomainPerAccount' THEN 'account ' || replace(p_key, '/', ' and ')
			ELSE CASE WHEN p_name LIKE '%PerAccount' THEN 'account ' ELSE '' END || p_key END,
		p_count, CASE WHEN p_period_s % 86400 = 0 THEN p_period_s / 86400 || ' day(s)'
			WHEN p_period_s % 3600 = 0 THEN p_period_s / 3600 || ' hour(s)' ELSE p_period_s || ' second(s)' END,
		CASE WHEN p_burst <> p_count THEN ', at most ' || p_burst || ' at once' ELSE '' END,
		to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
$$;

-- Refuses what names an account's paused ones.
CREATE OR REPLACE FUNCTION acme.check_paused(p_account uuid, p_limits jsonb) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
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
	END IF;
	RETURN true;
END $$;

-- At newOrder. p_limits: pausing: names that may be paused; set: digest of all names; uses. A renewal, which is the order of a
-- set that was issued for, is free of NewOrdersPerAccount once an hour, and of CertificatesPerDomain. One by ARI that is due (B-19) is
-- free of all that counts certificates, and where it is the first (p_first) for its certificate of NewOrdersPerAccount: the others come
-- after orders that were let fail. No order is free of what counts failures.
CREATE OR REPLACE FUNCTION acme.take_order_limits(p_account uuid, p_replaces text, p_first boolean, p_limits jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	free text[] := '{}';
	digest bytea := decode(p_limits->>'set', 'hex');
	checked boolean := acme.check_paused(p_account, p_limits);
BEGIN
	IF p_replaces IS NOT NULL AND acme.renewal_is_due(p_replaces) THEN
		free := '{CertificatesPerDomain,CertificatesPerFQDNSet}';
		IF p_first THEN
			free := free || '{NewOrdersPerAccount}';
		END IF;
	ELSIF digest IS NOT NULL THEN
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

-- When an issuance begins: what is begun counts, whatever becomes of it (D-55). Who begins one for a set of names lines up behind
-- who does so at the same time, as that makes it a renewal, or does not when it is refused.
CREATE OR REPLACE FUNCTION acme.take_issue_limits(p_order uuid, p_not_after timestamptz, p_limits jsonb) RETURNS boolean LANGUAGE plpgsql
AS $$
DECLARE
	digest bytea := decode(p_limits->>'set', 'hex');
	new_until timestamptz := p_not_after + interval '30 days';
	known boolean;
	replaced text := (SELECT o.replaces FROM acme.orders o WHERE o.id = p_order);
BEGIN
	LOOP
		UPDATE acme.issued_set s SET until = greatest(s.until, new_until) WHERE s.sha256 = digest AND s.until > now();
		known := FOUND;
		EXIT WHEN known;
		INSERT INTO acme.issued_set AS s (sha256, until) VALUES (digest, new_until)
			ON CONFLICT (sha256) DO UPDATE SET until = excluded.until WHERE s.until <= now();
		EXIT WHEN FOUND;
	END LOOP;
	IF replaced IS NOT NULL AND acme.renewal_is_due(replaced) THEN
		RETURN true;
	END IF;
	RETURN acme.take_limits(p_limits->'uses', CASE WHEN known THEN '{CertificatesPerDomain}'::text[] ELSE '{}' END);
END $$;

-- What acme.take_limits took for a step that was then no use of the limit.
CREATE OR REPLACE FUNCTION acme.give_back(p_uses jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE acme.limit_use u SET whole_at = u.whole_at - l.step FROM acme.limits_of(p_uses) l
		WHERE l.count > 0 AND l.spend AND u.name = l.name AND u.key = l.key;
END $$;

REVOKE ALL ON FUNCTION acme.check_paused(uuid, jsonb), acme.take_order_limits(uuid, text, boolean, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.check_paused(uuid, jsonb), acme.take_order_limits(uuid, text, boolean, jsonb) TO cairn_ra;
REVOKE ALL ON FUNCTION acme.give_back(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.give_back(jsonb) TO cairn_ra;

-- The order of the account that is given again (A-85): for the same names, whatever their order, profile, dates and certificate to
-- replace; pending or ready now, and for a while yet. Only the newest is judged, as each costs time; an order lasts for twice what it has to
-- last yet at most, so that older partitions need not be looked at. None whose challenge the client has responded to without an outcome, as the
-- first response chooses the method, none that a grant made ready, which may have been taken back since, and none that was proved by a record
-- that is looked up for each newOrder (B-32).
CREATE OR REPLACE FUNCTION acme.same_order(p_same int8, p_account uuid, p_types text[], p_values text[], p_profile text,
	p_not_before timestamptz, p_not_after timestamptz, p_replaces text, p_until timestamptz)
RETURNS TABLE (id uuid, status text, authorizations uuid[], expires_at timestamptz, identifier_types text[], identifier_values text[])
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY SELECT n.id, n.status, n.authorizations, n.expires_at, n.identifier_types, n.identifier_values
		FROM acme.order_now n
		WHERE n.id = (SELECT o.id FROM acme.orders o
				WHERE o.same = p_same AND o.id >= cairn.id_at(now() - (p_until - now())) AND o.account_id = p_account
					AND o.profile = p_profile AND o.not_before IS NOT DISTINCT FROM p_not_before
					AND o.not_after IS NOT DISTINCT FROM p_not_after AND o.replaces IS NOT DISTINCT FROM p_replaces
					AND ca.same_names(o.identifier_types, o.identifier_values, p_types, p_values)
				ORDER BY o.id DESC LIMIT 1)
			AND n.expires_at > p_until AND n.status IN ('pending', 'ready')
			AND NOT EXISTS (SELECT FROM acme.authz a WHERE a.id = ANY (n.authorizations)
				AND (a.proof = 'grant' OR (a.tried IS NOT NULL AND (a.validation_id IS NULL OR a.challenge_types[a.tried] = 'dns-persist-01'))));
END $$;

-- newOrder (RFC 8555 7.4): the order with its authorizations and their challenges. A valid authorization of the account that
-- lasts beyond p_reuse_until is used again (A-84), for the base name or the wildcard that it was made for (A-91). The other
-- authorizations are new, with the ids given and the types and tokens of their
-- challenges, which blanks set apart. p_names: p_values without the wildcard label. Where a policy has rules, or the account is
-- bound, they decide (0011): refused has the places and reasons, and nothing was written; granted says that names are valid
-- without a challenge, where p_private allows; judged, that there are such rules at all. The event has the id of the order, since an id that is made here costs as much
-- as the row. p_same: a digest of all that is asked for; an order that asked for the same and lasts beyond p_same_until is given
-- again instead (acme.same_order): given has its id, and its names as they stand there. Who asks for the same at the same time waits for the first.
CREATE OR REPLACE FUNCTION acme.new_order(p_id uuid, p_account uuid, p_thumbprint bytea, p_types text[], p_values text[],
	p_names text[], p_profile text, p_not_before timestamptz, p_not_after timestamptz, p_replaces text,
	p_expires timestamptz, p_reuse_until timestamptz, p_authz_ids uuid[], p_challenge_types text[],
	p_challenge_tokens text[], p_process text, p_request uuid, p_private boolean DEFAULT false, p_limits jsonb DEFAULT NULL,
	p_same int8 DEFAULT NULL, p_same_until timestamptz DEFAULT NULL)
RETURNS TABLE (status text, authorizations uuid[], expires_at timestamptz, refused jsonb, granted boolean, judged boolean, given uuid,
	given_types text[], given_values text[])
LANGUAGE plpgsql AS $$
DECLARE
	checked boolean := pg_advisory_xact_lock(p_same) IS NULL;
	has_some boolean;
	has_same boolean;
	first boolean;
	j record;
	judgement jsonb;
	older record;
	reused uuid[] := '{}';
	missing int := cardinality(p_values);
BEGIN
	-- Name by name: for "= ANY", or a join, a plan reads all authorizations of the account.
	SELECT EXISTS (SELECT FROM unnest(p_names) AS n, LATERAL (SELECT FROM acme.authz a WHERE a.account_id = p_account
			AND a.identifier_value = n AND a.validation_id IS NOT NULL LIMIT 1) u), EXISTS (SELECT FROM acme.judging),
			EXISTS (SELECT FROM acme.orders o WHERE o.same = p_same AND o.id >= cairn.id_at(now() - (p_same_until - now())))
		INTO has_some, judged, has_same FROM acme.account k
		WHERE k.id = p_account AND k.thumbprint = p_thumbprint AND k.status = 'valid' FOR SHARE OF k;
	IF NOT FOUND THEN
		checked := acme.check_account(p_account, p_thumbprint);
	END IF;
	IF judged THEN
		SELECT * INTO j FROM acme.judge_order(p_account, p_types, p_values, p_profile);
		IF j.refused IS NOT NULL THEN
			refused := j.refused;
			RETURN NEXT;
			RETURN;
		END IF;
		judgement := j.facts;
		has_same := has_same AND NOT (p_private AND j.granted IS NOT NULL); -- what is granted is on record with each order
	END IF;
	authorizations := p_authz_ids;
	expires_at := p_expires;
	IF has_some THEN
		SELECT array_agg(u.id ORDER BY n), array_agg(coalesce(u.id, p_authz_ids[n]) ORDER BY n),
			least(p_expires, min(u.expires_at)), count(*) - count(u.id)
			INTO reused, authorizations, expires_at, missing
			FROM generate_subscripts(p_values, 1) AS n
			LEFT JOIN LATERAL (SELECT a.id, a.expires_at FROM acme.authz a
				WHERE a.account_id = p_account AND a.identifier_value = p_names[n] AND a.validation_id IS NOT NULL
					AND a.identifier_type = p_types[n] AND a.wildcard = (p_values[n] <> p_names[n]) -- A-91, C-12
					AND a.ended IS NULL AND a.expires_at > p_reuse_until
					AND a.challenge_types[a.tried] IS DISTINCT FROM 'dns-persist-01' -- B-32: its record is looked up for each order
					-- C-2, C-73: by a method that is offered now, by the rules of the mode of now; a grant is for its own order
					AND a.proof = 'control' AND a.challenge_types[a.tried] = ANY (string_to_array(p_challenge_types[n], ' '))
					AND (a.webpki OR p_private)
				ORDER BY a.expires_at DESC LIMIT 1) u ON true;
	END IF;
	IF has_same THEN
		-- A-84: none that asks for a challenge that a new one would not; but where a certificate is replaced, it can't be another order.
		SELECT * INTO older
			FROM acme.same_order(p_same, p_account, p_types, p_values, p_profile, p_not_before, p_not_after, p_replaces, p_same_until) s
			WHERE p_replaces IS NOT NULL OR NOT EXISTS (SELECT FROM acme.authz a JOIN acme.authz u ON u.id = ANY (reused)
				AND u.identifier_value = a.identifier_value AND u.identifier_type = a.identifier_type AND u.wildcard = a.wildcard
				WHERE a.id = ANY (s.authorizations) AND a.validation_id IS NULL);
		IF FOUND THEN
			checked := p_limits IS NULL OR acme.check_paused(p_account, p_limits); -- it takes nothing from any other limit
			INSERT INTO log.event (id, process, actor, kind, request_id, account_id, order_id, facts)
				VALUES (p_id, p_process, 'account', 'order.given_again', p_request, p_account, older.id,
					jsonb_build_object('identifiers', older.identifier_values, 'status', older.status)
						|| CASE WHEN judgement IS NULL THEN '{}' ELSE jsonb_build_object('judged', judgement) END);
			RETURN QUERY SELECT older.status, older.authorizations, older.expires_at, NULL::jsonb, false, judged, older.id,
				older.identifier_types, older.identifier_values;
			RETURN;
		END IF;
	END IF;
	IF p_replaces IS NOT NULL THEN
		first := acme.claim_replacement(p_id, p_account, p_values, p_replaces);
	END IF;
	IF p_limits IS NOT NULL THEN
		checked := acme.take_order_limits(p_account, p_replaces, first, p_limits); -- what it takes comes back if the order fails
	END IF;
	INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, not_before,
		not_after, replaces, expires_at, same)
		VALUES (p_id, p_account, p_types, p_values, new_order.authorizations, p_profile, p_not_before, p_not_after,
			p_replaces, new_order.expires_at, p_same);
	IF missing > 0 THEN
		INSERT INTO acme.authz (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, tokens,
			expires_at)
			SELECT p_authz_ids[n], p_account, p_types[n], p_names[n], p_values[n] <> p_names[n],
				string_to_array(p_challenge_types[n], ' '), string_to_array(p_challenge_tokens[n], ' '), p_expires
			FROM generate_subscripts(p_values, 1) AS n WHERE reused[n] IS NULL;
	END IF;
	INSERT INTO log.event (id, process, actor, kind, request_id, account_id, order_id, facts)
		VALUES (p_id, p_process, 'account', 'order.created', p_request, p_account, p_id,
			jsonb_build_object('identifiers', p_values, 'profile', p_profile, 'authorizations', authorizations,
				'reused', array_remove(reused, NULL), 'replaces', p_replaces));
	granted := false;
	IF judged THEN
		IF judgement IS NOT NULL THEN
			PERFORM log.add_event(cairn.new_id(), p_process, 'policy', 'order.judged', p_request, p_account, p_id, NULL, judgement);
		END IF;
		IF p_private AND j.granted IS NOT NULL THEN
			SELECT missing - g.names, g.until, g.names > 0 INTO missing, expires_at, granted
				FROM acme.grant_names(p_id, p_process, p_request) g;
		END IF;
	END IF;
	status := CASE missing WHEN 0 THEN 'ready' ELSE 'pending' END;
	RETURN NEXT;
END $$;

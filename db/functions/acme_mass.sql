-- Revocation by an operator (`cairn revoke`): what is meant, what would be done, and the act, in batches or in the waves of an incident
-- (E-7, E-8). What is done twice is done once: each batch takes what is not revoked yet.

-- What one serial, one certificate to the octet, one key or one account stands for.
CREATE OR REPLACE FUNCTION acme.find_revocable(p_serial bytea, p_der bytea, p_spki_sha256 bytea, p_account uuid)
RETURNS TABLE (certificates uuid[], accounts int8, expired int8, missing text[]) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY WITH meant AS (
			SELECT c.* FROM ca.serial s JOIN ca.certificate c ON c.id = s.certificate_id
				WHERE s.serial = p_serial AND (p_der IS NULL OR c.der = p_der)
			UNION ALL SELECT c.* FROM ca.certificate c WHERE c.spki_sha256 = p_spki_sha256 AND c.signed_at IS NOT NULL
			UNION ALL SELECT c.* FROM ca.certificate c WHERE c.lease_until IS NOT NULL AND (c.spki_sha256 = p_spki_sha256 OR c.account_id = p_account)
			UNION ALL SELECT c.* FROM acme.orders o JOIN ca.certificate c ON c.id = o.certificate_id
				WHERE o.account_id = p_account AND c.signed_at IS NOT NULL),
		there AS (SELECT m.id, m.account_id, m.not_after > now() AS lasts FROM meant m WHERE m.der IS NOT NULL OR m.lease_until IS NOT NULL)
		SELECT array_agg(t.id ORDER BY t.id) FILTER (WHERE t.lasts), count(DISTINCT t.account_id) FILTER (WHERE t.lasts),
			count(*) FILTER (WHERE NOT t.lasts), CASE WHEN p_serial IS NOT NULL AND count(*) = 0 THEN ARRAY[encode(p_serial, 'hex')] END
		FROM there t;
END $$;

-- What would be done to these: those that are due, with all that have the same key when it is compromised (E-13), and what was done before.
CREATE OR REPLACE FUNCTION acme.look_at_revocation(p_certificates uuid[], p_reason int8)
RETURNS TABLE (certificates uuid[], before int8, accounts int8, keys int8, sample jsonb) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	meant uuid[] := p_certificates;
BEGIN
	IF p_reason = 1 THEN
		meant := ARRAY(SELECT c.id FROM ca.certificate c WHERE c.id = ANY (p_certificates) UNION SELECT o.id
			FROM (SELECT DISTINCT c.spki_sha256 FROM ca.certificate c WHERE c.id = ANY (p_certificates)) k
				CROSS JOIN LATERAL unnest(acme.ids_of_key(k.spki_sha256, 10000000)) AS o (id));
	END IF;
	certificates := ARRAY(SELECT u.id FROM unnest(meant) AS u (id) WHERE NOT EXISTS (SELECT FROM ca.revocation r
		WHERE r.certificate_id = u.id AND (r.reason = 1 OR p_reason <> 1)) ORDER BY u.id);
	before := cardinality(meant) - cardinality(certificates);
	SELECT count(DISTINCT c.account_id), count(DISTINCT c.spki_sha256) INTO accounts, keys FROM ca.certificate c WHERE c.id = ANY (certificates);
	SELECT coalesce(jsonb_agg(jsonb_build_object('serial', encode(c.serial, 'hex'), 'names', c.names, 'account', cairn.id_text(c.account_id),
		'not_after', to_char(c.not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) ORDER BY c.id), '[]') INTO sample
		FROM ca.certificate c WHERE c.id = ANY (certificates[1:10]);
	RETURN NEXT;
END $$;

-- One batch, by an operator. Of a compromise the keys are blocked, and all go that have them. Gives how many were revoked.
CREATE OR REPLACE FUNCTION acme.revoke_batch(p_certificates uuid[], p_reason int8, p_actor text, p_facts jsonb) RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	key bytea;
	n int8 := 0;
BEGIN
	IF cardinality(p_certificates) > 1000 THEN
		PERFORM cairn.refuse('MALFORMED', 'A batch has up to 1000 certificates');
	END IF;
	IF p_reason = 1 THEN
		FOR key IN SELECT DISTINCT c.spki_sha256 FROM ca.certificate c WHERE c.id = ANY (p_certificates) ORDER BY 1 LOOP
			n := n + (SELECT k.certificates FROM acme.compromise_key(key, 'operator', p_actor, 'cairn', NULL, p_facts) k);
		END LOOP;
	END IF;
	RETURN n + cardinality(acme.revoke_ids(p_certificates, p_reason::int, 'operator', p_actor, 'cairn', NULL, p_facts));
END $$;

-- A key by an operator's word or by its private half, whether certificates have it or not. The rest of very many is for acme.sweep_keys.
CREATE OR REPLACE FUNCTION acme.block_key_by_operator(p_spki_sha256 bytea, p_actor text, p_facts jsonb)
RETURNS TABLE (blocked boolean, certificates int8) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT k.blocked, k.certificates FROM acme.compromise_key(p_spki_sha256, 'operator', p_actor, 'cairn', NULL, p_facts) k;
END $$;

-- That many are to be revoked, or were, for the log.
CREATE OR REPLACE FUNCTION acme.note_revocation(p_kind text, p_actor text, p_facts jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_kind NOT IN ('revocation.begun', 'revocation.stopped', 'revocation.ended') THEN
		PERFORM cairn.refuse('MALFORMED', 'There is no such event');
	END IF;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, p_kind, NULL, NULL, NULL, NULL, p_facts);
END $$;

-- In waves: windows move now, and each certificate is revoked when its wave ends. Gives how many there are.
CREATE OR REPLACE FUNCTION acme.order_revocation(p_id uuid, p_certificates uuid[], p_url text, p_source text, p_opens timestamptz,
	p_closes timestamptz, p_waves int8, p_actor text, p_reason int8, p_occasion text, p_because text, p_due timestamptz) RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8 := acme.create_incident(p_id, p_certificates, p_url, p_source, p_opens, p_closes, p_waves, p_actor);
BEGIN
	INSERT INTO acme.revocation_order (incident_id, reason, occasion, because, ordered_by, due_at)
		VALUES (p_id, p_reason, p_occasion, p_because, p_actor, p_due);
	PERFORM acme.note_revocation('revocation.begun', p_actor, jsonb_build_object('incident', cairn.id_text(p_id), 'source', p_source,
		'reason', p_reason, 'occasion', p_occasion, 'because', p_because, 'certificates', n, 'due', p_due));
	RETURN n;
END $$;

-- The next p_most certificates of ended waves. due: those that are left of them; waiting: whose wave has not ended, the next one at next_at.
CREATE OR REPLACE FUNCTION acme.revoke_waves(p_id uuid, p_most int8, p_actor text)
RETURNS TABLE (revoked int8, due int8, waiting int8, next_at timestamptz, due_at timestamptz) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o acme.revocation_order;
	i acme.incident;
	ids uuid[];
BEGIN
	SELECT r.* INTO o FROM acme.revocation_order r WHERE r.incident_id = p_id FOR UPDATE;
	SELECT f.* INTO i FROM acme.incident f WHERE f.id = p_id;
	IF o.incident_id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'No revocation was ordered by that name');
	ELSIF i.closed_at IS NOT NULL AND o.ended_at IS NULL THEN
		PERFORM cairn.refuse('CONFLICT', 'The incident was closed: what is left of it is not revoked');
	END IF;
	due_at := o.due_at;
	ids := ARRAY(SELECT l.certificate_id FROM acme.left_of_revocation(o) l WHERE l.ends_at <= clock_timestamp() ORDER BY l.wave, l.certificate_id LIMIT p_most);
	revoked := acme.revoke_batch(ids, o.reason, p_actor, jsonb_build_object('incident', cairn.id_text(p_id), 'occasion', o.occasion,
		'because', o.because, 'ordered_by', o.ordered_by));
	SELECT count(*) FILTER (WHERE l.ends_at <= clock_timestamp()), count(*) FILTER (WHERE l.ends_at > clock_timestamp()),
		min(l.ends_at) FILTER (WHERE l.ends_at > clock_timestamp()) INTO due, waiting, next_at FROM acme.left_of_revocation(o) l;
	IF due + waiting = 0 AND o.ended_at IS NULL THEN
		UPDATE acme.revocation_order r SET ended_at = clock_timestamp() WHERE r.incident_id = p_id;
		PERFORM acme.note_revocation('revocation.ended', p_actor, jsonb_build_object('incident', cairn.id_text(p_id)));
	END IF;
	RETURN NEXT;
END $$;

-- Its certificates that are neither revoked nor at their end.
CREATE OR REPLACE FUNCTION acme.left_of_revocation(o acme.revocation_order) RETURNS TABLE (certificate_id uuid, wave int, ends_at timestamptz)
LANGUAGE sql STABLE AS $$
	SELECT m.certificate_id, m.wave, i.opens + (i.closes - i.opens) * m.wave / i.waves
	FROM acme.incident i JOIN acme.incident_certificate m ON m.incident_id = i.id JOIN ca.certificate c ON c.id = m.certificate_id
	WHERE i.id = o.incident_id AND c.not_after > now() AND NOT EXISTS (SELECT FROM ca.revocation r
		WHERE r.certificate_id = m.certificate_id AND (r.reason = 1 OR o.reason <> 1))
$$;

CREATE OR REPLACE FUNCTION acme.list_revocations() RETURNS TABLE (id uuid, reason int8, occasion text, because text, ordered_at timestamptz,
	ordered_by text, due_at timestamptz, ended_at timestamptz, called_off boolean, certificates int8, "left" int8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.incident_id, o.reason::int8, o.occasion, o.because, o.ordered_at, o.ordered_by, o.due_at, o.ended_at,
		i.closed_at IS NOT NULL AND o.ended_at IS NULL,
		(SELECT count(*) FROM acme.incident_certificate m WHERE m.incident_id = o.incident_id),
		CASE WHEN o.ended_at IS NULL THEN (SELECT count(*) FROM acme.left_of_revocation(o)) ELSE 0 END
	FROM acme.revocation_order o JOIN acme.incident i ON i.id = o.incident_id ORDER BY o.incident_id
$$;

REVOKE ALL ON FUNCTION acme.find_revocable(bytea, bytea, bytea, uuid), acme.look_at_revocation(uuid[], int8),
	acme.revoke_batch(uuid[], int8, text, jsonb), acme.block_key_by_operator(bytea, text, jsonb), acme.note_revocation(text, text, jsonb),
	acme.order_revocation(uuid, uuid[], text, text, timestamptz, timestamptz, int8, text, int8, text, text, timestamptz),
	acme.revoke_waves(uuid, int8, text), acme.left_of_revocation(acme.revocation_order), acme.list_revocations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.find_revocable(bytea, bytea, bytea, uuid), acme.look_at_revocation(uuid[], int8),
	acme.revoke_batch(uuid[], int8, text, jsonb), acme.block_key_by_operator(bytea, text, jsonb), acme.note_revocation(text, text, jsonb),
	acme.order_revocation(uuid, uuid[], text, text, timestamptz, timestamptz, int8, text, int8, text, text, timestamptz),
	acme.revoke_waves(uuid, int8, text), acme.list_revocations() TO cairn_operator;

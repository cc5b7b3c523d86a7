-- Validations that can't be relied on, by an operator's word (`cairn incident distrust`; C-75): authorizations that rest on them end,
-- for all accounts, and the certificates that were issued on them are listed, to be revoked.

-- The records that are meant, of the first perspective and of remote ones; NULL: whatever. rests: the validation that an authorization
-- is valid by and that each was part of. What failed, or came when the quorum was decided, nothing rests on. Planned for the very
-- question, and by whole tables: sessions of ours look rows up by index only (lib/db/connection.c).
CREATE OR REPLACE FUNCTION acme.meant_validations(p_validation uuid, p_perspective text, p_method text, p_name text, p_since timestamptz,
	p_until timestamptz) RETURNS TABLE (validation_id uuid, authorization_id uuid, caa_at timestamptz, rests uuid) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = on SET enable_bitmapscan = on
SET enable_hashjoin = on SET enable_mergejoin = on AS $$
BEGIN
	RETURN QUERY SELECT v.id, v.authorization_id, CASE WHEN v.method = 'caa' THEN v.ended_at END,
			CASE WHEN v.method = 'caa' THEN a.validation_id ELSE coalesce(v.corroborates, v.id) END
		FROM log.validation v LEFT JOIN acme.authz a ON a.id = v.authorization_id
		WHERE v.passed AND v.late IS NOT TRUE AND (p_validation IS NULL OR v.id = p_validation)
			AND (p_perspective IS NULL OR v.perspective = p_perspective) AND (p_method IS NULL OR v.method = p_method)
			AND (p_name IS NULL OR v.identifier_value = p_name)
			AND (p_since IS NULL OR v.id >= cairn.id_at(p_since)) AND (p_until IS NULL OR v.id < cairn.id_at(p_until));
END $$;

-- What would be done: how many records, how many of them meant before, and how many authorizations would end that could still be used.
CREATE OR REPLACE FUNCTION acme.find_distrust(p_validation uuid, p_perspective text, p_method text, p_name text, p_since timestamptz,
	p_until timestamptz) RETURNS TABLE (validations int8, before int8, authorizations int8) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET enable_hashjoin = on AS $$
	SELECT count(*), count(d.validation_id), count(DISTINCT a.id) FILTER (WHERE a.ended IS NULL AND a.expires_at > now())
		FROM acme.meant_validations(p_validation, p_perspective, p_method, p_name, p_since, p_until) m
			LEFT JOIN acme.distrusted d ON d.validation_id = m.validation_id
			LEFT JOIN acme.authz a ON a.id = m.authorization_id AND a.validation_id = m.rests
$$;

-- The certificates that have not ended and rest on what is meant; of a check of CAA alone, those that were begun after it.
CREATE OR REPLACE FUNCTION acme.distrusted_certificates(p_validation uuid, p_perspective text, p_method text, p_name text,
	p_since timestamptz, p_until timestamptz)
RETURNS TABLE (serial text, account_id uuid, names text[], not_after timestamptz, state text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET enable_hashjoin = on AS $$
	SELECT encode(c.serial, 'hex'), c.account_id, c.names, c.not_after, CASE WHEN EXISTS (SELECT FROM ca.revocation r
			WHERE r.certificate_id = c.id) THEN 'revoked' WHEN c.der IS NULL AND c.lease_until IS NULL THEN 'given up'
			WHEN c.der IS NULL THEN 'being signed' ELSE 'valid' END
		FROM ca.certificate c WHERE c.not_after > now() AND (c.signed_at IS NOT NULL OR c.lease_until IS NOT NULL) AND c.id IN (SELECT k.id
			FROM ca.certificate k CROSS JOIN LATERAL unnest(k.validations) AS u (id)
				JOIN acme.meant_validations(p_validation, p_perspective, p_method, p_name, p_since, p_until) m ON m.rests = u.id
			WHERE k.not_after > now() AND (m.caa_at IS NULL OR k.begun_at >= m.caa_at - interval '5 min'))
		ORDER BY c.id
$$;

-- The act. No issuance is under way meanwhile: ca.begin_issuance takes its lock of acme.orders before it looks at authorizations, so that
-- it either ended before, and its certificate is listed after this, or sees what this did. Nothing that was not meant before: nothing is done.
CREATE OR REPLACE FUNCTION acme.distrust(p_id uuid, p_validation uuid, p_perspective text, p_method text, p_name text,
	p_since timestamptz, p_until timestamptz, p_reason text, p_actor text) RETURNS TABLE (validations int8, authorizations int8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET enable_hashjoin = on AS $$
DECLARE
	conditions jsonb := jsonb_strip_nulls(jsonb_build_object('validation', p_validation, 'perspective', p_perspective, 'method', p_method,
		'name', p_name, 'since', p_since, 'until', p_until));
	digest text;
BEGIN
	IF conditions = '{}' THEN
		PERFORM cairn.refuse('MALFORMED', 'No validation is meant');
	END IF;
	LOCK TABLE acme.orders IN SHARE MODE;
	INSERT INTO acme.distrust (id, reason, meant, done_by) VALUES (p_id, p_reason, conditions, p_actor);
	INSERT INTO acme.distrusted (validation_id, authorization_id, distrust_id) SELECT m.validation_id, m.authorization_id, p_id
		FROM acme.meant_validations(p_validation, p_perspective, p_method, p_name, p_since, p_until) m ON CONFLICT DO NOTHING;
	GET DIAGNOSTICS validations = ROW_COUNT;
	authorizations := 0;
	IF validations = 0 THEN
		DELETE FROM acme.distrust d WHERE d.id = p_id;
		RETURN NEXT;
		RETURN;
	END IF;
	WITH ended AS (UPDATE acme.authz a SET ended = 'revoked', lease_holder = NULL, lease_until = NULL
		FROM acme.distrusted d JOIN log.validation v ON v.id = d.validation_id
		WHERE d.distrust_id = p_id AND a.id = d.authorization_id AND a.ended IS NULL
			AND (v.method = 'caa' OR a.validation_id = coalesce(v.corroborates, v.id))
		RETURNING a.id, a.account_id, a.validation_id
	), told AS (INSERT INTO log.event (id, happened_at, process, actor, kind, account_id, facts)
		SELECT cairn.new_id(), clock_timestamp(), 'cairn', p_actor, 'authorization.revoked', e.account_id,
			jsonb_build_object('authorization', e.id, 'validation', e.validation_id, 'distrust', p_id, 'reason', p_reason,
				'login', session_user) FROM ended e
	) SELECT count(*) INTO authorizations FROM ended;
	SELECT encode(sha256(convert_to(string_agg(d.validation_id::text, ' ' ORDER BY d.validation_id), 'UTF8')), 'hex') INTO digest
		FROM acme.distrusted d WHERE d.distrust_id = p_id;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'validations.distrusted', NULL, NULL, NULL, NULL,
		jsonb_build_object('distrust', p_id, 'meant', conditions, 'reason', p_reason, 'validations', validations, 'sha256', digest,
			'authorizations', authorizations));
	RETURN NEXT;
END $$;

-- For auditors.
CREATE OR REPLACE VIEW audit.distrusted AS
	SELECT d.validation_id, d.authorization_id, t.id AS distrust_id, t.reason, t.meant, t.done_at, t.done_by
	FROM acme.distrusted d JOIN acme.distrust t ON t.id = d.distrust_id;
COMMENT ON VIEW audit.distrusted IS 'Validations that are not relied on any more, by which act of which operator, and why';
SELECT cairn.inherit_comments('audit.distrusted', 'acme.distrusted');
SELECT cairn.inherit_comments('audit.distrusted', 'acme.distrust');
GRANT SELECT ON audit.distrusted TO cairn_auditor;

REVOKE ALL ON FUNCTION acme.meant_validations(uuid, text, text, text, timestamptz, timestamptz),
	acme.find_distrust(uuid, text, text, text, timestamptz, timestamptz),
	acme.distrusted_certificates(uuid, text, text, text, timestamptz, timestamptz),
	acme.distrust(uuid, uuid, text, text, text, timestamptz, timestamptz, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.find_distrust(uuid, text, text, text, timestamptz, timestamptz),
	acme.distrusted_certificates(uuid, text, text, text, timestamptz, timestamptz),
	acme.distrust(uuid, uuid, text, text, text, timestamptz, timestamptz, text, text) TO cairn_operator;

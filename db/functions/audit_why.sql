-- The story of one certificate, from the records alone (F-56): one row a claim, in the order of its telling. kind and record name
-- the row of the sealed log that proves it (1 request, 2 validation, 3 event; NULL: none does). state: '' when all is there, else
-- 'erased' (on record, as the rules of retention allowed), 'waiting' (that record is not sealed yet), 'missing', 'changed' or 'unproved'.
-- lines: what the record says, one fact a line. gone, gone_id: the row of this table is not there, and state tells how the database judges that;
-- cairn audit why judges it itself, as whoever deletes could mend this text (cli/audit_erased.c).

-- Lookups, connections and CAA of one validation, one line each.
CREATE OR REPLACE FUNCTION audit.evidence_lines(p_id uuid) RETURNS text[] LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT ARRAY(SELECT format('looked up %s %s at %s, DNSSEC %s: %s%s', r.type, r.name, r.resolver, r.dnssec,
			coalesce(r.error, nullif(array_to_string(r.answers, ', '), ''), 'no such records'), ' (an alias of ' || r.alias_of || ')')
			FROM audit.resolution r WHERE r.validation_id = p_id ORDER BY r.position)
		|| ARRAY(SELECT format('asked %s at %s, of %s: %s%s', coalesce(k.url, k.host || ':' || k.port), coalesce(host(k.address_used), 'no address'),
			(SELECT coalesce(string_agg(host(a), ', '), 'none') FROM unnest(k.addresses_resolved) a),
			coalesce(k.error, 'status ' || k.http_status, 'answered'), ', SHA-256 of the answer ' || encode(k.body_sha256, 'hex'))
			|| coalesce(', sent on to ' || k.location, '')
			FROM audit.connection k WHERE k.validation_id = p_id ORDER BY k.position)
		|| ARRAY(SELECT format('CAA %s: %s', CASE WHEN q.permitted THEN 'permits it' ELSE 'forbids it' END,
			coalesce(array_to_string(q.records, '; ') || ' at ' || q.found_at, 'no records up to the root') || coalesce(' (' || q.reason || ')', ''))
			FROM audit.caa q WHERE q.validation_id = p_id)
$$;

CREATE OR REPLACE FUNCTION audit.why_requests(p_ids uuid[]) RETURNS TABLE (section text, title text, lines text[], at timestamptz, kind int8, record uuid, state text, gone text, gone_id uuid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'request', CASE WHEN r.id IS NULL THEN format('Request %s is not on record', u.id)
			ELSE format('%s %s: %s', r.method, r.url, coalesce(r.status || coalesce(' ' || r.problem, ''), 'the outcome is not known')) END,
		CASE WHEN r.personal_kept THEN ARRAY[format('from %s port %s', host(r.remote_address), r.remote_port),
			'user agent: ' || coalesce(r.user_agent, '(none)')] ELSE '{}' END || ('resource: ' || r.route) || ('request id: ' || u.id),
		r.received_at, 1::int8, r.id, CASE WHEN r.personal_kept THEN ''
			WHEN r.id IS NULL THEN audit.erased_state((SELECT audit.erased_ids('log.request', false)), (SELECT audit.erased_ids('log.request', true)), u.id)
			ELSE audit.erased_state((SELECT audit.erased_ids('log.request_private', false)), (SELECT audit.erased_ids('log.request_private', true)), r.id) END,
		CASE WHEN r.id IS NULL THEN 'log.request' WHEN NOT r.personal_kept THEN 'log.request_private' END, CASE WHEN r.personal_kept IS NOT TRUE THEN u.id END
	FROM (SELECT DISTINCT i AS id FROM unnest(p_ids) i WHERE i IS NOT NULL) u LEFT JOIN audit.request r ON r.id = u.id ORDER BY u.id
$$;

CREATE OR REPLACE FUNCTION audit.why_account(p_account uuid) RETURNS TABLE (section text, title text, lines text[], at timestamptz, kind int8, record uuid, state text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'account', format('Account %s was made', k.url_id), ARRAY['key thumbprint (RFC 7638) as it is now: '
			|| translate(rtrim(encode(k.thumbprint, 'base64'), '='), '+/', '-_'), 'key type: ' || (k.key->>'kty') || coalesce(' ' || (k.key->>'crv'), ''),
			'state as it is now: ' || k.status, 'terms agreed to then: ' || CASE WHEN e.id IS NULL THEN 'not on record' ELSE coalesce(e.facts->>'terms_agreed', 'none') END]
		|| CASE WHEN k.eab_key_id IS NULL THEN 'made without an external account key' END, k.created_at, 3::int8, e.id,
		CASE WHEN e.id IS NULL THEN 'unproved' ELSE '' END
		FROM audit.account k LEFT JOIN LATERAL (SELECT v.id, v.facts FROM log.event v WHERE v.id >= cairn.id_at(k.created_at - interval '5 min')
			AND v.id < cairn.id_at(k.created_at + interval '5 min') AND v.account_id = k.id AND v.kind = 'account.created' LIMIT 1) e ON true WHERE k.id = p_account
	UNION ALL SELECT 'account', 'It agreed to terms that had changed', ARRAY['terms: ' || (v.facts->>'terms')], v.happened_at, 3, v.id, ''
		FROM audit.account k JOIN log.event v ON v.account_id = k.id AND v.kind = 'account.terms_agreed' AND v.id >= cairn.id_at(k.created_at - interval '5 min')
		WHERE k.id = p_account
	UNION ALL SELECT 'account', format('It was bound to external account key %s', x.kid), ARRAY['label: ' || x.label, 'made: ' || x.created_at,
			'names it is bound to: ' || coalesce(nullif(array_to_string(x.names || x.networks::text[], ', '), ''), 'whatever the policy gives')],
		e.happened_at, 3, e.id, CASE WHEN e.id IS NULL THEN 'unproved' ELSE '' END
		FROM audit.account k JOIN audit.eab_key x ON x.id = k.eab_key_id LEFT JOIN LATERAL (SELECT v.id, v.happened_at FROM log.event v
			WHERE v.id >= cairn.id_at(k.created_at - interval '5 min') AND v.id < cairn.id_at(k.created_at + interval '5 min')
				AND v.account_id = k.id AND v.kind = 'account.bound' LIMIT 1) e ON true WHERE k.id = p_account
$$;

-- The policy that judged the order, as it stood.
CREATE OR REPLACE FUNCTION audit.why_policy(p_order uuid) RETURNS TABLE (section text, title text, lines text[], at timestamptz, kind int8, record uuid, state text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'policy', CASE WHEN o.policy_version IS NULL THEN 'No policy had rules: everybody could ask for every name by challenge'
			ELSE format('Policy %s judged the order', o.policy_version) END,
		ARRAY(SELECT format('%s: rule "%s", position %s: names %s%s', n.name, r.name, r.position,
			coalesce(nullif(array_to_string(r.names || r.networks::text[], ', '), ''), 'none'), CASE WHEN r.without_challenge THEN ', WITHOUT A CHALLENGE' END)
			FROM unnest(o.names, o.policy_rules) WITH ORDINALITY AS n (name, rule, i) JOIN audit.policy_rule r ON r.version = o.policy_version AND r.name = n.rule ORDER BY n.i),
		j.happened_at, CASE WHEN o.policy_version IS NOT NULL THEN 3::int8 END, j.id, ''
		FROM audit.orders o LEFT JOIN LATERAL (SELECT v.id, v.happened_at FROM log.event v WHERE v.id >= cairn.id_at(o.created_at - interval '2 min')
			AND v.id < cairn.id_at(o.created_at + interval '2 min') AND v.order_id = o.id AND v.kind = 'order.judged' LIMIT 1) j ON true WHERE o.id = p_order
	UNION ALL SELECT 'policy', format('Policy %s came into force', p.version), ARRAY['applied by: ' || p.applied_by, 'SHA-256 of its text: ' || p.sha256,
			'replaced: ' || coalesce(p.in_force_until::text, 'not yet')], p.in_force_from, 3, e.id,
		CASE WHEN e.id IS NULL THEN 'unproved' WHEN e.facts->>'sha256' <> p.sha256 THEN 'changed' ELSE '' END
		FROM audit.orders o JOIN audit.policy p ON p.version = o.policy_version LEFT JOIN LATERAL (SELECT v.id, v.facts FROM log.event v
			WHERE v.id >= cairn.id_at(p.in_force_from - interval '5 min') AND v.id < cairn.id_at(p.in_force_from + interval '5 min')
				AND v.kind = 'policy.applied' AND v.facts->>'policy' = p.version::text LIMIT 1) e ON true WHERE o.id = p_order
$$;

-- The validations that the certificate relies on with those of their round, then all others of its authorizations up to its end.
CREATE OR REPLACE FUNCTION audit.why_validations(p_authorizations uuid[], p_relied uuid[], p_until timestamptz)
RETURNS TABLE (section text, title text, lines text[], at timestamptz, kind int8, record uuid, state text, gone text, gone_id uuid) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'validation', format('%s%s by %s, seen from %s%s: %s%s', CASE WHEN v.wildcard THEN '*.' END, v.identifier_value, v.method,
			v.perspective, CASE WHEN v.remote THEN ' (remote)' END, CASE WHEN v.passed THEN 'passed' ELSE 'failed' END,
			CASE WHEN v.id = ANY (p_relied) THEN '; the certificate relies on it' END),
		ARRAY['rule: ' || v.rule] || ('perspectives that agreed, of those asked: ' || v.quorum) || ('problem: ' || v.problem || ': ' || coalesce(v.detail, ''))
			|| CASE WHEN v.method = 'grant' THEN v.detail END || ('proof of: ' || v.proof) || ('the weakest DNSSEC state: ' || v.dnssec)
			|| ('SHA-256 of the answer: ' || encode(v.answer_sha256, 'hex')) || audit.evidence_lines(v.id)
			|| (SELECT format('NOT TO BE RELIED ON since %s, by %s: %s', d.done_at, d.done_by, d.reason) FROM audit.distrusted d
				WHERE d.validation_id = v.id), -- C-75
		v.ended_at, 2::int8, v.id, CASE WHEN v.personal_kept THEN ''
			ELSE audit.erased_state((SELECT audit.erased_ids('log.validation_private', false)), (SELECT audit.erased_ids('log.validation_private', true)), v.id) END,
		CASE WHEN NOT v.personal_kept THEN 'log.validation_private' END, CASE WHEN NOT v.personal_kept THEN v.id END
	FROM audit.validation v WHERE v.authorization_id = ANY (p_authorizations) AND v.ended_at <= p_until ORDER BY v.ended_at, v.id
$$;

CREATE OR REPLACE FUNCTION audit.why_end(p_certificate uuid) RETURNS TABLE (section text, title text, lines text[], at timestamptz, kind int8, record uuid, state text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'renewal', format('Clients that ask are told to renew it between %s and %s', r.opens, r.closes), ARRAY['as its dates, which the record of its issuance proves, incidents and a revocation are now'],
		NULL::timestamptz, CASE WHEN e.id IS NOT NULL THEN 3::int8 END, e.id, ''
		FROM audit.renewal r JOIN audit.certificate c ON c.id = r.certificate_id LEFT JOIN LATERAL (SELECT v.id FROM log.event v WHERE v.id >= cairn.id_at(c.begun_at - interval '5 min')
			AND v.id < cairn.id_at(c.signed_at + interval '5 min') AND v.certificate_id = c.id AND v.kind = 'certificate.issued' LIMIT 1) e ON true
		WHERE r.certificate_id = p_certificate
	UNION ALL SELECT 'renewal', format('Order %s replaces it', o.url_id), ARRAY['names: ' || array_to_string(o.names, ', ')], o.created_at, 3, e.id, CASE WHEN e.id IS NULL THEN 'unproved' ELSE '' END
		FROM audit.renewal r JOIN audit.orders o ON o.id = r.replaced_by LEFT JOIN log.event e ON e.id = o.id WHERE r.certificate_id = p_certificate
	UNION ALL SELECT 'renewal', format('An incident called for its renewal or revocation before its time: wave %s of %s', i.wave, i.waves),
		ARRAY['what was told: ' || i.url, 'how it was found: ' || i.source, format('to be renewed between %s and %s', w.opens, w.closes),
			'ordered by: ' || i.created_by] || CASE WHEN i.closed_at IS NOT NULL THEN format('called off by %s at %s', i.closed_by, i.closed_at) END, i.created_at, 3::int8, e.id,
		CASE WHEN e.id IS NULL THEN 'unproved' ELSE '' END
		FROM audit.incident_certificate i CROSS JOIN LATERAL (SELECT i.opens + (i.closes - i.opens) * (i.wave - 1) / i.waves AS opens,
			i.opens + (i.closes - i.opens) * i.wave / i.waves AS closes) w
		LEFT JOIN LATERAL (SELECT v.id FROM log.event v WHERE v.id >= cairn.id_at(i.created_at - interval '5 min')
			AND v.id < cairn.id_at(i.created_at + interval '5 min') AND v.kind = 'incident.created' AND v.facts->>'incident' = cairn.id_text(i.incident_id) LIMIT 1) e ON true
		WHERE i.certificate_id = p_certificate
	UNION ALL SELECT 'revocation', 'It was revoked', ARRAY['reason: ' || r.reason, 'asked by: ' || r.revoked_by]
			|| ('login: ' || (e.facts->>'login')) || ('because: ' || (e.facts->>'because')) || ('occasion: ' || (e.facts->>'occasion'))
			|| ('ordered by: ' || (e.facts->>'ordered_by')), r.revoked_at, 3, e.id,
		CASE WHEN e.id IS NULL THEN 'unproved' ELSE '' END
		FROM audit.revocation r LEFT JOIN LATERAL (SELECT v.id, v.facts FROM log.event v WHERE v.id >= cairn.id_at(r.changed_at - interval '5 min')
			AND v.id < cairn.id_at(r.changed_at + interval '5 min') AND v.certificate_id = p_certificate AND v.kind = 'certificate.revoked' ORDER BY v.id DESC LIMIT 1) e ON true
		WHERE r.certificate_id = p_certificate
	UNION ALL SELECT 'revocation', format('CRL %s of %s was the first one published after that', c.number, c.issuer),
		ARRAY['entries: ' || c.entries, 'SHA-256: ' || c.sha256], c.this_update, 3, e.id, CASE WHEN e.id IS NULL THEN 'unproved' ELSE '' END
		FROM audit.revocation r JOIN LATERAL (SELECT * FROM audit.crl l WHERE l.issuer = r.issuer AND l.shard = r.crl_shard
			AND l.covers_until >= r.changed_at ORDER BY l.number LIMIT 1) c ON true
		LEFT JOIN LATERAL (SELECT v.id FROM log.event v WHERE v.id >= cairn.id_at(c.covers_until - interval '5 min')
			AND v.id < cairn.id_at(c.covers_until + interval '5 min') AND v.kind = 'crl.published' AND v.facts->>'sha256' = c.sha256 LIMIT 1) e ON true
		WHERE r.certificate_id = p_certificate
	UNION ALL SELECT 'revocation', 'It is not revoked', '{}', NULL, NULL, NULL, ''
		WHERE NOT EXISTS (SELECT FROM audit.revocation r WHERE r.certificate_id = p_certificate)
$$;

-- A responder of OCSP has a certificate that no subscriber asked for: what fixed its bytes, and the signature (D-60).
CREATE OR REPLACE FUNCTION audit.why_responder(p_serial bytea) RETURNS TABLE (section text, title text, lines text[], at timestamptz, kind int8, record uuid, state text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH found AS MATERIALIZED (SELECT r.*, b.id AS begun, b.facts AS begun_facts, s.id AS signed, s.facts AS signed_facts, s.happened_at AS signed_at FROM ca.responder r
		LEFT JOIN LATERAL (SELECT e.id, e.facts FROM log.event e WHERE e.id >= cairn.id_at(r.begun_at - interval '5 min') AND e.id < cairn.id_at(r.begun_at + interval '5 min')
			AND e.kind = 'responder.begun' AND e.facts->>'serial' = encode(r.serial, 'hex') LIMIT 1) b ON true
		LEFT JOIN LATERAL (SELECT e.id, e.facts, e.happened_at FROM log.event e WHERE e.id >= cairn.id_at(r.begun_at - interval '5 min') AND e.id < cairn.id_at(r.begun_at + interval '5 min')
			AND e.kind = 'responder.issued' AND e.facts->>'serial' = encode(r.serial, 'hex') LIMIT 1) s ON true WHERE r.serial = p_serial)
	SELECT 'certificate', format('Certificate %s is that of a responder of OCSP, which signs answers for issuer %s: no subscriber asked for it', encode(f.serial, 'hex'), f.issuer),
		ARRAY[format('valid from %s to %s', f.not_before, f.not_after), 'issuer: ' || f.issuer,
			'SHA-256: ' || coalesce(encode(sha256(f.der), 'hex'), 'none, as it was never signed, or a crash lost it with its key')],
		f.signed_at, CASE WHEN f.der IS NOT NULL THEN 3::int8 END, f.signed, CASE WHEN f.der IS NULL THEN '' WHEN f.signed IS NULL THEN 'unproved'
			WHEN f.signed_facts->>'sha256' <> encode(sha256(f.der), 'hex') THEN 'changed' ELSE '' END FROM found f
	UNION ALL SELECT 'issuance', 'Its bytes were fixed, before anything was signed', ARRAY['SHA-256 of the bytes: ' || encode(sha256(f.tbs), 'hex'), 'process: ' || f.begun_by],
		f.begun_at, 3, f.begun, CASE WHEN f.begun IS NULL THEN 'unproved' WHEN f.begun_facts->>'tbs_sha256' <> encode(sha256(f.tbs), 'hex') THEN 'changed' ELSE '' END FROM found f
$$;

-- What is there of a serial that no certificate of a subscriber has. The serial of an issuer's own stands behind version 3 in its DER, by a zero more if it began with a set bit.
CREATE OR REPLACE FUNCTION audit.why_no_certificate(p_serial bytea) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce((SELECT format('That is the certificate of issuer %s itself, which no order asked for: audit.issuer has it', i.name) FROM ca.issuer i,
			LATERAL (VALUES (p_serial), ('\x00'::bytea || p_serial)) AS n (octets)
			WHERE position('\xa00302010202'::bytea || set_byte('\x00', 0, length(n.octets)) || n.octets IN substr(i.certificate, 1, 48)) > 0 LIMIT 1),
		(SELECT 'That serial was taken, and no certificate is on record for it: run cairn audit gaps' FROM ca.serial s WHERE s.serial = p_serial),
		'There is no such certificate here')
$$;

CREATE OR REPLACE FUNCTION audit.why_all(p_serial bytea) RETURNS TABLE (section text, title text, lines text[], at timestamptz, kind int8, record uuid, state text, gone text, gone_id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	c audit.certificate;
	o audit.orders;
	made uuid;
	issued log.event;
BEGIN
	SELECT k.* INTO c FROM ca.serial s JOIN audit.certificate k ON k.id = s.certificate_id WHERE s.serial = p_serial;
	IF c.id IS NULL THEN
		RETURN QUERY SELECT x.*, NULL::text, NULL::uuid FROM audit.why_responder(p_serial) x;
		IF NOT FOUND THEN
			PERFORM cairn.refuse('NOT_FOUND', audit.why_no_certificate(p_serial));
		END IF;
		RETURN;
	END IF;
	SELECT * INTO o FROM audit.orders r WHERE r.id = c.order_id;
	SELECT e.* INTO issued FROM log.event e WHERE e.id >= cairn.id_at(c.begun_at - interval '5 min') AND e.id < cairn.id_at(coalesce(c.signed_at, now()) + interval '5 min')
		AND e.certificate_id = c.id AND e.kind = 'certificate.issued' LIMIT 1;
	RETURN QUERY SELECT 'certificate'::text, format('Certificate %s for %s', c.serial, array_to_string(c.names, ', ')),
		ARRAY['state: ' || c.state, format('valid from %s to %s', c.not_before, c.not_after), 'profile: ' || c.profile, 'issuer: ' || c.issuer,
			'SHA-256: ' || coalesce(c.sha256, 'none, as it was never signed'), 'SHA-256 of its key: ' || encode(c.spki_sha256, 'hex')],
		c.signed_at, 3::int8, issued.id, CASE WHEN c.der IS NULL THEN '' WHEN issued.id IS NULL THEN 'unproved'
			WHEN issued.facts->>'sha256' <> c.sha256 THEN 'changed' ELSE '' END, NULL::text, NULL::uuid;
	RETURN QUERY SELECT x.*, NULL::text, NULL::uuid FROM audit.why_account(c.account_id) x;
	IF o.id IS NULL THEN
		RETURN QUERY SELECT 'order'::text, format('Order %s is not there', c.order_id), '{}'::text[], NULL::timestamptz, NULL::int8, NULL::uuid, 'missing', NULL::text, NULL::uuid;
	ELSE
		SELECT e.id INTO made FROM log.event e WHERE e.id = o.id;
		RETURN QUERY SELECT 'order'::text, format('Order %s for %s', o.url_id, array_to_string(o.names, ', ')), ARRAY['profile: ' || o.profile,
			'replaces: ' || coalesce(o.replaces, 'none')], o.created_at, 3::int8, made, CASE WHEN made IS NULL THEN 'unproved' ELSE '' END, NULL::text, NULL::uuid;
		RETURN QUERY SELECT x.*, NULL::text, NULL::uuid FROM audit.why_policy(o.id) x;
	END IF;
	RETURN QUERY SELECT * FROM audit.why_requests((SELECT array_agg(v.request_id) FROM log.event v WHERE v.account_id = c.account_id AND v.kind = 'account.created'
			AND v.id >= (SELECT cairn.id_at(k.created_at - interval '5 min') FROM acme.account k WHERE k.id = c.account_id)
			AND v.id < (SELECT cairn.id_at(k.created_at + interval '5 min') FROM acme.account k WHERE k.id = c.account_id))
		|| o.request_id || (SELECT array_agg(a.request_id) FROM acme.authz a WHERE a.id = ANY (o.authorizations)) || c.request_id
		|| (SELECT r.request_id FROM ca.revocation r WHERE r.certificate_id = c.id));
	RETURN QUERY SELECT * FROM audit.why_validations(o.authorizations, c.validations, coalesce(c.signed_at, c.begun_at));
	RETURN QUERY SELECT 'validation'::text, format('Validation %s, which the certificate relies on, is not on record', u.id), '{}'::text[], NULL::timestamptz, NULL::int8,
		NULL::uuid, audit.erased_state((SELECT audit.erased_ids('log.validation', false)), (SELECT audit.erased_ids('log.validation', true)), u.id), 'log.validation', u.id
		FROM unnest(c.validations) AS u (id) WHERE NOT EXISTS (SELECT FROM log.validation v WHERE v.id = u.id);
	RETURN QUERY SELECT 'issuance'::text, format('%s signed it', c.issuer), ARRAY['lints that passed before the signature: ' || (issued.facts->>'lints'),
			'software: ' || (issued.facts->>'software'), 'mode: ' || (issued.facts->>'mode'), 'linters: ' || (SELECT string_agg(concat_ws(' ', l->>'name', l->>'version'), '; ') FROM cairn.linters s,
				jsonb_array_elements(s.linters) l WHERE s.id = issued.facts->>'linters'), 'process: ' || issued.process, 'bytes fixed at ' || c.begun_at,
			'subject key id of the issuer: ' || (SELECT i.key_id FROM audit.issuer i WHERE i.name = c.issuer),
			'SHA-256 of the issuer''s certificate: ' || (SELECT i.sha256 FROM audit.issuer i WHERE i.name = c.issuer)],
		c.signed_at, 3::int8, issued.id, CASE WHEN issued.id IS NULL THEN 'unproved' ELSE '' END, NULL::text, NULL::uuid WHERE c.der IS NOT NULL;
	RETURN QUERY SELECT 'issuance'::text, CASE e.kind WHEN 'precertificate.signed' THEN 'Its precertificate was signed'
			WHEN 'certificate.promised' THEN 'Transparency logs promised to publish it' WHEN 'certificate.logged' THEN 'A transparency log took it'
			WHEN 'certificate.unlogged' THEN 'Transparency logs were asked in vain' WHEN 'certificate.overdue' THEN 'No transparency log had taken it for a day'
			WHEN 'sct.missing' THEN 'A transparency log has not what it promised'
			ELSE 'It was given up: no certificate left' END, -- H-18, H-13, D-55
		ARRAY['SHA-256: ' || (e.facts->>'sha256'), 'why: ' || (e.facts->>'why')] || ARRAY(SELECT format('%s, log id %s: %s after %s ms', t->>'log', t->>'log_id', t->>'outcome', t->>'took_ms')
			FROM jsonb_array_elements(e.facts->'submissions') t), e.happened_at, 3::int8, e.id, '', NULL::text, NULL::uuid
		FROM log.event e WHERE e.id >= cairn.id_at(c.begun_at - interval '5 min') AND e.id < cairn.id_at(greatest(
				(SELECT max(m.missing_at) FROM ca.sct m WHERE m.certificate_id = c.id), coalesce(
				(SELECT CASE WHEN p.asked_until IS NULL AND c.der IS NOT NULL THEN coalesce(p.logged_at, c.signed_at) ELSE now() END FROM ca.precertificate p WHERE p.certificate_id = c.id),
				CASE WHEN c.der IS NOT NULL THEN c.signed_at END, now())) + interval '5 min')
			AND e.certificate_id = c.id AND e.kind IN ('precertificate.signed', 'certificate.promised', 'certificate.logged', 'certificate.unlogged',
				'certificate.overdue', 'sct.missing', 'certificate.refused') ORDER BY e.id;
	RETURN QUERY SELECT x.*, NULL::text, NULL::uuid FROM audit.why_end(c.id) x;
END $$;

-- A fact that there is not is a line that there is not.
CREATE OR REPLACE FUNCTION audit.why(p_serial bytea) RETURNS TABLE (section text, title text, lines text[], at timestamptz, kind int8, record uuid, state text, gone text, gone_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT w.section, w.title, array_remove(w.lines, NULL), w.at, w.kind, w.record, w.state, w.gone, w.gone_id FROM audit.why_all(p_serial) w
$$;

REVOKE ALL ON FUNCTION audit.evidence_lines(uuid), audit.why_requests(uuid[]), audit.why_account(uuid),
	audit.why_policy(uuid), audit.why_validations(uuid[], uuid[], timestamptz), audit.why_end(uuid), audit.why_responder(bytea), audit.why_no_certificate(bytea), audit.why_all(bytea), audit.why(bytea)
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.why(bytea) TO cairn_auditor;

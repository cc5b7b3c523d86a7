-- What should stand in the records and does not, one kind at a time, for what began from p_since on and before p_until (cli/audit_gaps.c
-- has the list of kinds). What is younger than two minutes may be on its way: a front end writes its requests within seconds. Kinds are
-- reconciled both ways: what has no record, and which record has nothing that it tells of. CRL entries are compared outside, as SQL
-- can't read a CRL. Planned for the very range, and
-- by whole tables: sessions of ours look rows up by index only (lib/db/connection.c).
CREATE OR REPLACE FUNCTION audit.gaps(p_kind text, p_since timestamptz, p_until timestamptz, p_erased cairn.id_ranges DEFAULT NULL)
RETURNS TABLE (record text, at timestamptz, detail text) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = on SET enable_bitmapscan = on
SET enable_hashjoin = on SET enable_mergejoin = on AS $$
DECLARE
	since timestamptz := greatest(p_since, '2000-01-01'); -- NULL: from the beginning
	until timestamptz := least(p_until, now() - interval '2 min');
	a uuid := cairn.id_at(since);
	z uuid := cairn.id_at(until);
	margin CONSTANT interval := '10 min'; -- between the id of an object and the id of what tells of it
	a_wide uuid := cairn.id_at(since - margin);
	erased cairn.id_ranges; -- by the rules of retention, sealed or about to be: of the table that the kind needs. p_erased is what the command says; NULL: the database judges
BEGIN
	CASE p_kind
	-- The front end stopped before its answer was on record, of which nothing is left; or somebody took the outcome away.
	WHEN 'request-without-outcome' THEN
		RETURN QUERY SELECT r.id::text, r.received_at, format('%s %s%s', r.method, r.url, CASE WHEN r.reply_sha256 IS NOT NULL OR r.problem IS NOT NULL
				THEN ': an answer is on record, its status is not' END)
			FROM log.request r WHERE r.id >= a AND r.id < z AND r.status IS NULL AND (r.reply_sha256 IS NOT NULL OR r.problem IS NOT NULL);
	WHEN 'request-interrupted' THEN
		RETURN QUERY WITH cut AS MATERIALIZED (SELECT r.* FROM log.request r WHERE r.id >= a AND r.id < z AND r.status IS NULL
				AND r.reply_sha256 IS NULL AND r.problem IS NULL)
			SELECT r.id::text, r.received_at, format('%s %s: the front end stopped before it answered; %s', r.method, r.url,
				coalesce('on record of it: ' || d.kinds, 'nothing is on record of it'))
			FROM cut r LEFT JOIN (SELECT e.request_id, string_agg(e.kind, ', ' ORDER BY e.id) AS kinds FROM log.event e
				WHERE e.id >= (SELECT cairn.id_at(min(c.received_at) - margin) FROM cut c) AND e.request_id IN (SELECT c.id FROM cut c)
				GROUP BY e.request_id) d ON d.request_id = r.id;
	WHEN 'act-without-request' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.request', true));
		RETURN QUERY SELECT e.id::text, e.happened_at, format('%s by request %s, which is not on record', e.kind, e.request_id)
			FROM log.event e WHERE e.id >= a AND e.id < z AND e.kind IN ('account.created', 'account.deactivated', 'order.created', 'order.given_again', 'certificate.issued', 'certificate.revoked')
				AND e.request_id IS NOT NULL AND NOT EXISTS (SELECT FROM log.request r WHERE r.id = e.request_id)
				AND NOT erased @> e.request_id;
	WHEN 'authorization-without-validation' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.validation', true));
		RETURN QUERY SELECT k.id::text, k.validated_at, format('%s is valid by validation %s, %s', k.identifier_value, k.validation_id,
				CASE WHEN v.id IS NULL THEN 'which is not on record' WHEN NOT v.passed THEN 'which failed'
					WHEN v.authorization_id <> k.id THEN 'which is for another authorization' ELSE 'which proves nothing' END)
			FROM acme.authz k LEFT JOIN log.validation v ON v.id = k.validation_id WHERE k.id >= a AND k.id < z AND k.validation_id IS NOT NULL
				AND (v.id IS NULL OR NOT v.passed OR v.authorization_id <> k.id OR v.proof IS DISTINCT FROM k.proof)
				AND NOT (v.id IS NULL AND erased @> k.validation_id);
	WHEN 'certificate-without-order' THEN
		RETURN QUERY SELECT encode(c.serial, 'hex'), c.begun_at, CASE WHEN o.id IS NULL THEN format('its order %s is not there', c.order_id)
				ELSE format('its order %s names %s', c.order_id, coalesce('certificate ' || o.certificate_id, 'no certificate')) END
			FROM ca.certificate c LEFT JOIN acme.orders o ON o.id = c.order_id WHERE c.id >= a AND c.id < z AND o.certificate_id IS DISTINCT FROM c.id;
	WHEN 'certificate-without-serial' THEN
		RETURN QUERY SELECT encode(c.serial, 'hex'), c.begun_at, 'its serial is not among those taken'::text
			FROM ca.certificate c LEFT JOIN ca.serial s ON s.serial = c.serial WHERE c.id >= a AND c.id < z AND s.certificate_id IS DISTINCT FROM c.id
		UNION ALL SELECT encode(s.serial, 'hex'), cairn.time_of(s.certificate_id), format('the serial was taken for issuance %s, which is not there', s.certificate_id)
			FROM ca.serial s LEFT JOIN ca.certificate c ON c.id = s.certificate_id WHERE s.certificate_id >= a AND s.certificate_id < z AND c.id IS NULL
				AND NOT EXISTS (SELECT FROM ca.responder p WHERE p.serial = s.serial)
		UNION ALL SELECT encode(p.serial, 'hex'), p.begun_at, 'the serial of a responder of OCSP is not among those taken'
			FROM ca.responder p WHERE p.begun_at >= since AND p.begun_at < until AND NOT EXISTS (SELECT FROM ca.serial s WHERE s.serial = p.serial);
	WHEN 'certificate-without-validation' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.validation', true));
		RETURN QUERY SELECT encode(c.serial, 'hex'), c.begun_at, format('%s: no validation on record for it', u.name)
			FROM ca.certificate c CROSS JOIN LATERAL unnest(c.names) AS u (name) WHERE c.id >= a AND c.id < z AND c.der IS NOT NULL
				AND NOT EXISTS (SELECT FROM log.validation v WHERE v.id = ANY (c.validations) AND v.passed AND v.proof IS NOT NULL
					AND u.name = CASE WHEN v.wildcard THEN '*.' ELSE '' END || v.identifier_value)
				AND NOT EXISTS (SELECT FROM unnest(c.validations) AS i (id) WHERE erased @> i.id);
	WHEN 'certificate-without-signature' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.event', true));
		RETURN QUERY SELECT encode(c.serial, 'hex'), c.signed_at, CASE WHEN e.id IS NULL THEN 'no record of its signature'
				ELSE format('another certificate is on record for its signature: SHA-256 %s', e.facts->>'sha256') END
			FROM ca.certificate c LEFT JOIN log.event e ON e.certificate_id = c.id AND e.kind = 'certificate.issued' AND e.id >= a_wide
			WHERE c.id >= a AND c.id < z AND c.der IS NOT NULL AND (e.facts->>'sha256') IS DISTINCT FROM encode(sha256(c.der), 'hex')
				-- what is gone can't be asked for its certificate, but was written when that was signed
				AND NOT (e.id IS NULL AND erased && cairn.id_range(cairn.id_at(c.signed_at - interval '5 s'), cairn.id_at(c.signed_at + interval '5 s')));
	WHEN 'signature-without-certificate' THEN
		RETURN QUERY SELECT e.facts->>'serial', e.happened_at, format('signed for %s; the certificate is not there', e.facts->>'names')
			FROM log.event e LEFT JOIN ca.certificate c ON c.id = e.certificate_id WHERE e.id >= a AND e.id < z AND e.kind = 'certificate.issued' AND c.der IS NULL;
	WHEN 'issuance-unfinished' THEN
		RETURN QUERY SELECT encode(c.serial, 'hex'), c.begun_at, 'its bytes wait for a signature since then'::text
			FROM ca.certificate c WHERE c.id >= a AND c.id < z AND c.der IS NULL AND c.lease_until < now() - margin;
	WHEN 'revocation-without-record' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.event', true));
		RETURN QUERY SELECT encode(r.serial, 'hex'), r.revoked_at, CASE WHEN c.id IS NULL THEN 'there is no such certificate' ELSE 'no event tells of it' END
			FROM ca.revocation r LEFT JOIN ca.certificate c ON c.id = r.certificate_id WHERE r.revoked_at >= since AND r.revoked_at < until
				AND (c.id IS NULL OR (NOT EXISTS (SELECT FROM log.event e WHERE e.id >= a_wide AND e.kind = 'certificate.revoked'
					AND e.certificate_id = r.certificate_id)
					AND NOT erased && cairn.id_range(cairn.id_at(r.changed_at - interval '5 s'), cairn.id_at(r.changed_at + interval '5 s'))))
		UNION ALL SELECT e.facts->>'serial', e.happened_at, 'an event tells of it, but it is not revoked'
			FROM log.event e WHERE e.id >= a AND e.id < z AND e.kind = 'certificate.revoked'
				AND NOT EXISTS (SELECT FROM ca.revocation r WHERE r.certificate_id = e.certificate_id);
	WHEN 'revoked-without-crl-entry' THEN
		RETURN QUERY SELECT encode(r.serial, 'hex'), r.revoked_at, format('no CRL was published for %s/%s since then', r.issuer, r.crl_shard)
			FROM ca.revocation r WHERE r.revoked_at >= since AND r.changed_at < until
				AND NOT EXISTS (SELECT FROM ca.crl c WHERE c.issuer = r.issuer AND c.shard = r.crl_shard AND c.covers_until >= r.changed_at);
	WHEN 'crl-without-record' THEN
		RETURN QUERY SELECT format('%s/%s %s', c.issuer, c.shard, c.number), c.this_update, 'no event tells of its publication, or of another one'::text
			FROM ca.crl c WHERE c.covers_until >= since AND c.covers_until < until AND NOT EXISTS (SELECT FROM log.event e
				WHERE e.id >= a_wide AND e.kind = 'crl.published' AND e.facts->>'sha256' = encode(sha256(c.der), 'hex')
					AND e.facts->>'issuer' = c.issuer AND e.facts->>'number' = c.number::text)
		UNION ALL SELECT format('%s/%s %s', e.facts->>'issuer', e.facts->>'shard', e.facts->>'number'), e.happened_at, 'it was published and is not there'
			FROM log.event e WHERE e.id >= a AND e.id < z AND e.kind = 'crl.published' AND NOT EXISTS (SELECT FROM ca.crl c
				WHERE c.issuer = e.facts->>'issuer' AND c.shard = (e.facts->>'shard')::int AND c.number = (e.facts->>'number')::int8);
	-- who wants an alarm to be overlooked takes its row away, or answers it himself
	WHEN 'alarm-without-record' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.event', true));
		RETURN QUERY WITH told AS MATERIALIZED (SELECT e.*, e.facts->>'alarm' AS alarm FROM log.event e
				WHERE e.id >= a_wide AND e.kind IN ('alarm.raised', 'alarm.acknowledged')),
			kept AS MATERIALIZED (SELECT cairn.id_text(k.id) AS alarm, k.* FROM cairn.alarm k)
			SELECT k.alarm, k.raised_at, CASE WHEN e.id IS NULL THEN format('no event tells that %s was raised', k.kind)
					ELSE format('the event tells of %s %s, the alarm is %s %s', e.facts->>'kind', e.facts->>'subject', k.kind, k.subject) END
				FROM kept k LEFT JOIN told e ON e.alarm = k.alarm AND e.kind = 'alarm.raised' WHERE k.raised_at >= since AND k.raised_at < until
					AND (e.id IS NULL OR e.facts->>'kind' IS DISTINCT FROM k.kind OR left(e.facts->>'subject', 200) IS DISTINCT FROM k.subject)
					AND NOT (e.id IS NULL AND erased && cairn.id_range(cairn.id_at(k.raised_at - interval '5 s'), cairn.id_at(k.raised_at + interval '5 s')))
			UNION ALL SELECT k.alarm, k.acknowledged_at, format('%s is answered by %s, %s', k.kind, k.acknowledged_by,
					CASE WHEN e.id IS NULL THEN 'and no event tells of it' ELSE 'and the event tells of another answer' END)
				FROM kept k LEFT JOIN told e ON e.alarm = k.alarm AND e.kind = 'alarm.acknowledged' WHERE k.acknowledged_at >= since AND k.acknowledged_at < until
					AND (e.id IS NULL OR (e.actor, e.facts->>'true', e.facts->>'note') IS DISTINCT FROM (k.acknowledged_by, k.verdict, k.note))
					AND NOT (e.id IS NULL AND erased && cairn.id_range(cairn.id_at(k.acknowledged_at - interval '5 s'), cairn.id_at(k.acknowledged_at + interval '5 s')))
			UNION ALL SELECT e.alarm, e.happened_at, CASE WHEN k.id IS NULL THEN format('%s tells of an alarm that is not there', e.kind)
					ELSE format('%s answered it, and it has no answer', e.actor) END
				FROM told e LEFT JOIN kept k ON k.alarm = e.alarm WHERE e.id >= a AND e.id < z AND (k.id IS NULL
					OR (e.kind = 'alarm.acknowledged' AND k.acknowledged_at IS NULL));
	-- who wants held records to be deleted as all others takes the hold away, or holds something else by it
	WHEN 'hold-without-record' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.event', true));
		RETURN QUERY WITH told AS MATERIALIZED (SELECT e.*, e.facts->>'hold' AS hold FROM log.event e WHERE e.id >= a_wide AND e.kind IN ('hold.added', 'hold.ended')),
			kept AS MATERIALIZED (SELECT cairn.id_text(h.id) AS hold, cairn.hold_digest(h) AS sha256, h.id, h.created_at, h.created_by, h.ends_at, h.ended_at, h.ended_by,
				h.end_reason FROM cairn.hold h)
			SELECT k.hold, k.created_at, CASE WHEN e.id IS NULL THEN 'no event tells of this hold' ELSE 'it is not the hold that its event tells of' END
				FROM kept k LEFT JOIN told e ON e.hold = k.hold AND e.kind = 'hold.added' WHERE k.created_at >= since AND k.created_at < until
					AND (e.id IS NULL OR e.facts->>'sha256' <> k.sha256 OR (e.facts->>'ends_at')::timestamptz <> k.ends_at OR e.actor <> k.created_by)
					AND NOT (e.id IS NULL AND erased && cairn.id_range(cairn.id_at(k.created_at - interval '5 s'), cairn.id_at(k.created_at + interval '5 s')))
			UNION ALL SELECT k.hold, k.ended_at, CASE WHEN e.id IS NULL THEN 'it has ended, and no event tells of it' ELSE 'the event tells of another end' END
				FROM kept k LEFT JOIN told e ON e.hold = k.hold AND e.kind = 'hold.ended' WHERE k.ended_at >= since AND k.ended_at < until
					AND (e.id IS NULL OR (e.actor, e.facts->>'reason') IS DISTINCT FROM (k.ended_by, k.end_reason))
					AND NOT (e.id IS NULL AND erased && cairn.id_range(cairn.id_at(k.ended_at - interval '5 s'), cairn.id_at(k.ended_at + interval '5 s')))
			UNION ALL SELECT e.hold, e.happened_at, CASE WHEN k.id IS NULL THEN format('%s tells of a hold that is not there', e.kind) ELSE 'it was ended, and has no end' END
				FROM told e LEFT JOIN kept k ON k.hold = e.hold WHERE e.id >= a AND e.id < z AND (k.id IS NULL OR (e.kind = 'hold.ended' AND k.ended_at IS NULL));
	-- who wants evidence to be purged by the rules makes other rules
	WHEN 'retention-without-record' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.event', true));
		RETURN QUERY WITH told AS MATERIALIZED (SELECT e.*, format('%s %s', e.facts->>'class', e.facts->>'version') AS rule FROM log.event e
				WHERE e.id >= a_wide AND e.kind = 'retention.changed'),
			kept AS MATERIALIZED (SELECT format('%s %s', r.class, r.version) AS rule, r.*, r.held_by <> d.held_by OR (r.changed_by = 'cairn'
					AND (r.clear_s, r.keep_s) IS DISTINCT FROM (d.default_s, d.default_s)) AS foreign_to_us
				FROM cairn.retention r JOIN cairn.retention_default() d ON d.class = r.class AND d.version <= r.version AND (d.past IS NULL OR r.version < d.past))
			SELECT k.rule, k.changed_at, CASE WHEN k.foreign_to_us THEN 'it is not the default of the software'
					WHEN e.id IS NULL THEN 'no event tells of this rule' ELSE 'it is not the rule that its event tells of' END
				FROM kept k LEFT JOIN told e ON e.rule = k.rule WHERE k.changed_at < until AND (k.foreign_to_us OR (k.changed_by <> 'cairn' AND k.changed_at >= since
					AND (e.id IS NULL OR (e.actor, (e.facts->>'clear_s')::int8, (e.facts->>'keep_s')::int8, e.facts->>'reason')
						IS DISTINCT FROM (k.changed_by, k.clear_s, k.keep_s, k.reason))
					AND NOT (e.id IS NULL AND erased && cairn.id_range(cairn.id_at(k.changed_at - interval '5 s'), cairn.id_at(k.changed_at + interval '5 s')))))
			UNION ALL SELECT e.rule, e.happened_at, 'retention.changed tells of a rule that is not there'
				FROM told e WHERE e.id >= a AND e.id < z AND NOT EXISTS (SELECT FROM kept k WHERE k.rule = e.rule);
	-- who wants an account that is none, or another's, gives it a key, opens it again or shuts it off
	WHEN 'account-without-record' THEN
		erased := coalesce(p_erased, audit.erased_ids('log.event', true));
		RETURN QUERY WITH told AS MATERIALIZED (SELECT e.account_id AS id, bool_or(e.kind = 'account.created') AS made, bool_or(e.id >= a AND e.id < z) AS lately,
					min(e.happened_at) AS at,
					(array_agg(e.facts->>'thumbprint' ORDER BY e.id DESC) FILTER (WHERE e.kind IN ('account.created', 'account.key_changed')))[1] AS thumbprint,
					(array_agg(substr(e.kind, 9) ORDER BY e.id DESC) FILTER (WHERE e.kind IN ('account.deactivated', 'account.revoked')))[1] AS status,
					array_agg(coalesce(e.facts->>'terms', e.facts->>'terms_agreed') ORDER BY e.id DESC) FILTER (WHERE e.kind IN ('account.created', 'account.terms_agreed')) AS terms
				FROM log.event e WHERE e.id >= a_wide AND e.kind IN ('account.created', 'account.key_changed', 'account.deactivated', 'account.revoked', 'account.terms_agreed')
				GROUP BY 1)
			SELECT cairn.id_text(k.id), k.created_at, CASE WHEN t.made IS NOT TRUE AND k.created_at >= since THEN 'no event tells that it was made'
					WHEN t.thumbprint <> encode(k.thumbprint, 'hex') THEN 'its key is not the one that the events tell of'
					WHEN k.status <> coalesce(t.status, 'valid') THEN format('it is %s, and by the events %s', k.status, coalesce(t.status, 'valid'))
					ELSE 'the terms that it agreed to are not those that the events tell of' END
				FROM acme.account k LEFT JOIN told t ON t.id = k.id
				WHERE (k.created_at >= since OR t.lately) AND k.created_at < until AND ((t.made IS NOT TRUE AND k.created_at >= since)
					OR t.thumbprint <> encode(k.thumbprint, 'hex') OR (k.status <> coalesce(t.status, 'valid') AND (k.created_at >= since OR t.status IS NOT NULL))
					OR (t.terms IS NOT NULL AND t.terms[1] IS DISTINCT FROM k.terms_agreed))
				AND NOT erased && cairn.id_range(cairn.id_at(k.created_at - interval '5 s'), cairn.id_at(now()))
			UNION ALL SELECT cairn.id_text(t.id), t.at, 'events tell of an account that is not there'
				FROM told t WHERE t.lately AND NOT EXISTS (SELECT FROM acme.account k WHERE k.id = t.id);
	END CASE;
END $$;

REVOKE ALL ON FUNCTION audit.gaps(text, timestamptz, timestamptz, cairn.id_ranges) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.gaps(text, timestamptz, timestamptz, cairn.id_ranges) TO cairn_auditor;

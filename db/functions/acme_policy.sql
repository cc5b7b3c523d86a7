-- The valid certificates with names that a policy would refuse. newest: no other of its account has the same names, in whatever
-- order, later, so that its renewal is what is to come, when its renewalInfo says (B-16). refused_now: the policy in force refuses
-- it as well.
CREATE OR REPLACE FUNCTION acme.refused_by(p_version int8, p_now int8) RETURNS SETOF acme.policy_difference LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY SELECT c.id, encode(c.serial, 'hex'), c.account_id, c.profile, c.not_after, r.opens, c.newest,
		EXISTS (SELECT FROM acme.judge(p_now, c.account_id, b.key_id, t.types, c.names, c.profile) AS now WHERE now.verdict = 'refused'),
		j.names, j.reasons
		FROM (SELECT *, row_number() OVER (PARTITION BY account_id, acme.set_digest(names) ORDER BY id DESC) = 1 AS newest
			FROM ca.certificate WHERE not_after > now() AND der IS NOT NULL) c
		JOIN acme.renewal r ON r.certificate_id = c.id
		LEFT JOIN acme.account_binding b ON b.account_id = c.account_id
		CROSS JOIN LATERAL (SELECT array_agg(CASE WHEN n ~ '^[0-9.]+$' OR n LIKE '%:%' THEN 'ip' ELSE 'dns' END ORDER BY o) AS types
			FROM unnest(c.names) WITH ORDINALITY AS u (n, o)) t
		CROSS JOIN LATERAL (SELECT array_agg(coalesce(c.names[w.place], '') ORDER BY w.place) AS names,
			array_agg(w.reason ORDER BY w.place) AS reasons
			FROM acme.judge(p_version, c.account_id, b.key_id, t.types, c.names, c.profile) w WHERE w.verdict = 'refused') j
		WHERE j.names IS NOT NULL AND NOT EXISTS (SELECT FROM ca.revocation v WHERE v.certificate_id = c.id)
		ORDER BY c.id;
END $$;

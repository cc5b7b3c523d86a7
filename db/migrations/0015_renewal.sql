-- When certificates are to be renewed (RFC 9773), which order replaces which certificate, and incidents, by which an operator
-- calls for renewals.

CREATE TABLE acme.replacement (
	certificate_id uuid PRIMARY KEY,
	order_id uuid NOT NULL
);
COMMENT ON TABLE acme.replacement IS 'The order that a certificate was said to be replaced by; one that became invalid may be followed by another (B-17)';
COMMENT ON COLUMN acme.replacement.certificate_id IS 'SUB-CERT: certificate that is replaced';
COMMENT ON COLUMN acme.replacement.order_id IS 'SUB-CERT: order that replaces it';

CREATE TABLE acme.incident (
	id uuid PRIMARY KEY,
	url text NOT NULL CHECK (url ~ '^https?://[!-~]+$'),
	source text NOT NULL,
	opens timestamptz NOT NULL,
	closes timestamptz NOT NULL,
	waves int NOT NULL CHECK (waves BETWEEN 1 AND 1000),
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL,
	closed_at timestamptz,
	closed_by text,
	CHECK (closes >= opens + make_interval(secs => waves))
);
COMMENT ON TABLE acme.incident IS 'Certificates are to be renewed before their time';
COMMENT ON COLUMN acme.incident.id IS 'OPS: incident id';
COMMENT ON COLUMN acme.incident.url IS 'OPS: page that explains it to subscribers';
COMMENT ON COLUMN acme.incident.source IS 'OPS: how the certificates were found: the condition, or the file';
COMMENT ON COLUMN acme.incident.opens IS 'OPS: when the first wave begins';
COMMENT ON COLUMN acme.incident.closes IS 'OPS: when the last wave ends';
COMMENT ON COLUMN acme.incident.waves IS 'OPS: parts of this time, one after another, over which the certificates are spread';
COMMENT ON COLUMN acme.incident.created_at IS 'OPS: since when it is in force';
COMMENT ON COLUMN acme.incident.created_by IS 'OPS: operator who created it';
COMMENT ON COLUMN acme.incident.closed_at IS 'OPS: when it ended';
COMMENT ON COLUMN acme.incident.closed_by IS 'OPS: operator who closed it';

CREATE TABLE acme.incident_certificate (
	certificate_id uuid,
	incident_id uuid REFERENCES acme.incident,
	wave int NOT NULL,
	PRIMARY KEY (certificate_id, incident_id)
);
CREATE INDEX incident_certificate_incident ON acme.incident_certificate (incident_id);
COMMENT ON TABLE acme.incident_certificate IS 'Certificates of an incident';
COMMENT ON COLUMN acme.incident_certificate.certificate_id IS 'SUB-CERT: certificate';
COMMENT ON COLUMN acme.incident_certificate.incident_id IS 'OPS: incident';
COMMENT ON COLUMN acme.incident_certificate.wave IS 'OPS: wave that it is in, from 1';

-- The window in which a certificate is to be renewed. Two per cent of its life, about its two thirds, or half of a life of less
-- than ten days (B-16). An incident calls for it earlier, never later. Of a revoked one it has passed. A certificate whose
-- bytes stand counts (B-18), one that was given up does not.
CREATE VIEW acme.renewal AS
	SELECT c.id AS certificate_id, c.account_id, c.names, s.serial, i.key_id, n.url AS explanation_url,
		CASE WHEN v.certificate_id IS NOT NULL THEN v.revoked_at - interval '60 minutes'
			WHEN n.opens < d.opens THEN n.opens ELSE d.opens END AS opens,
		CASE WHEN v.certificate_id IS NOT NULL THEN v.revoked_at - interval '30 minutes'
			WHEN n.opens < d.opens THEN n.closes ELSE d.opens + make_interval(secs => greatest(1, ceil(l.life * 0.02))) END AS closes
	FROM ca.serial s JOIN ca.certificate c ON c.id = s.certificate_id JOIN ca.issuer i ON i.name = c.issuer
		LEFT JOIN ca.revocation v ON v.certificate_id = c.id
		LEFT JOIN LATERAL (SELECT f.url, f.opens + (f.closes - f.opens) * (m.wave - 1) / f.waves AS opens,
			f.opens + (f.closes - f.opens) * m.wave / f.waves AS closes
			FROM acme.incident_certificate m JOIN acme.incident f ON f.id = m.incident_id
			WHERE m.certificate_id = c.id AND f.closed_at IS NULL ORDER BY 2 LIMIT 1) n ON true
		CROSS JOIN LATERAL (SELECT extract(epoch FROM c.not_after - c.not_before) + 1 AS life) l
		CROSS JOIN LATERAL (SELECT date_trunc('second', c.not_before + make_interval(secs => floor(l.life
			* CASE WHEN l.life < 864000 THEN 0.49 ELSE 2.0 / 3 - 0.01 END))) AS opens) d
	WHERE c.der IS NOT NULL OR c.lease_until IS NOT NULL;

CREATE VIEW front.renewal AS SELECT serial, key_id, opens, closes, explanation_url FROM acme.renewal;
GRANT SELECT ON front.renewal TO cairn_wfe;

-- base64url, whose form was checked before.
CREATE FUNCTION acme.octets_of(text text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT decode(translate(text, '-_', '+/') || repeat('=', -length(text) & 3), 'base64')
$$;

-- Whether the certificate that an order replaces is due: such an order is welcome whatever the limits say (B-19).
CREATE FUNCTION acme.renewal_is_due(p_replaces text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p_key_id bytea := acme.octets_of(split_part(p_replaces, '.', 1));
	p_serial bytea := acme.octets_of(split_part(p_replaces, '.', 2));
BEGIN
	RETURN EXISTS (SELECT FROM acme.renewal r WHERE r.serial = p_serial AND r.key_id = p_key_id AND r.opens <= now());
END $$;

-- The order replaces the certificate, unless another one that is not invalid does (RFC 9773 5, B-17). The row is held first, and
-- the order that has it second, so that whoever comes later sees what became of both: an issuance for that order has begun, or
-- finds that it expired.
CREATE FUNCTION acme.claim_replacement(p_order uuid, p_account uuid, p_values text[], p_replaces text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p_key_id bytea := acme.octets_of(split_part(p_replaces, '.', 1));
	p_serial bytea := acme.octets_of(split_part(p_replaces, '.', 2));
	old record;
	holder uuid;
BEGIN
	SELECT r.certificate_id, r.account_id, r.names INTO old FROM acme.renewal r
		WHERE r.serial = p_serial AND r.key_id = p_key_id;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'This CA has no certificate as named by replaces');
	ELSIF old.account_id <> p_account THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'The certificate named by replaces belongs to another account');
	ELSIF NOT old.names && p_values THEN
		PERFORM cairn.refuse('MALFORMED', 'The certificate named by replaces has none of the identifiers of this order');
	END IF;
	INSERT INTO acme.replacement (certificate_id, order_id) VALUES (old.certificate_id, p_order) ON CONFLICT DO NOTHING;
	IF FOUND THEN
		RETURN;
	END IF;
	SELECT p.order_id INTO STRICT holder FROM acme.replacement p WHERE p.certificate_id = old.certificate_id FOR UPDATE;
	PERFORM FROM acme.orders o WHERE o.id = holder FOR UPDATE;
	IF EXISTS (SELECT FROM acme.order_now o WHERE o.id = holder AND o.status <> 'invalid') THEN
		PERFORM cairn.refuse('ALREADY_REPLACED', 'An order that is not invalid already replaces the certificate');
	END IF;
	UPDATE acme.replacement p SET order_id = p_order WHERE p.certificate_id = old.certificate_id;
END $$;

REVOKE ALL ON FUNCTION acme.octets_of(text), acme.renewal_is_due(text), acme.claim_replacement(uuid, uuid, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.renewal_is_due(text), acme.claim_replacement(uuid, uuid, text[], text) TO cairn_ra;

-- What the condition of an incident may speak of.
CREATE VIEW acme.issued AS
	SELECT c.id AS certificate_id, encode(c.serial, 'hex') AS serial, cairn.id_text(c.account_id) AS account, c.issuer, c.profile,
		c.names, c.not_before, c.not_after, c.signed_at AS issued_at, encode(c.spki_sha256, 'hex') AS spki_sha256,
		EXISTS (SELECT FROM ca.revocation r WHERE r.certificate_id = c.id) AS revoked,
		ARRAY(SELECT DISTINCT v.method FROM log.validation v WHERE v.id = ANY (c.validations)) AS methods,
		(SELECT min(v.ended_at) FROM log.validation v WHERE v.id = ANY (c.validations)) AS validated_at
	FROM ca.certificate c WHERE c.der IS NOT NULL;

-- The certificates that have not ended and fit a condition. It is an operator's own SQL, run with this operator's rights, which
-- can't read more than acme.issued, and where nothing can be written; FOR takes one statement only.
CREATE FUNCTION acme.find_issued(p_condition text) RETURNS TABLE (certificates uuid[], accounts int8) LANGUAGE plpgsql STABLE
SET transaction_read_only = on SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	FOR certificates, accounts IN EXECUTE 'SELECT array_agg(i.certificate_id), count(DISTINCT i.account) FROM acme.issued i'
		|| E' WHERE i.not_after > now() AND (\n' || p_condition || E'\n)' LOOP
		RETURN NEXT;
	END LOOP;
EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported OR read_only_sql_transaction
		OR invalid_cursor_definition THEN
	PERFORM cairn.refuse('MALFORMED', 'The condition can not be used: ' || SQLERRM);
END $$;

-- The same for serials in hexadecimal digits. missing: those that no certificate has.
CREATE FUNCTION acme.find_serials(p_serials text[])
RETURNS TABLE (certificates uuid[], accounts int8, expired int8, missing text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT array_agg(DISTINCT c.id) FILTER (WHERE c.not_after > now()), count(DISTINCT c.account_id) FILTER (WHERE c.not_after > now()),
		count(DISTINCT c.id) FILTER (WHERE c.not_after <= now()), array_agg(p.serial) FILTER (WHERE c.id IS NULL)
		FROM unnest(p_serials) AS p (serial) LEFT JOIN ca.serial s ON s.serial = decode(p.serial, 'hex')
			LEFT JOIN ca.certificate c ON c.id = s.certificate_id AND c.der IS NOT NULL
$$;

-- An operator's act. Over the waves the certificates are spread by the random part of their ids. Gives how many there are.
CREATE FUNCTION acme.create_incident(p_id uuid, p_certificates uuid[], p_url text, p_source text, p_opens timestamptz,
	p_closes timestamptz, p_waves int8, p_actor text) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made int8;
BEGIN
	INSERT INTO acme.incident (id, url, source, opens, closes, waves, created_by)
		VALUES (p_id, p_url, p_source, p_opens, p_closes, p_waves, p_actor);
	INSERT INTO acme.incident_certificate (certificate_id, incident_id, wave)
		SELECT c.id, p_id, ntile(p_waves::int) OVER (ORDER BY substr(uuid_send(c.id), 9))
		FROM ca.certificate c WHERE c.id = ANY (p_certificates) AND c.der IS NOT NULL;
	GET DIAGNOSTICS made = ROW_COUNT;
	IF made = 0 THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no certificate that has not ended and is meant');
	END IF;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'incident.created', NULL, NULL, NULL, NULL,
		jsonb_build_object('incident', cairn.id_text(p_id), 'url', p_url, 'source', p_source, 'certificates', made,
			'opens', p_opens, 'closes', p_closes, 'waves', p_waves));
	RETURN made;
END $$;

-- The certificates of an incident and what became of them.
CREATE VIEW acme.incident_state AS
	SELECT m.incident_id, m.wave, c.id AS certificate_id, c.account_id, c.serial, c.names, c.not_after,
		CASE WHEN EXISTS (SELECT FROM ca.revocation v WHERE v.certificate_id = c.id) THEN 'revoked'
			WHEN EXISTS (SELECT FROM acme.replacement p JOIN acme.orders o ON o.id = p.order_id
				JOIN ca.certificate n ON n.id = o.certificate_id WHERE p.certificate_id = c.id AND n.der IS NOT NULL) THEN 'replaced'
			WHEN c.not_after <= now() THEN 'expired' ELSE 'waiting' END AS state
	FROM acme.incident_certificate m JOIN ca.certificate c ON c.id = m.certificate_id;

CREATE FUNCTION acme.list_incidents(p_id uuid) RETURNS TABLE (id uuid, url text, source text, opens timestamptz,
	closes timestamptz, waves int8, created_at timestamptz, created_by text, closed_at timestamptz, closed_by text,
	certificates int8, waiting int8, replaced int8, revoked int8, expired int8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT f.id, f.url, f.source, f.opens, f.closes, f.waves::int8, f.created_at, f.created_by, f.closed_at, f.closed_by, s.*
		FROM acme.incident f CROSS JOIN LATERAL (SELECT count(*), count(*) FILTER (WHERE m.state = 'waiting'),
			count(*) FILTER (WHERE m.state = 'replaced'), count(*) FILTER (WHERE m.state = 'revoked'),
			count(*) FILTER (WHERE m.state = 'expired') FROM acme.incident_state m WHERE m.incident_id = f.id) s
		WHERE p_id IS NULL OR f.id = p_id ORDER BY f.id
$$;

CREATE FUNCTION acme.show_incident(p_id uuid)
RETURNS TABLE (serial text, account_id uuid, names text[], not_after timestamptz, wave int8, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT encode(m.serial, 'hex'), m.account_id, m.names, m.not_after, m.wave::int8, m.state
		FROM acme.incident_state m WHERE m.incident_id = p_id ORDER BY m.wave, m.certificate_id
$$;

-- Its certificates have their own windows again. False: it was closed before.
CREATE FUNCTION acme.close_incident(p_id uuid, p_actor text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE acme.incident SET closed_at = now(), closed_by = p_actor WHERE id = p_id AND closed_at IS NULL;
	IF NOT FOUND THEN
		IF NOT EXISTS (SELECT FROM acme.incident WHERE id = p_id) THEN
			PERFORM cairn.refuse('NOT_FOUND', 'There is no such incident');
		END IF;
		RETURN false;
	END IF;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'incident.closed', NULL, NULL, NULL, NULL,
		jsonb_build_object('incident', cairn.id_text(p_id)));
	RETURN true;
END $$;

REVOKE ALL ON FUNCTION acme.find_issued(text), acme.find_serials(text[]),
	acme.create_incident(uuid, uuid[], text, text, timestamptz, timestamptz, int8, text), acme.list_incidents(uuid),
	acme.show_incident(uuid), acme.close_incident(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.find_issued(text), acme.find_serials(text[]),
	acme.create_incident(uuid, uuid[], text, text, timestamptz, timestamptz, int8, text), acme.list_incidents(uuid),
	acme.show_incident(uuid), acme.close_incident(uuid, text), cairn.id_text(uuid) TO cairn_operator;
GRANT SELECT ON acme.issued TO cairn_operator;

-- Whether an account, or one that would be made with p_key, has an external account key among p_keys, or a successor of one.
CREATE FUNCTION acme.has_key(p_account uuid, p_key uuid, p_keys text[]) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM acme.eab_key k JOIN acme.eab_key e ON e.lineage = k.lineage
		WHERE k.id = coalesce(p_key, (SELECT b.key_id FROM acme.account_binding b WHERE b.account_id = p_account))
			AND e.id IN (SELECT cairn.id_of(t) FROM unnest(p_keys) AS t))
$$;
REVOKE ALL ON FUNCTION acme.has_key(uuid, uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.has_key(uuid, uuid, text[]) TO cairn_ra, cairn_operator;

-- Certificates read back with all that is on record of them, to be compared by policy/issued.c: behind p_after and before p_before, in the
-- order of their ids. A precertificate counts as one, whether its certificate came or not (D-55). One whose signature is recorded and that is not
-- there itself is a row without octets (of those that were signed within 10 minutes; audit_gaps.sql looks without limit).
DROP FUNCTION IF EXISTS log.read_issued(uuid, uuid, int8);
CREATE OR REPLACE FUNCTION log.read_issued(p_after uuid, p_before uuid, p_most int8) RETURNS TABLE (id uuid, serial bytea, der bytea, tbs_sha256 bytea,
	spki_sha256 bytea, names text[], profile text, not_before timestamptz, not_after timestamptz, begun_at timestamptz, serial_of uuid, order_names text[],
	order_profile text, asked_from timestamptz, asked_to timestamptz, signed_sha256 text, issuer text, issuer_certificate bytea, issuer_chain text,
	precertificate bytea, promised_sha256 text, crl_url text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET enable_hashjoin = on AS $$
BEGIN
	RETURN QUERY WITH picked AS MATERIALIZED (SELECT c.*, p.der AS promise FROM ca.certificate c LEFT JOIN ca.precertificate p ON p.certificate_id = c.id
			WHERE c.id > p_after AND c.id < p_before AND (c.der IS NOT NULL OR p.der IS NOT NULL) ORDER BY c.id LIMIT p_most),
		edge AS MATERIALIZED (SELECT CASE WHEN count(*) = p_most THEN (SELECT s.id FROM picked s ORDER BY s.id DESC LIMIT 1) ELSE p_before END AS last,
			least(min(s.begun_at), cairn.time_of(p_after)) AS first_at, max(s.signed_at) AS last_at FROM picked s),
		around AS MATERIALIZED (SELECT cairn.id_at(greatest(d.first_at, '1970-01-02') - interval '10 min') AS a,
			cairn.id_at(least(greatest(d.last_at, cairn.time_of(d.last)) + interval '10 min', now() + interval '10 min')) AS z FROM edge d),
		told AS MATERIALIZED (SELECT e.certificate_id, e.kind, e.facts->>'sha256' AS sha256 FROM log.event e
			WHERE e.id >= (SELECT a FROM around) AND e.id < (SELECT z FROM around) AND e.kind IN ('certificate.issued', 'precertificate.signed')),
		compared AS (SELECT s.id, s.serial, s.der, s.tbs_sha256, s.spki_sha256, s.names, s.profile, s.not_before, s.not_after, s.begun_at, t.certificate_id,
		o.identifier_values, o.profile, o.not_before, o.not_after, e.sha256, s.issuer, i.certificate, i.chain, s.promise, f.sha256,
		(SELECT h.url FROM ca.crl_shard h WHERE h.issuer = s.issuer AND h.shard = s.crl_shard) AS crl_url
		FROM picked s LEFT JOIN ca.serial t ON t.serial = s.serial LEFT JOIN acme.orders o ON o.id = s.order_id AND o.certificate_id = s.id AND o.account_id = s.account_id
			LEFT JOIN ca.issuer i ON i.name = s.issuer LEFT JOIN told e ON e.certificate_id = s.id AND e.kind = 'certificate.issued'
			LEFT JOIN told f ON f.certificate_id = s.id AND f.kind = 'precertificate.signed'),
		lost AS (SELECT e.certificate_id AS id, min(e.sha256) FILTER (WHERE e.kind = 'certificate.issued') AS sha256,
			min(e.sha256) FILTER (WHERE e.kind = 'precertificate.signed') AS promised FROM told e WHERE e.certificate_id > p_after
			AND e.certificate_id <= (SELECT d.last FROM edge d) AND e.certificate_id < p_before
			AND NOT EXISTS (SELECT FROM picked s WHERE s.id = e.certificate_id) GROUP BY e.certificate_id)
	SELECT x.* FROM (SELECT * FROM compared UNION ALL SELECT l.id, (SELECT t.serial FROM ca.serial t WHERE t.certificate_id = l.id LIMIT 1), NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, cairn.time_of(l.id), NULL, NULL, NULL, NULL, NULL, l.sha256, NULL, NULL, NULL, NULL, l.promised, NULL FROM lost l) AS x
		ORDER BY x.id LIMIT p_most;
END $$;

-- What was found between the position on record and p_upto, with an event for each that differs and one for the round. Who has not the lease, or
-- begins elsewhere, changes nothing.
CREATE OR REPLACE FUNCTION log.record_issued_check(p_holder text, p_process text, p_after uuid, p_upto uuid, p_certificates int8, p_differing uuid[],
	p_what text[]) RETURNS TABLE (differences int8) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM cairn.lease l WHERE l.name = 'issued' AND l.holder = p_holder AND l.until > clock_timestamp() FOR SHARE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance reads certificates back');
	END IF;
	UPDATE cairn.issued_check k SET upto = p_upto, checked_at = now(), certificates = k.certificates + p_certificates,
		differences = k.differences + cardinality(p_differing),
		last_difference_at = CASE WHEN cardinality(p_differing) > 0 THEN now() ELSE k.last_difference_at END
		WHERE k.upto = p_after RETURNING k.differences INTO differences;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance has read these certificates back');
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'certificate.differs', NULL, c.account_id, c.order_id, u.id,
			jsonb_build_object('serial', encode(coalesce(c.serial, (SELECT t.serial FROM ca.serial t WHERE t.certificate_id = u.id LIMIT 1)), 'hex'), 'what', u.what))
		FROM unnest(p_differing, p_what) AS u (id, what) LEFT JOIN ca.certificate c ON c.id = u.id;
	IF cardinality(p_differing) > 0 THEN
		PERFORM log.raise_alarm('certificate-differs', '', format('%s certificates differ from their records, such as of serial %s: %s; cairn audit issued tells all',
			cardinality(p_differing), coalesce((SELECT encode(t.serial, 'hex') FROM ca.serial t WHERE t.certificate_id = p_differing[1] LIMIT 1), 'unknown'), p_what[1]), p_process, false);
	END IF;
	IF p_certificates > 0 THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'cairn', 'certificates.compared', NULL, NULL, NULL, NULL, jsonb_build_object('from', cairn.time_of(p_after),
			'until', cairn.time_of(p_upto), 'certificates', p_certificates, 'differences', cardinality(p_differing)));
	END IF;
	RETURN NEXT;
END $$;

-- Revocations of the last 400 days that are not what the log says, as who takes a row away has the certificate stand as good in the next CRL: -1 for
-- who has not the lease. They are found again in each round, until they are mended.
CREATE OR REPLACE FUNCTION log.check_revocations(p_holder text, p_process text) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int8;
	first record;
BEGIN
	IF NOT EXISTS (SELECT FROM cairn.lease l WHERE l.name = 'issued' AND l.holder = p_holder AND l.until > clock_timestamp()) THEN
		RETURN -1;
	END IF;
	SELECT count(*), (array_agg(g.record ORDER BY g.at))[1] AS serial, (array_agg(g.detail ORDER BY g.at))[1] AS detail INTO first
		FROM audit.gaps('revocation-without-record', now() - interval '400 days', NULL) g;
	n := first.count;
	IF n > 0 THEN
		PERFORM log.raise_alarm('revocation-differs', '', format('%s revocations are not what the log says, such as of serial %s: %s; cairn audit gaps tells all',
			n, first.serial, first.detail), p_process, false);
	END IF;
	RETURN n;
END $$;

REVOKE ALL ON FUNCTION log.check_revocations(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.check_revocations(text, text) TO cairn_subscriber;
REVOKE ALL ON FUNCTION log.read_issued(uuid, uuid, int8), log.record_issued_check(text, text, uuid, uuid, int8, uuid[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.read_issued(uuid, uuid, int8) TO cairn_subscriber, cairn_auditor;
GRANT EXECUTE ON FUNCTION log.record_issued_check(text, text, uuid, uuid, int8, uuid[], text[]) TO cairn_subscriber;

-- The public export (docs/privacy.md), the only way by which data leaves in bulk (G-15). Lists name their columns one by one, so that a
-- column that a table gains is in none of them. Numbers are about whole days (UTC), so that no two ranges differ by one person; each has 20
-- requesters at least, none of whom makes more than half of it, and is rounded down to twenties, so that sums of one kind tell nothing that
-- another leaves out (G-33, G-44).

CREATE OR REPLACE VIEW export.certificate AS
	SELECT c.id, encode(c.serial, 'hex') AS serial, c.issuer, c.profile, c.names, c.not_before, c.not_after, c.signed_at AS issued_at, encode(sha256(c.der), 'hex') AS sha256,
		translate(encode(c.der, 'base64'), E'\n', '') AS der
	FROM ca.certificate c WHERE c.der IS NOT NULL;
COMMENT ON VIEW export.certificate IS 'Certificates';
SELECT cairn.inherit_comments('export.certificate', 'ca.certificate');
COMMENT ON COLUMN export.certificate.serial IS 'SUB-CERT: serial in hexadecimal digits';
COMMENT ON COLUMN export.certificate.issued_at IS 'SUB-CERT: when it was recorded, right after the signature';
COMMENT ON COLUMN export.certificate.sha256 IS 'SUB-CERT: SHA-256 of the certificate in hexadecimal digits';
COMMENT ON COLUMN export.certificate.der IS 'SUB-CERT: the certificate, in base64';

CREATE OR REPLACE VIEW export.revocation AS
	SELECT encode(r.serial, 'hex') AS serial, r.issuer, r.reason, r.revoked_at, r.not_after, r.changed_at AS recorded_at FROM ca.revocation r;
COMMENT ON VIEW export.revocation IS 'Revoked certificates';
SELECT cairn.inherit_comments('export.revocation', 'ca.revocation');
COMMENT ON COLUMN export.revocation.serial IS 'SUB-CERT: serial in hexadecimal digits';
COMMENT ON COLUMN export.revocation.recorded_at IS 'SUB-CERT: when it was recorded, or its reason or date changed last';

CREATE OR REPLACE VIEW export.crl AS
	SELECT c.issuer, c.shard, c.number, c.this_update, c.next_update, c.entries, encode(sha256(c.der), 'hex') AS sha256 FROM ca.crl c;
COMMENT ON VIEW export.crl IS 'CRLs that were published';
SELECT cairn.inherit_comments('export.crl', 'ca.crl');
COMMENT ON COLUMN export.crl.sha256 IS 'SUB-CERT: SHA-256 of the CRL in hexadecimal digits';

CREATE OR REPLACE FUNCTION export.parts() RETURNS TABLE (place int, part text, columns text[]) LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	VALUES (1, 'certificates', ARRAY['serial', 'issuer', 'profile', 'names', 'not_before', 'not_after', 'issued_at', 'sha256', 'der']),
		(2, 'revocations', ARRAY['serial', 'issuer', 'reason', 'revoked_at', 'not_after', 'recorded_at']),
		(3, 'crls', ARRAY['issuer', 'shard', 'number', 'this_update', 'next_update', 'entries', 'sha256']),
		(4, 'requests', ARRAY['resource', 'outcome', 'requests', 'requesters']), (5, 'validations', ARRAY['method', 'result', 'validations', 'requesters']),
		(6, 'clients', ARRAY['client', 'requests', 'requesters'])
$$;

CREATE OR REPLACE FUNCTION export.network(p_address inet) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT network(set_masklen(p_address, CASE family(p_address) WHEN 4 THEN 24 ELSE 48 END))::text
$$;

-- Who asked, as far as that can be told apart: an account, else a network.
CREATE OR REPLACE FUNCTION export.requester(p_account uuid, p_address inet) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(p_account::text, export.network(p_address), 'erased')
$$;

-- Whether a text of a subscriber's looks like a contact (G-41): all that can be a recovery contact is an address with an @ or an
-- international telephone number of seven digits and more (lib/base/contact.c), so this finds those that are known, too, without opening
-- them, also with hyphens or blanks between the digits. Points divide them: else each address would be one.
CREATE OR REPLACE FUNCTION export.contact_like(p_text text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(p_text ~* '@|%40|[0-9]([ ()-]*[0-9]){6}|(^|[^a-z])(tel|phone|mobile|fax|sms|mailto)[^a-z0-9]*[0-9][0-9 ().-]{4,}[0-9]|(^|[^a-z])mailto([^a-z]|$)', false)
$$;

-- The name of a program and nothing that could name a person: letters, digits and hyphens up to a slash or a blank.
CREATE OR REPLACE FUNCTION export.client(p_user_agent text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN export.contact_like(n) THEN 'other' ELSE n END
	FROM (SELECT lower(coalesce(substring(p_user_agent FROM '^([A-Za-z][A-Za-z0-9-]{1,23})(?:[/ ]|$)'), 'other')) AS n) x
$$;

-- Numbers of a day. What has fewer requesters than 20, or came from fewer than 20 networks, is left out, and so is what one of either makes more than
-- half of: accounts are free, and one person may have twenty of them.
CREATE OR REPLACE FUNCTION export.numbers(p_part text, p_day date) RETURNS TABLE (one text, other text, n int8, requesters int8) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
	WITH bounds AS (SELECT cairn.id_at(p_day::timestamptz) AS first, cairn.id_at((p_day + 1)::timestamptz) AS past),
	seen AS (
		SELECT CASE p_part WHEN 'requests' THEN r.route ELSE export.client(p.user_agent) END AS one,
			CASE WHEN p_part = 'clients' THEN '' WHEN r.status IS NULL THEN 'unknown' ELSE coalesce(r.problem, 'answered') END AS other,
			export.requester(r.account_id, p.remote_address) AS requester, export.network(p.remote_address) AS network
		FROM bounds b, log.request r LEFT JOIN log.request_private p ON p.id = r.id
		WHERE p_part IN ('requests', 'clients') AND r.id >= b.first AND r.id < b.past AND (p_part = 'requests' OR p.id IS NOT NULL)
		UNION ALL
		SELECT v.method, CASE WHEN v.passed THEN 'passed' ELSE coalesce(v.problem, 'failed') END, v.account_id::text, export.network(p.remote_address)
		FROM bounds b, log.validation v LEFT JOIN log.request_private p ON p.id = v.request_id
		WHERE p_part = 'validations' AND v.id >= b.first AND v.id < b.past AND v.corroborates IS NULL),
	each AS (SELECT s.one, s.other, s.requester, count(*) AS n FROM seen s GROUP BY 1, 2, 3),
	networks AS (SELECT x.one, x.other, max(x.n) AS most FROM (SELECT s.one, s.other, s.network, count(*) AS n FROM seen s WHERE s.network IS NOT NULL GROUP BY 1, 2, 3) x
		GROUP BY 1, 2 HAVING count(*) >= 20)
	SELECT e.one, e.other, sum(e.n)::int8 / 20 * 20, count(*) / 20 * 20 FROM each e JOIN networks w USING (one, other) GROUP BY 1, 2
	HAVING count(*) >= 20 AND greatest(max(e.n), max(w.most)) * 2 <= sum(e.n) ORDER BY 1, 2
$$;

-- A day's rows of a part behind a key, in order, each as its columns; the same as often as it is asked, as long as nothing is changed or erased.
-- item NULL: a name looks like a contact, and the row is withheld; by a name that anybody may have nobody can hold up the others.
CREATE OR REPLACE FUNCTION export.rows(p_part text, p_day date, p_after text, p_most int8) RETURNS TABLE (key text, item jsonb) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	since timestamptz := p_day::timestamptz;
	until timestamptz := (p_day + 1)::timestamptz;
	wrong text;
BEGIN
	IF until > now() - interval '1 hour' THEN
		PERFORM cairn.refuse('MALFORMED', 'Only days that are over for an hour are told');
	END IF;
	-- G-40: whoever adds a column of another class to a view stops the export.
	SELECT format('%s.%s', a.attrelid::regclass, a.attname) INTO wrong FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'export'::regnamespace
		WHERE a.attnum > 0 AND coalesce(split_part(col_description(a.attrelid, a.attnum), ':', 1), '') <> 'SUB-CERT' LIMIT 1;
	IF wrong IS NOT NULL THEN
		PERFORM cairn.refuse('CONFLICT', format('Column %s is of a class that is not public', wrong));
	END IF;
	FOR key, item IN
		SELECT x.k, x.j FROM (
			SELECT v.id::text AS k, to_jsonb(v) AS j FROM export.certificate v WHERE p_part = 'certificates' AND v.id >= cairn.id_at(since - interval '1 day')
				AND v.id < cairn.id_at(until) AND v.issued_at >= since AND v.issued_at < until
			-- by when it was recorded: the date of a revocation may be set back to before days that were told (E-12)
			UNION ALL SELECT v.serial, to_jsonb(v) FROM export.revocation v WHERE p_part = 'revocations' AND v.recorded_at >= since AND v.recorded_at < until
			UNION ALL SELECT format('%s/%s/%s', v.issuer, v.shard, lpad(v.number::text, 20, '0')), to_jsonb(v) FROM export.crl v
				WHERE p_part = 'crls' AND v.this_update >= since AND v.this_update < until
			UNION ALL SELECT format('%s/%s', n.one, n.other), CASE p_part WHEN 'requests' THEN jsonb_build_object('resource', n.one, 'outcome', n.other, 'requests', n.n,
					'requesters', n.requesters) WHEN 'validations' THEN jsonb_build_object('method', n.one, 'result', n.other, 'validations', n.n, 'requesters', n.requesters)
					ELSE jsonb_build_object('client', n.one, 'requests', n.n, 'requesters', n.requesters) END
				FROM export.numbers(p_part, p_day) n WHERE p_part IN ('requests', 'validations', 'clients')) x
		WHERE x.k COLLATE "C" > coalesce(p_after, '') COLLATE "C" ORDER BY x.k COLLATE "C" LIMIT p_most LOOP
		IF item::text LIKE '%@%' THEN -- G-41
			PERFORM cairn.refuse('CONFLICT', format('%s %s holds what may be a contact; nothing is written of this day', p_part, key));
		END IF;
		IF EXISTS (SELECT FROM jsonb_array_elements_text(item->'names') n WHERE export.contact_like(n)) THEN
			item := NULL;
		END IF;
		RETURN NEXT;
	END LOOP;
END $$;

-- What the parts are made by, as a digest: an auditor who has the source compares it, and two exports with one digest were made by the same queries (G-42).
CREATE OR REPLACE FUNCTION export.query_sha256() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT encode(sha256(convert_to(string_agg(d.text, E'\n' ORDER BY d.name), 'UTF8')), 'hex') FROM (
		SELECT p.oid::regprocedure::text AS name, pg_get_functiondef(p.oid) AS text FROM pg_proc p WHERE p.pronamespace = 'export'::regnamespace
		UNION ALL SELECT c.oid::regclass::text, pg_get_viewdef(c.oid) FROM pg_class c WHERE c.relnamespace = 'export'::regnamespace AND c.relkind = 'v') d
$$;

-- That a day was written, by whom and for what (G-42, G-43).
CREATE OR REPLACE FUNCTION export.record(p_day date, p_manifest_sha256 bytea, p_rows int8, p_actor text, p_reason text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'export.written', NULL, NULL, NULL, NULL, jsonb_build_object('day', p_day,
		'manifest_sha256', encode(p_manifest_sha256, 'hex'), 'query_sha256', export.query_sha256(), 'rows', p_rows, 'reason', p_reason));
END $$;

REVOKE ALL ON FUNCTION export.parts(), export.network(inet), export.requester(uuid, inet), export.contact_like(text), export.client(text), export.numbers(text, date), export.rows(text, date, text, int8),
	export.record(date, bytea, int8, text, text), export.query_sha256() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION export.parts(), export.rows(text, date, text, int8), export.record(date, bytea, int8, text, text) TO cairn_operator, cairn_officer;

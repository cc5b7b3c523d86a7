-- What is said in a step of a case: in words that can be read, and times that are some (docs/disclosure.md).

COMMENT ON COLUMN disclosure.step.facts IS
	'SUB-CERT: what was said with it: requester, scope, grounds, texts of notices (without their addresses), objections, signatures, hashes of files, whose data was handed out';

-- Without spaces and what nobody sees.
CREATE OR REPLACE FUNCTION disclosure.visible(p_text text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT regexp_replace(p_text, '[\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0]', '', 'g')
$$;

-- Two names are one person's when they are read alike (G-14, G-51). The database's own rules of letters may be those of ASCII.
CREATE OR REPLACE FUNCTION disclosure.name_read(p_name text) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN normalize(lower(normalize(disclosure.visible(p_name), NFKC) COLLATE "und-x-icu"), NFKC);
EXCEPTION WHEN undefined_object THEN -- a PostgreSQL without ICU
	RETURN lower(normalize(disclosure.visible(p_name), NFKC));
END $$;

-- A time is the same whenever it is read and whatever a session is set to: "tomorrow" would never come.
CREATE OR REPLACE FUNCTION disclosure.check_time(p_text text) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM disclosure.demand(p_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$' AND p_text::timestamptz IS NOT NULL,
		'A time is written as 2027-02-20T00:00:00Z; this is one that is none');
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
	PERFORM cairn.refuse('MALFORMED', 'A time is written as 2027-02-20T00:00:00Z; this is one that is none');
END $$;

CREATE OR REPLACE FUNCTION disclosure.check_facts(p_act text, p_facts jsonb) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	a disclosure.act;
	missing text;
	odd text;
BEGIN
	SELECT * INTO a FROM disclosure.act x WHERE x.act = p_act;
	PERFORM disclosure.demand(FOUND, 'There is no such step');
	PERFORM disclosure.demand(jsonb_typeof(p_facts) = 'object', 'What a step says is an object');
	SELECT string_agg(k, ', ') INTO missing FROM unnest(a.needs) k WHERE disclosure.visible(coalesce(p_facts->>k, '')) = '';
	PERFORM disclosure.demand(missing IS NULL, 'This step has to say: ' || missing);
	PERFORM disclosure.demand(NOT EXISTS (SELECT FROM jsonb_object_keys(p_facts) k WHERE k <> ALL (a.needs || a.takes)), 'This step says what has no place in it');
	SELECT e.key INTO odd FROM jsonb_each(p_facts) e WHERE e.key NOT IN ('scope', 'accounts', 'files')
		AND jsonb_typeof(e.value) <> CASE WHEN e.key IN ('window_s', 'recipients') THEN 'number' ELSE 'string' END LIMIT 1;
	PERFORM disclosure.demand(odd IS NULL, format('"%s" is a text or a number, as its step wants it', odd));
	PERFORM disclosure.check_time(p_facts->>'until') WHERE p_facts ? 'until';
END $$;

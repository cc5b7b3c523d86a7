-- The scope of a disclosure: {"items": [{"view", "columns", "accounts", "names", "serials", "networks", "since", "until"}]}. It becomes
-- SQL here, over what disclosure.source names and nothing else; what was approved is that SQL (G-54).

CREATE OR REPLACE FUNCTION disclosure.texts(p_item jsonb, p_key text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT p_item ? p_key THEN
		RETURN NULL;
	END IF;
	PERFORM disclosure.demand(jsonb_typeof(p_item->p_key) = 'array' AND jsonb_array_length(p_item->p_key) BETWEEN 1 AND 1000
		AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_item->p_key) e WHERE jsonb_typeof(e) <> 'string'),
		format('"%s" is a list of 1 to 1000 texts', p_key));
	RETURN ARRAY(SELECT jsonb_array_elements_text(p_item->p_key));
END $$;

-- The condition on the rows of one item. Each kind of selector that it has must be met, by one of its values. Times are written so that they are read
-- as the same ones, whatever the session is set to that writes or reads them.
CREATE OR REPLACE FUNCTION disclosure.condition(p_item jsonb, p_source disclosure.source, p_before timestamptz) RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
	s disclosure.source := p_source;
	parts text[] := '{}';
	accounts text[] := disclosure.texts(p_item, 'accounts');
	names text[] := (SELECT array_agg(lower(n)) FROM unnest(disclosure.texts(p_item, 'names')) n);
	serials text[] := (SELECT array_agg(lower(n)) FROM unnest(disclosure.texts(p_item, 'serials')) n);
	networks text[] := disclosure.texts(p_item, 'networks');
BEGIN
	PERFORM disclosure.demand(num_nonnulls(accounts, names, serials, networks) > 0, 'An item of a scope names accounts, names, serials or networks');
	PERFORM disclosure.demand((accounts IS NULL OR s.account_column IS NOT NULL) AND (names IS NULL OR num_nonnulls(s.name_column, s.names_column) > 0)
		AND (serials IS NULL OR s.serial_column IS NOT NULL) AND (networks IS NULL OR s.network_column IS NOT NULL)
		AND (NOT p_item ?| ARRAY['since', 'until'] OR s.time_column IS NOT NULL AND s.view <> 'recovery'), format('Rows of "%s" can not be chosen by this', s.view));
	PERFORM disclosure.check_time(p_item->>k) FROM unnest(ARRAY['since', 'until']) k WHERE p_item ? k;
	IF accounts IS NOT NULL THEN
		parts := parts || format('%I = ANY (%L::uuid[])', s.account_column, (SELECT array_agg(cairn.id_of(a) ORDER BY a) FROM unnest(accounts) a));
	END IF;
	IF names IS NOT NULL THEN
		parts := parts || CASE WHEN s.names_column IS NULL THEN format('%I = ANY (%L::text[])', s.name_column, names)
			ELSE format('%I && %L::text[]', s.names_column, names) END;
	END IF;
	IF serials IS NOT NULL THEN
		parts := parts || format('%I = ANY (%L::text[])', s.serial_column, serials);
	END IF;
	IF networks IS NOT NULL THEN
		parts := parts || format('%I <<= ANY (%L::inet[])', s.network_column, networks::inet[]);
	END IF;
	IF p_item ? 'since' THEN
		parts := parts || format('%I >= %L::timestamptz', s.time_column, (p_item->>'since')::timestamptz);
	END IF;
	IF s.time_column IS NOT NULL THEN
		parts := parts || format('%I < %L::timestamptz', s.time_column, least((p_item->>'until')::timestamptz, p_before));
	END IF;
	RETURN array_to_string(parts, ' AND ');
EXCEPTION WHEN invalid_text_representation OR invalid_datetime_format OR datetime_field_overflow OR invalid_parameter_value THEN
	PERFORM cairn.refuse('MALFORMED', 'A scope has an account, network or time that is none');
END $$;

CREATE OR REPLACE FUNCTION disclosure.columns_of(p_item jsonb, p_source disclosure.source) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	columns text[] := disclosure.texts(p_item, 'columns');
	odd text;
BEGIN
	PERFORM disclosure.demand(columns IS NOT NULL, 'An item of a scope names its columns');
	SELECT string_agg(c, ', ') INTO odd FROM unnest(columns) c WHERE c <> ALL (p_source.columns);
	PERFORM disclosure.demand(odd IS NULL, format('"%s" has no such column to hand out: %s', p_source.view, odd));
	PERFORM disclosure.demand(cardinality(columns) = (SELECT count(DISTINCT c) FROM unnest(columns) c), 'A column stands in an item of a scope twice');
	RETURN columns;
END $$;

-- Each item as SQL: query gives its rows (for recovery the accounts, whose contacts custodians open), subjects whose they are, named
-- which accounts the item itself names. Nothing of after p_before, which is when the request was received.
CREATE OR REPLACE FUNCTION disclosure.compile(p_scope jsonb, p_before timestamptz) RETURNS TABLE (item int, view text, columns text[], query text,
	subjects text, named uuid[]) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i jsonb;
	s disclosure.source;
	met text;
BEGIN
	PERFORM disclosure.demand(jsonb_typeof(p_scope->'items') = 'array' AND jsonb_array_length(p_scope->'items') BETWEEN 1 AND 50
		AND NOT EXISTS (SELECT FROM jsonb_object_keys(CASE jsonb_typeof(p_scope) WHEN 'object' THEN p_scope ELSE '{}' END) k WHERE k <> 'items'),
		'A scope is an object with a list "items" of 1 to 50');
	FOR i, item IN SELECT e, o FROM jsonb_array_elements(p_scope->'items') WITH ORDINALITY t (e, o) LOOP
		PERFORM disclosure.demand(jsonb_typeof(i) = 'object' AND NOT EXISTS (SELECT FROM jsonb_object_keys(CASE jsonb_typeof(i) WHEN 'object' THEN i ELSE '{}' END) k
			WHERE k NOT IN ('view', 'columns', 'accounts', 'names', 'serials', 'networks', 'since', 'until')),
			'An item of a scope has view, columns, accounts, names, serials, networks, since, until and nothing else');
		SELECT * INTO s FROM disclosure.source x WHERE x.view = i->>'view';
		PERFORM disclosure.demand(FOUND, format('There is no view "%s" to hand out', i->>'view'));
		view := s.view;
		columns := disclosure.columns_of(i, s);
		met := disclosure.condition(i, s, p_before);
		query := format('SELECT %s FROM %s WHERE %s ORDER BY %s', CASE s.view WHEN 'recovery' THEN 'DISTINCT account_id' ELSE
			(SELECT string_agg(quote_ident(c), ', ' ORDER BY o) FROM unnest(columns) WITH ORDINALITY t (c, o)) END, s.relation, met,
			(SELECT string_agg(quote_ident(c), ', ' ORDER BY o) FROM unnest(s.ordered_by) WITH ORDINALITY t (c, o)));
		subjects := format('SELECT DISTINCT %I FROM %s WHERE %s', s.account_column, s.relation, met);
		named := ARRAY(SELECT cairn.id_of(a) FROM unnest(disclosure.texts(i, 'accounts')) a);
		RETURN NEXT;
	END LOOP;
END $$;

-- Whether each item of the one scope is a part of an item of the other: same view, no further column, no further value of a selector,
-- no longer time (G-54: a scope is narrowed, never widened, once people were told of it).
CREATE OR REPLACE FUNCTION disclosure.is_within(p_new jsonb, p_old jsonb) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT NOT EXISTS (SELECT FROM jsonb_array_elements(p_new->'items') n WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(p_old->'items') o
		WHERE n->>'view' = o->>'view' AND n->'columns' <@ (o->'columns')
			AND (NOT o ? 'accounts' OR n->'accounts' <@ (o->'accounts') IS TRUE) AND (NOT o ? 'names' OR n->'names' <@ (o->'names') IS TRUE)
			AND (NOT o ? 'serials' OR n->'serials' <@ (o->'serials') IS TRUE) AND (NOT o ? 'networks' OR n->'networks' <@ (o->'networks') IS TRUE)
			AND (NOT o ? 'since' OR (n->>'since')::timestamptz >= (o->>'since')::timestamptz IS TRUE)
			AND (NOT o ? 'until' OR (n->>'until')::timestamptz <= (o->>'until')::timestamptz IS TRUE)))
$$;

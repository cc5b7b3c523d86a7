-- Retention (docs/retention.md): which rows are due by the rules in cairn.retention, which of them a hold keeps, and their purge in
-- batches. Each purge is an event in the transaction that purges; once that is sealed, `cairn audit verify` knows what is gone by
-- record. p_floor_s: the least term of what is held by `floor`; 0 in private mode (F-50, F-53).

-- The classes of a table's columns decide on its rows: the shortest term counts, as the salt that a row has serves all its fields.
CREATE OR REPLACE FUNCTION cairn.classes_of(p_name text, p_part text) RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE p_part WHEN 'web' THEN ARRAY['WEB'] ELSE (SELECT array_agg(DISTINCT d.class ORDER BY d.class) FROM pg_attribute a,
		LATERAL (SELECT split_part(col_description(a.attrelid, a.attnum), ':', 1) AS class) d
		WHERE a.attrelid = p_name::regclass AND a.attnum > 0 AND NOT a.attisdropped AND d.class NOT IN ('OPS', '')) END
$$;

-- Seconds; NULL: without end. With p_class, as it would be by that rule.
CREATE OR REPLACE FUNCTION cairn.term_of(p_name text, p_part text, p_term text, p_floor_s int8, p_class text, p_clear_s int8, p_keep_s int8)
RETURNS int8 LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT min(CASE WHEN t.s IS NOT NULL AND 'floor' = ANY (t.held_by) THEN greatest(t.s, p_floor_s) ELSE t.s END) FROM (
		SELECT r.held_by, CASE WHEN p_term = 'keep' THEN n.keep_s ELSE least(n.clear_s, n.keep_s) END AS s FROM (
			SELECT DISTINCT ON (q.class) * FROM cairn.retention q WHERE q.class = ANY (cairn.classes_of(p_name, p_part))
			ORDER BY q.class, q.version DESC) r,
		LATERAL (SELECT CASE WHEN r.class = p_class THEN p_clear_s ELSE r.clear_s END AS clear_s,
			CASE WHEN r.class = p_class THEN p_keep_s ELSE r.keep_s END AS keep_s) n) t
$$;

CREATE OR REPLACE FUNCTION cairn.is_under(p_value text, p_name text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT p_value = p_name OR right(p_value, length(p_name) + 1) = '.' || p_name
$$;

-- Whether one of the texts in the JSON is an address of the network.
CREATE OR REPLACE FUNCTION cairn.names_address(p_json text, p_network inet) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found text;
BEGIN
	FOR found IN SELECT DISTINCT m[1] FROM regexp_matches(p_json, '"((?:\d{1,3}(?:\.\d{1,3}){3})|(?:[0-9a-fA-F]{0,4}:[0-9a-fA-F:.]{1,40}))"', 'g') m LOOP
		BEGIN
			IF found::inet <<= p_network THEN
				RETURN true;
			END IF;
		EXCEPTION WHEN invalid_text_representation THEN
			NULL; -- it only looked like one
		END;
	END LOOP;
	RETURN false;
END $$;

-- Which of the rows a hold keeps.
CREATE OR REPLACE FUNCTION cairn.held(p_name text, p_ids uuid[]) RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h cairn.hold;
	met uuid[];
	kept uuid[] := '{}';
BEGIN
	FOR h IN SELECT * FROM cairn.hold x WHERE x.ended_at IS NULL AND x.ends_at > now() LOOP
		met := ARRAY(SELECT i FROM unnest(p_ids) i WHERE (h.since IS NULL OR i >= cairn.id_at(h.since)) AND (h.until IS NULL OR i < cairn.id_at(h.until)));
		IF p_name IN ('log.request', 'log.request_private') THEN
			-- of an order: what its account asked for from its beginning to the end of its certificate
			met := ARRAY(SELECT r.id FROM log.request r WHERE r.id = ANY (met) AND (h.account_id IS NULL OR r.account_id = h.account_id)
				AND (h.network IS NULL OR EXISTS (SELECT FROM log.request_private q WHERE q.id = r.id AND q.remote_address <<= h.network))
				AND ((h.name IS NULL AND h.serial IS NULL) OR EXISTS (SELECT FROM cairn.hold_order o LEFT JOIN ca.certificate k ON k.order_id = o.order_id
					AND k.id >= o.order_id WHERE o.hold_id = h.id AND o.account_id = r.account_id AND r.id >= o.order_id
					AND r.id < cairn.id_at(coalesce(k.not_after, cairn.time_of(o.order_id) + interval '30 days')))));
		ELSIF p_name IN ('log.validation', 'log.validation_private') THEN
			met := ARRAY(SELECT v.id FROM log.validation v WHERE v.id = ANY (met) AND (h.account_id IS NULL OR v.account_id = h.account_id)
				AND (h.network IS NULL OR EXISTS (SELECT FROM log.validation_private q WHERE q.id = v.id
					AND (cairn.names_address(q.resolutions, h.network) OR cairn.names_address(q.attempts, h.network))))
				AND (h.name IS NULL OR cairn.is_under(v.identifier_value, h.name))
				AND (h.serial IS NULL OR EXISTS (SELECT FROM cairn.hold_order o WHERE o.hold_id = h.id AND v.authorization_id = ANY (o.authorizations))));
		ELSIF p_name = 'log.event' THEN
			met := ARRAY(SELECT e.id FROM log.event e WHERE e.id = ANY (met) AND (h.account_id IS NULL OR e.account_id = h.account_id)
				AND (h.network IS NULL OR EXISTS (SELECT FROM log.request_private q WHERE q.id = e.request_id AND q.remote_address <<= h.network))
				AND ((h.name IS NULL AND h.serial IS NULL) OR EXISTS (SELECT FROM cairn.hold_order o WHERE o.hold_id = h.id
					AND (e.order_id = o.order_id OR (e.order_id IS NULL AND e.account_id = o.account_id)))));
		ELSE
			met := ARRAY(SELECT a.id FROM acme.authz a WHERE a.id = ANY (met) AND (h.account_id IS NULL OR a.account_id = h.account_id)
				AND h.network IS NULL AND (h.name IS NULL OR cairn.is_under(a.identifier_value, h.name))
				AND (h.serial IS NULL OR EXISTS (SELECT FROM cairn.hold_order o WHERE o.hold_id = h.id AND a.id = ANY (o.authorizations))));
		END IF;
		kept := kept || met;
	END LOOP;
	RETURN kept;
END $$;

-- Finds the orders that holds by name or serial are about, as far as they are not known. Ids are made shortly before they are
-- committed, so an hour is looked at again.
CREATE OR REPLACE FUNCTION cairn.resolve_holds() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h cairn.hold;
	newest uuid;
BEGIN
	FOR h IN SELECT * FROM cairn.hold x WHERE x.ended_at IS NULL AND x.ends_at > now() AND num_nonnulls(x.name, x.serial) > 0 FOR UPDATE LOOP
		SELECT o.id INTO newest FROM acme.orders o ORDER BY o.id DESC LIMIT 1;
		INSERT INTO cairn.hold_order (hold_id, order_id, account_id, authorizations)
			SELECT h.id, o.id, o.account_id, o.authorizations FROM acme.orders o
			WHERE o.id >= CASE WHEN h.seen > cairn.id_at('2000-01-01') THEN cairn.id_at(cairn.time_of(h.seen) - interval '1 hour') ELSE h.seen END
				AND (h.name IS NULL OR EXISTS (SELECT FROM unnest(o.identifier_values) v WHERE cairn.is_under(v, h.name)))
				AND (h.serial IS NULL OR o.id = (SELECT k.order_id FROM ca.serial s JOIN ca.certificate k ON k.id = s.certificate_id WHERE s.serial = h.serial))
			ON CONFLICT DO NOTHING;
		UPDATE cairn.hold x SET seen = newest WHERE x.id = h.id AND newest IS NOT NULL;
	END LOOP;
END $$;

-- Rows between both ids that may go as far as their kind is concerned, in order: nothing that waits for its seal, no event of the CA
-- itself nor the record of an erasure, no authorization that can still be used, no validation that one stands on, with how it was found.
CREATE OR REPLACE FUNCTION cairn.purgeable(p_name text, p_part text, p_after uuid, p_before uuid, p_most int8) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_part = 'web' THEN
		RETURN ARRAY(SELECT q.id FROM log.request r JOIN log.request_private q ON q.id = r.id
			WHERE r.route IN ('terms', 'doctor', 'unpause', 'stop-recovery') AND r.id > p_after AND r.id < p_before ORDER BY r.id LIMIT p_most);
	ELSIF p_name = 'log.request_private' THEN
		RETURN ARRAY(SELECT q.id FROM log.request_private q WHERE q.id > p_after AND q.id < p_before ORDER BY q.id LIMIT p_most);
	ELSIF p_name = 'log.validation_private' THEN
		RETURN ARRAY(SELECT q.id FROM log.validation_private q WHERE q.id > p_after AND q.id < p_before
			AND NOT EXISTS (SELECT FROM log.validation v JOIN acme.authz a ON a.id = v.authorization_id AND a.validation_id = v.id
				WHERE v.id = q.id AND a.ended IS NULL AND a.expires_at > now()) ORDER BY q.id LIMIT p_most);
	ELSIF p_name = 'log.request' THEN
		RETURN ARRAY(SELECT r.id FROM log.request r WHERE r.id > p_after AND r.id < p_before
			AND NOT EXISTS (SELECT FROM log.unsealed u WHERE u.kind = 1 AND u.id = r.id) ORDER BY r.id LIMIT p_most);
	ELSIF p_name = 'log.validation' THEN
		RETURN ARRAY(SELECT v.id FROM log.validation v WHERE v.id > p_after AND v.id < p_before
			AND NOT EXISTS (SELECT FROM acme.authz a WHERE a.id = v.authorization_id AND a.validation_id = v.id)
			AND NOT EXISTS (SELECT FROM log.unsealed u WHERE u.kind = 2 AND u.id = v.id) ORDER BY v.id LIMIT p_most);
	ELSIF p_name = 'log.event' THEN
		RETURN ARRAY(SELECT e.id FROM log.event e WHERE e.id > p_after AND e.id < p_before
			AND num_nonnulls(e.account_id, e.order_id, e.certificate_id) > 0 AND e.kind <> 'log.erased'
			AND NOT EXISTS (SELECT FROM log.unsealed u WHERE u.kind = 3 AND u.id = e.id) ORDER BY e.id LIMIT p_most);
	END IF;
	RETURN ARRAY(SELECT a.id FROM acme.authz a WHERE a.id > p_after AND a.id < p_before AND a.expires_at < now() AND a.lease_until IS NULL
		ORDER BY a.id LIMIT p_most);
END $$;

CREATE OR REPLACE FUNCTION cairn.hold_lease(p_holder text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM cairn.lease WHERE name = 'retention' AND holder = p_holder AND until > clock_timestamp() FOR SHARE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance purges');
	END IF;
END $$;

-- What is being handed out is read page by page, from a place on: until that is over, for six hours at most (disclosure.read), nothing goes that
-- would move what stands behind it.
CREATE OR REPLACE FUNCTION cairn.is_handing_out() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM disclosure.step s WHERE s.act = 'release' AND s.at > now() - interval '6 hours'
		AND NOT EXISTS (SELECT FROM disclosure.step l WHERE l.case_id = s.case_id AND l.n > s.n AND l.state <> 'releasing'))
$$;

-- One batch. p_after: where the one before it ended. A hold that is made meanwhile waits for the batch, and counts for the next.
CREATE OR REPLACE FUNCTION cairn.purge(p_holder text, p_name text, p_part text, p_after uuid, p_most int8, p_floor_s int8)
RETURNS TABLE (looked int8, gone int8, held int8, last uuid) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	t cairn.retained;
	term_s int8;
	ids uuid[];
	kept uuid[];
	due uuid[];
	beginning uuid;
	following uuid;
	stood uuid;
	some_stay boolean := false;
	none_stays boolean := false; -- of those between the ids
BEGIN
	PERFORM cairn.hold_lease(p_holder);
	LOCK TABLE cairn.hold IN SHARE MODE;
	SELECT * INTO STRICT t FROM cairn.retained x WHERE x.name = p_name AND x.part = p_part FOR UPDATE;
	p_after := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
	term_s := cairn.term_of(t.name, t.part, t.term, p_floor_s, NULL, NULL, NULL);
	IF term_s IS NULL OR cairn.is_handing_out() THEN
		RETURN QUERY SELECT 0::int8, 0::int8, 0::int8, p_after;
		RETURN;
	END IF;
	-- A front end may bring in records late, from its spool: a month before the mark is looked at again.
	beginning := greatest(p_after, CASE WHEN t.mark > cairn.id_at('2000-01-01') THEN cairn.id_at(cairn.time_of(t.mark) - interval '32 days') ELSE t.mark END);
	ids := cairn.purgeable(t.name, t.part, beginning, cairn.id_at(now() - make_interval(secs => term_s)), p_most + 1);
	following := ids[p_most + 1];
	ids := ids[:p_most];
	kept := cairn.held(t.name, ids);
	due := ARRAY(SELECT i FROM unnest(ids) i WHERE i <> ALL (kept) ORDER BY i);
	IF cardinality(due) > 0 THEN
		-- What an authorization stood on was passed over until now, however long ago that was.
		IF t.name = 'acme.authz' THEN
			SELECT a.validation_id INTO stood FROM acme.authz a WHERE a.id = ANY (due) ORDER BY a.validation_id LIMIT 1;
			UPDATE cairn.retained x SET mark = stood WHERE x.name = 'log.validation' AND x.mark > stood;
		END IF;
		EXECUTE format('DELETE FROM %s WHERE id = ANY ($1)', t.name) USING due;
		IF following IS NOT NULL AND t.droppable THEN
			EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s WHERE id >= $1 AND id < $2)', t.name) INTO none_stays USING due[1], following;
		END IF;
		PERFORM log.add_event(cairn.new_id(), p_holder, 'retention', 'log.erased', NULL, NULL, NULL, NULL, jsonb_build_object('table', t.name,
			'classes', cairn.classes_of(t.name, t.part), 'term_s', term_s, 'rows', cardinality(due), 'held', cardinality(ids) - cardinality(due))
			|| CASE WHEN none_stays
				THEN jsonb_build_object('from', due[1], 'until', following) ELSE jsonb_build_object('ids', due) END);
	END IF;
	-- What can still be used is asked for again for as long as it can be.
	IF t.name IN ('acme.authz', 'log.validation_private') AND cardinality(ids) > 0 THEN
		EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE id > $1 AND id < $2)', t.name) INTO some_stay USING beginning, ids[cardinality(ids)];
	END IF;
	UPDATE cairn.retained x SET mark = CASE WHEN cardinality(due) = cardinality(ids) AND cardinality(ids) > 0 AND p_after <= x.mark AND NOT some_stay
			THEN greatest(x.mark, ids[cardinality(ids)]) ELSE x.mark END,
		purged = x.purged + cardinality(due), purged_at = CASE WHEN cardinality(due) > 0 THEN now() ELSE x.purged_at END
		WHERE x.name = t.name AND x.part = t.part AND cardinality(ids) > 0;
	RETURN QUERY SELECT cardinality(ids)::int8, cardinality(due)::int8, (cardinality(ids) - cardinality(due))::int8, coalesce(ids[cardinality(ids)], p_after);
END $$;

-- Drops the oldest partition of which every row is due and none held; what its table then has, batches see to. Gives its rows; -1:
-- there is none, or somebody uses the table just now, who is not made to wait.
CREATE OR REPLACE FUNCTION cairn.purge_partition(p_holder text, p_name text, p_floor_s int8) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	t cairn.retained;
	term_s int8;
	child text;
	start timestamptz;
	months int;
	rows int8;
BEGIN
	PERFORM cairn.hold_lease(p_holder);
	LOCK TABLE cairn.hold IN SHARE MODE;
	SELECT * INTO STRICT t FROM cairn.retained x WHERE x.name = p_name AND x.part = 'all' AND x.droppable FOR UPDATE;
	SELECT p.months INTO STRICT months FROM cairn.partitioned p WHERE p.name = p_name;
	term_s := cairn.term_of(t.name, t.part, t.term, p_floor_s, NULL, NULL, NULL);
	SELECT i.inhrelid::regclass::text, to_date(right(i.inhrelid::regclass::text, 6), 'YYYYMM') INTO child, start FROM pg_inherits i
		WHERE i.inhparent = p_name::regclass AND i.inhrelid::regclass::text ~ '_\d{6}$' ORDER BY 1 LIMIT 1;
	IF child IS NULL OR term_s IS NULL OR start + make_interval(months => months) > now() - make_interval(secs => term_s) OR cairn.is_handing_out()
		OR EXISTS (SELECT FROM cairn.hold h WHERE h.ended_at IS NULL AND h.ends_at > now())
		OR EXISTS (SELECT FROM log.unsealed u WHERE u.id < cairn.id_at(start + make_interval(months => months)))
		OR (t.name = 'log.validation_private' AND EXISTS (SELECT FROM acme.authz a WHERE a.id >= cairn.id_at(start - interval '60 days')
			AND a.id < cairn.id_at(start + make_interval(months => months)) AND a.validation_id >= cairn.id_at(start) AND a.ended IS NULL AND a.expires_at > now())) THEN
		RETURN -1;
	END IF;
	PERFORM set_config('lock_timeout', '200ms', true);
	BEGIN
		EXECUTE format('LOCK TABLE %s IN SHARE MODE', child);
		EXECUTE format('SELECT count(*) FROM %s', child) INTO rows;
		EXECUTE format('DROP TABLE %s', child);
	EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
		RETURN -1;
	END;
	IF rows > 0 THEN
		PERFORM log.add_event(cairn.new_id(), p_holder, 'retention', 'log.erased', NULL, NULL, NULL, NULL, jsonb_build_object('table', t.name,
			'classes', cairn.classes_of(t.name, t.part), 'term_s', term_s, 'rows', rows, 'held', 0, 'partition', child,
			'from', cairn.id_at(start), 'until', cairn.id_at(start + make_interval(months => months))));
		UPDATE cairn.retained x SET purged = x.purged + rows, purged_at = now() WHERE x.place = t.place;
	END IF;
	RETURN rows;
END $$;

-- How every table with a term stands, which is the index of the archive, too (F-51): by the rules in force or with another one for p_class. Counts end at p_most.
CREATE OR REPLACE FUNCTION cairn.retention_report(p_floor_s int8, p_class text, p_clear_s int8, p_keep_s int8, p_most int8)
RETURNS TABLE (name text, part text, classes text[], term text, term_s int8, oldest_at timestamptz, due int8, held int8, purged int8,
	purged_at timestamptz, next_at timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	t cairn.retained;
	none uuid := '00000000-0000-0000-0000-000000000000';
	ids uuid[];
	oldest uuid[];
BEGIN
	FOR t IN SELECT * FROM cairn.retained x ORDER BY x.place LOOP
		name := t.name;
		part := t.part;
		term := t.term;
		purged := t.purged;
		purged_at := t.purged_at;
		classes := cairn.classes_of(t.name, t.part);
		term_s := cairn.term_of(t.name, t.part, t.term, p_floor_s, p_class, p_clear_s, p_keep_s);
		IF starts_with(t.name, 'vault.') THEN
			SELECT x.term_s, x.oldest_at, x.due, x.held INTO term_s, oldest_at, due, held FROM vault.retention_line(t.name, term_s, p_most) x;
			next_at := oldest_at + make_interval(secs => term_s);
			RETURN NEXT;
			CONTINUE;
		END IF;
		oldest := cairn.purgeable(t.name, t.part, CASE t.part WHEN 'web' THEN greatest(cairn.id_at('2000-01-01'),
			cairn.id_at(greatest(cairn.time_of(t.mark), '2000-03-01') - interval '32 days')) ELSE none END, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 1);
		oldest_at := cairn.time_of(oldest[1]);
		ids := CASE WHEN term_s IS NULL THEN '{}' ELSE cairn.purgeable(t.name, t.part, none, cairn.id_at(now() - make_interval(secs => term_s)), p_most) END;
		held := cardinality(cairn.held(t.name, ids));
		due := cardinality(ids);
		next_at := oldest_at + make_interval(secs => term_s);
		RETURN NEXT;
	END LOOP;
END $$;

-- The rules in force, or all that ever were.
CREATE OR REPLACE FUNCTION cairn.retention_rules(p_all boolean) RETURNS SETOF cairn.retention LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT r.* FROM cairn.retention r WHERE p_all OR NOT EXISTS (SELECT FROM cairn.retention n WHERE n.class = r.class AND n.version > r.version)
	ORDER BY r.class, r.version
$$;

-- What the privacy notice says (docs/privacy.md).
CREATE OR REPLACE VIEW front.retention AS
	SELECT DISTINCT ON (r.class) r.class, r.clear_s, r.keep_s FROM cairn.retention r ORDER BY r.class, r.version DESC;
COMMENT ON VIEW front.retention IS 'How long data of each class is kept, as the privacy notice tells';
SELECT cairn.inherit_comments('front.retention', 'cairn.retention');
GRANT SELECT ON front.retention TO cairn_wfe;

-- A rule that can't be is refused, whoever asks; the version that is in force then, or 0 when it says what the last one says.
CREATE OR REPLACE FUNCTION cairn.set_retention(p_class text, p_clear_s int8, p_keep_s int8, p_floor_s int8, p_actor text, p_reason text,
	p_dry boolean) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r cairn.retention;
	least_s int8 := least(p_clear_s, p_keep_s);
BEGIN
	LOCK TABLE cairn.retention IN SHARE ROW EXCLUSIVE MODE;
	SELECT * INTO r FROM cairn.retention x WHERE x.class = p_class ORDER BY x.version DESC LIMIT 1;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('MALFORMED', 'There is no class ' || p_class);
	ELSIF p_class IN ('RP-OCSP', 'WEB') AND (p_clear_s IS NULL OR p_keep_s IS NULL OR p_keep_s >= 604800) THEN
		PERFORM cairn.refuse('MALFORMED', 'What is known of those who only look is kept for less than seven days (G-30)');
	ELSIF p_class = 'RP-HOLD' THEN
		PERFORM cairn.refuse('MALFORMED', 'RP-HOLD is kept until its case is closed (G-31)');
	ELSIF least_s < 86400 THEN
		PERFORM cairn.refuse('MALFORMED', 'A term has a day at least');
	ELSIF p_clear_s > p_keep_s THEN
		PERFORM cairn.refuse('MALFORMED', 'Personal fields can not be kept for longer than their rows');
	ELSIF 'floor' = ANY (r.held_by) AND least_s < p_floor_s THEN
		PERFORM cairn.refuse('MALFORMED', format('In mode webpki records are kept for two years beyond the last certificate that they may serve: %s days (F-50)',
			ceil(p_floor_s / 86400.0)));
	ELSIF r.clear_s IS NOT DISTINCT FROM p_clear_s AND r.keep_s IS NOT DISTINCT FROM p_keep_s THEN
		RETURN 0;
	ELSIF p_dry THEN
		RETURN r.version + 1;
	END IF;
	INSERT INTO cairn.retention (class, version, clear_s, keep_s, held_by, changed_by, reason)
		VALUES (p_class, r.version + 1, p_clear_s, p_keep_s, r.held_by, p_actor, p_reason);
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'retention.changed', NULL, NULL, NULL, NULL, jsonb_build_object('class', p_class,
		'version', r.version + 1, 'clear_s', p_clear_s, 'keep_s', p_keep_s, 'clear_s_before', r.clear_s, 'keep_s_before', r.keep_s, 'reason', p_reason));
	RETURN r.version + 1;
END $$;

-- What the configuration says of a class, which counts once: when it says something else than when it was last read.
CREATE OR REPLACE FUNCTION cairn.configure_retention(p_class text, p_keep_s int8, p_floor_s int8) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r cairn.retention;
	before cairn.retention;
BEGIN
	SELECT * INTO r FROM cairn.retention x WHERE x.class = p_class ORDER BY x.version DESC LIMIT 1;
	SELECT * INTO before FROM cairn.retention x WHERE x.class = p_class AND x.changed_by = 'configuration' ORDER BY x.version DESC LIMIT 1;
	IF FOUND AND before.keep_s IS NOT DISTINCT FROM p_keep_s THEN
		RETURN 0;
	END IF;
	RETURN cairn.set_retention(p_class, CASE WHEN p_keep_s IS NULL THEN NULL ELSE least(r.clear_s, p_keep_s) END, p_keep_s, p_floor_s,
		'configuration', 'the key retention of the configuration', false);
END $$;

-- What rules are before anybody changes them, and what always holds of their class: `cairn audit gaps` compares it.
CREATE OR REPLACE FUNCTION cairn.retention_default() RETURNS TABLE (class text, version int8, past int8, default_s int8, held_by text[]) LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	VALUES ('SUB-REQ', 1, NULL::int8, NULL::int8, '{hold,floor}'::text[]), ('SUB-VAL', 1, NULL, NULL, '{hold,floor}'), ('SUB-SW', 1, NULL, NULL, '{hold,floor}'),
		('SUB-CERT', 1, NULL, NULL, '{hold,floor}'), ('RECOVERY', 1, 2, NULL, '{hold,account}'), ('RECOVERY', 2, NULL, 7776000, '{hold,account}'),
		('RP-OCSP', 1, NULL, 518400, '{}'), ('RP-HOLD', 1, NULL, NULL, '{case}'), ('WEB', 1, NULL, 518400, '{hold}'), ('OPS', 1, NULL, NULL, '{floor}'),
		('AGG', 1, NULL, NULL, '{}')
$$;
REVOKE ALL ON FUNCTION cairn.retention_default() FROM PUBLIC;

-- Of whom and what a hold is about, in hexadecimal digits: as its event has it, and `cairn audit gaps` compares it.
CREATE OR REPLACE FUNCTION cairn.hold_digest(h cairn.hold) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT encode(sha256(convert_to(jsonb_build_array(h.id, h.ground, h.account_id, encode(h.serial, 'hex'), h.name, h.network, extract(epoch FROM h.since),
		extract(epoch FROM h.until))::text, 'UTF8')), 'hex')
$$;
REVOKE ALL ON FUNCTION cairn.hold_digest(cairn.hold) FROM PUBLIC;

CREATE OR REPLACE FUNCTION cairn.add_hold(p_id uuid, p_ground text, p_account uuid, p_serial bytea, p_name text, p_network text,
	p_since timestamptz, p_until timestamptz, p_ends_at timestamptz, p_actor text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_account IS NOT NULL AND NOT EXISTS (SELECT FROM acme.account a WHERE a.id = p_account) THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such account');
	ELSIF p_serial IS NOT NULL AND NOT EXISTS (SELECT FROM ca.serial s WHERE s.serial = p_serial) THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no certificate with this serial');
	ELSIF p_ends_at <= now() THEN
		PERFORM cairn.refuse('MALFORMED', 'The hold would have ended before it begins');
	ELSIF p_since >= p_until THEN
		PERFORM cairn.refuse('MALFORMED', 'The time range ends before it begins');
	END IF;
	INSERT INTO cairn.hold (id, ground, account_id, serial, name, network, since, until, ends_at, created_by)
		VALUES (p_id, p_ground, p_account, p_serial, p_name, p_network::inet, p_since, p_until, p_ends_at, p_actor);
	PERFORM cairn.resolve_holds();
	-- Of whom and what it is about the event has a digest only, as does the row the rest: entries of the log may be public, and who is held
	-- may have to be kept from knowing (G-52).
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'hold.added', NULL, NULL, NULL, NULL, jsonb_build_object('hold', cairn.id_text(p_id),
		'ends_at', p_ends_at, 'sha256', (SELECT cairn.hold_digest(h) FROM cairn.hold h WHERE h.id = p_id)));
END $$;

-- Whether it was ended by this; false: it had before.
CREATE OR REPLACE FUNCTION cairn.end_hold(p_id uuid, p_actor text, p_reason text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h cairn.hold;
BEGIN
	SELECT * INTO h FROM cairn.hold x WHERE x.id = p_id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such hold');
	ELSIF h.ended_at IS NOT NULL THEN
		RETURN false;
	END IF;
	UPDATE cairn.hold SET ended_at = now(), ended_by = p_actor, end_reason = p_reason WHERE id = p_id;
	UPDATE cairn.retained SET mark = '00000000-0000-0000-0000-000000000000'; -- what was held is behind it
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'hold.ended', NULL, NULL, NULL, NULL,
		jsonb_build_object('hold', cairn.id_text(p_id), 'reason', p_reason));
	RETURN true;
END $$;

REVOKE ALL ON FUNCTION cairn.classes_of(text, text), cairn.term_of(text, text, text, int8, text, int8, int8), cairn.held(text, uuid[]),
	cairn.resolve_holds(), cairn.is_handing_out(), cairn.purgeable(text, text, uuid, uuid, int8), cairn.hold_lease(text), cairn.purge(text, text, text, uuid, int8, int8),
	cairn.purge_partition(text, text, int8), cairn.retention_report(int8, text, int8, int8, int8), cairn.retention_rules(boolean),
	cairn.set_retention(text, int8, int8, int8, text, text, boolean), cairn.configure_retention(text, int8, int8),
	cairn.add_hold(uuid, text, uuid, bytea, text, text, timestamptz, timestamptz, timestamptz, text), cairn.end_hold(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.resolve_holds(), cairn.purge(text, text, text, uuid, int8, int8), cairn.purge_partition(text, text, int8),
	cairn.configure_retention(text, int8, int8) TO cairn_subscriber;
GRANT EXECUTE ON FUNCTION cairn.classes_of(text, text) TO cairn_auditor;
GRANT EXECUTE ON FUNCTION cairn.retention_report(int8, text, int8, int8, int8), cairn.retention_rules(boolean)
	TO cairn_operator, cairn_officer, cairn_auditor;
GRANT EXECUTE ON FUNCTION cairn.set_retention(text, int8, int8, int8, text, text, boolean),
	cairn.add_hold(uuid, text, uuid, bytea, text, text, timestamptz, timestamptz, timestamptz, text), cairn.end_hold(uuid, text, text)
	TO cairn_operator, cairn_officer;

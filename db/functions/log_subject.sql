-- All that is held about one account, for its holder and for auditors (docs/privacy.md; G-23, G-24): the views of schema audit, page by
-- page, without end in rows and bounded in work. What is about investigations and legal demands is not for the holder, save what he may
-- be told; nor is the name of an operator.

CREATE OR REPLACE FUNCTION log.subject_parts() RETURNS TABLE (place int, part text, view_name text, source text) LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	VALUES (1, 'account', 'account', NULL), (2, 'orders', 'orders', NULL), (3, 'certificates', 'certificate', NULL), (4, 'revocations', 'revocation', NULL),
		(5, 'authorizations', 'authorization', 'acme.authz'), (6, 'validations', 'validation', 'log.validation'),
		(7, 'requests', 'request', 'log.request'), (8, 'events', 'event', 'log.event')
$$;

CREATE OR REPLACE FUNCTION log.subject_meanings(p_view text) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_object_agg(d.column_name, jsonb_build_object('class', d.class, 'meaning', d.meaning)) FROM audit.dictionary d
		WHERE d.schema = 'audit' AND d.name = p_view
$$;

-- Octets as text where they are text, else in hexadecimal digits behind \x.
CREATE OR REPLACE FUNCTION log.subject_text(p_octets bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN convert_from(p_octets, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
	RETURN p_octets::text;
END $$;

-- What becomes of data of a class, and why it can't be deleted now.
CREATE OR REPLACE FUNCTION log.subject_deletion(p_floor_s int8) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_object_agg(x.class, jsonb_build_object('readable_s', x.clear_s, 'kept_s', x.keep_s, 'deletable', x.class = 'RECOVERY', 'why', CASE
		WHEN x.class = 'RECOVERY' THEN 'Delete recovery contacts by an empty list, at any time; they end with the account otherwise. What a law obliges to keep stays sealed until then'
		WHEN x.class = 'SUB-CERT' THEN 'Accounts, orders and certificates are the record of what was issued, and what a certificate says is public: '
			|| 'whoever is shown it has it, and public logs take nothing back'
		WHEN x.class LIKE 'SUB-%' AND p_floor_s > 0 THEN format('The rules for public certificate authorities (Baseline Requirements 5.4.3) demand it for %s days at least; '
			|| 'it proves that names were validated as they should be', p_floor_s / 86400)
		WHEN x.class LIKE 'SUB-%' THEN 'It proves that names were validated as they should be'
		WHEN x.class = 'OPS' THEN 'It tells how the software ran and what operators did, and is the proof of both'
		ELSE 'It goes by itself when its time has come' END))
	FROM (SELECT DISTINCT ON (r.class) r.class, r.clear_s, r.keep_s FROM cairn.retention r WHERE r.class IN ('SUB-REQ', 'SUB-VAL', 'SUB-SW', 'SUB-CERT', 'RECOVERY', 'WEB', 'OPS')
		ORDER BY r.class, r.version DESC) x
$$;

-- What there is: the parts with the meaning of each of their fields, what can be deleted, and holds that may be told.
CREATE OR REPLACE FUNCTION log.subject_index(p_account uuid, p_floor_s int8, p_all boolean) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('parts', (SELECT jsonb_agg(jsonb_build_object('part', s.part, 'about', obj_description(('audit.' || s.view_name)::regclass),
				'fields', log.subject_meanings(s.view_name) || CASE s.part WHEN 'validations' THEN jsonb_build_object('resolutions',
					log.subject_meanings('resolution'), 'connections', log.subject_meanings('connection'), 'caa', log.subject_meanings('caa'))
					WHEN 'certificates' THEN jsonb_build_object('precertificate', log.subject_meanings('precertificate'), 'scts', log.subject_meanings('sct')) ELSE '{}' END)
				ORDER BY s.place) FROM log.subject_parts() s),
		'deletion', log.subject_deletion(p_floor_s),
		'recovery_contacts_since', (SELECT v.changed_at FROM vault.contact v WHERE v.account_id = p_account),
		'former_contacts_until', (SELECT max(f.replaced_at) + make_interval(secs => p.former_s) FROM vault.former_contact f, vault.policy p
			WHERE f.account_id = p_account GROUP BY p.former_s),
		'rules', (SELECT coalesce(jsonb_agg(to_jsonb(r) - 'version' - 'position' - 'everybody' - 'accounts' - 'eab_keys' ORDER BY r.position), '[]')
			FROM acme.policy_rule r WHERE r.version = (SELECT max(y.version) FROM acme.policy y) AND p_account = ANY (r.accounts)),
		'paused', (SELECT coalesce(jsonb_agg(to_jsonb(p) - 'account_id'), '[]') FROM acme.paused p WHERE p.account_id = p_account),
		'terms', (SELECT coalesce(jsonb_agg(to_jsonb(t) - 'account_id' - 'token'), '[]') FROM acme.terms_page t WHERE t.account_id = p_account),
		'limits', (SELECT coalesce(jsonb_agg(to_jsonb(l) - 'set_by' - 'reason'), '[]') FROM acme.limit_override l WHERE l.key = cairn.id_text(p_account)),
		'holds', (SELECT coalesce(jsonb_agg(jsonb_build_object('ground', h.ground, 'since', h.created_at, 'ends', h.ends_at)), '[]') FROM cairn.hold h
			WHERE h.account_id = p_account AND h.ended_at IS NULL AND h.ends_at > now() AND (p_all OR h.told_at IS NOT NULL)),
		'not_told', CASE WHEN p_all THEN NULL ELSE 'Whether records are held for an investigation or a legal demand is not told here, unless it is listed under holds; nor '
			|| 'when auditors or officers read what is told here, which may be for one; nor are recovery contacts, which nobody can read alone, and claims of the account that did not fit' END)
$$;

-- Which events are about the account and nobody else. What is withheld is named by not_told of the index. Of a recovery its steps, which recoveryContacts tells of too, but neither claims that do
-- not fit nor what is done to contacts: these would tell of holds, or which contacts there are.
CREATE OR REPLACE FUNCTION log.subject_may_see(p_kind text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT split_part(p_kind, '.', 1) = ANY (ARRAY['account', 'order', 'authorization', 'certificate', 'identifier', 'identifiers', 'limit', 'names', 'precertificate', 'sct', 'subject'])
		OR p_kind = ANY (ARRAY['hold.told', 'recovery.set', 'recovery.replaced', 'recovery.deleted', 'recovery.frozen', 'recovery.asked', 'recovery.begun', 'recovery.told',
			'recovery.untold', 'recovery.done', 'recovery.stopped', 'recovery.lapsed'])
$$;

-- The first row of an account behind one, in its partition; the index by account (0068) says which parts of the table may have one.
CREATE OR REPLACE FUNCTION log.subject_next(p_account uuid, p_partition regclass, p_after uuid) RETURNS uuid LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = on SET enable_indexscan = off SET enable_indexonlyscan = off SET enable_seqscan = off AS $$
DECLARE
	found uuid;
BEGIN
	EXECUTE format('SELECT min(t.id::text)::uuid FROM %s t WHERE t.account_id = $1 AND t.id > $2', p_partition) INTO found USING p_account, p_after;
	RETURN found;
END $$;

-- Behind which id to look on, where so many rows up to p_last were none of the account's: just before its next one in that partition,
-- or at the partition's end. What lies in the partition for the rest is in no order with the others, so nothing is left out there.
CREATE OR REPLACE FUNCTION log.subject_skip(p_account uuid, p_source text, p_last uuid) RETURNS uuid LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	part regclass;
	found uuid;
BEGIN
	EXECUTE format('SELECT t.tableoid FROM %s t WHERE t.id = $1', p_source) INTO part USING p_last;
	IF (SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_class c WHERE c.oid = part) = 'DEFAULT' THEN
		RETURN p_last;
	END IF;
	found := log.subject_next(p_account, part, p_last);
	IF found IS NOT NULL THEN
		RETURN greatest(p_last, cairn.id_at(cairn.time_of(found)));
	END IF;
	EXECUTE format('SELECT t.id FROM %s t ORDER BY t.id DESC LIMIT 1', part) INTO found;
	RETURN found;
END $$;

-- Ids of the part's next rows behind one, and the last one that was looked at when there may be more. Tables are looked through from
-- there, so many rows at once, and where none is the account's the next page begins at its next row: a page may be empty with another behind it.
CREATE OR REPLACE FUNCTION log.subject_ids(p_account uuid, p_part text, p_source text, p_after uuid, p_scan int8, p_most int8, OUT ids uuid[], OUT last uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	looked int8;
	begun uuid := greatest(p_after, cairn.id_at((SELECT a.created_at FROM acme.account a WHERE a.id = p_account) - interval '1 hour'));
BEGIN
	IF p_part = 'account' THEN
		ids := ARRAY[p_account];
	ELSIF p_source IS NULL THEN
		SELECT array_agg(x.id ORDER BY x.id), count(*), max(x.id::text)::uuid INTO ids, looked, last
			FROM (SELECT o.id FROM acme.orders o WHERE o.account_id = p_account AND o.id > begun ORDER BY o.id LIMIT p_most) x;
		last := CASE WHEN looked = p_most THEN last END;
	ELSE
		EXECUTE format('SELECT array_agg(x.id ORDER BY x.id) FILTER (WHERE x.account_id = $1), count(*), max(x.id::text)::uuid
			FROM (SELECT t.id, t.account_id FROM %s t WHERE t.id > $2 ORDER BY t.id LIMIT $3) x', p_source) INTO ids, looked, last USING p_account, begun, p_scan;
		last := CASE WHEN looked < p_scan THEN NULL WHEN ids IS NULL THEN log.subject_skip(p_account, p_source, last) ELSE last END;
		IF cardinality(ids) > p_most THEN
			ids := ids[1:p_most];
			last := ids[p_most];
		END IF;
	END IF;
	ids := coalesce(ids, '{}');
END $$;

-- One row as it is told: what is beside it goes with it.
CREATE OR REPLACE FUNCTION log.subject_item(p_part text, p_row jsonb, p_id uuid, p_all boolean) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_part = 'requests' THEN
		RETURN p_row || coalesce((SELECT jsonb_build_object('body', log.subject_text(r.body), 'reply', log.subject_text(r.reply))
			FROM log.request_private r WHERE r.id = p_id), '{}');
	ELSIF p_part = 'validations' THEN
		RETURN p_row || jsonb_build_object('resolutions', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.position), '[]') FROM audit.resolution x WHERE x.validation_id = p_id),
			'connections', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.position), '[]') FROM audit.connection x WHERE x.validation_id = p_id),
			'caa', (SELECT coalesce(jsonb_agg(to_jsonb(x)), '[]') FROM audit.caa x WHERE x.validation_id = p_id));
	ELSIF p_part = 'certificates' THEN
		RETURN p_row || jsonb_build_object('precertificate', (SELECT to_jsonb(x) FROM audit.precertificate x WHERE x.certificate_id = p_id),
			'scts', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.given_at), '[]') FROM audit.sct x WHERE x.certificate_id = p_id));
	ELSIF p_part = 'events' AND NOT p_all THEN
		RETURN CASE WHEN log.subject_may_see(p_row->>'kind') THEN (p_row - 'process') || CASE WHEN starts_with(p_row->>'actor', 'operator ')
			THEN '{"actor": "operator"}' ELSE '{}'::jsonb END END;
	END IF;
	RETURN p_row;
END $$;

-- A page of a part: its rows up to so many octets, one at least, and behind which id the next one begins (NULL: it was the last).
CREATE OR REPLACE FUNCTION log.subject_page(p_account uuid, p_part text, p_after uuid, p_scan int8, p_most int8, p_octets int8, p_all boolean,
	OUT items jsonb, OUT next uuid) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record;
	r record;
	found_ids uuid[];
	item jsonb;
	list jsonb[] := '{}';
	size int8 := 0;
	done uuid;
BEGIN
	SELECT * INTO s FROM log.subject_parts() x WHERE x.part = p_part;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such part');
	END IF;
	SELECT i.ids, i.last INTO found_ids, next FROM log.subject_ids(p_account, p_part, s.source, coalesce(p_after, '00000000-0000-0000-0000-000000000000'), p_scan, p_most) i;
	FOR r IN EXECUTE format(CASE WHEN p_part = 'certificates' THEN 'SELECT v.order_id AS id, v.id AS row_id, to_jsonb(v) AS row FROM audit.certificate v JOIN acme.orders o
				ON o.certificate_id = v.id WHERE o.id = ANY ($1) ORDER BY 1'
			WHEN p_part = 'revocations' THEN 'SELECT o.id, v.certificate_id AS row_id, to_jsonb(v) AS row FROM audit.revocation v JOIN acme.orders o
				ON o.certificate_id = v.certificate_id WHERE o.id = ANY ($1) ORDER BY 1'
			ELSE 'SELECT v.id, v.id AS row_id, to_jsonb(v) AS row FROM audit.%I v WHERE v.id = ANY ($1) ORDER BY 1' END, s.view_name) USING found_ids LOOP
		item := log.subject_item(p_part, r.row, r.row_id, p_all);
		size := size + octet_length(item::text);
		IF size > p_octets AND cardinality(list) > 0 THEN
			next := done;
			EXIT;
		END IF;
		list := CASE WHEN item IS NULL THEN list ELSE list || item END;
		done := r.id;
	END LOOP;
	items := to_jsonb(list);
END $$;

-- For the holder of the account, whose key signed: p_part '' asks for the index. Each answer is an event (G-13), as it shows personal data.
CREATE OR REPLACE FUNCTION log.subject_of_holder(p_account uuid, p_thumbprint bytea, p_part text, p_after uuid, p_floor_s int8, p_process text, p_request uuid)
RETURNS TABLE (items jsonb, next uuid) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	checked boolean := acme.check_account(p_account, p_thumbprint);
BEGIN
	IF p_part = '' THEN
		items := log.subject_index(p_account, p_floor_s, false);
	ELSE
		SELECT p.items, p.next INTO items, next FROM log.subject_page(p_account, p_part, p_after, 20000, 100, 262144, false) p;
	END IF;
	PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'subject.read', p_request, p_account, NULL, NULL, jsonb_build_object('part', p_part,
		'rows', CASE jsonb_typeof(items) WHEN 'array' THEN jsonb_array_length(items) ELSE 0 END));
	RETURN NEXT;
END $$;

-- For an auditor or officer, who says why (G-13): which page is to be read, as an event. It is read in the next transaction, so that no record
-- of what was read is taken back.
DROP FUNCTION IF EXISTS log.subject_of_auditor(uuid, text, uuid, int8, text, text);
CREATE OR REPLACE FUNCTION log.ask_subject(p_account uuid, p_part text, p_after uuid, p_actor text, p_reason text) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	id uuid := cairn.new_id();
BEGIN
	IF NOT EXISTS (SELECT FROM acme.account a WHERE a.id = p_account) THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such account');
	ELSIF coalesce(p_part, '') <> '' AND NOT EXISTS (SELECT FROM log.subject_parts() x WHERE x.part = p_part) THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such part');
	ELSIF coalesce(p_reason, '') = '' OR coalesce(p_actor, '') = '' OR length(p_reason) > 4000 OR length(p_actor) > 4000 THEN
		PERFORM cairn.refuse('MALFORMED', 'Personal data is read for a reason, by somebody, each in 4,000 characters at most');
	END IF;
	PERFORM log.add_event(id, 'cairn', p_actor, 'audit.subject_read', NULL, p_account, NULL, NULL, jsonb_build_object('part', coalesce(p_part, ''),
		'after', cairn.id_text(p_after), 'reason', p_reason, 'by', session_user));
	RETURN id;
END $$;

-- The page that was asked for, in the ten minutes behind that.
CREATE OR REPLACE FUNCTION log.asked_subject(p_event uuid, p_floor_s int8) RETURNS TABLE (items jsonb, next uuid) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	e log.event;
	part text;
BEGIN
	PERFORM cairn.check_recorded();
	SELECT * INTO e FROM log.event x WHERE x.id = p_event AND x.kind = 'audit.subject_read' AND x.facts->>'by' = session_user
		AND x.id > cairn.id_at(clock_timestamp() - interval '10 minutes');
	IF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'Nobody of this name asked for it in the last ten minutes: log.ask_subject does');
	END IF;
	part := e.facts->>'part';
	IF part = '' THEN
		items := log.subject_index(e.account_id, p_floor_s, true);
	ELSE
		SELECT p.items, p.next INTO items, next FROM log.subject_page(e.account_id, part, cairn.id_of(e.facts->>'after'), 200000, 200, 1048576, true) p;
	END IF;
	RETURN NEXT;
END $$;

-- From now on the holder of the account may know of the hold. False: he could before.
CREATE OR REPLACE FUNCTION cairn.tell_hold(p_id uuid, p_actor text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h cairn.hold;
BEGIN
	SELECT * INTO h FROM cairn.hold x WHERE x.id = p_id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such hold');
	ELSIF h.told_at IS NOT NULL THEN
		RETURN false;
	END IF;
	UPDATE cairn.hold SET told_at = now() WHERE id = p_id;
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'hold.told', NULL, h.account_id, NULL, NULL, jsonb_build_object('hold', cairn.id_text(p_id)));
	RETURN true;
END $$;

REVOKE ALL ON FUNCTION log.subject_parts(), log.subject_meanings(text), log.subject_text(bytea), log.subject_deletion(int8), log.subject_index(uuid, int8, boolean),
	log.subject_may_see(text), log.subject_ids(uuid, text, text, uuid, int8, int8), log.subject_next(uuid, regclass, uuid),
	log.subject_skip(uuid, text, uuid), log.subject_item(text, jsonb, uuid, boolean),
	log.subject_page(uuid, text, uuid, int8, int8, int8, boolean), log.subject_of_holder(uuid, bytea, text, uuid, int8, text, uuid),
	log.ask_subject(uuid, text, uuid, text, text), log.asked_subject(uuid, int8), cairn.tell_hold(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.subject_of_holder(uuid, bytea, text, uuid, int8, text, uuid) TO cairn_subscriber;
GRANT EXECUTE ON FUNCTION log.ask_subject(uuid, text, uuid, text, text), log.asked_subject(uuid, int8) TO cairn_auditor, cairn_officer;
GRANT EXECUTE ON FUNCTION cairn.tell_hold(uuid, text) TO cairn_operator, cairn_officer;

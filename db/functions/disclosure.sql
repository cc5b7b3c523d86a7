-- Cases of disclosure (0058; docs/disclosure.md): the trigger disclosure.guard looks at what a step needs, whoever adds it, and
-- disclosure.record makes its event. disclosure.add_step is the only way in for a role.

-- ---- what the steps of a case say ----

-- A fact of the last step that had it.
CREATE OR REPLACE FUNCTION disclosure.fact(p_case uuid, p_key text) RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.facts->p_key FROM disclosure.step s WHERE s.case_id = p_case AND s.facts ? p_key ORDER BY s.n DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION disclosure.received_at(p_case uuid) RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.at FROM disclosure.step s WHERE s.case_id = p_case AND s.n = 0
$$;

CREATE OR REPLACE FUNCTION disclosure.is_emergency(p_case uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.facts->>'kind' = 'emergency' FROM disclosure.step s WHERE s.case_id = p_case AND s.n = 0
$$;

-- What one officer approved alone is reviewed by another (G-55); what two approved, in an emergency too, needs none.
CREATE OR REPLACE FUNCTION disclosure.wants_review(p_case uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM disclosure.step s WHERE s.case_id = p_case AND s.act = 'approve-alone' AND NOT EXISTS
		(SELECT FROM disclosure.step y WHERE y.case_id = p_case AND y.act IN ('review', 'propose') AND y.n > s.n))
$$;

-- The decision in force; that notice is futile counts only when those who approved the release knew of it (G-52).
CREATE OR REPLACE FUNCTION disclosure.silence_is_final(p_case uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM disclosure.step s WHERE s.case_id = p_case AND s.act = 'silence'
		AND s.n = (SELECT max(y.n) FROM disclosure.step y WHERE y.case_id = p_case AND y.act IN ('notice', 'silence')) AND (s.facts->>'why' = 'consent'
			OR (s.facts->>'why' = 'futile' AND s.n < (SELECT max(y.n) FROM disclosure.step y WHERE y.case_id = p_case AND y.act IN ('approve', 'approve-alone')))))
$$;

-- Whose data the scope is about: they are told. Whose it was when it was handed out they stay, whatever is purged since.
CREATE OR REPLACE FUNCTION disclosure.subjects(p_case uuid) RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	q record;
	found uuid[];
	gathered uuid[] := '{}';
BEGIN
	FOR q IN SELECT * FROM disclosure.compile(disclosure.fact(p_case, 'scope'), disclosure.received_at(p_case)) LOOP
		EXECUTE 'SELECT array_agg(a) FROM (' || q.subjects || ') AS s (a) WHERE a IS NOT NULL' INTO found;
		gathered := gathered || q.named || coalesce(found, '{}');
	END LOOP;
	gathered := gathered || ARRAY(SELECT cairn.id_of(a) FROM disclosure.step s, jsonb_array_elements_text(s.facts->'subjects') a WHERE s.case_id = p_case
		AND s.act IN ('release', 'released', 'abandon'));
	RETURN ARRAY(SELECT DISTINCT a FROM unnest(gathered) a ORDER BY a);
END $$;

-- Those whose data it is who have not been told.
CREATE OR REPLACE FUNCTION disclosure.untold(p_case uuid) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT ARRAY(SELECT a FROM unnest(disclosure.subjects(p_case)) a WHERE NOT EXISTS (SELECT FROM disclosure.step s
		WHERE s.case_id = p_case AND s.act = 'notified' AND cairn.id_of(s.facts->>'account') = a))
$$;

-- Until when those who were told may object (G-52, G-53): each has the time that was decided on before he was told, whatever was decided
-- behind that; the clock stands still while an objection waits for its decision. NULL: nobody was told.
CREATE OR REPLACE FUNCTION disclosure.objectable_until(p_case uuid) RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT max(t.at + make_interval(secs => (SELECT (s.facts->>'window_s')::float8 FROM disclosure.step s WHERE s.case_id = p_case AND s.act = 'notice'
			AND s.n < t.n ORDER BY s.n DESC LIMIT 1))
		+ coalesce((SELECT sum(s.at - b.at) FROM disclosure.step s JOIN disclosure.step b ON b.case_id = s.case_id AND b.n = s.n - 1
			WHERE s.case_id = p_case AND s.from_state = 'objected' AND s.n > t.n), interval '0'))
	FROM disclosure.step t WHERE t.case_id = p_case AND t.act = 'notified'
$$;

-- G-52: why nothing may be handed out yet as far as notice is concerned, or NULL. Who was told has the time that he was told of, whatever
-- was decided later, but in an emergency and with his own consent.
CREATE OR REPLACE FUNCTION disclosure.notice_refusal(p_case uuid) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	d disclosure.step;
	ends timestamptz := disclosure.objectable_until(p_case);
BEGIN
	SELECT * INTO d FROM disclosure.step s WHERE s.case_id = p_case AND s.act IN ('notice', 'silence') ORDER BY s.n DESC LIMIT 1;
	IF d.act IS NULL THEN
		RETURN 'Nobody decided on notice yet';
	ELSIF d.act = 'silence' AND d.facts->>'why' <> 'consent' AND (d.facts->>'until')::timestamptz <= clock_timestamp() THEN
		RETURN 'The reason for giving no notice has ended: give notice, or decide on it again';
	ELSIF d.act = 'notice' AND cardinality(disclosure.untold(p_case)) > 0 THEN
		RETURN 'Not everybody whose data it is has been told';
	ELSIF ends > clock_timestamp() AND coalesce(d.facts->>'why', '') NOT IN ('consent', 'emergency') THEN
		RETURN 'There is time to object until ' || to_char(ends AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
	END IF;
	RETURN NULL;
END $$;

-- ---- signatures of officers ----

CREATE OR REPLACE FUNCTION disclosure.number_of(p_octets bytea) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
	number numeric := 0;
BEGIN
	FOR i IN 0 .. octet_length(p_octets) - 1 LOOP
		number := number * 256 + get_byte(p_octets, i);
	END LOOP;
	RETURN number;
END $$;

-- RSASSA-PKCS1-v1_5 with SHA-256 and the exponent 65537 (RFC 8017 8.2.2), by comparing the whole encoded message: so the database
-- itself refuses an approval that no officer signed, whoever asks it to.
CREATE OR REPLACE FUNCTION disclosure.is_signed(p_modulus bytea, p_signature bytea, p_message bytea) RETURNS boolean LANGUAGE plpgsql
IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	size int := octet_length(p_modulus);
	modulus numeric := disclosure.number_of(p_modulus);
	signature numeric := disclosure.number_of(p_signature);
	power numeric := signature;
BEGIN
	IF octet_length(p_signature) <> size OR signature >= modulus THEN
		RETURN false;
	END IF;
	FOR i IN 1 .. 16 LOOP
		power := mod(power * power, modulus);
	END LOOP;
	RETURN mod(power * signature, modulus) = disclosure.number_of('\x0001'::bytea || decode(repeat('ff', size - 54), 'hex')
		|| '\x003031300d060960864801650304020105000420'::bytea || sha256(p_message));
END $$;

-- What an officer signs: approve, approve-alone, review-justified, review-unjustified. NULL: there is nothing to decide so.
CREATE OR REPLACE FUNCTION disclosure.statement(p_case uuid, p_decision text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT format(E'Cairn disclosure\ncase: %s\ndecision: %s\nscope-sha256: %s\nstep: %s\nstep-sha256: %s\n', cairn.id_text(p_case), p_decision,
		disclosure.fact(p_case, 'scope_sha256') #>> '{}', s.n, encode(s.digest, 'hex'))
	FROM disclosure.step s WHERE s.case_id = p_case AND s.act = ANY (CASE WHEN p_decision IN ('approve', 'approve-alone') THEN '{propose}'
		WHEN p_decision IN ('review-justified', 'review-unjustified') THEN '{released,abandon}' END::text[]) ORDER BY s.n DESC LIMIT 1
$$;

-- Whose signature it is. Two decisions that need two people are of two (G-14, G-51).
CREATE OR REPLACE FUNCTION disclosure.check_officer(p_case uuid, p_act text, p_facts jsonb) RETURNS text LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o disclosure.officer;
	cms bytea := decode(p_facts->>'cms', 'base64');
	signature bytea := decode(p_facts->>'signature', 'hex');
	decision text := CASE p_act WHEN 'review' THEN 'review-' || (p_facts->>'outcome') ELSE p_act END;
BEGIN
	SELECT * INTO o FROM disclosure.officer x WHERE x.fingerprint = decode(p_facts->>'officer', 'hex') AND x.added_at < disclosure.received_at(p_case)
		AND NOT EXISTS (SELECT FROM disclosure.officer_end e WHERE e.fingerprint = x.fingerprint);
	IF NOT FOUND THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'This certificate is not of an officer who was one before the case was received, and still is');
	ELSIF position(signature IN cms) = 0 OR NOT disclosure.is_signed(o.modulus, signature, convert_to(disclosure.statement(p_case, decision), 'UTF8')) IS TRUE THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'This is no signature of this officer under the statement of this case');
	ELSIF EXISTS (SELECT FROM disclosure.step s JOIN disclosure.officer x ON x.fingerprint = decode(s.facts->>'officer', 'hex')
			WHERE s.case_id = p_case AND s.act IN ('approve', 'approve-alone') AND (disclosure.name_read(x.name) = disclosure.name_read(o.name) OR x.modulus = o.modulus)
			AND s.n > (SELECT max(y.n) FROM disclosure.step y WHERE y.case_id = p_case AND y.act = 'propose')) THEN
		PERFORM cairn.refuse('UNAUTHORIZED', 'This officer has approved it already: another one has to');
	END IF;
	RETURN o.name;
END $$;

-- ---- what each step needs ----

CREATE OR REPLACE FUNCTION disclosure.demand(p_ok boolean, p_sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF p_ok IS NOT TRUE THEN
		PERFORM cairn.refuse('MALFORMED', p_sentence);
	END IF;
END $$;

CREATE OR REPLACE FUNCTION disclosure.check_silence(p_case uuid, p_facts jsonb) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	why text := p_facts->>'why';
	ends interval := (p_facts->>'until')::timestamptz - clock_timestamp();
BEGIN
	PERFORM disclosure.demand(why IN ('consent', 'forbidden', 'futile', 'emergency'), 'There are four reasons for giving no notice: consent, forbidden, futile, emergency');
	PERFORM disclosure.demand(why <> 'consent' OR disclosure.fact(p_case, 'ground') = '"consent"', 'The ground of this case is not the consent of the person');
	PERFORM disclosure.check_consent(p_case) WHERE why = 'consent';
	PERFORM disclosure.demand(why <> 'emergency' OR disclosure.is_emergency(p_case), 'This case is no emergency');
	PERFORM disclosure.demand(why = 'consent' OR ends > interval '0', 'Say until when no notice is given');
	PERFORM disclosure.demand(why = 'consent' OR ends <= CASE why WHEN 'emergency' THEN interval '72 hours' ELSE interval '366 days' END,
		'In an emergency notice may wait for 72 hours, else for a year; then it is decided on again');
END $$;

CREATE OR REPLACE FUNCTION disclosure.check_take(p_case uuid, p_state text, p_account uuid) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_state = 'releasing' THEN
		PERFORM disclosure.demand(EXISTS (SELECT FROM jsonb_array_elements(disclosure.fact(p_case, 'scope')->'items') i
			WHERE i->>'view' = 'recovery' AND i->'accounts' ? cairn.id_text(p_account)), 'The recovery contacts of this account are not within the scope');
	ELSE
		PERFORM disclosure.demand(p_account = ANY (disclosure.untold(p_case)), 'Nobody of this account has to be told any more');
	END IF;
END $$;

-- A hold on all that the scope is about, until the case ends (G-56).
CREATE OR REPLACE FUNCTION disclosure.hold(p_case uuid, p_until timestamptz, p_actor text) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i record;
	id uuid;
	ids jsonb := '[]';
BEGIN
	FOR i IN SELECT e, k.kind, v.value FROM jsonb_array_elements(disclosure.fact(p_case, 'scope')->'items') e,
			LATERAL (SELECT t.kind FROM unnest(ARRAY['accounts', 'serials', 'names', 'networks']) WITH ORDINALITY t (kind, o) WHERE e ? t.kind ORDER BY t.o LIMIT 1) k,
			LATERAL jsonb_array_elements_text(e->k.kind) v LOOP
		id := cairn.new_id();
		PERFORM cairn.add_hold(id, 'disclosure ' || cairn.id_text(p_case), CASE i.kind WHEN 'accounts' THEN cairn.id_of(i.value) END,
			CASE i.kind WHEN 'serials' THEN decode(i.value, 'hex') END, CASE i.kind WHEN 'names' THEN regexp_replace(lower(i.value), '^\*\.', '') END,
			CASE i.kind WHEN 'networks' THEN i.value END, (i.e->>'since')::timestamptz, (i.e->>'until')::timestamptz, p_until, p_actor);
		ids := ids || to_jsonb(cairn.id_text(id));
	END LOOP;
	RETURN ids;
END $$;

-- What the ground allows to be asked for (G-50). By consent, nothing of anybody whom the scope does not name.
CREATE OR REPLACE FUNCTION disclosure.check_ground(p_ground text, p_scope jsonb) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM disclosure.demand(p_ground IN ('consent', 'law', 'danger'),
		'There are three grounds: consent of the person; law; danger of death, injury, damage or heavy loss of money');
	PERFORM disclosure.demand(p_ground <> 'danger' OR NOT EXISTS (SELECT FROM jsonb_array_elements(p_scope->'items') i WHERE i->>'view' <> 'recovery'),
		'Danger is a ground for recovery contacts only; all else needs consent or law');
	PERFORM disclosure.demand(p_ground <> 'consent' OR NOT EXISTS (SELECT FROM jsonb_array_elements(p_scope->'items') i WHERE NOT i ? 'accounts'),
		'Consent is of somebody: each item of the scope names the accounts that consent; narrow it, or take another ground');
END $$;

-- Whoever signed what is proposed now is an officer to the end: one who left, or whose key is in other hands, has approved nothing.
CREATE OR REPLACE FUNCTION disclosure.check_signers(p_case uuid) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM disclosure.step s JOIN disclosure.officer_end e ON e.fingerprint = decode(s.facts->>'officer', 'hex')
			WHERE s.case_id = p_case AND s.act IN ('approve', 'approve-alone')
			AND s.n > (SELECT max(y.n) FROM disclosure.step y WHERE y.case_id = p_case AND y.act = 'propose')) THEN
		PERFORM cairn.refuse('CONFLICT', 'Who approved it is no officer any more: narrow it or object to it, and propose it anew');
	END IF;
END $$;

CREATE OR REPLACE FUNCTION disclosure.check_step(p_case uuid, p_act text, p_state text, p_facts jsonb) RETURNS void LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	scope jsonb := disclosure.fact(p_case, 'scope');
	reason text;
BEGIN
	PERFORM disclosure.compile(p_facts->'scope', clock_timestamp()) WHERE p_facts ? 'scope';
	CASE p_act
	WHEN 'receive' THEN
		PERFORM disclosure.demand(p_facts->>'kind' IN ('subpoena', 'court-order', 'warrant', 'consent', 'emergency', 'other'),
			'A request is one of: subpoena, court-order, warrant, consent, emergency, other');
	WHEN 'check' THEN
		PERFORM disclosure.demand(NOT disclosure.is_emergency(p_case) OR coalesce(p_facts->>'call_back', '') <> '',
			'In an emergency whoever asks is called back at a number that is known otherwise: say how (G-55)');
	WHEN 'ground' THEN
		PERFORM disclosure.check_ground(p_facts->>'ground', scope);
		PERFORM disclosure.check_consenting(p_case, p_facts);
	WHEN 'notice' THEN
		PERFORM disclosure.demand(p_facts->>'window_s' ~ '^[1-9]\d{0,7}$', 'The time to object is a number of seconds, one at least');
		PERFORM disclosure.demand((p_facts->>'window_s')::int8 >= 1209600 OR coalesce(p_facts->>'reason', '') <> '',
			'Less than 14 days to object needs a reason, such as the term that the order sets');
		PERFORM disclosure.demand((p_facts->>'window_s')::int8 >= 1209600 OR disclosure.fact(p_case, 'kind') #>> '{}' <> 'other',
			'Less than 14 days to object is for orders that set less, emergencies and consent (G-52)');
		PERFORM disclosure.demand(cardinality(disclosure.untold(p_case)) > 0, 'Nobody is known who has not been told');
	WHEN 'silence' THEN
		PERFORM disclosure.check_silence(p_case, p_facts);
	WHEN 'hold' THEN
		PERFORM disclosure.demand((p_facts->>'until')::timestamptz <= clock_timestamp() + interval '90 days 1 hour',
			'A hold of a case is for 90 days at most: hold it again before they are over, if it is still wanted (G-56)');
	WHEN 'notify' THEN
		PERFORM disclosure.demand(p_facts->>'via' IN ('mail', 'recovery-contact', 'other'), 'Notice goes by mail, to the recovery contact, or otherwise');
		PERFORM disclosure.demand(disclosure.account_of(p_facts->>'account') = ANY (disclosure.untold(p_case)), 'Nobody of this account has to be told any more');
	WHEN 'notified' THEN
		PERFORM disclosure.demand((SELECT s.act = 'notify' AND s.facts->>'account' = p_facts->>'account' FROM disclosure.step s WHERE s.case_id = p_case
			ORDER BY s.n DESC LIMIT 1), 'Only a notice whose text is on record can have been given');
	WHEN 'object' THEN
		PERFORM disclosure.check_objection(p_case, p_facts);
	WHEN 'narrow' THEN
		PERFORM disclosure.demand(disclosure.is_within(p_facts->'scope', scope), 'The new scope is not within the old one');
	WHEN 'propose', 'approve', 'approve-alone', 'release' THEN
		PERFORM disclosure.check_ground(disclosure.fact(p_case, 'ground') #>> '{}', scope);
		PERFORM disclosure.check_consent(p_case) WHERE disclosure.fact(p_case, 'ground') = '"consent"';
		reason := disclosure.notice_refusal(p_case);
		IF reason IS NOT NULL THEN
			PERFORM cairn.refuse('CONFLICT', reason);
		END IF;
		PERFORM disclosure.demand(p_act <> 'approve-alone' OR disclosure.is_emergency(p_case), 'Only an emergency is approved by one officer alone');
		PERFORM disclosure.demand(p_act <> 'approve-alone' OR disclosure.fact(p_case, 'ground') = '"danger"',
			'One officer alone approves on the ground of danger only; law and consent leave the time for two');
		PERFORM disclosure.check_signers(p_case) WHERE p_act <> 'propose';
	WHEN 'released' THEN
		PERFORM disclosure.demand(p_facts->>'manifest_sha256' ~ '^[0-9a-f]{64}$' AND jsonb_typeof(p_facts->'files') = 'array', 'The manifest has a digest, and files');
	WHEN 'review' THEN
		PERFORM disclosure.demand(disclosure.wants_review(p_case), 'Only what was approved by one officer alone, and by nobody since, is reviewed');
		PERFORM disclosure.demand(p_facts->>'outcome' IN ('justified', 'unjustified'), 'A review finds it justified or unjustified');
	WHEN 'close' THEN
		PERFORM disclosure.demand(NOT disclosure.wants_review(p_case), 'What one officer approved alone is reviewed by another before it is closed (G-55)');
		PERFORM disclosure.demand(cardinality(disclosure.untold(p_case)) = 0 OR disclosure.silence_is_final(p_case),
			'Notice is still to be given: a case is closed when everybody was told, or the release was approved as one of which nobody can be told');
	WHEN 'take' THEN
		PERFORM disclosure.check_take(p_case, p_state, disclosure.account_of(p_facts->>'account'));
	ELSE
		NULL;
	END CASE;
END $$;

-- ---- the chain ----

CREATE OR REPLACE FUNCTION disclosure.digest_of(s disclosure.step) RETURNS bytea LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT sha256(convert_to(concat_ws(E'\n', s.case_id, s.n, s.act, coalesce(s.from_state, '-'), s.state, (extract(epoch FROM s.at) * 1000000)::int8, s.actor, s.role,
		coalesce(encode(s.before_digest, 'hex'), '-'), s.facts::text), 'UTF8'))
$$;

CREATE OR REPLACE FUNCTION disclosure.next_state(p_case uuid, p_act text, p_from text, p_facts jsonb) RETURNS text LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	states text[] := ARRAY(SELECT t.state FROM disclosure.transition t WHERE t.act = p_act AND t.from_state = p_from);
BEGIN
	IF cardinality(states) = 0 THEN
		PERFORM cairn.refuse('CONFLICT', format('The case is "%s", in which there is no "%s"', p_from, p_act));
	ELSIF cardinality(states) = 1 THEN
		RETURN states[1];
	END IF;
	RETURN CASE WHEN disclosure.untold(p_case) <@ ARRAY[disclosure.account_of(p_facts->>'account')] THEN 'notified' ELSE 'notice_due' END;
END $$;

CREATE OR REPLACE FUNCTION disclosure.guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	last disclosure.step;
	queries jsonb;
BEGIN
	IF current_setting('transaction_isolation') <> 'read committed' THEN -- a look at the past has officers who are none any more
		PERFORM cairn.refuse('CONFLICT', 'A step looks at the case as it is now: take no other isolation than READ COMMITTED');
	END IF;
	SELECT * INTO last FROM disclosure.step s WHERE s.case_id = NEW.case_id ORDER BY s.n DESC LIMIT 1;
	IF last.n IS NULL AND NEW.act <> 'receive' THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such case');
	END IF;
	PERFORM disclosure.check_facts(NEW.act, NEW.facts);
	NEW.n := coalesce(last.n + 1, 0);
	NEW.from_state := last.state;
	NEW.before_digest := last.digest;
	NEW.state := CASE WHEN last.n IS NULL THEN 'received' ELSE disclosure.next_state(NEW.case_id, NEW.act, last.state, NEW.facts) END;
	NEW.at := clock_timestamp();
	NEW.role := session_user;
	PERFORM disclosure.check_step(NEW.case_id, NEW.act, last.state, NEW.facts);
	CASE NEW.act
	WHEN 'propose' THEN
		SELECT jsonb_agg(q.query ORDER BY q.item) INTO queries FROM disclosure.compile(disclosure.fact(NEW.case_id, 'scope'), disclosure.received_at(NEW.case_id)) q;
		NEW.facts := jsonb_build_object('queries', queries, 'scope_sha256', encode(sha256(convert_to(queries::text, 'UTF8')), 'hex'));
	WHEN 'approve', 'approve-alone', 'review' THEN
		NEW.facts := NEW.facts || jsonb_build_object('name', disclosure.check_officer(NEW.case_id, NEW.act, NEW.facts));
	WHEN 'release', 'released', 'abandon' THEN
		IF NEW.act = 'release' THEN
			LOCK TABLE cairn.hold IN ROW EXCLUSIVE MODE; -- behind a purge that is under way: the next one sees that this is handed out
		END IF;
		NEW.facts := NEW.facts || jsonb_build_object('subjects', ARRAY(SELECT cairn.id_text(a) FROM unnest(disclosure.subjects(NEW.case_id)) a));
	WHEN 'hold' THEN
		NEW.facts := NEW.facts || jsonb_build_object('holds', disclosure.hold(NEW.case_id, (NEW.facts->>'until')::timestamptz, NEW.actor));
	ELSE
		NULL;
	END CASE;
	NEW.digest := disclosure.digest_of(NEW);
	RETURN NEW;
END $$;

-- The event names no account: who may not know of a case does not learn of it from the records of the account.
CREATE OR REPLACE FUNCTION disclosure.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	held text;
BEGIN
	PERFORM log.add_event(cairn.new_id(), 'cairn', NEW.actor, 'disclosure.' || NEW.act, NULL, NULL, NULL, NULL, jsonb_build_object('case',
		cairn.id_text(NEW.case_id), 'step', NEW.n, 'state', NEW.state, 'digest', encode(NEW.digest, 'hex')));
	IF NEW.state IN ('closed', 'refused', 'withdrawn') THEN
		FOR held IN SELECT jsonb_array_elements_text(s.facts->'holds') FROM disclosure.step s WHERE s.case_id = NEW.case_id AND s.act = 'hold' LOOP
			PERFORM cairn.end_hold(cairn.id_of(held), NEW.actor, 'the disclosure is ' || NEW.state);
		END LOOP;
	END IF;
	RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION disclosure.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'CA003', MESSAGE = 'What stands in ' || TG_TABLE_NAME || ' is never changed';
END $$;

-- ---- what roles may do ----

-- One step; what it would lead to when p_dry.
CREATE OR REPLACE FUNCTION disclosure.add_step(p_case uuid, p_act text, p_facts jsonb, p_actor text, p_dry boolean)
RETURNS TABLE (n int8, state text, digest bytea, facts jsonb) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	s disclosure.step;
BEGIN
	BEGIN
		INSERT INTO disclosure.step (case_id, act, facts, actor) VALUES (p_case, p_act, p_facts, p_actor) RETURNING * INTO s;
		IF p_dry THEN
			RAISE EXCEPTION USING ERRCODE = 'CA002';
		END IF;
	EXCEPTION
	WHEN SQLSTATE 'CA002' THEN
		NULL;
	WHEN unique_violation THEN
		PERFORM cairn.refuse('CONFLICT', 'Somebody else did something in this case just now: look at it again');
	END;
	RETURN QUERY SELECT s.n::int8, s.state, s.digest, s.facts;
END $$;

-- That what is sealed of one account is taken, to tell it of the case or because it is within its scope; how many rows that is. It is read
-- when this is on record. Handed out is what was there when the request was received; told is whom one can.
DROP FUNCTION IF EXISTS disclosure.take(uuid, uuid, text);
CREATE OR REPLACE FUNCTION disclosure.take(p_case uuid, p_account uuid, p_actor text) RETURNS int8 LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	state text; -- a take leads to the state that it was done in
BEGIN
	SELECT a.state INTO state FROM disclosure.add_step(p_case, 'take', jsonb_build_object('account', cairn.id_text(p_account)), p_actor, false) a;
	RETURN (vault.take_sealed(p_account, cairn.id_text(p_case), p_actor, CASE WHEN state = 'releasing' THEN disclosure.received_at(p_case) END) IS NOT NULL)::int;
END $$;

-- What the last step of the case took; NULL: the account has no recovery contacts.
CREATE OR REPLACE FUNCTION disclosure.taken(p_case uuid, p_account uuid) RETURNS bytea LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s disclosure.step;
BEGIN
	PERFORM cairn.check_recorded();
	SELECT * INTO s FROM disclosure.step x WHERE x.case_id = p_case ORDER BY x.n DESC LIMIT 1;
	IF (s.act = 'take' AND s.facts->>'account' = cairn.id_text(p_account) AND s.at > clock_timestamp() - interval '10 minutes') IS NOT TRUE THEN
		PERFORM cairn.refuse('CONFLICT', 'These recovery contacts were not taken by the last step of the case, or it is too long ago: take them again');
	END IF;
	RETURN vault.sealed_of(p_account, CASE WHEN s.state = 'releasing' THEN disclosure.received_at(p_case) END);
END $$;

-- Rows of an approved query, while they are being released (G-54).
CREATE OR REPLACE FUNCTION disclosure.read(p_case uuid, p_item int8, p_after int8, p_most int8) RETURNS SETOF text LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
	query text := disclosure.fact(p_case, 'queries')->>(p_item - 1)::int;
BEGIN
	PERFORM cairn.check_recorded();
	IF (SELECT s.state FROM disclosure.step s WHERE s.case_id = p_case ORDER BY s.n DESC LIMIT 1) IS DISTINCT FROM 'releasing' THEN
		PERFORM cairn.refuse('CONFLICT', 'Nothing of this case is being released');
	END IF;
	PERFORM disclosure.demand(query IS NOT NULL, 'The scope has no such item');
	-- For so long nothing is purged, so that no place moves (cairn.is_handing_out).
	IF NOT EXISTS (SELECT FROM disclosure.step s WHERE s.case_id = p_case AND s.act = 'release' AND s.at > now() - interval '6 hours') THEN
		PERFORM cairn.refuse('CONFLICT', 'The release was begun more than six hours ago: begin it again');
	END IF;
	RETURN QUERY EXECUTE format('SELECT to_jsonb(q)::text FROM (%s) AS q OFFSET %s LIMIT %s', query, p_after, p_most);
END $$;

CREATE OR REPLACE FUNCTION disclosure.add_officer(p_name text, p_certificate bytea, p_modulus bytea, p_actor text) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM disclosure.demand(disclosure.name_read(p_name) <> '', 'An officer has a name');
	INSERT INTO disclosure.officer (fingerprint, name, certificate, modulus, added_by) VALUES (sha256(p_certificate), p_name, p_certificate, p_modulus, p_actor);
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'disclosure.officer_added', NULL, NULL, NULL, NULL, jsonb_build_object('name', p_name,
		'fingerprint', encode(sha256(p_certificate), 'hex')));
EXCEPTION WHEN unique_violation THEN
	PERFORM cairn.refuse('CONFLICT', 'This certificate, or its key, is known already');
END $$;

CREATE OR REPLACE FUNCTION disclosure.end_officer(p_fingerprint bytea, p_reason text, p_actor text) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO disclosure.officer_end (fingerprint, ended_by, reason) VALUES (p_fingerprint, p_actor, p_reason);
	PERFORM log.add_event(cairn.new_id(), 'cairn', p_actor, 'disclosure.officer_ended', NULL, NULL, NULL, NULL, jsonb_build_object('reason', p_reason,
		'fingerprint', encode(p_fingerprint, 'hex')));
EXCEPTION
WHEN unique_violation THEN
	PERFORM cairn.refuse('CONFLICT', 'It had ended before');
WHEN foreign_key_violation THEN
	PERFORM cairn.refuse('NOT_FOUND', 'There is no officer with this certificate');
END $$;

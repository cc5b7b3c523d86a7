-- Disclosure (design 5; G-50 to G-57): a case is a chain of steps. What may follow what stands in a table that a foreign key refers to,
-- each step refers to the one before it by its digest, and triggers look at what a step needs and make its event, so that no way
-- into the table passes them by. No role may write here but by disclosure.act (db/functions/disclosure.sql).

CREATE SCHEMA disclosure;
COMMENT ON SCHEMA disclosure IS 'Who asked for personal data, what was decided, and what was handed out';
GRANT USAGE ON SCHEMA disclosure TO cairn_officer, cairn_operator, cairn_auditor;
GRANT USAGE ON SCHEMA audit TO cairn_officer;
GRANT EXECUTE ON FUNCTION cairn.id_text(uuid), cairn.id_of(text) TO cairn_officer;

-- ---- officers ----

CREATE TABLE disclosure.officer (
	fingerprint bytea PRIMARY KEY,
	name text NOT NULL CHECK (name <> ''),
	certificate bytea NOT NULL,
	modulus bytea NOT NULL UNIQUE CHECK (octet_length(modulus) BETWEEN 384 AND 1024 AND get_byte(modulus, 0) > 0),
	added_at timestamptz NOT NULL DEFAULT now(),
	added_by text NOT NULL CHECK (added_by <> ''),
	CHECK (fingerprint = sha256(certificate)),
	-- the RSA key of the certificate, with the exponent 65537
	CHECK (position(modulus || '\x0203010001'::bytea IN certificate) > 0)
);
COMMENT ON TABLE disclosure.officer IS 'Privacy officers, by their own certificates; their signatures approve disclosures';
COMMENT ON COLUMN disclosure.officer.fingerprint IS 'OPS: SHA-256 of the certificate';
COMMENT ON COLUMN disclosure.officer.name IS 'OPS: the person';
COMMENT ON COLUMN disclosure.officer.certificate IS 'OPS: certificate, DER';
COMMENT ON COLUMN disclosure.officer.modulus IS 'OPS: modulus of its RSA key, by which the database itself verifies';
COMMENT ON COLUMN disclosure.officer.added_at IS 'OPS: since when; counts for cases that were received later';
COMMENT ON COLUMN disclosure.officer.added_by IS 'OPS: operator who added it';

CREATE TABLE disclosure.officer_end (
	fingerprint bytea PRIMARY KEY REFERENCES disclosure.officer,
	ended_at timestamptz NOT NULL DEFAULT now(),
	ended_by text NOT NULL CHECK (ended_by <> ''),
	reason text NOT NULL CHECK (reason <> '')
);
COMMENT ON TABLE disclosure.officer_end IS 'Certificates of officers that count no more';
COMMENT ON COLUMN disclosure.officer_end.fingerprint IS 'OPS: SHA-256 of the certificate';
COMMENT ON COLUMN disclosure.officer_end.ended_at IS 'OPS: when it ended';
COMMENT ON COLUMN disclosure.officer_end.ended_by IS 'OPS: operator who ended it';
COMMENT ON COLUMN disclosure.officer_end.reason IS 'OPS: why';

-- ---- what may be asked for ----

CREATE TABLE disclosure.source (
	view text PRIMARY KEY,
	relation text NOT NULL,
	columns text[] NOT NULL,
	account_column text,
	name_column text,
	names_column text,
	serial_column text,
	network_column text,
	time_column text,
	ordered_by text[] NOT NULL
);
COMMENT ON TABLE disclosure.source IS 'What the scope of a disclosure may name; nothing else can leave by one (G-54)';
COMMENT ON COLUMN disclosure.source.view IS 'OPS: its name in a scope';
COMMENT ON COLUMN disclosure.source.relation IS 'OPS: view or table that it reads';
COMMENT ON COLUMN disclosure.source.columns IS 'OPS: columns that may be asked for';
COMMENT ON COLUMN disclosure.source.account_column IS 'OPS: column that accounts are chosen by; NULL: they can not be';
COMMENT ON COLUMN disclosure.source.name_column IS 'OPS: column with one name';
COMMENT ON COLUMN disclosure.source.names_column IS 'OPS: column with a list of names';
COMMENT ON COLUMN disclosure.source.serial_column IS 'OPS: column with a serial in hexadecimal digits';
COMMENT ON COLUMN disclosure.source.network_column IS 'OPS: column with an address';
COMMENT ON COLUMN disclosure.source.time_column IS 'OPS: column with the time';
COMMENT ON COLUMN disclosure.source.ordered_by IS 'OPS: columns that order the rows';
INSERT INTO disclosure.source (view, relation, columns, account_column, name_column, names_column, serial_column, network_column, time_column, ordered_by) VALUES
	('account', 'audit.account', '{id,url_id,status,thumbprint,key,terms_agreed,created_at,ended_at,eab_key_id}', 'id', NULL, NULL, NULL, NULL, 'created_at', '{id}'),
	('order', 'audit.orders', '{id,url_id,created_at,account_id,types,names,authorizations,profile,not_before,not_after,expires_at,certificate_id,problem,request_id}',
		'account_id', NULL, 'names', NULL, NULL, 'created_at', '{id}'),
	('certificate', 'audit.certificate', '{id,serial,state,names,not_before,not_after,profile,issuer,order_id,account_id,request_id,begun_at,signed_at,spki_sha256,sha256,der}',
		'account_id', NULL, 'names', 'serial', NULL, 'begun_at', '{id}'),
	('request', 'audit.request', '{id,received_at,method,route,url,account_id,outcome,status,problem,remote_address,remote_port,user_agent,accept_language,body,reply,body_sha256,reply_sha256}',
		'account_id', NULL, NULL, NULL, 'remote_address', 'received_at', '{id}'),
	('validation', 'audit.validation', '{id,started_at,ended_at,identifier_type,identifier_value,wildcard,method,perspective,passed,problem,detail,dnssec,authorization_id,account_id,request_id}',
		'account_id', 'identifier_value', NULL, NULL, NULL, 'ended_at', '{id}'),
	('resolution', 'audit.resolution', '{validation_id,validation_ended_at,identifier_value,method,perspective,account_id,position,name,type,resolver,dnssec,rcode,answers,addresses,error,started_at}',
		'account_id', 'identifier_value', NULL, NULL, NULL, 'validation_ended_at', '{validation_id,position}'),
	('connection', 'audit.connection', '{validation_id,validation_ended_at,identifier_value,method,perspective,account_id,position,url,host,port,addresses_resolved,address_used,http_status,location,headers,body,tls_certificate,error,started_at}',
		'account_id', 'identifier_value', NULL, NULL, 'address_used', 'validation_ended_at', '{validation_id,position}'),
	('event', 'audit.event', '{id,happened_at,kind,actor,request_id,account_id,order_id,certificate_id,facts}', 'account_id', NULL, NULL, NULL, NULL, 'happened_at', '{id}'),
	('recovery', 'vault.contact', '{contacts}', 'account_id', NULL, NULL, NULL, NULL, NULL, '{account_id}');

-- ---- the states ----

CREATE TABLE disclosure.act (
	act text PRIMARY KEY,
	needs text[] NOT NULL,
	takes text[] NOT NULL
);
COMMENT ON TABLE disclosure.act IS 'What can be done in a case, and what has to be said with it';
COMMENT ON COLUMN disclosure.act.act IS 'OPS: what is done';
COMMENT ON COLUMN disclosure.act.needs IS 'OPS: facts without which it is refused';
COMMENT ON COLUMN disclosure.act.takes IS 'OPS: facts that it may have besides';
INSERT INTO disclosure.act (act, needs, takes) VALUES
	('receive', '{kind,from,reference,scope}', '{note}'), ('check', '{how}', '{scope,call_back}'), ('ground', '{ground,reason}', '{}'),
	('notice', '{window_s}', '{reason}'), ('silence', '{why,reason}', '{until}'), ('notify', '{account,via,subject,text}', '{message_id,known_from,recipients}'),
	('notified', '{account,answer}', '{}'), ('object', '{by,text}', '{}'), ('overrule', '{reason}', '{}'), ('narrow', '{scope,reason}', '{}'),
	('propose', '{}', '{queries,scope_sha256}'), ('approve', '{officer,signature,cms}', '{name}'), ('approve-alone', '{officer,signature,cms}', '{name}'),
	('release', '{}', '{}'), ('released', '{manifest_sha256,files}', '{}'), ('review', '{officer,signature,cms,outcome,reason}', '{name}'),
	('close', '{reason}', '{}'), ('refuse', '{reason}', '{}'), ('withdraw', '{reason}', '{}'), ('hold', '{until}', '{holds}'), ('take', '{account}', '{}');

-- G-51: what follows what.
CREATE TABLE disclosure.transition (
	act text NOT NULL REFERENCES disclosure.act,
	from_state text NOT NULL,
	state text NOT NULL,
	PRIMARY KEY (act, from_state, state)
);
COMMENT ON TABLE disclosure.transition IS 'Every way from one state of a case to another; there is no other one (G-51)';
COMMENT ON COLUMN disclosure.transition.act IS 'OPS: what is done';
COMMENT ON COLUMN disclosure.transition.from_state IS 'OPS: the state that it is done in';
COMMENT ON COLUMN disclosure.transition.state IS 'OPS: the state that it leads to';
INSERT INTO disclosure.transition (act, from_state, state) VALUES
	('check', 'received', 'checked'), ('ground', 'checked', 'grounded'),
	('notice', 'grounded', 'notice_due'), ('notice', 'silent', 'notice_due'), ('notice', 'heard', 'notice_due'),
	('silence', 'grounded', 'silent'), ('silence', 'notice_due', 'silent'), ('silence', 'notifying', 'silent'), ('silence', 'silent', 'silent'),
	('silence', 'heard', 'silent'), ('silence', 'released', 'released'),
	('notify', 'notice_due', 'notifying'), ('notify', 'notifying', 'notifying'), ('notify', 'released', 'released'),
	('notified', 'notifying', 'notified'), ('notified', 'notifying', 'notice_due'), ('notified', 'released', 'released'),
	('overrule', 'objected', 'heard'), ('propose', 'notified', 'proposed'), ('propose', 'silent', 'proposed'), ('propose', 'heard', 'proposed'),
	('approve', 'proposed', 'approved_once'), ('approve', 'approved_once', 'approved'), ('approve-alone', 'proposed', 'approved'),
	('release', 'approved', 'releasing'), ('release', 'releasing', 'releasing'), ('released', 'releasing', 'released'),
	('review', 'released', 'released'), ('close', 'released', 'closed'),
	('take', 'notice_due', 'notice_due'), ('take', 'notifying', 'notifying'), ('take', 'releasing', 'releasing'), ('take', 'released', 'released');
INSERT INTO disclosure.transition (act, from_state, state)
	SELECT 'object', s, 'objected' FROM unnest(ARRAY['notified', 'silent', 'heard', 'proposed', 'approved_once', 'approved']) s
	UNION ALL SELECT 'narrow', s, 'heard' FROM unnest(ARRAY['notified', 'silent', 'heard', 'objected', 'proposed', 'approved_once', 'approved']) s
	UNION ALL SELECT a, s, CASE a WHEN 'refuse' THEN 'refused' WHEN 'withdraw' THEN 'withdrawn' ELSE s END FROM unnest(ARRAY['refuse', 'withdraw', 'hold']) a,
		unnest(ARRAY['received', 'checked', 'grounded', 'notice_due', 'notifying', 'notified', 'silent', 'objected', 'heard', 'proposed', 'approved_once', 'approved']) s
	UNION ALL SELECT 'hold', 'released', 'released';

CREATE TABLE disclosure.step (
	case_id uuid NOT NULL,
	n int NOT NULL CHECK (n >= 0),
	before int GENERATED ALWAYS AS (n - 1) STORED,
	act text NOT NULL REFERENCES disclosure.act,
	from_state text,
	state text NOT NULL,
	at timestamptz NOT NULL,
	actor text NOT NULL CHECK (actor <> ''),
	role text NOT NULL,
	facts jsonb NOT NULL CHECK (jsonb_typeof(facts) = 'object'),
	before_digest bytea,
	digest bytea NOT NULL CHECK (octet_length(digest) = 32),
	PRIMARY KEY (case_id, n),
	UNIQUE (case_id, n, state, digest),
	FOREIGN KEY (act, from_state, state) REFERENCES disclosure.transition,
	FOREIGN KEY (case_id, before, from_state, before_digest) REFERENCES disclosure.step (case_id, n, state, digest),
	CHECK ((n = 0) = (from_state IS NULL) AND (n = 0) = (before_digest IS NULL) AND (n = 0) = (act = 'receive') AND (n > 0 OR state = 'received'))
);
COMMENT ON TABLE disclosure.step IS 'Cases of disclosure, step by step; the last step of a case is the state that it is in';
COMMENT ON COLUMN disclosure.step.case_id IS 'OPS: case';
COMMENT ON COLUMN disclosure.step.n IS 'OPS: number of the step, from 0';
COMMENT ON COLUMN disclosure.step.before IS 'OPS: number of the step before it';
COMMENT ON COLUMN disclosure.step.act IS 'OPS: what was done';
COMMENT ON COLUMN disclosure.step.from_state IS 'OPS: state that it was done in; NULL: it began the case';
COMMENT ON COLUMN disclosure.step.state IS 'OPS: state that it led to';
COMMENT ON COLUMN disclosure.step.at IS 'OPS: when';
COMMENT ON COLUMN disclosure.step.actor IS 'OPS: who did it';
COMMENT ON COLUMN disclosure.step.role IS 'OPS: database role that did it';
COMMENT ON COLUMN disclosure.step.facts IS 'SUB-CERT: what was said with it: requester, scope, grounds, texts of notices (without their addresses), objections, signatures, hashes of files';
COMMENT ON COLUMN disclosure.step.before_digest IS 'OPS: digest of the step before it';
COMMENT ON COLUMN disclosure.step.digest IS 'OPS: SHA-256 of this step and, by before_digest, of all before it; the event of the step in the sealed log has it';
CREATE INDEX step_state ON disclosure.step (act, at);

-- Their texts stand in db/functions/disclosure.sql.
CREATE FUNCTION disclosure.guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION disclosure.record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION disclosure.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER a_guard BEFORE INSERT ON disclosure.step FOR EACH ROW EXECUTE FUNCTION disclosure.guard();
CREATE TRIGGER b_record AFTER INSERT ON disclosure.step FOR EACH ROW EXECUTE FUNCTION disclosure.record();
CREATE TRIGGER c_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosure.step FOR EACH STATEMENT EXECUTE FUNCTION disclosure.keep();
CREATE TRIGGER c_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosure.officer FOR EACH STATEMENT EXECUTE FUNCTION disclosure.keep();
CREATE TRIGGER c_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosure.officer_end FOR EACH STATEMENT EXECUTE FUNCTION disclosure.keep();
REVOKE ALL ON FUNCTION disclosure.guard(), disclosure.record(), disclosure.keep() FROM PUBLIC;

-- Retention as data (issue 5.4, G-20, G-30, F-50 to F-53): how long each class of data is kept, which tables that is for, and what
-- holds back a row whose time has come. The engine is db/functions/cairn_retention.sql, its hand subscriber/purger.c.

CREATE TABLE cairn.retention (
	class text NOT NULL CHECK (class IN ('SUB-REQ', 'SUB-VAL', 'SUB-SW', 'SUB-CERT', 'RECOVERY', 'RP-OCSP', 'RP-HOLD', 'WEB', 'OPS', 'AGG')),
	version int8 NOT NULL CHECK (version > 0),
	clear_s int8 CHECK (clear_s >= 86400),
	keep_s int8 CHECK (keep_s >= 86400),
	held_by text[] NOT NULL CHECK (held_by <@ ARRAY['hold', 'floor', 'account', 'case']),
	changed_at timestamptz NOT NULL DEFAULT now(),
	changed_by text NOT NULL,
	reason text NOT NULL CHECK (reason <> ''),
	PRIMARY KEY (class, version),
	CHECK (keep_s IS NULL OR clear_s <= keep_s),
	-- Who only looked at something is forgotten in less than seven days, whatever anybody wants (G-30, G-61).
	CHECK (class NOT IN ('RP-OCSP', 'WEB') OR (clear_s IS NOT NULL AND keep_s IS NOT NULL AND keep_s < 604800))
);
COMMENT ON TABLE cairn.retention IS 'How long data of each class is kept; the highest version of a class is in force, the others tell how it was';
COMMENT ON COLUMN cairn.retention.class IS 'OPS: class of data, as in the comment of each column';
COMMENT ON COLUMN cairn.retention.version IS 'OPS: from 1 on';
COMMENT ON COLUMN cairn.retention.clear_s IS 'OPS: seconds that personal fields are readable, then they are erased with their salts; NULL: as long as the row is there';
COMMENT ON COLUMN cairn.retention.keep_s IS 'OPS: seconds that a row is there at all; NULL: without end';
COMMENT ON COLUMN cairn.retention.held_by IS 'OPS: what keeps data whose time has come: hold (cairn.hold), floor (least term of the Baseline Requirements, in mode webpki), account (as long as the account stands), case (until it is closed)';
COMMENT ON COLUMN cairn.retention.changed_at IS 'OPS: since when it is in force';
COMMENT ON COLUMN cairn.retention.changed_by IS 'OPS: who set it';
COMMENT ON COLUMN cairn.retention.reason IS 'OPS: why';

INSERT INTO cairn.retention (class, version, clear_s, keep_s, held_by, changed_by, reason) VALUES
	('SUB-REQ', 1, NULL, NULL, '{hold,floor}', 'cairn', 'default: stored indefinitely, as the privacy policy says'),
	('SUB-VAL', 1, NULL, NULL, '{hold,floor}', 'cairn', 'default: stored indefinitely, as the privacy policy says'),
	('SUB-SW', 1, NULL, NULL, '{hold,floor}', 'cairn', 'default: stored indefinitely, as the privacy policy says'),
	('SUB-CERT', 1, NULL, NULL, '{hold,floor}', 'cairn', 'default: stored indefinitely, as the privacy policy says'),
	('RECOVERY', 1, NULL, NULL, '{hold,account}', 'cairn', 'default: until the account asks or ends'),
	('RP-OCSP', 1, 518400, 518400, '{}', 'cairn', 'default: less than seven days; held for an investigation it becomes RP-HOLD'),
	('RP-HOLD', 1, NULL, NULL, '{case}', 'cairn', 'default: until the case is closed'),
	('WEB', 1, 518400, 518400, '{hold}', 'cairn', 'default: less than seven days'),
	('OPS', 1, NULL, NULL, '{floor}', 'cairn', 'default: without end'),
	('AGG', 1, NULL, NULL, '{}', 'cairn', 'default: without end, as nobody can be recognized');

-- What is purged, in this order: personal fields before the facts that they belong to. All that is not here is kept: accounts,
-- orders, serials, certificates, revocations, and events of the CA itself.
CREATE TABLE cairn.retained (
	place int8 PRIMARY KEY,
	name text NOT NULL,
	part text NOT NULL CHECK (part IN ('all', 'web')),
	term text NOT NULL CHECK (term IN ('clear', 'keep')),
	droppable boolean NOT NULL,
	mark uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	purged_at timestamptz,
	purged int8 NOT NULL DEFAULT 0,
	UNIQUE (name, part)
);
COMMENT ON TABLE cairn.retained IS 'Tables whose rows have a term';
COMMENT ON COLUMN cairn.retained.place IS 'OPS: order in which they are purged';
COMMENT ON COLUMN cairn.retained.name IS 'OPS: schema-qualified name of the table';
COMMENT ON COLUMN cairn.retained.part IS 'OPS: all, by the classes of its columns; or web: of requests for pages only, which are of class WEB';
COMMENT ON COLUMN cairn.retained.term IS 'OPS: clear: its rows are personal fields; keep: they are the facts';
COMMENT ON COLUMN cairn.retained.droppable IS 'OPS: a partition of which every row is due may be dropped';
COMMENT ON COLUMN cairn.retained.mark IS 'OPS: up to here all that was due is gone';
COMMENT ON COLUMN cairn.retained.purged_at IS 'OPS: when the last row was purged';
COMMENT ON COLUMN cairn.retained.purged IS 'OPS: rows purged so far';
INSERT INTO cairn.retained (place, name, part, term, droppable) VALUES
	(1, 'log.request_private', 'web', 'clear', false), (2, 'log.request_private', 'all', 'clear', true),
	(3, 'log.validation_private', 'all', 'clear', true), (4, 'log.request', 'all', 'keep', true),
	(5, 'acme.authz', 'all', 'keep', false), (6, 'log.validation', 'all', 'keep', false), (7, 'log.event', 'all', 'keep', false);

-- Visits of pages among all requests.
CREATE INDEX request_page ON log.request (id) WHERE route IN ('terms', 'doctor', 'unpause');

-- What is gone by record, for who audits.
CREATE INDEX event_erased ON log.event (id) WHERE kind = 'log.erased';

CREATE TABLE cairn.hold (
	id uuid PRIMARY KEY,
	ground text NOT NULL CHECK (ground <> ''),
	account_id uuid,
	serial bytea,
	name text,
	network inet,
	since timestamptz,
	until timestamptz,
	ends_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL,
	ended_at timestamptz,
	ended_by text,
	end_reason text,
	seen uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	CHECK (num_nonnulls(account_id, serial, name, network, since, until) > 0 AND since < until AND ends_at > created_at)
);
COMMENT ON TABLE cairn.hold IS 'What must not be purged: all rows that meet every condition of a hold which has not ended (G-56)';
COMMENT ON COLUMN cairn.hold.id IS 'OPS: hold id';
COMMENT ON COLUMN cairn.hold.ground IS 'OPS: why, such as the order of a court with its number';
COMMENT ON COLUMN cairn.hold.account_id IS 'OPS: what is about this account';
COMMENT ON COLUMN cairn.hold.serial IS 'OPS: what is about this certificate and its order';
COMMENT ON COLUMN cairn.hold.name IS 'OPS: what is about this name and the names below it';
COMMENT ON COLUMN cairn.hold.network IS 'OPS: what came from these addresses or went to them';
COMMENT ON COLUMN cairn.hold.since IS 'OPS: only what is of this time or later';
COMMENT ON COLUMN cairn.hold.until IS 'OPS: only what is of before this time';
COMMENT ON COLUMN cairn.hold.ends_at IS 'OPS: when it ends by itself';
COMMENT ON COLUMN cairn.hold.created_at IS 'OPS: since when it is in force';
COMMENT ON COLUMN cairn.hold.created_by IS 'OPS: who made it';
COMMENT ON COLUMN cairn.hold.ended_at IS 'OPS: when somebody ended it';
COMMENT ON COLUMN cairn.hold.ended_by IS 'OPS: who ended it';
COMMENT ON COLUMN cairn.hold.end_reason IS 'OPS: why it was ended';
COMMENT ON COLUMN cairn.hold.seen IS 'OPS: the last order that was looked at for its name or serial';

CREATE TABLE cairn.hold_order (
	hold_id uuid NOT NULL REFERENCES cairn.hold,
	order_id uuid NOT NULL,
	account_id uuid NOT NULL,
	authorizations uuid[] NOT NULL,
	PRIMARY KEY (hold_id, order_id)
);
COMMENT ON TABLE cairn.hold_order IS 'Orders that the holds by name or serial are about';
COMMENT ON COLUMN cairn.hold_order.hold_id IS 'OPS: hold';
COMMENT ON COLUMN cairn.hold_order.order_id IS 'OPS: order';
COMMENT ON COLUMN cairn.hold_order.account_id IS 'OPS: its account';
COMMENT ON COLUMN cairn.hold_order.authorizations IS 'OPS: its authorizations';

GRANT SELECT ON cairn.retention, cairn.retained, cairn.hold TO cairn_operator, cairn_auditor, cairn_officer, cairn_subscriber;
GRANT USAGE ON SCHEMA cairn TO cairn_auditor, cairn_officer;

-- Witnesses of the sealed log (docs/sealing.md): what others have seen of it, and what this CA has seen of other logs.

CREATE TABLE log.witness (
	name text PRIMARY KEY,
	size int8 NOT NULL,
	told_at timestamptz NOT NULL
);
COMMENT ON TABLE log.witness IS 'How far each witness of this log has been told';
COMMENT ON COLUMN log.witness.name IS 'OPS: name in the configuration';
COMMENT ON COLUMN log.witness.size IS 'OPS: leaves of the newest checkpoint that it took';
COMMENT ON COLUMN log.witness.told_at IS 'OPS: when that was';

CREATE TABLE log.cosignature (
	size int8 NOT NULL,
	witness text NOT NULL,
	line text NOT NULL,
	added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (size, witness)
);
COMMENT ON TABLE log.cosignature IS 'Cosignatures of checkpoints of this log (C2SP tlog-cosignature)';
COMMENT ON COLUMN log.cosignature.size IS 'OPS: leaves of the checkpoint';
COMMENT ON COLUMN log.cosignature.witness IS 'OPS: name of the witness in the configuration';
COMMENT ON COLUMN log.cosignature.line IS 'OPS: the line of its signature';
COMMENT ON COLUMN log.cosignature.added_at IS 'OPS: when it came';

CREATE TABLE log.witnessed (
	origin text PRIMARY KEY,
	size int8 NOT NULL,
	root bytea NOT NULL CHECK (octet_length(root) = 32),
	note text NOT NULL,
	seen_at timestamptz NOT NULL
);
COMMENT ON TABLE log.witnessed IS 'The newest checkpoint of each other log that this CA has cosigned; a smaller or another one is never cosigned after it';
COMMENT ON COLUMN log.witnessed.origin IS 'OPS: name of the log';
COMMENT ON COLUMN log.witnessed.size IS 'OPS: its leaves';
COMMENT ON COLUMN log.witnessed.root IS 'OPS: hash of its tree';
COMMENT ON COLUMN log.witnessed.note IS 'OPS: the checkpoint as its log signed it';
COMMENT ON COLUMN log.witnessed.seen_at IS 'OPS: when that was';

-- The newest checkpoint with the cosignatures that it has, and the newest one that has any.
CREATE OR REPLACE VIEW front.log_checkpoint AS SELECT c.size, c.note || coalesce((SELECT string_agg(s.line, '' ORDER BY s.witness)
	FROM log.cosignature s WHERE s.size = c.size), '') AS note, c.signed_at FROM log.checkpoint c ORDER BY c.size DESC LIMIT 1;
CREATE VIEW front.log_cosigned AS SELECT c.note || (SELECT string_agg(s.line, '' ORDER BY s.witness) FROM log.cosignature s
	WHERE s.size = c.size) AS note FROM log.checkpoint c WHERE c.size = (SELECT max(s.size) FROM log.cosignature s);
CREATE VIEW front.log_witnessed AS SELECT origin, note FROM log.witnessed;
GRANT SELECT ON front.log_cosigned, front.log_witnessed TO cairn_wfe;
GRANT SELECT ON log.witness, log.cosignature, log.witnessed TO cairn_subscriber, cairn_auditor;
COMMENT ON VIEW front.log_cosigned IS 'The newest checkpoint that a witness has cosigned';
COMMENT ON COLUMN front.log_cosigned.note IS 'OPS: the checkpoint with its cosignatures';
COMMENT ON VIEW front.log_witnessed IS 'What was cosigned of other logs';
COMMENT ON COLUMN front.log_witnessed.origin IS 'OPS: name of the log';
COMMENT ON COLUMN front.log_witnessed.note IS 'OPS: the checkpoint as its log signed it';

-- What the supervisor tells of services and logins becomes events (F-44, F-50; db/functions/log_journal.sql).
CREATE TABLE cairn.journal (
	sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
	read_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cairn.journal IS 'Files of the journal that were recorded, for a week, so that none is recorded twice';
COMMENT ON COLUMN cairn.journal.sha256 IS 'OPS: SHA-256 of the file';
COMMENT ON COLUMN cairn.journal.read_at IS 'OPS: when it was recorded';
GRANT SELECT ON cairn.journal TO cairn_auditor;

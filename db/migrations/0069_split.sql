-- Two checkpoints of one log that can't both be true (F-46, docs/sealing.md): seen by this CA as a witness of others, or by one of its own
-- witnesses. The function is in db/functions/log_witness.sql.
CREATE TABLE log.split (
	origin text NOT NULL,
	note_sha256 bytea NOT NULL CHECK (octet_length(note_sha256) = 32),
	seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	seen text NOT NULL,
	shown text NOT NULL,
	PRIMARY KEY (origin, note_sha256)
);
COMMENT ON TABLE log.split IS 'Checkpoints that contradict others of their log; each is an event witness.split';
COMMENT ON COLUMN log.split.origin IS 'OPS: name of the log';
COMMENT ON COLUMN log.split.note_sha256 IS 'OPS: digest of the checkpoint that was shown';
COMMENT ON COLUMN log.split.seen_at IS 'OPS: when it was shown first';
COMMENT ON COLUMN log.split.seen IS 'OPS: the checkpoint on record';
COMMENT ON COLUMN log.split.shown IS 'OPS: the checkpoint that contradicts it, or what the witness said';
GRANT SELECT ON log.split TO cairn_subscriber, cairn_auditor;

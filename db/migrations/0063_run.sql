-- Which processes run, so that a start can tell how the one before it ended (F-44). The function is in db/functions/cairn_run.sql.

CREATE TABLE cairn.run (
	instance text PRIMARY KEY,
	started_at timestamptz NOT NULL,
	stopped_at timestamptz
);
COMMENT ON TABLE cairn.run IS 'Processes that have a database, as they started and stopped last';
COMMENT ON COLUMN cairn.run.instance IS 'OPS: the process and the address at which it serves the others';
COMMENT ON COLUMN cairn.run.started_at IS 'OPS: when it was ready';
COMMENT ON COLUMN cairn.run.stopped_at IS 'OPS: when it was told to stop and had drained; NULL: it runs, or it was killed or crashed';

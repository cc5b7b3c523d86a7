-- What a transparency log says without its signature is no proof against it (H-17; db/functions/ca_monitor.sql): it is asked several times
-- over an hour before it is at fault.

ALTER TABLE ca.monitored_log ADD COLUMN left_at timestamptz, ADD COLUMN doubts int8 NOT NULL DEFAULT 0, ADD COLUMN doubt_at timestamptz,
	ADD COLUMN strangers_more int8 NOT NULL DEFAULT 0, ADD COLUMN unproved int8 NOT NULL DEFAULT 0;
COMMENT ON COLUMN ca.monitored_log.left_at IS 'OPS: when it was found to be none of the list any more; NULL: it is read';
COMMENT ON COLUMN ca.monitored_log.doubts IS 'OPS: how often in a row it said what can''t be, without a signature under it';
COMMENT ON COLUMN ca.monitored_log.doubt_at IS 'OPS: when it did so first';
COMMENT ON COLUMN ca.monitored_log.strangers_more IS 'OPS: foreign certificates found in it that are too many to be kept';
COMMENT ON COLUMN ca.monitored_log.unproved IS 'OPS: entries under keys of this CA without a signature by these';

ALTER TABLE ca.sct ADD COLUMN asked_at timestamptz, ADD COLUMN refusals int8 NOT NULL DEFAULT 0, ADD COLUMN refused_at timestamptz;
COMMENT ON COLUMN ca.sct.asked_at IS 'SUB-CERT: when the log was last asked for a proof that did not come; NULL: never';
COMMENT ON COLUMN ca.sct.refusals IS 'SUB-CERT: how often it said that it has none';
COMMENT ON COLUMN ca.sct.refused_at IS 'SUB-CERT: when it said so first';

-- Each finds its rows in their order, however many of another kind there are.
CREATE INDEX sct_unasked ON ca.sct (log_id, given_at) WHERE merged_at IS NULL AND asked_at IS NULL;
CREATE INDEX sct_asked ON ca.sct (log_id, asked_at) WHERE merged_at IS NULL AND asked_at IS NOT NULL;
CREATE INDEX sct_missing ON ca.sct (log_id) WHERE merged_at IS NULL AND missing_at IS NOT NULL;
DROP INDEX ca.sct_unmerged;

-- Replaced by others (db/functions).
DROP FUNCTION IF EXISTS ca.take_monitored(bytea[], text[], text, int8);
DROP FUNCTION IF EXISTS ca.note_monitored(bytea, text, boolean, int8, bytea, timestamptz, int8, bytea, int8, bytea, timestamptz, text, jsonb, int8);
DROP FUNCTION IF EXISTS ca.scts_due(bytea, timestamptz, int8);
DROP FUNCTION IF EXISTS ca.note_merged(bytea, uuid[], int8[]);
DROP FUNCTION IF EXISTS ca.note_missing(bytea, uuid, jsonb, text);
DROP FUNCTION IF EXISTS ca.note_foreign(bytea, int8, text, bytea, bytea, text);
DROP FUNCTION IF EXISTS ca.monitor_state();
DROP FUNCTION IF EXISTS ca.fix_certificate(uuid, bytea, bytea, bytea, text, int8, jsonb, text);

-- The sealed log (design 5, F-46): every row of log.request, log.validation and log.event becomes a leaf of one Merkle tree.
-- Writers don't wait for it: what they add stands in log.unsealed in the same transaction, by triggers, so that nothing that
-- commits, however late, is passed over; cairn-subscriber takes it from there in batches. What a leaf says: docs/sealing.md.

CREATE TABLE log.unsealed (
	kind int NOT NULL CHECK (kind BETWEEN 1 AND 3),
	id uuid NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE log.unsealed IS 'Rows of the log that are no leaves yet; gone once they are';
COMMENT ON COLUMN log.unsealed.kind IS 'OPS: 1 log.request, 2 log.validation, 3 log.event';
COMMENT ON COLUMN log.unsealed.id IS 'OPS: id of the row';

CREATE TABLE log.leaf (
	row_id uuid NOT NULL,
	kind int NOT NULL,
	leaf int8 NOT NULL,
	PRIMARY KEY (row_id, kind)
) PARTITION BY RANGE (row_id);
CREATE INDEX leaf_by_number ON log.leaf (leaf);
COMMENT ON TABLE log.leaf IS 'Which row is which leaf of the tree';
COMMENT ON COLUMN log.leaf.row_id IS 'OPS: id of the row';
COMMENT ON COLUMN log.leaf.kind IS 'OPS: 1 log.request, 2 log.validation, 3 log.event';
COMMENT ON COLUMN log.leaf.leaf IS 'OPS: number of the leaf, from 0 on without gaps';

CREATE TABLE log.tile (
	level int NOT NULL CHECK (level BETWEEN 0 AND 7),
	n int8 NOT NULL CHECK (n >= 0),
	hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
	PRIMARY KEY (level, n)
);
ALTER TABLE log.tile ALTER COLUMN hashes SET STORAGE EXTERNAL; -- hashes don't compress
COMMENT ON TABLE log.tile IS 'Hashes of the tree, 256 in a row (C2SP tlog-tiles); kept for ever, as they tell nothing';
COMMENT ON COLUMN log.tile.level IS 'OPS: 0 for hashes of leaves; each hash of another level is over a full tile of the level below';
COMMENT ON COLUMN log.tile.n IS 'OPS: number of the tile in its level';
COMMENT ON COLUMN log.tile.hashes IS 'OPS: SHA-256 hashes one behind the other';

CREATE TABLE log.tree (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	size int8 NOT NULL,
	root bytea NOT NULL CHECK (octet_length(root) = 32)
);
COMMENT ON TABLE log.tree IS 'The tree as it stands, in one row; whoever adds leaves changes it from the size that he knows';
COMMENT ON COLUMN log.tree.one IS 'OPS: true';
COMMENT ON COLUMN log.tree.size IS 'OPS: number of leaves';
COMMENT ON COLUMN log.tree.root IS 'OPS: RFC 6962 hash of all leaves';
INSERT INTO log.tree (size, root) VALUES (0, sha256(''));

CREATE TABLE log.checkpoint (
	size int8 PRIMARY KEY,
	root bytea NOT NULL CHECK (octet_length(root) = 32),
	note text NOT NULL,
	key text NOT NULL,
	signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE log.checkpoint IS 'Every checkpoint that was signed: what the tree was at that size';
COMMENT ON COLUMN log.checkpoint.size IS 'OPS: number of leaves';
COMMENT ON COLUMN log.checkpoint.root IS 'OPS: hash of the tree';
COMMENT ON COLUMN log.checkpoint.note IS 'OPS: the checkpoint as a signed note (C2SP tlog-checkpoint)';
COMMENT ON COLUMN log.checkpoint.key IS 'OPS: name and public key that signed it';
COMMENT ON COLUMN log.checkpoint.signed_at IS 'OPS: when that was';

INSERT INTO cairn.partitioned VALUES ('log.leaf', 1);

-- Runs as the owner, so that writers need no right to log.unsealed. Nothing in it depends on a search path.
CREATE FUNCTION log.await_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF TG_ARGV[0] OPERATOR(pg_catalog.=) '1' THEN
		INSERT INTO log.unsealed (kind, id) SELECT 1, f.id FROM fresh f;
	ELSIF TG_ARGV[0] OPERATOR(pg_catalog.=) '2' THEN
		INSERT INTO log.unsealed (kind, id) SELECT 2, f.id FROM fresh f;
	ELSE
		INSERT INTO log.unsealed (kind, id) SELECT 3, f.id FROM fresh f;
	END IF;
	RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION log.await_seal() FROM PUBLIC;

-- What stands in the log already, oldest first; in this transaction, before anything else can be added.
LOCK TABLE log.request, log.validation, log.event IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO log.unsealed (kind, id) SELECT kind, id FROM (SELECT 1 AS kind, id FROM log.request
	UNION ALL SELECT 2, id FROM log.validation UNION ALL SELECT 3, id FROM log.event) r ORDER BY id, kind;
CREATE TRIGGER await_seal AFTER INSERT ON log.request REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.await_seal('1');
CREATE TRIGGER await_seal AFTER INSERT ON log.validation REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.await_seal('2');
CREATE TRIGGER await_seal AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.await_seal('3');

-- What the front end publishes: tiles as far as a checkpoint covers them.
CREATE VIEW front.log_checkpoint AS SELECT size, note, signed_at FROM log.checkpoint ORDER BY size DESC LIMIT 1;
CREATE VIEW front.log_tile AS SELECT level, n, hashes FROM log.tile;
GRANT SELECT ON front.log_checkpoint, front.log_tile TO cairn_wfe;

GRANT SELECT ON log.unsealed, log.leaf, log.tile, log.tree, log.checkpoint TO cairn_subscriber, cairn_auditor;

SELECT cairn.make_partitions(7);

-- Notes what a statement added (0030). Runs as the owner, so that writers need no right to log.unsealed; nothing in it depends on a
-- search path.
CREATE OR REPLACE FUNCTION log.await_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO log.unsealed (kind, id) SELECT TG_ARGV[0]::pg_catalog.int4, f.id FROM fresh f;
	RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION log.await_seal() FROM PUBLIC;

-- The next leaves, and the tiles with their hashes. p_from: leaves that the caller knows; p_places and what follows: rows of
-- log.unsealed in the order of their leaves; p_levels, p_numbers, p_tiles: every tile that changed, whole. All or nothing; the
-- rest is refused: another tree, a row that another one took, a tile that does not go on from what it was.
CREATE OR REPLACE FUNCTION log.sequence(p_holder text, p_from int8, p_places text[], p_kinds int8[], p_ids uuid[], p_levels int8[],
	p_numbers int8[], p_tiles bytea[], p_root bytea) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	taken int8;
	stored int8;
BEGIN
	PERFORM FROM cairn.lease WHERE name = 'seal' AND holder = p_holder AND until > clock_timestamp() FOR SHARE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance seals the log');
	END IF;
	UPDATE log.tree SET size = p_from + cardinality(p_ids), root = p_root WHERE size = p_from;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'The log has grown without this instance');
	END IF;
	DELETE FROM log.unsealed u USING unnest(p_places::tid[], p_kinds, p_ids) AS x (place, kind, id)
		WHERE u.ctid = x.place AND u.kind = x.kind AND u.id = x.id;
	GET DIAGNOSTICS taken = ROW_COUNT;
	IF taken <> cardinality(p_ids) THEN
		PERFORM cairn.refuse('CONFLICT', 'Rows that wait for their seal have moved');
	END IF;
	INSERT INTO log.leaf (row_id, kind, leaf)
		SELECT x.id, x.kind, p_from + x.n - 1 FROM unnest(p_ids, p_kinds) WITH ORDINALITY AS x (id, kind, n);
	INSERT INTO log.tile AS t (level, n, hashes)
		SELECT x.level, x.n, x.hashes FROM unnest(p_levels, p_numbers, p_tiles) AS x (level, n, hashes)
		ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes
			WHERE substr(excluded.hashes, 1, octet_length(t.hashes)) = t.hashes;
	GET DIAGNOSTICS stored = ROW_COUNT;
	IF stored <> cardinality(p_levels) THEN
		PERFORM cairn.refuse('SERVER_INTERNAL', 'A tile of the sealed log is not what it was');
	END IF;
END $$;

-- A checkpoint of the tree as it stands, which is never smaller than one before.
CREATE OR REPLACE FUNCTION log.publish_checkpoint(p_holder text, p_size int8, p_root bytea, p_note text, p_key text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM cairn.lease WHERE name = 'seal' AND holder = p_holder AND until > clock_timestamp() FOR SHARE;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance seals the log');
	ELSIF NOT EXISTS (SELECT FROM log.tree t WHERE t.size = p_size AND t.root = p_root)
		OR EXISTS (SELECT FROM log.checkpoint c WHERE c.size >= p_size) THEN
		PERFORM cairn.refuse('CONFLICT', 'The checkpoint is not of the tree as it stands');
	END IF;
	INSERT INTO log.checkpoint (size, root, note, key) VALUES (p_size, p_root, p_note, p_key);
END $$;

-- Leaves that no published entry shows, as they tell of recovery contacts, of claims, or who is looked at: their hashes stand in the tiles.
CREATE OR REPLACE FUNCTION log.is_withheld(p_kind int8, p_id uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE p_kind WHEN 1 THEN EXISTS (SELECT FROM log.request r WHERE r.id = p_id AND r.route IN ('recovery-contacts', 'recover-account', 'stop-recovery'))
		WHEN 3 THEN EXISTS (SELECT FROM log.event e WHERE e.id = p_id AND (e.kind LIKE 'recovery.%' OR e.kind = 'audit.subject_read'
			OR e.actor = 'recovery')) ELSE false END
$$;

REVOKE ALL ON FUNCTION log.is_withheld(int8, uuid), log.sequence(text, int8, text[], int8[], uuid[], int8[], int8[], bytea[], bytea),
	log.publish_checkpoint(text, int8, bytea, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.is_withheld(int8, uuid), log.sequence(text, int8, text[], int8[], uuid[], int8[], int8[], bytea[], bytea),
	log.publish_checkpoint(text, int8, bytea, text, text) TO cairn_subscriber;

-- Operators record what they do by the functions that do it: nobody at a terminal can write a record of what did not happen.
REVOKE INSERT ON log.event FROM cairn_operator;
REVOKE EXECUTE ON FUNCTION log.add_event(uuid, text, text, text, uuid, uuid, uuid, uuid, jsonb) FROM cairn_operator;

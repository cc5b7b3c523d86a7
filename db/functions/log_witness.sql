-- What a witness took of this log, with its cosignature where it gives one.
CREATE OR REPLACE FUNCTION log.add_cosignature(p_witness text, p_size int8, p_line text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM log.checkpoint c WHERE c.size = p_size) THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such checkpoint');
	END IF;
	INSERT INTO log.witness AS w (name, size, told_at) VALUES (p_witness, p_size, now())
		ON CONFLICT (name) DO UPDATE SET size = excluded.size, told_at = excluded.told_at WHERE w.size < excluded.size;
	INSERT INTO log.cosignature (size, witness, line) SELECT p_size, p_witness, p_line WHERE p_line IS NOT NULL ON CONFLICT DO NOTHING;
END $$;

-- A checkpoint of another log that goes on from the one of p_old leaves, as the caller has checked. Gives -1, or the size that is on record
-- when it is another one: then nothing was changed.
CREATE OR REPLACE FUNCTION log.witness_checkpoint(p_origin text, p_old int8, p_size int8, p_root bytea, p_note text) RETURNS int8 LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	w log.witnessed;
BEGIN
	IF p_old = 0 THEN
		INSERT INTO log.witnessed (origin, size, root, note, seen_at) VALUES (p_origin, p_size, p_root, p_note, now()) ON CONFLICT DO NOTHING;
		IF FOUND THEN
			RETURN -1;
		END IF;
	END IF;
	SELECT * INTO w FROM log.witnessed x WHERE x.origin = p_origin FOR UPDATE;
	IF w.size IS DISTINCT FROM p_old OR p_size < p_old OR (p_size = p_old AND p_root <> w.root) THEN
		RETURN coalesce(w.size, 0);
	END IF;
	-- what is on record already is not written again, however often somebody shows it
	IF p_size = p_old THEN
		RETURN -1;
	END IF;
	UPDATE log.witnessed x SET size = p_size, root = p_root, note = p_note, seen_at = now() WHERE x.origin = p_origin;
	RETURN -1;
END $$;

-- Two checkpoints of one log contradict each other: once an event of the sealed log, however often they are shown; at most a hundred
-- of a log, as its key signs as many as somebody likes. p_seen NULL: what this log itself signed, against what one of its witnesses says.
CREATE OR REPLACE FUNCTION log.add_split(p_origin text, p_seen text, p_shown text, p_process text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	seen_note text := coalesce(p_seen, (SELECT c.note FROM log.checkpoint c ORDER BY c.size DESC LIMIT 1), '');
BEGIN
	IF (SELECT count(*) FROM log.split s WHERE s.origin = p_origin) >= 100 THEN
		RETURN false;
	END IF;
	INSERT INTO log.split (origin, note_sha256, seen, shown) VALUES (p_origin, sha256(convert_to(p_shown, 'UTF8')), seen_note, p_shown) ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'witness', 'witness.split', NULL, NULL, NULL, NULL,
			jsonb_build_object('log', p_origin, 'seen', seen_note, 'shown', p_shown));
		PERFORM log.raise_alarm('log-split', p_origin, 'Checkpoints of one log contradict each other: the event witness.split has both', p_process, false);
	END IF;
	RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION log.splits() RETURNS int8 LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT count(*) FROM log.split
$$;

REVOKE ALL ON FUNCTION log.add_split(text, text, text, text), log.splits() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.add_split(text, text, text, text) TO cairn_subscriber;
GRANT EXECUTE ON FUNCTION log.splits() TO cairn_subscriber, cairn_operator;
REVOKE ALL ON FUNCTION log.add_cosignature(text, int8, text), log.witness_checkpoint(text, int8, int8, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.add_cosignature(text, int8, text), log.witness_checkpoint(text, int8, int8, bytea, text) TO cairn_subscriber;

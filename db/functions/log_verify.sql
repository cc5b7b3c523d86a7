-- The log compared with its seal by cairn-subscriber, piece by piece (F-69, subscriber/verifier.c).

-- Where to go on: from the first leaf again when p_every_s have passed since that was begun and all was compared.
CREATE OR REPLACE FUNCTION log.next_seal_check(p_every_s int8) RETURNS TABLE (size int8, root bytea, whole boolean) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE cairn.seal_check k SET size = 0, root = '', whole = false, begun_at = now() WHERE k.whole AND k.begun_at <= now() - make_interval(secs => p_every_s);
	RETURN QUERY SELECT k.size, k.root, k.whole FROM cairn.seal_check k;
END $$;

-- What was found between p_before leaves, as they stand on record, and p_size. p_whole: all was compared, and nothing else is there. Who has not the lease, or
-- begins elsewhere, changes nothing.
CREATE OR REPLACE FUNCTION log.record_seal_check(p_holder text, p_before int8, p_size int8, p_root bytea, p_whole boolean, p_found int8, p_what text)
RETURNS TABLE (differences int8) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	was cairn.seal_check;
	said text := format('The log is not as it was sealed, by %s findings, the first of them: %s', p_found, left(p_what, 300));
BEGIN
	PERFORM FROM cairn.lease l WHERE l.name = 'verify' AND l.holder = p_holder AND l.until > clock_timestamp() FOR SHARE;
	IF FOUND THEN
		SELECT * INTO was FROM cairn.seal_check k WHERE k.size = p_before FOR UPDATE;
	END IF;
	IF NOT FOUND THEN
		PERFORM cairn.refuse('CONFLICT', 'Another instance compares the log with its seal');
	END IF;
	UPDATE cairn.seal_check k SET size = p_size, root = p_root, whole = p_whole, checked_at = now(), differences = k.differences + p_found,
		whole_at = CASE WHEN p_whole THEN now() ELSE k.whole_at END, last_difference_at = CASE WHEN p_found > 0 THEN now() ELSE k.last_difference_at END
		RETURNING k.differences INTO differences;
	-- what goes on is said once, until somebody has answered it; numbers in it, as of leaves, may grow by what is said itself
	IF p_found > 0 AND NOT EXISTS (SELECT FROM cairn.alarm a WHERE a.kind = 'log-differs' AND a.acknowledged_at IS NULL
			AND regexp_replace(a.detail, '\m[0-9]+\M', 'n', 'g') = regexp_replace(said, '\m[0-9]+\M', 'n', 'g')) THEN
		PERFORM log.add_event(cairn.new_id(), p_holder, 'cairn', 'log.differs', NULL, NULL, NULL, NULL,
			jsonb_build_object('from', p_before, 'until', p_size, 'findings', p_found, 'what', left(p_what, 1000)));
		PERFORM log.raise_alarm('log-differs', '', said, p_holder, false);
	END IF;
	IF p_whole AND NOT was.whole THEN
		PERFORM log.add_event(cairn.new_id(), p_holder, 'cairn', 'log.verified', NULL, NULL, NULL, NULL, jsonb_build_object('leaves', p_size, 'begun_at', was.begun_at));
	END IF;
	RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION log.next_seal_check(int8), log.record_seal_check(text, int8, int8, bytea, boolean, int8, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.next_seal_check(int8), log.record_seal_check(text, int8, int8, bytea, boolean, int8, text) TO cairn_subscriber;

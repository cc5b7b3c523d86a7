-- The smallest id of a moment. Before 1970 there is none: a term of 60 years begins with the first id, and not, by a number below 0, behind the last one.
CREATE OR REPLACE FUNCTION cairn.id_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT (lpad(to_hex(greatest((extract(epoch FROM moment) * 1000)::bigint, 0)), 12, '0') || '00000000000000000000')::uuid
$$;

-- A fresh id (RFC 9562 5.7) of a row that the database makes. Behind the milliseconds stands their fraction in the 12 bits that may have it (6.2, method
-- 3), so that of two events the one that was recorded first comes first, also within a millisecond.
CREATE OR REPLACE FUNCTION cairn.new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
	SELECT (overlay(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 4096000)::int8), 15, '0') PLACING '7' FROM 13 FOR 0) ||
		substr(gen_random_uuid()::text, 20))::uuid
$$;

-- For what hands out personal data: that it was asked for is on record before. What this transaction wrote could be taken back.
DROP FUNCTION IF EXISTS disclosure.check_recorded();
CREATE OR REPLACE FUNCTION cairn.check_recorded() RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
		PERFORM cairn.refuse('CONFLICT', 'Read in a transaction that has written nothing: what is done has to be on record before');
	END IF;
END $$;

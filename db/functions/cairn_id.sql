-- The smallest id of a moment. Before 1970 there is none: a term of 60 years begins with the first id, and not, by a number below 0, behind the last one.
CREATE OR REPLACE FUNCTION cairn.id_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT (lpad(to_hex(greatest((extract(epoch FROM moment) * 1000)::bigint, 0)), 12, '0') || '00000000000000000000')::uuid
$$;

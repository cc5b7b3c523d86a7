-- A perspective that CAA forbade at, while enough others saw that it permits, prevented nothing (C-39, C-51): told apart from what did.
CREATE OR REPLACE VIEW log.caa_refusal AS
	SELECT v.id, v.ended_at AS checked_at, v.identifier_value, v.wildcard, v.account_id, v.authorization_id, v.request_id, v.method,
		v.perspective, v.caa->>'found_at' AS found_at,
		ARRAY(SELECT jsonb_array_elements_text(coalesce(v.caa->'records', '[]'))) AS records,
		ARRAY(SELECT jsonb_array_elements_text(coalesce(v.caa->'iodef', '[]'))) AS iodef,
		v.caa->>'reason' AS reason,
		EXISTS (SELECT FROM log.validation f
			WHERE f.authorization_id = v.authorization_id AND f.passed AND v.id = ANY (f.round)) AS outvoted
	FROM log.validation v
	WHERE (v.caa->>'checked')::boolean AND NOT coalesce((v.caa->>'permitted')::boolean, false);
COMMENT ON VIEW log.caa_refusal IS 'What CAA forbade, one row a perspective: issuances that it prevented, but for those rows that others outvoted';

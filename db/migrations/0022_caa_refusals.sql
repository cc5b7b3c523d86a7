-- Issuances that CAA prevented, in detail (BR 4.2.2.1; C-39): what forbade them, and whom the owner of the zone wants to be told.
CREATE VIEW log.caa_refusal AS
	SELECT v.id, v.ended_at AS checked_at, v.identifier_value, v.wildcard, v.account_id, v.authorization_id, v.request_id, v.method,
		v.perspective, v.caa->>'found_at' AS found_at,
		ARRAY(SELECT jsonb_array_elements_text(coalesce(v.caa->'records', '[]'))) AS records,
		ARRAY(SELECT jsonb_array_elements_text(coalesce(v.caa->'iodef', '[]'))) AS iodef,
		v.caa->>'reason' AS reason
	FROM log.validation v
	WHERE (v.caa->>'checked')::boolean AND NOT coalesce((v.caa->>'permitted')::boolean, false);
COMMENT ON VIEW log.caa_refusal IS 'Issuances that CAA prevented, one row a perspective';
GRANT SELECT ON log.caa_refusal TO cairn_auditor, cairn_operator;

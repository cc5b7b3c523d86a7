-- What happened is on record, whatever follows from it: acme.record_caa tells whether it stands as it was said, and a round that is not
-- whole no longer undoes the record that it belongs to (db/functions/acme_round.sql).
DROP FUNCTION IF EXISTS acme.record_caa(uuid, uuid, uuid, text, boolean, text, text, text, jsonb, timestamptz, timestamptz, bytea, bytea,
	text, text, uuid[], text, jsonb);
DROP FUNCTION IF EXISTS acme.add_round(uuid, jsonb);

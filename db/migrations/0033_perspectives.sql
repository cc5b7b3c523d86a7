-- What remote network perspectives found stands beside what the first one found (C-59): a record each, in the same table. What
-- fills these columns is in db/functions/acme_evidence.sql and acme_round.sql.
ALTER TABLE log.validation
	ADD COLUMN corroborates uuid,
	ADD COLUMN address text,
	ADD COLUMN region text,
	ADD COLUMN dcv boolean,
	ADD COLUMN late boolean,
	ADD COLUMN round uuid[],
	ADD COLUMN quorum text;
COMMENT ON COLUMN log.validation.corroborates IS 'SUB-VAL: record of the first perspective, which this remote one was asked about; NULL: it is the first one''s own';
COMMENT ON COLUMN log.validation.address IS 'OPS: where the remote perspective was asked';
COMMENT ON COLUMN log.validation.region IS 'SUB-VAL: region of the registry in which the remote perspective stands';
COMMENT ON COLUMN log.validation.dcv IS 'SUB-VAL: control was shown to this perspective; NULL: only CAA was looked for';
COMMENT ON COLUMN log.validation.late IS 'SUB-VAL: the remote perspective answered when the quorum was decided';
COMMENT ON COLUMN log.validation.round IS 'SUB-VAL: records of all remote perspectives that were asked, also of late ones; NULL: none was';
COMMENT ON COLUMN log.validation.quorum IS 'SUB-VAL: remote perspectives that agreed when it was decided, of those asked, such as 3/4';

DROP FUNCTION IF EXISTS acme.record_validation(uuid, uuid, int8, text, uuid, text, text, boolean, text, text, jsonb, text,
	jsonb, bytea, int8, timestamptz, timestamptz, bytea, bytea, text, text, timestamptz, int8, boolean, jsonb);
DROP FUNCTION IF EXISTS acme.record_caa(uuid, uuid, uuid, text, boolean, text, text, text, jsonb, timestamptz, timestamptz,
	bytea, bytea, text, text);

-- Which rows are gone by the rules of retention, as one value that is made once and asked often (db/functions/audit_erasures.sql).
CREATE TYPE cairn.id_range AS RANGE (SUBTYPE = uuid, MULTIRANGE_TYPE_NAME = cairn.id_ranges);
COMMENT ON TYPE cairn.id_range IS 'Ids from one on up to another';
COMMENT ON TYPE cairn.id_ranges IS 'Many ranges of ids';

-- Rules of retention as they were changed, which judge each erasure.
CREATE INDEX event_retention ON log.event (id) WHERE kind = 'retention.changed';

DROP FUNCTION IF EXISTS audit.lawful_erasures();
DROP FUNCTION IF EXISTS audit.half_state(text, uuid, boolean);
DROP FUNCTION IF EXISTS audit.was_erased(text, uuid);

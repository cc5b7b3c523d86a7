-- What people may know about themselves (docs/privacy.md; G-23, G-24). The functions are in db/functions/log_subject.sql.

ALTER TABLE cairn.hold ADD COLUMN told_at timestamptz;
GRANT USAGE ON SCHEMA log TO cairn_officer;
COMMENT ON COLUMN cairn.hold.told_at IS 'OPS: since when the holder of the account may know of it; NULL: nobody tells';

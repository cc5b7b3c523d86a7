-- What may be public (docs/privacy.md; G-40 to G-44): views with a list of columns of their own, which are told day by day. The
-- functions are in db/functions/export.sql.

CREATE SCHEMA export;
COMMENT ON SCHEMA export IS 'What may be public, and nothing else';
GRANT USAGE ON SCHEMA export TO cairn_operator, cairn_officer;

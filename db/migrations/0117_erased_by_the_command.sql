-- Which erasures were lawful, cairn audit works out itself and gives to what asks for it (F-46): functions with other parameters or columns take the place of these.
DROP FUNCTION IF EXISTS audit.gaps(text, timestamptz, timestamptz);
DROP FUNCTION IF EXISTS audit.report_totals(timestamptz, timestamptz);
DROP FUNCTION IF EXISTS audit.why(bytea);
DROP FUNCTION IF EXISTS audit.why_all(bytea);
DROP FUNCTION IF EXISTS audit.why_requests(uuid[]);
DROP FUNCTION IF EXISTS audit.why_validations(uuid[], uuid[], timestamptz);

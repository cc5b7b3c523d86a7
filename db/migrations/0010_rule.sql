-- Which rules of the policy refused a request, by their stable names (policy/rules.def), so that audits can name them.
ALTER TABLE log.request ADD COLUMN rule text;
COMMENT ON COLUMN log.request.rule IS 'SUB-REQ: rules of the policy that refused, stable names with commas between them';

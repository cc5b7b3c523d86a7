-- They take, and give, more than before: db/functions/acme_limits.sql and acme_renewal.sql.
DROP FUNCTION acme.take_order_limits(uuid, text, jsonb);
DROP FUNCTION acme.claim_replacement(uuid, uuid, text[], text);

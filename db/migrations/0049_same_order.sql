-- What an order asked for, so that the same newOrder finds it again (A-85).
ALTER TABLE acme.orders ADD COLUMN same int8;
COMMENT ON COLUMN acme.orders.same IS 'SUB-CERT: beginning of a digest of all that newOrder asked for, by which it finds the order again; NULL: made before there was this';
CREATE INDEX orders_same ON acme.orders (same);
GRANT INSERT (same) ON acme.orders TO cairn_ra;

-- It takes, and gives, more than before: db/functions/acme_order.sql.
DROP FUNCTION acme.new_order(uuid, uuid, bytea, text[], text[], text[], text, timestamptz, timestamptz, text, timestamptz, timestamptz, uuid[],
	text[], text[], text, uuid, boolean, jsonb);
GRANT EXECUTE ON FUNCTION ca.same_names(text[], text[], text[], text[]) TO cairn_ra;

-- The newest order for the same is the first of the index, however many there are (A-85).
DROP INDEX acme.orders_same;
CREATE INDEX orders_same ON acme.orders (same, id);

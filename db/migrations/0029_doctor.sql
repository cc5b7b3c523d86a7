-- What counts for a name is shown to who asks what an order would meet.
GRANT EXECUTE ON FUNCTION acme.show_limit(jsonb) TO cairn_ra;

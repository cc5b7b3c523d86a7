-- By what certificates are looked for (`cairn cert`): db/functions/ca_search.sql. Serials have ca.serial, keys certificate_key (0074), accounts
-- orders_account (0003).

CREATE INDEX certificate_end ON ca.certificate (not_after, id) WHERE signed_at IS NOT NULL;

CREATE TABLE ca.certificate_name (
	reversed text COLLATE "C" NOT NULL,
	certificate_id uuid NOT NULL,
	PRIMARY KEY (reversed, certificate_id)
) PARTITION BY RANGE (certificate_id);
COMMENT ON TABLE ca.certificate_name IS 'Names of certificates, to be found by what they end with';
COMMENT ON COLUMN ca.certificate_name.reversed IS 'SUB-CERT: name or address, from its last letter to its first';
COMMENT ON COLUMN ca.certificate_name.certificate_id IS 'SUB-CERT: certificate';
INSERT INTO cairn.partitioned VALUES ('ca.certificate_name', 12);

-- As those of the certificates.
DO $$
DECLARE
	child record;
BEGIN
	FOR child IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'ca.certificate'::regclass LOOP
		EXECUTE format('CREATE TABLE ca.%I PARTITION OF ca.certificate_name %s', replace(child.relname, 'certificate', 'certificate_name'),
			child.bounds);
	END LOOP;
END $$;

CREATE FUNCTION ca.note_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO ca.certificate_name (reversed, certificate_id) SELECT reverse(n), NEW.id FROM unnest(NEW.names) AS n ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
CREATE TRIGGER note_names AFTER INSERT ON ca.certificate FOR EACH ROW EXECUTE FUNCTION ca.note_names();
REVOKE ALL ON FUNCTION ca.note_names() FROM PUBLIC;

INSERT INTO ca.certificate_name (reversed, certificate_id)
	SELECT reverse(n), c.id FROM ca.certificate c CROSS JOIN LATERAL unnest(c.names) AS n ON CONFLICT DO NOTHING;

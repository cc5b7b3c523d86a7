-- Sets of names that were issued for while no limit was on (acme.issued_set): certificates up to this one were looked at by
-- cairn.learn_sets, in db/functions/cairn_sets.sql.
CREATE TABLE acme.set_mark (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	certificate_id uuid NOT NULL
);
INSERT INTO acme.set_mark (certificate_id) VALUES ('00000000-0000-0000-0000-000000000000');
COMMENT ON TABLE acme.set_mark IS 'Up to which certificate the sets of names that were issued for are known to the limits';
COMMENT ON COLUMN acme.set_mark.one IS 'OPS: there is one row';
COMMENT ON COLUMN acme.set_mark.certificate_id IS 'SUB-CERT: certificate';
COMMENT ON TABLE acme.issued_set IS 'Sets of names that were issued for: the next order of one is a renewal';

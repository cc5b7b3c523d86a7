-- Revocations in waves: an incident (0015) whose certificates are not only to be renewed but are revoked when their wave ends (E-7).
-- The functions are in db/functions/acme_mass.sql.
CREATE TABLE acme.revocation_order (
	incident_id uuid PRIMARY KEY REFERENCES acme.incident,
	reason int NOT NULL CHECK (reason IN (0, 1, 3, 4, 5, 9)),
	occasion text NOT NULL,
	because text NOT NULL,
	ordered_at timestamptz NOT NULL DEFAULT now(),
	ordered_by text NOT NULL,
	due_at timestamptz NOT NULL,
	ended_at timestamptz
);
COMMENT ON TABLE acme.revocation_order IS 'Certificates of an incident are to be revoked, each when its wave ends';
COMMENT ON COLUMN acme.revocation_order.incident_id IS 'OPS: incident that has the certificates and the waves';
COMMENT ON COLUMN acme.revocation_order.reason IS 'SUB-CERT: CRLReason';
COMMENT ON COLUMN acme.revocation_order.occasion IS 'OPS: what happened, as cairn revoke reasons names it';
COMMENT ON COLUMN acme.revocation_order.because IS 'OPS: why, in the words of the operator';
COMMENT ON COLUMN acme.revocation_order.ordered_at IS 'OPS: when it was ordered';
COMMENT ON COLUMN acme.revocation_order.ordered_by IS 'OPS: operator who ordered it';
COMMENT ON COLUMN acme.revocation_order.due_at IS 'OPS: until when the rules give time (E-1, E-2)';
COMMENT ON COLUMN acme.revocation_order.ended_at IS 'OPS: when the last of them was revoked';

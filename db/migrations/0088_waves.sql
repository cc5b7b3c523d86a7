-- Revocations in waves are carried out by cairn-ra (db/functions/acme_mass.sql), and keys are blocked before the first wave.
ALTER TABLE acme.revocation_order ADD COLUMN next_at timestamptz NOT NULL DEFAULT '-infinity',
	ADD COLUMN done_wave int NOT NULL DEFAULT 0,
	ADD COLUMN done_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
COMMENT ON COLUMN acme.revocation_order.next_at IS 'OPS: when the next wave ends that is to be carried out';
COMMENT ON COLUMN acme.revocation_order.done_wave IS 'OPS: wave of the last certificate whose turn has been';
COMMENT ON COLUMN acme.revocation_order.done_id IS 'SUB-CERT: the last certificate whose turn has been, in this wave';
CREATE INDEX revocation_order_next ON acme.revocation_order (next_at) WHERE ended_at IS NULL;
CREATE INDEX incident_certificate_wave ON acme.incident_certificate (incident_id, wave, certificate_id);
DROP INDEX acme.incident_certificate_incident;

ALTER TABLE acme.blocked_key ADD COLUMN sweep_from timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN acme.blocked_key.sweep_from IS 'OPS: until then its certificates go with the waves of a revocation';
GRANT UPDATE (sweep_from) ON acme.blocked_key TO cairn_ra;
CREATE INDEX blocked_key_due ON acme.blocked_key (sweep_from, blocked_at) WHERE swept_at IS NULL;
DROP INDEX acme.blocked_key_unswept;

DROP FUNCTION IF EXISTS acme.left_of_revocation(acme.revocation_order);

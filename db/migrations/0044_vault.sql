-- Recovery contacts (design 5; G-5, G-10, G-11): sealed for two groups of custodians before they come here. No role can read
-- the table; what may be done with it are the functions in db/functions/vault.sql.

CREATE SCHEMA vault;
COMMENT ON SCHEMA vault IS 'Recovery contacts, sealed; read by no process';
GRANT USAGE ON SCHEMA vault TO cairn_subscriber, cairn_officer;

CREATE TABLE vault.contact (
	account_id uuid PRIMARY KEY,
	sealed bytea NOT NULL CHECK (octet_length(sealed) > 4096),
	hashes bytea[] NOT NULL CHECK (cardinality(hashes) = 10),
	changed_at timestamptz NOT NULL DEFAULT now(),
	frozen_at timestamptz
);
ALTER TABLE vault.contact ALTER COLUMN sealed SET STORAGE EXTERNAL; -- what is encrypted does not compress
CREATE INDEX contact_frozen ON vault.contact (frozen_at) WHERE frozen_at IS NOT NULL;
COMMENT ON TABLE vault.contact IS 'Recovery contacts of an account, sealed for one custodian of each group';
COMMENT ON COLUMN vault.contact.account_id IS 'RECOVERY: the account';
COMMENT ON COLUMN vault.contact.sealed IS 'RECOVERY: CMS in CMS (lib/crypto/custody.h), of one length whatever is inside';
COMMENT ON COLUMN vault.contact.hashes IS 'RECOVERY: keyed hashes of the contacts and as many of nothing as make ten, sorted';
COMMENT ON COLUMN vault.contact.changed_at IS 'RECOVERY: when they were given';
COMMENT ON COLUMN vault.contact.frozen_at IS 'RECOVERY: when the account ended; NULL while it has not';

CREATE TABLE vault.policy (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	ended_accounts text NOT NULL CHECK (ended_accounts IN ('delete', 'freeze'))
);
INSERT INTO vault.policy (ended_accounts) VALUES ('delete');
COMMENT ON TABLE vault.policy IS 'What becomes of the recovery contacts of an account that ends';
COMMENT ON COLUMN vault.policy.one IS 'OPS: there is one row';
COMMENT ON COLUMN vault.policy.ended_accounts IS 'OPS: recovery.ended_accounts of the configuration';

-- However an account ends (G-21). The text of the function is in db/functions/vault.sql.
CREATE FUNCTION vault.account_ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER contacts_follow AFTER UPDATE OF status ON acme.account FOR EACH ROW
	WHEN (OLD.status = 'valid' AND NEW.status <> 'valid') EXECUTE FUNCTION vault.account_ended();

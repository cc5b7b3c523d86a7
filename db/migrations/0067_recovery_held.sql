-- What holds keep of recovery contacts (G-56), and where the retention report counts them. The functions are in db/functions/vault.sql.

-- Contacts that were replaced, deleted, or ended with their account while a hold kept them: sealed as they were, for the custodians, until
-- no hold keeps them any more. Their account does not have them any longer.
CREATE TABLE vault.held_contact (
	account_id uuid NOT NULL,
	sealed bytea NOT NULL,
	changed_at timestamptz NOT NULL,
	ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (account_id, ended_at)
);
COMMENT ON TABLE vault.held_contact IS 'Recovery contacts that their account has no more and that a hold keeps';
COMMENT ON COLUMN vault.held_contact.account_id IS 'RECOVERY: the account';
COMMENT ON COLUMN vault.held_contact.sealed IS 'RECOVERY: as it stood in vault.contact';
COMMENT ON COLUMN vault.held_contact.changed_at IS 'RECOVERY: when they were given';
COMMENT ON COLUMN vault.held_contact.ended_at IS 'RECOVERY: when they were replaced or deleted, or the account ended';

-- Purged by vault.purge_frozen and not by cairn.purge; here is counted what went.
INSERT INTO cairn.retained (place, name, part, term, droppable) VALUES (8, 'vault.contact', 'all', 'keep', false), (9, 'vault.former_contact', 'all', 'keep', false);

-- What becomes of recovery contacts that were replaced or deleted, and of those of accounts that have ended (issue 5.5, G-21, G-22).

-- A stolen account key can replace the contacts by which its owner would get the account back. So the keyed hashes of former
-- contacts, and nothing else of them, stay for a while: what was sealed is gone at once.
CREATE TABLE vault.former_contact (
	account_id uuid NOT NULL,
	hashes bytea[] NOT NULL CHECK (cardinality(hashes) = 10),
	replaced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (account_id, replaced_at)
);
CREATE INDEX former_contact_replaced ON vault.former_contact (replaced_at);
COMMENT ON TABLE vault.former_contact IS 'Keyed hashes of recovery contacts that were replaced or deleted a short while ago, by which they can still be matched';
COMMENT ON COLUMN vault.former_contact.account_id IS 'RECOVERY: the account';
COMMENT ON COLUMN vault.former_contact.hashes IS 'RECOVERY: keyed hashes of the contacts and as many of nothing as make ten, sorted';
COMMENT ON COLUMN vault.former_contact.replaced_at IS 'RECOVERY: when they were replaced or deleted';

ALTER TABLE vault.policy ADD COLUMN former_s int8 NOT NULL DEFAULT 0 CHECK (former_s >= 0);
COMMENT ON COLUMN vault.policy.former_s IS 'OPS: recovery.former_contacts of the configuration, in seconds';

-- These have other parameters now; db/functions/vault.sql has them.
DROP FUNCTION IF EXISTS vault.purge_frozen(timestamptz, int8, text);
DROP FUNCTION IF EXISTS vault.set_policy(text, text);

-- Contacts that were frozen at the end of their account are purged when a term has passed; before, there was none by default.
INSERT INTO cairn.retention (class, version, clear_s, keep_s, held_by, changed_by, reason)
	SELECT 'RECOVERY', 2, 7776000, 7776000, '{hold,account}', 'cairn',
		'default: until the account asks or ends; what is frozen then, 90 days longer'
	WHERE (SELECT max(r.version) FROM cairn.retention r WHERE r.class = 'RECOVERY') = 1;

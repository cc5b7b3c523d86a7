-- A claim that does not fit leaves as many events as one that does (docs/recovery.md), and a recovery by a former contact takes away what came
-- behind that (db/functions/vault_recovery.sql).

CREATE TABLE vault.decoy (
	id uuid PRIMARY KEY,
	account_id uuid,
	asked_at timestamptz NOT NULL DEFAULT now(),
	token_until timestamptz NOT NULL
);
CREATE INDEX decoy_account ON vault.decoy (account_id);
CREATE INDEX decoy_until ON vault.decoy (token_until);
COMMENT ON TABLE vault.decoy IS 'Claims that did not fit, for as long as one that did would wait for its token';
COMMENT ON COLUMN vault.decoy.id IS 'RECOVERY: case, as in the log';
COMMENT ON COLUMN vault.decoy.account_id IS 'RECOVERY: the account that was claimed; NULL: there is none';
COMMENT ON COLUMN vault.decoy.asked_at IS 'RECOVERY: when the claim was looked at';
COMMENT ON COLUMN vault.decoy.token_until IS 'RECOVERY: until when a token would be good';

CREATE TABLE vault.padding (
	case_id uuid NOT NULL,
	due_at timestamptz NOT NULL
);
CREATE INDEX padding_due ON vault.padding (due_at);
COMMENT ON TABLE vault.padding IS 'Mails that would be sent had the claim fitted: each is an event of its own, when a mail would be one';
COMMENT ON COLUMN vault.padding.case_id IS 'RECOVERY: case, as in the log';
COMMENT ON COLUMN vault.padding.due_at IS 'RECOVERY: when it is one';

ALTER TABLE vault.mail ADD COLUMN told_at timestamptz;
COMMENT ON COLUMN vault.mail.told_at IS 'RECOVERY: when the mail server took it; its event comes a little later, at next_at';
DO $$ DECLARE one name; BEGIN
	FOR one IN SELECT conname FROM pg_constraint WHERE conrelid = 'vault.mail'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%token%IS NOT NULL%' LOOP
		EXECUTE format('ALTER TABLE vault.mail DROP CONSTRAINT %I', one);
	END LOOP;
END $$;
ALTER TABLE vault.mail ALTER COLUMN address DROP NOT NULL,
	ADD CHECK ((address IS NULL) = (told_at IS NOT NULL)), ADD CHECK ((token IS NOT NULL) = (kind = 'token' AND told_at IS NULL));

ALTER TABLE vault.recovery ADD COLUMN replaced_at timestamptz;
COMMENT ON COLUMN vault.recovery.replaced_at IS 'RECOVERY: when the contact had been replaced or deleted; NULL: it stood when the account was claimed';

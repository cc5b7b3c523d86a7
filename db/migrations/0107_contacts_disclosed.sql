-- What of recovery contacts a disclosure may hand out: those that stood when the request was received, also when their account has them no
-- more and a hold keeps them (G-54, G-56).
CREATE VIEW vault.contact_known AS
	SELECT account_id, changed_at FROM vault.contact UNION ALL SELECT account_id, changed_at FROM vault.held_contact;
COMMENT ON VIEW vault.contact_known IS 'Accounts of which recovery contacts are there, sealed, theirs or kept by a hold';
COMMENT ON COLUMN vault.contact_known.account_id IS 'RECOVERY: the account';
COMMENT ON COLUMN vault.contact_known.changed_at IS 'RECOVERY: when they were given';
UPDATE disclosure.source SET relation = 'vault.contact_known', time_column = 'changed_at' WHERE view = 'recovery';

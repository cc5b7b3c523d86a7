-- What was revoked, or changed, in a time is asked by the public export, a page after the other (db/functions/export.sql), and by reports.
CREATE INDEX revocation_recorded ON ca.revocation (changed_at);

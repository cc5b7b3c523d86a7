-- Limits on the steps that had none (A-46). The functions that changed take p_limits; their newest text is in db/functions.

DROP FUNCTION acme.change_key(uuid, bytea, text, bytea, bytea, text, uuid);
DROP FUNCTION acme.new_bound_account(uuid, text, bytea, bytea, text, boolean, boolean, text, uuid, uuid, jsonb, jsonb);
DROP FUNCTION acme.new_authz(uuid, uuid, bytea, text, text, text, timestamptz, text, text, text, uuid);
DROP FUNCTION acme.revoke_certificate(bytea, bytea, int8, uuid, bytea, boolean, text, uuid);

COMMENT ON COLUMN log.request.url IS 'SUB-REQ: path and query as sent; of a page behind a secret link the path and the SHA-256 of what follows it';
COMMENT ON COLUMN log.request_private.body IS 'SUB-REQ: body as received; NULL where it may carry a recovery contact, whose place it is not, or a secret link';
COMMENT ON COLUMN log.request_private.reply IS 'SUB-REQ: body of the answer; NULL for certificates, which stand in ca.certificate, and where it has a secret link';

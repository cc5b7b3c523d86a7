-- What the columns of views mean that are not for auditors (G-1): what those of their tables do, and what is said here.
DO $$
DECLARE
	pair text[];
BEGIN
	FOREACH pair SLICE 1 IN ARRAY ARRAY[['front.account', 'acme.account'], ['acme.authz_now', 'acme.authz'], ['acme.order_now', 'acme.orders'],
		['front.orders', 'acme.orders'], ['front.authz', 'acme.authz'], ['front.certificate', 'ca.issuer'], ['front.certificate', 'ca.certificate'],
		['front.issuer', 'ca.issuer'], ['front.crl', 'ca.crl'], ['front.account_binding', 'acme.account_binding'], ['front.terms_page', 'acme.terms_page'],
		['acme.renewal', 'ca.certificate'], ['acme.issued', 'ca.certificate'], ['acme.incident_state', 'ca.certificate'],
		['acme.incident_state', 'acme.incident_certificate'], ['log.caa_refusal', 'log.validation'], ['front.log_checkpoint', 'log.checkpoint'],
		['front.log_tile', 'log.tile'], ['front.renewal', 'ca.certificate']] LOOP
		PERFORM cairn.inherit_comments(pair[1]::regclass, pair[2]::regclass);
	END LOOP;
END $$;

COMMENT ON VIEW acme.authz_now IS 'Authorizations with their state at this moment';
COMMENT ON VIEW acme.order_now IS 'Orders with their state at this moment';
COMMENT ON VIEW acme.renewal IS 'When each certificate is to be renewed';
COMMENT ON VIEW acme.incident_state IS 'Certificates of incidents and what became of them';
COMMENT ON VIEW acme.issued IS 'What the condition of an incident may speak of';
COMMENT ON VIEW front.authz IS 'Authorizations as the front end shows them';
COMMENT ON VIEW front.orders IS 'Orders as the front end shows them';
COMMENT ON VIEW front.certificate IS 'Certificates with their chains';
COMMENT ON VIEW front.account IS 'Accounts as the front end shows them';
COMMENT ON VIEW front.issuer IS 'Issuing certificates as the front end serves them';
COMMENT ON VIEW front.crl IS 'The newest CRL of each shard';
COMMENT ON VIEW front.account_binding IS 'Bindings of accounts as the front end shows them';
COMMENT ON VIEW front.terms_page IS 'Pages on which terms are agreed to';
COMMENT ON VIEW front.renewal IS 'Answers of renewalInfo';
COMMENT ON VIEW front.log_checkpoint IS 'The newest checkpoint';
COMMENT ON VIEW front.log_tile IS 'Tiles of the sealed log';
COMMENT ON COLUMN acme.authz_now.status IS 'SUB-CERT: pending, valid, invalid, deactivated, revoked or expired (RFC 8555 7.1.6)';
COMMENT ON COLUMN acme.order_now.account_status IS 'SUB-CERT: state of the account';
COMMENT ON COLUMN acme.order_now.account_thumbprint IS 'SUB-CERT: thumbprint of the key of the account';
COMMENT ON COLUMN acme.order_now.issuance_request_id IS 'SUB-CERT: request that finalized it';
COMMENT ON COLUMN acme.order_now.oldest_validation IS 'SUB-CERT: when the oldest validation of its authorizations was begun';
COMMENT ON COLUMN acme.order_now.status IS 'SUB-CERT: pending, ready, processing, valid or invalid (RFC 8555 7.1.6)';
COMMENT ON COLUMN front.orders.status IS 'SUB-CERT: pending, ready, processing, valid or invalid (RFC 8555 7.1.6)';
COMMENT ON COLUMN front.authz.status IS 'SUB-CERT: pending, valid, invalid, deactivated, revoked or expired (RFC 8555 7.1.6)';
COMMENT ON COLUMN front.authz.decided IS 'SUB-CERT: its challenges are no more to be chosen from';
COMMENT ON COLUMN front.authz.tried_status IS 'SUB-CERT: state of the challenge that was tried';
COMMENT ON COLUMN front.account.terms IS 'SUB-CERT: URL of the terms that were agreed to';
COMMENT ON COLUMN acme.renewal.certificate_id IS 'SUB-CERT: certificate';
COMMENT ON COLUMN acme.renewal.key_id IS 'SUB-CERT: key identifier of its issuer, as renewal ids name it';
COMMENT ON COLUMN acme.renewal.explanation_url IS 'OPS: page of the incident that calls for renewal';
COMMENT ON COLUMN acme.renewal.due_from IS 'SUB-CERT: from when on its replacement is free of limits; NULL: never';
COMMENT ON COLUMN acme.renewal.opens IS 'SUB-CERT: start of the window';
COMMENT ON COLUMN acme.renewal.closes IS 'SUB-CERT: end of the window';
COMMENT ON COLUMN front.renewal.key_id IS 'SUB-CERT: key identifier of its issuer, as renewal ids name it';
COMMENT ON COLUMN front.renewal.opens IS 'SUB-CERT: start of the window';
COMMENT ON COLUMN front.renewal.closes IS 'SUB-CERT: end of the window';
COMMENT ON COLUMN front.renewal.explanation_url IS 'OPS: page of the incident that calls for renewal';
COMMENT ON COLUMN acme.issued.certificate_id IS 'SUB-CERT: certificate';
COMMENT ON COLUMN acme.issued.account IS 'SUB-CERT: account as its URL ends';
COMMENT ON COLUMN acme.issued.issued_at IS 'SUB-CERT: when it was recorded, right after the signature';
COMMENT ON COLUMN acme.issued.revoked IS 'SUB-CERT: it is revoked';
COMMENT ON COLUMN acme.issued.methods IS 'SUB-VAL: methods of the validations that it relies on';
COMMENT ON COLUMN acme.issued.validated_at IS 'SUB-VAL: when the oldest of them ended';
COMMENT ON COLUMN acme.incident_state.state IS 'SUB-CERT: revoked, replaced, expired or waiting';
COMMENT ON COLUMN log.caa_refusal.checked_at IS 'SUB-VAL: when it was checked';
COMMENT ON COLUMN log.caa_refusal.found_at IS 'SUB-VAL: name whose records decided';
COMMENT ON COLUMN log.caa_refusal.records IS 'SUB-VAL: those records';
COMMENT ON COLUMN log.caa_refusal.iodef IS 'SUB-VAL: whom their owner wants to be told';
COMMENT ON COLUMN log.caa_refusal.reason IS 'SUB-VAL: why this CA may not issue';
COMMENT ON COLUMN log.caa_refusal.outvoted IS 'SUB-VAL: enough other perspectives saw that CAA permits, so that it prevented nothing';

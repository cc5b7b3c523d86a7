-- Other chains for the certificates of an issuer (RFC 8555 7.4.2, A-121): by a certificate for the same key that another
-- CA signed.

ALTER TABLE ca.issuer ADD COLUMN alternates text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN ca.issuer.alternates IS 'SUB-CERT: PEM of other chains that may follow a leaf, each without its root';

CREATE FUNCTION ca.set_alternates(p_name text, p_alternates text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE ca.issuer SET alternates = p_alternates WHERE name = p_name AND alternates <> p_alternates;
END $$;
REVOKE ALL ON FUNCTION ca.set_alternates(text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ca.set_alternates(text, text[]) TO cairn_ca;

CREATE OR REPLACE VIEW front.certificate AS
	SELECT c.id, c.account_id, c.der, i.chain, i.alternates FROM ca.certificate c LEFT JOIN ca.issuer i ON i.name = c.issuer
	WHERE c.der IS NOT NULL;

-- newAuthz (RFC 8555 7.4.1, A-95): an authorization that no order needs yet; when it is valid, orders use it like any other
-- (acme.new_order). The policy judges as it does for an order of the name: what it refuses is given back, and nothing was written.
CREATE FUNCTION acme.new_authz(p_id uuid, p_account uuid, p_thumbprint bytea, p_type text, p_value text, p_profile text,
	p_expires timestamptz, p_challenge_types text, p_challenge_tokens text, p_process text, p_request uuid)
RETURNS TABLE (refused jsonb) LANGUAGE plpgsql AS $$
DECLARE
	checked boolean;
BEGIN
	PERFORM FROM acme.account k WHERE k.id = p_account AND k.thumbprint = p_thumbprint AND k.status = 'valid' FOR SHARE;
	IF NOT FOUND THEN
		checked := acme.check_account(p_account, p_thumbprint);
	END IF;
	IF EXISTS (SELECT FROM acme.judging) THEN
		SELECT j.refused INTO new_authz.refused FROM acme.judge_order(p_account, ARRAY[p_type], ARRAY[p_value], p_profile) j;
	END IF;
	IF new_authz.refused IS NULL THEN
		INSERT INTO acme.authz (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, tokens, expires_at)
			VALUES (p_id, p_account, p_type, p_value, false, string_to_array(p_challenge_types, ' '),
				string_to_array(p_challenge_tokens, ' '), p_expires);
		PERFORM log.add_event(p_id, p_process, 'account', 'authorization.created', p_request, p_account, NULL, NULL,
			jsonb_build_object('identifier', p_value));
	END IF;
	RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION acme.new_authz(uuid, uuid, bytea, text, text, text, timestamptz, text, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.new_authz(uuid, uuid, bytea, text, text, text, timestamptz, text, text, text, uuid) TO cairn_ra;

-- Terms that changed (RFC 8555 7.3.3, A-55): a page for each account and terms, on which a person agrees. Its URL holds the token, which
-- is told to who signs with the account's key. What was agreed to and when stays here and in the event.
CREATE TABLE acme.terms_page (
	account_id uuid NOT NULL, -- as the caller of acme.ask_terms looked it up
	terms text NOT NULL,
	token text NOT NULL UNIQUE CHECK (length(token) = 43),
	asked_at timestamptz NOT NULL DEFAULT now(),
	agreed_at timestamptz,
	PRIMARY KEY (account_id, terms)
);
COMMENT ON TABLE acme.terms_page IS 'Pages on which terms are agreed to that changed after an account was made';
COMMENT ON COLUMN acme.terms_page.account_id IS 'SUB-CERT: account';
COMMENT ON COLUMN acme.terms_page.terms IS 'SUB-CERT: URL of the terms, which names their version';
COMMENT ON COLUMN acme.terms_page.token IS 'SUB-CERT: in the URL of the page, 256 random bits';
COMMENT ON COLUMN acme.terms_page.asked_at IS 'SUB-CERT: when the account was first told of the page';
COMMENT ON COLUMN acme.terms_page.agreed_at IS 'SUB-CERT: when they were agreed to';

CREATE OR REPLACE VIEW front.account AS
	SELECT id, status, key, thumbprint, terms_agreed IS NOT NULL AS terms_agreed, created_at, terms_agreed AS terms FROM acme.account;
CREATE VIEW front.terms_page AS SELECT token, account_id, terms, agreed_at FROM acme.terms_page;
GRANT SELECT ON front.terms_page TO cairn_wfe;

-- The token of the page for these terms; of several calls the first one's stays.
CREATE FUNCTION acme.ask_terms(p_account uuid, p_terms text, p_token text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO acme.terms_page (account_id, terms, token) VALUES (p_account, p_terms, p_token)
		ON CONFLICT ON CONSTRAINT terms_page_pkey DO NOTHING;
	RETURN (SELECT t.token FROM acme.terms_page t WHERE t.account_id = p_account AND t.terms = p_terms);
END $$;

-- Agrees to the terms of the page, which must be those that are in force, for its account.
CREATE FUNCTION acme.agree_terms(p_token text, p_terms text, p_process text, p_request uuid) RETURNS uuid LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	page acme.terms_page;
BEGIN
	UPDATE acme.terms_page t SET agreed_at = coalesce(t.agreed_at, clock_timestamp())
		WHERE t.token = p_token AND t.terms = p_terms RETURNING t.* INTO page;
	IF page.account_id IS NULL THEN
		PERFORM cairn.refuse('NOT_FOUND', 'There is no such page, or the terms have changed since: order again for another one');
	END IF;
	UPDATE acme.account a SET terms_agreed = p_terms
		WHERE a.id = page.account_id AND a.status = 'valid' AND a.terms_agreed IS DISTINCT FROM p_terms;
	IF FOUND THEN
		PERFORM log.add_event(cairn.new_id(), p_process, 'account', 'account.terms_agreed', p_request, page.account_id, NULL,
			NULL, jsonb_build_object('terms', p_terms));
	END IF;
	RETURN page.account_id;
END $$;
REVOKE ALL ON FUNCTION acme.ask_terms(uuid, text, text), acme.agree_terms(text, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.ask_terms(uuid, text, text), acme.agree_terms(text, text, text, uuid) TO cairn_ra;

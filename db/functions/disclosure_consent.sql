-- Whose consent a disclosure stands on, and what an objection does to it (G-50, G-53; docs/disclosure.md).

-- What these steps take besides what 0058 says.
UPDATE disclosure.act SET takes = '{accounts}' WHERE act = 'ground' AND takes <> '{accounts}';
UPDATE disclosure.act SET takes = '{account}' WHERE act = 'object' AND takes <> '{account}';

-- Who consents: the accounts that the ground lists, less those that objected since (G-50, G-53).
CREATE OR REPLACE FUNCTION disclosure.consenting(p_case uuid) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT ARRAY(SELECT DISTINCT cairn.id_of(a) FROM disclosure.step s, jsonb_array_elements_text(s.facts->'accounts') a WHERE s.case_id = p_case AND s.act = 'ground'
		EXCEPT SELECT cairn.id_of(s.facts->>'account') FROM disclosure.step s WHERE s.case_id = p_case AND s.act = 'object' AND s.facts ? 'account' ORDER BY 1)
$$;

-- The account that a text names; NULL: it is no id, or not as ids are written.
CREATE OR REPLACE FUNCTION disclosure.account_of(p_text text) RETURNS uuid LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT cairn.id_of(p_text) WHERE p_text ~ '^[A-Za-z0-9_-]{21}[AQgw]$'
$$;

-- On the ground of consent nothing of anybody leaves who does not consent (G-50). Each item names its accounts, so that nobody joins them later.
CREATE OR REPLACE FUNCTION disclosure.check_consent(p_case uuid) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	others uuid[] := ARRAY(SELECT a FROM unnest(disclosure.subjects(p_case)) a WHERE a <> ALL (disclosure.consenting(p_case)));
BEGIN
	PERFORM disclosure.demand(cardinality(others) = 0, format('Not everybody whose data it is consents, such as account %s: tell them, and narrow the scope to those who '
		'consent, or refuse the case', cairn.id_text(others[1])));
END $$;

-- Consent is of those whom it lists, each of them one whom the scope names; on other grounds nobody is listed.
CREATE OR REPLACE FUNCTION disclosure.check_consenting(p_case uuid, p_facts jsonb) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	listed text[];
	odd text;
BEGIN
	PERFORM disclosure.demand((p_facts->>'ground' = 'consent') = (p_facts ? 'accounts'), CASE p_facts->>'ground' WHEN 'consent'
		THEN 'Consent is of somebody: list each account that consents, and say in the reason how it did' ELSE 'Accounts are listed as those that consent: only on that ground' END);
	IF p_facts ? 'accounts' THEN
		listed := disclosure.texts(p_facts, 'accounts');
		SELECT l INTO odd FROM unnest(listed) l WHERE disclosure.account_of(l) IS NULL OR disclosure.account_of(l) <> ALL (disclosure.subjects(p_case)) LIMIT 1;
		PERFORM disclosure.demand(odd IS NULL, format('The scope names no account "%s" that could consent', left(odd, 100)));
	END IF;
END $$;

-- Who objects is one whose data it is; where consent is the ground he has to be named, as he consents no more.
CREATE OR REPLACE FUNCTION disclosure.check_objection(p_case uuid, p_facts jsonb) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM disclosure.demand(p_facts->>'by' IN ('subscriber', 'ca'), 'An objection is of the subscriber or of the CA');
	PERFORM disclosure.demand(NOT p_facts ? 'account' OR p_facts->>'by' = 'subscriber', 'An objection of the CA is of no account');
	PERFORM disclosure.demand(p_facts ? 'account' OR p_facts->>'by' = 'ca' OR disclosure.fact(p_case, 'ground') <> '"consent"',
		'Say which account objects: it consents no more');
	PERFORM disclosure.demand(NOT p_facts ? 'account' OR disclosure.account_of(p_facts->>'account') = ANY (disclosure.subjects(p_case)),
		'It is no data of this account that is asked for');
END $$;

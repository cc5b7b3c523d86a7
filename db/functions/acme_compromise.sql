-- Keys that somebody else has: blocked, and every certificate with one revoked, whoever ordered it (E-13, F-24).

-- So many certificates go with a key in the transaction that blocks it; the rest follow by acme.sweep_keys.
CREATE OR REPLACE FUNCTION acme.sweep_size() RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 500 $$;

-- Whoever revokes more than one certificate in a transaction, or blocks keys, holds this before anything else: one such transaction at a
-- time, so that no two wait for each other's certificates. A single revocation holds one row, and waits for nobody here.
CREATE OR REPLACE FUNCTION acme.hold_revocations() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(15, 0);
END $$;

-- While this is held no issuance with the key begins: one that began before is seen from now on, and one that begins later sees what is
-- done now (ca.begin_issuance holds the same lock, shared). No issuance waits for another key.
CREATE OR REPLACE FUNCTION acme.hold_key(p_spki_sha256 bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM acme.hold_revocations();
	PERFORM pg_advisory_xact_lock(13, hashtext(encode(p_spki_sha256, 'hex')));
END $$;

-- Why the key can't become an account's: it is blocked (F-24), or a certificate of ours has it, ever had it or is about to (F-25); NULL: it
-- can, and as long as the transaction lasts no issuance with it begins. Before a row of an account is held, unless it has another key.
CREATE OR REPLACE FUNCTION acme.refuse_account_key(p_spki_sha256 bytea) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(13, hashtext(encode(p_spki_sha256, 'hex')));
	IF EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = p_spki_sha256) THEN
		RETURN 'The key is known to be compromised';
	ELSIF EXISTS (SELECT FROM ca.certificate c WHERE c.spki_sha256 = p_spki_sha256 AND c.signed_at IS NOT NULL)
		OR EXISTS (SELECT FROM ca.certificate c WHERE c.lease_until IS NOT NULL AND c.spki_sha256 = p_spki_sha256) THEN
		RETURN 'The key is that of a certificate; make a new one for the account';
	END IF;
	RETURN NULL;
END $$;

-- Refuses with that sentence, under the rule of the policy that it belongs to (policy/rules.def).
CREATE OR REPLACE FUNCTION acme.tell_account_key(p_refusal text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cairn.refuse_with('BAD_PUBLIC_KEY', p_refusal, jsonb_build_object('rule',
		CASE WHEN p_refusal LIKE '%compromised' THEN 'key.compromised' ELSE 'key.of-certificate' END));
END $$;

-- Revokes the certificates of the ids, those among them that are being signed at this moment or of which only a
-- precertificate was signed (D-55), and not those that were revoked before; as
-- a compromise these too (E-14), where p_facts may say since when (E-12): not before the certificate began. Gives the serials of what it did, each with its event.
CREATE OR REPLACE FUNCTION acme.revoke_ids(p_certificates uuid[], p_reason int, p_whose text, p_actor text, p_process text, p_request uuid,
	p_facts jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	one record;
	serials text[] := '{}';
BEGIN
	FOR one IN WITH meant AS (SELECT c.id, c.serial, c.issuer, c.crl_shard, c.not_before, c.not_after, c.account_id, c.order_id FROM ca.certificate c
			WHERE c.id = ANY (p_certificates) AND c.not_after > now() AND (c.signed_at IS NOT NULL OR c.lease_until IS NOT NULL) ORDER BY c.id),
		done AS (INSERT INTO ca.revocation AS r (certificate_id, serial, issuer, crl_shard, reason, revoked_at, revoked_by, request_id, not_after)
			SELECT m.id, m.serial, m.issuer, m.crl_shard, p_reason, date_trunc('second', least(clock_timestamp(), CASE WHEN p_reason = 1
					AND p_facts->>'since' IS NOT NULL THEN greatest(m.not_before, (p_facts->>'since')::timestamptz) END)), p_whose, p_request, m.not_after
				FROM meant m
			ON CONFLICT (certificate_id) DO UPDATE SET reason = 1, revoked_by = excluded.revoked_by,
				revoked_at = least(r.revoked_at, excluded.revoked_at) WHERE excluded.reason = 1 AND r.reason <> 1
			RETURNING r.certificate_id)
		SELECT m.* FROM done n JOIN meant m ON m.id = n.certificate_id ORDER BY m.id
	LOOP
		serials := serials || encode(one.serial, 'hex');
		PERFORM log.add_event(cairn.new_id(), p_process, p_actor, 'certificate.revoked', p_request, one.account_id, one.order_id, one.id,
			p_facts || jsonb_build_object('serial', encode(one.serial, 'hex'), 'reason', p_reason, 'issuer', one.issuer));
		PERFORM pg_notify('cairn_revoked', one.issuer);
	END LOOP;
	RETURN serials;
END $$;

-- Up to p_most certificates of the key that have not ended and are not revoked as compromised.
CREATE OR REPLACE FUNCTION acme.ids_of_key(p_spki_sha256 bytea, p_most int) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN ARRAY(SELECT u.id FROM (SELECT c.id FROM ca.certificate c
			WHERE c.spki_sha256 = p_spki_sha256 AND c.signed_at IS NOT NULL AND c.not_after > now()
		UNION ALL SELECT c.id FROM ca.certificate c WHERE c.lease_until IS NOT NULL AND c.spki_sha256 = p_spki_sha256) u
		WHERE NOT EXISTS (SELECT FROM ca.revocation r WHERE r.certificate_id = u.id AND r.reason = 1) ORDER BY u.id LIMIT p_most);
END $$;

-- Blocks the key and revokes what has it, within the same transaction. p_facts: how it is known. Gives whether it was not blocked before,
-- and how many certificates went with it; the event names them.
CREATE OR REPLACE FUNCTION acme.compromise_key(p_spki_sha256 bytea, p_whose text, p_actor text, p_process text, p_request uuid, p_facts jsonb)
RETURNS TABLE (blocked boolean, certificates int8) LANGUAGE plpgsql AS $$
DECLARE
	ids uuid[];
	serials text[];
	whole boolean;
BEGIN
	PERFORM acme.hold_key(p_spki_sha256);
	INSERT INTO acme.blocked_key (spki_sha256, reason, request_id) VALUES (p_spki_sha256, 'keyCompromise', p_request) ON CONFLICT DO NOTHING;
	blocked := FOUND;
	ids := acme.ids_of_key(p_spki_sha256, acme.sweep_size());
	serials := acme.revoke_ids(ids, 1, p_whose, p_actor, p_process, p_request, p_facts);
	certificates := cardinality(serials);
	whole := cardinality(ids) < acme.sweep_size(); -- of those found, some may have been revoked meanwhile
	UPDATE acme.blocked_key b SET swept_at = CASE WHEN whole THEN clock_timestamp() END, sweep_from = '-infinity'
		WHERE b.spki_sha256 = p_spki_sha256 AND b.swept_at IS NULL AND (whole OR b.sweep_from > now());
	IF blocked OR certificates > 0 THEN
		PERFORM log.add_event(cairn.new_id(), p_process, p_actor, CASE WHEN blocked THEN 'key.blocked' ELSE 'key.swept' END, p_request,
			NULL, NULL, NULL, p_facts || jsonb_build_object('spki_sha256', encode(p_spki_sha256, 'hex'), 'certificates', serials, 'all', whole));
	END IF;
	RETURN NEXT;
END $$;

-- The next key whose certificates are not all revoked, its time having come (sweep_from): as many of them as go at once. due: keys that are
-- left then, after this one. Whoever has a key holds it (acme.hold_key) before any row of it, here too; what another holds is passed over.
CREATE OR REPLACE FUNCTION acme.sweep_keys(p_process text) RETURNS TABLE (revoked int8, due int8, keys int8) LANGUAGE plpgsql AS $$
DECLARE
	key bytea;
BEGIN
	revoked := 0;
	FOR key IN SELECT b.spki_sha256 FROM acme.blocked_key b WHERE b.swept_at IS NULL AND b.sweep_from <= now()
			AND pg_try_advisory_xact_lock(15, 0) -- acme.hold_revocations, unless another holds it: then the next sweep
			ORDER BY b.sweep_from, b.blocked_at LIMIT 20 LOOP
		IF pg_try_advisory_xact_lock(13, hashtext(encode(key, 'hex'))) THEN
			SELECT k.certificates INTO revoked FROM acme.compromise_key(key, 'blocked-key', p_process, p_process, NULL,
				jsonb_build_object('because', 'the key is blocked')) k;
			EXIT;
		END IF;
	END LOOP;
	SELECT count(*) INTO due FROM acme.blocked_key b WHERE b.swept_at IS NULL AND b.sweep_from <= now();
	SELECT count(*) INTO keys FROM acme.blocked_key b;
	RETURN NEXT;
END $$;

-- For `cairn doctor`: keys that are blocked, those whose certificates are not all revoked though it is time, and since when the first is.
CREATE OR REPLACE FUNCTION acme.blocked_keys_state() RETURNS TABLE (keys int8, due int8, since timestamptz) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT count(*), count(*) FILTER (WHERE b.swept_at IS NULL AND b.sweep_from <= now()),
		min(greatest(b.blocked_at, b.sweep_from)) FILTER (WHERE b.swept_at IS NULL AND b.sweep_from <= now()) FROM acme.blocked_key b
$$;

DROP FUNCTION IF EXISTS acme.revoke_key(bytea, int, text, text, text, uuid, jsonb);
REVOKE ALL ON FUNCTION acme.sweep_size(), acme.hold_revocations(), acme.hold_key(bytea), acme.refuse_account_key(bytea), acme.tell_account_key(text), acme.ids_of_key(bytea, int),
	acme.revoke_ids(uuid[], int, text, text, text, uuid, jsonb),
	acme.compromise_key(bytea, text, text, text, uuid, jsonb), acme.sweep_keys(text), acme.blocked_keys_state() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acme.sweep_size(), acme.hold_revocations(), acme.hold_key(bytea), acme.refuse_account_key(bytea), acme.tell_account_key(text), acme.ids_of_key(bytea, int),
	acme.revoke_ids(uuid[], int, text, text, text, uuid, jsonb),
	acme.compromise_key(bytea, text, text, text, uuid, jsonb), acme.sweep_keys(text) TO cairn_ra;
GRANT EXECUTE ON FUNCTION acme.blocked_keys_state() TO cairn_operator;

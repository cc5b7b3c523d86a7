-- What an authorization is valid by is on record whole (F-42, F-43): the facts and, at that moment, the fields beside them
-- that may be erased later. A CAA check alone, which finalize records too, is no proof of control.
ALTER TABLE log.validation ADD CONSTRAINT validation_answer_check CHECK (NOT passed OR challenge_id IS NULL
	OR (octet_length(answer_sha256) = 32 AND answer_octets IS NOT NULL AND answer_sha256 IS NOT NULL));

CREATE FUNCTION acme.check_evidence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM log.validation v JOIN log.validation_private p ON p.id = v.id
		WHERE v.id = NEW.validation_id AND v.method <> 'caa') THEN
		RAISE EXCEPTION 'authorization % violates the rule that its validation is on record whole', NEW.id
			USING ERRCODE = 'foreign_key_violation';
	END IF;
	RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION acme.check_evidence() FROM PUBLIC;
CREATE TRIGGER evidence BEFORE INSERT OR UPDATE OF status, validation_id ON acme.authz FOR EACH ROW
	WHEN (NEW.status = 'valid' AND NEW.validation_id IS NOT NULL) EXECUTE FUNCTION acme.check_evidence();

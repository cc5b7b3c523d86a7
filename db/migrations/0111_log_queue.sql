-- What waits for transparency logs, in two queues: orders that wait for SCTs, and certificates that are to be shown to a log.

ALTER TABLE ca.precertificate ADD COLUMN tries int8 NOT NULL DEFAULT 0;
COMMENT ON COLUMN ca.precertificate.tries IS 'OPS: how often logs were asked in vain since it waits for what it waits for';

-- Each take looks at the head of one queue, however long that is.
CREATE INDEX precertificate_promises ON ca.precertificate (asked_until) WHERE asked_until IS NOT NULL AND sct_list IS NULL;
CREATE INDEX precertificate_finals ON ca.precertificate (asked_until) WHERE asked_until IS NOT NULL AND sct_list IS NOT NULL;
DROP INDEX ca.precertificate_unfinished;

-- What was given up is done with.
UPDATE ca.precertificate p SET asked_until = NULL, asked_by = NULL FROM ca.certificate c
	WHERE p.asked_until IS NOT NULL AND c.id = p.certificate_id AND c.der IS NULL AND c.lease_until IS NULL;

DROP FUNCTION IF EXISTS ca.take_unlogged(text, int8, int8), ca.note_submissions(uuid, boolean, boolean, int8, jsonb, text);

-- Each row of log.event is written by this, or beside it in the statement of its act. An act of somebody at a terminal is told by the name
-- that the terminal gives; which login it was is what the database knows itself (E-8), and nobody can say otherwise.
CREATE OR REPLACE FUNCTION log.add_event(p_id uuid, p_process text, p_actor text, p_kind text, p_request uuid, p_account uuid,
	p_order uuid, p_certificate uuid, p_facts jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF p_process = 'cairn' OR p_actor ~ '^(operator|auditor|officer) ' THEN
		p_facts := coalesce(p_facts, '{}') || jsonb_build_object('login', session_user);
	END IF;
	INSERT INTO log.event (id, happened_at, process, actor, kind, request_id, account_id, order_id, certificate_id, facts)
	VALUES (p_id, clock_timestamp(), p_process, p_actor, p_kind, p_request, p_account, p_order, p_certificate, p_facts);
END $$;

-- What auditors look for in a big log (docs/auditing.md). An event and a validation are written within minutes of the request that caused them, and ids sort by time, so that
-- the least and the greatest id of each 128 pages find it; that takes 0.02 octets an event.
CREATE INDEX event_request ON log.event USING brin (request_id) WITH (autosummarize = on);
CREATE INDEX validation_request ON log.validation USING brin (request_id) WITH (autosummarize = on);
-- How each process ran when a day began is asked of more than a year; has rows for starts and stops only.
CREATE INDEX event_process ON log.event (id) WHERE kind IN ('process.started', 'process.reloaded', 'process.stopped');

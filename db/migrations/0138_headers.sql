-- Requests are recorded with their header (G-2).
ALTER TABLE log.request_private ADD COLUMN headers text;
COMMENT ON COLUMN log.request_private.headers IS 'SUB-REQ: header fields as sent, a line each, but for User-Agent and Accept-Language, which have columns, and for the values of credentials and addresses (wfe/headers.c); NULL: a page, or recorded before there was this column';
COMMENT ON COLUMN log.request.commitments IS 'SUB-REQ: salted commitments to remote_address, remote_port, user_agent, accept_language, body, reply, headers, in this order; older rows have none to headers';
UPDATE disclosure.source SET columns = columns || '{headers}' WHERE view = 'request';

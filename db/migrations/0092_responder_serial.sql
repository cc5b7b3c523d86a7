-- ca.serial is looked up by its serial alone, and no other table is tied to it; ca.begin_responder takes the serial in the transaction that
-- writes the responder, as ca.begin_issuance does for certificates.
ALTER TABLE ca.responder DROP CONSTRAINT responder_serial_fkey;

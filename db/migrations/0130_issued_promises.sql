-- What is read back of a certificate has its precertificate beside it (db/functions/log_issued.sql): another type of row.
DROP FUNCTION IF EXISTS log.read_issued(uuid, uuid, int8);

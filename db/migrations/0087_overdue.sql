-- A certificate that no transparency log took for a day is told of, once (H-13).
ALTER TABLE ca.precertificate ADD COLUMN overdue_at timestamptz;
COMMENT ON COLUMN ca.precertificate.overdue_at IS 'SUB-CERT: when it was told that no log had taken the certificate for a day';

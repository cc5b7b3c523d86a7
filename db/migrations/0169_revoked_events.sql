-- What was revoked is compared with what is told of it, by the certificate and in each round of cairn-subscriber (log.check_revocations).
CREATE INDEX event_revoked ON log.event (certificate_id) WHERE kind = 'certificate.revoked';

-- Of a key that was compromised before it was revoked the date is set back, also of one that was revoked for another reason (E-12).
GRANT UPDATE (revoked_at) ON ca.revocation TO cairn_ra;

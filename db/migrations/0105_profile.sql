-- Profiles as they were offered last, so that a start can tell what came, changed or went (F-40). The function is in
-- db/functions/cairn_profiles.sql.

CREATE TABLE cairn.profile (
	name text PRIMARY KEY,
	sha256 text NOT NULL,
	offered boolean NOT NULL
);
COMMENT ON TABLE cairn.profile IS 'Certificate profiles of the configuration, as a registration authority read them last';
COMMENT ON COLUMN cairn.profile.name IS 'OPS: name of the profile';
COMMENT ON COLUMN cairn.profile.sha256 IS 'OPS: SHA-256 of all that it says, as canonical JSON text';
COMMENT ON COLUMN cairn.profile.offered IS 'OPS: new orders may name it; false: it is withdrawn, or no longer in the configuration';

CREATE INDEX event_profile ON log.event (id) WHERE kind IN ('profile.introduced', 'profile.changed', 'profile.retired');

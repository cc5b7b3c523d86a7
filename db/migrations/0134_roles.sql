-- Database roles as they were told last (F-57; db/functions/cairn_run.sql).
CREATE TABLE cairn.roles (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	roles jsonb NOT NULL,
	changed_at timestamptz NOT NULL
);
COMMENT ON TABLE cairn.roles IS 'Roles of the database when cairn-subscriber looked last; each change is an event roles.changed';
COMMENT ON COLUMN cairn.roles.one IS 'OPS: there is one row';
COMMENT ON COLUMN cairn.roles.roles IS 'OPS: names, what they may do, and what they are members of';
COMMENT ON COLUMN cairn.roles.changed_at IS 'OPS: when they were found to be so first';
GRANT SELECT ON cairn.roles TO cairn_auditor;

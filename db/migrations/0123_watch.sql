-- What is watched: the log against its seal, all the time (F-69; db/functions/log_verify.sql), and by which linters certificates were looked at.

CREATE TABLE cairn.seal_check (
	single boolean PRIMARY KEY DEFAULT true CHECK (single),
	size int8 NOT NULL DEFAULT 0,
	root bytea NOT NULL DEFAULT '' CHECK (octet_length(root) IN (0, 32)),
	whole boolean NOT NULL DEFAULT false,
	begun_at timestamptz NOT NULL DEFAULT now(),
	whole_at timestamptz NOT NULL DEFAULT now(),
	checked_at timestamptz NOT NULL DEFAULT now(),
	differences int8 NOT NULL DEFAULT 0,
	last_difference_at timestamptz
);
COMMENT ON TABLE cairn.seal_check IS 'How far the log was compared with its seal';
COMMENT ON COLUMN cairn.seal_check.single IS 'OPS: there is one row';
COMMENT ON COLUMN cairn.seal_check.size IS 'OPS: leaves that were compared since begun_at';
COMMENT ON COLUMN cairn.seal_check.root IS 'OPS: root of these leaves as they were sealed';
COMMENT ON COLUMN cairn.seal_check.whole IS 'OPS: all that was there has been compared since begun_at; what comes is compared as it comes';
COMMENT ON COLUMN cairn.seal_check.begun_at IS 'OPS: when it was begun from the first leaf';
COMMENT ON COLUMN cairn.seal_check.whole_at IS 'OPS: when all had been compared last, or when this was kept first';
COMMENT ON COLUMN cairn.seal_check.checked_at IS 'OPS: when something was compared last';
COMMENT ON COLUMN cairn.seal_check.differences IS 'AGG: findings so far; an event log.differs for each time';
COMMENT ON COLUMN cairn.seal_check.last_difference_at IS 'OPS: when the last of these was';
INSERT INTO cairn.seal_check DEFAULT VALUES;

GRANT SELECT ON cairn.seal_check TO cairn_operator, cairn_auditor, cairn_subscriber;
-- whether personal fields are there, and not what they say
GRANT SELECT (id) ON log.request_private, log.validation_private TO cairn_subscriber;

-- Linters by their versions, to which records of issuance refer (F-31; db/functions/cairn_linters.sql).
CREATE TABLE cairn.linters (
	id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
	linters jsonb NOT NULL,
	introduced_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cairn.linters IS 'Sets of linters by their versions; each is an event linters.introduced';
COMMENT ON COLUMN cairn.linters.id IS 'OPS: the first 16 digits of the SHA-256 of the set';
COMMENT ON COLUMN cairn.linters.linters IS 'OPS: names and versions';
COMMENT ON COLUMN cairn.linters.introduced_at IS 'OPS: when the set was used first';

GRANT SELECT ON cairn.linters TO cairn_auditor;

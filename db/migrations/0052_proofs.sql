-- Which proofs an issuance may rest on, also when methods, mode or policy changed since they were made (C-2, C-73), and which an
-- operator has withdrawn (C-75). What reads and fills this is in db/functions/acme_proofs.sql, ca_issue.sql and acme_distrust.sql.
ALTER TABLE acme.authz ADD COLUMN webpki boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN acme.authz.webpki IS 'SUB-CERT: what made it valid was found by the rules of mode webpki';

CREATE TABLE acme.distrust (
	id uuid PRIMARY KEY,
	reason text NOT NULL CHECK (reason <> ''),
	meant jsonb NOT NULL,
	done_at timestamptz NOT NULL DEFAULT now(),
	done_by text NOT NULL
);
COMMENT ON TABLE acme.distrust IS 'Acts of operators by which validations are not relied on any more';
COMMENT ON COLUMN acme.distrust.id IS 'OPS: id of the act';
COMMENT ON COLUMN acme.distrust.reason IS 'OPS: why';
COMMENT ON COLUMN acme.distrust.meant IS 'OPS: which validations were meant: validation, perspective, method, name, since, until';
COMMENT ON COLUMN acme.distrust.done_at IS 'OPS: when';
COMMENT ON COLUMN acme.distrust.done_by IS 'OPS: by which operator';

CREATE TABLE acme.distrusted (
	validation_id uuid PRIMARY KEY,
	authorization_id uuid NOT NULL,
	distrust_id uuid NOT NULL REFERENCES acme.distrust
);
CREATE INDEX distrusted_act ON acme.distrusted (distrust_id);
COMMENT ON TABLE acme.distrusted IS 'Validations that are not relied on any more, each by the first act that meant it';
COMMENT ON COLUMN acme.distrusted.validation_id IS 'SUB-VAL: the record, of the first perspective or of a remote one';
COMMENT ON COLUMN acme.distrusted.authorization_id IS 'SUB-VAL: authorization that it is for';
COMMENT ON COLUMN acme.distrusted.distrust_id IS 'OPS: the act';

DROP FUNCTION IF EXISTS ca.begin_issuance(uuid, uuid, uuid, text[], text[], text, text, bytea, bytea, bytea, text[], timestamptz,
	timestamptz, text, int8, uuid, bytea, bytea, boolean, jsonb);
DROP FUNCTION IF EXISTS ca.refuse_begin(uuid, uuid, text[], text[], uuid, boolean, text[]);

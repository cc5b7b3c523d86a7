-- Functions change more often than tables. From here on their newest text stands in db/functions, in files that are run whenever
-- they have changed; what the migrations before this one say of a function holds unless a file there says otherwise.
CREATE TABLE cairn.function_file (
	name text PRIMARY KEY,
	sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
	applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cairn.function_file IS 'Files of functions, as they ran last';
COMMENT ON COLUMN cairn.function_file.name IS 'OPS: file name';
COMMENT ON COLUMN cairn.function_file.sha256 IS 'OPS: SHA-256 of the file as it was run';
COMMENT ON COLUMN cairn.function_file.applied_at IS 'OPS: when it was run';
GRANT SELECT ON cairn.function_file TO cairn_operator;

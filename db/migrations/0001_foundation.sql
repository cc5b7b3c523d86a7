-- Schemas, roles, and what every table relies on. Run by role cairn_owner, which owns all and runs nothing else.

DO $$
DECLARE
	name text;
BEGIN
	-- One role for each process and each kind of person (design 2). Passwords and LOGIN are given by the operator's tools.
	FOREACH name IN ARRAY ARRAY['cairn_wfe', 'cairn_ra', 'cairn_ca', 'cairn_subscriber',
		'cairn_operator', 'cairn_auditor', 'cairn_officer'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT', name);
		END IF;
	END LOOP;
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA cairn;
COMMENT ON SCHEMA cairn IS 'What belongs to the software itself: migrations, leases, partitions';
CREATE SCHEMA acme;
COMMENT ON SCHEMA acme IS 'Accounts, orders, authorizations and challenges of RFC 8555';
CREATE SCHEMA ca;
COMMENT ON SCHEMA ca IS 'Issuers, serials, exact bytes to be signed, certificates, revocations and CRLs';
CREATE SCHEMA log;
COMMENT ON SCHEMA log IS 'Append-only evidence: requests, validations, events; facts apart from personal fields';
CREATE SCHEMA front;
COMMENT ON SCHEMA front IS 'What the web front end may read';

GRANT USAGE ON SCHEMA cairn TO cairn_wfe, cairn_ra, cairn_ca, cairn_subscriber, cairn_operator;
GRANT USAGE ON SCHEMA acme TO cairn_ra, cairn_ca, cairn_operator;
GRANT USAGE ON SCHEMA ca TO cairn_ra, cairn_ca, cairn_operator;
GRANT USAGE ON SCHEMA log TO cairn_wfe, cairn_ra, cairn_ca, cairn_subscriber, cairn_operator, cairn_auditor;
GRANT USAGE ON SCHEMA front TO cairn_wfe;

-- What `cairn migrate` has run; it writes each row in the transaction of the file.
CREATE TABLE cairn.migration (
	number int8 PRIMARY KEY,
	name text NOT NULL,
	sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
	applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cairn.migration IS 'Migrations that were run';
COMMENT ON COLUMN cairn.migration.number IS 'OPS: first four digits of the file name';
COMMENT ON COLUMN cairn.migration.name IS 'OPS: file name';
COMMENT ON COLUMN cairn.migration.sha256 IS 'OPS: SHA-256 of the file as it was run';
COMMENT ON COLUMN cairn.migration.applied_at IS 'OPS: when it was run';
GRANT SELECT ON cairn.migration TO cairn_operator;

-- A refusal that the caller turns into a problem: SQLSTATE CA001, message = name of problem.def, detail = the sentence.
CREATE FUNCTION cairn.refuse(problem text, detail text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'CA001', MESSAGE = problem, DETAIL = detail;
END $$;

-- The smallest id (UUID version 7) of a moment: tables are partitioned by their ids, which sort by time.
CREATE FUNCTION cairn.id_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- The moment of an id, in milliseconds.
CREATE FUNCTION cairn.time_of(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT to_timestamp((('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint) / 1000.0)
$$;

-- What must be done once, whoever does it: the holder renews before `until`, and another takes over when it lapses.
CREATE TABLE cairn.lease (
	name text PRIMARY KEY,
	holder text NOT NULL,
	until timestamptz NOT NULL
);
COMMENT ON TABLE cairn.lease IS 'Duties that one instance at a time performs';
COMMENT ON COLUMN cairn.lease.name IS 'OPS: the duty, such as crl/ecdsa-1';
COMMENT ON COLUMN cairn.lease.holder IS 'OPS: the instance that performs it';
COMMENT ON COLUMN cairn.lease.until IS 'OPS: when another instance may take it';
GRANT SELECT, INSERT, UPDATE, DELETE ON cairn.lease TO cairn_ra, cairn_ca, cairn_subscriber;

-- True when `holder` has the duty for the next `seconds`.
CREATE FUNCTION cairn.take_lease(duty text, claimant text, seconds int8) RETURNS boolean LANGUAGE sql AS $$
	WITH taken AS (
		INSERT INTO cairn.lease AS l (name, holder, until)
		VALUES (duty, claimant, clock_timestamp() + make_interval(secs => seconds))
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE l.holder = excluded.holder OR l.until < clock_timestamp()
		RETURNING 1)
	SELECT EXISTS (SELECT FROM taken)
$$;

-- Which tables are partitioned by month of their id.
CREATE TABLE cairn.partitioned (
	name text PRIMARY KEY
);
COMMENT ON TABLE cairn.partitioned IS 'Tables with a partition a month';
COMMENT ON COLUMN cairn.partitioned.name IS 'OPS: schema-qualified name of the table';

-- Makes the partitions of this month and of the `ahead` months that follow, and tells until when rows have a place.
CREATE FUNCTION cairn.make_partitions(ahead int) RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
DECLARE
	parent text;
	child text;
	month timestamptz;
BEGIN
	FOR parent IN SELECT name FROM cairn.partitioned ORDER BY name LOOP
		FOR i IN 0..ahead LOOP
			month := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => i);
			child := parent || '_' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM');
			IF to_regclass(child) IS NULL THEN
				EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', child, parent,
					cairn.id_at(month), cairn.id_at(month + interval '1 month'));
			END IF;
		END LOOP;
		IF to_regclass(parent || '_rest') IS NULL THEN
			EXECUTE format('CREATE TABLE %s PARTITION OF %s DEFAULT', parent || '_rest', parent);
		END IF;
	END LOOP;
	RETURN date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => ahead + 1);
END $$;
REVOKE ALL ON FUNCTION cairn.make_partitions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.make_partitions(int) TO cairn_subscriber;

-- Schemas, roles, and what every table relies on. Run by role cairn_owner, which owns all and runs nothing else. The class of
-- what a column holds stands in its comment (G-1).

DO $$
DECLARE
	name text;
BEGIN
	-- One role for each process and each kind of person (design 2, G-12). Passwords and LOGIN are given by the operator's tools.
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

-- An id at the present time for rows that SQL makes itself (RFC 9562 version 7).
CREATE FUNCTION cairn.new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
	SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
		substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
		'hex')::uuid
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
GRANT SELECT, INSERT, UPDATE ON cairn.lease TO cairn_ca, cairn_subscriber;

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

-- Which tables are partitioned, by the time in their ids. Tables in which rows are looked up and changed have few partitions,
-- as each statement has to open them all: one a year, made a month ahead at least. Tables that are only added to have many, to
-- be dropped one by one, and one more for whatever falls outside, so that a record always has a place.
CREATE TABLE cairn.partitioned (
	name text PRIMARY KEY,
	months int NOT NULL CHECK (months IN (1, 12))
);
COMMENT ON TABLE cairn.partitioned IS 'Tables with a partition a month or a year';
COMMENT ON COLUMN cairn.partitioned.name IS 'OPS: schema-qualified name of the table';
COMMENT ON COLUMN cairn.partitioned.months IS 'OPS: months that a partition spans';

-- Start of the partition that a moment falls into.
CREATE FUNCTION cairn.partition_start(moment timestamptz, months int) RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT date_trunc(CASE months WHEN 12 THEN 'year' ELSE 'month' END, moment AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
$$;

CREATE FUNCTION cairn.partition_name(parent text, start timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT parent || '_' || to_char(start AT TIME ZONE 'UTC', 'YYYYMM')
$$;

-- Makes the partitions of today and of all days until p_days from now, 30 at least for those of a year.
CREATE FUNCTION cairn.make_partitions(p_days int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	t cairn.partitioned;
	start timestamptz;
	child text;
BEGIN
	FOR t IN SELECT * FROM cairn.partitioned ORDER BY name LOOP
		start := cairn.partition_start(now(), t.months);
		WHILE start <= now() + make_interval(days => CASE t.months WHEN 12 THEN greatest(p_days, 30) ELSE p_days END) LOOP
			child := cairn.partition_name(t.name, start);
			IF to_regclass(child) IS NULL THEN
				BEGIN
					EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', child, t.name,
						cairn.id_at(start), cairn.id_at(start + make_interval(months => t.months)));
				EXCEPTION WHEN check_violation THEN
					-- Made too late: rows of its time stand in the one for the rest, and stay there.
					RAISE WARNING '% can not be made: the rows of its time are in %_rest', child, t.name;
				END;
			END IF;
			start := start + make_interval(months => t.months);
		END LOOP;
		IF t.months = 1 AND to_regclass(t.name || '_rest') IS NULL THEN
			EXECUTE format('CREATE TABLE %s PARTITION OF %s DEFAULT', t.name || '_rest', t.name);
		END IF;
	END LOOP;
END $$;

-- Until when every partitioned table has a partition of its own for new rows.
CREATE FUNCTION cairn.partitions_until() RETURNS timestamptz LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	t cairn.partitioned;
	start timestamptz;
	until timestamptz;
BEGIN
	FOR t IN SELECT * FROM cairn.partitioned LOOP
		start := cairn.partition_start(now(), t.months);
		WHILE to_regclass(cairn.partition_name(t.name, start)) IS NOT NULL LOOP
			start := start + make_interval(months => t.months);
		END LOOP;
		until := least(until, start);
	END LOOP;
	RETURN until;
END $$;
REVOKE ALL ON FUNCTION cairn.partitions_until() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.partitions_until() TO cairn_subscriber, cairn_operator, cairn_auditor;
REVOKE ALL ON FUNCTION cairn.make_partitions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cairn.make_partitions(int) TO cairn_subscriber;

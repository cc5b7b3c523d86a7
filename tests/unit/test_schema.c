/* What the schema itself promises: data classes, exact rights of each role, constraints that no code can get round. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pg.h"

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

#define OUR_SCHEMAS "n.nspname IN ('cairn', 'acme', 'ca', 'log', 'front', 'vault', 'audit', 'disclosure', 'export')"

/* G-1: every stored field has its class, in tables and in views; partitions have those of their parent. */
static void test_classes(void **state)
{
	(void) state;
	pg_assert_value("SELECT coalesce(string_agg(n.nspname || '.' || c.relname, ' '), 'all') FROM pg_class c "
	                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " OUR_SCHEMAS
	                " AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND obj_description(c.oid) IS NULL",
	    "all");
	pg_assert_value(
	    "SELECT coalesce(string_agg(n.nspname || '.' || c.relname || '.' || a.attname, ' '), 'all') FROM pg_class c "
	    "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid WHERE " OUR_SCHEMAS
	    " AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped "
	    "AND coalesce(col_description(c.oid, a.attnum), '') !~ "
	    "'^(SUB-REQ|SUB-VAL|SUB-SW|SUB-CERT|RECOVERY|RP-OCSP|RP-HOLD|WEB|OPS|AGG): .{3}'",
	    "all");
}

/* Style 20: big tables are partitioned from their first day, with room for what comes. */
static void test_partitions(void **state)
{
	(void) state;
	pg_assert_value("SELECT coalesce(string_agg(name, ' '), 'none') FROM cairn.partitioned p WHERE to_regclass("
	                "cairn.partition_name(name, cairn.partition_start(now(), months))) IS NULL OR "
	                "(to_regclass(name || '_rest') IS NULL) <> (months = 12)",
	    "none");
	/* those of a year in good time, and nothing beside them that each statement would have to open */
	pg_assert_value(
	    "SELECT string_agg(DISTINCT n::text, ' ') = CASE WHEN cairn.partition_start(now() + interval '30 days', 12) > "
	    "now() "
	    "THEN '2' ELSE '1' END FROM (SELECT count(*) AS n FROM pg_inherits WHERE inhparent::regclass::text IN "
	    "(SELECT name FROM cairn.partitioned WHERE months = 12) GROUP BY inhparent) i",
	    "t");
	pg_assert_value("SELECT cairn.partitions_until() > now()", "t");
	pg_exec("cairn_subscriber", "SELECT cairn.make_partitions(62)");
	pg_assert_value("SELECT cairn.partitions_until() > now() + interval '61 days'", "t");
	/* made too late: what came meanwhile stays where it is, and no other table waits for it */
	pg_exec("cairn_owner",
	    "DO $$ BEGIN EXECUTE 'DROP TABLE ' || cairn.partition_name('log.event', cairn.partition_start(now(), "
	    "1)) || ', ' || cairn.partition_name('log.request', cairn.partition_start(now(), 1)); END $$");
	pg_exec("cairn_ra", "SELECT log.add_event(cairn.new_id(), 'p', 'a', 'rest.test', NULL, NULL, NULL, NULL, '{}')");
	pg_exec("cairn_subscriber", "SELECT cairn.make_partitions(7)");
	pg_assert_value(
	    "SELECT to_regclass(cairn.partition_name('log.request', cairn.partition_start(now(), 1))) IS NOT NULL", "t");
	pg_assert_value("SELECT cairn.partitions_until() < now()", "t");
	pg_exec("cairn_owner", "DELETE FROM log.event_rest");
	pg_exec("cairn_subscriber", "SELECT cairn.make_partitions(7)");
	pg_assert_value("SELECT cairn.partitions_until() > now()", "t");
	/* a row of today goes to the partition of today */
	pg_exec(
	    "cairn_ra", "SELECT log.add_event(cairn.new_id(), 'p', 'a', 'partition.test', NULL, NULL, NULL, NULL, '{}')");
	pg_assert_value(
	    "SELECT tableoid::regclass::text = cairn.partition_name('log.event', cairn.partition_start(now(), 1)) "
	    "FROM log.event WHERE kind = 'partition.test'",
	    "t");
}

/* RFC 9562 5.7, 6.2: of this moment, and in the order in which they were made, also within a millisecond. */
static void test_ids(void **state)
{
	(void) state;
	pg_assert_value(
	    "WITH made AS MATERIALIZED (SELECT n, cairn.new_id()::text AS id FROM generate_series(1, 20000) n), "
	    "pairs AS (SELECT left(id, 18) AS id, left(lag(id) OVER (ORDER BY n), 18) AS before FROM made) "
	    "SELECT (SELECT count(*) FROM pairs WHERE id < before) || ' back, ' || count(DISTINCT id) || ' ids, ' || "
	    "count(*) FILTER (WHERE id !~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$') || ' "
	    "odd, ' || count(*) FILTER (WHERE abs(('x' || replace(left(id, 13), '-', ''))::bit(48)::bigint - "
	    "extract(epoch FROM now()) * 1000) > 60000) || ' of other times, ' || (count(DISTINCT substr(id, 16, 3)) > "
	    "500) "
	    "FROM made",
	    "0 back, 20000 ids, 0 odd, 0 of other times, true");
}

/* Each role's rights on tables, columns and functions as lines; the matrix in the file is the whole truth (G-12). */
static const char rights_sql[] =
    "SELECT string_agg(line, E'\\n' ORDER BY line COLLATE \"C\") FROM ("
    "SELECT r.rolname || ' ' || n.nspname || '.' || c.relname || ' ' || string_agg(p, ',' ORDER BY p) AS line "
    "FROM pg_roles r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, "
    "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p "
    "WHERE " OUR_SCHEMAS " AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND NOT c.relispartition "
    "AND r.rolname ~ '^cairn_' AND r.rolname <> 'cairn_owner' AND has_table_privilege(r.oid, c.oid, p) "
    "AND has_schema_privilege(r.oid, n.oid, 'USAGE') GROUP BY r.rolname, n.nspname, c.relname "
    "UNION ALL "
    "SELECT r.rolname || ' ' || n.nspname || '.' || c.relname || '.' || a.attname || ' ' || string_agg(p, ',' ORDER BY "
    "p) "
    "FROM pg_roles r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) p "
    "WHERE " OUR_SCHEMAS " AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition "
    "AND r.rolname ~ '^cairn_' AND r.rolname <> 'cairn_owner' AND has_column_privilege(r.oid, c.oid, a.attnum, p) "
    "AND NOT has_table_privilege(r.oid, c.oid, p) "
    "AND has_schema_privilege(r.oid, n.oid, 'USAGE') GROUP BY r.rolname, n.nspname, c.relname, a.attname "
    "UNION ALL "
    "SELECT r.rolname || ' ' || n.nspname || '.' || f.proname || '() EXECUTE' FROM pg_roles r, pg_proc f "
    "JOIN pg_namespace n ON n.oid = f.pronamespace WHERE " OUR_SCHEMAS " AND f.prosecdef "
    "AND r.rolname ~ '^cairn_' AND r.rolname <> 'cairn_owner' AND has_function_privilege(r.oid, f.oid, 'EXECUTE') "
    "AND has_schema_privilege(r.oid, n.oid, 'USAGE')) l";

#define RIGHTS_FILE "tests/unit/rights.txt"

/* To accept a change after a look at its diff: CAIRN_WRITE_RIGHTS=1 build/test_schema */
static void write_rights(const char *rights)
{
	FILE *file = fopen(RIGHTS_FILE, "w");
	assert_non_null(file);
	fprintf(file, "%s\n", rights);
	fclose(file);
}

static void test_rights(void **state)
{
	(void) state;
	char *rights = pg_value(rights_sql);
	if (getenv("CAIRN_WRITE_RIGHTS") != NULL) {
		write_rights(rights);
	}
	char *expected = pg_read_file(RIGHTS_FILE);
	char *now_rest = NULL;
	char *file_rest = NULL;
	const char *now_line = strtok_r(rights, "\n", &now_rest);
	const char *file_line = strtok_r(expected, "\n", &file_rest);
	while (now_line != NULL || file_line != NULL) {
		if (now_line == NULL || file_line == NULL || strcmp(now_line, file_line) != 0) {
			fail_msg("the database gives \"%s\" where " RIGHTS_FILE " has \"%s\"",
			    now_line == NULL ? "nothing" : now_line, file_line == NULL ? "nothing" : file_line);
		}
		now_line = strtok_r(NULL, "\n", &now_rest);
		file_line = strtok_r(NULL, "\n", &file_rest);
	}
	free(rights);
	free(expected);
}

struct denied {
	const char *role;
	const char *sql;
};

/* Design 2: no process can run a statement that its duty does not need. */
static void test_denied(void **state)
{
	(void) state;
	static const struct denied denied[] = {
		{ "cairn_wfe", "SELECT * FROM acme.account" },
		{ "cairn_wfe", "UPDATE acme.orders SET error = NULL" },
		{ "cairn_wfe", "SELECT * FROM log.request" },
		{ "cairn_wfe", "SELECT * FROM ca.certificate" },
		{ "cairn_ra", "SELECT * FROM log.request" },
		{ "cairn_ra", "SELECT * FROM log.request_private" },
		{ "cairn_ra", "UPDATE log.validation SET passed = true" },
		{ "cairn_ra", "INSERT INTO log.validation (id) VALUES (cairn.new_id())" },
		{ "cairn_ra", "INSERT INTO log.validation_private (id) VALUES (cairn.new_id())" },
		{ "cairn_ra", "UPDATE acme.authz SET validation_id = id" },
		{ "cairn_ra", "UPDATE acme.authz SET expires_at = now()" },
		{ "cairn_ra", "INSERT INTO acme.authz (id, validation_id) VALUES (cairn.new_id(), cairn.new_id())" },
		{ "cairn_ra", "UPDATE acme.orders SET certificate_id = id" },
		{ "cairn_ra", "INSERT INTO acme.orders (id, certificate_id) VALUES (cairn.new_id(), cairn.new_id())" },
		{ "cairn_ra", "DELETE FROM log.event" },
		{ "cairn_ra", "DELETE FROM acme.orders" },
		{ "cairn_ra", "UPDATE acme.orders SET identifier_values = '{other.test}'" },
		{ "cairn_ra", "UPDATE acme.authz SET identifier_value = 'other.test'" },
		{ "cairn_ra", "UPDATE acme.account SET thumbprint = sha256('')" },
		{ "cairn_ca", "INSERT INTO log.event SELECT * FROM log.event" },
		{ "cairn_ra", "INSERT INTO ca.certificate SELECT * FROM ca.certificate" },
		{ "cairn_ra", "UPDATE ca.certificate SET der = ''" },
		{ "cairn_ca", "SELECT * FROM acme.account" },
		{ "cairn_ca", "UPDATE acme.orders SET certificate_id = id" },
		{ "cairn_ca", "DELETE FROM ca.serial" },
		{ "cairn_ca", "UPDATE ca.certificate SET tbs = ''" },
		{ "cairn_ca", "INSERT INTO ca.revocation SELECT * FROM ca.revocation" },
		{ "cairn_subscriber", "SELECT * FROM log.request_private" },
		{ "cairn_subscriber", "UPDATE log.request SET url = ''" },
		{ "cairn_auditor", "SET transaction_read_only = off; DELETE FROM log.request" },
		{ "cairn_auditor", "SET transaction_read_only = off; UPDATE audit.limit_override SET count = 0" },
		{ "cairn_auditor", "SELECT * FROM acme.account" },
		{ "cairn_auditor", "SELECT * FROM acme.eab_secret" },
		{ "cairn_auditor", "SELECT * FROM ca.certificate" },
		{ "cairn_operator", "SELECT * FROM audit.request" },
		{ "cairn_operator", "UPDATE log.event SET actor = 'nobody'" },
		{ "cairn_ra", "CREATE TABLE acme.mine ()" },
		{ "cairn_ra", "CREATE TABLE public.mine ()" },
	};
	for (size_t i = 0; i < COUNT_OF(denied); i++) {
		const char *code = pg_try(denied[i].role, denied[i].sql, NULL);
		if (strcmp(code, "42501") != 0) {
			fail_msg("%s may: %s (SQLSTATE \"%s\")", denied[i].role, denied[i].sql, code);
		}
	}
}

/* G-12: what auditors see has neither secrets nor recovery contacts. */
static void test_auditors(void **state)
{
	(void) state;
	pg_assert_value("SELECT coalesce(string_agg(name || '.' || column_name, ' '), 'none') FROM audit.dictionary "
	                "WHERE schema = 'audit' AND (class IN ('RECOVERY', 'RP-OCSP', 'RP-HOLD', 'WEB') "
	                "OR column_name IN ('tokens', 'token', 'mac_key', 'key_authorization', 'salt', 'contact'))",
	    "none");
	/* every view is open to them, and runs */
	pg_exec("cairn_auditor", "DO $$ DECLARE v record; BEGIN FOR v IN SELECT DISTINCT d.name FROM audit.dictionary d "
	                         "WHERE d.schema = 'audit' LOOP EXECUTE format('SELECT count(*) FROM audit.%I', v.name); "
	                         "END LOOP; END $$");
}

#define UUID(n) "'0193f000-0000-7000-8000-000000000" n "00'"
#define VALIDATION(id, authz, challenge, passed, problem, digest, proof) \
	"INSERT INTO log.validation VALUES (" UUID(id) ", " UUID(authz) ", " challenge ", " UUID("1") ", " UUID( \
	    "9") ", 'dns', 'a.test', false, 'http-01', '3.2.2.4.19', 'local', 1, " passed ", " problem \
	         ", NULL, 'off', NULL, sha256('t'), " digest ", 1, now(), now(), sha256('a') || sha256('b'), " proof ");"
#define AUTHZ(id) \
	"INSERT INTO acme.authz (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, tokens, " \
	"expires_at) VALUES (" UUID(id) ", " UUID("1") ", 'dns', 'a.test', false, '{http-01}', '{token}', " \
	                                               "now() + interval '1 day');"
#define VALID_BY(id, validation) "UPDATE acme.authz SET validation_id = " UUID(validation) " WHERE id = " UUID(id)
#define RECORD(id, authz, passed, problem, digest, commitments, salt) \
	"SELECT acme.record_validation(" UUID(id) ", " UUID(authz) ", 1, 'ra', " UUID( \
	    "9") ", 'BR', 'local', " passed ", " problem ", NULL, NULL, 'off', NULL, " digest \
	         ", 1, now(), now(), " commitments ", " salt ", " PG_RESOLUTIONS ", " PG_ATTEMPTS \
	         ", now() + interval '1 d', NULL, false)"
#define UUID2(n) "'0193f000-0000-7000-8000-00000000" n "00'"
#define PROVE(id, authz, dnssec) PROVE_BY(id, authz, dnssec, PG_RESOLUTIONS, PG_ATTEMPTS)
#define PROVE_BY(id, authz, dnssec, resolutions, attempts) PROVE_FOR(id, authz, dnssec, resolutions, attempts, "1 d")
#define PROVE_FOR(id, authz, dnssec, resolutions, attempts, life) \
	"SELECT acme.record_validation(" UUID2(id) ", " UUID2(authz) ", 1, 'ra', " UUID( \
	    "9") ", 'BR', 'local', true, NULL, NULL, NULL, '" dnssec "', NULL, sha256('x'), 1, now(), now(), " COMMITMENTS \
	         ", sha256('s'), " resolutions ", " attempts ", now() + interval '" life "', NULL, false)"
#define RESOLVED(name, answer) \
	"'{\"resolutions\":[{\"type\":\"A\"},{\"type\":\"TXT\",\"name\":\"" name \
	"\",\"answers\":[\"\\\"other\\\"\",\"\\\"" answer "\\\"\"]}]}'"
#define STANDING(answer) RESOLVED("_validation-persist.m.test", answer)
#define OWN "ca.test; accounturi=https://ca.test/acme/account/AZPwAAAAcACAAAAAAAABAA" /* of account 1 */
#define NOTHING "'{}'"
#define COMMITMENTS "sha256('a') || sha256('b')"

struct violation {
	const char *sql;
	const char *state;
};

/* Design 4.2: an authorization is valid by a validation of its own that proves control, and by nothing else, whoever tries. */
static void test_no_valid_without_evidence(void **state)
{
	(void) state;
	pg_exec("cairn_ra", "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID("1") ", 'valid', '{}', "
	                                                                                                "sha256('k'))");
	/* these ids are of a year that has no partition: a row without a place is refused */
	assert_string_equal(pg_try("cairn_ra", AUTHZ("2"), NULL), "23514");
	pg_add_partitions("01900000-0000-0000-0000-000000000000", "01940000-0000-0000-0000-000000000000");
	pg_exec("cairn_ra", AUTHZ("2") AUTHZ("3"));
	pg_exec("cairn_owner", VALIDATION("4", "2", UUID("2"), "true", "NULL", "sha256('x')", "'control'"));
	pg_exec("cairn_owner", VALIDATION("5", "3", UUID("3"), "false", "'DNS'", "NULL", "NULL"));
	pg_exec("cairn_owner", VALIDATION("7", "3", "NULL", "true", "NULL", "NULL", "NULL")); /* of a CAA check alone */
	static const struct violation violations[] = {
		{ VALID_BY("3", "4"), "23503" },                                                             /* another's */
		{ VALID_BY("3", "5"), "23503" },                                                             /* it failed */
		{ VALID_BY("3", "7"), "23503" },                                                             /* no proof */
		{ VALID_BY("3", "6"), "23503" },                                                             /* there is none */
		{ "UPDATE acme.authz SET proof = NULL, validation_id = id WHERE id = " UUID("3"), "23502" }, /* no reference */
		{ "UPDATE log.validation SET proof = 'control' WHERE id = " UUID("5"), "23514" },
		{ "UPDATE log.validation SET proof = 'control' WHERE id = " UUID("7"), "23514" },
		{ VALIDATION("8", "2", UUID("2"), "true", "NULL", "NULL", "'control'"),
		    "23514" }, /* without the answer (F-43) */
		{ VALID_BY("2", "4"), "" },
		/* Nor can the evidence go once something stands on it. */
		{ "DELETE FROM log.validation WHERE id = " UUID("4"), "23503" },
		{ "UPDATE log.validation SET proof = NULL WHERE id = " UUID("4"), "23503" },
	};
	for (size_t i = 0; i < COUNT_OF(violations); i++) {
		const char *code = pg_try("cairn_owner", violations[i].sql, NULL);
		if (strcmp(code, violations[i].state) != 0) {
			fail_msg("%s: SQLSTATE \"%s\"", violations[i].sql, code);
		}
	}
}

/* By the record of it the authorization is valid; or it is on record all the same, said to be refused. */
static void assert_proved(size_t authz, bool proves)
{
	char sql[512];
	(void) snprintf(sql, sizeof(sql),
	    "SELECT v.passed || ' ' || (v.proof IS NOT NULL) || ' ' || (a.validation_id IS NOT NULL) || ' ' || EXISTS "
	    "(SELECT FROM "
	    "log.event e WHERE e.kind = 'validation.refused' AND e.facts->>'validation' = v.id::text) FROM acme.authz a "
	    "JOIN "
	    "log.validation v ON v.authorization_id = a.id WHERE a.id = '0193f000-0000-7000-8000-00000000%zu00'",
	    authz);
	pg_assert_value(sql, proves ? "true true true false" : "false false false true");
}

/* F-42, F-43: the registration authority adds a validation whole, with what stands beside it, or not at all. */
static void test_evidence_is_whole(void **state)
{
	(void) state;
	pg_exec("cairn_ra", AUTHZ("a"));
	static const struct violation violations[] = {
		{ RECORD("b", "a", "true", "'DNS'", "sha256('x')", COMMITMENTS, "sha256('s')"), "23514" },
		{ RECORD("b", "a", "false", "NULL", "sha256('x')", COMMITMENTS, "sha256('s')"), "23514" },
		/* on record, as what proves nothing */
		{ RECORD("f", "a", "true", "NULL", "NULL", COMMITMENTS, "sha256('s')"), "" },
		{ RECORD("0", "a", "true", "NULL", "'x'", COMMITMENTS, "sha256('s')"), "" },
		{ RECORD("b", "a", "true", "NULL", "sha256('x')", "sha256('a')", "sha256('s')"), "23514" },
		{ RECORD("b", "a", "true", "NULL", "sha256('x')", COMMITMENTS, "'s'"), "23514" },
		{ RECORD("b", "a", "true", "NULL", "sha256('x')", COMMITMENTS, "NULL"), "23502" },
		{ RECORD("b", "a", "true", "NULL", "sha256('x')", COMMITMENTS, "sha256('s')"), "" },
		{ RECORD("b", "a", "true", "NULL", "sha256('x')", COMMITMENTS, "sha256('s')"),
		    "" }, /* as after a lost answer */
	};
	for (size_t i = 0; i < COUNT_OF(violations); i++) {
		const char *code = pg_try("cairn_ra", violations[i].sql, NULL);
		if (strcmp(code, violations[i].state) != 0) {
			fail_msg("%s: SQLSTATE \"%s\"", violations[i].sql, code);
		}
	}
	pg_assert_value(
	    "SELECT v.passed AND v.proof = 'control' AND v.challenge_id = acme.challenge_id(v.authorization_id, 1) "
	    "AND v.token_sha256 = sha256('token') AND v.method = 'http-01' FROM log.validation v "
	    "JOIN log.validation_private p USING (id) WHERE v.id = " UUID("b"),
	    "t");
	/* whoever has not the lease of the challenge changes nothing by it */
	pg_assert_value("SELECT validation_id IS NULL FROM acme.authz WHERE id = " UUID("a"), "t");
}

/* B-9, C-6, C-23: no authorization is valid by a method that can't prove control of its identifier. */
static void test_methods_prove_what_they_can(void **state)
{
	static const struct {
		const char *authz; /* type, wildcard, method */
		const char *sql;
		bool proves;
	} rows[] = {
		{ "'dns', false, '{http-01}'", PROVE("51", "50", "off"), true },
		{ "'dns', true, '{http-01}'", PROVE("53", "52", "off"), false },
		{ "'dns', false, '{sms-01}'", PROVE("55", "54", "off"), false },
		{ "'dns', true, '{dns-01}'", PROVE("57", "56", "secure"), true },
		{ "'dns', false, '{dns-01}'", PROVE("59", "58", "bogus"), false },
		{ "'ip', false, '{dns-01}'", PROVE("61", "60", "off"), false },
		{ "'dns', true, '{dns-account-01}'", PROVE("63", "62", "off"), true },
		/* G-3: nor by a record that does not say how */
		{ "'dns', false, '{http-01}'", PROVE_BY("65", "64", "off", PG_RESOLUTIONS, NOTHING), false },
		{ "'dns', false, '{http-01}'", PROVE_BY("67", "66", "off", NOTHING, PG_ATTEMPTS), false },
		{ "'dns', false, '{tls-alpn-01}'", PROVE_BY("69", "68", "off", PG_RESOLUTIONS, "'{\"attempts\":[{}]}'"),
		    false },
		{ "'ip', false, '{tls-alpn-01}'", PROVE_BY("71", "70", "off", NOTHING, PG_ATTEMPTS), true },
		{ "'dns', false, '{dns-01}'", PROVE_BY("73", "72", "off", "'{\"resolutions\":[{\"type\":\"A\"}]}'", NOTHING),
		    false },
		/* B-29, B-30, B-34: nor by a record of another name, of another account, or without the policy that a wildcard needs */
		{ "'dns', false, '{dns-persist-01}'", PROVE_BY("75", "74", "off", STANDING(OWN), NOTHING), true },
		{ "'dns', true, '{dns-persist-01}'", PROVE_BY("77", "76", "off", STANDING(OWN), NOTHING), false },
		{ "'dns', true, '{dns-persist-01}'", PROVE_BY("79", "78", "off", STANDING(OWN "; Policy = wildcard"), NOTHING),
		    true },
		{ "'dns', true, '{dns-persist-01}'",
		    PROVE_BY("81", "80", "off", STANDING(OWN "; poli\\\" \\\"cy=wildcard"), NOTHING), true },
		{ "'dns', false, '{dns-persist-01}'", PROVE_BY("83", "82", "bogus", STANDING(OWN), NOTHING), false },
		{ "'dns', false, '{dns-persist-01}'",
		    PROVE_BY("85", "84", "off", STANDING("ca.test; accounturi=https://ca.test/acme/account/1"), NOTHING),
		    false },
		{ "'dns', false, '{dns-persist-01}'",
		    PROVE_BY("87", "86", "off", RESOLVED("_acme-challenge.m.test", OWN), NOTHING), false },
		{ "'dns', false, '{dns-persist-01}'", PROVE_FOR("89", "88", "off", STANDING(OWN), NOTHING, "30 d"), true },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char sql[1024];
		(void) snprintf(sql, sizeof(sql),
		    "INSERT INTO acme.authz (id, account_id, identifier_type, wildcard, challenge_types, identifier_value, "
		    "tokens, expires_at, tried, lease_holder) VALUES ('0193f000-0000-7000-8000-00000000%zu00'::uuid, " UUID(
		        "1") ", %s, 'm.test', '{token}', now() + interval '1 d', 1, 'ra')",
		    50 + 2 * i, rows[i].authz);
		pg_exec("cairn_owner", sql);
		pg_exec("cairn_ra", rows[i].sql);
		assert_proved(50 + 2 * i, rows[i].proves);
	}
	pg_assert_value(/* B-32, whatever the profile says */
	    "SELECT expires_at = validated_at + interval '240 hours' FROM acme.authz WHERE id = " UUID2("88"), "t");
}

#define REQUEST(body) "'{\"attempts\":[{\"body\":\"" body "\"}]}'"

/* B-36, B-37: an onion service is proved by a request with the nonce of the challenge, and by nothing else. */
static void test_proof_of_onion_services(void **state)
{
	static const struct {
		const char *authz; /* type, name, wildcard, method, token */
		const char *sql;
		bool proves;
	} rows[] = {
		{ "'dns', 'a.onion', true, '{onion-csr-01}', '{AAECAwQFBgc}'",
		    PROVE_BY("21", "20", "off", NOTHING, REQUEST("_wABAgMEBQYH_w")), true },
		{ "'dns', 'a.onion', false, '{onion-csr-01}', '{AAECAwQFBgc}'",
		    PROVE_BY("23", "22", "off", NOTHING, REQUEST("_wABAgMEBQb__w")), false },
		{ "'dns', 'a.onion', false, '{onion-csr-01}', '{AAEC}'", PROVE_BY("25", "24", "off", NOTHING, REQUEST("AAEC")),
		    false },
		{ "'dns', 'a.onion', false, '{onion-csr-01}', '{AAECAwQFBgc}'", PROVE_BY("27", "26", "off", NOTHING, NOTHING),
		    false },
		{ "'dns', 'a.onion', false, '{http-01}', '{AAECAwQFBgc}'", PROVE("29", "28", "off"), false },
		{ "'dns', 'a.onion', false, '{dns-01}', '{AAECAwQFBgc}'", PROVE("31", "30", "off"), false },
		{ "'dns', 'm.test', false, '{onion-csr-01}', '{AAECAwQFBgc}'",
		    PROVE_BY("33", "32", "off", NOTHING, REQUEST("_wABAgMEBQYH_w")), false },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char sql[1024];
		(void) snprintf(sql, sizeof(sql),
		    "INSERT INTO acme.authz (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, "
		    "tokens, expires_at, tried, lease_holder) VALUES ('0193f000-0000-7000-8000-00000000%zu00'::uuid, " UUID(
		        "1") ", %s, now() + interval '1 d', 1, 'ra')",
		    20 + 2 * i, rows[i].authz);
		pg_exec("cairn_owner", sql);
		pg_exec("cairn_ra", rows[i].sql);
		assert_proved(20 + 2 * i, rows[i].proves);
	}
}

/* how an order stands, told from what it needs. */
static void test_order_states(void **state)
{
	(void) state;
	pg_exec("cairn_ra",
	    "INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, "
	    "profile, expires_at) VALUES (" UUID("c") ", " UUID("1") ", '{dns,dns}', '{a.test,b.test}', ARRAY[" UUID(
	        "2") "," UUID("d") "]::uuid[], 'p', now() + interval '1 d')");
	pg_exec("cairn_ra", AUTHZ("d"));
	pg_exec("cairn_owner", VALIDATION("e", "d", UUID("d"), "true", "NULL", "sha256('x')", "'control'"));
	static const struct violation steps[] = {
		{ "SELECT", "pending " }, { VALID_BY("d", "e"), "ready " },
		{ "UPDATE acme.authz SET expires_at = now() WHERE id = " UUID("d"),
		    "invalid UNAUTHORIZED An authorization of the order expired" },
		{ "UPDATE acme.authz SET expires_at = now() + interval '1 d', ended = 'deactivated' WHERE id = " UUID("d"),
		    "invalid UNAUTHORIZED An authorization of the order was deactivated" },
		{ "UPDATE acme.authz SET ended = 'revoked' WHERE id = " UUID("d"),
		    "invalid UNAUTHORIZED An authorization of the order was revoked" },
		{ "UPDATE acme.authz SET ended = 'invalid', validation_id = NULL, error = '{\"type\": \"DNS\", \"detail\": "
		  "\"none\"}' WHERE id = " UUID("d"),
		    "invalid DNS none" },
		{ "UPDATE acme.authz SET ended = NULL, error = NULL WHERE id = " UUID("d"), "pending " },
		{ "UPDATE acme.orders SET expires_at = now()", "invalid MALFORMED The order expired" },
		{ "UPDATE acme.orders SET expires_at = now() + interval '1 d'; UPDATE acme.account SET status = 'revoked'",
		    "invalid ACCOUNT_NOT_VALID The account was revoked" },
		{ "UPDATE acme.orders SET certificate_id = id", "processing " }, /* what was begun goes on */
		{ "UPDATE acme.orders SET error = '{\"type\": \"CAA\", \"detail\": \"no\"}'", "invalid CAA no" },
		{ "UPDATE acme.orders SET error = NULL, certificate_id = NULL; UPDATE acme.account SET status = 'valid'; "
		  "DELETE "
		  "FROM acme.authz WHERE id = " UUID("d"),
		    "pending " }, /* what is not there is not valid */
	};
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		pg_exec("cairn_owner", steps[i].sql);
		pg_assert_value("SELECT status || ' ' || concat_ws(' ', error->>'type', error->>'detail') FROM front.orders "
		                "WHERE id = " UUID("c"),
		    steps[i].state);
	}
}

/* one account a key, also in a race. */
static void test_one_account_a_key(void **state)
{
	(void) state;
	assert_string_equal(
	    pg_try("cairn_ra",
	        "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID("7") ", 'valid', '{}', sha256('k'))",
	        NULL),
	    "23505");
}

/* What holds a lease keeps it; another takes it when it lapses. */
static void test_leases(void **state)
{
	(void) state;
	char *value = NULL;
	static const struct violation takes[] = {
		{ "SELECT cairn.take_lease('crl/a', 'one', 60)", "t" },
		{ "SELECT cairn.take_lease('crl/a', 'two', 60)", "f" },
		{ "SELECT cairn.take_lease('crl/a', 'one', 0)", "t" },
		{ "SELECT cairn.take_lease('crl/a', 'two', 60)", "t" },
		{ "SELECT cairn.take_lease('crl/a', 'one', 60)", "f" },
	};
	for (size_t i = 0; i < COUNT_OF(takes); i++) {
		assert_string_equal(pg_try("cairn_ca", takes[i].sql, &value), "");
		assert_string_equal(value, takes[i].state);
		free(value);
	}
}

/* A-80, E-25: whatever a process does, an order stays for its names, and a certificate for its CRL. */
static void test_fixed_for_life(void **state)
{
	(void) state;
	static const char fixed[] =
	    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, "
	    "pg_roles r "
	    "WHERE a.attnum > 0 AND NOT a.attisdropped AND r.rolname ~ '^cairn_' AND r.rolname <> 'cairn_owner' "
	    "AND ((n.nspname, c.relname) = ('ca', 'certificate') OR (n.nspname, c.relname) = ('acme', 'orders') "
	    "AND a.attname IN ('identifier_types', 'identifier_values', 'authorizations', 'profile') "
	    "OR (n.nspname, c.relname) = ('acme', 'authz') "
	    "AND a.attname IN ('identifier_type', 'identifier_value', 'wildcard', 'tokens'))";
	char sql[1024];
	(void) snprintf(sql, sizeof(sql), "SELECT count(DISTINCT (c.relname, a.attname))%s AND n.nspname = 'acme'", fixed);
	pg_assert_value(sql, "8");
	(void) snprintf(sql, sizeof(sql),
	    "SELECT coalesce(string_agg(concat_ws(' ', r.rolname, c.relname, a.attname), ', '), 'none')%s "
	    "AND (has_column_privilege(r.oid, c.oid, a.attnum, 'UPDATE') OR has_table_privilege(r.oid, c.oid, 'DELETE'))",
	    fixed);
	pg_assert_value(sql, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_partitions),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_fixed_for_life),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_auditors),
		cmocka_unit_test(test_no_valid_without_evidence),
		cmocka_unit_test(test_evidence_is_whole),
		cmocka_unit_test(test_methods_prove_what_they_can),
		cmocka_unit_test(test_proof_of_onion_services),
		cmocka_unit_test(test_order_states),
		cmocka_unit_test(test_one_account_a_key),
		cmocka_unit_test(test_leases),
	};
	return cmocka_run_group_tests(tests, pg_group_setup, teardown);
}

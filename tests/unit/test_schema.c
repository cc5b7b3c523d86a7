/* What the schema itself promises: data classes, exact rights of each role, constraints that no code can get round. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pg.h"

static int setup(void **state)
{
	(void) state;
	pg_start();
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

#define OUR_SCHEMAS "n.nspname IN ('cairn', 'acme', 'ca', 'log', 'front', 'vault')"

/* G-1: every stored field has its class; partitions have those of their parent. */
static void test_classes(void **state)
{
	(void) state;
	pg_assert_value("SELECT coalesce(string_agg(n.nspname || '.' || c.relname, ' '), 'all') FROM pg_class c "
	                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " OUR_SCHEMAS
	                " AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND obj_description(c.oid) IS NULL",
	    "all");
	pg_assert_value(
	    "SELECT coalesce(string_agg(n.nspname || '.' || c.relname || '.' || a.attname, ' '), 'all') FROM pg_class c "
	    "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid WHERE " OUR_SCHEMAS
	    " AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped "
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
	                "to_regclass(name || '_rest') IS NULL",
	    "none");
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
		{ "cairn_wfe", "UPDATE acme.orders SET status = 'valid'" },
		{ "cairn_wfe", "SELECT * FROM log.request" },
		{ "cairn_wfe", "SELECT * FROM ca.certificate" },
		{ "cairn_ra", "SELECT * FROM log.request" },
		{ "cairn_ra", "SELECT * FROM log.request_private" },
		{ "cairn_ra", "UPDATE log.validation SET passed = true" },
		{ "cairn_ra", "DELETE FROM log.event" },
		{ "cairn_ra", "DELETE FROM acme.orders" },
		{ "cairn_ra", "UPDATE acme.orders SET identifier_values = '{other.test}'" },
		{ "cairn_ra", "UPDATE acme.authz SET identifier_value = 'other.test'" },
		{ "cairn_ra", "UPDATE acme.account SET thumbprint = sha256('')" },
		{ "cairn_ca", "INSERT INTO log.event SELECT * FROM log.event" },
		{ "cairn_ra", "INSERT INTO ca.certificate SELECT * FROM ca.certificate" },
		{ "cairn_ra", "UPDATE ca.certificate SET der = ''" },
		{ "cairn_ca", "SELECT * FROM acme.account" },
		{ "cairn_ca", "UPDATE acme.orders SET status = 'valid'" },
		{ "cairn_ca", "DELETE FROM ca.serial" },
		{ "cairn_ca", "UPDATE ca.certificate SET tbs = ''" },
		{ "cairn_ca", "INSERT INTO ca.revocation SELECT * FROM ca.revocation" },
		{ "cairn_subscriber", "SELECT * FROM log.request_private" },
		{ "cairn_subscriber", "UPDATE log.request SET url = ''" },
		{ "cairn_auditor", "DELETE FROM log.request" },
		{ "cairn_auditor", "SELECT * FROM acme.account" },
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

#define UUID(n) "'0193f000-0000-7000-8000-00000000000" n "'"
#define VALIDATION(id, authz, passed, problem) \
	"INSERT INTO log.validation VALUES (" UUID(id) ", " UUID(authz) ", NULL, " UUID("1") ", " UUID( \
	    "9") ", 'dns', 'a.test', false, 'http-01', '3.2.2.4.19', 'local', 1, " passed ", " problem \
	         ", NULL, 'off', NULL, sha256('t'), NULL, NULL, now(), now(), sha256('a') || sha256('b'));"
#define EVIDENCE(id) "INSERT INTO log.validation_private VALUES (" UUID(id) ", sha256('s'), '{}', '{}');"
#define AUTHZ(id, status, validation) \
	"INSERT INTO acme.authz (id, account_id, order_id, identifier_type, identifier_value, wildcard, status, " \
	"expires_at, " \
	"validation_id) VALUES (" UUID(id) ", " UUID("1") ", " UUID("8") ", 'dns', 'a.test', false, '" status \
	                                                                 "', now() + interval '1 day', " validation ");"

struct violation {
	const char *sql;
	const char *state;
};

/* Design 4.2: an authorization is valid by a validation of its own that passed, and by nothing else. */
static void test_no_valid_without_evidence(void **state)
{
	(void) state;
	pg_exec("cairn_ra", "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID("1") ", 'valid', '{}', "
	                                                                                                "sha256('k'))");
	pg_exec("cairn_ra", AUTHZ("2", "pending", "NULL") AUTHZ("3", "pending", "NULL"));
	pg_exec("cairn_ra", VALIDATION("4", "2", "true", "NULL") VALIDATION("5", "3", "false", "'DNS'"));
	/* without its personal fields, and of a CAA check alone */
	pg_exec("cairn_ra", VALIDATION("7", "2", "true", "NULL") VALIDATION("8", "2", "true", "NULL"));
	pg_exec("cairn_owner", "UPDATE log.validation SET method = 'caa' WHERE id = " UUID("8"));
	pg_exec("cairn_ra", EVIDENCE("4") EVIDENCE("5") EVIDENCE("8"));
	static const struct violation violations[] = {
		{ "UPDATE acme.authz SET status = 'valid' WHERE id = " UUID("2"), "23514" },
		{ "UPDATE acme.authz SET status = 'valid', validation_id = " UUID("4") " WHERE id = " UUID("3"), "23503" },
		{ "UPDATE acme.authz SET status = 'valid', validation_id = " UUID("5") " WHERE id = " UUID("3"), "23503" },
		{ "UPDATE acme.authz SET status = 'valid', validation_id = " UUID("6") " WHERE id = " UUID("3"), "23503" },
		{ "UPDATE acme.authz SET status = 'valid', validation_id = " UUID("7") " WHERE id = " UUID("2"), "23503" },
		{ "UPDATE acme.authz SET status = 'valid', validation_id = " UUID("8") " WHERE id = " UUID("2"), "23503" },
		{ AUTHZ("6", "valid", "NULL"), "23514" },
		{ AUTHZ("2", "valid", UUID("7")), "23503" },
		{ VALIDATION("6", "2", "true", "'DNS'"), "23514" },
		{ "UPDATE acme.authz SET status = 'valid', validation_id = " UUID("4") " WHERE id = " UUID("2"), "" },
	};
	for (size_t i = 0; i < COUNT_OF(violations); i++) {
		assert_string_equal(pg_try("cairn_ra", violations[i].sql, NULL), violations[i].state);
	}
	/* What passed a challenge has the digest of what was answered (F-43). */
	assert_string_equal(
	    pg_try("cairn_owner", "UPDATE log.validation SET challenge_id = id WHERE id = " UUID("4"), NULL), "23514");
	/* Nor can the evidence go once something stands on it. */
	assert_string_equal(pg_try("cairn_owner", "DELETE FROM log.validation WHERE id = " UUID("4"), NULL), "23503");
	assert_string_equal(
	    pg_try("cairn_owner", "UPDATE log.validation SET passed = false, problem = 'DNS' WHERE id = " UUID("4"), NULL),
	    "23503");
}

/* An order is ready when no authorization is left that it waits for, and has what its state tells. */
static void test_order_states(void **state)
{
	(void) state;
#define ORDER(id, status, waits_for) \
	"INSERT INTO acme.orders (id, account_id, status, waits_for, identifier_types, identifier_values, profile, " \
	"expires_at) VALUES (" UUID(id) ", " UUID("1") ", '" status "', " waits_for ", '{dns}', '{a.test}', 'p', now());"
	static const struct violation violations[] = {
		{ ORDER("a", "pending", "2"), "" },
		{ "UPDATE acme.orders SET status = 'ready', waits_for = 1 WHERE id = " UUID("a"), "23514" },
		{ "UPDATE acme.orders SET status = 'ready', waits_for = 0 WHERE id = " UUID("a"), "" },
		{ "UPDATE acme.orders SET status = 'invalid' WHERE id = " UUID("a"), "23514" },
		{ "UPDATE acme.orders SET status = 'unknown' WHERE id = " UUID("a"), "23514" },
		{ ORDER("b", "ready", "1"), "23514" },
		{ ORDER("b", "processing", "0"), "23514" },
		{ ORDER("b", "valid", "0"), "23514" },
	};
	for (size_t i = 0; i < COUNT_OF(violations); i++) {
		assert_string_equal(pg_try("cairn_ra", violations[i].sql, NULL), violations[i].state);
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
	    "AND ((n.nspname, c.relname) IN (('acme', 'order_authz'), ('ca', 'certificate')) "
	    "OR (n.nspname, c.relname) IN (('acme', 'orders'), ('acme', 'authz')) AND a.attname ~ '^identifier')";
	char sql[1024];
	(void) snprintf(sql, sizeof(sql), "SELECT count(DISTINCT (c.relname, a.attname)) > 12%s", fixed);
	pg_assert_value(sql, "t");
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
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_fixed_for_life),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_no_valid_without_evidence),
		cmocka_unit_test(test_order_states),
		cmocka_unit_test(test_one_account_a_key),
		cmocka_unit_test(test_leases),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

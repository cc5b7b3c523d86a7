/* Whether a database has run the migrations that this program was built with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/db/schema.h"
#include "tests/unit/pg.h"

static void test_names(void **state)
{
	static const char *const ran[] = { "0001_a.sql", "0003_c.sql", "0009_newer.sql" };
	struct arena *a = arena_new();
	(void) state;
	assert_null(schema_lacking(a, "", ran, 3));
	assert_null(schema_lacking(a, "0001_a.sql", ran, 3));
	assert_null(schema_lacking(a, "0001_a.sql 0003_c.sql", ran, 3));
	assert_string_equal(schema_lacking(a, "0001_a.sql 0002_b.sql 0003_c.sql", ran, 3), "0002_b.sql");
	assert_string_equal(schema_lacking(a, "0001_a.sq", ran, 3), "0001_a.sq");
	assert_string_equal(schema_lacking(a, "0001_a.sql 0002_b.sql", ran, 0), "0001_a.sql");
	arena_free(a);
}

/* What this very program was built with: the newest, as the database is asked. */
static void expect_lacking(const char *role, const char *expected)
{
	struct ctx c;
	const char *lacking = "unset";
	ctx_init(&c);
	assert_int_equal(schema_find(&c, pg_conninfo(role), &lacking), 0);
	if (expected == NULL) {
		assert_null(lacking);
	} else {
		assert_non_null(lacking);
		assert_string_equal(lacking, expected);
	}
	ctx_done(&c);
}

static void test_database(void **state)
{
	static const char *const roles[] = { "cairn_wfe", "cairn_ra", "cairn_ca", "cairn_subscriber" };
	(void) state;
	const char *newest = strrchr(schema_migrations, ' ') + 1;
	pg_start(); /* has run them all, but keeps no history */
	char sql[4096];
	snprintf(sql, sizeof(sql),
	    "INSERT INTO cairn.migration (number, name, sha256) SELECT left(name, 4)::int8, name, sha256(name::bytea) FROM "
	    "regexp_split_to_table('%s', ' ') name",
	    schema_migrations);
	pg_exec("cairn_owner", sql);
	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		expect_lacking(roles[i], NULL);
	}
	pg_exec("cairn_owner",
	    "INSERT INTO cairn.migration (number, name, sha256) VALUES (9999, '9999_newer.sql', sha256('x'))");
	expect_lacking("cairn_ra", NULL); /* a newer one does no harm: migrations come before programs */
	pg_exec("cairn_owner", "DELETE FROM cairn.migration WHERE number = 4");
	expect_lacking("cairn_ra", "0004_ca.sql");
	pg_exec("cairn_owner", "REVOKE SELECT ON cairn.migration FROM cairn_ra");
	expect_lacking("cairn_ra", newest);
	pg_exec("cairn_owner", "DROP TABLE cairn.migration CASCADE");
	expect_lacking("cairn_wfe", newest);
	pg_stop();
}

static void test_nobody_there(void **state)
{
	struct ctx c;
	const char *lacking = NULL;
	(void) state;
	ctx_init(&c);
	assert_int_equal(schema_find(&c, "host=/nowhere dbname=cairn", &lacking), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_database),
		cmocka_unit_test(test_nobody_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

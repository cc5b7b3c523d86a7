/* link: ra */
/* Profiles that come, change and go are on record. F-40 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ra/profiles.h"
#include "ra/ra.h"
#include "tests/unit/pg.h"

#define HERE "cairn-ra@127.0.0.1:1"

static int group_setup(void **state)
{
	(void) state;
	pg_start();
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), 2, 5000);
	return 0;
}

static int group_teardown(void **state)
{
	(void) state;
	db_thread_end();
	pg_stop();
	return 0;
}

static int record(const char *instance, struct config_profile *v, size_t n)
{
	struct ctx c;
	ctx_init(&c);
	const struct config_profile_list list = { v, n };
	int result = profiles_record(&c, instance, &list);
	ctx_done(&c);
	return result;
}

/* What was told since the last look. */
static void assert_told(const char *expected)
{
	pg_assert_value(
	    "SELECT coalesce(string_agg(concat_ws(' ', substr(kind, 9), facts->>'profile', facts->'says'->>'life'), ',' "
	    "ORDER BY id), 'nothing') FROM log.event WHERE starts_with(kind, 'profile.') AND process = '" HERE "'",
	    expected);
	pg_exec("postgres", "DELETE FROM log.event");
}

/* F-40: introduction, change and retirement, each once, whoever starts how often. */
static void test_each_is_told_once(void **state)
{
	(void) state;
	const char *accounts[] = { "018f0000" };
	struct config_profile both[] = {
		{ .name = "classic", .life = "90d", .accounts = { accounts, 1 } },
		{ .name = "short", .life = "6d" },
	};
	assert_int_equal(record(HERE, both, 2), 0);
	pg_assert_value("SELECT count(*) FROM log.event e JOIN log.unsealed u ON u.id = e.id WHERE u.kind = 3 AND "
	                "e.facts->'says'->>'accounts' IN ('0', '1') "
	                "AND e.facts::text !~ '018f0000' AND length(e.facts->>'sha256') = 64",
	    "2");
	assert_told("introduced classic 90d,introduced short 6d");
	assert_int_equal(record(HERE, both, 2), 0);
	assert_told("nothing");
	both[1].life = "7d";
	assert_int_equal(record(HERE, both, 2), 0);
	pg_assert_value("SELECT count(*) FROM log.event WHERE facts->>'before_sha256' <> facts->>'sha256'", "1");
	assert_told("changed short 7d");
	accounts[0] = "018f0001"; /* who may use it is part of it */
	assert_int_equal(record(HERE, both, 2), 0);
	assert_told("changed classic 90d");
	both[1].withdrawn = true;
	assert_int_equal(record(HERE, both, 2), 0);
	assert_told("retired short 7d");
	assert_int_equal(record(HERE, both, 1), 0); /* it was retired already */
	assert_told("nothing");
	both[1].withdrawn = false;
	assert_int_equal(record(HERE, both, 2), 0);
	assert_told("introduced short 7d");
	assert_int_equal(record(HERE, both + 1, 1), 0); /* taken out without having been withdrawn */
	assert_told("retired classic");
}

static void test_of_itself_only(void **state)
{
	(void) state;
	struct config_profile one = { .name = "classic", .life = "90d" };
	assert_int_equal(record("cairn-ca@127.0.0.1:1", &one, 1), -1);
	assert_int_not_equal(strcmp(pg_try("cairn_wfe", "SELECT cairn.record_profiles('cairn-wfe@x', '[]')", NULL), ""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_told_once),
		cmocka_unit_test(test_of_itself_only),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

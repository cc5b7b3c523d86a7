/* Starts and stops of processes as events (F-44). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/db/run_record.h"
#include "tests/unit/pg.h"

#define HERE "cairn-ra@127.0.0.1:1"

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

static int tell(const char *role, const char *instance, const char *what)
{
	struct ctx c;
	ctx_init(&c);
	const struct run_record entry = { instance, what, "abcd" };
	int result = run_record(&c, pg_conninfo(role), &entry);
	ctx_done(&c);
	return result;
}

/* F-44: how the start before it ended is told by the next one. */
static void each_start_tells_of_the_last(void **state)
{
	(void) state;
	static const char *const steps[] = { "started", "stopped", "started", "reloaded", "started" };
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		assert_int_equal(tell("cairn_ra", HERE, steps[i]), 0);
	}
	pg_assert_value("SELECT string_agg(kind || coalesce(' ' || (facts->>'before'), ''), ',' ORDER BY id) FROM "
	                "log.event WHERE process = '" HERE "'",
	    "process.started first start,process.stopped,process.started stopped,process.reloaded,process.started ended "
	    "without a stop,alarm.raised");
	pg_assert_value("SELECT count(*) FROM log.event e JOIN log.unsealed u ON u.id = e.id WHERE e.facts->>'version' = "
	                "'" CAIRN_VERSION "' AND e.facts->>'config_sha256' = 'abcd'",
	    "5");
}

static void a_process_tells_of_itself_only(void **state)
{
	(void) state;
	assert_int_equal(tell("cairn_wfe", "cairn-wfe@127.0.0.1:2", "started"), 0);
	assert_int_equal(tell("cairn_wfe", HERE, "stopped"), -1);
	assert_int_equal(tell("cairn_ra", HERE, "sold"), -1);
	assert_int_equal(tell("cairn_auditor", "cairn-auditor@x", "started"), -1);
	struct ctx c;
	ctx_init(&c);
	const struct run_record entry = { HERE, "started", NULL };
	assert_int_equal(run_record(&c, "host=/nowhere dbname=cairn", &entry), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	ctx_done(&c);
}

#define TELL(instance, perspective, at) \
	"SELECT cairn.record_validator('" HERE "', '" instance "', " perspective ", '0.9', 'abcd', now() - interval '" at \
	"')"

/* F-44, F-57: a validation authority is told of by who asked it, each run once; what comes late of a run before is nothing. */
static void validators_are_told_of(void **state)
{
	(void) state;
	pg_exec("cairn_ra", TELL("cairn-va@ams", "'ams'", "1 hour"));
	pg_exec("postgres",
	    "UPDATE cairn.run SET started_at = date_trunc('second', started_at) WHERE instance = 'cairn-va@ams'");
	pg_exec("cairn_ra", TELL("cairn-va@ams", "'ams'", "2 hours"));
	pg_exec("cairn_ra", TELL("cairn-va@ams", "'ams'", "-2 days"));
	pg_exec("cairn_ra",
	    "SELECT cairn.record_validator('" HERE
	    "', 'cairn-va@ams', 'ams', '0.9', 'abcd', started_at) FROM (SELECT date_trunc('second', now() - interval "
	    "'1 min') AS started_at, generate_series(1, 3)) x");
	pg_assert_value("SELECT string_agg(concat_ws(' ', kind, actor, facts->>'version', facts->>'config_sha256', "
	                "facts->>'perspective', facts->>'before'), ',' ORDER BY "
	                "facts->>'started_at') FROM log.event WHERE process = 'cairn-va@ams'",
	    "process.started " HERE " 0.9 abcd ams first start,process.started " HERE " 0.9 abcd ams ended");
	assert_string_not_equal(pg_try("cairn_ra", TELL("cairn-ca@x", "NULL", "1 hour"), NULL), "");
	assert_string_equal(pg_try("cairn_wfe", TELL("cairn-va@x", "NULL", "1 hour"), NULL), "42501");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_start_tells_of_the_last),
		cmocka_unit_test(a_process_tells_of_itself_only),
		cmocka_unit_test(validators_are_told_of),
	};
	return cmocka_run_group_tests(tests, pg_group_setup, teardown);
}

/* link: ca */
/* F-47: nothing is signed while the clock is unsure. The clock of this program is shifted; PostgreSQL's is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "ca/finish.h"
#include "ca/steady.h"
#include "tests/unit/pg.h"

static int64_t ahead_s;
static int64_t waited_s; /* by both clocks */

/* In the place of the C library's. */
int clock_gettime(clockid_t which, struct timespec *t)
{
	int result = (int) syscall(SYS_clock_gettime, which, t);
	t->tv_sec += which == CLOCK_REALTIME ? ahead_s + waited_s : which == CLOCK_MONOTONIC ? waited_s : 0;
	return result;
}

static int setup(void **state)
{
	static const struct statement *const statements[] = { &steady_statement, &steady_alarm_statement };
	(void) state;
	pg_start();
	db_statements(statements, 2);
	db_configure(pg_conninfo("cairn_ca"), 1, 5000);
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	db_thread_end();
	pg_stop();
	return 0;
}

static void signs(const char *refusal)
{
	struct ctx c;
	ctx_init(&c);
	int result = steady_check(&c);
	assert_int_equal(result, refusal == NULL ? 0 : -1);
	assert_int_equal(steady_fault() == NULL, refusal == NULL); /* what /readyz tells */
	if (refusal != NULL) {
		assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
		assert_non_null(strstr(c.err.detail, refusal));
	}
	ctx_done(&c);
}

/* F-47: back, ahead of the database's, and right again. */
static void test_steps(void **state)
{
	(void) state;
	signs(NULL);
	ahead_s = -3;
	signs("went back");
	ahead_s = 0;
	signs(NULL);
	ahead_s = 20; /* a jump that the database can bear */
	signs(NULL);
	ahead_s = 18;
	signs("went back");
	ahead_s = 20;
	signs(NULL);
	ahead_s = 45;
	signs("do not agree");
	signs("do not agree");
	ahead_s = 20; /* nothing was signed meanwhile */
	signs(NULL);
	/* each trouble is an alarm (F-70) */
	pg_assert_value(
	    "SELECT times::text || (ended_at IS NOT NULL)::text FROM cairn.alarm WHERE kind = 'clock'", "3true");
}

/* F-47: a drift shows within a minute, however slowly it came. */
static void test_drift(void **state)
{
	(void) state;
	ahead_s = 29;
	signs(NULL);
	ahead_s = 33; /* no jump */
	signs(NULL);
	waited_s = 61; /* the minute is over, so that the database is asked */
	signs("do not agree");
}

/* The database's clock, which is that of another machine. */
static void shift_database(int64_t seconds)
{
	char sql[500];
	(void) snprintf(sql, sizeof(sql),
	    "CREATE SCHEMA IF NOT EXISTS shifted; GRANT USAGE ON SCHEMA shifted TO PUBLIC;"
	    "CREATE OR REPLACE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
	    "$$SELECT pg_catalog.clock_timestamp() + make_interval(secs => %lld)$$;"
	    "ALTER ROLE cairn_ca SET search_path = shifted, pg_catalog",
	    (long long) seconds);
	pg_exec("postgres", sql);
	db_thread_end(); /* the role's setting counts from the next connection on */
}

/* The clocks of this program by so much ahead, the steady one by so much later, and the database with them. */
static void both_shifted(int64_t by_s, int64_t later_s)
{
	ahead_s = by_s;
	waited_s = later_s;
	shift_database(by_s + later_s);
}

/* F-47: both clocks were ahead, and are set right: signing goes on by itself, when they have agreed for a while. */
static void test_ahead_and_back(void **state)
{
	(void) state;
	both_shifted(3600, 100);
	signs(NULL);
	both_shifted(0, 100);
	signs("went back");
	assert_non_null(strstr(steady_fault(), "went back by 3"));
	both_shifted(0, 300);
	signs("went back");
	both_shifted(-10, 310); /* once more, so that the time begins anew */
	signs("went back");
	both_shifted(-10, 600);
	signs("went back");
	both_shifted(-10, 620);
	signs(NULL);
	both_shifted(-13, 620); /* and is as strict as ever */
	signs("went back");
	both_shifted(-10, 620);
	signs(NULL);
}

/* F-47: what was begun by a clock that was right is not signed by one that is not, and waits. */
static void test_finish(void **state)
{
	struct begun begun = { .certificate_id = id_new(), .issuer = "none", .profile = "none" };
	struct ctx c;
	(void) state;
	ahead_s = -60;
	ctx_init(&c);
	assert_int_equal(issuance_finish(&c, &begun), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_ahead_and_back),
		cmocka_unit_test(test_finish),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

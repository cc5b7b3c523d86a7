/* link: ca */
/* F-47: nothing is signed while the clock is unsure. The clock of this program is shifted; PostgreSQL's is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

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
	static const struct statement *const statements[] = { &steady_statement };
	(void) state;
	pg_start();
	db_statements(statements, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_steps), cmocka_unit_test(test_drift) };
	return cmocka_run_group_tests(tests, setup, teardown);
}

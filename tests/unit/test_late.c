/* link: va */
/* Reports of late answers, with a fake of the registration authority and a clock that goes ahead. F-41, C-61. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/metrics.h"
#include "lib/rpc/client.h"
#include "va/late.h"

#define ORPHANS 100

static atomic_int ahead_s;
static atomic_bool away;
static atomic_int orphan_calls;
static atomic_int other_calls; /* that were answered */

int clock_gettime(clockid_t which, struct timespec *t)
{
	long result = syscall(SYS_clock_gettime, which, t);
	t->tv_sec += which == CLOCK_MONOTONIC ? atomic_load(&ahead_s) : 0;
	return (int) result;
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
	struct timespec t = *until;
	t.tv_sec -= atomic_load(&ahead_s);
	return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &t);
}

int rpc_ra_record_late(struct ctx *c, const struct record_late_request *in, struct record_late_response *ret)
{
	bool orphan = strcmp(in->remote.perspective, "orphan") == 0;
	if (orphan) {
		atomic_fetch_add(&orphan_calls, 1);
	}
	if (atomic_load(&away)) {
		return FAIL(c, UNAVAILABLE, "away");
	}
	ret->recorded = !orphan;
	atomic_fetch_add(&other_calls, orphan ? 0 : 1);
	return 0;
}

void rpc_client_thread_end(void)
{
}

static void wait_for(atomic_int *counter, int n)
{
	while (atomic_load(counter) < n) {
		(void) usleep(5000);
	}
}

static void report(struct late *l, const char *perspective)
{
	struct record_late_request r = { .validation_id = id_new(),
		.asked = { .validation_id = id_new() },
		.remote = { .validation_id = id_new(), .perspective = perspective } };
	late_report(l, &r, id_new());
}

/* By /metrics. */
static int lost(void)
{
	struct arena *a = arena_new();
	const char *found = strstr((const char *) metrics_render(a).p, "\ncairn_late_lost_total ");
	int n = found == NULL ? 0 : (int) strtol(found + strlen("\ncairn_late_lost_total "), NULL, 10);
	arena_free(a);
	return n;
}

static void wait_for_lost(int n)
{
	while (lost() < n) {
		(void) usleep(5000);
	}
}

static int setup(void **state)
{
	(void) state;
	atomic_store(&ahead_s, 0);
	atomic_store(&away, false);
	atomic_store(&orphan_calls, 0);
	atomic_store(&other_calls, 0);
	return 0;
}

/* Those whose record never comes are asked about ever more rarely, hold nobody up, and are given up and counted after a minute. */
static void orphans_hold_up_none(void **state)
{
	(void) state;
	struct late *l = late_start();
	int before = lost();
	for (int i = 0; i < ORPHANS; i++) {
		report(l, "orphan");
	}
	wait_for(&orphan_calls, 2 * ORPHANS);
	int calls = atomic_load(&orphan_calls);
	report(l, "ams");
	wait_for(&other_calls, 1);
	assert_true(atomic_load(&orphan_calls) - calls <= 2 * ORPHANS); /* it is next but for those that were due */
	for (int s = 0; s < 50; s += 2) {
		atomic_fetch_add(&ahead_s, 2);
		report(l, "ams"); /* which wakes it */
		wait_for(&other_calls, s / 2 + 2);
	}
	assert_true(atomic_load(&orphan_calls) <= 40 * ORPHANS); /* 1,000 each with a fixed pause */
	assert_int_equal(lost(), before);
	atomic_store(&ahead_s, 70);
	report(l, "ams");
	wait_for_lost(before + ORPHANS);
	late_stop(l, 10000);
	assert_int_equal(atomic_load(&other_calls), 27);
	assert_int_equal(lost(), before + ORPHANS);
}

/* While nobody answers they wait for ten minutes, and the minute begins with the first answer. */
static void who_is_away_is_waited_for(void **state)
{
	(void) state;
	struct late *l = late_start();
	int before = lost();
	atomic_store(&away, true);
	report(l, "ams");
	report(l, "orphan");
	for (int s = 0; s < 580; s += 20) {
		int calls = atomic_load(&orphan_calls);
		atomic_store(&ahead_s, s);
		report(l, "orphan");
		wait_for(&orphan_calls, calls + 1);
	}
	assert_int_equal(lost(), before);
	atomic_store(&away, false);
	wait_for(&other_calls, 1);
	assert_int_equal(lost(), before);
	atomic_store(&away, true);
	atomic_store(&ahead_s, 10000);
	report(l, "ams");
	wait_for_lost(before + 30); /* all but the last one */
	late_stop(l, 10);
	assert_int_equal(lost(), before + 31);
}

/* One without a record leaves the others their time at the end. */
static void the_end_is_shared(void **state)
{
	(void) state;
	struct late *l = late_start();
	int before = lost();
	atomic_store(&away, true);
	report(l, "orphan");
	wait_for(&orphan_calls, 6); /* its next pause is more than a second */
	for (int i = 0; i < 10; i++) {
		report(l, "ams");
	}
	atomic_store(&away, false);
	late_stop(l, 500);
	assert_int_equal(atomic_load(&other_calls), 10);
	assert_int_equal(lost(), before + 1);
	late_stop(NULL, 1);
}

/* What waits is bounded by octets too: answers are as large as strangers make them. */
static void large_ones_are_bounded(void **state)
{
	enum { EACH = 800000, N = 200, ROOM = (64 << 20) / EACH };
	(void) state;
	struct late *l = late_start();
	int before = lost();
	char *text = malloc(EACH + 1);
	assert_non_null(text);
	memset(text, 'x', EACH);
	text[EACH] = '\0';
	struct record_late_request r = { .validation_id = id_new(),
		.asked = { .validation_id = id_new() },
		.remote = {
		    .validation_id = id_new(), .perspective = "ams", .problem = { .type = "CONNECTION", .detail = text } } };
	for (int round = 0; round < 2; round++) { /* what was sent leaves its room to others */
		int lost_before = lost();
		int sent = atomic_load(&other_calls);
		atomic_store(&away, true);
		for (int i = 0; i < N; i++) {
			late_report(l, &r, id_new());
		}
		int kept = N - (lost() - lost_before);
		assert_true(kept >= ROOM / 3 && kept <= ROOM);
		atomic_store(&away, false);
		wait_for(&other_calls, sent + kept);
	}
	int lost_at_end = lost();
	assert_true(lost_at_end > before);
	late_stop(l, 10000);
	assert_int_equal(lost(), lost_at_end);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(orphans_hold_up_none, setup),
		cmocka_unit_test_setup(who_is_away_is_waited_for, setup),
		cmocka_unit_test_setup(the_end_is_shared, setup),
		cmocka_unit_test_setup(large_ones_are_bounded, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

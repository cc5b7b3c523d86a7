/* link: cli */
/* When `cairn bench` starts its orders, how long it waits between polls, and how it is told to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/bench_client.h"
#include "cli/bench_halt.h"
#include "cli/bench_order.h"
#include "cli/bench_schedule.h"
#include "lib/base/clock.h"

#define S ((int64_t) 1000000)

static struct bench_schedule schedule(double rate, int64_t count, int64_t end_us)
{
	struct bench_schedule s = {
		.begin_us = 100 * S,
		.measure_us = 101 * S,
		.end_us = end_us,
		.rate = rate,
		.count = count,
	};
	pthread_mutex_init(&s.lock, NULL);
	return s;
}

static void test_closed_loop_starts_at_once(void **state)
{
	(void) state;
	struct bench_schedule s = schedule(0, 0, 111 * S);
	struct bench_slot slot;
	assert_true(bench_schedule_take(&s, 100 * S, &slot));
	assert_int_equal(slot.due_us, 100 * S);
	assert_false(slot.measured); /* warm-up */
	assert_true(bench_schedule_take(&s, 101 * S, &slot));
	assert_true(slot.measured);
	assert_true(bench_schedule_take(&s, 111 * S - 1, &slot));
	assert_false(bench_schedule_take(&s, 111 * S, &slot));
	assert_int_equal(bench_schedule_missed(&s, 111 * S), 0);
}

static void test_closed_loop_counts_what_is_measured(void **state)
{
	(void) state;
	struct bench_schedule s = schedule(0, 2, INT64_MAX);
	struct bench_slot slot;
	for (int i = 0; i < 5; i++) {
		assert_true(bench_schedule_take(&s, 100 * S, &slot));
	}
	assert_true(bench_schedule_take(&s, 101 * S, &slot));
	assert_true(bench_schedule_take(&s, 101 * S, &slot));
	assert_false(bench_schedule_take(&s, 101 * S, &slot));
}

/* The moments are those of the rate, whoever asks and however late. */
static void test_open_loop_keeps_its_moments(void **state)
{
	(void) state;
	struct bench_schedule s = schedule(3, 0, 111 * S);
	struct bench_slot slot;
	const int64_t due[] = { 100000000, 100333333, 100666667, 101000000, 101333333 };
	for (size_t i = 0; i < COUNT_OF(due); i++) {
		/* All five are asked for at the same late moment: latency still counts from when each was due. */
		assert_true(bench_schedule_take(&s, 105 * S, &slot));
		assert_int_equal(slot.due_us, due[i]);
		assert_int_equal(slot.measured, i >= 3);
	}
}

static void test_open_loop_hands_out_the_future(void **state)
{
	(void) state;
	struct bench_schedule s = schedule(10, 0, 111 * S);
	struct bench_slot slot;
	assert_true(bench_schedule_take(&s, 100 * S, &slot));
	assert_true(bench_schedule_take(&s, 100 * S, &slot));
	assert_int_equal(slot.due_us, 100 * S + S / 10);
}

/* 1.1 s of 10 a second are due: 0 warm-up and later ones; what no worker took is told, not forgotten. */
static void test_open_loop_tells_what_it_missed(void **state)
{
	(void) state;
	struct bench_schedule s = schedule(10, 0, 103 * S);
	struct bench_slot slot;
	for (int i = 0; i < 12; i++) {
		assert_true(bench_schedule_take(&s, 102 * S, &slot));
	}
	assert_false(bench_schedule_take(&s, 103 * S, &slot)); /* the end is the end, even for what is due */
	assert_int_equal(bench_schedule_missed(&s, 103 * S), 30 - 12);
	assert_int_equal(bench_schedule_missed(&s, 200 * S), 30 - 12);
	assert_int_equal(bench_schedule_missed(&s, 101 * S + 1), 0);
	assert_int_equal(bench_schedule_missed(&s, 102 * S), 20 - 12);
	assert_int_equal(bench_schedule_missed(&s, 99 * S), 0);
}

static void test_open_loop_ends_by_count(void **state)
{
	(void) state;
	struct bench_schedule s = schedule(10, 5, INT64_MAX);
	struct bench_slot slot;
	int taken = 0;
	while (bench_schedule_take(&s, 100 * S, &slot)) {
		taken++;
	}
	assert_int_equal(taken, 10 + 5); /* of the warm-up, and measured */
	assert_int_equal(bench_schedule_missed(&s, 200 * S), 0);
}

static void test_polls_grow_and_obey(void **state)
{
	(void) state;
	int64_t delay = 20000;
	assert_int_equal(bench_poll_wait_us(-1, &delay), 20000);
	assert_int_equal(bench_poll_wait_us(-1, &delay), 30000);
	assert_int_equal(bench_poll_wait_us(3 * S, &delay), 3 * S); /* Retry-After */
	assert_int_equal(bench_poll_wait_us(0, &delay), 45000);
	for (int i = 0; i < 20; i++) {
		assert_true(bench_poll_wait_us(-1, &delay) <= S);
	}
	assert_int_equal(delay, S);
}

static void test_retry_after(void **state)
{
	(void) state;
	assert_int_equal(acme_retry_after_us("3", 0), 3 * S);
	assert_int_equal(acme_retry_after_us("0", 0), 0);
	assert_int_equal(acme_retry_after_us("999999999", 0), 3600 * S);
	assert_int_equal(acme_retry_after_us("Sun, 06 Nov 1994 08:49:37 GMT", 784111770), 7 * S);
	assert_int_equal(acme_retry_after_us("Sun, 06 Nov 1994 08:49:37 GMT", 784111777), 0);
	assert_int_equal(acme_retry_after_us("-1", 0), -1);
	assert_int_equal(acme_retry_after_us("soon", 0), -1);
	assert_int_equal(acme_retry_after_us("", 0), -1);
}

static void test_halt_only_rises(void **state)
{
	(void) state;
	struct bench_halt h;
	bench_halt_init(&h);
	int64_t now = clock_monotonic_us();
	assert_true(bench_halt_sleep(&h, now + 5000, BENCH_DRAIN));
	assert_true(clock_monotonic_us() >= now + 5000);
	bench_halt_raise(&h, BENCH_DRAIN);
	assert_false(bench_halt_sleep(&h, clock_monotonic_us() + 600 * S, BENCH_DRAIN));
	assert_true(bench_halt_sleep(&h, clock_monotonic_us(), BENCH_BREAK));
	bench_halt_raise(&h, BENCH_BREAK);
	bench_halt_raise(&h, BENCH_DRAIN);
	assert_int_equal(bench_halt_level(&h), BENCH_BREAK);
	assert_false(bench_halt_sleep(&h, clock_monotonic_us() + 600 * S, BENCH_BREAK));
	bench_halt_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_loop_starts_at_once),
		cmocka_unit_test(test_closed_loop_counts_what_is_measured),
		cmocka_unit_test(test_open_loop_keeps_its_moments),
		cmocka_unit_test(test_open_loop_hands_out_the_future),
		cmocka_unit_test(test_open_loop_tells_what_it_missed),
		cmocka_unit_test(test_open_loop_ends_by_count),
		cmocka_unit_test(test_polls_grow_and_obey),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_halt_only_rises),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

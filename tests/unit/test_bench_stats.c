/* link: cli */
/* The histogram, its percentiles, and the errors of `cairn bench`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_stats.h"

static void test_small_values_are_exact(void **state)
{
	(void) state;
	struct histogram h = { 0 };
	for (int64_t us = 1; us <= 100; us++) {
		histogram_add(&h, us);
	}
	assert_int_equal(histogram_percentile(&h, 50), 50);
	assert_int_equal(histogram_percentile(&h, 95), 95);
	assert_int_equal(histogram_percentile(&h, 99), 99);
	assert_int_equal(histogram_percentile(&h, 99.5), 100);
	assert_int_equal(histogram_percentile(&h, 100), 100);
	assert_int_equal(histogram_percentile(&h, 0), 1);
	assert_int_equal(h.sum_us, 5050);
}

static void test_empty_is_zero(void **state)
{
	(void) state;
	struct histogram h = { 0 };
	assert_int_equal(histogram_percentile(&h, 50), 0);
	assert_int_equal(h.max_us, 0);
}

/* Every value comes back no smaller than it was and at most 1.6 % larger. */
static void test_error_is_bounded(void **state)
{
	(void) state;
	for (int64_t us = 1; us < INT64_C(100000000000); us += us / 7 + 1) {
		struct histogram h = { 0 };
		histogram_add(&h, us);
		histogram_add(&h, INT64_C(136000000000));
		int64_t got = histogram_percentile(&h, 50);
		assert_true(got >= us);
		assert_true((double) got <= (double) us * 1.016);
	}
}

static void test_extremes(void **state)
{
	(void) state;
	struct histogram h = { 0 };
	histogram_add(&h, -5);
	assert_int_equal(histogram_percentile(&h, 100), 0);
	histogram_add(&h, INT64_MAX);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.max_us, (INT64_C(1) << 37) - 1);
	assert_int_equal(histogram_percentile(&h, 100), h.max_us);
}

static void test_percentile_is_never_above_the_largest(void **state)
{
	(void) state;
	struct histogram h = { 0 };
	histogram_add(&h, 1000001);
	assert_int_equal(histogram_percentile(&h, 99), 1000001);
}

static void test_merge_is_the_same_as_one(void **state)
{
	(void) state;
	struct histogram parts[3] = { 0 };
	struct histogram one = { 0 };
	struct histogram merged = { 0 };
	uint32_t random = 12345;
	for (int i = 0; i < 10000; i++) {
		random = random * 1664525U + 1013904223U;
		int64_t us = random >> (i % 20);
		histogram_add(&parts[i % 3], us);
		histogram_add(&one, us);
	}
	for (size_t i = 0; i < 3; i++) {
		histogram_merge(&merged, &parts[i]);
	}
	assert_memory_equal(&merged, &one, sizeof(one));
}

static void test_errors_are_counted_by_step_and_type(void **state)
{
	(void) state;
	struct bench_stats *s = calloc(2, sizeof(*s));
	assert_non_null(s);
	bench_stats_error(&s[0], BENCH_FINALIZE, "badCSR", "first");
	bench_stats_error(&s[0], BENCH_FINALIZE, "badCSR", "second");
	bench_stats_error(&s[0], BENCH_NEW_ORDER, "badCSR", NULL);
	bench_stats_error(&s[1], BENCH_FINALIZE, "badCSR", "third");
	bench_stats_error(&s[1], BENCH_FINALIZE, "timeout", "");
	s[1].certificates = 3;
	bench_stats_merge(&s[0], &s[1]);
	assert_int_equal(s[0].errors, 5);
	assert_int_equal(s[0].certificates, 3);
	assert_int_equal(s[0].n_errors, 3);
	assert_int_equal(s[0].error[0].n, 3);
	assert_int_equal(s[0].error[0].step, BENCH_FINALIZE);
	assert_string_equal(s[0].error[0].detail, "first");
	assert_string_equal(s[0].error[2].type, "timeout");
	free(s);
}

static void test_too_many_kinds_become_other(void **state)
{
	(void) state;
	struct bench_stats *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	for (int i = 0; i < BENCH_ERRORS_MAX + 10; i++) {
		char type[32];
		snprintf(type, sizeof(type), "type%d", i);
		bench_stats_error(s, BENCH_DOWNLOAD, type, "");
	}
	bench_stats_error(s, BENCH_DOWNLOAD, "type0", "");
	assert_int_equal(s->n_errors, BENCH_ERRORS_MAX);
	assert_int_equal(s->error[0].n, 2);
	assert_string_equal(s->error[BENCH_ERRORS_MAX - 1].type, "other");
	assert_int_equal(s->error[BENCH_ERRORS_MAX - 1].n, 11);
	assert_int_equal(s->errors, BENCH_ERRORS_MAX + 11);
	free(s);
}

static void test_long_texts_are_cut(void **state)
{
	(void) state;
	struct bench_stats *s = calloc(1, sizeof(*s));
	char text[1000];
	assert_non_null(s);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	bench_stats_error(s, BENCH_TOTAL, text, text);
	bench_stats_error(s, BENCH_TOTAL, text, text);
	assert_int_equal(s->n_errors, 1);
	assert_int_equal(strlen(s->error[0].type), sizeof(s->error[0].type) - 1);
	assert_int_equal(strlen(s->error[0].detail), sizeof(s->error[0].detail) - 1);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_empty_is_zero),
		cmocka_unit_test(test_error_is_bounded),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_percentile_is_never_above_the_largest),
		cmocka_unit_test(test_merge_is_the_same_as_one),
		cmocka_unit_test(test_errors_are_counted_by_step_and_type),
		cmocka_unit_test(test_too_many_kinds_become_other),
		cmocka_unit_test(test_long_texts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

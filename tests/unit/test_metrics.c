#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/metrics.h"

static void assert_has(const char *text, const char *line)
{
	if (strstr(text, line) == NULL) {
		fail_msg("%s is not in:\n%s", line, text);
	}
}

static void renders_each_kind(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	metric_add(METRIC_orders_created, NULL, 3);
	metric_add(METRIC_acme_problems, "bad\"Nonce\\", 2);
	metric_add(METRIC_acme_problems, "bad\"Nonce\\", 1);
	metric_set(METRIC_http_queue_length, NULL, 7);
	metric_set(METRIC_http_queue_length, NULL, 5);
	metric_observe_us(METRIC_db_seconds, "find", 500);
	metric_observe_us(METRIC_db_seconds, "find", 501);
	metric_observe_us(METRIC_db_seconds, "find", 61000000);
	const char *text = (const char *) metrics_render(a).p;
	assert_has(text, "# TYPE cairn_orders_created_total counter\ncairn_orders_created_total 3\n");
	assert_has(text, "cairn_acme_problems_total{type=\"bad\\\"Nonce\\\\\"} 3\n");
	assert_has(text, "# TYPE cairn_http_queue_length gauge\ncairn_http_queue_length 5\n");
	assert_has(text, "cairn_ready 0\n");
	assert_has(text, "cairn_db_seconds_bucket{statement=\"find\",le=\"0.0005\"} 1\n");
	assert_has(text, "cairn_db_seconds_bucket{statement=\"find\",le=\"0.001\"} 2\n");
	assert_has(text, "cairn_db_seconds_bucket{statement=\"find\",le=\"60\"} 2\n");
	assert_has(text, "cairn_db_seconds_bucket{statement=\"find\",le=\"+Inf\"} 3\n");
	assert_has(text, "cairn_db_seconds_sum{statement=\"find\"} 61.001001\n");
	assert_has(text, "cairn_db_seconds_count{statement=\"find\"} 3\n");
	arena_free(a);
}

static void label_values_are_bounded(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	for (int i = 0; i < 200; i++) {
		metric_add(METRIC_signatures, arena_printf(a, "kind%d", i), 1);
	}
	metric_add(METRIC_signatures, "kind0", 1);
	const char *text = (const char *) metrics_render(a).p;
	assert_has(text, "cairn_signatures_total{kind=\"kind0\"} 2\n");
	assert_has(text, "cairn_signatures_total{kind=\"kind63\"} 1\n");
	assert_null(strstr(text, "kind64"));
	assert_has(text, "cairn_signatures_total{kind=\"other\"} 136\n");
	arena_free(a);
}

static void *count_up(void *arg)
{
	(void) arg;
	for (int i = 0; i < 20000; i++) {
		metric_add(METRIC_validations, i % 2 == 0 ? "valid" : "invalid", 1);
	}
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	(void) state;
	pthread_t threads[3];
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		pthread_join(threads[i], NULL);
	}
	struct arena *a = arena_new();
	const char *text = (const char *) metrics_render(a).p;
	assert_has(text, "cairn_validations_total{outcome=\"valid\"} 30000\n");
	assert_has(text, "cairn_validations_total{outcome=\"invalid\"} 30000\n");
	arena_free(a);
}

static double value_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	assert_non_null(at);
	return strtod(at + strlen(name), NULL);
}

static void the_process_is_measured(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	FILE *extra = fopen("/dev/null", "r");
	assert_non_null(extra);
	const char *text = (const char *) metrics_render(a).p;
	fclose(extra);
	const char *later = (const char *) metrics_render(a).p;
	double now = (double) time(NULL);
	assert_true(value_of(text, "\nprocess_cpu_seconds_total ") > 0);
	assert_true(value_of(text, "\nprocess_resident_memory_bytes ") > 100000);
	assert_int_equal(value_of(text, "\nprocess_open_fds ") - value_of(later, "\nprocess_open_fds "), 1);
	assert_true(value_of(text, "\nprocess_max_fds ") > 3);
	double started = value_of(text, "\nprocess_start_time_seconds ");
	assert_true(started <= now + 1 && started > now - 60);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_each_kind),
		cmocka_unit_test(label_values_are_bounded),
		cmocka_unit_test(threads_lose_nothing),
		cmocka_unit_test(the_process_is_measured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

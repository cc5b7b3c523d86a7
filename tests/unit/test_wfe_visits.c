/* link: wfe */
/* Requests that nobody signs are bounded by where they come from. B-18. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/metrics.h"
#include "tests/unit/wfe_fake.h"

/* How many of n visits are let in. */
static int let_in(struct visits *visits, const char *address, int n)
{
	int in = 0;
	for (int i = 0; i < n; i++) {
		struct ctx c;
		ctx_init(&c);
		in += visits_admit(&c, visits, address) == 0 ? 1 : 0;
		ctx_done(&c);
	}
	return in;
}

static void by_address(void **state)
{
	(void) state;
	const struct config_wfe config = { .visits_per_minute = 1, .visits_at_once = 5 };
	struct visits *visits = visits_new(t.c.arena, &config);
	assert_int_equal(let_in(visits, "192.0.2.1", 9), 5);
	assert_int_equal(let_in(visits, "192.0.2.2", 9), 5);
	assert_int_equal(let_in(visits, "2001:db8::1", 4), 4);
	assert_int_equal(let_in(visits, "2001:db8::ffff:1", 4), 1); /* the same 64 bits */
	assert_int_equal(let_in(visits, "2001:db8:0:1::1", 9), 5);
	assert_int_equal(let_in(visits, "not an address", 9), 9);
	assert_int_equal(let_in(visits, NULL, 9), 9);
	assert_int_equal(let_in(NULL, "192.0.2.1", 9), 9);
	const struct config_wfe off = { .visits_per_minute = 0, .visits_at_once = 5 };
	assert_int_equal(let_in(visits_new(t.c.arena, &off), "192.0.2.1", 9), 9);
}

/* Who comes again after the time that was told is let in, once. */
static void told_when(void **state)
{
	(void) state;
	const struct config_wfe config = { .visits_per_minute = 6000, .visits_at_once = 2 };
	struct visits *visits = visits_new(t.c.arena, &config);
	int in = 0;
	int64_t begun_us = clock_monotonic_us();
	while (clock_monotonic_us() < begun_us + 100000) {
		in += let_in(visits, "192.0.2.1", 1);
	}
	int64_t lasted_us = clock_monotonic_us() - begun_us;
	assert_in_range(in, 3, 2 + lasted_us / 10000);
}

/* Many others don't make one be forgotten who keeps coming, nor is any of them refused. */
static void many(void **state)
{
	(void) state;
	const struct config_wfe config = { .visits_per_minute = 1, .visits_at_once = 3 };
	struct visits *visits = visits_new(t.c.arena, &config);
	assert_int_equal(let_in(visits, "192.0.2.1", 9), 3);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(let_in(visits, arena_printf(t.c.arena, "2001:db8:%x:%x::1", i / 100, i % 100), 1), 1);
	}
	assert_int_equal(let_in(visits, "192.0.2.1", 9), 0);
}

/* Only what nobody signed counts, on all resources together; pages too, whose form nobody signs. */
static void front(void **state)
{
	(void) state;
	static const struct {
		const char *method;
		const char *target;
	} rows[] = { { "GET", "/directory" }, { "HEAD", "/acme/new-nonce" }, { "GET", "/acme/renewal-info/AA.AQ" },
		{ "GET", "/unpause?ticket=a" }, { "POST", "/unpause" }, { "OPTIONS", "/acme/new-order" },
		{ "GET", "/acme/nothing" } };
	t.config.acme.rate_limits_url = "https://ca.example/limits";
	t.config.wfe.visits_per_minute = 1;
	t.config.wfe.visits_at_once = COUNT_OF(rows);
	t.front.visits = visits_new(t.c.arena, &t.config.wfe);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_not_equal(request(rows[i].method, rows[i].target, ""), 429);
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		(void) request(rows[i].method, rows[i].target, "");
		assert_problem(429, "rateLimited");
		assert_null(t.called);
		assert_in_range(strtol(answer_header("Retry-After", ""), NULL, 10), 1, 60);
		assert_non_null(answer_header("Link", "<https://ca.example/limits>;rel=\"help\""));
		assert_string_equal(last_end().rule, "VisitsPerIPAddress");
	}
	assert_non_null(strstr(t.body, "192.0.2.7"));
	assert_int_equal(
	    post_as(&t.alice, "/acme/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}"), 201);
	const char *metrics = (const char *) metrics_render(t.c.arena).p;
	assert_non_null(strstr(metrics, "cairn_limits_refused_total{limit=\"VisitsPerIPAddress\"}"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(by_address),
		CASE(told_when),
		CASE(many),
		CASE(front),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

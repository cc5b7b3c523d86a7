/* link: wfe */
/* The switches for tests of clients: what they refuse, and what they leave alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

#define NEW_ORDER "/acme/new-order"
#define NAMES "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}"
#define DRAWS 400

static void begin(void)
{
	t.config.test.retry_after_s = 7;
	t.front.trial = trial_new(t.c.arena, &t.config);
}

static void nothing_is_said_without_them(void **state)
{
	(void) state;
	begin();
	for (size_t i = 0; i < DRAWS; i++) {
		assert_int_equal(post_as(&t.alice, NEW_ORDER, NAMES), 201);
	}
	assert_null(answer_header("Cairn-Test", ""));
	assert_null(trial_header(t.front.trial));
}

static void each_answer_tells(void **state)
{
	(void) state;
	t.config.acme.nonce_reject_percent = 15;
	t.config.test.hold_authorizations_s = 3;
	begin();
	assert_int_equal(request("GET", "/directory", NULL), 200);
	assert_string_equal(answer_header("Cairn-Test", ""), "acme.nonce_reject_percent=15, test.hold_authorizations_s=3");
}

/* 503 comes before anything is done: the same request is good afterwards. */
static void busy(void **state)
{
	(void) state;
	t.config.test.busy_percent = 50;
	begin();
	size_t refused = 0;
	for (size_t i = 0; i < DRAWS; i++) {
		const char *jws = jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES);
		while (post(NEW_ORDER, jws) == 503) {
			refused++;
			assert_problem(503, "serverInternal");
			assert_string_equal(answer_header("Retry-After", ""), "7");
			assert_non_null(answer_header("Replay-Nonce", ""));
			assert_null(t.called);
		}
		assert_int_equal(t.status, 201);
	}
	assert_in_range(refused, DRAWS / 2, DRAWS * 2);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(request("GET", "/directory", NULL), 200);
		assert_int_equal(request("HEAD", "/acme/new-nonce", NULL), 200);
	}
}

/* 429 is of requests that are good, and nothing is done. */
static void rate_limited(void **state)
{
	(void) state;
	t.config.test.rate_limited_percent = 50;
	begin();
	size_t refused = 0;
	for (size_t i = 0; i < DRAWS; i++) {
		if (post_as(&t.alice, NEW_ORDER, NAMES) == 429) {
			refused++;
			assert_problem(429, "rateLimited");
			assert_string_equal(answer_header("Retry-After", ""), "7");
			assert_null(t.called);
		}
		(void) post(NEW_ORDER, jws_of(&t.bob, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES));
		assert_problem(400, "malformed"); /* a wrong signature is told first */
	}
	assert_in_range(refused, DRAWS / 4, DRAWS * 3 / 4);
}

/* Which of DRAWS nonces are refused. */
static void draw(int64_t seed, bool refused[DRAWS])
{
	t.config.test.seed = seed;
	begin();
	for (size_t i = 0; i < DRAWS; i++) {
		refused[i] = trial_nonce(&t.c, t.front.trial) != 0;
		assert_int_equal(t.c.err.type, refused[i] ? PROBLEM_BAD_NONCE : PROBLEM_NONE);
		ctx_forgive(&t.c);
	}
}

static void a_seed_decides(void **state)
{
	(void) state;
	bool one[DRAWS], again[DRAWS], other[DRAWS], chance[DRAWS], chance_again[DRAWS];
	t.config.acme.nonce_reject_percent = 30;
	draw(1, one);
	draw(1, again);
	draw(2, other);
	draw(0, chance);
	draw(0, chance_again);
	assert_memory_equal(one, again, sizeof(one));
	assert_memory_not_equal(one, other, sizeof(one));
	assert_memory_not_equal(chance, chance_again, sizeof(one));
	/* One kind does not disturb the other. */
	t.config.test.busy_percent = 50;
	t.config.test.seed = 1;
	begin();
	for (size_t i = 0; i < DRAWS; i++) {
		assert_in_range(trial_busy(&t.c, t.front.trial) + 1, 0, 1);
		ctx_forgive(&t.c);
		assert_int_equal(trial_nonce(&t.c, t.front.trial) != 0, one[i]);
		ctx_forgive(&t.c);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_is_said_without_them),
		CASE(each_answer_tells),
		CASE(busy),
		CASE(rate_limited),
		CASE(a_seed_decides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

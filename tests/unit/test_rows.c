/* Rows of the views as objects, and the ids of challenges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/rpc/rows.h"

static struct arena *arena;

static int setup(void **state)
{
	(void) state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	arena_free(arena);
	return 0;
}

static void test_challenge_ids(void **state)
{
	(void) state;
	struct id authz = challenge_id(id_new(), 0);
	int64_t n = -1;
	assert_int_equal(authz.b[15], 0);
	assert_true(id_equal(challenge_id_split(challenge_id(authz, 2), &n), authz));
	assert_int_equal(n, 2);
	assert_true(id_equal(challenge_id_split(authz, &n), authz));
	assert_int_equal(n, 0);
	assert_false(id_equal(challenge_id(authz, 1), challenge_id(authz, 2)));
}

static const char *types[] = { "http-01", "dns-01" };
static const char *tokens[] = { "one", "two" };

static struct authorization_row row_of(int64_t tried, const char *tried_status, bool decided)
{
	return (struct authorization_row) {
		.id = challenge_id(id_new(), 0),
		.status = "pending",
		.challenge_types = { types, 2 },
		.tokens = { tokens, 2 },
		.tried = tried,
		.tried_status = tried_status,
		.validated_at = { 1500000 },
		.error = { .type = "DNS" },
		.decided = decided,
	};
}

static void test_pending_offers_all(void **state)
{
	(void) state;
	struct authorization_row row = row_of(0, "pending", false);
	struct authorization a = authorization_of_row(arena, &row);
	assert_int_equal(a.challenges.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(id_equal(a.challenges.v[i].id, challenge_id(row.id, (int64_t) i + 1)));
		assert_string_equal(a.challenges.v[i].type, types[i]);
		assert_string_equal(a.challenges.v[i].token, tokens[i]);
		assert_string_equal(a.challenges.v[i].status, "pending");
		assert_null(a.challenges.v[i].error.type);
		assert_int_equal(a.challenges.v[i].validated_at.us, 0);
	}
}

/* B-28 */
static void test_one_without_token(void **state)
{
	static const char *with_none[] = { "one", NO_TOKEN };
	(void) state;
	struct authorization_row row = row_of(0, "pending", false);
	row.tokens.v = with_none;
	struct authorization a = authorization_of_row(arena, &row);
	assert_string_equal(a.challenges.v[0].token, "one");
	assert_null(a.challenges.v[1].token);
	assert_null(challenge_token(NULL));
}

static void test_tried_one_has_its_state(void **state)
{
	(void) state;
	struct authorization_row row = row_of(2, "processing", false);
	struct authorization a = authorization_of_row(arena, &row);
	assert_int_equal(a.challenges.n, 2);
	assert_string_equal(a.challenges.v[0].status, "pending");
	assert_string_equal(a.challenges.v[1].status, "processing");
	assert_string_equal(a.challenges.v[1].error.type, "DNS"); /* why it is tried again */
}

static void test_decided_shows_what_decided(void **state)
{
	(void) state;
	static const char *const states[] = { "valid", "invalid" };
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		struct authorization_row row = row_of(2, states[i], true);
		struct authorization a = authorization_of_row(arena, &row);
		assert_int_equal(a.challenges.n, 1);
		assert_string_equal(a.challenges.v[0].type, "dns-01");
		assert_string_equal(a.challenges.v[0].status, states[i]);
		assert_int_equal(a.challenges.v[0].validated_at.us, 1000000); /* whole seconds */
	}
	struct authorization_row row = row_of(1, "pending", true); /* given up before anything was found */
	assert_int_equal(authorization_of_row(arena, &row).challenges.n, 0);
}

static void test_order(void **state)
{
	(void) state;
	struct order_row row = {
		.id = id_new(), .status = "ready", .identifier_types = { types, 2 }, .identifier_values = { tokens, 2 }
	};
	struct order order = order_of_row(arena, &row);
	assert_int_equal(order.identifiers.n, 2);
	assert_string_equal(order.identifiers.v[1].type, "dns-01");
	assert_string_equal(order.identifiers.v[1].value, "two");
	assert_string_equal(order.status, "ready");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenge_ids),
		cmocka_unit_test(test_pending_offers_all),
		cmocka_unit_test(test_one_without_token),
		cmocka_unit_test(test_tried_one_has_its_state),
		cmocka_unit_test(test_decided_shows_what_decided),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

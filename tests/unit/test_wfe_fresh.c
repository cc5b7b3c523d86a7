/* link: wfe */
/* Authorizations of a moment ago: read once without the database, and never after a request that may change them
 * (A-88 to A-94, A-98). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/rpc/rows.h"
#include "tests/unit/wfe_fake.h"
#include "wfe/fresh.h"

#define NAMES "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}"

static struct challenge challenges[2];
static struct authorization fresh;

/* newOrder answers with this one, and the database has it too, deactivated since. */
static void order(void)
{
	struct id id = challenge_id(id_new(), 0);
	challenges[0] =
	    (struct challenge) { .id = challenge_id(id, 1), .type = "http-01", .status = "pending", .token = "tok" };
	challenges[1] =
	    (struct challenge) { .id = challenge_id(id, 2), .type = "dns-01", .status = "pending", .token = "tik" };
	fresh = (struct authorization) { .id = id,
		.account_id = t.alice.id,
		.identifier = { "dns", "a.test" },
		.status = "pending",
		.expires_at = timestamp_add_s(clock_now(), 3600),
		.challenges = { challenges, 2 } };
	t.authz = fresh;
	t.order.fresh = (struct authorization_list) { &fresh, 1 };
	assert_int_equal(post_as(&t.alice, "/acme/new-order", NAMES), 201);
	assert_null(strstr(t.body, "tok")); /* the answer to the client stays as it was */
	t.authz.status = "deactivated";
}

static const char *authz_path(void)
{
	return object_path("authz", fresh.id);
}

static void assert_status(const struct signer *s, const char *status)
{
	assert_int_equal(post_as(s, authz_path(), ""), 200);
	assert_non_null(strstr(t.body, arena_printf(t.c.arena, "\"status\":\"%s\",\"expires\"", status)));
}

static void it_is_served_once(void **state)
{
	(void) state;
	order();
	t.database_down = true;
	assert_int_equal(post_as(&t.alice, authz_path(), ""), 200);
	assert_string_equal(t.type, "application/json");
	const char *without = t.body;
	assert_null(answer_header("Retry-After", ""));
	t.database_down = false;
	assert_status(&t.alice, "deactivated"); /* the second time is the database's */
	t.authz.status = "pending";
	assert_int_equal(post_as(&t.alice, authz_path(), ""), 200);
	assert_string_equal(t.body, without); /* octet for octet what the database would have given */
}

static void another_account_gets_nothing(void **state)
{
	(void) state;
	t.bob.status = "valid";
	order();
	(void) post_as(&t.bob, authz_path(), "");
	assert_problem(403, "unauthorized"); /* */
	assert_null(strstr(t.body, "tok"));
}

static void a_request_that_may_change_it_comes_first(void **state)
{
	(void) state;
	for (size_t i = 0; i < 2; i++) {
		order();
		(void) post_as(&t.alice, object_path("challenge", challenges[i].id), "{}"); /* */
		assert_status(&t.alice, "deactivated");
	}
	/* Also when it is unknown what became of it. */
	order();
	t.ra_problem = PROBLEM_WRITE_UNCERTAIN;
	(void) post_as(&t.alice, object_path("challenge", challenges[0].id), "{}");
	assert_status(&t.alice, "deactivated");
	t.ra_problem = PROBLEM_NONE;
	order();
	(void) post_as(&t.alice, authz_path(), "{\"status\":\"deactivated\"}"); /* */
	assert_status(&t.alice, "deactivated");
	/* A look at a challenge changes nothing. */
	order();
	(void) post_as(&t.alice, object_path("challenge", challenges[0].id), "");
	assert_status(&t.alice, "pending");
}

static bool take(struct id id)
{
	struct fresh got;
	return fresh_take(&t.c, id, &got);
}

static void it_does_not_stay(void **state)
{
	(void) state;
	const struct fresh one = { t.alice.id, bytes_of_text("{}") };
	struct timestamp later = timestamp_add_s(clock_now(), 60);
	struct id id = challenge_id(id_new(), 0);
	fresh_keep(id, &one, later);
	nanosleep(&(struct timespec) { .tv_sec = 2, .tv_nsec = 100000000 }, NULL);
	assert_false(take(id));
	fresh_keep(id, &one, timestamp_add_s(clock_now(), -1)); /* it expired */
	assert_false(take(id));
	/* A newer one takes the place. */
	struct id other = id;
	other.b[0] ^= 1;
	fresh_keep(id, &one, later);
	fresh_keep(other, &one, later);
	fresh_drop(id);
	assert_false(take(id));
	assert_true(take(other));
	assert_false(take(other));
	/* Too large. */
	char *large = (char *) arena_alloc(t.c.arena, FRESH_OCTETS_MAX + 2);
	memset(large, 'x', FRESH_OCTETS_MAX + 1);
	fresh_keep(id, &(struct fresh) { t.alice.id, bytes_of_text(large) }, later);
	assert_false(take(id));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_is_served_once),
		CASE(another_account_gets_nothing),
		CASE(a_request_that_may_change_it_comes_first),
		CASE(it_does_not_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

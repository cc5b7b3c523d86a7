/* link: wfe */
/* renewalInfo as clients see it: RFC 9773 (B-13 to B-18). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

#define PATH "/acme/renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ."
#define OPENS INT64_C(1795248550)

static void set_window(void)
{
	t.config.acme.renewal_info_retry_s = 21600;
	t.renewal[0].us = OPENS * 1000000 + 7;
	t.renewal[1].us = (OPENS + 60) * 1000000 + 9;
}

static void a_window_for_anybody(void **state)
{
	(void) state;
	set_window();
	assert_int_equal(request("GET", PATH "AIdlQyE", NULL), 200);
	assert_string_equal(t.type, "application/json");
	assert_string_equal(t.body,
	    "{\"suggestedWindow\":{\"start\":\"2026-11-21T08:09:10Z\",\"end\":\"2026-11-21T08:10:10Z\"},"
	    "\"explanationURL\":\"https://ca.test/why\"}");                     /* B-14, B-16 */
	assert_non_null(answer_header("Cache-Control", "public, max-age=300")); /* B-18 */
	assert_null(answer_header("Replay-Nonce", ""));                         /* which is for one client only */
	assert_string_equal(answer_header("Retry-After", ""), "21041");         /* B-15 */
	assert_int_equal(request("GET", PATH "AP8", NULL), 200);
	assert_string_equal(answer_header("Retry-After", ""), "17280"); /* a fifth less, for the last of them */
	assert_int_equal(request("GET", PATH "AQA", NULL), 200);
	assert_string_equal(answer_header("Retry-After", ""), "21600");
	assert_null(t.called);
}

static void what_is_not_there(void **state)
{
	(void) state;
	(void) request("GET", PATH "AIdlQyE", NULL);
	assert_problem(404, "malformed"); /* B-18 */
	assert_non_null(answer_header("Cache-Control", "no-cache"));
	set_window();
	static const char *const broken[] = { PATH "AIdlQyE=", PATH "h2VDIQ", PATH, "/acme/renewal-info/",
		"/acme/renewal-info//AA.AQ", PATH "AIdlQyE/", "/acme/renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ" };
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		(void) request("GET", broken[i], NULL);
		assert_problem(400, "malformed"); /* B-13 */
	}
	(void) request("GET", "/acme/renewal-info", NULL);
	assert_problem(404, "malformed");
	(void) post_as(&t.alice, PATH "AIdlQyE", "");
	assert_problem(405, "malformed"); /* */
	assert_string_equal(answer_header("Allow", ""), "GET, HEAD, OPTIONS");
	t.database_down = true;
	(void) request("GET", PATH "AIdlQyE", NULL);
	assert_problem(503, "serverInternal");
}

/* B-17: what was accepted is shown for ever. */
static void an_order_names_what_it_replaces(void **state)
{
	(void) state;
	t.order.replaces = "AA.AQ";
	assert_int_equal(post_as(&t.alice, "/acme/new-order",
	                     "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}],\"replaces\":\"AA.AQ\"}"),
	    201);
	assert_string_equal(t.new_order.replaces, "AA.AQ");
	assert_non_null(strstr(t.body, "\"replaces\":\"AA.AQ\""));
	assert_int_equal(post_as(&t.alice, object_path("order", t.order.id), ""), 200);
	assert_non_null(strstr(t.body, "\"replaces\":\"AA.AQ\""));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_window_for_anybody),
		CASE(what_is_not_there),
		CASE(an_order_names_what_it_replaces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

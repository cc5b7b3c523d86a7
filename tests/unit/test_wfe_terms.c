/* link: wfe */
/* Terms that changed after an account was made: RFC 8555 7.3.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

#define TOKEN "0123456789012345678901234567890123456789012"
#define NAMES "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}"

static void orders_wait_for_a_person(void **state)
{
	(void) state;
	t.terms_token = TOKEN;
	assert_int_equal(post_as(&t.alice, "/acme/new-order", NAMES), 201);
	t.terms_changed = true;
	accounts_forget(t.alice.id);
	(void) post_as(&t.alice, "/acme/new-order", NAMES);
	assert_problem(403, "userActionRequired");
	assert_string_equal(t.called, "ask_terms");
	assert_non_null(answer_header("Link", "<" TERMS ">;rel=\"terms-of-service\""));
	assert_non_null(strstr(t.body, "\"instance\":\"" BASE "/terms/" TOKEN "\""));
	/* All else goes on. */
	assert_int_equal(post_as(&t.alice, t.alice.kid + strlen(BASE), ""), 200);
	t.config.acme.pre_authorization = true;
	(void) post_as(&t.alice, "/acme/new-authz", "{\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"}}");
	assert_problem(403, "userActionRequired");
	t.terms_changed = false; /* agreed to by way of another front end: counts at once */
	assert_int_equal(post_as(&t.alice, "/acme/new-order", NAMES), 201);
}

static void the_page(void **state)
{
	(void) state;
	t.terms_token = TOKEN;
	t.terms_changed = true;
	assert_int_equal(request("GET", "/terms/" TOKEN, NULL), 200);
	assert_null(t.called); /* to look is not to agree */
	assert_string_equal(t.type, "text/html; charset=utf-8");
	assert_non_null(strstr(t.body, "<button>"));
	assert_non_null(strstr(t.body, "?a=1&#38;b=&#60;2&#62;"));
	assert_null(strstr(t.body, "<2>"));
	assert_non_null(answer_header("Content-Security-Policy", "default-src 'none'"));
	assert_int_equal(request("HEAD", "/terms/" TOKEN "?agree=yes", NULL), 200);
	assert_int_equal(request("GET", "/terms/" TOKEN "?agree=no", NULL), 200);
	assert_null(t.called);
	assert_int_equal(request("GET", "/terms/" TOKEN "?agree=yes", NULL), 200);
	assert_string_equal(t.called, "agree_terms");
	assert_null(strstr(t.body, "<button>"));
	assert_int_equal(post_as(&t.alice, "/acme/new-order", NAMES), 201);
	static const char *const none[] = { "/terms/", "/terms/x", "/terms/1123456789012345678901234567890123456789012",
		"/terms/" TOKEN "0", "/terms/" TOKEN "/" };
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		(void) request("GET", none[i], NULL);
		assert_problem(404, "malformed");
	}
	(void) request("DELETE", "/terms/" TOKEN, NULL);
	assert_problem(405, "malformed");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(orders_wait_for_a_person),
		CASE(the_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void assert_page(unsigned status, const char *part)
{
	assert_int_equal(t.status, status);
	assert_string_equal(t.type, "text/html; charset=utf-8");
	assert_non_null(strstr(t.body, part));
	assert_non_null(answer_header("Content-Security-Policy", "default-src 'none'; form-action 'self'"));
	assert_non_null(answer_header("Cache-Control", "no-store"));
	assert_null(answer_header("Replay-Nonce", ""));
	assert_null(strstr(t.body, TOKEN));
}

/* Who looks, as programs do that follow links, agrees to nothing; the button does. */
static void the_page(void **state)
{
	(void) state;
	t.terms_token = TOKEN;
	t.terms_changed = true;
	static const char *const looks[] = { "/terms/" TOKEN, "/terms/" TOKEN "?agree=yes", "/terms/" TOKEN "?agree=no" };
	for (size_t i = 0; i < COUNT_OF(looks); i++) {
		(void) request("GET", looks[i], NULL);
		assert_page(200, "<form method=\"post\">");
		assert_null(t.called);
		assert_int_equal(request("HEAD", looks[i], NULL), 200);
		assert_null(t.called);
	}
	assert_non_null(strstr(t.body, "?a=1&amp;b=&lt;2>"));
	assert_null(strstr(t.body, "<2>"));
	(void) request("POST", "/terms/" TOKEN, "");
	assert_string_equal(t.called, "agree_terms");
	assert_page(200, "have been agreed to");
	assert_null(strstr(t.body, "<button"));
	assert_int_equal(post_as(&t.alice, "/acme/new-order", NAMES), 201);
	t.ra_problem = PROBLEM_NOT_FOUND; /* they have changed since */
	(void) request("POST", "/terms/" TOKEN, "");
	assert_page(404, "as told");
	static const char *const none[] = { "/terms/", "/terms/x", "/terms/1123456789012345678901234567890123456789012",
		"/terms/" TOKEN "0", "/terms/" TOKEN "/" };
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		(void) request(i % 2 == 0 ? "GET" : "POST", none[i], "");
		assert_page(404, "There is no such page");
		assert_null(t.called);
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

/* link: wfe */
/* The page on which paused names are freed, and what a refusal by a limit says. A-45, G-16, G-62. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

static const char *names[] = { "a.test", "<b>\"&.test" };

static void assert_page(unsigned status, const char *part)
{
	assert_int_equal(t.status, status);
	assert_string_equal(t.type, "text/html; charset=utf-8");
	if (strstr(t.body, part) == NULL) {
		fail_msg("%s is not in %s", part, t.body);
	}
	assert_non_null(answer_header("Cache-Control", "no-store"));
	assert_non_null(answer_header("Content-Security-Policy", "default-src 'none'; form-action 'self'"));
	assert_non_null(answer_header("Referrer-Policy", "no-referrer"));
	assert_null(answer_header("Replay-Nonce", ""));
	assert_null(answer_header("Access-Control-Allow-Origin", ""));
	assert_null(answer_header("Set-Cookie", ""));
	assert_null(strstr(t.body, "<script"));
}

static void test_form(void **state)
{
	(void) state;
	t.paused = (struct text_list) { names, COUNT_OF(names) };
	(void) request("GET", "/unpause?ticket=AbC.123.x-_", "");
	assert_string_equal(t.called, "unpause");
	assert_false(t.unpause.act);
	assert_string_equal(t.unpause.ticket, "AbC.123.x-_");
	assert_page(200, "<form method=\"post\" action=\"/unpause\">");
	assert_page(200, "value=\"AbC.123.x-_\"");
	assert_page(200, "<li><code>&lt;b>&quot;&amp;.test</code></li>");
	assert_page(200, "Account <code>");
}

static void test_button(void **state)
{
	(void) state;
	t.paused = (struct text_list) { names, 1 };
	header_in("Content-Type", "application/x-www-form-urlencoded");
	(void) request("POST", "/unpause", "ticket=AbC.123.x-_");
	assert_true(t.unpause.act);
	assert_string_equal(t.unpause.ticket, "AbC.123.x-_");
	assert_page(200, "These names can be ordered again");
	assert_null(strstr(t.body, "<form"));
	t.paused.n = 0;
	(void) request("POST", "/unpause", "ticket=AbC.123.x-_");
	assert_page(200, "No name of this account is paused");
}

/* Nothing but the letters of a ticket is handed on or shown. */
static void test_bad_links(void **state)
{
	(void) state;
	static const char *const targets[] = { "/unpause", "/unpause?", "/unpause?ticket=", "/unpause?ticket=a%3Cb",
		"/unpause?ticket=<b>", "/unpause?x=1&ticket=abc", "/unpause?ticket=abc&x=1" };
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		(void) request("GET", targets[i], "");
		assert_null(t.called);
		assert_page(403, "The link is not whole");
	}
	char longer[400] = "/unpause?ticket=";
	memset(longer + strlen(longer), 'a', 300);
	(void) request("GET", longer, "");
	assert_null(t.called);
	assert_page(403, "The link is not whole");
	/* a POST acts by its body alone */
	(void) request("POST", "/unpause?ticket=abc", "");
	assert_null(t.called);
	assert_page(403, "The link is not whole");
	t.ra_problem = PROBLEM_UNAUTHORIZED;
	(void) request("GET", "/unpause?ticket=abc", "");
	assert_page(403, "as told");
}

/* when to come again, and where to read about it. */
static void test_refusal(void **state)
{
	(void) state;
	static const char payload[] = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}";
	t.ra_problem = PROBLEM_RATE_LIMITED;
	t.ra_retry_after_s = 77;
	(void) post_as(&t.alice, "/acme/new-order", payload);
	assert_problem(429, "rateLimited");
	assert_string_equal(answer_header("Retry-After", ""), "77");
	assert_null(answer_header("Link", "help"));
	t.config.acme.rate_limits_url = "https://ca.example/limits";
	(void) post_as(&t.alice, "/acme/new-order", payload);
	assert_non_null(answer_header("Link", "<https://ca.example/limits>;rel=\"help\""));
	t.ra_problem = PROBLEM_UNAUTHORIZED;
	(void) post_as(&t.alice, "/acme/new-order", payload);
	assert_null(answer_header("Link", "help"));
}

#define DIGEST "bf6d8c38" /* how the SHA-256 of "?ticket=AbC.123.x-_" begins */

/* The link is a secret of the account's: no record has it, neither as it is followed nor as it is told. */
static void test_records(void **state)
{
	(void) state;
	static const char *const methods[] = { "GET", "POST", "DELETE" };
	t.paused = (struct text_list) { names, 1 };
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		(void) request(methods[i], "/unpause?ticket=AbC.123.x-_", "ticket=AbC.123.x-_");
		struct record_begin begin = last_begin();
		assert_string_equal(begin.route, "unpause");
		assert_non_null(strstr(begin.url, "/unpause[sha256 " DIGEST));
		assert_null(strstr(begin.url, "AbC"));
		assert_false(begin.has_body);
		assert_int_equal(begin.body_octets, strlen("ticket=AbC.123.x-_"));
		assert_false(last_end().has_reply);
		assert_true(last_end().reply_octets > 0);
	}
	(void) request("GET", "/unpause", "");
	assert_string_equal(last_begin().url, "/unpause");
	t.ra_problem = PROBLEM_RATE_LIMITED;
	static const struct {
		const char *link;
		bool kept;
	} rows[] = { { NULL, true }, { BASE "/unpause?ticket=AbC", false }, { BASE "/terms/AbC", false }, { TERMS, true },
		{ BASE "/", true } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		t.ra_instance = rows[i].link;
		(void) post_as(&t.alice, "/acme/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}");
		assert_problem(429, "rateLimited");
		assert_int_equal(last_end().has_reply, rows[i].kept);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_form, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_button, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_bad_links, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_records, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_refusal, fake_setup, fake_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

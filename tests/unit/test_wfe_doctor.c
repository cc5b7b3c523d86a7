/* link: wfe */
/* The page on which anybody asks what an order would meet, and how often an address may. G-16, G-62. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"
#include "wfe/visits.h"

static void assert_page(unsigned status, const char *part)
{
	assert_int_equal(t.status, status);
	assert_string_equal(t.type, "text/html; charset=utf-8");
	if (strstr(t.body, part) == NULL) {
		fail_msg("%s is not in %s", part, t.body);
	}
	assert_non_null(answer_header("Content-Security-Policy", "default-src 'none'; form-action 'self'"));
	assert_null(answer_header("Set-Cookie", ""));
	assert_null(strstr(t.body, "<script"));
}

static void test_closed(void **state)
{
	(void) state;
	(void) request("GET", "/doctor", "");
	assert_int_equal(t.status, 404);
	(void) request("POST", "/doctor", "name=a.test");
	assert_int_equal(t.status, 404);
	assert_null(t.called);
}

static void test_form(void **state)
{
	(void) state;
	t.front.doctor_visits = visits_new_for_doctor(t.c.arena, 3600);
	(void) request("GET", "/doctor", "");
	assert_page(200, "<form method=\"post\" action=\"/doctor\">");
	assert_null(t.called);
}

static void test_answer(void **state)
{
	(void) state;
	static struct finding findings[] = { { "http-01", "problem", "<b>Connection & refused</b>" } };
	t.front.doctor_visits = visits_new_for_doctor(t.c.arena, 3600);
	t.diagnosis = (struct diagnosis) { .identifier = { "dns", "*.a.test" }, .findings = { findings, 1 } };
	(void) request("POST", "/doctor", "name=+%2A.a.test+");
	assert_string_equal(t.called, "diagnose");
	assert_string_equal(t.diagnose.name, "*.a.test");
	assert_false(t.diagnose.inside); /* whatever is sent */
	assert_page(200, "An order for <code>*.a.test</code> would fail");
	assert_page(200, "<td>problem</td><td>http-01</td><td>&lt;b>Connection &amp; refused&lt;/b></td>");
	t.diagnosis.ready = true;
	(void) request("POST", "/doctor", "name=2001:db8::1");
	assert_page(200, "would succeed");
	t.ra_problem = PROBLEM_UNAVAILABLE;
	(void) request("POST", "/doctor", "name=a.test");
	assert_page(503, "as told");
}

static void test_bad_forms(void **state)
{
	(void) state;
	static const char *const bodies[] = { "", "name=", "name=++", "x=1", "name=a.test&inside=true", "name=a%00b",
		"name=a%0ab", "name=\x80" };
	t.front.doctor_visits = visits_new_for_doctor(t.c.arena, 3600);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		(void) request("POST", "/doctor", bodies[i]);
		assert_null(t.called);
		assert_page(400, "name");
	}
	char longer[400] = "name=";
	memset(longer + strlen(longer), 'a', 300);
	(void) request("POST", "/doctor", longer);
	assert_null(t.called);
	assert_page(400, "no name");
}

static void test_too_often(void **state)
{
	(void) state;
	t.front.doctor_visits = visits_new_for_doctor(t.c.arena, 1);
	bool refused = false;
	for (int i = 0; i < 2; i++) {
		(void) request("POST", "/doctor", "name=a.test");
		refused = t.status == 429;
	}
	assert_true(refused);
	assert_page(429, "Too many looks at names from 192.0.2.7: the limit DoctorPerIPAddress is 1 an hour");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_closed, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_form, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_answer, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_bad_forms, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_too_often, fake_setup, fake_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

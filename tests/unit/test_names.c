/* Names that may be ordered, C-13, C-14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/names.h"

static const struct names_policy open_policy = { .wildcards = true, .max_names = 100 };

static int check(
    struct ctx *c, const struct names_policy *p, const char *type, const char *name, struct identifier_list *ret)
{
	struct identifier one = { type, name };
	return names_check(c, p, &(struct identifier_list) { &one, 1 }, ret);
}

static void test_forms(void **state)
{
	(void) state;
	static const struct {
		const char *name;
		bool fine;
	} rows[] = {
		{ "example.com", true }, { "a.b", true }, { "EXAMPLE.com", true }, { "xn--mnchen-3ya.example", true },
		{ "1.example", true }, { "intranet", true }, { "3com.example", true }, { "a-b.example", true },
		{ "*.example.com", true }, { "*.sub.test", true }, { "", false }, { ".", false }, { "example.com.", false },
		{ ".example.com", false }, { "a..b", false }, { "-a.com", false }, { "a-.com", false }, { "a_b.com", false },
		{ "a b.com", false }, { "m\xc3\xbcnchen.de", false }, { "1.2.3.4", false }, { "a.123", false },
		{ "xn--.com", false }, { "xn--a.example", false }, { "ab--cd.example", false }, { "*", false },
		{ "*.*.a.com", false }, { "a.*.com", false }, { "*a.com", false }, { "*.com", false }, { "*.co.uk", false },
		{ "a.com:80", false }, { "a/b.com", false }, { "[::1]", false },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com", false }, /* 64 */
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com", true },   /* 63 */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		struct identifier_list list = { NULL, 0 };
		ctx_init(&c);
		int result = check(&c, &open_policy, "dns", rows[i].name, &list);
		if ((result == 0) != rows[i].fine) {
			fail_msg("\"%s\": expected %s, got: %s", rows[i].name, rows[i].fine ? "yes" : "no", c.err.detail);
		}
		if (!rows[i].fine) {
			assert_int_equal(c.err.type, PROBLEM_REJECTED_IDENTIFIER);
			assert_int_equal(c.err.subproblems.n, 1);
			assert_string_equal(c.err.subproblems.v[0].identifier_value, rows[i].name);
		}
		ctx_done(&c);
	}
}

static void test_length(void **state)
{
	(void) state;
	char name[300] = { 0 };
	for (size_t i = 0; i < 254; i++) {
		name[i] = i % 2 == 0 ? 'a' : '.';
	}
	name[253] = '\0';
	assert_null(names_form_error(name));
	memcpy(name + 251, "aaa", 4);
	assert_non_null(names_form_error(name));
}

static void test_list(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct identifier in[] = { { "dns", "B.test" }, { "dns", "a.test" }, { "dns", "b.TEST" } };
	struct identifier_list list = { NULL, 0 };
	assert_int_equal(names_check(&c, &open_policy, &(struct identifier_list) { in, 3 }, &list), 0);
	assert_int_equal(list.n, 2); /* */
	assert_string_equal(list.v[0].value, "b.test");
	assert_string_equal(list.v[1].value, "a.test");
	const struct names_policy two = { .max_names = 2 };
	assert_int_equal(names_check(&c, &two, &(struct identifier_list) { in, 3 }, &list), 0); /* merged, then counted */
	ctx_done(&c);
}

static void test_refused_lists(void **state)
{
	(void) state;
	struct ctx c;
	struct identifier_list list = { NULL, 0 };
	ctx_init(&c);
	assert_int_equal(names_check(&c, &open_policy, &list, &list), -1);
	assert_int_equal(c.err.type, PROBLEM_MALFORMED);
	ctx_done(&c);

	ctx_init(&c);
	struct names_policy narrow = { .max_names = 1 };
	struct identifier two[] = { { "dns", "a.test" }, { "email", "b@test" } };
	assert_int_equal(names_check(&c, &narrow, &(struct identifier_list) { two, 2 }, &list), -1);
	assert_int_equal(c.err.type, PROBLEM_MALFORMED);
	ctx_done(&c);

	ctx_init(&c);
	assert_int_equal(check(&c, &open_policy, "email", "b@test", &list), -1);
	assert_int_equal(c.err.type, PROBLEM_UNSUPPORTED_IDENTIFIER);
	ctx_done(&c);

	ctx_init(&c);
	struct identifier bad[] = { { "dns", "a_b.test" }, { "dns", "fine.test" }, { "dns", "1.1.1.1" } };
	assert_int_equal(names_check(&c, &open_policy, &(struct identifier_list) { bad, 3 }, &list), -1);
	assert_int_equal(c.err.subproblems.n, 2); /* each with its identifier */
	assert_string_equal(c.err.subproblems.v[1].identifier_value, "1.1.1.1");
	ctx_done(&c);
}

static void test_operator_lists(void **state)
{
	(void) state;
	static const char *suffixes[] = { "corp.example", "test" };
	static const char *blocked[] = { "secret.corp.example" };
	struct names_policy p = { .permitted_suffixes = { suffixes, 2 }, .blocked_names = { blocked, 1 }, .max_names = 5 };
	static const struct {
		const char *name;
		bool fine;
	} rows[] = {
		{ "corp.example", true }, { "www.corp.example", true }, { "xcorp.example", false }, { "example", false },
		{ "a.test", true }, { "secret.corp.example", false }, { "x.secret.corp.example", false },
		{ "nosecret.corp.example", true }, { "*.corp.example", false }, /* no method offered */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		struct identifier_list list = { NULL, 0 };
		ctx_init(&c);
		assert_int_equal(check(&c, &p, "dns", rows[i].name, &list) == 0, rows[i].fine);
		ctx_done(&c);
	}
}

static void test_webpki(void **state)
{
	(void) state;
	struct names_policy p = { .webpki = true, .wildcards = true, .max_names = 5 };
	static const struct {
		const char *name;
		bool fine;
	} rows[] = {
		{ "example.com", true },
		{ "www.example.co.uk", true },
		{ "*.example.com", true },
		{ "co.uk", false },
		{ "com", false },
		{ "*.co.uk", false },
		{ "intranet", false },
		{ "a.b.invalidtld", false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		struct identifier_list list = { NULL, 0 };
		ctx_init(&c);
		if ((check(&c, &p, "dns", rows[i].name, &list) == 0) != rows[i].fine) {
			fail_msg("\"%s\" should be %s", rows[i].name, rows[i].fine ? "fine" : "refused");
		}
		ctx_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_refused_lists),
		cmocka_unit_test(test_operator_lists),
		cmocka_unit_test(test_webpki),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

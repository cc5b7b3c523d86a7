/* Patterns of names (issue of names to accounts): which are taken, and how they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/grants.h"

static void patterns_are_sorted(void **state)
{
	(void) state;
	struct ctx c;
	struct grants_names kept;
	const char *given[] = { "WWW.Corp.test", ".corp.test", "*.corp.test", "*..corp.test", ".", "10.2.3.4", "10.0.0.0/8",
		"2001:db8::/32", "::1" };
	static const char *const names[] = { "www.corp.test", ".corp.test", "*.corp.test", "*..corp.test", "." };
	static const char *const networks[] = { "10.2.3.4/32", "10.0.0.0/8", "2001:db8::/32", "::1/128" };
	const struct text_list list = { given, COUNT_OF(given) };
	ctx_init(&c);
	assert_int_equal(grants_names_parse(&c, &list, &kept), 0);
	assert_int_equal(kept.names.n, COUNT_OF(names));
	assert_int_equal(kept.networks.n, COUNT_OF(networks));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_string_equal(kept.names.v[i], names[i]);
	}
	for (size_t i = 0; i < COUNT_OF(networks); i++) {
		assert_string_equal(kept.networks.v[i], networks[i]);
	}
	ctx_done(&c);
}

static void others_are_refused(void **state)
{
	(void) state;
	static const char *const refused[] = { "", "*", "*.*.corp.test", "a..b", "www.*.test", "corp.test.",
		"under_score.test", "-a.test", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0",
		"2001:db8::1/32", "fe80::/129", "corp.test/8", "*...", "..corp.test", "b\xc3\xbc.test" };
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		struct ctx c;
		struct grants_names kept;
		const char *one = refused[i];
		const struct text_list list = { &one, 1 };
		ctx_init(&c);
		if (grants_names_parse(&c, &list, &kept) == 0) {
			fail_msg("\"%s\" was taken", one);
		}
		assert_int_equal(c.err.type, PROBLEM_MALFORMED);
		ctx_done(&c);
	}
}

static void there_is_a_limit(void **state)
{
	(void) state;
	struct ctx c;
	struct grants_names kept;
	const char *many[GRANTS_PATTERNS_MAX + 1];
	for (size_t i = 0; i < COUNT_OF(many); i++) {
		many[i] = "a.test";
	}
	ctx_init(&c);
	assert_int_equal(grants_names_parse(&c, &(struct text_list) { many, GRANTS_PATTERNS_MAX }, &kept), 0);
	assert_int_equal(grants_names_parse(&c, &(struct text_list) { many, GRANTS_PATTERNS_MAX + 1 }, &kept), -1);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_are_sorted),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(there_is_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Patterns of names, and the file of rules: what is taken, and how it is kept. B-25. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/grants_file.h"

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

#define ACCOUNT "AZr0AAAAcACAAAAAAAAAAA"

static int read_rules(struct ctx *c, const char *text, const struct config_policy *policy, struct grants *ret)
{
	ctx_forgive(c);
	return grants_read(c, "rules.yaml", bytes_of_text(text), policy, ret);
}

static void a_file_is_read(void **state)
{
	(void) state;
	static const char text[] =
	    "rules:\n"
	    "  - name: web\n    accounts: [" ACCOUNT "]\n    eab_keys: [" ACCOUNT "]\n"
	    "    names: [.Web.test, 10.0.0.0/8]\n    profiles: [classic]\n"
	    "  - name: rest\n    everybody: true\n    names: [\"*.x.test\"]\n    without_challenge: true\n";
	struct config_profile profile = { .name = "classic" };
	const struct config_policy policy = { .mode = "private", .profiles = { &profile, 1 } };
	struct ctx c;
	struct grants grants;
	ctx_init(&c);
	assert_int_equal(read_rules(&c, text, &policy, &grants), 0);
	assert_int_equal(grants.rules.n, 2);
	const struct grants_rule *web = &grants.rules.v[0];
	assert_string_equal(web->accounts.v[0], ACCOUNT);
	assert_int_equal(web->names.n, 1);
	assert_string_equal(web->names.v[0], ".web.test");
	assert_string_equal(web->networks.v[0], "10.0.0.0/8");
	assert_false(web->everybody || web->without_challenge);
	assert_true(grants.rules.v[1].everybody && grants.rules.v[1].without_challenge);
	assert_int_equal(read_rules(&c, "rules: []\n", &policy, &grants), 0);
	assert_int_equal(grants.rules.n, 0);
	assert_int_equal(read_rules(&c, "", NULL, &grants), 0);
	ctx_done(&c);
}

static void faults_of_files_are_named(void **state)
{
	(void) state;
	static const struct {
		const char *mode;
		const char *text;
		const char *part; /* of the sentence */
	} cases[] = {
		{ "private", "rules: [{name: a, names: [a.test]}]", "rule \"a\": say whom" },
		{ "private", "rules: [{name: a, everybody: true, accounts: [" ACCOUNT "], names: [a.test]}]", "say whom" },
		{ "private", "rules: [{name: a, accounts: [x], names: [a.test]}]", "\"x\" is not the 22" },
		{ "private", "rules: [{name: a, eab_keys: [y], names: [a.test]}]", "\"y\" is not the 22" },
		{ "private", "rules: [{name: a, everybody: true}]", "names: is missing" },
		{ "private", "rules: [{name: a, everybody: true, names: []}]", "names" },
		{ "private", "rules: [{name: a, everybody: true, names: [a..b]}]", "\"a..b\" is no pattern" },
		{ "private", "rules: [{everybody: true, names: [a.test]}]", "name: is missing" },
		{ "private", "rules: [{name: a, everybody: true, names: [a.test], speed: 1}]", "unknown key" },
		{ "private", "rules: [{name: a, everybody: true, names: [a.test], profiles: [other]}]",
		    "no profile \"other\"" },
		{ "private",
		    "rules: [{name: a, everybody: true, names: [a.test]}, {name: a, everybody: true, names: [b.test]}]",
		    "twice" },
		{ "webpki", "rules: [{name: a, everybody: true, names: [a.test], without_challenge: true}]", "webpki" },
		{ "private", "rule: []", "unknown key" },
		{ "private", "- a", "map" },
	};
	struct config_profile profile = { .name = "classic" };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct config_policy policy = { .mode = cases[i].mode, .profiles = { &profile, 1 } };
		struct ctx c;
		struct grants grants;
		ctx_init(&c);
		if (read_rules(&c, cases[i].text, &policy, &grants) == 0 || strstr(c.err.detail, cases[i].part) == NULL) {
			fail_msg("%s: %s", cases[i].text, c.err.type == PROBLEM_NONE ? "taken" : c.err.detail);
		}
		assert_int_equal(c.err.type, PROBLEM_MALFORMED);
		ctx_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_are_sorted),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(a_file_is_read),
		cmocka_unit_test(faults_of_files_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The list of problems against the types and statuses that it has to have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/ctx.h"
#include "lib/base/problem.h"

/* Written from standards A-43 and the registry of IANA, not from problem.def; the first row of a type is its usual status. */
static const struct {
	const char *type;
	unsigned status;
} wanted[] = {
	{ "accountDoesNotExist", 400 },
	{ "alreadyReplaced", 409 },
	{ "alreadyRevoked", 400 },
	{ "badCSR", 400 },
	{ "badNonce", 400 },
	{ "badPublicKey", 400 },
	{ "badRevocationReason", 400 },
	{ "badSignatureAlgorithm", 400 },
	{ "caa", 403 },
	{ "compound", 400 },
	{ "connection", 400 },
	{ "dns", 400 },
	{ "externalAccountRequired", 403 },
	{ "incorrectResponse", 400 },
	{ "invalidContact", 400 },
	{ "invalidProfile", 400 },
	{ "malformed", 400 },
	{ "malformed", 404 },
	{ "malformed", 405 },
	{ "malformed", 409 }, /* a key in use, and two that change one thing */
	{ "malformed", 413 },
	{ "malformed", 414 },
	{ "malformed", 415 },
	{ "malformed", 431 },
	{ "onionCAARequired", 403 },
	{ "orderNotReady", 403 },
	{ "rateLimited", 429 },
	{ "rejectedIdentifier", 400 },
	{ "rejectedIdentifier", 403 }, /* newAuthz */
	{ "serverInternal", 500 },
	{ "serverInternal", 503 }, /* */
	{ "tls", 400 },
	{ "unauthorized", 403 },
	{ "unauthorized", 401 }, /* an account that is not valid any more */
	{ "unsupportedContact", 400 },
	{ "unsupportedIdentifier", 400 },
	{ "unsupportedIdentifier", 403 }, /* newAuthz */
	{ "userActionRequired", 403 },
};

/* The problem of this type and status; PROBLEM_COUNT when there is none. */
static enum problem find(const char *type, unsigned status)
{
	enum problem p = PROBLEM_NONE + 1;
	while (p < PROBLEM_COUNT && (strcmp(problem_info(p)->type, type) != 0 || problem_info(p)->status != status)) {
		p++;
	}
	return p;
}

/* Nothing that stands in the list is missing above: no type but registered ones, no status of its own making. */
static void each_problem_is_wanted(void **state)
{
	(void) state;
	for (enum problem p = PROBLEM_NONE + 1; p < PROBLEM_COUNT; p++) {
		const struct problem_info *info = problem_info(p);
		size_t i = 0;
		while (i < COUNT_OF(wanted) && (strcmp(wanted[i].type, info->type) != 0 || wanted[i].status != info->status)) {
			i++;
		}
		if (i == COUNT_OF(wanted)) {
			fail_msg("%s is %s with status %u", info->name, info->type, info->status);
		}
		assert_true(info->title[0] != '\0' && info->code[0] != '\0');
		assert_int_equal(problem_by_name(info->name), p);
	}
}

/* */
static void each_wanted_problem_is_there(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		if (find(wanted[i].type, wanted[i].status) == PROBLEM_COUNT) {
			fail_msg("there is no %s with status %u", wanted[i].type, wanted[i].status);
		}
	}
}

/* The row by which code says a type, and what an unknown name becomes. */
static void the_usual_rows(void **state)
{
	(void) state;
	static const struct {
		enum problem problem;
		const char *type;
		unsigned status;
	} usual[] = {
		{ PROBLEM_MALFORMED, "malformed", 400 },
		{ PROBLEM_UNAUTHORIZED, "unauthorized", 403 },
		{ PROBLEM_ACCOUNT_NOT_VALID, "unauthorized", 401 },
		{ PROBLEM_NOT_FOUND, "malformed", 404 },
		{ PROBLEM_METHOD_NOT_ALLOWED, "malformed", 405 },
		{ PROBLEM_KEY_CONFLICT, "malformed", 409 },
		{ PROBLEM_TOO_LARGE, "malformed", 413 },
		{ PROBLEM_UNSUPPORTED_MEDIA_TYPE, "malformed", 415 },
		{ PROBLEM_REJECTED_IDENTIFIER, "rejectedIdentifier", 400 },
		{ PROBLEM_UNSUPPORTED_IDENTIFIER, "unsupportedIdentifier", 400 },
		{ PROBLEM_SERVER_INTERNAL, "serverInternal", 500 },
		{ PROBLEM_UNAVAILABLE, "serverInternal", 503 },
	};
	for (size_t i = 0; i < COUNT_OF(usual); i++) {
		assert_string_equal(problem_info(usual[i].problem)->type, usual[i].type);
		assert_int_equal(problem_info(usual[i].problem)->status, usual[i].status);
	}
	assert_int_equal(problem_by_name("NO_SUCH_PROBLEM"), PROBLEM_SERVER_INTERNAL);
	assert_int_equal(problem_by_name(NULL), PROBLEM_SERVER_INTERNAL);
	assert_string_equal(problem_info(PROBLEM_NONE)->type, "serverInternal");
}

static void assert_detail(const char *text, const char *shown)
{
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(FAIL(&c, MALFORMED, "<%s>", text), -1);
	ctx_subproblem(&c, PROBLEM_MALFORMED, "dns", text, "<%s>", text);
	assert_string_equal(c.err.detail, shown);
	assert_string_equal(c.err.subproblems.v[0].detail, shown);
	assert_string_equal(c.err.subproblems.v[0].identifier_value, text);
	ctx_done(&c);
}

/* What a client sent may be repeated, but not act on the terminal of whoever reads it, nor fill a log. */
static void details_are_harmless(void **state)
{
	(void) state;
	assert_detail("a\x1b[31m\n\x7f.test", "<a?[31m??.test>");
	assert_detail("\xc2\x9b\xc2\xa0\xc3\xa4", "<?\xc2\xa0\xc3\xa4>");
	assert_detail("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa6", "<??\xe2\x80\xa6>"); /* overrides and isolates; an ellipsis */
	char text[6000] = "";
	char shown[sizeof(text)] = "<";
	for (size_t i = 0; i < 2500; i++) {
		memcpy(text + 2 * i, "\xc3\xa4", 2);
	}
	memcpy(shown + 1, text, 3998); /* 4,000 octets would end within a character */
	assert_detail(text, shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(details_are_harmless),
		cmocka_unit_test(each_problem_is_wanted),
		cmocka_unit_test(each_wanted_problem_is_there),
		cmocka_unit_test(the_usual_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

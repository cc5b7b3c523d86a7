/* link: va */
/* Records of dns-persist-01, and verdicts on answers that have some, drawn from kept packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buffer.h"
#include "policy/decide.h"
#include "policy/persist.h"

#define ACCOUNT "https://ca.test/acme/account/1"
#define OURS "ca.test; accounturi=" ACCOUNT
#define NOW_S 1800000000

static struct arena *arena;
static const char *identities[] = { "ca.test", "second.test" };

static const struct {
	const char *text;
	const char *wrong; /* NULL: it is one */
	const char *issuer;
	bool wildcard;
	int64_t until_s; /* -1: none */
} texts[] = {
	{ OURS, NULL, "ca.test", false, -1 },
	{ " ca.test ; accounturi = " ACCOUNT " ; policy\t=\twildcard ", NULL, "ca.test", true, -1 },
	{ "ca.test;accounturi=" ACCOUNT ";policy=WildCard;persistUntil=1", NULL, "ca.test", true, 1 },
	{ OURS "; policy=wildcards", NULL, "ca.test", false, -1 },
	{ OURS "; policy=", NULL, "ca.test", false, -1 },
	{ OURS "; tbd=1; tbd=2; x-y=", NULL, "ca.test", false, -1 },
	{ OURS "; persistUntil=007", NULL, "ca.test", false, 7 },
	{ OURS "; persistuntil=5", NULL, "ca.test", false, 5 },
	{ OURS "; persistUntil=9223372036854775807", NULL, "ca.test", false, INT64_MAX },
	{ OURS "; persistUntil=9223372036854775808", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=99999999999999999999999", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=-1", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=+1", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=0x10", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=1e9", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=1.5", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=2030-01-01", "persistUntil", "ca.test", false, -1 },
	{ OURS "; persistUntil=1; persistUntil=1", "twice", "ca.test", false, -1 },
	{ OURS "; policy=wildcard; policy=wildcard", "twice", "ca.test", false, -1 },
	{ OURS "; AccountURI=" ACCOUNT, "twice", "ca.test", false, -1 },
	{ "ca.test", "no accounturi", "ca.test", false, -1 },
	{ "ca.test;", "no accounturi", "ca.test", false, -1 },
	{ "ca.test; accounturi=", "no accounturi", "ca.test", false, -1 },
	{ "ca.test; policy=wildcard", "no accounturi", "ca.test", false, -1 },
	{ OURS ";", "not of the form", "ca.test", false, -1 },
	{ OURS ";; policy=wildcard", "not of the form", "ca.test", false, -1 },
	{ OURS " policy=wildcard", "not of the form", "ca.test", false, -1 },
	{ OURS "; policy", "not of the form", "ca.test", false, -1 },
	{ OURS "; policy_x=1", "not of the form", "ca.test", false, -1 },
	{ OURS "; \x80=1", "not of the form", "ca.test", false, -1 },
	{ "ca.test accounturi=" ACCOUNT, "not of the form", "ca.test", false, -1 },
	{ "ca.test.; accounturi=" ACCOUNT, "not of the form", "ca.test", false, -1 },
	{ "; accounturi=" ACCOUNT, NULL, "", false, -1 },
	{ "", "no accounturi", "", false, -1 },
	{ "\"ca.test; accounturi=" ACCOUNT "\"", "not of the form", "", false, -1 },
	{ "v=spf1 -all", "not of the form", "v", false, -1 },
};

/* B-29, B-30, B-31 */
static void test_records(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct persist_record r;
		const char *wrong = persist_record_parse(bytes_of_text(texts[i].text), &r);
		bool as_told =
		    wrong == NULL ? texts[i].wrong == NULL : texts[i].wrong != NULL && strstr(wrong, texts[i].wrong) != NULL;
		if (!as_told || !bytes_equal_text(r.issuer, texts[i].issuer)) {
			fail_msg("%s: %s, of \"%.*s\"", texts[i].text, wrong, (int) r.issuer.n, (const char *) r.issuer.p);
		}
		if (wrong == NULL) {
			assert_true(bytes_equal_text(r.account_uri, ACCOUNT));
			assert_int_equal(r.wildcard, texts[i].wildcard);
			assert_int_equal(r.has_until ? r.until_s : -1, texts[i].until_s);
		}
	}
}

/* An answer about TXT of _validation-persist.a.test, with a record of one string for each part of the text between "|". */
static struct bytes packet_of(const char *text)
{
	static const char question[] = "\x13_validation-persist\1a\4test\0\0\x10\0\1";
	static const uint8_t record[] = { 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0 };
	struct buffer b;
	uint8_t head[] = { 0, 0, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0 };
	for (const char *p = text; p != NULL; p = strchr(p, '|') == NULL ? NULL : strchr(p, '|') + 1) {
		head[7]++;
	}
	buffer_init(&b, arena, 512);
	buffer_add(&b, head, sizeof(head));
	buffer_add(&b, question, sizeof(question) - 1);
	for (const char *p = text; p != NULL; p = strchr(p, '|') == NULL ? NULL : strchr(p, '|') + 1) {
		size_t n = strcspn(p, "|");
		buffer_add(&b, record, sizeof(record));
		buffer_add_char(&b, (char) (n + 1));
		buffer_add_char(&b, (char) n);
		buffer_add(&b, p, n);
	}
	return buffer_bytes(&b);
}

static struct verdict decide_at(const char *records, bool wildcard, int64_t answered_us)
{
	const struct validate_request request = { .identifier = { "dns", "a.test" },
		.wildcard = wildcard,
		.method = "dns-persist-01",
		.account_url = ACCOUNT,
		.caa_identities = { identities, COUNT_OF(identities) } };
	struct resolution seen = { .name = "_validation-persist.a.test",
		.type = "TXT",
		.dnssec = "insecure",
		.raw = packet_of(records),
		.started_at = { answered_us - 1000 },
		.duration_us = 1000 };
	const struct decide_input in = { .request = &request };
	const struct validation_result result = { .resolutions = { &seen, 1 } };
	return decide_persist(arena, &in, &result);
}

static void check(const char *records, bool wildcard, enum problem problem, const char *detail)
{
	struct verdict v = decide_at(records, wildcard, INT64_C(1000000) * NOW_S);
	bool as_told =
	    problem == PROBLEM_NONE ? v.passed : !v.passed && v.problem == problem && strstr(v.detail, detail) != NULL;
	if (!as_told || v.fault) {
		fail_msg("%s: %s", records, v.passed ? "passed" : v.detail);
	}
}

/* B-29, B-30 */
static void test_verdicts(void **state)
{
	static const struct {
		const char *records;
		bool wildcard;
		enum problem problem;
		const char *detail;
	} rows[] = {
		{ OURS, false, PROBLEM_NONE, "" },
		{ "SECOND.test; accounturi=" ACCOUNT, false, PROBLEM_NONE, "" },
		{ OURS, true, PROBLEM_UNAUTHORIZED, "has no policy=wildcard" },
		{ OURS "; policy=wildcard", true, PROBLEM_NONE, "" },
		{ OURS "; policy=wildcard", false, PROBLEM_NONE, "" },
		{ OURS "; policy=any", true, PROBLEM_UNAUTHORIZED, "has no policy=wildcard" },
		{ NULL, false, PROBLEM_UNAUTHORIZED, "No TXT record of this CA found at _validation-persist.a.test" },
		{ "other.test; accounturi=" ACCOUNT, false, PROBLEM_UNAUTHORIZED, "No TXT record of this CA" },
		{ "sub.ca.test; accounturi=" ACCOUNT, false, PROBLEM_UNAUTHORIZED, "No TXT record of this CA" },
		{ "other.test; nonsense|hello|v=spf1 -all", false, PROBLEM_UNAUTHORIZED, "No TXT record of this CA" },
		{ "other.test; nonsense|" OURS, false, PROBLEM_NONE, "" },
		{ OURS "2", false, PROBLEM_UNAUTHORIZED, "is for the account \"" ACCOUNT "2\", not for " ACCOUNT },
		{ "ca.test; accounturi=HTTPS://ca.test/acme/account/1", false, PROBLEM_UNAUTHORIZED, "is for the account" },
		{ "ca.test; accounturi=" ACCOUNT "/", false, PROBLEM_UNAUTHORIZED, "is for the account" },
		{ OURS "2|" OURS, false, PROBLEM_NONE, "" },
		{ "ca.test", false, PROBLEM_MALFORMED, "is malformed: it has no accounturi" },
		{ OURS "; policy", false, PROBLEM_MALFORMED, "is malformed: it is not of the form" },
		{ OURS "; persistUntil=soon", false, PROBLEM_MALFORMED, "is malformed: its persistUntil" },
		{ "ca.test|" OURS, false, PROBLEM_NONE, "" },
		{ "ca.test|" OURS "2", false, PROBLEM_MALFORMED, "no accounturi" }, /* the first one is told */
		{ OURS "2|ca.test", false, PROBLEM_UNAUTHORIZED, "is for the account" },
		{ OURS "; persistUntil=5", false, PROBLEM_UNAUTHORIZED, "was good until 5 only" },
		{ OURS "; persistUntil=9223372036854775807", false, PROBLEM_NONE, "" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check(rows[i].records, rows[i].wildcard, rows[i].problem, rows[i].detail);
	}
}

/* B-31: by the time of the answer, which is on record */
static void test_until(void **state)
{
	static const char records[] = OURS "; persistUntil=1800000000";
	const int64_t t = INT64_C(1000000) * NOW_S;
	(void) state;
	assert_true(decide_at(records, false, t - 1000000).passed);
	assert_true(decide_at(records, false, t).passed);
	assert_false(decide_at(records, false, t + 1).passed);
	assert_false(decide_at(records, false, t + 1000000).passed);
}

/* B-34: a perspective that sees the record of another account does not pass, whatever the others saw. */
static void test_each_perspective_sees_the_account(void **state)
{
	static const char *seen[] = { OURS, OURS "2", OURS };
	size_t passed = 0;
	(void) state;
	for (size_t i = 0; i < COUNT_OF(seen); i++) {
		struct verdict v = decide_at(seen[i], false, INT64_C(1000000) * NOW_S);
		assert_false(v.fault);
		passed += v.passed ? 1 : 0;
	}
	assert_int_equal(passed, 2);
}

/* C-23, G-3: a record of another name, or one that does not verify, proves nothing. */
static void test_records_that_prove_nothing(void **state)
{
	const struct validate_request request = { .identifier = { "dns", "a.test" },
		.method = "dns-persist-01",
		.account_url = ACCOUNT,
		.caa_identities = { identities, COUNT_OF(identities) } };
	const struct decide_input in = { .request = &request };
	struct resolution seen = {
		.name = "_validation-persist.a.test", .type = "TXT", .dnssec = "bogus", .raw = packet_of(OURS)
	};
	const struct validation_result result = { .resolutions = { &seen, 1 } };
	(void) state;
	assert_string_equal(decide_dns_name(arena, &request), "_validation-persist.a.test");
	assert_true(decide_persist(arena, &in, &result).fault);
	seen.dnssec = "off";
	assert_true(decide_persist(arena, &in, &result).passed);
	seen.name = "_acme-challenge.a.test";
	assert_true(decide_persist(arena, &in, &result).fault);
}

static int set_up(void **state)
{
	(void) state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void) state;
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test_setup_teardown(test_verdicts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_until, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_perspective_sees_the_account, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_records_that_prove_nothing, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

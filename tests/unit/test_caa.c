/* link: va */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/caa.h"

#define ACCOUNT "https://ca.example.org/acct/1"

/* "FLAGS TAG VALUE" lines, `|` between them */
static struct bytes rdata_of(struct arena *a, const char *line, size_t n)
{
	char *end = NULL;
	unsigned long flags = strtoul(line, &end, 10);
	const char *tag = end + 1;
	size_t tag_n = strcspn(tag, " |");
	const char *value = tag[tag_n] == ' ' ? tag + tag_n + 1 : tag + tag_n;
	size_t value_n = (size_t) (line + n - value);
	uint8_t *p = arena_alloc(a, 2 + tag_n + value_n);
	p[0] = (uint8_t) flags;
	p[1] = (uint8_t) tag_n;
	memcpy(p + 2, tag, tag_n);
	memcpy(p + 2 + tag_n, value, value_n);
	return (struct bytes) { p, 2 + tag_n + value_n };
}

static struct bytes_list set_of(struct arena *a, const char *text)
{
	struct bytes_list list = { ARENA_ARRAY(a, 16, struct bytes), 0 };
	while (*text != '\0') {
		size_t n = strcspn(text, "|");
		list.v[list.n++] = rdata_of(a, text, n);
		text += n + (text[n] == '|');
	}
	return list;
}

struct row {
	const char *set;
	bool name;     /* permitted for a name */
	bool wildcard; /* and for a wildcard */
};

static struct caa_verdict decide(struct arena *a, const char *set, bool wildcard, const char *method)
{
	static const char *names[] = { "ca.example.org", "second.example.org" };
	static const struct text_list identities = { names, 2 };
	static const char *urls[] = { "https://old.example.org/acct/1" };
	static const struct text_list former = { urls, 1 };
	struct caa_query q = { wildcard, &identities, ACCOUNT, &former, method };
	struct bytes_list rdata = set_of(a, set);
	return caa_decide(a, &rdata, &q);
}

static void check_rows(const struct row *rows, size_t n, const char *method)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new();
		struct caa_verdict name = decide(a, rows[i].set, false, method);
		struct caa_verdict wildcard = decide(a, rows[i].set, true, method);
		if (name.permitted != rows[i].name || wildcard.permitted != rows[i].wildcard) {
			fail_msg("%s: %d %d (%s)", rows[i].set, name.permitted, wildcard.permitted,
			    name.permitted ? "permitted" : name.reason);
		}
		assert_true(name.permitted == (name.reason == NULL));
		arena_free(a);
	}
}

/* C-32: the truth table of issue and issuewild */
static void test_issue_and_issuewild(void **state)
{
	static const struct row rows[] = {
		{ "0 issue ca.example.org", true, true },
		{ "0 issue second.example.org", true, true },
		{ "0 issue other.example", false, false },
		{ "0 issue ;", false, false },
		{ "0 issue other.example|0 issue ca.example.org", true, true },
		{ "0 issue ;|0 issue ca.example.org", true, true },
		{ "0 issuewild ca.example.org", true, true },
		{ "0 issuewild other.example", true, false },
		{ "0 issuewild ;", true, false },
		{ "0 issue ca.example.org|0 issuewild ;", true, false },
		{ "0 issue ca.example.org|0 issuewild other.example", true, false },
		{ "0 issue ;|0 issuewild ca.example.org", false, true },
		{ "0 issue other.example|0 issuewild ca.example.org", false, true },
		{ "0 issuewild other.example|0 issuewild ca.example.org", true, true },
		{ "0 iodef mailto:a@example.org", true, true },
		{ "0 iodef mailto:a@example.org|0 issue other.example", false, false },
		{ "0 unknown whatever", true, true },
		{ "0 ISSUE ca.example.org", true, true },
		{ "0 Issue other.example", false, false },
		{ "0 IssueWild other.example", true, false },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows), "http-01");
}

/* C-33 */
static void test_critical(void **state)
{
	static const struct row rows[] = {
		{ "128 issue ca.example.org", true, true },
		{ "128 issue other.example", false, false },
		{ "128 tbs Unknown", false, false },
		{ "129 tbs Unknown", false, false },
		{ "1 tbs Unknown", false, false },
		{ "64 tbs Unknown", true, true },
		{ "126 tbs Unknown", true, true },
		{ "0 tbs Unknown", true, true },
		{ "128 issuemail other.example", true, true },
		{ "128 issuevmc other.example", true, true },
		{ "128 contactemail a@example.org", true, true },
		{ "128 contactphone 1234", true, true },
		{ "128 iodef mailto:a@example.org", true, true },
		{ "0 issue ca.example.org|128 tbs Unknown", false, false },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows), "http-01");
}

/* C-34: the grammar of RFC 8659 4.2 */
static void test_values(void **state)
{
	static const struct row rows[] = {
		{ "0 issue", false, false },
		{ "0 issue ", false, false },
		{ "0 issue  ;  ", false, false },
		{ "0 issue ; a=b", false, false },
		{ "0 issue  \tca.example.org\t ", true, true },
		{ "0 issue ca.example.org;", true, true },
		{ "0 issue ca.example.org ; ", true, true },
		{ "0 issue  ca.example.org ; a=b", true, true },
		{ "0 issue ca.example.org;a=b;c=d", true, true },
		{ "0 issue ca.example.org; a = b ; c= ", true, true },
		{ "0 issue ca.example.org; policy=ev", true, true },
		{ "0 issue CA.Example.ORG", true, true },
		{ "0 issue %%%%%", false, false },
		{ "0 issue ca.example.org a=b", false, false },
		{ "0 issue ca.example.org; a", false, false },
		{ "0 issue ca.example.org; a=b c=d", false, false },
		{ "0 issue ca.example.org; =b", false, false },
		{ "0 issue ca.example.org;a=b;", false, false },
		{ "0 issue ca.example.org;;a=b", false, false },
		{ "0 issue ca.example.org; a_b=c", false, false },
		{ "0 issue ca.example.org; -a=c", false, false },
		{ "0 issue ca.example.org; a-b=c", true, true },
		{ "0 issue ca.example.org; a=\x7f", false, false },
		{ "0 issue ca.example.org.", false, false },
		{ "0 issue .ca.example.org", false, false },
		{ "0 issue ca..example.org", false, false },
		{ "0 issue -ca.example.org", false, false },
		{ "0 issue ca.example.org-", false, false },
		{ "0 issue ca.example.org\xc3\xa9", false, false },
		{ "0 issue ca.example.orgx", false, false },
		{ "0 issue xca.example.org", false, false },
		{ "0 issue sub.ca.example.org", false, false },
		{ "0 issue ca.example", false, false },
		{ "0 issue %%%%%|0 issue ca.example.org", true, true },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows), "http-01");
}

/* C-41, C-42, C-43 */
static void test_parameters(void **state)
{
	static const struct row rows[] = {
		{ "0 issue ca.example.org; accounturi=" ACCOUNT, true, true },
		{ "0 issue ca.example.org; AccountURI=" ACCOUNT, true, true },
		{ "0 issue ca.example.org; accounturi=" ACCOUNT "/", false, false },
		{ "0 issue ca.example.org; accounturi=" ACCOUNT "1", false, false },
		{ "0 issue ca.example.org; accounturi=https://old.example.org/acct/1", true, true }, /* before it moved */
		{ "0 issue ca.example.org; accounturi=https://old.example.org/acct/2", false, false },
		{ "0 issue ca.example.org; accounturi=http://ca.example.org/acct/1", false, false },
		{ "0 issue ca.example.org; accounturi=https://CA.example.org/acct/1", false, false },
		{ "0 issue ca.example.org; accounturi=", false, false },
		{ "0 issue ca.example.org; accounturi=" ACCOUNT "; accounturi=" ACCOUNT, false, false },
		{ "0 issue ca.example.org; accounturi=x|0 issue ca.example.org; accounturi=" ACCOUNT, true, true },
		{ "0 issue ca.example.org; validationmethods=http-01", true, true },
		{ "0 issue ca.example.org; validationmethods=dns-01,http-01", true, true },
		{ "0 issue ca.example.org; validationmethods=http-01,made-up-99", true, true },
		{ "0 issue ca.example.org; validationmethods=ca-tbr-19", true, true },
		{ "0 issue ca.example.org; validationmethods=ca-tbr-7", false, false },
		{ "0 issue ca.example.org; validationmethods=ca-tbr-1", false, false },
		{ "0 issue ca.example.org; validationmethods=dns-01", false, false },
		{ "0 issue ca.example.org; validationmethods=HTTP-01", false, false },
		{ "0 issue ca.example.org; validationmethods=http-011", false, false },
		{ "0 issue ca.example.org; validationmethods=http-0", false, false },
		{ "0 issue ca.example.org; validationmethods=", false, false },
		{ "0 issue ca.example.org; validationmethods=http-01,", false, false },
		{ "0 issue ca.example.org; validationmethods=,http-01", false, false },
		{ "0 issue ca.example.org; validationmethods=http-01,dns_01", false, false },
		{ "0 issue ca.example.org; validationmethods=http-01; validationmethods=http-01", false, false },
		{ "0 issue ca.example.org; accounturi=" ACCOUNT "; validationmethods=http-01", true, true },
		{ "0 issue ca.example.org; accounturi=" ACCOUNT "; validationmethods=dns-01", false, false },
		{ "0 issue ca.example.org|0 issuewild ca.example.org; accounturi=x", true, false },
	};
	static const struct row without_method[] = {
		{ "0 issue ca.example.org; validationmethods=http-01", false, false }, /* C-44 */
		{ "0 issue ca.example.org", true, true },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows), "http-01");
	check_rows(without_method, COUNT_OF(without_method), NULL);
	static const struct row by_account[] = {
		{ "0 issue ca.example.org; validationmethods=dns-account-01", true, true },
		{ "0 issue ca.example.org; validationmethods=ca-tbr-21", true, true },
		{ "0 issue ca.example.org; validationmethods=dns-01", false, false },
	};
	check_rows(by_account, COUNT_OF(by_account), "dns-account-01");
	static const struct row standing[] = {
		{ "0 issue ca.example.org; validationmethods=dns-persist-01", true, true },
		{ "0 issue ca.example.org; validationmethods=ca-tbr-22", true, true },
		{ "0 issue ca.example.org; validationmethods=ca-tbr-21", false, false },
	};
	check_rows(standing, COUNT_OF(standing), "dns-persist-01");
}

static void test_broken_records(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} rows[] = { { "", 0 }, { "\0", 1 }, { "\0\0", 2 }, { "\0\0issue", 7 }, { "\0\5issu", 6 }, { "\0\377issue", 7 },
		{ "\0\3i s", 5 }, { "\0\3a\0b", 5 } };
	struct caa_query q = { .identities = &(const struct text_list) { NULL, 0 } };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena *a = arena_new();
		struct caa_record r;
		struct bytes rdata[2] = { { (const uint8_t *) rows[i].p, rows[i].n }, { (const uint8_t *) "\0\5iodefx", 8 } };
		assert_int_equal(caa_record_parse(rdata[0], &r), -1);
		assert_false(caa_decide(a, &(struct bytes_list) { rdata, 2 }, &q).permitted);
		assert_true(caa_decide(a, &(struct bytes_list) { rdata + 1, 1 }, &q).permitted);
		arena_free(a);
	}
}

static void test_presentation(void **state)
{
	struct arena *a = arena_new();
	struct caa_record r;
	(void) state;
	assert_int_equal(caa_record_parse((struct bytes) { (const uint8_t *) "\200\5issuea\"\\\n;\377", 13 }, &r), 0);
	assert_string_equal(caa_record_encode(a, &r), "128 issue \"a\\\"\\\\\\010;\\255\"");
	arena_free(a);
}

static void test_climb(void **state) /* C-31 */
{
	(void) state;
	assert_string_equal(caa_climb("a.b.example"), "b.example");
	assert_string_equal(caa_climb("b.example"), "example");
	assert_null(caa_climb("example"));
	assert_null(caa_climb("example."));
	assert_null(caa_climb(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_issue_and_issuewild),
		cmocka_unit_test(test_critical),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_broken_records),
		cmocka_unit_test(test_presentation),
		cmocka_unit_test(test_climb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

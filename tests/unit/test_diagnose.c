/* What is said of trial validations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policy/decide.h"
#include "policy/diagnose.h"

#define PUBLIC "93.184.216.34"
#define INSIDE "10.1.2.3"

static struct arena *arena;
static struct finding_list findings;

static bool diagnose(bool inside, const char *method, struct connection_attempt *attempts, size_t n)
{
	findings = (struct finding_list) { NULL, 0 };
	const struct diagnosing d = { arena, inside, &findings };
	const struct validate_request asked = { .identifier = { "dns", "a.example" }, .method = method };
	const struct validation_result result = { .method = method, .attempts = { attempts, n } };
	return diagnose_method(&d, &asked, &result);
}

static void expect(const char *level, const char *part)
{
	for (size_t i = 0; i < findings.n; i++) {
		if (strcmp(findings.v[i].level, level) == 0 && strstr(findings.v[i].text, part) != NULL) {
			return;
		}
	}
	fail_msg("no %s with \"%s\" among %zu; last: %s", level, part, findings.n,
	    findings.n == 0 ? "" : findings.v[findings.n - 1].text);
}

static void expect_nowhere(const char *part)
{
	for (size_t i = 0; i < findings.n; i++) {
		assert_null(strstr(findings.v[i].text, part));
	}
}

static struct connection_attempt attempt(const char *address, int64_t status, const char *error)
{
	return (struct connection_attempt) { .url = "http://a.example/x",
		.host = "a.example",
		.port = 80,
		.address_used = address,
		.http_status = status,
		.error = error };
}

static void test_http_statuses(void **state)
{
	static const struct {
		int64_t status;
		bool works;
		const char *level;
		const char *part;
	} rows[] = {
		{ 404, true, FINDING_OK, "as it should" },
		{ 410, true, FINDING_OK, "410" },
		{ 200, true, FINDING_NOTE, "stands in for all files" },
		{ 401, true, FINDING_NOTE, "password" },
		{ 403, true, FINDING_NOTE, "refuses the file" },
		{ 500, false, FINDING_PROBLEM, "broken" },
		{ 418, true, FINDING_NOTE, "418" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct connection_attempt one = attempt(PUBLIC, rows[i].status, NULL);
		assert_int_equal(diagnose(false, "http-01", &one, 1), rows[i].works);
		expect(rows[i].level, rows[i].part);
		expect(rows[i].level, PUBLIC);
	}
}

static void test_way(void **state)
{
	(void) state;
	const char *addresses[] = { "2606:2800:220:1::1", PUBLIC };
	struct connection_attempt way[] = { attempt(addresses[0], 0, failure_text(FAILURE_REFUSED)),
		attempt(PUBLIC, 301, NULL), attempt(PUBLIC, 0, failure_text(FAILURE_READ_TIMEOUT)) };
	way[0].addresses_resolved = (struct text_list) { addresses, 2 };
	way[1].location = "https://a.example/y";
	way[2].url = "https://a.example/y";
	assert_false(diagnose(false, "http-01", way, 3));
	expect(FINDING_OK, "has the address(es) 2606:2800:220:1::1, " PUBLIC);
	expect(FINDING_NOTE, "at 2606:2800:220:1::1: Connection refused");
	expect(FINDING_OK, "answers 301 and leads on to https://a.example/y");
	expect(FINDING_PROBLEM, "http-01 would fail: https://a.example/y at " PUBLIC ": Timeout after connect");
	assert_false(diagnose(false, "http-01", NULL, 0));
	expect(FINDING_PROBLEM, "nothing could be tried");
}

/* Who is no operator never reads an address inside. */
static void test_inside(void **state)
{
	(void) state;
	const char *addresses[] = { INSIDE };
	const char *refused =
	    arena_printf(arena, "%s " INSIDE ", which is a private address", failure_text(FAILURE_ADDRESS));
	struct connection_attempt tried[] = { attempt(INSIDE, 0, failure_text(FAILURE_REFUSED)),
		attempt(NULL, 0, refused) };
	tried[0].addresses_resolved = (struct text_list) { addresses, 1 };
	assert_false(diagnose(false, "http-01", tried, 2));
	expect_nowhere(INSIDE);
	expect(FINDING_PROBLEM, "may not connect to the address that it has");
	assert_false(diagnose(true, "http-01", tried, 2));
	expect(FINDING_PROBLEM, INSIDE ", which is a private address");
	expect(FINDING_OK, "has the address(es) " INSIDE);
}

/* A way out for who reads it, beside what went wrong. */
static void test_advice(void **state)
{
	(void) state;
	const char *addresses[] = { "2001:db8::1", PUBLIC };
	struct connection_attempt one = attempt(PUBLIC, 0, failure_text(FAILURE_REFUSED));
	one.addresses_resolved = (struct text_list) { addresses, 2 };
	assert_false(diagnose(true, "http-01", &one, 1));
	expect(FINDING_PROBLEM, "Connection refused; nothing listens on that port");
	expect(FINDING_NOTE, "2001:db8::1 was passed over, as validation may not connect there: it is ");
	assert_false(diagnose(false, "http-01", &one, 1));
	expect(FINDING_NOTE, "An IPv6 address was passed over");
	one = attempt(PUBLIC, 302, "Invalid port in redirect target. Only ports 80 and 443 are supported, not 8080");
	one.location = "http://a.example:8080/\x01y";
	assert_false(diagnose(false, "http-01", &one, 1));
	expect(FINDING_PROBLEM, "not 8080; it answers 302 and leads on to \"http://a.example:8080/.y\"");
	findings = (struct finding_list) { NULL, 0 };
	const struct diagnosing d = { arena, false, &findings };
	const struct validate_request asked = { .identifier = { "dns", "a.example" }, .method = "http-01" };
	struct resolution none = { .name = "a.example", .type = "A", .dnssec = "off", .rcode = 3 };
	one = attempt(NULL, 0, "DNS problem: NXDOMAIN looking up A for a.example");
	const struct validation_result result = {
		.method = "http-01", .attempts = { &one, 1 }, .resolutions = { &none, 1 }
	};
	assert_false(diagnose_method(&d, &asked, &result));
	expect(FINDING_NOTE, "There is no a.example in the DNS (NXDOMAIN): is the name typed right");
}

static void test_alpn(void **state)
{
	(void) state;
	struct connection_attempt one = { .host = "a.example", .port = 443, .address_used = PUBLIC };
	assert_true(diagnose(false, "tls-alpn-01", &one, 1));
	expect(FINDING_OK, "a.example, port 443 at " PUBLIC " answers with TLS");
	one.error = failure_text(FAILURE_TLS_REFUSED);
	assert_true(diagnose(false, "tls-alpn-01", &one, 1));
	one.error = failure_text(FAILURE_CONNECT_TIMEOUT);
	assert_false(diagnose(false, "tls-alpn-01", &one, 1));
	expect(FINDING_PROBLEM, "tls-alpn-01 would fail: a.example, port 443 at " PUBLIC ": Timeout during connect");
}

static bool diagnose_txt(const struct resolution *txt)
{
	struct resolution list[1] = { *txt };
	findings = (struct finding_list) { NULL, 0 };
	const struct diagnosing d = { arena, false, &findings };
	const struct validate_request asked = { .identifier = { "dns", "a.example" }, .method = "dns-01" };
	const struct validation_result result = { .method = "dns-01", .resolutions = { list, 1 } };
	return diagnose_method(&d, &asked, &result);
}

static void test_dns(void **state)
{
	(void) state;
	const char *values[] = { "\"x\"" };
	struct resolution txt = { .name = "_acme-challenge.a.example", .type = "TXT", .dnssec = "secure", .rcode = 3 };
	assert_true(diagnose_txt(&txt));
	expect(FINDING_OK, "(signed, and the signatures verify): nothing stands there yet");
	txt.dnssec = "insecure";
	txt.canonical_name = "away.example.";
	txt.answers = (struct text_list) { values, 1 };
	assert_true(diagnose_txt(&txt));
	expect(FINDING_OK, "an alias that leads to away.example. (not signed by DNSSEC): 1 TXT record(s)");
	txt.dnssec = "off";
	assert_true(diagnose_txt(&txt));
	expect(FINDING_OK, "not verified by DNSSEC here");
	txt.error = "SERVFAIL";
	assert_false(diagnose_txt(&txt));
	expect(FINDING_PROBLEM, "dns-01 would fail: DNS problem: SERVFAIL looking up TXT for _acme-challenge.a.example");
	txt.name = "other";
	assert_false(diagnose_txt(&txt));
	expect(FINDING_PROBLEM, "no answer");
}

static void test_caa_and_faults(void **state)
{
	(void) state;
	findings = (struct finding_list) { NULL, 0 };
	const struct diagnosing d = { arena, false, &findings };
	const struct validate_request asked = { .identifier = { "dns", "a.example" }, .method = "http-01" };
	struct validation_result result = { .method = "http-01", .passed = true };
	assert_true(diagnose_caa(&d, &asked, &result));
	expect(FINDING_OK, "No CAA record restricts who may issue for a.example");
	result.caa.found_at = "example";
	assert_true(diagnose_caa(&d, &asked, &result));
	expect(FINDING_OK, "at example permit this CA (by http-01)");
	result.passed = false;
	result.problem.detail = "CAA for a.example forbids it";
	assert_false(diagnose_caa(&d, &asked, &result));
	expect(FINDING_PROBLEM, "By http-01: CAA for a.example forbids it");
	expect_nowhere("add there");
	const char *names[] = { "ca.test" };
	const char *records[] = { "0 issue \"other.test\"", "0 issuewild \"other.test\"" };
	struct validate_request wild = asked;
	wild.caa_identities = (struct text_list) { names, 1 };
	result.caa.reason = "The CAA record 0 issue \"other.test\" names another CA";
	result.caa.records = (struct text_list) { records, 1 };
	assert_false(diagnose_caa(&d, &asked, &result));
	expect(FINDING_PROBLEM, "has no name for CAA records");
	wild.wildcard = true;
	assert_false(diagnose_caa(&d, &wild, &result));
	expect(FINDING_PROBLEM, "add there: example. CAA 0 issue \"ca.test\"");
	result.caa.records.n = 2;
	assert_false(diagnose_caa(&d, &wild, &result));
	expect(FINDING_PROBLEM, "add there: example. CAA 0 issuewild \"ca.test\"");
	size_t n = findings.n;
	assert_false(diagnose_caa(&d, &wild, &result)); /* said once */
	assert_int_equal(findings.n, n);
	result.fault = true;
	assert_false(diagnose_method(&d, &asked, &result));
	expect(FINDING_PROBLEM, "by a fault of this CA");
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
		cmocka_unit_test(test_http_statuses),
		cmocka_unit_test(test_way),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_caa_and_faults),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

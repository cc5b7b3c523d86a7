/* link: va */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/dns_trouble.h"
#include "va/dns_reason.h"

static void test_codes(void **state) /* C-24 */
{
	static const struct {
		bool bogus;
		const char *reason;
		const char *ede;
	} rows[] = {
		{ false, NULL, "22 No Reachable Authority" },
		{ false, "signature expired", "22 No Reachable Authority" },
		{ false, "exceeded the maximum number of sends", "22 No Reachable Authority" },
		{ false, "request has exceeded the maximum number restarts (eg. indirections) stop at a.test.", "0 Other" },
		{ false, "request has exceeded the maximum dependency depth (eg. nameserver lookup recursion)", "0 Other" },
		{ false, "exceeded the maximum nameserver nxdomains", "0 Other" },
		{ false, "failed to get a delegation (eg. prime failure)", "14 Not Ready" },
		{ false, "out of memory, for DNSSEC", "14 Not Ready" },
		{ true, "exceeded the maximum nameserver nxdomains", "6 DNSSEC Bogus" },
		{ true, NULL, "6 DNSSEC Bogus" },
		{ true, "validation failure <a. A IN>: signature crypto failed from 192.0.2.1", "6 DNSSEC Bogus" },
		{ true, "validation failure <a. A IN>: signature expired from 192.0.2.1", "7 Signature Expired" },
		{ true, "validation failure <a. A IN>: signature before inception date", "8 Signature Not Yet Valid" },
		{ true, "validation failure <a. A IN>: No DNSKEY record", "9 DNSKEY Missing" },
		{ true, "validation failure <a. A IN>: no signatures", "10 RRSIGs Missing" },
		{ true, "validation failure <a. A IN>: nodata proof failed", "12 NSEC Missing" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_string_equal(dns_trouble_ede(rows[i].bogus, rows[i].reason), rows[i].ede);
	}
}

/* C-38: the standard allows to pass over a failure outside of the CA alone. So it has to be known that others' servers were asked, by
 * ourselves, and what came of it. */
static void test_what_is_outside(void **state)
{
	static const char zone[] = "all servers for this domain failed, at zone a.test.";
	static const struct {
		const char *error;
		const char *reason;
		bool outside;
	} rows[] = {
		{ "SERVFAIL", "from 192.0.2.1 upstream server timeout", true },
		{ "SERVFAIL", "from 192.0.2.1 got SERVFAIL", true },
		{ "SERVFAIL", "from 192.0.2.1 got REFUSED", true },
		{ "SERVFAIL", "exceeded the maximum number of sends", true },
		{ "no answer in time", NULL, true },
		{ "SERVFAIL", NULL, false },
		{ "SERVFAIL", "", false },
		{ "SERVFAIL", "misc failure", false },
		{ "SERVFAIL", "SERVFAIL in cache", false },
		{ "SERVFAIL", "no server to query nameserver addresses not usable", false }, /* we do not ask there */
		{ "SERVFAIL", "from 192.0.2.1 could not parse upstream response", false },
		{ "no turn in time", NULL, false },
		{ NULL, "from 192.0.2.1 got SERVFAIL", false },
	};
	struct arena *a = arena_new();
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *reason = rows[i].reason == NULL ? NULL : arena_printf(a, "%s %s", zone, rows[i].reason);
		struct resolution r = {
			.error = rows[i].error, .reason = reason, .ede = dns_trouble_ede(false, reason), .resolver = "recursive"
		};
		assert_int_equal(dns_trouble_is_outside(&r), rows[i].outside);
		r.resolver = "192.0.2.53@53"; /* the failure may be that of the CA's own resolver */
		assert_false(dns_trouble_is_outside(&r));
		r.resolver = "recursive";
		r.ede = dns_trouble_ede(false, "exceeded the maximum number of glue fetches");
		assert_false(dns_trouble_is_outside(&r));
		r.ede = dns_trouble_not_asked();
		assert_false(dns_trouble_is_outside(&r));
	}
	arena_free(a);
}

static void test_sentences(void **state)
{
	struct arena *a = arena_new();
	struct resolution r = { .name = "a.test", .type = "TXT", .error = "SERVFAIL", .ede = "22 No Reachable Authority" };
	(void) state;
	assert_string_equal(dns_trouble_text(a, &r),
	    "SERVFAIL looking up TXT for a.test (EDE 22 No Reachable Authority) - check that each name server of the zone "
	    "answers, by UDP and TCP, for this type too");
	r.reason = "got REFUSED";
	assert_non_null(strstr(dns_trouble_text(a, &r), "(EDE 22 No Reachable Authority: got REFUSED) - check"));
	r.ede = "99 Made Up"; /* from a record: what is not of the list is not repeated */
	assert_string_equal(dns_trouble_text(a, &r), "SERVFAIL looking up TXT for a.test");
	arena_free(a);
}

/* What libunbound logs before it answers SERVFAIL. */
/* What the CA's own resolvers are called is not told; the record has it. */
static void test_inner_addresses(void **state)
{
	static const char *const rows[][2] = {
		{ "all the configured stub or forward servers failed, at zone . from 10.0.0.53 got SERVFAIL",
		    "at zone . from an inner address got SERVFAIL" },
		{ "from fd00::53: no answer", "from an inner address: no answer" },
		{ "upstream 127.0.0.1@5353, 93.184.216.34", "upstream an inner address@5353, 93.184.216.34" },
		{ "signature expired for <a.example. A IN> from 93.184.216.34", "for <a.example. A IN> from 93.184.216.34" },
	};
	struct arena *a = arena_new();
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct resolution r = { .name = "a.example",
			.type = "A",
			.error = "SERVFAIL",
			.reason = rows[i][0],
			.ede = dns_trouble_ede(false, NULL) };
		if (strstr(dns_trouble_text(a, &r), rows[i][1]) == NULL) {
			fail_msg("%s", dns_trouble_text(a, &r));
		}
	}
	arena_free(a);
}

static void test_reasons(void **state)
{
	struct arena *a = arena_new();
	FILE *log = dns_reason_log();
	(void) state;
	assert_non_null(log);
	assert_ptr_equal(log, dns_reason_log());
	static const char head[] = "[1] libunbound[2:0] error: SERVFAIL <a.test. CAA IN>: ";
	(void) fprintf(log, "%sgot\tREFUSED\n", head);
	assert_null(dns_reason_find(a, "a.test", "TXT"));
	assert_null(dns_reason_find(a, "b.test", "CAA"));
	assert_string_equal(dns_reason_find(a, "A.test", "CAA"), "got?REFUSED");
	assert_string_equal(dns_reason_find(a, "a.test", "CAA"), "got?REFUSED"); /* all who wait for one lookup are told */
	dns_reason_forget();
	assert_null(dns_reason_find(a, "a.test", "CAA"));
	(void) fprintf(log, "%s", head);
	for (int i = 0; i < 1000; i++) {
		(void) fprintf(log, "xxxx");
	}
	assert_null(dns_reason_find(a, "a.test", "CAA")); /* the line is not whole yet */
	(void) fprintf(log, "\n");
	assert_int_equal(strlen(dns_reason_find(a, "a.test", "CAA")), 1023 - strlen(head));
	(void) fprintf(log, "another message\n");
	assert_null(dns_reason_find(a, "a.test", "CAA"));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_what_is_outside),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_inner_addresses),
		cmocka_unit_test(test_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

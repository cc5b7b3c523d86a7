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
static void test_reasons(void **state)
{
	struct arena *a = arena_new();
	FILE *log = dns_reason_log();
	(void) state;
	assert_non_null(log);
	assert_ptr_equal(log, dns_reason_log());
	static const char head[] = "[1] libunbound[2:0] error: SERVFAIL <a.test. CAA IN>: ";
	(void) fprintf(log, "%sgot\tREFUSED\n", head);
	assert_null(dns_reason_take(a, "a.test", "TXT"));
	assert_null(dns_reason_take(a, "b.test", "CAA"));
	assert_string_equal(dns_reason_take(a, "A.test", "CAA"), "got?REFUSED");
	assert_null(dns_reason_take(a, "a.test", "CAA")); /* once */
	(void) fprintf(log, "%s", head);
	for (int i = 0; i < 1000; i++) {
		(void) fprintf(log, "xxxx");
	}
	assert_null(dns_reason_take(a, "a.test", "CAA")); /* the line is not whole yet */
	(void) fprintf(log, "\n");
	assert_int_equal(strlen(dns_reason_take(a, "a.test", "CAA")), 1023 - strlen(head));
	(void) fprintf(log, "another message\n");
	assert_null(dns_reason_take(a, "a.test", "CAA"));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

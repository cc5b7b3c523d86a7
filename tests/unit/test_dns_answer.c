/* link: va */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policy/dns_answer.h"

#define HEAD(rcode, answers) 0, 0, 0x81, 0x80 | (rcode), 0, 1, 0, (answers), 0, 0, 0, 0
/* At 12: a.b.test, type A, class IN; its labels stand at 12, 14 and 16. */
#define QUESTION 1, 'a', 1, 'b', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1
#define AT(offset) 0xc0, (offset)
#define RR(type, length) 0, (type), 0, 1, 0, 0, 0, 60, 0, (length)
#define PACKET(...) \
	{ \
		(const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ }) \
	}

enum { A = 1, CNAME = 5, TXT = 16 };

struct row {
	struct bytes packet;
	int rcode;
	size_t n;
	const char *canonical_name;
};

static void test_answers(void **state)
{
	const struct row rows[] = {
		{ PACKET(HEAD(0, 0), QUESTION), 0, 0, NULL },
		{ PACKET(HEAD(3, 0), QUESTION), 3, 0, NULL },
		{ PACKET(HEAD(0, 2), QUESTION, AT(12), RR(A, 4), 1, 2, 3, 4, AT(12), RR(A, 4), 5, 6, 7, 8), 0, 2, NULL },
		/* capitals do not matter; other names, types and classes do */
		{ PACKET(HEAD(0, 1), QUESTION, 1, 'A', AT(14), RR(A, 4), 1, 2, 3, 4), 0, 1, NULL },
		{ PACKET(HEAD(0, 1), QUESTION, AT(14), RR(A, 4), 1, 2, 3, 4), 0, 0, NULL },
		{ PACKET(HEAD(0, 1), QUESTION, AT(12), RR(TXT, 2), 1, 'x'), 0, 0, NULL },
		{ PACKET(HEAD(0, 1), QUESTION, AT(12), 0, A, 0, 3, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4), 0, 0, NULL },
		/* an alias to c.test, whose label stands at 38; one that leads nowhere; one to the root */
		{ PACKET(HEAD(0, 2), QUESTION, AT(12), RR(CNAME, 4), 1, 'c', AT(16), AT(38), RR(A, 4), 1, 2, 3, 4), 0, 1,
		    "c.test." },
		{ PACKET(HEAD(3, 1), QUESTION, AT(12), RR(CNAME, 4), 1, 'c', AT(16)), 3, 0, "c.test." },
		{ PACKET(HEAD(0, 1), QUESTION, AT(12), RR(CNAME, 1), 0), 0, 0, "." },
		{ PACKET(HEAD(0, 1), QUESTION, AT(12), RR(CNAME, 6), 3, ' ', '\n', 'C', AT(16)), 0, 0, "\?\?C.test." },
		/* the address of the alias's target in front of the alias is no answer, nor an alias behind an answer */
		{ PACKET(HEAD(0, 2), QUESTION, 1, 'c', AT(16), RR(A, 4), 1, 2, 3, 4, AT(12), RR(CNAME, 4), 1, 'c', AT(16)), 0,
		    0, "c.test." },
		{ PACKET(HEAD(0, 2), QUESTION, AT(12), RR(A, 4), 1, 2, 3, 4, AT(12), RR(CNAME, 4), 1, 'c', AT(16)), 0, 1,
		    NULL },
	};
	struct arena *a = arena_new();
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct dns_answer answer;
		if (dns_answer_parse(a, rows[i].packet, A, 10, &answer) != 0) {
			fail_msg("row %zu is not read", i);
		}
		assert_int_equal(answer.rcode, rows[i].rcode);
		assert_int_equal(answer.rdata.n, rows[i].n);
		if (rows[i].n > 0) {
			assert_true(bytes_equal(answer.rdata.v[0], (struct bytes) PACKET(1, 2, 3, 4)));
		}
		if (rows[i].canonical_name == NULL) {
			assert_null(answer.canonical_name);
		} else {
			assert_string_equal(answer.canonical_name, rows[i].canonical_name);
		}
	}
	struct dns_answer answer;
	assert_int_equal(dns_answer_parse(a, rows[2].packet, A, 1, &answer), 0);
	assert_int_equal(answer.rdata.n, 1);
	arena_free(a);
}

static void test_broken_messages(void **state)
{
	const struct bytes rows[] = {
		PACKET(0),
		PACKET(HEAD(0, 0)),
		PACKET(0, 0, 0x81, 0x80, 0, 2, 0, 0, 0, 0, 0, 0, QUESTION), /* two questions */
		PACKET(HEAD(0, 0), 1, 'a', 0, 0, 28, 0, 1),                 /* of another type */
		PACKET(HEAD(0, 0), 1, 'a', 0, 0, 1, 0, 3),                  /* of another class */
		PACKET(HEAD(0, 0), AT(12), 0, 1, 0, 1),                     /* a name that is itself */
		PACKET(HEAD(0, 0), AT(13), 0, 1, 0, 1),                     /* that stands behind */
		PACKET(HEAD(0, 0), 1, 'a', AT(12), 0, 1, 0, 1),             /* without an end */
		PACKET(HEAD(0, 0), 0x41, 'a', 0, 0, 1, 0, 1),               /* labels of another kind */
		PACKET(HEAD(0, 0), 0x80, 'a', 0, 0, 1, 0, 1),
		PACKET(HEAD(0, 0), 5, 'a'),                                 /* cut off */
		PACKET(HEAD(0, 1), QUESTION),                               /* fewer records */
		PACKET(HEAD(0, 1), QUESTION, AT(12), RR(A, 5), 1, 2, 3, 4), /* a cut one */
		PACKET(HEAD(0, 1), QUESTION, AT(12), RR(CNAME, 2), AT(60)), /* an alias to nothing */
		PACKET(HEAD(0, 1), QUESTION, AT(12), RR(CNAME, 0)),
		PACKET(HEAD(0, 1), QUESTION, AT(12), 0, 1, 0),
	};
	struct arena *a = arena_new();
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct dns_answer answer;
		if (dns_answer_parse(a, rows[i], A, 10, &answer) == 0) {
			fail_msg("row %zu is read", i);
		}
	}
	arena_free(a);
}

/* A name has 255 octets at most, its lengths counted (RFC 1035 2.3.4). */
static void test_long_names(void **state)
{
	struct arena *a = arena_new();
	(void) state;
	for (unsigned labels = 127; labels <= 128; labels++) {
		uint8_t p[512] = { HEAD(0, 0) };
		size_t n = 12;
		for (unsigned i = 0; i < labels; i++) {
			p[n++] = 1;
			p[n++] = 'x';
		}
		memcpy(p + n, (const uint8_t[]) { 0, 0, 1, 0, 1 }, 5);
		struct dns_answer answer;
		assert_int_equal(dns_answer_parse(a, (struct bytes) { p, n + 5 }, A, 10, &answer), labels == 127 ? 0 : -1);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_broken_messages),
		cmocka_unit_test(test_long_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

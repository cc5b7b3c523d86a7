/* The writer and reader of DER: shortest lengths, nothing behind, times (D-10). */
#include "tests/unit/crypto_test.h"

#include "tests/unit/hex.h"

static const char *hex(struct ctx *c, struct bytes in)
{
	return hex_encode(c->arena, in);
}

static void lengths_are_shortest(void **state)
{
	struct ctx *c = *state;
	static const uint8_t zeros[70000] = { 0 };
	static const struct {
		size_t n;
		size_t head;
	} cases[] = { { 0, 2 }, { 127, 2 }, { 128, 3 }, { 255, 3 }, { 256, 4 }, { 65535, 4 }, { 65536, 5 } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct bytes one = DER(c->arena, DER_OCTET_STRING, { zeros, cases[i].n });
		assert_int_equal(one.n, cases[i].n + cases[i].head);
		struct bytes content;
		assert_int_equal(der_take_only(one, DER_OCTET_STRING, &content), 0);
		assert_int_equal(content.n, cases[i].n);
		struct bytes cut = { one.p, one.n - 1 };
		assert_int_equal(der_take_only(cut, DER_OCTET_STRING, &content), -1);
	}
}

static void integers(void **state)
{
	struct ctx *c = *state;
	assert_string_equal(hex(c, der_unsigned(c->arena, (struct bytes) { NULL, 0 })), "020100");
	assert_string_equal(hex(c, der_unsigned(c->arena, bytes_of_text("\x7f"))), "02017f");
	assert_string_equal(hex(c, der_unsigned(c->arena, bytes_of_text("\x80"))), "02020080");
	assert_string_equal(hex(c, der_unsigned(c->arena, (struct bytes) { (const uint8_t *) "\0\0\1", 3 })), "020101");
}

/* A length that is longer than it must be, or indefinite, or behind the end. */
static void broken_forms_are_refused(void **state)
{
	struct ctx *c = *state;
	static const char *const broken[] = { "", "04", "0405aabb", "048101aa", "04820001aa", "0480aa0000",
		"0484000000010a", "0400aa", "0500" };
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		struct bytes in = hex_octets(c->arena, broken[i]);
		struct bytes content;
		assert_int_equal(der_take_only(in, DER_OCTET_STRING, &content), -1);
	}
}

/* D-10 */
static void times(void **state)
{
	struct ctx *c = *state;
	static const struct {
		const char *rfc3339;
		const char *text;
		int tag;
	} cases[] = {
		{ "2026-11-21T08:09:10Z", "261121080910Z", DER_UTC_TIME },
		{ "2049-12-31T23:59:59Z", "491231235959Z", DER_UTC_TIME },
		{ "2050-01-01T00:00:00Z", "20500101000000Z", DER_GENERALIZED_TIME },
		{ "1970-01-02T00:00:00Z", "700102000000Z", DER_UTC_TIME },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct timestamp t;
		struct timestamp again;
		assert_int_equal(timestamp_parse(bytes_of_text(cases[i].rfc3339), &t), 0);
		struct bytes der = der_time(c->arena, t);
		assert_int_equal(der.p[0], cases[i].tag);
		assert_true(bytes_equal_text((struct bytes) { der.p + 2, der.n - 2 }, cases[i].text));
		struct der r = der_of(der);
		assert_int_equal(der_take_time(&r, &again), 0);
		assert_int_equal(again.us, t.us);
	}
	static const char *const broken[] = { "170b323631313231303830395a", "170d3236313132313038303931305b",
		"170d3236313332313038303931305a", "180d3236313132313038303931305a", "170d32363131323130382e3931305a" };
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		struct timestamp t;
		struct bytes in = hex_octets(c->arena, broken[i]);
		struct der r = der_of(in);
		assert_int_equal(der_take_time(&r, &t), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(lengths_are_shortest),
		WITH_CTX(integers),
		WITH_CTX(broken_forms_are_refused),
		WITH_CTX(times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

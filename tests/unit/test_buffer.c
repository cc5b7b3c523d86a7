/* Text that grows, and JSON strings as jansson reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/base/buffer.h"

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

/* Octet by octet from any size to start with: the content moves and stays. */
static void grows(void **state)
{
	for (size_t expected = 0; expected < 40; expected += 13) {
		struct buffer b;
		buffer_init(&b, *state, expected);
		for (size_t i = 0; i < 5000; i++) {
			buffer_add_char(&b, (char) ('a' + i % 26));
			assert_true(b.n < b.size);
		}
		struct bytes all = buffer_bytes(&b);
		assert_int_equal(all.n, 5000);
		assert_int_equal(all.p[all.n], '\0');
		for (size_t i = 0; i < all.n; i++) {
			assert_int_equal(all.p[i], 'a' + i % 26);
		}
	}
}

static void adds_each_kind(void **state)
{
	struct buffer b;
	buffer_init(&b, *state, 0);
	assert_int_equal(buffer_bytes(&b).n, 0);
	assert_string_equal((const char *) buffer_bytes(&b).p, "");
	buffer_add(&b, NULL, 0);
	buffer_add(&b, "a\0b", 3);
	buffer_add_text(&b, "");
	buffer_add_int(&b, INT64_MIN);
	buffer_add_int(&b, INT64_MAX);
	buffer_add_int(&b, 0);
	buffer_printf(&b, "%s=%05d", "n", 42);
	static const char expected[] = "a\0b-922337203685477580892233720368547758070n=00042";
	struct bytes all = buffer_bytes(&b);
	assert_int_equal(all.n, sizeof(expected) - 1);
	assert_memory_equal(all.p, expected, sizeof(expected));
	buffer_printf(&b, "%*d", 100000, 1);
	assert_int_equal(buffer_bytes(&b).n, sizeof(expected) - 1 + 100000);
}

static struct bytes quoted(struct arena *a, struct bytes in)
{
	struct buffer b;
	buffer_init(&b, a, 0);
	buffer_add_json(&b, in);
	struct bytes out = buffer_bytes(&b);
	for (size_t i = 0; i < out.n; i++) {
		assert_in_range(out.p[i], 0x20, 0x7e);
	}
	return out;
}

/* What jansson makes of it is the text again. */
static void assert_reads_as(struct bytes out, const void *expected, size_t n)
{
	json_t *read = json_loadb((const char *) out.p, out.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	assert_non_null(read);
	assert_int_equal(json_string_length(read), n);
	assert_memory_equal(json_string_value(read), expected, n);
	json_decref(read);
}

static size_t utf8_of(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char) code;
		return 1;
	}
	size_t n = code < 0x800 ? 2 : (code < 0x10000 ? 3 : 4);
	for (size_t i = n - 1; i > 0; i--, code >>= 6) {
		out[i] = (char) (0x80 | (code & 0x3f));
	}
	out[0] = (char) ((0xf00 >> n & 0xff) | code);
	return n;
}

static void every_character_comes_back(void **state)
{
	(void) state;
	for (uint32_t code = 0; code <= 0x10ffff; code += code < 0x1000 ? 1 : 61) {
		if (code >= 0xd800 && code <= 0xdfff) {
			continue;
		}
		struct arena *a = arena_new();
		char text[6] = "<";
		size_t n = 1 + utf8_of(code, text + 1);
		text[n++] = '>';
		assert_reads_as(quoted(a, (struct bytes) { (const uint8_t *) text, n }), text, n);
		arena_free(a);
	}
}

static void escapes_are_short(void **state)
{
	struct arena *a = *state;
	struct bytes out = quoted(a, bytes_of_text("a/\"\\\n\r\t\x01\x7f\xc3\xbc\xf0\x9f\x98\x80"));
	assert_string_equal((const char *) out.p, "\"a/\\\"\\\\\\n\\r\\t\\u0001\\u007F\\u00FC\\uD83D\\uDE00\"");
	assert_string_equal((const char *) quoted(a, (struct bytes) { NULL, 0 }).p, "\"\"");
}

/* Overlong, surrogates, over U+10FFFF, cut off, alone: a U+FFFD for each octet, and what follows is kept. */
static void what_is_no_utf8_is_replaced(void **state)
{
	static const struct {
		const char *in;
		size_t replaced;
	} cases[] = { { "\xc0\x80", 2 }, { "\xc1\xbf", 2 }, { "\xe0\x80\x80", 3 }, { "\xe0\x9f\xbf", 3 },
		{ "\xf0\x80\x80\x80", 4 }, { "\xf0\x8f\xbf\xbf", 4 }, { "\xed\xa0\x80", 3 }, { "\xed\xbf\xbf", 3 },
		{ "\xf4\x90\x80\x80", 4 }, { "\xf8\x88\x80\x80\x80", 5 }, { "\x80", 1 }, { "\xbf", 1 }, { "\xff", 1 },
		{ "\xfe", 1 }, { "\xe2\x82", 2 }, { "\xf0\x9f\x98", 3 }, { "\xc3", 1 } };
	struct arena *a = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buffer expected;
		buffer_init(&expected, a, 64);
		for (size_t k = 0; k < cases[i].replaced; k++) {
			buffer_add_text(&expected, "\xef\xbf\xbd");
		}
		struct bytes out = quoted(a, bytes_of_text(cases[i].in));
		assert_reads_as(out, expected.p, expected.n);
		buffer_add_char(&expected, 'x');
		out = quoted(a, bytes_of_text(arena_printf(a, "%sx", cases[i].in)));
		assert_reads_as(out, expected.p, expected.n);
	}
}

#define WITH_ARENA(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(grows),
		WITH_ARENA(adds_each_kind),
		WITH_ARENA(every_character_comes_back),
		WITH_ARENA(escapes_are_short),
		WITH_ARENA(what_is_no_utf8_is_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* base64, base64url and hex: the vectors of RFC 4648, OpenSSL's coder as a second opinion, and one spelling for each
 * string of octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "lib/base/base64.h"
#include "lib/base/clock.h"

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

static void vectors(void **state)
{
	static const char *const cases[][3] = { { "", "", "" }, { "f", "Zg==", "66" }, { "fo", "Zm8=", "666f" },
		{ "foo", "Zm9v", "666f6f" }, { "foob", "Zm9vYg==", "666f6f62" }, { "fooba", "Zm9vYmE=", "666f6f6261" },
		{ "foobar", "Zm9vYmFy", "666f6f626172" }, { "\xfb\xff\xfe", "+//+", "fbfffe" } };
	struct arena *a = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_string_equal(base64_encode(a, bytes_of_text(cases[i][0])), cases[i][1]);
		assert_string_equal(hex_encode(a, bytes_of_text(cases[i][0])), cases[i][2]);
	}
	/* RFC 7515 appendix C, and the two characters that differ */
	assert_string_equal(base64url_encode(a, bytes_of_text("\x03\xec\xff\xe0\xc1")), "A-z_4ME");
	assert_string_equal(base64url_encode(a, bytes_of_text("\xfb\xff\xfe")), "-__-");
	assert_string_equal(base64url_encode(a, (struct bytes) { NULL, 0 }), "");
}

/* The text without padding and in the alphabet of base64url. */
static const char *to_url(struct arena *a, const char *text)
{
	char *out = arena_alloc(a, strlen(text) + 1);
	for (size_t i = 0; text[i] != '\0' && text[i] != '='; i++) {
		out[i] = text[i] == '+' ? '-' : (char) (text[i] == '/' ? '_' : text[i]);
	}
	return out;
}

static void agrees_with_openssl(void **state)
{
	struct arena *a = *state;
	uint8_t octets[300];
	unsigned char expected[404];
	for (size_t n = 0; n <= sizeof(octets); n++) {
		const struct bytes in = { octets, n };
		struct bytes back;
		random_bytes(octets, sizeof(octets));
		expected[0] = '\0';
		(void) EVP_EncodeBlock(expected, octets, (int) n);
		const char *text = base64_encode(a, in);
		const char *url = base64url_encode(a, in);
		assert_string_equal(text, expected);
		assert_string_equal(url, to_url(a, text));
		assert_int_equal(strlen(url), BASE64URL_ENCODED(n));
		assert_int_equal(BASE64URL_DECODED(strlen(url)), n);
		assert_int_equal(base64_decode(a, bytes_of_text(text), &back), 0);
		assert_true(bytes_equal(back, in));
		assert_int_equal(base64url_decode(a, bytes_of_text(url), &back), 0);
		assert_true(bytes_equal(back, in));
	}
}

/* Whatever is read is written as it was: of all texts of two and of three octets. */
static void one_spelling_for_each(void **state)
{
	(void) state;
	size_t good[2] = { 0, 0 };
	for (unsigned i = 0; i < 256 * 256; i++) {
		struct arena *a = arena_new();
		char text[4] = { (char) (i >> 8), (char) i, 'A', '\0' };
		for (size_t n = 2; n <= 3; n++) {
			struct bytes out;
			if (base64url_decode(a, (struct bytes) { (const uint8_t *) text, n }, &out) == 0) {
				good[n - 2]++;
				assert_int_equal(out.n, n - 1);
				assert_memory_equal(base64url_encode(a, out), text, n);
			}
		}
		arena_free(a);
	}
	assert_int_equal(good[0], 256);     /* two characters stand for one octet */
	assert_int_equal(good[1], 64 * 64); /* the third being A leaves two free */
}

static void other_texts_are_refused(void **state)
{
	struct arena *a = *state;
	static const char *const url[] = { "A", "AAAAA", "Zg==", "Zg=", "Z g", "Zm9v\n", " Zm9v", "+//+", "Zh", "Zm9",
		"Zm9v=" };
	static const char *const padded[] = { "A", "Zg", "Zg=", "Zg===", "Z===", "====", "=",
		"==", "Zh==", "Zm9=", "Zg==Zg==", "=Zg=", "Z=g=", "Zm9v\nZm9v", "-__-", "Zm9v====", "Zm9vZg= " };
	struct bytes out = { NULL, 77 };
	for (size_t i = 0; i < COUNT_OF(url); i++) {
		assert_int_equal(base64url_decode(a, bytes_of_text(url[i]), &out), -1);
	}
	for (size_t i = 0; i < COUNT_OF(padded); i++) {
		assert_int_equal(base64_decode(a, bytes_of_text(padded[i]), &out), -1);
	}
	assert_int_equal(base64url_decode(a, (struct bytes) { (const uint8_t *) "Zm\0v", 4 }, &out), -1);
	assert_int_equal(out.n, 77); /* written on success only */
	assert_int_equal(base64url_decode(a, (struct bytes) { NULL, 0 }, &out), 0);
	assert_int_equal(out.n, 0);
}

#define WITH_ARENA(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(vectors),
		WITH_ARENA(agrees_with_openssl),
		WITH_ARENA(one_spelling_for_each),
		WITH_ARENA(other_texts_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

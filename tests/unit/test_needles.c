/* A text is found in whatever form a program wrote it, and nothing else is (G-65). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/base64.h"
#include "lib/base/needles.h"

static const char *const texts[] = { "canary-8f3k2m9q", "15550001234" };

static const char *form_of(struct arena *a, struct bytes in, size_t *ret_at)
{
	struct needles all = needles_of(a, texts, COUNT_OF(texts));
	const struct needle *found = needles_find(&all, in, arena_alloc(a, in.n + 1), ret_at);
	return found == NULL ? "none" : found->form;
}

static struct bytes utf16(struct arena *a, const char *text)
{
	size_t n = strlen(text);
	uint8_t *wide = arena_alloc(a, 2 * n);
	for (size_t i = 0; i < n; i++) {
		wide[2 * i] = (uint8_t) text[i];
		wide[2 * i + 1] = 0;
	}
	return (struct bytes) { wide, 2 * n };
}

static void each_form_is_found(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	size_t at = 0;
	static const char *const clear[] = { "--canary-8f3k2m9q@ca.example", "--CANARY-8F3K2M9Q", "--15550001234" };
	for (size_t i = 0; i < COUNT_OF(clear); i++) {
		assert_string_equal(form_of(a, bytes_of_text(clear[i]), &at), "clear");
		assert_int_equal(at, 2);
		assert_string_equal(form_of(a, bytes_of_text(hex_encode(a, bytes_of_text(clear[i]))), &at), "hex");
		if (i == 0) {
			assert_string_equal(form_of(a, utf16(a, clear[i]), &at), "UTF-16");
			assert_string_equal(form_of(a, bytes_of_text(hex_encode(a, utf16(a, clear[i]))), &at), "hex");
		}
	}
	arena_free(a);
}

/* Wherever it stands in what was encoded, and with whatever before and behind it. */
static void base64_is_found(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	size_t at = 0;
	for (size_t i = 0; i < 9; i++) {
		const char *whole = arena_printf(
		    a, "%.*s%s%.*s", (int) i, "\xff\xfe?>~{{\"a\"", texts[i % 2], (int) (8 - i), "}\xfb\xffzzzzzz");
		const char *coded =
		    i % 3 == 0 ? base64_encode(a, bytes_of_text(whole)) : base64url_encode(a, bytes_of_text(whole));
		assert_string_equal(form_of(a, bytes_of_text(coded), &at), "base64");
		assert_string_equal(form_of(a, bytes_of_text(hex_encode(a, bytes_of_text(coded))), &at), "base64 in hex");
	}
	arena_free(a);
}

static void nothing_else_is_found(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	size_t at = 0;
	static const char *const others[] = { "", "canary", "canary-8f3k2m9", "canary 8f3k2m9q", "1555000123",
		"Y2FuYXJ5LThmM2sybTlx" };
	for (size_t i = 0; i + 1 < COUNT_OF(others); i++) {
		assert_string_equal(form_of(a, bytes_of_text(others[i]), &at), "none");
	}
	assert_string_equal(form_of(a, bytes_of_text(others[5]), &at), "base64");
	/* base64 of another case is another text */
	assert_string_equal(form_of(a, bytes_of_text("y2fuyxj5lthmm2sybtlx"), &at), "none");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_found),
		cmocka_unit_test(base64_is_found),
		cmocka_unit_test(nothing_else_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

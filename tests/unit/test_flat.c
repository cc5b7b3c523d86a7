#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto/flat.h"

static void plain_members_are_found(void **state)
{
	(void) state;
	struct flat f;
	assert_int_equal(flat_parse(bytes_of_text(" { \"a\" : \"1\",\r\n\t\"bc\":\"\" , \"\":\"x\"} \n"), &f), 0);
	assert_int_equal(f.n, 3);
	assert_true(bytes_equal_text(flat_find(&f, "a"), "1"));
	assert_true(flat_find(&f, "bc").p != NULL && flat_find(&f, "bc").n == 0);
	assert_true(bytes_equal_text(flat_find(&f, ""), "x"));
	assert_null(flat_find(&f, "b").p);
	assert_int_equal(
	    flat_parse(bytes_of_text("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\",\"f\":\"6\"}"), &f), 0);
	assert_true(bytes_equal_text(flat_find(&f, "f"), "6"));
}

/* all else is for the general parser to read, or to refuse. */
static void all_else_is_left_alone(void **state)
{
	(void) state;
	static const char *const texts[] = { "", " ", "{}", "{", "[\"a\"]", "\"a\"", "{\"a\"}", "{\"a\":}", "{\"a\":1}",
		"{\"a\":null}", "{\"a\":[\"b\"]}", "{\"a\":{\"b\":\"c\"}}", "{\"a\":\"b\"", "{\"a\":\"b", "{\"a\":\"b\",}",
		"{,\"a\":\"b\"}", "{\"a\":\"b\"}x", "{\"a\":\"b\"}{}", "{\"a\":\"b\";\"c\":\"d\"}", "{\"a\":\"b\",\"a\":\"b\"}",
		"{\"a\":\"\\u0041\"}", "{\"a\":\"\\\"\"}", "{\"\\u0061\":\"b\"}", "{\"a\":\"\xc3\xbc\"}", "{\"a\":\"\t\"}",
		"{\"a\":\"\x7f\"}", "{'a':'b'}", "{a:\"b\"}", "\xef\xbb\xbf{\"a\":\"b\"}", "{\"a\":\"b\"}\v",
		"{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\",\"f\":\"6\",\"g\":\"7\"}" };
	struct flat f;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (flat_parse(bytes_of_text(texts[i]), &f) == 0) {
			fail_msg("%s", texts[i]);
		}
	}
	assert_int_equal(flat_parse((struct bytes) { (const uint8_t *) "{\"a\":\"b\"}", 10 }, &f), -1); /* a NUL behind */
	assert_int_equal(flat_parse((struct bytes) { NULL, 0 }, &f), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_members_are_found),
		cmocka_unit_test(all_else_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

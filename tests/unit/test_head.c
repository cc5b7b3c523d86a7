/* The heads of answers between our own processes: one strict form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/http/head.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define LENGTH "Content-Length: 2\r\n"
#define END "\r\n"

static void reads_what_servers_send(void **state)
{
	(void) state;
	static const char text[] =
	    "HTTP/1.1 503 Service Unavailable\r\nconnection: Keep-Alive\r\nContent-Type:\tapplication/json "
	    "\r\nX-Empty:\r\nCONTENT-LENGTH: 0012 \r\n\r\nbody";
	struct http_head head;
	assert_int_equal(http_head_parse(bytes_of_text(text), &head), 1);
	assert_int_equal(head.status, 503);
	assert_int_equal(head.body, 12);
	assert_int_equal(head.n, strlen(text) - 4);
	assert_true(head.keep);
	assert_true(bytes_equal_text(head.content_type, "application/json"));
	assert_int_equal(http_head_parse(bytes_of_text(OK LENGTH "Connection: close\r\n" END), &head), 1);
	assert_false(head.keep);
	assert_int_equal(head.content_type.n, 0);
	assert_int_equal(http_head_parse(bytes_of_text("HTTP/1.1 200\r\n" LENGTH END), &head), 1);
}

static void waits_for_the_rest(void **state)
{
	(void) state;
	static const char text[] = OK LENGTH END;
	for (size_t n = 0; n < strlen(text); n++) {
		struct http_head head;
		assert_int_equal(http_head_parse((struct bytes) { (const uint8_t *) text, n }, &head), 0);
	}
}

static void refuses_other_forms(void **state)
{
	(void) state;
	static const char *const cases[] = {
		END END,
		"HTTP/1.0 200 OK\r\n" LENGTH END,
		"HTTP/2 200\r\n" LENGTH END,
		"HTTP/1.1 20 OK\r\n" LENGTH END,
		"HTTP/1.1 2000 OK\r\n" LENGTH END,
		"HTTP/1.1 2x0 OK\r\n" LENGTH END,
		"HTTP/1.1 100 Continue\r\n" LENGTH END,
		"HTTP/1.1 204 No Content\r\n" LENGTH END,
		"HTTP/1.1 304 Not Modified\r\n" LENGTH END,
		"HTTP/1.1 600 More\r\n" LENGTH END,
		OK END,
		OK LENGTH LENGTH END,
		OK "Content-Length:\r\n" END,
		OK "Content-Length: -1\r\n" END,
		OK "Content-Length: 2, 2\r\n" END,
		OK "Content-Length: 1234567890123\r\n" END,
		OK LENGTH "Transfer-Encoding: chunked\r\n" END,
		OK LENGTH "No colon\r\n" END,
		OK LENGTH ": no name\r\n" END,
		OK LENGTH "Blank : x\r\n" END,
		OK LENGTH " folded: x\r\n" END,
		OK LENGTH "Control: \x01\r\n" END,
		OK LENGTH "Lone: a\rb\r\n" END,
		OK LENGTH "Lone: a\nb: c\r\n" END,
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_head head;
		if (http_head_parse(bytes_of_text(cases[i]), &head) != -1) {
			fail_msg("case %zu", i);
		}
	}
}

static void is_bounded(void **state)
{
	(void) state;
	char text[HTTP_HEAD_MAX + 100];
	memset(text, 'a', sizeof(text));
	memcpy(text, OK, strlen(OK));
	struct http_head head;
	assert_int_equal(http_head_parse((struct bytes) { (const uint8_t *) text, HTTP_HEAD_MAX - 1 }, &head), 0);
	assert_int_equal(http_head_parse((struct bytes) { (const uint8_t *) text, HTTP_HEAD_MAX }, &head), -1);
	memcpy(text + HTTP_HEAD_MAX - 2, "\r\n\r\n", 4); /* it ends behind the bound */
	assert_int_equal(http_head_parse((struct bytes) { (const uint8_t *) text, sizeof(text) }, &head), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_servers_send),
		cmocka_unit_test(waits_for_the_rest),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

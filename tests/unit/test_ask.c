/* Heads of requests and chunked bodies as anybody may send them: one strict form, whatever pieces they come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/http/ask.h"
#include "lib/http/chunks.h"

#define MAX_BODY 1000
#define HOST "Host: h\r\n"

static enum problem refusal_of(struct bytes text)
{
	struct ctx c;
	ctx_init(&c);
	struct http_ask ask;
	int result = http_ask_parse(&c, text, MAX_BODY, &ask);
	enum problem type = c.err.type;
	assert_int_equal(result, type == PROBLEM_NONE ? 0 : -1);
	ctx_done(&c);
	return type;
}

static void reads_a_head(void **state)
{
	(void) state;
	static const char text[] = "\r\nPOST /a%2f?b?c HTTP/1.1\r\nhost:h\r\nX-One: \t one two \t\r\nX-Empty:\r\n"
	                           "CONTENT-LENGTH: 0012\r\nExpect: 100-Continue\r\n\r\nbody";
	struct ctx c;
	ctx_init(&c);
	struct http_ask ask;
	assert_int_equal(http_ask_parse(&c, bytes_of_text(text), MAX_BODY, &ask), 0);
	assert_int_equal(ask.n, strlen(text) - 4);
	assert_string_equal(ask.method, "POST");
	assert_string_equal(ask.target, "/a%2f?b?c");
	assert_string_equal(ask.path, "/a%2f");
	assert_string_equal(ask.query, "b?c");
	assert_int_equal(ask.n_headers, 5);
	assert_string_equal(ask.headers[1].name, "X-One");
	assert_string_equal(ask.headers[1].value, "one two");
	assert_string_equal(ask.headers[2].value, "");
	assert_int_equal(ask.length, 12);
	assert_true(ask.continues && ask.keep && ask.one_one && !ask.chunked);
	ctx_done(&c);
}

/* At each octet before the last it waits, and what it waits for is not refused. */
static void waits_for_the_rest(void **state)
{
	(void) state;
	static const char text[] = "\r\nPOST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n";
	for (size_t n = 0; n < strlen(text); n++) {
		struct ctx c;
		ctx_init(&c);
		struct http_ask ask;
		assert_int_equal(http_ask_parse(&c, (struct bytes) { (const uint8_t *) text, n }, MAX_BODY, &ask), 0);
		assert_int_equal(ask.n, 0);
		ctx_done(&c);
	}
}

static void knows_who_comes_again(void **state)
{
	(void) state; /* RFC 9112 9.3 */
	static const struct {
		const char *head;
		bool keep;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n" HOST "\r\n", true },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: x , CLOSE\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ctx c;
		ctx_init(&c);
		struct http_ask ask;
		assert_int_equal(http_ask_parse(&c, bytes_of_text(cases[i].head), MAX_BODY, &ask), 0);
		if (ask.n == 0 || ask.keep != cases[i].keep) {
			fail_msg("case %zu", i);
		}
		ctx_done(&c);
	}
}

static void refuses_other_forms(void **state)
{
	(void) state; /* */
	static const struct {
		const char *text;
		enum problem type;
	} cases[] = {
		{ "\r\n\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET /\r\n\r\n", PROBLEM_MALFORMED },
		{ " / HTTP/1.1\r\n" HOST "\r\n", PROBLEM_MALFORMED },
		{ "G(T / HTTP/1.1\r\n" HOST "\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/2.0\r\n" HOST "\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1 \r\n" HOST "\r\n", PROBLEM_MALFORMED },
		{ "GET / http/1.1\r\n" HOST "\r\n", PROBLEM_MALFORMED },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET nowhere HTTP/1.1\r\n" HOST "\r\n", PROBLEM_MALFORMED },
		{ "GET http://h HTTP/1.1\r\n" HOST "\r\n", PROBLEM_MALFORMED },
		{ "GET /\x7f HTTP/1.1\r\n" HOST "\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "X y: 1\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "X : 1\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST ": 1\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST " X: 1\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "X: a\rY: b\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\n" HOST, PROBLEM_MALFORMED }, /* before its end is there */
		{ "\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 1a\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", PROBLEM_MALFORMED },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n", PROBLEM_TOO_LARGE },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\n", PROBLEM_TOO_LARGE },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n", PROBLEM_NONE },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		enum problem type = refusal_of(bytes_of_text(cases[i].text));
		if (type != cases[i].type) {
			fail_msg("case %zu: %s", i, problem_info(type)->name);
		}
	}
	static const char nul[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n";
	assert_int_equal(refusal_of((struct bytes) { (const uint8_t *) nul, sizeof(nul) - 1 }), PROBLEM_MALFORMED);
	static const char in_method[] = "G\0T / HTTP/1.1\r\n" HOST "\r\n";
	assert_int_equal(
	    refusal_of((struct bytes) { (const uint8_t *) in_method, sizeof(in_method) - 1 }), PROBLEM_MALFORMED);
}

static void bounds_what_it_waits_for(void **state)
{
	(void) state; /* */
	static char text[30000];
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	assert_int_equal(refusal_of((struct bytes) { (const uint8_t *) text, 4000 }), PROBLEM_NONE);
	assert_int_equal(refusal_of((struct bytes) { (const uint8_t *) text, 4200 }), PROBLEM_URI_TOO_LONG);
	static const char line[] = "GET / HTTP/1.1\r\nX: ";
	memcpy(text, line, sizeof(line) - 1);
	assert_int_equal(refusal_of((struct bytes) { (const uint8_t *) text, 16384 }), PROBLEM_NONE);
	assert_int_equal(refusal_of((struct bytes) { (const uint8_t *) text, 16385 }), PROBLEM_HEADERS_TOO_LARGE);
	memcpy(text + 20000, "\r\n\r\n", 4);
	assert_int_equal(refusal_of((struct bytes) { (const uint8_t *) text, 20004 }), PROBLEM_HEADERS_TOO_LARGE);
}

/* A record tells what was asked for, also when the head is refused before its end is there. */
static void tells_the_first_line_of_what_it_refuses(void **state)
{
	(void) state; /* G-2 */
	static char large[20000];
	memset(large, 'a', sizeof(large) - 1);
	static const char line[] = "POST /acme/x?y HTTP/1.1\r\nX: ";
	memcpy(large, line, sizeof(line) - 1);
	const char *const cases[] = { large, "POST /acme/x?y HTTP/1.1\r\nX: a\n" };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ctx c;
		ctx_init(&c);
		struct http_ask ask;
		assert_int_equal(http_ask_parse(&c, bytes_of_text(cases[i]), MAX_BODY, &ask), -1);
		assert_string_equal(ask.method, "POST");
		assert_string_equal(ask.target, "/acme/x?y");
		assert_string_equal(ask.path, "/acme/x");
		assert_int_equal(ask.n, 0);
		ctx_done(&c);
	}
}

/* The body of a chunked text that comes in pieces of so many octets; what is behind it is in ret_left. */
static int decode(const char *text, size_t step, char *ret_body, size_t *ret_left)
{
	struct http_chunks chunks = { 0 };
	size_t n = strlen(text);
	int result = 0;
	ret_body[0] = '\0';
	for (size_t at = 0; at < n && result == 0; at += step) {
		struct bytes in = { (const uint8_t *) text + at, n - at < step ? n - at : step };
		while (in.n > 0 && result == 0) {
			struct bytes piece;
			result = http_chunks_take(&chunks, &in, &piece);
			if (piece.n > 0) {
				strncat(ret_body, (const char *) piece.p, piece.n);
			}
		}
		*ret_left = in.n + (n - at < step ? 0 : n - at - step);
	}
	return result;
}

static void joins_chunks(void **state)
{
	(void) state; /* RFC 9112 7.1 */
	static const char text[] =
	    "3\r\nabc\r\n0A;x=\"y\" z\r\n0123456789\r\n1 \r\n-\r\n00\r\nTrailer: t\r\nX: y\r\n\r\nnext";
	for (size_t step = 1; step < sizeof(text); step++) {
		char body[100];
		size_t left = 0;
		assert_int_equal(decode(text, step, body, &left), 1);
		assert_string_equal(body, "abc0123456789-");
		assert_int_equal(left, 4);
	}
}

static void refuses_other_chunks(void **state)
{
	(void) state; /* */
	static const char *const cases[] = {
		"\r\n",
		";x\r\n",
		"x\r\n",
		"-1\r\na",
		"+1\r\na",
		"0x1\r\na",
		"1\na\n",
		"1\r\nab",
		"1\r\na\n",
		"1\r\na\rb",
		"1\rx",
		"1;x\x01\r\n",
		"1;x\nb\r\n",
		"000000001\r\na",
		"fffffffff\r\n",
		"0\r\nX: y\n\r\n",
		"0\r\nX: y\rz",
		"0\r\n\rx",
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char body[100];
		size_t left = 0;
		if (decode(cases[i], 1, body, &left) != -1) {
			fail_msg("case %zu", i);
		}
	}
	char *endless = calloc(1, 6000);
	char body[100];
	size_t left = 0;
	memset(endless, 'x', 5999);
	memcpy(endless, "0\r\n", 3);
	assert_int_equal(decode(endless, 1, body, &left), -1);
	memcpy(endless, "1;a", 3);
	assert_int_equal(decode(endless, 1, body, &left), -1);
	free(endless);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_head),
		cmocka_unit_test(waits_for_the_rest),
		cmocka_unit_test(knows_who_comes_again),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(bounds_what_it_waits_for),
		cmocka_unit_test(tells_the_first_line_of_what_it_refuses),
		cmocka_unit_test(joins_chunks),
		cmocka_unit_test(refuses_other_chunks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

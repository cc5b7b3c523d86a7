/* link: va */
/* Answers as they come over the wire, whole and octet by octet (A-104, A-107, C-11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "va/http_reader.h"

struct row {
	const char *wire;
	enum failure failure; /* once the connection has ended */
	int status;
	const char *body;
};

static enum failure feed(struct http_reader *r, struct arena *a, const char *wire, size_t piece)
{
	enum failure failure = FAILURE_NONE;
	http_reader_init(r, a);
	for (size_t at = 0; at < strlen(wire) && failure == FAILURE_NONE && r->state != READER_DONE; at += piece) {
		size_t left = strlen(wire) - at;
		failure = http_reader_take(r, (struct bytes) { (const uint8_t *) wire + at, left < piece ? left : piece });
	}
	return failure == FAILURE_NONE ? http_reader_end(r) : failure;
}

static void check_row(const struct row *row, size_t piece)
{
	struct http_reader r;
	struct arena *a = arena_new();
	enum failure failure = feed(&r, a, row->wire, piece);
	struct bytes body = { (const uint8_t *) r.answer.body.p, r.answer.body.n };
	if (failure != row->failure || r.status != row->status || !bytes_equal_text(body, row->body)) {
		fail_msg("%s in pieces of %zu: failure %d, status %d, \"%.*s\"", row->wire, piece, (int) failure, r.status,
		    (int) body.n, (const char *) body.p);
	}
	arena_free(a);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static void test_answers(void **state)
{
	static const struct row rows[] = {
		{ "", FAILURE_EMPTY, 0, "" },
		{ OK "\r\nabc", FAILURE_NONE, 200, "abc" },
		{ "HTTP/1.0 404\n\nno", FAILURE_NONE, 404, "no" },
		{ "HTTP/1.1 200\r\n\r\n", FAILURE_NONE, 200, "" },
		{ OK "Content-Length: 3\r\n\r\nabcdef", FAILURE_NONE, 200, "abc" },
		{ OK "content-length:\t0 \r\n\r\nabc", FAILURE_NONE, 200, "" },
		{ OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", FAILURE_NONE, 200, "abc" },
		{ OK "Content-Length: 3\r\nContent-Length: 2\r\n\r\nabc", FAILURE_MALFORMED, 200, "" },
		{ OK "Content-Length: 4\r\n\r\nabc", FAILURE_RESET, 200, "abc" },
		{ OK "Content-Length: \r\n\r\nabc", FAILURE_MALFORMED, 200, "" },
		{ OK "Content-Length: +3\r\n\r\nabc", FAILURE_MALFORMED, 200, "" },
		{ OK "Content-Length: 3, 3\r\n\r\nabc", FAILURE_MALFORMED, 200, "" },
		{ OK "Content-Length: 1000000000000000000\r\n\r\nabc", FAILURE_MALFORMED, 200, "" },
		{ CHUNKED "3\r\nabc\r\n0\r\n\r\n", FAILURE_NONE, 200, "abc" },
		{ CHUNKED "1\na\n2;note=\"x\"\r\nbc\r\n0;x\r\n", FAILURE_NONE, 200, "abc" },
		{ CHUNKED "00000003 \r\nabc\r\n000\r\n", FAILURE_NONE, 200, "abc" },
		{ CHUNKED "3\r\nabc\r\n", FAILURE_RESET, 200, "abc" },
		{ CHUNKED "3\r\nabcd\r\n0\r\n", FAILURE_MALFORMED, 200, "abc" },
		{ CHUNKED "3\r\nab", FAILURE_RESET, 200, "ab" },
		{ CHUNKED "\r\n", FAILURE_MALFORMED, 200, "" },
		{ CHUNKED "g\r\n", FAILURE_MALFORMED, 200, "" },
		{ CHUNKED "3x\r\nabc\r\n0\r\n", FAILURE_MALFORMED, 200, "" },
		{ CHUNKED "000000003\r\nabc\r\n0\r\n", FAILURE_MALFORMED, 200, "" },
		{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc", FAILURE_MALFORMED, 200, "" },
		{ OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", FAILURE_MALFORMED, 200, "" },
		{ OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n", FAILURE_NONE, 200, "abc" },
		{ "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n" OK "\r\nabc", FAILURE_NONE, 200, "abc" },
		{ "HTTP/1.1 103 X\r\n\r\n", FAILURE_RESET, 103, "" },
		{ "HTTP/1.1 101 X\r\n\r\nabc", FAILURE_NONE, 101, "abc" },
		{ "HTTP/1.1 204 X\r\n\r\nabc", FAILURE_NONE, 204, "" },
		{ "HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: x\r\n\r\nabc", FAILURE_NONE, 302, "" },
		{ "HTTP/1.1 302 X\r\nLoc", FAILURE_RESET, 302, "" },
		{ "HTTP/1.1 20", FAILURE_RESET, 0, "" },
		{ "HTTP/1.1 2000 OK\r\n\r\n", FAILURE_NOT_HTTP, 0, "" },
		{ "HTTP/1.1 20 OK\r\n\r\n", FAILURE_NOT_HTTP, 0, "" },
		{ "HTTP/2 200 OK\r\n\r\n", FAILURE_NOT_HTTP, 0, "" },
		{ "HTTP/0.9 200 OK\r\n\r\n", FAILURE_NOT_HTTP, 0, "" },
		{ "ICY 200 OK\r\n\r\n", FAILURE_NOT_HTTP, 0, "" },
		{ "HTTQ", FAILURE_NOT_HTTP, 0, "" },
		{ "\r\n" OK "\r\n", FAILURE_NOT_HTTP, 0, "" },
		{ OK ": no name\r\nno colon\r\n folded\r\n\r\nabc", FAILURE_NONE, 200, "abc" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_row(&rows[i], 1);
		check_row(&rows[i], 7);
		check_row(&rows[i], 100000);
	}
}

static void test_locations(void **state)
{
	static const struct {
		const char *wire;
		size_t n;
		const char *last;
	} rows[] = {
		{ "HTTP/1.1 302 X\r\nlocation:  /a b\t \r\n\r\n", 1, "/a b" },
		{ "HTTP/1.1 302 X\r\nLocation: /a\r\nLOCATION: /\xc3\xa9\r\n\r\n", 2, "/%C3%A9" },
		{ "HTTP/1.1 302 X\r\nX-Location: /a\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 103 X\r\nLocation: /early\r\n\r\nHTTP/1.1 302 X\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 302 X\r\nX: y\r\n Location: /a\r\n\r\n", 0, NULL },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_reader r;
		struct arena *a = arena_new();
		assert_int_equal(feed(&r, a, rows[i].wire, 5), FAILURE_NONE);
		assert_int_equal(r.answer.locations, rows[i].n);
		assert_true((r.answer.location == NULL) == (rows[i].last == NULL));
		if (rows[i].last != NULL) {
			assert_string_equal(r.answer.location, rows[i].last);
		}
		arena_free(a);
	}
}

static void test_bounds(void **state)
{
	static const char nul[] = OK "X: a\0b\r\n\r\n";
	static char text[40000];
	struct http_reader r;
	struct arena *a = arena_new();
	(void) state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, OK, strlen(OK)); /* a field without an end */
	assert_int_equal(feed(&r, a, text, 1000), FAILURE_HEADERS);
	for (size_t i = strlen(OK); i + 10 < sizeof(text); i += 10) {
		memcpy(text + i, "X: aaaaa\r\n", 10);
	}
	assert_int_equal(feed(&r, a, text, 1000), FAILURE_HEADERS);
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, CHUNKED "3;", strlen(CHUNKED "3;"));
	assert_int_equal(feed(&r, a, text, 1000), FAILURE_MALFORMED);
	memcpy(text, OK "\r\n\n\n", strlen(OK "\r\n\n\n"));
	assert_int_equal(feed(&r, a, text, 1000), FAILURE_NONE);
	assert_int_equal(r.state, READER_DONE);
	assert_int_equal(r.answer.body.n, HTTP_ANSWER_BODY_READ);
	http_reader_init(&r, a);
	assert_int_equal(
	    http_reader_take(&r, (struct bytes) { (const uint8_t *) nul, sizeof(nul) - 1 }), FAILURE_MALFORMED);
	assert_true(arena_used(a) < 512 * 1024);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_locations),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* link: wfe */
/* The form of the spool's records: what was written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto/digest.h"
#include "wfe/record.h"

static const uint8_t digest[SHA256_SIZE] = { 1, 2, 3 };

static const struct record_begin whole_begin = {
	.received_at = { INT64_C(1795248550123456) },
	.method = "POST",
	.route = "new-order",
	.url = "/acme/new-order",
	.remote_address = "2001:db8::17",
	.remote_port = 50123,
	.user_agent = "client/1.0",
	.accept_language = "de",
	.headers = "Host: ca.test\nAccept: */*",
	.has_body = true,
	.body = { (const uint8_t *) "a\0b", 3 },
	.body_sha256 = { digest, sizeof(digest) },
	.body_octets = 3,
};

static const struct record_end whole_end = {
	.account_id = { { 1, 2, 3, 4 } },
	.status = 403,
	.problem = "UNAUTHORIZED",
	.rule = "name.blocked",
	.has_reply = true,
	.reply = { (const uint8_t *) "{}", 2 },
	.reply_sha256 = { digest, sizeof(digest) },
	.reply_octets = 2,
	.duration_us = INT64_C(5000000000),
};

static void all_members_come_back(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct record_begin begin;
	struct record_end end;
	assert_int_equal(record_parse_begin(record_encode_begin(a, &whole_begin), &begin), 0);
	assert_int_equal(begin.received_at.us, whole_begin.received_at.us);
	assert_string_equal(begin.method, "POST");
	assert_string_equal(begin.route, "new-order");
	assert_string_equal(begin.url, "/acme/new-order");
	assert_string_equal(begin.remote_address, "2001:db8::17");
	assert_int_equal(begin.remote_port, 50123);
	assert_string_equal(begin.user_agent, "client/1.0");
	assert_string_equal(begin.accept_language, "de");
	assert_string_equal(begin.headers, whole_begin.headers);
	assert_true(begin.has_body && bytes_equal(begin.body, whole_begin.body));
	assert_true(bytes_equal(begin.body_sha256, whole_begin.body_sha256));
	assert_int_equal(begin.body_octets, 3);
	assert_int_equal(record_parse_end(record_encode_end(a, &whole_end), &end), 0);
	assert_true(id_equal(end.account_id, whole_end.account_id));
	assert_int_equal(end.status, 403);
	assert_string_equal(end.problem, "UNAUTHORIZED");
	assert_string_equal(end.rule, "name.blocked");
	assert_true(end.has_reply && bytes_equal(end.reply, whole_end.reply));
	assert_true(bytes_equal(end.reply_sha256, whole_end.reply_sha256));
	assert_int_equal(end.reply_octets, 2);
	assert_int_equal(end.duration_us, INT64_C(5000000000));
	arena_free(a);
}

/* What the software of before left in its spool. */
static void a_begin_without_headers_is_read(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct record_begin begin = whole_begin;
	begin.headers = NULL;
	struct bytes now = record_encode_begin(a, &begin);
	struct bytes before = arena_bytes(a, now.p, now.n - 4); /* the length of a NULL */
	((uint8_t *) (uintptr_t) before.p)[0] = 1;
	assert_int_equal(record_parse_begin(now, &begin), 0);
	assert_int_equal(record_parse_begin(before, &begin), 0);
	assert_null(begin.headers);
	assert_int_equal(begin.body_octets, 3);
	((uint8_t *) (uintptr_t) before.p)[0] = 2;
	assert_int_equal(record_parse_begin(before, &begin), -1);
	((uint8_t *) (uintptr_t) now.p)[0] = 1;
	assert_int_equal(record_parse_begin(now, &begin), -1);
	((uint8_t *) (uintptr_t) now.p)[0] = 3;
	assert_int_equal(record_parse_begin(now, &begin), -1);
	arena_free(a);
}

/* Absent is not empty: an empty body was kept, the other was not. */
static void absent_members_stay_absent(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct record_begin begin = whole_begin;
	begin.user_agent = NULL;
	begin.accept_language = "";
	begin.body = (struct bytes) { NULL, 0 };
	struct record_begin got;
	assert_int_equal(record_parse_begin(record_encode_begin(a, &begin), &got), 0);
	assert_null(got.user_agent);
	assert_string_equal(got.accept_language, "");
	assert_true(got.has_body && got.body.n == 0);
	begin.has_body = false;
	assert_int_equal(record_parse_begin(record_encode_begin(a, &begin), &got), 0);
	assert_false(got.has_body);

	struct record_end end = whole_end;
	struct record_end got_end;
	end.account_id = (struct id) { { 0 } };
	end.problem = NULL;
	end.has_reply = false;
	assert_int_equal(record_parse_end(record_encode_end(a, &end), &got_end), 0);
	assert_true(id_is_none(got_end.account_id));
	assert_null(got_end.problem);
	assert_false(got_end.has_reply);
	arena_free(a);
}

/* The database takes UTF-8 only, and one row that it refuses would hold up all others. */
static void texts_become_utf8(void **state)
{
	(void) state;
	static const struct {
		const char *in;
		const char *out;
	} texts[] = {
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\xe2\x82z\xc3", "a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct record_begin begin = whole_begin;
		begin.user_agent = texts[i].in;
		struct record_begin got;
		assert_int_equal(record_parse_begin(record_encode_begin(a, &begin), &got), 0);
		assert_string_equal(got.user_agent, texts[i].out);
	}
	arena_free(a);
}

static void what_is_not_whole_is_refused(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct record_begin begin;
	struct record_end end;
	struct bytes texts[] = { record_encode_begin(a, &whole_begin), record_encode_end(a, &whole_end) };
	for (size_t n = 0; n < texts[0].n; n++) {
		assert_int_equal(record_parse_begin((struct bytes) { texts[0].p, n }, &begin), -1);
	}
	for (size_t n = 0; n < texts[1].n; n++) {
		assert_int_equal(record_parse_end((struct bytes) { texts[1].p, n }, &end), -1);
	}
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		uint8_t *copy = arena_alloc(a, texts[i].n + 1);
		memcpy(copy, texts[i].p, texts[i].n);
		struct bytes longer = { copy, texts[i].n + 1 };
		struct bytes other = { copy, texts[i].n };
		assert_int_equal(i == 0 ? record_parse_begin(longer, &begin) : record_parse_end(longer, &end), -1);
		copy[0]++; /* another version */
		assert_int_equal(i == 0 ? record_parse_begin(other, &begin) : record_parse_end(other, &end), -1);
	}
	assert_int_equal(record_parse_begin(texts[1], &begin), -1);
	assert_int_equal(record_parse_end(texts[0], &end), -1);
	arena_free(a);
}

/* What COPY would refuse, with all that came in the same batch. */
static void what_the_tables_refuse_is_refused(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct record_begin begins[] = { whole_begin, whole_begin, whole_begin, whole_begin, whole_begin };
	struct record_begin begin;
	begins[0].method = NULL;
	begins[1].remote_address = NULL;
	begins[2].body_sha256.n--;
	begins[3].remote_port = INT64_C(1) << 31;
	begins[4].body_octets = -(INT64_C(1) << 31) - 1;
	for (size_t i = 0; i < COUNT_OF(begins); i++) {
		assert_int_equal(record_parse_begin(record_encode_begin(a, &begins[i]), &begin), -1);
	}
	struct record_end ends[] = { whole_end, whole_end, whole_end };
	struct record_end end;
	ends[0].reply_sha256 = (struct bytes) { NULL, 0 };
	ends[1].status = INT64_C(1) << 31;
	ends[2].reply_octets = INT64_C(1) << 31;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		assert_int_equal(record_parse_end(record_encode_end(a, &ends[i]), &end), -1);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members_come_back),
		cmocka_unit_test(a_begin_without_headers_is_read),
		cmocka_unit_test(absent_members_stay_absent),
		cmocka_unit_test(texts_become_utf8),
		cmocka_unit_test(what_is_not_whole_is_refused),
		cmocka_unit_test(what_the_tables_refuse_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

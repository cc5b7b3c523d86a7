#include "wfe/record.h"

#include <stdio.h>
#include <string.h>

#include "lib/crypto/commitment.h"
#include "lib/crypto/digest.h"
#include "wfe/copy.h"

/* A spool that was not emptied before the software changed is read all the same. */
#define BEGIN_WITHOUT_HEADERS 1
#define BEGIN_VERSION 2
#define END_VERSION 1

static void put_text(struct buffer *b, const char *text)
{
	struct bytes clean = bytes_of_text(buffer_utf8(b->arena, text));
	if (clean.p == NULL) {
		copy_null(b);
	} else {
		copy_bytes(b, (struct bytes) { clean.p, clean.n + 1 });
	}
}

static void put_bytes_if(struct buffer *b, bool present, struct bytes value)
{
	if (present) {
		copy_bytes(b, value);
	} else {
		copy_null(b);
	}
}

/* What all fields but the large one take up to, mostly. */
#define USUAL_OCTETS 600

struct bytes record_encode_begin(struct arena *a, const struct record_begin *begin)
{
	struct buffer b;
	buffer_init(&b, a, USUAL_OCTETS + begin->body.n);
	buffer_add_char(&b, BEGIN_VERSION);
	copy_int8(&b, begin->received_at.us);
	put_text(&b, begin->method);
	put_text(&b, begin->route);
	put_text(&b, begin->url);
	put_text(&b, begin->remote_address);
	copy_int8(&b, begin->remote_port);
	put_text(&b, begin->user_agent);
	put_text(&b, begin->accept_language);
	put_bytes_if(&b, begin->has_body, begin->body);
	copy_bytes(&b, begin->body_sha256);
	copy_int8(&b, begin->body_octets);
	put_text(&b, begin->headers);
	return buffer_bytes(&b);
}

struct bytes record_encode_end(struct arena *a, const struct record_end *end)
{
	struct buffer b;
	buffer_init(&b, a, USUAL_OCTETS + end->reply.n);
	buffer_add_char(&b, END_VERSION);
	copy_uuid(&b, end->account_id);
	copy_int8(&b, end->status);
	put_text(&b, end->problem);
	put_text(&b, end->rule);
	put_bytes_if(&b, end->has_reply, end->reply);
	copy_bytes(&b, end->reply_sha256);
	copy_int8(&b, end->reply_octets);
	copy_int8(&b, end->duration_us);
	return buffer_bytes(&b);
}

/* What is left to read; once broken, it gives zeros and stays so. */
struct reader {
	struct bytes left;
	bool broken;
};

static struct reader reader_of(struct bytes in, uint8_t version)
{
	bool good = in.n > 0 && in.p[0] == version;
	return (struct reader) { { in.p + (good ? 1 : 0), good ? in.n - 1 : 0 }, !good };
}

static bool reader_is_done(const struct reader *r)
{
	return !r->broken && r->left.n == 0;
}

/* p NULL: absent. */
static struct bytes take(struct reader *r)
{
	struct bytes value = { NULL, 0 };
	if (copy_take(&r->left, &value) != 0) {
		r->broken = true;
		r->left.n = 0;
	}
	return value;
}

static struct bytes take_sized(struct reader *r, size_t n)
{
	struct bytes value = take(r);
	r->broken = r->broken || value.p == NULL || value.n != n;
	return r->broken ? (struct bytes) { NULL, 0 } : value;
}

static int64_t take_number(struct reader *r)
{
	struct bytes value = take_sized(r, 8);
	uint64_t number = 0;
	for (size_t i = 0; i < value.n; i++) {
		number = number << 8 | value.p[i];
	}
	return (int64_t) number;
}

static const char *take_text(struct reader *r, bool required)
{
	struct bytes value = take(r);
	bool whole = value.p == NULL ? !required : value.n > 0 && memchr(value.p, '\0', value.n) == value.p + value.n - 1;
	r->broken = r->broken || !whole;
	return r->broken ? NULL : (const char *) value.p;
}

static struct id take_id(struct reader *r)
{
	struct id id = { { 0 } };
	struct bytes value = take(r);
	r->broken = r->broken || (value.p != NULL && value.n != sizeof(id.b));
	if (value.p != NULL && !r->broken) {
		memcpy(id.b, value.p, sizeof(id.b));
	}
	return id;
}

static bool fits_int4(int64_t value)
{
	return value >= INT32_MIN && value <= INT32_MAX;
}

int record_parse_begin(struct bytes in, struct record_begin *ret)
{
	bool with_headers = in.n == 0 || in.p[0] != BEGIN_WITHOUT_HEADERS;
	struct reader r = reader_of(in, with_headers ? BEGIN_VERSION : BEGIN_WITHOUT_HEADERS);
	struct record_begin begin = { .received_at = { take_number(&r) } };
	begin.method = take_text(&r, true);
	begin.route = take_text(&r, true);
	begin.url = take_text(&r, true);
	begin.remote_address = take_text(&r, true);
	begin.remote_port = take_number(&r);
	begin.user_agent = take_text(&r, false);
	begin.accept_language = take_text(&r, false);
	begin.body = take(&r);
	begin.has_body = begin.body.p != NULL;
	begin.body_sha256 = take_sized(&r, SHA256_SIZE);
	begin.body_octets = take_number(&r);
	begin.headers = with_headers ? take_text(&r, false) : NULL;
	if (!reader_is_done(&r) || !fits_int4(begin.remote_port) || !fits_int4(begin.body_octets)) {
		return -1;
	}
	*ret = begin;
	return 0;
}

int record_parse_end(struct bytes in, struct record_end *ret)
{
	struct reader r = reader_of(in, END_VERSION);
	struct record_end end = { .account_id = take_id(&r) };
	end.status = take_number(&r);
	end.problem = take_text(&r, false);
	end.rule = take_text(&r, false);
	end.reply = take(&r);
	end.has_reply = end.reply.p != NULL;
	end.reply_sha256 = take_sized(&r, SHA256_SIZE);
	end.reply_octets = take_number(&r);
	end.duration_us = take_number(&r);
	if (!reader_is_done(&r) || !fits_int4(end.status) || !fits_int4(end.reply_octets)) {
		return -1;
	}
	*ret = end;
	return 0;
}

const char record_request_copy[] =
    "COPY log.request (id, received_at, frontend, method, route, url, account_id, status, problem, rule, body_sha256,"
    " body_octets, reply_sha256, reply_octets, duration_us, commitments) FROM STDIN (FORMAT binary)";
#define REQUEST_COLUMNS 16

const char record_private_copy[] = "COPY log.request_private (id, salt, remote_address, remote_port, user_agent, "
                                   "accept_language, body, reply, headers)"
                                   " FROM STDIN (FORMAT binary)";
#define PRIVATE_COLUMNS 9

/* A personal field as it is committed to; present false: NULL. */
struct personal {
	const char *name;
	bool present;
	struct bytes value;
};

static struct personal personal_text(const char *name, const char *text)
{
	return (struct personal) { name, text != NULL, bytes_of_text(text) };
}

/* The order of the comment on log.request.commitments. */
static void commit_all(const uint8_t salt[COMMITMENT_SALT_SIZE], const struct record_begin *begin,
    const struct record_end *end, uint8_t ret[RECORD_COMMITMENTS * COMMITMENT_SIZE])
{
	char port[24];
	(void) snprintf(port, sizeof(port), "%lld", (long long) begin->remote_port);
	const struct personal fields[RECORD_COMMITMENTS] = {
		personal_text("remote_address", begin->remote_address),
		personal_text("remote_port", port),
		personal_text("user_agent", begin->user_agent),
		personal_text("accept_language", begin->accept_language),
		{ "body", begin->has_body, begin->body },
		{ "reply", end->has_reply, end->reply },
		personal_text("headers", begin->headers),
	};
	memset(ret, 0, (size_t) RECORD_COMMITMENTS * COMMITMENT_SIZE);
	for (size_t i = 0; i < RECORD_COMMITMENTS; i++) {
		if (fields[i].present) {
			commitment_make(salt, fields[i].name, fields[i].value, ret + i * COMMITMENT_SIZE);
		}
	}
}

static void add_if(struct buffer *b, bool present, void (*add)(struct buffer *, int64_t), int64_t value)
{
	if (present) {
		add(b, value);
	} else {
		copy_null(b);
	}
}

static void add_request(struct buffer *b, struct id request, const char *frontend, const struct record_begin *begin,
    const struct record_end *end)
{
	bool answered = end->status != 0;
	copy_row(b, REQUEST_COLUMNS);
	copy_uuid(b, request);
	copy_time(b, begin->received_at);
	copy_text(b, frontend);
	copy_text(b, begin->method);
	copy_text(b, begin->route);
	copy_text(b, begin->url);
	copy_uuid(b, end->account_id);
	add_if(b, answered, copy_int4, end->status);
	copy_text(b, end->problem);
	copy_text(b, end->rule);
	copy_bytes(b, begin->body_sha256);
	copy_int4(b, begin->body_octets);
	put_bytes_if(b, answered, end->reply_sha256);
	add_if(b, answered, copy_int4, end->reply_octets);
	add_if(b, answered, copy_int8, end->duration_us);
}

static void add_private(struct buffer *b, struct id request, struct bytes salt, const struct record_begin *begin,
    const struct record_end *end)
{
	copy_row(b, PRIVATE_COLUMNS);
	copy_uuid(b, request);
	copy_bytes(b, salt);
	copy_inet(b, begin->remote_address);
	copy_int4(b, begin->remote_port);
	copy_text(b, begin->user_agent);
	copy_text(b, begin->accept_language);
	put_bytes_if(b, begin->has_body, begin->body);
	put_bytes_if(b, end->has_reply, end->reply);
	copy_text(b, begin->headers);
}

void record_add_rows(struct id request, const char *frontend, const struct record_begin *begin,
    const struct record_end *end, struct buffer rows[2])
{
	uint8_t salt[COMMITMENT_SALT_SIZE];
	commitment_salt(salt);
	uint8_t commitments[RECORD_COMMITMENTS * COMMITMENT_SIZE];
	commit_all(salt, begin, end, commitments);
	add_request(&rows[0], request, frontend, begin, end);
	copy_bytes(&rows[0], (struct bytes) { commitments, sizeof(commitments) });
	add_private(&rows[1], request, (struct bytes) { salt, sizeof(salt) }, begin, end);
}

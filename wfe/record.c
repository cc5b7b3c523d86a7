#include "wfe/record.h"

#include <string.h>

#include "lib/crypto/commitment.h"
#include "wfe/copy.h"

static const struct field record_begin_field[] = {
	FIELD(struct record_begin, received_at),
	FIELD(struct record_begin, method),
	FIELD(struct record_begin, route),
	FIELD(struct record_begin, url),
	FIELD(struct record_begin, remote_address),
	FIELD(struct record_begin, remote_port),
	FIELD(struct record_begin, user_agent),
	FIELD(struct record_begin, accept_language),
	FIELD(struct record_begin, has_body),
	FIELD(struct record_begin, body),
	FIELD(struct record_begin, body_sha256),
	FIELD(struct record_begin, body_octets),
};
const struct fields record_begin_fields = FIELDS(struct record_begin, record_begin_field);

static const struct field record_end_field[] = {
	FIELD(struct record_end, account_id),
	FIELD(struct record_end, status),
	FIELD(struct record_end, problem),
	FIELD(struct record_end, rule),
	FIELD(struct record_end, has_reply),
	FIELD(struct record_end, reply),
	FIELD(struct record_end, reply_sha256),
	FIELD(struct record_end, reply_octets),
	FIELD(struct record_end, duration_us),
};
const struct fields record_end_fields = FIELDS(struct record_end, record_end_field);

const char record_request_copy[] =
    "COPY log.request (id, received_at, frontend, method, route, url, account_id, status, problem, rule, body_sha256,"
    " body_octets, reply_sha256, reply_octets, duration_us, commitments) FROM STDIN (FORMAT binary)";
#define REQUEST_COLUMNS 16

const char record_private_copy[] =
    "COPY log.request_private (id, salt, remote_address, remote_port, user_agent, accept_language, body, reply)"
    " FROM STDIN (FORMAT binary)";
#define PRIVATE_COLUMNS 8

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
static void commit_all(struct arena *a, const uint8_t salt[COMMITMENT_SALT_SIZE], const struct record_begin *begin,
    const struct record_end *end, uint8_t ret[RECORD_COMMITMENTS * COMMITMENT_SIZE])
{
	const struct personal fields[RECORD_COMMITMENTS] = {
		personal_text("remote_address", begin->remote_address),
		personal_text("remote_port", arena_printf(a, "%lld", (long long) begin->remote_port)),
		personal_text("user_agent", begin->user_agent),
		personal_text("accept_language", begin->accept_language),
		{ "body", begin->has_body, begin->body },
		{ "reply", end->has_reply, end->reply },
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

static void add_bytes_if(struct buffer *b, bool present, struct bytes value)
{
	if (present) {
		copy_bytes(b, value);
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
	add_bytes_if(b, answered, end->reply_sha256);
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
	add_bytes_if(b, begin->has_body, begin->body);
	add_bytes_if(b, end->has_reply, end->reply);
}

void record_add_rows(struct arena *a, struct id request, const char *frontend, const struct record_begin *begin,
    const struct record_end *end, struct buffer rows[2])
{
	uint8_t salt[COMMITMENT_SALT_SIZE];
	commitment_salt(salt);
	uint8_t commitments[RECORD_COMMITMENTS * COMMITMENT_SIZE];
	commit_all(a, salt, begin, end, commitments);
	add_request(&rows[0], request, frontend, begin, end);
	copy_bytes(&rows[0], (struct bytes) { commitments, sizeof(commitments) });
	add_private(&rows[1], request, (struct bytes) { salt, sizeof(salt) }, begin, end);
}

#include "va/http_reader.h"

#include <string.h>
#include <strings.h>

#define CHUNK_LINE_MAX 256
#define CHUNK_DIGITS_MAX 8
#define LENGTH_DIGITS_MAX 18
#define LINE_EXPECTED 128

void http_reader_init(struct http_reader *r, struct arena *a)
{
	*r = (struct http_reader) { .state = READER_STATUS };
	http_answer_init(&r->answer, a);
}

static struct bytes without_end(struct bytes line)
{
	while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r')) {
		line.n--;
	}
	return line;
}

static bool is_digit(uint8_t o)
{
	return o >= '0' && o <= '9';
}

/* "HTTP/1.1 200 OK"; that it begins with HTTP/ was seen before. */
static enum failure take_status(struct http_reader *r, struct bytes line)
{
	const uint8_t *p = line.p;
	if (line.n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || !is_digit(p[7]) || p[8] != ' ' || !is_digit(p[9]) ||
	    !is_digit(p[10]) || !is_digit(p[11]) || (line.n > 12 && p[12] != ' ')) {
		return FAILURE_NOT_HTTP;
	}
	r->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	r->chunked = false;
	r->has_length = false;
	r->broken = false;
	r->state = READER_FIELDS;
	return FAILURE_NONE;
}

/* The value of the field when it has this name ("name:"), without blanks around it. */
static bool is_field(struct bytes line, const char *name, struct bytes *ret_value)
{
	size_t n = strlen(name);
	if (line.n < n || strncasecmp((const char *) line.p, name, n) != 0) {
		return false;
	}
	struct bytes value = { line.p + n, line.n - n };
	while (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t')) {
		value = (struct bytes) { value.p + 1, value.n - 1 };
	}
	while (value.n > 0 && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t')) {
		value.n--;
	}
	*ret_value = value;
	return true;
}

/* One number; two fields have to agree (RFC 9112 6.3). */
static void take_length(struct http_reader *r, struct bytes value)
{
	uint64_t length = 0;
	bool good = value.n > 0 && value.n <= LENGTH_DIGITS_MAX;
	for (size_t i = 0; good && i < value.n; i++) {
		good = is_digit(value.p[i]);
		length = length * 10 + (uint64_t) (value.p[i] - '0');
	}
	r->broken = r->broken || !good || (r->has_length && r->left != length);
	r->has_length = true;
	r->left = length;
}

static void take_field(struct http_reader *r, struct bytes line)
{
	struct bytes value;
	if (is_field(line, "content-length:", &value)) {
		take_length(r, value);
	} else if (is_field(line, "transfer-encoding:", &value)) {
		r->broken = r->broken || r->chunked || value.n != 7 || strncasecmp((const char *) value.p, "chunked", 7) != 0;
		r->chunked = true;
	}
}

/* The blank line came: where the body is, if any. */
static enum failure end_head(struct http_reader *r)
{
	if (r->status < 200 && r->status != 101) {
		r->state = READER_STATUS; /* an interim answer */
		return FAILURE_NONE;
	}
	if (redirect_status(r->status) || r->status == 204 || r->status == 304) {
		r->state = READER_DONE; /* of a redirect nothing but its Location is of use */
		return FAILURE_NONE;
	}
	if (r->broken) {
		return FAILURE_MALFORMED;
	}
	if (r->chunked) {
		r->state = READER_CHUNK_SIZE;
	} else if (r->has_length) {
		r->state = r->left == 0 ? READER_DONE : READER_BODY;
	} else {
		r->state = READER_TO_END;
	}
	return FAILURE_NONE;
}

static enum failure take_head_line(struct http_reader *r, struct bytes line)
{
	struct bytes text = without_end(line);
	if (!http_answer_line(&r->answer, line)) {
		return FAILURE_HEADERS;
	}
	if (r->state == READER_STATUS) {
		return take_status(r, text);
	}
	if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL) {
		return FAILURE_MALFORMED;
	}
	if (text.n == 0) {
		return end_head(r);
	}
	take_field(r, text);
	return FAILURE_NONE;
}

static int hex_digit(uint8_t o)
{
	if (is_digit(o)) {
		return o - '0';
	}
	o |= 0x20;
	return o >= 'a' && o <= 'f' ? o - 'a' + 10 : -1;
}

/* "45" or "45;note"; what stands behind the last chunk is of no use. */
static enum failure take_chunk_size(struct http_reader *r, struct bytes line)
{
	struct bytes text = without_end(line);
	size_t n = 0;
	r->left = 0;
	while (n < text.n && n <= CHUNK_DIGITS_MAX && hex_digit(text.p[n]) >= 0) {
		r->left = r->left * 16 + (uint64_t) hex_digit(text.p[n++]);
	}
	bool ends = n == text.n || strchr("; \t", text.p[n]) != NULL;
	if (n == 0 || n > CHUNK_DIGITS_MAX || !ends || (n < text.n && text.p[n] == '\0')) {
		return FAILURE_MALFORMED;
	}
	r->state = r->left == 0 ? READER_DONE : READER_BODY;
	return FAILURE_NONE;
}

static enum failure take_line(struct http_reader *r, struct bytes line)
{
	if (r->state == READER_CHUNK_SIZE) {
		return take_chunk_size(r, line);
	}
	if (r->state == READER_CHUNK_END) {
		r->state = READER_CHUNK_SIZE;
		return without_end(line).n == 0 ? FAILURE_NONE : FAILURE_MALFORMED;
	}
	return take_head_line(r, line);
}

/* That it is no HTTP shows in the first octets, and then no more of it is read. */
static bool begins_right(const struct http_reader *r, struct bytes piece)
{
	static const char begin[] = "HTTP/";
	for (size_t i = 0; r->state == READER_STATUS && r->line_n + i < sizeof(begin) - 1 && i < piece.n; i++) {
		if (piece.p[i] != (uint8_t) begin[r->line_n + i]) {
			return false;
		}
	}
	return true;
}

/* Takes the line that begins the piece, or as much of it as is there; gives the octets it took. */
static size_t take_of_line(struct http_reader *r, struct bytes piece, enum failure *ret)
{
	const uint8_t *end = memchr(piece.p, '\n', piece.n);
	struct bytes line = { piece.p, end == NULL ? piece.n : (size_t) (end - piece.p) + 1 };
	size_t most = r->state == READER_STATUS || r->state == READER_FIELDS ? HTTP_ANSWER_HEAD_MAX : CHUNK_LINE_MAX;
	if (!begins_right(r, piece)) {
		*ret = FAILURE_NOT_HTTP;
		return line.n;
	}
	r->line_n += line.n;
	if (r->line_n > most) {
		*ret = most == CHUNK_LINE_MAX ? FAILURE_MALFORMED : FAILURE_HEADERS;
		return line.n;
	}
	bool whole = end != NULL;
	if (!whole || r->line_n > line.n) {
		if (r->line.arena == NULL) {
			buffer_init(&r->line, r->answer.arena, LINE_EXPECTED);
		}
		buffer_add(&r->line, line.p, line.n);
	}
	if (whole) {
		struct bytes all = r->line_n > line.n ? buffer_bytes(&r->line) : line;
		r->line.n = 0;
		r->line_n = 0;
		*ret = take_line(r, all);
	}
	return line.n;
}

static size_t take_of_body(struct http_reader *r, struct bytes piece)
{
	bool bounded = r->state == READER_BODY;
	size_t n = bounded && r->left < piece.n ? (size_t) r->left : piece.n;
	bool more = http_answer_body(&r->answer, (struct bytes) { piece.p, n });
	r->left -= bounded ? n : 0;
	if (!more) {
		r->state = READER_DONE; /* longer than any key authorization */
	} else if (bounded && r->left == 0) {
		r->state = r->chunked ? READER_CHUNK_END : READER_DONE;
	}
	return n;
}

enum failure http_reader_take(struct http_reader *r, struct bytes piece)
{
	enum failure failure = FAILURE_NONE;
	while (piece.n > 0 && failure == FAILURE_NONE && r->state != READER_DONE) {
		bool body = r->state == READER_BODY || r->state == READER_TO_END;
		size_t n = body ? take_of_body(r, piece) : take_of_line(r, piece, &failure);
		piece = (struct bytes) { piece.p + n, piece.n - n };
	}
	return failure;
}

enum failure http_reader_end(const struct http_reader *r)
{
	if (r->state == READER_DONE || r->state == READER_TO_END) {
		return FAILURE_NONE;
	}
	bool nothing = r->state == READER_STATUS && r->line_n == 0 && r->answer.header_total == 0;
	return nothing ? FAILURE_EMPTY : FAILURE_RESET;
}

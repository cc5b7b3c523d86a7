#include "lib/http/ask.h"

#include <string.h>
#include <strings.h>

#include "lib/http/head.h"

#define LENGTH_DIGITS 18

/* What of the fields says where the request ends. */
struct framing {
	unsigned lengths;
	unsigned encodings;
	unsigned hosts;
	struct bytes length;
	struct bytes encoding;
	bool close;
	bool keep_alive;
};

static bool is_text(struct bytes text, const char *lower)
{
	return text.n == strlen(lower) && strncasecmp((const char *) text.p, lower, text.n) == 0;
}

static int check_target(struct ctx *c, struct bytes target)
{
	if (target.n > HTTP_MAX_TARGET) {
		return FAIL(c, URI_TOO_LONG, "The URL is longer than %d octets", HTTP_MAX_TARGET);
	}
	for (size_t i = 0; i < target.n; i++) {
		if (target.p[i] <= 0x20 || target.p[i] >= 0x7f) {
			return FAIL(c, MALFORMED, "The URL has a character that is not allowed");
		}
	}
	return 0;
}

/* Path and query. The absolute form (RFC 9112 3.2.2) is understood too. */
static int split_target(struct ctx *c, struct http_ask *ret)
{
	const char *path = ret->target;
	if (strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0) {
		path = strchr(strchr(path, ':') + 3, '/');
	}
	if (path == NULL || (path[0] != '/' && strcmp(path, "*") != 0)) {
		return FAIL(c, MALFORMED, "The URL is not of the form that a server is asked for");
	}
	const char *mark = strchr(path, '?');
	ret->path = mark == NULL ? path : arena_text_n(c->arena, path, (size_t) (mark - path));
	ret->query = mark == NULL ? NULL : mark + 1;
	return 0;
}

/* RFC 9112 3. A blank in the URL is told as such, so the last one ends it. */
static int parse_first_line(struct ctx *c, struct bytes line, struct http_ask *ret)
{
	const uint8_t *first = memchr(line.p, ' ', line.n);
	const uint8_t *last = memrchr(line.p, ' ', line.n);
	struct bytes method = { line.p, first == NULL ? 0 : (size_t) (first - line.p) };
	if (first == NULL || first == last || !http_is_token(method)) {
		return FAIL(c, MALFORMED, "The first line of the request is not of the form that HTTP/1.1 has");
	}
	struct bytes target = { first + 1, (size_t) (last - first) - 1 };
	struct bytes version = { last + 1, line.n - (size_t) (last + 1 - line.p) };
	size_t shown = target.n > HTTP_MAX_TARGET ? HTTP_MAX_TARGET : target.n;
	ret->method = arena_text_n(c->arena, method.p, method.n);
	ret->target = arena_text_n(c->arena, target.p, shown);
	TRY(check_target(c, target));
	TRY(split_target(c, ret));
	ret->one_one = bytes_equal_text(version, "HTTP/1.1");
	if (!ret->one_one && !bytes_equal_text(version, "HTTP/1.0")) {
		return FAIL(c, MALFORMED, "The version of HTTP is not supported");
	}
	return 0;
}

static void note_connection(struct bytes list, struct framing *f)
{
	while (list.n > 0) {
		const uint8_t *comma = memchr(list.p, ',', list.n);
		struct bytes one = { list.p, comma == NULL ? list.n : (size_t) (comma - list.p) };
		size_t used = one.n + (comma == NULL ? 0 : 1);
		list = (struct bytes) { list.p + used, list.n - used };
		one = http_trim(one);
		f->close = f->close || is_text(one, "close");
		f->keep_alive = f->keep_alive || is_text(one, "keep-alive");
	}
}

static void note_field(struct bytes name, struct bytes value, struct http_ask *ret, struct framing *f)
{
	if (is_text(name, "content-length")) {
		f->lengths++;
		f->length = value;
	} else if (is_text(name, "transfer-encoding")) {
		f->encodings++;
		f->encoding = value;
	} else if (is_text(name, "host")) {
		f->hosts++;
	} else if (is_text(name, "connection")) {
		note_connection(value, f);
	} else if (is_text(name, "expect")) {
		ret->continues = ret->one_one && is_text(value, "100-continue");
	}
}

/* A field that a proxy in front may read in another way than we do is refused: a name with blanks, a bare CR, a
 * continued line. A-15 */
static int parse_fields(struct ctx *c, struct bytes rest, struct http_ask *ret, struct framing *f)
{
	ret->headers = ARENA_ARRAY(c->arena, HTTP_MAX_HEADERS, struct http_header);
	while (rest.n > 0) {
		struct bytes name, value;
		if (ret->n_headers == HTTP_MAX_HEADERS) {
			return FAIL(c, HEADERS_TOO_LARGE, "There are more than %d header fields", HTTP_MAX_HEADERS);
		}
		if (http_field_split(http_line_take(&rest), &name, &value) != 0) {
			return FAIL(c, MALFORMED, "A header field has a name or a value that is not allowed");
		}
		ret->headers[ret->n_headers++] = (struct http_header) {
			.name = arena_text_n(c->arena, name.p, name.n),
			.value = arena_text_n(c->arena, value.p, value.n),
		};
		note_field(name, value, ret, f);
	}
	return 0;
}

static int parse_length(struct ctx *c, struct bytes text, size_t max_body, size_t *ret)
{
	size_t length = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9') {
			return FAIL(c, MALFORMED, "The Content-Length is not a number");
		}
		length = i < LENGTH_DIGITS ? length * 10 + (size_t) (text.p[i] - '0') : SIZE_MAX;
	}
	if (text.n == 0) {
		return FAIL(c, MALFORMED, "The Content-Length is not a number");
	}
	if (length > max_body) {
		return FAIL(c, TOO_LARGE, "The body is larger than %zu octets", max_body);
	}
	*ret = length;
	return 0;
}

/* Where a request ends must have one meaning only (RFC 9112 6.3; A-15). */
static int check_framing(struct ctx *c, const struct framing *f, size_t max_body, struct http_ask *ret)
{
	if (f->lengths > 1 || f->encodings > 1 || (f->lengths > 0 && f->encodings > 0)) {
		return FAIL(c, MALFORMED, "The length of the request is given more than once");
	}
	if (f->hosts > 1 || (f->hosts == 0 && ret->one_one)) {
		return FAIL(c, MALFORMED, "The request must have exactly one Host header field");
	}
	if (f->encodings > 0 && (!ret->one_one || !is_text(f->encoding, "chunked"))) {
		return FAIL(c, MALFORMED, "The transfer encoding is not supported");
	}
	ret->chunked = f->encodings > 0;
	ret->keep = ret->one_one ? !f->close : f->keep_alive && !f->close;
	return f->lengths == 0 ? 0 : parse_length(c, f->length, max_body, &ret->length);
}

/* A line that ends with LF alone would be waited for in vain. */
static bool has_bare_lf(struct bytes text)
{
	const uint8_t *end = text.p + text.n;
	for (const uint8_t *at = text.p; (at = memchr(at, '\n', (size_t) (end - at))) != NULL; at++) {
		if (at == text.p || at[-1] != '\r') {
			return true;
		}
	}
	return false;
}

/* The end of the head is not there yet: may it still come? What is refused is recorded by its first line, if that is
 * there. */
static int check_beginning(struct ctx *c, struct bytes text, struct http_ask *ret)
{
	const uint8_t *line = memmem(text.p, text.n, "\r\n", 2);
	if (line == NULL && text.n > HTTP_MAX_TARGET + 64) {
		return FAIL(c, URI_TOO_LONG, "The URL is longer than %d octets", HTTP_MAX_TARGET);
	}
	bool too_large = text.n > HTTP_MAX_HEADER_BYTES;
	if (!too_large && !has_bare_lf(text)) {
		return 0;
	}
	if (line != NULL) {
		TRY(parse_first_line(c, (struct bytes) { text.p, (size_t) (line - text.p) }, ret));
	}
	return too_large ? FAIL(c, HEADERS_TOO_LARGE, "The header is larger than %d octets", HTTP_MAX_HEADER_BYTES)
	                 : FAIL(c, MALFORMED, "A line of the header does not end with CR LF");
}

int http_ask_parse(struct ctx *c, struct bytes text, size_t max_body, struct http_ask *ret)
{
	*ret = (struct http_ask) { .target = "" };
	/* RFC 9112 2.2: an empty line in front is skipped. */
	size_t skipped = text.n >= 2 && memcmp(text.p, "\r\n", 2) == 0 ? 2 : 0;
	text = (struct bytes) { text.p + skipped, text.n - skipped };
	const uint8_t *end = text.n == 0 ? NULL : memmem(text.p, text.n, "\r\n\r\n", 4);
	if (end == NULL) {
		return text.n == 0 ? 0 : check_beginning(c, text, ret);
	}
	struct framing framing = { 0 };
	struct bytes rest = { text.p, (size_t) (end - text.p) + 2 };
	size_t n = rest.n + 2;
	TRY(parse_first_line(c, http_line_take(&rest), ret));
	if (n > HTTP_MAX_HEADER_BYTES) {
		return FAIL(c, HEADERS_TOO_LARGE, "The header is larger than %d octets", HTTP_MAX_HEADER_BYTES);
	}
	TRY(parse_fields(c, rest, ret, &framing));
	TRY(check_framing(c, &framing, max_body, ret));
	ret->n = skipped + n;
	return 0;
}

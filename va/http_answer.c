#include "va/http_answer.h"

#include <string.h>
#include <strings.h>

#include "lib/base/buffer.h"
#include "lib/crypto/digest.h"
#include "policy/decide.h"

#define HEAD_EXPECTED 400
#define BODY_EXPECTED 100

/* What is no ASCII is escaped here already, so that the record says exactly what was followed. */
static const char *ascii(struct arena *a, struct bytes in)
{
	struct buffer b;
	buffer_init(&b, a, in.n + 1);
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] >= 0x80) {
			buffer_printf(&b, "%%%02X", in.p[i]);
		} else {
			buffer_add_char(&b, (char) in.p[i]);
		}
	}
	return (const char *) buffer_bytes(&b).p;
}

static bool is_blank(uint8_t o)
{
	return o == ' ' || o == '\t' || o == '\r' || o == '\n';
}

static struct bytes trimmed(struct bytes b)
{
	while (b.n > 0 && is_blank(b.p[0])) {
		b = (struct bytes) { b.p + 1, b.n - 1 };
	}
	while (b.n > 0 && is_blank(b.p[b.n - 1])) {
		b.n--;
	}
	return b;
}

static void take_location(struct http_answer *answer, struct bytes line)
{
	static const char name[] = "location:";
	const size_t skip = sizeof(name) - 1;
	if (line.n < skip || strncasecmp((const char *) line.p, name, skip) != 0) {
		return;
	}
	struct bytes value = trimmed((struct bytes) { line.p + skip, line.n - skip });
	value.n = value.n <= REDIRECT_URL_MAX ? value.n : REDIRECT_URL_MAX + 1; /* too long, and refused as such */
	answer->locations++;
	answer->location = ascii(answer->arena, value);
}

void http_answer_init(struct http_answer *answer, struct arena *a)
{
	*answer = (struct http_answer) { .arena = a };
}

/* At most `most` octets in all; expected: how many there mostly are. */
static void keep(const struct http_answer *answer, struct buffer *b, struct bytes piece, size_t expected, size_t most)
{
	if (b->arena == NULL) {
		buffer_init(b, answer->arena, expected);
	}
	size_t room = most - b->n;
	buffer_add(b, piece.p, piece.n < room ? piece.n : room);
}

bool http_answer_line(struct http_answer *answer, struct bytes line)
{
	answer->header_total += line.n;
	if (answer->header_total > HTTP_ANSWER_HEAD_MAX) { /* interim answers count too */
		answer->headers_over = true;
		return false;
	}
	bool begins = answer->header.n == 0 || answer->head_ended; /* a field may call itself HTTP/ too */
	if (begins && line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0) {
		answer->head_ended = false;
		answer->header.n = 0;
		answer->locations = 0;
		answer->location = NULL;
	}
	keep(answer, &answer->header, line, HEAD_EXPECTED, HTTP_ANSWER_HEAD_KEPT);
	if (!answer->head_ended) { /* behind the body no Location stands */
		take_location(answer, line);
	}
	answer->head_ended = answer->head_ended || (line.n > 0 && (line.p[0] == '\r' || line.p[0] == '\n'));
	return true;
}

bool http_answer_body(struct http_answer *answer, struct bytes piece)
{
	keep(answer, &answer->body, piece, BODY_EXPECTED, HTTP_ANSWER_BODY_READ);
	return answer->body.n < HTTP_ANSWER_BODY_READ;
}

/* Printable, so that no octet of it takes more than two in the record's JSON: the sum of a record fits then (RECORD_MAX). */
static const char *head_text(const struct http_answer *answer)
{
	char *text = arena_alloc(answer->arena, answer->header.n + 1);
	for (size_t i = 0; i < answer->header.n; i++) {
		uint8_t o = (uint8_t) answer->header.p[i];
		text[i] = is_blank(o) || (o >= ' ' && o <= '~') ? (char) o : '?';
	}
	return text;
}

void http_answer_record(const struct http_answer *answer, struct connection_attempt *ret)
{
	uint8_t digest[SHA256_SIZE];
	struct bytes body = { (const uint8_t *) answer->body.p, answer->body.n };
	sha256_of(body, digest);
	ret->location = answer->location;
	ret->headers = answer->header.n == 0 ? NULL : head_text(answer);
	ret->body = arena_bytes(answer->arena, body.p, body.n < HTTP01_BODY_MAX ? body.n : HTTP01_BODY_MAX);
	ret->body_octets = (int64_t) body.n;
	ret->body_sha256 = arena_bytes(answer->arena, digest, sizeof(digest));
}

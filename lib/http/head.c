#include "lib/http/head.h"

#include <string.h>
#include <strings.h>

#define TOKEN "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LENGTH_DIGITS 12

struct bytes http_line_take(struct bytes *rest)
{
	const uint8_t *end = memmem(rest->p, rest->n, "\r\n", 2);
	size_t n = end == NULL ? rest->n : (size_t) (end - rest->p);
	struct bytes line = { rest->p, n };
	n += end == NULL ? 0 : 2;
	*rest = (struct bytes) { rest->p + n, rest->n - n };
	return line;
}

static bool is_digit(uint8_t one)
{
	return one >= '0' && one <= '9';
}

/* RFC 9112 4. What has no body by its status (RFC 9112 6.3) answers no POST of ours. */
static int parse_status(struct bytes line, struct http_head *head)
{
	static const char version[] = "HTTP/1.1 ";
	const size_t n = sizeof(version) - 1;
	if (line.n < n + 3 || memcmp(line.p, version, n) != 0 || (line.n > n + 3 && line.p[n + 3] != ' ')) {
		return -1;
	}
	unsigned status = 0;
	for (size_t i = n; i < n + 3; i++) {
		if (!is_digit(line.p[i])) {
			return -1;
		}
		status = status * 10 + (unsigned) (line.p[i] - '0');
	}
	head->status = status;
	return status < 200 || status > 599 || status == 204 || status == 304 ? -1 : 0;
}

static int parse_length(struct bytes value, size_t *ret)
{
	if (value.n == 0 || value.n > LENGTH_DIGITS) {
		return -1;
	}
	size_t length = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.p[i])) {
			return -1;
		}
		length = length * 10 + (size_t) (value.p[i] - '0');
	}
	*ret = length;
	return 0;
}

static bool is_text(struct bytes text, const char *lower)
{
	return text.n == strlen(lower) && strncasecmp((const char *) text.p, lower, text.n) == 0;
}

bool http_is_token(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\0' || strchr(TOKEN, text.p[i]) == NULL) {
			return false;
		}
	}
	return text.n > 0;
}

struct bytes http_trim(struct bytes text)
{
	while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t')) {
		text = (struct bytes) { text.p + 1, text.n - 1 };
	}
	while (text.n > 0 && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t')) {
		text.n--;
	}
	return text;
}

/* RFC 9112 5 */
int http_field_split(struct bytes line, struct bytes *ret_name, struct bytes *ret_value)
{
	const uint8_t *colon = line.n == 0 ? NULL : memchr(line.p, ':', line.n);
	struct bytes name = { line.p, colon == NULL ? 0 : (size_t) (colon - line.p) };
	if (colon == NULL || !http_is_token(name)) {
		return -1;
	}
	struct bytes value = { colon + 1, line.n - name.n - 1 };
	for (size_t i = 0; i < value.n; i++) {
		if ((value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f) {
			return -1;
		}
	}
	*ret_name = name;
	*ret_value = http_trim(value);
	return 0;
}

static int parse_field(struct bytes line, struct http_head *head, unsigned *lengths)
{
	struct bytes name, value;
	if (http_field_split(line, &name, &value) != 0 || is_text(name, "transfer-encoding")) {
		return -1;
	}
	if (is_text(name, "content-length")) {
		return (*lengths)++ > 0 ? -1 : parse_length(value, &head->body);
	}
	if (is_text(name, "content-type")) {
		head->content_type = value;
	} else if (is_text(name, "connection")) {
		head->keep = is_text(value, "keep-alive");
	}
	return 0;
}

int http_head_parse(struct bytes text, struct http_head *ret)
{
	const uint8_t *end = memmem(text.p, text.n < HTTP_HEAD_MAX ? text.n : HTTP_HEAD_MAX, "\r\n\r\n", 4);
	if (end == NULL) {
		return text.n < HTTP_HEAD_MAX ? 0 : -1;
	}
	struct bytes rest = { text.p, (size_t) (end - text.p) + 2 };
	struct http_head head = { .keep = true, .n = rest.n + 2 };
	unsigned lengths = 0;
	if (parse_status(http_line_take(&rest), &head) != 0) {
		return -1;
	}
	while (rest.n > 0) {
		if (parse_field(http_line_take(&rest), &head, &lengths) != 0) {
			return -1;
		}
	}
	if (lengths != 1) {
		return -1;
	}
	*ret = head;
	return 1;
}

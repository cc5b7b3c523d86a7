#include "lib/base/buffer.h"

#include <stdio.h>
#include <string.h>

void buffer_init(struct buffer *b, struct arena *a, size_t expected)
{
	*b = (struct buffer) { .arena = a, .p = arena_alloc(a, expected + 1), .size = expected + 1 };
}

/* Room for n octets and a NUL. */
static void reserve(struct buffer *b, size_t n)
{
	if (b->size - b->n > n) {
		return;
	}
	size_t size = 2 * b->size + n + 1;
	char *grown = arena_alloc(b->arena, size);
	memcpy(grown, b->p, b->n);
	b->p = grown;
	b->size = size;
}

void buffer_add(struct buffer *b, const void *p, size_t n)
{
	if (n > 0) {
		reserve(b, n);
		memcpy(b->p + b->n, p, n);
		b->n += n;
	}
}

void buffer_add_text(struct buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

void buffer_add_char(struct buffer *b, char one)
{
	reserve(b, 1);
	b->p[b->n++] = one;
}

void buffer_add_int(struct buffer *b, int64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long) value);
	buffer_add(b, text, (size_t) n);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	buffer_add_text(b, arena_vprintf(b->arena, format, ap));
	va_end(ap);
}

/* One character of UTF-8 (RFC 3629) at in.p: its length with its code in ret_code, or 0 when it is none: overlong, a
 * surrogate, over U+10FFFF or cut off. */
static size_t utf8_take(struct bytes in, uint32_t *ret_code)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		size_t length = i + 2;
		if ((in.p[0] & forms[i].mask) != forms[i].lead || in.n < length) {
			continue;
		}
		uint32_t code = in.p[0] & (uint8_t) ~forms[i].mask;
		for (size_t k = 1; k < length; k++) {
			if ((in.p[k] & 0xc0) != 0x80) {
				return 0;
			}
			code = (code << 6) | (in.p[k] & 0x3f);
		}
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		*ret_code = code;
		return code < forms[i].least || code > 0x10ffff || surrogate ? 0 : length;
	}
	return 0;
}

static void add_escaped(struct buffer *b, uint32_t code)
{
	if (code > 0xffff) {
		code -= 0x10000;
		buffer_printf(b, "\\u%04X\\u%04X", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
		return;
	}
	buffer_printf(b, "\\u%04X", code);
}

/* Adds one character at in.p; the octets that it took. */
static size_t add_character(struct buffer *b, struct bytes in)
{
	static const char short_form[128] = { ['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	if (in.p[0] < 0x80) {
		char escape = short_form[in.p[0]];
		if (escape != '\0') {
			buffer_add(b, (const char[]) { '\\', escape }, 2);
		} else {
			add_escaped(b, in.p[0]);
		}
		return 1;
	}
	uint32_t code = 0;
	size_t length = utf8_take(in, &code);
	add_escaped(b, length == 0 ? 0xfffd : code);
	return length == 0 ? 1 : length;
}

static bool is_plain(uint8_t one)
{
	return one >= 0x20 && one < 0x7f && one != '"' && one != '\\';
}

void buffer_add_json(struct buffer *b, struct bytes utf8)
{
	buffer_add_char(b, '"');
	size_t start = 0;
	size_t i = 0;
	while (i < utf8.n) {
		if (is_plain(utf8.p[i])) {
			i++;
			continue;
		}
		buffer_add(b, utf8.p + start, i - start);
		i += add_character(b, (struct bytes) { utf8.p + i, utf8.n - i });
		start = i;
	}
	if (i > start) {
		buffer_add(b, utf8.p + start, i - start);
	}
	buffer_add_char(b, '"');
}

/* Octets at the front that are UTF-8. */
static size_t utf8_span(struct bytes in)
{
	size_t i = 0;
	uint32_t code = 0;
	while (i < in.n) {
		size_t length = in.p[i] < 0x80 ? 1 : utf8_take((struct bytes) { in.p + i, in.n - i }, &code);
		if (length == 0) {
			break;
		}
		i += length;
	}
	return i;
}

const char *buffer_utf8(struct arena *a, const char *text)
{
	struct bytes left = bytes_of_text(text);
	size_t good = utf8_span(left);
	if (good == left.n) {
		return text;
	}
	struct buffer b;
	buffer_init(&b, a, 3 * left.n);
	while (good < left.n) {
		buffer_add(&b, left.p, good);
		buffer_add_text(&b, "\xef\xbf\xbd");
		left = (struct bytes) { left.p + good + 1, left.n - good - 1 };
		good = utf8_span(left);
	}
	buffer_add(&b, left.p, left.n);
	return (const char *) buffer_bytes(&b).p;
}

struct bytes buffer_bytes(struct buffer *b)
{
	reserve(b, 0);
	b->p[b->n] = '\0';
	return (struct bytes) { (const uint8_t *) b->p, b->n };
}

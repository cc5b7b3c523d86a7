/* Text that grows in an arena: how JSON, log lines and metrics are written. */
#ifndef CAIRN_BASE_BUFFER_H
#define CAIRN_BASE_BUFFER_H

#include "lib/base/arena.h"

/* p[0..n) is what was written so far; it moves when the buffer grows. */
struct buffer {
	struct arena *arena;
	char *p;
	size_t n;
	size_t size;
};

/* expected: octets that will probably be written; more is fine. */
void buffer_init(struct buffer *b, struct arena *a, size_t expected);

void buffer_add(struct buffer *b, const void *p, size_t n);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_add_char(struct buffer *b, char one);
void buffer_add_int(struct buffer *b, int64_t value);
void buffer_printf(struct buffer *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* A JSON string with its quotes, in plain ASCII, without `\/`. Octets that are no UTF-8 become U+FFFD, so that the
 * result is always valid JSON, whatever came in. */
void buffer_add_json(struct buffer *b, struct bytes utf8);

/* The text itself when it is UTF-8 (or NULL); else a copy in which every octet that belongs to no character became
 * U+FFFD. */
const char *buffer_utf8(struct arena *a, const char *text);

/* What was written, followed by a NUL that is not counted; valid until the next addition. */
struct bytes buffer_bytes(struct buffer *b);

#endif

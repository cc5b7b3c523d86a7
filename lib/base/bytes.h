/* Borrowed octets and the small helpers that every parser uses. Text from outside is `struct bytes` until it is parsed.
 */
#ifndef CAIRN_BASE_BYTES_H
#define CAIRN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* n octets at p, owned by somebody else; {NULL, 0} is the empty value. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

/* A list of NUL-terminated texts; owned by the arena that made it. */
struct text_list {
	const char **v;
	size_t n;
};

/* A list of octet strings; owned by the arena that made it. */
struct bytes_list {
	struct bytes *v;
	size_t n;
};

/* The octets of a NUL-terminated text without its NUL; NULL gives the empty value. */
struct bytes bytes_of_text(const char *text);

/* Same length and content. Not for secrets. */
bool bytes_equal(struct bytes a, struct bytes b);

/* Same length and content, in a time that depends on the length only. */
bool bytes_equal_secret(struct bytes a, struct bytes b);

/* The octets are exactly the text. */
bool bytes_equal_text(struct bytes a, const char *text);

/* The same texts, or none on both sides. */
bool text_equal(const char *a, const char *b);

#endif

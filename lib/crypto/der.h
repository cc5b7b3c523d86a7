/* A writer and a reader of DER for the few shapes that certificates and CRLs need. Everything lies in the arena. */
#ifndef CAIRN_CRYPTO_DER_H
#define CAIRN_CRYPTO_DER_H

#include "lib/base/ctx.h"

#define DER_TIME_MAX 17

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

#define DER_CONTEXT(n) (0x80 | (n))             /* primitive, implicit */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n)) /* constructed */

/* One element: tag, length, and the pieces one behind the other as its content. */
struct bytes der_wrap(struct arena *a, int tag, const struct bytes *pieces, size_t n);

/* DER(a, DER_SEQUENCE, x, y): the same with the pieces listed. */
#define DER(a, tag, ...) \
	der_wrap((a), (tag), (const struct bytes[]) { __VA_ARGS__ }, COUNT_OF(((const struct bytes[]) { __VA_ARGS__ })))

/* Tag and length alone, of an element with so much content. */
struct bytes der_head(struct arena *a, int tag, size_t content);

/* The pieces one behind the other. */
struct bytes der_join(struct arena *a, const struct bytes *pieces, size_t n);

/* INTEGER from an unsigned big-endian number: shortest form, with a zero octet in front where needed. */
struct bytes der_unsigned(struct arena *a, struct bytes number);
/* BIT STRING without unused bits. */
struct bytes der_bits(struct arena *a, struct bytes octets);
/* UTCTime until 2049, GeneralizedTime after (D-10); whole seconds. */
struct bytes der_time(struct arena *a, struct timestamp t);
/* The same, written to where DER_TIME_MAX octets have room; gives where it ends. */
uint8_t *der_put_time(uint8_t *to, struct timestamp t);

/* A reader stands somewhere in the content of an element. */
struct der {
	const uint8_t *p;
	size_t n;
};

struct der der_of(struct bytes in);

/* Takes the next element: its tag must be this one, its length in the shortest form and within the input. ret_whole
 * (may be NULL) gets it with tag and length, ret_content (may be NULL) what is inside. -1 leaves the reader where it
 * was. */
int der_take(struct der *r, int tag, struct bytes *ret_whole, struct bytes *ret_content) MUST_CHECK;

/* The tag of the next element; -1 at the end. */
int der_peek(const struct der *r);
bool der_at_end(const struct der *r);

/* Takes one element that contains the rest of the input, else -1. */
int der_take_only(struct bytes in, int tag, struct bytes *ret_content) MUST_CHECK;

/* UTCTime or GeneralizedTime in the form of RFC 5280 4.1.2.5. */
int der_take_time(struct der *r, struct timestamp *ret_t) MUST_CHECK;

#endif

/* base64url without padding (RFC 4648 5, RFC 7515 2; A-11), base64 for PEM-like places, and hex. */
#ifndef CAIRN_BASE_BASE64_H
#define CAIRN_BASE_BASE64_H

#include "lib/base/arena.h"

/* Octets that n characters of base64url decode to. */
#define BASE64URL_DECODED(n) ((n) / 4 * 3 + ((n) % 4 == 0 ? 0 : (n) % 4 - 1))
#define BASE64URL_ENCODED(n) (((n) *4 + 2) / 3)

/* NUL-terminated, in the arena. */
const char *base64url_encode(struct arena *a, struct bytes in);

/* -1 for a character outside the alphabet, a `=`, an impossible length, or unused bits that are not zero. */
int base64url_decode(struct arena *a, struct bytes in, struct bytes *ret) MUST_CHECK;

/* Standard alphabet with padding and without line breaks. */
const char *base64_encode(struct arena *a, struct bytes in);
int base64_decode(struct arena *a, struct bytes in, struct bytes *ret) MUST_CHECK;

/* Lower case. */
const char *hex_encode(struct arena *a, struct bytes in);

#endif

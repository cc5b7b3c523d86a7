/* TLS presentation (RFC 5246 4), in which SCTs, entries and heads of transparency logs are. Pure. */
#ifndef CAIRN_CT_TLS_H
#define CAIRN_CT_TLS_H

#include <openssl/types.h>

#include "lib/base/buffer.h"
#include "lib/base/ctx.h"

/* These cut off the front of in; -1: it is too short. */
int tls_take(struct bytes *in, size_t n, struct bytes *ret) MUST_CHECK;
int tls_take_number(struct bytes *in, size_t octets, uint64_t *ret) MUST_CHECK;
/* With its length of so many octets in front. */
int tls_take_opaque(struct bytes *in, size_t length_octets, struct bytes *ret) MUST_CHECK;

void tls_put_number(struct buffer *b, size_t octets, uint64_t value);
void tls_put_opaque(struct buffer *b, size_t length_octets, struct bytes value);

/* DigitallySigned (RFC 5246 4.7) */
struct tls_signature {
	uint8_t hash; /* RFC 5246 7.4.1.4.1 */
	uint8_t algorithm;
	struct bytes octets;
};
/* -1 also for an empty one, and for anything behind it. */
int tls_take_signature(struct bytes *in, struct tls_signature *ret) MUST_CHECK;

/* SHA-256 with ECDSA on P-256 or with RSA (RFC 6962 2.1.4). */
bool tls_signature_holds(const struct tls_signature *signature, EVP_PKEY *key, struct bytes message);

#endif

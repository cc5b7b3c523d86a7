/* Digests and HMACs over several pieces. A failure of the library ends the process: there is no input for which
 * these may fail. Safe from all threads. */
#ifndef CAIRN_CRYPTO_DIGEST_H
#define CAIRN_CRYPTO_DIGEST_H

#include "lib/base/bytes.h"

#define SHA256_SIZE 32
#define DIGEST_SIZE_MAX 64

enum digest { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT };

/* The digest of the n pieces one behind the other into ret, which has room for DIGEST_SIZE_MAX; gives its length. */
size_t digest_make(enum digest which, const struct bytes *pieces, size_t n, uint8_t *ret);

/* The digest of the n pieces one behind the other. */
void sha256(const struct bytes *pieces, size_t n, uint8_t ret[SHA256_SIZE]);

/* The digest of one piece. */
void sha256_of(struct bytes in, uint8_t ret[SHA256_SIZE]);

/* The HMAC (RFC 2104) by this digest of the pieces one behind the other into ret, which has room for DIGEST_SIZE_MAX; gives
 * its length. */
size_t hmac_make(enum digest which, struct bytes key, const struct bytes *pieces, size_t n, uint8_t *ret);

/* HMAC-SHA-256 of the pieces one behind the other. */
void hmac_sha256(struct bytes key, const struct bytes *pieces, size_t n, uint8_t ret[SHA256_SIZE]);

#endif

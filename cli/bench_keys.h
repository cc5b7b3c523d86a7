/* Keys and CSRs of the load generator, made before the clock starts, and the signatures of its requests. It uses
 * OpenSSL alone and none of the CA's own code, so that one checks the other. */
#ifndef CAIRN_CLI_BENCH_KEYS_H
#define CAIRN_CLI_BENCH_KEYS_H

#include <openssl/types.h>

#include "cli/bench_options.h"

/* Key of an account. */
struct bench_key {
	EVP_PKEY_CTX *signer; /* for one thread at a time */
	bool rsa;
	const char *jwk; /* public key as JSON, in the canonical form that is hashed */
	const char *thumbprint;
};

/* All that one order needs. */
struct bench_item {
	struct text_list names;
	const char *csr;          /* base64url of the DER */
	struct bytes spki;        /* DER of the key that the certificate must hold */
	struct bench_key account; /* with BENCH_ACCOUNTS_NEW */
};

/* Items by number. Those that are not made ahead are made when they are asked for, and counted. */
struct bench_pool;

/* Makes options->prepare items with `threads` threads and returns when they are there. options must live as long as the
 * pool. */
struct bench_pool *bench_pool_new(const struct bench_options *options, unsigned threads);
void bench_pool_free(struct bench_pool *p);

/* The next item, for one order only; any thread. An item that was not made ahead is made in `late`, the caller's. */
const struct bench_item *bench_pool_take(struct bench_pool *p, struct arena *late);
size_t bench_pool_late(const struct bench_pool *p);

/* A new account key, in the arena. */
struct bench_key bench_key_new(struct arena *a, enum bench_key_kind kind);

/* Signature of a JWS by ES256 or RS256, base64url (RFC 7518 3.1). */
const char *bench_key_sign(struct arena *a, const struct bench_key *key, struct bytes input);

#endif

/* The private key of an ACME account, as clients keep it, and what it signs. */
#ifndef CAIRN_CLI_ACCOUNT_KEY_H
#define CAIRN_CLI_ACCOUNT_KEY_H

#include "lib/base/fields.h"
#include "lib/crypto/jwk.h"

struct account_key_file {
	EVP_PKEY *key; /* the arena's */
	const char *alg;
	const char *jwk; /* public, canonical */
};

/* PEM without pass phrase (lego, acme.sh, Caddy), or a JWK (certbot's private_key.json). MALFORMED with a sentence that holds
 * nothing of the key. */
int account_key_read(struct ctx *c, const char *path, struct account_key_file *ret) MUST_CHECK;

struct account_request {
	const char *kid; /* NULL: with the key itself */
	const char *nonce;
	const char *url;
	const char *payload;
};

/* A flattened JWS (RFC 8555 6.2) by this key. */
int account_key_sign(struct ctx *c, const struct account_key_file *key, const struct account_request *request,
    struct bytes *ret) MUST_CHECK;

#endif

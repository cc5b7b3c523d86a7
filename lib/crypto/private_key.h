/* Private keys where none may be: a CA takes none over (F-10), and a client that sends one has lost it (docs/privacy.md). What is looked at are octets from
 * outside, taken apart as far as JSON, base64, DER and PEM go into each other. */
#ifndef CAIRN_CRYPTO_PRIVATE_KEY_H
#define CAIRN_CRYPTO_PRIVATE_KEY_H

#include <jansson.h>

#include "lib/base/ctx.h"
#include "lib/crypto/jwk.h"

struct private_key {
	const char *form;  /* JWK, DER, PEM; NULL: there is none */
	struct bytes der;  /* PKCS#8, SEC 1 or PKCS#1; p NULL: it is encrypted, broken or a JWK */
	const json_t *jwk; /* the arena's; NULL: it is none, or broken */
};

/* Looks for the first one. True: it is there, in whatever state. Only its form is looked at: nothing is decrypted and nothing is
 * computed with it, since the numbers that would make that last are the sender's. */
bool private_key_find(struct arena *a, struct bytes sent, struct private_key *ret);

/* The public key, if what was found can really sign for it: the public half that somebody writes beside a private
 * one may be anybody's. False for what is no key that this CA takes. Takes as long as some signatures of RSA with 4096 bits. */
bool private_key_prove(struct ctx *c, const struct private_key *found, struct jwk *ret);

#endif

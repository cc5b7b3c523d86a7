/* Signed requests: the flattened JWS of RFC 8555 6.2, parsed strictly and verified. */
#ifndef CAIRN_CRYPTO_JWS_H
#define CAIRN_CRYPTO_JWS_H

#include "lib/crypto/jwk.h"

/* Which members the protected header must have. */
enum jws_kind {
	JWS_REQUEST,    /* alg, nonce, url and one of jwk or kid */
	JWS_KEY_CHANGE, /* inner of a key change: alg, jwk, url, no nonce */
	JWS_EAB,        /* external account binding: a MAC as alg, kid, url, no nonce */
};

struct jws {
	const char *alg;
	const char *kid;   /* or NULL; exactly one of kid and jwk is set */
	const json_t *jwk; /* or NULL; the arena's */
	const char *nonce; /* base64url; NULL for the inner kinds */
	const char *url;
	struct bytes payload; /* decoded; n 0 is POST-as-GET */
	struct bytes signature;
	struct bytes signed_input; /* what the signature covers */
	bool plain; /* no member, of the header and its key neither, but those of RFC 8555 6.2 and RFC 7518 6 */
};

/* Reads a whole body. No signature is checked yet and nothing in the payload may act. MALFORMED: not a flattened
 * JWS (other top members are ignored, RFC 7515 7.2.1), duplicate members, unprotected header, crit, b64, bad base64url
 * (also in the nonce, A-39), members missing or of the wrong type, both jwk and kid. BAD_NONCE: nonce missing.
 * BAD_SIGNATURE_ALGORITHM: not one of jws_algorithms() (A-17..A-23, A-29); for JWS_EAB, MALFORMED: not HS256, HS384 or
 * HS512. */
int jws_parse(struct ctx *c, struct bytes body, struct jws *ret) MUST_CHECK;

/* The same for a JWS that stands as an object inside a payload. */
int jws_parse_object(struct ctx *c, enum jws_kind kind, const json_t *object, struct jws *ret) MUST_CHECK;

/* Checks the signature. BAD_PUBLIC_KEY: the algorithm is not the one of this key. MALFORMED: it does not verify.
 */
int jws_verify(struct ctx *c, const struct jws *jws, const struct jwk *jwk) MUST_CHECK;

/* The same with a key that the caller keeps, as from a cache of account keys. */
int jws_verify_key(struct ctx *c, const struct jws *jws, EVP_PKEY *key) MUST_CHECK;

/* Checks the MAC of a JWS_EAB in constant time. UNAUTHORIZED: it does not verify. */
int jws_verify_mac(struct ctx *c, const struct jws *jws, struct bytes mac_key) MUST_CHECK;

/* The supported algorithms, NULL-terminated, for the `algorithms` member of the problem. */
const char *const *jws_algorithms(void);

#endif

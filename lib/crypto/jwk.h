/* JSON Web Keys of accounts (RFC 7517, 7518, 8037): strict reading, canonical form, thumbprint (RFC 7638). */
#ifndef CAIRN_CRYPTO_JWK_H
#define CAIRN_CRYPTO_JWK_H

#include <jansson.h>
#include <openssl/types.h>

#include "lib/crypto/digest.h"
#include "lib/crypto/key.h"

#define JWK_CANONICAL_MAX 1024

struct jwk {
	enum key_kind kind;
	EVP_PKEY *key; /* the arena's; who keeps it longer takes EVP_PKEY_up_ref */
	uint8_t thumbprint[SHA256_SIZE];
	const char *thumbprint_text; /* base64url, the second half of a key authorization */
	const char *canonical;       /* required members only, in lexicographic order; what is stored and hashed */
	struct bytes spki;           /* DER */
};

/* Reads a public key: RSA 2048..4096 bits with a multiple of 8, exponent odd, 65537..2^256-1; P-256, P-384, P-521 with
 * coordinates of full length on the curve; Ed25519. RSA integers with leading zeros are taken and normalised.
 * BAD_PUBLIC_KEY with the reason for a key that is not acceptable, a private or symmetric one included; MALFORMED for
 * what is not a JWK. policy/keys.h has the further checks for weak keys. */
int jwk_parse(struct ctx *c, const json_t *from, struct jwk *ret) MUST_CHECK;

/* Whether the object has a member that only a private or a symmetric key has. */
bool jwk_is_private(const json_t *jwk);

/* Reads a stored canonical form; SERVER_INTERNAL for anything that jwk_parse would not have stored octet for octet. */
int jwk_parse_canonical(struct ctx *c, const char *canonical, struct jwk *ret) MUST_CHECK;

/* The JWK of any key of a known kind; its key is another reference to this one. */
int jwk_of_key(struct ctx *c, EVP_PKEY *key, struct jwk *ret) MUST_CHECK;

#endif

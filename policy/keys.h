/* Which public keys this CA takes, for certificates and for accounts (F-20..F-26, D-6, D-65). Pure decisions. */
#ifndef CAIRN_POLICY_KEYS_H
#define CAIRN_POLICY_KEYS_H

#include "lib/crypto/key.h"

enum keys_use {
	KEYS_CERTIFICATE, /* RSA 2048, 3072, 4096 with exponent 65537; P-256, P-384 */
	KEYS_ACCOUNT,     /* RSA 2048..4096 in steps of 8 bits; P-256, P-384, P-521; Ed25519 */
};

/* SHA-256 digests of the DER of SubjectPublicKeyInfos that must not be used (F-24, F-26), sorted. */
struct keys_blocked {
	const uint8_t (*v)[32];
	size_t n;
};

/* Fails with the problem `as` (BAD_CSR for a CSR, BAD_PUBLIC_KEY for an account) and the reason: kind, size, exponent,
 * form of the SPKI (D-6), small factor, prime power, ROCA, Fermat, point not on the curve, blocked. blocked NULL: none.
 */
int keys_check(struct ctx *c, enum keys_use use, struct bytes spki, const struct keys_blocked *blocked,
    enum problem as) MUST_CHECK;

/* The same in two steps, for a key that is used again: a key and the octets that it was read from. */
struct keys_read {
	EVP_PKEY *key;
	struct bytes spki;
};
int keys_read_spki(struct ctx *c, struct bytes spki, enum problem as, struct keys_read *ret_read) MUST_CHECK;
int keys_check_read(struct ctx *c, enum keys_use use, const struct keys_read *read, const struct keys_blocked *blocked,
    enum problem as) MUST_CHECK;

#endif

/* Which public keys this CA takes, for certificates and for accounts (F-20..F-26, D-6, D-65). Pure decisions. */
#ifndef CAIRN_POLICY_KEYS_H
#define CAIRN_POLICY_KEYS_H

#include "lib/crypto/key.h"
#include "policy/policy.h"

enum keys_use {
	KEYS_CERTIFICATE, /* RSA 2048, 3072, 4096 with exponent 65537; P-256, P-384 */
	KEYS_ACCOUNT,     /* RSA 2048..4096 in steps of 8 bits; P-256, P-384, P-521; Ed25519 */
};

/* A key and the octets of the SubjectPublicKeyInfo that it was read from. */
struct keys_read {
	EVP_PKEY *key;
	struct bytes spki;
};

/* Fails with the problem `as` for a key that is not in the form of D-6, or whose point is not on its curve. */
int keys_read_spki(struct ctx *c, struct bytes spki, enum problem as, struct keys_read *ret_read) MUST_CHECK;

/* Kind, size, exponent, small factor, Debian's weak keys, ROCA, Fermat, prime power, blocked, this CA's own. policy NULL:
 * without the lists, which whoever acts on the key later has. */
struct ruling keys_decide(
    struct arena *a, enum keys_use use, const struct keys_read *read, const struct policy *policy);

/* Fails with the problem `as` (BAD_CSR for a CSR, BAD_PUBLIC_KEY for an account), the reason and the rule. */
int keys_check_read(struct ctx *c, enum keys_use use, const struct keys_read *read, const struct policy *policy,
    enum problem as) MUST_CHECK;

/* Both in one. */
int keys_check(
    struct ctx *c, enum keys_use use, struct bytes spki, const struct policy *policy, enum problem as) MUST_CHECK;

#endif

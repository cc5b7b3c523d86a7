/* Two groups of custodians, each with keys of its own: what is sealed is opened by one of each group and by nobody else. It is
 * CMS in CMS (RFC 5083, 5652): AuthEnvelopedData by AES-256-GCM for every member of group A, and around it the same for every member
 * of group B. */
#ifndef CAIRN_CRYPTO_CUSTODY_H
#define CAIRN_CRYPTO_CUSTODY_H

#include <openssl/types.h>
#include <openssl/x509.h>

#include "lib/base/ctx.h"

enum custody_group { CUSTODY_A, CUSTODY_B, CUSTODY_GROUPS };
#define CUSTODIANS_MAX 16 /* of one group */

struct custody {
	STACK_OF(X509) * members[CUSTODY_GROUPS];
};

/* "a" or "b": the name of a group, and of its folder. */
extern const char *const custody_group_names[CUSTODY_GROUPS];

/* Whether a certificate may stand for a custodian: an RSA key of 3072 bits at least or a key on P-256, P-384 or P-521, and a
 * key usage that allows it if it names any. MALFORMED with a sentence. */
int custody_check(struct ctx *c, const char *what, X509 *member) MUST_CHECK;

/* Whether its time is over: nobody is made a custodian by it any more, who is one stays it. */
bool custody_has_ended(const X509 *member);

/* The certificates (PEM or DER) in FOLDER/a and FOLDER/b; the arena of c owns them. MALFORMED with a sentence: a group without
 * members or with too many, a file that is no certificate or a key besides, a certificate that may not stand here, a key that
 * is in both groups. */
int custody_read(struct ctx *c, const char *folder, struct custody *ret) MUST_CHECK;

/* Seals for both groups. */
int custody_seal(struct ctx *c, const struct custody *custody, struct bytes clear, struct bytes *ret_sealed) MUST_CHECK;

/* Opens one layer, the outer one by a member of group B or the inner one by a member of group A. UNAUTHORIZED: it is not sealed for
 * this key, or it is not whole. What is found lies in the arena of c. */
int custody_open(struct ctx *c, struct bytes sealed, X509 *member, EVP_PKEY *key, struct bytes *ret) MUST_CHECK;

#endif

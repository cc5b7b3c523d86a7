/* The request by which an onion service proves itself (RFC 9799 3.2; BR Appendix B 2.b; B-37): a PKCS#10 request, signed by the
 * service's key, with a nonce of the CA's and one of its own. Nothing else of it is looked at. Pure. */
#ifndef CAIRN_POLICY_ONION_CSR_H
#define CAIRN_POLICY_ONION_CSR_H

#include "lib/base/ctx.h"

/* Octets of the longest that is taken; what a client needs has some 250. */
#define ONION_CSR_MAX 8192
/* Octets that 64 random bits have at least. */
#define ONION_NONCE_MIN 8

/* The members borrow from the request. */
struct onion_csr {
	struct bytes info;            /* what is signed */
	struct bytes key;             /* raw Ed25519 public key */
	struct bytes signature;       /* not verified */
	struct bytes ca_nonce;        /* empty: it has no such attribute */
	struct bytes applicant_nonce; /* empty: it has no such attribute */
};

/* NULL, or what is wrong with its form, as the end of a sentence that begins with "The CSR". */
const char *onion_csr_parse(struct bytes der, struct onion_csr *ret) MUST_CHECK;

#endif

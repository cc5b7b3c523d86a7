/* PKCS#10 requests (RFC 2986), read strictly. Only names and key are taken; nothing else of a CSR ever reaches a
 * certificate (A-112, A-116, D-11, D-49). */
#ifndef CAIRN_CRYPTO_CSR_H
#define CAIRN_CRYPTO_CSR_H

#include <openssl/types.h>

#include "lib/crypto/key.h"

#define CSR_SIZE_MAX 65536
#define CSR_NAMES_MAX 1000

struct csr {
	EVP_PKEY *key; /* the arena's */
	enum key_kind kind;
	struct bytes spki;             /* DER, as it stands in the CSR */
	const char *common_name;       /* lower case, or NULL */
	struct text_list dns_names;    /* of the SAN, in its order, lower case; may hold one name twice */
	struct text_list ip_addresses; /* of the SAN, in its order, canonical text (B-7) */
	bool wants_must_staple;        /* asked, and ignored (D-48) */
};

/* der is one whole PKCS#10 without anything behind it. BAD_CSR with the reason: not exact DER, version other than 1(0),
 * broken self-signature or one with SHA-1 or MD5, other types in the SAN than dNSName and iPAddress, CA:TRUE, several
 * common names, a key in another form than D-6 or of unknown kind. policy/keys.h judges the key further. */
int csr_parse(struct ctx *c, struct bytes der, struct csr *ret) MUST_CHECK;

/* Who can sign this has the private key and says that it is not his alone (E-15): a PKCS#10, as strict as above, whose common name is, or begins
 * with, CSR_PROOF in any case. It has a blank, so no CSR of an order can be taken for a proof, and no proof for a CSR. ret_name: the common
 * name as it stands. BAD_CSR. */
#define CSR_PROOF "Proof of Key Compromise"
int csr_proof_parse(struct ctx *c, struct bytes der, struct bytes *ret_spki, const char **ret_name) MUST_CHECK;

/* The names of the CSR, as a set and without regard to case, are exactly those of the order; a common name counts as
 * one of them, a DNS name or an address. BAD_CSR names what is missing or too much. */
int csr_names_check(struct ctx *c, const struct csr *csr, const struct text_list *dns_names,
    const struct text_list *ip_addresses) MUST_CHECK;

/* The DNS names for the certificate: those of the SAN in its order without repetition, then the common name if it is
 * not among them. */
struct text_list csr_names(struct ctx *c, const struct csr *csr);

/* The addresses for the certificate, in the same way. */
struct text_list csr_addresses(struct ctx *c, const struct csr *csr);

#endif

/* Signed certificate timestamps (RFC 6962 3.2, 3.3) and the answers in which logs send them (4.1, 4.2). Pure. */
#ifndef CAIRN_CT_SCT_H
#define CAIRN_CT_SCT_H

#include <openssl/types.h>

#include "lib/base/ctx.h"

#define SCT_LIST_MAX 16 /* SCTs in one list */
#define SCT_SIZE_MAX 4096

struct sct {
	struct bytes log_id; /* SHA-256 of the log's key */
	uint64_t time_ms;    /* since 1970 */
	struct bytes extensions;
	uint8_t hash; /* RFC 5246 7.4.1.4.1 */
	uint8_t algorithm;
	struct bytes signature;
};

struct sct_list {
	struct sct *v;
	size_t n;
};

/* What a log signs beside the time. */
struct ct_entry {
	bool precertificate;
	struct bytes body;            /* the plain TBSCertificate, or the DER of the certificate */
	struct bytes issuer_key_hash; /* SHA-256 of the issuer's SubjectPublicKeyInfo; of a precertificate only */
};

/* One SCT of version 1 and nothing behind it; slices of `in`. MALFORMED. */
int sct_parse(struct ctx *c, struct bytes in, struct sct *ret) MUST_CHECK;
struct bytes sct_encode(struct arena *a, const struct sct *sct);

/* SignedCertificateTimestampList: 1 to SCT_LIST_MAX of them, no log twice. MALFORMED. */
int sct_list_parse(struct ctx *c, struct bytes in, struct sct_list *ret) MUST_CHECK;
struct bytes sct_list_encode(struct arena *a, const struct sct_list *list);

/* The JSON that a log answers to add-chain and add-pre-chain. The extensions stay as they came (H-4). MALFORMED. */
int sct_of_answer(struct ctx *c, struct bytes json, struct sct *ret) MUST_CHECK;

/* The body of add-chain and add-pre-chain: DER, leaf first (H-1). */
struct bytes sct_question(struct arena *a, const struct bytes_list *chain);

struct timestamp sct_time(const struct sct *sct);

/* The octets under the signature (RFC 6962 3.2). */
struct bytes sct_signed(struct arena *a, const struct sct *sct, const struct ct_entry *entry);

/* True when the key signed the SCT for this entry; SHA-256 with ECDSA on P-256 or with RSA (RFC 6962 2.1.4). */
bool sct_verify(struct arena *a, const struct sct *sct, const struct ct_entry *entry, EVP_PKEY *key);

#endif

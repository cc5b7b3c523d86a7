/* OCSP (RFC 6960 in the profile of RFC 5019): requests as they come from the world, and responses in the one form that this CA
 * signs: about one certificate, by a delegated responder that is known by its key, without nonce or any extension (E-35, E-37). */
#ifndef CAIRN_CRYPTO_OCSP_H
#define CAIRN_CRYPTO_OCSP_H

#include "lib/crypto/cert.h"

#define OCSP_REQUEST_MAX 1024 /* octets; one of a common client has below 130 */
#define OCSP_KEY_HASH_SIZE 20

/* By what a certificate is named. SHA-1 identifies here and signs nothing (D-8). */
enum ocsp_hash { OCSP_SHA1, OCSP_SHA256, OCSP_HASHES };

/* CertID */
struct ocsp_cert_id {
	enum ocsp_hash hash;
	struct bytes name_hash; /* of the issuer's name */
	struct bytes key_hash;  /* of the issuer's key */
	struct bytes serial;    /* content octets as in the certificate */
};

/* The CertID of the issuer's certificate with this serial; the hashes lie in the arena. */
int ocsp_cert_id(struct ctx *c, enum ocsp_hash hash, const struct cert_info *issuer, struct bytes serial,
    struct ocsp_cert_id *ret) MUST_CHECK;

/* SHA-1 of the key's bit string: a KeyHash, by which responses name their responder. */
int ocsp_key_hash(struct ctx *c, struct bytes spki, uint8_t ret[OCSP_KEY_HASH_SIZE]) MUST_CHECK;

/* What is asked. MALFORMED unless it is one whole OCSPRequest in DER of at most OCSP_REQUEST_MAX octets, about one certificate, by a
 * hash of those above, without critical extensions. Other extensions (a nonce among them), a signature and its requestor are looked at for
 * their form only. Slices of der. */
int ocsp_request_parse(struct ctx *c, struct bytes der, struct ocsp_cert_id *ret) MUST_CHECK;

/* A ResponseData. */
struct ocsp_answer {
	struct bytes responder_key_hash;
	struct timestamp produced_at; /* all times in whole seconds */
	struct ocsp_cert_id id;
	bool revoked;                /* else good */
	struct timestamp revoked_at; /* 0: good */
	int64_t reason;              /* 0: none given (E-37) */
	struct timestamp this_update;
	struct timestamp next_update;
};

/* The DER of the ResponseData. SERVER_INTERNAL for a reason that E-10 does not allow, hashes or a serial of a wrong size, or times out of
 * order. */
int ocsp_build_tbs(struct ctx *c, const struct ocsp_answer *answer, struct bytes *ret_tbs) MUST_CHECK;

/* The whole OCSPResponse around it, with the responder's certificate. */
struct bytes ocsp_assemble(
    struct arena *a, struct bytes tbs, enum sigalg alg, struct bytes signature, struct bytes certificate);

struct ocsp_info {
	struct bytes der;
	struct bytes basic; /* the BasicOCSPResponse */
	struct bytes tbs;
	struct bytes signature;
	enum sigalg sigalg;
	struct bytes certificate; /* of the responder */
	struct ocsp_answer answer;
};

/* MALFORMED unless it is one whole response in exact DER of the form above. */
int ocsp_parse(struct ctx *c, struct bytes der, struct ocsp_info *ret) MUST_CHECK;

/* SERVER_INTERNAL unless this key signed it. */
int ocsp_verify_signature(struct ctx *c, const struct ocsp_info *info, EVP_PKEY *responder_key) MUST_CHECK;

/* A response without an answer. */
enum ocsp_refusal { OCSP_MALFORMED = 1, OCSP_INTERNAL = 2, OCSP_LATER = 3, OCSP_UNAUTHORIZED = 6 };
struct bytes ocsp_refusal(struct arena *a, enum ocsp_refusal why);

#endif

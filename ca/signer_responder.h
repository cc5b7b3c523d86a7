/* The keys of OCSP responders inside the signer, one for each issuer that has OCSP. They are made there and die there: no file or
 * token ever holds one, a start of the signer needs new ones with new certificates, and so does each renewal. Each signs OCSP
 * responses and nothing else (F-8). */
#ifndef CAIRN_CA_SIGNER_RESPONDER_H
#define CAIRN_CA_SIGNER_RESPONDER_H

#include "ca/signer_keys.h"
#include "policy/lints.h"

#define SIGNER_ISSUERS_MAX 16

struct responder {
	bool made;
	struct ctx life; /* owns all that follows */
	EVP_PKEY *key;
	struct bytes spki;
	struct cert_info certificate; /* der.n == 0: none yet */
};

struct responders {
	struct signer_keys *keys;                  /* of the issuers */
	struct responder next[SIGNER_ISSUERS_MAX]; /* a key that waits for its certificate */
	struct responder now[SIGNER_ISSUERS_MAX];  /* what signs */
};

/* Makes the issuer's next key, and gives its SubjectPublicKeyInfo. */
int responder_make_key(struct ctx *c, struct responders *r, size_t issuer, struct bytes *ret_spki) MUST_CHECK;

/* The certificate for the TBSCertificate with that key, signed by the issuer's key; from then on the responder is that one. */
int responder_certify(struct ctx *c, struct responders *r, size_t issuer, const struct lint_options *o,
    struct bytes tbs, struct bytes *ret_der) MUST_CHECK;

/* The OCSP response for a ResponseData, by the responder's key. */
int responder_sign(struct ctx *c, const struct responders *r, size_t issuer, const struct lint_options *o,
    struct bytes tbs, struct bytes *ret_der) MUST_CHECK;

/* All keys are gone after it. */
void responders_done(struct responders *r);

#endif

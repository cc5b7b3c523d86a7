/* The signer: a child of cairn-ca in a sandbox of its own that holds the issuing keys, or the session with the token that does,
 * and knows few requests. It parses
 * and lints the whole object, signs it, checks what it signed, and never signs octets that it has not read (F-6, F-7,
 * style.md 29). The parent never holds a key. The end of the child is the end of the process: the supervisor starts both
 * again. */
#ifndef CAIRN_CA_SIGNER_H
#define CAIRN_CA_SIGNER_H

#include "ca/issuers.h"

/* The longest that the signer may take, in seconds; only tests change it. Each limit holds for the silence between two reads. */
struct signer_patience {
	int start_s;       /* until it is ready */
	int person_s;      /* the same when a person is asked for the PIN */
	int certificate_s; /* for a certificate */
	int crl_s;         /* for a CRL, which may have a million entries that are read and linted anew */
	int token_s;       /* more than that where a token may have to be opened anew */
};
extern struct signer_patience signer_patience;

/* Forks the child and waits until it has read its keys and entered its sandbox; call it before there are threads. FAIL
 * with what the child could not do, or that it was not ready in time. config and issuers must live as long as the process. */
int signer_start(struct ctx *c, const struct config *config, const struct issuer_list *issuers) MUST_CHECK;

/* A thread that ends the process when the child ends. */
int signer_watch(struct ctx *c) MUST_CHECK;

/* The certificate for the TBSCertificate of a leaf, DER in the arena of c. SERVER_INTERNAL when the signer refuses the
 * bytes: refused again they would be refused again. UNAVAILABLE while the key's token is away. Safe from all threads; one request at a time. */
int signer_sign_certificate(struct ctx *c, const struct issuer *issuer, const char *profile, struct bytes tbs,
    struct bytes *ret_der) MUST_CHECK;

/* The same for the precertificate, and for the certificate that it promised (D-52..D-56). */
int signer_sign_precertificate(struct ctx *c, const struct issuer *issuer, const char *profile, struct bytes tbs,
    struct bytes *ret_der) MUST_CHECK;
int signer_sign_promised(struct ctx *c, const struct issuer *issuer, const char *profile, const struct bytes object[2],
    struct bytes *ret_der) MUST_CHECK;

/* The CRL for a TBSCertList. */
int signer_sign_crl(struct ctx *c, const struct issuer *issuer, struct bytes tbs, struct bytes *ret_der) MUST_CHECK;

/* A new key for the responder of an issuer that has OCSP; its SubjectPublicKeyInfo. */
int signer_make_responder_key(struct ctx *c, const struct issuer *issuer, struct bytes *ret_spki) MUST_CHECK;

/* The certificate for that key, which from then on signs responses. */
int signer_sign_responder(
    struct ctx *c, const struct issuer *issuer, struct bytes tbs, struct bytes *ret_der) MUST_CHECK;

/* The OCSP response for a ResponseData of the responder. */
int signer_sign_ocsp(struct ctx *c, const struct issuer *issuer, struct bytes tbs, struct bytes *ret_der) MUST_CHECK;

/* Asks the signer how its keys stand, which makes it look for a token that was away; for the metrics and signer_keys_fault. */
void signer_look(struct ctx *c);

/* As of the last answer: a bit for each issuer whose key is at hand, and how often the token came back. */
struct signer_keys_state {
	uint32_t ready;
	uint32_t returns;
};
struct signer_keys_state signer_keys_state(void);

/* Why not all keys are at hand, a sentence, or NULL; good until the thread asks again. */
const char *signer_keys_fault(void);

/* Closes the channel, which ends the child, and waits for it, but not for one that hangs: it ends with this process. No request may be under way. */
void signer_stop(void);

#endif

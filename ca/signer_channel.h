/* What passes between cairn-ca and its signer: a head of fixed size and octets behind it. */
#ifndef CAIRN_CA_SIGNER_CHANNEL_H
#define CAIRN_CA_SIGNER_CHANNEL_H

#include "ca/issuers.h"

#define SIGNER_MESSAGE_MAX ((uint32_t) 1 << 26)

enum signer_kind {
	SIGNER_CERTIFICATE = 1,
	SIGNER_CRL = 2,
	SIGNER_KEYS = 3,
	SIGNER_PRECERTIFICATE = 4,
	SIGNER_PROMISED = 5,
	SIGNER_RESPONDER_KEY = 6, /* a new key for the issuer's responder: its SubjectPublicKeyInfo */
	SIGNER_RESPONDER = 7,     /* the certificate for that key */
	SIGNER_OCSP = 8,          /* a response by that key */
};
enum signer_outcome { SIGNER_DONE, SIGNER_REFUSED, SIGNER_LATER };

/* SIGNER_PROMISED: the precertificate, and behind it the TBSCertificate of the certificate that it promised.
 * A request asks for a signature, or (SIGNER_KEYS) how the keys stand: a sentence, empty when all are at hand. */
struct signer_head {
	uint32_t kind;    /* request: enum signer_kind; answer: enum signer_outcome */
	uint32_t issuer;  /* place in the list of issuers; answer: a bit for each issuer whose key is at hand */
	uint32_t profile; /* place in the list of profiles; answer: times that the token came back */
	uint32_t n;       /* octets that follow: what is to be signed, the signed object, or a sentence */
};

/* -1 when the other end is gone. */
int channel_write(int fd, const struct signer_head *head, struct bytes body) MUST_CHECK;

/* Reads one message; the body lies in the arena. -1 at the end of the channel and for a body that is too large. */
int channel_read(int fd, struct arena *a, struct signer_head *ret_head, struct bytes *ret_body) MUST_CHECK;

/* The life of the child: reads the keys, enters the sandbox, tells that it is ready, and answers until the channel ends. */
_Noreturn void signer_child(int fd, const struct config *config, const struct issuer_list *issuers);

#endif

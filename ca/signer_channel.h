/* What passes between cairn-ca and its signer: a head of fixed size and octets behind it. */
#ifndef CAIRN_CA_SIGNER_CHANNEL_H
#define CAIRN_CA_SIGNER_CHANNEL_H

#include "ca/issuers.h"

#define SIGNER_MESSAGE_MAX ((uint32_t) 1 << 26)

enum signer_kind { SIGNER_CERTIFICATE = 1, SIGNER_CRL = 2 };

struct signer_head {
	uint32_t kind;    /* request: enum signer_kind; answer: 0 signed, 1 refused */
	uint32_t issuer;  /* place in the list of issuers */
	uint32_t profile; /* place in the list of profiles */
	uint32_t n;       /* octets that follow: what is to be signed, the signed object, or the sentence of the refusal */
};

/* -1 when the other end is gone. */
int channel_write(int fd, const struct signer_head *head, struct bytes body) MUST_CHECK;

/* Reads one message; the body lies in the arena. -1 at the end of the channel and for a body that is too large. */
int channel_read(int fd, struct arena *a, struct signer_head *ret_head, struct bytes *ret_body) MUST_CHECK;

/* The life of the child: reads the keys, enters the sandbox, tells that it is ready, and answers until the channel ends. */
_Noreturn void signer_child(int fd, const struct config *config, const struct issuer_list *issuers);

#endif

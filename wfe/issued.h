/* Chains of certificates that were issued by way of this front end moments ago: clients ask for them at once, and what
 * they hold can't change, so that no database is needed. Bounded in number, size and time; whoever finds nothing here
 * asks the database. All functions are safe from all threads. */
#ifndef CAIRN_WFE_ISSUED_H
#define CAIRN_WFE_ISSUED_H

#include "lib/base/ctx.h"

#define ISSUED_OCTETS_MAX ((size_t) 16 * 1024)

struct issued {
	struct id account_id; /* whose certificate it is: who asks must be that one */
	struct bytes pem;     /* the certificate and its chain */
	const char *up;       /* URL of the issuer's certificate */
	size_t alternates;    /* how many other chains there are */
};

/* Keeps a certificate whose issuance is committed. Does nothing while the chain of its issuer is not known. */
void issued_keep(struct id id, const struct issued *leaf);

/* The chain of the issuer whose certificate is at this URL, and how many others there are, as the database has it now. */
void issued_learn_chain(const char *up, struct bytes pem, size_t alternates);

/* The certificate with its chain, in the arena of c. */
bool issued_find(struct ctx *c, struct id id, struct issued *ret);

#endif

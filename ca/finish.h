/* The second half of an issuance, by whoever holds its lease: sign the bytes that were fixed, record the certificate. */
#ifndef CAIRN_CA_FINISH_H
#define CAIRN_CA_FINISH_H

#include "lib/base/fields.h"

struct begun {
	struct id certificate_id;
	const char *issuer;
	const char *profile;
	struct bytes serial;
	struct timestamp not_before;
	struct timestamp not_after;
	struct bytes tbs; /* the octets that are to be signed */
	struct bytes der; /* or the certificate, when it is there already */
	bool mine;        /* the lease was taken: finish it */
};

extern const struct fields begun_fields;

/* Signs and records; ret_der is the certificate that counts. When the signer refuses the bytes, or they were fixed over an hour ago,
 * the order becomes invalid and shows it: SERVER_INTERNAL. */
int issuance_finish(struct ctx *c, const struct begun *begun, struct bytes *ret_der) MUST_CHECK;

#endif

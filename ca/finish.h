/* The second half of an issuance, by whoever holds its lease: sign the bytes that were fixed, record the certificate. */
#ifndef CAIRN_CA_FINISH_H
#define CAIRN_CA_FINISH_H

#include "lib/rpc/messages.h"

struct begun {
	struct id certificate_id;
	const char *issuer;
	const char *profile;
	struct bytes serial;
	struct timestamp not_before;
	struct timestamp not_after;
	struct bytes tbs;            /* the octets that are to be signed */
	struct bytes der;            /* or the certificate, when it is there already */
	bool mine;                   /* the lease was taken: finish it */
	struct bytes precertificate; /* as recorded, or empty: none was signed */
	const char *asker;           /* who shows it to logs, or NULL; not of the row */
};

extern const struct fields begun_fields;

/* So long after its beginning an issuance may still be signed: what finalize keeps in reserve of the time in which CAA is good
 * (C-36). So long it also waits for an instance that has its issuer, and for logs; then its order ends, as none may hang for ever. */
#define SIGN_WITHIN_S 3600

/* Whether the octets are those of a precertificate. */
bool issuance_is_precertificate(struct ctx *c, const struct begun *begun);

/* What the caller of the RPC gets. */
struct issue_certificate_response issuance_response(const struct begun *begun);

/* Signs and records: der is then the certificate that counts, or, where the octets are a precertificate's, precertificate is that. When the signer refuses the bytes, or they were fixed over an hour ago,
 * the order becomes invalid and shows it: SERVER_INTERNAL. */
int issuance_finish(struct ctx *c, struct begun *begun) MUST_CHECK;

#endif

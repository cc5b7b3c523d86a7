/* What is not signed because a linter or the signer finds an error in it: on record with its octets and the finding, its order ends, and it is an
 * alarm (F-30, F-70; db/functions/ca_refuse.sql). */
#ifndef CAIRN_CA_REFUSE_H
#define CAIRN_CA_REFUSE_H

#include "lib/db/db.h"

/* What the lints saw before anything was fixed for the order. */
struct refused {
	struct id order_id;
	struct id account_id;
	const char *issuer;
	const char *profile;
	struct bytes serial;
	struct bytes tbs;
};

/* Why is the error of c, which stays. When the database does not take it, that is a line of the log and the order is as it was. */
void refuse_certificate(const struct ctx *c, const struct refused *refused);

/* The same of what was begun and the signer does not sign. */
void refuse_signature(const struct ctx *c, struct id certificate_id);

/* No CRL is made of this shard, as a lint, the signer or the database refuses it: an alarm (F-33). */
void refuse_crl(const struct ctx *c, const char *issuer, int64_t shard);

extern const struct statement refuse_certificate_statement;
extern const struct statement refuse_signature_statement;
extern const struct statement refuse_crl_statement;

#endif

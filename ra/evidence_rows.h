/* What the records of validations are made of; for ra/evidence*.c only. */
#ifndef CAIRN_RA_EVIDENCE_ROWS_H
#define CAIRN_RA_EVIDENCE_ROWS_H

#include "lib/rpc/messages.h"

/* What all kinds of record have in common. */
struct evidence {
	const char *problem;
	const char *detail;
	const char *error;
	const char *dnssec;
	const char *caa;
	struct bytes commitments;
	struct bytes salt;
	const char *resolutions;
	const char *attempts;
};

/* What was answered, as a validation is proved by: a digest and how many octets it is of. */
struct answer {
	struct bytes sha256; /* empty: nothing was */
	int64_t octets;
};

struct evidence evidence_of(
    struct ctx *c, const struct validate_request *asked, const struct validation_result *result);
struct answer evidence_answer(struct arena *a, const char *name, const struct validation_result *result);

/* The records of remote perspectives, who were asked the same, as a JSON array for acme.add_remotes, or NULL for none (C-59). */
const char *evidence_remotes(
    struct ctx *c, const struct validate_request *asked, const struct validation_result_list *remotes);

#endif

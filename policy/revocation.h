/* Why certificates are revoked: the reasons that may stand in a CRL, and on which occasion each does. */
#ifndef CAIRN_POLICY_REVOCATION_H
#define CAIRN_POLICY_REVOCATION_H

#include "lib/base/ctx.h"

#define REVOCATION_KEY_COMPROMISE 1

/* The name of a CRLReason that this CA uses (E-10), or NULL. */
const char *revocation_reason_name(int64_t reason);

/* The reason of this name; -1: there is none. */
int64_t revocation_reason_find(const char *name);

/* Whether a subscriber may give it. */
bool revocation_reason_is_subscribers(int64_t reason);

struct revocation_occasion {
	const char *word;
	int64_t reason;
	int64_t within_s; /* of the knowledge of it */
	const char *clause;
	const char *text;
};
extern const struct revocation_occasion revocation_occasions[];
extern const size_t revocation_occasions_n;

/* NULL when there is none. */
const struct revocation_occasion *revocation_occasion_find(const char *word);

#endif

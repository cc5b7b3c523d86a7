/* What the policy on names said of an order (db/migrations/0011_policy.sql), for the client. */
#ifndef CAIRN_RA_GRANTS_H
#define CAIRN_RA_GRANTS_H

#include "lib/rpc/messages.h"

/* An identifier that the policy refuses. */
struct grant_refusal {
	int64_t place; /* in the order, from 1; 0: the whole order */
	const char *reason;
};

struct grant_refusal_list {
	struct grant_refusal *v;
	size_t n;
};
extern const struct fields grant_refusal_fields;

/* FAIL when something is refused: UNAUTHORIZED for the whole (B-25), else REJECTED_IDENTIFIER with a subproblem each. */
int grants_check(
    struct ctx *c, const struct identifier_list *identifiers, const struct grant_refusal_list *refused) MUST_CHECK;

#endif

/* Rate limits of the steps (policy/limits.h), and the link by which an account frees its paused names. */
#ifndef CAIRN_RA_LIMITS_H
#define CAIRN_RA_LIMITS_H

#include "lib/rpc/messages.h"
#include "policy/limits.h"

/* What the statement of the step takes, or NULL. */
const char *limits_at_order(struct ctx *c, struct id account_id, const struct identifier_list *identifiers);
const char *limits_at_issue(struct ctx *c, struct id account_id, const struct identifier_list *identifiers);

/* One use of the limit by the account, where a step is more than one statement. FAIL as limits_refused. What was no use comes back. */
int limits_take(struct ctx *c, enum limit_kind kind, struct id account_id) MUST_CHECK;
void limits_give_back(struct ctx *c, enum limit_kind kind, struct id account_id);

/* After a step failed: if a limit refused it, counts that, and makes the ticket of paused names a URL in the sentence. Always -1. */
int limits_refused(struct ctx *c);

#endif

/* CAA once more, as finalize asks for it when what was found with the validations is too old (C-36, C-37). */
#ifndef CAIRN_RA_RECHECK_H
#define CAIRN_RA_RECHECK_H

#include "lib/base/ctx.h"
#include "lib/crypto/onion.h"

/* One look. method: the one relied on, which the set may forbid (C-43, C-44). onion: the set in which is looked, if not in the DNS. */
struct recheck {
	const char *name;
	struct id authz_id;
	const char *method;
	const struct onion_caa *onion;
};

struct recheck_list {
	struct recheck *v;
	size_t n;
};

/* All of them side by side, some at a time, each recorded whatever it says. What has passed stays recorded also when others fail, so
 * that the next call need not ask for it. FAIL: what CAA says, with a subproblem for each name that it forbids; UNAVAILABLE for a
 * fault of ours, or when the time of c does not last for all; RATE_LIMITED when the account was refused too often. */
int recheck_caa(struct ctx *c, struct id account_id, const struct recheck_list *looks) MUST_CHECK;

#endif

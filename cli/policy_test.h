/* `cairn policy test`: what newOrder would say, before anybody asks the CA. */
#ifndef CAIRN_CLI_POLICY_TEST_H
#define CAIRN_CLI_POLICY_TEST_H

#include "cli/policy_rows.h"

struct policy_verdict {
	const char *identifier; /* empty: the whole order */
	const char *verdict;    /* challenge, granted, refused */
	const char *rule;       /* of the policy, or NULL */
	const char *reason;
};

struct policy_verdict_list {
	struct policy_verdict *v;
	size_t n;
};

struct policy_test {
	struct id account;
	struct id eab_key;
	struct text_list names;
	const char *profile; /* NULL: the default */
	int64_t version;
};

/* A verdict for each name, and perhaps one for the whole; ret_allowed: none of them refuses. The same functions decide as in
 * the RA: policy/names.h for what may be ordered at all, the database for whose the names are. */
int policy_test_run(struct ctx *c, const struct config *config, const struct policy_test *test,
    struct policy_verdict_list *ret, bool *ret_allowed) MUST_CHECK;

#endif

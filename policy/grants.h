/* Patterns of names that an account, an external account key or everybody may have. Pure decisions; which patterns hold for
 * whom stands in the database (db/migrations/0011_policy.sql), where newOrder looks.
 *
 *     www.corp.test     this name
 *     .corp.test        corp.test and every name below it, but no wildcards; "." is every name
 *     *.corp.test       this wildcard
 *     *..corp.test      every wildcard of what .corp.test stands for
 *     10.2.3.4          this address
 *     10.0.0.0/8        every address of this network */
#ifndef CAIRN_POLICY_GRANTS_H
#define CAIRN_POLICY_GRANTS_H

#include "lib/base/ctx.h"

#define GRANTS_PATTERNS_MAX 1000

/* Patterns as the database keeps them: names in lower case, and networks as ADDRESS/BITS. */
struct grants_names {
	struct text_list names;
	struct text_list networks;
};

/* FAIL: MALFORMED, naming the pattern and what is wrong with it. */
int grants_names_parse(struct ctx *c, const struct text_list *patterns, struct grants_names *ret) MUST_CHECK;

#endif

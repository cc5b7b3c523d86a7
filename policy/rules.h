/* The rules of the policy by their names (rules.def), and what a decision says. */
#ifndef CAIRN_POLICY_RULES_H
#define CAIRN_POLICY_RULES_H

#include "lib/base/ctx.h"

enum rule {
	RULE_NONE,
#define RULE(name, id, source, text) RULE_##name,
#include "policy/rules.def"
#undef RULE
	RULE_COUNT,
};

struct rule_info {
	const char *id;
	const char *source;
	const char *text;
};

/* The row of a rule other than RULE_NONE. */
const struct rule_info *rule_info(enum rule rule);

/* What a check of the policy ruled: RULE_NONE, or the rule that refuses and why, as the end of a sentence. */
struct ruling {
	enum rule rule;
	const char *why;
};

/* Nothing speaks against it. */
#define ACCEPTED ((struct ruling) { RULE_NONE, NULL })

/* The refusal with the rule's own sentence. */
struct ruling ruling_of(enum rule rule);

/* The refusal with a sentence that says more. */
struct ruling ruling_because(struct arena *a, enum rule rule, const char *format, ...) PRINTF_LIKE(3, 4);

/* Fails with the sentence "SUBJECT WHY", and names the rule; always -1. */
int ruling_fail(struct ctx *c, enum problem as, const char *subject, struct ruling ruling);

#endif

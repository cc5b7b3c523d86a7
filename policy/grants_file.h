/* The file of `cairn policy`: rules that say whose which names may be. The first rule that fits an account, a profile and a
 * name decides; a name that none fits is refused. No rules at all: everybody may ask for every name by challenge.
 *
 *     rules:
 *       - name: web team
 *         accounts: [AZr0...]        # and / or eab_keys: [AZr0...], or everybody: true
 *         names: [.web.corp.test, "*.web.corp.test", 10.2.0.0/16]
 *         profiles: []               # only for these; none: for all
 *         without_challenge: false   # true: nobody has to prove control; private mode only */
#ifndef CAIRN_POLICY_GRANTS_FILE_H
#define CAIRN_POLICY_GRANTS_FILE_H

#include "lib/base/config.h"
#include "policy/grants.h"

#define GRANTS_RULES_MAX 1000

struct grants_rule {
	const char *name;
	bool everybody;
	struct text_list accounts; /* 22 characters each */
	struct text_list eab_keys;
	struct text_list names; /* as written; behind grants_read those that are names, in lower case */
	struct text_list networks;
	struct text_list profiles;
	bool without_challenge;
};

struct grants_rule_list {
	struct grants_rule *v;
	size_t n;
};

struct grants {
	struct grants_rule_list rules;
};
extern const struct fields grants_rule_fields; /* as the database takes them */

/* The text of a file called `name`, checked whole. With a configuration, profiles must be among its own, and webpki mode
 * forbids without_challenge. FAIL: MALFORMED, naming the line or the rule. */
int grants_read(struct ctx *c, const char *name, struct bytes text, const struct config_policy *policy,
    struct grants *ret) MUST_CHECK;

#endif

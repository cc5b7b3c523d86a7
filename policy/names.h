/* Which identifiers may be ordered: form (policy/dns_name.h), place (policy/zones.h), the operator's lists, and whether a
 * challenge can validate them. Pure decisions. */
#ifndef CAIRN_POLICY_NAMES_H
#define CAIRN_POLICY_NAMES_H

#include "lib/rpc/messages.h"
#include "policy/policy.h"

/* The identifiers, DNS names in lower case, without repetition, in the order of the request. MALFORMED for none or more
 * than the profile has; else UNSUPPORTED_IDENTIFIER, REJECTED_IDENTIFIER or INVALID_PROFILE (B-12), with a subproblem for
 * each that is refused; the rules that refused stand in the error. */
int names_check(struct ctx *c, const struct policy *policy, const struct config_profile *profile,
    const struct identifier_list *in, struct identifier_list *ret) MUST_CHECK;

/* What the order is judged as: DNS names in lower case, each once. */
struct identifier_list names_merge(struct arena *a, const struct identifier_list *in);

/* What the lists and places say of identifiers of an order that was accepted before: names that were blocked since are
 * refused (C-74). The same problems. */
int names_check_again(struct ctx *c, const struct policy *policy, const struct config_profile *profile,
    const struct identifier_list *in) MUST_CHECK;

/* One identifier; a DNS name in lower case. What `cairn policy test` prints. */
struct ruling names_decide(struct arena *a, const struct policy *policy, const struct config_profile *profile,
    const struct identifier *identifier);

#endif

/* Which DNS names may be ordered: form, the operator's lists, and in webpki mode public suffixes. Pure
 * decisions. */
#ifndef CAIRN_POLICY_NAMES_H
#define CAIRN_POLICY_NAMES_H

#include "lib/rpc/messages.h"

#define NAMES_DNS_MAX 253

struct names_policy {
	struct text_list permitted_suffixes; /* empty: any name; "example.com" permits it and all below */
	struct text_list blocked_names;      /* "example.com" blocks it and all below */
	bool webpki;                         /* names must end in a public suffix of ICANN's section */
	bool wildcards;                      /* some offered challenge can validate them */
	size_t max_names;                    /* of the profile */
};

/* The identifiers in lower case, without repetition, in the order of the request. MALFORMED for none or too many;
 * UNSUPPORTED_IDENTIFIER and REJECTED_IDENTIFIER with a subproblem for each name that is refused. */
int names_check(struct ctx *c, const struct names_policy *policy, const struct identifier_list *in,
    struct identifier_list *ret) MUST_CHECK;

/* NULL when the name (lower case, without "*.") has the form of A-75, else what is wrong with it, as a sentence. */
const char *names_form_error(const char *name);

/* The name is the domain or lies below it. */
bool names_is_below(const char *name, const char *domain);

#endif

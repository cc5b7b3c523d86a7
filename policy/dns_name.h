/* The form of a DNS name in a certificate: letters, digits, hyphens, lengths, A-labels (A-75, C-14). Pure. */
#ifndef CAIRN_POLICY_DNS_NAME_H
#define CAIRN_POLICY_DNS_NAME_H

#include "policy/rules.h"

#define DNS_NAME_MAX 253
#define DNS_LABEL_MAX 63

/* Of a name in lower case, without "*.". The sentence is in the arena or constant. */
struct ruling dns_name_form(struct arena *a, const char *name);

/* A copy with A-Z in lower case. */
const char *dns_name_lower(struct arena *a, const char *name);

/* The name is the domain or lies below it. */
bool dns_name_is_below(const char *name, const char *domain);

/* The name is one of the domains, or lies below one. */
bool dns_name_is_below_any(const char *name, const struct text_list *domains);

#endif

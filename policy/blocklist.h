/* Names and networks that may not be ordered, from lists in files (docs/policy.md) and from the configuration. A file has
 * sections:
 *
 *     [domains]       # these and all below them
 *     evil.example
 *     [exact]         # these alone, and the wildcards that cover them
 *     www.bank.example
 *     [labels]        # names with this first label; "word*": with a first label that begins so
 *     autodiscover
 *     paypal*
 *     [networks]      # addresses
 *     192.0.2.0/24
 */
#ifndef CAIRN_POLICY_BLOCKLIST_H
#define CAIRN_POLICY_BLOCKLIST_H

#include "lib/base/folder.h"
#include "lib/base/ip.h"
#include "policy/rules.h"

struct blocklist {
	struct text_list domains;
	struct text_list exact;
	struct text_list covers; /* the parents of `exact`: their wildcards are blocked */
	struct text_list labels;
	struct text_list label_starts;
	struct text_list configured; /* policy.blocked_names: these and all below them */
	struct network_list networks;
};

/* The files in one list, in the arena. MALFORMED with "FILE:LINE: reason": one wrong line makes the whole wrong, because
 * a list that lacks a line would let through what it is to stop. */
int blocklist_parse(struct ctx *c, struct arena *a, const struct file_list *files, struct blocklist *ret) MUST_CHECK;

/* base: a name of good form in lower case, without "*.". */
struct ruling blocklist_name(const struct blocklist *list, const char *base, bool wildcard);
struct ruling blocklist_address(const struct blocklist *list, const struct ip *ip);

/* Entries of all kinds, for the log. */
size_t blocklist_count(const struct blocklist *list);

#endif

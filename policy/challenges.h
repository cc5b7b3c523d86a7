/* Which challenge can validate which kind of identifier: one table, and what is offered follows from it (A-90,
 * B-36, B-47). */
#ifndef CAIRN_POLICY_CHALLENGES_H
#define CAIRN_POLICY_CHALLENGES_H

#include "lib/rpc/messages.h"

enum identifier_kind { IDENTIFIER_DNS, IDENTIFIER_WILDCARD, IDENTIFIER_IP, IDENTIFIER_KINDS };

struct challenge_kind {
	const char *type;
	bool validates[IDENTIFIER_KINDS];
	bool draft; /* not yet a standard: offered only where the configuration names it (B-47) */
};

/* The challenges that this server has, in the order in which clients see them. */
extern const struct challenge_kind challenge_kinds[];
extern const size_t challenge_kinds_n;

/* The kind of an identifier whose type is "dns" or "ip". */
enum identifier_kind identifier_kind(const struct identifier *identifier);

/* NULL: there is none of this type. */
const struct challenge_kind *challenge_kind_find(const char *type);

/* Whether it is offered for identifiers of this kind; configured: policy.challenges, where an empty list stands for all that
 * are no drafts. */
bool challenge_is_offered(
    const struct text_list *configured, const struct challenge_kind *challenge, enum identifier_kind kind);

/* Some challenge is. */
bool challenge_offered_for(const struct text_list *configured, enum identifier_kind kind);

/* "http-01, ..." for messages. */
const char *challenge_types(struct arena *a);

#endif

/* Which challenge can validate which kind of identifier: one table, and what is offered follows from it (A-90,
 * B-36, B-47). */
#ifndef CAIRN_POLICY_CHALLENGES_H
#define CAIRN_POLICY_CHALLENGES_H

#include "lib/rpc/messages.h"

enum identifier_kind { IDENTIFIER_DNS, IDENTIFIER_WILDCARD, IDENTIFIER_IP, IDENTIFIER_KINDS };

struct challenge_kind {
	const char *type;
	bool validates[IDENTIFIER_KINDS];
};

/* The challenges that this server offers, in the order in which clients see them. */
extern const struct challenge_kind challenge_kinds[];
extern const size_t challenge_kinds_n;

/* The kind of an identifier whose type is "dns" or "ip". */
enum identifier_kind identifier_kind(const struct identifier *identifier);

/* Some challenge can validate identifiers of this kind. */
bool challenge_offered_for(enum identifier_kind kind);

#endif

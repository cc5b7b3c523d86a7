#include "policy/challenges.h"

#include <string.h>

/* A row says what the validation authority does for it today: a kind is switched on here, and nowhere else. */
const struct challenge_kind challenge_kinds[] = {
	{ "http-01", { [IDENTIFIER_DNS] = true } },
};
const size_t challenge_kinds_n = COUNT_OF(challenge_kinds);

enum identifier_kind identifier_kind(const struct identifier *identifier)
{
	if (strcmp(identifier->type, "ip") == 0) {
		return IDENTIFIER_IP;
	}
	return strncmp(identifier->value, "*.", 2) == 0 ? IDENTIFIER_WILDCARD : IDENTIFIER_DNS;
}

bool challenge_offered_for(enum identifier_kind kind)
{
	for (size_t i = 0; i < challenge_kinds_n; i++) {
		if (challenge_kinds[i].validates[kind]) {
			return true;
		}
	}
	return false;
}

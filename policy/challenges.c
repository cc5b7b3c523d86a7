#include "policy/challenges.h"

#include <string.h>

/* A row says what the validation authority does for it (va/dcv.c). */
const struct challenge_kind challenge_kinds[] = {
	{ .type = "http-01", .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_IP] = true } },
	{ .type = "dns-01", .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_WILDCARD] = true } }, /* B-9 */
	{ .type = "tls-alpn-01", .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_IP] = true } },  /* B-5, B-8, B-9 */
	{ .type = "dns-account-01", .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_WILDCARD] = true }, .draft = true },
};
const size_t challenge_kinds_n = COUNT_OF(challenge_kinds);

enum identifier_kind identifier_kind(const struct identifier *identifier)
{
	if (strcmp(identifier->type, "ip") == 0) {
		return IDENTIFIER_IP;
	}
	return strncmp(identifier->value, "*.", 2) == 0 ? IDENTIFIER_WILDCARD : IDENTIFIER_DNS;
}

const struct challenge_kind *challenge_kind_find(const char *type)
{
	for (size_t i = 0; i < challenge_kinds_n; i++) {
		if (type != NULL && strcmp(challenge_kinds[i].type, type) == 0) {
			return &challenge_kinds[i];
		}
	}
	return NULL;
}

static bool is_switched_on(const struct text_list *configured, const struct challenge_kind *challenge)
{
	bool named = false;
	for (size_t i = 0; i < configured->n; i++) {
		named = named || strcmp(configured->v[i], challenge->type) == 0;
	}
	return configured->n == 0 ? !challenge->draft : named;
}

bool challenge_is_offered(
    const struct text_list *configured, const struct challenge_kind *challenge, enum identifier_kind kind)
{
	return challenge->validates[kind] && is_switched_on(configured, challenge);
}

bool challenge_offered_for(const struct text_list *configured, enum identifier_kind kind)
{
	for (size_t i = 0; i < challenge_kinds_n; i++) {
		if (challenge_is_offered(configured, &challenge_kinds[i], kind)) {
			return true;
		}
	}
	return false;
}

const char *challenge_types(struct arena *a)
{
	const char *text = challenge_kinds[0].type;
	for (size_t i = 1; i < challenge_kinds_n; i++) {
		text = arena_printf(a, "%s, %s", text, challenge_kinds[i].type);
	}
	return text;
}

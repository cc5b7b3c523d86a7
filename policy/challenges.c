#include "policy/challenges.h"

#include <string.h>

#include "lib/crypto/onion.h"

/* A row says what the validation authority does for it (va/dcv.c). */
const struct challenge_kind challenge_kinds[] = {
	{ .type = "http-01",
	    .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_IP] = true },
	    .section = "3.2.2.4.19",
	    .address_section = "3.2.2.5.6", /* C-16 */
	    .caa_label = "ca-tbr-19" },
	{ .type = "dns-01",
	    .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_WILDCARD] = true }, /* B-9 */
	    .in_txt = true,
	    .section = "3.2.2.4.7",
	    .caa_label = "ca-tbr-7" },
	{ .type = "tls-alpn-01",
	    .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_IP] = true }, /* B-5, B-8, B-9 */
	    .section = "3.2.2.4.20",
	    .address_section = "3.2.2.5.7",
	    .caa_label = "ca-tbr-20" },
	{ .type = "dns-account-01",
	    .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_WILDCARD] = true },
	    .on_request = true,
	    .in_txt = true,
	    .section = "3.2.2.4.21",
	    .document = "draft-ietf-acme-dns-account-label-00", /* B-27 */
	    .caa_label = "ca-tbr-21" },
	{ .type = "dns-persist-01",
	    .validates = { [IDENTIFIER_DNS] = true, [IDENTIFIER_WILDCARD] = true },
	    .on_request = true,
	    .standing = true, /* B-28, B-32 */
	    .in_txt = true,
	    .section = "3.2.2.4.22",
	    .document = "draft-ietf-acme-dns-persist-01",
	    .caa_label = "ca-tbr-22" },
	/* The only one for onion services: there is no DNS for them, and no way into the Tor network from here (B-36, B-39). */
	{ .type = "onion-csr-01",
	    .validates = { [IDENTIFIER_ONION] = true },
	    .on_request = true,
	    .signed_request = true,
	    .section = "Appendix B 2.b",
	    .document = "RFC 9799; one perspective: BR 3.2.2.9" },
};
const size_t challenge_kinds_n = COUNT_OF(challenge_kinds);

enum identifier_kind identifier_kind(const struct identifier *identifier)
{
	if (strcmp(identifier->type, "ip") == 0) {
		return IDENTIFIER_IP;
	}
	if (onion_is(identifier->value)) {
		return IDENTIFIER_ONION;
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

const char *challenge_rule(struct arena *a, const struct challenge_kind *challenge, enum identifier_kind kind)
{
	const char *section = kind == IDENTIFIER_IP ? challenge->address_section : challenge->section;
	if (section == NULL || challenge->document == NULL) {
		return section == NULL ? NULL : arena_printf(a, "BR %s", section);
	}
	return arena_printf(a, "BR %s (%s)", section, challenge->document);
}

static bool is_switched_on(const struct text_list *configured, const struct challenge_kind *challenge)
{
	bool named = false;
	for (size_t i = 0; i < configured->n; i++) {
		named = named || strcmp(configured->v[i], challenge->type) == 0;
	}
	return configured->n == 0 ? !challenge->on_request : named;
}

bool challenge_is_offered(
    const struct text_list *configured, const struct challenge_kind *challenge, enum identifier_kind kind)
{
	return challenge->validates[kind] && is_switched_on(configured, challenge);
}

bool challenge_standing_configured(const struct text_list *configured)
{
	for (size_t k = 0; k < challenge_kinds_n; k++) {
		if (challenge_kinds[k].standing && is_switched_on(configured, &challenge_kinds[k])) {
			return true;
		}
	}
	return false;
}

bool challenge_signed_configured(const struct text_list *configured)
{
	for (size_t k = 0; k < challenge_kinds_n; k++) {
		if (challenge_kinds[k].signed_request && is_switched_on(configured, &challenge_kinds[k])) {
			return true;
		}
	}
	return false;
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

struct text_list challenge_configured_types(struct arena *a, const struct text_list *configured)
{
	struct text_list types = { ARENA_ARRAY(a, challenge_kinds_n, const char *), 0 };
	for (size_t k = 0; k < challenge_kinds_n; k++) {
		if (is_switched_on(configured, &challenge_kinds[k])) {
			types.v[types.n++] = challenge_kinds[k].type;
		}
	}
	return types;
}

struct text_list challenge_signed_types(struct arena *a)
{
	struct text_list types = { ARENA_ARRAY(a, challenge_kinds_n, const char *), 0 };
	for (size_t k = 0; k < challenge_kinds_n; k++) {
		if (challenge_kinds[k].signed_request) {
			types.v[types.n++] = challenge_kinds[k].type;
		}
	}
	return types;
}

const char *challenge_types(struct arena *a)
{
	const char *text = challenge_kinds[0].type;
	for (size_t i = 1; i < challenge_kinds_n; i++) {
		text = arena_printf(a, "%s, %s", text, challenge_kinds[i].type);
	}
	return text;
}

#include "policy/profiles.h"

#include <openssl/evp.h>
#include <string.h>

#include "policy/rules.h"

#define DAY_S 86400
#define COMMON_NAME_MAX 64
#define LIFE_MIN_S 60

/* D-36, C-70 as data: the longest life of a certificate signed from this day on, and how old what it relies on may be.
 * Newest first. */
struct life_limit {
	int64_t from_s; /* since 1970, UTC */
	int64_t days;
	int64_t reuse_days;
};

static const struct life_limit life_limits[] = {
	{ 1868227200, 47, 10 },   /* 2029-03-15 */
	{ 1805068800, 100, 100 }, /* 2027-03-15 */
	{ 0, 200, 200 },          /* 2026-03-15, before which this software was not */
};

int policy_mode_parse(const char *text, enum policy_mode *ret_mode)
{
	if (strcmp(text, "private") != 0 && strcmp(text, "webpki") != 0) {
		return -1;
	}
	*ret_mode = text[0] == 'p' ? POLICY_PRIVATE : POLICY_WEBPKI;
	return 0;
}

const struct config_profile *profile_find(const struct config_profile_list *profiles, const char *name)
{
	for (size_t i = 0; i < profiles->n; i++) {
		if (name == NULL ? !profiles->v[i].withdrawn : strcmp(profiles->v[i].name, name) == 0) {
			return &profiles->v[i];
		}
	}
	return NULL;
}

int profile_offered(
    struct ctx *c, const struct config_profile_list *profiles, const char *name, const struct config_profile **ret)
{
	const struct config_profile *found = profile_find(profiles, name);
	if (found == NULL || found->withdrawn) {
		return FAIL(c, INVALID_PROFILE, "This server has no profile \"%s\"; the directory lists those it has",
		    name == NULL ? "" : name);
	}
	*ret = found;
	return 0;
}

static bool has(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i], text) == 0) {
			return true;
		}
	}
	return false;
}

int profile_identifiers_check(
    struct ctx *c, const struct config_profile *profile, const struct identifier_list *identifiers)
{
	if (identifiers->n > (size_t) profile->max_names) {
		ctx_rule(c, rule_info(RULE_PROFILE_NAMES)->id);
		return FAIL(c, INVALID_PROFILE, "The order has %zu identifiers; its profile allows %lld", identifiers->n,
		    (long long) profile->max_names);
	}
	for (size_t i = 0; i < identifiers->n && profile->identifier_types.n > 0; i++) {
		if (!has(&profile->identifier_types, identifiers->v[i].type)) {
			ctx_rule(c, rule_info(RULE_PROFILE_TYPE)->id);
			return FAIL(c, INVALID_PROFILE, "The profile has no certificates for identifiers of type %s, such as %s",
			    identifiers->v[i].type, identifiers->v[i].value);
		}
	}
	return 0;
}

int profile_key_check(struct ctx *c, const struct config_profile *profile, const EVP_PKEY *key)
{
	const char *type = EVP_PKEY_is_a(key, "RSA") == 1 ? "rsa" : EVP_PKEY_is_a(key, "EC") == 1 ? "ecdsa" : "other";
	if (profile->key_types.n == 0 || has(&profile->key_types, type)) {
		return 0;
	}
	return FAIL(c, BAD_CSR, "The profile of the order takes no %s keys; make another one", type);
}

enum profile_listing profile_account(const struct config_profile *profile, struct id account)
{
	char text[ID_TEXT_SIZE];
	id_encode(account, text);
	if ((profile->accounts.n == 0 && profile->eab_keys.n == 0) || has(&profile->accounts, text)) {
		return PROFILE_ALLOWED;
	}
	return profile->eab_keys.n > 0 ? PROFILE_BY_KEY : PROFILE_FORBIDDEN;
}

int64_t profile_life_max_s(enum policy_mode mode, struct timestamp now)
{
	if (mode == POLICY_PRIVATE) {
		return INT64_MAX;
	}
	for (size_t i = 0; i + 1 < COUNT_OF(life_limits); i++) {
		if (now.us >= life_limits[i].from_s * 1000000) {
			return life_limits[i].days * DAY_S;
		}
	}
	return life_limits[COUNT_OF(life_limits) - 1].days * DAY_S;
}

struct timestamp profile_reuse_until(enum policy_mode mode, struct timestamp validated_at, int64_t life_s)
{
	struct timestamp until = timestamp_add_s(validated_at, life_s);
	for (size_t i = 0; mode == POLICY_WEBPKI && i < COUNT_OF(life_limits); i++) {
		/* from the limit's first day on nothing older may be relied on; until then it does not count */
		struct timestamp first_day = { life_limits[i].from_s * 1000000 };
		struct timestamp too_old = timestamp_add_s(validated_at, life_limits[i].reuse_days * DAY_S);
		int64_t last_us = too_old.us > first_day.us ? too_old.us : first_day.us;
		until.us = until.us < last_us ? until.us : last_us;
	}
	return until;
}

int profile_check(struct ctx *c, const struct config_profile *profile, enum policy_mode mode, struct timestamp now)
{
	int64_t max_s = profile_life_max_s(mode, now);
	if (profile->life_s < LIFE_MIN_S || profile->life_s > max_s) {
		return ctx_fault(c, "the profile %s has a life of %lld s; a minute to %lld s are allowed today", profile->name,
		    (long long) profile->life_s, (long long) max_s);
	}
	if (profile->max_names < 1 || profile->max_names > 1000) {
		return ctx_fault(c, "the profile %s allows %lld names; 1 to 1000 are possible", profile->name,
		    (long long) profile->max_names);
	}
	return 0;
}

#define SECOND_US 1000000
#define NEAR_US (INT64_C(2) * DAY_S * SECOND_US)
#define BEHIND_US (NEAR_US - INT64_C(3600) * SECOND_US) /* an issuance that waits is signed within an hour */

int profile_asked_check(
    struct ctx *c, const struct config_profile *profile, struct timestamp now, const struct validity *asked)
{
	struct timestamp from = asked->from.us == 0 ? now : asked->from;
	int64_t apart_us = from.us - now.us;
	if (apart_us > NEAR_US || apart_us < -BEHIND_US) { /* D-35 */
		return FAIL(c, MALFORMED,
		    "notBefore must be within 48 hours of the moment at which the certificate is signed, and that may be an "
		    "hour "
		    "from now: it must not be over 47 hours ago");
	}
	if (asked->to.us == 0) {
		return 0;
	}
	if (asked->to.us <= now.us || asked->to.us < from.us) {
		return FAIL(c, MALFORMED, "notAfter must be in the future and behind notBefore");
	}
	if (asked->to.us - from.us >= profile->life_s * SECOND_US) { /* D-9: the last second counts */
		return FAIL(c, MALFORMED,
		    "A certificate of the profile %s lives no longer than %lld seconds, the last one included", profile->name,
		    (long long) profile->life_s);
	}
	return 0;
}

static struct timestamp earlier(struct timestamp a, struct timestamp b)
{
	return a.us < b.us ? a : b;
}

int profile_validity(
    struct ctx *c, const struct config_profile *profile, const struct validity_terms *terms, struct validity *ret)
{
	const struct validity *asked = &terms->asked;
	struct timestamp from = { terms->now.us - terms->now.us % SECOND_US };
	from = asked->from.us == 0 ? timestamp_add_s(from, -terms->backdate_s) : asked->from;
	struct timestamp to = earlier(timestamp_add_s(from, profile->life_s - 1), terms->issuer_ends); /* D-9 */
	if (to.us <= terms->now.us) {
		return ctx_fault(c, "the issuer ends too soon to issue anything");
	}
	TRY(profile_asked_check(c, profile, terms->now, asked));
	if (asked->to.us > terms->issuer_ends.us) {
		return FAIL(c, MALFORMED, "notAfter is behind the end of the certificate that would sign");
	}
	if (asked->to.us != 0) {
		to = asked->to;
		/* What would be too long is cut from the time before now, for which nobody asked. */
		int64_t earliest_us = to.us - (profile->life_s - 1) * SECOND_US;
		from.us = asked->from.us == 0 && from.us < earliest_us ? earliest_us : from.us;
	}
	*ret = (struct validity) { from, to };
	return 0;
}

/* D-39 */
static const char *common_name_of(const struct text_list *names, const char *asked)
{
	if (asked != NULL && strlen(asked) <= COMMON_NAME_MAX) {
		return asked;
	}
	for (size_t i = 0; i < names->n; i++) {
		if (strlen(names->v[i]) <= COMMON_NAME_MAX) {
			return names->v[i];
		}
	}
	return NULL;
}

void profile_apply(const struct config_profile *profile, const char *asked, struct cert_template *t)
{
	t->kind = CERT_LEAF;
	t->with_subject_key_id = profile->subject_key_id;
	t->with_key_encipherment = profile->key_encipherment;
	t->subject =
	    (struct cert_name) { .common_name = profile->common_name ? common_name_of(&t->dns_names, asked) : NULL };
}

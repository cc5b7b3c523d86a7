/* Certificate profiles of subscribers: what the configuration may choose, and the limits that dates set on it (B-24,
 * D-9, D-36..D-46). Pure decisions. */
#ifndef CAIRN_POLICY_PROFILES_H
#define CAIRN_POLICY_PROFILES_H

#include "lib/base/config.h"
#include "lib/crypto/cert.h"
#include "lib/rpc/messages.h"

enum policy_mode { POLICY_PRIVATE, POLICY_WEBPKI };

/* -1 unless it is "private" or "webpki". */
int policy_mode_parse(const char *text, enum policy_mode *ret_mode) MUST_CHECK;

/* NULL when there is none; also one that is withdrawn, whose orders are still completed (B-23). name NULL gives the first that
 * is not: the default of orders without a profile (B-22). */
const struct config_profile *profile_find(const struct config_profile_list *profiles, const char *name);

/* The one that a new order gets; INVALID_PROFILE when there is none, or it is withdrawn (B-21, B-23). */
int profile_offered(struct ctx *c, const struct config_profile_list *profiles, const char *name,
    const struct config_profile **ret) MUST_CHECK;

/* INVALID_PROFILE: it has no certificates for so many identifiers, or for such ones (B-21). */
int profile_identifiers_check(
    struct ctx *c, const struct config_profile *profile, const struct identifier_list *identifiers) MUST_CHECK;

/* BAD_CSR: it has no certificates with such keys (B-24). */
int profile_key_check(struct ctx *c, const struct config_profile *profile, const EVP_PKEY *key) MUST_CHECK;

/* Whether the account may use it (B-25); BY_KEY: only if it was made with one of its eab_keys, or a successor. */
enum profile_listing { PROFILE_ALLOWED, PROFILE_BY_KEY, PROFILE_FORBIDDEN };
enum profile_listing profile_account(const struct config_profile *profile, struct id account);

/* The longest life that is allowed to a certificate signed at `now`, in seconds; INT64_MAX in private mode (D-36). */
int64_t profile_life_max_s(enum policy_mode mode, struct timestamp now);

/* Until when a proof of control may be relied on that the profile would for life_s; the limits of mode webpki are those of
 * the day of issuance (C-70, C-72). */
struct timestamp profile_reuse_until(enum policy_mode mode, struct timestamp validated_at, int64_t life_s);

/* The profile may be used at `now`; SERVER_INTERNAL with what is wrong in it. */
int profile_check(
    struct ctx *c, const struct config_profile *profile, enum policy_mode mode, struct timestamp now) MUST_CHECK;

/* notBefore and notAfter, in whole seconds, both inside the life (D-9). */
struct validity {
	struct timestamp from; /* 0 in an order: left to the CA */
	struct timestamp to;
};

/* Whether an order may ask for this: notBefore at most 48 hours after and 47 before `now` (D-35), notAfter ahead, and no longer than
 * the profile's life. MALFORMED with the sentence; the order is never given less in silence. */
int profile_asked_check(
    struct ctx *c, const struct config_profile *profile, struct timestamp now, const struct validity *asked) MUST_CHECK;

/* What a certificate is signed by. */
struct validity_terms {
	struct timestamp now;
	int64_t backdate_s;           /* notBefore is so long before, for clients whose clock is behind (D-35) */
	struct timestamp issuer_ends; /* notAfter is not behind it */
	struct validity asked;        /* what the order asks for goes into the certificate as it is */
};

/* The validity of a certificate. MALFORMED as above, and when the order asks for more than the issuer has; SERVER_INTERNAL
 * when the issuer ends too soon for any life. */
int profile_validity(struct ctx *c, const struct config_profile *profile, const struct validity_terms *terms,
    struct validity *ret) MUST_CHECK;

/* Fills kind, subject and flags of a leaf's template; the names must be set before: the common name is the one that is asked for, NULL for none, or
 * where that has more than 64 characters the first that has not, if the profile has one (D-39). */
void profile_apply(const struct config_profile *profile, const char *asked, struct cert_template *t);

#endif

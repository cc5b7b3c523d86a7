/* Certificate profiles of subscribers: what the configuration may choose, and the limits that dates set on it (B-24,
 * D-9, D-36..D-46). Pure decisions. */
#ifndef CAIRN_POLICY_PROFILES_H
#define CAIRN_POLICY_PROFILES_H

#include "lib/base/config.h"
#include "lib/crypto/cert.h"

enum policy_mode { POLICY_PRIVATE, POLICY_WEBPKI };

/* -1 unless it is "private" or "webpki". */
int policy_mode_parse(const char *text, enum policy_mode *ret_mode) MUST_CHECK;

/* NULL when there is none. name NULL gives the first: the default of orders without a profile (B-22). */
const struct config_profile *profile_find(const struct config_profile_list *profiles, const char *name);

/* The longest life that is allowed to a certificate signed at `now`, in seconds; INT64_MAX in private mode (D-36). */
int64_t profile_life_max_s(enum policy_mode mode, struct timestamp now);

/* The profile may be used at `now`; SERVER_INTERNAL with what is wrong in it. */
int profile_check(
    struct ctx *c, const struct config_profile *profile, enum policy_mode mode, struct timestamp now) MUST_CHECK;

/* notBefore and notAfter of a certificate signed at `now`, in whole seconds, both inside the life (D-9): notBefore is
 * backdate_s before, for clients whose clock is behind (D-35); notAfter is not behind the issuer's. SERVER_INTERNAL when
 * the issuer ends too soon for any life. */
int profile_validity(struct ctx *c, const struct config_profile *profile, int64_t backdate_s, struct timestamp now,
    struct timestamp issuer_ends, struct timestamp ret_from_to[2]) MUST_CHECK;

/* Fills kind, subject, flags and validity of a leaf's template; the names must be set before: the common name is the
 * first of at most 64 characters, if the profile has one (D-39). */
void profile_apply(const struct config_profile *profile, struct cert_template *t);

#endif

/* Certificate profiles of subscribers: what the configuration may choose, and the limits that dates set on it (B-24,
 * D-9, D-36..D-46). Pure decisions. */
#ifndef CAIRN_POLICY_PROFILES_H
#define CAIRN_POLICY_PROFILES_H

#include "lib/crypto/cert.h"

struct profile {
	const char *name;        /* "classic", "tlsserver", "shortlived" */
	const char *description; /* a sentence or URL for meta.profiles (B-20) */
	int64_t life_s;          /* of a certificate */
	int64_t backdate_s;      /* notBefore is this long before signing (D-35) */
	int64_t max_names;
	bool common_name;      /* D-39 */
	bool subject_key_id;   /* D-46 */
	bool key_encipherment; /* D-41 */
	bool crl_url;          /* D-45 */
	bool ip_addresses;     /* B-12 */
};

struct profiles {
	const struct profile *v;
	size_t n;
};

enum policy_mode { POLICY_PRIVATE, POLICY_WEBPKI };

/* classic (90 days, 100 names), tlsserver (45 days, 25 names), shortlived (160 hours, 25 names, addresses). */
const struct profiles *profiles_default(void);

/* NULL when there is none. name NULL gives the first: the default of orders without a profile (B-22). */
const struct profile *profile_find(const struct profiles *profiles, const char *name);

/* The longest life that is allowed to a certificate signed at `now`, in seconds; INT64_MAX in private mode (D-36). */
int64_t profile_life_max_s(enum policy_mode mode, struct timestamp now);

/* The profile may be used at `now`; SERVER_INTERNAL with what is wrong in it. */
int profile_check(struct ctx *c, const struct profile *profile, enum policy_mode mode, struct timestamp now) MUST_CHECK;

/* notBefore and notAfter of a certificate signed at `now`, in whole seconds, both inside the life (D-9), and notAfter
 * not behind the issuer's. SERVER_INTERNAL when the issuer ends too soon for any life. */
int profile_validity(struct ctx *c, const struct profile *profile, struct timestamp now, struct timestamp issuer_ends,
    struct timestamp ret_from_to[2]) MUST_CHECK;

/* Fills kind, subject, flags and validity of a leaf's template; the names must be set before: the common name is the
 * first of at most 64 characters, if the profile has one (D-39). */
void profile_apply(const struct profile *profile, struct cert_template *t);

#endif

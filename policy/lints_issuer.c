/* Rows on what a certificate owes its issuer and its profile: names, keys, lives. */
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "policy/keys_rsa.h"
#include "policy/lints_rows.h"

#define DAY_S INT64_C(86400)
#define SECOND_US INT64_C(1000000)

/* ---- the issuer ---- */

static bool issuer_name(const struct cert_input *in)
{
	struct bytes expected = in->o->issuer == NULL ? in->info->subject : in->o->issuer->subject;
	return !bytes_equal(in->info->issuer, expected);
}

static bool issuer_is_ca(const struct cert_input *in)
{
	return in->o->issuer != NULL && !in->o->issuer->is_ca;
}

/* RFC 5280 4.2.1.9: none but end entities below a pathLen of 0. */
static bool issuer_path_len(const struct cert_input *in)
{
	return in->o->issuer != NULL && in->o->issuer->path_len == 0;
}

/* BR 6.1.7: a root signs nothing for subscribers. */
static bool issuer_is_root(const struct cert_input *in)
{
	const struct cert_info *issuer = in->o->issuer;
	return in->o->mode == POLICY_WEBPKI && issuer != NULL && bytes_equal(issuer->subject, issuer->issuer);
}

/* Of two CAs of one name nobody could tell whose a certificate or a CRL is. A cross-certificate may be of the same CA's earlier key. */
static bool issuers_name_again(const struct cert_input *in)
{
	return in->o->issuer != NULL && bytes_equal(in->info->subject, in->o->issuer->subject);
}

/* The certificate beside which it stands has the same name and key, and how others call the key. */
static bool not_the_crossed(const struct cert_input *in)
{
	const struct cert_info *other = in->o->crossed;
	return other == NULL || !other->is_ca || !bytes_equal(other->subject, in->info->subject) ||
	       !bytes_equal(other->spki, in->info->spki) || !bytes_equal(other->subject_key_id, in->info->subject_key_id);
}

/* ---- keys ---- */

static bool key_kind(const struct cert_input *in)
{
	enum key_kind kind = key_kind_of_spki(in->info->spki);
	int bits = in->key == NULL ? 0 : EVP_PKEY_get_bits(in->key);
	bool rsa = kind == KEY_RSA && (bits == 2048 || bits == 3072 || bits == 4096);
	return !rsa && kind != KEY_P256 && kind != KEY_P384;
}

static bool rsa_parts(const struct cert_input *in)
{
	return key_kind_of(in->key) == KEY_RSA && !keys_rsa_parts_are_good(in->key);
}

static bool key_of_root(const struct cert_input *in)
{
	bool rsa_4096 = key_kind_of(in->key) == KEY_RSA && EVP_PKEY_get_bits(in->key) >= 4096;
	return in->o->mode == POLICY_WEBPKI && !rsa_4096 && key_kind_of(in->key) != KEY_P384;
}

/* NIST IR 8547 (draft): what gives 112 bits of strength ends with 2035. A certificate must not outlive its algorithm. */
static bool outlives_algorithm(const struct cert_input *in)
{
	static const struct {
		enum key_kind kind;
		int bits; /* as many, or less */
		int64_t until_s;
	} ends[] = {
		{ KEY_RSA, 3071, INT64_C(2082758400) }, /* 2036-01-01 */
		{ KEY_P256, 256, INT64_C(2082758400) },
	};
	for (size_t i = 0; in->o->mode == POLICY_WEBPKI && in->key != NULL && i < COUNT_OF(ends); i++) {
		if (key_kind_of(in->key) == ends[i].kind && EVP_PKEY_get_bits(in->key) <= ends[i].bits &&
		    in->info->not_after.us >= ends[i].until_s * SECOND_US) {
			return true;
		}
	}
	return false;
}

static bool key_is_not_the_issuers(const struct cert_input *in)
{
	return in->o->issuer != NULL && bytes_equal(in->o->issuer->spki, in->info->spki);
}

/* ---- lives ---- */

static bool ends_with_issuer(const struct cert_input *in)
{
	return in->o->issuer != NULL && in->info->not_after.us > in->o->issuer->not_after.us;
}

static bool starts_after_issuer(const struct cert_input *in)
{
	return in->o->issuer != NULL && in->o->now.us < in->o->issuer->not_before.us;
}

int64_t lint_life_s(const struct cert_input *in)
{
	return (in->info->not_after.us - in->info->not_before.us) / SECOND_US + 1;
}

static bool life_of_mode(const struct cert_input *in)
{
	return lint_life_s(in) > profile_life_max_s(in->o->mode, in->o->now);
}

static bool life_of_profile(const struct cert_input *in)
{
	return in->o->profile != NULL && lint_life_s(in) > in->o->profile->life_s;
}

static bool life_of_ca(const struct cert_input *in)
{
	int64_t most_s = (in->kind == CERT_ROOT ? 3660 : 1098) * INT64_C(86400);
	return in->o->mode == POLICY_WEBPKI && lint_life_s(in) > most_s;
}

/* It can't be revoked (RFC 6960 4.2.2.2.1). */
static bool life_of_responder(const struct cert_input *in)
{
	return lint_life_s(in) > 31 * DAY_S;
}

static bool life_of_root(const struct cert_input *in)
{
	return in->o->mode == POLICY_WEBPKI && lint_life_s(in) < 2922 * DAY_S;
}

/* ---- what the profile takes ---- */

static bool has_text(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i], text) == 0) {
			return true;
		}
	}
	return list->n == 0;
}

static bool key_of_profile(const struct cert_input *in)
{
	bool rsa = key_kind_of_spki(in->info->spki) == KEY_RSA;
	return in->o->profile != NULL && !has_text(&in->o->profile->key_types, rsa ? "rsa" : "ecdsa");
}

static bool name_kinds_of_profile(const struct cert_input *in)
{
	const struct config_profile *profile = in->o->profile;
	return profile != NULL && ((in->info->dns_names.n > 0 && !has_text(&profile->identifier_types, "dns")) ||
	                              (in->info->ip_addresses.n > 0 && !has_text(&profile->identifier_types, "ip")));
}

const struct cert_lint issuer_lints[] = {
	{ "issuer_name_is_copied", "D-4", ALL_KINDS, issuer_name },
	{ "issuer_is_ca", "RFC 5280 4.2.1.9", ALL_KINDS & ~SELF_KINDS, issuer_is_ca },
	{ "issuer_path_length", "RFC 5280 4.2.1.9", SUBORDINATE_KINDS, issuer_path_len },
	{ "issuer_is_no_root", "D-62, D-53", SUBSCRIBER_KINDS, issuer_is_root },
	{ "subject_is_not_the_issuers", "D-22", KIND(INTERMEDIATE) | KIND(OCSP), issuers_name_again },
	{ "cross_is_of_the_same_ca", "D-30, D-14", KIND(CROSS), not_the_crossed },
	{ "key_kind", "D-65, F-20", ALL_KINDS, key_kind },
	{ "rsa_exponent_and_factors", "D-65", ALL_KINDS, rsa_parts },
	{ "key_of_root", "D-23", KIND(ROOT), key_of_root },
	{ "key_lasts_as_long", "D-66", KIND(ROOT) | KIND(OCSP) | PUBLIC_KINDS, outlives_algorithm },
	{ "key_is_not_the_issuers", "F-8", ALL_KINDS & ~SELF_KINDS, key_is_not_the_issuers },
	{ "issuer_has_begun", "RFC 5280 6.1.3", ALL_KINDS & ~SELF_KINDS, starts_after_issuer },
	{ "not_after_is_inside_issuers", "RFC 5280 6.1.3", ALL_KINDS & ~SELF_KINDS, ends_with_issuer },
	{ "life_of_mode", "D-36", SUBSCRIBER_KINDS, life_of_mode },
	{ "life_of_profile", "D-9", SUBSCRIBER_KINDS, life_of_profile },
	{ "life_of_ca", "D-20, D-28", KIND(ROOT) | SUBORDINATE_KINDS, life_of_ca },
	{ "life_of_responder_is_short", "D-60", KIND(OCSP), life_of_responder },
	{ "life_of_root_is_long", "D-20", KIND(ROOT), life_of_root },
	{ "key_of_profile", "B-24", SUBSCRIBER_KINDS, key_of_profile },
	{ "kinds_of_names_of_profile", "B-24", SUBSCRIBER_KINDS, name_kinds_of_profile },
};
const size_t issuer_lints_n = COUNT_OF(issuer_lints);

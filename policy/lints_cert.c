/* Rows on everything in a certificate but its names. */
#include <arpa/inet.h>
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "policy/lints_rows.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define SECOND_US INT64_C(1000000)

static bool in_kinds(const struct cert_input *in, unsigned kinds)
{
	return (kinds & 1U << in->kind) != 0;
}

static bool has_extension(const struct cert_input *in, int nid)
{
	return X509_get_ext_by_NID(in->x509, nid, -1) >= 0;
}

static bool is_critical(const struct cert_input *in, int nid)
{
	int at = X509_get_ext_by_NID(in->x509, nid, -1);
	return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(in->x509, at)) == 1;
}

/* ---- the fixed part ---- */

static bool version(const struct cert_input *in)
{
	return X509_get_version(in->x509) != X509_VERSION_3;
}

static bool unique_ids(const struct cert_input *in)
{
	const ASN1_BIT_STRING *issuer = NULL;
	const ASN1_BIT_STRING *subject = NULL;
	X509_get0_uids(in->x509, &issuer, &subject);
	return issuer != NULL || subject != NULL;
}

static bool serial_range(const struct cert_input *in)
{
	AUTO(BIGNUM) n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(in->x509), NULL);
	return n == NULL || BN_is_negative(n) || BN_is_zero(n) || BN_num_bits(n) > 159;
}

static bool serial_entropy(const struct cert_input *in)
{
	return in->info->serial.n < 9; /* an octet of ours and 64 random bits at least */
}

static bool issuer_name(const struct cert_input *in)
{
	struct bytes expected = in->o->issuer == NULL ? in->info->subject : in->o->issuer->subject;
	return !bytes_equal(in->info->issuer, expected);
}

static bool issuer_is_ca(const struct cert_input *in)
{
	return in->o->issuer != NULL && !in->o->issuer->is_ca;
}

static bool key_form(const struct cert_input *in)
{
	return key_kind_of_spki(in->info->spki) == KEY_OTHER || in->key == NULL;
}

static bool key_of_leaf(const struct cert_input *in)
{
	enum key_kind kind = key_kind_of_spki(in->info->spki);
	int bits = in->key == NULL ? 0 : EVP_PKEY_get_bits(in->key);
	bool rsa = kind == KEY_RSA && (bits == 2048 || bits == 3072 || bits == 4096);
	return !rsa && kind != KEY_P256 && kind != KEY_P384;
}

static bool key_of_root(const struct cert_input *in)
{
	bool rsa_4096 = key_kind_of(in->key) == KEY_RSA && EVP_PKEY_get_bits(in->key) >= 4096;
	return in->o->mode == POLICY_WEBPKI && !rsa_4096 && key_kind_of(in->key) != KEY_P384;
}

static bool key_is_not_the_issuers(const struct cert_input *in)
{
	return in->o->issuer != NULL && bytes_equal(in->o->issuer->spki, in->info->spki);
}

/* ---- validity ---- */

static bool validity_order(const struct cert_input *in)
{
	return in->info->not_before.us > in->info->not_after.us;
}

static bool time_form(const struct cert_input *in)
{
	const ASN1_TIME *times[] = { X509_get0_notBefore(in->x509), X509_get0_notAfter(in->x509) };
	const struct timestamp values[] = { in->info->not_before, in->info->not_after };
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		bool before_2050 = values[i].us < INT64_C(2524608000) * SECOND_US;
		if (ASN1_STRING_type(times[i]) != (before_2050 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME)) {
			return true;
		}
	}
	return false;
}

static bool starts_near_now(const struct cert_input *in)
{
	int64_t apart_us = in->o->now.us - in->info->not_before.us;
	int64_t most_us = in->kind == CERT_LEAF ? 2 * DAY_US : DAY_US;
	return apart_us > most_us || apart_us < -most_us;
}

static bool ends_with_issuer(const struct cert_input *in)
{
	return in->o->issuer != NULL && in->info->not_after.us > in->o->issuer->not_after.us;
}

static bool starts_after_issuer(const struct cert_input *in)
{
	return in->o->issuer != NULL && in->o->now.us < in->o->issuer->not_before.us;
}

/* D-9: the second of notAfter is inside. */
static int64_t life_s(const struct cert_input *in)
{
	return (in->info->not_after.us - in->info->not_before.us) / SECOND_US + 1;
}

static bool life_of_mode(const struct cert_input *in)
{
	return life_s(in) > profile_life_max_s(in->o->mode, in->o->now);
}

static bool life_of_profile(const struct cert_input *in)
{
	return in->o->profile != NULL && life_s(in) > in->o->profile->life_s;
}

static bool life_of_ca(const struct cert_input *in)
{
	int64_t most_s = (in->kind == CERT_INTERMEDIATE ? 1098 : 3660) * INT64_C(86400);
	return in->o->mode == POLICY_WEBPKI && life_s(in) > most_s;
}

/* ---- extensions ---- */

static bool is_known_extension(const struct cert_input *in, int nid)
{
	static const struct {
		int nid;
		unsigned kinds;
	} known[] = {
		{ NID_key_usage, ALL_KINDS },
		{ NID_basic_constraints, ALL_KINDS },
		{ NID_subject_key_identifier, CA_KINDS | KIND(LEAF) },
		{ NID_authority_key_identifier, ALL_KINDS & ~SELF_KINDS },
		{ NID_ext_key_usage, ALL_KINDS & ~SELF_KINDS },
		{ NID_subject_alt_name, END_KINDS },
		{ NID_info_access, PUBLIC_KINDS },
		{ NID_certificate_policies, PUBLIC_KINDS },
		{ NID_crl_distribution_points, PUBLIC_KINDS },
	};
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (known[i].nid == nid) {
			return in_kinds(in, known[i].kinds);
		}
	}
	return false;
}

static bool extensions_known(const struct cert_input *in)
{
	for (int i = 0; i < X509_get_ext_count(in->x509); i++) {
		X509_EXTENSION *e = X509_get_ext(in->x509, i);
		if (!is_known_extension(in, OBJ_obj2nid(X509_EXTENSION_get_object(e)))) {
			return true;
		}
	}
	return false;
}

static bool extensions_once(const struct cert_input *in)
{
	for (int i = 0; i < X509_get_ext_count(in->x509); i++) {
		const ASN1_OBJECT *oid = X509_EXTENSION_get_object(X509_get_ext(in->x509, i));
		if (X509_get_ext_by_OBJ(in->x509, oid, i) >= 0) {
			return true;
		}
	}
	return false;
}

static bool key_usage_critical(const struct cert_input *in)
{
	return !is_critical(in, NID_key_usage);
}

uint32_t lint_key_usage(const struct cert_input *in)
{
	AUTO(ASN1_BIT_STRING) bits = X509_get_ext_d2i(in->x509, NID_key_usage, NULL, NULL);
	if (bits == NULL) {
		return UINT32_MAX;
	}
	const uint8_t *p = ASN1_STRING_get0_data(bits);
	int n = ASN1_STRING_length(bits);
	return (n > 0 ? p[0] : 0U) | (n > 1 ? (uint32_t) p[1] << 8 : 0U);
}

static bool key_usage_bits(const struct cert_input *in)
{
	static const uint32_t expected[] = {
		[CERT_ROOT] = KU_KEY_CERT_SIGN | KU_CRL_SIGN,
		[CERT_RPC_CA] = KU_KEY_CERT_SIGN | KU_CRL_SIGN,
		[CERT_INTERMEDIATE] = KU_KEY_CERT_SIGN | KU_CRL_SIGN | KU_DIGITAL_SIGNATURE,
		[CERT_LEAF] = KU_DIGITAL_SIGNATURE,
		[CERT_RPC] = KU_DIGITAL_SIGNATURE,
		[CERT_SITE] = KU_DIGITAL_SIGNATURE,
	};
	uint32_t found = lint_key_usage(in);
	if (in->kind == CERT_LEAF && key_kind_of_spki(in->info->spki) == KEY_RSA) {
		found &= ~(uint32_t) KU_KEY_ENCIPHERMENT; /* D-41: as the profile says */
	}
	return found != expected[in->kind];
}

static bool key_encipherment_of_profile(const struct cert_input *in)
{
	bool found = (lint_key_usage(in) & KU_KEY_ENCIPHERMENT) != 0;
	return found && in->o->profile != NULL && !in->o->profile->key_encipherment;
}

static bool constraints_critical(const struct cert_input *in)
{
	return !is_critical(in, NID_basic_constraints);
}

static bool constraints_value(const struct cert_input *in)
{
	AUTO(BASIC_CONSTRAINTS) bc = X509_get_ext_d2i(in->x509, NID_basic_constraints, NULL, NULL);
	bool ca = in_kinds(in, CA_KINDS);
	bool zero = in->kind == CERT_INTERMEDIATE || in->kind == CERT_RPC_CA;
	if (bc == NULL || (bc->ca != 0) != ca || (bc->pathlen != NULL) != zero) {
		return true;
	}
	return zero && ASN1_INTEGER_get(bc->pathlen) != 0;
}

static bool subject_key_id(const struct cert_input *in)
{
	struct ctx c;
	ctx_init(&c);
	uint8_t id[KEY_ID_SIZE];
	AUTO(ASN1_OCTET_STRING) found = X509_get_ext_d2i(in->x509, NID_subject_key_identifier, NULL, NULL);
	bool good = found == NULL ? !in_kinds(in, CA_KINDS) && !has_extension(in, NID_subject_key_identifier)
	                          : key_id(&c, in->info->spki, id) == 0 && ASN1_STRING_length(found) == KEY_ID_SIZE &&
	                                memcmp(ASN1_STRING_get0_data(found), id, KEY_ID_SIZE) == 0;
	ctx_done(&c);
	return !good;
}

static bool subject_key_id_of_profile(const struct cert_input *in)
{
	return in->o->profile != NULL && has_extension(in, NID_subject_key_identifier) != in->o->profile->subject_key_id;
}

static bool authority_key_id(const struct cert_input *in)
{
	AUTO(AUTHORITY_KEYID) id = X509_get_ext_d2i(in->x509, NID_authority_key_identifier, NULL, NULL);
	if (id == NULL || id->keyid == NULL || id->issuer != NULL || id->serial != NULL || in->o->issuer == NULL) {
		return true;
	}
	struct bytes found = { ASN1_STRING_get0_data(id->keyid), (size_t) ASN1_STRING_length(id->keyid) };
	return !bytes_equal(found, in->o->issuer->subject_key_id);
}

/* Exactly these, each once. */
static bool key_purposes(const struct cert_input *in)
{
	AUTO(EXTENDED_KEY_USAGE) list = X509_get_ext_d2i(in->x509, NID_ext_key_usage, NULL, NULL);
	static const int expected[] = { NID_server_auth, NID_client_auth };
	int n = in->kind == CERT_RPC ? 2 : 1;
	if (list == NULL || sk_ASN1_OBJECT_num(list) != n) {
		return true;
	}
	for (int i = 0; i < n; i++) {
		if (OBJ_obj2nid(sk_ASN1_OBJECT_value(list, i)) != expected[i]) {
			return true;
		}
	}
	return false;
}

static bool non_critical(const struct cert_input *in)
{
	static const int nids[] = { NID_subject_key_identifier, NID_authority_key_identifier, NID_ext_key_usage,
		NID_info_access, NID_certificate_policies, NID_crl_distribution_points };
	for (size_t i = 0; i < COUNT_OF(nids); i++) {
		if (is_critical(in, nids[i])) {
			return true;
		}
	}
	return false;
}

static bool policy(const struct cert_input *in)
{
	int state = 0;
	CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(in->x509, NID_certificate_policies, &state, NULL);
	const POLICYINFO *one = sk_POLICYINFO_num(policies) == 1 ? sk_POLICYINFO_value(policies, 0) : NULL;
	char oid[32] = "";
	if (one != NULL) {
		OBJ_obj2txt(oid, sizeof(oid), one->policyid, 1);
	}
	bool good = one != NULL && one->qualifiers == NULL && strcmp(oid, "2.23.140.1.2.1") == 0;
	CERTIFICATEPOLICIES_free(policies);
	return !good;
}

/* ---- URLs ---- */

bool lint_url_is_good(const char *url, enum policy_mode mode)
{
	static const char scheme[] = "http://";
	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0) {
		return false;
	}
	const char *host = url + sizeof(scheme) - 1;
	size_t n = strcspn(host, ":/?#");
	char text[256];
	if (n == 0 || n >= sizeof(text) || strchr(host, '@') != NULL) {
		return host[0] == '[' && mode == POLICY_PRIVATE;
	}
	memcpy(text, host, n);
	text[n] = '\0';
	uint8_t octets[16];
	return mode == POLICY_PRIVATE || (text[0] != '[' && inet_pton(AF_INET, text, octets) != 1);
}

static bool crl_url(const struct cert_input *in)
{
	const char *url = in->info->crl_url;
	return url != NULL && !lint_url_is_good(url, in->o->mode);
}

static bool crl_url_present(const struct cert_input *in)
{
	bool short_lived = in->kind == CERT_LEAF && life_s(in) <= 604800; /* D-37 */
	return in->info->crl_url == NULL && !short_lived;
}

static bool crl_points(const struct cert_input *in)
{
	AUTO(CRL_DIST_POINTS) points = X509_get_ext_d2i(in->x509, NID_crl_distribution_points, NULL, NULL);
	if (points == NULL) {
		return has_extension(in, NID_crl_distribution_points);
	}
	const DIST_POINT *one = sk_DIST_POINT_num(points) == 1 ? sk_DIST_POINT_value(points, 0) : NULL;
	return one == NULL || one->reasons != NULL || one->CRLissuer != NULL || one->distpoint == NULL ||
	       one->distpoint->type != 0 || sk_GENERAL_NAME_num(one->distpoint->name.fullname) != 1;
}

static bool issuer_url(const struct cert_input *in)
{
	return in->info->aia_url == NULL || !lint_url_is_good(in->info->aia_url, in->o->mode);
}

static bool access_methods(const struct cert_input *in)
{
	AUTHORITY_INFO_ACCESS *list = X509_get_ext_d2i(in->x509, NID_info_access, NULL, NULL);
	bool good = sk_ACCESS_DESCRIPTION_num(list) == 1;
	for (int i = 0; good && i < sk_ACCESS_DESCRIPTION_num(list); i++) {
		const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(list, i);
		good = OBJ_obj2nid(one->method) == NID_ad_ca_issuers && one->location->type == GEN_URI;
	}
	AUTHORITY_INFO_ACCESS_free(list);
	return !good;
}

const struct cert_lint cert_lints[] = {
	{ "version_is_3", "D-2", ALL_KINDS, version },
	{ "no_unique_ids", "D-2", ALL_KINDS, unique_ids },
	{ "serial_is_positive_and_below_2_159", "D-3", ALL_KINDS, serial_range },
	{ "serial_has_64_random_bits", "D-3", ALL_KINDS, serial_entropy },
	{ "issuer_name_is_copied", "D-4", ALL_KINDS, issuer_name },
	{ "issuer_is_ca", "RFC 5280 4.2.1.9", ALL_KINDS & ~SELF_KINDS, issuer_is_ca },
	{ "key_form", "D-6", ALL_KINDS, key_form },
	{ "key_of_leaf", "D-65, F-20", KIND(LEAF), key_of_leaf },
	{ "key_of_root", "D-23", KIND(ROOT), key_of_root },
	{ "key_is_not_the_issuers", "F-8", ALL_KINDS & ~SELF_KINDS, key_is_not_the_issuers },
	{ "validity_in_order", "RFC 5280 4.1.2.5", ALL_KINDS, validity_order },
	{ "time_form", "D-10", ALL_KINDS, time_form },
	{ "not_before_is_near_now", "D-35, D-28, D-20", ALL_KINDS, starts_near_now },
	{ "issuer_has_begun", "RFC 5280 6.1.3", ALL_KINDS & ~SELF_KINDS, starts_after_issuer },
	{ "not_after_is_inside_issuers", "RFC 5280 6.1.3", ALL_KINDS & ~SELF_KINDS, ends_with_issuer },
	{ "life_of_mode", "D-36", KIND(LEAF), life_of_mode },
	{ "life_of_profile", "D-9", KIND(LEAF), life_of_profile },
	{ "life_of_ca", "D-20, D-28", KIND(ROOT) | KIND(INTERMEDIATE), life_of_ca },
	{ "extensions_are_known", "D-11", ALL_KINDS, extensions_known },
	{ "extensions_stand_once", "RFC 5280 4.2", ALL_KINDS, extensions_once },
	{ "key_usage_is_critical", "D-41, D-21, D-25", ALL_KINDS, key_usage_critical },
	{ "key_usage_bits", "D-41, D-21, D-25", ALL_KINDS, key_usage_bits },
	{ "key_encipherment_of_profile", "D-41", KIND(LEAF), key_encipherment_of_profile },
	{ "basic_constraints_are_critical", "D-42, D-21, D-25", ALL_KINDS, constraints_critical },
	{ "basic_constraints_value", "D-42, D-21, D-25", ALL_KINDS, constraints_value },
	{ "subject_key_id", "D-14, D-21, D-25", ALL_KINDS, subject_key_id },
	{ "subject_key_id_of_profile", "D-46", KIND(LEAF), subject_key_id_of_profile },
	{ "authority_key_id", "D-13", ALL_KINDS & ~SELF_KINDS, authority_key_id },
	{ "key_purposes", "D-26, D-40", ALL_KINDS & ~SELF_KINDS, key_purposes },
	{ "other_extensions_are_not_critical", "D-1", ALL_KINDS, non_critical },
	{ "policy_is_domain_validated", "D-27, D-44", PUBLIC_KINDS, policy },
	{ "crl_url_is_http", "D-12, D-15", PUBLIC_KINDS, crl_url },
	{ "crl_url_is_present", "D-45, D-25", PUBLIC_KINDS, crl_url_present },
	{ "one_distribution_point", "D-12", PUBLIC_KINDS, crl_points },
	{ "issuer_url_is_http", "D-43, D-15", PUBLIC_KINDS, issuer_url },
	{ "access_methods", "D-43", PUBLIC_KINDS, access_methods },
};
const size_t cert_lints_n = COUNT_OF(cert_lints);

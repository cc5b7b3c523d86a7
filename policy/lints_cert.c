/* Rows on the fixed part of a certificate and the extensions that say what its key is for. */
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "policy/lints_rows.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define SECOND_US INT64_C(1000000)

bool lint_in_kinds(const struct cert_input *in, unsigned kinds)
{
	return (kinds & 1U << in->kind) != 0;
}

bool lint_has_extension(const struct cert_input *in, int nid)
{
	return X509_get_ext_by_NID(in->x509, nid, -1) >= 0;
}

bool lint_is_critical(const struct cert_input *in, int nid)
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

static bool key_form(const struct cert_input *in)
{
	return key_kind_of_spki(in->info->spki) == KEY_OTHER || in->key == NULL;
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
	int64_t most_us = lint_in_kinds(in, SUBSCRIBER_KINDS) ? 2 * DAY_US : DAY_US;
	return apart_us > most_us || apart_us < -most_us;
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
		{ NID_subject_key_identifier, CA_KINDS | KIND(OCSP) | SUBSCRIBER_KINDS },
		{ NID_authority_key_identifier, ALL_KINDS & ~KIND(RPC_CA) },
		{ NID_ext_key_usage, ALL_KINDS & ~SELF_KINDS },
		{ NID_subject_alt_name, END_KINDS },
		{ NID_info_access, PUBLIC_KINDS },
		{ NID_certificate_policies, PUBLIC_KINDS },
		{ NID_crl_distribution_points, PUBLIC_KINDS },
		{ NID_ct_precert_scts, KIND(LEAF) },
		{ NID_ct_precert_poison, KIND(PRECERTIFICATE) },
		{ NID_id_pkix_OCSP_noCheck, KIND(OCSP) },
	};
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (known[i].nid == nid) {
			return lint_in_kinds(in, known[i].kinds);
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
	return !lint_is_critical(in, NID_key_usage);
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
		[CERT_CROSS] = KU_KEY_CERT_SIGN | KU_CRL_SIGN | KU_DIGITAL_SIGNATURE,
		[CERT_LEAF] = KU_DIGITAL_SIGNATURE,
		[CERT_PRECERTIFICATE] = KU_DIGITAL_SIGNATURE,
		[CERT_OCSP] = KU_DIGITAL_SIGNATURE,
		[CERT_RPC] = KU_DIGITAL_SIGNATURE,
		[CERT_SITE] = KU_DIGITAL_SIGNATURE,
	};
	uint32_t found = lint_key_usage(in);
	if (lint_in_kinds(in, SUBSCRIBER_KINDS) && key_kind_of_spki(in->info->spki) == KEY_RSA) {
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
	return !lint_is_critical(in, NID_basic_constraints);
}

static bool constraints_value(const struct cert_input *in)
{
	AUTO(BASIC_CONSTRAINTS) bc = X509_get_ext_d2i(in->x509, NID_basic_constraints, NULL, NULL);
	bool ca = lint_in_kinds(in, CA_KINDS);
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
	bool good = found == NULL
	                ? !lint_in_kinds(in, CA_KINDS | KIND(OCSP)) && !lint_has_extension(in, NID_subject_key_identifier)
	                : key_id(&c, in->info->spki, id) == 0 && ASN1_STRING_length(found) == KEY_ID_SIZE &&
	                      memcmp(ASN1_STRING_get0_data(found), id, KEY_ID_SIZE) == 0;
	ctx_done(&c);
	return !good;
}

static bool subject_key_id_of_profile(const struct cert_input *in)
{
	return in->o->profile != NULL &&
	       lint_has_extension(in, NID_subject_key_identifier) != in->o->profile->subject_key_id;
}

static bool authority_key_id(const struct cert_input *in)
{
	AUTO(AUTHORITY_KEYID) id = X509_get_ext_d2i(in->x509, NID_authority_key_identifier, NULL, NULL);
	if (id == NULL || id->keyid == NULL || id->issuer != NULL || id->serial != NULL) {
		return true;
	}
	struct bytes found = { ASN1_STRING_get0_data(id->keyid), (size_t) ASN1_STRING_length(id->keyid) };
	return !bytes_equal(found, in->o->issuer == NULL ? in->info->subject_key_id : in->o->issuer->subject_key_id);
}

/* Exactly these, each once. */
static bool key_purposes(const struct cert_input *in)
{
	AUTO(EXTENDED_KEY_USAGE) list = X509_get_ext_d2i(in->x509, NID_ext_key_usage, NULL, NULL);
	const int expected[] = { in->kind == CERT_OCSP ? NID_OCSP_sign : NID_server_auth, NID_client_auth };
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
		NID_info_access, NID_certificate_policies, NID_crl_distribution_points, NID_ct_precert_scts,
		NID_id_pkix_OCSP_noCheck };
	for (size_t i = 0; i < COUNT_OF(nids); i++) {
		if (lint_is_critical(in, nids[i])) {
			return true;
		}
	}
	return false;
}

const struct cert_lint cert_lints[] = {
	{ "version_is_3", "D-2", ALL_KINDS, version },
	{ "no_unique_ids", "D-2", ALL_KINDS, unique_ids },
	{ "serial_is_positive_and_below_2_159", "D-3", ALL_KINDS, serial_range },
	{ "serial_has_64_random_bits", "D-3", ALL_KINDS, serial_entropy },
	{ "key_form", "D-6", ALL_KINDS, key_form },
	{ "validity_in_order", "RFC 5280 4.1.2.5", ALL_KINDS, validity_order },
	{ "time_form", "D-10", ALL_KINDS, time_form },
	{ "not_before_is_near_now", "D-35, D-28, D-20", ALL_KINDS, starts_near_now },
	{ "extensions_are_known", "D-11", ALL_KINDS, extensions_known },
	{ "extensions_stand_once", "RFC 5280 4.2", ALL_KINDS, extensions_once },
	{ "key_usage_is_critical", "D-41, D-21, D-25", ALL_KINDS, key_usage_critical },
	{ "key_usage_bits", "D-41, D-21, D-25, D-60", ALL_KINDS, key_usage_bits },
	{ "key_encipherment_of_profile", "D-41", SUBSCRIBER_KINDS, key_encipherment_of_profile },
	{ "basic_constraints_are_critical", "D-42, D-21, D-25", ALL_KINDS, constraints_critical },
	{ "basic_constraints_value", "D-42, D-21, D-25", ALL_KINDS, constraints_value },
	{ "subject_key_id", "D-14, D-21, D-25", ALL_KINDS & ~KIND(CROSS), subject_key_id },
	{ "subject_key_id_of_profile", "D-46", SUBSCRIBER_KINDS, subject_key_id_of_profile },
	{ "authority_key_id", "D-13", ALL_KINDS & ~KIND(RPC_CA), authority_key_id },
	{ "key_purposes", "D-26, D-40, D-60, D-30", ALL_KINDS & ~SELF_KINDS, key_purposes },
	{ "other_extensions_are_not_critical", "D-1", ALL_KINDS, non_critical },
};
const size_t cert_lints_n = COUNT_OF(cert_lints);

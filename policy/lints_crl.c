/* Rows on CRLs. */
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "policy/lints_rows.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define SIZE_MAX_OCTETS (10 * 1000 * 1000)

static bool version(const struct crl_input *in)
{
	return X509_CRL_get_version(in->crl) != X509_CRL_VERSION_2;
}

static bool issuer_name(const struct crl_input *in)
{
	return !bytes_equal(in->info->issuer, in->o->issuer->subject);
}

static bool authority_key_id(const struct crl_input *in)
{
	AUTO(AUTHORITY_KEYID) id = X509_CRL_get_ext_d2i(in->crl, NID_authority_key_identifier, NULL, NULL);
	if (id == NULL || id->keyid == NULL || id->issuer != NULL || id->serial != NULL) {
		return true;
	}
	struct bytes found = { ASN1_STRING_get0_data(id->keyid), (size_t) ASN1_STRING_length(id->keyid) };
	return !bytes_equal(found, in->o->issuer->subject_key_id);
}

static bool number(const struct crl_input *in)
{
	AUTO(ASN1_INTEGER) n = X509_CRL_get_ext_d2i(in->crl, NID_crl_number, NULL, NULL);
	AUTO(BIGNUM) value = n == NULL ? NULL : ASN1_INTEGER_to_BN(n, NULL);
	return value == NULL || BN_is_negative(value) || BN_is_zero(value) || BN_num_bits(value) > 159;
}

static bool extensions_known(const struct crl_input *in)
{
	for (int i = 0; i < X509_CRL_get_ext_count(in->crl); i++) {
		X509_EXTENSION *e = X509_CRL_get_ext(in->crl, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
		bool known =
		    nid == NID_authority_key_identifier || nid == NID_crl_number || nid == NID_issuing_distribution_point;
		bool critical = X509_EXTENSION_get_critical(e) == 1;
		if (!known || critical != (nid == NID_issuing_distribution_point)) {
			return true;
		}
	}
	return false;
}

static bool this_update(const struct crl_input *in)
{
	int64_t apart_us = in->o->now.us - in->info->this_update.us;
	return apart_us < 0 || apart_us > DAY_US;
}

/* One without IDP is a root's and lists CA certificates only: 12 months; a subscriber's 10 days, counted inclusively. */
static bool next_update(const struct crl_input *in)
{
	int64_t life_us = in->info->next_update.us - in->info->this_update.us;
	int64_t most_us = (in->info->url == NULL ? 365 : 10) * DAY_US - 1000000;
	return life_us <= 0 || life_us > most_us;
}

static bool distribution_point(const struct crl_input *in)
{
	int state = 0;
	AUTO(ISSUING_DIST_POINT) idp = X509_CRL_get_ext_d2i(in->crl, NID_issuing_distribution_point, &state, NULL);
	if (idp == NULL) {
		return state != -1;
	}
	bool one_flag = (idp->onlyuser > 0) != (idp->onlyCA > 0);
	return !one_flag || idp->onlysomereasons != NULL || idp->indirectCRL > 0 || idp->onlyattr > 0 ||
	       idp->distpoint == NULL || idp->distpoint->type != 0 ||
	       sk_GENERAL_NAME_num(idp->distpoint->name.fullname) != 1;
}

static bool url(const struct crl_input *in)
{
	return in->info->url != NULL && !lint_url_is_good(in->info->url, in->o->mode);
}

static bool serials(const struct crl_input *in)
{
	for (size_t i = 0; i < in->info->entries.n; i++) {
		struct bytes serial = in->info->entries.v[i].serial;
		if (serial.n == 0 || serial.n > 20 || (serial.p[0] & 0x80) != 0) {
			return true;
		}
	}
	return false;
}

static int compare_serials(const void *a, const void *b)
{
	const struct bytes *x = a;
	const struct bytes *y = b;
	if (x->n != y->n) {
		return x->n < y->n ? -1 : 1;
	}
	return memcmp(x->p, y->p, x->n);
}

static bool serials_once(const struct crl_input *in)
{
	size_t n = in->info->entries.n;
	struct arena *a = arena_new();
	struct bytes *sorted = ARENA_ARRAY(a, n, struct bytes);
	for (size_t i = 0; i < n; i++) {
		sorted[i] = in->info->entries.v[i].serial;
	}
	qsort(sorted, n, sizeof(*sorted), compare_serials);
	bool twice = false;
	for (size_t i = 1; i < n; i++) {
		twice = twice || bytes_equal(sorted[i - 1], sorted[i]);
	}
	arena_free(a);
	return twice;
}

static bool revocation_times(const struct crl_input *in)
{
	for (size_t i = 0; i < in->info->entries.n; i++) {
		if (in->info->entries.v[i].revoked_at.us > in->info->this_update.us) {
			return true;
		}
	}
	return false;
}

/* E-10, E-11: as OpenSSL sees each entry. */
static bool reasons(const struct crl_input *in)
{
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(in->crl);
	for (int i = 0; i < sk_X509_REVOKED_num(list); i++) {
		const X509_REVOKED *one = sk_X509_REVOKED_value(list, i);
		int n = X509_REVOKED_get_ext_count(one);
		if (n == 0) {
			continue;
		}
		ASN1_ENUMERATED *code = X509_REVOKED_get_ext_d2i(one, NID_crl_reason, NULL, NULL);
		long value = code == NULL ? -1 : ASN1_ENUMERATED_get(code);
		ASN1_ENUMERATED_free(code);
		bool allowed = value == 1 || value == 3 || value == 4 || value == 5 || value == 9;
		if (n != 1 || !allowed || X509_EXTENSION_get_critical(X509_REVOKED_get_ext(one, 0)) == 1) {
			return true;
		}
	}
	return false;
}

static bool size(const struct crl_input *in)
{
	return in->info->der.n >= SIZE_MAX_OCTETS;
}

const struct crl_lint crl_lints[] = {
	{ "version_is_2", "E-20", version },
	{ "issuer_name_is_copied", "E-20", issuer_name },
	{ "authority_key_id", "E-20", authority_key_id },
	{ "number_is_positive_and_below_2_159", "E-20", number },
	{ "extensions_are_known", "E-20", extensions_known },
	{ "this_update_is_now", "E-20", this_update },
	{ "next_update_is_near", "E-21", next_update },
	{ "issuing_distribution_point", "E-24", distribution_point },
	{ "url_is_http", "E-24, D-15", url },
	{ "serials_are_positive", "E-27", serials },
	{ "serials_stand_once", "E-27", serials_once },
	{ "revoked_before_this_update", "RFC 5280 5.3", revocation_times },
	{ "reasons", "E-10, E-11", reasons },
	{ "size_below_10_MB", "E-28", size },
};
const size_t crl_lints_n = COUNT_OF(crl_lints);

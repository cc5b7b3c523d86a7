/* Rows on what stands in the certificates of a public hierarchy: policies, URLs, transparency; and on OCSP responders. */
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/ct/precert.h"
#include "policy/lints_rows.h"

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

/* Of a number in the last place many a library makes an address: 127.1, 0x7f.1, 2130706433. */
static bool is_host_name(const char *host)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *dot = strrchr(host, '.');
	const char *last = dot == NULL ? host : dot + 1;
	for (size_t i = 0; host[i] != '\0'; i++) {
		if (strchr(letters, host[i]) == NULL && strchr("0123456789-.", host[i]) == NULL) {
			return false;
		}
	}
	return last[0] != '\0' && strchr(letters, last[0]) != NULL;
}

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
	return mode == POLICY_PRIVATE || is_host_name(text);
}

static bool crl_url(const struct cert_input *in)
{
	const char *url = in->info->crl_url;
	return url != NULL && !lint_url_is_good(url, in->o->mode);
}

static bool crl_url_present(const struct cert_input *in)
{
	bool short_lived = lint_in_kinds(in, SUBSCRIBER_KINDS) && lint_life_s(in) <= 604800; /* D-37 */
	return in->info->crl_url == NULL && !short_lived;
}

static bool crl_points(const struct cert_input *in)
{
	AUTO(CRL_DIST_POINTS) points = X509_get_ext_d2i(in->x509, NID_crl_distribution_points, NULL, NULL);
	if (points == NULL) {
		return lint_has_extension(in, NID_crl_distribution_points);
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
	int ocsp = 0;
	int issuers = 0;
	bool good = true;
	for (int i = 0; good && i < sk_ACCESS_DESCRIPTION_num(list); i++) {
		const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(list, i);
		int method = OBJ_obj2nid(one->method);
		ocsp += method == NID_ad_OCSP ? 1 : 0;
		issuers += method == NID_ad_ca_issuers ? 1 : 0;
		good = ocsp + issuers == i + 1 && one->location->type == GEN_URI;
	}
	good = good && issuers == 1 && ocsp <= (lint_in_kinds(in, SUBSCRIBER_KINDS) ? 1 : 0);
	AUTHORITY_INFO_ACCESS_free(list);
	return !good;
}

/* E-39: none where there is no responder. One that a certificate begun before names still has to be there. */
static bool ocsp_url(const struct cert_input *in)
{
	const char *url = in->info->ocsp_url;
	bool known = url != NULL && in->o->ocsp_url != NULL && strcmp(url, in->o->ocsp_url) == 0;
	return url != NULL && (!known || !lint_url_is_good(url, in->o->mode));
}

/* ---- transparency and OCSP ---- */

/* RFC 6962 3.3: a list of at least one SCT, none of them empty, with nothing behind it. */
static bool scts_form(const struct cert_input *in)
{
	struct bytes at = in->info->sct_list;
	if (!lint_has_extension(in, NID_ct_precert_scts)) {
		return false;
	}
	if (at.n < 2 || ((size_t) at.p[0] << 8 | at.p[1]) != at.n - 2 || at.n == 2) {
		return true;
	}
	for (at = (struct bytes) { at.p + 2, at.n - 2 }; at.n > 0;) {
		size_t n = at.n < 2 ? 0 : (size_t) at.p[0] << 8 | at.p[1];
		if (n == 0 || n > at.n - 2) {
			return true;
		}
		at = (struct bytes) { at.p + 2 + n, at.n - 2 - n };
	}
	return false;
}

/* The extension says all by being there: NULL. */
static bool is_mark(const struct cert_input *in, int nid)
{
	static const uint8_t null[] = { 0x05, 0x00 };
	int at = X509_get_ext_by_NID(in->x509, nid, -1);
	const ASN1_OCTET_STRING *value = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(in->x509, at));
	return value != NULL && ASN1_STRING_length(value) == (int) sizeof(null) &&
	       memcmp(ASN1_STRING_get0_data(value), null, sizeof(null)) == 0;
}

static bool poison(const struct cert_input *in)
{
	return !is_mark(in, NID_ct_precert_poison) || !lint_is_critical(in, NID_ct_precert_poison);
}

static bool no_check(const struct cert_input *in)
{
	return !is_mark(in, NID_id_pkix_OCSP_noCheck);
}

/* A precertificate is a promise of this certificate and no other. */
static bool not_the_promised(const struct cert_input *in)
{
	struct ctx c;
	ctx_init(&c);
	bool other = in->o->precertificate.n > 0 && precert_check_same(&c, in->o->precertificate, in->info->tbs) != 0;
	ctx_done(&c);
	return other;
}

const struct cert_lint public_lints[] = {
	{ "policy_is_domain_validated", "D-27, D-44", PUBLIC_KINDS, policy },
	{ "crl_url_is_http", "D-12, D-15", PUBLIC_KINDS, crl_url },
	{ "crl_url_is_present", "D-45, D-25", PUBLIC_KINDS, crl_url_present },
	{ "one_distribution_point", "D-12", PUBLIC_KINDS, crl_points },
	{ "issuer_url_is_http", "D-43, D-15", PUBLIC_KINDS, issuer_url },
	{ "access_methods", "D-43", PUBLIC_KINDS, access_methods },
	{ "ocsp_url_of_issuer", "E-39, D-43", SUBSCRIBER_KINDS, ocsp_url },
	{ "scts_form", "D-47", KIND(LEAF), scts_form },
	{ "poison", "D-52", KIND(PRECERTIFICATE), poison },
	{ "corresponds_to_precertificate", "D-52, D-56", KIND(LEAF), not_the_promised },
	{ "ocsp_no_check", "D-60", KIND(OCSP), no_check },
};
const size_t public_lints_n = COUNT_OF(public_lints);

/* Rows on the names in a certificate. */
#include <string.h>

#include "lib/base/ip.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/onion.h"
#include "policy/dns_name.h"
#include "policy/lints_rows.h"

static bool subject_is_empty(const struct cert_input *in)
{
	return X509_NAME_entry_count(X509_get_subject_name(in->x509)) == 0;
}

/* D-5: one attribute in each RDN, none twice, in the order C O CN, each of its string type. */
static bool subject_form(const struct cert_input *in)
{
	static const struct {
		int nid;
		int type;
	} order[] = {
		{ NID_countryName, V_ASN1_PRINTABLESTRING },
		{ NID_organizationName, V_ASN1_UTF8STRING },
		{ NID_commonName, V_ASN1_UTF8STRING },
	};
	const X509_NAME *name = X509_get_subject_name(in->x509);
	size_t next = 0;
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e));
		while (next < COUNT_OF(order) && order[next].nid != nid) {
			next++;
		}
		if (next == COUNT_OF(order) || ASN1_STRING_type(X509_NAME_ENTRY_get_data(e)) != order[next].type ||
		    X509_NAME_ENTRY_set(e) != i) {
			return true;
		}
		next++;
	}
	return false;
}

static bool subject_length(const struct cert_input *in)
{
	const X509_NAME *name = X509_get_subject_name(in->x509);
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		int n = ASN1_STRING_length(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
		if (n < 1 || n > 64) {
			return true;
		}
	}
	return false;
}

/* Characters that people see, no blank at either end; a country in capitals. */
static bool text_is_good(const ASN1_STRING *value, bool country)
{
	const uint8_t *p = ASN1_STRING_get0_data(value);
	size_t n = (size_t) ASN1_STRING_length(value);
	for (size_t i = 0; i < n;) {
		unsigned long ch = 0;
		int used = UTF8_getc(p + i, (int) (n - i), &ch);
		if (used < 1 || ch < ' ' || ch == 0x7f || (country && (ch < 'A' || ch > 'Z'))) {
			return false;
		}
		i += (size_t) used;
	}
	return n > 0 && p[0] != ' ' && p[n - 1] != ' ';
}

static bool subject_text(const struct cert_input *in)
{
	const X509_NAME *name = X509_get_subject_name(in->x509);
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
		bool country = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e)) == NID_countryName;
		if (!text_is_good(X509_NAME_ENTRY_get_data(e), country)) {
			return true;
		}
	}
	return false;
}

static bool has_attribute(const struct cert_input *in, int nid)
{
	return X509_NAME_get_index_by_NID(X509_get_subject_name(in->x509), nid, -1) >= 0;
}

static bool subject_of_ca(const struct cert_input *in)
{
	bool full = has_attribute(in, NID_organizationName) && has_attribute(in, NID_commonName);
	return !full || (in->o->mode == POLICY_WEBPKI && !has_attribute(in, NID_countryName));
}

static bool subject_of_leaf(const struct cert_input *in)
{
	int n = X509_NAME_entry_count(X509_get_subject_name(in->x509));
	return n > 1 || (n == 1 && !has_attribute(in, NID_commonName));
}

static bool text_in(const struct text_list *list, const ASN1_STRING *value)
{
	struct bytes octets = { ASN1_STRING_get0_data(value), (size_t) ASN1_STRING_length(value) };
	for (size_t i = 0; i < list->n; i++) {
		if (bytes_equal_text(octets, list->v[i])) {
			return true;
		}
	}
	return false;
}

static bool common_name_in_san(const struct cert_input *in)
{
	const X509_NAME *name = X509_get_subject_name(in->x509);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	if (at < 0) {
		return false;
	}
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return !text_in(&in->info->dns_names, value) && !text_in(&in->info->ip_addresses, value);
}

static bool common_name_of_profile(const struct cert_input *in)
{
	return in->o->profile != NULL && !in->o->profile->common_name && has_attribute(in, NID_commonName);
}

static bool san_types(const struct cert_input *in)
{
	AUTO(GENERAL_NAMES) names = X509_get_ext_d2i(in->x509, NID_subject_alt_name, NULL, NULL);
	if (sk_GENERAL_NAME_num(names) < 1) {
		return true;
	}
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int type = sk_GENERAL_NAME_value(names, i)->type;
		if (type != GEN_DNS && type != GEN_IPADD) {
			return true;
		}
	}
	return false;
}

static bool san_critical(const struct cert_input *in)
{
	int at = X509_get_ext_by_NID(in->x509, NID_subject_alt_name, -1);
	bool critical = at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(in->x509, at)) == 1;
	return critical != subject_is_empty(in);
}

/* D-31: the policy refuses such orders; here the CA itself does. */
static bool outside_of_constraints(const struct cert_input *in)
{
	const struct name_constraints_list *constraints = in->o->constraints;
	for (size_t i = 0; constraints != NULL && i < in->info->dns_names.n; i++) {
		if (!name_constraints_allow_name(constraints, in->info->dns_names.v[i])) {
			return true;
		}
	}
	for (size_t i = 0; constraints != NULL && i < in->info->ip_addresses.n; i++) {
		struct ip ip;
		if (ip_parse(in->info->ip_addresses.v[i], &ip) != 0 || !name_constraints_allow_address(constraints, &ip)) {
			return true;
		}
	}
	return false;
}

static bool is_label_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-';
}

static bool label_is_good(const char *label, size_t n)
{
	if (n == 0 || n > 63 || label[0] == '-' || label[n - 1] == '-') {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!is_label_char(label[i])) {
			return false;
		}
	}
	return n < 4 || label[2] != '-' || label[3] != '-' || strncmp(label, "xn", 2) == 0; /* C-14 */
}

/* Lower-case A-labels of letters, digits and hyphens; no dot at the end; at most one "*" as the whole first label. */
static bool name_is_good(const char *name)
{
	if (strlen(name) > 253) {
		return false;
	}
	if (strncmp(name, "*.", 2) == 0) {
		name += 2;
	}
	for (;;) {
		size_t n = strcspn(name, ".");
		if (!label_is_good(name, n)) {
			return false;
		}
		if (name[n] == '\0') {
			return true;
		}
		name += n + 1;
	}
}

static bool name_form(const struct cert_input *in)
{
	for (size_t i = 0; i < in->info->dns_names.n; i++) {
		if (!name_is_good(in->info->dns_names.v[i])) {
			return true;
		}
	}
	return false;
}

static bool dns_name_has_dot(const struct cert_input *in)
{
	for (size_t i = 0; in->o->mode == POLICY_WEBPKI && i < in->info->dns_names.n; i++) {
		const char *name = in->info->dns_names.v[i];
		name += strncmp(name, "*.", 2) == 0 ? 2 : 0;
		if (strchr(name, '.') == NULL) {
			return true;
		}
	}
	return false;
}

/* RFC 5890 2.3.2.1: by the same library that judged the order, so that no name gets in beside it. */
static bool a_labels(const struct cert_input *in)
{
	struct ctx c;
	bool broken = false;
	ctx_init(&c);
	for (size_t i = 0; i < in->info->dns_names.n && !broken; i++) {
		const char *name = in->info->dns_names.v[i];
		name += strncmp(name, "*.", 2) == 0 ? 2 : 0;
		broken = strstr(name, "xn--") != NULL && dns_name_form(c.arena, name).rule != RULE_NONE;
	}
	ctx_done(&c);
	return broken;
}

static bool onion_name(const struct cert_input *in)
{
	for (size_t i = 0; i < in->info->dns_names.n; i++) {
		const char *name = in->info->dns_names.v[i];
		struct onion onion;
		if (onion_is(name) && onion_parse(name, &onion) != NULL) {
			return true;
		}
	}
	return false;
}

static bool address_is_special(const struct cert_input *in)
{
	for (size_t i = 0; in->o->mode == POLICY_WEBPKI && i < in->info->ip_addresses.n; i++) {
		struct ip ip;
		if (ip_parse(in->info->ip_addresses.v[i], &ip) != 0 || ip_special(&ip) != NULL) {
			return true;
		}
	}
	return false;
}

static bool has_repeated(const struct text_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		for (size_t j = i + 1; j < list->n; j++) {
			if (strcmp(list->v[i], list->v[j]) == 0) {
				return true;
			}
		}
	}
	return false;
}

static bool names_once(const struct cert_input *in)
{
	return has_repeated(&in->info->dns_names) || has_repeated(&in->info->ip_addresses);
}

static bool names_of_profile(const struct cert_input *in)
{
	size_t n = in->info->dns_names.n + in->info->ip_addresses.n;
	return in->o->profile != NULL && n > (size_t) in->o->profile->max_names;
}

const struct cert_lint name_lints[] = {
	{ "subject_form", "D-5", ALL_KINDS & ~KIND(CROSS), subject_form },
	{ "subject_length", "D-5", ALL_KINDS & ~KIND(CROSS), subject_length },
	{ "subject_text", "D-5", ALL_KINDS & ~KIND(CROSS), subject_text },
	{ "subject_of_ca", "D-22", (CA_KINDS & ~KIND(CROSS)) | KIND(OCSP), subject_of_ca },
	{ "subject_of_leaf", "D-39", END_KINDS, subject_of_leaf },
	{ "common_name_is_in_san", "D-39", END_KINDS, common_name_in_san },
	{ "common_name_of_profile", "D-39", SUBSCRIBER_KINDS, common_name_of_profile },
	{ "names_within_issuers_constraints", "D-31", SUBSCRIBER_KINDS, outside_of_constraints },
	{ "san_types", "D-38", END_KINDS, san_types },
	{ "san_is_critical_iff_subject_is_empty", "D-38", END_KINDS, san_critical },
	{ "dns_name_form", "D-38, C-14", END_KINDS, name_form },
	{ "dns_name_has_a_dot", "C-14", SUBSCRIBER_KINDS, dns_name_has_dot },
	{ "a_labels_decode", "C-14", SUBSCRIBER_KINDS, a_labels },
	{ "onion_name_is_a_service", "B-35", SUBSCRIBER_KINDS, onion_name },
	{ "address_is_public", "B-11", SUBSCRIBER_KINDS, address_is_special },
	{ "names_stand_once", "D-38", END_KINDS, names_once },
	{ "names_of_profile", "B-24", SUBSCRIBER_KINDS, names_of_profile },
};
const size_t name_lints_n = COUNT_OF(name_lints);

/* Rows on CRLs and their entries (D-61), and the driver: parse, write again, compare, then the rows. */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "policy/lints_rows.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define SIZE_MAX_OCTETS (64 * 1000 * 1000)
#define FORM_MAX 64 /* octets; an entry of ours has less */
#define FORMS_MAX \
	32 /* six reasons, two kinds of time, one or two lengths of serials; what is more is looked at one by one */

static const uint8_t no_signature[] = { 0x00 };

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

static int compare_serials(const void *a, const void *b)
{
	const struct bytes *x = a;
	const struct bytes *y = b;
	if (x->n != y->n) {
		return x->n < y->n ? -1 : 1;
	}
	return memcmp(x->p, y->p, x->n);
}

/* Those of a CRL of ours come in order, so that nothing has to be sorted. */
static bool are_sorted(const struct crl_entries *entries)
{
	bool sorted = true;
	for (size_t i = 1; sorted && i < entries->n; i++) {
		sorted = compare_serials(&entries->v[i - 1].serial, &entries->v[i].serial) < 0;
	}
	return sorted;
}

static bool serials_once(const struct crl_input *in)
{
	size_t n = in->info->entries.n;
	if (are_sorted(&in->info->entries)) {
		return false;
	}
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

/* That it can be signed and served. That root programs take less is no reason to keep revocations back: who makes it warns (CRL_LARGE). */
static bool size(const struct crl_input *in)
{
	return in->info->der.n >= SIZE_MAX_OCTETS;
}

/* RFC 5280 4.2.1.3, 6.3.3 (f) */
static bool issuer_signs_crls(const struct crl_input *in)
{
	const uint8_t *p = in->o->issuer->der.p;
	AUTO(X509) issuer = d2i_X509(NULL, &p, (long) in->o->issuer->der.n);
	return issuer == NULL || (X509_get_extension_flags(issuer) & EXFLAG_KUSAGE) == 0 ||
	       (X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0;
}

/* RFC 5280 5.1.2.6: no list rather than an empty one; what our reader and OpenSSL make of the rest is one. */
static bool list_of_entries(const struct crl_input *in)
{
	return (in->info->list.n == 0) != (in->info->entries.n == 0) || X509_CRL_get_REVOKED(in->crl) != NULL;
}

static bool entry_serial(const struct crl_entry_input *in)
{
	struct bytes serial = in->entry->serial;
	bool zero_in_front = serial.n > 0 && serial.p[0] == 0; /* right before a number that would be negative without it */
	return serial.n == 0 || serial.n > 20 || (serial.p[0] & 0x80) != 0 ||
	       (zero_in_front && (serial.n == 1 || (serial.p[1] & 0x80) == 0));
}

static bool entry_time(const struct crl_entry_input *in)
{
	return in->entry->revoked_at.us > in->this_update.us;
}

/* E-10, E-11: as OpenSSL sees each entry; no other extension (certificateIssuer, invalidityDate). */
static bool entry_reason(const struct crl_entry_input *in)
{
	int n = X509_REVOKED_get_ext_count(in->revoked);
	if (n == 0) {
		return false;
	}
	AUTO(ASN1_ENUMERATED) code = X509_REVOKED_get_ext_d2i(in->revoked, NID_crl_reason, NULL, NULL);
	long value = code == NULL ? -1 : ASN1_ENUMERATED_get(code);
	bool allowed = value == 1 || value == 3 || value == 4 || value == 5 || value == 9;
	return n != 1 || !allowed || X509_EXTENSION_get_critical(X509_REVOKED_get_ext(in->revoked, 0)) == 1;
}

/* OpenSSL and our own reader see the same, and it is written in the one way. */
static bool entry_is_exact(const struct crl_entry_input *in)
{
	uint8_t octets[128];
	uint8_t *p = octets;
	int n = i2d_X509_REVOKED(in->revoked, NULL);
	if (n <= 0 || (size_t) n > sizeof(octets) || i2d_X509_REVOKED(in->revoked, &p) != n) {
		return true;
	}
	return !bytes_equal((struct bytes) { octets, (size_t) n }, in->der);
}

/* For each entry. */
const struct crl_entry_lint crl_entry_lints[] = {
	{ "entry_is_exact_der", "E-20, X.690 10", entry_is_exact, true },
	{ "serial_is_positive", "E-27, RFC 5280 4.1.2.2", entry_serial, false },
	{ "revoked_before_this_update", "RFC 5280 5.3", entry_time, false },
	{ "reason", "E-10, E-11", entry_reason, true },
};
const size_t crl_entry_lints_n = COUNT_OF(crl_entry_lints);

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
	{ "serials_stand_once", "E-27", serials_once },
	{ "entries_are_listed_or_absent", "RFC 5280 5.1.2.6", list_of_entries },
	{ "issuer_may_sign_crls", "RFC 5280 4.2.1.3", issuer_signs_crls },
	{ "size_is_bounded", "E-28", size },
};
const size_t crl_lints_n = COUNT_OF(crl_lints);

/* Version, algorithm, issuer, times and extensions as they stand, without the list between them. */
static int cut_entries(struct ctx *c, const struct crl_info *info, struct bytes *ret_tbs)
{
	struct bytes content;
	if (der_take_only(info->tbs, DER_SEQUENCE, &content) != 0) {
		return lint_refuse(c, "crl_is_readable", "E-20");
	}
	if (info->list.n == 0) {
		*ret_tbs = info->tbs;
		return 0;
	}
	const uint8_t *behind = info->list.p + info->list.n;
	*ret_tbs = DER(c->arena, DER_SEQUENCE, { content.p, (size_t) (info->list.p - content.p) },
	    { behind, (size_t) (content.p + content.n - behind) });
	return 0;
}

static int read_head(struct ctx *c, const struct crl_info *info, X509_CRL **ret)
{
	struct bytes tbs = { NULL, 0 };
	TRY(cut_entries(c, info, &tbs));
	struct bytes der =
	    cert_assemble(c->arena, tbs, info->sigalg, (struct bytes) { no_signature, sizeof(no_signature) });
	const uint8_t *p = der.p;
	AUTO(X509_CRL) crl = d2i_X509_CRL(NULL, &p, (long) der.n);
	if (crl == NULL || p != der.p + der.n) {
		return key_fault(c, "lint crl_is_readable (E-20)");
	}
	uint8_t *again = NULL;
	int n = i2d_re_X509_CRL_tbs(crl, &again);
	bool same = n > 0 && bytes_equal((struct bytes) { again, (size_t) n }, tbs);
	OPENSSL_free(again);
	if (!same) {
		return lint_refuse(c, "crl_is_exact_der", "E-20, X.690 10");
	}
	*ret = crl;
	crl = NULL;
	return 0;
}

/* All rows, or those that say something of each entry of a form that the others have passed. */
static int lint_entry(struct ctx *c, const struct crl_entry_input *in, bool known_form)
{
	for (size_t i = 0; i < crl_entry_lints_n; i++) {
		if (!(known_form && crl_entry_lints[i].of_form) && crl_entry_lints[i].broken(in)) {
			return lint_refuse(c, crl_entry_lints[i].name, crl_entry_lints[i].source);
		}
	}
	return 0;
}

/* The octets of an entry with its serial and the digits of its time blanked. OpenSSL takes these as they stand, so that what it makes of one entry
 * it makes of all of the form; the rows look at each serial and time all the same, and rebuild() at each octet. */
struct form {
	uint8_t octets[FORM_MAX];
	size_t n;
};

struct forms {
	struct form v[FORMS_MAX]; /* that OpenSSL has read, and all rows passed */
	size_t n;
};

/* Where the entry's serial and time lie within its octets is known from our own reader; false: it has no such form, and OpenSSL looks. */
static bool form_of(struct bytes whole, const struct crl_entry *entry, struct form *ret)
{
	size_t at = (size_t) (entry->serial.p - whole.p);
	size_t time_at = at + entry->serial.n + 2;
	if (whole.n > FORM_MAX || at > whole.n || time_at > whole.n) {
		return false;
	}
	size_t time_n = whole.p[time_at - 1];
	if (time_n > whole.n - time_at) {
		return false;
	}
	memcpy(ret->octets, whole.p, whole.n);
	memset(ret->octets + at, 0, entry->serial.n);
	memset(ret->octets + time_at, 0, time_n);
	ret->n = whole.n;
	return true;
}

static bool is_known(const struct forms *forms, const struct form *form)
{
	for (size_t i = 0; i < forms->n; i++) {
		if (forms->v[i].n == form->n && memcmp(forms->v[i].octets, form->octets, form->n) == 0) {
			return true;
		}
	}
	return false;
}

/* Gives what OpenSSL leaves unread. */
static int lint_by_openssl(struct ctx *c, struct bytes list, struct crl_entry_input *in, const uint8_t **ret_end)
{
	const uint8_t *p = list.p;
	AUTO(X509_REVOKED) one = d2i_X509_REVOKED(NULL, &p, (long) list.n);
	if (one == NULL) {
		return key_fault(c, "lint crl_is_readable (E-20)");
	}
	in->revoked = one;
	in->der = (struct bytes) { list.p, (size_t) (p - list.p) };
	TRY(lint_entry(c, in, false));
	*ret_end = p;
	return 0;
}

static int lint_next(
    struct ctx *c, struct forms *forms, struct bytes list, struct crl_entry_input *in, const uint8_t **ret_end)
{
	struct form form;
	struct der r = der_of(list);
	struct bytes whole;
	bool has_form = der_take(&r, DER_SEQUENCE, &whole, NULL) == 0 && form_of(whole, in->entry, &form);
	if (has_form && is_known(forms, &form)) {
		*ret_end = r.p;
		return lint_entry(c, in, true);
	}
	TRY(lint_by_openssl(c, list, in, ret_end));
	if (has_form && *ret_end == r.p && forms->n < FORMS_MAX) {
		forms->v[forms->n++] = form;
	}
	return 0;
}

/* One behind the other, until nothing is left of the list: no octet of it goes unread. */
static int lint_entries(struct ctx *c, const struct crl_info *info)
{
	struct bytes content = { NULL, 0 };
	struct forms forms = { .n = 0 };
	if (info->list.n > 0 && der_take_only(info->list, DER_SEQUENCE, &content) != 0) {
		return lint_refuse(c, "crl_is_readable", "E-20");
	}
	const uint8_t *p = content.p;
	const uint8_t *end = content.p + content.n;
	for (size_t i = 0; i < info->entries.n; i++) {
		struct crl_entry_input in = { .entry = &info->entries.v[i], .this_update = info->this_update };
		TRY(lint_next(c, &forms, (struct bytes) { p, (size_t) (end - p) }, &in, &p));
	}
	return p == end ? 0 : lint_refuse(c, "crl_is_readable", "E-20");
}

/* What was read, given to the builder, must give the same octets. */
static int rebuild(struct ctx *c, const struct crl_info *info, X509_CRL *crl, struct bytes tbs)
{
	AUTO(ISSUING_DIST_POINT) idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);
	struct bytes again;
	const struct crl_template t = {
		.sigalg = info->sigalg,
		.issuer_name = info->issuer,
		.issuer_key_id = info->authority_key_id,
		.this_update = info->this_update,
		.next_update = info->next_update,
		.number = info->number,
		.url = info->url,
		.only_ca_certs = idp != NULL && idp->onlyCA > 0,
		.entries = info->entries,
	};
	TRY(crl_build_tbs(c, &t, &again));
	return bytes_equal(again, tbs) ? 0 : lint_refuse(c, "crl_is_of_its_profile", "E-20, E-24");
}

int lint_crl(struct ctx *c, struct bytes tbs, const struct lint_options *o)
{
	struct crl_info info;
	X509_CRL *head = NULL;
	if (o->issuer == NULL) {
		return lint_refuse(c, "issuer_is_known", "E-20");
	}
	enum sigalg alg = lint_sigalg(o, o->issuer->spki);
	struct bytes der = cert_assemble(c->arena, tbs, alg, (struct bytes) { no_signature, sizeof(no_signature) });
	if (crl_parse(c, der, &info) != 0) {
		const char *cause = c->err.cause;
		ctx_forgive(c);
		return ctx_fault(c, "lint crl_is_readable (E-20): %s", cause == NULL ? "" : cause);
	}
	TRY(read_head(c, &info, &head));
	AUTO(X509_CRL) crl = head;
	const struct crl_input in = { .crl = crl, .info = &info, .o = o };
	for (size_t i = 0; i < crl_lints_n; i++) {
		if (crl_lints[i].broken(&in)) {
			return lint_refuse(c, crl_lints[i].name, crl_lints[i].source);
		}
	}
	TRY(lint_entries(c, &info));
	return rebuild(c, &info, crl, tbs);
}

/* Building certificates: names, extensions, the closed profiles, signatures. */
#include "lib/crypto/cert.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

#define COMMON_NAME_MAX 64
#define URL_MAX 512
#define NAMES_MAX 1000
#define EXTENSIONS_MAX 12
#define SERIAL_MAX 20

/* One piece of DER in an expression. */
#define PIECE(x) ((struct bytes) x)

static struct bytes extension(struct arena *a, struct bytes oid, bool critical, struct bytes value)
{
	struct bytes yes = PIECE(OCTETS(0x01, 0x01, 0xff));
	struct bytes none = { NULL, 0 };
	return DER(a, DER_SEQUENCE, oid, critical ? yes : none, DER(a, DER_OCTET_STRING, value));
}

/* ---- names ---- */

static int add_attribute(struct ctx *c, struct bytes oid, int tag, const char *text, struct bytes *at)
{
	struct arena *a = c->arena;
	struct bytes value = bytes_of_text(text);
	if (text == NULL) {
		return 0;
	}
	if (value.n == 0 || value.n > COMMON_NAME_MAX) {
		return ctx_fault(c, "an attribute of a name must have 1 to %d octets: %s", COMMON_NAME_MAX, text); /* D-5 */
	}
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < 0x20 || value.p[i] == 0x7f) {
			return ctx_fault(c, "an attribute of a name has a control character");
		}
	}
	*at = DER(a, DER_SET, DER(a, DER_SEQUENCE, oid, DER(a, tag, value)));
	return 0;
}

int cert_name_encode(struct ctx *c, const struct cert_name *name, struct bytes *ret_der)
{
	struct bytes rdn[3] = { { NULL, 0 } };
	if (name->country != NULL && strlen(name->country) != 2) {
		return ctx_fault(c, "a country has two letters: %s", name->country);
	}
	/* D-5: this order, one attribute in each RDN. */
	TRY(add_attribute(c, PIECE(OID_COUNTRY), DER_PRINTABLE_STRING, name->country, &rdn[0]));
	TRY(add_attribute(c, PIECE(OID_ORGANIZATION), DER_UTF8_STRING, name->organization, &rdn[1]));
	TRY(add_attribute(c, PIECE(OID_COMMON_NAME), DER_UTF8_STRING, name->common_name, &rdn[2]));
	*ret_der = der_wrap(c->arena, DER_SEQUENCE, rdn, COUNT_OF(rdn));
	return 0;
}

static int address_der(struct ctx *c, const char *text, struct bytes *ret)
{
	uint8_t octets[16];
	bool v6 = strchr(text, ':') != NULL;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, octets) != 1) {
		return ctx_fault(c, "not an address: %s", text);
	}
	*ret = DER(c->arena, DER_CONTEXT(7), { octets, v6 ? 16 : 4 });
	return 0;
}

/* D-38: dNSNames in the order given, then addresses. */
static int general_names(struct ctx *c, const struct cert_template *t, struct bytes *ret)
{
	size_t n = t->dns_names.n + t->ip_addresses.n;
	if (n == 0 || n > NAMES_MAX) {
		return ctx_fault(c, "a certificate of %zu names", n);
	}
	struct bytes *names = ARENA_ARRAY(c->arena, n, struct bytes);
	size_t at = 0;
	for (size_t i = 0; i < t->dns_names.n; i++) {
		names[at++] = DER(c->arena, DER_CONTEXT(2), bytes_of_text(t->dns_names.v[i]));
	}
	for (size_t i = 0; i < t->ip_addresses.n; i++) {
		TRY(address_der(c, t->ip_addresses.v[i], &names[at++]));
	}
	*ret = der_wrap(c->arena, DER_SEQUENCE, names, n);
	return 0;
}

/* ---- extensions, each one appended to a list ---- */

struct extensions {
	struct bytes v[EXTENSIONS_MAX];
	size_t n;
};

static void append(struct extensions *e, struct bytes one)
{
	e->v[e->n++] = one;
}

/* Bits from the left: 0x80 digitalSignature, 0x20 keyEncipherment, 0x04 keyCertSign, 0x02 cRLSign. */
static void append_key_usage(struct arena *a, struct extensions *e, uint8_t bits)
{
	uint8_t unused = 0;
	while ((bits >> unused & 1) == 0) {
		unused++;
	}
	const uint8_t content[] = { unused, bits };
	append(e, extension(a, PIECE(OID_KEY_USAGE), true, DER(a, DER_BIT_STRING, { content, sizeof(content) })));
}

static void append_basic_constraints(struct arena *a, struct extensions *e, bool ca, bool path_len_0)
{
	struct bytes none = { NULL, 0 };
	struct bytes yes = PIECE(OCTETS(0x01, 0x01, 0xff));
	struct bytes zero = PIECE(OCTETS(0x02, 0x01, 0x00));
	struct bytes value = DER(a, DER_SEQUENCE, ca ? yes : none, path_len_0 ? zero : none);
	append(e, extension(a, PIECE(OID_BASIC_CONSTRAINTS), true, value));
}

static int append_subject_key_id(struct ctx *c, struct extensions *e, const struct cert_template *t)
{
	uint8_t own[KEY_ID_SIZE];
	struct bytes id = { own, sizeof(own) };
	TRY(key_id(c, t->spki, own));
	if (t->kind == CERT_CROSS) {
		id = t->subject_key_id; /* made by whatever method (D-14) */
	}
	append(e, extension(c->arena, PIECE(OID_SUBJECT_KEY_ID), false, DER(c->arena, DER_OCTET_STRING, id)));
	return 0;
}

/* D-13 */
static int append_authority_key_id(struct ctx *c, struct extensions *e, struct bytes id)
{
	struct arena *a = c->arena;
	if (id.n == 0 || id.n > 64) {
		return ctx_fault(c, "the issuer has no key identifier");
	}
	struct bytes value = DER(a, DER_SEQUENCE, DER(a, DER_CONTEXT(0), id));
	append(e, extension(a, PIECE(OID_AUTHORITY_KEY_ID), false, value));
	return 0;
}

static bool is_http_url(const char *url)
{
	return strncmp(url, "http://", 7) == 0 && strlen(url) <= URL_MAX;
}

static struct bytes access_description(struct arena *a, struct bytes method, const char *url)
{
	return DER(a, DER_SEQUENCE, method, DER(a, DER_CONTEXT(6), bytes_of_text(url)));
}

/* D-43 */
static int append_authority_info_access(struct ctx *c, struct extensions *e, const struct cert_template *t)
{
	struct arena *a = c->arena;
	struct bytes v[2] = { { NULL, 0 } };
	if (t->ocsp_url != NULL) {
		v[0] = access_description(a, PIECE(OID_OCSP), t->ocsp_url);
	}
	if (t->aia_url != NULL) {
		v[1] = access_description(a, PIECE(OID_CA_ISSUERS), t->aia_url);
	}
	if ((t->ocsp_url != NULL && !is_http_url(t->ocsp_url)) || (t->aia_url != NULL && !is_http_url(t->aia_url))) {
		return ctx_fault(c, "a URL in a certificate is not plain http"); /* D-15 */
	}
	if (v[0].n + v[1].n > 0) {
		struct bytes value = der_wrap(a, DER_SEQUENCE, v, COUNT_OF(v));
		append(e, extension(a, PIECE(OID_AUTHORITY_INFO_ACCESS), false, value));
	}
	return 0;
}

/* D-12: one DistributionPoint with one fullName. */
static int append_crl_url(struct ctx *c, struct extensions *e, const char *url)
{
	struct arena *a = c->arena;
	if (url == NULL) {
		return 0;
	}
	if (!is_http_url(url)) {
		return ctx_fault(c, "the URL of a CRL is not plain http");
	}
	struct bytes full_name = DER(a, DER_CONTEXT_CONSTRUCTED(0), DER(a, DER_CONTEXT(6), bytes_of_text(url)));
	struct bytes point = DER(a, DER_SEQUENCE, DER(a, DER_CONTEXT_CONSTRUCTED(0), full_name));
	append(e, extension(a, PIECE(OID_CRL_DISTRIBUTION_POINTS), false, DER(a, DER_SEQUENCE, point)));
	return 0;
}

static void append_domain_validated(struct arena *a, struct extensions *e)
{
	struct bytes value = DER(a, DER_SEQUENCE, DER(a, DER_SEQUENCE, PIECE(OID_DOMAIN_VALIDATED)));
	append(e, extension(a, PIECE(OID_CERTIFICATE_POLICIES), false, value));
}

static void append_key_purposes(struct arena *a, struct extensions *e, enum cert_kind kind)
{
	struct bytes none = { NULL, 0 };
	struct bytes first = PIECE(OID_SERVER_AUTH);
	struct bytes client_auth = PIECE(OID_CLIENT_AUTH);
	struct bytes ocsp_signing = PIECE(OID_OCSP_SIGNING);
	first = kind == CERT_OCSP ? ocsp_signing : first;
	struct bytes value = DER(a, DER_SEQUENCE, first, kind == CERT_RPC ? client_auth : none);
	append(e, extension(a, PIECE(OID_EXTENDED_KEY_USAGE), false, value));
}

/* id-pkix-ocsp-nocheck (D-60) and the poison (D-52) say all by being there. */
static void append_mark(struct arena *a, struct extensions *e, struct bytes oid, bool critical)
{
	append(e, extension(a, oid, critical, PIECE(OCTETS(0x05, 0x00))));
}

/* ---- the profiles; the order of extensions is part of them ---- */

static int extensions_root(struct ctx *c, const struct cert_template *t, struct extensions *e)
{
	append_key_usage(c->arena, e, 0x06);
	append_basic_constraints(c->arena, e, true, t->kind == CERT_RPC_CA);
	TRY(append_subject_key_id(c, e, t));
	uint8_t own[KEY_ID_SIZE];
	TRY(key_id(c, t->spki, own));
	return t->kind == CERT_RPC_CA ? 0 : append_authority_key_id(c, e, (struct bytes) { own, sizeof(own) });
}

static int extensions_intermediate(struct ctx *c, const struct cert_template *t, struct extensions *e)
{
	append_key_usage(c->arena, e, 0x86);
	append_key_purposes(c->arena, e, t->kind); /* D-26 */
	append_basic_constraints(c->arena, e, true, t->kind == CERT_INTERMEDIATE);
	TRY(append_subject_key_id(c, e, t));
	TRY(append_authority_key_id(c, e, t->issuer_key_id));
	TRY(append_authority_info_access(c, e, t));
	append_domain_validated(c->arena, e); /* D-27 */
	return append_crl_url(c, e, t->crl_url);
}

static int append_subject_alt_name(struct ctx *c, const struct cert_template *t, struct extensions *e)
{
	struct bytes names;
	TRY(general_names(c, t, &names));
	bool critical = t->subject.common_name == NULL; /* RFC 5280 4.2.1.6 (D-38) */
	append(e, extension(c->arena, PIECE(OID_SUBJECT_ALT_NAME), critical, names));
	return 0;
}

static int extensions_leaf(struct ctx *c, const struct cert_template *t, struct extensions *e)
{
	bool encipher = t->with_key_encipherment && key_kind_of_spki(t->spki) == KEY_RSA; /* D-41 */
	append_key_usage(c->arena, e, encipher ? 0xa0 : 0x80);
	append_key_purposes(c->arena, e, t->kind); /* D-40 */
	append_basic_constraints(c->arena, e, false, false);
	if (t->with_subject_key_id) {
		TRY(append_subject_key_id(c, e, t));
	}
	TRY(append_authority_key_id(c, e, t->issuer_key_id));
	TRY(append_authority_info_access(c, e, t));
	TRY(append_subject_alt_name(c, t, e));
	append_domain_validated(c->arena, e); /* D-44 */
	TRY(append_crl_url(c, e, t->crl_url));
	if (t->kind == CERT_PRECERTIFICATE) {
		append_mark(c->arena, e, PIECE(OID_CT_POISON), true);
	} else if (t->sct_list.n > 0) { /* D-47 */
		struct bytes value = DER(c->arena, DER_OCTET_STRING, t->sct_list);
		append(e, extension(c->arena, PIECE(OID_CT_SCT_LIST), false, value));
	}
	return 0;
}

static int extensions_ocsp(struct ctx *c, const struct cert_template *t, struct extensions *e)
{
	append_key_usage(c->arena, e, 0x80);
	append_key_purposes(c->arena, e, t->kind);
	append_basic_constraints(c->arena, e, false, false);
	TRY(append_subject_key_id(c, e, t));
	TRY(append_authority_key_id(c, e, t->issuer_key_id));
	append_mark(c->arena, e, PIECE(OID_OCSP_NO_CHECK), false);
	return 0;
}

static int extensions_private(struct ctx *c, const struct cert_template *t, struct extensions *e)
{
	append_key_usage(c->arena, e, 0x80);
	append_key_purposes(c->arena, e, t->kind);
	append_basic_constraints(c->arena, e, false, false);
	TRY(append_authority_key_id(c, e, t->issuer_key_id));
	return append_subject_alt_name(c, t, e);
}

static int add_extensions(struct ctx *c, const struct cert_template *t, struct extensions *e)
{
	switch (t->kind) {
	case CERT_ROOT:
	case CERT_RPC_CA:
		return extensions_root(c, t, e);
	case CERT_INTERMEDIATE:
	case CERT_CROSS:
		return extensions_intermediate(c, t, e);
	case CERT_LEAF:
	case CERT_PRECERTIFICATE:
		return extensions_leaf(c, t, e);
	case CERT_OCSP:
		return extensions_ocsp(c, t, e);
	case CERT_RPC:
	case CERT_SITE:
		return extensions_private(c, t, e);
	}
	return ctx_fault(c, "an unknown kind of certificate: %d", (int) t->kind);
}

static int check_template(struct ctx *c, const struct cert_template *t)
{
	bool self_issued = t->kind == CERT_ROOT || t->kind == CERT_RPC_CA;
	if (t->serial.n == 0 || t->serial.n > SERIAL_MAX || t->serial.p[0] == 0 || (t->serial.p[0] & 0x80) != 0) {
		return ctx_fault(c, "a serial must have 1 to 20 octets, be positive and below 2^159"); /* D-3 */
	}
	if (t->sigalg == SIGALG_NONE || t->spki.n == 0 || self_issued != (t->issuer_name.n == 0)) {
		return ctx_fault(c, "a certificate's template without algorithm, key or the right issuer");
	}
	if ((t->kind == CERT_CROSS) != (t->subject_name.n > 0 && t->subject_key_id.n > 0 && t->subject_key_id.n <= 64)) {
		return ctx_fault(c, "a cross-certificate, and no other, has a name and a key identifier that stand already");
	}
	if (t->not_before.us <= 0 || t->not_after.us < t->not_before.us || t->not_before.us % 1000000 != 0 ||
	    t->not_after.us % 1000000 != 0) {
		return ctx_fault(c, "a certificate's validity is out of order or not in whole seconds");
	}
	return 0;
}

static struct bytes validity(struct arena *a, const struct cert_template *t)
{
	return DER(a, DER_SEQUENCE, der_time(a, t->not_before), der_time(a, t->not_after));
}

int cert_build_tbs(struct ctx *c, const struct cert_template *t, struct bytes *ret_tbs)
{
	struct arena *a = c->arena;
	struct bytes subject;
	struct extensions e = { .n = 0 };
	TRY(check_template(c, t));
	TRY(cert_name_encode(c, &t->subject, &subject));
	subject = t->kind == CERT_CROSS ? t->subject_name : subject; /* D-30 */
	TRY(add_extensions(c, t, &e));
	struct bytes version = PIECE(OCTETS(0xa0, 0x03, 0x02, 0x01, 0x02)); /* v3 (D-2) */
	struct bytes list = der_wrap(a, DER_SEQUENCE, e.v, e.n);
	*ret_tbs = DER(a, DER_SEQUENCE, version, der_unsigned(a, t->serial), sigalg_der(t->sigalg),
	    t->issuer_name.n == 0 ? subject : t->issuer_name, validity(a, t), subject, t->spki,
	    DER(a, DER_CONTEXT_CONSTRUCTED(3), list));
	return 0;
}

/* ---- signatures and serials ---- */

struct bytes cert_assemble(struct arena *a, struct bytes tbs, enum sigalg alg, struct bytes signature)
{
	return DER(a, DER_SEQUENCE, tbs, sigalg_der(alg), der_bits(a, signature));
}

/* The AlgorithmIdentifier inside a TBSCertificate (version, serial, algorithm) or TBSCertList (version, algorithm). */
static enum sigalg tbs_sigalg(struct bytes tbs)
{
	struct bytes content;
	struct bytes algorithm;
	if (der_take_only(tbs, DER_SEQUENCE, &content) != 0) {
		return SIGALG_NONE;
	}
	struct der r = der_of(content);
	bool has_version = der_peek(&r) == DER_CONTEXT_CONSTRUCTED(0);
	if ((has_version && der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, NULL) != 0) ||
	    der_take(&r, DER_INTEGER, NULL, NULL) != 0 || der_take(&r, DER_SEQUENCE, &algorithm, NULL) != 0) {
		return SIGALG_NONE;
	}
	return sigalg_of_der(algorithm);
}

int cert_sign(struct ctx *c, EVP_PKEY *key, struct bytes tbs, struct bytes *ret_der)
{
	enum sigalg alg = sigalg_of_key(key);
	struct bytes signature;
	if (alg == SIGALG_NONE || tbs_sigalg(tbs) != alg) {
		return ctx_fault(c, "the algorithm inside what is to be signed is not the one of the key"); /* D-2, D-7 */
	}
	TRY(key_sign(c, key, tbs, &signature));
	*ret_der = cert_assemble(c->arena, tbs, alg, signature);
	return 0;
}

void cert_serial_new(uint8_t prefix, uint8_t ret_serial[CERT_SERIAL_SIZE])
{
	random_bytes(ret_serial, CERT_SERIAL_SIZE);
	ret_serial[0] = (uint8_t) ((prefix & 0x7f) == 0 ? 1 : prefix & 0x7f); /* positive and of constant length */
}

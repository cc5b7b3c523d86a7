/* Reading certificates of the kinds that this CA makes. */
#include <arpa/inet.h>
#include <string.h>

#include "lib/crypto/cert.h"
#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

#define CERT_SIZE_MAX 65536
#define NAMES_MAX 1000
#define PIECE(x) ((struct bytes) x)

static int broken(struct ctx *c, const char *what)
{
	ctx_cause(c, "the certificate has no proper %s", what);
	return FAIL(c, MALFORMED, "The certificate is not an X.509 certificate in DER of a form that this CA issues");
}

static bool is_printable(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] <= 0x20 || text.p[i] > 0x7e) {
			return false;
		}
	}
	return text.n > 0;
}

/* Counts first, so that the lists have their final size. */
static size_t count_tags(struct bytes content, int tag)
{
	struct der r = der_of(content);
	size_t n = 0;
	while (!der_at_end(&r)) {
		int next = der_peek(&r);
		n += next == tag ? 1 : 0;
		if (der_take(&r, next, NULL, NULL) != 0) {
			return n;
		}
	}
	return n;
}

static const char *address_text(struct arena *a, struct bytes octets)
{
	char text[INET6_ADDRSTRLEN];
	if (octets.n != 4 && octets.n != 16) {
		return NULL;
	}
	return inet_ntop(octets.n == 4 ? AF_INET : AF_INET6, octets.p, text, sizeof(text)) == NULL ? NULL
	                                                                                           : arena_text(a, text);
}

static int read_name(struct ctx *c, struct der *r, struct cert_info *info)
{
	struct bytes value;
	if (der_take(r, DER_CONTEXT(2), NULL, &value) == 0) {
		if (!is_printable(value)) {
			return broken(c, "dNSName");
		}
		info->dns_names.v[info->dns_names.n++] = arena_text_n(c->arena, value.p, value.n);
		return 0;
	}
	const char *text = NULL;
	if (der_take(r, DER_CONTEXT(7), NULL, &value) != 0 || (text = address_text(c->arena, value)) == NULL) {
		return broken(c, "subject alternative name");
	}
	info->ip_addresses.v[info->ip_addresses.n++] = text;
	return 0;
}

static int read_subject_alt_name(struct ctx *c, struct bytes value, struct cert_info *info)
{
	struct bytes names;
	if (der_take_only(value, DER_SEQUENCE, &names) != 0) {
		return broken(c, "subject alternative name");
	}
	size_t dns_n = count_tags(names, DER_CONTEXT(2));
	size_t ip_n = count_tags(names, DER_CONTEXT(7));
	if (dns_n + ip_n > NAMES_MAX) {
		return broken(c, "number of names");
	}
	info->dns_names.v = ARENA_ARRAY(c->arena, dns_n, const char *);
	info->ip_addresses.v = ARENA_ARRAY(c->arena, ip_n, const char *);
	for (struct der r = der_of(names); !der_at_end(&r);) {
		TRY(read_name(c, &r, info));
	}
	return 0;
}

static int read_subject_key_id(struct ctx *c, struct bytes value, struct cert_info *info)
{
	return der_take_only(value, DER_OCTET_STRING, &info->subject_key_id) == 0 ? 0 : broken(c, "SKI");
}

static int read_authority_key_id(struct ctx *c, struct bytes value, struct cert_info *info)
{
	struct bytes content;
	if (der_take_only(value, DER_SEQUENCE, &content) != 0 ||
	    der_take_only(content, DER_CONTEXT(0), &info->authority_key_id) != 0) {
		return broken(c, "AKI");
	}
	return 0;
}

static int read_basic_constraints(struct ctx *c, struct bytes value, struct cert_info *info)
{
	struct bytes content;
	struct bytes yes = { NULL, 0 };
	if (der_take_only(value, DER_SEQUENCE, &content) != 0) {
		return broken(c, "basic constraints");
	}
	struct der r = der_of(content);
	if (der_peek(&r) == DER_BOOLEAN && (der_take(&r, DER_BOOLEAN, NULL, &yes) != 0 || yes.n != 1 || yes.p[0] != 0xff)) {
		return broken(c, "basic constraints");
	}
	struct bytes path_len = { NULL, 0 };
	if (!der_at_end(&r) &&
	    (der_take(&r, DER_INTEGER, NULL, &path_len) != 0 || path_len.n != 1 || path_len.p[0] > 0x7f)) {
		return broken(c, "basic constraints");
	}
	info->is_ca = yes.n == 1;
	info->path_len = path_len.n == 1 ? path_len.p[0] : -1;
	return der_at_end(&r) ? 0 : broken(c, "basic constraints");
}

static int read_sct_list(struct ctx *c, struct bytes value, struct cert_info *info)
{
	return der_take_only(value, DER_OCTET_STRING, &info->sct_list) == 0 ? 0 : broken(c, "SCT list");
}

static int read_crl_url(struct ctx *c, struct bytes value, struct cert_info *info)
{
	struct bytes at;
	if (der_take_only(value, DER_SEQUENCE, &at) != 0 || der_take_only(at, DER_SEQUENCE, &at) != 0 ||
	    der_take_only(at, DER_CONTEXT_CONSTRUCTED(0), &at) != 0 ||
	    der_take_only(at, DER_CONTEXT_CONSTRUCTED(0), &at) != 0 || der_take_only(at, DER_CONTEXT(6), &at) != 0 ||
	    !is_printable(at)) {
		return broken(c, "CRL distribution point");
	}
	info->crl_url = arena_text_n(c->arena, at.p, at.n);
	return 0;
}

static int read_authority_info_access(struct ctx *c, struct bytes value, struct cert_info *info)
{
	struct bytes list;
	if (der_take_only(value, DER_SEQUENCE, &list) != 0) {
		return broken(c, "authority information access");
	}
	for (struct der r = der_of(list); !der_at_end(&r);) {
		struct bytes one;
		struct bytes method;
		struct bytes url;
		if (der_take(&r, DER_SEQUENCE, NULL, &one) != 0) {
			return broken(c, "authority information access");
		}
		struct der inner = der_of(one);
		if (der_take(&inner, DER_OID, &method, NULL) != 0 || der_take(&inner, DER_CONTEXT(6), NULL, &url) != 0 ||
		    !is_printable(url)) {
			return broken(c, "authority information access");
		}
		if (bytes_equal(method, PIECE(OID_CA_ISSUERS))) {
			info->aia_url = arena_text_n(c->arena, url.p, url.n);
		} else if (bytes_equal(method, PIECE(OID_OCSP))) {
			info->ocsp_url = arena_text_n(c->arena, url.p, url.n);
		}
	}
	return 0;
}

struct reader {
	struct bytes oid;
	int (*read)(struct ctx *c, struct bytes value, struct cert_info *info);
};

static const struct reader readers[] = {
	{ OID_SUBJECT_ALT_NAME, read_subject_alt_name },
	{ OID_SUBJECT_KEY_ID, read_subject_key_id },
	{ OID_AUTHORITY_KEY_ID, read_authority_key_id },
	{ OID_BASIC_CONSTRAINTS, read_basic_constraints },
	{ OID_CRL_DISTRIBUTION_POINTS, read_crl_url },
	{ OID_AUTHORITY_INFO_ACCESS, read_authority_info_access },
	{ OID_CT_SCT_LIST, read_sct_list },
};

static int read_extension(struct ctx *c, struct bytes content, struct cert_info *info, unsigned *seen)
{
	struct der r = der_of(content);
	struct bytes oid;
	struct bytes critical = { NULL, 0 };
	struct bytes value;
	if (der_take(&r, DER_OID, &oid, NULL) != 0 ||
	    (der_peek(&r) == DER_BOOLEAN &&
	        (der_take(&r, DER_BOOLEAN, NULL, &critical) != 0 || critical.n != 1 || critical.p[0] != 0xff)) ||
	    der_take(&r, DER_OCTET_STRING, NULL, &value) != 0 || !der_at_end(&r)) {
		return broken(c, "extension");
	}
	for (unsigned i = 0; i < COUNT_OF(readers); i++) {
		if (!bytes_equal(readers[i].oid, oid)) {
			continue;
		}
		if ((*seen & 1U << i) != 0) {
			return broken(c, "extensions: one stands twice");
		}
		*seen |= 1U << i;
		return readers[i].read(c, value, info);
	}
	return 0;
}

static int read_extensions(struct ctx *c, struct der *r, struct cert_info *info)
{
	struct bytes outer;
	struct bytes list;
	unsigned seen = 0;
	if (der_take(r, DER_CONTEXT_CONSTRUCTED(3), NULL, &outer) != 0 || !der_at_end(r) ||
	    der_take_only(outer, DER_SEQUENCE, &list) != 0) {
		return broken(c, "extensions");
	}
	for (struct der at = der_of(list); !der_at_end(&at);) {
		struct bytes one;
		if (der_take(&at, DER_SEQUENCE, NULL, &one) != 0) {
			return broken(c, "extension");
		}
		TRY(read_extension(c, one, info, &seen));
	}
	return 0;
}

static bool is_positive(struct bytes integer)
{
	if (integer.n == 0 || integer.n > 20 || (integer.p[0] & 0x80) != 0) {
		return false;
	}
	return integer.p[0] != 0 || (integer.n > 1 && (integer.p[1] & 0x80) != 0);
}

static int read_validity(struct ctx *c, struct der *r, struct cert_info *info)
{
	struct bytes content;
	if (der_take(r, DER_SEQUENCE, NULL, &content) != 0) {
		return broken(c, "validity");
	}
	struct der times = der_of(content);
	if (der_take_time(&times, &info->not_before) != 0 || der_take_time(&times, &info->not_after) != 0 ||
	    !der_at_end(&times)) {
		return broken(c, "validity");
	}
	return 0;
}

static int read_tbs(struct ctx *c, struct bytes content, struct bytes algorithm, struct cert_info *info)
{
	struct der r = der_of(content);
	struct bytes version;
	struct bytes inner;
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &version) != 0 ||
	    !bytes_equal(version, PIECE(OCTETS(0x02, 0x01, 0x02)))) {
		return broken(c, "version");
	}
	if (der_take(&r, DER_INTEGER, NULL, &info->serial) != 0 || !is_positive(info->serial)) {
		return broken(c, "serial");
	}
	if (der_take(&r, DER_SEQUENCE, &inner, NULL) != 0 || !bytes_equal(inner, algorithm)) {
		return broken(c, "signature algorithm"); /* D-2 */
	}
	if (der_take(&r, DER_SEQUENCE, &info->issuer, NULL) != 0) {
		return broken(c, "issuer");
	}
	TRY(read_validity(c, &r, info));
	if (der_take(&r, DER_SEQUENCE, &info->subject, NULL) != 0 || der_take(&r, DER_SEQUENCE, &info->spki, NULL) != 0) {
		return broken(c, "subject and key");
	}
	return read_extensions(c, &r, info);
}

int cert_parse(struct ctx *c, struct bytes der, struct cert_info *ret)
{
	struct cert_info info = { .der = der, .path_len = -1 };
	struct bytes content;
	struct bytes tbs_content;
	struct bytes algorithm;
	struct bytes bits;
	if (der.n > CERT_SIZE_MAX || der_take_only(der, DER_SEQUENCE, &content) != 0) {
		return broken(c, "outer form");
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_SEQUENCE, &info.tbs, &tbs_content) != 0 || der_take(&r, DER_SEQUENCE, &algorithm, NULL) != 0 ||
	    der_take(&r, DER_BIT_STRING, NULL, &bits) != 0 || !der_at_end(&r) || bits.n < 2 || bits.p[0] != 0) {
		return broken(c, "outer form");
	}
	info.sigalg = sigalg_of_der(algorithm);
	if (info.sigalg == SIGALG_NONE) {
		return broken(c, "signature algorithm");
	}
	info.signature = (struct bytes) { bits.p + 1, bits.n - 1 };
	TRY(read_tbs(c, tbs_content, algorithm, &info));
	*ret = info;
	return 0;
}

int cert_verify_signature(struct ctx *c, const struct cert_info *cert, EVP_PKEY *issuer_key)
{
	if (cert->sigalg != sigalg_of_key(issuer_key) || !key_verify(issuer_key, cert->tbs, cert->signature)) {
		return ctx_fault(c, "the signature of a certificate does not verify with its issuer's key"); /* F-35 */
	}
	return 0;
}

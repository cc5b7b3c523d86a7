#include "policy/acme_cert.h"

#include <strings.h>

#include "lib/base/ip.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/oid.h"
#include "policy/decide.h"

#define EXTENSIONS_MAX 32
#define SAN_DNS DER_CONTEXT(2)
#define SAN_IP DER_CONTEXT(7)

static const char broken[] = "is no X.509 certificate in DER";

struct extension {
	struct bytes oid; /* whole */
	bool critical;
	struct bytes value; /* content of the OCTET STRING */
};

/* The parts that are looked at. */
struct seen {
	struct bytes issuer;
	struct bytes subject;
	struct extension extensions[EXTENSIONS_MAX];
	size_t n;
};

static bool is_oid(struct bytes whole, struct bytes oid)
{
	return bytes_equal(whole, oid);
}

/* Extension (RFC 5280 4.1): a BOOLEAN that is there says TRUE, as DER writes no default. */
static int take_extension(struct der *list, struct extension *ret)
{
	struct bytes content;
	struct bytes critical;
	if (der_take(list, DER_SEQUENCE, NULL, &content) != 0) {
		return -1;
	}
	struct der r = der_of(content);
	struct extension e = { .critical = false };
	if (der_take(&r, DER_OID, &e.oid, NULL) != 0) {
		return -1;
	}
	if (der_peek(&r) == DER_BOOLEAN) {
		if (der_take(&r, DER_BOOLEAN, NULL, &critical) != 0 || critical.n != 1 || critical.p[0] != 0xff) {
			return -1;
		}
		e.critical = true;
	}
	if (der_take(&r, DER_OCTET_STRING, NULL, &e.value) != 0 || !der_at_end(&r)) {
		return -1;
	}
	*ret = e;
	return 0;
}

static int take_extensions(struct der *tbs, struct seen *seen)
{
	struct bytes wrapped;
	struct bytes content;
	if (der_take(tbs, DER_CONTEXT_CONSTRUCTED(3), NULL, &wrapped) != 0 ||
	    der_take_only(wrapped, DER_SEQUENCE, &content) != 0) {
		return -1;
	}
	struct der list = der_of(content);
	while (!der_at_end(&list)) {
		if (seen->n == EXTENSIONS_MAX || take_extension(&list, &seen->extensions[seen->n]) != 0) {
			return -1;
		}
		seen->n++;
	}
	return 0;
}

/* Those of issuerUniqueID and subjectUniqueID are of no interest. */
static int skip_unique_ids(struct der *tbs)
{
	for (int n = 1; n <= 2; n++) {
		if (der_peek(tbs) == DER_CONTEXT(n) && der_take(tbs, DER_CONTEXT(n), NULL, NULL) != 0) {
			return -1;
		}
	}
	return 0;
}

/* TBSCertificate (RFC 5280 4.1), version 3 as it has extensions. */
static int parse_tbs(struct bytes content, struct seen *seen)
{
	static const uint8_t v3[] = { DER_INTEGER, 1, 2 };
	struct der r = der_of(content);
	struct bytes version;
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &version) != 0 ||
	    !bytes_equal(version, (struct bytes) { v3, sizeof(v3) }) || der_take(&r, DER_INTEGER, NULL, NULL) != 0 ||
	    der_take(&r, DER_SEQUENCE, NULL, NULL) != 0 || der_take(&r, DER_SEQUENCE, &seen->issuer, NULL) != 0 ||
	    der_take(&r, DER_SEQUENCE, NULL, NULL) != 0 || der_take(&r, DER_SEQUENCE, &seen->subject, NULL) != 0 ||
	    der_take(&r, DER_SEQUENCE, NULL, NULL) != 0 || skip_unique_ids(&r) != 0 || take_extensions(&r, seen) != 0) {
		return -1;
	}
	return der_at_end(&r) ? 0 : -1;
}

static int parse(struct bytes der, struct seen *seen)
{
	struct bytes content;
	struct bytes tbs;
	if (der_take_only(der, DER_SEQUENCE, &content) != 0) {
		return -1;
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_SEQUENCE, NULL, &tbs) != 0 || der_take(&r, DER_SEQUENCE, NULL, NULL) != 0 ||
	    der_take(&r, DER_BIT_STRING, NULL, NULL) != 0 || !der_at_end(&r)) {
		return -1;
	}
	return parse_tbs(tbs, seen);
}

/* Its own key made it: no CA vouches for it, and no certificate that one gave out can pass (B-3). */
static bool is_self_signed(struct bytes der, const struct seen *seen)
{
	const unsigned char *p = der.p;
	AUTO(X509) cert = d2i_X509(NULL, &p, (long) der.n);
	EVP_PKEY *key = cert == NULL ? NULL : X509_get0_pubkey(cert);
	bool good = bytes_equal(seen->issuer, seen->subject) && key != NULL && X509_verify(cert, key) == 1;
	ERR_clear_error();
	return good;
}

static bool has_repeated(const struct seen *seen)
{
	for (size_t i = 0; i < seen->n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (is_oid(seen->extensions[i].oid, seen->extensions[k].oid)) {
				return true;
			}
		}
	}
	return false;
}

static const struct extension *find(const struct seen *seen, struct bytes oid)
{
	for (size_t i = 0; i < seen->n; i++) {
		if (is_oid(seen->extensions[i].oid, oid)) {
			return &seen->extensions[i];
		}
	}
	return NULL;
}

/* One name and no other: the name in any letters, the address in its octets. */
static bool is_name(struct der name, const char *identifier)
{
	struct bytes content;
	struct ip ip;
	if (ip_parse(identifier, &ip) == 0) {
		return der_take(&name, SAN_IP, NULL, &content) == 0 && der_at_end(&name) &&
		       bytes_equal(content, (struct bytes) { ip.b, ip.v6 ? 16 : 4 });
	}
	return der_take(&name, SAN_DNS, NULL, &content) == 0 && der_at_end(&name) && content.n == strlen(identifier) &&
	       strncasecmp((const char *) content.p, identifier, content.n) == 0;
}

/* The names as they are found, for people; no more than fit into an excerpt. */
static const char *name_text(struct arena *a, struct bytes names)
{
	struct der r = der_of(names);
	struct bytes first;
	struct ip ip;
	int tag = der_peek(&r);
	if (tag < 0) {
		return "no name";
	}
	if (der_take(&r, tag, NULL, &first) != 0) {
		return "something that is no name";
	}
	const char *more = der_at_end(&r) ? "" : " and others";
	if (tag == SAN_IP && ip_of_bytes(first, &ip) == 0) {
		return arena_printf(a, "%s%s", ip_encode(a, &ip), more);
	}
	return arena_printf(
	    a, "%s\"%s\"%s", tag == SAN_DNS ? "" : "a name of another kind, ", decide_excerpt(a, first), more);
}

static const char *names_refusal(struct arena *a, const struct seen *seen, const char *identifier)
{
	const struct extension *san = find(seen, (struct bytes) OID_SUBJECT_ALT_NAME);
	struct bytes names;
	if (san == NULL) {
		return "has no subjectAltName";
	}
	if (der_take_only(san->value, DER_SEQUENCE, &names) != 0) {
		return "has a subjectAltName that is not DER";
	}
	if (!is_name(der_of(names), identifier)) {
		return arena_printf(
		    a, "has the subjectAltName %s, where %s alone is expected", name_text(a, names), identifier);
	}
	return NULL;
}

/* RFC 8737 3: Authorization ::= OCTET STRING (SIZE (32)) (B-4) */
static const char *digest_refusal(const struct seen *seen, const char *key_authorization)
{
	const struct extension *e = find(seen, (struct bytes) OID_ACME_IDENTIFIER);
	struct bytes found;
	uint8_t expected[SHA256_SIZE];
	if (e == NULL) {
		return "has no acmeIdentifier extension (1.3.6.1.5.5.7.1.31)";
	}
	if (!e->critical) {
		return "has an acmeIdentifier extension that is not critical";
	}
	if (der_take_only(e->value, DER_OCTET_STRING, &found) != 0 || found.n != SHA256_SIZE) {
		return "has an acmeIdentifier extension that is not an OCTET STRING of 32 octets";
	}
	sha256_of(bytes_of_text(key_authorization), expected);
	if (!bytes_equal(found, (struct bytes) { expected, sizeof(expected) })) {
		return "has an acmeIdentifier extension with another digest than that of this challenge's key authorization";
	}
	return NULL;
}

const char *acme_cert_refusal(struct arena *a, struct bytes der, const char *identifier, const char *key_authorization)
{
	struct seen seen = { .n = 0 };
	if (parse(der, &seen) != 0) {
		return broken;
	}
	if (has_repeated(&seen)) {
		return "has an extension twice";
	}
	const char *refusal = names_refusal(a, &seen, identifier);
	if (refusal == NULL) {
		refusal = digest_refusal(&seen, key_authorization);
	}
	return refusal != NULL || is_self_signed(der, &seen) ? refusal : "is not signed by its own key";
}

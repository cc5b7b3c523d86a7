/* Reading OCSP requests (RFC 6960 4.1, RFC 5019 2.1). */
#include "lib/crypto/der.h"
#include "lib/crypto/ocsp.h"
#include "lib/crypto/oid.h"

#define PIECE(x) ((struct bytes) x)
#define SERIAL_MAX 20

static int broken(struct ctx *c, const char *what)
{
	return FAIL(c, MALFORMED, "The OCSP request has no proper %s", what);
}

/* Their form, and that none has to be understood. */
static int read_extensions(struct ctx *c, struct bytes outer)
{
	struct bytes list;
	if (der_take_only(outer, DER_SEQUENCE, &list) != 0 || list.n == 0) {
		return broken(c, "extensions");
	}
	for (struct der at = der_of(list); !der_at_end(&at);) {
		struct bytes one;
		struct bytes critical = { NULL, 0 };
		if (der_take(&at, DER_SEQUENCE, NULL, &one) != 0) {
			return broken(c, "extensions");
		}
		struct der r = der_of(one);
		if (der_take(&r, DER_OID, NULL, NULL) != 0 ||
		    (der_peek(&r) == DER_BOOLEAN && der_take(&r, DER_BOOLEAN, NULL, &critical) != 0) ||
		    der_take(&r, DER_OCTET_STRING, NULL, NULL) != 0 || !der_at_end(&r)) {
			return broken(c, "extensions");
		}
		if (critical.n > 0 && !bytes_equal(critical, PIECE(OCTETS(0x00)))) {
			return FAIL(c, MALFORMED, "The OCSP request has a critical extension, and none is known here");
		}
	}
	return 0;
}

/* Parameters absent or NULL. */
static int read_hash(struct ctx *c, struct bytes algorithm, enum ocsp_hash *ret)
{
	const struct bytes oids[] = { [OCSP_SHA1] = OID_SHA1, [OCSP_SHA256] = OID_SHA256 };
	struct der r = der_of(algorithm);
	struct bytes oid;
	struct bytes null = { NULL, 0 };
	if (der_take(&r, DER_OID, &oid, NULL) != 0 || (!der_at_end(&r) && der_take(&r, DER_NULL, NULL, &null) != 0) ||
	    !der_at_end(&r) || null.n != 0) {
		return broken(c, "hash algorithm");
	}
	for (size_t i = 0; i < COUNT_OF(oids); i++) {
		if (bytes_equal(oid, oids[i])) {
			*ret = (enum ocsp_hash) i;
			return 0;
		}
	}
	return FAIL(c, MALFORMED, "The OCSP request names the certificate by another hash than SHA-1 or SHA-256");
}

static bool is_serial(struct bytes serial)
{
	bool minimal = serial.n == 1 || (serial.n > 1 && (serial.p[0] != 0 || (serial.p[1] & 0x80) != 0));
	return minimal && serial.n <= SERIAL_MAX && (serial.p[0] & 0x80) == 0;
}

static int read_cert_id(struct ctx *c, struct bytes content, struct ocsp_cert_id *ret)
{
	static const size_t sizes[] = { [OCSP_SHA1] = 20, [OCSP_SHA256] = 32 };
	struct der r = der_of(content);
	struct bytes algorithm;
	if (der_take(&r, DER_SEQUENCE, NULL, &algorithm) != 0) {
		return broken(c, "hash algorithm");
	}
	TRY(read_hash(c, algorithm, &ret->hash));
	if (der_take(&r, DER_OCTET_STRING, NULL, &ret->name_hash) != 0 ||
	    der_take(&r, DER_OCTET_STRING, NULL, &ret->key_hash) != 0 || ret->name_hash.n != sizes[ret->hash] ||
	    ret->key_hash.n != sizes[ret->hash]) {
		return broken(c, "hashes of the issuer");
	}
	if (der_take(&r, DER_INTEGER, NULL, &ret->serial) != 0 || !der_at_end(&r) || !is_serial(ret->serial)) {
		return broken(c, "serial number");
	}
	return 0;
}

/* One only: an answer for several would have to be signed for this client (RFC 5019 2.1.1). */
static int read_list(struct ctx *c, struct bytes list, struct ocsp_cert_id *ret)
{
	struct der at = der_of(list);
	struct bytes one;
	struct bytes id;
	struct bytes extensions;
	if (der_take(&at, DER_SEQUENCE, NULL, &one) != 0) {
		return broken(c, "list of certificates");
	}
	if (!der_at_end(&at)) {
		return FAIL(c, MALFORMED, "The OCSP request is about more than one certificate");
	}
	struct der r = der_of(one);
	if (der_take(&r, DER_SEQUENCE, NULL, &id) != 0) {
		return broken(c, "list of certificates");
	}
	TRY(read_cert_id(c, id, ret));
	if (der_at_end(&r)) {
		return 0;
	}
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &extensions) != 0 || !der_at_end(&r)) {
		return broken(c, "list of certificates");
	}
	return read_extensions(c, extensions);
}

static int read_tbs(struct ctx *c, struct bytes content, struct ocsp_cert_id *ret)
{
	struct der r = der_of(content);
	struct bytes version;
	struct bytes list;
	struct bytes extensions;
	if (der_peek(&r) == DER_CONTEXT_CONSTRUCTED(0) &&
	    (der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &version) != 0 ||
	        !bytes_equal(version, PIECE(OCTETS(0x02, 0x01, 0x00))))) { /* some clients write the default out */
		return broken(c, "version");
	}
	if (der_peek(&r) == DER_CONTEXT_CONSTRUCTED(1) && der_take(&r, DER_CONTEXT_CONSTRUCTED(1), NULL, NULL) != 0) {
		return broken(c, "requestor");
	}
	if (der_take(&r, DER_SEQUENCE, NULL, &list) != 0) {
		return broken(c, "list of certificates");
	}
	TRY(read_list(c, list, ret));
	if (der_at_end(&r)) {
		return 0;
	}
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(2), NULL, &extensions) != 0 || !der_at_end(&r)) {
		return broken(c, "extensions");
	}
	return read_extensions(c, extensions);
}

int ocsp_request_parse(struct ctx *c, struct bytes der, struct ocsp_cert_id *ret)
{
	struct bytes content;
	struct bytes tbs;
	struct ocsp_cert_id id = { 0 };
	if (der.n > OCSP_REQUEST_MAX || der_take_only(der, DER_SEQUENCE, &content) != 0) {
		return broken(c, "outer form");
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_SEQUENCE, NULL, &tbs) != 0 ||
	    (!der_at_end(&r) && der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, NULL) != 0) || !der_at_end(&r)) {
		return broken(c, "outer form");
	}
	TRY(read_tbs(c, tbs, &id));
	*ret = id;
	return 0;
}

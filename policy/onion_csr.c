#include "policy/onion_csr.h"

#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

#define PIECE(x) ((struct bytes) x)
#define ED25519 OCTETS(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70) /* RFC 8410 3 */
#define KEY_SIZE 32
#define SIGNATURE_SIZE 64

static const char not_whole[] = "is not one whole PKCS#10 request in DER";

/* A BIT STRING of this many octets, without unused bits. */
static int take_bits(struct der *r, size_t n, struct bytes *ret)
{
	struct bytes bits;
	if (der_take(r, DER_BIT_STRING, NULL, &bits) != 0 || bits.n != n + 1 || bits.p[0] != 0) {
		return -1;
	}
	*ret = (struct bytes) { bits.p + 1, n };
	return 0;
}

static int take_key(struct der *r, struct bytes *ret)
{
	struct bytes spki;
	struct bytes algorithm;
	if (der_take(r, DER_SEQUENCE, NULL, &spki) != 0) {
		return -1;
	}
	struct der in = der_of(spki);
	bool good = der_take(&in, DER_SEQUENCE, &algorithm, NULL) == 0 && bytes_equal(algorithm, PIECE(ED25519)) &&
	            take_bits(&in, KEY_SIZE, ret) == 0 && der_at_end(&in);
	return good ? 0 : -1;
}

/* The one OCTET STRING of an attribute that may stand once (SINGLE VALUE). */
static int take_nonce(struct bytes values, struct bytes *nonce)
{
	return nonce->p == NULL ? der_take_only(values, DER_OCTET_STRING, nonce) : -1;
}

/* Attributes of other kinds, extensions among them, are passed over, and their order is nobody's concern. */
static const char *take_attributes(struct bytes attributes, struct onion_csr *ret)
{
	struct der r = der_of(attributes);
	while (!der_at_end(&r)) {
		struct bytes attribute;
		struct bytes oid;
		struct bytes values;
		if (der_take(&r, DER_SEQUENCE, NULL, &attribute) != 0) {
			return not_whole;
		}
		struct der in = der_of(attribute);
		if (der_take(&in, DER_OID, &oid, NULL) != 0 || der_take(&in, DER_SET, NULL, &values) != 0 || !der_at_end(&in)) {
			return not_whole;
		}
		if (bytes_equal(oid, PIECE(OID_CA_SIGNING_NONCE)) && take_nonce(values, &ret->ca_nonce) != 0) {
			return "has a caSigningNonce (2.23.140.41) that is not one OCTET STRING";
		}
		if (bytes_equal(oid, PIECE(OID_APPLICANT_SIGNING_NONCE)) && take_nonce(values, &ret->applicant_nonce) != 0) {
			return "has an applicantSigningNonce (2.23.140.42) that is not one OCTET STRING";
		}
	}
	return NULL;
}

/* Version, subject, key, attributes. The subject means nothing (RFC 9799 3.2). */
static const char *take_info(struct bytes info, struct onion_csr *ret)
{
	struct der r = der_of(info);
	struct bytes version;
	struct bytes attributes;
	if (der_take(&r, DER_INTEGER, NULL, &version) != 0 || version.n != 1 || version.p[0] != 0 ||
	    der_take(&r, DER_SEQUENCE, NULL, NULL) != 0) {
		return not_whole;
	}
	if (take_key(&r, &ret->key) != 0) {
		return "has another key than one of Ed25519";
	}
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &attributes) != 0 || !der_at_end(&r)) {
		return not_whole;
	}
	return take_attributes(attributes, ret);
}

const char *onion_csr_parse(struct bytes der, struct onion_csr *ret)
{
	struct onion_csr csr = { 0 };
	struct bytes outer;
	struct bytes content;
	struct bytes algorithm;
	if (der.n > ONION_CSR_MAX || der_take_only(der, DER_SEQUENCE, &outer) != 0) {
		return not_whole;
	}
	struct der r = der_of(outer);
	if (der_take(&r, DER_SEQUENCE, &csr.info, &content) != 0 || der_take(&r, DER_SEQUENCE, &algorithm, NULL) != 0) {
		return not_whole;
	}
	const char *wrong = take_info(content, &csr);
	if (wrong != NULL) {
		return wrong;
	}
	if (!bytes_equal(algorithm, PIECE(ED25519)) || take_bits(&r, SIGNATURE_SIZE, &csr.signature) != 0 ||
	    !der_at_end(&r)) {
		return "is not signed with Ed25519";
	}
	*ret = csr;
	return NULL;
}

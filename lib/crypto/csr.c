#include "lib/crypto/csr.h"

#include <arpa/inet.h>
#include <openssl/asn1t.h>
#include <string.h>
#include <strings.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

#define PIECE(x) ((struct bytes) x)
#define NAME_MAX_OCTETS 253

/* Hashes that a CSR may be signed with; never SHA-1 or MD5 (A-112, D-8). */
static const struct {
	int nid;
	enum digest digest;
} signature_hashes[] = {
	{ NID_sha256, DIGEST_SHA256 },
	{ NID_sha384, DIGEST_SHA384 },
	{ NID_sha512, DIGEST_SHA512 },
};

static const char *lower(struct arena *a, struct bytes text)
{
	char *out = arena_alloc(a, text.n + 1);
	for (size_t i = 0; i < text.n; i++) {
		uint8_t ch = text.p[i];
		out[i] = (char) (ch >= 'A' && ch <= 'Z' ? ch + ('a' - 'A') : ch);
	}
	return out;
}

/* Text that may stand in a message: visible ASCII and not too long. What a name may be is policy/names.h's to say. */
static bool is_plain(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] <= 0x20 || text.p[i] > 0x7e) {
			return false;
		}
	}
	return text.n > 0 && text.n <= NAME_MAX_OCTETS;
}

/* ---- subject ---- */

static int read_common_name(struct ctx *c, const X509_REQ *req, struct csr *csr)
{
	const X509_NAME *subject = X509_REQ_get_subject_name(req);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0) {
		return 0;
	}
	if (X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
		return FAIL(c, BAD_CSR, "The CSR has more than one common name");
	}
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	uint8_t *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, value);
	struct bytes text = { utf8, n < 0 ? 0 : (size_t) n };
	bool plain = n >= 0 && is_plain(text);
	if (plain) {
		csr->common_name = lower(c->arena, text);
	}
	OPENSSL_free(utf8);
	if (n == 0) {
		return 0; /* an empty one, as some clients send, says nothing */
	}
	return plain ? 0 : FAIL(c, BAD_CSR, "The common name of the CSR is not a DNS name or an address");
}

/* ---- extensions ---- */

static int add_dns_name(struct ctx *c, const ASN1_IA5STRING *value, struct csr *csr)
{
	struct bytes text = { ASN1_STRING_get0_data(value), (size_t) ASN1_STRING_length(value) };
	if (!is_plain(text)) {
		return FAIL(c, BAD_CSR, "A dNSName in the CSR is empty, too long, or has characters that no name can have");
	}
	csr->dns_names.v[csr->dns_names.n++] = lower(c->arena, text);
	return 0;
}

static int add_address(struct ctx *c, const ASN1_OCTET_STRING *value, struct csr *csr)
{
	int n = ASN1_STRING_length(value);
	char text[INET6_ADDRSTRLEN];
	if ((n != 4 && n != 16) ||
	    inet_ntop(n == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text, sizeof(text)) == NULL) {
		return FAIL(c, BAD_CSR, "An iPAddress in the CSR does not have 4 or 16 octets");
	}
	csr->ip_addresses.v[csr->ip_addresses.n++] = arena_text(c->arena, text);
	return 0;
}

static int read_names(struct ctx *c, const GENERAL_NAMES *names, struct csr *csr)
{
	int n = sk_GENERAL_NAME_num(names);
	if (n > CSR_NAMES_MAX) {
		return FAIL(c, BAD_CSR, "The CSR has more than %d names", CSR_NAMES_MAX);
	}
	csr->dns_names.v = ARENA_ARRAY(c->arena, (size_t) n, const char *);
	csr->ip_addresses.v = ARENA_ARRAY(c->arena, (size_t) n, const char *);
	for (int i = 0; i < n; i++) {
		int type = 0;
		const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
		if (type == GEN_DNS) {
			TRY(add_dns_name(c, value, csr));
		} else if (type == GEN_IPADD) {
			TRY(add_address(c, value, csr));
		} else {
			return FAIL(c, BAD_CSR, "The CSR asks for a name that is neither a DNS name nor an address"); /* */
		}
	}
	return 0;
}

/* X509V3_get_d2i takes BER, and passes over what stands behind the names. */
static bool is_exact(const STACK_OF(X509_EXTENSION) * extensions, const GENERAL_NAMES *names)
{
	int at = X509v3_get_ext_by_NID(extensions, NID_subject_alt_name, -1);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509v3_get_ext(extensions, at));
	uint8_t *again = NULL;
	int n = i2d_GENERAL_NAMES(names, &again);
	bool same = n > 0 && n == ASN1_STRING_length(value) && memcmp(again, ASN1_STRING_get0_data(value), (size_t) n) == 0;
	OPENSSL_free(again);
	return same;
}

static int read_subject_alt_name(struct ctx *c, const STACK_OF(X509_EXTENSION) * extensions, struct csr *csr)
{
	int state = 0;
	AUTO(GENERAL_NAMES) names = X509V3_get_d2i(extensions, NID_subject_alt_name, &state, NULL);
	if (names != NULL && is_exact(extensions, names)) {
		return read_names(c, names, csr);
	}
	return state == -1 ? 0 : FAIL(c, BAD_CSR, "The subjectAltName of the CSR is broken or stands twice");
}

static int check_no_ca(struct ctx *c, const STACK_OF(X509_EXTENSION) * extensions)
{
	int state = 0;
	AUTO(BASIC_CONSTRAINTS) bc = X509V3_get_d2i(extensions, NID_basic_constraints, &state, NULL);
	if (bc == NULL && state != -1) {
		return FAIL(c, BAD_CSR, "The basicConstraints of the CSR are broken or stand twice");
	}
	return bc != NULL && bc->ca != 0 ? FAIL(c, BAD_CSR, "The CSR asks for a CA certificate") : 0; /* */
}

/* Two sets of requested extensions could mean two things to two readers. */
static int check_one_request(struct ctx *c, const X509_REQ *req)
{
	int first = X509_REQ_get_attr_by_NID(req, NID_ext_req, -1);
	int microsoft = X509_REQ_get_attr_by_NID(req, NID_ms_ext_req, -1);
	if (first < 0) {
		return microsoft < 0 || X509_REQ_get_attr_by_NID(req, NID_ms_ext_req, microsoft) < 0
		           ? 0
		           : FAIL(c, BAD_CSR, "The CSR has two lists of extensions");
	}
	X509_ATTRIBUTE *attribute = X509_REQ_get_attr(req, first);
	if (microsoft >= 0 || X509_REQ_get_attr_by_NID(req, NID_ext_req, first) >= 0 ||
	    X509_ATTRIBUTE_count(attribute) != 1) {
		return FAIL(c, BAD_CSR, "The CSR has two lists of extensions");
	}
	return 0;
}

static int read_extensions(struct ctx *c, X509_REQ *req, struct csr *csr)
{
	TRY(check_one_request(c, req));
	AUTO_STACK(X509_EXTENSION) extensions = X509_REQ_get_extensions(req);
	if (extensions == NULL) {
		bool asked = X509_REQ_get_attr_by_NID(req, NID_ext_req, -1) >= 0;
		return asked ? FAIL(c, BAD_CSR, "The list of extensions of the CSR is broken") : 0;
	}
	TRY(check_no_ca(c, extensions));
	TRY(read_subject_alt_name(c, extensions, csr));
	csr->wants_must_staple = X509v3_get_ext_by_NID(extensions, NID_tlsfeature, -1) >= 0;
	return 0;
}

/* ---- key and signature ---- */

/* The CertificationRequestInfo, which is signed, and in it the SubjectPublicKeyInfo, as they stand: version, subject,
 * key, attributes. */
static int take_info(struct ctx *c, struct bytes der, struct bytes *ret_info, struct bytes *ret_spki)
{
	struct bytes outer;
	struct bytes content;
	struct bytes version;
	if (der_take_only(der, DER_SEQUENCE, &outer) != 0) {
		return FAIL(c, BAD_CSR, "The CSR is not one whole PKCS#10 request in DER");
	}
	struct der r = der_of(outer);
	if (der_take(&r, DER_SEQUENCE, ret_info, &content) != 0) {
		return FAIL(c, BAD_CSR, "The CSR is not one whole PKCS#10 request in DER");
	}
	r = der_of(content);
	if (der_take(&r, DER_INTEGER, NULL, &version) != 0 || !bytes_equal(version, PIECE(OCTETS(0x00)))) {
		return FAIL(c, BAD_CSR, "The version of the CSR is not 0, the only one there is"); /* RFC 2986 4.1 */
	}
	if (der_take(&r, DER_SEQUENCE, NULL, NULL) != 0 || der_take(&r, DER_SEQUENCE, ret_spki, NULL) != 0) {
		return FAIL(c, BAD_CSR, "The CSR is not one whole PKCS#10 request in DER");
	}
	return 0;
}

static int read_key(struct ctx *c, struct csr *csr)
{
	if (key_of_spki(c, csr->spki, &csr->key) != 0) {
		const char *why = c->err.detail;
		ctx_forgive(c);
		return FAIL(c, BAD_CSR, "The key of the CSR can't be used: %s", why);
	}
	csr->kind = key_kind_of(csr->key);
	return 0;
}

/* The hash of a signature algorithm; DIGEST_COUNT when none of those that are allowed. Ed25519 has its own. */
static enum digest signature_hash(int nid, int *ret_key_nid)
{
	int hash = NID_undef;
	if (OBJ_find_sigid_algs(nid, &hash, ret_key_nid) != 1) {
		return DIGEST_COUNT;
	}
	for (size_t i = 0; i < COUNT_OF(signature_hashes); i++) {
		if (hash == signature_hashes[i].nid) {
			return signature_hashes[i].digest;
		}
	}
	return nid == NID_ED25519 ? DIGEST_SHA512 : DIGEST_COUNT;
}

static int check_signature(struct ctx *c, const X509_REQ *req, EVP_PKEY *key, struct bytes info)
{
	const ASN1_BIT_STRING *bits = NULL;
	int key_nid = NID_undef;
	enum digest hash = signature_hash(X509_REQ_get_signature_nid(req), &key_nid);
	if (hash == DIGEST_COUNT) {
		return FAIL(c, BAD_CSR, "The CSR is signed with another hash than SHA-256, SHA-384 or SHA-512");
	}
	X509_REQ_get0_signature(req, &bits, NULL);
	struct bytes signature = { ASN1_STRING_get0_data(bits), (size_t) ASN1_STRING_length(bits) };
	bool whole = (bits->flags & 0x07) == 0; /* no unused bits */
	bool good = whole && EVP_PKEY_is_a(key, OBJ_nid2sn(key_nid)) == 1 && key_verify_hashed(key, hash, info, signature);
	ERR_clear_error();
	return good ? 0 : FAIL(c, BAD_CSR, "The signature of the CSR does not verify");
}

/* Written again it must be the same octets: no BER, nothing behind it. Of the key key_of_spki says the same. */
static X509_REQ *decode_exact(struct bytes der)
{
	const uint8_t *p = der.p;
	void *decoded = ASN1_item_d2i_ex(NULL, &p, (long) der.n, ASN1_ITEM_rptr(X509_REQ), key_no_algorithms(), NULL);
	X509_REQ *req = decoded;
	uint8_t *again = NULL;
	int n = 0;
	if (req != NULL && p == der.p + der.n && i2d_re_X509_REQ_tbs(req, NULL) > 0) {
		n = i2d_X509_REQ(req, &again);
	}
	bool exact = n > 0 && bytes_equal((struct bytes) { again, (size_t) n }, der);
	OPENSSL_free(again);
	ERR_clear_error();
	if (!exact) {
		X509_REQ_free(req);
		return NULL;
	}
	return req;
}

/* One whole request that its own key signed. ret_req is the caller's to free, also after a failure. */
static int read_signed(struct ctx *c, struct bytes der, struct csr *csr, X509_REQ **ret_req)
{
	struct bytes info;
	*csr = (struct csr) { .kind = KEY_OTHER };
	if (der.n == 0 || der.n > CSR_SIZE_MAX) {
		return FAIL(c, BAD_CSR, "The CSR is empty or has more than %d octets", CSR_SIZE_MAX);
	}
	TRY(take_info(c, der, &info, &csr->spki));
	*ret_req = decode_exact(der);
	if (*ret_req == NULL) {
		return FAIL(c, BAD_CSR, "The CSR is not one whole PKCS#10 request in DER");
	}
	TRY(read_key(c, csr));
	return check_signature(c, *ret_req, csr->key, info);
}

int csr_parse(struct ctx *c, struct bytes der, struct csr *ret)
{
	struct csr csr;
	AUTO(X509_REQ) req = NULL;
	TRY(read_signed(c, der, &csr, &req));
	TRY(read_common_name(c, req, &csr));
	TRY(read_extensions(c, req, &csr));
	*ret = csr;
	return 0;
}

/* Text for a record, or NULL: one common name of visible ASCII and blanks. */
static const char *record_name(struct arena *a, const X509_REQ *req)
{
	const X509_NAME *subject = X509_REQ_get_subject_name(req);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	uint8_t *utf8 = NULL;
	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
		return NULL;
	}
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	bool good = n > 0 && n <= NAME_MAX_OCTETS;
	for (int i = 0; good && i < n; i++) {
		good = utf8[i] >= 0x20 && utf8[i] <= 0x7e;
	}
	const char *text = good ? arena_text_n(a, utf8, (size_t) n) : NULL;
	OPENSSL_free(utf8);
	return text;
}

int csr_proof_parse(struct ctx *c, struct bytes der, struct bytes *ret_spki, const char **ret_name)
{
	struct csr csr;
	AUTO(X509_REQ) req = NULL;
	TRY(read_signed(c, der, &csr, &req));
	*ret_name = record_name(c->arena, req);
	*ret_spki = csr.spki;
	return *ret_name != NULL && strncasecmp(*ret_name, CSR_PROOF, strlen(CSR_PROOF)) == 0
	           ? 0
	           : FAIL(c, BAD_CSR, "A CSR proves a compromise when its common name is \"%s\"", CSR_PROOF);
}

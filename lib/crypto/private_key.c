#include "lib/crypto/private_key.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/flat.h"
#include "lib/crypto/jwk.h"
#include "lib/crypto/key.h"

/* A body, its payload, that of a JWS inside, and a certificate request or a JWK in it: each is base64 in JSON. */
#define DEPTH_MAX 6
#define OCTETS_MIN 24 /* no key is shorter, nor a text that has one */
#define RUN_MIN 40
#define HEAD_CHARS 32
#define RSA_BITS_MAX 4096         /* no larger key has an account or a certificate */
#define RSA_EXPONENT_BITS_MAX 256 /* NIST SP 800-56B; a longer one is no key's, and takes its time */

struct search {
	struct arena *a;
	struct private_key found;
};

static bool look(struct search *s, struct bytes in, unsigned depth);

static bool keep(struct search *s, const char *form, struct bytes der, const json_t *jwk)
{
	s->found = (struct private_key) { form, der, jwk };
	return true;
}

static bool has(struct bytes in, const char *text)
{
	return memmem(in.p, in.n, text, strlen(text)) != NULL;
}

/* The first block that is a private key in clear; p NULL: there is none. */
static struct bytes der_of_pem(struct arena *a, struct bytes pem)
{
	struct bytes der = { NULL, 0 };
	char *name = NULL;
	char *header = NULL;
	unsigned char *data = NULL;
	long n = 0;
	AUTO(BIO) bio = BIO_new_mem_buf(pem.p, (int) pem.n);
	while (bio != NULL && der.p == NULL && PEM_read_bio(bio, &name, &header, &data, &n) == 1) {
		bool clear = header[0] == '\0' && (strcmp(name, "PRIVATE KEY") == 0 || strcmp(name, "EC PRIVATE KEY") == 0 ||
		                                      strcmp(name, "RSA PRIVATE KEY") == 0);
		if (clear && n > 0) {
			der = arena_bytes(a, data, (size_t) n);
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t) n);
	}
	ERR_clear_error();
	return der;
}

static bool look_at_pem(struct search *s, struct bytes in)
{
	return has(in, "PRIVATE KEY-----") && keep(s, "PEM", der_of_pem(s->a, in), NULL);
}

static bool begins_with_oid(struct bytes content)
{
	struct der r = der_of(content);
	return der_peek(&r) == DER_OID;
}

/* What follows the version: an algorithm (RFC 5958 2; RFC 7292 4 has a content type there), a secret (RFC 5915 3) or a
 * modulus (RFC 8017 A.1.2). A CertificationRequestInfo has a name there. */
static bool is_private_der(struct der *r)
{
	struct bytes content;
	if (der_peek(r) != DER_INTEGER) {
		/* RFC 5958 3: encrypted */
		return der_take(r, DER_SEQUENCE, NULL, &content) == 0 && begins_with_oid(content) &&
		       der_peek(r) == DER_OCTET_STRING;
	}
	if (der_take(r, DER_INTEGER, NULL, &content) != 0 || content.n != 1 || content.p[0] > 3) {
		return false;
	}
	int next = der_peek(r);
	return next == DER_INTEGER || next == DER_OCTET_STRING ||
	       (next == DER_SEQUENCE && der_take(r, DER_SEQUENCE, NULL, &content) == 0 && begins_with_oid(content));
}

static bool look_at_der(struct search *s, struct bytes in)
{
	struct bytes content;
	if (der_take_only(in, DER_SEQUENCE, &content) != 0) {
		return false;
	}
	struct der r = der_of(content);
	if (!is_private_der(&r)) {
		return false;
	}
	return keep(s, "DER", in, NULL);
}

/* A member in base64url; n 0: there is none, or it is longer than any number of a key that is taken. */
static struct bytes octets_of(struct arena *a, const json_t *jwk, const char *name)
{
	const json_t *text = json_object_get(jwk, name);
	struct bytes octets = { NULL, 0 };
	bool read =
	    json_is_string(text) &&
	    base64url_decode(
	        a, (struct bytes) { (const uint8_t *) json_string_value(text), json_string_length(text) }, &octets) == 0;
	return read && octets.n <= RSA_BITS_MAX / 8 ? octets : (struct bytes) { NULL, 0 };
}

static BIGNUM *number_of(struct arena *a, const json_t *jwk, const char *name)
{
	struct bytes octets = octets_of(a, jwk, name);
	return octets.n == 0 ? NULL : BN_bin2bn(octets.p, (int) octets.n, NULL);
}

static EVP_PKEY *key_of_build(const char *type, OSSL_PARAM_BLD *build)
{
	EVP_PKEY *key = NULL;
	AUTO(OSSL_PARAM) params = OSSL_PARAM_BLD_to_param(build);
	AUTO(EVP_PKEY_CTX) make = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (params == NULL || make == NULL || EVP_PKEY_fromdata_init(make) != 1 ||
	    EVP_PKEY_fromdata(make, &key, EVP_PKEY_KEYPAIR, params) != 1) {
		return NULL;
	}
	return key;
}

static EVP_PKEY *rsa_of_jwk(struct arena *a, const json_t *jwk)
{
	AUTO(OSSL_PARAM_BLD) build = OSSL_PARAM_BLD_new();
	AUTO(BIGNUM) n = number_of(a, jwk, "n");
	AUTO(BIGNUM) e = number_of(a, jwk, "e");
	AUTO(BIGNUM) d = number_of(a, jwk, "d");
	bool whole = build != NULL && n != NULL && e != NULL && d != NULL &&
	             OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	             OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
	             OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d) == 1;
	return whole ? key_of_build("RSA", build) : NULL;
}

static EVP_PKEY *ec_of_jwk(struct arena *a, const json_t *jwk)
{
	static const char *const curves[] = { "P-256", "P-384", "P-521" };
	static const size_t sizes[] = { 32, 48, 66 };
	const char *curve = json_string_value(json_object_get(jwk, "crv"));
	size_t i = 0;
	while (curve != NULL && i < COUNT_OF(curves) && strcmp(curves[i], curve) != 0) {
		i++;
	}
	AUTO(OSSL_PARAM_BLD) build = OSSL_PARAM_BLD_new();
	AUTO(BIGNUM) x = number_of(a, jwk, "x");
	AUTO(BIGNUM) y = number_of(a, jwk, "y");
	AUTO(BIGNUM) d = number_of(a, jwk, "d");
	uint8_t point[1 + 2 * 66] = { 0x04 };
	if (curve == NULL || i == COUNT_OF(curves) || build == NULL || x == NULL || y == NULL || d == NULL ||
	    BN_bn2binpad(x, point + 1, (int) sizes[i]) < 0 || BN_bn2binpad(y, point + 1 + sizes[i], (int) sizes[i]) < 0) {
		return NULL;
	}
	bool whole = OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
	             OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * sizes[i]) == 1 &&
	             OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1;
	return whole ? key_of_build("EC", build) : NULL;
}

/* Its public half follows from the private one, whatever stands beside it. */
static EVP_PKEY *okp_of_jwk(struct arena *a, const json_t *jwk)
{
	struct bytes d = octets_of(a, jwk, "d");
	return d.n == 0 ? NULL : EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d.p, d.n);
}

static EVP_PKEY *key_of_jwk(struct arena *a, const json_t *jwk)
{
	static const struct {
		const char *kty;
		EVP_PKEY *(*make)(struct arena *a, const json_t *jwk);
	} kinds[] = { { "RSA", rsa_of_jwk }, { "EC", ec_of_jwk }, { "OKP", okp_of_jwk } };
	const char *kty = json_string_value(json_object_get(jwk, "kty"));
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (strcmp(kinds[i].kty, kty) == 0) {
			return kinds[i].make(a, jwk);
		}
	}
	return NULL;
}

/* json_parse bounds how deep this goes. */
static bool look_at_json(struct search *s, const json_t *value, unsigned depth)
{
	if (json_is_string(value)) {
		return look(
		    s, (struct bytes) { (const uint8_t *) json_string_value(value), json_string_length(value) }, depth + 1);
	}
	if (json_is_object(value)) {
		if (json_is_string(json_object_get(value, "kty")) && jwk_is_private(value)) {
			return keep(s, "JWK", (struct bytes) { NULL, 0 }, value);
		}
		for (void *i = json_object_iter((json_t *) (uintptr_t) value); i != NULL;
		     i = json_object_iter_next((json_t *) (uintptr_t) value, i)) {
			if (look_at_json(s, json_object_iter_value(i), depth)) {
				return true;
			}
		}
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (look_at_json(s, json_array_get(value, i), depth)) {
			return true;
		}
	}
	return false;
}

static bool is_base64(uint8_t o)
{
	return (o >= 'a' && o <= 'z') || (o >= 'A' && o <= 'Z') || (o >= '0' && o <= '9') || o == '-' || o == '_' ||
	       o == '+' || o == '/';
}

/* Where the content of the element at this place begins. */
static size_t content_at(struct bytes in, size_t at)
{
	return at + 1 < in.n ? at + 2 + ((in.p[at + 1] & 0x80) != 0 ? in.p[at + 1] & 0x7fU : 0U) : in.n;
}

/* Whether octets that begin like this may be a private key in DER, or a text. A certificate request, a certificate and a
 * signature begin otherwise, and are not taken apart. */
static bool may_begin(struct bytes head)
{
	size_t text = 0;
	while (text < head.n && (head.p[text] == '\n' || head.p[text] == '\r' || head.p[text] == '\t' ||
	                            (head.p[text] >= ' ' && head.p[text] <= '~'))) {
		text++;
	}
	if (text == head.n) {
		return true;
	}
	size_t first = content_at(head, 0);
	if (head.p[0] != DER_SEQUENCE || first >= head.n || head.p[first] == DER_INTEGER) {
		return head.p[0] == DER_SEQUENCE && first < head.n;
	}
	size_t second = content_at(head, first);
	return head.p[first] == DER_SEQUENCE && second < head.n && head.p[second] == DER_OID;
}

/* The octets of base64 in the one alphabet, without padding and lines; false for any other text. */
static bool plain_base64(struct bytes in, uint8_t *to, size_t *ret_n)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		uint8_t o = in.p[i];
		if (is_base64(o)) {
			to[n++] = o == '+' ? '-' : o == '/' ? '_' : o;
		} else if (o != '=' && o != '\r' && o != '\n' && o != ' ') {
			return false;
		}
	}
	*ret_n = n;
	return true;
}

/* Of either alphabet, with padding or without, in lines or not; p NULL: it is none, or nothing that a key may be in. */
static struct bytes decoded(struct search *s, struct bytes in)
{
	uint8_t head[HEAD_CHARS];
	size_t n = 0;
	struct bytes out = { NULL, 0 };
	if (!plain_base64((struct bytes) { in.p, in.n < HEAD_CHARS ? in.n : HEAD_CHARS }, head, &n) || n < 4 ||
	    base64url_decode(s->a, (struct bytes) { head, n - n % 4 }, &out) != 0 || !may_begin(out)) {
		return (struct bytes) { NULL, 0 };
	}
	if (base64url_decode(s->a, in, &out) == 0) {
		return out;
	}
	uint8_t *plain = arena_alloc(s->a, in.n);
	bool whole = plain_base64(in, plain, &n) && base64url_decode(s->a, (struct bytes) { plain, n }, &out) == 0;
	return whole ? out : (struct bytes) { NULL, 0 };
}

/* Text that no parser reads: what in it could be read, and the names that a private JWK has. */
static bool look_at_ruins(struct search *s, struct bytes in, unsigned depth)
{
	size_t run = 0;
	bool mixed = false;
	for (size_t i = 0; i <= in.n; i++) {
		if (i < in.n && is_base64(in.p[i])) {
			run++;
			continue;
		}
		if (run >= RUN_MIN && run < in.n && look(s, (struct bytes) { in.p + i - run, run }, depth + 1)) {
			return true;
		}
		mixed = mixed || i < in.n;
		run = 0;
	}
	return mixed && has(in, "\"kty\"") && (has(in, "\"d\"") || has(in, "\"k\"")) &&
	       keep(s, "JWK", (struct bytes) { NULL, 0 }, NULL);
}

/* The common case without a tree: a JWS, the header of one who has an account, a certificate request. */
static bool look_at_flat(struct search *s, const struct flat *flat, unsigned depth)
{
	for (size_t i = 0; i < flat->n; i++) {
		if (look(s, flat->values[i], depth + 1)) {
			return true;
		}
	}
	return false;
}

static bool look_at_text(struct search *s, struct bytes in, unsigned depth)
{
	struct flat flat;
	struct ctx scratch = { .arena = s->a };
	json_t *json = NULL;
	if (flat_parse(in, &flat) == 0 && flat_find(&flat, "kty").p == NULL) {
		return look_at_flat(s, &flat, depth);
	}
	struct bytes inside = decoded(s, in);
	if (inside.p != NULL) {
		return look(s, inside, depth + 1);
	}
	if (has(in, "{") && json_parse(&scratch, in, &json) == 0) {
		return look_at_json(s, json, depth);
	}
	return look_at_ruins(s, in, depth);
}

static bool look(struct search *s, struct bytes in, unsigned depth)
{
	if (depth > DEPTH_MAX || in.n < OCTETS_MIN) {
		return false;
	}
	struct bytes content;
	if (look_at_pem(s, in) || look_at_der(s, in)) {
		return true;
	}
	return der_take_only(in, DER_SEQUENCE, &content) != 0 && look_at_text(s, in, depth);
}

bool private_key_find(struct arena *a, struct bytes sent, struct private_key *ret)
{
	struct search s = { .a = a };
	bool found = look(&s, sent, 0);
	*ret = s.found;
	return found;
}

static bool is_oid(struct bytes oid, int nid)
{
	const ASN1_OBJECT *object = OBJ_nid2obj(nid);
	return bytes_equal(oid, (struct bytes) { OBJ_get0_data(object), OBJ_length(object) });
}

static bool is_curve(struct bytes oid)
{
	return is_oid(oid, NID_X9_62_prime256v1) || is_oid(oid, NID_secp384r1) || is_oid(oid, NID_secp521r1);
}

/* RFC 5958 2. The curve must be named: computing with one of the sender's own takes as long as he likes. */
static int type_of_algorithm(struct bytes algorithm)
{
	struct der r = der_of(algorithm);
	struct bytes oid;
	struct bytes curve;
	if (der_take(&r, DER_OID, NULL, &oid) != 0) {
		return EVP_PKEY_NONE;
	}
	if (is_oid(oid, NID_rsaEncryption)) {
		return EVP_PKEY_RSA;
	}
	if (is_oid(oid, NID_ED25519)) {
		return EVP_PKEY_ED25519;
	}
	bool named = is_oid(oid, NID_X9_62_id_ecPublicKey) && der_take(&r, DER_OID, NULL, &curve) == 0 && is_curve(curve);
	return named ? EVP_PKEY_EC : EVP_PKEY_NONE;
}

/* RFC 5915 3: a secret, then the curve, which PKCS#8 has outside of it. */
static bool has_named_curve(struct der *r)
{
	struct bytes content;
	if (der_take(r, DER_CONTEXT_CONSTRUCTED(0), NULL, &content) != 0) {
		return false;
	}
	struct der parameters = der_of(content);
	return der_take(&parameters, DER_OID, NULL, &content) == 0 && is_curve(content);
}

/* In PKCS#8 the secret of an elliptic curve stands in the form of SEC 1, which may name a curve too. */
static bool names_no_other_curve(struct bytes secret)
{
	struct bytes content;
	if (der_take_only(secret, DER_SEQUENCE, &content) != 0) {
		return false;
	}
	struct der r = der_of(content);
	return der_take(&r, DER_INTEGER, NULL, NULL) == 0 && der_take(&r, DER_OCTET_STRING, NULL, NULL) == 0 &&
	       (der_peek(&r) != DER_CONTEXT_CONSTRUCTED(0) || has_named_curve(&r));
}

/* The kind of key, for those that take a bounded time to read; EVP_PKEY_NONE for all others. */
static int type_of_der(struct bytes der)
{
	struct bytes content;
	if (der_take_only(der, DER_SEQUENCE, &content) != 0) {
		return EVP_PKEY_NONE;
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_INTEGER, NULL, NULL) != 0) {
		return EVP_PKEY_NONE;
	}
	int next = der_peek(&r);
	if (next == DER_INTEGER) {
		return EVP_PKEY_RSA; /* RFC 8017 A.1.2 */
	}
	if (next == DER_OCTET_STRING) {
		return der_take(&r, DER_OCTET_STRING, NULL, NULL) == 0 && has_named_curve(&r) ? EVP_PKEY_EC : EVP_PKEY_NONE;
	}
	if (der_take(&r, DER_SEQUENCE, NULL, &content) != 0) {
		return EVP_PKEY_NONE;
	}
	int type = type_of_algorithm(content);
	bool fits =
	    der_take(&r, DER_OCTET_STRING, NULL, &content) == 0 && (type != EVP_PKEY_EC || names_no_other_curve(content));
	return fits ? type : EVP_PKEY_NONE;
}

static EVP_PKEY *key_of_der(struct bytes der)
{
	int type = type_of_der(der);
	const uint8_t *p = der.p;
	return type == EVP_PKEY_NONE ? NULL : d2i_PrivateKey(type, NULL, &p, (long) der.n);
}

/* Longer numbers than a key has, which cost time without end. */
static bool is_bounded(const EVP_PKEY *key)
{
	static const char *const numbers[] = { OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
		OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	int bits = EVP_PKEY_get_bits(key);
	if (key_kind_of(key) != KEY_RSA) {
		return key_kind_of(key) != KEY_OTHER;
	}
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		AUTO(BIGNUM) number = NULL;
		if (EVP_PKEY_get_bn_param(key, numbers[i], &number) == 1 && BN_num_bits(number) > bits) {
			return false;
		}
	}
	AUTO(BIGNUM) e = NULL;
	return bits <= RSA_BITS_MAX && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	       BN_num_bits(e) <= RSA_EXPONENT_BITS_MAX;
}

static bool sign(struct arena *a, EVP_PKEY *key, struct bytes message, struct bytes *ret)
{
	const EVP_MD *hash = key_kind_of(key) == KEY_ED25519 ? NULL : EVP_sha256();
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	size_t n = 0;
	if (md == NULL || EVP_DigestSignInit(md, NULL, hash, NULL, key) != 1 ||
	    EVP_DigestSign(md, NULL, &n, message.p, message.n) != 1) {
		return false;
	}
	uint8_t *signature = arena_alloc(a, n);
	bool made = EVP_DigestSign(md, signature, &n, message.p, message.n) == 1;
	*ret = (struct bytes) { signature, n };
	return made;
}

bool private_key_prove(struct ctx *c, const struct private_key *found, struct jwk *ret)
{
	struct bytes message = bytes_of_text("Cairn was sent this key");
	struct bytes spki;
	struct bytes signature;
	EVP_PKEY *public = NULL;
	AUTO(EVP_PKEY) key = found->jwk != NULL ? key_of_jwk(c->arena, found->jwk) : key_of_der(found->der);
	bool proved = key != NULL && is_bounded(key) && key_spki(c, key, &spki) == 0 &&
	              key_of_spki(c, spki, &public) == 0 && sign(c->arena, key, message, &signature) &&
	              key_verify_hashed(public, DIGEST_SHA256, message, signature) && jwk_of_key(c, public, ret) == 0;
	ERR_clear_error();
	ctx_forgive(c);
	return proved;
}

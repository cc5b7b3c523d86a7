/* Whose a private key is that was found (lib/crypto/private_key.h): it is made whole, and has to sign for its public half. */
#include <string.h>

#include <openssl/ec.h>

#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/key.h"
#include "lib/crypto/private_key.h"

#define RSA_BITS_MAX 4096         /* no larger key has an account or a certificate */
#define RSA_EXPONENT_BITS_MAX 256 /* NIST SP 800-56B; a longer one is no key's, and takes its time */
#define EC_POINT_MAX (1 + 2 * 66)

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

/* RFC 7518 6.3.2: two of the modulus and its primes are enough to know the secret. What is wrong about them no signature proves. */
static bool complete_rsa(struct arena *a, const json_t *jwk, const BIGNUM *e, BIGNUM *n, BIGNUM *d)
{
	AUTO(BN_CTX) work = BN_CTX_new();
	AUTO(BIGNUM) p = number_of(a, jwk, "p");
	AUTO(BIGNUM) q = number_of(a, jwk, "q");
	if (p == NULL && q != NULL) {
		p = q;
		q = NULL;
	}
	if (work == NULL || p == NULL || BN_num_bits(p) > RSA_BITS_MAX / 2) {
		return false;
	}
	if (q == NULL) {
		AUTO(BIGNUM) left = BN_new();
		q = BN_new();
		if (q == NULL || left == NULL || BN_div(q, left, n, p, work) != 1 || !BN_is_zero(left) ||
		    BN_num_bits(q) > RSA_BITS_MAX / 2) {
			return false;
		}
	}
	return BN_num_bits(p) > 1 && BN_num_bits(q) > 1 && BN_mul(n, p, q, work) == 1 && BN_sub_word(p, 1) == 1 &&
	       BN_sub_word(q, 1) == 1 && BN_mul(p, p, q, work) == 1 && BN_mod_inverse(d, e, p, work) != NULL;
}

static EVP_PKEY *rsa_of_jwk(struct arena *a, const json_t *jwk)
{
	AUTO(OSSL_PARAM_BLD) build = OSSL_PARAM_BLD_new();
	AUTO(BIGNUM) n = number_of(a, jwk, "n");
	AUTO(BIGNUM) e = number_of(a, jwk, "e");
	AUTO(BIGNUM) d = number_of(a, jwk, "d");
	if (n == NULL) {
		n = BN_new();
	}
	bool whole = build != NULL && n != NULL && e != NULL && BN_num_bits(e) <= RSA_EXPONENT_BITS_MAX;
	if (whole && (d == NULL || BN_is_zero(n))) {
		BN_free(d);
		d = BN_new();
		whole = d != NULL && complete_rsa(a, jwk, e, n, d);
	}
	whole = whole && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
	        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d) == 1;
	return whole ? key_of_build("RSA", build) : NULL;
}

/* The public half, uncompressed; it follows from the private one, whatever stands beside it. 0: it is none of this curve. */
static size_t point_of(int nid, const BIGNUM *d, uint8_t point[EC_POINT_MAX])
{
	AUTO(EC_GROUP) group = EC_GROUP_new_by_curve_name(nid);
	AUTO(EC_POINT) public = group == NULL ? NULL : EC_POINT_new(group);
	if (public == NULL || BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(group)) >= 0 ||
	    EC_POINT_mul(group, public, d, NULL, NULL, NULL) != 1) {
		return 0;
	}
	return EC_POINT_point2oct(group, public, POINT_CONVERSION_UNCOMPRESSED, point, EC_POINT_MAX, NULL);
}

static EVP_PKEY *ec_of_jwk(struct arena *a, const json_t *jwk)
{
	static const struct {
		const char *name;
		int nid;
	} curves[] = { { "P-256", NID_X9_62_prime256v1 }, { "P-384", NID_secp384r1 }, { "P-521", NID_secp521r1 } };
	const char *curve = json_string_value(json_object_get(jwk, "crv"));
	size_t i = 0;
	while (curve != NULL && i < COUNT_OF(curves) && strcmp(curves[i].name, curve) != 0) {
		i++;
	}
	AUTO(OSSL_PARAM_BLD) build = OSSL_PARAM_BLD_new();
	AUTO(BIGNUM) d = number_of(a, jwk, "d");
	uint8_t point[EC_POINT_MAX];
	size_t n = curve == NULL || i == COUNT_OF(curves) || d == NULL ? 0 : point_of(curves[i].nid, d, point);
	bool whole = build != NULL && n > 0 &&
	             OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
	             OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, n) == 1 &&
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
	const char *curve = json_string_value(json_object_get(jwk, "crv"));
	if (kty == NULL) { /* it may be left out by who wants it not to be found */
		kty = curve == NULL ? "RSA" : strcmp(curve, "Ed25519") == 0 ? "OKP" : "EC";
	}
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (strcmp(kinds[i].kty, kty) == 0) {
			return kinds[i].make(a, jwk);
		}
	}
	return NULL;
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

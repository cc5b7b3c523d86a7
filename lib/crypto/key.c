#include "lib/crypto/key.h"

#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/oid.h"

struct kind_row {
	const char *name;
	const char *group;      /* of OpenSSL */
	struct bytes algorithm; /* AlgorithmIdentifier in the SPKI: the exact octets of D-6 */
	size_t point_n;         /* octets of the uncompressed point or the raw key */
	enum sigalg sigalg;
};

static const struct kind_row kinds[] = {
	[KEY_OTHER] = { .name = "other" },
	[KEY_RSA] = { .name = "RSA",
	    .algorithm = OCTETS(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00),
	    .sigalg = SIGALG_RSA_SHA256 },
	[KEY_P256] = { .name = "P-256",
	    .group = "prime256v1",
	    .algorithm = OCTETS(0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
	        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07),
	    .point_n = 65,
	    .sigalg = SIGALG_ECDSA_SHA256 },
	[KEY_P384] = { .name = "P-384",
	    .group = "secp384r1",
	    .algorithm = OCTETS(
	        0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22),
	    .point_n = 97,
	    .sigalg = SIGALG_ECDSA_SHA384 },
	[KEY_P521] = { .name = "P-521",
	    .group = "secp521r1",
	    .algorithm = OCTETS(
	        0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23),
	    .point_n = 133,
	    .sigalg = SIGALG_ECDSA_SHA512 },
	[KEY_ED25519] = { .name = "Ed25519", .algorithm = OCTETS(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70), .point_n = 32 },
};

struct sigalg_row {
	struct bytes der; /* D-7 */
	enum digest digest;
};

static const struct sigalg_row sigalgs[] = {
	[SIGALG_RSA_SHA256] = { OCTETS(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05,
	                            0x00),
	    DIGEST_SHA256 },
	[SIGALG_ECDSA_SHA256] = { OCTETS(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02),
	    DIGEST_SHA256 },
	[SIGALG_ECDSA_SHA384] = { OCTETS(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03),
	    DIGEST_SHA384 },
	[SIGALG_ECDSA_SHA512] = { OCTETS(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04),
	    DIGEST_SHA512 },
};

static const char *last_error(struct ctx *c, const char *what)
{
	char text[160] = "no reason given";
	unsigned long code = ERR_peek_last_error();
	if (code != 0) {
		ERR_error_string_n(code, text, sizeof(text));
	}
	ERR_clear_error();
	return arena_printf(c->arena, "%s: %s", what, text);
}

int key_fault(struct ctx *c, const char *what)
{
	return ctx_fault(c, "%s", last_error(c, what));
}

enum key_kind key_kind_of(const EVP_PKEY *key)
{
	if (key == NULL) {
		return KEY_OTHER;
	}
	int id = EVP_PKEY_get_base_id(key);
	if (id == EVP_PKEY_RSA || id == EVP_PKEY_ED25519) {
		return id == EVP_PKEY_RSA ? KEY_RSA : KEY_ED25519;
	}
	char group[32];
	if (id != EVP_PKEY_EC || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1) {
		return KEY_OTHER;
	}
	for (enum key_kind kind = KEY_P256; kind <= KEY_P521; kind++) {
		if (strcmp(kinds[kind].group, group) == 0) {
			return kind;
		}
	}
	return KEY_OTHER;
}

static pthread_once_t no_algorithms_once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *no_algorithms;

static void make_no_algorithms(void)
{
	no_algorithms = OSSL_LIB_CTX_new();
	if (no_algorithms == NULL || OSSL_PROVIDER_load(no_algorithms, "null") == NULL) {
		die("OpenSSL has no null provider");
	}
}

OSSL_LIB_CTX *key_no_algorithms(void)
{
	(void) pthread_once(&no_algorithms_once, make_no_algorithms);
	return no_algorithms;
}

const char *key_kind_name(enum key_kind kind)
{
	return kinds[kind].name;
}

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

static struct bytes bn_integer(struct arena *a, const BIGNUM *number)
{
	size_t n = (size_t) BN_num_bytes(number);
	uint8_t *octets = arena_alloc(a, n);
	BN_bn2bin(number, octets);
	return der_unsigned(a, (struct bytes) { octets, n });
}

static int point_of_token(struct ctx *c, const EVP_PKEY *key, struct bytes *ret)
{
	unsigned char *octets = NULL;
	size_t n = EVP_PKEY_get1_encoded_public_key((EVP_PKEY *) (uintptr_t) key, &octets);
	if (n == 0) {
		return key_fault(c, "a key in a token without its public part");
	}
	*ret = arena_bytes(c->arena, octets, n);
	OPENSSL_free(octets);
	return 0;
}

/* The public key as it stands in the BIT STRING. The library's own encoders take a hundred times as long. */
static int public_octets(struct ctx *c, const EVP_PKEY *key, enum key_kind kind, struct bytes *ret)
{
	if (kind == KEY_RSA) {
		AUTO(BIGNUM) n = NULL;
		AUTO(BIGNUM) e = NULL;
		if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1) {
			return key_fault(c, "an RSA key without its numbers");
		}
		*ret = DER(c->arena, DER_SEQUENCE, bn_integer(c->arena, n), bn_integer(c->arena, e));
		return 0;
	}
	size_t size = 0;
	uint8_t *octets = arena_alloc(c->arena, kinds[kind].point_n);
	if (EVP_PKEY_get0_provider(key) == NULL) { /* a key in a token */
		return point_of_token(c, key, ret);
	}
	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, octets, kinds[kind].point_n, &size) != 1 ||
	    size != kinds[kind].point_n) {
		return key_fault(c, "a key without its public part");
	}
	*ret = (struct bytes) { octets, size };
	return 0;
}

int key_spki(struct ctx *c, const EVP_PKEY *key, struct bytes *ret_spki)
{
	enum key_kind kind = key_kind_of(key);
	struct bytes octets;
	if (kind == KEY_OTHER) {
		return ctx_fault(c, "a key of a kind that is not supported");
	}
	TRY(public_octets(c, key, kind, &octets));
	*ret_spki = DER(c->arena, DER_SEQUENCE, kinds[kind].algorithm, der_bits(c->arena, octets));
	return 0;
}

static int take_spki(struct bytes spki, struct bytes *ret_algorithm, struct bytes *ret_key)
{
	struct bytes content;
	struct bytes bits;
	if (der_take_only(spki, DER_SEQUENCE, &content) != 0) {
		return -1;
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_SEQUENCE, ret_algorithm, NULL) != 0 || der_take(&r, DER_BIT_STRING, NULL, &bits) != 0 ||
	    !der_at_end(&r) || bits.n < 2 || bits.p[0] != 0) {
		return -1;
	}
	*ret_key = (struct bytes) { bits.p + 1, bits.n - 1 };
	return 0;
}

/* D-6: the form is decided on the octets, before the library sees them. */
enum key_kind key_kind_of_spki(struct bytes spki)
{
	struct bytes algorithm;
	struct bytes key;
	if (take_spki(spki, &algorithm, &key) != 0) {
		return KEY_OTHER;
	}
	for (enum key_kind kind = KEY_RSA; kind <= KEY_ED25519; kind++) {
		const struct kind_row *row = &kinds[kind];
		if (!bytes_equal(row->algorithm, algorithm)) {
			continue;
		}
		bool sized = row->point_n == 0 || key.n == row->point_n;
		bool uncompressed = row->group == NULL || key.p[0] == 0x04;
		return sized && uncompressed ? kind : KEY_OTHER;
	}
	return KEY_OTHER;
}

static EVP_PKEY *key_of_params(const char *type, int selection, const OSSL_PARAM *params)
{
	EVP_PKEY *key = NULL;
	AUTO(EVP_PKEY_CTX) make = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (make == NULL || EVP_PKEY_fromdata_init(make) != 1 ||
	    EVP_PKEY_fromdata(make, &key, selection, (OSSL_PARAM *) (uintptr_t) params) != 1) {
		return NULL;
	}
	return key;
}

static pthread_once_t curves_once = PTHREAD_ONCE_INIT;
static EVP_PKEY *curves[KEY_P521 + 1]; /* keys that are a curve and nothing else */

static void make_curves(void)
{
	for (enum key_kind kind = KEY_P256; kind <= KEY_P521; kind++) {
		const OSSL_PARAM params[] = {
			OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *) (uintptr_t) kinds[kind].group, 0),
			OSSL_PARAM_construct_end(),
		};
		curves[kind] = key_of_params("EC", EVP_PKEY_KEY_PARAMETERS, params);
		if (curves[kind] == NULL) {
			die("OpenSSL has no %s", kinds[kind].name);
		}
	}
}

/* The library refuses a point that is not on the curve; with cofactor 1 that is the full validation (F-23). To copy a
 * curve takes it a fifth of the time that it takes to make one. */
static EVP_PKEY *key_of_point(enum key_kind kind, struct bytes point)
{
	(void) pthread_once(&curves_once, make_curves);
	AUTO(EVP_PKEY) key = EVP_PKEY_dup(curves[kind]);
	if (key == NULL || EVP_PKEY_set1_encoded_public_key(key, point.p, point.n) != 1) {
		return NULL;
	}
	EVP_PKEY *made = key;
	key = NULL;
	return made;
}

/* The number of an INTEGER: positive and in its shortest form. */
static int take_number(struct der *r, struct bytes *ret)
{
	TRY(der_take(r, DER_INTEGER, NULL, ret));
	bool padded = ret->n > 1 && ret->p[0] == 0 && (ret->p[1] & 0x80) == 0;
	return ret->n == 0 || (ret->p[0] & 0x80) != 0 || padded ? -1 : 0;
}

static EVP_PKEY *key_of_rsa(struct bytes octets)
{
	struct bytes content;
	struct bytes n;
	struct bytes e;
	if (der_take_only(octets, DER_SEQUENCE, &content) != 0) {
		return NULL;
	}
	struct der r = der_of(content);
	if (take_number(&r, &n) != 0 || take_number(&r, &e) != 0 || !der_at_end(&r)) {
		return NULL;
	}
	AUTO(OSSL_PARAM_BLD) build = OSSL_PARAM_BLD_new();
	AUTO(BIGNUM) modulus = BN_bin2bn(n.p, (int) n.n, NULL);
	AUTO(BIGNUM) exponent = BN_bin2bn(e.p, (int) e.n, NULL);
	if (build == NULL || modulus == NULL || exponent == NULL ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) != 1) {
		return NULL;
	}
	AUTO(OSSL_PARAM) params = OSSL_PARAM_BLD_to_param(build);
	return params == NULL ? NULL : key_of_params("RSA", EVP_PKEY_PUBLIC_KEY, params);
}

/* Anybody can sign for a point of small order. The two lists of bits that differ in the sign only are one row. */
static bool has_small_order(const uint8_t y[32])
{
	static const uint8_t rows[][32] = {
		{ 0 },
		{ 1 },
		{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
		    0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
		{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
		    0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	};
	uint8_t plain[32];
	memcpy(plain, y, sizeof(plain));
	plain[31] &= 0x7f;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (memcmp(rows[i], plain, sizeof(plain)) == 0) {
			return true;
		}
	}
	/* p - 1, and what is p or more: another spelling of a small number (RFC 8032 5.1.3 refuses it). */
	bool top = plain[0] >= 0xec && plain[31] == 0x7f;
	for (size_t i = 1; i < 31 && top; i++) {
		top = plain[i] == 0xff;
	}
	return top;
}

static EVP_PKEY *key_of_octets(enum key_kind kind, struct bytes octets)
{
	if (kind == KEY_RSA) {
		return key_of_rsa(octets);
	}
	if (kind == KEY_ED25519) {
		return has_small_order(octets.p) ? NULL
		                                 : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, octets.p, octets.n);
	}
	return key_of_point(kind, octets);
}

/* D-67, D-69: 2.16.840.1.101.3.4.3.17 to .19, parameters absent (RFC 9881). */
static bool is_ml_dsa(struct bytes spki)
{
	static const uint8_t oid[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03 };
	struct bytes content;
	return der_take_only(spki, DER_SEQUENCE, &content) == 0 && content.n > sizeof(oid) &&
	       memcmp(content.p, oid, sizeof(oid)) == 0 && content.p[sizeof(oid)] >= 17 && content.p[sizeof(oid)] <= 19;
}

int key_of_spki(struct ctx *c, struct bytes spki, EVP_PKEY **ret_key)
{
	enum key_kind kind = spki.n > 4096 ? KEY_OTHER : key_kind_of_spki(spki);
	struct bytes algorithm;
	struct bytes octets;
	if (kind == KEY_OTHER || take_spki(spki, &algorithm, &octets) != 0) {
		if (is_ml_dsa(spki)) {
			return FAIL(
			    c, BAD_PUBLIC_KEY, "ML-DSA keys are not supported: no rule for public certificates permits them yet");
		}
		return FAIL(c, BAD_PUBLIC_KEY, "The kind of key or the form in which it is given is not supported");
	}
	EVP_PKEY *key = key_of_octets(kind, octets);
	if (key == NULL) {
		ctx_cause(c, "%s", last_error(c, "the public key"));
		return FAIL(c, BAD_PUBLIC_KEY, "The public key is not a valid %s key", key_kind_name(kind));
	}
	arena_on_free(c->arena, free_key, key);
	struct bytes again;
	TRY(key_spki(c, key, &again));
	if (key_kind_of(key) != kind || !bytes_equal(spki, again)) {
		ERR_clear_error();
		return FAIL(c, BAD_PUBLIC_KEY, "The public key is not a valid %s key", key_kind_name(kind));
	}
	*ret_key = key;
	return 0;
}

int key_id(struct ctx *c, struct bytes spki, uint8_t ret_id[KEY_ID_SIZE])
{
	struct bytes algorithm;
	struct bytes key;
	if (take_spki(spki, &algorithm, &key) != 0) {
		return ctx_fault(c, "a key identifier of what is no SubjectPublicKeyInfo");
	}
	uint8_t full[SHA256_SIZE];
	sha256_of(key, full);
	memcpy(ret_id, full, KEY_ID_SIZE);
	return 0;
}

enum sigalg sigalg_of_key(const EVP_PKEY *key)
{
	return kinds[key_kind_of(key)].sigalg;
}

struct bytes sigalg_der(enum sigalg alg)
{
	return sigalgs[alg].der;
}

enum sigalg sigalg_of_der(struct bytes der)
{
	for (enum sigalg alg = SIGALG_RSA_SHA256; alg < COUNT_OF(sigalgs); alg++) {
		if (bytes_equal(sigalgs[alg].der, der)) {
			return alg;
		}
	}
	return SIGALG_NONE;
}

static const EVP_MD *md_of(enum digest hash)
{
	switch (hash) {
	case DIGEST_SHA384:
		return EVP_sha384();
	case DIGEST_SHA512:
		return EVP_sha512();
	case DIGEST_SHA256:
	case DIGEST_COUNT:
		break;
	}
	return EVP_sha256();
}

int key_sign(struct ctx *c, EVP_PKEY *key, struct bytes message, struct bytes *ret_signature)
{
	enum sigalg alg = sigalg_of_key(key);
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	size_t n = 0;
	if (alg == SIGALG_NONE || md == NULL || EVP_DigestSignInit(md, NULL, md_of(sigalgs[alg].digest), NULL, key) != 1 ||
	    EVP_DigestSign(md, NULL, &n, message.p, message.n) != 1) {
		return key_fault(c, "a key can't sign");
	}
	uint8_t *signature = arena_alloc(c->arena, n);
	if (EVP_DigestSign(md, signature, &n, message.p, message.n) != 1) {
		return key_fault(c, "EVP_DigestSign");
	}
	*ret_signature = (struct bytes) { signature, n };
	return 0;
}

static bool verify_raw(EVP_PKEY *key, struct bytes message, struct bytes signature)
{
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	return md != NULL && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(md, signature.p, signature.n, message.p, message.n) == 1;
}

/* By digest rather than by message: the digest is already fetched, the message way looks it up at each call. */
static bool verify_digest(EVP_PKEY *key, enum digest hash, struct bytes message, struct bytes signature)
{
	uint8_t digest[DIGEST_SIZE_MAX];
	size_t n = digest_make(hash, &message, 1, digest);
	AUTO(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1) {
		return false;
	}
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
	                                                     EVP_PKEY_CTX_set_signature_md(ctx, md_of(hash)) != 1)) {
		return false;
	}
	return EVP_PKEY_verify(ctx, signature.p, signature.n, digest, n) == 1;
}

bool key_verify_hashed(EVP_PKEY *key, enum digest hash, struct bytes message, struct bytes signature)
{
	bool raw = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
	bool good = raw ? verify_raw(key, message, signature) : verify_digest(key, hash, message, signature);
	ERR_clear_error();
	return good;
}

bool key_verify(EVP_PKEY *key, struct bytes message, struct bytes signature)
{
	enum sigalg alg = sigalg_of_key(key);
	return alg != SIGALG_NONE && key_verify_hashed(key, sigalgs[alg].digest, message, signature);
}

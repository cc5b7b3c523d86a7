#include "cli/account_key.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/folder.h"
#include "lib/crypto/auto_openssl.h"

#define MEMBER_MAX 1024
#define COORDINATE_MAX 66

static const struct {
	enum key_kind kind;
	const char *alg;
	const char *hash;  /* NULL: the key has one of its own */
	const char *curve; /* of a JWK */
	const char *group;
	size_t octets; /* of a coordinate, and of half of a signature */
} kinds[] = {
	{ KEY_RSA, "RS256", "SHA256", NULL, NULL, 0 },
	{ KEY_P256, "ES256", "SHA256", "P-256", "P-256", 32 },
	{ KEY_P384, "ES384", "SHA384", "P-384", "P-384", 48 },
	{ KEY_P521, "ES512", "SHA512", "P-521", "P-521", 66 },
	{ KEY_ED25519, "EdDSA", NULL, NULL, NULL, 0 },
};

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

static struct bytes member(struct arena *a, const json_t *jwk, const char *name)
{
	const json_t *value = json_object_get(jwk, name);
	struct bytes text = { (const uint8_t *) json_string_value(value), json_string_length(value) };
	struct bytes octets = { NULL, 0 };
	return text.p != NULL && text.n <= MEMBER_MAX && base64url_decode(a, text, &octets) == 0
	           ? octets
	           : (struct bytes) { NULL, 0 };
}

static EVP_PKEY *of_params(const char *algorithm, OSSL_PARAM *params)
{
	AUTO(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY *key = NULL;
	if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1) {
		return NULL;
	}
	return key;
}

static EVP_PKEY *rsa_of_jwk(struct arena *a, const json_t *jwk)
{
	static const struct {
		const char *name;
		const char *param;
	} members[] = { { "n", OSSL_PKEY_PARAM_RSA_N }, { "e", OSSL_PKEY_PARAM_RSA_E }, { "d", OSSL_PKEY_PARAM_RSA_D },
		{ "p", OSSL_PKEY_PARAM_RSA_FACTOR1 }, { "q", OSSL_PKEY_PARAM_RSA_FACTOR2 },
		{ "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1 }, { "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2 },
		{ "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1 } };
	BIGNUM *numbers[COUNT_OF(members)] = { NULL };
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	bool whole = build != NULL;
	for (size_t i = 0; i < COUNT_OF(members) && whole; i++) {
		struct bytes octets = member(a, jwk, members[i].name);
		numbers[i] = octets.n == 0 ? NULL : BN_secure_new();
		whole = numbers[i] != NULL && BN_bin2bn(octets.p, (int) octets.n, numbers[i]) != NULL &&
		        OSSL_PARAM_BLD_push_BN(build, members[i].param, numbers[i]) == 1;
	}
	AUTO(OSSL_PARAM) params = whole ? OSSL_PARAM_BLD_to_param(build) : NULL;
	EVP_PKEY *key = of_params("RSA", params);
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		BN_clear_free(numbers[i]);
	}
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *ec_of_jwk(struct arena *a, const json_t *jwk)
{
	const char *curve = json_string_value(json_object_get(jwk, "crv"));
	struct bytes x = member(a, jwk, "x");
	struct bytes y = member(a, jwk, "y");
	struct bytes d = member(a, jwk, "d");
	for (size_t i = 0; i < COUNT_OF(kinds) && curve != NULL; i++) {
		size_t n = kinds[i].octets;
		if (kinds[i].curve == NULL || strcmp(curve, kinds[i].curve) != 0 || x.n != n || y.n != n || d.n == 0 ||
		    d.n > n) {
			continue;
		}
		uint8_t point[1 + 2 * COORDINATE_MAX] = { 4 };
		memcpy(point + 1, x.p, n);
		memcpy(point + 1 + n, y.p, n);
		BIGNUM *secret = BN_bin2bn(d.p, (int) d.n, BN_secure_new());
		OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
		bool whole = secret != NULL && build != NULL &&
		             OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, kinds[i].group, 0) == 1 &&
		             OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n) == 1 &&
		             OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1;
		AUTO(OSSL_PARAM) params = whole ? OSSL_PARAM_BLD_to_param(build) : NULL;
		EVP_PKEY *key = of_params("EC", params);
		OSSL_PARAM_BLD_free(build);
		BN_clear_free(secret);
		return key;
	}
	return NULL;
}

static EVP_PKEY *of_jwk(struct arena *a, const json_t *jwk)
{
	const char *type = json_string_value(json_object_get(jwk, "kty"));
	struct bytes d = member(a, jwk, "d");
	if (type == NULL || d.n == 0) {
		return NULL;
	}
	if (strcmp(type, "OKP") == 0) {
		return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d.p, d.n);
	}
	return strcmp(type, "RSA") == 0 ? rsa_of_jwk(a, jwk) : strcmp(type, "EC") == 0 ? ec_of_jwk(a, jwk) : NULL;
}

static EVP_PKEY *of_pem(struct bytes text)
{
	AUTO(BIO) bio = BIO_new_mem_buf(text.p, (int) text.n);
	char no_pass_phrase[] = "";
	return bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, no_pass_phrase);
}

int account_key_read(struct ctx *c, const char *path, struct account_key_file *ret)
{
	struct bytes text;
	json_t *jwk = NULL;
	TRY(file_read(c, path, &text));
	bool json = text.n > 0 && text.n < INT32_MAX && json_parse(c, text, &jwk) == 0;
	ctx_forgive(c);
	EVP_PKEY *key = text.n >= INT32_MAX ? NULL : json ? of_jwk(c->arena, jwk) : of_pem(text);
	if (key == NULL) {
		ERR_clear_error();
		return FAIL(c, MALFORMED, "%s: holds no private key without pass phrase, neither as PEM nor as a JWK", path);
	}
	arena_on_free(c->arena, free_key, key);
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (kinds[i].kind == key_kind_of(key)) {
			struct jwk public;
			TRY(jwk_of_key(c, key, &public));
			*ret = (struct account_key_file) { key, kinds[i].alg, public.canonical };
			return 0;
		}
	}
	return FAIL(c, MALFORMED, "%s: the key is of no kind that an ACME account has", path);
}

/* RFC 7518 3.4: both numbers in full length, in the place of the DER. */
static int flatten(struct ctx *c, size_t half, struct bytes *signature)
{
	const unsigned char *at = signature->p;
	AUTO(ECDSA_SIG) parsed = d2i_ECDSA_SIG(NULL, &at, (long) signature->n);
	uint8_t *flat = arena_alloc(c->arena, 2 * half);
	if (parsed == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(parsed), flat, (int) half) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), flat + half, (int) half) < 0) {
		return key_fault(c, "a signature");
	}
	*signature = (struct bytes) { flat, 2 * half };
	return 0;
}

static int sign(struct ctx *c, const struct account_key_file *key, struct bytes input, struct bytes *ret)
{
	size_t i = 0;
	while (strcmp(kinds[i].alg, key->alg) != 0) {
		i++;
	}
	AUTO(EVP_MD_CTX) context = EVP_MD_CTX_new();
	size_t n = 0;
	if (context == NULL || EVP_DigestSignInit_ex(context, NULL, kinds[i].hash, NULL, NULL, key->key, NULL) != 1 ||
	    EVP_DigestSign(context, NULL, &n, input.p, input.n) != 1) {
		return key_fault(c, "a signature");
	}
	uint8_t *out = arena_alloc(c->arena, n);
	if (EVP_DigestSign(context, out, &n, input.p, input.n) != 1) {
		return key_fault(c, "a signature");
	}
	*ret = (struct bytes) { out, n };
	return kinds[i].octets == 0 ? 0 : flatten(c, kinds[i].octets, ret);
}

int account_key_sign(
    struct ctx *c, const struct account_key_file *key, const struct account_request *request, struct bytes *ret)
{
	struct buffer head;
	buffer_init(&head, c->arena, 1024);
	buffer_printf(&head, "{\"alg\":\"%s\",\"nonce\":", key->alg);
	buffer_add_json(&head, bytes_of_text(request->nonce));
	buffer_add_text(&head, ",\"url\":");
	buffer_add_json(&head, bytes_of_text(request->url));
	if (request->kid != NULL) {
		buffer_add_text(&head, ",\"kid\":");
		buffer_add_json(&head, bytes_of_text(request->kid));
	} else {
		buffer_printf(&head, ",\"jwk\":%s", key->jwk);
	}
	buffer_add_char(&head, '}');
	const char *protected_header = base64url_encode(c->arena, buffer_bytes(&head));
	const char *encoded = base64url_encode(c->arena, bytes_of_text(request->payload));
	struct bytes signature = { NULL, 0 };
	TRY(sign(c, key, bytes_of_text(arena_printf(c->arena, "%s.%s", protected_header, encoded)), &signature));
	*ret = bytes_of_text(arena_printf(c->arena, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
	    protected_header, encoded, base64url_encode(c->arena, signature)));
	return 0;
}

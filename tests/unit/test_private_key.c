/* Private keys are found in whatever they are wrapped (G-6), and nobody's key is blocked by who does not have it (E-13). */
#include <stdio.h>
#include <time.h>

#include "tests/unit/crypto_test.h"

#include "lib/base/fields.h"
#include "lib/crypto/jwk.h"
#include "lib/crypto/private_key.h"

static const char *const kinds[] = { "rsa2048", "rsa4096", "p256", "p384", "p521", "ed25519" };

static EVP_PKEY *made(struct ctx *c, const char *kind)
{
	EVP_PKEY *key = NULL;
	assert_good(c, key_generate(c, kind, &key));
	return key;
}

static struct bytes der_of_key(struct ctx *c, EVP_PKEY *key, bool pkcs8)
{
	AUTO(BIO) bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	assert_int_equal(
	    pkcs8 ? i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL) : i2d_PrivateKey_bio(bio, key), 1);
	long n = BIO_get_mem_data(bio, &p);
	return arena_bytes(c->arena, p, (size_t) n);
}

static const char *b64(struct ctx *c, struct bytes octets)
{
	return base64url_encode(c->arena, octets);
}

static const char *json_of(struct ctx *c, const char *before, struct bytes inside, const char *after)
{
	return arena_printf(c->arena, "%s%s%s", before, b64(c, inside), after);
}

/* As OpenSSL writes its numbers. */
static const char *number(struct ctx *c, EVP_PKEY *key, const char *name)
{
	AUTO(BIGNUM) value = NULL;
	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &value), 1);
	size_t n = (size_t) BN_num_bytes(value);
	uint8_t *octets = arena_alloc(c->arena, n);
	BN_bn2bin(value, octets);
	return b64(c, (struct bytes) { octets, n });
}

/* A number that its primes do not divide. */
static const char *one_more(struct ctx *c, EVP_PKEY *key, const char *name)
{
	AUTO(BIGNUM) value = NULL;
	uint8_t octets[512];
	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &value), 1);
	assert_int_equal(BN_add_word(value, 1), 1);
	int n = BN_bn2bin(value, octets);
	return b64(c, (struct bytes) { octets, (size_t) n });
}

/* The public members of one key with the secret of another, or its own. */
static const char *private_jwk(struct ctx *c, EVP_PKEY *key, EVP_PKEY *secret)
{
	struct jwk jwk;
	uint8_t raw[32];
	size_t n = sizeof(raw);
	assert_good(c, jwk_of_key(c, key, &jwk));
	const char *d = jwk.kind == KEY_RSA ? number(c, secret, OSSL_PKEY_PARAM_RSA_D) : NULL;
	if (jwk.kind == KEY_ED25519) {
		assert_int_equal(EVP_PKEY_get_raw_private_key(secret, raw, &n), 1);
		d = b64(c, (struct bytes) { raw, n });
	} else if (d == NULL) {
		d = number(c, secret, OSSL_PKEY_PARAM_PRIV_KEY);
	}
	return arena_printf(c->arena, "%.*s,\"d\":\"%s\"}", (int) strlen(jwk.canonical) - 1, jwk.canonical, d);
}

static void assert_found(struct ctx *c, const char *sent, const char *form, EVP_PKEY *whose)
{
	struct private_key found;
	struct jwk proved;
	struct bytes own;
	if (!private_key_find(c->arena, bytes_of_text(sent), &found)) {
		fail_msg("not found in %s", sent);
	}
	assert_string_equal(found.form, form);
	assert_int_equal(private_key_prove(c, &found, &proved), whose != NULL);
	if (whose != NULL) {
		assert_good(c, key_spki(c, whose, &own));
		assert_true(bytes_equal(proved.spki, own));
	}
	assert_int_equal(c->err.type, PROBLEM_NONE);
}

/* G-6: in the protected header, in the payload, in a JWS that is the payload or a member of it, and in a member that is JSON in
 * base64; of each kind. */
static void a_jwk_is_found_wherever_it_stands(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		EVP_PKEY *key = made(c, kinds[i]);
		const char *jwk = private_jwk(c, key, key);
		const char *header = json_of(c, "{\"protected\":\"",
		    bytes_of_text(
		        arena_printf(c->arena, "{\"alg\":\"ES256\",\"jwk\":%s,\"nonce\":\"AAAA\",\"url\":\"u\"}", jwk)),
		    "\",\"payload\":\"\",\"signature\":\"AAAA\"}");
		const char *inner =
		    json_of(c, "{\"payload\":\"", bytes_of_text(header), "\",\"protected\":\"e30\",\"signature\":\"AAAA\"}");
		const char *binding = json_of(c, "{\"payload\":\"",
		    bytes_of_text(
		        json_of(c, "{\"contact\":[],\"externalAccountBinding\":{\"payload\":\"", bytes_of_text(jwk), "\"}}")),
		    "\"}");
		assert_found(c, jwk, "JWK", key);
		assert_found(c, header, "JWK", key);
		assert_found(c, inner, "JWK", key);
		assert_found(c, binding, "JWK", key);
		assert_found(c, arena_printf(c->arena, "{\"a\":[1,{\"b\":[%s]}]}", jwk), "JWK", key);
		assert_found(c, json_of(c, "{\"csr\":\"", bytes_of_text(jwk), "\"}"), "JWK", key);
	}
}

/* G-6: PKCS#8, SEC 1 and PKCS#1, DER and PEM, in either base64, as a certificate request or as the body itself. */
static void a_key_file_is_found(void **state)
{
	struct ctx *c = *state;
	struct bytes pem;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		EVP_PKEY *key = made(c, kinds[i]);
		assert_good(c, key_to_pem(c, key, &pem));
		for (int pkcs8 = 0; pkcs8 < 2; pkcs8++) {
			struct bytes der = der_of_key(c, key, pkcs8 == 1);
			const char *payload = json_of(c, "{\"csr\":\"", der, "\"}");
			assert_found(c,
			    json_of(
			        c, "{\"protected\":\"e30\",\"payload\":\"", bytes_of_text(payload), "\",\"signature\":\"AAAA\"}"),
			    "DER", key);
			assert_found(
			    c, arena_printf(c->arena, "{\"certificate\":\"%s\"}", base64_encode(c->arena, der)), "DER", key);
		}
		const char *text = arena_text_n(c->arena, pem.p, pem.n);
		assert_found(c, text, "PEM", key);
		assert_found(c, json_of(c, "{\"csr\":\"", pem, "\"}"), "PEM", key);
	}
}

/* What can't be read is found all the same: encrypted, cut off, in JSON that is none. */
static void a_broken_one_is_found(void **state)
{
	struct ctx *c = *state;
	EVP_PKEY *key = made(c, "p256");
	const char *jwk = private_jwk(c, key, key);
	AUTO(BIO) bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	assert_int_equal(i2d_PKCS8PrivateKey_bio(bio, key, EVP_aes_256_cbc(), "pass", 4, NULL, NULL), 1);
	long n = BIO_get_mem_data(bio, &p);
	assert_found(c, json_of(c, "{\"csr\":\"", (struct bytes) { (const uint8_t *) p, (size_t) n }, "\"}"), "DER", NULL);
	assert_found(c, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "PEM", NULL);
	assert_found(c, "{\"csr\":\"-----BEGIN PRIVATE KEY-----\\nMIIE\"", "PEM", NULL);
	assert_found(c, arena_printf(c->arena, "{\"jwk\":%s", jwk), "JWK", NULL);
	assert_found(
	    c, arena_printf(c->arena, "{\"protected\":\"%s\",\"payload\":%%}", b64(c, bytes_of_text(jwk))), "JWK", key);
	assert_found(c, "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\"}", "JWK", NULL);
	assert_found(c, "{\"kty\":\"RSA\",\"n\":7,\"e\":[],\"d\":{}}", "JWK", NULL);
}

/* E-13: what is enough to work out the secret is the secret: a prime of the modulus, both without it, a curve's number without the point. */
static void half_a_key_is_enough(void **state)
{
	struct ctx *c = *state;
	EVP_PKEY *key = made(c, "rsa2048");
	struct jwk jwk;
	assert_good(c, jwk_of_key(c, key, &jwk));
	const char *n = number(c, key, OSSL_PKEY_PARAM_RSA_N);
	const char *e = number(c, key, OSSL_PKEY_PARAM_RSA_E);
	const char *p = number(c, key, OSSL_PKEY_PARAM_RSA_FACTOR1);
	const char *q = number(c, key, OSSL_PKEY_PARAM_RSA_FACTOR2);
	const char *head = arena_printf(c->arena, "{\"kty\":\"RSA\",\"e\":\"%s\"", e);
	assert_found(c, arena_printf(c->arena, "%s,\"n\":\"%s\",\"p\":\"%s\"}", head, n, p), "JWK", key);
	assert_found(c, arena_printf(c->arena, "%s,\"n\":\"%s\",\"q\":\"%s\"}", head, n, q), "JWK", key);
	assert_found(c, arena_printf(c->arena, "%s,\"p\":\"%s\",\"q\":\"%s\"}", head, p, q), "JWK", key);
	assert_found(c, arena_printf(c->arena, "%s,\"n\":\"%s\",\"dp\":\"%s\"}", head, n, p), "JWK", NULL);
	/* one is no prime of it, nor is the modulus, nor another's */
	assert_found(c, arena_printf(c->arena, "%s,\"n\":\"%s\",\"p\":\"AQ\"}", head, n), "JWK", NULL);
	assert_found(c, arena_printf(c->arena, "%s,\"n\":\"%s\",\"p\":\"AA\"}", head, n), "JWK", NULL);
	assert_found(c, arena_printf(c->arena, "%s,\"p\":\"%s\"}", head, p), "JWK", NULL);
	assert_found(c, arena_printf(c->arena, "%s,\"n\":\"%s\",\"p\":\"%s\"}", head, n, n), "JWK", NULL);
	assert_found(c, arena_printf(c->arena, "%s,\"n\":\"%s\",\"p\":\"%s\"}", head, n, e), "JWK", NULL);
	const char *next = one_more(c, key, OSSL_PKEY_PARAM_RSA_N);
	assert_found(c, arena_printf(c->arena, "%s,\"n\":\"%s\",\"p\":\"%s\"}", head, next, p), "JWK", NULL);
	key = made(c, "p384");
	const char *d = number(c, key, OSSL_PKEY_PARAM_PRIV_KEY);
	assert_found(c, arena_printf(c->arena, "{\"kty\":\"EC\",\"crv\":\"P-384\",\"d\":\"%s\"}", d), "JWK", key);
	assert_found(c, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"AA\"}", "JWK", NULL);
	assert_found(
	    c, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"__________________________________________8\"}", "JWK", NULL);
	assert_found(c, arena_printf(c->arena, "{\"kty\":\"RSA\",\"p\":\"%s\",", p), "JWK", NULL);
}

static struct bytes joined(struct ctx *c, struct bytes a, struct bytes b)
{
	uint8_t *both = arena_alloc(c->arena, a.n + b.n);
	memcpy(both, a.p, a.n);
	memcpy(both + a.n, b.p, b.n);
	return (struct bytes) { both, a.n + b.n };
}

/* G-6: in an attribute of a certificate request, or behind it. */
static void one_in_a_certificate_request_is_found(void **state)
{
	struct ctx *c = *state;
	EVP_PKEY *own = made(c, "p256");
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		EVP_PKEY *key = made(c, kinds[i]);
		struct bytes pem;
		assert_good(c, key_to_pem(c, key, &pem));
		const struct bytes files[] = { der_of_key(c, key, true), der_of_key(c, key, false), pem };
		for (size_t k = 0; k < COUNT_OF(files); k++) {
			AUTO(X509_REQ) csr = X509_REQ_new();
			uint8_t *der = NULL;
			assert_int_equal(X509_REQ_set_pubkey(csr, own), 1);
			assert_int_equal(X509_REQ_add1_attr_by_NID(
			                     csr, NID_pkcs9_unstructuredName, V_ASN1_OCTET_STRING, files[k].p, (int) files[k].n),
			    1);
			assert_true(X509_REQ_sign(csr, own, EVP_sha256()) > 0);
			int n = i2d_X509_REQ(csr, &der);
			const char *form = k == 2 ? "PEM" : "DER";
			assert_found(c, json_of(c, "{\"csr\":\"", (struct bytes) { der, (size_t) n }, "\"}"), form, key);
			OPENSSL_free(der);
			AUTO(X509_REQ) plain = X509_REQ_new();
			uint8_t *plain_der = NULL;
			assert_int_equal(X509_REQ_set_pubkey(plain, own), 1);
			assert_true(X509_REQ_sign(plain, own, EVP_sha256()) > 0);
			n = i2d_X509_REQ(plain, &plain_der);
			struct bytes both = joined(c, (struct bytes) { plain_der, (size_t) n }, files[k]);
			assert_found(c, json_of(c, "{\"csr\":\"", both, "\"}"), form, key);
			OPENSSL_free(plain_der);
		}
	}
}

/* E-13: who writes another's public key beside a secret of his own blocks nobody, nor does a number of any length take time. */
static void a_key_that_is_not_whole_blocks_nobody(void **state)
{
	struct ctx *c = *state;
	struct private_key found;
	struct jwk proved;
	for (size_t i = 0; i < COUNT_OF(kinds) - 1; i++) {
		EVP_PKEY *victim = made(c, kinds[i]);
		EVP_PKEY *other = made(c, kinds[i]);
		bool rsa = strncmp(kinds[i], "rsa", 3) == 0;
		assert_found(
		    c, private_jwk(c, victim, other), "JWK", rsa ? NULL : other); /* a secret of a curve has one point */
	}
	struct jwk jwk;
	assert_good(c, jwk_of_key(c, made(c, "rsa2048"), &jwk));
	char *d = arena_alloc(c->arena, 40001);
	memset(d, 'A', 40000);
	d[0] = 'B';
	const char *sent = arena_printf(c->arena, "%.*s,\"d\":\"%s\"}", (int) strlen(jwk.canonical) - 1, jwk.canonical, d);
	assert_true(private_key_find(c->arena, bytes_of_text(sent), &found));
	assert_false(private_key_prove(c, &found, &proved));
}

/* G-6: what the sender says how long it takes is not begun: ten million rounds of PBKDF2, scrypt with a large p, a DSA key of 9 kB, and a
 * curve that has no name. */
static void nothing_that_lasts_is_begun(void **state)
{
	static const char *const files[] = { "pbkdf2.pem", "scrypt.pem", "dsa.der", "curve.pem", "curve.der" };
	struct ctx *c = *state;
	clock_t begun = clock();
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct private_key found;
		struct jwk proved;
		char path[64];
		uint8_t octets[16384];
		(void) snprintf(path, sizeof(path), "tests/fuzz/corpus/private_key/%s", files[i]);
		FILE *file = fopen(path, "rb");
		assert_non_null(file);
		const struct bytes sent = { octets, fread(octets, 1, sizeof(octets), file) };
		(void) fclose(file);
		assert_true(private_key_find(c->arena, sent, &found));
		assert_false(private_key_prove(c, &found, &proved));
		assert_true(private_key_find(c->arena, bytes_of_text(json_of(c, "{\"csr\":\"", sent, "\"}")), &found));
		assert_false(private_key_prove(c, &found, &proved));
	}
	assert_true(clock() - begun < CLOCKS_PER_SEC);
}

/* A request with a text in an attribute. */
static const char *request_with(struct ctx *c, const char *text)
{
	AUTO(X509_REQ) csr = X509_REQ_new();
	uint8_t *der = NULL;
	EVP_PKEY *own = made(c, "p256");
	assert_int_equal(X509_REQ_set_pubkey(csr, own), 1);
	assert_int_equal(X509_REQ_add1_attr_by_NID(csr, NID_pkcs9_unstructuredName, V_ASN1_UTF8STRING,
	                     (const uint8_t *) text, (int) strlen(text)),
	    1);
	assert_true(X509_REQ_sign(csr, own, EVP_sha256()) > 0);
	int n = i2d_X509_REQ(csr, &der);
	const char *sent = json_of(c, "{\"csr\":\"", (struct bytes) { der, (size_t) n }, "\"}");
	OPENSSL_free(der);
	return sent;
}

static struct bytes wide(struct ctx *c, struct bytes text)
{
	uint8_t *to = arena_alloc(c->arena, 2 * text.n + 2);
	memcpy(to, "\xff\xfe", 2);
	for (size_t i = 0; i < text.n; i++) {
		to[2 * i + 2] = text.p[i];
		to[2 * i + 3] = 0;
	}
	return (struct bytes) { to, 2 * text.n + 2 };
}

/* G-6, E-13: in text with escapes, without its type, as text in a certificate request, behind a mark, blanks or letters of other alphabets, in
 * two octets a letter: it is found, and the key is known. */
static void a_disguised_one_is_found(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		EVP_PKEY *key = made(c, kinds[i]);
		struct bytes pem;
		assert_good(c, key_to_pem(c, key, &pem));
		json_t *text = json_stringn((const char *) pem.p, pem.n);
		char *escaped = json_dumps(text, JSON_ENCODE_ANY);
		json_decref(text);
		assert_found(c, arena_printf(c->arena, "{\"identifiers\":[{\"value\":%s}]}", escaped), "PEM", key);
		assert_found(c,
		    json_of(c, "{\"payload\":\"", bytes_of_text(arena_printf(c->arena, "{\"kid\":%s}", escaped)), "\"}"), "PEM",
		    key);
		free(escaped);
		const char *jwk = private_jwk(c, key, key);
		const char *kty = strstr(jwk, "\"kty\":\"");
		const char *behind = strchr(kty + 7, ',') + 1;
		const char *untyped = arena_printf(c->arena, "%.*s%s", (int) (kty - jwk), jwk, behind);
		const char *numbered = arena_printf(c->arena, "%.*s\"kty\":1,%s", (int) (kty - jwk), jwk, behind);
		assert_found(c, untyped, "JWK", key);
		assert_found(c, numbered, "JWK", key);
		assert_found(c, arena_printf(c->arena, "{\"key\":%s}", untyped), "JWK", key);
		assert_found(c, request_with(c, jwk), "JWK", key);
		const char *file = base64url_encode(c->arena, der_of_key(c, key, true));
		assert_found(c, request_with(c, file), "DER", key);
		assert_found(c,
		    arena_printf(c->arena, "{\"a\":\"%s%s\"}",
		        "\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\"
		        "n",
		        file),
		    "DER", key);
		assert_found(c,
		    json_of(c, "{\"csr\":\"",
		        bytes_of_text(arena_printf(c->arena, "\xef\xbb\xbf%.*s", (int) pem.n, (const char *) pem.p)), "\"}"),
		    "PEM", key);
		assert_found(c, json_of(c, "{\"csr\":\"", bytes_of_text(arena_printf(c->arena, "\xef\xbb\xbf%s", jwk)), "\"}"),
		    "JWK", key);
		assert_found(c,
		    json_of(c, "{\"csr\":\"", bytes_of_text(arena_printf(c->arena, "{\"kid\":\"M\xc3\xbcller\",%s", jwk + 1)),
		        "\"}"),
		    "JWK", key);
		assert_found(c, json_of(c, "{\"csr\":\"", wide(c, pem), "\"}"), "PEM", key);
		assert_found(c, arena_printf(c->arena, "/acme/new-order?x=%s", file), "DER", key);
	}
}

static void other_things_are_no_private_keys(void **state)
{
	struct ctx *c = *state;
	struct private_key found;
	EVP_PKEY *key = made(c, "rsa2048");
	struct bytes spki;
	struct jwk jwk;
	struct bytes signature;
	AUTO(X509_REQ) csr = X509_REQ_new();
	uint8_t *der = NULL;
	uint8_t *info = NULL;
	assert_good(c, key_spki(c, key, &spki));
	assert_good(c, jwk_of_key(c, key, &jwk));
	assert_good(c, key_sign(c, made(c, "p256"), spki, &signature));
	assert_int_equal(X509_REQ_set_pubkey(csr, key), 1);
	assert_true(X509_REQ_sign(csr, key, EVP_sha256()) > 0);
	int n = i2d_X509_REQ(csr, &der);
	int n_info = i2d_re_X509_REQ_tbs(csr, &info);
	const struct bytes cases[] = { bytes_of_text(jwk.canonical), spki, signature, { der, (size_t) n },
		{ info, (size_t) n_info },
		bytes_of_text("{\"identifiers\":[{\"type\":\"dns\",\"value\":\"private-key.example\"}]}"),
		bytes_of_text("-----BEGIN PUBLIC KEY-----"), { NULL, 0 } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *body = json_of(c, "{\"protected\":\"e30\",\"payload\":\"",
		    bytes_of_text(json_of(c, "{\"csr\":\"", cases[i], "\"}")), "\",\"signature\":\"AAAA\"}");
		assert_false(private_key_find(c->arena, bytes_of_text(body), &found));
		assert_false(private_key_find(c->arena, cases[i], &found));
		assert_null(found.form);
	}
	OPENSSL_free(der);
	OPENSSL_free(info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(a_jwk_is_found_wherever_it_stands),
		WITH_CTX(a_key_file_is_found),
		WITH_CTX(a_broken_one_is_found),
		WITH_CTX(half_a_key_is_enough),
		WITH_CTX(one_in_a_certificate_request_is_found),
		WITH_CTX(a_key_that_is_not_whole_blocks_nobody),
		WITH_CTX(nothing_that_lasts_is_begun),
		WITH_CTX(a_disguised_one_is_found),
		WITH_CTX(other_things_are_no_private_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

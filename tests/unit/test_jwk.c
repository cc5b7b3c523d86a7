/* Account keys, F-23; the examples of RFC 7638 and RFC 8037. */
#include "tests/unit/crypto_test.h"

#include "lib/base/fields.h"
#include "lib/crypto/jwk.h"

#define N_7638 \
	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o" \
	"knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZH" \
	"zu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEg" \
	"U8awapJzKnqDKgw"
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define OKP(x) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" x "\"}"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

static int parse(struct ctx *c, const char *text, struct jwk *ret)
{
	json_t *object = NULL;
	TRY(json_parse(c, bytes_of_text(text), &object));
	return jwk_parse(c, object, ret);
}

/* RFC 7638 3.1 */
static void thumbprint_vector(void **state)
{
	struct ctx *c = *state;
	struct jwk jwk;
	assert_good(
	    c, parse(c, "{\"kty\":\"RSA\",\"n\":\"" N_7638 "\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
	           &jwk));
	assert_int_equal(jwk.kind, KEY_RSA);
	assert_string_equal(jwk.thumbprint_text, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	struct jwk okp;
	assert_good(c,
	    parse(c, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", &okp));
	assert_string_equal(okp.thumbprint_text, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

/* a leading zero in n or e changes nothing */
static void leading_zeros_are_dropped(void **state)
{
	struct ctx *c = *state;
	struct jwk plain;
	struct jwk padded;
	struct bytes n;
	assert_good(c, base64url_decode(c->arena, bytes_of_text(N_7638), &n));
	uint8_t longer[600] = { 0 };
	memcpy(longer + 2, n.p, n.n);
	const char *text = arena_printf(c->arena, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AAEAAQ\"}",
	    base64url_encode(c->arena, (struct bytes) { longer, n.n + 2 }));
	assert_good(c, parse(c, text, &padded));
	assert_good(c, parse(c, "{\"kty\":\"RSA\",\"n\":\"" N_7638 "\",\"e\":\"AQAB\"}", &plain));
	assert_string_equal(padded.canonical, plain.canonical);
	assert_memory_equal(padded.thumbprint, plain.thumbprint, SHA256_SIZE);
}

static void every_kind_comes_back(void **state)
{
	struct ctx *c = *state;
	static const char *const kinds[] = { "rsa2048", "p256", "p384", "p521", "ed25519" };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		EVP_PKEY *key = NULL;
		struct jwk jwk;
		struct jwk again;
		assert_good(c, key_generate(c, kinds[i], &key));
		assert_good(c, jwk_of_key(c, key, &jwk));
		assert_true(strlen(jwk.canonical) < JWK_CANONICAL_MAX);
		assert_good(c, jwk_parse_canonical(c, jwk.canonical, &again));
		assert_int_equal(EVP_PKEY_eq(key, again.key), 1);
		assert_memory_equal(jwk.thumbprint, again.thumbprint, SHA256_SIZE);
		const char *spaced = arena_printf(c->arena, " %s", jwk.canonical);
		assert_problem(c, PROBLEM_SERVER_INTERNAL, jwk_parse_canonical(c, spaced, &again));
	}
}

struct refused {
	enum problem problem;
	const char *text;
};

/* */
static const struct refused refused[] = {
	{ PROBLEM_MALFORMED, "[]" },
	{ PROBLEM_MALFORMED, "{}" },
	{ PROBLEM_MALFORMED, "{\"kty\":1}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"oct\",\"k\":\"AQAB\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"other\"}" },
	{ PROBLEM_MALFORMED, "{\"kty\":\"RSA\",\"e\":\"AQAB\"}" },
	{ PROBLEM_MALFORMED, "{\"kty\":\"RSA\",\"e\":\"AQAB=\",\"n\":\"" N_7638 "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"RSA\",\"e\":\"AQAC\",\"n\":\"" N_7638 "\"}" },    /* even */
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"RSA\",\"e\":\"Aw\",\"n\":\"" N_7638 "\"}" },      /* 3 */
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"RSA\",\"e\":\"AQAAAAE\",\"n\":\"" N_7638 "\"}" }, /* 2^32 + 1 */
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"d\":\"AQAB\",\"n\":\"" N_7638 "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"RSA\",\"e\":\"\",\"n\":\"" N_7638 "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" N_7638 "AA\"}" }, /* even modulus */
	{ PROBLEM_MALFORMED, "{\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}" },
	{ PROBLEM_MALFORMED, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_Y "\",\"y\":\"" EC_X "\"}" }, /* off */
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA" EC_X "A\",\"y\":\"" EC_Y "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"AA\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" EC_X "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}" },
	{ PROBLEM_BAD_PUBLIC_KEY, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}" },
	/* points of small order: 1, with the other sign, of order 8, p - 1 */
	{ PROBLEM_BAD_PUBLIC_KEY, OKP("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") },
	{ PROBLEM_BAD_PUBLIC_KEY, OKP("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA") },
	{ PROBLEM_BAD_PUBLIC_KEY, OKP("xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o") },
	{ PROBLEM_BAD_PUBLIC_KEY, OKP("7P_______________________________________38") },
};

static void bad_keys_are_refused(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		struct jwk jwk;
		print_message("%s\n", refused[i].text);
		assert_problem(c, refused[i].problem, parse(c, refused[i].text, &jwk));
	}
}

static void rsa_sizes(void **state)
{
	struct ctx *c = *state;
	static const struct {
		size_t octets;
		uint8_t top;
	} sizes[] = { { 128, 0xff }, { 255, 0xff }, { 256, 0x7f }, { 513, 0xff } };
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		uint8_t n[600];
		memset(n, 0xff, sizeof(n));
		n[0] = sizes[i].top;
		struct jwk jwk;
		const char *text = arena_printf(c->arena, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}",
		    base64url_encode(c->arena, (struct bytes) { n, sizes[i].octets }));
		assert_problem(c, PROBLEM_BAD_PUBLIC_KEY, parse(c, text, &jwk));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(thumbprint_vector),
		WITH_CTX(leading_zeros_are_dropped),
		WITH_CTX(every_kind_comes_back),
		WITH_CTX(bad_keys_are_refused),
		WITH_CTX(rsa_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Signed requests: A-17..A-25, A-28, A-29, A-39; the examples of RFC 7515 A.3 and RFC 8037 A.4. */
#include "tests/unit/crypto_test.h"

#include "lib/base/fields.h"
#include "lib/crypto/jws.h"

#define HEADER(alg) \
	"{\"alg\":\"" alg "\",\"kid\":\"https://ca.test/acct/1\",\"nonce\":\"AAAA\",\"url\":\"https://ca.test/x\"}"

static const char *b64(struct ctx *c, const char *text)
{
	return base64url_encode(c->arena, bytes_of_text(text));
}

static struct bytes body(struct ctx *c, const char *header, const char *payload, const char *signature)
{
	return bytes_of_text(arena_printf(c->arena, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
	    b64(c, header), b64(c, payload), signature));
}

static struct bytes ecdsa_raw(struct ctx *c, struct bytes der, int half)
{
	const uint8_t *p = der.p;
	AUTO(ECDSA_SIG) sig = d2i_ECDSA_SIG(NULL, &p, (long) der.n);
	assert_non_null(sig);
	uint8_t *raw = arena_alloc(c->arena, (size_t) half * 2);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, half), half);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, half), half);
	return (struct bytes) { raw, (size_t) half * 2 };
}

/* half 0: RSA or Ed25519 */
static struct bytes sign(struct ctx *c, EVP_PKEY *key, const EVP_MD *md, int half, struct bytes message)
{
	AUTO(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
	size_t n = 1024;
	uint8_t *out = arena_alloc(c->arena, n);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, out, &n, message.p, message.n), 1);
	struct bytes signature = { out, n };
	return half == 0 ? signature : ecdsa_raw(c, signature, half);
}

struct algorithm_case {
	const char *alg;
	const char *kind;
	const char *md;
	int half;
};

static const struct algorithm_case algorithms[] = {
	{ "ES256", "p256", "SHA256", 32 },
	{ "ES384", "p384", "SHA384", 48 },
	{ "ES512", "p521", "SHA512", 66 },
	{ "RS256", "rsa2048", "SHA256", 0 },
	{ "EdDSA", "ed25519", NULL, 0 },
};

/* The whole body as a client would send it; *ret_raw gets the signature. */
static struct bytes signed_body(struct ctx *c, const struct algorithm_case *a, EVP_PKEY *key, struct bytes *ret_raw)
{
	const char *header = arena_printf(c->arena,
	    "{\"alg\":\"%s\",\"kid\":\"https://ca.test/acct/1\",\"nonce\":\"AAAA\",\"url\":\"https://ca.test/x\"}", a->alg);
	const char *input = arena_printf(c->arena, "%s.%s", b64(c, header), b64(c, "{}"));
	const EVP_MD *md = a->md == NULL ? NULL : EVP_get_digestbyname(a->md);
	*ret_raw = sign(c, key, md, a->half, bytes_of_text(input));
	return body(c, header, "{}", base64url_encode(c->arena, *ret_raw));
}

/* */
static void every_algorithm_verifies(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
		EVP_PKEY *key = NULL;
		struct bytes raw;
		struct jws jws;
		struct jwk jwk;
		assert_good(c, key_generate(c, algorithms[i].kind, &key));
		assert_good(c, jwk_of_key(c, key, &jwk));
		assert_good(c, jws_parse(c, signed_body(c, &algorithms[i], key, &raw), &jws));
		assert_true(bytes_equal_text(jws.payload, "{}"));
		assert_good(c, jws_verify(c, &jws, &jwk));
		/* one bit of the signature */
		uint8_t *flipped = arena_alloc(c->arena, raw.n);
		memcpy(flipped, raw.p, raw.n);
		flipped[raw.n / 2] ^= 1;
		struct jws bad = jws;
		bad.signature.p = flipped;
		assert_problem(c, PROBLEM_MALFORMED, jws_verify(c, &bad, &jwk));
		/* too short, too long, empty */
		bad.signature = (struct bytes) { raw.p, raw.n - 1 };
		assert_problem(c, PROBLEM_MALFORMED, jws_verify(c, &bad, &jwk));
		uint8_t *longer = arena_alloc(c->arena, raw.n + 1);
		memcpy(longer + 1, raw.p, raw.n);
		bad.signature = (struct bytes) { longer, raw.n + 1 };
		assert_problem(c, PROBLEM_MALFORMED, jws_verify(c, &bad, &jwk));
		bad.signature = (struct bytes) { raw.p, 0 };
		assert_problem(c, PROBLEM_MALFORMED, jws_verify(c, &bad, &jwk));
		/* another payload */
		bad = jws;
		bad.signed_input.n--;
		assert_problem(c, PROBLEM_MALFORMED, jws_verify(c, &bad, &jwk));
	}
}

static bool same_text(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* Both ways to read a request, the short one and that through the general parser, come to the same. */
static void both_ways_come_to_the_same(void **state)
{
	struct ctx *c = *state;
	static const char *const headers[] = { HEADER("ES256"), HEADER("none"), HEADER("HS256"), "{}",
		"{\"alg\":\"ES256\"}", "{\"alg\":\"ES256\",\"kid\":\"k\",\"url\":\"u\"}",
		"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AAAA\"}", "{\"alg\":\"ES256\",\"nonce\":\"AAAA\",\"url\":\"u\"}",
		"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"A=\",\"url\":\"u\"}",
		"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"\",\"url\":\"u\"}",
		"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AAAA\",\"url\":\"u\",\"crit\":\"x\"}",
		"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AAAA\",\"url\":\"u\",\"jwk\":\"x\"}" };
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		/* An unknown number is ignored, and makes body and header other than plain. */
		const char *other = headers[i][1] == '}' ? "{\"x\":1}" : arena_printf(c->arena, "{\"x\":1,%s", headers[i] + 1);
		struct bytes plain = body(c, headers[i], "{}", "AAAA");
		struct bytes odd = body(c, other, "{}", "AAAA\",\"x\":{\"y\":1},\"z\":\"");
		struct jws a = { 0 };
		struct jws b = { 0 };
		int result = jws_parse(c, plain, &a);
		struct err err = c->err;
		ctx_forgive(c);
		assert_int_equal(jws_parse(c, odd, &b), result);
		assert_int_equal(c->err.type, err.type);
		assert_true(same_text(c->err.detail, err.detail));
		ctx_forgive(c);
		assert_true(same_text(a.alg, b.alg) && same_text(a.kid, b.kid) && same_text(a.url, b.url));
		assert_true(same_text(a.nonce, b.nonce) && bytes_equal(a.payload, b.payload));
		assert_true(bytes_equal(a.signature, b.signature));
		assert_int_equal(a.signed_input.n > 0, b.signed_input.n > 0);
	}
}

/* the form that X.509 uses is refused */
static void ecdsa_in_der_is_refused(void **state)
{
	struct ctx *c = *state;
	EVP_PKEY *key = NULL;
	struct jws jws;
	struct bytes raw;
	assert_good(c, key_generate(c, "p256", &key));
	assert_good(c, jws_parse(c, signed_body(c, &algorithms[0], key, &raw), &jws));
	jws.signature = sign(c, key, EVP_sha256(), 0, jws.signed_input);
	assert_problem(c, PROBLEM_MALFORMED, jws_verify_key(c, &jws, key));
}

/* ES256 with a P-384 key and all other pairs that do not fit */
static void algorithm_must_fit_key(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
		EVP_PKEY *key = NULL;
		assert_good(c, key_generate(c, algorithms[i].kind, &key));
		for (size_t j = 0; j < COUNT_OF(algorithms); j++) {
			struct jws jws = {
				.alg = algorithms[j].alg, .signature = bytes_of_text("xx"), .signed_input = { NULL, 0 }
			};
			assert_problem(c, i == j ? PROBLEM_MALFORMED : PROBLEM_BAD_PUBLIC_KEY, jws_verify_key(c, &jws, key));
		}
	}
}

struct vector {
	const char *alg;
	const char *jwk;
	const char *input;
	const char *signature;
};

static const struct vector vectors[] = {
	{ "ES256",
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_"
	    "FEzRu9m36HLN_"
	    "tue659LNpXW6pCyStikYjKIWI5a0\"}",
	    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
	    "cnVlfQ",
	    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q" },
	{ "EdDSA", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
	    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
	    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg" },
};

static void examples_of_the_rfcs(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		json_t *object = NULL;
		struct jwk jwk;
		struct jws jws = { .alg = vectors[i].alg, .signed_input = bytes_of_text(vectors[i].input) };
		assert_good(c, json_parse(c, bytes_of_text(vectors[i].jwk), &object));
		assert_good(c, jwk_parse(c, object, &jwk));
		assert_good(c, base64url_decode(c->arena, bytes_of_text(vectors[i].signature), &jws.signature));
		assert_good(c, jws_verify(c, &jws, &jwk));
	}
}

struct refused {
	enum problem problem;
	const char *header;
};

static const struct refused refused_headers[] = {
	{ PROBLEM_MALFORMED, "" },
	{ PROBLEM_MALFORMED, "[]" },
	{ PROBLEM_MALFORMED, "{}" },
	{ PROBLEM_MALFORMED, HEADER("ES256") "x" }, /* */
	{ PROBLEM_MALFORMED,
	    "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AA\",\"url\":\"u\"}" }, /* */
	{ PROBLEM_MALFORMED, "{\"alg\":1,\"kid\":\"k\",\"nonce\":\"AAAA\",\"url\":\"u\"}" },
	{ PROBLEM_BAD_SIGNATURE_ALGORITHM, HEADER("none") },  /* */
	{ PROBLEM_BAD_SIGNATURE_ALGORITHM, HEADER("HS256") }, /* */
	{ PROBLEM_BAD_SIGNATURE_ALGORITHM, HEADER("PS256") }, /* */
	{ PROBLEM_BAD_SIGNATURE_ALGORITHM, HEADER("es256") },
	{ PROBLEM_MALFORMED, "{\"alg\":\"ES256\",\"nonce\":\"AAAA\",\"url\":\"u\"}" },                          /* */
	{ PROBLEM_MALFORMED, "{\"alg\":\"ES256\",\"kid\":\"k\",\"jwk\":{},\"nonce\":\"AAAA\",\"url\":\"u\"}" }, /* */
	{ PROBLEM_MALFORMED, "{\"alg\":\"ES256\",\"jwk\":\"x\",\"nonce\":\"AAAA\",\"url\":\"u\"}" },
	{ PROBLEM_MALFORMED, "{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AAAA\"}" }, /* */
	{ PROBLEM_BAD_NONCE, "{\"alg\":\"ES256\",\"kid\":\"k\",\"url\":\"u\"}" },      /* */
	{ PROBLEM_BAD_NONCE, "{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"\",\"url\":\"u\"}" },
	{ PROBLEM_MALFORMED, "{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"a=b\",\"url\":\"u\"}" }, /* */
	{ PROBLEM_MALFORMED, "{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":7,\"url\":\"u\"}" },
	{ PROBLEM_MALFORMED, "{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AAAA\",\"url\":\"u\",\"crit\":[]}" }, /* */
	{ PROBLEM_MALFORMED, "{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AAAA\",\"url\":\"u\",\"b64\":false}" },
};

static void bad_headers_are_refused(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(refused_headers); i++) {
		struct jws jws;
		print_message("%s\n", refused_headers[i].header);
		assert_problem(
		    c, refused_headers[i].problem, jws_parse(c, body(c, refused_headers[i].header, "{}", "AAAA"), &jws));
	}
}

/* */
static void bad_bodies_are_refused(void **state)
{
	struct ctx *c = *state;
	const char *h = b64(c, HEADER("ES256"));
	static const char *const forms[] = {
		"%s.e30.AAAA",
		"\"%s\"",
		"{\"protected\":\"%s\",\"signature\":\"AAAA\"}",
		"{\"protected\":\"%s\",\"payload\":\"\"}",
		"{\"protected\":\"%s\",\"payload\":null,\"signature\":\"AAAA\"}",
		"{\"protected\":\"%s\",\"payload\":\"\",\"signature\":\"AAAA\",\"header\":{}}",
		"{\"protected\":\"%s\",\"payload\":\"\",\"signature\":\"AAAA\",\"signatures\":[]}",
		"{\"protected\":\"%s\",\"payload\":\"\",\"payload\":\"\",\"signature\":\"AAAA\"}",
		"{\"protected\":\"%s\",\"payload\":\"e30=\",\"signature\":\"AAAA\"}",
		"{\"protected\":\"%s\",\"payload\":\"\",\"signature\":\"AA+A\"}",
		"{\"protected\":\"%s=\",\"payload\":\"\",\"signature\":\"AAAA\"}",
		"{\"protected\":\"%s\",\"payload\":\"\",\"signature\":\"AAAA\"} {}",
	};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct jws jws;
		print_message("%s\n", forms[i]);
		const char *at = strstr(forms[i], "%s");
		const char *text = arena_printf(c->arena, "%.*s%s%s", (int) (at - forms[i]), forms[i], h, at + 2);
		assert_problem(c, PROBLEM_MALFORMED, jws_parse(c, bytes_of_text(text), &jws));
	}
	struct jws jws;
	assert_good(c, jws_parse(c, body(c, HEADER("ES256"), "", "AAAA"), &jws)); /* POST-as-GET */
	assert_int_equal(jws.payload.n, 0);
}

/* */
static void inner_kinds(void **state)
{
	struct ctx *c = *state;
	static const char eab[] = "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"https://ca.test/x\"}";
	json_t *object = NULL;
	struct jws jws;
	const char *input = arena_printf(c->arena, "%s.%s", b64(c, eab), b64(c, "{}"));
	uint8_t mac[SHA256_SIZE];
	const struct bytes message = bytes_of_text(input);
	hmac_sha256(bytes_of_text("key"), &message, 1, mac);
	struct bytes text = body(c, eab, "{}", base64url_encode(c->arena, (struct bytes) { mac, sizeof(mac) }));
	assert_good(c, json_parse(c, text, &object));
	assert_good(c, jws_parse_object(c, JWS_EAB, object, &jws));
	assert_good(c, jws_verify_mac(c, &jws, bytes_of_text("key")));
	assert_problem(c, PROBLEM_UNAUTHORIZED, jws_verify_mac(c, &jws, bytes_of_text("kez")));
	assert_problem(c, PROBLEM_BAD_SIGNATURE_ALGORITHM, jws_parse_object(c, JWS_KEY_CHANGE, object, &jws));
	assert_good(c, json_parse(c, body(c, HEADER("ES256"), "{}", "AAAA"), &object));
	assert_problem(c, PROBLEM_MALFORMED, jws_parse_object(c, JWS_KEY_CHANGE, object, &jws)); /* kid and nonce inside */
	assert_problem(c, PROBLEM_MALFORMED, jws_parse_object(c, JWS_EAB, object, &jws));
}

/* RFC 4231 test cases 2 and 6 with each digest, and the three algorithms of a binding */
static void macs_of_a_binding(void **state)
{
	struct ctx *c = *state;
	static const struct {
		const char *alg;
		enum digest digest;
		const char *begins; /* of HMAC(key "Jefe", "what do ya want for nothing?") */
		const char *long_begins;
	} cases[] = {
		{ "HS256", DIGEST_SHA256, "5bdcc146bf60754e6a042426089575c7", "60e431591ee0b67f0d8a26aacbf5b77f" },
		{ "HS384", DIGEST_SHA384, "af45d2e376484031617f78d2b58a6b1b", "4ece084485813e9088d2c63a041bc5b4" },
		{ "HS512", DIGEST_SHA512, "164b7a7bfcf819e2e395fbe73b56e0a3", "80b24263c7c1a3ebb71493c1dd7be8b4" },
	};
	const struct bytes question = bytes_of_text("what do ya want for nothing?");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t mac[DIGEST_SIZE_MAX];
		assert_true(hmac_make(cases[i].digest, bytes_of_text("Jefe"), &question, 1, mac) >= 32);
		assert_string_equal(hex_encode(c->arena, (struct bytes) { mac, 16 }), cases[i].begins);
		uint8_t long_key[131]; /* test case 6 */
		memset(long_key, 0xaa, sizeof(long_key));
		const struct bytes hashed = bytes_of_text("Test Using Larger Than Block-Size Key - Hash Key First");
		(void) hmac_make(cases[i].digest, (struct bytes) { long_key, sizeof(long_key) }, &hashed, 1, mac);
		assert_string_equal(hex_encode(c->arena, (struct bytes) { mac, 16 }), cases[i].long_begins);
		const char *header =
		    arena_printf(c->arena, "{\"alg\":\"%s\",\"kid\":\"k\",\"url\":\"https://ca.test/x\"}", cases[i].alg);
		struct bytes input = bytes_of_text(arena_printf(c->arena, "%s.%s", b64(c, header), b64(c, "{}")));
		size_t n = hmac_make(cases[i].digest, bytes_of_text("key"), &input, 1, mac);
		json_t *object = NULL;
		struct jws jws;
		assert_good(
		    c, json_parse(c, body(c, header, "{}", base64url_encode(c->arena, (struct bytes) { mac, n })), &object));
		assert_good(c, jws_parse_object(c, JWS_EAB, object, &jws));
		assert_good(c, jws_verify_mac(c, &jws, bytes_of_text("key")));
		jws.alg = cases[(i + 1) % COUNT_OF(cases)].alg; /* the length alone would not tell */
		assert_problem(c, PROBLEM_UNAUTHORIZED, jws_verify_mac(c, &jws, bytes_of_text("key")));
		jws.alg = "ES256";
		assert_problem(c, PROBLEM_MALFORMED, jws_verify_mac(c, &jws, bytes_of_text("key")));
	}
}

/* each one named works, which every_algorithm_verifies shows. */
static void algorithms_are_named(void **state)
{
	(void) state;
	size_t n = 0;
	for (const char *const *p = jws_algorithms(); *p != NULL; p++) {
		bool known = false;
		for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
			known = known || strcmp(algorithms[i].alg, *p) == 0;
		}
		assert_true(known);
		n++;
	}
	assert_int_equal(n, COUNT_OF(algorithms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(every_algorithm_verifies),
		WITH_CTX(both_ways_come_to_the_same),
		WITH_CTX(ecdsa_in_der_is_refused),
		WITH_CTX(algorithm_must_fit_key),
		WITH_CTX(examples_of_the_rfcs),
		WITH_CTX(bad_headers_are_refused),
		WITH_CTX(bad_bodies_are_refused),
		WITH_CTX(inner_kinds),
		WITH_CTX(macs_of_a_binding),
		WITH_CTX(algorithms_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

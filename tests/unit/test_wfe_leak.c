/* link: wfe */
/* A request that carries a private key: refused, not recorded, and the key blocked (G-6, E-13). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

/* The JWK of alice with its secret. */
static const char *secret_jwk(void)
{
	AUTO(BIGNUM) d = NULL;
	uint8_t octets[32];
	assert_int_equal(EVP_PKEY_get_bn_param(t.alice.key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
	assert_int_equal(BN_bn2binpad(d, octets, sizeof(octets)), 32);
	return arena_printf(t.c.arena, "%.*s,\"d\":\"%s\"}", (int) strlen(t.alice.jwk.canonical) - 1, t.alice.jwk.canonical,
	    base64url_encode(t.c.arena, (struct bytes) { octets, sizeof(octets) }));
}

static const char *pkcs8(bool pem)
{
	AUTO(BIO) bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	assert_int_equal(pem ? PEM_write_bio_PKCS8PrivateKey(bio, t.alice.key, NULL, NULL, 0, NULL, NULL)
	                     : i2d_PKCS8PrivateKey_bio(bio, t.alice.key, NULL, NULL, 0, NULL, NULL),
	    1);
	long n = BIO_get_mem_data(bio, &p);
	return base64url_encode(t.c.arena, (struct bytes) { (const uint8_t *) p, (size_t) n });
}

static const char *header_with(const char *jwk, const char *nonce, const char *url)
{
	return arena_printf(t.c.arena, "{\"alg\":\"ES256\",\"jwk\":%s,\"nonce\":\"%s\",\"url\":\"%s\"}", jwk, nonce, url);
}

static void assert_leaked(const char *type)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(t.alice.jwk.spki, digest);
	assert_problem(400, type);
	assert_string_equal(t.called, "block_key");
	assert_true(bytes_equal(t.blocked_key, (struct bytes) { digest, sizeof(digest) }));
	struct record_begin begin = last_begin();
	assert_false(begin.has_body);
	assert_true(begin.body_octets > 0);
	assert_string_equal(last_end().rule, "key.private");
	assert_null(strstr(t.body, "\"d\""));
	t.blocked_key.n = 0;
}

/* G-6 */
static void a_private_key_is_refused_in_every_place(void **state)
{
	struct arena *a = t.c.arena;
	const char *jwk = secret_jwk();
	const char *finalize = arena_printf(a, "%s/finalize", object_path("order", t.order.id));
	(void) state;
	const struct {
		const char *path;
		const char *payload;
		const char *type;
	} cases[] = {
		{ "/acme/new-order", arena_printf(a, "{\"identifiers\":[],\"key\":%s}", jwk), "badPublicKey" },
		{ finalize, arena_printf(a, "{\"csr\":\"%s\"}", pkcs8(false)), "badCSR" },
		{ finalize, arena_printf(a, "{\"csr\":\"%s\"}", pkcs8(true)), "badCSR" },
		{ "/acme/revoke-cert", arena_printf(a, "{\"certificate\":\"%s\"}", pkcs8(false)), "malformed" },
		{ "/acme/key-change", jws_of(&t.alice, header_with(jwk, "AAAA", BASE "/acme/key-change"), "{}"),
		    "badPublicKey" },
		{ "/acme/nothing", arena_printf(a, "{\"key\":%s}", jwk), "badPublicKey" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		(void) post_as(&t.alice, cases[i].path, cases[i].payload);
		assert_leaked(cases[i].type);
	}
	const char *binding = jws_of(&t.bob, "{\"alg\":\"HS256\",\"kid\":\"k\",\"url\":\"u\"}", jwk);
	(void) post_with_key(&t.bob, "/acme/new-account", arena_printf(a, "{\"externalAccountBinding\":%s}", binding));
	assert_leaked("badPublicKey");
	(void) post("/acme/new-account", jws_of(&t.alice, header_with(jwk, fresh_nonce(), BASE "/acme/new-account"), "{}"));
	assert_leaked("badPublicKey");
	(void) post("/acme/new-account", arena_printf(a, "{\"protected\":%s", jwk)); /* which the server can't read */
	assert_problem(400, "badPublicKey");
	assert_false(last_begin().has_body);
}

/* G-6: header fields are recorded, too. */
static void a_private_key_in_the_header_is_refused(void **state)
{
	static const char *const names[] = { "User-Agent", "Accept-Language", "X-Key" };
	const char *const values[] = { secret_jwk(), pkcs8(false), pkcs8(true) };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(names) * COUNT_OF(values); i++) {
		header_in(names[i / COUNT_OF(values)], values[i % COUNT_OF(values)]);
		(void) post_as(&t.bob, "/acme/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}");
		assert_problem(400, i % COUNT_OF(values) == 0 ? "badPublicKey" : "malformed");
		assert_string_equal(t.called, "block_key");
		struct record_begin begin = last_begin();
		assert_false(begin.has_body);
		assert_null(begin.user_agent);
		assert_null(begin.accept_language);
		assert_null(begin.headers);
	}
	header_in("User-Agent", "a client with a name that is as long as those of browsers are, and no key");
	(void) post_as(&t.bob, "/acme/new-order", "{}");
	assert_true(last_begin().has_body);
	assert_non_null(last_begin().user_agent);
	assert_non_null(last_begin().headers);
}

/* Another front end, or none: what can't be blocked just now is refused all the same, and its nonce is gone. */
static void a_failure_to_block_is_told(void **state)
{
	const char *nonce = fresh_nonce();
	const char *header = header_kid(t.alice.kid, nonce, BASE "/acme/new-order");
	(void) state;
	t.ra_problem = PROBLEM_UNAVAILABLE;
	(void) post("/acme/new-order", jws_of(&t.alice, header, secret_jwk()));
	assert_problem(503, "serverInternal");
	assert_false(last_begin().has_body);
	t.ra_problem = PROBLEM_NONE;
	(void) post(
	    "/acme/new-order", jws_of(&t.alice, header, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}"));
	assert_problem(400, "badNonce");
}

/* B-18: proofs cost work, so who sends key after key has to wait. */
static void key_after_key_is_limited(void **state)
{
	(void) state;
	t.config.wfe.visits_per_minute = 1;
	t.config.wfe.visits_at_once = 1;
	t.front.visits = visits_new(t.c.arena, &t.config.wfe);
	(void) post_as(&t.alice, "/acme/new-order", secret_jwk());
	assert_leaked("badPublicKey");
	(void) post_as(&t.alice, "/acme/new-order", secret_jwk());
	assert_problem(429, "rateLimited");
	assert_false(last_begin().has_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_private_key_is_refused_in_every_place, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(a_private_key_in_the_header_is_refused, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(a_failure_to_block_is_told, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(key_after_key_is_limited, fake_setup, fake_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* link: wfe */
/* keyChange at the front end: the two signatures, and caches that know an older key. RFC 8555 7.3.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

#define KEY_CHANGE "/acme/key-change"

static struct signer fresh_signer(void)
{
	struct signer s;
	signer_init(&s, NULL);
	arena_on_free(t.c.arena, (void (*)(void *)) EVP_PKEY_free, s.key);
	return s;
}

static const char *inner_header(const struct signer *s)
{
	return arena_printf(t.c.arena, "{\"alg\":\"ES256\",\"jwk\":%s,\"url\":\"" BASE KEY_CHANGE "\"}", s->jwk.canonical);
}

static const char *inner_payload(const char *account, const struct signer *old)
{
	return arena_printf(t.c.arena, "{\"account\":\"%s\",\"oldKey\":%s}", account, old->jwk.canonical);
}

static void a_key_is_changed(void **state)
{
	(void) state;
	struct signer next = fresh_signer();
	const char *payload = jws_of(&next, inner_header(&next), inner_payload(t.alice.kid, &t.alice));
	assert_int_equal(post_as(&t.alice, KEY_CHANGE, payload), 200); /* */
	assert_string_equal(t.called, "change_key");
	assert_true(id_equal(t.change_key.account_id, t.alice.id));
	assert_memory_equal(t.change_key.thumbprint.p, t.alice.jwk.thumbprint, SHA256_SIZE);
	assert_string_equal(t.change_key.key, next.jwk.canonical);
	assert_non_null(strstr(t.body, "\"status\":\"valid\""));
	assert_non_null(strstr(t.body, "/orders\""));
	/* the same old key with its members in another order */
	json_t *jwk = json_loads(t.alice.jwk.canonical, 0, NULL);
	const char *x = json_string_value(json_object_get(jwk, "x"));
	const char *y = json_string_value(json_object_get(jwk, "y"));
	const char *old = arena_printf(t.c.arena,
	    "{\"account\":\"%s\",\"oldKey\":{\"y\":\"%s\",\"x\":\"%s\",\"use\":\"sig\",\"kty\":\"EC\",\"crv\":\"P-256\"}}",
	    t.alice.kid, y, x);
	json_decref(jwk);
	assert_int_equal(post_as(&t.alice, KEY_CHANGE, jws_of(&next, inner_header(&next), old)), 200);
	t.ra_problem = PROBLEM_KEY_CONFLICT;
	t.ra_location = t.bob.kid;
	(void) post_as(&t.alice, KEY_CHANGE, payload);
	assert_problem(409, "malformed"); /* */
	assert_non_null(answer_header("Location", t.bob.kid));
}

static void refused(const char *payload, const char *type)
{
	(void) post_as(&t.alice, KEY_CHANGE, payload);
	assert_problem(400, type); /* */
	assert_null(t.called);
}

static void each_check_fails_alone(void **state)
{
	(void) state;
	struct signer next = fresh_signer();
	const char *head = inner_header(&next);
	const char *good = inner_payload(t.alice.kid, &t.alice);
	refused("{}", "malformed");
	refused("", "malformed");
	refused(good, "malformed");                         /* no JWS */
	refused(jws_of(&t.alice, head, good), "malformed"); /* signed by another than its jwk */
	refused(
	    jws_of(&next,
	        arena_printf(t.c.arena, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"url\":\"" BASE KEY_CHANGE "\"}", t.alice.kid),
	        good),
	    "malformed");
	refused(jws_of(&next,
	            arena_printf(t.c.arena, "{\"alg\":\"ES256\",\"jwk\":%s,\"url\":\"" BASE "/acme/new-order\"}",
	                next.jwk.canonical),
	            good),
	    "malformed");
	refused(jws_of(&next, header_jwk(&next, fresh_nonce(), BASE KEY_CHANGE), good), "malformed"); /* a nonce inside */
	refused(jws_of(&next, arena_printf(t.c.arena, "{\"alg\":\"ES256\",\"jwk\":%s}", next.jwk.canonical), good),
	    "malformed");
	refused(jws_of(&next,
	            arena_printf(
	                t.c.arena, "{\"alg\":\"HS256\",\"jwk\":%s,\"url\":\"" BASE KEY_CHANGE "\"}", next.jwk.canonical),
	            good),
	    "badSignatureAlgorithm");
	refused(jws_of(&next, head, inner_payload(t.bob.kid, &t.alice)), "malformed");
	refused(jws_of(&next, head, inner_payload(t.alice.kid, &t.bob)), "malformed");
	refused(jws_of(&next, head, inner_payload(t.alice.kid, &next)), "malformed");
	refused(jws_of(&next, head, "[]"), "malformed");
	refused(jws_of(&next, head, "not JSON"), "malformed");
	refused(jws_of(&next, head, "{\"account\":\"x\"}"), "malformed");
	refused(jws_of(&next, head, arena_printf(t.c.arena, "{\"oldKey\":%s}", t.alice.jwk.canonical)), "malformed");
	refused(
	    jws_of(&next, head, arena_printf(t.c.arena, "{\"account\":\"%s\",\"oldKey\":1}", t.alice.kid)), "malformed");
	t.bob.status = "deactivated";
	(void) post_as(&t.bob, KEY_CHANGE, jws_of(&next, head, inner_payload(t.bob.kid, &t.bob)));
	assert_problem(401, "unauthorized");
	assert_null(t.called);
}

/* What another front end changed: the new key works at once; the old one may have been read with for the life of the cache,
 * and no longer once the new one was seen. */
static void a_key_that_was_changed_elsewhere(void **state)
{
	(void) state;
	const char *account = t.alice.kid + strlen(BASE);
	struct signer old = t.alice;
	struct signer next = fresh_signer();
	assert_int_equal(post_as(&t.alice, account, ""), 200); /* cached */
	t.alice.jwk = next.jwk;
	t.alice.key = next.key;
	assert_int_equal(post_as(&t.alice, account, ""), 200);
	(void) post_as(&old, account, "");
	assert_problem(400, "malformed"); /* */
	assert_int_equal(post_as(&t.alice, account, ""), 200);
	t.alice.key = old.key; /* the tear-down frees it */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_key_is_changed),
		CASE(each_check_fails_alone),
		CASE(a_key_that_was_changed_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* link: ra */
/* Orders for onion services: what is offered and responded, and what finalize asks for. B-35, B-36, B-37, B-38, B-39. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "ra/onion_caa.h"
#include "tests/unit/ra_world.h"

#define SERVICE "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion"

static int set_up(void **state)
{
	static const char *challenges[] = { "http-01", "dns-01", "onion-csr-01" };
	test_config.policy.challenges = (struct text_list) { challenges, COUNT_OF(challenges) };
	return group_setup(state);
}

static struct bytes make_csr(struct ctx *c, EVP_PKEY *key, const char *name)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	X509_EXTENSION *extension =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, arena_printf(c->arena, "DNS:%s", name));
	assert_non_null(extension);
	sk_X509_EXTENSION_push(list, extension);
	X509_REQ_add_extensions(req, list);
	X509_REQ_set_pubkey(req, key);
	assert_true(X509_REQ_sign(req, key, key_kind_of(key) == KEY_ED25519 ? NULL : EVP_sha256()) > 0);
	unsigned char *der = NULL;
	int size = i2d_X509_REQ(req, &der);
	assert_true(size > 0);
	struct bytes copy = arena_bytes(c->arena, der, (size_t) size);
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(req);
	return copy;
}

static int respond(struct fixture *f, struct id challenge, struct bytes response, struct authorization *ret)
{
	struct start_challenge_request in = { .account_id = f->account.id,
		.thumbprint = f->account.thumbprint,
		.challenge_id = challenge,
		.response = response,
		.hold_ms = 5000 };
	ctx_forgive(&f->c);
	return ra_start_challenge_serve(&f->c, &in, ret);
}

/* What the database takes for a request: the fake validation authority keeps it as it is. */
static struct bytes response_to(struct fixture *f, const struct challenge *challenge)
{
	struct bytes nonce;
	assert_int_equal(base64url_decode(f->c.arena, bytes_of_text(challenge->token), &nonce), 0);
	assert_true(nonce.n >= 8);
	uint8_t *response = arena_alloc(f->c.arena, nonce.n + 2);
	memcpy(response + 1, nonce.p, nonce.n);
	return (struct bytes) { response, nonce.n + 2 };
}

static void ready(struct fixture *f, const char *name, struct order *ret)
{
	assert_int_equal(order_one(f, name, ret), 0);
	struct authorization a = authorization_of(f, ret, 0);
	assert_int_equal(respond(f, a.challenges.v[0].id, response_to(f, &a.challenges.v[0]), &a), 0);
	assert_string_equal(a.status, "valid");
}

/* Nothing else is offered, also to names and wildcards below a service. */
static void offers(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	static const char *const names[] = { SERVICE, "www." SERVICE, "*." SERVICE };
	fixture_init(&f);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(order_one(&f, names[i], &order), 0);
		struct authorization a = authorization_of(&f, &order, 0);
		assert_int_equal(a.challenges.n, 1);
		assert_string_equal(a.challenges.v[0].type, "onion-csr-01");
	}
	assert_int_equal(order_one(&f, "facebookcorewwwi.onion", &order), -1);
	assert_int_equal(f.c.err.type, PROBLEM_REJECTED_IDENTIFIER);
	ctx_done(&f.c);
}

/* Without a request nothing is begun and nothing is lost; with one it is part of the job and of the record. */
static void responses(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	assert_int_equal(order_one(&f, SERVICE, &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	const struct challenge challenge = a.challenges.v[0];
	assert_int_equal(respond(&f, challenge.id, (struct bytes) { NULL, 0 }, &a), -1);
	assert_int_equal(f.c.err.type, PROBLEM_MALFORMED);
	assert_non_null(strstr(f.c.err.detail, "member \"csr\""));
	assert_string_equal(authorization_of(&f, &order, 0).challenges.v[0].status, "pending");
	assert_int_equal(va_calls, 0);
	assert_int_equal(respond(&f, challenge.id, response_to(&f, &challenge), &a), 0);
	assert_string_equal(a.status, "valid");
	assert_int_equal(
	    respond(&f, challenge.id, (struct bytes) { NULL, 0 }, &a), 0); /* it only shows what became of it */
	pg_assert_value("SELECT rule FROM log.validation WHERE method = 'onion-csr-01'",
	    "BR Appendix B 2.b (RFC 9799; one perspective: BR 3.2.2.9)"); /* B-39 */
	pg_assert_value("SELECT octet_length(response) FROM acme.authz WHERE response IS NOT NULL", "34");
	ctx_done(&f.c);
}

/* What a client sends along to other challenges is nobody's concern. */
static void other_methods(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	assert_int_equal(order_one(&f, "other.test", &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	assert_string_equal(a.challenges.v[0].type, "http-01");
	assert_int_equal(respond(&f, a.challenges.v[0].id, bytes_of_text("something"), &a), 0);
	assert_string_equal(a.status, "valid");
	pg_assert_value(
	    "SELECT count(*) FROM acme.authz WHERE identifier_value = 'other.test' AND response IS NOT NULL", "0");
	ctx_done(&f.c);
}

/* A request that was refused is not looked at again, however many attempts there are. */
static void refusals_are_final(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	test_config.ra.validation_attempts = 3;
	va_does = VA_REFUSES;
	assert_int_equal(order_one(&f, "refused." SERVICE, &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	assert_int_equal(respond(&f, a.challenges.v[0].id, response_to(&f, &a.challenges.v[0]), &a), 0);
	assert_string_equal(a.status, "invalid");
	assert_int_equal(va_calls, 1);
	ctx_done(&f.c);
}

/* Who takes the job when its first try came to nothing has the request too. */
static void jobs_keep_the_request(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	f.c.request_id = id_new();
	va_does = VA_IS_DEAD;
	assert_int_equal(order_one(&f, "later." SERVICE, &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	struct start_challenge_request in = { .account_id = f.account.id,
		.thumbprint = f.account.thumbprint,
		.challenge_id = a.challenges.v[0].id,
		.response = response_to(&f, &a.challenges.v[0]) };
	assert_int_equal(ra_start_challenge_serve(&f.c, &in, &a), 0);
	assert_string_equal(a.status, "pending");
	va_does = VA_PASSES;
	for (int i = 0; i < 300 && strcmp(authorization_of(&f, &order, 0).status, "valid") != 0; i++) {
		(void) usleep(50000);
	}
	assert_string_equal(authorization_of(&f, &order, 0).status, "valid");
	ctx_done(&f.c);
}

/* ---- finalize ---- */

static int finalize(struct fixture *f, struct id order, struct bytes csr, const char *sets, struct order *ret)
{
	struct finalize_order_request in = {
		.account_id = f->account.id, .thumbprint = f->account.thumbprint, .order_id = order, .csr = csr
	};
	ctx_forgive(&f->c);
	if (sets != NULL) {
		assert_int_equal(json_parse(&f->c, bytes_of_text(sets), &in.onion_caa), 0);
	}
	return ra_finalize_order_serve(&f->c, &in, ret);
}

#define SET(members) "{\"" SERVICE "\":{" members "}}"

/* B-38: no set, or one that is no set: nothing is asked of anybody, and the order stays. */
static void sets(void **state)
{
	(void) state;
	static const struct {
		const char *sets;
		enum problem problem;
		const char *words;
	} rows[] = {
		{ NULL, PROBLEM_ONION_CAA_REQUIRED, "an entry for " SERVICE },
		{ "null", PROBLEM_ONION_CAA_REQUIRED, "an entry for " SERVICE },
		{ "{}", PROBLEM_ONION_CAA_REQUIRED, "an entry for " SERVICE },
		{ "[]", PROBLEM_ONION_CAA_REQUIRED, "an entry for " SERVICE },
		{ "{\"www." SERVICE "\":{}}", PROBLEM_ONION_CAA_REQUIRED, "an entry for " SERVICE },
		{ SET(""), PROBLEM_MALFORMED, "no member \"caa\"" },
		{ "{\"" SERVICE "\":7}", PROBLEM_MALFORMED, "no member \"caa\"" },
		{ SET("\"caa\":7,\"expiry\":1,\"signature\":\"QQ\""), PROBLEM_MALFORMED, "caa" },
		{ SET("\"caa\":null,\"signature\":\"QQ\""), PROBLEM_MALFORMED, "expiry" },
		{ SET("\"caa\":null,\"expiry\":\"1\",\"signature\":\"QQ\""), PROBLEM_MALFORMED, "expiry" },
		{ SET("\"caa\":null,\"expiry\":1"), PROBLEM_MALFORMED, "signature" },
		{ SET("\"caa\":null,\"expiry\":1,\"signature\":\"\""), PROBLEM_MALFORMED, "signature" },
		{ SET("\"caa\":null,\"expiry\":1,\"signature\":\"==\""), PROBLEM_MALFORMED, "not base64url" },
		{ SET("\"caa\":null,\"expiry\":1,\"signature\":\"+/\""), PROBLEM_MALFORMED, "not base64url" },
	};
	struct fixture f;
	struct order order;
	struct order done;
	EVP_PKEY *key = NULL;
	const char *name = "www." SERVICE;
	fixture_init(&f);
	assert_int_equal(key_generate(&f.c, "p256", &key), 0);
	ready(&f, name, &order);
	struct bytes csr = make_csr(&f.c, key, name);
	va_calls = 0;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(finalize(&f, order.id, csr, rows[i].sets, &done), -1);
		if (f.c.err.type != rows[i].problem || strstr(f.c.err.detail, rows[i].words) == NULL) {
			fail_msg("%s: %s", rows[i].sets, f.c.err.detail);
		}
	}
	assert_int_equal(va_calls, 0);
	const char *good = SET("\"caa\":\"caa 0 issue ca.test\",\"expiry\":4102444800,\"signature\":\"QUJD==\"");
	va_does = VA_REFUSES;
	assert_int_equal(finalize(&f, order.id, csr, good, &done), -1);
	assert_int_equal(f.c.err.type, PROBLEM_UNAUTHORIZED); /* what the fake says */
	assert_int_equal(the_ca.calls, 0);
	assert_string_equal(order_status(&f, order.id), "ready");
	va_does = VA_PASSES;
	assert_int_equal(finalize(&f, order.id, csr, good, &done), 0);
	assert_string_equal(last_caa.method, "onion-csr-01");
	assert_int_equal(last_caa.onion_expiry, 4102444800);
	assert_false(the_ca.remembered);
	pg_assert_value("SELECT string_agg(passed::text, ' ' ORDER BY id) FROM log.validation WHERE method = 'caa' AND "
	                "identifier_value = 'www." SERVICE "'",
	    "false true");
	pg_assert_value(
	    "SELECT count(*) FROM log.validation_private p JOIN log.validation v USING (id) WHERE method = 'caa' "
	    "AND p.attempts::jsonb #>> '{asked,onion_caa,caa}' = 'caa 0 issue ca.test'",
	    "2"); /* F-43 */
	ctx_done(&f.c);
}

/* B-37: the service's own key never gets a certificate, as no Ed25519 key does. */
static void key_of_the_service(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct order done;
	EVP_PKEY *key = NULL;
	fixture_init(&f);
	assert_int_equal(key_generate(&f.c, "ed25519", &key), 0);
	ready(&f, "key." SERVICE, &order);
	assert_int_equal(finalize(&f, order.id, make_csr(&f.c, key, "key." SERVICE), NULL, &done), -1);
	assert_int_equal(f.c.err.type, PROBLEM_BAD_CSR);
	assert_string_equal(f.c.err.rule, "key.kind");
	ctx_done(&f.c);
}

static void names_of_no_service(void **state)
{
	(void) state;
	struct ctx c;
	struct onion_caa set;
	ctx_init(&c);
	assert_int_equal(onion_caa_find(&c, NULL, "facebookcorewwwi.onion", &set), -1);
	assert_int_equal(c.err.type, PROBLEM_REJECTED_IDENTIFIER);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(offers, setup),
		cmocka_unit_test_setup(responses, setup),
		cmocka_unit_test_setup(other_methods, setup),
		cmocka_unit_test_setup(refusals_are_final, setup),
		cmocka_unit_test_setup(jobs_keep_the_request, setup),
		cmocka_unit_test_setup(sets, setup),
		cmocka_unit_test_setup(key_of_the_service, setup),
		cmocka_unit_test_setup(names_of_no_service, setup),
	};
	return cmocka_run_group_tests(tests, set_up, group_teardown);
}

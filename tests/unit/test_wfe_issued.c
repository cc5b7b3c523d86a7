/* link: wfe */
/* Downloads of certificates: from the database, and of those issued a moment ago without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/crypto_test.h"
#undef assert_problem /* here it is about an answer */
#include "tests/unit/wfe_fake.h"
#include "wfe/issued.h"

#define CHAIN "-----BEGIN CERTIFICATE-----\nissuer\n-----END CERTIFICATE-----\n"

static struct bytes make_certificate(void)
{
	static struct authority issuer;
	const struct authority_request r = { .subject = { "XX", "Test Org", "Test Root" },
		.key_kind = "p256",
		.not_before = timestamp_add_s(clock_now(), -3600),
		.days = 3650 };
	assert_good(&t.c, authority_make(&t.c, CERT_ROOT, &r, NULL, &issuer));
	TEXTS(names, "a.test");
	const struct cert_template leaf = leaf_template(&t.c, &issuer, "p256", &names);
	struct bytes tbs;
	struct bytes der;
	assert_good(&t.c, cert_build_tbs(&t.c, &leaf, &tbs));
	assert_good(&t.c, cert_sign(&t.c, issuer.key, tbs, &der));
	return der;
}

static void finalize(struct bytes der)
{
	t.order.status = "valid";
	t.order.certificate_id = id_new();
	t.order.certificate = der;
	const char *target = arena_printf(t.c.arena, "%s/finalize", object_path("order", t.order.id));
	assert_int_equal(post_as(&t.alice, target, "{\"csr\":\"AQID\"}"), 200);
	assert_null(strstr(t.body, "certificate\":\"MII")); /* the answer to the client stays as it was */
}

static unsigned download(const struct signer *s, struct id id)
{
	return post_as(s, object_path("cert", id), "");
}

static void the_database_is_asked_once_for_an_issuer(void **state)
{
	(void) state;
	struct bytes der = make_certificate();
	const char *expected = arena_printf(t.c.arena, "%s%s", (const char *) cert_to_pem(t.c.arena, der).p, CHAIN);
	finalize(der);
	assert_int_equal(download(&t.alice, t.order.certificate_id), 404); /* its chain is not known yet */
	t.certificate_id = t.order.certificate_id;
	t.certificate = der;
	t.chain = CHAIN;
	assert_int_equal(download(&t.alice, t.certificate_id), 200);
	assert_string_equal(t.body, expected);
	assert_string_equal(t.type, "application/pem-certificate-chain"); /* */
	assert_non_null(answer_header("Link", "<" AIA_URL ">;rel=\"up\""));

	finalize(der);
	for (int i = 0; i < 2; i++) {
		t.database_down = true; /* the account is remembered too */
		assert_int_equal(download(&t.alice, t.order.certificate_id), 200);
		assert_string_equal(t.body, expected);
		assert_string_equal(t.type, "application/pem-certificate-chain");
		assert_non_null(answer_header("Link", "<" AIA_URL ">;rel=\"up\""));
		assert_non_null(answer_header("Replay-Nonce", ""));
	}
	t.database_down = false;
	t.bob.status = "valid";
	(void) download(&t.bob, t.order.certificate_id);
	assert_problem(403, "unauthorized"); /* */
	t.alice.status = "deactivated";
	accounts_forget(t.alice.id);
	(void) download(&t.alice, t.order.certificate_id);
	assert_problem(401, "unauthorized");
}

static void other_orders_keep_nothing(void **state)
{
	(void) state;
	issued_learn_chain(AIA_URL, bytes_of_text(CHAIN));
	finalize((struct bytes) { NULL, 0 }); /* it was issued by an earlier call */
	assert_int_equal(download(&t.alice, t.order.certificate_id), 404);
	finalize(bytes_of_text("no certificate"));
	assert_int_equal(download(&t.alice, t.order.certificate_id), 404);
}

static struct issued leaf_of(const char *pem)
{
	return (struct issued) { t.alice.id, bytes_of_text(pem), AIA_URL };
}

static void a_newer_certificate_takes_the_place(void **state)
{
	(void) state;
	struct id first = id_new();
	struct id second = id_new();
	memcpy(second.b + 14, first.b + 14, 2); /* the same slot */
	struct issued leaf = leaf_of("first\n");
	struct issued got;
	issued_learn_chain(AIA_URL, bytes_of_text("old\n"));
	issued_learn_chain(AIA_URL, bytes_of_text("chain\n"));
	issued_keep(first, &leaf);
	assert_false(issued_find(&t.c, second, &got));
	assert_true(issued_find(&t.c, first, &got));
	assert_true(bytes_equal_text(got.pem, "first\nchain\n"));
	assert_string_equal(got.up, AIA_URL);
	assert_true(id_equal(got.account_id, t.alice.id));
	leaf = leaf_of("second\n");
	issued_keep(second, &leaf);
	assert_false(issued_find(&t.c, first, &got));
	assert_true(issued_find(&t.c, second, &got));
	assert_true(bytes_equal_text(got.pem, "second\nchain\n"));
}

static void what_is_too_large_is_not_kept(void **state)
{
	(void) state;
	char *large = (char *) arena_alloc(t.c.arena, ISSUED_OCTETS_MAX + 1);
	memset(large, 'x', ISSUED_OCTETS_MAX);
	struct id id = id_new();
	struct issued leaf = leaf_of(large);
	struct issued got;
	issued_learn_chain(AIA_URL, bytes_of_text("chain\n"));
	issued_keep(id, &leaf);
	assert_false(issued_find(&t.c, id, &got));
	leaf.pem.n -= 6;
	issued_keep(id, &leaf);
	assert_true(issued_find(&t.c, id, &got));
	assert_int_equal(got.pem.n, ISSUED_OCTETS_MAX);
	/* Nor are more issuers than there are places. */
	for (int i = 0; i < 20; i++) {
		issued_learn_chain(arena_printf(t.c.arena, "http://pki.test/%d", i), bytes_of_text("other\n"));
	}
	id = id_new();
	leaf = leaf_of("leaf\n");
	issued_keep(id, &leaf);
	assert_false(issued_find(&t.c, id, &got));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_database_is_asked_once_for_an_issuer),
		CASE(other_orders_keep_nothing),
		CASE(a_newer_certificate_takes_the_place),
		CASE(what_is_too_large_is_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

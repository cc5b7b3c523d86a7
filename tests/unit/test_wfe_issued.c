/* link: wfe */
/* Downloads of certificates: from the database, and of those issued a moment ago without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pkcs7.h>

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
	assert_null(answer_header("Link", "rel=\"up\""));

	finalize(der);
	for (int i = 0; i < 2; i++) {
		t.database_down = true; /* the account is remembered too */
		assert_int_equal(download(&t.alice, t.order.certificate_id), 200);
		assert_string_equal(t.body, expected);
		assert_string_equal(t.type, "application/pem-certificate-chain");
		assert_null(answer_header("Link", "rel=\"up\""));
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
	issued_learn_chain(AIA_URL, bytes_of_text(CHAIN), 0);
	finalize((struct bytes) { NULL, 0 }); /* it was issued by an earlier call */
	assert_int_equal(download(&t.alice, t.order.certificate_id), 404);
	finalize(bytes_of_text("no certificate"));
	assert_int_equal(download(&t.alice, t.order.certificate_id), 404);
}

static struct issued leaf_of(const char *pem)
{
	return (struct issued) { t.alice.id, bytes_of_text(pem), AIA_URL, 0 };
}

static void a_newer_certificate_takes_the_place(void **state)
{
	(void) state;
	struct id first = id_new();
	struct id second = id_new();
	memcpy(second.b + 14, first.b + 14, 2); /* the same slot */
	struct issued leaf = leaf_of("first\n");
	struct issued got;
	issued_learn_chain(AIA_URL, bytes_of_text("old\n"), 0);
	issued_learn_chain(AIA_URL, bytes_of_text("chain\n"), 0);
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
	issued_learn_chain(AIA_URL, bytes_of_text("chain\n"), 0);
	issued_keep(id, &leaf);
	assert_false(issued_find(&t.c, id, &got));
	leaf.pem.n -= 6;
	issued_keep(id, &leaf);
	assert_true(issued_find(&t.c, id, &got));
	assert_int_equal(got.pem.n, ISSUED_OCTETS_MAX);
	/* Nor are more issuers than there are places. */
	for (int i = 0; i < 20; i++) {
		issued_learn_chain(arena_printf(t.c.arena, "http://pki.test/%d", i), bytes_of_text("other\n"), 0);
	}
	id = id_new();
	leaf = leaf_of("leaf\n");
	issued_keep(id, &leaf);
	assert_false(issued_find(&t.c, id, &got));
}

/* What a PKCS#7 holds, by OpenSSL's own reader. */
static void assert_pkcs7(const struct bytes_list *expected)
{
	const uint8_t *p = (const uint8_t *) t.body;
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long) t.body_n);
	assert_non_null(p7);
	assert_ptr_equal(p, (const uint8_t *) t.body + t.body_n);
	assert_true(PKCS7_type_is_signed(p7));
	const STACK_OF(X509) *certs = p7->d.sign->cert;
	assert_int_equal(sk_X509_num(certs), expected->n);
	for (size_t i = 0; i < expected->n; i++) {
		AUTO(X509) one = to_x509(expected->v[i]);
		assert_int_equal(X509_cmp(sk_X509_value(certs, (int) i), one), 0);
	}
	PKCS7_free(p7);
}

static unsigned download_as(const char *path, const char *accept)
{
	if (accept != NULL) {
		header_in("Accept", accept);
	}
	return post_as(&t.alice, path, "");
}

/* PEM, PKCS#7 and DER, whether the database is asked or not. */
static void a_certificate_has_many_forms(void **state)
{
	(void) state;
	struct bytes der = make_certificate();
	struct bytes above = make_certificate(); /* stands for the issuer's */
	const struct bytes_list both = { (struct bytes[]) { der, above }, 2 };
	struct bytes chain = cert_to_pem(t.c.arena, above);
	t.certificate_id = id_new();
	t.certificate = der;
	t.chain = arena_text_n(t.c.arena, chain.p, chain.n);
	for (int cached = 0; cached < 2; cached++) {
		const char *path = object_path("cert", t.certificate_id);
		assert_int_equal(download_as(path, "application/pkix-cert"), 200);
		assert_string_equal(t.type, "application/pkix-cert");
		assert_true(t.body_n == der.n && memcmp(t.body, der.p, der.n) == 0);
		assert_non_null(answer_header("Link", "<" AIA_URL ">;rel=\"up\""));
		assert_int_equal(download_as(path, "application/pkcs7-mime"), 200);
		assert_string_equal(t.type, "application/pkcs7-mime; smime-type=certs-only");
		assert_pkcs7(&both);
		assert_int_equal(download_as(path, "application/x-pkcs7-certificates;q=0.9, text/plain"), 200);
		assert_string_equal(t.type, "application/x-pkcs7-certificates");
		assert_pkcs7(&both);
		static const char *const pem[] = { NULL, "*/*", "application/pem-certificate-chain", "application/*;q=0.1",
			"application/json", "text/html, image/gif", "*/*;q=0" };
		for (size_t i = 0; i < COUNT_OF(pem); i++) {
			assert_int_equal(download_as(path, pem[i]), 200);
			assert_string_equal(t.type, "application/pem-certificate-chain");
			assert_int_equal(strncmp(t.body, "-----BEGIN CERTIFICATE-----\n", 28), 0);
		}
		finalize(der); /* the second time without the database */
		t.certificate_id = t.order.certificate_id;
		t.database_down = cached == 0;
	}
}

/* each chain lists the others; the leaf is the same. */
static void other_chains(void **state)
{
	(void) state;
	struct bytes der = make_certificate();
	const char *leaf = (const char *) cert_to_pem(t.c.arena, der).p;
	static const char *other[] = { "first other\n", "second other\n" };
	t.certificate_id = id_new();
	t.certificate = der;
	t.chain = CHAIN;
	t.alternates = (struct text_list) { other, 2 };
	const char *path = object_path("cert", t.certificate_id);
	const char *chains[] = { CHAIN, other[0], other[1] };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(download_as(i == 0 ? path : arena_printf(t.c.arena, "%s/%zu", path, i), NULL), 200);
		assert_string_equal(t.body, arena_printf(t.c.arena, "%s%s", leaf, chains[i]));
		for (size_t k = 0; k < 3; k++) {
			const char *url = k == 0 ? url_of(path) : arena_printf(t.c.arena, "%s/%zu", url_of(path), k);
			const char *link = arena_printf(t.c.arena, "<%s>;rel=\"alternate\"", url);
			assert_int_equal(answer_header("Link", link) != NULL, k != i);
		}
	}
	(void) download_as(arena_printf(t.c.arena, "%s/3", path), NULL);
	assert_problem(404, "malformed");
	static const char *const none[] = { "/0", "/", "/01", "/1/", "/10", "/x" };
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		(void) download_as(arena_printf(t.c.arena, "%s%s", path, none[i]), NULL);
		assert_problem(404, "malformed");
	}
	t.bob.status = "valid";
	(void) post_as(&t.bob, arena_printf(t.c.arena, "%s/1", path), "");
	assert_problem(403, "unauthorized"); /* */
	finalize(der);                       /* those that need no database say the same */
	assert_int_equal(download_as(object_path("cert", t.order.certificate_id), NULL), 200);
	assert_non_null(answer_header("Link", "/2>;rel=\"alternate\""));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_database_is_asked_once_for_an_issuer),
		CASE(other_orders_keep_nothing),
		CASE(a_newer_certificate_takes_the_place),
		CASE(what_is_too_large_is_not_kept),
		CASE(a_certificate_has_many_forms),
		CASE(other_chains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

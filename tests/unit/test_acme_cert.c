/* link: va */
/* Certificates of tls-alpn-01 responders, right and wrong in every way (B-3, B-4, B-8, B-10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"
#include "tests/unit/hex.h"
#include "policy/acme_cert.h"

#define NAME "a.example"
#define KEY_AUTHORIZATION "tok.thumbprint"
#define ACME "1.3.6.1.5.5.7.1.31"
#define SAN "2.5.29.17"
#define DIGEST "D" /* stands for the SHA-256 of the key authorization in hex */

struct piece {
	const char *oid;
	const char *hex;
	bool critical;
};

#define GOOD_NAME \
	{ \
		SAN, "300b8209612e6578616d706c65", false \
	}
#define GOOD_DIGEST \
	{ \
		ACME, "0420" DIGEST, true \
	}

struct want {
	const char *refusal; /* part of it; NULL: it is good */
	struct piece pieces[4];
	const char *identifier; /* NULL: NAME */
	bool other_issuer;
	bool other_key;
};

static EVP_PKEY *key;
static EVP_PKEY *second_key;

static const char *filled(struct arena *a, const char *hex)
{
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_SIZE * 2 + 1] = "";
	const char *at = strstr(hex, DIGEST);
	if (at == NULL) {
		return hex;
	}
	sha256_of(bytes_of_text(KEY_AUTHORIZATION), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		(void) snprintf(text + i * 2, 3, "%02x", digest[i]);
	}
	return arena_printf(a, "%s%s%s", arena_text_n(a, hex, (size_t) (at - hex)), text, at + strlen(DIGEST));
}

static void add_piece(struct arena *a, X509 *cert, const struct piece *p)
{
	struct bytes value = hex_octets(a, filled(a, p->hex));
	AUTO(ASN1_OCTET_STRING) octets = ASN1_OCTET_STRING_new();
	assert_int_equal(ASN1_OCTET_STRING_set(octets, value.p, (int) value.n), 1);
	ASN1_OBJECT *oid = OBJ_txt2obj(p->oid, 1);
	X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, oid, p->critical, octets);
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(oid);
}

static struct bytes make(struct arena *a, const struct want *w)
{
	AUTO(X509) cert = X509_new();
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_gmtime_adj(X509_getm_notBefore(cert), -20);
	X509_gmtime_adj(X509_getm_notAfter(cert), -10); /* how long it lives is of no interest */
	X509_set_pubkey(cert, key);
	X509_NAME *name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *) "ACME challenge", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	if (w->other_issuer) {
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *) "x", -1, -1, 0);
	}
	for (size_t i = 0; i < COUNT_OF(w->pieces) && w->pieces[i].oid != NULL; i++) {
		add_piece(a, cert, &w->pieces[i]);
	}
	assert_true(X509_sign(cert, w->other_key ? second_key : key, EVP_sha256()) > 0);
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	assert_true(n > 0);
	struct bytes kept = arena_bytes(a, der, (size_t) n);
	OPENSSL_free(der);
	return kept;
}

static const char *refusal_of(struct arena *a, const struct want *w)
{
	return acme_cert_refusal(a, make(a, w), w->identifier == NULL ? NAME : w->identifier, KEY_AUTHORIZATION);
}

static void check(const struct want *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new();
		const char *got = refusal_of(a, &rows[i]);
		const char *expected = rows[i].refusal;
		if ((got == NULL) != (expected == NULL) || (got != NULL && strstr(got, expected) == NULL)) {
			fail_msg("row %zu: %s, expected %s", i, got == NULL ? "good" : got, expected == NULL ? "good" : expected);
		}
		arena_free(a);
	}
}

/* B-3 */
static void names(void **state)
{
	static const struct want rows[] = {
		{ .refusal = NULL, .pieces = { GOOD_NAME, GOOD_DIGEST } },
		{ .refusal = NULL, .pieces = { GOOD_DIGEST, GOOD_NAME } },
		{ .refusal = NULL,
		    .pieces = { { SAN, "300b8209412e4578416d504c65", true }, GOOD_DIGEST } }, /* in other letters */
		{ .refusal = NULL, .pieces = { GOOD_NAME, GOOD_DIGEST, { "2.5.29.19", "3000", true } } },
		{ .refusal = "has no subjectAltName", .pieces = { GOOD_DIGEST } },
		{ .refusal = "\"b.example\", where a.example alone",
		    .pieces = { { SAN, "300b8209622e6578616d706c65", false }, GOOD_DIGEST } },
		{ .refusal = "\"a.example\" and others",
		    .pieces = { { SAN, "30168209612e6578616d706c658209622e6578616d706c65", false }, GOOD_DIGEST } },
		{ .refusal = "\"a.example\" and others", /* twice the same */
		    .pieces = { { SAN, "30168209612e6578616d706c658209612e6578616d706c65", false }, GOOD_DIGEST } },
		{ .refusal = "\"a.example\" and others",
		    .pieces = { { SAN, "30118209612e6578616d706c658704c0000201", false }, GOOD_DIGEST } },
		{ .refusal = "a name of another kind, \"a.example\"",
		    .pieces = { { SAN, "300b8109612e6578616d706c65", false }, GOOD_DIGEST } },
		{ .refusal = "no name", .pieces = { { SAN, "3000", false }, GOOD_DIGEST } },
		{ .refusal = "something that is no name",
		    .pieces = { { SAN, "300b8219612e6578616d706c65", false }, GOOD_DIGEST } },
		{ .refusal = "not DER", .pieces = { { SAN, "300b8209612e6578616d706c6500", false }, GOOD_DIGEST } },
		{ .refusal = "not DER", .pieces = { { SAN, "30810b8209612e6578616d706c65", false }, GOOD_DIGEST } },
		{ .refusal = "not DER", .pieces = { { SAN, "8209612e6578616d706c65", false }, GOOD_DIGEST } },
		{ .refusal = "\"a.example.\"", .pieces = { { SAN, "300c820a612e6578616d706c652e", false }, GOOD_DIGEST } },
		{ .refusal = "\"*.a.example\"", .pieces = { { SAN, "300d820b2a2e612e6578616d706c65", false }, GOOD_DIGEST } },
		{ .refusal = "an extension twice", .pieces = { GOOD_NAME, GOOD_NAME, GOOD_DIGEST } },
		{ .refusal = "an extension twice",
		    .pieces = { GOOD_NAME, GOOD_DIGEST, { "1.2.3", "00", false }, { "1.2.3", "01", false } } },
	};
	(void) state;
	check(rows, COUNT_OF(rows));
}

/* B-8, B-10: an address stands in its octets, and as nothing else. */
static void addresses(void **state)
{
	static const struct want rows[] = {
		{ .refusal = NULL, .pieces = { { SAN, "30068704c0000201", false }, GOOD_DIGEST }, .identifier = "192.0.2.1" },
		{ .refusal = NULL,
		    .pieces = { { SAN, "3012871020010db8000000000000000000000001", false }, GOOD_DIGEST },
		    .identifier = "2001:db8::1" },
		{ .refusal = "192.0.2.2, where 192.0.2.1 alone",
		    .pieces = { { SAN, "30068704c0000202", false }, GOOD_DIGEST },
		    .identifier = "192.0.2.1" },
		{ .refusal = "\"192.0.2.1\", where 192.0.2.1 alone", /* as a dNSName */
		    .pieces = { { SAN, "300b82093139322e302e322e31", false }, GOOD_DIGEST },
		    .identifier = "192.0.2.1" },
		{ .refusal = "192.0.2.1 and others",
		    .pieces = { { SAN, "300c8704c00002018704c0000201", false }, GOOD_DIGEST },
		    .identifier = "192.0.2.1" },
		{ .refusal = "a name of another kind",
		    .pieces = { { SAN, "300a8708c0000201ffffffff", false }, GOOD_DIGEST },
		    .identifier = "192.0.2.1" },
		{ .refusal = "::ffff:192.0.2.1, where 192.0.2.1",
		    .pieces = { { SAN, "3012871000000000000000000000ffffc0000201", false }, GOOD_DIGEST },
		    .identifier = "192.0.2.1" },
		{ .refusal = "192.0.2.1, where a.example alone",
		    .pieces = { { SAN, "30068704c0000201", false }, GOOD_DIGEST } },
	};
	(void) state;
	check(rows, COUNT_OF(rows));
}

/* B-4 */
static void digests(void **state)
{
	static const struct want rows[] = {
		{ .refusal = "no acmeIdentifier", .pieces = { GOOD_NAME } },
		{ .refusal = "not critical", .pieces = { GOOD_NAME, { ACME, "0420" DIGEST, false } } },
		{ .refusal = "twice", .pieces = { GOOD_NAME, GOOD_DIGEST, GOOD_DIGEST } },
		{ .refusal = "another digest",
		    .pieces = { GOOD_NAME,
		        { ACME, "04200000000000000000000000000000000000000000000000000000000000000000", true } } },
		{ .refusal = "not an OCTET STRING of 32", .pieces = { GOOD_NAME, { ACME, DIGEST, true } } },
		{ .refusal = "not an OCTET STRING of 32", .pieces = { GOOD_NAME, { ACME, "0421" DIGEST "00", true } } },
		{ .refusal = "not an OCTET STRING of 32", .pieces = { GOOD_NAME, { ACME, "0420" DIGEST "00", true } } },
		{ .refusal = "not an OCTET STRING of 32", .pieces = { GOOD_NAME, { ACME, "048120" DIGEST, true } } },
		{ .refusal = "not an OCTET STRING of 32",
		    .pieces = { GOOD_NAME, { ACME,
		                               "2422"
		                               "0420" DIGEST,
		                               true } } },
		{ .refusal = "not an OCTET STRING of 32", .pieces = { GOOD_NAME, { ACME, "0320" DIGEST, true } } },
		{ .refusal = "not an OCTET STRING of 32", .pieces = { GOOD_NAME, { ACME, "0400", true } } },
		{ .refusal = "no acmeIdentifier",
		    .pieces = { GOOD_NAME, { "1.3.6.1.5.5.7.1.30.1", "0420" DIGEST, true } } }, /* before the RFC */
	};
	(void) state;
	check(rows, COUNT_OF(rows));
}

/* B-3 */
static void signatures(void **state)
{
	static const struct want rows[] = {
		{ .refusal = "not signed by its own key", .pieces = { GOOD_NAME, GOOD_DIGEST }, .other_key = true },
		{ .refusal = "not signed by its own key", .pieces = { GOOD_NAME, GOOD_DIGEST }, .other_issuer = true },
	};
	(void) state;
	check(rows, COUNT_OF(rows));
}

/* Each octet that is changed, cut off or added makes it another certificate. */
static void octets(void **state)
{
	static const struct want good = { .refusal = NULL, .pieces = { GOOD_NAME, GOOD_DIGEST } };
	struct arena *a = arena_new();
	(void) state;
	struct bytes der = make(a, &good);
	uint8_t *copy = arena_alloc(a, der.n + 1);
	memcpy(copy, der.p, der.n);
	copy[der.n] = 0;
	for (size_t i = 0; i < der.n; i++) {
		copy[i] ^= 0x20;
		assert_non_null(acme_cert_refusal(a, (struct bytes) { copy, der.n }, NAME, KEY_AUTHORIZATION));
		copy[i] ^= 0x20;
		assert_non_null(acme_cert_refusal(a, (struct bytes) { copy, i }, NAME, KEY_AUTHORIZATION));
	}
	assert_null(acme_cert_refusal(a, (struct bytes) { copy, der.n }, NAME, KEY_AUTHORIZATION));
	assert_non_null(acme_cert_refusal(a, (struct bytes) { copy, der.n + 1 }, NAME, KEY_AUTHORIZATION));
	assert_non_null(acme_cert_refusal(a, (struct bytes) { NULL, 0 }, NAME, KEY_AUTHORIZATION));
	assert_non_null(acme_cert_refusal(a, der, NAME, "tok.another"));
	arena_free(a);
}

static int setup(void **state)
{
	(void) state;
	key = EVP_EC_gen("P-256");
	second_key = EVP_EC_gen("P-256");
	return key == NULL || second_key == NULL;
}

static int teardown(void **state)
{
	(void) state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(second_key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(addresses),
		cmocka_unit_test(digests),
		cmocka_unit_test(signatures),
		cmocka_unit_test(octets),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

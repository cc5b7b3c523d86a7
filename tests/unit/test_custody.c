/* Sealing for two groups of custodians: one of each opens, nobody alone, nothing that was changed (G-11, G-14). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/custody.h"

static struct ctx c;
static char dir[64];

struct person {
	EVP_PKEY *key;
	X509 *cert;
};

static void free_cert(void *cert)
{
	X509_free(cert);
}

/* usage NULL: the certificate names none; it has a subject key identifier only where there is one. */
static struct person person(const char *kind, const char *usage)
{
	struct person p;
	X509V3_CTX context;
	assert_int_equal(key_generate(&c, kind, &p.key), 0);
	p.cert = X509_new();
	arena_on_free(c.arena, free_cert, p.cert);
	assert_int_equal(X509_set_version(p.cert, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), rand());
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(p.cert), "CN", MBSTRING_UTF8, (const unsigned char *) kind, -1, -1, 0);
	X509_set_issuer_name(p.cert, X509_get_subject_name(p.cert));
	X509_gmtime_adj(X509_getm_notBefore(p.cert), -7200);
	X509_gmtime_adj(X509_getm_notAfter(p.cert), 3600);
	X509_set_pubkey(p.cert, p.key);
	X509V3_set_ctx(&context, p.cert, p.cert, NULL, NULL, 0);
	const int nids[] = { NID_key_usage, NID_subject_key_identifier };
	const char *values[] = { usage, "hash" };
	for (size_t i = 0; i < 2 && usage != NULL; i++) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nids[i], values[i]);
		assert_int_equal(X509_add_ext(p.cert, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_sign(p.cert, p.key, strcmp(kind, "ed25519") == 0 ? NULL : EVP_sha256()) > 0);
	return p;
}

static void store(const struct person *p, const char *group, const char *name)
{
	char path[128];
	(void) snprintf(path, sizeof(path), "%s/%s/%s", dir, group, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, p->cert), 1);
	(void) fclose(file);
}

static int setup(void **state)
{
	char path[96];
	(void) state;
	ctx_init(&c);
	(void) snprintf(dir, sizeof(dir), "/tmp/cairn-test-custody-XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < CUSTODY_GROUPS; i++) {
		(void) snprintf(path, sizeof(path), "%s/%s", dir, custody_group_names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "a/1.pem", "a/2.pem", "b/1.pem", "b/2.pem", "a", "b", "" };
	char path[128];
	(void) state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		(void) snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void) remove(path);
	}
	ctx_done(&c);
	return 0;
}

static void refused(int result, enum problem type, const char *sentence)
{
	assert_int_equal(result, -1);
	assert_int_equal(c.err.type, type);
	assert_non_null(strstr(c.err.detail, sentence));
	ctx_forgive(&c);
}

/* Each pair of one of each group, RSA and curves, with and without a subject key identifier. */
static void test_one_of_each(void **state)
{
	struct person a[] = { person("p256", "keyAgreement"), person("rsa3072", "keyEncipherment") };
	struct person b[] = { person("p384", NULL), person("p521", "keyAgreement") };
	struct custody custody;
	struct bytes clear = bytes_of_text("what nobody may read alone");
	struct bytes sealed;
	(void) state;
	for (size_t i = 0; i < 2; i++) {
		store(&a[i], "a", i == 0 ? "1.pem" : "2.pem");
		store(&b[i], "b", i == 0 ? "1.pem" : "2.pem");
	}
	assert_int_equal(custody_read(&c, dir, &custody), 0);
	assert_int_equal(custody_seal(&c, &custody, clear, &sealed), 0);
	assert_null(memmem(sealed.p, sealed.n, "nobody", 6));
	for (size_t i = 0; i < 2; i++) {
		struct bytes inner;
		struct bytes opened;
		refused(custody_open(&c, sealed, a[i].cert, a[i].key, &inner), PROBLEM_UNAUTHORIZED, "not sealed for this key");
		assert_int_equal(custody_open(&c, sealed, b[i].cert, b[i].key, &inner), 0);
		assert_null(memmem(inner.p, inner.n, "nobody", 6));
		refused(custody_open(&c, inner, b[i].cert, b[i].key, &opened), PROBLEM_UNAUTHORIZED, "not sealed for this key");
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(custody_open(&c, inner, a[k].cert, a[k].key, &opened), 0);
			assert_true(bytes_equal(opened, clear));
		}
	}
}

/* One octet anywhere in what was sealed: refused, and nothing is given; and so with every part of it. */
static void test_changed(void **state)
{
	struct person a = person("p256", "keyAgreement");
	struct person b = person("p256", "keyAgreement");
	struct custody custody;
	struct bytes sealed;
	(void) state;
	store(&a, "a", "1.pem");
	store(&b, "b", "1.pem");
	assert_int_equal(custody_read(&c, dir, &custody), 0);
	assert_int_equal(custody_seal(&c, &custody, bytes_of_text("clear"), &sealed), 0);
	uint8_t *copy = arena_alloc(c.arena, sealed.n);
	size_t opened = 0;
	for (size_t i = 0; i < sealed.n; i++) {
		struct bytes ret = { NULL, 0 };
		struct bytes inner = { NULL, 0 };
		memcpy(copy, sealed.p, sealed.n);
		copy[i] ^= 1;
		if (custody_open(&c, (struct bytes) { copy, sealed.n }, b.cert, b.key, &inner) == 0 &&
		    custody_open(&c, inner, a.cert, a.key, &ret) == 0) {
			assert_true(bytes_equal(
			    ret, bytes_of_text("clear"))); /* a name of the recipient or a version, not what is inside */
			opened++;
		}
		ctx_forgive(&c);
	}
	assert_true(opened < 40);
	for (size_t n = 0; n < sealed.n; n += 7) {
		struct bytes ret;
		refused(custody_open(&c, (struct bytes) { sealed.p, n }, b.cert, b.key, &ret), PROBLEM_UNAUTHORIZED, "");
	}
}

static void test_folder_refusals(void **state)
{
	struct person good = person("p256", "keyAgreement");
	struct person other = person("p256", "keyAgreement");
	struct custody custody;
	(void) state;
	store(&good, "b", "1.pem");
	refused(custody_read(&c, dir, &custody), PROBLEM_MALFORMED, "1 to 16 custodians, this one has 0");
	store(&good, "a", "1.pem");
	refused(custody_read(&c, dir, &custody), PROBLEM_MALFORMED, "in both groups");
	store(&other, "a", "1.pem");
	assert_int_equal(custody_read(&c, dir, &custody), 0);
	store(&other, "a", "2.pem");
	refused(custody_read(&c, dir, &custody), PROBLEM_MALFORMED, "in its group twice");
	const struct {
		struct person who;
		const char *sentence;
	} cases[] = {
		{ person("rsa2048", "keyEncipherment"), "3072 bits" },
		{ person("rsa3072", "digitalSignature"), "keyEncipherment" },
		{ person("p256", "digitalSignature"), "keyAgreement" },
		{ person("ed25519", NULL), "must be RSA or on" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		store(&cases[i].who, "a", "2.pem");
		refused(custody_read(&c, dir, &custody), PROBLEM_MALFORMED, cases[i].sentence);
	}
}

static void test_end_of_a_certificate(void **state)
{
	struct person p = person("p256", "keyAgreement");
	(void) state;
	assert_false(custody_has_ended(p.cert));
	X509_gmtime_adj(X509_getm_notAfter(p.cert), -60);
	assert_true(custody_has_ended(p.cert));
	assert_int_equal(custody_check(&c, "x", p.cert), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_of_each, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_a_certificate, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* link: cli */
/* What `cairn init` and a ceremony make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "cli/ceremony.h"
#include "cli/files.h"
#include "cli/init.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/base/folder.h"
#include "lib/crypto/crl.h"

#include "tests/unit/soft_token.h"

static char folder[64];

static int make_folder(void **state)
{
	(void) state;
	snprintf(folder, sizeof(folder), "/tmp/cairn-test-init-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

/* Children before their folder. */
static int remove_folder(void **state)
{
	(void) state;
	static const char *const names[] = { "pki/root", "pki/ecdsa-1", "pki/rsa-1", "pki/site/site", "pki/api-ca",
		"pki/internal/ca", "pki/internal/cairn-wfe/cairn-wfe", "pki/internal/cairn-ra/cairn-ra",
		"pki/internal/cairn-va/cairn-va", "pki/internal/cairn-ca/cairn-ca",
		"pki/internal/cairn-subscriber/cairn-subscriber", "pki/internal/cairn-command/cairn-command",
		"pki/internal/perspective-ams/perspective-ams" };
	static const char *const others[] = { "cairn.yaml", "pki/root.crl", "pki/ceremony.jsonl", "plan.jsonl", "plan.yaml",
		"odd.yaml", "ams.yaml", "r.pem", "r.key", "pki/custodians/a/test.pem", "pki/custodians/b/test.pem",
		"custodian-keys/a.key", "custodian-keys/b.key", "pki/recovery/hash.key" };
	static const char *const folders[] = { "pki/internal/cairn-wfe", "pki/internal/cairn-ra", "pki/internal/cairn-va",
		"pki/internal/cairn-ca", "pki/internal/cairn-subscriber", "pki/internal/cairn-command",
		"pki/internal/perspective-ams", "pki/internal", "pki/site", "pki/custodians/a", "pki/custodians/b",
		"pki/custodians", "pki/recovery", "custodian-keys", "pki", "spool", "lists", "" };
	char path[128];
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s.pem", folder, names[i]);
		unlink(path);
		snprintf(path, sizeof(path), "%s/%s.key", folder, names[i]);
		unlink(path);
	}
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, others[i]);
		unlink(path);
	}
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
		rmdir(path);
	}
	return 0;
}

static const char *in_folder(struct ctx *c, const char *name)
{
	return arena_printf(c->arena, "%s/%s", folder, name);
}

static X509 *read_x509(struct ctx *c, const char *name)
{
	struct bytes_list chain;
	assert_int_equal(cert_read_file(c, in_folder(c, name), &chain), 0);
	const unsigned char *p = chain.v[0].p;
	X509 *cert = d2i_X509(NULL, &p, (long) chain.v[0].n);
	assert_non_null(cert);
	return cert;
}

static bool verifies(struct ctx *c, const char *name)
{
	X509 *root = read_x509(c, "pki/root.pem");
	X509 *cert = read_x509(c, name);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *run = X509_STORE_CTX_new();
	X509_STORE_add_cert(store, root);
	X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT);
	X509_STORE_CTX_init(run, store, cert, NULL);
	bool fine = X509_verify_cert(run) == 1;
	X509_STORE_CTX_free(run);
	X509_STORE_free(store);
	X509_free(cert);
	X509_free(root);
	return fine;
}

static void assert_subject(X509 *cert, int nid, const char *expected)
{
	char text[100] = "";
	assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(cert), nid, text, sizeof(text)) > 0);
	assert_string_equal(text, expected);
}

/* D-28: life and begin of what stands below the root. D-63: nobody takes the names for those of a public CA. */
static void assert_intermediate(struct ctx *c, const char *name, const char *common_name)
{
	int days = 0;
	int seconds = 0;
	X509 *cert = read_x509(c, name);
	assert_subject(cert, NID_commonName, common_name);
	assert_subject(cert, NID_organizationName, "Cairn TEST");
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), X509_get0_notAfter(cert)), 1);
	assert_true(days < 1095 || (days == 1095 && seconds == 0));
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), NULL), 1);
	assert_int_equal(days, 0);
	X509_free(cert);
}

static bool was_told(const struct init_options *o, const char *words)
{
	bool told = false;
	for (size_t i = 0; i < o->made.n; i++) {
		told = told || strstr(o->made.v[i], words) != NULL;
	}
	return told;
}

/* D-28, D-63, F-4 */
static void test_init(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct init_options o = { .state = folder, .database = "host=/tmp/none dbname=cairn" };
	assert_int_equal(init_run(&c, &o), 0);
	assert_true(o.made.n > 10);
	assert_true(verifies(&c, "pki/ecdsa-1.pem"));
	assert_true(verifies(&c, "pki/rsa-1.pem"));
	assert_intermediate(&c, "pki/ecdsa-1.pem", "Cairn TEST ECDSA 1");
	assert_intermediate(&c, "pki/rsa-1.pem", "Cairn TEST RSA 1");
	assert_false(verifies(&c, "pki/api-ca.pem")); /* the site's authority stands for itself */
	struct stat st;
	assert_int_equal(stat(in_folder(&c, "pki/root.key"), &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	struct config *config = NULL;
	const char *path = in_folder(&c, "cairn.yaml");
	assert_int_equal(config_load(&c, &path, 1, &config), 0);
	static const char *const all[] = { "cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber" };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		assert_int_equal(config_require(&c, config, all[i]), 0);
	}
	assert_int_equal(config->ca.issuers.n, 2);
	assert_string_equal(config->ca.issuers.v[0].crl_url, "http://localhost:14001/crl/ecdsa-1.crl");
	config_free(config);
	assert_true(was_told(&o, "the root's key lies unencrypted in "));
	/* a second run changes nothing, and needs no key of the root */
	assert_int_equal(unlink(in_folder(&c, "pki/root.key")), 0);
	assert_int_equal(init_run(&c, &o), 0);
	assert_int_equal(o.made.n, 0);
	ctx_done(&c);
}

/* F-2: with a passphrase no key of the hierarchy is in a plain file, and the configuration says where the passphrase is. */
static void test_encrypted(void **state)
{
	(void) state;
	struct ctx c;
	char sealed[] = "/tmp/cairn-test-init-XXXXXX";
	ctx_init(&c);
	assert_non_null(mkdtemp(sealed));
	const char *passphrase = arena_printf(c.arena, "%s/its \"pass\"", sealed);
	assert_int_equal(file_make(&c, passphrase, bytes_of_text("open sesame\n"), 0600), 0);
	struct init_options o = {
		.state = sealed, .database = "host=/tmp/none dbname=cairn", .passphrase_file = passphrase
	};
	assert_int_equal(init_run(&c, &o), 0);
	assert_true(was_told(&o, "the root's key lies encrypted in "));
	static const char *const names[] = { "root", "ecdsa-1", "rsa-1" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		static const char begin[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
		struct bytes pem;
		assert_int_equal(file_read(&c, arena_printf(c.arena, "%s/pki/%s.key", sealed, names[i]), &pem), 0);
		assert_memory_equal(pem.p, begin, strlen(begin));
	}
	struct config *config = NULL;
	const char *path = arena_printf(c.arena, "%s/cairn.yaml", sealed);
	assert_int_equal(config_load(&c, &path, 1, &config), 0);
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		const struct config_issuer *issuer = &config->ca.issuers.v[i];
		const struct secret_source source = { "it", issuer->passphrase_file, NULL };
		struct secret secret;
		EVP_PKEY *key = NULL;
		assert_string_equal(issuer->passphrase_file, passphrase);
		assert_int_equal(secret_read(&c, &source, &secret), 0);
		assert_int_equal(key_read_encrypted_file(&c, issuer->key_file, &secret, &key), 0);
		secret_done(&secret);
	}
	config_free(config);
	const char *const drop[] = { "rm", "-rf", sealed, NULL };
	assert_int_equal(soft_run(drop), 0);
	ctx_done(&c);
}

/* Whatever stands in a path or a connection string, the processes read the same from the file. */
static void test_database_is_quoted(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct config *config = NULL;
	struct init_options o = { .state = "/s/it's \"odd\" \\ ü", .database = "host='/a b' dbname=c\"d" };
	assert_int_equal(config_load(&c, NULL, 0, &config), 0);
	const char *path = in_folder(&c, "odd.yaml");
	assert_int_equal(file_make(&c, path, bytes_of_text(init_config_text(c.arena, &o, config)), 0600), 0);
	config_free(config);
	assert_int_equal(config_load(&c, &path, 1, &config), 0);
	assert_string_equal(config->ra.process.database,
	    "host='/a b' dbname=c\"d user=cairn_ra passfile='/s/it\\'s \"odd\" \\\\ ü/secrets/cairn_ra.pgpass'");
	config_free(config);
	ctx_done(&c);
}

/* C-55: a perspective that is named later gets a certificate of its own, by the same authority; all else stays */
static void test_perspective(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct init_options o = {
		.state = folder, .database = "host=/tmp/none dbname=cairn", .overlay = in_folder(&c, "ams.yaml")
	};
	FILE *f = fopen(o.overlay, "w");
	assert_non_null(f);
	assert_true(fprintf(f, "va: {perspectives: [{name: ams, address: '192.0.2.1:1'}]}\n") > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(init_run(&c, &o), 0);
	assert_int_equal(init_run(&c, &o), 0);
	X509 *cert = read_x509(&c, "pki/internal/perspective-ams/perspective-ams.pem");
	assert_int_equal(X509_check_host(cert, "perspective-ams", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "cairn-va", 0, 0, NULL), 0);
	X509 *ca = read_x509(&c, "pki/internal/ca.pem");
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(ca)), 1);
	X509_free(cert);
	X509_free(ca);
	ctx_done(&c);
}

static void write_plan(struct ctx *c, const char *text)
{
	unlink(in_folder(c, "plan.yaml"));
	assert_int_equal(file_make(c, in_folder(c, "plan.yaml"), bytes_of_text(text), 0600), 0);
}

/* D-62: a ceremony has no word for anything that a root may not sign. */
static void test_plan_faults(void **state)
{
	(void) state;
	static const char *const plans[] = {
		"title: x\nsteps: []\n",
		"steps:\n  - { action: root, name: r, key: p384, common_name: R, cert_file: r.pem, key_file: r.key }\n",
		"title: x\nsteps:\n  - { action: rooot, name: r }\n",
		"title: x\nsteps:\n  - { action: root, name: r }\n",
		"title: x\nsteps:\n  - { action: root, name: r, key: dsa, common_name: R, cert_file: r.pem, key_file: r.k }\n",
		"title: x\nsteps:\n  - { action: crl, name: r, issuer: nobody, crl_file: x.crl }\n",
		"title: x\nsteps:\n  - { action: root, name: r, speed: 3 }\n",
		"title: x\nsteps:\n  - { action: leaf, name: r, key: p256, common_name: L, cert_file: r.pem, key_file: r.k }\n",
	};
	for (size_t i = 0; i < COUNT_OF(plans); i++) {
		struct ctx c;
		struct ceremony plan;
		ctx_init(&c);
		write_plan(&c, plans[i]);
		if (ceremony_read(&c, in_folder(&c, "plan.yaml"), &plan) == 0) {
			fail_msg("this plan was taken: %s", plans[i]);
		}
		assert_int_equal(c.err.type, PROBLEM_MALFORMED);
		ctx_done(&c);
	}
}

static void assert_member(const json_t *line, const char *name, const char *expected)
{
	assert_string_equal(json_string_value(json_object_get(line, name)), expected);
}

/* The one object in the transcript: what was made, by what, and the digests by which it can be known again. */
static void assert_transcript(struct ctx *c)
{
	struct bytes text;
	struct bytes_list chain;
	json_t *line = NULL;
	assert_int_equal(file_read(c, in_folder(c, "plan.jsonl"), &text), 0);
	const uint8_t *second = memchr(text.p, '\n', text.n);
	assert_non_null(second); /* behind the one that tells of the ceremony */
	text = (struct bytes) { second + 1, text.n - (size_t) (second + 1 - text.p) };
	assert_int_equal(json_parse(c, text, &line), 0); /* one line and no more */
	assert_int_equal(cert_read_file(c, in_folder(c, "r.pem"), &chain), 0);
	assert_member(line, "software", "cairn " CAIRN_VERSION);
	assert_member(line, "action", "root");
	assert_member(line, "name", "r");
	assert_member(line, "subject", "R");
	assert_member(line, "sha256", cert_fingerprint(c->arena, chain.v[0]));
	assert_true(json_integer_value(json_object_get(line, "lints")) > 50);
	assert_non_null(json_object_get(line, "at"));
}

/* F-12, F-13: shown first, linted, written down, and what is there is never replaced. */
static void test_plan(void **state)
{
	(void) state;
	struct ctx c;
	struct ceremony plan;
	struct text_list list;
	ctx_init(&c);
	write_plan(&c, "title: A root\ntranscript: plan.jsonl\nsteps:\n"
	               "  - { action: root, name: r, key: p384, country: XX, organization: O, common_name: R, days: 3650,\n"
	               "      cert_file: r.pem, key_file: r.key }\n");
	assert_int_equal(ceremony_read(&c, in_folder(&c, "plan.yaml"), &plan), 0);
	assert_int_equal(ceremony_describe(&c, &plan, &list), 0);
	assert_false(file_exists(in_folder(&c, "r.pem"))); /* shown first */
	assert_int_equal(ceremony_run(&c, &plan, &(struct text_list) { NULL, 0 }, &list), 0);
	assert_int_equal(list.n, 1);
	assert_true(file_exists(in_folder(&c, "r.pem")));
	assert_transcript(&c);
	assert_int_equal(ceremony_run(&c, &plan, &(struct text_list) { NULL, 0 }, &list), 0);
	assert_int_equal(list.n, 0);
	/* a key without its certificate is a ceremony that was cut off: never overwritten */
	unlink(in_folder(&c, "r.pem"));
	assert_int_equal(ceremony_run(&c, &plan, &(struct text_list) { NULL, 0 }, &list), -1);
	ctx_done(&c);
}

/* F-33, D-5: what the lints refuse is neither signed nor written. */
static void test_plan_is_linted(void **state)
{
	(void) state;
	struct ctx c;
	struct ceremony plan;
	struct text_list list;
	ctx_init(&c);
	write_plan(&c,
	    "title: A root\ntranscript: bad.jsonl\nsteps:\n"
	    "  - { action: root, name: bad, key: p384, country: xx, organization: O, common_name: R, days: 3650,\n"
	    "      cert_file: bad.pem, key_file: bad.key }\n");
	assert_int_equal(ceremony_read(&c, in_folder(&c, "plan.yaml"), &plan), 0);
	assert_int_equal(ceremony_run(&c, &plan, &(struct text_list) { NULL, 0 }, &list), -1);
	assert_non_null(strstr(c.err.cause, "lint subject_text (D-5)"));
	assert_false(file_exists(in_folder(&c, "bad.pem")) || file_exists(in_folder(&c, "bad.key")));
	unlink(in_folder(&c, "bad.jsonl"));
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_is_linted),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_encrypted),
		cmocka_unit_test(test_perspective),
		cmocka_unit_test(test_database_is_quoted),
		cmocka_unit_test(test_plan_faults),
		cmocka_unit_test(test_plan),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* A signing CA with a real signer on a real database, and orders that it may issue for. One process links it once. */
#ifndef CAIRN_TESTS_CA_WORLD_H
#define CAIRN_TESTS_CA_WORLD_H

#include "tests/unit/crypto_test.h"

#include "tests/unit/hex.h"
#include "tests/unit/pg.h"
#include "tests/unit/soft_token.h"

#include "ca/ca.h"
#include "ca/signer.h"
#include "ca/statements.h"
#include "cli/files.h"
#include "cli/init.h"
#include "lib/base/buffer.h"
#include "lib/crypto/crl.h"
#include "lib/crypto/secret.h"
#include "lib/rpc/handlers.h"

static struct ctx all; /* what lives as long as the group */
static char state_dir[] = "/tmp/cairn-test-ca-XXXXXX";
static bool in_token;        /* where the issuers' keys are; else in files, one of which is encrypted */
static const char *ocsp_url; /* of all issuers; NULL: no OCSP */
static struct config *config;
static struct id account;
static uint8_t account_thumbprint[SHA256_SIZE];

static inline const char *uuid(struct arena *a, struct id id)
{
	return hex_encode(a, (struct bytes) { id.b, sizeof(id.b) }); /* PostgreSQL takes 32 digits */
}

static inline void run_sql(const char *format, ...) PRINTF_LIKE(1, 2);
static inline void run_sql(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	pg_exec("postgres", arena_vprintf(all.arena, format, ap));
	va_end(ap);
}

static inline void expect(const char *expected, const char *format, ...) PRINTF_LIKE(2, 3);
static inline void expect(const char *expected, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	pg_assert_value(arena_vprintf(all.arena, format, ap), expected);
	va_end(ap);
}

/* Profiles, and the token. */
static inline const char *write_overlay(void)
{
	const char *path = arena_printf(all.arena, "%s/overlay.yaml", state_dir);
	FILE *overlay = fopen(path, "w");
	assert_non_null(overlay);
	fputs("policy:\n  profiles:\n    - { name: classic, life: 90d, common_name: true }\n"
	      "    - { name: shortlived, life: 160h }\n",
	    overlay);
	if (in_token) {
		fprintf(overlay, "ca:\n  token: { module: %s, label: cairn, pin_file: %s/pin, paths: [%s] }\n", SOFT_MODULE,
		    soft_folder, soft_folder);
	}
	fclose(overlay);
	return path;
}

/* F-2 */
static inline void encrypt_key(struct config_issuer *issuer)
{
	const char *passphrase_file = arena_printf(all.arena, "%s/passphrase", state_dir);
	const struct secret passphrase = { (char *) (uintptr_t) "open sesame", 11 };
	EVP_PKEY *key = NULL;
	struct bytes pem;
	assert_good(&all, key_read_file(&all, issuer->key_file, &key));
	assert_good(&all, key_to_encrypted_pem(&all, key, &passphrase, &pem));
	assert_int_equal(unlink(issuer->key_file), 0);
	assert_good(&all, file_make(&all, issuer->key_file, pem, 0600));
	assert_good(&all, file_make(&all, passphrase_file, bytes_of_text("wrong\n"), 0600));
	issuer->passphrase_file = passphrase_file;
	assert_cause(&all, "does not open", ca_open(&all, config));
	assert_int_equal(unlink(passphrase_file), 0);
	assert_good(&all, file_make(&all, passphrase_file, bytes_of_text("open sesame\n"), 0600));
}

/* A key that is not the certificate's, or none at all: the signer does not start (F-8). */
static inline void try_wrong_keys(struct config_issuer *issuers)
{
	const struct config_issuer good = issuers[0];
	issuers[0].key_file = issuers[1].key_file;
	issuers[0].key_label = issuers[1].key_label;
	assert_cause(&all, "does not belong", ca_open(&all, config));
	if (in_token) {
		issuers[0].key_label = "none";
		assert_cause(&all, "has no private key \"none\"", ca_open(&all, config));
	}
	issuers[0] = good;
}

static inline int setup(void **state)
{
	(void) state;
	ctx_init(&all);
	pg_start();
	pg_add_year("now() - interval '30 days'");
	assert_non_null(mkdtemp(state_dir));
	if (in_token) {
		soft_start(&all);
	}
	const char *overlay = write_overlay();
	struct init_options o = { .state = state_dir,
		.overlay = overlay,
		.database = arena_printf(all.arena, "host=%s dbname=cairn", pg_cluster.dir) };
	assert_good(&all, init_run(&all, &o));
	const char *paths[] = { arena_printf(all.arena, "%s/cairn.yaml", state_dir), overlay };
	assert_good(&all, config_load(&all, paths, 2, &config));
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		config->ca.issuers.v[i].ocsp_url = ocsp_url;
	}
	try_wrong_keys(config->ca.issuers.v);
	if (!in_token) {
		encrypt_key(&config->ca.issuers.v[1]);
	}
	assert_good(&all, ca_open(&all, config));
	db_statements(ca_statements, ca_n_statements);
	db_configure(config->ca.process.database, 4, 5000);
	account = id_new();
	sha256_of(bytes_of_text("k"), account_thumbprint);
	run_sql("INSERT INTO acme.account (id, status, key, thumbprint) VALUES ('%s', 'valid', '{}', sha256('k'))",
	    uuid(all.arena, account));
	return 0;
}

static inline int teardown(void **state)
{
	(void) state;
	db_thread_end();
	signer_stop();
	if (in_token) {
		soft_end();
	}
	config_free(config);
	ctx_done(&all);
	pg_stop();
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", state_dir, (char *) NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

/* The same tests with keys in files and in a token, each in a process of its own, as what a CA remembers ends with it. Whoever measures wants
 * one at a time: CAIRN_KEYS=files. */
#define run_in_files_and_token(tests, setup) run_both((tests), COUNT_OF(tests), (setup))
static inline int run_both(const struct CMUnitTest *tests, size_t n, CMFixtureFunction set_up_all)
{
	int status = -1;
	const char *only = getenv("CAIRN_KEYS");
	if (only != NULL && strcmp(only, "files") == 0) {
		return _cmocka_run_group_tests("keys in files", tests, n, set_up_all, teardown);
	}
	pid_t pid = fork();
	in_token = pid == 0;
	int failed =
	    _cmocka_run_group_tests(in_token ? "keys in a token" : "keys in files", tests, n, set_up_all, teardown);
	if (pid == 0) {
		exit(failed);
	}
	(void) waitpid(pid, &status, 0);
	return failed + (status == 0 ? 0 : 1);
}

/* A ready order of the account for these names, each with an authorization that a validation made valid. */
static inline struct id make_order(const char *const *names, size_t n)
{
	struct id order = id_new();
	const char *list = "";
	const char *authzs = "";
	for (size_t i = 0; i < n; i++) {
		const char *authz = uuid(all.arena, id_new());
		const char *comma = i == 0 ? "" : ", ";
		list = arena_printf(all.arena, "%s%s'%s'", list, comma, names[i]);
		authzs = arena_printf(all.arena, "%s%s'%s'", authzs, comma, authz);
		const char *validation = uuid(all.arena, id_new());
		bool wildcard = strncmp(names[i], "*.", 2) == 0;
		const char *base = wildcard ? names[i] + 2 : names[i];
		run_sql("INSERT INTO log.validation VALUES ('%s', '%s', '%s', '%s', '%s', 'dns', '%s', %s, 'dns-01', "
		        "'3.2.2.4.19', 'local', 1, true, NULL, NULL, 'off', NULL, sha256('t'), sha256('x'), 1, now(), now(), "
		        "sha256('a') || sha256('b'), 'control'); INSERT INTO acme.authz (id, account_id, identifier_type, "
		        "identifier_value, wildcard, challenge_types, tokens, tried, expires_at, validation_id) VALUES ('%s', "
		        "'%s', "
		        "'dns', "
		        "'%s', %s, '{dns-01}', '{token}', 1, now() + interval '1 d', '%s')",
		    validation, authz, authz, uuid(all.arena, account), validation, base, wildcard ? "true" : "false", authz,
		    uuid(all.arena, account), base, wildcard ? "true" : "false", validation);
	}
	run_sql(
	    "INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, "
	    "expires_at) SELECT '%s', '%s', array_fill('dns'::text, ARRAY[%zu]), ARRAY[%s], ARRAY[%s]::uuid[], 'classic', "
	    "now() + interval '1 d'",
	    uuid(all.arena, order), uuid(all.arena, account), n, list, authzs);
	return order;
}

static inline struct issue_certificate_request make_request(
    struct ctx *c, const char *key_kind, const char *const *names, size_t n)
{
	EVP_PKEY *key = NULL;
	struct issue_certificate_request in = {
		.order_id = make_order(names, n),
		.account_id = account,
		.profile = "classic",
		.account_thumbprint = { account_thumbprint, sizeof(account_thumbprint) },
	};
	assert_good(c, key_generate(c, key_kind, &key));
	assert_good(c, key_spki(c, key, &in.public_key));
	in.names = (struct identifier_list) { ARENA_ARRAY(c->arena, n, struct identifier), n };
	for (size_t i = 0; i < n; i++) {
		in.names.v[i] = (struct identifier) { "dns", names[i] };
	}
	return in;
}

static inline struct issue_certificate_request one_name(struct ctx *c, const char *name)
{
	return make_request(c, "p256", &name, 1);
}

static inline struct bytes from_db(struct ctx *c, const char *sql)
{
	char *hex = pg_value(sql);
	assert_non_null(hex);
	struct bytes octets = hex_octets(c->arena, hex);
	free(hex);
	return octets;
}

static inline struct bytes certificate_of(struct ctx *c, struct id id)
{
	return from_db(
	    c, arena_printf(c->arena, "SELECT encode(der, 'hex') FROM ca.certificate WHERE id = '%s'", uuid(c->arena, id)));
}

static inline struct bytes newest_crl(struct ctx *c, const char *issuer)
{
	return from_db(
	    c, arena_printf(c->arena,
	           "SELECT encode(der, 'hex') FROM ca.crl WHERE issuer = '%s' AND shard = 0 ORDER BY number DESC LIMIT 1",
	           issuer));
}

static inline X509 *x509_of(struct bytes der)
{
	const unsigned char *p = der.p;
	X509 *cert = d2i_X509(NULL, &p, (long) der.n);
	assert_non_null(cert);
	return cert;
}

static inline X509 *x509_of_file(struct ctx *c, const char *name)
{
	struct bytes_list chain;
	assert_good(c, cert_read_file(c, arena_printf(c->arena, "%s/pki/%s", state_dir, name), &chain));
	return x509_of(chain.v[0]);
}

static inline void add_crl(X509_STORE *store, struct bytes der)
{
	const unsigned char *p = der.p;
	AUTO(X509_CRL) crl = d2i_X509_CRL(NULL, &p, (long) der.n);
	assert_non_null(crl);
	assert_int_equal(X509_STORE_add_crl(store, crl), 1);
}

/* What `openssl verify -x509_strict -crl_check` says of a leaf: X509_V_OK, X509_V_ERR_CERT_REVOKED ... */
static inline int verify(struct ctx *c, struct bytes der, const char *issuer)
{
	AUTO(X509) leaf = x509_of(der);
	AUTO(X509) root = x509_of_file(c, "root.pem");
	AUTO(X509_STORE) store = X509_STORE_new();
	AUTO(X509_STORE_CTX) run = X509_STORE_CTX_new();
	AUTO_STACK(X509) chain = sk_X509_new_null();
	sk_X509_push(chain, x509_of_file(c, arena_printf(c->arena, "%s.pem", issuer)));
	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	add_crl(store, newest_crl(c, issuer));
	X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CRL_CHECK | X509_V_FLAG_EXTENDED_CRL_SUPPORT);
	assert_int_equal(X509_STORE_CTX_init(run, store, leaf, chain), 1);
	return X509_verify_cert(run) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(run);
}

static inline void revoke_now(struct ctx *c, struct bytes der, int reason)
{
	struct cert_info info;
	assert_good(c, cert_parse(c, der, &info));
	const char *sql = arena_printf(c->arena,
	    "SELECT acme.revoke_certificate('\\x%s', '\\x%s', %d, '%s', sha256('k'), false, 'test', NULL)",
	    hex_encode(c->arena, info.serial), hex_encode(c->arena, der), reason, uuid(c->arena, account));
	pg_exec("cairn_ra", sql);
}

#endif

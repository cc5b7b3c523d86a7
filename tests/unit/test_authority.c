/* What `cairn init` makes: the internal authority, certificates of processes, of the site; keys and files. D-9, F-35. */
#include "tests/unit/crypto_test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *path, struct bytes content, mode_t mode)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(content.p, 1, content.n, f), content.n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int verify(const struct authority *ca, const struct authority *one, int purpose, const char *host)
{
	AUTO(X509) root = to_x509(ca->der);
	AUTO(X509) cert = to_x509(one->der);
	AUTO(X509_STORE) store = X509_STORE_new();
	X509_STORE_add_cert(store, root);
	AUTO(X509_STORE_CTX) ctx = X509_STORE_CTX_new();
	assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_purpose(param, purpose);
	X509_VERIFY_PARAM_set1_host(param, host, 0);
	return X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
}

static void certificates_of_processes(void **state)
{
	struct ctx *c = *state;
	struct authority ca;
	struct authority wfe;
	struct authority site;
	TEXTS(names, "acme.test", "localhost");
	assert_good(c, authority_make_rpc_ca(c, &ca));
	assert_good(c, authority_make_rpc(c, &ca, "cairn-wfe", &wfe));
	assert_good(c, authority_make_site(c, &ca, &names, &site));
	assert_int_equal(verify(&ca, &wfe, X509_PURPOSE_SSL_SERVER, "cairn-wfe"), X509_V_OK);
	assert_int_equal(verify(&ca, &wfe, X509_PURPOSE_SSL_CLIENT, "localhost"), X509_V_OK);
	assert_int_not_equal(verify(&ca, &wfe, X509_PURPOSE_SSL_SERVER, "cairn-ra"), X509_V_OK);
	assert_int_equal(verify(&ca, &site, X509_PURPOSE_SSL_SERVER, "acme.test"), X509_V_OK);
	assert_int_not_equal(verify(&ca, &site, X509_PURPOSE_SSL_CLIENT, "acme.test"), X509_V_OK);
	assert_int_equal(site.info.dns_names.n, 2);
	assert_int_equal(site.info.ip_addresses.n, 2);
	int64_t life_us = wfe.info.not_after.us - wfe.info.not_before.us;
	assert_int_equal(life_us / 1000000 + 1, 365 * 86400); /* D-9 */
}

static void nothing_outlives_its_issuer(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p384", "p256", &h);
	const struct authority_request r = {
		.subject = { "XX", "Test Org", "Test E2" },
		.key_kind = "p256",
		.not_before = clock_now(),
		.days = 5000,
		.crl_url = "http://crl.test/root.crl",
		.aia_url = "http://pki.test/root.der",
	};
	struct authority long_lived;
	assert_good(c, authority_make(c, CERT_INTERMEDIATE, &r, &h.root, &long_lived));
	assert_int_equal(long_lived.info.not_after.us, h.root.info.not_after.us);
}

static void files_come_back(void **state)
{
	struct ctx *c = *state;
	char dir[] = "/tmp/cairn-authority-XXXXXX";
	assert_non_null(mkdtemp(dir));
	const char *key_path = arena_printf(c->arena, "%s/key.pem", dir);
	const char *cert_path = arena_printf(c->arena, "%s/cert.pem", dir);
	struct authority ca;
	struct authority other;
	struct authority read;
	struct bytes pem;
	assert_good(c, authority_make_rpc_ca(c, &ca));
	assert_good(c, authority_make_rpc_ca(c, &other));
	assert_good(c, key_to_pem(c, ca.key, &pem));
	write_file(key_path, pem, 0600);
	write_file(cert_path, cert_to_pem(c->arena, ca.der), 0644);
	assert_good(c, authority_read(c, key_path, cert_path, &read));
	assert_int_equal(EVP_PKEY_eq(read.key, ca.key), 1);
	assert_true(bytes_equal(read.der, ca.der));
	write_file(cert_path, ca.der, 0644);
	assert_good(c, authority_read(c, key_path, cert_path, &read));
	write_file(cert_path, other.der, 0644);
	assert_cause(c, "does not belong", authority_read(c, key_path, cert_path, &read));
	write_file(key_path, pem, 0644);
	assert_cause(c, "chmod 600", authority_read(c, key_path, cert_path, &read));
	write_file(key_path, bytes_of_text("no key"), 0600);
	assert_cause(c, "no private key", authority_read(c, key_path, cert_path, &read));
	unlink(key_path);
	assert_cause(c, "can't be opened", authority_read(c, key_path, cert_path, &read));
	unlink(cert_path);
	rmdir(dir);
}

static void kinds_of_keys(void **state)
{
	struct ctx *c = *state;
	static const struct {
		const char *name;
		enum key_kind kind;
		enum sigalg alg;
	} kinds[] = {
		{ "rsa2048", KEY_RSA, SIGALG_RSA_SHA256 },
		{ "p256", KEY_P256, SIGALG_ECDSA_SHA256 },
		{ "p384", KEY_P384, SIGALG_ECDSA_SHA384 },
		{ "p521", KEY_P521, SIGALG_ECDSA_SHA512 },
		{ "ed25519", KEY_ED25519, SIGALG_NONE },
	};
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		EVP_PKEY *key = NULL;
		EVP_PKEY *again = NULL;
		struct bytes spki;
		struct bytes signature;
		assert_good(c, key_generate(c, kinds[i].name, &key));
		assert_int_equal(key_kind_of(key), kinds[i].kind);
		assert_int_equal(sigalg_of_key(key), kinds[i].alg);
		assert_good(c, key_spki(c, key, &spki));
		assert_int_equal(key_kind_of_spki(spki), kinds[i].kind);
		assert_good(c, key_of_spki(c, spki, &again));
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		if (kinds[i].alg == SIGALG_NONE) {
			assert_problem(c, PROBLEM_SERVER_INTERNAL, key_sign(c, key, spki, &signature));
			continue;
		}
		assert_int_equal(sigalg_of_der(sigalg_der(kinds[i].alg)), kinds[i].alg);
		assert_good(c, key_sign(c, key, spki, &signature));
		assert_true(key_verify(again, spki, signature));
		assert_false(key_verify(again, signature, signature));
	}
	EVP_PKEY *key = NULL;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, key_generate(c, "dsa", &key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(certificates_of_processes),
		WITH_CTX(nothing_outlives_its_issuer),
		WITH_CTX(files_come_back),
		WITH_CTX(kinds_of_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

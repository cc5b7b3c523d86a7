/* link: cli */
/* Keys, requests, checks of certificates and the http-01 responder of `cairn bench`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/bench_check.h"
#include "cli/bench_cpu.h"
#include "cli/bench_responder.h"
#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"

static const struct bench_options options = {
	.suffix = "test",
	.workers = 2,
	.names_per_order = 2,
	.prepare = 3,
};

static void test_names_and_late_keys(void **state)
{
	(void) state;
	struct arena *late = arena_new();
	struct bench_pool *pool = bench_pool_new(&options, 2);
	static const char *const names[][2] = {
		{ "w1-1.test", "w1-1-2.test" },
		{ "w2-1.test", "w2-1-2.test" },
		{ "w1-2.test", "w1-2-2.test" },
		{ "w2-2.test", "w2-2-2.test" },
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(bench_pool_late(pool), 0);
		const struct bench_item *item = bench_pool_take(pool, late);
		assert_int_equal(item->names.n, 2);
		assert_string_equal(item->names.v[0], names[i][0]);
		assert_string_equal(item->names.v[1], names[i][1]);
	}
	assert_int_equal(bench_pool_late(pool), 1);
	bench_pool_free(pool);
	arena_free(late);
}

/* The CSR is one that OpenSSL verifies, with the key and the names that the item says. */
static void check_csr(enum bench_key_kind kind)
{
	struct arena *a = arena_new();
	struct bench_options o = options;
	o.key = kind;
	struct bench_pool *pool = bench_pool_new(&o, 1);
	const struct bench_item *item = bench_pool_take(pool, a);
	struct bytes der;
	assert_int_equal(base64url_decode(a, bytes_of_text(item->csr), &der), 0);
	const uint8_t *p = der.p;
	AUTO(X509_REQ) req = d2i_X509_REQ(NULL, &p, (long) der.n);
	assert_non_null(req);
	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	AUTO_STACK(X509_EXTENSION) extensions = X509_REQ_get_extensions(req);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
	p = item->spki.p;
	AUTO(EVP_PKEY) key = d2i_PUBKEY(NULL, &p, (long) item->spki.n);
	assert_non_null(key);
	assert_int_equal(EVP_PKEY_eq(key, X509_REQ_get0_pubkey(req)), 1);
	bench_pool_free(pool);
	arena_free(a);
}

static void test_csr_of_both_kinds(void **state)
{
	(void) state;
	check_csr(BENCH_P256);
	check_csr(BENCH_RSA2048);
}

/* Key of the JWK that the account would send: what a server verifies with. */
static EVP_PKEY *key_of_point(struct arena *a, const char *jwk)
{
	struct bytes x;
	struct bytes y;
	uint8_t point[65] = { 4 };
	assert_int_equal(base64url_decode(a, (struct bytes) { (const uint8_t *) strstr(jwk, "\"x\":\"") + 5, 43 }, &x), 0);
	assert_int_equal(base64url_decode(a, (struct bytes) { (const uint8_t *) strstr(jwk, "\"y\":\"") + 5, 43 }, &y), 0);
	memcpy(point + 1, x.p, 32);
	memcpy(point + 33, y.p, 32);
	char group[] = "P-256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("group", group, 0),
		OSSL_PARAM_construct_octet_string("pub", point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};
	AUTO(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	return key;
}

static void test_signature_is_es256(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct bench_key key = bench_key_new(a, BENCH_P256);
	AUTO(EVP_PKEY) public = key_of_point(a, key.jwk);
	for (int i = 0; i < 20; i++) { /* a short r or s comes one time in 128 */
		struct bytes raw;
		assert_int_equal(base64url_decode(a, bytes_of_text(bench_key_sign(a, &key, bytes_of_text("input"))), &raw), 0);
		assert_int_equal(raw.n, 64);
		AUTO(ECDSA_SIG) sig = ECDSA_SIG_new();
		ECDSA_SIG_set0(sig, BN_bin2bn(raw.p, 32, NULL), BN_bin2bn(raw.p + 32, 32, NULL));
		uint8_t *der = NULL;
		int n = i2d_ECDSA_SIG(sig, &der);
		AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
		assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, public), 1);
		assert_int_equal(EVP_DigestVerify(md, der, (size_t) n, (const uint8_t *) "input", 5), 1);
		OPENSSL_free(der);
	}
	assert_int_equal(strlen(key.thumbprint), 43);
	struct bench_key rsa = bench_key_new(a, BENCH_RSA2048);
	assert_int_equal(strlen(bench_key_sign(a, &rsa, bytes_of_text("input"))), 342);
	assert_true(strncmp(rsa.jwk, "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"", 29) == 0);
	arena_free(a);
}

/* A small CA of the test's own. */
struct authority {
	struct arena *arena;
	struct bench_pool *pool;
	const struct bench_item *item;
	const struct bench_item *other;
	EVP_PKEY *key;
	X509 *issuer;
	const char *issuer_pem;
};

static const char *to_pem(struct arena *a, X509 *cert)
{
	AUTO(BIO) bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	char *text = NULL;
	long n = BIO_get_mem_data(bio, &text);
	return arena_text_n(a, text, (size_t) n);
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static X509 *make_certificate(const char *subject, struct bytes spki, EVP_PKEY *signer, X509 *issuer, const char *san)
{
	X509 *cert = X509_new();
	const uint8_t *p = spki.p;
	AUTO(EVP_PKEY) key = d2i_PUBKEY(NULL, &p, (long) spki.n);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), 0x8040302010ULL);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	AUTO(X509_NAME) name = X509_NAME_new();
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *) subject, -1, -1, 0);
	X509_set_subject_name(cert, name);
	X509_set_issuer_name(cert, issuer == NULL ? name : X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	if (issuer == NULL) {
		add_extension(cert, cert, NID_subject_key_identifier, "hash");
	} else {
		add_extension(cert, issuer, NID_authority_key_identifier, "keyid");
		add_extension(cert, issuer, NID_subject_alt_name, san);
	}
	assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);
	return cert;
}

static void authority_init(struct authority *x)
{
	x->arena = arena_new();
	x->pool = bench_pool_new(&options, 1);
	x->item = bench_pool_take(x->pool, x->arena);
	x->other = bench_pool_take(x->pool, x->arena);
	x->key = EVP_EC_gen("P-256");
	uint8_t *spki = NULL;
	int n = i2d_PUBKEY(x->key, &spki);
	x->issuer = make_certificate("Issuer", (struct bytes) { spki, (size_t) n }, x->key, NULL, NULL);
	OPENSSL_free(spki);
	x->issuer_pem = to_pem(x->arena, x->issuer);
}

static void authority_done(struct authority *x)
{
	X509_free(x->issuer);
	EVP_PKEY_free(x->key);
	bench_pool_free(x->pool);
	arena_free(x->arena);
}

static const char *leaf_pem(struct authority *x, const struct bench_item *item, EVP_PKEY *signer, const char *san)
{
	AUTO(X509) leaf = make_certificate("leaf", item->spki, signer, x->issuer, san);
	return to_pem(x->arena, leaf);
}

/* The problem that is found, or NULL. */
static const char *check(struct authority *x, const char *leaf, const char *issuers, struct bench_certificate *ret)
{
	struct bench_issuers kept = { 0 };
	const char *problem = NULL;
	struct bytes pem = bytes_of_text(arena_printf(x->arena, "%s%s", leaf, issuers));
	int failed = bench_check_chain(x->arena, &kept, pem, x->item, ret, &problem);
	bench_issuers_done(&kept);
	assert_int_equal(failed != 0, problem != NULL);
	return problem;
}

#define GOOD_SAN "DNS:w1-1-2.test,DNS:w1-1.test"

static void test_good_chain(void **state)
{
	(void) state;
	struct authority x;
	authority_init(&x);
	struct bench_certificate certificate = { 0 };
	assert_null(check(&x, leaf_pem(&x, x.item, x.key, GOOD_SAN), x.issuer_pem, &certificate));
	assert_non_null(certificate.der);
	assert_non_null(certificate.certid);
	/* RFC 9773 4.1: the serial's content octets, a leading zero included: 00 80 40 30 20 10. */
	assert_string_equal(strchr(certificate.certid, '.'), ".AIBAMCAQ");
	assert_int_equal(strchr(certificate.certid, '.') - certificate.certid, 27);
	authority_done(&x);
}

static void test_bad_chains(void **state)
{
	(void) state;
	struct authority x;
	authority_init(&x);
	struct bench_certificate none = { 0 };
	const char *good = leaf_pem(&x, x.item, x.key, GOOD_SAN);
	assert_non_null(strstr(check(&x, leaf_pem(&x, x.other, x.key, GOOD_SAN), x.issuer_pem, &none), "another key"));
	assert_non_null(strstr(check(&x, leaf_pem(&x, x.item, x.key, "DNS:w1-1.test"), x.issuer_pem, &none), "not in"));
	assert_non_null(
	    strstr(check(&x, leaf_pem(&x, x.item, x.key, "DNS:w1-1.test,DNS:w1-1-3.test"), x.issuer_pem, &none), "not in"));
	assert_non_null(
	    strstr(check(&x, leaf_pem(&x, x.item, x.key, GOOD_SAN ",DNS:x.test"), x.issuer_pem, &none), "more"));
	assert_non_null(
	    strstr(check(&x, leaf_pem(&x, x.item, x.key, GOOD_SAN ",IP:127.0.0.1"), x.issuer_pem, &none), "more"));
	assert_non_null(strstr(check(&x, good, "", &none), "no issuer"));
	assert_non_null(strstr(check(&x, good, good, &none), "not the issuer"));
	assert_non_null(
	    strstr(check(&x, good, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &none), "parsed"));
	assert_non_null(strstr(check(&x, "", "", &none), "not a PEM"));
	assert_non_null(strstr(
	    check(&x, "-----BEGIN CERTIFICATE-----\nMAAwADAA\n-----END CERTIFICATE-----\n", "", &none), "not a PEM"));
	AUTO(EVP_PKEY) stranger = EVP_EC_gen("P-256");
	assert_non_null(strstr(check(&x, leaf_pem(&x, x.item, stranger, GOOD_SAN), x.issuer_pem, &none), "signature"));
	assert_null(none.der);
	authority_done(&x);
}

/* What the responder answers to this request, of which it may get only the first part at once. */
static const char *ask(struct arena *a, const struct bench_responder *r, const char *first, const char *second)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(bench_responder_port(r)) };
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *) &at, sizeof(at)), 0);
	assert_int_equal(send(fd, first, strlen(first), MSG_NOSIGNAL), strlen(first));
	if (second != NULL) {
		usleep(20000);
		assert_int_equal(send(fd, second, strlen(second), MSG_NOSIGNAL), strlen(second));
	}
	char text[2048] = "";
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	close(fd);
	return arena_text_n(a, text, n < 0 ? 0 : (size_t) n);
}

static void test_responder(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct bench_responder *r = NULL;
	assert_int_equal(bench_responder_start(&c, "127.0.0.1", 0, &r), 0);
	assert_int_equal(bench_responder_put(r, "token_-1", "thumb"), 0);
	assert_int_equal(bench_responder_put(r, "token_-1", "print"), 0); /* replaces */
	assert_int_equal(bench_responder_put(r, "", "thumb"), -1);
	assert_int_equal(bench_responder_put(r, "a/b", "thumb"), -1);
	const char *yes = ask(c.arena, r, "GET /.well-known/acme-challenge/token_-1 HTTP/1.1\r\nHost: x\r\n\r\n", NULL);
	assert_non_null(strstr(yes, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(yes, "\r\n\r\ntoken_-1.print"));
	const char *halves =
	    ask(c.arena, r, "GET /.well-known/acme-challenge/token_-1 HTT", "P/1.1\r\nConnection: close\r\n\r\n");
	assert_non_null(strstr(halves, "Connection: close\r\n"));
	assert_non_null(strstr(halves, "\r\n\r\ntoken_-1.print"));
	assert_non_null(strstr(ask(c.arena, r, "GET /.well-known/acme-challenge/token_ HTTP/1.1\r\n\r\n", NULL), " 404 "));
	assert_non_null(
	    strstr(ask(c.arena, r, "POST /.well-known/acme-challenge/token_-1 HTTP/1.1\r\n\r\n", NULL), " 404 "));
	bench_responder_remove(r, "token_-1");
	bench_responder_remove(r, "token_-1");
	assert_non_null(
	    strstr(ask(c.arena, r, "GET /.well-known/acme-challenge/token_-1 HTTP/1.1\r\n\r\n", NULL), " 404 "));
	struct bench_responder *second = NULL;
	assert_int_equal(bench_responder_start(&c, "127.0.0.1", bench_responder_port(r), &second), -1);
	assert_non_null(strstr(c.err.detail, "can't listen"));
	ctx_forgive(&c);
	assert_int_equal(bench_responder_start(&c, "localhost", 0, &second), -1);
	bench_responder_stop(r);
	ctx_done(&c);
}

static double seconds_of(const pid_t *pids, size_t n)
{
	struct bench_cpu cpu;
	bench_cpu_read(pids, n, &cpu);
	double sum = 0;
	for (size_t i = 0; i < cpu.n; i++) {
		sum += cpu.row[i].seconds;
	}
	assert_true(cpu.n == BENCH_CPU_ROWS_MAX || (sum > cpu.seconds - 1e-6 && sum < cpu.seconds + 1e-6));
	return cpu.seconds;
}

static void test_cpu_counts_this_process_once(void **state)
{
	(void) state;
	volatile uint64_t work = 1;
	while (bench_cpu_own_seconds() < 0.1) {
		work = work * 3 + 1;
	}
	double own = bench_cpu_own_seconds();
	const pid_t pids[] = { getpid(), getpid(), getppid() };
	double counted = seconds_of(pids, 1);
	assert_true(counted > own - 0.03 && counted < own + 0.1);
	assert_true(seconds_of(pids, 2) < own + 0.1);
	assert_true(seconds_of(pids + 2, 1) >= counted); /* a parent includes its children */
	assert_true(seconds_of(pids, 0) <= 0);
	struct bench_cpu cpu;
	bench_cpu_read(pids, 1, &cpu);
	assert_int_equal(cpu.n, 1);
	assert_string_equal(cpu.row[0].name, "test_bench_chec"); /* the kernel keeps 15 octets */
}

static void test_cpu_names(void **state)
{
	static const struct {
		const char *process, *title, *name;
	} rows[] = {
		{ "cairn-ra", "", "cairn-ra" },
		{ "cairn-ra", "postgres: cairn_ra cairn [local] idle", "cairn-ra" },
		{ "postgres", "postgres: cairn_ra cairn [local] idle", "postgres cairn_ra" },
		{ "postgres", "postgres: main: cairn_wfe cairn [local] COPY", "postgres cairn_wfe" },
		{ "postgres", "postgres: cairn_ca cairn 127.0.0.1(4711) idle in transaction", "postgres cairn_ca" },
		{ "postgres", "postgres: checkpointer ", "postgres" },
		{ "postgres", "postgres: main: logical replication launcher ", "postgres" },
		{ "postgres", "postgres: autovacuum worker cairn", "postgres" },
		{ "postgres", "/usr/lib/postgresql/15/bin/postgres", "postgres" },
		{ "postgres", "postgres: ", "postgres" },
		{ "postgres", "", "postgres" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char name[BENCH_CPU_NAME_MAX];
		bench_cpu_name(rows[i].process, rows[i].title, name);
		assert_string_equal(name, rows[i].name);
	}
}

static void test_cpu_since(void **state)
{
	const struct bench_cpu before = { 5, { { "a", 2 }, { "b", 2 }, { "gone", 1 } }, 3 };
	const struct bench_cpu after = { 12, { { "new", 3 }, { "a", 2.5 }, { "b", 6.5 }, { "idle", 0 } }, 4 };
	struct bench_cpu used;
	(void) state;
	bench_cpu_since(&before, &after, &used);
	assert_true(used.seconds > 6.99 && used.seconds < 7.01);
	assert_int_equal(used.n, 3);
	assert_string_equal(used.row[0].name, "b");
	assert_true(used.row[0].seconds > 4.49 && used.row[0].seconds < 4.51);
	assert_string_equal(used.row[1].name, "new");
	assert_string_equal(used.row[2].name, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_late_keys),
		cmocka_unit_test(test_csr_of_both_kinds),
		cmocka_unit_test(test_signature_is_es256),
		cmocka_unit_test(test_good_chain),
		cmocka_unit_test(test_bad_chains),
		cmocka_unit_test(test_responder),
		cmocka_unit_test(test_cpu_counts_this_process_once),
		cmocka_unit_test(test_cpu_names),
		cmocka_unit_test(test_cpu_since),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

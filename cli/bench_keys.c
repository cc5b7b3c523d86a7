#include "cli/bench_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"

/* A new RSA key takes so long that certificates share some; a server can't tell that from renewals. */
#define RSA_KEYS 16
#define P256_POINT 65
#define P256_COORDINATE ((size_t) 32)

struct bench_pool {
	const struct bench_options *options;
	struct bench_item *items;
	size_t n;
	atomic_size_t next;
	atomic_size_t late;
	EVP_PKEY *rsa[RSA_KEYS]; /* of certificates; with BENCH_RSA2048 */
	struct arena *arena;     /* of the pool itself, then one for each thread that filled it */
	struct arena **arenas;
	unsigned threads;
};

struct filler {
	struct bench_pool *pool;
	unsigned which;
	pthread_t thread;
};

/* OpenSSL failing here means no memory or a broken installation. */
static void must(bool done, const char *what)
{
	if (!done) {
		die("OpenSSL can't %s", what);
	}
}

static EVP_PKEY *pkey_new(enum bench_key_kind kind)
{
	EVP_PKEY *key = kind == BENCH_RSA2048 ? EVP_RSA_gen(2048U) : EVP_EC_gen("P-256");
	must(key != NULL, "make a key");
	return key;
}

static void pkey_release(void *p)
{
	EVP_PKEY_free(p);
}

static struct bytes bn_bytes(struct arena *a, const EVP_PKEY *key, const char *name)
{
	AUTO(BIGNUM) number = NULL;
	must(EVP_PKEY_get_bn_param(key, name, &number) == 1, "read a key");
	size_t n = (size_t) BN_num_bytes(number);
	uint8_t *out = arena_alloc(a, n);
	BN_bn2bin(number, out);
	return (struct bytes) { out, n };
}

/* The members of RFC 7638 3.2 in their order. */
static const char *jwk_of(struct arena *a, const EVP_PKEY *key, bool rsa)
{
	if (rsa) {
		return arena_printf(a, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}",
		    base64url_encode(a, bn_bytes(a, key, OSSL_PKEY_PARAM_RSA_E)),
		    base64url_encode(a, bn_bytes(a, key, OSSL_PKEY_PARAM_RSA_N)));
	}
	uint8_t point[P256_POINT];
	size_t n = 0;
	must(
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n) == 1 && n == P256_POINT,
	    "read a point");
	return arena_printf(a, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
	    base64url_encode(a, (struct bytes) { point + 1, P256_COORDINATE }),
	    base64url_encode(a, (struct bytes) { point + 1 + P256_COORDINATE, P256_COORDINATE }));
}

static void signer_release(void *p)
{
	EVP_PKEY_CTX_free(p);
}

static EVP_MD *sha256;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256 != NULL, "find SHA-256");
}

/* Fetched once: to look an algorithm up costs OpenSSL 3.0 more than to hash a request. */
static const EVP_MD *md_sha256(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, fetch_sha256);
	return sha256;
}

static struct bytes hash(struct arena *a, struct bytes in)
{
	uint8_t *out = arena_alloc(a, EVP_MAX_MD_SIZE);
	unsigned n = 0;
	must(EVP_Digest(in.p, in.n, out, &n, md_sha256(), NULL) == 1, "hash");
	return (struct bytes) { out, n };
}

struct bench_key bench_key_new(struct arena *a, enum bench_key_kind kind)
{
	AUTO(EVP_PKEY) pkey = pkey_new(kind);
	struct bench_key key = { .signer = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL), .rsa = kind == BENCH_RSA2048 };
	must(key.signer != NULL && EVP_PKEY_sign_init(key.signer) == 1 &&
	         EVP_PKEY_CTX_set_signature_md(key.signer, md_sha256()) == 1,
	    "prepare a signature");
	arena_on_free(a, signer_release, key.signer);
	key.jwk = jwk_of(a, pkey, key.rsa);
	key.thumbprint = base64url_encode(a, hash(a, bytes_of_text(key.jwk)));
	return key;
}

/* JWS takes r and s as two numbers of full length, not as DER (RFC 7518 3.4). */
static struct bytes ecdsa_raw(struct arena *a, struct bytes der)
{
	const uint8_t *p = der.p;
	AUTO(ECDSA_SIG) sig = d2i_ECDSA_SIG(NULL, &p, (long) der.n);
	must(sig != NULL, "read a signature");
	uint8_t *raw = arena_alloc(a, 2 * P256_COORDINATE);
	must(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int) P256_COORDINATE) > 0 &&
	         BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + P256_COORDINATE, (int) P256_COORDINATE) > 0,
	    "read a signature");
	return (struct bytes) { raw, 2 * P256_COORDINATE };
}

const char *bench_key_sign(struct arena *a, const struct bench_key *key, struct bytes input)
{
	struct bytes digest = hash(a, input);
	size_t n = 0;
	must(EVP_PKEY_sign(key->signer, NULL, &n, digest.p, digest.n) == 1, "sign");
	uint8_t *out = arena_alloc(a, n);
	must(EVP_PKEY_sign(key->signer, out, &n, digest.p, digest.n) == 1, "sign");
	struct bytes signature = { out, n };
	return base64url_encode(a, key->rsa ? signature : ecdsa_raw(a, signature));
}

static void add_names(X509_REQ *req, const struct text_list *names)
{
	AUTO(GENERAL_NAMES) list = GENERAL_NAMES_new();
	must(list != NULL, "make a list of names");
	for (size_t i = 0; i < names->n; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();
		must(name != NULL && text != NULL && ASN1_STRING_set(text, names->v[i], -1) == 1, "make a name");
		GENERAL_NAME_set0_value(name, GEN_DNS, text);
		must(sk_GENERAL_NAME_push(list, name) > 0, "add a name");
	}
	AUTO_STACK(X509_EXTENSION) extensions = NULL;
	must(X509V3_add1_i2d(&extensions, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1 &&
	         X509_REQ_add_extensions(req, extensions) == 1,
	    "add an extension");
}

/* w3-17.test; further names of the same order are w3-17-2.test, w3-17-3.test ... */
static struct text_list names_of(const struct bench_options *o, struct arena *a, size_t number)
{
	struct text_list names = { ARENA_ARRAY(a, (size_t) o->names_per_order, const char *), (size_t) o->names_per_order };
	size_t worker = number % (size_t) o->workers + 1;
	size_t nth = number / (size_t) o->workers + 1;
	names.v[0] = arena_printf(a, "w%zu-%zu.%s", worker, nth, o->suffix);
	for (size_t i = 1; i < names.n; i++) {
		names.v[i] = arena_printf(a, "w%zu-%zu-%zu.%s", worker, nth, i + 1, o->suffix);
	}
	return names;
}

static void make_csr(struct arena *a, EVP_PKEY *key, struct bench_item *item)
{
	AUTO(X509_REQ) req = X509_REQ_new();
	must(req != NULL && X509_REQ_set_version(req, 0) == 1 && X509_REQ_set_pubkey(req, key) == 1, "make a CSR");
	add_names(req, &item->names);
	must(X509_REQ_sign(req, key, EVP_sha256()) > 0, "sign a CSR");
	uint8_t *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki);
	must(n > 0, "encode a key");
	item->spki = arena_bytes(a, spki, (size_t) n);
	OPENSSL_free(spki);
	uint8_t *der = NULL;
	n = i2d_X509_REQ(req, &der);
	must(n > 0, "encode a CSR");
	item->csr = base64url_encode(a, (struct bytes) { der, (size_t) n });
	OPENSSL_free(der);
}

static void make_item(const struct bench_pool *p, struct arena *a, size_t number, struct bench_item *item)
{
	const struct bench_options *o = p->options;
	item->names = names_of(o, a, number);
	if (o->accounts == BENCH_ACCOUNTS_NEW) {
		item->account = bench_key_new(a, o->account_key);
	}
	if (o->key == BENCH_RSA2048) {
		make_csr(a, p->rsa[number % RSA_KEYS], item);
		return;
	}
	AUTO(EVP_PKEY) key = pkey_new(o->key);
	make_csr(a, key, item);
}

static void *fill(void *arg)
{
	const struct filler *f = arg;
	struct bench_pool *p = f->pool;
	for (size_t i = f->which; i < p->n; i += p->threads) {
		make_item(p, p->arenas[f->which], i, &p->items[i]);
	}
	return NULL;
}

static void fill_all(struct bench_pool *p)
{
	struct filler *fillers = ARENA_ARRAY(p->arena, p->threads, struct filler);
	for (unsigned i = 0; i < p->threads; i++) {
		p->arenas[i] = arena_new();
		fillers[i] = (struct filler) { .pool = p, .which = i };
		if (pthread_create(&fillers[i].thread, NULL, fill, &fillers[i]) != 0) {
			die("a thread can't be started");
		}
	}
	for (unsigned i = 0; i < p->threads; i++) {
		pthread_join(fillers[i].thread, NULL);
	}
}

struct bench_pool *bench_pool_new(const struct bench_options *options, unsigned threads)
{
	struct arena *a = arena_new();
	struct bench_pool *p = ARENA_NEW(a, struct bench_pool);
	p->options = options;
	p->n = (size_t) options->prepare;
	p->items = ARENA_ARRAY(a, p->n, struct bench_item);
	p->arena = a;
	p->arenas = ARENA_ARRAY(a, threads, struct arena *);
	p->threads = threads;
	for (size_t i = 0; options->key == BENCH_RSA2048 && i < RSA_KEYS; i++) {
		p->rsa[i] = pkey_new(BENCH_RSA2048);
		arena_on_free(a, pkey_release, p->rsa[i]);
	}
	fill_all(p);
	return p;
}

void bench_pool_free(struct bench_pool *p)
{
	if (p == NULL) {
		return;
	}
	for (unsigned i = 0; i < p->threads; i++) {
		arena_free(p->arenas[i]);
	}
	arena_free(p->arena);
}

const struct bench_item *bench_pool_take(struct bench_pool *p, struct arena *late)
{
	size_t number = atomic_fetch_add(&p->next, 1);
	if (number < p->n) {
		return &p->items[number];
	}
	atomic_fetch_add(&p->late, 1);
	struct bench_item *item = ARENA_NEW(late, struct bench_item);
	make_item(p, late, number, item);
	return item;
}

size_t bench_pool_late(const struct bench_pool *p)
{
	return atomic_load(&p->late);
}

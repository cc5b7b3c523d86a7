#include "lib/crypto/digest.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"

/* Fetched once: looking an algorithm up costs more than hashing a short text. */
static EVP_MD *digests[DIGEST_COUNT];
static EVP_MAC *hmac;
static pthread_once_t once = PTHREAD_ONCE_INIT;

AUTO_DEFINE(EVP_MAC_CTX, EVP_MAC_CTX_free)

static void fetch_all(void)
{
	static const char *const names[DIGEST_COUNT] = {
		[DIGEST_SHA256] = "SHA256",
		[DIGEST_SHA384] = "SHA384",
		[DIGEST_SHA512] = "SHA512",
	};
	for (size_t i = 0; i < DIGEST_COUNT; i++) {
		digests[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (digests[i] == NULL) {
			die("OpenSSL has no %s", names[i]);
		}
	}
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (hmac == NULL) {
		die("OpenSSL has no HMAC");
	}
}

size_t digest_make(enum digest which, const struct bytes *pieces, size_t n, uint8_t *ret)
{
	pthread_once(&once, fetch_all);
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	bool good = md != NULL && EVP_DigestInit_ex2(md, digests[which], NULL) == 1;
	for (size_t i = 0; good && i < n; i++) {
		good = EVP_DigestUpdate(md, pieces[i].p, pieces[i].n) == 1;
	}
	unsigned length = 0;
	if (!good || EVP_DigestFinal_ex(md, ret, &length) != 1) {
		die("a digest failed");
	}
	return length;
}

void sha256(const struct bytes *pieces, size_t n, uint8_t ret[SHA256_SIZE])
{
	digest_make(DIGEST_SHA256, pieces, n, ret);
}

void sha256_of(struct bytes in, uint8_t ret[SHA256_SIZE])
{
	sha256(&in, 1, ret);
}

void hmac_sha256(struct bytes key, const struct bytes *pieces, size_t n, uint8_t ret[SHA256_SIZE])
{
	static const uint8_t no_key[1] = { 0 };
	pthread_once(&once, fetch_all);
	char name[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	AUTO(EVP_MAC_CTX) mac = EVP_MAC_CTX_new(hmac);
	bool good = mac != NULL && EVP_MAC_init(mac, key.n == 0 ? no_key : key.p, key.n, params) == 1;
	for (size_t i = 0; good && i < n; i++) {
		good = EVP_MAC_update(mac, pieces[i].p, pieces[i].n) == 1;
	}
	size_t length = 0;
	if (!good || EVP_MAC_final(mac, ret, &length, SHA256_SIZE) != 1 || length != SHA256_SIZE) {
		die("an HMAC failed");
	}
}

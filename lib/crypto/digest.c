#include "lib/crypto/digest.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"

/* Fetched once: looking an algorithm up costs more than hashing a short text. */
static EVP_MD *digests[DIGEST_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

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

#define HMAC_BLOCK_MAX 128
#define HMAC_PIECES 8

/* RFC 2104. The library's own takes longer to find its digest than to work. */
size_t hmac_make(enum digest which, struct bytes key, const struct bytes *pieces, size_t n, uint8_t *ret)
{
	uint8_t block[HMAC_BLOCK_MAX] = { 0 };
	size_t block_n = which == DIGEST_SHA256 ? 64 : HMAC_BLOCK_MAX; /* FIPS 180-4 figure 1 */
	struct bytes inner[HMAC_PIECES + 1] = { { block, block_n } };
	if (n > HMAC_PIECES) {
		die("an HMAC over %zu pieces", n);
	}
	if (key.n > block_n) {
		(void) digest_make(which, &key, 1, block);
	} else if (key.n > 0) {
		memcpy(block, key.p, key.n);
	}
	for (size_t i = 0; i < n; i++) {
		inner[i + 1] = pieces[i];
	}
	for (size_t i = 0; i < block_n; i++) {
		block[i] ^= 0x36;
	}
	uint8_t digest[DIGEST_SIZE_MAX];
	size_t digest_n = digest_make(which, inner, n + 1, digest);
	for (size_t i = 0; i < block_n; i++) {
		block[i] ^= 0x36 ^ 0x5c;
	}
	const struct bytes outer[] = { { block, block_n }, { digest, digest_n } };
	digest_n = digest_make(which, outer, COUNT_OF(outer), ret);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(digest, sizeof(digest));
	return digest_n;
}

void hmac_sha256(struct bytes key, const struct bytes *pieces, size_t n, uint8_t ret[SHA256_SIZE])
{
	uint8_t mac[DIGEST_SIZE_MAX];
	(void) hmac_make(DIGEST_SHA256, key, pieces, n, mac);
	memcpy(ret, mac, SHA256_SIZE);
}

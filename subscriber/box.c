#include "subscriber/box.h"

#include <string.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"

#define NONCE 12
#define TAG 16

/* A key of its own for each purpose. */
static void key_for(struct bytes key, const char *what, uint8_t ret[SHA256_SIZE])
{
	const struct bytes pieces[] = { bytes_of_text("cairn box"), bytes_of_text(what) };
	hmac_sha256(key, pieces, COUNT_OF(pieces), ret);
}

struct bytes box_seal(struct arena *a, struct bytes key, const char *what, struct id id, struct bytes text, size_t size)
{
	uint8_t own[SHA256_SIZE];
	uint8_t *clear = arena_alloc(a, size);
	uint8_t *out = arena_alloc(a, size + BOX_OVERHEAD);
	int n = 0;
	AUTO(EVP_CIPHER_CTX) ctx = EVP_CIPHER_CTX_new();
	if (text.n > size) {
		die("what is to be sealed is too long");
	}
	memset(clear, ' ', size);
	memcpy(clear, text.p, text.n);
	random_bytes(out, NONCE);
	key_for(key, what, own);
	if (ctx == NULL || EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), own, out, NULL) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, id.b, sizeof(id.b)) != 1 ||
	    EVP_EncryptUpdate(ctx, out + NONCE, &n, clear, (int) size) != 1 ||
	    EVP_EncryptFinal_ex(ctx, out + NONCE + size, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + NONCE + size) != 1) {
		die("it can't be sealed");
	}
	OPENSSL_cleanse(own, sizeof(own));
	return (struct bytes) { out, size + BOX_OVERHEAD };
}

int box_open(struct ctx *c, struct bytes key, const char *what, struct id id, struct bytes sealed, const char **ret)
{
	uint8_t own[SHA256_SIZE];
	uint8_t tag[TAG];
	int n = 0;
	AUTO(EVP_CIPHER_CTX) ctx = EVP_CIPHER_CTX_new();
	if (sealed.n < BOX_OVERHEAD || sealed.n > INT32_MAX) {
		return FAIL(c, UNAUTHORIZED, "What was sealed is not whole");
	}
	size_t size = sealed.n - BOX_OVERHEAD;
	uint8_t *clear = arena_alloc(c->arena, size + 1);
	memcpy(tag, sealed.p + NONCE + size, TAG);
	key_for(key, what, own);
	bool good = ctx != NULL && EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), own, sealed.p, NULL) == 1 &&
	            EVP_DecryptUpdate(ctx, NULL, &n, id.b, sizeof(id.b)) == 1 &&
	            EVP_DecryptUpdate(ctx, clear, &n, sealed.p + NONCE, (int) size) == 1 &&
	            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
	            EVP_DecryptFinal_ex(ctx, clear + size, &n) == 1;
	OPENSSL_cleanse(own, sizeof(own));
	ERR_clear_error();
	if (!good) {
		return FAIL(c, UNAUTHORIZED, "What was sealed is not whole");
	}
	clear[size] = '\0';
	*ret = (const char *) clear;
	return 0;
}

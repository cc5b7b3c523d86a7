/* Digests by the vectors of FIPS 180-4 and RFC 4231. */
#include "tests/unit/crypto_test.h"

#include "lib/base/bytes.h"
#include "lib/crypto/digest.h"

static const char *hex(struct ctx *c, const uint8_t *p, size_t n)
{
	return hex_encode(c->arena, (struct bytes) { p, n });
}

static void digests_of_pieces(void **state)
{
	struct ctx *c = *state;
	uint8_t out[DIGEST_SIZE_MAX];
	const struct bytes pieces[] = { bytes_of_text("a"), { NULL, 0 }, bytes_of_text("bc") };
	sha256(pieces, 3, out);
	assert_string_equal(hex(c, out, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(digest_make(DIGEST_SHA384, pieces, 3, out), 48);
	assert_int_equal(digest_make(DIGEST_SHA512, pieces, 3, out), 64);
	assert_memory_equal(out, "\xdd\xaf\x35\xa1", 4);
}

static void hmac_vector(void **state)
{
	struct ctx *c = *state;
	uint8_t out[SHA256_SIZE];
	const struct bytes pieces[] = { bytes_of_text("what do ya want "), bytes_of_text("for nothing?") };
	hmac_sha256(bytes_of_text("Jefe"), pieces, 2, out);
	assert_string_equal(hex(c, out, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	/* RFC 4231 4.6: the key is longer than a block. */
	uint8_t key[131];
	memset(key, 0xaa, sizeof(key));
	const struct bytes data = bytes_of_text("Test Using Larger Than Block-Size Key - Hash Key First");
	hmac_sha256((struct bytes) { key, sizeof(key) }, &data, 1, out);
	assert_string_equal(hex(c, out, 32), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hmac_sha256((struct bytes) { NULL, 0 }, NULL, 0, out);
	assert_string_equal(hex(c, out, 32), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(digests_of_pieces),
		WITH_CTX(hmac_vector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

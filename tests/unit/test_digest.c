/* Digests by the vectors of FIPS 180-4 and RFC 4231, commitments by their written form (design 5). */
#include "tests/unit/crypto_test.h"

#include "lib/base/bytes.h"
#include "lib/crypto/commitment.h"
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
	sha1_of(bytes_of_text("abc"), out);
	assert_string_equal(hex(c, out, 20), "a9993e364706816aba3e25717850c26c9cd0d89d");
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
	hmac_sha256((struct bytes) { NULL, 0 }, NULL, 0, out);
	assert_string_equal(hex(c, out, 32), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* As an auditor's tool would do it, from the header's words alone. */
static void commitment_is_as_written(void **state)
{
	(void) state;
	uint8_t salt[32];
	for (size_t i = 0; i < sizeof(salt); i++) {
		salt[i] = (uint8_t) i;
	}
	uint8_t message[1 + 32 + 2 + 10 + 9] = { 1 };
	const struct bytes name = bytes_of_text("user_agent");
	hmac_sha256((struct bytes) { salt, 32 }, &name, 1, message + 1);
	message[34] = 10;
	memcpy(message + 35, "user_agentcurl/8.11", 19);
	uint8_t expected[32];
	sha256_of((struct bytes) { message, sizeof(message) }, expected);
	uint8_t made[32];
	commitment_make(salt, "user_agent", bytes_of_text("curl/8.11"), made);
	assert_memory_equal(made, expected, 32);
	assert_true(commitment_verify(salt, "user_agent", bytes_of_text("curl/8.11"), made));
	assert_false(commitment_verify(salt, "user_agent", bytes_of_text("curl/8.12"), made));
	assert_false(commitment_verify(salt, "user_agen", bytes_of_text("tcurl/8.11"), made));
	uint8_t other[32];
	commitment_salt(other);
	assert_false(commitment_verify(other, "user_agent", bytes_of_text("curl/8.11"), made));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(digests_of_pieces),
		WITH_CTX(hmac_vector),
		WITH_CTX(commitment_is_as_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

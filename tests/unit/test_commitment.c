/* Salted commitments (design 5). The expected ones were computed by Python's hashlib and hmac from the words of the
 * header alone, as an auditor's tool would do it. */
#include "tests/unit/crypto_test.h"

#include "lib/crypto/commitment.h"
#include "tests/unit/death.h"

static const char *text_of(char *out, size_t n)
{
	memset(out, 'x', n);
	out[n] = '\0';
	return out;
}

static void as_written(void **state)
{
	struct ctx *c = *state;
	uint8_t counting[256];
	for (size_t i = 0; i < sizeof(counting); i++) {
		counting[i] = (uint8_t) i;
	}
	const struct {
		const char *name;
		struct bytes value;
		const char *expected;
	} cases[] = {
		{ "user_agent", bytes_of_text("curl/8.11"),
		    "d183c1089abe7138653f81b07a059973e56552c25eba3b3a54a050f36f97c98d" },
		{ "address", bytes_of_text("2001:db8::1"), "6a20f5f2015b0ed923ca5f8886a6d68600154e7b66814ceb990d6ab078f1fb30" },
		{ "body", { counting, 256 }, "00489cbe0283eabc59f39457f29da0423c2db618c6436066d5dc8863abc26a3f" },
		{ "note", { NULL, 0 }, "7a658fd51c6f8786bc778abf1d89ac00a6a5f4c727767e6f5e56666f4ebb5dd0" },
		{ text_of(arena_alloc(c->arena, 301), 300),
		    bytes_of_text("Gr\xc3\xbc\xc3\x9f"
		                  "e"),
		    "70b1b873497aaa924ac9a1a528f38e394c1234a6a4de7e7c18d5d866716a13a3" },
		{ text_of(arena_alloc(c->arena, 65536), 65535), bytes_of_text("z"),
		    "1738a5b9d0d200434a7d754e51dba9671dc46cd3dc3184d2aa85a85a2ecf2499" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t made[COMMITMENT_SIZE];
		commitment_make(counting, cases[i].name, cases[i].value, made); /* the first 32 octets are the salt */
		assert_string_equal(hex_encode(c->arena, (struct bytes) { made, sizeof(made) }), cases[i].expected);
		assert_true(commitment_verify(counting, cases[i].name, cases[i].value, made));
	}
}

/* The length of the name keeps two fields apart whose octets are the same behind one another. */
static void each_part_counts(void **state)
{
	(void) state;
	uint8_t salt[COMMITMENT_SALT_SIZE];
	uint8_t made[COMMITMENT_SIZE];
	commitment_salt(salt);
	commitment_make(salt, "user_agent", bytes_of_text("curl/8.11"), made);
	assert_true(commitment_verify(salt, "user_agent", bytes_of_text("curl/8.11"), made));
	assert_false(commitment_verify(salt, "user_agent", bytes_of_text("curl/8.12"), made));
	assert_false(commitment_verify(salt, "user_agent", bytes_of_text("curl/8.1"), made));
	assert_false(commitment_verify(salt, "user_agen", bytes_of_text("tcurl/8.11"), made));
	assert_false(commitment_verify(salt, "user_agentc", bytes_of_text("url/8.11"), made));
	assert_false(commitment_verify(salt, "User_agent", bytes_of_text("curl/8.11"), made));
	for (size_t i = 0; i < sizeof(salt) * 8; i++) {
		salt[i / 8] ^= (uint8_t) (1 << i % 8);
		assert_false(commitment_verify(salt, "user_agent", bytes_of_text("curl/8.11"), made));
		salt[i / 8] ^= (uint8_t) (1 << i % 8);
	}
	for (size_t i = 0; i < sizeof(made) * 8; i++) {
		made[i / 8] ^= (uint8_t) (1 << i % 8);
		assert_false(commitment_verify(salt, "user_agent", bytes_of_text("curl/8.11"), made));
		made[i / 8] ^= (uint8_t) (1 << i % 8);
	}
}

/* Two rows of the same content can't be told to be so. */
static void salts_are_fresh(void **state)
{
	(void) state;
	uint8_t salts[64][COMMITMENT_SALT_SIZE] = { { 0 } };
	for (size_t i = 0; i < COUNT_OF(salts); i++) {
		commitment_salt(salts[i]);
		for (size_t k = 0; k < i; k++) {
			assert_memory_not_equal(salts[i], salts[k], COMMITMENT_SALT_SIZE / 2);
			assert_memory_not_equal(salts[i] + 16, salts[k] + 16, COMMITMENT_SALT_SIZE / 2);
		}
	}
}

static void commit_to_a_name_that_is_too_long(void)
{
	static char name[65536 + 1];
	uint8_t salt[COMMITMENT_SALT_SIZE] = { 0 };
	uint8_t made[COMMITMENT_SIZE];
	commitment_make(salt, text_of(name, 65536), bytes_of_text("v"), made); /* its length would read as 0 */
}

static void a_name_has_a_bound(void **state)
{
	(void) state;
	assert_dies(commit_to_a_name_that_is_too_long);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(as_written),
		WITH_CTX(each_part_counts),
		WITH_CTX(salts_are_fresh),
		WITH_CTX(a_name_has_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

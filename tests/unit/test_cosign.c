/* Cosignatures of checkpoints, and the question to a witness. F-46 */
#include "tests/unit/crypto_test.h"

#include <openssl/evp.h>

#include "lib/base/buffer.h"
#include "lib/seal/cosign.h"

#define TEXT "log.example/log\n5\nGkzfy2Y3SgwNy+9JrL1JdtE+6GT7PLJB/JQ8rQTwL34=\n"
#define NOTE TEXT "\n\xe2\x80\x94 log.example/log AAAAAAAA\n"
#define HASH "Gkzfy2Y3SgwNy+9JrL1JdtE+6GT7PLJB/JQ8rQTwL34="
#define MOMENT 1700000000

static EVP_PKEY *witness_key(struct ctx *c, const char *name, struct note_key *ret)
{
	static const uint8_t seed[32] = { 7 };
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	assert_good(c, note_key_of(c, name, key, ret));
	note_key_set_type(ret, NOTE_COSIGNATURE);
	return key;
}

static void signed_and_checked(void **state)
{
	struct ctx *c = *state;
	struct note_key name;
	struct note_key read;
	const char *line = NULL;
	int64_t time_s = 0;
	AUTO(EVP_PKEY) key = witness_key(c, "witness.example/w", &name);
	assert_good(c, cosign_sign(c, &name, key, bytes_of_text(TEXT), MOMENT, &line));
	/* as others read it: the key as it is handed on, the line with or without its newline */
	assert_good(c, note_key_parse_type(c, note_key_encode(c->arena, &name), NOTE_COSIGNATURE, &read));
	assert_problem(c, PROBLEM_MALFORMED, note_key_parse(c, note_key_encode(c->arena, &name), &read));
	assert_good(c, note_key_parse_type(c, note_key_encode(c->arena, &name), NOTE_COSIGNATURE, &read));
	struct bytes whole = bytes_of_text(line);
	assert_good(c, cosign_check(c, &read, bytes_of_text(TEXT), whole, &time_s));
	assert_int_equal(time_s, MOMENT);
	assert_int_equal(whole.p[whole.n - 1], '\n');
	assert_good(c, cosign_check(c, &read, bytes_of_text(TEXT), (struct bytes) { whole.p, whole.n - 1 }, &time_s));
	/* it is no signature of the note itself */
	struct bytes text;
	struct note_key plain;
	assert_good(c, note_key_of(c, "witness.example/w", key, &plain));
	assert_problem(
	    c, PROBLEM_MALFORMED, note_open(c, &plain, bytes_of_text(arena_printf(c->arena, TEXT "\n%s", line)), &text));
}

static void changed_cosignatures(void **state)
{
	struct ctx *c = *state;
	struct note_key name;
	struct note_key other;
	const char *line = NULL;
	int64_t time_s = 0;
	AUTO(EVP_PKEY) key = witness_key(c, "witness.example/w", &name);
	AUTO(EVP_PKEY) same = witness_key(c, "witness.example/v", &other);
	assert_non_null(same);
	assert_good(c, cosign_sign(c, &name, key, bytes_of_text(TEXT), MOMENT, &line));
	size_t n = strlen(line) - 1;
	for (size_t i = 0; i < n; i++) {
		char *changed = arena_alloc(c->arena, n + 1);
		memcpy(changed, line, n);
		changed[i] ^= 1;
		assert_problem(c, PROBLEM_MALFORMED,
		    cosign_check(c, &name, bytes_of_text(TEXT), (struct bytes) { (uint8_t *) changed, n }, &time_s));
		assert_problem(c, PROBLEM_MALFORMED,
		    cosign_check(c, &name, bytes_of_text(TEXT), (struct bytes) { (const uint8_t *) line, i }, &time_s));
	}
	assert_problem(
	    c, PROBLEM_MALFORMED, cosign_check(c, &name, bytes_of_text("x\n" TEXT), bytes_of_text(line), &time_s));
	assert_problem(c, PROBLEM_MALFORMED, cosign_check(c, &other, bytes_of_text(TEXT), bytes_of_text(line), &time_s));
}

static void asks(void **state)
{
	struct ctx *c = *state;
	struct cosign_ask ask = { .old = 3, .checkpoint = bytes_of_text(NOTE) };
	struct cosign_ask read;
	for (ask.proof.n = 0; ask.proof.n <= MERKLE_PROOF_MAX; ask.proof.n++) {
		struct bytes body = cosign_ask_encode(c->arena, &ask);
		assert_good(c, cosign_ask_parse(c, body, &read));
		assert_int_equal(read.old, 3);
		assert_int_equal(read.proof.n, ask.proof.n);
		assert_true(bytes_equal(read.checkpoint, ask.checkpoint));
		if (ask.proof.n < MERKLE_PROOF_MAX) {
			memset(ask.proof.v[ask.proof.n].b, (int) ask.proof.n, SHA256_SIZE);
		}
	}
}

static void refused_asks(void **state)
{
	struct ctx *c = *state;
	static const char *const bodies[] = { "", "\n", "old", "old \n", "old 1", "old 1\n", "old 1\n\n", "old -1\n\n" NOTE,
		"old 01\n\n" NOTE, "old 1 \n\n" NOTE, " old 1\n\n" NOTE, "Old 1\n\n" NOTE, "old 1\r\n\r\n" NOTE,
		"old 9999999999999999999\n\n" NOTE, "old 1\n" NOTE, "old 1\n" HASH, "old 1\n" HASH "\n",
		"old 1\n" HASH "A\n\n" NOTE, "old 1\nAAAA\n\n" NOTE, "old 1\n" HASH "\r\n\n" NOTE, "old 1\n\nlog\t\n" NOTE,
		"old 1\n\n\x7f" NOTE, "old 1\n\n\xc3" NOTE, "old 1\n\n\xc0\x80" NOTE };
	struct cosign_ask read;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		assert_problem(c, PROBLEM_MALFORMED, cosign_ask_parse(c, bytes_of_text(bodies[i]), &read));
	}
	static const char nul[] = "old 1\n\n\0" NOTE;
	assert_problem(
	    c, PROBLEM_MALFORMED, cosign_ask_parse(c, (struct bytes) { (const uint8_t *) nul, sizeof(nul) - 1 }, &read));
	/* one more hash than any proof has */
	struct buffer b;
	buffer_init(&b, c->arena, 4096);
	buffer_add_text(&b, "old 1\n");
	for (size_t i = 0; i <= MERKLE_PROOF_MAX; i++) {
		buffer_add_text(&b, HASH "\n");
	}
	buffer_add_text(&b, "\n" NOTE);
	assert_problem(c, PROBLEM_MALFORMED, cosign_ask_parse(c, buffer_bytes(&b), &read));
}

/* A file of a witness: notes that stand one behind the other. */
static void many_notes(void **state)
{
	(void) state;
	struct bytes left = bytes_of_text(NOTE NOTE "\xe2\x80\x94 other.example AAAAAAAA\n" NOTE "log.example/log\n5\n");
	struct bytes note;
	assert_int_equal(note_take(&left, &note), 0);
	assert_true(bytes_equal_text(note, NOTE));
	assert_int_equal(note_take(&left, &note), 0);
	assert_true(bytes_equal_text(note, NOTE "\xe2\x80\x94 other.example AAAAAAAA\n"));
	assert_int_equal(note_take(&left, &note), 0);
	assert_true(bytes_equal_text(note, NOTE));
	assert_int_equal(note_take(&left, &note), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(signed_and_checked),
		WITH_CTX(changed_cosignatures),
		WITH_CTX(asks),
		WITH_CTX(refused_asks),
		WITH_CTX(many_notes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

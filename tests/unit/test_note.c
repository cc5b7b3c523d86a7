/* Signed notes and checkpoints against a note that another library signed (merkle_vectors.py). F-46 */
#include "tests/unit/crypto_test.h"

#include <openssl/evp.h>

#include "lib/seal/leaf.h"
#include "lib/seal/note.h"
#include "tests/unit/merkle_vectors.h"

static EVP_PKEY *seed_key(void)
{
	uint8_t seed[32];
	for (size_t i = 0; i < sizeof(seed); i++) {
		seed[i] = (uint8_t) i;
	}
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static void known_note(void **state)
{
	struct ctx *c = *state;
	AUTO(EVP_PKEY) key = seed_key();
	struct note_key name;
	struct merkle_head head;
	struct bytes note;
	assert_good(c, note_key_of(c, "log.example/log", key, &name));
	assert_string_equal(note_key_encode(c->arena, &name), vector_vkey);
	assert_good(c, note_key_parse(c, arena_printf(c->arena, "%s\n", vector_vkey), &name));
	assert_good(c, checkpoint_open(c, &name, bytes_of_text(vector_note), &head));
	assert_int_equal(head.size, 70000);
	assert_string_equal(hex_encode(c->arena, (struct bytes) { head.root.b, sizeof(head.root.b) }),
	    vector_roots[COUNT_OF(vector_roots) - 1].root);
	/* Ed25519 signs the same to the same octets */
	assert_good(c, note_sign(c, &name, key, bytes_of_text(checkpoint_text(c->arena, name.name, &head)), &note));
	assert_true(bytes_equal_text(note, vector_note));
	/* signatures of others, such as witnesses, are passed over */
	const char *more = arena_printf(c->arena, "%s\xe2\x80\x94 witness.example AAAAAAAA\n", vector_note);
	assert_good(c, checkpoint_open(c, &name, bytes_of_text(more), &head));
	assert_int_equal(vector_inclusions[0].size + vector_consistencies[0].newer, 2);
}

static void refused_notes(void **state)
{
	struct ctx *c = *state;
	struct note_key name;
	struct merkle_head head;
	size_t n = strlen(vector_note);
	assert_good(c, note_key_parse(c, vector_vkey, &name));
	for (size_t i = 0; i < n; i++) {
		char *changed = arena_alloc(c->arena, n + 1);
		memcpy(changed, vector_note, n);
		changed[i] ^= 1;
		assert_problem(
		    c, PROBLEM_MALFORMED, checkpoint_open(c, &name, (struct bytes) { (uint8_t *) changed, n }, &head));
		assert_problem(
		    c, PROBLEM_MALFORMED, checkpoint_open(c, &name, (struct bytes) { (uint8_t *) changed, i }, &head));
	}
	name.name = "other.example/log"; /* the same key under another name is another key */
	assert_problem(c, PROBLEM_MALFORMED, checkpoint_open(c, &name, bytes_of_text(vector_note), &head));
}

/* What is signed well and is no checkpoint of this log. */
static void refused_checkpoints(void **state)
{
	struct ctx *c = *state;
	AUTO(EVP_PKEY) key = seed_key();
	struct note_key name;
	struct merkle_head head;
	static const char hash[] = "Gkzfy2Y3SgwNy+9JrL1JdtE+6GT7PLJB/JQ8rQTwL34=";
	static const struct {
		const char *origin;
		const char *size;
		const char *rest;
		bool good;
	} texts[] = {
		{ "log.example/log", "5\n", hash, true },
		{ "log.example/log", "0\n", hash, true },
		{ "log.example/log2", "5\n", hash, false },
		{ "", "5\n", hash, false },
		{ "log.example/log", "05\n", hash, false },
		{ "log.example/log", "-5\n", hash, false },
		{ "log.example/log", "\n", hash, false },
		{ "log.example/log", "5 \n", hash, false },
		{ "log.example/log", "1234567890123456789\n", hash, false },
		{ "log.example/log", "5\n", "Gkzf", false },
		{ "log.example/log", "5\n", "", false },
	};
	assert_good(c, note_key_of(c, "log.example/log", key, &name));
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct bytes note;
		const char *text = arena_printf(c->arena, "%s\n%s%s\n", texts[i].origin, texts[i].size, texts[i].rest);
		assert_good(c, note_sign(c, &name, key, bytes_of_text(text), &note));
		int result = checkpoint_open(c, &name, note, &head);
		assert_int_equal(result == 0, texts[i].good);
		ctx_forgive(c);
	}
}

static void refused_keys(void **state)
{
	struct ctx *c = *state;
	struct note_key name;
	static const char *const bad[] = { "", "log", "log+6c55d3c2", "log.example/log+6c55d3c2+",
		"log.example/log+6c55d3c3+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", /* another id */
		"log.example/l0g+6c55d3c2+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", /* another name */
		"log.example/log+6c55d3c2+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", /* another kind of signature */
		"+6c55d3c2+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
		"log.example/log+6c55d3c2+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 x" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_problem(c, PROBLEM_MALFORMED, note_key_parse(c, bad[i], &name));
	}
	AUTO(EVP_PKEY) key = seed_key();
	EVP_PKEY *other = NULL;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, note_key_of(c, "a b", key, &name));
	assert_problem(c, PROBLEM_SERVER_INTERNAL, note_key_of(c, "a+b", key, &name));
	assert_good(c, key_generate(c, "p256", &other));
	assert_problem(c, PROBLEM_SERVER_INTERNAL, note_key_of(c, "log", other, &name));
}

static void entries(void **state)
{
	struct ctx *c = *state;
	struct id id = { { 0x01, 0x93, 0xf0, [6] = 0x70, [8] = 0x80, [14] = 0x01 } };
	assert_true(bytes_equal_text(leaf_entry(c->arena, LEAF_EVENT, id, "{\"a\":1}"), "{\"a\":1}"));
	assert_true(bytes_equal_text(leaf_entry(c->arena, LEAF_REQUEST, id, NULL),
	    "{\"leaf\":\"missing\",\"of\":\"request\",\"id\":\"0193f000-0000-7000-8000-000000000100\"}"));
	char *line = arena_alloc(c->arena, LEAF_ENTRY_MAX + 2);
	memset(line, 'a', LEAF_ENTRY_MAX);
	assert_int_equal(leaf_entry(c->arena, LEAF_EVENT, id, line).n, LEAF_ENTRY_MAX);
	line[LEAF_ENTRY_MAX] = 'a';
	assert_true(bytes_equal_text(leaf_entry(c->arena, LEAF_VALIDATION, id, line),
	    "{\"leaf\":\"validation\",\"id\":\"0193f000-0000-7000-8000-000000000100\",\"octets\":65536,\"sha256\":"
	    "\"bf718b6f653bebc184e1479f1935b8da974d701b893afcf49e701f3e2f9f9c5a\"}"));
	assert_int_equal(leaf_kind_of("event"), LEAF_EVENT);
	assert_int_equal(leaf_kind_of("events"), 0);
	assert_null(leaf_kind_name(4));
	assert_null(leaf_table(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(known_note),
		WITH_CTX(refused_notes),
		WITH_CTX(refused_checkpoints),
		WITH_CTX(refused_keys),
		WITH_CTX(entries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What logs sign of their trees, and their entries: read as strictly as strangers have to be (H-17). */
#include "tests/unit/ct_world.h"

#include <stdio.h>

#include "lib/ct/leaf.h"
#include "lib/ct/tls.h"
#include "policy/log_head.h"

static struct ctx *c;
static struct test_log made[] = { { .operator= "A", .description = "plain" },
	{ .operator= "B", .description = "tiled", .tiled = true } };
static struct ct_log_list list;

static int setup(void **state)
{
	if (test_ctx_new((void **) &c) != 0) {
		return -1;
	}
	(void) state;
	test_logs_make(c, made, COUNT_OF(made));
	return ct_log_list_parse(c, test_logs_json(c, made, COUNT_OF(made), clock_now()), &list);
}

static int teardown(void **state)
{
	(void) state;
	return test_ctx_free((void **) &c);
}

/* TreeHeadSignature of that log over these. */
static struct bytes sign(const struct test_log *log, uint64_t time_ms, uint64_t size, const char *root)
{
	struct buffer b;
	struct buffer said;
	struct bytes signature;
	buffer_init(&b, c->arena, 64);
	buffer_init(&said, c->arena, 128);
	tls_put_number(&b, 2, 1);
	tls_put_number(&b, 8, time_ms);
	tls_put_number(&b, 8, size);
	buffer_add(&b, root, SHA256_SIZE);
	assert_good(c, key_sign(c, log->key, buffer_bytes(&b), &signature));
	tls_put_number(&said, 2, 0x0403);
	tls_put_opaque(&said, 2, signature);
	return buffer_bytes(&said);
}

static const char root[] = "the root of a tree, 32 octets it";

static const char *base64_of(const char *text)
{
	return base64_encode(c->arena, bytes_of_text(text));
}

static void test_tree_heads(void **state)
{
	struct log_head head;
	(void) state;
	const struct bytes signature = sign(&made[0], 1795420800123, 77, root);
	const char *good = arena_printf(c->arena,
	    "{\"tree_size\":77,\"timestamp\":1795420800123,\"sha256_root_hash\":\"%s\",\"tree_head_signature\":\"%s\"}",
	    base64_of(root), base64_encode(c->arena, signature));
	assert_good(c, log_head_open(c, &list.v[0], bytes_of_text(good), &head));
	assert_int_equal(head.tree.size, 77);
	assert_int_equal(head.at.us, 1795420800123000);
	assert_memory_equal(head.tree.root.b, root, SHA256_SIZE);
	static const char *const wrong[][2] = {
		{ "\"tree_size\":77", "\"tree_size\":78" },
		{ "\"tree_size\":77", "\"tree_size\":-77" },
		{ "\"timestamp\":1795420800123", "\"timestamp\":1795420800124" },
		{ "\"timestamp\":1795420800123", "\"timestamp\":9223372036854775807" },
		{ "\"sha256_root_hash\":\"dGhl", "\"sha256_root_hash\":\"dGhm" },
		{ "\"sha256_root_hash\":\"dGhl", "\"sha256_root_hash\":\"dGhldGhl" },
		{ "\"tree_head_signature\":\"", "\"tree_head_signature\":\"AAAA" },
		{ "\"tree_head_signature\":\"", "\"tree_head_signature\":\"!" },
		{ "\"tree_head_signature\"", "\"other\"" },
		{ "}", "" },
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		const char *at = strstr(good, wrong[i][0]);
		assert_non_null(at);
		const char *bad =
		    arena_printf(c->arena, "%.*s%s%s", (int) (at - good), good, wrong[i][1], at + strlen(wrong[i][0]));
		assert_problem(c, PROBLEM_MALFORMED, log_head_open(c, &list.v[0], bytes_of_text(bad), &head));
	}
	assert_problem(c, PROBLEM_MALFORMED, log_head_open(c, &list.v[1], bytes_of_text(good), &head)); /* no checkpoint */
	struct bytes of_other = sign(&made[1], 1795420800123, 77, root);
	const char *other = arena_printf(c->arena,
	    "{\"tree_size\":77,\"timestamp\":1795420800123,\"sha256_root_hash\":\"%s\",\"tree_head_signature\":\"%s\"}",
	    base64_of(root), base64_encode(c->arena, of_other));
	assert_problem(c, PROBLEM_MALFORMED, log_head_open(c, &list.v[0], bytes_of_text(other), &head));
}

/* static-ct-api: by a key of the log's name and id */
static const char *checkpoint(const char *origin, const char *name, uint8_t type, const char *size)
{
	const struct test_log *log = &made[1];
	uint8_t id[SHA256_SIZE];
	struct buffer b;
	const struct bytes pieces[] = { bytes_of_text(name), bytes_of_text("\n"), { &type, 1 }, { log->id, SHA256_SIZE } };
	sha256(pieces, COUNT_OF(pieces), id);
	buffer_init(&b, c->arena, 128);
	buffer_add(&b, id, 4);
	tls_put_number(&b, 8, 1795420800123);
	struct bytes signature = sign(log, 1795420800123, 77, root);
	buffer_add(&b, signature.p, signature.n);
	return arena_printf(c->arena, "%s\n%s\n%s\n\n\xe2\x80\x94 %s %s\n", origin, size, base64_of(root), name,
	    base64_encode(c->arena, buffer_bytes(&b)));
}

static void test_checkpoints(void **state)
{
	static const char origin[] = "log.test/one";
	struct log_head head;
	(void) state;
	const char *good = checkpoint(origin, origin, 5, "77");
	assert_good(c, log_head_open(c, &list.v[1], bytes_of_text(good), &head));
	assert_int_equal(head.tree.size, 77);
	assert_int_equal(head.at.us, 1795420800123000);
	const char *const wrong[] = {
		checkpoint("log.test/two", origin, 5, "77"),
		checkpoint(origin, "log.test/two", 5, "77"),
		checkpoint(origin, origin, 1, "77"),
		checkpoint(origin, origin, 5, "78"),
		checkpoint(origin, origin, 5, "077"),
		"log.test/one\n77\n",
		"",
		arena_printf(c->arena, "%.*s", (int) strlen(good) - 9, good),
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_problem(c, PROBLEM_MALFORMED, log_head_open(c, &list.v[1], bytes_of_text(wrong[i]), &head));
	}
	/* signatures of others beside it are passed over */
	const char *witnessed = arena_printf(c->arena, "%s\xe2\x80\x94 w.test d29vcnRoeQ==\n", good);
	assert_good(c, log_head_open(c, &list.v[1], bytes_of_text(witnessed), &head));
}

/* A leaf is what its SCT signed; what is in a tile stands without its first two octets, with other things behind. */
static void test_leaves(void **state)
{
	static const uint8_t hash[SHA256_SIZE] = { 7 };
	static const uint8_t index[] = { 0, 0, 5, 0, 0, 0, 1, 2 };
	const struct sct sct = { .time_ms = 1795420800123, .extensions = { index, sizeof(index) } };
	struct ct_leaf_list leaves;
	uint64_t at = 0;
	(void) state;
	for (int precertificate = 0; precertificate <= 1; precertificate++) {
		const struct ct_entry entry = { precertificate == 1, bytes_of_text("body"), { hash, sizeof(hash) } };
		struct bytes octets = sct_signed(c->arena, &sct, &entry);
		struct ct_leaf leaf;
		assert_good(c, ct_leaf_parse(c, octets, &leaf));
		assert_true(leaf.entry.precertificate == entry.precertificate && leaf.time_ms == sct.time_ms);
		assert_true(bytes_equal_text(leaf.entry.body, "body"));
		assert_int_equal(ct_leaf_index(leaf.extensions, &at), 0);
		assert_int_equal(at, 258);
		for (size_t n = 0; n < octets.n; n++) {
			assert_problem(c, PROBLEM_MALFORMED, ct_leaf_parse(c, (struct bytes) { octets.p, n }, &leaf));
		}
		struct buffer b;
		buffer_init(&b, c->arena, 256);
		for (int i = 0; i < 2; i++) {
			buffer_add(&b, octets.p + 2, octets.n - 2);
			if (precertificate == 1) {
				tls_put_opaque(&b, 3, bytes_of_text("precertificate"));
			}
			tls_put_opaque(&b, 2, (struct bytes) { hash, sizeof(hash) });
		}
		struct bytes tile = buffer_bytes(&b);
		assert_good(c, ct_leaves_of_tile(c, tile, 2, &leaves));
		assert_true(bytes_equal(leaves.v[0].octets, octets) && bytes_equal(leaves.v[1].octets, octets));
		assert_true(bytes_equal_text(leaves.v[1].precertificate, precertificate == 1 ? "precertificate" : ""));
		assert_problem(c, PROBLEM_MALFORMED, ct_leaves_of_tile(c, tile, 1, &leaves));
		assert_problem(c, PROBLEM_MALFORMED, ct_leaves_of_tile(c, tile, 3, &leaves));
		const char *one = base64_encode(c->arena, octets);
		const char *json = arena_printf(c->arena,
		    "{\"entries\":[{\"leaf_input\":\"%s\",\"extra_data\":\"AAADYW55AAAA\"},{\"leaf_input\":\"%s\"},"
		    "{\"leaf_input\":\"%s\",\"extra_data\":\"AAAEYW55\"},{\"leaf_input\":\"%s\",\"extra_data\":\"!\"}]}",
		    one, one, one, one);
		assert_good(c, ct_leaves_of_answer(c, bytes_of_text(json), 9, &leaves));
		assert_int_equal(leaves.n, 4);
		assert_true(bytes_equal_text(leaves.v[0].precertificate, precertificate == 1 ? "any" : ""));
		for (size_t i = 1; i < 4; i++) { /* what a log shows there is no matter of the leaf */
			assert_int_equal(leaves.v[i].precertificate.n, 0);
		}
		assert_good(c, ct_leaves_of_answer(c, bytes_of_text(json), 1, &leaves)); /* more than was asked for */
		assert_int_equal(leaves.n, 1);
	}
	assert_problem(c, PROBLEM_MALFORMED,
	    ct_leaves_of_answer(c, bytes_of_text("{\"entries\":[{\"leaf_input\":\"!\"}]}"), 9, &leaves));
	assert_problem(c, PROBLEM_MALFORMED, ct_leaves_of_answer(c, bytes_of_text("{}"), 9, &leaves));
	assert_int_equal(ct_leaf_index((struct bytes) { index, 7 }, &at), -1);
	assert_int_equal(ct_leaf_index((struct bytes) { NULL, 0 }, &at), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tree_heads), cmocka_unit_test(test_checkpoints),
		cmocka_unit_test(test_leaves) };
	return cmocka_run_group_tests(tests, setup, teardown);
}

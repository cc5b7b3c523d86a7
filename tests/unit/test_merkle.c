/* The tree and its proofs against vectors that were computed by the RFC's own recursion (merkle_vectors.py), and properties of
 * every small tree. F-46 */
#include "tests/unit/crypto_test.h"

#include "tests/unit/memory_tiles.h"
#include "tests/unit/merkle_vectors.h"

static struct memory_tiles *memory;

static int setup(void **state)
{
	(void) state;
	memory = calloc(1, sizeof(*memory));
	return memory == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void) state;
	free(memory);
	return 0;
}

static const char *hex(struct ctx *c, const struct merkle_hash *hash)
{
	return hex_encode(c->arena, (struct bytes) { hash->b, sizeof(hash->b) });
}

static void digest_is(struct ctx *c, const struct merkle_proof *proof, size_t n, const char *digest)
{
	struct merkle_hash made;
	sha256_of((struct bytes) { proof->v[0].b, proof->n * SHA256_SIZE }, made.b);
	assert_int_equal(proof->n, n);
	assert_string_equal(hex(c, &made), digest);
}

static void roots(void **state)
{
	struct ctx *c = *state;
	struct merkle_hash root;
	memory->tree.size = 0;
	for (size_t i = 0; i < COUNT_OF(vector_roots); i++) {
		memory_grow(memory, vector_roots[i].size);
		tree_root(&memory->tree, &root);
		assert_string_equal(hex(c, &root), vector_roots[i].root);
	}
	/* the larger tree still knows the roots of all smaller ones, also from another source's edge */
	struct tile_source s = memory_source(memory);
	for (size_t i = 0; i < COUNT_OF(vector_roots); i++) {
		assert_good(c, tiles_root(c, &s, vector_roots[i].size, &root));
		assert_string_equal(hex(c, &root), vector_roots[i].root);
	}
	struct tree *loaded = arena_alloc(c->arena, sizeof(*loaded));
	assert_good(c, tree_load(c, &s, loaded));
	tree_root(loaded, &root);
	assert_string_equal(hex(c, &root), vector_roots[COUNT_OF(vector_roots) - 1].root);
	assert_cause(c, "was asked for", tiles_root(c, &s, s.size + 1, &root));
}

static void proofs(void **state)
{
	struct ctx *c = *state;
	struct merkle_proof proof;
	struct tile_source s = memory_source(memory);
	assert_int_equal(s.size, 70000);
	for (size_t i = 0; i < COUNT_OF(vector_inclusions); i++) {
		assert_good(c, tiles_inclusion(c, &s, vector_inclusions[i].index, vector_inclusions[i].size, &proof));
		digest_is(c, &proof, vector_inclusions[i].n, vector_inclusions[i].digest);
	}
	for (size_t i = 0; i < COUNT_OF(vector_consistencies); i++) {
		assert_good(c, tiles_consistency(c, &s, vector_consistencies[i].older, vector_consistencies[i].newer, &proof));
		digest_is(c, &proof, vector_consistencies[i].n, vector_consistencies[i].digest);
	}
	assert_cause(c, "beyond the tree", tiles_inclusion(c, &s, 7, 7, &proof));
	ctx_forgive(c);
	assert_cause(c, "was asked for", tiles_inclusion(c, &s, 7, 70001, &proof));
	ctx_forgive(c);
	assert_cause(c, "the larger one", tiles_consistency(c, &s, 8, 7, &proof));
}

/* The proof of a leaf holds for it and for no other leaf, place, size or root. */
static void inclusion_property(struct ctx *c, struct tile_source *s, uint64_t index, uint64_t size)
{
	struct merkle_place place = { index, size, { { 0 } } };
	struct merkle_hash leaf;
	struct merkle_hash other;
	struct merkle_proof proof;
	memory_leaf(index, &leaf);
	memory_leaf(index + 1, &other);
	assert_good(c, tiles_root(c, s, size, &place.root));
	assert_good(c, tiles_inclusion(c, s, index, size, &proof));
	assert_true(merkle_check_inclusion(&place, &leaf, &proof));
	assert_false(merkle_check_inclusion(&place, &other, &proof));
	for (uint64_t wrong = 0; wrong <= size; wrong++) {
		struct merkle_place moved = { wrong, size, place.root };
		assert_int_equal(merkle_check_inclusion(&moved, &leaf, &proof), wrong == index);
	}
	for (size_t i = 0; i < proof.n; i++) {
		proof.v[i].b[i] ^= 1;
		assert_false(merkle_check_inclusion(&place, &leaf, &proof));
		proof.v[i].b[i] ^= 1;
	}
	place.root.b[0] ^= 1;
	assert_false(merkle_check_inclusion(&place, &leaf, &proof));
	place.root.b[0] ^= 1;
	proof.n++;
	assert_false(merkle_check_inclusion(&place, &leaf, &proof));
	proof.n -= proof.n > 1 ? 2 : 1;
	assert_int_equal(merkle_check_inclusion(&place, &leaf, &proof), size == 1);
}

static void consistency_property(struct ctx *c, struct tile_source *s, uint64_t older, uint64_t newer)
{
	struct merkle_head before = { older, { { 0 } } };
	struct merkle_head after = { newer, { { 0 } } };
	struct merkle_proof proof = { .n = 0 };
	assert_good(c, tiles_root(c, s, older, &before.root));
	assert_good(c, tiles_root(c, s, newer, &after.root));
	assert_good(c, tiles_consistency(c, s, older, newer, &proof));
	assert_true(merkle_check_consistency(&before, &after, &proof));
	for (size_t i = 0; i < proof.n; i++) {
		proof.v[i].b[i] ^= 1;
		assert_false(merkle_check_consistency(&before, &after, &proof));
		proof.v[i].b[i] ^= 1;
	}
	before.root.b[3] ^= 1;
	assert_false(merkle_check_consistency(&before, &after, &proof));
	before.root.b[3] ^= 1;
	if (older > 0) {
		after.root.b[3] ^= 1;
		assert_false(merkle_check_consistency(&before, &after, &proof));
		after.root.b[3] ^= 1;
	}
	if (older != newer) {
		assert_false(merkle_check_consistency(&after, &before, &proof));
	}
	proof.n++;
	assert_false(merkle_check_consistency(&before, &after, &proof));
	if (proof.n > 1) {
		proof.n -= 2;
		assert_false(merkle_check_consistency(&before, &after, &proof));
	}
}

static void every_small_tree(void **state)
{
	struct ctx *c = *state;
	struct tile_source s = memory_source(memory);
	for (uint64_t size = 1; size <= 40; size++) {
		for (uint64_t i = 0; i < size; i++) {
			inclusion_property(c, &s, i, size);
		}
		for (uint64_t older = 0; older <= size; older++) {
			consistency_property(c, &s, older, size);
		}
	}
	/* and around the seams of tiles */
	static const uint64_t seams[] = { 254, 255, 256, 257, 511, 512, 513, 69888 };
	for (size_t i = 1; i < COUNT_OF(seams); i++) {
		consistency_property(c, &s, seams[i - 1], seams[i]);
		consistency_property(c, &s, seams[i], 70000);
	}
}

static int read_short(struct ctx *c, void *arg, const struct tile *tile, struct bytes *ret)
{
	(void) arg;
	(void) tile;
	*ret = arena_bytes(c->arena, "short", 5);
	return 0;
}

static void short_tiles(void **state)
{
	struct ctx *c = *state;
	struct merkle_hash root;
	struct tile_source s = { .read = read_short, .size = 3 };
	assert_problem(c, PROBLEM_MALFORMED, tiles_root(c, &s, 3, &root));
	struct tree *t = arena_alloc(c->arena, sizeof(*t));
	assert_problem(c, PROBLEM_MALFORMED, tree_load(c, &s, t));
}

static void paths(void **state)
{
	struct ctx *c = *state;
	static const struct {
		struct tile tile;
		const char *path;
	} good[] = {
		{ { 0, 0, 256 }, "tile/0/000" },
		{ { 0, 1234067, 256 }, "tile/0/x001/x234/067" },
		{ { 7, 999, 1 }, "tile/7/999.p/1" },
		{ { 1, 1000, 255 }, "tile/1/x001/000.p/255" },
		{ { TILE_ENTRIES, 5, 17 }, "tile/entries/005.p/17" },
	};
	static const char *const bad[] = { "", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000",
		"tile/8/000", "tile/64/000", "tile/00/000", "tile/-1/000", "tile/0/000.p/0", "tile/0/000.p/256",
		"tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p/1/", "tile/0/x000/001", "tile/0/x001", "tile/0/x001/",
		"tile/0/001/002", "tile/0/000 ", "tile/entry/000", "tile/entries000", "tile/0/+01",
		"tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/x001/x000/x000/x000/x000/x000/x000/000", "/tile/0/000" };
	struct tile tile;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_string_equal(tile_path(c->arena, &good[i].tile), good[i].path);
		assert_int_equal(tile_parse(good[i].path, &tile), 0);
		assert_memory_equal(&tile, &good[i].tile, sizeof(tile));
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (tile_parse(bad[i], &tile) == 0) {
			fail_msg("taken: %s", bad[i]);
		}
	}
	assert_int_equal(tile_width_in(0, 0, 0), 0);
	assert_int_equal(tile_width_in(0, 273, 70000), 112);
	assert_int_equal(tile_width_in(1, 1, 70000), 17);
	assert_int_equal(tile_width_in(2, 0, 70000), 1);
	assert_int_equal(tile_width_in(1, 0, 70000), 256);
	assert_int_equal(tile_width_in(TILE_ENTRIES, 273, 70000), 112);
	assert_int_equal(tile_width_in(0, UINT64_MAX / 256 + 1, UINT64_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(roots),
		WITH_CTX(proofs),
		WITH_CTX(every_small_tree),
		WITH_CTX(short_tiles),
		WITH_CTX(paths),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

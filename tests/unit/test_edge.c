/* The right edge of a tree: gone on from one leaf at a time, and had from a proof, it always has the root that the whole tree has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/seal/edge.h"

#define LEAVES 600

static struct merkle_hash leaves[LEAVES];

static int setup(void **state)
{
	(void) state;
	for (size_t i = 0; i < LEAVES; i++) {
		merkle_leaf((struct bytes) { (const uint8_t *) &i, sizeof(i) }, &leaves[i]);
	}
	return 0;
}

/* RFC 6962 2.1 as it is written. */
static void root_of(const struct merkle_hash *v, size_t n, struct merkle_hash *ret)
{
	struct merkle_hash right;
	size_t k = 1;
	if (n == 1) {
		*ret = v[0];
		return;
	}
	while (k * 2 < n) {
		k *= 2;
	}
	root_of(v, k, ret);
	root_of(v + k, n - k, &right);
	merkle_node(ret, &right, ret);
}

/* RFC 6962 2.1.1, of the last leaf. */
static void path_of_last(const struct merkle_hash *v, size_t n, struct merkle_proof *ret)
{
	size_t k = 1;
	if (n == 1) {
		return;
	}
	while (k * 2 < n) {
		k *= 2;
	}
	path_of_last(v + k, n - k, ret);
	root_of(v, k, &ret->v[ret->n++]);
}

static void assert_same(const struct edge *a, const struct edge *b)
{
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->v, b->v, a->n * sizeof(a->v[0]));
}

static void test_it_grows(void **state)
{
	struct arena *a = arena_new();
	struct edge e = { .size = 0 };
	struct merkle_hash root;
	struct merkle_hash expected;
	(void) state;
	edge_root(&e, &root);
	merkle_empty(&expected);
	assert_true(merkle_equal(&root, &expected));
	for (size_t n = 1; n <= LEAVES; n++) {
		struct edge again;
		edge_add(&e, &leaves[n - 1]);
		edge_root(&e, &root);
		root_of(leaves, n, &expected);
		assert_true(merkle_equal(&root, &expected));
		assert_int_equal(edge_parse(n, edge_encode(a, &e), &again), 0);
		assert_same(&again, &e);
	}
	arena_free(a);
}

static void test_a_proof_is_an_edge(void **state)
{
	struct edge grown = { .size = 0 };
	(void) state;
	for (size_t n = 1; n <= LEAVES; n++) {
		struct merkle_head head = { .size = n };
		struct merkle_proof proof = { .n = 0 };
		struct edge e;
		edge_add(&grown, &leaves[n - 1]);
		root_of(leaves, n, &head.root);
		path_of_last(leaves, n, &proof);
		assert_int_equal(edge_of_proof(&head, &leaves[n - 1], &proof, &e), 0);
		assert_same(&e, &grown);
		head.root.b[7] ^= 1;
		assert_int_equal(edge_of_proof(&head, &leaves[n - 1], &proof, &e), -1);
		head.root.b[7] ^= 1;
		assert_int_equal(edge_of_proof(&head, &leaves[n % LEAVES], &proof, &e), -1);
	}
	struct edge e;
	assert_int_equal(
	    edge_of_proof(&(struct merkle_head) { .size = 0 }, &leaves[0], &(struct merkle_proof) { .n = 0 }, &e), -1);
}

/* What is in the database may be broken too. */
static void test_what_is_no_edge(void **state)
{
	static const uint8_t octets[65 * SHA256_SIZE];
	struct edge e;
	(void) state;
	assert_int_equal(edge_parse(0, (struct bytes) { NULL, 0 }, &e), 0);
	assert_int_equal(edge_parse(3, (struct bytes) { octets, 64 }, &e), 0);
	assert_int_equal(edge_parse(3, (struct bytes) { octets, 63 }, &e), -1);
	assert_int_equal(edge_parse(3, (struct bytes) { octets, 96 }, &e), -1);
	assert_int_equal(edge_parse(0, (struct bytes) { octets, 32 }, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_it_grows), cmocka_unit_test(test_a_proof_is_an_edge),
		cmocka_unit_test(test_what_is_no_edge) };
	return cmocka_run_group_tests(tests, setup, NULL);
}

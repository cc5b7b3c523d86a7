#include "lib/seal/merkle.h"

#include <string.h>

void merkle_leaf(struct bytes entry, struct merkle_hash *ret)
{
	static const uint8_t leaf = 0x00;
	const struct bytes pieces[] = { { &leaf, 1 }, entry };
	sha256(pieces, COUNT_OF(pieces), ret->b);
}

void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right, struct merkle_hash *ret)
{
	uint8_t node[1 + 2 * SHA256_SIZE] = { 0x01 };
	memcpy(node + 1, left->b, SHA256_SIZE);
	memcpy(node + 1 + SHA256_SIZE, right->b, SHA256_SIZE);
	sha256_of((struct bytes) { node, sizeof(node) }, ret->b);
}

void merkle_empty(struct merkle_hash *ret)
{
	sha256(NULL, 0, ret->b);
}

bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
	return memcmp(a->b, b->b, SHA256_SIZE) == 0;
}

/* The way from a leaf to the root: its number and that of the last leaf, as they stand on each level. */
struct climb {
	uint64_t at;
	uint64_t last;
};

static void climb_one(struct climb *way)
{
	way->at >>= 1;
	way->last >>= 1;
}

/* True when the next hash of the proof stands to the left. Levels on which the node has no sibling are passed over. */
static bool climb_left(struct climb *way)
{
	bool left = (way->at & 1) == 1 || way->at == way->last;
	if (left) {
		while ((way->at & 1) == 0 && way->at != 0) {
			climb_one(way);
		}
	}
	climb_one(way);
	return left;
}

bool merkle_check_inclusion(
    const struct merkle_place *place, const struct merkle_hash *leaf, const struct merkle_proof *proof)
{
	if (place->index >= place->size) {
		return false;
	}
	struct climb way = { place->index, place->size - 1 };
	struct merkle_hash root = *leaf;
	for (size_t i = 0; i < proof->n; i++) {
		if (way.last == 0) {
			return false;
		}
		if (climb_left(&way)) {
			merkle_node(&proof->v[i], &root, &root);
		} else {
			merkle_node(&root, &proof->v[i], &root);
		}
	}
	return way.last == 0 && merkle_equal(&root, &place->root);
}

/* Both roots from the subtree at which the older tree ends, and the hashes beside the way up. */
static bool check_way(const struct merkle_head *older, const struct merkle_head *newer, const struct merkle_hash *from,
    const struct merkle_hash *v, size_t n)
{
	struct climb way = { older->size - 1, newer->size - 1 };
	while ((way.at & 1) == 1) {
		climb_one(&way);
	}
	struct merkle_hash old_root = *from;
	struct merkle_hash new_root = *from;
	for (size_t i = 0; i < n; i++) {
		if (way.last == 0) {
			return false;
		}
		if (climb_left(&way)) {
			merkle_node(&v[i], &old_root, &old_root);
			merkle_node(&v[i], &new_root, &new_root);
		} else {
			merkle_node(&new_root, &v[i], &new_root);
		}
	}
	return way.last == 0 && merkle_equal(&old_root, &older->root) && merkle_equal(&new_root, &newer->root);
}

bool merkle_check_consistency(
    const struct merkle_head *older, const struct merkle_head *newer, const struct merkle_proof *proof)
{
	if (older->size > newer->size) {
		return false;
	}
	if (older->size == newer->size) {
		return proof->n == 0 && merkle_equal(&older->root, &newer->root);
	}
	if (older->size == 0) {
		struct merkle_hash empty;
		merkle_empty(&empty);
		return proof->n == 0 && merkle_equal(&older->root, &empty);
	}
	if ((older->size & (older->size - 1)) == 0) { /* the older tree is a whole subtree of the newer one */
		return check_way(older, newer, &older->root, proof->v, proof->n);
	}
	return proof->n > 0 && check_way(older, newer, &proof->v[0], proof->v + 1, proof->n - 1);
}

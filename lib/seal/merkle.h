/* The Merkle tree of RFC 6962 2.1 over SHA-256: hashes of leaves and nodes, and the two kinds of proof as a reader checks them
 * (RFC 9162 2.1.3.2 and 2.1.4.2). Pure: no tree is held here (lib/seal/tree.h, lib/seal/tiles.h). */
#ifndef CAIRN_SEAL_MERKLE_H
#define CAIRN_SEAL_MERKLE_H

#include "lib/crypto/digest.h"

#define MERKLE_PROOF_MAX 64

struct merkle_hash {
	uint8_t b[SHA256_SIZE];
};

/* From the leaf's sibling up to the root's child. */
struct merkle_proof {
	struct merkle_hash v[MERKLE_PROOF_MAX];
	size_t n;
};

/* SHA-256(0x00 || entry) */
void merkle_leaf(struct bytes entry, struct merkle_hash *ret);

/* SHA-256(0x01 || left || right); ret may be one of both. */
void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right, struct merkle_hash *ret);

/* The root of no leaves: SHA-256 of nothing. */
void merkle_empty(struct merkle_hash *ret);

bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b);

/* The leaf is number `index` of the `size` leaves below the root. */
struct merkle_place {
	uint64_t index;
	uint64_t size;
	struct merkle_hash root;
};
bool merkle_check_inclusion(
    const struct merkle_place *place, const struct merkle_hash *leaf, const struct merkle_proof *proof);

/* A tree of some size, as a checkpoint has it. */
struct merkle_head {
	uint64_t size;
	struct merkle_hash root;
};

/* The newer tree begins with all leaves of the older, in their order. */
bool merkle_check_consistency(
    const struct merkle_head *older, const struct merkle_head *newer, const struct merkle_proof *proof);

#endif

/* The right edge of a Merkle tree of RFC 6962: the hashes of its whole subtrees. Enough to go on from, one leaf at a time, and to say the
 * root; never more than 64 hashes. Pure. */
#ifndef CAIRN_SEAL_EDGE_H
#define CAIRN_SEAL_EDGE_H

#include "lib/base/ctx.h"
#include "lib/seal/merkle.h"

struct edge {
	uint64_t size;
	size_t n; /* as many as size has bits that are set */
	struct merkle_hash v[MERKLE_PROOF_MAX];
};

void edge_add(struct edge *e, const struct merkle_hash *leaf);
void edge_root(const struct edge *e, struct merkle_hash *ret);

/* The edge of the tree of that head from its last leaf and the proof that it is in it. -1: it proves nothing. */
int edge_of_proof(const struct merkle_head *head, const struct merkle_hash *last, const struct merkle_proof *proof,
    struct edge *ret) MUST_CHECK;

/* The hashes one behind the other. */
struct bytes edge_encode(struct arena *a, const struct edge *e);
/* -1: they are not as many as a tree of that size has. */
int edge_parse(uint64_t size, struct bytes in, struct edge *ret) MUST_CHECK;

#endif

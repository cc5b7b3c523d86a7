#include "lib/seal/edge.h"

#include <string.h>

static size_t bits_of(uint64_t size)
{
	size_t n = 0;
	for (; size > 0; size &= size - 1) {
		n++;
	}
	return n;
}

void edge_add(struct edge *e, const struct merkle_hash *leaf)
{
	e->v[e->n++] = *leaf;
	e->size++;
	for (uint64_t whole = e->size; (whole & 1) == 0; whole >>= 1) {
		e->n--;
		merkle_node(&e->v[e->n - 1], &e->v[e->n], &e->v[e->n - 1]);
	}
}

void edge_root(const struct edge *e, struct merkle_hash *ret)
{
	if (e->n == 0) {
		merkle_empty(ret);
		return;
	}
	*ret = e->v[e->n - 1];
	for (size_t i = e->n - 1; i-- > 0;) {
		merkle_node(&e->v[i], ret, ret);
	}
}

/* Beside the way up from the last leaf stand the whole subtrees of all before it, the smallest first. */
int edge_of_proof(
    const struct merkle_head *head, const struct merkle_hash *last, const struct merkle_proof *proof, struct edge *ret)
{
	if (head->size == 0) {
		return -1;
	}
	const struct merkle_place place = { head->size - 1, head->size, head->root };
	if (!merkle_check_inclusion(&place, last, proof) || proof->n != bits_of(head->size - 1)) {
		return -1;
	}
	ret->size = head->size - 1;
	ret->n = proof->n;
	for (size_t i = 0; i < proof->n; i++) {
		ret->v[i] = proof->v[proof->n - 1 - i];
	}
	edge_add(ret, last);
	return 0;
}

struct bytes edge_encode(struct arena *a, const struct edge *e)
{
	return arena_bytes(a, e->v[0].b, e->n * SHA256_SIZE);
}

int edge_parse(uint64_t size, struct bytes in, struct edge *ret)
{
	size_t n = bits_of(size);
	if (n > MERKLE_PROOF_MAX || in.n != n * SHA256_SIZE) {
		return -1;
	}
	ret->size = size;
	ret->n = n;
	if (n > 0) {
		memcpy(ret->v[0].b, in.p, in.n);
	}
	return 0;
}

#include "lib/seal/tree.h"

#include <string.h>

#define LEVEL_BITS 8

void tree_init(struct tree *t)
{
	t->size = 0;
}

unsigned tree_width(const struct tree *t, int level)
{
	return (unsigned) (t->size >> (LEVEL_BITS * level)) % TILE_WIDTH;
}

int tree_load(struct ctx *c, struct tile_source *s, struct tree *t)
{
	t->size = s->size;
	for (int level = 0; level < TILE_LEVELS; level++) {
		struct tile tile = { level, s->size >> (LEVEL_BITS * level) >> LEVEL_BITS, tree_width(t, level) };
		struct bytes hashes = { NULL, 0 };
		if (tile.width == 0) {
			continue;
		}
		TRY(s->read(c, s->arg, &tile, &hashes));
		size_t octets = (size_t) tile.width * SHA256_SIZE;
		if (hashes.n < octets) {
			return FAIL(c, MALFORMED, "Tile %d/%llu has %zu octets and not %zu", level, (unsigned long long) tile.n,
			    hashes.n, octets);
		}
		memcpy(t->edge[level], hashes.p, octets);
	}
	return 0;
}

void tree_add(struct tree *t, const struct merkle_hash *leaf, tree_full *full, void *arg)
{
	struct merkle_hash hash = *leaf;
	for (int level = 0; level < TILE_LEVELS; level++) {
		unsigned width = tree_width(t, level);
		uint8_t *hashes = t->edge[level];
		memcpy(hashes + (size_t) width * SHA256_SIZE, hash.b, SHA256_SIZE);
		if (width + 1 < TILE_WIDTH) {
			break;
		}
		const struct tile tile = { level, t->size >> (LEVEL_BITS * level) >> LEVEL_BITS, TILE_WIDTH };
		if (full != NULL) {
			full(arg, &tile, hashes);
		}
		tile_fold(hashes, TILE_WIDTH, &hash);
	}
	t->size++;
}

/* Whole subtrees from the smallest on the right to the largest on the left. */
void tree_root(const struct tree *t, struct merkle_hash *ret)
{
	bool some = false;
	merkle_empty(ret);
	for (int level = 0; level < TILE_LEVELS; level++) {
		unsigned left = tree_width(t, level);
		for (unsigned n = 1; n <= left; n *= 2) {
			if ((left & n) == 0) {
				continue;
			}
			left -= n;
			struct merkle_hash peak;
			tile_fold(t->edge[level] + (size_t) left * SHA256_SIZE, n, &peak);
			if (some) {
				merkle_node(&peak, ret, ret);
			} else {
				*ret = peak;
			}
			some = true;
		}
	}
}

/* A tree that grows: its right edge in memory, which is the tile of each level that is not full yet. */
#ifndef CAIRN_SEAL_TREE_H
#define CAIRN_SEAL_TREE_H

#include "lib/seal/tiles.h"

struct tree {
	uint64_t size;
	uint8_t edge[TILE_LEVELS][TILE_WIDTH * SHA256_SIZE];
};

/* A tree without leaves. */
void tree_init(struct tree *t);

/* The tree of the source, all of it. Fails as the source does. */
int tree_load(struct ctx *c, struct tile_source *s, struct tree *t) MUST_CHECK;

/* Called with each tile that became full, whose hashes are gone when it returns. */
typedef void tree_full(void *arg, const struct tile *tile, const uint8_t *hashes);

/* One leaf more; full may be NULL. */
void tree_add(struct tree *t, const struct merkle_hash *leaf, tree_full *full, void *arg);

/* Hashes that the edge has on this level, 0 to 255. */
unsigned tree_width(const struct tree *t, int level);

void tree_root(const struct tree *t, struct merkle_hash *ret);

#endif

/* A tree whose tiles are kept in memory; leaf i is the number i in decimal. */
#ifndef CAIRN_TESTS_MEMORY_TILES_H
#define CAIRN_TESTS_MEMORY_TILES_H

#include <stdio.h>

#include "lib/seal/tree.h"

#define MEMORY_LEVELS 3
#define MEMORY_TILES 300

struct memory_tiles {
	struct tree tree;
	uint8_t full[MEMORY_LEVELS][MEMORY_TILES][TILE_WIDTH * SHA256_SIZE];
};

static inline void memory_full(void *arg, const struct tile *tile, const uint8_t *hashes)
{
	struct memory_tiles *m = arg;
	assert_in_range(tile->level, 0, MEMORY_LEVELS - 1);
	assert_in_range(tile->n, 0, MEMORY_TILES - 1);
	memcpy(m->full[tile->level][tile->n], hashes, sizeof(m->full[0][0]));
}

static inline void memory_leaf(uint64_t index, struct merkle_hash *ret)
{
	char text[24];
	(void) snprintf(text, sizeof(text), "%llu", (unsigned long long) index);
	merkle_leaf(bytes_of_text(text), ret);
}

static inline void memory_grow(struct memory_tiles *m, uint64_t size)
{
	struct merkle_hash leaf;
	while (m->tree.size < size) {
		memory_leaf(m->tree.size, &leaf);
		tree_add(&m->tree, &leaf, memory_full, m);
	}
}

static inline int memory_read(struct ctx *c, void *arg, const struct tile *tile, struct bytes *ret)
{
	const struct memory_tiles *m = arg;
	bool whole = tile->n < m->tree.size >> (8 * tile->level) >> 8;
	const uint8_t *hashes = whole ? m->full[tile->level][tile->n] : m->tree.edge[tile->level];
	*ret = arena_bytes(c->arena, hashes, (size_t) tile->width * SHA256_SIZE);
	return 0;
}

static inline struct tile_source memory_source(struct memory_tiles *m)
{
	return (struct tile_source) { .read = memory_read, .arg = m, .size = m->tree.size };
}

#endif

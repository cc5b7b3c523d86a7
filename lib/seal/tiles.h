/* The tree as tiles (C2SP tlog-tiles): 256 hashes each, a tile of level L over 256^(L+1) leaves. What reads them from
 * somewhere is a tile_source; roots and proofs of any size up to that of the source are made from it. */
#ifndef CAIRN_SEAL_TILES_H
#define CAIRN_SEAL_TILES_H

#include "lib/base/ctx.h"
#include "lib/seal/merkle.h"

#define TILE_WIDTH 256
#define TILE_LEVELS 8
#define TILE_ENTRIES (-1) /* as a level: the entries themselves */
#define TILE_SLOTS 64

struct tile {
	int level; /* or TILE_ENTRIES */
	uint64_t n;
	unsigned width; /* 1 to 256 */
};

/* "tile/0/x001/x234/067" or, when it is not full, "tile/0/x001/x234/067.p/5"; "tile/entries/000". */
const char *tile_path(struct arena *a, const struct tile *tile);

/* The reverse, for exactly the paths that tile_path makes. */
int tile_parse(const char *path, struct tile *ret) MUST_CHECK;

/* How many hashes the tile has in a tree of this size; 0: it is not there. */
unsigned tile_width_in(int level, uint64_t n, uint64_t size);

/* Where the tiles of a tree of `size` leaves come from. Zero the rest. */
struct tile_source {
	/* The hashes of this tile, at least tile->width of them, in the arena of c. Fails when it is not to be had. */
	int (*read)(struct ctx *c, void *arg, const struct tile *tile, struct bytes *ret);
	void *arg;
	uint64_t size;
	struct {
		struct tile tile;
		struct bytes hashes; /* of the arena of the ctx that asked first */
	} slots[TILE_SLOTS];
};

/* All of these fail as the source does, with SERVER_INTERNAL for sizes and numbers beyond it. */
int tiles_root(struct ctx *c, struct tile_source *s, uint64_t size, struct merkle_hash *ret) MUST_CHECK;
int tiles_leaf(struct ctx *c, struct tile_source *s, uint64_t index, struct merkle_hash *ret) MUST_CHECK;
int tiles_inclusion(
    struct ctx *c, struct tile_source *s, uint64_t index, uint64_t size, struct merkle_proof *ret) MUST_CHECK;
int tiles_consistency(
    struct ctx *c, struct tile_source *s, uint64_t older, uint64_t newer, struct merkle_proof *ret) MUST_CHECK;

/* The hash over `n` hashes, a power of two from 1 to 256. */
void tile_fold(const uint8_t *hashes, unsigned n, struct merkle_hash *ret);

#endif

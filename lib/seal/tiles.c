#include "lib/seal/tiles.h"

#include <stdio.h>
#include <string.h>

#define LEVEL_BITS 8
#define GROUPS_MAX 7 /* of three digits: 2^64 has twenty */

unsigned tile_width_in(int level, uint64_t n, uint64_t size)
{
	uint64_t hashes = level == TILE_ENTRIES ? size : size >> (LEVEL_BITS * level);
	uint64_t before = n * TILE_WIDTH;
	if (n > UINT64_MAX / TILE_WIDTH || hashes <= before) {
		return 0;
	}
	return hashes - before >= TILE_WIDTH ? TILE_WIDTH : (unsigned) (hashes - before);
}

const char *tile_path(struct arena *a, const struct tile *tile)
{
	const char *number = arena_printf(a, "%03u", (unsigned) (tile->n % 1000));
	for (uint64_t left = tile->n / 1000; left > 0; left /= 1000) {
		number = arena_printf(a, "x%03u/%s", (unsigned) (left % 1000), number);
	}
	const char *level = tile->level == TILE_ENTRIES ? "entries" : arena_printf(a, "%d", tile->level);
	return tile->width == TILE_WIDTH ? arena_printf(a, "tile/%s/%s", level, number)
	                                 : arena_printf(a, "tile/%s/%s.p/%u", level, number, tile->width);
}

/* A number of at most three digits without leading zeros; NULL, or what stands behind it. */
static const char *small_number(const char *p, unsigned *ret)
{
	unsigned value = 0;
	const char *from = p;
	while (*p >= '0' && *p <= '9' && p - from < 3) {
		value = value * 10 + (unsigned) (*p++ - '0');
	}
	if (p == from || (*from == '0' && p - from > 1)) {
		return NULL;
	}
	*ret = value;
	return p;
}

static const char *tile_level(const char *p, int *ret)
{
	static const char entries[] = "entries";
	unsigned level = 0;
	if (strncmp(p, entries, sizeof(entries) - 1) == 0) {
		*ret = TILE_ENTRIES;
		return p + sizeof(entries) - 1;
	}
	p = small_number(p, &level);
	*ret = (int) level;
	return p == NULL || level >= TILE_LEVELS ? NULL : p;
}

/* "x001/x234/067" */
static const char *tile_number(const char *p, uint64_t *ret)
{
	uint64_t n = 0;
	for (unsigned groups = 0; groups < GROUPS_MAX; groups++) {
		bool more = *p == 'x';
		p += more ? 1 : 0;
		if (strspn(p, "0123456789") != 3 || n > UINT64_MAX / TILE_WIDTH / 1000 ||
		    (groups == 0 && more && strncmp(p, "000", 3) == 0)) {
			return NULL;
		}
		n = n * 1000 + (unsigned) ((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
		p += 3;
		if (!more) {
			*ret = n;
			return p;
		}
		if (*p++ != '/') {
			return NULL;
		}
	}
	return NULL;
}

int tile_parse(const char *path, struct tile *ret)
{
	static const char start[] = "tile/";
	struct tile tile = { .width = TILE_WIDTH };
	if (strncmp(path, start, sizeof(start) - 1) != 0) {
		return -1;
	}
	const char *p = tile_level(path + sizeof(start) - 1, &tile.level);
	p = p == NULL || *p != '/' ? NULL : tile_number(p + 1, &tile.n);
	if (p != NULL && strncmp(p, ".p/", 3) == 0) {
		p = small_number(p + 3, &tile.width);
		if (tile.width == 0 || tile.width >= TILE_WIDTH) {
			return -1;
		}
	}
	if (p == NULL || *p != '\0') {
		return -1;
	}
	*ret = tile;
	return 0;
}

void tile_fold(const uint8_t *hashes, unsigned n, struct merkle_hash *ret)
{
	struct merkle_hash row[TILE_WIDTH];
	memcpy(row, hashes, (size_t) n * SHA256_SIZE);
	for (; n > 1; n /= 2) {
		for (unsigned i = 0; i < n / 2; i++) {
			merkle_node(&row[2 * i], &row[2 * i + 1], &row[i]);
		}
	}
	*ret = row[0];
}

static int read_tile(struct ctx *c, struct tile_source *s, int level, uint64_t n, struct bytes *ret)
{
	struct tile tile = { level, n, tile_width_in(level, n, s->size) };
	size_t slot = (size_t) ((n * TILE_LEVELS + (uint64_t) level) % TILE_SLOTS);
	if (tile.width == 0) {
		return ctx_fault(c, "tile %d/%llu is beyond the tree", level, (unsigned long long) n);
	}
	struct tile *kept = &s->slots[slot].tile;
	if (s->slots[slot].hashes.p == NULL || kept->level != level || kept->n != n) {
		struct bytes hashes;
		TRY(s->read(c, s->arg, &tile, &hashes));
		if (hashes.n < (size_t) tile.width * SHA256_SIZE) {
			return FAIL(c, MALFORMED, "Tile %d/%llu has %zu octets and not %zu", level, (unsigned long long) n,
			    hashes.n, (size_t) tile.width * SHA256_SIZE);
		}
		*kept = tile;
		s->slots[slot].hashes = hashes;
	}
	*ret = s->slots[slot].hashes;
	return 0;
}

/* The hash of the whole subtree of 2^height leaves that begins at leaf `from`. */
static int subtree(struct ctx *c, struct tile_source *s, uint64_t from, unsigned height, struct merkle_hash *ret)
{
	int level = (int) (height / LEVEL_BITS);
	unsigned within = height % LEVEL_BITS;
	uint64_t first = from >> (LEVEL_BITS * level); /* of its hashes on this level */
	struct bytes hashes;
	TRY(read_tile(c, s, level, first / TILE_WIDTH, &hashes));
	tile_fold(hashes.p + first % TILE_WIDTH * SHA256_SIZE, 1u << within, ret);
	return 0;
}

/* The largest power of two below n, as its exponent; n > 1. */
static unsigned split(uint64_t n)
{
	return 63 - (unsigned) __builtin_clzll(n - 1);
}

struct range {
	uint64_t from;
	uint64_t to;
};

/* The hash of the leaves from..to, as RFC 6962 divides them: whole subtrees from the left, each smaller than the one before. */
static int hash_range(struct ctx *c, struct tile_source *s, struct range r, struct merkle_hash *ret)
{
	struct merkle_hash peaks[MERKLE_PROOF_MAX];
	size_t n = 0;
	while (r.from < r.to) {
		unsigned height = 63 - (unsigned) __builtin_clzll(r.to - r.from);
		TRY(subtree(c, s, r.from, height, &peaks[n++]));
		r.from += UINT64_C(1) << height;
	}
	if (n == 0) {
		merkle_empty(ret);
		return 0;
	}
	*ret = peaks[n - 1];
	while (--n > 0) {
		merkle_node(&peaks[n - 1], ret, ret);
	}
	return 0;
}

static int check_size(struct ctx *c, const struct tile_source *s, uint64_t size)
{
	if (size > s->size) {
		return ctx_fault(
		    c, "a tree of %llu leaves was asked for %llu", (unsigned long long) s->size, (unsigned long long) size);
	}
	return 0;
}

int tiles_root(struct ctx *c, struct tile_source *s, uint64_t size, struct merkle_hash *ret)
{
	TRY(check_size(c, s, size));
	return hash_range(c, s, (struct range) { 0, size }, ret);
}

int tiles_leaf(struct ctx *c, struct tile_source *s, uint64_t index, struct merkle_hash *ret)
{
	TRY(check_size(c, s, index + 1));
	return subtree(c, s, index, 0, ret);
}

/* The hashes of the ranges, the last one first. */
static int hash_all(
    struct ctx *c, struct tile_source *s, const struct range *ranges, size_t n, struct merkle_proof *ret)
{
	ret->n = 0;
	while (n > 0) {
		TRY(hash_range(c, s, ranges[--n], &ret->v[ret->n++]));
	}
	return 0;
}

int tiles_inclusion(struct ctx *c, struct tile_source *s, uint64_t index, uint64_t size, struct merkle_proof *ret)
{
	struct range beside[MERKLE_PROOF_MAX];
	size_t n = 0;
	struct range at = { 0, size };
	TRY(check_size(c, s, size));
	if (index >= size) {
		return ctx_fault(c, "leaf %llu is beyond the tree", (unsigned long long) index);
	}
	while (at.to - at.from > 1) {
		uint64_t middle = at.from + (UINT64_C(1) << split(at.to - at.from));
		if (index < middle) {
			beside[n++] = (struct range) { middle, at.to };
			at.to = middle;
		} else {
			beside[n++] = (struct range) { at.from, middle };
			at.from = middle;
		}
	}
	return hash_all(c, s, beside, n, ret);
}

int tiles_consistency(struct ctx *c, struct tile_source *s, uint64_t older, uint64_t newer, struct merkle_proof *ret)
{
	struct range beside[MERKLE_PROOF_MAX + 1];
	size_t n = 0;
	struct range at = { 0, newer };
	bool whole = true; /* the older tree is a whole subtree, whose hash the reader has */
	TRY(check_size(c, s, newer));
	TRY(check_size(c, s, older));
	ret->n = 0;
	if (older == 0 || older >= newer) {
		return older > newer ? ctx_fault(c, "the older tree is the larger one") : 0;
	}
	while (older != at.to) {
		uint64_t middle = at.from + (UINT64_C(1) << split(at.to - at.from));
		if (older <= middle) {
			beside[n++] = (struct range) { middle, at.to };
			at.to = middle;
		} else {
			beside[n++] = (struct range) { at.from, middle };
			at.from = middle;
			whole = false;
		}
	}
	if (!whole) {
		beside[n++] = at;
	}
	return hash_all(c, s, beside, n, ret);
}

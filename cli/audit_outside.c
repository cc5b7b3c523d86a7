#include "cli/audit_outside.h"

#include <string.h>

#include "cli/audit_fetch.h"
#include "cli/audit_progress.h"
#include "cli/audit_stop.h"
#include "lib/seal/tree.h"

static const struct audit_place nowhere = { NULL, NULL, -1 };

struct outside {
	const char *base;
	struct audit_report *report;
	const struct audit_trust *trust;
	struct tile_source tiles;
	struct tree tree;
	bool no_entries; /* the log does not publish them */
};

/* Each entry must be the leaf whose hash stands in the tile; an empty one is withheld (docs/sealing.md). */
static void check_entries(struct outside *o, const struct tile *tile, struct bytes entries, const uint8_t *hashes)
{
	for (unsigned i = 0; i < tile->width; i++) {
		size_t n = entries.n < 2 ? 0 : (size_t) entries.p[0] << 8 | entries.p[1];
		const struct audit_place at = { NULL, NULL, (int64_t) (tile->n * TILE_WIDTH + i) };
		struct merkle_hash hash;
		if (entries.n < 2 + n) {
			audit_find(o->report, "deleted", &at, "the bundle of entries ends before it");
			return;
		}
		merkle_leaf((struct bytes) { entries.p + 2, n }, &hash);
		o->report->entries += n > 0 ? 1 : 0;
		if (n > 0 && memcmp(hash.b, hashes + (size_t) i * SHA256_SIZE, SHA256_SIZE) != 0) {
			audit_find(o->report, "changed", &at, "the entry says something else than what was sealed: %.*s", (int) n,
			    (const char *) entries.p + 2);
		}
		entries = (struct bytes) { entries.p + 2 + n, entries.n - 2 - n };
	}
}

static int fetch_entries(struct ctx *c, struct outside *o, const struct tile *tile, const uint8_t *hashes)
{
	const struct tile bundle = { TILE_ENTRIES, tile->n, tile->width };
	struct bytes entries;
	bool found = false;
	TRY(audit_fetch(c, o->base, tile_path(c->arena, &bundle), &entries, &found));
	if (found) {
		check_entries(o, &bundle, entries, hashes);
	} /* else rows of it have been erased; the hashes are checked all the same */
	return 0;
}

/* Nobody asks for entries that are not published: the newest ones would be there. */
static int look_for_entries(struct ctx *c, struct outside *o)
{
	uint64_t n = o->tiles.size == 0 ? 0 : (o->tiles.size - 1) / TILE_WIDTH;
	const struct tile last = { TILE_ENTRIES, n, tile_width_in(TILE_ENTRIES, n, o->tiles.size) };
	struct bytes entries;
	bool found = false;
	if (last.width > 0) {
		TRY(audit_fetch(c, o->base, tile_path(c->arena, &last), &entries, &found));
	}
	o->no_entries = !found;
	return 0;
}

static int check_tile(struct ctx *c, struct outside *o)
{
	const struct tile tile = { 0, o->tree.size / TILE_WIDTH,
		tile_width_in(0, o->tree.size / TILE_WIDTH, o->tiles.size) };
	struct bytes hashes;
	TRY(o->tiles.read(c, o->tiles.arg, &tile, &hashes));
	if (hashes.n < (size_t) tile.width * SHA256_SIZE) {
		return FAIL(c, MALFORMED, "%s is too short", tile_path(c->arena, &tile));
	}
	for (unsigned i = 0; i < tile.width; i++) {
		struct merkle_hash leaf;
		memcpy(leaf.b, hashes.p + (size_t) i * SHA256_SIZE, SHA256_SIZE);
		tree_add(&o->tree, &leaf, NULL, NULL);
		if (o->tree.size == o->trust->since.size) {
			struct merkle_hash root;
			tree_root(&o->tree, &root);
			if (!merkle_equal(&root, &o->trust->since.root)) {
				audit_find(o->report, "checkpoint", &nowhere,
				    "the log does not go on from the earlier checkpoint for %llu leaves",
				    (unsigned long long) o->trust->since.size);
			}
		}
	}
	return o->no_entries ? 0 : fetch_entries(c, o, &tile, hashes.p);
}

/* Which tile of level 0 is not the one below the tile of level 1. */
static void find_tile(struct ctx *c, struct outside *o)
{
	for (uint64_t n = 0; (n + 1) * TILE_WIDTH <= o->tiles.size && !audit_is_stopped(); n++) {
		struct bytes hashes;
		struct bytes above;
		struct merkle_hash hash;
		const struct tile tile = { 0, n, TILE_WIDTH };
		const struct tile up = { 1, n / TILE_WIDTH, tile_width_in(1, n / TILE_WIDTH, o->tiles.size) };
		audit_progress("tile %llu of %llu is compared with the one above it", (unsigned long long) n,
		    (unsigned long long) (o->tiles.size / TILE_WIDTH));
		if (o->tiles.read(c, o->tiles.arg, &tile, &hashes) != 0 || o->tiles.read(c, o->tiles.arg, &up, &above) != 0) {
			ctx_forgive(c);
			continue;
		}
		unsigned long long first = n * TILE_WIDTH;
		tile_fold(hashes.p, TILE_WIDTH, &hash);
		if (above.n < (n % TILE_WIDTH + 1) * SHA256_SIZE ||
		    memcmp(above.p + n % TILE_WIDTH * SHA256_SIZE, hash.b, SHA256_SIZE) != 0) {
			audit_find(o->report, "tile", &nowhere,
			    "tile 0/%llu (leaves %llu to %llu) and the tile above it do not fit together", (unsigned long long) n,
			    first, first + TILE_WIDTH - 1);
		}
	}
}

static int check_all(struct ctx *c, struct outside *o, const struct merkle_head *head)
{
	struct merkle_hash root;
	while (o->tree.size < head->size && !audit_is_stopped()) {
		struct ctx one;
		audit_progress("%llu of %llu leaves, %lld findings", (unsigned long long) o->tree.size,
		    (unsigned long long) head->size, (long long) o->report->found);
		ctx_init(&one);
		int result = check_tile(&one, o);
		bool wrong = result != 0 && one.err.type == PROBLEM_MALFORMED;
		if (wrong) {
			audit_find(o->report, "tile", &nowhere, "%s", one.err.detail);
		} else if (result != 0) {
			ctx_fail(c, one.err.type, "%s", one.err.detail);
		}
		ctx_done(&one);
		if (result != 0) {
			return wrong ? 0 : -1; /* without a tile there is no root */
		}
	}
	if (o->tree.size < head->size) {
		return 0; /* it was stopped */
	}
	tree_root(&o->tree, &root);
	if (!merkle_equal(&root, &head->root)) {
		audit_find(o->report, "checkpoint", &nowhere, "the tiles do not give the root that was signed for %llu leaves",
		    (unsigned long long) head->size);
		find_tile(c, o);
	}
	if (o->trust->since.size > head->size) {
		audit_find(o->report, "checkpoint", &nowhere, "the earlier checkpoint is of %llu leaves, and this one of %llu",
		    (unsigned long long) o->trust->since.size, (unsigned long long) head->size);
	}
	return 0;
}

static int check_outside(struct ctx *c, const char *base, const struct audit_trust *trust, struct audit_report *report)
{
	struct bytes note;
	struct merkle_head head;
	bool found = false;
	report->key = note_key_encode(c->arena, trust->key);
	report->key_was_given = true;
	TRY(audit_fetch(c, base, "checkpoint", &note, &found));
	if (!found) {
		return FAIL(c, UNAVAILABLE, "%s has no checkpoint", base);
	}
	if (checkpoint_open(c, trust->key, note, &head) != 0) {
		audit_find(report, "checkpoint", &nowhere, "%s", c->err.detail);
		ctx_forgive(c);
		return 0;
	}
	struct outside *o = ARENA_NEW(c->arena, struct outside);
	o->base = base;
	o->report = report;
	o->trust = trust;
	o->tiles = audit_fetch_tiles(base);
	o->tiles.size = head.size;
	report->leaves = (int64_t) head.size;
	report->checkpoints = 1;
	TRY(look_for_entries(c, o));
	return check_all(c, o, &head);
}

int audit_check_outside(struct ctx *c, const char *base, const struct audit_trust *trust, struct audit_report *report)
{
	audit_progress("%s is read", base);
	int result = check_outside(c, base, trust, report);
	report->stopped = audit_is_stopped();
	return report->stopped ? 0 : result;
}

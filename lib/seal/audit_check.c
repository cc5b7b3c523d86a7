#include "lib/seal/audit_check.h"

#include <string.h>
#include <time.h>

#include "lib/seal/audit_erased.h"
#include "lib/seal/audit_tree.h"
#include "lib/seal/leaf.h"
#include "lib/seal/tree.h"

#define TILES_AT_ONCE 4
#define CHECKPOINTS_AT_ONCE 1024
#define SEARCHES_MAX 100
#define SIGNING_S 30 /* a backlog is sealed for so long at most until it is signed */

/* One walk over all leaves, from the first to the last. */
struct walk {
	struct audit_report *report;
	const struct audit_trust *trust;
	uint64_t size;
	struct tree tree; /* of the hashes that were sealed */
	struct audit_gone gone;
	struct audit_checkpoint_list checkpoints; /* of sizes to come, in an arena of their own */
	struct ctx page;
	size_t next_checkpoint;
	int searched;      /* rows that were looked for elsewhere in the tree */
	int64_t good_size; /* of the last checkpoint that fitted */
	bool whole;        /* all was looked at that was to be */
	bool stopped;
	/* Hashes of tiles that the walk filled, to be compared with the level above. */
	struct tile_source stored;
};

static const struct audit_place nowhere = { NULL, NULL, -1 };

/* Once stopped it stays so. */
static bool goes_on(struct walk *w, const struct audit_step *step)
{
	const struct audit_pace *p = &w->trust->pace;
	w->stopped = w->stopped || (p->go_on != NULL && !p->go_on(p->arg, step));
	return !w->stopped;
}

static bool leaves_go_on(struct walk *w)
{
	const struct audit_step step = { AUDIT_LEAVES, w->tree.size, w->size, w->report->found, { { 0 } } };
	return goes_on(w, &step);
}

/* What failed in a context within. */
static int fail_as(struct ctx *c, const struct ctx *inner)
{
	ctx_cause(c, "%s", inner->err.cause == NULL ? "" : inner->err.cause);
	return ctx_fail(c, inner->err.type, "%s", inner->err.detail);
}

/* ---- personal fields ---- */

static void check_personal(struct walk *w, struct ctx *c, const struct audit_leaf *leaf)
{
	const char *table = audit_personal_table(leaf->kind);
	if (table == NULL) {
		return;
	}
	const struct audit_place at = { table, leaf_id_text(c->arena, leaf->id), leaf->leaf };
	if (leaf->salt.p == NULL) {
		bool erased = audit_is_erased(&w->gone.list, table, leaf->id);
		w->report->erased += erased ? 1 : 0;
		if (!erased) {
			audit_find(w->report, "deleted", &at, "the personal fields are gone, and no erasure is on record");
		}
		return;
	}
	const char *name = w->trust->pace.facts_only ? NULL : audit_personal_differs(leaf);
	if (name != NULL) {
		audit_find(w->report, "changed", &at, "%s is not what was committed to", name);
	}
}

/* ---- rows ---- */

/* Where in the tree this hash stands; -1: nowhere. */
static int64_t find_hash(struct walk *w, struct ctx *c, const struct merkle_hash *hash)
{
	struct tile_source tiles = audit_tiles();
	struct audit_step step = { AUDIT_SEARCH, 0, w->size / TILE_WIDTH, w->report->found, { { 0 } } };
	for (uint64_t n = 0; n * TILE_WIDTH < w->size && goes_on(w, &step); n++) {
		struct ctx inner;
		struct bytes hashes = { NULL, 0 };
		const struct tile tile = { 0, n, tile_width_in(0, n, w->size) };
		int64_t at = -1;
		ctx_init(&inner);
		inner.deadline_us = c->deadline_us;
		step.done = n;
		(void) (tiles.read(&inner, NULL, &tile, &hashes) == 0);
		for (size_t i = 0; at < 0 && (i + 1) * SHA256_SIZE <= hashes.n; i++) {
			at = memcmp(hashes.p + i * SHA256_SIZE, hash->b, SHA256_SIZE) == 0 ? (int64_t) (n * TILE_WIDTH + i) : -1;
		}
		ctx_done(&inner);
		if (at >= 0) {
			return at;
		}
	}
	return -1;
}

static void check_row(struct walk *w, struct ctx *c, const struct audit_leaf *leaf, const struct merkle_hash *sealed)
{
	const struct audit_place at = { leaf_table(leaf->kind), leaf_id_text(c->arena, leaf->id), leaf->leaf };
	struct merkle_hash hash;
	merkle_leaf(leaf_entry(c->arena, leaf->kind, leaf->id, leaf->line), &hash);
	bool same = merkle_equal(&hash, sealed);
	if (leaf->line == NULL && same) {
		audit_find(w->report, "deleted", &at, "the row was gone before it was sealed");
	} else if (leaf->line == NULL && audit_is_erased(&w->gone.list, at.table, leaf->id)) {
		w->report->erased++;
	} else if (leaf->line == NULL) {
		audit_find(w->report, "deleted", &at, "the row is gone, and no erasure is on record");
	} else if (same) {
		check_personal(w, c, leaf);
	} else {
		int most = w->trust->pace.here_only ? 0 : SEARCHES_MAX;
		long long was = w->searched++ < most ? find_hash(w, c, &hash) : -1;
		audit_find(w->report, was < 0 ? "changed" : "moved", &at,
		    was < 0 ? "the row says something else than what was sealed" : "the row was sealed as leaf %lld", was);
	}
}

/* The rows of one leaf number, which should be one. */
static size_t check_leaf(
    struct walk *w, struct ctx *c, const struct audit_leaf_list *rows, size_t first, const struct merkle_hash *sealed)
{
	size_t n = 0;
	int64_t number = (int64_t) w->tree.size;
	w->report->entries++;
	while (first + n < rows->n && rows->v[first + n].leaf == number) {
		const struct audit_leaf *leaf = &rows->v[first + n];
		if (leaf->kind < 1 || leaf->kind > LEAF_KINDS) {
			const struct audit_place at = { "log.leaf", leaf_id_text(c->arena, leaf->id), number };
			audit_find(w->report, "changed", &at, "there is no kind %lld of rows", (long long) leaf->kind);
		} else {
			check_row(w, c, leaf, sealed);
		}
		n++;
	}
	if (n != 1) {
		const struct audit_place at = { NULL, NULL, number };
		audit_find(w->report, n == 0 ? "deleted" : "doubled", &at,
		    n == 0 ? "log.leaf does not say which row it is" : "log.leaf has several rows for it");
	}
	return n;
}

/* ---- tiles and checkpoints ---- */

/* A tile that the walk has filled: its hash must stand in the tile above. */
static void compare_above(void *arg, const struct tile *tile, const uint8_t *hashes)
{
	struct walk *w = arg;
	struct ctx c;
	struct bytes above;
	struct merkle_hash hash;
	const struct tile up = { tile->level + 1, tile->n / TILE_WIDTH, (unsigned) (tile->n % TILE_WIDTH) + 1 };
	if (up.level >= TILE_LEVELS) {
		return;
	}
	ctx_init(&c);
	tile_fold(hashes, TILE_WIDTH, &hash);
	size_t at = (size_t) (up.width - 1) * SHA256_SIZE;
	bool read = w->stored.read(&c, w->stored.arg, &up, &above) == 0;
	if (!read && !leaves_go_on(w)) {
		ctx_done(&c);
		return;
	}
	if (!read || above.n < at + SHA256_SIZE || memcmp(above.p + at, hash.b, SHA256_SIZE) != 0) {
		unsigned long long leaves = 1ULL << (8 * up.level);
		unsigned long long first = tile->n * leaves;
		audit_find(w->report, "tile", &nowhere,
		    "tile %d/%llu (leaves %llu to %llu) and tile %d/%llu above it do not fit together", tile->level,
		    (unsigned long long) tile->n, first, first + leaves - 1, up.level, (unsigned long long) up.n);
	}
	ctx_done(&c);
}

static void check_signature(struct walk *w, const struct audit_checkpoint *checkpoint)
{
	struct ctx c;
	struct note_key named;
	struct merkle_head head;
	ctx_init(&c);
	const struct note_key *key = w->trust->key;
	int result = 0;
	if (key == NULL) {
		result = note_key_parse(&c, checkpoint->key == NULL ? "" : checkpoint->key, &named);
		key = &named;
	}
	if (result == 0) {
		result = checkpoint_open(&c, key, bytes_of_text(checkpoint->note), &head);
	}
	if (result != 0) {
		audit_find(w->report, "checkpoint", &nowhere, "the checkpoint for %lld leaves: %s",
		    (long long) checkpoint->size, c.err.detail);
	} else if (head.size != (uint64_t) checkpoint->size || checkpoint->root.n != SHA256_SIZE ||
	           memcmp(head.root.b, checkpoint->root.p, SHA256_SIZE) != 0) {
		audit_find(w->report, "checkpoint", &nowhere, "the checkpoint for %lld leaves does not say what its row says",
		    (long long) checkpoint->size);
	}
	w->report->checkpoints++;
	ctx_done(&c);
}

static void check_head(struct walk *w, int64_t size, const uint8_t *root, const char *whose)
{
	struct merkle_hash now;
	tree_root(&w->tree, &now);
	if (memcmp(now.b, root, SHA256_SIZE) == 0) {
		w->good_size = size;
	} else {
		audit_find(w->report, "checkpoint", &nowhere,
		    "the tree of the first %lld leaves is not the one of %s: leaves from %lld on were changed together with "
		    "their hashes",
		    (long long) size, whose, (long long) w->good_size);
	}
}

static int next_page(struct ctx *c, struct walk *w, int64_t above)
{
	ctx_done(&w->page);
	ctx_init(&w->page);
	w->page.deadline_us = c->deadline_us;
	w->next_checkpoint = 0;
	w->checkpoints.n = 0;
	int result = audit_read_checkpoints(&w->page, above, CHECKPOINTS_AT_ONCE, &w->checkpoints);
	return result == 0 ? 0 : fail_as(c, &w->page);
}

/* The checkpoints of the size that the walk has come to. */
static int pass_checkpoints(struct ctx *c, struct walk *w)
{
	int64_t size = (int64_t) w->tree.size;
	if (w->trust->since.size == w->tree.size && w->trust->since.size > 0) {
		check_head(w, size, w->trust->since.root.b, "the earlier checkpoint");
	}
	if (w->next_checkpoint == w->checkpoints.n && w->checkpoints.n == CHECKPOINTS_AT_ONCE) {
		TRY(next_page(c, w, w->checkpoints.v[w->checkpoints.n - 1].size));
	}
	while (w->next_checkpoint < w->checkpoints.n && w->checkpoints.v[w->next_checkpoint].size <= size) {
		const struct audit_checkpoint *one = &w->checkpoints.v[w->next_checkpoint++];
		check_signature(w, one);
		if (one->size == size && one->root.n == SHA256_SIZE) {
			check_head(w, size, one->root.p, "the checkpoint");
		}
	}
	return 0;
}

/* ---- the walk ---- */

static int walk_tile(struct ctx *c, struct walk *w, const struct audit_leaf_list *rows, size_t *at)
{
	uint64_t n = w->tree.size / TILE_WIDTH;
	const struct tile tile = { 0, n, tile_width_in(0, n, w->size) };
	struct bytes hashes = { NULL, 0 };
	if (w->stored.read(c, w->stored.arg, &tile, &hashes) != 0 && c->err.type != PROBLEM_MALFORMED) {
		return -1;
	}
	ctx_forgive(c);
	if (hashes.n < (size_t) tile.width * SHA256_SIZE) {
		audit_find(w->report, "tile", &nowhere, "tile 0/%llu has %zu hashes and not %u", (unsigned long long) n,
		    hashes.n / SHA256_SIZE, tile.width);
	}
	for (unsigned i = (unsigned) (w->tree.size % TILE_WIDTH); i < tile.width; i++) {
		struct merkle_hash sealed = { { 0 } };
		if ((i + 1) * (size_t) SHA256_SIZE <= hashes.n) {
			memcpy(sealed.b, hashes.p + i * (size_t) SHA256_SIZE, SHA256_SIZE);
		}
		*at += check_leaf(w, c, rows, *at, &sealed);
		tree_add(&w->tree, &sealed, compare_above, w);
		TRY(pass_checkpoints(c, w));
	}
	return 0;
}

static int walk_some(struct ctx *c, struct walk *w)
{
	struct audit_leaf_list rows;
	size_t at = 0;
	uint64_t to = (w->tree.size / TILE_WIDTH + TILES_AT_ONCE) * TILE_WIDTH;
	to = to > w->size ? w->size : to;
	const struct audit_numbers range = { (int64_t) w->tree.size, (int64_t) to };
	TRY(audit_read_leaves(c, &range, w->trust->pace.facts_only, &rows));
	for (size_t i = 0; i < rows.n; i++) {
		TRY(audit_is_missing(&rows.v[i]) ? audit_know_gone(c, &w->gone) : 0);
	}
	while (w->tree.size < to) {
		TRY(walk_tile(c, w, &rows, &at));
	}
	return 0;
}

/* Goes on from a checkpoint up to which all was verified: the tiles must have its tree. */
static int go_on(struct ctx *c, struct walk *w, bool *ret_good)
{
	struct tile_source tiles = audit_tiles();
	struct merkle_hash root;
	tiles.size = w->trust->from.size;
	*ret_good = w->trust->from.size <= w->size;
	if (*ret_good && tree_load(c, &tiles, &w->tree) != 0) {
		if (c->err.type != PROBLEM_MALFORMED) {
			return -1;
		}
		ctx_forgive(c);
		*ret_good = false;
	}
	if (*ret_good) {
		tree_root(&w->tree, &root);
		*ret_good = merkle_equal(&root, &w->trust->from.root);
	}
	if (!*ret_good) {
		audit_find(w->report, "checkpoint", &nowhere,
		    "the tree of the first %llu leaves is not the one of the checkpoint to go on from; nothing behind it was "
		    "read",
		    (unsigned long long) w->trust->from.size);
	}
	w->good_size = (int64_t) w->trust->from.size;
	return 0;
}

static int walk_all(struct ctx *c, struct walk *w)
{
	uint64_t most = w->trust->pace.most;
	uint64_t from = w->tree.size;
	TRY(next_page(c, w, (int64_t) from - (from == 0 ? 1 : 0)));
	while (w->tree.size < w->size && (most == 0 || w->tree.size - from < most) && leaves_go_on(w)) {
		struct ctx some;
		ctx_init(&some);
		some.deadline_us = c->deadline_us;
		int result = walk_some(&some, w);
		if (result != 0) {
			(void) fail_as(c, &some);
		}
		ctx_done(&some);
		TRY(result);
	}
	return 0;
}

/* ---- what no leaf accounts for ---- */

static const struct {
	const char *what;
	const char *finding;
	const char *text;
} strays[] = {
	{ "inserted", "inserted", "the row has no seal and does not wait for one" },
	{ "waiting", "waiting", "the row has waited for its seal for more than ten minutes" },
	{ "orphan", "inserted", "personal fields stand there without their row" },
	{ "beyond", "inserted", "log.leaf names a leaf that the tree does not have" },
};

static void add_stray(struct walk *w, struct ctx *c, const struct audit_stray *stray)
{
	bool orphan = strcmp(stray->what, "orphan") == 0;
	const char *table = orphan ? audit_personal_table(stray->kind) : leaf_table(stray->kind);
	const struct audit_place at = { table, leaf_id_text(c->arena, stray->id), stray->leaf };
	for (size_t i = 0; i < COUNT_OF(strays); i++) {
		if (strcmp(stray->what, strays[i].what) == 0 &&
		    !(orphan && audit_is_erased(&w->gone.list, leaf_table(stray->kind), stray->id))) {
			audit_find(w->report, strays[i].finding, &at, "%s", strays[i].text);
		}
	}
}

/* Page by page, each of its own moment. */
static int check_strays(struct ctx *c, struct walk *w)
{
	for (size_t i = 0; i < AUDIT_STRAY_KINDS; i++) {
		struct id after = { { 0 } };
		for (bool more = true; more && w->report->found < AUDIT_FINDINGS_MAX;) {
			const struct audit_step step = { AUDIT_TABLES, i, AUDIT_STRAY_KINDS, w->report->found, after };
			if (!goes_on(w, &step)) {
				return 0;
			}
			struct ctx page;
			struct audit_stray_list list;
			ctx_init(&page);
			page.deadline_us = c->deadline_us;
			int result = audit_read_strays(&page, i, &after, &list, &more);
			result = result == 0 && list.n > 0 ? audit_know_gone(&page, &w->gone) : result;
			for (size_t k = 0; result == 0 && k < list.n; k++) {
				add_stray(w, &page, &list.v[k]);
			}
			if (result != 0) {
				(void) fail_as(c, &page);
			}
			ctx_done(&page);
			TRY(result);
		}
	}
	return audit_count_waiting(c, &w->report->waiting);
}

/* Who deletes checkpoints can change what they covered, hashes and all: old leaves without a checkpoint are suspicious. The log may be at
 * work on a backlog, which is signed soon. */
static int check_unsigned(struct ctx *c, struct walk *w, const struct audit_state *before)
{
	struct audit_state now = *before;
	for (int i = 0; i < SIGNING_S && now.signed_size < before->size && audit_is_late(&now) && leaves_go_on(w); i++) {
		const struct timespec second = { 1, 0 };
		(void) nanosleep(&second, NULL);
		TRY(audit_read_state(c, &now));
	}
	if (now.signed_size < before->size && audit_is_late(&now)) {
		audit_find(w->report, "checkpoint", &nowhere,
		    "leaves from %lld on have no checkpoint since more than ten minutes: newer ones were deleted, or the log "
		    "is not "
		    "signed any more",
		    (long long) now.signed_size);
	}
	return 0;
}

/* What can be said when the walk is at the end. */
static int check_end(struct ctx *c, struct walk *w, const struct audit_state *state)
{
	struct merkle_hash root;
	tree_root(&w->tree, &root);
	if (state->root.n != SHA256_SIZE || memcmp(root.b, state->root.p, SHA256_SIZE) != 0) {
		audit_find(w->report, "tile", &nowhere, "the hashes do not give the root that log.tree has for %lld leaves",
		    (long long) state->size);
	}
	if (state->signed_size > state->size) {
		audit_find(w->report, "checkpoint", &nowhere,
		    "a checkpoint was signed for %lld leaves, of which %lld are there", (long long) state->signed_size,
		    (long long) state->size);
	}
	if (w->trust->since.size > w->size) {
		audit_find(w->report, "checkpoint", &nowhere,
		    "the earlier checkpoint is of %llu leaves, of which %lld are there",
		    (unsigned long long) w->trust->since.size, (long long) state->size);
	}
	if (state->checkpoints == 0 && state->size > 0) {
		audit_find(w->report, "checkpoint", &nowhere, "no checkpoint is there");
	}
	if (w->trust->pace.leaves_only) {
		return 0;
	}
	TRY(check_unsigned(c, w, state));
	return check_strays(c, w);
}

static int check_all(struct ctx *c, struct walk *w, const struct audit_state *state)
{
	struct tile_source tiles = audit_tiles();
	bool good = true;
	tiles.size = w->size;
	if (w->trust->from.size > 0) {
		TRY(go_on(c, w, &good));
	}
	TRY(audit_check_witnessed(c, &w->trust->witnessed, &tiles, w->report));
	if (!good) {
		tree_init(&w->tree);
		w->whole = true;
		return 0;
	}
	TRY(walk_all(c, w));
	if (!w->stopped && w->tree.size == w->size) {
		TRY(check_end(c, w, state));
	}
	w->whole = !w->stopped;
	return 0;
}

int audit_check_database(
    struct ctx *c, const struct audit_trust *trust, struct audit_report *report, struct audit_reached *ret)
{
	struct audit_state state;
	struct walk *w = ARENA_NEW(c->arena, struct walk);
	w->report = report;
	w->trust = trust;
	w->stored = audit_tiles();
	if (audit_read_state(c, &state) != 0) {
		report->stopped = !leaves_go_on(w);
		return report->stopped ? 0 : -1;
	}
	w->size = (uint64_t) state.size;
	report->leaves = state.size;
	report->key_was_given = trust->key != NULL;
	report->key = trust->key != NULL ? note_key_encode(c->arena, trust->key) : state.key == NULL ? "nobody" : state.key;
	ctx_init(&w->page);
	audit_gone_init(&w->gone);
	int result = check_all(c, w, &state);
	report->stopped = !w->whole && (w->stopped || (result != 0 && !leaves_go_on(w)));
	result = report->stopped ? 0 : result;
	*ret = (struct audit_reached) { .note = state.note, .head.size = w->tree.size, .end = w->tree.size == w->size };
	tree_root(&w->tree, &ret->head.root);
	ctx_done(&w->page);
	audit_gone_done(&w->gone);
	return result;
}

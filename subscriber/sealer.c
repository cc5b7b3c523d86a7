#include "subscriber/sealer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/condition.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/seal/leaf.h"
#include "subscriber/keeper.h"

#define LEASE_S 15
#define BATCH 4096
#define ROUND_LIMIT_MS 20000
#define BATCH_LIMIT_MS 10000 /* no further one is begun with less left, so that a long backlog is signed as it goes */
/* Tiles that a batch can fill, and one a level that it can begin. */
#define TILES_MAX (BATCH / TILE_WIDTH + 2 + 2 * TILE_LEVELS)

struct sealer {
	const struct checkpoint_signer *signer;
	const char *holder;
	bool known; /* tree and signed_size are as the database says */
	struct tree tree;
	uint64_t signed_size;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
	int64_t interval_ms;
	_Atomic(const char *) trouble; /* constant */
};

struct sealer *sealer_new(const struct checkpoint_signer *signer, const char *holder)
{
	struct sealer *s = calloc(1, sizeof(*s));
	if (s == NULL || pthread_mutex_init(&s->mutex, NULL) != 0) {
		die("out of memory");
	}
	condition_init(&s->wake);
	s->signer = signer;
	s->holder = holder;
	return s;
}

void sealer_free(struct sealer *s)
{
	if (s == NULL) {
		return;
	}
	(void) pthread_cond_destroy(&s->wake);
	(void) pthread_mutex_destroy(&s->mutex);
	free(s);
}

const char *sealer_trouble(const struct sealer *s)
{
	return atomic_load(&s->trouble);
}

static int take_lease(struct ctx *c, const struct sealer *s, bool *ret_taken)
{
	const struct lease_params lease = { "seal", s->holder, LEASE_S };
	struct lease_row row;
	bool found = false;
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &row, &found));
	*ret_taken = row.taken;
	return 0;
}

/* What was signed last must be the beginning of what is there. */
static int check_signed(
    struct ctx *c, const struct sealer *s, const struct sealed_state *state, struct tile_source *tiles)
{
	struct merkle_head head;
	struct merkle_hash root;
	if (state->note == NULL) {
		return 0;
	}
	const char *own = note_key_encode(c->arena, &s->signer->name);
	struct bytes note = bytes_of_text(state->note);
	if (strcmp(own, state->key) == 0) {
		TRY(checkpoint_open(c, &s->signer->name, note, &head));
	} else {
		TRY(checkpoint_parse(c, note, NULL, &head));
	}
	if (head.size > tiles->size || tiles_root(c, tiles, head.size, &root) != 0 || !merkle_equal(&root, &head.root)) {
		ctx_forgive(c);
		return FAIL(c, CONFLICT, "The sealed log does not fit the checkpoint for %llu leaves that was signed",
		    (unsigned long long) head.size);
	}
	return 0;
}

/* The tree from its tiles, which must fit all that was said of it. */
static int load(struct ctx *c, struct sealer *s)
{
	struct sealed_state state;
	struct tile_source tiles = sealer_tiles();
	struct merkle_hash root;
	TRY(sealer_read_state(c, &state));
	tiles.size = (uint64_t) state.size;
	TRY(tree_load(c, &tiles, &s->tree));
	tree_root(&s->tree, &root);
	if (memcmp(root.b, state.root.p, sizeof(root.b)) != 0) {
		return FAIL(c, CONFLICT, "The tiles of the sealed log are not those that were written");
	}
	TRY(check_signed(c, s, &state, &tiles));
	TRY(checkpoint_check_memory(c, s->signer, &tiles));
	s->signed_size = state.note == NULL ? 0 : (uint64_t) state.signed_size;
	s->known = true;
	return 0;
}

/* Tiles that changed, as log.sequence wants them. */
struct changed {
	struct arena *arena;
	struct sequence *to;
};

static void add_tile(void *arg, const struct tile *tile, const uint8_t *hashes)
{
	const struct changed *changed = arg;
	struct sequence *to = changed->to;
	size_t i = to->tiles.n++;
	to->levels.n = to->numbers.n = to->tiles.n;
	if (i >= TILES_MAX) {
		die("more tiles than a batch can fill");
	}
	to->levels.v[i] = tile->level;
	to->numbers.v[i] = (int64_t) tile->n;
	to->tiles.v[i] = arena_bytes(changed->arena, hashes, (size_t) tile->width * SHA256_SIZE);
}

/* The edge of a tree that was of size `from`. */
static void add_edge(const struct tree *t, uint64_t from, struct changed *changed)
{
	for (int level = 0; level < TILE_LEVELS; level++) {
		const struct tile tile = { level, t->size >> (8 * level) >> 8, tree_width(t, level) };
		if (tile.width > 0 && t->size >> (8 * level) != from >> (8 * level)) {
			add_tile(changed, &tile, t->edge[level]);
		}
	}
}

static struct sequence sequence_new(struct arena *a, const struct sealer *s, size_t n)
{
	return (struct sequence) {
		.holder = s->holder,
		.from = (int64_t) s->tree.size,
		.places = { ARENA_ARRAY(a, n, const char *), n },
		.kinds = { ARENA_ARRAY(a, n, int64_t), n },
		.ids = { ARENA_ARRAY(a, n, struct id), n },
		.levels = { ARENA_ARRAY(a, TILES_MAX, int64_t), 0 },
		.numbers = { ARENA_ARRAY(a, TILES_MAX, int64_t), 0 },
		.tiles = { ARENA_ARRAY(a, TILES_MAX, struct bytes), 0 },
	};
}

/* Puts the rows into the tree in memory and then, at once or not at all, into that of the database. */
static int seal(struct ctx *c, struct sealer *s, const struct unsealed_list *rows)
{
	struct sequence to = sequence_new(c->arena, s, rows->n);
	struct changed changed = { c->arena, &to };
	struct merkle_hash root;
	uint64_t from = s->tree.size;
	for (size_t i = 0; i < rows->n; i++) {
		const struct unsealed_row *row = &rows->v[i];
		struct merkle_hash leaf;
		merkle_leaf(leaf_entry(c->arena, row->kind, row->id, row->line), &leaf);
		tree_add(&s->tree, &leaf, add_tile, &changed);
		to.places.v[i] = row->place;
		to.kinds.v[i] = row->kind;
		to.ids.v[i] = row->id;
		if (row->line == NULL) {
			log_event(c, LOG_ERROR, "a row was gone before it was sealed", "table", leaf_table(row->kind), "id",
			    leaf_id_text(c->arena, row->id), NULL);
		}
	}
	add_edge(&s->tree, from, &changed);
	tree_root(&s->tree, &root);
	to.root = (struct bytes) { root.b, sizeof(root.b) };
	TRY(sealer_sequence(c, &to));
	metric_add(METRIC_sealed_leaves, NULL, (int64_t) rows->n);
	return 0;
}

/* Memory of its own for each batch. */
static int seal_batch(struct sealer *s, const struct ctx *outer, struct ctx *c, size_t *ret_n)
{
	struct unsealed_list rows = { NULL, 0 };
	c->deadline_us = outer->deadline_us;
	TRY(sealer_read_unsealed(c, BATCH, &rows));
	*ret_n = rows.n;
	return rows.n == 0 ? 0 : seal(c, s, &rows);
}

static int seal_all(struct ctx *c, struct sealer *s)
{
	size_t n = BATCH;
	bool taken = true;
	while (n == BATCH && taken && ctx_left_ms(c, ROUND_LIMIT_MS) > BATCH_LIMIT_MS) {
		struct ctx batch;
		ctx_init(&batch);
		int result = seal_batch(s, c, &batch, &n);
		if (result != 0) {
			ctx_cause(c, "%s", batch.err.cause == NULL ? "" : batch.err.cause);
			ctx_fail(c, batch.err.type, "%s", batch.err.detail);
		}
		ctx_done(&batch);
		TRY(result);
		metric_set(METRIC_unsealed_rows, NULL, n == BATCH ? BATCH : 0);
		if (n == BATCH) {
			TRY(take_lease(c, s, &taken));
		}
	}
	return 0;
}

static int sign(struct ctx *c, struct sealer *s)
{
	struct merkle_head head = { .size = s->tree.size };
	struct bytes note;
	if (head.size == s->signed_size) {
		return 0;
	}
	tree_root(&s->tree, &head.root);
	TRY(checkpoint_sign(c, s->signer, &head, &note));
	const struct published checkpoint = { s->holder, (int64_t) head.size, { head.root.b, sizeof(head.root.b) },
		(const char *) note.p, note_key_encode(c->arena, &s->signer->name) };
	TRY(sealer_publish(c, &checkpoint));
	s->signed_size = head.size;
	metric_set(METRIC_checkpoint_size, NULL, (int64_t) head.size);
	return 0;
}

static int round_with_lease(struct ctx *c, struct sealer *s)
{
	if (!s->known) {
		TRY(load(c, s));
	}
	TRY(seal_all(c, s));
	return sign(c, s);
}

int sealer_round(struct ctx *c, struct sealer *s)
{
	bool taken = false;
	TRY(take_lease(c, s, &taken));
	if (!taken) {
		s->known = false;
		return 0;
	}
	int result = round_with_lease(c, s);
	if (result != 0) {
		s->known = false; /* what was written is for the database to say */
	}
	return result;
}

/* Why nothing was sealed, for /readyz; what another instance did first is no trouble. */
static void tell(struct sealer *s, const struct ctx *c, int result, int in_a_row)
{
	static const char broken[] = "the sealed log does not fit what was signed; see the log";
	static const char late[] = "the log can't be sealed; see the log";
	bool conflict = result != 0 && c->err.type == PROBLEM_CONFLICT;
	const char *before = atomic_load(&s->trouble);
	const char *now = result == 0                             ? NULL
	                  : !s->known && conflict && in_a_row > 1 ? broken
	                  : in_a_row > 1                          ? late
	                                                          : before;
	atomic_store(&s->trouble, now);
	if (result != 0) {
		log_error(c, in_a_row > 2 ? LOG_DEBUG : in_a_row > 1 ? LOG_ERROR : LOG_WARN, "the log was not sealed");
	} else if (before != NULL) {
		log_event(c, LOG_INFO, "the log is sealed again", NULL);
	}
}

/* True when it is time to end. */
static bool wait_a_little(struct sealer *s)
{
	struct timespec until = moment_in(s->interval_ms);
	pthread_mutex_lock(&s->mutex);
	while (!s->stop && pthread_cond_timedwait(&s->wake, &s->mutex, &until) == 0) {
	}
	bool stop = s->stop;
	pthread_mutex_unlock(&s->mutex);
	return stop;
}

static void *run(void *arg)
{
	struct sealer *s = arg;
	int in_a_row = 0;
	bool stop = false;
	while (!stop) {
		stop = wait_a_little(s); /* the last round comes behind the order to stop */
		struct ctx c;
		ctx_init(&c);
		ctx_limit_ms(&c, ROUND_LIMIT_MS);
		int result = sealer_round(&c, s);
		in_a_row = result == 0 ? 0 : in_a_row + 1;
		tell(s, &c, result, in_a_row);
		ctx_done(&c);
	}
	db_thread_end();
	return NULL;
}

int sealer_start(struct ctx *c, struct sealer *s, int64_t interval_ms)
{
	s->interval_ms = interval_ms;
	return pthread_create(&s->thread, NULL, run, s) == 0 ? 0
	                                                     : FAIL(c, SERVER_INTERNAL, "A thread could not be started");
}

void sealer_stop(struct sealer *s)
{
	pthread_mutex_lock(&s->mutex);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	(void) pthread_join(s->thread, NULL);
}

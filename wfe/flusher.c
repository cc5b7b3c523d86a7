#include "wfe/flusher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/condition.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "wfe/copy.h"
#include "wfe/record.h"

#define SYNC_INTERVAL_MS 20 /* the most that an end of the machine can lose */
#define SYNCS_PER_FLUSH 10
#define BATCH_OCTETS ((size_t) 4 * 1024 * 1024)
#define ROWS_EXPECTED ((size_t) 64 * 1024)
#define ROUND_LIMIT_MS 20000

/* A request that began and has not ended yet; there are as many as the front end has workers, and those that a crash
 * left behind. */
struct pending {
	struct id request;
	uint64_t number;
	struct bytes payload; /* of the batch at hand, or kept */
	struct arena *kept;   /* of its copy, once the batch is gone */
};

struct flusher {
	struct spool *spool;
	bool known; /* position and pending are as the database and the spool say */
	uint64_t position;
	struct pending *pending;
	size_t n_pending;
	size_t size_pending;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
	atomic_bool healthy;
	bool tried; /* of the thread: it has logged how the first round went */
};

struct spool_position {
	const char *instance;
	int64_t position;
};
static const struct field spool_position_field[] = {
	FIELD(struct spool_position, instance),
	FIELD(struct spool_position, position),
};
static const struct fields spool_position_fields = FIELDS(struct spool_position, spool_position_field);
static const struct fields spool_instance_fields = {
	.name = "spool_instance", .size = sizeof(struct spool_position), .v = spool_position_field, .n = 1
};

const struct statement flusher_find_position = {
	.name = "flusher_find_position",
	.sql = "SELECT instance, position FROM log.spool WHERE instance = $1",
	.params = &spool_instance_fields,
	.row = &spool_position_fields,
	.repeatable = true,
};

const struct statement flusher_move_position = {
	.name = "flusher_move_position",
	.sql = "INSERT INTO log.spool AS s (instance, position, flushed_at) VALUES ($1, $2, now())"
	       " ON CONFLICT (instance) DO UPDATE SET position = excluded.position, flushed_at = excluded.flushed_at",
	.params = &spool_position_fields,
};

struct flusher *flusher_new(struct spool *s)
{
	struct flusher *f = calloc(1, sizeof(*f));
	if (f == NULL || pthread_mutex_init(&f->mutex, NULL) != 0) {
		die("out of memory");
	}
	condition_init(&f->wake);
	f->spool = s;
	return f;
}

static void drop_pending(struct flusher *f)
{
	for (size_t i = 0; i < f->n_pending; i++) {
		arena_free(f->pending[i].kept);
	}
	f->n_pending = 0;
}

void flusher_free(struct flusher *f)
{
	if (f == NULL) {
		return;
	}
	drop_pending(f);
	free(f->pending);
	(void) pthread_cond_destroy(&f->wake);
	(void) pthread_mutex_destroy(&f->mutex);
	free(f);
}

static void add_pending(struct flusher *f, const struct spool_record *record)
{
	if (f->n_pending == f->size_pending) {
		f->size_pending = f->size_pending * 2 + 64;
		f->pending = reallocarray(f->pending, f->size_pending, sizeof(*f->pending));
	}
	if (f->pending == NULL) {
		die("out of memory");
	}
	f->pending[f->n_pending++] =
	    (struct pending) { .request = record->request, .number = record->number, .payload = record->payload };
}

/* Most requests end in the batch in which they began; the octets of the others are kept for a later one. */
static void keep_pending(struct flusher *f)
{
	for (size_t i = 0; i < f->n_pending; i++) {
		struct pending *one = &f->pending[i];
		if (one->kept == NULL) {
			one->kept = arena_new();
			one->payload = arena_bytes(one->kept, one->payload.p, one->payload.n);
		}
	}
}

/* The place of the request's begin; n_pending: there is none. */
static size_t find_pending(const struct flusher *f, struct id request)
{
	size_t i = 0;
	while (i < f->n_pending && !id_equal(f->pending[i].request, request)) {
		i++;
	}
	return i;
}

static void remove_pending(struct flusher *f, size_t i)
{
	arena_free(f->pending[i].kept);
	f->n_pending--;
	f->pending[i] = f->pending[f->n_pending];
}

/* Records come from this same code and their checksum was right: one that can't be read is a fault of the program. */
static void add_rows(
    const struct flusher *f, const struct spool_record *record, struct bytes payload, struct buffer rows[2])
{
	struct record_begin begin;
	struct record_end end = { 0 };
	if (record_parse_begin(payload, &begin) != 0 ||
	    (record->kind == SPOOL_END && record_parse_end(record->payload, &end) != 0)) {
		die("record %llu of the spool can't be read; put its segment aside to go on without it",
		    (unsigned long long) record->number);
	}
	record_add_rows(record->request, spool_instance(f->spool), &begin, &end, rows);
}

static size_t join(struct flusher *f, const struct spool_record_list *records, struct buffer rows[2])
{
	size_t n = 0;
	for (size_t i = 0; i < records->n; i++) {
		const struct spool_record *record = &records->v[i];
		if (record->kind == SPOOL_BEGIN) {
			add_pending(f, record);
			continue;
		}
		size_t begin = find_pending(f, record->request);
		if (begin == f->n_pending) {
			continue; /* an end without its begin is of a segment that was put aside */
		}
		/* After a rewind, what is in the database comes by again. */
		if (record->number > f->position) {
			add_rows(f, record, f->pending[begin].payload, rows);
			n++;
		}
		remove_pending(f, begin);
	}
	keep_pending(f);
	return n;
}

static int store(struct ctx *c, struct flusher *f, const struct spool_record_list *records)
{
	struct buffer rows[2];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		buffer_init(&rows[i], c->arena, ROWS_EXPECTED);
		copy_start(&rows[i]);
	}
	size_t n = join(f, records, rows);
	if (n == 0) {
		return 0;
	}
	copy_end(&rows[0]);
	copy_end(&rows[1]);
	const struct db_copy copies[] = { { record_request_copy, buffer_bytes(&rows[0]) },
		{ record_private_copy, buffer_bytes(&rows[1]) } };
	uint64_t last = records->v[records->n - 1].number;
	struct spool_position to = { .instance = spool_instance(f->spool), .position = (int64_t) last };
	TRY(db_copy_all(c, copies, COUNT_OF(copies), &flusher_move_position, &to));
	f->position = last;
	metric_add(METRIC_spool_flushed, NULL, (int64_t) n);
	return 0;
}

/* Nothing at or below the position is needed any more, save what belongs to requests that are still open. */
static void forget(const struct flusher *f)
{
	uint64_t below = f->position + 1;
	for (size_t i = 0; i < f->n_pending; i++) {
		below = f->pending[i].number < below ? f->pending[i].number : below;
	}
	spool_forget(f->spool, below);
}

static int find_position(struct ctx *c, struct flusher *f)
{
	struct spool_position at = { .instance = spool_instance(f->spool) };
	bool found = false;
	TRY(db_row(c, &flusher_find_position, &at, &at, &found));
	f->position = found ? (uint64_t) at.position : 0;
	drop_pending(f);
	spool_rewind(f->spool);
	f->known = true;
	return 0;
}

/* Up to the record before `goal`: what comes in the meantime waits for the next round, as a transaction for a few rows
 * costs as much as one for many. */
static int flush_batch(struct ctx *c, struct flusher *f, uint64_t goal, bool *ret_more)
{
	struct spool_record_list records;
	TRY(spool_read(c, f->spool, BATCH_OCTETS, &records));
	*ret_more = records.n > 0 && records.v[records.n - 1].number + 1 < goal;
	if (records.n > 0) {
		TRY(store(c, f, &records));
		forget(f);
	}
	return 0;
}

static int flush_all(struct ctx *c, struct flusher *f)
{
	if (!f->known) {
		TRY(find_position(c, f));
	}
	uint64_t goal = spool_next(f->spool);
	bool more = true;
	while (more) {
		struct ctx inner;
		ctx_init(&inner);
		inner.deadline_us = c->deadline_us;
		int result = flush_batch(&inner, f, goal, &more);
		if (result != 0) {
			/* Whether it was written is for the database to say: start from its position. */
			f->known = false;
			ctx_cause(c, "%s", inner.err.cause == NULL ? inner.err.detail : inner.err.cause);
			ctx_fail(c, inner.err.type, "The request log does not reach the database");
		}
		ctx_done(&inner);
		TRY(result);
	}
	return 0;
}

int flusher_flush(struct ctx *c, struct flusher *f)
{
	int result = flush_all(c, f);
	atomic_store(&f->healthy, result == 0);
	return result;
}

static void run_round(struct flusher *f, bool flush)
{
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, ROUND_LIMIT_MS);
	bool was_healthy = atomic_load(&f->healthy);
	if (spool_sync(&c, f->spool) != 0 || (flush && flusher_flush(&c, f) != 0)) {
		log_error(&c, was_healthy || !f->tried ? LOG_ERROR : LOG_DEBUG, "the request log could not be written");
	} else if (flush && !was_healthy) {
		log_event(&c, LOG_INFO, "the request log reaches the database", NULL);
	}
	f->tried = true;
	ctx_done(&c);
}

/* True when it is time to end. */
static bool wait_a_little(struct flusher *f)
{
	struct timespec until = moment_in(SYNC_INTERVAL_MS);
	pthread_mutex_lock(&f->mutex);
	if (!f->stop) {
		(void) pthread_cond_timedwait(&f->wake, &f->mutex, &until);
	}
	bool stop = f->stop;
	pthread_mutex_unlock(&f->mutex);
	return stop;
}

static void *run(void *arg)
{
	struct flusher *f = arg;
	bool stop = false;
	for (unsigned round = 0; !stop; round++) {
		run_round(f, round % SYNCS_PER_FLUSH == 0);
		stop = wait_a_little(f);
	}
	run_round(f, true);
	db_thread_end();
	return NULL;
}

void flusher_start(struct flusher *f)
{
	if (pthread_create(&f->thread, NULL, run, f) != 0) {
		die("no thread for the request log");
	}
}

void flusher_stop(struct flusher *f)
{
	pthread_mutex_lock(&f->mutex);
	f->stop = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->mutex);
	(void) pthread_join(f->thread, NULL);
}

bool flusher_healthy(const struct flusher *f)
{
	return atomic_load(&f->healthy);
}

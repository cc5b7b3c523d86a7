#include "ra/promise_job.h"

#include <pthread.h>

#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/ct/log_file.h"
#include "lib/rpc/client.h"
#include "policy/ct.h"
#include "ra/logs.h"
#include "ra/ra.h"

#define ROUND_MS 1000
#define STATE_ROUNDS 30 /* of the looks at how many there are */
#define LEASE_S 60
#define WORK_MS (LEASE_S * 1000 / 2)
enum { PROMISES, FINALS, QUEUES }; /* orders that wait for SCTs, and certificates that are to be shown to a log */
#define QUEUE_WORKERS_MAX (PROMISE_WORKERS * 3 / 4) /* of one queue: what logs do to it does not stop the other */

struct take_params {
	bool final;
	const char *holder;
	int64_t lease_s;
	int64_t limit;
};
static const struct field take_field[] = {
	FIELD(struct take_params, final),
	FIELD(struct take_params, holder),
	FIELD(struct take_params, lease_s),
	FIELD(struct take_params, limit),
};
static const struct fields take_fields = FIELDS(struct take_params, take_field);

static const struct field unlogged_field[] = {
	FIELD(struct unlogged, certificate_id),
	FIELD(struct unlogged, der),
	FIELD(struct unlogged, final),
	FIELD_AS(struct unlogged, issuer, "issuer_certificate"),
	FIELD(struct unlogged, chain),
};
static const struct fields unlogged_fields = FIELDS(struct unlogged, unlogged_field);

const struct statement ra_take_unlogged_statement = {
	.name = "take_unlogged",
	.sql = "SELECT * FROM ca.take_unlogged($1, $2, $3, $4)",
	.params = &take_fields,
	.row = &unlogged_fields,
};

struct leave_params {
	const char *holder;
};
static const struct field leave_field[] = { FIELD(struct leave_params, holder) };
static const struct fields leave_fields = FIELDS(struct leave_params, leave_field);

const struct statement ra_leave_unlogged_statement = {
	.name = "leave_unlogged",
	.sql = "SELECT ca.leave_unlogged($1)",
	.params = &leave_fields,
	.repeatable = true,
};

struct state_row {
	int64_t waiting;
	int64_t unlogged;
	int64_t overdue;
};
static const struct field state_field[] = {
	FIELD(struct state_row, waiting),
	FIELD(struct state_row, unlogged),
	FIELD(struct state_row, overdue),
};
static const struct fields state_fields = FIELDS(struct state_row, state_field);

const struct statement ra_logs_state_statement = {
	.name = "logs_state",
	.sql = "SELECT waiting, unlogged, overdue FROM ca.logs_state()",
	.row = &state_fields,
	.repeatable = true,
};

/* A thread that asks logs for one row at a time. */
struct worker {
	pthread_t thread;
	struct ctx c; /* of the row, made by who takes it */
	struct unlogged row;
	bool busy;
};

static struct {
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct worker workers[PROMISE_WORKERS];
	size_t busy[QUEUES];
	bool woken;
	bool stopping;
	pthread_t taker;
	size_t started; /* workers */
	bool taking;
} job = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* H-13 */
static void tell_state(struct ctx *c)
{
	struct state_row row;
	bool found = false;
	if (db_row(c, &ra_logs_state_statement, NULL, &row, &found) != 0 || !found) {
		log_error(c, LOG_WARN, "how many certificates are in no transparency log can't be looked up");
		ctx_forgive(c);
		return;
	}
	if (row.overdue > 0) {
		log_event(c, LOG_ERROR, "certificates are in no transparency log a day after they were issued", "certificates",
		    arena_printf(c->arena, "%lld", (long long) row.overdue), NULL);
	}
	metric_set(METRIC_log_promises_waiting, NULL, row.waiting);
	metric_set(METRIC_log_unlogged, NULL, row.unlogged);
	metric_set(METRIC_log_overdue, NULL, row.overdue);
}

/* One that fails must not hold up the others. */
static void work_on(struct worker *self)
{
	bool final = self->row.final;
	ctx_limit_ms(&self->c, WORK_MS);
	if (promise_work(&self->c, &self->row) != 0) {
		log_error(&self->c, LOG_WARN,
		    final ? "no transparency log takes a certificate" : "a precertificate still lacks SCTs");
	}
	ctx_done(&self->c);
	pthread_mutex_lock(&job.lock);
	self->busy = false;
	job.busy[final ? FINALS : PROMISES]--;
	pthread_cond_broadcast(&job.changed);
	pthread_mutex_unlock(&job.lock);
}

static void *worker_run(void *arg)
{
	struct worker *self = arg;
	pthread_mutex_lock(&job.lock);
	while (self->busy || !job.stopping) {
		if (!self->busy) {
			pthread_cond_wait(&job.changed, &job.lock);
			continue;
		}
		pthread_mutex_unlock(&job.lock);
		work_on(self);
		pthread_mutex_lock(&job.lock);
	}
	pthread_mutex_unlock(&job.lock);
	rpc_client_thread_end();
	db_thread_end();
	return NULL;
}

/* Copies the row; there is a worker that is free. */
static void give(const struct unlogged *row)
{
	pthread_mutex_lock(&job.lock);
	struct worker *w = job.workers;
	while (w->busy) {
		w++;
	}
	ctx_init(&w->c);
	w->row = (struct unlogged) {
		.certificate_id = row->certificate_id,
		.der = arena_bytes(w->c.arena, row->der.p, row->der.n),
		.final = row->final,
		.issuer = arena_bytes(w->c.arena, row->issuer.p, row->issuer.n),
		.chain = arena_text(w->c.arena, row->chain),
	};
	w->busy = true;
	job.busy[row->final ? FINALS : PROMISES]++;
	pthread_cond_broadcast(&job.changed);
	pthread_mutex_unlock(&job.lock);
}

/* With the lock: how many rows of the queue may be taken now. */
static size_t room_of(size_t queue)
{
	size_t all = PROMISE_WORKERS - job.busy[PROMISES] - job.busy[FINALS];
	size_t own = QUEUE_WORKERS_MAX - job.busy[queue];
	return job.stopping ? 0 : own < all ? own : all;
}

/* True: there may be more than there was room for. */
static bool take_queue(struct ctx *c, size_t queue)
{
	struct unlogged *rows = NULL;
	size_t n = 0;
	pthread_mutex_lock(&job.lock);
	size_t room = room_of(queue);
	pthread_mutex_unlock(&job.lock);
	const struct take_params params = { queue == FINALS, ra_get()->instance, LEASE_S, (int64_t) room };
	if (room == 0) {
		return true;
	}
	if (db_rows(c, &ra_take_unlogged_statement, &params, &rows, &n) != 0) {
		log_error(c, LOG_WARN, "what waits for transparency logs can't be looked up");
		ctx_forgive(c);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		give(&rows[i]);
	}
	return n == room;
}

static void refresh(struct ctx *c)
{
	if (log_file_refresh(c, &ra_get()->config->ct) != 0) {
		log_error(c, LOG_WARN, "the new list of transparency logs is not taken; the old one stays in force");
		ctx_forgive(c);
	}
	if (log_file_list() != NULL) {
		metric_set(METRIC_log_list_age_seconds, NULL, (clock_now().us - log_file_list()->made_at.us) / 1000000);
	}
}

/* Orders first. While the list can't be used nothing is taken: what waits goes on waiting, and when a new list is there all of it
 * is due (H-8). */
static void look(bool refreshes, bool tells, bool ret_more[static QUEUES])
{
	struct ctx c;
	ctx_init(&c);
	if (refreshes) {
		refresh(&c);
	}
	if (tells) {
		tell_state(&c);
	}
	bool usable = log_file_list() != NULL && ct_list_refusal(log_file_list(), clock_now()) == NULL;
	for (size_t queue = PROMISES; queue < QUEUES; queue++) {
		ret_more[queue] = usable && take_queue(&c, queue);
	}
	ctx_done(&c);
}

/* Until the round is over, something was left to the job, or, where there is more to be taken, there is room for it. */
static bool pause_round(const bool more[static QUEUES], int64_t round_us)
{
	struct timespec until = moment_at(round_us + ROUND_MS * 1000);
	pthread_mutex_lock(&job.lock);
	while (!job.stopping && !job.woken && !(more[PROMISES] && room_of(PROMISES) > 0) &&
	       !(more[FINALS] && room_of(FINALS) > 0) && pthread_cond_timedwait(&job.changed, &job.lock, &until) == 0) {
	}
	job.woken = false;
	bool go_on = !job.stopping;
	pthread_mutex_unlock(&job.lock);
	return go_on;
}

static void *taker_run(void *unused)
{
	(void) unused;
	unsigned rounds = 0;
	int64_t round_us = clock_monotonic_us();
	bool more[QUEUES];
	look(true, true, more);
	while (pause_round(more, round_us)) {
		bool next = clock_monotonic_us() - round_us >= ROUND_MS * 1000;
		round_us = next ? clock_monotonic_us() : round_us;
		rounds += next ? 1 : 0;
		look(next, next && rounds % STATE_ROUNDS == 0, more);
	}
	db_thread_end();
	return NULL;
}

void promise_job_wake(void)
{
	pthread_mutex_lock(&job.lock);
	job.woken = true;
	pthread_cond_broadcast(&job.changed);
	pthread_mutex_unlock(&job.lock);
}

int promise_start(struct ctx *c, const struct config *config)
{
	if (config->ct.log_list_file == NULL) {
		return 0;
	}
	TRY(logs_init(c));
	TRY(log_file_refresh(c, &config->ct));
	const struct leave_params own = { ra_get()->instance };
	TRY(db_run(c, &ra_leave_unlogged_statement, &own));
	const char *stale = ct_list_refusal(log_file_list(), clock_now());
	if (stale != NULL) {
		log_event(
		    c, LOG_ERROR, "nothing is issued before there is a newer list of transparency logs", "why", stale, NULL);
	}
	condition_init(&job.changed);
	for (size_t i = 0; i < PROMISE_WORKERS; i++) {
		if (pthread_create(&job.workers[i].thread, NULL, worker_run, &job.workers[i]) != 0) {
			return FAIL(c, SERVER_INTERNAL, "A thread could not be started");
		}
		job.started++;
	}
	job.taking = pthread_create(&job.taker, NULL, taker_run, NULL) == 0;
	return job.taking ? 0 : FAIL(c, SERVER_INTERNAL, "A thread could not be started");
}

void promise_end(void)
{
	logs_end();
	pthread_mutex_lock(&job.lock);
	job.stopping = true;
	pthread_cond_broadcast(&job.changed);
	pthread_mutex_unlock(&job.lock);
}

void promise_stop(void)
{
	promise_end();
	if (job.taking) {
		pthread_join(job.taker, NULL);
	}
	for (size_t i = 0; i < job.started; i++) {
		pthread_join(job.workers[i].thread, NULL);
	}
	job.taking = false;
	job.started = 0;
	logs_done();
}

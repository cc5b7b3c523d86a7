#include "ra/jobs.h"

#include <pthread.h>

#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/queue.h"
#include "lib/rpc/client.h"
#include "ra/corroboration.h"
#include "ra/evidence.h"
#include "ra/kept.h"
#include "ra/ra.h"
#include "ra/retry.h"
#include "ra/validators.h"

#define RECORDERS 2
#define UNDER_WAY_MAX 16384
#define TAKE_AT_ONCE 64
#define TAKE_EVERY_MS 1000
#define RECORD_AGAIN_S 30 /* how long an answer is kept while the database is away */
#define RECORD_AGAIN_MS 100

/* One job under way, with its memory. */
struct flight {
	struct arena *arena; /* holds this and the job's texts */
	struct job job;
	struct id validation_id;
	struct timestamp asked_at;
	struct arena *answer_arena;      /* of the validation authority's answer */
	struct validation_result answer; /* as it is judged here */
	bool replaced;                   /* its own record was refused */
};

/* Somebody who waits for the record of a challenge. */
struct wait {
	struct wait *next;
	struct id challenge_id;
	bool records; /* it sent the job and records the answer that comes while it waits: no other thread has to wake */
	struct flight *answered;
	bool over;
	struct job_end end;
	pthread_cond_t changed;
};

static struct {
	struct rpc_loop *loop;
	struct queue *answers;
	pthread_t recorders[RECORDERS];
	pthread_t taker;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t stopped;
	pthread_cond_t fewer; /* under_way */
	struct wait *waits;
	bool stopping;
	bool
	    hopeless; /* it stops and the database is away: what is left goes to disk at once, before the process runs out of time */
	size_t under_way;
} jobs = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void flight_free(struct flight *f)
{
	arena_free(f->answer_arena);
	arena_free(f->arena);
	pthread_mutex_lock(&jobs.lock);
	jobs.under_way--;
	metric_set(METRIC_validations_running, NULL, (int64_t) jobs.under_way);
	pthread_cond_signal(&jobs.fewer);
	pthread_mutex_unlock(&jobs.lock);
}

static void wake_waiting(struct id challenge_id, const struct job_end *end)
{
	pthread_mutex_lock(&jobs.lock);
	for (struct wait *w = jobs.waits; w != NULL; w = w->next) {
		if (id_equal(w->challenge_id, challenge_id)) {
			w->over = true;
			w->end = *end;
			pthread_cond_signal(&w->changed);
		}
	}
	pthread_mutex_unlock(&jobs.lock);
}

static void wait_enter(struct wait *self, struct id challenge_id, bool records)
{
	*self = (struct wait) { .challenge_id = challenge_id, .records = records };
	condition_init(&self->changed);
	pthread_mutex_lock(&jobs.lock);
	self->next = jobs.waits;
	jobs.waits = self;
	pthread_mutex_unlock(&jobs.lock);
}

/* The answer that self is to record, or NULL: then its end tells what is known. */
static struct flight *wait_leave(struct wait *self, int64_t ms)
{
	struct timespec until = moment_in(ms);
	pthread_mutex_lock(&jobs.lock);
	while (!self->over && self->answered == NULL && !jobs.stopping &&
	       pthread_cond_timedwait(&self->changed, &jobs.lock, &until) == 0) {
	}
	struct wait **at = &jobs.waits;
	while (*at != self) {
		at = &(*at)->next;
	}
	*at = self->next;
	pthread_mutex_unlock(&jobs.lock);
	pthread_cond_destroy(&self->changed);
	return self->answered;
}

struct job_end jobs_wait(struct id challenge_id, int64_t ms)
{
	struct wait self;
	wait_enter(&self, challenge_id, false);
	(void) wait_leave(&self, ms);
	return self.end;
}

static void leave_to_recorders(struct flight *f)
{
	if (!queue_push(jobs.answers, f)) {
		evidence_keep(&f->job, &f->answer); /* the lease lapses and the job is taken again */
		flight_free(f);
	}
}

/* True when who sent the job still waits for it. */
static bool hand_to_sender(struct flight *f)
{
	pthread_mutex_lock(&jobs.lock);
	struct wait *w = jobs.waits;
	while (w != NULL && !(w->records && w->answered == NULL && id_equal(w->challenge_id, f->job.challenge_id))) {
		w = w->next;
	}
	if (w != NULL) {
		w->answered = f;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&jobs.lock);
	return w != NULL;
}

/* In the loop's thread: take the answer along and leave. */
static void on_answer(void *arg, struct ctx *c, int result, const struct validation_result *answer)
{
	struct flight *f = arg;
	if (result == 0) {
		f->answer = corroboration_judge(&f->job.identifier, answer);
	} else {
		const struct validate_request asked = { .validation_id = f->validation_id, .method = f->job.type };
		log_error(c, LOG_WARN, "validation authority did not answer");
		f->answer = evidence_no_answer(c->arena, &asked, f->asked_at, &c->err);
	}
	f->answer_arena = ctx_take_arena(c);
	if (!hand_to_sender(f)) {
		leave_to_recorders(f);
	}
}

static struct flight *flight_new(const struct job *job)
{
	struct arena *a = arena_new();
	struct flight *f = ARENA_NEW(a, struct flight);
	f->arena = a;
	f->job = *job;
	f->job.identifier.type = arena_text(a, job->identifier.type);
	f->job.identifier.value = arena_text(a, job->identifier.value);
	f->job.type = arena_text(a, job->type);
	f->job.token = arena_text(a, job->token);
	f->job.key_authorization = arena_text(a, job->key_authorization);
	f->job.response.p = (const uint8_t *) arena_text_n(a, job->response.p, job->response.n);
	return f;
}

static void dispatch(const struct job *job)
{
	pthread_mutex_lock(&jobs.lock);
	bool refused = jobs.stopping || jobs.under_way >= UNDER_WAY_MAX;
	jobs.under_way += refused ? 0 : 1;
	metric_set(METRIC_validations_running, NULL, (int64_t) jobs.under_way);
	pthread_mutex_unlock(&jobs.lock);
	if (refused) {
		return; /* it stays a job in the database */
	}
	const struct config *config = ra_get()->config;
	struct flight *f = flight_new(job);
	struct validate_request request = job_request(f->arena, &f->job);
	request.validation_id = f->validation_id = id_new();
	f->asked_at = clock_now();
	int64_t deadline_ms = (config->ra.validation_lease_s - LEASE_RESERVE_S) * 1000;
	rpc_va_validate_start(jobs.loop, &request, job->request_id, deadline_ms, on_answer, f);
}

/* The evidence and its consequence. */
static int record_once(struct ctx *c, const struct flight *f, struct job_end *ret_end)
{
	TRY(evidence_record(c, &f->job, &f->answer, retry_after_s(&f->job, &f->answer), ret_end));
	validators_note(c, &f->answer);
	return 0;
}

static bool pause_until_stopped(int64_t ms)
{
	struct timespec until = moment_in(ms);
	pthread_mutex_lock(&jobs.lock);
	while (!jobs.stopping && pthread_cond_timedwait(&jobs.stopped, &jobs.lock, &until) == 0) {
	}
	bool go_on = !jobs.stopping;
	pthread_mutex_unlock(&jobs.lock);
	return go_on;
}

static bool goes_on(void)
{
	return pause_until_stopped(0);
}

static bool is_hopeless(bool away)
{
	pthread_mutex_lock(&jobs.lock);
	bool hopeless = jobs.hopeless = jobs.hopeless || (jobs.stopping && away);
	pthread_mutex_unlock(&jobs.lock);
	return hopeless;
}

/* What the database refuses for good would be refused again after each lease: a fault of ours stands on record in its place, which is
 * counted (acme.record_validation). */
static void replace_answer(const struct ctx *c, struct flight *f)
{
	metric_add(METRIC_validation_records_refused, "", 1);
	log_error(c, LOG_ERROR, "the database refuses the record of a validation");
	evidence_keep(&f->job, &f->answer);
	f->answer = evidence_refused(&f->answer);
	f->replaced = true;
}

/* Again while the database is away: a validation that was made is not to wait for the end of its lease. Run twice, it
 * gives the outcome of the first time. -1 leaves the job to its lease. */
static int record(struct ctx *c, struct flight *f, struct job_end *ret_end)
{
	int64_t end_us = clock_monotonic_us() + RECORD_AGAIN_S * INT64_C(1000000);
	while (!is_hopeless(false)) {
		ctx_limit_ms(c, LEASE_RESERVE_S * 1000);
		if (record_once(c, f, ret_end) == 0) {
			return 0;
		}
		bool away = kept_is_away(&c->err) || c->err.type == PROBLEM_CONFLICT; /* of others at work */
		if (!away && !f->replaced) {
			replace_answer(c, f);
			ctx_forgive(c);
			c->deadline_us = INT64_MAX;
			continue;
		}
		if (is_hopeless(away) || !away || clock_monotonic_us() > end_us || !pause_until_stopped(RECORD_AGAIN_MS)) {
			return -1;
		}
		ctx_forgive(c);
		c->deadline_us = INT64_MAX;
	}
	return FAIL(c, UNAVAILABLE, "The process ends and the database is away");
}

/* Tells all who wait. */
static void recorded(struct flight *f, const struct job_end *end)
{
	const char *outcome = f->answer.fault ? "fault" : f->answer.passed ? "valid" : "invalid";
	metric_add(METRIC_validations, outcome, 1);
	wake_waiting(f->job.challenge_id, end);
	flight_free(f);
}

static void *recorder_run(void *unused)
{
	(void) unused;
	struct flight *f = NULL;
	while ((f = queue_pop(jobs.answers)) != NULL) {
		struct ctx c;
		ctx_init(&c);
		c.request_id = f->job.request_id;
		struct job_end end = { 0 };
		if (record(&c, f, &end) == 0) {
			recorded(f, &end);
		} else {
			log_error(&c, LOG_ERROR, "a validation could not be recorded; it will be made again");
			if (!f->replaced) {
				evidence_keep(&f->job, &f->answer);
			}
			flight_free(f);
		}
		ctx_done(&c);
	}
	db_thread_end();
	return NULL;
}

/* In the thread of who sent it: once; the recorders try again while the database is away. */
static struct job_end record_here(struct flight *f)
{
	struct ctx c;
	ctx_init(&c);
	c.request_id = f->job.request_id;
	ctx_limit_ms(&c, LEASE_RESERVE_S * 1000);
	struct job_end end = { 0 };
	if (record_once(&c, f, &end) == 0) {
		recorded(f, &end);
	} else {
		leave_to_recorders(f);
	}
	ctx_done(&c);
	return end;
}

struct job_end jobs_run(const struct job *job, int64_t wait_ms)
{
	if (wait_ms <= 0) {
		dispatch(job);
		return (struct job_end) { 0 };
	}
	struct wait self; /* entered before the job leaves, so that no quick answer is missed */
	wait_enter(&self, job->challenge_id, true);
	dispatch(job);
	struct flight *f = wait_leave(&self, wait_ms);
	return f == NULL ? self.end : record_here(f);
}

bool jobs_ask(const struct validate_request *request, struct id request_id, int64_t deadline_ms,
    rpc_va_validate_done *done, void *arg)
{
	pthread_mutex_lock(&jobs.lock);
	bool asks = !jobs.stopping;
	if (asks) {
		rpc_va_validate_start(jobs.loop, request, request_id, deadline_ms, done, arg);
	}
	pthread_mutex_unlock(&jobs.lock);
	return asks;
}

struct take_params {
	const char *holder;
	bool own;
	int64_t lease_s;
	int64_t limit;
};
static const struct field take_param[] = {
	FIELD(struct take_params, holder),
	FIELD(struct take_params, own),
	FIELD(struct take_params, lease_s),
	FIELD(struct take_params, limit),
};
static const struct fields take_params_fields = FIELDS(struct take_params, take_param);

struct taken_row {
	struct id authz_id;
	int64_t tried;
	struct id account_id;
	const char *identifier_type;
	const char *identifier_value;
	bool wildcard;
	const char *type;
	const char *token;
	const char *key_authorization;
	struct bytes response;
	int64_t attempts;
	struct id request_id;
};
static const struct field taken_row_field[] = {
	FIELD(struct taken_row, authz_id),
	FIELD(struct taken_row, tried),
	FIELD(struct taken_row, account_id),
	FIELD(struct taken_row, identifier_type),
	FIELD(struct taken_row, identifier_value),
	FIELD(struct taken_row, wildcard),
	FIELD(struct taken_row, type),
	FIELD(struct taken_row, token),
	FIELD(struct taken_row, key_authorization),
	FIELD(struct taken_row, response),
	FIELD(struct taken_row, attempts),
	FIELD(struct taken_row, request_id),
};
static const struct fields taken_row_fields = FIELDS(struct taken_row, taken_row_field);

const struct statement ra_take_challenges_statement = {
	.name = "take_challenges",
	.sql = "SELECT authz_id, tried, account_id, identifier_type, identifier_value, wildcard, type, token, "
	       "key_authorization, response, attempts, request_id FROM acme.take_challenges($1, $2, $3, $4)",
	.params = &take_params_fields,
	.row = &taken_row_fields,
};

/* Takes what lapsed; `own`: also what this instance held before it was started again. False when there is no more. */
static bool take_some(bool own)
{
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, LEASE_RESERVE_S * 1000);
	struct take_params params = {
		.holder = ra_get()->instance,
		.own = own,
		.lease_s = ra_get()->config->ra.validation_lease_s,
		.limit = own ? UNDER_WAY_MAX : TAKE_AT_ONCE,
	};
	struct taken_row *rows = NULL;
	size_t n = 0;
	if (db_rows(&c, &ra_take_challenges_statement, &params, &rows, &n) != 0) {
		log_error(&c, LOG_WARN, "lapsed validations could not be taken");
	}
	for (size_t i = 0; i < n; i++) {
		const struct taken_row *r = &rows[i];
		dispatch(&(struct job) {
		    .challenge_id = challenge_id(r->authz_id, r->tried),
		    .authz_id = r->authz_id,
		    .account_id = r->account_id,
		    .identifier = { r->identifier_type, r->identifier_value },
		    .wildcard = r->wildcard,
		    .type = r->type,
		    .token = r->token,
		    .key_authorization = r->key_authorization,
		    .response = r->response,
		    .attempts = r->attempts,
		    .request_id = r->request_id,
		});
	}
	ctx_done(&c);
	return n == TAKE_AT_ONCE;
}

static void *taker_run(void *unused)
{
	(void) unused;
	bool more = take_some(true);
	while (pause_until_stopped(more ? 0 : TAKE_EVERY_MS)) {
		more = take_some(false);
		kept_record(goes_on);
	}
	db_thread_end();
	return NULL;
}

int jobs_start(struct ctx *c)
{
	condition_init(&jobs.stopped);
	condition_init(&jobs.fewer);
	jobs.loop = rpc_loop_new();
	jobs.answers = queue_new(UNDER_WAY_MAX);
	for (size_t i = 0; i < RECORDERS; i++) {
		if (pthread_create(&jobs.recorders[i], NULL, recorder_run, NULL) != 0) {
			return FAIL(c, SERVER_INTERNAL, "A thread could not be started");
		}
	}
	if (pthread_create(&jobs.taker, NULL, taker_run, NULL) != 0) {
		return FAIL(c, SERVER_INTERNAL, "A thread could not be started");
	}
	return 0;
}

void jobs_stop(int64_t deadline_ms)
{
	struct timespec until = moment_in(deadline_ms);
	pthread_mutex_lock(&jobs.lock);
	jobs.stopping = true;
	pthread_cond_broadcast(&jobs.stopped);
	for (struct wait *w = jobs.waits; w != NULL; w = w->next) {
		pthread_cond_signal(&w->changed);
	}
	while (jobs.under_way > 0 && pthread_cond_timedwait(&jobs.fewer, &jobs.lock, &until) == 0) {
	}
	pthread_mutex_unlock(&jobs.lock);
	pthread_join(jobs.taker, NULL);
	rpc_loop_cut(jobs.loop);
	rpc_loop_free(jobs.loop);
	queue_close(jobs.answers);
	for (size_t i = 0; i < RECORDERS; i++) {
		pthread_join(jobs.recorders[i], NULL);
	}
	/* It stays, closed: an answer that still comes, in the thread of who sent it, goes to disk. */
}

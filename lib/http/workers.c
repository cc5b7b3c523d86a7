#include "lib/http/internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/base/metrics.h"

/* Set by http_defer for the request that this thread's handler has: once it returns, that request may be gone. */
static _Thread_local bool deferred;

void http_defer(struct http_request *r)
{
	(void) r;
	deferred = true;
}

/* The answer stands. */
static void end_work(struct request *r)
{
	struct http_server *s = r->pub.server;
	struct MHD_Connection *connection = r->pub.connection;
	r->answered = true;
	/* Not under the lock, which the woken thread would meet at once. MHD_stop_daemon does not bear a suspended
	 * connection, so the counter, which a stop waits for, falls only afterwards. */
	if (s->options.threads != HTTP_THREADS_EACH) {
		MHD_resume_connection(connection);
	}
	pthread_mutex_lock(&s->lock);
	s->handed--;
	http_quiet_check(s);
	pthread_mutex_unlock(&s->lock);
}

void http_finish(struct http_request *r)
{
	end_work((struct request *) (void *) r);
}

static void refuse_busy(struct request *r, const char *reason)
{
	r->pub.ctx.err.retry_after_s = 1;
	(void) FAIL(&r->pub.ctx, UNAVAILABLE, "The service is busy, try again soon"); /* */
	http_refuse(r, reason);
	end_work(r);
}

static void work(struct http_server *s, struct request *r)
{
	if (atomic_load(&s->refusing) || ctx_left_ms(&r->pub.ctx, 1) == 0) {
		refuse_busy(r, "late");
		return;
	}
	deferred = false;
	s->options.handler(&r->pub, s->options.arg);
	if (!deferred) {
		end_work(r);
	}
}

/* False when too many wait already. */
static bool take_turn(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	bool may = s->taking < s->options.workers || s->turning < s->options.queue;
	s->turning++;
	while (may && s->taking >= s->options.workers) {
		pthread_cond_wait(&s->turn, &s->lock);
	}
	s->turning--;
	s->taking += may;
	pthread_mutex_unlock(&s->lock);
	return may;
}

static void give_turn(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->taking--;
	pthread_cond_signal(&s->turn);
	pthread_mutex_unlock(&s->lock);
}

static void work_here(struct http_server *s, struct request *r)
{
	if (!take_turn(s)) {
		refuse_busy(r, "queue");
		return;
	}
	work(s, r);
	if (s->options.release != NULL) {
		s->options.release();
	}
	give_turn(s);
}

void http_workers_hand(struct request *r)
{
	struct http_server *s = r->pub.server;
	r->handed = true;
	pthread_mutex_lock(&s->lock);
	s->handed++;
	pthread_mutex_unlock(&s->lock);
	if (s->options.threads == HTTP_THREADS_EACH) {
		work_here(s, r);
		return;
	}
	/* First suspended, then handed on: it may be resumed before this function returns. */
	MHD_suspend_connection(r->pub.connection);
	if (s->options.threads == HTTP_THREADS_NONE) {
		work(s, r);
	} else if (queue_push(s->queue, r)) {
		metric_set(METRIC_http_queue_length, NULL, (int64_t) queue_length(s->queue));
	} else {
		refuse_busy(r, "queue");
	}
}

static void *worker_main(void *arg)
{
	struct http_server *s = arg;
	if (s->options.worker_start != NULL) {
		s->options.worker_start();
	}
	struct request *r;
	while ((r = queue_pop(s->queue)) != NULL) {
		work(s, r);
	}
	if (s->options.worker_end != NULL) {
		s->options.worker_end();
	}
	return NULL;
}

int http_workers_start(struct ctx *c, struct http_server *s)
{
	if (s->options.threads != HTTP_THREADS_POOL) {
		return 0;
	}
	s->queue = queue_new(s->options.queue == 0 ? 1 : s->options.queue);
	s->workers = ARENA_ARRAY(s->arena, s->options.workers, pthread_t);
	for (; s->n_workers < s->options.workers; s->n_workers++) {
		int code = pthread_create(&s->workers[s->n_workers], NULL, worker_main, s);
		if (code != 0) {
			ctx_cause(c, "pthread_create: %s", strerror(code));
			return FAIL(c, SERVER_INTERNAL, "The workers of a listener can't start");
		}
	}
	return 0;
}

void http_workers_join(struct http_server *s)
{
	if (s->queue == NULL) {
		return;
	}
	queue_close(s->queue);
	for (unsigned i = 0; i < s->n_workers; i++) {
		pthread_join(s->workers[i], NULL);
	}
	s->n_workers = 0;
	queue_free(s->queue);
	s->queue = NULL;
}

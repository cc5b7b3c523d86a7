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

void http_finish(struct http_request *r)
{
	struct request *mine = (struct request *) (void *) r;
	struct http_server *s = r->server;
	struct MHD_Connection *connection = r->connection;
	mine->answered = true;
	/* Not under the lock, which the woken thread would meet at once. MHD_stop_daemon does not bear a suspended
	 * connection, so the counter, which a stop waits for, falls only afterwards. */
	MHD_resume_connection(connection);
	pthread_mutex_lock(&s->lock);
	s->suspended--;
	http_quiet_check(s);
	pthread_mutex_unlock(&s->lock);
}

void http_workers_hand(struct request *r)
{
	struct http_server *s = r->pub.server;
	r->handed = true;
	pthread_mutex_lock(&s->lock);
	s->suspended++;
	pthread_mutex_unlock(&s->lock);
	/* First suspended, then queued: a worker may resume it before this function returns. */
	MHD_suspend_connection(r->pub.connection);
	if (!queue_push(s->queue, r)) {
		r->pub.ctx.err.retry_after_s = 1;
		(void) FAIL(&r->pub.ctx, UNAVAILABLE, "The service is busy, try again soon"); /* */
		http_refuse(r, "queue");
		http_finish(&r->pub);
		return;
	}
	metric_set(METRIC_http_queue_length, NULL, (int64_t) queue_length(s->queue));
}

static void work(struct http_server *s, struct request *r)
{
	struct ctx *c = &r->pub.ctx;
	if (atomic_load(&s->refusing) || ctx_left_ms(c, 1) == 0) {
		c->err.retry_after_s = 1;
		(void) FAIL(c, UNAVAILABLE, "The service is busy, try again soon");
		http_refuse(r, "late");
		http_finish(&r->pub);
		return;
	}
	deferred = false;
	s->options.handler(&r->pub, s->options.arg);
	if (!deferred) {
		http_finish(&r->pub);
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

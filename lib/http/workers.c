#include "lib/http/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/base/metrics.h"

#define IO_THREADS 2 /* beyond those that handlers may hold */

/* All threads wait for events of all connections, and the kernel wakes the one that came last. A thread does all that a
 * request needs, its handler included, so that a request costs one change of threads. At most `workers` of them run
 * handlers; the others still read, refuse, and put what has to wait for its turn into a list. */

/* Set by http_defer for the request that this thread's handler has: once it returns, that request may be gone. */
static _Thread_local bool deferred;

void http_defer(struct http_request *r)
{
	(void) r;
	deferred = true;
}

void http_finish(struct http_request *r)
{
	struct http_server *s = r->server;
	struct request *mine = (struct request *) (void *) r;
	mine->answered = true;
	http_conn_run(mine->conn, NULL);
	/* Only now: a stop that waits for it frees all. */
	pthread_mutex_lock(&s->lock);
	s->handed--;
	http_quiet_check(s);
	pthread_mutex_unlock(&s->lock);
}

static void refuse_busy(struct request *r, const char *reason)
{
	r->pub.ctx.err.retry_after_s = 1;
	(void) FAIL(&r->pub.ctx, UNAVAILABLE, "The service is busy, try again soon"); /* */
	http_refuse(r, reason);
}

enum turn { TURN_NOW, TURN_LATER, TURN_NEVER };

static enum turn take_turn(struct http_server *s, struct request *r)
{
	enum turn turn = TURN_NEVER;
	pthread_mutex_lock(&s->lock);
	if (s->options.threads == HTTP_THREADS_NONE || s->taking < s->options.workers) {
		turn = TURN_NOW;
		s->taking++;
		s->handed++;
	} else if (s->turning < s->options.queue) {
		turn = TURN_LATER;
		if (s->last_turning != NULL) {
			s->last_turning->behind = r;
		} else {
			s->first_turning = r;
		}
		s->last_turning = r;
		s->handed++;
		metric_set(METRIC_http_queue_length, NULL, ++s->turning);
	}
	pthread_mutex_unlock(&s->lock);
	return turn;
}

/* The turn of this thread goes to the request that waits first, which is given; NULL: to nobody. */
static struct conn *pass_turn(struct http_server *s, struct http_room *room)
{
	pthread_mutex_lock(&s->lock);
	struct request *r = s->first_turning;
	if (r != NULL) {
		s->first_turning = r->behind;
		if (r->behind == NULL) {
			s->last_turning = NULL;
		}
		metric_set(METRIC_http_queue_length, NULL, --s->turning);
	} else {
		s->taking--;
	}
	s->handed -= !room->deferred;
	http_quiet_check(s);
	pthread_mutex_unlock(&s->lock);
	room->turn = r != NULL;
	room->deferred = false;
	return r == NULL ? NULL : r->conn;
}

/* With a turn. */
static bool work(struct http_server *s, struct request *r, struct http_room *room)
{
	if (atomic_load(&s->refusing) || ctx_left_ms(&r->pub.ctx, 1) == 0) {
		refuse_busy(r, "late");
		return true;
	}
	deferred = false;
	s->options.handler(&r->pub, s->options.arg);
	room->deferred = deferred;
	if (s->options.release != NULL) {
		s->options.release();
	}
	return !room->deferred;
}

bool http_workers_serve(struct request *r, struct http_room *room)
{
	struct http_server *s = r->pub.server;
	if (room->turn) {
		return work(s, r, room); /* it waited for this turn */
	}
	ctx_limit_ms(&r->pub.ctx, s->options.request_limit_ms);
	if (s->options.quick != NULL && s->options.quick(&r->pub, s->options.arg)) {
		return true;
	}
	http_conn_expect(r->conn, false, 0);
	enum turn turn = take_turn(s, r);
	room->turn = turn == TURN_NOW;
	if (turn == TURN_NEVER) {
		refuse_busy(r, "queue");
		return true;
	}
	return turn == TURN_NOW && work(s, r, room);
}

static void *thread_main(void *arg)
{
	struct http_server *s = arg;
	struct http_room *room = calloc(1, sizeof(*room));
	if (room == NULL) {
		die("out of memory");
	}
	if (s->options.worker_start != NULL) {
		s->options.worker_start();
	}
	struct epoll_event event = { .data = { .ptr = s } };
	while (event.data.ptr != NULL) {
		int n = epoll_wait(s->epoll_fd, &event, 1, -1);
		if (n < 0 && errno != EINTR) {
			die("epoll_wait: %s", strerror(errno));
		}
		struct conn *conn = n == 1 ? event.data.ptr : NULL;
		if (conn != NULL) {
			http_conn_own(conn);
		}
		while (conn != NULL) {
			http_conn_run(conn, room);
			conn = room->turn ? pass_turn(s, room) : NULL;
		}
	}
	if (s->options.worker_end != NULL) {
		s->options.worker_end();
	}
	free(room);
	return NULL;
}

static int fail_start(struct ctx *c, const char *what, int code)
{
	ctx_cause(c, "%s: %s", what, strerror(code));
	return FAIL(c, SERVER_INTERNAL, "The threads of a listener can't start");
}

int http_workers_start(struct ctx *c, struct http_server *s)
{
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN }; /* no pointer: the end */
	if (s->epoll_fd < 0 || s->end_fd < 0 || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->end_fd, &event) != 0) {
		return fail_start(c, "epoll", errno);
	}
	unsigned n = s->options.threads == HTTP_THREADS_NONE ? IO_THREADS : s->options.workers + IO_THREADS;
	s->threads = ARENA_ARRAY(s->arena, n, pthread_t);
	for (; s->n_threads < n; s->n_threads++) {
		int code = pthread_create(&s->threads[s->n_threads], NULL, thread_main, s);
		if (code != 0) {
			return fail_start(c, "pthread_create", code);
		}
	}
	return 0;
}

void http_workers_join(struct http_server *s)
{
	uint64_t one = 1;
	if (s->n_threads > 0 && write(s->end_fd, &one, sizeof(one)) < 0) {
		die("eventfd: %s", strerror(errno));
	}
	for (unsigned i = 0; i < s->n_threads; i++) {
		pthread_join(s->threads[i], NULL);
	}
	s->n_threads = 0;
	while (s->conns != NULL) {
		http_conn_close(s->conns);
	}
	if (s->epoll_fd >= 0) {
		close(s->epoll_fd);
	}
	if (s->end_fd >= 0) {
		close(s->end_fd);
	}
}

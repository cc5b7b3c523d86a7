#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/http/wire.h"
#include "lib/rpc/exchange.h"

#define MAX_CONNECTIONS 8192
#define MAX_KEPT 128
#define MAX_WAIT_MS 1000
#define EVENTS 256
#define SCAN_US 20000 /* how exactly deadlines are kept */

/* One call under way; owned by the loop's thread once it was taken from `fresh`. */
struct call {
	struct ctx c;
	struct rpc_exchange x;
	struct wire *wire; /* of the attempt under way */
	bool armed;        /* the kernel will tell of it, once */
	void *response;
	rpc_va_validate_done *done;
	void *arg;
	int begun;             /* 0, or -1 when it could not even begin */
	int64_t not_before_us; /* of the next attempt */
	struct call *next;
	struct call *before; /* among the running */
};

struct rpc_loop {
	pthread_t thread;
	int wake_fd; /* eventfd */
	int epoll;
	pthread_mutex_t lock; /* of the three below */
	struct call *fresh;
	bool ending;
	bool cut; /* nothing is waited for any more */
	/* of the thread alone */
	struct wire_pool *pool;
	unsigned generation;  /* of the certificates that the pool has read */
	struct call *waiting; /* for their next attempt */
	struct call *running;
	size_t n_running;
	int64_t scan_at_us; /* when the time of one of the running may be over */
};

static void end_call(struct call *call, int result)
{
	call->done(call->arg, &call->c, result, result == 0 ? call->response : NULL);
	ctx_done(&call->c);
	free(call);
}

static void wait_for_turn(struct rpc_loop *loop, struct call *call)
{
	call->next = loop->waiting;
	loop->waiting = call;
}

static void link_running(struct rpc_loop *loop, struct call *call)
{
	call->before = NULL;
	call->next = loop->running;
	if (loop->running != NULL) {
		loop->running->before = call;
	}
	loop->running = call;
	loop->n_running++;
}

static void unlink_running(struct rpc_loop *loop, const struct call *call)
{
	if (call->before != NULL) {
		call->before->next = call->next;
	} else {
		loop->running = call->next;
	}
	if (call->next != NULL) {
		call->next->before = call->before;
	}
	loop->n_running--;
}

static void close_wire(struct rpc_loop *loop, struct call *call)
{
	if (call->wire == NULL) {
		return;
	}
	if (call->armed) {
		(void) epoll_ctl(loop->epoll, EPOLL_CTL_DEL, wire_fd(call->wire), NULL);
		call->armed = false;
	}
	wire_end(call->wire);
	call->wire = NULL;
}

static void end_attempt(struct rpc_loop *loop, struct call *call, int result)
{
	close_wire(loop, call);
	int64_t wait_ms = 0;
	if (!rpc_exchange_again(&call->x, result, call->response, &result, &wait_ms)) {
		end_call(call, result);
		return;
	}
	call->not_before_us = clock_monotonic_us() + wait_ms * 1000;
	wait_for_turn(loop, call);
}

/* Once for each time that it is called: a connection that is kept for later says nothing to this loop. */
static void arm(struct rpc_loop *loop, struct call *call, int events)
{
	uint32_t want = EPOLLONESHOT | (events & POLLIN ? EPOLLIN : 0U) | (events & POLLOUT ? EPOLLOUT : 0U);
	struct epoll_event event = { .events = want, .data.ptr = call };
	int fd = wire_fd(call->wire);
	call->armed = epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) == 0 ||
	              (errno == ENOENT && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	/* If that fails, its deadline ends it. */
	int64_t until_us = clock_monotonic_us() + wire_left_ms(call->wire) * INT64_C(1000);
	loop->scan_at_us = until_us < loop->scan_at_us ? until_us : loop->scan_at_us;
}

/* As far as a call that is running gets. */
static void go_on(struct rpc_loop *loop, struct call *call)
{
	int want = wire_step(call->wire);
	if (want <= 0) {
		unlink_running(loop, call);
		end_attempt(loop, call, want);
	} else {
		arm(loop, call, want);
	}
}

static void begin_attempt(struct rpc_loop *loop, struct call *call)
{
	if (rpc_exchange_try(&call->x, false) != 0 || wire_begin(&call->c, loop->pool, &call->x.call, &call->wire) != 0) {
		end_attempt(loop, call, -1);
	} else {
		link_running(loop, call);
		go_on(loop, call);
	}
}

static void drain_wakes(const struct rpc_loop *loop)
{
	uint64_t count;
	if (read(loop->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN) {
		die("eventfd: %s", strerror(errno));
	}
}

static void wake(const struct rpc_loop *loop)
{
	uint64_t one = 1;
	if (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN) {
		die("eventfd: %s", strerror(errno));
	}
}

static void end_cut(struct call *call)
{
	ctx_forgive(&call->c);
	ctx_fail(&call->c, PROBLEM_UNAVAILABLE, "This process is shutting down");
	end_call(call, -1);
}

static void cut_all(struct rpc_loop *loop)
{
	struct call *lists[] = { loop->running, loop->waiting };
	loop->running = NULL;
	loop->n_running = 0;
	loop->waiting = NULL;
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		while (lists[i] != NULL) {
			struct call *call = lists[i];
			lists[i] = call->next;
			close_wire(loop, call);
			end_cut(call);
		}
	}
}

/* Takes what other threads started; true when the loop is to end and nothing is left. */
static bool take_fresh(struct rpc_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	struct call *fresh = loop->fresh;
	loop->fresh = NULL;
	bool ending = loop->ending;
	bool cut = loop->cut;
	pthread_mutex_unlock(&loop->lock);
	bool idle = fresh == NULL && loop->waiting == NULL && loop->n_running == 0;
	while (fresh != NULL) {
		struct call *call = fresh;
		fresh = call->next;
		wait_for_turn(loop, call);
	}
	if (cut) {
		cut_all(loop);
	}
	return ending && (idle || cut);
}

/* Starts what is due, for as long as there are connections. */
static void start_due(struct rpc_loop *loop)
{
	int64_t now_us = clock_monotonic_us();
	struct call *waiting = loop->waiting;
	loop->waiting = NULL;
	while (waiting != NULL) {
		struct call *call = waiting;
		waiting = call->next;
		if (call->begun != 0) {
			end_call(call, -1);
		} else if (call->not_before_us <= now_us && loop->n_running < MAX_CONNECTIONS) {
			begin_attempt(loop, call);
		} else {
			wait_for_turn(loop, call);
		}
	}
}

/* Milliseconds until something has to be done even if nothing happens. */
static int idle_ms(const struct rpc_loop *loop)
{
	int64_t now_us = clock_monotonic_us();
	int64_t soonest_us = now_us + MAX_WAIT_MS * 1000;
	soonest_us = loop->scan_at_us < soonest_us ? loop->scan_at_us : soonest_us;
	/* With all connections taken, the next turn comes with the end of a call. */
	for (const struct call *w = loop->waiting; w != NULL && loop->n_running < MAX_CONNECTIONS; w = w->next) {
		soonest_us = w->not_before_us < soonest_us ? w->not_before_us : soonest_us;
	}
	return soonest_us <= now_us ? 0 : (int) ((soonest_us - now_us + 999) / 1000);
}

/* Waits for the connections and for other threads, and goes on with those that are ready. */
static void serve_events(struct rpc_loop *loop)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(loop->epoll, events, EVENTS, idle_ms(loop));
	if (n < 0 && errno != EINTR) {
		die("epoll_wait: %s", strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		struct call *call = events[i].data.ptr;
		if (call == NULL) {
			drain_wakes(loop);
		} else {
			call->armed = false;
			go_on(loop, call);
		}
	}
}

/* Ends those whose time is over. */
static void end_late(struct rpc_loop *loop)
{
	int64_t now_us = clock_monotonic_us();
	if (now_us < loop->scan_at_us) {
		return;
	}
	loop->scan_at_us = INT64_MAX;
	int soonest_ms = MAX_WAIT_MS;
	for (struct call *call = loop->running; call != NULL;) {
		struct call *next = call->next;
		int left_ms = wire_left_ms(call->wire);
		if (left_ms == 0) {
			go_on(loop, call);
		} else {
			soonest_ms = left_ms < soonest_ms ? left_ms : soonest_ms;
		}
		call = next;
	}
	int64_t next_us = now_us + soonest_ms * INT64_C(1000);
	next_us = next_us < loop->scan_at_us ? next_us : loop->scan_at_us;
	loop->scan_at_us = next_us < now_us + SCAN_US ? now_us + SCAN_US : next_us;
}

static void *loop_main(void *arg)
{
	struct rpc_loop *loop = arg;
	while (!take_fresh(loop)) {
		if (loop->generation != rpc_client_generation()) {
			loop->generation = rpc_client_generation();
			wire_pool_reset(loop->pool);
		}
		start_due(loop);
		serve_events(loop);
		end_late(loop);
	}
	return NULL;
}

struct rpc_loop *rpc_loop_new(void)
{
	struct rpc_loop *loop = calloc(1, sizeof(*loop));
	if (loop == NULL) {
		die("out of memory");
	}
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->pool = wire_pool_new(rpc_client_tls(), MAX_KEPT, 0);
	loop->generation = rpc_client_generation();
	loop->scan_at_us = INT64_MAX;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	if (loop->wake_fd < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake_fd, &event) != 0 ||
	    pthread_mutex_init(&loop->lock, NULL) != 0 || pthread_create(&loop->thread, NULL, loop_main, loop) != 0) {
		die("the loop for calls can't start");
	}
	return loop;
}

void rpc_loop_cut(struct rpc_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->cut = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

void rpc_loop_free(struct rpc_loop *loop)
{
	if (loop == NULL) {
		return;
	}
	pthread_mutex_lock(&loop->lock);
	loop->ending = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
	pthread_join(loop->thread, NULL);
	wire_pool_free(loop->pool);
	close(loop->wake_fd);
	close(loop->epoll);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

void rpc_va_validate_start(struct rpc_loop *loop, const struct validate_request *in, struct id request_id,
    int64_t deadline_ms, rpc_va_validate_done *done, void *arg)
{
	rpc_va_validate_start_at(loop,
	    &(struct rpc_va_validate_start) {
	        .request_id = request_id, .deadline_ms = deadline_ms, .done = done, .arg = arg },
	    in);
}

void rpc_va_validate_start_at(
    struct rpc_loop *loop, const struct rpc_va_validate_start *start, const struct validate_request *in)
{
	static atomic_uint turn;
	const struct rpc_stub *stub = rpc_stub_va_validate();
	struct call *call = calloc(1, sizeof(*call));
	if (call == NULL) {
		die("out of memory");
	}
	ctx_init(&call->c);
	call->c.request_id = start->request_id;
	ctx_limit_ms(&call->c, start->deadline_ms);
	call->response = arena_alloc(call->c.arena, stub->response->size);
	call->done = start->done;
	call->arg = start->arg;
	call->begun = rpc_exchange_begin(&call->x, &call->c, stub, in, start->address, atomic_fetch_add(&turn, 1));
	if (start->certificate_name != NULL) {
		call->x.call.host = arena_text(call->c.arena, start->certificate_name);
	}
	if (start->max_reply > 0) {
		call->x.call.max_reply = start->max_reply;
	}
	pthread_mutex_lock(&loop->lock);
	call->next = loop->fresh;
	loop->fresh = call;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

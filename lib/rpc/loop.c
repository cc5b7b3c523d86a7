#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/http/wire.h"
#include "lib/rpc/exchange.h"

#define MAX_CONNECTIONS 1000
#define MAX_KEPT 128
#define MAX_POLL_MS 1000

/* One call under way; owned by the loop's thread once it was taken from `fresh`. */
struct call {
	struct ctx c;
	struct rpc_exchange x;
	struct wire *wire; /* of the attempt under way */
	short events;      /* that it waits for */
	void *response;
	rpc_va_validate_done *done;
	void *arg;
	int begun;             /* 0, or -1 when it could not even begin */
	int64_t not_before_us; /* of the next attempt */
	struct call *next;
};

struct rpc_loop {
	pthread_t thread;
	int wake_fd;          /* eventfd */
	pthread_mutex_t lock; /* of fresh and ending */
	struct call *fresh;
	bool ending;
	/* of the thread alone */
	struct wire_pool *pool;
	unsigned generation;  /* of the certificates that the pool has read */
	struct call *waiting; /* for their next attempt */
	struct call *running[MAX_CONNECTIONS];
	struct pollfd fds[MAX_CONNECTIONS + 1]; /* of wake_fd and then of the running */
	size_t n_running;
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

static void end_attempt(struct rpc_loop *loop, struct call *call, int result)
{
	if (call->wire != NULL) {
		wire_end(call->wire);
		call->wire = NULL;
	}
	int64_t wait_ms = 0;
	if (!rpc_exchange_again(&call->x, result, call->response, &result, &wait_ms)) {
		end_call(call, result);
		return;
	}
	call->not_before_us = clock_monotonic_us() + wait_ms * 1000;
	wait_for_turn(loop, call);
}

/* False when the attempt has ended. */
static bool go_on(struct rpc_loop *loop, struct call *call)
{
	int want = wire_step(call->wire);
	if (want <= 0) {
		end_attempt(loop, call, want);
		return false;
	}
	call->events = (short) want;
	return true;
}

static void begin_attempt(struct rpc_loop *loop, struct call *call)
{
	rpc_exchange_try(&call->x);
	if (wire_begin(&call->c, loop->pool, &call->x.call, &call->wire) != 0) {
		end_attempt(loop, call, -1);
	} else if (go_on(loop, call)) {
		loop->running[loop->n_running++] = call;
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

/* Takes what other threads started; true when the loop is to end and nothing is left. */
static bool take_fresh(struct rpc_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	struct call *fresh = loop->fresh;
	loop->fresh = NULL;
	bool ending = loop->ending;
	pthread_mutex_unlock(&loop->lock);
	bool idle = fresh == NULL && loop->waiting == NULL && loop->n_running == 0;
	while (fresh != NULL) {
		struct call *call = fresh;
		fresh = call->next;
		wait_for_turn(loop, call);
	}
	return ending && idle;
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
	int64_t soonest_us = now_us + MAX_POLL_MS * 1000;
	/* With all connections taken, the next turn comes with the end of a call. */
	for (const struct call *w = loop->waiting; w != NULL && loop->n_running < MAX_CONNECTIONS; w = w->next) {
		soonest_us = w->not_before_us < soonest_us ? w->not_before_us : soonest_us;
	}
	return soonest_us <= now_us ? 0 : (int) ((soonest_us - now_us + 999) / 1000);
}

/* Waits for the connections and for other threads. */
static void wait_for_events(struct rpc_loop *loop)
{
	int wait_ms = idle_ms(loop);
	loop->fds[0] = (struct pollfd) { .fd = loop->wake_fd, .events = POLLIN };
	for (size_t i = 0; i < loop->n_running; i++) {
		const struct call *call = loop->running[i];
		int left_ms = wire_left_ms(call->wire);
		wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
		loop->fds[i + 1] = (struct pollfd) { .fd = wire_fd(call->wire), .events = call->events };
	}
	if (poll(loop->fds, loop->n_running + 1, wait_ms) < 0 && errno != EINTR) {
		die("poll: %s", strerror(errno));
	}
	if (loop->fds[0].revents != 0) {
		drain_wakes(loop);
	}
}

static void run_ready(struct rpc_loop *loop)
{
	size_t n = loop->n_running;
	loop->n_running = 0;
	for (size_t i = 0; i < n; i++) {
		struct call *call = loop->running[i];
		bool due = loop->fds[i + 1].revents != 0 || wire_left_ms(call->wire) == 0;
		if (!due || go_on(loop, call)) {
			loop->running[loop->n_running++] = call;
		}
	}
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
		wait_for_events(loop);
		run_ready(loop);
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
	loop->pool = wire_pool_new(rpc_client_tls(), MAX_KEPT);
	loop->generation = rpc_client_generation();
	if (loop->wake_fd < 0 || pthread_mutex_init(&loop->lock, NULL) != 0 ||
	    pthread_create(&loop->thread, NULL, loop_main, loop) != 0) {
		die("the loop for calls can't start");
	}
	return loop;
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
	pthread_mutex_lock(&loop->lock);
	call->next = loop->fresh;
	loop->fresh = call;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

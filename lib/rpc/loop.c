#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/http/transfer.h"
#include "lib/rpc/exchange.h"

#define MAX_CONNECTIONS 1000L
#define MAX_KEPT 128L
#define MAX_POLL_MS 1000

/* One call under way; owned by the loop's thread once it was taken from `fresh`. */
struct call {
	struct ctx c;
	struct rpc_exchange x;
	struct http_transfer transfer;
	void *response;
	rpc_va_validate_done *done;
	void *arg;
	int begun;             /* 0, or -1 when it could not even begin */
	int64_t not_before_us; /* of the next attempt */
	struct call *next;
};

struct rpc_loop {
	CURLM *multi;
	pthread_t thread;
	pthread_mutex_t lock; /* of fresh and ending */
	struct call *fresh;
	bool ending;
	struct call *waiting; /* for their next attempt */
	size_t n_running;     /* in multi */
};

static void end_call(struct call *call, int result)
{
	call->done(call->arg, &call->c, result, result == 0 ? call->response : NULL);
	ctx_done(&call->c);
	free(call);
}

static void begin_attempt(struct rpc_loop *loop, struct call *call)
{
	rpc_exchange_try(&call->x);
	CURL *easy = http_transfer_handle(rpc_client_tls());
	http_transfer_begin(&call->transfer, easy, &call->c, &call->x.call);
	if (curl_easy_setopt(easy, CURLOPT_PRIVATE, call) != CURLE_OK ||
	    curl_multi_add_handle(loop->multi, easy) != CURLM_OK) {
		die("libcurl does not take a call");
	}
	loop->n_running++;
}

static void end_attempt(struct rpc_loop *loop, CURL *easy, CURLcode code)
{
	struct call *call = NULL;
	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &call) != CURLE_OK || call == NULL) {
		die("libcurl lost a call");
	}
	int result = http_transfer_end(&call->transfer, code);
	curl_multi_remove_handle(loop->multi, easy);
	curl_easy_cleanup(easy);
	loop->n_running--;
	int64_t wait_ms = 0;
	if (!rpc_exchange_again(&call->x, result, call->response, &result, &wait_ms)) {
		end_call(call, result);
		return;
	}
	call->not_before_us = clock_monotonic_us() + wait_ms * 1000;
	call->next = loop->waiting;
	loop->waiting = call;
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
		call->next = loop->waiting;
		loop->waiting = call;
	}
	return ending && idle;
}

/* Starts what is due; gives the milliseconds until the next one is. */
static int start_due(struct rpc_loop *loop)
{
	int64_t now_us = clock_monotonic_us();
	int64_t soonest_us = now_us + MAX_POLL_MS * 1000;
	struct call *waiting = loop->waiting;
	loop->waiting = NULL;
	while (waiting != NULL) {
		struct call *call = waiting;
		waiting = call->next;
		if (call->begun != 0) {
			end_call(call, -1);
		} else if (call->not_before_us <= now_us) {
			begin_attempt(loop, call);
		} else {
			soonest_us = call->not_before_us < soonest_us ? call->not_before_us : soonest_us;
			call->next = loop->waiting;
			loop->waiting = call;
		}
	}
	return (int) ((soonest_us - now_us + 999) / 1000);
}

static void *loop_main(void *arg)
{
	struct rpc_loop *loop = arg;
	while (!take_fresh(loop)) {
		int poll_ms = start_due(loop);
		int running;
		if (curl_multi_perform(loop->multi, &running) != CURLM_OK) {
			die("curl_multi_perform failed");
		}
		int left;
		for (CURLMsg *m; (m = curl_multi_info_read(loop->multi, &left)) != NULL;) {
			if (m->msg == CURLMSG_DONE) {
				end_attempt(loop, m->easy_handle, m->data.result);
				poll_ms = 0; /* it may be due again, or it was the last */
			}
		}
		if (poll_ms > 0 && curl_multi_poll(loop->multi, NULL, 0, poll_ms, NULL) != CURLM_OK) {
			die("curl_multi_poll failed");
		}
	}
	return NULL;
}

struct rpc_loop *rpc_loop_new(void)
{
	struct rpc_loop *loop = calloc(1, sizeof(*loop));
	if (loop == NULL) {
		die("out of memory");
	}
	curl_easy_cleanup(http_transfer_handle(rpc_client_tls())); /* starts libcurl */
	loop->multi = curl_multi_init();
	if (loop->multi == NULL ||
	    curl_multi_setopt(loop->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, MAX_CONNECTIONS) != CURLM_OK ||
	    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, MAX_KEPT) != CURLM_OK ||
	    pthread_mutex_init(&loop->lock, NULL) != 0 || pthread_create(&loop->thread, NULL, loop_main, loop) != 0) {
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
	curl_multi_wakeup(loop->multi);
	pthread_join(loop->thread, NULL);
	curl_multi_cleanup(loop->multi);
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
	curl_multi_wakeup(loop->multi);
}

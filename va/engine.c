#include "va/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/condition.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "va/dns_lanes.h"
#include "va/fetch.h"
#include "va/handshake.h"
#include "va/plain.h"
#include "va/resolve.h"
#include "va/uplink.h"

#define EVENTS 256
#define TICK_US 50000                          /* how exactly deadlines are kept */
#define FILES_RESERVED (DNS_LANES_FILES + 300) /* the rest: listeners, those who read metrics, late answers, logs */
#define FILES_EACH 3                           /* a connection, one that is being closed, and that of the call */
#define CAPACITY_MIN 32
#define CAPACITY_MAX 10000

struct engine {
	struct va_env env;
	struct arena *arena; /* of env.reach */
	int epoll;
	int event;
	pthread_t thread;
	bool started;
	size_t capacity;
	int64_t curl_at_us; /* when libcurl wants to be called; INT64_MAX: not */
	int64_t tick_at_us;
	int64_t uplink_at_us; /* when what is down is looked at again */
	struct validation *running;
	pthread_mutex_t lock;       /* of the members below */
	struct validation *waiting; /* newest first */
	size_t count;               /* waiting and running */
	bool draining;
	bool ended; /* the loop has */
	pthread_cond_t end;
	atomic_bool cut_short;
};

static int watch(const struct engine *e, int how, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	return epoll_ctl(e->epoll, how, fd, &event);
}

/* `known`: not the first call for this socket. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct engine *e = arg;
	(void) easy;
	if (what == CURL_POLL_REMOVE) {
		(void) epoll_ctl(e->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	uint32_t in = what & CURL_POLL_IN ? EPOLLIN : 0;
	uint32_t out = what & CURL_POLL_OUT ? EPOLLOUT : 0;
	/* If that fails, its deadline ends it. */
	(void) watch(e, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, in | out);
	(void) curl_multi_assign(e->env.multi, fd, e);
	return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct engine *e = arg;
	(void) multi;
	e->curl_at_us = timeout_ms < 0 ? INT64_MAX : clock_monotonic_us() + timeout_ms * 1000;
	return 0;
}

static int open_loop(struct ctx *c, struct engine *e)
{
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	e->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->env.multi = curl_multi_init();
	if (e->epoll < 0 || e->event < 0 || e->env.multi == NULL) {
		return FAIL(c, SERVER_INTERNAL, "The event loop can't be made: %s", strerror(errno));
	}
	curl_multi_setopt(e->env.multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(e->env.multi, CURLMOPT_SOCKETDATA, e);
	curl_multi_setopt(e->env.multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(e->env.multi, CURLMOPT_TIMERDATA, e);
	if (watch(e, EPOLL_CTL_ADD, e->event, EPOLLIN) != 0 ||
	    watch(e, EPOLL_CTL_ADD, resolver_fd(e->env.resolver), EPOLLIN) != 0 ||
	    watch(e, EPOLL_CTL_ADD, handshakes_fd(e->env.handshakes), EPOLLIN) != 0 ||
	    watch(e, EPOLL_CTL_ADD, plains_fd(e->env.plains), EPOLLIN) != 0) {
		return FAIL(c, SERVER_INTERNAL, "The event loop can't be made: %s", strerror(errno));
	}
	return 0;
}

void engine_free(struct engine *e)
{
	if (e == NULL) {
		return;
	}
	fetch_free_spares(&e->env);
	if (e->env.multi != NULL) {
		(void) curl_multi_cleanup(e->env.multi);
	}
	handshakes_free(e->env.handshakes);
	plains_free(e->env.plains);
	resolver_free(e->env.resolver);
	uplink_free(e->env.uplink);
	if (e->epoll >= 0) {
		(void) close(e->epoll);
	}
	if (e->event >= 0) {
		(void) close(e->event);
	}
	arena_free(e->arena);
	(void) pthread_mutex_destroy(&e->lock);
	(void) pthread_cond_destroy(&e->end);
	free(e);
}

/* The lists outlive the arena of c. */
static int keep_networks(struct ctx *c, struct engine *e, const struct config_va *config)
{
	struct ctx own = { .arena = e->arena, .deadline_us = INT64_MAX };
	bool good = ip_reach_parse(&own, &config->allow_networks, &config->deny_networks, &e->env.reach) == 0;
	return good ? 0 : FAIL(c, MALFORMED, "va.allow_networks, va.deny_networks: %s", own.err.detail);
}

int engine_new(struct ctx *c, const struct config_va *config, struct engine **ret)
{
	struct engine *e = calloc(1, sizeof(*e));
	if (e == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		die("out of memory");
	}
	e->arena = arena_new();
	e->epoll = -1;
	e->event = -1;
	e->curl_at_us = INT64_MAX;
	e->uplink_at_us = INT64_MAX;
	condition_init(&e->end);
	(void) pthread_mutex_init(&e->lock, NULL);
	e->env.config = config;
	e->env.uplink = uplink_new(config);
	e->env.ports = (struct redirect_ports) { (uint16_t) config->http01_port, (uint16_t) config->tlsalpn01_port };
	if (keep_networks(c, e, config) != 0 || resolver_new(c, config, &e->env.resolver) != 0 ||
	    handshakes_new(c, &e->env.handshakes) != 0 || plains_new(c, &e->env.plains) != 0 || open_loop(c, e) != 0) {
		engine_free(e);
		return -1;
	}
	*ret = e;
	return 0;
}

static void link_running(struct engine *e, struct validation *v)
{
	v->before = NULL;
	v->next = e->running;
	if (e->running != NULL) {
		e->running->before = v;
	}
	e->running = v;
}

static void unlink_running(struct engine *e, struct validation *v)
{
	if (v->before != NULL) {
		v->before->next = v->next;
	} else {
		e->running = v->next;
	}
	if (v->next != NULL) {
		v->next->before = v->before;
	}
}

static void take_waiting(struct engine *e)
{
	uint64_t ignored = 0;
	(void) !read(e->event, &ignored, sizeof(ignored));
	(void) pthread_mutex_lock(&e->lock);
	struct validation *v = e->waiting;
	e->waiting = NULL;
	(void) pthread_mutex_unlock(&e->lock);
	while (v != NULL) {
		struct validation *next = v->next;
		link_running(e, v);
		validation_start(v);
		v = next;
	}
}

static void finish_transfers(struct engine *e)
{
	int left = 0;
	for (CURLMsg *m = curl_multi_info_read(e->env.multi, &left); m != NULL;
	     m = curl_multi_info_read(e->env.multi, &left)) {
		if (m->msg == CURLMSG_DONE) {
			fetch_finish(m->easy_handle, m->data.result);
		}
	}
}

static void conclude(struct engine *e, struct validation *v)
{
	unlink_running(e, v);
	(void) pthread_mutex_lock(&e->lock);
	e->count--;
	metric_set(METRIC_validations_running, NULL, (int64_t) e->count);
	(void) pthread_mutex_unlock(&e->lock);
	validation_conclude(v);
}

/* At each tick, ends those whose time is up; at once and all of them when this process has to end. */
static void expire(struct engine *e)
{
	int64_t now = clock_monotonic_us();
	bool cut_short = atomic_load(&e->cut_short);
	if (now < e->tick_at_us && !cut_short) {
		return;
	}
	for (struct validation *v = e->running; v != NULL; v = v->next) {
		bool ended = validation_ended(v);
		if (ended && v->asking) { /* once more */
			v->cut_short = cut_short;
			v->next_ended = e->env.ended;
			e->env.ended = v;
		} else if (cut_short && !ended) {
			validation_expire(v, true);
		} else if (!ended) {
			validation_tick(v, now);
		}
	}
	e->tick_at_us = now + TICK_US;
}

static void conclude_ended(struct engine *e)
{
	while (e->env.ended != NULL) {
		struct validation *v = e->env.ended;
		e->env.ended = v->next_ended;
		if (validation_settled(v)) {
			conclude(e, v);
		}
	}
}

static int wait_ms(const struct engine *e)
{
	int64_t until = e->running == NULL ? INT64_MAX : e->tick_at_us;
	until = e->curl_at_us < until ? e->curl_at_us : until;
	int64_t resolver_us = resolver_due_us(e->env.resolver);
	until = resolver_us < until ? resolver_us : until;
	until = e->uplink_at_us < until ? e->uplink_at_us : until;
	if (until == INT64_MAX) {
		return -1;
	}
	int64_t us = until - clock_monotonic_us();
	return us <= 0 ? 0 : (int) ((us + 999) / 1000);
}

static void serve_event(struct engine *e, const struct epoll_event *event)
{
	int running = 0;
	int fd = event->data.fd;
	if (fd == e->event) {
		take_waiting(e);
	} else if (fd == handshakes_fd(e->env.handshakes)) {
		handshakes_serve(e->env.handshakes);
	} else if (fd == plains_fd(e->env.plains)) {
		plains_serve(e->env.plains);
	} else if (fd != resolver_fd(e->env.resolver)) { /* whose answers are delivered in each turn */
		int in = event->events & EPOLLIN ? CURL_CSELECT_IN : 0;
		int out = event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
		int error = event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
		(void) curl_multi_socket_action(e->env.multi, fd, in | out | error, &running);
	}
}

static bool has_to_go_on(struct engine *e)
{
	(void) pthread_mutex_lock(&e->lock);
	bool more = !e->draining || e->count > 0;
	(void) pthread_mutex_unlock(&e->lock);
	return more;
}

static void *loop(void *arg)
{
	struct engine *e = arg;
	struct epoll_event events[EVENTS];
	int running = 0;
	while (has_to_go_on(e)) {
		int n = epoll_wait(e->epoll, events, EVENTS, wait_ms(e));
		for (int i = 0; i < n; i++) {
			serve_event(e, &events[i]);
		}
		resolver_deliver(e->env.resolver);
		e->uplink_at_us = uplink_serve(e->env.uplink, e->env.resolver);
		if (clock_monotonic_us() >= e->curl_at_us) {
			e->curl_at_us = INT64_MAX;
			(void) curl_multi_socket_action(e->env.multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		finish_transfers(e);
		expire(e);
		conclude_ended(e);
	}
	(void) pthread_mutex_lock(&e->lock);
	e->ended = true;
	(void) pthread_cond_signal(&e->end);
	(void) pthread_mutex_unlock(&e->lock);
	return NULL;
}

/* Each validation holds a connection, and each round that of its call and one to each perspective. */
static rlim_t files_each(const struct config_va *config)
{
	return FILES_EACH + (config->perspectives.n > 0 ? 1 + config->perspectives.n : 0);
}

size_t engine_files_min(const struct config_va *config)
{
	return (size_t) (FILES_RESERVED + CAPACITY_MIN * files_each(config));
}

static rlim_t files_allowed(void)
{
	struct rlimit limit = { .rlim_cur = 0 };
	(void) getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

size_t engine_capacity(const struct config_va *config)
{
	rlim_t allowed = files_allowed();
	if (allowed < engine_files_min(config)) {
		return CAPACITY_MIN;
	}
	rlim_t n = (allowed - FILES_RESERVED) / files_each(config);
	return n < CAPACITY_MAX ? (size_t) n : CAPACITY_MAX;
}

/* It goes on all the same: what finds no descriptor is a fault of ours, and is made again. */
static void tell_capacity(const struct engine *e)
{
	struct arena *a = arena_new();
	rlim_t allowed = files_allowed();
	size_t needed = engine_files_min(e->env.config);
	const char *limit = arena_printf(a, "%llu", (unsigned long long) allowed);
	if (allowed < needed) {
		log_event(NULL, LOG_ERROR,
		    "too few open files are allowed (LimitNOFILE, ulimit -n): under load validations and lookups will fail for "
		    "want of them",
		    "allowed", limit, "needed", arena_printf(a, "%zu", needed), NULL);
	} else {
		log_event(NULL, LOG_INFO, "so many validations may run at once, by the open files that are allowed",
		    "validations", arena_printf(a, "%zu", e->capacity), "allowed", limit, NULL);
	}
	arena_free(a);
}

int engine_start(struct ctx *c, struct engine *e)
{
	e->capacity = engine_capacity(e->env.config);
	tell_capacity(e);
	TRY(resolver_start(c, e->env.resolver));
	int error = pthread_create(&e->thread, NULL, loop, e);
	if (error != 0) {
		return FAIL(c, SERVER_INTERNAL, "No thread for the event loop: %s", strerror(error));
	}
	e->started = true;
	return 0;
}

static void wake(const struct engine *e)
{
	uint64_t one = 1;
	(void) !write(e->event, &one, sizeof(one));
}

int engine_submit(struct ctx *c, struct engine *e, const struct validate_request *in, validation_done *done, void *arg)
{
	struct validation *v = NULL;
	TRY(validation_new(c, &e->env, in, &v));
	v->done = done;
	v->arg = arg;
	(void) pthread_mutex_lock(&e->lock);
	bool draining = e->draining;
	bool taken = !draining && e->count < e->capacity;
	if (taken) {
		v->next = e->waiting;
		e->waiting = v;
		e->count++;
		metric_set(METRIC_validations_running, NULL, (int64_t) e->count);
	}
	(void) pthread_mutex_unlock(&e->lock);
	if (draining) {
		return FAIL(c, UNAVAILABLE, "The validation authority is shutting down");
	}
	if (!taken) {
		return FAIL(c, UNAVAILABLE, "The validation authority has no room for another validation");
	}
	wake(e);
	return 0;
}

static void wait_for_end(struct engine *e, int64_t deadline_ms)
{
	struct timespec until = moment_in(deadline_ms);
	(void) pthread_mutex_lock(&e->lock);
	int late = 0;
	while (!e->ended && late == 0) {
		late = pthread_cond_timedwait(&e->end, &e->lock, &until);
	}
	(void) pthread_mutex_unlock(&e->lock);
	if (late != 0) {
		atomic_store(&e->cut_short, true);
		wake(e);
	}
	(void) pthread_join(e->thread, NULL);
}

void engine_drain(struct engine *e, int64_t deadline_ms)
{
	(void) pthread_mutex_lock(&e->lock);
	e->draining = true;
	(void) pthread_mutex_unlock(&e->lock);
	if (e->started) {
		wake(e);
		wait_for_end(e, deadline_ms);
		e->started = false;
	}
}

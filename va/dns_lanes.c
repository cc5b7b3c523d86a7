#include "va/dns_lanes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/die.h"
#include "va/dns_loop.h"
#include "va/dns_reason.h"
#include "va/dns_turns.h"

#define LANES DNS_LANES
/* Far more than any honest answer takes; and for how long such a lane is avoided. */
#define HELD_US 20000
#define AVOIDED_US 3000000
/* Under way in a lane that others choose only if all have as many; fewer than a context has sockets. */
#define CROWD 48
#define CLASS_IN 1
#define TYPE_A 1

struct dns_lane {
	struct dns_lanes *all;
	struct dns_loop *loop;
	struct ub_ctx *ub[DNS_TIMES];
	struct dns_list running;  /* also what was given up, until libunbound has done with it */
	struct dns_list answered; /* not handed over yet */
	int epoll;
	int event; /* something was asked, or it is to end */
	pthread_t thread;
	bool started;
	atomic_int_fast64_t busy_since_us; /* it is in libunbound; 0: it waits */
	atomic_int_fast64_t held_at_us;    /* when that took long last */
	atomic_int_fast64_t held_us;       /* how long those took together */
	pthread_mutex_t lock;              /* of asked */
	struct dns_list asked;
	size_t jobs; /* under way; of the engine's thread */
};

struct dns_lanes {
	struct dns_lane lane[LANES];
	struct dns_turns *turns; /* of the engine's thread */
	int event;
	atomic_bool ending;
	pthread_mutex_t lock; /* of answered */
	struct dns_list answered;
};

/* A failure is remembered for five seconds whatever the configuration says, so that a second lookup would ask nobody (C-38). But of all
 * messages just the last one is kept, if there is no room for any: that about this name, which fails without a question to anybody,
 * is asked for before each lookup and takes the place of what was kept. */
#define FORGET_NAME "forget.cairn.invalid"
static const char forget_options[] = "server:\n"
                                     "\tmsg-cache-size: 0\n"
                                     "\tmsg-cache-slabs: 1\n"
                                     "\tlocal-zone: \"" FORGET_NAME ".\" transparent\n"
                                     "forward-zone:\n"
                                     "\tname: \"" FORGET_NAME "\"\n";

static void wake(int event)
{
	uint64_t one = 1;
	(void) !write(event, &one, sizeof(one));
}

static void forget(int event)
{
	uint64_t ignored = 0;
	(void) !read(event, &ignored, sizeof(ignored));
}

/* libunbound reads zones to forward from a file only; this one lives in memory. */
static int load_config(struct ctx *c, struct ub_ctx *ub, const char *text)
{
	int fd = memfd_create("resolver", MFD_CLOEXEC);
	if (fd < 0) {
		return FAIL(c, SERVER_INTERNAL, "No memory file for the resolver's configuration");
	}
	size_t n = strlen(text);
	bool written = write(fd, text, n) == (ssize_t) n;
	int result = written ? ub_ctx_config(ub, arena_printf(c->arena, "/proc/self/fd/%d", fd)) : UB_READFILE;
	(void) close(fd);
	if (result != 0) {
		return FAIL(c, SERVER_INTERNAL, "The resolver refuses its configuration: %s", ub_strerror(result));
	}
	return 0;
}

/* A first answer from local data makes libunbound take up its configuration for good, while files can still be read. */
static int warm_up(struct ctx *c, struct ub_ctx *ub)
{
	struct ub_result *result = NULL;
	int error = ub_resolve(ub, "localhost", TYPE_A, CLASS_IN, &result);
	bool good = error == 0 && result != NULL && result->havedata;
	ub_resolve_free(result);
	if (!good) {
		return FAIL(c, SERVER_INTERNAL, "The resolver does not start: %s", ub_strerror(error));
	}
	return 0;
}

static int open_context(struct ctx *c, struct dns_lane *l, enum dns_time time, const char *config)
{
	struct ub_ctx *ub = ub_ctx_create_ub_event(dns_loop_base(l->loop));
	if (ub == NULL) {
		return FAIL(c, SERVER_INTERNAL, "The resolver can't be made");
	}
	l->ub[time] = ub;
	(void) ub_ctx_debugout(ub, dns_reason_log());
	(void) ub_ctx_set_option(ub, "val-log-squelch:", "no"); /* else no reason is logged */
	TRY(load_config(c, ub, arena_printf(c->arena, "%s%s", config, forget_options)));
	return warm_up(c, ub);
}

static int watch(const struct dns_lane *l, int fd)
{
	struct epoll_event readable = { .events = EPOLLIN, .data.fd = fd };
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &readable);
}

static int open_lane(struct ctx *c, struct dns_lane *l, const char *config)
{
	l->loop = dns_loop_new();
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->loop == NULL || l->epoll < 0 || l->event < 0 || watch(l, l->event) != 0 ||
	    watch(l, dns_loop_fd(l->loop)) != 0) {
		return FAIL(c, SERVER_INTERNAL, "The resolver's loop can't be made: %s", strerror(errno));
	}
	TRY(open_context(c, l, DNS_FIRST_TIME, config));
	return open_context(c, l, DNS_SECOND_TIME, config);
}

int dns_lanes_new(struct ctx *c, const char *config, struct dns_lanes **ret)
{
	struct dns_lanes *all = calloc(1, sizeof(*all));
	if (all == NULL) {
		die("out of memory");
	}
	all->turns = dns_turns_new();
	(void) pthread_mutex_init(&all->lock, NULL);
	dns_list_init(&all->answered);
	for (size_t i = 0; i < LANES; i++) {
		struct dns_lane *l = &all->lane[i];
		l->all = all;
		l->epoll = -1;
		l->event = -1;
		(void) pthread_mutex_init(&l->lock, NULL);
		dns_list_init(&l->running);
		dns_list_init(&l->asked);
		dns_list_init(&l->answered);
	}
	all->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int result =
	    all->event < 0 ? FAIL(c, SERVER_INTERNAL, "The resolver's loop can't be made: %s", strerror(errno)) : 0;
	for (size_t i = 0; result == 0 && i < LANES; i++) {
		result = open_lane(c, &all->lane[i], config);
	}
	if (result != 0) {
		dns_lanes_free(all);
		return -1;
	}
	*ret = all;
	return 0;
}

static void close_lane(struct dns_lane *l)
{
	if (l->started) {
		wake(l->event);
		(void) pthread_join(l->thread, NULL);
	}
	for (size_t i = 0; i < DNS_TIMES; i++) {
		ub_ctx_delete(l->ub[i]); /* which calls back for all that it has */
	}
	dns_loop_free(l->loop);
	dns_list_free(&l->running);
	dns_list_free(&l->asked);
	dns_list_free(&l->answered);
	if (l->epoll >= 0) {
		(void) close(l->epoll);
	}
	if (l->event >= 0) {
		(void) close(l->event);
	}
	(void) pthread_mutex_destroy(&l->lock);
}

void dns_lanes_free(struct dns_lanes *all)
{
	if (all == NULL) {
		return;
	}
	atomic_store(&all->ending, true);
	for (size_t i = 0; i < LANES; i++) {
		close_lane(&all->lane[i]);
	}
	dns_list_free(&all->answered);
	dns_turns_free(all->turns);
	if (all->event >= 0) {
		(void) close(all->event);
	}
	(void) pthread_mutex_destroy(&all->lock);
	free(all);
}

static void end_running(struct dns_job *job)
{
	struct dns_lane *l = job->lane;
	dns_list_remove(&l->running, job);
	dns_list_add(&l->answered, job);
}

/* Runs inside libunbound, which is not called again before it has returned. */
/* NOLINTNEXTLINE(readability-non-const-parameter) libunbound's prototype */
static void on_dns_answer(void *arg, int rcode, void *packet, int n, int security, char *why_bogus, int was_limited)
{
	struct dns_job *job = arg;
	(void) was_limited;
	if (job == NULL) { /* what is asked for in order to forget */
		return;
	}
	job->rcode = rcode;
	job->packet = arena_bytes(job->arena, packet, packet != NULL && n > 0 ? (size_t) n : 0);
	job->security = security;
	job->why_bogus = arena_text(job->arena, why_bogus);
	job->reason = dns_reason_find(job->arena, job->question.name, job->question.type_text);
	end_running(job);
}

static void begin(struct dns_lane *l, struct dns_job *job)
{
	dns_list_add(&l->running, job);
	const struct dns_question *q = &job->question;
	struct ub_ctx *ub = l->ub[q->time];
	dns_reason_forget();
	if (ub_resolve_event(ub, FORGET_NAME, TYPE_A, CLASS_IN, NULL, on_dns_answer, NULL) != 0 ||
	    ub_resolve_event(ub, q->name, q->type, CLASS_IN, job, on_dns_answer, NULL) != 0) {
		job->failed = true;
		end_running(job);
	}
}

static void serve_asked(struct dns_lane *l)
{
	forget(l->event);
	(void) pthread_mutex_lock(&l->lock);
	struct dns_job *job = dns_list_take(&l->asked);
	(void) pthread_mutex_unlock(&l->lock);
	while (job != NULL) {
		struct dns_job *next = job->next;
		begin(l, job);
		job = next;
	}
}

static void hand_over(struct dns_lane *l)
{
	struct dns_lanes *all = l->all;
	if (l->answered.first == NULL) {
		return;
	}
	(void) pthread_mutex_lock(&all->lock);
	*all->answered.end = l->answered.first;
	all->answered.end = l->answered.end;
	(void) pthread_mutex_unlock(&all->lock);
	dns_list_init(&l->answered);
	wake(all->event);
}

static int wait_ms(const struct dns_lane *l)
{
	int64_t due_us = dns_loop_due_us(l->loop);
	if (due_us == INT64_MAX) {
		return -1;
	}
	int64_t us = due_us - clock_monotonic_us();
	return us <= 0 ? 0 : (int) ((us + 999) / 1000);
}

static void *serve(void *arg)
{
	struct dns_lane *l = arg;
	struct epoll_event events[2];
	while (!atomic_load(&l->all->ending)) {
		int n = epoll_wait(l->epoll, events, COUNT_OF(events), wait_ms(l));
		int64_t since_us = clock_monotonic_us();
		atomic_store(&l->busy_since_us, since_us);
		dns_reason_forget();
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == l->event) {
				serve_asked(l);
			} else {
				dns_loop_serve(l->loop);
			}
		}
		int64_t now_us = clock_monotonic_us();
		dns_loop_time(l->loop, now_us);
		hand_over(l);
		now_us = clock_monotonic_us();
		atomic_store(&l->busy_since_us, 0);
		if (now_us - since_us > HELD_US) {
			atomic_store(&l->held_at_us, now_us);
			(void) atomic_fetch_add(&l->held_us, now_us - since_us);
		}
	}
	return NULL;
}

int dns_lanes_start(struct ctx *c, struct dns_lanes *all)
{
	for (size_t i = 0; i < LANES; i++) {
		struct dns_lane *l = &all->lane[i];
		int error = pthread_create(&l->thread, NULL, serve, l);
		if (error != 0) {
			return FAIL(c, SERVER_INTERNAL, "No thread for the resolver: %s", strerror(error));
		}
		l->started = true;
	}
	return 0;
}

static bool is_held(struct dns_lane *l, int64_t now_us)
{
	int64_t since_us = atomic_load(&l->busy_since_us);
	int64_t held_at_us = atomic_load(&l->held_at_us);
	return (since_us != 0 && now_us - since_us > HELD_US) || (held_at_us != 0 && now_us - held_at_us < AVOIDED_US);
}

static int64_t held_us(struct dns_lane *l)
{
	int64_t since_us = atomic_load(&l->busy_since_us);
	int64_t busy_us = since_us == 0 ? 0 : clock_monotonic_us() - since_us;
	return atomic_load(&l->held_us) + (busy_us > HELD_US ? busy_us : 0);
}

int64_t dns_lanes_held_us(const struct dns_job *job)
{
	return job->lane == NULL ? 0 : held_us(job->lane) - job->held_us;
}

/* That of the hash, or the next that is not held up or crowded, so that who holds up or fills a lane does it to few. */
static struct dns_lane *choose(struct dns_lanes *all, uint64_t hash)
{
	int64_t now_us = clock_monotonic_us();
	struct dns_lane *best = &all->lane[hash % LANES];
	size_t least = SIZE_MAX;
	for (size_t i = 0; i < LANES; i++) {
		struct dns_lane *l = &all->lane[(hash + i) % LANES];
		size_t cost = (is_held(l, now_us) ? SIZE_MAX / 2 : 0) + (l->jobs < CROWD ? 0 : l->jobs);
		if (cost < least) {
			least = cost;
			best = l;
		}
	}
	return best;
}

/* While lookups for a domain are under way, in the lane where they are: who holds up a lane does not go on to the next. */
static struct dns_lane *lane_of(struct dns_lanes *all, const struct dns_job *job)
{
	struct dns_domain *d = dns_turns_domain(job);
	if (d == NULL) {
		return choose(all, dns_turns_hash(all->turns, job->question.name));
	}
	if (d->lane == NULL) {
		d->lane = choose(all, d->hash);
	}
	return d->lane;
}

static void send(struct dns_lanes *all, struct dns_job *job)
{
	struct dns_lane *l = lane_of(all, job);
	l->jobs++;
	job->lane = l;
	job->held_us = held_us(l);
	(void) pthread_mutex_lock(&l->lock);
	bool first = l->asked.first == NULL;
	dns_list_add(&l->asked, job);
	(void) pthread_mutex_unlock(&l->lock);
	if (first) {
		wake(l->event);
	}
}

static void refuse(struct dns_lanes *all, struct dns_job *job)
{
	job->failed = true;
	(void) pthread_mutex_lock(&all->lock);
	dns_list_add(&all->answered, job);
	(void) pthread_mutex_unlock(&all->lock);
	wake(all->event);
}

struct dns_job *dns_lanes_ask(struct dns_lanes *all, const struct dns_question *question, void *arg)
{
	struct arena *a = arena_new_small();
	struct dns_job *job = ARENA_NEW(a, struct dns_job);
	const char *whose = question->whose;
	job->all = all;
	job->arg = arg;
	job->arena = a;
	job->question = *question;
	job->question.name = arena_text(a, question->name);
	job->question.whose = NULL;
	enum dns_turn turn = whose == NULL ? DNS_TURN_NOW : dns_turns_ask(all->turns, job, whose);
	if (turn == DNS_TURN_NOW) {
		send(all, job);
	} else if (turn == DNS_TURN_NEVER) {
		refuse(all, job);
	}
	return job;
}

void dns_job_end(struct dns_job *job)
{
	struct dns_lanes *all = job->all;
	struct dns_list next;
	dns_list_init(&next);
	if (job->parent != NULL) {
		dns_turns_end(all->turns, job, &next);
	}
	if (job->lane != NULL) {
		job->lane->jobs--;
	}
	arena_free(job->arena);
	for (job = dns_list_take(&next); job != NULL;) {
		struct dns_job *after = job->next;
		send(all, job);
		job = after;
	}
}

/* libunbound can't be made to let go of a lookup: ub_cancel only keeps the answer from us. So it keeps its place, until that comes. */
bool dns_lanes_give_up(struct dns_job *job)
{
	job->arg = NULL;
	if (job->lane != NULL) {
		return true;
	}
	if (job->parent == NULL) {
		return false;
	}
	dns_turns_leave(job->all->turns, job);
	arena_free(job->arena);
	return true;
}

int dns_lanes_fd(const struct dns_lanes *all)
{
	return all->event;
}

struct dns_job *dns_lanes_take(struct dns_lanes *all)
{
	forget(all->event);
	(void) pthread_mutex_lock(&all->lock);
	struct dns_job *first = dns_list_take(&all->answered);
	(void) pthread_mutex_unlock(&all->lock);
	return first;
}

#include "cli/bench.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench_cpu.h"
#include "cli/bench_order.h"
#include "cli/bench_report.h"
#include "cli/bench_schedule.h"
#include "lib/base/die.h"

#define SECOND_US ((int64_t) 1000000)
#define DRAIN_US (10 * SECOND_US)

/* What all workers share. The main thread owns it. */
struct run {
	const struct bench_options *options;
	struct bench_halt halt;
	struct bench_schedule schedule;
	struct bench_pool *pool;
	struct bench_responder *responder;
	pthread_barrier_t ready; /* accounts are made, then the schedule is set */
	pthread_t main;
	atomic_uint_fast64_t in_window; /* certificates that were ready while it was measured */
	atomic_uint_fast64_t errors;    /* for the progress line */
	atomic_uint_fast64_t last_us;   /* when the last certificate was ready */
	atomic_size_t working;
};

struct worker {
	struct run *run;
	pthread_t thread;
	struct bench_client client;
	struct bench_issuers issuers;
	struct bench_stats stats;
	struct arena *arena; /* lives as long as the worker */
	struct bench_key key;
	const char *kid;
	size_t orders;
	uint64_t broken_off;
	const struct bench_item *last_item; /* of the last certificate, for renewals */
	const char *last_certid;
};

/* What the main thread measures. */
struct window {
	int64_t begin_us;
	int64_t measure_us;
	int64_t end_us;
	struct bench_cpu server_cpu; /* at measure_us, then the difference */
	double own_cpu_s;            /* the same */
	bool open;
	bool closed;
};

/* True for `share` of all numbers, evenly spread. */
static bool is_chosen(size_t number, double share)
{
	return floor((double) (number + 1) * share) > floor((double) number * share);
}

/* Ends a piece of work: its failure is counted, unless the run was broken off. */
static void settle(struct worker *w, int failed)
{
	if (failed == 0) {
		return;
	}
	const struct bench_failure *f = &w->client.failure;
	if (bench_halt_level(&w->run->halt) >= BENCH_BREAK) {
		w->broken_off++;
		return;
	}
	bench_stats_error(&w->stats, f->step, f->type, f->detail);
	atomic_fetch_add(&w->run->errors, 1);
	if (f->retry_after_us > 0) {
		/* The server asked to be left alone. */
		(void) bench_halt_sleep(&w->run->halt, clock_monotonic_us() + f->retry_after_us, BENCH_DRAIN);
	}
}

static void note_issued(struct worker *w, const struct bench_order *order, bool measured)
{
	struct run *run = w->run;
	const struct bench_schedule *s = &run->schedule;
	bool running = bench_halt_level(&run->halt) == BENCH_RUN;
	if (running && order->issued_us >= s->measure_us && order->issued_us < s->end_us) {
		atomic_fetch_add(&run->in_window, 1);
	}
	uint_fast64_t last = atomic_load(&run->last_us);
	while (last < (uint_fast64_t) order->issued_us &&
	       !atomic_compare_exchange_weak(&run->last_us, &last, (uint_fast64_t) order->issued_us)) {
	}
	if (measured) {
		w->stats.certificates++;
		w->stats.renewals += order->replaces != NULL ? 1 : 0;
	}
	w->last_item = order->item;
	w->last_certid = arena_text(w->arena, order->certificate.certid);
}

static void work_one(struct worker *w, const struct bench_slot *slot)
{
	struct run *run = w->run;
	const struct bench_options *o = run->options;
	struct arena *arena = arena_new();
	size_t number = w->orders++;
	bool renews = w->last_item != NULL && is_chosen(number, o->renew);
	struct bench_order order = {
		.item = renews ? w->last_item : bench_pool_take(run->pool, w->arena),
		.replaces = renews ? w->last_certid : NULL,
		.due_us = slot->due_us,
		.new_account = o->accounts == BENCH_ACCOUNTS_NEW,
		.revoke = is_chosen(number, o->revoke),
	};
	bench_client_begin(&w->client, arena, slot->measured);
	if (o->rate > 0) {
		bench_client_record(&w->client, BENCH_SCHEDULE, slot->due_us);
	}
	w->client.key = &w->key;
	w->client.kid = w->kid;
	int failed = bench_order_run(&w->client, run->responder, &w->issuers, &order);
	if (order.certificate.der != NULL) {
		note_issued(w, &order, slot->measured);
	}
	settle(w, failed);
	w->client.kid = NULL;
	arena_free(arena);
}

/* Directory and, if it is to be kept, the account. */
static int prepare_worker(struct worker *w)
{
	struct arena *arena = arena_new();
	bench_client_begin(&w->client, arena, true);
	w->client.key = &w->key;
	int failed = acme_directory(&w->client, w->arena);
	if (failed == 0 && w->run->options->accounts == BENCH_ACCOUNTS_KEPT) {
		failed = bench_account_make(&w->client, w->arena);
		w->kid = w->client.kid;
	}
	settle(w, failed);
	arena_free(arena);
	return failed;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct run *run = w->run;
	bool able = prepare_worker(w) == 0;
	pthread_barrier_wait(&run->ready);
	pthread_barrier_wait(&run->ready); /* now the schedule is set */
	struct bench_slot slot;
	while (able && bench_schedule_take(&run->schedule, clock_monotonic_us(), &slot) &&
	       bench_halt_sleep(&run->halt, slot.due_us, BENCH_DRAIN)) {
		work_one(w, &slot);
	}
	if (atomic_fetch_sub(&run->working, 1) == 1) {
		pthread_kill(run->main, SIGUSR1);
	}
	return NULL;
}

static void window_watch(struct run *run, struct window *w, int64_t now_us)
{
	const struct bench_options *o = run->options;
	if (!w->open && now_us >= w->measure_us) {
		w->open = true;
		bench_cpu_read(o->pids, o->n_pids, &w->server_cpu);
		w->own_cpu_s = bench_cpu_own_seconds();
	}
	bool ended = now_us >= w->end_us || atomic_load(&run->working) == 0 || bench_halt_level(&run->halt) > BENCH_RUN;
	if (!w->closed && w->open && ended) {
		w->closed = true;
		const struct bench_cpu before = w->server_cpu;
		struct bench_cpu after;
		bench_cpu_read(o->pids, o->n_pids, &after);
		bench_cpu_since(&before, &after, &w->server_cpu);
		w->own_cpu_s = bench_cpu_own_seconds() - w->own_cpu_s;
		w->end_us = now_us < w->end_us ? now_us : w->end_us;
	}
}

static void show_progress(const struct run *run, const struct window *w, int64_t now_us, uint64_t *before)
{
	uint64_t n = atomic_load(&run->in_window);
	if (w->open) {
		fprintf(stderr, "\r%4lld s  %8llu certificates  %6llu/s  %llu errors\033[K",
		    (long long) ((now_us - w->measure_us) / SECOND_US), (unsigned long long) n,
		    (unsigned long long) (n - *before), (unsigned long long) atomic_load(&run->errors));
	} else {
		fprintf(stderr, "\rwarming up\033[K");
	}
	*before = n;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Handles one signal or moment; a second Ctrl-C, or work that does not end, breaks off. */
static void on_signal(struct run *run, int signal, int64_t now_us, int64_t *break_us)
{
	if (signal == SIGINT || signal == SIGTERM) {
		bool again = bench_halt_level(&run->halt) >= BENCH_DRAIN;
		bench_halt_raise(&run->halt, again ? BENCH_BREAK : BENCH_DRAIN);
		*break_us = least(*break_us, now_us + DRAIN_US);
	}
	if (now_us >= *break_us) {
		bench_halt_raise(&run->halt, BENCH_BREAK);
	}
}

/* The main thread while the workers work: progress, the window's ends, signals. */
static void supervise(struct run *run, const sigset_t *signals, struct window *w)
{
	bool terminal = isatty(STDERR_FILENO) == 1;
	int64_t tick_us = w->begin_us + SECOND_US;
	int64_t break_us = INT64_MAX;
	uint64_t before = 0;
	while (atomic_load(&run->working) > 0) {
		int64_t next = least(tick_us, break_us);
		next = w->open ? next : least(next, w->measure_us);
		next = w->closed ? next : least(next, w->end_us);
		int64_t wait = next - clock_monotonic_us();
		wait = wait < 0 ? 0 : wait;
		struct timespec timeout = { .tv_sec = wait / SECOND_US, .tv_nsec = wait % SECOND_US * 1000 };
		int signal = sigtimedwait(signals, NULL, &timeout);
		int64_t now = clock_monotonic_us();
		on_signal(run, signal, now, &break_us);
		window_watch(run, w, now);
		if (now >= tick_us) {
			tick_us += SECOND_US;
			if (terminal) {
				show_progress(run, w, now, &before);
			}
		}
	}
	window_watch(run, w, clock_monotonic_us());
	if (terminal) {
		fputs("\r\033[K", stderr);
	}
}

static struct window set_schedule(struct run *run)
{
	const struct bench_options *o = run->options;
	int64_t now = clock_monotonic_us();
	struct bench_schedule *s = &run->schedule;
	s->begin_us = now;
	s->measure_us = now + o->warmup_us;
	s->end_us = o->duration_us > 0 ? s->measure_us + o->duration_us : INT64_MAX;
	s->rate = o->rate;
	s->count = o->count;
	return (struct window) { .begin_us = now, .measure_us = s->measure_us, .end_us = s->end_us };
}

static struct worker *start_workers(struct run *run, struct arena *a)
{
	size_t n = (size_t) run->options->workers;
	struct worker *workers = ARENA_ARRAY(a, n, struct worker);
	atomic_store(&run->working, n);
	pthread_barrier_init(&run->ready, NULL, (unsigned) n + 1);
	for (size_t i = 0; i < n; i++) {
		struct worker *w = &workers[i];
		w->run = run;
		w->arena = arena_new();
		bench_client_init(&w->client, run->options, &run->halt, &w->stats);
		if (run->options->accounts == BENCH_ACCOUNTS_KEPT) {
			w->key = bench_key_new(w->arena, run->options->account_key);
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
			die("a worker can't be started: %s", strerror(errno));
		}
	}
	return workers;
}

static void collect(struct run *run, struct worker *workers, const struct window *window, struct bench_result *r)
{
	for (size_t i = 0; i < (size_t) run->options->workers; i++) {
		struct worker *w = &workers[i];
		pthread_join(w->thread, NULL);
		bench_stats_merge(&r->stats, &w->stats);
		r->broken_off += w->broken_off;
		bench_client_done(&w->client);
		bench_issuers_done(&w->issuers);
		arena_free(w->arena);
	}
	/* A run that ended by its count lasted until its last certificate. */
	int64_t last = (int64_t) atomic_load(&run->last_us);
	int64_t end =
	    window->closed && run->schedule.end_us == INT64_MAX && last > window->measure_us ? last : window->end_us;
	r->options = run->options;
	r->seconds = window->closed ? (double) (end - window->measure_us) / 1e6 : 0;
	r->in_window = atomic_load(&run->in_window);
	r->missed = (uint64_t) bench_schedule_missed(&run->schedule, window->end_us);
	r->late_keys = bench_pool_late(run->pool);
	r->server_cpu = window->closed ? window->server_cpu : (struct bench_cpu) { .n = 0 };
	r->own_cpu_s = window->closed ? window->own_cpu_s : 0;
}

/* From here on signals are waited for, not delivered; workers inherit that. */
static void block_signals(sigset_t *ret_signals)
{
	sigemptyset(ret_signals);
	sigaddset(ret_signals, SIGINT);
	sigaddset(ret_signals, SIGTERM);
	sigaddset(ret_signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
}

static int run_all(struct run *run, struct arena *a)
{
	sigset_t signals;
	block_signals(&signals);
	bench_halt_init(&run->halt);
	pthread_mutex_init(&run->schedule.lock, NULL);
	run->main = pthread_self();
	struct worker *workers = start_workers(run, a);
	pthread_barrier_wait(&run->ready);
	struct window window = set_schedule(run);
	pthread_barrier_wait(&run->ready);
	supervise(run, &signals, &window);
	struct bench_result *result = ARENA_NEW(a, struct bench_result);
	collect(run, workers, &window, result);
	(run->options->json ? bench_report_json : bench_report_text)(stdout, result);
	pthread_barrier_destroy(&run->ready);
	pthread_mutex_destroy(&run->schedule.lock);
	bench_halt_done(&run->halt);
	return result->stats.errors == 0 && result->stats.certificates > 0 ? 0 : 1;
}

static int bench(struct ctx *c, const struct bench_options *options)
{
	struct run run = { .options = options };
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		die("libcurl can't start");
	}
	TRY(bench_responder_start(c, options->http01_address, options->http01_port, &run.responder));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (isatty(STDERR_FILENO) == 1) {
		fprintf(stderr, "making keys for %lld orders", (long long) options->prepare);
	}
	run.pool = bench_pool_new(options, cores < 1 ? 1 : cores > 64 ? 64 : (unsigned) cores);
	int code = run_all(&run, c->arena);
	bench_responder_stop(run.responder);
	bench_pool_free(run.pool);
	curl_global_cleanup();
	return code;
}

int cli_bench(int argc, char **argv)
{
	struct ctx c;
	ctx_init(&c);
	struct bench_options options;
	const char *problem = NULL;
	int code = 2;
	if (bench_options_parse(c.arena, argc, argv, &options, &problem) != 0) {
		fprintf(stderr, "cairn bench: %s; cairn bench --help lists the options\n", problem);
	} else if (options.help) {
		fputs(bench_options_help(c.arena), stdout);
		code = 0;
	} else if ((code = bench(&c, &options)) < 0) {
		fprintf(stderr, "cairn bench: %s\n", c.err.detail);
		code = 1;
	}
	ctx_done(&c);
	return code;
}

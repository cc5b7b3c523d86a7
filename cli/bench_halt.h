/* How the load generator is told to end, and how its workers sleep so that they hear of it. */
#ifndef CAIRN_CLI_BENCH_HALT_H
#define CAIRN_CLI_BENCH_HALT_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/bytes.h"

enum bench_halt_level {
	BENCH_RUN,
	BENCH_DRAIN, /* finish what is under way, start nothing */
	BENCH_BREAK, /* give up what is under way */
};

struct bench_halt {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_int level;
};

void bench_halt_init(struct bench_halt *h);
void bench_halt_done(struct bench_halt *h);

/* Raises the level and wakes who sleeps; a lower level changes nothing. Any thread. */
void bench_halt_raise(struct bench_halt *h, enum bench_halt_level level);
enum bench_halt_level bench_halt_level(const struct bench_halt *h);

/* Sleeps until that moment of clock_monotonic_us; false, at once, when the level is or becomes at least `level`. */
bool bench_halt_sleep(struct bench_halt *h, int64_t until_us, enum bench_halt_level level);

#endif

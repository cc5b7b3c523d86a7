/* When the next order starts. Closed loop: at once, as soon as a worker is free. Open loop: at fixed moments that do
 * not wait for anybody, so that a slow server does not hide its slowness by being asked less (coordinated omission). */
#ifndef CAIRN_CLI_BENCH_SCHEDULE_H
#define CAIRN_CLI_BENCH_SCHEDULE_H

#include <pthread.h>

#include "lib/base/bytes.h"

struct bench_schedule {
	pthread_mutex_t lock;
	/* moments of clock_monotonic_us */
	int64_t begin_us;   /* of the warm-up */
	int64_t measure_us; /* what is due before is warm-up */
	int64_t end_us;     /* nothing starts from here on; INT64_MAX: no end */
	double rate;        /* orders a second; 0: closed loop */
	int64_t count;      /* measured orders; 0: no bound */
	int64_t taken;      /* so far: all */
	int64_t measured;   /* and those that are measured */
};

struct bench_slot {
	int64_t
	    due_us; /* latency counts from here; may lie in the future (wait for it) or in the past (there was no worker) */
	bool measured;
};

/* Takes the next order for a worker that is free at now_us; any thread. False: there is none any more. */
bool bench_schedule_take(struct bench_schedule *s, int64_t now_us, struct bench_slot *ret_slot);

/* Open loop: orders that were due before until_us and that no worker ever took. Closed loop: 0. */
int64_t bench_schedule_missed(struct bench_schedule *s, int64_t until_us);

#endif

/* Waiting for a condition by the clock that never jumps. */
#ifndef CAIRN_BASE_CONDITION_H
#define CAIRN_BASE_CONDITION_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* A condition for pthread_cond_timedwait with what the two below give. A failure ends the process. */
void condition_init(pthread_cond_t *condition);

/* The moment when clock_monotonic_us() reads `monotonic_us`. */
struct timespec moment_at(int64_t monotonic_us);

/* The moment `ms` milliseconds from now. */
struct timespec moment_in(int64_t ms);

#endif

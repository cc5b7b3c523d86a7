#include "lib/base/condition.h"

#include "lib/base/clock.h"
#include "lib/base/die.h"

void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0 || pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
	    pthread_cond_init(condition, &attr) != 0) {
		die("a condition variable can't be made");
	}
	(void) pthread_condattr_destroy(&attr);
}

struct timespec moment_at(int64_t monotonic_us)
{
	return (struct timespec) { (time_t) (monotonic_us / 1000000), (long) (monotonic_us % 1000000 * 1000) };
}

struct timespec moment_in(int64_t ms)
{
	return moment_at(clock_monotonic_us() + ms * 1000);
}

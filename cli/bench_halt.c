#include "cli/bench_halt.h"

#include "lib/base/clock.h"
#include "lib/base/condition.h"

void bench_halt_init(struct bench_halt *h)
{
	pthread_mutex_init(&h->lock, NULL);
	condition_init(&h->changed);
	atomic_init(&h->level, BENCH_RUN);
}

void bench_halt_done(struct bench_halt *h)
{
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
}

void bench_halt_raise(struct bench_halt *h, enum bench_halt_level level)
{
	pthread_mutex_lock(&h->lock);
	if (atomic_load(&h->level) < (int) level) {
		atomic_store(&h->level, (int) level);
	}
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

enum bench_halt_level bench_halt_level(const struct bench_halt *h)
{
	return (enum bench_halt_level) atomic_load(&h->level);
}

bool bench_halt_sleep(struct bench_halt *h, int64_t until_us, enum bench_halt_level level)
{
	struct timespec until = moment_at(until_us);
	pthread_mutex_lock(&h->lock);
	while (bench_halt_level(h) < level && clock_monotonic_us() < until_us) {
		pthread_cond_timedwait(&h->changed, &h->lock, &until);
	}
	bool slept = bench_halt_level(h) < level;
	pthread_mutex_unlock(&h->lock);
	return slept;
}

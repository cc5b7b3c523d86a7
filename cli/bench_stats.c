#include "cli/bench_stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Values below 128 have a bucket each; above, each power of two is cut into 64 buckets. */
#define LINEAR 128
#define HALF 64
#define LARGEST_US ((INT64_C(1) << 37) - 1)

const char *bench_step_name(enum bench_step step)
{
	static const char *const names[BENCH_STEP_COUNT] = {
#define X(name, text) [BENCH_##name] = (text),
		BENCH_STEPS(X)
#undef X
	};
	return names[step];
}

static size_t bucket_of(int64_t us)
{
	if (us < LINEAR) {
		return (size_t) us;
	}
	int shift = 63 - __builtin_clzll((unsigned long long) us) - 6;
	return (size_t) shift * HALF + (size_t) (us >> shift);
}

static int64_t bucket_end_us(size_t bucket)
{
	if (bucket < LINEAR) {
		return (int64_t) bucket;
	}
	size_t shift = bucket / HALF - 1;
	return (int64_t) (((bucket - shift * HALF + 1) << shift) - 1);
}

void histogram_add(struct histogram *h, int64_t us)
{
	int64_t value = us < 0 ? 0 : us;
	value = value > LARGEST_US ? LARGEST_US : value;
	h->n++;
	h->sum_us += value;
	h->max_us = value > h->max_us ? value : h->max_us;
	h->bucket[bucket_of(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	into->n += from->n;
	into->sum_us += from->sum_us;
	into->max_us = from->max_us > into->max_us ? from->max_us : into->max_us;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		into->bucket[i] += from->bucket[i];
	}
}

int64_t histogram_percentile(const struct histogram *h, double percent)
{
	double rank = ceil(percent / 100 * (double) h->n);
	uint64_t needed = rank < 1 ? 1 : (uint64_t) rank;
	uint64_t seen = 0;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= needed) {
			int64_t end = bucket_end_us(i);
			return end < h->max_us ? end : h->max_us;
		}
	}
	return h->max_us;
}

static struct bench_error *error_find(struct bench_stats *s, enum bench_step step, const char *type, const char *detail)
{
	for (size_t i = 0; i < s->n_errors; i++) {
		if (s->error[i].step == step && strcmp(s->error[i].type, type) == 0) {
			return &s->error[i];
		}
	}
	struct bench_error *e = &s->error[s->n_errors];
	e->step = step;
	snprintf(e->type, sizeof(e->type), "%s", type);
	snprintf(e->detail, sizeof(e->detail), "%s", detail);
	s->n_errors++;
	return e;
}

static void error_add(struct bench_stats *s, const struct bench_error *error)
{
	/* The last row is kept for all that find no row of their own. */
	bool full = s->n_errors >= BENCH_ERRORS_MAX - 1;
	for (size_t i = 0; full && i < s->n_errors; i++) {
		full = s->error[i].step != error->step || strcmp(s->error[i].type, error->type) != 0;
	}
	struct bench_error *e =
	    error_find(s, full ? BENCH_TOTAL : error->step, full ? "other" : error->type, error->detail);
	e->n += error->n;
	s->errors += error->n;
}

void bench_stats_error(struct bench_stats *s, enum bench_step step, const char *type, const char *detail)
{
	struct bench_error error = { .step = step, .n = 1 };
	snprintf(error.type, sizeof(error.type), "%s", type);
	snprintf(error.detail, sizeof(error.detail), "%s", detail == NULL ? "" : detail);
	error_add(s, &error);
}

void bench_stats_merge(struct bench_stats *into, const struct bench_stats *from)
{
	for (size_t i = 0; i < BENCH_STEP_COUNT; i++) {
		histogram_merge(&into->step[i], &from->step[i]);
	}
	for (size_t i = 0; i < from->n_errors; i++) {
		error_add(into, &from->error[i]);
	}
	into->certificates += from->certificates;
	into->renewals += from->renewals;
	into->revocations += from->revocations;
	into->requests += from->requests;
	into->bad_nonces += from->bad_nonces;
}

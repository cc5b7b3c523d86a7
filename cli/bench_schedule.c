#include "cli/bench_schedule.h"

#include <math.h>

/* Moment of order i of an open loop; counted from the begin each time, so that roundings do not add up. */
static int64_t open_due_us(const struct bench_schedule *s, int64_t i)
{
	return s->begin_us + (int64_t) llround((double) i * 1e6 / s->rate);
}

static bool take(struct bench_schedule *s, int64_t now_us, struct bench_slot *slot)
{
	slot->due_us = s->rate > 0 ? open_due_us(s, s->taken) : now_us;
	slot->measured = slot->due_us >= s->measure_us;
	/* What is due but finds no worker before the end is missed, not done late: the end is the end. */
	if (slot->due_us >= s->end_us || now_us >= s->end_us) {
		return false;
	}
	if (slot->measured && s->count > 0 && s->measured >= s->count) {
		return false;
	}
	s->taken++;
	s->measured += slot->measured ? 1 : 0;
	return true;
}

bool bench_schedule_take(struct bench_schedule *s, int64_t now_us, struct bench_slot *ret_slot)
{
	struct bench_slot slot = { 0 };
	pthread_mutex_lock(&s->lock);
	bool taken = take(s, now_us, &slot);
	pthread_mutex_unlock(&s->lock);
	if (taken) {
		*ret_slot = slot;
	}
	return taken;
}

int64_t bench_schedule_missed(struct bench_schedule *s, int64_t until_us)
{
	if (s->rate <= 0) {
		return 0;
	}
	pthread_mutex_lock(&s->lock);
	int64_t until = until_us < s->end_us ? until_us : s->end_us;
	int64_t due = until <= s->begin_us ? 0 : (int64_t) ceil((double) (until - s->begin_us) * s->rate / 1e6);
	int64_t left = s->count > 0 ? s->count - s->measured : INT64_MAX;
	int64_t missed = due - s->taken;
	pthread_mutex_unlock(&s->lock);
	missed = missed < left ? missed : left;
	return missed > 0 ? missed : 0;
}

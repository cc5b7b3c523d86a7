#include "wfe/visits.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/ip.h"
#include "lib/base/metrics.h"
#include "lib/crypto/digest.h"

#define LIMIT_NAME "VisitsPerIPAddress"
#define DOCTOR_LIMIT_NAME "DoctorPerIPAddress"
#define SETS 4096
#define WAYS 4
#define MINUTE_US INT64_C(60000000)
#define HOUR_US INT64_C(3600000000)
#define SECOND_US INT64_C(1000000)

/* Who, and when all visits are free again, by clock_monotonic_us. */
struct visitor {
	uint64_t key;
	int64_t whole_us;
};

struct bound {
	const char *name; /* of the limit */
	const char *what;
	const char *period;
	int64_t period_us;
	int64_t count; /* in a period; 0: any number */
	int64_t at_once;
};

struct visits {
	struct bound bound;
	pthread_mutex_t lock; /* held for some instructions */
	uint64_t seed;        /* so that nobody can choose who shares a place with whom */
	struct visitor set[SETS][WAYS];
};

static struct visits *make(struct arena *a, struct bound bound)
{
	struct visits *visits = ARENA_NEW(a, struct visits);
	visits->bound = bound;
	pthread_mutex_init(&visits->lock, NULL);
	random_bytes(&visits->seed, sizeof(visits->seed));
	return visits;
}

struct visits *visits_new(struct arena *a, const struct config_wfe *config)
{
	return make(a, (struct bound) { LIMIT_NAME, "requests without a signature", "a minute", MINUTE_US,
	                   config->visits_per_minute, config->visits_at_once });
}

struct visits *visits_new_for_doctor(struct arena *a, int64_t per_hour)
{
	return make(a, (struct bound) { DOCTOR_LIMIT_NAME, "looks at names", "an hour", HOUR_US, per_hour, per_hour });
}

/* No network of IPv6 that is in use begins with 31 zeros and a one, so IPv4 has its own. */
static uint64_t key_of(const struct ip *ip)
{
	uint64_t key = 1;
	for (size_t i = 0; i < (ip->v6 ? 8 : 4); i++) {
		key = key << 8 | ip->b[i];
	}
	return key;
}

static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/* The visitor's place, which may be that of who was quiet for longest. */
static struct visitor *find(struct visits *visits, uint64_t key)
{
	struct visitor *set = visits->set[mixed(key ^ visits->seed) % SETS];
	struct visitor *oldest = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key == key) {
			return &set[i];
		}
		oldest = set[i].whole_us < oldest->whole_us ? &set[i] : oldest;
	}
	*oldest = (struct visitor) { .key = key };
	return oldest;
}

/* Microseconds to wait; 0: the visit is taken (GCRA, as acme.take_limits does it). */
static int64_t take(struct visits *visits, uint64_t key, int64_t now_us)
{
	int64_t step_us = visits->bound.period_us / visits->bound.count;
	pthread_mutex_lock(&visits->lock);
	struct visitor *visitor = find(visits, key);
	int64_t whole_us = (visitor->whole_us > now_us ? visitor->whole_us : now_us) + step_us;
	int64_t wait_us = whole_us - step_us * visits->bound.at_once - now_us;
	if (wait_us <= 0) {
		visitor->whole_us = whole_us;
	}
	pthread_mutex_unlock(&visits->lock);
	return wait_us > 0 ? wait_us : 0;
}

int visits_admit(struct ctx *c, struct visits *visits, const char *address)
{
	struct ip ip;
	if (visits == NULL || visits->bound.count == 0 || address == NULL || ip_parse(address, &ip) != 0) {
		return 0;
	}
	int64_t wait_us = take(visits, key_of(&ip), clock_monotonic_us());
	if (wait_us == 0) {
		return 0;
	}
	int64_t wait_s = (wait_us + SECOND_US - 1) / SECOND_US;
	metric_add(METRIC_limits_refused, visits->bound.name, 1);
	ctx_rule(c, visits->bound.name);
	c->err.retry_after_s = wait_s;
	return FAIL(c, RATE_LIMITED,
	    "Too many %s from %s: the limit %s is %lld %s%s, at most %lld at once. Come again in %lld second(s)",
	    visits->bound.what, address, visits->bound.name, (long long) visits->bound.count, visits->bound.period,
	    ip.v6 ? " for a network of 64 bits" : "", (long long) visits->bound.at_once, (long long) wait_s);
}

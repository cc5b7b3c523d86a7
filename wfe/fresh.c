#include "wfe/fresh.h"

#include <pthread.h>
#include <string.h>

#define SLOTS 1024
#define LIFE_US INT64_C(2000000)

/* A slot is chosen by the id's random part; a newer authorization takes the place of an older one. */
static struct slot {
	struct id id;
	struct id account_id;
	struct timestamp expires_at;
	int64_t until_us; /* 0: nothing is here */
	size_t n;
	uint8_t json[FRESH_OCTETS_MAX];
} slots[SLOTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all slots; held for some instructions */

static struct slot *slot_of(struct id id)
{
	return &slots[((size_t) id.b[13] << 8 | id.b[14]) % SLOTS];
}

void fresh_keep(struct id id, const struct fresh *authorization, struct timestamp expires_at)
{
	struct slot *slot = slot_of(id);
	struct bytes json = authorization->json;
	if (json.n == 0 || json.n > sizeof(slot->json)) {
		return;
	}
	pthread_mutex_lock(&lock);
	slot->id = id;
	slot->account_id = authorization->account_id;
	slot->expires_at = expires_at;
	slot->until_us = clock_monotonic_us() + LIFE_US;
	slot->n = json.n;
	memcpy(slot->json, json.p, json.n);
	pthread_mutex_unlock(&lock);
}

bool fresh_take(struct ctx *c, struct id id, struct fresh *ret)
{
	struct slot *slot = slot_of(id);
	pthread_mutex_lock(&lock);
	bool here = id_equal(slot->id, id);
	bool found = here && slot->until_us > clock_monotonic_us() && slot->expires_at.us > clock_now().us;
	if (found) {
		*ret = (struct fresh) { slot->account_id, arena_bytes(c->arena, slot->json, slot->n) };
	}
	if (here) {
		slot->until_us = 0;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

void fresh_drop(struct id id)
{
	struct slot *slot = slot_of(id);
	pthread_mutex_lock(&lock);
	if (id_equal(slot->id, id)) {
		slot->until_us = 0;
	}
	pthread_mutex_unlock(&lock);
}

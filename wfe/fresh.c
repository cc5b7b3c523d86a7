#include "wfe/fresh.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/die.h"

#define SLOTS 1024
#define LIFE_US INT64_C(2000000)

/* A slot is chosen by the id's random part; a newer authorization takes the place of an older one. */
static struct slot {
	struct id id;
	struct id account_id;
	struct timestamp expires_at;
	int64_t until_us;
	uint8_t *json;
	size_t n;
} slots[SLOTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all slots; held for some instructions */

static struct slot *slot_of(struct id id)
{
	return &slots[((size_t) id.b[13] << 8 | id.b[14]) % SLOTS];
}

static void empty(struct slot *slot)
{
	free(slot->json);
	*slot = (struct slot) { .json = NULL };
}

void fresh_keep(struct id id, const struct fresh *authorization, struct timestamp expires_at)
{
	size_t n = authorization->json.n;
	if (n > FRESH_OCTETS_MAX) {
		return;
	}
	uint8_t *copy = malloc(n + 1);
	if (copy == NULL) {
		die("out of memory");
	}
	memcpy(copy, authorization->json.p, n);
	struct slot *slot = slot_of(id);
	pthread_mutex_lock(&lock);
	empty(slot);
	*slot = (struct slot) { id, authorization->account_id, expires_at, clock_monotonic_us() + LIFE_US, copy, n };
	pthread_mutex_unlock(&lock);
}

bool fresh_take(struct ctx *c, struct id id, struct fresh *ret)
{
	struct slot *slot = slot_of(id);
	pthread_mutex_lock(&lock);
	bool here = slot->json != NULL && id_equal(slot->id, id);
	bool found = here && slot->until_us > clock_monotonic_us() && slot->expires_at.us > clock_now().us;
	if (found) {
		*ret = (struct fresh) { slot->account_id, arena_bytes(c->arena, slot->json, slot->n) };
	}
	if (here) {
		empty(slot);
	}
	pthread_mutex_unlock(&lock);
	return found;
}

void fresh_drop(struct id id)
{
	struct slot *slot = slot_of(id);
	pthread_mutex_lock(&lock);
	if (slot->json != NULL && id_equal(slot->id, id)) {
		empty(slot);
	}
	pthread_mutex_unlock(&lock);
}

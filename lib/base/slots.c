#include "lib/base/slots.h"

#include <string.h>

#include "lib/base/clock.h"

/* The last octet of an id may tell the number of a challenge, so the two before it choose. */
static size_t place_of(const struct slots *s, struct id id)
{
	return ((size_t) id.b[13] << 8 | id.b[14]) % s->count;
}

static size_t size_of(const struct bytes *parts, size_t n)
{
	size_t size = 0;
	for (size_t i = 0; i < n; i++) {
		size += parts[i].n;
	}
	return size;
}

void slots_keep(struct slots *s, struct id id, const struct bytes *parts, size_t n)
{
	size_t place = place_of(s, id);
	size_t size = size_of(parts, n);
	if (size > s->size) {
		slots_drop(s, id);
		return;
	}
	pthread_mutex_lock(&s->lock);
	uint8_t *to = s->values + place * s->size;
	for (size_t i = 0; i < n; i++) {
		memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
	s->slot[place] = (struct slot) { id, clock_monotonic_us() + s->life_us, size };
	pthread_mutex_unlock(&s->lock);
}

static bool find(struct slots *s, struct arena *a, struct id id, bool take, struct bytes *ret)
{
	size_t place = place_of(s, id);
	struct slot *slot = &s->slot[place];
	pthread_mutex_lock(&s->lock);
	bool found = id_equal(slot->id, id) && slot->until_us > clock_monotonic_us();
	if (found) {
		*ret = arena_bytes(a, s->values + place * s->size, slot->n);
		slot->until_us = take ? 0 : slot->until_us;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

bool slots_find(struct slots *s, struct arena *a, struct id id, struct bytes *ret)
{
	return find(s, a, id, false, ret);
}

bool slots_take(struct slots *s, struct arena *a, struct id id, struct bytes *ret)
{
	return find(s, a, id, true, ret);
}

void slots_drop(struct slots *s, struct id id)
{
	struct slot *slot = &s->slot[place_of(s, id)];
	pthread_mutex_lock(&s->lock);
	if (id_equal(slot->id, id)) {
		slot->until_us = 0;
	}
	pthread_mutex_unlock(&s->lock);
}

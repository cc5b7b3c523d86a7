/* What is known of an object for a while, so that nobody has to be asked: a table of a fixed number of slots, each with a
 * value of bounded size and for a bounded time. A slot is chosen by the random part of the id; a newer value takes the place
 * of an older one. So a value may be gone at any moment, and whoever finds none has another way. Safe from all threads. */
#ifndef CAIRN_BASE_SLOTS_H
#define CAIRN_BASE_SLOTS_H

#include <pthread.h>

#include "lib/base/arena.h"
#include "lib/base/id.h"

/* Where a value stands. */
struct slot {
	struct id id;
	int64_t until_us; /* of clock_monotonic_us; 0: nothing is here */
	size_t n;
};

/* Made by SLOTS alone. */
struct slots {
	pthread_mutex_t lock; /* for all slots; held for some instructions */
	struct slot *slot;
	uint8_t *values;
	size_t count;
	size_t size; /* of a value, at most */
	int64_t life_us;
};

/* The table of a `static struct slot slot[N]` and a `static uint8_t values[N][SIZE]`; N is at most 65536. */
#define SLOTS(slot_array, value_array, life) \
	{ \
		.lock = PTHREAD_MUTEX_INITIALIZER, .slot = (slot_array), .values = (value_array)[0], \
		.count = COUNT_OF(slot_array), .size = sizeof((value_array)[0]), .life_us = (life) \
	}

/* Keeps a value that is put together from n parts, in the place of an older one. One that is too large is not kept. */
void slots_keep(struct slots *s, struct id id, const struct bytes *parts, size_t n);

/* The value, if it is here: a copy in the arena, aligned for any type. */
bool slots_find(struct slots *s, struct arena *a, struct id id, struct bytes *ret);

/* The same; it is then here no more. */
bool slots_take(struct slots *s, struct arena *a, struct id id, struct bytes *ret);

/* Forgets the value. */
void slots_drop(struct slots *s, struct id id);

#endif

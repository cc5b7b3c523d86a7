#include "wfe/issued.h"

#include <pthread.h>
#include <string.h>

#define SLOTS 256
#define ISSUERS 8
#define LIFE_US INT64_C(30000000)
#define CHAIN_LIFE_US INT64_C(60000000) /* an issuer's chain is changed by hand, if ever */
#define URL_MAX 256

/* A slot is chosen by the id's random end; a newer certificate takes the place of an older one. */
static struct slot {
	struct id id;
	struct id account_id;
	int64_t until_us;
	size_t alternates;
	size_t n;
	char up[URL_MAX];
	uint8_t pem[ISSUED_OCTETS_MAX];
} slots[SLOTS];

static struct chain {
	char up[URL_MAX];
	int64_t until_us;
	size_t alternates;
	size_t n;
	uint8_t pem[ISSUED_OCTETS_MAX];
} chains[ISSUERS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all of it; held for some instructions */

static struct slot *slot_of(struct id id)
{
	return &slots[((size_t) id.b[14] << 8 | id.b[15]) % SLOTS];
}

static const struct chain *chain_find(const char *up)
{
	for (size_t i = 0; i < ISSUERS; i++) {
		if (chains[i].until_us > clock_monotonic_us() && strcmp(chains[i].up, up) == 0) {
			return &chains[i];
		}
	}
	return NULL;
}

static void keep(struct slot *slot, struct id id, const struct issued *leaf)
{
	const struct chain *chain = chain_find(leaf->up);
	if (chain == NULL || leaf->pem.n > ISSUED_OCTETS_MAX - chain->n) {
		return;
	}
	slot->id = id;
	slot->account_id = leaf->account_id;
	slot->until_us = clock_monotonic_us() + LIFE_US;
	slot->alternates = chain->alternates;
	slot->n = leaf->pem.n + chain->n;
	memcpy(slot->up, chain->up, sizeof(slot->up));
	memcpy(slot->pem, leaf->pem.p, leaf->pem.n);
	memcpy(slot->pem + leaf->pem.n, chain->pem, chain->n);
}

void issued_keep(struct id id, const struct issued *leaf)
{
	pthread_mutex_lock(&lock);
	keep(slot_of(id), id, leaf);
	pthread_mutex_unlock(&lock);
}

/* The place of the same issuer, else the one that is oldest. */
static struct chain *place_of(const char *up)
{
	struct chain *place = &chains[0];
	for (size_t i = 0; i < ISSUERS; i++) {
		if (strcmp(chains[i].up, up) == 0) {
			return &chains[i];
		}
		place = chains[i].until_us < place->until_us ? &chains[i] : place;
	}
	return place;
}

void issued_learn_chain(const char *up, struct bytes pem, size_t alternates)
{
	size_t n = strlen(up) + 1;
	if (n > URL_MAX || pem.n == 0 || pem.n > ISSUED_OCTETS_MAX) {
		return;
	}
	pthread_mutex_lock(&lock);
	struct chain *place = place_of(up);
	place->until_us = clock_monotonic_us() + CHAIN_LIFE_US;
	place->alternates = alternates;
	place->n = pem.n;
	memcpy(place->up, up, n);
	memcpy(place->pem, pem.p, pem.n);
	pthread_mutex_unlock(&lock);
}

bool issued_find(struct ctx *c, struct id id, struct issued *ret)
{
	const struct slot *slot = slot_of(id);
	pthread_mutex_lock(&lock);
	bool found = id_equal(slot->id, id) && slot->until_us > clock_monotonic_us();
	if (found) {
		*ret = (struct issued) { slot->account_id, arena_bytes(c->arena, slot->pem, slot->n),
			arena_text(c->arena, slot->up), slot->alternates };
	}
	pthread_mutex_unlock(&lock);
	return found;
}

#include "wfe/issued.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/slots.h"

#define SLOTS_N 256
#define ISSUERS 8
#define LIFE_US INT64_C(30000000)
#define CHAIN_LIFE_US INT64_C(60000000) /* an issuer's chain is changed by hand, if ever */
#define URL_MAX 256

/* What stands before the certificate and its chain. */
struct head {
	struct id account_id;
	size_t alternates;
	char up[URL_MAX];
};

static struct slot slot[SLOTS_N];
static uint8_t values[SLOTS_N][sizeof(struct head) + ISSUED_OCTETS_MAX];
static struct slots slots = SLOTS(slot, values, LIFE_US);

static struct chain {
	char up[URL_MAX];
	int64_t until_us;
	size_t alternates;
	size_t n;
	uint8_t pem[ISSUED_OCTETS_MAX];
} chains[ISSUERS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the chains; held for some instructions */

static const struct chain *chain_find(const char *up)
{
	for (size_t i = 0; i < ISSUERS; i++) {
		if (chains[i].until_us > clock_monotonic_us() && strcmp(chains[i].up, up) == 0) {
			return &chains[i];
		}
	}
	return NULL;
}

void issued_keep(struct id id, const struct issued *leaf)
{
	struct head head = { .account_id = leaf->account_id };
	pthread_mutex_lock(&lock);
	const struct chain *chain = chain_find(leaf->up);
	if (chain != NULL) {
		const struct bytes parts[] = { { (const uint8_t *) &head, sizeof(head) }, leaf->pem, { chain->pem, chain->n } };
		head.alternates = chain->alternates;
		memcpy(head.up, chain->up, sizeof(head.up));
		slots_keep(&slots, id, parts, COUNT_OF(parts));
	}
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
	struct bytes value;
	if (!slots_find(&slots, c->arena, id, &value)) {
		return false;
	}
	const struct head *head = (const void *) value.p;
	*ret = (struct issued) { head->account_id, { value.p + sizeof(*head), value.n - sizeof(*head) }, head->up,
		head->alternates };
	return true;
}

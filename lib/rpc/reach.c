#include "lib/rpc/reach.h"

#include <stdatomic.h>

#define ADDRESSES_MAX 16 /* those beyond are always tried */
#define FIRST_REST_US 100000
#define DEAD_REST_US INT64_C(1000000) /* a process that died is there again within a second (design 10) */
#define SILENT_REST_US INT64_C(2000000)

struct reach {
	_Atomic int64_t heard_us;
	_Atomic int64_t rest_until_us; /* 0: it answers */
	_Atomic int64_t rest_us;
	atomic_bool silent;
};

static struct reach all[RPC_SERVICE_COUNT][ADDRESSES_MAX];

static struct reach *find(enum rpc_service service, unsigned address)
{
	return address < ADDRESSES_MAX ? &all[service][address] : NULL;
}

void reach_answered(enum rpc_service service, unsigned address)
{
	struct reach *r = find(service, address);
	if (r != NULL) {
		atomic_store_explicit(&r->heard_us, clock_monotonic_us(), memory_order_relaxed);
		if (atomic_load_explicit(&r->rest_until_us, memory_order_relaxed) != 0) {
			atomic_store(&r->rest_until_us, 0);
			atomic_store(&r->rest_us, 0);
			atomic_store(&r->silent, false);
		}
	}
}

void reach_failed(enum rpc_service service, unsigned address, int64_t began_us, bool silent)
{
	struct reach *r = find(service, address);
	if (r == NULL || atomic_load(&r->heard_us) > began_us) {
		return;
	}
	int64_t now = clock_monotonic_us();
	int64_t most = silent ? SILENT_REST_US : DEAD_REST_US;
	int64_t rest = atomic_load(&r->rest_us) * 2;
	rest = rest < FIRST_REST_US ? FIRST_REST_US : rest;
	rest = silent || rest > most ? most : rest;
	atomic_store(&r->silent, silent);
	atomic_store(&r->rest_us, rest);
	atomic_store(&r->rest_until_us, now + rest);
}

bool reach_silent(enum rpc_service service, unsigned address)
{
	const struct reach *r = find(service, address);
	return r != NULL && atomic_load(&r->silent);
}

/* True for one of those who ask once its rest is over: it is looked at again by that one. */
static bool may_try(struct reach *r)
{
	if (r == NULL) {
		return true;
	}
	int64_t until = atomic_load_explicit(&r->rest_until_us, memory_order_relaxed);
	int64_t now = until == 0 ? 0 : clock_monotonic_us();
	int64_t next = now + atomic_load_explicit(&r->rest_us, memory_order_relaxed);
	return until == 0 || (now >= until && atomic_compare_exchange_strong(&r->rest_until_us, &until, next));
}

unsigned reach_choose(enum rpc_service service, unsigned first, size_t n, bool *ret_down)
{
	*ret_down = false;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = (unsigned) ((first + i) % n);
		if (may_try(find(service, at))) {
			return at;
		}
	}
	*ret_down = true;
	return n == 0 ? 0 : (unsigned) (first % n);
}

void reach_forget(void)
{
	for (size_t s = 0; s < RPC_SERVICE_COUNT; s++) {
		for (size_t i = 0; i < ADDRESSES_MAX; i++) {
			struct reach *r = &all[s][i];
			atomic_store(&r->heard_us, 0);
			atomic_store(&r->rest_until_us, 0);
			atomic_store(&r->rest_us, 0);
			atomic_store(&r->silent, false);
		}
	}
}

#include "lib/rpc/client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/config.h"
#include "lib/base/die.h"
#include "lib/rpc/exchange.h"
#include "lib/rpc/reach.h"

static struct rpc_client_options options;
static struct http_client_tls tls;
static atomic_uint generation;
static atomic_uint turn; /* threads begin at different addresses */

/* The connections of one thread at a time. */
struct caller {
	struct http_client *http;
	unsigned generation; /* of the certificates */
	struct caller *next;
};

static _Thread_local struct caller *mine;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct caller *parked; /* the last one first: it was used last */

static _Thread_local unsigned preferred[RPC_SERVICE_COUNT];
static _Thread_local bool has_preferred;

void rpc_client_configure(const struct rpc_client_options *o)
{
	/* Lives as long as the process. */
	static struct arena *arena;
	struct arena *a = arena_new();
	options = (struct rpc_client_options) {
		.cert_file = arena_text(a, o->cert_file),
		.key_file = arena_text(a, o->key_file),
		.ca_file = arena_text(a, o->ca_file),
	};
	memcpy(options.attempt_ms, o->attempt_ms, sizeof(options.attempt_ms));
	reach_forget();
	for (size_t s = 0; s < RPC_SERVICE_COUNT; s++) {
		const struct text_list *from = &o->addresses[s];
		options.addresses[s] = (struct text_list) { ARENA_ARRAY(a, from->n, const char *), from->n };
		for (size_t i = 0; i < from->n; i++) {
			options.addresses[s].v[i] = arena_text(a, from->v[i]);
		}
	}
	tls = (struct http_client_tls) { options.cert_file, options.key_file, options.ca_file };
	arena_free(arena);
	arena = a;
	rpc_client_reload();
}

void rpc_client_reload(void)
{
	atomic_fetch_add(&generation, 1);
}

static struct caller *take_parked(void)
{
	pthread_mutex_lock(&lock);
	struct caller *one = parked;
	if (one != NULL) {
		parked = one->next;
	}
	pthread_mutex_unlock(&lock);
	return one;
}

void rpc_client_thread_park(void)
{
	if (mine != NULL) {
		pthread_mutex_lock(&lock);
		mine->next = parked;
		parked = mine;
		pthread_mutex_unlock(&lock);
		mine = NULL;
	}
}

void rpc_client_thread_end(void)
{
	if (mine != NULL) {
		http_client_free(mine->http);
		free(mine);
		mine = NULL;
	}
}

const struct rpc_client_options *rpc_client_options_now(void)
{
	return &options;
}

const struct http_client_tls *rpc_client_tls(void)
{
	return &tls;
}

unsigned rpc_client_generation(void)
{
	return atomic_load(&generation);
}

static struct http_client *client_of_thread(void)
{
	mine = mine == NULL ? take_parked() : mine;
	if (mine != NULL && mine->generation != rpc_client_generation()) {
		rpc_client_thread_end();
	}
	if (mine == NULL) {
		mine = calloc(1, sizeof(*mine));
		if (mine == NULL) {
			die("out of memory");
		}
		*mine = (struct caller) { .http = http_client_new(&tls), .generation = rpc_client_generation() };
	}
	if (!has_preferred) {
		unsigned my_turn = atomic_fetch_add(&turn, 1);
		for (size_t i = 0; i < RPC_SERVICE_COUNT; i++) {
			preferred[i] = my_turn;
		}
		has_preferred = true;
	}
	return mine->http;
}

/* address NULL: the service's own. */
static int run(struct ctx *c, const struct rpc_stub *stub, const char *address, const void *in, void *response)
{
	struct http_client *h = client_of_thread();
	struct rpc_exchange x;
	TRY(rpc_exchange_begin(&x, c, stub, in, address, preferred[stub->service]));
	int result;
	int64_t wait_ms = 0;
	do {
		if (wait_ms > 0) {
			(void) usleep((useconds_t) wait_ms * 1000);
		}
		result = rpc_exchange_try(&x, true) == 0 ? http_client_post(c, h, &x.call) : -1;
	} while (rpc_exchange_again(&x, result, response, &result, &wait_ms));
	/* Stay where it went well: that connection is kept. */
	preferred[stub->service] = x.at;
	return result;
}

#define RPC_REPEAT true
#define RPC_ONCE false
#define STUB(service_name, Method, verb, request_type, response_type, limit_ms, may_repeat) \
	static const struct rpc_stub stub_##service_name##_##verb = { \
		.service = RPC_SERVICE_##service_name, \
		.method = #Method, \
		.name = #service_name "." #Method, \
		.request = &request_type##_fields, \
		.response = &response_type##_fields, \
		.deadline_ms = (limit_ms), \
		.repeat = (may_repeat), \
	};
#define RPC(service_name, Method, verb, request_type, response_type, callers, limit_ms, may_repeat) \
	STUB(service_name, Method, verb, request_type, response_type, limit_ms, may_repeat) \
	int rpc_##service_name##_##verb(struct ctx *c, const struct request_type *in, struct response_type *ret) \
	{ \
		return run(c, &stub_##service_name##_##verb, NULL, in, ret); \
	}
#define RPC_LATER RPC
#define RPC_AT(service_name, Method, verb, request_type, response_type, callers, limit_ms, may_repeat) \
	STUB(service_name, Method, verb, request_type, response_type, limit_ms, may_repeat) \
	int rpc_##service_name##_##verb( \
	    struct ctx *c, const char *address, const struct request_type *in, struct response_type *ret) \
	{ \
		return run(c, &stub_##service_name##_##verb, address, in, ret); \
	}
#include "lib/rpc/methods.def"
#undef RPC
#undef RPC_LATER
#undef RPC_AT

const struct rpc_stub *rpc_stub_va_validate(void)
{
	return &stub_va_validate;
}

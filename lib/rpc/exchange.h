/* One call of a client with its attempts: which address, when again, what the outcome means. The blocking stubs
 * (client.c) and the loop (loop.c) both go by it. */
#ifndef CAIRN_RPC_EXCHANGE_H
#define CAIRN_RPC_EXCHANGE_H

#include "lib/http/client.h"
#include "lib/rpc/client.h"

struct rpc_stub {
	enum rpc_service service;
	const char *method; /* "NewOrder" */
	const char *name;   /* "ra.NewOrder" */
	const struct fields *request;
	const struct fields *response;
	int64_t deadline_ms;
	bool repeat;
};

struct rpc_exchange {
	const struct rpc_stub *stub;
	struct ctx *c;
	struct http_call call;
	const char *headers[5];
	struct text_list addresses;
	unsigned first;     /* the address that is tried first */
	unsigned at;        /* the one that was tried last */
	bool own_addresses; /* of the service: what is known of them counts (reach.h) */
	unsigned tries;
	unsigned busy; /* how often it was answered that the service is not available */
	int64_t begin_us;
	int64_t callers_deadline_us; /* of c, put back at the end */
	int64_t deadline_us;         /* of the whole call; c has that of the attempt under way */
	int64_t attempt_us;          /* when that began */
	bool held_off;               /* not tried, as nobody answers there */
};

/* What rpc_client_configure was told; NULL texts before. */
const struct rpc_client_options *rpc_client_options_now(void);
const struct http_client_tls *rpc_client_tls(void);
unsigned rpc_client_generation(void);
const struct rpc_stub *rpc_stub_va_validate(void);

/* Encodes the request. address NULL: the service's own addresses, beginning with number `first`. FAIL: UNAVAILABLE when
 * the service has no address. */
int rpc_exchange_begin(struct rpc_exchange *x, struct ctx *c, const struct rpc_stub *stub, const void *in,
    const char *address, unsigned first) MUST_CHECK;

/* Sets x->call for the next attempt, and the deadline of c to its end. FAIL: UNAVAILABLE when may_hold_off and all that is known of the
 * service is that it takes calls and does not answer: then few are made, so that not every thread waits for it. */
int rpc_exchange_try(struct rpc_exchange *x, bool may_hold_off) MUST_CHECK;

/* After an attempt that ended with `result`: true when another one is due in *ret_wait_ms; else the call has ended with
 * *ret_result, and the response or the error in c. */
bool rpc_exchange_again(struct rpc_exchange *x, int result, void *response, int *ret_result, int64_t *ret_wait_ms);

#endif

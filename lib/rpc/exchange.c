#include "lib/rpc/exchange.h"

#include <string.h>

#include "lib/base/metrics.h"
#include "lib/rpc/error.h"
#include "lib/rpc/reach.h"

#define PATIENCE_US 4000000 /* a process that died is there again within a second (design 10) */
#define FIRST_WAIT_MS 20
#define MAX_WAIT_MS 500
#define SILENT_US 2500000
#define PROBE_MS 3000 /* for a call that finds out whether a silent service is there again */

static const struct {
	const char *path;
	const char *certificate_name;
} services[RPC_SERVICE_COUNT] = {
#define SERVICE(name, path, certificate_name) [RPC_SERVICE_##name] = { path, certificate_name },
#include "lib/rpc/services.def"
#undef SERVICE
};

static void set_headers(struct rpc_exchange *x)
{
	struct arena *a = x->c->arena;
	char id[ID_TEXT_SIZE];
	id_encode(x->c->request_id, id);
	size_t n = 0;
	x->headers[n++] = "Content-Type: application/json";
	x->headers[n++] = "Connect-Protocol-Version: 1";
	x->headers[n++] = arena_printf(a, "Cairn-Request-Id: %s", id);
	x->headers[n++] = NULL; /* Connect-Timeout-Ms, anew for each attempt */
	x->headers[n] = NULL;
}

int rpc_exchange_begin(struct rpc_exchange *x, struct ctx *c, const struct rpc_stub *stub, const void *in,
    const char *address, unsigned first)
{
	*x = (struct rpc_exchange) {
		.stub = stub,
		.c = c,
		.first = first,
		.begin_us = clock_monotonic_us(),
		.callers_deadline_us = c->deadline_us,
	};
	x->addresses = rpc_client_options_now()->addresses[stub->service];
	if (address != NULL) {
		x->addresses = (struct text_list) { ARENA_ARRAY(c->arena, 1, const char *), 1 };
		x->addresses.v[0] = arena_text(c->arena, address);
	}
	if (x->addresses.n == 0) {
		ctx_cause(c, "%s: no address is configured", stub->name);
		return FAIL(c, UNAVAILABLE, NULL);
	}
	x->own_addresses = address == NULL;
	ctx_limit_ms(c, stub->deadline_ms);
	x->deadline_us = c->deadline_us;
	set_headers(x);
	x->call = (struct http_call) {
		.host = services[stub->service].certificate_name,
		.path = arena_printf(c->arena, "/%s/%s", services[stub->service].path, stub->method),
		.headers = x->headers,
		.body = fields_to_json(c->arena, stub->request, in),
		.max_reply = RPC_REPLY_MAX,
	};
	return 0;
}

/* For one attempt, the rest is for other addresses; 0: no limit of its own. */
static int64_t attempt_ms(const struct rpc_exchange *x)
{
	int64_t set = rpc_client_options_now()->attempt_ms[x->stub->service];
	if (set > 0) {
		return set;
	}
	return x->stub->repeat && x->addresses.n > 1 ? x->stub->deadline_ms / 2 : 0;
}

static int choose(struct rpc_exchange *x, bool may_hold_off)
{
	enum rpc_service service = x->stub->service;
	bool down = false;
	x->at = (unsigned) ((x->first + x->tries) % x->addresses.n);
	if (!x->own_addresses) {
		return 0;
	}
	x->at = reach_choose(service, x->at, x->addresses.n, &down);
	if (may_hold_off && reach_silent(service, x->at)) {
		ctx_limit_ms(x->c, PROBE_MS);
		if (down) {
			x->held_off = true;
			ctx_cause(x->c, "%s takes calls and does not answer", x->addresses.v[x->at]);
			return FAIL(x->c, UNAVAILABLE, "A service does not answer");
		}
	}
	return 0;
}

int rpc_exchange_try(struct rpc_exchange *x, bool may_hold_off)
{
	struct ctx *c = x->c;
	int64_t limit_ms = attempt_ms(x);
	if (limit_ms > 0) {
		ctx_limit_ms(c, limit_ms);
	}
	int result = choose(x, may_hold_off);
	x->call.address = x->addresses.v[x->at];
	x->headers[3] =
	    arena_printf(c->arena, "Connect-Timeout-Ms: %lld", (long long) ctx_left_ms(c, x->stub->deadline_ms));
	x->attempt_us = clock_monotonic_us();
	x->tries++;
	return result;
}

/* What the attempt tells of the address; one that a caller in a hurry cut short tells nothing. */
static void note(const struct rpc_exchange *x, bool answered)
{
	if (!x->own_addresses || x->held_off) {
		return;
	}
	bool silent = clock_monotonic_us() - x->attempt_us >= SILENT_US;
	if (answered) {
		reach_answered(x->stub->service, x->at);
	} else if (silent || x->c->err.type != PROBLEM_DEADLINE) {
		reach_failed(x->stub->service, x->at, x->attempt_us, silent);
	}
}

static int read_reply(struct rpc_exchange *x, void *response)
{
	struct ctx *c = x->c;
	if (x->call.status != 200) {
		return rpc_error_parse(c, x->call.status, x->call.reply);
	}
	if (fields_parse_json(c, x->stub->response, x->call.reply, response) == 0) {
		return 0;
	}
	struct err err = c->err;
	ctx_forgive(c);
	ctx_cause(c, "%s answered what can't be read: %s", x->stub->name, err.detail);
	return FAIL(c, SERVER_INTERNAL, NULL);
}

/* The call has ended; c is as its owner had it. */
static bool end(struct rpc_exchange *x, int result, int *ret_result)
{
	struct ctx *c = x->c;
	c->deadline_us = x->callers_deadline_us;
	metric_add(METRIC_rpc_calls, x->stub->name, 1);
	metric_observe_us(METRIC_rpc_call_seconds, x->stub->name, clock_monotonic_us() - x->begin_us);
	if (result != 0) {
		metric_add(METRIC_rpc_call_errors, problem_info(c->err.type)->code, 1);
	}
	*ret_result = result;
	return false;
}

static int uncertain(struct ctx *c)
{
	struct err err = c->err;
	ctx_forgive(c);
	ctx_cause(c, "%s", err.cause == NULL ? err.detail : err.cause);
	return FAIL(c, WRITE_UNCERTAIN, NULL);
}

/* The first round over the addresses is without a pause. */
static int64_t wait_ms(const struct rpc_exchange *x)
{
	unsigned round = x->tries / (unsigned) x->addresses.n;
	if (x->tries % x->addresses.n != 0) {
		return 0;
	}
	int64_t ms = FIRST_WAIT_MS << (round < 6 ? round - 1 : 5);
	return ms < MAX_WAIT_MS ? ms : MAX_WAIT_MS;
}

/* An attempt that took too long is not made again, unless at another address. */
static bool may_go_elsewhere(const struct rpc_exchange *x, bool answered)
{
	return x->c->err.type == PROBLEM_DEADLINE && !answered && x->stub->repeat && x->tries < x->addresses.n &&
	       ctx_left_ms(x->c, 2) > 1;
}

static bool may_repeat(struct rpc_exchange *x, bool answered, int64_t wait)
{
	enum problem p = x->c->err.type;
	bool worth = p == PROBLEM_UNAVAILABLE || (p == PROBLEM_WRITE_UNCERTAIN && x->stub->repeat);
	x->busy += answered;
	return worth && !x->held_off && x->busy <= x->addresses.n && ctx_left_ms(x->c, wait + 1) > wait &&
	       clock_monotonic_us() - x->begin_us + wait * 1000 < PATIENCE_US;
}

bool rpc_exchange_again(struct rpc_exchange *x, int result, void *response, int *ret_result, int64_t *ret_wait_ms)
{
	struct ctx *c = x->c;
	bool answered = result == 0;
	note(x, answered);
	c->deadline_us = x->deadline_us;
	if (answered && read_reply(x, response) == 0) {
		return end(x, 0, ret_result);
	}
	/* Style 13: what may have run and is not safe to run twice is told as such. */
	if (!answered && x->call.sent && !x->stub->repeat) {
		return end(x, uncertain(c), ret_result);
	}
	int64_t wait = wait_ms(x);
	if (!may_go_elsewhere(x, answered) && !may_repeat(x, answered, wait)) {
		return end(x, -1, ret_result);
	}
	ctx_forgive(c);
	*ret_wait_ms = wait;
	return true;
}

#include "lib/rpc/server.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/config.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/rpc/error.h"

#define MAX_BODY (1024 * 1024)
#define IDLE_S 60
#define REQUEST_LIMIT_MS 120000 /* above every row of methods.def */

struct rpc_server {
	struct http_server *http;
	struct rpc_server_options options;
};

struct rpc_call {
	struct http_request *request;
	const struct rpc_method *method;
	int64_t begin_us;
};

static void reply_error(struct http_request *r, unsigned status)
{
	unsigned by_code;
	struct bytes body = rpc_error_encode(&r->ctx, &by_code);
	if (r->ctx.err.retry_after_s > 0) {
		http_reply_header(r, "Retry-After", arena_printf(r->ctx.arena, "%lld", (long long) r->ctx.err.retry_after_s));
	}
	http_reply(r, status == 0 ? by_code : status, "application/json", body);
}

static void finish(const struct rpc_call *call, int result, const void *response)
{
	struct http_request *r = call->request;
	struct ctx *c = &r->ctx;
	metric_add(METRIC_rpc_served, call->method->name, 1);
	metric_observe_us(METRIC_rpc_serve_seconds, call->method->name, clock_monotonic_us() - call->begin_us);
	if (result == 0) {
		http_reply(r, 200, "application/json", fields_to_json(c->arena, call->method->response, response));
		log_event(c, LOG_DEBUG, "call served", "method", call->method->name, NULL);
		return;
	}
	reply_error(r, 0);
	/* A service that has no room or that drains: its caller goes elsewhere or comes back, and logs an error if it does not get on. */
	enum log_level level = c->err.type == PROBLEM_UNAVAILABLE ? LOG_WARN : LOG_ERROR;
	log_error(c, problem_info(c->err.type)->status >= 500 ? level : LOG_DEBUG, call->method->name);
}

static const struct rpc_method *find_method(const struct rpc_server *s, const char *path)
{
	const char *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;
	if (slash == NULL) {
		return NULL;
	}
	struct bytes service = { (const uint8_t *) path + 1, (size_t) (slash - path - 1) };
	for (size_t i = 0; i < s->options.n_methods; i++) {
		const struct rpc_method *m = &s->options.methods[i];
		if (bytes_equal_text(service, m->service) && strcmp(slash + 1, m->method) == 0) {
			return m;
		}
	}
	return NULL;
}

static bool is_json(const char *type)
{
	size_t n = strlen("application/json");
	return type != NULL && strncasecmp(type, "application/json", n) == 0 &&
	       (type[n] == '\0' || strspn(type + n, "; ") > 0);
}

/* The form of the call, before it is looked at who calls. 0, or the HTTP status with the error in the request. */
static unsigned check_form(const struct rpc_server *s, struct http_request *r, const struct rpc_method **ret)
{
	struct ctx *c = &r->ctx;
	const struct rpc_method *m = find_method(s, r->path);
	if (m == NULL) {
		(void) FAIL(c, METHOD_NOT_ALLOWED, "There is no such method");
		return 404;
	}
	if (strcmp(r->method, "POST") != 0) {
		http_reply_header(r, "Allow", "POST");
		(void) FAIL(c, METHOD_NOT_ALLOWED, "A method is called by POST");
		return 405;
	}
	const char *encoding = http_request_header(r, "Content-Encoding");
	if (!is_json(http_request_header(r, "Content-Type")) ||
	    (encoding != NULL && strcasecmp(encoding, "identity") != 0)) {
		http_reply_header(r, "Accept-Post", "application/json");
		(void) FAIL(c, UNSUPPORTED_MEDIA_TYPE, "The body has to be application/json, not compressed");
		return 415;
	}
	const char *version = http_request_header(r, "Connect-Protocol-Version");
	if (version != NULL && strcmp(version, "1") != 0) {
		(void) FAIL(c, MALFORMED, "The version of the protocol is not supported");
		return 400;
	}
	*ret = m;
	return 0;
}

/* One of the names between the bars. */
static bool may_call(const struct rpc_method *m, const char *caller)
{
	size_t n = strlen(caller);
	for (const char *at = m->callers; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (n > 0 && strncmp(at, caller, n) == 0 && (at[n] == '|' || at[n] == '\0')) {
			return true;
		}
	}
	return false;
}

static int check_rights(struct http_request *r, const struct rpc_method *m)
{
	struct ctx *c = &r->ctx;
	if (c->caller != NULL && may_call(m, c->caller)) {
		return 0;
	}
	metric_add(METRIC_rpc_refused, m->name, 1);
	log_event(c, LOG_WARN, "call refused for lack of rights", "method", m->name, "remote",
	    http_request_address(r, NULL), NULL);
	return FAIL(c, NOT_PERMITTED, "The caller has no right to this call");
}

static int take_id(struct http_request *r)
{
	struct ctx *c = &r->ctx;
	const char *id = http_request_header(r, "Cairn-Request-Id");
	if (id != NULL && id_parse(bytes_of_text(id), &c->request_id) != 0) {
		return FAIL(c, MALFORMED, "Cairn-Request-Id is not an id");
	}
	return 0;
}

/* The time that the call waited for a worker counts. */
static int take_deadline(struct http_request *r, const struct rpc_method *m)
{
	struct ctx *c = &r->ctx;
	int64_t limit_ms = m->deadline_ms;
	const char *timeout = http_request_header(r, "Connect-Timeout-Ms");
	if (timeout != NULL) {
		size_t n = strlen(timeout);
		if (n == 0 || n > 10 || strspn(timeout, "0123456789") != n) {
			return FAIL(c, MALFORMED, "Connect-Timeout-Ms is not a number of at most 10 digits");
		}
		int64_t asked = strtoll(timeout, NULL, 10);
		limit_ms = asked < limit_ms ? asked : limit_ms;
	}
	c->deadline_us -= (REQUEST_LIMIT_MS - limit_ms) * 1000;
	return ctx_left_ms(c, 1) > 0 ? 0 : FAIL(c, DEADLINE, "The time for the call is over");
}

static void handle(struct http_request *r, void *arg)
{
	const struct rpc_server *s = arg;
	struct ctx *c = &r->ctx;
	const struct rpc_method *m;
	unsigned status = check_form(s, r, &m);
	if (status != 0) {
		reply_error(r, status);
		return;
	}
	void *in = arena_alloc(c->arena, m->request->size);
	if (take_id(r) != 0 || check_rights(r, m) != 0 || take_deadline(r, m) != 0 ||
	    fields_parse_json(c, m->request, r->body, in) != 0) {
		reply_error(r, 0);
		return;
	}
	struct rpc_call *call = ARENA_NEW(c->arena, struct rpc_call);
	*call = (struct rpc_call) { .request = r, .method = m, .begin_us = clock_monotonic_us() };
	if (m->serve_later != NULL) {
		http_defer(r);
		m->serve_later(call, in);
		return;
	}
	void *ret = arena_alloc(c->arena, m->response->size);
	finish(call, m->serve(c, in, ret), ret);
}

static void refuse(struct http_request *r, void *arg)
{
	(void) arg;
	reply_error(r, problem_info(r->ctx.err.type)->status);
}

static bool is_later(const struct rpc_server_options *options)
{
	for (size_t i = 0; i < options->n_methods; i++) {
		if (options->methods[i].serve_later != NULL) {
			return true;
		}
	}
	return false;
}

static int parse_places(struct ctx *c, const struct text_list *listen, struct http_place *ret)
{
	if (listen->n == 0 || listen->n > HTTP_LISTEN_MAX) {
		return FAIL(c, MALFORMED, "An RPC server listens on 1 to %d addresses", HTTP_LISTEN_MAX);
	}
	for (size_t i = 0; i < listen->n; i++) {
		struct address at;
		if (address_parse(c->arena, listen->v[i], &at) != 0) {
			return FAIL(c, MALFORMED, "The address \"%.300s\" is not of the form host:port", listen->v[i]);
		}
		ret[i] = (struct http_place) { at.host, at.port };
	}
	return 0;
}

int rpc_server_start(struct ctx *c, const struct rpc_server_options *options, struct rpc_server **ret)
{
	struct http_place places[HTTP_LISTEN_MAX];
	TRY(parse_places(c, &options->listen, places));
	struct rpc_server *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		die("out of memory");
	}
	s->options = *options;
	struct http_server_options http = {
		.name = "rpc",
		.address = places[0].address,
		.port = places[0].port,
		.others = places + 1,
		.n_others = options->listen.n - 1,
		.cert_file = options->cert_file,
		.key_file = options->key_file,
		.client_ca_file = options->ca_file,
		.max_body = MAX_BODY,
		.workers = options->workers,
		.queue = options->queue,
		.max_connections = options->max_connections,
		.idle_timeout_s = IDLE_S,
		.request_limit_ms = REQUEST_LIMIT_MS,
		.handler = handle,
		.refuse = refuse,
		.threads = is_later(options) ? HTTP_THREADS_NONE : HTTP_THREADS_POOL,
		.release = options->release,
		.arg = s,
	};
	if (http_server_start(c, &http, &s->http) != 0) {
		free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

uint16_t rpc_server_port(const struct rpc_server *s)
{
	return http_server_port(s->http);
}

int rpc_server_reload(struct ctx *c, struct rpc_server *s)
{
	return http_server_reload(c, s->http);
}

void rpc_server_stop(struct rpc_server *s, int64_t deadline_ms)
{
	if (s == NULL) {
		return;
	}
	if (http_server_stop(s->http, deadline_ms)) {
		free(s);
	}
}

struct ctx *rpc_call_ctx(struct rpc_call *call)
{
	return &call->request->ctx;
}

void rpc_call_end(struct rpc_call *call, int result, const void *response)
{
	finish(call, result, response);
	http_finish(call->request);
}

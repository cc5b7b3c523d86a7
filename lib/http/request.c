#include "lib/http/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define PIECE_FIRST 4096

void http_request_begin(struct conn *conn)
{
	struct http_server *s = conn->server;
	struct request *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		die("out of memory");
	}
	ctx_init(&r->pub.ctx);
	if (s->options.threads == HTTP_THREADS_NONE) { /* those are deferred, by the thousand */
		arena_free(r->pub.ctx.arena);
		r->pub.ctx.arena = arena_new_small();
	}
	r->conn = conn;
	r->pub.server = s;
	r->pub.received_at = clock_now();
	r->pub.target = "";
	r->pub.remote = conn->remote;
	conn->request = r;
	http_conn_expect(conn, false, s->options.idle_timeout_s);
	pthread_mutex_lock(&s->lock);
	s->active++;
	pthread_mutex_unlock(&s->lock);
}

/* Once a connection, and again when the client CA was read anew. */
static int check_peer(struct request *r)
{
	struct http_server *s = r->pub.server;
	if (s->options.client_ca_file == NULL) {
		return 0;
	}
	struct ctx *c = &r->pub.ctx;
	struct conn *conn = r->conn;
	unsigned generation = tls_generation(s->tls);
	if (conn->tls_generation != generation) {
		if (tls_verify_peer(c, s->tls, conn->ssl, conn->caller) != 0) {
			log_event(c, LOG_WARN, "client certificate refused", "listener", s->options.name, "remote",
			    http_request_address(&r->pub, NULL), "cause", c->err.cause, NULL);
			return -1;
		}
		conn->tls_generation = generation;
	}
	c->caller = arena_text(c->arena, conn->caller);
	return 0;
}

static const char *refusal_reason(enum problem type)
{
	return type == PROBLEM_NOT_PERMITTED ? "certificate" : type == PROBLEM_MALFORMED ? "malformed" : "too_large";
}

/* Where the request ends is unknown, or far away. */
static bool refuse_early(struct request *r)
{
	r->early = true;
	http_refuse(r, refusal_reason(r->pub.ctx.err.type));
	return true;
}

static void advance(struct bytes *in, size_t n)
{
	*in = (struct bytes) { in->p + n, in->n - n };
}

/* Most heads come in one piece. */
static struct bytes head_so_far(struct request *r, struct bytes in)
{
	if (r->head.n == 0) {
		return in;
	}
	buffer_add(&r->head, in.p, in.n);
	return buffer_bytes(&r->head);
}

/* True when it is refused. */
static bool take_head(struct request *r, struct bytes *in)
{
	struct ctx *c = &r->pub.ctx;
	size_t before = r->head.n;
	struct bytes text = head_so_far(r, *in);
	int result = http_ask_parse(c, text, r->pub.server->options.max_body, &r->ask);
	r->pub.method = r->ask.method;
	r->pub.target = r->ask.target;
	r->pub.path = r->ask.path;
	r->pub.query = r->ask.query;
	if (result != 0) {
		return refuse_early(r);
	}
	if (r->ask.n == 0) {
		if (before == 0) {
			buffer_init(&r->head, c->arena, PIECE_FIRST);
			buffer_add(&r->head, in->p, in->n);
		}
		advance(in, in->n);
		return false;
	}
	advance(in, r->ask.n - before);
	r->keep = r->ask.keep;
	return check_peer(r) != 0 && refuse_early(r);
}

static void add_to_body(struct request *r, struct bytes piece, size_t expected)
{
	if (r->body.arena == NULL) {
		buffer_init(&r->body, r->pub.ctx.arena, expected);
	}
	buffer_add(&r->body, piece.p, piece.n);
}

static bool take_chunks(struct request *r, struct bytes *in)
{
	struct ctx *c = &r->pub.ctx;
	size_t max = r->pub.server->options.max_body;
	int result = 0;
	while (in->n > 0 && result == 0) {
		struct bytes piece;
		result = http_chunks_take(&r->chunks, in, &piece);
		if (piece.n > max - r->body.n) {
			result = FAIL(c, TOO_LARGE, "The body is larger than %zu octets", max);
		} else if (piece.n > 0) {
			add_to_body(r, piece, PIECE_FIRST);
		}
	}
	if (result < 0) {
		(void) FAIL(
		    c, MALFORMED, "The chunks of the body are not of the form that HTTP/1.1 has"); /* unless too large */
		return refuse_early(r);
	}
	return result == 1;
}

/* True when the body is whole, or refused. */
static bool take_body(struct request *r, struct bytes *in)
{
	if (r->ask.chunked) {
		return take_chunks(r, in);
	}
	size_t missing = r->ask.length - r->body.n;
	struct bytes piece = { in->p, in->n < missing ? in->n : missing };
	advance(in, piece.n);
	if (piece.n > 0) {
		/* Memory for a long one is there when its octets are. */
		add_to_body(r, piece, piece.n == missing ? piece.n : PIECE_FIRST);
	}
	return piece.n == missing;
}

bool http_request_take(struct request *r, struct bytes *in)
{
	if (r->ask.n == 0) {
		if (take_head(r, in)) {
			return true;
		}
		if (r->ask.n == 0) {
			return false;
		}
	}
	if (!take_body(r, in)) {
		return false;
	}
	if (r->body.n > 0) {
		r->pub.body = buffer_bytes(&r->body);
	}
	return true;
}

static const struct http_ask *ask_of(struct http_request *r)
{
	return &((const struct request *) (const void *) r)->ask;
}

const char *http_request_header(struct http_request *r, const char *name)
{
	const struct http_ask *ask = ask_of(r);
	for (size_t i = 0; i < ask->n_headers; i++) {
		if (strcasecmp(ask->headers[i].name, name) == 0) {
			return ask->headers[i].value;
		}
	}
	return NULL;
}

const struct http_header *http_request_headers(struct http_request *r, size_t *ret_n)
{
	const struct http_ask *ask = ask_of(r);
	*ret_n = ask->n_headers;
	return ask->headers;
}

const char *http_request_header_list(struct http_request *r, const char *name)
{
	const struct http_ask *ask = ask_of(r);
	const char *all = NULL;
	for (size_t i = 0; i < ask->n_headers; i++) {
		const struct http_header *one = &ask->headers[i];
		if (strcasecmp(one->name, name) == 0) {
			all = all == NULL ? one->value : arena_printf(r->ctx.arena, "%s, %s", all, one->value);
		}
	}
	return all;
}

size_t http_request_header_count(struct http_request *r, const char *name)
{
	const struct http_ask *ask = ask_of(r);
	size_t n = 0;
	for (size_t i = 0; i < ask->n_headers; i++) {
		n += strcasecmp(ask->headers[i].name, name) == 0;
	}
	return n;
}

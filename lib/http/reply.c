#include "lib/http/internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/base/metrics.h"
#include "lib/http/address.h"

#define SEND_LIMIT_S 60
#define HEADERS_STEP 8
#define GATHER_MAX 8192 /* with its head it fits into one record and into any socket's buffer */

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
	if (strpbrk(value, "\r\n") != NULL) {
		die("a header value with a line break: %s", name);
	}
	if (r->n_headers % HEADERS_STEP == 0) {
		struct http_header *grown = ARENA_ARRAY(r->ctx.arena, r->n_headers + HEADERS_STEP, struct http_header);
		for (size_t i = 0; i < r->n_headers; i++) {
			grown[i] = r->headers[i];
		}
		r->headers = grown;
	}
	r->headers[r->n_headers++] = (struct http_header) { .name = name, .value = arena_text(r->ctx.arena, value) };
}

void http_reply(struct http_request *r, unsigned status, const char *content_type, struct bytes body)
{
	r->status = status;
	r->reply = body;
	if (content_type != NULL) {
		http_reply_header(r, "Content-Type", content_type);
	}
}

static void refuse_in_text(struct http_request *r)
{
	const struct err *err = &r->ctx.err;
	if (err->retry_after_s > 0) {
		http_reply_header(r, "Retry-After", arena_printf(r->ctx.arena, "%lld", (long long) err->retry_after_s));
	}
	const char *text = arena_printf(r->ctx.arena, "%s\n", err->detail);
	http_reply(r, problem_info(err->type)->status, "text/plain; charset=utf-8", bytes_of_text(text));
}

void http_refuse(struct request *r, const char *reason)
{
	struct http_server *s = r->pub.server;
	metric_add(METRIC_http_refused, reason, 1);
	if (s->options.refuse != NULL) {
		s->options.refuse(&r->pub, s->options.arg);
	} else {
		refuse_in_text(&r->pub);
	}
	r->answered = true;
}

static const char *status_class(unsigned status)
{
	static const char *const classes[] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };
	return classes[status / 100 < COUNT_OF(classes) ? status / 100 : 0];
}

/* Without this, head and body would be two records and two system calls, and the client would wake up twice. */
static void gather(struct request *r)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->pub.connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (r->pub.server->tls != NULL && info != NULL && r->pub.reply.n <= GATHER_MAX) {
		gnutls_record_cork(info->tls_session);
		r->gathered = true;
	}
}

void http_reply_send(struct request *r)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->pub.connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!r->gathered) {
		return;
	}
	/* No room for one record means that the client has left all that it asked for before unread. */
	if (info == NULL || gnutls_record_uncork(info->tls_session, 0) < 0) {
		shutdown(r->conn->fd, SHUT_RDWR);
	}
	int on = 1; /* libmicrohttpd has corked the socket; this pushes what is in it */
	(void) setsockopt(r->conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

enum MHD_Result http_reply_queue(struct request *r)
{
	struct http_server *s = r->pub.server;
	/* A handler that did not answer is a bug, not something that a client may wait for. */
	unsigned status = r->pub.status == 0 ? 500 : r->pub.status;
	/* The octets lie in the arena, which outlives the answer. */
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(r->pub.reply.n, (void *) (uintptr_t) r->pub.reply.p, MHD_RESPMEM_PERSISTENT);
	if (response == NULL) {
		die("out of memory");
	}
	for (size_t i = 0; i < r->pub.n_headers; i++) {
		/* It refuses empty values; a header that says nothing is left out. */
		(void) MHD_add_response_header(response, r->pub.headers[i].name, r->pub.headers[i].value);
	}
	if (atomic_load(&s->draining)) {
		(void) MHD_add_response_header(response, "Connection", "close");
	}
	r->queued = true;
	metric_add(METRIC_http_requests, status_class(status), 1);
	http_conn_expect(r->conn, false, SEND_LIMIT_S);
	gather(r);
	enum MHD_Result result = MHD_queue_response(r->pub.connection, status, response);
	MHD_destroy_response(response);
	return result;
}

const char *http_request_address(struct http_request *r, uint16_t *ret_port)
{
	return http_address_text(r->ctx.arena, &r->remote, ret_port);
}

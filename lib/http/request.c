#include "lib/http/internal.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define TOKEN "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define BODY_FIRST 4096

static struct conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	if (info == NULL || info->socket_context == NULL) {
		die("a connection without its state");
	}
	return info->socket_context;
}

void *http_request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct http_server *s = cls;
	struct request *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		die("out of memory");
	}
	ctx_init(&r->pub.ctx);
	struct arena *a = r->pub.ctx.arena;
	r->conn = conn_of(connection);
	r->pub.server = s;
	r->pub.connection = connection;
	r->pub.received_at = clock_now();
	r->pub.target = arena_text_n(a, uri, strnlen(uri, HTTP_MAX_TARGET + 1));
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info != NULL && info->client_addr != NULL) {
		size_t n = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
		memcpy(&r->pub.remote, info->client_addr, n);
	}
	http_conn_expect(r->conn, false, s->options.idle_timeout_s);
	pthread_mutex_lock(&s->lock);
	s->active++;
	pthread_mutex_unlock(&s->lock);
	return r;
}

void http_request_completed(
    void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode toe)
{
	struct http_server *s = cls;
	struct request *r = *con_cls;
	(void) connection;
	(void) toe;
	if (r == NULL) {
		return;
	}
	*con_cls = NULL;
	http_reply_send(r);
	http_conn_expect(r->conn, true, 2 * (int64_t) s->options.idle_timeout_s);
	ctx_done(&r->pub.ctx);
	free(r);
	pthread_mutex_lock(&s->lock);
	s->active--;
	http_quiet_check(s);
	pthread_mutex_unlock(&s->lock);
}

static enum MHD_Result copy_header(
    void *cls, enum MHD_ValueKind kind, const char *name, size_t n_name, const char *value, size_t n_value)
{
	struct request *r = cls;
	(void) kind;
	if (r->n_headers_in == HTTP_MAX_HEADERS) {
		(void) FAIL(&r->pub.ctx, HEADERS_TOO_LARGE, "There are more than %d header fields", HTTP_MAX_HEADERS);
		return MHD_NO;
	}
	struct arena *a = r->pub.ctx.arena;
	while (n_value > 0 && (value[n_value - 1] == ' ' || value[n_value - 1] == '\t')) {
		n_value--;
	}
	r->headers_in[r->n_headers_in++] = (struct http_header) {
		.name = arena_text_n(a, name, n_name),
		.value = value == NULL ? "" : arena_text_n(a, value, n_value),
	};
	return MHD_YES;
}

/* A field that a proxy in front may read in another way than we do is refused: a name with blanks, a bare CR, a
 * continued line (libmicrohttpd appends it to the name). A-15 */
static int check_header_form(struct ctx *c, const struct http_header *h)
{
	size_t n = strlen(h->name);
	if (n == 0 || strspn(h->name, TOKEN) != n) {
		return FAIL(c, MALFORMED, "A header field has a name that is not allowed");
	}
	for (const char *at = h->value; *at != '\0'; at++) {
		if (((unsigned char) *at < 0x20 && *at != '\t') || *at == 0x7f) {
			return FAIL(c, MALFORMED, "A header field has a control character in its value");
		}
	}
	static const char *const framing[] = { "Content-Length", "Transfer-Encoding" };
	for (size_t i = 0; i < COUNT_OF(framing); i++) {
		size_t n_framing = strlen(framing[i]);
		if (n > n_framing && strncasecmp(h->name, framing[i], n_framing) == 0) {
			return FAIL(c, MALFORMED, "A header field has a name that is not allowed");
		}
	}
	return 0;
}

static int copy_headers(struct request *r)
{
	struct ctx *c = &r->pub.ctx;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->pub.connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (info != NULL && info->header_size > HTTP_MAX_HEADER_BYTES) {
		return FAIL(c, HEADERS_TOO_LARGE, "The header is larger than %d octets", HTTP_MAX_HEADER_BYTES);
	}
	r->headers_in = ARENA_ARRAY(c->arena, HTTP_MAX_HEADERS, struct http_header);
	MHD_get_connection_values_n(r->pub.connection, MHD_HEADER_KIND, copy_header, r);
	if (c->err.type != PROBLEM_NONE) {
		return -1;
	}
	for (size_t i = 0; i < r->n_headers_in; i++) {
		TRY(check_header_form(c, &r->headers_in[i]));
	}
	return 0;
}

/* Where a request ends must have one meaning only (RFC 9112 6.3; A-15). */
static int check_framing(struct request *r, const char *version)
{
	struct ctx *c = &r->pub.ctx;
	size_t lengths = http_request_header_count(&r->pub, "Content-Length");
	size_t encodings = http_request_header_count(&r->pub, "Transfer-Encoding");
	size_t hosts = http_request_header_count(&r->pub, "Host");
	bool one_one = strcmp(version, "HTTP/1.1") == 0;
	if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0)) {
		return FAIL(c, MALFORMED, "The length of the request is given more than once");
	}
	if (hosts > 1 || (hosts == 0 && one_one)) {
		return FAIL(c, MALFORMED, "The request must have exactly one Host header field");
	}
	const char *encoding = http_request_header(&r->pub, "Transfer-Encoding");
	if (encoding != NULL && (!one_one || strcasecmp(encoding, "chunked") != 0)) {
		return FAIL(c, MALFORMED, "The transfer encoding is not supported");
	}
	const char *length = http_request_header(&r->pub, "Content-Length");
	if (length == NULL) {
		return 0;
	}
	size_t n = strspn(length, "0123456789");
	if (n == 0 || length[n] != '\0') {
		return FAIL(c, MALFORMED, "The Content-Length is not a number");
	}
	if (n > 18 || strtoull(length, NULL, 10) > r->pub.server->options.max_body) {
		return FAIL(c, TOO_LARGE, "The body is larger than %zu octets", r->pub.server->options.max_body);
	}
	return 0;
}

/* Sets path and query. The absolute form (RFC 9112 3.2.2) is understood too. */
static int check_target(struct request *r)
{
	struct ctx *c = &r->pub.ctx;
	const char *path = r->pub.target;
	if (strlen(path) > HTTP_MAX_TARGET) {
		return FAIL(c, URI_TOO_LONG, "The URL is longer than %d octets", HTTP_MAX_TARGET);
	}
	for (const char *at = path; *at != '\0'; at++) {
		if ((unsigned char) *at <= 0x20 || (unsigned char) *at >= 0x7f) {
			return FAIL(c, MALFORMED, "The URL has a character that is not allowed");
		}
	}
	if (strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0) {
		path = strchr(strchr(path, ':') + 3, '/');
	}
	if (path == NULL || (path[0] != '/' && strcmp(path, "*") != 0)) {
		return FAIL(c, MALFORMED, "The URL is not of the form that a server is asked for");
	}
	const char *mark = strchr(path, '?');
	r->pub.path = mark == NULL ? path : arena_text_n(c->arena, path, (size_t) (mark - path));
	r->pub.query = mark == NULL ? NULL : mark + 1;
	return 0;
}

/* Once a connection, and again when the client CA was read anew. */
static int check_peer(struct request *r)
{
	struct http_server *s = r->pub.server;
	if (s->options.client_ca_file == NULL) {
		return 0;
	}
	struct ctx *c = &r->pub.ctx;
	unsigned generation = tls_generation(s->tls);
	if (r->conn->tls_generation != generation) {
		const union MHD_ConnectionInfo *info =
		    MHD_get_connection_info(r->pub.connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		if (info == NULL || info->tls_session == NULL) {
			return FAIL(c, NOT_PERMITTED, "A client certificate is required");
		}
		if (tls_verify_peer(c, s->tls, info->tls_session, r->conn->caller) != 0) {
			log_event(c, LOG_WARN, "client certificate refused", "listener", s->options.name, "remote",
			    http_request_address(&r->pub, NULL), "cause", c->err.cause, NULL);
			return -1;
		}
		r->conn->tls_generation = generation;
	}
	c->caller = arena_text(c->arena, r->conn->caller);
	return 0;
}

static const char *refusal_reason(enum problem type)
{
	return type == PROBLEM_NOT_PERMITTED ? "certificate" : type == PROBLEM_MALFORMED ? "malformed" : "too_large";
}

/* The first call for a request: all but the body is there. */
static enum MHD_Result take_head(struct request *r, const char *method, const char *version)
{
	struct ctx *c = &r->pub.ctx;
	r->seen = true;
	r->pub.method = arena_text(c->arena, method);
	if (check_target(r) == 0 && copy_headers(r) == 0 && check_framing(r, version) == 0 && check_peer(r) == 0) {
		return MHD_YES;
	}
	http_refuse(r, refusal_reason(c->err.type));
	http_conn_linger(r->conn);
	return http_reply_queue(r);
}

/* More of the body. libmicrohttpd can't answer in the middle of a body: one that grows too large (it is chunked, or its
 * length would have told) is read on without being kept, up to a bound. */
static enum MHD_Result take_body(struct request *r, const char *data, size_t *n_data)
{
	size_t n = *n_data;
	size_t max = r->pub.server->options.max_body;
	*n_data = 0;
	if (r->discarded > 0 || n > max - r->pub.body.n) {
		r->discarded += n;
		(void) FAIL(&r->pub.ctx, TOO_LARGE, "The body is larger than %zu octets", max);
		return r->discarded > HTTP_MAX_DISCARD ? MHD_NO : MHD_YES;
	}
	if (r->pub.body.n + n > r->body_size) {
		size_t size = r->body_size == 0 ? BODY_FIRST : r->body_size * 2;
		size = size < r->pub.body.n + n ? r->pub.body.n + n : size;
		size = size > max ? max : size;
		uint8_t *grown = arena_alloc(r->pub.ctx.arena, size);
		if (r->pub.body.n > 0) {
			memcpy(grown, r->body, r->pub.body.n);
		}
		r->body = grown;
		r->body_size = size;
	}
	memcpy(r->body + r->pub.body.n, data, n);
	r->pub.body = (struct bytes) { r->body, r->pub.body.n + n };
	return MHD_YES;
}

/* The request is whole. */
static enum MHD_Result take_whole(struct request *r)
{
	struct http_server *s = r->pub.server;
	struct ctx *c = &r->pub.ctx;
	ctx_limit_ms(c, s->options.request_limit_ms);
	if (c->err.type != PROBLEM_NONE) {
		http_refuse(r, refusal_reason(c->err.type));
		return http_reply_queue(r);
	}
	if (s->options.quick != NULL && s->options.quick(&r->pub, s->options.arg)) {
		r->answered = true;
		return http_reply_queue(r);
	}
	http_conn_expect(r->conn, false, 0);
	http_workers_hand(r);
	/* Suspended, it may belong to another thread already. */
	return s->options.threads == HTTP_THREADS_EACH ? http_reply_queue(r) : MHD_YES;
}

enum MHD_Result http_request_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls)
{
	(void) cls;
	(void) connection;
	(void) url; /* unescaped: the target as sent is what counts */
	struct request *r = *con_cls;
	if (r == NULL) {
		return MHD_NO;
	}
	if (!r->seen) {
		return take_head(r, method, version);
	}
	if (*upload_data_size > 0) {
		return take_body(r, upload_data, upload_data_size);
	}
	if (r->answered) {
		return r->queued ? MHD_YES : http_reply_queue(r);
	}
	return r->handed ? MHD_YES : take_whole(r);
}

const char *http_request_header(struct http_request *r, const char *name)
{
	const struct request *mine = (const struct request *) (const void *) r;
	for (size_t i = 0; i < mine->n_headers_in; i++) {
		if (strcasecmp(mine->headers_in[i].name, name) == 0) {
			return mine->headers_in[i].value;
		}
	}
	return NULL;
}

const char *http_request_header_list(struct http_request *r, const char *name)
{
	const struct request *mine = (const struct request *) (const void *) r;
	const char *all = NULL;
	for (size_t i = 0; i < mine->n_headers_in; i++) {
		const struct http_header *one = &mine->headers_in[i];
		if (strcasecmp(one->name, name) == 0) {
			all = all == NULL ? one->value : arena_printf(r->ctx.arena, "%s, %s", all, one->value);
		}
	}
	return all;
}

size_t http_request_header_count(struct http_request *r, const char *name)
{
	const struct request *mine = (const struct request *) (const void *) r;
	size_t n = 0;
	for (size_t i = 0; i < mine->n_headers_in; i++) {
		n += strcasecmp(mine->headers_in[i].name, name) == 0;
	}
	return n;
}

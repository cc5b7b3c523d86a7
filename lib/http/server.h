/* Every HTTP server of the project, HTTP/1.1 (RFC 9112) with or without TLS: threads wait for all connections at once, and
 * the one that is woken reads the request, has it handled by straight-line blocking code, and sends the answer (design 6).
 * So many handlers run at once; more requests wait, and beyond that there is 503 with Retry-After, at once. What is broken
 * or too large is refused in the same form as all else. */
#ifndef CAIRN_HTTP_SERVER_H
#define CAIRN_HTTP_SERVER_H

#include <sys/socket.h>

#include "lib/base/ctx.h"

struct http_server;

struct http_header {
	const char *name;
	const char *value;
};

/* One request and its answer. Owned by the server; a handler may use it until it returns, or, if it called
 * http_defer, until it calls http_finish. */
struct http_request {
	struct ctx ctx; /* the deadline is the server's request limit; caller is the peer's certificate name under mTLS */
	const char *method;
	const char *target; /* as sent, with the query, still escaped */
	const char *path;   /* target without the query, still escaped */
	const char *query;  /* behind the '?', or NULL */
	struct bytes body;
	struct sockaddr_storage remote;
	struct timestamp received_at;
	struct http_server *server;
	/* the answer */
	unsigned status;
	struct http_header *headers;
	size_t n_headers;
	struct bytes reply; /* in the request's arena */
};

typedef void http_handler(struct http_request *r, void *arg);

/* Where handlers run. */
enum http_threads {
	HTTP_THREADS_POOL, /* in one of `workers` threads: they may block */
	HTTP_THREADS_NONE, /* in a thread that others wait for: they answer or defer at once */
};

#define HTTP_LISTEN_MAX 8

struct http_place {
	const char *address;
	uint16_t port;
};

struct http_server_options {
	const char *name;    /* for logs and metrics: "acme", "rpc", "http" */
	const char *address; /* "127.0.0.1", "::", ... */
	uint16_t port;       /* 0: any free one, see http_server_port */
	/* Where it listens too; up to HTTP_LISTEN_MAX in all. */
	const struct http_place *others;
	size_t n_others;
	const char *cert_file; /* PEM chain; NULL: plain HTTP */
	const char *key_file;
	const char *client_ca_file; /* demand a client certificate of this CA (RPC); then TLS 1.3 only */
	size_t max_body;            /* more gets 413 */
	enum http_threads threads;
	unsigned workers; /* handlers that run at once */
	unsigned queue;   /* requests that may wait for their turn */
	unsigned max_connections;
	unsigned idle_timeout_s;  /* a connection that sends nothing, or a request too slow, is closed */
	int64_t request_limit_ms; /* deadline given to each request */
	http_handler *handler;
	/* Runs first, for what needs no worker: true if it answered. May be NULL. Must not block. */
	bool (*quick)(struct http_request *r, void *arg);
	/* Answers what the server itself refuses (413, 431, 503 ...): r->ctx.err is set. NULL: plain text. Must not block. */
	http_handler *refuse;
	/* Run in each thread at its start and end; there are two more than workers. May be NULL. */
	void (*worker_start)(void);
	void (*worker_end)(void);
	/* Runs behind each handler, to give back what its thread holds. May be NULL. */
	void (*release)(void);
	void *arg;
};

/* Listening and serving starts at once. FAIL: SERVER_INTERNAL with the cause (port in use, unreadable certificate). */
int http_server_start(struct ctx *c, const struct http_server_options *options, struct http_server **ret) MUST_CHECK;
/* Of the first address. */
uint16_t http_server_port(const struct http_server *s);

/* Reads certificate, key and client CA again; the old ones stay when that fails. */
int http_server_reload(struct ctx *c, struct http_server *s) MUST_CHECK;

/* No new connections; waits until requests under way are answered, at most deadline_ms; then frees it. If a handler (or
 * one who deferred) still has a request by then, that is logged and all is left as it is, for the process to end, and the
 * result is false. NULL is fine. */
bool http_server_stop(struct http_server *s, int64_t deadline_ms);

/* First header of that name (any case), or NULL. In the request's arena. */
const char *http_request_header(struct http_request *r, const char *name);
/* The values of all headers of that name as one list, ", " between them (RFC 9110 5.3), or NULL. */
const char *http_request_header_list(struct http_request *r, const char *name);
/* All headers in their order; borrowed from the request. */
const struct http_header *http_request_headers(struct http_request *r, size_t *ret_n);
/* How many headers of that name came. */
size_t http_request_header_count(struct http_request *r, const char *name);
/* "192.0.2.1" or "2001:db8::1" (IPv4-mapped shown as IPv4), and the port. */
const char *http_request_address(struct http_request *r, uint16_t *ret_port);

/* Adds a header to the answer; name is constant, value is copied. CR or LF in a value end the process. */
void http_reply_header(struct http_request *r, const char *name, const char *value);
/* Status and body; body must be in the request's arena or constant. content_type NULL: none. */
void http_reply(struct http_request *r, unsigned status, const char *content_type, struct bytes body);

/* In a handler, in its own thread: the answer comes later, from any thread, by http_finish. After http_finish the request
 * must not be touched any more; a handler that does not defer must not call it. */
void http_defer(struct http_request *r);
void http_finish(struct http_request *r);

#endif

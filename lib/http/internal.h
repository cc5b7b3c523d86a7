/* What the files of the HTTP server share: server.c starts and stops, watch.c accepts and ends connections, request.c takes
 * requests in, workers.c has them worked on, reply.c answers, tls.c holds certificates. Nobody else includes it. */
#ifndef CAIRN_HTTP_INTERNAL_H
#define CAIRN_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/queue.h"
#include "lib/http/server.h"
#include "lib/http/tls.h"

#define HTTP_MAX_TARGET 4096         /* longer: 414 */
#define HTTP_MAX_HEADER_BYTES 16384  /* more: 431 */
#define HTTP_MAX_HEADERS 64          /* more: 431 */
#define HTTP_CONNECTION_MEMORY 49152 /* libmicrohttpd's pool for one connection; it answers 431 itself beyond it */
#define HTTP_MAX_DISCARD 1048576     /* of a chunked body that is too large anyway */
#define HTTP_MAX_IO_THREADS 4
#define HTTP_MAX_LINGER 64

/* One accepted connection; made and freed by the epoll thread that owns it, looked at by the watch thread under `lock`. */
struct conn {
	struct http_server *server;
	struct conn *prev;
	struct conn *next;
	int fd;
	bool idle;               /* between requests; under server->lock */
	int64_t give_up_us;      /* what it does now has to be over by then; under server->lock */
	unsigned tls_generation; /* of the certificates that the peer was verified against */
	char caller[TLS_NAME_SIZE];
};

/* One request, made when its first line has been read. */
struct request {
	struct http_request pub;
	struct conn *conn;
	struct http_header *headers_in;
	size_t n_headers_in;
	uint8_t *body; /* grows up to max_body */
	size_t body_size;
	size_t discarded;
	bool seen;     /* the header fields have been looked at */
	bool handed;   /* a worker has it or had it */
	bool answered; /* status and reply stand; set before the connection is resumed */
	bool queued;   /* the answer was given to libmicrohttpd */
	bool gathered; /* head and body of the answer wait for http_reply_send */
};

struct http_server {
	struct http_server_options options; /* texts are owned */
	struct arena *arena;
	struct tls *tls; /* NULL: plain HTTP */
	struct MHD_Daemon *daemons[HTTP_MAX_IO_THREADS];
	unsigned n_daemons;
	uint16_t port;
	struct queue *queue;
	pthread_t *workers;
	unsigned n_workers;

	pthread_t watch;
	bool watching;
	int listen_fd; /* -1 once it stops; owned by the watch thread while that runs */
	int wake_fd;   /* eventfd */

	pthread_mutex_t lock; /* of all below and of what struct conn says */
	pthread_cond_t quiet; /* signalled when `active` and `handed` are 0 */
	struct conn *conns;
	unsigned n_conns;
	unsigned active;  /* requests from their first line to the end of their answer */
	unsigned handed;  /* those that a handler has, or that wait for one */
	unsigned taking;  /* HTTP_THREADS_EACH: those whose handler runs */
	unsigned turning; /* and those that wait for their turn */
	pthread_cond_t turn;
	int linger[HTTP_MAX_LINGER];
	int64_t linger_until_us[HTTP_MAX_LINGER];
	size_t n_linger;

	atomic_bool draining; /* set under the lock */
	atomic_bool refusing; /* the time to drain is over: what still waits in the queue is refused */
	atomic_bool ending;   /* the watch thread has to end */
};

/* server.c: under the lock, whenever one of both counters fell. */
void http_quiet_check(struct http_server *s);

/* watch.c */
int http_watch_start(struct ctx *c, struct http_server *s) MUST_CHECK;
void http_watch_wake(struct http_server *s);
/* Ends the thread: nothing is accepted any more. */
void http_watch_stop(struct http_server *s);
/* Frees what it held; no connection may be left. */
void http_watch_done(struct http_server *s);
void http_conn_notify(
    void *cls, struct MHD_Connection *connection, void **socket_context, enum MHD_ConnectionNotificationCode toe);
/* What the connection does next has to be over in so many seconds; 0: as long as a worker needs. */
void http_conn_expect(struct conn *conn, bool idle, int64_t seconds);
/* Keeps a duplicate of the socket and reads from it for a moment, so that closing it early does not destroy the answer. */
void http_conn_linger(struct conn *conn);

/* request.c */
void *http_request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result http_request_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls);
void http_request_completed(
    void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode toe);

/* workers.c */
int http_workers_start(struct ctx *c, struct http_server *s) MUST_CHECK;
/* Nobody waits in the queue any more. */
void http_workers_join(struct http_server *s);
/* In the thread of the connection, when the request is whole: has it worked on, or refuses it. Either it is answered then,
 * or it is suspended and the answer stands when it is resumed. */
void http_workers_hand(struct request *r);

/* reply.c */
/* Answers from r->pub.ctx.err by options.refuse, or in plain text. */
void http_refuse(struct request *r, const char *reason);
enum MHD_Result http_reply_queue(struct request *r);
/* libmicrohttpd has written the whole answer: what was gathered of it leaves. */
void http_reply_send(struct request *r);

#endif

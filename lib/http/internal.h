/* What the files of the HTTP server share: server.c starts and stops, watch.c accepts connections and ends slow ones,
 * workers.c has the threads and whose turn it is, conn.c does what one connection needs next, request.c takes a request
 * in, reply.c writes the answer, tls.c holds certificates. Nobody else includes it. */
#ifndef CAIRN_HTTP_INTERNAL_H
#define CAIRN_HTTP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/buffer.h"
#include "lib/http/ask.h"
#include "lib/http/chunks.h"
#include "lib/http/server.h"
#include "lib/http/tls.h"

#define HTTP_ROOM 16384         /* what is read at once: a whole TLS record */
#define HTTP_MAX_UNREAD 1048576 /* of what a refused client still sends is read and dropped */

enum conn_stage { CONN_SHAKING, CONN_READING, CONN_WORKING, CONN_WRITING, CONN_LINGERING };

/* One accepted connection. The kernel tells of it to one thread (EPOLLONESHOT), which owns it until it arms it again, hands
 * it on with its request, or closes it; only what stands first is looked at by others, under server->lock. */
struct conn {
	struct conn *prev;
	struct conn *next;
	int fd;
	atomic_bool idle;           /* between requests */
	_Atomic int64_t give_up_us; /* what it does now has to be over by then */
	atomic_uint armed; /* times that it was given back to the kernel: what one owner wrote, the next one sees */

	struct http_server *server;
	SSL *ssl; /* NULL: plain */
	enum conn_stage stage;
	struct request *request; /* NULL: between requests */
	bool ended;              /* a request came to its end and is not counted off yet */
	uint8_t *ahead;          /* what was read beyond the request; NULL: nothing */
	size_t n_ahead;
	size_t unread; /* lingering: what was dropped */
	struct sockaddr_storage remote;
	unsigned tls_generation; /* of the certificates that the peer was verified against */
	char caller[TLS_NAME_SIZE];
};

/* One request, from its first octet to the last one of its answer. */
struct request {
	struct http_request pub;
	struct conn *conn;
	struct request *behind; /* the one that came after it and waits too */
	struct http_ask ask;
	struct buffer head; /* used once a head comes in pieces */
	struct buffer body;
	struct http_chunks chunks;
	bool answered; /* status and reply stand */
	bool early;    /* refused before all of it was read, so the connection ends behind the answer */
	bool keep;     /* another request may follow */
	struct bytes out[2];
};

/* What a thread has for the connections that it serves one after the other. */
struct http_room {
	bool turn;     /* it is one of the `workers` */
	bool deferred; /* the handler it ran will answer later */
	uint8_t p[HTTP_ROOM];
};

struct http_server {
	struct http_server_options options; /* texts are owned */
	struct arena *arena;
	struct tls *tls; /* NULL: plain HTTP */
	uint16_t port;
	int epoll_fd;
	int end_fd; /* eventfd: readable once the threads have to end */
	pthread_t *threads;
	unsigned n_threads;

	pthread_t watch;
	bool watching;
	int listen_fds[HTTP_LISTEN_MAX]; /* owned by the watch thread while that runs */
	size_t n_listening;              /* 0 once it stops */
	int wake_fd;                     /* eventfd */

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t quiet; /* signalled when `active` and `handed` are 0 */
	struct conn *conns;
	unsigned n_conns;
	unsigned active; /* requests from their first octet to the end of their answer */
	unsigned handed; /* those that a handler has, or that wait for one */
	unsigned taking; /* handlers that run */
	unsigned turning;
	struct request *first_turning; /* those that wait for their turn */
	struct request *last_turning;

	atomic_bool draining; /* set under the lock */
	atomic_bool refusing; /* the time to drain is over: what still waits is refused */
	atomic_bool ending;   /* the watch thread has to end */
};

/* server.c: under the lock, whenever one of both counters fell. */
void http_quiet_check(struct http_server *s);

/* watch.c */
int http_watch_start(struct ctx *c, struct http_server *s) MUST_CHECK;
void http_watch_wake(struct http_server *s);
/* Ends the thread: nothing is accepted any more. */
void http_watch_stop(struct http_server *s);

/* conn.c: fd becomes the connection's. */
void http_conn_open(struct http_server *s, int fd, const struct sockaddr_storage *remote);
/* At an event: the connection is the calling thread's. */
void http_conn_own(struct conn *conn);
/* Goes on with it as far as it goes without waiting. It may be another thread's, or gone, afterwards. room NULL: nothing
 * but the answer that stands is sent. */
void http_conn_run(struct conn *conn, struct http_room *room);
/* Frees it with its request, if any; whoever calls owns it. */
void http_conn_close(struct conn *conn);
/* What the connection does next has to be over in so many seconds; 0: as long as a handler needs. */
void http_conn_expect(struct conn *conn, bool idle, int64_t seconds);

/* request.c */
void http_request_begin(struct conn *conn);
/* Takes what belongs to the request from the front of *in. True: it is whole, or already refused (answered). */
bool http_request_take(struct request *r, struct bytes *in);

/* workers.c */
int http_workers_start(struct ctx *c, struct http_server *s) MUST_CHECK;
/* No request is under way any more. */
void http_workers_join(struct http_server *s);
/* The request is whole. True: its answer stands; false: another thread has it, or will. */
bool http_workers_serve(struct request *r, struct http_room *room);

/* reply.c */
/* Answers from r->pub.ctx.err by options.refuse, or in plain text. */
void http_refuse(struct request *r, const char *reason);
/* Makes r->out of the answer. */
void http_reply_render(struct request *r);

#endif

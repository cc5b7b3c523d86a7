#include "lib/http/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "lib/base/die.h"
#include "lib/base/metrics.h"

#define LINGER_S 1
#define SEND_LIMIT_S 60

/* What a step gives beside EPOLLIN and EPOLLOUT, for which the connection then waits. */
#define GO_ON 0
#define END (-1)
#define HANDED_ON (-2)

void http_conn_expect(struct conn *conn, bool idle, int64_t seconds)
{
	atomic_store(&conn->give_up_us, seconds == 0 ? INT64_MAX : clock_monotonic_us() + seconds * 1000000);
	atomic_store(&conn->idle, idle);
	if (idle && atomic_load(&conn->server->draining)) {
		http_watch_wake(conn->server);
	}
}

/* What has to be waited for after OpenSSL did not get on. */
static int tls_want(struct conn *conn, int code)
{
	switch (SSL_get_error(conn->ssl, code)) {
	case SSL_ERROR_WANT_READ:
		return EPOLLIN;
	case SSL_ERROR_WANT_WRITE:
		return EPOLLOUT;
	default:
		return END;
	}
}

static int plain_want(int event)
{
	return errno == EAGAIN || errno == EINTR ? event : END;
}

static int take_in(struct conn *conn, struct http_room *room, size_t *ret_n)
{
	if (conn->ssl != NULL) {
		ERR_clear_error();
		int code = SSL_read_ex(conn->ssl, room->p, sizeof(room->p), ret_n);
		return code == 1 ? GO_ON : tls_want(conn, code);
	}
	ssize_t n = recv(conn->fd, room->p, sizeof(room->p), 0);
	if (n <= 0) {
		return n == 0 ? END : plain_want(EPOLLIN);
	}
	*ret_n = (size_t) n;
	return GO_ON;
}

static void advance(struct bytes parts[2], size_t n)
{
	for (size_t i = 0; i < 2; i++) {
		size_t of_part = n < parts[i].n ? n : parts[i].n;
		parts[i] = (struct bytes) { parts[i].p + of_part, parts[i].n - of_part };
		n -= of_part;
	}
}

static int give_out(struct conn *conn, struct bytes parts[2])
{
	if (conn->ssl != NULL) {
		const struct bytes *part = &parts[parts[0].n > 0 ? 0 : 1];
		size_t done = 0;
		ERR_clear_error();
		int code = SSL_write_ex(conn->ssl, part->p, part->n, &done);
		advance(parts, done);
		return code == 1 ? GO_ON : tls_want(conn, code);
	}
	struct iovec pieces[2];
	for (size_t i = 0; i < 2; i++) {
		pieces[i] = (struct iovec) { .iov_base = (void *) (uintptr_t) parts[i].p, .iov_len = parts[i].n };
	}
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
	ssize_t n = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
	if (n < 0) {
		return plain_want(EPOLLOUT);
	}
	advance(parts, (size_t) n);
	return GO_ON;
}

static int step_shaking(struct conn *conn, struct http_room *room)
{
	(void) room;
	ERR_clear_error();
	int code = SSL_do_handshake(conn->ssl);
	if (code != 1) {
		return tls_want(conn, code);
	}
	conn->stage = CONN_READING;
	return GO_ON;
}

static void drop_ahead(struct conn *conn)
{
	if (conn->ahead != NULL) {
		OPENSSL_cleanse(conn->ahead, conn->n_ahead);
		free(conn->ahead);
	}
}

/* What is left of the octets that were read belongs to the next request. */
static void keep_ahead(struct conn *conn, struct bytes rest)
{
	uint8_t *copy = NULL;
	if (rest.n > 0) {
		copy = malloc(rest.n);
		if (copy == NULL) {
			die("out of memory");
		}
		memcpy(copy, rest.p, rest.n);
	}
	drop_ahead(conn);
	conn->ahead = copy;
	conn->n_ahead = rest.n;
}

/* RFC 9110 10.1.1: asked for, and nothing of the body came with the head. So few octets always find room. */
static int tell_to_continue(struct conn *conn)
{
	struct request *r = conn->request;
	if (!r->ask.continues || r->ask.n == 0 || r->body.n > 0) {
		return GO_ON;
	}
	r->ask.continues = false;
	struct bytes text[2] = { bytes_of_text("HTTP/1.1 100 Continue\r\n\r\n"), { NULL, 0 } };
	return give_out(conn, text) == GO_ON ? GO_ON : END;
}

static int step_reading(struct conn *conn, struct http_room *room)
{
	struct bytes in = { conn->ahead, conn->n_ahead };
	if (in.n == 0) {
		size_t n = 0;
		int want = take_in(conn, room, &n);
		if (want != GO_ON) {
			return want;
		}
		in = (struct bytes) { room->p, n };
	}
	if (conn->request == NULL) {
		http_request_begin(conn);
	}
	struct bytes taken = in;
	bool whole = http_request_take(conn->request, &in);
	keep_ahead(conn, in);
	if (taken.p == room->p) {
		OPENSSL_cleanse(room->p, taken.n); /* the request has its copy, which is wiped with it */
	}
	if (!whole) {
		return tell_to_continue(conn);
	}
	conn->stage = CONN_WORKING;
	return GO_ON;
}

static int step_working(struct conn *conn, struct http_room *room)
{
	struct request *r = conn->request;
	if (!r->answered && !http_workers_serve(r, room)) {
		return HANDED_ON;
	}
	http_reply_render(r);
	http_conn_expect(conn, false, SEND_LIMIT_S);
	conn->stage = CONN_WRITING;
	return GO_ON;
}

static void end_request(struct conn *conn)
{
	struct request *r = conn->request;
	conn->request = NULL;
	conn->ended = true;
	ctx_done(&r->pub.ctx);
	free(r);
}

/* Closing at once would destroy the answer at a client that is still sending: what it sends is read for a moment. */
static int linger(struct conn *conn)
{
	if (conn->ssl != NULL) {
		ERR_clear_error();
		(void) SSL_shutdown(conn->ssl);
	}
	shutdown(conn->fd, SHUT_WR);
	conn->stage = CONN_LINGERING;
	http_conn_expect(conn, false, LINGER_S);
	return EPOLLIN;
}

static int step_writing(struct conn *conn, struct http_room *room)
{
	(void) room;
	struct request *r = conn->request;
	while (r->out[0].n + r->out[1].n > 0) {
		int want = give_out(conn, r->out);
		if (want != GO_ON) {
			return want;
		}
	}
	bool early = r->early;
	bool keep = r->keep;
	end_request(conn);
	if (early) {
		return linger(conn);
	}
	if (!keep) {
		if (conn->ssl != NULL) {
			ERR_clear_error();
			(void) SSL_shutdown(conn->ssl);
		}
		return END;
	}
	conn->stage = CONN_READING;
	http_conn_expect(conn, true, 2 * (int64_t) conn->server->options.idle_timeout_s);
	/* What is here already makes no event; so it waits for one that comes at once, behind those of others. */
	return conn->n_ahead > 0 || (conn->ssl != NULL && SSL_has_pending(conn->ssl) == 1) ? EPOLLOUT : EPOLLIN;
}

static int step_lingering(struct conn *conn, struct http_room *room)
{
	ssize_t n = recv(conn->fd, room->p, sizeof(room->p), 0);
	if (n <= 0) {
		return n == 0 ? END : plain_want(EPOLLIN);
	}
	conn->unread += (size_t) n;
	return conn->unread > HTTP_MAX_UNREAD ? END : GO_ON;
}

static int (*const steps[])(struct conn *conn, struct http_room *room) = {
	[CONN_SHAKING] = step_shaking,
	[CONN_READING] = step_reading,
	[CONN_WORKING] = step_working,
	[CONN_WRITING] = step_writing,
	[CONN_LINGERING] = step_lingering,
};

static void count_ended(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->active--;
	http_quiet_check(s);
	pthread_mutex_unlock(&s->lock);
}

void http_conn_own(struct conn *conn)
{
	(void) atomic_load(&conn->armed);
}

/* Past the thread sanitizer, which does not know that an event comes behind the call that asks for it: it would take the
 * next owner's close for a race with that call. */
static int epoll_tell(int epoll_fd, int how, int fd, struct epoll_event *e)
{
#ifdef __SANITIZE_THREAD__
	return (int) syscall(SYS_epoll_ctl, epoll_fd, how, fd, e);
#else
	return epoll_ctl(epoll_fd, how, fd, e);
#endif
}

/* Gives it back to the kernel: from now on it may be another thread's. False when that fails. */
static bool arm(struct conn *conn, int how, int event)
{
	struct epoll_event e = { .events = (uint32_t) event | EPOLLONESHOT, .data = { .ptr = conn } };
	int epoll_fd = conn->server->epoll_fd;
	int fd = conn->fd;
	atomic_fetch_add(&conn->armed, 1);
	return epoll_tell(epoll_fd, how, fd, &e) == 0;
}

void http_conn_run(struct conn *conn, struct http_room *room)
{
	struct http_server *s = conn->server;
	int want = GO_ON;
	while (want == GO_ON) {
		want = steps[conn->stage](conn, room);
	}
	if (want == HANDED_ON) {
		return;
	}
	bool ended = conn->ended;
	conn->ended = false;
	if (want == END || !arm(conn, EPOLL_CTL_MOD, want)) {
		http_conn_close(conn);
	}
	/* Last: a stop that waits for it frees all. */
	if (ended) {
		count_ended(s);
	}
}

void http_conn_open(struct http_server *s, int fd, const struct sockaddr_storage *remote)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	if (conn == NULL) {
		die("out of memory");
	}
	conn->server = s;
	conn->fd = fd;
	conn->remote = *remote;
	conn->ssl = s->tls == NULL ? NULL : tls_session(s->tls, fd);
	conn->stage = conn->ssl == NULL ? CONN_READING : CONN_SHAKING;
	http_conn_expect(conn, true, 2 * (int64_t) s->options.idle_timeout_s);
	pthread_mutex_lock(&s->lock);
	conn->next = s->conns;
	if (s->conns != NULL) {
		s->conns->prev = conn;
	}
	s->conns = conn;
	metric_set(METRIC_http_connections, s->options.name, ++s->n_conns);
	pthread_mutex_unlock(&s->lock);
	if (!arm(conn, EPOLL_CTL_ADD, EPOLLIN)) {
		metric_add(METRIC_http_refused, "connection", 1);
		http_conn_close(conn);
	}
}

void http_conn_close(struct conn *conn)
{
	struct http_server *s = conn->server;
	pthread_mutex_lock(&s->lock);
	if (conn->prev != NULL) {
		conn->prev->next = conn->next;
	} else {
		s->conns = conn->next;
	}
	if (conn->next != NULL) {
		conn->next->prev = conn->prev;
	}
	bool was_full = s->n_conns-- == s->options.max_connections;
	metric_set(METRIC_http_connections, s->options.name, s->n_conns);
	pthread_mutex_unlock(&s->lock);
	bool unfinished = conn->request != NULL;
	if (unfinished) {
		end_request(conn);
	}
	SSL_free(conn->ssl);
	close(conn->fd);
	drop_ahead(conn);
	free(conn);
	if (was_full) {
		http_watch_wake(s);
	}
	if (unfinished) {
		count_ended(s);
	}
}

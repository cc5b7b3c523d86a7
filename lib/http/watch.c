#include "lib/http/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define TICK_MS 250
#define LINGER_US 1000000
#define ACCEPT_BATCH 64

/* One thread for each server accepts connections (libmicrohttpd's own accepting can't be stopped without a race), ends
 * those that are too slow, since libmicrohttpd's timeout starts anew with each octet, and reads what a refused
 * client still sends. */

void http_watch_wake(struct http_server *s)
{
	uint64_t one = 1;
	if (write(s->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN) {
		die("eventfd: %s", strerror(errno));
	}
}

void http_conn_expect(struct conn *conn, bool idle, int64_t seconds)
{
	struct http_server *s = conn->server;
	pthread_mutex_lock(&s->lock);
	conn->idle = idle;
	conn->give_up_us = seconds == 0 ? INT64_MAX : clock_monotonic_us() + seconds * 1000000;
	bool close_now = idle && s->draining;
	pthread_mutex_unlock(&s->lock);
	if (close_now) {
		http_watch_wake(s);
	}
}

void http_conn_linger(struct conn *conn)
{
	struct http_server *s = conn->server;
	pthread_mutex_lock(&s->lock);
	if (s->n_linger < HTTP_MAX_LINGER) {
		int fd = dup(conn->fd);
		if (fd >= 0) {
			s->linger[s->n_linger] = fd;
			s->linger_until_us[s->n_linger++] = clock_monotonic_us() + LINGER_US;
		}
	}
	pthread_mutex_unlock(&s->lock);
	http_watch_wake(s);
}

static void conn_started(struct http_server *s, struct MHD_Connection *connection, void **socket_context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *conn = calloc(1, sizeof(*conn));
	if (conn == NULL || info == NULL) {
		die("out of memory");
	}
	conn->server = s;
	conn->fd = info->connect_fd;
	conn->idle = true;
	conn->give_up_us = clock_monotonic_us() + 2 * (int64_t) s->options.idle_timeout_s * 1000000;
	pthread_mutex_lock(&s->lock);
	conn->next = s->conns;
	if (s->conns != NULL) {
		s->conns->prev = conn;
	}
	s->conns = conn;
	pthread_mutex_unlock(&s->lock);
	*socket_context = conn;
}

static void conn_closed(struct http_server *s, struct conn *conn)
{
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
	free(conn);
	if (was_full) {
		http_watch_wake(s);
	}
}

void http_conn_notify(
    void *cls, struct MHD_Connection *connection, void **socket_context, enum MHD_ConnectionNotificationCode toe)
{
	struct http_server *s = cls;
	if (toe == MHD_CONNECTION_NOTIFY_STARTED) {
		conn_started(s, connection, socket_context);
	} else if (*socket_context != NULL) {
		conn_closed(s, *socket_context);
		*socket_context = NULL;
	}
}

static bool has_room(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	bool room = s->n_conns < s->options.max_connections;
	pthread_mutex_unlock(&s->lock);
	return room;
}

static void count_conn(struct http_server *s, int by)
{
	pthread_mutex_lock(&s->lock);
	s->n_conns = (unsigned) ((int) s->n_conns + by);
	metric_set(METRIC_http_connections, s->options.name, s->n_conns);
	pthread_mutex_unlock(&s->lock);
}

/* False when there is nothing more to accept, or no descriptor left. */
static bool accept_one(struct http_server *s, unsigned turn)
{
	struct sockaddr_storage remote;
	socklen_t n = sizeof(remote);
	int fd = accept4(s->listen_fd, (struct sockaddr *) &remote, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE) {
			metric_add(METRIC_http_refused, "descriptors", 1);
			poll(NULL, 0, 20);
		}
		return false;
	}
	int on = 1;
	(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	count_conn(s, 1);
	/* It closes fd when it fails. */
	if (MHD_add_connection(s->daemons[turn % s->n_daemons], fd, (struct sockaddr *) &remote, n) != MHD_YES) {
		count_conn(s, -1);
		metric_add(METRIC_http_refused, "connection", 1);
	}
	return true;
}

/* Ends connections that took too long; in a drain also those that do nothing, in a way that lets a request which is on
 * its way already be answered. */
static void sweep(struct http_server *s)
{
	int64_t now_us = clock_monotonic_us();
	unsigned slow = 0;
	pthread_mutex_lock(&s->lock);
	for (struct conn *conn = s->conns; conn != NULL; conn = conn->next) {
		if (conn->give_up_us <= now_us) {
			conn->give_up_us = INT64_MAX;
			shutdown(conn->fd, SHUT_RDWR);
			slow++;
		} else if (s->draining && conn->idle) {
			shutdown(conn->fd, SHUT_RD);
		}
	}
	pthread_mutex_unlock(&s->lock);
	if (slow > 0) {
		metric_add(METRIC_http_refused, "slow", slow);
	}
}

static bool linger_read(int fd, int64_t until_us)
{
	char waste[16384];
	for (unsigned i = 0; i < 16; i++) {
		ssize_t n = recv(fd, waste, sizeof(waste), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			return false;
		}
		if (n < 0) {
			break;
		}
	}
	return clock_monotonic_us() < until_us;
}

static void read_lingering(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	size_t kept = 0;
	for (size_t i = 0; i < s->n_linger; i++) {
		if (linger_read(s->linger[i], s->linger_until_us[i])) {
			s->linger[kept] = s->linger[i];
			s->linger_until_us[kept++] = s->linger_until_us[i];
		} else {
			close(s->linger[i]);
		}
	}
	s->n_linger = kept;
	pthread_mutex_unlock(&s->lock);
}

static bool is_draining(struct http_server *s, size_t *ret_lingering)
{
	pthread_mutex_lock(&s->lock);
	bool draining = s->draining;
	*ret_lingering = s->n_linger;
	pthread_mutex_unlock(&s->lock);
	return draining;
}

static void stop_listening(struct http_server *s)
{
	if (s->listen_fd >= 0) {
		close(s->listen_fd);
		s->listen_fd = -1;
	}
}

static void *watch_main(void *arg)
{
	struct http_server *s = arg;
	unsigned turn = 0;
	int64_t next_sweep_us = 0;
	while (!atomic_load(&s->ending)) {
		size_t lingering;
		bool draining = is_draining(s, &lingering);
		if (draining) {
			stop_listening(s);
		}
		bool listening = s->listen_fd >= 0 && has_room(s);
		struct pollfd fds[2] = {
			{ .fd = s->wake_fd, .events = POLLIN },
			{ .fd = listening ? s->listen_fd : -1, .events = POLLIN },
		};
		(void) poll(fds, 2, lingering > 0 ? 10 : TICK_MS);
		uint64_t count;
		bool woken = (fds[0].revents & POLLIN) != 0 && read(s->wake_fd, &count, sizeof(count)) > 0;
		for (unsigned i = 0; fds[1].revents != 0 && i < ACCEPT_BATCH && has_room(s) && accept_one(s, turn); i++) {
			turn++;
		}
		read_lingering(s);
		if (woken || clock_monotonic_us() >= next_sweep_us) {
			sweep(s);
			next_sweep_us = clock_monotonic_us() + TICK_MS * INT64_C(1000);
		}
	}
	stop_listening(s);
	return NULL;
}

int http_watch_start(struct ctx *c, struct http_server *s)
{
	s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->wake_fd < 0) {
		ctx_cause(c, "eventfd: %s", strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "A listener can't start");
	}
	int code = pthread_create(&s->watch, NULL, watch_main, s);
	if (code != 0) {
		ctx_cause(c, "pthread_create: %s", strerror(code));
		return FAIL(c, SERVER_INTERNAL, "A listener can't start");
	}
	s->watching = true;
	return 0;
}

void http_watch_stop(struct http_server *s)
{
	if (s->watching) {
		atomic_store(&s->ending, true);
		http_watch_wake(s);
		pthread_join(s->watch, NULL);
		s->watching = false;
	}
}

void http_watch_done(struct http_server *s)
{
	for (size_t i = 0; i < s->n_linger; i++) {
		close(s->linger[i]);
	}
	s->n_linger = 0;
	if (s->wake_fd >= 0) {
		close(s->wake_fd);
		s->wake_fd = -1;
	}
}

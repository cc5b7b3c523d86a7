#include "lib/http/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/base/metrics.h"

#define TICK_MS 250
#define ACCEPT_BATCH 64

/* One thread for each server accepts connections and ends those that are too slow. */

void http_watch_wake(struct http_server *s)
{
	uint64_t one = 1;
	if (write(s->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN) {
		die("eventfd: %s", strerror(errno));
	}
}

static bool has_room(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	bool room = s->n_conns < s->options.max_connections;
	pthread_mutex_unlock(&s->lock);
	return room;
}

/* False when there is nothing more to accept, or no descriptor left. */
static bool accept_one(struct http_server *s, int listen_fd)
{
	struct sockaddr_storage remote;
	socklen_t n = sizeof(remote);
	int fd = accept4(listen_fd, (struct sockaddr *) &remote, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE) {
			metric_add(METRIC_http_refused, "descriptors", 1);
			poll(NULL, 0, 20);
		}
		return false;
	}
	int on = 1;
	(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	http_conn_open(s, fd, &remote);
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
		if (atomic_load(&conn->give_up_us) <= now_us) {
			atomic_store(&conn->give_up_us, INT64_MAX);
			shutdown(conn->fd, SHUT_RDWR);
			slow++;
		} else if (atomic_load(&s->draining) && atomic_load(&conn->idle)) {
			shutdown(conn->fd, SHUT_RD);
		}
	}
	pthread_mutex_unlock(&s->lock);
	if (slow > 0) {
		metric_add(METRIC_http_refused, "slow", slow);
	}
}

static void stop_listening(struct http_server *s)
{
	while (s->n_listening > 0) {
		close(s->listen_fds[--s->n_listening]);
	}
}

/* Waits a tick at most; true when it was woken. */
static bool wait_and_accept(struct http_server *s)
{
	struct pollfd fds[1 + HTTP_LISTEN_MAX] = { { .fd = s->wake_fd, .events = POLLIN } };
	nfds_t n = 1;
	for (size_t i = 0; has_room(s) && i < s->n_listening; i++) {
		fds[n++] = (struct pollfd) { .fd = s->listen_fds[i], .events = POLLIN };
	}
	(void) poll(fds, n, TICK_MS);
	for (nfds_t i = 1; i < n; i++) {
		for (unsigned k = 0; fds[i].revents != 0 && k < ACCEPT_BATCH && has_room(s) && accept_one(s, fds[i].fd); k++) {
		}
	}
	uint64_t count;
	return (fds[0].revents & POLLIN) != 0 && read(s->wake_fd, &count, sizeof(count)) > 0;
}

static void *watch_main(void *arg)
{
	struct http_server *s = arg;
	int64_t next_sweep_us = 0;
	while (!atomic_load(&s->ending)) {
		if (atomic_load(&s->draining)) {
			stop_listening(s);
		}
		bool woken = wait_and_accept(s);
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

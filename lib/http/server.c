#include "lib/http/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/condition.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/http/address.h"

#define BACKLOG 1024
#define LATE_MS 200 /* for refusing what still waits once the time to drain is over */

static int fail_start(struct ctx *c, const char *what)
{
	ctx_cause(c, "%s: %s", what, strerror(errno));
	return FAIL(c, SERVER_INTERNAL, "A listener can't start");
}

static int open_socket(struct ctx *c, struct http_server *s, const struct http_place *place)
{
	struct sockaddr_storage at;
	socklen_t n;
	TRY(http_address_socket(c, place->address, place->port, &at, &n));
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return fail_start(c, "socket");
	}
	s->listen_fds[s->n_listening++] = fd;
	int on = 1;
	(void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *) &at, n) != 0 || listen(fd, BACKLOG) != 0) {
		return fail_start(c, arena_printf(c->arena, "%s port %u", place->address, (unsigned) place->port));
	}
	n = sizeof(at);
	if (s->n_listening == 1 && getsockname(fd, (struct sockaddr *) &at, &n) != 0) {
		return fail_start(c, "getsockname");
	}
	if (s->n_listening == 1) {
		(void) http_address_text(c->arena, &at, &s->port);
	}
	return 0;
}

static int open_sockets(struct ctx *c, struct http_server *s)
{
	const struct http_server_options *o = &s->options;
	TRY(open_socket(c, s, &(struct http_place) { o->address, o->port }));
	for (size_t i = 0; i < o->n_others && s->n_listening < HTTP_LISTEN_MAX; i++) {
		TRY(open_socket(c, s, &o->others[i]));
	}
	s->options.others = NULL; /* the caller's */
	return 0;
}

static int start(struct ctx *c, struct http_server *s)
{
	if (s->options.cert_file != NULL) {
		TRY(tls_new(c, s->options.cert_file, s->options.key_file, s->options.client_ca_file, &s->tls));
	}
	TRY(open_sockets(c, s));
	TRY(http_workers_start(c, s));
	return http_watch_start(c, s);
}

/* Everything that is under way has ended. */
static void release(struct http_server *s)
{
	http_watch_stop(s);
	http_workers_join(s);
	while (s->n_listening > 0) { /* it did not come to watching them */
		close(s->listen_fds[--s->n_listening]);
	}
	if (s->wake_fd >= 0) {
		close(s->wake_fd);
	}
	tls_free(s->tls);
	pthread_cond_destroy(&s->quiet);
	pthread_mutex_destroy(&s->lock);
	arena_free(s->arena);
	free(s);
}

static struct http_server *server_new(const struct http_server_options *options)
{
	struct http_server *s = calloc(1, sizeof(*s));
	if (s == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
		die("out of memory");
	}
	condition_init(&s->quiet);
	s->arena = arena_new();
	s->wake_fd = -1;
	s->epoll_fd = -1;
	s->end_fd = -1;
	s->options = *options;
	s->options.name = arena_text(s->arena, options->name);
	s->options.address = arena_text(s->arena, options->address);
	s->options.cert_file = arena_text(s->arena, options->cert_file);
	s->options.key_file = arena_text(s->arena, options->key_file);
	s->options.client_ca_file = arena_text(s->arena, options->client_ca_file);
	return s;
}

int http_server_start(struct ctx *c, const struct http_server_options *options, struct http_server **ret)
{
	struct http_server *s = server_new(options);
	if (start(c, s) != 0) {
		release(s);
		return -1;
	}
	*ret = s;
	return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

int http_server_reload(struct ctx *c, struct http_server *s)
{
	return s->tls == NULL ? 0 : tls_reload(c, s->tls);
}

void http_quiet_check(struct http_server *s)
{
	if (s->active == 0 && s->handed == 0) {
		pthread_cond_broadcast(&s->quiet);
	}
}

/* Waits until no request is active, or for so long; gives how many a worker still has. */
static unsigned wait_quiet(struct http_server *s, int64_t ms)
{
	struct timespec until = moment_in(ms);
	pthread_mutex_lock(&s->lock);
	while ((s->active > 0 || s->handed > 0) && pthread_cond_timedwait(&s->quiet, &s->lock, &until) == 0) {
	}
	unsigned handed = s->handed;
	pthread_mutex_unlock(&s->lock);
	return handed;
}

bool http_server_stop(struct http_server *s, int64_t deadline_ms)
{
	if (s == NULL) {
		return true;
	}
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->draining, true);
	pthread_mutex_unlock(&s->lock);
	http_watch_wake(s);
	unsigned left = wait_quiet(s, deadline_ms);
	if (left > 0) {
		atomic_store(&s->refusing, true);
		left = wait_quiet(s, LATE_MS);
	}
	if (left > 0) {
		char text[16];
		(void) snprintf(text, sizeof(text), "%u", left);
		log_event(
		    NULL, LOG_WARN, "stopped with requests under way", "listener", s->options.name, "requests", text, NULL);
		return false; /* their threads still use it; the process is about to end */
	}
	release(s);
	return true;
}

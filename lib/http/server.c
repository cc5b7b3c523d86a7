#include "lib/http/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/http/address.h"

#define BACKLOG 1024
#define LATE_MS 200 /* for refusing what still waits once the time to drain is over */

/* TLS 1.2 with forward secrecy and AEAD, and 1.3; between our own processes 1.3 only. */
static const char public_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"
                                        "-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:-MAC-ALL:+AEAD:"
                                        "-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE";
static const char internal_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";

static int fail_start(struct ctx *c, const char *what)
{
	ctx_cause(c, "%s: %s", what, strerror(errno));
	return FAIL(c, SERVER_INTERNAL, "A listener can't start");
}

static int http_tls_present(gnutls_session_t session, const gnutls_datum_t *names, int n_names,
    const gnutls_pk_algorithm_t *kinds, int n_kinds, gnutls_pcert_st **ret_certs, unsigned *ret_n,
    gnutls_privkey_t *ret_key)
{
	(void) names;
	(void) n_names;
	(void) kinds;
	(void) n_kinds;
	/* libmicrohttpd keeps its connection there. */
	struct MHD_Connection *connection = gnutls_session_get_ptr(session);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	if (info == NULL || info->socket_context == NULL) {
		return -1;
	}
	const struct conn *conn = info->socket_context;
	tls_present(conn->server->tls, ret_certs, ret_n, ret_key);
	return 0;
}

static void forward_log(void *cls, const char *format, va_list ap) PRINTF_LIKE(2, 0);

static void forward_log(void *cls, const char *format, va_list ap)
{
	const struct http_server *s = cls;
	char text[256];
	int n = vsnprintf(text, sizeof(text), format, ap);
	if (n > 0 && (size_t) n < sizeof(text) && text[n - 1] == '\n') {
		text[n - 1] = '\0';
	}
	log_event(NULL, LOG_DEBUG, "libmicrohttpd", "listener", s->options.name, "text", text, NULL);
}

static int open_socket(struct ctx *c, struct http_server *s)
{
	struct sockaddr_storage at;
	socklen_t n;
	TRY(http_address_socket(c, s->options.address, s->options.port, &at, &n));
	s->listen_fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->listen_fd < 0) {
		return fail_start(c, "socket");
	}
	int on = 1;
	(void) setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->listen_fd, (const struct sockaddr *) &at, n) != 0 || listen(s->listen_fd, BACKLOG) != 0) {
		return fail_start(c, arena_printf(c->arena, "%s port %u", s->options.address, (unsigned) s->options.port));
	}
	n = sizeof(at);
	if (getsockname(s->listen_fd, (struct sockaddr *) &at, &n) != 0) {
		return fail_start(c, "getsockname");
	}
	(void) http_address_text(c->arena, &at, &s->port);
	return 0;
}

static int start_daemon(struct ctx *c, struct http_server *s)
{
	struct MHD_OptionItem tls_options[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *) (uintptr_t) http_tls_present },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0,
		    (void *) (uintptr_t) (s->options.client_ca_file != NULL ? internal_priorities : public_priorities) },
		{ s->options.client_ca_file == NULL ? MHD_OPTION_END : MHD_OPTION_HTTPS_MEM_TRUST, 0,
		    s->options.client_ca_file == NULL ? NULL : (void *) (uintptr_t) tls_client_ca(s->tls) },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	unsigned flags = MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_USE_ERROR_LOG | (s->tls != NULL ? MHD_USE_TLS : 0U);
	flags |= s->options.threads == HTTP_THREADS_EACH
	             ? (unsigned) MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION
	             : (unsigned) MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_Daemon *d = MHD_start_daemon(flags, 0, NULL, NULL, http_request_access, s, MHD_OPTION_EXTERNAL_LOGGER,
	    forward_log, s, MHD_OPTION_URI_LOG_CALLBACK, http_request_begin, s, MHD_OPTION_NOTIFY_COMPLETED,
	    http_request_completed, s, MHD_OPTION_NOTIFY_CONNECTION, http_conn_notify, s, MHD_OPTION_CONNECTION_LIMIT,
	    s->options.max_connections + 1, MHD_OPTION_CONNECTION_TIMEOUT, s->options.idle_timeout_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HTTP_CONNECTION_MEMORY, MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
	    (size_t) 4096, MHD_OPTION_ARRAY, s->tls != NULL ? tls_options : none, MHD_OPTION_END);
	if (d == NULL) {
		return fail_start(c, "MHD_start_daemon");
	}
	s->daemons[s->n_daemons++] = d;
	return 0;
}

static int start(struct ctx *c, struct http_server *s)
{
	if (s->options.cert_file != NULL) {
		TRY(tls_new(c, s->options.cert_file, s->options.key_file, s->options.client_ca_file, &s->tls));
	}
	TRY(open_socket(c, s));
	TRY(http_workers_start(c, s));
	unsigned io_threads = s->options.io_threads == 0 ? 2 : s->options.io_threads;
	io_threads = s->options.threads == HTTP_THREADS_EACH ? 1 : io_threads;
	for (unsigned i = 0; i < io_threads && i < HTTP_MAX_IO_THREADS; i++) {
		TRY(start_daemon(c, s));
	}
	return http_watch_start(c, s);
}

/* Everything that is under way has ended. */
static void release(struct http_server *s)
{
	http_watch_stop(s);
	http_workers_join(s);
	for (unsigned i = 0; i < s->n_daemons; i++) {
		MHD_stop_daemon(s->daemons[i]);
	}
	http_watch_done(s);
	if (s->listen_fd >= 0) {
		close(s->listen_fd);
	}
	tls_free(s->tls);
	pthread_cond_destroy(&s->quiet);
	pthread_cond_destroy(&s->turn);
	pthread_mutex_destroy(&s->lock);
	arena_free(s->arena);
	free(s);
}

static struct http_server *server_new(const struct http_server_options *options)
{
	struct http_server *s = calloc(1, sizeof(*s));
	pthread_condattr_t attributes;
	if (s == NULL || pthread_mutex_init(&s->lock, NULL) != 0 || pthread_condattr_init(&attributes) != 0 ||
	    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
	    pthread_cond_init(&s->quiet, &attributes) != 0 || pthread_cond_init(&s->turn, NULL) != 0) {
		die("out of memory");
	}
	pthread_condattr_destroy(&attributes);
	s->arena = arena_new();
	s->listen_fd = -1;
	s->wake_fd = -1;
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
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t ns = until.tv_nsec + (ms % 1000) * 1000000;
	until.tv_sec += (time_t) (ms / 1000 + ns / 1000000000);
	until.tv_nsec = (long) (ns % 1000000000);
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

#include "cli/bench_responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/die.h"

#define SLOTS 4096
#define CONNECTIONS 1024
#define REQUEST_MAX 4096
#define THUMBPRINT_MAX 64
#define EVENTS 64
#define PREFIX "/.well-known/acme-challenge/"

struct entry {
	struct entry *next;
	char token[BENCH_TOKEN_MAX + 1];
	char thumbprint[THUMBPRINT_MAX + 1];
};

struct connection {
	size_t place; /* in bench_responder.open */
	int fd;
	size_t used;
	char request[REQUEST_MAX + 1];
};

struct bench_responder {
	int listener;
	int epoll;
	int wake; /* readable: end */
	uint16_t port;
	pthread_t thread;
	struct connection *open[CONNECTIONS];
	pthread_mutex_t lock; /* of the table */
	struct entry *table[SLOTS];
};

static size_t slot_of(const char *token, size_t n)
{
	uint32_t h = 2166136261U; /* FNV-1a: tokens are random */
	for (size_t i = 0; i < n; i++) {
		h = (h ^ (uint8_t) token[i]) * 16777619U;
	}
	return h % SLOTS;
}

static struct entry **entry_find(struct bench_responder *r, const char *token, size_t n)
{
	struct entry **at = &r->table[slot_of(token, n)];
	while (*at != NULL && (strncmp((*at)->token, token, n) != 0 || (*at)->token[n] != '\0')) {
		at = &(*at)->next;
	}
	return at;
}

int bench_responder_put(struct bench_responder *r, const char *token, const char *thumbprint)
{
	size_t n = strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
	if (n == 0 || token[n] != '\0' || n > BENCH_TOKEN_MAX || strlen(thumbprint) > THUMBPRINT_MAX) {
		return -1;
	}
	struct entry *fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL) {
		die("out of memory");
	}
	memcpy(fresh->token, token, n + 1);
	memcpy(fresh->thumbprint, thumbprint, strlen(thumbprint) + 1);
	pthread_mutex_lock(&r->lock);
	struct entry **at = entry_find(r, token, n);
	struct entry *old = *at;
	fresh->next = old == NULL ? NULL : old->next;
	*at = fresh;
	pthread_mutex_unlock(&r->lock);
	free(old);
	return 0;
}

void bench_responder_remove(struct bench_responder *r, const char *token)
{
	pthread_mutex_lock(&r->lock);
	struct entry **at = entry_find(r, token, strlen(token));
	struct entry *old = *at;
	if (old != NULL) {
		*at = old->next;
	}
	pthread_mutex_unlock(&r->lock);
	free(old);
}

/* The whole answer to a whole request, without a NUL; its length. */
static size_t answer(struct bench_responder *r, const char *request, bool keep, char *out, size_t size)
{
	char body[BENCH_TOKEN_MAX + THUMBPRINT_MAX + 2] = "unknown token";
	unsigned status = 404;
	if (strncmp(request, "GET " PREFIX, 4 + strlen(PREFIX)) == 0) {
		const char *token = request + 4 + strlen(PREFIX);
		size_t n = strcspn(token, " ?\r\n");
		pthread_mutex_lock(&r->lock);
		const struct entry *e = *entry_find(r, token, n);
		if (e != NULL) {
			snprintf(body, sizeof(body), "%s.%s", e->token, e->thumbprint);
			status = 200;
		}
		pthread_mutex_unlock(&r->lock);
	}
	int n = snprintf(out, size,
	    "HTTP/1.1 %u %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n%s",
	    status, status == 200 ? "OK" : "Not Found", strlen(body), keep ? "keep-alive" : "close", body);
	return (size_t) n;
}

/* True when the connection may be kept after this request. */
static bool wants_kept(const char *request)
{
	return strstr(request, " HTTP/1.1\r\n") != NULL && strcasestr(request, "\r\nConnection: close") == NULL;
}

static void connection_close(struct bench_responder *r, struct connection *x)
{
	r->open[x->place] = NULL;
	close(x->fd); /* which takes it out of the epoll set */
	free(x);
}

/* Reads what is there and answers once the headers are whole. False: close it. */
static bool connection_serve(struct bench_responder *r, struct connection *x)
{
	ssize_t got = recv(x->fd, x->request + x->used, REQUEST_MAX - x->used, 0);
	if (got < 0) {
		return errno == EAGAIN || errno == EINTR;
	}
	if (got == 0) {
		return false;
	}
	x->used += (size_t) got;
	x->request[x->used] = '\0';
	if (strstr(x->request, "\r\n\r\n") == NULL) {
		return x->used < REQUEST_MAX;
	}
	bool keep = wants_kept(x->request);
	char out[1024];
	size_t n = answer(r, x->request, keep, out, sizeof(out));
	x->used = 0;
	/* An answer is smaller than any send buffer; a peer that does not read is not worth a queue. */
	return send(x->fd, out, n, MSG_NOSIGNAL) == (ssize_t) n && keep;
}

static void accept_one(struct bench_responder *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		return;
	}
	size_t place = 0;
	while (place < CONNECTIONS && r->open[place] != NULL) {
		place++;
	}
	if (place == CONNECTIONS) {
		close(fd);
		return;
	}
	struct connection *x = calloc(1, sizeof(*x));
	if (x == NULL) {
		die("out of memory");
	}
	x->place = place;
	x->fd = fd;
	r->open[place] = x;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = x };
	if (!connection_serve(r, x) || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		connection_close(r, x);
	}
}

static void *serve(void *arg)
{
	struct bench_responder *r = arg;
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(r->epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &r->wake) {
				return NULL;
			}
			if (events[i].data.ptr == &r->listener) {
				accept_one(r);
			} else if (!connection_serve(r, events[i].data.ptr)) {
				connection_close(r, events[i].data.ptr);
			}
		}
	}
}

static int address_of(const char *text, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_size)
{
	*ret = (struct sockaddr_storage) { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *) ret;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*ret_size = sizeof(*v4);
		return 0;
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) ret;
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*ret_size = sizeof(*v6);
		return 0;
	}
	return -1;
}

static int listen_on(struct ctx *c, struct bench_responder *r, const char *address, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t size = 0;
	if (address_of(address, port, &at, &size) != 0) {
		return FAIL(c, UNAVAILABLE, "'%s' is not an IPv4 or IPv6 address", address);
	}
	r->listener = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;
	if (r->listener < 0 || setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(r->listener, (struct sockaddr *) &at, size) != 0 || listen(r->listener, SOMAXCONN) != 0 ||
	    getsockname(r->listener, (struct sockaddr *) &at, &size) != 0) {
		return FAIL(
		    c, UNAVAILABLE, "the http-01 responder can't listen on %s port %u: %s", address, port, strerror(errno));
	}
	/* Ports of both families stand at the same place. */
	r->port = ntohs(((struct sockaddr_in *) &at)->sin_port);
	return 0;
}

/* Signals are for the main thread. */
static int start_thread(struct bench_responder *r)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&r->thread, NULL, serve, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0 ? 0 : -1;
}

static int start(struct ctx *c, struct bench_responder *r, const char *address, uint16_t port)
{
	TRY(listen_on(c, r, address, port));
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event on_listener = { .events = EPOLLIN, .data.ptr = &r->listener };
	struct epoll_event on_wake = { .events = EPOLLIN, .data.ptr = &r->wake };
	if (r->epoll < 0 || r->wake < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->listener, &on_listener) != 0 ||
	    epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->wake, &on_wake) != 0 || start_thread(r) != 0) {
		return FAIL(c, UNAVAILABLE, "the http-01 responder can't start: %s", strerror(errno));
	}
	return 0;
}

static void responder_free(struct bench_responder *r)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (r->open[i] != NULL) {
			connection_close(r, r->open[i]);
		}
	}
	for (size_t i = 0; i < SLOTS; i++) {
		for (struct entry *e = r->table[i], *next = NULL; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	}
	const int fds[] = { r->listener, r->epoll, r->wake };
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int bench_responder_start(struct ctx *c, const char *address, uint16_t port, struct bench_responder **ret)
{
	struct bench_responder *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		die("out of memory");
	}
	r->listener = r->epoll = r->wake = -1;
	pthread_mutex_init(&r->lock, NULL);
	if (start(c, r, address, port) != 0) {
		responder_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void bench_responder_stop(struct bench_responder *r)
{
	if (r == NULL) {
		return;
	}
	uint64_t one = 1;
	if (write(r->wake, &one, sizeof(one)) != (ssize_t) sizeof(one)) {
		die("the http-01 responder can't be ended: %s", strerror(errno));
	}
	pthread_join(r->thread, NULL);
	responder_free(r);
}

uint16_t bench_responder_port(const struct bench_responder *r)
{
	return r->port;
}

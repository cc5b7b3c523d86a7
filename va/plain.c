#include "va/plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "va/dial.h"

#define EVENTS 64
#define READ_AT_ONCE 4096

struct plains {
	int epoll;
};

int plains_new(struct ctx *c, struct plains **ret)
{
	struct plains *all = calloc(1, sizeof(*all));
	if (all == NULL) {
		die("out of memory");
	}
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (all->epoll < 0) {
		free(all);
		return FAIL(c, SERVER_INTERNAL, "The event loop can't be made: %s", strerror(errno));
	}
	*ret = all;
	return 0;
}

void plains_free(struct plains *all)
{
	if (all != NULL) {
		(void) close(all->epoll);
		free(all);
	}
}

int plains_fd(const struct plains *all)
{
	return all->epoll;
}

static void end(struct plain *p, enum failure failure)
{
	struct connection_attempt *t = &p->attempt;
	const struct http_answer *answer = &p->reader.answer;
	t->http_status = p->reader.status;
	http_answer_record(answer, t);
	if (failure == FAILURE_NONE && redirect_status(t->http_status) && answer->locations != 1) {
		failure = FAILURE_LOCATIONS; /* C-11: which would be the final one? */
	}
	t->error = failure == FAILURE_NONE ? NULL : failure_text(failure);
	t->duration_us = clock_monotonic_us() - p->started_us;
	p->running = false;
	if (p->fd >= 0) {
		(void) close(p->fd); /* which takes it out of epoll */
	}
	struct connection_attempt attempt = *t;
	p->done(p->arg, failure, &attempt);
}

static void watch(struct plain *p, int how, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = p };
	/* If that fails, its deadline ends it. */
	(void) epoll_ctl(p->all->epoll, how, p->fd, &event);
}

static void send_request(struct plain *p)
{
	ssize_t n = send(p->fd, p->out.p, p->out.n, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end(p, FAILURE_RESET);
		return;
	}
	size_t sent = n > 0 ? (size_t) n : 0;
	p->out = (struct bytes) { p->out.p + sent, p->out.n - sent };
	if (p->out.n == 0) {
		watch(p, EPOLL_CTL_MOD, EPOLLIN);
	}
}

static void connected(struct plain *p)
{
	int error = 0;
	socklen_t n = sizeof(error);
	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
		end(p, dial_failure(&p->ip, error));
		return;
	}
	p->connected = true;
	send_request(p);
}

/* One piece at a time, so that a host that talks without end is served no more often than others. */
static void receive(struct plain *p)
{
	uint8_t piece[READ_AT_ONCE];
	ssize_t n = recv(p->fd, piece, sizeof(piece), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		end(p, n < 0 ? FAILURE_RESET : http_reader_end(&p->reader));
		return;
	}
	enum failure failure = http_reader_take(&p->reader, (struct bytes) { piece, (size_t) n });
	if (failure != FAILURE_NONE || p->reader.state == READER_DONE) {
		end(p, failure);
	}
}

static void serve(struct plain *p)
{
	if (!p->connected) {
		connected(p);
	} else if (p->out.n > 0) {
		send_request(p);
	} else {
		receive(p);
	}
}

void plains_serve(struct plains *all)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(all->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		serve(events[i].data.ptr);
	}
}

/* Nothing that a client could be known by, no cookie, no compression. */
static struct bytes request_text(struct arena *a, const struct fetch_request *r)
{
	const struct target *t = r->target;
	bool bracketed = t->host_is_ip && t->ip.v6; /* B-8 */
	const char *host = arena_printf(a, bracketed ? "[%s]" : "%s", t->host);
	if (!r->name_only && t->port != 80) {
		host = arena_printf(a, "%s:%u", host, t->port);
	}
	return bytes_of_text(
	    arena_printf(a, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n",
	        t->path, host, r->user_agent));
}

void plain_start(struct plain *p, struct plains *all, struct arena *a, const struct fetch_request *request,
    fetch_done *done, void *arg)
{
	int64_t now = clock_monotonic_us();
	*p = (struct plain) {
		.all = all,
		.arena = a,
		.done = done,
		.arg = arg,
		.running = true,
		.ip = *request->ip,
		.started_us = now,
		.connect_until_us = now + request->connect_ms * 1000,
		.until_us = now + request->total_ms * 1000,
		.attempt = { .url = request->target->url,
		    .host = request->target->host,
		    .port = request->target->port,
		    .address_used = ip_encode(a, request->ip),
		    .started_at = clock_now() },
	};
	http_reader_init(&p->reader, a);
	p->out = request_text(a, request);
	p->fd = dial_open(request->ip, request->target->port);
	if (p->fd < 0) {
		end(p, dial_failure(request->ip, errno));
		return;
	}
	watch(p, EPOLL_CTL_ADD, EPOLLOUT);
}

bool plain_running(const struct plain *p)
{
	return p->running;
}

void plain_abandon(struct plain *p)
{
	if (p->running) {
		end(p, p->connected ? FAILURE_READ_TIMEOUT : FAILURE_CONNECT_TIMEOUT);
	}
}

void plain_tick(struct plain *p, int64_t now_us)
{
	if (p->running && (now_us >= p->until_us || (!p->connected && now_us >= p->connect_until_us))) {
		plain_abandon(p);
	}
}

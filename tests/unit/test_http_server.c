/* The HTTP server without TLS, driven by raw sockets: limits, framing, slow senders, a full queue, drain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/http/address.h"
#include "lib/http/health.h"
#include "lib/http/server.h"

#define MAX_BODY 10000

static struct http_server *server;
static sem_t gate;            /* /wait passes when it is posted */
static atomic_int waiting;    /* how many are in /wait */
static atomic_int workers_on; /* worker_start minus worker_end */
static atomic_int late;
static atomic_int released;
static enum http_threads threads;

static void reply_text(struct http_request *r, unsigned status, const char *text)
{
	http_reply(r, status, "text/plain", bytes_of_text(text));
}

static void *finish_later(void *arg)
{
	struct http_request *r = arg;
	usleep(20000);
	reply_text(r, 200, "later");
	http_finish(r);
	return NULL;
}

static void handler(struct http_request *r, void *arg)
{
	(void) arg;
	if (strcmp(r->path, "/wait") == 0) {
		atomic_fetch_add(&waiting, 1);
		sem_wait(&gate);
		atomic_fetch_sub(&waiting, 1);
		reply_text(r, 200, "waited");
	} else if (strcmp(r->path, "/later") == 0) {
		http_defer(r);
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, finish_later, r), 0);
		pthread_detach(thread);
	} else if (strcmp(r->path, "/none") == 0) {
		http_reply(r, 204, NULL, (struct bytes) { NULL, 0 });
	} else if (strcmp(r->path, "/big") == 0) {
		uint8_t *p = arena_alloc(r->ctx.arena, 1000000);
		memset(p, 'x', 1000000);
		http_reply(r, 200, NULL, (struct bytes) { p, 1000000 });
	} else {
		http_reply_header(r, "X-Test", "yes");
		const char *list = http_request_header_list(r, "X-List");
		if (list != NULL) {
			http_reply_header(r, "X-Listed", list);
		}
		reply_text(r, 200,
		    arena_printf(r->ctx.arena, "[%s %s %s %zu %s %s]", r->method, r->path, r->query ? r->query : "-", r->body.n,
		        http_request_address(r, NULL), r->ctx.caller ? r->ctx.caller : "-"));
	}
}

static bool quick(struct http_request *r, void *arg)
{
	(void) arg;
	if (strcmp(r->path, "/quick") != 0) {
		return false;
	}
	reply_text(r, 200, "quick");
	return true;
}

static void refuse(struct http_request *r, void *arg)
{
	(void) arg;
	if (r->ctx.err.retry_after_s > 0) {
		http_reply_header(r, "Retry-After", "1");
	}
	reply_text(r, problem_info(r->ctx.err.type)->status, arena_printf(r->ctx.arena, "REFUSED %s", r->ctx.err.detail));
}

static void worker_start(void)
{
	atomic_fetch_add(&workers_on, 1);
}

static void worker_end(void)
{
	atomic_fetch_sub(&workers_on, 1);
}

static void release(void)
{
	atomic_fetch_add(&released, 1);
}

static int start_again(void)
{
	struct ctx c;
	ctx_init(&c);
	sem_init(&gate, 0, 0);
	struct http_server_options options = {
		.name = "test",
		.address = "127.0.0.1",
		.max_body = MAX_BODY,
		.threads = threads,
		.workers = 2,
		.queue = 2,
		.max_connections = 100,
		.idle_timeout_s = 1,
		.request_limit_ms = 5000,
		.handler = handler,
		.quick = quick,
		.refuse = refuse,
		.worker_start = worker_start,
		.worker_end = worker_end,
		.release = release,
	};
	assert_int_equal(http_server_start(&c, &options, &server), 0);
	ctx_done(&c);
	return 0;
}

static int start(void **state)
{
	(void) state;
	threads = HTTP_THREADS_POOL;
	return start_again();
}

static int start_none(void **state)
{
	(void) state;
	threads = HTTP_THREADS_NONE;
	return start_again();
}

static int stop(void **state)
{
	(void) state;
	http_server_stop(server, 2000);
	assert_int_equal(atomic_load(&workers_on), 0);
	return 0;
}

static int dial(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(http_server_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *) &to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	size_t n = strlen(text);
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* What comes within ms, or until the end of the connection, or until `until` was seen. NUL-terminated, static. */
static const char *hear(int fd, const char *until, int ms)
{
	static char text[65536];
	size_t n = 0;
	int64_t end_us = clock_monotonic_us() + ms * 1000;
	text[0] = '\0';
	while (n < sizeof(text) - 1 && clock_monotonic_us() < end_us && (until == NULL || strstr(text, until) == NULL)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		poll(&p, 1, (int) ((end_us - clock_monotonic_us()) / 1000) + 1);
		ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			break;
		}
		n += got > 0 ? (size_t) got : 0;
		text[n] = '\0';
	}
	return text;
}

/* The whole answer to a request on a connection of its own, which is then closed by the server or after ms. */
static const char *ask(const char *request, const char *until)
{
	int fd = dial();
	say(fd, request);
	const char *answer = hear(fd, until, 3000);
	close(fd);
	return answer;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL) {
		fail_msg("\"%s\" is not in: %s", part, text);
	}
}

static void serves(void **state)
{
	(void) state;
	const char *answer = ask("GET /a%2fb?x=1 HTTP/1.1\r\nHost: h\r\n\r\n", "]");
	assert_has(answer, "HTTP/1.1 200");
	assert_has(answer, "X-Test: yes");
	assert_has(answer, "\r\nDate: "); /* RFC 9110 6.6.1 */
	assert_has(answer, " GMT\r\n");
	assert_has(answer, "[GET /a%2fb x=1 0 127.0.0.1 -]"); /* the path stays as it was sent */
	assert_has(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "]"), "[POST / - 3 ");
	assert_has(
	    ask("GET / HTTP/1.1\r\nHost: h\r\nX-List: a\r\nX: y\r\nx-list: b, c\r\n\r\n", "]"), "X-Listed: a, b, c\r\n");
	assert_has(ask("GET http://h/p HTTP/1.1\r\nHost: h\r\n\r\n", "]"), "[GET /p - 0");
	assert_has(ask("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n", "quick"), "200 OK");
	assert_has(ask("GET /later HTTP/1.1\r\nHost: h\r\n\r\n", "later"), "200 OK");
	assert_has(ask("GET /old HTTP/1.0\r\n\r\n", NULL), "[GET /old");
}

static void keeps_connections(void **state)
{
	(void) state;
	int fd = dial();
	for (int i = 0; i < 5; i++) {
		say(fd, "POST /again HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok");
		assert_has(hear(fd, "]", 2000), "[POST /again - 2");
	}
	say(fd, "HEAD /head HTTP/1.1\r\nHost: h\r\n\r\nGET /behind HTTP/1.1\r\nHost: h\r\n\r\n");
	const char *answer = hear(fd, "]", 2000);
	assert_null(strstr(answer, "[HEAD")); /* no body for HEAD */
	assert_has(answer, "[GET /behind");
	say(fd, "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	assert_has(hear(fd, NULL, 900), "[GET /last"); /* ends by the end of the connection */
	close(fd);
	/* RFC 9112 9.3: one of HTTP/1.0 stays if it asks for it. */
	fd = dial();
	for (int i = 0; i < 2; i++) {
		say(fd, "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
		const char *old = hear(fd, "]", 2000);
		assert_has(old, "Connection: keep-alive\r\n");
		assert_has(old, "[GET /old");
	}
	close(fd);
}

/* What came with one request and belongs to the next ones is answered in turn, whatever the pieces. */
static void answers_in_turn(void **state)
{
	(void) state;
	static const char text[] =
	    "POST /one HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
	    "\r\nPOST /two HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
	    "GET /none HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n"
	    "GET /end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
	static const size_t pieces[] = { sizeof(text), 1, 30, 101 };
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		int fd = dial();
		for (size_t at = 0; at < sizeof(text) - 1; at += pieces[i]) {
			size_t left = sizeof(text) - 1 - at;
			size_t n = left < pieces[i] ? left : pieces[i];
			assert_int_equal(send(fd, text + at, n, MSG_NOSIGNAL), n);
		}
		const char *answer = hear(fd, NULL, 3000);
		const char *wanted[] = { "[POST /one - 3", "[POST /two - 1", "204 No Content", "later", "[GET /end" };
		for (size_t j = 0; j < COUNT_OF(wanted); j++) {
			assert_has(answer, wanted[j]);
			answer = strstr(answer, wanted[j]);
		}
		close(fd);
	}
}

static void takes_chunks(void **state)
{
	(void) state; /* */
	assert_has(ask("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	               "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
	               "]"),
	    "[POST /c - 7");
	int fd = dial();
	say(fd, "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	assert_has(hear(fd, "\r\n\r\n", 2000), "100 Continue");
	say(fd, "hello");
	assert_has(hear(fd, "]", 2000), "[POST /c - 5");
	close(fd);
}

static void refuses_large_bodies(void **state)
{
	(void) state; /* */
	assert_has(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10001\r\n\r\n", "REFUSED"), "413");
	assert_has(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", NULL), " 413 ");
	assert_has(
	    ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\nExpect: 100-continue\r\n\r\n", "REFUSED"), "413");
	/* A client that sends the whole megabyte before it reads still sees the answer. */
	int fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
	char *mega = calloc(1, 1000000);
	size_t sent = 0;
	for (ssize_t n; sent < 1000000 && (n = send(fd, mega + sent, 1000000 - sent, MSG_NOSIGNAL)) > 0;) {
		sent += (size_t) n;
	}
	assert_int_equal(sent, 1000000);
	assert_has(hear(fd, "REFUSED", 3000), "413");
	close(fd);
	free(mega);
	/* In chunks nobody knows how much will come. */
	char chunk[1100];
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 11; i++) {
		say(fd, "3e8\r\n");
		assert_int_equal(send(fd, chunk, 1000, MSG_NOSIGNAL), 1000);
		say(fd, "\r\n");
	}
	say(fd, "0\r\n\r\n");
	assert_has(hear(fd, "REFUSED", 3000), "413");
	close(fd);
}

static void takes_a_full_body(void **state)
{
	(void) state;
	char body[MAX_BODY + 1];
	memset(body, 'b', MAX_BODY);
	body[MAX_BODY] = '\0';
	int fd = dial();
	say(fd, "POST /full HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n");
	say(fd, body);
	assert_has(hear(fd, "]", 2000), "[POST /full - 10000");
	close(fd);
}

static void refuses_endless_chunks(void **state)
{
	(void) state;
	int fd = dial();
	char chunk[4096];
	memset(chunk, 'x', sizeof(chunk));
	say(fd, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n");
	size_t sent = 0;
	for (ssize_t n; sent < 16000000 && (n = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL)) > 0;) {
		sent += (size_t) n;
	}
	assert_true(sent < 16000000); /* the connection ended long before */
	close(fd);
}

static void refuses_large_heads(void **state)
{
	(void) state; /* */
	static const struct {
		const char *head;
		size_t filler;
		const char *tail;
		const char *status;
	} cases[] = {
		{ "GET /", 5000, " HTTP/1.1\r\nHost: h\r\n\r\n", " 414 " },
		{ "GET / HTTP/1.1\r\nHost: h\r\nX-A: ", 17000, "\r\n\r\n", " 431 " },
		{ "GET / HTTP/1.1\r\nHost: h\r\nX-A: ", 90000, "", " 431 " }, /* it never ends */
	};
	char *filler = malloc(90001);
	char *text = malloc(100000);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		memset(filler, 'a', cases[i].filler);
		filler[cases[i].filler] = '\0';
		snprintf(text, 100000, "%s%s%s", cases[i].head, filler, cases[i].tail);
		assert_has(ask(text, NULL), cases[i].status);
	}
	size_t n = 0;
	for (int i = 0; i < 70; i++) {
		n += (size_t) snprintf(filler + n, 9, "X-A: b\r\n");
	}
	snprintf(text, 100000, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", filler);
	assert_has(ask(text, NULL), " 431 ");
	free(filler);
	free(text);
}

static void refuses_two_meanings(void **state)
{
	(void) state; /* */
	static const char *const heads[] = {
		"Host: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
		"Host: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
		"Host: h\r\nContent-Length: 3\r\ncontent-length: 3\r\n",
		"Host: h\r\nContent-Length: +3\r\n",
		"Host: h\r\nContent-Length: 3,3\r\n",
		"Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"Host: h\r\nTransfer-Encoding: gzip, chunked\r\n",
		"Host: h\r\nTransfer-Encoding: xchunked\r\n",
		"Host: h\r\nTransfer-Encoding : chunked\r\n",
		"Host: h\r\nContent-Length: 3\r\n 0\r\n",
		"Host: h\r\n Content-Length: 3\r\n",
		"Host: h\r\nHost: h\r\n",
		"Host: h\r\nX y: 1\r\n",
		"Host: h\r\nX: a\rContent-Length: 3\r\n",
		"Content-Length: 3\r\n",
	};
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		char text[400];
		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n%s\r\nabc", heads[i]);
		const char *answer = ask(text, NULL);
		if (strstr(answer, " 400 ") == NULL || strstr(answer, "[POST") != NULL) {
			fail_msg("case %zu: %s", i, answer);
		}
	}
	assert_has(ask("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NULL), " 400 ");
	assert_has(ask("GET nowhere HTTP/1.1\r\nHost: h\r\n\r\n", NULL), " 400 ");
	assert_has(ask("GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n", NULL), " 400 ");
	assert_has(ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", NULL), " 400 ");
	/* Refused with a sentence. */
	assert_has(
	    ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", NULL), "REFUSED The chunks");
	assert_has(ask("GET / HTTP/1.1\nHost: h\n\n", NULL), "REFUSED A line of the header");
	assert_has(ask("hello\r\n\r\n", NULL), "REFUSED The first line");
	assert_has(ask("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", NULL), "REFUSED The URL has a character");
	assert_has(ask("GET / HTTP/1.1\r\n\r\n", NULL), "REFUSED The request must have exactly one Host");
}

static void ends_slow_senders(void **state)
{
	(void) state; /* */
	int fd = dial();
	int64_t begin = clock_monotonic_us();
	assert_string_equal(hear(fd, NULL, 5000), ""); /* says nothing */
	assert_true(clock_monotonic_us() - begin < 4000000);
	close(fd);
	/* An octet now and then never lets a connection idle: the whole request has its own limit. */
	fd = dial();
	begin = clock_monotonic_us();
	say(fd, "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
	for (int i = 0; i < 30 && send(fd, "x", 1, MSG_NOSIGNAL) == 1; i++) {
		usleep(200000);
	}
	assert_true(clock_monotonic_us() - begin < 4000000);
	close(fd);
	fd = dial();
	begin = clock_monotonic_us();
	for (int i = 0; i < 30 && send(fd, "G", 1, MSG_NOSIGNAL) == 1; i++) {
		usleep(200000);
	}
	assert_true(clock_monotonic_us() - begin < 5000000);
	close(fd);
}

static void refuses_when_the_queue_is_full(void **state)
{
	(void) state; /* */
	int busy[4];
	for (int i = 0; i < 4; i++) {
		busy[i] = dial();
		say(busy[i], "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
		usleep(50000);
	}
	assert_int_equal(atomic_load(&waiting), 2);
	int fd = dial();
	int64_t begin = clock_monotonic_us();
	say(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
	const char *answer = hear(fd, "REFUSED", 2000);
	assert_has(answer, " 503 ");
	assert_has(answer, "Retry-After: 1");
	assert_true(clock_monotonic_us() - begin < 500000);
	say(fd, "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n"); /* the connection lives on */
	assert_has(hear(fd, "quick", 2000), " 200 ");
	close(fd);
	for (int i = 0; i < 4; i++) {
		sem_post(&gate);
	}
	for (int i = 0; i < 4; i++) {
		assert_has(hear(busy[i], "waited", 2000), " 200 ");
		close(busy[i]);
	}
}

static void survives_clients_that_leave(void **state)
{
	(void) state;
	for (int i = 0; i < 2; i++) {
		int fd = dial();
		say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
		while (atomic_load(&waiting) < i + 1) {
			usleep(1000);
		}
		close(fd);
	}
	sem_post(&gate);
	sem_post(&gate);
	int fd = dial();
	say(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
	usleep(20000);
	close(fd);
	assert_has(ask("GET /well HTTP/1.1\r\nHost: h\r\n\r\n", "]"), "[GET /well");
}

static void *post_later(void *arg)
{
	usleep(300000);
	atomic_store(&late, 1);
	sem_post(arg);
	return NULL;
}

/* Stopping answers what is under way and takes no new connection. */
static void drains(void **state)
{
	(void) state;
	int idle = dial();
	int fd = dial();
	say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
	while (atomic_load(&waiting) == 0) {
		usleep(1000);
	}
	uint16_t port = http_server_port(server);
	pthread_t thread;
	pthread_create(&thread, NULL, post_later, &gate);
	http_server_stop(server, 5000);
	assert_int_equal(atomic_load(&late), 1);
	const char *answer = hear(fd, NULL, 1000);
	assert_has(answer, "waited");
	assert_has(answer, "Connection: close");
	assert_string_equal(hear(idle, NULL, 100), "");
	pthread_join(thread, NULL);
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int refused = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(refused, (struct sockaddr *) &to, sizeof(to)), -1);
	close(refused);
	close(idle);
	close(fd);
	assert_int_equal(start_again(), 0); /* for the teardown */
}

static void *ask_and_leave(void *arg)
{
	(void) arg;
	int fd = dial();
	say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
	while (atomic_load(&waiting) < 1) {
		usleep(1000);
	}
	return (void *) (intptr_t) fd;
}

/* A slow handler holds its own thread and nobody else's; behind each one its thread gives back what it held. */
static void serves_beside_slow_handlers(void **state)
{
	(void) state;
	int fd = (int) (intptr_t) ask_and_leave(NULL);
	int other = dial();
	atomic_store(&released, 0);
	for (int i = 0; i < 3; i++) {
		say(other, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
		assert_has(hear(other, "]", 2000), "[POST /x - 2 127.0.0.1 -]");
	}
	sem_post(&gate);
	assert_has(hear(fd, "waited", 2000), " 200 ");
	usleep(20000); /* the answer may be there before */
	assert_int_equal(atomic_load(&released), 4);
	assert_int_equal(atomic_load(&workers_on), 2 + 2);
	close(other);
	close(fd);
}

/* The time to drain ends: who still waits for a turn is refused, who has one is left alone. */
static void refuses_at_the_end(void **state)
{
	(void) state;
	int busy[3];
	for (int i = 0; i < 3; i++) {
		busy[i] = dial();
		say(busy[i], "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
		usleep(30000);
	}
	pthread_t thread;
	pthread_create(&thread, NULL, post_later, &gate);
	assert_false(http_server_stop(server, 100));
	assert_has(hear(busy[0], NULL, 1000), "waited");
	assert_has(hear(busy[2], NULL, 1000), "REFUSED");
	pthread_join(thread, NULL);
	sem_post(&gate);
	assert_has(hear(busy[1], NULL, 1000), "waited");
	for (int i = 0; i < 3; i++) {
		close(busy[i]);
	}
	usleep(50000);
	assert_true(http_server_stop(server, 2000));
	assert_int_equal(start_again(), 0); /* for the teardown */
}

static void serves_without_workers(void **state)
{
	(void) state;
	int fd = dial();
	for (int i = 0; i < 3; i++) {
		say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_has(hear(fd, "later", 2000), " 200 ");
		say(fd, "GET /at-once HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_has(hear(fd, "]", 2000), "[GET /at-once");
	}
	assert_int_equal(atomic_load(&workers_on), 2);
	close(fd);
}

static void tells_why_it_can_not_start(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct http_server_options options = { .name = "second",
		.address = "127.0.0.1",
		.port = http_server_port(server),
		.workers = 1,
		.queue = 1,
		.max_connections = 1,
		.handler = handler };
	struct http_server *second;
	assert_int_equal(http_server_start(&c, &options, &second), -1);
	assert_int_equal(c.err.type, PROBLEM_SERVER_INTERNAL);
	assert_has(c.err.cause, "in use");
	ctx_done(&c);
}

static const char *_Atomic why_not;

static const char *not_ready(void)
{
	return why_not;
}

static const char *ask_health(struct health *h, const char *request)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(health_port(h)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *) &to, sizeof(to)), 0);
	say(fd, request);
	const char *answer = hear(fd, NULL, 900);
	close(fd);
	return answer;
}

static void shows_health(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct health *h;
	assert_int_equal(health_start(&c, "127.0.0.1:0", not_ready, &h), 0);
	assert_has(ask_health(h, "GET /livez HTTP/1.0\r\n\r\n"), " 200 ");
	assert_has(ask_health(h, "GET /readyz HTTP/1.0\r\n\r\n"), " 200 ");
	why_not = "PostgreSQL does not answer";
	const char *answer = ask_health(h, "GET /readyz HTTP/1.0\r\n\r\n");
	assert_has(answer, " 503 ");
	assert_has(answer, why_not);
	assert_has(ask_health(h, "GET /metrics HTTP/1.0\r\n\r\n"), "cairn_http_requests_total");
	assert_has(ask_health(h, "GET /other HTTP/1.0\r\n\r\n"), " 404 ");
	assert_has(ask_health(h, "POST /livez HTTP/1.0\r\nContent-Length: 0\r\n\r\n"), " 405 ");
	health_stop(h);
	ctx_done(&c);
}

static void shows_addresses(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct sockaddr_storage socket;
	socklen_t n;
	uint16_t port;
	assert_int_equal(http_address_socket(&c, "::ffff:192.0.2.1", 7, &socket, &n), 0);
	assert_string_equal(http_address_text(c.arena, &socket, &port), "192.0.2.1");
	assert_int_equal(port, 7);
	assert_int_equal(http_address_socket(&c, "localhost", 7, &socket, &n), -1);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_addresses),
		cmocka_unit_test_setup_teardown(serves, start, stop),
		cmocka_unit_test_setup_teardown(keeps_connections, start, stop),
		cmocka_unit_test_setup_teardown(answers_in_turn, start, stop),
		cmocka_unit_test_setup_teardown(takes_chunks, start, stop),
		cmocka_unit_test_setup_teardown(takes_a_full_body, start, stop),
		cmocka_unit_test_setup_teardown(refuses_large_bodies, start, stop),
		cmocka_unit_test_setup_teardown(refuses_endless_chunks, start, stop),
		cmocka_unit_test_setup_teardown(refuses_large_heads, start, stop),
		cmocka_unit_test_setup_teardown(refuses_two_meanings, start, stop),
		cmocka_unit_test_setup_teardown(ends_slow_senders, start, stop),
		cmocka_unit_test_setup_teardown(refuses_when_the_queue_is_full, start, stop),
		cmocka_unit_test_setup_teardown(survives_clients_that_leave, start, stop),
		cmocka_unit_test_setup_teardown(drains, start, stop),
		cmocka_unit_test_setup_teardown(tells_why_it_can_not_start, start, stop),
		cmocka_unit_test_setup_teardown(serves_beside_slow_handlers, start, stop),
		cmocka_unit_test_setup_teardown(refuses_at_the_end, start, stop),
		cmocka_unit_test_setup_teardown(serves_without_workers, start_none, stop),
		cmocka_unit_test(shows_health),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

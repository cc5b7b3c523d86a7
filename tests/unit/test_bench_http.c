/* link: cli */
/* HTTP/1.1 of the load generator, against a server that plays from a script (RFC 9112). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/bench_http.h"
#include "lib/base/clock.h"

#define PATIENCE_US 2000000

/* Each connection gets its answers one after the other and is closed behind the last. "|" in an answer is a pause. */
struct script {
	const char *answers[4];
};

static struct {
	int listener;
	uint16_t port;
	pthread_t thread;
	const struct script *scripts; /* one a connection */
	size_t n;
	size_t opened;
	char request[4096]; /* the last one */
} server;

static void send_slowly(int fd, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "|");
		(void) !send(fd, text, n, MSG_NOSIGNAL);
		text += n;
		if (*text == '|') {
			usleep(20000);
			text++;
		}
	}
}

static bool read_request(int fd)
{
	char request[sizeof(server.request)] = "";
	size_t n = 0;
	while (strstr(request, "\r\n\r\n") == NULL) {
		ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);
		if (got <= 0) {
			return false;
		}
		n += (size_t) got;
		request[n] = '\0';
	}
	memcpy(server.request, request, n + 1); /* it is looked at once its answer is there */
	return true;
}

static void *serve(void *arg)
{
	(void) arg;
	for (size_t i = 0; i < server.n; i++) {
		int fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			return NULL;
		}
		server.opened++;
		for (size_t k = 0; k < 4 && server.scripts[i].answers[k] != NULL && read_request(fd); k++) {
			send_slowly(fd, server.scripts[i].answers[k]);
		}
		close(fd);
	}
	return NULL;
}

static void server_start(const struct script *scripts, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.listener, (struct sockaddr *) &at, sizeof(at)), 0);
	assert_int_equal(listen(server.listener, 8), 0);
	assert_int_equal(getsockname(server.listener, (struct sockaddr *) &at, &size), 0);
	server.port = ntohs(at.sin_port);
	server.scripts = scripts;
	server.n = n;
	server.opened = 0;
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void server_stop(void)
{
	shutdown(server.listener, SHUT_RDWR); /* for a connection that never came */
	pthread_join(server.thread, NULL);
	close(server.listener);
}

static struct bench_halt halt;
static struct arena *arena;
static struct bench_http *http;
static struct bench_http_error error;

static int set_up(void **state)
{
	(void) state;
	bench_halt_init(&halt);
	arena = arena_new();
	http = bench_http_new(NULL, &halt);
	return 0;
}

static int tear_down(void **state)
{
	(void) state;
	bench_http_free(http);
	arena_free(arena);
	bench_halt_done(&halt);
	return 0;
}

static int get(const char *method, const char *path, const char *body, struct bench_http_answer *ret)
{
	const struct bench_http_request request = {
		.method = method,
		.url = arena_printf(arena, "http://127.0.0.1:%u%s", server.port, path),
		.body = bytes_of_text(body),
	};
	return bench_http_exchange(http, arena, &request, clock_monotonic_us() + PATIENCE_US, ret, &error);
}

static void test_answers(void **state)
{
	static const struct {
		const char *answer;
		long status;
		const char *body;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello" },
		{ "HT|TP/1.1 201 |Created\r\nX: y\r\ncontent-length:  5 \r\n|\r\n|hel|lo", 201, "hello" },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "" },
		{ "HTTP/1.1 204 No Content\r\n\r\n", 204, "" },
		{ "HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", 200, "hello!" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0|A\r|\nhello|world\r\n0\r\nT: 1\r\n\r|\n", 200,
		    "helloworld" },
		{ "HTTP/1.1 200 OK\r\n\r\nto the| end", 200, "to the end" },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct script script = { { rows[i].answer } };
		struct bench_http_answer answer;
		server_start(&script, 1);
		if (get("GET", "/x?y", NULL, &answer) != 0) {
			fail_msg("row %zu: %s", i, error.text);
		}
		assert_int_equal(answer.status, rows[i].status);
		assert_true(bytes_equal_text(answer.body, rows[i].body));
		assert_int_equal(strncmp(server.request, "GET /x?y HTTP/1.1\r\nHost: 127.0.0.1:", 35), 0);
		server_stop();
	}
}

static void test_broken_answers(void **state)
{
	static const struct {
		const char *answer;
		const char *problem;
	} rows[] = {
		{ "HTTP/2 200\r\n\r\n", "no HTTP/1.1" },
		{ "HTTP/1.1 20\r\n\r\n", "no HTTP/1.1" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "ended within" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhell", "no number" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello", "no number" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "too large" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "nobody asked" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n", "no length" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", "no length" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokok\r\n0\r\n\r\n", "broken" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "ended within" },
		{ "HTTP/1.1 200 OK\r\nConte", "ended within" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct script script = { { rows[i].answer } };
		struct bench_http_answer answer;
		server_start(&script, 1);
		assert_int_equal(get("GET", "/", NULL, &answer), -1);
		if (strstr(error.text, rows[i].problem) == NULL || error.timeout) {
			fail_msg("row %zu: %s", i, error.text);
		}
		server_stop();
	}
}

/* One connection for all, and a HEAD has no body whatever its headers say. */
static void test_kept(void **state)
{
	static const struct script script = { {
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nReplay-Nonce: abc\r\nLocation:\thttp://x/ \r\n\r\none",
		"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthree",
	} };
	struct bench_http_answer answer;
	(void) state;
	server_start(&script, 1);
	assert_int_equal(get("GET", "", NULL, &answer), 0);
	assert_non_null(strstr(server.request, "GET / HTTP/1.1\r\n"));
	assert_string_equal(bench_http_header(arena, answer.head, "replay-nonce"), "abc");
	assert_string_equal(bench_http_header(arena, answer.head, "Location"), "http://x/");
	assert_null(bench_http_header(arena, answer.head, "Nonce"));
	assert_int_equal(get("HEAD", "/", NULL, &answer), 0);
	assert_int_equal(answer.body.n, 0);
	assert_int_equal(get("GET", "/", NULL, &answer), 0);
	assert_true(bytes_equal_text(answer.body, "two"));
	assert_int_equal(get("POST", "/", "{\"a\":1}", &answer), 0);
	assert_true(bytes_equal_text(answer.body, "three"));
	assert_non_null(strstr(server.request, "\r\nContent-Type: application/jose+json\r\nContent-Length: 7\r\n\r\n"));
	server_stop();
	assert_int_equal(server.opened, 1);
}

/* A kept connection that is gone is opened again; one that the server closes, says so, or is out of step, too. */
static void test_opened_again(void **state)
{
	static const struct script scripts[] = {
		{ { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1" } },
		{ { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n2" } },
		{ { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3surplus" } },
		{ { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n4" } },
	};
	(void) state;
	server_start(scripts, COUNT_OF(scripts));
	for (size_t i = 0; i < COUNT_OF(scripts); i++) {
		struct bench_http_answer answer;
		assert_int_equal(get("POST", "/", "x", &answer), 0);
		assert_true(answer.body.n == 1 && answer.body.p[0] == '1' + i);
		usleep(20000); /* the server has closed it */
	}
	server_stop();
	assert_int_equal(server.opened, COUNT_OF(scripts));
}

/* A request of which something was answered is not sent again. */
static void test_not_sent_twice(void **state)
{
	static const struct script scripts[] = { {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1", "HTTP/1.1 200 OK\r\nConte" },
	} };
	struct bench_http_answer answer;
	(void) state;
	server_start(scripts, 1);
	assert_int_equal(get("POST", "/", "x", &answer), 0);
	assert_int_equal(get("POST", "/", "x", &answer), -1);
	server_stop();
	assert_int_equal(server.opened, 1);
}

static void test_no_answer(void **state)
{
	static const struct script script = { { "HTTP/1.1 200 OK|||||||||||||||||||\r\n" } };
	const struct bench_http_request bad[] = {
		{ .method = "GET", .url = "nonsense" },
		{ .method = "GET", .url = "http:///x" },
		{ .method = "GET", .url = "http://user@127.0.0.1/" },
		{ .method = "GET", .url = "ftp://127.0.0.1:1/" },
		{ .method = "GET", .url = "http://127.0.0.1:1/" },
	};
	struct bench_http_answer answer;
	(void) state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t deadline_us = clock_monotonic_us() + PATIENCE_US;
		assert_int_equal(bench_http_exchange(http, arena, &bad[i], deadline_us, &answer, &error), -1);
		assert_true(error.text[0] != '\0' && !error.timeout);
	}
	server_start(&script, 1);
	const struct bench_http_request request = { "GET", arena_printf(arena, "http://127.0.0.1:%u/", server.port),
		{ 0 } };
	int64_t deadline_us = clock_monotonic_us() + 150000;
	assert_int_equal(bench_http_exchange(http, arena, &request, deadline_us, &answer, &error), -1);
	assert_true(error.timeout);
	assert_in_range(clock_monotonic_us(), deadline_us - 1000, deadline_us + 1000000);
	server_stop();
}

static void test_broken_off(void **state)
{
	static const struct script script = { { "HTTP/1.1 200 OK||||||||||||||||||||||||||||||\r\n" } };
	struct bench_http_answer answer;
	(void) state;
	bench_halt_raise(&halt, BENCH_BREAK);
	server_start(&script, 1);
	int64_t begin_us = clock_monotonic_us();
	assert_int_equal(get("GET", "/", NULL, &answer), -1);
	assert_in_range(clock_monotonic_us() - begin_us, 0, 500000);
	bench_http_free(http);
	http = bench_http_new(NULL, &halt);
	server_stop();
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_answers),
		ROW(test_broken_answers),
		ROW(test_kept),
		ROW(test_opened_again),
		ROW(test_not_sent_twice),
		ROW(test_no_answer),
		ROW(test_broken_off),
	};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}

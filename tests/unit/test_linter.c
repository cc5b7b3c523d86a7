/* link: ca */
/* The outside linter: what it is sent, which answers forbid a signature, and what its silence means. */
#include "tests/unit/crypto_test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ca/linter.h"
#include "lib/base/buffer.h"

#define REQUEST_MAX 8192

/* A server of that interface for one request. */
struct server {
	int fd;
	const char *reply; /* NULL: it says nothing until the client has gone */
	char request[REQUEST_MAX];
	pthread_t thread;
	char url[64];
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	size_t n = 0;
	char *body = NULL;
	while (body == NULL || (s->request[0] == 'P' && strstr(body, "%3D") == NULL)) { /* what the test sends ends so */
		ssize_t got = recv(fd, s->request + n, sizeof(s->request) - 1 - n, 0);
		if (got <= 0) {
			break;
		}
		n += (size_t) got;
		body = strstr(s->request, "\r\n\r\n");
	}
	char rest[64];
	if (s->reply == NULL) {
		(void) !recv(fd, rest, sizeof(rest), 0);
	} else {
		(void) !send(fd, s->reply, strlen(s->reply), MSG_NOSIGNAL);
	}
	close(fd);
	return NULL;
}

static void start(struct server *s, const char *reply)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	*s = (struct server) { .fd = socket(AF_INET, SOCK_STREAM, 0), .reply = reply };
	assert_int_equal(bind(s->fd, (struct sockaddr *) &at, n), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *) &at, &n), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", ntohs(at.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	(void) pthread_join(s->thread, NULL);
	close(s->fd);
}

#define ANSWER(body) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body

static const struct {
	const char *reply;
	const char *refused; /* NULL: it may be signed */
	bool silent;         /* it is as if nothing had been said */
} answers[] = {
	{ ANSWER("[]"), NULL, false },
	{ ANSWER("[{\"Linter\":\"zlint\",\"Finding\":\"w_x\",\"Severity\":\"warning\"}]"), NULL, false },
	{ ANSWER("[{\"Linter\":\"zlint\",\"Finding\":\"w_x\",\"Severity\":\"notice\"},{\"Linter\":\"pkilint\",\"Finding\":"
	         "\"bad "
	         "key\",\"Severity\":\"error\"}]"),
	    "the outside linter refuses: pkilint: bad key", false },
	{ ANSWER("[{\"Linter\":\"pkimetal\",\"Finding\":\"Unrecognised input\",\"Severity\":\"fatal\"}]"),
	    "Unrecognised input", false },
	{ ANSWER("[{\"Linter\":\"zlint\",\"Finding\":\"x\",\"Severity\":\"dreadful\"}]"), "zlint: x", false },
	{ ANSWER("{}"), NULL, true },
	{ ANSWER("[{\"Linter\":\"zlint\"}]"), NULL, true },
	{ ANSWER("<html>"), NULL, true },
	{ "HTTP/1.1 500 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]", NULL, true },
	{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]", NULL,
	    true },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n[]", NULL, true }, /* cut off */
	{ ANSWER("[\"error\"]"), NULL, true },
	{ ANSWER("[{\"Linter\":\"zlint\",\"Finding\":\"x\",\"Severity\":3}]"), NULL, true },
	{ ANSWER(""), NULL, true },
	{ "garbage\r\n\r\n", NULL, true },
	{ NULL, NULL, true },
};

static void ask(struct ctx *c, size_t i, bool required)
{
	static const uint8_t tbs[] = { 0xfb, 0xff, 0xbf, 0x3e };
	struct server s;
	start(&s, answers[i].reply);
	const struct config_ca config = { .linter_url = s.url, .linter_timeout_ms = 300, .linter_required = required };
	int got = linter_ask(c, &config, (struct bytes) { tbs, sizeof(tbs) });
	stop(&s);
	print_message("%zu %d\n", i, required);
	assert_non_null(strstr(s.request, "POST /linttbscert HTTP/1.1\r\n"));
	assert_non_null(strstr(s.request, "\r\n\r\nformat=json&severity=error&b64input=%2B%2F%2B%2FPg%3D%3D"));
	bool refused = answers[i].refused != NULL || (answers[i].silent && required);
	assert_int_equal(got, refused ? -1 : 0);
	if (answers[i].refused != NULL) {
		assert_non_null(strstr(c->err.cause, answers[i].refused));
	} else if (refused) {
		assert_int_equal(c->err.type, PROBLEM_UNAVAILABLE);
	}
	ctx_forgive(c);
}

/* F-32: fails closed, or open where the configuration says so; an error it finds is one either way. */
static void answers_decide(void **state)
{
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		ask(*state, i, true);
		ask(*state, i, false);
	}
}

/* F-32: an answer without end is given up at 256 kB, whatever stands at its begin. */
static void a_huge_answer_is_none(void **state)
{
	struct ctx *c = *state;
	static const uint8_t tbs[] = { 0xfb, 0xff, 0xbf, 0x3e };
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[]";
	struct server s;
	size_t n = 300000;
	char *reply = arena_alloc(c->arena, n + 1);
	memset(reply, ' ', n);
	memcpy(reply, head, strlen(head));
	reply[n] = '\0';
	for (int required = 0; required < 2; required++) {
		start(&s, reply);
		const struct config_ca config = {
			.linter_url = s.url, .linter_timeout_ms = 5000, .linter_required = required == 1
		};
		int got = linter_ask(c, &config, (struct bytes) { tbs, sizeof(tbs) });
		stop(&s);
		assert_int_equal(got, required == 1 ? -1 : 0);
		ctx_forgive(c);
	}
}

/* F-31: linters that run, with their versions; an answer of another form, or none, is said to be none. */
static void versions(void **state)
{
	static const struct {
		const char *reply;
		int n; /* -1: not understood */
	} rows[] = {
		{ ANSWER("[{\"Name\":\"zlint\",\"Instances\":2,\"Version\":\"v3.6.8\"},{\"Name\":\"x\",\"Instances\":0,"
		         "\"Version\":\"1\"}]%3D"),
		    -1 },
		{ ANSWER("[{\"Name\":\"zlint\",\"Instances\":2,\"Version\":\"v3.6.8\"},{\"Name\":\"x\",\"Instances\":0,"
		         "\"Version\":\"1\"}]"),
		    1 },
		{ ANSWER("[]"), 0 },
		{ ANSWER("[{\"Name\":\"zlint\"}]"), -1 },
		{ ANSWER("{\"Name\":1}"), -1 },
		{ "HTTP/1.1 404 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]", -1 },
	};
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct linter_list list = { NULL, 0 };
		struct server s;
		start(&s, rows[i].reply);
		const struct config_ca config = { .linter_url = s.url, .linter_timeout_ms = 5000 };
		int got = linter_versions(c, &config, &list);
		stop(&s);
		assert_non_null(strstr(s.request, "GET /linters HTTP/1.1\r\n"));
		assert_int_equal(got, rows[i].n < 0 ? -1 : 0);
		if (rows[i].n >= 0) {
			assert_int_equal(list.n, rows[i].n);
		}
		if (rows[i].n == 1) {
			assert_string_equal(list.v[0].name, "zlint");
			assert_string_equal(list.v[0].version, "v3.6.8");
		}
		ctx_forgive(c);
	}
}

/* F-32: that it fell silent is told once, also when it answers again before that, and anew when it falls silent again. */
static void silence(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < 2; i++) {
		linter_silence_told();
		ask(c, 0, true);
		assert_null(linter_silence(c->arena));
		ask(c, COUNT_OF(answers) - 1, i == 0); /* whether it is required or not */
		assert_string_equal(
		    linter_silence(c->arena), "The outside linter gives no answer: Timeout was reached, status 0");
		ask(c, 0, true);
		assert_non_null(linter_silence(c->arena));
		ask(c, COUNT_OF(answers) - 1, true);
		linter_silence_told();
		ask(c, 5, true);
		assert_null(linter_silence(c->arena));
	}
}

/* What the database, a terminal and a mail take is left of a finding, and it is cut. */
static void findings_are_plain(void **state)
{
	struct ctx *c = *state;
	static const uint8_t tbs[] = { 0xfb, 0xff, 0xbf, 0x3e };
	struct server s;
	struct buffer b;
	buffer_init(&b, c->arena, 2048);
	buffer_printf(&b, "%s", ANSWER("[{\"Linter\":\"z\\u001blint\",\"Severity\":\"error\",\"Finding\":\"a"));
	for (size_t i = 0; i < 400; i++) {
		buffer_printf(&b, "\xc3\xa9");
	}
	buffer_add(&b, "\"}]", 4);
	start(&s, (const char *) buffer_bytes(&b).p);
	const struct config_ca config = { .linter_url = s.url, .linter_timeout_ms = 5000, .linter_required = true };
	assert_int_equal(linter_ask(c, &config, (struct bytes) { tbs, sizeof(tbs) }), -1);
	stop(&s);
	const char *found = strstr(c->err.cause, ": z?lint: a?????");
	assert_non_null(found);
	assert_int_equal(strlen(found), strlen(": z?lint: ") + 300);
	assert_int_equal(strspn(found + strlen(": z?lint: a"), "?"), 299);
	ctx_forgive(c);
}

static void without_one_nothing_is_asked(void **state)
{
	struct ctx *c = *state;
	const struct config_ca none = { .linter_required = true };
	assert_good(c, linter_ask(c, &none, (struct bytes) { NULL, 0 }));
	const struct config_ca closed = {
		.linter_url = "http://127.0.0.1:1", .linter_timeout_ms = 300, .linter_required = true
	};
	assert_problem(c, PROBLEM_UNAVAILABLE, linter_ask(c, &closed, bytes_of_text("x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(answers_decide),
		WITH_CTX(a_huge_answer_is_none),
		WITH_CTX(versions),
		WITH_CTX(silence),
		WITH_CTX(findings_are_plain),
		WITH_CTX(without_one_nothing_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

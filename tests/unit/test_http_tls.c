/* The HTTP server under TLS with the client of lib/http: certificates, versions, reload, latency, many at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "lib/http/client.h"
#include "lib/http/server.h"
#include "tests/unit/pki.h"

#define THREADS 8
#define CALLS 25

static struct pki pki;
static struct http_server *server;
static char address[32];
static atomic_int served;
static atomic_bool stall;

static void handler(struct http_request *r, void *arg)
{
	(void) arg;
	atomic_fetch_add(&served, 1);
	while (atomic_load(&stall)) {
		usleep(1000);
	}
	const char *text = arena_printf(r->ctx.arena, "%s %zu", r->ctx.caller, r->body.n);
	http_reply(r, 200, "text/plain", bytes_of_text(text));
}

static void start_server(const char *cert, const char *client_ca)
{
	struct ctx c;
	ctx_init(&c);
	struct http_server_options options = {
		.name = "test",
		.address = "127.0.0.1",
		.cert_file = pki_path(&pki, cert, ".pem"),
		.key_file = pki_path(&pki, cert, ".key"),
		.client_ca_file = client_ca == NULL ? NULL : pki_path(&pki, client_ca, ".pem"),
		.max_body = 100000,
		.workers = 4,
		.queue = 300,
		.max_connections = 500,
		.idle_timeout_s = 5,
		.request_limit_ms = 5000,
		.handler = handler,
	};
	if (http_server_start(&c, &options, &server) != 0) {
		fail_msg("%s: %s", c.err.detail, c.err.cause);
	}
	snprintf(address, sizeof(address), "127.0.0.1:%u", http_server_port(server));
	ctx_done(&c);
}

static int make_pki(void **state)
{
	(void) state;
	pki_init(&pki);
	signal(SIGPIPE, SIG_IGN); /* as every process does */
	pki_leaf(&pki, "cairn-ra", "cairn-ra", "serverAuth,clientAuth");
	pki_leaf(&pki, "cairn-wfe", "cairn-wfe", "serverAuth,clientAuth");
	pki_leaf(&pki, "server-only", "cairn-wfe", "serverAuth");
	return 0;
}

static int drop_pki(void **state)
{
	(void) state;
	pki_done(&pki);
	return 0;
}

static int start(void **state)
{
	(void) state;
	start_server("cairn-ra", "ca");
	return 0;
}

static int stop(void **state)
{
	(void) state;
	atomic_store(&stall, false);
	http_server_stop(server, 3000);
	return 0;
}

static struct http_client *client(const char *cert)
{
	static _Thread_local char cert_file[PATH_MAX], key_file[PATH_MAX], ca_file[PATH_MAX];
	snprintf(cert_file, PATH_MAX, "%s", pki_path(&pki, cert == NULL ? "" : cert, ".pem"));
	snprintf(key_file, PATH_MAX, "%s", pki_path(&pki, cert == NULL ? "" : cert, ".key"));
	snprintf(ca_file, PATH_MAX, "%s", pki_path(&pki, "ca", ".pem"));
	return http_client_new(&(struct http_client_tls) {
	    .cert_file = cert == NULL ? NULL : cert_file,
	    .key_file = cert == NULL ? NULL : key_file,
	    .ca_file = ca_file,
	});
}

static int post(struct ctx *c, struct http_client *h, struct http_call *call)
{
	call->host = call->host == NULL ? "cairn-ra" : call->host;
	call->path = "/x";
	call->address = call->address == NULL ? address : call->address;
	call->body = call->body.n == 0 ? bytes_of_text("{}") : call->body;
	call->max_reply = call->max_reply == 0 ? 1000 : call->max_reply;
	return http_client_post(c, h, call);
}

static void assert_reply(const struct http_call *call, const char *text)
{
	if (!bytes_equal_text(call->reply, text)) {
		fail_msg("%u \"%.*s\" is not \"%s\"", call->status, (int) call->reply.n, (const char *) call->reply.p, text);
	}
}

static void knows_its_caller(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct http_client *h = client("cairn-wfe");
	for (int i = 0; i < 3; i++) {
		struct http_call call = { .body = bytes_of_text("{\"a\":1}") };
		assert_int_equal(post(&c, h, &call), 0);
		assert_int_equal(call.status, 200);
		assert_string_equal(call.content_type, "text/plain");
		assert_reply(&call, "cairn-wfe 7");
		assert_true(call.sent);
	}
	uint8_t *large = arena_alloc(c.arena, 100000);
	struct http_call call = { .body = { large, 100000 } };
	assert_int_equal(post(&c, h, &call), 0);
	assert_reply(&call, "cairn-wfe 100000");
	http_client_free(h);
	ctx_done(&c);
}

static void refuse_client(const char *cert)
{
	int before = atomic_load(&served);
	struct ctx c;
	ctx_init(&c);
	struct http_client *h = client(cert);
	struct http_call call = { .host = NULL };
	assert_int_equal(post(&c, h, &call), 0);
	assert_int_equal(call.status, 403);
	assert_int_equal(atomic_load(&served), before);
	http_client_free(h);
	ctx_done(&c);
}

static void refuses_other_callers(void **state)
{
	(void) state;
	struct pki other;
	pki_init(&other);
	pki_leaf(&other, "cairn-wfe", "cairn-wfe", "clientAuth");
	rename(pki_path(&other, "cairn-wfe", ".pem"), pki_path(&pki, "foreign", ".pem"));
	rename(pki_path(&other, "cairn-wfe", ".key"), pki_path(&pki, "foreign", ".key"));
	pki_done(&other);
	refuse_client(NULL);
	refuse_client("foreign");
	refuse_client("server-only"); /* its purpose is not clientAuth */
}

static void verifies_the_server(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct http_client *h = client("cairn-wfe");
	struct http_call call = { .host = "cairn-ca" };
	assert_int_equal(post(&c, h, &call), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	assert_false(call.sent);
	ctx_forgive(&c);
	call = (struct http_call) { .address = "127.0.0.1" };
	assert_int_equal(post(&c, h, &call), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	ctx_forgive(&c);
	/* A name that stands for several addresses: the server listens on one of them. */
	call = (struct http_call) { .address = arena_printf(c.arena, "localhost:%u", http_server_port(server)) };
	assert_int_equal(post(&c, h, &call), 0);
	assert_reply(&call, "cairn-wfe 2");
	http_client_free(h);
	ctx_done(&c);
}

/* -1 when the handshake fails. */
static int handshake(int version, const char *ciphers)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(http_server_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *) &to, sizeof(to)), 0);
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, version);
	SSL_CTX_set_max_proto_version(context, version);
	if (ciphers != NULL) {
		assert_int_equal(SSL_CTX_set_cipher_list(context, ciphers), 1);
	}
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	int result = SSL_connect(ssl) == 1 ? 0 : -1;
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	return result;
}

static void speaks_the_right_versions(void **state)
{
	(void) state; /* */
	assert_int_equal(handshake(TLS1_3_VERSION, NULL), 0);
	assert_int_equal(handshake(TLS1_2_VERSION, NULL), -1);
	http_server_stop(server, 1000);
	start_server("cairn-ra", NULL);
	assert_int_equal(handshake(TLS1_3_VERSION, NULL), 0);
	assert_int_equal(handshake(TLS1_2_VERSION, NULL), 0);
	assert_int_equal(handshake(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"), -1);
	assert_int_equal(handshake(TLS1_1_VERSION, NULL), -1);
}

/* What is chosen of the protocols that the client offers (RFC 7301): ours, or none. And no ticket comes that would let a
 * later connection go without a key exchange. */
static void chooses_its_protocol(void **state)
{
	(void) state;
	static const struct {
		const char *offer;
		const char *chosen;
	} cases[] = { { "\x02h2\x08http/1.1", "http/1.1" }, { "\x02h2", "" } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct sockaddr_in to = { .sin_family = AF_INET,
			.sin_port = htons(http_server_port(server)),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *) &to, sizeof(to)), 0);
		SSL_CTX *context = SSL_CTX_new(TLS_client_method());
		const unsigned char *offer = (const unsigned char *) cases[i].offer;
		assert_int_equal(SSL_CTX_set_alpn_protos(context, offer, (unsigned) strlen(cases[i].offer)), 0);
		SSL *ssl = SSL_new(context);
		SSL_set_fd(ssl, fd);
		assert_int_equal(SSL_connect(ssl), 1);
		const unsigned char *chosen = NULL;
		unsigned n = 0;
		SSL_get0_alpn_selected(ssl, &chosen, &n);
		assert_true(bytes_equal_text((struct bytes) { chosen, n }, cases[i].chosen));
		char text[1000] = "";
		assert_true(SSL_write(ssl, "GET / HTTP/1.1\r\n\r\n", 18) > 0);
		assert_true(SSL_read(ssl, text, sizeof(text) - 1) > 0); /* a ticket would have come with it */
		assert_int_equal(SSL_SESSION_has_ticket(SSL_get0_session(ssl)), 0);
		SSL_free(ssl);
		SSL_CTX_free(context);
		close(fd);
	}
}

/* One record, so that the client wakes up once. */
static void answers_in_one_record(void **state)
{
	(void) state;
	static const char request[] = "POST /x HTTP/1.1\r\nHost: cairn-ra\r\nContent-Length: 2\r\n\r\n{}";
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(http_server_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *) &to, sizeof(to)), 0);
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_use_certificate_file(context, pki_path(&pki, "cairn-wfe", ".pem"), SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(context, pki_path(&pki, "cairn-wfe", ".key"), SSL_FILETYPE_PEM), 1);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	for (int i = 0; i < 3; i++) {
		char text[4096] = "";
		assert_int_equal(SSL_write(ssl, request, sizeof(request) - 1), sizeof(request) - 1);
		assert_true(SSL_read(ssl, text, sizeof(text) - 1) > 0); /* never more than one record */
		assert_non_null(strstr(text, "\r\n\r\ncairn-wfe 2"));
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
}

static void reloads(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct http_client *kept = client("cairn-wfe");
	struct http_call call = { .host = NULL };
	assert_int_equal(post(&c, kept, &call), 0);
	/* A pair that does not fit changes nothing. */
	rename(pki_path(&pki, "cairn-ra", ".pem"), pki_path(&pki, "saved", ".pem"));
	rename(pki_path(&pki, "cairn-ra", ".key"), pki_path(&pki, "saved", ".key"));
	assert_int_equal(http_server_reload(&c, server), -1);
	ctx_forgive(&c);
	pki_leaf(&pki, "cairn-ra", "cairn-new", "serverAuth");
	rename(pki_path(&pki, "saved", ".key"), pki_path(&pki, "cairn-ra", ".key"));
	assert_int_equal(http_server_reload(&c, server), -1);
	ctx_forgive(&c);
	struct http_client *fresh = client("cairn-wfe");
	assert_int_equal(post(&c, fresh, &call), 0);
	/* A new pair counts for new connections, old ones go on. */
	pki_leaf(&pki, "cairn-ra", "cairn-new", "serverAuth");
	assert_int_equal(http_server_reload(&c, server), 0);
	assert_int_equal(post(&c, kept, &call), 0);
	http_client_reset(fresh);
	assert_int_equal(post(&c, fresh, &call), -1);
	ctx_forgive(&c);
	call = (struct http_call) { .host = "cairn-new" };
	assert_int_equal(post(&c, fresh, &call), 0);
	assert_int_equal(call.status, 200);
	/* Another client CA: who was let in before is looked at again. */
	struct pki other;
	pki_init(&other);
	rename(pki_path(&pki, "ca", ".pem"), pki_path(&pki, "saved-ca", ".pem"));
	rename(pki_path(&other, "ca", ".pem"), pki_path(&pki, "ca", ".pem"));
	assert_int_equal(http_server_reload(&c, server), 0);
	call = (struct http_call) { .host = NULL };
	assert_int_equal(post(&c, kept, &call), 0);
	assert_int_equal(call.status, 403);
	rename(pki_path(&pki, "saved-ca", ".pem"), pki_path(&pki, "ca", ".pem"));
	pki_leaf(&pki, "cairn-ra", "cairn-ra", "serverAuth,clientAuth");
	pki_done(&other);
	http_client_free(kept);
	http_client_free(fresh);
	ctx_done(&c);
}

static void tells_what_was_sent(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct http_client *h = client("cairn-wfe");
	struct http_call call = { .address = "127.0.0.1:1" };
	assert_int_equal(post(&c, h, &call), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	assert_false(call.sent);
	ctx_forgive(&c);
	atomic_store(&stall, true);
	ctx_limit_ms(&c, 200);
	call = (struct http_call) { .host = NULL };
	assert_int_equal(post(&c, h, &call), -1);
	assert_int_equal(c.err.type, PROBLEM_DEADLINE);
	assert_true(call.sent);
	ctx_forgive(&c);
	assert_int_equal(post(&c, h, &call), -1);
	assert_int_equal(c.err.type, PROBLEM_DEADLINE);
	assert_false(call.sent);
	ctx_forgive(&c);
	atomic_store(&stall, false);
	c.deadline_us = INT64_MAX;
	call = (struct http_call) { .max_reply = 5 };
	assert_int_equal(post(&c, h, &call), -1);
	assert_int_equal(c.err.type, PROBLEM_SERVER_INTERNAL);
	http_client_free(h);
	ctx_done(&c);
}

static int listen_anywhere(char where[32])
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	assert_int_equal(bind(listener, (struct sockaddr *) &at, n), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *) &at, &n), 0);
	snprintf(where, 32, "127.0.0.1:%u", ntohs(at.sin_port));
	return listener;
}

/* Takes one request on a kept connection, answers it, and hangs up during the second: the client must not send that again. */
static void *hang_up(void *arg)
{
	int listener = *(int *) arg;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	PKI_MUST(SSL_CTX_use_certificate_file(context, pki_path(&pki, "cairn-ra", ".pem"), SSL_FILETYPE_PEM) == 1);
	PKI_MUST(SSL_CTX_use_PrivateKey_file(context, pki_path(&pki, "cairn-ra", ".key"), SSL_FILETYPE_PEM) == 1);
	for (int round = 0; round < 2; round++) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0) {
			break; /* nobody came again: good */
		}
		SSL *ssl = SSL_new(context);
		SSL_set_fd(ssl, fd);
		PKI_MUST(SSL_accept(ssl) == 1);
		char text[4096];
		static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
		for (int seen = 0; seen < 2;) {
			int n = SSL_read(ssl, text, sizeof(text));
			if (n <= 0) {
				break;
			}
			bool whole = memchr(text, '}', (size_t) n) != NULL; /* the body is {} */
			seen += whole;
			atomic_fetch_add(&served, whole);
			if (whole && seen == 1) {
				PKI_MUST(SSL_write(ssl, answer, sizeof(answer) - 1) > 0);
			}
		}
		SSL_free(ssl);
		close(fd);
	}
	SSL_CTX_free(context);
	return NULL;
}

static void never_sends_twice(void **state)
{
	(void) state;
	char where[32];
	int listener = listen_anywhere(where);
	struct timeval limit = { .tv_sec = 1 };
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	pthread_t thread;
	pthread_create(&thread, NULL, hang_up, &listener);
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, 3000);
	struct http_client *h = client("cairn-wfe");
	struct http_call call = { .address = where };
	atomic_store(&served, 0);
	assert_int_equal(post(&c, h, &call), 0);
	assert_int_equal(post(&c, h, &call), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	assert_true(call.sent);
	assert_int_equal(atomic_load(&served), 2);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&served), 2);
	close(listener);
	http_client_free(h);
	ctx_done(&c);
}

/* What a server of ours would never say, and what it may. */
static const struct strange {
	const char *pieces[2];
	int result;
	bool ends; /* the server hangs up behind it */
} strange[] = {
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok" }, 0, false },
	{ { "HTTP/1.1 200 OK\r\nContent-Len", "gth: 2\r\n\r\nok" }, 0, false },
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", NULL }, 0, true },
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", NULL }, 0, true }, /* unannounced, between two calls */
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\n" }, 0, true }, /* unasked */
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\noko", NULL }, -1, true },
	{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", NULL }, -1, true },
	{ { "HTTP/1.1 200 OK\r\n\r\nok", NULL }, -1, true },
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", NULL }, -1, true },
	{ { "SSH-2.0-OpenSSH\r\n\r\n", NULL }, -1, true },
};

static void answer_strangely(SSL *ssl, const struct strange *one)
{
	char text[4096];
	PKI_MUST(SSL_read(ssl, text, sizeof(text)) > 0);
	for (size_t i = 0; i < 2 && one->pieces[i] != NULL; i++) {
		PKI_MUST(SSL_write(ssl, one->pieces[i], (int) strlen(one->pieces[i])) > 0);
		usleep(20000);
	}
	if (one->ends) {
		(void) SSL_shutdown(ssl);
	}
}

static void *be_strange(void *arg)
{
	int listener = *(int *) arg;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	PKI_MUST(SSL_CTX_use_certificate_file(context, pki_path(&pki, "cairn-ra", ".pem"), SSL_FILETYPE_PEM) == 1);
	PKI_MUST(SSL_CTX_use_PrivateKey_file(context, pki_path(&pki, "cairn-ra", ".key"), SSL_FILETYPE_PEM) == 1);
	for (size_t i = 0; i < COUNT_OF(strange);) {
		int fd = accept(listener, NULL, NULL);
		PKI_MUST(fd >= 0);
		SSL *ssl = SSL_new(context);
		SSL_set_fd(ssl, fd);
		PKI_MUST(SSL_accept(ssl) == 1);
		bool ends = false;
		for (; i < COUNT_OF(strange) && !ends; i++) {
			answer_strangely(ssl, &strange[i]);
			ends = strange[i].ends;
		}
		SSL_free(ssl);
		close(fd);
	}
	SSL_CTX_free(context);
	return NULL;
}

/* One after the other, on kept connections where they are to be kept. */
static void takes_one_form_of_answer(void **state)
{
	(void) state;
	char where[32];
	int listener = listen_anywhere(where);
	pthread_t thread;
	pthread_create(&thread, NULL, be_strange, &listener);
	struct ctx c;
	ctx_init(&c);
	struct http_client *h = client("cairn-wfe");
	for (size_t i = 0; i < COUNT_OF(strange); i++) {
		struct http_call call = { .address = where };
		ctx_limit_ms(&c, 5000);
		int result = post(&c, h, &call);
		if (result != strange[i].result || (result == 0 && !bytes_equal_text(call.reply, "ok"))) {
			fail_msg("case %zu: %d %s", i, result, c.err.cause);
		}
		assert_true(result == 0 || c.err.type == PROBLEM_UNAVAILABLE);
		assert_true(call.sent);
		ctx_forgive(&c);
		usleep(60000); /* what the server says last is there before the next call */
	}
	pthread_join(thread, NULL);
	close(listener);
	http_client_free(h);
	ctx_done(&c);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;
	return (x > y) - (x < y);
}

/* Nagle, corking or a lost wake-up would show as 40 ms or more. */
static void is_fast_on_kept_connections(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct http_client *h = client("cairn-wfe");
	int64_t took[200];
	struct http_call call = { .host = NULL };
	assert_int_equal(post(&c, h, &call), 0);
	for (size_t i = 0; i < COUNT_OF(took); i++) {
		int64_t begin = clock_monotonic_us();
		assert_int_equal(post(&c, h, &call), 0);
		took[i] = clock_monotonic_us() - begin;
	}
	qsort(took, COUNT_OF(took), sizeof(took[0]), compare);
	print_message("median %lld us, p95 %lld us\n", (long long) took[100], (long long) took[190]);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	assert_true(took[100] < 2000);
#endif
	http_client_free(h);
	ctx_done(&c);
}

static atomic_int good;

static void *call_often(void *arg)
{
	(void) arg;
	struct http_client *h = client("cairn-wfe");
	for (int i = 0; i < CALLS; i++) {
		struct ctx c;
		ctx_init(&c);
		ctx_limit_ms(&c, 20000);
		struct http_call call = { .host = NULL };
		if (post(&c, h, &call) == 0 && bytes_equal_text(call.reply, "cairn-wfe 2")) {
			atomic_fetch_add(&good, 1);
		}
		if (i % 10 == 9) {
			http_client_reset(h);
		}
		ctx_done(&c);
	}
	http_client_free(h);
	return NULL;
}

static void serves_many_at_once(void **state)
{
	(void) state;
	pthread_t threads[THREADS];
	struct ctx c;
	ctx_init(&c);
	atomic_store(&good, 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, NULL), 0);
	}
	assert_int_equal(http_server_reload(&c, server), 0); /* meanwhile */
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(atomic_load(&good), THREADS * CALLS);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_its_caller, start, stop),
		cmocka_unit_test_setup_teardown(refuses_other_callers, start, stop),
		cmocka_unit_test_setup_teardown(verifies_the_server, start, stop),
		cmocka_unit_test_setup_teardown(speaks_the_right_versions, start, stop),
		cmocka_unit_test_setup_teardown(chooses_its_protocol, start, stop),
		cmocka_unit_test_setup_teardown(answers_in_one_record, start, stop),
		cmocka_unit_test_setup_teardown(reloads, start, stop),
		cmocka_unit_test_setup_teardown(tells_what_was_sent, start, stop),
		cmocka_unit_test_setup_teardown(never_sends_twice, start, stop),
		cmocka_unit_test_setup_teardown(takes_one_form_of_answer, start, stop),
		cmocka_unit_test_setup_teardown(is_fast_on_kept_connections, start, stop),
		cmocka_unit_test_setup_teardown(serves_many_at_once, start, stop),
	};
	return cmocka_run_group_tests(tests, make_pki, drop_pki);
}

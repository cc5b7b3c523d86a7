#include "va/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"
#include "va/dial.h"
#include "va/http_answer.h"
#include "va/stranger.h"

#define RECEIVE_WINDOW 16384

struct fetch {
	CURL *easy;
	struct va_env *env;
	struct arena *arena;
	struct curl_slist *connect_to;
	fetch_done *done;
	void *arg;
	struct ip ip;
	uint16_t port;
	int fd;       /* libcurl's, which closes it when the transfer ends; -1 before */
	bool fault;   /* no socket for us */
	bool changed; /* libcurl wanted another address: never */
	bool too_large;
	struct bytes certificate;
	struct connection_attempt attempt;
	int64_t started_us;
	struct http_answer answer;
};

/* The last gate before a connection: the address dialled is the one that was checked. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch *f = arg;
	struct ip ip;
	uint16_t port = 0;
	(void) purpose;
	if (ip_of_sockaddr(&address->addr, &ip, &port) != 0 || !ip_equal(&ip, &f->ip) || port != f->port) {
		f->changed = true;
		return CURL_SOCKET_BAD;
	}
	f->fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
	f->fault = f->fd < 0 && errno != EAFNOSUPPORT;
	/* Little is wanted, so little may be on its way: a host that pours is slowed down. */
	int window = RECEIVE_WINDOW;
	(void) setsockopt(f->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
	return f->fd; /* CURL_SOCKET_BAD is -1 */
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;
	return http_answer_line(&f->answer, (struct bytes) { (const uint8_t *) p, n * size }) ? n * size : 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;
	return http_answer_body(&f->answer, (struct bytes) { (const uint8_t *) p, n * size }) ? n * size : 0;
}

/* Any certificate will do (A-105 leads to https hosts that have none yet); it is kept as evidence. */
static int on_certificate(X509_STORE_CTX *store, void *arg)
{
	struct fetch *f = arg;
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	int n = leaf == NULL ? -1 : i2d_X509(leaf, NULL);
	if (n > 0 && n <= HTTP_ANSWER_CERTIFICATE_KEPT) {
		uint8_t *der = arena_alloc(f->arena, (size_t) n);
		f->certificate = (struct bytes) { der, (size_t) n };
		(void) i2d_X509(leaf, &der);
	}
	return 1;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg)
{
	(void) easy;
	if (stranger_tls_set(ssl_ctx) != 0) {
		return CURLE_SSL_CONNECT_ERROR;
	}
	SSL_CTX_set_cert_verify_callback(ssl_ctx, on_certificate, arg);
	return CURLE_OK;
}

struct option {
	CURLoption option;
	long value;
};

static const struct option numbers[] = {
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
	{ CURLOPT_HTTP09_ALLOWED, 0 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_PATH_AS_IS, 1 },
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_FRESH_CONNECT, 1 },
	{ CURLOPT_FORBID_REUSE, 1 },
	{ CURLOPT_DNS_CACHE_TIMEOUT, 0 },
	{ CURLOPT_BUFFERSIZE, 1024 },
	{ CURLOPT_SSL_VERIFYPEER, 0 },
	{ CURLOPT_SSL_VERIFYHOST, 0 },
	{ CURLOPT_SSL_SESSIONID_CACHE, 0 },
};

/* What is the same for all fetches. None of these can fail but for lack of memory, which curl_easy_init met first. */
static void set_common(CURL *easy, const struct va_env *env)
{
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	}
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, env->config->user_agent);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
}

/* All that belongs to one fetch: nothing of the one before may stay. */
static void set_options(struct fetch *f, const struct fetch_request *r)
{
	CURL *easy = f->easy;
	curl_easy_setopt(easy, CURLOPT_URL, r->target->url);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, f->connect_to);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) r->connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) r->total_ms);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, f);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, f);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, f);
}

static CURL *take_easy(struct va_env *env)
{
	if (env->n_spares > 0) {
		return env->spares[--env->n_spares];
	}
	CURL *easy = curl_easy_init();
	if (easy != NULL) {
		set_common(easy, env);
	}
	return easy;
}

static void put_easy(struct va_env *env, CURL *easy)
{
	(void) curl_multi_remove_handle(env->multi, easy); /* which closes its connection */
	if (env->n_spares < VA_SPARES_MAX) {
		env->spares[env->n_spares++] = easy;
	} else {
		curl_easy_cleanup(easy);
	}
}

static void fetch_free(struct fetch *f)
{
	if (f->easy != NULL) {
		put_easy(f->env, f->easy);
	}
	curl_slist_free_all(f->connect_to);
	free(f);
}

int fetch_start(
    struct va_env *env, struct arena *a, const struct fetch_request *r, fetch_done *done, void *arg, struct fetch **ret)
{
	struct fetch *f = calloc(1, sizeof(*f));
	if (f == NULL) {
		die("out of memory");
	}
	const char *ip = ip_encode(a, r->ip);
	f->env = env;
	f->arena = a;
	f->done = done;
	f->arg = arg;
	f->ip = *r->ip;
	f->port = r->target->port;
	f->attempt = (struct connection_attempt) { .url = r->target->url,
		.host = r->target->host,
		.port = r->target->port,
		.address_used = ip,
		.started_at = clock_now() };
	f->fd = -1;
	http_answer_init(&f->answer, a);
	f->started_us = clock_monotonic_us();
	f->easy = take_easy(env);
	f->connect_to = curl_slist_append(NULL, arena_printf(a, r->ip->v6 ? "::[%s]:%u" : "::%s:%u", ip, f->port));
	if (f->easy != NULL) {
		set_options(f, r);
	}
	if (f->easy == NULL || f->connect_to == NULL || curl_multi_add_handle(env->multi, f->easy) != CURLM_OK) {
		fetch_free(f);
		return -1;
	}
	*ret = f;
	return 0;
}

static const struct {
	CURLcode code;
	enum failure failure;
} codes[] = {
	{ CURLE_OK, FAILURE_NONE }, { CURLE_WRITE_ERROR, FAILURE_NONE }, /* we had enough of the body */
	{ CURLE_SSL_CONNECT_ERROR, FAILURE_TLS }, { CURLE_SSL_CIPHER, FAILURE_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, FAILURE_TLS }, { CURLE_GOT_NOTHING, FAILURE_EMPTY },
	{ CURLE_SEND_ERROR, FAILURE_RESET }, { CURLE_PARTIAL_FILE, FAILURE_RESET },
	{ CURLE_UNSUPPORTED_PROTOCOL, FAILURE_NOT_HTTP }, { CURLE_BAD_CONTENT_ENCODING, FAILURE_MALFORMED },
	{ CURLE_OUT_OF_MEMORY, FAILURE_HEADERS }, /* a line of more than 100 kB */
};

static enum failure failure_of_connect(const struct fetch *f)
{
	long error = 0;
	(void) curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &error);
	return dial_failure(&f->ip, (int) error);
}

static enum failure failure_of_timeout(const struct fetch *f)
{
	curl_off_t connected = 0;
	curl_off_t handshaken = 0;
	(void) curl_easy_getinfo(f->easy, CURLINFO_CONNECT_TIME_T, &connected);
	(void) curl_easy_getinfo(f->easy, CURLINFO_APPCONNECT_TIME_T, &handshaken);
	if (connected == 0) {
		return FAILURE_CONNECT_TIMEOUT;
	}
	return handshaken == 0 ? FAILURE_TLS_TIMEOUT : FAILURE_READ_TIMEOUT;
}

/* The connection broke off, or libcurl could not make sense of what came over it. */
static enum failure failure_of_broken(const struct fetch *f, CURLcode code)
{
	long error = 0;
	long status = 0;
	(void) curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &error);
	(void) curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_RECV_ERROR) {
		return error == 0 && f->answer.header.n > 0 ? FAILURE_MALFORMED : FAILURE_RESET;
	}
	return status != 0 ? FAILURE_MALFORMED : FAILURE_NOT_HTTP;
}

static enum failure failure_of(const struct fetch *f, CURLcode code)
{
	if (f->fault || f->changed) {
		return FAILURE_FAULT;
	}
	if (f->answer.headers_over) {
		return FAILURE_HEADERS;
	}
	if (f->too_large) {
		return FAILURE_LARGE;
	}
	if (code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY) {
		return failure_of_broken(f, code);
	}
	if (code == CURLE_OK && !f->answer.head_ended) {
		return FAILURE_RESET;
	}
	if (code == CURLE_COULDNT_CONNECT) {
		return failure_of_connect(f);
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		return failure_of_timeout(f);
	}
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		if (codes[i].code == code) {
			return codes[i].failure;
		}
	}
	return FAILURE_RESET;
}

static void fill_attempt(struct fetch *f, enum failure failure)
{
	struct connection_attempt *t = &f->attempt;
	long status = 0;
	(void) curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	http_answer_record(&f->answer, t);
	t->http_status = status;
	t->tls_certificate = f->certificate;
	t->error = failure == FAILURE_NONE ? NULL : failure_text(failure);
	t->duration_us = clock_monotonic_us() - f->started_us;
}

static void end(struct fetch *f, enum failure failure)
{
	if (failure == FAILURE_NONE && redirect_status(f->attempt.http_status) && f->answer.locations != 1) {
		failure = FAILURE_LOCATIONS; /* C-11: which would be the final one? */
		f->attempt.error = failure_text(failure);
	}
	struct connection_attempt attempt = f->attempt;
	fetch_done *done = f->done;
	void *arg = f->arg;
	fetch_free(f);
	done(arg, failure, &attempt);
}

void fetch_finish(CURL *easy, CURLcode code)
{
	struct fetch *f = NULL;
	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &f) != CURLE_OK || f == NULL) {
		die("a transfer without an owner");
	}
	enum failure failure = failure_of(f, code);
	fill_attempt(f, failure);
	end(f, failure);
}

void fetch_tick(struct fetch *f)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);
	if (f->fd >= 0 && getsockopt(f->fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
	    info.tcpi_bytes_received > FETCH_OCTETS_MAX) {
		f->too_large = true;
		fetch_finish(f->easy, CURLE_OPERATION_TIMEDOUT);
	}
}

void fetch_free_spares(struct va_env *env)
{
	while (env->n_spares > 0) {
		curl_easy_cleanup(env->spares[--env->n_spares]);
	}
}

void fetch_abandon(struct fetch *f)
{
	fetch_finish(f->easy, CURLE_OPERATION_TIMEDOUT);
}

#include "va/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/buffer.h"
#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"

struct fetch {
	CURL *easy;
	struct va_env *env;
	struct arena *arena;
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	fetch_done *done;
	void *arg;
	struct ip ip;
	uint16_t port;
	bool fault;   /* no socket for us */
	bool changed; /* libcurl wanted another address: never */
	bool too_large;
	size_t header_total;
	size_t header_n;
	size_t locations;
	const char *location;
	struct bytes certificate;
	struct connection_attempt attempt;
	int64_t started_us;
	size_t body_n;
	char header[FETCH_HEADERS_KEPT];
	uint8_t body[FETCH_BODY_READ];
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
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
	f->fault = fd < 0 && errno != EAFNOSUPPORT;
	return fd; /* CURL_SOCKET_BAD is -1 */
}

/* What is no ASCII is escaped here already, so that the record says exactly what was followed. */
static const char *ascii(struct arena *a, const char *p, size_t n)
{
	struct buffer b;
	buffer_init(&b, a, n + 1);
	for (size_t i = 0; i < n; i++) {
		if ((uint8_t) p[i] >= 0x80) {
			buffer_printf(&b, "%%%02X", (uint8_t) p[i]);
		} else {
			buffer_add_char(&b, p[i]);
		}
	}
	return (const char *) buffer_bytes(&b).p;
}

static void take_location(struct fetch *f, const char *p, size_t n)
{
	static const char name[] = "location:";
	size_t skip = sizeof(name) - 1;
	if (n < skip || strncasecmp(p, name, skip) != 0) {
		return;
	}
	while (skip < n && (p[skip] == ' ' || p[skip] == '\t')) {
		skip++;
	}
	while (n > skip && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == ' ' || p[n - 1] == '\t')) {
		n--;
	}
	n = n - skip < REDIRECT_URL_MAX ? n : skip + REDIRECT_URL_MAX + 1;
	f->locations++;
	f->location = ascii(f->arena, p + skip, n - skip);
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;
	n *= size;
	f->header_total += n;
	if (f->header_total > FETCH_HEADERS_MAX) { /* interim answers count too */
		f->too_large = true;
		return 0;
	}
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		f->header_n = 0;
		f->locations = 0;
		f->location = NULL;
	}
	for (size_t i = 0; i < n && f->header_n < sizeof(f->header); i++) {
		f->header[f->header_n++] = p[i] == '\0' ? ' ' : p[i];
	}
	take_location(f, p, n);
	return n;
}

/* Stops the transfer once it is longer than any key authorization. */
static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;
	n *= size;
	size_t room = sizeof(f->body) - f->body_n;
	size_t taken = n < room ? n : room;
	memcpy(f->body + f->body_n, p, taken);
	f->body_n += taken;
	return f->body_n < sizeof(f->body) ? n : 0;
}

/* Any certificate will do (A-105 leads to https hosts that have none yet); it is kept as evidence. */
static int on_certificate(X509_STORE_CTX *store, void *arg)
{
	struct fetch *f = arg;
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	int n = leaf == NULL ? -1 : i2d_X509(leaf, NULL);
	if (n > 0 && n <= FETCH_HEADERS_MAX) {
		uint8_t *der = arena_alloc(f->arena, (size_t) n);
		f->certificate = (struct bytes) { der, (size_t) n };
		(void) i2d_X509(leaf, &der);
	}
	return 1;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg)
{
	(void) easy;
	SSL_CTX_set_security_level(ssl_ctx, 0); /* old keys and digests are no reason to fail a redirect */
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
	{ CURLOPT_BUFFERSIZE, 2048 },
	{ CURLOPT_SSL_VERIFYPEER, 0 },
	{ CURLOPT_SSL_VERIFYHOST, 0 },
	{ CURLOPT_SSL_SESSIONID_CACHE, 0 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
};

/* What is the same for all fetches. None of these can fail but for lack of memory, which curl_easy_init met first. */
static void set_common(CURL *easy, const struct va_env *env)
{
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	}
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
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
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, f->headers);
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
	curl_slist_free_all(f->headers);
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
	f->started_us = clock_monotonic_us();
	f->easy = take_easy(env);
	f->connect_to = curl_slist_append(NULL, arena_printf(a, r->ip->v6 ? "::[%s]:%u" : "::%s:%u", ip, f->port));
	if (r->name_only) {
		bool bracketed = r->target->host_is_ip && r->target->ip.v6; /* B-8 */
		f->headers = curl_slist_append(NULL, arena_printf(a, bracketed ? "Host: [%s]" : "Host: %s", r->target->host));
	}
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
	{ CURLE_RECV_ERROR, FAILURE_RESET }, { CURLE_SEND_ERROR, FAILURE_RESET }, { CURLE_PARTIAL_FILE, FAILURE_RESET },
	{ CURLE_WEIRD_SERVER_REPLY, FAILURE_NOT_HTTP }, { CURLE_UNSUPPORTED_PROTOCOL, FAILURE_NOT_HTTP },
	{ CURLE_BAD_CONTENT_ENCODING, FAILURE_NOT_HTTP },
	{ CURLE_OUT_OF_MEMORY, FAILURE_HEADERS }, /* a line of more than 100 kB */
};

static enum failure failure_of_connect_errno(const struct fetch *f)
{
	long error = 0;
	(void) curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &error);
	/* no port or buffer is left here; for IPv6 it means that this host has none */
	bool ours = error == ENOBUFS || error == ENOMEM || (error == EADDRNOTAVAIL && !f->ip.v6);
	if (ours) {
		return FAILURE_FAULT;
	}
	if (error == ETIMEDOUT) {
		return FAILURE_CONNECT_TIMEOUT;
	}
	return error == ECONNREFUSED ? FAILURE_REFUSED : FAILURE_UNREACHABLE;
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
	bool tls = strncmp(f->attempt.url, "https:", 6) == 0;
	return tls && handshaken == 0 ? FAILURE_TLS_TIMEOUT : FAILURE_READ_TIMEOUT;
}

static enum failure failure_of(const struct fetch *f, CURLcode code)
{
	if (f->fault || f->changed) {
		return FAILURE_FAULT;
	}
	if (f->too_large) {
		return FAILURE_HEADERS;
	}
	if (code == CURLE_COULDNT_CONNECT) {
		return failure_of_connect_errno(f);
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
	uint8_t digest[SHA256_SIZE];
	long status = 0;
	(void) curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	sha256_of((struct bytes) { f->body, f->body_n }, digest);
	t->http_status = status;
	t->location = f->location;
	t->headers = f->header_n == 0 ? NULL : arena_text_n(f->arena, f->header, f->header_n);
	t->body = arena_bytes(f->arena, f->body, f->body_n < HTTP01_BODY_MAX ? f->body_n : HTTP01_BODY_MAX);
	t->body_octets = (int64_t) f->body_n;
	t->body_sha256 = arena_bytes(f->arena, digest, sizeof(digest));
	t->tls_certificate = f->certificate;
	t->error = failure == FAILURE_NONE ? NULL : failure_text(failure);
	t->duration_us = clock_monotonic_us() - f->started_us;
}

static void end(struct fetch *f, enum failure failure)
{
	if (failure == FAILURE_NONE && redirect_status(f->attempt.http_status) && f->locations != 1) {
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

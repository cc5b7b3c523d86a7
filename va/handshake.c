#include "va/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"
#include "va/dial.h"
#include "va/stranger.h"

#define EVENTS 64
#define READ_AT_ONCE 4096

static const uint8_t alpn[] = "\x0a" ACME_TLS_ALPN; /* and nothing else is offered (B-1) */

struct handshakes {
	SSL_CTX *tls;
	int epoll;
};

/* It is for policy/decide.h to judge the one certificate; nobody's chain is built. */
static int on_chain(X509_STORE_CTX *store, void *arg)
{
	(void) store;
	(void) arg;
	return 1;
}

static int set_tls(struct ctx *c, SSL_CTX *tls)
{
	if (tls == NULL || stranger_tls_set(tls) != 0 || SSL_CTX_set_alpn_protos(tls, alpn, sizeof(alpn) - 1) != 0) {
		return FAIL(c, SERVER_INTERNAL, "TLS for tls-alpn-01 can't be set up");
	}
	SSL_CTX_set_max_cert_list(tls, HANDSHAKE_CHAIN_MAX);
	SSL_CTX_set_cert_verify_callback(tls, on_chain, NULL);
	return 0;
}

int handshakes_new(struct ctx *c, struct handshakes **ret)
{
	struct handshakes *all = calloc(1, sizeof(*all));
	if (all == NULL) {
		die("out of memory");
	}
	all->tls = SSL_CTX_new(TLS_client_method());
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (set_tls(c, all->tls) != 0) {
		handshakes_free(all);
		return -1;
	}
	if (all->epoll < 0) {
		handshakes_free(all);
		return FAIL(c, SERVER_INTERNAL, "The event loop can't be made: %s", strerror(errno));
	}
	*ret = all;
	return 0;
}

void handshakes_free(struct handshakes *all)
{
	if (all == NULL) {
		return;
	}
	SSL_CTX_free(all->tls);
	if (all->epoll >= 0) {
		(void) close(all->epoll);
	}
	free(all);
}

int handshakes_fd(const struct handshakes *all)
{
	return all->epoll;
}

/* The certificate as evidence, with its digest where http-01 has that of the file. */
static enum failure keep_certificate(struct handshake *h)
{
	const X509 *leaf = SSL_get0_peer_certificate(h->ssl);
	int n = leaf == NULL ? -1 : i2d_X509(leaf, NULL);
	if (n <= 0 || n > HANDSHAKE_CERTIFICATE_MAX) {
		return n <= 0 ? FAILURE_TLS : FAILURE_TLS_LARGE;
	}
	uint8_t *der = arena_alloc(h->arena, (size_t) n);
	uint8_t *digest = arena_alloc(h->arena, SHA256_SIZE);
	struct connection_attempt *t = &h->attempt;
	t->tls_certificate = (struct bytes) { der, (size_t) n };
	(void) i2d_X509(leaf, &der);
	sha256_of(t->tls_certificate, digest);
	t->body_sha256 = (struct bytes) { digest, SHA256_SIZE };
	t->body_octets = n;
	return FAILURE_NONE;
}

static void keep_negotiated(struct handshake *h)
{
	const unsigned char *chosen = NULL;
	unsigned n = 0;
	SSL_get0_alpn_selected(h->ssl, &chosen, &n);
	if (n > 0) {
		h->attempt.alpn = decide_excerpt(h->arena, (struct bytes) { chosen, n });
	}
	h->attempt.tls_version = SSL_get_version(h->ssl);
}

/* error NULL: the sentence of the failure alone. */
static void end(struct handshake *h, enum failure failure, const char *error)
{
	if (failure == FAILURE_NONE) {
		keep_negotiated(h);
		failure = keep_certificate(h);
	}
	if (failure != FAILURE_NONE) {
		h->attempt.error = error != NULL ? error : failure_text(failure);
	}
	h->attempt.duration_us = clock_monotonic_us() - h->started_us;
	SSL_free(h->ssl);
	h->ssl = NULL;
	h->running = false;
	if (h->fd >= 0) {
		(void) close(h->fd); /* which takes it out of epoll */
	}
	struct connection_attempt attempt = h->attempt;
	h->done(h->arg, failure, &attempt);
}

/* Sends what TLS wrote. -1: the connection is gone. */
static int flush(struct handshake *h)
{
	BIO *out = SSL_get_wbio(h->ssl);
	char *p = NULL;
	long n = BIO_get_mem_data(out, &p);
	ssize_t sent = n > 0 ? send(h->fd, p, (size_t) n, MSG_NOSIGNAL) : 0;
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		return -1;
	}
	for (ssize_t left = sent; left > 0;) {
		char sink[READ_AT_ONCE];
		int taken = BIO_read(out, sink, left < READ_AT_ONCE ? (int) left : READ_AT_ONCE);
		left -= taken;
	}
	h->waits_to_send = BIO_pending(out) > 0;
	return 0;
}

static void watch(struct handshake *h, int how)
{
	bool sends = !h->connected || h->waits_to_send;
	struct epoll_event event = { .events = sends ? EPOLLOUT : EPOLLIN, .data.ptr = h };
	/* If that fails, its deadline ends it. */
	(void) epoll_ctl(h->all->epoll, how, h->fd, &event);
}

static void end_refused(struct handshake *h)
{
	unsigned long error = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(error);
	int reason = ERR_GET_REASON(error);
	if (why == NULL || reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) {
		end(h, FAILURE_TLS, NULL);
	} else {
		end(h, FAILURE_TLS_REFUSED, arena_printf(h->arena, "%s %.80s", failure_text(FAILURE_TLS_REFUSED), why));
	}
}

/* As far as TLS gets with what has come. */
static void step(struct handshake *h)
{
	ERR_clear_error();
	int result = SSL_do_handshake(h->ssl);
	int state = SSL_get_error(h->ssl, result);
	if (result == 1) {
		(void) SSL_shutdown(h->ssl); /* B-6: nothing but the end of it follows */
	}
	int flushed = flush(h);
	if (result == 1) {
		end(h, FAILURE_NONE, NULL);
	} else if (state != SSL_ERROR_WANT_READ) {
		end_refused(h);
	} else if (flushed != 0) {
		end(h, FAILURE_TLS_CLOSED, NULL);
	} else {
		watch(h, EPOLL_CTL_MOD);
	}
}

/* One piece at a time, so that a host that talks without end is served no more often than others. */
static void receive(struct handshake *h)
{
	char piece[READ_AT_ONCE];
	ssize_t n = recv(h->fd, piece, sizeof(piece), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		end(h, FAILURE_TLS_CLOSED, NULL);
		return;
	}
	h->received += (size_t) n;
	if (h->received > HANDSHAKE_OCTETS_MAX) {
		end(h, FAILURE_TLS_LARGE, NULL);
		return;
	}
	if (BIO_write(SSL_get_rbio(h->ssl), piece, (int) n) != (int) n) {
		die("out of memory");
	}
	step(h);
}

static SSL *new_ssl(SSL_CTX *tls, const char *server_name)
{
	SSL *ssl = SSL_new(tls);
	BIO *in = BIO_new(BIO_s_mem());
	BIO *out = BIO_new(BIO_s_mem());
	/* SSL_set_tlsext_host_name, whose macro casts const away */
	long named = ssl == NULL ? 0
	                         : SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
	                               (void *) (uintptr_t) server_name);
	if (in == NULL || out == NULL || named != 1) {
		die("out of memory");
	}
	BIO_set_mem_eof_return(in, -1); /* empty: more may come */
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	return ssl;
}

static void connected(struct handshake *h)
{
	int error = 0;
	socklen_t n = sizeof(error);
	if (getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
		end(h, dial_failure(&h->ip, error), NULL);
		return;
	}
	h->connected = true;
	h->ssl = new_ssl(h->all->tls, h->attempt.server_name);
	step(h);
}

static void serve(struct handshake *h)
{
	if (!h->connected) {
		connected(h);
	} else if (h->waits_to_send) {
		if (flush(h) != 0) {
			end(h, FAILURE_TLS_CLOSED, NULL);
		} else {
			watch(h, EPOLL_CTL_MOD);
		}
	} else {
		receive(h);
	}
}

void handshakes_serve(struct handshakes *all)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(all->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		serve(events[i].data.ptr);
	}
}

void handshake_start(struct handshake *h, struct handshakes *all, struct arena *a,
    const struct handshake_request *request, handshake_done *done, void *arg)
{
	int64_t now = clock_monotonic_us();
	*h = (struct handshake) {
		.all = all,
		.arena = a,
		.done = done,
		.arg = arg,
		.running = true,
		.ip = *request->ip,
		.started_us = now,
		.connect_until_us = now + request->connect_ms * 1000,
		.until_us = now + request->total_ms * 1000,
		.attempt = { .host = request->host,
		    .port = request->port,
		    .server_name = request->server_name,
		    .address_used = ip_encode(a, request->ip),
		    .started_at = clock_now() },
	};
	h->fd = dial_open(request->ip, request->port);
	if (h->fd < 0) {
		end(h, dial_failure(request->ip, errno), NULL);
		return;
	}
	watch(h, EPOLL_CTL_ADD);
}

bool handshake_running(const struct handshake *h)
{
	return h->running;
}

void handshake_abandon(struct handshake *h)
{
	if (handshake_running(h)) {
		end(h, h->connected ? FAILURE_TLS_TIMEOUT : FAILURE_CONNECT_TIMEOUT, NULL);
	}
}

void handshake_tick(struct handshake *h, int64_t now_us)
{
	if (now_us >= h->until_us || (!h->connected && now_us >= h->connect_until_us)) {
		handshake_abandon(h);
	}
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/config.h"
#include "lib/base/die.h"
#include "lib/http/address.h"
#include "lib/http/wire_internal.h"

/* Less than the servers' idle timeout, so that a kept connection is rarely used just when the server closes it. */
#define KEEP_US (45 * INT64_C(1000000))

static char *copy_text(const char *text)
{
	char *copy = strdup(text);
	if (copy == NULL) {
		die("out of memory");
	}
	return copy;
}

const char *wire_tls_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());
	return text == NULL ? "the TLS connection broke" : text;
}

static void wire_free(struct wire *w)
{
	if (w->ssl != NULL && w->reusable) {
		(void) SSL_shutdown(w->ssl); /* between two calls: the server is told */
	}
	SSL_free(w->ssl);
	if (w->fd >= 0) {
		close(w->fd);
	}
	free(w->host);
	free(w->address);
	free(w);
}

struct wire_pool *wire_pool_new(const struct http_client_tls *tls, size_t max_kept, int64_t lookup_ms)
{
	struct wire_pool *p = calloc(1, sizeof(*p));
	if (p == NULL) {
		die("out of memory");
	}
	p->tls = *tls;
	p->max_kept = max_kept;
	p->lookup_ms = lookup_ms;
	return p;
}

/* Those beyond the first `n`, and those that were idle for too long. */
static void drop_kept(struct wire_pool *p, size_t n)
{
	int64_t oldest_us = clock_monotonic_us() - KEEP_US;
	struct wire **at = &p->kept;
	for (size_t i = 0; i < n && *at != NULL && (*at)->idle_since_us > oldest_us; i++) {
		at = &(*at)->next;
	}
	while (*at != NULL) {
		struct wire *w = *at;
		*at = w->next;
		p->n_kept--;
		wire_free(w);
	}
}

void wire_pool_reset(struct wire_pool *p)
{
	drop_kept(p, 0);
	SSL_CTX_free(p->context);
	p->context = NULL;
	p->generation++;
}

void wire_pool_free(struct wire_pool *p)
{
	if (p == NULL) {
		return;
	}
	wire_pool_reset(p);
	free(p);
}

/* TLS 1.3 with the peer's name proven by the one CA that is trusted, and our own certificate if there is one. */
static int context_fill(SSL_CTX *x, const struct http_client_tls *tls)
{
	X509_VERIFY_PARAM *verify = SSL_CTX_get0_param(x);
	X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	SSL_CTX_set_verify(x, SSL_VERIFY_PEER, NULL);
	(void) SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	(void) SSL_CTX_set_mode(
	    x, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(x, 1); /* a record in one system call instead of two */
	if (X509_VERIFY_PARAM_set_flags(verify, X509_V_FLAG_PARTIAL_CHAIN) != 1 ||
	    SSL_CTX_set_min_proto_version(x, TLS1_3_VERSION) != 1 || SSL_CTX_load_verify_file(x, tls->ca_file) != 1) {
		return -1;
	}
	if (tls->cert_file == NULL) {
		return 0;
	}
	return SSL_CTX_use_certificate_chain_file(x, tls->cert_file) == 1 &&
	               SSL_CTX_use_PrivateKey_file(x, tls->key_file, SSL_FILETYPE_PEM) == 1
	           ? 0
	           : -1;
}

static int context_make(struct ctx *c, struct wire_pool *p)
{
	if (p->context != NULL) {
		return 0;
	}
	SSL_CTX *x = SSL_CTX_new(TLS_client_method());
	if (x == NULL) {
		die("out of memory");
	}
	ERR_clear_error();
	if (context_fill(x, &p->tls) != 0) {
		ctx_cause(c, "the certificates of this process: %s", wire_tls_reason());
		SSL_CTX_free(x);
		return FAIL(c, UNAVAILABLE, "A service can't be reached");
	}
	p->context = x;
	return 0;
}

static bool is_alive(const struct wire *w)
{
	char one;
	/* Whatever the server says unasked is its farewell. */
	return SSL_has_pending(w->ssl) == 0 && recv(w->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* One that is kept for this peer, or NULL. */
static struct wire *take_kept(struct wire_pool *p, const struct http_call *call)
{
	drop_kept(p, p->max_kept);
	for (struct wire **at = &p->kept; *at != NULL;) {
		struct wire *w = *at;
		if (strcmp(w->address, call->address) != 0 || strcmp(w->host, call->host) != 0) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		p->n_kept--;
		if (is_alive(w)) {
			return w;
		}
		wire_free(w);
	}
	return NULL;
}

static int look_up(struct wire *w, const struct address *to)
{
	struct ctx *c = w->c;
	w->places = ARENA_ARRAY(c->arena, NAMES_PLACES_MAX, struct name_place);
	if (names_find(c, to->host, ctx_left_ms(c, w->pool->lookup_ms), w->places, &w->n_places) != 0) {
		const char *why = arena_text(c->arena, c->err.cause);
		ctx_forgive(c);
		return wire_fail(w, why);
	}
	for (size_t i = 0; i < w->n_places; i++) {
		/* The port lies at the same place in both families. */
		((struct sockaddr_in *) (void *) &w->places[i].at)->sin_port = htons(to->port);
	}
	return 0;
}

static int find_places(struct wire *w)
{
	struct ctx *c = w->c;
	struct address to;
	if (address_parse(c->arena, w->address, &to) != 0) {
		return wire_fail(w, "the address is not of the form host:port");
	}
	struct name_place one;
	if (http_address_socket(c, to.host, to.port, &one.at, &one.n) != 0) {
		ctx_forgive(c);
		return look_up(w, &to);
	}
	w->places = ARENA_NEW(c->arena, struct name_place);
	w->places[0] = one;
	w->n_places = 1;
	return 0;
}

int wire_take(struct ctx *c, struct wire_pool *p, const struct http_call *call, struct wire **ret)
{
	struct wire *w = take_kept(p, call);
	if (w != NULL) {
		w->stage = WIRE_WRITING;
		w->c = c;
		*ret = w;
		return 0;
	}
	TRY(context_make(c, p));
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		die("out of memory");
	}
	*w = (struct wire) { .pool = p, .generation = p->generation, .fd = -1, .stage = WIRE_CONNECTING, .c = c };
	w->host = copy_text(call->host);
	w->address = copy_text(call->address);
	if (find_places(w) != 0) {
		wire_free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void wire_end(struct wire *w)
{
	struct wire_pool *p = w->pool;
	if (!w->reusable || w->generation != p->generation) {
		wire_free(w);
		return;
	}
	w->idle_since_us = clock_monotonic_us();
	w->next = p->kept;
	p->kept = w;
	p->n_kept++;
	if (p->n_kept > p->max_kept) {
		drop_kept(p, p->max_kept);
	}
}

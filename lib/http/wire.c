#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "lib/base/buffer.h"
#include "lib/base/die.h"
#include "lib/http/wire_internal.h"

#define CONNECT_LIMIT_MS 3000
#define NO_DEADLINE_MS 60000 /* a call without a deadline still ends */

int wire_fail(struct wire *w, const char *why)
{
	w->reusable = false;
	ctx_cause(w->c, "%s: %s", w->address, why);
	return FAIL(w->c, UNAVAILABLE, "A service can't be reached");
}

static int fail_late(struct wire *w)
{
	/* A connection that can't be made in time is no sign that the time is over. */
	if (ctx_left_ms(w->c, NO_DEADLINE_MS) >= 2) {
		return wire_fail(w, "no connection in time");
	}
	w->reusable = false;
	ctx_cause(w->c, "%s: no answer in time", w->address);
	return FAIL(w->c, DEADLINE, "A service did not answer in time");
}

static struct bytes write_request(struct ctx *c, const struct http_call *call)
{
	struct buffer b;
	buffer_init(&b, c->arena, 500 + call->body.n);
	buffer_add_text(&b, "POST ");
	buffer_add_text(&b, call->path);
	buffer_add_text(&b, " HTTP/1.1\r\nHost: ");
	buffer_add_text(&b, call->host);
	buffer_add_text(&b, "\r\nContent-Length: ");
	buffer_add_int(&b, (int64_t) call->body.n);
	for (size_t i = 0; call->headers != NULL && call->headers[i] != NULL; i++) {
		buffer_add_text(&b, "\r\n");
		buffer_add_text(&b, call->headers[i]);
	}
	buffer_add_text(&b, "\r\n\r\n");
	buffer_add(&b, call->body.p, call->body.n);
	return buffer_bytes(&b);
}

int wire_begin(struct ctx *c, struct wire_pool *p, struct http_call *call, struct wire **ret)
{
	call->status = 0;
	call->content_type = NULL;
	call->reply = (struct bytes) { NULL, 0 };
	call->sent = false;
	if (ctx_left_ms(c, 1) == 0) {
		return FAIL(c, DEADLINE, "The time for the request is over");
	}
	struct wire *w;
	TRY(wire_take(c, p, call, &w));
	w->call = call;
	w->reusable = false;
	w->give_up_us =
	    clock_monotonic_us() + ctx_left_ms(c, w->stage == WIRE_CONNECTING ? CONNECT_LIMIT_MS : NO_DEADLINE_MS) * 1000;
	w->out = write_request(c, call);
	w->in = arena_alloc(c->arena, HTTP_HEAD_MAX);
	w->in_size = HTTP_HEAD_MAX;
	w->in_n = 0;
	w->has_head = false;
	*ret = w;
	return 0;
}

/* The next place that the address stands for, after `error` at the one before. */
static int dial(struct wire *w, int error)
{
	while (w->n_places > 0) {
		const struct name_place *to = w->places++;
		w->n_places--;
		if (w->fd >= 0) {
			close(w->fd);
		}
		w->fd = socket(to->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		int on = 1;
		if (w->fd >= 0 && setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
		    (connect(w->fd, (const struct sockaddr *) &to->at, to->n) == 0 || errno == EINPROGRESS)) {
			return POLLOUT;
		}
		error = errno;
	}
	return wire_fail(w, error == 0 ? "it has no address" : strerror(error));
}

static void start_tls(struct wire *w)
{
	w->ssl = SSL_new(w->pool->context);
	if (w->ssl == NULL || SSL_set_fd(w->ssl, w->fd) != 1 || SSL_set1_host(w->ssl, w->host) != 1 ||
	    SSL_set_tlsext_host_name(w->ssl, w->host) != 1) {
		die("OpenSSL does not make a connection");
	}
	SSL_set_connect_state(w->ssl);
}

static int step_connecting(struct wire *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLOUT };
	if (w->fd < 0) {
		return dial(w, 0);
	}
	if (poll(&p, 1, 0) == 0) {
		return POLLOUT;
	}
	int error = 0;
	socklen_t n = sizeof(error);
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
		return dial(w, error);
	}
	start_tls(w);
	w->stage = WIRE_SHAKING;
	return 0;
}

/* What has to be waited for after OpenSSL did not get on. */
static int wait_or_fail(struct wire *w, int code)
{
	switch (SSL_get_error(w->ssl, code)) {
	case SSL_ERROR_WANT_READ:
		return POLLIN;
	case SSL_ERROR_WANT_WRITE:
		return POLLOUT;
	case SSL_ERROR_ZERO_RETURN:
		return wire_fail(w, "the server closed the connection");
	default:
		break;
	}
	long verified = SSL_get_verify_result(w->ssl);
	return wire_fail(w, verified != X509_V_OK ? X509_verify_cert_error_string(verified) : wire_tls_reason());
}

static int step_shaking(struct wire *w)
{
	ERR_clear_error();
	int code = SSL_do_handshake(w->ssl);
	if (code != 1) {
		return wait_or_fail(w, code);
	}
	w->give_up_us = clock_monotonic_us() + ctx_left_ms(w->c, NO_DEADLINE_MS) * 1000;
	w->stage = WIRE_WRITING;
	return 0;
}

static int step_writing(struct wire *w)
{
	w->call->sent = true;
	while (w->out.n > 0) {
		size_t n = 0;
		ERR_clear_error();
		int code = SSL_write_ex(w->ssl, w->out.p, w->out.n, &n);
		if (code != 1) {
			return wait_or_fail(w, code);
		}
		w->out = (struct bytes) { w->out.p + n, w->out.n - n };
	}
	w->stage = WIRE_READING;
	return POLLIN; /* the answer is never there at once */
}

/* 1: the answer is whole; 0: more has to come. */
static int take_answer(struct wire *w)
{
	struct ctx *c = w->c;
	if (!w->has_head) {
		int has = http_head_parse((struct bytes) { w->in, w->in_n }, &w->head);
		if (has <= 0) {
			return has == 0 ? 0 : wire_fail(w, "the answer is not of the form that our servers give it");
		}
		w->has_head = true;
		if (w->head.body > w->call->max_reply) {
			ctx_cause(c, "%s: %zu octets", w->address, w->head.body);
			return FAIL(c, SERVER_INTERNAL, "A service gave too long an answer");
		}
		struct bytes type = w->head.content_type;
		w->call->content_type = type.n == 0 ? NULL : arena_text_n(c->arena, type.p, type.n);
	}
	size_t whole = w->head.n + w->head.body;
	if (w->in_size < whole) {
		uint8_t *grown = arena_alloc(c->arena, whole);
		memcpy(grown, w->in, w->in_n);
		w->in = grown;
		w->in_size = whole;
	}
	return w->in_n <= whole ? w->in_n == whole : wire_fail(w, "there is more than an answer");
}

static int step_reading(struct wire *w)
{
	int result = 0;
	while (result == 0) {
		size_t n = 0;
		ERR_clear_error();
		int code = SSL_read_ex(w->ssl, w->in + w->in_n, w->in_size - w->in_n, &n);
		if (code != 1) {
			return wait_or_fail(w, code);
		}
		w->in_n += n;
		result = take_answer(w);
	}
	if (result < 0) {
		return -1;
	}
	w->call->status = w->head.status;
	w->call->reply = (struct bytes) { w->in + w->head.n, w->head.body };
	w->reusable = w->head.keep;
	return 0;
}

int wire_step(struct wire *w)
{
	static int (*const steps[])(struct wire *) = {
		[WIRE_CONNECTING] = step_connecting,
		[WIRE_SHAKING] = step_shaking,
		[WIRE_WRITING] = step_writing,
		[WIRE_READING] = step_reading,
	};
	int want = 0;
	bool last = false;
	while (want == 0 && !last) {
		last = w->stage == WIRE_READING;
		want = steps[w->stage](w);
	}
	return want > 0 && clock_monotonic_us() >= w->give_up_us ? fail_late(w) : want;
}

int wire_fd(const struct wire *w)
{
	return w->fd;
}

int wire_left_ms(const struct wire *w)
{
	int64_t left_us = w->give_up_us - clock_monotonic_us();
	return left_us <= 0 ? 0 : (int) ((left_us + 999) / 1000);
}

#include "lib/http/internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/die.h"
#include "lib/base/metrics.h"
#include "lib/http/address.h"

#define HEADERS_STEP 8
#define GATHER_MAX 8192 /* with its head it fits into one record */
#define HEAD_USUAL 600

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
	if (strpbrk(value, "\r\n") != NULL) {
		die("a header value with a line break: %s", name);
	}
	if (r->n_headers % HEADERS_STEP == 0) {
		struct http_header *grown = ARENA_ARRAY(r->ctx.arena, r->n_headers + HEADERS_STEP, struct http_header);
		for (size_t i = 0; i < r->n_headers; i++) {
			grown[i] = r->headers[i];
		}
		r->headers = grown;
	}
	r->headers[r->n_headers++] = (struct http_header) { .name = name, .value = arena_text(r->ctx.arena, value) };
}

void http_reply(struct http_request *r, unsigned status, const char *content_type, struct bytes body)
{
	r->status = status;
	r->reply = body;
	if (content_type != NULL) {
		http_reply_header(r, "Content-Type", content_type);
	}
}

static void refuse_in_text(struct http_request *r)
{
	const struct err *err = &r->ctx.err;
	if (err->retry_after_s > 0) {
		http_reply_header(r, "Retry-After", arena_printf(r->ctx.arena, "%lld", (long long) err->retry_after_s));
	}
	const char *text = arena_printf(r->ctx.arena, "%s\n", err->detail);
	http_reply(r, problem_info(err->type)->status, "text/plain; charset=utf-8", bytes_of_text(text));
}

void http_refuse(struct request *r, const char *reason)
{
	struct http_server *s = r->pub.server;
	metric_add(METRIC_http_refused, reason, 1);
	if (s->options.refuse != NULL) {
		s->options.refuse(&r->pub, s->options.arg);
	} else {
		refuse_in_text(&r->pub);
	}
	r->answered = true;
}

static const char *status_class(unsigned status)
{
	static const char *const classes[] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };
	return classes[status / 100 < COUNT_OF(classes) ? status / 100 : 0];
}

/* RFC 9110 15; a reason may be empty. */
static const char *reason_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};
	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (reasons[i].status == status) {
			return reasons[i].reason;
		}
	}
	return "";
}

/* RFC 9110 6.6.1, written once a second by each thread. */
static const char *date_now(void)
{
	static _Thread_local time_t of;
	static _Thread_local char text[40];
	time_t now = (time_t) (clock_now().us / 1000000);
	if (now != of) {
		static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
		static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
			"Nov", "Dec" };
		struct tm t;
		(void) gmtime_r(&now, &t);
		(void) snprintf(text, sizeof(text), "%s, %02d %s %d %02d:%02d:%02d GMT", days[t.tm_wday], t.tm_mday,
		    months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
		of = now;
	}
	return text;
}

static void add_field(struct buffer *b, const char *name, const char *value)
{
	buffer_add_text(b, name);
	buffer_add(b, ": ", 2);
	buffer_add_text(b, value);
	buffer_add(b, "\r\n", 2);
}

static void add_fields(struct buffer *b, const struct request *r, unsigned status)
{
	add_field(b, "Date", date_now());
	if (status != 204) {
		buffer_add_text(b, "Content-Length: ");
		buffer_add_int(b, (int64_t) r->pub.reply.n);
		buffer_add(b, "\r\n", 2);
	}
	for (size_t i = 0; i < r->pub.n_headers; i++) {
		/* A header that says nothing is left out. */
		if (r->pub.headers[i].value[0] != '\0') {
			add_field(b, r->pub.headers[i].name, r->pub.headers[i].value);
		}
	}
	if (!r->keep) {
		add_field(b, "Connection", "close");
	} else if (!r->ask.one_one) {
		add_field(b, "Connection", "keep-alive");
	}
}

void http_reply_render(struct request *r)
{
	/* A handler that did not answer is a bug, not something that a client may wait for. */
	unsigned status = r->pub.status == 0 ? 500 : r->pub.status;
	struct bytes body = r->pub.reply;
	if (status == 204 || (r->pub.method != NULL && strcmp(r->pub.method, "HEAD") == 0)) {
		body.n = 0;
	}
	r->keep = r->keep && !r->early && !atomic_load(&r->pub.server->draining);
	/* Head and a usual body are one record and one system call, and the client wakes up once. */
	bool together = body.n <= GATHER_MAX;
	struct buffer b;
	buffer_init(&b, r->pub.ctx.arena, HEAD_USUAL + (together ? body.n : 0));
	buffer_add_text(&b, "HTTP/1.1 ");
	buffer_add_int(&b, (int64_t) status);
	buffer_add_char(&b, ' ');
	buffer_add_text(&b, reason_of(status));
	buffer_add(&b, "\r\n", 2);
	add_fields(&b, r, status);
	buffer_add(&b, "\r\n", 2);
	if (together) {
		buffer_add(&b, body.p, body.n);
		body.n = 0;
	}
	r->out[0] = buffer_bytes(&b);
	r->out[1] = body;
	metric_add(METRIC_http_requests, status_class(status), 1);
}

const char *http_request_address(struct http_request *r, uint16_t *ret_port)
{
	return http_address_text(r->ctx.arena, &r->remote, ret_port);
}

#include "wfe/front.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/digest.h"
#include "wfe/answer.h"
#include "wfe/contact.h"
#include "wfe/headers.h"
#include "wfe/leak.h"
#include "wfe/nonces.h"
#include "wfe/notice.h"
#include "wfe/page.h"
#include "wfe/public.h"
#include "wfe/record.h"
#include "wfe/request.h"

const char *front_url(const struct acme *q, const char *path)
{
	return arena_printf(q->c->arena, "%s%s", q->front->config->acme.external_url, path);
}

const char *front_object_url(const struct acme *q, const char *kind, struct id id)
{
	char text[ID_TEXT_SIZE];
	id_encode(id, text);
	return arena_printf(q->c->arena, "%s/acme/%s/%s", q->front->config->acme.external_url, kind, text);
}

static struct bytes digest_of(struct arena *a, struct bytes in)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(in, digest);
	return arena_bytes(a, digest, sizeof(digest));
}

static struct remote find_remote(const struct acme *q)
{
	struct remote peer = { 0 };
	peer.address = http_request_address(q->http, &peer.port);
	/* Some proxies add a line of their own behind the one that the client sent. */
	return remote_find(q->c->arena, peer, http_request_header_list(q->http, "X-Forwarded-For"),
	    &q->front->config->wfe.trusted_proxies);
}

/* In log.request and in metrics. */
static const char *route_name(const struct acme *q)
{
	return q->route == NULL ? "none" : q->route->name;
}

/* G-60: of a visitor who asks not to be followed the network is enough. */
static void decline(const struct acme *q, struct record_begin *begin)
{
	begin->remote_address = remote_network(q->c->arena, q->remote.address);
	begin->remote_port = 0;
	begin->user_agent = NULL;
	begin->accept_language = NULL;
}

/* G-2; of a visit of a page, address and User-Agent are enough (G-61). */
static const char *recorded_headers(const struct acme *q)
{
	size_t n = 0;
	const struct http_header *headers = http_request_headers(q->http, &n);
	return q->route != NULL && q->route->page ? NULL : headers_recorded(q->c->arena, headers, n);
}

/* G-2, G-4: all of it, personal fields included, which the flusher sets apart. */
static int record_request(struct acme *q)
{
	struct http_request *r = q->http;
	leak_find(q);
	struct record_begin begin = {
		.received_at = r->received_at,
		.method = r->method == NULL ? "" : r->method,
		.route = route_name(q),
		.url = page_recorded_url(q),
		.remote_address = q->remote.address,
		.remote_port = q->remote.port,
		.user_agent = http_request_header(r, "User-Agent"), /* */
		.accept_language = http_request_header(r, "Accept-Language"),
		.headers = recorded_headers(q),
		.has_body = (q->route == NULL || !q->route->page) && q->leak.form == NULL && /* G-6 */
		            contact_free(q->c->arena, q->route, q->parsed ? &q->jws : NULL, r->body),
		.body_sha256 = digest_of(q->c->arena, r->body),
		.body_octets = (int64_t) r->body.n,
	};
	if (begin.has_body) {
		begin.body = r->body;
	}
	if (q->route != NULL && q->route->page && notice_declined(r)) {
		decline(q, &begin);
	}
	if (q->leak_in_header) {
		begin.user_agent = NULL;
		begin.accept_language = NULL;
		begin.headers = NULL;
	}
	return spool_append(q->c, q->front->spool, SPOOL_BEGIN, q->c->request_id, record_encode_begin(q->c->arena, &begin));
}

/* What the key of an account signed is a record of the account, also where it named itself by the key alone, as a refused newAccount or
 * recoverAccount: a key that is used is not lost, so it ends a recovery (docs/recovery.md). */
static void find_signer(struct acme *q)
{
	struct account_key signer;
	bool found = false;
	if (q->jwk.spki.n == 0 || !id_is_none(q->account.id)) {
		return;
	}
	struct err refused = q->c->err;
	ctx_forgive(q->c);
	if (accounts_find_by_key(q->c, q->jwk.thumbprint, &signer, &found) != 0) {
		log_error(q->c, LOG_WARN, "whose key signed a request is not known");
	} else if (found) {
		q->account = signer;
	}
	ctx_forgive(q->c);
	q->c->err = refused;
}

static int record_answer(struct acme *q, int64_t duration_us)
{
	bool kept_elsewhere = q->route != NULL && q->route->reply_kept_elsewhere;
	bool secret = (q->route != NULL && q->route->page) || page_is_told(q);
	struct record_end end = {
		.account_id = q->account.id,
		.status = q->status,
		.problem = q->c->err.type == PROBLEM_NONE ? NULL : problem_info(q->c->err.type)->name,
		.rule = q->c->err.rule,
		.has_reply = !secret && (!kept_elsewhere || q->c->err.type != PROBLEM_NONE),
		.reply_sha256 = digest_of(q->c->arena, q->reply),
		.reply_octets = (int64_t) q->reply.n,
		.duration_us = duration_us,
	};
	if (end.has_reply) {
		end.reply = q->reply;
	}
	return spool_append(q->c, q->front->spool, SPOOL_END, q->c->request_id, record_encode_end(q->c->arena, &end));
}

/* a browser asks first. */
static void serve_options(struct acme *q)
{
	http_reply_header(q->http, "Allow", route_allow(q->c->arena, q->route));
	http_reply_header(q->http, "Access-Control-Allow-Methods", route_allow(q->c->arena, q->route));
	http_reply_header(q->http, "Access-Control-Allow-Headers", "Content-Type");
	http_reply_header(q->http, "Access-Control-Max-Age", "86400");
	answer_empty(q, 204);
}

/* Nobody's key counts these (B-18). */
static bool is_unsigned(const struct acme *q, unsigned method)
{
	return method != METHOD_POST || (q->route != NULL && q->route->page);
}

static int serve_method(struct acme *q, bool parsed)
{
	unsigned method = route_method(q->http->method);
	if (is_unsigned(q, method)) {
		TRY(visits_admit(q->c, q->front->visits, q->remote.address));
	}
	if (q->leak.form != NULL) {
		return leak_refuse(q);
	}
	if (q->route == NULL) {
		if (method == METHOD_POST) {
			nonces_spend_broken(q->c, q->front, q->http->body); /* */
		}
		return FAIL(q->c, NOT_FOUND, "There is no such resource"); /* */
	}
	if (method == METHOD_OPTIONS) {
		serve_options(q);
		return 0;
	}
	if ((method & q->route->methods) == 0) {
		return FAIL(q->c, METHOD_NOT_ALLOWED, "This resource does not take the method %s",
		    method == 0 ? "of this request" : q->http->method);
	}
	if (!is_unsigned(q, method)) {
		if (!parsed) {
			nonces_spend_broken(q->c, q->front, q->http->body); /* */
			return -1;
		}
		TRY(trial_busy(q->c, q->front->trial));
		TRY(request_verify(q));
		TRY(trial_limited(q->c, q->front->trial));
	}
	return q->route->serve(q);
}

/* No record, no act (F-45): the begin is in the spool before anything is spent, read or done, and the end before the client
 * learns of it. */
static void serve_recorded(struct acme *q)
{
	int64_t start_us = clock_monotonic_us();
	q->remote = find_remote(q);
	bool parsed = q->route != NULL && !q->route->page && request_parse(q) == 0;
	struct err refused = q->c->err;
	ctx_forgive(q->c);
	if (record_request(q) != 0) {
		answer_problem(q);
		return;
	}
	q->c->err = refused;
	if (serve_method(q, parsed) != 0) {
		answer_problem(q);
	}
	find_signer(q);
	int64_t duration_us = clock_monotonic_us() - start_us;
	metric_observe_us(METRIC_http_request_seconds, route_name(q), duration_us);
	if (record_answer(q, duration_us) != 0) {
		ctx_forgive(q->c);
		(void) FAIL(q->c, UNAVAILABLE, "The answer can't be recorded");
		answer_problem(q);
	}
}

/* What an ACME client may have meant is recorded also where there is nothing (G-2); who looks at a page, or for an icon
 * that is not there, leaves no record (G-61). */
static bool is_acme(const struct acme *q)
{
	return q->route != NULL || (q->http->method != NULL && route_method(q->http->method) == METHOD_POST) ||
	       (q->http->path != NULL && strncmp(q->http->path, "/acme/", 6) == 0);
}

void front_serve(struct http_request *r, void *arg)
{
	struct acme q = { .c = &r->ctx, .http = r, .front = arg };
	q.route = route_find(r->path, &q.id);
	if (is_acme(&q)) {
		serve_recorded(&q);
	} else if (public_serve_page(r, q.front)) {
		return;
	} else if (serve_method(&q, false) != 0) {
		answer_problem(&q);
	}
	answer_send(&q);
}

/* Nothing is done, so there is an answer also when it can't be recorded. */
void front_refuse(struct http_request *r, void *arg)
{
	struct acme q = { .c = &r->ctx, .http = r, .front = arg };
	struct err refused = r->ctx.err;
	if (r->path != NULL) {
		q.route = route_find(r->path, &q.id);
	}
	q.remote = find_remote(&q);
	ctx_forgive(q.c);
	bool begun = is_acme(&q) && record_request(&q) == 0;
	q.c->err = refused;
	answer_problem(&q);
	if (begun && record_answer(&q, (clock_now().us - r->received_at.us)) != 0) {
		log_error(q.c, LOG_ERROR, "a refusal is not recorded");
	}
	answer_send(&q);
}

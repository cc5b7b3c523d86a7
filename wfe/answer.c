#include "wfe/answer.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "wfe/notice.h"
#include "wfe/objects.h"

#define BUSY_RETRY_S 5

void answer_json(struct acme *q, unsigned status, const struct fields *fields, const void *from)
{
	q->status = status;
	q->content_type = "application/json";
	q->reply = fields_to_json(q->c->arena, fields, from);
}

void answer_empty(struct acme *q, unsigned status)
{
	q->status = status;
	q->content_type = NULL;
	q->reply = (struct bytes) { NULL, 0 };
}

void answer_link(struct acme *q, const char *url, const char *rel)
{
	http_reply_header(q->http, "Link", arena_printf(q->c->arena, "<%s>;rel=\"%s\"", url, rel));
}

void answer_location(struct acme *q, const char *url)
{
	http_reply_header(q->http, "Location", url);
}

/* */
void answer_retry_after(struct acme *q, int64_t seconds)
{
	http_reply_header(q->http, "Retry-After", arena_printf(q->c->arena, "%lld", (long long) seconds));
}

static void add_problem_headers(struct acme *q)
{
	const struct err *err = &q->c->err;
	const char *terms = q->front->config->acme.terms_of_service;
	int64_t retry_after_s = err->retry_after_s;
	if (retry_after_s == 0 && problem_info(err->type)->status == 503) {
		retry_after_s = BUSY_RETRY_S; /* */
	}
	if (retry_after_s > 0) {
		answer_retry_after(q, retry_after_s);
	}
	if (err->location != NULL) {
		answer_location(q, err->location);
	}
	if (err->type == PROBLEM_USER_ACTION_REQUIRED && terms != NULL) {
		answer_link(q, terms, "terms-of-service"); /* */
	}
	if (err->type == PROBLEM_RATE_LIMITED && q->front->config->acme.rate_limits_url != NULL) {
		answer_link(q, q->front->config->acme.rate_limits_url, "help"); /* */
	}
	if (err->type == PROBLEM_METHOD_NOT_ALLOWED && q->route != NULL) {
		http_reply_header(q->http, "Allow", route_allow(q->c->arena, q->route)); /* */
	}
}

/* What the policy refuses is of interest to operators; the rest of clients' mistakes are many. */
static enum log_level level_of(const struct err *err)
{
	if (problem_info(err->type)->status >= 500) {
		return LOG_ERROR;
	}
	return err->rule == NULL ? LOG_DEBUG : LOG_INFO;
}

void answer_problem(struct acme *q)
{
	const struct err *err = &q->c->err;
	const struct problem_info *info = problem_info(err->type);
	struct acme_problem problem = object_of_error(q->c->arena, err);
	answer_json(q, info->status, &acme_problem_fields, &problem);
	q->content_type = "application/problem+json";
	add_problem_headers(q);
	metric_add(METRIC_acme_problems, info->name, 1);
	log_error(q->c, level_of(err), "refused");
}

/* on each answer to POST and HEAD, errors included, and on each of newNonce. */
static bool wants_nonce(const struct acme *q)
{
	bool is_source = q->route != NULL && q->route->serve == new_nonce_serve;
	/* What the HTTP server refused may have no method yet. */
	unsigned method = q->http->method == NULL ? 0 : route_method(q->http->method);
	return method == METHOD_POST || method == METHOD_HEAD || (is_source && method == METHOD_GET);
}

static void add_nonce(struct acme *q)
{
	if (!wants_nonce(q)) {
		http_reply_header(q->http, "Cache-Control",
		    q->cache_s == 0 ? "public, max-age=0, no-cache"
		                    : arena_printf(q->c->arena, "public, max-age=%lld", (long long) q->cache_s));
		return;
	}
	char nonce[NONCE_TEXT_SIZE];
	nonce_make(q->front->nonces, nonce);
	http_reply_header(q->http, "Replay-Nonce", nonce);
	http_reply_header(q->http, "Cache-Control", "no-store");
	metric_add(METRIC_nonces_issued, NULL, 1);
}

/* G-16, G-62: no script, nothing from elsewhere, and the link is handed on to nobody. */
static void add_page_headers(struct acme *q)
{
	http_reply_header(q->http, "Cache-Control", "no-store");
	http_reply_header(q->http, "Content-Security-Policy",
	    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
	notice_headers(q->http);
}

static void add_acme_headers(struct acme *q)
{
	add_nonce(q);
	if (q->route == NULL || q->route->serve != directory_serve) {
		answer_link(q, front_url(q, "/directory"), "index"); /* */
	}
	if (trial_header(q->front->trial) != NULL) {
		http_reply_header(q->http, "Cairn-Test", trial_header(q->front->trial));
	}
	http_reply_header(q->http, "Access-Control-Allow-Origin", "*"); /* */
	http_reply_header(q->http, "Access-Control-Expose-Headers", "Link, Replay-Nonce, Location, Retry-After");
}

void answer_send(struct acme *q)
{
	if (q->route != NULL && q->route->page) {
		add_page_headers(q);
	} else {
		add_acme_headers(q);
	}
	http_reply(q->http, q->status, q->content_type, q->reply);
	log_event(q->c, LOG_DEBUG, "answered", "method", q->http->method, "route", q->route == NULL ? NULL : q->route->name,
	    "problem", q->c->err.type == PROBLEM_NONE ? NULL : problem_info(q->c->err.type)->name, NULL);
}

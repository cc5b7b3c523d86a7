#include "va/http01.h"

#include <string.h>

#include "va/record.h"

#define HOP_MS 10000
#define CONNECT_WITH_FALLBACK_MS 5000
#define LOOK_US 250000 /* how often it is looked at how much came */

static void hop_begin(struct http01 *h);

static void finish_fault(struct http01 *h)
{
	host_abandon(&h->host);
	h->dcv.fault = true;
	dcv_finish(&h->dcv);
}

/* A hop that never came to a connection is recorded all the same. */
static void finish_unconnected(struct http01 *h, const char *error)
{
	struct connection_attempt attempt = { .url = h->target.url,
		.host = h->target.host,
		.port = h->target.port,
		.addresses_resolved = h->host.all,
		.error = error,
		.started_at = h->hop_at,
		.duration_us = clock_now().us - h->hop_at.us };
	(void) record_attempt(h->dcv.arena, h->dcv.result, &attempt);
	dcv_finish(&h->dcv);
}

static int64_t left_ms(const struct http01 *h)
{
	int64_t ms = (h->dcv.deadline_us - clock_monotonic_us()) / 1000;
	return ms > 0 ? ms : 1;
}

static int64_t at_most(int64_t value, int64_t most)
{
	return value < most ? value : most;
}

static void on_fetched(void *arg, enum failure failure, const struct connection_attempt *attempt);

static void connect_next(struct http01 *h)
{
	bool last = h->next_ip + 1 >= h->host.n_ips;
	int64_t total = at_most(left_ms(h), HOP_MS);
	struct fetch_request request = {
		.target = &h->target,
		.ip = &h->host.ips[h->next_ip++],
		.name_only = h->redirects == 0,
		.user_agent = h->dcv.env->config->user_agent,
		.total_ms = total,
		/* leaves the fallback its share */
		.connect_ms = last ? total : at_most((left_ms(h) + 1) / 2, CONNECT_WITH_FALLBACK_MS),
	};
	struct va_env *env = h->dcv.env;
	if (!h->target.https) {
		plain_start(&h->plain, env->plains, h->dcv.arena, &request, on_fetched, h);
	} else if (fetch_start(env, h->dcv.arena, &request, on_fetched, h, &h->fetch) != 0) {
		finish_fault(h);
	}
}

static bool visited_before(const struct http01 *h, const char *url)
{
	for (size_t i = 0; i <= h->redirects; i++) {
		if (strcmp(h->visited[i], url) == 0) {
			return true;
		}
	}
	return false;
}

/* Goes on to the target of the redirect, or says in the attempt's record why not. */
static void redirect(struct http01 *h, struct connection_attempt *attempt)
{
	struct ctx c = { .arena = h->dcv.arena };
	struct target next;
	if (redirect_resolve(&c, &h->target, bytes_of_text(attempt->location), &h->dcv.env->ports, &next) != 0) {
		attempt->error = c.err.detail;
	} else if (visited_before(h, next.url)) {
		attempt->error = failure_text(FAILURE_LOOP);
	} else if (h->redirects >= REDIRECTS_MAX) {
		attempt->error = failure_text(FAILURE_REDIRECTS);
	}
	if (attempt->error != NULL) {
		dcv_finish(&h->dcv);
		return;
	}
	h->redirects++;
	h->target = next;
	hop_begin(h);
}

static void on_fetched(void *arg, enum failure failure, const struct connection_attempt *fetched)
{
	struct http01 *h = arg;
	h->fetch = NULL;
	struct connection_attempt *attempt = record_attempt(h->dcv.arena, h->dcv.result, fetched);
	attempt->addresses_resolved = h->host.all;
	if (failure == FAILURE_FAULT) {
		finish_fault(h);
	} else if (failure_before_connect(failure) && h->next_ip < h->host.n_ips && left_ms(h) > 1) {
		connect_next(h); /* */
	} else if (failure == FAILURE_NONE && redirect_status(attempt->http_status)) {
		redirect(h, attempt);
	} else {
		dcv_finish(&h->dcv);
	}
}

static void on_host(void *arg)
{
	struct http01 *h = arg;
	h->next_ip = 0;
	if (h->host.fault) {
		finish_fault(h);
	} else if (h->host.n_ips == 0) {
		finish_unconnected(h, host_error(&h->host));
	} else {
		connect_next(h);
	}
}

static void hop_begin(struct http01 *h)
{
	h->host = (struct host) { .env = h->dcv.env,
		.arena = h->dcv.arena,
		.result = h->dcv.result,
		.on_end = on_host,
		.arg = h,
		.whose = h->dcv.request->identifier.value };
	h->hop_at = clock_now();
	h->visited[h->redirects] = h->target.url;
	if (h->target.host_is_ip) {
		host_take_ip(&h->host, h->target.host, &h->target.ip);
		on_host(h);
	} else {
		host_resolve(&h->host, h->target.host, left_ms(h));
	}
}

void http01_start(struct dcv *dcv)
{
	struct http01 *h = (struct http01 *) dcv;
	target_first(dcv->arena, dcv->request->identifier.value, dcv->env->ports.http, dcv->request->token, &h->target);
	hop_begin(h);
}

void http01_tick(struct dcv *dcv, int64_t now_us)
{
	struct http01 *h = (struct http01 *) dcv;
	host_tick(&h->host, now_us);
	plain_tick(&h->plain, now_us);
	if (h->fetch != NULL && now_us >= h->look_at_us) {
		h->look_at_us = now_us + LOOK_US;
		fetch_tick(h->fetch);
	}
}

void http01_abandon(struct dcv *dcv)
{
	struct http01 *h = (struct http01 *) dcv;
	bool resolving = host_resolving(&h->host);
	host_abandon(&h->host);
	if (h->dcv.ended) {
		return;
	}
	h->dcv.deadline_us = 0; /* no fallback any more */
	if (plain_running(&h->plain)) {
		plain_abandon(&h->plain);
	} else if (h->fetch != NULL) {
		fetch_abandon(h->fetch);
	} else if (resolving) {
		finish_unconnected(h, host_error(&h->host));
	}
	dcv_finish(&h->dcv);
}

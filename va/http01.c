#include "va/http01.h"

#include <string.h>

#include "va/record.h"

#define HOP_MS 10000
#define CONNECT_WITH_FALLBACK_MS 5000
#define OTHER_FAMILY_MS 3000

enum { V6, V4 };

static void hop_begin(struct http01 *h);

/* Whatever is still under way is ended and recorded as it stands. */
static void abandon_lookups(struct http01 *h)
{
	for (size_t i = 0; i < COUNT_OF(h->host.lookups); i++) {
		if (h->host.lookups[i] != NULL) {
			lookup_abandon(h->host.lookups[i], &h->host.answers[i]);
			h->host.lookups[i] = NULL;
			record_resolution(h->dcv.arena, h->dcv.result, &h->host.answers[i].record);
		}
	}
}

static void finish_fault(struct http01 *h)
{
	abandon_lookups(h);
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
		.total_ms = total,
		/* leaves the fallback its share */
		.connect_ms = last ? total : at_most((left_ms(h) + 1) / 2, CONNECT_WITH_FALLBACK_MS),
	};
	if (fetch_start(h->dcv.env, h->dcv.arena, &request, on_fetched, h, &h->fetch) != 0) {
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

static void connect_first(struct http01 *h)
{
	h->next_ip = 0;
	if (h->host.n_ips > 0) {
		connect_next(h);
	} else {
		finish_unconnected(h, arena_printf(h->dcv.arena, "%s %s", failure_text(FAILURE_ADDRESS), h->host.refused));
	}
}

/* Takes the first address of the answers that validation may enter. */
static void choose(struct http01 *h, const struct bytes_list *rdata)
{
	bool chosen = false;
	for (size_t i = 0; i < rdata->n; i++) {
		struct ip ip;
		if (ip_of_bytes(rdata->v[i], &ip) != 0) {
			continue;
		}
		const char *refusal = ip_refusal(&ip, &h->dcv.env->allowed);
		const char *text = ip_encode(h->dcv.arena, &ip);
		h->host.all.v[h->host.all.n++] = text;
		if (refusal != NULL) {
			h->host.refused = arena_printf(h->dcv.arena, "%s, which is %s", text, refusal);
		} else if (!chosen) {
			chosen = true;
			h->host.ips[h->host.n_ips++] = ip;
		}
	}
}

/* "DNS problem: NXDOMAIN looking up A for a.example - ..." of the lookup that says most. */
static const char *name_error(struct http01 *h)
{
	const struct lookup_answer *v6 = &h->host.answers[V6];
	const struct lookup_answer *v4 = &h->host.answers[V4];
	const struct resolution *r = v4->record.error == NULL && v6->record.error != NULL ? &v6->record : &v4->record;
	const char *prefix = failure_text(FAILURE_NAME);
	if (r->error != NULL) {
		return arena_printf(h->dcv.arena, "%s %s looking up %s for %s", prefix, r->error, r->type, h->target.host);
	}
	if (v4->record.rcode != 0) {
		return arena_printf(h->dcv.arena,
		    "%s NXDOMAIN looking up A for %s - check that a DNS record exists for this domain", prefix, h->target.host);
	}
	return arena_printf(h->dcv.arena, "%s no A or AAAA record for %s", prefix, h->target.host);
}

/* Both lookups are there. One that failed does no harm while the other gave an address. */
static void resolved(struct http01 *h)
{
	struct http01_host *host = &h->host;
	size_t n = host->answers[V6].rdata.n + host->answers[V4].rdata.n;
	host->all.v = ARENA_ARRAY(h->dcv.arena, n, const char *);
	choose(h, &host->answers[V6].rdata);
	choose(h, &host->answers[V4].rdata);
	if (host->n_ips > 0 || host->refused != NULL) {
		connect_first(h);
	} else if (host->answers[V6].fault || host->answers[V4].fault) {
		finish_fault(h);
	} else {
		finish_unconnected(h, name_error(h));
	}
}

static void on_lookup(struct http01 *h, size_t which, const struct lookup_answer *answer)
{
	h->host.lookups[which] = NULL;
	h->host.answers[which] = *answer;
	record_resolution(h->dcv.arena, h->dcv.result, &answer->record);
	if (h->host.lookups[V6] == NULL && h->host.lookups[V4] == NULL) {
		resolved(h);
	}
}

static void on_v6(void *arg, const struct lookup_answer *answer)
{
	on_lookup(arg, V6, answer);
}

static void on_v4(void *arg, const struct lookup_answer *answer)
{
	on_lookup(arg, V4, answer);
}

static void hop_begin(struct http01 *h)
{
	h->host = (struct http01_host) { .n_ips = 0 };
	h->hop_at = clock_now();
	h->hurry_at_us = clock_monotonic_us() + at_most(left_ms(h) / 2, OTHER_FAMILY_MS) * 1000;
	h->visited[h->redirects] = h->target.url;
	if (h->target.host_is_ip) {
		const char *refusal = ip_refusal(&h->target.ip, &h->dcv.env->allowed);
		h->host.ips[0] = h->target.ip;
		h->host.n_ips = refusal == NULL;
		h->host.refused =
		    refusal == NULL ? NULL : arena_printf(h->dcv.arena, "%s, which is %s", h->target.host, refusal);
		connect_first(h);
		return;
	}
	struct lookup_wanted v6 = { h->target.host, LOOKUP_AAAA, on_v6, h };
	struct lookup_wanted v4 = { h->target.host, LOOKUP_A, on_v4, h };
	h->host.lookups[V6] = lookup_start(h->dcv.env->resolver, h->dcv.arena, &v6);
	h->host.lookups[V4] = lookup_start(h->dcv.env->resolver, h->dcv.arena, &v4);
	if (h->host.lookups[V6] == NULL || h->host.lookups[V4] == NULL) {
		finish_fault(h);
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
	bool one_is_late = (h->host.lookups[V6] == NULL) != (h->host.lookups[V4] == NULL);
	if (one_is_late && now_us >= h->hurry_at_us) {
		abandon_lookups(h);
		resolved(h);
	}
}

void http01_abandon(struct dcv *dcv)
{
	struct http01 *h = (struct http01 *) dcv;
	bool resolving = h->host.lookups[V6] != NULL || h->host.lookups[V4] != NULL;
	abandon_lookups(h);
	if (h->dcv.ended) {
		return;
	}
	if (h->fetch != NULL) {
		h->dcv.deadline_us = 0; /* no fallback any more */
		fetch_abandon(h->fetch);
	} else if (resolving) {
		finish_unconnected(h, name_error(h));
	}
	dcv_finish(&h->dcv);
}

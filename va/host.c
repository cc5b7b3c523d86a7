#include "va/host.h"

#include "policy/decide.h"
#include "policy/dns_trouble.h"
#include "va/record.h"

#define OTHER_FAMILY_MS 3000

enum { V6, V4 };

static void begin(struct host *h, const char *name)
{
	*h = (struct host) { .env = h->env,
		.arena = h->arena,
		.result = h->result,
		.on_end = h->on_end,
		.arg = h->arg,
		.whose = h->whose,
		.name = name };
}

/* Takes the first address of the answers that validation may enter; one of the other family's length is none. */
static void choose(struct host *h, const struct bytes_list *rdata, size_t octets)
{
	bool chosen = false;
	for (size_t i = 0; i < rdata->n; i++) {
		struct ip ip;
		if (rdata->v[i].n != octets || ip_of_bytes(rdata->v[i], &ip) != 0) {
			continue;
		}
		const char *refusal = ip_refusal(&ip, &h->env->reach);
		const char *text = ip_encode(h->arena, &ip);
		h->all.v[h->all.n++] = text;
		if (refusal != NULL) {
			h->refused = arena_printf(h->arena, "%s, which is %s", text, refusal);
		} else if (!chosen) {
			chosen = true;
			h->ips[h->n_ips++] = ip;
		}
	}
}

/* "DNS problem: NXDOMAIN looking up A for a.example - ..." of the lookup that says most. */
static const char *name_error(const struct host *h)
{
	const struct lookup_answer *v6 = &h->answers[V6];
	const struct lookup_answer *v4 = &h->answers[V4];
	const struct resolution *r = v4->record.error == NULL && v6->record.error != NULL ? &v6->record : &v4->record;
	const char *prefix = failure_text(FAILURE_NAME);
	if (r->error != NULL) {
		return arena_printf(h->arena, "%s %s", prefix, dns_trouble_text(h->arena, r));
	}
	if (v4->record.rcode != 0) {
		return arena_printf(h->arena,
		    "%s NXDOMAIN looking up A for %s - check that a DNS record exists for this domain", prefix, h->name);
	}
	return arena_printf(h->arena, "%s no A or AAAA record for %s", prefix, h->name);
}

const char *host_error(const struct host *h)
{
	if (h->refused == NULL) {
		return name_error(h);
	}
	return arena_printf(h->arena, "%s %s", failure_text(FAILURE_ADDRESS), h->refused);
}

/* Both lookups are there. One that failed does no harm while the other gave an address. */
static void resolved(struct host *h)
{
	size_t n = h->answers[V6].rdata.n + h->answers[V4].rdata.n;
	h->all.v = ARENA_ARRAY(h->arena, n, const char *);
	choose(h, &h->answers[V6].rdata, 16);
	choose(h, &h->answers[V4].rdata, 4);
	h->fault = h->n_ips == 0 && h->refused == NULL && (h->answers[V6].fault || h->answers[V4].fault);
	h->on_end(h->arg);
}

static void on_lookup(struct host *h, size_t which, const struct lookup_answer *answer)
{
	h->lookups[which] = NULL;
	h->answers[which] = *answer;
	record_resolution(h->arena, h->result, &answer->record);
	if (!host_resolving(h)) {
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

void host_resolve(struct host *h, const char *name, int64_t left_ms)
{
	begin(h, name);
	int64_t hurry_ms = left_ms / 2 < OTHER_FAMILY_MS ? left_ms / 2 : OTHER_FAMILY_MS;
	h->hurry_at_us = clock_monotonic_us() + hurry_ms * 1000;
	struct lookup_wanted v6 = { name, LOOKUP_AAAA, on_v6, h, false, h->whose };
	struct lookup_wanted v4 = { name, LOOKUP_A, on_v4, h, false, h->whose };
	h->lookups[V6] = lookup_start(h->env->resolver, h->arena, &v6);
	h->lookups[V4] = lookup_start(h->env->resolver, h->arena, &v4);
}

void host_take_ip(struct host *h, const char *text, const struct ip *ip)
{
	begin(h, text);
	const char *refusal = ip_refusal(ip, &h->env->reach);
	h->ips[0] = *ip;
	h->n_ips = refusal == NULL;
	h->refused = refusal == NULL ? NULL : arena_printf(h->arena, "%s, which is %s", text, refusal);
}

bool host_resolving(const struct host *h)
{
	return h->lookups[V6] != NULL || h->lookups[V4] != NULL;
}

void host_tick(struct host *h, int64_t now_us)
{
	bool one_is_late = (h->lookups[V6] == NULL) != (h->lookups[V4] == NULL);
	if (one_is_late && now_us >= h->hurry_at_us) {
		host_abandon(h);
		resolved(h);
	}
}

void host_abandon(struct host *h)
{
	for (size_t i = 0; i < COUNT_OF(h->lookups); i++) {
		if (h->lookups[i] != NULL) {
			lookup_abandon(h->lookups[i], &h->answers[i]);
			h->lookups[i] = NULL;
			record_resolution(h->arena, h->result, &h->answers[i].record);
		}
	}
}

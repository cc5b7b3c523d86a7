#include "va/tlsalpn01.h"

#include "va/record.h"

#define HANDSHAKE_MS 10000
#define CONNECT_WITH_FALLBACK_MS 5000

static void finish_fault(struct tlsalpn01 *t)
{
	t->dcv.fault = true;
	dcv_finish(&t->dcv);
}

/* A validation that never came to a connection is recorded all the same. */
static void finish_unconnected(struct tlsalpn01 *t)
{
	struct connection_attempt attempt = { .host = t->host.name,
		.port = t->dcv.env->ports.https,
		.server_name = t->server_name,
		.addresses_resolved = t->host.all,
		.error = host_error(&t->host),
		.started_at = t->started_at,
		.duration_us = clock_now().us - t->started_at.us };
	(void) record_attempt(t->dcv.arena, t->dcv.result, &attempt);
	dcv_finish(&t->dcv);
}

static int64_t left_ms(const struct tlsalpn01 *t)
{
	int64_t ms = (t->dcv.deadline_us - clock_monotonic_us()) / 1000;
	return ms > 0 ? ms : 1;
}

static int64_t at_most(int64_t value, int64_t most)
{
	return value < most ? value : most;
}

static void on_handshake(void *arg, enum failure failure, const struct connection_attempt *made);

static void connect_next(struct tlsalpn01 *t)
{
	bool last = t->next_ip + 1 >= t->host.n_ips;
	int64_t total = at_most(left_ms(t), HANDSHAKE_MS);
	struct handshake_request request = {
		.host = t->host.name,
		.server_name = t->server_name,
		.ip = &t->host.ips[t->next_ip++],
		.port = t->dcv.env->ports.https,
		.total_ms = total,
		/* leaves the fallback its share */
		.connect_ms = last ? total : at_most((left_ms(t) + 1) / 2, CONNECT_WITH_FALLBACK_MS),
	};
	handshake_start(&t->handshake, t->dcv.env->handshakes, t->dcv.arena, &request, on_handshake, t);
}

static void on_handshake(void *arg, enum failure failure, const struct connection_attempt *made)
{
	struct tlsalpn01 *t = arg;
	struct connection_attempt *attempt = record_attempt(t->dcv.arena, t->dcv.result, made);
	attempt->addresses_resolved = t->host.all;
	if (failure == FAILURE_FAULT) {
		finish_fault(t);
	} else if (failure_before_connect(failure) && t->next_ip < t->host.n_ips && left_ms(t) > 1) {
		connect_next(t); /* */
	} else {
		dcv_finish(&t->dcv);
	}
}

static void on_host(void *arg)
{
	struct tlsalpn01 *t = arg;
	if (t->host.fault) {
		finish_fault(t);
	} else if (t->host.n_ips == 0) {
		finish_unconnected(t);
	} else {
		connect_next(t);
	}
}

void tlsalpn01_start(struct dcv *dcv)
{
	struct tlsalpn01 *t = (struct tlsalpn01 *) dcv;
	struct ip ip;
	const char *name = dcv->request->identifier.value;
	t->host = (struct host) {
		.env = dcv->env, .arena = dcv->arena, .result = dcv->result, .on_end = on_host, .arg = t, .whose = name
	};
	t->started_at = clock_now();
	if (ip_parse(name, &ip) == 0) {
		t->server_name = ip_reverse_name(dcv->arena, &ip); /* RFC 8738 6 (B-8) */
		host_take_ip(&t->host, name, &ip);
		on_host(t);
	} else {
		t->server_name = name; /* B-1 */
		host_resolve(&t->host, name, left_ms(t));
	}
}

void tlsalpn01_tick(struct dcv *dcv, int64_t now_us)
{
	struct tlsalpn01 *t = (struct tlsalpn01 *) dcv;
	host_tick(&t->host, now_us);
	if (handshake_running(&t->handshake)) {
		handshake_tick(&t->handshake, now_us);
	}
}

void tlsalpn01_abandon(struct dcv *dcv)
{
	struct tlsalpn01 *t = (struct tlsalpn01 *) dcv;
	bool resolving = host_resolving(&t->host);
	host_abandon(&t->host);
	if (dcv->ended) {
		return;
	}
	dcv->deadline_us = 0; /* no fallback any more */
	if (handshake_running(&t->handshake)) {
		handshake_abandon(&t->handshake);
	} else if (resolving) {
		finish_unconnected(t);
	}
	dcv_finish(dcv);
}

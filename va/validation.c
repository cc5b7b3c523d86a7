#include "va/validation.h"

#include <string.h>

#include "lib/base/metrics.h"
#include "lib/crypto/onion.h"
#include "policy/challenges.h"
#include "policy/dns_trouble.h"
#include "va/record.h"
#include "va/resolve.h"
#include "va/uplink.h"

#define TOKEN_MAX 128
#define FRESH_US 1000000 /* so old may be what is known of our resolver: validations that fail together ask once */
#define REPLY_RESERVE_US 200000 /* of the caller's deadline, for the answer's way back */

/* RFC 8555 8.1, 8.3: a token of base64url, and the key authorization that begins with it. */
static int check_challenge(struct ctx *c, const struct validate_request *in)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t n = in->token == NULL ? 0 : strspn(in->token, alphabet);
	const struct challenge_kind *kind = challenge_kind_find(in->method);
	enum identifier_kind what = identifier_kind(&in->identifier);
	what = in->wildcard && what == IDENTIFIER_DNS ? IDENTIFIER_WILDCARD : what;
	if (kind == NULL || dcv_method_find(in->method) == NULL || !kind->validates[what]) { /* C-6, B-5, B-9 */
		return FAIL(c, MALFORMED, "This method can't validate this identifier");
	}
	if (n == 0 || n > TOKEN_MAX || in->token[n] != '\0' || strncmp(in->key_authorization, in->token, n) != 0 ||
	    in->key_authorization[n] != '.' || strlen(in->key_authorization) > HTTP01_BODY_MAX / 2) {
		return FAIL(c, MALFORMED, "Token and key authorization do not fit together");
	}
	return 0;
}

/* B-7, C-17: an address in its one form, which is neither a wildcard nor has CAA records. */
static bool is_address(struct arena *a, const struct validate_request *in)
{
	struct ip ip;
	return ip_parse(in->identifier.value, &ip) == 0 && strcmp(ip_encode(a, &ip), in->identifier.value) == 0 &&
	       !in->wildcard && !in->check_caa;
}

static int check_request(struct ctx *c, const struct validate_request *in)
{
	const struct identifier *i = &in->identifier;
	bool given = i->type != NULL && i->value != NULL;
	bool name = given && strcmp(i->type, "dns") == 0 && host_is_name(i->value);
	if (!name && !(given && strcmp(i->type, "ip") == 0 && is_address(c->arena, in))) {
		return FAIL(c, MALFORMED, "The identifier is neither a DNS name nor an address");
	}
	if (in->account_url == NULL) {
		return FAIL(c, MALFORMED, "The validation is for no account");
	}
	if (name && in->check_caa && onion_is(i->value) && in->onion_caa.signature.n == 0) {
		return FAIL(c, MALFORMED, "The CAA of an onion service is not in the DNS");
	}
	if (in->key_authorization == NULL && !in->check_caa) {
		return FAIL(c, MALFORMED, "Nothing to validate");
	}
	return in->key_authorization == NULL ? 0 : check_challenge(c, in);
}

int validation_new(struct ctx *c, struct va_env *env, const struct validate_request *request, struct validation **ret)
{
	TRY(check_request(c, request));
	struct validation *v = ARENA_NEW(c->arena, struct validation);
	v->env = env;
	v->c = c;
	v->request = request;
	v->method = request->key_authorization == NULL ? NULL : dcv_method_find(request->method);
	v->deadline_us = clock_monotonic_us() + env->config->timeout_s * 1000000;
	if (c->deadline_us - REPLY_RESERVE_US < v->deadline_us) {
		v->deadline_us = c->deadline_us - REPLY_RESERVE_US;
	}
	v->result = (struct validation_result) { .validation_id = request->validation_id,
		.perspective = env->config->perspective,
		.method = request->method,
		.started_at = clock_now() };
	*ret = v;
	return 0;
}

/* It is put aside for the loop: what is ending here still stands on its memory. */
static void on_end(void *arg)
{
	struct validation *v = arg;
	if (validation_ended(v)) {
		v->next_ended = v->env->ended;
		v->env->ended = v;
	}
}

void validation_start(struct validation *v)
{
	struct arena *a = v->c->arena;
	if (v->method != NULL) {
		const struct dcv how = { .env = v->env,
			.arena = a,
			.request = v->request,
			.result = &v->result,
			.deadline_us = v->deadline_us,
			.on_end = on_end,
			.arg = v };
		v->dcv = dcv_new(v->method, &how);
	}
	v->climb = (struct climb) { .env = v->env,
		.arena = a,
		.request = v->request,
		.result = &v->result,
		.deadline_us = v->deadline_us,
		.on_end = on_end,
		.arg = v,
		.ended = !v->request->check_caa };
	if (v->request->check_caa) {
		climb_start(&v->climb);
	}
	if (v->method != NULL) {
		v->method->start(v->dcv);
	}
}

bool validation_ended(const struct validation *v)
{
	return (v->dcv == NULL || v->dcv->ended) && v->climb.ended;
}

void validation_tick(struct validation *v, int64_t now_us)
{
	if (now_us >= v->deadline_us) {
		validation_expire(v, false);
		return;
	}
	climb_tick(&v->climb, now_us);
	if (v->dcv != NULL && !v->dcv->ended && v->method->tick != NULL) {
		v->method->tick(v->dcv, now_us);
	}
}

void validation_expire(struct validation *v, bool cut_short)
{
	v->cut_short = cut_short;
	if (v->dcv != NULL) {
		v->method->abandon(v->dcv);
	}
	climb_abandon(&v->climb);
}

static void count(const struct validation *v)
{
	const char *outcome = v->result.passed ? "passed" : "failed";
	metric_add(METRIC_validations, v->result.fault ? "fault" : outcome, 1);
	metric_observe_us(METRIC_validation_seconds, v->dcv != NULL ? v->result.method : "caa",
	    v->result.ended_at.us - v->result.started_at.us);
}

static struct decide_input input_of(const struct validation *v)
{
	return (struct decide_input) { v->request, v->env->ports, &v->env->reach };
}

static void fill_basis(struct validation *v)
{
	const struct config_va *config = v->env->config;
	struct validation_basis *basis = &v->result.basis;
	basis->http01_port = v->env->ports.http;
	basis->tlsalpn01_port = v->env->ports.https;
	basis->allow_networks = config->allow_networks;
	basis->deny_networks = config->deny_networks;
	basis->control_fault = v->dcv != NULL && v->dcv->fault;
	basis->caa_fault = v->climb.fault;
	basis->cut_short = v->cut_short;
}

/* The look's record becomes evidence of this validation: that it was not our doing, or that it was. */
static void keep_look(struct validation *v, const struct resolution *look)
{
	struct arena *a = v->c->arena;
	if (look == NULL) {
		return;
	}
	struct resolution copy = *look;
	copy.error = arena_text(a, look->error);
	copy.reason = arena_text(a, look->reason);
	copy.canonical_name = arena_text(a, look->canonical_name);
	copy.raw = arena_bytes(a, look->raw.p, look->raw.n);
	record_resolution(a, &v->result, &copy);
}

/* The host that did not answer, or whose name servers did not. */
static const char *silent_host(const struct validation *v)
{
	const struct connection_attempt_list *attempts = &v->result.attempts;
	struct ip ip;
	if (attempts->n == 0) {
		return decide_dns_name(v->c->arena, v->request);
	}
	const char *host = attempts->v[attempts->n - 1].host;
	return host == NULL || ip_parse(host, &ip) == 0 ? NULL : host;
}

/* The name whose CAA was not answered, which may stand above the one that is validated, with a resolver of its own. */
static const char *silent_caa(const struct validation *v)
{
	const struct resolution_list *all = &v->result.resolutions;
	for (size_t i = all->n; i > 0; i--) {
		const struct resolution *r = &all->v[i - 1];
		if (dns_trouble_is_silence(r) && (strcmp(r->type, "CAA") == 0 || strcmp(r->type, "DS") == 0)) {
			return r->name;
		}
	}
	return v->request->identifier.value;
}

/* Connections that the kernel knew no way for. */
static bool lost_route(const struct validation *v)
{
	const struct connection_attempt_list *attempts = &v->result.attempts;
	const struct connection_attempt *last = attempts->n == 0 ? NULL : &attempts->v[attempts->n - 1];
	enum failure f = last == NULL ? FAILURE_NONE : failure_of_text(last->error);
	struct ip ip;
	bool unreachable = f == FAILURE_UNREACHABLE || f == FAILURE_NO_IPV6;
	return unreachable && ip_parse(last->address_used, &ip) == 0 && uplink_route_lost(v->env->uplink, ip.v6);
}

/* Of the two parts of the verdict; what was found out is recorded once. */
static enum uplink_state look(struct validation *v, const char *name)
{
	const struct resolution *record = NULL;
	enum uplink_state state = uplink_look(v->env->uplink, v->env->resolver, name, v->silent_us - FRESH_US, &record);
	if (state == UPLINK_ASKED && clock_monotonic_us() > v->c->deadline_us - REPLY_RESERVE_US) {
		return UPLINK_WORKS; /* nobody would wait for the answer */
	}
	if (state != UPLINK_ASKED &&
	    decide_lookup_of(&v->result.resolutions, "SOA", record == NULL ? "" : record->name) == NULL) {
		keep_look(v, record);
	}
	return state;
}

bool validation_settled(struct validation *v)
{
	if (!v->asking) {
		const struct decide_input in = input_of(v);
		fill_basis(v);
		v->silence = decide_silence(v->c->arena, &in, &v->result);
		v->silent_us = clock_monotonic_us();
		v->asking = true;
	}
	if (v->cut_short || !(v->silence.control || v->silence.caa)) {
		return true;
	}
	enum uplink_state control = v->silence.control ? look(v, silent_host(v)) : UPLINK_WORKS;
	enum uplink_state caa = v->silence.caa ? look(v, silent_caa(v)) : UPLINK_WORKS;
	if (control == UPLINK_ASKED || caa == UPLINK_ASKED) {
		return false;
	}
	struct validation_basis *basis = &v->result.basis;
	bool control_cut = control == UPLINK_IS_DOWN || (v->silence.control && lost_route(v));
	bool caa_cut = caa == UPLINK_IS_DOWN;
	basis->control_fault = basis->control_fault || control_cut;
	basis->caa_fault = basis->caa_fault || caa_cut;
	basis->cut_off = control_cut || caa_cut;
	if (caa_cut) {
		v->result.caa = (struct caa_result) { .checked_at = v->result.caa.checked_at };
	}
	v->silence = (struct silence) { false, false };
	return true;
}

void validation_conclude(struct validation *v)
{
	const struct decide_input in = input_of(v);
	v->result.basis.cut_short = v->cut_short;
	struct verdict verdict = decide_validation(v->c->arena, &in, &v->result);
	v->result.dcv = decide_shows_control(v->c->arena, &in, &v->result);
	v->result.passed = verdict.passed;
	v->result.fault = verdict.fault;
	if (!verdict.passed) {
		v->result.problem.type = problem_info(verdict.problem)->name;
		v->result.problem.detail = verdict.detail;
	}
	v->result.ended_at = clock_now();
	count(v);
	v->done(v->arg, &v->result);
}

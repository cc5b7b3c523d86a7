#include "va/validation.h"

#include <string.h>

#include "lib/base/metrics.h"
#include "policy/challenges.h"

#define TOKEN_MAX 128
#define REPLY_RESERVE_US 200000 /* of the caller's deadline, for the answer's way back */

/* RFC 8555 8.1, 8.3: a token of base64url, and the key authorization that begins with it. */
static int check_challenge(struct ctx *c, const struct validate_request *in)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t n = in->token == NULL ? 0 : strspn(in->token, alphabet);
	const struct challenge_kind *kind = challenge_kind_find(in->method);
	enum identifier_kind what = in->wildcard ? IDENTIFIER_WILDCARD : identifier_kind(&in->identifier);
	if (kind == NULL || dcv_method_find(in->method) == NULL || !kind->validates[what]) { /* C-6, B-5, B-9 */
		return FAIL(c, MALFORMED, "This method can't validate this identifier");
	}
	if (n == 0 || n > TOKEN_MAX || in->token[n] != '\0' || strncmp(in->key_authorization, in->token, n) != 0 ||
	    in->key_authorization[n] != '.' || strlen(in->key_authorization) > HTTP01_BODY_MAX / 2) {
		return FAIL(c, MALFORMED, "Token and key authorization do not fit together");
	}
	return 0;
}

/* B-7: an address in its one form, which is neither a wildcard nor has CAA records. */
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
	} else if (v->dcv != NULL && !v->dcv->ended && v->method->tick != NULL) {
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

static struct verdict dcv_verdict(const struct validation *v)
{
	if (v->dcv == NULL) {
		return (struct verdict) { .passed = true };
	}
	if (v->dcv->fault) {
		return decide_refused(PROBLEM_SERVER_INTERNAL, failure_text(FAILURE_FAULT));
	}
	struct decide_input in = { v->request, v->env->ports, &v->env->allowed };
	/* cppcheck-suppress returnDanglingLifetime ; what a verdict points to is constant or in the arena */
	return v->method->decide(v->c->arena, &in, &v->result);
}

static struct verdict caa_verdict(const struct validation *v)
{
	bool passed = v->climb.problem == PROBLEM_NONE;
	return (struct verdict) { passed, v->climb.fault, v->climb.problem, v->climb.detail };
}

/* What the subscriber did wrong is told, also when the other part failed by a fault of ours. */
static struct verdict join(struct verdict dcv, struct verdict caa)
{
	if (!dcv.passed && !dcv.fault) {
		return dcv;
	}
	if (!caa.passed && !caa.fault) {
		return caa;
	}
	return dcv.passed ? caa : dcv;
}

static void count(const struct validation *v)
{
	const char *outcome = v->result.passed ? "passed" : "failed";
	metric_add(METRIC_validations, v->result.fault ? "fault" : outcome, 1);
	metric_observe_us(METRIC_validation_seconds, v->dcv != NULL ? v->result.method : "caa",
	    v->result.ended_at.us - v->result.started_at.us);
}

void validation_conclude(struct validation *v)
{
	struct verdict verdict = join(dcv_verdict(v), caa_verdict(v));
	if (v->cut_short && !verdict.passed) {
		verdict =
		    (struct verdict) { false, true, PROBLEM_SERVER_INTERNAL, "The validation authority is shutting down" };
	}
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

/* The verdict on a whole validation: the proof of control and CAA. */
#include "policy/decide_validation.h"

#include <string.h>

#include "policy/decide_caa.h"
#include "policy/dns_trouble.h"

/* How the verdict of each method is drawn. */
static const struct {
	const char *name;
	struct verdict (*decide)(struct arena *a, const struct decide_input *in, const struct validation_result *result);
} methods[] = {
	{ "http-01", decide_http01 },
	{ "dns-01", decide_dns01 },
	{ "tls-alpn-01", decide_tlsalpn01 },
	{ "dns-account-01", decide_dns01 },
	{ "dns-persist-01", decide_persist },
	{ "onion-csr-01", decide_onion },
};

static const char *fault_text(const struct validation_basis *basis, const char *other)
{
	return basis->cut_off ? "The validation authority's own resolver or network does not work; it will be tried again"
	                      : other;
}

static struct verdict control(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	const struct validate_request *request = in->request;
	if (request->key_authorization == NULL) {
		return (struct verdict) { .passed = true }; /* for CAA alone */
	}
	if (result->basis.control_fault) {
		return decide_refused(PROBLEM_SERVER_INTERNAL, fault_text(&result->basis, failure_text(FAILURE_FAULT)));
	}
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (request->method != NULL && strcmp(methods[i].name, request->method) == 0) {
			return methods[i].decide(a, in, result);
		}
	}
	return decide_refused(PROBLEM_SERVER_INTERNAL, "There is no such method");
}

static struct verdict caa(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	if (!in->request->check_caa) {
		return (struct verdict) { .passed = true };
	}
	if (result->basis.caa_fault) {
		return decide_refused(
		    PROBLEM_SERVER_INTERNAL, fault_text(&result->basis, "The resolver failed while CAA was looked up"));
	}
	struct caa_decision decision = decide_caa(a, in->request, &result->basis, &result->resolutions);
	return decision.next == NULL ? decision.verdict : decide_contradiction();
}

/* What the subscriber did wrong is told, also when the other part failed by a fault of ours. */
static struct verdict join(struct verdict dcv, struct verdict issuers)
{
	if (!dcv.passed && !dcv.fault) {
		return dcv;
	}
	if (!issuers.passed && !issuers.fault) {
		return issuers;
	}
	return dcv.passed ? issuers : dcv;
}

struct verdict decide_validation(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	struct verdict verdict = join(control(a, in, result), caa(a, in, result));
	if (result->basis.cut_short && !verdict.passed) {
		return decide_refused(PROBLEM_SERVER_INTERNAL, "The validation authority is shutting down");
	}
	return verdict;
}

struct silence decide_silence(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	bool any = false;
	for (size_t i = 0; i < result->resolutions.n; i++) {
		any = any || dns_trouble_is_silence(&result->resolutions.v[i]);
	}
	for (size_t i = 0; i < result->attempts.n; i++) {
		any = any || decide_is_silence(&result->resolutions, &result->attempts.v[i]);
	}
	return any ? (struct silence) { control(a, in, result).silent, caa(a, in, result).silent } : (struct silence) { 0 };
}

bool decide_shows_control(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	return in->request->key_authorization != NULL && control(a, in, result).passed;
}

int decide_input_of(struct ctx *c, const struct validate_request *request, const struct validation_basis *basis,
    struct decide_input *ret)
{
	struct ip_reach *reach = ARENA_NEW(c->arena, struct ip_reach);
	TRY(ip_reach_parse(c, &basis->allow_networks, &basis->deny_networks, reach));
	*ret =
	    (struct decide_input) { request, { (uint16_t) basis->http01_port, (uint16_t) basis->tlsalpn01_port }, reach };
	return 0;
}

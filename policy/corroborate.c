#include "policy/corroborate.h"

#include <string.h>

#include "policy/decide_caa.h"
#include "policy/quorum.h"

#define DETAIL_MAX 300 /* octets of what one perspective saw */
#define TOLD_MAX 4     /* perspectives whose findings are told */

/* The same rules for all: what the first one would not enter is no place where another may have seen control. What it met while it
 * looked is its own. */
static struct validation_basis basis_of(const struct validation_basis *rules, const struct validation_basis *answered)
{
	struct validation_basis basis = *rules;
	basis.control_fault = answered->control_fault;
	basis.caa_fault = answered->caa_fault;
	basis.caa_late = answered->caa_late;
	basis.cut_short = answered->cut_short;
	basis.cut_off = answered->cut_off;
	return basis;
}

static struct caa_result caa_of(struct arena *a, const struct corroborate_input *in, const struct validation_result *r)
{
	struct caa_decision decision = { 0 };
	if (in->decide.request->check_caa && !r->basis.caa_fault) {
		decision = decide_caa(a, in->decide.request, &r->basis, &r->resolutions);
	}
	return decision.next == NULL ? decision.result : (struct caa_result) { 0 };
}

static void judge(struct arena *a, const struct corroborate_input *in, struct validation_result *r)
{
	bool said_yes = r->passed;
	struct verdict verdict = decide_validation(a, &in->decide, r);
	r->dcv = decide_shows_control(a, &in->decide, r);
	r->passed = verdict.passed;
	r->fault = verdict.fault;
	r->caa = caa_of(a, in, r);
	if (!verdict.passed) {
		r->problem = (struct problem_record) { .type = problem_info(verdict.problem)->name, .detail = verdict.detail };
	} else if (!said_yes) {
		quorum_withdraw(r, "It says no, its record says yes");
	}
}

const struct resolution *corroborate_stray(
    const struct corroborate_input *in, const struct resolution_list *resolutions)
{
	bool declared = in->resolver != NULL && in->resolver[0] != '\0';
	const char *where = declared ? in->resolver : "recursive";
	for (size_t i = 0; i < resolutions->n && (declared || in->webpki); i++) {
		const char *resolver = resolutions->v[i].resolver;
		bool own_zone = !in->webpki && resolver != NULL && strcmp(resolver, "local") == 0;
		if (!own_zone && (resolver == NULL || strcmp(resolver, where) != 0)) {
			return &resolutions->v[i];
		}
	}
	return NULL;
}

/* True, with a fault, when it resolved elsewhere than it is declared to: then it is not known whose network saw what it says. */
static bool strays(struct arena *a, const struct corroborate_input *in, struct validation_result *r)
{
	const struct resolution *stray = corroborate_stray(in, &r->resolutions);
	if (stray != NULL) {
		bool declared = in->resolver != NULL && in->resolver[0] != '\0';
		quorum_withdraw(
		    r, arena_printf(a, "It looked %.253s up by the resolver %.100s; va.perspectives declares %s",
		           stray->name == NULL ? "" : stray->name, stray->resolver == NULL ? "of no name" : stray->resolver,
		           declared ? in->resolver : "none, so that it has to resolve by itself"));
	}
	return stray != NULL;
}

struct validation_result corroborate_judge(
    struct arena *a, const struct corroborate_input *in, const struct validation_result *answer)
{
	struct validation_result r = {
		.validation_id = in->id,
		.perspective = in->name,
		.method = in->decide.request->method,
		.passed = answer->passed,
		.resolutions = answer->resolutions,
		.attempts = answer->attempts,
		.basis = basis_of(&in->rules, &answer->basis),
	};
	if (!id_equal(answer->validation_id, in->id) || answer->perspective == NULL ||
	    strcmp(answer->perspective, in->name) != 0) {
		quorum_withdraw(
		    &r, arena_printf(a, "It answers as the perspective \"%s\"; look at va.perspective of its configuration",
		            answer->perspective == NULL ? "" : answer->perspective));
	} else if (answer->fault) {
		quorum_withdraw(&r, answer->problem.detail);
	} else if (!strays(a, in, &r)) {
		judge(a, in, &r);
	}
	return r;
}

static bool is_refusal(const struct validation_result *r)
{
	return !r->passed && !r->fault;
}

enum problem corroborate_problem(const struct validation_result_list *answers)
{
	for (size_t i = 0; i < answers->n; i++) {
		if (is_refusal(&answers->v[i])) {
			return problem_by_name(answers->v[i].problem.type);
		}
	}
	return PROBLEM_SERVER_INTERNAL;
}

static const char *who(struct arena *a, const struct validation_result *r)
{
	bool placed = r->region != NULL && r->region[0] != '\0';
	return placed ? arena_printf(a, "%s (%s)", r->perspective, r->region) : r->perspective;
}

/* "ams (RIPE): what it saw; " */
static const char *finding(struct arena *a, const struct validation_result *r, bool with_names)
{
	const char *detail =
	    r->problem.detail == NULL ? problem_info(problem_by_name(r->problem.type))->title : r->problem.detail;
	size_t n = strlen(detail);
	return arena_printf(a, "%s%s%.*s%s", with_names ? who(a, r) : "", with_names ? ": " : "",
	    n > DETAIL_MAX ? DETAIL_MAX : (int) n, detail, n > DETAIL_MAX ? "..." : "");
}

const char *corroborate_detail(
    struct arena *a, const struct validation_result_list *answers, size_t asked, bool with_names)
{
	const char *told = "";
	size_t n = 0;
	for (size_t i = 0; i < answers->n; i++) {
		if (is_refusal(&answers->v[i]) && n++ < TOLD_MAX) {
			told = arena_printf(a, "%s%s%s", told, n > 1 ? "; " : "", finding(a, &answers->v[i], with_names));
		}
	}
	return arena_printf(a,
	    "During secondary validation: %zu of %zu remote network perspectives %s something else than the "
	    "first one: %s",
	    n, asked, n == 1 ? "sees" : "see", told);
}

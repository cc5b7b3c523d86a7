#include "va/climb.h"

#include "va/caa.h"
#include "va/record.h"

static void finish(struct climb *climb, enum problem problem, const char *detail)
{
	climb->ended = true;
	climb->problem = problem;
	climb->detail = detail;
	climb->result->caa.checked_at = clock_now();
	climb->on_end(climb->arg);
}

static void decide(struct climb *climb, const struct lookup_answer *answer)
{
	const struct validate_request *in = climb->request;
	struct caa_query query = { in->wildcard, &in->caa_identities, in->account_url, in->method };
	struct caa_verdict verdict = caa_decide(climb->arena, &answer->rdata, &query);
	struct caa_result *caa = &climb->result->caa;
	caa->checked = true;
	caa->permitted = verdict.permitted;
	caa->found_at = climb->name;
	caa->records = answer->record.answers;
	if (verdict.permitted) {
		finish(climb, PROBLEM_NONE, NULL);
		return;
	}
	finish(climb, PROBLEM_CAA,
	    arena_printf(climb->arena, "CAA for %s forbids it: %s (found at %s)", in->identifier.value, verdict.reason,
	        climb->name));
}

static void ask(struct climb *climb);

static void take(struct climb *climb, const struct lookup_answer *answer)
{
	climb->lookup = NULL;
	record_resolution(climb->arena, climb->result, &answer->record);
	if (answer->fault) {
		climb->fault = true;
		finish(climb, PROBLEM_SERVER_INTERNAL, "The resolver failed while CAA was looked up");
	} else if (answer->record.error != NULL) {
		finish(climb, PROBLEM_DNS,
		    arena_printf(climb->arena, "DNS problem: %s looking up CAA for %s", answer->record.error, climb->name));
	} else if (answer->rdata.n > 0) {
		decide(climb, answer);
	} else {
		climb->name = caa_climb(climb->name);
		ask(climb);
	}
}

static void on_answer(void *arg, const struct lookup_answer *answer)
{
	take(arg, answer);
}

static void ask(struct climb *climb)
{
	if (climb->name == NULL) { /* nobody restricts: any CA may issue */
		climb->result->caa.checked = true;
		climb->result->caa.permitted = true;
		finish(climb, PROBLEM_NONE, NULL);
		return;
	}
	struct lookup_wanted wanted = { climb->name, LOOKUP_CAA, on_answer, climb };
	climb->lookup = lookup_start(climb->env->resolver, climb->arena, &wanted);
	if (climb->lookup == NULL) {
		climb->fault = true;
		finish(climb, PROBLEM_SERVER_INTERNAL, "The resolver failed while CAA was looked up");
	}
}

void climb_start(struct climb *climb)
{
	climb->name = climb->request->identifier.value;
	ask(climb);
}

void climb_abandon(struct climb *climb)
{
	struct lookup_answer answer;
	if (climb->ended) {
		return;
	}
	if (climb->lookup != NULL) {
		lookup_abandon(climb->lookup, &answer);
		take(climb, &answer);
	}
}

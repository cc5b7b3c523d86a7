#include "ra/grants.h"

#include "policy/rules.h"

static const struct field refusal_field[] = {
	FIELD(struct grant_refusal, place),
	FIELD(struct grant_refusal, reason, .flags = FIELD_REQUIRED),
};
const struct fields grant_refusal_fields = FIELDS(struct grant_refusal, refusal_field);

int grants_check(struct ctx *c, const struct identifier_list *identifiers, const struct grant_refusal_list *refused)
{
	const struct grant_refusal *first = refused->v;
	if (refused->n == 0) {
		return 0;
	}
	ctx_rule(c, rule_info(RULE_NAME_NOT_GRANTED)->id);
	if (first->place < 1) {
		return FAIL(c, UNAUTHORIZED, "The policy of this CA refuses the order: %s", first->reason);
	}
	for (size_t i = 0; i < refused->n; i++) {
		size_t place = (size_t) refused->v[i].place - 1;
		if (place < identifiers->n) {
			ctx_subproblem(c, PROBLEM_REJECTED_IDENTIFIER, identifiers->v[place].type, identifiers->v[place].value,
			    "The policy of this CA refuses the name: %s", refused->v[i].reason);
		}
	}
	const struct subproblem_list *all = &c->err.subproblems;
	if (all->n == 1) {
		return FAIL(c, REJECTED_IDENTIFIER, "%s: %s", all->v[0].identifier_value, all->v[0].detail);
	}
	return FAIL(c, REJECTED_IDENTIFIER, "The policy of this CA refuses %zu of the %zu names; see subproblems",
	    refused->n, identifiers->n);
}

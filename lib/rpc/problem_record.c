#include <string.h>

#include "lib/rpc/messages.h"

struct problem_record problem_record_of(const struct ctx *c)
{
	const struct err *err = &c->err;
	struct problem_record record = { .type = err->type == PROBLEM_NONE ? NULL : problem_info(err->type)->name,
		.detail = err->detail,
		.retry_after_s = err->retry_after_s,
		.instance = err->instance,
		.location = err->location,
		.rule = err->rule };
	size_t n = err->subproblems.n;
	record.subproblems.v = ARENA_ARRAY(c->arena, n, struct problem_subrecord);
	record.subproblems.n = n;
	for (size_t i = 0; i < n; i++) {
		const struct subproblem *from = &err->subproblems.v[i];
		record.subproblems.v[i] = (struct problem_subrecord) {
			.type = problem_info(from->type)->name,
			.detail = from->detail,
			.identifier = { from->identifier_type, from->identifier_value },
			.rule = from->rule,
		};
	}
	return record;
}

int problem_record_fail(struct ctx *c, const struct problem_record *record)
{
	for (size_t i = 0; i < record->subproblems.n; i++) {
		const struct problem_subrecord *from = &record->subproblems.v[i];
		ctx_subproblem(c, problem_by_name(from->type), from->identifier.type, from->identifier.value, "%s",
		    from->detail == NULL ? "" : from->detail);
		c->err.subproblems.v[c->err.subproblems.n - 1].rule = arena_text(c->arena, from->rule);
	}
	c->err.retry_after_s = record->retry_after_s;
	c->err.instance = arena_text(c->arena, record->instance);
	c->err.location = arena_text(c->arena, record->location);
	c->err.rule = arena_text(c->arena, record->rule);
	return ctx_fail(c, problem_by_name(record->type), "%s", record->detail == NULL ? "" : record->detail);
}

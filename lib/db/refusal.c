#include "lib/db/refusal.h"

#include "lib/base/fields.h"

struct refused {
	const char *type;
	const char *value;
	const char *reason;
};
struct refused_list {
	struct refused *v;
	size_t n;
};
static const struct field refused_field[] = {
	FIELD(struct refused, type),
	FIELD(struct refused, value),
	FIELD(struct refused, reason, .flags = FIELD_REQUIRED),
};
static const struct fields refused_fields = FIELDS(struct refused, refused_field);

struct more {
	const char *rule;
	int64_t retry_after_s;
	const char *ticket;
	struct refused_list identifiers;
};
static const struct field more_field[] = {
	FIELD(struct more, rule),
	FIELD(struct more, retry_after_s),
	FIELD(struct more, ticket),
	FIELD_STRUCTS(struct more, identifiers, &refused_fields),
};
static const struct fields more_fields = FIELDS(struct more, more_field);

int refusal_fail(struct ctx *c, enum problem problem, const char *detail, const char *more)
{
	struct more m = { 0 };
	if (more[0] != '\0' && fields_parse_json(c, &more_fields, bytes_of_text(arena_text(c->arena, more)), &m) != 0) {
		ctx_forgive(c);
		return ctx_fault(c, "what SQL added to its refusal can't be read");
	}
	for (size_t i = 0; i < m.identifiers.n; i++) {
		const struct refused *one = &m.identifiers.v[i];
		ctx_subproblem(c, problem, one->type, one->value, "%s", one->reason);
	}
	c->err.retry_after_s = m.retry_after_s;
	c->err.instance = m.ticket;
	if (m.rule != NULL) {
		ctx_rule(c, m.rule);
	}
	return ctx_fail(c, problem, "%s", detail);
}

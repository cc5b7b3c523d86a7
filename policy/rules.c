#include "policy/rules.h"

#include "lib/base/die.h"

static const struct rule_info rules[RULE_COUNT] = {
#define RULE(name, id, source, text) [RULE_##name] = { id, source, text },
#include "policy/rules.def"
#undef RULE
};

const struct rule_info *rule_info(enum rule rule)
{
	if (rule <= RULE_NONE || rule >= RULE_COUNT) {
		die("there is no rule %d", (int) rule);
	}
	return &rules[rule];
}

struct ruling ruling_of(enum rule rule)
{
	return (struct ruling) { rule, rule_info(rule)->text };
}

struct ruling ruling_because(struct arena *a, enum rule rule, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const char *why = arena_vprintf(a, format, ap);
	va_end(ap);
	return (struct ruling) { rule, why };
}

int ruling_fail(struct ctx *c, enum problem as, const char *subject, struct ruling ruling)
{
	ctx_rule(c, rule_info(ruling.rule)->id);
	return ctx_fail(c, as, "%s %s", subject, ruling.why);
}

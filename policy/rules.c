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

struct verdict verdict_of(enum rule rule)
{
	return (struct verdict) { rule, rule_info(rule)->text };
}

struct verdict verdict_because(struct arena *a, enum rule rule, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const char *why = arena_vprintf(a, format, ap);
	va_end(ap);
	return (struct verdict) { rule, why };
}

int verdict_fail(struct ctx *c, enum problem as, const char *subject, struct verdict verdict)
{
	ctx_rule(c, rule_info(verdict.rule)->id);
	return ctx_fail(c, as, "%s %s", subject, verdict.why);
}

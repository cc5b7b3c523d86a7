#include "lib/base/ctx.h"

#include <stdarg.h>
#include <string.h>

#define DETAIL_MAX 4000

void ctx_init(struct ctx *c)
{
	*c = (struct ctx) { .arena = arena_new(), .deadline_us = INT64_MAX, .request_id = id_new() };
}

void ctx_done(struct ctx *c)
{
	arena_free(c->arena);
	*c = (struct ctx) { 0 };
}

struct arena *ctx_take_arena(struct ctx *c)
{
	struct arena *taken = c->arena;
	c->arena = arena_new();
	c->err = (struct err) { 0 };
	c->log_account = NULL;
	return taken;
}

/* Octets of the UTF-8 character at p that a terminal would act on, or that turns the text behind it around; or 0. */
static size_t unprintable(const char *p)
{
	const uint8_t *o = (const uint8_t *) p;
	if (o[0] < 0x20 || o[0] == 0x7f) {
		return 1;
	}
	if (o[0] == 0xc2 && o[1] >= 0x80 && o[1] <= 0x9f) { /* C1 */
		return 2;
	}
	bool marks = o[0] == 0xe2 && o[1] == 0x80 && ((o[2] >= 0x8b && o[2] <= 0x8f) || (o[2] >= 0xa8 && o[2] <= 0xae));
	bool isolates = o[0] == 0xe2 && o[1] == 0x81 && o[2] >= 0xa0 && o[2] <= 0xaf;
	return marks || isolates ? 3 : 0;
}

/* A detail may repeat what a client sent: in one line, bounded, and harmless wherever a person reads it. */
static PRINTF_LIKE(2, 0) const char *sentence(struct arena *a, const char *format, va_list ap)
{
	size_t n = 0;
	char *text = arena_vprintf(a, format, ap);
	const char *in = text;
	while (*in != '\0' && n < DETAIL_MAX) {
		size_t bad = unprintable(in);
		text[n++] = bad > 0 ? '?' : *in;
		in += bad > 0 ? bad : 1;
	}
	while (n > 0 && ((uint8_t) *in & 0xc0) == 0x80) { /* no half character at the cut */
		in--;
		n--;
	}
	text[n] = '\0';
	return text;
}

int ctx_fail(struct ctx *c, enum problem type, const char *detail_format, ...)
{
	if (c->err.type != PROBLEM_NONE) {
		return -1;
	}
	c->err.type = type;
	va_list ap;
	va_start(ap, detail_format);
	const char *detail = detail_format == NULL ? "" : sentence(c->arena, detail_format, ap);
	va_end(ap);
	c->err.detail = detail[0] == '\0' ? problem_info(type)->title : detail;
	return -1;
}

static int add_cause(struct ctx *c, const char *text)
{
	c->err.cause = c->err.cause == NULL ? text : arena_printf(c->arena, "%s; %s", c->err.cause, text);
	return -1;
}

int ctx_cause(struct ctx *c, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const char *text = arena_vprintf(c->arena, format, ap);
	va_end(ap);
	return add_cause(c, text);
}

int(ctx_fault)(struct ctx *c, const char *cause_format, ...)
{
	va_list ap;
	va_start(ap, cause_format);
	const char *text = arena_vprintf(c->arena, cause_format, ap);
	va_end(ap);
	add_cause(c, text);
	return ctx_fail(c, PROBLEM_SERVER_INTERNAL, "%s", problem_info(PROBLEM_SERVER_INTERNAL)->title);
}

void ctx_subproblem(struct ctx *c, enum problem type, const char *identifier_type, const char *identifier_value,
    const char *detail_format, ...)
{
	va_list ap;
	va_start(ap, detail_format);
	const char *detail = sentence(c->arena, detail_format, ap);
	va_end(ap);
	struct subproblem_list *list = &c->err.subproblems;
	struct subproblem *grown = ARENA_ARRAY(c->arena, list->n + 1, struct subproblem);
	for (size_t i = 0; i < list->n; i++) {
		grown[i] = list->v[i];
	}
	grown[list->n] = (struct subproblem) {
		.type = type,
		.detail = detail,
		.identifier_type = arena_text(c->arena, identifier_type),
		.identifier_value = arena_text(c->arena, identifier_value),
	};
	*list = (struct subproblem_list) { grown, list->n + 1 };
}

void ctx_rule(struct ctx *c, const char *rule)
{
	if (c->err.rule == NULL) {
		c->err.rule = rule;
	}
}

void ctx_forgive(struct ctx *c)
{
	c->err = (struct err) { 0 };
}

int64_t ctx_left_ms(const struct ctx *c, int64_t cap_ms)
{
	if (c->deadline_us == INT64_MAX) {
		return cap_ms;
	}
	int64_t left = (c->deadline_us - clock_monotonic_us()) / 1000;
	if (left < 0) {
		return 0;
	}
	return left < cap_ms ? left : cap_ms;
}

void ctx_limit_ms(struct ctx *c, int64_t ms)
{
	int64_t limit = clock_monotonic_us() + ms * 1000;
	if (limit < c->deadline_us) {
		c->deadline_us = limit;
	}
}

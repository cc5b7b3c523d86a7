#include "cli/audit_span.h"

bool audit_span_option(void *request, int letter)
{
	struct audit_span *span = request;
	const char **const texts[OPERATOR_LETTERS] = { ['s'] = &span->typed_since, ['u'] = &span->typed_until };
	if (letter == 'q') {
		span->quiet = true;
		return true;
	}
	return operator_text(&span->options, texts, letter);
}

int audit_span_read(
    struct ctx *c, const struct operator_command *command, int argc, char **argv, struct audit_span *span)
{
	span->options.auditor = true;
	span->options.files.v = ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *);
	int code = operator_read(command, argc, argv, span);
	if (code >= 0) {
		return code;
	}
	if (operator_period(span->typed_since, span->typed_until, &span->since, &span->until) != 0) {
		return operator_misused(command, OPERATOR_NO_PERIOD);
	}
	bool some = span->until.us == 0 || span->since.us < span->until.us;
	return some ? -1 : operator_misused(command, "nothing is between --since and --until: --since has to be earlier");
}

int audit_span_alone(
    struct ctx *c, const struct operator_command *command, int argc, char **argv, struct audit_span *span)
{
	int code = audit_span_read(c, command, argc, argv, span);
	return code < 0 && optind != argc ? operator_misused(command, "options only") : code;
}

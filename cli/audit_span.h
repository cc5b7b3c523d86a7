/* What the subcommands of `cairn audit` that look at a span of time share: their options, and how it is read. */
#ifndef CAIRN_CLI_AUDIT_SPAN_H
#define CAIRN_CLI_AUDIT_SPAN_H

#include "cli/operator.h"

/* The first member of what a subcommand wants. */
struct audit_span {
	struct operator_options options; /* files has room for all that argv can hold */
	struct timestamp since;          /* none: from the beginning */
	struct timestamp until;          /* none: up to now */
	bool quiet;                      /* --quiet, of those that have it */
	const char *typed_since;
	const char *typed_until;
};

#define AUDIT_SPAN_OPTIONS \
	{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' }, \
	    { "since", required_argument, NULL, 's' }, { "until", required_argument, NULL, 'u' }, \
	    { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, \
	{ \
		NULL, 0, NULL, 0 \
	}
#define AUDIT_SPAN_QUIET \
	{ \
		"quiet", no_argument, NULL, 'q' \
	}

/* For struct operator_command; request begins with a struct audit_span. */
bool audit_span_option(void *request, int letter);

/* Takes all options into the request that begins with the span; words begin at optind. -1: go on; else the exit code. */
int audit_span_read(
    struct ctx *c, const struct operator_command *command, int argc, char **argv, struct audit_span *span) MUST_CHECK;

/* The same for a subcommand that has options only. */
int audit_span_alone(
    struct ctx *c, const struct operator_command *command, int argc, char **argv, struct audit_span *span) MUST_CHECK;

#endif

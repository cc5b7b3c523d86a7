#include "cli/audit_period.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "lib/seal/audit_erased.h"
#include "cli/audit_progress.h"
#include "cli/audit_span.h"
#include "cli/audit_stop.h"
#include "cli/audit_text.h"
#include "cli/operator.h"

static const char usage[] =
    "Usage: cairn audit report day --since TIME [--until TIME] [--json]\n"
    "       cairn audit report totals --since TIME [--until TIME] [--json]\n"
    "       cairn audit report privacy --since TIME [--until TIME] [--json]\n"
    "       cairn audit report access --since TIME [--until TIME] [--json]\n"
    "\n"
    "day: how the CA ran: software and configuration by digest, schema, policies and profiles in use, roles, keys, "
    "CRLs,\n"
    "alarms and what operators did. totals: certificates, refusals, revocations, CRLs and transparency, counted in "
    "the\n"
    "tables and in the journal of sealed events. privacy, for the yearly review: changes of schema and rules, what "
    "each\n"
    "class of data has, what was erased, who read personal data and why, holds, cases of disclosure and what is "
    "overdue.\n"
    "access, for the review of rights each quarter: database roles with what they may do and when they were used, "
    "people by\n"
    "the names under which they acted, officers.\n"
    "Exit code 1: tables and journal do not agree, or it could not be done, or was stopped (Ctrl-C: there is no "
    "report).\n"
    "\n"
    "  --since TIME       2026-11-21T00:00:00Z, or how long ago, such as 365d\n"
    "  --until TIME       without it, until now\n"
    "  --config FILE      configuration with command.auditor_database; may stand again, each laid over the one before\n"
    "  --database TEXT    connection string of PostgreSQL for role cairn_auditor instead\n"
    "  --quiet            no progress on a terminal\n"
    "  --json             one line of JSON\n";

struct line {
	const char *section;
	struct timestamp at;
	const char *what;
	json_t *facts;
};
static const struct field line_field[] = {
	FIELD(struct line, section),
	FIELD(struct line, at),
	FIELD(struct line, what),
	FIELD(struct line, facts),
};
static const struct fields line_fields = FIELDS(struct line, line_field);
struct line_list {
	struct line *v;
	size_t n;
};

struct period {
	struct timestamp since;
	struct timestamp until;
};
static const struct field period_field[] = { FIELD(struct period, since), FIELD(struct period, until) };
static const struct fields period_fields = FIELDS(struct period, period_field);

struct totals_params {
	struct timestamp since;
	struct timestamp until;
	const char *erased; /* events, as a value of cairn.id_ranges */
};
static const struct field totals_param[] = {
	FIELD(struct totals_params, since),
	FIELD(struct totals_params, until),
	FIELD(struct totals_params, erased),
};
static const struct fields totals_params_fields = FIELDS(struct totals_params, totals_param);

static const struct statement day_statement = {
	.name = "audit_report_day",
	.sql = "SELECT section, at, what, facts FROM audit.report_day($1, $2)",
	.params = &period_fields,
	.row = &line_fields,
	.repeatable = true,
};
static const struct statement totals_statement = {
	.name = "audit_report_totals",
	.sql = "SELECT section, at, what, facts FROM audit.report_totals($1, $2, $3::text::cairn.id_ranges)",
	.params = &totals_params_fields,
	.row = &line_fields,
	.repeatable = true,
};
static const struct statement privacy_statement = {
	.name = "audit_report_privacy",
	.sql = "SELECT section, at, what, facts FROM audit.report_privacy($1, $2)",
	.params = &period_fields,
	.row = &line_fields,
	.repeatable = true,
};
/* F-66 */
static const struct statement access_statement = {
	.name = "audit_report_access",
	.sql = "SELECT section, at, what, facts FROM audit.report_access($1, $2)",
	.params = &period_fields,
	.row = &line_fields,
	.repeatable = true,
};
const struct statement *const audit_period_statements[] = { &day_statement, &totals_statement, &privacy_statement,
	&access_statement, &audit_erasures_statement };
const size_t audit_period_statements_n = COUNT_OF(audit_period_statements);

static const struct {
	const char *name;
	const struct statement *statement;
} kinds[] = {
	{ "day", &day_statement },
	{ "totals", &totals_statement },
	{ "privacy", &privacy_statement },
	{ "access", &access_statement },
};

struct report {
	struct timestamp since;
	struct timestamp until;
	bool stopped; /* by a signal: the database makes it whole or not at all */
	struct line_list lines;
};
static const struct field report_field[] = {
	FIELD(struct report, since),
	FIELD(struct report, until),
	FIELD(struct report, stopped, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct report, lines, &line_fields),
};
static const struct fields report_fields = FIELDS(struct report, report_field);

static void print_text(struct arena *a, const struct report *report)
{
	const char *section = "";
	for (size_t i = 0; i < report->lines.n; i++) {
		const struct line *l = &report->lines.v[i];
		char *facts = json_dumps(l->facts, JSON_COMPACT);
		if (strcmp(section, l->section) != 0) {
			printf("%s\n", l->section);
		}
		printf("    %s  %s  %s\n", operator_time(a, l->at, "-"), audit_plain(a, l->what), audit_plain(a, facts));
		free(facts);
		section = l->section;
	}
	if (report->stopped) {
		printf("Stopped: a report is made as a whole, and there is none.\n");
	}
}

/* F-58: whether no total of the tables is another one in the journal. */
static bool agrees(const struct report *report)
{
	for (size_t i = 0; i < report->lines.n; i++) {
		if (json_is_false(json_object_get(report->lines.v[i].facts, "agree"))) {
			return false;
		}
	}
	return true;
}

static int ask(struct ctx *c, const struct statement *statement, const struct period *period, struct line_list *ret)
{
	struct totals_params totals = { period->since, period->until, NULL };
	struct audit_erasure_list erasures;
	if (statement != &totals_statement) {
		return db_rows(c, statement, period, (void *) &ret->v, &ret->n);
	}
	TRY(audit_read_erasures(c, true, &erasures));
	totals.erased = audit_erased_ranges(c->arena, &erasures, "log.event");
	return db_rows(c, statement, &totals, (void *) &ret->v, &ret->n);
}

static int act(struct ctx *c, const struct audit_span *span, const struct statement *statement)
{
	const struct period period = { span->since, span->until };
	const struct config *config = NULL;
	struct report report = { period.since, period.until, false, { NULL, 0 } };
	audit_stop_catch();
	audit_progress_begin(span->quiet);
	int result = operator_open(c, &span->options, audit_period_statements, audit_period_statements_n, &config);
	if (result == 0) {
		result = ask(c, statement, &period, &report.lines);
	}
	audit_progress_end();
	report.stopped = result != 0 && audit_is_stopped();
	if (result != 0 && !report.stopped) {
		operator_complain(c, "audit report");
		return 1;
	}
	if (span->options.json) {
		operator_print(c->arena, &report_fields, &report);
	} else {
		print_text(c->arena, &report);
	}
	return agrees(&report) && !report.stopped ? 0 : 1;
}

static const struct option options[] = {
	AUDIT_SPAN_QUIET,
	AUDIT_SPAN_OPTIONS,
};

static const struct operator_command command = { "audit report", usage, options, audit_span_option };

static int run(struct ctx *c, int argc, char **argv)
{
	struct audit_span span = { .until = clock_now() };
	size_t i = 0;
	int code = audit_span_read(c, &command, argc, argv, &span);
	if (code >= 0) {
		return code;
	}
	while (i < COUNT_OF(kinds) && (optind + 1 != argc || strcmp(kinds[i].name, argv[optind]) != 0)) {
		i++;
	}
	if (i == COUNT_OF(kinds)) {
		return operator_misused(&command, "say one of day, totals, privacy and access");
	}
	if (span.since.us == 0) {
		return operator_misused(
		    &command, "say from when on: --since 2026-11-21T08:00:00Z, or how long ago, such as --since 24h");
	}
	return act(c, &span, kinds[i].statement);
}

int audit_period_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}

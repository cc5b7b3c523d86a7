#include <stdio.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/audit_gaps_rows.h"
#include "cli/audit_progress.h"
#include "cli/audit_span.h"
#include "cli/audit_stop.h"
#include "cli/audit_text.h"
#include "cli/operator.h"

static const char usage[] =
    "Usage: cairn audit gaps [--since TIME] [--until TIME] [--quiet] [--json]\n"
    "\n"
    "Compares requests, validations, orders, certificates, signatures, revocations, CRLs and alarms with each other,\n"
    "and names what should be on record and is not. What is younger than two minutes is left out, as it may be on its "
    "way.\n"
    "Exit code 0: there is no gap; 1: there are some, or it could not be done, or was stopped (Ctrl-C: what was found\n"
    "is told). A request that a crash of a front end interrupted is shown with what is on record of it, and is no "
    "gap.\n"
    "\n"
    "  --since TIME       only what began then or later: 2026-11-21T08:00:00Z, or how long ago, such as 24h\n"
    "  --until TIME       only what began before\n"
    "  --config FILE      configuration with command.auditor_database; may stand again, each laid over the one before\n"
    "  --database TEXT    connection string of PostgreSQL for role cairn_auditor instead\n"
    "  --quiet            no progress on a terminal\n"
    "  --json             one line of JSON\n";

/* F-58: each is reconciled with what should stand beside it. */
static const struct gap_kind kinds[] = {
	{ "request-without-outcome", NULL },
	{ "request-interrupted", NULL },
	{ "act-without-request", "log.request" },
	{ "authorization-without-validation", "log.validation" },
	{ "certificate-without-order", NULL },
	{ "certificate-without-serial", NULL },
	{ "certificate-without-validation", "log.validation" },
	{ "certificate-without-signature", "log.event" },
	{ "signature-without-certificate", NULL },
	{ "issuance-unfinished", NULL },
	{ "revocation-without-record", "log.event" },
	{ "revoked-without-crl-entry", NULL },
	{ "crl-without-record", NULL },
	{ "alarm-without-record", "log.event" },
	{ "hold-without-record", "log.event" },
	{ "retention-without-record", "log.event" },
	{ "account-without-record", "log.event" },
};

struct report {
	int64_t kinds; /* that were looked for */
	int64_t crls;  /* whose entries were compared */
	int64_t gaps;
	int64_t interrupted;
	bool stopped; /* by a signal: kinds, or CRLs, were not looked at */
	struct gap_list findings;
	size_t room;
};
static const struct field report_field[] = {
	FIELD(struct report, kinds),
	FIELD(struct report, crls),
	FIELD(struct report, gaps),
	FIELD(struct report, interrupted),
	FIELD(struct report, stopped, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct report, findings, &gap_fields),
};
static const struct fields report_fields = FIELDS(struct report, report_field);

static bool is_note(const struct gap *gap)
{
	return strcmp(gap->kind, "request-interrupted") == 0;
}

static void keep(struct arena *a, struct report *report, const struct gap_list *list)
{
	if (list->n == 0) {
		return;
	}
	if (report->findings.n + list->n > report->room) {
		size_t room = 2 * (report->findings.n + list->n);
		struct gap *v = ARENA_ARRAY(a, room, struct gap);
		if (report->findings.n > 0) {
			memcpy(v, report->findings.v, report->findings.n * sizeof(*v));
		}
		report->findings.v = v;
		report->room = room;
	}
	memcpy(report->findings.v + report->findings.n, list->v, list->n * sizeof(*list->v));
	report->findings.n += list->n;
	*(is_note(&list->v[0]) ? &report->interrupted : &report->gaps) += list->v[0].total;
}

/* -1 when it is to stop. */
static int go_on(void)
{
	return audit_is_stopped() ? -1 : 0;
}

static int look(struct ctx *c, const struct audit_span *span, struct report *report)
{
	const struct gap_range range = { span->since, span->until };
	struct gap_crl_list crls;
	struct gap_list list;
	struct audit_erasure_list erasures;
	TRY(audit_read_erasures(c, true, &erasures));
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		audit_progress("%zu of %zu: %s", i, COUNT_OF(kinds) + 1, kinds[i].name);
		TRY(go_on());
		TRY(gaps_read(c, &kinds[i], &range, &erasures, &list));
		keep(c->arena, report, &list);
		report->kinds++;
	}
	audit_progress("%zu of %zu: entries of CRLs", COUNT_OF(kinds), COUNT_OF(kinds) + 1);
	TRY(gaps_read_crls(c, &crls));
	for (size_t i = 0; i < crls.n; i++) {
		TRY(go_on());
		TRY(gaps_compare_crl(c, &crls.v[i], &range, &list));
		keep(c->arena, report, &list);
		report->crls++;
	}
	return 0;
}

static void print_text(struct arena *a, const struct report *report)
{
	for (size_t i = 0; i < report->findings.n; i++) {
		const struct gap *g = &report->findings.v[i];
		printf("%-32s  %s  %s: %s\n", g->kind, operator_time(a, g->at, "?"), audit_plain(a, g->record),
		    audit_plain(a, g->detail));
	}
	if (report->stopped) {
		printf("Stopped: only %lld of %zu kinds of gaps, and then CRLs, were looked at.\n", (long long) report->kinds,
		    COUNT_OF(kinds));
	}
	printf("%lld kinds of gaps and the entries of %lld CRLs: %lld gap(s)", (long long) report->kinds,
	    (long long) report->crls, (long long) report->gaps);
	printf(report->interrupted == 0 ? ".\n" : ", %lld request(s) interrupted by a crash.\n",
	    (long long) report->interrupted);
}

static int act(struct ctx *c, const struct audit_span *span)
{
	const struct config *config = NULL;
	struct report report = { .room = 0 };
	if (operator_open(c, &span->options, gaps_statements, gaps_statements_n, &config) != 0) {
		operator_complain(c, "audit gaps");
		return 1;
	}
	audit_stop_catch();
	audit_progress_begin(span->quiet);
	int result = look(c, span, &report);
	audit_progress_end();
	report.stopped = result != 0 && audit_is_stopped();
	if (result != 0 && !report.stopped) {
		operator_complain(c, "audit gaps");
		return 1;
	}
	if (span->options.json) {
		operator_print(c->arena, &report_fields, &report);
	} else {
		print_text(c->arena, &report);
	}
	return report.gaps == 0 && !report.stopped ? 0 : 1;
}

static const struct option options[] = {
	AUDIT_SPAN_QUIET,
	AUDIT_SPAN_OPTIONS,
};

static const struct operator_command command = { "audit gaps", usage, options, audit_span_option };

static int run(struct ctx *c, int argc, char **argv)
{
	struct audit_span span = { .quiet = false };
	int code = audit_span_alone(c, &command, argc, argv, &span);
	return code < 0 ? act(c, &span) : code;
}

int audit_gaps_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}

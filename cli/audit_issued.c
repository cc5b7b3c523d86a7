#include <stdio.h>

#include "cli/audit.h"
#include "cli/audit_progress.h"
#include "cli/audit_span.h"
#include "cli/audit_stop.h"
#include "cli/operator.h"
#include "lib/crypto/cert.h"
#include "policy/issued.h"

#define BATCH 500
#define SHOWN_MAX 1000

static const char usage[] =
    "Usage: cairn audit issued [--since TIME] [--until TIME] [--quiet] [--json]\n"
    "\n"
    "Reads certificates back and compares each with its records: the octets that were fixed before the signature, the\n"
    "order and its names, key, validity, serial, the record of the signature, the issuer and its signature; and lints "
    "it.\n"
    "cairn-subscriber does the same by itself, an hour after each issuance. Exit code 0: nothing differs; 1: "
    "something\n"
    "does, or it could not be done, or was stopped (Ctrl-C: what was counted is told).\n"
    "\n"
    "  --since TIME       only what was issued then or later: 2026-11-21T08:00:00Z, or how long ago, such as 24h\n"
    "  --until TIME       only what was issued before\n"
    "  --config FILE      configuration with command.auditor_database and policy.mode; may stand again, each laid over "
    "the\n"
    "                     one before\n"
    "  --database TEXT    connection string of PostgreSQL for role cairn_auditor instead\n"
    "  --quiet            no progress on a terminal\n"
    "  --json             one line of JSON\n";

struct read_params {
	struct id after;
	struct timestamp since;
	struct timestamp until;
	int64_t most;
};
static const struct field read_field[] = {
	FIELD(struct read_params, after),
	FIELD(struct read_params, since),
	FIELD(struct read_params, until),
	FIELD(struct read_params, most),
};
static const struct fields read_fields = FIELDS(struct read_params, read_field);

const struct statement audit_issued_statement = {
	.name = "audit_issued",
	.sql = "SELECT * FROM log.read_issued(greatest($1, cairn.id_at($2)), cairn.id_at(coalesce($3, now())), $4)",
	.params = &read_fields,
	.row = &issued_fields,
	.repeatable = true,
};

struct difference {
	const char *serial;
	struct timestamp at;
	const char *what;
};
struct difference_list {
	struct difference *v;
	size_t n;
};
static const struct field difference_field[] = {
	FIELD(struct difference, serial),
	FIELD(struct difference, at),
	FIELD(struct difference, what),
};
static const struct fields difference_fields = FIELDS(struct difference, difference_field);

struct report {
	int64_t certificates;
	int64_t differences;
	bool stopped;                    /* by a signal, before all was compared */
	struct difference_list findings; /* the first ones */
};
static const struct field report_field[] = {
	FIELD(struct report, certificates),
	FIELD(struct report, differences),
	FIELD(struct report, stopped, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct report, findings, &difference_fields),
};
static const struct fields report_fields = FIELDS(struct report, report_field);

static void keep(struct arena *a, struct report *report, const struct issued *row, const char *what)
{
	if (report->findings.n < SHOWN_MAX) {
		report->findings.v[report->findings.n++] =
		    (struct difference) { cert_serial_hex(a, row->serial), row->begun_at, arena_text(a, what) };
	}
	report->differences++;
}

static int look_at_batch(
    struct ctx *c, struct read_params *params, enum policy_mode mode, struct report *report, size_t *ret_n)
{
	struct ctx batch;
	struct issued_list list = { NULL, 0 };
	ctx_init(&batch);
	int result = db_rows(&batch, &audit_issued_statement, params, (void *) &list.v, &list.n);
	if (result != 0) {
		ctx_cause(c, "%s", batch.err.cause == NULL ? "" : batch.err.cause);
		ctx_fail(c, batch.err.type, "%s", batch.err.detail);
	}
	for (size_t i = 0; i < list.n; i++) {
		const char *what = issued_differs(&batch, &list.v[i], mode);
		if (what != NULL) {
			keep(c->arena, report, &list.v[i], what);
		}
		params->after = list.v[i].id;
	}
	report->certificates += (int64_t) list.n;
	*ret_n = list.n;
	ctx_done(&batch);
	return result;
}

static int look(struct ctx *c, struct read_params *params, enum policy_mode mode, struct report *report)
{
	size_t n = BATCH;
	report->findings.v = ARENA_ARRAY(c->arena, SHOWN_MAX, struct difference);
	audit_stop_catch();
	while (n == BATCH) {
		int result = look_at_batch(c, params, mode, report, &n);
		report->stopped = audit_is_stopped() && (result != 0 || n == BATCH);
		if (result != 0 || report->stopped) {
			return report->stopped ? 0 : -1;
		}
		audit_progress(
		    "%lld certificates, %lld differ", (long long) report->certificates, (long long) report->differences);
	}
	return 0;
}

static void print_text(struct arena *a, const struct report *report)
{
	for (size_t i = 0; i < report->findings.n; i++) {
		const struct difference *d = &report->findings.v[i];
		printf("%s  %s  %s\n", d->serial, operator_time(a, d->at, "?"), d->what);
	}
	printf("%lld certificate(s) compared, %lld differ(s).%s\n", (long long) report->certificates,
	    (long long) report->differences, report->stopped ? " It was stopped before the last one." : "");
}

static int act(struct ctx *c, const struct audit_span *span)
{
	static const struct statement *const statements[] = { &audit_issued_statement };
	const struct config *config = NULL;
	enum policy_mode mode = POLICY_PRIVATE;
	struct report report = { .certificates = 0 };
	struct read_params params = { .since = span->since, .until = span->until, .most = BATCH };
	int result = -1;
	params.after.b[sizeof(params.after.b) - 1] = 1; /* none at all would be NULL, behind which nothing comes */
	audit_progress_begin(span->quiet);
	if (operator_open(c, &span->options, statements, COUNT_OF(statements), &config) == 0 &&
	    policy_mode_parse(config->policy.mode, &mode) == 0) {
		result = look(c, &params, mode, &report);
	}
	audit_progress_end();
	if (result != 0) {
		operator_complain(c, "audit issued");
		return 1;
	}
	if (span->options.json) {
		operator_print(c->arena, &report_fields, &report);
	} else {
		print_text(c->arena, &report);
	}
	return report.differences == 0 && !report.stopped ? 0 : 1;
}

static const struct option options[] = {
	AUDIT_SPAN_QUIET,
	AUDIT_SPAN_OPTIONS,
};

static const struct operator_command command = { "audit issued", usage, options, audit_span_option };

static int run(struct ctx *c, int argc, char **argv)
{
	struct audit_span span = { .quiet = false };
	int code = audit_span_alone(c, &command, argc, argv, &span);
	return code < 0 ? act(c, &span) : code;
}

int audit_issued_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}

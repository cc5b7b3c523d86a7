#include <stdio.h>
#include <string.h>

#include "cli/export.h"
#include "cli/export_public.h"
#include "cli/files.h"
#include "cli/operator.h"

#define DAYS_MAX 4000
#define DAY_US INT64_C(86400000000)
#define SETTLED_US INT64_C(3600000000) /* after its end a day is told: export.rows */

static const char usage[] =
    "Usage: cairn export public --out FOLDER --since DAY [--until DAY] --reason TEXT --yes\n"
    "\n"
    "Writes what may be public, a day at a time: certificates, revocations and CRLs, and numbers of requests, "
    "validations and\n"
    "clients in which nobody can be recognised. Each day has JSON Lines and CSV for each part, and a manifest with "
    "their\n"
    "digests that is written last. A day that is there is compared with its manifest and left as it is, so that the "
    "command can\n"
    "be run again, also after it broke off. Each day that is written is an event of the sealed log. docs/privacy.md "
    "tells more.\n"
    "\n"
    "  --out FOLDER     where to; it is made when it is not there\n"
    "  --since DAY      the first day (UTC), such as 2026-11-01\n"
    "  --until DAY      the last day; without it, the last that has been over for an hour\n"
    "  --reason TEXT    what it is for, for the log\n"
    "  --yes            write; without it, the days are only named\n"
    "  --config FILE    configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator or cairn_officer instead\n"
    "  --json           one line of JSON\n";

struct request {
	struct operator_options options;
	const char *out;
	const char *since;
	const char *until;
	const char *reason;
	int64_t first;
	int64_t last;
};

static bool take_option(void *request, int letter)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = {
		['o'] = &r->out, ['s'] = &r->since, ['u'] = &r->until, ['r'] = &r->reason
	};
	return operator_text(&r->options, texts, letter);
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "out", required_argument, NULL, 'o' },
	{ "since", required_argument, NULL, 's' },
	{ "until", required_argument, NULL, 'u' },
	{ "reason", required_argument, NULL, 'r' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};
static const struct operator_command command = { "export public", usage, options, take_option };

/* What is wrong with the options, or NULL. */
static const char *read_request(struct request *r)
{
	const int64_t over = (clock_now().us - SETTLED_US) / DAY_US - 1;
	r->last = over;
	if (r->out == NULL) {
		return "--out wants a folder";
	}
	if (r->since == NULL || !export_day_read(r->since, &r->first) ||
	    (r->until != NULL && !export_day_read(r->until, &r->last))) {
		return "--since and --until want a day, such as 2026-11-01";
	}
	if (r->until == NULL && r->first > over) {
		return "--since wants a day that has been over for an hour";
	}
	if (r->last < r->first || r->last - r->first >= DAYS_MAX) {
		return "the days must be in order, 4000 at most";
	}
	if (r->last > over) {
		return "--until wants a day that has been over for an hour";
	}
	return operator_reason(r->reason) ? NULL : OPERATOR_NO_REASON;
}

struct day_answer {
	const char *day;
	int64_t rows;
	bool there_before;
};
static const struct field day_field[] = {
	FIELD(struct day_answer, day),
	FIELD(struct day_answer, rows),
	FIELD(struct day_answer, there_before),
};
static const struct fields day_fields = FIELDS(struct day_answer, day_field);

struct day_list {
	struct day_answer *v;
	size_t n;
};
/* Without --yes there are no days. */
struct public_answer {
	const char *since;
	const char *until;
	const char *out;
	bool written;
	struct day_list days;
};
static const struct field public_field[] = {
	FIELD(struct public_answer, since),
	FIELD(struct public_answer, until),
	FIELD(struct public_answer, out),
	FIELD(struct public_answer, written),
	FIELD_STRUCTS(struct public_answer, days, &day_fields),
};
static const struct fields public_fields = FIELDS(struct public_answer, public_field);

static int write_day(struct ctx *c, const struct request *r, int64_t day, struct day_answer *ret)
{
	struct ctx one;
	ctx_init(&one);
	const struct export_run run = { r->out, operator_name(one.arena), r->reason };
	bool made = false;
	int result = export_day(&one, &run, day, &ret->rows, &made);
	ret->day = export_day_text(c->arena, day);
	ret->there_before = !made;
	if (result != 0) {
		ctx_fail(c, one.err.type, "%s: %s", ret->day, one.err.detail);
	}
	ctx_done(&one);
	return result;
}

static int write_days(struct ctx *c, const struct request *r, struct day_list *ret)
{
	const struct config *config = NULL;
	TRY(operator_open(c, &r->options, export_statements, export_statements_n, &config));
	TRY(folder_make(c, r->out, 0755));
	for (int64_t day = r->first; day <= r->last; day++) {
		struct day_answer *one = &ret->v[ret->n];
		TRY(write_day(c, r, day, one));
		ret->n++;
		if (!r->options.json) {
			printf("%s  %lld rows%s\n", one->day, (long long) one->rows, one->there_before ? ", there before" : "");
		}
	}
	return 0;
}

static int export(struct ctx *c, const struct request *r)
{
	struct public_answer answer = {
		.since = export_day_text(c->arena, r->first),
		.until = export_day_text(c->arena, r->last),
		.out = r->out,
		.written = r->options.yes,
		.days = { ARENA_ARRAY(c->arena, (size_t) (r->last - r->first) + 1, struct day_answer), 0 },
	};
	if (r->options.yes) {
		TRY(write_days(c, r, &answer.days));
	} else if (!r->options.json) {
		printf("%s to %s into %s. Nothing was written. Run it again with --yes.\n", answer.since, answer.until, r->out);
	}
	if (r->options.json) {
		operator_print(c->arena, &public_fields, &answer);
	}
	return 0;
}

static int run(struct ctx *c, int argc, char **argv)
{
	struct request r = { .out = NULL };
	r.options.files.v = ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *);
	int code = operator_read(&command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	const char *why = optind != argc ? "nothing but options" : read_request(&r);
	if (why != NULL) {
		return operator_misused(&command, why);
	}
	if (export(c, &r) != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return 0;
}

int export_public_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}

#include "cli/incident_distrust.h"

#include <stdio.h>
#include <string.h>

#include "cli/operator.h"

static const char usage[] =
    "Usage: cairn incident distrust CONDITION... --reason TEXT --yes\n"
    "\n"
    "Marks validations as not to be relied on, with all conditions that are given. Authorizations that rest on them "
    "end\n"
    "for all accounts, so that nothing is issued on them again, and the certificates that were issued on them are "
    "listed:\n"
    "they are to be revoked within 24 hours. A validation rests on every perspective that agreed before the quorum "
    "was\n"
    "decided.\n"
    "\n"
    "  --config FILE        configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT      connection string of PostgreSQL for role cairn_operator instead\n"
    "  --validation ID      this record: a UUID, as the views of schema audit show it, or its 22 characters\n"
    "  --perspective NAME   what this perspective found, the first one or a remote one\n"
    "  --method METHOD      by this method: http-01, dns-01, ...; caa: checks of CAA alone\n"
    "  --name NAME          of this name or address, without \"*.\"\n"
    "  --since TIME         what was begun then or later: 2026-11-21T08:00:00Z, or how long ago, such as 24h\n"
    "  --until TIME         what was begun before\n"
    "  --reason TEXT        why, for the log\n"
    "  --yes                make the change; without it, it is only shown\n"
    "  --json               one line of JSON\n";

struct conditions {
	struct id validation;
	const char *perspective;
	const char *method;
	const char *name;
	struct timestamp since;
	struct timestamp until;
};

struct request {
	struct operator_options options;
	const char *validation;
	const char *since;
	const char *until;
	const char *reason;
	struct conditions meant;
};

#define CONDITIONS_N 6
#define CONDITION_FIELDS(type) \
	FIELD_AS(type, meant.validation, "validation"), FIELD_AS(type, meant.perspective, "perspective"), \
	    FIELD_AS(type, meant.method, "method"), FIELD_AS(type, meant.name, "name"), \
	    FIELD_AS(type, meant.since, "since"), FIELD_AS(type, meant.until, "until")

struct act_params {
	struct conditions meant;
	struct id id;
	const char *reason;
	const char *actor;
};
static const struct field act_param[] = {
	CONDITION_FIELDS(struct act_params),
	FIELD(struct act_params, id),
	FIELD(struct act_params, reason),
	FIELD(struct act_params, actor),
};
static const struct fields act_params_fields = FIELDS(struct act_params, act_param);
/* The conditions alone. */
static const struct fields meant_params_fields = {
	.name = "meant", .size = sizeof(struct act_params), .v = act_param, .n = CONDITIONS_N
};

struct found_row {
	int64_t validations;
	int64_t before;
	int64_t authorizations;
};
static const struct field found_row_field[] = {
	FIELD(struct found_row, validations),
	FIELD(struct found_row, before),
	FIELD(struct found_row, authorizations),
};
static const struct fields found_row_fields = FIELDS(struct found_row, found_row_field);

static const struct statement find_statement = {
	.name = "find_distrust",
	.sql = "SELECT validations, before, authorizations FROM acme.find_distrust($1, $2, $3, $4, $5, $6)",
	.params = &meant_params_fields,
	.row = &found_row_fields,
	.repeatable = true,
};

static const struct statement act_statement = {
	.name = "distrust",
	.sql =
	    "SELECT validations, 0::int8 AS before, authorizations FROM acme.distrust($7, $1, $2, $3, $4, $5, $6, $8, $9)",
	.params = &act_params_fields,
	.row = &found_row_fields,
};

struct certificate_row {
	const char *serial;
	struct id account_id;
	struct text_list names;
	struct timestamp not_after;
	const char *state;
};
static const struct field certificate_row_field[] = {
	FIELD(struct certificate_row, serial),
	FIELD(struct certificate_row, account_id),
	FIELD(struct certificate_row, names),
	FIELD(struct certificate_row, not_after),
	FIELD(struct certificate_row, state),
};
static const struct fields certificate_row_fields = FIELDS(struct certificate_row, certificate_row_field);

struct certificate_row_list {
	struct certificate_row *v;
	size_t n;
};

static const struct statement certificates_statement = {
	.name = "distrusted_certificates",
	.sql =
	    "SELECT serial, account_id, names, not_after, state FROM acme.distrusted_certificates($1, $2, $3, $4, $5, $6)",
	.params = &meant_params_fields,
	.row = &certificate_row_fields,
	.repeatable = true,
};

const struct statement *const distrust_statements[] = { &find_statement, &act_statement, &certificates_statement };
const size_t distrust_statements_n = COUNT_OF(distrust_statements);

struct answer {
	bool done;
	struct id id; /* of the act */
	int64_t validations;
	int64_t before;         /* of them: meant by an act before */
	int64_t authorizations; /* that end */
	struct certificate_row_list certificates;
};
static const struct field answer_field[] = {
	FIELD(struct answer, done),
	FIELD(struct answer, id),
	FIELD(struct answer, validations),
	FIELD(struct answer, before),
	FIELD(struct answer, authorizations),
	FIELD_STRUCTS(struct answer, certificates, &certificate_row_fields),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

static void print(struct arena *a, const struct answer *answer)
{
	for (size_t i = 0; i < answer->certificates.n; i++) {
		const struct certificate_row *one = &answer->certificates.v[i];
		char account[ID_TEXT_SIZE];
		id_encode(one->account_id, account);
		printf("%s  %-8s  until %s  account %s  %s%s\n", one->serial, one->state, operator_time(a, one->not_after, "?"),
		    account, one->names.n == 0 ? "" : one->names.v[0], one->names.n > 1 ? " and more" : "");
	}
	printf("%lld validation(s), %lld of them marked before; %lld authorization(s) %s; %zu certificate(s) that have not "
	       "ended "
	       "rest on them.\n",
	    (long long) answer->validations, (long long) answer->before, (long long) answer->authorizations,
	    answer->done ? "ended" : "would end", answer->certificates.n);
	printf("%s\n", answer->done ? "Revoke the certificates that are valid or given up within 24 hours: logs have the "
	                              "latter's precertificates."
	                            : "Nothing was changed. Run it again with --yes.");
}

/* The certificates are looked for after the act: what was being issued then is among them. */
static int distrust(struct ctx *c, const struct request *r)
{
	struct act_params params = {
		.meant = r->meant, .id = id_new(), .reason = r->reason, .actor = operator_name(c->arena)
	};
	struct found_row found_row;
	struct found_row done = { 0 };
	bool found = false;
	TRY(db_row(c, &find_statement, &params, &found_row, &found));
	if (found_row.validations == 0) {
		return FAIL(c, NOT_FOUND, "No validation that passed is meant");
	}
	if (r->options.yes) {
		TRY(db_row(c, &act_statement, &params, &done, &found));
	}
	struct answer answer = {
		.done = r->options.yes,
		.id = done.validations > 0 ? params.id : (struct id) { { 0 } },
		.validations = found_row.validations,
		.before = found_row.before,
		.authorizations = r->options.yes ? done.authorizations : found_row.authorizations,
	};
	TRY(db_rows(c, &certificates_statement, &params, (void *) &answer.certificates.v, &answer.certificates.n));
	if (r->options.json) {
		operator_print(c->arena, &answer_fields, &answer);
	} else {
		print(c->arena, &answer);
	}
	return 0;
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "validation", required_argument, NULL, 'v' },
	{ "perspective", required_argument, NULL, 'p' },
	{ "method", required_argument, NULL, 'm' },
	{ "name", required_argument, NULL, 'n' },
	{ "since", required_argument, NULL, 's' },
	{ "until", required_argument, NULL, 'u' },
	{ "reason", required_argument, NULL, 'r' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = { ['v'] = &r->validation,
		['p'] = &r->meant.perspective,
		['m'] = &r->meant.method,
		['n'] = &r->meant.name,
		['s'] = &r->since,
		['u'] = &r->until,
		['r'] = &r->reason };
	return operator_text(&r->options, texts, opt);
}

/* The 22 characters, or a UUID. */
static bool read_id(struct arena *a, const char *text, struct id *ret)
{
	char digits[2 * sizeof(ret->b) + 1] = "";
	struct bytes octets;
	size_t n = 0;
	for (const char *at = text; *at != '\0' && n + 1 < sizeof(digits); at++) {
		if (*at != '-') {
			digits[n++] = *at;
		}
	}
	if (id_parse(bytes_of_text(text), ret) == 0) {
		return true;
	}
	if (strlen(text) != sizeof(digits) + 3 || operator_octets(a, digits, sizeof(ret->b), &octets) != 0 ||
	    octets.n != sizeof(ret->b)) {
		return false;
	}
	memcpy(ret->b, octets.p, sizeof(ret->b));
	return true;
}

/* What is wrong with the words, or NULL. */
static const char *read_conditions(struct arena *a, struct request *r)
{
	const struct conditions *meant = &r->meant;
	if (r->validation == NULL && r->since == NULL && r->until == NULL && meant->perspective == NULL &&
	    meant->method == NULL && meant->name == NULL) {
		return "say which validations";
	}
	if (r->validation != NULL && !read_id(a, r->validation, &r->meant.validation)) {
		return "--validation wants a UUID, or the 22 characters of an id";
	}
	if (operator_period(r->since, r->until, &r->meant.since, &r->meant.until) != 0) {
		return OPERATOR_NO_PERIOD;
	}
	return operator_reason(r->reason) ? NULL : OPERATOR_NO_REASON;
}

static int act(struct ctx *c, const struct request *r)
{
	const struct config *config = NULL;
	if (operator_open(c, &r->options, distrust_statements, distrust_statements_n, &config) != 0 ||
	    distrust(c, r) != 0) {
		operator_complain(c, "incident distrust");
		return 1;
	}
	return 0;
}

static const struct operator_command command = { "incident distrust", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	int code = operator_read(&command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	const char *why = argc == optind ? read_conditions(c->arena, &r) : "options only";
	return why == NULL ? act(c, &r) : operator_misused(&command, why);
}

int cli_incident_distrust(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}

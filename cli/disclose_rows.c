#include "cli/disclose_rows.h"

#include <string.h>

#include "cli/operator.h"

/* Officers are no operators, and the records tell them apart. */
static const char *officer_name(struct arena *a)
{
	return arena_printf(a, "officer %s", operator_name(a) + strlen("operator "));
}

static const struct field step_field[] = {
	FIELD(struct disclose_step, n),
	FIELD(struct disclose_step, state),
	FIELD(struct disclose_step, digest),
	FIELD(struct disclose_step, facts),
};
const struct fields disclose_step_fields = FIELDS(struct disclose_step, step_field);

struct step_params {
	struct id case_id;
	const char *act;
	json_t *facts;
	const char *actor;
	bool dry;
};
static const struct field step_param[] = {
	FIELD(struct step_params, case_id),
	FIELD(struct step_params, act),
	FIELD(struct step_params, facts),
	FIELD(struct step_params, actor),
	FIELD(struct step_params, dry),
};
static const struct fields step_params_fields = FIELDS(struct step_params, step_param);

static const struct statement step_statement = {
	.name = "disclose_step",
	.sql = "SELECT n, state, digest, facts FROM disclosure.add_step($1, $2, $3, $4, $5)",
	.params = &step_params_fields,
	.row = &disclose_step_fields,
};

int disclose_add_step(
    struct ctx *c, struct id case_id, const char *act, json_t *facts, bool dry, struct disclose_step *ret)
{
	const struct step_params params = { case_id, act, facts, officer_name(c->arena), dry };
	bool found = false;
	return db_row(c, &step_statement, &params, ret, &found);
}

static const struct field case_field[] = {
	FIELD(struct disclose_case, id),
	FIELD(struct disclose_case, received_at),
	FIELD(struct disclose_case, kind),
	FIELD(struct disclose_case, requester),
	FIELD(struct disclose_case, reference),
	FIELD(struct disclose_case, emergency),
	FIELD(struct disclose_case, state),
	FIELD(struct disclose_case, since),
	FIELD(struct disclose_case, ground),
	FIELD(struct disclose_case, notice),
	FIELD(struct disclose_case, silent_because),
	FIELD(struct disclose_case, silent_until),
	FIELD(struct disclose_case, notified_at),
	FIELD(struct disclose_case, objections),
	FIELD(struct disclose_case, approved_by),
	FIELD(struct disclose_case, review),
	FIELD(struct disclose_case, released_at),
	FIELD(struct disclose_case, files),
	FIELD(struct disclose_case, scope),
	FIELD(struct disclose_case, consenting),
};
const struct fields disclose_case_fields = FIELDS(struct disclose_case, case_field);

struct case_params {
	struct id id;
	bool all;
};
static const struct field case_param[] = { FIELD(struct case_params, id), FIELD(struct case_params, all) };
static const struct fields case_params_fields = FIELDS(struct case_params, case_param);

static const struct statement cases_statement = {
	.name = "disclose_cases",
	.sql = "SELECT id, received_at, kind, requester, reference, emergency, state, since, ground, notice, "
	       "silent_because, silent_until, notified_at, objections, approved_by, review, released_at, files, scope, "
	       "consenting FROM "
	       "audit.disclosure WHERE ($1 IS NULL OR id = $1) AND ($2 OR state NOT IN ('closed', 'refused', 'withdrawn')) "
	       "ORDER BY id DESC",
	.params = &case_params_fields,
	.row = &disclose_case_fields,
	.repeatable = true,
};

int disclose_read_cases(struct ctx *c, struct id only, bool all, struct disclose_case_list *ret)
{
	const struct case_params params = { only, all };
	return db_rows(c, &cases_statement, &params, (void *) &ret->v, &ret->n);
}

struct id_params {
	struct id id;
};
static const struct field id_param[] = { FIELD(struct id_params, id) };
static const struct fields id_params_fields = FIELDS(struct id_params, id_param);

static const struct field past_field[] = {
	FIELD(struct disclose_past, n),
	FIELD(struct disclose_past, act),
	FIELD(struct disclose_past, state),
	FIELD(struct disclose_past, at),
	FIELD(struct disclose_past, actor),
	FIELD(struct disclose_past, intact),
	FIELD(struct disclose_past, facts),
};
const struct fields disclose_past_fields = FIELDS(struct disclose_past, past_field);

static const struct statement past_statement = {
	.name = "disclose_past",
	.sql = "SELECT n, act, state, at, actor, intact, facts FROM audit.disclosure_step WHERE case_id = $1 ORDER BY n",
	.params = &id_params_fields,
	.row = &disclose_past_fields,
	.repeatable = true,
};

int disclose_read_past(struct ctx *c, struct id case_id, struct disclose_past_list *ret)
{
	const struct id_params params = { case_id };
	return db_rows(c, &past_statement, &params, (void *) &ret->v, &ret->n);
}

static const struct field duty_field[] = {
	FIELD(struct disclose_duty, id),
	FIELD(struct disclose_duty, duty),
	FIELD(struct disclose_duty, due_at),
	FIELD(struct disclose_duty, overdue),
};
const struct fields disclose_duty_fields = FIELDS(struct disclose_duty, duty_field);

static const struct statement duties_statement = {
	.name = "disclose_duties",
	.sql = "SELECT id, duty, due_at, overdue FROM audit.disclosure_duty ORDER BY due_at, id",
	.row = &disclose_duty_fields,
	.repeatable = true,
};

int disclose_read_duties(struct ctx *c, struct disclose_duty_list *ret)
{
	return db_rows(c, &duties_statement, NULL, (void *) &ret->v, &ret->n);
}

static const struct field item_field[] = {
	FIELD(struct disclose_item, item),
	FIELD(struct disclose_item, view),
	FIELD(struct disclose_item, columns),
	FIELD(struct disclose_item, query),
};
const struct fields disclose_item_fields = FIELDS(struct disclose_item, item_field);

static const struct statement items_statement = {
	.name = "disclose_items",
	.sql =
	    "SELECT i.item, i.view, i.columns, CASE WHEN d.state IN ('proposed', 'approved_once', 'approved', 'releasing', "
	    "'released', 'closed') THEN disclosure.fact(d.id, 'queries')->>(i.item - 1) ELSE i.query END AS query "
	    "FROM audit.disclosure d, disclosure.compile(d.scope, d.received_at) i WHERE d.id = $1 ORDER BY i.item",
	.params = &id_params_fields,
	.row = &disclose_item_fields,
	.repeatable = true,
};

int disclose_read_items(struct ctx *c, struct id case_id, struct disclose_item_list *ret)
{
	const struct id_params params = { case_id };
	return db_rows(c, &items_statement, &params, (void *) &ret->v, &ret->n);
}

struct ids_row {
	struct id_list ids;
};
static const struct field ids_field[] = { FIELD(struct ids_row, ids) };
static const struct fields ids_fields = FIELDS(struct ids_row, ids_field);

static const struct statement untold_statement = {
	.name = "disclose_untold",
	.sql = "SELECT disclosure.untold($1) AS ids",
	.params = &id_params_fields,
	.row = &ids_fields,
	.repeatable = true,
};

int disclose_read_untold(struct ctx *c, struct id case_id, struct id_list *ret)
{
	const struct id_params params = { case_id };
	struct ids_row row;
	bool found = false;
	TRY(db_row(c, &untold_statement, &params, &row, &found));
	*ret = row.ids;
	return 0;
}

struct statement_params {
	struct id id;
	const char *decision;
};
static const struct field statement_param[] = {
	FIELD(struct statement_params, id),
	FIELD(struct statement_params, decision),
};
static const struct fields statement_params_fields = FIELDS(struct statement_params, statement_param);

struct text_row {
	const char *text;
};
static const struct field text_field[] = { FIELD(struct text_row, text) };
static const struct fields text_fields = FIELDS(struct text_row, text_field);

static const struct statement statement_statement = {
	.name = "disclose_statement",
	.sql = "SELECT disclosure.statement($1, $2) AS text",
	.params = &statement_params_fields,
	.row = &text_fields,
	.repeatable = true,
};

int disclose_read_statement(struct ctx *c, struct id case_id, const char *decision, const char **ret)
{
	const struct statement_params params = { case_id, decision };
	struct text_row row;
	bool found = false;
	TRY(db_row(c, &statement_statement, &params, &row, &found));
	if (row.text == NULL) {
		return FAIL(
		    c, NOT_FOUND, "Nothing of this case is to be decided so: there is no such case, or it is not so far");
	}
	*ret = row.text;
	return 0;
}

struct lines_params {
	struct id id;
	int64_t item;
	int64_t after;
	int64_t most;
};
static const struct field lines_param[] = {
	FIELD(struct lines_params, id),
	FIELD(struct lines_params, item),
	FIELD(struct lines_params, after),
	FIELD(struct lines_params, most),
};
static const struct fields lines_params_fields = FIELDS(struct lines_params, lines_param);

struct lines_row {
	struct text_list lines;
};
static const struct field lines_field[] = { FIELD(struct lines_row, lines) };
static const struct fields lines_fields = FIELDS(struct lines_row, lines_field);

static const struct statement lines_statement = {
	.name = "disclose_lines",
	.sql = "SELECT ARRAY(SELECT disclosure.read($1, $2, $3, $4)) AS lines",
	.params = &lines_params_fields,
	.row = &lines_fields,
	.repeatable = true,
};

int disclose_read_lines(
    struct ctx *c, struct id case_id, int64_t item, int64_t after, int64_t most, struct text_list *ret)
{
	const struct lines_params params = { case_id, item, after, most };
	struct lines_row row;
	bool found = false;
	TRY(db_row(c, &lines_statement, &params, &row, &found));
	*ret = row.lines;
	return 0;
}

struct take_params {
	struct id id;
	struct id account;
	const char *actor;
};
static const struct field take_param[] = {
	FIELD(struct take_params, id),
	FIELD(struct take_params, account),
	FIELD(struct take_params, actor),
};
static const struct fields take_params_fields = FIELDS(struct take_params, take_param);

struct take_row {
	int64_t rows;
};
static const struct field take_field[] = { FIELD(struct take_row, rows) };
static const struct fields take_fields = FIELDS(struct take_row, take_field);

static const struct statement take_statement = {
	.name = "disclose_take",
	.sql = "SELECT disclosure.take($1, $2, $3) AS rows",
	.params = &take_params_fields,
	.row = &take_fields,
};

struct taken_params {
	struct id case_id;
	struct id account;
};
static const struct field taken_param[] = {
	FIELD(struct taken_params, case_id),
	FIELD(struct taken_params, account),
};
static const struct fields taken_params_fields = FIELDS(struct taken_params, taken_param);

struct sealed_row {
	struct bytes sealed;
};
static const struct field sealed_field[] = { FIELD(struct sealed_row, sealed) };
static const struct fields sealed_fields = FIELDS(struct sealed_row, sealed_field);

static const struct statement taken_statement = {
	.name = "disclose_taken",
	.sql = "SELECT disclosure.taken($1, $2) AS sealed",
	.params = &taken_params_fields,
	.row = &sealed_fields,
	.repeatable = true,
};

int disclose_take(struct ctx *c, struct id case_id, struct id account, struct bytes *ret)
{
	const struct take_params params = { case_id, account, officer_name(c->arena) };
	const struct taken_params whose = { case_id, account };
	struct take_row taken;
	struct sealed_row row;
	bool found = false;
	TRY(db_row(c, &take_statement, &params, &taken, &found)); /* which is on record when they are read */
	TRY(db_row(c, &taken_statement, &whose, &row, &found));
	*ret = row.sealed;
	return 0;
}

static const struct field count_field[] = {
	FIELD(struct disclose_count, kind),
	FIELD(struct disclose_count, received),
	FIELD(struct disclose_count, disclosed),
	FIELD(struct disclose_count, refused),
	FIELD(struct disclose_count, withdrawn),
	FIELD(struct disclose_count, open),
	FIELD(struct disclose_count, told),
};
const struct fields disclose_count_fields = FIELDS(struct disclose_count, count_field);

struct report_params {
	int64_t year;
	int64_t least;
};
static const struct field report_param[] = {
	FIELD(struct report_params, year),
	FIELD(struct report_params, least),
};
static const struct fields report_params_fields = FIELDS(struct report_params, report_param);

static const struct statement report_statement = {
	.name = "disclose_report",
	.sql =
	    "SELECT kind, coalesce(received, -1) AS received, coalesce(disclosed, -1) AS disclosed, coalesce(refused, -1) "
	    "AS refused, coalesce(withdrawn, -1) AS withdrawn, coalesce(open, -1) AS open, coalesce(told, -1) AS told FROM "
	    "disclosure.report($1, $2)",
	.params = &report_params_fields,
	.row = &disclose_count_fields,
	.repeatable = true,
};

int disclose_read_report(struct ctx *c, int64_t year, int64_t least, struct disclose_count_list *ret)
{
	const struct report_params params = { year, least };
	return db_rows(c, &report_statement, &params, (void *) &ret->v, &ret->n);
}

static const struct field officer_field[] = {
	FIELD(struct disclose_officer, fingerprint),
	FIELD(struct disclose_officer, name),
	FIELD(struct disclose_officer, added_at),
	FIELD(struct disclose_officer, added_by),
	FIELD(struct disclose_officer, ended_at),
	FIELD(struct disclose_officer, ended_by),
	FIELD(struct disclose_officer, end_reason),
};
const struct fields disclose_officer_fields = FIELDS(struct disclose_officer, officer_field);

static const struct statement officers_statement = {
	.name = "disclose_officers",
	.sql = "SELECT fingerprint, name, added_at, added_by, ended_at, ended_by, end_reason FROM audit.disclosure_officer "
	       "ORDER BY added_at, fingerprint",
	.row = &disclose_officer_fields,
	.repeatable = true,
};

int disclose_read_officers(struct ctx *c, struct disclose_officer_list *ret)
{
	return db_rows(c, &officers_statement, NULL, (void *) &ret->v, &ret->n);
}

struct add_params {
	const char *name;
	struct bytes certificate;
	struct bytes modulus;
	const char *actor;
};
static const struct field add_param[] = {
	FIELD(struct add_params, name),
	FIELD(struct add_params, certificate),
	FIELD(struct add_params, modulus),
	FIELD(struct add_params, actor),
};
static const struct fields add_params_fields = FIELDS(struct add_params, add_param);

static const struct statement add_statement = {
	.name = "disclose_add_officer",
	.sql = "SELECT disclosure.add_officer($1, $2, $3, $4)",
	.params = &add_params_fields,
};

int disclose_add_officer(struct ctx *c, const char *name, struct bytes certificate, struct bytes modulus)
{
	const struct add_params params = { name, certificate, modulus, operator_name(c->arena) };
	return db_run(c, &add_statement, &params);
}

struct end_params {
	struct bytes fingerprint;
	const char *reason;
	const char *actor;
};
static const struct field end_param[] = {
	FIELD(struct end_params, fingerprint),
	FIELD(struct end_params, reason),
	FIELD(struct end_params, actor),
};
static const struct fields end_params_fields = FIELDS(struct end_params, end_param);

static const struct statement end_statement = {
	.name = "disclose_end_officer",
	.sql = "SELECT disclosure.end_officer($1, $2, $3)",
	.params = &end_params_fields,
};

int disclose_end_officer(struct ctx *c, struct bytes fingerprint, const char *reason)
{
	const struct end_params params = { fingerprint, reason, operator_name(c->arena) };
	return db_run(c, &end_statement, &params);
}

const struct statement *const disclose_statements[] = { &step_statement, &cases_statement, &past_statement,
	&duties_statement, &items_statement, &untold_statement, &statement_statement, &lines_statement, &take_statement,
	&taken_statement, &report_statement, &officers_statement };
const size_t disclose_statements_n = COUNT_OF(disclose_statements);
const struct statement *const disclose_operator_statements[] = { &officers_statement, &add_statement, &end_statement };
const size_t disclose_operator_statements_n = COUNT_OF(disclose_operator_statements);

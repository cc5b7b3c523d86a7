#include "cli/retention_rows.h"

static const struct field rule_field[] = {
	FIELD(struct retention_rule, class),
	FIELD(struct retention_rule, version),
	FIELD(struct retention_rule, clear_s),
	FIELD(struct retention_rule, keep_s),
	FIELD(struct retention_rule, held_by),
	FIELD(struct retention_rule, changed_at),
	FIELD(struct retention_rule, changed_by),
	FIELD(struct retention_rule, reason),
};
const struct fields retention_rule_fields = FIELDS(struct retention_rule, rule_field);

struct all_params {
	bool all;
};
static const struct field all_param[] = { FIELD(struct all_params, all) };
static const struct fields all_params_fields = FIELDS(struct all_params, all_param);

static const struct statement rules_statement = {
	.name = "retention_rules",
	.sql = "SELECT class, version, clear_s, keep_s, held_by, changed_at, changed_by, reason FROM "
	       "cairn.retention_rules($1)",
	.params = &all_params_fields,
	.row = &retention_rule_fields,
	.repeatable = true,
};

int retention_read_rules(struct ctx *c, bool all, struct retention_rule_list *ret)
{
	const struct all_params params = { all };
	return db_rows(c, &rules_statement, &params, (void *) &ret->v, &ret->n);
}

static const struct field line_field[] = {
	FIELD(struct retention_line, name),
	FIELD(struct retention_line, part),
	FIELD(struct retention_line, classes),
	FIELD(struct retention_line, term),
	FIELD(struct retention_line, term_s),
	FIELD(struct retention_line, oldest_at),
	FIELD(struct retention_line, due),
	FIELD(struct retention_line, held),
	FIELD(struct retention_line, purged),
	FIELD(struct retention_line, purged_at),
	FIELD(struct retention_line, next_at),
};
const struct fields retention_line_fields = FIELDS(struct retention_line, line_field);

struct report_params {
	int64_t floor_s;
	const char *class;
	int64_t clear_s;
	int64_t keep_s;
	int64_t most;
};
static const struct field report_param[] = {
	FIELD(struct report_params, floor_s),
	FIELD(struct report_params, class),
	FIELD(struct report_params, clear_s, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct report_params, keep_s, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct report_params, most),
};
static const struct fields report_params_fields = FIELDS(struct report_params, report_param);

static const struct statement report_statement = {
	.name = "retention_report",
	.sql = "SELECT name, part, classes, term, term_s, oldest_at, due, held, purged, purged_at, next_at FROM "
	       "cairn.retention_report($1, $2, $3, $4, $5)",
	.params = &report_params_fields,
	.row = &retention_line_fields,
	.repeatable = true,
};

int retention_read_report(
    struct ctx *c, int64_t floor_s, const struct retention_rule *rule, struct retention_line_list *ret)
{
	const struct report_params params = { floor_s, rule == NULL ? NULL : rule->class, rule == NULL ? 0 : rule->clear_s,
		rule == NULL ? 0 : rule->keep_s, RETENTION_COUNT_MAX };
	return db_rows(c, &report_statement, &params, (void *) &ret->v, &ret->n);
}

struct set_params {
	const char *class;
	int64_t clear_s;
	int64_t keep_s;
	int64_t floor_s;
	const char *actor;
	const char *reason;
	bool dry;
};
static const struct field set_param[] = {
	FIELD(struct set_params, class),
	FIELD(struct set_params, clear_s, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct set_params, keep_s, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct set_params, floor_s),
	FIELD(struct set_params, actor),
	FIELD(struct set_params, reason),
	FIELD(struct set_params, dry),
};
static const struct fields set_params_fields = FIELDS(struct set_params, set_param);

struct version_row {
	int64_t version;
};
static const struct field version_field[] = { FIELD(struct version_row, version) };
static const struct fields version_fields = FIELDS(struct version_row, version_field);

static const struct statement set_statement = {
	.name = "set_retention",
	.sql = "SELECT cairn.set_retention($1, $2, $3, $4, $5, $6, $7) AS version",
	.params = &set_params_fields,
	.row = &version_fields,
};

int retention_set(struct ctx *c, const struct retention_rule *rule, int64_t floor_s, bool dry, int64_t *ret_version)
{
	const struct set_params params = { rule->class, rule->clear_s, rule->keep_s, floor_s, rule->changed_by,
		rule->reason, dry };
	struct version_row row;
	bool found = false;
	TRY(db_row(c, &set_statement, &params, &row, &found));
	*ret_version = row.version;
	return 0;
}

static const struct field hold_field[] = {
	FIELD(struct hold, id),
	FIELD(struct hold, ground),
	FIELD(struct hold, account_id),
	FIELD(struct hold, serial),
	FIELD(struct hold, name),
	FIELD(struct hold, network),
	FIELD(struct hold, since),
	FIELD(struct hold, until),
	FIELD(struct hold, ends_at),
	FIELD(struct hold, created_at),
	FIELD(struct hold, created_by),
	FIELD(struct hold, ended_at),
	FIELD(struct hold, ended_by),
	FIELD(struct hold, end_reason),
};
const struct fields hold_fields = FIELDS(struct hold, hold_field);

static const struct statement holds_statement = {
	.name = "read_holds",
	.sql = "SELECT id, ground, account_id, serial, name, network::text AS network, since, until, ends_at, created_at, "
	       "created_by, coalesce(ended_at, CASE WHEN ends_at <= now() THEN ends_at END) AS ended_at, ended_by, "
	       "end_reason FROM cairn.hold WHERE $1 OR (ended_at IS NULL AND ends_at > now()) ORDER BY id DESC",
	.params = &all_params_fields,
	.row = &hold_fields,
	.repeatable = true,
};

int hold_read(struct ctx *c, bool all, struct hold_list *ret)
{
	const struct all_params params = { all };
	return db_rows(c, &holds_statement, &params, (void *) &ret->v, &ret->n);
}

static const struct field add_field[] = {
	FIELD(struct hold, id),
	FIELD(struct hold, ground),
	FIELD(struct hold, account_id),
	FIELD(struct hold, serial),
	FIELD(struct hold, name),
	FIELD(struct hold, network),
	FIELD(struct hold, since),
	FIELD(struct hold, until),
	FIELD(struct hold, ends_at),
	FIELD(struct hold, created_by),
};
static const struct fields add_fields = FIELDS(struct hold, add_field);

static const struct statement add_statement = {
	.name = "add_hold",
	.sql = "SELECT cairn.add_hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	.params = &add_fields,
};

int hold_add(struct ctx *c, const struct hold *hold)
{
	return db_run(c, &add_statement, hold);
}

struct end_params {
	struct id id;
	const char *actor;
	const char *reason;
};
static const struct field end_param[] = {
	FIELD(struct end_params, id),
	FIELD(struct end_params, actor),
	FIELD(struct end_params, reason),
};
static const struct fields end_params_fields = FIELDS(struct end_params, end_param);

struct changed_row {
	bool changed;
};
static const struct field changed_field[] = { FIELD(struct changed_row, changed) };
static const struct fields changed_fields = FIELDS(struct changed_row, changed_field);

static const struct statement end_statement = {
	.name = "end_hold",
	.sql = "SELECT cairn.end_hold($1, $2, $3) AS changed",
	.params = &end_params_fields,
	.row = &changed_fields,
};

int hold_end(struct ctx *c, struct id id, const char *actor, const char *reason, bool *ret_changed)
{
	const struct end_params params = { id, actor, reason };
	struct changed_row row;
	bool found = false;
	TRY(db_row(c, &end_statement, &params, &row, &found));
	*ret_changed = row.changed;
	return 0;
}

struct tell_params {
	struct id id;
	const char *actor;
};
static const struct field tell_param[] = { FIELD(struct tell_params, id), FIELD(struct tell_params, actor) };
static const struct fields tell_params_fields = FIELDS(struct tell_params, tell_param);

static const struct statement tell_statement = {
	.name = "tell_hold",
	.sql = "SELECT cairn.tell_hold($1, $2) AS changed",
	.params = &tell_params_fields,
	.row = &changed_fields,
};

int hold_tell(struct ctx *c, struct id id, const char *actor, bool *ret_changed)
{
	const struct tell_params params = { id, actor };
	struct changed_row row;
	bool found = false;
	TRY(db_row(c, &tell_statement, &params, &row, &found));
	*ret_changed = row.changed;
	return 0;
}

const struct statement *const retention_statements[] = {
	&rules_statement,
	&report_statement,
	&set_statement,
	&holds_statement,
	&add_statement,
	&end_statement,
	&tell_statement,
};
const size_t retention_statements_n = COUNT_OF(retention_statements);

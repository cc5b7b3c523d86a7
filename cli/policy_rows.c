#include "cli/policy_rows.h"

#include "cli/policy.h"

struct version_params {
	int64_t version;
};
static const struct field version_param[] = { FIELD(struct version_params, version, .flags = FIELD_OMIT_EMPTY) };
static const struct fields version_params_fields = FIELDS(struct version_params, version_param);

static const struct field policy_row_field[] = {
	FIELD(struct policy_row, version),
	FIELD(struct policy_row, source),
	FIELD(struct policy_row, applied_at),
	FIELD(struct policy_row, applied_by),
	FIELD(struct policy_row, in_force),
};
const struct fields policy_row_fields = FIELDS(struct policy_row, policy_row_field);

static const struct statement read_statement = {
	.name = "read_policy",
	.sql = "SELECT version, source, applied_at, applied_by, in_force FROM acme.read_policy($1)",
	.params = &version_params_fields,
	.row = &policy_row_fields,
	.repeatable = true,
};

struct write_params {
	const char *source;
	struct grants_rule_list rules;
	const char *actor;
};
static const struct field write_param[] = {
	FIELD(struct write_params, source),
	FIELD_STRUCTS(struct write_params, rules, &grants_rule_fields),
	FIELD(struct write_params, actor),
};
static const struct fields write_params_fields = FIELDS(struct write_params, write_param);
/* The same without the actor. */
static const struct fields draft_params_fields = {
	.name = "draft", .size = sizeof(struct write_params), .v = write_param, .n = 2
};

struct version_row {
	int64_t version;
};
static const struct field version_row_field[] = { FIELD(struct version_row, version) };
static const struct fields version_row_fields = FIELDS(struct version_row, version_row_field);

static const struct statement apply_statement = {
	.name = "apply_policy",
	.sql = "SELECT acme.apply_policy($1, $2, $3) AS version",
	.params = &write_params_fields,
	.row = &version_row_fields,
};

static const struct field difference_field[] = {
	FIELD(struct policy_difference, certificate_id),
	FIELD(struct policy_difference, serial),
	FIELD(struct policy_difference, account_id),
	FIELD(struct policy_difference, profile),
	FIELD(struct policy_difference, not_after),
	FIELD(struct policy_difference, renews_at),
	FIELD(struct policy_difference, newest),
	FIELD(struct policy_difference, refused_now),
	FIELD(struct policy_difference, names),
	FIELD(struct policy_difference, reasons),
};
const struct fields policy_difference_fields = FIELDS(struct policy_difference, difference_field);

static const struct statement diff_statement = {
	.name = "diff_policy",
	.sql =
	    "SELECT certificate_id, serial, account_id, profile, not_after, renews_at, newest, refused_now, names, reasons "
	    "FROM acme.diff_policy($1, $2)",
	.params = &draft_params_fields,
	.row = &policy_difference_fields,
	.repeatable = true,
};

static const struct field question_field[] = {
	FIELD(struct policy_question, account),
	FIELD(struct policy_question, eab_key),
	FIELD(struct policy_question, types),
	FIELD(struct policy_question, values),
	FIELD(struct policy_question, profile),
	FIELD(struct policy_question, version, .flags = FIELD_OMIT_EMPTY),
};
static const struct fields question_fields = FIELDS(struct policy_question, question_field);

static const struct field answer_field[] = {
	FIELD(struct policy_answer, place),
	FIELD(struct policy_answer, verdict),
	FIELD(struct policy_answer, rule),
	FIELD(struct policy_answer, reason),
};
static const struct fields answer_fields = FIELDS(struct policy_answer, answer_field);

static const struct statement test_statement = {
	.name = "test_policy",
	.sql = "SELECT place, verdict, rule, reason FROM acme.test_policy($1, $2, $3, $4, $5, $6)",
	.params = &question_fields,
	.row = &answer_fields,
	.repeatable = true,
};

struct has_key_params {
	struct id account;
	struct id eab_key;
	struct text_list keys;
};
static const struct field has_key_param[] = {
	FIELD(struct has_key_params, account),
	FIELD(struct has_key_params, eab_key),
	FIELD(struct has_key_params, keys),
};
static const struct fields has_key_params_fields = FIELDS(struct has_key_params, has_key_param);

struct has_key_row {
	bool has_key;
};
static const struct field has_key_row_field[] = { FIELD(struct has_key_row, has_key) };
static const struct fields has_key_row_fields = FIELDS(struct has_key_row, has_key_row_field);

static const struct statement has_key_statement = {
	.name = "has_key",
	.sql = "SELECT acme.has_key($1, $2, $3) AS has_key",
	.params = &has_key_params_fields,
	.row = &has_key_row_fields,
	.repeatable = true,
};

const struct statement *const policy_statements[] = {
	&has_key_statement,
	&read_statement,
	&apply_statement,
	&diff_statement,
	&test_statement,
};
const size_t policy_statements_n = COUNT_OF(policy_statements);

int policy_read(struct ctx *c, int64_t version, struct policy_row *ret)
{
	const struct version_params params = { version };
	bool found = false;
	TRY(db_row(c, &read_statement, &params, ret, &found));
	return found || version == 0 ? 0 : FAIL(c, NOT_FOUND, "There is no policy %lld", (long long) version);
}

int policy_apply(
    struct ctx *c, const char *source, const struct grants *grants, const char *actor, int64_t *ret_version)
{
	const struct write_params params = { source, grants->rules, actor };
	struct version_row row;
	bool found = false;
	TRY(db_row(c, &apply_statement, &params, &row, &found));
	*ret_version = row.version;
	return 0;
}

int policy_diff(struct ctx *c, const char *source, const struct grants *grants, struct policy_difference_list *ret)
{
	const struct write_params params = { source, grants->rules, NULL };
	return db_rows(c, &diff_statement, &params, &ret->v, &ret->n);
}

int policy_ask(struct ctx *c, const struct policy_question *question, struct policy_answer_list *ret)
{
	return db_rows(c, &test_statement, question, &ret->v, &ret->n);
}

int policy_has_key(struct ctx *c, struct id account, struct id eab_key, const struct text_list *keys, bool *ret_has_key)
{
	const struct has_key_params params = { account, eab_key, *keys };
	struct has_key_row row = { false };
	bool found = false;
	TRY(db_row(c, &has_key_statement, &params, &row, &found));
	*ret_has_key = row.has_key;
	return 0;
}

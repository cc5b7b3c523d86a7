#include "cli/limits_rows.h"

static const struct field override_field[] = {
	FIELD(struct limit_override, name),
	FIELD(struct limit_override, key),
	FIELD(struct limit_override, count),
	FIELD(struct limit_override, period_s),
	FIELD(struct limit_override, burst),
	FIELD(struct limit_override, reason),
	FIELD(struct limit_override, set_at),
	FIELD(struct limit_override, set_by),
};
const struct fields limit_override_fields = FIELDS(struct limit_override, override_field);

static const struct field state_field[] = {
	FIELD(struct limit_state, name),
	FIELD(struct limit_state, key),
	FIELD(struct limit_state, count),
	FIELD(struct limit_state, period_s),
	FIELD(struct limit_state, burst),
	FIELD(struct limit_state, overridden),
	FIELD(struct limit_state, remaining),
	FIELD(struct limit_state, next_at),
	FIELD(struct limit_state, whole_at),
};
const struct fields limit_state_fields = FIELDS(struct limit_state, state_field);

static const struct field paused_field[] = {
	FIELD(struct paused_name, account_id),
	FIELD(struct paused_name, identifier),
	FIELD(struct paused_name, paused_at),
};
const struct fields paused_name_fields = FIELDS(struct paused_name, paused_field);

static const struct statement list_statement = {
	.name = "list_limit_overrides",
	.sql = "SELECT name, key, count, period_s, burst, reason, set_at, set_by FROM acme.list_limit_overrides()",
	.row = &limit_override_fields,
	.repeatable = true,
};

struct show_params {
	const char *uses;
};
static const struct field show_param[] = { FIELD(struct show_params, uses) };
static const struct fields show_params_fields = FIELDS(struct show_params, show_param);

static const struct statement show_statement = {
	.name = "show_limit",
	.sql = "SELECT name, key, count, period_s, burst, overridden, remaining, next_at, whole_at "
	       "FROM acme.show_limit($1::jsonb->'uses')",
	.params = &show_params_fields,
	.row = &limit_state_fields,
	.repeatable = true,
};

/* The first members of struct limit_override, then who. */
struct set_params {
	const char *name;
	const char *key;
	int64_t count;
	int64_t period_s;
	int64_t burst;
	const char *reason;
	const char *actor;
};
static const struct field set_param[] = {
	FIELD(struct set_params, name),
	FIELD(struct set_params, key),
	FIELD(struct set_params, count),
	FIELD(struct set_params, period_s),
	FIELD(struct set_params, burst),
	FIELD(struct set_params, reason),
	FIELD(struct set_params, actor),
};
static const struct fields set_params_fields = FIELDS(struct set_params, set_param);

static const struct statement set_statement = {
	.name = "set_limit_override",
	.sql = "SELECT acme.set_limit_override($1, $2, $3, $4, $5, $6, $7)",
	.params = &set_params_fields,
};

struct key_params {
	const char *name;
	const char *key;
	const char *actor;
};
static const struct field key_param[] = {
	FIELD(struct key_params, name),
	FIELD(struct key_params, key),
	FIELD(struct key_params, actor),
};
static const struct fields key_params_fields = FIELDS(struct key_params, key_param);

struct changed_row {
	bool changed;
};
static const struct field changed_field[] = { FIELD(struct changed_row, changed) };
static const struct fields changed_fields = FIELDS(struct changed_row, changed_field);

static const struct statement drop_statement = {
	.name = "drop_limit_override",
	.sql = "SELECT acme.drop_limit_override($1, $2, $3) AS changed",
	.params = &key_params_fields,
	.row = &changed_fields,
};

static const struct statement reset_statement = {
	.name = "reset_limit",
	.sql = "SELECT acme.reset_limit($1, $2, $3) AS changed",
	.params = &key_params_fields,
	.row = &changed_fields,
};

struct account_params {
	struct id account;
};
static const struct field account_param[] = { FIELD(struct account_params, account) };
static const struct fields account_params_fields = FIELDS(struct account_params, account_param);

static const struct statement paused_statement = {
	.name = "list_paused",
	.sql = "SELECT account_id, identifier, paused_at FROM acme.list_paused($1)",
	.params = &account_params_fields,
	.row = &paused_name_fields,
	.repeatable = true,
};

struct unpause_params {
	struct id account;
	struct text_list names;
	bool all;
	const char *actor;
};
static const struct field unpause_param[] = {
	FIELD(struct unpause_params, account),
	FIELD(struct unpause_params, names),
	FIELD(struct unpause_params, all),
	FIELD(struct unpause_params, actor),
};
static const struct fields unpause_params_fields = FIELDS(struct unpause_params, unpause_param);

struct freed_row {
	struct text_list names;
};
static const struct field freed_field[] = { FIELD(struct freed_row, names) };
static const struct fields freed_fields = FIELDS(struct freed_row, freed_field);

static const struct statement unpause_statement = {
	.name = "unpause_names",
	.sql = "SELECT acme.unpause_names($1, CASE WHEN $3 THEN NULL ELSE $2 END, $4) AS names",
	.params = &unpause_params_fields,
	.row = &freed_fields,
};

const struct statement *const limits_statements[] = {
	&list_statement,
	&show_statement,
	&set_statement,
	&drop_statement,
	&reset_statement,
	&paused_statement,
	&unpause_statement,
};
const size_t limits_statements_n = COUNT_OF(limits_statements);

int limits_list_overrides(struct ctx *c, struct limit_override_list *ret)
{
	return db_rows(c, &list_statement, NULL, &ret->v, &ret->n);
}

int limits_show(struct ctx *c, const struct limit_use *use, struct limit_state *ret)
{
	struct limit_use one = *use;
	const struct limit_ask ask = { .uses = { &one, 1 } };
	const struct show_params params = { (const char *) fields_to_json(c->arena, &limit_ask_fields, &ask).p };
	bool found = false;
	return db_row(c, &show_statement, &params, ret, &found);
}

int limits_set_override(struct ctx *c, const struct limit_override *override, const char *actor)
{
	const struct set_params params = { override->name, override->key, override->count, override->period_s,
		override->burst, override->reason, actor };
	return db_run(c, &set_statement, &params);
}

static int change(struct ctx *c, const struct statement *s, const struct key_params *params, bool *ret_changed)
{
	struct changed_row row;
	bool found = false;
	TRY(db_row(c, s, params, &row, &found));
	*ret_changed = row.changed;
	return 0;
}

int limits_drop_override(struct ctx *c, const char *name, const char *key, const char *actor, bool *ret_changed)
{
	return change(c, &drop_statement, &(const struct key_params) { name, key, actor }, ret_changed);
}

int limits_reset(struct ctx *c, const char *name, const char *key, const char *actor, bool *ret_changed)
{
	return change(c, &reset_statement, &(const struct key_params) { name, key, actor }, ret_changed);
}

int limits_list_paused(struct ctx *c, struct id account, struct paused_name_list *ret)
{
	const struct account_params params = { account };
	return db_rows(c, &paused_statement, &params, &ret->v, &ret->n);
}

int limits_unpause(
    struct ctx *c, struct id account, const struct text_list *names, const char *actor, struct text_list *ret_freed)
{
	const struct unpause_params params = { account, *names, names->n == 0, actor };
	struct freed_row row;
	bool found = false;
	TRY(db_row(c, &unpause_statement, &params, &row, &found));
	*ret_freed = row.names;
	return 0;
}

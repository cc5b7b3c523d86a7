#include "cli/account_rows.h"

#include "cli/account.h"

#define LINE_FIELDS 6 /* what stands in a list */

static const struct field account_state_field[] = {
	FIELD(struct account_state, id),
	FIELD(struct account_state, status),
	FIELD(struct account_state, thumbprint),
	FIELD(struct account_state, eab_key),
	FIELD(struct account_state, created_at),
	FIELD(struct account_state, ended_at),
	FIELD(struct account_state, ended_by),
	FIELD(struct account_state, reason),
	FIELD(struct account_state, pending_orders),
	FIELD(struct account_state, processing_orders),
	FIELD(struct account_state, pending_authorizations),
	FIELD(struct account_state, valid_authorizations),
	FIELD(struct account_state, valid_certificates),
};
const struct fields account_state_fields = FIELDS(struct account_state, account_state_field);
const struct fields account_line_fields = {
	.name = "account", .size = sizeof(struct account_state), .v = account_state_field, .n = LINE_FIELDS
};

struct list_params {
	const char *status;
	int64_t most;
};
static const struct field list_param[] = { FIELD(struct list_params, status), FIELD(struct list_params, most) };
static const struct fields list_params_fields = FIELDS(struct list_params, list_param);

static const struct statement list_statement = {
	.name = "list_accounts",
	.sql = "SELECT id, status, thumbprint, eab_key, created_at, ended_at FROM acme.list_accounts($1, $2)",
	.params = &list_params_fields,
	.row = &account_line_fields,
	.repeatable = true,
};

struct show_params {
	struct id id;
	struct bytes thumbprint;
};
static const struct field show_param[] = { FIELD(struct show_params, id), FIELD(struct show_params, thumbprint) };
static const struct fields show_params_fields = FIELDS(struct show_params, show_param);

static const struct statement show_statement = {
	.name = "show_account",
	.sql = "SELECT id, status, thumbprint, eab_key, created_at, ended_at, ended_by, reason, pending_orders, "
	       "processing_orders, pending_authorizations, valid_authorizations, valid_certificates "
	       "FROM acme.show_account($1, $2)",
	.params = &show_params_fields,
	.row = &account_state_fields,
	.repeatable = true,
};

struct revoke_params {
	struct id id;
	const char *reason;
	const char *actor;
};
static const struct field revoke_param[] = {
	FIELD(struct revoke_params, id),
	FIELD(struct revoke_params, reason),
	FIELD(struct revoke_params, actor),
};
static const struct fields revoke_params_fields = FIELDS(struct revoke_params, revoke_param);

struct revoke_row {
	bool changed;
};
static const struct field revoke_row_field[] = { FIELD(struct revoke_row, changed) };
static const struct fields revoke_row_fields = FIELDS(struct revoke_row, revoke_row_field);

static const struct statement revoke_statement = {
	.name = "revoke_account",
	.sql = "SELECT acme.revoke_account($1, $2, $3) AS changed",
	.params = &revoke_params_fields,
	.row = &revoke_row_fields,
};

const struct statement *const account_statements[] = { &list_statement, &show_statement, &revoke_statement };
const size_t account_statements_n = COUNT_OF(account_statements);

int account_list(struct ctx *c, const char *status, int64_t most, struct account_list *ret)
{
	const struct list_params params = { status, most };
	return db_rows(c, &list_statement, &params, (void *) &ret->v, &ret->n);
}

int account_show(struct ctx *c, struct id id, struct bytes thumbprint, struct account_state *ret)
{
	const struct show_params params = { id, thumbprint };
	bool found = false;
	TRY(db_row(c, &show_statement, &params, ret, &found));
	return found ? 0 : FAIL(c, NOT_FOUND, "There is no such account");
}

int account_revoke(struct ctx *c, struct id id, const char *reason, const char *actor, bool *ret_changed)
{
	const struct revoke_params params = { id, reason, actor };
	struct revoke_row row;
	bool found = false;
	TRY(db_row(c, &revoke_statement, &params, &row, &found));
	*ret_changed = found && row.changed;
	return 0;
}

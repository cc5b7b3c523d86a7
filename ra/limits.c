#include "ra/limits.h"

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/rpc/handlers.h"
#include "ra/lists.h"
#include "ra/ra.h"

const char *limits_at_order(struct ctx *c, struct id account_id, const struct identifier_list *identifiers)
{
	const struct limit_names names = { account_id, identifiers };
	const struct policy *policy = lists_hold();
	const char *text = limits_for_order(c->arena, &ra_get()->limits, policy->psl, &names);
	lists_release();
	return text;
}

const char *limits_at_issue(struct ctx *c, struct id account_id, const struct identifier_list *identifiers)
{
	const struct limit_names names = { account_id, identifiers };
	const struct policy *policy = lists_hold();
	const char *text = limits_for_issue(c->arena, &ra_get()->limits, policy->psl, &names);
	lists_release();
	return text;
}

int limits_refused(struct ctx *c)
{
	if (c->err.type != PROBLEM_RATE_LIMITED) {
		return -1;
	}
	enum limit_kind kind = LIMIT_COUNT;
	if (c->err.rule != NULL && limit_find(c->err.rule, &kind)) {
		metric_add(METRIC_limits_refused, limit_info(kind)->name, 1);
	}
	if (c->err.instance != NULL) {
		const char *url =
		    arena_printf(c->arena, "%s/unpause?ticket=%s", ra_get()->config->acme.external_url, c->err.instance);
		c->err.detail = arena_printf(
		    c->arena, "%s. Mend what made the validations fail, then go on with a visit to %s", c->err.detail, url);
		c->err.instance = url;
	}
	return -1;
}

struct use_params {
	const char *limits;
};
static const struct field use_param[] = { FIELD(struct use_params, limits) };
static const struct fields use_params_fields = FIELDS(struct use_params, use_param);

const struct statement ra_take_limits_statement = {
	.name = "take_limits",
	.sql = "SELECT acme.take_limits($1::jsonb->'uses')",
	.params = &use_params_fields,
};

const struct statement ra_give_back_statement = {
	.name = "give_back",
	.sql = "SELECT acme.give_back($1::jsonb->'uses')",
	.params = &use_params_fields,
};

int limits_take(struct ctx *c, enum limit_kind kind, struct id account_id)
{
	const struct use_params params = { limits_for_step(c->arena, &ra_get()->limits, kind, account_id) };
	return params.limits == NULL || db_run(c, &ra_take_limits_statement, &params) == 0 ? 0 : limits_refused(c);
}

void limits_give_back(struct ctx *c, enum limit_kind kind, struct id account_id)
{
	const struct use_params params = { limits_for_step(c->arena, &ra_get()->limits, kind, account_id) };
	if (params.limits != NULL && db_run(c, &ra_give_back_statement, &params) != 0) {
		log_error(c, LOG_WARN, "what was taken of a limit did not come back");
	}
}

struct unpause_params {
	const char *ticket;
	bool act;
	const char *process;
	struct id request_id;
};
static const struct field unpause_param[] = {
	FIELD(struct unpause_params, ticket),
	FIELD(struct unpause_params, act),
	FIELD(struct unpause_params, process),
	FIELD(struct unpause_params, request_id),
};
static const struct fields unpause_params_fields = FIELDS(struct unpause_params, unpause_param);

static const struct field unpause_row_field[] = {
	FIELD(struct unpause_response, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct unpause_response, names),
};
static const struct fields unpause_row_fields = FIELDS(struct unpause_response, unpause_row_field);

const struct statement ra_unpause_statement = {
	.name = "unpause",
	.sql = "SELECT account_id, names FROM acme.use_unpause_link($1, $2, $3, $4)",
	.params = &unpause_params_fields,
	.row = &unpause_row_fields,
	.repeatable = true, /* a second run finds the names free */
};

int ra_unpause_serve(struct ctx *c, const struct unpause_request *in, struct unpause_response *ret)
{
	const struct unpause_params params = {
		.ticket = in->ticket == NULL ? "" : in->ticket,
		.act = in->act,
		.process = ra_get()->instance,
		.request_id = c->request_id,
	};
	bool found = false;
	return db_row(c, &ra_unpause_statement, &params, ret, &found);
}

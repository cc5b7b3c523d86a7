#include "subscriber/split.h"

#include "lib/base/log.h"
#include "lib/base/metrics.h"

static const char *own_instance;

struct add_params {
	const char *origin;
	const char *seen;
	const char *shown;
	const char *process;
};
static const struct field add_param[] = {
	FIELD(struct add_params, origin),
	FIELD(struct add_params, seen),
	FIELD(struct add_params, shown),
	FIELD(struct add_params, process),
};
static const struct fields add_params_fields = FIELDS(struct add_params, add_param);

static const struct statement add_statement = {
	.name = "add_split",
	.sql = "SELECT log.add_split($1, $2, $3, $4)",
	.params = &add_params_fields,
	.repeatable = true,
};

struct count_row {
	int64_t splits;
};
static const struct field count_field[] = { FIELD(struct count_row, splits) };
static const struct fields count_fields = FIELDS(struct count_row, count_field);

static const struct statement count_statement = {
	.name = "count_splits",
	.sql = "SELECT log.splits() AS splits",
	.row = &count_fields,
	.repeatable = true,
};

const struct statement *const split_statements[] = { &add_statement, &count_statement };
const size_t split_n_statements = COUNT_OF(split_statements);

static int count(struct ctx *c)
{
	struct count_row row;
	bool found = false;
	TRY(db_row(c, &count_statement, NULL, &row, &found));
	metric_set(METRIC_log_splits, NULL, row.splits);
	return 0;
}

int split_start(struct ctx *c, const char *instance)
{
	own_instance = instance;
	return count(c);
}

void split_tell(struct ctx *c, const char *origin, const char *seen, const char *shown)
{
	struct ctx own; /* what c ends with is the caller's affair */
	const struct add_params params = { origin, seen, shown, own_instance };
	log_event(c, LOG_ERROR, "checkpoints of one log contradict each other", "log", origin, "shown", shown, NULL);
	ctx_init(&own);
	own.deadline_us = c->deadline_us;
	if (db_run(&own, &add_statement, &params) != 0 || count(&own) != 0) {
		log_error(&own, LOG_ERROR, "that checkpoints contradict each other could not be recorded");
	}
	ctx_done(&own);
}

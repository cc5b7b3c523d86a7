#include "subscriber/purger.h"

#include <string.h>

#include "lib/base/floor.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "subscriber/keeper.h"

#define LEASE_S 60
#define BATCH 500
#define PARTITIONS_AT_ONCE 24
#define ROUND_LIMIT_MS 1800000

static struct purger own;
static struct rounds *own_thread;

static const struct statement resolve_holds_statement = {
	.name = "resolve_holds",
	.sql = "SELECT cairn.resolve_holds()",
	.repeatable = true,
};

/* A table, or a part of one, whose rows have a term. */
struct retained {
	const char *name;
	const char *part;
	bool droppable;
};
struct retained_list {
	struct retained *v;
	size_t n;
};
static const struct field retained_field[] = {
	FIELD(struct retained, name),
	FIELD(struct retained, part),
	FIELD(struct retained, droppable),
};
static const struct fields retained_fields = FIELDS(struct retained, retained_field);

static const struct statement retained_statement = {
	.name = "read_retained",
	.sql = "SELECT name, part, droppable FROM cairn.retained WHERE NOT starts_with(name, 'vault.') ORDER BY place",
	.row = &retained_fields,
	.repeatable = true,
};

struct purge_params {
	const char *holder;
	const char *name;
	const char *part;
	struct id after;
	int64_t most;
	int64_t floor_s;
};
static const struct field purge_param[] = {
	FIELD(struct purge_params, holder),
	FIELD(struct purge_params, name),
	FIELD(struct purge_params, part),
	FIELD(struct purge_params, after),
	FIELD(struct purge_params, most),
	FIELD(struct purge_params, floor_s),
};
static const struct fields purge_params_fields = FIELDS(struct purge_params, purge_param);

struct purge_row {
	int64_t looked;
	int64_t gone;
	int64_t held;
	struct id last;
};
static const struct field purge_row_field[] = {
	FIELD(struct purge_row, looked),
	FIELD(struct purge_row, gone),
	FIELD(struct purge_row, held),
	FIELD(struct purge_row, last),
};
static const struct fields purge_row_fields = FIELDS(struct purge_row, purge_row_field);

static const struct statement purge_statement = {
	.name = "purge",
	.sql = "SELECT looked, gone, held, last FROM cairn.purge($1, $2, $3, $4, $5, $6)",
	.params = &purge_params_fields,
	.row = &purge_row_fields,
	.repeatable = true,
};

struct partition_params {
	const char *holder;
	const char *name;
	int64_t floor_s;
};
static const struct field partition_param[] = {
	FIELD(struct partition_params, holder),
	FIELD(struct partition_params, name),
	FIELD(struct partition_params, floor_s),
};
static const struct fields partition_params_fields = FIELDS(struct partition_params, partition_param);

struct partition_row {
	int64_t rows;
};
static const struct field partition_row_field[] = { FIELD(struct partition_row, rows) };
static const struct fields partition_row_fields = FIELDS(struct partition_row, partition_row_field);

static const struct statement purge_partition_statement = {
	.name = "purge_partition",
	.sql = "SELECT cairn.purge_partition($1, $2, $3) AS rows",
	.params = &partition_params_fields,
	.row = &partition_row_fields,
	.repeatable = true,
};

struct frozen_params {
	const char *holder;
	int64_t most;
};
static const struct field frozen_param[] = {
	FIELD(struct frozen_params, holder),
	FIELD(struct frozen_params, most),
};
static const struct fields frozen_params_fields = FIELDS(struct frozen_params, frozen_param);

/* Recovery contacts of accounts that have ended, and what is left of former ones (G-21, G-22). */
static const struct statement purge_frozen_statement = {
	.name = "purge_frozen",
	.sql = "SELECT vault.purge_frozen($1, $2) AS rows",
	.params = &frozen_params_fields,
	.row = &partition_row_fields,
	.repeatable = true,
};

struct configured_params {
	const char *class;
	int64_t keep_s; /* 0: without end */
	int64_t floor_s;
};
static const struct field configured_param[] = {
	FIELD(struct configured_params, class),
	FIELD(struct configured_params, keep_s, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct configured_params, floor_s),
};
static const struct fields configured_params_fields = FIELDS(struct configured_params, configured_param);

static const struct statement configure_statement = {
	.name = "configure_retention",
	.sql = "SELECT cairn.configure_retention($1, $2, $3)",
	.params = &configured_params_fields,
	.repeatable = true,
};

const struct statement *const purger_statements[] = {
	&resolve_holds_statement,
	&retained_statement,
	&purge_statement,
	&purge_partition_statement,
	&purge_frozen_statement,
	&configure_statement,
};
const size_t purger_n_statements = COUNT_OF(purger_statements);

static int take_lease(struct ctx *c, const char *instance, bool *ret_taken)
{
	const struct lease_params lease = { "retention", instance, LEASE_S };
	struct lease_row row;
	bool found = false;
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &row, &found));
	*ret_taken = row.taken;
	return 0;
}

static bool goes_on(const struct purger *p)
{
	return p->thread == NULL || rounds_go_on(p->thread);
}

static int drop_partitions(struct ctx *c, const struct purger *p, const char *table, int64_t *ret_gone)
{
	const struct partition_params params = { p->instance, table, p->floor_s };
	struct partition_row row = { 0 };
	for (int i = 0; i < PARTITIONS_AT_ONCE && row.rows >= 0 && goes_on(p); i++) {
		bool found = false;
		TRY(db_row(c, &purge_partition_statement, &params, &row, &found));
		*ret_gone += row.rows > 0 ? row.rows : 0;
	}
	return 0;
}

/* ret_taken: whether the lease is still this instance's. */
static int purge_rows(
    struct ctx *c, const struct purger *p, const struct retained *t, struct purge_row *total, bool *ret_taken)
{
	struct purge_params params = { p->instance, t->name, t->part, { { 0 } }, BATCH, p->floor_s };
	struct purge_row row = { .looked = BATCH };
	while (row.looked == BATCH && *ret_taken && goes_on(p)) {
		struct ctx batch;
		bool found = false;
		ctx_init(&batch);
		batch.deadline_us = c->deadline_us;
		int result = db_row(&batch, &purge_statement, &params, &row, &found);
		result = result == 0 ? take_lease(&batch, p->instance, ret_taken) : result;
		if (result != 0) {
			ctx_cause(c, "%s", batch.err.cause == NULL ? "" : batch.err.cause);
			ctx_fail(c, batch.err.type, "%s", batch.err.detail);
		}
		ctx_done(&batch);
		TRY(result);
		params.after = row.last;
		total->gone += row.gone;
		total->held += row.held;
	}
	return 0;
}

static int purge_table(struct ctx *c, const struct purger *p, const struct retained *t, bool *ret_taken)
{
	struct purge_row total = { 0 };
	if (t->droppable) {
		TRY(drop_partitions(c, p, t->name, &total.gone));
	}
	TRY(purge_rows(c, p, t, &total, ret_taken));
	metric_add(METRIC_purged_rows, t->name, total.gone);
	if (total.gone > 0) {
		log_event(c, LOG_INFO, "what had come to its end is gone", "table", t->name, "part", t->part, "rows",
		    arena_printf(c->arena, "%lld", (long long) total.gone), "held",
		    arena_printf(c->arena, "%lld", (long long) total.held), NULL);
	}
	return 0;
}

static int purge_contacts(struct ctx *c, const struct purger *p, bool *ret_taken)
{
	const struct frozen_params params = { p->instance, BATCH };
	struct partition_row row = { BATCH };
	while (row.rows == BATCH && *ret_taken && goes_on(p)) {
		bool found = false;
		TRY(db_row(c, &purge_frozen_statement, &params, &row, &found));
		metric_add(METRIC_purged_rows, "vault.contact", row.rows);
		TRY(take_lease(c, p->instance, ret_taken));
	}
	return 0;
}

int purger_round(struct ctx *c, const struct purger *p)
{
	struct retained_list list;
	bool taken = false;
	TRY(take_lease(c, p->instance, &taken));
	if (!taken) {
		return 0;
	}
	TRY(db_run(c, &resolve_holds_statement, NULL));
	TRY(db_rows(c, &retained_statement, NULL, (void *) &list.v, &list.n));
	for (size_t i = 0; i < list.n && taken && goes_on(p); i++) {
		TRY(purge_table(c, p, &list.v[i], &taken));
	}
	return purge_contacts(c, p, &taken);
}

static int round_of_thread(struct ctx *c, const struct rounds *self)
{
	const struct purger p = { own.instance, own.floor_s, self };
	return purger_round(c, &p);
}

int purger_start(struct ctx *c, const struct config *config, const char *instance)
{
	own.instance = instance;
	own.floor_s = retention_floor_s(config);
	for (size_t i = 0; i < config->retention.n; i++) {
		const struct config_retention *r = &config->retention.v[i];
		const struct configured_params params = { r->class, r->keep_s == INT64_MAX ? 0 : r->keep_s, own.floor_s };
		TRY(db_run(c, &configure_statement, &params));
	}
	const struct rounds_of of = { round_of_thread, "what has come to its end could not be purged",
		config->subscriber.purge_interval_s * 1000, ROUND_LIMIT_MS };
	own_thread = rounds_start(c, &of);
	return own_thread == NULL ? -1 : 0;
}

void purger_stop(void)
{
	rounds_stop(own_thread);
	own_thread = NULL;
}

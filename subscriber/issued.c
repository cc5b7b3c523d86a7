#include "subscriber/issued.h"

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "policy/issued.h"
#include "subscriber/keeper.h"

#define LEASE_S 120
#define BATCH 500
#define SETTLED_S 3900 /* ca/finish.c signs within an hour */
#define ROUND_LIMIT_MS 1800000

static struct issued_checker own;
static struct rounds *own_thread;

struct state_row {
	struct id upto;
	int64_t differences;
};
static const struct field state_field[] = { FIELD(struct state_row, upto), FIELD(struct state_row, differences) };
static const struct fields state_fields = FIELDS(struct state_row, state_field);

static const struct statement state_statement = {
	.name = "issued_check_state",
	.sql = "SELECT upto, differences FROM cairn.issued_check",
	.row = &state_fields,
	.repeatable = true,
};

struct read_params {
	struct id after;
	int64_t settled_s;
	int64_t most;
};
static const struct field read_field[] = {
	FIELD(struct read_params, after),
	FIELD(struct read_params, settled_s),
	FIELD(struct read_params, most),
};
static const struct fields read_fields = FIELDS(struct read_params, read_field);

static const struct statement read_statement = {
	.name = "read_issued",
	.sql = "SELECT * FROM log.read_issued($1, cairn.id_at(now() - make_interval(secs => $2)), $3)",
	.params = &read_fields,
	.row = &issued_fields,
	.repeatable = true,
};

struct record_params {
	const char *holder;
	const char *process;
	struct id after;
	struct id upto;
	int64_t certificates;
	struct id_list differing;
	struct text_list what;
};
static const struct field record_field[] = {
	FIELD(struct record_params, holder),
	FIELD(struct record_params, process),
	FIELD(struct record_params, after),
	FIELD(struct record_params, upto),
	FIELD(struct record_params, certificates),
	FIELD(struct record_params, differing),
	FIELD(struct record_params, what),
};
static const struct fields record_fields = FIELDS(struct record_params, record_field);

struct recorded_row {
	int64_t differences;
};
static const struct field recorded_field[] = { FIELD(struct recorded_row, differences) };
static const struct fields recorded_fields = FIELDS(struct recorded_row, recorded_field);

/* Not repeatable: a second run finds that the position is another one. The next round reads it again. */
static const struct statement record_statement = {
	.name = "record_issued_check",
	.sql = "SELECT differences FROM log.record_issued_check($1, $2, $3, $4, $5, $6, $7)",
	.params = &record_fields,
	.row = &recorded_fields,
};

struct revocations_params {
	const char *holder;
	const char *process;
};
static const struct field revocations_param[] = {
	FIELD(struct revocations_params, holder),
	FIELD(struct revocations_params, process),
};
static const struct fields revocations_fields = FIELDS(struct revocations_params, revocations_param);

static const struct statement revocations_statement = {
	.name = "check_revocations",
	.sql = "SELECT log.check_revocations($1, $2) AS differences",
	.params = &revocations_fields,
	.row = &recorded_fields,
	.repeatable = true,
};

const struct statement *const issued_statements[] = { &state_statement, &read_statement, &record_statement,
	&revocations_statement };
const size_t issued_n_statements = COUNT_OF(issued_statements);

/* What one certificate needs is given back at once: a batch may be long. */
static void compare(struct ctx *c, const struct issued *row, enum policy_mode mode, struct record_params *found)
{
	struct ctx one;
	ctx_init(&one);
	const char *what = issued_differs(&one, row, mode);
	if (what != NULL) {
		found->differing.v[found->differing.n++] = row->id;
		found->what.v[found->what.n++] = arena_text(c->arena, what);
		log_event(c, LOG_ERROR, "a certificate differs from its records", "serial",
		    cert_serial_hex(c->arena, row->serial), "what", found->what.v[found->what.n - 1], NULL);
	}
	ctx_done(&one);
}

static int batch(
    struct ctx *c, const struct issued_checker *k, struct id after, struct recorded_row *ret_row, size_t *ret_n)
{
	const struct read_params params = { after, k->settled_s, BATCH };
	struct issued_list list = { NULL, 0 };
	bool found = false;
	TRY(db_rows(c, &read_statement, &params, (void *) &list.v, &list.n));
	struct record_params record = {
		.holder = k->instance,
		.process = k->instance,
		.after = after,
		.upto = list.n == 0 ? after : list.v[list.n - 1].id,
		.certificates = (int64_t) list.n,
		.differing = { ARENA_ARRAY(c->arena, list.n, struct id), 0 },
		.what = { ARENA_ARRAY(c->arena, list.n, const char *), 0 },
	};
	for (size_t i = 0; i < list.n; i++) {
		compare(c, &list.v[i], k->mode, &record);
	}
	TRY(db_row(c, &record_statement, &record, ret_row, &found));
	metric_add(METRIC_issued_compared, "", (int64_t) list.n);
	*ret_n = list.n;
	return 0;
}

/* Takes the lease, or has it still, and does a batch from the position on record. ret_n: certificates compared. */
static int step(struct ctx *c, const struct issued_checker *k, size_t *ret_n)
{
	const struct lease_params lease = { "issued", k->instance, LEASE_S };
	struct lease_row taken;
	struct state_row state;
	struct recorded_row row;
	bool found = false;
	*ret_n = 0;
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &taken, &found));
	if (!taken.taken) {
		return 0;
	}
	TRY(db_row(c, &state_statement, NULL, &state, &found));
	if (!found) {
		return ctx_fault(c, "cairn.issued_check has no row");
	}
	TRY(batch(c, k, state.upto, &row, ret_n));
	metric_set(METRIC_issued_differ, "", row.differences);
	return 0;
}

static int check_revocations(struct ctx *c, const struct issued_checker *k)
{
	const struct revocations_params params = { k->instance, k->instance };
	struct recorded_row row;
	bool found = false;
	TRY(db_row(c, &revocations_statement, &params, &row, &found));
	if (row.differences > 0) {
		log_event(c, LOG_ERROR, "revocations are not what the log says", NULL);
	}
	return 0;
}

int issued_round(struct ctx *c, const struct issued_checker *k)
{
	size_t n = BATCH;
	while (n == BATCH && (k->thread == NULL || rounds_go_on(k->thread))) {
		struct ctx own_step;
		ctx_init(&own_step);
		own_step.deadline_us = c->deadline_us;
		int result = step(&own_step, k, &n);
		if (result != 0) {
			ctx_cause(c, "%s", own_step.err.cause == NULL ? "" : own_step.err.cause);
			ctx_fail(c, own_step.err.type, "%s", own_step.err.detail);
		}
		ctx_done(&own_step);
		TRY(result);
	}
	return check_revocations(c, k);
}

static int round_of_thread(struct ctx *c, const struct rounds *self)
{
	struct issued_checker k = own;
	k.thread = self;
	return issued_round(c, &k);
}

int issued_start(struct ctx *c, const struct config *config, const char *instance)
{
	own = (struct issued_checker) { .instance = instance, .settled_s = SETTLED_S };
	if (policy_mode_parse(config->policy.mode, &own.mode) != 0) {
		return ctx_fault(c, "policy.mode is wrong");
	}
	const struct rounds_of of = { round_of_thread, "certificates could not be compared with their records",
		config->subscriber.compare_interval_s * 1000, ROUND_LIMIT_MS };
	own_thread = rounds_start(c, &of);
	return own_thread == NULL ? -1 : 0;
}

void issued_stop(void)
{
	rounds_stop(own_thread);
	own_thread = NULL;
}

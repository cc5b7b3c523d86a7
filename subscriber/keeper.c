#include "subscriber/keeper.h"

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define LEASE_S 7200
#define LOOK_EVERY_S 3600
#define DAYS_AHEAD 7 /* more partitions would cost each look-up; a week is room for an outage of this process */
#define ROUND_LIMIT_MS 60000
#define FORGET_AT_ONCE 10000
#define LEARN_AT_ONCE 1000
#define LEARN_LAG_S 600 /* longer than any statement that begins an issuance */

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	bool stopping;
	const char *instance;
	bool learns_sets;
} keeper = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const struct field lease_param[] = {
	FIELD(struct lease_params, duty),
	FIELD(struct lease_params, holder),
	FIELD(struct lease_params, seconds),
};
static const struct fields lease_params_fields = FIELDS(struct lease_params, lease_param);

static const struct field lease_row_field[] = { FIELD(struct lease_row, taken) };
static const struct fields lease_row_fields = FIELDS(struct lease_row, lease_row_field);

const struct statement subscriber_take_lease_statement = {
	.name = "take_lease",
	.sql = "SELECT cairn.take_lease($1, $2, $3) AS taken",
	.params = &lease_params_fields,
	.row = &lease_row_fields,
	.repeatable = true,
};

struct days_params {
	int64_t ahead;
};
static const struct field days_param[] = { FIELD(struct days_params, ahead) };
static const struct fields days_params_fields = FIELDS(struct days_params, days_param);

struct until_row {
	struct timestamp until;
};
static const struct field until_row_field[] = { FIELD(struct until_row, until) };
static const struct fields until_row_fields = FIELDS(struct until_row, until_row_field);

const struct statement subscriber_make_partitions_statement = {
	.name = "make_partitions",
	.sql = "SELECT cairn.partitions_until() AS until FROM cairn.make_partitions($1::int4)",
	.params = &days_params_fields,
	.row = &until_row_fields,
	.repeatable = true,
};

struct forget_params {
	int64_t most;
};
static const struct field forget_param[] = { FIELD(struct forget_params, most) };
static const struct fields forget_params_fields = FIELDS(struct forget_params, forget_param);

struct forget_row {
	int64_t gone;
};
static const struct field forget_row_field[] = { FIELD(struct forget_row, gone) };
static const struct fields forget_row_fields = FIELDS(struct forget_row, forget_row_field);

const struct statement subscriber_forget_limits_statement = {
	.name = "forget_limits",
	.sql = "SELECT cairn.forget_limits($1) AS gone",
	.params = &forget_params_fields,
	.row = &forget_row_fields,
	.repeatable = true,
};

/* Rate limits that are whole again need no row; they hold addresses. */
static int forget_limits(struct ctx *c)
{
	struct forget_params params = { FORGET_AT_ONCE };
	struct forget_row row = { FORGET_AT_ONCE };
	bool found = false;
	while (row.gone == FORGET_AT_ONCE) {
		TRY(db_row(c, &subscriber_forget_limits_statement, &params, &row, &found));
	}
	return 0;
}

struct learn_params {
	int64_t most;
	int64_t lag_s;
};
static const struct field learn_param[] = { FIELD(struct learn_params, most), FIELD(struct learn_params, lag_s) };
static const struct fields learn_params_fields = FIELDS(struct learn_params, learn_param);

struct learn_row {
	int64_t seen;
};
static const struct field learn_row_field[] = { FIELD(struct learn_row, seen) };
static const struct fields learn_row_fields = FIELDS(struct learn_row, learn_row_field);

const struct statement subscriber_learn_sets_statement = {
	.name = "learn_sets",
	.sql = "SELECT cairn.learn_sets($1, $2) AS seen",
	.params = &learn_params_fields,
	.row = &learn_row_fields,
	.repeatable = true,
};

static bool goes_on(void)
{
	pthread_mutex_lock(&keeper.lock);
	bool stopping = keeper.stopping;
	pthread_mutex_unlock(&keeper.lock);
	return !stopping;
}

/* Certificates that were issued before limits were on: their next orders are renewals. */
static void learn_sets(void)
{
	const struct learn_params params = { LEARN_AT_ONCE, LEARN_LAG_S };
	struct learn_row row = { keeper.learns_sets ? LEARN_AT_ONCE : 0 };
	while (row.seen == LEARN_AT_ONCE && goes_on()) {
		struct ctx c;
		bool found = false;
		ctx_init(&c);
		if (db_row(&c, &subscriber_learn_sets_statement, &params, &row, &found) != 0) {
			log_error(&c, LOG_ERROR, "earlier certificates can't be looked at; tried again in an hour");
			row.seen = 0;
		}
		ctx_done(&c);
	}
}

struct overdue_row {
	int64_t overdue;
};
static const struct field overdue_row_field[] = { FIELD(struct overdue_row, overdue) };
static const struct fields overdue_row_fields = FIELDS(struct overdue_row, overdue_row_field);

const struct statement subscriber_overdue_statement = {
	.name = "disclosure_overdue",
	.sql = "SELECT disclosure.overdue() AS overdue",
	.row = &overdue_row_fields,
	.repeatable = true,
};

/* What officers have not done in time is said where those who run the CA look (G-52, G-55). */
static int warn_of_overdue(struct ctx *c)
{
	struct overdue_row row;
	bool found = false;
	TRY(db_row(c, &subscriber_overdue_statement, NULL, &row, &found));
	metric_set(METRIC_disclosure_overdue, NULL, row.overdue);
	if (row.overdue > 0) {
		log_event(c, LOG_ERROR, "duties in cases of disclosure are overdue: cairn disclose due", "duties",
		    arena_printf(c->arena, "%lld", (long long) row.overdue), NULL);
	}
	return 0;
}

struct roles_params {
	const char *process;
};
static const struct field roles_param[] = { FIELD(struct roles_params, process) };
static const struct fields roles_params_fields = FIELDS(struct roles_params, roles_param);

/* F-57: who could do what on a day is told from events. */
const struct statement subscriber_note_roles_statement = {
	.name = "note_roles",
	.sql = "SELECT cairn.note_roles($1)",
	.params = &roles_params_fields,
	.repeatable = true,
};

static int look(struct ctx *c)
{
	struct lease_params lease = { "partitions", keeper.instance, LEASE_S };
	struct lease_row row;
	bool found = false;
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &row, &found));
	if (!row.taken) {
		return 0;
	}
	struct days_params days = { DAYS_AHEAD };
	struct until_row until;
	TRY(db_row(c, &subscriber_make_partitions_statement, &days, &until, &found));
	char text[RFC3339_SIZE];
	timestamp_encode(until.until, false, text);
	bool late = until.until.us < clock_now().us;
	log_event(c, late ? LOG_ERROR : LOG_INFO,
	    late ? "partitions were made too late: rows stand in the ones for the rest" : "the log has room", "until", text,
	    NULL);
	TRY(forget_limits(c));
	TRY(db_run(c, &subscriber_note_roles_statement, &(struct roles_params) { keeper.instance }));
	return warn_of_overdue(c);
}

/* False once the keeper is to stop. */
static bool wait_for_next(void)
{
	struct timespec until = moment_in(LOOK_EVERY_S * 1000);
	pthread_mutex_lock(&keeper.lock);
	while (!keeper.stopping && pthread_cond_timedwait(&keeper.stopped, &keeper.lock, &until) == 0) {
	}
	bool go_on = !keeper.stopping;
	pthread_mutex_unlock(&keeper.lock);
	return go_on;
}

static void *run(void *unused)
{
	(void) unused;
	learn_sets();
	while (wait_for_next()) {
		struct ctx c;
		ctx_init(&c);
		ctx_limit_ms(&c, ROUND_LIMIT_MS);
		if (look(&c) != 0) {
			log_error(&c, LOG_ERROR, "partitions or old rate limits could not be seen to; tried again in an hour");
		}
		ctx_done(&c);
		learn_sets();
	}
	db_thread_end();
	return NULL;
}

int keeper_start(struct ctx *c, const char *instance, bool learns_sets)
{
	keeper.learns_sets = learns_sets;
	keeper.instance = instance;
	TRY(look(c));
	condition_init(&keeper.stopped);
	if (pthread_create(&keeper.thread, NULL, run, NULL) != 0) {
		return FAIL(c, SERVER_INTERNAL, "A thread could not be started");
	}
	return 0;
}

void keeper_stop(void)
{
	pthread_mutex_lock(&keeper.lock);
	keeper.stopping = true;
	pthread_cond_signal(&keeper.stopped);
	pthread_mutex_unlock(&keeper.lock);
	pthread_join(keeper.thread, NULL);
}

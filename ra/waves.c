#include "ra/waves.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "policy/revocation.h"
#include "ra/blocked.h"

#define AT_ONCE 500
#define LIMIT_MS 20000
#define MORE_MS INT64_C(1000)
#define LOOK_MS 200

static pthread_t thread;
static bool started;
static atomic_bool stopping;

struct waves_params {
	const char *process;
	int64_t most;
};
static const struct field waves_param[] = { FIELD(struct waves_params, process), FIELD(struct waves_params, most) };
static const struct fields waves_params_fields = FIELDS(struct waves_params, waves_param);

struct waves_row {
	int64_t revoked;
	int64_t reason;
	int64_t due;
	int64_t late_s;
	int64_t open;
};
static const struct field waves_row_field[] = {
	FIELD(struct waves_row, revoked),
	FIELD(struct waves_row, reason),
	FIELD(struct waves_row, due),
	FIELD(struct waves_row, late_s),
	FIELD(struct waves_row, open),
};
static const struct fields waves_row_fields = FIELDS(struct waves_row, waves_row_field);

/* Repeatable: what has had its turn is not taken again. */
const struct statement ra_sweep_waves_statement = {
	.name = "sweep_waves",
	.sql = "SELECT revoked, coalesce(reason, 0) AS reason, due, late_s, open FROM acme.sweep_waves($1, $2)",
	.params = &waves_params_fields,
	.row = &waves_row_fields,
	.repeatable = true,
};

bool waves_sweep(void)
{
	const struct waves_params params = { ra_get()->instance, AT_ONCE };
	struct waves_row row;
	struct ctx c;
	bool found = false;
	ctx_init(&c);
	ctx_limit_ms(&c, LIMIT_MS);
	int result = db_row(&c, &ra_sweep_waves_statement, &params, &row, &found);
	if (result != 0) {
		log_error(&c, LOG_ERROR, "a wave of a revocation could not be carried out");
	} else {
		metric_set(METRIC_revocations_in_waves, NULL, row.open);
		metric_set(METRIC_revocation_waves_due, NULL, row.due);
		metric_set(METRIC_revocation_waves_late_seconds, NULL, row.late_s);
		metric_add(METRIC_certificates_revoked, revocation_reason_name(row.reason), row.revoked);
	}
	ctx_done(&c);
	return result == 0 && row.due > 0;
}

static void sweep_what_is_due(void)
{
	static struct {
		bool (*sweep)(void);
		int64_t every_ms;
		int64_t next_us;
	} duties[] = { { blocked_sweep, 30000, 0 }, { waves_sweep, 10000, 0 } }; /* of the one thread that calls this */
	for (size_t i = 0; i < COUNT_OF(duties) && !atomic_load(&stopping); i++) {
		if (clock_monotonic_us() >= duties[i].next_us) {
			bool more = duties[i].sweep();
			duties[i].next_us = clock_monotonic_us() + (more ? MORE_MS : duties[i].every_ms) * 1000;
		}
	}
}

static void *run(void *unused)
{
	(void) unused;
	while (!atomic_load(&stopping)) {
		sweep_what_is_due();
		nanosleep(&(struct timespec) { .tv_nsec = LOOK_MS * 1000000L }, NULL);
	}
	db_thread_end();
	return NULL;
}

int waves_start(struct ctx *c)
{
	atomic_store(&stopping, false);
	if (pthread_create(&thread, NULL, run, NULL) != 0) {
		return FAIL(c, SERVER_INTERNAL, "A thread could not be started");
	}
	started = true;
	return 0;
}

void waves_stop(void)
{
	atomic_store(&stopping, true);
	if (started) {
		pthread_join(thread, NULL);
		started = false;
	}
}

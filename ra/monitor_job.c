#include "ra/monitor_job.h"

#include <pthread.h>

#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/ct/log_file.h"
#include "ra/logs.h"
#include "ra/monitor.h"
#include "ra/ra.h"

#define LOOK_MS 300
#define TURN_MS 60000
#define NOTE_MS 10000
#define TELL_US INT64_C(15000000)

static struct {
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool stopping;
	int64_t told_us;
	pthread_t threads[MONITOR_THREADS];
	size_t started;
} job = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* By one thread: now and then, and when there is something new. */
static void tell_state(struct ctx *c)
{
	struct monitor_state state;
	pthread_mutex_lock(&job.lock);
	bool due = job.told_us == 0 || clock_monotonic_us() - job.told_us > TELL_US;
	job.told_us = due ? clock_monotonic_us() : job.told_us;
	pthread_mutex_unlock(&job.lock);
	if (!due) {
		return;
	}
	if (monitor_state(c, &state) != 0) {
		log_error(c, LOG_WARN, "what transparency logs did with their promises can't be looked up");
		ctx_forgive(c);
		return;
	}
	metric_set(METRIC_log_faults, NULL, state.faults);
	metric_set(METRIC_log_scts_missing, NULL, state.missing);
	metric_set(METRIC_log_foreign_certificates, NULL, state.strangers);
	metric_set(METRIC_log_scts_unmerged, NULL, state.unmerged);
	metric_set(METRIC_log_entries_behind, NULL, state.behind);
	metric_set(METRIC_log_entries_unproved, NULL, state.unproved);
}

/* What was read counts, also when the time of its turn is over. */
static void note(const struct monitored *m)
{
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, NOTE_MS);
	if (monitor_note(&c, m) != 0) {
		log_error(&c, LOG_WARN, "what was read of a transparency log is not kept");
	}
	ctx_done(&c);
}

static void tell_soon(void)
{
	pthread_mutex_lock(&job.lock);
	job.told_us = 0;
	pthread_mutex_unlock(&job.lock);
}

/* True: there was a log to be read. */
static bool look(CURL *easy)
{
	const struct ct_log_list *logs = log_file_list();
	struct monitored m;
	struct ctx c;
	bool found = false;
	ctx_init(&c);
	ctx_limit_ms(&c, TURN_MS);
	tell_state(&c);
	if (monitor_take(&c, logs, ra_get()->instance, &m, &found) != 0) {
		log_error(&c, LOG_WARN, "which transparency log is to be read can't be looked up");
		found = false;
	} else if (found) {
		const struct log_source source = { ct_log_find(logs, m.log_id), ra_get()->config->ct.ca_file, easy };
		m.holder = ra_get()->instance;
		if (monitor_turn(&c, &source, &m) != 0) {
			log_error(&c, LOG_WARN, "a transparency log is not read for now");
		} else {
			note(&m);
			if (m.told) {
				tell_soon();
			}
		}
	}
	ctx_done(&c);
	return found;
}

/* False: it is over. */
static bool pause_for(int64_t ms)
{
	struct timespec until = moment_in(ms);
	pthread_mutex_lock(&job.lock);
	while (!job.stopping && ms > 0 && pthread_cond_timedwait(&job.changed, &job.lock, &until) == 0) {
	}
	bool go_on = !job.stopping;
	pthread_mutex_unlock(&job.lock);
	return go_on;
}

static void *run(void *unused)
{
	(void) unused;
	CURL *easy = NULL;
	bool found = false;
	while (pause_for(found ? 0 : LOOK_MS)) {
		easy = easy == NULL ? curl_easy_init() : easy; /* without memory for it once more, later */
		found = easy != NULL && look(easy);
	}
	curl_easy_cleanup(easy);
	db_thread_end();
	return NULL;
}

int monitor_start(struct ctx *c, const struct config *config)
{
	if (config->ct.log_list_file == NULL || !config->ct.monitor) {
		return 0;
	}
	condition_init(&job.changed);
	for (; job.started < MONITOR_THREADS; job.started++) {
		if (pthread_create(&job.threads[job.started], NULL, run, NULL) != 0) {
			return FAIL(c, SERVER_INTERNAL, "A thread could not be started");
		}
	}
	return 0;
}

void monitor_stop(void)
{
	pthread_mutex_lock(&job.lock);
	job.stopping = true;
	if (job.started > 0) {
		pthread_cond_broadcast(&job.changed);
	}
	pthread_mutex_unlock(&job.lock);
	for (; job.started > 0; job.started--) {
		pthread_join(job.threads[job.started - 1], NULL);
	}
}

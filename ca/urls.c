#include "ca/urls.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ca/ca.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/http/served.h"

#define FETCH_LIMIT_MS 20000
#define AGAIN_S 2 /* while nothing may be issued */
#define WRONG_AGAIN_S 10
#define WRONG_LOOKS 3 /* in a row until somebody has to look: a front end that starts again is no alarm */
#define STOP_NS 200000000
#define WHY_MAX 400

static struct {
	pthread_mutex_t lock;
	bool required;
	bool stood; /* all of the active issuers were right at one look */
	char why[WHY_MAX];
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

static pthread_t thread;
static bool started;

struct alarm_params {
	const char *url;
	const char *detail;
};
static const struct field alarm_param[] = { FIELD(struct alarm_params, url), FIELD(struct alarm_params, detail) };
static const struct fields alarm_params_fields = FIELDS(struct alarm_params, alarm_param);

const struct statement url_alarm_statement = {
	.name = "url_alarm",
	.sql = "SELECT log.raise_alarm('url', $1, $2, 'cairn-ca', false)",
	.params = &alarm_params_fields,
	.repeatable = true,
};

/* What one look found. */
struct look {
	int64_t faults;
	int64_t active_faults;
	const char *url; /* the first that is wrong, and why */
	const char *why;
};

static void look_at(struct ctx *c, const struct issuer *issuer, struct look *look)
{
	struct served_list all = served_by(c->arena, issuer->config, &issuer->info, &ca.stopping);
	for (size_t i = 0; i < all.n && !atomic_load(&ca.stopping); i++) {
		struct ctx own; /* a CRL may be large */
		ctx_init(&own);
		ctx_limit_ms(&own, FETCH_LIMIT_MS);
		if (served_check(&own, &all.v[i]) != 0) {
			bool first = look->faults++ == 0;
			look->active_faults += issuer->config->active ? 1 : 0;
			look->url = first ? all.v[i].url : look->url;
			look->why = first ? arena_text(c->arena, own.err.detail) : look->why;
		}
		ctx_done(&own);
	}
}

static void raise_alarm(const struct look *look)
{
	const struct alarm_params params = { look->url, look->why };
	struct ctx own;
	ctx_init(&own);
	if (db_run(&own, &url_alarm_statement, &params) != 0) {
		log_error(&own, LOG_ERROR, "an alarm of a URL could not be raised");
	}
	ctx_done(&own);
}

static void remember(const struct look *look)
{
	pthread_mutex_lock(&known.lock);
	known.stood = known.stood || look->active_faults == 0;
	if (!known.stood) {
		(void) snprintf(
		    known.why, sizeof(known.why), "nothing is issued before the URLs in certificates are right: %s", look->why);
	}
	pthread_mutex_unlock(&known.lock);
}

/* Looks once; wrong_looks is how many in a row found something, this one among them. */
static void look_at_all(int *wrong_looks)
{
	struct look look = { 0, 0, NULL, NULL };
	struct ctx c;
	ctx_init(&c);
	for (size_t i = 0; i < ca.issuers.n; i++) {
		look_at(&c, &ca.issuers.v[i], &look);
	}
	if (!atomic_load(&ca.stopping)) { /* else what was cut short is no fault */
		remember(&look);
		metric_set(METRIC_url_faults, NULL, look.faults);
		if (look.faults == 0 && *wrong_looks >= WRONG_LOOKS) {
			log_event(&c, LOG_INFO, "all URLs in certificates are right again", NULL);
		}
		*wrong_looks = look.faults == 0 ? 0 : *wrong_looks < WRONG_LOOKS + 1 ? *wrong_looks + 1 : *wrong_looks;
		if (*wrong_looks == WRONG_LOOKS) {
			log_event(&c, LOG_ERROR, "a URL in certificates does not lead where it should", "why", look.why, NULL);
			raise_alarm(&look);
		}
	}
	ctx_done(&c);
}

static void *run(void *arg)
{
	int wrong_looks = 0;
	(void) arg;
	while (!atomic_load(&ca.stopping)) {
		look_at_all(&wrong_looks);
		int64_t soon_s = urls_fault() != NULL ? AGAIN_S : wrong_looks > 0 ? WRONG_AGAIN_S : INT64_MAX;
		int64_t period_s = ca.config->ca.urls_probe_s;
		int64_t next_us = clock_monotonic_us() + (soon_s < period_s ? soon_s : period_s) * 1000000;
		while (!atomic_load(&ca.stopping) && clock_monotonic_us() < next_us) {
			nanosleep(&(struct timespec) { .tv_nsec = STOP_NS }, NULL);
		}
	}
	db_thread_end();
	return NULL;
}

int urls_start(struct ctx *c)
{
	if (ca.config->ca.urls_probe_s == 0) {
		return 0;
	}
	pthread_mutex_lock(&known.lock);
	known.required = ca.config->ca.urls_required || ca.mode == POLICY_WEBPKI;
	known.stood = false;
	(void) snprintf(known.why, sizeof(known.why), "the URLs in certificates were not looked at yet");
	pthread_mutex_unlock(&known.lock);
	int result = pthread_create(&thread, NULL, run, NULL);
	if (result != 0) {
		return ctx_fault(c, "pthread_create: %s", strerror(result));
	}
	started = true;
	return 0;
}

void urls_stop(void)
{
	atomic_store(&ca.stopping, true);
	if (started) {
		pthread_join(thread, NULL);
		started = false;
	}
}

const char *urls_fault(void)
{
	static _Thread_local char copy[WHY_MAX];
	pthread_mutex_lock(&known.lock);
	bool waits = known.required && !known.stood;
	memcpy(copy, known.why, sizeof(copy));
	pthread_mutex_unlock(&known.lock);
	return waits ? copy : NULL;
}

#include "va/late.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/condition.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/rpc/client.h"

#define WAITING_MAX 1024
#define OCTETS_MAX (UINT64_C(64) << 20) /* of all that wait: one record may have nearly one of these */
#define AWAY_FOR_S 600                  /* the registration authority, which keeps what its database can't take */
#define MISSING_FOR_S 60                /* the first record of its round, while the registration authority answers */
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 2000
#define CALL_MS 5000

struct report {
	struct report *next;
	struct arena *arena; /* holds this */
	size_t octets;       /* of it */
	struct record_late_request request;
	struct id request_id;
	int64_t until_us; /* all on the monotonic clock */
	int64_t due_us;
	int64_t pause_ms; /* it grows, so that those which wait don't hold up others */
	bool missed;      /* the record that it belongs to was not there */
};

struct late {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct report *first;
	struct report **last;
	size_t n;
	size_t octets;
	int64_t stop_us; /* INT64_MAX: it goes on */
};

static void lose(struct report *r)
{
	const struct ctx c = { .request_id = r->request_id };
	metric_add(METRIC_late_lost, NULL, 1);
	log_event(&c, LOG_WARN, "a late answer of a perspective could not be recorded", "perspective",
	    r->request.remote.perspective, NULL);
	arena_free(r->arena);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* False: it is to be tried again when it is due, unless its time is over. */
static bool send(struct report *r, int64_t stop_us)
{
	struct ctx c;
	struct record_late_response response = { 0 };
	ctx_init(&c);
	c.request_id = r->request_id;
	c.deadline_us = stop_us;
	ctx_limit_ms(&c, CALL_MS);
	bool answered = stop_us > clock_monotonic_us() && rpc_ra_record_late(&c, &r->request, &response) == 0;
	int64_t now_us = clock_monotonic_us();
	if (answered && !response.recorded && !r->missed) {
		r->missed = true;
		r->until_us = now_us + MISSING_FOR_S * INT64_C(1000000);
	}
	r->due_us = now_us + r->pause_ms * 1000;
	r->pause_ms = earlier(r->pause_ms * 2, PAUSE_MAX_MS);
	ctx_done(&c);
	return answered && response.recorded;
}

/* All that follow need the lock. */

static void add(struct late *l, struct report *r)
{
	r->next = NULL;
	*l->last = r;
	l->last = &r->next;
}

/* The one that is due first, of the same the one that came first; NULL: there is none. */
static struct report **first_due(struct late *l)
{
	struct report **found = NULL;
	for (struct report **at = &l->first; *at != NULL; at = &(*at)->next) {
		found = found == NULL || (*at)->due_us < (*found)->due_us ? at : found;
	}
	return found;
}

static void wait_until(struct late *l, int64_t until_us)
{
	struct timespec until = moment_at(until_us);
	(void) pthread_cond_timedwait(&l->changed, &l->lock, &until);
}

static void handle(struct late *l, struct report **at)
{
	struct report *r = *at;
	int64_t stop_us = l->stop_us;
	*at = r->next;
	if (*at == NULL) {
		l->last = at;
	}
	pthread_mutex_unlock(&l->lock);
	bool sent = send(r, stop_us);
	pthread_mutex_lock(&l->lock);
	r->due_us = l->stop_us == stop_us ? r->due_us : 0; /* it is to stop since then */
	if (!sent && r->due_us <= earlier(l->stop_us, r->until_us)) {
		add(l, r);
		return;
	}
	l->n--;
	l->octets -= r->octets;
	if (sent) {
		arena_free(r->arena);
	} else {
		lose(r);
	}
}

static void *run(void *arg)
{
	struct late *l = arg;
	pthread_mutex_lock(&l->lock);
	while (l->first != NULL || l->stop_us == INT64_MAX) {
		struct report **at = first_due(l);
		if (at == NULL) {
			pthread_cond_wait(&l->changed, &l->lock);
		} else if ((*at)->due_us > clock_monotonic_us()) {
			wait_until(l, (*at)->due_us);
		} else {
			handle(l, at);
		}
	}
	pthread_mutex_unlock(&l->lock);
	rpc_client_thread_end();
	return NULL;
}

struct late *late_start(void)
{
	struct late *l = calloc(1, sizeof(*l));
	if (l == NULL) {
		die("out of memory");
	}
	l->last = &l->first;
	l->stop_us = INT64_MAX;
	pthread_mutex_init(&l->lock, NULL);
	condition_init(&l->changed);
	if (pthread_create(&l->thread, NULL, run, l) != 0) {
		die("no thread for late answers");
	}
	return l;
}

/* By its field table, so that no member is forgotten: the round that it came from ends before it is sent. */
void late_report(struct late *l, const struct record_late_request *report, struct id request_id)
{
	struct arena *a = arena_new();
	struct ctx c = { .arena = a, .request_id = request_id, .deadline_us = INT64_MAX };
	struct report *r = ARENA_NEW(a, struct report);
	int64_t now_us = clock_monotonic_us();
	*r = (struct report) { .arena = a,
		.request = *report,
		.request_id = request_id,
		.until_us = now_us + AWAY_FOR_S * INT64_C(1000000),
		.due_us = now_us,
		.pause_ms = PAUSE_MIN_MS };
	struct bytes json = fields_to_json(a, &record_late_request_fields, report);
	bool whole = fields_parse_json(&c, &record_late_request_fields, json, &r->request) == 0;
	r->octets = arena_used(a);
	pthread_mutex_lock(&l->lock);
	bool takes = whole && l->stop_us == INT64_MAX && l->n < WAITING_MAX && l->octets + r->octets <= OCTETS_MAX;
	if (takes) {
		l->n++;
		l->octets += r->octets;
		add(l, r);
		pthread_cond_signal(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
	if (!takes) {
		lose(r);
	}
}

/* Each is tried at once, and as often as time allows. */
void late_stop(struct late *l, int64_t deadline_ms)
{
	if (l == NULL) {
		return;
	}
	pthread_mutex_lock(&l->lock);
	l->stop_us = clock_monotonic_us() + deadline_ms * 1000;
	for (struct report *r = l->first; r != NULL; r = r->next) {
		r->due_us = 0;
		r->pause_ms = PAUSE_MIN_MS;
	}
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
	(void) pthread_join(l->thread, NULL);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

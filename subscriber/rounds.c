#include "subscriber/rounds.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/condition.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/db/db.h"

struct rounds {
	struct rounds_of of;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	atomic_bool stop;
};

static void wait_a_little(struct rounds *r)
{
	struct timespec until = moment_in(r->of.pause_ms);
	pthread_mutex_lock(&r->mutex);
	while (!r->stop && pthread_cond_timedwait(&r->wake, &r->mutex, &until) == 0) {
	}
	pthread_mutex_unlock(&r->mutex);
}

static void *run(void *arg)
{
	struct rounds *r = arg;
	while (!r->stop) {
		struct ctx c;
		ctx_init(&c);
		ctx_limit_ms(&c, r->of.limit_ms);
		if (r->of.round(&c, r) != 0) {
			log_error(&c, LOG_ERROR, r->of.failed);
		}
		ctx_done(&c);
		wait_a_little(r);
	}
	db_thread_end();
	return NULL;
}

struct rounds *rounds_start(struct ctx *c, const struct rounds_of *of)
{
	struct rounds *r = calloc(1, sizeof(*r));
	if (r == NULL || pthread_mutex_init(&r->mutex, NULL) != 0) {
		die("out of memory");
	}
	condition_init(&r->wake);
	r->of = *of;
	if (pthread_create(&r->thread, NULL, run, r) != 0) {
		ctx_fail(c, PROBLEM_SERVER_INTERNAL, "A thread could not be started");
		free(r);
		return NULL;
	}
	return r;
}

bool rounds_go_on(const struct rounds *r)
{
	return !r->stop;
}

void rounds_stop(struct rounds *r)
{
	if (r == NULL) {
		return;
	}
	pthread_mutex_lock(&r->mutex);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->mutex);
	(void) pthread_join(r->thread, NULL);
	(void) pthread_cond_destroy(&r->wake);
	(void) pthread_mutex_destroy(&r->mutex);
	free(r);
}

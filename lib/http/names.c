#include "lib/http/names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"

#define NAMES_MAX 64 /* what the configuration may name is fewer */
#define HOST_SIZE 256
#define FRESH_US (10 * INT64_C(1000000))
#define FAILED_US INT64_C(1000000) /* before it is asked again after a failure */

struct name {
	char host[HOST_SIZE];
	struct name_place places[NAMES_PLACES_MAX];
	size_t n;
	int error;           /* of getaddrinfo, the last time */
	int64_t answered_us; /* 0: never */
	bool wanted;         /* it waits for the thread, or the thread has it */
};

static struct {
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wanted;
	pthread_cond_t answered;
	bool running;
	struct name names[NAMES_MAX];
	size_t n;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void ask(const char *host, struct name *ret)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;
	ret->error = getaddrinfo(host, NULL, &want, &found);
	ret->n = 0;
	for (const struct addrinfo *one = found; one != NULL && ret->n < NAMES_PLACES_MAX; one = one->ai_next) {
		if (one->ai_family == AF_INET || one->ai_family == AF_INET6) {
			struct name_place *place = &ret->places[ret->n++];
			memcpy(&place->at, one->ai_addr, one->ai_addrlen);
			place->n = one->ai_addrlen;
		}
	}
	if (ret->error == 0) {
		freeaddrinfo(found);
	}
}

static struct name *next_wanted(void)
{
	for (size_t i = 0; i < table.n; i++) {
		if (table.names[i].wanted) {
			return &table.names[i];
		}
	}
	return NULL;
}

/* Never ends: it is of the process, as the table is. */
static void *look_up(void *unused)
{
	(void) unused;
	pthread_mutex_lock(&table.lock);
	for (;;) {
		struct name *at = next_wanted();
		if (at == NULL) {
			pthread_cond_wait(&table.wanted, &table.lock);
			continue;
		}
		struct name answer;
		pthread_mutex_unlock(&table.lock);
		ask(at->host, &answer); /* a name never leaves the table, nor changes there */
		pthread_mutex_lock(&table.lock);
		if (answer.n > 0) {
			memcpy(at->places, answer.places, sizeof(at->places));
			at->n = answer.n;
		}
		at->error = answer.error;
		at->answered_us = clock_monotonic_us();
		at->wanted = false;
		pthread_cond_broadcast(&table.answered);
	}
	return NULL;
}

/* With the lock. */
static int start_thread(struct ctx *c)
{
	pthread_t thread;
	if (table.running) {
		return 0;
	}
	condition_init(&table.answered);
	(void) pthread_cond_init(&table.wanted, NULL);
	if (pthread_create(&thread, NULL, look_up, NULL) != 0) {
		return FAIL(c, UNAVAILABLE, "A service's name can't be looked up");
	}
	(void) pthread_detach(thread);
	table.running = true;
	return 0;
}

/* With the lock; NULL: there is no room. */
static struct name *find_or_add(const char *host)
{
	for (size_t i = 0; i < table.n; i++) {
		if (strcmp(table.names[i].host, host) == 0) {
			return &table.names[i];
		}
	}
	size_t n = strlen(host);
	if (table.n == NAMES_MAX || n >= HOST_SIZE) {
		return NULL;
	}
	struct name *added = &table.names[table.n++];
	memcpy(added->host, host, n + 1);
	return added;
}

/* With the lock. */
static void want(struct name *one)
{
	int64_t age_us = clock_monotonic_us() - one->answered_us;
	bool due = one->answered_us == 0 || age_us > (one->error == 0 ? FRESH_US : FAILED_US);
	if (due && !one->wanted) {
		one->wanted = true;
		pthread_cond_signal(&table.wanted);
	}
}

/* With the lock. */
static void await(const struct name *one, int64_t wait_ms)
{
	struct timespec until = moment_in(wait_ms);
	while (one->wanted && one->n == 0 && pthread_cond_timedwait(&table.answered, &table.lock, &until) == 0) {
	}
}

static int find(struct ctx *c, const char *host, int64_t wait_ms, struct name_place *ret, size_t *ret_n)
{
	TRY(start_thread(c));
	struct name *one = find_or_add(host);
	if (one == NULL) {
		ctx_cause(c, "%.300s: too many names, or too long a one", host);
		return FAIL(c, UNAVAILABLE, NULL);
	}
	want(one);
	if (one->n == 0 && wait_ms > 0) {
		await(one, wait_ms);
	}
	if (one->n == 0) {
		bool failed = !one->wanted && one->error != 0;
		ctx_cause(c, "%s: %s", host, failed ? gai_strerror(one->error) : "its address is still being looked up");
		return FAIL(c, UNAVAILABLE, NULL);
	}
	memcpy(ret, one->places, one->n * sizeof(*ret));
	*ret_n = one->n;
	return 0;
}

int names_find(struct ctx *c, const char *host, int64_t wait_ms, struct name_place ret[NAMES_PLACES_MAX], size_t *ret_n)
{
	pthread_mutex_lock(&table.lock);
	int result = find(c, host, wait_ms, ret, ret_n);
	pthread_mutex_unlock(&table.lock);
	return result;
}

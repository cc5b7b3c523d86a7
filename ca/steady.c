#include "ca/steady.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define BACK_US 1000000   /* what a clock that is kept right may be set back by */
#define JUMP_US 5000000   /* against the clock that never jumps, since the database was asked */
#define APART_US 30000000 /* from the database's */
#define ASK_EVERY_US 60000000

static struct {
	pthread_mutex_t lock;
	bool asked;
	int64_t newest_us; /* the latest time at which something could be signed */
	int64_t offset_us; /* from the clock that never jumps, as it was when the database agreed */
	int64_t asked_us;  /* when that was, by the clock that never jumps */
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct clock_row {
	struct timestamp now;
};
static const struct field clock_row_field[] = { FIELD(struct clock_row, now) };
static const struct fields clock_row_fields = FIELDS(struct clock_row, clock_row_field);

const struct statement steady_statement = {
	.name = "database_clock",
	.sql = "SELECT clock_timestamp() AS now",
	.row = &clock_row_fields,
	.repeatable = true,
};

/* Refuses a time that was before. ret_ask: the database has to be asked first. */
static int look(struct ctx *c, bool *ret_ask)
{
	int64_t now_us = clock_now().us;
	int64_t steady_us = clock_monotonic_us();
	pthread_mutex_lock(&known.lock);
	int64_t behind_us = known.newest_us - now_us;
	*ret_ask = !known.asked || steady_us - known.asked_us > ASK_EVERY_US ||
	           llabs(now_us - steady_us - known.offset_us) > JUMP_US;
	if (behind_us < 0 && !*ret_ask) {
		known.newest_us = now_us;
	}
	pthread_mutex_unlock(&known.lock);
	if (behind_us <= BACK_US) {
		return 0;
	}
	log_event(c, LOG_ERROR, "the clock went back, and nothing is signed until it is where it was", "seconds",
	    arena_printf(c->arena, "%lld", (long long) (behind_us / 1000000)), NULL);
	return FAIL(c, UNAVAILABLE, "The clock of the CA went back");
}

static int ask_database(struct ctx *c)
{
	struct clock_row row;
	bool found = false;
	int64_t before_us = clock_now().us;
	TRY(db_row(c, &steady_statement, NULL, &row, &found));
	int64_t now_us = clock_now().us;
	int64_t steady_us = clock_monotonic_us();
	/* how long the answer took is no difference */
	int64_t apart_us = row.now.us < before_us ? before_us - row.now.us : row.now.us > now_us ? row.now.us - now_us : 0;
	metric_set(METRIC_clock_apart_milliseconds, NULL, apart_us / 1000);
	if (apart_us > APART_US) {
		log_event(c, LOG_ERROR, "the clocks of this machine and of the database differ, and nothing is signed",
		    "seconds", arena_printf(c->arena, "%lld", (long long) (apart_us / 1000000)), NULL);
		return FAIL(c, UNAVAILABLE, "The clocks of the CA do not agree");
	}
	pthread_mutex_lock(&known.lock);
	known.asked = true;
	known.newest_us = now_us > known.newest_us ? now_us : known.newest_us;
	known.offset_us = now_us - steady_us;
	known.asked_us = steady_us;
	pthread_mutex_unlock(&known.lock);
	return 0;
}

int steady_check(struct ctx *c)
{
	bool ask = false;
	TRY(look(c, &ask));
	return ask ? ask_database(c) : 0;
}

#include "ca/steady.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define BACK_US 1000000     /* what a clock that is kept right may be set back by */
#define JUMP_US 5000000     /* against the clock that never jumps, since the database was asked */
#define APART_US 30000000   /* from the database's */
#define SETTLE_US 300000000 /* so long a clock that was set back has to agree with the database's */
#define ASK_EVERY_US 60000000
#define WHY_MAX 200

enum trouble { STEADY, WENT_BACK, APART };

static struct {
	pthread_mutex_t lock;
	bool asked;
	int64_t newest_us;      /* the latest time at which something could be signed */
	int64_t offset_us;      /* from the clock that never jumps, as it was when the database agreed */
	int64_t asked_us;       /* when that was, by the clock that never jumps */
	int64_t right_since_us; /* since when the database agrees with a clock that went back, by the same */
	enum trouble trouble;
	bool untold; /* the trouble is new, and there is no alarm of it yet */
	char why[WHY_MAX];
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

struct alarm_params {
	const char *detail;
};
static const struct field alarm_param[] = { FIELD(struct alarm_params, detail) };
static const struct fields alarm_params_fields = FIELDS(struct alarm_params, alarm_param);

const struct statement steady_alarm_statement = {
	.name = "clock_alarm",
	.sql = "SELECT log.raise_alarm('clock', '', $1, 'cairn-ca', false)",
	.params = &alarm_params_fields,
	.repeatable = true,
};

/* Whether the database has to be asked. */
static bool is_unsure(void)
{
	int64_t now_us = clock_now().us;
	int64_t steady_us = clock_monotonic_us();
	pthread_mutex_lock(&known.lock);
	int64_t behind_us = known.newest_us - now_us;
	bool unsure = !known.asked || known.trouble != STEADY || behind_us > BACK_US ||
	              steady_us - known.asked_us > ASK_EVERY_US || llabs(now_us - steady_us - known.offset_us) > JUMP_US;
	if (behind_us < 0 && !unsure) {
		known.newest_us = now_us;
	}
	pthread_mutex_unlock(&known.lock);
	return unsure;
}

/* Remembers what is wrong, and says so once; with the lock. */
static void note(const struct ctx *c, enum trouble trouble, int64_t by_us)
{
	long long by_s = (long long) (by_us / 1000000);
	bool changed = trouble != known.trouble;
	known.trouble = trouble;
	if (trouble == STEADY) {
		known.why[0] = '\0';
	} else if (trouble == WENT_BACK) {
		(void) snprintf(known.why, sizeof(known.why),
		    "the clock of this machine went back by %lld s: nothing is signed until it is where it was, or the "
		    "database has agreed with it for five minutes",
		    by_s);
	} else {
		(void) snprintf(known.why, sizeof(known.why),
		    "the clocks of this machine and of the database differ by %lld s, and nothing is signed", by_s);
	}
	if (changed && trouble == STEADY) {
		log_event(c, LOG_INFO, "the clock is right again, and signing goes on", NULL);
	} else if (changed) {
		log_event(c, LOG_ERROR, known.why, NULL);
	}
	known.untold = trouble != STEADY && (changed || known.untold);
}

/* The database agrees with this time. One that was before is not trusted at once; with the lock. */
static void accept_time(const struct ctx *c, int64_t now_us, int64_t steady_us)
{
	bool jumped = !known.asked || llabs(now_us - steady_us - known.offset_us) > JUMP_US;
	int64_t behind_us = known.newest_us - now_us;
	if (known.trouble != WENT_BACK || jumped) {
		known.right_since_us = steady_us;
	}
	known.asked = true;
	known.offset_us = now_us - steady_us;
	known.asked_us = steady_us;
	if (behind_us > BACK_US && steady_us - known.right_since_us < SETTLE_US) {
		note(c, WENT_BACK, behind_us);
		return;
	}
	known.newest_us = behind_us > BACK_US || behind_us < 0 ? now_us : known.newest_us;
	note(c, STEADY, 0);
}

/* Once for each trouble, if the database takes it. */
static void raise_alarm(const char *why)
{
	const struct alarm_params params = { why };
	struct ctx own; /* what c ends with is about the clock */
	ctx_init(&own);
	if (db_run(&own, &steady_alarm_statement, &params) != 0) {
		log_error(&own, LOG_ERROR, "an alarm of the clock could not be raised");
	}
	ctx_done(&own);
}

static int ask_database(struct ctx *c)
{
	struct clock_row row;
	bool found = false;
	int64_t before_us = clock_now().us;
	TRY(db_row(c, &steady_statement, NULL, &row, &found));
	int64_t now_us = clock_now().us;
	/* how long the answer took is no difference */
	int64_t apart_us = row.now.us < before_us ? before_us - row.now.us : row.now.us > now_us ? row.now.us - now_us : 0;
	metric_set(METRIC_clock_apart_milliseconds, NULL, apart_us / 1000);
	pthread_mutex_lock(&known.lock);
	if (apart_us > APART_US) {
		note(c, APART, apart_us);
	} else {
		accept_time(c, now_us, clock_monotonic_us());
	}
	enum trouble trouble = known.trouble;
	const char *untold = known.untold ? arena_text(c->arena, known.why) : NULL;
	known.untold = false;
	pthread_mutex_unlock(&known.lock);
	if (trouble == STEADY) {
		return 0;
	}
	if (untold != NULL) {
		raise_alarm(untold);
	}
	return FAIL(
	    c, UNAVAILABLE, "%s", trouble == APART ? "The clocks of the CA do not agree" : "The clock of the CA went back");
}

int steady_check(struct ctx *c)
{
	return is_unsure() ? ask_database(c) : 0;
}

const char *steady_fault(void)
{
	static _Thread_local char copy[WHY_MAX];
	pthread_mutex_lock(&known.lock);
	memcpy(copy, known.why, sizeof(copy));
	pthread_mutex_unlock(&known.lock);
	return copy[0] == '\0' ? NULL : copy;
}

#include "ca/linters.h"

#include <pthread.h>
#include <string.h>

#include "ca/linter.h"
#include "lib/base/log.h"
#include "policy/lints.h"

#define ASK_EVERY_US 60000000
#define SET_SIZE 17

static struct {
	pthread_mutex_t lock;
	struct arena *arena; /* of what the outside linter told */
	struct linter_list told;
	int64_t asked_us;
	char set[SET_SIZE];
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const struct field linter_field[] = { FIELD(struct linter, name), FIELD(struct linter, version) };
static const struct fields linter_fields = FIELDS(struct linter, linter_field);

struct record_params {
	const char *process;
	struct linter_list linters;
};
static const struct field record_param[] = {
	FIELD(struct record_params, process),
	FIELD_STRUCTS(struct record_params, linters, &linter_fields),
};
static const struct fields record_params_fields = FIELDS(struct record_params, record_param);

struct set_row {
	const char *set;
};
static const struct field set_field[] = { FIELD(struct set_row, set, .flags = FIELD_REQUIRED) };
static const struct fields set_fields = FIELDS(struct set_row, set_field);

const struct statement linters_statement = {
	.name = "record_linters",
	.sql = "SELECT cairn.record_linters($1, $2) AS set",
	.params = &record_params_fields,
	.row = &set_fields,
	.repeatable = true,
};

struct alarm_params {
	const char *detail;
	const char *process;
};
static const struct field alarm_param[] = { FIELD(struct alarm_params, detail), FIELD(struct alarm_params, process) };
static const struct fields alarm_params_fields = FIELDS(struct alarm_params, alarm_param);

const struct statement linter_alarm_statement = {
	.name = "linter_alarm",
	.sql = "SELECT log.raise_alarm('linter-silent', '', $1, $2, false)",
	.params = &alarm_params_fields,
	.repeatable = true,
};

/* Keeps what was told; with the lock. */
static void keep(const struct linter_list *told)
{
	arena_free(known.arena);
	known.arena = arena_new_small();
	known.told = (struct linter_list) { ARENA_ARRAY(known.arena, told->n, struct linter), told->n };
	for (size_t i = 0; i < told->n; i++) {
		known.told.v[i] =
		    (struct linter) { arena_text(known.arena, told->v[i].name), arena_text(known.arena, told->v[i].version) };
	}
}

/* Our own, and what the outside linter told last; with the lock. */
static struct linter_list all(struct arena *a, bool outside)
{
	struct linter_list list = { ARENA_ARRAY(a, known.told.n + 2, struct linter), 0 };
	list.v[list.n++] =
	    (struct linter) { "cairn", arena_printf(a, CAIRN_VERSION ", %zu rows %s", lint_count(), lint_digest(a)) };
	for (size_t i = 0; i < known.told.n; i++) {
		list.v[list.n++] = known.told.v[i];
	}
	if (outside && known.told.n == 0) {
		list.v[list.n++] = (struct linter) { "outside linter", "unknown" };
	}
	return list;
}

static int record(struct ctx *c, const char *process, bool outside)
{
	const struct record_params params = { process, all(c->arena, outside) };
	struct set_row row;
	bool found = false;
	TRY(db_row(c, &linters_statement, &params, &row, &found));
	if (!found || strlen(row.set) >= SET_SIZE) {
		return ctx_fault(c, "record_linters gave no set");
	}
	memcpy(known.set, row.set, strlen(row.set) + 1);
	return 0;
}

int linters_learn(struct ctx *c, const struct config_ca *config, const char *process)
{
	struct linter_list told = { NULL, 0 };
	bool asked = config->linter_url != NULL;
	bool silent = asked && linter_versions(c, config, &told) != 0;
	if (silent) {
		log_error(c, LOG_WARN, "the outside linter does not tell its versions");
		ctx_forgive(c);
	}
	pthread_mutex_lock(&known.lock);
	known.asked_us = clock_monotonic_us();
	if (!silent) {
		keep(&told);
	}
	int result = record(c, process, asked);
	pthread_mutex_unlock(&known.lock);
	return result;
}

void linters_refresh(const struct config_ca *config, const char *process)
{
	struct ctx c;
	pthread_mutex_lock(&known.lock);
	bool due = config->linter_url != NULL && clock_monotonic_us() - known.asked_us >= ASK_EVERY_US;
	pthread_mutex_unlock(&known.lock);
	if (!due) {
		return;
	}
	ctx_init(&c);
	if (linters_learn(&c, config, process) != 0) {
		log_error(&c, LOG_WARN, "the versions of linters are not on record");
	}
	ctx_done(&c);
}

void linters_tell(const struct config_ca *config, const char *process)
{
	struct ctx c;
	ctx_init(&c);
	const char *why = linter_silence(c.arena);
	if (why != NULL) {
		const char *meanwhile = config->linter_required ? "Nothing is signed" : "Certificates are signed without it";
		const struct alarm_params params = { arena_printf(c.arena, "%s. %s", why, meanwhile), process };
		if (db_run(&c, &linter_alarm_statement, &params) == 0) {
			linter_silence_told();
		} else {
			log_error(&c, LOG_WARN, "that the outside linter is silent is told soon");
		}
	}
	ctx_done(&c);
}

const char *linters_set(struct arena *a)
{
	pthread_mutex_lock(&known.lock);
	const char *set = known.set[0] == '\0' ? NULL : arena_text(a, known.set);
	pthread_mutex_unlock(&known.lock);
	return set;
}

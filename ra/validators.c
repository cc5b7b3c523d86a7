#include "ra/validators.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/log.h"
#include "ra/ra.h"

enum { KNOWN_MAX = CONFIG_PERSPECTIVES_MAX + 16, INSTANCE_SIZE = 256 };

/* Runs that are on record; when there is no room, the oldest is asked for anew. */
static struct {
	pthread_mutex_t lock;
	struct {
		char instance[INSTANCE_SIZE];
		struct timestamp started_at;
	} v[KNOWN_MAX];
	size_t next;
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct record_params {
	const char *process;
	const char *instance;
	const char *perspective;
	const char *version;
	const char *config_sha256;
	struct timestamp started_at;
};
static const struct field record_param[] = {
	FIELD(struct record_params, process),
	FIELD(struct record_params, instance),
	FIELD(struct record_params, perspective),
	FIELD(struct record_params, version),
	FIELD(struct record_params, config_sha256),
	FIELD(struct record_params, started_at),
};
static const struct fields record_fields = FIELDS(struct record_params, record_param);

const struct statement validators_statement = {
	.name = "record_validator",
	.sql = "SELECT cairn.record_validator($1, $2, $3, $4, $5, $6)",
	.params = &record_fields,
	.repeatable = true,
};

static bool is_known(const char *instance, struct timestamp started_at)
{
	bool found = false;
	pthread_mutex_lock(&known.lock);
	for (size_t i = 0; i < KNOWN_MAX; i++) {
		found = found || (known.v[i].started_at.us == started_at.us && strcmp(known.v[i].instance, instance) == 0);
	}
	pthread_mutex_unlock(&known.lock);
	return found;
}

static void learn(const char *instance, struct timestamp started_at)
{
	pthread_mutex_lock(&known.lock);
	size_t at = known.next++ % KNOWN_MAX;
	for (size_t i = 0; i < KNOWN_MAX; i++) {
		at = strcmp(known.v[i].instance, instance) == 0 ? i : at;
	}
	memcpy(known.v[at].instance, instance, strlen(instance) + 1);
	known.v[at].started_at = started_at;
	pthread_mutex_unlock(&known.lock);
}

/* One of before it told so, or whose words are none, is not known. */
static bool tells(const struct validator_run *run)
{
	return run->started_at.us > 0 && run->version != NULL && run->config_sha256 != NULL &&
	       strlen(run->config_sha256) == 64;
}

static void note(struct ctx *c, const char *instance, const char *perspective, const struct validator_run *run)
{
	if (!tells(run) || strlen(instance) >= INSTANCE_SIZE || is_known(instance, run->started_at)) {
		return;
	}
	const struct record_params params = { ra_get()->instance, instance, perspective, run->version, run->config_sha256,
		run->started_at };
	if (db_run(c, &validators_statement, &params) != 0) {
		log_error(c, LOG_WARN, "which validation authority answered is recorded with its next answer");
		ctx_forgive(c);
		return;
	}
	learn(instance, run->started_at);
}

void validators_note(struct ctx *c, const struct validation_result *answer)
{
	const struct validator_run *own = &answer->run;
	if (own->listen != NULL) {
		note(c, arena_printf(c->arena, "cairn-va@%s", own->listen), NULL, own);
	}
	for (size_t i = 0; i < answer->remotes.n; i++) {
		const struct validation_result *remote = &answer->remotes.v[i];
		if (remote->perspective != NULL) {
			note(c, arena_printf(c->arena, "cairn-va@%s", remote->perspective), remote->perspective, &remote->run);
		}
	}
}

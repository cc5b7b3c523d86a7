#include "subscriber/witnesses.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/seal/cosign.h"
#include "subscriber/keeper.h"
#include "subscriber/post.h"
#include "subscriber/rounds.h"
#include "subscriber/sealer_rows.h"
#include "subscriber/split.h"

#define LEASE_S 120
#define ROUND_LIMIT_MS 60000
#define STATUS_CONFLICT 409
#define NOTE_TYPE "text/plain; charset=utf-8"

/* A witness, ready to be told. */
struct witness {
	const struct config_witness *config;
	struct note_key key; /* of one that cosigns */
	struct bytes ca;
	int fd;          /* of a file */
	bool in_trouble; /* as the log has been told */
};

static struct {
	struct witness *v;
	size_t n;
	size_t first; /* of the next round, so that slow ones do not keep it from the others */
	const char *instance;
	struct rounds *thread;
} own;

struct told_params {
	const char *name;
};
static const struct field told_param[] = { FIELD(struct told_params, name) };
static const struct fields told_params_fields = FIELDS(struct told_params, told_param);

struct told_row {
	int64_t size;
};
static const struct field told_field[] = { FIELD(struct told_row, size) };
static const struct fields told_fields = FIELDS(struct told_row, told_field);

static const struct statement told_statement = {
	.name = "read_witness",
	.sql = "SELECT size FROM log.witness WHERE name = $1",
	.params = &told_params_fields,
	.row = &told_fields,
	.repeatable = true,
};

struct add_params {
	const char *witness;
	int64_t size;
	const char *line; /* NULL: this kind gives none */
};
static const struct field add_param[] = {
	FIELD(struct add_params, witness),
	FIELD(struct add_params, size),
	FIELD(struct add_params, line),
};
static const struct fields add_params_fields = FIELDS(struct add_params, add_param);

static const struct statement add_statement = {
	.name = "add_cosignature",
	.sql = "SELECT log.add_cosignature($1, $2, $3)",
	.params = &add_params_fields,
	.repeatable = true,
};

const struct statement *const witnesses_statements[] = { &told_statement, &add_statement };
const size_t witnesses_n_statements = COUNT_OF(witnesses_statements);

static int open_witness(struct ctx *c, const struct config_witness *config, struct witness *ret)
{
	struct witness w = { .config = config, .fd = -1 };
	if (strcmp(config->kind, "file") == 0) {
		w.fd = open(config->to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
		if (w.fd < 0) {
			return FAIL(c, MALFORMED, "subscriber.witnesses: %s: %s", config->to, strerror(errno));
		}
	}
	if (strcmp(config->kind, "witness") == 0) {
		if (config->key == NULL) {
			return FAIL(c, MALFORMED, "subscriber.witnesses: %s cosigns, so its key is needed", config->name);
		}
		TRY(note_key_parse_type(c, config->key, NOTE_COSIGNATURE, &w.key));
	}
	if (config->ca_file != NULL) {
		TRY(file_read(c, config->ca_file, &w.ca));
	}
	*ret = w;
	return 0;
}

int witnesses_open(struct ctx *c, const struct config *config)
{
	const struct config_witness_list *list = &config->subscriber.witnesses;
	own.v = ARENA_ARRAY(c->arena, list->n, struct witness);
	for (size_t i = 0; i < list->n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(list->v[k].name, list->v[i].name) == 0) {
				return FAIL(c, MALFORMED, "subscriber.witnesses: two are named %s", list->v[i].name);
			}
		}
		TRY(open_witness(c, &list->v[i], &own.v[i]));
	}
	own.n = list->n;
	return 0;
}

/* What is told: the newest checkpoint. */
struct news {
	uint64_t size;
	struct bytes note;
	struct bytes text; /* of the note, that is cosigned */
};

static int read_news(struct ctx *c, struct news *ret)
{
	struct sealed_state state;
	struct note_key key;
	TRY(sealer_read_state(c, &state));
	*ret = (struct news) { .size = 0 };
	if (state.note == NULL) {
		return 0;
	}
	ret->note = bytes_of_text(state.note);
	TRY(note_key_parse(c, state.key, &key));
	TRY(note_open(c, &key, ret->note, &ret->text));
	ret->size = (uint64_t) state.signed_size;
	return 0;
}

static int ask(struct ctx *c, const struct witness *w, const struct news *news, uint64_t old, long *ret_status,
    struct bytes *ret_reply)
{
	struct tile_source tiles = sealer_tiles();
	struct cosign_ask a = { .old = old, .checkpoint = news->note };
	tiles.size = news->size;
	if (old > 0 && old < news->size) {
		TRY(tiles_consistency(c, &tiles, old, news->size, &a.proof));
	}
	const char *url = arena_printf(
	    c->arena, "%s%sadd-checkpoint", w->config->to, w->config->to[strlen(w->config->to) - 1] == '/' ? "" : "/");
	return post(c, &(struct post_to) { w->config->name, url, w->ca, NOTE_TYPE }, cosign_ask_encode(c->arena, &a),
	    ret_status, ret_reply);
}

/* The line of the answer that is this witness'. MALFORMED: there is none that is good. */
static int find_cosignature(
    struct ctx *c, const struct witness *w, const struct news *news, struct bytes reply, const char **ret_line)
{
	struct bytes line;
	int64_t time_s = 0;
	while (line_take(&reply, &line) == 0) {
		if (cosign_check(c, &w->key, news->text, line, &time_s) == 0) {
			*ret_line = arena_printf(c->arena, "%.*s\n", (int) line.n, (const char *) line.p);
			return 0;
		}
		ctx_forgive(c);
	}
	return FAIL(c, MALFORMED, "The witness %s gave no good cosignature", w->config->name);
}

/* A witness has seen more leaves than it is told of: somebody else told it of a newer checkpoint, or this log was set back. */
static int judge_ahead(struct ctx *c, const struct witness *w, uint64_t seen)
{
	struct sealed_state state;
	struct note_key key;
	TRY(sealer_read_state(c, &state));
	if (seen <= (uint64_t) state.signed_size) {
		return FAIL(c, UNAVAILABLE, "The witness %s has seen a newer checkpoint", w->config->name);
	}
	TRY(note_key_parse(c, state.key, &key));
	const char *said = arena_printf(c->arena, "The witness %s has seen %llu leaves of this log, which has %lld",
	    w->config->name, (unsigned long long) seen, (long long) state.signed_size);
	split_tell(c, key.name, NULL, said);
	return FAIL(c, CONFLICT, "%s", said);
}

/* C2SP tlog-witness: one that knows another size says which, and is asked again from there. */
static int tell_witness(
    struct ctx *c, const struct witness *w, const struct news *news, uint64_t told, const char **ret_line)
{
	long status = 0;
	struct bytes reply;
	TRY(ask(c, w, news, told, &status, &reply));
	if (status == STATUS_CONFLICT) {
		struct bytes line = { NULL, 0 };
		uint64_t seen = 0;
		if (line_take(&reply, &line) != 0 || size_parse(line, &seen) != 0) {
			return FAIL(c, MALFORMED, "The witness %s refuses, and does not say what it has seen", w->config->name);
		}
		if (seen > news->size) {
			return judge_ahead(c, w, seen);
		}
		TRY(ask(c, w, news, seen, &status, &reply));
	}
	if (status != 200) {
		return FAIL(c, UNAVAILABLE, "The witness %s answers with HTTP status %ld: %.*s", w->config->name, status,
		    (int) (reply.n > 200 ? 200 : reply.n), (const char *) reply.p);
	}
	return find_cosignature(c, w, news, reply, ret_line);
}

static int tell_hook(struct ctx *c, const struct witness *w, const struct news *news)
{
	long status = 0;
	struct bytes reply;
	const struct post_to to = { w->config->name, w->config->to, w->ca, NOTE_TYPE };
	TRY(post(c, &to, news->note, &status, &reply));
	return status / 100 == 2
	           ? 0
	           : FAIL(c, UNAVAILABLE, "The hook %s answers with HTTP status %ld", w->config->name, status);
}

/* Whole on disk, or taken back and written again. */
static int tell_file(struct ctx *c, const struct witness *w, const struct news *news)
{
	off_t end = lseek(w->fd, 0, SEEK_END);
	errno = ENOSPC; /* what a short write means */
	if (end >= 0 && write(w->fd, news->note.p, news->note.n) == (ssize_t) news->note.n && fsync(w->fd) == 0) {
		return 0;
	}
	ctx_fail(c, PROBLEM_UNAVAILABLE, "%s: %s", w->config->to, strerror(errno));
	return end >= 0 && ftruncate(w->fd, end) != 0 ? FAIL(c, SERVER_INTERNAL, "%s: %s", w->config->to, strerror(errno))
	                                              : -1;
}

static int tell(struct ctx *c, const struct witness *w, const struct news *news)
{
	const struct told_params params = { w->config->name };
	struct told_row row;
	bool found = false;
	const char *line = NULL;
	TRY(db_row(c, &told_statement, &params, &row, &found));
	if ((uint64_t) row.size >= news->size) {
		return 0;
	}
	if (w->fd >= 0) {
		TRY(tell_file(c, w, news));
	} else if (strcmp(w->config->kind, "hook") == 0) {
		TRY(tell_hook(c, w, news));
	} else {
		TRY(tell_witness(c, w, news, (uint64_t) row.size, &line));
	}
	const struct add_params add = { w->config->name, (int64_t) news->size, line };
	TRY(db_run(c, &add_statement, &add));
	metric_add(METRIC_witnessed, w->config->name, 1);
	return 0;
}

/* Trouble is said when it begins and when it ends; a log that was set back each time. */
static void tell_one(struct ctx *c, struct witness *w, const struct news *news)
{
	struct ctx one;
	ctx_init(&one);
	one.deadline_us = c->deadline_us;
	int result = tell(&one, w, news);
	if (result != 0 && (!w->in_trouble || one.err.type == PROBLEM_CONFLICT)) {
		log_error(
		    &one, one.err.type == PROBLEM_CONFLICT ? LOG_ERROR : LOG_WARN, "a witness has not taken the checkpoint");
	} else if (result == 0 && w->in_trouble) {
		log_event(&one, LOG_INFO, "the witness takes checkpoints again", "witness", w->config->name, NULL);
	}
	w->in_trouble = result != 0;
	ctx_done(&one);
}

static int round_of_thread(struct ctx *c, const struct rounds *self)
{
	const struct lease_params lease = { "witnesses", own.instance, LEASE_S };
	struct lease_row row;
	struct news news;
	bool found = false;
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &row, &found));
	if (!row.taken) {
		return 0;
	}
	TRY(read_news(c, &news));
	size_t first = own.first++ % own.n;
	for (size_t i = 0; i < own.n && news.size > 0 && rounds_go_on(self) && clock_monotonic_us() < c->deadline_us; i++) {
		tell_one(c, &own.v[(first + i) % own.n], &news);
	}
	return 0;
}

int witnesses_start(struct ctx *c, const struct config *config, const char *instance)
{
	own.instance = instance;
	if (own.n == 0) {
		return 0;
	}
	const struct rounds_of of = { round_of_thread, "the witnesses could not be told of checkpoints",
		config->subscriber.witness_interval_ms, ROUND_LIMIT_MS };
	own.thread = rounds_start(c, &of);
	return own.thread == NULL ? -1 : 0;
}

void witnesses_stop(void)
{
	rounds_stop(own.thread);
	own.thread = NULL;
}

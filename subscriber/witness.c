#include "subscriber/witness.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/crypto/key.h"
#include "lib/rpc/handlers.h"
#include "lib/seal/cosign.h"
#include "subscriber/split.h"

static struct {
	struct note_key name;
	EVP_PKEY *key; /* NULL: it witnesses nothing */
	struct note_key *logs;
	size_t n_logs;
} own;

struct seen_params {
	const char *origin;
};
static const struct field seen_param[] = { FIELD(struct seen_params, origin) };
static const struct fields seen_params_fields = FIELDS(struct seen_params, seen_param);

struct seen_row {
	int64_t size;
	struct bytes root;
	const char *note;
};
static const struct field seen_field[] = {
	FIELD(struct seen_row, size),
	FIELD(struct seen_row, root),
	FIELD(struct seen_row, note),
};
static const struct fields seen_fields = FIELDS(struct seen_row, seen_field);

static const struct statement seen_statement = {
	.name = "read_witnessed",
	.sql = "SELECT size, root, note FROM log.witnessed WHERE origin = $1",
	.params = &seen_params_fields,
	.row = &seen_fields,
	.repeatable = true,
};

struct keep_params {
	const char *origin;
	int64_t old;
	int64_t size;
	struct bytes root;
	const char *note;
};
static const struct field keep_param[] = {
	FIELD(struct keep_params, origin),
	FIELD(struct keep_params, old),
	FIELD(struct keep_params, size),
	FIELD(struct keep_params, root),
	FIELD(struct keep_params, note),
};
static const struct fields keep_params_fields = FIELDS(struct keep_params, keep_param);

struct keep_row {
	int64_t other;
};
static const struct field keep_field[] = { FIELD(struct keep_row, other) };
static const struct fields keep_fields = FIELDS(struct keep_row, keep_field);

static const struct statement keep_statement = {
	.name = "witness_checkpoint",
	.sql = "SELECT log.witness_checkpoint($1, $2, $3, $4, $5) AS other",
	.params = &keep_params_fields,
	.row = &keep_fields,
};

const struct statement *const witness_statements[] = { &seen_statement, &keep_statement };
const size_t witness_n_statements = COUNT_OF(witness_statements);

int witness_open(struct ctx *c, const struct config *config)
{
	const struct config_subscriber *s = &config->subscriber;
	if (s->witness_key_file == NULL) {
		return 0;
	}
	if (s->witness_name == NULL) {
		return FAIL(c, MALFORMED, "subscriber.witness_name is needed beside subscriber.witness_key_file");
	}
	TRY(key_read_file(c, s->witness_key_file, &own.key));
	TRY(note_key_of(c, s->witness_name, own.key, &own.name));
	note_key_set_type(&own.name, NOTE_COSIGNATURE);
	own.logs = ARENA_ARRAY(c->arena, s->witness_logs.n, struct note_key);
	for (size_t i = 0; i < s->witness_logs.n; i++) {
		TRY(note_key_parse(c, s->witness_logs.v[i], &own.logs[i]));
	}
	own.n_logs = s->witness_logs.n;
	log_event(c, LOG_INFO, "checkpoints of other logs are cosigned", "key", note_key_encode(c->arena, &own.name), NULL);
	return 0;
}

static const struct note_key *find_log(const char *origin)
{
	for (size_t i = 0; i < own.n_logs; i++) {
		if (strcmp(own.logs[i].name, origin) == 0) {
			return &own.logs[i];
		}
	}
	return NULL;
}

static int refuse(struct ctx *c, struct add_checkpoint_response *ret, int64_t status, const char *why)
{
	*ret = (struct add_checkpoint_response) { status, arena_printf(c->arena, "%s\n", why) };
	ctx_forgive(c);
	return 0;
}

static int other_size(struct ctx *c, struct add_checkpoint_response *ret, int64_t size)
{
	*ret = (struct add_checkpoint_response) { 409, arena_printf(c->arena, "%lld\n", (long long) size) };
	return 0;
}

/* What is on record, and what the log says now. */
struct step {
	const struct note_key *log;
	struct cosign_ask ask;
	struct merkle_head seen;
	struct merkle_head now;
};

/* True: it goes on from what was seen. */
static bool goes_on(const struct step *s)
{
	return s->seen.size == 0             ? s->ask.proof.n == 0
	       : s->seen.size == s->now.size ? s->ask.proof.n == 0
	                                     : merkle_check_consistency(&s->seen, &s->now, &s->ask.proof);
}

/* The checkpoint with the log's own signature alone: whoever hands it on may have added lines. */
static const char *own_note(struct arena *a, const struct note_key *log, struct bytes note, struct bytes text)
{
	struct bytes left = { note.p + text.n + 1, note.n - text.n - 1 };
	struct bytes line = { NULL, 0 };
	struct bytes octets;
	while (line_take(&left, &line) == 0 && note_signature_octets(a, log, line, &octets) != 0) {
	}
	return arena_printf(a, "%.*s\n%.*s\n", (int) text.n, (const char *) text.p, (int) line.n, (const char *) line.p);
}

static int cosign(struct ctx *c, const struct step *s, struct add_checkpoint_response *ret)
{
	struct bytes text;
	TRY(note_open(c, s->log, s->ask.checkpoint, &text));
	if (memmem(text.p, text.n, "\n\n", 2) != NULL) {
		return refuse(c, ret, 400, "The text of a checkpoint has no empty line");
	}
	const char *line = NULL;
	const struct keep_params keep = { s->log->name, (int64_t) s->ask.old, (int64_t) s->now.size,
		{ s->now.root.b, SHA256_SIZE }, own_note(c->arena, s->log, s->ask.checkpoint, text) };
	struct keep_row row;
	bool found = false;
	TRY(db_row(c, &keep_statement, &keep, &row, &found));
	if (row.other >= 0) {
		return other_size(c, ret, row.other);
	}
	TRY(cosign_sign(c, &own.name, own.key, text, clock_now().us / 1000000, &line));
	*ret = (struct add_checkpoint_response) { 200, line };
	return 0;
}

static int judge(struct ctx *c, struct step *s, struct add_checkpoint_response *ret)
{
	const struct seen_params params = { s->log->name };
	struct seen_row row;
	bool found = false;
	TRY(db_row(c, &seen_statement, &params, &row, &found));
	s->seen.size = (uint64_t) row.size;
	if (found) {
		memcpy(s->seen.root.b, row.root.p, SHA256_SIZE);
	}
	bool same = s->seen.size == s->now.size && found;
	if (same && !merkle_equal(&s->seen.root, &s->now.root)) {
		/* a log that signed two trees: the record of it is what a witness is for */
		struct bytes text;
		TRY(note_open(c, s->log, s->ask.checkpoint, &text));
		split_tell(c, s->log->name, row.note, own_note(c->arena, s->log, s->ask.checkpoint, text));
		return other_size(c, ret, row.size);
	}
	if (s->ask.old != s->seen.size) {
		return other_size(c, ret, row.size);
	}
	if (!goes_on(s)) {
		return refuse(c, ret, 422, "The proof does not lead from the checkpoint that was seen to this one");
	}
	return cosign(c, s, ret);
}

/* The order of C2SP tlog-witness. */
int subscriber_add_checkpoint_serve(
    struct ctx *c, const struct add_checkpoint_request *in, struct add_checkpoint_response *ret)
{
	struct step s = { .log = NULL };
	const char *origin = NULL;
	if (own.key == NULL) {
		return FAIL(c, NOT_FOUND, "There is no such resource");
	}
	if (cosign_ask_parse(c, in->body, &s.ask) != 0 || checkpoint_parse(c, s.ask.checkpoint, &origin, &s.now) != 0) {
		return refuse(c, ret, 400, "This is no request to add a checkpoint");
	}
	s.log = find_log(origin);
	if (s.log == NULL) {
		return refuse(c, ret, 404, "This log is not witnessed here");
	}
	if (checkpoint_open(c, s.log, s.ask.checkpoint, &s.now) != 0) {
		return refuse(c, ret, 403, "The checkpoint is not signed by the log's key");
	}
	if (s.ask.old > s.now.size) {
		return refuse(c, ret, 400, "The checkpoint is of fewer leaves than the one that it goes on from");
	}
	return judge(c, &s, ret);
}

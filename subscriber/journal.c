#include "subscriber/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fields.h"
#include "lib/base/folder.h"
#include "lib/crypto/digest.h"
#include "subscriber/keeper.h"
#include "subscriber/rounds.h"

#define PAUSE_MS 1000
#define LIMIT_MS 20000
#define LEASE_S 60
#define LINES_MAX 50000 /* the supervisor's file has room for fewer */

static const char *own_folder;
static const char *own_instance;
static struct rounds *own_thread;

static const char *const kinds[] = { "service.started", "service.ended", "access.refused", "access.session",
	"journal.lost", NULL };

/* One line. What it does not say is in no event. */
struct journal_line {
	struct timestamp at;
	const char *kind;
	const char *name; /* of the service, or of the role */
	int64_t times;    /* access.*, journal.lost */
	int64_t seconds;  /* the service lived, or the longest session */
	int64_t signal;
	int64_t status;
	bool told; /* to end */
};
static const struct field line_field[] = {
	FIELD(struct journal_line, at, .flags = FIELD_REQUIRED),
	FIELD(struct journal_line, kind, .flags = FIELD_REQUIRED, .one_of = kinds),
	FIELD(struct journal_line, name, .flags = FIELD_REQUIRED, .min = 1, .max = 100),
	FIELD(struct journal_line, times, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct journal_line, seconds, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct journal_line, signal, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct journal_line, status, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct journal_line, told, .flags = FIELD_OMIT_EMPTY),
};
static const struct fields line_fields = FIELDS(struct journal_line, line_field);

struct record_params {
	const char *process;
	struct bytes sha256;
	struct text_list lines; /* each is the JSON of a line */
	int64_t unread;
};
static const struct field record_field[] = {
	FIELD(struct record_params, process),
	FIELD(struct record_params, sha256),
	FIELD(struct record_params, lines),
	FIELD(struct record_params, unread),
};
static const struct fields record_fields = FIELDS(struct record_params, record_field);

static const struct statement record_statement = {
	.name = "record_journal",
	.sql = "SELECT log.record_journal($1, $2, $3, $4)",
	.params = &record_fields,
	.repeatable = true,
};

const struct statement *const journal_statements[] = { &record_statement };
const size_t journal_n_statements = COUNT_OF(journal_statements);

/* Adds the line as it is read here, and nothing else that may stand in it. */
static void read_line(struct ctx *c, struct bytes text, struct record_params *record)
{
	struct journal_line line;
	if (record->lines.n == LINES_MAX || fields_parse_json(c, &line_fields, text, &line) != 0) {
		ctx_forgive(c);
		record->unread++;
		return;
	}
	const struct bytes json = fields_to_json(c->arena, &line_fields, &line);
	record->lines.v[record->lines.n++] = arena_printf(c->arena, "%.*s", (int) json.n, (const char *) json.p);
}

static void read_lines(struct ctx *c, struct bytes text, struct record_params *record)
{
	record->lines.v = ARENA_ARRAY(c->arena, LINES_MAX, const char *);
	for (const uint8_t *at = text.p, *end = text.p + text.n; at < end;) {
		const uint8_t *stop = memchr(at, '\n', (size_t) (end - at));
		stop = stop == NULL ? end : stop;
		read_line(c, (struct bytes) { at, (size_t) (stop - at) }, record);
		at = stop + (stop < end);
	}
}

int journal_round(struct ctx *c, const char *folder, const char *instance)
{
	/* one instance at a time on each machine: the host's name ends before the address */
	const char *duty = arena_printf(c->arena, "journal/%.*s%s", (int) strcspn(instance, " "), instance, folder);
	const struct lease_params lease = { duty, instance, LEASE_S };
	const char *path = arena_printf(c->arena, "%s/ready.jsonl", folder);
	struct record_params record = { .process = instance };
	uint8_t digest[SHA256_SIZE];
	struct lease_row taken;
	struct bytes text;
	bool found = false;
	if (access(path, F_OK) != 0) {
		return 0;
	}
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &taken, &found));
	if (!taken.taken) {
		return 0;
	}
	TRY(file_read(c, path, &text));
	sha256(&text, 1, digest);
	record.sha256 = (struct bytes) { digest, sizeof(digest) };
	read_lines(c, text, &record);
	TRY(db_run(c, &record_statement, &record));
	if (unlink(path) != 0) {
		ctx_cause(c, "%s: %s", path, strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "The journal was recorded and can't be removed");
	}
	return 0;
}

static int round_of_thread(struct ctx *c, const struct rounds *self)
{
	(void) self;
	return journal_round(c, own_folder, own_instance);
}

int journal_start(struct ctx *c, const struct config *config, const char *instance)
{
	static const struct rounds_of of = { round_of_thread, "the journal could not be recorded", PAUSE_MS, LIMIT_MS };
	if (config->subscriber.journal_dir == NULL) {
		return 0;
	}
	own_folder = config->subscriber.journal_dir;
	own_instance = instance;
	own_thread = rounds_start(c, &of);
	return own_thread == NULL ? -1 : 0;
}

void journal_stop(void)
{
	rounds_stop(own_thread);
	own_thread = NULL;
}

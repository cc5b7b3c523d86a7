#include "ra/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/rpc/messages.h"
#include "ra/ra.h"

#define FILES_MAX 4096
#define OCTETS_MAX ((int64_t) 256 * 1024 * 1024)
#define AT_ONCE 64
#define TIME_MS 5000
#define LATE_MIN_S 5    /* the record that a late answer belongs to may take so long */
#define LATE_MAX_S 3600 /* for so long it may be missing while the database answers */

static const struct {
	const char *name;
	const struct statement *statement;
} kinds[KEPT_KINDS] = {
	[KEPT_VALIDATION] = { "validation", &ra_record_validation_statement },
	[KEPT_CAA] = { "caa", &ra_record_caa_statement },
	[KEPT_LATE] = { "late", &ra_record_late_statement },
};

static struct {
	const char *folder; /* NULL: nothing can be kept */
	atomic_int_fast64_t files;
	atomic_int_fast64_t octets;
	atomic_int_fast64_t lost; /* that no event has told of */
	DIR *round;               /* it is read on where the last call left it, so that those which wait starve no others */
	int64_t answers_since_s;  /* the database does; by the clock that files have */
} kept;

static bool kind_of(const char *name, enum kept_kind *ret)
{
	const char *dot = strchr(name, '.');
	for (size_t i = 0; dot != NULL && i < KEPT_KINDS; i++) {
		if (strcmp(dot + 1, kinds[i].name) == 0) {
			*ret = (enum kept_kind) i;
			return true;
		}
	}
	return false;
}

static void counted(int64_t files, int64_t octets)
{
	atomic_fetch_add(&kept.octets, octets);
	metric_set(METRIC_evidence_kept, NULL, atomic_fetch_add(&kept.files, files) + files);
}

/* What is there from before. */
static void count_files(void)
{
	DIR *folder = opendir(kept.folder);
	for (struct dirent *e = folder == NULL ? NULL : readdir(folder); e != NULL; e = readdir(folder)) {
		enum kept_kind kind;
		struct stat st;
		if (kind_of(e->d_name, &kind) && fstatat(dirfd(folder), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			counted(1, st.st_size);
		}
	}
	if (folder != NULL) {
		(void) closedir(folder);
	}
}

int kept_open(struct ctx *c, const struct config *config)
{
	const char *folder = config->ra.evidence_dir;
	if (folder == NULL) {
		return 0;
	}
	if ((mkdir(folder, 0700) != 0 && errno != EEXIST) || access(folder, R_OK | W_OK | X_OK) != 0) {
		ctx_cause(c, "%s: %s", folder, strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "The folder ra.evidence_dir can't be used");
	}
	kept.folder = folder;
	kept.answers_since_s = clock_now().us / 1000000;
	count_files();
	return 0;
}

static int write_all(int fd, struct bytes b)
{
	while (b.n > 0) {
		ssize_t n = write(fd, b.p, b.n);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return -1;
		}
		b.p += n;
		b.n -= (size_t) n;
	}
	return fsync(fd);
}

static int sync_folder(void)
{
	int fd = open(kept.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0) {
		(void) close(fd);
	}
	return result;
}

/* Under another name first, so that a file is whole or not there. */
static int write_file(struct arena *a, const char *path, struct bytes content)
{
	const char *draft = arena_printf(a, "%s~", path);
	int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		return -1;
	}
	int result = write_all(fd, content);
	if (close(fd) != 0 || result != 0 || rename(draft, path) != 0) {
		(void) unlink(draft);
		return -1;
	}
	return sync_folder();
}

static void lose(void)
{
	atomic_fetch_add(&kept.lost, 1);
	metric_add(METRIC_evidence_lost, NULL, 1);
}

bool kept_put(struct ctx *c, enum kept_kind kind, struct id id, const void *params)
{
	char name[ID_TEXT_SIZE];
	struct bytes json = fields_to_json(c->arena, kinds[kind].statement->params, params);
	id_encode(id, name);
	const char *why = NULL;
	if (kept.folder == NULL) {
		why = "ra.evidence_dir is not configured";
	} else if (atomic_load(&kept.files) >= FILES_MAX || atomic_load(&kept.octets) + (int64_t) json.n > OCTETS_MAX) {
		why = "too much waits in ra.evidence_dir";
	} else if (write_file(c->arena, arena_printf(c->arena, "%s/%s.%s", kept.folder, name, kinds[kind].name), json) !=
	           0) {
		why = strerror(errno);
	}
	if (why == NULL) {
		counted(1, (int64_t) json.n);
		return true;
	}
	lose();
	log_event(c, LOG_ERROR, "the evidence of a validation is lost", "validation", name, "kind", kinds[kind].name, "why",
	    why, NULL);
	return false;
}

bool kept_is_away(const struct err *err)
{
	return err->type == PROBLEM_UNAVAILABLE || err->type == PROBLEM_WRITE_UNCERTAIN || err->type == PROBLEM_DEADLINE;
}

enum outcome { DONE, WAITS, AWAY, GIVEN_UP };

static enum outcome record_one(struct ctx *c, enum kept_kind kind, struct bytes json, int64_t kept_at_s)
{
	const struct statement *s = kinds[kind].statement;
	void *params = arena_alloc(c->arena, s->params->size);
	void *row = arena_alloc(c->arena, s->row->size);
	bool found = false;
	ctx_limit_ms(c, TIME_MS);
	if (fields_parse_json(c, s->params, json, params) != 0) {
		return GIVEN_UP; /* nothing of ours */
	}
	if (db_row(c, s, params, row, &found) != 0) {
		return kept_is_away(&c->err) ? AWAY : GIVEN_UP; /* what it refuses for good is of no use on disk either */
	}
	if (kind != KEPT_LATE || ((const struct record_late_response *) row)->recorded) {
		return DONE;
	}
	int64_t since_s = kept_at_s > kept.answers_since_s ? kept_at_s : kept.answers_since_s;
	if (clock_now().us / 1000000 - since_s <= LATE_MAX_S) {
		return WAITS;
	}
	ctx_cause(c, "the record that it belongs to never came");
	(void) FAIL(c, SERVER_INTERNAL, "A late answer of a perspective belongs to no record");
	return GIVEN_UP;
}

static enum outcome take_file(const char *name, enum kept_kind kind)
{
	struct ctx c;
	struct bytes json;
	struct stat st;
	enum outcome outcome = WAITS;
	ctx_init(&c);
	const char *path = arena_printf(c.arena, "%s/%s", kept.folder, name);
	bool there = stat(path, &st) == 0;
	int64_t age_s = there ? clock_now().us / 1000000 - st.st_mtime : 0;
	bool young = kind == KEPT_LATE && age_s >= 0 && age_s < LATE_MIN_S;
	if (there && !young && file_read(&c, path, &json) == 0) {
		outcome = record_one(&c, kind, json, st.st_mtime);
		if ((outcome == DONE || outcome == GIVEN_UP) && unlink(path) == 0) {
			counted(-1, -(int64_t) json.n);
			if (outcome == GIVEN_UP) {
				log_error(&c, LOG_ERROR, "evidence that was kept can't be recorded");
				lose();
			}
		}
	}
	ctx_done(&c);
	return outcome;
}

struct lost_params {
	const char *process;
	int64_t records;
};
static const struct field lost_param[] = {
	FIELD(struct lost_params, process),
	FIELD(struct lost_params, records),
};
static const struct fields lost_params_fields = FIELDS(struct lost_params, lost_param);

const struct statement ra_tell_lost_statement = {
	.name = "tell_lost",
	.sql = "SELECT log.add_event(cairn.new_id(), $1, 'cairn-ra', 'validation.lost', NULL, NULL, NULL, NULL, "
	       "jsonb_build_object('records', $2)), log.raise_alarm('evidence-lost', $1, $2 || ' records of validations "
	       "are lost', "
	       "$1, false)",
	.params = &lost_params_fields,
};

/* How many records there are not, in the log that has the others. False when the database is away. */
static bool tell_lost(void)
{
	const struct lost_params params = { ra_get()->instance, atomic_load(&kept.lost) };
	struct ctx c;
	if (params.records == 0) {
		return true;
	}
	ctx_init(&c);
	ctx_limit_ms(&c, TIME_MS);
	bool told = db_run(&c, &ra_tell_lost_statement, &params) == 0;
	bool away = !told && kept_is_away(&c.err);
	if (told) {
		atomic_fetch_sub(&kept.lost, params.records);
	}
	ctx_done(&c);
	return !away;
}

/* A draft that was never finished, or a file that is not ours, stays where it is. False when the database is away. */
static bool take_some(bool (*goes_on)(void))
{
	for (size_t taken = 0; taken < AT_ONCE && goes_on();) {
		enum kept_kind kind;
		const struct dirent *e = readdir(kept.round);
		if (e == NULL) {
			rewinddir(kept.round);
			break;
		}
		if (kind_of(e->d_name, &kind)) {
			taken++;
			if (take_file(e->d_name, kind) == AWAY) {
				return false;
			}
		}
	}
	return true;
}

void kept_record(bool (*goes_on)(void))
{
	if (!goes_on()) {
		return;
	}
	if (kept.round == NULL && kept.folder != NULL) {
		kept.round = opendir(kept.folder);
	}
	if (!tell_lost() || (kept.round != NULL && !take_some(goes_on))) {
		kept.answers_since_s = clock_now().us / 1000000;
	}
}

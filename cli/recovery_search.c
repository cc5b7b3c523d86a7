/* `cairn recovery search`: whether a contact stands somewhere where nobody may keep one (G-65). */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "cli/audit_progress.h"
#include "cli/recovery.h"
#include "lib/base/auto.h"
#include "lib/base/needles.h"

#define PIECE ((size_t) 4 * 1024 * 1024)
#define DISTINCT_MIN 12 /* octets of the part before the @ that no other text has */

static void end_walk(FTS *walk)
{
	if (walk != NULL) {
		(void) fts_close(walk);
	}
}
AUTO_DEFINE(FTS, end_walk)

struct place {
	const char *path;
	const char *what;
	int64_t at; /* octet; -1: nowhere in particular */
};
static const struct field place_field[] = {
	FIELD(struct place, path),
	FIELD(struct place, what),
	FIELD(struct place, at),
};
static const struct fields place_fields = FIELDS(struct place, place_field);

struct place_list {
	struct place *v;
	size_t n;
};

struct search {
	int64_t files;
	int64_t octets;
	struct place_list found;
	struct place_list unread;
	/* not told */
	struct needles needles;
	struct stat own; /* the file with the contacts */
	uint8_t *piece;
	uint8_t *folded;
	bool quiet;
};
static const struct field search_field[] = {
	FIELD(struct search, files),
	FIELD(struct search, octets),
	FIELD_STRUCTS(struct search, found, &place_fields),
	FIELD_STRUCTS(struct search, unread, &place_fields),
};
static const struct fields search_fields = FIELDS(struct search, search_field);

static void note(struct ctx *c, struct place_list *list, struct place place)
{
	if ((list->n & (list->n - 1)) == 0) { /* full at each power of two */
		struct place *more = ARENA_ARRAY(c->arena, list->n == 0 ? 1 : list->n * 2, struct place);
		if (list->n > 0) {
			memcpy(more, list->v, list->n * sizeof(*more));
		}
		list->v = more;
	}
	place.path = arena_text(c->arena, place.path);
	list->v[list->n++] = place;
}

static void unread(struct ctx *c, struct search *s, const char *path, const char *why)
{
	note(c, &s->unread, (struct place) { path, why, -1 });
	if (!s->quiet) {
		audit_progress_clear();
		printf("%s: not searched: %s\n", path, why);
	}
}

/* How a compressed file begins, in which nothing is found; NULL for any other. */
static const char *compressed(struct bytes head)
{
	static const struct {
		const char *magic;
		const char *why;
	} kinds[] = {
		{ "\x1f\x8b", "it is compressed: zcat FILE | cairn recovery search --contacts FILE -" },
		{ "\x28\xb5\x2f\xfd", "it is compressed: zstd -dc FILE | cairn recovery search --contacts FILE -" },
		{ "\xfd"
		  "7zXZ",
		    "it is compressed: xz -dc FILE | cairn recovery search --contacts FILE -" },
		{ "BZh", "it is compressed: bzip2 -dc FILE | cairn recovery search --contacts FILE -" },
		{ "PK\x03\x04", "it is compressed: unzip -p FILE | cairn recovery search --contacts FILE -" },
		{ "PGDMP", "it is compressed: pg_restore -f - FILE | cairn recovery search --contacts FILE -" },
	};
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t n = strlen(kinds[i].magic);
		if (head.n >= n && memcmp(head.p, kinds[i].magic, n) == 0) {
			return kinds[i].why;
		}
	}
	return NULL;
}

static bool all_zero(struct bytes in)
{
	return in.n > 0 && in.p[0] == 0 && memcmp(in.p, in.p + 1, in.n - 1) == 0;
}

static void found(struct ctx *c, struct search *s, struct place place)
{
	note(c, &s->found, place);
	if (!s->quiet) {
		audit_progress_clear();
		printf("%s: found at octet %lld, in %s\n", place.path, (long long) place.at, place.what);
	}
}

/* `begin`: where in the stream the octets are. True: there is no more to look for in it. */
static bool look_in_piece(struct ctx *c, struct search *s, const char *path, struct bytes in, int64_t begin)
{
	size_t at = 0;
	const char *why = begin == 0 ? compressed(in) : NULL;
	if (why != NULL) {
		unread(c, s, path, why);
		return true;
	}
	const struct needle *hit = all_zero(in) ? NULL : needles_find(&s->needles, in, s->folded, &at);
	if (hit != NULL) {
		found(c, s, (struct place) { path, hit->form, begin + (int64_t) at });
	}
	return hit != NULL;
}

/* Pieces overlap, so that nothing hides between them. -1 with errno: it can't be read. */
static int look_in_stream(struct ctx *c, struct search *s, const char *path, int fd)
{
	size_t kept = 0;
	int64_t begin = 0;
	ssize_t n = 0;
	while ((n = read(fd, s->piece + kept, PIECE - kept)) != 0) {
		if (n < 0 && errno != EINTR) {
			return -1;
		}
		const struct bytes in = { s->piece, kept + (size_t) (n < 0 ? 0 : n) };
		s->octets += n < 0 ? 0 : n;
		if (look_in_piece(c, s, path, in, begin)) {
			return 0;
		}
		kept = in.n < s->needles.longest ? in.n : s->needles.longest;
		begin += (int64_t) (in.n - kept);
		memmove(s->piece, in.p + in.n - kept, kept);
	}
	return 0;
}

static void look_in_file(struct ctx *c, struct search *s, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (errno != ENOENT) { /* what was gone meanwhile is not kept */
			unread(c, s, path, strerror(errno));
		}
	} else if (S_ISREG(st.st_mode) && (st.st_dev != s->own.st_dev || st.st_ino != s->own.st_ino)) {
		s->files++;
		if (look_in_stream(c, s, path, fd) < 0) {
			unread(c, s, path, strerror(errno));
		}
		audit_progress(
		    "%lld files, %lld MiB, found in %zu", (long long) s->files, (long long) (s->octets >> 20), s->found.n);
	}
	if (fd >= 0) {
		(void) close(fd);
	}
}

/* Files that the kernel makes up have no end, and hold what processes have in memory. */
static bool is_made_up(const char *path)
{
	struct statfs of;
	return statfs(path, &of) == 0 && (of.f_type == PROC_SUPER_MAGIC || of.f_type == SYSFS_MAGIC ||
	                                     of.f_type == DEBUGFS_MAGIC || of.f_type == TRACEFS_MAGIC);
}

static int look_below(struct ctx *c, struct search *s, const char *path)
{
	char *const roots[] = { (char *) (uintptr_t) path, NULL };
	AUTO(FTS) walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	FTSENT *entry = NULL;
	if (walk == NULL) {
		return FAIL(c, MALFORMED, "%s: %s", path, strerror(errno));
	}
	while ((entry = fts_read(walk)) != NULL) {
		if (entry->fts_info == FTS_D && is_made_up(entry->fts_path)) {
			(void) fts_set(walk, entry, FTS_SKIP);
		} else if (entry->fts_info == FTS_F) {
			look_in_file(c, s, entry->fts_path);
		} else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR) {
			if (entry->fts_level == 0 || entry->fts_errno != ENOENT) {
				unread(c, s, entry->fts_path, strerror(entry->fts_errno));
			}
		} else if (entry->fts_level == 0 && entry->fts_info != FTS_D && entry->fts_info != FTS_DP) {
			unread(c, s, entry->fts_path, "it is no file and no folder");
		}
		errno = 0;
	}
	return errno == 0 ? 0 : FAIL(c, SERVER_INTERNAL, "%s: %s", path, strerror(errno));
}

static int look_at(struct ctx *c, struct search *s, const char *path)
{
	if (strcmp(path, "-") != 0) {
		return look_below(c, s, path);
	}
	s->files++;
	if (look_in_stream(c, s, "standard input", STDIN_FILENO) < 0) {
		unread(c, s, "standard input", strerror(errno));
	}
	char rest[4096];
	while (read(STDIN_FILENO, rest, sizeof(rest)) > 0) { /* or who writes it would end by SIGPIPE */
	}
	return 0;
}

/* What of a contact no other text has: a number, an address, or of that the part before the @ when it is long. */
static int read_texts(struct ctx *c, const struct recovery_request *r, struct needles *ret)
{
	struct text_list contacts = { NULL, 0 };
	TRY(recovery_read_contacts(c, r, &contacts));
	for (size_t i = 0; i < contacts.n; i++) {
		const char *colon = strchr(contacts.v[i], ':'); /* of the scheme */
		const char *text = colon == NULL ? contacts.v[i] : colon + 1;
		text += *text == '+' ? 1 : 0;
		const char *at = strchr(text, '@');
		size_t n = at != NULL && at - text >= DISTINCT_MIN ? (size_t) (at - text) : strlen(text);
		contacts.v[i] = arena_text_n(c->arena, text, n);
		if (n < NEEDLE_MIN) {
			return FAIL(c, MALFORMED, "Contact %zu is too short: a text of less than %d characters is found anywhere",
			    i + 1, NEEDLE_MIN);
		}
	}
	*ret = needles_of(c->arena, contacts.v, contacts.n);
	return 0;
}

static int check_words(struct ctx *c, const struct recovery_request *r)
{
	bool input = false;
	if (r->contacts == NULL || strcmp(r->contacts, "-") == 0) {
		return FAIL(c, MALFORMED, "Say what is looked for, in a file: --contacts FILE");
	}
	for (size_t i = 0; i < r->paths.n; i++) {
		bool is_input = strcmp(r->paths.v[i], "-") == 0;
		if (is_input && input) {
			return FAIL(c, MALFORMED, "Standard input can be searched once");
		}
		input = input || is_input;
	}
	return r->paths.n > 0 ? 0
	                      : FAIL(c, MALFORMED, "Say where it is looked for: files, folders, or - for standard input");
}

int recovery_search(struct ctx *c, const struct recovery_request *r)
{
	struct search s = { .quiet = r->operator.json };
	TRY(check_words(c, r));
	TRY(read_texts(c, r, &s.needles));
	(void) stat(r->contacts, &s.own);
	s.piece = arena_alloc(c->arena, PIECE);
	s.folded = arena_alloc(c->arena, PIECE);
	audit_progress_begin(s.quiet);
	int result = 0;
	for (size_t i = 0; i < r->paths.n && result == 0; i++) {
		result = look_at(c, &s, r->paths.v[i]);
	}
	audit_progress_end();
	TRY(result);
	if (r->operator.json) {
		operator_print(c->arena, &search_fields, &s);
	} else {
		printf("%lld files with %lld MiB were searched: found in %zu; %zu could not be searched.\n",
		    (long long) s.files, (long long) (s.octets >> 20), s.found.n, s.unread.n);
	}
	return s.found.n == 0 && s.unread.n == 0
	           ? 0
	           : FAIL(c, CONFLICT, s.found.n > 0 ? "It was found" : "Not all of it could be searched");
}

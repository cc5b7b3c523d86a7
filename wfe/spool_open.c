/* Taking a spool over from the process that had it before, however that one ended. */
#include "wfe/spool_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/auto.h"
#include "lib/base/auto_fd.h"
#include "lib/base/die.h"
#include "lib/base/log.h"

#define INSTANCE_FILE "instance"

static void dir_close(DIR *dir)
{
	if (dir != NULL) {
		(void) closedir(dir);
	}
}
AUTO_DEFINE(DIR, dir_close)

static int fail_open(struct ctx *c, const struct spool *s, const char *what)
{
	ctx_cause(c, "%s: %s: %s", s->options.dir, what, strerror(errno));
	return FAIL(c, SERVER_INTERNAL, "The spool of request records can't be opened");
}

static int take_folder(struct ctx *c, struct spool *s)
{
	s->folder = open(s->options.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder < 0) {
		return fail_open(c, s, "open the folder");
	}
	s->lock = openat(s->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0) {
		return fail_open(c, s, "create the lock file");
	}
	return flock(s->lock, LOCK_EX | LOCK_NB) != 0 ? fail_open(c, s, "another process has it") : 0;
}

static int by_first(const void *a, const void *b)
{
	const struct segment *x = a;
	const struct segment *y = b;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int list_segments(struct ctx *c, struct spool *s)
{
	int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(DIR) dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		return fail_open(c, s, "list the folder");
	}
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		struct segment segment = { 0 };
		struct stat st;
		if (segment_name_parse(entry->d_name, &segment.first) != 0) {
			continue;
		}
		if (fstatat(s->folder, entry->d_name, &st, 0) != 0) {
			return fail_open(c, s, entry->d_name);
		}
		segment.octets = (size_t) st.st_size;
		spool_list_segment(s, segment);
	}
	if (s->n_segments > 1) {
		qsort(s->segments, s->n_segments, sizeof(*s->segments), by_first);
	}
	return 0;
}

/* Numbers start again in an empty folder, so that the position which the database keeps for the old name means nothing:
 * a new name. */
static int make_instance(struct ctx *c, struct spool *s)
{
	id_encode(id_new(), s->instance);
	AUTO_FD fd = openat(s->folder, INSTANCE_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, s->instance, ID_TEXT_SIZE - 1) != ID_TEXT_SIZE - 1 || fsync(fd) != 0 ||
	    renameat(s->folder, INSTANCE_FILE ".new", s->folder, INSTANCE_FILE) != 0 || fsync(s->folder) != 0) {
		return fail_open(c, s, "write the name");
	}
	return spool_add_segment(c, s, 1);
}

static int read_instance(struct ctx *c, struct spool *s)
{
	AUTO_FD fd = openat(s->folder, INSTANCE_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return fail_open(c, s, "read the name");
	}
	ssize_t n = read(fd, s->instance, ID_TEXT_SIZE - 1);
	struct id id;
	if (n != ID_TEXT_SIZE - 1 || id_parse(bytes_of_text(s->instance), &id) != 0) {
		errno = EILSEQ;
		return fail_open(c, s, "read the name");
	}
	return 0;
}

/* Requests that have begun and not ended so far. */
struct open_requests {
	struct id *v;
	size_t n;
	size_t size;
};

static void note_record(struct arena *a, struct open_requests *open_requests, const struct spool_record *record)
{
	if (record->kind == SPOOL_BEGIN) {
		if (open_requests->n == open_requests->size) {
			size_t size = open_requests->size * 2 + 64;
			struct id *grown = ARENA_ARRAY(a, size, struct id);
			if (open_requests->n > 0) {
				memcpy(grown, open_requests->v, open_requests->n * sizeof(*grown));
			}
			open_requests->v = grown;
			open_requests->size = size;
		}
		open_requests->v[open_requests->n++] = record->request;
		return;
	}
	for (size_t i = 0; i < open_requests->n; i++) {
		if (id_equal(open_requests->v[i], record->request)) {
			open_requests->v[i] = open_requests->v[--open_requests->n];
			return;
		}
	}
}

/* Reads through the octets of one segment; the octets up to the first record that is not whole. */
static size_t scan_records(struct ctx *c, struct spool *s, struct bytes in, struct open_requests *open_requests)
{
	size_t used = 0;
	size_t n = 0;
	struct spool_record record;
	while (segment_decode((struct bytes) { in.p + used, in.n - used }, &record, &n) == 0 && record.number == s->next) {
		note_record(c->arena, open_requests, &record);
		s->next++;
		used += n;
	}
	return used;
}

static int scan_segment(struct ctx *c, struct spool *s, const struct segment *segment,
    struct open_requests *open_requests, size_t *ret_used)
{
	/* A segment is large: its octets are given back before the next one is read. */
	struct ctx inner;
	ctx_init(&inner);
	struct bytes in;
	int result = segment_load(&inner, s->folder, segment->first, 0, segment->octets, &in);
	if (result == 0) {
		*ret_used = scan_records(c, s, in, open_requests);
	} else {
		ctx_cause(c, "%s", inner.err.cause);
		result = FAIL(c, SERVER_INTERNAL, "The spool can't be read");
	}
	ctx_done(&inner);
	return result;
}

static int cut_tail(struct ctx *c, struct spool *s, struct segment *last, size_t used)
{
	char name[SEGMENT_NAME_SIZE];
	segment_name(last->first, name);
	s->fd = openat(s->folder, name, O_RDWR | O_CLOEXEC);
	if (s->fd < 0) {
		return fail_open(c, s, "open the last segment");
	}
	if (used == last->octets) {
		return 0;
	}
	log_event(c, LOG_WARN, "a torn record was cut from the spool", "segment", name, NULL);
	if (ftruncate(s->fd, (off_t) used) != 0 || fsync(s->fd) != 0) {
		return fail_open(c, s, "cut the last segment");
	}
	last->octets = used;
	return 0;
}

static int fail_damaged(struct ctx *c, const struct spool *s, const struct segment *segment, size_t offset)
{
	char name[SEGMENT_NAME_SIZE];
	segment_name(segment->first, name);
	ctx_cause(c, "%s/%s is damaged at octet %zu", s->options.dir, name, offset);
	return FAIL(c, SERVER_INTERNAL, "A segment of the spool is damaged; put it aside to go on without its records");
}

static int scan_all(struct ctx *c, struct spool *s, struct open_requests *open_requests)
{
	s->next = s->segments[0].first;
	for (size_t i = 0; i < s->n_segments; i++) {
		struct segment *segment = &s->segments[i];
		if (segment->first < s->next) {
			return fail_damaged(c, s, segment, 0);
		}
		if (segment->first > s->next) {
			log_event(c, LOG_ERROR, "a segment of the spool was put aside; its records are missing", NULL);
			s->next = segment->first;
		}
		size_t used = 0;
		TRY(scan_segment(c, s, segment, open_requests, &used));
		if (i + 1 == s->n_segments) {
			TRY(cut_tail(c, s, segment, used));
		} else if (used != segment->octets) {
			return fail_damaged(c, s, segment, used);
		}
		s->octets += segment->octets;
	}
	return 0;
}

static int open_inside(struct ctx *c, struct spool *s)
{
	TRY(take_folder(c, s));
	TRY(list_segments(c, s));
	if (s->n_segments == 0) {
		return make_instance(c, s);
	}
	TRY(read_instance(c, s));
	struct open_requests open_requests = { 0 };
	TRY(scan_all(c, s, &open_requests));
	for (size_t i = 0; i < open_requests.n; i++) {
		TRY(spool_append(c, s, SPOOL_LOST, open_requests.v[i], (struct bytes) { NULL, 0 }));
	}
	return spool_sync(c, s);
}

int spool_open(struct ctx *c, const struct spool_options *options, struct spool **ret)
{
	struct spool *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		die("out of memory");
	}
	s->options = *options;
	s->folder = s->lock = s->fd = -1;
	s->next = 1;
	if (pthread_mutex_init(&s->mutex, NULL) != 0) {
		die("no mutex");
	}
	if (open_inside(c, s) != 0) {
		spool_close(s);
		return -1;
	}
	*ret = s;
	return 0;
}

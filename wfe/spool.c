#include "wfe/spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/base/metrics.h"

void spool_list_segment(struct spool *s, struct segment segment)
{
	struct segment *grown = reallocarray(s->segments, s->n_segments + 1, sizeof(*grown));
	if (grown == NULL) {
		die("out of memory");
	}
	s->segments = grown;
	s->segments[s->n_segments++] = segment;
}

static int write_failed(struct ctx *c, const char *call)
{
	ctx_cause(c, "spool: %s: %s", call, strerror(errno));
	return FAIL(c, UNAVAILABLE, "The request can't be recorded, so it was not carried out");
}

int spool_add_segment(struct ctx *c, struct spool *s, uint64_t first)
{
	char name[SEGMENT_NAME_SIZE];
	segment_name(first, name);
	int fd = openat(s->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		return write_failed(c, "create segment");
	}
	if (fsync(s->folder) != 0) {
		s->broken = true;
	}
	if (s->fd >= 0) {
		(void) close(s->fd);
	}
	s->fd = fd;
	spool_list_segment(s, (struct segment) { .first = first });
	return 0;
}

/* The old segment reaches the disk before the new one exists, so that only the last one can have a torn tail. */
static int rotate(struct ctx *c, struct spool *s)
{
	if (fdatasync(s->fd) != 0) {
		s->broken = true;
		return write_failed(c, "fdatasync");
	}
	return spool_add_segment(c, s, s->next);
}

static int write_at(struct ctx *c, int fd, size_t offset, const uint8_t header[SEGMENT_HEADER], struct bytes payload)
{
	size_t done = 0;
	while (done < SEGMENT_HEADER + payload.n) {
		size_t of_header = done < SEGMENT_HEADER ? done : SEGMENT_HEADER;
		size_t of_payload = done - of_header;
		struct iovec parts[] = { { .iov_base = (void *) (uintptr_t) (header + of_header),
			                         .iov_len = SEGMENT_HEADER - of_header },
			{ .iov_base = (void *) (uintptr_t) (payload.p + of_payload), .iov_len = payload.n - of_payload } };
		ssize_t n = pwritev(fd, parts, COUNT_OF(parts), (off_t) (offset + done));
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			/* What was written in part is overwritten by the next record, or cut when the spool is opened. */
			return write_failed(c, "write");
		}
		done += (size_t) n;
	}
	return 0;
}

static const char *refusal(const struct spool *s)
{
	if (s->broken) {
		return "the disk of the spool failed";
	}
	return s->octets > s->options.limit_octets ? "the spool is full: its records don't reach the database" : NULL;
}

static int append(struct ctx *c, struct spool *s, struct spool_record *record)
{
	const char *why = s->broken || record->kind == SPOOL_BEGIN ? refusal(s) : NULL;
	if (why != NULL) {
		ctx_cause(c, "%s", why);
		return FAIL(c, UNAVAILABLE, "The request can't be recorded, so it was not carried out");
	}
	struct segment *last = &s->segments[s->n_segments - 1];
	if (last->octets > s->options.segment_octets) {
		TRY(rotate(c, s));
		last = &s->segments[s->n_segments - 1];
	}
	record->number = s->next;
	uint8_t header[SEGMENT_HEADER];
	segment_encode_header(record, header);
	TRY(write_at(c, s->fd, last->octets, header, record->payload));
	size_t n = SEGMENT_HEADER + record->payload.n;
	s->next++;
	last->octets += n;
	s->octets += n;
	s->dirty = true;
	metric_set(METRIC_spool_bytes, NULL, (int64_t) s->octets);
	return 0;
}

int spool_append(struct ctx *c, struct spool *s, enum spool_kind kind, struct id request, struct bytes payload)
{
	if (payload.n > SPOOL_PAYLOAD_MAX) {
		return FAIL(c, SERVER_INTERNAL, "The request is too large for its record");
	}
	struct spool_record record = { .kind = kind, .request = request, .payload = payload };
	pthread_mutex_lock(&s->mutex);
	int result = append(c, s, &record);
	pthread_mutex_unlock(&s->mutex);
	if (result == 0) {
		metric_add(METRIC_spool_records, NULL, 1);
	}
	return result;
}

int spool_sync(struct ctx *c, struct spool *s)
{
	pthread_mutex_lock(&s->mutex);
	int fd = s->dirty ? fcntl(s->fd, F_DUPFD_CLOEXEC, 0) : -1;
	bool wanted = s->dirty;
	s->dirty = s->dirty && fd < 0;
	pthread_mutex_unlock(&s->mutex);
	if (!wanted) {
		return 0;
	}
	/* Requests go on while the disk works. */
	bool failed = fd >= 0 && fdatasync(fd) != 0;
	int result = fd < 0 || failed ? write_failed(c, "fdatasync") : 0;
	if (fd >= 0) {
		(void) close(fd);
	}
	if (failed) {
		pthread_mutex_lock(&s->mutex);
		s->broken = true;
		pthread_mutex_unlock(&s->mutex);
	}
	return result;
}

uint64_t spool_next(struct spool *s)
{
	pthread_mutex_lock(&s->mutex);
	uint64_t next = s->next;
	pthread_mutex_unlock(&s->mutex);
	return next;
}

const char *spool_refusal(struct spool *s)
{
	pthread_mutex_lock(&s->mutex);
	const char *why = refusal(s);
	pthread_mutex_unlock(&s->mutex);
	return why;
}

const char *spool_instance(const struct spool *s)
{
	return s->instance;
}

void spool_forget(struct spool *s, uint64_t below)
{
	pthread_mutex_lock(&s->mutex);
	size_t gone = 0;
	while (gone + 1 < s->n_segments && s->segments[gone + 1].first <= below) {
		char name[SEGMENT_NAME_SIZE];
		segment_name(s->segments[gone].first, name);
		if (unlinkat(s->folder, name, 0) != 0) {
			break;
		}
		s->octets -= s->segments[gone].octets;
		gone++;
	}
	s->n_segments -= gone;
	memmove(s->segments, s->segments + gone, s->n_segments * sizeof(*s->segments));
	metric_set(METRIC_spool_bytes, NULL, (int64_t) s->octets);
	pthread_mutex_unlock(&s->mutex);
}

void spool_close(struct spool *s)
{
	if (s == NULL) {
		return;
	}
	(void) close(s->fd);
	(void) close(s->folder);
	(void) close(s->lock);
	(void) pthread_mutex_destroy(&s->mutex);
	free(s->segments);
	free(s);
}

#include "deploy/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *older(const struct log_file *l, int i, char path[LOG_FILE_PATH_SIZE + 4])
{
	(void) snprintf(path, LOG_FILE_PATH_SIZE + 4, "%s.%d", l->path, i);
	return path;
}

/* When a file was turned over: its last change. */
static int turned_over_at(const char *path, struct timestamp *ret)
{
	struct stat st;
	if (stat(path, &st) != 0) {
		return -1;
	}
	ret->us = (int64_t) st.st_mtim.tv_sec * 1000000;
	return 0;
}

/* What stands in the file already began at the last turn; where there was none, a day before its last line at most. */
static int reopen(struct log_file *l)
{
	struct stat st;
	char path[LOG_FILE_PATH_SIZE + 4];
	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	l->size = l->fd >= 0 && fstat(l->fd, &st) == 0 ? st.st_size : 0;
	l->begun = clock_now();
	if (l->size > 0 && turned_over_at(older(l, 1, path), &l->begun) != 0) {
		l->begun = timestamp_add_s((struct timestamp) { st.st_mtim.tv_sec * INT64_C(1000000) }, -LOG_FILE_AGE_S);
	}
	return l->fd >= 0 ? 0 : -1;
}

int log_file_open(struct log_file *l, const char *folder, const char *name)
{
	l->fd = -1;
	int n = snprintf(l->path, sizeof(l->path), "%s/%s.log", folder, name);
	if (n < 0 || (size_t) n >= sizeof(l->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return reopen(l);
}

static void turn_over(struct log_file *l)
{
	char from[LOG_FILE_PATH_SIZE + 4];
	char to[LOG_FILE_PATH_SIZE + 4];
	int64_t now_s = clock_now().us / 1000000;
	int64_t due_s = l->begun.us / 1000000 + LOG_FILE_AGE_S; /* later only where nobody was there to do it */
	const struct timespec at = { .tv_sec = due_s < now_s ? due_s : now_s };
	const struct timespec both[] = { at, at };
	for (int i = LOG_FILE_KEEP; i > 1; i--) {
		(void) rename(older(l, i - 1, from), older(l, i, to)); /* absent ones are fine */
	}
	if (l->fd >= 0) {
		(void) futimens(l->fd, both);
	}
	(void) rename(l->path, older(l, 1, to));
	log_file_close(l);
	(void) reopen(l);
}

void log_file_write(struct log_file *l, struct bytes text)
{
	if (l->fd < 0 && reopen(l) != 0) {
		return;
	}
	if (l->size == 0) {
		l->begun = clock_now();
	}
	bool ends_line = text.n > 0 && text.p[text.n - 1] == '\n';
	while (text.n > 0) {
		ssize_t n = write(l->fd, text.p, text.n);
		if (n < 0 && errno != EINTR) {
			return;
		}
		if (n > 0) {
			text.p += n;
			text.n -= (size_t) n;
			l->size += n;
		}
	}
	/* a line that never ends does not keep the file growing */
	if (l->size >= 2 * LOG_FILE_MAX || (l->size >= LOG_FILE_MAX && ends_line)) {
		turn_over(l);
	}
}

void log_file_age(struct log_file *l)
{
	char path[LOG_FILE_PATH_SIZE + 4];
	struct timestamp at;
	int64_t now_us = clock_now().us;
	if (l->size > 0 && now_us - l->begun.us >= LOG_FILE_AGE_S * INT64_C(1000000)) {
		turn_over(l);
	}
	for (int i = 1; i <= LOG_FILE_KEEP; i++) {
		if (turned_over_at(older(l, i, path), &at) == 0 &&
		    now_us - at.us >= LOG_FILE_KEEP * LOG_FILE_AGE_S * INT64_C(1000000)) {
			(void) unlink(path);
		}
	}
}

void log_file_close(struct log_file *l)
{
	if (l->fd >= 0) {
		(void) close(l->fd);
		l->fd = -1;
	}
}

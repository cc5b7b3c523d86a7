#include "deploy/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int reopen(struct log_file *l)
{
	struct stat st;
	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	l->size = l->fd >= 0 && fstat(l->fd, &st) == 0 ? st.st_size : 0;
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
	char from[sizeof(l->path) + 4];
	char to[sizeof(l->path) + 4];
	for (int i = LOG_FILE_KEEP; i > 1; i--) {
		(void) snprintf(to, sizeof(to), "%s.%d", l->path, i);
		(void) snprintf(from, sizeof(from), "%s.%d", l->path, i - 1);
		(void) rename(from, to); /* absent ones are fine */
	}
	(void) snprintf(to, sizeof(to), "%s.1", l->path);
	(void) rename(l->path, to);
	log_file_close(l);
	(void) reopen(l);
}

void log_file_write(struct log_file *l, struct bytes text)
{
	if (l->fd < 0 && reopen(l) != 0) {
		return;
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

void log_file_close(struct log_file *l)
{
	if (l->fd >= 0) {
		(void) close(l->fd);
		l->fd = -1;
	}
}

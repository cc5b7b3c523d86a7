#include "deploy/supervise_table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_MAX = 64 * 1024, ERROR_MAX = 200 };

static int refuse(char *ret_error, size_t line, const char *what)
{
	(void) snprintf(ret_error, ERROR_MAX, "line %zu: %s", line, what);
	return -1;
}

/* The field at *at, which then stands behind the tab; NULL at the end of the line. */
static char *take_field(char **at)
{
	char *field = *at;
	if (field != NULL) {
		*at = strchr(field, '\t');
		if (*at != NULL) {
			*(*at)++ = '\0';
		}
	}
	return field;
}

static int parse_row(char *line, size_t number, struct service_row *row, char *ret_error)
{
	const char *kind = take_field(&line);
	row->name = take_field(&line);
	row->user = take_field(&line);
	const char *stop = take_field(&line);
	size_t n = 0;
	while (line != NULL && n < SERVICE_ARGUMENT_MAX) {
		row->argv[n++] = take_field(&line);
	}
	if (n == 0 || line != NULL) {
		return refuse(ret_error, number, "wants KIND, NAME, USER, STOP-SIGNAL, PROGRAM and at most 31 arguments");
	}
	if ((strcmp(kind, "keep") != 0 && strcmp(kind, "once") != 0) || row->argv[0][0] != '/') {
		return refuse(ret_error, number, "KIND is keep or once, PROGRAM an absolute path");
	}
	if (row->name[0] == '\0' || strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(row->name)) {
		return refuse(ret_error, number, "NAME is made of a-z, 0-9 and -");
	}
	if (strcmp(stop, "TERM") != 0 && strcmp(stop, "INT") != 0) {
		return refuse(ret_error, number, "STOP-SIGNAL is TERM or INT");
	}
	row->once = strcmp(kind, "once") == 0;
	row->stop_signal = strcmp(stop, "TERM") == 0 ? SIGTERM : SIGINT;
	row->user = strcmp(row->user, "-") == 0 ? NULL : row->user;
	row->out = -1;
	row->log.fd = -1;
	return 0;
}

/* The whole file with a NUL behind it, or NULL (errno). */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return NULL;
	}
	char *text = calloc(1, TABLE_MAX + 1);
	ssize_t n = text == NULL ? -1 : read(fd, text, TABLE_MAX);
	(void) close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	return text;
}

int service_table_read(const char *path, struct service_table *ret, char *ret_error)
{
	struct service_table t = { .text = read_file(path) };
	if (t.text == NULL) {
		(void) snprintf(ret_error, ERROR_MAX, "%s", strerror(errno));
		return -1;
	}
	size_t number = 0;
	for (char *line = t.text, *next; line != NULL && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next != NULL) {
			*next++ = '\0';
		}
		number++;
		if (line[0] == '#' || line[0] == '\0') {
			continue;
		}
		if (t.n == SERVICE_MAX) {
			free(t.text);
			return refuse(ret_error, number, "more than 16 rows");
		}
		if (parse_row(line, number, &t.rows[t.n++], ret_error) != 0) {
			free(t.text);
			return -1;
		}
	}
	if (t.n == 0) {
		free(t.text);
		return refuse(ret_error, number, "the table is empty");
	}
	*ret = t;
	return 0;
}

void service_table_free(struct service_table *t)
{
	free(t->text);
	t->text = NULL;
	t->n = 0;
}

#include "deploy/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHERS "(others)"
#define ROLE_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

int journal_open(struct journal *j, const char *state)
{
	*j = (struct journal) { .n_sums = 0 };
	int n = snprintf(j->folder, sizeof(j->folder), "%s/journal", state);
	if (n < 0 || (size_t) n >= sizeof(j->folder)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mkdir(j->folder, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

static const char *path_of(const struct journal *j, const char *name, char path[JOURNAL_PATH])
{
	(void) snprintf(path, JOURNAL_PATH, "%s/%s", j->folder, name);
	return path;
}

/* The whole line is on the disk, or nothing of it is left. */
static bool append_to(int fd, const char *line, size_t n)
{
	struct stat before;
	if (fstat(fd, &before) != 0 || before.st_size + (off_t) n > JOURNAL_MAX) {
		return false;
	}
	if (write(fd, line, n) == (ssize_t) n && fsync(fd) == 0) {
		return true;
	}
	if (ftruncate(fd, before.st_size) != 0) {
		/* the part that is left counts as unread */
	}
	return false;
}

static bool append(const struct journal *j, const char *members)
{
	char path[JOURNAL_PATH];
	char line[JOURNAL_LINE + 64];
	char time[RFC3339_SIZE];
	timestamp_encode(clock_now(), true, time);
	int n = snprintf(line, sizeof(line), "{\"at\":\"%s\",%s}\n", time, members);
	int fd = open(path_of(j, "open.jsonl", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bool whole = fd >= 0 && n > 0 && (size_t) n < sizeof(line) && append_to(fd, line, (size_t) n);
	if (fd >= 0) {
		(void) close(fd);
	}
	return whole;
}

static void tell(struct journal *j, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(struct journal *j, const char *format, ...)
{
	char members[JOURNAL_LINE];
	va_list ap;
	va_start(ap, format);
	(void) vsnprintf(members, sizeof(members), format, ap);
	va_end(ap);
	if (!append(j, members)) {
		j->lost++;
	}
}

void journal_started(struct journal *j, const char *service)
{
	tell(j, "\"kind\":\"service.started\",\"name\":\"%s\"", service);
}

void journal_ended(struct journal *j, const char *service, int status, int64_t lived_ms, bool told)
{
	tell(j, "\"kind\":\"service.ended\",\"name\":\"%s\",\"%s\":%d,\"seconds\":%lld,\"told\":%s", service,
	    WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	    (long long) (lived_ms / 1000), told ? "true" : "false");
}

/* ---- what PostgreSQL says ---- */

static bool same_role(const struct journal_sum *sum, const char *kind, const char *role, size_t n)
{
	return strcmp(sum->kind, kind) == 0 && strlen(sum->role) == n && memcmp(sum->role, role, n) == 0;
}

/* The last place of each kind is for those that find no other. */
static struct journal_sum *sum_of(struct journal *j, const char *kind, const char *role, size_t n)
{
	if (n == 0 || n >= JOURNAL_ROLE || strspn(role, ROLE_CHARACTERS) < n) {
		role = OTHERS;
		n = strlen(OTHERS);
	}
	for (size_t i = 0; i < j->n_sums; i++) {
		if (same_role(&j->sums[i], kind, role, n)) {
			return &j->sums[i];
		}
	}
	if (j->n_sums + 2 >= JOURNAL_SUMS && strncmp(role, OTHERS, n) != 0) {
		return sum_of(j, kind, OTHERS, strlen(OTHERS));
	}
	if (j->n_sums == 0) {
		j->sums_due_us = clock_monotonic_us() + JOURNAL_SUM_S * INT64_C(1000000);
	}
	struct journal_sum *sum = &j->sums[j->n_sums++];
	*sum = (struct journal_sum) { .kind = kind };
	memcpy(sum->role, role, n);
	return sum;
}

/* user "NAME", role "NAME"; PostgreSQL writes one of both. */
static void refused(struct journal *j, const char *message)
{
	const char *name = strstr(message, "user \"");
	name = name == NULL ? strstr(message, "role \"") : name;
	name = name == NULL ? "" : name + strlen("user \"");
	size_t n = strcspn(name, "\"");
	sum_of(j, "access.refused", name, name[n] == '"' ? n : 0)->n++; /* a line break in a name ends the line */
}

/* "0:00:05.123 user=cairn_auditor database=cairn host=[local]" */
static void session_ended(struct journal *j, const char *message)
{
	char *end = NULL;
	long long hours = strtoll(message, &end, 10);
	long long minutes = *end == ':' ? strtoll(end + 1, &end, 10) : 0;
	long long seconds = *end == ':' ? strtoll(end + 1, &end, 10) : 0;
	const char *name = strstr(message, " user=");
	name = name == NULL ? "" : name + strlen(" user=");
	struct journal_sum *sum = sum_of(j, "access.session", name, strcspn(name, " "));
	int64_t lasted_s = hours < 0 || hours > 1000000 ? 0 : hours * 3600 + minutes * 60 + seconds;
	sum->n++;
	sum->longest_s = lasted_s > sum->longest_s ? lasted_s : sum->longest_s;
}

static void read_line(struct journal *j)
{
	static const char ended[] = "00000 LOG:  disconnection: session time: ";
	const char *state = strstr(j->line, "] ");
	if (state == NULL || j->line[0] == '\t') { /* a further line of a message may say what a stranger wants */
		return;
	}
	state += 2;
	if (strncmp(state, ended, sizeof(ended) - 1) == 0) {
		session_ended(j, state + sizeof(ended) - 1);
	} else if (strncmp(state, "28", 2) == 0 && strnlen(state, 6) == 6 && strncmp(state + 6, "FATAL:  ", 8) == 0) {
		refused(j, state + 6);
	}
}

void journal_database(struct journal *j, struct bytes text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n') {
			j->line[j->n_line] = '\0';
			read_line(j);
			j->n_line = 0;
		} else if (j->n_line < sizeof(j->line) - 1) { /* what is longer is cut; a NUL ends it as well */
			j->line[j->n_line++] = (char) text.p[i];
		}
	}
}

/* ---- handing on ---- */

static void write_sums(struct journal *j)
{
	for (size_t i = 0; i < j->n_sums; i++) {
		const struct journal_sum *sum = &j->sums[i];
		tell(j, "\"kind\":\"%s\",\"name\":\"%s\",\"times\":%lld,\"seconds\":%lld", sum->kind, sum->role,
		    (long long) sum->n, (long long) sum->longest_s);
	}
	j->n_sums = 0;
}

static void tell_lost(struct journal *j)
{
	char members[JOURNAL_LINE];
	(void) snprintf(members, sizeof(members), "\"kind\":\"journal.lost\",\"name\":\"cairn-supervise\",\"times\":%lld",
	    (long long) j->lost);
	if (append(j, members)) {
		j->lost = 0;
	}
}

void journal_turn(struct journal *j, bool at_once)
{
	char from[JOURNAL_PATH];
	char to[JOURNAL_PATH];
	if (j->n_sums > 0 && (at_once || clock_monotonic_us() >= j->sums_due_us)) {
		write_sums(j);
	}
	if (access(path_of(j, "ready.jsonl", to), F_OK) != 0 && errno == ENOENT) {
		(void) rename(path_of(j, "open.jsonl", from), to); /* there may be none */
	}
	if (j->lost > 0) {
		tell_lost(j);
	}
}

/* cairn-supervise: runs the processes of a table (supervise_table.h) on one machine without systemd: starts them in order,
 * starts again what dies, keeps what they print in logs of bounded size, and stops them in order.
 *
 *     cairn-supervise STATE
 *
 * reads STATE/run/services; writes STATE/run/NAME.pid, STATE/log/NAME.log, STATE/journal, and the line PIDS= of STATE/env;
 * holds a lock on STATE/run/supervise.lock for as long as it lives. SIGTERM, SIGINT: stop all and end. SIGHUP: passed on to
 * all, and sums of the journal are written. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/journal.h"
#include "deploy/supervise_table.h"
#include "lib/base/clock.h"

enum {
	RETRY_MS = 100,
	QUICK_MS = 10000,
	QUICK_DEATHS = 5,
	ONCE_TRIES = 100,
	BACKOFF_MAX_MS = 30000,
	STOP_MS = 20000,
	AGE_EVERY_MS = 10000,
	STATUS_UNUSABLE = 78, /* lib/service/service.h */
	PATH_SIZE = 512
};

static const char *state_folder;
static struct service_table table;
static struct log_file own_log;
static struct journal journal;
static bool stopping;
static int signals;
static int lock; /* held until the process ends */
static pid_t own_pid;
static bool files_stale; /* one could not be written: the disk is full, say */

static void note(const char *format, ...) PRINTF_LIKE(1, 2);

/* One line of JSON like those of the processes. `format` gives the members behind the time and makes no quotes wrong:
 * its values are names from the table and numbers. */
static void note(const char *format, ...)
{
	char members[400];
	char time[RFC3339_SIZE];
	char line[sizeof(members) + 100];
	va_list ap;
	va_start(ap, format);
	(void) vsnprintf(members, sizeof(members), format, ap);
	va_end(ap);
	timestamp_encode(clock_now(), true, time);
	(void) snprintf(line, sizeof(line), "{\"time\":\"%s\",\"process\":\"cairn-supervise\",%s}\n", time, members);
	log_file_write(&own_log, bytes_of_text(line));
}

/* ---- files of the state ---- */

static void path_of(char path[PATH_SIZE], const char *folder, const char *name, const char *end)
{
	(void) snprintf(path, PATH_SIZE, "%s/%s/%s%s", state_folder, folder, name, end);
}

/* Writes a file as a whole: readers see the old text or the new one; one that fails is written again later. */
static void replace_file(const char *path, const char *text, mode_t mode)
{
	char temporary[PATH_SIZE + 8];
	(void) snprintf(temporary, sizeof(temporary), "%s.new", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0) {
		note("\"message\":\"a file can't be written\",\"error\":\"%s\"", strerrorname_np(errno));
		files_stale = true;
		return;
	}
	size_t n = strlen(text);
	bool whole = write(fd, text, n) == (ssize_t) n;
	(void) close(fd);
	if (!whole || rename(temporary, path) != 0) {
		note("\"message\":\"a file can't be written\",\"error\":\"%s\"", strerrorname_np(errno));
		(void) unlink(temporary);
		files_stale = true;
	}
}

static void write_pid_file(const struct service_row *row)
{
	char path[PATH_SIZE];
	char text[32];
	path_of(path, "run", row->name, ".pid");
	if (row->pid > 0) {
		(void) snprintf(text, sizeof(text), "%d\n", (int) row->pid);
		replace_file(path, text, 0644);
	} else {
		(void) unlink(path);
	}
}

/* The line PIDS= of STATE/env: the supervisor first, so that who kills all of them in turn sees none come back; empty
 * once it ends, as the numbers may then become somebody else's. */
static void write_pids_line(void)
{
	char path[PATH_SIZE];
	char old[8192];
	char text[sizeof(old) + 512];
	(void) snprintf(path, sizeof(path), "%s/env", state_folder);
	FILE *f = fopen(path, "re");
	size_t n = f == NULL ? 0 : fread(old, 1, sizeof(old) - 1, f);
	if (f != NULL) {
		(void) fclose(f);
	}
	old[n] = '\0';
	size_t at = 0;
	for (char *line = old; *line != '\0'; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL)) {
		size_t length = strcspn(line, "\n");
		if (strncmp(line, "PIDS=", 5) != 0) {
			at += (size_t) snprintf(text + at, sizeof(text) - at, "%.*s\n", (int) length, line);
		}
	}
	at += (size_t) snprintf(text + at, sizeof(text) - at, "PIDS='");
	if (own_pid > 0) {
		at += (size_t) snprintf(text + at, sizeof(text) - at, "%d", (int) own_pid);
	}
	for (size_t i = 0; i < table.n; i++) {
		if (table.rows[i].pid > 0 && !table.rows[i].once) {
			at += (size_t) snprintf(text + at, sizeof(text) - at, " %d", (int) table.rows[i].pid);
		}
	}
	(void) snprintf(text + at, sizeof(text) - at, "'\n");
	replace_file(path, text, 0600);
}

static void write_stale_files(void)
{
	if (!files_stale) {
		return;
	}
	files_stale = false;
	for (size_t i = 0; i < table.n; i++) {
		if (!table.rows[i].once) {
			write_pid_file(&table.rows[i]);
		}
	}
	write_pids_line();
}

/* ---- starting ---- */

/* Takes on the rights of the user; everything that follows runs with them. */
static int become(const char *user)
{
	/* cppcheck-suppress getpwnamCalled ; this process has one thread */
	const struct passwd *pw = getpwnam(user);
	if (pw == NULL) {
		return -1;
	}
	if (initgroups(user, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0) {
		return -1;
	}
	return setenv("HOME", pw->pw_dir, 1);
}

static _Noreturn void child_fails(const char *what)
{
	(void) fprintf(stderr, "cairn-supervise: %s: %s\n", what, strerror(errno));
	_exit(127);
}

/* In the child: its own process group (a Ctrl-C is the supervisor's to handle), its output, its rights, and its end when
 * the supervisor ends, so that a killed supervisor leaves nothing behind that a new one would meet. */
static _Noreturn void child_run(const struct service_row *row, int out, pid_t parent)
{
	static const int defaults[] = { SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTERM };
	sigset_t none;
	(void) sigemptyset(&none);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (setpgid(0, 0) != 0 || null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
		child_fails("output");
	}
	if (row->user != NULL && become(row->user) != 0) {
		child_fails(row->user);
	}
	(void) umask(077);
	if (setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 }) != 0) { /* PostgreSQL holds what no core dump may show */
		child_fails("core dumps");
	}
	for (size_t i = 0; i < COUNT_OF(defaults); i++) {
		(void) signal(defaults[i], SIG_DFL); /* a shell's background processes ignore some */
	}
	if (prctl(PR_SET_PDEATHSIG, row->stop_signal) != 0 || getppid() != parent || chdir("/") != 0) {
		child_fails("start");
	}
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	(void) execv(row->argv[0], row->argv);
	child_fails(row->argv[0]);
}

static void schedule_restart(struct service_row *row)
{
	int64_t wait_ms = RETRY_MS;
	for (unsigned i = row->once ? ONCE_TRIES : QUICK_DEATHS; i < row->quick_deaths && wait_ms < BACKOFF_MAX_MS; i++) {
		wait_ms *= 2;
	}
	row->state = stopping ? SERVICE_DONE : SERVICE_DOWN;
	row->due_us = clock_monotonic_us() + (wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS) * 1000;
}

static void start(struct service_row *row)
{
	int ends[2];
	pid_t parent = getpid();
	if (pipe2(ends, O_CLOEXEC) != 0) {
		schedule_restart(row);
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		child_run(row, ends[1], parent);
	}
	(void) close(ends[1]);
	if (pid < 0) {
		(void) close(ends[0]);
		schedule_restart(row);
		return;
	}
	if (row->out >= 0) {
		(void) close(row->out); /* of the process before, held open by a child of its own */
	}
	(void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
	row->out = ends[0];
	row->pid = pid;
	row->state = SERVICE_RUNNING;
	row->started_us = clock_monotonic_us();
	if (!row->once) {
		write_pid_file(row);
		write_pids_line();
		note("\"level\":\"info\",\"message\":\"started\",\"service\":\"%s\",\"pid\":%d", row->name, (int) pid);
		journal_started(&journal, row->name);
	}
}

/* Starts what is due, in order, up to the first row of kind once that has not succeeded yet. */
static void start_due(void)
{
	for (size_t i = 0; i < table.n && !stopping; i++) {
		struct service_row *row = &table.rows[i];
		if (row->state == SERVICE_DOWN && row->due_us <= clock_monotonic_us()) {
			start(row);
		}
		if (row->once && row->state != SERVICE_DONE) {
			return;
		}
	}
}

/* ---- ending ---- */

static void ended(struct service_row *row, int status)
{
	int64_t lived_ms = (clock_monotonic_us() - row->started_us) / 1000;
	bool success = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	row->pid = 0;
	row->quick_deaths = lived_ms < QUICK_MS ? row->quick_deaths + 1 : 0;
	if (row->once) {
		if (success) {
			char path[PATH_SIZE];
			path_of(path, "run", row->name, ".done");
			replace_file(path, "", 0644);
			row->state = SERVICE_DONE;
		} else {
			schedule_restart(row);
		}
		return;
	}
	note("\"level\":\"%s\",\"message\":\"ended\",\"service\":\"%s\",\"%s\":%d,\"lived_ms\":%lld",
	    stopping ? "info" : "warn", row->name, WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long) lived_ms);
	journal_ended(&journal, row->name, status, lived_ms, stopping);
	schedule_restart(row);
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_UNUSABLE) { /* a person has to do something first */
		row->due_us = clock_monotonic_us() + (int64_t) BACKOFF_MAX_MS * 1000;
	}
	write_pid_file(row);
	write_pids_line();
}

static void reap(void)
{
	int status = 0;
	for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
		for (size_t i = 0; i < table.n; i++) {
			if (table.rows[i].pid == pid) {
				ended(&table.rows[i], status);
				break;
			}
		}
	}
}

/* Tells the last row that still runs to end, kills it when it takes too long; true once none runs. */
static bool stop_next(void)
{
	for (size_t i = table.n; i-- > 0;) {
		struct service_row *row = &table.rows[i];
		if (row->pid <= 0) {
			row->state = SERVICE_DONE;
			continue;
		}
		if (row->state != SERVICE_STOPPING) {
			row->state = SERVICE_STOPPING;
			row->due_us = clock_monotonic_us() + STOP_MS * INT64_C(1000);
			(void) kill(row->pid, row->stop_signal);
		} else if (row->due_us <= clock_monotonic_us()) {
			note("\"level\":\"warn\",\"message\":\"killed because it did not stop\",\"service\":\"%s\"", row->name);
			row->due_us = INT64_MAX;
			(void) kill(row->pid, SIGKILL);
		}
		return false;
	}
	return true;
}

/* ---- the loop ---- */

static void copy_output(struct service_row *row)
{
	static uint8_t buffer[64 * 1024];
	for (int turn = 0; row->out >= 0 && turn < 16;
	     turn++) { /* one that never stops printing leaves time for the rest */
		ssize_t n = read(row->out, buffer, sizeof(buffer));
		if (n > 0) {
			const struct bytes text = { buffer, (size_t) n };
			log_file_write(&row->log, text);
			if (strcmp(row->name, "postgres") == 0) {
				journal_database(&journal, text);
			}
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			(void) close(row->out);
			row->out = -1;
		}
		return;
	}
}

static void take_signals(void)
{
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
			stopping = true;
		}
		if (info.ssi_signo == SIGHUP) {
			journal_turn(&journal, true);
		}
		for (size_t i = 0; info.ssi_signo == SIGHUP && i < table.n; i++) {
			if (table.rows[i].pid > 0 && !table.rows[i].once) {
				(void) kill(table.rows[i].pid, SIGHUP);
			}
		}
	}
	reap();
}

/* Milliseconds until the next row is due; at most a second. */
static int next_wait_ms(void)
{
	int64_t wait_us = 1000000;
	for (size_t i = 0; i < table.n; i++) {
		const struct service_row *row = &table.rows[i];
		if (row->state == SERVICE_DOWN || row->state == SERVICE_STOPPING) {
			int64_t left_us = row->due_us - clock_monotonic_us();
			wait_us = left_us < wait_us ? left_us : wait_us;
		}
	}
	/* a row that is due but waits for its turn is looked at ten times a second */
	return wait_us < 0 ? RETRY_MS : (int) (wait_us / 1000) + 1;
}

static void wait_for_events(void)
{
	struct pollfd fds[SERVICE_MAX + 1] = { { .fd = signals, .events = POLLIN } };
	for (size_t i = 0; i < table.n; i++) {
		fds[i + 1] = (struct pollfd) { .fd = table.rows[i].out, .events = POLLIN };
	}
	(void) poll(fds, table.n + 1, next_wait_ms());
	for (size_t i = 0; i < table.n; i++) {
		if (fds[i + 1].revents != 0) {
			copy_output(&table.rows[i]);
		}
	}
	take_signals();
}

/* What stands in a log gets old also where nothing is added. */
static void age_logs(void)
{
	static int64_t due_us;
	if (clock_monotonic_us() < due_us) {
		return;
	}
	due_us = clock_monotonic_us() + AGE_EVERY_MS * INT64_C(1000);
	log_file_age(&own_log);
	for (size_t i = 0; i < table.n; i++) {
		log_file_age(&table.rows[i].log);
	}
}

/* -1 with a sentence on standard error. */
static int prepare(void)
{
	char path[PATH_SIZE];
	char error[200];
	path_of(path, "run", "supervise", ".lock");
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
		(void) fprintf(stderr, "cairn-supervise: %s: %s\n", path, lock < 0 ? strerror(errno) : "another one runs");
		return -1;
	}
	path_of(path, "run", "services", "");
	if (service_table_read(path, &table, error) != 0) {
		(void) fprintf(stderr, "cairn-supervise: %s: %s\n", path, error);
		return -1;
	}
	path_of(path, "log", "", "");
	int opened = journal_open(&journal, state_folder);
	opened = opened != 0 ? opened : log_file_open(&own_log, path, "cairn-supervise");
	for (size_t i = 0; i < table.n && opened == 0; i++) {
		opened = log_file_open(&table.rows[i].log, path, table.rows[i].name);
	}
	if (opened != 0) {
		(void) fprintf(stderr, "cairn-supervise: %s: %s\n", path, strerror(errno));
	}
	return opened;
}

static int block_signals(void)
{
	sigset_t set;
	(void) sigemptyset(&set);
	(void) sigaddset(&set, SIGTERM);
	(void) sigaddset(&set, SIGINT);
	(void) sigaddset(&set, SIGHUP);
	(void) sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
		return -1;
	}
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* children of a process that was killed come to us, and are reaped */
	return signals < 0 ? -1 : prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(int argc, char **argv)
{
	if (argc != 2 || argv[1][0] != '/' || strlen(argv[1]) > 400) {
		(void) fprintf(stderr, "usage: cairn-supervise STATE (an absolute path of at most 400 characters)\n");
		return 2;
	}
	state_folder = argv[1];
	if (prepare() != 0 || block_signals() != 0) {
		return 1;
	}
	own_pid = getpid();
	struct service_row self = { .name = "cairn-supervise", .pid = own_pid };
	write_pid_file(&self);
	write_pids_line();
	for (bool done = false; !done;) {
		start_due();
		done = stopping && stop_next();
		if (!done) {
			wait_for_events();
			age_logs();
			journal_turn(&journal, false);
			write_stale_files();
		}
	}
	self.pid = 0;
	own_pid = 0;
	write_pid_file(&self);
	write_pids_line();
	note("\"level\":\"info\",\"message\":\"stopped\"");
	journal_turn(&journal, true);
	service_table_free(&table);
	return 0;
}

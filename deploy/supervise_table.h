/* The table of what cairn-supervise runs. One row a line, fields between tabs; lines that begin with # are comments:
 *
 *     KIND  NAME  USER  STOP-SIGNAL  PROGRAM  ARGUMENT ...
 *
 * KIND keep: started, and started again whenever it ends. KIND once: run until it has ended with 0, and only then do the
 * rows behind it start (a check that a server answers); STATE/run/NAME.done says that it has. USER: whose rights it gets,
 * or - for the supervisor's own. STOP-SIGNAL: TERM or INT. Rows start in their order and stop in the opposite one. */
#ifndef CAIRN_DEPLOY_SUPERVISE_TABLE_H
#define CAIRN_DEPLOY_SUPERVISE_TABLE_H

#include <sys/types.h>

#include "deploy/log_file.h"

enum { SERVICE_MAX = 16, SERVICE_ARGUMENT_MAX = 32 };

enum service_state {
	SERVICE_DOWN,     /* starts at due_us when its turn has come */
	SERVICE_RUNNING,  /* pid is its process */
	SERVICE_STOPPING, /* told to end; killed at due_us */
	SERVICE_DONE,     /* ended for good */
};

struct service_row {
	/* from the table */
	bool once;
	const char *name;
	const char *user; /* NULL: the supervisor's */
	int stop_signal;
	char *argv[SERVICE_ARGUMENT_MAX + 1];
	/* of the supervisor */
	enum service_state state;
	pid_t pid;
	int64_t due_us;
	int64_t started_us;
	unsigned quick_deaths; /* in a row */
	int out;               /* the end that reads what it prints; -1: none */
	struct log_file log;
};

struct service_table {
	char *text; /* what the rows point into */
	struct service_row rows[SERVICE_MAX];
	size_t n;
};

/* Reads the file. On -1 the reason stands in ret_error (at least 200 octets). */
int service_table_read(const char *path, struct service_table *ret, char *ret_error) MUST_CHECK;
void service_table_free(struct service_table *t);

#endif

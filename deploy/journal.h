/* Starts and ends of services, and what PostgreSQL says of sessions and of logins that it refused: what an auditor asks for years later
 * (F-44, F-50 (3)), while logs last six days. It is written into STATE/journal, a line of JSON each; cairn-subscriber brings it into the
 * sealed log (subscriber/journal.h). No line has an address.
 *
 * Lines are appended to open.jsonl, which becomes ready.jsonl as soon as the one before it was taken and removed. Nobody takes any: then lines
 * that no longer fit into JOURNAL_MAX octets are counted, and a line journal.lost says how many there were. */
#ifndef CAIRN_DEPLOY_JOURNAL_H
#define CAIRN_DEPLOY_JOURNAL_H

#include "lib/base/clock.h"

#define JOURNAL_MAX INT64_C(1048576)
enum {
	JOURNAL_SUMS = 32, /* of logins, by role; what has no room is told as of others */
	JOURNAL_ROLE = 64,
	JOURNAL_LINE = 512,
	JOURNAL_PATH = 512,
	JOURNAL_SUM_S = 15 /* logins and ends of sessions of this time are one line for each role */
};

struct journal_sum {
	const char *kind; /* access.refused, access.session */
	char role[JOURNAL_ROLE];
	int64_t n;
	int64_t longest_s; /* session */
};

struct journal {
	char folder[JOURNAL_PATH - 16];
	struct journal_sum sums[JOURNAL_SUMS];
	size_t n_sums;
	int64_t sums_due_us;     /* by the monotonic clock */
	char line[JOURNAL_LINE]; /* of PostgreSQL's, as far as it has come */
	size_t n_line;
	int64_t lost;
};

/* Makes the folder STATE/journal. -1 when it can't be made (errno). */
int journal_open(struct journal *j, const char *state) MUST_CHECK;

void journal_started(struct journal *j, const char *service);

/* status as of waitpid; told: it ended because it was told to. */
void journal_ended(struct journal *j, const char *service, int status, int64_t lived_ms, bool told);

/* Reads what PostgreSQL prints, in any pieces, with log_line_prefix '%m [%p] %e ': lines with an SQLSTATE of class 28 and FATAL are refused
 * logins, lines of log_disconnections ends of sessions. The names of roles come from strangers: what is no plain name counts as of others. */
void journal_database(struct journal *j, struct bytes text);

/* Writes sums that are due (at_once: all), and hands on what was written. To be called from time to time. */
void journal_turn(struct journal *j, bool at_once);

#endif

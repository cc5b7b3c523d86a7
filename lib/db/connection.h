/* The connection of a thread for as long as a statement runs: opened when it is first needed, with all statements of the process prepared in one
 * pipeline, and the waiting on it within a deadline. Inside lib/db. */
#ifndef CAIRN_DB_CONNECTION_H
#define CAIRN_DB_CONNECTION_H

#include <libpq-fe.h>

#include "lib/base/auto.h"
#include "lib/db/db.h"

#define CONNECTION_CHANNELS 4

struct connection {
	PGconn *pg;
	const char *channels[CONNECTION_CHANNELS]; /* that it listens to */
	size_t n_channels;
	struct connection *next; /* of those that are parked */
};

AUTO_DEFINE(PGresult, PQclear)

/* Which of a statement's fates is known. */
enum outcome {
	OUTCOME_DONE,   /* an answer came, good or bad */
	OUTCOME_UNSENT, /* the connection was lost before anything left; try again on a new one */
	OUTCOME_LOST,   /* the connection was lost after it was sent */
	OUTCOME_LATE,   /* no answer within the deadline, not even to a cancel request */
};

/* The thread's live connection. FAIL: UNAVAILABLE, DEADLINE (all were in use until the deadline), SERVER_INTERNAL (a
 * statement can't be prepared). */
int connection_use(struct ctx *c, struct connection **ret) MUST_CHECK;

/* Leaves the thread's connection, open, to the next statement of any thread, but not one that listens: what came for it is
 * the business of its thread. */
void connection_park(void);

/* Closes the thread's connection, which is in an unknown state. */
void connection_drop(void);

/* Waits for the answer to what was sent, cancels it at the deadline of c; the last result of the answer. */
enum outcome connection_answer(struct ctx *c, struct connection *conn, PGresult **ret) MUST_CHECK;

/* Waits until `conn` can be read, or also written when it has something to send; false at the deadline (of
 * clock_monotonic_us). */
bool connection_wait(struct connection *conn, int64_t deadline_us) MUST_CHECK;

/* Sends all that is buffered; OUTCOME_DONE, _LOST or _LATE. */
enum outcome connection_flush(struct connection *conn, int64_t deadline_us) MUST_CHECK;

/* Runs SQL text without parameters; for BEGIN, COMMIT, LISTEN. */
enum outcome connection_command(struct ctx *c, struct connection *conn, const char *sql, PGresult **ret) MUST_CHECK;

/* Sends a prepared statement with its parameters, and waits. */
enum outcome connection_execute(
    struct ctx *c, struct connection *conn, const struct statement *s, const void *params, PGresult **ret) MUST_CHECK;

/* The problem that belongs to a result that is an error; always -1. */
int connection_fail(struct ctx *c, const PGresult *result);

/* The answer says that this connection will not serve any more: it was ended, or leads to a server that became a
 * replica. */
bool connection_is_over(const struct connection *conn, const PGresult *result);

#endif

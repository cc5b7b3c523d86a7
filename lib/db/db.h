/* PostgreSQL: a closed list of prepared statements, connections that belong to one thread at a time, one round trip a step.
 *
 *     static const struct statement find_order = {
 *             .name = "find_order", .sql = "SELECT ... WHERE id = $1", .params = &find_order_params, .row = &order_row };
 *
 * A statement stands beside the one function that uses it and is listed in its process's table (db_statements), which is
 * prepared when a connection opens; a test prepares all of them as the role that runs them. Parameters are bound from a
 * struct by its field table, in the order of the table ($1 is the first field); rows are read into structs by theirs, by
 * column name. Binary format both ways. Field kinds and SQL types: lib/base/fields.h: a parameter is declared with exactly
 * that type, so that another one needs a cast ($1::inet). Zero values: NULL text, bytes with p NULL, no id, no time and
 * NULL JSON are SQL NULL; so is every other zero value whose field has FIELD_OMIT_EMPTY. Each column needs a field; a
 * NULL in a FIELD_REQUIRED one is SERVER_INTERNAL. */
#ifndef CAIRN_DB_DB_H
#define CAIRN_DB_DB_H

#include "lib/base/fields.h"

struct statement {
	const char *name;
	const char *sql;
	const struct fields *params; /* NULL: none */
	const struct fields *row;    /* NULL: no rows wanted */
	bool repeatable; /* reads, and writes that are safe to run twice: tried again once on a lost connection */
};

/* The process's closed list; set once before the first connection. */
void db_statements(const struct statement *const *list, size_t n);

/* Connection string of libpq (several hosts and target_session_attrs allowed), the most connections, and the time limit
 * that each statement gets on the server. Does not connect. */
void db_configure(const char *conninfo, unsigned max_connections, int64_t statement_timeout_ms);

/* Connects once and prepares all; for start-up and /readyz. */
int db_check(struct ctx *c) MUST_CHECK;
/* For /readyz: NULL when the database answers within two seconds, else the sentence that it does not. */
const char *db_not_ready(void);
/* For commands that a person breaks off, from a handler of a signal: the statement that is waited for is cancelled in the
 * server and fails with DEADLINE. In a process of one thread. */
void db_halt(void);
/* Closes the calling thread's connection, which it has only if it listens (the end of a thread does so too), and all that
 * no thread uses just now. */
void db_thread_end(void);

/* Runs the statement on the connection that was used last of those that are free, or a new one, opened again when lost; it
 * is a transaction of its own. `params` is the struct of s->params or NULL.
 * FAIL: UNAVAILABLE (no connection; nothing was written), WRITE_UNCERTAIN (the connection was lost after the statement
 * was sent and it is not repeatable), DEADLINE (statement time-out), CONFLICT (serialization, deadlock, after 3 tries),
 * SERVER_INTERNAL with SQLSTATE and message as the cause. A statement that raises SQLSTATE 'CA001' with a problem's
 * name as its message and a sentence as its DETAIL fails with that problem and that sentence. */
int db_run(struct ctx *c, const struct statement *s, const void *params) MUST_CHECK;

/* All rows as an array of the struct of s->row, in the arena of c. */
int db_rows(struct ctx *c, const struct statement *s, const void *params, void *ret_array, size_t *ret_n) MUST_CHECK;

/* At most one row into ret_row (zeroed when there is none). More than one row is SERVER_INTERNAL. */
int db_row(struct ctx *c, const struct statement *s, const void *params, void *ret_row, bool *ret_found) MUST_CHECK;

/* BEGIN; COPY ... FROM STDIN (FORMAT binary) for each of the tables; statement `after` with its params; COMMIT: all or
 * nothing, for batches. `copies[i].sql` is the COPY statement, `rows` the complete binary stream. */
struct db_copy {
	const char *sql;
	struct bytes rows;
};
int db_copy_all(struct ctx *c, const struct db_copy *copies, size_t n, const struct statement *after,
    const void *params) MUST_CHECK;

/* Waits up to timeout_ms for NOTIFY on the channel (constant); true when one came. Uses the connection of the thread. The
 * first call on a connection is true at once: nobody knows what came before. */
int db_wait_notify(struct ctx *c, const char *channel, int64_t timeout_ms, bool *ret_notified) MUST_CHECK;

#endif

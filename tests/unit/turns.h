/* Two transactions beside each other: what the second one says when the first ends before it. Include it behind pg.h. */
#ifndef CAIRN_TESTS_TURNS_H
#define CAIRN_TESTS_TURNS_H

#include "tests/unit/pg.h"

static inline void turn_run(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	}
	PQclear(result);
}

/* Until the connection stands behind a lock. */
static inline void turn_await_lock(PGconn *conn)
{
	char sql[120];
	snprintf(sql, sizeof(sql), "SELECT coalesce(cardinality(pg_blocking_pids(%d)), 0) > 0", PQbackendPID(conn));
	for (int i = 0; i < 3000; i++) {
		char *waits = pg_value(sql);
		bool done = strcmp(waits, "t") == 0;
		free(waits);
		if (done) {
			return;
		}
		nanosleep(&(struct timespec) { .tv_nsec = 10000000 }, NULL);
	}
	fail_msg("it does not wait");
}

/* Runs `first` in a transaction that stays open until `second` waits for its end. Gives what `second` says: its first value, or the
 * name of the refusal. */
static inline const char *turns(const char *first_role, const char *first, const char *second_role, const char *second)
{
	static char answer[64];
	PGconn *a = pg_connect(first_role, "cairn");
	PGconn *b = pg_connect(second_role, "cairn");
	turn_run(a, "BEGIN");
	turn_run(a, first);
	assert_int_equal(PQsendQuery(b, second), 1);
	turn_await_lock(b);
	turn_run(a, "COMMIT");
	PGresult *result = PQgetResult(b);
	const char *refusal = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *value = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "nothing";
	snprintf(answer, sizeof(answer), "%s", refusal != NULL ? refusal : value);
	PQclear(result);
	PQfinish(a);
	PQfinish(b);
	return answer;
}

#endif

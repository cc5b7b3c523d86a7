/* COPY of batches in one transaction, and waiting for NOTIFY. */
#include <string.h>

#include "lib/base/metrics.h"
#include "lib/db/connection.h"

/* Until COMMIT is sent nothing can have been written. */
static int lost_before_commit(struct ctx *c, enum outcome outcome)
{
	connection_drop();
	metric_add(METRIC_db_errors, "lost", 1);
	return outcome == OUTCOME_LATE ? FAIL(c, DEADLINE, "The database did not answer in time")
	                               : FAIL(c, UNAVAILABLE, "The database can't be reached");
}

/* The transaction is open and one of its steps was refused: the connection goes, and the transaction with it. */
static int refused(struct ctx *c, const PGresult *result)
{
	(void) connection_fail(c, result);
	connection_drop();
	return -1;
}

static int command(struct ctx *c, struct connection *conn, const char *sql, ExecStatusType wanted)
{
	AUTO(PGresult) result = NULL;
	enum outcome outcome = connection_command(c, conn, sql, &result);
	if (outcome != OUTCOME_DONE) {
		return lost_before_commit(c, outcome);
	}
	return PQresultStatus(result) == wanted ? 0 : refused(c, result);
}

#define COPY_PIECE ((size_t) 256 * 1024)

static enum outcome send_rows(struct ctx *c, struct connection *conn, struct bytes rows)
{
	while (rows.n > 0) {
		size_t n = rows.n < COPY_PIECE ? rows.n : COPY_PIECE;
		int queued = PQputCopyData(conn->pg, (const char *) rows.p, (int) n);
		if (queued < 0) {
			return OUTCOME_LOST;
		}
		if (queued == 1) {
			rows = (struct bytes) { rows.p + n, rows.n - n };
		}
		enum outcome outcome = connection_flush(conn, c->deadline_us);
		if (outcome != OUTCOME_DONE) {
			return outcome;
		}
	}
	/* 0: its buffer is full, which a flush mends. */
	int ended = PQputCopyEnd(conn->pg, NULL);
	while (ended == 0) {
		enum outcome outcome = connection_flush(conn, c->deadline_us);
		if (outcome != OUTCOME_DONE) {
			return outcome;
		}
		ended = PQputCopyEnd(conn->pg, NULL);
	}
	return ended == 1 ? connection_flush(conn, c->deadline_us) : OUTCOME_LOST;
}

static int copy_one(struct ctx *c, struct connection *conn, const struct db_copy *copy)
{
	TRY(command(c, conn, copy->sql, PGRES_COPY_IN));
	enum outcome outcome = send_rows(c, conn, copy->rows);
	AUTO(PGresult) result = NULL;
	if (outcome == OUTCOME_DONE) {
		outcome = connection_answer(c, conn, &result);
	}
	if (outcome != OUTCOME_DONE) {
		return lost_before_commit(c, outcome);
	}
	return PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : refused(c, result);
}

static int run_after(struct ctx *c, struct connection *conn, const struct statement *after, const void *params)
{
	AUTO(PGresult) result = NULL;
	enum outcome outcome = connection_execute(c, conn, after, params, &result);
	if (outcome != OUTCOME_DONE) {
		return lost_before_commit(c, outcome);
	}
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : refused(c, result);
}

static int commit(struct ctx *c, struct connection *conn)
{
	AUTO(PGresult) result = NULL;
	enum outcome outcome = connection_command(c, conn, "COMMIT", &result);
	if (outcome == OUTCOME_UNSENT) {
		return lost_before_commit(c, outcome);
	}
	if (outcome != OUTCOME_DONE || connection_is_over(conn, result)) {
		connection_drop();
		metric_add(METRIC_db_errors, "lost", 1);
		return FAIL(c, WRITE_UNCERTAIN, "It is unknown whether the batch was written");
	}
	return PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : refused(c, result);
}

int db_copy_all(
    struct ctx *c, const struct db_copy *copies, size_t n, const struct statement *after, const void *params)
{
	struct connection *conn = NULL;
	int64_t start = clock_monotonic_us();
	TRY(connection_use(c, &conn));
	TRY(command(c, conn, "BEGIN", PGRES_COMMAND_OK));
	for (size_t i = 0; i < n; i++) {
		TRY(copy_one(c, conn, &copies[i]));
	}
	if (after != NULL) {
		TRY(run_after(c, conn, after, params));
	}
	TRY(commit(c, conn));
	connection_park();
	metric_add(METRIC_db_statements, "copy", 1);
	metric_observe_us(METRIC_db_seconds, "copy", clock_monotonic_us() - start);
	return 0;
}

static bool listens_to(const struct connection *conn, const char *channel)
{
	for (size_t i = 0; i < conn->n_channels; i++) {
		if (strcmp(conn->channels[i], channel) == 0) {
			return true;
		}
	}
	return false;
}

static int listen_to(struct ctx *c, struct connection *conn, const char *channel)
{
	if (conn->n_channels == CONNECTION_CHANNELS) {
		ctx_cause(c, "a thread listens to %d channels at most", CONNECTION_CHANNELS);
		return ctx_fail(c, PROBLEM_SERVER_INTERNAL, "%s", "");
	}
	TRY(command(c, conn, arena_printf(c->arena, "LISTEN %s", channel), PGRES_COMMAND_OK));
	conn->channels[conn->n_channels++] = channel;
	return 0;
}

/* Takes all notifications that have come; true when one is of the channel. */
static bool take_notifications(struct connection *conn, const char *channel)
{
	bool came = false;
	for (PGnotify *one = PQnotifies(conn->pg); one != NULL; one = PQnotifies(conn->pg)) {
		came = came || strcmp(one->relname, channel) == 0;
		PQfreemem(one);
	}
	return came;
}

int db_wait_notify(struct ctx *c, const char *channel, int64_t timeout_ms, bool *ret_notified)
{
	struct connection *conn = NULL;
	TRY(connection_use(c, &conn));
	if (!listens_to(conn, channel)) {
		/* What came before is unknown, so the caller has to look. */
		TRY(listen_to(c, conn, channel));
		*ret_notified = true;
		return 0;
	}
	int64_t until = clock_monotonic_us() + ctx_left_ms(c, timeout_ms) * 1000;
	bool came = take_notifications(conn, channel);
	while (!came && connection_wait(conn, until)) {
		if (PQconsumeInput(conn->pg) == 0) {
			return lost_before_commit(c, OUTCOME_LOST);
		}
		came = take_notifications(conn, channel);
	}
	*ret_notified = came;
	return 0;
}

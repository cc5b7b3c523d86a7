#include "lib/db/db.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/db/connection.h"
#include "lib/db/value.h"

#define TRIES 3
#define READY_LIMIT_MS 2000

int db_check(struct ctx *c)
{
	struct connection *conn = NULL;
	TRY(connection_use(c, &conn));
	connection_park();
	return 0;
}

const char *db_not_ready(void)
{
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, READY_LIMIT_MS);
	bool fine = db_check(&c) == 0;
	ctx_done(&c);
	return fine ? NULL : "the database can't be reached";
}

/* What a fate other than an answer means; 1: the statement may be tried again. */
static int judge_fate(struct ctx *c, const struct statement *s, enum outcome outcome, int tries)
{
	bool again = tries == 1 && (outcome == OUTCOME_UNSENT || (outcome == OUTCOME_LOST && s->repeatable));
	if (again) {
		return 1;
	}
	metric_add(METRIC_db_errors, "lost", 1);
	ctx_cause(c, "the connection ended during %s", s->name);
	if (outcome == OUTCOME_UNSENT) {
		return FAIL(c, UNAVAILABLE, "The database can't be reached");
	}
	if (s->repeatable) {
		return outcome == OUTCOME_LATE ? FAIL(c, DEADLINE, "The database did not answer in time")
		                               : FAIL(c, UNAVAILABLE, "The database can't be reached");
	}
	return FAIL(c, WRITE_UNCERTAIN, "It is unknown whether the change was written");
}

/* An answer that is an error; 1: the statement may be tried again. */
static int judge_error(struct ctx *c, const struct statement *s, const PGresult *result, int tries)
{
	(void) connection_fail(c, result);
	if (c->err.type == PROBLEM_CONFLICT && tries < TRIES) { /* rolled back as a whole */
		ctx_forgive(c);
		return 1;
	}
	ctx_cause(c, "in %s", s->name);
	return -1;
}

/* 0 with a good result, 1: try again, -1 with the error. */
static int attempt(struct ctx *c, const struct statement *s, const void *params, int tries, PGresult **ret)
{
	struct connection *conn = NULL;
	AUTO(PGresult) result = NULL;
	TRY(connection_use(c, &conn));
	enum outcome outcome = connection_execute(c, conn, s, params, &result);
	/* An end by the server's administrator may have come before or after the commit: that is unknown. */
	bool over = outcome != OUTCOME_DONE || connection_is_over(conn, result);
	bool read_only = outcome == OUTCOME_DONE && over && PQstatus(conn->pg) != CONNECTION_BAD;
	if (over) {
		connection_drop();
	}
	if (over && !read_only) {
		return judge_fate(c, s, outcome == OUTCOME_DONE ? OUTCOME_LOST : outcome, tries);
	}
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		return judge_error(c, s, result, tries);
	}
	*ret = result;
	result = NULL;
	return 0;
}

static void wait_a_little(int tries)
{
	uint8_t chance = 0;
	random_bytes(&chance, 1);
	struct timespec pause = { .tv_nsec = (long) tries * 1000000 + chance * 20000L };
	nanosleep(&pause, NULL);
}

/* The caller clears the result. */
static int run(struct ctx *c, const struct statement *s, const void *params, PGresult **ret)
{
	int64_t start = clock_monotonic_us();
	int result = 1;
	for (int tries = 1; result == 1; tries++) {
		if (tries > 1) {
			wait_a_little(tries);
		}
		result = attempt(c, s, params, tries, ret);
	}
	connection_park();
	metric_add(METRIC_db_statements, s->name, 1);
	metric_observe_us(METRIC_db_seconds, s->name, clock_monotonic_us() - start);
	return result;
}

int db_run(struct ctx *c, const struct statement *s, const void *params)
{
	AUTO(PGresult) result = NULL;
	TRY(run(c, s, params, &result));
	return 0;
}

static const struct field *field_find(const struct fields *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->v[i].name, name) == 0) {
			return &f->v[i];
		}
	}
	return NULL;
}

#define MAX_COLUMNS 64

static int bad_row(struct ctx *c, const struct statement *s, const char *why, const char *column)
{
	ctx_cause(c, "%s: column %s %s", s->name, column, why);
	return ctx_fail(c, PROBLEM_SERVER_INTERNAL, "%s", "");
}

/* The field of each column of a result. */
struct columns {
	const struct field *v[MAX_COLUMNS];
	int n;
};

/* NULL for a column without a field, which the first row refuses. */
static void match_columns(const struct statement *s, const PGresult *result, struct columns *ret)
{
	ret->n = PQnfields(result);
	if (ret->n > MAX_COLUMNS) {
		die("statement %s has %d columns", s->name, ret->n);
	}
	for (int i = 0; i < ret->n; i++) {
		ret->v[i] = field_find(s->row, PQfname(result, i));
	}
}

static int read_row(
    struct ctx *c, const struct statement *s, const PGresult *result, const struct columns *columns, int row, void *to)
{
	for (int i = 0; i < columns->n; i++) {
		const struct field *f = columns->v[i];
		if (f == NULL) {
			return bad_row(c, s, "has no field", PQfname(result, i));
		}
		if (PQgetisnull(result, row, i) == 1) {
			if ((f->flags & FIELD_REQUIRED) != 0) {
				return bad_row(c, s, "is NULL", f->name);
			}
			continue;
		}
		struct bytes octets = { (const uint8_t *) PQgetvalue(result, row, i), (size_t) PQgetlength(result, row, i) };
		TRY(value_decode(c, f, PQftype(result, i), octets, to));
	}
	return 0;
}

int db_rows(struct ctx *c, const struct statement *s, const void *params, void *ret_array, size_t *ret_n)
{
	AUTO(PGresult) result = NULL;
	struct columns columns = { 0 };
	TRY(run(c, s, params, &result));
	match_columns(s, result, &columns);
	size_t n = (size_t) PQntuples(result);
	char *rows = arena_array(c->arena, n, s->row->size);
	for (size_t i = 0; i < n; i++) {
		TRY(read_row(c, s, result, &columns, (int) i, rows + i * s->row->size));
	}
	*(void **) ret_array = rows;
	*ret_n = n;
	return 0;
}

int db_row(struct ctx *c, const struct statement *s, const void *params, void *ret_row, bool *ret_found)
{
	void *rows = NULL;
	size_t n = 0;
	TRY(db_rows(c, s, params, &rows, &n));
	if (n > 1) {
		ctx_cause(c, "%s gave %zu rows", s->name, n);
		return ctx_fail(c, PROBLEM_SERVER_INTERNAL, "%s", "");
	}
	memset(ret_row, 0, s->row->size);
	if (n == 1) {
		memcpy(ret_row, rows, s->row->size);
	}
	*ret_found = n == 1;
	return 0;
}

#include "lib/db/connection.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/condition.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/db/refusal.h"
#include "lib/db/value.h"
#include "lib/db/wait.h"

#define SETUP_LIMIT_US INT64_C(10000000) /* for preparing */
#define CANCEL_GRACE_US INT64_C(2000000) /* for the answer to a cancel request */
#define WAIT_FOR_CONNECTION_MS INT64_C(5000)
#define MAX_PARAMS 32

static struct {
	const char *conninfo;
	unsigned max_connections;
	int64_t statement_timeout_ms;
	const struct statement *const *statements;
	size_t n_statements;
} config;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static unsigned open_connections;
static struct connection *parked;   /* of them, those that no thread has; the last one first: it is the warmest */
static pthread_cond_t one_released; /* closed or parked */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct connection *mine;
/* Its destructor closes the connection of a thread that ends without a word, such as a library's. */
static pthread_key_t ending;

static void end_of_thread(void *unused)
{
	(void) unused;
	connection_drop();
}

static void init_condition(void)
{
	condition_init(&one_released);
	if (pthread_key_create(&ending, end_of_thread) != 0) {
		die("a key of threads can't be made");
	}
}

void db_statements(const struct statement *const *list, size_t n)
{
	config.statements = list;
	config.n_statements = n;
}

void db_configure(const char *conninfo, unsigned max_connections, int64_t statement_timeout_ms)
{
	config.conninfo = conninfo;
	config.max_connections = max_connections;
	config.statement_timeout_ms = statement_timeout_ms;
	pthread_once(&once, init_condition);
}

/* Takes a parked connection; under the lock. */
static bool take_parked(void)
{
	mine = parked;
	if (mine != NULL) {
		parked = mine->next;
		mine->next = NULL;
	}
	return mine != NULL;
}

/* As soon as there may be one more, or one is parked, the thread has it: a parked one is open. */
static int take_place(struct ctx *c)
{
	struct timespec until = moment_in(ctx_left_ms(c, WAIT_FOR_CONNECTION_MS));
	pthread_mutex_lock(&lock);
	int waited = 0;
	bool taken = take_parked();
	while (!taken && open_connections >= config.max_connections && waited == 0) {
		waited = pthread_cond_timedwait(&one_released, &lock, &until);
		taken = take_parked();
	}
	if (!taken && open_connections < config.max_connections) {
		mine = calloc(1, sizeof(*mine));
		taken = true;
		open_connections++;
		metric_set(METRIC_db_connections, NULL, open_connections);
	}
	pthread_mutex_unlock(&lock);
	if (taken && mine == NULL) {
		die("out of memory");
	}
	return taken ? 0 : FAIL(c, UNAVAILABLE, "All connections to the database are in use");
}

static void give_place(void)
{
	pthread_mutex_lock(&lock);
	open_connections--;
	metric_set(METRIC_db_connections, NULL, open_connections);
	pthread_cond_signal(&one_released);
	pthread_mutex_unlock(&lock);
}

void connection_drop(void)
{
	if (mine != NULL) {
		PQfinish(mine->pg);
		free(mine);
		mine = NULL;
		give_place();
	}
}

void connection_park(void)
{
	if (mine != NULL && mine->n_channels == 0) {
		pthread_mutex_lock(&lock);
		mine->next = parked;
		parked = mine;
		mine = NULL;
		pthread_cond_signal(&one_released);
		pthread_mutex_unlock(&lock);
	}
}

void db_thread_end(void)
{
	for (bool more = true; more;) {
		connection_drop();
		pthread_mutex_lock(&lock);
		more = take_parked();
		pthread_mutex_unlock(&lock);
	}
}

bool connection_wait(struct connection *conn, int64_t deadline_us)
{
	int unsent = PQflush(conn->pg);
	return db_wait_socket(PQsocket(conn->pg), unsent == 1 ? POLLIN | POLLOUT : POLLIN, deadline_us);
}

enum outcome connection_flush(struct connection *conn, int64_t deadline_us)
{
	for (;;) {
		int left = PQflush(conn->pg);
		if (left <= 0) {
			return left == 0 ? OUTCOME_DONE : OUTCOME_LOST;
		}
		if (!db_wait_socket(PQsocket(conn->pg), POLLIN | POLLOUT, deadline_us)) {
			return OUTCOME_LATE;
		}
		if (PQconsumeInput(conn->pg) == 0) {
			return OUTCOME_LOST;
		}
	}
}

/* The next result, or NULL at the end of an answer. */
static enum outcome next_result(struct connection *conn, int64_t deadline_us, PGresult **ret)
{
	while (PQisBusy(conn->pg) == 1) {
		if (!connection_wait(conn, deadline_us)) {
			return OUTCOME_LATE;
		}
		if (PQconsumeInput(conn->pg) == 0) {
			return OUTCOME_LOST;
		}
	}
	*ret = PQgetResult(conn->pg);
	return OUTCOME_DONE;
}

static bool ends_an_answer(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* Takes results until the answer ends; the first error, or else the last result, counts. */
static enum outcome whole_answer(struct connection *conn, int64_t deadline_us, PGresult **held)
{
	for (;;) {
		PGresult *next = NULL;
		enum outcome outcome = next_result(conn, deadline_us, &next);
		if (outcome != OUTCOME_DONE || next == NULL) {
			return outcome;
		}
		if (*held != NULL && PQresultStatus(*held) == PGRES_FATAL_ERROR) {
			PQclear(next);
			continue;
		}
		PQclear(*held);
		*held = next;
		if (ends_an_answer(next)) {
			return OUTCOME_DONE;
		}
	}
}

static void cancel(struct connection *conn)
{
	char why[256];
	PGcancel *request = PQgetCancel(conn->pg);
	if (request != NULL) {
		(void) PQcancel(request, why, sizeof(why)); /* when that fails, the grace time ends the wait */
		PQfreeCancel(request);
	}
}

enum outcome connection_answer(struct ctx *c, struct connection *conn, PGresult **ret)
{
	AUTO(PGresult) held = NULL;
	enum outcome outcome = whole_answer(conn, c->deadline_us, &held);
	if (outcome == OUTCOME_LATE) {
		/* Whatever is answered now is the truth: cancelled, or done after all. */
		cancel(conn);
		db_wait_on();
		outcome = whole_answer(conn, clock_monotonic_us() + CANCEL_GRACE_US, &held);
	}
	if (outcome == OUTCOME_DONE && (held == NULL || PQstatus(conn->pg) == CONNECTION_BAD)) {
		outcome = OUTCOME_LOST;
	}
	if (outcome == OUTCOME_DONE) {
		*ret = held;
		held = NULL;
	}
	return outcome;
}

/* What was put into the buffer is on its way unless the connection was found dead. */
static enum outcome sent_answer(struct ctx *c, struct connection *conn, int queued, PGresult **ret)
{
	if (queued == 0) {
		return OUTCOME_UNSENT;
	}
	enum outcome outcome = connection_flush(conn, c->deadline_us);
	return outcome == OUTCOME_DONE || outcome == OUTCOME_LATE ? connection_answer(c, conn, ret) : outcome;
}

enum outcome connection_command(struct ctx *c, struct connection *conn, const char *sql, PGresult **ret)
{
	return sent_answer(c, conn, PQsendQuery(conn->pg, sql), ret);
}

enum outcome connection_execute(
    struct ctx *c, struct connection *conn, const struct statement *s, const void *params, PGresult **ret)
{
	const char *values[MAX_PARAMS];
	int lengths[MAX_PARAMS];
	int formats[MAX_PARAMS];
	size_t n = s->params == NULL ? 0 : s->params->n;
	for (size_t i = 0; i < n; i++) {
		struct bytes value = value_encode(c->arena, &s->params->v[i], params);
		values[i] = (const char *) value.p;
		lengths[i] = (int) value.n;
		formats[i] = 1;
	}
	int queued = PQsendQueryPrepared(conn->pg, s->name, (int) n, values, lengths, formats, 1);
	return sent_answer(c, conn, queued, ret);
}

struct problem_of_state {
	const char *state; /* a SQLSTATE or its class */
	enum problem problem;
};

static const struct problem_of_state problems_of_states[] = {
	{ "40001", PROBLEM_CONFLICT },    /* serialization */
	{ "40P01", PROBLEM_CONFLICT },    /* deadlock */
	{ "55P03", PROBLEM_DEADLINE },    /* lock_timeout */
	{ "57014", PROBLEM_DEADLINE },    /* statement_timeout, cancel */
	{ "25006", PROBLEM_UNAVAILABLE }, /* the server became a replica */
	{ "53", PROBLEM_UNAVAILABLE },    /* no connections, memory, disk */
	{ "57P", PROBLEM_UNAVAILABLE },   /* shutting down, starting up */
};

static const char *field_of(const PGresult *result, int code)
{
	const char *text = PQresultErrorField(result, code);
	return text == NULL ? "" : text;
}

int connection_fail(struct ctx *c, const PGresult *result)
{
	const char *state = field_of(result, PG_DIAG_SQLSTATE);
	const char *message = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
	char class[3] = { state[0], state[0] == '\0' ? '\0' : state[1], '\0' };
	metric_add(METRIC_db_errors, class, 1);
	if (strcmp(state, "CA001") == 0) {
		return refusal_fail(c, problem_by_name(message), field_of(result, PG_DIAG_MESSAGE_DETAIL),
		    field_of(result, PG_DIAG_MESSAGE_HINT));
	}
	ctx_cause(c, "SQLSTATE %s: %s", state, message); /* not the detail: it shows rows, with all that is personal */
	for (size_t i = 0; i < COUNT_OF(problems_of_states); i++) {
		if (strncmp(state, problems_of_states[i].state, strlen(problems_of_states[i].state)) == 0) {
			return ctx_fail(c, problems_of_states[i].problem, "%s", "");
		}
	}
	return ctx_fail(c, PROBLEM_SERVER_INTERNAL, "%s", "");
}

bool connection_is_over(const struct connection *conn, const PGresult *result)
{
	const char *state = field_of(result, PG_DIAG_SQLSTATE);
	return PQstatus(conn->pg) == CONNECTION_BAD || strncmp(state, "57P", 3) == 0 || strcmp(state, "25006") == 0;
}

static void ignore_notice(void *arg, const PGresult *notice)
{
	(void) arg;
	(void) notice;
}

/* Limits of the session; the time zone is for text forms in SQL functions. Every statement is one of a few that run over
 * and over: planned once, not anew for each of its first executions; and as look-ups by index, since a plan is kept that
 * may have been made when the tables were empty. */
static const char session_sql[] =
    "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false), "
    "set_config('idle_in_transaction_session_timeout', $1, false), set_config('timezone', 'UTC', false), "
    "set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false), "
    "set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false), "
    "set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false)";

static int queue_session(struct connection *conn)
{
	char limit[24];
	snprintf(limit, sizeof(limit), "%lld", (long long) config.statement_timeout_ms);
	const char *values[] = { limit };
	return PQsendQueryParams(conn->pg, session_sql, 1, NULL, values, NULL, NULL, 0);
}

static int queue_prepare(struct connection *conn, const struct statement *s)
{
	Oid types[MAX_PARAMS];
	size_t n = s->params == NULL ? 0 : s->params->n;
	if (n > MAX_PARAMS) {
		die("statement %s has %zu parameters", s->name, n);
	}
	for (size_t i = 0; i < n; i++) {
		types[i] = value_type(s->params->v[i].kind);
	}
	return PQsendPrepare(conn->pg, s->name, s->sql, (int) n, types);
}

static int lost_in_setup(struct ctx *c, struct connection *conn)
{
	ctx_cause(c, "%s", PQerrorMessage(conn->pg));
	return FAIL(c, UNAVAILABLE, "The database can't be reached");
}

/* Statement i of the pipeline (0: the session) was answered; behind the last comes what a server says that ends just then. */
static int check_prepared(struct ctx *c, const PGresult *result, size_t i)
{
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		return 0;
	}
	bool is_statement = i > 0 && i <= config.n_statements;
	ctx_cause(c, "while preparing %s", is_statement ? config.statements[i - 1]->name : "the session");
	return connection_fail(c, result);
}

static int read_pipeline(struct ctx *c, struct connection *conn, int64_t deadline_us)
{
	for (size_t i = 0;;) {
		AUTO(PGresult) result = NULL;
		enum outcome outcome = next_result(conn, deadline_us, &result);
		if (outcome == OUTCOME_LATE) {
			cancel(conn); /* it may wait for a lock, and goes on to when the connection is closed */
		}
		if (outcome != OUTCOME_DONE) {
			return lost_in_setup(c, conn);
		}
		if (result == NULL) { /* between two answers, or after the connection broke */
			if (PQstatus(conn->pg) == CONNECTION_BAD) {
				return lost_in_setup(c, conn);
			}
			continue;
		}
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			return 0;
		}
		TRY(check_prepared(c, result, i++));
	}
}

/* All in one round trip. */
static int prepare_all(struct ctx *c, struct connection *conn)
{
	int64_t deadline_us = clock_monotonic_us() + SETUP_LIMIT_US;
	int queued = PQenterPipelineMode(conn->pg) == 1 && queue_session(conn) == 1;
	for (size_t i = 0; queued == 1 && i < config.n_statements; i++) {
		queued = queue_prepare(conn, config.statements[i]);
	}
	if (queued != 1 || PQpipelineSync(conn->pg) != 1) {
		return lost_in_setup(c, conn);
	}
	TRY(connection_flush(conn, deadline_us) == OUTCOME_DONE ? 0 : lost_in_setup(c, conn));
	TRY(read_pipeline(c, conn, deadline_us));
	return PQexitPipelineMode(conn->pg) == 1 ? 0 : lost_in_setup(c, conn);
}

/* The connection string goes last, so that it may override the limit. connect_timeout counts for each host. */
static PGconn *dial(void)
{
	static const char *const keys[] = { "connect_timeout", "client_encoding", "dbname", "fallback_application_name",
		NULL };
	const char *const values[] = { "3", "UTF8", config.conninfo, program_invocation_short_name, NULL };
	return PQconnectdbParams(keys, values, 1);
}

static int open_mine(struct ctx *c)
{
	mine->pg = dial();
	if (mine->pg == NULL) {
		die("out of memory");
	}
	if (PQstatus(mine->pg) != CONNECTION_OK) {
		(void) lost_in_setup(c, mine);
		connection_drop();
		return -1;
	}
	PQsetNoticeReceiver(mine->pg, ignore_notice, NULL);
	int result = PQsetnonblocking(mine->pg, 1) == 0 ? prepare_all(c, mine) : lost_in_setup(c, mine);
	if (result != 0) {
		connection_drop();
	}
	return result;
}

/* A connection that ended while nobody used it is readable: better found out before a statement is sent. */
static bool is_alive(struct connection *conn)
{
	struct pollfd one = { .fd = PQsocket(conn->pg), .events = POLLIN };
	while (PQstatus(conn->pg) == CONNECTION_OK) {
		if (poll(&one, 1, 0) == 0) {
			return true;
		}
		if (PQconsumeInput(conn->pg) == 0) {
			return false;
		}
	}
	return false;
}

int connection_use(struct ctx *c, struct connection **ret)
{
	if (ctx_left_ms(c, 1) == 0) {
		return FAIL(c, DEADLINE, "The time for this request is over");
	}
	if (config.conninfo == NULL) {
		die("the database is not configured");
	}
	do {
		if (mine == NULL) {
			TRY(take_place(c));
			(void) pthread_setspecific(ending, mine); /* without it the connection lives until the process ends */
		}
		if (mine->pg == NULL) {
			TRY(open_mine(c));
		} else if (!is_alive(mine)) {
			connection_drop();
		}
	} while (mine == NULL);
	*ret = mine;
	return 0;
}

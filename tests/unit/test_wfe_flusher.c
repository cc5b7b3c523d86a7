/* link: wfe */
/* The request log with a real PostgreSQL: nothing is lost or doubled, whatever is killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "lib/crypto/commitment.h"
#include "lib/crypto/digest.h"
#include "tests/unit/gauge.h"
#include "tests/unit/hex.h"
#include "tests/unit/pg.h"
#include "wfe/flusher.h"
#include "wfe/record.h"
#include "wfe/statements.h"

static const struct statement *const statements[] = { &flusher_find_position, &flusher_move_position };

static char dir[] = "/tmp/wfe-flusher-XXXXXX";

static int setup(void **state)
{
	(void) state;
	pg_start();
	db_statements(statements, COUNT_OF(statements));
	db_configure(pg_conninfo("cairn_wfe"), 4, 5000);
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	db_thread_end();
	pg_stop();
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *) NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

static struct spool *open_spool(struct ctx *c)
{
	struct spool *s = NULL;
	const struct spool_options options = { dir, (size_t) 16 * 1024, (size_t) 64 * 1024 * 1024 };
	if (spool_open(c, &options, &s) != 0) {
		fail_msg("%s", c->err.cause);
	}
	return s;
}

/* Puts all segments aside, as a person would. */
static int empty_spool(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("sh", "sh", "-c", "rm -f \"$0\"/*.seg", dir, (char *) NULL);
		_exit(127);
	}
	int status = -1;
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static struct bytes digest_of(struct arena *a, struct bytes in)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(in, digest);
	return arena_bytes(a, digest, sizeof(digest));
}

static int append_begin(struct ctx *c, struct spool *s, struct id id)
{
	struct bytes body = bytes_of_text("{\"protected\":\"...\"}");
	struct record_begin begin = {
		.received_at = { INT64_C(1795248550123456) },
		.method = "POST",
		.route = "new-order",
		.url = "/acme/new-order",
		.remote_address = "2001:db8::17",
		.remote_port = 50123,
		.user_agent = "client/1.0 \xff",
		.headers = "Host: ca.test",
		.has_body = true,
		.body = body,
		.body_sha256 = digest_of(c->arena, body),
		.body_octets = (int64_t) body.n,
	};
	return spool_append(c, s, SPOOL_BEGIN, id, record_encode_begin(c->arena, &begin));
}

static int append_end(struct ctx *c, struct spool *s, struct id id, struct id account)
{
	struct bytes reply = bytes_of_text("{\"status\":\"pending\"}");
	struct record_end end = {
		.account_id = account,
		.status = 201,
		.rule = "name.blocked",
		.has_reply = true,
		.reply = reply,
		.reply_sha256 = digest_of(c->arena, reply),
		.reply_octets = (int64_t) reply.n,
		.duration_us = 4711,
	};
	return spool_append(c, s, SPOOL_END, id, record_encode_end(c->arena, &end));
}

static void flush(struct ctx *c, struct flusher *f)
{
	if (flusher_flush(c, f) != 0) {
		fail_msg("%s: %s", c->err.detail, c->err.cause);
	}
}

static struct bytes hex_value(struct ctx *c, const char *sql)
{
	char *value = pg_value(sql);
	assert_non_null(value);
	struct bytes octets = hex_octets(c->arena, value);
	free(value);
	return octets;
}

static void assert_commitments(struct ctx *c)
{
	struct bytes salt = hex_value(c, "SELECT encode(salt, 'hex') FROM log.request_private");
	struct bytes commitments = hex_value(c, "SELECT encode(commitments, 'hex') FROM log.request");
	assert_int_equal(commitments.n, RECORD_COMMITMENTS * COMMITMENT_SIZE);
	static const struct {
		const char *name;
		const char *value;
	} fields[] = { { "remote_address", "2001:db8::17" }, { "remote_port", "50123" },
		{ "user_agent", "client/1.0 \xef\xbf\xbd" }, { "accept_language", NULL }, { "body", "{\"protected\":\"...\"}" },
		{ "reply", "{\"status\":\"pending\"}" }, { "headers", "Host: ca.test" } };
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const uint8_t *one = commitments.p + i * COMMITMENT_SIZE;
		static const uint8_t zeros[COMMITMENT_SIZE];
		if (fields[i].value == NULL) {
			assert_memory_equal(one, zeros, COMMITMENT_SIZE);
		} else {
			assert_true(commitment_verify(salt.p, fields[i].name, bytes_of_text(fields[i].value), one));
			assert_false(commitment_verify(salt.p, fields[i].name, bytes_of_text("other"), one));
		}
	}
}

/* G-2, G-3: facts here, personal fields there, commitments between both. */
static void a_request_becomes_two_rows(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct spool *s = open_spool(&c);
	struct flusher *f = flusher_new(s);
	assert_int_equal(append_begin(&c, s, id_new()), 0);
	flush(&c, f);
	pg_assert_value("SELECT count(*) FROM log.request", "0"); /* it has not ended */
	struct spool_record_list none;
	assert_int_equal(spool_read(&c, s, 1000, &none), 0);
	assert_int_equal(none.n, 0);

	struct id id = id_new();
	struct id account = id_new();
	assert_int_equal(append_begin(&c, s, id), 0);
	flush(&c, f); /* its end comes with a later batch */
	assert_int_equal(append_end(&c, s, id, account), 0);
	flush(&c, f);
	assert_true(flusher_healthy(f));
	pg_assert_value(
	    "SELECT concat_ws('|', received_at AT TIME ZONE 'UTC', method, route, url, status, problem, rule, body_octets,"
	    " reply_octets, duration_us) FROM log.request",
	    "2026-11-21 08:09:10.123456|POST|new-order|/acme/new-order|201|name.blocked|19|20|4711");
	pg_assert_value("SELECT concat_ws('|', remote_address, remote_port, user_agent, accept_language, headers,"
	                " convert_from(body, 'UTF8'), convert_from(reply, 'UTF8')) FROM log.request_private",
	    "2001:db8::17|50123|client/1.0 \xef\xbf\xbd|Host: ca.test|{\"protected\":\"...\"}|{\"status\":\"pending\"}");
	pg_assert_value("SELECT count(*) FROM log.request r JOIN log.request_private p ON p.id = r.id"
	                " WHERE r.body_sha256 = sha256(p.body) AND r.reply_sha256 = sha256(p.reply)",
	    "1");

	assert_commitments(&c);
	flusher_free(f);
	spool_close(s);

	/* The one that never ended is known as such once the spool is opened again. */
	s = open_spool(&c);
	f = flusher_new(s);
	flush(&c, f);
	flush(&c, f);
	pg_assert_value("SELECT count(*) FROM log.request WHERE status IS NULL AND reply_sha256 IS NULL", "1");
	pg_assert_value("SELECT count(*) FROM log.request", "2");
	flusher_free(f);
	spool_close(s);
	ctx_done(&c);
}

/* Runs in a child until it is killed; each id goes through the pipe once its begin is in the spool. */
static void work_until_killed(int told)
{
	struct ctx c;
	ctx_init(&c);
	struct spool *s = open_spool(&c);
	struct flusher *f = flusher_new(s);
	flusher_start(f);
	for (uint64_t i = 0;; i++) {
		struct id id = id_new();
		if (append_begin(&c, s, id) != 0 || write(told, id.b, sizeof(id.b)) != sizeof(id.b) ||
		    (i % 7 != 0 && append_end(&c, s, id, (struct id) { { 0 } }) != 0)) {
			_exit(1);
		}
		nanosleep(&(struct timespec) { .tv_nsec = 200000 }, NULL);
	}
}

static size_t read_ids(int from, char *list, size_t size)
{
	size_t n = 0;
	size_t at = strlen(list);
	struct id id;
	while (read(from, id.b, sizeof(id.b)) == sizeof(id.b) && at + 64 < size) {
		at += (size_t) snprintf(list + at, size - at, "%s'", at == 0 ? "" : ",");
		for (size_t i = 0; i < sizeof(id.b); i++) {
			at += (size_t) snprintf(list + at, size - at, "%02x", id.b[i]);
		}
		at += (size_t) snprintf(list + at, size - at, "'");
		n++;
	}
	return n;
}

static void a_kill_of_the_front_end(void **state)
{
	(void) state;
	static char ids[1000000];
	size_t n = 0;
	for (int round = 0; round < 5; round++) {
		int told[2];
		assert_int_equal(pipe(told), 0);
		db_thread_end();
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			(void) close(told[0]);
			work_until_killed(told[1]);
		}
		(void) close(told[1]);
		nanosleep(&(struct timespec) { .tv_nsec = 230000000 + round * 90000000 }, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		n += read_ids(told[0], ids, sizeof(ids));
		assert_int_equal(waitpid(child, NULL, 0), child);
		(void) close(told[0]);
	}
	assert_true(n > 100);
	struct ctx c;
	ctx_init(&c);
	struct spool *s = open_spool(&c);
	struct flusher *f = flusher_new(s);
	flush(&c, f);
	static char sql[1100000];
	(void) snprintf(sql, sizeof(sql), "SELECT count(*) FROM log.request WHERE id IN (%s)", ids);
	char expected[32];
	(void) snprintf(expected, sizeof(expected), "%zu", n);
	pg_assert_value(sql, expected);
	pg_assert_value("SELECT count(*) - count(DISTINCT id) FROM log.request", "0");
	pg_assert_value("SELECT (SELECT count(*) FROM log.request) - (SELECT count(*) FROM log.request_private)", "0");
	(void) snprintf(
	    sql, sizeof(sql), "SELECT count(*) >= %zu FROM log.request WHERE id IN (%s) AND status IS NULL", n / 7, ids);
	pg_assert_value(sql, "t");
	flusher_free(f);
	spool_close(s);
	ctx_done(&c);
}

static atomic_bool quiet;

static void *cut_connections(void *arg)
{
	(void) arg;
	PGconn *conn = pg_connect("postgres", "cairn");
	while (!atomic_load(&quiet)) {
		PQclear(PQexec(conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cairn_wfe'"));
		nanosleep(&(struct timespec) { .tv_nsec = 3000000 }, NULL);
	}
	PQfinish(conn);
	return NULL;
}

static void the_database_goes_away_at_any_moment(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct spool *s = open_spool(&c);
	struct flusher *f = flusher_new(s);
	flush(&c, f);
	pg_exec("postgres", "CREATE TABLE public.before AS SELECT id FROM log.request");
	pthread_t cutter;
	assert_int_equal(pthread_create(&cutter, NULL, cut_connections, NULL), 0);
	size_t failures = 0;
	for (size_t i = 0; i < 400; i++) {
		struct id id = id_new();
		struct ctx inner;
		ctx_init(&inner);
		assert_int_equal(append_begin(&inner, s, id), 0);
		assert_int_equal(append_end(&inner, s, id, (struct id) { { 0 } }), 0);
		failures += flusher_flush(&inner, f) != 0 ? 1 : 0;
		ctx_done(&inner);
	}
	atomic_store(&quiet, true);
	assert_int_equal(pthread_join(cutter, NULL), 0);
	assert_true(failures > 0);
	assert_int_equal(flusher_flush(&c, f) == 0 || flusher_flush(&c, f) == 0, 1);
	pg_assert_value("SELECT count(*) FROM log.request WHERE id NOT IN (SELECT id FROM public.before)", "400");
	pg_assert_value("SELECT count(*) - count(DISTINCT id) FROM log.request", "0");
	/* what is in the database was deleted */
	assert_in_range(gauge_value(c.arena, "cairn_spool_bytes"), 0, 64 * 1024 - 1);
	flusher_free(f);
	spool_close(s);
	ctx_done(&c);
}

static void a_database_that_refuses_gets_all_of_it_later(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct spool *s = open_spool(&c);
	struct flusher *f = flusher_new(s);
	flush(&c, f);
	pg_exec("postgres", "REVOKE INSERT ON log.request_private FROM cairn_wfe");
	struct id id = id_new();
	assert_int_equal(append_begin(&c, s, id), 0);
	assert_int_equal(append_end(&c, s, id, id), 0);
	assert_int_equal(flusher_flush(&c, f), -1);
	assert_false(flusher_healthy(f));
	pg_assert_value("SELECT count(*) FROM log.request WHERE account_id = id", "0"); /* all or nothing */
	pg_exec("postgres", "GRANT INSERT ON log.request_private TO cairn_wfe");
	ctx_forgive(&c);
	flush(&c, f);
	pg_assert_value("SELECT count(*) FROM log.request WHERE account_id = id", "1");
	flusher_free(f);
	spool_close(s);
	ctx_done(&c);
}

/* Its checksum is right and its form is not: a fault of the program, which must not pass in silence. */
static void a_record_that_cant_be_read_is_told(void **state)
{
	(void) state;
	static const char *const payloads[] = { "{\"method\":\"POST\"}", "" };
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		int told[2];
		assert_int_equal(pipe(told), 0);
		db_thread_end();
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct ctx c;
			ctx_init(&c);
			struct spool *s = open_spool(&c);
			struct flusher *f = flusher_new(s);
			struct id id = id_new();
			(void) dup2(told[1], STDERR_FILENO);
			_exit(spool_append(&c, s, SPOOL_BEGIN, id, bytes_of_text(payloads[i])) == 0 &&
			              append_end(&c, s, id, id) == 0 && flusher_flush(&c, f) == 0
			          ? 0
			          : 1);
		}
		(void) close(told[1]);
		char text[1000] = "";
		ssize_t n = read(told[0], text, sizeof(text) - 1);
		(void) close(told[0]);
		int status = 0;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(n > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) < 2));
		assert_non_null(strstr(text, "of the spool can't be read; put its segment aside"));
		assert_int_equal(empty_spool(), 0);
	}
}

/* style.md 17 */
static void every_statement_can_be_prepared(void **state)
{
	(void) state;
	pg_check_statements("cairn_wfe", wfe_statements, wfe_n_statements);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_can_be_prepared),
		cmocka_unit_test(a_request_becomes_two_rows),
		cmocka_unit_test(a_kill_of_the_front_end),
		cmocka_unit_test(the_database_goes_away_at_any_moment),
		cmocka_unit_test(a_database_that_refuses_gets_all_of_it_later),
		cmocka_unit_test(a_record_that_cant_be_read_is_told),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

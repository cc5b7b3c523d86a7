#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "tests/unit/pg.h"

struct part {
	const char *type;
	int64_t value;
};

struct part_list {
	struct part *v;
	size_t n;
};

struct all {
	const char *text;
	bool flag;
	int64_t number;
	struct bytes octets;
	struct id id;
	struct timestamp at;
	struct text_list texts;
	struct bytes_list many;
	struct id_list ids;
	struct int_list numbers;
	json_t *any;
	struct part part;
	struct part_list parts;
};

static const struct field part_field[] = { FIELD(struct part, type), FIELD(struct part, value) };
static const struct fields part_fields = FIELDS(struct part, part_field);

static const struct field all_field[] = {
	FIELD(struct all, text),
	FIELD(struct all, flag),
	FIELD(struct all, number),
	FIELD(struct all, octets),
	FIELD(struct all, id),
	FIELD(struct all, at),
	FIELD(struct all, texts),
	FIELD(struct all, many),
	FIELD(struct all, ids),
	FIELD(struct all, numbers),
	FIELD(struct all, any),
	FIELD_STRUCT(struct all, part, &part_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct all, parts, &part_fields),
};
static const struct fields all_fields = FIELDS(struct all, all_field);

struct one {
	int64_t n;
};
static const struct field one_field[] = { FIELD(struct one, n, .flags = FIELD_REQUIRED) };
static const struct fields one_fields = FIELDS(struct one, one_field);

struct name {
	const char *text;
};
static const struct field name_field[] = { FIELD(struct name, text) };
static const struct fields name_fields = FIELDS(struct name, name_field);

static const struct statement echo = {
	.name = "echo",
	.sql = "SELECT $1 AS text, $2 AS flag, $3 AS number, $4 AS octets, $5 AS id, $6 AS at, $7 AS texts, $8 AS many, "
	       "$9 AS ids, $10 AS numbers, $11 AS any, $12 AS part, $13 AS parts",
	.params = &all_fields,
	.row = &all_fields,
	.repeatable = true,
};
static const struct statement insert = {
	.name = "insert", .sql = "INSERT INTO test.t (n) VALUES ($1)", .params = &one_fields
};
static const struct statement update = {
	.name = "update", .sql = "UPDATE test.t SET n = n WHERE n >= $1", .params = &one_fields
};
static const struct statement series = {
	.name = "series", .sql = "SELECT i AS n FROM generate_series(1, $1) i", .params = &one_fields, .row = &one_fields
};
static const struct statement small = { .name = "small", .sql = "SELECT 7::int2 AS n", .row = &one_fields };
static const struct statement backend = {
	.name = "backend", .sql = "SELECT pg_backend_pid() AS n", .row = &one_fields
};
static const struct statement missing = { .name = "missing", .sql = "SELECT NULL::int8 AS n", .row = &one_fields };
static const struct statement unknown_column = { .name = "unknown_column", .sql = "SELECT 1 AS x", .row = &one_fields };
static const struct statement wrong_type = { .name = "wrong_type", .sql = "SELECT now() AS n", .row = &one_fields };
static const struct statement refuse = {
	.name = "refuse", .sql = "SELECT cairn.refuse($1, 'The reason')", .params = &name_fields
};
static const struct statement sleep_read = {
	.name = "sleep_read", .sql = "SELECT pg_sleep($1)", .params = &one_fields, .repeatable = true
};
static const struct statement nap = { .name = "nap", .sql = "SELECT pg_sleep(0.6 * $1::int8)", .params = &one_fields };
/* Both end their own connection in the middle; the first one only when it runs for the first time. */
static const struct statement kill_read = { .name = "kill_read",
	.sql = "SELECT 1 FROM (SELECT nextval('test.once') AS v) s WHERE CASE WHEN v = 1 THEN "
	       "pg_terminate_backend(pg_backend_pid()) AND pg_sleep(5) IS NULL ELSE true END",
	.repeatable = true };
static const struct statement kill_write = { .name = "kill_write",
	.sql = "INSERT INTO test.t SELECT 99 WHERE test.end_me()" };
static const struct statement serialization = {
	.name = "serialization", .sql = "SELECT test.conflict($1)", .params = &one_fields
};

static const struct statement *const statements[] = { &backend, &echo, &insert, &update, &series, &small, &missing,
	&unknown_column, &wrong_type, &refuse, &sleep_read, &nap, &kill_read, &kill_write, &serialization };

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_exec("cairn_owner", "CREATE SCHEMA test; CREATE TABLE test.t (n int8 PRIMARY KEY CHECK (n < 1000));"
	                       "CREATE SEQUENCE test.once; CREATE SEQUENCE test.tries;"
	                       "CREATE FUNCTION test.conflict(until int8) RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
	                       "IF nextval('test.tries') < until THEN RAISE EXCEPTION SQLSTATE '40001'; END IF; END $$;"
	                       "CREATE FUNCTION test.end_me() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
	                       "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN true; END $$");
	db_statements(statements, COUNT_OF(statements));
	db_configure(pg_conninfo("cairn_owner"), 2, 1000);
	return 0;
}

static void test_values(void **state)
{
	(void) state;
	struct ctx c;
	struct all out;
	bool found = false;
	struct id id = id_new();
	ctx_init(&c);
	struct all in = {
		.text = "Grüße",
		.flag = true,
		.number = -5000000000,
		.octets = { (const uint8_t *) "\0\1\2", 3 },
		.id = id,
		.at = { INT64_C(1795305600123456) },
		.texts = { (const char *[]) { "a", "", "c,\"{" }, 3 },
		.many = { (struct bytes[]) { { (const uint8_t *) "\0", 1 }, { (const uint8_t *) "", 0 } }, 2 },
		.ids = { &id, 1 },
		.numbers = { (int64_t[]) { 1, -2, INT64_MAX }, 3 },
		.part = { "dns", 4 },
		.parts = { (struct part[]) { { "x", 1 }, { NULL, 2 } }, 2 },
	};
	assert_int_equal(json_parse(&c, bytes_of_text("{\"a\":[1,null]}"), &in.any), 0);
	assert_int_equal(db_row(&c, &echo, &in, &out, &found), 0);
	assert_true(found);
	assert_string_equal(out.text, in.text);
	assert_true(out.flag);
	assert_int_equal(out.number, in.number);
	assert_true(bytes_equal(out.octets, in.octets));
	assert_true(id_equal(out.id, id));
	assert_int_equal(out.at.us, in.at.us);
	assert_int_equal(out.texts.n, 3);
	assert_string_equal(out.texts.v[2], "c,\"{");
	assert_int_equal(out.many.n, 2);
	assert_int_equal(out.many.v[1].n, 0);
	assert_true(id_equal(out.ids.v[0], id));
	assert_int_equal(out.numbers.v[1], -2);
	assert_true(out.numbers.v[2] == INT64_MAX);
	assert_true(json_equal(out.any, in.any));
	assert_string_equal(out.part.type, "dns");
	assert_int_equal(out.parts.n, 2);
	assert_int_equal(out.parts.v[1].value, 2);
	ctx_done(&c);
}

static void test_nothing_is_null(void **state)
{
	(void) state;
	struct ctx c;
	struct all out;
	bool found = false;
	ctx_init(&c);
	struct all in = { 0 };
	assert_int_equal(db_row(&c, &echo, &in, &out, &found), 0);
	assert_null(out.text);
	assert_true(id_is_none(out.id));
	assert_int_equal(out.at.us, 0);
	assert_int_equal(out.texts.n, 0);
	assert_null(out.any);
	assert_null(out.part.type);
	assert_int_equal(out.parts.n, 0);
	ctx_done(&c);
}

static void test_rows(void **state)
{
	(void) state;
	struct ctx c;
	struct one *rows = NULL;
	struct one row = { 0 };
	size_t n = 0;
	bool found = true;
	ctx_init(&c);
	assert_int_equal(db_rows(&c, &series, &(struct one) { 1000 }, &rows, &n), 0);
	assert_int_equal(n, 1000);
	assert_int_equal(rows[999].n, 1000);
	assert_int_equal(db_row(&c, &series, &(struct one) { 0 }, &row, &found), 0);
	assert_false(found);
	assert_int_equal(db_row(&c, &small, NULL, &row, &found), 0);
	assert_int_equal(row.n, 7);
	for (int64_t i = 1; i <= 3; i++) {
		assert_int_equal(db_run(&c, &insert, &(struct one) { i }), 0);
	}
	assert_int_equal(db_run(&c, &update, &(struct one) { 2 }), 0);
	pg_assert_value("SELECT count(*) FROM test.t WHERE n BETWEEN 1 AND 3", "3");
	ctx_done(&c);
}

struct refusal {
	const struct statement *statement;
	const void *params;
	enum problem problem;
	const char *cause; /* part of it */
};

static void test_refusals(void **state)
{
	(void) state;
	const struct refusal refusals[] = {
		{ &series, &(struct one) { 2 }, PROBLEM_SERVER_INTERNAL, "series gave 2 rows" },
		{ &missing, NULL, PROBLEM_SERVER_INTERNAL, "is NULL" },
		{ &unknown_column, NULL, PROBLEM_SERVER_INTERNAL, "has no field" },
		{ &wrong_type, NULL, PROBLEM_SERVER_INTERNAL, "has type 1184" },
		{ &refuse, &(struct name) { "ORDER_NOT_READY" }, PROBLEM_ORDER_NOT_READY, NULL },
	};
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct ctx c;
		struct one row = { 0 };
		bool found = false;
		ctx_init(&c);
		const struct refusal *r = &refusals[i];
		assert_int_equal(r->statement->row == NULL ? db_run(&c, r->statement, r->params)
		                                           : db_row(&c, r->statement, r->params, &row, &found),
		    -1);
		assert_int_equal(c.err.type, r->problem);
		if (r->cause != NULL) {
			assert_non_null(strstr(c.err.cause, r->cause));
		} else {
			assert_string_equal(c.err.detail, "The reason");
		}
		ctx_done(&c);
	}
}

static void test_constraint(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(db_run(&c, &insert, &(struct one) { 1000 }), -1);
	assert_int_equal(c.err.type, PROBLEM_SERVER_INTERNAL);
	assert_non_null(strstr(c.err.cause, "23514"));
	assert_null(strstr(c.err.detail, "1000")); /* */
	assert_null(strstr(c.err.cause, "1000"));  /* nor do the values of a row get into a log */
	ctx_done(&c);
}

static void test_time_limits(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(db_run(&c, &sleep_read, &(struct one) { 3 }), -1); /* of the server: 1 s */
	assert_int_equal(c.err.type, PROBLEM_DEADLINE);
	ctx_forgive(&c);
	ctx_limit_ms(&c, 200);
	int64_t start = clock_monotonic_us();
	assert_int_equal(db_run(&c, &sleep_read, &(struct one) { 3 }), -1); /* of the request: cancelled */
	assert_int_equal(c.err.type, PROBLEM_DEADLINE);
	assert_true(clock_monotonic_us() - start < 900000);
	ctx_forgive(&c);
	assert_int_equal(db_run(&c, &sleep_read, &(struct one) { 0 }), -1); /* the time was over before */
	assert_int_equal(c.err.type, PROBLEM_DEADLINE);
	ctx_done(&c);
	ctx_init(&c);
	assert_int_equal(db_run(&c, &sleep_read, &(struct one) { 0 }), 0);
	ctx_done(&c);
}

static void test_lost_connection(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(db_run(&c, &kill_read, NULL), 0); /* repeated on a new connection */
	assert_int_equal(db_run(&c, &kill_write, NULL), -1);
	assert_int_equal(c.err.type, PROBLEM_WRITE_UNCERTAIN);
	ctx_forgive(&c);
	pg_assert_value("SELECT count(*) FROM test.t WHERE n = 99", "0");
	/* One that ended while nobody used it is no error at all, not even for a write. */
	assert_int_equal(db_run(&c, &insert, &(struct one) { 50 }), 0);
	pg_exec("postgres", "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'cairn_owner'");
	assert_int_equal(db_run(&c, &insert, &(struct one) { 51 }), 0);
	pg_assert_value("SELECT count(*) FROM test.t WHERE n IN (50, 51)", "2");
	ctx_done(&c);
}

static void test_conflict(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(db_run(&c, &serialization, &(struct one) { 3 }), 0); /* the third try */
	assert_int_equal(db_run(&c, &serialization, &(struct one) { 100 }), -1);
	assert_int_equal(c.err.type, PROBLEM_CONFLICT);
	pg_assert_value("SELECT last_value FROM test.tries", "6");
	ctx_done(&c);
}

/* The stream of COPY BINARY for one int8 column. */
static struct bytes copy_stream(struct arena *a, int64_t from, int64_t to)
{
	size_t rows = (size_t) (to - from + 1);
	uint8_t *p = arena_alloc(a, 19 + rows * 14 + 2);
	memcpy(p, "PGCOPY\n\377\r\n\0", 11);
	for (size_t i = 0; i < rows; i++) {
		uint8_t *row = p + 19 + i * 14;
		row[1] = 1;
		row[5] = 8;
		for (size_t k = 0; k < 8; k++) {
			row[6 + k] = (uint8_t) ((uint64_t) (from + (int64_t) i) >> (8 * (7 - k)));
		}
	}
	memset(p + 19 + rows * 14, 0xff, 2);
	return (struct bytes) { p, 19 + rows * 14 + 2 };
}

static void test_copy_all(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	static const char sql[] = "COPY test.t (n) FROM STDIN (FORMAT binary)";
	struct db_copy good[] = { { sql, copy_stream(c.arena, 100, 199) }, { sql, copy_stream(c.arena, 200, 299) } };
	struct db_copy bad[] = { { sql, copy_stream(c.arena, 300, 399) }, { sql, copy_stream(c.arena, 990, 1000) } };
	struct db_copy more[] = { { sql, copy_stream(c.arena, 400, 499) } };
	assert_int_equal(db_copy_all(&c, good, 2, &insert, &(struct one) { 500 }), 0);
	pg_assert_value("SELECT count(*) FROM test.t WHERE n BETWEEN 100 AND 500", "201");
	assert_int_equal(db_copy_all(&c, bad, 2, &insert, &(struct one) { 501 }), -1);
	assert_int_equal(c.err.type, PROBLEM_SERVER_INTERNAL);
	ctx_forgive(&c);
	assert_int_equal(db_copy_all(&c, more, 1, &insert, &(struct one) { 500 }), -1); /* the last step is refused */
	ctx_forgive(&c);
	assert_int_equal(db_copy_all(&c, more, 1, &kill_write, NULL), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE); /* no COMMIT was sent: nothing was written */
	ctx_forgive(&c);
	pg_assert_value("SELECT count(*) FROM test.t WHERE n BETWEEN 300 AND 499 OR n > 500", "0");
	assert_int_equal(db_copy_all(&c, more, 1, NULL, NULL), 0);
	pg_assert_value("SELECT count(*) FROM test.t WHERE n BETWEEN 300 AND 499", "100");
	ctx_done(&c);
}

static void test_notify(void **state)
{
	(void) state;
	struct ctx c;
	bool notified = false;
	ctx_init(&c);
	assert_int_equal(db_wait_notify(&c, "cairn_test", 5000, &notified), 0);
	assert_true(notified); /* the first time nobody knows what came before */
	assert_int_equal(db_wait_notify(&c, "cairn_test", 50, &notified), 0);
	assert_false(notified);
	pg_exec("cairn_owner", "NOTIFY cairn_test");
	assert_int_equal(db_run(&c, &series, &(struct one) { 1 }), 0);
	assert_int_equal(db_wait_notify(&c, "cairn_test", 5000, &notified), 0);
	assert_true(notified);
	pg_exec("cairn_owner", "NOTIFY cairn_other");
	assert_int_equal(db_wait_notify(&c, "cairn_test", 100, &notified), 0);
	assert_false(notified);
	ctx_done(&c);
}

struct sleeper {
	int64_t naps;
	int64_t limit_ms;
	int result; /* a problem, or 0 */
};

static void *sleep_in_database(void *arg)
{
	struct sleeper *s = arg;
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, s->limit_ms);
	struct one params = { .n = s->naps };
	s->result = db_run(&c, &nap, &params) == 0 ? 0 : (int) c.err.type;
	ctx_done(&c);
	return NULL;
}

/* Two connections at most: who comes third waits as long as it may. */
static void test_number_is_bounded(void **state)
{
	(void) state;
	pthread_t threads[4];
	struct sleeper sleepers[4] = { { 1, 5000, -1 }, { 1, 5000, -1 }, { 0, 300, -1 }, { 0, 5000, -1 } };
	db_thread_end();
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, sleep_in_database, &sleepers[i]), 0);
		nanosleep(&(struct timespec) { .tv_nsec = 100000000 }, NULL);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(sleepers[i].result, i == 2 ? PROBLEM_UNAVAILABLE : 0);
	}
}

static void *use(void *arg)
{
	struct ctx c;
	ctx_init(&c);
	struct one *out = arg;
	bool found = false;
	assert_int_equal(db_row(&c, &backend, NULL, out, &found), 0);
	ctx_done(&c);
	return NULL;
}

/* A connection that is free serves the next thread, also where there may be no more. */
static void test_used_again(void **state)
{
	(void) state;
	struct one first, second, third;
	struct ctx c;
	bool found = false;
	pthread_t thread;
	ctx_init(&c);
	db_thread_end();
	use(&first);
	assert_int_equal(pthread_create(&thread, NULL, use, &second), 0);
	pthread_join(thread, NULL);
	assert_int_equal(second.n, first.n);
	db_configure(pg_conninfo("cairn_owner"), 1, 1000);
	assert_int_equal(db_row(&c, &backend, NULL, &first, &found), 0);
	assert_int_equal(pthread_create(&thread, NULL, use, &third), 0);
	pthread_join(thread, NULL);
	assert_int_equal(third.n, first.n);
	/* One that ended meanwhile is passed over. */
	char sql[100];
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%lld, 2000)", (long long) third.n);
	pg_exec("postgres", sql);
	assert_int_equal(db_row(&c, &backend, NULL, &second, &found), 0);
	assert_int_not_equal(second.n, third.n);
	db_configure(pg_conninfo("cairn_owner"), 2, 1000);
	ctx_done(&c);
}

static void test_unreachable(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	db_thread_end();
	db_configure("host=/nonexistent dbname=cairn", 2, 1000);
	assert_int_equal(db_run(&c, &insert, &(struct one) { 7 }), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	ctx_forgive(&c);
	db_configure(pg_conninfo("cairn_wfe"), 2, 1000); /* may not use schema test */
	assert_int_equal(db_check(&c), -1);
	assert_int_equal(c.err.type, PROBLEM_SERVER_INTERNAL);
	assert_non_null(strstr(c.err.cause, "while preparing insert"));
	db_configure(pg_conninfo("cairn_owner"), 2, 1000);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_nothing_is_null),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_constraint),
		cmocka_unit_test(test_time_limits),
		cmocka_unit_test(test_lost_connection),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_copy_all),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_number_is_bounded),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_unreachable),
	};
	return cmocka_run_group_tests(tests, setup, pg_group_teardown);
}

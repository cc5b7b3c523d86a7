/* link: cli */
/* What auditors ask of a big log: by which index it is found, and that it can be asked by parallel workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pg.h"

#define EVENTS "50000"
/* The request, and the event of it, of a number: one a second, up to now. */
#define ID(n, end) \
	"(left(cairn.id_at(now() - make_interval(secs => " EVENTS " - " n "))::text, 24) || lpad(to_hex(" n "), 11, '0') " \
	"|| '" end "')::uuid"

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_year("now() - interval '1 day'");
	pg_exec("postgres",
	    "SET session_replication_role = replica; INSERT INTO log.event (id, process, actor, kind, request_id, facts) "
	    "SELECT " ID("n", "e") ", 'cairn-ra@a', 'account', 'order.created', " ID(
	        "n", "a") ", jsonb_build_object('names', repeat('x', 100)) FROM generate_series(1, " EVENTS
	                  ") n; INSERT INTO log.validation (id, authorization_id, account_id, request_id, identifier_type, "
	                  "identifier_value, wildcard, method, rule, perspective, attempt, passed, dnssec, token_sha256, "
	                  "started_at, ended_at, commitments) SELECT " ID("n", "b") ", cairn.new_id(), cairn.new_id(), " ID(
	                      "n", "a") ", 'dns', 'a.test', false, 'http-01', '3.2.2.4.19', 'p', 1, false, 'off', '', "
	                                "now(), now(), '' FROM generate_series(1, " EVENTS ") n");
	pg_exec("postgres", "ANALYZE log.event");
	pg_exec("postgres", "ANALYZE log.validation");
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

/* The auditor's plan of the query has an index on this column. */
static void assert_index(const char *query, const char *column)
{
	char sql[1000];
	char needle[64];
	bool found = false;
	PGconn *conn = pg_connect("cairn_auditor", "cairn");
	snprintf(sql, sizeof(sql), "EXPLAIN (COSTS OFF) %s", query);
	snprintf(needle, sizeof(needle), "_%s_idx", column);
	PGresult *result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		fail_msg("%s: %s", query, PQerrorMessage(conn));
	}
	for (int i = 0; i < PQntuples(result); i++) {
		found = found || strstr(PQgetvalue(result, i, 0), needle) != NULL;
	}
	PQclear(result);
	PQfinish(conn);
	if (!found) {
		fail_msg("no index is used for: %s", query);
	}
}

/* F-52, F-56: a log of years is not read through for one request, nor for how a process ran */
static void test_indexes(void **state)
{
	(void) state;
	assert_index("SELECT * FROM audit.event WHERE request_id = '018f0000-0000-7000-8000-000000000001'", "request_id");
	assert_index(
	    "SELECT * FROM audit.validation WHERE request_id = '018f0000-0000-7000-8000-000000000001'", "request_id");
	assert_index(
	    "SELECT * FROM audit.event WHERE kind IN ('process.started', 'process.reloaded', 'process.stopped')", "id");
}

/* An index of the least and greatest id of many pages, kept by the server itself, weighs next to nothing. */
static void test_cost(void **state)
{
	(void) state;
	pg_assert_value("SELECT sum(pg_relation_size(i.indexrelid)) * 100 < sum(pg_relation_size(i.indrelid)) FROM "
	                "pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam WHERE "
	                "m.amname = 'brin' AND c.relname ~ '^(event|validation)_2.*_request_id_idx$'",
	    "t");
}

/* A function that catches errors begins a subtransaction, which parallel workers and those who wait for them can't: a big table is read by them. */
static void test_parallel(void **state)
{
	(void) state;
	pg_assert_value("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN "
	                "('cairn', 'acme', 'ca', 'log', 'vault', 'audit', 'front', 'export') AND p.prosrc ~ "
	                "'\\mEXCEPTION\\s+WHEN\\M' AND p.proparallel <> 'u'",
	    "0");
	pg_exec("postgres", "SET session_replication_role = replica; INSERT INTO log.request (id, received_at, frontend, "
	                    "method, route, url, "
	                    "body_sha256, body_octets, commitments) SELECT cairn.new_id(), now(), 'f', 'POST', "
	                    "'new-order', '/', sha256(''), "
	                    "0, '' FROM generate_series(1, 1000)");
	pg_exec("postgres",
	    "SET session_replication_role = replica; INSERT INTO log.request_private (id, salt, remote_address, "
	    "remote_port, "
	    "body) SELECT id, sha256(''), '127.0.0.1', 1, convert_to('{\"payload\": \"' || encode('{\"identifiers\": "
	    "[{\"value\": \"A.test\"}]}', 'base64') || '\"}', 'UTF8') FROM log.request");
	char *value = NULL;
	const char *code = pg_try("cairn_auditor",
	    "SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SELECT "
	    "count(*) "
	    "|| min(name) FROM audit.asked",
	    &value);
	assert_string_equal(code, "");
	assert_string_equal(value, "1000a.test");
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_indexes),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_parallel),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

/* When certificates are to be renewed, and which order replaces which: what the database says (B-14, B-16 to B-19). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/pg.h"

#define UUID(n) "'7193f000-0000-7000-8000-000000000" n "00'"
#define NAME "AgM.AQIDBAUGBwgJ" /* of the certificate that add_certificate makes */
#define ORDER(id, account, key, names, replaces) \
	"SELECT status FROM acme.new_order(" UUID(id) ", " UUID( \
	    account) ", sha256('" key "'), array_fill('dns'::text, ARRAY[1]), " names ", " names \
	             ", 'classic', NULL, NULL, " replaces ", now() + interval '1 d', now() + interval '1 h', ARRAY[" UUID( \
	                 id) "::uuid], '{http-01}', '{token}', 'ra', " UUID("9") ")"
#define REPLACE(id) ORDER(id, "1", "k", "'{a.test}'", "'" NAME "'")
#define STATUS_OF(id) "SELECT status FROM acme.order_now WHERE id = " UUID(id)

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_partitions("71000000-0000-0000-0000-000000000000", "72000000-0000-0000-0000-000000000000");
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x0203', 'chain', 'crl', 'aia', true), "
	                       "('e2', '\\x01', '\\x0204', 'chain', 'crl', 'aia', true)");
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

/* An account's certificate for a.test and b.test, of 90 days, and another account. */
static int fresh(void **state)
{
	(void) state;
	pg_exec("postgres", "TRUNCATE acme.account, acme.account_binding, acme.orders, acme.authz, log.validation, "
	                    "log.validation_private, log.event, ca.serial, ca.certificate, ca.revocation, "
	                    "acme.replacement, acme.incident, acme.incident_certificate, acme.revocation_order");
	pg_exec("cairn_ra", "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID(
	                        "1") ", 'valid', '{}', sha256('k')), (" UUID("2") ", 'valid', '{}', sha256('l'))");
	pg_exec("cairn_owner", "INSERT INTO ca.serial VALUES ('\\x010203040506070809', " UUID("c") ")");
	pg_exec("cairn_owner",
	    "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	    "profile, serial, spki_sha256, names, validations, der, signed_at) VALUES (" UUID("c") ", " UUID("8") ", " UUID(
	        "1") ", '2026-01-01 00:00:00Z', '2026-03-31 23:59:59Z', now(), 0, 'e1', 'classic', "
	             "'\\x010203040506070809', sha256('s'), '{a.test,b.test}', '{}', '\\x30', now())");
	return 0;
}

#define WINDOW_OF \
	"SELECT to_char(opens AT TIME ZONE 'UTC', 'MM-DD HH24:MI:SS') || ' ' || to_char(closes AT TIME ZONE 'UTC', " \
	"'MM-DD HH24:MI:SS') || coalesce(' ' || explanation_url, '') FROM front.renewal " \
	"WHERE serial = '\\x010203040506070809' AND key_id = '\\x0203'"

/* B-16: two thirds of 90 days are 60, and two per cent of them 43 hours 12 minutes. */
static void test_window(void **state)
{
	(void) state;
	pg_assert_value(WINDOW_OF, "03-01 02:24:00 03-02 21:36:00");
	pg_exec("cairn_owner", "UPDATE ca.certificate SET not_after = '2026-01-06 23:59:59Z'"); /* half of six days */
	pg_assert_value(WINDOW_OF, "01-03 22:33:36 01-04 01:26:24");
	pg_assert_value("SELECT count(*) FROM front.renewal WHERE key_id = '\\x0204'", "0"); /* B-18 */
	/* B-14: whatever the life */
	static const char *const lives[] = { "1 second", "59 seconds", "1 hour", "160 hours", "9 days 23:59:59", "10 days",
		"398 days" };
	for (size_t i = 0; i < COUNT_OF(lives); i++) {
		char sql[200];
		snprintf(sql, sizeof(sql), "UPDATE ca.certificate SET not_after = not_before + interval '%s'", lives[i]);
		pg_exec("cairn_owner", sql);
		pg_assert_value(
		    "SELECT r.closes > r.opens AND r.opens >= c.not_before AND r.closes <= c.not_after + interval '1 s' "
		    "FROM front.renewal r, ca.certificate c",
		    "t");
	}
}

/* B-16, B-18, D-55: a revoked one is due at once, what is being signed counts, what was given up only with a precertificate. */
static void test_other_states(void **state)
{
	(void) state;
	pg_exec("cairn_owner",
	    "INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_at, revoked_by, "
	    "not_after) "
	    "VALUES (" UUID("c") ", '\\x010203040506070809', 'e1', 0, 4, '2026-01-02 00:00:00Z', 'account', now())");
	pg_assert_value(WINDOW_OF, "01-01 23:00:00 01-01 23:30:00");
	pg_exec("cairn_owner", "DELETE FROM ca.revocation");
	pg_exec("cairn_owner", "UPDATE ca.certificate SET der = NULL, tbs = '\\x30', lease_until = now()");
	pg_assert_value("SELECT count(*) FROM front.renewal", "1");
	pg_exec("cairn_owner", "UPDATE ca.certificate SET lease_until = NULL, signed_at = NULL");
	pg_assert_value("SELECT count(*) FROM front.renewal", "0");
	pg_exec("cairn_owner", "UPDATE ca.certificate SET signed_at = now()");
	pg_assert_value("SELECT count(*) FROM front.renewal", "1");
}

static void assert_refused(const char *sql, const char *problem)
{
	PGconn *conn = pg_connect("cairn_ra", "cairn");
	PGresult *result = PQexec(conn, sql);
	const char *refusal = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	assert_non_null(refusal);
	assert_string_equal(refusal, problem);
	PQclear(result);
	PQfinish(conn);
}

/* B-17: the cases of RFC 9773 5, and that an order which came to nothing frees the certificate. */
static void test_replaces(void **state)
{
	(void) state;
	assert_refused(ORDER("a", "1", "k", "'{a.test}'", "'AgM.AQIDBAUGBwgK'"), "NOT_FOUND");
	assert_refused(ORDER("a", "1", "k", "'{a.test}'", "'AgQ.AQIDBAUGBwgJ'"), "NOT_FOUND"); /* another issuer's */
	assert_refused(ORDER("a", "2", "l", "'{a.test}'", "'" NAME "'"), "UNAUTHORIZED");
	assert_refused(ORDER("a", "1", "k", "'{c.test}'", "'" NAME "'"), "MALFORMED");
	pg_assert_value("SELECT count(*) FROM acme.replacement", "0");
	pg_exec("cairn_ra", REPLACE("a"));
	pg_assert_value("SELECT replaces FROM front.orders WHERE id = " UUID("a"), NAME);
	pg_assert_value("SELECT facts->>'replaces' FROM log.event WHERE order_id = " UUID("a"), NAME); /* B-19 */
	assert_refused(REPLACE("b"), "ALREADY_REPLACED");
	pg_exec("cairn_ra", ORDER("b", "1", "k", "'{a.test}'", "NULL")); /* others are as they were */
	pg_exec("cairn_owner", "UPDATE acme.orders SET expires_at = now() WHERE id = " UUID("a"));
	pg_exec("cairn_ra", REPLACE("d"));
	assert_refused(REPLACE("e"), "ALREADY_REPLACED");
	pg_exec("cairn_ra", "UPDATE acme.orders SET error = '{\"type\": \"CAA\"}' WHERE id = " UUID("d"));
	pg_exec("cairn_ra", REPLACE("e"));
	/* one that has its certificate stands */
	pg_exec("cairn_owner",
	    "UPDATE acme.orders SET expires_at = now(), certificate_id = " UUID("c") " WHERE id = " UUID("e"));
	pg_assert_value(STATUS_OF("e"), "valid");
	assert_refused(REPLACE("f"), "ALREADY_REPLACED");
}

/* B-19: from the beginning of the window on. */
static void test_due(void **state)
{
	(void) state;
	pg_assert_value("SELECT acme.renewal_is_due('" NAME "')", "t");
	pg_exec("cairn_owner", "UPDATE ca.certificate SET not_after = now() + interval '300 years'");
	pg_assert_value("SELECT acme.renewal_is_due('" NAME "')", "f");
	pg_assert_value("SELECT acme.renewal_is_due('AA.AQ')", "f");
}

static void run(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	}
	PQclear(result);
}

/* Waits until the connection stands behind a lock. */
static void wait_for_lock(PGconn *conn)
{
	char sql[120];
	snprintf(sql, sizeof(sql), "SELECT coalesce(cardinality(pg_blocking_pids(%d)), 0) > 0", PQbackendPID(conn));
	for (int i = 0; i < 1000; i++) {
		char *waits = pg_value(sql);
		bool done = strcmp(waits, "t") == 0;
		free(waits);
		if (done) {
			return;
		}
		usleep(10000);
	}
	fail_msg("it does not wait");
}

/* `first` in a transaction that stays open until `second` waits for its end; what `second` says then. */
static const char *one_waits(const char *first_role, const char *first, const char *end, const char *second)
{
	static char answer[64];
	PGconn *a = pg_connect(first_role, "cairn");
	PGconn *b = pg_connect("cairn_ra", "cairn");
	run(a, "BEGIN");
	run(a, first);
	assert_int_equal(PQsendQuery(b, second), 1);
	wait_for_lock(b);
	run(a, end);
	PGresult *result = PQgetResult(b);
	const char *refusal = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	snprintf(answer, sizeof(answer), "%s", refusal != NULL ? refusal : PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(a);
	PQfinish(b);
	return answer;
}

/* B-17: of two orders at once one has it; where the first is taken back, the second. */
static void test_race_of_orders(void **state)
{
	(void) state;
	assert_string_equal(one_waits("cairn_ra", REPLACE("a"), "COMMIT", REPLACE("b")), "ALREADY_REPLACED");
	(void) fresh(state);
	assert_string_equal(one_waits("cairn_ra", REPLACE("a"), "ROLLBACK", REPLACE("b")), "pending");
	/* the same for a certificate that is free again */
	pg_exec("cairn_owner", "UPDATE acme.orders SET expires_at = now()");
	assert_string_equal(one_waits("cairn_ra", REPLACE("d"), "COMMIT", REPLACE("e")), "ALREADY_REPLACED");
}

/* B-17: an issuance that began while its order lasted counts, also when the order's time ends before its transaction does. */
static void test_race_with_issuance(void **state)
{
	(void) state;
	pg_exec("cairn_ra", REPLACE("a"));
	pg_exec("cairn_owner", "UPDATE acme.orders SET expires_at = now()");
	const char *answer = one_waits("cairn_owner",
	    "UPDATE acme.orders SET certificate_id = " UUID("c") " WHERE id = " UUID("a"), "COMMIT", REPLACE("b"));
	assert_string_equal(answer, "ALREADY_REPLACED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_window, fresh),
		cmocka_unit_test_setup(test_other_states, fresh),
		cmocka_unit_test_setup(test_replaces, fresh),
		cmocka_unit_test_setup(test_due, fresh),
		cmocka_unit_test_setup(test_race_of_orders, fresh),
		cmocka_unit_test_setup(test_race_with_issuance, fresh),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

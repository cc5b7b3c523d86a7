/* What two transactions at once may not do: each case holds one open and starts the other beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/pg.h"

#define UUID(n) "'0193f000-0000-7000-8000-00000000000" n "'"
#define ACCOUNT UUID("1") ", sha256('k'), "
#define NEW_ORDER(id, names, authz, challenges, positions) \
	"SELECT status FROM acme.new_order(" UUID( \
	    id) ", " ACCOUNT "array_fill('dns'::text, ARRAY[cardinality(" names "::text[])]), " names \
	        ", 'classic', NULL, NULL, NULL, now() + interval '1 d', now() + interval '1 h', " authz \
	        "::uuid[], " challenges "::uuid[], " positions \
	        "::int8[], array_fill('http-01'::text, ARRAY[cardinality(" names "::text[])]), array_fill('token'::text, " \
	        "ARRAY[cardinality(" names "::text[])]), 'ra', " UUID("9") ")"
#define TWO_NAMES \
	NEW_ORDER("2", "'{a.test,b.test}'", "ARRAY[" UUID("3") "," UUID("4") "]", "ARRAY[" UUID("5") "," UUID("6") "]", \
	    "'{1,2}'")
#define ONE_NAME(id, authz) NEW_ORDER(id, "'{a.test}'", "ARRAY[" UUID(authz) "]", "ARRAY[" UUID("d") "]", "'{1}'")
#define START(challenge) \
	"SELECT started FROM acme.start_challenge(" UUID(challenge) ", " ACCOUNT "'thumb', 'ra', 60, " UUID("9") ");"
#define RECORD(id, challenge) \
	"SELECT acme.record_validation(" UUID(id) ", " UUID(challenge) ", 'ra', " UUID( \
	    "9") ", 'BR', 'local', true, NULL, " \
	         "NULL, NULL, 'off', NULL, sha256('x'), 1, now(), now(), sha256('a') || sha256('b'), sha256('s'), '', " \
	         "'', " \
	         "now() + interval '1 d', NULL, false)"
#define BEGIN_ISSUANCE \
	"SELECT ca.begin_issuance(" UUID("c") ", " UUID("2") ", " UUID( \
	    "1") ", '{dns,dns}', '{a.test,b.test}', " \
	         "'e1', 'classic', '\\x010203040506070809', 'tbs', sha256('key'), '{a.test}', now(), now(), 'ca/1', " \
	         "60, " UUID("9") ")"
#define DEACTIVATE "SELECT status FROM acme.deactivate_account(" ACCOUNT "'ra', " UUID("9") ")"
#define STATUS_OF(id) "SELECT status FROM acme.orders WHERE id = " UUID(id)

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x02', 'chain', 'crl', 'aia', true)");
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

/* A fresh account with a pending order of two names. */
static int fresh(void **state)
{
	(void) state;
	pg_exec("postgres", "TRUNCATE acme.account, acme.account_binding, acme.orders, acme.authz, acme.order_authz, "
	                    "acme.challenge, log.validation, log.validation_private, ca.serial, ca.certificate");
	pg_exec("cairn_ra", "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID("1") ", 'valid', '{}', "
	                                                                                                "sha256('k'))");
	pg_exec("cairn_ra", TWO_NAMES ";" START("5") START("6"));
	return 0;
}

static void run(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	}
	PQclear(result);
}

/* Runs `first` in a transaction that stays open while `second` starts, which has to wait for its end. Gives what `second`
 * says: its first value, or the name of the refusal. */
static const char *one_waits(const char *first_role, const char *first, const char *second_role, const char *second)
{
	static char answer[64];
	PGconn *a = pg_connect(first_role, "cairn");
	PGconn *b = pg_connect(second_role, "cairn");
	run(a, "BEGIN");
	run(a, first);
	assert_int_equal(PQsendQuery(b, second), 1);
	usleep(200000);
	bool waited = PQconsumeInput(b) == 1 && PQisBusy(b) == 1;
	run(a, "COMMIT");
	PGresult *result = PQgetResult(b);
	const char *refusal = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	snprintf(answer, sizeof(answer), "%s", refusal != NULL ? refusal : PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(a);
	PQfinish(b);
	assert_true(waited);
	return answer;
}

/* two authorizations that end together make the order ready, whichever is last. */
static void test_two_ends(void **state)
{
	(void) state;
	assert_string_equal(one_waits("cairn_ra", RECORD("7", "5"), "cairn_ra", RECORD("8", "6")), "t");
	pg_assert_value(STATUS_OF("2"), "ready");
}

/* deactivation waits for an order that is being made, and ends it. */
static void test_deactivation_after_new_order(void **state)
{
	(void) state;
	const char *status = one_waits("cairn_ra", ONE_NAME("a", "b"), "cairn_ra", DEACTIVATE);
	assert_string_equal(status, "deactivated");
	pg_assert_value(STATUS_OF("a"), "invalid");
	pg_assert_value(STATUS_OF("2"), "invalid");
}

static void make_ready(void)
{
	pg_exec("cairn_ra", RECORD("7", "5") ";" RECORD("8", "6"));
	pg_assert_value(STATUS_OF("2"), "ready");
}

/* an issuance that began first goes on; deactivation waits for its beginning. */
static void test_deactivation_after_begin(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(one_waits("cairn_ca", BEGIN_ISSUANCE, "cairn_ra", DEACTIVATE), "deactivated");
	pg_assert_value(STATUS_OF("2"), "processing");
}

/* none begins once the deactivation is under way. */
static void test_begin_after_deactivation(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(one_waits("cairn_ra", DEACTIVATE, "cairn_ca", BEGIN_ISSUANCE), "ACCOUNT_NOT_VALID");
	pg_assert_value(STATUS_OF("2"), "invalid");
}

/* an order of authorizations used again that slipped in while the account ended is never issued. */
static void test_new_order_after_deactivation(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(one_waits("cairn_ra", DEACTIVATE, "cairn_ra", ONE_NAME("a", "b")), "ready");
	const char *sql = "SELECT ca.begin_issuance(" UUID("c") ", " UUID("a") ", " UUID(
	    "1") ", '{dns}', "
	         "'{a.test}', 'e1', 'classic', '\\x010203040506070809', 'tbs', sha256('key'), '{a.test}', now(), now(), "
	         "'ca/1', 60, " UUID("9") ")";
	assert_string_equal(pg_try("cairn_ca", sql, NULL), "CA001");
	pg_assert_value("SELECT count(*) FROM ca.certificate", "0");
}

/* D-3: two completions of one issuance give one certificate, the first. */
static void test_two_completions(void **state)
{
	(void) state;
#define COMPLETE(tail) "SELECT encode(ca.complete_issuance(" UUID("c") ", 'tbs" tail "', '{}', 'ca'), 'escape')"
	make_ready();
	pg_exec("cairn_ca", BEGIN_ISSUANCE);
	assert_string_equal(one_waits("cairn_ca", COMPLETE("1"), "cairn_ca", COMPLETE("2")), "tbs1");
	pg_assert_value("SELECT count(*) FROM ca.certificate", "1");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'certificate.issued'", "1");
	pg_assert_value(STATUS_OF("2"), "valid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_two_ends, fresh),
		cmocka_unit_test_setup(test_deactivation_after_new_order, fresh),
		cmocka_unit_test_setup(test_deactivation_after_begin, fresh),
		cmocka_unit_test_setup(test_begin_after_deactivation, fresh),
		cmocka_unit_test_setup(test_new_order_after_deactivation, fresh),
		cmocka_unit_test_setup(test_two_completions, fresh),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

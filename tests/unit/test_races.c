/* What two transactions at once may not do: each case holds one open and starts the other beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/pg.h"

#define UUID(n) "'7193f000-0000-7000-8000-000000000" n "00'"
#define ACCOUNT UUID("1") ", sha256('k'), "
#define NEW_ORDER(id, names, authz) \
	"SELECT status FROM acme.new_order(" UUID( \
	    id) ", " ACCOUNT "array_fill('dns'::text, ARRAY[cardinality(" names "::text[])]), " names ", " names \
	        ", 'classic', NULL, NULL, NULL, now() + interval '1 d', now() + interval '1 h', " authz \
	        "::uuid[], array_fill('http-01'::text, ARRAY[cardinality(" names "::text[])]), array_fill('token'::text, " \
	        "ARRAY[cardinality(" names "::text[])]), 'ra', " UUID("9") ")"
#define TWO_NAMES NEW_ORDER("2", "'{a.test,b.test}'", "ARRAY[" UUID("3") "," UUID("4") "]")
#define ONE_NAME(id, authz) NEW_ORDER(id, "'{a.test}'", "ARRAY[" UUID(authz) "]")
#define START(authz) \
	"UPDATE acme.authz SET tried = 1, key_authorization = 'token.thumb', lease_holder = 'ra', " \
	"lease_until = now() + interval '1 min', request_id = " UUID("9") " WHERE id = " UUID(authz) ";"
#define RECORD(id, authz) \
	"SELECT acme.record_validation(" UUID(id) ", " UUID(authz) ", 1, 'ra', " UUID( \
	    "9") ", 'BR', 'local', true, NULL, " \
	         "NULL, NULL, 'off', NULL, sha256('x'), 1, now(), now(), sha256('a') || sha256('b'), " \
	         "sha256('s'), " PG_RESOLUTIONS ", " PG_ATTEMPTS ", now() + interval '1 d', NULL, false)"
#define BEGIN_AS(id, serial, request, remembered) \
	"SELECT ca.begin_issuance(" UUID(id) ", " UUID("2") ", " UUID( \
	    "1") ", '{dns,dns}', '{a.test,b.test}', 'e1', 'classic', '\\x" serial \
	         "', 'tbs', sha256('key'), '{a.test}', now(), now(), 'ca/1', 60, " UUID( \
	             request) ", sha256('k'), sha256('other'), " remembered ")"
#define BEGIN_ISSUANCE BEGIN_AS("c", "010203040506070801", "9", "false")
#define BEGIN_REMEMBERED BEGIN_AS("c", "010203040506070801", "9", "true")
#define CHANGE(account, old, key) \
	"SELECT coalesce(held_by::text, 'changed') FROM acme.change_key(" UUID( \
	    account) ", sha256('" old "'), '{}', sha256('" key "'), sha256('spki'), 'ra', " UUID("9") ")"
#define DEACTIVATE "SELECT status FROM acme.deactivate_account(" ACCOUNT "'ra', " UUID("9") ")"
#define GIVE_UP(authz) "SELECT acme.deactivate_authz(" UUID(authz) ", " ACCOUNT "'ra', " UUID("9") ")"
#define STATUS_OF(id) "SELECT status FROM acme.order_now WHERE id = " UUID(id)

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_partitions("71000000-0000-0000-0000-000000000000", "72000000-0000-0000-0000-000000000000");
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
	pg_exec("postgres", "TRUNCATE acme.account, acme.account_binding, acme.replacement, acme.orders, "
	                    "acme.authz, log.validation, "
	                    "log.validation_private, log.event, ca.serial, ca.certificate");
	pg_exec("cairn_ra", "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID("1") ", 'valid', '{}', "
	                                                                                                "sha256('k'))");
	pg_exec("cairn_ra", TWO_NAMES ";" START("3") START("4"));
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

/* Runs `first` in a transaction that stays open while `second` starts, which has to wait for its end or must not. Gives what
 * `second` says: its first value, or the name of the refusal. */
static const char *beside(
    bool waits, const char *first_role, const char *first, const char *second_role, const char *second)
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
	assert_int_equal(waited, waits);
	return answer;
}

static const char *one_waits(const char *first_role, const char *first, const char *second_role, const char *second)
{
	return beside(true, first_role, first, second_role, second);
}

/* two authorizations that end together make the order ready, and neither waits. */
static void test_two_ends(void **state)
{
	(void) state;
	assert_string_equal(beside(false, "cairn_ra", RECORD("7", "3"), "cairn_ra", RECORD("8", "4")), "t");
	pg_assert_value(STATUS_OF("2"), "ready");
}

/* A record that is sent again while the first is still being written gives the outcome of the first, once. */
static void test_record_twice(void **state)
{
	(void) state;
	assert_string_equal(one_waits("cairn_ra", RECORD("7", "3"), "cairn_ra", RECORD("7", "3")), "t");
	pg_assert_value("SELECT count(*) FROM log.validation JOIN log.validation_private USING (id)", "1");
	pg_assert_value("SELECT attempts FROM acme.authz WHERE id = " UUID("3"), "1");
}

/* Orders of one account are made beside each other. */
static void test_two_orders(void **state)
{
	(void) state;
	assert_string_equal(beside(false, "cairn_ra", ONE_NAME("a", "b"), "cairn_ra", ONE_NAME("c", "d")), "pending");
}

/* deactivation waits for an order that is being made, and ends it. */
static void test_deactivation_after_new_order(void **state)
{
	(void) state;
	const char *status = one_waits("cairn_ra", ONE_NAME("a", "b"), "cairn_ra", DEACTIVATE);
	assert_string_equal(status, "deactivated");
	pg_assert_value(STATUS_OF("a"), "invalid");
	pg_assert_value(STATUS_OF("2"), "invalid");
	pg_assert_value("SELECT error->>'type' FROM acme.order_now WHERE id = " UUID("2"), "ACCOUNT_NOT_VALID");
	pg_assert_value("SELECT string_agg(DISTINCT status, ' ') FROM front.authz", "deactivated");
}

static void make_ready(void)
{
	pg_exec("cairn_ra", RECORD("7", "3") ";" RECORD("8", "4"));
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

/* The same when nobody has read the order since it was made. */
static void test_remembered_begin_after_deactivation(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(one_waits("cairn_ra", DEACTIVATE, "cairn_ca", BEGIN_REMEMBERED), "CONFLICT");
	pg_assert_value(STATUS_OF("2"), "invalid");
	pg_assert_value("SELECT count(*) FROM ca.certificate", "0");
}

static void test_remembered_authorization_is_given_up(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(one_waits("cairn_ra", GIVE_UP("3"), "cairn_ca", BEGIN_REMEMBERED), "CONFLICT");
	pg_assert_value("SELECT count(*) FROM ca.certificate", "0");
}

/* of two that begin, the second learns that another request was first; the same request once more that it has begun. */
static void test_two_begin(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(
	    one_waits("cairn_ca", BEGIN_REMEMBERED, "cairn_ca", BEGIN_AS("d", "010203040506070802", "a", "true")),
	    "CONFLICT");
	char *again = NULL;
	assert_string_equal(pg_try("cairn_ca", BEGIN_REMEMBERED, &again), "");
	assert_string_equal(again, "f");
	free(again);
	pg_assert_value("SELECT count(*) FROM ca.certificate", "1");
}

/* the same for an authorization that is given up. */
static void test_authorization_is_given_up(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(one_waits("cairn_ra", GIVE_UP("3"), "cairn_ca", BEGIN_ISSUANCE), "ORDER_NOT_READY");
	pg_assert_value(STATUS_OF("2"), "invalid");
	pg_assert_value("SELECT count(*) FROM ca.certificate", "0");
}

static void test_giving_up_after_begin(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(one_waits("cairn_ca", BEGIN_ISSUANCE, "cairn_ra", GIVE_UP("3")), "");
	pg_assert_value(STATUS_OF("2"), "processing");
}

/* none is made, of authorizations used again either, once the deactivation is under way. */
static void test_new_order_after_deactivation(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(one_waits("cairn_ra", DEACTIVATE, "cairn_ra", ONE_NAME("a", "b")), "ACCOUNT_NOT_VALID");
	pg_assert_value("SELECT count(*) FROM acme.orders", "1");
}

/* an order that is made by the old key while it is changed comes too late or first, and stays. */
static void test_key_change_beside_new_order(void **state)
{
	(void) state;
	assert_string_equal(
	    one_waits("cairn_ra", CHANGE("1", "k", "l"), "cairn_ra", ONE_NAME("a", "b")), "ACCOUNT_DOES_NOT_EXIST");
	pg_exec("cairn_ra", CHANGE("1", "l", "k"));
	assert_string_equal(one_waits("cairn_ra", ONE_NAME("a", "b"), "cairn_ra", CHANGE("1", "k", "l")), "changed");
	pg_assert_value("SELECT string_agg(status, ' ') FROM acme.order_now", "pending pending");
}

/* one key, two accounts that want it; and one that is just being made with it. */
static void test_one_key_two_accounts(void **state)
{
	(void) state;
#define NEW_ACCOUNT(id, key) \
	"SELECT id FROM acme.new_account(" UUID(id) ", '{}', sha256('" key \
	                                            "'), sha256('s'), NULL, false, false, 'ra', " UUID("9") ")"
	pg_exec("cairn_ra", NEW_ACCOUNT("2", "m"));
	const char *held = one_waits("cairn_ra", CHANGE("1", "k", "l"), "cairn_ra", CHANGE("2", "m", "l"));
	assert_string_equal(held, "7193f000-0000-7000-8000-000000000100");
	held = one_waits("cairn_ra", CHANGE("2", "m", "n"), "cairn_ra", NEW_ACCOUNT("3", "n"));
	assert_string_equal(held, "7193f000-0000-7000-8000-000000000200");
	held = one_waits("cairn_ra", NEW_ACCOUNT("3", "o"), "cairn_ra", CHANGE("1", "l", "o"));
	assert_string_equal(held, "7193f000-0000-7000-8000-000000000300");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'account.key_changed'", "2");
}

/* none is made once the account's end is under way. */
static void test_key_change_after_deactivation(void **state)
{
	(void) state;
	assert_string_equal(one_waits("cairn_ra", DEACTIVATE, "cairn_ra", CHANGE("1", "k", "l")), "ACCOUNT_NOT_VALID");
	pg_assert_value("SELECT (thumbprint = sha256('k'))::text FROM acme.account", "true");
}

/* of two responses to a challenge that waits to be tried again one starts it. */
static void test_two_retries(void **state)
{
	(void) state;
#define TAKE(holder, more, authz, which) \
	"WITH u AS (UPDATE acme.authz SET " more "lease_holder = '" holder \
	"', lease_until = now() + interval '1 min' WHERE " \
	"id = " UUID(authz) " AND " which " RETURNING 1) SELECT count(*) FROM u"
#define RETRY(holder) TAKE(holder, "", "3", "tried = 1 AND lease_until IS NOT NULL AND lease_holder IS NULL")
	pg_exec("cairn_ra", "UPDATE acme.authz SET lease_holder = NULL WHERE id = " UUID("3"));
	assert_string_equal(one_waits("cairn_ra", RETRY("one"), "cairn_ra", RETRY("two")), "0");
	pg_assert_value("SELECT lease_holder FROM acme.authz WHERE id = " UUID("3"), "one");
}

/* of two first responses, to one challenge or to two, one starts the authorization. */
static void test_two_responses(void **state)
{
	(void) state;
#define RESPOND(holder, n) TAKE(holder, "tried = " n ", ", "b", "tried IS NULL")
	pg_exec("cairn_ra", ONE_NAME("a", "b"));
	assert_string_equal(one_waits("cairn_ra", RESPOND("one", "1"), "cairn_ra", RESPOND("two", "2")), "0");
	pg_assert_value("SELECT lease_holder || tried FROM acme.authz WHERE id = " UUID("b"), "one1");
}

/* what a validation finds after the authorization was given up, and the other way round. */
static void test_validation_and_giving_up(void **state)
{
	(void) state;
	assert_string_equal(one_waits("cairn_ra", GIVE_UP("3"), "cairn_ra", RECORD("7", "3")), "f");
	pg_assert_value(
	    "SELECT status || (validation_id IS NULL) FROM acme.authz_now WHERE id = " UUID("3"), "deactivatedtrue");
	assert_string_equal(one_waits("cairn_ra", RECORD("8", "4"), "cairn_ra", GIVE_UP("4")), "");
	pg_assert_value("SELECT status FROM acme.authz_now WHERE id = " UUID("4"), "deactivated");
	pg_assert_value("SELECT count(*) FROM log.validation", "2"); /* the evidence stays */
}

/* of two finalizations one begins; the other waits and finds that it was begun. */
static void test_two_finalizations(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(
	    one_waits("cairn_ca", BEGIN_ISSUANCE, "cairn_ca", BEGIN_AS("d", "010203040506070802", "a", "false")), "f");
	pg_assert_value("SELECT count(*) FROM ca.certificate", "1");
	pg_assert_value("SELECT count(*) FROM ca.serial", "1");
}

/* D-3: two completions of one issuance give one certificate, the first. */
static void test_two_completions(void **state)
{
	(void) state;
#define COMPLETE(tail) \
	"SELECT encode(ca.complete_issuance(" UUID("c") ", 'tbs" tail "', '{}', 'ca', cairn.new_id()), 'escape')"
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
		cmocka_unit_test_setup(test_record_twice, fresh),
		cmocka_unit_test_setup(test_two_orders, fresh),
		cmocka_unit_test_setup(test_deactivation_after_new_order, fresh),
		cmocka_unit_test_setup(test_deactivation_after_begin, fresh),
		cmocka_unit_test_setup(test_begin_after_deactivation, fresh),
		cmocka_unit_test_setup(test_remembered_begin_after_deactivation, fresh),
		cmocka_unit_test_setup(test_remembered_authorization_is_given_up, fresh),
		cmocka_unit_test_setup(test_two_begin, fresh),
		cmocka_unit_test_setup(test_authorization_is_given_up, fresh),
		cmocka_unit_test_setup(test_giving_up_after_begin, fresh),
		cmocka_unit_test_setup(test_new_order_after_deactivation, fresh),
		cmocka_unit_test_setup(test_key_change_beside_new_order, fresh),
		cmocka_unit_test_setup(test_one_key_two_accounts, fresh),
		cmocka_unit_test_setup(test_key_change_after_deactivation, fresh),
		cmocka_unit_test_setup(test_two_retries, fresh),
		cmocka_unit_test_setup(test_two_responses, fresh),
		cmocka_unit_test_setup(test_validation_and_giving_up, fresh),
		cmocka_unit_test_setup(test_two_finalizations, fresh),
		cmocka_unit_test_setup(test_two_completions, fresh),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

/* link: ra */
/* What two transactions at once may not do: each case holds one open and starts the other beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "ra/ra.h"
#include "tests/unit/pg.h"

#define UUID_TEXT(n) "7193f000-0000-7000-8000-000000000" n "00"
#define UUID(n) "'" UUID_TEXT(n) "'"
#define ACCOUNT UUID("1") ", sha256('k'), "
#define NEW_ORDER(id, names, authz) \
	"SELECT status FROM acme.new_order(" UUID( \
	    id) ", " ACCOUNT "array_fill('dns'::text, ARRAY[cardinality(" names "::text[])]), " names ", " names \
	        ", 'classic', NULL, NULL, NULL, now() + interval '1 d', now() + interval '1 h', " authz \
	        "::uuid[], array_fill('http-01'::text, ARRAY[cardinality(" names "::text[])]), array_fill('token'::text, " \
	        "ARRAY[cardinality(" names "::text[])]), 'ra', " UUID("9") ")"
/* One name, which two methods may prove. */
#define TWO_METHODS(id, authz) \
	"SELECT status FROM acme.new_order(" UUID( \
	    id) ", " ACCOUNT \
	        "'{dns}', '{a.test}', '{a.test}', 'classic', NULL, NULL, NULL, now() + interval '1 d', now() + interval " \
	        "'1 h', ARRAY[" UUID(authz) "]::uuid[], '{http-01 dns-01}', '{token other}', 'ra', " UUID("9") ")"
#define TWO_NAMES NEW_ORDER("2", "'{a.test,b.test}'", "ARRAY[" UUID("3") "," UUID("4") "]")
#define ONE_NAME(id, authz) NEW_ORDER(id, "'{a.test}'", "ARRAY[" UUID(authz) "]")
/* The order that is given again for these names, or that it is a new one. */
#define SAME(id, names, authz) \
	"SELECT coalesce(given::text, 'new') FROM acme.new_order(" UUID( \
	    id) ", " ACCOUNT "array_fill('dns'::text, ARRAY[cardinality(" names "::text[])]), " names ", " names \
	        ", 'classic', NULL, NULL, NULL, now() + interval '1 d', now() + interval '1 h', " authz \
	        "::uuid[], array_fill('http-01'::text, ARRAY[cardinality(" names "::text[])]), array_fill('token'::text, " \
	        "ARRAY[cardinality(" names "::text[])]), 'ra', " UUID("9") ", false, NULL, 5, now() + interval '1 h')"
#define SAME_ONE(id, authz) SAME(id, "'{c.test}'", "ARRAY[" UUID(authz) "]")
#define SAME_TWO(id) SAME(id, "'{a.test,b.test}'", "ARRAY[" UUID("d") "," UUID("e") "]")
#define RECORD(id, authz) \
	"SELECT acme.record_validation(" UUID(id) ", " UUID(authz) ", 1, 'ra', " UUID( \
	    "9") ", 'BR', 'local', true, NULL, " \
	         "NULL, NULL, 'off', NULL, sha256('x'), 1, now(), now(), sha256('a') || sha256('b'), " \
	         "sha256('s'), " PG_RESOLUTIONS ", " PG_ATTEMPTS ", now() + interval '1 d', NULL, false)"
#define BEGIN_AS(id, serial, request, remembered) \
	"SELECT ca.begin_issuance(" UUID(id) ", " UUID("2") ", " UUID( \
	    "1") ", '{dns,dns}', '{a.test,b.test}', 'e1', 'classic', '\\x" serial \
	         "', 'tbs', sha256('key'), '{a.test}', now(), now(), 'ca/1', 60, " UUID( \
	             request) ", sha256('k'), sha256('other'), " remembered ", '{http-01,dns-01}', false)"
#define BEGIN_ISSUANCE BEGIN_AS("c", "010203040506070801", "9", "false")
#define BEGIN_REMEMBERED BEGIN_AS("c", "010203040506070801", "9", "true")
#define CHANGE(account, old, key) \
	"SELECT coalesce(held_by::text, 'changed') FROM acme.change_key(" UUID( \
	    account) ", sha256('" old "'), '{}', sha256('" key "'), sha256('spki'), 'ra', " UUID("9") ")"
#define DEACTIVATE "SELECT status FROM acme.deactivate_account(" ACCOUNT "'ra', " UUID("9") ")"
#define REVOKE "SELECT acme.revoke_account(" UUID("1") ", 'why', 'operator ana')"
#define GIVE_UP(authz) "SELECT acme.deactivate_authz(" UUID(authz) ", " ACCOUNT "'ra', " UUID("9") ")"
#define STATUS_OF(id) "SELECT status FROM acme.order_now WHERE id = " UUID(id)

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_partitions("71000000-0000-0000-0000-000000000000", "72000000-0000-0000-0000-000000000000");
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x02', 'chain', 'crl', 'aia', true); INSERT "
	                       "INTO ca.crl_shard (issuer, shard, url, open) VALUES ('e1', 0, 'tbs', true)");
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
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

/* A response to challenge n of an authorization (ra/challenges.c), also one while it waits to be tried again. */
#define RESPONSE(holder, authz, n) \
	UUID(authz) ", " n ", " UUID("1") ", sha256('k'), 'thumb', '" holder "', 60, " UUID("9") ", NULL, '{}', NULL"
#define AGAIN(holder, authz) RESPONSE(holder, authz, "1")
#define TAKE_LAPSED "'taker', false, 60, 10"

/* A statement of the product, word for word, with its parameters as SQL has them: prepared, and run by the text that comes back. */
static const char *prepared(PGconn *conn, const struct statement *s, const char *values)
{
	static char texts[2][512];
	static size_t i;
	char *text = texts[i++ % 2];
	pg_prepare(conn, s);
	snprintf(text, sizeof(texts[0]), "EXECUTE \"%s\" (%s)", s->name, values);
	return text;
}

static void respond(const char *values)
{
	PGconn *conn = pg_connect("cairn_ra", "cairn");
	run(conn, prepared(conn, &ra_start_challenge_statement, values));
	PQfinish(conn);
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
	pg_exec("cairn_ra", TWO_NAMES);
	respond(RESPONSE("ra", "3", "1"));
	respond(RESPONSE("ra", "4", "1"));
	return 0;
}

/* Runs `first` in a transaction that stays open while `second` starts, which has to wait for its end or must not. Gives what
 * `second` says: its first value, the name of the refusal, or that it changed nothing. Closes both. */
static const char *side_by_side(bool waits, PGconn *a, const char *first, PGconn *b, const char *second)
{
	static char answer[64];
	run(a, "BEGIN");
	run(a, first);
	assert_int_equal(PQsendQuery(b, second), 1);
	usleep(200000);
	bool waited = PQconsumeInput(b) == 1 && PQisBusy(b) == 1;
	run(a, "COMMIT");
	PGresult *result = PQgetResult(b);
	const char *refusal = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *value = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "nothing";
	snprintf(answer, sizeof(answer), "%s", refusal != NULL ? refusal : value);
	PQclear(result);
	PQfinish(a);
	PQfinish(b);
	assert_int_equal(waited, waits);
	return answer;
}

static const char *beside(
    bool waits, const char *first_role, const char *first, const char *second_role, const char *second)
{
	return side_by_side(waits, pg_connect(first_role, "cairn"), first, pg_connect(second_role, "cairn"), second);
}

/* The same with statements of the registration authority. */
static const char *statements_beside(bool waits, const struct statement *first, const char *first_values,
    const struct statement *second, const char *second_values)
{
	PGconn *a = pg_connect("cairn_ra", "cairn");
	PGconn *b = pg_connect("cairn_ra", "cairn");
	const char *first_text = prepared(a, first, first_values);
	return side_by_side(waits, a, first_text, b, prepared(b, second, second_values));
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

/* as it is with a deactivation, so it is when the CA shuts the account off. */
static void test_revoked_account(void **state)
{
	(void) state;
	assert_string_equal(one_waits("cairn_ra", ONE_NAME("a", "b"), "cairn_operator", REVOKE), "t");
	pg_assert_value(STATUS_OF("a"), "invalid");
	(void) fresh(state);
	make_ready();
	assert_string_equal(one_waits("cairn_operator", REVOKE, "cairn_ca", BEGIN_ISSUANCE), "ACCOUNT_NOT_VALID");
	(void) fresh(state);
	make_ready();
	assert_string_equal(one_waits("cairn_operator", REVOKE, "cairn_ca", BEGIN_REMEMBERED), "CONFLICT");
	(void) fresh(state);
	make_ready();
	assert_string_equal(one_waits("cairn_ca", BEGIN_ISSUANCE, "cairn_operator", REVOKE), "t");
	pg_assert_value(STATUS_OF("2"), "processing"); /* what was begun goes on */
	(void) fresh(state);
	assert_string_equal(one_waits("cairn_operator", REVOKE, "cairn_operator", REVOKE), "f");
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

/* of two that ask for the same at once, the second is given the order of the first. */
static void test_the_same_order_twice(void **state)
{
	(void) state;
	assert_string_equal(one_waits("cairn_ra", SAME_ONE("a", "b"), "cairn_ra", SAME_ONE("c", "d")), UUID_TEXT("a"));
	pg_assert_value("SELECT count(*) FROM acme.orders WHERE identifier_values = '{c.test}'", "1");
	pg_assert_value("SELECT string_agg(kind, ' ' ORDER BY id) FROM log.event WHERE order_id = " UUID("a"),
	    "order.created order.given_again");
}

/* one that is given again while its issuance begins is told as it was before; from then on it is not. */
static void test_the_same_order_beside_begin(void **state)
{
	(void) state;
	make_ready();
	pg_exec("cairn_owner", "UPDATE acme.orders SET same = 5");
	assert_string_equal(beside(false, "cairn_ca", BEGIN_ISSUANCE, "cairn_ra", SAME_TWO("a")), UUID_TEXT("2"));
	pg_assert_value(STATUS_OF("2"), "processing");
	pg_assert_value(SAME_TWO("b"), "new");
}

/* none is given again once the deactivation of the account is under way. */
static void test_the_same_order_after_deactivation(void **state)
{
	(void) state;
	make_ready();
	pg_exec("cairn_owner", "UPDATE acme.orders SET same = 5");
	assert_string_equal(one_waits("cairn_ra", DEACTIVATE, "cairn_ra", SAME_TWO("a")), "ACCOUNT_NOT_VALID");
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

#define NEW_ACCOUNT_OF(id, key, spki) \
	"SELECT id FROM acme.new_account(" UUID(id) ", '{}', sha256('" key "'), sha256('" spki \
	                                            "'), NULL, false, false, 'ra', " UUID("9") ")"
#define NEW_ACCOUNT(id, key) NEW_ACCOUNT_OF(id, key, "s")

/* one key, two accounts that want it; and one that is just being made with it. */
static void test_one_key_two_accounts(void **state)
{
	(void) state;
	pg_exec("cairn_ra", NEW_ACCOUNT("2", "m"));
	const char *held = one_waits("cairn_ra", CHANGE("1", "k", "l"), "cairn_ra", CHANGE("2", "m", "l"));
	assert_string_equal(held, "7193f000-0000-7000-8000-000000000100");
	held = one_waits("cairn_ra", CHANGE("2", "m", "n"), "cairn_ra", NEW_ACCOUNT("3", "n"));
	assert_string_equal(held, "7193f000-0000-7000-8000-000000000200");
	held = one_waits("cairn_ra", NEW_ACCOUNT("3", "o"), "cairn_ra", CHANGE("1", "l", "o"));
	assert_string_equal(held, "7193f000-0000-7000-8000-000000000300");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'account.key_changed'", "2");
}

/* F-25: the key of a certificate that is being issued becomes no account's, and the other way round. */
static void test_one_key_account_and_certificate(void **state)
{
	(void) state;
	make_ready();
	assert_string_equal(
	    one_waits("cairn_ca", BEGIN_ISSUANCE, "cairn_ra", NEW_ACCOUNT_OF("5", "other", "key")), "BAD_PUBLIC_KEY");
	assert_int_equal(fresh(state), 0);
	make_ready();
	assert_string_equal(
	    one_waits("cairn_ra", NEW_ACCOUNT_OF("5", "other", "key"), "cairn_ca", BEGIN_ISSUANCE), "BAD_CSR");
	pg_assert_value("SELECT count(*) FROM ca.certificate", "0");
}

/* none is made once the account's end is under way. */
static void test_key_change_after_deactivation(void **state)
{
	(void) state;
	assert_string_equal(one_waits("cairn_ra", DEACTIVATE, "cairn_ra", CHANGE("1", "k", "l")), "ACCOUNT_NOT_VALID");
	pg_assert_value("SELECT (thumbprint = sha256('k'))::text FROM acme.account", "true");
}

/* The first validation of authorization 3 failed, some time after the response that asked for it, and it waits until its time to be
 * tried again, which has come. */
static void failed_once(void)
{
	pg_exec(
	    "cairn_owner", "UPDATE acme.authz SET request_id = cairn.id_at(now() - interval '2 s') WHERE id = " UUID("3"));
	pg_exec("cairn_ra",
	    "SELECT acme.record_validation(" UUID("7") ", " UUID("3") ", 1, 'ra', " UUID(
	        "9") ", 'BR', 'local', false, 'UNAUTHORIZED', 'wrong', '{\"type\":\"UNAUTHORIZED\",\"detail\":\"wrong\"}', "
	             "'off', NULL, sha256('x'), 1, now(), now(), sha256('a') || sha256('b'), "
	             "sha256('s'), " PG_RESOLUTIONS ", " PG_ATTEMPTS ", now() + interval '1 d', 0, false)");
	pg_assert_value("SELECT coalesce(lease_holder, 'nobody') FROM acme.authz WHERE id = " UUID("3"), "nobody");
}

#define HOLDER_OF(authz) \
	"SELECT coalesce(lease_holder, 'nobody') || coalesce(tried, 0) FROM acme.authz WHERE id = " UUID(authz)

/* of two responses to a challenge that waits to be tried again one starts it. */
static void test_two_retries(void **state)
{
	(void) state;
	failed_once();
	assert_string_equal(statements_beside(true, &ra_retry_challenge_statement, AGAIN("one", "3"),
	                        &ra_retry_challenge_statement, AGAIN("two", "3")),
	    "nothing");
	pg_assert_value(HOLDER_OF("3"), "one1");
}

/* the client's response and the time that has come start it once, whichever is first. */
static void test_retry_when_it_is_due(void **state)
{
	(void) state;
	failed_once();
	assert_string_equal(statements_beside(false, &ra_retry_challenge_statement, AGAIN("one", "3"),
	                        &ra_take_challenges_statement, TAKE_LAPSED),
	    "nothing");
	pg_assert_value(HOLDER_OF("3"), "one1");
	(void) fresh(state);
	failed_once();
	assert_string_equal(statements_beside(true, &ra_take_challenges_statement, TAKE_LAPSED,
	                        &ra_retry_challenge_statement, AGAIN("one", "3")),
	    "nothing");
	pg_assert_value(HOLDER_OF("3"), "taker1");
}

/* of two first responses, to one challenge or to two, one starts the authorization. */
static void test_two_responses(void **state)
{
	(void) state;
	pg_exec("cairn_ra", TWO_METHODS("a", "b"));
	assert_string_equal(statements_beside(true, &ra_start_challenge_statement, RESPONSE("one", "b", "1"),
	                        &ra_start_challenge_statement, RESPONSE("two", "b", "2")),
	    "nothing");
	pg_assert_value(HOLDER_OF("b"), "one1");
	assert_string_equal(statements_beside(false, &ra_start_challenge_statement, RESPONSE("two", "b", "1"),
	                        &ra_start_challenge_statement, RESPONSE("three", "b", "2")),
	    "nothing");
	pg_assert_value(HOLDER_OF("b"), "one1");
}

/* a response beside the end of its authorization starts nothing, and what it started first ends with it. */
static void test_response_and_giving_up(void **state)
{
	(void) state;
	static const char b[] = UUID("b") ", " UUID("1") ", sha256('k'), 'ra', " UUID("9");
	pg_exec("cairn_ra", ONE_NAME("a", "b"));
	assert_string_equal(statements_beside(true, &ra_deactivate_authorization_statement, b,
	                        &ra_start_challenge_statement, RESPONSE("one", "b", "1")),
	    "nothing");
	pg_assert_value(HOLDER_OF("b"), "nobody0");
	(void) fresh(state);
	pg_exec("cairn_ra", ONE_NAME("a", "b"));
	assert_string_equal(statements_beside(true, &ra_start_challenge_statement, RESPONSE("one", "b", "1"),
	                        &ra_deactivate_authorization_statement, b),
	    "");
	pg_assert_value(HOLDER_OF("b"), "nobody1");
	pg_assert_value("SELECT status FROM acme.authz_now WHERE id = " UUID("b"), "deactivated");
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
		cmocka_unit_test_setup(test_revoked_account, fresh),
		cmocka_unit_test_setup(test_remembered_begin_after_deactivation, fresh),
		cmocka_unit_test_setup(test_remembered_authorization_is_given_up, fresh),
		cmocka_unit_test_setup(test_two_begin, fresh),
		cmocka_unit_test_setup(test_authorization_is_given_up, fresh),
		cmocka_unit_test_setup(test_giving_up_after_begin, fresh),
		cmocka_unit_test_setup(test_new_order_after_deactivation, fresh),
		cmocka_unit_test_setup(test_the_same_order_twice, fresh),
		cmocka_unit_test_setup(test_the_same_order_beside_begin, fresh),
		cmocka_unit_test_setup(test_the_same_order_after_deactivation, fresh),
		cmocka_unit_test_setup(test_key_change_beside_new_order, fresh),
		cmocka_unit_test_setup(test_one_key_two_accounts, fresh),
		cmocka_unit_test_setup(test_one_key_account_and_certificate, fresh),
		cmocka_unit_test_setup(test_key_change_after_deactivation, fresh),
		cmocka_unit_test_setup(test_two_retries, fresh),
		cmocka_unit_test_setup(test_retry_when_it_is_due, fresh),
		cmocka_unit_test_setup(test_two_responses, fresh),
		cmocka_unit_test_setup(test_response_and_giving_up, fresh),
		cmocka_unit_test_setup(test_validation_and_giving_up, fresh),
		cmocka_unit_test_setup(test_two_finalizations, fresh),
		cmocka_unit_test_setup(test_two_completions, fresh),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

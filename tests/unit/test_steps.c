/* What single steps of the registration authority decide, by their SQL alone.. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/pg.h"

#define UUID(n) "'7193f000-0000-7000-8000-000000000" n "00'"
#define KEY(n) "sha256('k" n "')"
#define ORDER(id, account, name, base, authz) \
	"SELECT status FROM acme.new_order(" UUID(id) ", " UUID(account) ", " KEY( \
	    account) ", '{dns}', '{" name "}', '{" base "}', 'classic', NULL, NULL, NULL, now() + interval '1 d', " \
	             "now() + interval '1 h', ARRAY[" UUID(authz) "]::uuid[], '{dns-01}', '{token}', 'ra', " UUID( \
	                 "9") ", true)"
#define START(authz) \
	"UPDATE acme.authz SET tried = 1, key_authorization = 'token.thumb', lease_holder = 'ra', " \
	"lease_until = now() + interval '1 min', request_id = " UUID("9") " WHERE id = " UUID(authz)
#define RECORD(id, authz) \
	"SELECT acme.record_validation(" UUID(id) ", " UUID(authz) ", 1, 'ra', " UUID( \
	    "9") ", 'BR', 'local', true, NULL, NULL, NULL, 'off', NULL, sha256('x'), 1, now(), now(), " \
	         "sha256('a') || sha256('b'), sha256('s'), " PG_RESOLUTIONS ", " PG_ATTEMPTS \
	         ", now() + interval '1 d', NULL, false)"
#define AUTHZ_OF(order) "SELECT authorizations[1] FROM acme.orders WHERE id = " UUID(order)

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_partitions("71000000-0000-0000-0000-000000000000", "72000000-0000-0000-0000-000000000000");
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

/* Accounts 1 and 2; account 1 has a valid authorization, 4, for this name. */
static void with_authorization(const char *order)
{
	pg_exec("postgres",
	    "TRUNCATE acme.account, acme.account_binding, acme.terms_page, acme.orders, acme.authz, log.validation, "
	    "log.validation_private, log.event, ca.serial, ca.certificate");
	pg_exec("cairn_ra", "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID(
	                        "1") ", 'valid', '{}', " KEY("1") "), (" UUID("2") ", 'valid', '{}', " KEY("2") ")");
	pg_exec("cairn_ra", order);
	pg_exec("cairn_ra", START("4") ";" RECORD("8", "4"));
}

#define REUSED "7193f000-0000-7000-8000-000000000400"

/* the same name of the same account alone; A-91: the base name does not cover the wildcard. */
static void test_base_name(void **state)
{
	(void) state;
	with_authorization(ORDER("3", "1", "a.test", "a.test", "4"));
	pg_exec(
	    "cairn_ra", ORDER("a", "1", "*.a.test", "a.test", "5") ";" ORDER("b", "1", "a.test", "a.test", "6") ";" ORDER(
	                    "c", "2", "a.test", "a.test", "7") ";" ORDER("d", "1", "b.a.test", "b.a.test", "e"));
	pg_assert_value(AUTHZ_OF("a"), "7193f000-0000-7000-8000-000000000500");
	pg_assert_value(AUTHZ_OF("b"), REUSED);
	pg_assert_value(AUTHZ_OF("c"), "7193f000-0000-7000-8000-000000000700");
	pg_assert_value(AUTHZ_OF("d"), "7193f000-0000-7000-8000-000000000e00");
	pg_assert_value(
	    "SELECT string_agg(status, ' ' ORDER BY id) FROM acme.order_now", "ready pending ready pending pending");
}

/* nor the wildcard the base name. */
static void test_wildcard(void **state)
{
	(void) state;
	with_authorization(ORDER("3", "1", "*.a.test", "a.test", "4"));
	pg_exec("cairn_ra", ORDER("a", "1", "a.test", "a.test", "5") ";" ORDER("b", "1", "*.a.test", "a.test", "6"));
	pg_assert_value(AUTHZ_OF("a"), "7193f000-0000-7000-8000-000000000500");
	pg_assert_value(AUTHZ_OF("b"), REUSED);
}

/* what newOrder looks at does not grow with what the account has; with the settings of each connection (lib/db). */
static void test_many_authorizations(void **state)
{
	(void) state;
	with_authorization(ORDER("3", "1", "a.test", "a.test", "4"));
	pg_exec("postgres",
	    "SET session_replication_role = replica; "
	    "INSERT INTO acme.authz SELECT (r).* FROM (SELECT jsonb_populate_record(a, jsonb_build_object('id', "
	    "'7193f000-0000-7000-8001-' || lpad(to_hex(n), 10, '0') || '00', 'identifier_value', n || '.test')) AS r "
	    "FROM acme.authz a, generate_series(1, 500) AS n) AS more");
	pg_exec("postgres",
	    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; "
	    "SET enable_hashjoin = off; SET enable_mergejoin = off; " ORDER("a", "1", "b.test", "b.test",
	        "5") ";"
	             "DO $$ DECLARE seen int8; BEGIN SELECT sum(pg_stat_get_xact_tuples_returned(i.indexrelid)) INTO seen "
	             "FROM pg_index i "
	             "WHERE i.indrelid = 'acme.authz_test'::regclass; ASSERT seen < 50, seen; END $$");
}

/* What has ended, or ends soon, is not used again; nor what serves one order only (B-32). */
static void test_ended(void **state)
{
	(void) state;
	static const char *const ends[] = { "UPDATE acme.authz SET ended = 'deactivated'",
		"UPDATE acme.authz SET ended = 'revoked'", "UPDATE acme.authz SET expires_at = now() + interval '59 min'",
		"UPDATE acme.authz SET expires_at = now()", "UPDATE acme.authz SET challenge_types = '{dns-persist-01}'" };
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		with_authorization(ORDER("3", "1", "a.test", "a.test", "4"));
		pg_exec("cairn_owner", ends[i]);
		pg_exec("cairn_ra", ORDER("a", "1", "a.test", "a.test", "5"));
		pg_assert_value(AUTHZ_OF("a"), "7193f000-0000-7000-8000-000000000500");
	}
}

/* the same order twice is two orders. */
static void test_orders_are_not_used_again(void **state)
{
	(void) state;
	with_authorization(ORDER("3", "1", "a.test", "a.test", "4"));
	pg_exec("cairn_ra", ORDER("a", "1", "b.test", "b.test", "5") ";" ORDER("b", "1", "b.test", "b.test", "6"));
	pg_assert_value("SELECT count(*) FROM acme.orders", "3");
	pg_assert_value(AUTHZ_OF("a"), "7193f000-0000-7000-8000-000000000500");
	pg_assert_value(AUTHZ_OF("b"), "7193f000-0000-7000-8000-000000000600"); /* a pending one belongs to its order */
}

/* a certificate of an issuer that signs no more. */
static void test_older_issuer(void **state)
{
	(void) state;
	with_authorization(ORDER("3", "1", "a.test", "a.test", "4"));
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('old', '\\x01', '\\x02', 'chain', 'crl', 'aia', false), "
	                       "('new', '\\x03', '\\x04', 'chain', 'crl2', 'aia2', true)");
	pg_exec("cairn_owner",
	    "INSERT INTO ca.serial VALUES ('\\x010203040506070805', " UUID(
	        "c") "); INSERT INTO ca.certificate (id, order_id, account_id, issuer, "
	             "serial, profile, crl_shard, der, names, validations, not_before, "
	             "not_after, begun_at, signed_at, spki_sha256) VALUES (" UUID("c") ", " UUID("3") ", " UUID(
	                 "1") ", 'old', '\\x010203040506070805', 'classic', 0, 'DER', '{a.test}', '{}', now(), now() + "
	                      "interval '1 day', now(), now(), sha256('k'))");
	pg_exec("cairn_ra", "SELECT acme.revoke_certificate('\\x010203040506070805', 'DER', 4, " UUID("1") ", " KEY(
	                        "1") ", false, 'ra', " UUID("9") ")");
	pg_assert_value("SELECT issuer || reason FROM ca.revocation", "old4");
}

/* one page for an account and its terms; only the terms in force can be agreed to, which is recorded once. */
static void test_terms(void **state)
{
	(void) state;
#define TOKEN(c) "repeat('" c "', 43)"
	with_authorization(ORDER("3", "1", "a.test", "a.test", "4"));
	pg_exec("cairn_ra", "SELECT acme.ask_terms(" UUID("1") ", 'terms/2', " TOKEN(
	                        "a") ");"
	                             "SELECT acme.ask_terms(" UUID("1") ", 'terms/2', " TOKEN(
	                                 "b") ");"
	                                      "SELECT acme.ask_terms(" UUID("1") ", 'terms/1', " TOKEN(
	                                          "c") ");"
	                                               "SELECT acme.ask_terms(" UUID("2") ", 'terms/2', " TOKEN("d") ")");
	pg_assert_value("SELECT string_agg(left(token, 1), '' ORDER BY token) FROM acme.terms_page", "acd");
	assert_string_equal(
	    pg_try("cairn_ra", "SELECT acme.agree_terms(" TOKEN("c") ", 'terms/2', 'ra', NULL)", NULL), "CA001");
	assert_string_equal(
	    pg_try("cairn_ra", "SELECT acme.agree_terms(" TOKEN("x") ", 'terms/2', 'ra', NULL)", NULL), "CA001");
	pg_assert_value("SELECT count(*) FROM acme.account WHERE terms_agreed IS NOT NULL", "0");
	pg_exec("cairn_ra", "SELECT acme.agree_terms(" TOKEN("a") ", 'terms/2', 'ra', NULL)");
	pg_exec("cairn_ra", "SELECT acme.agree_terms(" TOKEN("a") ", 'terms/2', 'ra', NULL)");
	pg_assert_value("SELECT string_agg(id::text || terms_agreed, ' ') FROM acme.account WHERE terms_agreed IS NOT NULL",
	    "7193f000-0000-7000-8000-000000000100terms/2");
	pg_assert_value(
	    "SELECT string_agg(facts->>'terms', ' ') FROM log.event WHERE kind = 'account.terms_agreed'", "terms/2");
	pg_assert_value("SELECT count(agreed_at) FROM acme.terms_page", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base_name),
		cmocka_unit_test(test_wildcard),
		cmocka_unit_test(test_many_authorizations),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_orders_are_not_used_again),
		cmocka_unit_test(test_older_issuer),
		cmocka_unit_test(test_terms),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

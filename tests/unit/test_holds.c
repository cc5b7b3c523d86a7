/* Legal holds by account, serial, name, network and time, and by several at once: what they keep in each table, and what the purge leaves (G-56). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/arena.h"
#include "tests/unit/pg.h"

#define ANA "01900000-0000-7000-8000-0000000000a1"
#define BEN "01900000-0000-7000-8000-0000000000b1"
#define TABLES 4

/* Account ana has order 10 (www.corp.test, certificate 0a01, ended), ben has order 20 (corp.test.example and a.corp.test). Requests 1-3, validations 4-6, events
 * 7-8 and authorizations 10x of them stand so many days back; the last digits of an id tell which it is. */
static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_year("now() - interval '50 days'");
	pg_exec("postgres", "CREATE TABLE public.zero AS SELECT now() AS t;"
	                    "CREATE FUNCTION public.i(p_days numeric, n int) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT "
	                    "(left(cairn.id_at((SELECT t FROM public.zero) - p_days * interval '1 day')::text, 33)"
	                    " || lpad(n::text, 3, '0'))::uuid $$;"
	                    "CREATE FUNCTION public.names(p_ids uuid[]) RETURNS text LANGUAGE sql AS $$ SELECT "
	                    "coalesce(string_agg(DISTINCT right(u::text, 3), ' '), '') FROM unnest(p_ids) u $$");
	pg_exec("postgres",
	    "INSERT INTO acme.account (id, status, key, thumbprint) VALUES ('" ANA "', 'valid', 'a', sha256('a')), ('" BEN
	    "', 'valid', 'b', sha256('b'));"
	    "INSERT INTO acme.authz (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, tokens, "
	    "expires_at) VALUES"
	    " (public.i(50, 101), '" ANA "', 'dns', 'www.corp.test', false, '{}', '{}', now() - interval '40 days'),"
	    " (public.i(50, 102), '" BEN "', 'dns', 'corp.test.example', false, '{}', '{}', now() - interval '40 days'),"
	    " (public.i(50, 103), '" BEN "', 'dns', 'a.corp.test', false, '{}', '{}', now() - interval '40 days');"
	    "INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, "
	    "expires_at) VALUES"
	    " (public.i(50, 10), '" ANA "', '{dns}', '{www.corp.test}', ARRAY[public.i(50, 101)], 'p', now()),"
	    " (public.i(50, 20), '" BEN
	    "', '{dns,dns}', '{corp.test.example,a.corp.test}', ARRAY[public.i(50, 102), public.i(50, 103)], 'p', now());"
	    "INSERT INTO ca.serial VALUES ('\\x0a0101010101010101', public.i(49, 11));"
	    "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	    "profile, serial, spki_sha256, names, validations, tbs)"
	    " VALUES (public.i(49, 11), public.i(50, 10), '" ANA
	    "', now() - interval '49 days', now() - interval '30 days', now(), 0, 'i', 'p', '\\x0a0101010101010101', "
	    "sha256(''),"
	    " '{www.corp.test}', '{}', 'x')");
	/* 001: ana in her certificate's time; 002: ana behind it; 003: ben */
	pg_exec("postgres",
	    "INSERT INTO log.request (id, received_at, frontend, method, route, url, account_id, body_sha256, body_octets, "
	    "commitments) SELECT x.id, now(), 'f', 'POST', 'order', '/', x.a,"
	    " sha256(''), 0, '' FROM (VALUES (public.i(45, 1), '" ANA "'::uuid), (public.i(20, 2), '" ANA
	    "'), (public.i(45, 3), '" BEN "')) x (id, a);"
	    "INSERT INTO log.request_private (id, salt, remote_address, remote_port) VALUES (public.i(45, 1), sha256(''), "
	    "'192.0.2.1', 1), (public.i(20, 2), sha256(''), '198.51.100.7', 1),"
	    " (public.i(45, 3), sha256(''), '2001:db8::3', 1);"
	    "INSERT INTO log.validation (id, authorization_id, account_id, request_id, identifier_type, identifier_value, "
	    "wildcard, method, rule, perspective, attempt, passed, dnssec, token_sha256,"
	    " started_at, ended_at, commitments) SELECT x.id, x.z, x.a, public.i(45, 1), 'dns', x.n, false, 'http-01', "
	    "'r', 'p', 1, false, 'off', '', now(), now(), '' FROM (VALUES"
	    " (public.i(45, 4), public.i(50, 101), '" ANA
	    "'::uuid, 'www.corp.test'), (public.i(45, 5), public.i(50, 102), '" BEN "', 'corp.test.example'),"
	    " (public.i(45, 6), public.i(50, 103), '" BEN "', 'a.corp.test')) x (id, z, a, n);"
	    "INSERT INTO log.validation_private (id, salt, resolutions, attempts) VALUES (public.i(45, 4), '', "
	    "'{\"resolutions\":[{\"answers\":[\"203.0.113.9\"]}]}', '{}'),"
	    " (public.i(45, 5), '', '{}', '{\"attempts\":[{\"address_used\":\"2001:db8::5\"}]}'), (public.i(45, 6), '', "
	    "'{\"resolutions\":[{\"answers\":[\"1.2.3\",\"999.0.113.9\"]}]}', '{}');"
	    "INSERT INTO log.event (id, process, actor, kind, request_id, account_id, order_id, facts) VALUES "
	    "(public.i(45, 7), 'p', 'a', 'order.created', public.i(45, 1), '" ANA "', public.i(50, 10), '{}'),"
	    " (public.i(45, 8), 'p', 'a', 'order.created', public.i(45, 3), '" BEN "', public.i(50, 20), '{}')");
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

/* Events of the holds themselves are about the account too. */
static const char *const all_of[TABLES][2] = { { "log.request", "true" }, { "log.validation", "true" },
	{ "log.event", "kind = 'order.created'" }, { "acme.authz", "true" } };

static void assert_kept(const char *what, const char *const kept[TABLES])
{
	struct arena *a = arena_new();
	for (size_t i = 0; i < TABLES; i++) {
		char *found =
		    pg_value(arena_printf(a, "SELECT public.names(cairn.held('%s', ARRAY(SELECT id FROM %s WHERE %s)))",
		        all_of[i][0], all_of[i][0], all_of[i][1]));
		if (strcmp(found, kept[i]) != 0) {
			fail_msg("a hold by %s keeps \"%s\" of %s in place of \"%s\"", what, found, all_of[i][0], kept[i]);
		}
		free(found);
	}
	arena_free(a);
}

static void add(const char *id, const char *conditions, const char *ends)
{
	struct arena *a = arena_new();
	pg_exec("cairn_operator", arena_printf(a,
	                              "SELECT cairn.add_hold('0190000%s-0000-7000-8000-000000000000', 'court', %s, now() + "
	                              "interval '%s', 'operator t')",
	                              id, conditions, ends));
	arena_free(a);
}

static void end_all(void)
{
	pg_exec("postgres", "SELECT cairn.end_hold(id, 'operator t', 'done') FROM cairn.hold");
	pg_exec("postgres", "DELETE FROM cairn.hold_order; DELETE FROM cairn.hold");
}

/* G-56: account, serial, name, network, since, until; the private halves are held with their facts. */
static void each_condition_keeps_its_rows(void **state)
{
	static const struct {
		const char *what;
		const char *conditions;
		const char *kept[TABLES];
	} cases[] = {
		{ "account", "'" ANA "', NULL, NULL, NULL, NULL, NULL", { "001 002", "004", "007", "101" } },
		{ "serial", "NULL, '\\x0a0101010101010101', NULL, NULL, NULL, NULL", { "001", "004", "007", "101" } },
		{ "name", "NULL, NULL, 'corp.test', NULL, NULL, NULL", { "001 003", "004 006", "007 008", "101 103" } },
		{ "name itself", "NULL, NULL, 'a.corp.test', NULL, NULL, NULL", { "003", "006", "008", "103" } },
		{ "another name", "NULL, NULL, 'orp.test', NULL, NULL, NULL", { "", "", "", "" } },
		{ "network", "NULL, NULL, NULL, '192.0.2.0/24', NULL, NULL", { "001", "", "007", "" } },
		{ "address that was looked up", "NULL, NULL, NULL, '203.0.113.9', NULL, NULL", { "", "004", "", "" } },
		{ "network of IPv6", "NULL, NULL, NULL, '2001:db8::/32', NULL, NULL", { "003", "005", "008", "" } },
		{ "since", "NULL, NULL, NULL, NULL, now() - interval '30 days', NULL", { "002", "", "", "" } },
		{ "until", "NULL, NULL, NULL, NULL, NULL, now() - interval '47 days'", { "", "", "", "101 102 103" } },
		{ "since and until", "NULL, NULL, NULL, NULL, now() - interval '46 days', now() - interval '44 days'",
		    { "001 003", "004 005 006", "007 008", "" } },
		{ "account and time", "'" ANA "', NULL, NULL, NULL, now() - interval '46 days', now() - interval '44 days'",
		    { "001", "004", "007", "" } },
		{ "name and account", "'" BEN "', NULL, 'corp.test', NULL, NULL, NULL", { "003", "006", "008", "103" } },
		{ "name and network", "NULL, NULL, 'corp.test', '2001:db8::/32', NULL, NULL", { "003", "", "008", "" } },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		add("1", cases[i].conditions, "9 days");
		assert_kept(cases[i].what, cases[i].kept);
		pg_assert_value("SELECT public.names(cairn.held('log.request', ARRAY(SELECT id FROM log.request))) = "
		                "public.names(cairn.held('log.request_private', ARRAY(SELECT id FROM log.request)))",
		    "t");
		end_all();
	}
}

/* Several holds keep what any of them keeps; one that ended keeps nothing; orders that come later are found. */
static void holds_add_up(void **state)
{
	static const char *const none[TABLES] = { "", "", "", "" };
	static const char *const both[TABLES] = { "001 002 003", "004 006", "007 008", "101 103" };
	(void) state;
	add("1", "'" ANA "', NULL, NULL, NULL, NULL, NULL", "9 days");
	add("2", "NULL, NULL, 'a.corp.test', NULL, NULL, NULL", "9 days");
	assert_kept("two", both);
	pg_exec(
	    "postgres", "UPDATE cairn.hold SET created_at = now() - interval '9 days', ends_at = now() - interval '1 s'");
	assert_kept("what has ended", none);
	end_all();
	add("1", "NULL, NULL, 'late.test', NULL, NULL, NULL", "9 days");
	pg_exec("postgres", "INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, "
	                    "profile, expires_at) VALUES"
	                    " (public.i(0, 30), '" BEN "', '{dns}', '{x.late.test}', '{}', 'p', now());"
	                    "INSERT INTO log.event (id, process, actor, kind, account_id, order_id, facts) VALUES "
	                    "(public.i(0, 9), 'p', 'a', 'order.created', '" BEN "', public.i(0, 30), '{}')");
	assert_kept("a name before its orders are looked for", none);
	pg_exec("cairn_subscriber", "SELECT cairn.resolve_holds()");
	pg_assert_value(
	    "SELECT public.names(cairn.held('log.event', ARRAY(SELECT id FROM log.event WHERE kind = 'order.created')))",
	    "009");
	end_all();
}

/* G-56, G-31: the purge passes over what is held, says how much that was, and takes it when the hold has ended. */
static void the_purge_gives_way(void **state)
{
	(void) state;
	pg_exec("postgres", "DELETE FROM log.unsealed");
	pg_exec("cairn_operator", "SELECT cairn.set_retention('SUB-REQ', 86400, NULL, 0, 'operator t', 'a test', false)");
	pg_exec("cairn_subscriber", "SELECT cairn.take_lease('retention', 'me', 600)");
	add("1", "NULL, '\\x0a0101010101010101', NULL, NULL, NULL, NULL", "9 days");
	pg_assert_value("SELECT looked || ' ' || purged || ' ' || held FROM cairn.purge('me', 'log.request_private', "
	                "'all', '00000000-0000-0000-0000-000000000000', 10, 0) AS p (looked, purged, held, last)",
	    "3 2 1");
	pg_assert_value("SELECT public.names(ARRAY(SELECT id FROM log.request_private))", "001");
	pg_assert_value(
	    "SELECT (facts->>'rows') || ' ' || (facts->>'held') FROM log.event WHERE kind = 'log.erased'", "2 1");
	assert_string_equal(pg_try("cairn_wfe",
	                        "SELECT cairn.add_hold('01900003-0000-7000-8000-000000000000', 'x', '" ANA
	                        "', NULL, NULL, NULL, NULL, NULL, now() + interval '1 day', 'x')",
	                        NULL),
	    "42501");
	end_all();
	pg_exec("cairn_subscriber",
	    "SELECT cairn.purge('me', 'log.request_private', 'all', '00000000-0000-0000-0000-000000000000', 10, 0)");
	pg_assert_value("SELECT count(*) FROM log.request_private", "0");
	pg_assert_value("SELECT count(*) FROM log.request", "3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_keeps_its_rows),
		cmocka_unit_test(holds_add_up),
		cmocka_unit_test(the_purge_gives_way),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

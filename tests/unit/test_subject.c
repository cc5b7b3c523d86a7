/* link: cli subscriber */
/* What is held about an account: for its holder alone, whole, in pages, with meanings and reasons; each look is an event (G-13, G-23, G-24). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/audit.h"
#include "cli/retention_rows.h"
#include "lib/rpc/handlers.h"
#include "subscriber/subject.h"
#include "tests/unit/pg.h"

#define ANA "01900000-0000-7000-8000-0000000000a1"
#define BEN "01900000-0000-7000-8000-0000000000b1"
#define THUMB(c) "decode(repeat('" c "', 32), 'hex')"
#define HOLDER(part) \
	"SELECT items FROM log.subject_of_holder('" ANA "', " THUMB("aa") ", '" part "', NULL, 0, 'p', NULL)"

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_exec("cairn_owner", "SELECT cairn.make_partitions(3)");
	pg_exec("postgres",
	    "INSERT INTO acme.account (id, status, key, thumbprint, created_at) VALUES"
	    " ('" ANA "', 'valid', '{\"kty\":\"EC\"}', " THUMB("aa") ", now() - interval '1 minute'),"
	                                                             " ('" BEN "', 'valid', '{\"kty\":\"EC\"}', " THUMB(
	                                                                 "bb") ", now() - interval '1 minute')");
	pg_exec("postgres",
	    "WITH r AS (INSERT INTO log.request (id, received_at, frontend, method, route, url, account_id, status, "
	    "body_sha256, body_octets, commitments)"
	    " SELECT cairn.new_id(), now(), 'f', 'POST', 'new-order', '/x' || g, CASE WHEN g % 2 = 0 THEN '" ANA
	    "'::uuid ELSE '" BEN "' END, 201,"
	    " sha256('x'), 1, sha256('x') FROM generate_series(1, 250) g RETURNING id, url)"
	    " INSERT INTO log.request_private (id, salt, remote_address, remote_port, user_agent, body) SELECT id, "
	    "sha256('s'), '192.0.2.1', 1, 'agent of ' || url,"
	    " CASE WHEN url = '/x2' THEN '\\xff00'::bytea ELSE convert_to('{\"a\":\"' || repeat('b', 4000) || '\"}', "
	    "'UTF8') END FROM r");
	return 0;
}

static void statements_run(void **state)
{
	static const struct statement *const holder[] = { &subject_statement };
	static const struct statement *const auditor[] = { &audit_ask_subject_statement, &audit_asked_subject_statement };
	(void) state;
	pg_check_statements("cairn_subscriber", holder, 1);
	pg_check_statements("cairn_auditor", auditor, 2);
	pg_check_statements("cairn_officer", auditor, 2);
}

/* G-13, G-23: not without the key of the account, and nobody else by these functions */
static void only_the_holder_reads(void **state)
{
	static const char *const strangers[] = { "cairn_wfe", "cairn_ra", "cairn_ca", "cairn_operator", "cairn_auditor",
		"cairn_officer" };
	(void) state;
	assert_string_equal(pg_try("cairn_subscriber", HOLDER("requests"), NULL), "");
	assert_string_equal(
	    pg_try("cairn_subscriber",
	        "SELECT * FROM log.subject_of_holder('" ANA "', " THUMB("bb") ", '', NULL, 0, 'p', NULL)", NULL),
	    "CA001");
	assert_string_equal(pg_try("cairn_subscriber",
	                        "SELECT * FROM log.subject_page('" ANA "', 'requests', NULL, 10, 10, 10, true)", NULL),
	    "42501");
	assert_string_equal(pg_try("cairn_subscriber", HOLDER("vault"), NULL), "CA001");
	for (size_t i = 0; i < COUNT_OF(strangers); i++) {
		assert_string_equal(pg_try(strangers[i], HOLDER("requests"), NULL), "42501");
	}
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'subject.read' AND account_id = '" ANA
	                "' AND actor = 'account' AND (facts->>'rows')::int > 0",
	    "1");
}

/* All rows of the account and none of another, however they are paged; a page is bounded in rows, octets and work. */
static void pages_hold_all(void **state)
{
	(void) state;
	pg_exec("postgres", "CREATE FUNCTION public.walk(p_scan int8, p_most int8, p_octets int8, OUT pages int, OUT n "
	                    "int, OUT names text) LANGUAGE plpgsql AS $$"
	                    " DECLARE p record; at uuid; seen text[] := '{}'; BEGIN pages := 0; LOOP"
	                    " SELECT * INTO p FROM log.subject_page('" ANA
	                    "', 'requests', at, p_scan, p_most, p_octets, false); pages := pages + 1;"
	                    " seen := seen || ARRAY(SELECT x->>'url' FROM jsonb_array_elements(p.items) x); at := p.next; "
	                    "EXIT WHEN at IS NULL; END LOOP;"
	                    " n := cardinality(seen); names := (SELECT string_agg(DISTINCT u, ',') FROM unnest(seen) u "
	                    "WHERE substr(u, 3)::int % 2 = 1 OR u = ''); END $$");
	pg_assert_value(
	    "SELECT pages || ' ' || n || coalesce(names, '') FROM public.walk(100000, 1000, 10000000)", "1 125");
	pg_assert_value("SELECT pages || ' ' || n || coalesce(names, '') FROM public.walk(100000, 10, 10000000)", "13 125");
	pg_assert_value(
	    "SELECT (pages > 25) || ' ' || n || coalesce(names, '') FROM public.walk(7, 1000, 10000000)", "true 125");
	pg_assert_value(
	    "SELECT (pages BETWEEN 30 AND 70) || ' ' || n || coalesce(names, '') FROM public.walk(100000, 1000, 16000)",
	    "true 125");
	pg_assert_value("SELECT pages || ' ' || n || coalesce(names, '') FROM public.walk(100000, 1000, 1)", "125 125");
	pg_assert_value("SELECT (SELECT x->>'body' FROM jsonb_array_elements(items) x WHERE x->>'url' = '/x2') || (SELECT "
	                "left(x->>'body', 7) FROM jsonb_array_elements(items) x"
	                " WHERE x->>'url' = '/x4') FROM log.subject_page('" ANA
	                "', 'requests', NULL, 1000, 1000, 100000000, false)",
	    "\\xff00{\"a\":\"b");
}

/* Where many rows are others', the next page begins at the account's next one, by the index; none is left out, nor one of the partition for
 * the rest. */
static void others_are_passed_over(void **state)
{
	(void) state;
	pg_exec("postgres",
	    /* one in a millisecond, to which a page skips at the nearest */
	    "CREATE TABLE public.rows AS SELECT overlay(cairn.new_id()::text PLACING left(cairn.id_at(now() - "
	    "make_interval(secs => (3000 - g) / 1000.0))::text, 13) FROM 1 FOR 13)::uuid AS id, g FROM generate_series(1, "
	    "3000) g ORDER BY 1;"
	    "INSERT INTO log.event (id, process, actor, kind, account_id, facts) SELECT id, 'p', 'x', 'order.created', "
	    "CASE WHEN g IN "
	    "(2, 1500, 2999) THEN '" ANA "'::uuid ELSE '" BEN "' END, jsonb_build_object('g', g) FROM public.rows;"
	    "INSERT INTO log.event (id, process, actor, kind, account_id, facts) SELECT overlay(id::text PLACING '00' FROM "
	    "1 FOR 2)::uuid, 'p', 'x', "
	    "'order.created', CASE WHEN g % 700 = 0 THEN '" ANA "'::uuid ELSE '" BEN
	    "' END, jsonb_build_object('g', g + 9000) FROM public.rows");
	pg_exec("postgres",
	    "SELECT brin_summarize_new_values(c.oid) FROM pg_class c WHERE c.relname ~ '^event_.*account_id_idx$'");
	pg_exec("postgres",
	    "CREATE FUNCTION public.walk_events(OUT pages int, OUT n text) LANGUAGE plpgsql AS $$ DECLARE p record; "
	    "at uuid; seen int[] := '{}'; BEGIN pages := 0; LOOP"
	    " SELECT * INTO p FROM log.subject_page('" ANA "', 'events', at, 20, 100, 1000000, true); pages := pages + 1;"
	    " seen := seen || ARRAY(SELECT (x->'facts'->>'g')::int FROM jsonb_array_elements(p.items) x WHERE x->'facts' ? "
	    "'g'); at := p.next;"
	    " EXIT WHEN at IS NULL; END LOOP; n := array_to_string(seen, ','); END $$");
	pg_assert_value("SELECT n || '/' || (pages < 60) FROM public.walk_events()", "2,1500,2999/true");
	pg_exec("postgres", "UPDATE acme.account SET created_at = '1970-01-02' WHERE id = '" ANA "'");
	pg_assert_value("SELECT n FROM public.walk_events()", "9700,10400,11100,11800,2,1500,2999");
	pg_exec("postgres", "UPDATE acme.account SET created_at = now() - interval '1 minute' WHERE id = '" ANA "'; "
	                    "DELETE FROM log.event WHERE facts ? 'g'; DROP TABLE public.rows");
}

/* G-24: each field has its meaning, each class its reason */
static void it_says_what_and_why(void **state)
{
	(void) state;
	pg_assert_value("SELECT string_agg(p->>'part', ',') FROM jsonb_array_elements(log.subject_index('" ANA
	                "', 0, false)->'parts') p",
	    "account,orders,certificates,revocations,authorizations,validations,requests,events");
	pg_assert_value("SELECT count(*) FROM jsonb_array_elements(log.subject_index('" ANA
	                "', 0, false)->'parts') p, jsonb_each(p->'fields') f"
	                " WHERE f.key NOT IN ('resolutions', 'connections', 'caa', 'precertificate', 'scts') AND "
	                "(f.value->>'meaning' = '' OR "
	                "f.value->>'class' IS NULL)",
	    "0");
	pg_assert_value("SELECT log.subject_index('" ANA "', 0, false)->'deletion'->'SUB-VAL'->>'why'",
	    "It proves that names were validated as they should be");
	pg_assert_value(
	    "SELECT (log.subject_index('" ANA
	    "', 86400 * 780, false)->'deletion'->'SUB-VAL'->>'why') LIKE '%Baseline Requirements 5.4.3%780 days%'",
	    "t");
	pg_assert_value("SELECT log.subject_index('" ANA "', 0, false)->'deletion'->'RECOVERY'->>'deletable'", "true");
	pg_assert_value("SELECT p->'fields'->'validations'->>'meaning' FROM jsonb_array_elements(log.subject_index('" ANA
	                "', 0, false)->'parts') p WHERE p->>'part' = 'certificates'",
	    "the validations that it relies on, as the authorizations of the order named them when the bytes were fixed");
}

/* G-23: what was promised to transparency logs goes with the certificate, though that was given up afterwards. */
static void certificates_have_their_promises(void **state)
{
	(void) state;
	pg_exec("postgres",
	    "WITH n AS (SELECT cairn.new_id() AS id, cairn.new_id() AS o),"
	    " o AS (INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, "
	    "expires_at, certificate_id) SELECT o, '" ANA "', '{dns}', '{a.test}', '{}', 'p', now(), id FROM n),"
	    " p AS (INSERT INTO ca.precertificate (certificate_id, der, signed_at, sct_list) SELECT id, 'pre', now(), "
	    "'two' "
	    "FROM n),"
	    " s AS (INSERT INTO ca.sct (certificate_id, log_id, given_at) SELECT id, sha256('log'), now() FROM n)"
	    " INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	    "profile, serial, spki_sha256, names, validations, tbs) SELECT id, o, '" ANA "', now(), now(), now(), 0, 'i', "
	    "'p', '\\x0a', sha256(''), '{a.test}', '{}', 't' FROM n");
	pg_assert_value("SELECT (x->>'state') || ' ' || (x->'precertificate'->>'der') || ' ' || (x->'precertificate'->>"
	                "'sct_list') || ' ' || (x->'scts'->0->>'log_id' = encode(sha256('log'), 'hex')) || ' ' || "
	                "jsonb_array_length(x->'scts') FROM jsonb_array_elements((SELECT items FROM log.subject_page('" ANA
	                "', 'certificates', NULL, 10, 10, 10000, false))) x",
	    "given up \\x707265 \\x74776f true 1");
	pg_assert_value("SELECT (p->'fields'->'scts'->'missing_at'->>'meaning') || '; ' || (p->'fields'->'precertificate'->"
	                "'der'->>'meaning') FROM jsonb_array_elements(log.subject_index('" ANA
	                "', 0, false)->'parts') p WHERE p->>'part' = 'certificates'",
	    "when it was found that the log broke its promise; the precertificate, the first that was signed; all logs get "
	    "these octets");
}

/* G-23, G-24: each kind of event is shown to the holder, is about no account, or is named as not told: investigations and legal demands
 * (disclosure, holds), who read this, recovery contacts, claims that did not fit. A new kind has to be put somewhere. */
static void each_kind_is_shown_or_named(void **state)
{
	(void) state;
	pg_assert_value(
	    "SELECT string_agg(kind, ' ' ORDER BY kind) FROM audit.event_kind WHERE NOT log.subject_may_see(kind) AND "
	    "split_part(kind, '.', 1) <> ALL (ARRAY['access', 'alarm', 'certificates', 'crl', 'disclosure', 'eab', "
	    "'export', 'incident', "
	    "'issuer', 'journal', 'linters', 'log', 'ocsp', 'policy', 'process', 'profile', 'responder', 'retention', "
	    "'revocation', 'roles', 'service', 'validation', 'validations', 'witness'])",
	    "audit.subject_read hold.added hold.ended key.blocked key.closed key.opened key.swept recovery.claimed "
	    "recovery.matched recovery.padding recovery.policy recovery.refused recovery.released recovery.taken");
	static const char *const named[] = { "investigation", "legal demand", "auditors or officers read",
		"recovery contacts", "claims of the account that did not fit" };
	for (size_t i = 0; i < COUNT_OF(named); i++) {
		char sql[256];
		snprintf(sql, sizeof(sql), "SELECT position('%s' IN log.subject_index('" ANA "', 0, false)->>'not_told') > 0",
		    named[i]);
		pg_assert_value(sql, "t");
	}
}

/* G-23: also rules that name the account, what stays of former contacts, and the steps of a recovery, but none that would tell which
 * contacts there are, or of a hold on them. */
static void it_tells_of_rules_and_recoveries(void **state)
{
	(void) state;
	pg_assert_value("SELECT (log.subject_index('" ANA "', 0, false)->'rules')::text || "
	                "(log.subject_index('" ANA "', 0, false)->>'former_contacts_until' IS NULL)",
	    "[]true");
	pg_exec("postgres",
	    "INSERT INTO acme.policy (version, source, applied_at, applied_by) VALUES (1, '', now(), 'o'), (2, '', now(), "
	    "'o');"
	    "INSERT INTO acme.policy_rule (version, position, name, everybody, accounts, eab_keys, names, networks, "
	    "profiles, "
	    "without_challenge) VALUES (1, 1, 'old', false, ARRAY['" ANA "'::uuid], '{}', '{a.test}', '{}', '{}', false),"
	    " (2, 1, 'ours', false, ARRAY['" ANA "'::uuid, '" BEN "'], '{}', '{b.test}', '{}', '{}', false),"
	    " (2, 2, 'theirs', false, ARRAY['" BEN "'::uuid], '{}', '{c.test}', '{}', '{}', false)");
	pg_exec("postgres",
	    "UPDATE vault.policy SET former_s = 86400;"
	    "INSERT INTO vault.former_contact (account_id, hashes, replaced_at) SELECT '" ANA
	    "', (SELECT array_agg(sha256(convert_to(g::text, 'UTF8'))) FROM generate_series(1, 10) g), d FROM unnest(ARRAY["
	    "'2031-01-02T00:00:00Z'::timestamptz, '2031-01-03T00:00:00Z']) d");
	pg_assert_value("SELECT (log.subject_index('" ANA "', 0, false)->'rules')::text",
	    "[{\"name\": \"ours\", \"names\": [\"b.test\"], \"networks\": [], \"profiles\": [], \"without_challenge\": "
	    "false}]");
	pg_assert_value("SELECT (log.subject_index('" ANA "', 0, false)->>'former_contacts_until')::timestamptz = "
	                "'2031-01-04T00:00:00Z'",
	    "t");
	pg_assert_value("SELECT log.subject_index('" ANA
	                "', 0, false)->>'not_told' LIKE '%claims of the account that did not fit'",
	    "t");
	pg_exec("postgres",
	    "SELECT log.add_event(cairn.new_id(), 'p', 'x', k, NULL, '" ANA "', NULL, NULL, '{}') FROM unnest(ARRAY["
	    "'recovery.claimed', 'recovery.matched', 'recovery.refused', 'recovery.asked', 'recovery.begun', "
	    "'recovery.told', "
	    "'recovery.untold', 'recovery.stopped', 'recovery.done', 'recovery.lapsed', 'recovery.taken', "
	    "'recovery.released', "
	    "'names.granted-without-challenge']) k");
	pg_assert_value(
	    "SELECT string_agg(x->>'kind', ',' ORDER BY x->>'kind') FROM jsonb_array_elements((SELECT items FROM"
	    " log.subject_page('" ANA "', 'events', NULL, 1000, 1000, 1000000, false))) x"
	    " WHERE x->>'kind' LIKE ANY (ARRAY['recovery.%', 'names.%'])",
	    "names.granted-without-challenge,recovery.asked,recovery.begun,recovery.done,recovery.lapsed,recovery.stopped,"
	    "recovery.told,recovery.untold");
	pg_exec("postgres",
	    "DELETE FROM log.event WHERE kind LIKE ANY (ARRAY['recovery.%', 'names.%']); DELETE FROM acme.policy_rule; "
	    "DELETE FROM acme.policy; DELETE FROM vault.former_contact");
}

/* A hold is told when somebody said that it may be; what is about investigations is for auditors; operators have no names here. */
static void secrets_are_kept(void **state)
{
	(void) state;
	pg_exec("cairn_operator", "SELECT cairn.add_hold('01900000-0000-7000-8000-000000000001', 'order 7', '" ANA
	                          "', NULL, NULL, NULL, NULL, NULL, now() + interval '9 days', 'operator zoe')");
	pg_exec("cairn_ra",
	    "SELECT log.add_event(cairn.new_id(), 'p', 'operator zoe', 'account.revoked', NULL, '" ANA
	    "', NULL, NULL, '{}'),"
	    " log.add_event(cairn.new_id(), 'p', 'x', 'disclosure.received', NULL, '" ANA "', NULL, NULL, '{}')");
	pg_assert_value("SELECT jsonb_array_length(log.subject_index('" ANA
	                "', 0, false)->'holds') || '/' || jsonb_array_length(log.subject_index('" ANA
	                "', 0, true)->'holds')",
	    "0/1");
	pg_assert_value("SELECT string_agg(DISTINCT (x->>'kind') || ' ' || (x->>'actor'), ',') FROM "
	                "jsonb_array_elements((SELECT items FROM"
	                " log.subject_page('" ANA
	                "', 'events', NULL, 1000, 1000, 1000000, false))) x WHERE x->>'kind' <> 'subject.read'",
	    "account.revoked operator");
	pg_assert_value(
	    "SELECT string_agg(x->>'kind', ',' ORDER BY x->>'kind') FROM jsonb_array_elements((SELECT items FROM"
	    " log.subject_page('" ANA
	    "', 'events', NULL, 1000, 1000, 1000000, true))) x WHERE x->>'kind' <> 'subject.read'",
	    "account.revoked,disclosure.received");
	pg_assert_value("SELECT cairn.tell_hold('01900000-0000-7000-8000-000000000001', 'operator zoe')", "t");
	pg_assert_value("SELECT cairn.tell_hold('01900000-0000-7000-8000-000000000001', 'operator zoe')", "f");
	pg_assert_value("SELECT log.subject_index('" ANA "', 0, false)->'holds'->0->>'ground'", "order 7");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'hold.told'", "1");
}

#define ASK(part, actor, reason) "log.ask_subject('" ANA "', '" part "', NULL, " actor ", " reason ")"

/* G-13: who reads says why, and it is on record before it is read */
static void auditors_say_why(void **state)
{
	(void) state;
	static const struct {
		const char *role;
		const char *sql;
		const char *error;
	} wrong[] = {
		{ "cairn_auditor", ASK("requests", "'operator eve'", "''"), "CA001" },
		{ "cairn_auditor", ASK("requests", "''", "'why'"), "CA001" },
		{ "cairn_auditor", ASK("requests", "NULL", "NULL"), "CA001" },
		{ "cairn_auditor", ASK("requests", "'o'", "repeat('x', 4001)"), "CA001" },
		{ "cairn_auditor", ASK("vault", "'o'", "'why'"), "CA001" },
		{ "cairn_operator", ASK("requests", "'o'", "'why'"), "42501" },
		{ "cairn_operator", "log.asked_subject(cairn.new_id(), 0)", "42501" },
		{ "cairn_auditor", "log.asked_subject('" ANA "', 0)", "CA001" },
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		char sql[256];
		snprintf(sql, sizeof(sql), "SELECT %s", wrong[i].sql);
		assert_string_equal(pg_try(wrong[i].role, sql, NULL), wrong[i].error);
	}
	/* in one transaction, that could be taken back */
	assert_string_equal(
	    pg_try("cairn_auditor",
	        "DO $$ BEGIN PERFORM log.asked_subject(" ASK("requests", "'operator eve'", "'x'") ", 0); END $$", NULL),
	    "CA001");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'audit.subject_read'", "0");
	pg_exec("cairn_auditor", "SELECT " ASK("requests", "'operator eve'", "'request 5'"));
	pg_assert_value("SELECT actor || '|' || (facts->>'reason') || '|' || (facts->>'part') || '|' || (facts->>'by') "
	                "FROM log.event WHERE kind = 'audit.subject_read'",
	    "operator eve|request 5|requests|cairn_auditor");
	static const char asked[] = "SELECT format('SELECT 1 / (jsonb_array_length(items) = 125)::int FROM "
	                            "log.asked_subject(%L, 0)', id) FROM log.event WHERE kind = 'audit.subject_read'";
	char *sql = pg_value(asked);
	assert_string_equal(pg_try("cairn_auditor", sql, NULL), "");
	assert_string_equal(pg_try("cairn_officer", sql, NULL), "CA001"); /* it was somebody else who asked */
	free(sql);
	pg_exec("postgres", "UPDATE log.event SET id = cairn.id_at(now() - interval '11 minutes') WHERE kind = "
	                    "'audit.subject_read'");
	sql = pg_value(asked);
	assert_string_equal(pg_try("cairn_auditor", sql, NULL), "CA001");
	free(sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_run),
		cmocka_unit_test(only_the_holder_reads),
		cmocka_unit_test(pages_hold_all),
		cmocka_unit_test(others_are_passed_over),
		cmocka_unit_test(it_says_what_and_why),
		cmocka_unit_test(certificates_have_their_promises),
		cmocka_unit_test(each_kind_is_shown_or_named),
		cmocka_unit_test(it_tells_of_rules_and_recoveries),
		cmocka_unit_test(secrets_are_kept),
		cmocka_unit_test(auditors_say_why),
	};
	return cmocka_run_group_tests(tests, setup, pg_group_teardown);
}

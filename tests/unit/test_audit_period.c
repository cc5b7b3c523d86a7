/* link: cli */
/* Reports on a period, by what a real PostgreSQL has on record. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/audit_period.h"
#include "tests/unit/pg.h"

#define ACCOUNT "018f0000-0000-7000-8000-000000000001"
#define DAY "now() - interval '1 hour', now() + interval '1 hour'"
#define LINES(kind, condition) \
	"SELECT coalesce(string_agg(section || ' ' || what || ' ' || facts::text, '|' ORDER BY section, what), 'none') " \
	"FROM " \
	"audit.report_" kind "(" DAY ") WHERE " condition

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_exec("cairn_owner", "SELECT cairn.make_partitions(3)");
	pg_exec("postgres",
	    "INSERT INTO acme.account (id, status, key, thumbprint) VALUES ('" ACCOUNT "', 'valid', '{}', sha256('1'))");
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

static void test_statements(void **state)
{
	(void) state;
	pg_check_statements("cairn_auditor", audit_period_statements, audit_period_statements_n);
}

/* F-57: software by version and configuration as it was when the day began, keys, roles, CRLs, alarms, and what operators did */
static void test_day(void **state)
{
	(void) state;
	pg_exec("postgres",
	    "INSERT INTO log.event (id, happened_at, process, actor, kind, facts) SELECT cairn.id_at(t), t, 'cairn-ra@x', "
	    "'cairn', "
	    "'process.started', jsonb_build_object('version', v) FROM (VALUES (now() - interval '9 days', '0.1'), (now() - "
	    "interval '2 days', '0.2'), (now() + interval '2 hours', '0.4')) x (t, v)");
	pg_exec("cairn_ca", "SELECT cairn.record_run('cairn-ca@y', 'started', '0.3', 'abcd')");
	pg_exec("cairn_ca", "SELECT cairn.record_run('cairn-ca@y', 'started', '0.3', 'abcd')");
	pg_assert_value(LINES("day", "section = 'software' AND what LIKE 'cairn-ra%'"),
	    "software cairn-ra@x process.started {\"version\": \"0.2\"}");
	pg_assert_value("SELECT count(*) FROM audit.report_day(" DAY
	                ") WHERE section = 'software' AND what LIKE 'cairn-ca@y%' AND "
	                "facts->>'config_sha256' = 'abcd'",
	    "2");
	pg_assert_value("SELECT count(*) FROM audit.report_day(" DAY ") WHERE section = 'alarm' AND facts->>'before' = "
	                "'ended without a stop'",
	    "1");
	pg_exec("postgres",
	    "INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES ('i', "
	    "'c', 'k', 'c', 'u', 'u', true); INSERT INTO ca.crl VALUES ('i', 0, 7, now(), now() + "
	    "interval '1 day', 0, now(), 'd'), ('i', 0, 6, now() - interval '1 day', now(), 0, now(), 'd')");
	pg_exec("cairn_subscriber", "SELECT cairn.note_roles('cairn-subscriber@x')");
	pg_exec("cairn_operator", "SELECT acme.revoke_account('" ACCOUNT "', 'abuse', 'operator eve')");
	pg_assert_value("SELECT string_agg(section || ' ' || what, '|' ORDER BY section, what) FROM audit.report_day(" DAY
	                ") WHERE section IN ('crl', 'operator')",
	    "crl i shard 0 number 7|operator operator eve account.revoked");
	pg_assert_value("SELECT count(*) > 5 FROM audit.report_day(" DAY ") WHERE section = 'role' AND what LIKE 'database "
	                "role cairn_%' AND facts->>'superuser' = 'false'",
	    "t");
	pg_assert_value(
	    "SELECT count(*) FROM audit.report_day(now() - interval '30 days', now() - interval '20 days')", "0");
}

#define TOLD(kind, days, facts) \
	"INSERT INTO log.event (id, happened_at, process, actor, kind, facts) SELECT cairn.id_at(t), t, 'cairn-ca@x', " \
	"'cairn', '" kind "', '" facts "' FROM (SELECT now() - interval '" days " days' AS t) x"
#define A_DAY(days) "now() - interval '" days " days', now() - interval '" days " days' + interval '1 day'"

/* F-57: what is otherwise today does not stand in the report of a day before: roles, issuers and keys are told as they were. */
static void test_a_day_of_then(void **state)
{
	(void) state;
	pg_exec("postgres", "INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES "
	                    "('then', 'of then', 'then', 'c', 'then', 'u', false)");
	pg_exec("postgres", TOLD("roles.changed", "50", "{\"roles\": {\"eve\": {\"superuser\": true}}}"));
	pg_exec("postgres", TOLD("roles.changed", "46.5", "{\"roles\": {\"adam\": {\"superuser\": false}}}"));
	pg_exec("postgres", TOLD("issuer.registered", "50", "{\"issuer\": \"then\", \"active\": true}"));
	pg_exec("postgres", TOLD("issuer.changed", "46.5", "{\"issuer\": \"then\", \"active\": false}"));
	pg_exec("postgres", TOLD("key.opened", "50", "{\"issuer\": \"then\", \"kept_in\": \"token t\"}"));
	pg_exec(
	    "postgres", TOLD("key.closed", "46.5", "{\"issuer\": \"then\", \"kept_in\": \"token t\", \"why\": \"gone\"}"));
#define THEN(days) \
	"SELECT string_agg(concat_ws(' ', what, facts->>'superuser', facts->>'active', facts->>'why'), '|' ORDER BY " \
	"round(extract(epoch FROM at - now()) / 3600), what) FROM " \
	"audit.report_day(" A_DAY(days) ") WHERE section IN ('role', 'key')"
	pg_assert_value(THEN("48"), "cairn-ca@x key.opened then|database role eve true|issuer then issuer.registered true");
	pg_assert_value(
	    THEN("45"), "cairn-ca@x key.closed then gone|database role adam false|issuer then issuer.changed false");
	pg_assert_value(THEN("47"),
	    "cairn-ca@x key.opened then|database role eve true|issuer then issuer.registered true|"
	    "cairn-ca@x key.closed then gone|database role adam false|issuer then issuer.changed false");
	pg_assert_value("SELECT count(*) FROM audit.report_day(" A_DAY("60") ")", "0");
}

/* A change of roles is an event, and nothing is told twice. */
static void test_roles(void **state)
{
	(void) state;
#define NOTE "SELECT cairn.note_roles('cairn-subscriber@x')"
#define AUDITOR_ALARMS "SELECT count(*) FROM cairn.alarm WHERE kind = 'auditor-changed'"
	pg_exec("cairn_subscriber", NOTE);
	pg_assert_value(NOTE, "f");
	pg_exec("postgres", "CREATE ROLE guest; GRANT cairn_auditor TO guest");
	pg_assert_value(NOTE, "t");
	pg_assert_value(
	    "SELECT facts->'roles'->>'guest' FROM log.event WHERE kind = 'roles.changed' ORDER BY happened_at DESC LIMIT 1",
	    "{\"login\": false, \"member_of\": [\"cairn_auditor\"], \"superuser\": false, \"makes_roles\": false}");
	pg_exec("postgres", "REVOKE cairn_auditor FROM guest");
	pg_assert_value(NOTE, "t");
	pg_assert_value(NOTE, "f");
	pg_exec("postgres", "DROP ROLE guest");
	pg_assert_value(NOTE, "t");
	/* what deploy/up bounds auditors by, an auditor can change for all: then it is an alarm (F-52) */
	pg_exec("postgres", "ALTER ROLE cairn_auditor SET statement_timeout = '10min'");
	pg_assert_value(NOTE, "t");
	pg_assert_value(AUDITOR_ALARMS, "0");
	pg_exec("cairn_auditor", "ALTER ROLE cairn_auditor SET statement_timeout = 0");
	pg_assert_value(NOTE, "t");
	pg_assert_value(AUDITOR_ALARMS, "1");
	pg_assert_value("SELECT detail FROM cairn.alarm WHERE kind = 'auditor-changed'",
	    "The settings of the role cairn_auditor were [\"statement_timeout=10min\"] and are [\"statement_timeout=0\"]");
	pg_assert_value(NOTE, "f");
	pg_exec("postgres", "ALTER ROLE cairn_auditor RESET ALL");
	pg_assert_value(NOTE, "t");
}

#define TOTALS(condition) \
	"SELECT coalesce(string_agg(concat_ws(' ', section, what, facts->>'records', facts->>'journal', " \
	"facts->>'agree'), '|' " \
	"ORDER BY section, what), 'none') FROM audit.report_totals(" DAY ") WHERE " condition

/* F-58: each total is counted on both sides, and a row that one of them lacks shows; an erasure by a rule is no fault. */
static void test_totals(void **state)
{
	(void) state;
	pg_exec("postgres",
	    "INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES ('j', 'd', 'l', "
	    "'c', 'v', "
	    "'c', true); INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_by, "
	    "not_after) "
	    "SELECT cairn.new_id(), n::text::bytea, 'j', 0, n, 'account', now() + interval '1 day' FROM (VALUES (1), (4)) "
	    "x (n); "
	    "INSERT INTO log.event (id, happened_at, process, actor, kind, certificate_id, facts) SELECT cairn.new_id(), "
	    "clock_timestamp(), 'p', 'account', 'certificate.revoked', r.certificate_id, jsonb_build_object('reason', "
	    "r.reason) "
	    "FROM ca.revocation r; "
	    "INSERT INTO ca.crl (issuer, shard, number, this_update, next_update, entries, covers_until, der) VALUES ('j', "
	    "0, 1, "
	    "now(), now() + interval '1 day', 2, clock_timestamp(), 'e'); "
	    "INSERT INTO log.event (id, happened_at, process, actor, kind, facts) SELECT cairn.new_id(), "
	    "clock_timestamp(), 'p', "
	    "'p', 'crl.published', '{\"issuer\": \"j\", \"shard\": 0, \"number\": 1, \"entries\": 2}'");
	pg_assert_value(TOTALS("section IN ('revoked', 'transparency', 'issued') OR what LIKE 'j shard%'"),
	    "crl entries j shard 0 2 2 true|crls j shard 0 1 1 true|issued all 0 0 true|revoked all 2 2 true|revoked "
	    "reason 1 1 1 "
	    "true|revoked reason 4 1 1 true|transparency precertificates 0 0 true|transparency with SCTs 0 0 true");
	pg_assert_value("SELECT facts->>'revoked' FROM audit.report_totals(" DAY
	                ") WHERE section = 'crl entries' AND what = "
	                "'j shard 0'",
	    "2");
	pg_exec("postgres", "UPDATE log.event SET facts = '{\"reason\": 5}' WHERE kind = 'certificate.revoked' AND "
	                    "facts->>'reason' = '4'");
	pg_assert_value(TOTALS("section = 'revoked'"),
	    "revoked all 2 2 true|revoked reason 1 1 1 true|revoked reason 4 1 0 "
	    "false|revoked reason 5 0 1 false");
	pg_exec("postgres", "DELETE FROM log.event WHERE kind = 'certificate.revoked' AND facts->>'reason' = '5'");
	pg_assert_value(
	    TOTALS("section = 'revoked'"), "revoked all 2 1 false|revoked reason 1 1 1 true|revoked reason 4 1 0 false");
	pg_exec("postgres",
	    "INSERT INTO log.request (id, received_at, frontend, method, route, url, status, problem, rule, "
	    "body_sha256, body_octets, commitments) SELECT cairn.new_id(), now(), 'f', 'POST', 'new-order', 'u', s, p, "
	    "r, sha256(''), 0, '' FROM (VALUES (201, NULL, NULL), (400, 'REJECTED_IDENTIFIER', 'name.blocked'), "
	    "(400, 'REJECTED_IDENTIFIER', 'name.blocked'), (NULL, NULL, NULL)) x (s, p, r)");
	pg_assert_value("SELECT string_agg(concat_ws(' ', what, facts), '|' ORDER BY section) FROM audit.report_totals(" DAY
	                ") WHERE section IN ('refused', 'requests')",
	    "new-order REJECTED_IDENTIFIER name.blocked {\"requests\": 2}|all {\"served\": 1, \"refused\": 2, \"unknown\": "
	    "1, "
	    "\"requests\": 4}");
	assert_string_equal(pg_try("cairn_operator", "SELECT * FROM audit.report_totals(" DAY ")", NULL), "42501");
}

/* G-66: schema, access, retention, holds and cases of a year, and no account in any of it */
static void test_privacy(void **state)
{
	(void) state;
	pg_exec("cairn_operator", "SELECT cairn.add_hold('018f0000-0000-7000-8000-000000000009', 'order 7', '" ACCOUNT
	                          "', NULL, NULL, NULL, NULL, NULL, now() + interval '1 day', 'operator eve')");
	pg_exec("cairn_auditor", "SET default_transaction_read_only = off; SELECT log.ask_subject('" ACCOUNT
	                         "', 'account', NULL, 'operator ana', 'request 5')");
	pg_exec("cairn_operator", "SELECT cairn.set_retention('SUB-SW', 86400, NULL, 0, 'operator eve', 'thrift', false)");
	pg_exec("cairn_ra", "SELECT log.add_event(cairn.new_id(), 'p', 'retention', 'log.erased', NULL, NULL, NULL, NULL, "
	                    "'{\"table\": \"log.request_private\", \"rows\": 7}'), log.add_event(cairn.new_id(), 'p', "
	                    "'retention', 'log.erased', NULL, NULL, NULL, NULL, '{\"table\": \"log.request_private\", "
	                    "\"rows\": 5}')");
	pg_assert_value(LINES("privacy", "section IN ('erased', 'read')"),
	    "erased log.request_private {\"rows\": 12, \"times\": 2}|read audit.subject_read by operator ana {\"times\": "
	    "1, "
	    "\"reasons\": [\"request 5\"], \"accounts\": 1}");
	pg_assert_value("SELECT what || ' ' || (facts->>'ground') FROM audit.report_privacy(" DAY
	                ") WHERE section = 'hold'",
	    "AY8AAAAAcACAAAAAAAAACQ order 7");
	pg_assert_value("SELECT string_agg(facts->>'reason', ',' ORDER BY facts->>'version') FROM audit.report_privacy(" DAY
	                ") WHERE section = 'retention' AND what = 'SUB-SW' AND facts->>'version' = '2'",
	    "thrift");
	pg_exec("postgres", "INSERT INTO cairn.migration (number, name, sha256) VALUES (9999, '9999_x.sql', sha256('x'))");
	pg_assert_value(LINES("privacy", "section = 'schema'"),
	    "schema 9999_x.sql {\"sha256\": \"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\"}");
	pg_assert_value("SELECT string_agg(what, ',' ORDER BY what) FROM audit.report_privacy(" DAY
	                ") WHERE section = 'class' "
	                "AND length(facts->>'sha256') = 64 AND what ~ '^(REC|SUB|OPS)'",
	    "OPS,RECOVERY,SUB-CERT,SUB-REQ,SUB-SW,SUB-VAL");
	pg_assert_value("SELECT count(*) FROM audit.report_privacy(" DAY ") r WHERE r::text LIKE '%' || '" ACCOUNT
	                "' || '%' "
	                "OR r::text LIKE '%' || cairn.id_text('" ACCOUNT "') || '%'",
	    "0");
	assert_string_equal(pg_try("cairn_operator", "SELECT * FROM audit.report_privacy(" DAY ")", NULL), "42501");
}

/* F-66: each role with its rights and its last use, and each person with what was done, of the period alone */
static void test_access(void **state)
{
	(void) state;
	pg_exec("cairn_ca", "SELECT cairn.record_run('cairn-ca@w', 'started', '0.3', 'abcd')");
	pg_exec("postgres", "CREATE ROLE leaver LOGIN VALID UNTIL '2026-12-24'; GRANT cairn_operator TO leaver");
	pg_exec("cairn_operator", "SELECT log.test_alarm('operator zoe')");
	pg_assert_value("SELECT count(*) FROM audit.report_access(" DAY
	                ") WHERE section = 'role' AND what = 'leaver' AND facts->>'member_of' = "
	                "'[\"cairn_operator\"]' AND facts->>'until' LIKE '2026-12-2%' AND (facts->>'functions')::int > 10 "
	                "AND at IS NULL",
	    "1");
	pg_assert_value("SELECT count(*) FROM audit.report_access(" DAY
	                ") WHERE section = 'role' AND what IN ('cairn_ca', 'cairn_operator') AND "
	                "at > now() - interval '1 min' AND NOT (facts->>'superuser')::boolean",
	    "2");
	pg_exec("cairn_operator", "SELECT cairn.add_hold('018f0000-0000-7000-8000-000000000019', 'order 9', '" ACCOUNT
	                          "', NULL, NULL, NULL, NULL, NULL, now() + interval '1 day', 'operator zoe')");
	pg_assert_value(LINES("access", "section = 'person' AND what = 'operator zoe'"),
	    "person operator zoe {\"acts\": 1, \"kinds\": [\"hold.added\"], \"logins\": [\"cairn_operator\"]}");
	pg_assert_value("SELECT count(*) FROM audit.report_access(now() - interval '30 days', now() - interval '20 days') "
	                "WHERE section = 'person'",
	    "0");
	assert_string_equal(pg_try("cairn_operator", "SELECT * FROM audit.report_access(" DAY ")", NULL), "42501");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_a_day_of_then),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_privacy),
		cmocka_unit_test(test_access),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

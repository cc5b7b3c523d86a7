/* link: cli subscriber */
/* Alarms as the database keeps them (F-70): what raises one, when it is told and told again, and the answer; each condition that lasts. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/alarm.h"
#include "cli/doctor_alarms.h"
#include "lib/base/config_check.h"
#include "subscriber/alarms.h"
#include "tests/unit/pg.h"

#define SUBSCRIBER "cairn_subscriber"

static int setup(void **state)
{
	(void) state;
	pg_start();
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

/* Each test begins without alarms. */
static int none(void **state)
{
	(void) state;
	pg_exec("postgres", "DELETE FROM cairn.alarm_told; DELETE FROM cairn.alarm");
	return 0;
}

static void raise_clock(const char *lasts)
{
	char sql[200];
	(void) snprintf(
	    sql, sizeof(sql), "SELECT log.raise_alarm('clock', 'x', 'It is wrong', 'cairn-subscriber@x', %s)", lasts);
	pg_exec(SUBSCRIBER, sql);
}

static void assert_to_tell(const char *channels)
{
	pg_assert_value("SELECT coalesce(string_agg(channel || told, ',' ORDER BY channel), '') FROM "
	                "log.alarms_to_tell('{a,b}', 3600, 20)",
	    channels);
}

static void tell(const char *channel, const char *failure)
{
	char sql[300];
	(void) snprintf(sql, sizeof(sql), "SELECT log.alarm_was_told(id, '%s', %s, 'cairn-subscriber@x') FROM cairn.alarm",
	    channel, failure);
	pg_exec(SUBSCRIBER, sql);
}

/* A row of the table of what was told, as if all of it had been so much earlier. */
static void pass(const char *time)
{
	char sql[300];
	(void) snprintf(sql, sizeof(sql),
	    "UPDATE cairn.alarm_told SET told_at = told_at - interval '%s', failed_at = failed_at - interval '%s'", time,
	    time);
	pg_exec("postgres", sql);
}

static void statements_can_be_run(void **state)
{
	(void) state;
	pg_check_statements(SUBSCRIBER, alarms_statements, alarms_n_statements);
	pg_check_statements("cairn_operator", alarm_command_statements, alarm_command_statements_n);
}

/* F-70: over each channel, tried again when it fails, told again when nobody answers, and not any more when somebody did. */
static void told_until_answered(void **state)
{
	(void) state;
	raise_clock("true");
	assert_to_tell("a0,b0");
	tell("a", "NULL");
	tell("b", "'HTTP status 500'");
	assert_to_tell("");
	pass("31 s");
	assert_to_tell("b0");
	tell("b", "'HTTP status 500'");
	pass("31 s");
	assert_to_tell(""); /* ever later */
	pass("30 s");
	assert_to_tell("b0");
	tell("b", "NULL");
	pg_assert_value(
	    "SELECT string_agg(facts->>'channel', ',' ORDER BY id) FROM log.event WHERE kind = 'alarm.told'", "a,b");
	pass("1 h");
	assert_to_tell("a1,b1");
	tell("a", "NULL");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'alarm.told'", "2");
	pg_exec("cairn_operator", "SELECT log.acknowledge_alarm(id, 'operator ana', true, 'mended') FROM cairn.alarm");
	pass("1 h");
	assert_to_tell("");
	pg_assert_value(
	    "SELECT concat_ws(' ', actor, facts->>'kind', facts->>'true', facts->>'note', facts->>'login') FROM log.event "
	    "WHERE kind = 'alarm.acknowledged'",
	    "operator ana clock true mended cairn_operator");
}

/* F-70: one is open for each kind and subject until it is over and answered; then it is a new one. */
static void one_at_a_time(void **state)
{
	static const char open[] = "SELECT count(*)::text || ' ' || sum(times) || ' ' || count(ended_at) FROM cairn.alarm";
	(void) state;
	raise_clock("true");
	raise_clock("true");
	pg_assert_value(open, "1 1 0");
	pg_exec("postgres", "UPDATE cairn.alarm SET seen_at = seen_at - interval '1 min'");
	pg_assert_value("SELECT log.note_alarms('cairn-subscriber@x')", "1"); /* it is not so any more */
	pg_assert_value(open, "1 1 1");
	raise_clock("true"); /* and again, before somebody answered */
	pg_assert_value(open, "1 2 0");
	pg_exec("cairn_operator", "SELECT log.acknowledge_alarm(id, 'operator ana', false, 'x') FROM cairn.alarm");
	raise_clock("true"); /* answered, and still so */
	pg_assert_value(open, "1 2 0");
	pg_assert_value("SELECT log.note_alarms('cairn-subscriber@x')", "0");
	pg_exec("postgres", "UPDATE cairn.alarm SET seen_at = seen_at - interval '1 min'");
	pg_exec(SUBSCRIBER, "SELECT log.note_alarms('cairn-subscriber@x')");
	raise_clock("true");
	pg_assert_value(open, "2 3 1");
	none(NULL);
	raise_clock("false"); /* what happened at a moment is over, and waits for its answer */
	pg_assert_value(open, "1 1 1");
	raise_clock("false");
	pg_assert_value(open, "1 2 1");
}

#define VISITED \
	"INSERT INTO log.request (id, received_at, frontend, method, route, url, body_sha256, body_octets, commitments) " \
	"SELECT cairn.id_at(now() - interval '"
#define VISITOR \
	"'), now(), 'f', 'GET', 'doctor', '/', sha256(''), 0, ''; INSERT INTO log.request_private (id, salt, " \
	"remote_address, remote_port) SELECT id, sha256(''), '192.0.2.1', 1 FROM log.request; DELETE FROM log.unsealed"
#define FORGET "DELETE FROM log.request_private; DELETE FROM log.request"

#define ISSUER(active, url) \
	"INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active, registered_at) VALUES ('e', " \
	"'x', " \
	"'x', 'x', '" url "', 'u', " active \
	", now() - interval '1 h'); INSERT INTO ca.crl_shard (issuer, shard, url, open) " \
	"VALUES ('e', 0, '" url "', true);"
#define CRL(age, life) \
	"INSERT INTO ca.crl (issuer, shard, number, this_update, next_update, entries, covers_until, der, why, made_ms) " \
	"VALUES ('e', 0, 1, now() - interval '" age "', now() - interval '" age "' + interval '" life \
	"', 0, now() - interval '" age "', 'x', 'first', 1);"
#define REVOKED(age) \
	"SET session_replication_role = replica; INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, " \
	"reason, " \
	"revoked_by, not_after, changed_at) VALUES (cairn.new_id(), '\\x01', 'e', 0, 0, 'operator', now() + interval '1 " \
	"d', " \
	"now() - interval '" age "'); SET session_replication_role = origin;"
#define CERTIFICATE(left) \
	"SET session_replication_role = replica; INSERT INTO ca.certificate (id, order_id, account_id, not_before, " \
	"not_after, " \
	"begun_at, crl_shard, issuer, profile, serial, spki_sha256, names, validations, der, signed_at) SELECT " \
	"cairn.new_id(), " \
	"cairn.new_id(), cairn.new_id(), now(), now() + interval '" left \
	"', now(), 0, 'e', 'classic', '\\x02', sha256(''), " \
	"'{}', '{}', 'x', now(); SET session_replication_role = origin;"
#define NO_ISSUER \
	"SET session_replication_role = replica; DELETE FROM ca.revocation; DELETE FROM ca.certificate; DELETE FROM " \
	"ca.crl; " \
	"DELETE FROM ca.crl_shard; DELETE FROM ca.issuer; SET session_replication_role = origin"

/* E-22: what is as new as it has to be, or of nobody any more, is no alarm. */
static void crls_in_time(void **state)
{
	static const char *const well[] = { ISSUER("true", "u") CRL("83 h", "10 d") REVOKED("59 min"),
		ISSUER("false", "u") CRL("85 h", "10 d") CERTIFICATE("-1 h"), ISSUER("true", "u") CRL("15 h", "1 d") };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(well); i++) {
		pg_exec("postgres", well[i]);
		pg_assert_value("SELECT count(*) FROM log.alarming() WHERE kind = 'crl-late'", "0");
		pg_exec("postgres", NO_ISSUER);
	}
}

/* F-70, G-30: what lasts is found while it lasts. */
static void conditions(void **state)
{
	static const struct {
		const char *kind;
		const char *begin;
		const char *end;
	} rows[] = {
		{ "seal-late", "INSERT INTO log.unsealed (kind, id) VALUES (3, cairn.id_at(now() - interval '11 min'))",
		    "DELETE FROM log.unsealed" },
		{ "checkpoint-late",
		    "INSERT INTO log.leaf (row_id, kind, leaf) VALUES (cairn.id_at(now() - interval '11 min'), 3, 0); UPDATE "
		    "log.tree SET size = 1",
		    "DELETE FROM log.leaf; UPDATE log.tree SET size = 0" },
		{ "compare-late", "UPDATE cairn.issued_check SET checked_at = now() - interval '3 d'",
		    "UPDATE cairn.issued_check SET checked_at = now()" },
		{ "compare-late", "CREATE TABLE aside AS TABLE cairn.issued_check; DELETE FROM cairn.issued_check",
		    "INSERT INTO cairn.issued_check SELECT * FROM aside; DROP TABLE aside" },
		{ "crl-late", ISSUER("true", "u"), NO_ISSUER },
		{ "crl-late", ISSUER("true", "u") CRL("85 h", "10 d"), NO_ISSUER }, /* E-22: before it is four days */
		{ "crl-late", ISSUER("true", "u") CRL("17 h", "1 d"), NO_ISSUER },
		{ "crl-late", ISSUER("true", "u") CRL("2 h", "7 d") REVOKED("61 min"), NO_ISSUER },
		{ "crl-late", ISSUER("false", "u") CRL("85 h", "10 d") CERTIFICATE("1 h"), NO_ISSUER },
		{ "purge-late", VISITED "6 d 13 h" VISITOR, FORGET },
		{ "keys-unswept",
		    "INSERT INTO acme.blocked_key (spki_sha256, reason, blocked_at, sweep_from) VALUES (sha256('x'), "
		    "'keyCompromise', now() - interval '2 h', "
		    "now() - interval '2 h')",
		    "DELETE FROM acme.blocked_key" },
	};
	(void) state;
	pg_exec("postgres", "DELETE FROM log.unsealed; UPDATE cairn.retention SET changed_at = now() - interval '13 h'");
	pg_exec("postgres", VISITED "6 d 11 h" VISITOR);
	pg_assert_value("SELECT count(*) FROM log.alarming() WHERE kind <> 'log-full'", "0");
	pg_assert_value("SELECT count(*) FROM log.notifications(0.1)", "0");
	pg_assert_value("SELECT left(detail, 4) FROM log.notifications(0.25)", "25 %");
	pg_exec("postgres", FORGET);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char sql[200];
		(void) snprintf(
		    sql, sizeof(sql), "SELECT count(*) FROM cairn.alarm WHERE kind = '%s' AND ended_at IS NULL", rows[i].kind);
		pg_exec("postgres", rows[i].begin);
		pg_exec(SUBSCRIBER, "SELECT log.note_alarms('cairn-subscriber@x')");
		pg_assert_value(sql, "1");
		pg_exec("postgres", rows[i].end);
		pg_exec(SUBSCRIBER, "SELECT log.note_alarms('cairn-subscriber@x')");
		pg_assert_value(sql, "0");
	}
}

/* F-70: of a clock that ran ahead nothing waits for the time that it said, and what is new comes before what is told again. */
static void clock_ran_ahead(void **state)
{
	(void) state;
	raise_clock("true");
	tell("a", NULL);
	tell("b", "'no answer'");
	assert_to_tell("");
	pg_exec("postgres",
	    "UPDATE cairn.alarm_told SET told_at = told_at + interval '2 d', failed_at = failed_at + interval '2 d'");
	assert_to_tell("a1,b0");
	pg_exec("postgres", "UPDATE cairn.alarm SET seen_at = now() + interval '2 d'");
	pg_exec(SUBSCRIBER, "SELECT log.note_alarms('cairn-subscriber@x')");
	pg_assert_value("SELECT count(*) FROM cairn.alarm WHERE ended_at IS NULL", "0");
	pass("1 h");
	pg_exec(SUBSCRIBER, "SELECT log.raise_alarm('clock', 'new', 'It is wrong', 'cairn-subscriber@x', false)");
	pg_assert_value("SELECT subject FROM log.alarms_to_tell('{a}', 60, 1)", "new");
}

/* F-69: a difference that lasts is said once, though its numbers grow with the log; another one is said. */
static void a_difference_that_lasts(void **state)
{
#define DIFFERS(found, what) \
	"SELECT log.record_seal_check('cairn-subscriber@x', 0, 0, '', false, " found ", '" what "')"
	(void) state;
	pg_exec("postgres",
	    "INSERT INTO cairn.lease (name, holder, until) VALUES ('verify', 'cairn-subscriber@x', now() + interval '1 "
	    "min') ON CONFLICT (name) DO UPDATE SET "
	    "holder = excluded.holder, until = excluded.until; UPDATE cairn.seal_check SET size = 0, root = ''");
	pg_exec(SUBSCRIBER, DIFFERS("1", "no root for 100 leaves of a1b2"));
	pg_exec(SUBSCRIBER, DIFFERS("2", "no root for 101 leaves of a1b2"));
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'log.differs'", "1");
	pg_exec(SUBSCRIBER, DIFFERS("2", "no root for 101 leaves of a1b3"));
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'log.differs'", "2");
}

#define U50 "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"
#define U200 U50 U50 U50 U50

/* F-44, F-46, F-70, H-3: what functions record that is an alarm, is one. */
static void acts(void **state)
{
	static const struct {
		const char *role;
		const char *sql;
		const char *kind;
	} rows[] = {
		{ SUBSCRIBER, "SELECT log.add_split('a.test/log', 'x', 'y', 'cairn-subscriber@x')", "log-split a.test/log" },
		{ SUBSCRIBER, "SELECT cairn.record_run('cairn-subscriber@x', 'started', '1', '') FROM generate_series(1, 2)",
		    "process-crashed cairn-subscriber@x" },
		{ "cairn_owner",
		    "SELECT ca.alarm_refused('[{\"log\": \"a\", \"outcome\": \"sct\", \"refused\": false}, {\"log\": \"b\", "
		    "\"outcome\": \"status 500\"}, {\"log\": \"c\", \"outcome\": \"the answer is no SCT\", \"refused\": "
		    "true}]', "
		    "'cairn-ra@x')",
		    "sct-refused c" },
		{ "cairn_operator", "SELECT log.test_alarm('operator ana')", "test " },
		{ "cairn_ca", "SELECT log.raise_alarm('url', repeat('u', 201), 'x', 'cairn-ca', false)", "url " U200 },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		none(NULL);
		pg_exec(rows[i].role, rows[i].sql);
		pg_assert_value("SELECT kind || ' ' || subject FROM cairn.alarm", rows[i].kind);
		pg_assert_value("SELECT facts->>'kind' || ' ' || (facts->>'subject') FROM log.event WHERE kind = "
		                "'alarm.raised' ORDER BY id DESC LIMIT 1",
		    rows[i].kind);
	}
}

/* F-70: networks that are diverted show in many accounts at once; one subscriber whose hosts differ does not. */
static void quorums(void **state)
{
	static const char add[] = "INSERT INTO log.validation (id, authorization_id, request_id, account_id, "
	                          "identifier_type, identifier_value, wildcard, method, rule, perspective, attempt, "
	                          "passed, problem, dnssec, token_sha256, started_at, ended_at, commitments, dcv, round) "
	                          "SELECT cairn.new_id(), cairn.new_id(), cairn.new_id(), "
	                          "('00000000-0000-7000-8000-00000000000' || n %% %d)::uuid, 'dns', 'a.test', false, "
	                          "'http-01', 'r', 'p', 1, false, 'UNAUTHORIZED', 'off', '', now(), "
	                          "now(), '', true, '{}' FROM generate_series(1, %d) n";
	static const struct {
		int accounts;
		int n;
		const char *found;
	} rows[] = { { 1, 30, "0" }, { 3, 9, "0" }, { 3, 12, "1" } };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char sql[700];
		(void) snprintf(sql, sizeof(sql), add, rows[i].accounts, rows[i].n);
		pg_exec("postgres", "TRUNCATE log.validation CASCADE");
		pg_exec("postgres", sql);
		pg_assert_value("SELECT count(*) FROM log.alarming() WHERE kind = 'quorum-lost'", rows[i].found);
	}
	pg_exec("postgres", "TRUNCATE log.validation CASCADE");
}

/* Of the perspective p: questions, each so many minutes ago, and whether they were answered: n never, y as the first one saw it, o otherwise. */
static void asked(const char *perspective, const char *answers, const char *minutes_ago)
{
	char sql[900];
	(void) snprintf(sql, sizeof(sql),
	    "INSERT INTO log.validation (id, authorization_id, request_id, account_id, identifier_type, identifier_value, "
	    "wildcard, method, rule, perspective, attempt, passed, problem, dnssec, token_sha256, started_at, ended_at, "
	    "commitments, corroborates) SELECT (left(cairn.id_at(now() - make_interval(mins => m))::text, 24) || "
	    "right(cairn.new_id()::text, 12))::uuid, "
	    "cairn.new_id(), cairn.new_id(), cairn.new_id(), 'dns', 'a.test', false, 'http-01', 'r', '%s', 1, a = 'y', "
	    "CASE a WHEN 'n' THEN "
	    "'SERVER_INTERNAL' WHEN 'o' THEN 'UNAUTHORIZED' END, 'off', '', now(), now(), '', cairn.new_id() FROM "
	    "unnest(string_to_array('%s', NULL), '{%s}'::int[]) x (a, m)",
	    perspective, answers, minutes_ago);
	pg_exec("postgres", sql);
}

/* C-56, F-70: a perspective that gives no answer for minutes is an alarm as long as that is so, and one that is slow, sees something else or is
 * asked no more is none. */
static void perspectives(void **state)
{
	static const struct {
		const char *answers;
		const char *minutes_ago;
		const char *found;
	} rows[] = {
		{ "nnn", "6,4,1", "3" }, { "nnn", "4,3,1", "" },                  /* for a shorter time */
		{ "nn", "6,1", "" },                                              /* fewer */
		{ "ynnnn", "300,200,100,60,50", "4" }, { "nnny", "9,8,7,1", "" }, /* it came back */
		{ "nnno", "9,8,7,1", "" },                                        /* that is an answer */
		{ "ynynn", "9,8,7,6,5", "" }, { "nnn", "1500,1490,1480", "" },    /* of yesterday */
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		pg_exec("postgres", "TRUNCATE log.validation CASCADE");
		asked("ams", rows[i].answers, rows[i].minutes_ago);
		asked("sin", "yyy", "90,50,45");
		pg_assert_value("SELECT coalesce(string_agg(perspective || questions, ','), '') FROM log.silent_perspectives()",
		    rows[i].found[0] == '\0'  ? ""
		    : rows[i].found[0] == '3' ? "ams3"
		                              : "ams4");
	}
	asked("ams", "nnn", "80,79,78");
	asked("sin", "y", "1");
	pg_assert_value("SELECT count(*) FROM log.silent_perspectives()", "0"); /* it is asked no more */
	pg_exec("postgres", "TRUNCATE log.validation CASCADE");
	for (int i = 0; i < 2000; i += 20) { /* so many questions that those of five minutes are not all looked at */
		asked("sin", "yyyyyyyyyyyyyyyyyyyy", "2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2");
	}
	asked("ams", "nnn", "1,1,1");
	pg_assert_value("SELECT perspective || questions FROM log.silent_perspectives()", "ams3");
	asked("ams", "y", "4");
	pg_assert_value("SELECT count(*) FROM log.silent_perspectives()", "0");
	pg_exec("postgres", "TRUNCATE log.validation CASCADE");
}

static void assert_denied(const char *role, const char *sql)
{
	assert_string_equal(pg_try(role, sql, NULL), "42501");
}

/* No process answers an alarm, and an operator raises none but a test. */
static void rights(void **state)
{
	(void) state;
	raise_clock("false");
	assert_denied(SUBSCRIBER, "SELECT log.acknowledge_alarm(id, 'x', true, 'x') FROM cairn.alarm");
	assert_denied("cairn_operator", "SELECT log.raise_alarm('clock', '', 'x', 'x', false)");
	assert_denied("cairn_operator", "UPDATE cairn.alarm SET note = 'x'");
}

static const char *refusal(struct ctx *c, const struct config *config)
{
	ctx_forgive(c);
	return config_check_alarm(c, config) == 0 ? "" : c->err.detail;
}

/* F-70: what a channel can't be, and fewer than two of them is told. */
static void channels(void **state)
{
	struct config_alarm_channel v[] = { { "a", "hook", "https://a.test/h", NULL }, { "b", "mail", "b@b.test", NULL } };
	struct config config = { .alarm = { .channels = { v, 2 } }, .policy = { .mode = "private" } };
	struct ctx c;
	(void) state;
	ctx_init(&c);
	assert_non_null(strstr(refusal(&c, &config), "b: a mail needs smtp.url"));
	config.smtp.url = "smtp://a.test";
	assert_string_equal(refusal(&c, &config), "");
	v[0].to = "http://a.test/h";
	assert_non_null(strstr(refusal(&c, &config), "a: a hook is an https URL"));
	v[0].to = "http://127.0.0.1:x@elsewhere.test/h"; /* that is another host */
	assert_non_null(strstr(refusal(&c, &config), "a: a hook is an https URL"));
	v[0].to = "http://127.0.0.1:1/h?to=x@y";
	assert_string_equal(refusal(&c, &config), "");
	v[0].to = "http://127.0.0.1:1/h";
	assert_string_equal(refusal(&c, &config), "");
	v[1].name = "a";
	assert_non_null(strstr(refusal(&c, &config), "two are named a"));
	assert_string_equal(doctor_channels(c.arena, &config).level, FINDING_OK);
	config.alarm.channels.n = 1;
	assert_string_equal(doctor_channels(c.arena, &config).level, FINDING_NOTE);
	config.alarm.channels.n = 0;
	assert_non_null(strstr(doctor_channels(c.arena, &config).text, "Alarms go nowhere"));
	config.policy.mode = "webpki";
	assert_string_equal(doctor_channels(c.arena, &config).level, FINDING_PROBLEM);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_can_be_run),
		cmocka_unit_test_setup(told_until_answered, none),
		cmocka_unit_test_setup(one_at_a_time, none),
		cmocka_unit_test_setup(conditions, none),
		cmocka_unit_test_setup(crls_in_time, none),
		cmocka_unit_test_setup(clock_ran_ahead, none),
		cmocka_unit_test_setup(a_difference_that_lasts, none),
		cmocka_unit_test_setup(acts, none),
		cmocka_unit_test_setup(quorums, none),
		cmocka_unit_test_setup(perspectives, none),
		cmocka_unit_test_setup(rights, none),
		cmocka_unit_test(channels),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

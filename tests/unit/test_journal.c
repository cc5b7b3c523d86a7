/* link: deploy subscriber */
/* Starts and ends of services and what PostgreSQL says of logins, from its output to events of the log (F-44, F-50). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "deploy/journal.h"
#include "lib/base/folder.h"
#include "subscriber/journal.h"
#include "subscriber/keeper.h"
#include "tests/unit/pg.h"

static char state_dir[] = "/tmp/cairn-journal-XXXXXX";
static struct journal own;

static const char *in_journal(struct arena *a, const char *name)
{
	return arena_printf(a, "%s/journal/%s", state_dir, name);
}

static void write_ready(const char *text)
{
	struct ctx c;
	ctx_init(&c);
	FILE *f = fopen(in_journal(c.arena, "ready.jsonl"), "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	ctx_done(&c);
}

static bool exists(const char *name)
{
	struct ctx c;
	ctx_init(&c);
	bool there = access(in_journal(c.arena, name), F_OK) == 0;
	ctx_done(&c);
	return there;
}

static int look(void)
{
	struct ctx c;
	ctx_init(&c);
	int result = journal_round(&c, own.folder, "cairn-subscriber@here 127.0.0.1:1");
	ctx_done(&c);
	return result;
}

static const char *asked(const char *sql)
{
	static char value[4096];
	char *got = pg_value(sql);
	snprintf(value, sizeof(value), "%s", got);
	free(got);
	return value;
}

#define EVENTS(what) \
	"SELECT coalesce(string_agg(" what ", '; ' ORDER BY facts->>'at', " what \
	"), '') FROM log.event WHERE kind ~ '^(service|access|journal)[.]'"

static void clear(void)
{
	pg_exec("postgres",
	    "TRUNCATE cairn.journal; DELETE FROM log.event; DELETE FROM cairn.alarm_told; DELETE FROM cairn.alarm");
}

static void say(const char *text)
{
	journal_database(&own, bytes_of_text(text));
}

/* What comes in any pieces is lines; names of strangers are no names, and nothing that they say is a line of its own. */
static void test_refused_logins_and_sessions(void **state)
{
	(void) state;
	clear();
	say("2026-11-23 11:53:59.123 UTC [12] 28P01 FATAL:  password authentication fa");
	say("iled for user \"cairn_auditor\"\n2026-11-23 11:53:59.123 UTC [13] 28P01 FATAL:  password authentication "
	    "failed for user \"cairn_auditor\"\n");
	say("2026-11-23 11:53:59.123 UTC [14] 28000 FATAL:  role \"mallory\" does not exist\n");
	say("2026-11-23 11:53:59.123 UTC [14] 28000 FATAL:  no pg_hba.conf entry for host \"[local]\", user \"post gres\", "
	    "database \"x\", no encryption\n");
	say("2026-11-23 11:53:59.123 UTC [14] 28000 FATAL:  role \"a\n\t2026-11-23 11:53:59.123 UTC [1] 00000 LOG:  "
	    "disconnection: session time: 9:00:00.0 user=x\n");
	say("2026-11-23 11:53:59.123 UTC [15] 28P01 DETAIL:  Connection matched pg_hba.conf line 2 for user "
	    "\"cairn_auditor\"\n");
	say("2026-11-23 11:53:59.123 UTC [15] 42501 ERROR:  permission denied for user \"cairn_auditor\"\n");
	say("2026-11-23 11:53:59.123 UTC [16] 00000 LOG:  disconnection: session time: 1:01:05.123 user=cairn_auditor "
	    "database=cairn host=[local]\n");
	say("2026-11-23 11:53:59.123 UTC [16] 00000 LOG:  disconnection: session time: 0:00:00.123 user=cairn_auditor "
	    "database=cairn host=[local]\n");
	say("28P01 FATAL: ");
	for (int i = 0; i < 3000; i++) {
		say("longer than any line is ");
	}
	say("\n");
	journal_turn(&own, false);
	assert_false(exists("ready.jsonl")); /* the sums are not due yet */
	journal_turn(&own, true);
	assert_true(exists("ready.jsonl"));
	assert_int_equal(look(), 0);
	assert_string_equal(
	    asked(EVENTS("concat_ws(' ', process, kind, facts->>'role', facts->>'times', facts->>'longest_s')")),
	    "postgres access.refused cairn_auditor 2; postgres access.refused mallory 1; postgres access.refused (others) "
	    "2; "
	    "postgres access.session cairn_auditor 2 3665");
	assert_string_equal(asked("SELECT count(*) FROM log.event WHERE kind ~ '^access' AND (facts->>'at')::timestamptz "
	                          "BETWEEN now() - interval '1 min' AND now()"),
	    "4");
	assert_string_equal(asked("SELECT count(*) FROM cairn.alarm"), "0");
	assert_false(exists("ready.jsonl"));
}

/* Whoever guesses is one event for each role, however many roles, and an alarm. */
static void test_a_flood(void **state)
{
	char line[200];
	(void) state;
	clear();
	for (int i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line),
		    "2026-11-23 11:53:59.123 UTC [12] 28P01 FATAL:  password authentication failed for user \"u%d\"\n", i);
		say(line);
	}
	say("2026-11-23 11:53:59.123 UTC [16] 00000 LOG:  disconnection: session time: 0:00:00.1 user=late database=cairn "
	    "host=[local]\n");
	journal_turn(&own, true);
	assert_int_equal(look(), 0);
	assert_string_equal(asked("SELECT concat_ws(' ', count(*), sum((facts->>'times')::int)) FROM log.event WHERE kind "
	                          "= 'access.refused'"),
	    "31 5000");
	assert_string_equal(asked("SELECT facts->>'role' FROM log.event WHERE kind = 'access.session'"), "(others)");
	assert_string_equal(
	    asked("SELECT string_agg(kind || ' ' || subject, '; ') FROM cairn.alarm"), "logins-refused (others)");
}

static void test_services(void **state)
{
	(void) state;
	clear();
	journal_started(&own, "cairn-va");
	journal_ended(&own, "cairn-va", SIGKILL, 61500, false);
	journal_ended(&own, "cairn-ra", 3 << 8, 1000, false); /* which tells of it itself when it starts again */
	journal_ended(&own, "cairn-va", 0, 900, true);
	journal_turn(&own, false);
	assert_int_equal(look(), 0);
	assert_string_equal(asked(EVENTS("concat_ws(' ', process, kind, facts - 'at')")),
	    "cairn-va service.started {}; cairn-va service.ended {\"told\": false, \"signal\": 9, \"seconds\": 61}; "
	    "cairn-ra service.ended {\"told\": false, \"status\": 3, \"seconds\": 1}; "
	    "cairn-va service.ended {\"told\": true, \"status\": 0, \"seconds\": 0}");
	assert_string_equal(
	    asked("SELECT string_agg(kind || ' ' || subject, '; ') FROM cairn.alarm"), "process-crashed cairn-va");
}

/* A file that was recorded is no second time, also where its removal was cut off; one that could not be recorded stays. */
static void test_once(void **state)
{
	static const char line[] =
	    "{\"at\":\"2026-11-23T00:00:00.5Z\",\"kind\":\"service.started\",\"name\":\"cairn-va\"}\n";
	(void) state;
	clear();
	write_ready(line);
	assert_int_equal(look(), 0);
	write_ready(line);
	assert_int_equal(look(), 0);
	assert_false(exists("ready.jsonl"));
	assert_string_equal(asked(EVENTS("process")), "cairn-va");
	pg_exec("postgres", "ALTER TABLE cairn.journal RENAME TO away");
	write_ready("{\"at\":\"2026-11-23T00:00:01Z\",\"kind\":\"service.started\",\"name\":\"cairn-va\"}\n");
	assert_int_equal(look(), -1);
	assert_true(exists("ready.jsonl"));
	pg_exec("postgres", "ALTER TABLE cairn.away RENAME TO journal");
	assert_int_equal(look(), 0);
	assert_string_equal(asked(EVENTS("process")), "cairn-va; cairn-va");
	/* another instance looks after it */
	write_ready(line);
	pg_exec("postgres", "UPDATE cairn.lease SET holder = 'another' WHERE name ~ '^journal'");
	assert_int_equal(look(), 0);
	assert_true(exists("ready.jsonl"));
	pg_exec("postgres", "DELETE FROM cairn.lease WHERE name ~ '^journal'");
	assert_int_equal(look(), 0);
}

/* Somebody else's lines do no harm, hold up nothing and are counted. */
static void test_unread(void **state)
{
	(void) state;
	clear();
	write_ready("rubbish\n{\"at\":\"2026-11-23T00:00:00Z\",\"kind\":\"certificate.issued\",\"name\":\"x\"}\n"
	            "{\"at\":\"yesterday\",\"kind\":\"service.started\",\"name\":\"x\"}\n\n"
	            "{\"at\":\"2026-11-23T00:00:00Z\",\"kind\":\"service.started\",\"name\":\"good\",\"remote_address\":"
	            "\"192.0.2.1\"}\n{\"at\":");
	assert_int_equal(look(), 0);
	assert_string_equal(asked(EVENTS("concat_ws(' ', process, kind, facts - 'at')")),
	    "good service.started {}; cairn-subscriber@here 127.0.0.1:1 journal.unread {\"lines\": 5}");
}

/* Nobody takes it for long: it is bounded, and how much is missing is told. */
static void test_full(void **state)
{
	(void) state;
	clear();
	journal_started(&own, "first");
	journal_turn(&own, false);
	for (int i = 0; i < 20000; i++) {
		journal_started(&own, "cairn-va");
	}
	int64_t lost = own.lost;
	assert_true(lost > 1000 && lost < 19000);
	journal_turn(&own, false);
	assert_true(own.lost == lost); /* no room for that line either */
	assert_int_equal(look(), 0);
	journal_turn(&own, false);
	assert_int_equal(own.lost, 0);
	assert_int_equal(look(), 0);
	journal_turn(&own, false);
	assert_int_equal(look(), 0);
	assert_int_equal(
	    strtoll(asked("SELECT count(*) FROM log.event WHERE kind = 'service.started'"), NULL, 10), 20001 - lost);
	assert_int_equal(
	    strtoll(asked("SELECT facts->>'lines' FROM log.event WHERE kind = 'journal.lost'"), NULL, 10), lost);
}

static int group_setup(void **state)
{
	static const struct statement *all[2];
	(void) state;
	pg_start();
	assert_non_null(mkdtemp(state_dir));
	assert_int_equal(journal_open(&own, state_dir), 0);
	assert_int_equal(journal_open(&own, state_dir), 0); /* it is there already */
	all[0] = &subscriber_take_lease_statement;
	all[1] = journal_statements[0];
	db_statements(all, 2);
	db_configure(pg_conninfo("cairn_subscriber"), 2, 5000);
	return 0;
}

static int group_teardown(void **state)
{
	struct ctx c;
	(void) state;
	db_thread_end();
	pg_stop();
	ctx_init(&c);
	(void) unlink(in_journal(c.arena, "open.jsonl"));
	(void) unlink(in_journal(c.arena, "ready.jsonl"));
	(void) rmdir(own.folder);
	(void) rmdir(state_dir);
	ctx_done(&c);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_logins_and_sessions),
		cmocka_unit_test(test_a_flood),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_full),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

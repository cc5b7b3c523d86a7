/* link: subscriber */
/* The log compared with its seal piece by piece (F-69): it comes to the end and begins anew, and what a superuser does is found by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "lib/crypto/key.h"
#include "lib/seal/audit_seal_rows.h"
#include "lib/seal/tile_row.h"
#include "subscriber/keeper.h"
#include "subscriber/sealer.h"
#include "subscriber/verifier.h"
#include "tests/unit/pg.h"

#define PLACE "SELECT size || ' ' || whole || ' ' || differences FROM cairn.seal_check"

static struct ctx process; /* of the key */
static struct checkpoint_signer signer;
static char dir[] = "/tmp/verifier-test-XXXXXX";
static const struct statement *statements[64];
static struct verifying going;

static int setup(void **state)
{
	(void) state;
	size_t n = 0;
	pg_start();
	ctx_init(&process);
	assert_int_equal(key_generate(&process, "ed25519", &signer.key), 0);
	assert_int_equal(note_key_of(&process, "log.test/log", signer.key, &signer.name), 0);
	signer.folder = mkdtemp(dir);
	statements[n++] = &subscriber_take_lease_statement;
	for (size_t i = 0; i < sealer_n_statements; i++) {
		statements[n++] = sealer_statements[i]; /* tile_row_statement among them */
	}
	for (size_t i = 0; i < verifier_n_statements; i++) {
		statements[n++] = verifier_statements[i];
	}
	for (size_t i = 0; i < audit_facts_statements_n; i++) {
		statements[n++] = audit_facts_statements[i];
	}
	db_statements(statements, n);
	db_configure(pg_conninfo("cairn_subscriber"), 4, 10000);
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	char path[64];
	db_thread_end();
	pg_stop();
	ctx_done(&process);
	(void) snprintf(path, sizeof(path), "%s/checkpoint", dir);
	(void) unlink(path);
	return rmdir(dir);
}

static void seal(void)
{
	struct ctx c;
	struct sealer *s = sealer_new(&signer, "sealer");
	ctx_init(&c);
	ctx_limit_ms(&c, 60000);
	assert_int_equal(sealer_round(&c, s), 0);
	ctx_done(&c);
	sealer_free(s);
}

/* 2500 events and a request with its personal fields, sealed; and nothing compared yet. */
static int fill(void **state)
{
	(void) state;
	char path[64];
	pg_exec("postgres", "TRUNCATE log.event, log.unsealed, log.leaf, log.tile, log.checkpoint, cairn.lease, "
	                    "log.request_private; DELETE FROM "
	                    "log.request; UPDATE log.tree SET size = 0, root = sha256(''); DELETE FROM cairn.alarm_told; "
	                    "DELETE FROM cairn.alarm; "
	                    "DELETE FROM cairn.seal_check; INSERT INTO cairn.seal_check DEFAULT VALUES");
	(void) snprintf(path, sizeof(path), "%s/checkpoint", dir);
	(void) unlink(path);
	pg_exec("cairn_subscriber",
	    "SELECT log.add_event(cairn.new_id(), 'test', 'a', 'seal.test', NULL, NULL, NULL, NULL, '{}') FROM "
	    "generate_series(1, 2500)");
	pg_exec("postgres", "INSERT INTO log.request (id, received_at, frontend, method, route, url, body_sha256, "
	                    "body_octets, commitments) "
	                    "VALUES (cairn.id_at(now()), now(), 'f', 'POST', 'order', '/', sha256(''), 0, ''); "
	                    "INSERT INTO log.request_private (id, salt, remote_address, remote_port) SELECT id, "
	                    "sha256(''), '192.0.2.1', 1 FROM "
	                    "log.request");
	seal();
	seal();
	memset(&going, 0, sizeof(going));
	return 0;
}

static int64_t verify_as(const char *instance)
{
	struct ctx c;
	const struct verifier v = { instance, &signer.name, 1000000, 1000, 3600, NULL };
	ctx_init(&c);
	if (verifier_round(&c, &v, &going) != 0) {
		fail_msg("%s %s", c.err.detail, c.err.cause == NULL ? "" : c.err.cause);
	}
	ctx_done(&c);
	return going.done;
}

static void verify(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		(void) verify_as("a");
	}
}

static void statements_can_be_run(void **state)
{
	(void) state;
	pg_check_statements("cairn_subscriber", verifier_statements, verifier_n_statements);
	pg_check_statements("cairn_subscriber", audit_facts_statements, audit_facts_statements_n);
}

/* F-69: to the end by pieces, from there with what comes, and from the first leaf on when it is time; by one instance. */
static void all_is_compared(void **state)
{
	(void) state;
	assert_int_equal(verify_as("a"), 1024);
	pg_assert_value(PLACE, "1024 false 0");
	assert_int_equal(verify_as("b"), 0); /* another one has the lease */
	assert_int_equal(verify_as("a"), 1024);
	assert_int_equal(verify_as("a"), 453);
	pg_assert_value(PLACE, "2501 true 0");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'log.verified' AND facts->>'leaves' = '2501'", "1");
	seal();
	assert_int_equal(verify_as("a"), 1); /* the record that it was */
	assert_int_equal(verify_as("a"), 0);
	pg_assert_value(PLACE, "2502 true 0");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'log.verified'", "1");
	pg_exec("postgres", "UPDATE cairn.seal_check SET begun_at = now() - interval '3601 s'");
	verify(1);
	pg_assert_value(PLACE, "1024 false 0");
	pg_assert_value("SELECT count(*) FROM cairn.alarm", "0");
}

/* Which erasures are on record is not asked as long as nothing is missing; there may be millions. */
static void nothing_is_missing(void **state)
{
	(void) state;
	pg_exec("postgres", "REVOKE SELECT ON log.unsealed FROM cairn_subscriber"); /* that question looks there */
	assert_int_equal(verify_as("a"), 1024);
	pg_exec("postgres", "GRANT SELECT ON log.unsealed TO cairn_subscriber");
}

/* F-69: each thing that is done to the log is an event and an alarm, when it was seen three times. */
static void what_differs_is_an_alarm(void **state)
{
	static const struct {
		const char *sql;
		const char *what;
	} rows[] = {
		{ "UPDATE log.event SET actor = 'b' WHERE id = (SELECT row_id FROM log.leaf WHERE leaf = 2000)",
		    "changed log.event" },
		{ "DELETE FROM log.event WHERE id = (SELECT row_id FROM log.leaf WHERE leaf = 1500)", "deleted log.event" },
		{ "DELETE FROM log.request_private", "deleted log.request_private" },
		{ "INSERT INTO log.event (id, happened_at, process, actor, kind, facts) VALUES (cairn.new_id(), now(), 'p', "
		  "'a', 'x', '{}'); DELETE FROM log.unsealed",
		    "inserted log.event" },
		{ "UPDATE log.leaf SET leaf = 300 - leaf WHERE leaf IN (100, 200)", "changed log.event" },
		{ "UPDATE log.tile SET hashes = overlay(hashes PLACING '\\x00' FROM 33) WHERE level = 0 AND n = 3",
		    "changed log.event" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		(void) fill(state);
		char sql[700];
		(void) snprintf(sql, sizeof(sql), "SET session_replication_role = replica; %s", rows[i].sql);
		pg_exec("postgres", sql);
		verify(2);
		pg_assert_value("SELECT count(*) FROM cairn.alarm", "0");
		verify(12);
		pg_assert_value("SELECT whole FROM cairn.seal_check", "t"); /* it went on all the same */
		(void) snprintf(sql, sizeof(sql),
		    "SELECT count(*) > 0 FROM log.event e JOIN cairn.alarm a ON a.kind = 'log-differs' WHERE e.kind = "
		    "'log.differs' AND "
		    "starts_with(e.facts->>'what', '%s') AND position(e.facts->>'what' IN a.detail) > 0",
		    rows[i].what);
		pg_assert_value(sql, "t");
	}
}

/* F-69: a tree that was made anew up to the place on record is noticed there, and compared from its first leaf on. */
static void another_past(void **state)
{
	(void) state;
	verify(4);
	pg_exec("postgres", "UPDATE cairn.seal_check SET root = sha256('another')");
	verify(3);
	pg_assert_value("SELECT facts->>'what' LIKE 'checkpoint%is not the one of the checkpoint to go on from%' FROM "
	                "log.event WHERE kind = 'log.differs'",
	    "t");
	pg_assert_value(PLACE, "0 false 1");
	verify(3);
	pg_assert_value("SELECT whole FROM cairn.seal_check", "t");
}

/* F-69: that nobody compares is an alarm too. */
static void late(void **state)
{
	(void) state;
	pg_assert_value("SELECT count(*) FROM log.alarming() WHERE kind = 'verify-late'", "0");
	pg_exec("postgres", "UPDATE cairn.seal_check SET whole_at = now() - interval '32 d'");
	pg_assert_value("SELECT count(*) FROM log.alarming() WHERE kind = 'verify-late'", "1");
	pg_exec("postgres", "UPDATE cairn.seal_check SET whole_at = now(), checked_at = now() - interval '25 h'");
	pg_assert_value("SELECT count(*) FROM log.alarming() WHERE kind = 'verify-late'", "1");
	/* nor does it help to say that it will have been compared, or to take the row away */
	pg_exec("postgres", "UPDATE cairn.seal_check SET whole_at = 'infinity', checked_at = 'infinity'");
	pg_assert_value("SELECT count(*) FROM log.alarming() WHERE kind = 'verify-late'", "1");
	pg_exec("postgres", "DELETE FROM cairn.seal_check");
	pg_assert_value("SELECT count(*) FROM log.alarming() WHERE kind = 'verify-late'", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_can_be_run),
		cmocka_unit_test_setup(all_is_compared, fill),
		cmocka_unit_test_setup(nothing_is_missing, fill),
		cmocka_unit_test(what_differs_is_an_alarm),
		cmocka_unit_test_setup(another_past, fill),
		cmocka_unit_test_setup(late, fill),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

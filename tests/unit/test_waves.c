/* link: ra */
/* Waves of a mass revocation are carried out by whichever cairn-ra runs, at their time, though nobody waits for them (E-7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ra/blocked.h"
#include "ra/waves.h"
#include "tests/unit/turns.h"

#define INCIDENT "'7193f000-0000-7000-8000-000000000500'"
#define IDS "(ARRAY(SELECT certificate_id FROM acme.issued ORDER BY certificate_id))"
#define FACTS "'{\"because\": \"why\"}'"
#define EVENTS_OF(kind) "SELECT count(*) FROM log.event WHERE kind = '" kind "'"
#define REVOKED "SELECT count(*) || ' ' || coalesce(min(reason)::text || max(reason), 'none') FROM ca.revocation"
#define STATE "SELECT due || ' ' || (late_s > 600) || ' ' || open FROM acme.waves_state()"

static const struct ra test_ra = { .instance = "cairn-ra@test" };

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x02', 'chain', 'crl', 'aia', true)");
	ra_set(&test_ra);
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), 2, 30000);
	return 0;
}

static int fresh(void **state)
{
	(void) state;
	pg_exec("postgres",
	    "TRUNCATE log.event, ca.serial, ca.certificate, ca.revocation, acme.blocked_key, acme.incident, "
	    "acme.incident_certificate, acme.revocation_order");
	return 0;
}

/* n certificates; two in a row have the same key. signed_at NULL: they are being signed. */
static void add_certificates(int n, const char *signed_at)
{
	char sql[1000];
	snprintf(sql, sizeof(sql),
	    "WITH n AS (SELECT cairn.new_id() AS id, decode('01020304050607' || lpad(to_hex(i), 6, '0'), 'hex') AS serial, "
	    "i "
	    "FROM generate_series(1, %d) AS i), s AS (INSERT INTO ca.serial SELECT serial, id FROM n) "
	    "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	    "profile, serial, spki_sha256, names, validations, tbs, der, signed_at, lease_holder, lease_until) SELECT id, "
	    "id, id, "
	    "now(), now() + interval '9 d', now(), 0, 'e1', 'classic', serial, sha256((i / 2)::text::bytea), '{a.test}', "
	    "'{}', "
	    "CASE WHEN %s IS NULL THEN serial END, CASE WHEN %s IS NOT NULL THEN serial END, %s, "
	    "CASE WHEN %s IS NULL THEN 'ca/1' END, CASE WHEN %s IS NULL THEN now() + interval '1 min' END FROM n",
	    n, signed_at, signed_at, signed_at, signed_at, signed_at);
	pg_exec("cairn_owner", sql);
}

/* In three waves, of 1000 s each, from now on. */
static const char *order_of(const char *reason)
{
	static char sql[400];
	snprintf(sql, sizeof(sql),
	    "SELECT acme.order_revocation(" INCIDENT ", " IDS
	    ", 'https://ca.test/why', 'where', now(), now() + interval '3000 "
	    "s', 3, 'operator ana', %s, 'occasion', 'why', now() + interval '1 d')",
	    reason);
	return sql;
}

static void pass_time(int s)
{
	char sql[300];
	snprintf(sql, sizeof(sql),
	    "UPDATE acme.incident SET opens = opens - interval '%d s', closes = closes - interval '%d s'; "
	    "UPDATE acme.revocation_order SET next_at = next_at - interval '%d s'; "
	    "UPDATE acme.blocked_key SET sweep_from = sweep_from - interval '%d s'",
	    s, s, s, s);
	pg_exec("cairn_owner", sql);
}

/* E-7: each wave goes at its end and not before, in parts, with nobody waiting; what is overdue can be seen. */
static void test_carried_out(void **state)
{
	(void) state;
	add_certificates(1800, "now()");
	pg_exec("cairn_operator", order_of("4"));
	assert_false(waves_sweep());
	pg_assert_value(REVOKED, "0 none");
	pass_time(1000);
	pg_assert_value(STATE, "600 false 1");
	assert_true(waves_sweep());
	pg_assert_value(REVOKED, "500 44");
	assert_false(waves_sweep());
	assert_false(waves_sweep());
	pg_assert_value(REVOKED, "600 44");
	pass_time(2000);
	pg_assert_value(STATE, "1200 true 1");
	for (int i = 0; i < 5 && waves_sweep(); i++) {
	}
	pg_assert_value(REVOKED, "1800 44");
	pg_assert_value(STATE, "0 false 0");
	pg_assert_value("SELECT ended_at IS NOT NULL FROM acme.revocation_order", "t");
	pg_assert_value(EVENTS_OF("certificate.revoked") " AND actor = 'cairn-ra@test' AND facts->>'ordered_by' = "
	                                                 "'operator ana'",
	    "1800");
	pg_assert_value(EVENTS_OF("revocation.ended") " AND actor = 'cairn-ra@test'", "1");
}

/* E-7: cairn-ra has a thread for it that nothing else waits for. */
static void test_own_thread(void **state)
{
	(void) state;
	struct ctx c;
	char *revoked = NULL;
	add_certificates(9, "now()");
	pg_exec("cairn_operator", order_of("4"));
	pass_time(3000);
	ctx_init(&c);
	assert_int_equal(waves_start(&c), 0);
	for (int i = 0; i < 600 && (revoked == NULL || strcmp(revoked, "9 44") != 0); i++) {
		free(revoked);
		revoked = pg_value(REVOKED);
		nanosleep(&(struct timespec) { .tv_nsec = 100000000 }, NULL);
	}
	waves_stop();
	ctx_done(&c);
	assert_string_equal(revoked, "9 44");
	free(revoked);
}

/* E-7: what was revoked meanwhile stays as it is; what is called off is not done. */
static void test_called_off(void **state)
{
	(void) state;
	add_certificates(9, "now()");
	pg_exec("cairn_operator", order_of("4"));
	pg_exec("cairn_operator", "SELECT acme.revoke_batch(" IDS "[1:9], 9, 'operator ana', '{}')");
	pass_time(1000);
	assert_false(waves_sweep());
	pg_assert_value(REVOKED, "9 99");
	pg_exec("postgres", "TRUNCATE ca.revocation");
	pg_exec("cairn_operator", "SELECT acme.close_incident(" INCIDENT ", 'operator ana')");
	pass_time(2000);
	assert_false(waves_sweep());
	pg_assert_value(REVOKED, "0 none");
	pg_assert_value(STATE, "0 false 0");
}

/* Two instances: one does it, and the other does not wait for it. */
static void test_side_by_side(void **state)
{
	(void) state;
	add_certificates(9, "now()");
	pg_exec("cairn_operator", order_of("4"));
	pass_time(1000);
	PGconn *first = pg_connect("cairn_ra", "cairn");
	turn_run(first, "BEGIN");
	turn_run(first, "SELECT * FROM acme.sweep_waves('cairn-ra@first', 500)");
	pg_assert_value("SELECT revoked FROM acme.sweep_waves('cairn-ra@second', 500)", "0");
	turn_run(first, "COMMIT");
	PQfinish(first);
	pg_assert_value(REVOKED, "3 44");
	pg_assert_value(EVENTS_OF("certificate.revoked"), "3");
}

/* E-13: keys are blocked before the first wave, their certificates go with the waves, what is left follows, and it can't be called off. */
static void test_compromise(void **state)
{
	(void) state;
	add_certificates(1800, "now()");
	assert_string_equal(pg_try("cairn_operator", order_of("1"), NULL), "CA001"); /* they are not blocked yet */
	pg_exec("cairn_operator",
	    "SELECT acme.block_keys_ahead(" IDS "[1:1000], now() + interval '3000 s', 'operator ana', " FACTS "), "
	    "acme.block_keys_ahead(" IDS "[1001:1800], now() + interval '3000 s', 'operator ana', " FACTS ")");
	pg_exec("cairn_operator", order_of("1"));
	pg_assert_value("SELECT count(*) FROM acme.blocked_key", "901");
	pg_assert_value(EVENTS_OF("key.blocked") " AND facts->>'because' = 'why'", "901");
	assert_false(blocked_sweep()); /* their time has not come */
	assert_false(waves_sweep());
	pg_assert_value(REVOKED, "0 none");
	assert_string_equal(
	    pg_try("cairn_operator", "SELECT acme.close_incident(" INCIDENT ", 'operator ana')", NULL), "CA001");
	pass_time(1000);
	assert_true(waves_sweep());
	pg_assert_value(
	    "SELECT count(*) BETWEEN 500 AND 1000 AND min(reason) = 1 AND count(*) = (SELECT count(*) FROM "
	    "ca.certificate WHERE spki_sha256 IN (SELECT spki_sha256 FROM acme.blocked_key WHERE swept_at IS NOT "
	    "NULL)) FROM ca.revocation",
	    "t");
	pass_time(2000);
	for (int i = 0; i < 1000 && blocked_sweep(); i++) {
	}
	pg_assert_value(REVOKED, "1800 11");
}

/* E-7: certificates that are being signed are meant too, and are revoked ones when they come out. */
static void test_being_signed(void **state)
{
	(void) state;
	add_certificates(3, "NULL::timestamptz");
	pg_assert_value(
	    "SELECT cardinality(certificates) FROM acme.find_issued('issued_at > now() - interval ''1 h''')", "3");
	static const char *const conditions[] = { "nothing = 1", "1", "true; DELETE FROM ca.certificate", "", "1/0 = 1",
		"(SELECT 1 UNION SELECT 2) = 1", "profile = (SELECT profile FROM ca.certificate)", "true)",
		"set_config(''transaction_read_only'', ''off'', true) = ''x''" };
	for (size_t i = 0; i < COUNT_OF(conditions); i++) {
		char sql[256];
		snprintf(sql, sizeof(sql), "SELECT * FROM acme.find_issued('%s')", conditions[i]);
		assert_string_equal(pg_try("cairn_operator", sql, NULL), "CA001");
	}
	pg_assert_value("SELECT cardinality(certificates) FROM acme.find_serials('{01020304050607000001}')", "1");
	pg_exec("cairn_operator", order_of("4"));
	pg_exec("cairn_owner", "UPDATE ca.certificate SET lease_until = NULL, lease_holder = NULL WHERE serial = "
	                       "'\\x01020304050607000001'"); /* given up */
	pg_assert_value("SELECT \"left\" FROM acme.list_revocations()", "2");
	pass_time(3000);
	assert_false(waves_sweep());
	pg_assert_value(REVOKED, "2 44");
}

/* One order of locks: who has a key's lock may want its row, so nobody who has the row wants the lock. */
static void test_order_of_locks(void **state)
{
	(void) state;
	add_certificates(1, "now()");
	pg_exec("cairn_owner", "INSERT INTO acme.blocked_key (spki_sha256, reason) VALUES (sha256('0'), 'keyCompromise')");
	PGconn *first = pg_connect("postgres", "cairn");
	turn_run(first, "BEGIN");
	turn_run(first, "SELECT acme.hold_key(sha256('0'))");
	assert_true(blocked_sweep()); /* comes back at once, with the row untouched */
	turn_run(first, "SET LOCAL lock_timeout = '1 s'");
	turn_run(first, "SELECT acme.compromise_key(sha256('0'), 'operator', 'operator ana', 'cairn', NULL, '{}')");
	turn_run(first, "COMMIT");
	PQfinish(first);
	assert_false(blocked_sweep());
	pg_assert_value(REVOKED, "1 11");
}

/* E-8: an operator is on record as one, with the login that the database knows; nobody's name else can be put there. */
static void test_who_acts(void **state)
{
	static const char *const others[] = { "'cairn-ra@test'", "'account'", "NULL", "''", "'operator '" };
	char sql[200];
	(void) state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		snprintf(sql, sizeof(sql), "SELECT acme.note_revocation('revocation.begun', %s, '{}')", others[i]);
		assert_string_equal(pg_try("cairn_operator", sql, NULL), "CA001");
		snprintf(sql, sizeof(sql), "SELECT acme.revoke_batch('{}', 4, %s, '{}')", others[i]);
		assert_string_equal(pg_try("cairn_operator", sql, NULL), "CA001");
		snprintf(sql, sizeof(sql), "SELECT acme.block_key_by_operator(sha256('1'), %s, '{}')", others[i]);
		assert_string_equal(pg_try("cairn_operator", sql, NULL), "CA001");
	}
	pg_exec("cairn_operator", "SELECT acme.note_revocation('revocation.begun', 'operator ana', '{\"login\": \"me\"}')");
	pg_assert_value("SELECT actor || ' ' || (facts->>'login') FROM log.event", "operator ana cairn_operator");
	pg_exec(
	    "cairn_operator", "SELECT acme.set_limit_override('NewOrdersPerAccount', 'x', 20, 3600, 30, 'a test', 'ana')");
	pg_assert_value(EVENTS_OF("limit.overridden") " AND facts->>'login' = 'cairn_operator'", "1");
}

/* E-7: very many, each once, and a second run does nothing. CAIRN_WAVES_CERTIFICATES=1000000 measures it. */
static void test_many(void **state)
{
	const char *asked = getenv("CAIRN_WAVES_CERTIFICATES");
	int n = asked == NULL ? 3000 : (int) strtol(asked, NULL, 10);
	int batches = 0;
	(void) state;
	add_certificates(n, "now()");
	pg_exec("cairn_owner", "ANALYZE ca.certificate");
	pg_exec("cairn_operator", order_of("4"));
	pass_time(3000);
	int64_t since_us = clock_monotonic_us();
	for (bool more = true; more; batches++) {
		more = waves_sweep();
		assert_true(batches <= n / 500 + 1);
	}
	printf("%d certificates: %d batches, %lld ms each\n", n, batches,
	    (long long) (clock_monotonic_us() - since_us) / 1000 / batches);
	pg_assert_value("SELECT count(*) = (SELECT count(*) FROM ca.certificate) FROM ca.revocation", "t");
	char *events = pg_value("SELECT count(*) FROM log.event");
	pg_exec("cairn_operator", "SELECT acme.revoke_waves(" INCIDENT ", 500, 'operator ana')");
	assert_false(waves_sweep());
	pg_assert_value("SELECT count(*) FROM log.event", events);
	free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_carried_out, fresh),
		cmocka_unit_test_setup(test_own_thread, fresh),
		cmocka_unit_test_setup(test_called_off, fresh),
		cmocka_unit_test_setup(test_side_by_side, fresh),
		cmocka_unit_test_setup(test_compromise, fresh),
		cmocka_unit_test_setup(test_being_signed, fresh),
		cmocka_unit_test_setup(test_order_of_locks, fresh),
		cmocka_unit_test_setup(test_who_acts, fresh),
		cmocka_unit_test_setup(test_many, fresh),
	};
	return cmocka_run_group_tests(tests, setup, pg_group_teardown);
}

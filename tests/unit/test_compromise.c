/* link: ra */
/* A key that somebody else has is blocked and takes its certificates along, also those that are just being made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ra/blocked.h"
#include "tests/unit/turns.h"

#define UUID(n) "'7193f000-0000-7000-8000-000000000" n "00'"
#define SERIAL(n) "'\\x0102030405060708" n "'"
#define BY_KEY(n, request) \
	"SELECT others FROM acme.revoke_certificate(" SERIAL(n) ", '\\x30" n \
	                                                        "', 0, NULL, NULL, true, 'ra', " UUID(request) ")"
#define BY_ACCOUNT(n, reason, account, key, request) \
	"SELECT others FROM acme.revoke_certificate(" SERIAL(n) ", '\\x30" n "', " reason ", " UUID( \
	    account) ", sha256('" key "'), false, 'ra', " UUID(request) ")"
#define PROMISED(n, octets, account, key, request) \
	"SELECT others FROM acme.revoke_certificate(" SERIAL(n) ", '\\x31" octets "', 4, " UUID( \
	    account) ", sha256('" key "'), false, 'ra', " UUID(request) ")"
#define LEAKED(key, request) \
	"SELECT certificates FROM acme.block_key(sha256('" key "'), sha256('x'), 'PEM', 'ra', " UUID(request) ")"
#define BEGIN_ISSUANCE \
	"SELECT ca.begin_issuance(" UUID("f") ", " UUID("8") ", " UUID( \
	    "1") ", '{dns}', '{a.test}', 'e1', 'classic', '\\x0102030405060708ff', 'tbs', sha256('key'), '{a.test}', " \
	         "now(), now() + interval '90 d', 'ca/1', 60, " UUID( \
	             "9") ", sha256('k1'), sha256('other'), false, '{http-01}', false)"
#define REVOKED_NOW \
	"SELECT coalesce(string_agg(right(encode(serial, 'hex'), 2) || ':' || reason || ':' || revoked_by, ' ' ORDER BY " \
	"serial), 'none') FROM ca.revocation"
#define EVENTS_OF(kind) "SELECT count(*) FROM log.event WHERE kind = '" kind "'"

static const struct ra test_ra = { .instance = "cairn-ra@test" };

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_partitions("71000000-0000-0000-0000-000000000000", "72000000-0000-0000-0000-000000000000");
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x02', 'chain', 'crl', 'aia', true); INSERT "
	                       "INTO ca.crl_shard (issuer, shard, url, open) "
	                       "VALUES ('e1', 0, 'tbs', true)");
	ra_set(&test_ra);
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), 2, 5000);
	return 0;
}

/* Three accounts; an order of the first that is ready. */
static int fresh(void **state)
{
	(void) state;
	pg_exec("postgres", "TRUNCATE acme.account, acme.account_binding, acme.replacement, acme.orders, acme.authz, "
	                    "log.validation, log.validation_private, log.event, ca.serial, ca.certificate, "
	                    "ca.precertificate, ca.revocation, "
	                    "ca.crl, acme.blocked_key");
	pg_exec("cairn_ra", "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID(
	                        "1") ", 'valid', '{}', "
	                             "sha256('k1')), (" UUID("2") ", 'valid', '{}', sha256('k2')), (" UUID(
	                                 "3") ", 'valid', '{}', sha256('k3'))");
	pg_exec("postgres",
	    "SET session_replication_role = replica; INSERT INTO acme.authz (id, account_id, identifier_type, "
	    "identifier_value, "
	    "wildcard, challenge_types, tokens, expires_at, tried, validation_id, validated_at, proof) VALUES (" UUID(
	        "7") ", " UUID("1") ", 'dns', 'a.test', false, "
	                            "'{http-01}', '{token}', now() + interval '1 d', 1, " UUID(
	                                "6") ", now(), 'control'); "
	                                     "INSERT INTO acme.orders (id, account_id, identifier_types, "
	                                     "identifier_values, authorizations, profile, expires_at) "
	                                     "VALUES (" UUID("8") ", " UUID("1") ", '{dns}', '{a.test}', ARRAY[" UUID(
	                                         "7") "::uuid], 'classic', now() + interval '1 d')");
	return 0;
}

/* \x30NN, with a serial that ends in NN. */
static void add_certificate(const char *n, const char *account, const char *key, const char *ends)
{
	char sql[1200];
	snprintf(sql, sizeof(sql),
	    "WITH s AS (INSERT INTO ca.serial VALUES ('\\x0102030405060708%s', '7193f000-0000-7000-8000-0000000001%s')) "
	    "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	    "profile, "
	    "serial, spki_sha256, names, validations, der, signed_at) VALUES ('7193f000-0000-7000-8000-0000000001%s', "
	    "'7193f000-0000-7000-8000-0000000002%s', '7193f000-0000-7000-8000-000000000%s00', now() - interval '9 d', "
	    "now() + "
	    "interval '%s', now(), 0, 'e1', 'classic', '\\x0102030405060708%s', sha256('%s'), '{a.test}', '{}', '\\x30%s', "
	    "now())",
	    n, n, n, n, account, ends, n, key, n);
	pg_exec("cairn_owner", sql);
}

/* What it would be had its precertificate been signed and nothing more: given up. */
#define GIVEN_UP(n) "UPDATE ca.certificate SET der = NULL, tbs = '\\x30' WHERE serial = " SERIAL(n)

/* D-55: a precertificate that was given up goes with its key, and is found by its serial, its key and a condition; what was given up
 * before anything was signed is nothing. */
static void test_given_up(void **state)
{
	(void) state;
	add_certificate("11", "1", "key", "9 d");
	add_certificate("12", "1", "key", "9 d");
	add_certificate("13", "1", "key", "9 d");
	pg_exec("cairn_owner", GIVEN_UP("12"));
	pg_exec("cairn_owner", GIVEN_UP("13"));
	pg_exec("cairn_owner", "UPDATE ca.certificate SET signed_at = NULL WHERE serial = " SERIAL("13"));
	pg_assert_value(
	    "SELECT cardinality(certificates) FROM acme.find_revocable(" SERIAL("12") ", NULL, NULL, NULL)", "1");
	pg_assert_value(
	    "SELECT missing FROM acme.find_revocable(" SERIAL("13") ", NULL, NULL, NULL)", "{010203040506070813}");
	pg_assert_value("SELECT cardinality(certificates) FROM acme.find_revocable(NULL, NULL, sha256('key'), NULL)", "2");
	pg_assert_value("SELECT count(*) FROM acme.issued", "2");
	pg_assert_value("SELECT cardinality(certificates) || array_to_string(missing, ',') FROM acme.find_serials("
	                "'{010203040506070812, 010203040506070813}')",
	    "1010203040506070813");
	pg_exec("cairn_ra", BY_KEY("11", "a"));
	pg_assert_value(REVOKED_NOW, "11:1:certificate-key 12:1:blocked-key");
}

/* D-55, A-127: what promised a certificate may be presented as well as the certificate, by whoever may revoke it, and no other octets. */
static void test_by_precertificate(void **state)
{
	(void) state;
	for (int i = 0; i < 3; i++) {
		add_certificate(i == 0 ? "11" : i == 1 ? "12" : "13", "1", i == 2 ? "another" : "key", "9 d");
	}
	pg_exec("cairn_owner", GIVEN_UP("11"));
	pg_exec("cairn_owner", GIVEN_UP("13"));
	assert_string_equal(
	    pg_try("cairn_ra", BY_ACCOUNT("11", "4", "1", "k1", "a"), NULL), "CA001"); /* nothing was promised */
	pg_exec("cairn_owner", "INSERT INTO ca.precertificate (certificate_id, der, signed_at) SELECT id, '\\x31' || "
	                       "substr(serial, 9), now() FROM ca.certificate");
	assert_string_equal(pg_try("cairn_ra", PROMISED("12", "13", "1", "k1", "a"), NULL), "CA001"); /* another's */
	assert_string_equal(pg_try("cairn_ra", PROMISED("11", "11", "2", "k2", "a"), NULL), "CA001"); /* */
	pg_exec("cairn_ra", PROMISED("11", "11", "1", "k1", "b"));
	pg_exec("cairn_ra", PROMISED("12", "12", "1", "k1", "c"));
	pg_assert_value(REVOKED_NOW, "11:4:account 12:4:account");
	pg_exec("cairn_ra", "SELECT others FROM acme.revoke_certificate(" SERIAL("13") ", '\\x3113', 0, NULL, NULL, true, "
	                                                                               "'ra', " UUID("d") ")");
	pg_assert_value(REVOKED_NOW, "11:4:account 12:4:account 13:1:certificate-key");
}

/* E-13: a key that proves itself is blocked also where the account had said so of the certificate before. */
static void test_proof_after_word(void **state)
{
	(void) state;
	add_certificate("11", "1", "key", "9 d");
	add_certificate("12", "2", "key", "9 d");
	pg_exec("cairn_ra", BY_ACCOUNT("11", "1", "1", "k1", "a"));
	pg_exec("cairn_ra", BY_KEY("11", "b"));
	pg_assert_value(REVOKED_NOW, "11:1:certificate-key 12:1:blocked-key");
	pg_assert_value("SELECT count(*) FROM acme.blocked_key", "1");
	assert_string_equal(pg_try("cairn_ra", BY_KEY("11", "c"), NULL), "CA001"); /* */
}

/* E-13: the key of a certificate that has ended proves itself too; there is nothing to revoke but what else has it, and once. */
static void test_proof_after_the_end(void **state)
{
	(void) state;
	add_certificate("11", "1", "key", "-1 d");
	add_certificate("12", "2", "key", "9 d");
	assert_string_equal(pg_try("cairn_ra", BY_ACCOUNT("11", "1", "1", "k1", "a"), NULL), "CA001");
	pg_assert_value(REVOKED_NOW, "none");
	pg_exec("cairn_ra", BY_KEY("11", "b"));
	pg_exec("cairn_ra", BY_KEY("11", "b")); /* whose answer was lost */
	pg_assert_value(REVOKED_NOW, "12:1:blocked-key");
	pg_assert_value("SELECT count(*) FROM acme.blocked_key WHERE spki_sha256 = sha256('key')", "1");
	pg_assert_value(EVENTS_OF("key.blocked"), "1");
	pg_assert_value(EVENTS_OF("certificate.revoked"), "1");
	assert_string_equal(pg_try("cairn_ra", BY_KEY("11", "c"), NULL), "CA001");
}

/* Certificate n is revoked in a transaction that stays open. */
static PGconn *hold_row(const char *sql)
{
	PGconn *conn = pg_connect("cairn_ra", "cairn");
	turn_run(conn, "BEGIN");
	turn_run(conn, sql);
	return conn;
}

/* Both run beside each other, the first until it waits for what `held` holds, and end. */
static void assert_no_deadlock(PGconn *held, const char *first_role, const char *first, const char *second)
{
	PGconn *run[] = { pg_connect(first_role, "cairn"), pg_connect("cairn_operator", "cairn") };
	const char *sql[] = { first, second };
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(PQsendQuery(run[i], sql[i]), 1);
		turn_await_lock(run[i]);
	}
	turn_run(held, "COMMIT");
	PQfinish(held);
	for (size_t i = 0; i < 2; i++) {
		PGresult *result = PQgetResult(run[i]);
		if (PQresultStatus(result) != PGRES_TUPLES_OK) {
			fail_msg("%s", PQresultErrorMessage(result));
		}
		PQclear(result);
		PQfinish(run[i]);
	}
}

#define BATCH(reason, serials) \
	"SELECT acme.revoke_batch(ARRAY(SELECT certificate_id FROM acme.issued WHERE right(serial, 2) IN (" serials \
	")), " reason ", 'operator ana', '{}')"

/* E-7: revocations of many that run beside each other wait, and none falls: whichever way round their certificates stand. */
static void test_beside_each_other(void **state)
{
	(void) state;
	char *first = pg_value("SELECT k FROM unnest('{key,another}'::text[]) k ORDER BY sha256(k::bytea) LIMIT 1");
	const char *second = strcmp(first, "key") == 0 ? "another" : "key";
	add_certificate("11", "1", second, "9 d");
	add_certificate("12", "1", first, "9 d");
	add_certificate("13", "1", first, "9 d");
	free(first);
	assert_no_deadlock(hold_row(BY_ACCOUNT("13", "4", "1", "k1", "a")), "cairn_operator",
	    BATCH("1", "'11', '12', '13'"), BATCH("4", "'11', '12'"));
	pg_assert_value("SELECT string_agg(reason::text, ' ') FROM ca.revocation", "1 1 1");
	(void) fresh(state);
	add_certificate("10", "1", "key", "9 d");
	add_certificate("11", "1", "key", "9 d");
	add_certificate("13", "1", "key", "9 d");
	assert_no_deadlock(
	    hold_row(BY_ACCOUNT("10", "4", "1", "k1", "a")), "cairn_ra", BY_KEY("13", "b"), BATCH("4", "'11', '13'"));
	pg_assert_value("SELECT string_agg(reason::text, ' ') FROM ca.revocation", "1 1 1");
}

/* E-13: three accounts, the same key; one is revoked by its key, and all three go. What has ended, and what has another key, stays. */
static void test_same_key(void **state)
{
	(void) state;
	add_certificate("11", "1", "key", "9 d");
	add_certificate("12", "2", "key", "9 d");
	add_certificate("13", "3", "key", "9 d");
	add_certificate("14", "3", "key", "-1 d");
	add_certificate("15", "3", "another", "9 d");
	pg_exec("cairn_ra", BY_ACCOUNT("13", "4", "3", "k3", "b"));
	pg_exec("cairn_ra", BY_KEY("11", "a"));
	pg_assert_value(REVOKED_NOW, "11:1:certificate-key 12:1:blocked-key 13:1:blocked-key"); /* E-14 */
	pg_assert_value(EVENTS_OF("certificate.revoked"), "4");
	pg_assert_value("SELECT facts->>'certificates' || (facts->>'all') FROM log.event WHERE kind = 'key.blocked'",
	    "[\"010203040506070812\", \"010203040506070813\"]true");
	pg_assert_value("SELECT count(*) FROM acme.blocked_key WHERE swept_at IS NOT NULL", "1");
	pg_exec("cairn_ra", BY_KEY("11", "a")); /* its answer was lost: nothing is done twice */
	pg_assert_value(EVENTS_OF("certificate.revoked"), "4");
	assert_string_equal(pg_try("cairn_ra", BY_KEY("12", "c"), NULL), "CA001"); /* */
}

/* by an account it is the one certificate that is believed to be compromised. */
static void test_reason_of_account(void **state)
{
	(void) state;
	add_certificate("11", "1", "key", "9 d");
	add_certificate("12", "2", "key", "9 d");
	pg_exec("cairn_ra", BY_ACCOUNT("11", "1", "1", "k1", "a"));
	pg_assert_value(REVOKED_NOW, "11:1:account");
	pg_assert_value("SELECT count(*) FROM acme.blocked_key", "0");
}

/* E-13, F-24: whoever sends the private key of certificates has them revoked, and what they name is on record. */
static void test_leaked_key(void **state)
{
	(void) state;
	add_certificate("11", "1", "key", "9 d");
	add_certificate("12", "2", "key", "9 d");
	pg_assert_value(LEAKED("key", "a"), "2");
	pg_assert_value(REVOKED_NOW, "11:1:blocked-key 12:1:blocked-key");
	pg_assert_value(
	    "SELECT jsonb_array_length(facts->'certificates') || (facts->>'form') || actor FROM log.event WHERE kind = "
	    "'key.blocked'",
	    "2PEMcairn");
	pg_assert_value(LEAKED("key", "b"), "0");
	pg_assert_value(EVENTS_OF("key.blocked"), "1");
	pg_assert_value(LEAKED("of nothing", "c"), "0");
	pg_assert_value(EVENTS_OF("key.blocked"), "2");
}

/* E-13: what was blocked before there was this, and what is too much for one transaction, follows; then nothing is left. */
static void test_sweep(void **state)
{
	(void) state;
	char sql[64];
	pg_exec("cairn_owner",
	    "INSERT INTO acme.blocked_key (spki_sha256, reason) VALUES (sha256('key'), 'keyCompromise'), "
	    "(sha256('old'), 'keyCompromise')");
	pg_exec("cairn_owner", "WITH n AS (SELECT cairn.new_id() AS id, decode('01020304050607' || lpad(to_hex(i), 6, "
	                       "'0'), 'hex') AS serial FROM "
	                       "generate_series(1, 1100) AS i), s AS (INSERT INTO ca.serial SELECT serial, id FROM n) "
	                       "INSERT INTO ca.certificate (id, "
	                       "order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, profile, serial, "
	                       "spki_sha256, names, "
	                       "validations, der, signed_at) SELECT id, id, " UUID(
	                           "1") ", now(), now() + interval '1 d', now(), 0, 'e1', 'classic', "
	                                "serial, sha256('key'), '{a.test}', '{}', '\\x30', now() FROM n");
	pg_assert_value("SELECT keys || ' ' || due || (since IS NOT NULL) FROM acme.blocked_keys_state()", "2 2true");
	for (int i = 0; i < 10 && blocked_sweep(); i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) <= %d FROM ca.revocation", 500 * (i + 1));
		pg_assert_value(sql, "t");
	}
	pg_assert_value("SELECT keys || ' ' || due || (since IS NULL) FROM acme.blocked_keys_state()", "2 0true");
	pg_assert_value("SELECT count(*) || ' ' || count(*) FILTER (WHERE reason = 1 AND revoked_by = 'blocked-key') FROM "
	                "ca.revocation",
	    "1100 1100");
	pg_assert_value(
	    "SELECT string_agg(jsonb_array_length(facts->'certificates')::text, ' ' ORDER BY id) FROM log.event WHERE "
	    "kind = 'key.swept'",
	    "500 500 100");
	assert_false(blocked_sweep());
}

/* E-13: an issuance that began first is found and revoked before it is signed; the certificate that comes out of it is a revoked one. */
static void test_block_after_begin(void **state)
{
	(void) state;
	add_certificate("11", "2", "key", "9 d");
	assert_string_equal(turns("cairn_ca", BEGIN_ISSUANCE, "cairn_ra", BY_KEY("11", "a")), "1");
	pg_assert_value(REVOKED_NOW, "11:1:certificate-key ff:1:blocked-key");
	pg_exec("cairn_ca", "SELECT ca.complete_issuance(" UUID("f") ", 'tbs signed', '{}', 'ca', cairn.new_id())");
	pg_assert_value(
	    "SELECT count(*) FROM ca.certificate c JOIN ca.revocation r ON r.certificate_id = c.id WHERE c.id = " UUID("f"),
	    "1");
}

/* E-13: one that begins while the key is being blocked waits, and is refused. */
static void test_begin_after_block(void **state)
{
	(void) state;
	add_certificate("11", "2", "key", "9 d");
	assert_string_equal(turns("cairn_ra", BY_KEY("11", "a"), "cairn_ca", BEGIN_ISSUANCE), "BAD_CSR");
	(void) fresh(state);
	assert_string_equal(turns("cairn_ra", LEAKED("key", "a"), "cairn_ca", BEGIN_ISSUANCE), "BAD_CSR");
	pg_assert_value("SELECT count(*) FROM ca.serial", "0");
}

/* A-128, E-14: of two revocations at once one does it, once; a proof of compromise comes on top whoever was first. */
static void test_two_revocations(void **state)
{
	(void) state;
	add_certificate("11", "1", "key", "9 d");
	add_certificate("12", "2", "key", "9 d");
	assert_string_equal(
	    turns("cairn_ra", BY_ACCOUNT("11", "4", "1", "k1", "a"), "cairn_ra", BY_ACCOUNT("11", "5", "1", "k1", "b")),
	    "ALREADY_REVOKED");
	pg_assert_value(REVOKED_NOW, "11:4:account");
	assert_string_equal(turns("cairn_ra", BY_KEY("11", "c"), "cairn_ra", BY_KEY("12", "d")), "ALREADY_REVOKED");
	pg_assert_value(REVOKED_NOW, "11:1:certificate-key 12:1:blocked-key");
	pg_assert_value(EVENTS_OF("certificate.revoked"), "3");
	(void) fresh(state);
	add_certificate("11", "1", "key", "9 d");
	assert_string_equal(
	    turns("cairn_ra", BY_KEY("11", "a"), "cairn_ra", BY_ACCOUNT("11", "4", "1", "k1", "b")), "ALREADY_REVOKED");
	(void) fresh(state);
	add_certificate("11", "1", "key", "9 d");
	assert_string_equal(turns("cairn_ra", BY_ACCOUNT("11", "4", "1", "k1", "a"), "cairn_ra", BY_KEY("11", "b")), "0");
	pg_assert_value(REVOKED_NOW, "11:1:certificate-key");
	pg_assert_value(EVENTS_OF("key.blocked"), "1");
}

/* E-22: what is revoked while a CRL is being made is either in it or calls for the next one. */
static void test_revocation_beside_crl(void **state)
{
	(void) state;
	add_certificate("11", "1", "key", "9 d");
	assert_string_equal(
	    turns("cairn_owner",
	        "INSERT INTO ca.crl (issuer, shard, number, this_update, next_update, entries, covers_until, der) "
	        "SELECT 'e1', 0, number, now(), now() + interval '1 d', 0, covers_until, '\\x30' "
	        "FROM ca.begin_crl('e1', 0, 1, 'ca/1', 60, 'ca')",
	        "cairn_ra", BY_KEY("11", "a")),
	    "0");
	pg_assert_value("SELECT count(*) FROM ca.crl", "1");
	pg_assert_value("SELECT changed FROM ca.crl_states('{e1}')", "t");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_given_up, fresh),
		cmocka_unit_test_setup(test_by_precertificate, fresh),
		cmocka_unit_test_setup(test_proof_after_word, fresh),
		cmocka_unit_test_setup(test_proof_after_the_end, fresh),
		cmocka_unit_test_setup(test_beside_each_other, fresh),
		cmocka_unit_test_setup(test_same_key, fresh),
		cmocka_unit_test_setup(test_reason_of_account, fresh),
		cmocka_unit_test_setup(test_leaked_key, fresh),
		cmocka_unit_test_setup(test_sweep, fresh),
		cmocka_unit_test_setup(test_block_after_begin, fresh),
		cmocka_unit_test_setup(test_begin_after_block, fresh),
		cmocka_unit_test_setup(test_two_revocations, fresh),
		cmocka_unit_test_setup(test_revocation_beside_crl, fresh),
	};
	return cmocka_run_group_tests(tests, setup, pg_group_teardown);
}

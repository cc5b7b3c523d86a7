/* link: cli */
/* Revocation by an operator: reasons by the table, batches that are done once, waves, keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "cli/revoke.h"
#include "cli/revoke_run.h"
#include "cli/revoke_select.h"
#include "lib/crypto/key.h"
#include "tests/unit/turns.h"

#define MANY 1200
#define ACCOUNT "'7193f000-0000-7000-8000-000000000100'"
#define EVENTS_OF(kind) "SELECT count(*) FROM log.event WHERE kind = '" kind "'"

static struct ctx c;
static const struct revoke_facts facts = { "against-rules", "the wrong profile", "where true", NULL, NULL };

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x02', 'chain', 'crl', 'aia', true)");
	pg_check_statements("cairn_operator", revoke_statements, revoke_statements_n); /* style 17 */
	db_statements(revoke_statements, revoke_statements_n);
	db_configure(pg_conninfo("cairn_operator"), 2, 30000);
	return 0;
}

static int fresh(void **state)
{
	(void) state;
	ctx_init(&c);
	pg_exec("postgres", "TRUNCATE acme.orders, log.event, ca.serial, ca.certificate, ca.revocation, acme.blocked_key, "
	                    "acme.incident, acme.incident_certificate, acme.revocation_order");
	return 0;
}

static int end(void **state)
{
	(void) state;
	ctx_done(&c);
	return 0;
}

/* Certificates first..last of the account, each with its order; serials and keys by their number. */
static void add_certificates(int first, int last, const char *key, const char *ends)
{
	char sql[1000];
	snprintf(sql, sizeof(sql),
	    "WITH n AS (SELECT cairn.new_id() AS id, cairn.new_id() AS o, decode('0102030405' || lpad(to_hex(i), 8, '0'), "
	    "'hex') AS serial, i "
	    "FROM generate_series(%d, %d) AS i), s AS (INSERT INTO ca.serial SELECT serial, id FROM n), o AS (INSERT INTO "
	    "acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, expires_at, "
	    "certificate_id) SELECT o, " ACCOUNT ", '{dns}', '{a.test}', ARRAY[id], 'classic', now(), id FROM n) "
	    "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	    "profile, "
	    "serial, spki_sha256, names, validations, der, signed_at) SELECT id, o, " ACCOUNT
	    ", now() - interval '9 d', now() + "
	    "interval '%s', now(), 0, 'e1', 'classic', serial, sha256(%s), ARRAY['n' || i || '.test'], '{}', serial, now() "
	    "FROM n",
	    first, last, ends, key);
	pg_exec("postgres", sql);
}
#define OWN_KEYS "i::text::bytea"

static struct revoke_meant meant_by(struct revoke_typed typed)
{
	struct revoke_meant meant;
	if (revoke_select(&c, &typed, &meant) != 0) {
		fail_msg("%s", c.err.detail);
	}
	return meant;
}

static struct revoke_look look_at(struct revoke_typed typed, int64_t reason)
{
	struct revoke_meant meant = meant_by(typed);
	struct revoke_look look;
	assert_int_equal(revoke_look(&c, &meant.found.certificates, reason, &look), 0);
	return look;
}

/* E-1, E-2, E-6: each occasion has the one reason of BR 4.9.1.1 and its time, and no reason but those of E-10. */
static void test_occasions(void **state)
{
	static const struct {
		const char *word;
		int64_t reason;
		int64_t hours;
	} rows[] = { { "subscriber-asked", 0, 24 }, { "not-authorized", 9, 24 }, { "key-compromise", 1, 24 },
		{ "key-computable", 1, 24 }, { "program-asks", 0, 24 }, { "validation-unreliable", 4, 24 },
		{ "key-unsuitable", 4, 120 }, { "misused", 9, 120 }, { "terms-broken", 9, 120 }, { "name-lost", 5, 120 },
		{ "wildcard-fraud", 9, 120 }, { "facts-changed", 9, 120 }, { "against-rules", 4, 120 },
		{ "facts-wrong", 9, 120 }, { "right-ended", 0, 120 }, { "practice-statement", 0, 120 },
		{ "method-exposes-keys", 1, 120 } };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct revocation_occasion *o = revocation_occasion_find(rows[i].word);
		assert_non_null(o);
		assert_int_equal(o->reason, rows[i].reason);
		assert_int_equal(o->within_s, rows[i].hours * 3600);
	}
	assert_null(revocation_occasion_find("certificateHold"));
	for (int64_t reason = -1; reason < 12; reason++) {
		bool allowed = reason == 0 || reason == 1 || reason == 3 || reason == 4 || reason == 5;
		assert_int_equal(revocation_reason_is_subscribers(reason), allowed);
		assert_int_equal(revocation_reason_name(reason) != NULL, allowed || reason == 9);
		assert_true(
		    revocation_reason_name(reason) == NULL || revocation_reason_find(revocation_reason_name(reason)) == reason);
	}
}

/* E-7, E-8: in batches, each certificate with who, why and on which occasion; a second run does nothing; Ctrl-C stops between two. */
static void test_batches(void **state)
{
	struct revoke_done done;
	(void) state;
	add_certificates(1, MANY, OWN_KEYS, "9 d");
	add_certificates(MANY + 1, MANY + 5, OWN_KEYS, "-1 d");
	struct revoke_look look = look_at((struct revoke_typed) { .where = "profile = 'classic'" }, 4);
	assert_int_equal(look.certificates.n, MANY);
	assert_int_equal(look.accounts, 1);
	assert_int_equal(look.keys, MANY);
	assert_int_equal(json_array_size(look.sample), 10);
	revoke_catch_interrupt();
	struct id_list first = { look.certificates.v, 700 };
	assert_int_equal(revoke_run_batches(&c, &first, 4, &facts, &done), 0);
	assert_int_equal(done.revoked, 700);
	look = look_at((struct revoke_typed) { .where = "profile = 'classic'" }, 4);
	assert_int_equal(look.certificates.n, MANY - 700);
	assert_int_equal(look.before, 700);
	assert_int_equal(revoke_run_batches(&c, &look.certificates, 4, &facts, &done), 0);
	assert_int_equal(done.revoked, MANY - 700);
	assert_int_equal(revoke_run_batches(&c, &look.certificates, 4, &facts, &done), 0);
	assert_int_equal(done.revoked, 0);
	assert_false(done.stopped);
	pg_assert_value("SELECT count(*) || ' ' || min(reason) || max(reason) || min(revoked_by) FROM ca.revocation",
	    "1200 44operator");
	pg_assert_value(
	    "SELECT count(*) || (min(facts->>'occasion')) || (min(facts->>'because')) FROM log.event WHERE kind = "
	    "'certificate.revoked' AND actor LIKE 'operator %'",
	    "1200against-rulesthe wrong profile");
	pg_assert_value(EVENTS_OF("revocation.begun"), "3");
	pg_assert_value(EVENTS_OF("revocation.ended"), "3");
	pg_assert_value("SELECT count(*) FROM acme.blocked_key", "0");
}

/* E-13: an operator's word for one certificate takes the key and all others that have it. */
static void test_compromise(void **state)
{
	struct revoke_done done;
	(void) state;
	add_certificates(1, 3, "'shared'", "9 d");
	add_certificates(4, 4, OWN_KEYS, "9 d");
	struct revoke_typed first = { .serial = "010203040500000001" };
	assert_int_equal(look_at(first, 4).certificates.n, 1);
	struct revoke_look look = look_at(first, 1);
	assert_int_equal(look.certificates.n, 3);
	assert_int_equal(revoke_run_batches(&c, &look.certificates, 1, &facts, &done), 0);
	assert_int_equal(done.revoked, 3);
	pg_assert_value("SELECT count(*) FROM acme.blocked_key WHERE spki_sha256 = sha256('shared')", "1");
	pg_assert_value("SELECT (facts->>'because') || jsonb_array_length(facts->'certificates') FROM log.event WHERE kind "
	                "= 'key.blocked'",
	    "the wrong profile3");
	pg_assert_value(EVENTS_OF("certificate.revoked"), "3");
}

static const char *write_file(const char *name, struct bytes text)
{
	const char *path = arena_printf(c.arena, "%s/%s", pg_cluster.dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* E-13, E-15: a private key proves itself; a public one is an operator's word; what is neither is refused. */
static void test_keys(void **state)
{
	EVP_PKEY *key = NULL;
	struct bytes pem;
	struct bytes spki;
	struct revoke_meant by_key = { 0 };
	struct revoke_meant by_digest = { 0 };
	struct revoke_done done;
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	(void) state;
	assert_int_equal(key_generate(&c, "p256", &key), 0);
	assert_int_equal(key_to_pem(&c, key, &pem), 0);
	assert_int_equal(key_spki(&c, key, &spki), 0);
	sha256_of(spki, digest);
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	}
	assert_int_equal(revoke_select_key(&c, write_file("key.pem", pem), &by_key), 0);
	assert_int_equal(revoke_select_key(&c, hex, &by_digest), 0);
	assert_true(bytes_equal(by_key.spki_sha256, by_digest.spki_sha256));
	assert_non_null(by_key.evidence);
	assert_null(by_digest.evidence);
	assert_int_equal(revoke_select_key(&c, write_file("none", bytes_of_text("nothing of the kind")), &by_key), -1);
	assert_int_equal(c.err.type, PROBLEM_MALFORMED);
	ctx_forgive(&c);
	char of_key[160];
	add_certificates(1, 600, "'x'", "9 d");
	snprintf(of_key, sizeof(of_key), "UPDATE ca.certificate SET spki_sha256 = '\\x%s'", hex);
	pg_exec("cairn_owner", of_key);
	assert_int_equal(meant_by((struct revoke_typed) { .key = hex }).found.certificates.n, 600);
	assert_int_equal(revoke_run_key(&c, by_digest.spki_sha256, &facts, &done), 0);
	assert_int_equal(done.revoked, 600);
	pg_assert_value("SELECT count(*) FROM acme.blocked_key WHERE swept_at IS NOT NULL", "1");
	pg_assert_value(
	    "SELECT string_agg(kind, ' ' ORDER BY id) FROM log.event WHERE kind LIKE 'key.%'", "key.blocked key.swept");
}

/* a serial that is not ours, and octets that are not. By account: all of it. */
static void test_selectors(void **state)
{
	struct revoke_meant meant;
	struct incident_found found;
	(void) state;
	add_certificates(1, 3, OWN_KEYS, "9 d");
	add_certificates(4, 4, OWN_KEYS, "-1 d");
	char *account = pg_value("SELECT 'https://ca.test/acct/' || cairn.id_text(" ACCOUNT ")");
	meant = meant_by((struct revoke_typed) { .account = account });
	free(account);
	assert_int_equal(meant.found.certificates.n, 3);
	assert_int_equal(meant.found.expired, 1);
	const struct revoke_typed unknown = { .serial = "0102030405000000ff" };
	assert_int_equal(revoke_select(&c, &unknown, &meant), -1);
	assert_int_equal(c.err.type, PROBLEM_NOT_FOUND);
	ctx_forgive(&c);
	uint8_t serial[] = { 1, 2, 3, 4, 5, 0, 0, 0, 1 };
	struct revoke_selector s = { .serial = { serial, sizeof(serial) }, .der = { serial, sizeof(serial) } };
	assert_int_equal(revoke_find(&c, &s, &found), 0);
	assert_int_equal(found.certificates.n, 1);
	s.der.n--;
	assert_int_equal(revoke_find(&c, &s, &found), 0);
	assert_int_equal(found.certificates.n, 0);
	assert_int_equal(found.missing.n, 1);
	assert_non_null(revoke_typed_refusal(c.arena, &(struct revoke_typed) { 0 }));
	assert_non_null(revoke_typed_refusal(c.arena, &(struct revoke_typed) { .serial = "01", .key = "k" }));
	assert_null(revoke_typed_refusal(c.arena, &(struct revoke_typed) { .serial = "01:AB" }));
	assert_non_null(revoke_typed_refusal(c.arena, &(struct revoke_typed) { .serial = "01AB0" }));
	assert_non_null(revoke_typed_refusal(c.arena, &(struct revoke_typed) { .account = "nobody" }));
}

/* E-7: windows move first; each certificate goes when its wave has ended, and what is closed is called off. */
static void test_waves(void **state)
{
	struct revoke_done done;
	struct revoke_state now;
	struct id id;
	(void) state;
	add_certificates(1, 30, OWN_KEYS, "90 d");
	struct revoke_look look = look_at((struct revoke_typed) { .where = "true" }, 4);
	struct incident_wish wish = { "https://ca.test/why", "where true", clock_now(), timestamp_add_s(clock_now(), 3000),
		3 };
	const struct revoke_why why = { revocation_occasion_find("against-rules"), "why", "operator ana" };
	assert_int_equal(revoke_order(&c, &wish, &look.certificates, &why, &id), 0);
	assert_int_equal(revoke_run_waves(&c, id, false, &done, &now), 0);
	assert_int_equal(done.revoked, 0);
	assert_int_equal(now.waiting, 30);
	pg_assert_value(
	    "SELECT count(*) FROM front.renewal WHERE opens < now() + interval '50 min' AND explanation_url IS NOT NULL",
	    "30");
	pg_assert_value(
	    "SELECT due_at - ordered_at BETWEEN interval '119:59' AND interval '120:01' FROM acme.revocation_order", "t");
	pg_exec("cairn_owner",
	    "UPDATE acme.incident SET opens = opens - interval '1500 s', closes = closes - interval '1500 s'");
	assert_int_equal(revoke_run_waves(&c, id, false, &done, &now), 0); /* the first wave has ended */
	assert_int_equal(done.revoked, 10);
	assert_int_equal(now.waiting, 20);
	assert_true(now.next_at.us > clock_now().us);
	pg_exec("cairn_owner",
	    "UPDATE acme.incident SET opens = opens - interval '1000 s', closes = closes - interval '1000 s'");
	assert_int_equal(revoke_run_waves(&c, id, false, &done, &now), 0);
	assert_int_equal(done.revoked, 10);
	pg_exec("cairn_owner", "UPDATE acme.incident SET closed_at = now()");
	assert_int_equal(revoke_run_waves(&c, id, false, &done, &now), -1);
	assert_int_equal(c.err.type, PROBLEM_CONFLICT);
	ctx_forgive(&c);
	pg_exec("cairn_owner", "UPDATE acme.incident SET closed_at = NULL, opens = opens - interval '1000 s', closes = "
	                       "closes - interval '1000 s'");
	assert_int_equal(revoke_run_waves(&c, id, true, &done, &now), 0); /* nothing is left to wait for */
	assert_int_equal(done.revoked, 10);
	struct revoke_order_list list;
	assert_int_equal(revoke_list(&c, &list), 0);
	assert_int_equal(list.n, 1);
	assert_true(list.v[0].ended_at.us > 0 && list.v[0].left == 0);
	pg_assert_value(EVENTS_OF("revocation.begun"), "1");
	pg_assert_value(EVENTS_OF("revocation.ended"), "1");
}

/* E-13: in waves too the keys of a compromise are blocked before anything else. */
static void test_blocked_ahead(void **state)
{
	(void) state;
	add_certificates(1, MANY, OWN_KEYS, "9 d");
	struct revoke_look look = look_at((struct revoke_typed) { .where = "true" }, 1);
	struct incident_wish wish = { "https://ca.test/why", "where true", clock_now(), timestamp_add_s(clock_now(), 3000),
		3 };
	const struct revoke_why why = { revocation_occasion_find("key-compromise"), "why", "operator ana" };
	struct id id;
	assert_int_equal(revoke_order(&c, &wish, &look.certificates, &why, &id), -1);
	assert_int_equal(c.err.type, PROBLEM_CONFLICT);
	ctx_forgive(&c);
	assert_int_equal(revoke_run_blocks(&c, &look.certificates, wish.closes, &facts), 0);
	pg_assert_value("SELECT count(*) FROM acme.blocked_key WHERE sweep_from > now() + interval '49 min'", "1200");
	assert_int_equal(revoke_order(&c, &wish, &look.certificates, &why, &id), 0);
	pg_assert_value("SELECT count(*) FROM ca.revocation", "0");
}

/* E-12: of a compromise that is older the date is set back, but not before the certificate, and not that of another reason. */
static void test_since(void **state)
{
	struct revoke_done done;
	struct revoke_facts since = facts;
	(void) state;
	add_certificates(1, 4, OWN_KEYS, "9 d");
	struct revoke_look look = look_at((struct revoke_typed) { .where = "true" }, 1);
	struct id_list one = { look.certificates.v, 1 };
	assert_int_equal(revoke_run_batches(&c, &one, 1, &facts, &done), 0);
	one.v++;
	assert_int_equal(revoke_run_batches(&c, &one, 4, &facts, &done), 0);
	char *day_ago =
	    pg_value("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '1 d', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
	since.since = day_ago;
	assert_int_equal(revoke_run_batches(&c, &one, 1, &since, &done), 0); /* E-14 */
	free(day_ago);
	one.v++;
	since.since = "2020-01-01T00:00:00Z";
	assert_int_equal(revoke_run_batches(&c, &one, 1, &since, &done), 0);
	one.v++;
	assert_int_equal(revoke_run_batches(&c, &one, 4, &since, &done), 0);
	pg_assert_value(
	    "SELECT string_agg(r.reason || ':' || CASE WHEN r.revoked_at > now() - interval '10 min' THEN 'now' "
	    "WHEN r.revoked_at = date_trunc('second', k.not_before) THEN 'begin' WHEN r.revoked_at BETWEEN now() - "
	    "interval '25 h' AND now() - interval '24 h' THEN 'since' END, ' ' ORDER BY k.id) FROM ca.revocation r "
	    "JOIN ca.certificate k ON k.id = r.certificate_id",
	    "1:now 1:since 1:begin 4:now");
	pg_assert_value(
	    "SELECT count(*) FROM log.event WHERE kind = 'certificate.revoked' AND facts->>'since' IS NOT NULL", "3");
}

/* Two operators at once, and an operator beside a subscriber: each certificate once. */
static void test_side_by_side(void **state)
{
	(void) state;
	add_certificates(1, 5, OWN_KEYS, "9 d");
#define BATCH(order) \
	"SELECT acme.revoke_batch(ARRAY(SELECT id FROM ca.certificate ORDER BY id " order "), 4, 'operator ana', '{}')"
	const char *second = turns("postgres", BATCH(""), "postgres", BATCH("DESC"));
	assert_string_equal(second, "0");
	pg_assert_value("SELECT count(*) FROM ca.revocation", "5");
	pg_assert_value(EVENTS_OF("certificate.revoked"), "5");
}

/* The command's exit code, for what matches nothing. */
static int command(const char *mode, const char *reason, const char *window)
{
	const char *words[] = { "revoke", "--where", "false", "--because", "why", "--url", "https://ca.test/", "--config",
		write_file("mode.yaml",
		    bytes_of_text(arena_printf(
		        c.arena, "policy:\n  mode: %s\nva:\n  dnssec_probe: bogus.example\nct:\n  not_logged: true\n", mode))),
		"--database", pg_conninfo("cairn_operator"), "--reason", reason, "--window", window, NULL };
	return cli_revoke((int) COUNT_OF(words) - (window == NULL ? 3 : 1), (char **) (uintptr_t) words);
}

/* E-1, E-2: in mode webpki no window ends later than the rules allow; without one it ends in time. */
static void test_time_that_the_rules_give(void **state)
{
	(void) state;
	assert_int_equal(command("webpki", "key-compromise", "now/23h"), 0);
	assert_int_equal(command("webpki", "key-compromise", "now/25h"), 1);
	assert_int_equal(command("webpki", "misused", "now/119h"), 0);
	assert_int_equal(command("webpki", "misused", "now/121h"), 1);
	assert_int_equal(command("webpki", "validation-unreliable", NULL), 0);
	assert_int_equal(command("private", "key-compromise", "now/25h"), 0);
	assert_int_equal(command("private", "holiday", NULL), 2);
}

/* Ctrl-C between two batches; it goes on from there. Last, as it can't be taken back. */
static void test_interrupted(void **state)
{
	struct revoke_done done;
	(void) state;
	add_certificates(1, MANY, OWN_KEYS, "9 d");
	struct revoke_look look = look_at((struct revoke_typed) { .where = "true" }, 4);
	revoke_catch_interrupt();
	assert_int_equal(raise(SIGINT), 0);
	assert_int_equal(revoke_run_batches(&c, &look.certificates, 4, &facts, &done), 0);
	assert_true(done.stopped);
	assert_int_equal(done.revoked, 0);
	pg_assert_value(EVENTS_OF("revocation.stopped"), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_occasions),
		cmocka_unit_test_setup_teardown(test_batches, fresh, end),
		cmocka_unit_test_setup_teardown(test_compromise, fresh, end),
		cmocka_unit_test_setup_teardown(test_keys, fresh, end),
		cmocka_unit_test_setup_teardown(test_selectors, fresh, end),
		cmocka_unit_test_setup_teardown(test_waves, fresh, end),
		cmocka_unit_test_setup_teardown(test_blocked_ahead, fresh, end),
		cmocka_unit_test_setup_teardown(test_since, fresh, end),
		cmocka_unit_test_setup_teardown(test_side_by_side, fresh, end),
		cmocka_unit_test_setup_teardown(test_time_that_the_rules_give, fresh, end),
		cmocka_unit_test_setup_teardown(test_interrupted, fresh, end),
	};
	return cmocka_run_group_tests(tests, setup, pg_group_teardown);
}

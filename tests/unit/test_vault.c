/* link: subscriber cli */
/* The vault with a real PostgreSQL: what the process that writes it may do, and what nobody may (G-10..G-14, G-21, G-22). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/init_custodians.h"
#include "lib/base/base64.h"
#include "lib/crypto/digest.h"
#include "lib/rpc/handlers.h"
#include "subscriber/vault.h"
#include "tests/unit/pg.h"

#define ACCOUNT "018f0000-0000-7000-8000-000000000001"
#define OTHER "018f0000-0000-7000-8000-000000000002"
#define THUMBPRINT "sha256('1')"
#define SEALED "decode(repeat('00', 5000), 'hex')"
#define HASHES(of) "ARRAY(SELECT sha256((" of " || i)::bytea) FROM generate_series(1, 10) i)"
#define SET(account, hashes) \
	"SELECT outcome FROM vault.set_contacts('" account "', " THUMBPRINT ", " SEALED ", " hashes ", 'p', NULL, NULL)"
#define DELETE(account) \
	"SELECT outcome FROM vault.set_contacts('" account "', " THUMBPRINT ", NULL, NULL, 'p', NULL, NULL)"
#define LEASE \
	"INSERT INTO cairn.lease (name, holder, until) VALUES ('retention', 'p', now() + interval '1 hour') " \
	"ON CONFLICT (name) DO UPDATE SET holder = 'p', until = excluded.until"
#define PURGE "SELECT vault.purge_frozen('p', 10)"
#define HOLD \
	"SELECT cairn.add_hold('018f0000-0000-7000-8000-000000000009', 'g', '" ACCOUNT \
	"', NULL, NULL, NULL, NULL, NULL, now() + interval '1 day', 'ana')"
#define EVENTS \
	"SELECT coalesce(string_agg(kind || ' ' || facts::text, ', ' ORDER BY id), 'none') FROM log.event WHERE kind " \
	"LIKE " \
	"'recovery.%'"

/* Each test begins with one account that lives. */
static int empty(void **state)
{
	(void) state;
	pg_exec("postgres", "DELETE FROM vault.contact; DELETE FROM vault.former_contact; DELETE FROM vault.held_contact; "
	                    "DELETE FROM cairn.hold; "
	                    "DELETE FROM acme.account; TRUNCATE log.event; "
	                    "UPDATE vault.policy SET ended_accounts = 'delete', former_s = 0; "
	                    "INSERT INTO acme.account (id, status, key, thumbprint) VALUES ('" ACCOUNT
	                    "', 'valid', '{}', " THUMBPRINT "), ('" OTHER "', 'valid', '{}', sha256('2'))");
	return 0;
}

static void gives(const char *sql, const char *expected)
{
	char *value = NULL;
	assert_string_equal(pg_try("cairn_subscriber", sql, &value), "");
	assert_string_equal(value == NULL ? "(none)" : value, expected);
	free(value);
}

static void test_outcomes(void **state)
{
	(void) state;
	gives(DELETE(ACCOUNT), "none");
	gives(SET(ACCOUNT, HASHES("'a'")), "set");
	gives(SET(ACCOUNT, HASHES("'a'")), "unchanged");
	gives(SET(ACCOUNT, HASHES("'b'")), "replaced");
	gives("SELECT changed_at IS NOT NULL FROM vault.contacts_status('" ACCOUNT "', " THUMBPRINT ")", "t");
	gives(DELETE(ACCOUNT), "deleted");
	gives("SELECT changed_at IS NOT NULL FROM vault.contacts_status('" ACCOUNT "', " THUMBPRINT ")", "f");
	pg_assert_value(EVENTS, "recovery.set {}, recovery.replaced {}, recovery.deleted {}");
	pg_assert_value("SELECT count(*) FROM vault.contact", "0");
}

/* The key that signed must be the account's at this moment. */
static void test_key(void **state)
{
	(void) state;
	assert_string_equal(pg_try("cairn_subscriber", SET(OTHER, HASHES("'a'")), NULL), "CA001");
	assert_string_equal(pg_try("cairn_subscriber", DELETE(OTHER), NULL), "CA001");
	assert_string_equal(
	    pg_try("cairn_subscriber", "SELECT vault.contacts_status('" OTHER "', " THUMBPRINT ")", NULL), "CA001");
	pg_exec("postgres", "UPDATE acme.account SET status = 'revoked' WHERE id = '" ACCOUNT "'");
	assert_string_equal(pg_try("cairn_subscriber", SET(ACCOUNT, HASHES("'a'")), NULL), "CA001");
	pg_assert_value("SELECT count(*) FROM vault.contact", "0");
}

/* G-10, G-12: no role reads, and none writes past the functions; each role's functions are in tests/unit/rights.txt. */
static void test_roles(void **state)
{
	static const char *const roles[] = { "cairn_wfe", "cairn_ra", "cairn_ca", "cairn_subscriber", "cairn_operator",
		"cairn_auditor", "cairn_officer" };
	static const char *const statements[] = { "SELECT FROM vault.contact", "SELECT sealed FROM vault.contact",
		"SELECT hashes FROM vault.contact", "DELETE FROM vault.contact", "UPDATE vault.contact SET frozen_at = now()",
		"INSERT INTO vault.contact (account_id, sealed, hashes) VALUES ('" ACCOUNT "', '', '{}')",
		"COPY vault.contact TO STDOUT", "UPDATE vault.policy SET ended_accounts = 'freeze'" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		for (size_t k = 0; k < COUNT_OF(statements); k++) {
			assert_string_equal(pg_try(roles[i], statements[k], NULL), "42501");
		}
		const char *taken = pg_try(roles[i], "SELECT vault.take_sealed('" ACCOUNT "', 'case-1', 'ana', NULL)", NULL);
		assert_string_equal(taken, "42501"); /* but by disclosure.take, for a case that is so far */
		const char *set = pg_try(roles[i], SET(ACCOUNT, HASHES("'a'")), NULL);
		assert_string_equal(set, strcmp(roles[i], "cairn_subscriber") == 0 ? "" : "42501");
	}
}

/* G-13: for a case, by somebody, and on record. */
static void test_taken_for_a_case(void **state)
{
	(void) state;
	gives(SET(ACCOUNT, HASHES("'a'")), "set");
	assert_string_equal(
	    pg_try("cairn_owner", "SELECT vault.take_sealed('" ACCOUNT "', '', 'ana', NULL)", NULL), "CA001");
	assert_string_equal(
	    pg_try("cairn_owner", "SELECT vault.take_sealed('" ACCOUNT "', NULL, 'ana', NULL)", NULL), "CA001");
	assert_string_equal(
	    pg_try("cairn_owner", "SELECT vault.take_sealed('" ACCOUNT "', 'case-1', '', NULL)", NULL), "CA001");
	char *octets = NULL;
	assert_string_equal(
	    pg_try("cairn_owner", "SELECT octet_length(vault.take_sealed('" ACCOUNT "', 'case-1', 'ana', NULL))", &octets),
	    "");
	assert_string_equal(octets, "5000");
	free(octets);
	pg_exec("cairn_owner", "SELECT vault.take_sealed('" OTHER "', 'case-2', 'ana', NULL)");
	pg_assert_value(
	    "SELECT string_agg(actor || ' ' || (facts->>'case') || ' ' || (facts->>'rows'), ', ' ORDER BY id) FROM "
	    "log.event WHERE kind = 'recovery.taken'",
	    "ana case-1 1, ana case-2 0");
	gives("SELECT vault.match_contact('" ACCOUNT "', sha256('a1'), 'case-3', 'p', NULL)", "t");
	gives("SELECT vault.match_contact('" OTHER "', sha256('a1'), 'case-3', 'p', NULL)", "f");
	assert_string_equal(
	    pg_try("cairn_subscriber", "SELECT vault.match_contact('" ACCOUNT "', sha256('a1'), '', 'p', NULL)", NULL),
	    "CA001");
	pg_assert_value(
	    "SELECT count(*) FROM log.event WHERE kind = 'recovery.matched' AND facts->>'case' = 'case-3'", "2");
}

/* G-21: by the policy, however the account ends; what is frozen can be matched no more and is purged when its time has come. */
static void test_ended_accounts(void **state)
{
	(void) state;
	gives(SET(ACCOUNT, HASHES("'a'")), "set");
	pg_exec("cairn_operator", "SELECT acme.revoke_account('" ACCOUNT "', 'why', 'ana')");
	pg_assert_value("SELECT count(*) FROM vault.contact", "0");
	pg_assert_value(EVENTS, "recovery.set {}, recovery.deleted {\"because\": \"revoked\"}");
	empty(state);
	pg_exec("cairn_subscriber", "SELECT vault.set_policy('freeze', 0, 'p'), vault.set_policy('freeze', 0, 'p')");
	gives(SET(ACCOUNT, HASHES("'a'")), "set");
	pg_exec("postgres", LEASE);
	pg_exec("cairn_ra", "SELECT acme.deactivate_account('" ACCOUNT "', " THUMBPRINT ", 'p', NULL)");
	pg_assert_value("SELECT count(*) FROM vault.contact WHERE frozen_at IS NOT NULL", "1");
	gives("SELECT vault.match_contact('" ACCOUNT "', sha256('a1'), 'c', 'p', NULL)", "f");
	assert_string_equal(
	    pg_try("cairn_subscriber", "SELECT vault.purge_frozen('other', 10)", NULL), "CA001"); /* no lease */
	gives(PURGE, "0");
	pg_exec("postgres", "UPDATE vault.contact SET frozen_at = now() - interval '91 days'");
	pg_exec("cairn_operator", HOLD);
	gives(PURGE, "0");
	pg_exec("postgres", "UPDATE cairn.hold SET ended_at = now()");
	gives(PURGE, "1");
	pg_assert_value("SELECT count(*) FROM vault.contact", "0");
	pg_assert_value(EVENTS,
	    "recovery.policy {\"former_s\": 0, \"ended_accounts\": \"freeze\"}, recovery.set {}, recovery.frozen "
	    "{\"because\": "
	    "\"deactivated\"}, recovery.matched {\"case\": \"c\", \"matched\": false}, recovery.deleted {\"because\": "
	    "\"retention\"}");
	pg_exec("postgres", "UPDATE vault.policy SET ended_accounts = 'delete'");
}

/* What is replaced or deleted is gone at once but for its hashes, which go when their time has passed, or with the account. */
static void test_former_contacts(void **state)
{
	(void) state;
	pg_exec("cairn_subscriber", "SELECT vault.set_policy('delete', 86400, 'p')");
	gives(SET(ACCOUNT, HASHES("'a'")), "set");
	gives(SET(ACCOUNT, HASHES("'b'")), "replaced");
	gives(DELETE(ACCOUNT), "deleted");
	gives(DELETE(ACCOUNT), "none");
	pg_assert_value("SELECT count(*) FROM vault.contact", "0");
	pg_assert_value(
	    "SELECT string_agg(CASE WHEN sha256('a1') = ANY (hashes) THEN 'a' ELSE 'b' END, '' ORDER BY replaced_at) "
	    "FROM vault.former_contact",
	    "ab");
	pg_exec("postgres", "UPDATE vault.former_contact SET replaced_at = now() - interval '25 hours' "
	                    "WHERE sha256('a1') = ANY (hashes); " LEASE);
	gives(PURGE, "0");
	pg_assert_value("SELECT count(*) FROM vault.former_contact", "1");
	pg_exec("cairn_operator", "SELECT acme.revoke_account('" ACCOUNT "', 'why', 'ana')");
	pg_assert_value("SELECT count(*) FROM vault.former_contact", "0");
	for (int i = 0; i < 60; i++) {
		char sql[400];
		(void) snprintf(sql, sizeof(sql),
		    "SELECT outcome FROM vault.set_contacts('" OTHER "', sha256('2'), " SEALED
		    ", " HASHES("'%d'") ", 'p', NULL, NULL)",
		    i);
		pg_exec("cairn_subscriber", sql);
	}
	pg_assert_value(
	    "SELECT count(*) || ' ' || bool_or(sha256('01') = ANY (hashes)) FROM vault.former_contact", "50 true");
}

#define REPORT(name) \
	"SELECT term_s || ' ' || (oldest_at IS NOT NULL) || ' ' || due || ' ' || held || ' ' || purged FROM " \
	"cairn.retention_report(0, NULL, NULL, NULL, 100) WHERE name = '" name "'"
#define TAKEN "SELECT octet_length(vault.take_sealed('" ACCOUNT "', 'case-1', 'ana', NULL))"

/* G-56: what its account replaces, deletes or ends with stays sealed as long as a hold keeps it, and its holder can't see that; the report of
 * retention counts it (G-21). */
static void test_held_contacts(void **state)
{
	(void) state;
	pg_exec("postgres", LEASE "; UPDATE cairn.retained SET purged = 0");
	gives(SET(ACCOUNT, HASHES("'a'")), "set");
	gives(DELETE(ACCOUNT), "deleted");
	pg_assert_value("SELECT count(*) FROM vault.held_contact", "0");
	gives(SET(ACCOUNT, HASHES("'a'")), "set");
	pg_exec("cairn_operator", HOLD);
	gives(SET(ACCOUNT, HASHES("'b'")), "replaced");
	gives(DELETE(ACCOUNT), "deleted");
	gives(SET(ACCOUNT, HASHES("'c'")), "set");
	pg_exec("cairn_ra", "SELECT acme.deactivate_account('" ACCOUNT "', " THUMBPRINT ", 'p', NULL)");
	pg_assert_value("SELECT count(*) FROM vault.contact", "0");
	pg_assert_value("SELECT count(*) FROM vault.held_contact", "3");
	pg_assert_value("SELECT count(*) FROM log.event WHERE facts::text LIKE '%held%'", "0");
	pg_assert_value(TAKEN, "5000"); /* for a case of disclosure */
	gives(PURGE, "0");
	pg_assert_value(REPORT("vault.contact"), "7776000 true 3 3 0");
	pg_exec("postgres", "UPDATE cairn.hold SET ended_at = now()");
	pg_assert_value(REPORT("vault.contact"), "7776000 true 3 0 0");
	gives(PURGE, "0");
	pg_assert_value("SELECT count(*) FROM vault.held_contact", "0");
	pg_assert_value(
	    "SELECT TRUE FROM cairn.retention_report(0, NULL, NULL, NULL, 100) WHERE name = 'vault.contact' AND "
	    "oldest_at IS NULL AND due = 0 AND purged = 3 AND purged_at IS NOT NULL",
	    "t");
	pg_assert_value("SELECT facts::text || (account_id IS NULL) FROM log.event WHERE kind = 'recovery.released'",
	    "{\"rows\": 3}true");
	pg_exec("cairn_subscriber", "SELECT vault.set_policy('delete', 86400, 'p')");
	pg_exec("postgres", "INSERT INTO vault.former_contact (account_id, hashes, replaced_at) SELECT '" ACCOUNT
	                    "', " HASHES("'a'") ", now() - interval '2 days'");
	pg_assert_value(REPORT("vault.former_contact"), "86400 true 1 0 0");
	gives(PURGE, "0");
	pg_assert_value("SELECT due || ' ' || purged FROM cairn.retention_report(0, NULL, NULL, NULL, 100) WHERE name = "
	                "'vault.former_contact'",
	    "0 1");
}

/* A limit is taken by a change and by nothing else, and what it refuses is not done. */
static void test_limit(void **state)
{
	(void) state;
#define LIMITED(hashes) \
	"SELECT outcome FROM vault.set_contacts('" ACCOUNT "', " THUMBPRINT ", " SEALED ", " hashes ", 'p', NULL, " \
	"'{\"uses\": [{\"name\": \"RecoveryContactChangesPerAccount\", \"key\": \"k\", \"count\": 1, \"period_s\": " \
	"36000, " \
	"\"burst\": 1, \"spend\": true}]}')"
	gives(LIMITED(HASHES("'a'")), "set");
	gives(LIMITED(HASHES("'a'")), "unchanged");
	assert_string_equal(pg_try("cairn_subscriber", LIMITED(HASHES("'b'")), NULL), "CA001");
	gives("SELECT vault.match_contact('" ACCOUNT "', sha256('a1'), 'c', 'p', NULL)", "t");
	gives(DELETE(ACCOUNT), "deleted");
}

static void remove_all(const char *dir)
{
	static const char *const names[] = { "pki/custodians/a/test.pem", "pki/custodians/b/test.pem",
		"custodian-keys/a.key", "custodian-keys/b.key", "pki/recovery/hash.key", "pki/custodians/a", "pki/custodians/b",
		"pki/custodians", "pki/recovery", "pki", "custodian-keys" };
	char path[128];
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void) snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(remove(path), 0);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void matches(struct ctx *c, struct id account, const char *contact, bool expected)
{
	const char *sql =
	    arena_printf(c->arena, "SELECT vault.match_contact('" ACCOUNT "', decode('%s', 'hex'), 'case', 'p', NULL)",
	        hex_encode(c->arena, vault_hash_contact(c->arena, account, contact)));
	gives(sql, expected ? "t" : "f");
}

/* The process itself, with custodians of its own: what it wrote it matches, in whatever form, and can't read. */
static void test_process(void **state)
{
	static char dir[] = "/tmp/cairn-test-vault-XXXXXX";
	bool made = false;
	struct ctx c;
	struct id account;
	struct recovery_status status;
	struct config config = { .recovery = { .ended_accounts = "delete", .account_contacts = "drop" },
		.policy = { .mode = "private" } };
	(void) state;
	ctx_init(&c);
	assert_int_equal(id_parse(bytes_of_text("AY8AAAAAcACAAAAAAAAAAQ"), &account), 0);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(init_custodians(&c, dir, &made), 0);
	assert_true(made);
	config.recovery.custodian_dir = arena_printf(c.arena, "%s/pki/custodians", dir);
	config.subscriber.recovery_key_file = arena_printf(c.arena, "%s/pki/recovery/hash.key", dir);
	db_statements(vault_statements, vault_n_statements);
	db_configure(pg_conninfo("cairn_subscriber"), 2, 10000);
	assert_int_equal(vault_open(&c, &config), 0);
	assert_int_equal(vault_start(&c, &config, "test"), 0);
	const char *contacts[] = { "mailto:Ana@Example.com", "tel:+49-30-1234567" };
	uint8_t thumbprint[32];
	sha256_of(bytes_of_text("1"), thumbprint);
	struct set_recovery_contacts_request request = { account, { thumbprint, 32 }, { contacts, 2 } };
	assert_int_equal(subscriber_set_recovery_contacts_serve(&c, &request, &status), 0);
	assert_true(status.changed_at.us > 0);
	matches(&c, account, "mailto:ana@example.com", true);
	matches(&c, account, "tel:+49301234567", true);
	matches(&c, account, "mailto:ben@example.com", false);
	pg_assert_value(
	    "SELECT octet_length(sealed) > 4096 AND cardinality(hashes) = 10 AND position('xample'::bytea IN sealed) = 0 "
	    "FROM vault.contact",
	    "t");
	request.contacts.n = 0;
	assert_int_equal(subscriber_set_recovery_contacts_serve(&c, &request, &status), 0);
	assert_int_equal(status.changed_at.us, 0);
	remove_all(dir);
	ctx_done(&c);
}

#define CASE(name) cmocka_unit_test_setup(name, empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_outcomes),
		CASE(test_key),
		CASE(test_roles),
		CASE(test_taken_for_a_case),
		CASE(test_ended_accounts),
		CASE(test_former_contacts),
		CASE(test_held_contacts),
		CASE(test_limit),
		CASE(test_process),
	};
	return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}

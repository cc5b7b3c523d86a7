/* link: subscriber cli */
/* Account recovery with a real PostgreSQL: who gets a token, what stops it, what the account is behind it (issue 5.6). Times are moved
 * in the rows, as nobody waits here. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/recovery.h"
#include "lib/crypto/digest.h"
#include "subscriber/box.h"
#include "subscriber/letter.h"
#include "subscriber/recovery.h"
#include "subscriber/vault.h"
#include "tests/unit/pg.h"

#define ACCOUNT "018f0000-0000-7000-8000-000000000001"
#define OTHER "018f0000-0000-7000-8000-000000000002"
#define CASE_ID "018f0000-0000-7000-8000-0000000000c1"
#define CASE_2 "018f0000-0000-7000-8000-0000000000c2"
#define SEALED "decode(repeat('00', 5000), 'hex')"
#define HASHES(of) "ARRAY(SELECT sha256((" of " || i)::bytea) FROM generate_series(1, 10) i)"
#define CLAIM(id, new_key) "SELECT vault.add_claim('" id "', " SEALED ", sha256('" new_key "'), NULL, 'p', NULL)"
#define BEGIN(id, account, contact, new_key) \
	"SELECT vault.begin_recovery('" id "', '" account "', sha256('" contact "'), '{\"k\":\"" new_key \
	"\"}', sha256('" new_key "'), sha256('s" new_key "'), sha256('t" new_key "'), 'address', 'token', 3600, 'p')"
#define CONFIRM(new_key) \
	"SELECT status FROM vault.confirm_recovery(sha256('" new_key "'), sha256('t" new_key "'), 3600, 'p', NULL)"
#define STATUS "SELECT string_agg(status, ',' ORDER BY id) FROM vault.recovery"
#define OVER \
	"UPDATE vault.recovery SET begun_at = now() - interval '2 hours', ends_at = now() - interval '1 hour' WHERE " \
	"status = 'waiting'"
#define FINISH "SELECT coalesce(vault.finish_recovery('p'), '(none)')"
#define REQUEST(id, account) \
	"INSERT INTO log.request (id, received_at, frontend, method, route, url, account_id, body_sha256, body_octets, " \
	"commitments) VALUES " \
	"('" id "', clock_timestamp(), 'f', 'POST', 'order', '/', " account ", sha256(''), 0, '')"

/* One account with contacts 'a1' to 'a10', another without any. */
static int empty(void **state)
{
	(void) state;
	pg_exec("postgres", "DELETE FROM vault.recovery; DELETE FROM vault.claim; DELETE FROM vault.decoy; DELETE FROM "
	                    "vault.padding; DELETE FROM vault.contact; DELETE FROM "
	                    "vault.former_contact; "
	                    "DELETE FROM acme.orders; DELETE FROM acme.authz; DELETE FROM acme.account; DELETE FROM "
	                    "acme.blocked_key; TRUNCATE ca.certificate, log.event; TRUNCATE "
	                    "log.request; UPDATE vault.policy SET ended_accounts = 'delete', former_s = 86400; "
	                    "INSERT INTO acme.account (id, status, key, thumbprint) VALUES ('" ACCOUNT
	                    "', 'valid', '{\"k\":\"1\"}', sha256('1')), "
	                    "('" OTHER "', 'valid', '{\"k\":\"2\"}', sha256('2'))");
	pg_exec("cairn_subscriber",
	    "SELECT vault.set_contacts('" ACCOUNT "', sha256('1'), " SEALED ", " HASHES("'a'") ", 'p', NULL, NULL)");
	pg_exec("postgres", "TRUNCATE log.event");
	return 0;
}

static void gives(const char *role, const char *sql, const char *expected)
{
	char *value = NULL;
	assert_string_equal(pg_try(role, sql, &value), "");
	assert_string_equal(value == NULL ? "(none)" : value, expected);
	free(value);
}

static void claimed(const char *claim, const char *begin, const char *expected)
{
	pg_exec("cairn_subscriber", claim);
	gives("cairn_subscriber", begin, expected);
}

static void waiting(void)
{
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "asked");
	gives("cairn_subscriber", CONFIRM("3"), "waiting");
}

/* Each end of the way, and that nothing but a match makes a mail. */
static void test_whole_way(void **state)
{
	(void) state;
	waiting();
	pg_exec("postgres",
	    "UPDATE vault.recovery SET begun_at = now() - interval '2 hours', ends_at = now() - interval '50 s'");
	gives("cairn_subscriber", FINISH, "(none)"); /* a minute more, for records that are under way */
	gives("cairn_subscriber", BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "gone"); /* looked at once */
	gives("cairn_subscriber", CONFIRM("3"), "waiting");                    /* the same again */
	gives("cairn_subscriber", FINISH, "(none)");
	pg_exec("postgres", OVER);
	gives("cairn_subscriber", FINISH, "done");
	gives("cairn_subscriber", FINISH, "(none)");
	pg_assert_value(
	    "SELECT key || (thumbprint = sha256('3')) FROM acme.account WHERE id = '" ACCOUNT "'", "{\"k\":\"3\"}true");
	pg_assert_value("SELECT string_agg(kind, ',' ORDER BY id) FROM vault.mail", "token,begun,done");
	pg_assert_value("SELECT address IS NULL FROM vault.recovery", "t");
	pg_assert_value("SELECT string_agg(kind, ' ' ORDER BY id) FROM log.event",
	    "recovery.claimed recovery.matched recovery.asked recovery.begun account.key_changed recovery.done");
	pg_assert_value(
	    "SELECT facts->'old_key'->>'k' || (facts->'key'->>'k') || (facts->>'thumbprint' = encode(sha256('3'), 'hex')) "
	    "FROM log.event WHERE kind = 'account.key_changed'",
	    "13true");
	gives("cairn_subscriber", CONFIRM("3"), "done");
}

#define NO_DECOYS "DELETE FROM vault.decoy; DELETE FROM vault.padding"

/* No account, no contact, another's contact, an ended account: nothing happens, and all are refused alike. */
static void test_no_match(void **state)
{
	(void) state;
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "b1", "3"), "unmatched");
	pg_exec("postgres", NO_DECOYS);
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, OTHER, "a1", "3"), "unmatched");
	pg_exec("postgres", NO_DECOYS);
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, CASE_2, "a1", "3"), "unmatched");
	pg_exec("postgres", NO_DECOYS);
	pg_exec("cairn_operator", "SELECT acme.revoke_account('" ACCOUNT "', 'why', 'ana')");
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "unmatched");
	pg_exec("postgres", NO_DECOYS);
	pg_assert_value("SELECT count(*) FROM vault.recovery", "0");
	pg_assert_value("SELECT count(*) FROM vault.mail", "0");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'recovery.matched' AND facts->>'matched' = 'false'",
	    "4"); /* G-13 */
}

/* Ten seconds and more go by. */
#define SOME_SECONDS_ON \
	pg_exec("postgres", \
	    "UPDATE vault.padding SET due_at = due_at - interval '11 s'; UPDATE vault.mail SET next_at = next_at - " \
	    "interval '11 s'; SELECT vault.lapse_recoveries('p')")
#define EVENTS(of) \
	"SELECT string_agg(kind || coalesce(':' || (facts->>'instead_of'), ''), ' ' ORDER BY id) FROM log.event WHERE " \
	"facts->>'case' = cairn.id_text('" of "')"
#define SEND "SELECT vault.mail_tried(id, 'sent', 'p') FROM vault.mail"

/* The log is as long behind a claim that fits as behind one that does not, at each moment: its size is public. */
static void test_padding(void **state)
{
	static const char *const ends[] = { "UPDATE vault.recovery SET token_until = now() - interval '1 s'; UPDATE "
		                                "vault.decoy SET token_until = now() - interval '1 s'",
		"UPDATE vault.recovery SET asked_at = now() - interval '1 minute'; UPDATE vault.decoy SET asked_at = now() - "
		"interval '1 minute'; " REQUEST("01900000-0000-7000-8000-000000000001", "'" ACCOUNT "'"),
		"SELECT acme.revoke_account('" ACCOUNT "', 'why', 'ana')" };
	static const char *const names[] = { "lapsed", "stopped", "stopped" };
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		char expected[200];
		empty(state);
		claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "asked");
		claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, ACCOUNT, "b1", "4"), "unmatched");
		pg_assert_value(EVENTS(CASE_ID), "recovery.claimed recovery.matched recovery.asked");
		pg_assert_value(EVENTS(CASE_2), "recovery.claimed recovery.matched recovery.refused");
		pg_exec("postgres", SEND);
		SOME_SECONDS_ON;
		pg_exec("postgres", ends[i]);
		pg_exec("postgres", "SELECT vault.lapse_recoveries('p')");
		(void) snprintf(expected, sizeof(expected),
		    "recovery.claimed recovery.matched recovery.asked recovery.told recovery.%s", names[i]);
		pg_assert_value(EVENTS(CASE_ID), expected);
		(void) snprintf(expected, sizeof(expected),
		    "recovery.claimed recovery.matched recovery.refused recovery.padding:told recovery.padding:%s", names[i]);
		pg_assert_value(EVENTS(CASE_2), expected);
		pg_exec("postgres", SEND);
		SOME_SECONDS_ON;
		pg_assert_value("SELECT count(*) FILTER (WHERE facts->>'case' = cairn.id_text('" CASE_ID
		                "')) = count(*) FILTER (WHERE "
		                "facts->>'case' = cairn.id_text('" CASE_2 "')) FROM log.event",
		    "t");
		pg_assert_value("SELECT count(*) FROM vault.mail, vault.padding, vault.decoy", "0");
	}
	empty(state); /* of an account that there is not, nothing is stopped; and another's key stops nothing */
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, CASE_2, "a1", "3"), "unmatched");
	claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, OTHER, "a1", "4"), "unmatched");
	pg_exec("postgres", "UPDATE vault.decoy SET asked_at = now() - interval '1 minute'");
	pg_exec("cairn_wfe", REQUEST("01900000-0000-7000-8000-000000000001", "'" ACCOUNT "'"));
	pg_assert_value("SELECT count(*) FROM vault.decoy", "2");
}

/* A token is good once, in its time, with the key that it was asked for with. */
static void test_token(void **state)
{
	(void) state;
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "asked");
	assert_string_equal(pg_try("cairn_subscriber", CONFIRM("4"), NULL), "CA001");
	assert_string_equal(
	    pg_try("cairn_subscriber",
	        "SELECT status FROM vault.confirm_recovery(sha256('4'), sha256('t3'), 3600, 'p', NULL)", NULL),
	    "CA001");
	pg_exec("postgres", "UPDATE vault.recovery SET token_until = now() - interval '1 s'");
	assert_string_equal(pg_try("cairn_subscriber", CONFIRM("3"), NULL), "CA001");
	gives("cairn_subscriber", "SELECT vault.lapse_recoveries('p')", "1");
	assert_string_equal(pg_try("cairn_subscriber", CONFIRM("3"), NULL), "CA001");
	pg_assert_value(STATUS, "lapsed");
	pg_assert_value("SELECT count(*) FROM vault.mail WHERE kind <> 'token'", "0");
	pg_exec("postgres", "UPDATE vault.recovery SET ended_at = now() - interval '31 days'");
	gives("cairn_subscriber", "SELECT vault.lapse_recoveries('p')", "0");
	pg_assert_value("SELECT count(*) FROM vault.recovery", "0");
}

/* Whatever the account's key signs, also while only a token is on its way; nobody else's request, and none of before. */
static void test_veto_by_key(void **state)
{
	(void) state;
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "asked");
	pg_exec("cairn_wfe", REQUEST("01900000-0000-7000-8000-000000000001", "NULL"));
	pg_exec("cairn_wfe", REQUEST("01900000-0000-7000-8000-000000000002", "'" OTHER "'"));
	pg_exec("postgres", "UPDATE vault.recovery SET asked_at = now() + interval '1 minute'");
	pg_exec("cairn_wfe", REQUEST("01900000-0000-7000-8000-000000000003", "'" ACCOUNT "'"));
	pg_assert_value(STATUS, "asked");
	pg_exec("postgres", "UPDATE vault.recovery SET asked_at = now() - interval '1 minute'");
	pg_exec("cairn_wfe", REQUEST("01900000-0000-7000-8000-000000000004", "'" ACCOUNT "'"));
	pg_assert_value(STATUS, "stopped");
	pg_assert_value(
	    "SELECT actor || ' ' || request_id || ' ' || (facts->>'was') FROM log.event WHERE kind = 'recovery.stopped'",
	    "account 01900000-0000-7000-8000-000000000004 asked");
	gives("cairn_subscriber", CONFIRM("3"), "stopped");
	claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, ACCOUNT, "a1", "4"), "asked");
	gives("cairn_subscriber", CONFIRM("4"), "waiting");
	pg_exec("cairn_wfe", REQUEST("01900000-0000-7000-8000-000000000005", "'" ACCOUNT "'"));
	pg_exec("postgres", OVER);
	gives("cairn_subscriber", FINISH, "(none)");
	pg_assert_value("SELECT thumbprint = sha256('1') FROM acme.account WHERE id = '" ACCOUNT "'", "t");
	gives("cairn_subscriber", "SELECT recovery FROM vault.contacts_status('" ACCOUNT "', sha256('1'))",
	    "stopped"); /* its holder learns of it */
}

/* By an operator, by the link, by the account's end; what has ended stays as it is. */
static void test_stopped(void **state)
{
	(void) state;
	waiting();
	gives("cairn_subscriber", "SELECT status FROM vault.stop_recovery('" CASE_ID "', false, 'w', 'contact', 'p', NULL)",
	    "waiting");
	gives("cairn_operator", "SELECT status FROM vault.stop_recovery('" CASE_ID "', true, 'w', 'ana', 'p', NULL)",
	    "stopped");
	pg_exec("postgres", OVER);
	gives("cairn_subscriber", FINISH, "(none)");
	claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, ACCOUNT, "a1", "4"), "asked");
	pg_exec("cairn_operator", "SELECT acme.revoke_account('" ACCOUNT "', 'why', 'ana')");
	pg_assert_value(STATUS, "stopped,stopped");
	gives("cairn_subscriber", "SELECT status FROM vault.stop_recovery('" CASE_2 "', true, 'w', 'contact', 'p', NULL)",
	    "stopped");
	pg_assert_value("SELECT string_agg(because, ',' ORDER BY id) FROM vault.recovery", "w,the account has ended");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'recovery.stopped'", "2");
	assert_string_equal(
	    pg_try("cairn_operator", "SELECT vault.stop_recovery('" OTHER "', true, 'w', 'ana', 'p', NULL)", NULL),
	    "CA001");
}

/* A certificate whose key has this digest; it need not be more than its row. */
#define CERTIFICATE_WITH(spki) \
	"INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, " \
	"profile, " \
	"serial, spki_sha256, names, validations, der, signed_at) SELECT cairn.new_id(), id, id, now(), now(), now(), 0, " \
	"'e1', " \
	"'classic', '\\x010203040506070809', sha256('" spki "'), '{}', '{}', 'der', now() FROM acme.account LIMIT 1"

/* The account or the new key is not what it was when the delay is over. */
static void test_too_late(void **state)
{
	static const char *const troubles[] = {
		"INSERT INTO acme.account (id, status, key, thumbprint) VALUES ('018f0000-0000-7000-8000-000000000003', "
		"'valid', '{}', sha256('3'))",
		"INSERT INTO acme.blocked_key (spki_sha256, reason) VALUES (sha256('s3'), 'keyCompromise')",
		"UPDATE acme.account SET thumbprint = sha256('9') WHERE id = '" ACCOUNT "'", CERTIFICATE_WITH("s3"), /* F-25 */
	};
	for (size_t i = 0; i < COUNT_OF(troubles); i++) {
		empty(state);
		waiting();
		pg_exec("postgres", troubles[i]);
		pg_exec("postgres", OVER);
		gives("cairn_subscriber", FINISH, "stopped");
		pg_assert_value("SELECT key FROM acme.account WHERE id = '" ACCOUNT "'", "{\"k\":\"1\"}");
		gives("cairn_subscriber", FINISH, "(none)");
	}
	empty(state);
	assert_string_equal(pg_try("cairn_subscriber", CLAIM(CASE_ID, "1"), NULL), "CA001"); /* a key with an account */
	pg_exec("postgres", "INSERT INTO acme.blocked_key (spki_sha256, reason) VALUES (sha256('s3'), 'keyCompromise')");
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "key");
	empty(state);
	pg_exec("postgres", CERTIFICATE_WITH("s3")); /* F-25 */
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "key");
}

/* What was proved and ordered with the old key is over, and nothing of another account. */
static void test_proofs_end(void **state)
{
	(void) state;
	pg_exec("postgres",
	    "INSERT INTO acme.authz (id, account_id, identifier_type, identifier_value, wildcard, challenge_types, tokens, "
	    "expires_at, tried, "
	    "lease_until) SELECT cairn.new_id(), a.id, 'dns', n, false, '{http-01}', '{t}', now() + interval '1 day', 1, "
	    "CASE n WHEN 'job.test' THEN now() END FROM acme.account a, unnest(ARRAY['job.test', 'ordered.test', "
	    "'free.test']) n; "
	    "INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, "
	    "expires_at) "
	    "SELECT cairn.new_id(), a.id, '{dns}', '{ordered.test}', ARRAY(SELECT z.id FROM acme.authz z WHERE "
	    "z.account_id = a.id AND "
	    "z.identifier_value = 'ordered.test'), 'default', now() + interval '1 day' FROM acme.account a");
	waiting();
	pg_exec("postgres", OVER);
	gives("cairn_subscriber", FINISH, "done");
	pg_assert_value(
	    "SELECT string_agg(identifier_value || ' ' || status, ',' ORDER BY identifier_value) FROM acme.authz_now WHERE "
	    "account_id = '" ACCOUNT "'",
	    "free.test pending,job.test deactivated,ordered.test deactivated");
	pg_assert_value("SELECT string_agg(status, ',' ORDER BY account_id) FROM acme.order_now", "invalid,pending");
	pg_assert_value("SELECT count(*) FROM acme.authz WHERE account_id = '" OTHER "' AND ended IS NOT NULL", "0");
	pg_assert_value(
	    "SELECT facts->>'orders' || (facts->>'authorizations') FROM log.event WHERE kind = 'recovery.done'", "12");
}

/* A former contact counts for a while and is known as one; of an account there is one recovery whose delay runs, and five tokens. */
static void test_former_and_many(void **state)
{
	(void) state;
	pg_exec("cairn_subscriber", "SELECT vault.set_contacts('" ACCOUNT "', sha256('1'), NULL, NULL, 'p', NULL, NULL)");
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "asked");
	pg_assert_value("SELECT former FROM vault.recovery", "t");
	pg_exec("postgres", "UPDATE vault.former_contact SET replaced_at = now() - interval '25 hours'");
	claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, ACCOUNT, "a1", "4"), "unmatched");
	empty(state);
	for (int i = 0; i < 6; i++) {
		char sql[900];
		(void) snprintf(sql, sizeof(sql),
		    "SELECT vault.add_claim('018f0000-0000-7000-8000-0000000000d%d', " SEALED
		    ", sha256('k%d'), NULL, 'p', NULL)",
		    i, i);
		pg_exec("cairn_subscriber", sql);
		(void) snprintf(sql, sizeof(sql),
		    "SELECT vault.begin_recovery('018f0000-0000-7000-8000-0000000000d%d', '" ACCOUNT "', sha256('a1'), '{}', "
		    "sha256('k%d'), sha256('s'), sha256('tk%d'), 'address', 'token', 3600, 'p')",
		    i, i, i);
		gives("cairn_subscriber", sql, i < 5 ? "asked" : "busy");
	}
	gives("cairn_subscriber", CONFIRM("k0"), "waiting");
	assert_string_equal(pg_try("cairn_subscriber", CONFIRM("k1"), NULL), "CA001");
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "busy");
}

#define GIVE(contact) \
	"SELECT vault.set_contacts('" ACCOUNT "', sha256('1'), " SEALED ", " HASHES("'" contact "'") ", 'p', NULL, NULL)"

/* What a thief of the key gave gives nobody the account again, once its owner has it back by what stood before. */
static void test_former_ends_what_came_behind(void **state)
{
	(void) state;
	pg_exec("cairn_subscriber", GIVE("owner"));
	pg_exec("postgres", "UPDATE vault.former_contact SET replaced_at = replaced_at - interval '2 h'");
	pg_exec("cairn_subscriber", GIVE("thief"));
	pg_exec("postgres", "UPDATE vault.former_contact SET replaced_at = replaced_at - interval '1 h'");
	pg_exec("cairn_subscriber", GIVE("accomplice"));
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "owner1", "3"), "asked");
	gives("cairn_subscriber", CONFIRM("3"), "waiting");
	pg_exec("postgres", OVER);
	gives("cairn_subscriber", FINISH, "done");
	pg_assert_value("SELECT count(*) FROM vault.contact", "0");
	pg_assert_value("SELECT facts->>'because' FROM log.event WHERE kind = 'recovery.deleted'",
	    "the account was recovered by a contact that stood before");
	claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, ACCOUNT, "thief1", "4"), "unmatched");
	pg_exec("postgres", NO_DECOYS);
	claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, ACCOUNT, "accomplice1", "4"), "unmatched");
	pg_exec("postgres", NO_DECOYS);
	claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, ACCOUNT, "owner1", "4"), "asked");
	empty(state); /* by one that stands, all stand */
	waiting();
	pg_exec("postgres", OVER);
	gives("cairn_subscriber", FINISH, "done");
	pg_assert_value("SELECT count(*) FROM vault.contact", "1");
}

/* Mails come less and less often, and not for ever. */
static void test_mails(void **state)
{
#define TRIED(outcome) "SELECT vault.mail_tried(id, '" outcome "', 'p') FROM vault.mail"
	(void) state;
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "asked");
	gives("cairn_subscriber", "SELECT kind FROM vault.next_mails(10)", "token");
	pg_exec("postgres", TRIED("failed"));
	gives("cairn_subscriber", "SELECT kind FROM vault.next_mails(10)", "(none)");
	pg_exec("postgres", "UPDATE vault.mail SET until = now()");
	pg_exec("postgres", TRIED("failed"));
	pg_assert_value("SELECT count(*) FROM vault.mail", "0");
	claimed(CLAIM(CASE_2, "4"), BEGIN(CASE_2, ACCOUNT, "a1", "4"), "asked");
	pg_exec("postgres", TRIED("sent"));
	gives("cairn_subscriber", "SELECT count(*) FROM vault.next_mails(10)", "0");
	pg_assert_value("SELECT count(*) FROM vault.mail WHERE address IS NULL AND token IS NULL", "1");
	pg_exec("postgres", TRIED("sent")); /* a second time by another instance */
	SOME_SECONDS_ON;
	pg_assert_value("SELECT count(*) FROM vault.mail", "0");
	pg_assert_value(
	    "SELECT string_agg(kind || (facts->>'tries'), ',' ORDER BY id) FROM log.event WHERE kind LIKE 'recovery.%told'",
	    "recovery.untold2,recovery.told1");
}

/* A mail goes out only as long as it is of use: no token behind the end of its recovery, and none long after it, when nobody could send. */
static void test_mails_end_with_their_use(void **state)
{
	(void) state;
	claimed(CLAIM(CASE_ID, "3"), BEGIN(CASE_ID, ACCOUNT, "a1", "3"), "asked");
	pg_exec("cairn_operator", "SELECT vault.stop_recovery('" CASE_ID "', true, 'a call', 'operator eve', 'p', NULL)");
	gives("cairn_subscriber", "SELECT string_agg(kind, ',') FROM vault.next_mails(10)", "stopped");
	pg_exec("cairn_subscriber", "SELECT vault.lapse_recoveries('p')"); /* the token may just be on its way */
	pg_assert_value("SELECT string_agg(kind, ',' ORDER BY id) FROM vault.mail", "token,stopped");
	pg_exec("postgres", "UPDATE vault.mail SET until = until - interval '3 minutes'");
	pg_exec("cairn_subscriber", "SELECT vault.lapse_recoveries('p')");
	pg_assert_value("SELECT string_agg(kind, ',' ORDER BY id) FROM vault.mail", "stopped");
	pg_exec("postgres", "UPDATE vault.mail SET until = now() - interval '1 s'"); /* three days without a server */
	gives("cairn_subscriber", "SELECT count(*) FROM vault.next_mails(10)", "0");
	pg_exec("postgres", "UPDATE vault.mail SET until = now() - interval '3 minutes'");
	pg_exec("cairn_subscriber", "SELECT vault.lapse_recoveries('p')");
	pg_assert_value("SELECT count(*) FROM vault.mail", "0");
	pg_assert_value(
	    "SELECT string_agg(kind || ' ' || (facts->>'mail'), ',' ORDER BY id) FROM log.event WHERE kind LIKE "
	    "'recovery.%told'",
	    "recovery.untold token,recovery.untold stopped");
}

/* G-10, G-12: no role reads or writes the tables. */
static void test_roles(void **state)
{
	static const char *const roles[] = { "cairn_wfe", "cairn_ra", "cairn_ca", "cairn_subscriber", "cairn_operator",
		"cairn_auditor", "cairn_officer" };
	static const char *const tables[] = { "claim", "recovery", "mail", "former_contact", "decoy", "padding" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		for (size_t k = 0; k < COUNT_OF(tables); k++) {
			char sql[80];
			(void) snprintf(sql, sizeof(sql), "SELECT FROM vault.%s", tables[k]);
			assert_string_equal(pg_try(roles[i], sql, NULL), "42501");
			(void) snprintf(sql, sizeof(sql), "DELETE FROM vault.%s", tables[k]);
			assert_string_equal(pg_try(roles[i], sql, NULL), "42501");
		}
		const char *begun = pg_try(roles[i], BEGIN(CASE_ID, ACCOUNT, "a1", "3"), NULL);
		assert_string_equal(begun, strcmp(roles[i], "cairn_subscriber") == 0 ? "" : "42501");
		assert_string_equal(
		    pg_try(roles[i], "SELECT vault.end_recovery('" CASE_ID "', 'done', '', '', '', NULL, '{}')", NULL),
		    "42501");
	}
}

static void test_statements(void **state)
{
	(void) state;
	pg_check_statements("cairn_subscriber", recovery_statements, recovery_n_statements);
	pg_check_statements("cairn_subscriber", recovery_job_statements, recovery_job_n_statements);
	pg_check_statements("cairn_subscriber", vault_statements, vault_n_statements);
	pg_check_statements("cairn_operator", recovery_case_statements, recovery_case_n_statements);
}

/* What is sealed opens for what it was sealed for, and its length tells nothing. */
static void test_box(void **state)
{
	static const uint8_t octets[32] = { 1 };
	static const uint8_t others[32] = { 2 };
	const struct bytes key = { octets, 32 };
	const char *text = NULL;
	struct ctx c;
	(void) state;
	ctx_init(&c);
	const struct id id = id_new();
	struct bytes sealed = box_seal(c.arena, key, "address", id, bytes_of_text("ana@example.com"), 256);
	struct bytes longer =
	    box_seal(c.arena, key, "address", id, bytes_of_text("ana.with.a.longer.name@example.com"), 256);
	assert_int_equal(sealed.n, longer.n);
	assert_int_equal(box_open(&c, key, "address", id, sealed, &text), 0);
	assert_int_equal(strlen(text), 256);
	assert_memory_equal(text, "ana@example.com ", 16);
	assert_int_equal(box_open(&c, key, "token", id, sealed, &text), -1);
	ctx_forgive(&c);
	assert_int_equal(box_open(&c, key, "address", id_new(), sealed, &text), -1);
	ctx_forgive(&c);
	assert_int_equal(box_open(&c, (struct bytes) { others, 32 }, "address", id, sealed, &text), -1);
	ctx_forgive(&c);
	assert_int_equal(box_open(&c, key, "address", id, (struct bytes) { sealed.p, sealed.n - 1 }, &text), -1);
	ctx_forgive(&c);
	assert_int_equal(box_open(&c, key, "address", id, (struct bytes) { sealed.p, 20 }, &text), -1);
	ctx_done(&c);
}

/* Each letter tells of the account; only the first has the token, and only what can be stopped has the link. */
static void test_letters(void **state)
{
	static const char *const kinds[] = { "token", "begun", "done", "stopped" };
	struct ctx c;
	(void) state;
	ctx_init(&c);
	recovery_rules = (struct recovery_rules) { .delay_s = 604800, .site = "https://ca.example" };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		const char *subject = NULL;
		const char *text = NULL;
		const struct letter letter = { .recovery_id = id_new(),
			.account_id = id_new(),
			.kind = kinds[i],
			.token = "the-token",
			.because = "the reason" };
		letter_write(c.arena, &letter, &subject, &text);
		assert_non_null(strstr(subject, "ACME account"));
		assert_non_null(strstr(text, "https://ca.example/acme/account/"));
		assert_int_equal(strstr(text, "the-token") != NULL, i == 0);
		assert_int_equal(strstr(text, "7 days") != NULL, i == 0);
		assert_int_equal(strstr(text, "https://ca.example/stop-recovery?ticket=") != NULL, i < 2);
		assert_int_equal(strstr(text, "the reason") != NULL, i == 3);
	}
	static const struct {
		int64_t delay_s;
		const char *text;
	} delays[] = { { 86400, "time of 1 day begins" }, { 3600, "time of 1 hour begins" },
		{ 129600, "time of 36 hours begins" }, { 90, "time of 90 seconds begins" } };
	for (size_t i = 0; i < COUNT_OF(delays); i++) {
		const char *subject = NULL;
		const char *text = NULL;
		const struct letter letter = { .kind = "token", .token = "the-token" };
		recovery_rules.delay_s = delays[i].delay_s;
		letter_write(c.arena, &letter, &subject, &text);
		assert_non_null(strstr(text, delays[i].text));
	}
	ctx_done(&c);
}

#define CASE(name) cmocka_unit_test_setup(name, empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_whole_way),
		CASE(test_no_match),
		CASE(test_padding),
		CASE(test_token),
		CASE(test_veto_by_key),
		CASE(test_stopped),
		CASE(test_too_late),
		CASE(test_proofs_end),
		CASE(test_former_and_many),
		CASE(test_former_ends_what_came_behind),
		CASE(test_mails),
		CASE(test_mails_end_with_their_use),
		CASE(test_roles),
		CASE(test_statements),
		cmocka_unit_test(test_box),
		cmocka_unit_test(test_letters),
	};
	return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}

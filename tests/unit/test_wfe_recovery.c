/* link: wfe */
/* Recovery contacts at the front end: what goes to the vault, what is told, what a failure of the vault leaves (A-58, G-5, G-7, G-22). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

#define RECOVERY "/acme/recovery-contacts"

static void offer(const char *account_contacts)
{
	t.config.recovery.custodian_dir = "/custodians";
	t.config.recovery.account_contacts = account_contacts;
}

static const char *alice_path(void)
{
	return t.alice.kid + strlen(BASE);
}

static void nothing_is_offered_without_custodians(void **state)
{
	(void) state;
	assert_int_equal(post_as(&t.alice, RECOVERY, "{\"contacts\":[\"mailto:a@b.test\"]}"), 404);
	assert_int_equal(post_as(&t.alice, alice_path(), "{\"contact\":[]}"), 200);
	assert_int_equal(t.recovery_calls, 0);
}

static void contacts_are_given_and_asked_for(void **state)
{
	(void) state;
	offer("drop");
	assert_int_equal(post_as(&t.alice, RECOVERY, ""), 200);
	assert_string_equal(t.body, "{\"recoveryContacts\":false}");
	assert_int_equal(post_as(&t.alice, RECOVERY, "{\"contacts\":[\"MAILTO:A@b.test\",\"tel:+49-30-123456\"]}"), 200);
	assert_string_equal(t.body, "{\"recoveryContacts\":true,\"changedAt\":\"2023-11-14T22:13:20Z\"}");
	assert_true(id_equal(t.recovery_account, t.alice.id));
	assert_int_equal(t.recovery_contacts.n, 2);
	assert_string_equal(t.recovery_contacts.v[0], "mailto:a@b.test");
	assert_string_equal(t.recovery_contacts.v[1], "tel:+4930123456");
	assert_int_equal(post_as(&t.alice, RECOVERY, ""), 200);
	assert_null(strstr(t.body, "b.test"));
	assert_int_equal(post_as(&t.alice, RECOVERY, "{\"contacts\":[]}"), 200);
	assert_int_equal(t.recovery_contacts.n, 0); /* G-22 */
}

static void refusals_reach_nobody(void **state)
{
	static const char *const payloads[] = { "{}", "{\"contacts\":\"mailto:a@b.test\"}", "{\"contacts\":[\"mailto:a\"]}",
		"{\"contacts\":[\"sms:+4930123456\"]}", "{\"contacts\":[\"mailto:a@b.test\",7]}", "[]" };
	(void) state;
	offer("drop");
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		assert_int_equal(post_as(&t.alice, RECOVERY, payloads[i]), 400);
		assert_null(strstr(t.body, "b.test"));
	}
	assert_int_equal(t.recovery_calls, 0);
}

static void contacts_of_accounts(void **state)
{
	(void) state;
	offer("drop");
	assert_int_equal(post_as(&t.alice, alice_path(), "{\"contact\":[\"mailto:a@b.test\"]}"), 200); /* G-7 */
	assert_int_equal(t.recovery_calls, 0);
	assert_int_equal(post_as(&t.alice, alice_path(), "{\"contact\":[]}"), 200); /* G-22 */
	assert_int_equal(t.recovery_calls, 1);
	assert_int_equal(post_as(&t.alice, alice_path(), "{}"), 200);
	assert_int_equal(t.recovery_calls, 1);
	offer("keep");
	assert_int_equal(post_as(&t.alice, alice_path(), "{\"contact\":[\"mailto:a@b.test\"]}"), 200); /* */
	assert_int_equal(t.recovery_calls, 2);
	assert_string_equal(t.recovery_contacts.v[0], "mailto:a@b.test");
	assert_null(strstr(t.body, "b.test"));
	assert_int_equal(
	    post_with_key(&t.bob, "/acme/new-account", "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:c@d.test\"]}"),
	    201);
	assert_int_equal(t.recovery_calls, 3);
	assert_true(id_equal(t.recovery_account, t.bob.id));
}

/* What the vault did not take is no success, and who made an account learns which it is. */
static void a_failure_is_told(void **state)
{
	(void) state;
	offer("keep");
	t.ra_problem = PROBLEM_RATE_LIMITED;
	assert_int_equal(post_as(&t.alice, RECOVERY, "{\"contacts\":[\"mailto:a@b.test\"]}"), 429);
	t.ra_problem = PROBLEM_UNAVAILABLE;
	assert_int_equal(post_as(&t.alice, alice_path(), "{\"contact\":[\"mailto:a@b.test\"]}"), 503);
	assert_null(strstr(t.body, "b.test"));
	t.ra_problem = PROBLEM_NONE;
	t.vault_problem = PROBLEM_UNAVAILABLE;
	assert_int_equal(
	    post_with_key(&t.bob, "/acme/new-account", "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:c@d.test\"]}"),
	    503);
	assert_non_null(answer_header("Location", t.bob.kid));
	assert_null(strstr(t.body, "d.test"));
}

#define RECOVER "/acme/recover-account"
#define CLAIM(of) "{\"account\":\"" BASE "/acme/account/AY8AAAAAcACAAAAAAAAAAQ\",\"contact\":\"" of "\"}"

static void accounts_are_claimed(void **state)
{
	(void) state;
	offer("drop");
	assert_int_equal(post_with_key(&t.bob, RECOVER, CLAIM("mailto:a@b.test")), 404);
	t.config.smtp.url = "smtp://mail.test:25";
	assert_int_equal(post_with_key(&t.bob, RECOVER, CLAIM("MAILTO:A@b.test")), 202);
	assert_string_equal(t.body, "{\"status\":\"claimed\",\"tokenLife\":86400,\"delay\":604800}");
	assert_string_equal(t.claim.contact, "mailto:a@b.test");
	assert_false(id_is_none(t.claim.account_id));
	t.ra_problem = PROBLEM_BAD_PUBLIC_KEY; /* as of every key that an account may not have */
	assert_int_equal(post_with_key(&t.bob, RECOVER, CLAIM("mailto:a@b.test")), 400);
	assert_string_equal(t.called, "check_key");
	t.ra_problem = PROBLEM_NONE;
	t.recovery_state = "waiting";
	assert_int_equal(post_with_key(&t.bob, RECOVER, "{\"token\":\"the-token\"}"), 200);
	assert_string_equal(t.confirm.token, "the-token");
	assert_non_null(strstr(t.body, "\"status\":\"waiting\",\"account\":\"https://"));
	assert_non_null(strstr(t.body, "\"endsAt\":\"2023-11-21T22:13:20Z\""));
}

static void bad_claims_reach_nobody(void **state)
{
	static const char *const payloads[] = { "{}", "{\"contact\":\"mailto:a@b.test\"}", CLAIM("mailto:a@b"),
		CLAIM("tel:+49301234567"), "{\"account\":\"https://elsewhere.test/a\",\"contact\":\"mailto:a@b.test\"}",
		"{\"certificate\":\"AAAA\",\"contact\":\"mailto:a@b.test\"}",
		"{\"token\":\"x\",\"contact\":\"mailto:a@b.test\"}",
		"{\"account\":\"x\",\"certificate\":\"AAAA\",\"contact\":\"mailto:a@b.test\"}" };
	(void) state;
	offer("drop");
	t.config.smtp.url = "smtp://mail.test:25";
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		assert_int_equal(post_with_key(&t.bob, RECOVER, payloads[i]), 400);
		assert_null(strstr(t.body, "b.test"));
	}
	assert_int_equal(post_as(&t.alice, RECOVER, CLAIM("mailto:a@b.test")), 400); /* an account's key is no new one */
	assert_null(t.claim.contact);
	assert_null(t.confirm.token);
}

/* To look changes nothing; the button does. */
static void a_person_stops_it(void **state)
{
	(void) state;
	(void) request("GET", "/stop-recovery?ticket=abc", "");
	assert_int_equal(t.status, 404);
	offer("drop");
	t.config.smtp.url = "smtp://mail.test:25";
	t.recovery_state = "waiting";
	(void) request("GET", "/stop-recovery?ticket=abc-_", "");
	assert_int_equal(t.status, 200);
	assert_false(t.stop.act);
	assert_string_equal(t.stop.ticket, "abc-_");
	assert_non_null(strstr(t.body, "<button"));
	assert_non_null(strstr(t.body, "ends at 2023-11-21T22:13:20Z"));
	assert_null(strstr(t.body, "<script"));
	t.recovery_state = "stopped";
	header_in("Content-Type", "application/x-www-form-urlencoded");
	(void) request("POST", "/stop-recovery", "ticket=abc-_");
	assert_true(t.stop.act);
	assert_non_null(strstr(t.body, "The account keeps its key"));
	assert_null(strstr(t.body, "<button"));
	t.stop.ticket = NULL;
	(void) request("GET", "/stop-recovery?ticket=a%22b", "");
	assert_null(t.stop.ticket);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_is_offered_without_custodians),
		CASE(contacts_are_given_and_asked_for),
		CASE(refusals_reach_nobody),
		CASE(contacts_of_accounts),
		CASE(a_failure_is_told),
		CASE(accounts_are_claimed),
		CASE(bad_claims_reach_nobody),
		CASE(a_person_stops_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* link: cli subscriber */
/* Whose consent a disclosure stands on, and what becomes of it when somebody objects (G-50, G-52, G-53). */
#include "tests/unit/disclosure_test.h"

/* By consent, only what is of those who consent: a scope over anybody else is no ground for silence (G-50, G-52). */
static void test_consent(void **state)
{
	static const char *const items[] = { "'view': 'request', 'columns': ['id'], 'networks': ['192.0.2.0/24']",
		"'view': 'order', 'columns': ['id'], 'names': ['a.test']",
		"'view': 'certificate', 'columns': ['serial'], 'serials': ['01']" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(items); i++) {
		new_case = id_new();
		step("receive", "received",
		    "{'kind': 'consent', 'from': 'x', 'reference': '1', 'scope': {'items': [{'view': 'account', 'columns': "
		    "['id'], 'accounts': ['%s']}, {%s}]}}",
		    account, items[i]);
		step("check", "checked", "{'how': 'by letter'}");
		step("ground", "Consent is of somebody", "{'ground': 'consent', 'reason': 'they say so'}");
		step("ground", "grounded", "{'ground': 'law', 'reason': 'an order'}");
		step("silence", "not the consent", "{'why': 'consent', 'reason': 'x'}");
		step("withdraw", "withdrawn", "{'reason': 'done'}");
	}
}

#define SCOPE_TWO "{'items': [{'view': 'account', 'columns': ['id'], 'accounts': ['%s', '%s']}]}"

/* A case about both accounts, as far as its ground. */
static void receive_two(void)
{
	new_case = id_new();
	step("receive", "received", "{'kind': 'consent', 'from': 'x', 'reference': '1', 'scope': " SCOPE_TWO "}", account,
	    other);
	step("check", "checked", "{'how': 'by letter'}");
}

static void tell_one(const char *whose, const char *expected)
{
	step("notify", "notifying", "{'account': '%s', 'via': 'mail', 'subject': 's', 'text': 't'}", whose);
	step("notified", expected, "{'account': '%s', 'answer': '250 ok'}", whose);
}

/* G-50: consent names those who gave it, all of them people whom the scope names; no other ground does. */
static void test_who_consents(void **state)
{
	char odd[ID_TEXT_SIZE];
	(void) state;
	receive("consent");
	step("check", "checked", "{'how': 'by letter'}");
	step("ground", "list each account", "{'ground': 'consent', 'reason': 'x'}");
	step("ground", "1 to 1000", "{'ground': 'consent', 'reason': 'x', 'accounts': []}");
	step("ground", "1 to 1000", "{'ground': 'consent', 'reason': 'x', 'accounts': [null]}");
	step("ground", "1 to 1000", "{'ground': 'consent', 'reason': 'x', 'accounts': '%s'}", account);
	step("ground", "1 to 1000", "{'ground': 'consent', 'reason': 'x', 'accounts': {'%s': true}}", account);
	step("ground", "1 to 1000", "{'ground': 'consent', 'reason': 'x', 'accounts': null}");
	step("ground", "names no account \"x\"", "{'ground': 'consent', 'reason': 'x', 'accounts': ['x']}");
	step(
	    "ground", "names no account", "{'ground': 'consent', 'reason': 'x', 'accounts': ['%s', '%s']}", account, other);
	/* the same octets otherwise written: two ends of a URL would be one account */
	memcpy(odd, account, sizeof(odd));
	odd[ID_TEXT_SIZE - 2]++;
	step("ground", "names no account", "{'ground': 'consent', 'reason': 'x', 'accounts': ['%s']}", odd);
	step("ground", "only on that ground", "{'ground': 'law', 'reason': 'x', 'accounts': ['%s']}", account);
	step("ground", "grounded", "{'ground': 'consent', 'reason': 'their letter', 'accounts': ['%s', '%s']}", account,
	    account);
	pg_assert_value(
	    "SELECT array_to_string(consenting, ' ') FROM audit.disclosure ORDER BY received_at DESC LIMIT 1", account);
	step("silence", "silent", "{'why': 'consent', 'reason': 'theirs'}");
	step("withdraw", "withdrawn", "{'reason': 'done'}");
}

/* G-50, G-52: what of two people only one consents to is not handed out of the other, who is told as everybody is. */
static void test_consent_of_some(void **state)
{
	(void) state;
	receive_two();
	step("ground", "grounded", "{'ground': 'consent', 'reason': 'his letter', 'accounts': ['%s']}", account);
	step("silence", other, "{'why': 'consent', 'reason': 'theirs'}");
	step("silence", "Not everybody whose data it is consents", "{'why': 'consent', 'reason': 'theirs'}");
	step("notice", "notice_due", "{'window_s': 1209600}");
	step("silence", "Not everybody whose data it is consents", "{'why': 'consent', 'reason': 'theirs'}");
	tell_one(account, "notice_due");
	tell_one(other, "notified");
	let_pass("14 days 1 minute");
	step("propose", other, "{}");
	step("narrow", "heard", "{'scope': " SCOPE_TWO ", 'reason': 'nothing less'}", other, account);
	step("propose", "Not everybody whose data it is consents", "{}");
	step("narrow", "heard",
	    "{'scope': {'items': [{'view': 'account', 'columns': ['id'], 'accounts': ['%s']}]}, "
	    "'reason': 'his alone'}",
	    account);
	step("propose", "proposed", "{}");
	step("withdraw", "withdrawn", "{'reason': 'done'}");
	/* nor by another reason for silence */
	receive_two();
	step("ground", "grounded", "{'ground': 'consent', 'reason': 'his letter', 'accounts': ['%s']}", account);
	char until[RFC3339_SIZE];
	timestamp_encode(timestamp_add_s(clock_now(), 86400), false, until);
	step("silence", "silent", "{'why': 'futile', 'reason': 'no address', 'until': '%s'}", until);
	step("propose", "Not everybody whose data it is consents", "{}");
	step("withdraw", "withdrawn", "{'reason': 'done'}");
}

/* G-50, G-53: who objects consents no more, however far the case is, and no decision of the CA stands for it. */
static void test_consent_ends(void **state)
{
	(void) state;
	receive_two();
	step("ground", "grounded", "{'ground': 'consent', 'reason': 'both wrote', 'accounts': ['%s', '%s']}", account,
	    other);
	step("silence", "silent", "{'why': 'consent', 'reason': 'theirs'}");
	step("propose", "proposed", "{}");
	approve(&ana, "approve", "approved_once");
	approve(&ben, "approve", "approved");
	step("object", "which account objects", "{'by': 'subscriber', 'text': 'no'}");
	step("object", "no data of this account", "{'by': 'subscriber', 'text': 'no', 'account': 'x'}");
	step("object", "no data of this account", "{'by': 'subscriber', 'text': 'no', 'account': '%s'}",
	    "AAAAAAAAAAAAAAAAAAAAAA");
	step("object", "of no account", "{'by': 'ca', 'text': 'no', 'account': '%s'}", other);
	step("object", "objected", "{'by': 'ca', 'text': 'is it their hand?'}");
	step("overrule", "heard", "{'reason': 'it is'}");
	step("propose", "proposed", "{}");
	step("object", "objected", "{'by': 'subscriber', 'text': 'I take it back', 'account': '%s'}", other);
	step("overrule", "heard", "{'reason': 'we have his letter'}");
	step("propose", other, "{}");
	step("silence", "Not everybody whose data it is consents", "{'why': 'consent', 'reason': 'we have his letter'}");
	pg_assert_value(
	    "SELECT array_to_string(consenting, ' ') FROM audit.disclosure ORDER BY received_at DESC LIMIT 1", account);
	step("narrow", "heard",
	    "{'scope': {'items': [{'view': 'account', 'columns': ['id'], 'accounts': ['%s']}]}, "
	    "'reason': 'without him'}",
	    account);
	step("propose", "proposed", "{}");
	step("withdraw", "withdrawn", "{'reason': 'done'}");
}

/* A case whose consent lists nobody, by whatever means it came so far, is proposed, approved and released no further. */
static void test_consent_of_nobody(void **state)
{
	static const char *const stops[] = { "silent", "proposed", "approved" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(stops); i++) {
		char id[ID_TEXT_SIZE];
		ground("consent", "consent");
		id_encode(new_case, id);
		step("silence", "silent", "{'why': 'consent', 'reason': 'theirs'}");
		if (i > 0) {
			step("propose", "proposed", "{}");
		}
		if (i > 1) {
			approve(&ana, "approve", "approved_once");
			approve(&ben, "approve", "approved");
		}
		pg_exec("postgres", arena_printf(c.arena,
		                        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE disclosure.step SET facts "
		                        "= facts - 'accounts' WHERE act = 'ground' AND case_id = cairn.id_of('%s'); COMMIT",
		                        id));
		if (i == 1) {
			approve(&ana, "approve", "Not everybody whose data it is consents");
		} else {
			step(i == 0 ? "propose" : "release", "Not everybody whose data it is consents", "{}");
		}
	}
}

/* G-57: by consent and without notice it was disclosed, and nobody was told; rows of no account are not handed out (G-54). */
static void test_consent_counts(void **state)
{
	struct disclose_count_list found;
	struct text_list lines;
	(void) state;
	pg_exec("cairn_wfe", "INSERT INTO log.request (id, received_at, frontend, method, route, url, body_sha256, "
	                     "body_octets, commitments) "
	                     "VALUES (cairn.new_id(), now(), 'f', 'GET', 'directory', '/x', sha256(''), 0, '')");
	for (size_t i = 0; i < 4; i++) {
		char id[ID_TEXT_SIZE];
		ground("consent", "consent");
		id_encode(new_case, id);
		if (i < 2) {
			step("silence", "silent", "{'why': 'consent', 'reason': 'theirs'}");
			step("propose", "proposed", "{}");
			approve(&ana, "approve", "approved_once");
			approve(&ben, "approve", "approved");
			step("release", "releasing", "{}");
			assert_int_equal(disclose_read_lines(&c, new_case, 2, 0, 10, &lines), 0);
			assert_int_equal(lines.n, 3);
			step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
			step("close", "closed", "{'reason': 'done'}");
		} else {
			step("notice", "notice_due", "{'window_s': 1209600}");
			tell();
			step("withdraw", "withdrawn", "{'reason': 'done'}");
		}
		pg_exec("postgres", arena_printf(c.arena,
		                        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE disclosure.step SET at = "
		                        "'2020-06-01' WHERE n = 0 AND case_id = cairn.id_of('%s'); COMMIT",
		                        id));
	}
	assert_int_equal(disclose_read_report(&c, 2020, 2, &found), 0);
	assert_string_equal(found.v[3].kind, "consent");
	assert_int_equal(found.v[3].received, 4);
	assert_int_equal(found.v[3].disclosed, 2);
	assert_int_equal(found.v[3].withdrawn, 2);
	assert_int_equal(found.v[3].told, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_consent),
		cmocka_unit_test(test_who_consents),
		cmocka_unit_test(test_consent_of_some),
		cmocka_unit_test(test_consent_ends),
		cmocka_unit_test(test_consent_of_nobody),
		cmocka_unit_test(test_consent_counts),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

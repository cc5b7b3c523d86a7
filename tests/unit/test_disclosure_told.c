/* link: cli subscriber */
/* Who is told of a disclosure and how long he may object, and which recovery contacts are handed out (G-52, G-54, G-56). */
#include "tests/unit/disclosure_test.h"

/* Who takes it: rows of vault.contact and what a hold keeps of them, by what is in the one octet of each. */
static void taken(const char *expected)
{
	struct bytes sealed;
	struct id whose;
	assert_int_equal(id_parse(bytes_of_text(account), &whose), 0);
	assert_int_equal(disclose_take(&c, new_case, whose, &sealed), 0);
	if (expected == NULL) {
		assert_null(sealed.p);
	} else {
		assert_memory_equal(sealed.p, expected, 1);
	}
}

/* G-54, G-56: contacts that were given behind the request are not handed out, those of before are while a hold keeps them; who has to be
 * told is written to by those that there are. */
static void test_contacts(void **state)
{
#define CONTACT(letter) \
	"INSERT INTO vault.contact (account_id, sealed, hashes) VALUES ('" ACCOUNT "', decode(repeat('" letter \
	"', 5000), 'hex'), " \
	"ARRAY(SELECT sha256((i || '" letter "')::bytea) FROM generate_series(1, 10) i))"
	static const char *const moves[] = {
		"INSERT INTO vault.held_contact (account_id, sealed, changed_at) SELECT account_id, sealed, changed_at FROM "
		"vault.contact; DELETE FROM "
		"vault.contact",
		CONTACT("42"),
	};
	(void) state;
	for (size_t held = 0; held < 2; held++) {
		pg_exec("postgres", "DELETE FROM vault.held_contact");
		pg_exec("postgres", CONTACT("41"));
		new_case = id_new();
		step("receive", "received",
		    "{'kind': 'subpoena', 'from': 'Court', 'reference': '1', 'scope': {'items': [{'view': 'recovery', "
		    "'columns': ['contacts'], "
		    "'accounts': ['%s']}]}}",
		    account);
		step("check", "checked", "{'how': 'x'}");
		step("ground", "grounded", "{'ground': 'law', 'reason': 'x'}");
		step("notice", "notice_due", "{'window_s': 1209600}");
		pg_exec("postgres", held == 1 ? moves[0] : "DELETE FROM vault.contact");
		pg_exec("postgres", moves[1]);
		taken("B");
		tell();
		let_pass("14 days 1 minute");
		step("propose", "proposed", "{}");
		approve(&ana, "approve", "approved_once");
		approve(&ben, "approve", "approved");
		step("release", "releasing", "{}");
		struct text_list lines;
		assert_int_equal(disclose_read_lines(&c, new_case, 1, 0, 10, &lines), 0);
		assert_int_equal(lines.n, held);
		taken(held == 1 ? "A" : NULL);
		step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
		step("close", "closed", "{'reason': 'done'}");
		pg_exec("postgres", "DELETE FROM vault.contact; DELETE FROM vault.held_contact");
	}
}

/* G-52: a decision on notice for one does not shorten the time that another was told. */
static void test_time_that_was_told(void **state)
{
	(void) state;
	new_case = id_new();
	step("receive", "received",
	    "{'kind': 'subpoena', 'from': 'Court', 'reference': '1', 'scope': {'items': [{'view': 'account', 'columns': "
	    "['id'], "
	    "'accounts': ['%s', '%s']}]}}",
	    account, other);
	step("check", "checked", "{'how': 'x'}");
	step("ground", "grounded", "{'ground': 'law', 'reason': 'x'}");
	step("notice", "notice_due", "{'window_s': 1209600}");
	step("notify", "notifying", "{'account': '%s', 'via': 'mail', 'subject': 's', 'text': 't'}", account);
	step("notified", "notice_due", "{'account': '%s', 'answer': '250 ok'}", account);
	struct timestamp until = timestamp_add_s(clock_now(), 86400);
	char text[RFC3339_SIZE];
	timestamp_encode(until, false, text);
	step("silence", "silent", "{'why': 'futile', 'reason': 'for now', 'until': '%s'}", text);
	step("notice", "notice_due", "{'window_s': 1, 'reason': 'the term of the order'}");
	step("notify", "notifying", "{'account': '%s', 'via': 'mail', 'subject': 's', 'text': 't'}", other);
	step("notified", "notified", "{'account': '%s', 'answer': '250 ok'}", other);
	step("propose", "There is time to object until", "{}");
	let_pass("14 days 1 minute");
	step("propose", "proposed", "{}");
}

/* G-52, G-56: only an order, an emergency and consent make the time to object shorter; a hold of a case has an end within 90 days. */
static void test_times_have_bounds(void **state)
{
	(void) state;
	ground("other", "law");
	step("notice", "is for orders", "{'window_s': 1209599, 'reason': 'they are in a hurry'}");
	hold(91, "90 days at most");
	hold(90, "grounded");
	hold(90, "grounded"); /* again */
	step("notice", "notice_due", "{'window_s': 1209600}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contacts),
		cmocka_unit_test(test_time_that_was_told),
		cmocka_unit_test(test_times_have_bounds),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

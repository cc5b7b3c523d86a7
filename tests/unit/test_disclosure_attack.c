/* link: cli subscriber */
/* What a dishonest officer or operator tries with a case, and what it comes to (G-51 to G-54). */
#include "tests/unit/disclosure_test.h"

#define SCOPE_NETWORK "{'items': [{'view': 'request', 'columns': ['remote_address'], 'networks': ['192.0.2.0/24']}]}"

/* As far as the approval of two, in silence, over all who used a network. */
static void approve_silently(void)
{
	char until[RFC3339_SIZE];
	timestamp_encode(timestamp_add_s(clock_now(), INT64_C(30) * 86400), false, until);
	new_case = id_new();
	step("receive", "received",
	    "{'kind': 'court-order', 'from': 'Court', 'reference': '1', 'scope': " SCOPE_NETWORK "}");
	step("check", "checked", "{'how': 'x'}");
	step("ground", "grounded", "{'ground': 'law', 'reason': 'x'}");
	step("silence", "silent", "{'why': 'forbidden', 'reason': 'by the order', 'until': '%s'}", until);
	step("propose", "proposed", "{}");
	approve(&ana, "approve", "approved_once");
	approve(&ben, "approve", "approved");
}

/* G-52: whose data went out is told, though by then the records have nothing more that would tell who it is. */
static void test_told_when_nothing_is_left(void **state)
{
	(void) state;
	approve_silently();
	step("release", "releasing", "{}");
	step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
	pg_exec("postgres", "DELETE FROM log.request_private");
	step("close", "Notice is still to be given", "{'reason': 'nobody is found'}");
	pg_assert_value("SELECT duty FROM audit.disclosure_duty", "notice");
	step("notify", "released", "{'account': '%s', 'via': 'other', 'subject': 's', 'text': 't'}", account);
	step("notified", "released", "{'account': '%s', 'answer': 'by letter'}", account);
	step("close", "Notice is still to be given", "{'reason': 'one of two'}");
	step("notify", "released", "{'account': '%s', 'via': 'other', 'subject': 's', 'text': 't'}", other);
	step("notified", "released", "{'account': '%s', 'answer': 'by letter'}", other);
	step("close", "closed", "{'reason': 'done'}");
}

/* G-51: what has to be said is said in words, and a time is one. */
static void test_odd_facts(void **state)
{
	(void) state;
	receive("other");
	step("check", "has to say: how", "{'how': ' \\t\\n'}");
	step("check", "has to say: how", "{'how': '\\u00a0\\u3000\\u200b'}");
	step("check", "is a text or", "{'how': {}}");
	step("check", "is a text or", "{'how': true}");
	step("check", "is a text or", "{'how': ['called']}");
	step("check", "A scope is an object", "{'how': 'x', 'scope': 'all'}");
	step("check", "checked", "{'how': 'x'}");
	step("hold", "that is none", "{'until': '2027-02-30T00:00:00Z'}");
	step("hold", "that is none", "{'until': '0000-01-01T00:00:00Z'}");
	step("hold", "that is none", "{'until': '\\u0662027-01-01T00:00:00Z'}");
	step("ground", "grounded", "{'ground': 'law', 'reason': 'x'}");
	step("notice", "notice_due", "{'window_s': 1209600}");
	step("notify", "Nobody of this account", "{'account': 'x', 'via': 'mail', 'subject': 's', 'text': 't'}");
	step("notify", "is a text or", "{'account': ['%s'], 'via': 'mail', 'subject': 's', 'text': 't'}", account);
	tell();
	step("narrow", "A scope is an object", "{'scope': {}, 'reason': 'x'}");
	step("narrow", "A scope is an object", "{'scope': {'items': {'view': 'account'}}, 'reason': 'x'}");
	step("narrow", "nothing else", "{'scope': {'items': ['account']}, 'reason': 'x'}");
	step("narrow", "that is none",
	    "{'scope': {'items': [{'view': 'request', 'columns': ['account_id'], 'accounts': ['%s'], 'since': "
	    "'-infinity'}]}, 'reason': 'x'}",
	    account);
	step("withdraw", "withdrawn", "{'reason': 'done'}");
}

/* G-51: one person under two names that are read as one. */
static void test_names(void **state)
{
	static const char *const names[] = { "\xc3\x84nne", "a\xcc\x88nne", "\xc3\x84N\xc2\xa0NE ",
		"\xef\xbc\xa1\xcc\x88nne", "\xe2\x80\x8b\xc3\x84nne" };
	struct officer made[COUNT_OF(names)];
	(void) state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		make_officer(&made[i], arena_printf(c.arena, "n%zu", i));
		add_officer(&made[i], names[i]);
	}
	approve_silently();
	step("narrow", "heard", "{'scope': " SCOPE_NETWORK ", 'reason': 'anew'}");
	step("propose", "proposed", "{}");
	approve(&made[0], "approve", "approved_once");
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		approve(&made[i], "approve", "another one has to");
	}
	approve(&ana, "approve", "approved");
	become("cairn_operator", disclose_operator_statements, disclose_operator_statements_n);
	assert_int_equal(disclose_add_officer(&c, "\xe2\x80\x8b \xc2\xa0", late.cert.der, late.cert.modulus), -1);
	assert_non_null(strstr(c.err.detail, "name"));
	ctx_forgive(&c);
	become("cairn_officer", disclose_statements, disclose_statements_n);
}

/* Ends with the first of the statements, each with the case for its %s, that is refused; gives its SQLSTATE and message. */
static const char *in_session(const char *const *sql, size_t n)
{
	char id[ID_TEXT_SIZE];
	const char *said = "";
	id_encode(new_case, id);
	PGconn *conn = pg_connect("cairn_officer", "cairn");
	for (size_t i = 0; i < n && said[0] == '\0'; i++) {
		const char *at = strstr(sql[i], "%s");
		const char *one =
		    at == NULL ? sql[i] : arena_printf(c.arena, "%.*s%s%s", (int) (at - sql[i]), sql[i], id, at + 2);
		PGresult *result = PQexec(conn, one);
		if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
			said = arena_printf(c.arena, "%s %s", PQresultErrorField(result, PG_DIAG_SQLSTATE),
			    PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
		}
		PQclear(result);
	}
	PQfinish(conn);
	return said;
}

#define RELEASE "SELECT disclosure.add_step(cairn.id_of('%s'), 'release', '{}', 'officer x', false)"
#define READ "SELECT disclosure.read(cairn.id_of('%s'), 1, 0, 10)"

/* G-51: nothing is read of a release that is not on record, and could be taken back when it was. */
static void test_unrecorded(void **state)
{
	static const char *const taken_back[] = { "BEGIN", RELEASE, READ };
	static const char *const saved[] = { "BEGIN", "SAVEPOINT s", RELEASE, "RELEASE SAVEPOINT s", READ };
	static const char *const whole[] = { "BEGIN", RELEASE, "COMMIT", "BEGIN", READ, READ, "ROLLBACK", READ };
	(void) state;
	approve_silently();
	assert_non_null(strstr(in_session(taken_back, COUNT_OF(taken_back)), "on record"));
	assert_non_null(strstr(in_session(saved, COUNT_OF(saved)), "on record"));
	hold(90, "approved");
	assert_string_equal(in_session(whole, COUNT_OF(whole)), "");
	step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
}

#define TAKE "SELECT disclosure.take(cairn.id_of('%s'), '" ACCOUNT "', 'officer x')"
#define TAKEN "SELECT disclosure.taken(cairn.id_of('%s'), '" ACCOUNT "')"

/* G-13, G-51: nor are recovery contacts; they are what the last step took. */
static void test_untaken(void **state)
{
	static const char *const taken_back[] = { "BEGIN", TAKE, TAKEN };
	static const char *const not_taken[] = { TAKEN };
	static const char *const whole[] = { TAKE, TAKEN };
	(void) state;
	ground("subpoena", "law");
	step("notice", "notice_due", "{'window_s': 1209600}");
	assert_non_null(strstr(in_session(taken_back, COUNT_OF(taken_back)), "on record"));
	assert_non_null(strstr(in_session(not_taken, COUNT_OF(not_taken)), "take them again"));
	assert_string_equal(in_session(whole, COUNT_OF(whole)), "");
	let_pass("11 minutes");
	assert_non_null(strstr(in_session(not_taken, COUNT_OF(not_taken)), "take them again"));
	step("withdraw", "withdrawn", "{'reason': 'done'}");
}

/* G-51: a session that looks at the past does not see who is an officer no more. */
static void test_past(void **state)
{
	static const char *const old[] = { "BEGIN ISOLATION LEVEL REPEATABLE READ", RELEASE };
	static const char *const older[] = { "BEGIN ISOLATION LEVEL SERIALIZABLE", RELEASE };
	(void) state;
	approve_silently();
	assert_non_null(strstr(in_session(old, COUNT_OF(old)), "as it is now"));
	assert_non_null(strstr(in_session(older, COUNT_OF(older)), "as it is now"));
	step("release", "releasing", "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_when_nothing_is_left),
		cmocka_unit_test(test_odd_facts),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unrecorded),
		cmocka_unit_test(test_untaken),
		cmocka_unit_test(test_past),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

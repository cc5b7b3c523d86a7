/* link: cli subscriber */
/* Cases of disclosure: no state is skipped by any role, nothing leaves but what two officers signed, and scopes say no more than they
 * may (G-50 to G-57). */
#include "tests/unit/disclosure_test.h"

static void test_statements(void **state)
{
	(void) state;
	pg_check_statements("cairn_officer", disclose_statements, disclose_statements_n);
	static const struct statement *const alarm[] = { &subscriber_overdue_statement };
	pg_check_statements("cairn_subscriber", alarm, 1);
	pg_check_statements("cairn_operator", disclose_operator_statements, disclose_operator_statements_n);
}

/* What each state allows; all else is refused (G-51). */
static const struct {
	const char *state;
	const char *acts;
} allowed[] = {
	{ "received", " check refuse withdraw hold " },
	{ "checked", " ground refuse withdraw hold " },
	{ "grounded", " notice silence refuse withdraw hold " },
	{ "notice_due", " silence notify object refuse withdraw hold take " },
	{ "notifying", " silence notify notified object refuse withdraw hold take " },
	{ "notified", " object narrow propose refuse withdraw hold " },
	{ "silent", " notice silence object narrow propose refuse withdraw hold " },
	{ "objected", " overrule narrow refuse withdraw hold " },
	{ "heard", " notice silence object narrow propose refuse withdraw hold " },
	{ "proposed", " object narrow approve approve-alone refuse withdraw hold " },
	{ "approved_once", " object narrow approve refuse withdraw hold " },
	{ "approved", " object narrow release refuse withdraw hold " },
	{ "releasing", " release released abandon take " },
	{ "released", " silence notify notified review close hold take " },
	{ "closed", " " },
	{ "refused", " " },
	{ "withdrawn", " " },
};
static unsigned seen_states;

/* In the state that the case is in, each step that is not of it is refused as such. */
static void check_state(const char *expected)
{
	static const char *const acts[] = { "receive", "check", "ground", "notice", "silence", "notify", "notified",
		"object", "overrule", "narrow", "propose", "approve", "approve-alone", "release", "released", "review", "close",
		"refuse", "withdraw", "hold", "take", "abandon" };
	static const char facts[] = "{'receive': {'kind': 'other', 'from': 'x', 'reference': 'x', 'scope': {}}, 'check': "
	                            "{'how': 'x'}, 'ground': {'ground': 'law', 'reason': 'x'}, "
	                            "'notice': {'window_s': 1, 'reason': 'x'}, 'silence': {'why': 'futile', 'reason': "
	                            "'x'}, 'notify': {'account': 'AAAAAAAAAAAAAAAAAAAAAA', "
	                            "'via': 'other', 'subject': 'x', 'text': 'x'}, 'notified': {'account': "
	                            "'AAAAAAAAAAAAAAAAAAAAAA', 'answer': 'x'}, 'object': {'by': 'ca', 'text': 'x'}, "
	                            "'overrule': {'reason': 'x'}, 'narrow': {'scope': {}, 'reason': 'x'}, 'propose': {}, "
	                            "'approve': {'officer': '00', 'signature': '00', 'cms': 'AA=='}, "
	                            "'approve-alone': {'officer': '00', 'signature': '00', 'cms': 'AA=='}, 'release': {}, "
	                            "'released': {'manifest_sha256': 'x', 'files': 'x'}, "
	                            "'review': {'officer': '00', 'signature': '00', 'cms': 'AA==', 'outcome': 'justified', "
	                            "'reason': 'x'}, 'close': {'reason': 'x'}, 'refuse': "
	                            "{'reason': 'x'}, 'withdraw': {'reason': 'x'}, 'hold': {'until': "
	                            "'2100-01-01T00:00:00Z'}, 'take': {'account': 'AAAAAAAAAAAAAAAAAAAAAA'}, "
	                            "'abandon': {'reason': 'x'}}";
	char text[sizeof(facts)];
	json_t *all = NULL;
	size_t i = 0;
	for (size_t k = 0; k < sizeof(facts); k++) {
		text[k] = facts[k] == '\'' ? '"' : facts[k];
	}
	assert_int_equal(json_parse(&c, bytes_of_text(text), &all), 0);
	while (strcmp(allowed[i].state, expected) != 0) {
		i++;
	}
	seen_states |= 1U << i;
	for (size_t k = 0; k < COUNT_OF(acts); k++) {
		const char *got = try_json(new_case, acts[k], true, json_object_get(all, acts[k]));
		bool is_refused = strstr(got, arena_printf(c.arena, "The case is \"%s\", in which there is no \"%s\"", expected,
		                                  acts[k])) != NULL;
		bool may = strstr(allowed[i].acts, arena_printf(c.arena, " %s ", acts[k])) != NULL;
		if (is_refused == may) {
			fail_msg("%s in %s: %s", acts[k], expected, got);
		}
	}
}

/* G-51, G-52, G-53: the whole way, and every other step at each stop of it. */
static void test_walk(void **state)
{
	(void) state;
	receive("subpoena");
	check_state("received");
	step("check", "checked", "{'how': 'called back'}");
	check_state("checked");
	step("ground", "grounded", "{'ground': 'law', 'reason': 'subpoena'}");
	check_state("grounded");
	step("notice", "Less than 14 days", "{'window_s': 86400}");
	step("notice", "one at least", "{'window_s': 0, 'reason': 'x'}");
	step("notice", "one at least", "{'window_s': -1209600, 'reason': 'x'}");
	step("notice", "notice_due", "{'window_s': 1209600}");
	check_state("notice_due");
	step("notify", "Nobody of this account", "{'account': '%s', 'via': 'mail', 'subject': 's', 'text': 't'}", other);
	step("notify", "notifying", "{'account': '%s', 'via': 'mail', 'subject': 's', 'text': 't'}", account);
	check_state("notifying");
	step("notified", "notified", "{'account': '%s', 'answer': '250 ok'}", account);
	check_state("notified");
	step("propose", "There is time to object until", "{}");
	step("object", "objected", "{'by': 'subscriber', 'text': 'no'}");
	check_state("objected");
	step("overrule", "heard", "{'reason': 'the court was asked'}");
	check_state("heard");
	step("propose", "There is time to object until", "{}");
	let_pass("14 days 1 minute");
	step("propose", "proposed", "{}");
	check_state("proposed");
	approve(&ana, "approve", "approved_once");
	check_state("approved_once");
	approve(&ben, "approve", "approved");
	check_state("approved");
	struct text_list lines;
	assert_int_equal(disclose_read_lines(&c, new_case, 1, 0, 10, &lines), -1);
	ctx_forgive(&c);
	step("release", "releasing", "{}");
	check_state("releasing");
	step("released", "digest", "{'manifest_sha256': 'x', 'files': []}");
	step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
	check_state("released");
	assert_int_equal(disclose_read_lines(&c, new_case, 1, 0, 10, &lines), -1);
	ctx_forgive(&c);
	step("close", "closed", "{'reason': 'done'}");
	check_state("closed");
}

/* Who is told of the case before all are may object at once; the others are told all the same (G-52, G-53). */
static void test_early_objection(void **state)
{
	(void) state;
	ground("court-order", "law");
	step("notice", "notice_due", "{'window_s': 1209600}");
	step("object", "objected", "{'by': 'subscriber', 'text': 'I have heard of it'}");
	step("overrule", "heard", "{'reason': 'the court was asked'}");
	step("propose", "Not everybody", "{}");
	step("notice", "notice_due", "{'window_s': 1209600}");
	step("notify", "notifying", "{'account': '%s', 'via': 'mail', 'subject': 's', 'text': 't'}", account);
	step("object", "objected", "{'by': 'subscriber', 'text': 'it came by telephone first'}");
	step("overrule", "heard", "{'reason': 'no'}");
	step("propose", "Not everybody", "{}");
	step("notice", "notice_due", "{'window_s': 1209600}");
	step("notify", "notifying", "{'account': '%s', 'via': 'mail', 'subject': 's', 'text': 't'}", account);
	step("notified", "notified", "{'account': '%s', 'answer': '250 ok'}", account);
	step("propose", "There is time to object until", "{}");
	step("withdraw", "withdrawn", "{'reason': 'done'}");
}

/* The other ends, and silence. */
static void test_ends(void **state)
{
	(void) state;
	ground("court-order", "law");
	step("silence", "four reasons", "{'why': 'lazy', 'reason': 'x', 'until': '2027-01-01T00:00:00Z'}");
	step("silence", "until when", "{'why': 'forbidden', 'reason': 'x'}");
	step("silence", "for a year", "{'why': 'forbidden', 'reason': 'x', 'until': '2100-01-01T00:00:00Z'}");
	step("silence", "that is none", "{'why': 'forbidden', 'reason': 'x', 'until': 'tomorrow'}"); /* which never comes */
	step("silence", "no emergency", "{'why': 'emergency', 'reason': 'x', 'until': '2100-01-01T00:00:00Z'}");
	step("silence", "consent of the person", "{'why': 'consent', 'reason': 'x'}");
	struct timestamp until = timestamp_add_s(clock_now(), 86400);
	char text[RFC3339_SIZE];
	timestamp_encode(until, false, text);
	step("silence", "silent", "{'why': 'forbidden', 'reason': 'gag order', 'until': '%s'}", text);
	check_state("silent");
	step("propose", "proposed", "{}");
	approve(&ana, "approve", "approved_once");
	let_pass("2 days");
	/* a reason that has ended is none any more, however far the case is */
	approve(&ben, "approve", "has ended");
	step("narrow", "heard", "{'scope': " SCOPE_ACCOUNT ", 'reason': 'less will do'}", account);
	step("propose", "has ended", "{}");
	pg_assert_value("SELECT duty || ' ' || overdue FROM audit.disclosure_duty", "notice true");
	step("notice", "notice_due", "{'window_s': 1209600}");
	tell();
	step("refuse", "refused", "{'reason': 'improper'}");
	check_state("refused");
	pg_assert_value("SELECT count(*) FROM audit.disclosure_duty", "0");
	/* who was told has his time, by no way round; and it stands still while an objection waits */
	ground("subpoena", "law");
	step("notice", "notice_due", "{'window_s': 1209600}");
	tell();
	step("narrow", "heard", "{'scope': " SCOPE_ACCOUNT ", 'reason': 'less will do'}", account);
	step("notice", "Nobody is known", "{'window_s': 1, 'reason': 'in haste'}");
	step("silence", "silent", "{'why': 'futile', 'reason': 'in haste', 'until': '%s'}", text);
	step("propose", "There is time to object until", "{}");
	step("object", "objected", "{'by': 'subscriber', 'text': 'no'}");
	let_pass("20 days");
	step("overrule", "heard", "{'reason': 'x'}");
	step("silence", "silent", "{'why': 'futile', 'reason': 'in haste', 'until': '%s'}", text);
	step("propose", "There is time to object until", "{}");
	let_pass("14 days 1 minute");
	step("silence", "silent", "{'why': 'futile', 'reason': 'in haste', 'until': '%s'}", text);
	step("propose", "proposed", "{}");
	step("withdraw", "withdrawn", "{'reason': 'x'}");
	receive("warrant");
	hold(90, "received");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'hold.added' AND (account_id IS NOT NULL OR "
	                "facts::text LIKE '%' || cairn.id_text('" ACCOUNT "') || '%')",
	    "0");
	pg_assert_value("SELECT count(*) FROM cairn.hold WHERE account_id = '" ACCOUNT "' AND ended_at IS NULL", "2");
	step("withdraw", "withdrawn", "{'reason': 'they say so'}");
	check_state("withdrawn");
	pg_assert_value("SELECT count(*) FROM cairn.hold WHERE ended_at IS NULL", "0");
	assert_int_equal(seen_states, (1U << COUNT_OF(allowed)) - 1);
}

/* No role writes, reads or skips past the functions, each function has its one role, and the owner is held by the constraints. */
static void test_roles(void **state)
{
	(void) state;
	static const char *const never[] = {
		"INSERT INTO disclosure.step (case_id, act, actor, facts) VALUES (cairn.new_id(), 'receive', 'x', '{}')",
		"UPDATE disclosure.step SET state = 'approved'", "DELETE FROM disclosure.step", "TRUNCATE disclosure.step",
		"SELECT FROM disclosure.step", "INSERT INTO disclosure.transition VALUES ('release', 'received', 'releasing')",
		"DELETE FROM disclosure.officer", "UPDATE disclosure.source SET columns = '{}'",
		"UPDATE disclosure.act SET needs = '{}'", "INSERT INTO disclosure.officer_end DEFAULT VALUES",
		"SELECT vault.take_sealed('" ACCOUNT "', 'x', 'x', NULL)", "SELECT disclosure.hold(cairn.new_id(), now(), 'x')"
	};
	static const struct {
		const char *sql;
		const char *role;
	} only[] = {
		{ "SELECT disclosure.add_step(cairn.id_of('AAAAAAAAAAAAAAAAAAAAAA'), 'check', '{}', 'x', true)",
		    "cairn_officer" },
		{ "SELECT disclosure.take(cairn.id_of('AAAAAAAAAAAAAAAAAAAAAA'), '" ACCOUNT "', 'x')", "cairn_officer" },
		{ "SELECT disclosure.taken(cairn.id_of('AAAAAAAAAAAAAAAAAAAAAA'), '" ACCOUNT "')", "cairn_officer" },
		{ "SELECT disclosure.read(cairn.id_of('AAAAAAAAAAAAAAAAAAAAAA'), 1, 0, 1)", "cairn_officer" },
		{ "SELECT disclosure.add_officer('x', '', '', 'x')", "cairn_operator" },
		{ "SELECT disclosure.end_officer('', 'x', 'x')", "cairn_operator" },
	};
	for (size_t i = 0; i < COUNT_OF(pg_roles); i++) {
		for (size_t k = 0; k < COUNT_OF(never); k++) {
			assert_string_equal(pg_try(pg_roles[i], never[k], NULL), "42501");
		}
		for (size_t k = 0; k < COUNT_OF(only); k++) {
			bool denied = strcmp(pg_try(pg_roles[i], only[k].sql, NULL), "42501") == 0;
			assert_int_equal(denied, strcmp(pg_roles[i], only[k].role) != 0);
		}
	}
	assert_string_equal(pg_try("cairn_owner", "UPDATE disclosure.step SET actor = 'x'", NULL), "CA003");
	assert_string_equal(pg_try("cairn_owner", "DELETE FROM disclosure.officer", NULL), "CA003");
	assert_string_equal(pg_try("cairn_owner", "TRUNCATE disclosure.step", NULL), "CA003");
	receive("other");
	char id[ID_TEXT_SIZE];
	id_encode(new_case, id);
	assert_string_equal(
	    pg_try("cairn_owner",
	        arena_printf(c.arena,
	            "INSERT INTO disclosure.step (case_id, act, state, actor, facts) VALUES (cairn.id_of('%s'), 'release', "
	            "'releasing', 'x', '{}')",
	            id),
	        NULL),
	    "CA001");
	/* even without the triggers a step follows only from one that leads to it */
	static const char *const said[] = { "received", "approved" };
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		const char *sql = arena_printf(c.arena,
		    "ALTER TABLE disclosure.step DISABLE TRIGGER USER; INSERT INTO disclosure.step (case_id, n, act, "
		    "from_state, state, at, "
		    "actor, role, facts, before_digest, digest) SELECT case_id, 1, 'release', '%s', 'releasing', now(), 'x', "
		    "'x', '{}', "
		    "digest, digest FROM disclosure.step WHERE case_id = cairn.id_of('%s')",
		    said[i], id);
		assert_string_equal(pg_try("cairn_owner", sql, NULL), "23503");
	}
}

static void end_officer(const struct officer *who)
{
	uint8_t digest[SHA256_SIZE];
	become("cairn_operator", disclose_operator_statements, disclose_operator_statements_n);
	sha256_of(who->cert.der, digest);
	assert_int_equal(disclose_end_officer(&c, (struct bytes) { digest, sizeof(digest) }, "gone"), 0);
	become("cairn_officer", disclose_statements, disclose_statements_n);
}

/* Two people, each by an own key, over this case and no other (G-14, G-51). */
static void test_approval(void **state)
{
	(void) state;
	ground("subpoena", "consent");
	step("silence", "silent", "{'why': 'consent', 'reason': 'they asked for it'}");
	step("propose", "proposed", "{}");
	add_officer(&late, "Late");
	approve(&late, "approve", "before the case was received");
	json_t *mixed = signed_facts(&ana, "approve");
	(void) json_object_set_new(mixed, "officer", json_string(cert_fingerprint(c.arena, ben.cert.der)));
	assert_non_null(strstr(try_json(new_case, "approve", false, mixed), "no signature of this officer"));
	json_t *wrong = signed_facts(&ana, "approve-alone");
	assert_non_null(strstr(try_json(new_case, "approve", false, wrong), "no signature of this officer"));
	json_t *loose = signed_facts(&ana, "approve");
	(void) json_object_set_new(loose, "cms", json_string("AAAA"));
	assert_non_null(strstr(try_json(new_case, "approve", false, loose), "no signature of this officer"));
	approve(&ana, "approve-alone", "Only an emergency");
	approve(&ana, "approve", "approved_once");
	approve(&ana, "approve", "another one has to");
	approve(&twin, "approve", "another one has to");
	json_t *saved = signed_facts(&ben, "approve");
	/* whoever narrows begins anew: what was signed was another scope */
	step("narrow", "heard", "{'scope': " SCOPE_ACCOUNT ", 'reason': 'less will do'}", account);
	step("propose", "proposed", "{}");
	assert_non_null(strstr(try_json(new_case, "approve", false, saved), "no signature of this officer"));
	approve(&ana, "approve", "approved_once");
	become("cairn_operator", disclose_operator_statements, disclose_operator_statements_n);
	assert_int_equal(disclose_end_officer(&c, (struct bytes) { (const uint8_t *) "x", 1 }, "gone"), -1);
	ctx_forgive(&c);
	end_officer(&twin);
	approve(&twin, "approve", "still is");
	approve(&ben, "approve", "approved");
	pg_assert_value("SELECT array_to_string(approved_by, ' ') FROM audit.disclosure ORDER BY received_at DESC LIMIT 1",
	    "Ana Ana Ben");
	/* who approved it and is ended before the release has approved nothing */
	ground("subpoena", "consent");
	step("silence", "silent", "{'why': 'consent', 'reason': 'they asked for it'}");
	step("propose", "proposed", "{}");
	approve(&ana, "approve", "approved_once");
	approve(&late, "approve", "approved");
	end_officer(&late);
	step("release", "is no officer any more", "{}");
	step("narrow", "heard", "{'scope': " SCOPE_ACCOUNT ", 'reason': 'anew'}", account);
	step("propose", "proposed", "{}");
	approve(&late, "approve", "still is");
	approve(&ana, "approve", "approved_once");
	approve(&ben, "approve", "approved");
}

/* Two steps at once: the second sees what the first one did, or is refused. */
static void test_at_once(void **state)
{
	(void) state;
	ground("subpoena", "law");
	char id[ID_TEXT_SIZE];
	id_encode(new_case, id);
	const char *sql = arena_printf(c.arena,
	    "SELECT disclosure.add_step(cairn.id_of('%s'), 'withdraw', '{\"reason\": \"x\"}', 'officer x', false)", id);
	PGconn *one = pg_connect("cairn_officer", "cairn");
	PGconn *two = pg_connect("cairn_officer", "cairn");
	PQclear(PQexec(one, "BEGIN"));
	PQclear(PQexec(one, sql));
	assert_int_equal(PQsendQuery(two, sql), 1);
	const char *waits = arena_printf(c.arena,
	    "SELECT wait_event_type IS NOT DISTINCT FROM 'Lock' FROM pg_stat_activity WHERE pid = %d", PQbackendPID(two));
	for (bool blocked = false; !blocked;) {
		char *value = pg_value(waits);
		blocked = value[0] == 't';
		free(value);
	}
	PQclear(PQexec(one, "COMMIT"));
	PGresult *result = PQgetResult(two);
	assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "CA001");
	assert_string_equal(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), "CONFLICT");
	PQclear(result);
	PQfinish(one);
	PQfinish(two);
	check_state("withdrawn");
}

/* What a scope may be, and that nothing in it becomes SQL (G-54). */
static void test_scopes(void **state)
{
	(void) state;
	static const struct {
		const char *items; /* %s: an account */
		const char *expected;
	} rows[] = {
		{ "[]", "1 to 50" },
		{ "[1]", "nothing else" },
		{ "[{'view': 'account', 'columns': ['id'], 'accounts': ['%s'], 'where': 'true'}]", "nothing else" },
		{ "[{'view': 'vault.contact', 'columns': ['sealed'], 'accounts': ['%s']}]", "no view" },
		{ "[{'view': 'account', 'columns': ['id, sealed FROM vault.contact --'], 'accounts': ['%s']}]",
		    "no such column" },
		{ "[{'view': 'account', 'columns': ['eab_binding'], 'accounts': ['%s']}]", "no such column" },
		{ "[{'view': 'account', 'columns': ['id', 'id'], 'accounts': ['%s']}]", "twice" },
		{ "[{'view': 'account', 'columns': ['id']}]", "names accounts" },
		{ "[{'view': 'account', 'columns': ['id'], 'accounts': []}]", "1 to 1000" },
		{ "[{'view': 'account', 'columns': ['id'], 'accounts': [7]}]", "1 to 1000" },
		{ "[{'view': 'account', 'columns': ['id'], 'accounts': ['x']}]", "that is none" },
		{ "[{'view': 'account', 'columns': ['id'], 'accounts': ['%s'], 'names': ['a.test']}]", "can not be chosen" },
		{ "[{'view': 'recovery', 'columns': ['contacts'], 'accounts': ['%s'], 'since': '2020-01-01T00:00:00Z'}]",
		    "can not be chosen" },
		{ "[{'view': 'recovery', 'columns': ['sealed'], 'accounts': ['%s']}]", "no such column" },
		{ "[{'view': 'request', 'columns': ['id'], 'networks': ['nowhere']}]", "that is none" },
		{ "[{'view': 'request', 'columns': ['id'], 'accounts': ['%s'], 'since': 'yesterday evening'}]",
		    "that is none" },
		{ "[{'view': 'request', 'columns': ['id'], 'accounts': ['%s'], 'since': 'now'}]", "that is none" },
		{ "[{'view': 'request', 'columns': ['id'], 'accounts': ['%s'], 'until': '12/09/2026'}]", "that is none" },
		{ "[{'view': 'request', 'columns': ['id'], 'accounts': ['%s'], 'since': '2026-02-30T00:00:00Z'}]",
		    "that is none" },
		{ "[{'view': 'request', 'columns': ['id'], 'accounts': ['%s'], 'since': null}]", "that is none" },
		{ "[{'view': 'request', 'columns': ['id'], 'networks': ['192.0.2.0/24']}]", "received" },
		{ "[{'view': 'certificate', 'columns': ['serial'], 'serials': ['00ff']}]", "received" },
		{ "[{'view': 'order', 'columns': ['names'], 'names': ['a.test NULL', '}) OR (true']}]", "received" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		new_case = id_new();
		const char *items = rows[i].items;
		const char *at = strstr(items, "%s");
		items = at == NULL ? items : arena_printf(c.arena, "%.*s%s%s", (int) (at - items), items, account, at + 2);
		step("receive", rows[i].expected, "{'kind': 'other', 'from': 'x', 'reference': 'x', 'scope': {'items': %s}}",
		    items);
	}
	pg_assert_value(
	    "SELECT i.query FROM audit.disclosure d, disclosure.compile(d.scope, '2026-01-01') i ORDER BY d.received_at "
	    "DESC LIMIT 1",
	    "SELECT names FROM audit.orders WHERE names && '{\"a.test null\",\"}) or (true\"}'::text[] AND created_at < "
	    "'2026-01-01 "
	    "00:00:00+00'::timestamptz ORDER BY id");
	/* the second of January stays that, whatever a session is set to */
	pg_assert_value("SELECT i.query FROM set_config('datestyle', 'SQL, DMY', false) s, LATERAL "
	                "disclosure.compile('{\"items\": [{\"view\": "
	                "\"request\", \"columns\": [\"id\"], \"networks\": [\"192.0.2.0/24\"], \"since\": "
	                "\"2026-01-02T00:00:00Z\"}]}', "
	                "'2026-01-09') i WHERE s <> ''",
	    "SELECT id FROM audit.request WHERE remote_address <<= ANY ('{192.0.2.0/24}'::inet[]) AND received_at >= "
	    "'2026-01-02 00:00:00+00'::timestamptz AND received_at < '2026-01-09 00:00:00+00'::timestamptz ORDER BY id");
}

/* A scope is only ever narrowed, once it was checked. */
static void test_narrowing(void **state)
{
	(void) state;
	static const struct {
		const char *item;
		bool within;
	} rows[] = {
		{ "'columns': ['account_id'], 'accounts': ['%s'], 'since': '2020-01-01T00:00:00Z'", true },
		{ "'columns': ['account_id'], 'accounts': ['%s'], 'since': '2021-01-01T00:00:00Z', 'until': "
		  "'2022-01-01T00:00:00Z'",
		    true },
		{ "'columns': ['account_id'], 'accounts': ['%s'], 'since': '2021-01-01T00:00:00Z', 'networks': ['192.0.2.1']",
		    true },
		{ "'columns': ['account_id'], 'accounts': ['%s']", false },
		{ "'columns': ['account_id'], 'accounts': ['%s'], 'since': '2019-01-01T00:00:00Z'", false },
		{ "'columns': ['body'], 'accounts': ['%s'], 'since': '2020-01-01T00:00:00Z'", false },
		{ "'columns': ['account_id'], 'accounts': ['%s', 'AAAAAAAAAAAAAAAAAAAAAA'], 'since': '2020-01-01T00:00:00Z'",
		    false },
		{ "'columns': ['account_id'], 'networks': ['192.0.2.1'], 'since': '2020-01-01T00:00:00Z'", false },
	};
	ground("subpoena", "consent");
	step("silence", "silent", "{'why': 'consent', 'reason': 'theirs'}");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *at = strstr(rows[i].item, "%s");
		const char *item =
		    at == NULL ? rows[i].item
		               : arena_printf(c.arena, "%.*s%s%s", (int) (at - rows[i].item), rows[i].item, account, at + 2);
		const char *facts =
		    arena_printf(c.arena, "{'scope': {'items': [{'view': 'request', %s}]}, 'reason': 'x'}", item);
		for (char *p = strchr(facts, '\''); p != NULL; p = strchr(p, '\'')) {
			*p = '"';
		}
		assert_string_equal(try_step(new_case, "narrow", true, facts),
		    rows[i].within ? "heard" : "The new scope is not within the old one");
	}
}

/* G-54: pages are read by their places, so nothing is purged between two of them; for six hours, then the release has to be begun again. */
static void test_nothing_goes_meanwhile(void **state)
{
	(void) state;
	struct text_list lines;
	ground("subpoena", "consent");
	step("silence", "silent", "{'why': 'consent', 'reason': 'theirs'}");
	step("propose", "proposed", "{}");
	approve(&ana, "approve", "approved_once");
	approve(&ben, "approve", "approved");
	step("release", "releasing", "{}");
	static const char handing_out[] = "SELECT cairn.is_handing_out()";
	pg_exec("cairn_subscriber", "SELECT cairn.take_lease('retention', 'me', 60)");
	pg_exec("cairn_operator", "SELECT cairn.set_retention('SUB-REQ', 86400, NULL, 0, 'operator t', 'a test', false)");
	pg_exec("cairn_owner",
	    "CREATE TABLE log.request_private_200001 PARTITION OF log.request_private FOR VALUES FROM "
	    "(cairn.id_at('2000-01-01')) TO (cairn.id_at('2000-02-01')); INSERT INTO log.request_private (id, salt, "
	    "remote_address, remote_port) SELECT cairn.id_at('2000-01-10'::timestamptz + n * interval '1 day'), "
	    "sha256(''), '192.0.2.1', 1 "
	    "FROM generate_series(1, 3) n");
	static const char purge[] = "SELECT gone FROM cairn.purge('me', 'log.request_private', 'all', NULL, 1, 0)";
	static const char drop[] = "SELECT cairn.purge_partition('me', 'log.request_private', 0)";
	pg_assert_value(handing_out, "t");
	pg_assert_value(purge, "0");
	pg_assert_value(drop, "-1");
	let_pass("6 hours");
	pg_assert_value(handing_out, "f");
	assert_int_equal(disclose_read_lines(&c, new_case, 2, 0, 10, &lines), -1);
	assert_non_null(strstr(c.err.detail, "begin it again"));
	ctx_forgive(&c);
	pg_assert_value(purge, "1");
	step("release", "releasing", "{}");
	pg_assert_value(handing_out, "t");
	assert_int_equal(disclose_read_lines(&c, new_case, 2, 0, 10, &lines), 0);
	pg_assert_value(drop, "-1");
	step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
	pg_assert_value(handing_out, "f");
	pg_assert_value(drop, "2");
}

/* What is read is what was approved, and of before the request; each step is an event, and a row that is changed is found. */
static void test_release(void **state)
{
	(void) state;
	struct text_list lines;
	ground("subpoena", "consent");
	step("silence", "silent", "{'why': 'consent', 'reason': 'theirs'}");
	step("propose", "proposed", "{}");
	approve(&ana, "approve", "approved_once");
	approve(&ben, "approve", "approved");
	pg_exec("cairn_wfe",
	    "INSERT INTO log.request (id, received_at, frontend, method, route, url, account_id, body_sha256, body_octets, "
	    "commitments) VALUES (cairn.new_id(), now(), 'f', 'POST', 'new-order', '/x', '" ACCOUNT
	    "', sha256(''), 0, '')");
	step("release", "releasing", "{}");
	assert_int_equal(disclose_read_lines(&c, new_case, 1, 0, 10, &lines), 0);
	assert_int_equal(lines.n, 1);
	assert_string_equal(lines.v[0], "{\"id\": \"" ACCOUNT "\", \"status\": \"valid\"}");
	assert_int_equal(disclose_read_lines(&c, new_case, 2, 0, 10, &lines), 0);
	assert_int_equal(lines.n, 3);
	assert_string_equal(lines.v[0], "{\"account_id\": \"" ACCOUNT "\", \"remote_address\": \"192.0.2.1\"}");
	assert_int_equal(disclose_read_lines(&c, new_case, 2, 2, 10, &lines), 0);
	assert_int_equal(lines.n, 1);
	assert_int_equal(disclose_read_lines(&c, new_case, 3, 0, 10, &lines), -1);
	ctx_forgive(&c);
	struct bytes sealed;
	struct id whose;
	assert_int_equal(id_parse(bytes_of_text(account), &whose), 0);
	assert_int_equal(disclose_take(&c, new_case, whose, &sealed), -1); /* recovery contacts are not within this scope */
	ctx_forgive(&c);
	step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
	char id[ID_TEXT_SIZE];
	id_encode(new_case, id);
	pg_assert_value(arena_printf(c.arena,
	                    "SELECT string_agg(replace(kind, 'disclosure.', ''), ' ' ORDER BY (facts->>'step')::int) || ' "
	                    "' || count(account_id) FROM "
	                    "log.event WHERE facts->>'case' = '%s'",
	                    id),
	    "receive check ground silence propose approve approve release released 0");
	const char *intact = arena_printf(c.arena,
	    "SELECT string_agg(intact::text, ' ' ORDER BY n) FROM audit.disclosure_step WHERE case_url_id = '%s' AND n < 4",
	    id);
	pg_assert_value(intact, "true true true true");
	pg_exec("postgres", arena_printf(c.arena,
	                        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE disclosure.step SET facts = "
	                        "facts || '{\"reason\": \"y\"}' WHERE case_id = "
	                        "cairn.id_of('%s') AND n = 2; COMMIT",
	                        id));
	pg_assert_value(intact, "true true false true");
}

static void review(const struct officer *o, const char *decision, const char *outcome, const char *expected)
{
	json_t *facts = signed_facts(o, decision);
	(void) json_object_set_new(facts, "outcome", json_string(outcome));
	(void) json_object_set_new(facts, "reason", json_string("a life"));
	assert_non_null(strstr(try_json(new_case, "review", false, facts), expected));
}

/* G-52: that notice is futile ends, too, and is decided on again before the case goes on. */
static void test_futile_ends(void **state)
{
	(void) state;
	char text[RFC3339_SIZE];
	ground("court-order", "law");
	timestamp_encode(timestamp_add_s(clock_now(), 86400), false, text);
	step("silence", "silent", "{'why': 'futile', 'reason': 'no address', 'until': '%s'}", text);
	pg_assert_value("SELECT duty || ' ' || overdue FROM audit.disclosure_duty", "notice false");
	let_pass("2 days");
	pg_assert_value("SELECT duty || ' ' || overdue FROM audit.disclosure_duty", "notice true");
	step("propose", "has ended", "{}");
	timestamp_encode(timestamp_add_s(clock_now(), 86400), false, text);
	step("silence", "silent", "{'why': 'futile', 'reason': 'still none', 'until': '%s'}", text);
	step("propose", "proposed", "{}");
	approve(&ana, "approve", "approved_once");
	approve(&ben, "approve", "approved");
	step("release", "releasing", "{}");
	step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
	let_pass("2 days");
	pg_assert_value("SELECT count(*) FROM audit.disclosure_duty", "0"); /* those who approved knew of it */
	step("close", "closed", "{'reason': 'done'}");
}

/* G-55: an emergency that two officers approved needs no third one. */
static void test_emergency_of_two(void **state)
{
	(void) state;
	char soon[RFC3339_SIZE];
	new_case = id_new();
	step("receive", "received",
	    "{'kind': 'emergency', 'from': 'Police', 'reference': '1', 'scope': {'items': [{'view': 'recovery', 'columns': "
	    "['contacts'], 'accounts': ['%s']}]}}",
	    account);
	step("check", "checked", "{'how': 'mail', 'call_back': 'by the number in the book'}");
	step("ground", "grounded", "{'ground': 'danger', 'reason': 'a life'}");
	timestamp_encode(timestamp_add_s(clock_now(), INT64_C(71) * 3600), false, soon);
	step("silence", "silent", "{'why': 'emergency', 'reason': 'no time', 'until': '%s'}", soon);
	step("propose", "proposed", "{}");
	approve(&ana, "approve", "approved_once");
	approve(&ben, "approve", "approved");
	step("release", "releasing", "{}");
	step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
	pg_assert_value("SELECT string_agg(duty, ', ' ORDER BY duty) FROM audit.disclosure_duty", "notice");
	step("notify", "released", "{'account': '%s', 'via': 'other', 'subject': 's', 'text': 't'}", account);
	step("notified", "released", "{'account': '%s', 'answer': 'by letter'}", account);
	step("close", "closed", "{'reason': 'done'}");
}

/* G-50, G-55: what one officer may not decide alone: anything but recovery contacts, to ward off danger. */
static void test_no_emergency(void **state)
{
	(void) state;
	char soon[RFC3339_SIZE];
	new_case = id_new();
	step("receive", "received", "{'kind': 'emergency', 'from': 'Police', 'reference': '1', 'scope': " SCOPE_ACCOUNT "}",
	    account);
	step("check", "called back", "{'how': 'mail'}");
	step("check", "checked", "{'how': 'mail', 'call_back': 'by the number in the book'}");
	step("ground", "three grounds", "{'ground': 'curiosity', 'reason': 'x'}");
	step("ground", "recovery contacts only", "{'ground': 'danger', 'reason': 'a life'}");
	timestamp_encode(timestamp_add_s(clock_now(), INT64_C(71) * 3600), false, soon);
	step("ground", "grounded", "{'ground': 'law', 'reason': 'a warrant'}");
	step("silence", "silent", "{'why': 'emergency', 'reason': 'no time', 'until': '%s'}", soon);
	step("propose", "proposed", "{}");
	approve(&ana, "approve-alone", "on the ground of danger only");
	approve(&ana, "approve", "approved_once");
	step("withdraw", "withdrawn", "{'reason': 'wrong scope'}");
}

/* An emergency as far as the approval of one. */
static void approve_alone(void)
{
	char soon[RFC3339_SIZE];
	char later[RFC3339_SIZE];
	timestamp_encode(timestamp_add_s(clock_now(), INT64_C(71) * 3600), false, soon);
	timestamp_encode(timestamp_add_s(clock_now(), INT64_C(73) * 3600), false, later);
	new_case = id_new();
	step("receive", "received",
	    "{'kind': 'emergency', 'from': 'Police', 'reference': '1', 'scope': {'items': [{'view': 'recovery', 'columns': "
	    "['contacts'], 'accounts': ['%s']}]}}",
	    account);
	step("check", "checked", "{'how': 'mail', 'call_back': 'by the number in the book'}");
	step("ground", "grounded", "{'ground': 'danger', 'reason': 'a life'}");
	step("silence", "72 hours", "{'why': 'emergency', 'reason': 'no time', 'until': '%s'}", later);
	step("silence", "silent", "{'why': 'emergency', 'reason': 'no time', 'until': '%s'}", soon);
	step("propose", "proposed", "{}");
	approve(&ana, "approve-alone", "approved");
}

/* G-50, G-55: one officer, another's review, and notice afterwards. */
static void test_emergency(void **state)
{
	(void) state;
	char soon[RFC3339_SIZE];
	timestamp_encode(timestamp_add_s(clock_now(), INT64_C(71) * 3600), false, soon);
	approve_alone();
	step("release", "releasing", "{}");
	struct bytes sealed;
	struct id whose;
	assert_int_equal(id_parse(bytes_of_text(other), &whose), 0);
	assert_int_equal(disclose_take(&c, new_case, whose, &sealed), -1);
	ctx_forgive(&c);
	assert_int_equal(id_parse(bytes_of_text(account), &whose), 0);
	assert_int_equal(disclose_take(&c, new_case, whose, &sealed), 0);
	assert_null(sealed.p);
	step("released", "released", "{'manifest_sha256': '%064d', 'files': [{'name': 'x'}]}", 0);
	step("close", "reviewed by another", "{'reason': 'done'}");
	pg_assert_value("SELECT string_agg(duty || ' ' || overdue, ', ' ORDER BY duty) FROM audit.disclosure_duty",
	    "notice false, review false");
	let_pass("80 hours");
	pg_assert_value("SELECT string_agg(duty || ' ' || overdue, ', ' ORDER BY duty) FROM audit.disclosure_duty",
	    "notice true, review true");
	char *overdue = NULL;
	assert_string_equal(pg_try("cairn_subscriber", "SELECT disclosure.overdue()", &overdue), "");
	assert_string_equal(overdue, "2");
	free(overdue);
	review(&ana, "review-justified", "justified", "another one has to");
	review(&ben, "review-unjustified", "justified", "no signature of this officer");
	review(&ben, "review-unjustified", "unjustified", "released");
	review(&ben, "review-justified", "justified", "by nobody since");
	step("close", "Notice is still to be given", "{'reason': 'done'}");
	/* nor by one who finds afterwards that it is futile */
	step("silence", "released", "{'why': 'futile', 'reason': 'in haste', 'until': '%s'}", soon);
	pg_assert_value("SELECT duty || ' ' || overdue FROM audit.disclosure_duty", "notice false"); /* still to be given */
	step("close", "Notice is still to be given", "{'reason': 'done'}");
	step("notify", "released", "{'account': '%s', 'via': 'other', 'subject': 's', 'text': 't'}", account);
	step("notified", "released", "{'account': '%s', 'answer': 'by letter'}", account);
	pg_assert_value("SELECT count(*) FROM audit.disclosure_duty", "0");
	step("close", "closed", "{'reason': 'done'}");
}

/* A release that was begun and is given up counts as one: it is told, reviewed where one alone approved it, and begun no more (G-52, G-55). */
static void test_abandon(void **state)
{
	(void) state;
	approve_alone();
	step("abandon", "in which there is no \"abandon\"", "{'reason': 'too early'}");
	step("release", "releasing", "{}");
	step("abandon", "has to say: reason", "{}");
	step("abandon", "released", "{'reason': 'the person was found, and the stick is lost'}");
	check_state("released");
	pg_assert_value("SELECT string_agg(duty, ', ' ORDER BY duty) FROM audit.disclosure_duty", "notice, review");
	pg_assert_value("SELECT released_at IS NOT NULL FROM audit.disclosure ORDER BY received_at DESC LIMIT 1", "t");
	review(&ben, "review-justified", "justified", "released");
	step("close", "Notice is still to be given", "{'reason': 'done'}");
	step("notify", "released", "{'account': '%s', 'via': 'other', 'subject': 's', 'text': 't'}", account);
	step("notified", "released", "{'account': '%s', 'answer': 'by letter'}", account);
	step("close", "closed", "{'reason': 'done'}");
}

/* G-33, G-57: a number below the least is not told, nor can it be worked out from those that are. */
static void test_report(void **state)
{
	(void) state;
	struct disclose_count_list found;
	pg_exec("postgres", "BEGIN; SET LOCAL session_replication_role = replica; INSERT INTO disclosure.step (case_id, n, "
	                    "act, from_state, state, at, actor, role, "
	                    "facts, before_digest, digest) SELECT ('01900000-0000-7000-9000-' || lpad(i::text, 12, "
	                    "'0'))::uuid, n, CASE n WHEN 0 THEN 'receive' ELSE 'refuse' "
	                    "END, CASE n WHEN 1 THEN 'received' END, CASE WHEN n = 0 THEN 'received' WHEN i <= 30 THEN "
	                    "'withdrawn' ELSE 'refused' END, '2020-06-01', 'x', 'x', "
	                    "jsonb_build_object('kind', CASE WHEN i <= 60 THEN 'subpoena' ELSE 'warrant' END), CASE n WHEN "
	                    "1 THEN sha256('') END, sha256('') FROM "
	                    "generate_series(1, 90) i, generate_series(0, 1) n WHERE n = 0 OR i <= 55 OR i > 60; COMMIT");
	assert_int_equal(disclose_read_report(&c, 2020, 20, &found), 0);
	assert_int_equal(found.n, 7);
	assert_string_equal(found.v[0].kind, "subpoena");
	assert_int_equal(found.v[0].withdrawn, 30);
	assert_int_equal(found.v[0].refused, 25);
	assert_int_equal(found.v[0].open, -1);
	assert_int_equal(found.v[0].received, -1); /* 60 would tell the 5 */
	assert_int_equal(found.v[2].received, 30);
	assert_int_equal(found.v[2].refused, 30);
	assert_int_equal(found.v[2].disclosed, 0);
	assert_string_equal(found.v[6].kind, "all");
	assert_int_equal(found.v[6].refused, 55);
	assert_int_equal(found.v[6].open, -1);
	assert_int_equal(found.v[6].received, -1);
	assert_int_equal(disclose_read_report(&c, 2020, 5, &found), 0);
	assert_int_equal(found.v[6].received, 90);
	assert_int_equal(disclose_read_report(&c, 2020, 1, &found), -1);
	ctx_forgive(&c);
	assert_int_equal(disclose_read_report(&c, 9000, 20, &found), -1); /* not over yet */
	ctx_forgive(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_early_objection),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_approval),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_narrowing),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_nothing_goes_meanwhile),
		cmocka_unit_test(test_futile_ends),
		cmocka_unit_test(test_emergency_of_two),
		cmocka_unit_test(test_no_emergency),
		cmocka_unit_test(test_emergency),
		cmocka_unit_test(test_abandon),
		cmocka_unit_test(test_report),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

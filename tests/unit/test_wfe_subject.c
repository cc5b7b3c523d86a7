/* link: wfe */
/* What is held about an account, at the front end: for who has its key, page by page, and not kept again (G-23). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

static const char *data_path(const struct signer *whose, const char *query)
{
	return arena_printf(t.c.arena, "%s/data%s", whose->kid + strlen(BASE), query);
}

static void set_items(const char *json)
{
	t.subject_items = NULL;
	assert_int_equal(json_parse(&t.c, bytes_of_text(json), &t.subject_items), 0);
}

static void the_account_names_it(void **state)
{
	(void) state;
	set_items("{\"parts\":[]}");
	assert_int_equal(post_as(&t.alice, t.alice.kid + strlen(BASE), ""), 200);
	assert_non_null(strstr(t.body, arena_printf(t.c.arena, "\"subjectData\":\"%s/data\"", t.alice.kid)));
	assert_int_equal(post_as(&t.alice, data_path(&t.alice, ""), ""), 200);
	assert_string_equal(t.body,
	    arena_printf(t.c.arena, "{\"account\":\"%s\",\"privacyNotice\":\"" BASE "/privacy\",\"held\":{\"parts\":[]}}",
	        t.alice.kid));
	assert_string_equal(t.subject.part, "");
	assert_true(id_equal(t.subject.account_id, t.alice.id));
	assert_non_null(answer_header("Cache-Control", "no-store"));
}

static void a_part_comes_in_pages(void **state)
{
	const struct id next = { { 1, [15] = 7 } };
	char text[ID_TEXT_SIZE];
	(void) state;
	id_encode(next, text);
	set_items("[{\"user_agent\":\"a\"}]");
	t.subject_next = next;
	assert_int_equal(post_as(&t.alice, data_path(&t.alice, "?part=requests"), ""), 200);
	assert_string_equal(t.body, arena_printf(t.c.arena,
	                                "{\"account\":\"%s\",\"part\":\"requests\",\"held\":[{\"user_agent\":\"a\"}],"
	                                "\"next\":\"%s/data?part=requests&cursor=%s\"}",
	                                t.alice.kid, t.alice.kid, text));
	assert_false(last_end().has_reply); /* what is told stands in the records already */
	assert_true(id_is_none(t.subject.after));
	t.subject_next = (struct id) { { 0 } };
	assert_int_equal(
	    post_as(&t.alice, data_path(&t.alice, arena_printf(t.c.arena, "?part=requests&cursor=%s", text)), ""), 200);
	assert_true(id_equal(t.subject.after, next));
	assert_null(strstr(t.body, "next"));
}

static void others_get_nothing(void **state)
{
	static const char *const queries[] = { "?", "?part=", "?part=a&", "?part=a&cursor=", "?part=a&cursor=AAAA",
		"?cursor=AAAAAAAAAAAAAAAAAAAAAA", "?part=aaaaaaaaaaaaaaaaaaaaa", "?part=a&part=b" };
	(void) state;
	t.bob.status = "valid";
	(void) post_as(&t.bob, data_path(&t.alice, ""), "");
	assert_problem(403, "unauthorized"); /* */
	assert_int_equal(request("GET", data_path(&t.alice, ""), NULL), 405);
	(void) post_with_key(&t.alice, data_path(&t.alice, ""), "");
	assert_problem(400, "malformed");
	(void) post_as(&t.alice, data_path(&t.alice, ""), "{}");
	assert_problem(400, "malformed");
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		(void) post_as(&t.alice, data_path(&t.alice, queries[i]), "");
		assert_problem(404, "malformed");
		assert_null(t.called);
	}
	t.ra_problem = PROBLEM_UNAVAILABLE;
	(void) post_as(&t.alice, data_path(&t.alice, ""), "");
	assert_problem(503, "serverInternal");
	t.ra_problem = PROBLEM_NONE;
	set_items("[]");
	assert_int_equal(post_as(&t.alice, data_path(&t.alice, "?part=events"), ""), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_account_names_it, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(a_part_comes_in_pages, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(others_get_nothing, fake_setup, fake_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* link: cli */
/* The forms of a certificate's story: whatever came from outside is made harmless, and faults are seen. F-56, G-62. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/audit_gaps_rows.h"
#include "cli/operator.h"
#include "cli/audit_why.h"
#include "tests/unit/pg.h"

static struct why_story story_of(struct arena *a, struct why_claim *claim)
{
	static const char *const line[] = { "user agent: </li><script>alert(\"1\")</script>\x1b[2J\x7f\xc2\x9b&'" };
	*claim = (struct why_claim) { .section = "request",
		.title = "POST /a\nb<c>: 200",
		.lines = { NULL, 1 },
		.state = "proved",
		.leaf = 7,
		.proof = "c2sp.org/tlog-proof@v1\n<proof>" };
	claim->lines.v = ARENA_ARRAY(a, 1, const char *);
	claim->lines.v[0] = line[0];
	return (
	    struct why_story) { .serial = "01", .size = 9, .key = "ca.test/log+1", .proved = 1, .claims = { claim, 1 } };
}

static void test_text(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct why_claim claim;
	struct why_story story = story_of(a, &claim);
	const char *text = (const char *) why_text(a, &story).p;
	assert_non_null(strstr(text, "POST /a?b<c>: 200\n"));
	assert_null(strchr(text, 0x1b));
	assert_null(strchr(text, 0x7f));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_non_null(strstr(text, "= proved by leaf 7\n"));
	assert_non_null(strstr(text, "as the log itself says"));
	claim.state = "missing";
	claim.remark = "It is not there.";
	claim.proof = NULL;
	story.faults = 1;
	story.key_was_given = true;
	text = (const char *) why_text(a, &story).p;
	assert_non_null(strstr(text, "! missing: It is not there.\n"));
	assert_non_null(strstr(text, "1 missing or changed"));
	assert_null(strstr(text, "as the log itself says"));
	story.key = NULL;
	story.key_was_given = false;
	text = (const char *) why_text(a, &story).p;
	assert_non_null(
	    strstr(text, "1 claims; the log has no checkpoint yet, for which all proofs wait; 1 missing or changed.\n"));
	arena_free(a);
}

static void test_page(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct why_claim claim;
	struct why_story story = story_of(a, &claim);
	const char *page = (const char *) why_html(a, &story).p;
	assert_null(strstr(page, "<script"));
	assert_non_null(strstr(page, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;?[2J"));
	assert_non_null(strstr(page, "&amp;&#39;"));
	assert_non_null(strstr(page, "&lt;proof&gt;"));
	assert_non_null(strstr(page, "<article class=\"claim\">"));
	claim.state = "changed";
	claim.remark = "<It> differs.";
	page = (const char *) why_html(a, &story).p;
	assert_non_null(strstr(page, "<article class=\"fault\">"));
	assert_non_null(strstr(page, "changed: &lt;It&gt; differs."));
	arena_free(a);
}

static void test_serials(void **state)
{
	(void) state;
	static const char *const bad[] = { "", "1", "0g", "01 ", "0102030405060708090a0b0c0d0e0f101112131415", ":01",
		"01:", "01::02", "0:102", "01:0", "01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14:15" };
	static const char *const good[] = { "01aF", "01:aF", "01:AF" };
	struct arena *a = arena_new();
	struct bytes serial;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(operator_serial(a, good[i], &serial), 0);
		assert_int_equal(serial.n, 2);
		assert_memory_equal(serial.p, "\x01\xaf", 2);
	}
	assert_int_equal(operator_serial(a, "01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14", &serial), 0);
	assert_int_equal(serial.n, 20);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(operator_serial(a, bad[i], &serial), -1);
	}
	arena_free(a);
}

static void test_moments(void **state)
{
	(void) state;
	struct timestamp t;
	assert_int_equal(operator_moment("2026-11-21T08:00:00Z", false, &t), 0);
	assert_int_equal(t.us, 1795248000000000);
	assert_int_equal(operator_moment("24h", false, &t), 0);
	assert_true(t.us < clock_now().us - 86000 * 1000000LL);
	assert_int_equal(operator_moment("yesterday", false, &t), -1);
}

static void test_statements(void **state)
{
	(void) state;
	static const struct statement *const why[] = { &why_statement };
	pg_start();
	pg_check_statements("cairn_auditor", audit_seal_statements, audit_seal_statements_n);
	pg_check_statements("cairn_auditor", gaps_statements, gaps_statements_n);
	pg_check_statements("cairn_auditor", why, 1);
	pg_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_statements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Recovery contacts: strict reading, one form for equal ones, no part of one in an error (A-57, G-5). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/contact.h"

static struct ctx c;

static int setup(void **state)
{
	(void) state;
	ctx_init(&c);
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	ctx_done(&c);
	return 0;
}

static void test_one_form(void **state)
{
	static const char *const cases[][2] = {
		{ "mailto:ana@example.com", "mailto:ana@example.com" },
		{ "MAILTO:Ana.B@Example.COM", "mailto:ana.b@example.com" },
		{ "mailto:%61na@example.com", "mailto:ana@example.com" },
		{ "mailto:a%2Bb@example.com", "mailto:a+b@example.com" },
		{ "mailto:a%25b@example.com", "mailto:a%b@example.com" },
		{ "mailto:a/b=c@x-1.xn--4ca.example", "mailto:a/b=c@x-1.xn--4ca.example" },
		{ "tel:+4930123456", "tel:+4930123456" },
		{ "TEL:+49-30-(123).456", "tel:+4930123456" },
		{ "tel:+1234567", "tel:+1234567" },
		{ "tel:+123456789012345", "tel:+123456789012345" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *normal = NULL;
		assert_int_equal(contact_parse(&c, cases[i][0], 1, &normal), 0);
		assert_string_equal(normal, cases[i][1]);
	}
}

static void test_refusals(void **state)
{
	static const char *const cases[] = {
		"mailto:",
		"mailto:secret",
		"mailto:secret@",
		"mailto:@b.test",
		"mailto:secret@b@c.test",
		"mailto:secret@localhost",
		"mailto:secret@1.2.3.4",
		"mailto:secret@[1.2.3.4]",
		"mailto:secret@b..test",
		"mailto:secret@.b.test",
		"mailto:secret@b.test.",
		"mailto:secret@-b.test",
		"mailto:secret@b-.test",
		"mailto:.secret@b.test",
		"mailto:secret.@b.test",
		"mailto:se..cret@b.test",
		"mailto:se cret@b.test",
		"mailto:secret@b.test?subject=x",
		"mailto:secret@b.test,c@d.test",
		"mailto:secret%2Cc@d.test",
		"mailto:secret%00@b.test",
		"mailto:secret%0a@b.test",
		"mailto:secret%4",
		"mailto:secret%@b.test",
		"mailto:secret%zz@b.test",
		"mailto:secr\303\251t@b.test",
		"mailto:secr%C3%A9t@b.test",
		"mailto:\"secret\"@b.test",
		"mailto:secret\r\n@b.test",
		"mailto:<secret@b.test>",
		"mailto:secretsecretsecretsecretsecretsecretsecretsecretsecretsecretsecret@b.test",
		"tel:",
		"tel:+",
		"tel:4930123456",
		"tel:+0930123456",
		"tel:+123456",
		"tel:+1234567890123456",
		"tel:+4930123456;ext=1",
		"tel:+49 30 123456",
		"tel:+49301234a6",
		"secret@b.test",
		"sms:+4930123456",
		"",
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *normal = NULL;
		assert_int_equal(contact_parse(&c, cases[i], 7, &normal), -1);
		assert_null(normal);
		assert_true(c.err.type == PROBLEM_INVALID_CONTACT || c.err.type == PROBLEM_UNSUPPORTED_CONTACT);
		assert_non_null(strstr(c.err.detail, "Contact 7 "));
		assert_null(strstr(c.err.detail, "secret"));
		assert_null(strstr(c.err.detail, "b.test"));
		assert_null(c.err.cause);
		ctx_forgive(&c);
	}
}

static void test_longest(void **state)
{
	char url[400];
	const char *normal = NULL;
	(void) state;
	/* "a@", then labels of 63 up to 254 octets in all */
	(void) snprintf(url, sizeof(url), "mailto:aa@%063d.%063d.%063d.%056d.test", 0, 0, 0, 0);
	assert_int_equal(strlen(url), 7 + 256);
	assert_int_equal(contact_parse(&c, url, 1, &normal), -1);
	ctx_forgive(&c);
	(void) snprintf(url, sizeof(url), "mailto:aa@%063d.%063d.%063d.%054d.test", 0, 0, 0, 0);
	assert_int_equal(contact_parse(&c, url, 1, &normal), 0);
	assert_int_equal(strlen(normal), CONTACT_OCTETS_MAX);
}

static void test_lists(void **state)
{
	const char *same[] = { "mailto:a@b.test", "MAILTO:A@B.TEST", "tel:+4930123456" };
	const char *many[CONTACTS_MAX + 1];
	struct text_list found;
	(void) state;
	assert_int_equal(contacts_parse(&c, &(struct text_list) { same, 3 }, &found), 0);
	assert_int_equal(found.n, 2);
	for (size_t i = 0; i < COUNT_OF(many); i++) {
		many[i] = "mailto:a@b.test";
	}
	assert_int_equal(contacts_parse(&c, &(struct text_list) { many, CONTACTS_MAX }, &found), 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(contacts_parse(&c, &(struct text_list) { many, CONTACTS_MAX + 1 }, &found), -1);
	assert_int_equal(c.err.type, PROBLEM_INVALID_CONTACT);
	ctx_forgive(&c);
	assert_int_equal(contacts_parse(&c, &(struct text_list) { NULL, 0 }, &found), 0);
	assert_int_equal(found.n, 0);
}

/* One length whatever is inside, the most that is possible included; and never in the place of another account's. */
static void test_packed(void **state)
{
	char text[CONTACTS_MAX][300];
	const char *urls[CONTACTS_MAX];
	struct packed_contacts in = { .account = id_new(), .given_at = clock_now() };
	struct packed_contacts out;
	(void) state;
	for (int i = 0; i < CONTACTS_MAX; i++) {
		(void) snprintf(text[i], sizeof(text[i]), "mailto:%02d@%063d.%063d.%063d.%054d.test", i, 0, 0, 0, 0);
		urls[i] = text[i];
	}
	for (size_t n = 1; n <= CONTACTS_MAX; n += CONTACTS_MAX - 1) {
		assert_int_equal(contacts_parse(&c, &(struct text_list) { urls, n }, &in.contacts), 0);
		struct bytes packed = contacts_pack(c.arena, &in);
		assert_int_equal(packed.n, CONTACTS_PACKED_OCTETS);
		assert_int_equal(contacts_unpack(&c, packed, in.account, &out), 0);
		assert_int_equal(out.contacts.n, n);
		assert_string_equal(out.contacts.v[n - 1], urls[n - 1]);
		assert_int_equal(contacts_unpack(&c, packed, id_new(), &out), -1);
		assert_int_equal(c.err.type, PROBLEM_CONFLICT);
		ctx_forgive(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_packed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

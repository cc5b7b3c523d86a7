/* link: va */
/* Verdicts on answers about TXT, drawn from kept packets, and how TXT records are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policy/decide.h"
#include "policy/txt.h"

#define KEY_AUTHORIZATION "tokentokentokentokentoken.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define DIGEST "8XZSzLEN08nZN8cQUg5o7V6wu9GM9sg_pwEoEjqEW6U"

static struct arena *arena;

/* An answer about TXT of _acme-challenge.<label>.test, with one record of the strings given, parted by "|". */
static struct bytes packet_of(const char *label, int rcode, const char *strings)
{
	struct buffer b;
	buffer_init(&b, arena, 512);
	const uint8_t head[] = { 0, 0, 0x81, (uint8_t) (0x80 | rcode), 0, 1, 0, strings != NULL, 0, 0, 0, 0 };
	buffer_add(&b, head, sizeof(head));
	buffer_printf(&b, "%c_acme-challenge%c%s%ctest", 15, (int) strlen(label), label, 4);
	static const uint8_t question[] = { 0, 0, 16, 0, 1 };
	buffer_add(&b, question, sizeof(question));
	if (strings == NULL) {
		return buffer_bytes(&b);
	}
	static const uint8_t record[] = { 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60 };
	buffer_add(&b, record, sizeof(record));
	buffer_add_char(&b, 0);
	buffer_add_char(&b, (char) (strlen(strings) + 1)); /* each string's length stands in the place of a "|" */
	while (strings != NULL) {
		size_t n = strcspn(strings, "|");
		buffer_add_char(&b, (char) n);
		buffer_add(&b, strings, n);
		strings = strings[n] == '|' ? strings + n + 1 : NULL;
	}
	return buffer_bytes(&b);
}

static struct resolution resolution_of(struct bytes packet)
{
	return (struct resolution) { .name = "_acme-challenge.a.test", .type = "TXT", .dnssec = "insecure", .raw = packet };
}

static struct verdict decide(struct resolution *list, size_t n)
{
	const struct validate_request request = {
		.identifier = { "dns", "a.test" }, .method = "dns-01", .key_authorization = KEY_AUTHORIZATION
	};
	const struct decide_input in = { .request = &request };
	const struct validation_result result = { .resolutions = { list, n } };
	return decide_dns01(arena, &in, &result);
}

/* */
static void test_answers(void **state)
{
	static const struct {
		const char *strings;
		bool passed;
	} rows[] = {
		{ DIGEST, true },
		{ "8XZSzLEN08nZN8cQUg5o7|V6wu9GM9sg_pwEoEjqEW6U", true },
		{ "|" DIGEST "|", true },
		{ DIGEST "=", false },
		{ DIGEST "|x", false },
		{ "", false },
		{ NULL, false },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct resolution r = resolution_of(packet_of("a", 0, rows[i].strings));
		struct verdict v = decide(&r, 1);
		if (v.passed != rows[i].passed || v.fault || (!v.passed && v.problem != PROBLEM_UNAUTHORIZED)) {
			fail_msg("%s: %d %s", rows[i].strings, v.passed, v.detail);
		}
	}
	struct resolution r = resolution_of(packet_of("a", 0, DIGEST));
	((uint8_t *) (uintptr_t) r.raw.p)[r.raw.n - sizeof(DIGEST)]++; /* the string is longer than its record */
	struct verdict v = decide(&r, 1);
	assert_false(v.passed || v.fault);
	assert_non_null(strstr(v.detail, "\"malformed\""));
}

/* C-23: a record that does not bear out what it says proves nothing */
static void test_records_that_prove_nothing(void **state)
{
	(void) state;
	struct bytes good = packet_of("a", 0, DIGEST);
	struct resolution r = resolution_of(good);
	assert_true(decide(&r, 1).passed);
	assert_true(decide(NULL, 0).fault);
	r.dnssec = "bogus";
	assert_false(decide(&r, 1).passed);
	r.dnssec = NULL;
	assert_false(decide(&r, 1).passed);
	r = resolution_of(good);
	r.name = "_acme-challenge.b.test"; /* another name */
	assert_true(decide(&r, 1).fault);
	r = resolution_of(good);
	r.type = "A";
	assert_true(decide(&r, 1).fault);
	r = resolution_of(packet_of("b", 0, DIGEST)); /* the packet answers another question */
	assert_true(decide(&r, 1).fault);
	r = resolution_of((struct bytes) { good.p, good.n - 1 });
	assert_true(decide(&r, 1).fault);
	r = resolution_of((struct bytes) { NULL, 0 });
	assert_true(decide(&r, 1).fault);
	r = resolution_of(packet_of("a", 2, DIGEST)); /* SERVFAIL, and no error was recorded */
	assert_true(decide(&r, 1).fault);
	r = resolution_of(good);
	r.error = "no answer in time"; /* whatever the packet says */
	struct verdict v = decide(&r, 1);
	assert_false(v.passed || v.fault);
	assert_int_equal(v.problem, PROBLEM_DNS);
	r = resolution_of(good);
	r.rcode = 3;
	v = decide(&r, 1);
	assert_false(v.passed || v.fault);
	assert_int_equal(v.problem, PROBLEM_DNS);
	struct resolution two[] = { resolution_of(good), resolution_of(packet_of("a", 0, "other")) };
	assert_false(decide(two, 2).passed); /* the last one decides */
}

/* B-26: the example of the draft */
static void test_names(void **state)
{
	(void) state;
	struct validate_request request = { .identifier = { "dns", "example.org" },
		.method = "dns-account-01",
		.account_url = "https://example.com/acme/acct/ExampleAccount" };
	assert_string_equal(decide_dns_name(arena, &request), "_ujmmovf2vn55tgye._acme-challenge.example.org");
	request.method = "dns-01";
	assert_string_equal(decide_dns_name(arena, &request), "_acme-challenge.example.org");
}

static void test_txt(void **state)
{
	(void) state;
	struct bytes value;
	static const uint8_t rdata[] = { 2, 'a', '"', 0, 3, 1, '\\', 0xff };
	const struct bytes whole = { rdata, sizeof(rdata) };
	assert_int_equal(txt_join(arena, whole, &value), 0);
	assert_true(bytes_equal(value, (struct bytes) { (const uint8_t *) "a\"\x01\\\xff", 5 }));
	assert_string_equal(txt_encode(arena, whole), "\"a\\\"\" \"\" \"\\001\\\\\\255\"");
	const struct bytes cut = { rdata, sizeof(rdata) - 1 };
	const struct bytes empty = { rdata, 0 };
	assert_int_equal(txt_join(arena, cut, &value), -1);
	assert_int_equal(txt_join(arena, empty, &value), -1);
	assert_string_equal(txt_encode(arena, cut), "malformed");
	assert_string_equal(txt_encode(arena, empty), "malformed");
}

static int set_up(void **state)
{
	(void) state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void) state;
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_records_that_prove_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_txt, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

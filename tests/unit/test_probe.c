/* link: va */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "va/probe.h"

/* C-25: only what was refused for its signatures shows that they are looked at */
static void test_judgement(void **state)
{
	static const struct {
		const char *dnssec;
		const char *error;
		int judged;
	} rows[] = {
		{ "bogus", "DNSSEC validation failed", 1 },
		{ "insecure", NULL, 0 },
		{ "secure", NULL, 0 },
		{ "off", NULL, 0 },
		{ "insecure", "SERVFAIL", -1 },
		{ "insecure", "no answer in time", -1 },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct resolution record = { .dnssec = rows[i].dnssec, .error = rows[i].error };
		assert_int_equal(probe_judge(&record), rows[i].judged);
	}
}

static void test_when(void **state)
{
	const struct config_va none = { .dnssec_probe = "", .dnssec_probe_s = 1 };
	const struct config_va some = { .dnssec_probe = "broken.example", .dnssec_probe_s = 1 };
	(void) state;
	assert_null(probe_new(&none));
	assert_true(probe_due_us(NULL) == INT64_MAX);
	probe_run(NULL, NULL, 0);
	probe_free(NULL);
	struct probe *p = probe_new(&some);
	assert_int_equal(probe_due_us(p), 0); /* at the start */
	probe_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judgement),
		cmocka_unit_test(test_when),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

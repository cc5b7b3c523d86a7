/* link: va */
/* dns-01 against a real name server: see va_world.h. */
#include "tests/unit/va_run.h"
#include "policy/decide.h"

/* */
static void test_records(void **state)
{
	static const struct row rows[] = {
		{ "txt.example", NULL, "" },
		{ "many.example", NULL, "" },
		{ "split.example", NULL, "" },
		{ "cname.example", NULL, "" },
		{ "two.tcp.example", NULL, "" }, /* cut off by UDP */
		{ "padded.example", "UNAUTHORIZED", "Incorrect TXT record \"" WORLD_DIGEST " \" found at" },
		{ "upper.example", "UNAUTHORIZED", "Incorrect TXT record" },
		{ "odd.example", "UNAUTHORIZED", "Incorrect TXT record \"a..b\" found at _acme-challenge.odd.example" },
		{ "wrong.example", "UNAUTHORIZED", "\" (and 2 more) found at _acme-challenge.wrong.example" },
		{ "quoted.example", "UNAUTHORIZED", ": its quotes are part of the value" },
		{ "undigested.example", "UNAUTHORIZED", ": this is the key authorization, whose SHA-256" },
		{ "astray.example", "UNAUTHORIZED",
		    "\"hello\" found at _acme-challenge.astray.example (an alias that leads to "
		    "wrong.elsewhere.example.)" },
		{ "address.example", "UNAUTHORIZED", "No TXT record found at _acme-challenge.address.example" },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows));
}

/* C-23: what could not be found out is never permission */
static void test_failures(void **state)
{
	static const struct row rows[] = {
		{ "nothing.example", "DNS", "NXDOMAIN looking up TXT for _acme-challenge.nothing.example - check that" },
		{ "dangling.example", "DNS", "NXDOMAIN looking up TXT for _acme-challenge.dangling.example" },
		{ "failing.example", "DNS", "DNS problem: SERVFAIL looking up TXT for _acme-challenge.failing.example" },
		{ "refusing.example", "DNS", "looking up TXT for _acme-challenge.refusing.example" },
		{ "silent.example", "DNS", "no answer in time looking up TXT for _acme-challenge.silent.example" },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows));
	/* libunbound's own limit, told as such: eleven restarts */
	check("chain.example", "DNS", "maximum number restarts (eg. indirections)");
	check("chain.example", "DNS", "use fewer aliases (CNAME) in a row");
	char name[254];
	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 50) {
		name[i] = '.';
	}
	name[240] = '\0';
	check(name, "DNS", "the name is longer than DNS allows");
}

/* C-4, C-5, C-8: neither a record of the name above, nor one of the name's own alias, proves control of it */
static void test_no_other_name_counts(void **state)
{
	static const struct row rows[] = {
		{ "second.alias.example", NULL, "" },
		{ "pass.alias.example", "DNS", "NXDOMAIN looking up TXT for _acme-challenge.pass.alias.example" },
		{ "sub.txt.example", "DNS", "NXDOMAIN looking up TXT for _acme-challenge.sub.txt.example" },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows));
}

/* What was written a moment ago is seen, whatever was there before: no answer about TXT is kept. */
static void test_changes_are_seen(void **state)
{
	(void) state;
	for (int i = 0; i < 3; i++) {
		atomic_store(&world_txt, "before");
		check("changing.example", "UNAUTHORIZED", "Incorrect TXT record \"before\"");
		atomic_store(&world_txt, WORLD_DIGEST);
		check("changing.example", NULL, "");
	}
}

static void check_with_caa(const char *name, bool wildcard, const char *problem, const char *detail)
{
	struct run r;
	run_init(&r, name);
	r.in.wildcard = wildcard;
	run_begin(&r);
	run_wait(&r);
	check_against(&r, problem, detail);
	assert_true(r.result->caa.checked);
	run_free(&r);
}

/* C-32, C-43: a wildcard is validated as the name below it, and its CAA is that of wildcards */
static void test_caa(void **state)
{
	(void) state;
	check_with_caa("txt.example", true, NULL, "");
	check_with_caa("nowild.example", false, NULL, "");
	check_with_caa("nowild.example", true, "CAA", "authorises nobody");
	check_with_caa("onlyhttp.example", false, "CAA", "does not allow the validation method");
	check_with_caa("onlydns.example", true, NULL, "");
}

/* F-43, G-3: every record that was seen, how the name was resolved, and when */
static void test_evidence(void **state)
{
	struct run r;
	(void) state;
	run_init(&r, "cname.example");
	r.in.check_caa = false;
	run_begin(&r);
	run_wait(&r);
	assert_string_equal(r.result->method, "dns-01");
	assert_int_equal(r.result->attempts.n, 0);
	assert_int_equal(r.result->resolutions.n, 1);
	const struct resolution *t = &r.result->resolutions.v[0];
	assert_string_equal(t->name, "_acme-challenge.cname.example");
	assert_string_equal(t->type, "TXT");
	assert_string_equal(t->resolver, resolver.forward);
	assert_string_equal(t->dnssec, "off");
	assert_string_equal(t->canonical_name, "two.elsewhere.example.");
	assert_int_equal(t->rcode, 0);
	assert_int_equal(t->answers.n, 1);
	assert_string_equal(t->answers.v[0], "\"" WORLD_DIGEST "\"");
	assert_true(t->raw.n > 0 && t->started_at.us > 0 && t->duration_us >= 0);
	run_free(&r);
	run_init(&r, "many.example");
	r.in.check_caa = false;
	run_begin(&r);
	run_wait(&r);
	assert_int_equal(r.result->resolutions.v[0].answers.n, 5);
	run_free(&r);
}

/* C-23: a resolver that validates gets an unsigned answer below the signed root */
static void test_dnssec_is_required(void **state)
{
	struct engine *loose = engine;
	struct config_va strict_config = config;
	struct config_resolver strict = resolver;
	struct run r;
	(void) state;
	strict.dnssec = "require";
	strict_config.resolvers = (struct config_resolver_list) { &strict, 1 };
	run_init(&r, "txt.example");
	r.in.check_caa = false;
	assert_int_equal(engine_new(&r.c, &strict_config, &engine), 0);
	assert_int_equal(engine_start(&r.c, engine), 0);
	run_begin(&r);
	run_wait(&r);
	check_against(&r, "DNS", "DNSSEC validation failed");
	assert_string_equal(r.result->resolutions.v[0].dnssec, "bogus");
	engine_drain(engine, 1000);
	engine_free(engine);
	engine = loose;
	run_free(&r);
}

/* B-26: the label is of the account, and what proves control by it proves nothing by dns-01 */
static void test_account_label(void **state)
{
	static const struct row by_account[] = {
		{ "account.example", NULL, "" },
		{ "txt.example", "DNS", "looking up TXT for _bb55pyrwl3od577j._acme-challenge.txt.example" },
	};
	static const struct row by_name[] = {
		{ "account.example", "UNAUTHORIZED", "No TXT record found at _acme-challenge.account.example" },
	};
	(void) state;
	check_rows(by_name, COUNT_OF(by_name));
	method = "dns-account-01";
	check_rows(by_account, COUNT_OF(by_account));
	method = "dns-01";
}

/* B-29..B-31: what stands at the name itself for good, of this CA, for this account */
static void test_standing_records(void **state)
{
	static const struct row rows[] = {
		{ "standing.example", NULL, "" },
		{ "alone.example", NULL, "" },
		{ "led.example", NULL, "" },
		{ "second.example", "UNAUTHORIZED",
		    "is for the account \"https://ca.test/acct/2\", not for https://ca.test/acct/1" },
		{ "over.example", "UNAUTHORIZED", "was good until 1 only" },
		{ "lost.example", "MALFORMED", "it has no accounturi" },
		{ "foreign.example", "UNAUTHORIZED", "No TXT record of this CA found at _validation-persist.foreign.example" },
		{ "www.standing.example", "DNS", "NXDOMAIN looking up TXT for _validation-persist.www.standing.example" },
		{ "txt.example", "DNS", "NXDOMAIN looking up TXT for _validation-persist.txt.example" },
	};
	(void) state;
	method = "dns-persist-01";
	check_rows(rows, COUNT_OF(rows));
	check_with_caa("standing.example", true, NULL, "");
	check_with_caa("alone.example", true, "UNAUTHORIZED", "has no policy=wildcard");
	method = "dns-01";
}

/* The process ends: nothing is concluded. In a world of its own, where no name server is known to be silent yet. */
static void test_drain(void **state)
{
	struct run r;
	(void) state;
	run_init(&r, "silent.example");
	r.in.check_caa = false;
	run_begin(&r);
	engine_drain(engine, 1);
	run_wait(&r);
	assert_true(r.result->fault && !r.result->passed);
	run_free(&r);
}

static int set_up_dns01(void **state)
{
	method = "dns-01";
	return set_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_no_other_name_counts),
		cmocka_unit_test(test_changes_are_seen),
		cmocka_unit_test(test_caa),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_account_label),
		cmocka_unit_test(test_standing_records),
		cmocka_unit_test(test_dnssec_is_required),
	};
	const struct CMUnitTest last[] = { cmocka_unit_test(test_drain) };
	return cmocka_run_group_tests(tests, set_up_dns01, tear_down) +
	       cmocka_run_group_tests(last, set_up_dns01, tear_down);
}

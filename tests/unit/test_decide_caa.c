/* link: va */
/* The verdict on CAA, drawn from recorded lookups, and which lookup is wanted while they do not suffice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policy/decide_caa.h"
#include "policy/dns_trouble.h"
#include "tests/unit/dns_packet.h"

#define UNREACHABLE "22 No Reachable Authority"
#define SERVER_FAILED "all servers for this domain failed, at zone test. from 192.0.2.1 got SERVFAIL"

static struct arena *arena;
static struct resolution list[64];
static struct resolution_list lookups;
static struct validation_basis basis;
static struct validate_request request;

static void begin(const char *name)
{
	static const char *names[] = { "ca.test" };
	request = (struct validate_request) { .identifier = { "dns", name },
		.method = "dns-01",
		.account_url = "https://ca.test/a/1",
		.caa_identities = { names, 1 } };
	basis = (struct validation_basis) { 0 };
	lookups = (struct resolution_list) { list, 0 };
}

/* What is wanted next, as "TYPE name" or "TYPE name again"; "-" when the verdict is there. */
static const char *wanted(void)
{
	struct caa_decision d = decide_caa(arena, &request, &basis, &lookups);
	if (d.next == NULL) {
		return "-";
	}
	return arena_printf(arena, "%s %s%s", d.type == LOOKUP_CAA ? "CAA" : "DS", d.next, d.again ? " again" : "");
}

static void add(const char *type, const char *name, const char *dnssec, const char *error, struct bytes raw)
{
	list[lookups.n++] = (struct resolution) { .name = name,
		.type = type,
		.dnssec = dnssec,
		.error = error,
		.ede = error == NULL ? NULL : UNREACHABLE,
		.reason = error == NULL ? NULL : SERVER_FAILED,
		.resolver = "recursive",
		.raw = raw };
}

static void add_empty(const char *name, const char *dnssec)
{
	struct packet p;
	packet_begin(&p, arena, name, P_CAA, 0);
	add("CAA", name, dnssec, NULL, packet_end(&p));
}

static void add_set(const char *name, const char *tag, const char *value)
{
	struct packet p;
	struct buffer b;
	buffer_init(&b, arena, 64);
	buffer_add_char(&b, 0);
	buffer_add_char(&b, (char) strlen(tag));
	buffer_add_text(&b, tag);
	buffer_add_text(&b, value);
	packet_begin(&p, arena, name, P_CAA, 0);
	packet_add(&p, false, name, P_CAA, buffer_bytes(&b));
	add("CAA", name, "secure", NULL, packet_end(&p));
}

static void add_failure(const char *name)
{
	add("CAA", name, "insecure", "SERVFAIL", (struct bytes) { NULL, 0 });
	add("CAA", name, "insecure", "no answer in time", (struct bytes) { NULL, 0 });
}

enum shows { SHOWS_NOTHING, SHOWS_DS, SHOWS_UNSIGNED };

static void add_ds(const char *name, const char *dnssec, enum shows shows)
{
	struct packet p;
	packet_begin(&p, arena, name, P_DS, 0);
	if (shows == SHOWS_DS) {
		packet_add(&p, false, name, P_DS, (struct bytes) { (const uint8_t *) "\1\2\15\2abcd", 8 });
	} else {
		static const unsigned delegation[] = { P_NS, 0 };
		static const unsigned other[] = { 1, 0 };
		struct buffer b;
		buffer_init(&b, arena, 64);
		packet_name(&b, "z");
		packet_bitmap(&b, shows == SHOWS_UNSIGNED ? delegation : other);
		packet_add(&p, true, name, P_NSEC, buffer_bytes(&b));
	}
	add("DS", name, dnssec, NULL, packet_end(&p));
}

static void check(enum problem problem, const char *text)
{
	struct caa_decision d = decide_caa(arena, &request, &basis, &lookups);
	assert_null(d.next);
	assert_true(d.verdict.passed == (problem == PROBLEM_NONE));
	const char *said = d.verdict.passed ? (d.result.reason == NULL ? "" : d.result.reason) : d.verdict.detail;
	assert_true(d.verdict.passed || d.verdict.problem == problem);
	if (strstr(said, text) == NULL) {
		fail_msg("%s", said);
	}
}

/* C-31: up to the name below the root; what the closest set says counts */
static void test_climbing(void **state)
{
	(void) state;
	begin("a.b.test");
	assert_string_equal(wanted(), "CAA a.b.test");
	add_empty("a.b.test", "insecure");
	assert_string_equal(wanted(), "CAA b.test");
	add_empty("b.test", "secure");
	assert_string_equal(wanted(), "CAA test");
	add_empty("test", "secure");
	check(PROBLEM_NONE, "");
	lookups.n = 2;
	add_set("test", "issue", "other.test");
	check(PROBLEM_CAA,
	    "CAA for a.b.test forbids it: The CAA record 0 issue \"other.test\" names another CA (found at test)");
	lookups.n = 1;
	add_set("b.test", "issue", "ca.test");
	check(PROBLEM_NONE, "");
	struct caa_decision d = decide_caa(arena, &request, &basis, &lookups);
	assert_string_equal(d.result.found_at, "b.test");
}

/* C-39: who is to be told of a refusal is in the record */
static void test_iodef(void **state)
{
	struct packet p;
	(void) state;
	begin("a.test");
	packet_begin(&p, arena, "a.test", P_CAA, 0);
	packet_add(&p, false, "a.test", P_CAA, (struct bytes) { (const uint8_t *) "\0\5issue;", 8 });
	packet_add(&p, false, "a.test", P_CAA, (struct bytes) { (const uint8_t *) "\0\5IODEFmailto:a@a.test\n", 23 });
	add("CAA", "a.test", "secure", NULL, packet_end(&p));
	list[0].answers = (struct text_list) { NULL, 0 };
	struct caa_decision d = decide_caa(arena, &request, &basis, &lookups);
	assert_false(d.verdict.passed);
	assert_int_equal(d.result.iodef.n, 1);
	assert_string_equal(d.result.iodef.v[0], "mailto:a@a.test?");
	assert_non_null(strstr(d.result.reason, "authorises nobody"));
}

/* C-38: asked again, then from the anchor down until the zone is seen to be unsigned */
static void test_a_failure_in_an_unsigned_zone(void **state)
{
	(void) state;
	begin("a.b.test");
	add("CAA", "a.b.test", "insecure", "SERVFAIL", (struct bytes) { NULL, 0 });
	assert_string_equal(wanted(), "CAA a.b.test again");
	lookups.n = 0;
	add_failure("a.b.test");
	assert_string_equal(wanted(), "DS test again");
	add_ds("test", "secure", SHOWS_DS);
	assert_string_equal(wanted(), "DS b.test again");
	add_ds("b.test", "secure", SHOWS_UNSIGNED);
	assert_string_equal(wanted(), "CAA b.test"); /* what stands above counts all the same */
	add_empty("b.test", "insecure");
	add_empty("test", "secure");
	check(PROBLEM_NONE, "CAA for a.b.test failed twice (no answer in time)");
	/* and only once it is known that the silence is not ours */
	assert_true(decide_caa(arena, &request, &basis, &lookups).verdict.silent);
	lookups.n--;
	add_set("test", "issue", ";");
	check(PROBLEM_CAA, "found at test");
	basis.caa_strict = true;
	check(PROBLEM_DNS, "DNS problem: no answer in time looking up CAA for a.b.test (EDE 22 ");
}

/* C-23, C-38: never permission */
static void test_failures_that_refuse(void **state)
{
	(void) state;
	begin("a.b.test");
	add_failure("a.b.test");
	add_ds("test", "secure", SHOWS_DS);
	add_ds("b.test", "secure", SHOWS_DS);
	assert_string_equal(wanted(), "DS a.b.test again");
	add_ds("a.b.test", "secure", SHOWS_NOTHING);
	check(PROBLEM_DNS, "the zone is signed");
	lookups.n = 2;
	add("DS", "test", "insecure", "SERVFAIL", (struct bytes) { NULL, 0 });
	check(PROBLEM_DNS, "could not be found out either");
	lookups.n = 2;
	add("DS", "test", "bogus", NULL, (struct bytes) { NULL, 0 });
	check(PROBLEM_DNS, "could not be found out either");
	lookups.n = 2;
	add("DS", "test", "off", NULL, (struct bytes) { NULL, 0 }); /* nobody proved anything there */
	check(PROBLEM_DNS, "could not be found out either");
	lookups.n = 2;
	add("DS", "test", "secure", NULL, (struct bytes) { NULL, 0 });
	check(PROBLEM_SERVER_INTERNAL, "contradicts itself");
	for (int second = 0; second < 2; second++) {
		lookups.n = 0;
		add_failure("a.b.test");
		list[second].dnssec = "bogus";
		lookups.n = (size_t) second + 1;
		list[second].error = "DNSSEC validation failed";
		check(PROBLEM_DNS, "DNSSEC validation failed looking up CAA for a.b.test");
	}
	lookups.n = 0;
	add_failure("a.b.test");
	list[0].dnssec = list[1].dnssec = "off"; /* DNSSEC is off there, so it proves nothing */
	check(PROBLEM_DNS, "no answer in time looking up CAA");
	lookups.n = 0;
	add_failure("a.b.test");
	list[1].ede = NULL; /* not the zone's fault: the answer was too large for us */
	check(PROBLEM_DNS, "no answer in time looking up CAA");
	list[1].ede = "0 Other"; /* nor is a limit of our resolver */
	check(PROBLEM_DNS, "the way to the answer is longer than any name is followed");
	for (size_t which = 0; which < 2;
	     which++) { /* one that asked nobody, by our own resolver, or never left the CA says nothing */
		lookups.n = 0;
		add_failure("a.b.test");
		list[which].error = "SERVFAIL";
		list[which].reason = "SERVFAIL in cache";
		check(PROBLEM_DNS, "SERVFAIL in cache");
		list[which].reason = NULL;
		check(PROBLEM_DNS, "SERVFAIL looking up CAA for a.b.test");
		list[which].reason = SERVER_FAILED;
		list[which].resolver = "192.0.2.53@53";
		check(PROBLEM_DNS, "SERVFAIL looking up CAA for a.b.test");
		lookups.n = 0;
		add_failure("a.b.test");
		list[which].ede = dns_trouble_not_asked();
		check(PROBLEM_DNS, "too many names of this domain at once");
	}
}

/* C-23, C-38: a name that the signed zone denies has no zone of its own, whether its answer came with a packet or not. */
static void test_a_name_that_is_denied(void **state)
{
	struct packet p;
	(void) state;
	begin("a.b.test");
	add_failure("a.b.test");
	add_ds("test", "secure", SHOWS_DS);
	for (int with_packet = 0; with_packet < 2; with_packet++) {
		lookups.n = 3;
		for (size_t i = 0; i < 2; i++) {
			const char *name = i == 0 ? "b.test" : "a.b.test";
			packet_begin(&p, arena, name, P_DS, 3);
			assert_string_equal(wanted(), arena_printf(arena, "DS %s again", name));
			add("DS", name, "secure", NULL, with_packet ? packet_end(&p) : (struct bytes) { NULL, 0 });
			list[lookups.n - 1].rcode = 3;
		}
		check(PROBLEM_DNS, "the zone is signed");
	}
}

/* Time ran out: what the last lookup met is told. */
static void test_late(void **state)
{
	(void) state;
	begin("a.b.test");
	basis.caa_late = true;
	check(PROBLEM_SERVER_INTERNAL, "contradicts itself"); /* nothing was asked */
	add_failure("a.b.test");
	lookups.n = 1;
	check(PROBLEM_DNS, "DNS problem: SERVFAIL looking up CAA for a.b.test (EDE 22 ");
	lookups.n = 2;
	add("DS", "test", "insecure", "no answer in time", (struct bytes) { NULL, 0 });
	check(PROBLEM_DNS, "no answer in time");
}

/* The chain begins where a key is known: what a parent says of its own delegation does not count for an anchor's zone. */
static void test_own_anchor(void **state)
{
	(void) state;
	begin("a.b.corp.test");
	basis.trust_anchor = "corp.test.";
	add_failure("a.b.corp.test");
	assert_string_equal(wanted(), "DS b.corp.test again");
	add_ds("b.corp.test", "insecure", SHOWS_NOTHING);
	assert_string_equal(wanted(), "CAA b.corp.test");
	begin("corp.test");
	basis.trust_anchor = "corp.test";
	add_failure("corp.test");
	check(PROBLEM_DNS, "the zone is signed");
}

static void test_records_that_contradict(void **state)
{
	(void) state;
	begin("a.test");
	add_empty("a.test", "bogus");
	check(PROBLEM_SERVER_INTERNAL, "contradicts itself");
	lookups.n = 0;
	add_empty("b.test", "secure");
	list[0].name = "a.test"; /* the packet is about another name */
	check(PROBLEM_SERVER_INTERNAL, "contradicts itself");
	lookups.n = 0;
	add("CAA", "a.test", "secure", NULL, (struct bytes) { NULL, 0 });
	check(PROBLEM_SERVER_INTERNAL, "contradicts itself");
	struct packet p;
	lookups.n = 0;
	packet_begin(&p, arena, "a.test", P_CAA, 2);
	add("CAA", "a.test", "secure", NULL, packet_end(&p));
	check(PROBLEM_SERVER_INTERNAL, "contradicts itself");
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_climbing),
		TEST(test_iodef),
		TEST(test_a_failure_in_an_unsigned_zone),
		TEST(test_failures_that_refuse),
		TEST(test_a_name_that_is_denied),
		TEST(test_late),
		TEST(test_own_anchor),
		TEST(test_records_that_contradict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The verdict on a whole validation, drawn from records alone: CAA up the tree, both parts together, faults of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buffer.h"
#include "policy/decide_caa.h"
#include "policy/decide_validation.h"

#define CONTRADICTION "contradicts itself"

static struct arena *arena;
static const char *identity = "ca.test";

/* An answer about CAA of <label>.test, or of test, with one record `issue "<issuer>"` or none. */
static struct bytes packet_of(const char *label, const char *issuer)
{
	struct buffer b;
	buffer_init(&b, arena, 256);
	const uint8_t head[] = { 0, 0, 0x81, 0x80, 0, 1, 0, issuer != NULL, 0, 0, 0, 0 };
	buffer_add(&b, head, sizeof(head));
	if (label[0] != '\0') {
		buffer_printf(&b, "%c%s", (int) strlen(label), label);
	}
	static const uint8_t question[] = { 4, 't', 'e', 's', 't', 0, 1, 1, 0, 1 };
	buffer_add(&b, question, sizeof(question));
	if (issuer != NULL) {
		const uint8_t record[] = { 0xc0, 12, 1, 1, 0, 1, 0, 0, 0, 60, 0, (uint8_t) (7 + strlen(issuer)), 0, 5 };
		buffer_add(&b, record, sizeof(record));
		buffer_printf(&b, "issue%s", issuer);
	}
	return buffer_bytes(&b);
}

static struct resolution lookup_of(const char *name, struct bytes packet)
{
	return (struct resolution) { .name = name, .type = "CAA", .dnssec = "insecure", .raw = packet };
}

static struct validate_request request_of(void)
{
	return (struct validate_request) {
		.identifier = { "dns", "a.test" }, .caa_identities = { &identity, 1 }, .account_url = "x", .check_caa = true
	};
}

static struct caa_decision caa_of(struct resolution *list, size_t n)
{
	const struct validate_request request = request_of();
	const struct resolution_list resolutions = { list, n };
	const struct validation_basis basis = { 0 };
	return decide_caa(arena, &request, &basis, &resolutions);
}

/* C-31: each name in turn, and nothing is decided before all were asked. */
static void test_caa_climbs(void **state)
{
	(void) state;
	assert_string_equal(caa_of(NULL, 0).next, "a.test");
	struct resolution both[] = { lookup_of("a.test", packet_of("a", NULL)), lookup_of("test", packet_of("", NULL)) };
	assert_string_equal(caa_of(both, 1).next, "test");
	assert_null(caa_of(both, 2).next);
	assert_true(caa_of(both, 2).verdict.passed);
	assert_null(caa_of(both, 2).result.found_at);
	both[1].raw = packet_of("", "ca.test");
	assert_true(caa_of(both, 2).verdict.passed);
	assert_string_equal(caa_of(both, 2).result.found_at, "test");
	both[0].raw = packet_of("a", "other.test");
	struct caa_decision decision = caa_of(both, 2);
	assert_false(decision.verdict.passed || decision.verdict.fault);
	assert_int_equal(decision.verdict.problem, PROBLEM_CAA);
	assert_non_null(strstr(decision.verdict.detail, "names another CA (found at a.test)"));
	struct resolution gone = { .name = "a.test", .type = "CAA", .dnssec = "secure", .rcode = 3 };
	assert_string_equal(caa_of(&gone, 1).next, "test");
}

/* C-38: neither a lookup that failed nor a record that can't be is a permission. */
static void test_caa_refuses(void **state)
{
	(void) state;
	struct resolution r = lookup_of("a.test", packet_of("a", "ca.test"));
	assert_true(caa_of(&r, 1).verdict.passed);
	struct resolution changed[] = { r, r, r, r };
	changed[0].dnssec = "bogus";
	changed[1].raw = packet_of("b", "ca.test");
	changed[2].raw.n -= 1;
	changed[3].dnssec = NULL;
	for (size_t i = 0; i < COUNT_OF(changed); i++) {
		struct caa_decision decision = caa_of(&changed[i], 1);
		assert_null(decision.next);
		assert_true(decision.verdict.fault);
		assert_non_null(strstr(decision.verdict.detail, CONTRADICTION));
	}
	r.error = "SERVFAIL";
	assert_string_equal(caa_of(&r, 1).next, "a.test");
	struct resolution twice[] = { r, r };
	assert_int_equal(caa_of(twice, 2).verdict.problem, PROBLEM_DNS);
	assert_string_equal(caa_of(twice, 2).verdict.detail, "DNS problem: SERVFAIL looking up CAA for a.test");
}

static struct verdict whole(struct validate_request *request, struct validation_result *result)
{
	struct ctx c;
	struct decide_input in;
	ctx_init(&c);
	assert_int_equal(decide_input_of(&c, request, &result->basis, &in), 0);
	struct verdict verdict = decide_validation(arena, &in, result);
	ctx_done(&c);
	return verdict;
}

static void expect_fault(struct verdict v, const char *detail)
{
	assert_false(v.passed);
	assert_true(v.fault);
	assert_int_equal(v.problem, PROBLEM_SERVER_INTERNAL);
	assert_non_null(strstr(v.detail, detail));
}

/* What is said when both parts failed, and when a fault of ours is among it. */
static void test_whole(void **state)
{
	(void) state;
	struct validate_request request = request_of();
	struct resolution list[] = { lookup_of("a.test", packet_of("a", "ca.test")),
		{ .name = "_acme-challenge.a.test", .type = "TXT", .dnssec = "secure", .rcode = 3 } };
	struct validation_result result = { .resolutions = { list, 2 } };
	assert_true(whole(&request, &result).passed);
	result.basis.cut_short = true;
	assert_true(whole(&request, &result).passed); /* it was decided before */
	result.basis = (struct validation_basis) { .caa_fault = true };
	expect_fault(whole(&request, &result), "while CAA was looked up");
	request.key_authorization = "t.k";
	request.method = "dns-01";
	assert_int_equal(whole(&request, &result).problem, PROBLEM_DNS); /* NXDOMAIN, whatever became of CAA */
	result.basis = (struct validation_basis) { .control_fault = true };
	expect_fault(whole(&request, &result), "internal error");
	list[0].raw = packet_of("a", "other.test");
	assert_int_equal(whole(&request, &result).problem, PROBLEM_CAA);
	result.basis.cut_short = true;
	expect_fault(whole(&request, &result), "shutting down");
	result.basis = (struct validation_basis) { .control_fault = false };
	result.resolutions.n = 0;
	expect_fault(whole(&request, &result), CONTRADICTION);
	request.method = "dns-99";
	expect_fault(whole(&request, &result), "no such method");
}

static void test_networks(void **state)
{
	(void) state;
	const char *networks[] = { "10.0.0.0/8", "nonsense" };
	struct validate_request request = request_of();
	struct validation_basis basis = { .http01_port = 80, .allow_networks = { networks, 2 } };
	struct decide_input in;
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(decide_input_of(&c, &request, &basis, &in), -1);
	basis.allow_networks.n = 1;
	ctx_forgive(&c);
	assert_int_equal(decide_input_of(&c, &request, &basis, &in), 0);
	assert_int_equal(in.ports.http, 80);
	assert_int_equal(in.reach->allowed.n, 1);
	ctx_done(&c);
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
		cmocka_unit_test(test_caa_climbs),
		cmocka_unit_test(test_caa_refuses),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_networks),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

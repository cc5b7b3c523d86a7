/* link: va */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policy/decide.h"
#include "tests/unit/address_answer.h"

#define NAME "a.example"
#define URL "http://a.example/.well-known/acme-challenge/tok"
#define KEY_AUTHORIZATION "tok.thumbprint"
#define ADDRESS "93.184.216.34"

static const char *addresses[] = { "2606:2800::1", ADDRESS };

static struct connection_attempt answer(const char *url, int64_t status, const char *body)
{
	return (struct connection_attempt) { .url = url,
		.host = NAME,
		.port = 80,
		.addresses_resolved = { addresses, 2 },
		.address_used = ADDRESS,
		.http_status = status,
		.body = bytes_of_text(body),
		.body_octets = (int64_t) strlen(body) };
}

static struct verdict decide_by(
    struct arena *a, const struct connection_attempt *v, size_t n, struct resolution_list resolutions)
{
	static const struct ip_reach none = { { NULL, 0 }, { NULL, 0 } };
	const struct validate_request request = { .identifier = { "dns", NAME }, .key_authorization = KEY_AUTHORIZATION };
	struct decide_input in = { &request, { 80, 443 }, &none };
	struct connection_attempt list[16];
	assert_true(n <= COUNT_OF(list));
	memcpy(list, v, n * sizeof(*v));
	const struct validation_result result = { .attempts = { list, n }, .resolutions = resolutions };
	return decide_http01(a, &in, &result);
}

static struct verdict decide(struct arena *a, const struct connection_attempt *v, size_t n)
{
	struct resolution lookups[] = { address_answer(a, NAME, addresses[0]), address_answer(a, NAME, ADDRESS),
		address_answer(a, "b.example", ADDRESS) };
	return decide_by(a, v, n, (struct resolution_list) { lookups, COUNT_OF(lookups) });
}

/* G-3, A-106: the address that was used is one that a recorded packet gives to this very name, and verified as far as it can be. */
static void test_address_was_answered(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct connection_attempt t = answer(URL, 200, KEY_AUTHORIZATION);
	struct resolution good = address_answer(a, NAME, ADDRESS);
	struct resolution bad[] = { good, good, good, good, address_answer(a, "b.example", ADDRESS),
		address_answer(a, NAME, "93.184.216.35"), address_answer(a, NAME, addresses[0]) };
	bad[0].raw.n = 0;
	bad[1].dnssec = "bogus";
	bad[2].error = "SERVFAIL";
	bad[3].name = "b.example"; /* asked for, or so it says, for another */
	bad[4].name = NAME;
	assert_true(decide_by(a, &t, 1, (struct resolution_list) { &good, 1 }).passed);
	assert_true(decide_by(a, &t, 1, (struct resolution_list) { NULL, 0 }).fault);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct verdict v = decide_by(a, &t, 1, (struct resolution_list) { &bad[i], 1 });
		if (v.passed || !v.fault) {
			fail_msg("lookup %zu", i);
		}
	}
	arena_free(a);
}

/* A-104, C-10 */
static void test_bodies(void **state)
{
	static const struct {
		int64_t status;
		const char *body;
		bool passed;
	} rows[] = {
		{ 200, KEY_AUTHORIZATION, true },
		{ 200, KEY_AUTHORIZATION "\n", true },
		{ 200, KEY_AUTHORIZATION "\r\n\t \v\f\r\n", true },
		{ 200, "", false },
		{ 200, "   ", false },
		{ 200, " " KEY_AUTHORIZATION, false },
		{ 200, "\xef\xbb\xbf" KEY_AUTHORIZATION, false },
		{ 200, KEY_AUTHORIZATION "x", false },
		{ 200, KEY_AUTHORIZATION "\nx", false },
		{ 200, KEY_AUTHORIZATION "\xc2\xa0", false },
		{ 200, "tok.thumbprin", false },
		{ 200, "TOK.thumbprint", false },
		{ 200, "tok", false },
		{ 200, "<html>" KEY_AUTHORIZATION "</html>", false },
		{ 201, KEY_AUTHORIZATION, false },
		{ 204, KEY_AUTHORIZATION, false },
		{ 206, KEY_AUTHORIZATION, false },
		{ 303, KEY_AUTHORIZATION, false },
		{ 404, KEY_AUTHORIZATION, false },
		{ 500, KEY_AUTHORIZATION, false },
		{ 0, KEY_AUTHORIZATION, false },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena *a = arena_new();
		struct connection_attempt t = answer(URL, rows[i].status, rows[i].body);
		struct verdict v = decide(a, &t, 1);
		if (v.passed != rows[i].passed || v.fault || (!v.passed && v.problem != PROBLEM_UNAUTHORIZED)) {
			fail_msg("%d \"%s\"", (int) rows[i].status, rows[i].body);
		}
		arena_free(a);
	}
}

static void test_nul_and_length(void **state)
{
	struct arena *a = arena_new();
	struct connection_attempt t = answer(URL, 200, KEY_AUTHORIZATION);
	(void) state;
	t.body.n++; /* with the NUL behind the text */
	t.body_octets++;
	assert_false(decide(a, &t, 1).passed);
	t = answer(URL, 200, KEY_AUTHORIZATION);
	t.body_octets = HTTP01_BODY_MAX + 1; /* more came than was kept */
	assert_false(decide(a, &t, 1).passed);
	t.body_octets = 3; /* the record contradicts itself */
	assert_false(decide(a, &t, 1).passed);
	arena_free(a);
}

/* a redirect into a network that is not public tells its writer nothing of what is there; on one host, or in public, it does */
static void test_led_inside(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		bool told;
	} rows[] = { { "93.184.216.34", "10.0.0.5", false }, { "10.0.0.5", "10.0.0.5", true },
		{ "93.184.216.34", "93.184.216.35", true }, { "10.0.0.5", "10.0.0.6", false } };
	const char *open[] = { "10.0.0.0/8" };
	const struct text_list allowed = { open, 1 };
	const struct text_list denied = { NULL, 0 };
	struct ip_reach reach;
	struct ctx c;
	(void) state;
	ctx_init(&c);
	assert_int_equal(ip_reach_parse(&c, &allowed, &denied, &reach), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct validate_request request = { .identifier = { "dns", NAME },
			.key_authorization = KEY_AUTHORIZATION };
		struct decide_input in = { &request, { 80, 443 }, &reach };
		struct resolution lookups[] = { address_answer(c.arena, NAME, rows[i].from),
			address_answer(c.arena, "b.example", rows[i].to) };
		struct connection_attempt hops[] = { answer(URL, 302, ""), answer("https://b.example/x", 200, "secret") };
		const char *used[][1] = { { rows[i].from }, { rows[i].to } };
		hops[0].location = "https://b.example/x";
		for (size_t k = 0; k < COUNT_OF(hops); k++) {
			hops[k].addresses_resolved = (struct text_list) { used[k], 1 };
			hops[k].address_used = used[k][0];
		}
		for (int status = 200; status <= 500; status += 300) {
			hops[1].http_status = status;
			const struct validation_result result = { .attempts = { hops, 2 }, .resolutions = { lookups, 2 } };
			struct verdict v = decide_http01(c.arena, &in, &result);
			assert_false(v.passed || v.fault);
			assert_int_equal(strstr(v.detail, "secret") != NULL, rows[i].told);
		}
	}
	ctx_done(&c);
}

/* how one attempt may lead to the next */
static void test_chains(void **state)
{
	struct arena *a = arena_new();
	(void) state;
	struct connection_attempt hops[2] = { answer(URL, 302, ""), answer("https://b.example/x", 200, KEY_AUTHORIZATION) };
	hops[0].location = "https://b.example/x";
	assert_true(decide(a, hops, 2).passed);
	hops[0].location = "https://c.example/x";
	assert_true(decide(a, hops, 2).fault);
	hops[0].location = NULL;
	assert_true(decide(a, hops, 2).fault);
	hops[0].location = "https://b.example/x";
	hops[0].http_status = 303;
	assert_true(decide(a, hops, 2).fault);
	hops[0].http_status = 302;
	hops[1].address_used = "10.0.0.1";
	assert_true(decide(a, hops, 2).fault);
	hops[1].address_used = "8.8.8.8"; /* never resolved */
	assert_true(decide(a, hops, 2).fault);
	hops[1].address_used = NULL;
	assert_true(decide(a, hops, 2).fault);
	hops[1].address_used = ADDRESS;
	assert_true(decide(a, hops, 2).passed);
	assert_true(decide(a, hops + 1, 1).fault); /* does not begin at the identifier */
	assert_true(decide(a, hops, 0).fault);

	struct connection_attempt tries[2] = { answer(URL, 0, ""), answer(URL, 200, KEY_AUTHORIZATION) };
	tries[0].address_used = "2606:2800::1";
	tries[0].error = failure_text(FAILURE_REFUSED);
	assert_true(decide(a, tries, 2).passed);
	tries[0].error = failure_text(FAILURE_READ_TIMEOUT); /* a connection stood: no second try */
	assert_true(decide(a, tries, 2).fault);
	arena_free(a);
}

static void test_eleven_redirects(void **state) /* */
{
	struct arena *a = arena_new();
	struct connection_attempt hops[REDIRECTS_MAX + 2];
	(void) state;
	for (size_t i = 0; i < COUNT_OF(hops); i++) {
		hops[i] = answer(i == 0 ? URL : arena_printf(a, "http://a.example/%zu", i), 302, "");
		hops[i].location = arena_printf(a, "/%zu", i + 1);
	}
	hops[REDIRECTS_MAX].http_status = 200;
	hops[REDIRECTS_MAX].body = bytes_of_text(KEY_AUTHORIZATION);
	hops[REDIRECTS_MAX].body_octets = (int64_t) strlen(KEY_AUTHORIZATION);
	assert_true(decide(a, hops, REDIRECTS_MAX + 1).passed);
	hops[REDIRECTS_MAX].http_status = 302;
	hops[REDIRECTS_MAX + 1].http_status = 200;
	hops[REDIRECTS_MAX + 1].body = hops[REDIRECTS_MAX].body;
	hops[REDIRECTS_MAX + 1].body_octets = hops[REDIRECTS_MAX].body_octets;
	assert_true(decide(a, hops, REDIRECTS_MAX + 2).fault);
	arena_free(a);
}

static void test_errors(void **state)
{
	static const struct {
		enum failure failure;
		enum problem problem;
	} rows[] = { { FAILURE_CONNECT_TIMEOUT, PROBLEM_CONNECTION }, { FAILURE_REFUSED, PROBLEM_CONNECTION },
		{ FAILURE_UNREACHABLE, PROBLEM_CONNECTION }, { FAILURE_NO_IPV6, PROBLEM_CONNECTION },
		{ FAILURE_TLS, PROBLEM_TLS }, { FAILURE_TLS_TIMEOUT, PROBLEM_TLS }, { FAILURE_TLS_CLOSED, PROBLEM_TLS },
		{ FAILURE_TLS_LARGE, PROBLEM_TLS }, { FAILURE_TLS_REFUSED, PROBLEM_TLS },
		{ FAILURE_READ_TIMEOUT, PROBLEM_CONNECTION }, { FAILURE_RESET, PROBLEM_CONNECTION },
		{ FAILURE_EMPTY, PROBLEM_CONNECTION }, { FAILURE_NOT_HTTP, PROBLEM_CONNECTION },
		{ FAILURE_HEADERS, PROBLEM_CONNECTION }, { FAILURE_LARGE, PROBLEM_CONNECTION },
		{ FAILURE_MALFORMED, PROBLEM_CONNECTION }, { FAILURE_LOCATIONS, PROBLEM_CONNECTION },
		{ FAILURE_ADDRESS, PROBLEM_CONNECTION }, { FAILURE_NAME, PROBLEM_DNS }, { FAILURE_LOOP, PROBLEM_CONNECTION },
		{ FAILURE_REDIRECTS, PROBLEM_CONNECTION } };
	(void) state;
	assert_int_equal(COUNT_OF(rows) + 2, FAILURE_COUNT); /* NONE and FAULT */
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena *a = arena_new();
		struct connection_attempt t = answer(URL, 200, KEY_AUTHORIZATION);
		t.error = arena_printf(a, "%s and more", failure_text(rows[i].failure));
		assert_int_equal(failure_of_text(t.error), rows[i].failure);
		struct verdict v = decide(a, &t, 1);
		assert_false(v.passed || v.fault);
		assert_int_equal(v.problem, rows[i].problem);
		assert_non_null(strstr(v.detail, t.error));
		arena_free(a);
	}
	struct arena *a = arena_new();
	struct connection_attempt t = answer(URL, 200, KEY_AUTHORIZATION);
	t.error = failure_text(FAILURE_FAULT);
	assert_true(decide(a, &t, 1).fault);
	t.error = "something else";
	assert_int_equal(decide(a, &t, 1).problem, PROBLEM_CONNECTION);
	assert_int_equal(failure_of_text(NULL), FAILURE_NONE);
	arena_free(a);
}

static void test_excerpts(void **state) /* */
{
	struct arena *a = arena_new();
	char body[200];
	(void) state;
	memset(body, 'a', sizeof(body));
	const char *text = decide_excerpt(a, (struct bytes) { (const uint8_t *) body, sizeof(body) });
	assert_int_equal(strlen(text), 67);
	assert_string_equal(text + 64, "...");
	assert_string_equal(
	    decide_excerpt(a, (struct bytes) { (const uint8_t *) "a\0\r\n\"\\\x1b\x7f\xff z", 11 }), "a........ z");
	assert_string_equal(decide_excerpt(a, (struct bytes) { NULL, 0 }), "");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_nul_and_length),
		cmocka_unit_test(test_address_was_answered),
		cmocka_unit_test(test_led_inside),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_eleven_redirects),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_excerpts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

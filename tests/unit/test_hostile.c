/* link: va */
/* What hostile hosts and zones try against the validation authority (issue 4.4): ways around the check of addresses, and
 * answers that cost time or memory. See va_world.h. */
#include "tests/unit/va_run.h"
#include "va/record.h"

#define ARENA_MAX (64 * 1024)

/* All at once, so that they take no longer than one; each ends in its time, with little memory, and the same verdict can be drawn
 * from its record. */
static void check_all(const struct row *rows, size_t n)
{
	struct run *runs = calloc(n, sizeof(*runs));
	assert_non_null(runs);
	for (size_t i = 0; i < n; i++) {
		run_init(&runs[i], rows[i].name);
		runs[i].in.check_caa = false;
		run_begin(&runs[i]);
	}
	for (size_t i = 0; i < n; i++) {
		run_wait(&runs[i]);
		check_against(&runs[i], rows[i].problem, rows[i].detail);
		assert_true(runs[i].us < TIMEOUT_S * 1000000 + 500000);
		assert_true(arena_used(runs[i].c.arena) < ARENA_MAX);
		check_replay(&runs[i]);
		run_free(&runs[i]);
	}
	free(runs);
}

/* */
static void test_names_that_lead_inside(void **state)
{
	static const struct row rows[] = {
		{ "six4.example", "CONNECTION", "2002:7f00:1::1, which is a 6to4 address" },
		{ "teredo.example", "CONNECTION", "which is a Teredo address" },
		{ "nat64.example", "CONNECTION", "64:ff9b::7f00:1, which is a NAT64 address" },
		{ "nat64-local.example", "CONNECTION", "which is a NAT64 address" },
		{ "compatible.example", "CONNECTION", "no global unicast address" },
		{ "ours.example", "CONNECTION", "0.0.0.0, which is" },
		{ "cloud.example", "CONNECTION", "169.254.169.254, which is a link-local address" },
		{ "many.inside.example", "CONNECTION", "Validation may not connect to" },
		{ "inside.alias.example", "CONNECTION", "10.0.0.1, which is a private address" },
		{ "far.alias.example", "CONNECTION", "10.0.0.1, which is a private address" },
		{ "pass.mixed6.example", NULL, "" }, /* what may be entered is found among what may not */
		{ "denied.example", "CONNECTION",
		    "connect to 127.6.0.1, which is in a network that this CA keeps its validations out of" },
		{ "pass.beside.denied.example", NULL, "" },
		{ "127.6.0.1", "CONNECTION", "127.6.0.1, which is in a network that this CA keeps" },
	};
	(void) state;
	check_all(rows, COUNT_OF(rows));
}

/* C-11 */
static void test_redirects_that_lead_inside(void **state)
{
	static const struct row rows[] = {
		{ "to-mapped.web.example", "CONNECTION", "::ffff:127.0.0.1, which is an IPv4-mapped address" },
		{ "to-any.web.example", "CONNECTION", "0.0.0.0, which is" },
		{ "to-denied.web.example", "CONNECTION", "127.6.0.1, which is in a network that this CA keeps" },
		{ "to-any6.web.example", "CONNECTION", "the unspecified address" },
		{ "to-decimal.web.example", "CONNECTION", "Invalid host in redirect target" },
		{ "to-hex.web.example", "CONNECTION", "Invalid host in redirect target" },
		{ "to-octal.web.example", "CONNECTION", "Invalid host in redirect target" },
		{ "to-short.web.example", "CONNECTION", "Invalid host in redirect target" },
		{ "to-tls-inside.web.example", "CONNECTION", "10.0.0.1, which is a private address" },
		{ "to-six4.web.example", "CONNECTION", "a 6to4 address" },
		{ "to-far.web.example", "CONNECTION", "10.0.0.1, which is a private address" },
		{ "to-file.web.example", "CONNECTION", "Invalid protocol scheme" },
	};
	(void) state;
	check_all(rows, COUNT_OF(rows));
}

static size_t count(const struct validation_result *v, const char *type)
{
	size_t n = 0;
	for (size_t i = 0; i < v->resolutions.n; i++) {
		n += strcmp(v->resolutions.v[i].type, type) == 0;
	}
	return n;
}

/* each hop is looked up once, and connected to what that answered; a later hop to the same name is looked up and checked
 * again. */
static void test_answers_that_change(void **state)
{
	struct run r;
	(void) state;
	run_init(&r, "to-again.rebind.example");
	r.in.check_caa = false;
	run_begin(&r);
	run_wait(&r);
	check_against(&r, "CONNECTION", "10.0.0.1, which is a private address");
	check_replay(&r);
	assert_int_equal(count(r.result, "A"), 2);
	assert_int_equal(r.result->attempts.n, 2);
	assert_string_equal(r.result->attempts.v[0].address_used, "127.0.0.1");
	assert_null(r.result->attempts.v[1].address_used);
	run_free(&r);
	run_init(&r, "to-rebind.web.example"); /* the first answer counts, though a second one would be better */
	r.in.check_caa = false;
	run_begin(&r);
	run_wait(&r);
	check_against(&r, "CONNECTION", "10.0.0.1, which is a private address");
	run_free(&r);
}

/* broken and malicious HTTP, each with a sentence that says what to mend. */
static void test_broken_answers(void **state)
{
	static const struct row rows[] = {
		{ "rst.web.example", "CONNECTION", "Connection closed before the answer was complete" },
		{ "rst-head.web.example", "CONNECTION", "Connection closed" },
		{ "rst-cut.web.example", "CONNECTION", "Connection closed before the answer was complete" },
		{ "cut-head.web.example", "CONNECTION", "Connection closed before the answer was complete" },
		{ "switch.web.example", "UNAUTHORIZED", ": 101" },
		{ "no-chunk.web.example", "CONNECTION", "The answer is malformed" },
		{ "big-chunk.web.example", "CONNECTION", "The answer is malformed" },
		{ "less-chunk.web.example", "CONNECTION", "The answer is malformed" },
		{ "cut-chunk.web.example", "CONNECTION", "Connection closed before the answer was complete" },
		{ "note-chunk.web.example", "CONNECTION", "The answer is malformed" },
		{ "tail-chunk.web.example", NULL, "" } /* what comes behind the body is not read */,
		{ "lengths.web.example", "CONNECTION", "The answer is malformed" },
		{ "no-length.web.example", "CONNECTION", "The answer is malformed" },
		{ "big-length.web.example", "CONNECTION", "The answer is malformed" },
		{ "bomb.web.example", "UNAUTHORIZED", "longer than 512 octets, it begins \"..." },
		{ "frame.web.example", "UNAUTHORIZED", "\"<meta http-equiv=refresh content=0>\" is not the key" },
		{ "to-dh.web.example", "TLS", "TLS handshake failed" }, /* which would cost the loop most of a second */
		{ "to-ffdhe.web.example", "TLS", "TLS handshake failed" },
		{ "to-pour.web.example", "CONNECTION", "Far more was sent" },
		{ "drip-head.web.example", "CONNECTION", "Timeout after connect" },
		{ "drip-1xx.web.example", "CONNECTION", "Timeout after connect" },
	};
	(void) state;
	check_all(rows, COUNT_OF(rows));
	check("rst-body.web.example", NULL, ""); /* all of it had come */
}

static size_t stuff(const char *name, const char *problem, const char *detail)
{
	struct run r;
	run_init(&r, name);
	r.in.check_caa = false;
	run_begin(&r);
	run_wait(&r);
	check_against(&r, problem, detail);
	check_replay(&r);
	size_t n = fields_to_json(r.c.arena, &validation_result_fields, r.result).n;
	for (size_t i = 0; i < r.result->attempts.n; i++) {
		const char *head = r.result->attempts.v[i].headers;
		for (; head != NULL && *head != '\0'; head++) { /* two octets of JSON each at most */
			assert_true((*head >= ' ' && *head <= '~') || strchr("\r\n\t", *head) != NULL);
		}
	}
	print_message("%s: %zu hops, %zu lookups, %zu octets\n", name, r.result->attempts.n, r.result->resolutions.n, n);
	run_free(&r);
	return n;
}

/* Whatever a host sends, the record of its validation fits into an answer to the first perspective, so that it is the host's failure and
 * never ours (C-51, issue 4.6). */
static void test_records_fit(void **state)
{
	(void) state;
	assert_true(stuff("h2.stuffed.example", NULL, "") > 20000);
	assert_true(
	    stuff("h10.stuffed.example", "DNS", "the answers for this validation are too large together") < RECORD_MAX / 2);
}

/* What is to be mended: where it was asked, and what came in place of what. */
static void test_sentences(void **state)
{
	char url[128];
	char both[512];
	(void) state;
	(void) snprintf(url, sizeof(url),
	    "127.0.0.1: Invalid response from http://wrong.web.example:%u/.well-known/acme-challenge/" WORLD_TOKEN ": ",
	    world.web_port);
	(void) snprintf(both, sizeof(both),
	    "%s\"hello ...[31mworld\" is not the key authorization of this challenge, \"%s\"", url,
	    WORLD_KEY_AUTHORIZATION);
	check("wrong.web.example", "UNAUTHORIZED", both);
	(void) snprintf(both, sizeof(both), "/" WORLD_TOKEN ": 404, \"%.64s...\"", WORLD_KEY_AUTHORIZATION);
	check("missing.web.example", "UNAUTHORIZED", both);
}

/* a server's wish to negotiate again is refused; the answer counts all the same. */
static void test_renegotiation(void **state)
{
	struct run r;
	(void) state;
	run_init(&r, "to-reneg.web.example");
	r.in.check_caa = false;
	run_begin(&r);
	run_wait(&r);
	assert_true(r.us < TIMEOUT_S * 1000000 + 500000);
	if (!r.result->passed) { /* or the server gives up */
		assert_string_equal(r.result->problem.type, "CONNECTION");
	}
	for (int i = 0; i < 500 && atomic_load(&world.asked_again) == 0; i++) {
		usleep(10000);
	}
	assert_int_equal(atomic_load(&world.asked_again), 1);
	assert_int_equal(atomic_load(&world.negotiated_again), 0);
	check_replay(&r);
	run_free(&r);
}

/* neither a proxy of the environment nor one for all is asked; the address that was checked is connected to. */
static void test_proxies_of_the_environment(void **state)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	static const struct row rows[] = { { "to-tls.web.example", NULL, "" }, { "pass.web.example", NULL, "" } };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(setenv(names[i], "http://127.0.0.1:9", 1), 0);
	}
	check_all(rows, COUNT_OF(rows));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void) unsetenv(names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_that_lead_inside),
		cmocka_unit_test(test_redirects_that_lead_inside),
		cmocka_unit_test(test_answers_that_change),
		cmocka_unit_test(test_broken_answers),
		cmocka_unit_test(test_records_fit),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_proxies_of_the_environment),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* link: va */
/* The validation engine against real sockets: see va_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "tests/unit/va_run.h"

/* C-10 */
static void test_answers(void **state)
{
	static const struct row rows[] = {
		{ "pass.web.example", NULL, "" },
		{ "blanks.web.example", NULL, "" },
		{ "chunked.web.example", NULL, "" },
		{ "gzip.web.example", NULL, "" }, /* not unpacked: the octets themselves are right */
		{ "wrong.web.example", "UNAUTHORIZED", "\"hello ...[31mworld\" is not the key authorization" },
		{ "none.web.example", "UNAUTHORIZED", "\"\" is not the key" },
		{ "lead.web.example", "UNAUTHORIZED", "not the key" },
		{ "bom.web.example", "UNAUTHORIZED", "not the key" },
		{ "second.web.example", "UNAUTHORIZED", "not the key" },
		{ "missing.web.example", "UNAUTHORIZED", ": 404" },
		{ "created.web.example", "UNAUTHORIZED", ": 201" },
		{ "cut.web.example", "CONNECTION", "before the answer was complete" },
		{ "endless.web.example", "UNAUTHORIZED", "longer than 512 octets, it begins \"aaaa" },
		{ "padded.web.example", "UNAUTHORIZED", "longer than 512 octets" },
		{ "headers.web.example", "CONNECTION", "header of the answer is too large" },
		{ "line.web.example", "CONNECTION", "header of the answer is too large" },
		{ "interim.web.example", "CONNECTION", "header of the answer is too large" },
		{ "closes.web.example", "CONNECTION", "without an answer" },
		{ "old.web.example", "CONNECTION", "no HTTP/1.1" },
		{ "h2.web.example", "CONNECTION", "no HTTP/1.1" },
		{ "transfer.web.example", "CONNECTION", "answer is malformed" },
		{ "cookie.web.example", "CONNECTION", "loop" },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows));
	check("127.0.0.1.example", "DNS", "NXDOMAIN looking up A for 127.0.0.1.example");
	assert_int_equal(atomic_load(&world.bad_requests), 0);
}

/* C-11 */
static void test_redirects(void **state)
{
	static const struct row rows[] = {
		{ "to-307.web.example", NULL, "" },
		{ "to-308.web.example", NULL, "" },
		{ "to-tls.web.example", NULL, "" },
		{ "to-odd.web.example", NULL, "" },
		{ "chain0.web.example", NULL, "" },
		{ "chain1.web.example", NULL, "" },
		{ "chain10.web.example", NULL, "" },
		{ "chain11.web.example", "CONNECTION", "Too many redirects" },
		{ "to-self.web.example", "CONNECTION", "Redirect loop" },
		{ "to-plain.web.example", "TLS", "TLS handshake failed" },
		{ "to-8080.web.example", "CONNECTION", "Only ports 80 and 443" },
		{ "to-303.web.example", "UNAUTHORIZED", ": 303" },
		{ "to-300.web.example", "UNAUTHORIZED", ": 300" },
		{ "to-two.web.example", "CONNECTION", "no Location header or more than one" },
		{ "to-third.web.example", "CONNECTION",
		    "no Location header or more than one" }, /* a field between them begins with HTTP/ */
		{ "to-none.web.example", "CONNECTION", "no Location header or more than one" },
		{ "to-empty.web.example", "CONNECTION", "empty Location" },
		{ "to-meta.web.example", "CONNECTION", "Validation may not connect to 169.254.169.254, which is a link-local" },
		{ "to-private.web.example", "CONNECTION", "Validation may not connect to 10.0.0.1, which is a private" },
		{ "to-nowhere.web.example", "DNS", "NXDOMAIN looking up A for nowhere.invalid-zone.example" },
		{ "to-user.web.example", "CONNECTION", "user name or password" },
		{ "to-ftp.web.example", "CONNECTION", "Invalid protocol scheme" },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows));
}

/* */
static void test_names_and_addresses(void **state)
{
	static const struct row rows[] = {
		{ "first.test", NULL, "" },         /* local zone */
		{ "pass.dead6.example", NULL, "" }, /* nobody listens on ::1: the fallback */
		{ "pass.tcp.example", NULL, "" },   /* answers that fit into no datagram */
		{ "pass.alias.example", NULL, "" }, /* two aliases on */
		{ "mixed.example", NULL, "" },      /* the private address is passed over */
		{ "broken6.example", NULL, "" },    /* SERVFAIL for AAAA, but there is an A */
		{ "late6.example", NULL, "" },      /* nor does silence for AAAA hold it up */
		{ "private.example", "CONNECTION", "10.0.0.1, which is a private address" },
		{ "mapped.example", "CONNECTION", "which is an IPv4-mapped address" },
		{ "nowhere.example", "DNS", "NXDOMAIN looking up A for nowhere.example - check that" },
		{ "empty.example", "DNS", "no A or AAAA record for empty.example" },
		{ "servfail.example", "DNS", "SERVFAIL looking up A for servfail.example" },
		{ "refused.example", "DNS", "looking up A for refused.example" },
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows));
}

/* */
static void test_time_limits(void **state)
{
	static const struct row rows[] = {
		{ "drip.web.example", "CONNECTION", "Timeout after connect" },
		{ "slow.web.example", "CONNECTION", "Timeout after connect" },
		{ "mute.example", "DNS", "no answer in time looking up A for mute.example" },
	};
	struct run runs[COUNT_OF(rows)];
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		run_init(&runs[i], rows[i].name);
		runs[i].in.check_caa = false;
		run_begin(&runs[i]);
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		run_wait(&runs[i]);
		check_against(&runs[i], rows[i].problem, rows[i].detail);
		check_replay(&runs[i]);
		assert_in_range(runs[i].us, TIMEOUT_S * 900000, TIMEOUT_S * 1000000 + 500000);
		run_free(&runs[i]);
	}
}

/* The caller's deadline counts when it is the earlier one. */
static void test_deadline_of_the_caller(void **state)
{
	struct run r;
	(void) state;
	run_init(&r, "slow.web.example");
	ctx_limit_ms(&r.c, 700);
	run_begin(&r);
	run_wait(&r);
	check_against(&r, "CONNECTION", "Timeout after connect");
	assert_in_range(r.us, 300000, 700000);
	run_free(&r);
}

/* C-30, C-31, C-38 */
static void test_caa(void **state)
{
	static const struct {
		struct row row;
		const char *found_at;
		bool wildcard_only;
	} rows[] = {
		{ { "pass.web.example", NULL, "" }, NULL, false },
		{ { "deny.example", "CAA", "authorises nobody (found at deny.example)" }, "deny.example", false },
		{ { "sub.deny.example", "CAA", "CAA for sub.deny.example forbids it" }, "deny.example", false },
		{ { "own.deny.example", NULL, "" }, "own.deny.example", false },
		{ { "caafail.example", "DNS", "SERVFAIL looking up CAA for caafail.example" }, NULL, false },
		{ { "sub.caafail.example", "DNS", "SERVFAIL looking up CAA for caafail.example" }, NULL, false },
		{ { "empty.example", NULL, "" }, "empty.example", true },
		{ { "wild.deny.example", "CAA", "issuewild" }, "wild.deny.example", true },
		{ { "mute.example", "DNS", "no answer in time looking up CAA for mute.example" }, NULL, true },
		{ { "nowhere.example", NULL, "" }, NULL, true },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct run r;
		run_init(&r, rows[i].row.name);
		if (rows[i].wildcard_only) {
			r.in.wildcard = true;
			r.in.key_authorization = NULL;
		}
		run_begin(&r);
		run_wait(&r);
		check_against(&r, rows[i].row.problem, rows[i].row.detail);
		const struct caa_result *caa = &r.result->caa;
		bool looked_up = rows[i].row.problem == NULL || strcmp(rows[i].row.problem, "CAA") == 0;
		assert_int_equal(caa->checked, looked_up);
		assert_int_equal(caa->permitted, rows[i].row.problem == NULL);
		assert_true((caa->found_at == NULL) == (rows[i].found_at == NULL));
		if (caa->found_at != NULL) {
			assert_string_equal(caa->found_at, rows[i].found_at);
			assert_true(caa->records.n > 0);
		}
		check_replay(&r);
		run_free(&r);
	}
}

/* What the subscriber did wrong is told, not which check noticed it first. */
static void test_both_fail(void **state)
{
	struct run r;
	(void) state;
	run_init(&r, "missing.web.example");
	r.in.caa_identities.n = 0;
	run_begin(&r);
	run_wait(&r);
	check_against(&r, "UNAUTHORIZED", ": 404");
	assert_true(r.result->caa.permitted);
	check_replay(&r);
	run_free(&r);
}

/* F-43, G-3 */
static void test_evidence(void **state)
{
	struct run r;
	(void) state;
	run_init(&r, "to-tls.web.example");
	run_begin(&r);
	run_wait(&r);
	check_against(&r, NULL, "");
	const struct validation_result *v = r.result;
	assert_true(id_equal(v->validation_id, r.in.validation_id));
	assert_string_equal(v->perspective, "here");
	assert_int_equal(v->attempts.n, 2);
	const struct connection_attempt *first = &v->attempts.v[0];
	const struct connection_attempt *last = &v->attempts.v[1];
	assert_int_equal(first->http_status, 301);
	assert_string_equal(first->address_used, "127.0.0.1");
	assert_string_equal(first->addresses_resolved.v[0], "127.0.0.1");
	assert_non_null(strstr(first->location, "https://pass.web.example:"));
	assert_non_null(strstr(first->headers, "HTTP/1.1 301 X\r\nLocation: "));
	assert_int_equal(first->tls_certificate.n, 0);
	assert_int_equal(last->port, world.tls_port);
	assert_true(last->tls_certificate.n > 200);
	assert_true(bytes_equal_text(last->body, WORLD_KEY_AUTHORIZATION));
	assert_int_equal(last->body_octets, strlen(WORLD_KEY_AUTHORIZATION));
	assert_int_equal(last->body_sha256.n, 32);
	assert_true(last->duration_us > 0 && last->started_at.us >= v->started_at.us);
	size_t caa = 0;
	for (size_t i = 0; i < v->resolutions.n; i++) {
		const struct resolution *one = &v->resolutions.v[i];
		assert_string_equal(one->resolver, resolver.forward);
		assert_string_equal(one->dnssec, "off");
		assert_true(one->raw.n > 12);
		caa += strcmp(one->type, "CAA") == 0;
	}
	assert_int_equal(caa, 3);                        /* the name, web.example, example */
	assert_int_equal(v->resolutions.n, caa + 2 + 2); /* A and AAAA of both hosts */
	run_free(&r);
}

static const char *text_of(const char *text)
{
	return text == NULL ? "nothing" : text;
}

/* What the resolver answered is recorded as it came: the packet, where an alias led, what it said instead. */
static void test_resolutions_are_recorded(void **state)
{
	static const struct {
		const char *name, *canonical_name, *answer, *error;
		int64_t rcode;
	} rows[] = {
		{ "pass.web.example", NULL, "127.0.0.1", NULL, 0 },
		{ "pass.alias.example", "Host.web.example.", "127.0.0.1", NULL, 0 },
		{ "pass.tcp.example", NULL, "127.0.0.1", NULL, 0 },
		{ "first.test", NULL, "127.0.0.1", NULL, 0 },
		{ "nowhere.example", NULL, NULL, NULL, 3 },
		{ "servfail.example", NULL, NULL, "SERVFAIL", 2 },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct run r;
		run_init(&r, rows[i].name);
		r.in.check_caa = false;
		run_begin(&r);
		run_wait(&r);
		const struct resolution_list *list = &r.result->resolutions;
		/* and, where nobody answered, whether our own resolver works */
		assert_int_equal(list->n, rows[i].rcode == 2 ? 3 : 2);
		const struct resolution *one = strcmp(list->v[0].type, "A") == 0 ? &list->v[0] : &list->v[1];
		assert_string_equal(one->name, rows[i].name);
		assert_string_equal(text_of(one->canonical_name), text_of(rows[i].canonical_name));
		assert_int_equal(one->answers.n, rows[i].answer != NULL);
		if (rows[i].answer != NULL) {
			assert_string_equal(one->answers.v[0], rows[i].answer);
		}
		assert_string_equal(text_of(one->error), text_of(rows[i].error));
		assert_int_equal(one->rcode, rows[i].rcode);
		assert_true(one->raw.n >= 12 && (one->raw.p[3] & 0xf) == rows[i].rcode);
		assert_true(one->duration_us >= 0 && one->started_at.us >= r.result->started_at.us);
		run_free(&r);
	}
}

/* Both addresses are recorded when the first was dead. */
static void test_fallback_is_recorded(void **state)
{
	struct run r;
	(void) state;
	run_init(&r, "pass.dead6.example");
	run_begin(&r);
	run_wait(&r);
	check_against(&r, NULL, "");
	assert_int_equal(r.result->attempts.n, 2);
	assert_string_equal(r.result->attempts.v[0].address_used, "::1");
	assert_string_equal(r.result->attempts.v[0].error, "Connection refused");
	assert_string_equal(r.result->attempts.v[1].address_used, "127.0.0.1");
	assert_int_equal(r.result->attempts.v[1].addresses_resolved.n, 2);
	run_free(&r);
	world_open_v6(); /* from now on it answers there, and a wrong answer is no reason to look elsewhere */
	check("wrong.six.example", "UNAUTHORIZED", "::1: Invalid response");
}

/* B-8: an address is asked for itself, IPv6 in brackets (also in the Host header: world_check_request). */
static void test_addresses(void **state)
{
	struct run r;
	int bad = atomic_load(&world.bad_requests);
	(void) state;
	run_init(&r, "::1");
	r.in.check_caa = false;
	run_begin(&r);
	run_wait(&r);
	check_against(&r, NULL, "");
	assert_int_equal(r.result->resolutions.n, 0);
	assert_int_equal(r.result->attempts.n, 1);
	assert_string_equal(r.result->attempts.v[0].address_used, "::1");
	assert_non_null(strstr(r.result->attempts.v[0].url, "http://[::1]:"));
	check_replay(&r);
	run_free(&r);
	check("127.0.0.1", NULL, "");
	check("10.0.0.1", "CONNECTION", "10.0.0.1, which is a private address");
	check("::ffff:127.0.0.1", "CONNECTION", "an IPv4-mapped address");
	assert_int_equal(atomic_load(&world.bad_requests), bad);
}

/* C-24: with validation on, what the root's anchors do not vouch for is no answer; nor is it a permission by CAA. */
static void test_dnssec_is_required(void **state)
{
	struct config_resolver strict = { ".", resolver.forward, "require", { NULL, 0 } };
	struct config_va strict_config = config;
	struct engine *loose = engine;
	struct run r;
	(void) state;
	strict_config.resolvers = (struct config_resolver_list) { &strict, 1 };
	run_init(&r, "pass.web.example");
	assert_int_equal(engine_new(&r.c, &strict_config, &engine), 0);
	assert_int_equal(engine_start(&r.c, engine), 0);
	run_begin(&r);
	run_wait(&r);
	check_against(&r, "DNS", "DNSSEC validation failed");
	assert_false(r.result->caa.checked || r.result->caa.permitted);
	assert_string_equal(r.result->resolutions.v[0].dnssec, "bogus");
	check_replay(&r);
	engine_drain(engine, 1000);
	engine_free(engine);
	engine = loose;
	run_free(&r);
}

static void test_bad_requests_are_refused(void **state)
{
	static const struct {
		const char *type, *name, *method, *token, *key_authorization;
		bool wildcard;
	} rows[] = {
		{ "ip", "127.1", "http-01", "tok", "tok.x", false }, { "ip", "a.example", "http-01", "tok", "tok.x", false },
		{ "ip", "::FFFF", "http-01", "tok", "tok.x", false },
		{ "ip", "::1", "http-01", "tok", "tok.x", true },            /* B-7 */
		{ "ip", "127.0.0.1", "dns-01", "tok", "tok.x", false },      /* B-9 */
		{ "dns", "a.example", "tls-alpn-01", "tok", "tok.x", true }, /* B-5 */
		{ "dns", "127.0.0.1", "http-01", "tok", "tok.x", false },
		{ "dns", "a b.example", "http-01", "tok", "tok.x", false }, { "dns", NULL, "http-01", "tok", "tok.x", false },
		{ "dns", "a.example", "sms-01", "tok", "tok.x", false },
		{ "dns", "a.example", "http-01", "tok", "tok.x", true }, /* C-6 */
		{ "dns", "a.example", "http-01", "to/k", "to/k.x", false }, { "dns", "a.example", "http-01", "", ".x", false },
		{ "dns", "a.example", "http-01", NULL, "tok.x", false },
		{ "dns", "a.example", "http-01", "tok", "toktok.x", false },
		{ "dns", "a.example", "http-01", "tok", NULL, false }, /* and no CAA: nothing to do */
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct run r;
		run_init(&r, "a.example");
		r.in.identifier = (struct identifier) { rows[i].type, rows[i].name };
		r.in.method = rows[i].method;
		r.in.token = rows[i].token;
		r.in.key_authorization = rows[i].key_authorization;
		r.in.wildcard = rows[i].wildcard;
		r.in.check_caa = false;
		assert_int_equal(engine_submit(&r.c, engine, &r.in, on_done, &r), -1);
		assert_int_equal(r.c.err.type, PROBLEM_MALFORMED);
		run_free(&r);
	}
	struct run r;
	run_init(&r, "a.example");
	r.in.account_url = NULL; /* of nobody */
	assert_int_equal(engine_submit(&r.c, engine, &r.in, on_done, &r), -1);
	run_free(&r);
}

/* Design 4.2: that we have no socket left is not the subscriber's failure. */
static void test_lack_of_sockets_is_our_fault(void **state)
{
	struct rlimit limit;
	struct run r;
	(void) state;
	run_init(&r, "first.test"); /* a local name: the resolver needs no socket */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	struct rlimit few = { 3, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	run_begin(&r);
	run_wait(&r);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(r.result->fault);
	assert_false(r.result->passed);
	assert_string_equal(r.result->problem.type, "SERVER_INTERNAL");
	run_free(&r);
	check("first.test", NULL, "");
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define QUICK_US 1000000
#else
#define QUICK_US 100000
#endif
#define QUICK 20
#define SLOW 500
static struct run slow[SLOW];

/* Design 6: slow hosts cost the quick ones nothing. */
static void test_many_slow_hosts(void **state)
{
	(void) state;
	for (size_t i = 0; i < SLOW; i++) {
		char name[64];
		(void) snprintf(name, sizeof(name), "slow.n%zu.web.example", i % 50);
		run_init(&slow[i], name);
		run_begin(&slow[i]);
	}
	size_t quick = 0;
	for (size_t i = 0; i < QUICK; i++) {
		struct run r;
		run_init(&r, "pass.web.example");
		run_begin(&r);
		run_wait(&r);
		check_against(&r, NULL, "");
		quick += r.us < QUICK_US;
		run_free(&r);
	}
	assert_in_range(quick, QUICK / 2, QUICK); /* a busy machine may hold up some */
	for (size_t i = 0; i < SLOW; i++) {
		run_wait(&slow[i]);
		check_against(&slow[i], "CONNECTION", "Timeout");
		assert_true(arena_used(slow[i].c.arena) < 16384);
		run_free(&slow[i]);
	}
}

/* What the end of the process cuts short is nobody's failure, and nothing new is taken. */
static void test_drain(void **state)
{
	struct run r;
	struct run late;
	(void) state;
	run_init(&r, "slow.web.example");
	run_init(&late, "pass.web.example");
	run_begin(&r);
	engine_drain(engine, 300);
	run_wait(&r);
	assert_true(r.result->fault);
	assert_false(r.result->passed);
	assert_string_equal(r.result->problem.type, "SERVER_INTERNAL");
	assert_int_equal(engine_submit(&late.c, engine, &late.in, on_done, &late), -1);
	assert_int_equal(late.c.err.type, PROBLEM_UNAVAILABLE);
	run_free(&r);
	run_free(&late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_names_and_addresses),
		cmocka_unit_test(test_time_limits),
		cmocka_unit_test(test_deadline_of_the_caller),
		cmocka_unit_test(test_caa),
		cmocka_unit_test(test_both_fail),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_resolutions_are_recorded),
		cmocka_unit_test(test_fallback_is_recorded),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_dnssec_is_required),
		cmocka_unit_test(test_bad_requests_are_refused),
		cmocka_unit_test(test_lack_of_sockets_is_our_fault),
		cmocka_unit_test(test_many_slow_hosts),
		cmocka_unit_test(test_drain),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

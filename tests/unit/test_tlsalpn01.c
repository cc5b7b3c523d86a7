/* link: va */
/* tls-alpn-01 by the validation engine against real sockets: see alpn_responder.h. */
#include "tests/unit/alpn_responder.h"
#include "tests/unit/va_run.h"

/* One validation without CAA. */
static void begin(struct run *r, const char *name)
{
	run_init(r, name);
	r->in.check_caa = false;
	run_begin(r);
}

/* The verdict drawn again from what crossed RPC and was kept is the same. */
static struct verdict replay(struct run *r, struct validation_result *ret_kept)
{
	static struct ip_reach reach;
	struct bytes json = fields_to_json(r->c.arena, &validation_result_fields, r->result);
	assert_int_equal(fields_parse_json(&r->c, &validation_result_fields, json, ret_kept), 0);
	assert_int_equal(ip_reach_parse(&r->c, &config.allow_networks, &config.deny_networks, &reach), 0);
	struct decide_input in = { &r->in, { 0, alpn.port }, &reach };
	return decide_tlsalpn01(r->c.arena, &in, ret_kept);
}

/* B-1..B-6 */
static void test_answers(void **state)
{
	static const struct row rows[] = {
		{ "pass.web.example", NULL, "" }, { "pass12.web.example", NULL, "" },
		{ "none.web.example", "UNAUTHORIZED", "did not agree on the protocol \"acme-tls/1\"" },
		{ "h2.web.example", "TLS", "bad extension" },
		{ "alert.web.example", "TLS", "The TLS handshake failed: tlsv1 alert no application protocol" },
		{ "old.web.example", "TLS", "TLS 1.2 or newer is needed" },
		{ "ffdhe.web.example", "TLS", "The TLS handshake failed" }, /* too dear */
		{ "name.web.example", "UNAUTHORIZED",
		    "127.0.0.1: Incorrect validation certificate for tls-alpn-01 of name.web" },
		{ "two.web.example", "UNAUTHORIZED", "\"two.web.example\" and others" },
		{ "digest.web.example", "UNAUTHORIZED", "another digest" }, { "long.web.example", "TLS", "too large" },
		{ "longer.web.example", "TLS", "The TLS handshake failed: " },
		{ "http.web.example", "TLS", "wrong version number" },
		{ "closes.web.example", "TLS", "closed during the TLS handshake" }, { "flood.web.example", "TLS", "" },
		{ "silent.web.example", "TLS", "Timeout during TLS handshake" },
		{ "nowhere.invalid-zone.example", "DNS", "NXDOMAIN looking up A" },
		{ "private.example", "CONNECTION", "10.0.0.1, which is a private address" }, /* */
		{ "mapped.example", "CONNECTION", "IPv4-mapped" },
		{ "pass.alias.example", NULL, "" }, /* the name asked for is the one validated, wherever it leads */
	};
	(void) state;
	check_rows(rows, COUNT_OF(rows));
	assert_int_equal(atomic_load(&alpn.bad), 0);
}

/* F-41..F-43: what was seen is kept, the certificate with its digest. */
static void test_evidence(void **state)
{
	struct run r;
	struct validation_result kept;
	uint8_t digest[SHA256_SIZE];
	(void) state;
	begin(&r, "pass.web.example");
	run_wait(&r);
	assert_true(replay(&r, &kept).passed);
	assert_int_equal(kept.attempts.n, 1);
	const struct connection_attempt *t = &kept.attempts.v[0];
	assert_string_equal(t->host, "pass.web.example");
	assert_string_equal(t->server_name, "pass.web.example");
	assert_string_equal(t->address_used, "127.0.0.1");
	assert_int_equal(t->addresses_resolved.n, 1);
	assert_int_equal(t->port, alpn.port);
	assert_string_equal(t->alpn, "acme-tls/1");
	assert_string_equal(t->tls_version, "TLSv1.3");
	sha256_of(t->tls_certificate, digest);
	assert_true(bytes_equal(t->body_sha256, (struct bytes) { digest, sizeof(digest) }));
	assert_int_equal(t->body_octets, t->tls_certificate.n);
	assert_true(t->started_at.us >= kept.started_at.us && t->duration_us >= 0);
	assert_int_equal(kept.resolutions.n, 2);
	run_free(&r);
}

/* What was kept decides: changed in any place, it is refused, or proves nothing. */
static void test_changed_records(void **state)
{
	static const char *other_address[] = { "127.0.0.2" };
	struct run r;
	struct validation_result kept;
	(void) state;
	for (int i = 0; i < 9; i++) {
		begin(&r, "pass.web.example");
		run_wait(&r);
		assert_true(replay(&r, &kept).passed);
		struct connection_attempt *t = &kept.attempts.v[0];
		t->tls_version = i == 0 ? "TLSv1.1" : t->tls_version;
		t->alpn = i == 1 ? "h2" : t->alpn;
		t->server_name = i == 2 ? "b.example" : t->server_name;
		t->host = i == 3 ? "b.example" : t->host;
		t->port += i == 4;
		t->body_octets += i == 5;
		t->addresses_resolved.v = i == 6 ? other_address : t->addresses_resolved.v;
		t->address_used = i == 7 ? "10.0.0.1" : t->address_used;
		kept.attempts.n = i == 8 ? 0 : kept.attempts.n;
		static struct ip_reach reach;
		assert_int_equal(ip_reach_parse(&r.c, &config.allow_networks, &config.deny_networks, &reach), 0);
		struct decide_input in = { &r.in, { 0, alpn.port }, &reach };
		struct verdict v = decide_tlsalpn01(r.c.arena, &in, &kept);
		assert_false(v.passed);
		assert_int_equal(v.fault, i != 1);
		run_free(&r);
	}
}

/* B-8: addresses, each with the name that stands for it in SNI. A-108: IPv6 first. */
static void test_addresses(void **state)
{
	struct run r;
	(void) state;
	check("127.0.0.1", NULL, "");
	check("10.0.0.1", "CONNECTION", "a private address");
	check("::1", "CONNECTION", "Connection refused");
	begin(&r, "pass.dead6.example");
	run_wait(&r);
	check_against(&r, NULL, "");
	assert_int_equal(r.result->attempts.n, 2);
	assert_string_equal(r.result->attempts.v[0].address_used, "::1");
	assert_string_equal(r.result->attempts.v[1].address_used, "127.0.0.1");
	run_free(&r);
	alpn.fds[1] = world_bind(SOCK_STREAM, "::1", &alpn.port);
	check("::1", NULL, "");
	check("pass.dead6.example", NULL, "");
	assert_int_equal(atomic_load(&alpn.bad), 0);
}

/* Who never answers holds up nobody, and ends when the time is over. */
static void test_silent_hosts(void **state)
{
	static struct run silent[32];
	(void) state;
	for (size_t i = 0; i < COUNT_OF(silent); i++) {
		begin(&silent[i], "silent.web.example");
	}
	check("pass.web.example", NULL, "");
	for (size_t i = 0; i < COUNT_OF(silent); i++) {
		run_wait(&silent[i]);
		check_against(&silent[i], "TLS", "Timeout during TLS handshake");
		run_free(&silent[i]);
	}
}

/* What the end of the process cuts short is nobody's failure. */
static void test_drain(void **state)
{
	struct run r;
	(void) state;
	begin(&r, "silent.web.example");
	engine_drain(engine, 200);
	run_wait(&r);
	assert_true(r.result->fault);
	run_free(&r);
}

static int set_up_all(void **state)
{
	method = "tls-alpn-01";
	tls_port = &alpn.port;
	alpn_open();
	return set_up(state);
}

static int tear_down_all(void **state)
{
	int result = tear_down(state);
	alpn_close();
	return result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_changed_records),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_silent_hosts),
		cmocka_unit_test(test_drain),
	};
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

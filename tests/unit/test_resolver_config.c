/* link: va */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buffer.h"
#include "lib/base/ip.h"
#include "va/resolve.h"
#include "va/resolver_config.h"

static const char *encode(struct ctx *c, const struct config_va *config)
{
	const char *text = NULL;
	if (resolver_config_encode(c, config, &text) != 0) {
		return NULL;
	}
	return text;
}

static void test_defaults_validate(void **state) /* C-24 */
{
	struct ctx c;
	struct config_va config = { .timeout_s = 1 };
	(void) state;
	ctx_init(&c);
	const char *text = encode(&c, &config);
	assert_non_null(strstr(text, "trust-anchor: \". IN DS 20326 8 2 "));
	assert_non_null(strstr(text, "trust-anchor: \". IN DS 38696 8 2 "));
	assert_null(strstr(text, "insecure"));
	assert_null(strstr(text, "forward-zone"));
	static const char *const hard[] = { "\tedns-buffer-size: 1232\n", "\tuse-caps-for-id: yes\n",
		"\tqname-minimisation: yes\n", "\tharden-glue: yes\n", "\tharden-dnssec-stripped: yes\n" };
	for (size_t i = 0; i < COUNT_OF(hard); i++) {
		assert_non_null(strstr(text, hard[i]));
	}
	struct resolver_route route = resolver_route(&config, "a.example");
	assert_string_equal(route.resolver, "recursive");
	assert_true(route.dnssec);
	ctx_done(&c);
}

static void test_zones(void **state)
{
	struct ctx c;
	struct config_resolver resolvers[] = {
		{ ".", "192.0.2.1@53", "require", { NULL, 0 } },
		{ "corp.example.", "192.0.2.2@5353", "off", { NULL, 0 } },
		{ "CORP.example", "2001:db8::2@53", "off", { NULL, 0 } },
		{ "signed.corp.example", "192.0.2.3@53", NULL, { NULL, 0 } },
	};
	struct config_local_zone local[] = { { "test.", "127.0.0.1" }, { "six.", "::1" } };
	struct config_va config = { .resolvers = { resolvers, COUNT_OF(resolvers) },
		.local_zones = { local, COUNT_OF(local) } };
	static const struct {
		const char *name;
		const char *resolver;
		bool dnssec;
	} routes[] = { { "a.example", "192.0.2.1@53", true }, { "corp.example", "192.0.2.2@5353", false },
		{ "a.Corp.Example", "192.0.2.2@5353", false }, { "xcorp.example", "192.0.2.1@53", true },
		{ "a.signed.corp.example", "192.0.2.3@53", true }, { "first.test", "local", false }, { "test", "local", false },
		{ "latest", "192.0.2.1@53", true } };
	(void) state;
	ctx_init(&c);
	const char *text = encode(&c, &config);
	assert_non_null(strstr(text, "forward-zone:\n\tname: \".\"\n\tforward-addr: 192.0.2.1@53\nforward-zone"));
	assert_non_null(strstr(text, "forward-zone:\n\tname: \"corp.example.\"\n\tforward-addr: "
	                             "192.0.2.2@5353\n\tforward-addr: 2001:db8::2@53\nforward"));
	assert_null(strstr(text, "name: \"CORP.example\""));
	assert_non_null(strstr(text, "domain-insecure: \"corp.example.\"\n"));
	assert_null(strstr(text, "domain-insecure: \"signed"));
	assert_non_null(strstr(text, "local-zone: \"test.\" redirect\n\tlocal-data: \"test. 60 IN A 127.0.0.1\"\n"));
	assert_non_null(strstr(text, "local-data: \"six. 60 IN AAAA ::1\"\n"));
	assert_null(strstr(text, "\"test.\" nodefault"));
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		struct resolver_route route = resolver_route(&config, routes[i].name);
		assert_string_equal(route.resolver, routes[i].resolver);
		assert_int_equal(route.dnssec, routes[i].dnssec);
	}
	ctx_done(&c);
}

static void test_root_without_dnssec(void **state)
{
	struct ctx c;
	struct config_resolver root = { ".", "192.0.2.1@53", "off", { NULL, 0 } };
	struct config_va config = { .resolvers = { &root, 1 } };
	(void) state;
	ctx_init(&c);
	const char *text = encode(&c, &config);
	assert_null(strstr(text, "trust-anchor"));
	assert_non_null(strstr(text, "\"test.\" nodefault"));
	assert_non_null(strstr(text, "\tuse-caps-for-id: no\n"));
	assert_false(resolver_route(&config, "a.example").dnssec);
	ctx_done(&c);
}

static bool asks(struct ctx *c, const char *text, const char *address)
{
	static const char key[] = "\tdo-not-query-address: ";
	struct ip ip;
	assert_int_equal(ip_parse(address, &ip), 0);
	for (const char *at = strstr(text, key); at != NULL; at = strstr(at, key)) {
		at += strlen(key);
		const char *block = arena_text_n(c->arena, at, strcspn(at, "\n"));
		struct network_list list;
		assert_int_equal(networks_parse(c, &(struct text_list) { &block, 1 }, &list), 0);
		if (networks_have(&list, &ip)) {
			return false;
		}
	}
	return true;
}

/* A-106: which addresses a delegation can make it ask: none that is special or denied, but those that the operator opened or named */
static void test_whom_it_asks(void **state)
{
	struct config_resolver resolvers[] = { { "corp", "10.0.0.53@53", "off", { NULL, 0 } },
		{ "six", "fd00::53@53", "require", { NULL, 0 } }, { "own", "9.9.9.53@53", "require", { NULL, 0 } } };
	const char *servers[] = { "127.9.9.1@53" };
	const char *opened[] = { "192.168.7.0/24" };
	const char *denied[] = { "9.9.9.0/24", "192.168.7.128/25" };
	struct config_va config = { .resolvers = { resolvers, COUNT_OF(resolvers) },
		.root_servers = { servers, 1 },
		.allow_networks = { opened, 1 },
		.deny_networks = { denied, 2 } };
	static const char *const asked[] = { "10.0.0.53", "fd00::53", "9.9.9.53", "127.9.9.1", "192.168.7.1", "8.8.8.8",
		"198.41.0.4", "2001:503:ba3e::2:30" };
	static const char *const not_asked[] = { "10.0.0.5", "10.0.0.52", "127.0.0.1", "169.254.169.254", "::1", "fd00::54",
		"::ffff:10.0.0.5", "9.9.9.9", "192.168.7.129", "192.168.8.1", "2002:a00:5::1", "4000::1", "fe80::1" };
	struct ctx c;
	struct resolver *r = NULL;
	(void) state;
	ctx_init(&c);
	const char *text = encode(&c, &config);
	assert_non_null(text);
	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		if (!asks(&c, text, asked[i])) {
			fail_msg("%s is not asked", asked[i]);
		}
	}
	for (size_t i = 0; i < COUNT_OF(not_asked); i++) {
		if (asks(&c, text, not_asked[i])) {
			fail_msg("%s is asked", not_asked[i]);
		}
	}
	assert_int_equal(resolver_new(&c, &config, &r), 0);
	resolver_free(r);
	ctx_done(&c);
}

static void test_refusals(void **state)
{
	static const char *const bad[][2] = { { "", "192.0.2.1@53" }, { "a..b", "192.0.2.1@53" }, { ".a", "192.0.2.1@53" },
		{ "a\"\nserver:", "192.0.2.1@53" }, { "a b", "192.0.2.1@53" }, { ".", "192.0.2.1" }, { ".", "192.0.2.1@" },
		{ ".", "192.0.2.1@0" }, { ".", "192.0.2.1@65536" }, { ".", "192.0.2.1@53#name" }, { ".", "name@53" },
		{ ".", "" }, { ".", "192.0.2.1@53\n" }, { ".", "192.0.2.1@100000000000000000000" } };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct ctx c;
		struct config_resolver resolver = { bad[i][0], bad[i][1], "off", { NULL, 0 } };
		struct config_local_zone local = { bad[i][0], "nonsense" };
		struct config_va forward = { .resolvers = { &resolver, 1 } };
		struct config_va zone = { .local_zones = { &local, 1 } };
		ctx_init(&c);
		if (encode(&c, &forward) != NULL || encode(&c, &zone) != NULL) {
			fail_msg("%s %s", bad[i][0], bad[i][1]);
		}
		assert_int_equal(c.err.type, PROBLEM_MALFORMED);
		ctx_done(&c);
	}
}

/* RFC 1035 2.3.4: what libunbound would refuse without saying which zone it means. */
static void test_lengths_of_labels(void **state)
{
	static const struct {
		size_t label, labels;
		bool good;
	} cases[] = { { 63, 1, true }, { 64, 1, false }, { 63, 3, true }, { 49, 5, true }, { 50, 5, false },
		{ 1, 127, true }, { 1, 128, false } };
	(void) state;
	for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
		struct ctx c;
		struct buffer name;
		ctx_init(&c);
		buffer_init(&name, c.arena, 300);
		for (size_t k = 0; k < cases[i / 2].labels; k++) {
			buffer_printf(&name, "%s%0*d", k == 0 ? "" : ".", (int) cases[i / 2].label, 0);
		}
		buffer_add_text(&name, i % 2 == 0 ? "" : "."); /* a dot at the end is free */
		struct config_resolver resolver = { (const char *) buffer_bytes(&name).p, "192.0.2.1@53", "off", { NULL, 0 } };
		struct config_va config = { .resolvers = { &resolver, 1 } };
		assert_int_equal(encode(&c, &config) != NULL, cases[i / 2].good);
		ctx_done(&c);
	}
}

#define DIGEST "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"

/* C-21, C-22: a zone's own keys, by SHA-2 only; the root's are IANA's, and an anchor where nothing is validated is a mistake */
static void test_trust_anchors(void **state)
{
	static const char *const bad[] = { "", DIGEST, "1 13 2", "65536 13 2 " DIGEST, "1 256 2 " DIGEST, "1 13 1 " DIGEST,
		"1 13 4 " DIGEST, "1 13 2 " DIGEST "00", "1 13 2 " DIGEST "\"", "1  13 2 " DIGEST, "-1 13 2 " DIGEST };
	const char *anchor = "1 13 2 " DIGEST;
	struct config_resolver resolver = { "corp", "192.0.2.1@53", "require", { &anchor, 1 } };
	struct config_va config = { .resolvers = { &resolver, 1 } };
	struct ctx c;
	(void) state;
	ctx_init(&c);
	assert_non_null(strstr(encode(&c, &config), "trust-anchor: \"corp IN DS 1 13 2 " DIGEST "\"\n"));
	assert_true(resolver_route(&config, "a.corp").dnssec);
	struct resolver *r = NULL;
	assert_int_equal(resolver_new(&c, &config, &r), 0);
	resolver_free(r);
	resolver.dnssec = "off";
	assert_null(encode(&c, &config));
	resolver.dnssec = "require";
	resolver.zone = ".";
	assert_null(encode(&c, &config));
	resolver.zone = "corp";
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		anchor = bad[i];
		if (encode(&c, &config) != NULL) {
			fail_msg("%s", bad[i]);
		}
	}
	ctx_done(&c);
}

/* C-20, C-22: a root of the operator's own, with its own keys; names are resolved from there */
static void test_own_root(void **state)
{
	const char *servers[] = { "192.0.2.1@53", "2001:db8::1@5353" };
	const char *anchor = "1 13 2 " DIGEST;
	struct config_resolver resolvers[] = { { "corp", "192.0.2.2@53", "off", { NULL, 0 } },
		{ "own.corp", "192.0.2.2@53", "require", { &anchor, 1 } } };
	struct config_va config = {
		.root_servers = { servers, 2 }, .root_trust_anchors = { &anchor, 1 }, .resolvers = { resolvers, 2 }
	};
	struct resolver *r = NULL;
	struct ctx c;
	(void) state;
	ctx_init(&c);
	const char *text = encode(&c, &config);
	assert_non_null(strstr(text, "\ttrust-anchor: \". IN DS 1 13 2 " DIGEST "\"\n"));
	assert_null(strstr(text, "20326"));
	assert_non_null(
	    strstr(text, "stub-zone:\n\tname: \".\"\n\tstub-addr: 192.0.2.1@53\n\tstub-addr: 2001:db8::1@5353\n"));
	assert_non_null(strstr(text, "\"test.\" nodefault"));
	struct resolver_route route = resolver_route(&config, "a.example");
	assert_string_equal(route.resolver, "recursive");
	assert_true(route.dnssec);
	assert_string_equal(route.anchor, ".");
	assert_string_equal(resolver_route(&config, "a.own.corp").anchor, "own.corp");
	assert_string_equal(resolver_route(&config, "a.corp").anchor, ".");
	assert_int_equal(resolver_new(&c, &config, &r), 0);
	resolver_free(r);
	servers[1] = "192.0.2.1";
	assert_null(encode(&c, &config));
	servers[1] = servers[0];
	anchor = "1 13 1 00";
	assert_null(encode(&c, &config));
	anchor = "1 13 2 " DIGEST;
	resolvers[0].zone = "."; /* either the root's servers or a resolver for all names */
	assert_null(encode(&c, &config));
	config.root_servers.n = 0;
	assert_null(encode(&c, &config)); /* an anchor where nothing is validated */
	ctx_done(&c);
}

/* libunbound itself takes all that we write, and says so when it does not. */
static void test_libunbound_takes_it(void **state)
{
	struct ctx c;
	struct config_resolver resolvers[] = { { ".", "192.0.2.1@53", "require", { NULL, 0 } },
		{ "corp", "192.0.2.2@53", "off", { NULL, 0 } }, { "six", "2001:db8::1@53", "require", { NULL, 0 } } };
	struct config_local_zone local[] = { { "test.", "127.0.0.1" }, { "six.test", "::1" } };
	struct config_va config = { .resolvers = { resolvers, COUNT_OF(resolvers) },
		.local_zones = { local, COUNT_OF(local) } };
	struct resolver *r = NULL;
	(void) state;
	ctx_init(&c);
	assert_int_equal(resolver_new(&c, &config, &r), 0);
	assert_true(resolver_fd(r) >= 0);
	resolver_free(r);
	resolvers[0].forward = "nonsense";
	assert_int_equal(resolver_new(&c, &config, &r), -1);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_validate),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_root_without_dnssec),
		cmocka_unit_test(test_whom_it_asks),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_lengths_of_labels),
		cmocka_unit_test(test_trust_anchors),
		cmocka_unit_test(test_own_root),
		cmocka_unit_test(test_libunbound_takes_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

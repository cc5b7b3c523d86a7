#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "lib/base/ip.h"

static const struct ip_reach none = { { NULL, 0 }, { NULL, 0 } };

/* A-106, B-11: each block by its first and last address, and its neighbours where they are free */
static void test_special_addresses_are_refused(void **state)
{
	static const char *const refused[] = { "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
		"100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.0", "172.31.255.255",
		"192.0.0.1", "192.0.0.170", "192.0.2.1", "192.31.196.7", "192.52.193.1", "192.88.99.1", "192.168.0.1",
		"192.168.255.255", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.255", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::2", "::7f00:1", "::ffff:10.0.0.1",
		"::ffff:127.0.0.1", "::ffff:93.184.216.34", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
		"100:0:0:1::1", "2001::1", "2001:0:4136:e378::1", "2001:2::1", "2001:10::1", "2001:1ff::1", "2001:db8::1",
		"2002:a00:1::", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1",
		"8000::", "2003::5efe:a00:1", "2606:4700::200:5efe:7f00:1", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1",
		"fec0::1", "ff02::1", "ffff::1", "1fff::1" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		struct ip ip;
		assert_int_equal(ip_parse(refused[i], &ip), 0);
		if (ip_refusal(&ip, &none) == NULL) {
			fail_msg("%s was permitted", refused[i]);
		}
	}
}

static void test_public_addresses_are_permitted(void **state)
{
	static const char *const good[] = { "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255",
		"100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
		"191.255.255.255", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
		"223.255.255.255", "2000::1", "2001:200::1", "2001:db7:ffff::1", "2001:db9::1", "2003::1", "2606:4700::1111",
		"2620:4f:8001::1", "3ffe::1", "2003::5eff:a00:1", "2003::100:5efe:a00:1" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct ip ip;
		assert_int_equal(ip_parse(good[i], &ip), 0);
		const char *reason = ip_refusal(&ip, &none);
		if (reason != NULL) {
			fail_msg("%s: %s", good[i], reason);
		}
	}
}

static void test_only_exact_texts_are_addresses(void **state)
{
	static const char *const bad[] = { "", "1", "127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1 ", " 127.0.0.1",
		"256.1.1.1", "1.2.3.4.5", "[::1]", "fe80::1%eth0", "::ffff:1.2.3", "2130706433", "1.2.3.4/8" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct ip ip;
		if (ip_parse(bad[i], &ip) == 0) {
			fail_msg("%s was taken", bad[i]);
		}
	}
}

/* an allowed network opens that network and nothing else, in no other guise; a denied one is closed, also inside of it */
static void test_allowed_networks(void **state)
{
	static const char *texts[] = { "127.0.0.0/8", "10.1.128.0/17", "fd00:1::/33" };
	static const char *denied[] = { "127.6.0.0/16", "8.8.4.0/24", "2606:4700::/32" };
	static const struct {
		const char *ip;
		bool permitted;
	} rows[] = { { "127.0.0.1", true }, { "127.9.9.9", true }, { "10.1.128.0", true }, { "10.1.255.255", true },
		{ "10.1.127.255", false }, { "10.2.128.0", false }, { "::ffff:127.0.0.1", false }, { "::1", false },
		{ "fd00:1::1", true }, { "fd00:1:7fff::1", true }, { "fd00:1:8000::1", false }, { "fd00:2::1", false },
		{ "169.254.169.254", false }, { "8.8.8.8", true }, { "127.5.255.255", true }, { "127.6.0.0", false },
		{ "8.8.4.4", false }, { "8.8.5.0", true }, { "2606:4700::1", false }, { "2606:4701::1", true } };
	struct ctx c;
	struct ip_reach reach;
	(void) state;
	ctx_init(&c);
	assert_int_equal(ip_reach_parse(&c, &(struct text_list) { texts, COUNT_OF(texts) },
	                     &(struct text_list) { denied, COUNT_OF(denied) }, &reach),
	    0);
	struct network_list closed = ip_closed(c.arena, &reach, &(struct network_list) { NULL, 0 });
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ip ip;
		assert_int_equal(ip_parse(rows[i].ip, &ip), 0);
		if ((ip_refusal(&ip, &reach) == NULL) != rows[i].permitted ||
		    networks_have(&closed, &ip) == rows[i].permitted) {
			fail_msg("%s", rows[i].ip);
		}
	}
	ctx_done(&c);
}

/* Also the reach itself, which borrows nothing. */
static struct network_list closed_by(struct ctx *c, const struct text_list *allowed, const struct text_list *denied,
    const struct text_list *open_texts, struct ip_reach *ret_reach)
{
	struct network_list open;
	assert_int_equal(ip_reach_parse(c, allowed, denied, ret_reach), 0);
	assert_int_equal(networks_parse(c, open_texts, &open), 0);
	return ip_closed(c->arena, ret_reach, &open);
}

/* an opened way from IPv6 to IPv4 opens of IPv4 what is open anyway */
static void test_ways_to_ipv4(void **state)
{
	static const char *texts[] = { "64:ff9b::/96", "::ffff:0:0/96", "2002::/16", "10.1.0.0/16" };
	static const char *denied[] = { "8.8.4.0/24", "2002:909::/32" };
	static const char *open_texts[] = { "64:ff9b::a02:7/128" };
	static const struct {
		const char *ip;
		bool permitted;
	} rows[] = { { "64:ff9b::808:808", true }, { "64:ff9b::a01:1", true }, { "64:ff9b::a02:1", false },
		{ "64:ff9b::7f00:1", false }, { "64:ff9b::a9fe:a9fe", false }, { "64:ff9b::808:404", false },
		{ "64:ff9b:1::808:808", false }, { "::ffff:8.8.8.8", true }, { "::ffff:10.1.2.3", true },
		{ "::ffff:10.2.2.3", false }, { "::ffff:8.8.4.4", false }, { "2002:808:808::1", true },
		{ "2002:a01:1::1", true }, { "2002:a00:1::1", false }, { "2002:7f00:1::", false }, { "2002:808:404::9", false },
		{ "2002:909:909::1", false }, { "9.9.9.9", true }, { "10.2.0.1", false } };
	struct ctx c;
	struct ip_reach reach;
	struct ip server;
	(void) state;
	ctx_init(&c);
	struct network_list closed =
	    closed_by(&c, &(struct text_list) { texts, COUNT_OF(texts) }, &(struct text_list) { denied, COUNT_OF(denied) },
	        &(struct text_list) { open_texts, COUNT_OF(open_texts) }, &reach);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ip ip;
		assert_int_equal(ip_parse(rows[i].ip, &ip), 0);
		if ((ip_refusal(&ip, &reach) == NULL) != rows[i].permitted ||
		    networks_have(&closed, &ip) == rows[i].permitted) {
			fail_msg("%s", rows[i].ip);
		}
	}
	assert_int_equal(ip_parse("64:ff9b::a02:7", &server), 0);
	assert_false(networks_have(&closed, &server)); /* a resolver that the operator names */
	ctx_done(&c);
}

/* The blocks say the same of any address as ip_refusal; what is open is left out to the bit, and also of what is denied. */
static void test_closed_blocks(void **state)
{
	static const char *texts[] = { "10.1.2.0/24", "0.0.0.0/1" };
	static const char *denied[] = { "11.0.0.0/8" };
	static const char *open_texts[] = { "192.168.7.7/32", "11.1.1.1/32", "fd00::7/128", "10.1.0.0/16" };
	static const struct {
		const char *ip;
		bool closed;
	} rows[] = { { "192.168.7.6", true }, { "192.168.7.7", false }, { "192.168.7.8", true }, { "11.1.1.0", true },
		{ "11.1.1.1", false }, { "11.1.1.2", true }, { "fd00::6", true }, { "fd00::7", false }, { "fd00::8", true },
		{ "10.1.2.3", false }, { "127.0.0.1", false }, { "128.0.0.1", false }, { "240.0.0.1", true }, { "::", true },
		{ "ffff::", true }, { "2000::", false } };
	struct ctx c;
	struct ip_reach reach;
	(void) state;
	ctx_init(&c);
	struct network_list closed =
	    closed_by(&c, &(struct text_list) { texts, COUNT_OF(texts) }, &(struct text_list) { denied, COUNT_OF(denied) },
	        &(struct text_list) { open_texts, COUNT_OF(open_texts) }, &reach);
	assert_in_range(closed.n, 100, 400);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ip ip;
		assert_int_equal(ip_parse(rows[i].ip, &ip), 0);
		if (networks_have(&closed, &ip) != rows[i].closed) {
			fail_msg("%s", rows[i].ip);
		}
	}
	ctx_done(&c);
}

static void test_bad_networks_are_refused(void **state)
{
	static const char *const bad[] = { "", "/", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/8x",
		"10.0.0.0/-8", "10.0.0.0/ 8", "10.0.0.1/8", "::1/127", "fd00::/129", "fd00::/99999999999999999999", "name/8",
		"1111111111111111111111111111111111111111111111111/8" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct ctx c;
		struct network_list list;
		const char *texts[] = { bad[i] };
		ctx_init(&c);
		assert_int_equal(networks_parse(&c, &(struct text_list) { texts, 1 }, &list), -1);
		assert_int_equal(c.err.type, PROBLEM_MALFORMED);
		ctx_done(&c);
	}
}

static void test_forms(void **state)
{
	struct ctx c;
	struct ip ip;
	struct ip again;
	uint16_t port = 0;
	(void) state;
	ctx_init(&c);
	assert_int_equal(ip_parse("2001:DB8:0::1", &ip), 0);
	assert_string_equal(ip_encode(c.arena, &ip), "2001:db8::1");
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	memcpy(&in6.sin6_addr, ip.b, 16);
	assert_int_equal(ip_of_sockaddr((const struct sockaddr *) &in6, &again, &port), 0);
	assert_true(ip_equal(&ip, &again) && port == 443);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x01020304) };
	assert_int_equal(ip_of_sockaddr((const struct sockaddr *) &in, &again, &port), 0);
	assert_string_equal(ip_encode(c.arena, &again), "1.2.3.4");
	assert_false(ip_equal(&ip, &again));
	struct sockaddr other = { .sa_family = AF_UNIX };
	assert_int_equal(ip_of_sockaddr(&other, &again, &port), -1);
	assert_int_equal(ip_of_bytes((struct bytes) { ip.b, 5 }, &again), -1);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_special_addresses_are_refused),
		cmocka_unit_test(test_public_addresses_are_permitted),
		cmocka_unit_test(test_only_exact_texts_are_addresses),
		cmocka_unit_test(test_allowed_networks),
		cmocka_unit_test(test_ways_to_ipv4),
		cmocka_unit_test(test_closed_blocks),
		cmocka_unit_test(test_bad_networks_are_refused),
		cmocka_unit_test(test_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

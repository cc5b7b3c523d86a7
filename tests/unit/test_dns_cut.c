/* link: va */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/dns_cut.h"
#include "tests/unit/dns_packet.h"

static struct arena *arena;

static enum dns_cut cut_of(struct bytes packet, const char *name)
{
	enum dns_cut cut = DNS_CUT_SIGNED;
	assert_int_equal(dns_cut_parse(arena, packet, name, &cut), 0);
	return cut;
}

static struct bytes nsec_data(const char *next, const unsigned *types)
{
	struct buffer b;
	buffer_init(&b, arena, 64);
	packet_name(&b, next);
	packet_bitmap(&b, types);
	return buffer_bytes(&b);
}

static struct bytes denial(const char *asked, const char *owner, unsigned type, struct bytes data)
{
	struct packet p;
	packet_begin(&p, arena, asked, P_DS, 0);
	packet_add(&p, true, owner, type, data);
	return packet_end(&p);
}

/* RFC 6840 4.4: of the parent's side, a delegation, and without DS (C-21, C-38) */
static void test_nsec(void **state)
{
	static const struct {
		const char *owner;
		unsigned types[4];
		enum dns_cut cut;
	} rows[] = {
		{ "a.test", { P_NS }, DNS_CUT_UNSIGNED },
		{ "A.Test", { P_NS, 16 }, DNS_CUT_UNSIGNED },
		{ "a.test", { P_NS, P_SOA }, DNS_CUT_NONE }, /* the child's own */
		{ "a.test", { P_NS, P_DS }, DNS_CUT_NONE },
		{ "a.test", { 1 }, DNS_CUT_NONE },
		{ "b.test", { P_NS }, DNS_CUT_NONE }, /* of another name */
		{ "test", { P_NS }, DNS_CUT_NONE },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes packet = denial("a.test", rows[i].owner, P_NSEC, nsec_data("b.test", rows[i].types));
		assert_int_equal(cut_of(packet, "a.test"), rows[i].cut);
	}
}

/* What was not verified stands in other sections, and denies nothing (C-38). */
static void test_authority_alone_denies(void **state)
{
	static const unsigned delegation[] = { P_NS, 0 };
	static const unsigned other[] = { 1, 0 };
	struct packet p;
	(void) state;
	packet_begin(&p, arena, "a.test", P_DS, 0);
	packet_add(&p, false, "a.test", P_NSEC, nsec_data("b.test", delegation));
	packet_add(&p, true, "a.test", P_NSEC, nsec_data("b.test", other));
	packet_add_more(&p, "a.test", P_NSEC, nsec_data("b.test", delegation));
	assert_int_equal(cut_of(packet_end(&p), "a.test"), DNS_CUT_NONE);
	packet_begin(&p, arena, "a.test", P_DS, 0);
	packet_add(&p, true, "a.test", P_NSEC, nsec_data("b.test", delegation));
	packet_add_more(&p, "a.test", P_NSEC, nsec_data("b.test", other));
	assert_int_equal(cut_of(packet_end(&p), "a.test"), DNS_CUT_UNSIGNED);
}

/* RFC 5155, appendix A: salt aabbccdd, 12 iterations; the hash of example is 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom */
static struct bytes nsec3_data(unsigned iterations, unsigned algorithm, const unsigned *types)
{
	const uint8_t head[] = { (uint8_t) algorithm, 1, (uint8_t) (iterations >> 8), (uint8_t) iterations, 4, 0xaa, 0xbb,
		0xcc, 0xdd, 20 };
	struct buffer b;
	buffer_init(&b, arena, 64);
	buffer_add(&b, head, sizeof(head));
	buffer_add(&b, "aaaaaaaaaaaaaaaaaaaa", 20);
	packet_bitmap(&b, types);
	return buffer_bytes(&b);
}

static void test_nsec3(void **state)
{
	static const char owner[] = "0P9MHAVEQVM6t7vbl5lop2u3t2rp3tom.example";
	static const unsigned delegation[] = { P_NS, 0 };
	static const unsigned apex[] = { P_NS, P_SOA, 0 };
	static const unsigned signed_too[] = { P_NS, P_DS, 0 };
	(void) state;
	struct bytes good = denial("EXAMPLE", owner, P_NSEC3, nsec3_data(12, 1, delegation));
	assert_int_equal(cut_of(good, "example"), DNS_CUT_UNSIGNED);
	assert_int_equal(cut_of(denial("example", owner, P_NSEC3, nsec3_data(12, 1, apex)), "example"), DNS_CUT_NONE);
	assert_int_equal(cut_of(denial("example", owner, P_NSEC3, nsec3_data(12, 1, signed_too)), "example"), DNS_CUT_NONE);
	assert_int_equal(cut_of(denial("example", owner, P_NSEC3, nsec3_data(11, 1, delegation)), "example"), DNS_CUT_NONE);
	assert_int_equal(cut_of(denial("example", owner, P_NSEC3, nsec3_data(12, 2, delegation)), "example"), DNS_CUT_NONE);
	assert_int_equal(
	    cut_of(denial("a.example", owner, P_NSEC3, nsec3_data(12, 1, delegation)), "a.example"), DNS_CUT_NONE);
	struct bytes many = nsec3_data(151, 1, delegation);
	assert_int_equal(cut_of(denial("example", owner, P_NSEC3, many), "example"), DNS_CUT_NONE);
}

static void test_ds(void **state)
{
	struct packet p;
	(void) state;
	static const struct bytes ds = { (const uint8_t *) "\1\2\15\2abcd", 8 };
	packet_begin(&p, arena, "a.test", P_DS, 0);
	packet_add(&p, false, "a.test", P_DS, ds);
	assert_int_equal(cut_of(packet_end(&p), "a.test"), DNS_CUT_SIGNED);
	/* an alias: what stands at its end is no cut at the name */
	packet_begin(&p, arena, "a.test", P_DS, 0);
	packet_add(&p, false, "a.test", P_CNAME, (struct bytes) { (const uint8_t *) "\1b\0", 3 });
	packet_add(&p, false, "b", P_DS, ds);
	assert_int_equal(cut_of(packet_end(&p), "a.test"), DNS_CUT_NONE);
	packet_begin(&p, arena, "a.test", P_DS, 3);
	assert_int_equal(cut_of(packet_end(&p), "a.test"), DNS_CUT_NONE);
}

static void test_broken(void **state)
{
	enum dns_cut cut = DNS_CUT_NONE;
	static const unsigned delegation[] = { P_NS, 0 };
	struct bytes good = denial("a.test", "a.test", P_NSEC, nsec_data("b.test", delegation));
	struct bytes no_bitmap = denial("a.test", "a.test", P_NSEC, (struct bytes) { (const uint8_t *) "\1b\0\0\11", 5 });
	struct bytes no_next = denial("a.test", "a.test", P_NSEC, (struct bytes) { (const uint8_t *) "\7b", 2 });
	struct packet p;
	(void) state;
	assert_int_equal(dns_cut_parse(arena, good, "b.test", &cut), -1); /* asked for another name */
	for (size_t n = 0; n < good.n; n++) {
		assert_int_equal(dns_cut_parse(arena, (struct bytes) { good.p, n }, "a.test", &cut), -1);
	}
	assert_int_equal(cut_of(no_bitmap, "a.test"), DNS_CUT_NONE);
	assert_int_equal(cut_of(no_next, "a.test"), DNS_CUT_NONE);
	packet_begin(&p, arena, "a.test", P_CAA, 0);
	assert_int_equal(dns_cut_parse(arena, packet_end(&p), "a.test", &cut), -1);
	for (size_t n = 0; n < 16; n++) {
		struct bytes cut_off = denial("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example", P_NSEC3,
		    (struct bytes) { nsec3_data(12, 1, delegation).p, n });
		assert_int_equal(cut_of(cut_off, "example"), DNS_CUT_NONE);
	}
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
		cmocka_unit_test_setup_teardown(test_nsec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_authority_alone_denies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nsec3, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What an issuer's certificate lets it sign for (D-31). */
#include "tests/unit/constrained.h"

#include <string.h>

#include "policy/name_constraints.h"

/* Name constraints as in OpenSSL's configuration, a name or an address, and whether it may be signed for. */
static const struct {
	const char *constraints;
	const char *name;
	bool allowed;
} rows[] = {
	{ NULL, "anything.test", true }, { NULL, "192.0.2.1", true }, { "permitted;DNS:corp.test", "corp.test", true },
	{ "permitted;DNS:corp.test", "www.corp.test", true }, { "permitted;DNS:corp.test", "*.corp.test", true },
	{ "permitted;DNS:Corp.TEST", "a.b.corp.test", true }, { "permitted;DNS:corp.test", "acorp.test", false },
	{ "permitted;DNS:corp.test", "test", false }, { "permitted;DNS:corp.test", "*.test", false },
	{ "permitted;DNS:corp.test", "corp.test.example", false }, { "permitted;DNS:www.corp.test", "*.corp.test", false },
	{ "permitted;DNS:.corp.test", "corp.test", false }, { "permitted;DNS:.corp.test", "www.corp.test", true },
	{ "permitted;DNS:.corp.test", "*.corp.test", true },
	{ "permitted;DNS:a.test,permitted;DNS:b.test", "x.b.test", true },
	{ "permitted;DNS:a.test,permitted;DNS:b.test", "x.c.test", false },
	{ "permitted;DNS:corp.test", "192.0.2.1", true }, /* of addresses it says nothing */
	{ "permitted;DNS:corp.test,excluded;IP:0.0.0.0/0.0.0.0", "192.0.2.1", false },
	{ "permitted;DNS:corp.test,excluded;IP:0.0.0.0/0.0.0.0", "2001:db8::1", true },
	{ "permitted;DNS:corp.test,excluded;DNS:lab.corp.test", "lab.corp.test", false },
	{ "permitted;DNS:corp.test,excluded;DNS:lab.corp.test", "x.lab.corp.test", false },
	{ "permitted;DNS:corp.test,excluded;DNS:lab.corp.test", "lab2.corp.test", true },
	{ "excluded;DNS:lab.corp.test", "*.corp.test", false }, /* it stands for lab.corp.test too */
	{ "excluded;DNS:.lab.corp.test", "*.corp.test", false }, { "excluded;DNS:x.lab.corp.test", "*.corp.test", true },
	{ "excluded;DNS:lab.corp.test", "corp.test", true }, { "permitted;IP:10.1.0.0/255.255.0.0", "10.1.2.3", true },
	{ "permitted;IP:10.1.0.0/255.255.0.0", "10.2.2.3", false },
	{ "permitted;IP:10.1.0.0/255.255.0.0", "fd00::1", false },
	{ "permitted;IP:fd00:0:0:0:0:0:0:0/ff00:0:0:0:0:0:0:0", "fd12::1", true },
	{ "excluded;IP:10.1.0.0/255.255.128.0", "10.1.127.1", false },
	{ "excluded;IP:10.1.0.0/255.255.128.0", "10.1.128.1", true },
	{ "permitted;email:corp.test", "other.test", true }, /* no kind of ours */
};

static bool allowed(const struct name_constraints_list *list, const char *name)
{
	struct ip ip;
	return ip_parse(name, &ip) == 0 ? name_constraints_allow_address(list, &ip)
	                                : name_constraints_allow_name(list, name);
}

static void table(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		ctx_init(&c);
		struct bytes cert = constrained_cert(c.arena, rows[i].constraints);
		struct name_constraints_list list;
		assert_int_equal(name_constraints_read(&c, c.arena, &(struct bytes_list) { &cert, 1 }, &list), 0);
		assert_int_equal(list.n, rows[i].constraints == NULL ? 0 : 1);
		if (allowed(&list, rows[i].name) != rows[i].allowed) {
			fail_msg("%s for %s", rows[i].constraints, rows[i].name);
		}
		ctx_done(&c);
	}
}

static void every_certificate_counts(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct bytes certs[] = { constrained_cert(c.arena, "permitted;DNS:a.test"), constrained_cert(c.arena, NULL),
		constrained_cert(c.arena, "permitted;DNS:a.test,permitted;DNS:b.test,excluded;DNS:x.a.test") };
	struct name_constraints_list list;
	assert_int_equal(name_constraints_read(&c, c.arena, &(struct bytes_list) { certs, COUNT_OF(certs) }, &list), 0);
	assert_int_equal(list.n, 2);
	assert_true(allowed(&list, "www.a.test"));
	assert_false(allowed(&list, "x.a.test"));
	assert_false(allowed(&list, "www.b.test"));
	ctx_done(&c);
}

static void what_is_not_understood(void **state)
{
	(void) state;
	static const struct {
		const char *constraints;
		const char *words;
	} bad[] = {
		{ "permitted;IP:10.1.0.0/255.0.255.0", "not understood" },
		{ "permitted;DNS:*.corp.test", "not understood" },
		{ "permitted;dirName:office", "names of directories" },
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct ctx c;
		ctx_init(&c);
		struct bytes cert = constrained_cert(c.arena, bad[i].constraints);
		struct name_constraints_list list;
		assert_int_equal(name_constraints_read(&c, c.arena, &(struct bytes_list) { &cert, 1 }, &list), -1);
		assert_non_null(strstr(c.err.detail, bad[i].words));
		ctx_done(&c);
	}
	struct ctx c;
	ctx_init(&c);
	struct bytes nothing = bytes_of_text("no certificate");
	struct name_constraints_list list;
	assert_int_equal(name_constraints_read(&c, c.arena, &(struct bytes_list) { &nothing, 1 }, &list), -1);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(every_certificate_counts),
		cmocka_unit_test(what_is_not_understood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

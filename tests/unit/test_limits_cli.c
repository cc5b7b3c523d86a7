/* link: cli */
/* `cairn limits`: keys as they are typed, and what is asked of the database. A-46. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/limits.h"
#include "tests/unit/pg.h"

#define ID "AAAAAAAAAAAAAAAAAAAAAA"

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	return 0;
}

static void test_statements(void **state)
{
	(void) state;
	pg_check_statements("cairn_operator", limits_statements, limits_statements_n);
}

static void test_keys(void **state)
{
	(void) state;
	static const struct {
		enum limit_kind kind;
		const char *typed;
		const char *key; /* NULL: refused */
	} rows[] = {
		{ LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS, "2001:DB8:0::1", "2001:db8::1" },
		{ LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS, "192.0.2.0/24", "192.0.2.0/24" },
		{ LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS, "192.0.2.1/24", NULL },
		{ LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS, "localhost", NULL },
		{ LIMIT_NEW_REGISTRATIONS_PER_IPV6_RANGE, "2001:db8::1", "2001:db8::/48" },
		{ LIMIT_NEW_REGISTRATIONS_PER_IPV6_RANGE, "2001:db8::/48", "2001:db8::/48" },
		{ LIMIT_NEW_REGISTRATIONS_PER_IPV6_RANGE, "192.0.2.1", NULL },
		{ LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS, "2001:DB8:0::1", "2001:db8::/64" },
		{ LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS, "192.0.2.1", "192.0.2.1/32" },
		{ LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS, "192.0.2.0/24", "192.0.2.0/24" },
		{ LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS, "somewhere", NULL },
		{ LIMIT_KEY_CHANGES_PER_ACCOUNT, ID, ID },
		{ LIMIT_NEW_ORDERS_PER_ACCOUNT, ID, ID },
		{ LIMIT_NEW_ORDERS_PER_ACCOUNT, "https://ca.example/acme/account/" ID, ID },
		{ LIMIT_NEW_ORDERS_PER_ACCOUNT, ID "/x", NULL },
		{ LIMIT_NEW_ORDERS_PER_ACCOUNT, "someone", NULL },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "example.com", "example.com" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "192.0.2.1/32", "192.0.2.1/32" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "WWW.Example.com", "example.com" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "*.a.b.example.co.uk", "example.co.uk" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "a.someone.github.io", "someone.github.io" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "192.0.2.1", "192.0.2.1/32" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "2001:DB8::7", "2001:db8::/64" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "2001:db8::/64", "2001:db8::/64" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "example.com/24", NULL },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "exa mple.com", NULL },
		{ LIMIT_CERTIFICATES_PER_DOMAIN, "", NULL },
		{ LIMIT_CERTIFICATES_PER_DOMAIN_PER_ACCOUNT, ID "/example.com", ID "/example.com" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN_PER_ACCOUNT, ID "/www.example.com", ID "/example.com" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN_PER_ACCOUNT, ID "/192.0.2.1/32", ID "/192.0.2.1/32" },
		{ LIMIT_CERTIFICATES_PER_DOMAIN_PER_ACCOUNT, ID, ID },
		{ LIMIT_FAILED_AUTHORIZATIONS, ID "/*.WWW.example.com", ID "/www.example.com" },
		{ LIMIT_FAILED_AUTHORIZATIONS, "example.com", NULL },
		{ LIMIT_FAILED_AUTHORIZATIONS, ID "/", NULL },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		const char *key = NULL;
		ctx_init(&c);
		int result = limits_key(&c, psl_builtin(), rows[i].kind, rows[i].typed, &key);
		if (result != (rows[i].key == NULL ? -1 : 0)) {
			fail_msg("%s", rows[i].typed);
		}
		if (rows[i].key != NULL) {
			assert_string_equal(key, rows[i].key);
		} else {
			assert_int_equal(c.err.type, PROBLEM_MALFORMED);
		}
		ctx_done(&c);
	}
}

/* The names of a set are taken in any order. */
static void test_set_key(void **state)
{
	(void) state;
	struct ctx c;
	const char *one = NULL;
	const char *other = NULL;
	ctx_init(&c);
	assert_int_equal(
	    limits_key(&c, psl_builtin(), LIMIT_CERTIFICATES_PER_FQDN_SET, "A.test,b.test,192.0.2.1", &one), 0);
	assert_int_equal(
	    limits_key(&c, psl_builtin(), LIMIT_CERTIFICATES_PER_FQDN_SET, "192.0.2.1,b.test,a.test", &other), 0);
	assert_string_equal(one, other);
	assert_int_equal(strlen(one), 64);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_set_key),
	};
	return cmocka_run_group_tests(tests, pg_group_setup, teardown);
}

/* Which rate limits are on and what a step asks for.. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/limits.h"

static struct ctx c;
static const psl_ctx_t *psl;

static int setup(void **state)
{
	(void) state;
	ctx_init(&c);
	psl = psl_builtin();
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	ctx_done(&c);
	return 0;
}

static const char *domain_of(const char *type, const char *value)
{
	const struct identifier identifier = { type, value };
	return limits_domain(c.arena, psl, &identifier);
}

static void test_domains(void **state)
{
	(void) state;
	assert_string_equal(domain_of("dns", "www.example.com"), "example.com");
	assert_string_equal(domain_of("dns", "*.a.b.example.co.uk"), "example.co.uk");
	assert_string_equal(domain_of("dns", "example.com"), "example.com");
	/* the private part of the list: many owners */
	assert_string_equal(domain_of("dns", "shop.someone.github.io"), "someone.github.io");
	assert_string_equal(domain_of("dns", "github.io"), "github.io");
	/* outside of the public DNS */
	assert_string_equal(domain_of("dns", "db.dc.corp"), "dc.corp");
	assert_string_equal(domain_of("dns", "printer"), "printer");
	assert_string_equal(domain_of("ip", "192.0.2.77"), "192.0.2.77/32");
	assert_string_equal(domain_of("ip", "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
	assert_null(limits_range(c.arena, "192.0.2.77"));
	assert_string_equal(limits_range(c.arena, "2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
}

static void test_sets(void **state)
{
	(void) state;
	struct identifier one[] = { { "dns", "a.test" }, { "dns", "b.test" }, { "ip", "192.0.2.1" } };
	struct identifier other[] = { { "ip", "192.0.2.1" }, { "dns", "b.test" }, { "dns", "a.test" },
		{ "dns", "b.test" } };
	const struct identifier_list list = { one, 3 };
	const struct identifier_list mixed = { other, 4 };
	const struct identifier_list less = { one, 2 };
	const char *digest = limits_set(c.arena, &list);
	assert_int_equal(strlen(digest), 64);
	assert_string_equal(digest, limits_set(c.arena, &mixed));
	assert_string_not_equal(digest, limits_set(c.arena, &less));
}

static void test_configuration(void **state)
{
	(void) state;
	struct config_limit some[] = { { "NewOrdersPerAccount", 7, 60, 3 }, { "CertificatesPerDomain", 0, 60, 0 } };
	struct config_policy config = { .mode = "private" };
	struct limits limits = limits_of_config(&config);
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		/* private: off, but for those that guard the mailboxes of people who asked for nothing */
		bool guards = strncmp(limit_info((enum limit_kind) i)->name, "RecoveriesPer", 13) == 0;
		assert_int_equal(limits.v[i].count > 0, guards);
	}
	config.limits = (struct config_limit_list) { some, 2 };
	limits = limits_of_config(&config);
	assert_int_equal(limits.v[LIMIT_NEW_ORDERS_PER_ACCOUNT].count, 7);
	assert_int_equal(limits.v[LIMIT_NEW_ORDERS_PER_ACCOUNT].burst, 3);
	assert_int_equal(limits.v[LIMIT_CERTIFICATES_PER_FQDN_SET].count, 0);
	config.mode = "webpki";
	limits = limits_of_config(&config);
	assert_int_equal(limits.v[LIMIT_NEW_ORDERS_PER_ACCOUNT].count, 7);
	assert_int_equal(limits.v[LIMIT_CERTIFICATES_PER_DOMAIN].count, 0);
	assert_int_equal(limits.v[LIMIT_CERTIFICATES_PER_FQDN_SET].count, 5);
	assert_int_equal(limits.v[LIMIT_CERTIFICATES_PER_FQDN_SET].burst, 5);
	assert_int_equal(limits.v[LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING].burst, 1152);
}

/* A claim counts by address, by account and by contact, whatever the mode says of the others. */
static void test_claims(void **state)
{
	const struct config_policy config = { .mode = "private" };
	const struct limits limits = limits_of_config(&config);
	struct limit_ask ask;
	(void) state;
	const struct limit_claim claim = { "2001:db8::1", id_new(), "00ff" };
	assert_int_equal(
	    fields_parse_json(&c, &limit_ask_fields, bytes_of_text(limits_for_claim(c.arena, &limits, &claim)), &ask), 0);
	assert_int_equal(ask.uses.n, 3);
	assert_string_equal(ask.uses.v[0].key, "2001:db8::/64");
	assert_string_equal(ask.uses.v[2].name, "RecoveriesPerContact");
	assert_string_equal(ask.uses.v[2].key, "00ff");
	assert_true(ask.uses.v[0].spend && ask.uses.v[1].spend && ask.uses.v[2].spend);
}

static struct limits all_on(void)
{
	struct limits limits;
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		limits.v[i] = (struct limit) { i == LIMIT_CERTIFICATES_PER_DOMAIN_PER_ACCOUNT ? 0 : 5, 60, 5 };
	}
	return limits;
}

/* Nothing is on: nothing is asked for, which is what makes it cost nothing. */
static void test_off(void **state)
{
	(void) state;
	const struct limits off = { 0 };
	struct identifier one = { "dns", "a.test" };
	const struct identifier_list list = { &one, 1 };
	const struct limit_names names = { id_new(), &list };
	assert_null(limits_for_account(c.arena, &off, "192.0.2.1"));
	assert_null(limits_for_binding(c.arena, &off, "192.0.2.1"));
	assert_null(limits_for_step(c.arena, &off, LIMIT_KEY_CHANGES_PER_ACCOUNT, names.account_id));
	assert_null(limits_for_authorization(c.arena, &off, &names));
	assert_null(limits_for_order(c.arena, &off, psl, &names));
	assert_null(limits_for_issue(c.arena, &off, psl, &names));
	assert_null(limits_for_validation(c.arena, &off, names.account_id, &one));
}

static struct limit_ask read_ask(const char *text)
{
	struct limit_ask ask;
	assert_non_null(text);
	assert_int_equal(fields_parse_json(&c, &limit_ask_fields, bytes_of_text(text), &ask), 0);
	return ask;
}

/* The test fails when it is not there. */
static struct limit_use find(const struct limit_ask *ask, enum limit_kind kind, const char *key)
{
	for (size_t i = 0; i < ask->uses.n; i++) {
		const struct limit_use *one = &ask->uses.v[i];
		if (strcmp(one->name, limit_info(kind)->name) == 0 && (key == NULL || strcmp(one->key, key) == 0)) {
			return *one;
		}
	}
	fail_msg("%s is not asked for", limit_info(kind)->name);
	return (struct limit_use) { 0 };
}

static void test_account(void **state)
{
	(void) state;
	const struct limits on = all_on();
	struct limit_ask ask = read_ask(limits_for_account(c.arena, &on, "192.0.2.1"));
	assert_int_equal(ask.uses.n, 1);
	assert_true(find(&ask, LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS, "192.0.2.1").spend);
	ask = read_ask(limits_for_account(c.arena, &on, "2001:db8::7"));
	assert_int_equal(ask.uses.n, 2);
	assert_true(find(&ask, LIMIT_NEW_REGISTRATIONS_PER_IPV6_RANGE, "2001:db8::/48").spend);
	assert_null(limits_for_account(c.arena, &on, NULL));
	assert_null(limits_for_account(c.arena, &on, "nonsense"));
}

/* steps with a limit of their own; guesses at external account keys count by networks that nobody gets many of. */
static void test_steps(void **state)
{
	(void) state;
	const struct limits on = all_on();
	struct identifier one = { "dns", "www.a.test" };
	const struct identifier_list list = { &one, 1 };
	const struct limit_names names = { id_new(), &list };
	char account[ID_TEXT_SIZE];
	id_encode(names.account_id, account);
	static const enum limit_kind kinds[] = { LIMIT_KEY_CHANGES_PER_ACCOUNT, LIMIT_REVOCATIONS_PER_ACCOUNT,
		LIMIT_CHALLENGE_RETRIES_PER_ACCOUNT };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct limit_ask ask = read_ask(limits_for_step(c.arena, &on, kinds[i], names.account_id));
		assert_int_equal(ask.uses.n, 1);
		assert_true(find(&ask, kinds[i], account).spend);
	}
	struct limit_ask ask = read_ask(limits_for_authorization(c.arena, &on, &names));
	assert_int_equal(ask.uses.n, 2);
	assert_true(find(&ask, LIMIT_NEW_AUTHORIZATIONS_PER_ACCOUNT, account).spend);
	assert_false(find(&ask, LIMIT_FAILED_AUTHORIZATIONS, NULL).spend);
	assert_string_equal(ask.pausing.v[0], "www.a.test");
	assert_null(ask.set);
	ask = read_ask(limits_for_binding(c.arena, &on, "2001:db8:1:2:3:4:5:6"));
	assert_true(find(&ask, LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS, "2001:db8:1:2::/64").spend);
	ask = read_ask(limits_for_binding(c.arena, &on, "192.0.2.1"));
	assert_true(find(&ask, LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS, "192.0.2.1/32").spend);
	assert_null(limits_for_binding(c.arena, &on, NULL));
	assert_null(limits_for_binding(c.arena, &on, "nonsense"));
}

/* newOrder takes of its own limit and looks at the others; what is issued is taken by the issuance. */
static void test_order(void **state)
{
	(void) state;
	const struct limits on = all_on();
	struct identifier some[] = { { "dns", "www.a.test" }, { "dns", "*.a.test" }, { "dns", "b.test" } };
	const struct identifier_list list = { some, 3 };
	const struct limit_names names = { id_new(), &list };
	struct limit_ask ask = read_ask(limits_for_order(c.arena, &on, psl, &names));
	assert_int_equal(ask.uses.n, 1 + 2 + 1 + 3);
	assert_int_equal(ask.pausing.n, 3);
	assert_true(find(&ask, LIMIT_NEW_ORDERS_PER_ACCOUNT, NULL).spend);
	assert_false(find(&ask, LIMIT_CERTIFICATES_PER_DOMAIN, "a.test").spend);
	assert_false(find(&ask, LIMIT_CERTIFICATES_PER_FQDN_SET, ask.set).spend);
	assert_non_null(strstr(find(&ask, LIMIT_FAILED_AUTHORIZATIONS, NULL).key, "/www.a.test"));

	ask = read_ask(limits_for_issue(c.arena, &on, psl, &names));
	assert_int_equal(ask.uses.n, 3);
	assert_true(find(&ask, LIMIT_CERTIFICATES_PER_DOMAIN, "b.test").spend);
	assert_non_null(strstr(find(&ask, LIMIT_CERTIFICATES_PER_DOMAIN, "b.test").own_key, "/b.test"));
	assert_true(find(&ask, LIMIT_CERTIFICATES_PER_FQDN_SET, ask.set).spend);

	ask = read_ask(limits_for_validation(c.arena, &on, names.account_id, &some[0]));
	assert_int_equal(ask.uses.n, 2);
	assert_non_null(strstr(ask.key, "/www.a.test"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

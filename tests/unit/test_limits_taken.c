/* link: ra */
/* Rate limits in the statements that do the steps, on a real database., B-19, D-55. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/limits_world.h"

#define USED(kind_name) "SELECT count(*) FROM acme.limit_use WHERE name = '" kind_name "'"

/* exactly the burst; then not a second before the time that is told. */
static void test_orders(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 4, 3600, 2);
	order(&p, "a.test", &made);
	order(&p, "b.test", &made);
	assert_order_limited(&p, "c.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	int64_t wait_s = p.c.err.retry_after_s;
	assert_in_range(wait_s, 890, 900); /* one in a quarter of an hour */
	assert_non_null(strstr(p.c.err.detail, "is 4 every 1 hour(s), at most 2 at once. Come again at 20"));
	assert_non_null(strstr(p.c.err.detail, p.text));
	pass_time(p.c.arena, wait_s - 2);
	assert_order_limited(&p, "c.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	pass_time(p.c.arena, 2);
	order(&p, "c.test", &made);
	assert_order_limited(&p, "d.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	pass_time(p.c.arena, 7200); /* never more than the burst */
	order(&p, "d.test", &made);
	order(&p, "e.test", &made);
	assert_order_limited(&p, "f.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	const char *metrics = (const char *) metrics_render(p.c.arena).p;
	assert_non_null(strstr(metrics, "cairn_limits_refused_total{limit=\"NewOrdersPerAccount\"} 4"));
	party_done(&p);
}

/* What a step took comes back when it fails: a name that the policy refuses, a key that is not the account's. */
static void test_refund(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 1, 3600, 1);
	assert_int_equal(try_order(&p, "-bad-.test", &made), -1);
	uint8_t right = p.account.thumbprint.p[0];
	((uint8_t *) (uintptr_t) p.account.thumbprint.p)[0] ^= 1;
	assert_int_equal(try_order(&p, "a.test", &made), -1);
	assert_int_equal(p.c.err.type, PROBLEM_ACCOUNT_DOES_NOT_EXIST);
	((uint8_t *) (uintptr_t) p.account.thumbprint.p)[0] = right;
	pg_exec("cairn_owner", "ALTER TABLE acme.orders ADD CONSTRAINT no_more CHECK (profile <> 'classic') NOT VALID");
	assert_int_equal(try_order(&p, "a.test", &made), -1); /* behind the limits */
	pg_exec("cairn_owner", "ALTER TABLE acme.orders DROP CONSTRAINT no_more");
	order(&p, "a.test", &made);
	assert_order_limited(&p, "b.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	party_done(&p);
}

/* An address, and the network of 48 bits around it; a key that is known takes nothing, nor is an account left behind. */
static void test_accounts(void **state)
{
	(void) state;
	static const char *const addresses[] = { "2001:db8::1", "2001:db8::2", "2001:db8:0:9::1" };
	struct party p;
	char *before = pg_value("SELECT count(*) FROM acme.account");
	limit_on(LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS, 1, 3600, 1);
	limit_on(LIMIT_NEW_REGISTRATIONS_PER_IPV6_RANGE, 2, 3600, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(try_register(&p, addresses[i]), 0);
		party_done(&p);
	}
	assert_limited(&p, try_register(&p, addresses[2]), LIMIT_NEW_REGISTRATIONS_PER_IPV6_RANGE);
	party_done(&p);
	assert_int_equal(try_register(&p, "192.0.2.1"), 0);
	struct jwk jwk;
	json_t *json = NULL;
	assert_int_equal(json_parse(&p.c, bytes_of_text(p.account.key), &json), 0);
	assert_int_equal(jwk_parse(&p.c, json, &jwk), 0);
	const struct new_account_request again = {
		.key = jwk.canonical, .terms_agreed = true, .remote_address = "192.0.2.1"
	};
	struct new_account_response response;
	assert_int_equal(ra_new_account_serve(&p.c, &again, &response), 0);
	assert_false(response.created);
	party_done(&p);
	assert_limited(&p, try_register(&p, "192.0.2.1"), LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS);
	party_done(&p);
	char *after = pg_value("SELECT count(*) FROM acme.account");
	assert_int_equal(strtol(after, NULL, 10) - strtol(before, NULL, 10), 3);
	free(before);
	free(after);
}

static void override(const char *name, const char *key, const char *numbers)
{
	char sql[400];
	(void) snprintf(sql, sizeof(sql), "SELECT acme.set_limit_override('%s', '%s', %s, 'a test', 'operator test')", name,
	    key, numbers);
	pg_exec("cairn_operator", sql);
}

static void test_overrides(void **state)
{
	(void) state;
	struct party p;
	struct party other;
	struct order made;
	party_init(&p);
	party_init(&other);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 1, 3600, 1);
	override("NewOrdersPerAccount", p.text, "3, 3600, 3");
	for (int i = 0; i < 3; i++) {
		order(&p, "a.test", &made);
	}
	assert_order_limited(&p, "a.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	assert_non_null(strstr(p.c.err.detail, "is 3 every 1 hour(s)."));
	order(&other, "a.test", &made);
	assert_order_limited(&other, "a.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	override("NewOrdersPerAccount", other.text, "0, 3600, 1"); /* no limit */
	for (int i = 0; i < 3; i++) {
		order(&other, "a.test", &made);
	}
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'limit.overridden' AND actor = 'operator test'", "2");
	party_done(&p);
	party_done(&other);

	/* the smallest network wins, the very address before all */
	limit_on(LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS, 1, 3600, 1);
	override("NewRegistrationsPerIPAddress", "198.51.100.0/24", "2, 3600, 2");
	override("NewRegistrationsPerIPAddress", "198.51.100.128/25", "3, 3600, 3");
	override("NewRegistrationsPerIPAddress", "198.51.100.200", "4, 3600, 4");
	static const struct {
		const char *address;
		int allowed;
	} rows[] = { { "198.51.101.1", 1 }, { "198.51.100.1", 2 }, { "198.51.100.129", 3 }, { "198.51.100.200", 4 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (int n = 0; n <= rows[i].allowed; n++) {
			int result = try_register(&p, rows[i].address);
			assert_int_equal(result, n < rows[i].allowed ? 0 : -1);
			party_done(&p);
		}
	}
}

static void issue(struct party *p, const struct order *made)
{
	for (size_t i = 0; i < made->authorizations.n; i++) {
		validated(p, made, i, true, false);
	}
	pg_exec("cairn_owner", issue_sql(p, made));
}

static void assert_issue_refused(struct party *p, const struct order *made)
{
	for (size_t i = 0; i < made->authorizations.n; i++) {
		validated(p, made, i, true, false);
	}
	assert_string_equal(pg_try("cairn_owner", issue_sql(p, made), NULL), "CA001");
}

/* A stranger's orders take nothing of a domain; what is begun to be issued does (D-55), whoever ordered. */
static void test_domain(void **state)
{
	(void) state;
	struct party p;
	struct party stranger;
	struct order first;
	struct order second;
	struct order third;
	party_init(&p);
	party_init(&stranger);
	limit_on(LIMIT_CERTIFICATES_PER_DOMAIN, 2, 3600, 2);
	for (int i = 0; i < 4; i++) {
		order(&stranger, "x.dom.test", &first);
	}
	order(&p, "a.dom.test", &first);
	order(&p, "b.dom.test", &second);
	order(&p, "c.dom.test", &third);
	issue(&p, &first);
	issue(&p, &second);
	assert_issue_refused(&p, &third); /* they all looked fine when they were ordered */
	assert_order_limited(&p, "d.dom.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	assert_non_null(strstr(p.c.err.detail, "CertificatesPerDomain for dom.test is 2 every 1 hour(s)"));
	order(&p, "a.other.test", &first);
	pass_time(p.c.arena, 1800);
	pg_exec("cairn_owner", issue_sql(&p, &third)); /* the order was still ready */
	party_done(&p);
	party_done(&stranger);
}

/* An override for an account takes the place of the limit of the domain, and leaves that to the others. */
static void test_domain_of_account(void **state)
{
	(void) state;
	struct party big;
	struct party p;
	struct order made;
	party_init(&big);
	party_init(&p);
	limit_on(LIMIT_CERTIFICATES_PER_DOMAIN, 1, 3600, 1);
	override("CertificatesPerDomainPerAccount", big.text, "2, 3600, 2");
	order(&big, "a.big.test", &made);
	issue(&big, &made);
	order(&big, "b.big.test", &made);
	issue(&big, &made);
	assert_order_limited(&big, "c.big.test", LIMIT_CERTIFICATES_PER_DOMAIN_PER_ACCOUNT);
	order(&p, "d.big.test", &made);
	issue(&p, &made);
	assert_order_limited(&p, "e.big.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	party_done(&big);
	party_done(&p);
}

/* What was issued for before is a renewal: free of two limits, once an hour of the first; never of that of its own set. */
static void test_renewal(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 1, 36000, 1);
	limit_on(LIMIT_CERTIFICATES_PER_DOMAIN, 1, 36000, 1);
	limit_on(LIMIT_CERTIFICATES_PER_FQDN_SET, 2, 36000, 2);
	order(&p, "b.re.test a.re.test", &made);
	issue(&p, &made);
	assert_order_limited(&p, "a.re.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	order(&p, "a.re.test b.re.test", &made); /* the same names */
	assert_order_limited(&p, "a.re.test b.re.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	issue(&p, &made);
	pass_time(p.c.arena, 3601);
	assert_order_limited(&p, "a.re.test b.re.test", LIMIT_CERTIFICATES_PER_FQDN_SET);
	pass_time(p.c.arena, 18000);
	order(&p, "a.re.test b.re.test", &made);
	party_done(&p);
}

/* B-19: one that replaces a certificate takes nothing, from the beginning of the window on. */
static void test_ari(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 1, 360000, 1);
	limit_on(LIMIT_CERTIFICATES_PER_DOMAIN, 1, 360000, 1);
	limit_on(LIMIT_CERTIFICATES_PER_FQDN_SET, 1, 360000, 1);
	order(&p, "a.ari.test", &made);
	issue(&p, &made);
	char *name =
	    pg_value("SELECT translate(rtrim(encode(i.key_id, 'base64'), '=') || '.' || rtrim(encode(c.serial, 'base64'), "
	             "'='), '+/', '-_') FROM ca.certificate c JOIN ca.issuer i ON i.name = c.issuer ORDER BY "
	             "c.begun_at DESC LIMIT 1");
	assert_non_null(name);
	p.replaces = name;
	assert_order_limited(&p, "a.ari.test b.ari.test", LIMIT_CERTIFICATES_PER_DOMAIN); /* before its time */
	pg_exec("cairn_owner",
	    "UPDATE ca.certificate SET not_before = now() - interval '80 d', not_after = now() + interval '10 d'");
	order(&p, "a.ari.test b.ari.test", &made);
	char *used = pg_value("SELECT sum(extract(epoch FROM whole_at)::int8) FROM acme.limit_use");
	issue(&p, &made);
	char *then = pg_value("SELECT sum(extract(epoch FROM whole_at)::int8) FROM acme.limit_use");
	assert_string_equal(used, then);
	p.replaces = NULL;
	assert_order_limited(&p, "c.ari.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	free(name);
	free(used);
	free(then);
	party_done(&p);
}

/* ---- at the same time ---- */

#define AT_ONCE 50

struct racer {
	struct party *party;
	pthread_barrier_t *start;
	const char *name;
	bool made;
	bool limited;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct identifier identifier = { "dns", r->name };
	struct ctx c;
	ctx_init(&c);
	const struct new_order_request in = { .account_id = r->party->account.id,
		.thumbprint = r->party->account.thumbprint,
		.identifiers = { &identifier, 1 } };
	struct order made;
	pthread_barrier_wait(r->start);
	r->made = ra_new_order_serve(&c, &in, &made) == 0;
	r->limited = c.err.type == PROBLEM_RATE_LIMITED;
	ctx_done(&c);
	db_thread_end();
	return NULL;
}

/* 50 requests at once get exactly what there is. */
static void test_at_once(void **state)
{
	(void) state;
	struct party p;
	struct racer racers[AT_ONCE];
	pthread_t threads[AT_ONCE];
	pthread_barrier_t start;
	size_t made = 0;
	size_t limited = 0;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 17, 36000, 17);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS, 5, 3600, 5);
	pthread_barrier_init(&start, NULL, AT_ONCE);
	for (size_t i = 0; i < AT_ONCE; i++) {
		racers[i] = (struct racer) { &p, &start, arena_printf(p.c.arena, "n%zu.race.test", i), false, false };
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < AT_ONCE; i++) {
		pthread_join(threads[i], NULL);
		made += racers[i].made ? 1 : 0;
		limited += racers[i].limited ? 1 : 0;
	}
	pthread_barrier_destroy(&start);
	assert_int_equal(made, 17);
	assert_int_equal(limited, AT_ONCE - 17);
	pg_assert_value(
	    arena_printf(p.c.arena, "SELECT count(*) FROM acme.orders WHERE account_id = cairn.id_of('%s')", p.text), "17");
	party_done(&p);
}

/* The first begins an issuance and stays open; the second has to wait and gets nothing. */
static void test_issuances_at_once(void **state)
{
	(void) state;
	struct party p;
	struct order first;
	struct order second;
	party_init(&p);
	limit_on(LIMIT_CERTIFICATES_PER_DOMAIN, 1, 3600, 1);
	order(&p, "a.once.test", &first);
	order(&p, "b.once.test", &second);
	validated(&p, &first, 0, true, false);
	validated(&p, &second, 0, true, false);
	PGconn *a = pg_connect("cairn_owner", "cairn");
	PGconn *b = pg_connect("cairn_owner", "cairn");
	PQclear(PQexec(a, "BEGIN"));
	PGresult *begun = PQexec(a, issue_sql(&p, &first));
	assert_string_equal(PQgetvalue(begun, 0, 0), "t");
	PQclear(begun);
	assert_int_equal(PQsendQuery(b, issue_sql(&p, &second)), 1);
	PQclear(PQexec(a, "COMMIT"));
	PGresult *result = PQgetResult(b);
	assert_string_equal(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), "RATE_LIMITED");
	PQclear(result);
	PQfinish(a);
	PQfinish(b);
	party_done(&p);
}

/* ---- what is left ---- */

static void test_forgotten(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 2, 3600, 2);
	order(&p, "a.test", &made);
	pg_exec("cairn_subscriber", "SELECT cairn.forget_limits(100)");
	pg_assert_value(USED("NewOrdersPerAccount"), "1");
	pass_time(p.c.arena, 3600);
	pg_exec("cairn_subscriber", "SELECT cairn.forget_limits(100)");
	pg_assert_value(USED("NewOrdersPerAccount"), "0");
	party_done(&p);
}

static void test_rights(void **state)
{
	(void) state;
	static const char *const roles[] = { "cairn_ra", "cairn_wfe", "cairn_ca", "cairn_operator", "cairn_auditor" };
	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		assert_string_equal(pg_try(roles[i], "SELECT key FROM acme.unpause_key", NULL), "42501");
		assert_string_equal(pg_try(roles[i], "DELETE FROM acme.limit_use", NULL), "42501");
	}
	assert_string_equal(pg_try("cairn_ra", "SELECT acme.reset_limit('a', 'b', 'c')", NULL), "42501");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_orders, world_fresh),
		cmocka_unit_test_setup(test_refund, world_fresh),
		cmocka_unit_test_setup(test_accounts, world_fresh),
		cmocka_unit_test_setup(test_overrides, world_fresh),
		cmocka_unit_test_setup(test_domain, world_fresh),
		cmocka_unit_test_setup(test_domain_of_account, world_fresh),
		cmocka_unit_test_setup(test_renewal, world_fresh),
		cmocka_unit_test_setup(test_ari, world_fresh),
		cmocka_unit_test_setup(test_at_once, world_fresh),
		cmocka_unit_test_setup(test_issuances_at_once, world_fresh),
		cmocka_unit_test_setup(test_forgotten, world_fresh),
		cmocka_unit_test_setup(test_rights, world_fresh),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

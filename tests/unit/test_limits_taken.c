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
		order(&p, arena_printf(p.c.arena, "a%d.test", i), &made);
	}
	assert_order_limited(&p, "a.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	assert_non_null(strstr(p.c.err.detail, "is 3 every 1 hour(s)."));
	order(&other, "a.test", &made);
	assert_order_limited(&other, "b.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	override("NewOrdersPerAccount", other.text, "0, 3600, 1"); /* no limit */
	for (int i = 0; i < 3; i++) {
		order(&other, arena_printf(p.c.arena, "a%d.test", i), &made);
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
	not_given_again();
	assert_order_limited(&p, "a.re.test b.re.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	issue(&p, &made);
	pass_time(p.c.arena, 3601);
	assert_order_limited(&p, "a.re.test b.re.test", LIMIT_CERTIFICATES_PER_FQDN_SET);
	pass_time(p.c.arena, 18000);
	order(&p, "a.re.test b.re.test", &made);
	party_done(&p);
}

/* A renewal is one also when nothing was on while the certificate was issued: sets are learned from certificates, a few at a
 * time, and known by what they hold. */
static void test_learned(void **state)
{
	(void) state;
	static const char *const digests[] = { "{a.learn.test,b.learn.test}", "{*.learn.test,10.1.2.3}",
		"{2001:db8::1,learn.test,2001:db8::1}" };
	static const char *const names[] = { "b.learn.test a.learn.test", "10.1.2.3 *.learn.test",
		"learn.test 2001:db8::1" };
	struct party p;
	struct order made;
	party_init(&p);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct identifier_list list = names_of(p.c.arena, names[i]);
		for (size_t k = 0; k < list.n; k++) {
			struct ip ip;
			list.v[k].type = ip_parse(list.v[k].value, &ip) == 0 ? "ip" : "dns";
		}
		pg_assert_value(arena_printf(p.c.arena, "SELECT encode(acme.set_digest('%s'), 'hex')", digests[i]),
		    limits_set(p.c.arena, &list));
	}
	pg_exec("cairn_subscriber", "SELECT cairn.learn_sets(100, -10)"); /* of other tests */
	pg_exec("cairn_owner", "TRUNCATE acme.issued_set");
	for (int i = 0; i < 3; i++) {
		order(&p, i == 0 ? "a.learn.test b.learn.test" : arena_printf(p.c.arena, "n%d.learn.test", i), &made);
		issue(&p, &made);
	}
	pg_assert_value("SELECT count(*) FROM acme.issued_set", "0");
	limit_on(LIMIT_CERTIFICATES_PER_DOMAIN, 1, 36000, 1);
	order(&p, "x.learn.test", &made);
	issue(&p, &made);
	assert_order_limited(&p, "b.learn.test a.learn.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	pg_assert_value("SELECT cairn.learn_sets(2, 60)", "0"); /* what is that young may not be committed */
	pg_assert_value("SELECT cairn.learn_sets(2, -10)", "2");
	pg_assert_value("SELECT cairn.learn_sets(2, -10)", "2");
	pg_assert_value("SELECT cairn.learn_sets(2, -10)", "0");
	pg_assert_value("SELECT count(*) FROM acme.issued_set WHERE until > now() + interval '119 days'", "4");
	order(&p, "b.learn.test a.learn.test", &made);
	order(&p, "n2.learn.test", &made);
	assert_order_limited(&p, "n3.learn.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	party_done(&p);
}

/* What the latest certificate is called in `replaces`. */
static void replace_latest(struct party *p)
{
	char *name =
	    pg_value("SELECT translate(rtrim(encode(i.key_id, 'base64'), '=') || '.' || rtrim(encode(c.serial, 'base64'), "
	             "'='), '+/', '-_') FROM ca.certificate c JOIN ca.issuer i ON i.name = c.issuer ORDER BY "
	             "c.begun_at DESC LIMIT 1");
	assert_non_null(name);
	p->replaces = arena_text(p->c.arena, name);
	free(name);
}

static void open_windows(void)
{
	pg_exec("cairn_owner",
	    "UPDATE ca.certificate SET not_before = now() - interval '80 d', not_after = now() + interval '10 d'");
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
	replace_latest(&p);
	assert_order_limited(&p, "a.ari.test b.ari.test", LIMIT_CERTIFICATES_PER_DOMAIN); /* before its time */
	open_windows();
	order(&p, "a.ari.test b.ari.test", &made);
	char *used = pg_value("SELECT sum(extract(epoch FROM whole_at)::int8) FROM acme.limit_use");
	issue(&p, &made);
	char *then = pg_value("SELECT sum(extract(epoch FROM whole_at)::int8) FROM acme.limit_use");
	assert_string_equal(used, then);
	p.replaces = NULL;
	assert_order_limited(&p, "c.ari.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	free(used);
	free(then);
	party_done(&p);
}

static void revoke_latest(const char *by)
{
	char sql[400];
	snprintf(sql, sizeof(sql),
	    "INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_at, revoked_by, "
	    "not_after) SELECT id, serial, issuer, crl_shard, 4, now(), '%s', not_after FROM ca.certificate ORDER BY "
	    "begun_at DESC LIMIT 1",
	    by);
	pg_exec("cairn_owner", sql);
}

/* B-19: what subscribers can bring about themselves frees of nothing: revoking a certificate, asking for dates of which its window
 * follows. What the CA revoked, or calls back, is free. */
static void test_ari_by_oneself(void **state)
{
	(void) state;
	static const char *const subscribers[] = { "account", "certificate-key", "authorizations" };
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_CERTIFICATES_PER_DOMAIN, 1, 360000, 1);
	order(&p, "a.self.test", &made);
	issue(&p, &made);
	replace_latest(&p);
	for (size_t i = 0; i < COUNT_OF(subscribers); i++) {
		revoke_latest(subscribers[i]);
		assert_order_limited(&p, "a.self.test more.self.test", LIMIT_CERTIFICATES_PER_DOMAIN);
		pg_exec("cairn_owner", "DELETE FROM ca.revocation");
	}
	revoke_latest("operator");
	order(&p, "a.self.test more.self.test", &made);
	issue(&p, &made);
	/* its replacement is as new as any */
	replace_latest(&p);
	revoke_latest("account");
	assert_order_limited(&p, "a.self.test x.self.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	pg_exec("cairn_owner", "UPDATE acme.orders SET not_before = now(), not_after = now() + interval '1 d'");
	open_windows();
	assert_order_limited(&p, "a.self.test x.self.test", LIMIT_CERTIFICATES_PER_DOMAIN);
	pg_exec("cairn_owner", "UPDATE acme.orders SET not_before = NULL, not_after = NULL");
	order(&p, "a.self.test x.self.test", &made); /* revoked, but due as it was before */
	party_done(&p);
}

/* B-19: a certificate that is due brings one order past NewOrdersPerAccount, however often that is let fail; and none past the limit on
 * failures. */
static void test_ari_again(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 2, 360000, 2);
	limit_on(LIMIT_CERTIFICATES_PER_DOMAIN, 1, 360000, 1);
	order(&p, "a.loop.test", &made);
	issue(&p, &made);
	replace_latest(&p);
	open_windows();
	for (int i = 0; i < 2; i++) { /* the first takes nothing, the second does */
		order(&p, "a.loop.test b.loop.test", &made);
		pg_exec("cairn_owner", "UPDATE acme.orders SET expires_at = now() WHERE certificate_id IS NULL");
	}
	assert_order_limited(&p, "a.loop.test b.loop.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	pass_time(p.c.arena, 360000);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS, 1, 3600, 1);
	order(&p, "a.loop.test c.loop.test", &made);
	validated(&p, &made, 1, false, false);
	assert_order_limited(&p, "a.loop.test c.loop.test", LIMIT_FAILED_AUTHORIZATIONS);
	pass_time(p.c.arena, 3600);
	order(&p, "a.loop.test c.loop.test", &made);
	issue(&p, &made); /* and of certificates' limits it is free still */
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

/* an order that is given again takes nothing, and is given also when a new one would be refused. */
static void test_order_given_again(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	struct order again;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 2, 3600, 2);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS, 1, 3600, 1);
	order(&p, "a.given.test b.given.test", &made);
	for (int i = 0; i < 3; i++) {
		order(&p, "a.given.test b.given.test", &again);
		assert_true(id_equal(made.id, again.id));
	}
	order(&p, "a.given.test", &again);
	validated(&p, &again, 0, false, false);
	assert_order_limited(&p, "c.given.test", LIMIT_NEW_ORDERS_PER_ACCOUNT);
	order(&p, "a.given.test b.given.test", &again);
	assert_true(id_equal(made.id, again.id));
	party_done(&p);
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
		cmocka_unit_test_setup(test_learned, world_fresh),
		cmocka_unit_test_setup(test_ari, world_fresh),
		cmocka_unit_test_setup(test_ari_by_oneself, world_fresh),
		cmocka_unit_test_setup(test_ari_again, world_fresh),
		cmocka_unit_test_setup(test_at_once, world_fresh),
		cmocka_unit_test_setup(test_issuances_at_once, world_fresh),
		cmocka_unit_test_setup(test_forgotten, world_fresh),
		cmocka_unit_test_setup(test_rights, world_fresh),
		cmocka_unit_test_setup(test_order_given_again, world_fresh),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

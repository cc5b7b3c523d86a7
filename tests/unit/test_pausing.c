/* link: ra */
/* Validations that fail: how often, and names that are paused for it, until somebody says that they are still wanted.. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/limits_world.h"

static void fail_once(struct party *p, const char *name)
{
	struct order made;
	order(p, name, &made);
	validated(p, &made, 0, false, false);
}

/* A failure counts for the name and the account, with or without the wildcard label; nobody else's, and no fault of ours. */
static void test_failures(void **state)
{
	(void) state;
	struct party p;
	struct party other;
	struct order made;
	party_init(&p);
	party_init(&other);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS, 2, 3600, 2);
	order(&p, "a.fail.test", &made);
	for (int i = 0; i < 3; i++) {
		validated(&p, &made, 0, false, true);
	}
	pg_assert_value("SELECT count(*) FROM acme.limit_use", "0");
	fail_once(&p, "a.fail.test");
	fail_once(&p, "a.fail.test");
	assert_order_limited(&p, "b.fail.test a.fail.test", LIMIT_FAILED_AUTHORIZATIONS);
	assert_in_range(p.c.err.retry_after_s, 1790, 1800);
	assert_non_null(strstr(p.c.err.detail, " and a.fail.test is 2 every 1 hour(s)"));
	order(&p, "b.fail.test", &made);
	order(&other, "a.fail.test", &made);
	pass_time(p.c.arena, 1800);
	order(&p, "a.fail.test", &made);
	party_done(&p);
	party_done(&other);
}

/* Orders that were made before go on failing, but what is owed never grows beyond the period. */
static void test_failures_are_capped(void **state)
{
	(void) state;
	struct party p;
	struct order made[5];
	party_init(&p);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS, 2, 3600, 2);
	for (size_t i = 0; i < COUNT_OF(made); i++) {
		order(&p, arena_printf(p.c.arena, "a.cap.test %zu.cap.test", i), &made[i]);
	}
	for (size_t i = 0; i < COUNT_OF(made); i++) {
		validated(&p, &made[i], 0, false, false);
	}
	assert_order_limited(&p, "a.cap.test", LIMIT_FAILED_AUTHORIZATIONS);
	assert_in_range(p.c.err.retry_after_s, 1790, 1800);
	party_done(&p);
}

static const char *ticket_of(const struct party *p)
{
	static const char prefix[] = "https://localhost:14000/unpause?ticket=";
	assert_non_null(p->c.err.instance);
	assert_memory_equal(p->c.err.instance, prefix, sizeof(prefix) - 1);
	assert_non_null(strstr(p->c.err.detail, p->c.err.instance));
	return arena_text(p->c.arena, p->c.err.instance + sizeof(prefix) - 1);
}

static void assert_paused(struct party *p, const char *names, size_t how_many)
{
	struct order made;
	assert_int_equal(try_order(p, names, &made), -1);
	assert_int_equal(p->c.err.type, PROBLEM_RATE_LIMITED);
	assert_string_equal(p->c.err.rule, limit_info(LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING)->name);
	assert_int_equal(p->c.err.retry_after_s, 0); /* time alone mends nothing */
	assert_int_equal(p->c.err.subproblems.n, how_many);
	for (size_t i = 0; i < how_many; i++) {
		assert_int_equal(p->c.err.subproblems.v[i].type, PROBLEM_RATE_LIMITED);
		assert_string_equal(p->c.err.subproblems.v[i].identifier_type, "dns");
	}
}

/* A success between them starts the count anew. */
static void test_success(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING, 1, 86400, 3);
	fail_once(&p, "a.good.test");
	fail_once(&p, "a.good.test");
	order(&p, "a.good.test", &made);
	validated(&p, &made, 0, true, false);
	pg_exec("cairn_owner", "UPDATE acme.authz SET expires_at = now() WHERE validation_id IS NOT NULL");
	fail_once(&p, "a.good.test");
	fail_once(&p, "a.good.test");
	order(&p, "a.good.test", &made);
	party_done(&p);
}

static int use_link(struct party *p, const char *ticket, bool act, struct unpause_response *ret)
{
	const struct unpause_request in = { ticket, act };
	ctx_forgive(&p->c);
	return ra_unpause_serve(&p->c, &in, ret);
}

static void test_paused(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	struct unpause_response said;
	party_init(&p);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING, 1, 86400, 2);
	for (int i = 0; i < 2; i++) {
		fail_once(&p, "a.bad.test");
		fail_once(&p, "b.bad.test");
	}
	assert_paused(&p, "b.bad.test c.bad.test a.bad.test", 2);
	assert_string_equal(p.c.err.subproblems.v[0].identifier_value, "a.bad.test");
	pg_assert_value(
	    arena_printf(p.c.arena,
	        "SELECT count(*) FROM log.event WHERE kind = 'identifier.paused' AND account_id = cairn.id_of('%s')",
	        p.text),
	    "2");
	order(&p, "c.bad.test", &made);
	assert_paused(&p, "b.bad.test", 1);
	const char *ticket = ticket_of(&p);

	/* to look at it changes nothing */
	assert_int_equal(use_link(&p, ticket, false, &said), 0);
	assert_true(id_equal(said.account_id, p.account.id));
	assert_int_equal(said.names.n, 2);
	assert_paused(&p, "b.bad.test", 1);
	/* to use it frees all names of the account, once */
	assert_int_equal(use_link(&p, ticket, true, &said), 0);
	assert_int_equal(said.names.n, 2);
	assert_string_equal(said.names.v[1], "b.bad.test");
	order(&p, "a.bad.test b.bad.test", &made);
	assert_int_equal(use_link(&p, ticket, true, &said), 0);
	assert_int_equal(said.names.n, 0);
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'identifiers.unpaused' AND actor = 'account'", "1");
	/* and for two weeks they are left in peace */
	for (int i = 0; i < 3; i++) {
		fail_once(&p, "b.bad.test");
	}
	pg_exec("cairn_owner", "UPDATE acme.paused SET unpaused_at = unpaused_at - interval '15 days'");
	fail_once(&p, "b.bad.test");
	assert_paused(&p, "b.bad.test", 1);
	party_done(&p);
}

/* an order of before is not given again for a name that was paused since. */
static void test_orders_of_before(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	struct order again;
	party_init(&p);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING, 1, 86400, 1);
	order(&p, "a.before.test b.before.test", &made);
	order(&p, "b.before.test a.before.test", &again);
	assert_true(id_equal(made.id, again.id));
	fail_once(&p, "a.before.test");
	assert_paused(&p, "a.before.test b.before.test", 1);
	party_done(&p);
}

static void test_links(void **state)
{
	(void) state;
	struct party p;
	struct party other;
	struct unpause_response said;
	party_init(&p);
	party_init(&other);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING, 1, 86400, 1);
	fail_once(&p, "a.link.test");
	assert_paused(&p, "a.link.test", 1);
	const char *ticket = ticket_of(&p);
	const char *dot = strchr(ticket, '.');
	const char *const wrong[] = {
		"",
		"nonsense",
		dot,
		arena_printf(p.c.arena, "%sA", ticket),
		arena_text_n(p.c.arena, ticket, strlen(ticket) - 1),
		arena_printf(p.c.arena, "%s%s", other.text, dot),                   /* another account's */
		arena_printf(p.c.arena, "%s.9%s", p.text, strchr(ticket, '.') + 2), /* for longer */
		arena_printf(p.c.arena, "%s.1000000000.%s", p.text, strchr(dot + 1, '.') + 1),
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_int_equal(use_link(&p, wrong[i], true, &said), -1);
		assert_int_equal(p.c.err.type, PROBLEM_UNAUTHORIZED);
		assert_non_null(strstr(p.c.err.detail, "not whole"));
	}
	char *old = pg_value(arena_printf(p.c.arena,
	    "SELECT format('%%s.%%s.%%s', '%s', 1700000000, acme.unpause_mac(cairn.id_of('%s'), 1700000000))", p.text,
	    p.text));
	assert_int_equal(use_link(&p, old, true, &said), -1);
	assert_non_null(strstr(p.c.err.detail, "expired"));
	free(old);
	assert_paused(&p, "a.link.test", 1);
	party_done(&p);
	party_done(&other);
}

/* What an operator frees; and what is too old to matter goes. */
static void test_operator(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING, 1, 86400, 1);
	fail_once(&p, "a.op.test");
	fail_once(&p, "b.op.test");
	pg_exec("cairn_operator", "SELECT acme.unpause_names(account_id, '{a.op.test}', 'operator test') "
	                          "FROM acme.list_paused(NULL) LIMIT 1");
	order(&p, "a.op.test", &made);
	assert_paused(&p, "b.op.test", 1);
	pg_assert_value("SELECT actor FROM log.event WHERE kind = 'identifiers.unpaused' ORDER BY happened_at DESC LIMIT 1",
	    "operator test");
	pg_exec(
	    "cairn_owner", "UPDATE acme.paused SET unpaused_at = now() - interval '15 days' WHERE unpaused_at IS NOT NULL");
	pg_exec("cairn_subscriber", "SELECT cairn.forget_limits(100)");
	pg_assert_value("SELECT string_agg(identifier_value, ' ') FROM acme.paused", "b.op.test");
	party_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_failures, world_fresh),
		cmocka_unit_test_setup(test_failures_are_capped, world_fresh),
		cmocka_unit_test_setup(test_success, world_fresh),
		cmocka_unit_test_setup(test_paused, world_fresh),
		cmocka_unit_test_setup(test_orders_of_before, world_fresh),
		cmocka_unit_test_setup(test_links, world_fresh),
		cmocka_unit_test_setup(test_operator, world_fresh),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

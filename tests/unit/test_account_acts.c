/* link: cli */
/* What `cairn account` asks of the database, and what shutting an account off does there. A-62. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/account.h"
#include "cli/account_rows.h"
#include "tests/unit/pg.h"

#define UUID(n) "'7193f000-0000-7000-8000-000000000" n "00'"
#define NEW_ORDER(id, authz) \
	"SELECT status FROM acme.new_order(" UUID(id) ", " UUID( \
	    "1") ", sha256('k'), '{dns}', '{a.test}', '{a.test}', 'classic', NULL, NULL, NULL, now() + interval '1 d', " \
	         "now() + interval '1 h', ARRAY[" UUID(authz) "]::uuid[], '{http-01}', '{token}', 'ra', " UUID("9") ")"
#define STATUS_OF(id) "SELECT status FROM acme.order_now WHERE id = " UUID(id)
#define REVOKE(account) "SELECT acme.revoke_account(" UUID(account) ", 'key leaked', 'operator ana')"
#define DEACTIVATE "SELECT status FROM acme.deactivate_account(" UUID("1") ", sha256('k'), 'ra', " UUID("9") ")"
#define EVENTS "SELECT count(*) FROM log.event WHERE kind = 'account.revoked'"
#define CERTIFICATE(id, not_after) \
	"UPDATE acme.orders SET certificate_id = " UUID(id) " WHERE id = " UUID( \
	    "2") ";" \
	         "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, " \
	         "issuer, " \
	         "profile, serial, spki_sha256, names, validations, der, signed_at) VALUES (" UUID(id) ", " UUID( \
	             "2") ", " UUID("1") ", now(), " not_after \
	                                 ", now(), 0, 'e1', 'classic', '\\x01', sha256('key'), '{a.test}', " \
	                                 "'{}', '\\x30', now())"

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_partitions("71000000-0000-0000-0000-000000000000", "72000000-0000-0000-0000-000000000000");
	db_statements(account_statements, account_statements_n);
	db_configure(pg_conninfo("cairn_operator"), 1, 5000);
	return 0;
}

/* An account with a pending order. */
static int fresh(void **state)
{
	(void) state;
	pg_exec("postgres", "TRUNCATE acme.account, acme.account_binding, acme.replacement, acme.orders, acme.authz, "
	                    "log.validation, log.validation_private, log.event, ca.serial, ca.certificate");
	pg_exec("cairn_ra",
	    "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (" UUID("1") ", 'valid', '{}', sha256('k'))");
	pg_exec("cairn_ra", NEW_ORDER("2", "3"));
	return 0;
}

static void test_statements(void **state)
{
	(void) state;
	pg_check_statements("cairn_operator", account_statements, account_statements_n);
}

/* Nobody else may: neither see accounts by these functions, nor end one. */
static void test_only_operators(void **state)
{
	(void) state;
	static const char *const roles[] = { "cairn_wfe", "cairn_ra", "cairn_ca", "cairn_subscriber", "cairn_auditor" };
	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		assert_string_equal(pg_try(roles[i], REVOKE("1"), NULL), "42501");
		assert_string_equal(pg_try(roles[i], "SELECT * FROM acme.list_accounts(NULL, 1)", NULL), "42501");
		assert_string_equal(pg_try(roles[i], "SELECT * FROM acme.show_account(NULL, sha256('k'))", NULL), "42501");
	}
	assert_string_equal(pg_try("cairn_operator", "UPDATE acme.account SET status = 'revoked'", NULL), "42501");
}

/* as after a deactivation nothing can be done with it; who did it and why stands in the log; once. */
static void test_revoke(void **state)
{
	(void) state;
	char *value = NULL;
	assert_string_equal(pg_try("cairn_operator", REVOKE("1"), &value), "");
	assert_string_equal(value, "t");
	free(value);
	pg_assert_value("SELECT status || ' ' || (ended_at <= now()) FROM acme.account", "revoked true");
	pg_assert_value(STATUS_OF("2"), "invalid");
	pg_assert_value("SELECT error->>'type' FROM acme.orders", "ACCOUNT_NOT_VALID");
	pg_assert_value("SELECT status FROM front.authz", "deactivated");
	pg_assert_value("SELECT concat_ws(', ', process, actor, account_id = " UUID(
	                    "1") ", facts->>'reason', facts->>'orders') FROM log.event WHERE kind = 'account.revoked'",
	    "cairn, operator ana, t, key leaked, 1");
	assert_string_equal(pg_try("cairn_ra", NEW_ORDER("4", "5"), NULL), "CA001");
	assert_string_equal(pg_try("cairn_ra", DEACTIVATE, NULL), "CA001");
	assert_string_equal(pg_try("cairn_operator", REVOKE("1"), &value), "");
	assert_string_equal(value, "f");
	free(value);
	pg_assert_value(EVENTS, "1");
	assert_string_equal(pg_try("cairn_operator", REVOKE("7"), NULL), "CA001"); /* there is none */
}

/* RFC 8555 7.1.6: an account that its client ended stays as it is. */
static void test_deactivated_stays(void **state)
{
	(void) state;
	struct ctx c;
	bool changed = true;
	struct account_state account;
	ctx_init(&c);
	pg_exec("cairn_ra", DEACTIVATE);
	assert_int_equal(account_list(&c, NULL, 1, &(struct account_list) { 0 }), 0);
	assert_int_equal(account_show(&c, (struct id) { 0 }, (struct bytes) { 0 }, &account), -1);
	assert_int_equal(c.err.type, PROBLEM_NOT_FOUND);
	struct account_list list;
	ctx_forgive(&c);
	assert_int_equal(account_list(&c, "deactivated", 9, &list), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(account_revoke(&c, list.v[0].id, "why", "operator ana", &changed), 0);
	assert_false(changed);
	assert_int_equal(account_show(&c, list.v[0].id, (struct bytes) { 0 }, &account), 0);
	assert_string_equal(account.status, "deactivated");
	assert_string_equal(account.ended_by, "account");
	assert_null(account.reason);
	pg_assert_value(EVENTS, "0");
	ctx_done(&c);
}

/* What is shown is what would end. */
static void test_show(void **state)
{
	(void) state;
	struct ctx c;
	struct account_list list;
	struct account_state account;
	bool changed = false;
	ctx_init(&c);
	assert_int_equal(account_list(&c, "revoked", 9, &list), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(account_list(&c, NULL, 9, &list), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(account_show(&c, (struct id) { 0 }, list.v[0].thumbprint, &account), 0);
	assert_true(id_equal(account.id, list.v[0].id));
	assert_int_equal(account.pending_orders, 1);
	assert_int_equal(account.pending_authorizations, 1);
	assert_int_equal(account.valid_certificates, 0);
	assert_null(account.ended_by);
	pg_exec("cairn_ra", NEW_ORDER("4", "5"));
	pg_exec("cairn_owner", CERTIFICATE("6", "now() + interval '1 d'"));
	assert_int_equal(account_show(&c, list.v[0].id, (struct bytes) { 0 }, &account), 0);
	assert_int_equal(account.pending_orders, 1);
	assert_int_equal(account.valid_certificates, 1);
	assert_int_equal(account_revoke(&c, account.id, "key leaked", "operator ana", &changed), 0);
	assert_true(changed);
	assert_int_equal(account_show(&c, list.v[0].id, (struct bytes) { 0 }, &account), 0);
	assert_int_equal(account.pending_orders, 0);
	assert_int_equal(account.pending_authorizations, 0);
	assert_int_equal(account.valid_certificates, 1); /* */
	assert_string_equal(account.ended_by, "operator ana");
	assert_string_equal(account.reason, "key leaked");
	pg_exec("cairn_owner", "UPDATE ca.certificate SET not_after = now()");
	assert_int_equal(account_show(&c, list.v[0].id, (struct bytes) { 0 }, &account), 0);
	assert_int_equal(account.valid_certificates, 0);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements),
		cmocka_unit_test_setup(test_only_operators, fresh),
		cmocka_unit_test_setup(test_revoke, fresh),
		cmocka_unit_test_setup(test_deactivated_stays, fresh),
		cmocka_unit_test_setup(test_show, fresh),
	};
	return cmocka_run_group_tests(tests, setup, pg_group_teardown);
}

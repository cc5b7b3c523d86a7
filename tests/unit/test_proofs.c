/* link: ra */
/* Which authorizations an issuance may rest on: not those by methods, rules or grants that are no longer in force, nor those that an
 * operator withdrew. C-2, C-73, C-75. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/finalize_world.h"

/* An order for the name, all of whose authorizations are valid, with a CSR for it. */
struct ready {
	struct fixture f;
	struct order order;
	struct bytes csr;
};

static void order_ready(struct ready *r, const char *name)
{
	EVP_PKEY *key = NULL;
	fixture_init(&r->f);
	assert_int_equal(key_generate(&r->f.c, "p256", &key), 0);
	r->csr = make_csr(&r->f.c, key, &name, 1);
	if (order_one(&r->f, name, &r->order) != 0) {
		fail_msg("%s: %s", r->f.c.err.detail, r->f.c.err.cause);
	}
	if (strcmp(r->order.status, "ready") != 0) {
		validate(&r->f, &r->order, 0);
	}
	assert_string_equal(order_status(&r->f, r->order.id), "ready");
}

/* Nothing is issued, and another order of the name does not use the authorization. */
static void assert_unusable(struct ready *r, const char *name, enum problem problem, const char *words)
{
	struct order order;
	assert_int_equal(finalize(&r->f, r->order.id, r->csr, &order), -1);
	assert_int_equal(r->f.c.err.type, problem);
	if (strstr(r->f.c.err.detail, words) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", r->f.c.err.detail, words);
	}
	assert_int_equal(order_one(&r->f, name, &order), 0);
	assert_false(id_equal(order.authorizations.v[0], r->order.authorizations.v[0]));
}

static void assert_usable(struct ready *r, const char *name)
{
	struct order order;
	assert_int_equal(order_one(&r->f, name, &order), 0);
	assert_true(id_equal(order.authorizations.v[0], r->order.authorizations.v[0]));
	assert_int_equal(finalize(&r->f, r->order.id, r->csr, &order), 0);
}

static void test_method_switched_off(void **state) /* C-2 */
{
	(void) state;
	struct ready r;
	const char *methods[] = { "dns-01", "http-01" };
	order_ready(&r, "method.test");
	test_config.policy.challenges = (struct text_list) { methods, 1 };
	assert_unusable(&r, "method.test", PROBLEM_UNAUTHORIZED, "http-01, which is not offered now");
	test_config.policy.challenges.n = 2;
	assert_usable(&r, "method.test");
	ctx_done(&r.f.c);
}

static void add_webpki(struct validation_result *result)
{
	result->basis.webpki = true;
}

static void test_mode_switched(void **state) /* C-73 */
{
	(void) state;
	struct ready loose;
	struct ready strict;
	order_ready(&loose, "loose.test");
	va_adds = add_webpki;
	order_ready(&strict, "strict.test");
	test_config.policy.mode = "webpki";
	assert_unusable(&loose, "loose.test", PROBLEM_UNAUTHORIZED, "other rules");
	assert_usable(&strict, "strict.test");
	ctx_done(&loose.f.c);
	ctx_done(&strict.f.c);
}

#define RULE(without_challenge) \
	"SELECT acme.apply_policy('p', " \
	"'[{\"name\":\"given\",\"everybody\":true,\"accounts\":[],\"eab_keys\":[],\"names\":[\"given.test\",\"again." \
	"test\"],\"networks\":[]," \
	"\"profiles\":[],\"without_challenge\":" without_challenge "}]', 'operator ana')"

static void test_grant_withdrawn(void **state) /* C-73 */
{
	(void) state;
	struct ready r;
	struct ready again;
	struct order done;
	pg_exec("cairn_operator", RULE("true"));
	order_ready(&r, "given.test");
	order_ready(&again, "again.test");
	assert_string_equal(r.order.status, "ready"); /* without a challenge */
	pg_exec("cairn_operator", RULE("false"));
	assert_unusable(&r, "given.test", PROBLEM_UNAUTHORIZED, "without a challenge");
	pg_exec("cairn_operator", "SELECT acme.apply_policy('p', '[]', 'operator ana')"); /* no rules: nothing is given */
	assert_unusable(&r, "given.test", PROBLEM_UNAUTHORIZED, "without a challenge");
	pg_exec("cairn_operator", RULE("true"));
	test_config.policy.mode = "webpki";
	assert_unusable(&again, "again.test", PROBLEM_UNAUTHORIZED, "without a challenge");
	test_config.policy.mode = "private";
	assert_int_equal(finalize(&r.f, r.order.id, r.csr, &done), 0);
	pg_exec("cairn_operator", "SELECT acme.apply_policy('p', '[]', 'operator ana')");
	ctx_done(&r.f.c);
	ctx_done(&again.f.c);
}

#define DISTRUST(conditions) \
	"SELECT validations || ' ' || authorizations FROM acme.distrust(cairn.new_id(), " conditions \
	", 'resolver was hijacked', 'operator ana')"
#define CERTIFICATES(conditions) \
	"SELECT count(*) || coalesce(' ' || string_agg(state, ','), '') FROM acme.distrusted_certificates(" conditions ")"

/* D-55: of an issuance that was given up its precertificate counts, if one was signed. */
static void assert_given_up_is_told(void)
{
	char *found = NULL;
	pg_exec("cairn_owner",
	    "INSERT INTO ca.certificate SELECT (jsonb_populate_record(c, jsonb_build_object('id', cairn.new_id(), "
	    "'serial', "
	    "'\\x0099', 'der', NULL, 'tbs', '\\x00', 'lease_until', NULL))).* FROM ca.certificate c WHERE names = "
	    "'{issued.test}'");
	assert_string_equal(
	    pg_try("cairn_operator", CERTIFICATES("NULL, NULL, NULL, 'issued.test', NULL, NULL"), &found), "");
	assert_string_equal(found, "2 valid,given up");
	free(found);
	pg_exec("cairn_owner", "UPDATE ca.certificate SET signed_at = NULL WHERE names = '{issued.test}' AND der IS NULL");
	assert_string_equal(
	    pg_try("cairn_operator", CERTIFICATES("NULL, NULL, NULL, 'issued.test', NULL, NULL"), &found), "");
	assert_string_equal(found, "1 valid");
	free(found);
}

static void test_distrusted_validation(void **state) /* C-75 */
{
	(void) state;
	struct ready bad;
	struct ready good;
	struct ready issued;
	struct order done;
	order_ready(&bad, "bad.test");
	order_ready(&issued, "issued.test");
	order_ready(&good, "good.test");
	assert_int_equal(finalize(&issued.f, issued.order.id, issued.csr, &done), 0);
	pg_exec(
	    "cairn_owner", "UPDATE ca.certificate SET not_after = now() + interval '1 day' WHERE names = '{issued.test}'");
	char *found = NULL;
	assert_string_equal(pg_try("cairn_operator", DISTRUST("NULL, NULL, NULL, NULL, NULL, NULL"), NULL), "CA001");
	assert_string_equal(pg_try("cairn_operator",
	                        "SELECT validations || ' ' || before || ' ' || authorizations FROM "
	                        "acme.find_distrust(NULL, 'test', NULL, 'bad.test', NULL, NULL)",
	                        &found),
	    "");
	assert_string_equal(found, "1 0 1");
	free(found);
	assert_string_equal(pg_try("cairn_operator", DISTRUST("NULL, 'test', NULL, 'bad.test', NULL, NULL"), &found), "");
	assert_string_equal(found, "1 1");
	free(found);
	assert_unusable(&bad, "bad.test", PROBLEM_ORDER_NOT_READY, "invalid");
	pg_assert_value(
	    "SELECT facts->>'reason' FROM log.event WHERE kind = 'authorization.revoked'", "resolver was hijacked");
	pg_assert_value("SELECT actor || (facts->>'validations') FROM log.event WHERE kind = 'validations.distrusted'",
	    "operator ana1");
	/* by method and time: also what was issued on it, of whichever account */
	assert_string_equal(
	    pg_try("cairn_operator",
	        DISTRUST("NULL, NULL, 'http-01', 'issued.test', now() - interval '1 h', now() + interval '1 h'"), &found),
	    "");
	assert_string_equal(found, "1 1");
	free(found);
	assert_string_equal(
	    pg_try("cairn_operator", CERTIFICATES("NULL, NULL, NULL, 'issued.test', NULL, NULL"), &found), "");
	assert_string_equal(found, "1 valid");
	free(found);
	assert_given_up_is_told();
	assert_string_equal(pg_try("cairn_operator", CERTIFICATES("NULL, NULL, 'dns-01', NULL, NULL, NULL"), &found), "");
	assert_string_equal(found, "0");
	free(found);
	/* once more: nothing is left to do */
	assert_string_equal(pg_try("cairn_operator", DISTRUST("NULL, NULL, NULL, 'bad.test', NULL, NULL"), &found), "");
	assert_string_equal(found, "0 0");
	free(found);
	assert_usable(&good, "good.test");
	ctx_done(&bad.f.c);
	ctx_done(&good.f.c);
	ctx_done(&issued.f.c);
}

static int restore(void **state)
{
	test_config.policy.challenges = (struct text_list) { 0 };
	test_config.policy.mode = "private";
	return setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_method_switched_off, restore),
		cmocka_unit_test_setup(test_mode_switched, restore),
		cmocka_unit_test_setup(test_distrusted_validation, restore),
		cmocka_unit_test_setup(test_grant_withdrawn, restore),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

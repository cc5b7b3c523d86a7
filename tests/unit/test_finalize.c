/* link: ra */
/* finalize: by what is remembered of an order, and by reading it. A-113..A-117, A-119, C-37, C-44, E-13, F-25. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ra/recent.h"
#include "tests/unit/finalize_world.h"

static void test_finalize(void **state) /* */
{
	(void) state;
	struct fixture f;
	struct fixture g;
	struct order order;
	struct order done;
	EVP_PKEY *key = NULL;
	const char *names[] = { "final.test" };
	const char *others[] = { "other.test" };
	fixture_init(&f);
	fixture_init(&g);
	assert_int_equal(key_generate(&f.c, "p256", &key), 0);
	struct bytes csr = make_csr(&f.c, key, names, 1);
	assert_int_equal(order_names(&f, names, 1, &order), 0);
	assert_finalize_fails(&f, order.id, csr, PROBLEM_ORDER_NOT_READY);
	validate(&f, &order, 0);
	assert_finalize_fails(&g, order.id, csr, PROBLEM_UNAUTHORIZED);
	assert_finalize_fails(&f, id_new(), csr, PROBLEM_NOT_FOUND);
	assert_finalize_fails(&f, order.id, make_csr(&f.c, key, others, 1), PROBLEM_BAD_CSR);
	assert_finalize_fails(&f, order.id, make_csr(&f.c, f.jwk_key, names, 1), PROBLEM_BAD_CSR);
	assert_finalize_fails(&f, order.id, make_csr(&f.c, g.jwk_key, names, 1), PROBLEM_BAD_CSR);
	assert_string_equal(order_status(&f, order.id), "ready");
	the_ca.is_dead = true; /* nothing was begun, so the order stays as it is */
	assert_int_equal(finalize(&f, order.id, csr, &done), -1);
	assert_int_equal(f.c.err.type, PROBLEM_UNAVAILABLE);
	assert_string_equal(order_status(&f, order.id), "ready");
	the_ca.is_dead = false;
	assert_int_equal(finalize(&f, order.id, csr, &done), 0);
	assert_string_equal(done.status, "valid");
	assert_true(bytes_equal_text(done.certificate, "tbs signed"));
	ctx_done(&f.c);
	ctx_done(&g.c);
}

/* Another takes its slot, as after some thousand others or a restart. */
static void forget_validation(struct id authz)
{
	authz.b[0] ^= 1;
	recent_keep_validation(authz, clock_now());
}

/* The same validation, eight hours ago. */
static void age_validation(struct fixture *f, const char *name)
{
	static const char sql[] =
	    "INSERT INTO log.validation SELECT (v2).* FROM (SELECT jsonb_populate_record(v, jsonb_build_object('id', "
	    "overlay(v.id::text PLACING left(cairn.id_at(now() - interval '8 hours')::text, 13) FROM 1 FOR 13))) AS v2 "
	    "FROM log.validation v WHERE identifier_value = '%s') x; "
	    "INSERT INTO log.validation_private SELECT v.id, p.salt, p.resolutions, p.attempts FROM log.validation v, "
	    "log.validation w JOIN log.validation_private p ON p.id = w.id WHERE v.identifier_value = '%s' AND "
	    "w.identifier_value = v.identifier_value AND v.id < w.id; "
	    "UPDATE acme.authz SET validation_id = (SELECT min(id::text)::uuid FROM log.validation WHERE identifier_value "
	    "= '%s') WHERE identifier_value = '%s'";
	pg_exec("postgres", arena_printf(f->c.arena, sql, name, name, name, name));
}

/* C-37: a validation of some age has its CAA checked again, by the method that was relied on, and for the account by each
 * URL that it has had (C-43, C-44). */
static void test_caa_again(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct order done;
	EVP_PKEY *key = NULL;
	const char *names[] = { "aged.test" };
	static const char *former[] = { "https://old.example", "https://older.example:8443" };
	fixture_init(&f);
	test_config.acme.former_external_urls = (struct text_list) { former, COUNT_OF(former) };
	assert_int_equal(key_generate(&f.c, "p256", &key), 0);
	struct bytes csr = make_csr(&f.c, key, names, 1);
	assert_int_equal(order_names(&f, names, 1, &order), 0);
	validate(&f, &order, 0);
	forget_validation(order.authorizations.v[0]);
	age_validation(&f, "aged.test");
	va_does = VA_REFUSES;
	assert_finalize_fails(&f, order.id, csr, PROBLEM_UNAUTHORIZED); /* what the fake says */
	char account[ID_TEXT_SIZE];
	id_encode(f.account.id, account);
	assert_string_equal(last_caa.method, "http-01");
	assert_string_equal(
	    last_caa.account_url, arena_printf(f.c.arena, "https://localhost:14000/acme/account/%s", account));
	assert_string_equal(last_caa.former_account_urls,
	    arena_printf(f.c.arena, "https://old.example/acme/account/%s https://older.example:8443/acme/account/%s ",
	        account, account));
	pg_assert_value("SELECT count(*) FROM log.validation WHERE method = 'caa' AND NOT passed", "1");
	assert_string_equal(order_status(&f, order.id), "ready");
	va_does = VA_PASSES;
	assert_int_equal(finalize(&f, order.id, csr, &done), 0);
	pg_assert_value("SELECT count(*) FROM log.validation WHERE method = 'caa' AND passed", "1");
	ctx_done(&f.c);
}

static int finalize_asks(struct fixture *f, const struct order *order, struct bytes csr, enum problem expected)
{
	int calls = va_calls;
	assert_finalize_fails(f, order->id, csr, expected);
	return va_calls - calls;
}

/* C-36, C-37: what passed in such a check counts for as long as a validation does, what did not is asked for again. */
static void test_caa_again_of_some(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct order done;
	EVP_PKEY *key = NULL;
	static const char *names[] = { "some-1.test", "some-2.test", "some-3.test" };
	fixture_init(&f);
	assert_int_equal(key_generate(&f.c, "p256", &key), 0);
	struct bytes csr = make_csr(&f.c, key, names, COUNT_OF(names));
	assert_int_equal(order_names(&f, names, COUNT_OF(names), &order), 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		validate(&f, &order, i);
		age_validation(&f, names[i]);
		forget_validation(order.authorizations.v[i]);
	}
	ctx_limit_ms(&f.c, 1900); /* no time to record what would be found */
	assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_UNAVAILABLE), 0);
	f.c.deadline_us = INT64_MAX;
	va_does = VA_FAULTS;
	assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_UNAVAILABLE), COUNT_OF(names));
	va_does = VA_PASSES;
	va_refuses = "some-2.test";
	assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_UNAUTHORIZED), COUNT_OF(names));
	assert_int_equal(f.c.err.subproblems.n, 1);
	assert_string_equal(f.c.err.subproblems.v[0].identifier_value, "some-2.test");
	assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_UNAUTHORIZED), 1);
	pg_exec("postgres", "UPDATE log.validation SET id = overlay(id::text PLACING left(cairn.id_at(now() - interval "
	                    "'421 min')::text, 13) FROM 1 FOR 13)::uuid WHERE method = 'caa' AND passed AND "
	                    "identifier_value = 'some-3.test'");
	assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_UNAUTHORIZED), 2);
	va_refuses = NULL;
	va_calls = 0;
	assert_int_equal(finalize(&f, order.id, csr, &done), 0);
	assert_int_equal(va_calls, 1);
	pg_assert_value(
	    "SELECT string_agg(identifier_value || ' ' || passed || ' ' || n, ', ' ORDER BY identifier_value, passed) "
	    "FROM (SELECT identifier_value, passed, count(*) AS n FROM log.validation WHERE method = 'caa' AND "
	    "identifier_value LIKE 'some-%' GROUP BY 1, 2) x",
	    "some-1.test false 1, some-1.test true 1, some-2.test false 4, some-2.test true 1, some-3.test false 1, "
	    "some-3.test true 2");
	ctx_done(&f.c);
}

static const char *const caa_used =
    "SELECT count(*) FROM acme.limit_use WHERE name = 'CaaRefusalsPerAccount' AND whole_at > now()";

/* C-37, A-46: a client that finalizes again and again has CAA looked up so often and no more, whatever is under way; what passes and what
 * is a fault of ours is no use of the limit, and the order stays ready. */
static void test_caa_refused_again_and_again(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct order done;
	EVP_PKEY *key = NULL;
	const char *names[] = { "again-and-again.test" };
	fixture_init(&f);
	assert_int_equal(key_generate(&f.c, "p256", &key), 0);
	struct bytes csr = make_csr(&f.c, key, names, 1);
	assert_int_equal(order_names(&f, names, 1, &order), 0);
	validate(&f, &order, 0);
	age_validation(&f, names[0]);
	forget_validation(order.authorizations.v[0]);
	test_ra.limits.v[LIMIT_CAA_REFUSALS_PER_ACCOUNT] = (struct limit) { 2, 3600, 2 };
	va_does = VA_FAULTS;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_UNAVAILABLE), 1);
	}
	pg_assert_value(caa_used, "0");
	va_does = VA_REFUSES;
	assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_UNAUTHORIZED), 1);
	assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_UNAUTHORIZED), 1);
	assert_int_equal(finalize_asks(&f, &order, csr, PROBLEM_RATE_LIMITED), 0);
	assert_true(f.c.err.retry_after_s > 0);
	assert_non_null(strstr(f.c.err.detail, "finalizations that CAA forbade"));
	assert_string_equal(order_status(&f, order.id), "ready");
	pg_exec("postgres",
	    "UPDATE acme.limit_use SET whole_at = whole_at - interval '30 min' WHERE name = 'CaaRefusalsPerAccount'");
	va_does = VA_PASSES;
	assert_int_equal(finalize(&f, order.id, csr, &done), 0);
	pg_exec("postgres",
	    "UPDATE acme.limit_use SET whole_at = whole_at - interval '30 min' WHERE name = 'CaaRefusalsPerAccount'");
	pg_assert_value(caa_used, "0"); /* what the last one took came back */
	test_ra.limits = (struct limits) { 0 };
	ctx_done(&f.c);
}

/* ---- orders that are remembered ---- */

/* A ready order of one name, with the CSR for it. */
struct ready {
	struct fixture f;
	struct order order;
	EVP_PKEY *key;
	struct bytes csr;
};

static void ready_names(struct ready *r, const char *const *names, size_t n)
{
	fixture_init(&r->f);
	assert_int_equal(key_generate(&r->f.c, "p256", &r->key), 0);
	r->csr = make_csr(&r->f.c, r->key, names, n);
	assert_int_equal(order_names(&r->f, names, n, &r->order), 0);
	for (size_t i = 0; i < n; i++) {
		validate(&r->f, &r->order, i);
	}
	r->f.c.request_id = id_new();
}

static void ready_init(struct ready *r)
{
	static int count;
	const char *name = NULL;
	char text[32];
	snprintf(text, sizeof(text), "recent-%d.test", count++);
	name = text;
	ready_names(r, &name, 1);
}

static int finalize_ready(struct ready *r, struct order *ret)
{
	return finalize(&r->f, r->order.id, r->csr, ret);
}

static void assert_issued(struct ready *r, bool remembered)
{
	struct order done;
	if (finalize_ready(r, &done) != 0) {
		fail_msg("%s", r->f.c.err.detail);
	}
	assert_int_equal(the_ca.remembered, remembered);
	assert_string_equal(done.status, "valid");
	assert_string_equal(order_status(&r->f, r->order.id), "valid");
}

static void test_remembered(void **state)
{
	(void) state;
	struct ready r;
	struct order done;
	ready_init(&r);
	assert_int_equal(finalize_ready(&r, &done), 0);
	assert_true(the_ca.remembered);
	assert_int_equal(the_ca.calls, 1);
	struct order read;
	assert_int_equal(ra_read_order(&r.f.c, r.order.id, &read), 0); /* what is answered is what stands */
	read.certificate = done.certificate;
	assert_string_equal((const char *) fields_to_json(r.f.c.arena, &order_fields, &done).p,
	    (const char *) fields_to_json(r.f.c.arena, &order_fields, &read).p);
	assert_int_equal(finalize_ready(&r, &done), 0); /* the same call once more, as after a lost answer */
	assert_string_equal(done.status, "valid");
	r.f.c.request_id = id_new();
	assert_finalize_fails(&r.f, r.order.id, r.csr, PROBLEM_ORDER_NOT_READY);
	ctx_done(&r.f.c);
}

static void test_what_is_kept(void **state)
{
	(void) state;
	struct ctx c;
	struct recent_order got;
	struct identifier names[] = { { "dns", "*.a.test" }, { "ip", "127.0.0.1" } };
	struct id authzs[] = { challenge_id(id_new(), 0), challenge_id(id_new(), 0) };
	uint8_t thumbprint[SHA256_SIZE] = { 7 };
	const struct order order = {
		.id = id_new(),
		.account_id = id_new(),
		.identifiers = { names, 2 },
		.authorizations = { authzs, 2 },
		.profile = "classic",
		.replaces = "key.serial",
		.not_before = { 1 },
		.not_after = { 2 },
		.expires_at = { 3 },
	};
	ctx_init(&c);
	recent_keep_order(&order, (struct bytes) { thumbprint, sizeof(thumbprint) });
	recent_keep_validation(authzs[0], (struct timestamp) { 5 });
	recent_keep_validation(authzs[1], (struct timestamp) { 4 });
	assert_true(recent_take_order(&c, order.id, &got));
	assert_true(id_equal(got.account_id, order.account_id));
	assert_memory_equal(got.thumbprint.p, thumbprint, SHA256_SIZE);
	assert_int_equal(got.types.n, 2);
	assert_string_equal(got.types.v[1], "ip");
	assert_int_equal(got.values.n, 2);
	assert_string_equal(got.values.v[0], "*.a.test");
	assert_int_equal(got.authorizations.n, 2);
	assert_true(id_equal(got.authorizations.v[1], authzs[1]));
	assert_string_equal(got.profile, "classic");
	assert_string_equal(got.replaces, "key.serial");
	assert_int_equal(got.not_before.us, 1);
	assert_int_equal(got.not_after.us, 2);
	assert_int_equal(got.expires_at.us, 3);
	assert_int_equal(got.oldest_validation.us, 4);
	assert_false(recent_take_order(&c, order.id, &got));
	ctx_done(&c);
}

#define THIS_ORDER "(SELECT id FROM acme.orders ORDER BY id DESC LIMIT 1)"
#define THIS_ACCOUNT "(SELECT account_id FROM acme.orders ORDER BY id DESC LIMIT 1)"
#define THIS_AUTHZ "(SELECT authorizations[1] FROM acme.orders ORDER BY id DESC LIMIT 1)"
#define THIS_THUMBPRINT "(SELECT thumbprint FROM acme.account WHERE id = " THIS_ACCOUNT ")"
#define SET_AUTHZ(what) "UPDATE acme.authz SET " what " WHERE id = " THIS_AUTHZ
#define SET_ORDER(what) "UPDATE acme.orders SET " what " WHERE id = " THIS_ORDER
#define SET_ACCOUNT(what) "UPDATE acme.account SET " what " WHERE id = " THIS_ACCOUNT

/* What another instance, an operator or time did between the validation and finalize. */
static const struct {
	const char *sql;
	enum problem problem;
} changes[] = {
	{ "SELECT acme.deactivate_account(" THIS_ACCOUNT ", " THIS_THUMBPRINT ", 'ra', NULL)", PROBLEM_ACCOUNT_NOT_VALID },
	{ SET_ACCOUNT("status = 'revoked'"), PROBLEM_ACCOUNT_NOT_VALID },
	{ SET_ACCOUNT("thumbprint = sha256('a new key')"), PROBLEM_ACCOUNT_DOES_NOT_EXIST },
	{ "SELECT acme.deactivate_authz(" THIS_AUTHZ ", " THIS_ACCOUNT ", " THIS_THUMBPRINT ", 'ra', NULL)",
	    PROBLEM_ORDER_NOT_READY },
	{ SET_AUTHZ("ended = 'revoked'"), PROBLEM_ORDER_NOT_READY },
	{ SET_AUTHZ("expires_at = now()"), PROBLEM_ORDER_NOT_READY },
	{ SET_AUTHZ("validation_id = NULL"), PROBLEM_ORDER_NOT_READY },
	{ SET_ORDER("error = '{}'"), PROBLEM_ORDER_NOT_READY },
	{ SET_ORDER("expires_at = now()"), PROBLEM_ORDER_NOT_READY },
	{ SET_ORDER("certificate_id = id"), PROBLEM_ORDER_NOT_READY },
	{ SET_ORDER("profile = 'other'"), PROBLEM_INVALID_PROFILE },
	{ SET_ORDER("identifier_values = '{other.test}'"), PROBLEM_BAD_CSR },
	/* a grant of another name is the first rule, so that this one is refused. */
	{ "INSERT INTO acme.policy VALUES (1, '', now(), 'test'); INSERT INTO acme.policy_rule VALUES (1, 1, 'one', true, "
	  "'{}', '{}', '{granted.test}', '{}', '{}', false)",
	    PROBLEM_REJECTED_IDENTIFIER },
};

/* The refusal is, to the letter, what it is without a memory, and nothing is begun. */
static void assert_refused_as_read(struct ready *r, enum problem problem)
{
	struct order done;
	assert_int_equal(finalize_ready(r, &done), -1);
	const struct err by_memory = r->f.c.err;
	assert_true(the_ca.remembered);
	assert_int_equal(the_ca.calls, 1);
	assert_int_equal(by_memory.type, problem);
	assert_int_equal(finalize_ready(r, &done), -1);
	assert_int_equal(the_ca.calls, 1);
	assert_int_equal(r->f.c.err.type, by_memory.type);
	assert_string_equal(r->f.c.err.detail, by_memory.detail);
	assert_string_equal(r->f.c.err.rule == NULL ? "" : r->f.c.err.rule, by_memory.rule == NULL ? "" : by_memory.rule);
	assert_int_equal(r->f.c.err.subproblems.n, by_memory.subproblems.n);
	pg_assert_value("SELECT count(*) FROM ca.certificate WHERE order_id = " THIS_ORDER, "0");
}

static void test_changed_since(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		struct ready r;
		memset(&the_ca, 0, sizeof(the_ca));
		ready_init(&r);
		pg_exec("postgres", changes[i].sql);
		assert_refused_as_read(&r, changes[i].problem);
		ctx_done(&r.f.c);
	}
	/* While there are rules, orders are not remembered: they are read in any case. */
	struct ready r;
	pg_exec("postgres", "UPDATE acme.policy_rule SET names = '{.test}'");
	ready_init(&r);
	assert_issued(&r, false);
	ctx_done(&r.f.c);
	pg_exec("postgres", "TRUNCATE acme.policy_rule, acme.policy, acme.judging");
}

static void test_key_since(void **state) /* F-25, E-13 */
{
	(void) state;
	struct ready r;
	struct jwk jwk;
	struct new_account_response account;
	ready_init(&r);
	assert_int_equal(jwk_of_key(&r.f.c, r.key, &jwk), 0);
	assert_int_equal(new_account(&r.f.c, jwk.canonical, true, false, &account), 0);
	assert_refused_as_read(&r, PROBLEM_BAD_CSR);
	assert_string_equal(r.f.c.err.rule, "key.of-account");
	ctx_done(&r.f.c);
	memset(&the_ca, 0, sizeof(the_ca));
	ready_init(&r);
	assert_int_equal(jwk_of_key(&r.f.c, r.key, &jwk), 0);
	pg_exec("postgres", arena_printf(r.f.c.arena, "INSERT INTO acme.blocked_key VALUES (sha256(%s), 'keyCompromise')",
	                        world_hex(&r.f.c, jwk.spki)));
	assert_refused_as_read(&r, PROBLEM_BAD_CSR);
	assert_string_equal(r.f.c.err.rule, "key.compromised");
	ctx_done(&r.f.c);
}

/* What this process can see itself never reaches the CA, and the order stays as it is. */
static void test_other_csr(void **state)
{
	(void) state;
	struct ready r;
	const char *others[] = { "other.test" };
	ready_init(&r);
	assert_finalize_fails(&r.f, r.order.id, make_csr(&r.f.c, r.key, others, 1), PROBLEM_BAD_CSR);
	assert_issued(&r, false);
	ctx_done(&r.f.c);
}

static void test_not_remembered(void **state)
{
	(void) state;
	struct ready r;
	struct fixture other;
	ready_init(&r); /* this instance was started anew, or another one made the validation */
	forget_validation(r.order.authorizations.v[0]);
	assert_issued(&r, false);
	ctx_done(&r.f.c);
	ready_init(&r); /* the order is gone */
	struct order elsewhere = r.order;
	elsewhere.id.b[0] ^= 1;
	recent_keep_order(&elsewhere, r.f.account.thumbprint);
	assert_issued(&r, false);
	ctx_done(&r.f.c);
	ready_init(&r); /* another account asks for it */
	fixture_init(&other);
	assert_finalize_fails(&other, r.order.id, r.csr, PROBLEM_UNAUTHORIZED);
	assert_issued(&r, false);
	ctx_done(&other.c);
	ctx_done(&r.f.c);
	ready_init(&r); /* by another key than the one that ordered */
	pg_exec("postgres", SET_ACCOUNT("thumbprint = sha256('another key')"));
	uint8_t another[SHA256_SIZE];
	sha256_of(bytes_of_text("another key"), another);
	r.f.account.thumbprint = (struct bytes) { another, sizeof(another) };
	assert_issued(&r, false);
	ctx_done(&r.f.c);
}

/* C-36, C-37: a remembered validation of some age is looked at again. */
static void test_remembered_too_long(void **state)
{
	(void) state;
	struct ready r;
	ready_init(&r);
	recent_keep_validation(r.order.authorizations.v[0], timestamp_add_s(clock_now(), -8 * 3600));
	assert_issued(&r, false);
	ctx_done(&r.f.c);
	ready_init(&r);
	r.order.expires_at = timestamp_add_s(clock_now(), -1);
	recent_keep_order(&r.order, r.f.account.thumbprint);
	assert_issued(&r, false);
	ctx_done(&r.f.c);
}

static void test_many_names(void **state)
{
	(void) state;
	static const char *const names[] = { "n1.test", "n2.test", "n3.test", "n4.test", "n5.test", "n6.test", "n7.test",
		"n8.test", "n9.test" };
	profile.max_names = COUNT_OF(names);
	struct ready r;
	ready_names(&r, names, COUNT_OF(names));
	assert_issued(&r, false);
	ctx_done(&r.f.c);
	ready_names(&r, names, COUNT_OF(names) - 1);
	assert_issued(&r, true);
	ctx_done(&r.f.c);
	profile.max_names = 3;
}

/* The CA began by what is remembered, and its answer is lost: the order is shown as it stands, also to the same call. */
static void test_lost_answer(void **state) /* */
{
	(void) state;
	struct ready r;
	struct order done;
	ready_init(&r);
	the_ca.loses_answer = true;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(finalize_ready(&r, &done), 0);
		assert_string_equal(done.status, "valid");
		assert_int_equal(the_ca.calls, 1);
	}
	ctx_done(&r.f.c);
	the_ca.loses_answer = false;
	ready_init(&r);
	the_ca.is_dead = true;
	assert_int_equal(finalize_ready(&r, &done), -1);
	assert_int_equal(r.f.c.err.type, PROBLEM_UNAVAILABLE); /* */
	the_ca.is_dead = false;
	assert_issued(&r, false);
	ctx_done(&r.f.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_finalize, setup),
		cmocka_unit_test_setup(test_caa_again, setup),
		cmocka_unit_test_setup(test_caa_again_of_some, setup),
		cmocka_unit_test_setup(test_caa_refused_again_and_again, setup),
		cmocka_unit_test_setup(test_remembered, setup),
		cmocka_unit_test_setup(test_what_is_kept, setup),
		cmocka_unit_test_setup(test_changed_since, setup),
		cmocka_unit_test_setup(test_key_since, setup),
		cmocka_unit_test_setup(test_other_csr, setup),
		cmocka_unit_test_setup(test_not_remembered, setup),
		cmocka_unit_test_setup(test_remembered_too_long, setup),
		cmocka_unit_test_setup(test_many_names, setup),
		cmocka_unit_test_setup(test_lost_answer, setup),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

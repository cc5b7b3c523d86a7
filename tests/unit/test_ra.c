/* link: ra */
/* The registration authority on a real database; the validation authority and the CA are fakes in place of their stubs.
 * A-51..A-54, A-60, A-61, A-63, A-73, A-80, A-81, A-84, A-92, A-94, A-99, A-101, A-113..A-115, A-117, A-124..A-130. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

#include <cmocka.h>

#include "lib/crypto/authority.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/client.h"
#include "lib/rpc/handlers.h"
#include "ra/evidence.h"
#include "ra/jobs.h"
#include "ra/ra.h"
#include "tests/unit/pg.h"

/* ---- fakes ---- */

static enum { VA_PASSES, VA_REFUSES, VA_FAULTS, VA_IS_DEAD } va_does;
static int va_calls;

static struct validation_result va_result(const struct validate_request *in)
{
	struct validation_result r = {
		.validation_id = in->validation_id,
		.perspective = "test",
		.method = in->method,
		.passed = va_does == VA_PASSES,
		.fault = va_does == VA_FAULTS,
		.started_at = clock_now(),
		.ended_at = clock_now(),
	};
	if (va_does == VA_REFUSES) {
		r.problem = (struct problem_record) { .type = "UNAUTHORIZED", .detail = "wrong answer" };
	}
	return r;
}

struct rpc_loop {
	int unused;
};
static struct rpc_loop the_loop;

struct rpc_loop *rpc_loop_new(void)
{
	return &the_loop;
}

void rpc_loop_free(struct rpc_loop *loop)
{
	(void) loop;
}

void rpc_va_validate_start(struct rpc_loop *loop, const struct validate_request *in, struct id request_id,
    int64_t deadline_ms, rpc_va_validate_done *done, void *arg)
{
	(void) loop;
	(void) deadline_ms;
	struct ctx c;
	ctx_init(&c);
	c.request_id = request_id;
	va_calls++;
	struct validation_result *r = ARENA_NEW(c.arena, struct validation_result);
	*r = va_result(in);
	int result = 0;
	if (va_does == VA_IS_DEAD) {
		result = FAIL(&c, UNAVAILABLE, "nobody answers");
	}
	done(arg, &c, result, result == 0 ? r : NULL);
	ctx_done(&c);
}

int rpc_va_validate(struct ctx *c, const struct validate_request *in, struct validation_result *ret)
{
	(void) c;
	va_calls++;
	*ret = va_result(in);
	return 0;
}

static int ca_calls;
static bool ca_is_dead;

int rpc_ca_issue_certificate(
    struct ctx *c, const struct issue_certificate_request *in, struct issue_certificate_response *ret)
{
	(void) in;
	ca_calls++;
	if (ca_is_dead) {
		return FAIL(c, UNAVAILABLE, "nobody answers");
	}
	*ret = (struct issue_certificate_response) { .certificate_id = id_new() };
	return 0;
}

/* ---- set-up ---- */

static struct config_profile profile = {
	.name = "classic", .life_s = 7776000, .order_life_s = 604800, .authorization_life_s = 2592000, .max_names = 3
};
static struct config test_config = {
	.acme = { .external_url = "https://localhost:14000" },
	.policy = { .mode = "private", .profiles = { &profile, 1 } },
	.ra = { .process = { .workers = 4 }, .hold_ms = 5000, .validation_attempts = 1, .validation_lease_s = 30 },
};
static const struct ra test_ra = { &test_config, "cairn-ra@test" };

static int group_setup(void **state)
{
	(void) state;
	pg_start();
	ra_set(&test_ra);
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), 8, 5000);
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(db_check(&c), 0); /* style 17: every statement prepares as the role that runs it */
	assert_int_equal(jobs_start(&c), 0);
	ctx_done(&c);
	return 0;
}

static int group_teardown(void **state)
{
	(void) state;
	jobs_stop();
	db_thread_end();
	pg_stop();
	return 0;
}

static int setup(void **state)
{
	(void) state;
	va_does = VA_PASSES;
	ca_is_dead = false;
	va_calls = 0;
	ca_calls = 0;
	test_config.ra.validation_attempts = 1;
	test_config.acme.terms_of_service = NULL;
	return 0;
}

struct fixture {
	struct ctx c;
	struct account account;
	struct jwk jwk;
};

static int new_account(struct ctx *c, const char *key, bool terms, bool existing, struct new_account_response *ret)
{
	struct new_account_request in = { .key = key, .terms_agreed = terms, .only_return_existing = existing };
	return ra_new_account_serve(c, &in, ret);
}

static void fixture_init(struct fixture *f)
{
	EVP_PKEY *key = NULL;
	struct new_account_response response;
	ctx_init(&f->c);
	assert_int_equal(key_generate(&f->c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&f->c, key, &f->jwk), 0);
	assert_int_equal(new_account(&f->c, f->jwk.canonical, true, false, &response), 0);
	assert_true(response.created);
	f->account = response.account;
}

static int order_names(struct fixture *f, const char *const *names, size_t n, struct order *ret)
{
	struct identifier identifiers[8];
	for (size_t i = 0; i < n; i++) {
		identifiers[i] = (struct identifier) { "dns", names[i] };
	}
	struct new_order_request in = {
		.account_id = f->account.id, .thumbprint = f->account.thumbprint, .identifiers = { identifiers, n }
	};
	ctx_forgive(&f->c);
	return ra_new_order_serve(&f->c, &in, ret);
}

static int order_one(struct fixture *f, const char *name, struct order *ret)
{
	return order_names(f, &name, 1, ret);
}

static int start(struct fixture *f, struct id challenge, int64_t hold_ms, struct authorization *ret)
{
	struct start_challenge_request in = {
		.account_id = f->account.id, .thumbprint = f->account.thumbprint, .challenge_id = challenge, .hold_ms = hold_ms
	};
	ctx_forgive(&f->c);
	return ra_start_challenge_serve(&f->c, &in, ret);
}

static struct authorization authorization_of(struct fixture *f, const struct order *order, size_t i)
{
	struct authorization a;
	ctx_forgive(&f->c);
	assert_int_equal(ra_read_authorization(&f->c, order->authorizations.v[i], &a), 0);
	return a;
}

static const char *order_status(struct fixture *f, struct id id)
{
	struct order order;
	bool found = false;
	ctx_forgive(&f->c);
	assert_int_equal(db_row(&f->c, &ra_read_order_statement, &id, &order, &found), 0);
	assert_true(found);
	return order.status;
}

static void validate(struct fixture *f, const struct order *order, size_t i)
{
	struct authorization a = authorization_of(f, order, i);
	assert_int_equal(start(f, a.challenges.v[0].id, 5000, &a), 0);
}

/* ---- accounts ---- */

static void test_account(void **state)
{
	(void) state;
	struct fixture f;
	struct new_account_response again;
	fixture_init(&f);
	assert_int_equal(new_account(&f.c, f.jwk.canonical, false, false, &again), 0); /* */
	assert_false(again.created);
	assert_true(id_equal(again.account.id, f.account.id));
	assert_int_equal(new_account(&f.c, "{\"kty\":\"oct\",\"k\":\"AAAA\"}", true, false, &again), -1);
	ctx_done(&f.c);
}

static void test_account_refusals(void **state)
{
	(void) state;
	struct ctx c;
	EVP_PKEY *key = NULL;
	struct jwk jwk;
	struct new_account_response r;
	ctx_init(&c);
	test_config.acme.terms_of_service = "https://terms.test/1";
	assert_int_equal(key_generate(&c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&c, key, &jwk), 0);
	assert_int_equal(new_account(&c, jwk.canonical, true, true, &r), -1); /* */
	assert_int_equal(c.err.type, PROBLEM_ACCOUNT_DOES_NOT_EXIST);
	ctx_forgive(&c);
	assert_int_equal(new_account(&c, jwk.canonical, false, false, &r), -1); /* */
	assert_int_equal(c.err.type, PROBLEM_USER_ACTION_REQUIRED);
	ctx_forgive(&c);
	assert_int_equal(new_account(&c, jwk.canonical, true, false, &r), 0);
	assert_true(r.account.terms_agreed);
	ctx_done(&c);
}

static void *race_account(void *arg)
{
	struct ctx c;
	struct new_account_response r;
	ctx_init(&c);
	bool created = new_account(&c, arg, true, false, &r) == 0 && r.created;
	ctx_done(&c);
	db_thread_end();
	return created ? arg : NULL;
}

static void test_account_race(void **state) /* */
{
	(void) state;
	struct ctx c;
	EVP_PKEY *key = NULL;
	struct jwk jwk;
	pthread_t threads[4];
	ctx_init(&c);
	assert_int_equal(key_generate(&c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&c, key, &jwk), 0);
	char *text = strdup(jwk.canonical);
	for (size_t i = 0; i < 4; i++) {
		pthread_create(&threads[i], NULL, race_account, text);
	}
	int created = 0;
	for (size_t i = 0; i < 4; i++) {
		void *result = NULL;
		pthread_join(threads[i], &result);
		created += result != NULL;
	}
	assert_int_equal(created, 1);
	free(text);
	ctx_done(&c);
}

static void test_deactivation(void **state) /* */
{
	(void) state;
	struct fixture f;
	struct order order;
	struct account account;
	struct new_account_response r;
	fixture_init(&f);
	assert_int_equal(order_one(&f, "ends.test", &order), 0);
	struct update_account_request in = {
		.account_id = f.account.id, .thumbprint = f.account.thumbprint, .deactivate = true
	};
	assert_int_equal(ra_update_account_serve(&f.c, &in, &account), 0);
	assert_string_equal(account.status, "deactivated");
	assert_string_equal(order_status(&f, order.id), "invalid");
	assert_int_equal(order_one(&f, "more.test", &order), -1);
	assert_int_equal(f.c.err.type, PROBLEM_ACCOUNT_NOT_VALID);
	ctx_forgive(&f.c);
	assert_int_equal(new_account(&f.c, f.jwk.canonical, true, false, &r), -1);
	assert_int_equal(f.c.err.type, PROBLEM_ACCOUNT_NOT_VALID);
	ctx_done(&f.c);
}

/* ---- orders and challenges ---- */

static void test_order_to_ready(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct order second;
	const char *names[] = { "b.ready.test", "a.ready.test" };
	fixture_init(&f);
	assert_int_equal(order_names(&f, names, 2, &order), 0);
	assert_string_equal(order.status, "pending");
	assert_int_equal(order.authorizations.n, 2);
	validate(&f, &order, 0);
	assert_string_equal(order_status(&f, order.id), "pending"); /* only when all are valid */
	validate(&f, &order, 1);
	assert_string_equal(order_status(&f, order.id), "ready");
	struct authorization a = authorization_of(&f, &order, 0);
	assert_string_equal(a.status, "valid");
	assert_string_equal(a.challenges.v[0].status, "valid");
	assert_int_not_equal(a.challenges.v[0].validated_at.us, 0);
	/* the authorizations are used again, and nothing is validated again */
	assert_int_equal(order_names(&f, names, 2, &second), 0);
	assert_string_equal(second.status, "ready");
	assert_true(id_equal(second.authorizations.v[0], order.authorizations.v[0]));
	int before = va_calls;
	assert_int_equal(start(&f, a.challenges.v[0].id, 1000, &a), 0);
	assert_int_equal(va_calls, before);
	ctx_done(&f.c);
}

static void test_failed_validation(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	va_does = VA_REFUSES;
	assert_int_equal(order_one(&f, "wrong.test", &order), 0);
	validate(&f, &order, 0);
	struct authorization a = authorization_of(&f, &order, 0);
	assert_string_equal(a.status, "invalid"); /* */
	assert_string_equal(a.challenges.v[0].status, "invalid");
	assert_string_equal(a.challenges.v[0].error.detail, "wrong answer");
	assert_string_equal(order_status(&f, order.id), "invalid");
	assert_int_equal(start(&f, a.challenges.v[0].id, 0, &a), -1);
	assert_int_equal(f.c.err.type, PROBLEM_MALFORMED);
	pg_assert_value("SELECT count(*) FROM log.validation WHERE identifier_value = 'wrong.test' AND NOT passed", "1");
	ctx_done(&f.c);
}

static bool eventually(struct fixture *f, struct id order, const char *status)
{
	for (int i = 0; i < 100; i++) {
		if (strcmp(order_status(f, order), status) == 0) {
			return true;
		}
		usleep(100000);
	}
	return false;
}

/* A fault of ours or a dead validation authority is never the client's failure (design 4.2). */
static void test_faults_are_tried_again(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	for (int k = 0; k < 2; k++) {
		va_does = k == 0 ? VA_FAULTS : VA_IS_DEAD;
		assert_int_equal(order_one(&f, k == 0 ? "fault.test" : "dead.test", &order), 0);
		struct authorization a = authorization_of(&f, &order, 0);
		assert_int_equal(start(&f, a.challenges.v[0].id, 50, &a), 0);
		assert_string_equal(a.challenges.v[0].status, "processing");
		assert_string_equal(a.status, "pending");
		va_does = VA_PASSES;
		assert_true(eventually(&f, order.id, "ready"));
	}
	ctx_done(&f.c);
}

static void test_client_failure_is_retried(void **state) /* */
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	test_config.ra.validation_attempts = 2;
	va_does = VA_REFUSES;
	assert_int_equal(order_one(&f, "late.test", &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	assert_int_equal(start(&f, a.challenges.v[0].id, 3000, &a), 0);
	assert_string_equal(a.challenges.v[0].status, "processing");
	assert_string_equal(a.challenges.v[0].error.detail, "wrong answer"); /* visible while it is tried again */
	va_does = VA_PASSES;
	assert_true(eventually(&f, order.id, "ready"));
	ctx_done(&f.c);
}

static void test_foreign_and_absent(void **state) /* */
{
	(void) state;
	struct fixture f;
	struct fixture g;
	struct order order;
	fixture_init(&f);
	fixture_init(&g);
	assert_int_equal(order_one(&f, "mine.test", &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	struct authorization b;
	assert_int_equal(start(&g, a.challenges.v[0].id, 0, &b), -1);
	assert_int_equal(g.c.err.type, PROBLEM_UNAUTHORIZED);
	assert_int_equal(start(&g, id_new(), 0, &b), -1);
	assert_int_equal(g.c.err.type, PROBLEM_NOT_FOUND);
	struct deactivate_authorization_request in = {
		.account_id = g.account.id, .thumbprint = g.account.thumbprint, .authorization_id = a.id
	};
	ctx_forgive(&g.c);
	assert_int_equal(ra_deactivate_authorization_serve(&g.c, &in, &b), -1);
	assert_int_equal(g.c.err.type, PROBLEM_UNAUTHORIZED);
	in.account_id = f.account.id;
	in.thumbprint = f.account.thumbprint;
	ctx_forgive(&f.c);
	assert_int_equal(ra_deactivate_authorization_serve(&f.c, &in, &b), 0); /* */
	assert_string_equal(b.status, "deactivated");
	assert_string_equal(order_status(&f, order.id), "invalid");
	ctx_done(&f.c);
	ctx_done(&g.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_account, setup),
		cmocka_unit_test_setup(test_account_refusals, setup),
		cmocka_unit_test_setup(test_account_race, setup),
		cmocka_unit_test_setup(test_deactivation, setup),
		cmocka_unit_test_setup(test_order_to_ready, setup),
		cmocka_unit_test_setup(test_failed_validation, setup),
		cmocka_unit_test_setup(test_faults_are_tried_again, setup),
		cmocka_unit_test_setup(test_client_failure_is_retried, setup),
		cmocka_unit_test_setup(test_foreign_and_absent, setup),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

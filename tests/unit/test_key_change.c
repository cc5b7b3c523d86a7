/* link: ra */
/* Key changes on a real database: RFC 8555 7.3.5., F-24. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

#include <cmocka.h>

#include "lib/base/base64.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/handlers.h"
#include "ra/lists.h"
#include "ra/ra.h"
#include "tests/unit/pg.h"
#include "tests/unit/pki.h"

#define BASE "https://localhost:14000"
#define THREADS 8

static struct pki pki;
static struct config_profile profile = { .name = "classic", .max_names = 3, .order_life_s = 3600 };
static const char *internal_names[] = { "test" };
static struct config_issuer issuer;
static struct config test_config = {
	.acme = { .external_url = BASE },
	.policy = { .mode = "private", .profiles = { &profile, 1 }, .internal_names = { internal_names, 1 } },
	.ca = { .issuers = { &issuer, 1 } },
};
static const struct ra test_ra = { .config = &test_config, .instance = "cairn-ra@test" };

static int group_setup(void **state)
{
	(void) state;
	struct ctx c;
	pki_init(&pki);
	pg_start();
	ra_set(&test_ra);
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), THREADS + 2, 5000);
	issuer = (struct config_issuer) { .name = "one", .cert_file = pki_path(&pki, "ca", ".pem") };
	ctx_init(&c);
	assert_int_equal(lists_open(&c, &test_config), 0);
	assert_int_equal(lists_load(&c, &test_config), 0);
	ctx_done(&c);
	return 0;
}

static int group_teardown(void **state)
{
	(void) state;
	db_thread_end();
	pg_stop();
	pki_done(&pki);
	return 0;
}

struct holder {
	struct ctx c;
	struct account account;
	struct jwk jwk;
};

static const char *new_key(struct ctx *c)
{
	EVP_PKEY *key = NULL;
	struct jwk jwk;
	assert_int_equal(key_generate(c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(c, key, &jwk), 0);
	return jwk.canonical;
}

static void holder_init(struct holder *h)
{
	EVP_PKEY *key = NULL;
	struct new_account_response made;
	ctx_init(&h->c);
	assert_int_equal(key_generate(&h->c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&h->c, key, &h->jwk), 0);
	struct new_account_request in = { .key = h->jwk.canonical, .terms_agreed = true };
	assert_int_equal(ra_new_account_serve(&h->c, &in, &made), 0);
	assert_true(made.created);
	h->account = made.account;
}

static int change(struct holder *h, const char *key, struct account *ret)
{
	struct change_key_request in = { .account_id = h->account.id, .thumbprint = h->account.thumbprint, .key = key };
	ctx_forgive(&h->c);
	return ra_change_key_serve(&h->c, &in, ret);
}

static int order_one(struct holder *h, struct bytes thumbprint, struct order *ret)
{
	struct identifier name = { "dns", "change.test" };
	struct new_order_request in = {
		.account_id = h->account.id, .thumbprint = thumbprint, .identifiers = { &name, 1 }
	};
	ctx_forgive(&h->c);
	return ra_new_order_serve(&h->c, &in, ret);
}

static int find_account(struct holder *h, const char *key, struct id *ret_id)
{
	struct new_account_response found;
	struct new_account_request in = { .key = key, .only_return_existing = true };
	ctx_forgive(&h->c);
	TRY(ra_new_account_serve(&h->c, &in, &found));
	*ret_id = found.account.id;
	return 0;
}

static const char *url_of(struct ctx *c, struct id account)
{
	char text[ID_TEXT_SIZE];
	id_encode(account, text);
	return arena_printf(c->arena, BASE "/acme/account/%s", text);
}

static void the_new_key_takes_the_place_of_the_old(void **state) /* */
{
	(void) state;
	struct holder h;
	struct order order;
	struct order again;
	struct account changed;
	struct id found;
	holder_init(&h);
	assert_int_equal(order_one(&h, h.account.thumbprint, &order), 0);
	const char *key = new_key(&h.c);
	h.c.request_id = id_new();
	assert_int_equal(change(&h, key, &changed), 0);
	assert_true(id_equal(changed.id, h.account.id));
	assert_string_equal(changed.key, key);
	assert_string_equal(changed.status, "valid");
	assert_int_equal(change(&h, key, &changed), 0); /* once more, as after a lost answer */
	assert_int_equal(find_account(&h, key, &found), 0);
	assert_true(id_equal(found, h.account.id));
	assert_int_equal(find_account(&h, h.jwk.canonical, &found), -1);
	assert_int_equal(h.c.err.type, PROBLEM_ACCOUNT_DOES_NOT_EXIST);
	assert_int_equal(order_one(&h, changed.thumbprint, &again), 0);
	assert_true(id_equal(again.id, order.id)); /* */
	assert_int_equal(order_one(&h, h.account.thumbprint, &again), -1);
	assert_int_equal(h.c.err.type, PROBLEM_ACCOUNT_DOES_NOT_EXIST);
	pg_assert_value("SELECT string_agg(status, ' ') FROM front.orders", "pending");
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'account.key_changed'", "1");
	pg_assert_value("SELECT (e.facts->'old_key' <> e.facts->'key' AND e.facts->'key' = a.key::jsonb AND e.facts->>"
	                "'thumbprint' = encode(a.thumbprint, 'hex'))::text FROM log.event e JOIN acme.account a "
	                "ON a.id = e.account_id WHERE kind = 'account.key_changed'",
	    "true");
	ctx_done(&h.c);
}

static void assert_held(struct holder *h, const char *key, struct id by) /* */
{
	struct account changed;
	assert_int_equal(change(h, key, &changed), -1);
	assert_int_equal(h->c.err.type, PROBLEM_KEY_CONFLICT);
	assert_string_equal(h->c.err.location, url_of(&h->c, by));
}

static void a_key_in_use_is_refused(void **state)
{
	(void) state;
	struct holder h;
	struct holder other;
	struct account ended;
	struct id found;
	holder_init(&h);
	holder_init(&other);
	assert_held(&h, other.jwk.canonical, other.account.id);
	assert_held(&h, h.jwk.canonical, h.account.id);
	struct update_account_request in = {
		.account_id = other.account.id, .thumbprint = other.account.thumbprint, .deactivate = true
	};
	assert_int_equal(ra_update_account_serve(&other.c, &in, &ended), 0);
	assert_held(&h, other.jwk.canonical, other.account.id);
	assert_int_equal(change(&other, new_key(&other.c), &ended), -1); /* */
	assert_int_equal(other.c.err.type, PROBLEM_ACCOUNT_NOT_VALID);
	assert_int_equal(find_account(&h, h.jwk.canonical, &found), 0);
	ctx_done(&h.c);
	ctx_done(&other.c);
}

static void assert_bad_key(struct holder *h, const char *key, const char *rule) /* */
{
	struct account changed;
	struct id found;
	assert_int_equal(change(h, key, &changed), -1);
	assert_int_equal(h->c.err.type, PROBLEM_BAD_PUBLIC_KEY);
	if (rule != NULL) {
		assert_string_equal(h->c.err.rule, rule);
	}
	assert_int_equal(find_account(h, h->jwk.canonical, &found), 0); /* the old one stays in force */
}

static void new_keys_are_judged(void **state)
{
	(void) state;
	struct holder h;
	struct jwk own;
	EVP_PKEY *burnt = NULL;
	struct jwk burnt_jwk;
	uint8_t digest[SHA256_SIZE];
	holder_init(&h);
	assert_bad_key(&h,
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":"
	    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
	    NULL);
	assert_int_equal(jwk_of_key(&h.c, pki.ca_key, &own), 0);
	assert_bad_key(&h, own.canonical, "key.own");
	assert_int_equal(key_generate(&h.c, "p256", &burnt), 0);
	assert_int_equal(jwk_of_key(&h.c, burnt, &burnt_jwk), 0);
	sha256_of(burnt_jwk.spki, digest);
	pg_exec(
	    "postgres", arena_printf(h.c.arena, "INSERT INTO acme.blocked_key (spki_sha256, reason) VALUES ('\\x%s', 't')",
	                    hex_encode(h.c.arena, (struct bytes) { digest, sizeof(digest) })));
	assert_bad_key(&h, burnt_jwk.canonical, "key.compromised"); /* F-24 */
	ctx_done(&h.c);
}

/* ---- races ---- */

struct runner {
	struct holder *holder;
	const char *key;
	enum problem problem; /* it ended with */
};

static void *run_change(void *arg)
{
	struct runner *r = arg;
	struct account changed;
	struct ctx c;
	ctx_init(&c);
	struct change_key_request in = {
		.account_id = r->holder->account.id, .thumbprint = r->holder->account.thumbprint, .key = r->key
	};
	r->problem = ra_change_key_serve(&c, &in, &changed) == 0 ? PROBLEM_NONE : c.err.type;
	ctx_done(&c);
	db_thread_end();
	return NULL;
}

/* Runs all at once; how many ended with the problem. */
static size_t race(struct runner *runners, enum problem problem)
{
	pthread_t threads[THREADS];
	size_t n = 0;
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, run_change, &runners[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(runners[i].problem == PROBLEM_NONE || runners[i].problem == problem);
		n += runners[i].problem == problem ? 1 : 0;
	}
	return n;
}

static void one_of_many_changes_is_made(void **state)
{
	(void) state;
	struct holder h;
	struct runner runners[THREADS];
	holder_init(&h);
	for (size_t i = 0; i < THREADS; i++) {
		runners[i] = (struct runner) { .holder = &h, .key = new_key(&h.c) };
	}
	assert_int_equal(race(runners, PROBLEM_ACCOUNT_DOES_NOT_EXIST), THREADS - 1);
	for (size_t i = 0; i < THREADS; i++) {
		struct id found;
		assert_int_equal(find_account(&h, runners[i].key, &found), runners[i].problem == PROBLEM_NONE ? 0 : -1);
	}
	ctx_done(&h.c);
}

static void one_of_many_accounts_gets_the_key(void **state) /* */
{
	(void) state;
	struct holder holders[THREADS];
	struct runner runners[THREADS];
	const char *key = NULL;
	for (size_t i = 0; i < THREADS; i++) {
		holder_init(&holders[i]);
		key = key == NULL ? new_key(&holders[i].c) : key;
		runners[i] = (struct runner) { .holder = &holders[i], .key = key };
	}
	assert_int_equal(race(runners, PROBLEM_KEY_CONFLICT), THREADS - 1);
	for (size_t i = 0; i < THREADS; i++) {
		ctx_done(&holders[i].c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_new_key_takes_the_place_of_the_old),
		cmocka_unit_test(a_key_in_use_is_refused),
		cmocka_unit_test(new_keys_are_judged),
		cmocka_unit_test(one_of_many_changes_is_made),
		cmocka_unit_test(one_of_many_accounts_gets_the_key),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

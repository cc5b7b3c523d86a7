/* link: ra */
/* Rate limits of key changes, revocations, challenges tried again and newAuthz, in the statements that do them. A-46, B-25. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/limits_world.h"

#define USES "SELECT count(*) FROM acme.limit_use WHERE name = '%s' AND key = '%s'"

static void assert_uses(const struct party *p, enum limit_kind kind, const char *expected)
{
	pg_assert_value(arena_printf(p->c.arena, USES, limit_info(kind)->name, p->text), expected);
}

static int change_key(struct party *p, const char *key, struct account *ret)
{
	const struct change_key_request in = { p->account.id, p->account.thumbprint, key };
	ctx_forgive(&p->c);
	return ra_change_key_serve(&p->c, &in, ret);
}

static const char *new_key(struct party *p)
{
	EVP_PKEY *key = NULL; /* the arena owns it */
	struct jwk jwk;
	assert_int_equal(key_generate(&p->c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&p->c, key, &jwk), 0);
	return jwk.canonical;
}

static void test_key_changes(void **state)
{
	(void) state;
	struct party p;
	struct party other;
	party_init(&p);
	party_init(&other);
	limit_on(LIMIT_KEY_CHANGES_PER_ACCOUNT, 2, 3600, 2);
	const char *next = NULL;
	for (int i = 0; i < 2; i++) {
		next = new_key(&p);
		struct bytes old = p.account.thumbprint;
		assert_int_equal(change_key(&p, next, &p.account), 0);
		/* the answer was lost, and the call is repeated */
		struct bytes changed = p.account.thumbprint;
		p.account.thumbprint = old;
		assert_int_equal(change_key(&p, next, &p.account), 0);
		assert_true(bytes_equal(p.account.thumbprint, changed));
		/* a key that is taken changes nothing */
		struct account unchanged;
		assert_int_equal(change_key(&p, other.account.key, &unchanged), -1);
		assert_int_equal(p.c.err.type, PROBLEM_KEY_CONFLICT);
	}
	struct account refused;
	assert_limited(&p, change_key(&p, new_key(&p), &refused), LIMIT_KEY_CHANGES_PER_ACCOUNT);
	assert_in_range(p.c.err.retry_after_s, 1790, 1800);
	assert_non_null(strstr(p.c.err.detail, arena_printf(p.c.arena,
	                                           "Too many key changes: the limit "
	                                           "KeyChangesPerAccount for account %s is 2",
	                                           p.text)));
	pg_assert_value(arena_printf(p.c.arena,
	                    "SELECT encode(thumbprint, 'hex') FROM acme.account WHERE id = "
	                    "cairn.id_of('%s')",
	                    p.text),
	    hex_encode(p.c.arena, p.account.thumbprint)); /* it is what it was */
	assert_int_equal(change_key(&other, new_key(&other), &other.account), 0);
	pass_time(p.c.arena, p.c.err.retry_after_s);
	assert_int_equal(change_key(&p, new_key(&p), &p.account), 0);
	party_done(&p);
	party_done(&other);
}

/* A certificate of the account as it stands when it was issued; its octets are a text. */
static const char *issued(struct party *p, const char *name)
{
	struct order made;
	order(p, name, &made);
	validated(p, &made, 0, true, false);
	pg_exec("cairn_owner", issue_sql(p, &made));
	pg_exec("cairn_owner", "SELECT ca.complete_issuance(id, '\\x746273' || serial, '{}', 'ca', cairn.new_id()) FROM "
	                       "ca.certificate WHERE der IS NULL");
	char *serial = pg_value("SELECT encode(serial, 'hex') FROM ca.certificate ORDER BY begun_at DESC LIMIT 1");
	const char *copy = arena_text(p->c.arena, serial);
	free(serial);
	return copy;
}

/* SQLSTATE, "" for a success. */
static const char *try_revoke(struct party *p, const char *serial, bool by_key)
{
	struct arena *a = p->c.arena;
	const char *limits =
	    by_key ? NULL : limits_for_step(a, &world_ra.limits, LIMIT_REVOCATIONS_PER_ACCOUNT, p->account.id);
	return pg_try("cairn_ra",
	    arena_printf(a,
	        "SELECT acme.revoke_certificate('\\x%s', '\\x746273' || '\\x%s'::bytea, 0, '%s', '\\x%s', %s, "
	        "'test', "
	        "cairn.new_id(), %s%s%s)",
	        serial, serial, hex_encode(a, (struct bytes) { p->account.id.b, sizeof(p->account.id.b) }),
	        hex_encode(a, p->account.thumbprint), by_key ? "true" : "false", limits == NULL ? "" : "'",
	        limits == NULL ? "NULL" : limits, limits == NULL ? "" : "'"),
	    NULL);
}

/* What fails takes nothing; a key that is compromised can always be told of. */
static void test_revocations(void **state)
{
	(void) state;
	struct party p;
	const char *serials[4];
	party_init(&p);
	for (size_t i = 0; i < COUNT_OF(serials); i++) {
		serials[i] = issued(&p, arena_printf(p.c.arena, "r%zu.test", i));
	}
	limit_on(LIMIT_REVOCATIONS_PER_ACCOUNT, 2, 3600, 2);
	assert_string_equal(try_revoke(&p, serials[0], false), "");
	assert_string_equal(try_revoke(&p, serials[0], false), "CA001"); /* alreadyRevoked */
	assert_string_equal(try_revoke(&p, "00", false), "CA001");       /* not found */
	assert_string_equal(try_revoke(&p, serials[1], false), "");
	assert_string_equal(try_revoke(&p, serials[2], false), "CA001");
	pg_assert_value(
	    arena_printf(p.c.arena, "SELECT count(*) FROM ca.revocation WHERE serial = '\\x%s'", serials[2]), "0");
	pass_time(p.c.arena, 1800);
	assert_string_equal(try_revoke(&p, serials[2], false), "");
	assert_string_equal(try_revoke(&p, serials[3], false), "CA001");
	assert_string_equal(try_revoke(&p, serials[3], true), "");
	party_done(&p);
}

/* The authorization of an order waits to be tried again; its client asked so long ago. */
static void make_wait(struct party *p, const struct order *made, int64_t asked_ms)
{
	char id[ID_TEXT_SIZE];
	id_encode(made->authorizations.v[0], id);
	pg_exec("cairn_owner", arena_printf(p->c.arena,
	                           "UPDATE acme.authz SET tried = 1, key_authorization = 'x', lease_holder = NULL, "
	                           "request_id = cairn.id_at(clock_timestamp() - interval '%lld ms'), "
	                           "lease_until = now() + interval '1 h' WHERE id = cairn.id_of('%s')",
	                           (long long) asked_ms, id));
}

static int respond(struct party *p, const struct order *made, struct authorization *ret)
{
	const struct start_challenge_request in = { .account_id = p->account.id,
		.thumbprint = p->account.thumbprint,
		.challenge_id = challenge_id(made->authorizations.v[0], 1) };
	ctx_forgive(&p->c);
	return ra_start_challenge_serve(&p->c, &in, ret);
}

/* Only a response that has a challenge tried again counts; one that is refused leaves it waiting for its own time. */
static void test_retries(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	struct authorization shown;
	party_init(&p);
	world_config.ra.process.workers = 4;
	world_config.ra.validation_lease_s = 60;
	limit_on(LIMIT_CHALLENGE_RETRIES_PER_ACCOUNT, 2, 3600, 2);
	order(&p, "a.again.test", &made);
	assert_int_equal(respond(&p, &made, &shown), 0); /* the first response */
	assert_int_equal(respond(&p, &made, &shown), 0); /* it runs */
	assert_uses(&p, LIMIT_CHALLENGE_RETRIES_PER_ACCOUNT, "0");
	for (int i = 0; i < 2; i++) {
		make_wait(&p, &made, 1001);
		assert_int_equal(respond(&p, &made, &shown), 0);
	}
	make_wait(&p, &made, 1001);
	assert_limited(&p, respond(&p, &made, &shown), LIMIT_CHALLENGE_RETRIES_PER_ACCOUNT);
	pg_assert_value("SELECT count(*) FROM acme.authz WHERE identifier_value = 'a.again.test' AND lease_holder IS NULL "
	                "AND lease_until > now() + interval '59 minutes'",
	    "1");
	pass_time(p.c.arena, 1800);
	assert_int_equal(respond(&p, &made, &shown), 0);
	assert_string_equal(shown.challenges.v[0].status, "processing");
	party_done(&p);
}

/* tries that a client asks for are a second apart, as those that meet a fault of ours use up none of the attempts. One that
 * comes too early starts nothing and takes nothing. */
static void test_hasty_retries(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	struct authorization shown;
	party_init(&p);
	limit_on(LIMIT_CHALLENGE_RETRIES_PER_ACCOUNT, 2, 3600, 2);
	order(&p, "a.hasty.test", &made);
	make_wait(&p, &made, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(respond(&p, &made, &shown), 0);
		assert_string_equal(shown.challenges.v[0].status, "processing");
	}
	pg_assert_value("SELECT count(*) FROM acme.authz WHERE identifier_value = 'a.hasty.test' AND lease_holder IS NULL "
	                "AND lease_until > now() + interval '59 minutes'",
	    "1");
	assert_uses(&p, LIMIT_CHALLENGE_RETRIES_PER_ACCOUNT, "0");
	make_wait(&p, &made, 1001);
	assert_int_equal(respond(&p, &made, &shown), 0);
	assert_uses(&p, LIMIT_CHALLENGE_RETRIES_PER_ACCOUNT, "1");
	party_done(&p);
}

static int authorize(struct party *p, const char *name, struct authorization *ret)
{
	const struct new_authorization_request in = { p->account.id, p->account.thumbprint, { "dns", name } };
	ctx_forgive(&p->c);
	p->c.request_id = id_new();
	return ra_new_authorization_serve(&p->c, &in, ret);
}

/* newAuthz has its own limit, and minds those on failures as newOrder does. */
static void test_authorizations(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	struct authorization shown;
	party_init(&p);
	limit_on(LIMIT_NEW_ORDERS_PER_ACCOUNT, 9, 3600, 9);
	limit_on(LIMIT_NEW_AUTHORIZATIONS_PER_ACCOUNT, 2, 3600, 2);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS, 1, 3600, 1);
	limit_on(LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING, 1, 86400, 2);
	order(&p, "a.early.test", &made);
	validated(&p, &made, 0, false, false);
	assert_limited(&p, authorize(&p, "a.early.test", &shown), LIMIT_FAILED_AUTHORIZATIONS);
	pass_time(p.c.arena, 3600);
	order(&p, "a.early.test", &made);
	validated(&p, &made, 0, false, false);
	assert_int_equal(authorize(&p, "a.early.test", &shown), -1);
	assert_int_equal(p.c.err.type, PROBLEM_RATE_LIMITED);
	assert_string_equal(p.c.err.rule, limit_info(LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING)->name);
	assert_non_null(strstr(p.c.err.instance, "/unpause?ticket="));
	assert_int_equal(authorize(&p, "-bad-.test", &shown), -1);
	assert_uses(&p, LIMIT_NEW_AUTHORIZATIONS_PER_ACCOUNT, "0");
	assert_int_equal(authorize(&p, "b.early.test", &shown), 0);
	assert_int_equal(authorize(&p, "c.early.test", &shown), 0);
	assert_limited(&p, authorize(&p, "d.early.test", &shown), LIMIT_NEW_AUTHORIZATIONS_PER_ACCOUNT);
	order(&p, "d.early.test", &made);
	party_done(&p);
}

/* B-25: whose the default profile is not proves no names for it. */
static void test_allow_list(void **state)
{
	(void) state;
	struct party p;
	struct party other;
	struct authorization shown;
	party_init(&p);
	party_init(&other);
	world_profile.accounts = (struct text_list) { &p.text, 1 };
	assert_int_equal(authorize(&p, "listed.test", &shown), 0);
	assert_int_equal(authorize(&other, "listed.test", &shown), -1);
	assert_int_equal(other.c.err.type, PROBLEM_UNAUTHORIZED);
	assert_non_null(strstr(other.c.err.detail, "profile"));
	const struct config_profile_list before = world_config.policy.profiles;
	struct config_profile both[] = { before.v[0], before.v[0], before.v[0] };
	both[1].withdrawn = true;
	both[1].accounts.n = 0;
	both[2].accounts.n = 0;
	world_config.policy.profiles = (struct config_profile_list) { both, 2 };
	assert_int_equal(authorize(&other, "listed.test", &shown), -1);
	world_config.policy.profiles.n = 3; /* he may order by this one */
	assert_int_equal(authorize(&other, "listed.test", &shown), 0);
	assert_int_equal(authorize(&other, "-bad-.test", &shown), -1);
	assert_int_equal(other.c.err.type, PROBLEM_REJECTED_IDENTIFIER);
	world_config.policy.profiles = before;
	world_profile.accounts.n = 0;
	party_done(&p);
	party_done(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_key_changes, world_fresh),
		cmocka_unit_test_setup(test_revocations, world_fresh),
		cmocka_unit_test_setup(test_retries, world_fresh),
		cmocka_unit_test_setup(test_hasty_retries, world_fresh),
		cmocka_unit_test_setup(test_authorizations, world_fresh),
		cmocka_unit_test_setup(test_allow_list, world_fresh),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

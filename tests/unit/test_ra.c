/* link: ra */
/* The registration authority on a real database, all but finalize (test_finalize.c).
 * A-51..A-54, A-60, A-61, A-63, A-73, A-80, A-81, A-84, A-92, A-94, A-99, A-101, A-124..A-130. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

#include <cmocka.h>

#include "lib/crypto/authority.h"
#include "policy/decide.h"
#include "ra/evidence.h"
#include "tests/unit/chance.h"
#include "tests/unit/ra_world.h"

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
	assert_int_equal(order_one(&f, "a.ready.test", &second), 0);
	assert_string_equal(second.status, "ready");
	assert_true(id_equal(second.authorizations.v[0], order.authorizations.v[1]));
	const char *mixed[] = { "c.ready.test", "a.ready.test" };
	assert_int_equal(order_names(&f, mixed, 2, &second), 0);
	assert_string_equal(second.status, "pending");
	assert_true(id_equal(second.authorizations.v[1], order.authorizations.v[1]));
	validate(&f, &second, 0);
	assert_string_equal(order_status(&f, second.id), "ready");
	int before = va_calls;
	assert_int_equal(start(&f, a.challenges.v[0].id, 1000, &a), 0);
	assert_int_equal(va_calls, before);
	ctx_done(&f.c);
}

static const char *json_of(struct fixture *f, const struct authorization *a)
{
	struct bytes text = fields_to_json(f->c.arena, &authorization_fields, a);
	return arena_text_n(f->c.arena, text.p, text.n);
}

/* What newOrder tells of the authorizations that it made is what the database has, to the octet; of those that are used
 * again it tells nothing. */
static void test_fresh_is_the_record(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct authorization stored;
	const char *names[] = { "one.fresh.test", "two.fresh.test" };
	fixture_init(&f);
	assert_int_equal(order_names(&f, names, 2, &order), 0);
	assert_int_equal(order.fresh.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(id_equal(order.fresh.v[i].id, order.authorizations.v[i]));
		assert_int_equal(ra_read_authorization(&f.c, order.authorizations.v[i], &stored), 0);
		assert_string_equal(json_of(&f, &order.fresh.v[i]), json_of(&f, &stored));
	}
	validate(&f, &order, 0);
	struct id kept = order.authorizations.v[0];
	names[1] = "three.fresh.test";
	assert_int_equal(order_names(&f, names, 2, &order), 0);
	assert_true(id_equal(order.authorizations.v[0], kept));
	assert_int_equal(order.fresh.n, 1);
	assert_true(id_equal(order.fresh.v[0].id, order.authorizations.v[1]));
	ctx_done(&f.c);
}

/* An answer that was held back until the record is what the database has, to the octet. */
static void test_answer_is_the_record(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct authorization answered;
	struct authorization stored;
	const char *names[] = { "answer.test" };
	fixture_init(&f);
	assert_int_equal(order_names(&f, names, 1, &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	assert_int_equal(start(&f, a.challenges.v[0].id, 5000, &answered), 0);
	assert_int_equal(ra_read_authorization(&f.c, a.id, &stored), 0);
	assert_string_equal(answered.status, "valid");
	assert_string_equal(json_of(&f, &answered), json_of(&f, &stored));
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
	/* that nobody answered is on record too */
	pg_assert_value("SELECT passed || problem || detail FROM log.validation WHERE identifier_value = 'dead.test' "
	                "ORDER BY id LIMIT 1",
	    "falseSERVER_INTERNALNo answer of the validation authority: nobody answers");
	ctx_done(&f.c);
}

static void contradicts(struct validation_result *r)
{
	r->passed = false;
	r->fault = true;
	r->problem = (struct problem_record) { .type = "SERVER_INTERNAL", .detail = decide_contradiction().detail };
}

static void shows_nothing(struct validation_result *r)
{
	r->attempts.n = 0;
	r->resolutions.n = 0;
}

static void is_no_text(struct validation_result *r)
{
	r->perspective = "\xff";
}

/* Issue 4.6: what is wrong with us again and again is no fault that passes: nobody waits for it until the authorization expires. A fault of another
 * kind between does not count, and none of it is the client's failure by any limit. */
static void test_a_contradiction_ends(void **state)
{
	static const struct {
		const char *name;
		void (*adds)(struct validation_result *r); /* NULL: it is refused as a whole */
		const char *detail;
	} kinds[] = {
		{ "contradicts.test", contradicts, "The record of the validation contradicts itself" },
		{ "shows-nothing.test", shows_nothing, "The answer is not on record" },
		{ "no-record.test", is_no_text, "The database takes no record of this validation" },
		{ "refused-whole.test", NULL, "The validation authority can''t validate this: not by this method" },
	};
	(void) state;
	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		struct fixture f;
		struct order order;
		fixture_init(&f);
		assert_int_equal(order_one(&f, kinds[k].name, &order), 0);
		struct authorization a = authorization_of(&f, &order, 0);
		for (int i = 0; i < 20 && strcmp(a.status, "pending") == 0; i++) {
			va_does = i == 2 ? VA_FAULTS : kinds[k].adds == NULL ? VA_CANT : VA_PASSES;
			va_adds = i == 2 ? NULL : kinds[k].adds;
			(void) start(&f, a.challenges.v[0].id, 3000, &a);
			a = authorization_of(&f, &order, 0);
		}
		va_adds = NULL;
		assert_string_equal(a.status, "invalid");
		pg_assert_value(
		    arena_printf(f.c.arena,
		        "SELECT count(*) FILTER (WHERE detail = '%s') || ' ' || count(*) FILTER (WHERE detail IS NULL) > "
		        "'5 0' FROM log.validation WHERE identifier_value = '%s'",
		        kinds[k].detail, kinds[k].name),
		    "t");
		assert_string_equal(a.challenges.v[0].error.type, "SERVER_INTERNAL");
		assert_non_null(strstr(a.challenges.v[0].error.detail, "validated 5 times"));
		assert_string_equal(order_status(&f, order.id), "invalid");
		const char *told = arena_printf(f.c.arena,
		    "SELECT (e.facts->>'why') = '%s' FROM log.event e JOIN log.validation v ON e.facts->>'validation' = "
		    "v.id::text "
		    "WHERE e.kind = 'validation.refused' AND v.identifier_value = '%s' ORDER BY e.id DESC LIMIT 1",
		    kinds[k].detail, kinds[k].name);
		pg_assert_value(told, "t");
		ctx_done(&f.c);
	}
}

/* Where several processes have a part in the defect it has to go on for ten minutes: one of them may just be started anew. */
static void test_a_contradiction_of_others_ends_later(void **state)
{
	static const char *const kinds[] = {
		"'The network perspectives that are configured have not all been asked, or do not agree', ",
		"'Too few of the network perspectives could look', ",
	};
	(void) state;
	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		for (int first_min = 9; first_min <= 11; first_min += 2) {
			struct fixture f;
			struct order order;
			fixture_init(&f);
			const char *name = arena_printf(f.c.arena, "others-%zu-%d.test", k, first_min);
			va_does = VA_IS_DEAD;
			assert_int_equal(order_one(&f, name, &order), 0);
			for (int i = 0; i < 6; i++) {
				struct authorization a = authorization_of(&f, &order, 0);
				assert_string_equal(a.status, i < 5 || first_min < 10 ? "pending" : "invalid");
				pg_exec("postgres",
				    arena_printf(f.c.arena,
				        "UPDATE acme.authz SET tried = 1, lease_holder = 'h', lease_until = now() + interval '1 h' "
				        "WHERE identifier_value = '%s' AND ended IS NULL",
				        name));
				pg_exec("cairn_ra",
				    arena_printf(f.c.arena,
				        "SELECT acme.record_validation(cairn.new_id(), a.id, 1, 'h', cairn.new_id(), 'r', 'p', false, "
				        "'SERVER_INTERNAL', %s NULL, 'off', NULL, NULL, NULL, now() - interval '%d min', now(), "
				        "sha256('a') || sha256('b'), sha256('s'), " PG_RESOLUTIONS ", " PG_ATTEMPTS
				        ", now() + interval '1 day', 1, true, NULL, NULL, ARRAY[r.id], NULL, "
				        "jsonb_build_array(jsonb_build_object('id', r.id, 'perspective', 'far', 'passed', false, "
				        "'dcv', "
				        "false, 'problem', 'SERVER_INTERNAL', 'detail', '%s', 'dnssec', 'off', 'started_at', now() - "
				        "interval '%d min', 'ended_at', now(), 'commitments', repeat('0', 128), 'salt', repeat('0', "
				        "64), "
				        "'resolutions', " PG_RESOLUTIONS ", 'attempts', " PG_ATTEMPTS "))) "
				        "FROM acme.authz a, (SELECT cairn.new_id() AS id) r WHERE identifier_value = '%s'",
				        kinds[k], i == 0 ? first_min : 0,
				        k == 0 ? "away" : "The record of the validation contradicts itself", i == 0 ? first_min : 0,
				        name));
			}
			ctx_done(&f.c);
		}
	}
}

/* An authorization that ran out of time while it was validated is invalid for good, whatever is found then. */
static void test_expired_while_validated(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	va_does = VA_IS_DEAD;
	assert_int_equal(order_one(&f, "slow.test", &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	assert_int_equal(start(&f, a.challenges.v[0].id, 0, &a), 0);
	pg_exec("postgres", "UPDATE acme.authz SET lease_holder = 'h', expires_at = now() - interval '1 s' "
	                    "WHERE identifier_value = 'slow.test'");
	pg_exec("cairn_ra",
	    "SELECT acme.record_validation(cairn.new_id(), a.id, 1, 'h', cairn.new_id(), 'r', 'p', true, NULL, "
	    "NULL, NULL, 'off', NULL, sha256('x'), 1, now(), now(), sha256('a') || sha256('b'), "
	    "sha256('s'), " PG_RESOLUTIONS ", " PG_ATTEMPTS
	    ", now() + interval '1 day', NULL, false) FROM acme.authz a WHERE identifier_value = 'slow.test'");
	pg_assert_value("SELECT validation_id IS NULL FROM acme.authz WHERE identifier_value = 'slow.test'", "t");
	pg_assert_value("SELECT count(*) FROM log.validation WHERE identifier_value = 'slow.test' AND passed", "1");
	a = authorization_of(&f, &order, 0);
	assert_string_equal(a.status, "invalid");
	assert_string_equal(a.challenges.v[0].status, "invalid");
	assert_string_equal(a.challenges.v[0].error.detail, "The authorization expired");
	/* and nobody validates it again */
	char *lease = NULL;
	for (int i = 0; i < 50 && (lease = pg_value("SELECT 1 FROM acme.authz WHERE lease_holder = 'h'")) != NULL; i++) {
		free(lease);
		usleep(100000);
	}
	assert_null(lease);
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

/* another response is a try at once, with the attempts that are left; each failed one is shown. */
static void test_client_asks_for_a_retry(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	test_config.ra.validation_attempts = 3;
	va_does = VA_REFUSES;
	assert_int_equal(order_one(&f, "early.test", &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(start(&f, a.challenges.v[0].id, 3000, &a), 0);
		assert_string_equal(a.challenges.v[0].status, i < 2 ? "processing" : "invalid");
		assert_int_equal(a.challenges.v[0].error.subproblems.n, i == 0 ? 0 : i + 1);
	}
	assert_int_equal(va_calls, 3);
	assert_int_equal(start(&f, a.challenges.v[0].id, 0, &a), -1);
	ctx_done(&f.c);
}

/* ---- revocation ---- */

static int revoke_one(struct fixture *f, struct bytes der, int64_t reason, const char *certificate_key)
{
	struct revoke_certificate_request in = {
		.certificate = der, .has_reason = reason >= 0, .reason = reason, .certificate_key = certificate_key
	};
	if (certificate_key == NULL) {
		in.account_id = f->account.id;
		in.thumbprint = f->account.thumbprint;
	}
	struct revoke_certificate_response response;
	ctx_forgive(&f->c);
	return ra_revoke_certificate_serve(&f->c, &in, &response);
}

static void assert_revoke_fails(
    struct fixture *f, struct bytes der, int64_t reason, const char *certificate_key, enum problem expected)
{
	assert_int_equal(revoke_one(f, der, reason, certificate_key), -1);
	if (f->c.err.type != expected) {
		fail_msg("%s: %s", problem_info(f->c.err.type)->name, f->c.err.detail);
	}
}

/* A certificate in the database as the CA leaves it; it is one of the internal kind, which is all the same here. */
static struct authority record_certificate(struct fixture *f, const char *name)
{
	struct authority ca;
	struct authority cert;
	ctx_forgive(&f->c);
	assert_int_equal(authority_make_rpc_ca(&f->c, &ca), 0);
	assert_int_equal(authority_make_rpc(&f->c, &ca, name, &cert), 0);
	char account[ID_TEXT_SIZE];
	id_encode(f->account.id, account);
	const char *sql = arena_printf(f->c.arena,
	    "INSERT INTO ca.issuer VALUES ('i', '\\x00', '\\x00', '', 'u', 'a', true) ON CONFLICT DO NOTHING; "
	    "WITH n AS (SELECT cairn.new_id() AS id, (SELECT id FROM acme.account WHERE thumbprint = '\\x%s') AS account, "
	    "'\\x%s'::bytea AS serial), s AS (INSERT INTO ca.serial SELECT serial, id FROM n) "
	    "INSERT INTO ca.certificate (id, order_id, account_id, issuer, serial, profile, crl_shard, der, names, "
	    "validations, not_before, not_after, begun_at, signed_at, spki_sha256) "
	    "SELECT id, id, account, 'i', serial, 'classic', 0, '\\x%s', ARRAY['%s'], '{}', now(), now() + interval '1 "
	    "day', now(), now(), sha256('\\x%s') FROM n",
	    hex_encode(f->c.arena, f->account.thumbprint), hex_encode(f->c.arena, cert.info.serial),
	    hex_encode(f->c.arena, cert.der), name, hex_encode(f->c.arena, cert.info.spki));
	pg_exec("postgres", sql);
	return cert;
}

static void test_revoke(void **state) /* A-124..A-130, E-13, E-14 */
{
	(void) state;
	struct fixture f;
	struct fixture g;
	struct jwk own;
	struct order order;
	fixture_init(&f);
	fixture_init(&g);
	struct authority cert = record_certificate(&f, "revoke.test");
	assert_int_equal(jwk_of_key(&f.c, cert.key, &own), 0);
	struct new_account_response r;
	assert_int_equal(new_account(&f.c, own.canonical, true, false, &r), -1); /* F-25 */
	assert_int_equal(f.c.err.type, PROBLEM_BAD_PUBLIC_KEY);
	assert_string_equal(f.c.err.detail, "The key is that of a certificate; make a new one for the account");
	assert_string_equal(f.c.err.rule, "key.of-certificate");
	ctx_forgive(&f.c);
	static const int64_t refused[] = { 2, 6, 7, 8, 9, 10, 11, 99 };
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		assert_revoke_fails(&f, cert.der, refused[i], NULL, PROBLEM_BAD_REVOCATION_REASON);
	}
	assert_revoke_fails(&g, cert.der, -1, NULL, PROBLEM_UNAUTHORIZED);
	assert_revoke_fails(&f, cert.der, -1, g.jwk.canonical, PROBLEM_UNAUTHORIZED); /* another key */
	struct bytes flipped = arena_bytes(f.c.arena, cert.der.p, cert.der.n);
	((uint8_t *) (uintptr_t) flipped.p)[flipped.n - 1] ^= 1;
	assert_revoke_fails(&f, flipped, -1, NULL, PROBLEM_NOT_FOUND); /* octet for octet */
	/* who holds authorizations for all names may */
	assert_int_equal(order_one(&g, "revoke.test", &order), 0);
	validate(&g, &order, 0);
	g.c.request_id = id_new();
	assert_int_equal(revoke_one(&g, cert.der, 4, NULL), 0);
	assert_int_equal(revoke_one(&g, cert.der, 4, NULL), 0); /* the same request once more, as after a lost answer */
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'certificate.revoked'", "1");
	pg_assert_value(
	    "SELECT revoked_by || reason FROM ca.revocation ORDER BY revoked_at DESC LIMIT 1", "authorizations4");
	assert_revoke_fails(&f, cert.der, -1, NULL, PROBLEM_ALREADY_REVOKED); /* */
	/* E-14: a proof of compromise is stronger, and burns the key (E-13) */
	assert_int_equal(revoke_one(&f, cert.der, -1, own.canonical), 0);
	pg_assert_value(
	    "SELECT revoked_by || reason FROM ca.revocation ORDER BY revoked_at DESC LIMIT 1", "certificate-key1");
	assert_revoke_fails(&f, cert.der, -1, own.canonical, PROBLEM_ALREADY_REVOKED);
	ctx_forgive(&f.c);
	assert_int_equal(new_account(&f.c, own.canonical, true, false, &r), -1);
	assert_string_equal(f.c.err.detail, "The key is known to be compromised"); /* A-24, F-24 */
	assert_string_equal(f.c.err.rule, "key.compromised");
	ctx_done(&f.c);
	ctx_done(&g.c);
}

/* of a hundred thousand tokens none comes twice, each has 256 bits in base64url without padding, and each bit is as good as
 * chance, also between the challenges of one authorization. */
static void test_tokens(void **state)
{
	(void) state;
	enum { N = 34000, EACH = 3, OCTETS = 32 };
	const struct identifier name = { "dns", "tokens.test" };
	uint8_t *rows = malloc((size_t) N * EACH * OCTETS);
	assert_non_null(rows);
	for (size_t i = 0; i < N; i++) {
		struct arena *a = arena_new();
		const char *types = NULL;
		const char *tokens = NULL;
		ra_offer_challenges(a, &name, true, &types, &tokens);
		assert_int_equal(strlen(tokens), EACH * 43 + EACH - 1);
		for (size_t k = 0; k < EACH; k++) {
			struct bytes octets;
			assert_int_equal(base64url_decode(a, (struct bytes) { (const uint8_t *) tokens + k * 44, 43 }, &octets), 0);
			assert_int_equal(octets.n, OCTETS);
			memcpy(rows + (i * EACH + k) * OCTETS, octets.p, OCTETS);
		}
		arena_free(a);
	}
	assert_chance(rows, (size_t) N * EACH, OCTETS, 0);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_account, setup),
		cmocka_unit_test_setup(test_account_refusals, setup),
		cmocka_unit_test_setup(test_account_race, setup),
		cmocka_unit_test_setup(test_deactivation, setup),
		cmocka_unit_test_setup(test_order_to_ready, setup),
		cmocka_unit_test_setup(test_fresh_is_the_record, setup),
		cmocka_unit_test_setup(test_answer_is_the_record, setup),
		cmocka_unit_test_setup(test_failed_validation, setup),
		cmocka_unit_test_setup(test_faults_are_tried_again, setup),
		cmocka_unit_test_setup(test_a_contradiction_ends, setup),
		cmocka_unit_test_setup(test_a_contradiction_of_others_ends_later, setup),
		cmocka_unit_test_setup(test_expired_while_validated, setup),
		cmocka_unit_test_setup(test_client_failure_is_retried, setup),
		cmocka_unit_test_setup(test_client_asks_for_a_retry, setup),
		cmocka_unit_test_setup(test_foreign_and_absent, setup),
		cmocka_unit_test_setup(test_revoke, setup),
		cmocka_unit_test_setup(test_tokens, setup),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

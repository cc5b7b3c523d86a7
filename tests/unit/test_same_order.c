/* link: ra */
/* newOrder gives an order again that is there for the same, and never one for something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ra_world.h"

#define HOUR_US INT64_C(3600000000)

static struct config_profile two_profiles[2];

/* Two profiles, which differ in their names only. */
static int fresh(void **state)
{
	two_profiles[0] = profile;
	two_profiles[1] = profile;
	two_profiles[1].name = "other";
	test_config.policy.profiles.v = two_profiles;
	test_config.policy.profiles.n = 2;
	test_config.policy.challenges = (struct text_list) { 0 };
	return setup(state);
}

static struct new_order_request request_of(struct fixture *f, const char *names)
{
	struct identifier *v = ARENA_ARRAY(f->c.arena, 4, struct identifier);
	size_t n = 0;
	for (const char *at = names; *at != '\0'; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		v[n++] = (struct identifier) { "dns", arena_text_n(f->c.arena, at, length) };
		at += length;
	}
	return (struct new_order_request) {
		.account_id = f->account.id, .thumbprint = f->account.thumbprint, .identifiers = { v, n }
	};
}

static struct order ask(struct fixture *f, const struct new_order_request *in)
{
	struct order made;
	ctx_forgive(&f->c);
	f->c.request_id = id_new();
	if (ra_new_order_serve(&f->c, in, &made) != 0) {
		fail_msg("%s (%s)", f->c.err.detail, f->c.err.cause);
	}
	return made;
}

static struct order ask_names(struct fixture *f, const char *names)
{
	struct new_order_request in = request_of(f, names);
	return ask(f, &in);
}

static void assert_same(const struct order *a, const struct order *b)
{
	assert_true(id_equal(a->id, b->id));
	assert_int_equal(a->authorizations.n, b->authorizations.n);
	for (size_t i = 0; i < a->authorizations.n; i++) {
		assert_true(id_equal(a->authorizations.v[i], b->authorizations.v[i]));
		assert_string_equal(a->identifiers.v[i].value, b->identifiers.v[i].value);
	}
	assert_int_equal(a->expires_at.us, b->expires_at.us);
	assert_int_equal(a->not_before.us, b->not_before.us);
	assert_int_equal(a->not_after.us, b->not_after.us);
	assert_string_equal(a->profile, b->profile);
}

static void assert_other(const struct order *a, const struct order *b)
{
	assert_false(id_equal(a->id, b->id));
}

/* The request's record leads to the order that it was given (no audit, no issuance). */
static void assert_on_record(struct fixture *f, const struct order *order, const char *kind)
{
	pg_assert_value(
	    arena_printf(f->c.arena,
	        "SELECT count(*) FROM log.event WHERE kind = '%s' AND actor = 'account' AND request_id = %s "
	        "AND account_id = %s AND order_id = %s",
	        kind, world_uuid(&f->c, f->c.request_id), world_uuid(&f->c, f->account.id), world_uuid(&f->c, order->id)),
	    "1");
}

static void the_same_is_given_again(void **state) /* */
{
	(void) state;
	struct fixture f;
	fixture_init(&f);
	struct order first = ask_names(&f, "a.same.test b.same.test");
	assert_int_equal(first.fresh.n, 2);
	assert_on_record(&f, &first, "order.created");
	struct order again = ask_names(&f, "a.same.test b.same.test");
	assert_same(&first, &again);
	assert_string_equal(again.status, "pending");
	assert_int_equal(again.fresh.n, 0); /* they may have changed since */
	assert_on_record(&f, &again, "order.given_again");
	again = ask_names(&f, "B.same.test a.same.test A.SAME.test"); /* the same set; shown as it stands */
	assert_same(&first, &again);
	validate(&f, &first, 0);
	again = ask_names(&f, "a.same.test b.same.test");
	assert_same(&first, &again);
	assert_string_equal(again.status, "pending");
	validate(&f, &first, 1);
	again = ask_names(&f, "a.same.test b.same.test");
	assert_same(&first, &again);
	assert_string_equal(again.status, "ready");
	pg_assert_value("SELECT count(*) FROM acme.orders WHERE 'a.same.test' = ANY (identifier_values)", "1");
	ctx_done(&f.c);
}

static void what_differs_is_another(void **state) /* */
{
	(void) state;
	struct fixture f;
	struct fixture g;
	fixture_init(&f);
	fixture_init(&g);
	const int64_t now_us = clock_now().us;
	const struct new_order_request plain = request_of(&f, "a.vary.test b.vary.test");
	struct new_order_request in[10];
	struct order made[COUNT_OF(in)];
	for (size_t i = 0; i < COUNT_OF(in); i++) {
		in[i] = plain;
	}
	in[1] = request_of(&g, "a.vary.test b.vary.test");
	in[2] = request_of(&f, "a.vary.test");
	in[3] = request_of(&f, "a.vary.test b.vary.test c.vary.test");
	in[4] = request_of(&f, "a.vary.test *.b.vary.test");
	in[5].profile = "other";
	in[6].not_before.us = now_us + HOUR_US;
	in[7].not_before.us = now_us + 2 * HOUR_US;
	in[8].not_after.us = now_us + 48 * HOUR_US;
	in[9].not_before.us = in[6].not_before.us;
	in[9].not_after.us = in[8].not_after.us;
	for (size_t i = 0; i < COUNT_OF(in); i++) {
		made[i] = ask(i == 1 ? &g : &f, &in[i]);
		for (size_t k = 0; k < i; k++) {
			assert_other(&made[k], &made[i]);
		}
	}
	for (size_t i = 0; i < COUNT_OF(in); i++) {
		struct order again = ask(i == 1 ? &g : &f, &in[i]);
		assert_same(&made[i], &again);
	}
	struct new_order_request named = plain; /* the default profile, by its name */
	named.profile = "classic";
	struct order again = ask(&f, &named);
	assert_same(&made[0], &again);
	ctx_done(&g.c);
	ctx_done(&f.c);
}

/* What was proved since for another order is not asked for again. */
static void one_that_a_new_one_would_be_better_than(void **state) /* */
{
	(void) state;
	struct fixture f;
	fixture_init(&f);
	struct order idle = ask_names(&f, "m.better.test");
	struct order two = ask_names(&f, "m.better.test n.better.test");
	struct order three = ask_names(&f, "m.better.test o.better.test *.m.better.test");
	validate(&f, &two, 1); /* its authorization is of another name */
	struct order again = ask_names(&f, "m.better.test");
	assert_same(&idle, &again);
	validate(&f, &two, 0);
	struct order ready = ask_names(&f, "m.better.test");
	assert_other(&idle, &ready);
	assert_string_equal(ready.status, "ready");
	assert_true(id_equal(ready.authorizations.v[0], two.authorizations.v[0]));
	again = ask_names(&f, "m.better.test");
	assert_same(&ready, &again);
	struct order part = ask_names(&f, "m.better.test o.better.test *.m.better.test");
	assert_other(&three, &part);
	assert_string_equal(part.status, "pending");
	again = ask_names(&f, "m.better.test o.better.test *.m.better.test"); /* nothing of it could be better */
	assert_same(&part, &again);
	ctx_done(&f.c);
}

static void set_order(struct fixture *f, const struct order *order, const char *change)
{
	pg_exec("cairn_owner",
	    arena_printf(f->c.arena, "UPDATE acme.orders SET %s WHERE id = %s", change, world_uuid(&f->c, order->id)));
}

static void set_authz(struct fixture *f, const struct order *order, const char *change)
{
	pg_exec("cairn_owner", arena_printf(f->c.arena, "UPDATE acme.authz SET %s WHERE id = %s", change,
	                           world_uuid(&f->c, order->authorizations.v[0])));
}

/* What a client could not use as it could a new one: other methods are offered now, or one was chosen and may still fail. */
static void methods_have_to_be_open(void **state) /* B-32 */
{
	(void) state;
	struct fixture f;
	struct authorization shown;
	const char *offered[] = { "http-01" };
	fixture_init(&f);
	struct order first = ask_names(&f, "a.open.test");
	test_config.policy.challenges = (struct text_list) { offered, 1 };
	struct order second = ask_names(&f, "a.open.test");
	assert_other(&first, &second);
	test_config.ra.validation_attempts = 2;
	va_does = VA_REFUSES;
	struct authorization a = authorization_of(&f, &second, 0);
	assert_int_equal(start(&f, a.challenges.v[0].id, 5000, &shown), 0);
	assert_string_equal(order_status(&f, second.id), "pending"); /* it is tried again */
	struct order third = ask_names(&f, "a.open.test");
	assert_other(&second, &third);
	va_does = VA_PASSES;
	validate(&f, &third, 0);
	struct order fourth = ask_names(&f, "a.open.test");
	assert_same(&third, &fourth);
	assert_string_equal(fourth.status, "ready");
	set_authz(&f, &third, "challenge_types = '{dns-persist-01}'"); /* B-32: its record is looked up for each newOrder */
	fourth = ask_names(&f, "a.open.test");
	assert_other(&third, &fourth);
	assert_string_equal(fourth.status, "pending");
	ctx_done(&f.c);
}

static void only_pending_and_ready_ones(void **state) /* */
{
	(void) state;
	static const struct {
		const char *of_order;
		const char *of_authz;
		const char *status;
	} ends[] = {
		{ "error = '{\"type\":\"UNAUTHORIZED\",\"detail\":\"x\"}'", NULL, "invalid" },
		{ "expires_at = now()", NULL, "invalid" },
		{ "certificate_id = cairn.new_id()", NULL, "processing" },
		{ NULL, "ended = 'invalid'", "invalid" },
		{ NULL, "ended = 'deactivated'", "invalid" },
		{ NULL, "expires_at = now()", "invalid" },
	};
	struct fixture f;
	fixture_init(&f);
	struct order last = ask_names(&f, "a.end.test");
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		if (ends[i].of_order != NULL) {
			set_order(&f, &last, ends[i].of_order);
		} else {
			set_authz(&f, &last, ends[i].of_authz);
		}
		assert_string_equal(order_status(&f, last.id), ends[i].status);
		struct order next = ask_names(&f, "a.end.test");
		assert_other(&last, &next);
		assert_string_equal(next.status, "pending");
		last = next;
	}
	ctx_done(&f.c);
}

/* One that has less than half of its life left is not given again: the client would have less time than others. */
static void one_that_is_about_to_expire(void **state) /* */
{
	(void) state;
	struct fixture f;
	fixture_init(&f);
	struct order first = ask_names(&f, "a.late.test");
	set_order(&f, &first, "expires_at = now() + interval '3 d 12 h 1 min'"); /* of seven days */
	struct order again = ask_names(&f, "a.late.test");
	assert_true(id_equal(again.id, first.id));
	set_order(&f, &first, "expires_at = now() + interval '3 d 11 h 59 min'");
	again = ask_names(&f, "a.late.test");
	assert_other(&first, &again);
	ctx_done(&f.c);
}

/* The newest one counts, where there are several. */
static void orders_of_before(void **state)
{
	(void) state;
	struct fixture f;
	fixture_init(&f);
	struct order first = ask_names(&f, "a.old.test");
	set_order(&f, &first, "same = NULL"); /* as one that was made before there was a digest */
	struct order second = ask_names(&f, "a.old.test");
	assert_other(&first, &second);
	pg_exec(
	    "cairn_owner", arena_printf(f.c.arena,
	                       "UPDATE acme.orders SET same = (SELECT same FROM acme.orders WHERE id = %s) WHERE id = %s",
	                       world_uuid(&f.c, second.id), world_uuid(&f.c, first.id)));
	struct order again = ask_names(&f, "a.old.test");
	assert_same(&second, &again);
	ctx_done(&f.c);
}

/* Many that have ended cost no more than one: a digest's newest order alone is judged. */
static void dead_orders_cost_nothing(void **state) /* */
{
	(void) state;
	struct fixture f;
	fixture_init(&f);
	struct order first = ask_names(&f, "a.dead.test");
	const char *id = world_uuid(&f.c, first.id);
	pg_exec("cairn_owner",
	    arena_printf(f.c.arena,
	        "INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, "
	        "expires_at, same, error) SELECT cairn.new_id(), account_id, identifier_types, identifier_values, "
	        "authorizations, profile, expires_at, same, '{}' FROM acme.orders, generate_series(1, 2000) WHERE id = %s; "
	        "ANALYZE acme.orders",
	        id));
	pg_assert_value(
	    arena_printf(f.c.arena,
	        "SELECT count(*) FROM acme.orders o, acme.same_order(o.same, o.account_id, o.identifier_types, "
	        "o.identifier_values, o.profile, NULL, NULL, NULL, now() + interval '84 h') WHERE o.id = %s; "
	        "SELECT CASE WHEN sum(seq_tup_read + idx_tup_fetch) BETWEEN 2 AND 20 THEN 'few' ELSE "
	        "sum(seq_tup_read + idx_tup_fetch)::text END FROM pg_stat_xact_user_tables WHERE schemaname = 'acme'",
	        id),
	    "few");
	struct order again = ask_names(&f, "a.dead.test");
	assert_other(&first, &again);
	struct order last = ask_names(&f, "a.dead.test");
	assert_same(&again, &last);
	ctx_done(&f.c);
}

/* Digests of one beginning do not make orders alike. */
static void a_digest_alone_is_not_enough(void **state) /* */
{
	(void) state;
	struct fixture f;
	struct fixture g;
	fixture_init(&f);
	fixture_init(&g);
	struct order mine = ask_names(&f, "a.clash.test");
	struct new_order_request in = request_of(&f, "b.clash.test");
	in.profile = "other";
	struct order theirs = ask(&f, &in);
	struct order foreign = ask_names(&g, "a.clash.test");
	pg_exec("cairn_owner", "UPDATE acme.orders SET same = 7 WHERE identifier_values[1] LIKE '%.clash.test'");
	const struct {
		const struct fixture *of;
		const char *name;
		const char *profile;
		const struct order *expected;
	} cases[] = {
		{ &f, "a.clash.test", "classic", &mine },
		{ &f, "b.clash.test", "other", &theirs },
		{ &g, "a.clash.test", "classic", &foreign },
		{ &f, "b.clash.test", "classic", NULL },
		{ &g, "b.clash.test", "other", NULL },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *found = NULL;
		assert_int_equal(world_ask(&f.c, "cairn_ra",
		                     arena_printf(f.c.arena,
		                         "SELECT replace(id::text, '-', '') FROM acme.same_order(7, %s, '{dns}', '{%s}', '%s', "
		                         "NULL, NULL, NULL, now() + interval '84 h')",
		                         world_uuid(&f.c, cases[i].of->account.id), cases[i].name, cases[i].profile),
		                     &found),
		    0);
		assert_string_equal(found,
		    cases[i].expected == NULL ? "" : hex_encode(f.c.arena, (struct bytes) { cases[i].expected->id.b, 16 }));
	}
	ctx_done(&g.c);
	ctx_done(&f.c);
}

/* The name of a certificate of the account, by which its replacement is ordered. */
static const char *issue_one(struct fixture *f, const char *name)
{
	const char *text = NULL;
	struct order order = ask_names(f, name);
	validate(f, &order, 0);
	struct id id = id_new();
	pg_exec("cairn_owner",
	    arena_printf(f->c.arena,
	        "UPDATE acme.orders SET certificate_id = %s WHERE id = %s; INSERT INTO ca.serial VALUES ('\\x01' || "
	        "substr(sha256('%s'), 1, 15), %s); "
	        "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	        "profile, serial, spki_sha256, names, validations, der, signed_at) VALUES (%s, %s, %s, now(), now() + "
	        "interval '90 d', now(), 0, 'e1', 'classic', '\\x01' || substr(sha256('%s'), 1, 15), sha256('s'), '{%s}', "
	        "'{}', '\\x30', now())",
	        world_uuid(&f->c, id), world_uuid(&f->c, order.id), name, world_uuid(&f->c, id), world_uuid(&f->c, id),
	        world_uuid(&f->c, order.id), world_uuid(&f->c, f->account.id), name, name));
	assert_int_equal(
	    world_ask(&f->c, "cairn_owner",
	        arena_printf(f->c.arena,
	            "SELECT rtrim(translate(encode(i.key_id, 'base64') || '.' || encode(c.serial, 'base64'), E'+/=\\n', "
	            "'-_')) FROM ca.certificate c JOIN ca.issuer i ON i.name = c.issuer WHERE c.id = %s",
	            world_uuid(&f->c, id)),
	        &text),
	    0);
	return text;
}

static void what_is_replaced_counts(void **state) /* A-85, B-17 */
{
	(void) state;
	struct fixture f;
	fixture_init(&f);
	const char *a = issue_one(&f, "a.ari.test");
	const char *b = issue_one(&f, "b.ari.test");
	struct order plain = ask_names(&f, "a.ari.test b.ari.test");
	struct new_order_request in = request_of(&f, "a.ari.test b.ari.test");
	in.replaces = a;
	struct order first = ask(&f, &in);
	assert_other(&plain, &first);
	assert_string_equal(first.replaces, a);
	struct order again = ask(&f, &in); /* once 409, as the order of before had the certificate */
	assert_same(&first, &again);
	assert_string_equal(again.replaces, a);
	in.replaces = b;
	struct order second = ask(&f, &in);
	assert_other(&first, &second);
	struct order one_name;
	struct new_order_request less = request_of(&f, "a.ari.test");
	less.replaces = a; /* and another order for it still is */
	ctx_forgive(&f.c);
	assert_int_equal(ra_new_order_serve(&f.c, &less, &one_name), -1);
	assert_int_equal(f.c.err.type, PROBLEM_ALREADY_REPLACED);
	again = ask_names(&f, "a.ari.test b.ari.test");
	assert_same(&plain, &again);
	in = request_of(&f, "c.ari.test z.ari.test");
	in.replaces = issue_one(&f, "c.ari.test");
	struct order pending = ask(&f, &in);
	struct order proof = ask_names(&f, "z.ari.test");
	validate(&f, &proof, 0);
	again = ask(&f, &in); /* a new one would be ready, but it would be refused */
	assert_same(&pending, &again);
	assert_string_equal(again.status, "pending");
	set_authz(&f, &proof, "ended = 'revoked'");
	pg_exec("cairn_owner", arena_printf(f.c.arena, "UPDATE acme.authz SET tried = 1 WHERE id = %s",
	                           world_uuid(&f.c, pending.authorizations.v[1])));
	ctx_forgive(&f.c);
	assert_int_equal(ra_new_order_serve(&f.c, &in, &one_name), -1); /* while a challenge is being tried */
	assert_int_equal(f.c.err.type, PROBLEM_ALREADY_REPLACED);
	pg_exec("cairn_owner",
	    arena_printf(f.c.arena,
	        "SELECT acme.deactivate_authz(%s, %s, (SELECT thumbprint FROM acme.account WHERE id = %s), 'p', NULL)",
	        world_uuid(&f.c, pending.authorizations.v[1]), world_uuid(&f.c, f.account.id),
	        world_uuid(&f.c, f.account.id)));
	again = ask(&f, &in); /* what docs/renewal.md says: the way out */
	assert_other(&pending, &again);
	assert_string_equal(again.replaces, in.replaces);
	ctx_done(&f.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_same_is_given_again, fresh),
		cmocka_unit_test_setup(what_differs_is_another, fresh),
		cmocka_unit_test_setup(one_that_a_new_one_would_be_better_than, fresh),
		cmocka_unit_test_setup(methods_have_to_be_open, fresh),
		cmocka_unit_test_setup(only_pending_and_ready_ones, fresh),
		cmocka_unit_test_setup(one_that_is_about_to_expire, fresh),
		cmocka_unit_test_setup(orders_of_before, fresh),
		cmocka_unit_test_setup(dead_orders_cost_nothing, fresh),
		cmocka_unit_test_setup(a_digest_alone_is_not_enough, fresh),
		cmocka_unit_test_setup(what_is_replaced_counts, fresh),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

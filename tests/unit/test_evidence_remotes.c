/* link: ra */
/* What remote perspectives found becomes records, and nothing is valid without their quorum. C-50, C-51, C-56, C-57, C-59. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

#include <cmocka.h>

#include "lib/crypto/authority.h"
#include "ra/corroboration.h"
#include "ra/evidence.h"
#include "tests/unit/ra_world.h"

#define N 4

static struct config_perspective list[N] = {
	{ .name = "ams", .address = "192.0.2.1:1", .region = "RIPE" },
	{ .name = "sin", .address = "192.0.2.2:1", .region = "APNIC" },
	{ .name = "gru", .address = "192.0.2.3:1", .region = "LACNIC" },
	{ .name = "jnb", .address = "192.0.2.4:1", .region = "AFRINIC" },
};

static struct id own_id;
static struct id ids[N];
static struct validation_result remotes[N];
static const char *letters; /* one each: A agrees, r sees something else, - met a fault */
static const char *quorum;
static bool answer_for_others; /* two of them, as if they had been asked about another validation */
static bool clock_set_back;
static bool pass_all_the_same; /* the verdict of a validation authority that does not keep the rule */

/* Of one order: a job may be run once more, as it is held by this very process. Then it finds its records there already. */
static void begin_round(const char *with_letters, const char *with_quorum)
{
	letters = with_letters;
	quorum = with_quorum;
	own_id = (struct id) { { 0 } };
	for (size_t i = 0; i < N; i++) {
		ids[i] = id_new();
	}
}

static void add_remotes(struct validation_result *r)
{
	static const uint8_t digest[SHA256_SIZE] = { 2 };
	static struct resolution resolved = { .type = "A", .name = "x.test" };
	static struct connection_attempt answered = { .address_used = "192.0.2.80",
		.body_sha256 = { digest, SHA256_SIZE } };
	size_t n = strlen(letters);
	own_id = id_is_none(own_id) ? r->validation_id : own_id;
	for (size_t i = 0; i < n; i++) {
		remotes[i] = (struct validation_result) {
			.validation_id = ids[i],
			.perspective = list[i].name,
			.address = list[i].address,
			.region = list[i].region,
			.method = r->method,
			.passed = letters[i] == 'A',
			.dcv = letters[i] == 'A',
			.fault = letters[i] == '-',
			.started_at = r->started_at,
			.ended_at = clock_now(),
		};
		if (letters[i] == '-') {
			remotes[i].problem = (struct problem_record) { .type = "UNAVAILABLE", .detail = "No answer" };
			continue;
		}
		remotes[i].resolutions = (struct resolution_list) { &resolved, 1 };
		remotes[i].attempts = (struct connection_attempt_list) { &answered, 1 };
		if (letters[i] == 'r') {
			remotes[i].problem = (struct problem_record) { .type = "UNAUTHORIZED", .detail = "another file" };
		}
	}
	r->dcv = true;
	r->remotes = (struct validation_result_list) { remotes, n };
	r->round = (struct id_list) { ids, test_config.va.perspectives.n };
	r->quorum = quorum;
	r->passed = r->passed || pass_all_the_same;
	for (size_t i = 0; i < n && i < 2 && answer_for_others; i++) {
		remotes[i].validation_id = id_new();
	}
	if (clock_set_back) {
		r->ended_at = remotes[0].ended_at = timestamp_add_s(r->started_at, -60);
	}
}

static int setup_remotes(void **state)
{
	assert_int_equal(setup(state), 0);
	test_config.va.perspectives = (struct config_perspective_list) { list, N };
	pass_all_the_same = false;
	answer_for_others = false;
	clock_set_back = false;
	va_adds = add_remotes;
	return 0;
}

static int teardown_remotes(void **state)
{
	(void) state;
	test_config.va.perspectives = (struct config_perspective_list) { NULL, 0 };
	return 0;
}

static const char *status_of(struct fixture *f, const struct order *order)
{
	return authorization_of(f, order, 0).status;
}

static const char *where(struct fixture *f, const struct order *order)
{
	return arena_printf(f->c.arena, "FROM log.validation v WHERE v.authorization_id = %s",
	    world_uuid(&f->c, order->authorizations.v[0]));
}

#define ASSERT_SQL(f, order, columns, more, value) \
	pg_assert_value(arena_printf((f)->c.arena, "SELECT " columns " %s " more, where((f), (order))), value)

/* C-59: one record a perspective with name, address, both results, and "3/4" for the name */
static void records(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	begin_round("ArAA", "3/4");
	assert_int_equal(order_one(&f, "three.test", &order), 0);
	validate(&f, &order, 0);
	assert_string_equal(status_of(&f, &order), "valid");
	ASSERT_SQL(&f, &order, "quorum || cardinality(round) || dcv || passed", "AND corroborates IS NULL", "3/44truetrue");
	ASSERT_SQL(&f, &order,
	    "string_agg(concat_ws(' ', perspective, address, region, passed, dcv, problem, detail, late), ',' ORDER BY "
	    "perspective)",
	    "AND corroborates IS NOT NULL",
	    "ams 192.0.2.1:1 RIPE t t f,gru 192.0.2.3:1 LACNIC t t f,jnb 192.0.2.4:1 AFRINIC t t f,"
	    "sin 192.0.2.2:1 APNIC f f UNAUTHORIZED another file f");
	ASSERT_SQL(&f, &order, "count(*)",
	    "AND v.id = ANY (SELECT unnest(w.round) FROM log.validation w WHERE w.id = v.corroborates) AND v.proof IS NULL "
	    "AND v.method = 'http-01' AND v.challenge_id IS NOT NULL AND octet_length(v.answer_sha256) = 32",
	    "4");
	/* each with personal fields beside it, committed to by a salt of its own */
	ASSERT_SQL(&f, &order,
	    "count(DISTINCT (SELECT p.salt FROM log.validation_private p WHERE p.id = v.id AND "
	    "p.attempts LIKE '%%192.0.2.80%%' AND p.resolutions LIKE '%%x.test%%'))",
	    "AND corroborates IS NOT NULL", "4");
	ctx_done(&f.c);
}

/* The answer that comes later is a record too, once, and changes nothing (C-59). */
static void late(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct record_late_response response;
	fixture_init(&f);
	begin_round("AAA", "3/3");
	assert_int_equal(order_one(&f, "late.test", &order), 0);
	validate(&f, &order, 0);
	assert_string_equal(status_of(&f, &order), "valid");
	ASSERT_SQL(&f, &order, "count(*)", "AND corroborates IS NOT NULL", "3");
	struct record_late_request in = { .remote = remotes[0] };
	in.validation_id = id_new();
	in.remote.validation_id = ids[3];
	in.remote.perspective = "jnb";
	in.remote.method = "http-01";
	in.remote.passed = false;
	in.remote.problem = (struct problem_record) { .type = "UNAUTHORIZED", .detail = "too late" };
	assert_int_equal(ra_record_late_serve(&f.c, &in, &response), 0);
	assert_false(response.recorded); /* the record that it belongs to is not there */
	in.validation_id = own_id;
	for (int i = 0; i < 2; i++) { /* the call may be repeated */
		assert_int_equal(ra_record_late_serve(&f.c, &in, &response), 0);
		assert_true(response.recorded);
	}
	ASSERT_SQL(&f, &order, "perspective || detail || passed", "AND late", "jnbtoo latefalse");
	assert_string_equal(status_of(&f, &order), "valid");
	in.remote.validation_id = id_new(); /* was never asked in that round */
	assert_int_equal(ra_record_late_serve(&f.c, &in, &response), 0);
	assert_false(response.recorded);
	ctx_done(&f.c);
}

/* C-51, C-56: what the perspectives do not bear out is not valid, whatever the validation authority says */
static void without_quorum(void **state)
{
	(void) state;
	static const struct {
		const char *name;
		const char *letters;
	} rows[] = { { "two.test", "ArrA" }, { "some.test", "AA" }, { "none.test", "" }, { "faults.test", "A--A" } };
	struct fixture f;
	fixture_init(&f);
	pass_all_the_same = true;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct order order;
		begin_round(rows[i].letters, "2/4");
		assert_int_equal(order_one(&f, rows[i].name, &order), 0);
		struct authorization a = authorization_of(&f, &order, 0);
		assert_int_equal(start(&f, a.challenges.v[0].id, 1, &a), 0);
		assert_string_not_equal(status_of(&f, &order), "valid");
		ASSERT_SQL(&f, &order, "count(*)", "AND (proof IS NOT NULL OR corroborates IS NULL AND passed)", "0");
	}
	ctx_done(&f.c);
}

/* What took place is on record, also when nothing may follow from it by the database's own judgement (F-41). */
static void refused_and_on_record(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	fixture_init(&f);
	answer_for_others = true;
	begin_round("AAAA", "4/4");
	assert_int_equal(order_one(&f, "foreign.test", &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	assert_int_equal(start(&f, a.challenges.v[0].id, 1, &a), 0);
	assert_string_equal(status_of(&f, &order), "pending");
	ASSERT_SQL(&f, &order, "passed || problem || detail || coalesce(proof::text, '')", "AND corroborates IS NULL",
	    "falseSERVER_INTERNALToo few of the perspectives on record agree");
	ASSERT_SQL(
	    &f, &order, "string_agg(perspective, ' ' ORDER BY perspective)", "AND corroborates IS NOT NULL", "gru jnb");
	ASSERT_SQL(&f, &order,
	    "(SELECT (facts->>'why') || (facts->>'answers_not_whole') FROM log.event e WHERE e.kind = 'validation.refused' "
	    "AND e.facts->>'validation' = v.id::text)",
	    "AND corroborates IS NULL", "Too few of the perspectives on record agree2");
	/* a check of CAA alone */
	pg_assert_value(arena_printf(f.c.arena,
	                    "SELECT acme.record_caa(cairn.new_id(), %s, gen_random_uuid(), "
	                    "'local', true, NULL, "
	                    "NULL, 'off', '{}', now(), now(), sha256('a') || sha256('b'), sha256('s'), '{}', '{}', "
	                    "ARRAY[gen_random_uuid()], '1/1', '[]')",
	                    world_uuid(&f.c, order.authorizations.v[0])),
	    "f");
	ASSERT_SQL(
	    &f, &order, "passed || detail", "AND method = 'caa'", "falseToo few of the perspectives on record agree");
	/* time that went backwards is no reason to lose anything */
	answer_for_others = false;
	clock_set_back = true;
	begin_round("AAAA", "4/4");
	assert_int_equal(order_one(&f, "backwards.test", &order), 0);
	validate(&f, &order, 0);
	assert_string_equal(status_of(&f, &order), "valid");
	ASSERT_SQL(&f, &order, "count(*)", "AND ended_at >= started_at", "5");
	ctx_done(&f.c);
}

/* The database itself: a validation that passed is no proof by a round that does not bear it out (C-51). */
static void quorum_in_the_database(void **state)
{
	(void) state;
	static const struct {
		int asked;
		int agree;
		const char *stands;
	} rows[] = { { 1, 0, "f" }, { 1, 1, "t" }, { 2, 1, "t" }, { 2, 0, "f" }, { 4, 3, "t" }, { 4, 2, "f" },
		{ 5, 4, "t" }, { 5, 3, "f" }, { 6, 4, "t" }, { 6, 3, "f" }, { 8, 6, "t" }, { 8, 5, "f" } };
	struct ctx c;
	ctx_init(&c);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		pg_assert_value(
		    arena_printf(c.arena,
		        "WITH r AS (SELECT i, gen_random_uuid() AS id FROM generate_series(1, %d) i) SELECT acme.quorum_stands("
		        "(SELECT array_agg(id) FROM r), (SELECT jsonb_agg(jsonb_build_object('id', id, 'perspective', 'p' || "
		        "i, "
		        "'passed', i <= %d, 'commitments', repeat('00', 64))) FROM r))",
		        rows[i].asked, rows[i].agree),
		    rows[i].stands);
	}
	/* one that answers for another, and one that was not asked, count for nothing */
	pg_assert_value(
	    "WITH r AS (SELECT i, gen_random_uuid() AS id FROM generate_series(1, 4) i) SELECT acme.quorum_stands("
	    "(SELECT array_agg(id) FROM r), (SELECT jsonb_agg(jsonb_build_object('id', id, 'perspective', 'same', "
	    "'passed', true, 'commitments', repeat('00', 64))) FROM r))",
	    "f");
	pg_assert_value("SELECT acme.quorum_stands(ARRAY[gen_random_uuid()], jsonb_build_array(jsonb_build_object('id', "
	                "gen_random_uuid(), 'perspective', 'p', 'passed', true, 'commitments', repeat('00', 64))))",
	    "f");
	ctx_done(&c);
}

/* Each of these passed by the word of the validation authority. */
static void judged_by_the_configuration(void **state) /* C-50 */
{
	(void) state;
	const struct identifier name = { "dns", "a.example" };
	struct validation_result r = { .passed = true };
	begin_round("AAAA", "4/4");
	add_remotes(&r);
	remotes[0].region = NULL; /* C-52: what the answers say of their places counts for nothing */
	remotes[1].region = "elsewhere";
	assert_true(corroboration_judge(&name, &r).passed);
	assert_string_equal(remotes[0].region, list[0].region);
	assert_string_equal(remotes[1].region, list[1].region);
	r.remotes.n = 3;
	assert_true(corroboration_judge(&name, &r).passed);
	r.remotes.n = 2;
	assert_true(corroboration_judge(&name, &r).fault);
	r.remotes.n = 4;
	r.round.n = 3; /* one was not asked */
	assert_true(corroboration_judge(&name, &r).fault);
	r.round.n = 4;
	remotes[1].perspective = "ams"; /* twice */
	assert_true(corroboration_judge(&name, &r).fault);
	remotes[1].perspective = "elsewhere";
	assert_true(corroboration_judge(&name, &r).fault);
	remotes[1].perspective = "sin";
	assert_true(corroboration_judge(&name, &r).passed);
	test_config.va.perspectives.n = 1;
	test_config.policy.mode = "webpki"; /* one is never enough there */
	r.round.n = 1;
	r.remotes.n = 1;
	assert_true(corroboration_judge(&name, &r).fault);
	test_config.policy.mode = "private";
	assert_true(corroboration_judge(&name, &r).passed);
	test_config.va.perspectives.n = 0;
	assert_true(corroboration_judge(&name, &(struct validation_result) { .passed = true }).passed);
	assert_false(corroboration_judge(&name, &(struct validation_result) { .passed = false }).passed);
}

/* No network was asked about an onion service, so no other one can bear it out, also where remote perspectives are required. B-39 */
static void onion_services(void **state)
{
	(void) state;
	const struct identifier onion = { "dns", "a.onion" };
	const struct identifier name = { "dns", "onion.example" };
	const struct validation_result r = { .passed = true };
	test_config.policy.mode = "webpki";
	assert_true(corroboration_judge(&onion, &r).passed);
	assert_true(corroboration_judge(&name, &r).fault);
	test_config.policy.mode = "private";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records, setup_remotes, teardown_remotes),
		cmocka_unit_test_setup_teardown(late, setup_remotes, teardown_remotes),
		cmocka_unit_test_setup_teardown(without_quorum, setup_remotes, teardown_remotes),
		cmocka_unit_test_setup_teardown(refused_and_on_record, setup_remotes, teardown_remotes),
		cmocka_unit_test_setup_teardown(quorum_in_the_database, setup_remotes, teardown_remotes),
		cmocka_unit_test_setup_teardown(judged_by_the_configuration, setup_remotes, teardown_remotes),
		cmocka_unit_test_setup_teardown(onion_services, setup_remotes, teardown_remotes),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

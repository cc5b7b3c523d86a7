/* Which rounds of remote perspectives reach the quorum. C-50, C-51, C-52, C-56, C-57. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/quorum.h"

#define MOST 8

static struct timestamp at(const char *date)
{
	struct timestamp t;
	assert_int_equal(timestamp_parse(bytes_of_text(date), &t), 0);
	return t;
}

/* One letter an answer: capitals agree, small ones saw something else, - met a fault. R, A, L: the region; O: none. */
static enum quorum_state decide(const struct quorum_rule *rule, size_t asked, const char *letters)
{
	struct validation_result v[MOST] = { 0 };
	struct validation_result_list answers = { v, strlen(letters) };
	for (size_t i = 0; i < answers.n; i++) {
		v[i].fault = letters[i] == '-';
		v[i].passed = letters[i] >= 'A' && letters[i] <= 'Z';
		v[i].region = strchr("Rr", letters[i]) != NULL   ? "RIPE"
		              : strchr("Aa", letters[i]) != NULL ? "ARIN"
		              : strchr("Ll", letters[i]) != NULL ? "LACNIC"
		                                                 : NULL;
	}
	return quorum_decide(rule, asked, &answers);
}

/* C-73: what fewer perspectives bore out is not relied on once more are asked for */
static void proofs_end_with_their_rule(void **state)
{
	(void) state;
	assert_true(quorum_stands_until(true, at("2026-06-15T00:00:00Z")).us == at("2026-12-15T00:00:00Z").us);
	assert_true(quorum_stands_until(true, at("2026-06-14T23:59:59Z")).us == at("2026-06-15T00:00:00Z").us);
	assert_true(quorum_stands_until(true, at("2026-12-15T00:00:00Z")).us == INT64_MAX);
	assert_true(quorum_stands_until(false, at("2026-06-15T00:00:00Z")).us == INT64_MAX);
}

static void numbers_by_date(void **state) /* C-50 */
{
	(void) state;
	static const struct {
		const char *date;
		size_t least;
		size_t regions;
	} rows[] = {
		{ "2025-03-14T23:59:59Z", 0, 0 },
		{ "2025-03-15T00:00:00Z", 2, 1 },
		{ "2026-03-14T23:59:59Z", 2, 1 },
		{ "2026-03-15T00:00:00Z", 3, 2 },
		{ "2026-06-14T23:59:59Z", 3, 2 },
		{ "2026-06-15T00:00:00Z", 4, 2 },
		{ "2026-12-14T23:59:59Z", 4, 2 },
		{ "2026-12-15T00:00:00Z", 5, 2 },
		{ "2036-01-01T00:00:00Z", 5, 2 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct quorum_rule rule = quorum_rule(true, 4, at(rows[i].date));
		assert_int_equal(rule.least, rows[i].least);
		assert_int_equal(rule.regions, rows[i].regions);
		struct quorum_rule free = quorum_rule(false, 4, at(rows[i].date));
		assert_int_equal(free.least, 0);
		assert_int_equal(free.regions, 0);
		assert_int_equal(free.may_fail, 1);
	}
	struct quorum_rule rule = quorum_rule(true, 4, at("2026-12-15T00:00:00Z"));
	assert_int_equal(decide(&rule, 4, "RRAA"), QUORUM_FAULT); /* four are not enough any more */
	assert_int_equal(decide(&rule, 5, "RRAA"), QUORUM_REACHED);
}

static void failures_by_number(void **state) /* C-51 */
{
	(void) state;
	static const size_t may_fail[MOST + 1] = { 0, 0, 1, 1, 1, 1, 2, 2, 2 };
	for (size_t n = 0; n <= MOST; n++) {
		struct quorum_rule rule = quorum_rule(false, n, at("2026-11-22T00:00:00Z"));
		assert_int_equal(rule.may_fail, may_fail[n]);
		for (size_t failing = 0; failing <= n; failing++) {
			char refuse[MOST + 1] = "";
			char fault[MOST + 1] = "";
			for (size_t i = 0; i < n; i++) {
				refuse[i] = i < failing ? 'r' : 'A';
				fault[i] = i < failing ? '-' : 'A';
			}
			bool reached = failing <= may_fail[n];
			assert_int_equal(decide(&rule, n, refuse), reached ? QUORUM_REACHED : QUORUM_REFUSED);
			assert_int_equal(decide(&rule, n, fault), reached ? QUORUM_REACHED : QUORUM_FAULT);
		}
	}
}

static void regions_of_those_that_agree(void **state) /* C-52 */
{
	(void) state;
	struct quorum_rule rule = quorum_rule(true, 5, at("2026-12-15T00:00:00Z"));
	assert_int_equal(decide(&rule, 5, "RRRRA"), QUORUM_REACHED);
	assert_int_equal(decide(&rule, 5, "RRRR"), QUORUM_OPEN); /* the quorum is there, the fifth may be elsewhere */
	assert_int_equal(decide(&rule, 5, "RRRRa"), QUORUM_REFUSED);
	assert_int_equal(decide(&rule, 5, "RRRR-"), QUORUM_FAULT);
	assert_int_equal(decide(&rule, 5, "RRRRR"), QUORUM_FAULT);
	assert_int_equal(decide(&rule, 5, "OOOOR"), QUORUM_FAULT); /* nowhere is no region */
	assert_int_equal(decide(&rule, 5, "aRRRL"), QUORUM_REACHED);
	struct quorum_rule private = quorum_rule(false, 5, at("2026-12-15T00:00:00Z"));
	assert_int_equal(decide(&private, 5, "RRRR"), QUORUM_REACHED);
}

static void as_soon_as_it_is_certain(void **state) /* C-61 */
{
	(void) state;
	struct quorum_rule rule = quorum_rule(false, 4, at("2026-11-22T00:00:00Z"));
	static const struct {
		const char *letters;
		enum quorum_state state;
	} rows[] = {
		{ "", QUORUM_OPEN }, { "RR", QUORUM_OPEN }, { "RRA", QUORUM_REACHED }, { "r", QUORUM_OPEN },
		{ "rRA", QUORUM_OPEN }, { "rRAL", QUORUM_REACHED }, { "ra", QUORUM_REFUSED }, { "rRa", QUORUM_REFUSED },
		{ "--", QUORUM_OPEN }, /* whether it is the subscriber's failure or ours, the others tell */
		{ "--rr", QUORUM_REFUSED }, { "--rA", QUORUM_FAULT }, { "r-", QUORUM_OPEN }, { "r-AA", QUORUM_FAULT },
		{ "RRAAL", QUORUM_FAULT }, /* more answers than were asked for */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(decide(&rule, 4, rows[i].letters), rows[i].state);
	}
}

/* Two rounds in each of which another one fails are judged each alone: no answer of the first counts in the second. C-57 */
static void rounds_are_not_mixed(void **state)
{
	(void) state;
	struct quorum_rule rule = quorum_rule(false, 5, at("2026-11-22T00:00:00Z"));
	assert_int_equal(decide(&rule, 5, "rrRAL"), QUORUM_REFUSED);
	assert_int_equal(decide(&rule, 5, "RRrAL"), QUORUM_REACHED);
	assert_int_equal(decide(&rule, 5, "R"), QUORUM_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proofs_end_with_their_rule),
		cmocka_unit_test(numbers_by_date),
		cmocka_unit_test(failures_by_number),
		cmocka_unit_test(regions_of_those_that_agree),
		cmocka_unit_test(as_soon_as_it_is_certain),
		cmocka_unit_test(rounds_are_not_mixed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Identifiers of rows and resources: nobody guesses one from others, and each is written in one way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/id.h"

#define MANY 20000

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static void each_is_another(void **state)
{
	(void) state;
	static struct id ids[MANY];
	for (size_t i = 0; i < MANY; i++) {
		ids[i] = id_new();
	}
	qsort(ids, MANY, sizeof(ids[0]), compare);
	for (size_t i = 1; i < MANY; i++) {
		assert_false(id_equal(ids[i - 1], ids[i]));
	}
}

/* RFC 9562 5.7: 48 bits of milliseconds, version 7, variant 10, and the other 74 bits at random: each of them is set in half
 * of the ids and changes from one id to the next in half of the cases. */
static void what_is_not_time_is_random(void **state)
{
	(void) state;
	size_t ones[128] = { 0 };
	size_t changes[128] = { 0 };
	struct id last = id_new();
	for (size_t i = 0; i < MANY; i++) {
		int64_t before = clock_now().us / 1000;
		struct id id = id_new();
		int64_t ms = 0;
		for (size_t k = 0; k < 6; k++) {
			ms = ms << 8 | id.b[k];
		}
		assert_in_range(ms, before, clock_now().us / 1000);
		assert_int_equal(id_time(id).us, ms * 1000);
		assert_int_equal(id.b[6] >> 4, 7);
		assert_int_equal(id.b[8] >> 6, 2);
		for (size_t bit = 0; bit < 128; bit++) {
			unsigned now = id.b[bit / 8] >> (7 - bit % 8) & 1;
			ones[bit] += now;
			changes[bit] += now ^ (last.b[bit / 8] >> (7 - bit % 8) & 1);
		}
		last = id;
	}
	for (size_t bit = 48; bit < 128; bit++) {
		if ((bit >= 52 && bit < 64) || bit >= 66) {                     /* version and variant stand before these */
			assert_in_range(ones[bit], MANY / 2 - 500, MANY / 2 + 500); /* seven standard deviations */
			assert_in_range(changes[bit], MANY / 2 - 500, MANY / 2 + 500);
		}
	}
}

static void there_and_back(void **state)
{
	(void) state;
	for (size_t i = 0; i < MANY; i++) {
		struct id id = id_new();
		struct id again;
		char text[ID_TEXT_SIZE];
		id_encode(id, text);
		assert_int_equal(strlen(text), 22);
		assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 22);
		assert_int_equal(id_parse(bytes_of_text(text), &again), 0);
		assert_true(id_equal(id, again));
	}
	struct id none = { { 0 } };
	assert_true(id_is_none(none));
	assert_false(id_is_none(id_new()));
	none.b[15] = 1;
	assert_false(id_is_none(none));
}

/* 22 characters hold 132 bits: the last has four that must be zero, or an id would have sixteen URLs. */
static void other_texts_are_refused(void **state)
{
	(void) state;
	struct id id = { { 7 } };
	char text[] = "AaIEX0QXc3SU5FONcBJYzg";
	assert_int_equal(id_parse(bytes_of_text(text), &id), 0);
	size_t good = 0;
	for (int last = 0; last < 256; last++) {
		text[21] = (char) last;
		good += id_parse((struct bytes) { (const uint8_t *) text, 22 }, &id) == 0 ? 1 : 0;
	}
	assert_int_equal(good, 4);
	static const char *const broken[] = { "", "AaIEX0QXc3SU5FONcBJYz", "AaIEX0QXc3SU5FONcBJYzgA",
		"AaIEX0QXc3SU5FONcBJY+g", "AaIEX0QXc3SU5FONcBJY/g", " aIEX0QXc3SU5FONcBJYzg", "AaIEX0QXc3SU5FONcBJYz=" };
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		assert_int_equal(id_parse(bytes_of_text(broken[i]), &id), -1);
	}
	assert_int_equal(id_parse((struct bytes) { (const uint8_t *) "AaIEX0QXc3S\0005FONcBJYzg", 22 }, &id), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_another),
		cmocka_unit_test(what_is_not_time_is_random),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(other_texts_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

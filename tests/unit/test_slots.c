/* What is remembered for a while: bounded in number, size and time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/base/slots.h"

#define SIZE 16

static struct slot slot[300];
static uint8_t values[COUNT_OF(slot)][SIZE];
static struct slots table = SLOTS(slot, values, INT64_C(60000000));

static struct slot short_slot[2];
static uint8_t short_values[2][SIZE];
static struct slots quick = SLOTS(short_slot, short_values, 1000);

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void keep(struct slots *s, struct id id, const char *text)
{
	const struct bytes whole = bytes_of_text(text);
	const struct bytes parts[] = { { whole.p, whole.n / 2 }, { whole.p + whole.n / 2, whole.n - whole.n / 2 } };
	slots_keep(s, id, parts, COUNT_OF(parts));
}

static void assert_holds(struct arena *a, struct id id, const char *text)
{
	struct bytes value = { NULL, 0 };
	assert_int_equal(slots_find(&table, a, id, &value), text != NULL);
	assert_true(text == NULL || bytes_equal_text(value, text));
}

static void it_is_found_until_it_is_taken(void **state)
{
	struct bytes value;
	struct id id = id_new();
	assert_holds(*state, id, NULL);
	keep(&table, id, "one");
	assert_holds(*state, id, "one");
	keep(&table, id, "another");
	assert_holds(*state, id, "another");
	assert_holds(*state, id_new(), NULL);
	assert_true(slots_take(&table, *state, id, &value));
	assert_true(bytes_equal_text(value, "another"));
	assert_false(slots_take(&table, *state, id, &value));
	assert_holds(*state, id, NULL);
}

static void a_newer_one_takes_the_place(void **state)
{
	struct id id = id_new();
	struct id same_place = id;
	struct id challenge = id;
	same_place.b[0] ^= 1;
	challenge.b[15] ^= 1; /* the last octet may be the number of a challenge */
	keep(&table, id, "first");
	keep(&table, same_place, "second");
	assert_holds(*state, id, NULL);
	assert_holds(*state, same_place, "second");
	keep(&table, challenge, "third");
	assert_holds(*state, same_place, NULL);
	slots_drop(&table, id); /* not this one's */
	assert_holds(*state, challenge, "third");
	slots_drop(&table, challenge);
	assert_holds(*state, challenge, NULL);
}

static void it_is_bounded(void **state)
{
	struct id id = id_new();
	struct bytes value;
	keep(&table, id, "0123456789abcdef");
	assert_holds(*state, id, "0123456789abcdef");
	keep(&table, id, "0123456789abcdefg"); /* not kept, and what was there is old */
	assert_holds(*state, id, NULL);
	keep(&quick, id, "x");
	nanosleep(&(struct timespec) { .tv_nsec = 2000000 }, NULL);
	assert_false(slots_find(&quick, *state, id, &value));
	/* All places are used, the last one too. */
	size_t used = 0;
	for (int i = 0; i < 20000; i++) {
		keep(&table, id_new(), "x");
	}
	for (size_t i = 0; i < COUNT_OF(slot); i++) {
		used += slot[i].until_us != 0;
	}
	assert_int_equal(used, COUNT_OF(slot));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_found_until_it_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(a_newer_one_takes_the_place, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

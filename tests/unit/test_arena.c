/* The memory of one request (style 14, 16): pieces do not touch, what was in them is wiped, in the right order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/arena.h"
#include "tests/unit/death.h"

#define PIECES 600

/* What the library would do, and a note of it: the memory itself is gone afterwards. */
static size_t wiped;
static const uint8_t *watched;
static bool watched_is_wiped;

void OPENSSL_cleanse(void *p, size_t n);
void OPENSSL_cleanse(void *p, size_t n)
{
	const uint8_t *from = p;
	memset(p, 0, n);
	wiped += n;
	watched_is_wiped |= watched != NULL && watched >= from && watched < from + n && *watched == 0;
}

static int setup(void **state)
{
	wiped = 0;
	watched = NULL;
	watched_is_wiped = false;
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static size_t size_of_piece(size_t i)
{
	return i % 50 == 49 ? 20000 + i : i * 7 % 401; /* some get a block of their own */
}

static void pieces_do_not_touch(void **state)
{
	static const uint8_t zeros[PIECES + 20000] = { 0 };
	struct arena *a = *state;
	uint8_t *pieces[PIECES];
	size_t total = 0;
	for (size_t i = 0; i < PIECES; i++) {
		size_t n = size_of_piece(i);
		pieces[i] = arena_alloc(a, n);
		assert_int_equal((uintptr_t) pieces[i] % 16, 0);
		assert_memory_equal(pieces[i], zeros, n);
		memset(pieces[i], (int) (i % 255) + 1, n);
		total += n;
	}
	for (size_t i = 0; i < PIECES; i++) {
		for (size_t k = 0; k < size_of_piece(i); k++) {
			assert_int_equal(pieces[i][k], i % 255 + 1);
		}
	}
	assert_in_range(arena_used(a), total, total + (size_t) PIECES * 15);
}

/* A large piece between small ones does not waste the block that is open. */
static void a_large_piece_has_its_own_block(void **state)
{
	struct arena *a = *state;
	uint8_t *first = arena_alloc(a, 16);
	uint8_t *large = arena_alloc(a, 100000);
	uint8_t *second = arena_alloc(a, 16);
	assert_ptr_equal(second, first + 16);
	memset(large, 1, 100000);
	assert_int_equal(second[0], 0);
	/* also when it comes first */
	struct arena *b = arena_new();
	memset(arena_alloc(b, 100000), 1, 100000);
	assert_int_equal(*(uint8_t *) arena_alloc(b, 1), 0);
	arena_free(b);
	arena_free(NULL);
}

static void texts_are_copies(void **state)
{
	struct arena *a = *state;
	char from[] = "text";
	const char *copy = arena_text(a, from);
	struct bytes part = arena_bytes(a, "a\0b", 3);
	const char *cut = arena_text_n(a, from, 2);
	from[0] = 'n';
	assert_string_equal(copy, "text");
	assert_string_equal(cut, "te");
	assert_int_equal(part.n, 3);
	assert_memory_equal(part.p, "a\0b\0", 4);
	assert_null(arena_text(a, NULL));
	assert_string_equal(arena_text_n(a, NULL, 0), "");
	assert_int_equal(arena_bytes(a, NULL, 0).n, 0);
}

static void prints_any_length(void **state)
{
	struct arena *a = *state;
	assert_string_equal(arena_printf(a, "%s-%d", "a", 7), "a-7");
	assert_string_equal(arena_printf(a, "%s", ""), "");
	for (int n = 1; n < 70000; n = n * 3 + 1) {
		const char *text = arena_printf(a, "%*d", n, 5);
		assert_int_equal(strlen(text), n);
		assert_int_equal(text[n - 1], '5');
	}
}

static char order[8];

static void note(void *p)
{
	strncat(order, p, 1); /* reads the arena's memory: it must still be whole */
}

static void releases_run_backwards_and_before_the_wipe(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	order[0] = '\0';
	const char *names[] = { "x", "y", "z" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char *name = arena_alloc(a, 2);
		name[0] = names[i][0];
		arena_on_free(a, note, name);
	}
	arena_free(a);
	assert_string_equal(order, "zyx");
}

static void all_is_wiped(void **state)
{
	(void) state;
	for (size_t i = 0; i < 3; i++) {
		static const size_t sizes[] = { 1, 100000, 4096 };
		struct arena *a = arena_new();
		uint8_t *others = arena_alloc(a, 300);
		memset(others, 7, 300);
		uint8_t *secret = arena_alloc(a, sizes[i]);
		memset(secret, 7, sizes[i]);
		memset(arena_alloc(a, 16000), 7, 16000);
		size_t used = arena_used(a);
		wiped = 0;
		watched = secret + sizes[i] - 1;
		watched_is_wiped = false;
		arena_free(a);
		assert_true(watched_is_wiped);
		assert_int_equal(wiped, used);
	}
}

static volatile size_t huge = SIZE_MAX;

static void take_too_much(void)
{
	(void) arena_alloc(arena_new(), huge / 2 + 1);
}

static void take_an_overflowing_array(void)
{
	(void) arena_array(arena_new(), huge / 2 + 2, 2); /* would be two octets if it wrapped */
}

static void impossible_sizes_end_the_process(void **state)
{
	assert_non_null(arena_array(*state, 0, huge));
	assert_dies(take_too_much);
	assert_dies(take_an_overflowing_array);
}

#define WITH_ARENA(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(pieces_do_not_touch),
		WITH_ARENA(a_large_piece_has_its_own_block),
		WITH_ARENA(texts_are_copies),
		WITH_ARENA(prints_any_length),
		WITH_ARENA(releases_run_backwards_and_before_the_wipe),
		WITH_ARENA(all_is_wiped),
		WITH_ARENA(impossible_sizes_end_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

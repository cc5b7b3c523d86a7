#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "lib/base/queue.h"

static void keeps_order_and_bound(void **state)
{
	(void) state;
	char a = 'a';
	char b = 'b';
	char d = 'd';
	struct queue *q = queue_new(2);
	for (int round = 0; round < 3; round++) {
		assert_true(queue_push(q, &a));
		assert_true(queue_push(q, &b));
		assert_false(queue_push(q, &d)); /* full: refused at once */
		assert_int_equal(queue_length(q), 2);
		assert_ptr_equal(queue_pop(q), &a);
		assert_true(queue_push(q, &d));
		assert_ptr_equal(queue_pop(q), &b);
		assert_ptr_equal(queue_pop(q), &d);
	}
	queue_free(q);
	queue_free(NULL);
}

static void a_closed_queue_is_emptied(void **state)
{
	(void) state;
	char a = 'a';
	struct queue *q = queue_new(2);
	assert_true(queue_push(q, &a));
	queue_close(q);
	assert_false(queue_push(q, &a));
	assert_ptr_equal(queue_pop(q), &a);
	assert_null(queue_pop(q));
	queue_free(q);
}

static void *take_all(void *queue)
{
	size_t n = 0;
	while (queue_pop(queue) != NULL) {
		n++;
	}
	return (void *) n;
}

static void threads_share_it(void **state)
{
	(void) state;
	char a = 'a';
	struct queue *q = queue_new(4);
	pthread_t threads[3];
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, take_all, q), 0);
	}
	size_t pushed = 0;
	for (int i = 0; i < 10000; i++) {
		pushed += queue_push(q, &a);
	}
	queue_close(q); /* wakes those who wait */
	size_t taken = 0;
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		void *n = NULL;
		pthread_join(threads[i], &n);
		taken += (size_t) n;
	}
	assert_int_equal(taken, pushed);
	queue_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order_and_bound),
		cmocka_unit_test(a_closed_queue_is_emptied),
		cmocka_unit_test(threads_share_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

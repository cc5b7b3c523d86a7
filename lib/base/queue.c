#include "lib/base/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/die.h"

/* A thread that waits; it lies on that thread's stack. */
struct waiter {
	struct waiter *next;
	pthread_cond_t called;
	bool is_called;
};

struct queue {
	pthread_mutex_t lock;
	struct waiter *waiters; /* the one that came last first: its caches and its database connection are the warmest */
	size_t capacity;
	size_t first;
	size_t n;
	bool closed;
	void *items[];
};

struct queue *queue_new(size_t capacity)
{
	struct queue *q = NULL;
	if (capacity == 0 || capacity > (SIZE_MAX - sizeof(*q)) / sizeof(void *)) {
		die("a queue of %zu items is impossible", capacity);
	}
	q = calloc(1, sizeof(*q) + capacity * sizeof(void *));
	if (q == NULL || pthread_mutex_init(&q->lock, NULL) != 0) {
		die("out of memory");
	}
	q->capacity = capacity;
	return q;
}

void queue_free(struct queue *q)
{
	if (q == NULL) {
		return;
	}
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* Calls the thread that waits since the shortest time; under the lock. */
static void call_one(struct queue *q)
{
	struct waiter *w = q->waiters;
	if (w != NULL) {
		q->waiters = w->next;
		w->is_called = true;
		pthread_cond_signal(&w->called);
	}
}

bool queue_push(struct queue *q, void *item)
{
	pthread_mutex_lock(&q->lock);
	bool fits = !q->closed && q->n < q->capacity;
	if (fits) {
		q->items[(q->first + q->n) % q->capacity] = item;
		q->n++;
		call_one(q);
	}
	pthread_mutex_unlock(&q->lock);
	return fits;
}

static void wait_for_call(struct queue *q)
{
	struct waiter self = { .next = q->waiters };
	pthread_cond_init(&self.called, NULL);
	/* cppcheck-suppress autoVariables ; whoever calls takes it out of the list before this returns */
	q->waiters = &self;
	while (!self.is_called) {
		pthread_cond_wait(&self.called, &q->lock);
	}
	pthread_cond_destroy(&self.called);
}

void *queue_pop(struct queue *q)
{
	void *item = NULL;
	pthread_mutex_lock(&q->lock);
	while (q->n == 0 && !q->closed) {
		wait_for_call(q);
	}
	if (q->n > 0) {
		item = q->items[q->first];
		q->first = (q->first + 1) % q->capacity;
		q->n--;
	}
	pthread_mutex_unlock(&q->lock);
	return item;
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	while (q->waiters != NULL) {
		call_one(q);
	}
	pthread_mutex_unlock(&q->lock);
}

size_t queue_length(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	size_t n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

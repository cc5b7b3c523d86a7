#include "lib/base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "lib/base/die.h"

/* A thread that waits; it lies on that thread's stack. Whoever takes it out of the list gives it its item and posts, so
 * that the woken thread needs no lock: with a condition it would wake up only to wait for the one that called it. */
struct waiter {
	struct waiter *next;
	sem_t called;
	void *item;
};

struct queue {
	pthread_mutex_t lock;
	struct waiter *waiters; /* the one that came last first: its caches and its database connection are the warmest */
	size_t capacity;
	size_t first;
	size_t n; /* 0 while somebody waits */
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

bool queue_push(struct queue *q, void *item)
{
	pthread_mutex_lock(&q->lock);
	struct waiter *w = q->waiters;
	bool fits = !q->closed && q->n < q->capacity;
	if (fits && w != NULL) {
		q->waiters = w->next;
		w->item = item;
	} else if (fits) {
		q->items[(q->first + q->n) % q->capacity] = item;
		q->n++;
	}
	pthread_mutex_unlock(&q->lock);
	if (fits && w != NULL) {
		(void) sem_post(&w->called);
	}
	return fits;
}

static void *take_first(struct queue *q)
{
	void *item = q->items[q->first];
	q->first = (q->first + 1) % q->capacity;
	q->n--;
	return item;
}

void *queue_pop(struct queue *q)
{
	struct waiter self = { 0 };
	void *item = NULL;
	pthread_mutex_lock(&q->lock);
	bool waits = q->n == 0 && !q->closed;
	if (waits) {
		if (sem_init(&self.called, 0, 0) != 0) {
			die("no semaphore");
		}
		self.next = q->waiters;
		/* cppcheck-suppress autoVariables ; whoever calls takes it out of the list before this returns */
		q->waiters = &self;
	} else if (q->n > 0) {
		item = take_first(q);
	}
	pthread_mutex_unlock(&q->lock);
	if (waits) {
		while (sem_wait(&self.called) != 0 && errno == EINTR) {
		}
		(void) sem_destroy(&self.called);
		item = self.item;
	}
	return item;
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	struct waiter *w = q->waiters;
	q->waiters = NULL;
	q->closed = true;
	pthread_mutex_unlock(&q->lock);
	while (w != NULL) {
		struct waiter *next = w->next; /* once called, it is gone */
		(void) sem_post(&w->called);
		w = next;
	}
}

size_t queue_length(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	size_t n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

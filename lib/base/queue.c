#include "lib/base/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/die.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
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
	if (q == NULL || pthread_mutex_init(&q->lock, NULL) != 0 || pthread_cond_init(&q->filled, NULL) != 0) {
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
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

bool queue_push(struct queue *q, void *item)
{
	pthread_mutex_lock(&q->lock);
	bool fits = !q->closed && q->n < q->capacity;
	if (fits) {
		q->items[(q->first + q->n) % q->capacity] = item;
		q->n++;
		pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&q->lock);
	return fits;
}

void *queue_pop(struct queue *q)
{
	void *item = NULL;
	pthread_mutex_lock(&q->lock);
	while (q->n == 0 && !q->closed) {
		pthread_cond_wait(&q->filled, &q->lock);
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
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

size_t queue_length(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	size_t n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

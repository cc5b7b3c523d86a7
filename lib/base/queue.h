/* A bounded queue of pointers between threads. Items come out in the order they went in; of the threads that wait, the one
 * that came last gets the next item, so that a light load keeps few threads, and their database connections, warm. */
#ifndef CAIRN_BASE_QUEUE_H
#define CAIRN_BASE_QUEUE_H

#include "lib/base/bytes.h"

struct queue;

struct queue *queue_new(size_t capacity);
/* Frees the queue, not what it holds. Nobody may wait in it any more. */
void queue_free(struct queue *q);

/* False, at once, when it is full or closed. */
bool queue_push(struct queue *q, void *item) MUST_CHECK;
/* Waits for an item; NULL once the queue is closed and empty. */
void *queue_pop(struct queue *q);
/* Wakes all; push refuses from now on, pop hands out what is left. */
void queue_close(struct queue *q);
size_t queue_length(struct queue *q);

#endif

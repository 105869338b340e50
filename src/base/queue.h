/*
 * queue.h - a bounded queue of pointers, from any number of writers to one reader.
 *
 * What travels is batches, so that a lock a batch costs little a packet. A full queue makes the
 * writer wait, an empty one the reader.
 */
#ifndef TSUMARI_BASE_QUEUE_H
#define TSUMARI_BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#define QUEUE_SIZE 64u

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t not_empty, not_full;
	unsigned head, n, limit;
	void *item[QUEUE_SIZE];
};

void queue_init(struct queue *q, unsigned limit); /* limit: 1..QUEUE_SIZE */
void queue_put(struct queue *q, void *item);      /* waits while full */
bool queue_try_put(struct queue *q, void *item);  /* false where it is full */
void *queue_get(struct queue *q);                 /* waits while empty */
bool queue_try_get(struct queue *q, void **item);
/* As queue_get, but gives up (false) after some milliseconds. */
bool queue_get_within(struct queue *q, void **item, unsigned milliseconds);
void queue_release(struct queue *q);

#endif

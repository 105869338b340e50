/* queue.c - see queue.h. */
#include "base/queue.h"
#include <errno.h>
#include <time.h>

void queue_init(struct queue *q, unsigned limit)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->not_empty, &attr);
	pthread_cond_init(&q->not_full, &attr);
	pthread_condattr_destroy(&attr);
	q->head = 0;
	q->n = 0;
	q->limit = limit && limit < QUEUE_SIZE ? limit : QUEUE_SIZE;
}

static void append(struct queue *q, void *item)
{
	q->item[(q->head + q->n++) % QUEUE_SIZE] = item;
	if (q->n == 1)
		pthread_cond_signal(&q->not_empty);
}

void queue_put(struct queue *q, void *item)
{
	pthread_mutex_lock(&q->lock);
	while (q->n == q->limit)
		pthread_cond_wait(&q->not_full, &q->lock);
	append(q, item);
	pthread_mutex_unlock(&q->lock);
}

bool queue_try_put(struct queue *q, void *item)
{
	bool room;

	pthread_mutex_lock(&q->lock);
	room = q->n < q->limit;
	if (room)
		append(q, item);
	pthread_mutex_unlock(&q->lock);
	return room;
}

static void *take_first(struct queue *q)
{
	void *item = q->item[q->head];

	q->head = (q->head + 1) % QUEUE_SIZE;
	q->n--;
	/* Writers that found it full go on when half of it is free: fewer wake-ups. */
	if (q->n == q->limit / 2)
		pthread_cond_broadcast(&q->not_full);
	return item;
}

void *queue_get(struct queue *q)
{
	void *item;

	pthread_mutex_lock(&q->lock);
	while (!q->n)
		pthread_cond_wait(&q->not_empty, &q->lock);
	item = take_first(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}

bool queue_try_get(struct queue *q, void **item)
{
	bool got;

	pthread_mutex_lock(&q->lock);
	got = q->n > 0;
	if (got)
		*item = take_first(q);
	pthread_mutex_unlock(&q->lock);
	return got;
}

bool queue_get_within(struct queue *q, void **item, unsigned milliseconds)
{
	struct timespec until;
	bool got;
	int e = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&q->lock);
	while (!q->n && e != ETIMEDOUT)
		e = pthread_cond_timedwait(&q->not_empty, &q->lock, &until);
	got = q->n > 0;
	if (got)
		*item = take_first(q);
	pthread_mutex_unlock(&q->lock);
	return got;
}

void queue_release(struct queue *q)
{
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->not_empty);
	pthread_cond_destroy(&q->not_full);
}

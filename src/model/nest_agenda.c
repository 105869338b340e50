/*
 * nest_agenda.c - what is to happen, the earliest first.
 *
 * Nothing is put in front of what left last but what happens then. So the others need no order
 * among each other but by the first bit in which their time differs from that one's (a radix heap):
 * those of the lowest such bit come next, and when their turn has come the earliest of them takes
 * its place, and they are told apart by lower bits. What happens at the time that has come is in a
 * heap, a small one.
 */
#include "base/mem.h"
#include "model/nest_impl.h"
#include <stdlib.h>
#include <string.h>

/* Without a branch: which of two is first nobody can foretell. */
static inline bool before(const struct event *a, const struct event *b)
{
	return ((hash_product)a->time << 64 | a->order) < ((hash_product)b->time << 64 | b->order);
}

static void put_near(struct agenda *q, const struct event *e)
{
	uint32_t at = q->nnear++;

	for (; at && before(e, &q->near[(at - 1) / 2]); at = (at - 1) / 2)
		q->near[at] = q->near[(at - 1) / 2];
	q->near[at] = *e;
}

static struct event take_near(struct agenda *q)
{
	struct event *heap = q->near, top = heap[0], e = heap[--q->nnear];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < q->nnear) {
		child += child + 1 < q->nnear && before(&heap[child + 1], &heap[child]);
		if (!before(&heap[child], &e))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = e;
	return top;
}

/* A place of `far` among those that differ from `last` in the same bit. */
static void put_far(struct agenda *q, uint32_t i)
{
	unsigned bit = 63 - (unsigned)__builtin_clzll(q->far[i].time ^ q->last);

	q->next[i] = q->used >> bit & 1 ? q->first[bit] : NONE;
	q->first[bit] = i;
	q->used |= UINT64_C(1) << bit;
}

void agenda_put(struct agenda *q, uint64_t time, uint64_t order)
{
	struct event e = {time, order};
	uint32_t i = q->free;

	q->n++;
	if (time <= q->last) {
		put_near(q, &e);
		return;
	}
	if (i == NONE)
		i = q->ever++;
	else
		q->free = q->next[i];
	q->far[i] = e;
	put_far(q, i);
	if (q->least && time < q->least)
		q->least = time;
}

static uint64_t least_of(const struct agenda *q, uint32_t first)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = first; i != NONE; i = q->next[i])
		least = q->far[i].time < least ? q->far[i].time : least;
	return least;
}

/* The time of the earliest has come. */
static void come_near(struct agenda *q)
{
	unsigned bit = (unsigned)__builtin_ctzll(q->used);
	uint32_t i = q->first[bit], next;

	q->last = least_of(q, i);
	q->used &= q->used - 1;
	for (; i != NONE; i = next) {
		next = q->next[i];
		if (q->far[i].time != q->last) {
			put_far(q, i);
			continue;
		}
		put_near(q, &q->far[i]);
		q->next[i] = q->free;
		q->free = i;
	}
}

struct event agenda_take(struct agenda *q)
{
	q->n--;
	q->least = 0;
	if (!q->nnear)
		come_near(q);
	return take_near(q);
}

bool agenda_is_older(struct agenda *q, uint64_t time)
{
	if (q->nnear)
		return q->near[0].time < time;
	if (!q->n || q->last >= time)
		return false;
	if (!q->least)
		q->least = least_of(q, q->first[__builtin_ctzll(q->used)]);
	return q->least < time;
}

void agenda_init(struct agenda *q)
{
	*q = (struct agenda){.free = NONE,
		.near = xmalloc(NEST_EVENTS * sizeof(*q->near)),
		.far = xmalloc(NEST_EVENTS * sizeof(*q->far)),
		.next = xmalloc(NEST_EVENTS * sizeof(*q->next))};
}

void agenda_copy(struct agenda *to, const struct agenda *q)
{
	struct event *near, *far;
	uint32_t *next;

	agenda_init(to);
	near = to->near;
	far = to->far;
	next = to->next;
	memcpy(near, q->near, q->nnear * sizeof(*near));
	memcpy(far, q->far, q->ever * sizeof(*far));
	memcpy(next, q->next, q->ever * sizeof(*next));
	*to = *q;
	to->near = near;
	to->far = far;
	to->next = next;
}

void agenda_release(struct agenda *q)
{
	free(q->near);
	free(q->far);
	free(q->next);
}

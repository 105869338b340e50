/*
 * nest_agenda.c - what is to happen, the earliest first.
 *
 * Nothing is put in front of what left last but what happens then. So the others need no order
 * among each other but by the first digit in which their time differs from that one's (a radix heap
 * of six bits a digit): those of the last such place and the least such digit come next, and when
 * their turn has come they are told apart by the digits behind. What happens at the time that has
 * come is in a heap, and so are the next few, which no digit need tell apart.
 */
#include "base/mem.h"
#include "model/nest_impl.h"
#include <stdlib.h>
#include <string.h>

#define FEW_NEAR 16u

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

/* Into the list of those that differ from `last` in the same place by the same digit. */
static void put_far(struct agenda *q, uint32_t i)
{
	uint64_t time = q->far[i].time;
	unsigned place = (63 - (unsigned)__builtin_clzll(time ^ q->last)) / DIGIT;
	unsigned digit = time >> (place * DIGIT) & (DIGITS - 1);

	q->next[i] = q->first[place][digit];
	q->first[place][digit] = i;
	q->digits[place] |= UINT64_C(1) << digit;
	q->places |= 1u << place;
}

/* The list of those that come next; there is one. */
static uint32_t *next_list(struct agenda *q)
{
	unsigned place = (unsigned)__builtin_ctz(q->places);

	return &q->first[place][__builtin_ctzll(q->digits[place])];
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

/* The time that has come when these have: of all of them where they are few, else of the earliest.
 */
static uint64_t time_of(const struct agenda *q, uint32_t first)
{
	uint64_t most = 0;
	unsigned n = 0;

	for (uint32_t i = first; i != NONE; i = q->next[i]) {
		if (n++ == FEW_NEAR)
			return least_of(q, first);
		most = q->far[i].time > most ? q->far[i].time : most;
	}
	return most;
}

/* The time of those that come next has come. */
static void come_near(struct agenda *q)
{
	unsigned place = (unsigned)__builtin_ctz(q->places);
	uint32_t *list = next_list(q), i = *list, next;

	q->last = time_of(q, i);
	*list = NONE;
	q->digits[place] &= q->digits[place] - 1;
	if (!q->digits[place])
		q->places &= q->places - 1;
	for (; i != NONE; i = next) {
		next = q->next[i];
		if (q->far[i].time > q->last) {
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
		q->least = least_of(q, *next_list(q));
	return q->least < time;
}

void agenda_init(struct agenda *q)
{
	*q = (struct agenda){.free = NONE,
		.near = xmalloc(NEST_EVENTS * sizeof(*q->near)),
		.far = xmalloc(NEST_EVENTS * sizeof(*q->far)),
		.next = xmalloc(NEST_EVENTS * sizeof(*q->next))};
	memset(q->first, 0xff, sizeof(q->first));
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

/*
 * nest_ahead.c - what is held back: sorted all at once, and gone through before its time, on a copy
 * that goes on with the same cells of the account, so that whoever wants these as they were has to
 * keep them.
 */
#include "model/nest_impl.h"
#include "base/mem.h"
#include "model/directions.h"
#include <string.h>

static unsigned digit(const struct event *e, bool time, unsigned shift)
{
	return ((time ? e->time : e->order) >> shift) & 0xff;
}

/* Sorts stably by a byte of their time or order. */
static void sort_pass(
	const struct event *from, struct event *to, uint32_t n, bool time, unsigned shift)
{
	uint32_t first[256] = {0}, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		first[digit(&from[i], time, shift)]++;
	for (unsigned d = 0; d < 256; d++) {
		uint32_t count = first[d];

		first[d] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < n; i++)
		to[first[digit(&from[i], time, shift)]++] = from[i];
}

/* By those bytes that are not the same of all, the last first. */
struct event *nest_sort(struct event *e, struct event *room, uint32_t n)
{
	uint64_t differs[2] = {0, 0};

	for (uint32_t i = 1; i < n; i++) {
		differs[0] |= (e[i].order ^ e[0].order) >> EVENT_ITEM;
		differs[1] |= e[i].time ^ e[0].time;
	}
	for (unsigned i = 0; i < 16; i++) {
		unsigned shift = 8 * (i % 8);
		struct event *other = room;

		if (!(differs[i / 8] >> shift & 0xff))
			continue;
		if (i < 8)
			sort_pass(e, other, n, false, shift + EVENT_ITEM);
		else
			sort_pass(e, other, n, true, shift);
		room = e;
		e = other;
	}
	return e;
}

static void *part_of(const void *p, size_t used, size_t whole)
{
	return memcpy(xmalloc(whole), p, used);
}

void nest_look_ahead(const struct nest *n)
{
	struct nest *copy;

	if (!n->nevents)
		return;
	copy = part_of(n, sizeof(*n), sizeof(*n));
	copy->parent = NULL;
	copy->edges = NULL;
	copy->spells = NULL;
	copy->room = 0;
	copy->directions = directions_copy(n->directions);
	copy->heap =
		part_of(n->heap, n->nevents * sizeof(*n->heap), NEST_EVENTS * sizeof(*n->heap));
	copy->items = part_of(n->items, n->nitems * sizeof(*n->items), ITEMS * sizeof(*n->items));
	copy->links = part_of(n->links, n->nlinks * sizeof(*n->links), LINKS * sizeof(*n->links));
	copy->nodes = part_of(n->nodes, n->nnodes * sizeof(*n->nodes), NODES * sizeof(*n->nodes));
	nest_finish(copy);
	nest_free(copy);
}

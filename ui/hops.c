/* hops.c - see hops.h. */
#include "hops.h"
#include "timetravel.h"
#include "view.h"
#include "base/mem.h"
#include "model/tally.h"
#include "model/tiers.h"
#include <stdlib.h>
#include <string.h>

#define PASSES 4 /* the time looked at grows with each caller that is found */

struct call { /* a record that lies in the time */
	const struct record *r;
	struct nest_wait w;
	uint32_t parent; /* the likeliest */
	uint32_t weight; /* of NEST_ONE */
};

struct finder {
	struct ui *u;
	struct call *call;
	uint32_t n, cap;
	uint64_t from, to;
	bool crowded;
};

/* Everything is passed on as it was given: here it stands for a place in the list. */
static const struct digest any;

static bool wait_of(struct ui *u, const struct record *r, struct nest_wait *w)
{
	if (r->kind == RECORD_TXN && !r->composite)
		return tiers_wait(model_tiers(u->shown), (const void *)r, w);
	if (r->kind != RECORD_TURN || r->end == FIELD_ABSENT)
		return false;
	tiers_turn_wait((const void *)r, w);
	return true;
}

static bool take(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct finder *f = arg;
	struct nest_wait w;

	(void)number;
	if (when < f->from || !wait_of(f->u, r, &w) || w.end < f->from || w.start > f->to)
		return true;
	if (f->n == HOPS_RECORDS) {
		f->crowded = true;
		return false;
	}
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 256;
		f->call = xrealloc(f->call, f->cap * sizeof(*f->call));
	}
	w.digest = &any;
	w.digest_id = f->n;
	f->call[f->n++] = (struct call){r, w, HOP_NONE, 0};
	return true;
}

static void take_open(void *arg, const struct record *r)
{
	take(arg, 0, UINT64_MAX, r);
}

static void on_parent(
	void *arg, const struct nest_wait *w, const struct nest_link *links, uint32_t first)
{
	struct finder *f = arg;

	for (uint32_t k = first; k != UINT32_MAX; k = links[k].next) {
		struct call *c = &f->call[links[k].digest_id];

		if (links[k].weight <= c->weight)
			continue;
		c->weight = links[k].weight;
		c->parent = w->digest_id;
	}
}

/* Who called whom in a span of time. */
static void look(struct finder *f, uint64_t from, uint64_t to)
{
	struct nest *nest = nest_new(NEST_EVENTS, on_parent, f);

	f->from = from;
	f->to = to;
	f->n = 0;
	store_each(f->u->store, 0, ui_until(f->u), take, f);
	if (f->u->moment) {
		moment_each(f->u->moment, RECORD_TXN, take_open, f);
		moment_each(f->u->moment, RECORD_TURN, take_open, f);
	}
	for (uint32_t i = 0; i < f->n; i++)
		nest_add(nest, &f->call[i].w, NULL, 0);
	nest_finish(nest);
	nest_free(nest);
}

static bool is_it(const struct record *a, const struct record *b)
{
	return a->kind == b->kind && a->flow_id == b->flow_id && a->start == b->start &&
	       (a->key == b->key || a->open);
}

static uint32_t find(const struct finder *f, const struct record *r)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (is_it(f->call[i].r, r))
			return i;
	return HOP_NONE;
}

/* More likely this one's than any other's. */
static bool likely(const struct call *c)
{
	return c->parent != HOP_NONE && c->weight > NEST_ONE / 2;
}

static uint32_t outermost(const struct finder *f, uint32_t i)
{
	for (unsigned hops = 0; hops < HOPS_MAX && likely(&f->call[i]); hops++)
		i = f->call[i].parent;
	return i;
}

static bool add(struct hops *h, const struct call *c, uint32_t parent)
{
	struct hop *x = &h->hop[h->n];

	if (h->n == HOPS_MAX) {
		h->left_out++;
		return false;
	}
	x->r = xmalloc(c->r->size);
	memcpy(x->r, c->r, c->r->size);
	x->parent = parent;
	x->depth = parent == HOP_NONE ? 0 : h->hop[parent].depth + 1;
	x->unsure = parent != HOP_NONE && c->weight < NEST_ONE;
	x->start = c->w.start;
	x->end = c->w.end;
	h->n++;
	return true;
}

/* The calls of each request behind those of the requests before it. */
static void gather(struct hops *h, const struct finder *f, uint32_t first)
{
	uint32_t from[HOPS_MAX];

	from[0] = first;
	add(h, &f->call[first], HOP_NONE);
	for (uint32_t i = 0; i < h->n; i++)
		for (uint32_t k = 0; k < f->n; k++) {
			const struct call *c = &f->call[k];

			if (c->parent != from[i])
				continue;
			if (!likely(c))
				h->unsure++;
			else if (add(h, c, i))
				from[h->n - 1] = k;
		}
}

struct hops *hops_find(struct ui *u, const struct record *r)
{
	struct finder f = {.u = u};
	struct nest_wait w;
	struct hops *h = NULL;
	uint32_t self = HOP_NONE, first = HOP_NONE;
	uint64_t from, to;

	if (!wait_of(u, r, &w))
		return NULL;
	from = w.start;
	to = w.end;
	for (int pass = 0; pass < PASSES; pass++) {
		look(&f, from, to);
		self = find(&f, r);
		if (self == HOP_NONE)
			break;
		first = outermost(&f, self);
		if (f.call[first].w.start >= from && f.call[first].w.end <= to)
			break;
		from = f.call[first].w.start;
		to = f.call[first].w.end > to ? f.call[first].w.end : to;
	}
	if (self != HOP_NONE) {
		h = xcalloc(1, sizeof(*h));
		gather(h, &f, first);
		h->crowded = f.crowded;
		h->no_parent = f.call[first].parent != HOP_NONE;
		for (uint32_t i = 0; i < h->n; i++)
			h->asked = is_it(h->hop[i].r, r) ? i : h->asked;
	}
	free(f.call);
	return h;
}

void hops_free(struct hops *h)
{
	for (uint32_t i = 0; h && i < h->n; i++)
		free(h->hop[i].r);
	free(h);
}

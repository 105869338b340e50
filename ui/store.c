/* store.c - see store.h. */
#include "store.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK (256u * 1024u)

struct store_block {
	struct store_block *next;
	unsigned refs; /* one of them the store's */
	uint32_t used, size, n;
	uint64_t first;    /* number of its first record */
	uint64_t from, to; /* times */
	uint8_t data[];
};

struct entry { /* before each record */
	uint64_t when;
};

struct store {
	struct store_block *first, *last;
	uint64_t bytes, budget, next;
};

struct store *store_new(uint64_t budget)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->budget = budget;
	return s;
}

static void block_release(struct store_block *b)
{
	if (--b->refs == 0)
		free(b);
}

static void drop_first(struct store *s)
{
	struct store_block *b = s->first;

	s->first = b->next;
	if (!s->first)
		s->last = NULL;
	s->bytes -= b->size;
	block_release(b);
}

void store_free(struct store *s)
{
	if (!s)
		return;
	while (s->first)
		drop_first(s);
	free(s);
}

static void begin_block(struct store *s, uint32_t need)
{
	uint32_t size = need > BLOCK ? need : BLOCK;
	struct store_block *b;

	while (s->first && s->bytes + size > s->budget)
		drop_first(s);
	b = xmalloc(sizeof(*b) + size);
	memset(b, 0, sizeof(*b));
	b->refs = 1;
	b->size = size;
	b->first = s->next;
	if (s->last)
		s->last->next = b;
	else
		s->first = b;
	s->last = b;
	s->bytes += size;
}

void store_add(struct store *s, const struct record *r, uint64_t when)
{
	uint32_t need = (uint32_t)sizeof(struct entry) + r->size;
	struct store_block *b = s->last;
	struct entry e = {when};

	if (b && when < b->to)
		e.when = b->to;
	if (!b || b->size - b->used < need) {
		begin_block(s, need);
		b = s->last;
		b->from = e.when;
	}
	memcpy(b->data + b->used, &e, sizeof(e));
	memcpy(b->data + b->used + sizeof(e), r, r->size);
	b->used += need;
	b->n++;
	b->to = e.when;
	s->next++;
}

uint64_t store_next(const struct store *s)
{
	return s->next;
}

uint64_t store_first(const struct store *s)
{
	return s->first ? s->first->first : s->next;
}

uint64_t store_from(const struct store *s)
{
	return s->first ? s->first->from : 0;
}

uint64_t store_to(const struct store *s)
{
	return s->last ? s->last->to : 0;
}

uint64_t store_bytes(const struct store *s)
{
	return s->bytes;
}

void store_hold(struct store *s, struct store_hold *h, uint64_t from)
{
	for (struct store_block *b = s->first; b; b = b->next) {
		bool held = b->first + b->n <= from;

		/* Blocks come in order: those held already are at the end. */
		for (unsigned i = h->n; i > 0 && !held && h->blocks[i - 1]->first >= b->first; i--)
			held = h->blocks[i - 1] == b;
		if (held)
			continue;
		if (h->n == h->cap) {
			h->cap = h->cap ? h->cap * 2 : 16;
			h->blocks = xrealloc(h->blocks, h->cap * sizeof(struct store_block *));
		}
		b->refs++;
		h->blocks[h->n++] = b;
	}
}

void store_release(struct store_hold *h)
{
	for (unsigned i = 0; i < h->n; i++)
		block_release(h->blocks[i]);
	free(h->blocks);
	memset(h, 0, sizeof(*h));
}

static const struct record *record_at(const struct store_block *b, uint32_t at, uint64_t *when)
{
	struct entry e;

	memcpy(&e, b->data + at, sizeof(e));
	*when = e.when;
	return (const void *)(b->data + at + sizeof(e));
}

void store_each(struct store *s, uint64_t from, uint64_t to,
	bool (*fn)(void *arg, uint64_t number, uint64_t when, const struct record *r), void *arg)
{
	for (struct store_block *b = s->first; b && b->first < to; b = b->next) {
		uint64_t number = b->first;

		if (number + b->n <= from)
			continue;
		for (uint32_t at = 0; at < b->used && number < to; number++) {
			uint64_t when;
			const struct record *r = record_at(b, at, &when);

			at += (uint32_t)sizeof(struct entry) + r->size;
			if (number >= from && !fn(arg, number, when, r))
				return;
		}
	}
}

struct search {
	uint64_t when, found;
};

static bool is_after(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct search *x = arg;

	(void)r;
	if (when <= x->when)
		return true;
	x->found = number;
	return false;
}

uint64_t store_after(const struct store *s, uint64_t when)
{
	for (struct store_block *b = s->first; b; b = b->next) {
		struct search x = {when, b->first + b->n};

		if (b->to <= when)
			continue;
		store_each((struct store *)s, b->first, b->first + b->n, is_after, &x);
		return x.found;
	}
	return s->next;
}

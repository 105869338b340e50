/* records.c - see records.h: blocks of them, which are used again while they are warm. */
#include "core/records.h"
#include "core/shard.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK 65520u /* with its head below what malloc asks the system for */

static struct recblock *block_new(struct engine *e, uint32_t size)
{
	struct recblock *b = e->spare;

	if (b && size <= BLOCK) {
		e->spare = b->next;
		e->nspare--;
	} else {
		uint32_t cap = size > BLOCK ? size : BLOCK;

		b = xmalloc(sizeof(*b) + cap);
		b->cap = cap;
	}
	b->next = NULL;
	b->len = 0;
	return b;
}

void records_give_back(struct engine *e, struct recblock *b)
{
	if (b->cap != BLOCK || e->nspare >= e->spare_most) {
		free(b);
		return;
	}
	b->next = e->spare;
	e->spare = b;
	e->nspare++;
}

void records_when_full(struct engine *e, uint64_t bytes, void (*full)(void *arg), void *arg)
{
	e->full_bytes = bytes;
	e->full = full;
	e->full_arg = arg;
}

void *record_room(struct shard *sh, uint32_t size)
{
	struct records *out = &sh->engine->out;
	struct recblock *b = out->last;
	struct record *r;

	size = (size + 7) / 8 * 8;
	if (!b || b->cap - b->len < size) {
		b = block_new(sh->engine, size);
		if (out->last)
			out->last->next = b;
		else
			out->first = b;
		out->last = b;
	}
	r = (struct record *)(void *)(b->data + b->len);
	memset(r, 0, size);
	b->len += size;
	out->bytes += size;
	r->size = size;
	r->key = RECORD_KEY(sh->key_order, sh->key_tick ? sh->index : RECORD_KEY_PACKET);
	return r;
}

void records_free(struct records *r)
{
	while (r->first) {
		struct recblock *b = r->first;

		r->first = b->next;
		free(b);
	}
	r->last = NULL;
	r->bytes = 0;
}

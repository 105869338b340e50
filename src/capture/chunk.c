/*
 * chunk.c - the memory that frames lie in: counted references, and a pool that keeps chunks warm.
 *
 * The count is the only thing that threads share here. A reader that gives up its reference
 * (release) has done all its reads before the source finds the chunk free (acquire) and writes to
 * it again.
 */
#include "capture/source_impl.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

struct chunk *chunk_new(size_t size)
{
	struct chunk *c = xmalloc(sizeof(*c) + size);

	atomic_init(&c->refs, 1);
	c->parts = 0;
	c->size = size;
	return c;
}

struct chunk *chunk_bundle(struct chunk *const *parts, unsigned n)
{
	struct chunk *c = chunk_new(n * sizeof(struct chunk *));

	c->parts = n;
	memcpy(c->data, parts, n * sizeof(struct chunk *));
	for (unsigned i = 0; i < n; i++)
		chunk_ref(parts[i]);
	return c;
}

void chunk_ref(struct chunk *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void chunk_unref(struct chunk *c)
{
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (unsigned i = 0; i < c->parts; i++) {
		struct chunk *part;

		memcpy(&part, c->data + i * sizeof(part), sizeof(part));
		chunk_unref(part);
	}
	free(c);
}

static bool chunk_free(const struct chunk *c)
{
	return atomic_load_explicit(&c->refs, memory_order_acquire) == 1;
}

struct chunk *chunk_pool_get(struct chunk_pool *p, struct chunk *now, size_t size)
{
	unsigned i;

	if (now && now->size >= size && chunk_free(now))
		return now;
	/* The first that is free, so that few are in use and those stay in the cache. */
	for (i = 0; i < CHUNK_POOL && p->slot[i]; i++) {
		if (!chunk_free(p->slot[i]))
			continue;
		if (p->slot[i]->size >= size)
			return p->slot[i];
		if (p->slot[i] != now)
			break; /* free, and too small: replaced */
	}
	if (i == CHUNK_POOL) {
		/* All are held: whoever holds this one keeps it alive, `now` is still needed. */
		i = p->next;
		if (p->slot[i] == now)
			i = (i + 1) % CHUNK_POOL;
		p->next = (i + 1) % CHUNK_POOL;
	}
	if (p->slot[i])
		chunk_unref(p->slot[i]);
	p->slot[i] = chunk_new(size);
	return p->slot[i];
}

struct chunk *chunk_pool_room(struct chunk_pool *p, struct chunk *now, size_t *fill, size_t size)
{
	size_t want = size > CHUNK_SIZE ? size : CHUNK_SIZE;
	struct chunk *c;

	if (now && !chunk_free(now) && now->size - *fill >= size)
		return now;
	c = chunk_pool_get(p, now, want);
	*fill = 0;
	return c;
}

void chunk_pool_release(struct chunk_pool *p)
{
	for (unsigned i = 0; i < CHUNK_POOL; i++) {
		if (p->slot[i])
			chunk_unref(p->slot[i]);
		p->slot[i] = NULL;
	}
}

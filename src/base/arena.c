/*
 * arena.c - see arena.h. An arena has blocks of the size of a huge page, and aligned to one, so
 * that an object's block is known by its address; in each block's first slab is what is known of
 * the others.
 */
#include "base/arena.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLABS ((unsigned)(HUGE_PAGE / SLAB)) /* of a block */
#define WORDS (SLABS / 64)

/* Of a pool. */
struct slab {
	void *free; /* objects that were put back */
	struct slab *next, *prev;
	uint32_t live; /* objects that are out */
};

struct block {
	uint64_t used[WORDS];
	uint64_t unclean[WORDS]; /* has been used, or is */
	unsigned index, nfree;
	bool torn; /* pages of it went back */
	struct slab slab[SLABS];
};

_Static_assert(sizeof(struct block) <= SLAB, "it has the first slab");

static inline struct block *block_of(const void *p)
{
	return (struct block *)((uintptr_t)p & ~(uintptr_t)(HUGE_PAGE - 1));
}

static inline unsigned index_of(const void *p)
{
	return (unsigned)(((uintptr_t)p & (HUGE_PAGE - 1)) / SLAB);
}

static inline bool bit(const uint64_t *set, unsigned i)
{
	return set[i / 64] >> i % 64 & 1;
}

static inline void set_bit(uint64_t *set, unsigned i)
{
	set[i / 64] |= UINT64_C(1) << i % 64;
}

static inline void clear_bit(uint64_t *set, unsigned i)
{
	set[i / 64] &= ~(UINT64_C(1) << i % 64);
}

static struct block *block_new(struct arena *a)
{
	struct block *b = map_huge(HUGE_PAGE, !a->small);

	if (a->nblocks == a->room) {
		a->room = a->room ? 2 * a->room : 4;
		a->blocks = xrealloc(a->blocks, a->room * sizeof(struct block *));
	}
	b->index = a->nblocks;
	b->nfree = SLABS - 1;
	set_bit(b->used, 0);
	a->blocks[a->nblocks++] = b;
	return b;
}

/* The first of n free slabs one after another, 0: there are none. */
static unsigned find_run(const struct block *b, unsigned n)
{
	unsigned got = 0;

	if (b->nfree < n)
		return 0;
	for (unsigned i = 1; i < SLABS; i++) {
		if (i % 64 == 0 && b->used[i / 64] == UINT64_MAX) {
			i += 63;
			got = 0;
		} else if (bit(b->used, i)) {
			got = 0;
		} else if (++got == n) {
			return i + 1 - n;
		}
	}
	return 0;
}

/* n slabs; clean: zeroed. */
static uint8_t *take(struct arena *a, unsigned n, bool clean)
{
	unsigned *from = &a->from[n < 5 ? n : 0], first = 0, at = *from;
	struct block *b = NULL;
	uint8_t *p;

	for (; at < a->nblocks && !first; at++) {
		b = a->blocks[at];
		first = find_run(b, n);
	}
	if (n < 5)
		*from = first ? at - 1 : at;
	if (!first) {
		b = block_new(a);
		first = 1;
	}
	p = (uint8_t *)b + (size_t)first * SLAB;
	for (unsigned i = first; i < first + n; i++) {
		set_bit(b->used, i);
		if (!bit(b->unclean, i))
			continue;
		a->unclean--;
		if (clean)
			memset((uint8_t *)b + (size_t)i * SLAB, 0, SLAB);
	}
	b->nfree -= n;
	a->taken += n;
	return p;
}

/* What is free goes back to the machine. Not only the block's pages: it may have no huge page from
   now on, as the machine would make it whole again sometime. */
static void give_back(struct arena *a, struct block *b)
{
	for (unsigned i = 1; i < SLABS; i++) {
		unsigned first = i;

		for (; i < SLABS && !bit(b->used, i) && bit(b->unclean, i); i++)
			clear_bit(b->unclean, i);
		if (i == first)
			continue;
		if (!b->torn && !a->small)
			(void)madvise(b, HUGE_PAGE, MADV_NOHUGEPAGE);
		b->torn = true;
		if (madvise((uint8_t *)b + (size_t)first * SLAB, (size_t)(i - first) * SLAB,
			    MADV_DONTNEED))
			memset((uint8_t *)b + (size_t)first * SLAB, 0, (size_t)(i - first) * SLAB);
		a->unclean -= i - first;
	}
}

static void give(struct arena *a, void *p, unsigned n)
{
	struct block *b = block_of(p);
	unsigned first = index_of(p);

	for (unsigned i = first; i < first + n; i++) {
		clear_bit(b->used, i);
		set_bit(b->unclean, i);
	}
	b->nfree += n;
	a->taken -= n;
	a->unclean += n;
	for (unsigned i = 0; i < 5; i++)
		if (a->from[i] > b->index)
			a->from[i] = b->index;
	if (a->unclean <= a->taken / 8 + a->keep / SLAB)
		return;
	for (unsigned i = 0; i < a->nblocks; i++)
		give_back(a, a->blocks[i]);
}

static unsigned whole_slabs(size_t n)
{
	return (unsigned)((n + SLAB - 1) / SLAB);
}

void *arena_take(struct arena *a, size_t n)
{
	return take(a, whole_slabs(n), true);
}

void arena_give(struct arena *a, void *p, size_t n)
{
	give(a, p, whole_slabs(n));
}

void arena_release(struct arena *a)
{
	for (unsigned i = 0; i < a->nblocks; i++)
		munmap(a->blocks[i], HUGE_PAGE);
	free(a->blocks);
	memset(a, 0, sizeof(*a));
}

void pool_init(struct pool *p, struct arena *a, size_t size)
{
	memset(p, 0, sizeof(*p));
	p->arena = a;
	p->size = (uint32_t)((size + 15) / 16 * 16);
}

static inline struct slab *slab_of(const void *object)
{
	return &block_of(object)->slab[index_of(object)];
}

static uint8_t *slab_start(const struct slab *s)
{
	struct block *b = block_of(s);

	return (uint8_t *)b + (size_t)(s - b->slab) * SLAB;
}

static void link_slab(struct pool *p, struct slab *s)
{
	s->prev = NULL;
	s->next = p->partial;
	if (s->next)
		s->next->prev = s;
	p->partial = s;
}

static void unlink_slab(struct pool *p, struct slab *s)
{
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		p->partial = s->next;
}

static void take_slab(struct pool *p)
{
	p->piece = take(p->arena, 1, false);
	p->fresh = slab_of(p->piece);
	memset(p->fresh, 0, sizeof(*p->fresh));
	p->left = SLAB / p->size;
	p->slabs++;
}

void *pool_get(struct pool *p)
{
	struct slab *s = p->partial;
	void *o;

	p->live++;
	if (s) {
		o = s->free;
		memcpy(&s->free, o, sizeof(void *));
		if (s->free)
			__builtin_prefetch(s->free); /* the next one's link, cold by now */
		else
			unlink_slab(p, s);
		s->live++;
		return o;
	}
	if (!p->left)
		take_slab(p);
	o = p->piece;
	p->piece += p->size;
	p->left--;
	p->fresh->live++;
	return o;
}

void pool_put(struct pool *p, void *object)
{
	struct slab *s;

	if (!object)
		return;
	s = slab_of(object);
	p->live--;
	memcpy(object, &s->free, sizeof(void *));
	if (!s->free)
		link_slab(p, s);
	s->free = object;
	/* The last one with room stays, as there would be a new one soon. */
	if (--s->live || (s == p->fresh && p->left) || (p->partial == s && !s->next))
		return;
	unlink_slab(p, s);
	p->slabs--;
	give(p->arena, slab_start(s), 1);
}

void pool_shrink(struct pool *p, void (*moved)(void *object))
{
	uint32_t each = SLAB / p->size, has = p->slabs * each - p->left;
	uint64_t put_back[SLAB / 16 / 64] = {0};
	struct slab *s = p->partial;
	uint8_t *start;

	if (has - p->live <= has / 4 + 2 * each)
		return;
	while (s && (s->live > each / 2 || s == p->fresh))
		s = s->next;
	if (!s)
		return;
	start = slab_start(s);
	for (uint8_t *o = s->free; o; memcpy(&o, o, sizeof(void *)))
		set_bit(put_back, (unsigned)((size_t)(o - start) / p->size));
	unlink_slab(p, s);
	for (uint32_t i = 0; i < each; i++) {
		void *to;

		if (bit(put_back, i))
			continue;
		to = pool_get(p);
		memcpy(to, start + (size_t)i * p->size, p->size);
		moved(to);
	}
	p->live -= s->live;
	p->slabs--;
	give(p->arena, start, 1);
}

/*
 * arena.h - memory that is taken in slabs, given back, and taken by others then.
 *
 * Everything that a thread keeps many of comes from one arena, so that what a flood of one kind has
 * had is there for the next kind's; what nobody takes goes back to the machine. Not for several
 * threads.
 */
#ifndef TSUMARI_BASE_ARENA_H
#define TSUMARI_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB      16384u
#define ARENA_MAX ((size_t)1 << 20) /* that can be taken at once */

struct arena {
	bool small;  /* what is not used yet takes no memory: no huge pages */
	size_t keep; /* bytes given back that stay for the next to come, an eighth of all besides */
	struct block **blocks;
	unsigned nblocks, room;
	unsigned from[5]; /* the first block that may have room for so many slabs; 0: for more */
	uint32_t taken;   /* slabs */
	uint32_t unclean; /* of those that are free: had been taken */
};

/* n bytes (at most ARENA_MAX), zeroed, whole slabs and aligned to one. */
void *arena_take(struct arena *a, size_t n);
/* n bytes that arena_take() gave are not needed any more. */
void arena_give(struct arena *a, void *p, size_t n);
void arena_release(struct arena *a);

/*
 * A pool of objects of one size (at most SLAB), carved from slabs of an arena and recycled; slabs
 * without an object go back. What comes out of it is not zeroed.
 */
struct pool {
	struct arena *arena;
	uint32_t size;
	uint32_t slabs;       /* it has */
	struct slab *partial; /* those with objects that were put back, the one to take from first
			       */
	struct slab *fresh;   /* the last one taken, from which is carved what never was out */
	uint8_t *piece;       /* what is left of it */
	uint32_t left;        /* objects in it */
	uint32_t live;        /* objects that are out */
};

void pool_init(struct pool *p, struct arena *a, size_t size);
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *object);
/*
 * Where more than a quarter of its memory has no object, moves those of a slab elsewhere, so that
 * it can go; moved() is told of each, once it is at its new place. Nobody else may point to them.
 */
void pool_shrink(struct pool *p, void (*moved)(void *object));

#endif

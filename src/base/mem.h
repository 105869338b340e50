/*
 * mem.h - memory that is there or the program is not.
 *
 * Running out of the machine's memory ends the program with one line, and with what is whole
 * written (base/ending.h); running out of a budget is the caller's to handle, before it asks here.
 */
#ifndef TSUMARI_BASE_MEM_H
#define TSUMARI_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a library that has none. */
void out_of_memory(void) __attribute__((noreturn, cold));

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size); /* zeroed */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

/*
 * An array of n bytes, zeroed and aligned to a cache line (64 bytes), in huge pages where it is
 * large: tables that are looked into at random cost a miss of the TLB for each look otherwise.
 */
void *table_alloc(size_t n);
void table_free(void *p, size_t n);

/*
 * Memory that is taken piece by piece and given back all at once, in huge pages (madvise(2),
 * MADV_HUGEPAGE). Not for several threads.
 */
struct arena {
	bool small; /* what is not used yet takes no memory: no huge pages */
	void **blocks;
	unsigned nblocks;
	uint8_t *at; /* what is left of the last block */
	size_t left;
	uint8_t *rest; /* what large pieces left of the ones before, for small ones */
	size_t rest_left;
	struct given *given;
};

/* n bytes (at most ARENA_MAX), zeroed, aligned to a cache line. */
#define ARENA_MAX ((size_t)1 << 20)
void *arena_take(struct arena *a, size_t n);
/* n bytes that arena_take() gave are not needed any more. */
void arena_give(struct arena *a, void *p, size_t n);
void arena_release(struct arena *a);

/*
 * A pool of objects of one size, carved from an arena and recycled. What comes out of it is not
 * zeroed.
 */
struct pool {
	struct arena *arena;
	size_t size;
	void *free;
	uint8_t *piece; /* what is not carved yet */
	unsigned left;  /* objects in it */
};

void pool_init(struct pool *p, struct arena *a, size_t size);
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *object);

#endif

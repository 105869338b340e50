/*
 * mem.h - memory that is there or the program is not.
 *
 * Running out of the machine's memory aborts with one line; running out of a budget is the caller's
 * to handle, before it asks here.
 */
#ifndef TSUMARI_BASE_MEM_H
#define TSUMARI_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size); /* zeroed */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
/* Zeroed, aligned to a cache line (64 bytes); free() releases it. */
void *xaligned(size_t n);

/*
 * A pool of objects of one size, carved from larger pieces and recycled. Not for several threads.
 * What comes out of it is not zeroed. Memory goes back to the system with pool_release() only.
 */
struct pool {
	size_t size;
	void *free;
	void **pieces;
	unsigned npieces;
	unsigned left;  /* objects not yet carved from the last piece */
	uint64_t used;  /* objects handed out */
	uint64_t bytes; /* taken from the system */
};

void pool_init(struct pool *p, size_t size);
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *object);
void pool_release(struct pool *p);

#endif

/* mem.c - see mem.h. */
#include "base/mem.h"
#include "base/ending.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE       ((size_t)2 << 20) /* a huge page of x86-64 and AArch64 */
#define POOL_PIECE 16384u

void out_of_memory(void)
{
	ending_now("out of memory");
}

static void *must(void *p)
{
	if (!p)
		out_of_memory();
	return p;
}

void *xmalloc(size_t n)
{
	return must(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n)
{
	return must(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
	return must(strdup(s));
}

static void *map_huge(size_t n, bool huge)
{
	uint8_t *p =
		mmap(NULL, n + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before, behind;

	must(p == MAP_FAILED ? NULL : p);
	before = (HUGE - (uintptr_t)p % HUGE) % HUGE;
	behind = HUGE - before;
	if (before)
		munmap(p, before);
	if (behind)
		munmap(p + before + n, behind);
	if (huge) /* slower without, but no less right */
		(void)madvise(p + before, n, MADV_HUGEPAGE);
	return p + before;
}

static size_t whole_huge(size_t n)
{
	return (n + HUGE - 1) / HUGE * HUGE;
}

void *table_alloc(size_t n)
{
	void *p;

	if (n >= HUGE)
		return map_huge(whole_huge(n), true);
	n = (n + 63) / 64 * 64;
	p = must(aligned_alloc(64, n));
	memset(p, 0, n);
	return p;
}

void table_free(void *p, size_t n)
{
	if (p && n >= HUGE)
		munmap(p, whole_huge(n));
	else
		free(p);
}

static void *carve(uint8_t **at, size_t *left, size_t n)
{
	uint8_t *p = *at;

	*at += n;
	*left -= n;
	return p;
}

/* At the front of memory that was given back: `left` bytes with this. */
struct given {
	struct given *next;
	size_t left;
};

static size_t whole_lines(size_t n)
{
	return (n + 63) / 64 * 64;
}

void arena_give(struct arena *a, void *p, size_t n)
{
	struct given *g = p;

	g->next = a->given;
	g->left = whole_lines(n);
	a->given = g;
}

static void *take_given(struct arena *a, size_t n)
{
	for (struct given **at = &a->given; *at; at = &(*at)->next) {
		struct given *g = *at;

		if (g->left < n)
			continue;
		g->left -= n;
		if (!g->left)
			*at = g->next;
		return memset((uint8_t *)g + g->left, 0, n);
	}
	return NULL;
}

void *arena_take(struct arena *a, size_t n)
{
	void *given;

	n = whole_lines(n);
	given = take_given(a, n);
	if (given)
		return given;
	if (a->rest_left >= n)
		return carve(&a->rest, &a->rest_left, n);
	if (a->left < n) {
		if (a->left > a->rest_left) {
			a->rest = a->at;
			a->rest_left = a->left;
		}
		a->blocks = xrealloc(a->blocks, (a->nblocks + 1) * sizeof(void *));
		a->at = a->blocks[a->nblocks++] = map_huge(HUGE, !a->small);
		a->left = HUGE;
	}
	return carve(&a->at, &a->left, n);
}

void arena_release(struct arena *a)
{
	for (unsigned i = 0; i < a->nblocks; i++)
		munmap(a->blocks[i], HUGE);
	free(a->blocks);
	memset(a, 0, sizeof(*a));
}

void pool_init(struct pool *p, struct arena *a, size_t size)
{
	memset(p, 0, sizeof(*p));
	p->arena = a;
	p->size = (size + 15) / 16 * 16;
}

void *pool_get(struct pool *p)
{
	void *o = p->free;

	if (o) {
		memcpy(&p->free, o, sizeof(void *));
		__builtin_prefetch(p->free); /* the next one's link, cold by now */
		return o;
	}
	if (!p->left) {
		p->left = POOL_PIECE / p->size ? (unsigned)(POOL_PIECE / p->size) : 1;
		p->piece = arena_take(p->arena, p->left * p->size);
	}
	o = p->piece;
	p->piece += p->size;
	p->left--;
	return o;
}

void pool_put(struct pool *p, void *object)
{
	if (!object)
		return;
	memcpy(object, &p->free, sizeof(void *));
	p->free = object;
}

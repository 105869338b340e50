/* mem.c - see mem.h. */
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_PIECE 65536u

static void *must(void *p)
{
	if (!p) {
		fputs("tsumari: out of memory\n", stderr);
		abort();
	}
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

void *xaligned(size_t n)
{
	size_t whole = (n + 63) / 64 * 64;
	void *p = must(aligned_alloc(64, whole));

	memset(p, 0, whole);
	return p;
}

void pool_init(struct pool *p, size_t size)
{
	memset(p, 0, sizeof(*p));
	p->size = (size + 15) / 16 * 16;
}

void *pool_get(struct pool *p)
{
	size_t per = POOL_PIECE / p->size ? POOL_PIECE / p->size : 1;
	void *o = p->free;

	p->used++;
	if (o) {
		memcpy(&p->free, o, sizeof(void *));
		return o;
	}
	if (!p->left) {
		p->pieces = xrealloc(p->pieces, (p->npieces + 1) * sizeof(void *));
		p->pieces[p->npieces++] = xmalloc(per * p->size);
		p->bytes += per * p->size;
		p->left = (unsigned)per;
	}
	return (uint8_t *)p->pieces[p->npieces - 1] + (per - p->left--) * p->size;
}

void pool_put(struct pool *p, void *object)
{
	if (!object)
		return;
	memcpy(object, &p->free, sizeof(void *));
	p->free = object;
	p->used--;
}

void pool_release(struct pool *p)
{
	for (unsigned i = 0; i < p->npieces; i++)
		free(p->pieces[i]);
	free(p->pieces);
	pool_init(p, p->size);
}

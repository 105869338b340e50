/* mem.c - see mem.h. */
#include "base/mem.h"
#include "base/ending.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

void *map_huge(size_t n, bool huge)
{
	uint8_t *p = mmap(
		NULL, n + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before, behind;

	must(p == MAP_FAILED ? NULL : p);
	before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
	behind = HUGE_PAGE - before;
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
	return (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

void *table_alloc(size_t n)
{
	void *p;

	if (n >= HUGE_PAGE)
		return map_huge(whole_huge(n), true);
	n = (n + 63) / 64 * 64;
	p = must(aligned_alloc(64, n));
	memset(p, 0, n);
	return p;
}

void table_free(void *p, size_t n)
{
	if (p && n >= HUGE_PAGE)
		munmap(p, whole_huge(n));
	else
		free(p);
}

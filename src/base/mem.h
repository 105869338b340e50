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

#define HUGE_PAGE ((size_t)2 << 20) /* of x86-64 and AArch64 */
/* Zeroed memory of n bytes, a multiple of a huge page and aligned to one; huge: of such pages. */
void *map_huge(size_t n, bool huge);

#endif

/*
 * stats.c - counters by name.
 *
 * Names are constants, so most look-ups end at an equal pointer; the same text from two places is
 * one counter all the same. Nothing is allocated: a set is a plain struct that can be copied.
 */
#include "core/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char other[] = "other";

static struct counter *find(struct counters *c, const char *name)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->c[i].name == name)
			return &c->c[i];
	for (uint32_t i = 0; i < c->n; i++)
		if (strcmp(c->c[i].name, name) == 0)
			return &c->c[i];
	return NULL;
}

static struct counter *append(struct counters *c, const char *name)
{
	struct counter *new = &c->c[c->n++];

	new->name = name;
	new->n = 0;
	return new;
}

void counters_add(struct counters *c, const char *name, uint64_t n)
{
	struct counter *counter = find(c, name);

	/* The last place is kept for what finds no other. */
	if (!counter && c->n < COUNTERS_MAX - 1)
		counter = append(c, name);
	if (!counter)
		counter = find(c, other);
	if (!counter)
		counter = append(c, other);
	counter->n += n;
}

void counters_merge(struct counters *c, const struct counters *from)
{
	for (uint32_t i = 0; i < from->n; i++)
		counters_add(c, from->c[i].name, from->c[i].n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct counter *)a)->name, ((const struct counter *)b)->name);
}

void counters_sort(struct counters *c)
{
	qsort(c->c, c->n, sizeof(c->c[0]), by_name);
}

void capture_comment(struct capture_stats *st, uint64_t time, const char *text)
{
	struct capture_comment *c;

	if (st->comments++ >= COMMENTS_SHOWN)
		return;
	c = &st->comment[st->comments - 1];
	c->time = time;
	snprintf(c->text, sizeof(c->text), "%s", text);
}

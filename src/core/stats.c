/*
 * stats.c - counters by name.
 *
 * Names are constants, so most look-ups end at an equal pointer; the same text from two places is
 * one counter all the same. Nothing is allocated: a set is a plain struct that can be copied.
 */
#include "base/clock.h"
#include "core/stats.h"
#include "base/text.h"
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

const char *const iface_state_names[IFACE_STATE_COUNT] = {
	"up", "no_carrier", "down", "renamed", "removed", "failed"};

void capture_change_text(const struct capture_change *c, struct text *t)
{
	static const char *const words[IFACE_STATE_COUNT] = {" is up again", " has no carrier",
		" is down", " is called ", " was removed", " cannot be read any more"};

	text_escape(t, c->name, strlen(c->name), SIZE_MAX);
	if (c->now[0] && c->state != IFACE_RENAMED) {
		text_str(t, " (now ");
		text_escape(t, c->now, strlen(c->now), SIZE_MAX);
		text_char(t, ')');
	}
	text_str(t, words[c->state]);
	if (c->state == IFACE_RENAMED) {
		text_escape(t, c->now, strlen(c->now), SIZE_MAX);
		text_str(t, " now");
	}
}

/* The two neighbours that are nearest become one. */
static void drops_make_room(struct drops *d)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i + 1 < d->n; i++)
		if (d->list[i + 1].end - d->list[i].start <
			d->list[best + 1].end - d->list[best].start)
			best = i;
	d->list[best].end = d->list[best + 1].end;
	d->list[best].frames += d->list[best + 1].frames;
	d->n--;
	memmove(&d->list[best + 1], &d->list[best + 2], (d->n - best - 1) * sizeof(d->list[0]));
}

/* Of one second, or of all that passed in between where that was long. */
static void drops_put(struct drops *d, uint64_t start, uint64_t end, uint64_t frames)
{
	uint32_t i = d->n;

	while (i && d->list[i - 1].start > start)
		i--;
	if (i && d->list[i - 1].end > start) {
		i--;
		if (d->list[i].end < end)
			d->list[i].end = end;
		d->list[i].frames += frames;
		return;
	}
	memmove(&d->list[i + 1], &d->list[i], (d->n - i) * sizeof(d->list[0]));
	d->list[i] = (struct capture_drops){start, end, frames};
	d->n++;
}

void drops_add(struct drops *d, uint64_t from, uint64_t to, uint64_t frames)
{
	uint64_t second = from / SECOND, last = to / SECOND, given = 0;

	if (last < second)
		last = second;
	if (last - second >= DROPS_SHOWN / 2) {
		if (d->n == DROPS_SHOWN)
			drops_make_room(d);
		drops_put(d, second * SECOND, (last + 1) * SECOND, frames);
		return;
	}
	for (; second <= last; second++) {
		uint64_t until = second == last ? to : (second + 1) * SECOND;
		uint64_t upto = to > from ? (uint64_t)((double)frames * (double)(until - from) /
						       (double)(to - from))
					  : frames;

		if (second == last)
			upto = frames;
		if (upto == given)
			continue;
		if (d->n == DROPS_SHOWN)
			drops_make_room(d);
		drops_put(d, second * SECOND, (second + 1) * SECOND, upto - given);
		given = upto;
	}
}

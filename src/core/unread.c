/*
 * unread.c - the bytes of a side that its dissector has not read yet, and when each of them came.
 *
 * Most sessions wait for few bytes only, if for any: these lie in the session itself.
 */
#include "core/unread.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/stream.h"
#include <stdlib.h>
#include <string.h>

/* n bytes instead of the `old` ones at p, of which those at `few` are the session's own. */
static void *regrow(struct shard *sh, void *p, size_t old, size_t n, const void *few)
{
	void *q;

	if (p != few) {
		sh->app_bytes += n - old;
		return xrealloc(p, n);
	}
	q = xmalloc(n);
	sh->app_bytes += n;
	memcpy(q, p, old);
	return q;
}

static void grown_free(struct shard *sh, void *p, size_t n, const void *few)
{
	if (p == few)
		return;
	sh->app_bytes -= n;
	free(p);
}

void unread_init(struct session_side *x)
{
	x->buf = x->few;
	x->cap = UNREAD_FEW;
	x->spans = &x->one;
	x->span_cap = 1;
	x->len = 0;
	x->nspans = 0;
}

void unread_swap(struct session *s)
{
	struct session_side t = s->side[0];

	s->side[0] = s->side[1];
	s->side[1] = t;
	if (s->spoke < 2)
		s->spoke ^= 1;
	for (int i = 0; i < 2; i++) {
		struct session_side *x = &s->side[i], *from = &s->side[!i];

		if (x->buf == from->few)
			x->buf = x->few;
		if (x->spans == &from->one)
			x->spans = &x->one;
	}
}

void unread_drop(struct session *s, struct session_side *x)
{
	grown_free(s->shard, x->buf, x->cap, x->few);
	grown_free(s->shard, x->spans, x->span_cap * sizeof(*x->spans), &x->one);
	unread_init(x);
}

bool unread_keep(struct session *s, struct session_side *x, const uint8_t *p, size_t n)
{
	if (n > UNREAD_MAX)
		return false;
	if (n > x->cap) {
		uint32_t cap = x->cap;
		bool inside = p >= x->buf && p < x->buf + x->cap;
		size_t at = inside ? (size_t)(p - x->buf) : 0;

		while (cap < n)
			cap *= 2;
		x->buf = regrow(s->shard, x->buf, x->cap, cap, x->few);
		x->cap = cap;
		if (inside)
			p = x->buf + at;
	}
	if (n)
		memmove(x->buf, p, n);
	x->len = (uint32_t)n;
	return true;
}

void unread_span(struct session *s, struct session_side *x, uint64_t offset, const struct stamp *at)
{
	uint64_t start = x->pos - x->len;
	uint8_t stale = 0;

	if (start >= offset)
		x->nspans = 0;
	while (stale + 1 < x->nspans && x->spans[stale + 1].offset <= start)
		stale++;
	if (stale) {
		x->nspans = (uint8_t)(x->nspans - stale);
		memmove(x->spans, x->spans + stale, x->nspans * sizeof(*x->spans));
	}
	if (x->nspans == x->span_cap && x->span_cap < SPANS_MAX) {
		uint8_t cap = (uint8_t)(x->span_cap * 2);

		x->spans = regrow(s->shard, x->spans, x->span_cap * sizeof(*x->spans),
			cap * sizeof(*x->spans), &x->one);
		x->span_cap = cap;
	}
	if (x->nspans == SPANS_MAX) {
		/* The middle ones are least asked for, but for where a turn begins. */
		uint32_t drop = SPANS_MAX / 2 + (x->spans[SPANS_MAX / 2].offset == x->turn);

		memmove(&x->spans[drop], &x->spans[drop + 1],
			(SPANS_MAX - drop - 1) * sizeof(x->spans[0]));
	} else {
		x->nspans++;
	}
	x->spans[x->nspans - 1] = (struct span){offset, *at};
}

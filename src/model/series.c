/*
 * series.c - see series.h.
 *
 * Buckets lie in a ring by their number, time / width, from an origin on. What covers whole buckets
 * is kept as its differences from bucket to bucket and added up only where somebody reads, or where
 * the width doubles: adding a transaction costs the same however long it took.
 */
#include "model/series.h"
#include "base/mem.h"
#include "model/tally.h"
#include <stdlib.h>
#include <string.h>

#define HEAT_FIRST 10u /* row 0 ends at 2^10 ns */

struct cell {
	struct series_bucket b; /* peak: at the edges of the narrower buckets inside */
	int64_t edge;           /* what is to be added to `at` from here on */
	int64_t cover;          /* to those that are under way all through */
};

struct series {
	struct cell *cell; /* cap of them; those between lo and hi have been set */
	struct series_bucket *view;
	unsigned cap;
	bool any, recent;
	uint64_t lo, hi; /* numbers of the buckets in use */
	uint64_t origin; /* the number that lies in the first cell */
	uint64_t last;   /* the last in which there was something */
	uint64_t width;
};

struct series *series_new(unsigned buckets)
{
	struct series *s = xcalloc(1, sizeof(*s));

	s->cap = buckets;
	s->width = SERIES_WIDTH;
	s->cell = xmalloc(buckets * sizeof(*s->cell));
	return s;
}

struct series *series_new_recent(unsigned buckets, uint64_t width)
{
	struct series *s = series_new(buckets);

	s->recent = true;
	s->width = width;
	return s;
}

void series_free(struct series *s)
{
	if (!s)
		return;
	free(s->cell);
	free(s->view);
	free(s);
}

unsigned series_heat_row(uint64_t duration)
{
	unsigned top, row;

	if (duration < UINT64_C(1) << HEAT_FIRST)
		return 0;
	top = 63u - (unsigned)__builtin_clzll(duration);
	row = 1 + 2 * (top - HEAT_FIRST) + ((duration >> (top - 1)) & 1);
	return row < SERIES_HEAT ? row : SERIES_HEAT - 1;
}

uint64_t series_heat_least(unsigned row)
{
	if (!row)
		return 0;
	return (UINT64_C(2) + (row - 1) % 2) << (HEAT_FIRST - 1 + (row - 1) / 2);
}

static struct cell *cell(struct series *s, uint64_t number)
{
	return &s->cell[(number - s->origin) & (s->cap - 1)];
}

/* Buckets that come into use; to: behind the last. */
static void clear(struct series *s, uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		memset(cell(s, from), 0, sizeof(struct cell));
}

/* Adds up the differences. */
static void fold(struct series *s)
{
	int64_t edge = 0, cover = 0;

	for (uint64_t i = s->lo; i <= s->hi; i++) {
		struct cell *c = cell(s, i);

		edge += c->edge;
		cover += c->cover;
		c->edge = c->cover = 0;
		c->b.at += (uint64_t)edge;
		c->b.peak += (uint64_t)cover;
		c->b.busy += (uint64_t)cover * s->width;
	}
}

static void merge(struct series_bucket *to, const struct series_bucket *b)
{
	if (b->at > to->peak)
		to->peak = b->at;
	if (b->peak > to->peak)
		to->peak = b->peak;
	to->started += b->started;
	to->ended += b->ended;
	to->errors += b->errors;
	to->bytes += b->bytes;
	to->busy += b->busy;
	to->waited += b->waited;
	if (b->slowest > to->slowest)
		to->slowest = b->slowest;
	for (int i = 0; i < LEDGER_COUNT; i++)
		to->ledger[i] += b->ledger[i];
	for (unsigned i = 0; i < SERIES_HEAT; i++)
		to->heat[i] += b->heat[i];
}

/* In place: a bucket moves towards the first, which stays where it is. */
static void widen(struct series *s)
{
	uint64_t origin = s->origin, first = (s->lo - origin) & (s->cap - 1);
	struct series_bucket *b = &cell(s, s->lo)->b;
	uint64_t lo = s->lo, hi = s->hi;

	fold(s);
	s->origin = lo / 2 - first;
	if (lo & 1) { /* its first half is empty */
		b->peak = b->at > b->peak ? b->at : b->peak;
		b->at = 0;
	}
	for (uint64_t i = lo + 1; i <= hi; i++) {
		const struct cell *from = &s->cell[(i - origin) & (s->cap - 1)];

		if (i & 1)
			merge(&cell(s, i / 2)->b, &from->b);
		else
			*cell(s, i / 2) = *from;
	}
	s->lo = lo / 2;
	s->hi = hi / 2;
	s->last /= 2;
	s->width *= 2;
}

/* The oldest buckets go, what is under way in them stays. */
static void drop_to(struct series *s, uint64_t lo)
{
	if (lo > s->hi) {
		/* Nothing is under way behind the last of them. */
		s->lo = s->hi = s->last = lo;
		clear(s, lo, lo + 1);
		return;
	}
	while (s->lo < lo) {
		struct cell *old = cell(s, s->lo), *next = cell(s, s->lo + 1);

		next->edge += old->edge;
		next->cover += old->cover;
		s->lo++;
	}
	if (s->last < lo)
		s->last = lo;
}

static void fit_recent(struct series *s, uint64_t from, uint64_t to)
{
	uint64_t a = from / s->width, b = to / s->width + 1;
	uint64_t least = b >= s->cap ? b - s->cap + 1 : 0;

	if (!s->any) {
		s->lo = a > least ? a : least;
		s->hi = b;
		clear(s, s->lo, b + 1);
		return;
	}
	if (least > s->lo)
		drop_to(s, least);
	if (b > s->hi) {
		clear(s, s->hi + 1, b + 1);
		s->hi = b;
	}
}

/* Makes room for a span of time, and the bucket behind it. */
static void fit(struct series *s, uint64_t from, uint64_t to)
{
	for (;;) {
		uint64_t a = from / s->width, b = to / s->width + 1;

		if (s->any) {
			a = a < s->lo ? a : s->lo;
			b = b > s->hi ? b : s->hi;
		}
		if (b - a < s->cap) {
			clear(s, a, s->any ? s->lo : b + 1);
			if (s->any)
				clear(s, s->hi + 1, b + 1);
			s->lo = a;
			s->hi = b;
			return;
		}
		if (s->any)
			widen(s);
		else
			s->width *= 2;
	}
}

/* Where the slowest is taken out, the least that the slowest of the others can be. */
static void slowest(struct series_bucket *b, uint64_t duration, uint64_t what)
{
	unsigned row = SERIES_HEAT;

	if (what == 1 && duration > b->slowest)
		b->slowest = duration;
	if (what == 1 || duration < b->slowest)
		return;
	while (row && !b->heat[row - 1])
		row--;
	b->slowest = row ? series_heat_least(row - 1) : 0;
}

/* what: 1 adds, -1 takes out; sums are those of two's complement. */
static void ended(struct series_bucket *b, const struct txn_record *t, uint64_t what)
{
	const struct record *r = &t->r;

	if (!txn_unknown(t) || !(r->quality >> QUALITY_PENDING & 1)) /* it goes on */
		b->ended += what;
	if (txn_failed(t))
		b->errors += what;
	if (r->client.bytes != FIELD_ABSENT)
		b->bytes += r->client.bytes * what;
	if (r->server.bytes != FIELD_ABSENT)
		b->bytes += r->server.bytes * what;
	if (r->duration != FIELD_ABSENT) {
		b->heat[series_heat_row(r->duration)] += (uint32_t)what;
		slowest(b, r->duration, what);
	}
	if (t->total == FIELD_ABSENT)
		return;
	b->waited += t->total * what;
	for (int i = 0; i < LEDGER_COUNT; i++)
		b->ledger[i] += t->ledger[i] * what;
}

static void put(struct series *s, const struct txn_record *t, int sign)
{
	uint64_t start = t->r.start, end = txn_end(t), a = start / s->width, b = end / s->width;
	uint64_t what = (uint64_t)(int64_t)sign;

	ended(&cell(s, b)->b, t, what);
	if (a >= s->lo)
		cell(s, a)->b.started += what;
	if (a == b) {
		cell(s, a)->b.busy += (end - start) * what;
		return;
	}
	if (a < s->lo) {
		a = s->lo;
	} else {
		cell(s, a)->b.busy += ((a + 1) * s->width - start) * what;
		a++;
	}
	cell(s, b)->b.busy += (end - b * s->width) * what;
	cell(s, a)->edge += sign;
	cell(s, b + 1)->edge -= sign;
	cell(s, a)->cover += sign;
	cell(s, b)->cover -= sign;
}

void series_add(struct series *s, const struct txn_record *t)
{
	uint64_t end = txn_end(t);

	(s->recent ? fit_recent : fit)(s, t->r.start, end);
	if (end / s->width < s->lo)
		return;
	if (!s->any || end / s->width > s->last)
		s->last = end / s->width;
	s->any = true;
	put(s, t, 1);
}

void series_take_out(struct series *s, const struct txn_record *t)
{
	if (txn_end(t) / s->width >= s->lo)
		put(s, t, -1);
}

struct series_view series_read(struct series *s)
{
	struct series_view v = {s->lo * s->width, s->width, 0, NULL};

	if (!s->any)
		return v;
	fold(s);
	if (!s->view)
		s->view = xcalloc(s->cap, sizeof(*s->view));
	for (uint64_t i = s->lo; i <= s->last; i++) {
		struct series_bucket *b = &s->view[v.n++];
		uint64_t mean;

		*b = cell(s, i)->b;
		mean = (b->busy + s->width - 1) / s->width;
		if (b->at > b->peak)
			b->peak = b->at;
		if (mean > b->peak)
			b->peak = mean;
	}
	v.bucket = s->view;
	return v;
}

struct series_most series_most(const struct series_view *v)
{
	struct series_most m = {.width = v->width};
	uint64_t ended = 0, errors = 0, window = 0;

	if (!v->n)
		return m;
	while (m.width < UINT64_C(1000000000))
		m.width *= 2;
	for (unsigned i = 0; i < v->n; i++) {
		const struct series_bucket *b = &v->bucket[i];
		uint64_t at = (v->start + i * v->width) / m.width;

		if (at != window)
			ended = errors = 0;
		window = at;
		ended += b->ended;
		errors += b->errors;
		m.ended = ended > m.ended ? ended : m.ended;
		m.errors = errors > m.errors ? errors : m.errors;
		m.slowest = b->slowest > m.slowest ? b->slowest : m.slowest;
		m.peak = b->peak > m.peak ? b->peak : m.peak;
	}
	return m;
}

struct series_set {
	struct series *whole, *recent; /* recent: NULL: not kept */
	struct {
		struct series *series;
		struct service *of;
		uint64_t since;
		uint64_t number; /* of the transaction that was added first, from 1 */
	} slot[SERIES_SERVICES];
	unsigned n, most;
	uint64_t added;
};

struct series_set *series_set_new(unsigned services)
{
	struct series_set *set = xcalloc(1, sizeof(*set));

	set->most = services;
	set->whole = series_new(SERIES_BUCKETS);
	return set;
}

void series_set_free(struct series_set *set)
{
	if (!set)
		return;
	series_free(set->whole);
	series_free(set->recent);
	for (unsigned i = 0; i < set->n; i++)
		series_free(set->slot[i].series);
	free(set);
}

/* The slot of a service that has none: a new one, another's, or none. */
static unsigned take_slot(struct series_set *set, const struct service *service)
{
	unsigned least = 0;

	if (set->n < set->most)
		return set->n++;
	for (unsigned i = 1; i < set->n; i++)
		if (set->slot[i].of->sum.total < set->slot[least].of->sum.total)
			least = i;
	if (set->slot[least].of->sum.total >= service->sum.total / 2)
		return SERIES_SERVICES;
	set->slot[least].of->series = 0;
	return least;
}

void series_set_record(struct series_set *set, struct service *service, const struct txn_record *t)
{
	unsigned i = service->series;

	series_add(set->whole, t);
	if (set->recent)
		series_add(set->recent, t);
	set->added++;
	if (!i) {
		bool later = service->sum.transactions > 1;

		i = take_slot(set, service) + 1;
		if (i > SERIES_SERVICES)
			return;
		service->series = (uint8_t)i;
		series_free(set->slot[i - 1].series);
		set->slot[i - 1].series = series_new(SERIES_SERVICE);
		set->slot[i - 1].of = service;
		set->slot[i - 1].since = later ? t->r.start : 0;
		set->slot[i - 1].number = set->added;
	}
	series_add(set->slot[i - 1].series, t);
}

uint64_t series_set_number(const struct series_set *set)
{
	return set->added;
}

void series_set_take_out(
	struct series_set *set, struct service *service, const struct txn_record *t, uint64_t after)
{
	unsigned i = service->series;

	series_take_out(set->whole, t);
	if (set->recent)
		series_take_out(set->recent, t);
	if (i && set->slot[i - 1].number <= after)
		series_take_out(set->slot[i - 1].series, t);
}

struct series_view series_whole(struct series_set *set)
{
	return series_read(set->whole);
}

void series_set_keep_recent(struct series_set *set)
{
	set->recent = series_new_recent(SERIES_BUCKETS, SERIES_RECENT);
}

struct series_view series_recent(struct series_set *set)
{
	return set->recent ? series_read(set->recent) : (struct series_view){0, 0, 0, NULL};
}

struct series_view series_of(struct series_set *set, const struct service *service, uint64_t *since)
{
	*since = 0;
	if (!service->series)
		return (struct series_view){0, 0, 0, NULL};
	*since = set->slot[service->series - 1].since;
	return series_read(set->slot[service->series - 1].series);
}

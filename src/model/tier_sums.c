/*
 * tier_sums.c - what requests and their calls add up to (tiers.h).
 *
 * The time in which a request had calls open is theirs: where several ran side by side, each has
 * its part of it, so that no time counts twice. Times are those of the span from the request's last
 * byte to the response's last; they are held against the server's entry of the ledger, and what is
 * left of that is the server's own.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "model/tiers_impl.h"
#include <stdlib.h>
#include <string.h>

#define PAIR_BUCKETS (TIERS_PAIRS * 2)
#define LOOK         8u /* pairs of which the one with the least time gives way */
#define NONE         UINT32_MAX

struct tier_entry {
	struct tier t;
	uint32_t id; /* the digest's */
};

struct pair_entry {
	struct tier_pair p;
	uint32_t parent, child; /* their digests' ids */
	uint32_t next;          /* of the same bucket */
};

struct edge {
	uint64_t time;
	int32_t weight; /* comes to those that are open */
	uint8_t class;
};

struct tier_sums {
	struct tier_entry *tier[TIERS_MAX];
	unsigned ntiers;
	struct tier other;
	uint16_t by_id[TIERS_MAX * 2]; /* place of a tier, plus 1 */
	struct pair_entry *pair[TIERS_PAIRS];
	unsigned npairs, hand;
	uint32_t bucket[PAIR_BUCKETS];
	const struct tier *sorted[TIERS_MAX + 1];
	const struct tier_pair *sorted_pairs[TIERS_PAIRS];
	struct edge *edges; /* of one request */
	const struct nest_link **calls;
	size_t room;
};

struct tier_sums *tier_sums_new(void)
{
	struct tier_sums *s = xcalloc(1, sizeof(*s));

	memset(s->bucket, 0xff, sizeof(s->bucket));
	s->other.text = "";
	return s;
}

static void pair_free(struct pair_entry *e)
{
	free((char *)e->p.text);
	free(e);
}

void tier_sums_free(struct tier_sums *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->ntiers; i++) {
		free((char *)s->tier[i]->t.text);
		free(s->tier[i]);
	}
	for (unsigned i = 0; i < s->npairs; i++)
		pair_free(s->pair[i]);
	free(s->edges);
	free(s->calls);
	free(s);
}

static char *copy(const char *text, size_t len)
{
	char *c = xmalloc(len + 1);

	memcpy(c, text, len);
	c[len] = '\0';
	return c;
}

/* Numbers of digests follow one another: they are their own hash. */
static struct tier *tier_of(struct tier_sums *s, const struct nest_wait *q)
{
	unsigned i;
	struct tier_entry *e;

	for (i = q->digest_id % (TIERS_MAX * 2); s->by_id[i]; i = (i + 1) % (TIERS_MAX * 2))
		if (s->tier[s->by_id[i] - 1]->id == q->digest_id)
			return &s->tier[s->by_id[i] - 1]->t;
	if (s->ntiers == TIERS_MAX || q->digest->id != q->digest_id)
		return &s->other;
	e = s->tier[s->ntiers++] = xcalloc(1, sizeof(*e));
	s->by_id[i] = (uint16_t)s->ntiers;
	e->id = q->digest_id;
	e->t.service = q->service;
	e->t.text = copy(q->digest->text, q->digest->len);
	e->t.len = q->digest->len;
	return &e->t;
}

static int by_time(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

static uint64_t part(uint64_t a, uint64_t b, uint64_t whole)
{
	return (uint64_t)((hash_product)a * b / whole);
}

/* The time in which there were calls open, by class. */
static void add_up(const struct edge *e, size_t n, uint64_t time[TIER_CLASSES])
{
	uint64_t open[TIER_CLASSES] = {0}, all = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t span = i ? e[i].time - e[i - 1].time : 0;

		for (int c = 0; c < TIER_CLASSES && span && all; c++)
			if (open[c])
				time[c] += part(span, open[c], all < TIERS_ONE ? TIERS_ONE : all);
		open[e[i].class] += (uint64_t)(int64_t)e[i].weight;
		all += (uint64_t)(int64_t)e[i].weight;
	}
}

static void add_times(struct tier *t, const struct nest_wait *q, const uint64_t time[TIER_CLASSES])
{
	uint64_t sum = 0, left = q->own;

	for (int c = 0; c < TIER_CLASSES; c++)
		sum += time[c];
	for (int c = 0; c < TIER_CLASSES && sum; c++) {
		uint64_t its = sum > q->own ? part(time[c], q->own, sum) : time[c];

		t->time[c] += its;
		left -= its;
	}
	t->time[TIER_OWN] += left;
	t->server += q->own;
}

static uint32_t *pair_bucket(struct tier_sums *s, uint32_t parent, uint32_t child)
{
	return &s->bucket[(parent * 2654435761u ^ child) % PAIR_BUCKETS];
}

/* The least of a few gives way. */
static unsigned give_up(struct tier_sums *s)
{
	unsigned least = s->hand;
	uint32_t *link;

	for (unsigned i = 1; i < LOOK; i++) {
		unsigned k = (s->hand + i) % TIERS_PAIRS;

		if (s->pair[k]->p.time < s->pair[least]->p.time)
			least = k;
	}
	s->hand = (s->hand + LOOK) % TIERS_PAIRS;
	link = pair_bucket(s, s->pair[least]->parent, s->pair[least]->child);
	while (*link != least)
		link = &s->pair[*link]->next;
	*link = s->pair[least]->next;
	pair_free(s->pair[least]);
	return least;
}

static struct tier_pair *pair_of(
	struct tier_sums *s, const struct tier *t, uint32_t parent, const struct nest_link *l)
{
	uint32_t *first = pair_bucket(s, parent, l->digest_id);
	struct pair_entry *e;
	unsigned at;

	for (uint32_t i = *first; i != NONE; i = s->pair[i]->next)
		if (s->pair[i]->parent == parent && s->pair[i]->child == l->digest_id)
			return &s->pair[i]->p;
	if (l->digest->id != l->digest_id || t == &s->other)
		return NULL;
	at = s->npairs < TIERS_PAIRS ? s->npairs++ : give_up(s);
	e = s->pair[at] = xcalloc(1, sizeof(*e));
	e->parent = parent;
	e->child = l->digest_id;
	e->next = *first;
	*first = at;
	e->p.parent = t;
	e->p.service = l->service;
	e->p.text = copy(l->digest->text, l->digest->len);
	e->p.len = l->digest->len;
	return &e->p;
}

static int by_digest(const void *a, const void *b)
{
	const struct nest_link *x = *(const struct nest_link *const *)a,
			       *y = *(const struct nest_link *const *)b;

	return x->digest_id < y->digest_id ? -1 : x->digest_id > y->digest_id;
}

/* How much of a call lies in the request's time. */
static uint64_t within(const struct nest_wait *q, uint64_t from, uint64_t till)
{
	from = from > q->begin ? from : q->begin;
	till = till < q->end ? till : q->end;
	return till > from ? till - from : 0;
}

/* Calls of one operation are counted together. */
static void add_pairs(
	struct tier_sums *s, const struct tier *t, const struct nest_wait *q, size_t n)
{
	qsort(s->calls, n, sizeof(const struct nest_link *), by_digest);
	for (size_t i = 0, next; i < n; i = next) {
		struct tier_pair *p = pair_of(s, t, q->digest_id, s->calls[i]);
		uint64_t calls = 0, time = 0;

		for (next = i; next < n && s->calls[next]->digest_id == s->calls[i]->digest_id;
			next++) {
			const struct nest_link *l = s->calls[next];

			calls += l->weight;
			time += part(within(q, l->start, l->end), (uint64_t)l->weight + l->more,
				TIERS_ONE);
		}
		if (!p)
			continue;
		p->requests++;
		p->repeats += calls >= (uint64_t)TIERS_REPEATS * TIERS_ONE;
		p->calls += calls;
		p->time += time;
		if (calls > p->most)
			p->most = calls;
	}
}

static void make_room(struct tier_sums *s, size_t n)
{
	if (n <= s->room)
		return;
	s->room = n * 2;
	s->edges = xrealloc(s->edges, s->room * 2 * sizeof(*s->edges));
	s->calls = xrealloc(s->calls, s->room * sizeof(const struct nest_link *));
}

void tier_sums_request(struct tier_sums *s, const struct nest_wait *q,
	const struct nest_link *links, uint32_t first)
{
	struct tier *t = tier_of(s, q);
	uint64_t time[TIER_CLASSES] = {0};
	size_t n = 0, m = 0, all = 0;

	for (uint32_t i = first; i != NONE; i = links[i].next) {
		const struct nest_link *l = &links[i];
		uint64_t from = l->start > q->asked ? l->start : q->asked;
		uint64_t till = l->end < q->end ? l->end : q->end;

		uint32_t weight = l->weight + l->more;

		if (!l->sure || !weight)
			continue;
		make_room(s, ++all);
		if (l->digest) /* of no operation: a turn, a connection */
			s->calls[n++] = l;
		t->calls[l->class] += l->weight;
		t->shared += l->weight < TIERS_ONE ? l->weight : 0;
		t->by_id += l->by_id;
		if (from < till) {
			s->edges[m++] = (struct edge){from, (int32_t)weight, l->class};
			s->edges[m++] = (struct edge){till, -(int32_t)weight, l->class};
		}
	}
	t->requests++;
	if (m) {
		qsort(s->edges, m, sizeof(*s->edges), by_time);
		add_up(s->edges, m, time);
	}
	add_times(t, q, time);
	if (n)
		add_pairs(s, t, q, n);
}

static int compare_tiers(const void *a, const void *b)
{
	const struct tier *x = *(const struct tier *const *)a;
	const struct tier *y = *(const struct tier *const *)b;
	size_t n = x->len < y->len ? x->len : y->len;
	int c;

	if (x->server != y->server)
		return x->server > y->server ? -1 : 1;
	if (x->requests != y->requests)
		return x->requests > y->requests ? -1 : 1;
	c = memcmp(x->text, y->text, n);
	return c ? c : x->len < y->len ? -1 : x->len > y->len;
}

static bool called(const struct tier *t)
{
	for (int c = 0; c < TIER_CLASSES; c++)
		if (t->calls[c])
			return true;
	return false;
}

unsigned tier_sums_sorted(struct tier_sums *s, const struct tier ***list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->ntiers; i++)
		if (called(&s->tier[i]->t))
			s->sorted[n++] = &s->tier[i]->t;
	if (called(&s->other))
		s->sorted[n++] = &s->other;
	qsort(s->sorted, n, sizeof(s->sorted[0]), compare_tiers);
	*list = s->sorted;
	return n;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct tier_pair *x = *(const struct tier_pair *const *)a;
	const struct tier_pair *y = *(const struct tier_pair *const *)b;
	size_t n = x->len < y->len ? x->len : y->len;
	int c;

	if (x->time != y->time)
		return x->time > y->time ? -1 : 1;
	if (x->calls != y->calls)
		return x->calls > y->calls ? -1 : 1;
	c = memcmp(x->text, y->text, n);
	return c ? c : x->len < y->len ? -1 : x->len > y->len;
}

unsigned tier_sums_pairs(
	struct tier_sums *s, const struct tier *parent, const struct tier_pair ***list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->npairs; i++)
		if (!parent || s->pair[i]->p.parent == parent)
			s->sorted_pairs[n++] = &s->pair[i]->p;
	qsort(s->sorted_pairs, n, sizeof(s->sorted_pairs[0]), compare_pairs);
	*list = s->sorted_pairs;
	return n;
}

/*
 * digests.c - see digests.h.
 *
 * The least one is found by a heap that is put in order only when somebody has to give way:
 * weights only grow, so an entry whose weight is out of date lies too near the top, never too deep.
 */
#include "model/digests.h"
#include "base/hash.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct entry {
	struct digest d;
	uint64_t hash;
	uint32_t next; /* of the same bucket */
	size_t room;   /* of the text */
	char *text;
};

struct leaf {
	uint64_t weight;
	uint32_t entry;
};

struct digests {
	struct entry **entries;
	uint32_t *bucket; /* the first of each, NONE: none */
	uint32_t mask, n, max, ids;
	struct leaf *heap; /* the least on top, once there is no room any more */
	bool heaped;
	struct entry *last; /* that was found */
	struct digest other;
	uint64_t given_up;
	struct hist_room *room;
	const struct digest **sorted;
	struct hash_key key;
};

struct digests *digests_new(unsigned max, struct hist_room *room)
{
	struct digests *d = xcalloc(1, sizeof(*d));
	uint32_t buckets = 16;

	while (buckets < max * 2)
		buckets *= 2;
	d->max = max;
	d->room = room;
	d->mask = buckets - 1;
	d->bucket = xmalloc(buckets * sizeof(*d->bucket));
	memset(d->bucket, 0xff, buckets * sizeof(*d->bucket));
	d->entries = xcalloc(max, sizeof(struct entry *));
	d->sorted = xcalloc(max + 1, sizeof(const struct digest *));
	d->heap = xcalloc(max, sizeof(*d->heap));
	d->other.other = true;
	d->other.text = "";
	hash_key_draw(&d->key);
	return d;
}

void digests_free(struct digests *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->n; i++) {
		tally_release(&d->entries[i]->d.sum);
		free(d->entries[i]->text);
		free(d->entries[i]);
	}
	tally_release(&d->other.sum);
	free(d->entries);
	free(d->bucket);
	free(d->sorted);
	free(d->heap);
	free(d);
}

/* Every transaction counts, also where it cannot be told how long it was waited for. */
static uint64_t weight(const struct digest *x)
{
	return x->floor + x->apart + x->sum.total + x->sum.transactions;
}

/* Of equal weights the one that came first is less. */
static bool less(const struct digests *d, const struct leaf *a, const struct leaf *b)
{
	if (a->weight != b->weight)
		return a->weight < b->weight;
	return d->entries[a->entry]->d.id < d->entries[b->entry]->d.id;
}

static void sift(struct digests *d, uint32_t at)
{
	for (;;) {
		uint32_t least = at, child = 2 * at + 1;
		struct leaf keep;

		for (uint32_t i = child; i < child + 2 && i < d->n; i++)
			if (less(d, &d->heap[i], &d->heap[least]))
				least = i;
		if (least == at)
			return;
		keep = d->heap[at];
		d->heap[at] = d->heap[least];
		d->heap[least] = keep;
		at = least;
	}
}

static void heap_all(struct digests *d)
{
	for (uint32_t i = 0; i < d->n; i++)
		d->heap[i] = (struct leaf){weight(&d->entries[i]->d), i};
	for (uint32_t i = d->n / 2; i-- > 0;)
		sift(d, i);
	d->heaped = true;
}

/* The number of the one that was waited for least. */
static uint32_t least(struct digests *d)
{
	if (!d->heaped)
		heap_all(d);
	for (;;) {
		struct leaf *top = &d->heap[0];
		uint64_t now = weight(&d->entries[top->entry]->d);

		if (top->weight == now)
			return top->entry;
		top->weight = now;
		sift(d, 0);
	}
}

static uint64_t hash_of(
	const struct digests *d, const struct service *service, const char *text, size_t len)
{
	return hash_bytes(&d->key, (uintptr_t)service, text, len);
}

static bool is(const struct entry *e, uint64_t hash, const struct service *service,
	const char *text, size_t len)
{
	return e->hash == hash && e->d.service == service && e->d.len == len &&
	       memcmp(e->text, text, len) == 0;
}

static struct entry *find(struct digests *d, uint64_t hash, const struct service *service,
	const char *text, size_t len)
{
	uint32_t i;

	if (d->last && is(d->last, hash, service, text, len))
		return d->last;
	for (i = d->bucket[hash & d->mask]; i != NONE; i = d->entries[i]->next)
		if (is(d->entries[i], hash, service, text, len))
			return d->last = d->entries[i];
	return NULL;
}

struct digest *digests_find(
	struct digests *d, const struct service *service, const char *text, size_t len)
{
	struct entry *e = find(d, hash_of(d, service, text, len), service, text, len);

	return e ? &e->d : NULL;
}

/* Takes the one that was waited for least out of its bucket; what it had goes to "other". */
static uint32_t give_up(struct digests *d)
{
	uint32_t i = least(d), *link;
	struct entry *e = d->entries[i];
	uint64_t had = weight(&e->d);

	for (link = &d->bucket[e->hash & d->mask]; *link != i; link = &d->entries[*link]->next)
		;
	*link = e->next;
	tally_merge(&d->other.sum, &e->d.sum);
	tally_release(&e->d.sum);
	memset(&e->d, 0, sizeof(e->d));
	tally_init(&e->d.sum, d->room);
	e->d.floor = had;
	d->given_up++;
	return i;
}

static struct entry *add(struct digests *d, uint64_t hash, const struct service *service,
	const char *text, size_t len)
{
	uint32_t i = d->n < d->max ? d->n : give_up(d);
	struct entry *e;

	if (i == d->n) {
		d->entries[i] = xcalloc(1, sizeof(*e));
		tally_init(&d->entries[i]->d.sum, d->room);
		d->n++;
	}
	e = d->entries[i];
	if (e->room < len + 1) {
		e->room = len + 1;
		e->text = xrealloc(e->text, e->room);
	}
	memcpy(e->text, text, len);
	e->text[len] = '\0';
	e->hash = hash;
	e->next = d->bucket[hash & d->mask];
	d->bucket[hash & d->mask] = i;
	e->d.service = service;
	e->d.text = e->text;
	e->d.len = len;
	e->d.id = ++d->ids;
	return d->last = e;
}

static uint64_t first_frame(const struct txn_record *t)
{
	for (int i = 0; i < 4; i++)
		if (t->frame[i])
			return t->frame[i];
	return 0;
}

/* Of equal durations the one that came first stays. */
static void keep_slowest(struct digest *x, const struct txn_record *t)
{
	uint64_t duration = t->r.duration;
	unsigned i = x->nslowest;

	if (duration == FIELD_ABSENT ||
		(i == DIGESTS_EXAMPLES && duration <= x->slowest[i - 1].duration))
		return;
	if (i == DIGESTS_EXAMPLES)
		i--;
	else
		x->nslowest++;
	for (; i > 0 && x->slowest[i - 1].duration < duration; i--)
		x->slowest[i] = x->slowest[i - 1];
	x->slowest[i].duration = duration;
	x->slowest[i].frame = first_frame(t);
}

struct digest *digests_record(struct digests *d, const struct service *service, const char *text,
	size_t len, const struct txn_record *t)
{
	uint64_t hash = hash_of(d, service, text, len);
	struct entry *e = find(d, hash, service, text, len);

	if (!e)
		e = add(d, hash, service, text, len);
	tally_add(&e->d.sum, t);
	keep_slowest(&e->d, t);
	return &e->d;
}

void digests_take_out(struct digests *d, struct digest *x, uint32_t id, const struct txn_record *t,
	const struct tally *one)
{
	if (x->id != id) {
		tally_subtract(&d->other.sum, one);
		return;
	}
	tally_subtract(&x->sum, one);
	/* The weight is what it was, so that the heap is right: it never gets less. */
	x->apart += one->total + one->transactions;
	for (unsigned i = 0; i < x->nslowest; i++)
		if (x->slowest[i].frame == first_frame(t) &&
			x->slowest[i].duration == t->r.duration) {
			memmove(&x->slowest[i], &x->slowest[i + 1],
				(x->nslowest - i - 1) * sizeof(x->slowest[0]));
			x->nslowest--;
			return;
		}
}

static int compare(const void *a, const void *b)
{
	const struct digest *x = *(const struct digest *const *)a;
	const struct digest *y = *(const struct digest *const *)b;

	if (x->sum.total != y->sum.total)
		return x->sum.total > y->sum.total ? -1 : 1;
	if (x->sum.transactions != y->sum.transactions)
		return x->sum.transactions > y->sum.transactions ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

unsigned digests_sorted(struct digests *d, const struct digest ***list)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < d->n; i++)
		if (d->entries[i]->d.sum.transactions)
			d->sorted[n++] = &d->entries[i]->d;
	if (d->other.sum.transactions)
		d->sorted[n++] = &d->other;
	qsort(d->sorted, n, sizeof(d->sorted[0]), compare);
	*list = d->sorted;
	return n;
}

uint64_t digests_given_up(const struct digests *d)
{
	return d->given_up;
}

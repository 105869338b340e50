/* frames.c - see frames.h. */
#include "frames.h"
#include "base/mem.h"
#include "core/order.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (1024u * 1024u)

struct kept { /* before each frame's bytes; these are padded to a multiple of 8 */
	uint64_t time, number, order;
	uint32_t caplen, len;
	uint16_t iface, linktype;
	uint32_t reserved;
};

struct block {
	struct block *next;
	atomic_uint refs;
	_Atomic uint32_t used; /* whole frames up to here may be read by all */
	uint32_t size;
	uint64_t first; /* places */
	_Atomic uint64_t last;
	uint8_t data[];
};

/* Written by the reader's thread only. */
struct seen {
	_Atomic uint64_t frames, bytes, captured, first, last, cut, back;
};

struct frames {
	struct seen seen;
	pthread_mutex_t lock; /* of the list of blocks */
	struct block *first, *tail;
	uint64_t bytes, budget;
	_Atomic uint64_t moved; /* by how many numbers at most */
};

struct frames *frames_new(uint64_t budget)
{
	struct frames *f = xcalloc(1, sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	f->budget = budget;
	return f;
}

static void block_release(struct block *b)
{
	if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		free(b);
}

static void drop_first(struct frames *f)
{
	struct block *b = f->first;

	f->first = b->next;
	if (!f->first)
		f->tail = NULL;
	f->bytes -= b->size;
	block_release(b);
}

void frames_free(struct frames *f)
{
	if (!f)
		return;
	while (f->first)
		drop_first(f);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void begin_block(struct frames *f, uint32_t need, uint64_t place)
{
	uint32_t size = need > BLOCK ? need : BLOCK;
	struct block *b = xmalloc(sizeof(*b) + size);

	b->next = NULL;
	atomic_init(&b->refs, 1);
	atomic_init(&b->used, 0);
	atomic_init(&b->last, place);
	b->size = size;
	b->first = place;
	pthread_mutex_lock(&f->lock);
	while (f->first && f->bytes + size > f->budget)
		drop_first(f);
	if (f->tail)
		f->tail->next = b;
	else
		f->first = b;
	f->tail = b;
	f->bytes += size;
	pthread_mutex_unlock(&f->lock);
}

static void set(_Atomic uint64_t *at, uint64_t v)
{
	atomic_store_explicit(at, v, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void count(struct seen *s, const struct packet *p)
{
	uint64_t frames = get(&s->frames);

	set(&s->bytes, get(&s->bytes) + p->len);
	set(&s->captured, get(&s->captured) + p->caplen);
	if (p->caplen < p->len)
		set(&s->cut, get(&s->cut) + 1);
	if (!frames || p->time < get(&s->first))
		set(&s->first, p->time);
	if (p->time < get(&s->last))
		set(&s->back, get(&s->back) + 1);
	else
		set(&s->last, p->time);
	set(&s->frames, frames + 1);
}

void frames_stats(const struct frames *f, struct capture_stats *st)
{
	st->frames = get(&f->seen.frames);
	st->bytes = get(&f->seen.bytes);
	st->captured_bytes = get(&f->seen.captured);
	st->first = get(&f->seen.first);
	st->last = get(&f->seen.last);
	st->cut_frames = get(&f->seen.cut);
	st->time_back = get(&f->seen.back);
}

void frames_add(struct frames *f, const struct packet *p)
{
	struct kept k = {p->time, p->number, p->order, p->caplen, p->len, p->iface, p->linktype, 0};
	uint64_t moved = order_number(p->order) - p->number;
	uint32_t need = (uint32_t)sizeof(k) + (p->caplen + 7) / 8 * 8, used = 0;
	struct block *b = f->tail;

	count(&f->seen, p);
	if (moved > get(&f->moved))
		set(&f->moved, moved);
	if (b)
		used = atomic_load_explicit(&b->used, memory_order_relaxed);
	if (!b || b->size - used < need) {
		begin_block(f, need, p->order);
		b = f->tail;
		used = 0;
	}
	memcpy(b->data + used, &k, sizeof(k));
	if (p->caplen)
		memcpy(b->data + used + sizeof(k), p->data, p->caplen);
	atomic_store_explicit(&b->last, p->order, memory_order_relaxed);
	atomic_store_explicit(&b->used, used + need, memory_order_release);
}

void frames_range(struct frames *f, uint64_t *first, uint64_t *last)
{
	*first = *last = 0;
	pthread_mutex_lock(&f->lock);
	if (f->first) {
		*first = f->first->first;
		*last = atomic_load_explicit(&f->tail->last, memory_order_relaxed);
	}
	pthread_mutex_unlock(&f->lock);
}

/* The block that a place is in or, where it is not kept, the first one behind; referenced. */
static struct block *find(struct frames *f, uint64_t place)
{
	struct block *b;

	pthread_mutex_lock(&f->lock);
	for (b = f->first; b && b->next && b->next->first <= place;)
		b = b->next;
	if (b)
		atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&f->lock);
	return b;
}

/* The next block, in exchange. */
static struct block *advance(struct frames *f, struct block *b)
{
	struct block *next;

	/* Not by b->next: it may have fallen off the list, and gone, as b has. */
	pthread_mutex_lock(&f->lock);
	for (next = f->first; next && next->first <= b->first;)
		next = next->next;
	if (next)
		atomic_fetch_add_explicit(&next->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&f->lock);
	block_release(b);
	return next;
}

static bool each_in(const struct block *b, uint64_t from, uint64_t to,
	bool (*fn)(void *arg, const struct packet *p), void *arg)
{
	uint32_t used = atomic_load_explicit(&((struct block *)b)->used, memory_order_acquire);

	for (uint32_t at = 0; at < used;) {
		struct packet p;
		struct kept k;

		memcpy(&k, b->data + at, sizeof(k));
		at += (uint32_t)sizeof(k);
		if (k.order > to)
			return false;
		if (k.order >= from) {
			memset(&p, 0, sizeof(p));
			p.time = k.time;
			p.number = k.number;
			p.order = k.order;
			p.data = b->data + at;
			p.caplen = k.caplen;
			p.len = k.len;
			p.iface = k.iface;
			p.linktype = k.linktype;
			if (!fn(arg, &p))
				return false;
		}
		at += (k.caplen + 7) / 8 * 8;
	}
	return true;
}

void frames_each(struct frames *f, uint64_t from, uint64_t to,
	bool (*fn)(void *arg, const struct packet *p), void *arg)
{
	struct block *b = find(f, from);

	while (b) {
		if (b->first > to || !each_in(b, from, to, fn, arg)) {
			block_release(b);
			return;
		}
		b = advance(f, b);
	}
}

uint64_t frames_last_place(const struct frames *f, uint64_t number)
{
	return order_of(number + get(&f->moved) + 1) - 1;
}

struct search {
	uint64_t number;
	bool (*fn)(void *arg, const struct packet *p);
	void *arg;
	bool found;
};

static bool is_it(void *arg, const struct packet *p)
{
	struct search *s = arg;

	if (p->number != s->number)
		return true;
	s->found = true;
	s->fn(s->arg, p);
	return false;
}

bool frames_find(
	struct frames *f, uint64_t number, bool (*fn)(void *arg, const struct packet *p), void *arg)
{
	struct search s = {number, fn, arg, false};

	frames_each(f, order_of(number), frames_last_place(f, number), is_it, &s);
	return s.found;
}

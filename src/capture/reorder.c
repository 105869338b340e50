/*
 * reorder.c - see reorder.h.
 *
 * Frames that come in order stand in a row, a ring; one that is earlier than the row's last goes to
 * a heap. The earlier one of the row's first and the heap's is the next to leave. The row's part
 * before `ripe` may leave, and of the heap what is not later than `until`. Limits are counted in
 * whole chunks, so that a frame in order costs a comparison and a copy.
 */
#include "base/clock.h"
#include "capture/reorder.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH       64u
#define ROW         8192u               /* frames the row has room for at first */
#define LIGHT       (2 * CHUNK_SIZE)    /* bytes that are looked ahead while all is in order */
#define FIRST       ((uint64_t)4 << 20) /* ... at the beginning: two buffers of libpcap */
#define FIRST_CALM  5u                  /* windows in order after which the beginning is over */
#define CALM        60u                 /* ... after which there is order again */
#define FRAME_BYTES 64u                 /* of memory, for each frame that may wait */
#define PULLS       256u                /* reads in a row before something else has its turn */

struct held { /* a chunk with frames that wait */
	struct chunk *chunk;
	uint64_t end;   /* the first frame of the row that lies in a later one */
	uint32_t moved; /* frames in the heap */
	size_t size;    /* 0: the chunk is in the list already */
};

struct reorder {
	uint64_t window, memory, light;
	uint32_t frames; /* that may wait */

	/* The row: frames are counted from 0 on, frame i has the place i & mask. */
	struct frame *row;
	uint64_t mask;
	uint64_t head, ripe; /* the first that waits, the first that must wait on */
	uint64_t end;        /* behind its last one */
	uint64_t raw, tail;  /* read and not looked at yet */
	uint64_t high;       /* time of the last one */
	uint64_t until;

	struct frame *heap;
	uint32_t nheap, room;

	/* The chunks, likewise a ring; the last one has no end yet. */
	struct held *held;
	uint64_t held_mask, held_first, held_ripe, held_end;
	uint64_t at;            /* the one that the row's first frame lies in */
	uint64_t bytes, unripe; /* of all of them; of those from held_ripe on */
	struct chunk *bundle;   /* of the last batch, where it lay in several chunks */

	uint64_t limit;      /* bytes that are looked ahead */
	uint64_t calm_since; /* time of the last frame that was not in order, or of the first */
	uint64_t calm_bytes; /* read from the beginning on */
	uint64_t last;       /* time of the frame that left last */
	uint64_t mark, mark_time; /* a place of the row, and when it was set: monotonic, ns */
	uint64_t came;            /* when frames were read the last time */
	uint64_t moved;
	bool met;     /* a frame out of order */
	bool barrier; /* the frame at `raw` is too late: all before it leave first */
	bool ended;
	enum source_state how;
};

struct reorder *reorder_new(uint64_t window, uint64_t memory)
{
	struct reorder *r = xcalloc(1, sizeof(*r));

	r->window = window;
	r->memory = memory > CHUNK_SIZE ? memory : CHUNK_SIZE;
	r->light = r->memory < LIGHT ? r->memory : LIGHT;
	r->frames = (uint32_t)(r->memory / FRAME_BYTES);
	r->limit = r->memory < FIRST ? r->memory : FIRST;
	r->mask = ROW - 1;
	r->row = xmalloc(ROW * sizeof(*r->row));
	r->held_mask = 15;
	r->held = xmalloc((r->held_mask + 1) * sizeof(*r->held));
	return r;
}

static struct frame *row_at(const struct reorder *r, uint64_t i)
{
	return &r->row[i & r->mask];
}

static struct held *held_at(const struct reorder *r, uint64_t i)
{
	return &r->held[i & r->held_mask];
}

void reorder_free(struct reorder *r)
{
	if (!r)
		return;
	for (uint64_t i = r->held_first; i != r->held_end; i++)
		chunk_unref(held_at(r, i)->chunk);
	if (r->bundle)
		chunk_unref(r->bundle);
	free(r->held);
	free(r->heap);
	free(r->row);
	free(r);
}

uint64_t reorder_moved(const struct reorder *r)
{
	return r->moved;
}

/* The heap: the frame that is next on top. */

static bool before(const struct frame *a, const struct frame *b)
{
	return a->time != b->time ? a->time < b->time : a->number < b->number;
}

static void heap_put(struct reorder *r, const struct frame *f)
{
	uint32_t i = r->nheap++;

	if (r->nheap > r->room) {
		r->room = r->room ? 2 * r->room : BATCH;
		r->heap = xrealloc(r->heap, r->room * sizeof(*r->heap));
	}
	for (; i && before(f, &r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = *f;
}

static void heap_take(struct reorder *r)
{
	const struct frame *last = &r->heap[--r->nheap];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < r->nheap) {
		if (child + 1 < r->nheap && before(&r->heap[child + 1], &r->heap[child]))
			child++;
		if (!before(&r->heap[child], last))
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = *last;
}

/* Chunks. */

/* The frames that are read next lie in this chunk. */
static void hold(struct reorder *r, struct chunk *chunk)
{
	uint64_t back = r->held_end - r->held_first;
	struct held *h;

	if (back && held_at(r, r->held_end - 1)->chunk == chunk)
		return;
	if (back)
		held_at(r, r->held_end - 1)->end = r->end;
	if (back > r->held_mask) {
		struct held *more = xmalloc(2 * (r->held_mask + 1) * sizeof(*more));

		for (uint64_t i = r->held_first; i != r->held_end; i++)
			more[i & (2 * r->held_mask + 1)] = *held_at(r, i);
		free(r->held);
		r->held = more;
		r->held_mask = 2 * r->held_mask + 1;
	}
	h = held_at(r, r->held_end);
	*h = (struct held){chunk, UINT64_MAX, 0, chunk->size};
	/* Frames of several files merged come from their chunks by turns. */
	for (uint64_t i = 1; i <= back && i <= 8; i++)
		if (held_at(r, r->held_end - i)->chunk == chunk)
			h->size = 0;
	chunk_ref(chunk);
	r->bytes += h->size;
	r->unripe += h->size;
	r->calm_bytes += h->size;
	r->held_end++;
}

static bool empty(const struct reorder *r)
{
	return r->head == r->end && !r->nheap;
}

/* What the last batch lay in is not needed any more. */
static void let_go(struct reorder *r)
{
	bool all = empty(r) && r->raw == r->tail;

	if (r->bundle)
		chunk_unref(r->bundle);
	r->bundle = NULL;
	while (r->held_first != r->held_end) {
		struct held *h = held_at(r, r->held_first);

		if (!all && (h->end > r->head || h->moved))
			break;
		r->bytes -= h->size;
		if (r->held_ripe == r->held_first) {
			r->held_ripe++;
			r->unripe -= h->size;
		}
		if (r->at == r->held_first)
			r->at++;
		chunk_unref(h->chunk);
		r->held_first++;
	}
}

/* What may leave. */

static void ripen(struct reorder *r, uint64_t to)
{
	if (to <= r->ripe)
		return;
	r->ripe = to;
	if (row_at(r, to - 1)->time > r->until)
		r->until = row_at(r, to - 1)->time;
}

static void ripen_all(struct reorder *r)
{
	ripen(r, r->end);
}

/* By the window and the limits, in whole chunks. */
static void ripen_chunks(struct reorder *r)
{
	while (r->held_end - r->held_ripe > 1) {
		const struct held *h = held_at(r, r->held_ripe);

		if (r->unripe - h->size < r->limit && h->end > r->ripe &&
			r->high - row_at(r, h->end - 1)->time <= r->window)
			break;
		ripen(r, h->end);
		r->unripe -= h->size;
		r->held_ripe++;
	}
	if (r->end - r->ripe > r->frames)
		ripen(r, r->end - r->frames);
	if (r->bytes > 2 * r->memory)
		ripen_all(r);
}

/* Of an interface or a pipe frame by frame, and by the clock. */
static void ripen_paced(struct reorder *r, struct source *s, bool came)
{
	uint64_t now = clock_monotonic(), until = 0;

	if (s->ops->settled)
		until = s->ops->settled(s);
	else if (r->high > r->window)
		until = r->high - r->window;
	while (r->ripe < r->end && row_at(r, r->ripe)->time <= until)
		r->ripe++;
	if (until > r->until)
		r->until = until;
	if (came)
		r->came = now;
	else if (now - r->came >= r->window)
		ripen_all(r);
	if (now - r->mark_time >= r->window) {
		ripen(r, r->mark);
		r->mark = r->end;
		r->mark_time = now;
	}
}

/* Reading. */

static void grow_row(struct reorder *r)
{
	uint64_t mask = 2 * r->mask + 1;
	struct frame *row = xmalloc((mask + 1) * sizeof(*row));

	for (uint64_t i = r->head; i != r->tail; i++)
		row[i & mask] = *row_at(r, i);
	free(r->row);
	r->row = row;
	r->mask = mask;
}

/* Earlier than what may have left: not of this window. */
static bool too_late(const struct reorder *r, const struct source *s, const struct frame *f)
{
	if (s->live)
		return f->time < r->last;
	return f->time < r->until || r->high - f->time > r->window;
}

static void disorder(struct reorder *r, uint64_t time)
{
	r->met = true;
	r->limit = r->memory;
	r->calm_since = time;
}

/* How many of the frames that were read continue the row. */
static uint64_t in_order(const struct reorder *r)
{
	const struct frame *first = row_at(r, r->raw), *f = first, *stop = &r->row[r->mask + 1];
	uint64_t high = r->high;

	if (r->raw != r->end)
		return 0;
	if ((uint64_t)(stop - first) > r->tail - r->raw)
		stop = first + (r->tail - r->raw);
	for (; f != stop && f->time >= high; f++)
		high = f->time;
	return (uint64_t)(f - first);
}

/* Puts the frames that were read where they belong; stops at one that is too late. */
static void look(struct reorder *r, const struct source *s)
{
	uint64_t n = in_order(r), i = r->raw + n, end = r->end + n, high;

	high = end != r->head ? row_at(r, end - 1)->time : r->high;
	for (; i != r->tail; i++) {
		struct frame *f = row_at(r, i);

		if (__builtin_expect(f->time >= high, 1)) {
			high = f->time;
			if (i != end)
				*row_at(r, end) = *f;
			end++;
			continue;
		}
		r->end = end;
		r->high = high;
		if (too_late(r, s, f)) {
			r->barrier = true;
			ripen_all(r);
			break;
		}
		f->held = (uint32_t)(r->held_end - 1);
		held_at(r, f->held)->moved++;
		heap_put(r, f);
		r->moved++;
		disorder(r, high);
	}
	r->raw = i;
	r->end = end;
	r->high = high;
}

/* All before the frame that was too late have left: it begins another row. */
static void begin_again(struct reorder *r, const struct source *s)
{
	r->head = r->ripe = r->end = r->mark = r->raw;
	r->barrier = false;
	r->until = r->high = r->last = 0;
	disorder(r, row_at(r, r->raw)->time);
	look(r, s);
}

/* What has long been in order is not looked far ahead of. */
static void calm_down(struct reorder *r)
{
	if (!r->calm_since)
		r->calm_since = r->high;
	if (r->high - r->calm_since > (r->met ? CALM : FIRST_CALM) * r->window ||
		(!r->met && r->calm_bytes > FIRST))
		r->limit = r->light;
}

/* Reads on, a batch at most; false where nothing came. */
static bool pull(struct reorder *r, struct source *s)
{
	struct chunk *chunk;
	uint64_t room;
	unsigned n;

	r->raw = r->tail = r->end;
	if (r->tail - r->head > r->mask - BATCH)
		grow_row(r);
	room = r->mask + 1 - (r->tail & r->mask);
	s->waiting = !empty(r);
	r->how = source_take(
		s, row_at(r, r->tail), room < BATCH ? (unsigned)room : BATCH, &n, &chunk);
	if (n) {
		hold(r, chunk);
		ripen_chunks(r);
		r->tail += n;
		look(r, s);
		calm_down(r);
	}
	if (r->how == SOURCE_END || r->how == SOURCE_ERROR) {
		r->ended = true;
		ripen_all(r);
	} else if (s->paced && !empty(r)) {
		ripen_paced(r, s, n != 0);
	}
	return n != 0;
}

/* Handing out. */

/* The chunk that the row's first frame lies in. */
static struct held *first_held(struct reorder *r)
{
	while (r->at + 1 < r->held_end && held_at(r, r->at)->end <= r->head)
		r->at++;
	return held_at(r, r->at);
}

static unsigned least(uint64_t a, uint64_t b)
{
	return (unsigned)(a < b ? a : b);
}

/* All in order: a part of the row that lies in one chunk. */
static unsigned give_row(
	struct reorder *r, struct source *s, struct packet *out, unsigned max, struct chunk **chunk)
{
	const struct held *h = first_held(r);
	uint64_t stop = r->ripe < h->end ? r->ripe : h->end;
	unsigned n = least(stop - r->head, max);

	n = least(n, r->mask + 1 - (r->head & r->mask));
	source_packets(s, row_at(r, r->head), out, n);
	r->head += n;
	r->last = out[n - 1].time;
	*chunk = h->chunk;
	return n;
}

/* The next frame of the row and the heap, if it may leave. */
static const struct frame *next_frame(struct reorder *r)
{
	const struct frame *top = r->nheap ? r->heap : NULL;

	if (r->head < r->end && (!top || before(row_at(r, r->head), top)))
		return r->head < r->ripe ? row_at(r, r->head) : NULL;
	return top && (top->time <= r->until || r->head < r->ripe || r->nheap > r->frames) ? top
											   : NULL;
}

/* Takes it out of there; the chunk that it lies in. */
static struct chunk *take(struct reorder *r, const struct frame *f)
{
	struct held *h;

	r->last = f->time;
	if (r->nheap && f == r->heap) {
		h = held_at(r, f->held);
		h->moved--;
		if (f->time > r->until)
			r->until = f->time;
		heap_take(r);
	} else {
		h = first_held(r);
		r->head++;
	}
	return h->chunk;
}

static unsigned give_both(
	struct reorder *r, struct source *s, struct packet *out, unsigned max, struct chunk **chunk)
{
	struct chunk *parts[BATCH];
	const struct frame *f;
	unsigned n = 0, nparts = 0;

	while (n < max && n < BATCH && (f = next_frame(r)) != NULL) {
		struct chunk *c;
		unsigned i = 0;

		source_packets(s, f, &out[n++], 1);
		c = take(r, f);
		while (i < nparts && parts[i] != c)
			i++;
		if (i == nparts)
			parts[nparts++] = c;
	}
	if (nparts > 1)
		*chunk = r->bundle = chunk_bundle(parts, nparts);
	else if (nparts)
		*chunk = parts[0];
	return n;
}

enum source_state reorder_read(struct reorder *r, struct source *s, struct packet *out,
	unsigned max, unsigned *n, struct chunk **chunk)
{
	let_go(r);
	for (unsigned pulls = 0; pulls < PULLS; pulls++) {
		if (r->barrier && empty(r))
			begin_again(r, s);
		if (r->nheap)
			*n = give_both(r, s, out, max, chunk);
		else
			*n = r->head < r->ripe ? give_row(r, s, out, max, chunk) : 0;
		if (*n)
			return SOURCE_MORE;
		if (r->barrier)
			continue;
		if (r->ended)
			return r->how;
		if (!pull(r, s) && !r->ended && r->ripe == r->head)
			return empty(r) ? r->how : SOURCE_MORE;
	}
	return SOURCE_MORE;
}

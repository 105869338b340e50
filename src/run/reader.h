/*
 * reader.h - what the reader does with each frame, in the order they are handed out: counts it,
 * finds its place, reads its headers, and says when a second has gone by. For src/run/pipeline.c
 * only.
 */
#ifndef TSUMARI_RUN_READER_H
#define TSUMARI_RUN_READER_H

#include "base/clock.h"
#include "core/order.h"
#include "core/datagrams.h"
#include "core/layers.h"
#include "core/fastpath.h"
#include "core/ports.h"
#include "core/twins.h"
#include "run/pipeline.h"
#include <time.h>

struct reader {
	struct pipeline *p;
	struct defrag *defrag;
	struct ports *ports;
	struct twins twins;
	struct datagrams datagrams;
	struct counters counters;
	uint64_t now;        /* highest capture time so far; UINT64_MAX before the first frame */
	struct order order;  /* of the frames so far */
	uint64_t tick;       /* the next whole second */
	uint64_t idle_since; /* monotonic time at which the last frame was read */
	uint64_t started;    /* monotonic */
	bool limited;        /* by -c or --duration */
	bool reassembled;    /* some of the packets under way are datagrams put together */
	bool over;
};

void reader_init(struct reader *r, struct pipeline *p);
/* Its counters go to the pipeline's. */
void reader_release(struct reader *r);

/* Now, on a quiet wire, where time goes on all the same; 0: there was no frame yet. */
uint64_t reader_idle_time(const struct reader *r);
/* An interface is listened to by the clock: no frame may ever come. */
bool reader_duration_over(const struct reader *r);
/* The end: how long interfaces were listened to. */
void reader_listened(struct reader *r);

/* The time to tick with, and the next one set; what was captured so far is told to who asks. */
uint64_t reader_tick(struct reader *r, uint64_t now);

/* For those below. */
void reader_cut(struct capture_stats *st, const struct packet *k);
bool reader_beyond_limit(const struct reader *r, const struct packet *k);
void reader_time_back(struct reader *r, const struct packet *k);
bool reader_tick_begun(struct reader *r, uint64_t time);
void reader_sliced(struct reader *r, const struct packet *k, uint32_t said);
bool reader_fragment(struct reader *r, struct packet *k);
void reader_no_flow(struct reader *r, struct packet *k);

/* Counts a frame; false where it lies behind a limit (-c, --duration). */
static inline __attribute__((always_inline)) bool reader_admit(struct reader *r, struct packet *k)
{
	struct capture_stats *st = &r->p->capture;

	if (r->limited && reader_beyond_limit(r, k))
		return false;
	st->frames++;
	k->order = order_next(&r->order, k->number);
	st->bytes += k->len;
	st->captured_bytes += k->caplen;
	if (k->caplen < k->len)
		reader_cut(st, k);
	if (k->time < r->now)
		reader_time_back(r, k);
	else
		r->now = k->time;
	st->last = r->now;
	return true;
}

/* Reads the headers; false where no flow gets the packet. */
static inline __attribute__((always_inline)) bool reader_prepare(struct reader *r, struct packet *k)
{
	uint32_t len = k->len;

	if (!plain_frame(k))
		layers_one_by_one(k, &r->counters);
	if (__builtin_expect(k->len != len, 0))
		reader_sliced(r, k, len);
	if (k->flags & PACKET_FRAGMENT && !reader_fragment(r, k))
		return false;
	if (!engine_route(r->p->config, k)) {
		reader_no_flow(r, k);
		return false;
	}
	ports_packet(r->ports, k);
	if (k->flags & PACKET_TCP)
		twins_packet(&r->twins, k, &r->counters);
	else if (!(k->flags & PACKET_COPY))
		datagrams_packet(&r->datagrams, k, &r->counters);
	return true;
}

/* Has a whole second gone by before this time? */
static inline bool reader_tick_due(struct reader *r, uint64_t time)
{
	return time >= r->tick && reader_tick_begun(r, time);
}

/* The time to tick with, and the next one set. */
static inline uint64_t reader_tick_take(struct reader *r, uint64_t time)
{
	uint64_t now = time / SECOND * SECOND;

	r->tick = now + SECOND;
	return now;
}

#endif

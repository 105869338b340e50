/*
 * stream.c - the bytes of one direction in order.
 *
 * In-order bytes go straight to the session without a copy. What lies above a hole is held,
 * bounded; the hole becomes a gap when the peer acknowledges past it (the capture lost it) or a
 * limit is reached. Of overlapping bytes the first seen win; differences are counted.
 */
#include "core/stream.h"
#include "api/layer.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/sums.h"
#include "core/tcp.h"
#include "core/turns.h"
#include <stdlib.h>
#include <string.h>

/* What was lost on the way is sent again within this, at first. */
#define FILLED UINT64_C(1000000000)

static inline void deliver(struct shard *sh, struct flow *f, unsigned dir, const uint8_t *data,
	uint32_t caplen, uint32_t len, const struct stamp *at)
{
	f->payload[dir] += len;
	if (f->flags & FLOW_OPAQUE) {
		if (f->proto == IP_PROTO_TCP)
			turns_of_flow(sh, f, dir, len, at->whole);
		if (!flow_may_try(f))
			return;
	}
	if (caplen < len)
		f->flags |= FLOW_SNAPLEN;
	if (!flow_session(f) &&
		!session_open(sh, f, side_of(f, dir), view_of(data, caplen, len - caplen))) {
		if (f->proto == IP_PROTO_TCP && !flow_turns(f))
			turns_of_flow(sh, f, dir, len, at->whole);
		return;
	}
	session_data(f->session, side_of(f, dir), data, caplen, len, at);
}

void stream_deliver(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	const uint8_t *data, uint32_t caplen, uint32_t len)
{
	struct stamp at = {p->time, p->number, p->time, p->number};

	deliver(sh, f, dir, data, caplen, len, &at);
}

void stream_deliver_at(struct shard *sh, struct flow *f, unsigned dir, const uint8_t *data,
	uint32_t caplen, uint32_t len, const struct stamp *at)
{
	deliver(sh, f, dir, data, caplen, len, at);
}

static void held_free(struct shard *sh, struct ext_side *e, struct held *h)
{
	e->nheld--;
	e->held_bytes -= h->room;
	sh->held_bytes -= sizeof(*h) + h->room;
	free(h);
}

/* NULL: nothing. */
static void doubt_free(struct shard *sh, struct held *h)
{
	if (h)
		sh->held_bytes -= sizeof(*h) + h->room;
	free(h);
}

void stream_doubt(struct shard *sh, struct ext_side *e, const struct packet *p)
{
	struct held *h;

	doubt_free(sh, e->doubtful);
	e->doubtful = NULL;
	if (!p->paylen || sh->held_bytes > sh->budget / 4)
		return;
	h = xmalloc(sizeof(*h) + p->paylen);
	*h = (struct held){.lo = p->tcp_seq,
		.hi = p->tcp_seq + p->paylen,
		.caplen = p->paylen,
		.room = p->paylen,
		.time = p->time,
		.frame = p->number};
	memcpy(h->data, p->payload, p->paylen);
	e->doubtful = h;
	sh->held_bytes += sizeof(*h) + h->room;
}

/*
 * The receiver has the bytes up to `to`, and the segment that began the hole was left out for its
 * checksum and not sent again: it was whole to the receiver (whoever made the capture changed what
 * it says), so it is read, and the side's checksums are not looked at any more.
 */
static bool believe(struct shard *sh, struct flow *f, unsigned dir, uint32_t to)
{
	struct ext_side *e = &f->ext->side[dir];
	struct held *h = e->doubtful;
	struct stamp at;

	if (!h || h->lo != e->expect || seq_diff(h->hi, to) > 0)
		return false;
	e->doubtful = NULL;
	f->side[dir].more |= FS_SUMS_WRONG;
	at = (struct stamp){h->time, h->frame, h->time, h->frame};
	e->expect = h->hi;
	deliver(sh, f, dir, h->data, h->caplen, h->hi - h->lo, &at);
	doubt_free(sh, h);
	return true;
}

void stream_forget(struct shard *sh, struct ext_side *e)
{
	doubt_free(sh, e->doubtful);
	e->doubtful = NULL;
	while (e->held) {
		struct held *h = e->held;

		e->held = h->next;
		held_free(sh, e, h);
	}
	e->held_last = NULL;
}

/* Keeps [lo, hi) behind `after` (NULL: at the front). */
static struct held *keep(struct shard *sh, struct flow *f, struct ext_side *e, struct held *after,
	const struct packet *p, uint32_t lo, uint32_t hi, const uint8_t *data, uint32_t caplen)
{
	uint32_t room = f->flags & FLOW_OPAQUE && !flow_may_try(f) ? 0 : caplen;
	struct held *h = xmalloc(sizeof(*h) + room);

	h->lo = lo;
	h->hi = hi;
	h->caplen = room;
	h->room = room;
	h->tsval = p->tcp_opts & TCP_OPT_TIMES ? p->tcp_tsval : 0;
	h->time = p->time;
	h->frame = p->number;
	if (room)
		memcpy(h->data, data, room);
	if (after) {
		h->next = after->next;
		after->next = h;
	} else {
		h->next = e->held;
		e->held = h;
	}
	if (!h->next)
		e->held_last = h;
	e->nheld++;
	e->held_bytes += room;
	sh->held_bytes += sizeof(*h) + room;
	return h;
}

static void compare(struct shard *sh, const struct held *h, uint32_t lo, uint32_t hi,
	const uint8_t *data, uint32_t caplen, uint32_t at)
{
	uint32_t from = seq_diff(lo, h->lo) > 0 ? lo : h->lo,
		 to = seq_diff(hi, h->hi) < 0 ? hi : h->hi;

	if (seq_diff(to, from) <= 0 || to - h->lo > h->caplen || to - at > caplen)
		return;
	if (memcmp(h->data + (from - h->lo), data + (from - at), to - from) != 0)
		counters_add(&sh->engine->counters, "tcp: overlapping bytes differ", 1);
}

void stream_hold(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	uint32_t lo, const uint8_t *data, uint32_t caplen, uint32_t len)
{
	struct ext_side *e = &f->ext->side[dir];
	uint32_t at = lo, hi = lo + len;
	struct held *after = NULL;

	if (seq_diff(lo, e->expect) < 0)
		lo = e->expect;
	if (e->held_last && seq_diff(lo, e->held_last->hi) >= 0)
		after = e->held_last;
	else
		for (struct held *h = e->held; h && seq_diff(h->hi, lo) <= 0; h = h->next)
			after = h;
	while (seq_diff(hi, lo) > 0) {
		struct held *next = after ? after->next : e->held;
		uint32_t to = next && seq_diff(next->lo, hi) < 0 ? next->lo : hi;

		if (seq_diff(to, lo) > 0) {
			uint32_t off = lo - at, n = to - lo;
			uint32_t have = off < caplen ? (caplen - off < n ? caplen - off : n) : 0;

			after = keep(sh, f, e, after, p, lo, to, have ? data + off : NULL, have);
			lo = to;
			continue;
		}
		compare(sh, next, lo, hi, data, caplen, at);
		after = next;
		if (seq_diff(next->hi, lo) > 0)
			lo = next->hi;
	}
	if (e->held && (e->nheld > HELD_MAX || e->held_bytes > HELD_BYTES_MAX ||
			       sh->held_bytes > sh->budget / 4)) {
		counters_add(&sh->engine->counters, "tcp: holding limit reached, hole given up", 1);
		stream_gap(sh, f, p, dir, e->held->lo, GAP_GIVEN_UP);
	}
}

/* Delivers what has become continuous by p, or by giving up what p proves to have been sent. */
void stream_drain(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct ext_side *e = &f->ext->side[dir];

	while (e->held && seq_diff(e->held->lo, e->expect) <= 0) {
		struct held *h = e->held;
		struct stamp at = {h->time, h->frame, p->time, p->number};
		uint32_t len = h->hi - h->lo;

		if (h->time > p->time) {
			at.whole = h->time;
			at.whole_frame = h->frame;
		}

		e->held = h->next;
		if (!e->held)
			e->held_last = NULL;
		e->expect = h->hi;
		deliver(sh, f, dir, h->data, h->caplen, len, &at);
		held_free(sh, e, h);
	}
	if (!e->held) {
		uint32_t end = f->side[dir].nxt - (f->side[dir].flags & FS_FIN ? 1 : 0);

		if (seq_diff(e->expect, end) >= 0) {
			e->hole_since = 0;
			if (f->side[dir].flags & FS_FIN && flow_session(f))
				session_end(f->session, side_of(f, dir), END_FIN, p->time);
		}
	} else {
		e->hole_since = p->time;
	}
}

/*
 * What shows that the bytes of the first hole up to `to` had been sent: what the side sent behind
 * them. Otherwise it is what says so now, p, the other side's; it is later than them, and no frame
 * of theirs.
 */
static struct packet sent_by(const struct ext_side *e, const struct packet *p, uint32_t to)
{
	struct packet by = {.time = p->time};

	if (e->held && e->held->time <= by.time) {
		by.time = e->held->time;
		by.number = e->held->frame;
	}
	if (e->sent_time && seq_diff(e->sent_to, to) >= 0 && e->sent_time <= by.time) {
		by.time = e->sent_time;
		by.number = e->sent_frame;
	}
	return by;
}

/* The bytes up to `upto` will not come any more: the holes below it are gaps. */
void stream_gap(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir,
	uint32_t upto, enum gap why)
{
	struct flow_side *s = &f->side[dir];
	struct ext_side *e = &flow_need_ext(sh, f)->side[dir];
	bool fin = (s->flags & FS_FIN) != 0;

	if (!e->hole_since) {
		e->hole_since = f->last[dir] ? f->last[dir] : p->time;
		e->expect = s->nxt - (fin ? 1 : 0);
	}
	if (seq_diff(upto, s->nxt) > 0) {
		/* One more than was sent may be a FIN that was not captured; bytes all the same. */
		s->nxt = upto;
		fin = false;
	}
	while (e->hole_since && seq_diff(upto, e->expect) > 0) {
		uint32_t to = e->held && seq_diff(e->held->lo, upto) < 0 ? e->held->lo : upto;
		struct packet by;
		uint32_t n;

		if (fin && to == s->nxt)
			to--;
		if (why == GAP_ACKED && believe(sh, f, dir, to))
			continue;
		by = sent_by(e, p, to);
		n = to - e->expect;
		if ((int32_t)n > 0) {
			e->gaps += why != GAP_OPEN;
			if (why == GAP_ACKED) {
				e->lost += n;
				if (!e->lost_frame)
					e->lost_frame = p->number;
			}
			f->payload[dir] += n;
			e->expect = to;
			if (flow_session(f))
				session_gap(f->session, side_of(f, dir), n, why, e->hole_since,
					by.time, by.number);
		}
		stream_drain(sh, f, &by, dir);
		if ((int32_t)n <= 0)
			break;
	}
	if (!e->held && seq_diff(e->expect, s->nxt - (fin ? 1 : 0)) >= 0)
		e->hole_since = 0;
}

void stream_finish(struct shard *sh, struct flow *f, uint64_t end)
{
	struct ext_side *e = f->ext ? f->ext->side : NULL;

	while (e && (e[0].held || e[1].held)) {
		unsigned dir = !e[0].held || (e[1].held && e[1].held->time < e[0].held->time);
		struct packet by = {.time = e[dir].held->time, .number = e[dir].held->frame};
		uint32_t n = e[dir].nheld;
		bool open = end && end - e[dir].hole_since < FILLED;

		stream_gap(sh, f, &by, dir, e[dir].held->lo, open ? GAP_OPEN : GAP_GIVEN_UP);
		if (e[dir].nheld == n) /* it cannot be */
			return;
	}
}

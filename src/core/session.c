/*
 * session.c - a connection as an application dissector sees it: feeds it one direction's bytes in
 * order, keeps what it did not read, passes over what it does not want to see, and finds it in the
 * first place.
 */
#include "core/session.h"
#include "api/layer.h"
#include "core/answers.h"
#include "core/interleave.h"
#include "core/ledger.h"
#include "core/pairing.h"
#include "core/prefix.h"
#include "core/recognise.h"
#include "core/shard.h"
#include "core/stream.h"
#include "core/sync.h"
#include "core/turns.h"
#include "core/txn.h"
#include "core/unread.h"
#include <stdlib.h>
#include <string.h>

#define STATE_MAX 4096u /* bytes of what a dissector of datagrams keeps */

static bool end_of(struct session_side *x, const struct view *v)
{
	return v->p == v->end && !x->skip;
}

/* The bytes from base on are read, of which those from now_offset on came now. */
static void read_from(struct session *s, enum side side, const uint8_t *base, uint64_t base_offset,
	uint64_t now_offset)
{
	struct reading *r = reading_of(s);

	r->base = base;
	r->base_offset = base_offset;
	r->now_offset = now_offset;
	r->side = side;
}

/* Nothing is read: what a dissector says now is as of the last byte of the side. */
static void read_nothing(struct session *s, enum side side)
{
	struct session_side *x = &s->side[side];

	read_from(s, side, NULL, x->pos - x->len, x->pos);
	reading_of(s)->now = x->last;
}

/* n bytes of the side will not be read: what was under way there is lost. */
static void lost(struct session *s, enum side side, uint64_t n, bool cut, bool between)
{
	struct session_side *x = &s->side[side];

	x->need = 0;
	pairing_lost(s, side, n, cut, between);
	if (!s->d)
		return;
	x->search = true;
	txn_after_gap(s, side);
	if (s->d->gap)
		s->d->gap(s, s->state, side, n);
}

/* data() for what is in v, again and again while it makes progress. False: the session is gone. */
static bool feed(struct session *s, enum side side, struct view v)
{
	struct session_side *x = &s->side[side];
	bool again = true;

	while (again) {
		const struct dissector *d = s->d;
		const uint8_t *before;
		struct take t;
		size_t left;

		if (x->search)
			x->search =
				!sync_find(s, side, registry_sync(d), sync_turn_in(s, side), &v);
		if (x->search)
			break;
		before = v.p;
		reading_of(s)->to = NULL;
		s->switched = false;
		s->in_data = true;
		t = d->data(s, s->state, side, &v);
		s->in_data = false;
		if (v.p > v.end)
			v.p = v.end;
		if (s->switched) {
			session_unset(s);
			s->turns = 0;
			s->turn_of = 2;
			if (reading_of(s)->to || s->stopped)
				session_set(s, reading_of(s)->to);
			s->side[!side].need = 0;
			x->need = 0;
			if (s->stopped) {
				x->skip = TAKE_TO_END;
				s->side[!side].skip = TAKE_TO_END;
				x->len = s->side[!side].len = 0;
				return true;
			}
			break;
		}
		if (t.stop) {
			s->stopped = true;
			return false;
		}
		left = view_len(&v);
		if (t.need == TAKE_SEARCH) {
			x->search = true;
			x->need = 0;
			if (v.p == before && left)
				v.p++;
			continue;
		}
		if (t.skip) {
			size_t n = t.skip < left ? (size_t)t.skip : left;

			v.p += n;
			x->skip = t.skip == TAKE_TO_END ? t.skip : t.skip - n;
			x->need = 0;
			again = end_of(x, &v) || view_len(&v) > 0;
			if (x->skip)
				again = false;
			continue;
		}
		x->need = t.need;
		if (t.need > left)
			again = false;
		else
			again = left > 0 && v.p != before;
	}
	if (!unread_keep(s, x, v.p, x->skip ? 0 : view_len(&v))) {
		session_count(s, "session: unread bytes over the limit");
		x->len = 0;
		lost(s, side, view_len(&v), false, !x->current);
	}
	return true;
}

/* The other side's unread bytes may be readable now (it held them, or the protocol changed). */
static void look_again(struct session *s, enum side side)
{
	struct session_side *x = &s->side[side];
	struct stamp now = reading_of(s)->now;

	if (!x->len || !s->d || !s->d->data || x->skip)
		return;
	read_from(s, side, x->buf, x->pos - x->len, x->pos);
	x->need = 0;
	feed(s, side, view_of(x->buf, x->len, 0));
	reading_of(s)->now = now;
}

/* Up to where the bytes of a side came with those of `from`, and with which stamp; at most to
 * `end`.
 */
static uint64_t came_to(
	const struct session_side *x, uint64_t from, uint64_t end, struct stamp *with)
{
	for (unsigned i = 0; i < x->nspans; i++)
		if (i + 1 == x->nspans || x->spans[i + 1].offset > from) {
			*with = x->spans[i].at;
			if (i + 1 < x->nspans && x->spans[i + 1].offset < end)
				end = x->spans[i + 1].offset;
			break;
		}
	return end;
}

/* Of what is kept of a side, that up to `to` is read, which came with `now`; the rest stays. */
static void read_part(
	struct session *s, enum side side, uint64_t from, uint64_t to, const struct stamp *now)
{
	struct session_side *x = &s->side[side];
	uint64_t end = x->pos;
	size_t part = (size_t)(to - (end - x->len)), rest = x->len - part, passed = 0;

	x->pos = to;
	x->need = 0;
	reading_of(s)->now = *now;
	read_from(s, side, x->buf, to - part, from);
	feed(s, side, view_of(x->buf, part, 0));
	if (x->skip) {
		passed = x->skip < rest ? (size_t)x->skip : rest;
		if (x->skip != TAKE_TO_END)
			x->skip -= passed;
	}
	/* What feed() has kept lies in front of it: it was no more than the part. */
	memmove(x->buf + x->len, x->buf + part + passed, rest - passed);
	x->len += (uint32_t)(rest - passed);
	x->pos = end;
}

/*
 * Both sides were kept until somebody knew them. They are read in the order in which they came,
 * until there is nothing left of what one had said before `begin`, where `side` went on just now.
 */
static void in_turn(struct session *s, enum side side, uint64_t begin)
{
	const struct dissector *d = s->d;
	uint64_t from[2], end[2] = {s->side[0].pos, s->side[1].pos};

	for (unsigned i = 0; i < 2; i++)
		from[i] = s->side[i].pos - s->side[i].len;
	end[side] = begin;
	while (from[0] < end[0] && from[1] < end[1] && s->d == d && !s->stopped) {
		struct stamp at[2] = {0};
		uint64_t to[2];
		unsigned next;

		for (unsigned i = 0; i < 2; i++)
			to[i] = came_to(&s->side[i], from[i], end[i], &at[i]);
		next = at[1].whole != at[0].whole ? at[1].whole < at[0].whole
						  : at[1].whole_frame < at[0].whole_frame;
		if (to[next] > s->side[next].pos - s->side[next].len)
			read_part(s, (enum side)next, from[next], to[next], &at[next]);
		from[next] = to[next];
	}
}

/* The dissector gave the connection up to whoever knows these bytes: who does? */
static void recognise_rest(struct session *s, enum side side)
{
	struct session_side *x = &s->side[side];
	enum tsm_probe r = recognise_at(s, side, view_of(x->buf, x->len, 0));

	if (is_sure(r))
		look_again(s, r == PROBE_SWAPPED ? !side : side);
	else if (r == PROBE_NO)
		x->len = 0;
}

/* `side` has moved on: what each side held because of the other, in turn. */
static void settle(struct session *s, enum side side)
{
	struct session_side *x = &s->side[!side];
	uint32_t held = 0;

	if (x->need == TAKE_HOLD && !x->len)
		x->need = 0; /* it had nothing to hold: what comes is read again */
	while (x->need == TAKE_HOLD && !s->stopped && x->len != held) {
		held = x->len;
		look_again(s, x == &s->side[1] ? SIDE_SERVER : SIDE_CLIENT);
		if (x->len < held) {
			x = x == &s->side[1] ? &s->side[0] : &s->side[1];
			held = 0;
		}
	}
}

static void gone(struct session *s)
{
	session_close(s, END_SWITCH, 0);
}

/*
 * Passes over headers of proxies at the front of the client's first bytes and keeps what they say:
 * of several, by proxies one behind the other, the last names who is furthest away. False where
 * more bytes are needed to tell.
 */
static bool preamble(struct session *s, enum side side, struct view *v)
{
	struct session_side *x = &s->side[side];
	struct addr who;
	size_t len;
	enum tsm_probe r;

	if (s->begun || side != SIDE_CLIENT)
		return true;
	s->begun = x->pos != view_len(v) + x->preamble || x->missed;
	while (!s->begun) {
		r = prefix_may_begin(v) ? prefix_probe(v, &len, &who) : PROBE_NO;
		if (r == PROBE_MAYBE)
			return !view_len(v);
		s->begun = r == PROBE_NO;
		if (s->begun)
			break;
		v->p += len;
		x->preamble += (uint32_t)len;
		if (!view_len(v))
			x->len = 0;
		s->head.there = false;
		if (!addr_is_zero(&who))
			flow_need_ext(s->shard, s->flow)->forwarded = who;
	}
	return true;
}

/* n bytes at p are next on this side. */
static void push(
	struct session *s, enum side side, const uint8_t *p, size_t n, const struct stamp *at)
{
	struct session_side *x = &s->side[side];
	const struct dissector *before;
	struct view v;
	uint64_t pos = x->pos, begin = x->pos;
	bool known_now = false;

	if (x->skip) {
		size_t k = x->skip < n ? (size_t)x->skip : n;

		if (x->skip != TAKE_TO_END)
			x->skip -= k;
		x->pos += k;
		p += k;
		n -= k;
		pos = x->pos;
		if (x->skip)
			return;
	}
	x->pos = pos + n;
	reading_of(s)->now = *at;
	if (x->len) {
		uint32_t old = x->len;

		if (old + n > UNREAD_MAX || !unread_keep(s, x, x->buf, old + n)) {
			session_count(s, "session: unread bytes over the limit");
			x->len = 0;
			lost(s, side, old, false, !x->current);
			v = view_of(p, n, 0);
		} else {
			if (n)
				memcpy(x->buf + old, p, n);
			v = view_of(x->buf, old + n, 0);
		}
	} else {
		v = view_of(p, n, 0);
	}
	if (!preamble(s, side, &v)) {
		unread_keep(s, x, v.p, view_len(&v));
		unread_span(s, x, begin, at);
		return;
	}
	read_from(s, side, v.p, x->pos - view_len(&v), begin);
	if (view_len(&v) < x->need && x->need) {
		unread_keep(s, x, v.p, view_len(&v));
		unread_span(s, x, begin, at);
		return;
	}
	if (!s->d) {
		const uint8_t *kept;
		enum tsm_probe r;
		bool pass;

		if (!view_len(&v))
			return;
		kept = x->buf;
		r = recognise_in(s, side, &v, &pass);
		pairing_front(s, side, r == PROBE_NO ? v.end : v.p, at->seen);
		if (r == PROBE_SWAPPED) {
			side = !side;
			x = &s->side[side];
			if (x->len) /* few bytes have moved with their side */
				v = view_of(x->buf + (v.p - kept), view_len(&v), v.cut);
			read_from(s, side, v.p, x->pos - view_len(&v), begin);
		}
		if (r == PROBE_MAYBE && view_len(&v) < HEAD_MAX) {
			unread_keep(s, x, v.p, view_len(&v));
			unread_span(s, x, begin, at);
			if (pass && !recognise_failed(s, side))
				gone(s);
			else if (!pass && s->turn_of != side)
				s->turn_of = 2; /* the other side's answer may tell */
			return;
		}
		if (!is_sure(r)) {
			unread_drop(s, x);
			if (!recognise_failed(s, side))
				gone(s);
			return;
		}
		known_now = true;
	}
	if (!s->placed)
		sync_place(s);
	before = s->d;
	if (known_now && s->side[!side].len) {
		struct session_side *o = &s->side[!side];
		size_t ahead;

		if (o->turn == UINT64_MAX) /* it was kept, as it may be a beginning */
			o->turn = o->pos - o->len;
		/* Where a beginning is searched for, all that was kept is needed at once. */
		if (x->len && !x->search && !o->search) {
			unread_keep(s, x, v.p, view_len(&v));
			in_turn(s, side, begin);
			v = view_of(x->buf, x->len, v.cut);
		}
		ahead = x->len ? 0 : view_len(&v); /* not kept, not read: not there yet */
		x->pos -= ahead;
		look_again(s, !side); /* what it said is older */
		x->pos += ahead;
		reading_of(s)->now = *at;
		read_from(s, side, v.p, x->pos - view_len(&v), begin);
		if (s->stopped || s->d != before) {
			if (s->stopped && s->d == before)
				gone(s);
			else if (!x->skip && unread_keep(s, x, v.p, view_len(&v)))
				unread_span(s, x, begin, at);
			return;
		}
	}
	if (!feed(s, side, v)) {
		gone(s);
		return;
	}
	if (x->len)
		unread_span(s, x, begin, at);
	if (!s->d && !s->stopped && x->len)
		recognise_rest(s, side);
	if (s->d != before)
		look_again(s, !side);
	else
		settle(s, side);
	if (s->d != before && x->len && s->d)
		look_again(s, side);
	if (!s->open && s->stopped)
		gone(s);
}

/*
 * What a dissector makes of a datagram; nothing, where it answers what was not asked yet and may
 * wait: then its state is what it was. False: it wants no more.
 */
static bool give(struct session *s, enum side side, struct view v, bool may_wait)
{
	struct reading *r = reading_of(s);
	uint8_t before[STATE_MAX];
	size_t size = s->d->state_size;
	bool stop;

	r->to = NULL;
	r->waits = false;
	r->may_wait = may_wait && side == SIDE_SERVER && size <= sizeof(before);
	if (r->may_wait && size)
		memcpy(before, s->state, size);
	s->switched = false;
	s->in_data = true;
	stop = s->d->data(s, s->state, side, &v).stop;
	s->in_data = false;
	r->may_wait = false;
	if (r->waits && size)
		memcpy(s->state, before, size);
	return !stop;
}

/* A datagram: its dissector gets it whole, and nothing of it is kept. */
bool session_datagram(
	struct session *s, enum side side, struct view v, const struct stamp *at, bool may_wait)
{
	struct session_side *x = &s->side[side];

	x->nspans = 0;
	reading_of(s)->now = *at;
	read_from(s, side, v.p, x->pos - view_wire(&v), x->pos - view_wire(&v));
	if (!s->d) {
		enum tsm_probe r = recognise_at(s, side, v);

		if (!is_sure(r)) {
			if (++s->turns >= TURNS_MAX)
				gone(s);
			return false;
		}
		if (r == PROBE_SWAPPED)
			side = !side;
		reading_of(s)->side = side;
	}
	if (!s->d->data)
		return false;
	if (!give(s, side, v, may_wait)) {
		gone(s);
		return false;
	}
	if (reading_of(s)->waits)
		return true;
	if (s->switched) {
		session_unset(s);
		if (s->stopped)
			gone(s);
		else if (reading_of(s)->to)
			session_set(s, reading_of(s)->to);
	}
	return false;
}

static void datagram(struct session *s, enum side side, struct view v, const struct stamp *at)
{
	const struct flow *f = s->flow;

	if (s->answers && !answers_due(s, at->seen))
		return;
	s->side[side].pos += view_wire(&v);
	if (session_datagram(s, side, v, at, true)) {
		if (!answers_keep(s, v, at))
			(void)session_datagram(s, side, v, at, false);
	} else if (s->answers && flow_session(f) == s && reading_of(s)->side == SIDE_CLIENT) {
		(void)answers_read(s);
	}
}

/*
 * The snap length has cut a message, n bytes from the end of what is unread: a dissector that can
 * reads what there is of it. What it then passes over ends in time, as the packet was seen.
 */
static void read_cut(struct session *s, enum side side, uint32_t n, const struct stamp *at)
{
	struct session_side *x = &s->side[side];

	if (!x->len || x->skip || !s->d || !(s->d->traits & TRAIT_READS_CUT))
		return;
	reading_of(s)->now = *at;
	read_from(s, side, x->buf, x->pos - x->len, x->pos);
	x->need = 0;
	if (!feed(s, side, view_of(x->buf, x->len, n)))
		gone(s);
}

/* Of a packet the last n bytes were not captured. */
static void on_cut(struct session *s, enum side side, uint32_t n, const struct stamp *at)
{
	struct session_side *x = &s->side[side];
	const struct flow *f = s->flow;

	read_cut(s, side, n, at);
	if (f->session != s)
		return;
	if (x->skip < n)
		for (struct txn *t = s->first; t; t = t->next)
			t->quality |= 1u << QUALITY_SNAPLEN;
	if (x->current && x->skip < n && !s->interleaved)
		x->current->cut |= side == SIDE_CLIENT ? CUT_REQUEST : CUT_ANSWER;
	for (struct txn *t = s->first; t && side == SIDE_CLIENT; t = t->next)
		if (t->composite && !(t->marks & 2)) /* its request's end may be there */
			t->cut |= CUT_REQUEST;
	if (x->skip && x->skip < n) {
		uint32_t part = (uint32_t)x->skip;

		session_gap(s, side, part, GAP_CUT, at->seen, at->whole, at->whole_frame);
		n -= part;
	}
	if (f->session == s)
		session_gap(s, side, n, GAP_CUT, at->seen, at->whole, at->whole_frame);
}

void session_data(struct session *s, enum side side, const uint8_t *p, uint32_t caplen,
	uint32_t len, const struct stamp *at)
{
	struct session_side *x = &s->side[side];
	struct flow *f = s->flow;

	if (x->ended)
		return;
	x->last = *at;
	if (side == SIDE_SERVER)
		s->last_response = at->whole;
	if (f->proto != IP_PROTO_TCP) {
		datagram(s, side, view_of(p, caplen, len - caplen), at);
		return;
	}
	if (!s->d && len)
		turns_payload(s->shard, f, &s->turned,
			side == SIDE_CLIENT ? flow_client(f) : !flow_client(f), len, at->whole);
	if (s->spoke != side)
		sync_turn(s, side);
	txn_answer_over(s, side, len);
	if (caplen || !len)
		push(s, side, p, caplen, at);
	if (caplen < len && flow_session(f) == s)
		on_cut(s, side, len - caplen, at);
}

void session_gap(struct session *s, enum side side, uint64_t n, enum gap why, uint64_t since,
	uint64_t seen, uint64_t seen_frame)
{
	struct session_side *x = &s->side[side];
	bool between = !x->current || x->skip;

	s->head.there = false;
	if (x->ended)
		return;
	s->spoke = (uint8_t)side;
	read_nothing(s, side);
	txn_lost(s, side, why == GAP_OPEN ? 0 : n);
	if (seen > since)
		txn_stall(s, LEDGER_UNKNOWN, since, seen);
	if (x->skip == TAKE_TO_END) {
		x->pos += n;
		return;
	}
	if (x->skip > n) {
		x->skip -= n;
		x->pos += n;
		return;
	}
	if (x->skip && x->skip == n) {
		struct stamp at = {seen, seen_frame, seen, seen_frame};

		/* The body ends with the lost bytes: framing holds, its end was not seen. */
		x->skip = 0;
		x->pos += n;
		x->nspans = 0;
		if (x->current)
			x->current->quality |= 1u << QUALITY_GAP;
		push(s, side, (const uint8_t *)"", 0, &at);
		return;
	}
	x->pos += n;
	n += x->len - x->skip;
	x->skip = 0;
	x->len = 0;
	x->nspans = 0;
	recognise_after_gap(s);
	lost(s, side, n, why == GAP_CUT, between);
	if (s->d)
		settle(s, side);
}

/*
 * Nothing more comes: the port decides whose the side is, if its dissector then reads it. It reads
 * what the other side said meanwhile, too: a greeting that refuses, and the client's farewell.
 */
static void decide_by_port(struct session *s, enum side side)
{
	const struct session_side *x = &s->side[side];
	struct flow_turns *turned = s->turned;
	bool answers_lost = s->pairing.answers_lost;
	uint32_t unread = x->len;

	if (!recognise_by_port(s, side))
		return;
	if (!s->placed)
		sync_place(s);
	tsm_go_on(s, side);
	s->turned = NULL;
	look_again(s, SIDE_CLIENT);
	look_again(s, SIDE_SERVER);
	if (x->len == unread) {
		session_unset(s);
		turns_forget(s->shard, s->turned);
		s->turned = turned;
	} else {
		turns_forget(s->shard, turned);
		if (answers_lost) /* they may have been to what is read now only */
			pairing_gap(s, SIDE_SERVER);
	}
}

void session_end(struct session *s, enum side side, enum tsm_end why, uint64_t now)
{
	struct session_side *x = &s->side[side];

	if (x->ended)
		return;
	decide_by_port(s, side);
	x->ended = true;
	read_nothing(s, side);
	reading_of(s)->ended = now;
	if (s->d && s->d->end)
		s->d->end(s, s->state, side, why);
}

/*
 * tcp_loss.c - segments of bytes that were sent before, or that fill a missing range:
 * retransmissions told apart from each other and from reordering, and the waiting that they ended.
 */
#include "api/layer.h"
#include "core/resting.h"
#include "core/shard.h"
#include "core/tcp.h"
#include "core/txn.h"
#include <string.h>

/* The side's worst frame sent again is the one that was waited for the longest. */
static void note_resent(struct ext_side *e, uint64_t frame, uint64_t waited)
{
	if (!e->resent_frame || waited > e->resent_worst) {
		e->resent_worst = waited;
		e->resent_frame = frame;
	}
}

/* The same segment over and over, and nothing of it acknowledged: a path that cannot carry it? */
static void note_again(struct ext_side *e, const struct packet *p, uint32_t len, uint64_t since)
{
	if (!e->again || e->again_seq != p->tcp_seq) {
		e->again_seq = p->tcp_seq;
		e->again = 0;
		e->again_frame = p->number;
		e->again_since = since;
	}
	e->again_len = len;
	e->again_last = p->time;
	e->again++;
}

/* The part of the least round trip so far (which may come down yet) that no answer can come in. */
#define TOO_SOON 2u

static enum ledger_entry entry_of(const struct flow *f, unsigned dir, bool rto)
{
	if (side_of(f, dir) == SIDE_CLIENT)
		return rto ? LEDGER_STALL_RTO_CLIENT : LEDGER_STALL_FAST_CLIENT;
	return rto ? LEDGER_STALL_RTO_SERVER : LEDGER_STALL_FAST_SERVER;
}

/* When the side sent what it sends again now, as far as that is known. */
static uint64_t sent_before(
	const struct flow *f, const struct packet *p, unsigned dir, uint32_t end)
{
	int32_t timed = seq_diff(f->side[dir].rtt_seq, p->tcp_seq);

	if (f->rtt_time[dir] && timed > 0 && timed <= (int32_t)(end - p->tcp_seq))
		return f->rtt_time[dir];
	return f->last[dir];
}

/*
 * Both copies went by: the first one was lost behind the capture, or was not lost at all. Until the
 * ACK tells, it is only remembered. The waiting is the time from the one copy to the other; where
 * other segments were sent in between it is the same from the first duplicate ACK to the ACK.
 */
static void remember_resend(struct flow *f, const struct packet *p, unsigned dir, uint32_t end)
{
	struct resend *r = &f->ext->side[dir].resend;
	uint64_t dup_since = f->ext->side[!dir].dup_since, from = sent_before(f, p, dir, end);
	bool fast = f->side[!dir].dup_run >= 3, until_ack = fast && dup_since < f->last[dir];

	if (until_ack)
		from = dup_since;
	if (!r->n) {
		memset(r, 0, sizeof(*r));
		r->from = from;
		r->first = p->time;
		r->lo = p->tcp_seq;
		r->hi = end;
		r->tsval = p->tcp_opts & TCP_OPT_TIMES ? p->tcp_tsval : 0;
	}
	if (seq_diff(p->tcp_seq, r->lo) < 0)
		r->lo = p->tcp_seq;
	if (seq_diff(end, r->hi) > 0)
		r->hi = end;
	r->n++;
	r->fast += fast;
	r->rtos += !fast && p->time - from >= RTO_LEAST;
	r->until_ack |= until_ack;
	r->at = p->time;
	if (!r->frame || p->time - from > r->worst) {
		r->worst = p->time - from;
		r->frame = p->number;
	}
}

/* Does the segment's first SACK block say that all of [lo, hi) came twice (RFC 2883, 4)? */
static bool is_dsack(const struct packet *p, uint32_t lo, uint32_t hi)
{
	uint32_t left, right;

	if (!(p->tcp_opts & TCP_OPT_SACK) || !p->tcp_nsack)
		return false;
	left = load32(p->tcp_sack);
	right = load32(p->tcp_sack + 4);
	if (seq_diff(left, lo) > 0 || seq_diff(right, hi) < 0)
		return false;
	return seq_diff(right, p->tcp_ack) <= 0 ||
	       (p->tcp_nsack > 1 && seq_diff(left, load32(p->tcp_sack + 8)) >= 0 &&
		       seq_diff(right, load32(p->tcp_sack + 12)) <= 0);
}

/*
 * Had the first copies arrived? The receiver got them twice, or it acknowledges what was sent
 * before they were sent again (RFC 3522, "Eifel"), or sooner than they can have arrived.
 */
static bool was_needless(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct resend *r = &f->ext->side[!dir].resend;
	uint32_t rtt = flow_rtt(f, !dir);

	if (is_dsack(p, r->lo, r->hi))
		return true;
	if (r->tsval && p->tcp_opts & TCP_OPT_TIMES)
		return seq_diff(p->tcp_tsecr, r->tsval) < 0;
	/* A round trip that was long once proves nothing where a timer ran out long before. */
	return rtt != UINT32_MAX && rtt >= MS && p->time - r->first < rtt / TOO_SOON &&
	       p->time - r->from <= 4 * (uint64_t)rtt;
}

/* Was the segment held up on its way back, by the clock (of 1 ms) of its sender? */
static bool came_late(const struct flow *f, const struct packet *p, unsigned dir)
{
	uint64_t ms = (p->time - f->last[dir]) / MS;
	uint32_t ticks = p->tcp_tsval - f->side[dir].tsval;

	return p->tcp_opts & TCP_OPT_TIMES && f->side[dir].tsval && ticks >= ms * 3 / 10 &&
	       ticks + 100 < ms;
}

/*
 * What !dir sent again had arrived, but nothing of dir came back until now: its answer had been
 * lost, and this one is sent again, or it shows with its number that there is one.
 */
static void on_answer_lost(
	struct flow *f, const struct packet *p, unsigned dir, const struct resend *r)
{
	struct ext_side *e = &f->ext->side[dir];
	uint32_t rtt = flow_rtt(f, !dir);
	uint64_t to = r->at;

	if (f->last[dir] >= r->from)
		return;
	if (seq_diff(p->tcp_seq, f->side[dir].nxt) > 0) {
		e->lost_since = r->from;
		return;
	}
	if (!(p->paylen + p->paycut) || p->tcp_seq != f->side[dir].nxt ||
		p->time - r->from < RTO_LEAST || came_late(f, p, dir))
		return;
	if (rtt != UINT32_MAX)
		to = p->time - r->from > rtt ? p->time - rtt : r->from;
	e->retransmits++;
	e->rtos++;
	e->resent += p->paylen + p->paycut;
	note_resent(e, p->number, to - r->from);
	stall(f, entry_of(f, dir, true), r->from, to);
}

/* They had been lost: until they came everything waited for them. */
static void on_lost(struct flow *f, unsigned dir, uint64_t acked)
{
	struct ext_side *e = &f->ext->side[dir];
	struct resend *r = &e->resend;

	e->fast += r->fast;
	e->rtos += r->rtos;
	note_resent(e, r->frame, r->worst);
	if (side_of(f, dir) == SIDE_CLIENT && f->side[dir].flags & FS_SYN &&
		r->lo == f->side[dir].isn + 1) {
		f->ext->first_from = r->from;
		f->ext->first_late = r->at - r->from;
	}
	stall(f, entry_of(f, dir, r->rtos != 0), r->from, r->until_ack ? acked : r->at);
	if (flow_session(f) && side_of(f, dir) == SIDE_SERVER)
		resting_resent(f->session, r->lo, r->at);
	r->judged = r->n;
	r->n = 0;
}

void tcp_resend_acked(struct flow *f, const struct packet *p, unsigned dir)
{
	struct ext_side *e = &f->ext->side[!dir];
	struct resend *r = &e->resend;

	if (!r->n) {
		if (r->judged && is_dsack(p, r->lo, r->hi)) {
			e->spurious += r->judged;
			e->fast -= r->fast;
			e->rtos -= r->rtos;
			r->judged = 0;
		}
		return;
	}
	if (seq_diff(p->tcp_ack, r->hi) < 0 && !is_dsack(p, r->lo, r->hi))
		return;
	if (!was_needless(f, p, dir)) {
		on_lost(f, !dir, p->time);
		return;
	}
	e->spurious += r->n;
	on_answer_lost(f, p, dir, r);
	r->n = 0;
}

/* The capture ended before the ACK can have come that says whether they had been lost. */
static bool is_open(const struct flow *f, unsigned dir, uint64_t end)
{
	const struct resend *r = &f->ext->side[dir].resend;
	uint32_t rtt = flow_rtt(f, dir);

	return r->n == 1 && end >= r->at && end - r->at < (rtt == UINT32_MAX ? RTO_LEAST : rtt);
}

void tcp_settle(struct flow *f, uint64_t end)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		struct resend *r = &f->ext->side[dir].resend;

		if (!r->n)
			continue;
		if (!end || !is_open(f, dir, end)) {
			on_lost(f, dir, r->at);
			continue;
		}
		stall(f, LEDGER_UNKNOWN, r->from, r->at);
		r->n = 0;
	}
}

/* A segment of bytes that were sent before: which kind of retransmission is it? */
void tcp_on_resent(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint32_t end)
{
	struct flow_side *o = &f->side[!dir];
	struct ext_side *e;
	uint32_t len = p->paylen + p->paycut;

	if (len <= 1 && o->flags & FS_ACK && p->tcp_seq == o->ack - 1)
		return; /* a keep-alive probe (RFC 9293, 3.8.4) */
	if (tcp_refused(f, p, dir, end))
		return;
	e = &flow_need_ext(sh, f)->side[dir];
	e->retransmits++;
	e->resent += len;
	note_again(e, p, len, f->last[dir]);
	if (flow_session(f))
		txn_resent(f->session, side_of(f, dir), len);
	if (o->flags & FS_ACK && seq_diff(o->ack, end) >= 0)
		e->spurious++;
	else
		remember_resend(f, p, dir, end);
	f->rtt_time[dir] = 0;
}

/* The timestamp of what its side sent behind the segment, or 0. */
static uint32_t behind(const struct ext_side *e, const struct packet *p)
{
	const struct held *h = e->held;
	uint32_t end = p->tcp_seq + p->paylen + p->paycut;

	while (h && seq_diff(h->lo, end) < 0)
		h = h->next;
	if (h)
		return h->tsval;
	return e->sent_time && seq_diff(e->sent_to, end) >= 0 ? e->sent_tsval : 0;
}

#define TICKS 4 /* in which a clock shows how long one is */

/* How long a tick of the side's clock is, at most: what it showed since. */
static uint64_t tick_since(const struct flow *f, unsigned dir, uint32_t tsval, uint64_t time)
{
	int32_t ticks = seq_diff(f->side[dir].tsval, tsval);

	if (!tsval || ticks < TICKS || f->last[dir] <= time)
		return UINT64_MAX;
	return (f->last[dir] - time) / (uint32_t)(ticks - 1);
}

static uint64_t tick_of(const struct flow *f, unsigned dir)
{
	const struct ext_side *e = &f->ext->side[dir];
	uint64_t tick = tick_since(f, dir, e->clock_tsval, e->clock_time), now;

	if (!e->held)
		return tick;
	now = tick_since(f, dir, e->held->tsval, e->held->time);
	return now < tick ? now : tick;
}

enum filled { REORDERED, RESENT, UNTOLD };

/*
 * It fills a hole late: is it the first copy of its bytes? The clock of its sender says so, by what
 * was sent behind it: what is sent again shows a later time, unless the clock has not moved since.
 * Where it does not: not so where others that were lost with it had been sent again. Who sends
 * again because of an ACK does it a round trip behind the hole.
 */
static enum filled filled_by(
	const struct flow *f, const struct packet *p, unsigned dir, uint64_t waited)
{
	const struct ext_side *e = &f->ext->side[dir];
	uint32_t there = flow_rtt(f, !dir), next = behind(e, p);
	bool timed = next && p->tcp_opts & TCP_OPT_TIMES;
	uint64_t usual = 0, tick;

	if (timed && next != p->tcp_tsval)
		return seq_diff(p->tcp_tsval, next) < 0 ? REORDERED : RESENT;
	if (e->lost_since || seq_diff(p->tcp_seq, e->recover) < 0)
		return RESENT;
	if (there != UINT32_MAX && there >= MS && waited < there / TOO_SOON)
		return REORDERED;
	tick = timed ? tick_of(f, dir) : UINT64_MAX;
	if (tick < waited && waited - tick > MS)
		return REORDERED;
	for (unsigned i = 0; i < 2; i++)
		if (f->rtt_min[i] != UINT32_MAX)
			usual += f->rtt_min[i];
	if (waited < (usual ? usual : REORDER) && f->side[!dir].dup_run < 3)
		return REORDERED;
	return timed && waited > 2 * MS ? UNTOLD : RESENT;
}

/* A segment below what was seen sent already, into a hole: reordered, or sent again after a loss.
 */
void tcp_on_filled(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct ext_side *e = &flow_need_ext(sh, f)->side[dir];
	uint32_t rtt = flow_rtt(f, !dir);
	uint64_t since = e->hole_since, to = p->time;
	bool rto;

	switch (filled_by(f, p, dir, p->time - since)) {
	case REORDERED:
		e->out_of_order++;
		return;
	case UNTOLD:
		stall(f, LEDGER_UNKNOWN, since, to);
		return;
	case RESENT:
		break;
	}
	if (e->lost_since) {
		/* Its first copy would have come a round trip after what it answers. */
		since = e->lost_since;
		to -= rtt != UINT32_MAX && rtt < to - since ? rtt : 0;
		e->lost_since = 0;
	}
	e->recover = f->side[dir].nxt;
	rto = f->side[!dir].dup_run < 3 && to - since >= RTO_LEAST;
	e->retransmits++;
	e->resent += p->paylen + p->paycut;
	e->rtos += rto;
	e->fast += !rto;
	note_resent(e, p->number, to - since);
	if (flow_session(f))
		txn_resent(f->session, side_of(f, dir), p->paylen + p->paycut);
	stall(f, entry_of(f, dir, rto), since, to);
}

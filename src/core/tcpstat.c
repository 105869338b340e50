/*
 * tcpstat.c - what a TCP segment says about the connection: acknowledgments and round trips, order,
 * copies, the end. Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4).
 */
#include "core/copies.h"
#include "core/early.h"
#include "core/handshake.h"
#include "core/ledger.h"
#include "core/resting.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/stale.h"
#include "core/stream.h"
#include "core/sums.h"
#include "core/tcp.h"
#include "core/turns.h"
#include "core/txn.h"
#include <string.h>

#define DELAYED_LEAST (35 * MS)  /* an ACK that comes later may have been held back ... */
#define DELAYED_MOST  (500 * MS) /* ... not longer than this (RFC 9293, 3.8.6.3) */
#define SEGMENT_USUAL 1460u      /* bytes, where the handshake was not seen */

/*
 * A bare ACK is sent at once, but for one that waits for a second segment. What carries data or a
 * FIN waited for that, however long it took: the round trip is not longer, more cannot be said.
 */
static bool is_prompt(const struct flow *f, const struct packet *p, unsigned dir, uint64_t rtt)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	int32_t segment = s->mss && o->mss ? (s->mss < o->mss ? s->mss : o->mss) : SEGMENT_USUAL;

	if (p->paylen + p->paycut || p->tcp_flags & (TCP_FIN | TCP_RST))
		return false;
	return rtt < DELAYED_LEAST || rtt > DELAYED_MOST || seq_diff(p->tcp_ack, s->ack) > segment;
}

/*
 * A segment of the other end was acknowledged after this time. What was not prompt is an upper
 * bound; so is a bare ACK that took much longer than another one did.
 */
void tcp_rtt_seen(struct flow *f, const struct packet *p, unsigned dir, uint64_t rtt)
{
	struct flow_side *o = &f->side[!dir];
	uint32_t least = f->rtt_min[!dir];
	bool known = least != UINT32_MAX && !(o->more & FS_RTT_BOUND);

	if (f->ext && f->ext->side[dir].zero_since)
		return; /* it was closed, and nothing taken */
	if (!known && is_prompt(f, p, dir, rtt))
		known = least == UINT32_MAX || rtt / 2 <= least;
	o->more = (uint8_t)(known ? o->more & ~FS_RTT_BOUND : o->more | FS_RTT_BOUND);
	rtt_sample(f, !dir, rtt);
}

/* Is the segment acknowledged whose round trip is being timed? To be asked before the ACK is taken
   over. */
static inline void rtt_of_ack(struct flow *f, const struct packet *p, unsigned dir)
{
	if (f->rtt_time[!dir] && seq_diff(p->tcp_ack, f->side[!dir].rtt_seq) >= 0) {
		uint64_t rtt = p->time - f->rtt_time[!dir];

		f->rtt_time[!dir] = 0;
		if (rtt < f->rtt_min[!dir] || f->side[!dir].more & FS_RTT_BOUND)
			tcp_rtt_seen(f, p, dir, rtt);
		else if (rtt - rtt / 4 > f->rtt_min[!dir] && f->side[!dir].nxt != p->tcp_ack)
			tcp_on_long_trip(f, p, dir, rtt);
	}
}

static void on_ack(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	uint32_t ack = p->tcp_ack;
	int32_t ahead;

	if ((f->state == FLOW_SYN_ACK || f->state == FLOW_SYN) && !(p->tcp_flags & TCP_RST))
		tcp_on_handshake_ack(sh, f, p, dir);
	if (!(s->flags & FS_ACK)) {
		s->ack = ack;
		s->flags |= FS_ACK;
	}
	if (!(o->flags & FS_SEQ)) {
		o->nxt = ack;
		o->isn = ack - 1;
		o->flags |= FS_SEQ | FS_MIDWAY;
	} else if (f->flags & FLOW_MIDWAY && tcp_before_capture(f, !dir) &&
		   seq_diff(ack, o->nxt) > 0 && seq_diff(ack, o->nxt) < SEQ_REACH) {
		o->nxt = ack;
	}
	/* Else bytes the other side must have sent, and the capture does not hold. */
	if (f->ext && f->ext->side[!dir].probing && seq_diff(ack, o->nxt) > 0) {
		tcp_on_window(sh, f, p, dir); /* the byte waited for this */
		tcp_takes_probe(sh, f, p, !dir);
	}
	ahead = seq_diff(ack, o->nxt);
	if ((ahead > 0 && ahead < SEQ_REACH) ||
		(f->ext && f->ext->side[!dir].hole_since &&
			seq_diff(ack, f->ext->side[!dir].expect) > 0))
		stream_gap(sh, f, p, !dir, ack, GAP_ACKED);
	if (f->ext)
		tcp_resend_acked(f, p, dir);
	rtt_of_ack(f, p, dir);
	if (seq_diff(ack, s->ack) > 0) {
		s->ack = ack;
		s->dup_run = 0;
		if (f->ext && f->ext->side[!dir].refused)
			tcp_refuses(f, dir, ack);
		if (o->more & FS_RESTS)
			resting_acked(f->session, ack);
	} else if (ack == s->ack && !len && o->nxt != ack && p->tcp_window &&
		   !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) && s->flags & FS_BARE_ACK &&
		   window_of(s, o, p) == s->window) {
		struct ext_side *e = &flow_need_ext(sh, f)->side[dir];

		if (!s->dup_run)
			e->dup_since = p->time;
		if (s->dup_run < UINT8_MAX)
			s->dup_run++;
		e->dup_acks++;
	}
}

/*
 * A short segment, a bare ACK that came late, and at once the next segment: it was held back until
 * then (Nagle's algorithm), and the ACK was delayed. What lies between the capture and the ends is
 * taken off the one, and allowed for the other.
 */
RARELY static void on_held_back(struct flow *f, const struct packet *p, unsigned dir)
{
	uint64_t held = f->last[!dir] - f->last[dir], at_once = 5 * MS;
	uint32_t there = flow_rtt(f, dir), back = flow_rtt(f, !dir);

	if (there != UINT32_MAX)
		held -= there < held ? there : held;
	if (back != UINT32_MAX)
		at_once += back + back / 4;
	if (held >= DELAYED_LEAST && held <= 210 * MS && p->time - f->last[!dir] <= at_once)
		stall(f, LEDGER_STALL_DELAYED_ACK, f->last[dir], p->time);
}

/* Everything was acknowledged, and the window open: the server had nothing to send. */
RARELY static void on_idle_server(struct flow *f, const struct packet *p, unsigned dir)
{
	uint64_t since = f->last[dir] > f->last[!dir] ? f->last[dir] : f->last[!dir];
	uint64_t rtt = flow_rtt(f, !dir) != UINT32_MAX ? f->rtt_min[!dir] : 0;

	/* Who sends nothing for long after the ACK did not wait for the ACK either. */
	if (p->time > since && p->time - since > rtt + MS)
		stall(f, LEDGER_SERVER, f->last[dir], p->time - rtt);
}

/*
 * The client speaks while the server is idle, of one of several transactions: for all others whose
 * request the server has, it was idle until then and goes on being so.
 */
RARELY static void on_idle_meanwhile(struct flow *f, const struct packet *p, unsigned dir)
{
	uint64_t since = f->last[dir] > f->last[!dir] ? f->last[dir] : f->last[!dir];
	uint64_t rtt = flow_rtt(f, dir) != UINT32_MAX ? f->rtt_min[dir] : 0;

	if (p->time > since && p->time - since > rtt + MS)
		txn_idle(f->session, f->last[!dir], p->time);
}

/* Stalls that end with new data. What went on all the time had none. */
static inline void on_new_data(struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];

	if (p->time - f->last[dir] <= MS)
		return;
	if (p->tcp_opts & TCP_OPT_TIMES && p->tcp_tsecr != o->tsval && tcp_was_under_way(f, p, dir))
		return;
	if (f->ext && f->ext->side[dir].full_until >= f->last[dir]) {
		tcp_on_opened(f, p, dir);
		return;
	}
	if (s->flags & FS_SHORT && o->flags & FS_BARE_ACK && f->last[!dir] > f->last[dir])
		on_held_back(f, p, dir);
	if (!flow_session(f) || !(f->session->side[SIDE_SERVER].current || f->session->interleaved))
		return;
	if (side_of(f, dir) == SIDE_SERVER) {
		if (o->flags & FS_ACK && o->ack == s->nxt && o->window)
			on_idle_server(f, p, dir);
	} else if (s->flags & FS_ACK && s->ack == o->nxt && s->window) {
		on_idle_meanwhile(f, p, dir);
	}
}

/* A segment up to `end` that begins where the one before it ended. */
static inline void on_next(struct flow *f, const struct packet *p, unsigned dir, uint32_t end)
{
	struct flow_side *s = &f->side[dir];

	on_new_data(f, p, dir);
	if (!f->rtt_time[dir]) {
		f->rtt_time[dir] = p->time;
		s->rtt_seq = end;
	}
	s->nxt = end;
}

/* From here on bytes are missing, as a segment behind them shows. */
static struct ext_side *on_missing(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct ext_side *x = &flow_need_ext(sh, f)->side[dir];

	if (!x->hole_since) {
		x->hole_since = p->time;
		x->expect = x->recover = f->side[dir].nxt;
		if (!x->clock_time && f->side[dir].tsval) {
			x->clock_time = f->last[dir];
			x->clock_tsval = f->side[dir].tsval;
		}
	}
	return x;
}

/*
 * Where the side's stream begins, of a connection that began before the capture. What the other
 * side had acknowledged until its first segment is a lower bound only.
 */
static inline void begin_midway(struct flow *f, unsigned dir, uint32_t seq)
{
	struct flow_side *s = &f->side[dir];

	if (!(s->flags & FS_SEQ)) {
		s->nxt = seq;
		s->isn = seq - 1;
		s->flags |= FS_SEQ | FS_MIDWAY;
	} else if (tcp_before_capture(f, dir) && seq_diff(seq, s->nxt) > 0) {
		s->nxt = seq;
	}
}

/*
 * One byte that nobody pushes, and nothing of the side was seen before: a keep-alive probe with a
 * byte that was sent long ago, or one into a closed window (RFC 9293, 3.8.4 and 3.8.6.1). Which of
 * the two the other side's acknowledgment says; when the next byte comes before it, it was the
 * stream's own.
 */
RARELY static bool on_first_probe(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	struct ext_side *x = f->ext ? &f->ext->side[dir] : NULL;

	if (x && x->probe_frame && p->tcp_seq == x->probe_seq + 1) {
		struct packet first = {.time = x->probe_time, .number = x->probe_frame};

		begin_midway(f, dir, p->tcp_seq);
		stream_deliver(sh, f, &first, dir, &x->probe_byte, x->probe_caplen, 1);
		return false;
	}
	if (len != 1 || (p->tcp_flags & ~TCP_ECE) != TCP_ACK)
		return false;
	x = &flow_need_ext(sh, f)->side[dir];
	x->probe_seq = p->tcp_seq;
	x->probe_time = p->time;
	x->probe_frame = p->number;
	x->probe_caplen = p->paylen != 0;
	x->probe_byte = p->paylen ? *p->payload : 0;
	return true;
}

/* A segment without data that begins behind what was seen: that much has been sent. */
static inline void on_bare(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	struct ext_side *x;
	int32_t ahead;

	if (!(s->flags & FS_SEQ))
		return;
	begin_midway(f, dir, p->tcp_seq);
	ahead = seq_diff(p->tcp_seq, s->nxt);
	if (ahead <= 0 || ahead >= SEQ_REACH || s->flags & FS_FIN)
		return;
	if (ahead == 1 && f->ext && f->ext->side[dir].probing)
		return;
	x = on_missing(sh, f, p, dir);
	x->sent_to = p->tcp_seq;
	x->sent_tsval = p->tcp_opts & TCP_OPT_TIMES ? p->tcp_tsval : 0;
	x->sent_time = p->time;
	x->sent_frame = p->number;
	s->nxt = p->tcp_seq;
	f->rtt_time[dir] = 0;
}

static void on_data(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	const struct flow_side *o = &f->side[!dir];
	uint32_t len = p->paylen + p->paycut, seq = p->tcp_seq + (p->tcp_flags & TCP_SYN ? 1 : 0);
	uint32_t end = seq + len;
	const struct ext_side *e;
	int32_t ahead;

	if (!(s->flags & FS_SEQ) && on_first_probe(sh, f, p, dir, len))
		return;
	begin_midway(f, dir, seq);
	e = f->ext ? &f->ext->side[dir] : NULL;
	ahead = seq_diff(seq, s->nxt);
	if (e && tcp_probes(f, p, dir, ahead == 0))
		return;
	if (ahead == 0) {
		on_next(f, p, dir, end);
		if (o->flags & FS_FIN)
			stale_on_data(sh, f, p, dir);
		if (e && e->hole_since)
			stream_hold(sh, f, p, dir, seq, p->payload, p->paylen, len);
		else if (e && f->ext->watch & WATCH_FASTOPEN)
			tcp_fastopen_again(sh, f, p, dir);
		else
			stream_deliver(sh, f, p, dir, p->payload, p->paylen, len);
	} else if (ahead > 0) {
		if (ahead >= SEQ_REACH) {
			counters_add(&sh->engine->counters, "tcp: sequence number out of reach", 1);
			return;
		}
		(void)on_missing(sh, f, p, dir);
		s->nxt = end;
		f->rtt_time[dir] = 0;
		stream_hold(sh, f, p, dir, seq, p->payload, p->paylen, len);
	} else if (e && e->hole_since && seq_diff(end, e->expect) > 0) {
		bool first = seq_diff(seq, e->expect) <= 0;

		if (seq_diff(end, s->nxt) > 0)
			s->nxt = end;
		tcp_on_filled(sh, f, p, dir);
		stream_hold(sh, f, p, dir, seq, p->payload, p->paylen, len);
		if (first)
			stream_drain(sh, f, p, dir);
	} else if (seq_diff(end, s->nxt) > 0) {
		uint32_t old = s->nxt - seq;

		tcp_on_resent(sh, f, p, dir, s->nxt);
		s->nxt = end;
		if (old < p->paylen)
			stream_deliver(sh, f, p, dir, p->payload + old, p->paylen - old, len - old);
		else
			stream_deliver(sh, f, p, dir, NULL, 0, len - old);
	} else {
		tcp_on_resent(sh, f, p, dir, end);
	}
	if (o->flags & FS_ACK)
		tcp_fills_window(sh, f, p, dir);
	if (f->ext && f->ext->side[!dir].zero_since)
		tcp_refuses(f, !dir, f->ext->side[dir].refused_from);
}

static void on_fin(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	uint32_t at = p->tcp_seq + p->paylen + p->paycut;

	begin_midway(f, dir, at);
	if (s->flags & FS_FIN || seq_diff(at, s->nxt) < 0)
		return;
	if (flow_session(f) && f->session->first && !f->session->closer) {
		f->session->closer = (uint8_t)(side_of(f, dir) + 1);
		f->session->closer_at = p->time;
	}
	if (side_of(f, dir) == SIDE_CLIENT)
		turns_left(sh, f, p->time, false);
	if (at != s->nxt) /* the bytes in front of it are a hole until they come */
		(void)on_missing(sh, f, p, dir);
	s->nxt = at + 1;
	s->flags |= FS_FIN;
	stale_on_fin(f, p, dir);
	if (!(f->ext && f->ext->side[dir].hole_since) && flow_session(f))
		session_end(f->session, side_of(f, dir), END_FIN, p->time);
	if (f->state < FLOW_CLOSING)
		f->state = FLOW_CLOSING;
}

/* Behind these many round trips to the server (and a bit) a reset answers something else. */
#define AT_ONCE(rtt) (3 * (uint64_t)(rtt) + 5 * MS)

static enum reset_phase reset_phase(struct flow *f, const struct packet *p, unsigned dir)
{
	const struct txn *t = flow_session(f) ? f->session->first : NULL;
	const struct handshake *h = handshake_of(f);
	uint64_t acked = h && h->late ? h->taken : f->established;
	uint32_t rtt = flow_rtt(f, flow_client(f));
	uint64_t soon = AT_ONCE(rtt == UINT32_MAX ? 0 : rtt);

	if (f->state <= FLOW_SYN)
		return RESET_SYN;
	if (f->state == FLOW_SYN_ACK)
		return RESET_SYN_ACK;
	/* There is no socket that would acknowledge anything, only a handshake. */
	if (side_of(f, dir) == SIDE_SERVER && f->established && !(p->tcp_flags & TCP_ACK) &&
		!f->payload[dir] && p->time - acked <= soon)
		return RESET_ACK;
	if (stale_on_reset(f, p, dir, soon))
		return RESET_STALE;
	while (t && t->composite)
		t = t->next;
	if (t && t->marks & 4)
		return t->cut & CUT_ANSWER ? RESET_UNKNOWN : RESET_RESPONSE;
	if (t && t->marks & 2)
		return t->doubtful ? RESET_UNKNOWN : RESET_WAIT;
	if (t)
		return t->cut & CUT_REQUEST ? RESET_UNKNOWN : RESET_REQUEST;
	if (f->state >= FLOW_CLOSING)
		return RESET_CLOSE;
	return f->flags & FLOW_HAD_TXN ? RESET_IDLE : RESET_OPEN;
}

RARELY static void on_reset(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_ext *e = flow_need_ext(sh, f);

	if (!e->reset_phase) {
		e->reset_phase = (uint8_t)reset_phase(f, p, dir);
		e->reset_frame = p->number;
	}
	tcp_settle(f, 0);
	f->state = FLOW_RESET;
	f->who = (uint8_t)((f->who & 0x7f) | dir << 7);
	if (flow_session(f))
		session_close(f->session, END_RST, p->time);
}

/* No sender makes a segment larger than the other side's MSS: an offload has put it together. */
RARELY static void on_oversized(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct ext_side *e = &flow_need_ext(sh, f)->side[dir];

	if (!e->oversized++)
		e->oversized_frame = p->number;
}

/* What the next segment of the side is compared with. */
static inline void remember(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	struct flow_side *s = &f->side[dir];
	const struct flow_side *o = &f->side[!dir];
	uint8_t kind = 0;

	if (len) {
		uint32_t mss = s->mss && o->mss ? (s->mss < o->mss ? s->mss : o->mss) : 0;

		if (len < (mss ? mss - 60u : 1200u))
			kind = FS_SHORT;
		else if (o->mss && len > o->mss)
			on_oversized(sh, f, p, dir);
	} else if (!(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))) {
		kind = FS_BARE_ACK;
	}
	s->flags = (uint8_t)((s->flags & ~(FS_BARE_ACK | FS_SHORT)) | kind);
	s->ip_id = p->ip_id;
	s->tsval = p->tcp_tsval;
}

/* Is nothing of what an extension tells going on? */
static inline bool is_calm(const struct flow_ext *x)
{
	const struct ext_side *a = &x->side[0], *b = &x->side[1];

	return !(a->zero_since | a->full_since | a->hole_since | a->refused | a->resend.n |
		 b->zero_since | b->full_since | b->hole_since | b->refused | b->resend.n |
		 x->watch | x->waits);
}

/*
 * Nearly every segment of a connection is what has to come next: in order, or a bare ACK that moves
 * on, while nothing unusual is going on. Of such a one most questions need not be asked
 * (the "header prediction" of BSD's TCP).
 */
static inline bool is_next(const struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	const unsigned both = FS_SEQ | FS_ACK;

	return (p->tcp_flags & ~TCP_PSH) == TCP_ACK && f->state == FLOW_ESTABLISHED &&
	       (s->flags & o->flags & both) == both && p->tcp_seq == s->nxt && p->tcp_window &&
	       p->tcp_ack - s->ack <= o->nxt - s->ack && (len || p->tcp_ack != s->ack) &&
	       (!f->ext || is_calm(f->ext));
}

static void next_segment(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	struct flow_side *s = &f->side[dir];

	rtt_of_ack(f, p, dir);
	if (seq_diff(p->tcp_ack, s->ack) > 0) {
		s->ack = p->tcp_ack;
		s->dup_run = 0;
		if (f->side[!dir].more & FS_RESTS)
			resting_acked(f->session, p->tcp_ack);
	}
	s->window = window_of(s, &f->side[!dir], p);
	if (len) {
		on_next(f, p, dir, p->tcp_seq + len);
		stream_deliver(sh, f, p, dir, p->payload, p->paylen, len);
		tcp_fills_window(sh, f, p, dir);
	}
	remember(sh, f, p, dir, len);
}

__attribute__((noinline)) void tcp_segment_now(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	uint32_t len = p->paylen + p->paycut;
	uint8_t flags = p->tcp_flags;
	bool data = len && !(flags & TCP_RST);

	if (f->state == FLOW_SYN && tcp_is_stray(sh, f, p, dir))
		return;
	if (f->ext && f->ext->watch & WATCH_ACCEPT)
		tcp_accept_watch(f, p, dir, len);
	if (f->ext && f->ext->watch & WATCH_UNHEARD)
		tcp_fastopen_heard(f, p, dir, len);
	if (flags & TCP_SYN)
		data &= tcp_on_syn(sh, f, p, dir);
	else if (f->state == FLOW_NEW) {
		f->state = FLOW_ESTABLISHED;
		f->flags |= FLOW_MIDWAY;
	}
	if (flags & TCP_ACK) {
		on_ack(sh, f, p, dir, len);
		tcp_on_window(sh, f, p, dir);
	}
	if (p->tcp_opts & TCP_OPT_MPTCP)
		tcp_mptcp(sh, f, p, dir);
	if (!len && !(flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		on_bare(sh, f, p, dir);
	else if (data)
		on_data(sh, f, p, dir);
	if (flags & TCP_FIN)
		on_fin(sh, f, p, dir);
	remember(sh, f, p, dir, len);
	if (f->ext && f->ext->watch & WATCH_COPIES)
		copies_remember(f, p, dir);
	if (flags & TCP_RST && f->state != FLOW_CLOSED)
		on_reset(sh, f, p, dir);
	else if (f->state == FLOW_CLOSING && s->flags & FS_FIN && f->side[!dir].flags & FS_FIN) {
		f->state = FLOW_CLOSED;
		if (flow_session(f) &&
			!(f->ext && (f->ext->side[0].hole_since || f->ext->side[1].hole_since)))
			session_close(f->session, END_FIN, p->time);
	}
}

/* Of others it needs not be asked whether they came before what they answer. */
static inline bool may_be_early(const struct flow *f, const struct packet *p, unsigned dir)
{
	return seq_diff(p->tcp_ack, f->side[!dir].nxt) > 0 ||
	       (f->ext && (f->ext->early || f->ext->side[!dir].hole_since));
}

/* Is it surely nothing that the receiver ignores? */
static inline bool is_valid(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];

	if (f->ext && f->ext->waits)
		return false;
	if (p->tcp_seq == s->nxt && p->tcp_ack - s->ack <= o->nxt - s->ack &&
		(p->tcp_flags & (TCP_RST | TCP_SYN | TCP_ACK)) == TCP_ACK)
		return true;
	return f->state <= FLOW_SYN || f->state >= FLOW_CLOSED ||
	       (p->tcp_flags & TCP_SYN && f->state < FLOW_ESTABLISHED);
}

/* A side's first bare ACK says nothing of where its stream is, as it may be a probe. Is it that? */
static bool is_first_again(const struct flow_side *s, const struct packet *p)
{
	return !(s->flags & FS_SEQ) && s->flags & FS_ACK && p->tcp_ack == s->ack &&
	       (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) == TCP_ACK &&
	       !(p->paylen + p->paycut) &&
	       (p->flags & PACKET_TWIN || (p->ip_id && p->ip_id == s->ip_id));
}

/* Does it bring nothing that its side had not sent before? */
static inline bool is_old(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir];
	uint32_t end =
		p->tcp_seq + p->paylen + p->paycut + ((p->tcp_flags & (TCP_SYN | TCP_FIN)) != 0);

	if (p->tcp_flags & TCP_RST && f->state == FLOW_RESET)
		return true;
	if (is_first_again(s, p))
		return true;
	return s->flags & FS_SEQ && seq_diff(end, s->nxt) <= 0 &&
	       (p->tcp_flags & TCP_ACK ? s->flags & FS_ACK && seq_diff(p->tcp_ack, s->ack) <= 0
				       : p->tcp_flags & (TCP_SYN | TCP_RST));
}

bool tcp_was_copy(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	if (!is_old(f, p, dir) || !tcp_is_copy(sh, f, p, dir))
		return false;
	f->bytes[dir] -= p->len;
	f->packets[dir]--;
	return true;
}

/*
 * Most of the others end or begin a connection. They come in order and acknowledge what was sent,
 * or are the first SYN of their side: nothing that follows in strange_segment() is true of them.
 */
static inline bool is_usual(
	const struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];

	if (f->ext && (f->ext->waits || f->ext->side[!dir].hole_since))
		return false;
	if (p->tcp_flags & (TCP_SYN | TCP_RST))
		return !(s->flags & FS_SEQ) && !(p->tcp_flags & TCP_RST) &&
		       f->state < FLOW_ESTABLISHED && !(p->flags & PACKET_TWIN_NAMED);
	return p->tcp_seq == s->nxt && p->tcp_flags & TCP_ACK &&
	       p->tcp_ack - s->ack <= o->nxt - s->ack &&
	       (len || p->tcp_flags & TCP_FIN || p->tcp_ack != s->ack);
}

/* Does it end in what a dissector is to read, as far as that is known, or bring nothing new? */
static bool is_unread(const struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	const struct flow_side *s = &f->side[dir];
	const struct ext_side *e = f->ext ? &f->ext->side[dir] : NULL;
	uint32_t from = e && e->hole_since ? e->expect : s->nxt;
	int32_t n = s->flags & FS_SEQ ? seq_diff(p->tcp_seq + len, from) : (int32_t)len;

	return n <= 0 || tcp_is_read(f, dir, (uint32_t)n, p->tcp_flags & TCP_FIN);
}

RARELY static enum tcp_next strange_segment(
	struct shard *sh, struct flow *f, struct packet *p, unsigned dir, uint32_t len)
{
	struct flow_side *s = &f->side[dir];
	uint16_t id = s->ip_id;
	uint32_t tsval = s->tsval;
	bool overtaken = false;

	if (f->ext && f->ext->syn && tcp_begins_anew(sh, f, p, dir))
		return TCP_ANEW;
	if (is_old(f, p, dir)) {
		if (tcp_is_copy(sh, f, p, dir))
			return TCP_COPY;
		overtaken = tcp_is_older(s, p);
	}
	if (p->flags & PACKET_TWIN_NAMED)
		copies_name(sh, f, p, dir);
	if ((!len || is_unread(f, p, dir, len)) && tcp_sum_is_wrong(sh, f, p, dir)) {
		p->time = f->last[dir];
		return TCP_GOES_ON;
	}
	if ((may_be_early(f, p, dir) && early_hold(sh, f, p, dir)) ||
		(!is_valid(f, p, dir) && tcp_ignores(sh, f, p, dir))) {
		p->time = f->last[dir];
		return TCP_GOES_ON;
	}
	tcp_segment_now(sh, f, p, dir);
	if (overtaken) { /* what is newer stays what the next one is compared with */
		s->ip_id = id;
		s->tsval = tsval;
	}
	return f->state == FLOW_RESET && f->ext && f->ext->syn ? TCP_ANEW_BEHIND : TCP_GOES_ON;
}

enum tcp_next tcp_segment(struct shard *sh, struct flow *f, struct packet *p, unsigned dir)
{
	uint32_t len = p->paylen + p->paycut;

	if (is_next(f, p, dir, len)) {
		if (len && tcp_is_read(f, dir, len, false) && tcp_sum_is_wrong(sh, f, p, dir))
			p->time = f->last[dir];
		else
			next_segment(sh, f, p, dir, len);
		return TCP_GOES_ON;
	}
	if (!is_usual(f, p, dir, len))
		return strange_segment(sh, f, p, dir, len);
	if ((p->tcp_flags & TCP_SYN || tcp_is_read(f, dir, len, p->tcp_flags & TCP_FIN)) &&
		tcp_sum_is_wrong(sh, f, p, dir))
		p->time = f->last[dir];
	else
		tcp_segment_now(sh, f, p, dir);
	return TCP_GOES_ON;
}

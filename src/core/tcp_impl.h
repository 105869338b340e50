/*
 * tcp_impl.h - what the files that read TCP segments share: tcpstat.c (the segment),
 * tcp_handshake.c, tcp_loss.c and tcp_window.c.
 */
#ifndef TSUMARI_CORE_TCP_IMPL_H
#define TSUMARI_CORE_TCP_IMPL_H

#include "core/shard.h"

#define MS        1000000u
#define REORDER   (3 * MS) /* a hole filled within this (or the initial RTT) was reordering */
#define RTO_LEAST (200 * MS)
#define SEQ_REACH                                                                                  \
	(1 << 30) /* what is further ahead than the largest window is of no connection             \
		   */

static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline enum side side_of(const struct flow *f, unsigned dir)
{
	return dir == flow_client(f) ? SIDE_CLIENT : SIDE_SERVER;
}

static inline void stall(struct flow *f, enum ledger_entry entry, uint64_t from, uint64_t to)
{
	if (flow_session(f) && from && to > from)
		txn_stall(f->session, entry, from, to);
}

static inline void rtt_sample(struct flow *f, unsigned dir, uint64_t rtt)
{
	uint32_t v = rtt < UINT32_MAX - 1 ? (uint32_t)rtt : UINT32_MAX - 1;

	if (v < f->rtt_min[dir])
		f->rtt_min[dir] = v;
}

/* The window that a side offers, in bytes. */
static inline uint32_t window_of(
	const struct flow_side *s, const struct flow_side *o, const struct packet *p)
{
	bool scaled = s->wscale != 0xff && o->wscale != 0xff && !(p->tcp_flags & TCP_SYN);

	return (uint32_t)p->tcp_window << (scaled ? s->wscale : 0);
}

/* tcp_handshake.c: a segment with SYN. dir is the end that sent it. */
void tcp_on_syn(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* A SYN that is sent again comes later than its copy, and with a newer timestamp where it has one.
 */
bool tcp_is_duplicate_syn(const struct flow_side *s, const struct packet *p, uint64_t since);

/* tcp_loss.c: which kind of retransmission is a segment of bytes up to `end` that were sent before?
 */
void tcp_on_resent(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint32_t end);
/* A segment below what was seen sent already, into a missing range: reordered, or sent again. */
void tcp_on_filled(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);

/* tcp_window.c: the window that a segment with ACK offers. */
void tcp_on_window(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* Has the side sent all that the other's window lets it? */
static inline void tcp_fills_window(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *o = &f->side[!dir];
	struct ext_side *x;

	if (!o->window || seq_diff(f->side[dir].nxt, o->ack) < (int32_t)o->window)
		return;
	x = &flow_need_ext(sh, f)->side[dir];
	if (!x->full_since) {
		x->full_since = p->time;
		x->window_full++;
	}
}

#endif

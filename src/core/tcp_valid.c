/*
 * tcp_valid.c - segments that the receiver ignores, and so does everything here (RFC
 * 9293, 3.10.7.4; RFC 5961): outside the window, acknowledging what was never sent or nothing at
 * all, a reset that is not where the next byte is, a SYN on a connection that lives. They change
 * nothing and are counted.
 *
 * A capture that loses frames must not take what follows for such: what lies further ahead than
 * the window known lets it waits (its side's `doubt`) until the connection goes on there, or goes
 * on where it was. Windows are known where both SYNs were seen; else nothing but what no window can
 * hold is outside. A segment that acknowledges too much waits in early.c; what answers a first SYN
 * is looked at in tcp_handshake.c.
 */
#include "core/shard.h"
#include "core/tcp.h"
#include <stdlib.h>
#include <string.h>

#define SACK_MAX  32u        /* bytes of SACK blocks that fit into a header */
#define SYN_AGAIN (500 * MS) /* the least after which a SYN is sent again; sooner it is a copy */
/* Where the windows are not known: none is larger, and what is so far ahead waits. */
#define WIDEST_GUESS (1u << 26)
#define FAR_AHEAD    (1 << 20)
#define SYN_NEAR     65535u /* bytes that stand before their SYN */

struct waiting *waiting_new(struct shard *sh, const struct packet *p, unsigned dir)
{
	uint32_t sack = p->tcp_nsack * 8u < SACK_MAX ? p->tcp_nsack * 8u : SACK_MAX;
	struct waiting *w = xmalloc(sizeof(*w) + p->paylen + sack);

	w->next = NULL;
	w->p = *p;
	w->p.tcp_nsack = (uint8_t)(sack / 8);
	w->p.data = w->p.mac_src = w->p.mac_dst = NULL;
	w->p.flags &= (uint16_t)~PACKET_MAC;
	w->p.owned = NULL;
	w->p.tcp_header = 0; /* it is not kept */
	w->dir = (uint8_t)dir;
	w->refuted = false;
	w->room = p->paylen + sack;
	if (p->paylen)
		memcpy(w->data, p->payload, p->paylen);
	w->p.payload = w->data;
	if (sack)
		memcpy(w->data + p->paylen, p->tcp_sack, sack);
	w->p.tcp_sack = w->data + p->paylen;
	sh->held_bytes += sizeof(*w) + w->room;
	return w;
}

void waiting_free(struct shard *sh, struct waiting *w)
{
	sh->held_bytes -= sizeof(*w) + w->room;
	free(w);
}

void tcp_outside(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct ext_side *e = &flow_need_ext(sh, f)->side[dir];

	if (!e->outside++)
		e->outside_frame = p->number;
}

/* The largest window that the side can offer. */
static uint32_t widest(const struct flow *f, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];

	if (!tcp_knows_scale(s, o))
		return WIDEST_GUESS;
	return 65535u << tcp_scale(s, o);
}

uint32_t tcp_may_ack(const struct flow *f, unsigned dir)
{
	const struct flow_side *s = &f->side[dir];

	if (!(s->flags & FS_ACK) || !tcp_knows_scale(s, &f->side[!dir]))
		return f->side[!dir].nxt + SEQ_REACH - 1;
	return s->ack + s->window;
}

/* Does it acknowledge what its side was never sent? What is ahead only has waited (early.c). */
static bool acks_outside(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	int32_t ahead;

	if (!(p->tcp_flags & TCP_ACK) || !(o->flags & FS_SEQ))
		return false;
	ahead = seq_diff(p->tcp_ack, o->nxt);
	if (ahead >= SEQ_REACH || (o->flags & FS_SYN && seq_diff(p->tcp_ack, o->isn) <= 0))
		return true;
	return s->flags & FS_ACK && seq_diff(s->ack, p->tcp_ack) > (int32_t)widest(f, dir);
}

enum fit { FITS, AHEAD, OUTSIDE };

/* Where a sequence number lies that is behind `nxt`, the highest one sent until now. */
static enum fit ahead_of(const struct flow *f, unsigned dir, uint32_t seq)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];

	if (seq_diff(seq, s->nxt) >= SEQ_REACH)
		return OUTSIDE;
	if (!(o->flags & FS_ACK) || !tcp_knows_scale(s, o))
		return seq_diff(seq, s->nxt) > FAR_AHEAD ? AHEAD : FITS;
	return seq_diff(seq, o->ack + o->window) > 0 ? AHEAD : FITS;
}

static enum fit seq_fits(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	uint32_t len = p->paylen + p->paycut;

	if (!(s->flags & FS_SEQ))
		return FITS;
	if (seq_diff(p->tcp_seq, s->nxt) > 0)
		return ahead_of(f, dir, p->tcp_seq);
	if ((s->flags & FS_SYN && seq_diff(p->tcp_seq, s->isn) < 0) ||
		seq_diff(o->flags & FS_ACK ? o->ack : s->nxt, p->tcp_seq) >
			(int32_t)widest(f, !dir))
		return OUTSIDE;
	/* The end of a stream that goes on; one before what was seen may be repeated. */
	if (p->tcp_flags & TCP_FIN && !(s->flags & FS_FIN) &&
		seq_diff(p->tcp_seq + len + 1, s->nxt) < 0)
		return OUTSIDE;
	return FITS;
}

/* A reset is where the receiver's next byte is: between what it has acknowledged and what was sent.
 */
static enum fit reset_fits(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	uint32_t least;

	if (!(s->flags & FS_SEQ))
		return FITS;
	if (seq_diff(p->tcp_seq, s->nxt) > 0)
		return ahead_of(f, dir, p->tcp_seq) == FITS ? AHEAD : OUTSIDE;
	least = s->flags & FS_SYN ? s->isn + 1 : s->nxt - widest(f, !dir);
	if (o->flags & FS_ACK)
		least = o->ack;
	return seq_diff(p->tcp_seq, least) < 0 ? OUTSIDE : FITS;
}

/* On a connection that lives it is the one it began with; where that was not seen, not far before
   the first of what was. */
static enum fit syn_fits(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir];

	if (f->state < FLOW_ESTABLISHED || !(s->flags & FS_SEQ))
		return FITS;
	return s->isn - p->tcp_seq <= (s->flags & FS_SYN ? 0 : SYN_NEAR) ? FITS : OUTSIDE;
}

static enum fit fits(const struct flow *f, const struct packet *p, unsigned dir)
{
	if (p->tcp_flags & TCP_RST)
		return reset_fits(f, p, dir);
	if (p->tcp_flags & TCP_SYN)
		return syn_fits(f, p, dir);
	/* Nothing but a SYN or a reset goes without an ACK. */
	if (!(p->tcp_flags & TCP_ACK) || acks_outside(f, p, dir))
		return OUTSIDE;
	return seq_fits(f, p, dir);
}

static void doubt(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_ext *x = flow_need_ext(sh, f);
	struct waiting *w = x->side[dir].doubt;

	if (w) {
		tcp_outside(sh, f, &w->p, dir);
		waiting_free(sh, w);
	}
	x->side[dir].doubt = waiting_new(sh, p, dir);
	x->waits |= WAITS_DOUBT;
}

/* The one in doubt counts after all, or never did. */
static void settle(struct shard *sh, struct flow *f, unsigned dir, bool counts)
{
	struct flow_ext *x = f->ext;
	struct waiting *w = x->side[dir].doubt;

	x->side[dir].doubt = NULL;
	if (!x->side[!dir].doubt)
		x->waits &= (uint8_t)~WAITS_DOUBT;
	if (w->p.time < flow_last(f))
		w->p.time = flow_last(f);
	if (counts)
		flow_segment(sh, f, &w->p, dir);
	else
		tcp_outside(sh, f, &w->p, dir);
	waiting_free(sh, w);
}

/* What p says of the segment of side `dir` that is in doubt. */
static void look_at_doubt(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned from, unsigned dir)
{
	struct packet *d = &f->ext->side[dir].doubt->p;
	int32_t ahead = seq_diff(p->tcp_seq, d->tcp_seq);

	if (p->order < d->order) /* one that had waited says nothing of what came behind it */
		return;
	if (p->time < d->time) {
		d->time = p->time;
		f->flags |= FLOW_TIMEBACK;
	}
	if (fits(f, d, dir) == FITS)
		settle(sh, f, dir, true);
	else if (p->tcp_flags & (TCP_RST | TCP_SYN) || !(p->tcp_flags & TCP_ACK))
		return;
	else if (from != dir && seq_diff(p->tcp_ack, d->tcp_seq) > 0)
		settle(sh, f, dir, !(d->tcp_flags & TCP_RST));
	else if (from != dir)
		return;
	else if (d->tcp_flags & TCP_RST || seq_fits(f, p, dir) == FITS)
		settle(sh, f, dir, false); /* it goes on as if nothing had been */
	else if (ahead > 0 && ahead < (int32_t)widest(f, !dir))
		settle(sh, f, dir, true);
}

bool tcp_ignores(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	enum fit fit;

	for (unsigned i = 0; i < 2; i++)
		if (f->ext && f->ext->side[i].doubt)
			look_at_doubt(sh, f, p, dir, i);
	fit = fits(f, p, dir);
	if (fit == FITS)
		return false;
	if (fit == AHEAD && sh->held_bytes <= sh->budget / 4)
		doubt(sh, f, p, dir);
	else
		tcp_outside(sh, f, p, dir);
	return true;
}

void tcp_end_doubt(struct shard *sh, struct flow *f)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct waiting *w = f->ext->side[i].doubt;

		/* Of a reset within the window nothing has shown that it was none. */
		if (w && w->p.tcp_flags & TCP_RST)
			f->side[i].nxt = w->p.tcp_seq;
		if (w)
			settle(sh, f, i, fits(f, &w->p, i) == FITS);
	}
}

/* A SYN on a connection that lives (RFC 5961, 4): it may be over on that side. */

enum tcp_syn tcp_on_other_syn(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_ext *x;

	if (f->state < FLOW_SYN_ACK || f->state >= FLOW_CLOSED)
		return TCP_SYN_NEW;
	x = flow_need_ext(sh, f);
	if (x->syn && x->syn->dir == dir && x->syn->p.tcp_seq == p->tcp_seq) {
		if (p->time - x->syn->p.time >= SYN_AGAIN && !x->syn->refuted)
			return TCP_SYN_NEW; /* sent again: nothing else came of that side */
		tcp_outside(sh, f, p, dir);
		return TCP_SYN_WAITS;
	}
	tcp_drop_syn(sh, f);
	x->syn = waiting_new(sh, p, dir);
	x->waits |= WAITS_SYN;
	return TCP_SYN_WAITS;
}

void tcp_drop_syn(struct shard *sh, struct flow *f)
{
	struct waiting *w = tcp_take_syn(f);

	if (w) {
		tcp_outside(sh, f, &w->p, w->dir);
		f->bytes[w->dir] += w->p.len;
		f->packets[w->dir]++;
		waiting_free(sh, w);
	}
}

struct waiting *tcp_take_syn(struct flow *f)
{
	struct waiting *w = f->ext ? f->ext->syn : NULL;

	if (w) {
		f->ext->syn = NULL;
		f->ext->waits &= (uint8_t)~WAITS_SYN;
	}
	return w;
}

bool tcp_begins_anew(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct waiting *w = f->ext->syn;
	uint32_t next = w->p.tcp_seq + 1;

	if (f->state == FLOW_RESET) /* which answered what the SYN was answered with */
		return true;
	if (dir != w->dir)
		return p->tcp_flags & (TCP_SYN | TCP_RST) && p->tcp_flags & TCP_ACK &&
		       seq_diff(p->tcp_ack, next) >= 0 &&
		       seq_diff(p->tcp_ack, next + w->p.paylen + w->p.paycut) <= 0;
	if (p->tcp_flags & (TCP_SYN | TCP_RST))
		return false;
	if (seq_fits(f, p, dir) == FITS && !acks_outside(f, p, dir)) {
		w->refuted = true; /* that side knows nothing of it */
		if (p->time - w->p.time >= EARLY_GRACE)
			tcp_drop_syn(sh, f);
		return false;
	}
	return p->tcp_seq - next < 65536;
}

bool tcp_began_anew(const struct flow *f)
{
	return f->ext && f->ext->syn && !f->ext->syn->refuted;
}

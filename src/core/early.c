/*
 * early.c - segments that stand in the capture before what they answer.
 *
 * Several queues, processors or interfaces give frames that are out of order by some microseconds:
 * an ACK before its data, an answer before its request. A segment that acknowledges bytes which
 * were not seen waits for them, and what comes behind it waits with it; only the missing bytes
 * overtake. When they do not come within a short time of the capture's clock or some frames, they
 * were lost in the capture, and everything goes on in the order in which it was captured.
 *
 * When the time is over is seen at the connection's next frame, at a tick, or at its end: none of
 * these depends on the number of workers.
 */
#include "core/early.h"
#include "core/copies.h"
#include "core/shard.h"
#include "core/tcp.h"
#include <stdlib.h>
#include <string.h>

#define EARLY_MAX       64u     /* segments of a connection that wait */
#define EARLY_BYTES_MAX 262144u /* and their bytes */

struct early {
	struct early *newer, *older; /* of the shard's connections that wait */
	struct flow *flow;
	struct waiting *first, *last;
	uint32_t n, bytes;
};

/* One past the last sequence number that the side is known to have sent without a missing byte. */
static uint32_t seen_to(const struct flow *f, unsigned dir)
{
	const struct ext_side *e = f->ext ? &f->ext->side[dir] : NULL;

	return e && e->hole_since ? e->expect : f->side[dir].nxt + (e && e->probing);
}

/* Is all that it acknowledges there, but for a segment whose checksum seemed wrong? It is whole
 * then. */
static bool has_doubtful(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct held *h = f->ext ? f->ext->side[!dir].doubtful : NULL;

	return h && h->lo == seen_to(f, !dir) && h->hi == p->tcp_ack;
}

static bool is_early(const struct flow *f, const struct packet *p, unsigned dir)
{
	int32_t ahead;

	if ((p->tcp_flags & (TCP_ACK | TCP_SYN)) != TCP_ACK || f->state == FLOW_RESET ||
		!(f->side[!dir].flags & FS_SEQ) ||
		(f->state == FLOW_SYN && !(f->side[dir].flags & FS_SEQ)) ||
		(!f->packets[!dir] && p->time - f->first > EARLY_GRACE) || /* it is not captured */
		(f->flags & FLOW_MIDWAY && tcp_before_capture(f, !dir)))
		return false;
	ahead = seq_diff(p->tcp_ack, seen_to(f, !dir));
	return ahead > 0 && ahead < SEQ_REACH && !has_doubtful(f, p, dir);
}

/*
 * Does it bring bytes that the first segment waits for, or stand before that in its own side's
 * stream, or begin a side whose segments came before it?
 */
static bool overtakes(
	const struct flow *f, const struct early *q, const struct packet *p, unsigned dir)
{
	const struct packet *first = &q->first->p;
	uint32_t end = p->tcp_seq + p->paylen + p->paycut + (p->tcp_flags & TCP_FIN ? 1 : 0);

	if (p->tcp_flags & TCP_SYN)
		return !(f->side[dir].flags & FS_SYN);
	if (end == p->tcp_seq || is_early(f, p, dir))
		return false;
	if (dir == q->first->dir)
		return seq_diff(end, first->tcp_seq) <= 0;
	return seq_diff(end, seen_to(f, dir)) > 0 && seq_diff(p->tcp_seq, first->tcp_ack) < 0;
}

static struct early *early_new(struct shard *sh, struct flow *f)
{
	struct early *q = xcalloc(1, sizeof(*q));

	q->flow = f;
	q->older = sh->early_last;
	if (sh->early_last)
		sh->early_last->newer = q;
	else
		sh->early_first = q;
	sh->early_last = q;
	flow_need_ext(sh, f)->early = q;
	f->ext->waits |= WAITS_EARLY;
	return q;
}

static void early_free(struct shard *sh, struct early *q)
{
	if (q->older)
		q->older->newer = q->newer;
	else
		sh->early_first = q->newer;
	if (q->newer)
		q->newer->older = q->older;
	else
		sh->early_last = q->older;
	q->flow->ext->early = NULL;
	q->flow->ext->waits &= (uint8_t)~WAITS_EARLY;
	free(q);
}

static void append(struct shard *sh, struct early *q, const struct packet *p, unsigned dir)
{
	struct waiting *w = waiting_new(sh, p, dir);

	if (q->last)
		q->last->next = w;
	else
		q->first = w;
	q->last = w;
	q->n++;
	q->bytes += w->room;
}

/* Takes out the one behind `before`; NULL: the first one. */
static struct waiting *take(struct early *q, struct waiting *before)
{
	struct waiting *w = before ? before->next : q->first;

	*(before ? &before->next : &q->first) = w->next;
	if (q->last == w)
		q->last = before;
	q->n--;
	q->bytes -= w->room;
	if (w->p.time < flow_last(q->flow)) /* what it answers was captured behind it */
		w->p.time = flow_last(q->flow);
	return w;
}

static void go_on(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	if (!tcp_ignores(sh, f, p, dir))
		flow_segment(sh, f, p, dir);
}

static void release(struct shard *sh, struct early *q, struct waiting *before)
{
	struct waiting *w = take(q, before);

	if (!tcp_was_copy(sh, q->flow, &w->p, w->dir))
		go_on(sh, q->flow, &w->p, w->dir);
	if (before)
		q->flow->rtt_time[w->dir] = 0;
	waiting_free(sh, w);
}

/* The one that need not wait any more: is there any? *before: the one before it. */
static bool find_ready(const struct early *q, struct waiting **before)
{
	*before = NULL;
	if (!is_early(q->flow, &q->first->p, q->first->dir))
		return true;
	for (struct waiting *w = q->first; w->next; w = w->next)
		if (overtakes(q->flow, q, &w->next->p, w->next->dir)) {
			*before = w;
			return true;
		}
	return false;
}

/* Those that need not wait any more; the last one of all takes the queue with it. */
static void settle(struct shard *sh, struct early *q)
{
	struct waiting *before;

	while (q->first && find_ready(q, &before))
		release(sh, q, before);
	if (!q->first)
		early_free(sh, q);
}

/*
 * Was what the first one acknowledges ever sent? Its side goes on from there, or the other one
 * does; or its side goes on as if it had not said so, or the other one has ended before it. now:
 * the segment that comes now, or NULL. Where nothing shows it and nothing more will (over), what
 * the window lets the other side send is believed.
 */
enum belief { SENT, NEVER_SENT, NOT_CLEAR };

static enum belief was_sent(
	const struct early *q, const struct packet *now, unsigned dir, bool over)
{
	const struct waiting *first = q->first;
	const struct packet *last = NULL;
	uint32_t ack = first->p.tcp_ack;

	for (const struct waiting *w = first->next; w || now; w = w ? w->next : NULL) {
		const struct packet *p = w ? &w->p : now;
		unsigned side = w ? w->dir : dir;

		if (!w)
			now = NULL;
		if (p->tcp_flags & (TCP_SYN | TCP_RST))
			over = true;
		else if (side == first->dir && p->tcp_flags & TCP_ACK)
			last = tcp_is_later(&first->p, p) ? p : last;
		else if (side != first->dir && seq_diff(p->tcp_seq, ack) >= 0)
			return SENT;
	}
	if (last)
		return seq_diff(last->tcp_ack, ack) >= 0 ? SENT : NEVER_SENT;
	if (q->flow->side[!first->dir].flags & FS_FIN)
		return NEVER_SENT;
	if (!over)
		return NOT_CLEAR;
	return seq_diff(ack, tcp_may_ack(q->flow, first->dir)) <= 0 ? SENT : NEVER_SENT;
}

/* What the first one waits for was lost, or it acknowledges what was never sent. */
static void give_up(struct shard *sh, struct flow *f, enum belief sent)
{
	struct early *q = f->ext->early;

	if (sent == SENT) {
		release(sh, q, NULL);
	} else {
		struct waiting *w = take(q, NULL);

		tcp_outside(sh, f, &w->p, w->dir);
		waiting_free(sh, w);
	}
	settle(sh, q);
}

static void give_up_due(
	struct shard *sh, struct flow *f, uint64_t time, const struct packet *now, unsigned dir)
{
	while (f->ext->early && f->ext->early->first->p.time + EARLY_GRACE <= time) {
		enum belief sent = was_sent(f->ext->early, now, dir, false);

		if (sent == NOT_CLEAR)
			break;
		give_up(sh, f, sent);
	}
}

static bool is_full(const struct shard *sh, const struct early *q)
{
	return q->n > EARLY_MAX || q->bytes > EARLY_BYTES_MAX || sh->held_bytes > sh->budget / 4;
}

bool early_hold(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct early *q;
	bool early;

	if (f->ext && f->ext->early)
		give_up_due(sh, f, p->time, p, dir);
	early = is_early(f, p, dir);
	q = f->ext ? f->ext->early : NULL;
	if (!q && !early)
		return false;
	if (!q)
		q = early_new(sh, f);
	if (q->first && overtakes(f, q, p, dir)) {
		go_on(sh, f, p, dir);
		/* When they came says nothing of a round trip to what acknowledged them before. */
		f->rtt_time[dir] = 0;
		settle(sh, q);
		return true;
	}
	append(sh, q, p, dir);
	while (f->ext->early && is_full(sh, f->ext->early))
		give_up(sh, f, was_sent(f->ext->early, NULL, 0, true));
	return true;
}

void early_flush(struct shard *sh, struct flow *f)
{
	while (f->ext && f->ext->early)
		give_up(sh, f, was_sent(f->ext->early, NULL, 0, true));
}

void early_tick(struct shard *sh, uint64_t now)
{
	for (struct early *q = sh->early_first, *next; q; q = next) {
		next = q->newer;
		give_up_due(sh, q->flow, now, NULL, 0);
	}
}

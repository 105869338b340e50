/*
 * tcp_load.c - bytes that wait in a queue on the path: the round trip is above its least while
 * they are under way. A link that cannot carry more than it does looks like this, and nothing else
 * does: a sender that pauses has nothing under way, and what is sent into a closed window stops.
 *
 * Beside the sender, its segments are acknowledged late. Beside the receiver (whose own ACKs come
 * at once) the sender's timestamps tell: a segment echoes what had arrived when it was sent (RFC
 * 7323, 4.3), and was under way for as long as that is old.
 */
#include "core/ledger.h"
#include "core/session.h"
#include "core/tcp.h"
#include "core/turns.h"
#include "core/txn.h"

#define QUEUED   (2 * MS) /* above five quarters of the least round trip */
#define TICK     MS       /* of the clocks that timestamps are made of, at least */
#define SEGMENTS 2        /* under way behind what is acknowledged; one may be a delayed ACK's */

/* `dir` sends, and what it has sent went slowly. */
static void load(const struct flow *f, unsigned dir, uint64_t from, uint64_t to, uint64_t rtt,
	uint64_t behind)
{
	struct session *s = flow_session(f);

	turns_load(f, side_of(f, dir), from, to, rtt, behind);
	if (!s)
		return;
	for (struct txn *t = s->first; t; t = t->next)
		ledger_load(t, side_of(f, dir), from, to, rtt, behind);
	for (struct txn *t = s->resting; t; t = t->next)
		ledger_load(t, side_of(f, dir), from, to, rtt, behind);
}

static bool is_long(uint64_t rtt, uint32_t least)
{
	return least != UINT32_MAX && rtt > (uint64_t)least + least / 4 + QUEUED;
}

void tcp_on_long_trip(const struct flow *f, const struct packet *p, unsigned dir, uint64_t rtt)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	int32_t segment = s->mss && o->mss ? (s->mss < o->mss ? s->mss : o->mss) : 1460;
	int32_t acked = seq_diff(p->tcp_ack, s->ack);

	/* Who does not read acknowledges late, too, and its window does not move on. */
	if (acked + (int32_t)(window_of(s, o, p) - s->window) < acked / 2)
		return;
	if (is_long(rtt, flow_rtt(f, !dir)) && seq_diff(o->nxt, p->tcp_ack) >= SEGMENTS * segment)
		load(f, !dir, p->time - rtt, p->time, rtt, rtt - flow_rtt(f, !dir));
}

bool tcp_was_under_way(const struct flow *f, const struct packet *p, unsigned dir)
{
	int32_t ticks = seq_diff(f->side[!dir].tsval, p->tcp_tsecr);
	uint64_t old;

	if (ticks <= 0 || !f->side[!dir].tsval || f->last[!dir] > p->time)
		return false;
	old = (uint64_t)ticks * TICK + (p->time - f->last[!dir]);
	if (is_long(old - TICK, flow_rtt(f, !dir)))
		load(f, dir, f->last[dir], p->time, old, 0);
	return true;
}

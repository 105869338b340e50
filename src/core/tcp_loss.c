/*
 * tcp_loss.c - segments of bytes that were sent before, or that fill a missing range:
 * retransmissions told apart from each other and from reordering, and the waiting that they ended.
 */
#include "core/tcp_impl.h"

/* The side's worst frame sent again is the one that was waited for the longest. */
static void note_resent(struct ext_side *e, const struct packet *p, uint64_t since)
{
	uint64_t waited = p->time > since ? p->time - since : 0;

	if (!e->resent_frame || waited > e->resent_worst) {
		e->resent_worst = waited;
		e->resent_frame = p->number;
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

/* A segment of bytes that were sent before: which kind of retransmission is it? */
void tcp_on_resent(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint32_t end)
{
	struct flow_side *o = &f->side[!dir];
	struct flow_ext *x;
	struct ext_side *e;
	enum side side = side_of(f, dir);
	uint32_t len = p->paylen + p->paycut;

	if (len <= 1 && o->flags & FS_ACK && p->tcp_seq == o->ack - 1)
		return; /* a keep-alive probe (RFC 9293, 3.8.4) */
	if (tcp_refused(f, p, dir, end))
		return;
	x = flow_need_ext(sh, f);
	e = &x->side[dir];
	e->retransmits++;
	e->resent += len;
	note_resent(e, p, o->dup_run >= 3 ? x->side[!dir].dup_since : f->last[dir]);
	note_again(e, p, len, f->last[dir]);
	f->rtt_time[dir] = 0;
	if (flow_session(f))
		txn_resent(f->session, side, len);
	if (o->flags & FS_ACK && seq_diff(o->ack, end) >= 0) {
		e->spurious++;
	} else if (o->dup_run >= 3) {
		e->fast++;
		stall(f, side == SIDE_CLIENT ? LEDGER_STALL_FAST_CLIENT : LEDGER_STALL_FAST_SERVER,
			x->side[!dir].dup_since, p->time);
	} else if (p->time - f->last[dir] >= RTO_LEAST) {
		e->rtos++;
		stall(f, side == SIDE_CLIENT ? LEDGER_STALL_RTO_CLIENT : LEDGER_STALL_RTO_SERVER,
			f->last[dir], p->time);
	} else {
		stall(f, side == SIDE_CLIENT ? LEDGER_STALL_FAST_CLIENT : LEDGER_STALL_FAST_SERVER,
			f->last[dir], p->time);
	}
}

/* A segment below what was seen sent already, into a hole: reordered, or sent again after a loss.
 */
void tcp_on_filled(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_ext *x = flow_need_ext(sh, f);
	struct ext_side *e = &x->side[dir];
	struct flow_side *o = &f->side[!dir];
	uint64_t waited = p->time - e->hole_since;
	uint64_t usual = 0;
	enum side side = side_of(f, dir);

	if (f->rtt_min[0] != UINT32_MAX)
		usual += f->rtt_min[0];
	if (f->rtt_min[1] != UINT32_MAX)
		usual += f->rtt_min[1];
	if (waited < (usual > REORDER || !usual ? (usual ? usual : REORDER) : REORDER) &&
		o->dup_run < 3) {
		e->out_of_order++;
		return;
	}
	e->retransmits++;
	e->resent += p->paylen + p->paycut;
	note_resent(e, p, e->hole_since);
	if (flow_session(f))
		txn_resent(f->session, side, p->paylen + p->paycut);
	if (o->dup_run >= 3 || waited < RTO_LEAST) {
		e->fast++;
		stall(f, side == SIDE_CLIENT ? LEDGER_STALL_FAST_CLIENT : LEDGER_STALL_FAST_SERVER,
			e->hole_since, p->time);
	} else {
		e->rtos++;
		stall(f, side == SIDE_CLIENT ? LEDGER_STALL_RTO_CLIENT : LEDGER_STALL_RTO_SERVER,
			e->hole_since, p->time);
	}
}

/*
 * tcp_handshake.c - what segments with SYN say: who is the client, what was offered, what had to be
 * sent again (RFC 9293, 3.5).
 */
#include "core/tcp_impl.h"

static void set_client(struct flow *f, unsigned dir)
{
	f->who = (uint8_t)((f->who & ~1u) | dir);
	f->flags |= FLOW_CLIENT;
}

void tcp_on_syn(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];

	if (p->tcp_opts & TCP_OPT_MSS)
		s->mss = p->tcp_mss;
	s->wscale = p->tcp_opts & TCP_OPT_WSCALE ? p->tcp_wscale : 0xff;
	if (p->tcp_opts & TCP_OPT_SACK_OK)
		s->flags |= FS_SACK;
	if (p->tcp_flags & TCP_ACK) {
		if (!(f->flags & FLOW_CLIENT))
			set_client(f, !dir);
		if (f->syn_ack && s->flags & FS_SYN) {
			struct flow_ext *e = flow_need_ext(sh, f);

			e->syn_ack_retries++;
			e->syn_ack_last = p->time;
			if (f->established) {
				e->aside = 1;
				if (!e->accept_since) {
					e->accept_since = f->established;
					e->accept_frame = p->number;
				}
			}
		}
		if (!f->syn_ack) {
			f->syn_ack = p->time;
			if (f->side[!dir].flags & FS_SYN)
				rtt_sample(f, !dir,
					p->time - (f->ext && f->ext->syn_last ? f->ext->syn_last
									      : f->first));
		}
		if (f->state < FLOW_SYN_ACK)
			f->state = FLOW_SYN_ACK;
	} else {
		set_client(f, dir);
		if (s->flags & FS_SYN && !f->syn_ack) {
			struct flow_ext *e = flow_need_ext(sh, f);
			uint64_t before = e->syn_last ? e->syn_last : f->first;

			e->syn_retries++;
			if (e->nsyn_gaps < SYN_GAPS_MAX && p->time >= before) {
				e->syn_frames[e->nsyn_gaps] = p->number;
				e->syn_gaps[e->nsyn_gaps++] = p->time - before;
			}
			e->syn_last = p->time;
		}
		if (f->state < FLOW_SYN)
			f->state = FLOW_SYN;
	}
	if (!(s->flags & FS_SYN)) {
		s->flags |= FS_SYN | FS_SEQ;
		s->isn = p->tcp_seq;
		s->nxt = p->tcp_seq + 1;
	}
}

bool tcp_is_duplicate_syn(const struct flow_side *s, const struct packet *p, uint64_t since)
{
	int32_t age =
		p->tcp_opts & TCP_OPT_TIMES && s->tsval ? seq_diff(p->tcp_tsval, s->tsval) : 0;

	if (!(s->flags & FS_SYN) || p->tcp_seq != s->isn || p->paylen + p->paycut)
		return false;
	return age < 0 || (age == 0 && since < 100 * MS && p->ip_id == s->ip_id);
}

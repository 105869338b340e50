/*
 * tcp_window.c - receive windows: closed ones, and the waiting until they open (RFC 9293, 3.8.6).
 */
#include "core/tcp_impl.h"

void tcp_on_window(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	uint32_t window = window_of(s, o, p);
	enum side side = side_of(f, dir);

	if (!window && !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))) {
		struct ext_side *e = &flow_need_ext(sh, f)->side[dir];

		if (!e->zero_since) {
			e->zero_windows++;
			e->zero_since = p->time;
			if (!e->zero_worst) /* none has ended yet */
				e->zero_frame = p->number;
		}
	} else if (f->ext && f->ext->side[dir].zero_since && window) {
		struct ext_side *e = &f->ext->side[dir];

		e->zero_time += p->time - e->zero_since;
		if (p->time - e->zero_since > e->zero_worst) {
			e->zero_worst = p->time - e->zero_since;
			e->zero_frame = p->number;
		}
		stall(f, side == SIDE_CLIENT ? LEDGER_STALL_ZERO_CLIENT : LEDGER_STALL_ZERO_SERVER,
			e->zero_since, p->time);
		e->zero_since = 0;
	}
	s->window = window;
	if (f->ext && f->ext->side[!dir].full_since &&
		seq_diff(o->nxt, p->tcp_ack) < (int32_t)window) {
		f->ext->side[!dir].full_time += p->time - f->ext->side[!dir].full_since;
		f->ext->side[!dir].full_since = 0;
	}
}

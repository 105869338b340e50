/*
 * tcp_window.c - receive windows: closed ones, and the waiting until they open (RFC 9293, 3.8.6).
 */
#include "core/shard.h"
#include "core/stream.h"
#include "core/tcp.h"

bool tcp_probes(struct flow *f, const struct packet *p, unsigned dir, bool next)
{
	struct ext_side *e = &f->ext->side[dir];

	e->probing = next && f->ext->side[!dir].zero_since && p->paylen + p->paycut == 1 &&
		     !e->hole_since;
	e->probe_caplen = p->paylen != 0;
	e->probe_byte = p->paylen ? *p->payload : 0;
	return e->probing;
}

void tcp_takes_probe(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	struct ext_side *e = &f->ext->side[dir];
	uint8_t byte = e->probe_byte;

	e->probing = false;
	s->nxt++;
	stream_deliver(sh, f, p, dir, &byte, e->probe_caplen, 1);
}

bool tcp_refused(const struct flow *f, const struct packet *p, unsigned dir, uint32_t end)
{
	const struct ext_side *e = f->ext ? &f->ext->side[dir] : NULL;

	return e && e->refused && p->tcp_seq - e->refused_from < e->refused &&
	       seq_diff(end, e->refused_from + e->refused) <= 0;
}

void tcp_refuses(struct flow *f, unsigned dir, uint32_t from)
{
	struct ext_side *e = &f->ext->side[!dir];
	uint32_t end =
		f->ext->side[dir].zero_since ? f->side[!dir].nxt : e->refused_from + e->refused;

	e->refused = seq_diff(end, from) > 0 ? end - from : 0;
	e->refused_from = from;
}

/* Since when the other end waited for the window: it was full before it was closed. */
static uint64_t closed_since(const struct flow *f, unsigned dir)
{
	uint64_t closed = f->ext->side[dir].zero_since, full = f->ext->side[!dir].full_since;
	uint64_t least = flow_rtt(f, !dir) != UINT32_MAX ? flow_rtt(f, !dir) : 0;

	return full && full + least + least / 2 + 5 * MS < closed ? full + least : closed;
}

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
		tcp_refuses(f, dir, p->tcp_ack);
	} else if (f->ext && f->ext->side[dir].zero_since && window) {
		struct ext_side *e = &f->ext->side[dir];

		e->zero_time += p->time - e->zero_since;
		if (p->time - e->zero_since > e->zero_worst) {
			e->zero_worst = p->time - e->zero_since;
			e->zero_frame = p->number;
		}
		stall(f, side == SIDE_CLIENT ? LEDGER_STALL_ZERO_CLIENT : LEDGER_STALL_ZERO_SERVER,
			closed_since(f, dir), p->time);
		e->zero_since = 0;
	}
	s->window = window;
	if (f->ext && f->ext->side[!dir].full_since &&
		seq_diff(o->nxt, p->tcp_ack) < (int32_t)window) {
		f->ext->side[!dir].full_time += p->time - f->ext->side[!dir].full_since;
		f->ext->side[!dir].full_from = f->ext->side[!dir].full_since;
		f->ext->side[!dir].full_since = 0;
		f->ext->side[!dir].full_until = p->time;
	}
}

/* What is longer than a round trip the receiver did not read, though its window was not quite
   closed: a sender waits with less than a segment (RFC 9293, 3.8.6.2.1). */
void tcp_on_opened(struct flow *f, const struct packet *p, unsigned dir)
{
	uint64_t least = flow_rtt(f, dir) != UINT32_MAX ? flow_rtt(f, dir) : 0;
	uint64_t back = flow_rtt(f, !dir) != UINT32_MAX ? flow_rtt(f, !dir) : 0;
	uint64_t from = f->ext->side[dir].full_from + least,
		 to = p->time - (back < p->time ? back : 0);

	if (to > from + least / 2 + 5 * MS)
		stall(f,
			side_of(f, dir) == SIDE_SERVER ? LEDGER_STALL_ZERO_CLIENT
						       : LEDGER_STALL_ZERO_SERVER,
			from, to);
}

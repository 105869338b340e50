/*
 * tcp_fastopen.c - data in the SYN (TCP Fast Open, RFC 7413).
 *
 * It is kept until the SYN/ACK tells how much of it the server took. That is delivered as having
 * come with the SYN. The rest was sent for nothing: the client sends it again once the connection
 * stands, which is no retransmission; but those bytes were first sent with the SYN, and waited for
 * the connection.
 */
#include "core/handshake.h"
#include "core/shard.h"
#include "core/stream.h"
#include "core/tcp.h"
#include <stdlib.h>
#include <string.h>

void tcp_fastopen_syn(struct shard *sh, struct flow *f, const struct packet *p)
{
	struct handshake *h = f->ext->handshake;
	struct fastopen *d = &h->fastopen;

	if (d->len)
		return; /* sent again */
	d->len = p->paylen + p->paycut;
	d->sent = *sent_latest(h);
	if (sh->held_bytes > sh->budget / 4) {
		counters_add(&sh->engine->counters, "tcp: no memory for data in a SYN", 1);
		return;
	}
	d->caplen = p->paylen;
	d->data = xmalloc(d->caplen + 1u);
	if (d->caplen)
		memcpy(d->data, p->payload, d->caplen);
	sh->held_bytes += d->caplen;
}

void tcp_fastopen_drop(struct shard *sh, struct handshake *h)
{
	struct fastopen *d = &h->fastopen;

	if (!d->data)
		return;
	sh->held_bytes -= d->caplen;
	free(d->data);
	d->data = NULL;
	d->caplen = 0;
}

/* The first n bytes came with the SYN that was answered. */
static void deliver(struct shard *sh, struct flow *f, uint32_t n)
{
	struct handshake *h = f->ext->handshake;
	struct fastopen *d = &h->fastopen;
	const struct sent_syn *taken = &h->syn[h->answered.which];
	struct stamp at = {d->sent.time, d->sent.frame, taken->time, taken->frame};

	if (n)
		stream_deliver_at(
			sh, f, flow_client(f), d->data, d->caplen < n ? d->caplen : n, n, &at);
	tcp_fastopen_drop(sh, h);
}

void tcp_fastopen_answer(struct shard *sh, struct flow *f, uint32_t ack)
{
	struct flow_side *c = &f->side[flow_client(f)];
	struct fastopen *d = &f->ext->handshake->fastopen;
	uint32_t acked = ack - (c->isn + 1);

	if (d->fate || acked > d->len)
		return;
	c->nxt = c->isn + 1 + acked;
	d->acked = acked;
	if (acked < d->len)
		return;
	d->fate = FASTOPEN_TAKEN;
	deliver(sh, f, acked);
}

void tcp_fastopen_established(struct shard *sh, struct flow *f, uint32_t seq)
{
	const struct flow_side *c = &f->side[flow_client(f)];
	struct handshake *h = f->ext->handshake;
	struct fastopen *d = &h->fastopen;

	if (!f->syn_ack) { /* it was not captured, but the client goes on from there */
		h->answered.which = (uint8_t)(sent_latest(h) - h->syn);
		tcp_fastopen_answer(sh, f, seq);
	}
	if (d->fate)
		return;
	d->fate = d->acked ? FASTOPEN_PARTLY : FASTOPEN_REFUSED;
	d->to = c->isn + 1 + d->len;
	f->ext->watch |= WATCH_FASTOPEN;
	deliver(sh, f, d->acked);
}

bool tcp_fastopen_unheard(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *c = &f->side[!dir];
	struct handshake *h = handshake_of(f);

	if (!h || !h->fastopen.len || side_of(f, dir) != SIDE_SERVER ||
		p->tcp_flags & (TCP_RST | TCP_SYN) || !(p->paylen + p->paycut) ||
		p->tcp_ack != c->isn + 1 + h->fastopen.len)
		return false;
	h->fastopen.unheard = true;
	f->ext->watch |= WATCH_UNHEARD;
	counters_add(&sh->engine->counters, "tcp: data whose SYN/ACK did not come", 1);
	return true;
}

void tcp_fastopen_heard(struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	struct ext_side *e = &f->ext->side[dir];

	if (!len || p->tcp_flags & TCP_SYN || side_of(f, dir) != SIDE_SERVER)
		return;
	f->ext->watch &= (uint8_t)~WATCH_UNHEARD;
	e->retransmits++;
	e->rtos++;
	e->resent += len;
	stall(f, LEDGER_STALL_RTO_SERVER, f->established, p->time);
}

void tcp_fastopen_again(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	const struct fastopen *d = &f->ext->handshake->fastopen;
	struct stamp at = {d->sent.time, d->sent.frame, p->time, p->number};
	uint32_t len = p->paylen + p->paycut,
		 n = d->to - p->tcp_seq < len ? d->to - p->tcp_seq : len;
	uint32_t have = n < p->paylen ? n : p->paylen;

	if (seq_diff(p->tcp_seq + len, d->to) >= 0)
		f->ext->watch &= (uint8_t)~WATCH_FASTOPEN;
	if (dir != flow_client(f) || seq_diff(p->tcp_seq, d->to) >= 0) {
		stream_deliver(sh, f, p, dir, p->payload, p->paylen, len);
		return;
	}
	stream_deliver_at(sh, f, dir, p->payload, have, n, &at);
	if (n < len)
		stream_deliver(sh, f, p, dir, p->payload + have, p->paylen - have, len - n);
}

/*
 * tcp_accept.c - a server that does not take a connection whose handshake the client has ended.
 *
 * It sends its SYN/ACK again after the ACK had time to arrive: the queue of connections that wait
 * for accept() is full and the ACK was dropped, or the server waits for the client's first bytes
 * (TCP_DEFER_ACCEPT of Linux). The first is proven where the client has said something meanwhile,
 * which is not acknowledged; where the server is one that speaks first; or where the SYN/ACK comes
 * twice, which a deferred one does once. Otherwise nobody waited.
 */
#include "core/handshake.h"
#include "core/tcp.h"
#include "core/txn.h"

#define GREETING (1000u * (uint64_t)MS) /* a server that speaks first does so soon */

static bool has_spoken(const struct flow_side *client)
{
	return seq_diff(client->nxt, client->isn + 1 + ((client->flags & FS_FIN) != 0)) > 0;
}

void tcp_accept_late(struct flow *f, const struct packet *p, unsigned dir)
{
	struct handshake *h = f->ext->handshake;
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	uint32_t rtt = handshake_rtt(f, !dir);

	/* What is more than a SYN/ACK says that it was taken. */
	if (s->flags & (FS_BARE_ACK | FS_SHORT | FS_FIN) || f->payload[dir] ||
		seq_diff(s->ack, o->isn + 1) > 0)
		return;
	/* It left before the ACK came. */
	if (rtt != UINT32_MAX && p->time - f->established <= rtt + rtt / 4)
		return;
	/* It may answer a SYN that was sent again for no need, as the path is so long. */
	if (h->answered.least != h->answered.last && h->nsyn_ack <= h->nsyn)
		return;
	f->ext->watch |= WATCH_ACCEPT;
	if (!h->since)
		h->since = f->established;
	if (!h->late++)
		h->late_frame = p->number;
	h->spoke |= has_spoken(o);
	h->queued |= h->spoke || h->late > 1 || registry_server_first(f->port[dir]);
	h->again = true;
	h->taken = p->time;
}

/* The server says something else: it has the connection. */
static void taken(struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	struct handshake *h = f->ext->handshake;

	f->ext->watch &= (uint8_t)~WATCH_ACCEPT;
	if (len && !h->spoke &&
		(p->time - h->taken <= GREETING || registry_server_first(f->port[dir])))
		h->queued = h->taken_late = true;
	if (h->queued && h->spoke && flow_session(f))
		txn_wait_accept(f->session, h->since, h->taken);
}

void tcp_accept_watch(struct flow *f, const struct packet *p, unsigned dir, uint32_t len)
{
	struct handshake *h = f->ext->handshake;

	if (p->tcp_flags & (TCP_SYN | TCP_RST))
		return;
	if (side_of(f, dir) == SIDE_SERVER) {
		taken(f, p, dir, len);
		return;
	}
	if (len && !h->spoke) {
		/* So far it had nothing to say, and did not wait. */
		h->spoke = true;
		h->queued = false;
		h->late = 0;
		h->late_frame = 0;
		h->since = p->time;
	}
	if (h->again || h->spoke)
		h->taken = p->time;
	h->again = false;
}

void tcp_accept_never(struct flow *f)
{
	struct handshake *h = f->ext->handshake;

	if (f->ext->watch & WATCH_ACCEPT && h->queued && h->spoke && flow_session(f))
		txn_wait_accept(f->session, h->since, h->taken);
}

/*
 * datagrams.h - datagrams (UDP, SCTP, ICMP) that were captured more than once: by two ports of a
 * bridge, before and behind a router, on two VLANs, in a tunnel, on both sides of address
 * translation.
 *
 * For the thread that reads the capture, as twins.h, so that the same copies are found for any
 * number of workers. A copy is marked (PACKET_COPY) and gets the key of the datagram that was seen
 * first; so do those that go the same way afterwards.
 *
 * Those whose port belongs to an application are always looked at, others near the beginning of the
 * capture, where there are copies, and now and then. Bounded: 4,096 datagrams of the last 100 ms,
 * 1,024 pairs of ends with another key.
 *
 * A short one of an application whose checksum is wrong is marked, too (PACKET_BAD_SUM), where its
 * sender's were right before and none is left to an adapter. Bounded: 1,024 senders.
 */
#ifndef TSUMARI_CORE_DATAGRAMS_H
#define TSUMARI_CORE_DATAGRAMS_H

#include "core/aliases.h"

#define DATAGRAMS_PORTS 4096u

struct seen;

struct datagrams {
	bool all;      /* datagrams of any port are looked at, for this many more; */
	uint32_t left; /* else so many are not */
	bool certain;  /* the same was captured twice on one way: its identification showed it */
	struct aliases aliases;
	struct seen *seen;           /* NULL: none yet */
	struct sender *sender;       /* NULL: none yet */
	bool ports[DATAGRAMS_PORTS]; /* applications' ports; others may have the same place */
};

void datagrams_init(struct datagrams *d, const struct engine_config *c);
void datagrams_release(struct datagrams *d);

void datagrams_look(struct datagrams *d, struct packet *k, struct counters *counts);
void datagrams_turn(struct datagrams *d); /* over to looking at all, or back */

static inline unsigned datagrams_port(const struct datagrams *d, unsigned port)
{
	return d->ports[port % DATAGRAMS_PORTS];
}

/* A packet that is no TCP segment, and has its key. */
static inline void datagrams_packet(struct datagrams *d, struct packet *k, struct counters *counts)
{
	if (!(k->flags & (PACKET_UDP | PACKET_SCTP | PACKET_ICMP)))
		return;
	if ((unsigned)d->all | datagrams_port(d, k->sport) | datagrams_port(d, k->dport) |
		k->taught)
		datagrams_look(d, k, counts);
	if (!--d->left)
		datagrams_turn(d);
}

#endif
